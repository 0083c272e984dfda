"""Rules about calls that fail: an error must have a cause, and one error one treatment.

Belongs here: errors of services, and when they are tried again. What a reply says of a failure is in `results.py`.
Codes are read in any language, causes in words only in English.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from funcdex_assets.checks.rules.case import Case, Turn, find_field_name, has_failed
from funcdex_assets.checks.rules.things import iterate_good_calls, list_argument_scalars, list_scalar_texts
from funcdex_assets.records.conversation import Finding
from funcdex_assets.records.message import ToolCall
from funcdex_assets.schema.json_pointers import list_scalars
from funcdex_assets.schema.validation import compile_validator
from funcdex_assets.schema.words import split_words, to_singular
from funcdex_assets.semantics.tool_names import is_id, parse_resource_noun, parse_tool_name

_EXPIRED = re.compile(
    r"\b401\b|token (?:has )?expired|sign in|unauthenticated|session (?:has )?expired|log ?in again", re.IGNORECASE
)
_INVALID = re.compile(r"\binvalid\b|\bnot valid\b|\bmalformed\b|\bnot a valid\b", re.IGNORECASE)
_NOT_FOUND = re.compile(r"\b404\b|not[ _]found|does not exist|no such|could not find", re.IGNORECASE)
_CONFLICT = re.compile(r"\b409\b|already exists|conflict", re.IGNORECASE)
_DENIED = re.compile(r"\b403\b|permission|forbidden|not allowed|denied", re.IGNORECASE)
_BUSY = re.compile(r"\b429\b|rate.?limit|quota|too many requests", re.IGNORECASE)
_STATES_A_RULE = re.compile(
    r"\b(?:must|only|at least|at most|more than|less than|maximum|minimum|in the (?:past|future)|before|after|between|"
    r"longer|shorter|unsupported|supported|expected|hours?|allowed|limit|too (?:long|short|large|small|many|few|far)|"
    r"cannot|can't|because|already|closed|reserved|(?:this|your) plan|"
    r"(?:in)?valid (?:for|in|on|with) (?:this|your|the))\b",
    re.IGNORECASE,
)
_NAMED_ALIKE = frozenset(
    "document doc file folder event message draft note page task issue comment email thread product meeting "
    "appointment reminder recipe playlist".split()
)
"""Things of which two may have the same name or time."""
_SPOKEN_WAIT = re.compile(r"\b(?:retry|wait|again)\b[^.]{0,20}?(\d+) ?(s\b|sec|m\b|min)", re.IGNORECASE)
_WAIT_WORDS = frozenset("after in delay seconds wait ms".split())
_LONG_WAIT = 30  # seconds; a service that asks for more is not the same case as one that asks for less
_MIN_IDENTIFIER_LENGTH, _MIN_NAMED_LENGTH = 4, 2  # characters


def unexplained_error(case: Case) -> Iterator[Finding]:
    """An error that neither the arguments, the schema nor anything before it explains.

    Such are: a well-formed value that is called invalid without a rule; a thing that cannot be found though it was just
    shown; a conflict of things that may be named alike; an expired session of one of several calls that went out
    together; no permission for what the user has just made. Let pass is an error about another of the call's values.
    """
    for index, call in case.calls_by_result.items():
        result = case.messages[index].result
        if result is None or not has_failed(result) or not isinstance(call.arguments, dict):
            continue
        if reason := _find_missing_cause(case, index, call, _write_error(result.content)):
            yield Finding(rule="unexplained_error", message=index, text=f"{call.id} {call.name}: {reason}")


def _write_error(content: Any) -> str:
    """The codes and texts of an error as one text, without the identifier of the request and such."""
    return " ".join(
        str(value)
        for pointer, value in list_scalars(content)
        if not is_id(find_field_name(pointer)) or isinstance(value, int)
    )


def _find_missing_cause(case: Case, index: int, call: ToolCall, text: str) -> str | None:
    """Says what about an error nothing explains; None if it may be as it is."""
    if _EXPIRED.search(text):
        passed = next(_list_siblings_that_passed(case, call), None)
        return f"its session has expired, and {passed} passes beside it" if passed else None
    if _BUSY.search(text):
        return None
    if _NOT_FOUND.search(text):
        shown = next(_list_known_identities(case, index, call, text), None)
        return f"{shown!r} is not found, though it was shown before" if shown else None
    if _CONFLICT.search(text):
        return _explain_conflict(case, index, call, text)
    if _DENIED.search(text):
        made = next(_list_known_identities(case, index, call, text, made=True), None)
        return f"the user may not touch {made!r}, which was just made" if made else None
    if _INVALID.search(text) and not _STATES_A_RULE.search(text) and _is_well_formed(case, index, call):
        named = next(iter(_list_named_values(call, text)), None)
        return f"{named!r} has the form that its schema asks for, and is called invalid" if named else None
    return None


def _list_named_values(call: ToolCall, text: str) -> Sequence[str]:
    """The values of a call that the text of its error names."""
    values = (str(value) for _, value in list_argument_scalars(call) if isinstance(value, str | int))
    return [
        value
        for value in values
        if len(value) >= _MIN_NAMED_LENGTH and re.search(rf"(?<!\w){re.escape(value)}(?!\w)", text)
    ]


def _is_well_formed(case: Case, index: int, call: ToolCall) -> bool:
    tool = case.find_tool(call.name, index)
    return tool is not None and compile_validator(tool.parameters).is_valid(call.arguments)


def _list_siblings_that_passed(case: Case, call: ToolCall) -> Iterator[str]:
    """Yields calls of the same service that were made in the same message and passed."""
    siblings = next((message.tool_calls for message in case.messages if call in message.tool_calls), ())
    identities = {other.id for other in siblings if other.id != call.id}
    toolkit = _find_toolkit(case, call)
    for _, other, _ in iterate_good_calls(case):
        is_alike = other.name == call.name or (toolkit and "_" not in toolkit and _find_toolkit(case, other) == toolkit)
        if other.id in identities and is_alike:
            yield other.name


def _find_toolkit(case: Case, call: ToolCall) -> str:
    tool = case.tools.get(call.name)
    return tool.toolkit if tool else ""


def _list_known_identities(case: Case, index: int, call: ToolCall, text: str, made: bool = False) -> Iterator[str]:
    """Yields the identifiers that an error is about and that an earlier result showed; no call has deleted them since.

    With `made`, only those of what a call created.
    """
    for value in _list_blamed_identities(call, text):
        shown = False
        for at, earlier, result in iterate_good_calls(case):
            if at >= index:
                break
            action = parse_tool_name(earlier.name).action
            if action == "delete" and value in list_scalar_texts(earlier.arguments):
                shown = False
            elif (not made or action in ("create", "copy")) and value in list_scalar_texts(result.content):
                shown = True
        if shown:
            yield value


def _list_blamed_identities(call: ToolCall, text: str) -> Sequence[str]:
    """The identifiers of a call that its error is about: those that it names, or those of a noun that it names.

    All, if it names nothing of the call; none, if it names another of its values, such as an address.
    """
    identities = {
        str(value): parse_resource_noun(find_field_name(pointer)).rpartition(" ")[2]
        for pointer, value in list_argument_scalars(call)
        if is_id(find_field_name(pointer))
        and isinstance(value, str | int)
        and len(str(value)) >= _MIN_IDENTIFIER_LENGTH
    }
    if named := _list_named_values(call, text):
        return [value for value in identities if value in named]
    words = {to_singular(word) for word in split_words(text)}
    argument_nouns = {to_singular(word) for name in call.arguments for word in split_words(name)} - {"id"}
    of_named_noun = [value for value, noun in identities.items() if noun in words]
    is_about_another = bool(words & argument_nouns)
    return of_named_noun if of_named_noun or is_about_another else list(identities)


def _explain_conflict(case: Case, index: int, call: ToolCall, text: str) -> str | None:
    """A conflict is explained by a thing that is there already; of things that may share a name, one must have been
    shown.
    """
    value = next((value for value in _list_named_values(call, text) if not value.isdigit()), None)
    if value is None:
        return None
    is_known = any(
        value == other for at, _, _ in iterate_good_calls(case) if at < index for _, other in case.result_values[at]
    )
    name = parse_tool_name(call.name)
    is_moment = re.match(r"\d{4}-\d\d-\d\d", value) is not None
    if not is_known and (is_moment or {name.noun, *name.words} & _NAMED_ALIKE):
        return f"{value!r} conflicts with nothing that was shown, and two may share it"
    return None


def early_retry(case: Case) -> Iterator[Finding]:
    """A call made again in the same turn, though the service named a time to wait for."""
    for turn, index, call in _iterate_failures(case):
        wait = find_wait(_get_content(case, index))
        if wait and _is_made_again(case, turn, index, call):
            yield Finding(
                rule="early_retry",
                message=index,
                blocking=False,
                text=f"{call.id} {call.name} is made again at once, though the service says {wait} seconds",
            )


def _iterate_failures(case: Case) -> Iterator[tuple[Turn, int, ToolCall]]:
    """Yields (turn, message of the result, call) of each call that failed."""
    for turn in case.turns:
        for index in range(turn.start, turn.end):
            result, call = case.messages[index].result, case.calls_by_result.get(index)
            if result is not None and call is not None and has_failed(result):
                yield turn, index, call


def _get_content(case: Case, index: int) -> Any:
    result = case.messages[index].result
    return result.content if result else None


def _is_made_again(case: Case, turn: Turn, index: int, call: ToolCall) -> bool:
    """True if a later call of the turn is the same."""
    return any(
        other.name == call.name and msgspec.json.encode(other.arguments) == msgspec.json.encode(call.arguments)
        for at in range(index + 1, turn.end)
        for other in case.messages[at].tool_calls
    )


def find_wait(content: Any) -> int | None:
    """Returns the seconds that an error asks to wait; None if it names none.

    >>> [find_wait(error) for error in ({"retry_after": "30"}, {"message": "Try again in 2 min."}, {"retries": 3})]
    [30, 120, None]
    """
    for pointer, value in list_scalars(content):
        words = split_words(find_field_name(pointer))
        if "retry" in words and _WAIT_WORDS & set(words):
            if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 9:
                return int(value)
            if isinstance(value, int | float) and not isinstance(value, bool):
                return int(value / 1000 if "ms" in words else value)
        if isinstance(value, str) and (match := _SPOKEN_WAIT.search(value)):
            return int(match[1]) * (60 if match[2].lower().startswith("m") else 1)
    return None


def uneven_treatment(case: Case) -> Iterator[Finding]:
    """One error of a service that is tried again at once here, and told to the user there.

    Let pass is giving up after trying again in vain, and errors that ask for waits of different lengths.
    """
    treatment_by_kind: dict[str, tuple[bool, int]] = {}
    for turn, index, call in _iterate_failures(case):
        kind = _tell_kind(_get_content(case, index))
        has_failed_before = any(
            at < index and earlier_turn == turn and earlier.name == call.name
            for earlier_turn, at, earlier in _iterate_failures(case)
        )
        if kind is None or has_failed_before:
            continue
        again = _is_made_again(case, turn, index, call)
        before, at = treatment_by_kind.setdefault(kind, (again, index))
        if before != again:
            here, there = ("tried again", "told") if again else ("told", "tried again")
            yield Finding(
                rule="uneven_treatment",
                message=index,
                blocking=False,
                text=f"{_tell_article(kind)} {kind} is {here} here, and was {there} in message {at}",
            )


def _tell_article(kind: str) -> str:
    return "An" if kind[0] in "aeiou" else "A"


def _tell_kind(content: Any) -> str | None:
    """Names the kind of an error that deserves one treatment; None for any other."""
    text = _write_error(content)
    if _BUSY.search(text):
        return "rate limit with a long wait" if (find_wait(content) or 0) > _LONG_WAIT else "rate limit"
    if _EXPIRED.search(text):
        return "expired session"
    return "denial" if _DENIED.search(text) else None
