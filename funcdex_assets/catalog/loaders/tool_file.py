"""Reads the project's own tool files, and Funcdex-Synthesizer's, as one source among others.

Here belongs only the adaptation to drafts; the formats themselves are in `catalog.load` and `catalog.seed_format`.
"""

from pathlib import Path
from typing import Any

from funcdex_assets.catalog import seed_format
from funcdex_assets.catalog.drafts import Draft, DraftsAndProblems, Problem
from funcdex_assets.catalog.errors import CatalogError
from funcdex_assets.catalog.load import parse_tool
from funcdex_assets.records.tool import Tool

_FILE = Path("(file)")


def is_tool_file(document: Any) -> bool:
    if isinstance(document, list):
        return bool(document) and isinstance(document[0], dict) and "tool_id" in document[0]
    return isinstance(document, dict) and isinstance(document.get("toolkit"), str) and "tools" in document


def read_drafts(document: Any) -> DraftsAndProblems:
    """Yields a draft for each tool of the file, and a problem for each entry that is no tool.

    Rows that the file names are a problem, too: their path would lead nowhere from the toolkit's folder.
    """
    if isinstance(document, dict) and document.get("examples"):
        yield Problem(
            "examples", "its own rows are not copied; name the file under examples in funcdex.yaml", lost=False
        )
    entries = document if isinstance(document, list) else document["tools"]
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        location = f"[{index}]" if isinstance(document, list) else f"tools[{index}]"
        try:
            if isinstance(document, list):
                tool = seed_format.parse_seed_tool(entry, 0, _FILE)
            else:
                tool = parse_tool("", document, entry, index, _FILE)
        except CatalogError as error:
            yield Problem(location, str(error))
            continue
        yield _tool_to_draft(location, tool)


def read_licence(document: Any) -> str:
    """Returns the licence that the file names, '' if it names none."""
    return str(document.get("licence", "")) if isinstance(document, dict) else ""


def _tool_to_draft(location: str, tool: Tool) -> Draft:
    return Draft(location, tool.name, tool.description, tool.parameters, tool.returns, tool.errors or {})
