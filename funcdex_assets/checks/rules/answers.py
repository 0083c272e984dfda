"""Rules about what an answer leaves out of what was asked: a part of the request, a person, an attribute.

Belongs here: requests and questions without an answer. How many there are is in `listings.py`, what a report leaves out
of one thing in `details.py`, what it says too much in `overclaims.py`; invented values and hidden failures are in
`results.py`. The rules read English, and are silent in other languages.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from funcdex_assets.checks.number_words import read_number_words
from funcdex_assets.checks.rules.case import Case, Turn, find_field_name, is_empty_result
from funcdex_assets.checks.rules.citations import cites_results, is_citable, names_person, tells_value
from funcdex_assets.checks.rules.field_values import is_number, read_meaning
from funcdex_assets.checks.rules.requests import (
    find_clause,
    is_asking,
    is_reading,
    join_answers,
    names_subject,
    split_clauses,
)
from funcdex_assets.checks.rules.sentences import SAYS_NOTHING, drop_quotes
from funcdex_assets.checks.rules.things import iterate_good_calls, list_argument_scalars
from funcdex_assets.environment.executor import is_acknowledgement
from funcdex_assets.records.conversation import Finding
from funcdex_assets.records.message import ToolCall
from funcdex_assets.schema.words import split_words, to_singular
from funcdex_assets.semantics.field_roles import is_page_token
from funcdex_assets.semantics.tool_names import is_id, parse_tool_name
from funcdex_assets.semantics.vocabulary import PERSON_NOUNS, READING_ACTIONS

_WHO = r"(?:who|whose|who's|who’s|whom)\b"
_ASKS_WHO = re.compile(
    rf"(?:^\W*|[,;:(–—]\s*|\b(?:and|or|but|see|know|me|us|out|tell|show|check|about|of|to|by|with|for|on|at|from|is|decide"
    rf"|remember|wonder|wondering|so|hi|hello|hey|also|ok|okay|then|please|exactly|again|idea|list|well)\s+){_WHO}",
    re.IGNORECASE,
)
"""Matches a question for a person: "who", "tell me who"; not "the colleague who"."""
_WHO_DOES_WHAT = re.compile(r"\bwho(?:ever)? does what\b", re.IGNORECASE)
_NOBODY = re.compile(
    r"\b(?:nobody|no one|no-one|none|not anyone|only you|just you|you are|you're|yourself)\b", re.IGNORECASE
)
_ATTRIBUTE = re.compile(
    r"\b(?:what|which|what's|whats|is|are|was|were|its|their|with its|how)\b(?P<words>[^.?!;]{2,60})", re.IGNORECASE
)
_PARTS_OF_PERSON = frozenset("name email displayname emailaddress username fullname".split())
_PLACES_OF_PEOPLE = PERSON_NOUNS | {"contact", "member", "participant", "from", "to"}
_BOTH = re.compile(
    r"^\W*(?:yes,? )?(?:both|all of (?:them|these|those)|all (?:two|three|four))\b[^.?!]{0,20}[.!]?\s*$", re.IGNORECASE
)
_LINK_READY = re.compile(
    r"\b(?:link|url) is (?:ready|there|set up|here)\b"
    r"|\bhere(?:'s|’s| is) (?:the|your|his|her|their) (?:link|url)\b",
    re.IGNORECASE,
)
_MAKES_AN_EXCEPTION = re.compile(r"n[’']t\b|\b(?:not|only|but|except|however|still|unfortunately)\b", re.IGNORECASE)


def unanswered_part(case: Case) -> Iterator[Finding]:
    """A look-up that the user asked for and is not told of: nothing that it found is named, nor that it found nothing.

    A look-up that only serves a later call is told by what came of that, unless the user spoke of its things.
    """
    for turn in case.turns if case.is_english else ():
        last = case.messages[turn.end - 1]
        if last.role != "assistant" or last.tool_calls:
            continue
        for index, call, text in _iterate_lookups(case, turn):
            clause = find_clause(case, turn, call)
            if clause is None or not is_asking(clause) or not _has_news(case, index):
                continue
            if _serves_later_call(case, index, turn) and not names_subject(clause, call, _find_toolkit(case, call)):
                continue
            is_told_empty = is_empty_result(_get_content(case, index)) and SAYS_NOTHING.search(text)
            is_told = (
                cites_results(case, text, [index])
                or any(names_person(text, person, clause) for person in _list_people(case, index, call))
                or _tells_flag_or_words(case, index, text)
            )
            if not is_told and not is_told_empty:
                yield Finding(
                    rule="unanswered_part",
                    message=turn.end - 1,
                    text=f"{clause[:80]!r} was asked, and nothing that {call.name} found is told",
                )


def _iterate_lookups(case: Case, turn: Turn) -> Iterator[tuple[int, ToolCall, str]]:
    """Yields (message, call, all that is said after it) of each look-up of a turn that worked and was spoken after."""
    for index, call, _ in iterate_good_calls(case):
        if turn.start <= index < turn.end and is_reading(call) and (text := join_answers(case, turn, index)):
            yield index, call, text


def _tells_flag_or_words(case: Case, index: int, text: str) -> bool:
    """True if a text tells a flag of a result, as in "yes, it's locked", or a number of it in words."""
    words, numbers = set(split_words(text)), read_number_words(text)
    for pointer, value in case.result_values[index]:
        if isinstance(value, bool):
            flag_words = set(split_words(find_field_name(pointer))) - {"is", "has", "enabled"}
            if flag_words and flag_words <= words:
                return True
        elif is_number(value) and (value in numbers or value / 100 in numbers):
            return True
    return False


def _get_content(case: Case, index: int) -> Any:
    result = case.messages[index].result
    return result.content if result else None


def _find_toolkit(case: Case, call: ToolCall) -> str:
    tool = case.tools.get(call.name)
    return tool.toolkit.replace("google", "google ") if tool else ""


def _has_news(case: Case, index: int) -> bool:
    """True if a result has a value that a reply could name, and says more than that the call was carried out."""
    return not is_acknowledgement(_get_content(case, index)) and any(
        is_citable(value) and not is_id(find_field_name(pointer)) and not is_page_token(find_field_name(pointer))
        for pointer, value in case.result_values[index]
    )


def _serves_later_call(case: Case, index: int, turn: Turn) -> bool:
    """True if a later call of the turn takes a value from a result, or acts after it."""
    shown = {str(value) for pointer, value in case.result_values[index] if len(str(value)) > 2}
    return any(
        parse_tool_name(call.name).action not in READING_ACTIONS
        or not shown.isdisjoint(str(value) for _, value in list_argument_scalars(call))
        for at in range(index + 1, turn.end)
        for call in case.messages[at].tool_calls
    )


def unanswered_question(case: Case) -> Iterator[Finding]:
    """A question for a person or for an attribute, and an answer that has neither.

    Any person of any look-up that the question led to is an answer, and so is that there is nobody. An attribute is one
    that a result has under a word of the question; of a state the finding does not block, for people paraphrase them.
    """
    for turn in case.turns if case.is_english else ():
        lookups = [(*lookup, find_clause(case, turn, lookup[1])) for lookup in _iterate_lookups(case, turn)]
        unnamed = list(_find_unnamed_people(case, turn, lookups))
        yield from (finding for _, finding in unnamed)
        yield from _find_untold_words(case, turn, lookups)
        for index, call, text, clause in lookups:
            if clause is None or not is_asking(clause) or clause in [other for other, _ in unnamed]:
                continue
            missing = _find_untold_attribute(case, index, call, clause, text)
            if missing and cites_results(case, text, [index]):
                yield Finding(
                    rule="unanswered_question",
                    message=turn.end - 1,
                    blocking=read_meaning(missing.replace(" ", "_"), "x").role != "state",  # people paraphrase states
                    text=f"{clause[:80]!r} asks for {missing}, which {call.name} has and the answer leaves out",
                )


def _find_untold_words(
    case: Case, turn: Turn, lookups: Sequence[tuple[int, ToolCall, str, str | None]]
) -> Iterator[Finding]:
    """Yields a finding where somebody's words were asked for, and the answer has none and does not say that none are.

    A word counts if it is longer, stands in a text of a result, and not in the question.
    """
    request = case.speech[turn.start]
    clause = next((part for part in split_clauses(request) if _ASKS_FOR_WORDS.search(drop_quotes(part))), None)
    if clause is None or not lookups:
        return
    text = lookups[-1][2]
    own = str(case.situation.persona.name).split(" ")[0].lower()
    words = {
        word
        for index, *_ in lookups
        for pointer, value in case.result_values[index]
        if isinstance(value, str) and read_meaning(find_field_name(pointer), value).role == "text"
        for word in _LONGER_WORD.findall(value.lower())
    } - {own, *_LONGER_WORD.findall(request.lower())}
    if words and not words & set(_LONGER_WORD.findall(text.lower())) and not _NO_WORDS.search(text):
        yield Finding(
            rule="unanswered_question",
            message=turn.end - 1,
            text=f"{clause[:80]!r} asks for words, and the answer has none of them",
        )


_SPOKE = r"(?:said|say|written|write|answered|answer|replied|reply)"
_SOMEBODY = r"(?!I\b|we\b|you\b)[^?]{1,40}"
_ASKS_FOR_WORDS = re.compile(
    rf"\bwhat (?:did|does|has|have) {_SOMEBODY}\b{_SPOKE}\b|^\W*(?:has|have|did) {_SOMEBODY}\b{_SPOKE}\b[^?]*\?",
    re.IGNORECASE,
)
_LONGER_WORD = re.compile(r"[^\W\d_]{4,}")
_NO_WORDS = re.compile(
    r"\b(?:nothing|no (?:word|reply|answer|message|news)|not (?:yet|so far)|hasn['’]t|has not"
    r"|haven['’]t (?:heard|got))\b",
    re.IGNORECASE,
)


def _find_unnamed_people(
    case: Case, turn: Turn, lookups: Sequence[tuple[int, ToolCall, str, str | None]]
) -> Iterator[tuple[str, Finding]]:
    """Yields (clause, finding) for each question for a person that is answered without any.

    A look-up of which it is not clear what it answers may have the person too.
    """
    clauses = [clause for _, _, _, clause in lookups if clause] + split_clauses(case.speech[turn.start])
    for clause in dict.fromkeys(clauses):
        if not _ASKS_WHO.search(drop_quotes(clause)) or _WHO_DOES_WHAT.search(clause):
            continue
        asked = [(index, call, text) for index, call, text, other in lookups if other in (clause, None)]
        people = {person: call for index, call, _ in asked for person in _list_people(case, index, call)}
        text = asked[0][2] if asked else ""
        if people and not _NOBODY.search(text) and not any(names_person(text, person) for person in people):
            person = min(people)
            text = f"{clause[:80]!r} is answered without a name, and {people[person].name} has {person!r}"
            yield clause, Finding(rule="unanswered_question", message=turn.end - 1, text=text)


def _list_people(case: Case, index: int, call: ToolCall) -> set[str]:
    """The names and addresses of people in a result, but for those that the call was asked about."""
    asked = {str(value).lower() for _, value in list_argument_scalars(call)}
    people: set[str] = set()
    for holder, pointer, noun in case.result_objects[index]:
        place = _list_place_words("/".join(step for step in pointer.split("/") if not step.isdigit()))
        has_address = any(isinstance(value, str) and "@" in value for value in holder.values())
        is_person = bool(place & _PLACES_OF_PEOPLE) or noun in PERSON_NOUNS or has_address
        for key, value in holder.items():
            words = split_words(key)
            plain = "".join(words)
            of_person = bool(set(words) & PERSON_NOUNS) or plain in ("from", "owner", "assignee")
            for leaf in value if isinstance(value, list) else (value,):
                is_name = (is_person and plain in _PARTS_OF_PERSON) or of_person
                if isinstance(leaf, str) and leaf and (is_name or "@" in leaf) and not is_id(key):
                    people.add(leaf)
    return {person for person in people if person.lower() not in asked}


@lru_cache(1024)
def _list_place_words(pointer: str) -> frozenset[str]:
    """The words of a pointer, in the singular."""
    return frozenset(to_singular(word) for word in split_words(pointer))


def _find_untold_attribute(case: Case, index: int, call: ToolCall, clause: str, text: str) -> str | None:
    """Returns the field that a question names, whose values are all missing in the answer."""
    match = _ATTRIBUTE.search(drop_quotes(clause))
    if match is None:
        return None
    asked = {to_singular(word) for word in split_words(match["words"])}
    own = {*parse_tool_name(call.name).words, *map(to_singular, split_words(_find_toolkit(case, call)))}
    arguments = {to_singular(word) for name in call.arguments for word in split_words(name)}
    values: dict[str, list[tuple[str, Any]]] = {}
    for pointer, value in case.result_values[index]:
        for step in pointer.split("/")[1:]:
            if step.isdigit():
                continue
            words = {to_singular(word) for word in split_words(step)}
            is_kind_of_thing = words == {"email"} and not _NAMES_ADDRESS.search(clause)  # "which emails", not whose
            is_named = bool(words) and words <= asked and not words <= own and not words & arguments
            is_named = is_named and not is_kind_of_thing
            if is_named and not words <= {"name", "title", "id"}:
                values.setdefault(step, []).append((pointer, value))
    for name, fields in values.items():
        tellable = [
            (pointer, value) for pointer, value in fields if is_citable(value) and not is_id(find_field_name(pointer))
        ]
        if tellable and not any(tells_value(case, text, pointer, value) for pointer, value in tellable):
            return " ".join(split_words(name))
    return None


_NAMES_ADDRESS = re.compile(r"\be-?mail(?: address\b|\b(?! \w))|\be-?mails? (?:of|for)\b", re.IGNORECASE)


def half_done(case: Case) -> Iterator[Finding]:
    """One of several is dealt with, though the user said "both" or "all of them".

    Or a link is said to be ready, and is not given.
    Let pass is one call for several things, and a reply that says what was not done.
    """
    for turn in case.turns if case.is_english else ():
        acts = [
            call
            for index in range(turn.start, turn.end)
            for call in case.messages[index].tool_calls
            if parse_tool_name(call.name).action not in READING_ACTIONS
        ]
        request = case.speech[turn.start]
        text = case.speech[turn.end - 1] if case.messages[turn.end - 1].role == "assistant" else ""
        is_one = len(acts) == 1 and not _acts_on_several(acts[0])
        if _BOTH.match(request) and is_one and not _MAKES_AN_EXCEPTION.search(text):
            yield Finding(
                rule="half_done",
                message=turn.end - 1,
                text=f"{request[:40]!r} was said, and only {acts[0].name} was called, once",
            )
        links = [
            value
            for index in range(turn.start, turn.end)
            for _, value in case.result_values.get(index, ())
            if isinstance(value, str) and "://" in value
        ]
        match = _LINK_READY.search(text) if links else None
        if match and "://" not in text and not any(link.partition("://")[2].rstrip("/") in text for link in links):
            yield Finding(
                rule="half_done", message=turn.end - 1, text=f"{match[0]!r} is said, and the link is not given"
            )


def _acts_on_several(call: ToolCall) -> bool:
    """True if one call deals with several things: a list of them, or all that there are."""
    values = call.arguments.values() if isinstance(call.arguments, dict) else ()
    return any(isinstance(value, list) and len(value) > 1 for value in values) or bool(
        {"all", "bulk", "batch", "many"} & set(split_words(call.name))
    )
