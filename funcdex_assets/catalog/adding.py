"""Adds a toolkit to a project: writes its file in `toolkits/` and its line in `funcdex.yaml`.

Here belongs choosing the tools, naming the toolkit and writing both files; reading the source is in `sources`. The
settings file is the user's: exactly one line is inserted. Where that cannot be done safely, the file stays as it is
and the error names the line to add.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import yaml

from funcdex_assets.catalog.errors import CatalogError
from funcdex_assets.records.tool import Tool
from funcdex_assets.settings.toolkits import LEGAL_TOOLKIT
from funcdex_assets.storage.atomic_files import replace_file
from funcdex_assets.tool_graph.graph import build_graph, needed_ids

_LONGEST = 40


def toolkit_name(text: str) -> str:
    """Derives a legal toolkit name from a title, a host or a file name.

    >>> derive_toolkit_name("https://api.example.com/v1/Pet Store (OAS).yaml")
    'petstoreoas'
    """
    stem = re.sub(r"\.(json|ya?ml)$", "", text.rstrip("/").rsplit("/", 1)[-1].rsplit(":", 1)[-1].lower())
    name = re.sub(r"[^a-z0-9]+", "", stem).lstrip("0123456789")[:_LONGEST]
    return name or "toolkit"


def refuse_illegal(toolkit: str) -> None:
    """Raises CatalogError if the name cannot be a partition key, such as `Gmail` or `2fa`."""
    if not LEGAL_TOOLKIT.fullmatch(toolkit):
        raise CatalogError(
            f"{toolkit!r} is no name for a toolkit; use a lower-case letter followed by up to 39 lower-case letters, "
            "digits or hyphens"
        )


def belonging_together(tools: Sequence[Tool], most: int) -> list[Tool]:
    """Selects at most `limit` tools whose results feed one another, and returns them in the order of the source.

    Greedy: starts with the tool that needs no id and feeds the most others, then adds the callable tool with the most
    links to those already chosen. When no remaining tool is callable, it starts again with the next best one.
    """
    if len(tools) <= most:
        return list(tools)
    consumers: dict[str, set[str]] = defaultdict(set)
    filled_paths: dict[tuple[str, str], set[str]] = defaultdict(set)
    for edge in build_graph(tools):
        if edge.source_tool != edge.target_tool and edge.kind == "id":
            consumers[edge.source_tool].add(edge.target_tool)
            filled_paths[edge.source_tool, edge.target_tool].add(edge.target_path)
    missing_ids = {tool.name: set(needed_ids(tool)) for tool in tools}
    link_counts: Counter[str] = Counter()
    remaining = {tool.name: position for position, tool in enumerate(tools)}
    chosen: set[str] = set()
    while remaining and len(chosen) < most:
        name = min(
            remaining,
            key=lambda candidate: (
                bool(missing_ids[candidate]),
                -link_counts[candidate],
                # Capped: among tools that feed five or more others, the earliest in the source is chosen.
                -min(len(consumers[candidate]), 5),
                remaining[candidate],
            ),
        )
        del remaining[name]
        chosen.add(name)
        for target in consumers[name]:
            missing_ids[target] -= filled_paths[name, target]
            link_counts[target] += 1
    return [tool for tool in tools if tool.name in chosen]


def write_toolkit(path: Path, tools: Sequence[Tool]) -> None:
    """Writes the toolkit's definition file atomically: a reader sees the old file or the new one."""
    first = tools[0]
    content = {
        "toolkit": first.toolkit,
        "source": first.source,
        **({"licence": first.licence} if first.licence else {}),
        "tools": [_entry(tool) for tool in tools],
    }
    replace_file(path, msgspec.json.format(msgspec.json.encode(content), indent=1) + b"\n")


def _entry(tool: Tool) -> dict[str, Any]:
    entry = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    optional = {"returns": tool.returns, "errors": tool.errors, "original_name": tool.original_name or None}
    return entry | {key: value for key, value in optional.items() if value is not None}


def list_toolkit(settings: Path, toolkit: str) -> bool:
    """Inserts the toolkit under `toolkits:` in the settings file; returns False if it is listed already.

    Raises:
        CatalogError: the list is not written one item a line, so no line can be inserted; nothing was changed.
    """
    text = settings.read_text(encoding="utf-8")
    before = yaml.safe_load(text)
    listed = before.get("toolkits") or []
    if toolkit in listed:
        return False
    lines = text.splitlines(keepends=True)
    last = _last_item(lines)
    after = None
    if last is not None:
        indent = re.match(r"[ ]*", lines[last])
        line = f"{indent[0] if indent else ''}- {toolkit}\n"
        if not lines[last].endswith("\n"):
            lines[last] += "\n"
        text = "".join([*lines[: last + 1], line, *lines[last + 1 :]])
        after = yaml.safe_load(text)
    if after != {**before, "toolkits": [*listed, toolkit]}:
        raise CatalogError(f"{settings}: the list of toolkits is not one line each; add {toolkit!r} to it by hand")
    replace_file(settings, text.encode())
    return True


def _last_item(lines: Sequence[str]) -> int | None:
    """Returns the line number of the last item of the block list under `toolkits:`, None without such a list."""
    start = next((number for number, line in enumerate(lines) if re.match(r"toolkits:\s*(#.*)?$", line)), None)
    last_number = None
    for number in range((start if start is not None else len(lines)) + 1, len(lines)):
        if re.match(r"\s*- ", lines[number]):
            last_number = number
        elif not re.match(r"\s*(#.*)?$", lines[number]):
            break
    return last_number
