"""Loads the tools of a partition from the toolkits' definition files.

Here belongs the project's own format and its rules; documents of other formats are imported through `sources`. Two
formats are distinguished by their content: ours (a YAML or JSON mapping with `toolkit` and `tools`;
`catalog/toolkits/` has ten examples) and the seed's (a JSON array, see `seed_format`).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

import msgspec
import yaml

from funcdex_assets.catalog import seed_format
from funcdex_assets.catalog.documents import refuse_deep_nesting
from funcdex_assets.catalog.errors import CatalogError
from funcdex_assets.catalog.toolkit_terms import ToolkitTerms, parse_terms
from funcdex_assets.records.declared_meaning import find_declaration_flaw
from funcdex_assets.records.row_failures import MOST_REASONS, RowFailure, make_each
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.references import resolve_schema
from funcdex_assets.schema.validation import compile_validator

LEGAL_TOOL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
MAX_NESTING = 60
_FIELDS = ("name", "description", "parameters", "returns", "errors", "original_name")


def load_tools(files: Mapping[str, Path]) -> list[Tool]:
    """Loads the usable tools of the files, as `read_tools` does, without the reasons why others are left out."""
    return read_tools(files)[0]


def read_tools(files: Mapping[str, Path]) -> tuple[list[Tool], list[RowFailure]]:
    """Reads all tools of the files, in order; `files` maps a toolkit to its file, as `Settings.find_tool_files` does.

    A tool that cannot be used is left out with the reason, which names the place and the remedy. Tool names are unique
    over all files, because an assistant sees them side by side: the first of a name stays.

    Raises:
        CatalogError: a file cannot be read, or has not one usable tool.
    """
    tools: list[Tool] = []
    failures: list[RowFailure] = []
    origin: dict[str, Path] = {}
    for toolkit, path in files.items():
        entries, parse_entry = _list_entries(toolkit, path)
        pairs, refusals = make_each(
            enumerate(entries),
            lambda entry, parse=parse_entry, path=path: _read_tool(parse(*entry), path, origin),
            lambda entry, path=path: _name_entry(*entry, path),
            expected=CatalogError,
        )
        if not pairs:
            reasons = "; ".join(failure.reason for failure in refusals[:MOST_REASONS])
            raise CatalogError(
                f"{reasons}; no other tool of {path} is usable"
                if refusals
                else f"{path} defines no tools; add at least one"
            )
        tools += [tool for _, tool in pairs]
        failures += refusals
    return tools, failures


def read_terms(files: Mapping[str, Path]) -> dict[str, ToolkitTerms]:
    """Reads what the files say beside their tools, by toolkit: policies and examples.

    Raises:
        CatalogError: a file cannot be read, or a field cannot be used.
    """
    return {toolkit: parse_terms(_parse_file(path), str(path)) for toolkit, path in files.items()}


def _read_tool(tool: Tool, path: Path, origin: dict[str, Path]) -> Tool:
    """Returns the tool if it is usable and the first of its name, and notes its origin.

    Raises:
        CatalogError: it is not; the message names the place and the remedy.
    """
    if tool.name in origin:
        raise CatalogError(
            f"{path}: the tool name {tool.name!r} is already defined in {origin[tool.name]}; rename one of them"
        )
    _refuse_unusable(tool, path)
    origin[tool.name] = path
    return tool


def _list_entries(toolkit: str, path: Path) -> tuple[Sequence[Any], Callable[[int, Any], Tool]]:
    """Lists the entries of a file in either format, and returns the function that makes a tool of an entry.

    Raises:
        CatalogError: the file cannot be read, is in neither format, or says beside its tools what cannot be used.
    """
    content = _parse_file(path)
    parse_terms(content, str(path))
    if isinstance(content, list):
        return content, lambda index, entry: seed_format.parse_seed_tool(entry, index, path)
    if isinstance(content, dict) and isinstance(content.get("tools"), list):
        return content["tools"], lambda index, entry: parse_tool(toolkit, content, entry, index, path)
    raise CatalogError(
        f"{path} holds neither a mapping with 'tools' nor a list of definitions; see docs/toolkits.md for the format"
    )


def _name_entry(index: int, entry: Any, path: Path) -> str:
    """Returns the name that an entry gives its tool, in either format, or its place."""
    name = (entry.get("name") or entry.get("tool_id")) if isinstance(entry, dict) else None
    return name if isinstance(name, str) else f"{path.name}[{index}]"


def _parse_file(path: Path) -> Any:
    """Parses a JSON or YAML file by its suffix: the YAML parser fails on JSON with tabs, `1e5` or escaped emoji."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix == ".json":
            return msgspec.json.decode(text)
        refuse_deep_nesting(text)
        return yaml.load(text, Loader=yaml.CSafeLoader)
    except OSError as error:
        raise CatalogError(f"{path} cannot be read: {error.strerror}; check the file") from None
    except (yaml.YAMLError, ValueError, KeyError, RecursionError) as error:
        kind = "JSON" if path.suffix == ".json" else "YAML"
        raise CatalogError(f"{path} is not readable {kind}: {error}; correct the file, which must be UTF-8") from None


def parse_tool(toolkit: str, content: dict[str, Any], entry: Any, index: int, path: Path) -> Tool:
    """Converts one entry under `tools:` to a `Tool`.

    `content` is the whole file, for its licence and source; `index` and `path` are for error messages.

    Raises:
        CatalogError: a field is missing, unknown or of another type, or holds a value that JSON lacks.
    """
    location = f"{path}: tools[{index}]"
    if not isinstance(entry, dict):
        raise CatalogError(f"{location} is {entry!r}, not a mapping with name, description and parameters")
    unknown = set(entry) - set(_FIELDS)
    if unknown:
        raise CatalogError(f"{location} has the unknown field {min(unknown)!r}; it may have {', '.join(_FIELDS)}")
    for field, kind in (("name", str), ("description", str), ("parameters", dict)):
        if not isinstance(entry.get(field), kind):
            raise CatalogError(f"{location}: {field} is {entry.get(field)!r}; it must be a {kind.__name__}")
    if not isinstance(entry.get("returns"), dict | None):
        raise CatalogError(f"{location}: returns is {entry['returns']!r}; it must be a JSON Schema, or left out")
    if not isinstance(entry.get("errors"), dict | None):
        raise CatalogError(f"{location}: errors is {entry['errors']!r}; it must be a mapping of JSON Schemas")
    for field in ("parameters", "returns", "errors"):
        _refuse_non_json(entry.get(field), f"{location}: {field}")
    return Tool(
        toolkit=toolkit,
        name=entry["name"],
        description=" ".join(entry["description"].split()),
        parameters=entry["parameters"],
        returns=entry.get("returns"),
        errors=entry.get("errors"),
        original_name=str(entry.get("original_name", "")),
        licence=str(content.get("licence", "")),
        source=str(content.get("source", path.name)),
    )


def _refuse_non_json(value: Any, location: str, depth: int = 0) -> None:
    """Raises CatalogError for what only YAML has: dates, keys that are no text (`no:` is False), loops."""
    if depth > MAX_NESTING:
        raise CatalogError(
            f"{location[:200]}… is nested deeper than {MAX_NESTING} levels; does an alias contain itself?"
        )
    if isinstance(value, dict):
        for key, child in value.items():
            if not isinstance(key, str):
                raise CatalogError(f"{location} has the key {key!r}, which is no text; put it into quotation marks")
            _refuse_non_json(child, f"{location}.{key}", depth + 1)
    elif isinstance(value, list):
        for index, child in enumerate(value):
            _refuse_non_json(child, f"{location}[{index}]", depth + 1)
    elif not isinstance(value, str | int | float | None) or (isinstance(value, float) and not isfinite(value)):
        raise CatalogError(f"{location} is {value!r}, which JSON cannot hold; put it into quotation marks")


def _refuse_unusable(tool: Tool, path: Path) -> None:
    """Raises CatalogError if a tool's name is illegal or a schema of it is invalid or contradicts itself."""
    if not LEGAL_TOOL_NAME.fullmatch(tool.name):
        raise CatalogError(
            f"{path}: {tool.name!r} is not a legal function name; use 1 to 64 letters, digits, underscores or hyphens"
        )
    if tool.parameters.get("type") != "object":
        raise CatalogError(
            f"{path}: {tool.name}.parameters has type {tool.parameters.get('type')!r}; it must be 'object'"
        )
    for field, schema in (("parameters", tool.parameters), ("returns", tool.returns)):
        if schema is None:
            continue
        try:
            compile_validator(schema)
        except ValueError as error:
            raise CatalogError(f"{path}: {tool.name}.{field} is {error}") from None
        if flaw := find_declaration_flaw(schema):
            raise CatalogError(f"{path}: {tool.name}.{field}: {flaw}")
        inherited = resolve_schema(schema, schema).get("properties", {})  # under $ref and allOf
        missing = set(schema.get("required", ())) - {*schema.get("properties", {}), *inherited}
        if missing:
            raise CatalogError(
                f"{path}: {tool.name}.{field} requires {min(missing)!r}, which is not among its properties"
            )
