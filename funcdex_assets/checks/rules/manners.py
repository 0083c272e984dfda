"""Rules about talk that no two people at work would have: against the clock, after a refusal, like a form.

Belongs here: minor findings about how things are said, and values that do not suit their field. None of them blocks.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from funcdex_assets.checks.rules.agreement import _parse_moment, _read_meaning
from funcdex_assets.checks.rules.case import Case, find_field_name
from funcdex_assets.records.conversation import Finding
from funcdex_assets.schema.json_pointers import list_scalars
from funcdex_assets.schema.words import split_words, to_singular
from funcdex_assets.semantics.tool_names import is_id, parse_tool_name
from funcdex_assets.semantics.vocabulary import READING_ACTIONS

_HOURS_OF_GREETING = (  # a greeting, and the hours at which it may be said: from, to (excluded)
    (re.compile(r"\bgood morning\b", re.IGNORECASE), 4, 13),
    (re.compile(r"\bgood afternoon\b", re.IGNORECASE), 11, 19),
    (re.compile(r"\bgood evening\b", re.IGNORECASE), 16, 24),
    (re.compile(r"\b(?:late hour|this late|so late)\b", re.IGNORECASE), 19, 28),
    (re.compile(r"\b(?:pleasant|nice|lovely|good) afternoon\b", re.IGNORECASE), 6, 19),
    (re.compile(r"\b(?:pleasant|nice|lovely) evening\b", re.IGNORECASE), 12, 24),
    (re.compile(r"\b(?:so early|this early|early hour)\b", re.IGNORECASE), 3, 10),
    (re.compile(r"\bover lunch\b.{0,40}\bnow\b", re.IGNORECASE), 11, 24),
)
_REFUSAL = re.compile(
    r"\b(?:I can't|I cannot|I can’t|can't be done|isn't possible|is not possible|not something I|outside what I can|beyond what|lack the function|"
    r"isn't among the|needs something I wasn't given|it wouldn't be true|No, I'm afraid|not able to|I'd say yes if I could|don't have a (?:tool|way))",
    re.IGNORECASE,
)
_PRAISE = re.compile(
    r"^(?:that's exactly what|magic|great|perfect|wonderful|brilliant|lovely|excellent|fantastic|look at us|amazing|awesome|superb|phew|that's a weight|"
    r"that is in order|you've made|how lovely|works for me|that's one worry less|nice one|thanks, that's perfect)\b",
    re.IGNORECASE,
)
_FORM_LINE = re.compile(
    r"(?:^|[.!?]\s+)(?!(?:Subject|Text|Note|PS|To|Hi|Hello|Re)\b)[A-Z][a-z]+(?: [a-z]+){0,3}: [\w\"“][^.!?\n]{0,40}[.!?]?(?=\s|$)"
)
_FORM_PHRASE = re.compile(
    r"\b(?:with|set) the [a-z]+(?: [a-z]+){0,3} (?:set )?(?:to|as|being)\b|\bthe [a-z]+(?: [a-z]+){0,2} (?:should be|is to be|must be)\b|\bwith (?:language code|role|status) \w+|\bsend updates\b",
    re.IGNORECASE,
)
_ORDINAL_OF_LIST = re.compile(
    r"\b(?:the )?(?:first|second|third|last)(?: (?:two|three))?(?: of (?:them|those|these)| one)\b|\bthe (?:second|third|fourth) (?:\w+)\b",
    re.IGNORECASE,
)
_FAREWELL = re.compile(
    r"\b(?:you're (?:very )?welcome|any time|glad I could help|with pleasure|my pleasure|don't mention it|happy to help)\b",
    re.IGNORECASE,
)
_QUERY_IN_QUOTES = re.compile(r"^'[^']+'$")
_SENTENCE_END = re.compile(r"[.!?](?:\s|$)")
_MAX_TITLE_WORDS = 14


def against_the_clock(case: Case) -> Iterator[Finding]:
    """A greeting or an apology for the hour that does not suit the hour of the conversation."""
    hour = case.situation.now.hour
    for index, message in enumerate(case.messages):
        if message.role == "tool" or not case.speech[index]:
            continue
        for pattern, first, last in _HOURS_OF_GREETING:
            if (match := pattern.search(_drop_quotes(case.speech[index]))) and not (
                first <= hour < last or first <= hour + 24 < last
            ):
                yield _build_finding("against_the_clock", index, f"{match[0]!r} is said at {case.situation.now:%H:%M}")


def praise_after_refusal(case: Case) -> Iterator[Finding]:
    """Delight of the user right after the assistant said that it cannot."""
    for before, turn in zip(case.turns, case.turns[1:], strict=False):
        last = case.speech[before.end - 1]
        called = any(case.messages[index].tool_calls for index in range(before.start, before.end))
        if not called and _REFUSAL.search(last) and (match := _PRAISE.search(case.speech[turn.start])):
            yield _build_finding("praise_after_refusal", turn.start, f"{match[0]!r} answers {last[:60]!r}")


def like_a_form(case: Case) -> Iterator[Finding]:
    """A user who fills in fields instead of saying what is wanted: "Send updates: none." """
    for turn in case.turns:
        text = _drop_quotes(case.speech[turn.start])
        if match := _FORM_LINE.search(text) or _FORM_PHRASE.search(text):
            yield _build_finding("like_a_form", turn.start, f"{match[0].strip()!r} reads like a form")


def unseen_ordinal(case: Case) -> Iterator[Finding]:
    """A position in a list that the user has not been shown, in the same breath in which the list is asked for."""
    shown = False
    for turn in case.turns:
        text = _drop_quotes(case.speech[turn.start])
        if not shown and (match := _ORDINAL_OF_LIST.search(text)):
            yield _build_finding("unseen_ordinal", turn.start, f"{match[0]!r} is of a list that nobody has seen")
        shown = shown or any(case.messages[index].result is not None for index in range(turn.start, turn.end))


def loose_topic(case: Case) -> Iterator[Finding]:
    """A topic that is talked about and that no argument and no result has to do with; or one that the assistant brings up
    before the user does.
    """
    stems = _list_topic_stems(case.situation.matter)
    if not stems:
        return
    speakers = [
        index
        for index, message in enumerate(case.messages)
        if message.role != "tool" and len(stems & _list_stems(case.speech[index])) * 2 >= len(stems)
    ]
    if not speakers:
        return
    if case.messages[speakers[0]].role == "assistant" and not any(
        len(stems & _list_stems(str(values))) * 2 >= len(stems)
        for index, values in case.result_values.items()
        if index < speakers[0]
    ):
        yield _build_finding(
            "loose_topic", speakers[0], f"the assistant brings up {case.situation.matter!r}, which nobody has spoken of"
        )
    used = [str(value) for arguments in case.argument_values.values() for _, _, value in arguments]
    found = [str(value) for values in case.result_values.values() for _, value in values]
    if case.result_values and not any(stems & _list_stems(text) for text in (*used, *found)):
        yield _build_finding(
            "loose_topic", speakers[0], f"{case.situation.matter!r} is in no argument and in no result"
        )


@lru_cache(1024)
def _list_topic_stems(matter: str) -> frozenset[str]:
    return frozenset(to_singular(word) for word in split_words(matter) if len(word) > 3)


@lru_cache(4096)
def _list_stems(text: str) -> frozenset[str]:
    return frozenset(to_singular(word) for word in split_words(text))


def spelled_out(case: Case) -> Iterator[Finding]:
    """Every call is spelled out by the user, argument for argument, in the words of the tool's name: nothing is left to
    be looked up, chosen, worked out or written.
    """
    calls = [(index, call) for index, message in enumerate(case.messages) for call in message.tool_calls]
    said = {
        (source.call_id, source.argument) for source in case.provenance if source.source == "user" and source.evidence
    }
    spelled = 0
    for index, call in calls:
        start = max((turn.start for turn in case.turns if turn.start <= index), default=0)
        name = parse_tool_name(call.name)
        leaves = [(pointer, value) for pointer, value in list_scalars(call.arguments) if pointer]
        verbatim = all(
            (call.id, pointer) in said and str(value).lower() in " ".join(case.speech[:index]).lower()
            for pointer, value in leaves
        )
        spelled += verbatim and bool({name.noun, *name.words} & _list_stems(case.speech[start]))
    if len(calls) >= 2 and spelled == len(calls):
        yield _build_finding("spelled_out", calls[0][0], f"all {len(calls)} calls are spelled out by the user")


def misfit_value(case: Case) -> Iterator[Finding]:
    """A value that does not suit its field: a title of several sentences, search words in quotes that no service reads, an
    end before its beginning, a deadline or window in the past.
    """
    now = case.situation.now
    found = {(source.call_id, source.argument) for source in case.provenance if source.source == "result"}
    for index, arguments in case.argument_values.items():
        for call, pointer, value in arguments:
            name = find_field_name(pointer)
            if not isinstance(value, str) or is_id(name):
                continue
            meaning = _read_meaning(name, value)
            text = f"{call.id} {call.name}: {name} is {value[:60]!r}"
            if meaning.role == "title" and (
                len(value.split()) > _MAX_TITLE_WORDS or len(_SENTENCE_END.findall(value)) > 1
            ):
                yield _build_finding("misfit_value", index, f"{text}, which is no title", pointer)
            elif meaning.role == "query" and _QUERY_IN_QUOTES.match(value):
                yield _build_finding("misfit_value", index, f"{text}, in quotes that are searched for too", pointer)
            elif (
                meaning.role == "moment"
                and (call.id, pointer) not in found
                and meaning.phase in ("due", "expires", "end")
                and parse_tool_name(call.name).action not in READING_ACTIONS
                and (moment := _parse_moment(value))
                and moment.date() < now.date()
            ):
                yield _build_finding("misfit_value", index, f"{text}, which is past", pointer)
            elif (
                name.lower() in ("time_max", "end_time")
                and parse_tool_name(call.name).noun in ("slot", "time", "availability")
                and (moment := _parse_moment(value))
                and moment < now
            ):
                yield _build_finding("misfit_value", index, f"{text}: the window is past", pointer)


def impossible_request(case: Case) -> Iterator[Finding]:
    """A call whose end is not after its beginning, made without a word."""
    for index, message in enumerate(case.messages):
        for call in message.tool_calls:
            if span := _find_reversed_span(call.arguments):
                yield Finding(
                    rule="impossible_request",
                    message=index,
                    place=f"/{span[1]}",
                    text=f"{call.id} {call.name}: {span[1]} is before {span[0]}",
                )


def _find_reversed_span(arguments: Any) -> tuple[str, str] | None:
    """Returns the names of a beginning and an end that are in the wrong order."""
    moments = (
        {name: moment for name, value in arguments.items() if (moment := _parse_moment(value))}
        if isinstance(arguments, dict)
        else {}
    )
    for first in moments:
        for last in moments:
            pair = _read_meaning(first, arguments[first]), _read_meaning(last, arguments[last])
            is_span = (pair[0].phase == "start" and pair[1].phase == "end" and pair[0].bound == pair[1].bound) or (
                pair[0].bound == "from" and pair[1].bound == "until" and pair[0].phase == pair[1].phase
            )
            if is_span and moments[last] <= moments[first]:
                return first, last
    return None


def self_addressed(case: Case) -> Iterator[Finding]:
    """A text of the user's own that greets the user: a draft of Deniz that begins with "Dear Deniz"."""
    first_name = case.situation.persona.name.split(" ")[0] if case.situation.persona.name else ""
    if len(first_name) < 3:
        return
    greeting = re.compile(rf"^(?:(?:Dear|Hi|Hello) )?{re.escape(first_name)}\b,", re.IGNORECASE)
    own = case.situation.persona.email.lower()
    for index, message in enumerate(case.messages):
        for call in message.tool_calls:
            for pointer, value in list_scalars(call.arguments):
                if (
                    isinstance(value, str)
                    and greeting.match(value)
                    and parse_tool_name(call.name).action not in READING_ACTIONS
                ):
                    yield _build_finding(
                        "self_addressed",
                        index,
                        f"{call.id} {call.name}: {value[:60]!r} is written to its own author",
                        pointer,
                    )
        for holder, pointer, noun in case.result_objects.get(index, ()):
            by_user = noun == "draft" or any(
                own and str(value).lower() == own
                for key, value in holder.items()
                if key in ("from", "author", "sender", "owner")
            )
            for key, value in holder.items() if by_user else ():
                if isinstance(value, str) and greeting.match(value):
                    yield _build_finding(
                        "self_addressed",
                        index,
                        f"{key} {value[:60]!r} is written to its own author",
                        f"{pointer}/{key}",
                    )


def _drop_quotes(text: str) -> str:
    return re.sub(r"[\"“][^\"“”]*[\"”]", " ", text)


def _build_finding(rule: str, index: int, text: str, place: str = "") -> Finding:
    return Finding(rule=rule, message=index, place=place, text=text, blocking=False)
