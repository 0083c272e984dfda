"""Tool definitions within what somebody says: a user who brings a new function gives it as JSON text.

>>> text = 'Use this. {"type": "function", "function": {"name": "SEND_FAX", "parameters": {"type": "object"}}}'
>>> announced_tools(text)[0]["function"]["name"], without_definitions(text)
('SEND_FAX', 'Use this.')
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.validation import prove

_OPENING = re.compile(r'\{\s*"type"\s*:\s*"function"\s*,\s*"function"\s*:')
_DECODER = json.JSONDecoder()
_EVERYTHING = {"type": "object"}


def announced_tools(text: str) -> list[dict[str, Any]]:
    """The definitions in a text, `{"type": "function", "function": {…}}` each, in their order.

    What only begins like one, or names no function, is none.
    """
    return [definition for _, _, definition in _definitions(text)]


def without_definitions(text: str) -> str:
    """What is said around them."""
    if '"function"' not in text:
        return text
    for start, end, _ in reversed(list(_definitions(text))):
        text = text[:start] + text[end:]
    return text.strip()


def to_tool(definition: dict[str, Any]) -> Tool:
    """The tool that a definition describes; parameters that are no JSON Schema allow everything."""
    function = definition["function"]
    parameters = function.get("parameters")
    try:
        prove(parameters)
    except (ValueError, TypeError):
        parameters = _EVERYTHING
    return Tool(
        toolkit="announced",
        name=function["name"],
        description=str(function.get("description", "")),
        parameters=parameters,
        returns=None,
        source="announced by the user",
    )


def _definitions(text: str) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """(start, end, definition) of each."""
    if '"function"' not in text:
        return
    at = 0
    while found := _OPENING.search(text, at):
        at = found.end()
        try:
            value, end = _DECODER.raw_decode(text, found.start())
        except (ValueError, RecursionError):
            continue
        if isinstance(value.get("function"), dict) and isinstance(value["function"].get("name"), str):
            at = end
            yield found.start(), end, value
