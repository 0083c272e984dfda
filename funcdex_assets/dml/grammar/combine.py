"""Several schemas that hold at once, as one.

Here belongs what `allOf`, siblings of `$ref` and the branches of a choice come to. A schema that nothing
can satisfy is None. What cannot be put into one schema is kept under `allOf` if it is a choice, else under
`UNMERGED`, so that whoever reads the result knows what is not in it.

>>> both({"type": ["string", "null"], "minLength": 1}, {"type": "string", "minLength": 3})
{'type': ['string'], 'minLength': 3}
>>> both({"type": "string"}, {"type": "integer"}) is None
True
>>> closed = {"properties": {"a": {}}, "additionalProperties": False}
>>> both(closed, {"properties": {"b": {"type": "null"}}, "required": ["a"]})["properties"]
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
    """The schema of what is valid under both."""
    if one is False or other is False:
        return None
    if not isinstance(one, Mapping) or not isinstance(other, Mapping):  # True allows anything
        return one if isinstance(one, Mapping) else other if isinstance(other, Mapping) else {}
    found = dict(one)
    if _OF_OBJECTS & one.keys() and _OF_OBJECTS & other.keys():
        found |= _objects(one, other)
    for key, value in other.items():
        if key not in found:
            found[key] = value
        elif key not in _OF_OBJECTS and key not in _ANNOTATIONS and found[key] != value:
            _add(found, key, value)
    if found.get("type") == [] or found.get("enum") == []:
        return None
    return found


def types(schema: Schema) -> list[str]:
    """The types that a schema names; all of them if it names none."""
    declared = schema.get("type", list(TYPES))
    return [declared] if isinstance(declared, str) else list(declared)


def same(one: Any, other: Any) -> bool:
    """Equality of JSON values: true is not 1, but 1.0 is 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list | dict) and type(one) is type(other):
        return msgspec.json.encode(one, order="sorted") == msgspec.json.encode(other, order="sorted")
    return one == other


def _add(found: dict[str, Any], key: str, value: Any) -> None:
    had = found[key]
    if key == "type":
        found[key] = _common_types(found, {"type": value})
    elif key in _LARGEST:
        found[key] = max(had, value)
    elif key in _LEAST:
        found[key] = min(had, value)
    elif key == "required":
        found[key] = [*had, *(name for name in value if name not in had)]
    elif key == "enum":
        found[key] = [one for one in had if any(same(one, other) for other in value)]
    elif key == "const":
        found["enum"] = []  # two different constants
    elif key == "items":
        items = both(had, value)
        found[key] = False if items is None else items
    elif key == "allOf":
        found[key] = [*had, *value]
    elif key in ("anyOf", "oneOf"):
        found["allOf"] = [*found.get("allOf", ()), {key: value}]
    elif key == "uniqueItems":
        found[key] = True
    else:
        found[UNMERGED] = [*found.get(UNMERGED, ()), key]


def _common_types(one: Schema, other: Schema) -> list[str]:
    ours, theirs = types(one), types(other)
    common = [name for name in ours if name in theirs]
    if "integer" not in common and {"integer", "number"} <= {*ours, *theirs}:
        common.append("integer")
    return common


def _objects(one: Schema, other: Schema) -> dict[str, Any]:
    """`properties` and `additionalProperties`, which only together say what a property may be."""
    ours, theirs = one.get("properties", {}), other.get("properties", {})
    properties: dict[str, Any] = {}
    for name in dict.fromkeys((*ours, *theirs)):
        found = both(
            ours.get(name, one.get("additionalProperties", True)),
            theirs.get(name, other.get("additionalProperties", True)),
        )
        properties[name] = False if found is None else found
    additional = both(one.get("additionalProperties", True), other.get("additionalProperties", True))
    return {"properties": properties, "additionalProperties": False if additional is None else additional}
