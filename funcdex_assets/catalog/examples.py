"""Infers a JSON Schema from example values.

Here belongs inference for documents that show a value instead of describing it: saved responses, request bodies, test
results. The schema states only what all examples have in common; it claims no bounds and no enums.

>>> infer_schema([{"id": 1, "tags": ["a"]}, {"id": 2.5, "tags": [], "at": "2026-01-31"}])["properties"]["id"]
{'type': 'number'}
>>> infer_schema([["2026-01-31", "2026-02-01"]])
{'type': 'array', 'items': {'type': 'string', 'format': 'date'}}
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

DEEPEST = 12  # levels; deeper values are described by their type alone
MOST_PROPERTIES = 200  # an object with more is a table of entries, so one schema describes all its values
MOST_ITEMS = 100
MOST_EXAMPLES = 1000
MOST_PARTS = 5000

_FORMATS = (
    ("date-time", re.compile(r"\d{4}-[01]\d-[0-3]\d[Tt][0-2]\d:[0-5]\d:[0-5]\d(\.\d{1,9})?([Zz]|[+-][0-2]\d:[0-5]\d)")),
    ("date", re.compile(r"\d{4}-[01]\d-[0-3]\d")),
    ("email", re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){1,4}")),
    ("uri", re.compile(r"https?://[A-Za-z0-9.-]{1,253}(:\d{1,5})?([/?#][!-~]{0,2000})?")),
)
_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}


class KnownSchema(NamedTuple):
    """Stands in an example for an unknown value whose schema is known, such as a placeholder `<integer>`."""

    schema: Mapping[str, Any]


UNKNOWN = KnownSchema({})


def infer_schema(examples: Sequence[Any]) -> dict[str, Any]:
    """Infers the schema that all examples are valid under.

    A property is required if every example of its object has it. Empty arrays leave the items open, and so do the
    bounds above: what lies beyond them in a large example may have any shape.
    """
    return _infer_at_depth(examples, 0, iter(range(MOST_PARTS)))


def _infer_at_depth(examples: Sequence[Any], depth: int, remaining: Iterator[int]) -> dict[str, Any]:
    """As `infer_schema`, at a depth; `remaining` runs out after `MOST_PARTS` subschemas over the whole tree."""
    examples = examples[:MOST_EXAMPLES]
    values = [example for example in examples if not isinstance(example, KnownSchema)]
    if not values:
        return dict(examples[0].schema) if examples else {}
    types = _list_types(values)
    schema: dict[str, Any] = {"type": types[0] if len(types) == 1 else types} if types else {}
    if depth >= DEEPEST or next(remaining, None) is None:
        return schema
    if texts := [example for example in values if isinstance(example, str)]:
        schema |= _infer_format(texts)
    if arrays := [example for example in values if isinstance(example, list)]:
        items = [item for array in arrays for item in array[:MOST_ITEMS]]
        if items:
            schema["items"] = _infer_at_depth(items, depth + 1, remaining)
    if objects := [example for example in values if isinstance(example, dict)]:
        schema |= _infer_object(objects, depth, remaining)
    return schema


def _list_types(values: Sequence[Any]) -> list[str]:
    """Lists the JSON types of values in order of appearance, null last: readers of only one type take the first."""
    type_names = dict.fromkeys(_TYPES.get(type(value), "") for value in values if value is not None)
    types = [name for name in type_names if name and not (name == "integer" and "number" in type_names)]
    return [*types, "null"] if any(value is None for value in values) else types


def _infer_format(texts: Sequence[str]) -> dict[str, str]:
    """Returns `{"format": name}` if all texts have the same known format, else {}."""
    for name, pattern in _FORMATS:
        if all(len(text) <= 2300 and pattern.fullmatch(text) for text in texts):
            return {"format": name}
    return {}


def _infer_object(objects: Sequence[dict[str, Any]], depth: int, remaining: Iterator[int]) -> dict[str, Any]:
    names = dict.fromkeys(name for example in objects for name in islice(example, MOST_PROPERTIES + 1))
    if not names:
        return {}
    if len(names) > MOST_PROPERTIES:
        values = [value for example in objects for value in islice(example.values(), MOST_ITEMS)]
        return {"additionalProperties": _infer_at_depth(values, depth + 1, remaining)}
    required = [name for name in names if all(name in example for example in objects)]
    properties = {
        name: _infer_at_depth([example[name] for example in objects if name in example], depth + 1, remaining)
        for name in names
    }
    return {"properties": properties} | ({"required": required} if required else {})
