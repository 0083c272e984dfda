"""How much of what tools accept is used: properties by type, values by type, arguments per call, calls per turn.

Belongs here: counts over the arguments of all calls. Which properties were never given, by name, is told by
`catalog/definition_gaps.py`.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import fmean, median
from typing import Any

from funcdex_assets.records.figures import QualityFigure
from funcdex_assets.reports.figure_rows import build_number, build_share
from funcdex_assets.reports.published_turns import Turn, TurnCall
from funcdex_assets.schema.references import resolve_schema
from funcdex_assets.schema.schema import Schema, schema_type

SECTION = "arguments"
TYPES = ("string", "number", "boolean", "enum", "array", "object")
MANY_ARGUMENTS = 4


class ArgumentUse:
    """Counts turn by turn; `build_figures` gives the figures of all that was added.

    A property of a tool counts by partition, as the partitions' toolkits may differ.
    """

    def __init__(self) -> None:
        self._declared: dict[tuple[str, str, str], str] = {}
        self._set: Counter[tuple[str, str, str]] = Counter()
        self._offered_in_calls: Counter[str] = Counter()
        self._set_in_calls: Counter[str] = Counter()
        self._values: Counter[str] = Counter()
        self._longest = {"array": 0, "object": 0}
        self._arguments_per_call: list[int] = []
        self._calls_per_turn: list[int] = []
        self._calls_by_message: list[int] = []
        self._answer_lengths: list[int] = []

    def add_turns(self, partition: str, turns: Sequence[Turn]) -> None:
        """Adds the turns of one row."""
        types_by_tool: dict[str, dict[str, str]] = {}
        for turn in turns:
            if turn.calls:
                self._calls_per_turn.append(len(turn.calls))
            self._calls_by_message += turn.calls_by_message
            self._answer_lengths += [len(answer.split()) for answer in turn.answers]
            for call in turn.calls:
                self._arguments_per_call.append(len(call.arguments))
                if call.name not in types_by_tool:
                    types_by_tool[call.name] = _find_property_types(call)
                for name, kind in types_by_tool[call.name].items():
                    place = (partition, call.name, name)
                    self._declared[place] = kind
                    self._offered_in_calls[kind] += 1
                    if name in call.arguments:
                        self._set[place] += 1
                        self._set_in_calls[kind] += 1
                for value in call.arguments.values():
                    self._add_value(value)

    def build_figures(self) -> Iterator[QualityFigure]:
        declared = Counter(self._declared.values())
        used = Counter(self._declared[place] for place in self._set)
        for kind in TYPES:
            yield build_share(SECTION, "properties of called tools that a call sets", used[kind], declared[kind], kind)
        for kind in TYPES:
            yield build_share(
                SECTION, "properties set, per call", self._set_in_calls[kind], self._offered_in_calls[kind], kind
            )
        for kind in ("string", "number", "boolean", "array", "object"):
            yield build_share(SECTION, "values of arguments", self._values[kind], self._values.total(), kind)
        for kind, longest in self._longest.items():
            yield build_number(SECTION, f"longest {kind}", longest)
        if self._arguments_per_call:
            yield build_number(SECTION, "arguments per call", fmean(self._arguments_per_call), "mean")
        many = sum(count >= MANY_ARGUMENTS for count in self._arguments_per_call)
        yield build_share(SECTION, "calls with four or more arguments", many, len(self._arguments_per_call))
        if self._calls_per_turn:
            yield build_number(SECTION, "calls per turn with calls", fmean(self._calls_per_turn), "mean")
            yield build_number(SECTION, "calls per turn with calls", max(self._calls_per_turn), "most")
        parallel = sum(count > 1 for count in self._calls_by_message)
        yield build_share(SECTION, "messages with parallel calls", parallel, len(self._calls_by_message))
        if self._answer_lengths:
            yield build_number(SECTION, "words per answer", median(self._answer_lengths), "median")

    def _add_value(self, value: Any) -> None:
        if isinstance(value, bool):
            self._values["boolean"] += 1
        elif isinstance(value, str):
            self._values["string"] += 1
        elif isinstance(value, int | float):
            self._values["number"] += 1
        elif isinstance(value, list | dict):
            kind = "array" if isinstance(value, list) else "object"
            self._values[kind] += 1
            self._measure_length(value)

    def _measure_length(self, value: Any) -> None:
        """Notes the length of an array or object, and of those in it."""
        if isinstance(value, list | dict):
            kind = "array" if isinstance(value, list) else "object"
            self._longest[kind] = max(self._longest[kind], len(value))
            for part in value if isinstance(value, list) else value.values():
                self._measure_length(part)


def find_property_type(schema: Schema) -> str:
    """Finds the type of a property among `TYPES`: a choice of given values is an enum.

    >>> find_property_type({"type": ["null", "integer"]})
    'number'
    """
    if "enum" in schema or "const" in schema:
        return "enum"
    kind = schema_type(schema)
    return "number" if kind == "integer" else kind if kind in TYPES else "string"


def _find_property_types(call: TurnCall) -> dict[str, str]:
    return {
        name: find_property_type(resolve_schema(schema, call.parameters)) for name, schema in call.properties.items()
    }
