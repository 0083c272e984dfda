"""The type of a JSON Schema (2020-12, the one dialect), and the one type of the values that it is for.

>>> schema_type({"type": ["null", "integer"]})
'integer'
"""

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]


def schema_type(schema: Schema) -> str:
    """Returns the type of the values to make: the first that is not null; guessed if the schema names none."""
    declared = schema.get("type")
    if isinstance(declared, list):
        declared = next((name for name in declared if name != "null"), "string")
    if declared:
        return declared
    if "properties" in schema:
        return "object"
    if "items" in schema:
        return "array"
    return "string"


def name_json_type(value: Any) -> str:
    """Returns the type that JSON Schema has for a decoded value: `integer` for 3, `null` for None."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    return "array" if isinstance(value, list) else "object"
