"""Reads what a toolkit's document says beside its tools: the policy under which they are used, and a team's own rows.

Belongs here: the fields at the top of a document, and their rules. The tools are read in `load`, the rows themselves in
`export/own_rows`.

    policy: You are the assistant of a public library. Renew a loan only if the user asks for it.
    examples: rows/library.jsonl        # or a list; from the folder of this file, or of funcdex.yaml
    examples_weight: 2.0
    tools: [...]

Tool files of other programs call the policy `system_prompt` or `task_description`, and MCP servers `instructions`:

>>> find_policy({"task_description": " Be brief. ", "tools": []}, "tools.json")
'Be brief.'
"""

from collections.abc import Iterable
from math import isfinite
from typing import Any, NamedTuple

from funcdex_assets.catalog.errors import CatalogError

POLICY_FIELDS = ("policy", "system_prompt", "task_description", "instructions")
LONGEST_POLICY = 20_000
"""Characters, some 5,000 tokens: the policy stands in every row, and must leave room for the conversation."""
GREATEST_WEIGHT = 1000.0


class ToolkitTerms(NamedTuple):
    """`policy` is '' if there is none, `examples` are paths as they are written; `examples_weight` may be None."""

    policy: str = ""
    examples: tuple[str, ...] = ()
    examples_weight: float | None = None


def parse_terms(document: Any, location: str) -> ToolkitTerms:
    """Parses the terms of a toolkit's document; a list of tools alone has none.

    Raises:
        CatalogError: a field has a value that cannot be used; `location` is named in it.
    """
    if not isinstance(document, dict):
        return ToolkitTerms()
    return ToolkitTerms(
        find_policy(document, location),
        _parse_paths(document.get("examples"), location),
        _parse_weight(document.get("examples_weight"), location),
    )


def find_policy(document: Any, location: str) -> str:
    """Finds the policy text of a document, '' if it has none; where several fields hold one, they are joined. White
    space around it is removed.

    Raises:
        CatalogError: a field is no text, empty, too long, or has characters that no text may have.
    """
    if not isinstance(document, dict):
        return ""
    texts = [
        _parse_policy(document[field], f"{location}: {field}")
        for field in POLICY_FIELDS
        if document.get(field) is not None
    ]
    return join_policies(texts)


def join_policies(texts: Iterable[str]) -> str:
    """Joins the policies of several toolkits to one text, each once."""
    return "\n\n".join(dict.fromkeys(text for text in texts if text))


def _parse_policy(value: Any, place: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise CatalogError(f"{place} is {str(value)[:60]!r}; write the text of the policy, or leave the field out")
    text = value.strip()
    if len(text) > LONGEST_POLICY:
        raise CatalogError(
            f"{place} has {len(text):,} characters, more than {LONGEST_POLICY:,}; it stands in every system prompt: "
            "shorten it"
        )
    bad = next((letter for letter in text if letter == "\0" or "\ud800" <= letter <= "\udfff"), None)
    if bad is not None:
        raise CatalogError(f"{place} has the character {bad!r}, which no text may have; remove it")
    return text


def _parse_paths(value: Any, location: str) -> tuple[str, ...]:
    paths = [value] if isinstance(value, str) else value if value is not None else []
    if not isinstance(paths, list) or not all(isinstance(path, str) and path.strip() for path in paths):
        raise CatalogError(
            f"{location}: examples is {str(value)[:60]!r}; give the path of a JSONL file, or a list of paths"
        )
    return tuple(paths)


def _parse_weight(value: Any, location: str) -> float | None:
    if value is None:
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
    if not is_number or not 0 < value <= GREATEST_WEIGHT:
        raise CatalogError(
            f"{location}: examples_weight is {value!r}; give a number above 0 and at most {GREATEST_WEIGHT:g}"
        )
    return float(value)
