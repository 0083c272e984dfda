"""Reads the things that results show: objects with an identifier of their own, and the calls that showed them.

Belongs here: what several rules about results read. No judgement.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from funcdex_assets.checks.rules.case import Case, has_failed
from funcdex_assets.records.message import ToolCall, ToolResult
from funcdex_assets.schema.json_pointers import list_scalars
from funcdex_assets.semantics.tool_names import is_id, parse_resource_noun

_MIN_IDENTIFIER_LENGTH = 4  # characters; a shorter one, such as a position, may belong to many things


class Thing(NamedTuple):
    """An object with an identifier of its own, at a pointer of a result, under the noun that it stands for there."""

    pointer: str
    noun: str
    identity: str
    fields: Mapping[str, Any]


def iterate_good_calls(case: Case) -> Iterator[tuple[int, ToolCall, ToolResult]]:
    """Yields (message of the result, call, result) of each call that worked, in order."""
    for index, call in case.calls_by_result.items():
        result = case.messages[index].result
        if result is not None and not has_failed(result) and isinstance(call.arguments, dict):
            yield index, call, result


def list_things(case: Case, index: int) -> Iterator[Thing]:
    """Yields the things in the result of message `index`."""
    for holder, pointer, noun in case.result_objects[index]:
        if identity := find_identity(holder, noun):
            yield Thing(pointer, noun, identity, holder)


def find_identity(holder: Mapping[str, Any], noun: str = "") -> str | None:
    """Returns the identifier of an object of its own; None if it has none, or one too short to tell things apart.

    >>> find_identity({"task_id": "t_4431", "list_id": "l_9"}, "task"), find_identity({"list_id": "l_9031"}, "task")
    ('t_4431', None)
    """
    for position, (key, value) in enumerate(holder.items()):
        if is_id(key) and isinstance(value, str | int) and len(str(value)) >= _MIN_IDENTIFIER_LENGTH:
            subject = parse_resource_noun(key)
            leads = noun == "" and position == 0 and len(holder) > 1  # the whole result begins with its own identifier
            if not subject or subject == noun or leads:
                return str(value)
    return None


def list_scalar_texts(value: Any) -> set[str]:
    """The scalars in a value, as texts."""
    return {str(leaf) for _, leaf in list_scalars(value)}


def list_argument_names(call: ToolCall) -> list[str]:
    """The names of the arguments of a call; none if they are no object."""
    return list(call.arguments) if isinstance(call.arguments, dict) else []


def list_argument_scalars(call: ToolCall) -> list[tuple[str, Any]]:
    """The scalars in the arguments of a call with their pointers, without the one of arguments that are empty."""
    return [(pointer, value) for pointer, value in list_scalars(call.arguments) if pointer]
