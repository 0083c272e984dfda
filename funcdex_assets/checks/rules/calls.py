"""Rules about calls: the tool, its arguments, and repetitions.

Belongs here: findings at an assistant's call. Add a rule here if it needs the call and what was said or known before
it; a result that contradicts its call is for `consistency.py`.
"""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
from jsonschema_rs import ValidationErrorKind

from funcdex_assets.checks.provenance import find_ungrounded_arguments, iterate_calls
from funcdex_assets.checks.rules.case import Case, has_failed, is_empty_result
from funcdex_assets.language.spoken_values import find_first_form
from funcdex_assets.records.conversation import Finding
from funcdex_assets.records.message import ToolCall
from funcdex_assets.schema.json_pointers import escape_step
from funcdex_assets.schema.validation import compile_validator
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
