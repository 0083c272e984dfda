"""The schema of values of which only examples are known.

Here belongs what documents that show a value instead of describing it need: saved responses, request bodies,
test results. What is inferred is the least that all examples agree on; it claims no bounds and no enums.

>>> schema_of([{"id": 1, "tags": ["a"]}, {"id": 2.5, "tags": [], "at": "2026-01-31"}])["properties"]["id"]
{'type': 'number'}
>>> schema_of([["2026-01-31", "2026-02-01"]])
{'type': 'array', 'items': {'type': 'string', 'format': 'date'}}
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

DEEPEST = 12
MOST_PROPERTIES = 200  # an object with more is a table of entries, and described by what the entries share
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


class Known(NamedTuple):
    """Stands within an example for a value of which the schema is known, and the value is not."""

    schema: Mapping[str, Any]


UNKNOWN = Known({})


def schema_of(examples: Sequence[Any]) -> dict[str, Any]:
    """A property is required that each example of its object has. An empty array says nothing of its items.

    Of examples that are larger than the bounds above, what lies beyond these is of any shape.
    """
    return _schema(examples, 0, iter(range(MOST_PARTS)))


def _schema(examples: Sequence[Any], depth: int, left: Iterator[int]) -> dict[str, Any]:
    examples = examples[:MOST_EXAMPLES]
    shown = [example for example in examples if not isinstance(example, Known)]
    if not shown:
        return dict(examples[0].schema) if examples else {}
    types = _types(shown)
    schema: dict[str, Any] = {"type": types[0] if len(types) == 1 else types} if types else {}
    if depth >= DEEPEST or next(left, None) is None:
        return schema
    if texts := [example for example in shown if isinstance(example, str)]:
        schema |= _format(texts)
    if arrays := [example for example in shown if isinstance(example, list)]:
        items = [item for array in arrays for item in array[:MOST_ITEMS]]
        if items:
            schema["items"] = _schema(items, depth + 1, left)
    if objects := [example for example in shown if isinstance(example, dict)]:
        schema |= _object(objects, depth, left)
    return schema


def _types(shown: Sequence[Any]) -> list[str]:
    """In the order of appearance, null last: what reads only one type takes the first."""
    found = dict.fromkeys(_TYPES.get(type(example), "") for example in shown if example is not None)
    types = [name for name in found if name and not (name == "integer" and "number" in found)]
    return types + ["null"] * any(example is None for example in shown)


def _format(texts: Sequence[str]) -> dict[str, str]:
    for name, pattern in _FORMATS:
        if all(len(text) <= 2300 and pattern.fullmatch(text) for text in texts):
            return {"format": name}
    return {}


def _object(objects: Sequence[dict[str, Any]], depth: int, left: Iterator[int]) -> dict[str, Any]:
    names = dict.fromkeys(name for each in objects for name in islice(each, MOST_PROPERTIES + 1))
    if not names:
        return {}
    if len(names) > MOST_PROPERTIES:
        values = [value for each in objects for value in islice(each.values(), MOST_ITEMS)]
        return {"additionalProperties": _schema(values, depth + 1, left)}
    required = [name for name in names if all(name in each for each in objects)]
    properties = {name: _schema([each[name] for each in objects if name in each], depth + 1, left) for name in names}
    return {"properties": properties} | ({"required": required} if required else {})
