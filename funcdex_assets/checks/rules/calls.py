"""Rules about calls: the tool, its arguments, and repetitions.

Belongs here: findings at an assistant's call. Add a rule here if it needs the call and what was said or known before
it; a result that contradicts its call is for `consistency.py`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import cache
from typing import Any

import msgspec
from jsonschema_rs import ValidationErrorKind

from funcdex_assets.checks.provenance import find_ungrounded_arguments, iterate_calls
from funcdex_assets.checks.rules.case import Case, find_field_name, has_failed, is_empty_result
from funcdex_assets.checks.rules.claims import EMAIL, find_dates_in_text, find_dates_in_value, may_name_a_date
from funcdex_assets.language.spoken_values import find_first_form, find_spoken_value
from funcdex_assets.records.conversation import Finding
from funcdex_assets.records.message import ToolCall
from funcdex_assets.schema.json_pointers import escape_step
from funcdex_assets.schema.references import schema_at
from funcdex_assets.schema.validation import compile_validator
from funcdex_assets.schema.words import split_words
from funcdex_assets.semantics.tool_names import parse_tool_name
from funcdex_assets.semantics.vocabulary import READING_ACTIONS

_REPEAT_WORDS = re.compile(
    r"\b(?:again|another|once more|one more|refresh|re-?(?:check|send|try|run|do)|still|same|duplicate|now|latest"
    r"|update)\b",
    re.IGNORECASE,
)


def unknown_tool(case: Case) -> Iterator[Finding]:
    """A call to a tool that was not offered, or not yet."""
    for index, call in iterate_calls(case.messages):
        if case.find_tool(call.name, index) is None:
            late = ", which the user brings only later" if call.name in case.announced_tools else ""
            yield Finding(
                rule="unknown_tool",
                message=index,
                text=f"{call.id} calls {call.name!r}, which is not among the tools offered{late}",
            )


def missing_argument(case: Case) -> Iterator[Finding]:
    """A required argument, or a required part of one, that is not given."""
    for index, call, error in _schema_errors(case):
        if isinstance(error.kind, ValidationErrorKind.Required):
            yield Finding(
                rule="missing_argument",
                message=index,
                place=f"{_to_pointer(error)}/{escape_step(error.kind.property)}",
                text=f"{call.id} {call.name}: {error.message}",
            )


def invalid_arguments(case: Case) -> Iterator[Finding]:
    """Arguments that are not valid under the tool's JSON Schema."""
    for index, call, error in _schema_errors(case):
        if not isinstance(error.kind, ValidationErrorKind.Required):
            yield Finding(
                rule="invalid_arguments",
                message=index,
                place=_to_pointer(error) or "(whole)",
                text=f"{call.id} {call.name}: {error.message}",
            )


def _schema_errors(case: Case) -> Iterator[tuple[int, ToolCall, Any]]:
    """Yields (message index, call, error) of each violation of a tool's JSON Schema."""
    for index, call in iterate_calls(case.messages):
        if tool := case.find_tool(call.name, index):
            compiled = compile_validator(tool.parameters)
            if not compiled.is_valid(call.arguments):
                yield from ((index, call, error) for error in compiled.iter_errors(call.arguments))


def _to_pointer(error: Any) -> str:
    """JSON pointer to the value at which a schema error is."""
    return "".join(f"/{step}" for step in error.instance_path)


def ungrounded_argument(case: Case) -> Iterator[Finding]:
    """An argument that neither the user, an earlier result, the context nor the schema provides."""
    for index, call, pointer, value in find_ungrounded_arguments(case.messages, case.provenance):
        yield Finding(
            rule="ungrounded_argument",
            message=index,
            place=pointer,
            text=f"{call.id} {call.name}: {value!r} comes from nowhere",
        )


def repeated_call(case: Case) -> Iterator[Finding]:
    """A call with the same arguments as one before, without a reason.

    A reason is that the previous call failed or found nothing, that something was changed since, or that the user spoke
    since: for a call that only reads, anything; for one that changes something, that it shall be done again.
    """
    latest_call: dict[tuple[str, bytes], tuple[int, str]] = {}
    results = {message.result.call_id: message.result for message in case.messages if message.result is not None}
    for index, call in iterate_calls(case.messages):
        key = (call.name, msgspec.json.encode(call.arguments))
        previous = latest_call.get(key)
        latest_call[key] = (index, call.id)
        if previous is None:
            continue
        previous_result = results.get(previous[1])
        if previous_result is not None and (has_failed(previous_result) or is_empty_result(previous_result.content)):
            continue
        user_texts = [case.speech[at] for at in range(previous[0] + 1, index) if case.messages[at].role == "user"]
        if parse_tool_name(call.name).action in READING_ACTIONS:
            has_changed = any(
                parse_tool_name(call_between.name).action not in READING_ACTIONS
                for at in range(previous[0] + 1, index)
                for call_between in case.messages[at].tool_calls
            )
            if has_changed or user_texts:
                continue
        elif any(_REPEAT_WORDS.search(text) or _states_an_argument(case, text, call, index) for text in user_texts):
            continue
        yield Finding(
            rule="repeated_call",
            message=index,
            text=f"{call.id} {call.name} repeats {previous[1]} with the same arguments, and nothing has changed",
        )


def _states_an_argument(case: Case, text: str, call: ToolCall, index: int) -> bool:
    """True if a text states one of the call's text arguments."""
    return any(
        isinstance(value, str) and len(value) > 2 and find_first_form(text, [value])
        for argument_call, _, value in case.argument_values.get(index, ())
        if argument_call is call
    )


def contradicts_user(case: Case) -> Iterator[Finding]:
    """A call with another value than the user has just stated for that argument.

    Stated values are an address, a date, an option of an enum beside the argument's name, a number or quoted words
    right after it. They contradict the call only if no call has the stated value and no result before it, and the user
    has not said the called value in the same message: so a value that is used elsewhere is never blamed.
    """
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
                    yield Finding(
                        rule="contradicts_user",
                        message=index,
                        place=pointer,
                        text=f"{call.id} {call.name}: {value!r}, though the user has just said {str(not_used[0])!r}",
                    )


def contradicts_length(case: Case) -> Iterator[Finding]:
    """A call whose beginning and end are further apart, or nearer, than the one length of time that the user has said."""
    lengths = {
        60 * int(number) if unit.startswith("h") else int(number)
        for at in _list_user_turns(case)
        for number, unit in _LENGTH.findall(case.speech[at].lower())
    }
    lengths |= {
        minutes
        for at in _list_user_turns(case)
        for words, minutes in _LENGTH_IN_WORDS.items()
        if re.search(rf"(?<!half )\b{words}\b", case.speech[at].lower())
    }
    if len(lengths) != 1:
        return
    for index, call in iterate_calls(case.messages):
        arguments = call.arguments if isinstance(call.arguments, dict) else {}
        start, end = (_parse_moment(arguments.get(name)) for name in ("start", "end"))
        if any(
            source.call_id == call.id and source.argument.startswith("/end") and source.source == "user"
            for source in case.provenance
        ):
            continue
        if (
            start
            and end
            and parse_tool_name(call.name).action not in READING_ACTIONS
            and (end - start).total_seconds() / 60 not in lengths
        ):
            yield Finding(
                rule="contradicts_user",
                message=index,
                place="/end",
                text=f"{call.id} {call.name} lasts {(end - start).total_seconds() / 60:g} minutes, and the user said {next(iter(lengths))}",
            )


_LENGTH = re.compile(r"\b(\d+)[ -]?(min|minutes?|h|hours?)\b")
_LENGTH_IN_WORDS = {"half an hour": 30, "an hour": 60, "one hour": 60, "two hours": 120, "quarter of an hour": 15}


def _list_user_turns(case: Case) -> list[int]:
    return [turn.start for turn in case.turns]


def _parse_moment(value: Any) -> datetime | None:
    if isinstance(value, dict):
        value = value.get("dateTime")
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) and "T" in value else None
    except ValueError:
        return None


def contradicts_option(case: Case) -> Iterator[Finding]:
    """An option of a few that the user has said, and another one in the only call that takes such an option."""
    for turn in case.turns:
        calls = [(index, call) for index in range(turn.start, turn.end) for call in case.messages[index].tool_calls]
        text = re.sub(r"[\"“][^\"”]*[\"”]", " ", case.speech[turn.start]).lower()
        for index, call in calls:
            tool = case.find_tool(call.name, index)
            for name, value in call.arguments.items() if tool and isinstance(call.arguments, dict) else ():
                options = [
                    option
                    for option in (schema_at(tool.parameters, f"/{name}") or {}).get("enum", ())
                    if isinstance(option, str)
                ]
                said = [
                    option
                    for option in options
                    if re.search(rf"\b{re.escape(option.lower().replace('_', ' '))}\b", text)
                ]
                others = [other for _, other in calls if other is not call and name in other.arguments]
                if (
                    len(said) == 1
                    and value in options
                    and value not in said
                    and not others
                    and len(said[0]) > 3
                    and not find_spoken_value(
                        " ".join(case.speech[: turn.start + 1]), name, {"enum": options}, value, case.situation.now
                    )
                ):
                    yield Finding(
                        rule="contradicts_user",
                        message=index,
                        place=f"/{name}",
                        text=f"{call.id} {call.name}: {value!r}, though the user has just said {said[0]!r}",
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
