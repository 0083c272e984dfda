"""The result shape that the rest of the system counts on, also where a source leaves it open.

Many sources say only that a result is an object ("data: object"). Nothing could be chained or shown
then, so an open object is given the shape that its tool's name suggests: `FIND_FILE` finds files,
each with an id, a name, an owner, a link. A value of the assumed shape is always valid under the
source's own schema, since it only fills what that leaves open.
"""

from functools import cache
from typing import Any

import msgspec

from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.schema import Schema, schema_type
from funcdex_assets.schema.words import plural
from funcdex_assets.semantics.tool_names import parse_tool_name

_TEXT = {"type": "string"}
_WHEN = {"type": "string", "format": "date-time"}
_MAIL = {"type": "string", "format": "email"}
_ITEMS: dict[str, dict[str, Schema]] = {
    "email": {"subject": _TEXT, "from": _MAIL, "date": _WHEN, "snippet": _TEXT, "thread_id": _TEXT},
    "thread": {
        "subject": _TEXT,
        "participants": {"type": "array", "items": _MAIL},
        "last_message_at": _WHEN,
        "snippet": _TEXT,
    },
    "file": {
        "name": _TEXT,
        "owner": _MAIL,
        "modified_at": _WHEN,
        "web_link": {"type": "string", "format": "uri"},
        "folder_id": _TEXT,
    },
    "event": {"title": _TEXT, "start_at": _WHEN, "organizer": _MAIL},
}
_ANY_ITEM: dict[str, Schema] = {"name": _TEXT, "status": _TEXT, "created_at": _WHEN}

# What leaves a result open to any shape: an object with no more said of it than this.
_SAYS_NOTHING = frozenset(
    "type title description default example examples deprecated readOnly writeOnly nullable properties $defs $schema "
    "$id $comment".split()
)

_by_identity: dict[tuple[int, str], tuple[Any, Schema]] = {}


def result_schema(tool: Tool) -> Schema:
    """JSON Schema of the results made for this tool: its own, with open objects given a shape."""
    key = (id(tool.returns), tool.name)  # the shape of an open result follows from the tool's name
    known = _by_identity.get(key)
    if known is None or known[0] is not tool.returns:  # the schema is kept, so its id stays its own
        schema = _result_schema(msgspec.json.encode(tool.returns), tool.name)
        known = _by_identity[key] = (tool.returns, schema)
    return known[1]


@cache
def _result_schema(returns: bytes, name: str) -> Schema:
    schema = msgspec.json.decode(returns) or {"type": "object"}
    return _close(schema, name)


def _close(schema: dict[str, Any], name: str) -> dict[str, Any]:
    if schema_type(schema) != "object":
        return schema
    properties = schema.get("properties")
    if not properties:
        return _assumed(name) if _SAYS_NOTHING.issuperset(schema) and schema.get("default") is None else schema
    if not any(key in schema for key in ("oneOf", "anyOf", "allOf", "$ref")):
        return {
            **schema,
            "properties": {key: _close(part, name) if _open(part) else part for key, part in properties.items()},
        }
    return schema


def _open(schema: Any) -> bool:
    return isinstance(schema, dict) and schema.get("type") == "object" and not schema.get("properties")


def _assumed(name: str) -> dict[str, Any]:
    parsed = parse_tool_name(name)
    item = {"id": _TEXT, **_ITEMS.get(parsed.noun, _ANY_ITEM)}
    item_schema = {"type": "object", "properties": item, "required": list(item)}
    if parsed.action != "list":
        return {"type": "object", "properties": {parsed.noun: item_schema}, "required": [parsed.noun]}
    many = plural(parsed.noun)
    return {
        "type": "object",
        "properties": {many: {"type": "array", "items": item_schema}, "next_page_token": _TEXT},
        "required": [many],
    }
