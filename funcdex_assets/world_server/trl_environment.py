"""Makes a class of a toolkit's world that TRL's `GRPOTrainer` takes as its `environment_factory`.

Belongs here: tools as methods, with the signatures and docstrings from which chat templates make their schemas. Nothing
of TRL is imported. `reset(goal=…)` starts a goal, `get_reward()` is the end-state check.

    World = build_environment_class(tools, begin_session)
    GRPOTrainer(model=…, train_dataset=build_prompts(goals), environment_factory=World)
"""

import inspect
import keyword
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.references import resolve_schema
from funcdex_assets.schema.schema import Schema, schema_type
from funcdex_assets.schema.words import split_words
from funcdex_assets.world_server.goals import Goal
from funcdex_assets.world_server.session import SessionError, WorldSession

_PYTHON_TYPES: Mapping[str, Any] = {
    "string": str,
    "integer": int,
    "number": float,
    "boolean": bool,
    "array": list,
    "object": dict,
}


class WorldEnvironment:
    """A session with `reset` and `get_reward`; `build_environment_class` adds a method for each tool."""

    def __init__(self) -> None:
        self._session = self._begin_session()

    def _begin_session(self) -> WorldSession:
        raise NotImplementedError("use build_environment_class")

    def reset(self, goal: str | None = None, **row: Any) -> str | None:
        """Starts the goal that the row of the dataset names; returns its request where the row has no prompt.

        Raises:
            SessionError: there is no such goal.
        """
        self._session.reset(goal)
        present = self._session.goal
        return present.request if present and not row.get("prompt") else None

    def get_reward(self) -> float:
        """Returns 1.0 where the end state is the goal's, else 0.0."""
        return float(bool(self._session.check().reached))


def build_prompts(goals: Sequence[Goal]) -> list[dict[str, Any]]:
    """Returns the rows of a dataset for the trainer: `prompt`, the goal's messages, and `goal`, its id."""
    return [{"prompt": goal.messages, "goal": goal.goal_id} for goal in goals]


def build_environment_class(tools: Sequence[Tool], begin_session: Callable[[], WorldSession]) -> type[WorldEnvironment]:
    """Returns a class of environments with a method for each tool; each instance has a session of its own.

    Arguments of a tool that are no names in Python are left out if they are optional.

    Raises:
        SessionError: a tool or a required argument has a name that a method cannot have.
    """
    methods = {tool.name: _build_method(tool) for tool in tools}
    reserved = next((name for name in methods if name in ("reset", "get_reward") or not _is_name(name)), None)
    if reserved:
        raise SessionError(f"the tool {reserved!r} cannot be a method; rename it in its toolkit's file")
    return type("World", (WorldEnvironment,), {**methods, "_begin_session": lambda _: begin_session()})


def _build_method(tool: Tool) -> Callable[..., str]:
    parameters = _list_parameters(tool)

    def call(self: WorldEnvironment, **arguments: Any) -> str:
        given = {name: value for name, value in arguments.items() if value is not None}
        return msgspec.json.encode(self._session.call(tool.name, given).content).decode()

    lines = [tool.description or tool.name, "", "Args:" if parameters else ""]
    for name, schema, _ in parameters:
        about = " ".join(str(schema.get("description") or " ".join(split_words(name))).split())
        lines.append(f"    {name}: {about}")
    call.__name__ = call.__qualname__ = tool.name
    call.__doc__ = "\n".join([*lines, "", "Returns:", "    The result as JSON."])
    annotations = {name: _find_type(schema, is_required) for name, schema, is_required in parameters}
    call.__annotations__ = {**annotations, "return": str}
    call.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD),
            *(
                inspect.Parameter(
                    name,
                    inspect.Parameter.KEYWORD_ONLY,
                    default=inspect.Parameter.empty if is_required else None,
                    annotation=annotations[name],
                )
                for name, _, is_required in parameters
            ),
        ],
        return_annotation=str,
    )
    return call


def _list_parameters(tool: Tool) -> list[tuple[str, Schema, bool]]:
    """Returns the parameters with their schemas, and whether they are required; the required ones first."""
    required = set(tool.parameters.get("required", ()))
    listed: list[tuple[str, Schema, bool]] = []
    for name, schema in tool.parameters.get("properties", {}).items():
        if _is_name(name):
            listed.append((name, resolve_schema(schema, tool.parameters), name in required))
        elif name in required:
            raise SessionError(f"the argument {name!r} of {tool.name} cannot be one of a method")
    return sorted(listed, key=lambda parameter: not parameter[2])


def _find_type(schema: Schema, is_required: bool) -> Any:
    options = schema.get("enum")
    type_: Any = Literal[tuple(options)] if options else _PYTHON_TYPES.get(schema_type(schema) or "", str)
    return type_ if is_required else type_ | None


def _is_name(name: str) -> bool:
    return name.isidentifier() and not keyword.iskeyword(name)
