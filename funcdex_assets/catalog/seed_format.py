"""Parses and renders the tool definition format of Funcdex-Synthesizer (the seed).

A JSON array of `{toolkit_name, tool_id, tool_description, tool_input_parameters,
tool_response_parameters}`; the last two are JSON *in a string*: `{name: {type, required}}`. The
format holds names, types and which are required, and that survives reading and writing; it has no
place for nested schemas, enums, defaults and descriptions, and `render_seed_tools` leaves them out.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from funcdex_assets.catalog.errors import CatalogError
from funcdex_assets.records.tool import Tool


def parse_seed_tool(entry: Any, index: int, path: Path) -> Tool:
    """Parses an entry of a seed file; `index` and `path` are for messages, `path` also for the tool's source.

    Raises:
        CatalogError: the entry lacks a field or holds unreadable parameters.
    """
    location = f"{path.name}[{index}]"
    if not isinstance(entry, dict):
        raise CatalogError(f"{location} is {type(entry).__name__}, not an object with toolkit_name and tool_id")
    for field in ("toolkit_name", "tool_id", "tool_description", "tool_input_parameters"):
        if not isinstance(entry.get(field), str):
            raise CatalogError(f"{location}: {field} is {entry.get(field)!r}; it must be a string")
    response = entry.get("tool_response_parameters") or "{}"
    if not isinstance(response, str):
        raise CatalogError(f"{location}: tool_response_parameters is {response!r}; it must be JSON in a string")
    return Tool(
        toolkit=entry["toolkit_name"],
        name=entry["tool_id"],
        description=entry["tool_description"],
        parameters={
            **_parse_fields(entry["tool_input_parameters"], f"{location}.tool_input_parameters"),
            "additionalProperties": False,
        },
        returns=_parse_fields(response, f"{location}.tool_response_parameters"),
        source=f"{path.name} (Funcdex-Synthesizer format)",
    )


def render_seed_tools(tools: Sequence[Tool]) -> list[dict[str, str]]:
    """Renders tools as entries of a seed file; what the format cannot hold is left out."""
    return [
        {
            "toolkit_name": tool.toolkit,
            "tool_id": tool.name,
            "tool_description": tool.description,
            "tool_input_parameters": _flatten_schema(tool.parameters),
            "tool_response_parameters": _flatten_schema(tool.returns or {}),
        }
        for tool in tools
    ]


def _parse_fields(text: str, location: str) -> dict[str, Any]:
    """Parses `{name: {type, required}}`, given as JSON text, to an object schema."""
    try:
        fields = msgspec.json.decode(text, type=dict[str, dict[str, Any]])
    except msgspec.DecodeError as error:
        raise CatalogError(f"{location} does not hold {{name: {{type, required}}}} as JSON: {error}") from None
    return {
        "type": "object",
        "properties": {
            name: {key: value for key, value in field.items() if key != "required"} for name, field in fields.items()
        },
        "required": [name for name, field in fields.items() if field.get("required")],
    }


def _flatten_schema(schema: dict[str, Any]) -> str:
    """Renders the top level of an object schema as `{name: {type, required}}` in JSON text."""
    required = set(schema.get("required", ()))
    fields = {
        name: {"type": field_schema.get("type", "string"), "required": name in required}
        for name, field_schema in schema.get("properties", {}).items()
    }
    return msgspec.json.encode(fields).decode()
