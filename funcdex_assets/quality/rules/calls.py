"""Rules about calls: which tool, with which arguments, and how often."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any

import msgspec
from jsonschema_rs import ValidationErrorKind

from funcdex_assets.catalog.json_schema import escaped, schema_at, validator
from funcdex_assets.catalog.names import parse_tool_name, words
from funcdex_assets.language.spoken import find_words, says
from funcdex_assets.quality.provenance import calls_in, ungrounded
from funcdex_assets.quality.rules.case import Case, failed, field_name, is_empty
from funcdex_assets.quality.rules.claims import EMAIL, days_in, days_said, may_name_a_day
from funcdex_assets.records import Finding, ToolCall
from funcdex_assets.semantics.vocabulary import READING_ACTIONS

_AGAIN = re.compile(
    r"\b(?:again|another|once more|one more|refresh|re-?(?:check|send|try|run|do)|still|same|duplicate|now|latest"
    r"|update)\b",
    re.IGNORECASE,
)


def unknown_tool(case: Case) -> Iterator[Finding]:
    """A call to a tool that was not offered, or not yet."""
    for index, call in calls_in(case.messages):
        if case.tool(call.name, index) is None:
            late = ", which the user brings only later" if call.name in case.announced else ""
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
                place=f"{_pointer(error)}/{escaped(error.kind.property)}",
                text=f"{call.id} {call.name}: {error.message}",
            )


def invalid_arguments(case: Case) -> Iterator[Finding]:
    """Arguments that are not valid under the tool's JSON Schema."""
    for index, call, error in _schema_errors(case):
        if not isinstance(error.kind, ValidationErrorKind.Required):
            yield Finding(
                rule="invalid_arguments",
                message=index,
                place=_pointer(error) or "(whole)",
                text=f"{call.id} {call.name}: {error.message}",
            )


def _schema_errors(case: Case) -> Iterator[tuple[int, ToolCall, Any]]:
    for index, call in calls_in(case.messages):
        if tool := case.tool(call.name, index):
            compiled = validator(tool.parameters)
            if not compiled.is_valid(call.arguments):
                yield from ((index, call, error) for error in compiled.iter_errors(call.arguments))


def _pointer(error: Any) -> str:
    return "".join(f"/{step}" for step in error.instance_path)


def ungrounded_argument(case: Case) -> Iterator[Finding]:
    """An argument that neither the user, an earlier result, the context nor the schema provides."""
    for index, call, pointer, value in ungrounded(case.messages, case.provenance):
        yield Finding(
            rule="ungrounded_argument",
            message=index,
            place=pointer,
            text=f"{call.id} {call.name}: {value!r} comes from nowhere",
        )


def repeated_call(case: Case) -> Iterator[Finding]:
    """A call with the same arguments as one before, without a reason.

    A reason is that the one before failed or found nothing, that something was changed since, or that the user
    spoke since: of what only reads, anything; of what changes something, that it shall be done again.
    """
    seen: dict[tuple[str, bytes], tuple[int, str]] = {}
    results = {message.result.call_id: message.result for message in case.messages if message.result is not None}
    for index, call in calls_in(case.messages):
        key = (call.name, msgspec.json.encode(call.arguments))
        before = seen.get(key)
        seen[key] = (index, call.id)
        if before is None:
            continue
        earlier = results.get(before[1])
        if earlier is not None and (failed(earlier) or is_empty(earlier.content)):
            continue
        spoken = [case.speech[at] for at in range(before[0] + 1, index) if case.messages[at].role == "user"]
        if parse_tool_name(call.name).action in READING_ACTIONS:
            changed = any(
                parse_tool_name(other.name).action not in READING_ACTIONS
                for at in range(before[0] + 1, index)
                for other in case.messages[at].tool_calls
            )
            if changed or spoken:
                continue
        elif any(_AGAIN.search(text) or _states_any(case, text, call, index) for text in spoken):
            continue
        yield Finding(
            rule="repeated_call",
            message=index,
            text=f"{call.id} {call.name} repeats {before[1]} with the same arguments, and nothing has changed",
        )


def _states_any(case: Case, text: str, call: ToolCall, index: int) -> bool:
    return any(
        isinstance(value, str) and len(value) > 2 and find_words(text, [value])
        for one, _, value in case.given.get(index, ())
        if one is call
    )


def contradicts_user(case: Case) -> Iterator[Finding]:
    """A call with another value than the user has just stated for that argument.

    What counts as stated: an address, a date, an option of an enum beside the argument's name, a number or quoted
    words right after it. It contradicts only where no call has the stated value and no result before it, and
    the user has not said the called one in the same message: so a value that is used elsewhere is never blamed.
    """
    for turn in case.turns:
        called = [index for index in range(turn.start, turn.end) if index in case.given]
        if not called:
            continue
        text = case.speech[turn.start]
        folded, names_a_day = text.lower(), may_name_a_day(text)
        for index in called:
            for call, pointer, value in case.given[index]:
                name = field_name(pointer)
                if not (names_a_day or _is_named(name, folded) or ("@" in text and isinstance(value, str))):
                    continue
                tool = case.tool(call.name, index)
                schema = (schema_at(tool.parameters, pointer) if tool else None) or {}
                stated = _stated(name, schema, value, text, folded, case)
                others = [one for one in stated if one != value]
                if not others or says(text, name, schema, value, case.situation.now) is not None:
                    continue
                unused = [one for one in others if not _used(case, one, index)]
                if unused:
                    yield Finding(
                        rule="contradicts_user",
                        message=index,
                        place=pointer,
                        text=f"{call.id} {call.name}: {value!r}, though the user has just said {str(unused[0])!r}",
                    )


def _is_named(name: str, folded: str) -> bool:
    """Whether a text has the last word of an argument's name."""
    head = _label(name).rpartition(" ")[2]
    return head != "" and head in folded


@cache
def _label(name: str) -> str:
    return " ".join(words(name))


def _stated(name: str, schema: Mapping[str, Any], value: Any, text: str, folded: str, case: Case) -> Sequence[Any]:
    """The values that a text gives to the argument, in its order; `folded` is the text in lower case."""
    if schema.get("format") in ("date", "date-time"):
        return sorted(days_said(text, case.situation.now.date()))
    if isinstance(value, str) and "@" in value and EMAIL.fullmatch(value):
        return EMAIL.findall(text) if "@" in text else ()
    if not _is_named(name, folded):
        return ()
    label = _label(name)
    head = label.rpartition(" ")[2]
    if options := [option for option in schema.get("enum", ()) if isinstance(option, str)]:
        near = [option for option in options if _beside(folded, head, option.lower().replace("_", " "))]
        return near if len(near) == 1 else ()
    if schema.get("type") in ("integer", "number"):
        return [float(number) for number in _numbers_after(label).findall(folded)]
    return _words_after(label).findall(text) if isinstance(value, str) else ()


def _used(case: Case, stated: Any, before: int) -> bool:
    """Whether any call has it, or a result before the message `before`."""
    given = [value for part in case.given.values() for _, _, value in part]
    if isinstance(stated, date):
        return any(stated in days_in(value) for value in given)
    if not isinstance(stated, str):
        return stated in [value for value in given if not isinstance(value, bool)]
    known = [value for index, part in case.leaves.items() if index < before for _, value in part]
    wanted = stated.lower()
    return any(isinstance(value, str) and wanted in value.lower() for value in (*given, *known))


@cache
def _numbers_after(label: str) -> re.Pattern[str]:
    return re.compile(_after(label) + r"(\d+(?:\.\d+)?)(?![\d.,:/-]*\d)")


@cache
def _words_after(label: str) -> re.Pattern[str]:
    return re.compile(rf"(?i:{_after(label)})[\"“]([^\"”]{{2,300}})[\"”]")


def _after(label: str) -> str:
    head = label.rsplit(" ", 1)[-1]
    return rf"\b(?:{re.escape(label)}|{re.escape(head)})\b(?: (?:is|to|of|at|should be|as|named|called))?:? ?"


def _beside(text: str, head: str, option: str) -> bool:
    return option in text and bool(
        re.search(rf"\b{re.escape(option)} {re.escape(head)}\b", text)
        or re.search(rf"\b{re.escape(head)}(?: (?:is|to|of|should be|as))?:? {re.escape(option)}\b", text)
    )
