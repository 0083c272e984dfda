"""Translates what the Berkeley function-calling leaderboard (BFCL) writes into JSON Schema and accepted values.

Belongs here: its names of types and its possible answers, nothing of files. In a possible answer every argument has a
list of right values, and "" among them says that it may be left out; in an object, so has every key.

>>> read_possible_answer([{"math.add": {"a": [1], "b": ["", 2]}}])
([{'name': 'math_add', 'arguments': {'a': 1}}], [{'a': [1], 'b': [None, 2]}])
"""

from collections.abc import Mapping, Sequence
from typing import Any

from funcdex_assets.evaluation.items import RowsError
from funcdex_assets.records.record import Json

JSON_TYPES: Mapping[str, str | None] = {
    "dict": "object",
    "hashmap": "object",
    "hashtable": "object",
    "float": "number",
    "double": "number",
    "int": "integer",
    "long": "integer",
    "short": "integer",
    "byte": "integer",
    "bigint": "integer",
    "str": "string",
    "char": "string",
    "bool": "boolean",
    "list": "array",
    "tuple": "array",
    "arraylist": "array",
    "set": "array",
    "queue": "array",
    "stack": "array",
    "any": None,
}
"""BFCL's types, in lower case, and JSON Schema's; None where anything is right."""
_SCHEMAS_BY_NAME = ("properties", "$defs", "patternProperties")
_SCHEMAS = ("items", "additionalProperties")


def convert_bfcl_tools(functions: Sequence[Mapping[str, Any]]) -> Json:
    """Converts functions to OpenAI tools: JSON Schema's types, and legal names (`math.add` becomes `math_add`)."""
    return [
        {
            "type": "function",
            "function": {
                "name": convert_name(function["name"]),
                "description": str(function.get("description") or ""),
                "parameters": {"properties": {}, **convert_schema(function.get("parameters") or {}), "type": "object"},
            },
        }
        for function in functions
    ]


def convert_name(name: str) -> str:
    """Returns the name as OpenAI's API takes it; BFCL's own handlers replace dots in the same way."""
    return name.replace(".", "_")


def convert_schema(schema: Any) -> Any:
    """Converts a schema with BFCL's names of types; `optional` and `required: true` of a property are dropped."""
    if isinstance(schema, list):
        return [convert_schema(branch) for branch in schema]
    if not isinstance(schema, Mapping):
        return schema
    converted: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "type" and isinstance(value, str):
            name = JSON_TYPES.get(value.lower(), value.lower())
            if name:
                converted[key] = name
        elif key in _SCHEMAS_BY_NAME and isinstance(value, Mapping):
            converted[key] = {name: convert_schema(member) for name, member in value.items()}
        elif key == "required":
            if isinstance(value, list):
                converted[key] = value
        elif key != "optional":
            converted[key] = convert_schema(value) if key in _SCHEMAS else value
    return converted


def read_possible_answer(ground_truth: Any) -> tuple[list[dict[str, Any]], list[dict[str, list[Any]]]]:
    """Returns the calls of a possible answer, with the first accepted values, and the accepted values of each call.

    Raises:
        RowsError: it is not a list of `{NAME: {ARGUMENT: [VALUE, …]}}`.
    """
    calls: list[dict[str, Any]] = []
    accepted: list[dict[str, list[Any]]] = []
    for entry in ground_truth if isinstance(ground_truth, list) else [ground_truth]:
        if not isinstance(entry, Mapping) or len(entry) != 1:
            raise RowsError(f"a possible answer is {str(entry)[:80]!r}; write {{NAME: {{ARGUMENT: [VALUE, …]}}}}")
        ((name, possible),) = entry.items()
        if not all(isinstance(values, list) for values in possible.values()):
            raise RowsError(f"the possible answers of {name!r} have an argument without a list of values; write lists")
        values_by_argument = {
            argument: [_mark_omission(value) for value in values] for argument, values in possible.items()
        }
        accepted.append(values_by_argument)
        arguments = {
            argument: choose_first_value(values)
            for argument, values in values_by_argument.items()
            if values and None not in values
        }
        calls.append({"name": convert_name(name), "arguments": arguments})
    return calls, accepted


def choose_first_value(values: Sequence[Any]) -> Any:
    """Returns the first accepted value, its objects with the first value of each key."""
    return _simplify(next((value for value in values if value is not None), None))


def _simplify(value: Any) -> Any:
    if isinstance(value, Mapping):
        chosen = {key: choose_first_value(members) for key, members in value.items() if isinstance(members, list)}
        plain = {key: member for key, member in value.items() if not isinstance(member, list)}
        return {key: member for key, member in (chosen | plain).items() if member is not None}
    return [_simplify(item) for item in value] if isinstance(value, list) else value


def _mark_omission(value: Any) -> Any:
    """Replaces BFCL's mark for a value that may be left out by null, also within objects."""
    if value == "" and isinstance(value, str):
        return None
    if isinstance(value, Mapping):
        return {
            key: [_mark_omission(member) for member in members] if isinstance(members, list) else members
            for key, members in value.items()
        }
    return (
        [_mark_omission(item) if isinstance(item, Mapping) else item for item in value]
        if isinstance(value, list)
        else value
    )
