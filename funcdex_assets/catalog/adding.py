"""Adds a toolkit to a project: writes its file in `toolkits/` and its entry in `funcdex.yaml`.

Here belongs writing both files; reading the source is in `sources`, choosing the tools in `tool_graph/tool_selection`.
The settings file is the user's: one entry is inserted, and nothing else is touched.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import yaml

from funcdex_assets.catalog.errors import CatalogError
from funcdex_assets.records.tool import Tool
from funcdex_assets.storage.atomic_files import replace_file


def write_toolkit(path: Path, tools: Sequence[Tool]) -> None:
    """Writes the toolkit's definition file atomically: a reader sees the old file or the new one."""
    first = tools[0]
    content = {
        "toolkit": first.toolkit,
        "source": first.source,
        **({"licence": first.licence} if first.licence else {}),
        "tools": [_render_tool_entry(tool) for tool in tools],
    }
    replace_file(path, msgspec.json.format(msgspec.json.encode(content), indent=1) + b"\n")


def _render_tool_entry(tool: Tool) -> dict[str, Any]:
    entry = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    optional = {"returns": tool.returns, "errors": tool.errors, "original_name": tool.original_name or None}
    return entry | {key: value for key, value in optional.items() if value is not None}


def add_toolkit_to_settings(settings_path: Path, toolkit: str) -> bool:
    """Adds the toolkit to `toolkits` in the settings file; returns False if it is listed already.

    Whatever legal form the list has (a line for each, brackets, empty, missing, the whole file in braces), the rest of
    the file stays as it is, comments and order included.

    Raises:
        CatalogError: the list is shared by an anchor, so that adding to it would change something else; nothing was
            changed.
    """
    text = settings_path.read_text(encoding="utf-8")
    before = yaml.safe_load(text)
    listed = before.get("toolkits") or []
    if toolkit in listed:
        return False
    edited = _insert_toolkit(text, listed, toolkit)
    if yaml.safe_load(edited) != {**before, "toolkits": [*listed, toolkit]}:
        raise CatalogError(
            f"{settings_path}: the list of toolkits is also used elsewhere in the file; add {toolkit!r} to it by hand"
        )
    replace_file(settings_path, edited.encode())
    return True


def _insert_toolkit(text: str, listed: Sequence[str], toolkit: str) -> str:
    """The text of the settings with one more toolkit, inserted where the parser found the end of the list."""
    root = yaml.compose(text)
    assert isinstance(root, yaml.MappingNode)
    value = next((value for key, value in root.value if key.value == "toolkits"), None)
    if value is None:  # the key is missing, or comes from a merged mapping, which it then replaces
        entry = f"toolkits: [{', '.join([*listed, toolkit])}]"
        if root.flow_style:
            end = root.end_mark.index - 1
            return f"{text[:end]}{', ' if root.value else ''}{entry}{text[end:]}"
        return f"{text.rstrip()}\n{entry}\n"
    if not isinstance(value, yaml.SequenceNode):  # `toolkits:` with nothing behind it, or `toolkits: null`
        start, end = value.start_mark.index, value.end_mark.index
        blank = "" if text[start - 1 : start].isspace() else " "
        return f"{text[:start]}{blank}[{toolkit}]{text[end:]}"
    if value.flow_style:
        end = value.end_mark.index - 1
        inside = text[value.start_mark.index + 1 : end].rstrip()
        comma = "" if not value.value else " " if inside.endswith(",") else ", "
        return f"{text[:end].rstrip()}{comma}{toolkit}{text[end:]}"
    last = value.value[-1].end_mark
    last_line = last.line if last.column else last.line - 1  # a block text ends where the next line begins
    lines = text.splitlines(keepends=True)
    if not lines[last_line].endswith("\n"):
        lines[last_line] += "\n"
    indent = " " * value.start_mark.column
    return "".join([*lines[: last_line + 1], f"{indent}- {toolkit}\n", *lines[last_line + 1 :]])
