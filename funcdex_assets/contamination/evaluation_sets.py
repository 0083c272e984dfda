"""Evaluation sets, read for comparison: user turns and functions of each item, whatever the format.

- BFCL: `{"id", "question": [[{"role", "content"}]], "function": […]}`, also of multi-turn items
- OpenAI: `{"messages": […], "tools": […]}`
- ShareGPT: `{"conversations": [{"from": "human", "value"}], "tools": […]}`
- plain: a text under `question`, `prompt`, `query`, `instruction`, `input` or `text`, perhaps with functions

from funcdex_assets.records.errors import UserError

A file holds one JSON object per line, or one JSON array of them. The sets of BFCL are in the wheel `bfcl-eval`, whose
data is read without importing it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from funcdex_assets.records.errors import UserError

BFCL = "bfcl"
_TEXTS = ("question", "prompt", "query", "instruction", "input", "text")
_FUNCTIONS = ("function", "functions", "tools")
_USERS = ("user", "human")
# Types as JSON Schema has them; BFCL writes those of Python, Java and JavaScript.
_TYPES = {
    "dict": "object",
    "hashmap": "object",
    "float": "number",
    "double": "number",
    "int": "integer",
    "long": "integer",
    "str": "string",
    "char": "string",
    "list": "array",
    "tuple": "array",
    "arraylist": "array",
    "bool": "boolean",
}


class EvaluationSetError(UserError, ValueError):
    """A set cannot be read; the message names the file, the line and the remedy."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function as it is offered: its name, and parameter name → type, as written."""

    name: str
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Item:
    item_id: str
    turns: tuple[str, ...]
    functions: tuple[Function, ...] = ()


@dataclass(frozen=True, slots=True)
class EvaluationSet:
    name: str
    items: tuple[Item, ...]


def evaluation_sets(names: Iterable[str], root: Path = Path()) -> list[EvaluationSet]:
    """The sets of that name or in that file (relative to `root`); `bfcl` is nothing where it is not installed.

    Raises:
        EvaluationSetError: a file is not there or not readable.
    """
    found: list[EvaluationSet] = []
    for name in names:
        if name == BFCL:
            folder = bfcl_folder()
            found += read_bfcl(folder) if folder else []
        else:
            found.append(read_file(root / Path(name).expanduser()))
    return found


def bfcl_folder() -> Path | None:
    """Where the data of the installed `bfcl-eval` is; the package itself wants dozens of others and is not imported."""
    spec = find_spec("bfcl_eval")
    places = [Path(place) / "data" for place in (spec.submodule_search_locations or ())] if spec else []
    return next((place for place in places if place.is_dir()), None)


def read_bfcl(folder: Path) -> list[EvaluationSet]:
    """One set per file of questions, one of the conversations before the memory questions, and one of the
    functions that multi-turn items name by class only. Retired questions (`unused_datasets`) are not read.
    """
    sets = [read_file(path) for path in sorted(folder.glob("BFCL_*.json")) if _is_lines(path)]
    told = [item for path in sorted(folder.glob("memory_prereq_conversation/*.json")) for item in read_file(path).items]
    documented = [
        Item(path.stem, (), tuple(_functions(_lines(path))))
        for path in sorted(folder.glob("multi_turn_func_doc/*.json"))
    ]
    others = {"BFCL memory_prereq_conversation": told, "BFCL multi_turn_func_doc": documented}
    return sets + [EvaluationSet(name, tuple(items)) for name, items in others.items() if items]


def read_file(path: Path) -> EvaluationSet:
    """
    Raises:
        EvaluationSetError: it is not there, or a line is neither of the formats.
    """
    items = []
    for number, line in enumerate(_lines(path), 1):
        turns, functions = _turns(line), tuple(_functions(_given_functions(line)))
        if turns is None and not functions:
            raise EvaluationSetError(
                f"{path}, item {number}: neither user turns nor functions; an item has messages, conversations, or one "
                f"of {', '.join(_TEXTS)}, and perhaps one of {', '.join(_FUNCTIONS)}"
            )
        items.append(Item(str(line.get("id", f"item {number}")), tuple(turns or ()), functions))
    return EvaluationSet(path.stem, tuple(items))


def functions_of(tools: Any) -> tuple[Function, ...]:
    """Of OpenAI tools, or of bare function definitions."""
    return tuple(_functions(tools))


def user_turns(messages: Any) -> tuple[str, ...]:
    """Of OpenAI messages."""
    return tuple(_said(messages))


def _lines(path: Path) -> Iterator[Mapping[str, Any]]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise EvaluationSetError(f"{path} cannot be read: {error.strerror}") from None
    if content.lstrip()[:1] == b"[":
        parts: Sequence[bytes | msgspec.Raw] = _decoded(content, path, 1, list[msgspec.Raw])
    else:
        parts = content.split(b"\n")
    for number, part in enumerate(parts, 1):
        if bytes(part).strip():
            yield _decoded(part, path, number, dict[str, Any])


def _decoded(content: Any, path: Path, number: int, kind: Any) -> Any:
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise EvaluationSetError(f"{path}, line {number}: no JSON object ({error}); write one per line") from None


def _is_lines(path: Path) -> bool:
    """BFCL also has an index of ids over many lines, which is no set of items."""
    with path.open("rb") as file:
        return file.readline().rstrip().endswith(b"}")


def _turns(line: Mapping[str, Any]) -> list[str] | None:
    """What users say in an item; None if it has no place for it."""
    for field in ("messages", "conversations", *_TEXTS):
        if field in line:
            return list(_said(line[field]))
    return None


def _said(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for part in value:
            yield from _said(part)
    elif isinstance(value, Mapping) and (value.get("role") or value.get("from")) in _USERS:
        content = value.get("content", value.get("value"))
        if isinstance(content, list):  # OpenAI's content parts
            content = " ".join(part.get("text", "") for part in content if isinstance(part, Mapping))
        if content:
            yield str(content)


def _given_functions(line: Mapping[str, Any]) -> Any:
    for field in _FUNCTIONS:
        if field in line:
            return line[field]
    return []


def _functions(given: Any) -> Iterator[Function]:
    if isinstance(given, str):  # ShareGPT files often hold the tools as JSON text
        try:
            given = msgspec.json.decode(given)
        except msgspec.DecodeError:
            given = []
    for entry in [given] if isinstance(given, Mapping) else given or ():
        if not isinstance(entry, Mapping):
            continue
        one = entry.get("function", entry)
        if isinstance(one, Mapping) and isinstance(one.get("name"), str):
            schema = one.get("parameters")
            properties = schema.get("properties", schema) if isinstance(schema, Mapping) else {}
            if isinstance(properties, Mapping):
                yield Function(one["name"], {str(name): _type(part) for name, part in properties.items()})


def _type(schema: Any) -> str:
    given = schema.get("type", "any") if isinstance(schema, Mapping) else "any"
    if isinstance(given, list):
        given = next((one for one in given if one != "null"), "any")
    return _TYPES.get(str(given).lower(), str(given).lower())
