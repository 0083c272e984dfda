"""Steers a session by the name of an act, such as `reset` or `check`, for those who set tasks and score them.

Belongs here: what each act takes and answers, as JSON. Agents do not see these acts among their tools unless asked for
(`--control`); over HTTP they are posted to `/control/NAME`.
"""

from collections.abc import Mapping
from typing import Any

from funcdex_assets.records.suggestions import suggest_name
from funcdex_assets.schema.schema import Schema
from funcdex_assets.schema.validation import find_violations
from funcdex_assets.world_server.json_inputs import MOST_LEVELS_AROUND, find_json_flaw
from funcdex_assets.world_server.session import SessionError, WorldSession

TOOL_PREFIX = "world_"
_TEXT: Schema = {"type": "string"}
_CALLS: Schema = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"name": _TEXT, "arguments": {"type": "object"}},
        "required": ["name"],
    },
}


def _build_object(required: tuple[str, ...] = (), **properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


CONTROLS: Mapping[str, tuple[str, Schema]] = {
    "reset": (
        "Start over, with a goal or, without goals, with a seed. Answers with the request.",
        _build_object(goal=_TEXT, seed={"type": "integer", "minimum": 0}),
    ),
    "goals": ("List the goals: their ids and requests.", _build_object()),
    "tell": (
        "Say what the user says, so that the identifiers in it may be used.",
        _build_object(("text",), text=_TEXT),
    ),
    "snapshot": ("Return the present state, to go back to it by restore.", _build_object()),
    "restore": ("Go back to a snapshot.", _build_object(("snapshot",), snapshot={"type": "object"})),
    "check": (
        "Compare what was changed with the goal, with a snapshot, or with what a list of calls changes.",
        _build_object(expected={"anyOf": [{"type": "object"}, _CALLS]}),
    ),
}
"""The acts, each with what it does and the JSON Schema of its arguments."""


def control_session(session: WorldSession, act: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Carries out an act and returns its answer.

    Raises:
        SessionError: there is no such act, or it cannot be done with these arguments.
    """
    if act not in CONTROLS:
        raise SessionError(f"there is no {act!r}{suggest_name(act, CONTROLS)}; there are {', '.join(CONTROLS)}")
    flaw = find_json_flaw(arguments, MOST_LEVELS_AROUND)
    if flaw:
        raise SessionError(f"{act} cannot be done: {flaw}")
    violations = find_violations(CONTROLS[act][1], dict(arguments))
    if violations:
        raise SessionError(f"{act} cannot be done: {'; '.join(violations)}")
    match act:
        case "reset":
            session.reset(**arguments)
            return describe_task(session)
        case "goals":
            return {"goals": [{"goal": goal.goal_id, "request": goal.request} for goal in session.goals.values()]}
        case "tell":
            session.tell(arguments["text"])
            return {}
        case "snapshot":
            return {"snapshot": session.snapshot()}
        case "restore":
            session.restore(arguments["snapshot"])
            return describe_task(session)
        case _:
            state = session.check(arguments.get("expected"))
            return {
                "reached": state.reached,
                "differences": list(state.differences),
                "changes": list(state.changes),
                **({"checks_only": state.checks_only} if state.checks_only else {}),
            }


def describe_task(session: WorldSession) -> dict[str, Any]:
    """Returns what an agent is to do: `goal`, its id or null, and `messages`, none where there is no goal."""
    goal = session.goal
    return {"goal": goal.goal_id if goal else None, "messages": goal.messages if goal else []}
