"""Reads the project's own tool files, and Funcdex-Synthesizer's, as one source among others.

Here belongs only the adaptation to drafts; the formats themselves are in `catalog.load` and `catalog.seed_format`.
"""

from pathlib import Path
from typing import Any

from funcdex_assets.catalog import seed_format
from funcdex_assets.catalog.drafts import Draft, Found, Problem
from funcdex_assets.catalog.errors import CatalogError
from funcdex_assets.catalog.load import tool_of
from funcdex_assets.records.tool import Tool

_FILE = Path("(file)")


def recognises(document: Any) -> bool:
    if isinstance(document, list):
        return bool(document) and isinstance(document[0], dict) and "tool_id" in document[0]
    return isinstance(document, dict) and isinstance(document.get("toolkit"), str) and "tools" in document


def read(document: Any) -> Found:
    """Yields a draft for each tool of the file, and a problem for each entry that is no tool."""
    entries = document if isinstance(document, list) else document["tools"]
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        location = f"[{index}]" if isinstance(document, list) else f"tools[{index}]"
        try:
            if isinstance(document, list):
                tool = seed_format.read([entry], _FILE)[0]
            else:
                tool = tool_of("", document, entry, index, _FILE)
        except CatalogError as error:
            yield Problem(location, str(error))
            continue
        yield _draft(location, tool)


def licence(document: Any) -> str:
    """Returns the licence that the file names, '' if it names none."""
    return str(document.get("licence", "")) if isinstance(document, dict) else ""


def _draft(place: str, tool: Tool) -> Draft:
    return Draft(place, tool.name, tool.description, tool.parameters, tool.returns, tool.errors or {})
