"""Finds tool definitions inside a message: a user who brings a new function gives it as JSON text.

Here belongs locating, removing and converting such definitions; lists of functions in files are read by
`loaders.openai_functions`.

>>> text = 'Use this. {"type": "function", "function": {"name": "SEND_FAX", "parameters": {"type": "object"}}}'
>>> find_announced_definitions(text)[0]["function"]["name"], remove_definitions(text)
('SEND_FAX', 'Use this.')
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.validation import prove_schema

_OPENING = re.compile(r'\{\s*"type"\s*:\s*"function"\s*,\s*"function"\s*:')
_DECODER = json.JSONDecoder()
_ANY_OBJECT = {"type": "object"}


def find_announced_definitions(text: str) -> list[dict[str, Any]]:
    """Returns the definitions in a text, each `{"type": "function", "function": {…}}`, in their order.

    JSON that is cut off, or that gives the function no name, is skipped.
    """
    return [definition for _, _, definition in _locate_definitions(text)]


def remove_definitions(text: str) -> str:
    """Returns the text without the tool definitions in it."""
    if '"function"' not in text:
        return text
    for start, end, _ in reversed(list(_locate_definitions(text))):
        text = text[:start] + text[end:]
    return text.strip()


def to_tool(definition: dict[str, Any]) -> Tool:
    """Converts a definition to a `Tool`; parameters that are no valid JSON Schema become one that allows any object."""
    function = definition["function"]
    parameters = function.get("parameters")
    try:
        prove_schema(parameters)
    except (ValueError, TypeError):
        parameters = _ANY_OBJECT
    return Tool(
        toolkit="announced",
        name=function["name"],
        description=str(function.get("description", "")),
        parameters=parameters,
        returns=None,
        source="announced by the user",
    )


def _locate_definitions(text: str) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """Yields (start, end, definition) for each definition in the text; offsets are in characters."""
    if '"function"' not in text:
        return
    position = 0
    while opening := _OPENING.search(text, position):
        position = opening.end()
        try:
            value, end = _DECODER.raw_decode(text, opening.start())
        except (ValueError, RecursionError):
            continue
        if isinstance(value.get("function"), dict) and isinstance(value["function"].get("name"), str):
            position = end
            yield opening.start(), end, value
