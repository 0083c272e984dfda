"""Merges JSON schemas that must hold at the same time into one schema.

The merging of `allOf`, of the siblings of `$ref` and of the branches of a choice belongs here; `schema` reads the
result. A schema that no value can satisfy is None. A choice that cannot be merged is kept under `allOf`; the names
of other keywords that cannot be merged are listed under `UNMERGED`, so that a reader knows what is missing.

>>> merge_schemas({"type": ["string", "null"], "minLength": 1}, {"type": "string", "minLength": 3})
{'type': ['string'], 'minLength': 3}
>>> merge_schemas({"type": "string"}, {"type": "integer"}) is None
True
>>> closed = {"properties": {"a": {}}, "additionalProperties": False}
>>> merge_schemas(closed, {"properties": {"b": {"type": "null"}}, "required": ["a"]})["properties"]
{'a': {}, 'b': False}
"""

from collections.abc import Mapping
from typing import Any

import msgspec

Schema = Mapping[str, Any]

UNMERGED = "x-unmerged"
TYPES = ("object", "array", "string", "integer", "number", "boolean", "null")
_ANNOTATIONS = frozenset(
    "title description default examples deprecated readOnly writeOnly $comment $defs definitions $schema $id $anchor"
    " contentEncoding contentMediaType contentSchema".split()
)
_LARGEST = frozenset(("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"))
_LEAST = frozenset(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"))
_OF_OBJECTS = frozenset(("properties", "additionalProperties"))


def merge_schemas(first: Schema | bool, second: Schema | bool) -> Schema | None:
    """Returns a schema of the values that are valid under both schemas; None if there is no such value."""
    if first is False or second is False:
        return None
    if not isinstance(first, Mapping) or not isinstance(second, Mapping):  # True allows anything
        return first if isinstance(first, Mapping) else second if isinstance(second, Mapping) else {}
    merged = dict(first)
    if _OF_OBJECTS & first.keys() and _OF_OBJECTS & second.keys():
        merged |= _merge_properties(first, second)
    for key, value in second.items():
        if key not in merged:
            merged[key] = value
        elif key not in _OF_OBJECTS and key not in _ANNOTATIONS and merged[key] != value:
            _merge_keyword(merged, key, value)
    if merged.get("type") == [] or merged.get("enum") == []:
        return None
    return merged


def list_types(schema: Schema) -> list[str]:
    """Returns the types that a schema names; all types if it names none."""
    declared = schema.get("type", list(TYPES))
    return [declared] if isinstance(declared, str) else list(declared)


def are_equal_json(first: Any, second: Any) -> bool:
    """Compares JSON values as JSON Schema does: true is not 1, but 1.0 is 1."""
    if isinstance(first, bool) or isinstance(second, bool):
        return first is second
    if isinstance(first, list | dict) and type(first) is type(second):
        return msgspec.json.encode(first, order="sorted") == msgspec.json.encode(second, order="sorted")
    return first == second


def _merge_keyword(merged: dict[str, Any], key: str, value: Any) -> None:
    present = merged[key]
    if key == "type":
        merged[key] = _intersect_types(merged, {"type": value})
    elif key in _LARGEST:
        merged[key] = max(present, value)
    elif key in _LEAST:
        merged[key] = min(present, value)
    elif key == "required":
        merged[key] = [*present, *(name for name in value if name not in present)]
    elif key == "enum":
        merged[key] = [option for option in present if any(are_equal_json(option, candidate) for candidate in value)]
    elif key == "const":
        merged["enum"] = []  # two different constants
    elif key == "items":
        items = merge_schemas(present, value)
        merged[key] = False if items is None else items
    elif key == "allOf":
        merged[key] = [*present, *value]
    elif key in ("anyOf", "oneOf"):
        merged["allOf"] = [*merged.get("allOf", ()), {key: value}]
    elif key == "uniqueItems":
        merged[key] = True
    else:
        merged[UNMERGED] = [*merged.get(UNMERGED, ()), key]


def _intersect_types(first: Schema, second: Schema) -> list[str]:
    first_types, second_types = list_types(first), list_types(second)
    common = [name for name in first_types if name in second_types]
    if "integer" not in common and {"integer", "number"} <= {*first_types, *second_types}:
        common.append("integer")
    return common


def _merge_properties(first: Schema, second: Schema) -> dict[str, Any]:
    """Merges `properties` and `additionalProperties`, which restrict a property only together."""
    first_properties, second_properties = first.get("properties", {}), second.get("properties", {})
    properties: dict[str, Any] = {}
    for name in dict.fromkeys((*first_properties, *second_properties)):
        merged = merge_schemas(
            first_properties.get(name, first.get("additionalProperties", True)),
            second_properties.get(name, second.get("additionalProperties", True)),
        )
        properties[name] = False if merged is None else merged
    additional = merge_schemas(first.get("additionalProperties", True), second.get("additionalProperties", True))
    return {"properties": properties, "additionalProperties": False if additional is None else additional}
