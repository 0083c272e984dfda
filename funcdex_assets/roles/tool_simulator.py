"""Plays the services behind the tools: returns the result of one call, consistent with the results before it.

Offline, a world that has seen all earlier results gives it. The answer is constrained by the tool's response schema, or
by the shape that the tool's name suggests where it has none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

import msgspec

from funcdex_assets.dialogue.dialogue_state import DialogueState
from funcdex_assets.environment.world import World
from funcdex_assets.inference.protocol import Constraint, JsonSchemaConstraint
from funcdex_assets.records.record import Json
from funcdex_assets.records.tool import Tool
from funcdex_assets.roles.role import Role
from funcdex_assets.roles.tool_schemas import to_decodable_schema
from funcdex_assets.semantics.result_schema import complete_result_schema


@dataclass(frozen=True)
class ToolCue:
    """A call that makes sense. `needed_paths` are the paths (`/threads/*/id`) that the result must have."""

    state: DialogueState
    tool: Tool
    arguments: Mapping[str, Json]
    needed_paths: frozenset[str]


def _render_variables(cue: ToolCue) -> dict[str, object]:
    """Renders the values of the prompt's variables."""
    persona = cue.state.situation.persona
    return {
        "scenario": cue.state.situation.scenario.text,
        "today": persona.today,
        "user": f"{persona.name} <{persona.email}>, {persona.company}",
        "transcript": cue.state.render_transcript(),
        "tool": f"{cue.tool.name}: {cue.tool.description}",
        "returns": msgspec.json.encode(complete_result_schema(cue.tool)).decode(),
        "needed": ", ".join(sorted(cue.needed_paths)) or "none in particular",
        "call": f"{cue.tool.name} {msgspec.json.encode(cue.arguments).decode()}",
    }


def _improvise_result(cue: ToolCue, rng: Random) -> Any:
    """Executes the call in a world that has witnessed all earlier calls and results."""
    world = World(cue.state.situation, rng.getrandbits(32))
    arguments = {call.id: call.arguments for message in cue.state.messages for call in message.tool_calls}
    for message in cue.state.messages:
        result = message.result
        if result and not result.error and isinstance(arguments.get(result.call_id, {}), dict):
            world.remember_result(result.name, result.content, arguments.get(result.call_id, {}))
    result = world.execute_call(cue.tool, cue.arguments, cue.needed_paths)
    return msgspec.json.encode(result).decode() if isinstance(result, str) else result


def _constrain_result(cue: ToolCue) -> Constraint:
    """Returns the decodable form of the tool's response schema."""
    return JsonSchemaConstraint("tool_simulator", to_decodable_schema(complete_result_schema(cue.tool)))


ROLE = Role(
    "tool_simulator",
    object,
    _render_variables,
    _improvise_result,
    constraint=_constrain_result,
    read=lambda completion: msgspec.json.decode(completion.text),
)
