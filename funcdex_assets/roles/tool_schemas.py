"""Converts tools' JSON Schemas into the dialect that servers can turn into a constraint on decoding.

Servers compile a subset: no references, no negations, patterns and formats of the simple kind. Any other keyword would
fail every request, so `to_decodable_schema` keeps what all servers take and leaves the rest out. Where it leaves
something out the constraint is wider than the tool's schema, and the check of the arguments (`checks/findings`)
still holds; objects with known properties are closed.

>>> to_decodable_schema({"type": "object", "properties": {"to": {"$ref": "#/$defs/mail", "title": "To"}},
...     "required": ["to"], "$defs": {"mail": {"type": "string", "format": "email"}}})["properties"]
{'to': {'type': 'string', 'format': 'email'}}
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.json_pointers import at_pointer
from funcdex_assets.schema.references import resolve_schema
from funcdex_assets.schema.schema import Schema

MAX_DEPTH = 8  # of schemas in schemas; below it, and where a schema contains itself, any JSON value goes
_KEPT_KEYWORDS = ("type", "enum", "const", "minimum", "maximum", "minLength", "minItems")
_MAX_BOUNDS = {"maxLength": 256, "maxItems": 64}  # a larger bound costs states in the decoder and stops no model
_DECODABLE_FORMATS = frozenset(("date", "date-time", "time", "email", "uuid"))
# Literals, classes and small counts (xgrammar fails on one of 512): what every server reads alike.
_DECODABLE_PATTERN = re.compile(r"\^(?:[A-Za-z0-9_@:/, -]|\\[+.\-/d]|\[\^?[^\[\]\\]+\]|[*+?]|\{\d\d?(?:,\d\d?)?\})+\$")


def build_calls_schema(tools: Sequence[Tool], max_calls: int) -> dict[str, Any]:
    """Returns the schema of an array of at most `max_calls` calls `{"name", "arguments"}` of these tools, each with its
    own arguments.
    """
    call_schemas = [
        {
            "type": "object",
            "properties": {"name": {"const": tool.name}, "arguments": to_decodable_schema(tool.parameters)},
            "required": ["name", "arguments"],
            "additionalProperties": False,
        }
        for tool in tools
    ]
    return {"type": "array", "items": {"anyOf": call_schemas}, "maxItems": max_calls}


def to_decodable_schema(schema: Schema) -> dict[str, Any]:
    """Returns the schema without what a decoder cannot follow; every value valid under it has the right shape."""
    return _convert_subschema(schema, schema, MAX_DEPTH)


def _convert_subschema(schema: Any, root: Schema, depth: int) -> dict[str, Any]:
    """Converts a part of the schema `root`, down to `depth` levels; below them any JSON value is permitted."""
    if not isinstance(schema, Mapping) or depth == 0:
        return {}
    if "$ref" in schema:
        local_pointer = re.fullmatch(r"#((?:/.*)?)", str(schema["$ref"]))
        return _convert_subschema(at_pointer(root, local_pointer[1]), root, depth - 1) if local_pointer else {}
    if alternatives := _list_alternatives(schema):
        return {"anyOf": [_convert_subschema(alternative, root, depth - 1) for alternative in alternatives]}
    schema = resolve_schema(schema, root)
    converted = {key: schema[key] for key in _KEPT_KEYWORDS if key in schema}
    converted |= {key: schema[key] for key, most in _MAX_BOUNDS.items() if schema.get(key, most + 1) <= most}
    if schema.get("format") in _DECODABLE_FORMATS:
        converted["format"] = schema["format"]
    elif isinstance(schema.get("pattern"), str) and _DECODABLE_PATTERN.fullmatch(schema["pattern"]):
        converted = {"type": "string", "pattern": schema["pattern"]}  # with lengths beside it, none would be followed
    if "items" in schema:
        converted["items"] = _convert_subschema(schema["items"], root, depth - 1)
    if properties := schema.get("properties"):
        required = list(dict.fromkeys(schema.get("required", ())))
        all_properties = {**properties, **{name: {} for name in required if name not in properties}}
        converted["properties"] = {
            name: _convert_subschema(subschema, root, depth - 1) for name, subschema in all_properties.items()
        }
        converted["required"] = required
        converted["additionalProperties"] = False
    elif isinstance(schema.get("additionalProperties"), Mapping):
        converted["additionalProperties"] = _convert_subschema(schema["additionalProperties"], root, depth - 1)
    return converted


def _list_alternatives(schema: Schema) -> Sequence[Any]:
    """Returns the alternatives of a schema that is nothing but a choice; none for any other schema."""
    return () if "properties" in schema else schema.get("anyOf") or schema.get("oneOf") or ()
