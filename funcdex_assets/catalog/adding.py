"""A source becomes a toolkit: its file in `toolkits/`, and its line in `funcdex.yaml`.

Here belongs what is written. The settings file is the user's: one line is put into it and nothing else is
changed, and where that cannot be done safely, nothing is, and the user is told which line to add.
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
    """A legal name for a toolkit, out of a title, a host or a file.

    >>> toolkit_name("https://api.example.com/v1/Pet Store (OAS).yaml")
    'petstoreoas'
    """
    stem = re.sub(r"\.(json|ya?ml)$", "", text.rstrip("/").rsplit("/", 1)[-1].rsplit(":", 1)[-1].lower())
    name = re.sub(r"[^a-z0-9]+", "", stem).lstrip("0123456789")[:_LONGEST]
    return name or "toolkit"


def refuse_illegal(toolkit: str) -> None:
    if not LEGAL_TOOLKIT.fullmatch(toolkit):
        raise CatalogError(
            f"{toolkit!r} is no name for a toolkit; use a lower-case letter followed by up to 39 lower-case letters, "
            "digits or hyphens"
        )


def belonging_together(tools: Sequence[Tool], most: int) -> list[Tool]:
    """At most so many of the tools: those whose results feed one another, in the order of the source.

    Begins with the tool that needs no id and feeds the most others, and adds what can be called then and has the
    most to do with what is there; where nothing can, the next beginning.
    """
    if len(tools) <= most:
        return list(tools)
    feeds: dict[str, set[str]] = defaultdict(set)
    filled: dict[tuple[str, str], set[str]] = defaultdict(set)
    for edge in build_graph(tools):
        if edge.source_tool != edge.target_tool and edge.kind == "id":
            feeds[edge.source_tool].add(edge.target_tool)
            filled[edge.source_tool, edge.target_tool].add(edge.target_path)
    missing = {tool.name: set(needed_ids(tool)) for tool in tools}
    links: Counter[str] = Counter()
    left = {tool.name: place for place, tool in enumerate(tools)}
    chosen: set[str] = set()
    while left and len(chosen) < most:
        name = min(left, key=lambda one: (bool(missing[one]), -links[one], -min(len(feeds[one]), 5), left[one]))
        del left[name]
        chosen.add(name)
        for target in feeds[name]:
            missing[target] -= filled[name, target]
            links[target] += 1
    return [tool for tool in tools if tool.name in chosen]


def write_toolkit(path: Path, tools: Sequence[Tool]) -> None:
    """In one step: a reader sees the old file or the new one."""
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
    """Puts the line under `toolkits:`; False if it is there already.

    Raises:
        CatalogError: the file is written in a way that a line cannot be put into; nothing was changed.
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
    """The line of the last item of the block list under `toolkits:`."""
    start = next((number for number, line in enumerate(lines) if re.match(r"toolkits:\s*(#.*)?$", line)), None)
    last = None
    for number in range((start if start is not None else len(lines)) + 1, len(lines)):
        if re.match(r"\s*- ", lines[number]):
            last = number
        elif not re.match(r"\s*(#.*)?$", lines[number]):
            break
    return last
