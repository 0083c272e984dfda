"""Plays the services behind the tools: returns the result of one call, consistent with the results before it.

Offline, a world that has seen all earlier results gives it. The answer is constrained by the tool's response schema, or
by the shape that the tool's name suggests where it has none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

import msgspec

from funcdex_assets.dialogue.dialogue_state import Scene
from funcdex_assets.environment.world import World
from funcdex_assets.inference.protocol import Constraint, JsonSchemaConstraint
from funcdex_assets.records.record import Json
from funcdex_assets.records.tool import Tool
from funcdex_assets.roles.role import Role
from funcdex_assets.roles.tool_schemas import decodable
from funcdex_assets.semantics.result_schema import result_schema


@dataclass(frozen=True)
class ToolCue:
    """A call that makes sense. `needed_paths` are the paths (`/threads/*/id`) that the result must have."""

    scene: Scene
    tool: Tool
    arguments: Mapping[str, Json]
    needed: frozenset[str]


def _variables(cue: ToolCue) -> dict[str, object]:
    """Renders the values of the prompt's variables."""
    persona = cue.scene.situation.persona
    return {
        "scenario": cue.scene.situation.scenario.text,
        "today": persona.today,
        "user": f"{persona.name} <{persona.email}>, {persona.company}",
        "transcript": cue.scene.transcript(),
        "tool": f"{cue.tool.name}: {cue.tool.description}",
        "returns": msgspec.json.encode(result_schema(cue.tool)).decode(),
        "needed": ", ".join(sorted(cue.needed)) or "none in particular",
        "call": f"{cue.tool.name} {msgspec.json.encode(cue.arguments).decode()}",
    }


def _improvise(cue: ToolCue, rng: Random) -> Any:
    """Executes the call in a world that has witnessed all earlier results."""
    world = World(cue.scene.situation, rng.getrandbits(32))
    for message in cue.scene.messages:
        if message.result and not message.result.error:
            world.witness(message.result.name, message.result.content)
    result = world.execute(cue.tool, cue.arguments, cue.needed)
    return msgspec.json.encode(result).decode() if isinstance(result, str) else result


def _constraint(cue: ToolCue) -> Constraint:
    """Returns the decodable form of the tool's response schema."""
    return JsonSchemaConstraint("tool_simulator", decodable(result_schema(cue.tool)))


ROLE = Role(
    "tool_simulator",
    object,
    _variables,
    _improvise,
    constraint=_constraint,
    read=lambda completion: msgspec.json.decode(completion.text),
)
