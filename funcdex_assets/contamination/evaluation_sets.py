"""Reads evaluation sets for comparison: the user turns and functions of each item, whatever the format.

Belongs here: the formats, and which columns were read. How a call is written is in `written_calls.py`; the comparison
belongs to `overlaps.py`.

- BFCL: `{"id", "question": [[{"role", "content"}]], "function": […]}`, also of multi-turn items
- OpenAI: `{"messages": […], "tools": […]}`
- ShareGPT: `{"conversations": [{"from": "human", "value"}], "tools": […]}`
- plain: a text under `question`, `prompt`, `query`, `instruction`, `input` or `text`, perhaps with functions
- the same with the value of a column as JSON text, such as messages in a text under `question`

Calls in messages and in any other column, such as `answer`, tell of functions, too: a function that an item calls and
does not define has the arguments that any call of the file gives it. A file holds one JSON object per line, or one JSON
array of them. The sets of BFCL are in the wheel `bfcl-eval`, whose data is read without importing it.

>>> extract_user_turns([{"role": "user", "content": "Find Bo."}, {"role": "assistant", "content": "Done."}])
('Find Bo.',)
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from funcdex_assets.contamination.written_calls import WrittenCall, decode_json_text, list_calls
from funcdex_assets.records.errors import UserError
from funcdex_assets.schema.schema import name_json_type

BFCL = "bfcl"
_TEXT_FIELDS = ("question", "prompt", "query", "instruction", "input", "text")
_FUNCTION_FIELDS = ("function", "functions", "tools")
_USER_ROLES = ("user", "human")
# Types as JSON Schema has them; BFCL writes those of Python, Java and JavaScript.
_JSON_TYPES = {
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
class OfferedFunction:
    """A function on offer: its name as written, and parameter name → JSON Schema type ("any" where none is given)."""

    name: str
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class EvaluationItem:
    """One example of an evaluation set; an item without user turns only documents functions."""

    item_id: str
    turns: tuple[str, ...]
    functions: tuple[OfferedFunction, ...] = ()


@dataclass(frozen=True, slots=True)
class EvaluationSet:
    """A named list of items, mostly one file."""

    name: str
    items: tuple[EvaluationItem, ...]
    columns: Mapping[str, str] = field(default_factory=dict)
    """By column, what was read there: the id, user turns, functions, calls; '' where nothing was."""

    @property
    def has_functions(self) -> bool:
        return any(item.functions for item in self.items)


def read_evaluation_sets(names: Iterable[str], root: Path = Path()) -> list[EvaluationSet]:
    """Reads each set by its name (`bfcl`: all its files; none if `bfcl-eval` is not installed) or file, from `root`.

    Raises:
        EvaluationSetError: a file is not there or not readable.
    """
    sets: list[EvaluationSet] = []
    for name in names:
        if name == BFCL:
            folder = find_bfcl_folder()
            sets += read_bfcl_sets(folder) if folder else []
        else:
            sets.append(read_evaluation_file(root / Path(name).expanduser()))
    return sets


def find_bfcl_folder() -> Path | None:
    """Finds the data folder of the installed `bfcl-eval`, without importing it: it needs dozens of other packages."""
    spec = find_spec("bfcl_eval")
    folders = [Path(location) / "data" for location in (spec.submodule_search_locations or ())] if spec else []
    return next((folder for folder in folders if folder.is_dir()), None)


def read_bfcl_sets(folder: Path) -> list[EvaluationSet]:
    """Reads the installed BFCL: one set per file of questions and two more.

    One holds the conversations that precede the memory questions; the other the functions that multi-turn items name
    only by their class. Retired questions (`unused_datasets`) are not read.
    """
    sets = [read_evaluation_file(path) for path in sorted(folder.glob("BFCL_*.json")) if _has_object_per_line(path)]
    prerequisites = [
        item
        for path in sorted(folder.glob("memory_prereq_conversation/*.json"))
        for item in read_evaluation_file(path).items
    ]
    documented = [
        EvaluationItem(path.stem, (), tuple(_parse_functions(_read_json_objects(path))))
        for path in sorted(folder.glob("multi_turn_func_doc/*.json"))
    ]
    further = {"BFCL memory_prereq_conversation": prerequisites, "BFCL multi_turn_func_doc": documented}
    return sets + [EvaluationSet(name, tuple(items)) for name, items in further.items() if items]


def read_evaluation_file(path: Path) -> EvaluationSet:
    """Reads the items of one file; the set is named by the file's stem.

    Raises:
        EvaluationSetError: the file is missing, or a line has none of the formats.
    """
    read: list[_ReadItem] = []
    columns: dict[str, dict[str, None]] = {}
    for number, line in enumerate(_read_json_objects(path), 1):
        item = _read_item(line, f"item {number}")
        if item.turns is None and not item.functions and not item.calls:
            raise EvaluationSetError(
                f"{path}, item {number}: neither user turns nor functions nor calls in {', '.join(line) or 'no column'}"
                f"; an item has messages, conversations, or one of {', '.join(_TEXT_FIELDS)}, and perhaps one of "
                f"{', '.join(_FUNCTION_FIELDS)}"
            )
        read.append(item)
        for column, contents in item.columns.items():
            columns.setdefault(column, {}).update(dict.fromkeys(contents))
    called_functions = _merge_calls(call for item in read for call in item.calls)
    items = []
    for item in read:
        defined = {function.name for function in item.functions}
        of_calls = dict.fromkeys(call.name for call in item.calls if call.name not in defined)
        functions = (*item.functions, *(called_functions[name] for name in of_calls))
        items.append(EvaluationItem(item.item_id, tuple(item.turns or ()), functions))
    return EvaluationSet(path.stem, tuple(items), {column: ", ".join(contents) for column, contents in columns.items()})


def extract_functions(tools: Any) -> tuple[OfferedFunction, ...]:
    """Reads the functions in OpenAI tools or in bare function definitions."""
    return tuple(_parse_functions(tools))


def extract_user_turns(messages: Any) -> tuple[str, ...]:
    """Returns the texts of the user messages among OpenAI messages."""
    return tuple(_list_user_turns(messages))


def _read_json_objects(path: Path) -> Iterator[Mapping[str, Any]]:
    """Yields the JSON objects of a file that holds one per line, or one array of them; empty lines are skipped."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise EvaluationSetError(f"{path} cannot be read: {error.strerror}") from None
    if content.lstrip()[:1] == b"[":
        objects: Sequence[bytes | msgspec.Raw] = _decode_json(content, path, 1, list[msgspec.Raw])
    else:
        objects = content.split(b"\n")
    for number, encoded in enumerate(objects, 1):
        if bytes(encoded).strip():
            yield _decode_json(encoded, path, number, dict[str, Any])


def _decode_json(content: Any, path: Path, number: int, expected_type: Any) -> Any:
    try:
        return msgspec.json.decode(content, type=expected_type)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise EvaluationSetError(f"{path}, line {number}: no JSON object ({error}); write one per line") from None


def _has_object_per_line(path: Path) -> bool:
    """Returns whether a file has an object per line; BFCL also has an index of ids, one object over many lines."""
    with path.open("rb") as file:
        return file.readline().rstrip().endswith(b"}")


@dataclass(frozen=True, slots=True)
class _ReadItem:
    """One item as it was read; `turns` are None if it has none of the columns that may hold them."""

    item_id: str
    turns: list[str] | None
    functions: tuple[OfferedFunction, ...]
    calls: tuple[WrittenCall, ...]
    columns: Mapping[str, tuple[str, ...]]


def _read_item(line: Mapping[str, Any], item_id: str) -> _ReadItem:
    """Reads the first column that may hold user turns, the first that may hold functions, and the calls of all."""
    turn_column = next((name for name in ("messages", "conversations", *_TEXT_FIELDS) if name in line), None)
    function_column = next((name for name in _FUNCTION_FIELDS if name in line), None)
    turns = None if turn_column is None else _extract_column_turns(line[turn_column])
    functions = () if function_column is None else tuple(_parse_functions(line[function_column]))
    calls: list[WrittenCall] = []
    columns: dict[str, tuple[str, ...]] = {}
    for column, value in line.items():
        column_calls = [] if column == function_column else list(list_calls(value))
        calls += column_calls
        columns[column] = tuple(
            content
            for content, is_read in (
                ("the id", column == "id"),
                ("user turns", column == turn_column and bool(turns)),
                ("functions", column == function_column and bool(functions)),
                ("calls", bool(column_calls)),
            )
            if is_read
        )
    return _ReadItem(str(line.get("id", item_id)), turns, functions, tuple(calls), columns)


def _extract_column_turns(value: Any) -> list[str]:
    """Returns the user turns in a column; a text that is no JSON of messages is a turn itself."""
    decoded = decode_json_text(value)
    turns = list(_list_user_turns(decoded))
    return turns if turns or decoded is value else list(_list_user_turns(value))


def _merge_calls(calls: Iterable[WrittenCall]) -> dict[str, OfferedFunction]:
    """Merges the calls of each function into one function: its arguments, and their types where calls agree on them."""
    types: dict[str, dict[str, str]] = {}
    for call in calls:
        parameters = types.setdefault(call.name, {})
        for name, value in call.arguments.items():
            json_type = "any" if value is None else name_json_type(value)
            parameters[name] = json_type if parameters.get(name, json_type) == json_type else "any"
    return {name: OfferedFunction(name, parameters) for name, parameters in types.items()}


def _list_user_turns(value: Any) -> Iterator[str]:
    """Yields the user turns in a text, a message of a user, or nested lists of these."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for element in value:
            yield from _list_user_turns(element)
    elif isinstance(value, Mapping) and (value.get("role") or value.get("from")) in _USER_ROLES:
        content = value.get("content", value.get("value"))
        if isinstance(content, list):  # OpenAI's content parts
            content = " ".join(block.get("text", "") for block in content if isinstance(block, Mapping))
        if content:
            yield str(content)


def _parse_functions(definitions: Any) -> Iterator[OfferedFunction]:
    """Yields the functions in a list of definitions, a single definition, or JSON text of these; skips the rest."""
    definitions = decode_json_text(definitions)  # ShareGPT files often hold the tools as JSON text
    if isinstance(definitions, str):
        return
    for entry in [definitions] if isinstance(definitions, Mapping) else definitions or ():
        if not isinstance(entry, Mapping):
            continue
        definition = entry.get("function", entry)
        if isinstance(definition, Mapping) and isinstance(definition.get("name"), str):
            schema = definition.get("parameters")
            properties = schema.get("properties", schema) if isinstance(schema, Mapping) else {}
            if isinstance(properties, Mapping):
                yield OfferedFunction(
                    definition["name"],
                    {str(name): _normalise_type(property_schema) for name, property_schema in properties.items()},
                )


def _normalise_type(schema: Any) -> str:
    """Returns the type of a property in lower case, as JSON Schema has it; of several the first that is not null."""
    name = schema.get("type", "any") if isinstance(schema, Mapping) else "any"
    if isinstance(name, list):
        name = next((alternative for alternative in name if alternative != "null"), "any")
    return _JSON_TYPES.get(str(name).lower(), str(name).lower())
