"""Verifies conversations: runs their calls again from scratch, and compares every result and the final state.

Belongs here: recordings and the comparison. A `Recording` comes from the tables, or from one row of a published file:
there, the `certificate` holds the seal, the people and what an OpenAI tool list does not say of the called tools
(their response schemas), so that a row can be verified without anything beside it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from funcdex_assets.environment.executor import Executor
from funcdex_assets.environment.world import WORLD_VERSION
from funcdex_assets.language.values import Situation, build_situation
from funcdex_assets.records.conversation import Conversation, Seal, SealedCall
from funcdex_assets.records.declared_meaning import without_declared_meanings
from funcdex_assets.records.errors import UserError
from funcdex_assets.records.message import Message, ToolCall
from funcdex_assets.records.openai_messages import parse_openai_messages
from funcdex_assets.records.scenario import Persona, Scenario
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.json_pointers import escape_step
from funcdex_assets.semantics.stated_rules import read_stated_rules

MAX_DIFFERENCES = 5  # differences told of one conversation


class ReplayError(UserError):
    """A recording that cannot be replayed; the message says why."""


@dataclass(frozen=True)
class Recording:
    """A conversation to replay. `marks_errors`: messages mark errors as such, which OpenAI messages cannot."""

    conversation_id: str
    messages: Sequence[Message]
    seal: Seal
    situation: Situation
    tools: Mapping[str, Tool]
    marks_errors: bool = True


def replay_conversation(recording: Recording) -> list[str]:
    """Returns the differences, each with its call and place; none when every result and the state are the same.

    Raises:
        ReplayError: another version of the world made it, or it is no whole recording.
    """
    seal = recording.seal
    if seal.world != WORLD_VERSION:
        raise ReplayError(f"its results are by version {seal.world} of the world, and this is version {WORLD_VERSION}")
    executor = Executor(recording.situation, seal.seed, recording.tools)
    calls = [call for message in recording.messages for call in message.tool_calls]
    recorded_results = {message.result.call_id: message.result for message in recording.messages if message.result}
    if len(calls) != len(seal.calls):
        return [f"there are {len(calls)} calls, and {len(seal.calls)} were sealed"]
    differences: list[str] = []
    for call, hints in iterate_calls_in_turns(recording, executor):
        where = f"{call.id} {call.name}"
        needed_tools = (need.tool for need in hints.needs if need.tool)
        missing_tool = next((tool for tool in needed_tools if tool not in recording.tools), None)
        if missing_tool:
            raise ReplayError(f"{where}: the tool {missing_tool!r} is missing")
        result, recorded_result = executor.run(call, hints), recorded_results.get(call.id)
        if recorded_result is None:
            differences.append(f"{where}: has no result")
            continue
        if recording.marks_errors and recorded_result.error != result.error:
            differences.append(
                f"{where}: was {_describe_error_flag(recorded_result.error)}, "
                f"and is {_describe_error_flag(result.error)}"
            )
        differences += [
            f"{where}{difference}"
            for difference in _find_differences(recorded_result.content, _round_trip_json(result.content))
        ]
    state = executor.seal_calls().state
    if state != seal.state:
        differences.append(f"the final state is {state}, and {seal.state} was sealed")
    return (
        differences
        if len(differences) <= MAX_DIFFERENCES
        else [*differences[:MAX_DIFFERENCES], f"and {len(differences) - MAX_DIFFERENCES} more"]
    )


def iterate_calls_in_turns(recording: Recording, executor: Executor) -> Iterator[tuple[ToolCall, SealedCall]]:
    """Yields the recorded calls, each with what was sealed of it; before those that follow what the user said, the
    executor is told that the user spoke.
    """
    sealed_calls = iter(recording.seal.calls)
    for message in recording.messages:
        if message.role == "user":
            executor.begin_user_turn()
        for call in message.tool_calls:
            yield call, next(sealed_calls)


def to_recording(conversation: Conversation, user_situation: Situation, tools: Mapping[str, Tool]) -> Recording | None:
    """Returns a stored conversation as a recording; None where a model made its results, or it has none."""
    if conversation.seal is None:
        return None
    return Recording(conversation.conversation_id, conversation.messages, conversation.seal, user_situation, tools)


def build_certificate(
    conversation: Conversation, user_situation: Situation, tools: Mapping[str, Tool], offered_names: Sequence[str]
) -> Any:
    """Returns what a published row carries so that it can be replayed; None where a model made its results.

    `offered_names` are the tools in the row's own list; of others that were called, that a result was to suit or whose
    descriptions state rules, parameters and description are included, too, and the parameters of those whose list
    leaves out what the toolkit declares of its fields.
    """
    if conversation.seal is None:
        return None
    tool_names = dict.fromkeys(call.name for message in conversation.messages for call in message.tool_calls)
    tool_names |= dict.fromkeys(need.tool for sealed in conversation.seal.calls for need in sealed.needs if need.tool)
    tool_names |= dict.fromkeys(name for name, tool in tools.items() if read_stated_rules(tool))
    described: dict[str, dict[str, Any]] = {}
    for name in tool_names:
        tool = tools.get(name)
        if tool is not None:
            described[name] = {"toolkit": tool.toolkit, "returns": tool.returns}
            if tool.errors is not None:
                described[name]["errors"] = tool.errors
            if name not in offered_names:
                described[name]["description"] = tool.description
            is_told_less = without_declared_meanings(tool.parameters) is not tool.parameters  # in the row's own list
            if name not in offered_names or is_told_less:
                described[name]["parameters"] = tool.parameters
    return {
        "seal": msgspec.to_builtins(conversation.seal),
        "scenario": msgspec.to_builtins(user_situation.scenario),
        "persona": msgspec.to_builtins(user_situation.persona),
        "tools": described,
    }


def read_published_row(row: Mapping[str, Any]) -> Recording | None:
    """Returns a row of a published file as a recording; None where it has no certificate.

    Raises:
        ReplayError: the row is not what this program publishes.
    """
    certificate_content = row.get("certificate")
    certificate_content = (
        msgspec.json.decode(certificate_content) if isinstance(certificate_content, str) else certificate_content
    )
    if certificate_content is None:
        return None
    try:
        seal = msgspec.convert(certificate_content["seal"], Seal)
        user_situation = build_situation(
            msgspec.convert(certificate_content["scenario"], Scenario),
            msgspec.convert(certificate_content["persona"], Persona),
        )
        messages = parse_openai_messages(_decode_json(row["messages"]))
        offered = {entry["function"]["name"]: entry["function"] for entry in _decode_json(row["tools"])}
        described = certificate_content["tools"]
        known_tools = {
            name: Tool(
                toolkit=described.get(name, {}).get("toolkit", ""),
                name=name,
                description=described.get(name, {}).get("description", offered.get(name, {}).get("description", "")),
                parameters=described.get(name, {}).get("parameters", offered.get(name, {}).get("parameters")),
                returns=described.get(name, {}).get("returns"),
                errors=described.get(name, {}).get("errors"),
                source="",
            )
            for name in {**offered, **described}
        }
    except (KeyError, TypeError, ValueError, msgspec.MsgspecError) as error:
        raise ReplayError(f"the row cannot be read: {error!r}") from None
    return Recording(
        str(row.get("id", row.get("conversation_id"))), messages, seal, user_situation, known_tools, marks_errors=False
    )


def _decode_json(value: Any) -> Any:
    return msgspec.json.decode(value) if isinstance(value, str) else value


def _round_trip_json(value: Any) -> Any:
    """Returns the value as it is after it was written to JSON and read again."""
    return msgspec.json.decode(msgspec.json.encode(value))


def _describe_error_flag(error: bool) -> str:
    return "an error" if error else "no error"


def _find_differences(before: Any, after: Any, pointer: str = "") -> Iterator[str]:
    """Yields one line for each difference, with its pointer and both values."""
    if type(before) is type(after) is dict:
        for key in {**before, **after}:
            key_pointer = f"{pointer}/{escape_step(key)}"
            if key not in after:
                yield f"{key_pointer}: was {_shorten_value(before[key])}, and is not there"
            elif key not in before:
                yield f"{key_pointer}: was not there, and is {_shorten_value(after[key])}"
            else:
                yield from _find_differences(before[key], after[key], key_pointer)
    elif type(before) is type(after) is list and len(before) == len(after):
        for index, (before_item, after_item) in enumerate(zip(before, after, strict=True)):
            yield from _find_differences(before_item, after_item, f"{pointer}/{index}")
    elif before != after or isinstance(before, bool) != isinstance(after, bool):
        yield f"{pointer}: was {_shorten_value(before)}, and is {_shorten_value(after)}"


def _shorten_value(value: Any) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 90 else f"{text[:87]}..."
