"""Counts in the messages of one conversation: valid calls and results, grounded arguments, contradictions, recoveries.

Belongs here: functions that count in one conversation and return (count, total). None of them uses the rules of
`checks/findings.py` or the sources found by `checks/provenance.py`, so that the figures are a second opinion on both;
only `count_grounded` counts those sources.

>>> count_errors([Message(role="tool", result=ToolResult(call_id="c1", name="GET_FILE", content={}, error=True))])
1
"""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from funcdex_assets.checks.provenance import find_ungrounded_arguments, iterate_calls
from funcdex_assets.records.conversation import ArgumentSource
from funcdex_assets.records.message import Message, ToolCall, ToolResult
from funcdex_assets.records.plan import PlannedStep
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.json_pointers import at_pointer, list_scalars
from funcdex_assets.schema.validation import find_violations
from funcdex_assets.semantics.tool_names import is_id, parse_resource_noun, parse_tool_name
from funcdex_assets.tool_graph.equivalent_tools import reads_same_things

Count = tuple[int, int]
NO_TOOLS: Mapping[str, Tool] = MappingProxyType({})


def count_valid_calls(
    messages: Sequence[Message], tools: Mapping[str, Tool], late: Mapping[str, Tool] = NO_TOOLS
) -> Count:
    """Counts the calls of a tool on offer with arguments that are valid under its JSON Schema, of all calls.

    A `late` tool is on offer once a message of the user has its name in quotes, as a definition has.
    """
    good = total = 0
    on_offer = dict(tools)
    for message in messages:
        if message.role == "user":
            on_offer |= {name: tool for name, tool in late.items() if f'"{name}"' in (message.content or "")}
        for call in message.tool_calls:
            tool = on_offer.get(call.name)
            total += 1
            if tool is not None and not find_violations(tool.parameters, call.arguments):
                good += 1
    return good, total


def count_valid_results(messages: Sequence[Message], tools: Mapping[str, Tool]) -> Count:
    """Counts the results that are valid under their tool's response schema, of the results without an error whose tool
    has such a schema.
    """
    judged = [
        not find_violations(tool.returns, result.content)
        for _, result in pair_calls(messages)
        if not result.error and (tool := tools.get(result.name)) is not None and tool.returns is not None
    ]
    return sum(judged), len(judged)


def count_grounded(messages: Sequence[Message], provenance: Sequence[ArgumentSource]) -> Count:
    """Counts the scalar arguments that have a source, of all."""
    total = sum(bool(pointer) for _, call in iterate_calls(messages) for pointer, _ in list_scalars(call.arguments))
    return total - sum(1 for _ in find_ungrounded_arguments(messages, provenance)), total


def count_contradicted(messages: Sequence[Message], steps: Sequence[PlannedStep]) -> Count:
    """Counts the arguments with another value than the user stated before the call, of all values stated so.

    The plan says which words of the user stand for which value; a value counts as said only if the words are in a
    user's message before the call. A call belongs to the first step of its tool that has none yet.
    """
    heard, waiting = "", list(steps)
    stated = wrong = 0
    for message in messages:
        if message.role == "user":
            heard += f"\n{message.content or ''}".lower()
        for call in message.tool_calls:
            step = next((step for step in waiting if step.tool == call.name), None)
            if step is None:
                continue
            waiting.remove(step)
            for argument in step.arguments:
                if argument.source == "user" and argument.surface and argument.surface.lower() in heard:
                    stated += 1
                    if at_pointer(call.arguments, argument.argument) != argument.value:
                        wrong += 1
    return wrong, stated


def count_differing_echoes(messages: Sequence[Message]) -> Count:
    """Counts the ids of calls that the result gives back changed, of all that results give back.

    A result gives an id back under the same name, or as `id` if the call reads or changes just that object. A call
    that creates an object returns a new id, so nothing of that name is compared.
    """
    differing = echoed = 0
    for call, result in pair_calls(messages):
        if result.error or not isinstance(result.content, dict) or not isinstance(call.arguments, dict):
            continue
        for name, value in call.arguments.items():
            if is_id(name) and isinstance(value, str | int):
                for echoed_value in _list_echoes(name, call.name, result.content):
                    echoed += 1
                    if echoed_value != value:
                        differing += 1
    return differing, echoed


def _list_echoes(name: str, tool: str, content: Mapping[str, Any]) -> Iterator[str | int]:
    parsed_tool, about = parse_tool_name(tool), parse_resource_noun(name).rpartition(" ")[2]
    is_the_thing = about in ("", parsed_tool.noun)
    if parsed_tool.action == "copy" or (parsed_tool.action in ("create", "send") and is_the_thing):
        return
    objects = [content, *(value for value in content.values() if isinstance(value, dict))]
    names = (
        (name, "id") if is_the_thing and parsed_tool.action in ("get", "update", "delete") and name != "id" else (name,)
    )
    echoed_value = next(
        (json_object[id_name] for id_name in names for json_object in objects if id_name in json_object), None
    )
    if isinstance(echoed_value, str | int) and not isinstance(echoed_value, bool):
        yield echoed_value


# ── failures and recoveries ──────────────────────────────────────────────────────────────────


def pair_calls(messages: Sequence[Message]) -> Iterator[tuple[ToolCall, ToolResult]]:
    """Yields each call with its result, in order."""
    calls: dict[str, ToolCall] = {}
    for message in messages:
        calls |= {call.id: call for call in message.tool_calls}
        if message.result is not None and message.result.call_id in calls:
            yield calls[message.result.call_id], message.result


def is_empty(result: ToolResult) -> bool:
    """Returns True for the result of a search or a listing that found nothing."""
    if result.error or parse_tool_name(result.name).action != "list":
        return False
    content = result.content
    lists = [value for value in content.values() if isinstance(value, list)] if isinstance(content, dict) else []
    return content == [] or (bool(lists) and not any(lists))


def count_errors(messages: Sequence[Message]) -> int:
    return sum(message.result is not None and message.result.error for message in messages)


def count_empty_results(messages: Sequence[Message]) -> int:
    return sum(message.result is not None and is_empty(message.result) for message in messages)


def has_recovered(messages: Sequence[Message]) -> bool:
    """Returns True if a call that failed or found nothing succeeds later, with its tool or with a substitute for it."""
    open_tools: set[str] = set()
    in_turn: set[str] = set()
    before: set[str] = set()  # those of the turn that were open when the last calls were made
    for message in messages:
        result = message.result
        if result is None:
            in_turn = set() if message.role == "user" else in_turn
            before = set(in_turn)
        elif result.error or is_empty(result):
            open_tools.add(result.name)
            in_turn.add(result.name)
        elif result.name in open_tools or any(reads_same_things(tool, result.name) for tool in before):
            return True
    return False


def has_parallel_calls(messages: Sequence[Message]) -> bool:
    return any(len(message.tool_calls) > 1 for message in messages)


def speaks_first(messages: Sequence[Message]) -> bool:
    """Returns True if the assistant says something before its first call, as when it asks for a missing value."""
    for index, message in enumerate(messages):
        if message.tool_calls:
            return any(earlier.role == "assistant" for earlier in messages[:index])
    return False
