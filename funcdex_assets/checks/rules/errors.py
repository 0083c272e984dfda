"""Rules about calls that fail: an error must have a cause, and one error one treatment.

Belongs here: errors of services, and when they are tried again. What a reply says of a failure is in `results.py`.
"""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from funcdex_assets.checks.rules.case import Case, find_field_name, has_failed
from funcdex_assets.records.conversation import Finding
from funcdex_assets.records.message import ToolCall
from funcdex_assets.schema.json_pointers import list_scalars
from funcdex_assets.semantics.tool_names import is_id, parse_tool_name

_EXPIRED = re.compile(
    r"\b401\b|token (?:has )?expired|sign in|unauthenticated|session (?:has )?expired|log ?in again", re.IGNORECASE
)
_INVALID = re.compile(r"\binvalid\b|\bnot valid\b|\bmalformed\b|\bnot a valid\b", re.IGNORECASE)
_NOT_FOUND = re.compile(r"\b404\b|not[ _]found|does not exist|no such|could not find", re.IGNORECASE)
_CONFLICT = re.compile(r"\b409\b|already exists|conflict", re.IGNORECASE)
_DENIED = re.compile(r"\b403\b|permission|forbidden|not allowed|denied", re.IGNORECASE)
_BUSY = re.compile(r"\b429\b|rate.?limit|quota|too many requests", re.IGNORECASE)
_STATES_A_RULE = re.compile(
    r"\b(?:must|only|at least|at most|more than|less than|maximum|minimum|in the (?:past|future)|before|after|between|longer|shorter|unsupported|expected|hours?|allowed|limit)\b",
    re.IGNORECASE,
)
_NAMED_ALIKE = frozenset(
    "document doc file folder event message draft note page task issue comment email thread product meeting appointment".split()
)
_SECONDS = re.compile(r"(?:retry|wait|again)[^.]{0,20}?(\d+) ?s(?:ec|\b)", re.IGNORECASE)


def unexplained_error(case: Case) -> Iterator[Finding]:
    """An error that neither the arguments, the schema nor anything before it explains.

    Such are: a well-formed value that is called invalid without a rule; a thing that cannot be found though it was just
    shown; a conflict of things that may be named alike; an expired session of one of several calls that went out
    together; no permission for one of several alike, or for what the user has just made.
    """
    for index, call in case.calls_by_result.items():
        result = case.messages[index].result
        if result is None or not has_failed(result):
            continue
        text = _write_error(result.content)
        if reason := _find_missing_cause(case, index, call, text):
            yield Finding(rule="unexplained_error", message=index, text=f"{call.id} {call.name}: {reason}")


def _write_error(content: Any) -> str:
    """The codes and texts of an error, as one text."""
    return " ".join(str(value) for _, value in list_scalars(content))


def _find_missing_cause(case: Case, index: int, call: ToolCall, text: str) -> str | None:
    """Says what about an error nothing explains; None if it may be as it is."""
    if _EXPIRED.search(text):
        passed = next((name for name in _list_siblings_that_passed(case, index, call)), None)
        return f"its session has expired, and {passed} passes beside it" if passed else None
    if _BUSY.search(text):
        return None
    if _NOT_FOUND.search(text):
        shown = next((value for value in _list_known_identities(case, index, call)), None)
        return f"{shown!r} is not found, though it was shown before" if shown else None
    if _CONFLICT.search(text):
        return _explain_conflict(case, index, call, text)
    if _DENIED.search(text):
        made = next((value for value in _list_known_identities(case, index, call, made=True)), None)
        return f"the user may not touch {made!r}, which was just made" if made else None
    if _INVALID.search(text) and not _STATES_A_RULE.search(text):
        named = next(
            (
                str(value)
                for _, value in list_scalars(call.arguments)
                if isinstance(value, str | int) and str(value) in text
            ),
            None,
        )
        return (
            f"{named!r} has the form that its schema asks for, and is called invalid"
            if named and _is_well_formed(case, index, call)
            else None
        )
    return None


def _is_well_formed(case: Case, index: int, call: ToolCall) -> bool:
    from funcdex_assets.schema.validation import compile_validator

    tool = case.find_tool(call.name, index)
    return tool is not None and compile_validator(tool.parameters).is_valid(call.arguments)


def _list_siblings_that_passed(case: Case, index: int, call: ToolCall) -> Iterator[str]:
    """Yields calls of the same service that were made in the same message and passed."""
    made_at = next(at for at, message in enumerate(case.messages) if call in message.tool_calls)
    siblings = {other.id: other for other in case.messages[made_at].tool_calls if other.id != call.id}
    toolkits = {name: tool.toolkit for name, tool in case.tools.items()}
    for at, other in case.calls_by_result.items():
        result = case.messages[at].result
        if other.id in siblings and result is not None and not has_failed(result):
            if other.name == call.name or (
                toolkits.get(other.name)
                and toolkits.get(other.name) == toolkits.get(call.name)
                and "_" not in toolkits[call.name]
            ):
                yield other.name


def _list_known_identities(case: Case, index: int, call: ToolCall, made: bool = False) -> Iterator[str]:
    """Yields identifiers in a call that an earlier result showed and no call has deleted since; with `made`, only those
    of what a call created.
    """
    for pointer, value in list_scalars(call.arguments):
        if not is_id(find_field_name(pointer)) or not isinstance(value, str | int) or len(str(value)) < 4:
            continue
        shown = False
        for at in range(index):
            earlier = case.calls_by_result.get(at)
            result = case.messages[at].result
            if earlier is None or result is None or has_failed(result):
                continue
            action = parse_tool_name(earlier.name).action
            if action == "delete" and str(value) in {str(other) for _, other in list_scalars(earlier.arguments)}:
                shown = False
            elif (not made or action in ("create", "copy")) and str(value) in {
                str(other) for _, other in case.result_values[at]
            }:
                shown = True
        if shown:
            yield str(value)


def _explain_conflict(case: Case, index: int, call: ToolCall, text: str) -> str | None:
    """A conflict is explained by a thing that is there already; of things that may share a name, one must have been
    shown.
    """
    values = [
        value
        for _, value in list_scalars(call.arguments)
        if isinstance(value, str) and len(value) > 2 and value in text
    ]
    if not values:
        return None
    value = values[0]
    known = any(
        value == other
        for at in range(index)
        if (result := case.messages[at].result) is not None and not has_failed(result)
        for _, other in case.result_values[at]
    )
    name = parse_tool_name(call.name)
    is_moment = re.match(r"\d{4}-\d\d-\d\d", value) is not None
    if not known and (is_moment or {name.noun, *name.words} & _NAMED_ALIKE):
        return f"{value!r} conflicts with nothing that was shown, and two may share it"
    return None


def early_retry(case: Case) -> Iterator[Finding]:
    """A call made again in the same turn, though the service named a time to wait for."""
    for turn in case.turns:
        for index in range(turn.start, turn.end):
            result, call = case.messages[index].result, case.calls_by_result.get(index)
            if result is None or call is None or not has_failed(result) or (wait := find_wait(result.content)) is None:
                continue
            if any(
                other.name == call.name and other.arguments == call.arguments
                for at in range(index + 1, turn.end)
                for other in case.messages[at].tool_calls
            ):
                yield Finding(
                    rule="early_retry",
                    message=index,
                    blocking=False,
                    text=f"{call.id} {call.name} is made again at once, though the service says {wait} seconds",
                )


def find_wait(content: Any) -> int | None:
    """Returns the seconds that an error asks to wait; None if it names none."""
    for pointer, value in list_scalars(content):
        if "retry" in pointer.lower() and isinstance(value, int | float) and not isinstance(value, bool):
            return int(value)
        if isinstance(value, str) and (match := _SECONDS.search(value)):
            return int(match[1])
    return None


def uneven_treatment(case: Case) -> Iterator[Finding]:
    """One error of a service that is tried again at once here, and told to the user there."""
    seen: dict[str, tuple[bool, int]] = {}
    for turn in case.turns:
        for index in range(turn.start, turn.end):
            result, call = case.messages[index].result, case.calls_by_result.get(index)
            if result is None or call is None or not has_failed(result):
                continue
            text = _write_error(result.content)
            kind = next(
                (
                    name
                    for name, sign in (("rate limit", _BUSY), ("expired session", _EXPIRED), ("denial", _DENIED))
                    if sign.search(text)
                ),
                None,
            )
            if kind is None:
                continue
            again = any(
                msgspec.json.encode(other.arguments) == msgspec.json.encode(call.arguments) and other.name == call.name
                for at in range(index + 1, turn.end)
                for other in case.messages[at].tool_calls
            )
            earlier = seen.setdefault(kind, (again, index))
            if earlier[0] != again:
                yield Finding(
                    rule="uneven_treatment",
                    message=index,
                    blocking=False,
                    text=f"A {kind} is {'tried again' if again else 'told'} here, and was {'told' if again else 'tried again'} in message {earlier[1]}",
                )
