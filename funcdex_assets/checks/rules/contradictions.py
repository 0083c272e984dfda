"""The rule about values that the user has just stated, and that a call has otherwise.

Belongs here: statements that cannot be mistaken, such as an address, a date, a length of time, an option of a few.
Values that come from nowhere are in `calls.py`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import cache
from typing import Any

from funcdex_assets.checks.provenance import iterate_calls
from funcdex_assets.checks.rules.case import Case, Turn, find_field_name
from funcdex_assets.checks.rules.claims import EMAIL, find_dates_in_text, find_dates_in_value, may_name_a_date
from funcdex_assets.checks.rules.field_values import has_clock, parse_moment, read_meaning
from funcdex_assets.checks.rules.sentences import drop_quotes
from funcdex_assets.checks.rules.things import list_argument_names
from funcdex_assets.language.spoken_values import find_spoken_value
from funcdex_assets.records.conversation import Finding
from funcdex_assets.records.message import ToolCall
from funcdex_assets.schema.references import schema_at
from funcdex_assets.schema.words import split_words
from funcdex_assets.semantics.tool_names import parse_tool_name
from funcdex_assets.semantics.vocabulary import READING_ACTIONS

_LENGTH = re.compile(r"(?<![:.\d])\b(\d+)[ -]?(min|minutes?|h|hours?)\b")
_LENGTH_IN_WORDS = {"half an hour": 30, "an hour": 60, "one hour": 60, "two hours": 120, "quarter of an hour": 15}
_TAKES_BACK = re.compile(
    r"\b(?:actually|no,? wait|wait,? no|i mean|i meant|rather|make that|instead|scratch that|sorry)\b"
)
_MIN_OPTION_LENGTH = 4  # letters; a shorter option, such as "low" or "to", is too often an ordinary word


def contradicts_user(case: Case) -> Iterator[Finding]:
    """A call with another value than the user has just stated for that argument.

    Stated values are an address, a date, an option of an enum beside the argument's name, a number or quoted words
    right after it, and the only length of time or the only option that is said at all. They contradict the call only if
    no call has the stated value and no result before it, and the user has not said the called value in the same
    message: so a value that is used elsewhere is never blamed.
    """
    seen: set[tuple[str, str]] = set()
    for find in (_contradicts_value, _contradicts_length, _contradicts_option):
        for call_id, finding in find(case):
            if (call_id, finding.place) not in seen:
                seen.add((call_id, finding.place))
                yield finding


def _contradicts_value(case: Case) -> Iterator[tuple[str, Finding]]:
    """Finds values that are stated beside the name of their argument, or in a form that only it can have."""
    for turn in case.turns:
        call_indices = [index for index in range(turn.start, turn.end) if index in case.argument_values]
        if not call_indices:
            continue
        text = case.speech[turn.start]
        folded, names_a_day = text.lower(), may_name_a_date(text)
        for index in call_indices:
            for call, pointer, value in case.argument_values[index]:
                name = find_field_name(pointer)
                if not (names_a_day or _is_named(name, folded) or ("@" in text and isinstance(value, str))):
                    continue
                tool = case.find_tool(call.name, index)
                schema = (schema_at(tool.parameters, pointer) if tool else None) or {}
                stated = _find_stated_values(name, schema, value, text, folded, case)
                other_values = [stated_value for stated_value in stated if stated_value != value]
                if not other_values or find_spoken_value(text, name, schema, value, case.situation.now) is not None:
                    continue
                not_used = [
                    stated_value for stated_value in other_values if not _is_used_elsewhere(case, stated_value, index)
                ]
                if not_used:
                    yield call.id, _build_finding(index, call, pointer, value, not_used[0])


def _contradicts_length(case: Case) -> Iterator[tuple[str, Finding]]:
    """Finds calls that last longer or shorter than the one length of time that the user has said.

    Said in another conversation's worth of lengths, none is meant for certain; and an end that the user has said counts
    for more than a length.
    """
    lengths = {length for turn in case.turns for length in _list_lengths(case.speech[turn.start].lower())}
    if len(lengths) != 1:
        return
    for index, call in iterate_calls(case.messages):
        if parse_tool_name(call.name).action in READING_ACTIONS or not isinstance(call.arguments, dict):
            continue
        start, end = _find_moment(call, "start"), _find_moment(call, "end")
        if start is None or end is None or _is_said(case, call, end[0]):
            continue
        minutes = (end[1] - start[1]).total_seconds() / 60
        if minutes not in lengths:
            yield (
                call.id,
                Finding(
                    rule="contradicts_user",
                    message=index,
                    place=f"/{end[0]}",
                    text=f"{call.id} {call.name} lasts {minutes:g} minutes, and the user said {min(lengths)}",
                ),
            )


def _list_lengths(text: str) -> Iterator[int]:
    """Yields the lengths of time that a text names, in minutes."""
    for number, unit in _LENGTH.findall(text):
        yield 60 * int(number) if unit.startswith("h") else int(number)
    for words, minutes in _LENGTH_IN_WORDS.items():
        if re.search(
            rf"(?<!half )(?<!quarter of )(?<!and )\b{words}\b(?! (?:before|earlier|ahead|ago|later|after))", text
        ):
            yield minutes


def _find_moment(call: ToolCall, phase: str) -> tuple[str, datetime] | None:
    """Returns the argument that is the beginning or the end of what a call makes, with its moment."""
    for name, value in call.arguments.items():
        moment = parse_moment(value)
        if moment is not None and has_clock(value) and read_meaning(name, value).phase == phase:
            return name, moment
    return None


def _is_said(case: Case, call: ToolCall, name: str) -> bool:
    """True if the user has said the value of an argument."""
    return any(
        source.call_id == call.id and source.source == "user" and source.argument.split("/")[1] == name
        for source in case.provenance
    )


def _contradicts_option(case: Case) -> Iterator[tuple[str, Finding]]:
    """Finds an option of a few that the user has said, and another one in the only call that takes such an option."""
    for turn in case.turns:
        calls = [(index, call) for index in range(turn.start, turn.end) for call in case.messages[index].tool_calls]
        text = drop_quotes(case.speech[turn.start]).lower()
        for index, call in calls:
            for name, value in call.arguments.items() if isinstance(call.arguments, dict) else ():
                if any(other is not call and name in list_argument_names(other) for _, other in calls):
                    continue
                stated = _find_stated_option(case, turn, index, call, name, value, text)
                if stated is not None:
                    yield call.id, _build_finding(index, call, f"/{name}", value, stated)


def _find_stated_option(
    case: Case, turn: Turn, index: int, call: ToolCall, name: str, value: Any, text: str
) -> str | None:
    """Returns the one option of an argument that a text has, if the call has another that nobody said."""
    tool = case.find_tool(call.name, index)
    schema = (schema_at(tool.parameters, f"/{name}") if tool else None) or {}
    options = [option for option in schema.get("enum", ()) if isinstance(option, str)]
    said = [option for option in options if _says_option(text, option)]
    if len(said) != 1 or value not in options or value in said or len(said[0]) < _MIN_OPTION_LENGTH:
        return None
    if _TAKES_BACK.search(text):  # "small, actually big": what is meant may be said in other words
        return None
    before = " ".join(case.speech[: turn.start + 1])
    return None if find_spoken_value(before, name, {"enum": options}, value, case.situation.now) else said[0]


def _says_option(text: str, option: str) -> bool:
    """True if a text has an option as whole words, and does not deny it."""
    words = re.escape(option.lower().replace("_", " "))
    return re.search(rf"(?<!not )(?<!no )(?<!n't )(?<!than )\b{words}\b", text) is not None


def _build_finding(index: int, call: ToolCall, pointer: str, value: Any, stated: Any) -> Finding:
    return Finding(
        rule="contradicts_user",
        message=index,
        place=pointer,
        text=f"{call.id} {call.name}: {value!r}, though the user has just said {str(stated)!r}",
    )


def _is_named(name: str, folded: str) -> bool:
    """True if a text has the last word of an argument's name."""
    head = _to_label(name).rpartition(" ")[2]
    return head != "" and head in folded


@cache
def _to_label(name: str) -> str:
    """An argument's name as words: `due_date` becomes `due date`."""
    return " ".join(split_words(name))


def _find_stated_values(
    name: str, schema: Mapping[str, Any], value: Any, text: str, folded: str, case: Case
) -> Sequence[Any]:
    """Returns the values that a text gives to the argument, in its order; `folded` is the text in lower case."""
    if schema.get("format") in ("date", "date-time"):
        return sorted(find_dates_in_text(text, case.situation.now.date()))
    if isinstance(value, str) and "@" in value and EMAIL.fullmatch(value):
        return EMAIL.findall(text) if "@" in text else ()
    if not _is_named(name, folded):
        return ()
    label = _to_label(name)
    head = label.rpartition(" ")[2]
    if options := [option for option in schema.get("enum", ()) if isinstance(option, str)]:
        mentioned_options = [
            option for option in options if _is_option_beside(folded, head, option.lower().replace("_", " "))
        ]
        return mentioned_options if len(mentioned_options) == 1 else ()
    if schema.get("type") in ("integer", "number"):
        return [float(number) for number in _numbers_after(label).findall(folded)]
    return _words_after(label).findall(text) if isinstance(value, str) else ()


def _is_used_elsewhere(case: Case, stated: Any, call_index: int) -> bool:
    """True if any call has the stated value, or a result before the message `call_index`."""
    argument_values = [value for arguments in case.argument_values.values() for _, _, value in arguments]
    if isinstance(stated, date):
        return any(stated in find_dates_in_value(value) for value in argument_values)
    if not isinstance(stated, str):
        return stated in [value for value in argument_values if not isinstance(value, bool)]
    result_values = [value for index, values in case.result_values.items() if index < call_index for _, value in values]
    folded_value = stated.lower()
    return any(isinstance(value, str) and folded_value in value.lower() for value in (*argument_values, *result_values))


@cache
def _numbers_after(label: str) -> re.Pattern[str]:
    """Pattern of a number right after a label: `amount of 12.5`."""
    return re.compile(_build_label_pattern(label) + r"(\d+(?:\.\d+)?)(?![\d.,:/-]*\d)")


@cache
def _words_after(label: str) -> re.Pattern[str]:
    """Pattern of quoted words right after a label: `title "Plan"`."""
    return re.compile(rf"(?i:{_build_label_pattern(label)})[\"“]([^\"”]{{2,300}})[\"”]")


def _build_label_pattern(label: str) -> str:
    """Pattern of a label or its last word, with a linking word such as `is` or `named`."""
    head = label.rsplit(" ", 1)[-1]
    return rf"\b(?:{re.escape(label)}|{re.escape(head)})\b(?: (?:is|to|of|at|should be|as|named|called))?:? ?"


def _is_option_beside(text: str, head: str, option: str) -> bool:
    """True if an option is said right before or after the last word of the argument's name: `high priority`."""
    return option in text and bool(
        re.search(rf"\b{re.escape(option)} {re.escape(head)}\b", text)
        or re.search(rf"\b{re.escape(head)}(?: (?:is|to|of|should be|as))?:? {re.escape(option)}\b", text)
    )
