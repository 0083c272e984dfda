"""Tools' JSON Schemas in the dialect that servers can turn into a constraint on decoding.

Servers compile a subset: no references, no negations, patterns and formats of the simple kind. What
they could not compile would fail every request, so `decodable` keeps what all of them take and leaves
the rest out. Where it leaves something out the constraint is wider than the tool's schema, and the
check of the arguments (`quality/findings.py`) still holds; objects with known properties are closed.

>>> decodable({"type": "object", "properties": {"to": {"$ref": "#/$defs/mail", "title": "To"}},
...            "required": ["to"], "$defs": {"mail": {"type": "string", "format": "email"}}})["properties"]
{'to': {'type': 'string', 'format': 'email'}}
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.json_pointers import at_pointer
from funcdex_assets.schema.references import resolve
from funcdex_assets.schema.schema import Schema

MAX_DEPTH = 8  # of schemas in schemas; below it, and where a schema contains itself, any JSON value goes
_AS_THEY_ARE = ("type", "enum", "const", "minimum", "maximum", "minLength", "minItems")
_AT_MOST = {"maxLength": 256, "maxItems": 64}  # a larger bound costs states in the decoder and stops no model
_FORMATS = frozenset(("date", "date-time", "time", "email", "uuid"))
# Literals, classes and small counts (xgrammar fails on one of 512): what every server reads alike.
_PATTERN = re.compile(r"\^(?:[A-Za-z0-9_@:/, -]|\\[+.\-/d]|\[\^?[^\[\]\\]+\]|[*+?]|\{\d\d?(?:,\d\d?)?\})+\$")


def calls_schema(tools: Sequence[Tool], most: int) -> dict[str, Any]:
    """An array of at most `most` calls `{"name", "arguments"}` of these tools, arguments as each takes them."""
    kinds = [
        {
            "type": "object",
            "properties": {"name": {"const": tool.name}, "arguments": decodable(tool.parameters)},
            "required": ["name", "arguments"],
            "additionalProperties": False,
        }
        for tool in tools
    ]
    return {"type": "array", "items": {"anyOf": kinds}, "maxItems": most}


def decodable(schema: Schema) -> dict[str, Any]:
    """The schema without what a decoder cannot follow; every value valid under it has the right shape."""
    return _decodable(schema, schema, MAX_DEPTH)


def _decodable(schema: Any, root: Schema, depth: int) -> dict[str, Any]:
    if not isinstance(schema, Mapping) or depth == 0:
        return {}
    if "$ref" in schema:
        inside = re.fullmatch(r"#((?:/.*)?)", str(schema["$ref"]))
        return _decodable(at_pointer(root, inside[1]), root, depth - 1) if inside else {}
    if choice := _choice(schema):
        return {"anyOf": [_decodable(part, root, depth - 1) for part in choice]}
    schema = resolve(schema, root)
    kept = {key: schema[key] for key in _AS_THEY_ARE if key in schema}
    kept |= {key: schema[key] for key, most in _AT_MOST.items() if schema.get(key, most + 1) <= most}
    if schema.get("format") in _FORMATS:
        kept["format"] = schema["format"]
    elif isinstance(schema.get("pattern"), str) and _PATTERN.fullmatch(schema["pattern"]):
        kept = {"type": "string", "pattern": schema["pattern"]}  # with lengths beside it, none would be followed
    if "items" in schema:
        kept["items"] = _decodable(schema["items"], root, depth - 1)
    if properties := schema.get("properties"):
        required = list(dict.fromkeys(schema.get("required", ())))
        everything = {**properties, **{name: {} for name in required if name not in properties}}
        kept["properties"] = {name: _decodable(part, root, depth - 1) for name, part in everything.items()}
        kept["required"] = required
        kept["additionalProperties"] = False
    elif isinstance(schema.get("additionalProperties"), Mapping):
        kept["additionalProperties"] = _decodable(schema["additionalProperties"], root, depth - 1)
    return kept


def _choice(schema: Schema) -> Sequence[Any]:
    """The alternatives of a schema that is nothing but a choice."""
    return () if "properties" in schema else schema.get("anyOf") or schema.get("oneOf") or ()
