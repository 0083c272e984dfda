"""Completes result schemas, so that every tool has a result shape that can be chained and shown.

Many sources say only that a result is an object ("data: object"). Such an open object is given the shape that the
tool's name suggests: `FIND_FILE` returns files, each with an id, a name, an owner and a link. A value of the assumed
shape is always valid under the source's own schema, since it only fills what that schema leaves open. Making values of
the schema does not belong here.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec

from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.references import resolve_schema
from funcdex_assets.schema.schema import Schema, schema_type
from funcdex_assets.schema.words import to_plural, to_singular
from funcdex_assets.semantics.field_roles import is_call_setting
from funcdex_assets.semantics.tool_names import is_id, names_several, parse_resource_noun, parse_tool_name

_MAX_LIST_DEPTH = 2  # objects around the list that a result is about
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

# An object schema with no keywords but these allows any shape.
_OPEN_KEYWORDS = frozenset(
    "type title description default example examples deprecated readOnly writeOnly nullable properties $defs $schema "
    "$id $comment".split()
)

_ECHOING_ACTIONS = frozenset(("create", "update", "send", "copy"))
_DELETING_VERBS = frozenset("delete remove trash".split())

_schemas_by_identity: dict[tuple[int, int, str], tuple[Any, Any, Schema]] = {}


def complete_result_schema(tool: Tool) -> Schema:
    """Returns the JSON Schema of this tool's results: its own, with open objects given the assumed shape."""
    key = (id(tool.returns), id(tool.parameters), tool.name)  # the shape of an open result follows from the tool
    remembered = _schemas_by_identity.get(key)
    is_current = remembered is not None and remembered[0] is tool.returns and remembered[1] is tool.parameters
    if remembered is None or not is_current:  # the entry keeps both alive, so that their ids are not reused
        id_type = _find_id_type(tool)
        schema = _complete_encoded_schema(msgspec.json.encode(tool.returns), tool.name, id_type)
        remembered = _schemas_by_identity[key] = (tool.returns, tool.parameters, schema)
    return remembered[2]


def list_echoed_arguments(tool: Tool, arguments: Mapping[str, Any]) -> dict[str, Schema]:
    """Returns the arguments of a call that makes or changes something, by name, each with its schema: a service shows
    them in its results. Identifiers and settings of the call are left out.
    """
    if parse_tool_name(tool.name).action not in _ECHOING_ACTIONS:
        return {}
    properties = resolve_schema(tool.parameters, tool.parameters).get("properties", {})
    return {
        name: resolve_schema(properties[name], tool.parameters)
        for name, value in arguments.items()
        if isinstance(properties.get(name), dict) and not is_id(name) and not is_call_setting(name, value)
    }


def add_echoed_arguments(schema: Schema, tool: Tool, echoed: Mapping[str, Schema]) -> Schema:
    """Returns the completed result schema of a tool with these fields of its noun, where the source leaves it open."""
    if not echoed:
        return schema
    return _extend_assumed_shape(schema, tool.returns or {"type": "object"}, parse_tool_name(tool.name).noun, echoed)


def _extend_assumed_shape(schema: Any, source: Any, noun: str, echoed: Mapping[str, Any]) -> Any:
    """Adds the fields to the object of the noun wherever the source left the shape open."""
    if not isinstance(source, dict) or not isinstance(schema, dict) or "properties" not in schema:
        return schema
    members = schema["properties"]
    if not source.get("properties"):
        if not _OPEN_KEYWORDS.issuperset(source):
            return schema
        shown = {key: _extend_item(member, echoed) for key, member in members.items() if to_singular(key) == noun}
        return {**schema, "properties": {**members, **shown}}
    declared = source["properties"]
    extended = {
        key: _extend_assumed_shape(member, declared.get(key), noun, echoed)
        for key, member in members.items()
        if _is_open_object(declared.get(key))
    }
    return {**schema, "properties": {**members, **extended}}


def _extend_item(schema: Any, echoed: Mapping[str, Any]) -> Any:
    """Adds the fields to an object, or to the objects of a list; its own fields stay as they are."""
    if schema_type(schema) == "array":
        return {**schema, "items": _extend_item(schema["items"], echoed)}
    return {**schema, "properties": {**echoed, **schema.get("properties", {})}}


def _find_id_type(tool: Tool) -> str:
    """Returns the JSON type of the identifier by which the tool's calls name their object: a result has the same."""
    noun = parse_tool_name(tool.name).noun
    properties = resolve_schema(tool.parameters, tool.parameters).get("properties", {})
    for name, schema in properties.items():
        if isinstance(schema, dict) and is_id(name) and parse_resource_noun(name) in ("", noun):
            return "integer" if schema_type(resolve_schema(schema, tool.parameters)) == "integer" else "string"
    return "string"


def lists_things(tool: Tool) -> bool:
    """Returns whether a tool lists, by its verb or because it gets things in the plural and returns a list of objects:
    `get_user_orders`.
    """
    action = parse_tool_name(tool.name).action
    schema = complete_result_schema(tool)
    return action == "list" or (action == "get" and names_several(tool.name) and _has_list(schema, schema, 0))


def _has_list(schema: Schema, root: Schema, depth: int) -> bool:
    schema = resolve_schema(schema, root)
    if schema_type(schema) == "array":
        return schema_type(resolve_schema(schema.get("items", {}), root)) == "object"
    members = schema.get("properties", {}).values() if depth < _MAX_LIST_DEPTH else ()
    return any(isinstance(member, dict) and _has_list(member, root, depth + 1) for member in members)


@cache
def _complete_encoded_schema(returns: bytes, name: str, id_type: str) -> Schema:
    schema = msgspec.json.decode(returns) or {"type": "object"}
    return _fill_open_objects(schema, name, id_type)


def _fill_open_objects(schema: dict[str, Any], name: str, id_type: str) -> dict[str, Any]:
    """Gives the object, or the objects directly below it, the assumed shape where they are open."""
    if schema_type(schema) != "object":
        return schema
    properties = schema.get("properties")
    if not properties:
        return (
            _assume_shape(name, id_type)
            if _OPEN_KEYWORDS.issuperset(schema) and schema.get("default") is None
            else schema
        )
    if not any(key in schema for key in ("oneOf", "anyOf", "allOf", "$ref")):
        return {
            **schema,
            "properties": {
                key: _fill_open_objects(member, name, id_type) if _is_open_object(member) else member
                for key, member in properties.items()
            },
        }
    return schema


def _is_open_object(schema: Any) -> bool:
    return isinstance(schema, dict) and schema.get("type") == "object" and not schema.get("properties")


def _assume_shape(name: str, id_type: str) -> dict[str, Any]:
    """Returns the result schema that a tool's name suggests: one item of its noun, a page of them for a listing, and of
    what is deleted that it is.
    """
    parsed = parse_tool_name(name)
    identifier = {"type": id_type}
    if parsed.verb in _DELETING_VERBS:
        properties = {"id": identifier, "deleted": {"type": "boolean", "const": True}}
        return {"type": "object", "properties": properties, "required": list(properties)}
    item_properties = {"id": identifier, **_ITEMS.get(parsed.noun, _ANY_ITEM)}
    item_schema = {"type": "object", "properties": item_properties, "required": list(item_properties)}
    if parsed.action != "list" and not (parsed.action == "get" and names_several(name)):
        return {"type": "object", "properties": {parsed.noun: item_schema}, "required": [parsed.noun]}
    plural_noun = to_plural(parsed.noun)
    return {
        "type": "object",
        "properties": {plural_noun: {"type": "array", "items": item_schema}, "next_page_token": _TEXT},
        "required": [plural_noun],
    }
