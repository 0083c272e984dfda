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


def both(one: Schema | bool, other: Schema | bool) -> Schema | None:
    """Returns a schema of the values that are valid under both schemas; None if there is no such value."""
    if one is False or other is False:
        return None
    if not isinstance(one, Mapping) or not isinstance(other, Mapping):  # True allows anything
        return one if isinstance(one, Mapping) else other if isinstance(other, Mapping) else {}
    merged = dict(one)
    if _OF_OBJECTS & one.keys() and _OF_OBJECTS & other.keys():
        merged |= _objects(one, other)
    for key, value in other.items():
        if key not in merged:
            merged[key] = value
        elif key not in _OF_OBJECTS and key not in _ANNOTATIONS and merged[key] != value:
            _add(merged, key, value)
    if merged.get("type") == [] or merged.get("enum") == []:
        return None
    return merged


def types(schema: Schema) -> list[str]:
    """Returns the types that a schema names; all types if it names none."""
    declared = schema.get("type", list(TYPES))
    return [declared] if isinstance(declared, str) else list(declared)


def same(one: Any, other: Any) -> bool:
    """Compares JSON values as JSON Schema does: true is not 1, but 1.0 is 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list | dict) and type(one) is type(other):
        return msgspec.json.encode(one, order="sorted") == msgspec.json.encode(other, order="sorted")
    return one == other


def _add(found: dict[str, Any], key: str, value: Any) -> None:
    present = found[key]
    if key == "type":
        found[key] = _common_types(found, {"type": value})
    elif key in _LARGEST:
        found[key] = max(present, value)
    elif key in _LEAST:
        found[key] = min(present, value)
    elif key == "required":
        found[key] = [*present, *(name for name in value if name not in present)]
    elif key == "enum":
        found[key] = [option for option in present if any(same(option, candidate) for candidate in value)]
    elif key == "const":
        found["enum"] = []  # two different constants
    elif key == "items":
        items = both(present, value)
        found[key] = False if items is None else items
    elif key == "allOf":
        found[key] = [*present, *value]
    elif key in ("anyOf", "oneOf"):
        found["allOf"] = [*found.get("allOf", ()), {key: value}]
    elif key == "uniqueItems":
        found[key] = True
    else:
        found[UNMERGED] = [*found.get(UNMERGED, ()), key]


def _common_types(one: Schema, other: Schema) -> list[str]:
    first_types, second_types = types(one), types(other)
    common = [name for name in first_types if name in second_types]
    if "integer" not in common and {"integer", "number"} <= {*first_types, *second_types}:
        common.append("integer")
    return common


def _objects(one: Schema, other: Schema) -> dict[str, Any]:
    """Merges `properties` and `additionalProperties`, which restrict a property only together."""
    first_properties, second_properties = one.get("properties", {}), other.get("properties", {})
    properties: dict[str, Any] = {}
    for name in dict.fromkeys((*first_properties, *second_properties)):
        merged = both(
            first_properties.get(name, one.get("additionalProperties", True)),
            second_properties.get(name, other.get("additionalProperties", True)),
        )
        properties[name] = False if merged is None else merged
    additional = both(one.get("additionalProperties", True), other.get("additionalProperties", True))
    return {"properties": properties, "additionalProperties": False if additional is None else additional}
