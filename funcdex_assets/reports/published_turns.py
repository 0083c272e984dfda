"""Takes published rows apart: the turns of the user, the calls in each, and what had been said before every call.

Belongs here: reading rows, from the table `dataset` or from the files of a release, and the walk over their messages.
What is counted in them belongs to `shortcuts.py` and `argument_use.py`, which see nothing but what a trainer sees: no
plan, no persona, no traced source.

>>> row = PublishedRow(id="r", partition="mail", kind="simple", tools=[], messages=[
...     {"role": "user", "content": "Find Bo"},
...     {"role": "assistant", "tool_calls": [{"function": {"name": "FIND", "arguments": {"query": "Bo"}}}]}])
>>> [(turn.text, [call.name for call in turn.calls]) for turn in list_turns(row)]
[('Find Bo', ['FIND'])]
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
import polars as pl

from funcdex_assets.export.release_outcome import read_latest
from funcdex_assets.records.openai_messages import read_call_arguments
from funcdex_assets.records.record import Json, Record
from funcdex_assets.records.verdict import TurnVerdict
from funcdex_assets.schema.references import resolve_schema
from funcdex_assets.schema.schema import Schema
from funcdex_assets.storage.frames import from_frame
from funcdex_assets.training.token_rows import PublishedRow, read_published_rows

ValueKind = Literal["string", "number", "boolean", "date", "enum"]

_PASTED_DEFINITION = '{"type":"function"'
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?:$|[T ])")
_DATE_FORMATS = frozenset(("date", "date-time", "time"))
_QUOTED_TEXT = re.compile(r'"[^"]*"')


class _StoredRow(Record, frozen=True):
    """The columns of the table `dataset` that are counted in."""

    conversation_id: str
    partition: str
    messages: Json
    tools: Json
    kind: str
    split: Literal["train", "test"]
    turn_verdicts: tuple[TurnVerdict, ...]


class ArgumentValue(NamedTuple):
    """A scalar in the arguments of a call, and the top argument that it is in."""

    argument: str
    kind: ValueKind
    value: str | float | bool


@dataclass(frozen=True, slots=True)
class TurnCall:
    """A call, its function as defined (empty if it is not on offer), and what had been said before it.

    `values` are the scalars of its arguments, without null and empty texts, of which nothing can be said. `said` is
    what users and results said, `told` what users alone did, `told_lower` and `said_lower` the same in lower case;
    `turn_results` are the results of the same turn, in lower case.
    """

    name: str
    arguments: Mapping[str, Any]
    values: Sequence[ArgumentValue]
    function: Mapping[str, Any]
    said: str
    said_lower: str
    told: str
    told_lower: str
    turn_results: str

    @property
    def parameters(self) -> Schema:
        return _read_mapping(self.function, "parameters")

    @property
    def properties(self) -> Mapping[str, Any]:
        """The declared arguments, as the definition has them."""
        return _read_mapping(self.parameters, "properties")


@dataclass(frozen=True, slots=True)
class Turn:
    """A user message, the calls and the assistant's texts that follow it, and the functions that the row has by name.

    `calls_by_message` has the number of calls of each message with calls.
    """

    row: PublishedRow
    text: str
    functions: Mapping[str, Mapping[str, Any]]
    calls: list[TurnCall] = field(default_factory=list)
    calls_by_message: list[int] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)

    @property
    def masked_text(self) -> str:
        return mask_quotes(self.text)


def read_dataset_rows(dataset: pl.DataFrame) -> list[PublishedRow]:
    """Reads the rows of the table `dataset`, as a release would have them."""
    return [
        PublishedRow(
            id=row.conversation_id,
            partition=row.partition,
            messages=row.messages,
            tools=row.tools,
            kind=row.kind,
            turn_verdicts=row.turn_verdicts,
            split=row.split,
        )
        for row in from_frame(dataset, _StoredRow)
    ]


def read_release_rows(home: Path, partitions: Iterable[str]) -> tuple[str, list[PublishedRow]] | None:
    """Reads the latest release over all partitions, and its name; None if it is not of just these partitions."""
    folder = home / "datasets" / "all"
    release = read_latest(folder)
    if release is None or not (folder / release).is_dir():
        return None
    rows = read_published_rows(folder / release)
    return (release, rows) if {row.partition for row in rows} == set(partitions) else None


def list_turns(row: PublishedRow) -> list[Turn]:
    """Lists the turns of a row; a definition that a user pastes is on offer in all of them."""
    functions = _list_functions(row)
    turns: list[Turn] = []
    said = told = turn_results = ""
    for message in row.messages:
        content = message.get("content")
        if message["role"] == "user":
            text = content or ""
            said += f"\n{text}"
            told += f"\n{text}"
            turn_results = ""
            turns.append(Turn(row, text, functions))
        elif message["role"] == "tool":
            result = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
            said += f"\n{result}"
            turn_results += f"\n{result.lower()}"
        elif turns:
            if calls := message.get("tool_calls"):
                before = (said, said.lower(), told, told.lower(), turn_results)
                turns[-1].calls.extend(_read_call(call["function"], functions, before) for call in calls)
                turns[-1].calls_by_message.append(len(calls))
            if content and message["role"] == "assistant":
                turns[-1].answers.append(content)
    return turns


def mask_quotes(text: str) -> str:
    """Replaces each quoted text by `QQ`; of a pasted definition, little more than punctuation remains.

    >>> mask_quotes('Find "Varga", please.')
    'Find  QQ , please.'
    """
    return _QUOTED_TEXT.sub(" QQ ", text).strip()


def stands_in(value: str | float | bool, text: str, text_lower: str) -> bool:
    """Returns True if a value stands in a text as it is: a string in any case, a number not within a longer one.

    A boolean never does: nobody says `true`.
    """
    if isinstance(value, bool):
        return False
    if isinstance(value, str):
        return value.lower() in text_lower
    return re.search(rf"(?<![\d.]){re.escape(str(value))}(?![\d])", text) is not None


def _read_call(
    written: Mapping[str, Any], functions: Mapping[str, Mapping[str, Any]], before: tuple[str, str, str, str, str]
) -> TurnCall:
    arguments = read_call_arguments(written.get("arguments"))
    function = functions.get(written["name"], {})
    parameters = _read_mapping(function, "parameters")
    properties = _read_mapping(parameters, "properties")
    values = [
        ArgumentValue(name, kind, scalar)
        for name, value in arguments.items()
        for kind, scalar in _walk_values(value, properties.get(name, {}), parameters)
    ]
    return TurnCall(written["name"], arguments, values, function, *before)


def _read_mapping(definition: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    part = definition.get(key)
    return part if isinstance(part, Mapping) else {}


def _list_functions(row: PublishedRow) -> dict[str, Mapping[str, Any]]:
    functions: dict[str, Mapping[str, Any]] = {tool["function"]["name"]: tool["function"] for tool in row.tools}
    for message in row.messages:
        if message["role"] == "user" and _PASTED_DEFINITION in (message.get("content") or ""):
            for function in _read_pasted_functions(message["content"].split("\n")):
                functions[function["name"]] = function
    return functions


def _read_pasted_functions(lines: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    for line in lines:
        if line.startswith(_PASTED_DEFINITION):
            yield msgspec.json.decode(line)["function"]


def _walk_values(value: Any, schema: Any, root: Schema) -> Iterator[tuple[ValueKind, str | float | bool]]:
    """Yields the kind and the value of each scalar, by the schema of where it stands."""
    resolved = resolve_schema(schema, root)
    if isinstance(value, dict):
        properties = resolved.get("properties")
        for name, part in value.items():
            yield from _walk_values(part, properties.get(name, {}) if isinstance(properties, Mapping) else {}, root)
    elif isinstance(value, list):
        for part in value:
            yield from _walk_values(part, resolved.get("items", {}), root)
    elif value is not None and value != "":
        yield _find_value_kind(value, resolved), value


def _find_value_kind(value: str | float | bool, schema: Schema) -> ValueKind:
    if isinstance(value, bool):
        return "boolean"
    if not isinstance(value, str):
        return "number"
    if "enum" in schema or "const" in schema:
        return "enum"
    return "date" if schema.get("format") in _DATE_FORMATS or _DATE.match(value) else "string"
