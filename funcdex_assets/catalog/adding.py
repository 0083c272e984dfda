"""Adds a toolkit to a project: writes its file in `toolkits/` and its entry in `funcdex.yaml`.

Here belongs writing both files; reading the source is in `sources`, choosing the tools in `tool_graph/tool_selection`.
The settings file is the user's: one entry is inserted, and nothing else is touched.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import yaml

from funcdex_assets.catalog.errors import CatalogError
from funcdex_assets.records.tool import Tool
from funcdex_assets.storage.atomic_files import replace_file


def write_toolkit(path: Path, tools: Sequence[Tool], policy: str = "") -> None:
    """Writes the toolkit's definition file atomically: a reader sees the old file or the new one."""
    first = tools[0]
    content = {
        "toolkit": first.toolkit,
        "source": first.source,
        **({"licence": first.licence} if first.licence else {}),
        **({"policy": policy} if policy else {}),
        "tools": [_render_tool_entry(tool) for tool in tools],
    }
    replace_file(path, msgspec.json.format(msgspec.json.encode(content), indent=1) + b"\n")


def _render_tool_entry(tool: Tool) -> dict[str, Any]:
    entry = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    optional = {"returns": tool.returns, "errors": tool.errors, "original_name": tool.original_name or None}
    return entry | {key: value for key, value in optional.items() if value is not None}


def add_toolkit_to_settings(settings_path: Path, toolkit: str) -> bool:
    """Adds the toolkit to `toolkits` in the settings file; returns False if it is listed already.

    Raises:
        CatalogError: as `insert_toolkit`; nothing was changed.
    """
    text = settings_path.read_bytes().decode()  # not `read_text`, which translates line ends
    edited = insert_toolkit(text, toolkit, settings_path)
    if edited == text:
        return False
    replace_file(settings_path, edited.encode())
    return True


def insert_toolkit(text: str, toolkit: str, settings_path: Path) -> str:
    """Returns the text of a settings file with the toolkit listed; unchanged if it is listed already.

    Whatever legal form the list has (a line for each, brackets, empty, missing, the whole file in braces), the rest of
    the text stays as it is: comments, order, line ends. `settings_path` is named in the error.

    Raises:
        CatalogError: something else would change with the list, such as what an anchor repeats.
    """
    before = yaml.safe_load(text)
    listed = before.get("toolkits") or []
    if toolkit in listed:
        return text
    expected = {**before, "toolkits": [*listed, toolkit]}
    for edited in _list_edits(text, listed, toolkit):
        try:
            if yaml.safe_load(edited) == expected:
                return edited
        except yaml.YAMLError:
            continue
    raise CatalogError(
        f"{settings_path}: the list of toolkits cannot be changed without changing something else (an anchor, or a key "
        f"that stands twice); add {toolkit!r} to it by hand"
    )


def _list_edits(text: str, listed: Sequence[str], toolkit: str) -> Iterator[str]:
    """Yields the text with the toolkit inserted at each place that may be right, judged by the parser's marks."""
    root = yaml.compose(text)
    assert isinstance(root, yaml.MappingNode)
    value = next((value for key, value in root.value if key.value == "toolkits"), None)
    line_end = "\r\n" if "\r\n" in text else "\n"
    if value is None:  # the key is missing, or comes from a merged mapping, which it then replaces
        entry = f"toolkits: [{', '.join([*listed, toolkit])}]"
        if root.flow_style:
            yield _insert_behind_last(root, text, entry)
            return
        yield f"{text.rstrip()}{line_end}{entry}{line_end}"
        first_key = root.value[0][0].start_mark
        yield f"{text[: first_key.index]}{entry}{line_end}{' ' * first_key.column}{text[first_key.index :]}"
    elif not isinstance(value, yaml.SequenceNode):  # `toolkits:` with nothing behind it, or `toolkits: null`
        start, end = value.start_mark.index, value.end_mark.index
        blank = "" if text[start - 1 : start].isspace() else " "
        yield f"{text[:start]}{blank}[{toolkit}]{text[end:]}"
    elif value.flow_style:
        yield _insert_behind_last(value, text, toolkit)
    else:
        last = value.value[-1]
        # A block text ends where the next line begins.
        last_line = last.end_mark.line if last.end_mark.column else last.end_mark.line - 1
        lines = text.splitlines(keepends=True)
        if not lines[last_line].endswith(("\n", "\r")):
            lines[last_line] += line_end
        indent = re.match(r" *", lines[last.start_mark.line])
        item = f"{indent[0] if indent else ''}- {toolkit}{line_end}"
        yield "".join([*lines[: last_line + 1], item, *lines[last_line + 1 :]])


def _insert_behind_last(node: yaml.CollectionNode, text: str, entry: str) -> str:
    """Inserts an entry behind the last one of a list in brackets or a mapping in braces."""
    if not node.value:
        bracket = "[" if isinstance(node, yaml.SequenceNode) else "{"
        opening = text.index(bracket, node.start_mark.index) + 1
        return f"{text[:opening]}{entry}{text[opening:]}"
    last = node.value[-1][1] if isinstance(node, yaml.MappingNode) else node.value[-1]
    return f"{text[: last.end_mark.index]}, {entry}{text[last.end_mark.index :]}"
