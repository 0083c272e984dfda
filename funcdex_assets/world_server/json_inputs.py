"""Tells what is wrong with JSON from outside, so that it is refused in words before anything acts on it.

Belongs here: how deep values may be nested, and what a snapshot looks like. Arguments of calls are checked against the
tool's schema in `session.py`, those of acts in `control.py`.

>>> find_json_flaw({"deep": [[["x"]]]}, most_levels=3)
'it is nested deeper than 3 levels; give it flatter'
>>> find_snapshot_flaw({"world": 4, "seed": [1], "goal": None, "state": "", "log": []})
'/seed: [1] is not of type "integer"'
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from funcdex_assets.schema.schema import Schema
from funcdex_assets.schema.validation import find_violations

MOST_LEVELS = 64
"""Of a call's arguments; each level takes several frames of Python's stack, of which there are 1,000."""
MOST_LEVELS_AROUND = 2 * MOST_LEVELS
"""Of what holds such arguments: a snapshot, or the body of a request."""
_LONGEST_QUOTE = 300  # characters; a snapshot may hold whole documents

_ENTRIES: Mapping[str, Schema] = {
    "call": {
        "type": "object",
        "properties": {"call": {"type": "string"}, "arguments": {"type": "object"}},
        "required": ["call", "arguments"],
        "additionalProperties": False,
    },
    "told": {
        "type": "object",
        "properties": {"told": {"type": "string"}},
        "required": ["told"],
        "additionalProperties": False,
    },
}
_SNAPSHOT: Schema = {
    "type": "object",
    "properties": {
        "seed": {"type": "integer"},
        "goal": {"type": ["string", "null"]},
        "state": {"type": "string"},
        "log": {"type": "array", "items": {"type": "object"}},
    },
}


def find_json_flaw(value: Any, most_levels: int = MOST_LEVELS) -> str:
    """Returns why a value cannot be taken as JSON: too deep, half of a surrogate pair, no JSON value; or ''."""
    layer: list[Any] = [value]
    for _ in range(most_levels + 1):
        containers = [part for part in layer if isinstance(part, Mapping | list | tuple)]
        layer = [part for held in containers for part in (held.values() if isinstance(held, Mapping) else held)]
    if layer:
        return f"it is nested deeper than {most_levels} levels; give it flatter"
    try:
        msgspec.json.encode(value)
    except (TypeError, ValueError) as error:
        return f"it cannot be written as JSON: {error}"
    return ""


def find_snapshot_flaw(snapshot: Mapping[str, Any]) -> str:
    """Returns the place, the value and the fault of the first thing that no snapshot has; or ''."""
    violations = find_violations(_SNAPSHOT, dict(snapshot))
    if violations:
        return _shorten(violations[0])
    for index, entry in enumerate(snapshot["log"]):
        violations = find_violations(_ENTRIES["told" if "told" in entry else "call"], entry)
        if violations:
            return _shorten(f"/log/{index}{violations[0].removeprefix('(whole)')}")
    return ""


def _shorten(text: str) -> str:
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}…"
