"""Rules about what the assistant takes upon itself, and what it asks: a choice among several, a question, a delay.

Belongs here: references of the user to one of several things, and questions back. Values that come from nowhere are in
`calls.py`.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from funcdex_assets.checks.rules.case import Case, Turn, find_field_name
from funcdex_assets.checks.rules.requests import find_request, list_answers
from funcdex_assets.records.conversation import ArgumentSource, Finding
from funcdex_assets.records.message import ToolCall
from funcdex_assets.schema.json_pointers import at_pointer, list_scalars
from funcdex_assets.schema.references import schema_at
from funcdex_assets.schema.words import split_words, to_plural, to_singular
from funcdex_assets.semantics.tool_names import is_id, parse_last_noun, parse_tool_name
from funcdex_assets.semantics.vocabulary import PERSON_NOUNS, READING_ACTIONS

_ORDINAL = (
    r"(?:first|second|third|fourth|fifth|sixth|last|latter|former|top|next|1st|2nd|3rd|\d+th|newest|oldest|latest|earliest|"
    r"biggest|largest|smallest|cheapest|most recent|upcoming|other|only|one|two|three|both|all|each|every|any|either)"
)
_PICKS = re.compile(
    r"\b(?:latest|newest|oldest|earliest|most recent|next|upcoming|last|biggest|largest|smallest|cheapest|both|all|each|every|any|either|whichever|overdue|unread)\b",
    re.IGNORECASE,
)
_CHOOSES = re.compile(r"\b(?:which (?:one|of)|\bor\b[^.?!]*\?|both of them|either)\b", re.IGNORECASE)
_FACETS = frozenset("name title subject summary email phone address number date time link text status".split())


def silent_choice(case: Case) -> Iterator[Finding]:
    """One of several things that is taken without anybody saying which: "that file", a name that two people have, or one
    that the reply does not even name.

    Said which is: by its position right before the noun, a word that only this thing has, or a choice such as "the
    latest"; or it was the one thing that was spoken of last, or all of them are taken. Words that only another one has
    make it the wrong one.
    """
    reported: set[str] = set()
    for source, index, call in _iterate_sources_in_results(case):
        choice = _find_choice(case, source)
        turn = next((turn for turn in case.turns if turn.start <= index < turn.end), None)
        if choice is None or choice.listed_at >= index or turn is None or call.id in reported:
            continue
        item = choice.items[choice.position]
        if _was_spoken_of(case, item, choice.listed_at, index) or _are_all_taken(case, call, choice.items, turn):
            continue
        if reason := _explain_silent_choice(case, source, call, choice, turn):
            reported.add(call.id)
            yield Finding(
                rule="silent_choice", message=index, place=source.argument, text=f"{call.id} {call.name}: {reason}"
            )


class _Choice(NamedTuple):
    """The list of several things that a value was taken out of."""

    listed_at: int
    pointer: str
    items: Sequence[Any]
    position: int


def _explain_silent_choice(
    case: Case, source: ArgumentSource, call: ToolCall, choice: _Choice, turn: Turn
) -> str | None:
    """Says why a choice is nobody's; None if somebody made it."""
    said = " ".join(case.speech[at] for at in _list_user_messages(case, choice.listed_at, turn))
    noun = parse_last_noun(find_field_name(choice.pointer))
    nouns = {noun, *_find_nouns(call), *_find_facet(source)}
    reference = _find_reference({*nouns} - {""}, case.speech[turn.start])
    where = f"{len(choice.items)} in message {choice.listed_at}"
    if reference is not None:
        identified = _is_identified(said, reference, {*nouns, noun}, choice)
        return None if identified else f"{reference!r} may be any of {where}, and nobody said which"
    if _PICKS.search(said) or re.search(
        rf"\bthe {_ORDINAL} \w+|\b{_ORDINAL} of (?:them|those|these)\b", said, re.IGNORECASE
    ):
        return None
    words = [_list_item_words(item) for item in choice.items]
    shared = _list_content_words(said)
    own = words[choice.position]
    others = [item_words for number, item_words in enumerate(words) if number != choice.position]
    only_own = (own & shared) - frozenset().union(*others)
    meant = [
        number
        for number, item_words in enumerate(others)
        if (item_words & shared) - own - frozenset().union(*(other for at, other in enumerate(others) if at != number))
    ]
    acts = parse_tool_name(call.name).action not in READING_ACTIONS
    is_own_identifier = is_id(find_field_name(source.pointer or ""))
    if not only_own and len(meant) == 1 and acts and is_own_identifier:
        return f"{sorted(others[meant[0]] & shared - own)[0]!r} is of another one of {where}"
    is_person = noun in PERSON_NOUNS | {"contact", "person", "people"}
    if (
        not only_own
        and (own & shared)
        and any(own & shared == other & shared for other in others)
        and (acts or is_person)
    ):
        return f"{sorted(own & shared)[0]!r} fits several of {where}, and nobody said which"
    is_told = any(
        str(value).lower() in " ".join(text for _, text in list_answers(case, turn, turn.start)).lower()
        for value in item_texts(choice.items[choice.position])
    )
    if (
        not (own & shared)
        and acts
        and is_own_identifier
        and parse_tool_name(call.name).action in ("create", "send")
        and not is_told
        and noun not in ("slot",)
    ):
        return f"the first that fits of {where} is taken, which nobody chose and the reply does not name"
    return None


def item_texts(item: Any) -> list[str]:
    """The texts and names of a thing, without its identifiers."""
    return [
        str(value)
        for pointer, value in list_scalars(item)
        if isinstance(value, str)
        and len(value) > 2
        and (not is_id(find_field_name(pointer)) or "key" in find_field_name(pointer))
    ]


def _iterate_sources_in_results(case: Case) -> Iterator[tuple[ArgumentSource, int, ToolCall]]:
    """Yields each argument that came from a result, with the message and the call that it is of."""
    calls = {call.id: (index, call) for index, message in enumerate(case.messages) for call in message.tool_calls}
    for source in case.provenance:
        if source.source == "result" and source.pointer and source.call_id in calls:
            yield source, *calls[source.call_id]


def _find_choice(case: Case, source: ArgumentSource) -> _Choice | None:
    """Returns the list of several things that a value was taken out of."""
    for index, call in case.calls_by_result.items():
        result = case.messages[index].result
        if call.id != source.from_call or result is None:
            continue
        steps = (source.pointer or "").split("/")
        for depth in range(len(steps) - 1, 0, -1):
            if steps[depth].isdigit():
                pointer = "/".join(steps[:depth])
                items = at_pointer(result.content, pointer)
                if isinstance(items, list) and len(items) > 1 and isinstance(items[0], dict):
                    return _Choice(index, pointer, items, int(steps[depth]))
    return None


def _list_user_messages(case: Case, listed_at: int, turn: Turn) -> list[int]:
    """The user messages from the one before a listing up to that of the turn."""
    starts = [other.start for other in case.turns if other.start <= turn.start]
    before = max((start for start in starts if start < listed_at), default=turn.start)
    return [start for start in starts if start >= before]


def _find_nouns(call: ToolCall) -> set[str]:
    name = parse_tool_name(call.name)
    return {name.noun} if name.action not in ("create", "send") else set()


def _find_facet(source: ArgumentSource) -> set[str]:
    """The noun of the field that a value was taken from, where a user may speak of it: "that name"."""
    return set(split_words(find_field_name(source.pointer or ""))) & _FACETS


def _find_reference(nouns: set[str], text: str) -> str | None:
    """Returns the words by which the user refers to one thing of these nouns: "that file", "the range"."""
    for noun in sorted(nouns):
        pattern = rf"\b(?:that|this|the|its|said) (?:\w+ ){{0,2}}?{re.escape(noun)}\b(?!s)"
        if match := re.search(pattern, text, re.IGNORECASE):
            return match[0]
    return None


def _is_identified(text: str, reference: str, nouns: set[str], choice: _Choice) -> bool:
    """True if a text says which of several things is meant."""
    heads = "|".join(re.escape(form) for noun in nouns if noun for form in (noun, to_plural(noun)))
    if re.search(rf"\b{_ORDINAL} (?:\w+ )?(?:{heads}|one|ones|of (?:them|those|these))\b", text, re.IGNORECASE):
        return True
    if re.search(rf"{re.escape(reference)} of the {_ORDINAL}\b", text, re.IGNORECASE):
        return True
    if re.search(rf"\b{_ORDINAL}\b", reference, re.IGNORECASE) or _PICKS.search(text):
        return True
    words = [_list_item_words(item) for item in choice.items]
    others = [item_words for number, item_words in enumerate(words) if number != choice.position]
    return bool(_list_content_words(text) & (words[choice.position] - frozenset().union(*others)))


@lru_cache(2048)
def _list_content_words(text: str) -> frozenset[str]:
    """The words of a text that tell things apart, in the singular."""
    return frozenset(
        to_singular(word)
        for word in re.findall(r"[^\W_]{2,}", text.lower())
        if word not in _SMALL_WORDS and not (word.isdigit() and len(word) < 4)
    )


def _list_item_words(item: Any) -> frozenset[str]:
    return _list_content_words(" ".join(str(value) for _, value in list_scalars(item)))


_SMALL_WORDS = frozenset(
    "the an and or of for to in on at by with from about into that this it its is are was be as my our me us you your his her their them they "
    "please can could would will do does did has have had get give show find list send make add new one two any all more no not yes so then "
    "now just also after before up out off down over who what which when where how there here thing something true false".split()
)


def _was_spoken_of(case: Case, item: Any, listed_at: int, index: int) -> bool:
    """True if the thing was dealt with alone after it was listed: a call named it, or a result was of it alone."""
    identities = {str(value) for key, value in item.items() if isinstance(value, str | int) and (is_id(key))}
    for at in range(listed_at + 1, index):
        for call in case.messages[at].tool_calls:
            if identities & {str(value) for _, value in list_scalars(call.arguments)}:
                return True
    return False


def _are_all_taken(case: Case, call: ToolCall, items: Sequence[Any], turn: Turn) -> bool:
    """True if calls of the same tool in this turn take each of the things."""
    taken = {
        str(value)
        for at in range(turn.start, turn.end)
        for other in case.messages[at].tool_calls
        if other.name == call.name
        for _, value in list_scalars(other.arguments)
    }
    return all(
        any(str(value) in taken for value in item.values() if isinstance(value, str | int))
        for item in items
        if isinstance(item, dict)
    )


def needless_question(case: Case) -> Iterator[Finding]:
    """A question for nothing that the calls need: for optional arguments, for what was said before, for what changes
    nothing, or for details of what cannot be done.

    A choice between things that were found is no such question, nor is one for what a tool that requires nothing at all
    is to act on.
    """
    for turn, question in _iterate_questions(case):
        text = case.speech[question]
        if _offers_choice(case, text, question):
            continue
        calls = [call for index in range(turn.start, turn.end) for call in case.messages[index].tool_calls]
        answered = [
            (call, source)
            for call in calls
            for source in case.provenance
            if source.call_id == call.id and source.source in ("user", "derived") and source.message == turn.start
        ]
        if reason := _explain_needless_question(case, turn, question, calls, answered):
            yield Finding(rule="needless_question", message=question, text=reason)


def _explain_needless_question(
    case: Case,
    turn: Turn,
    question: int,
    calls: Sequence[ToolCall],
    answered: Sequence[tuple[ToolCall, ArgumentSource]],
) -> str | None:
    """Says why a question was not needed; None if it was."""
    if answered:
        again = next((source for call, source in answered if _was_said_before(case, call, source, turn)), None)
        if again is not None:
            return f"The assistant asks for {again.argument.split('/')[1]}, which the user had given"
        if any(_is_needed(case.find_tool(call.name, turn.end), source.argument, call) for call, source in answered):
            return None
        call, source = answered[0]
        return f"The assistant asks for {find_field_name(source.argument)}, which {call.name} does not require"
    acting = [
        call
        for call in calls
        if parse_tool_name(call.name).action not in READING_ACTIONS or not case.tools.get(call.name)
    ]
    if acting and not _shares_anything(case.speech[turn.start], calls):
        return f"The assistant asks {case.speech[question][:60]!r}, and {acting[0].name} takes nothing from the answer"
    declines = (
        _DECLINES.search(case.speech[turn.end - 1])
        if not calls and case.messages[turn.end - 1].role == "assistant"
        else None
    )
    return f"The assistant asks {case.speech[question][:60]!r} of what it cannot do" if declines else None


_DECLINES = re.compile(
    r"\b(?:I can't|I cannot|I can’t|not something I can|nothing I have|isn't possible|unable to)\b", re.IGNORECASE
)


def _offers_choice(case: Case, text: str, question: int) -> bool:
    """True if a question lets the user choose between things that were found, or between two ways of what is asked."""
    if re.search(r"\b(?:which (?:one|of (?:them|these|those))|both of them)\b", text, re.IGNORECASE):
        return True
    names = {
        value.lower()
        for index, values in case.result_values.items()
        if index < question
        for _, value in values
        if isinstance(value, str) and len(value) > 3
    }
    folded = text.lower()
    if any(name in folded for name in names):
        return True
    return bool(_CHOOSES.search(text)) and not re.search(
        r"\b(?:should|shall) I (?:also |still )?(?:add|change|include|set|give)\b", text, re.IGNORECASE
    )


def _was_said_before(case: Case, call: ToolCall, source: ArgumentSource, turn: Turn) -> bool:
    """True if a part of the same argument came from what the user said before the question."""
    top = source.argument.split("/")[1]
    return any(
        other.call_id == call.id
        and other.source == "user"
        and other.argument.split("/")[1] == top
        and other.argument != source.argument
        and (other.message or 0) < turn.start
        and isinstance(call.arguments.get(top), list)
        for other in case.provenance
    )


def _shares_anything(text: str, calls: Sequence[ToolCall]) -> bool:
    """True if a call has a word or a number of a text."""
    words = _list_content_words(text)
    return any(
        words & _list_content_words(str(value).replace("_", " "))
        for call in calls
        for _, value in list_scalars(call.arguments)
    )


def _iterate_questions(case: Case) -> Iterator[tuple[Turn, int]]:
    """Yields (turn of the answer, message of the question) where the assistant asks instead of acting."""
    for before, turn in zip(case.turns, case.turns[1:], strict=False):
        question = before.end - 1
        message = case.messages[question]
        acted = any(
            parse_tool_name(call.name).action not in READING_ACTIONS
            for index in range(before.start, before.end)
            for call in case.messages[index].tool_calls
        )
        if message.role == "assistant" and not acted and find_request(case, turn)[0] < turn.start:
            yield turn, question


def _is_needed(tool: Any, pointer: str, call: ToolCall) -> bool:
    """True if a tool cannot do without an argument, or requires nothing and has to act on something."""
    if tool is None:
        return True
    required = tool.parameters.get("required", ())
    top = pointer.split("/")[1]
    if top in required or any(
        top in option.get("required", ()) for key in ("anyOf", "oneOf") for option in tool.parameters.get(key, ())
    ):
        return True
    schema = schema_at(tool.parameters, f"/{top}") or {}
    is_part = pointer.count("/") > 1 and bool(schema.get("required"))
    return is_part or (not required and parse_tool_name(call.name).action not in READING_ACTIONS)


def held_back_calls(case: Case) -> Iterator[Finding]:
    """Calls that wait for the answer to a question which they do not depend on: they could have been made before it."""
    for turn, question in _iterate_questions(case):
        waiting = []
        depending: set[str] = set()
        for index in range(turn.start, turn.end):
            for call in case.messages[index].tool_calls:
                sources = [source for source in case.provenance if source.call_id == call.id]
                takes_answer = any(source.source == "user" and source.message == turn.start for source in sources)
                follows = any(source.from_call in depending for source in sources)
                if takes_answer or follows:
                    depending.add(call.id)
                elif any(source.source == "user" and (source.message or 0) < turn.start for source in sources):
                    waiting.append(call.name)
        if waiting and depending:
            yield Finding(
                rule="held_back_calls",
                message=question,
                blocking=False,
                text=f"{', '.join(dict.fromkeys(waiting))} did not need the answer, and waits for it",
            )
