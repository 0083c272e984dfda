"""Finds where tool definitions are thin: what they leave out, and what conversations never used of them.

Belongs here: the list of such gaps, how each is counted, and its remedy. Add a gap when a dataset turns out poor
because a definition left something out. Who is told (`catalog add`, `analyze`, Dagster) is the business of those. A
gap has its places and how many there could be, so that nothing is told without its denominator:

>>> greet = Tool("shop", "GREET", "Greets the customer.", {"type": "object"}, None, "shop.yaml")
>>> for gap in find_definition_gaps({"GREET": greet}, lambda name, schema, root: True):
...     print(gap.describe_count(), gap.places)
no declared results: 1 of 1 tools ('GREET',)
no description beyond the name: 0 of 1 tools ()

Whether a person would ever say an argument is for the caller to decide, who knows what names mean
(`semantics/sayable_arguments.py`).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.references import resolve_schema
from funcdex_assets.schema.schema import Schema
from funcdex_assets.schema.words import split_words, to_singular

GapName = Literal[
    "no_results",
    "nothing_required",
    "no_description",
    "undescribed_argument",
    "unsayable_argument",
    "tool_never_called",
    "tool_never_called_with_arguments",
    "argument_never_given",
]
IsSayable = Callable[[str, Schema, Schema], bool]
"""Whether a person may say a value of an argument, given its name, its schema and the schema that it is a part of."""

MOST_OF_THEM = 0.5
"""A gap of more than half of all places is worth a warning: every rich toolkit has some tool without a required
parameter and some argument that only programs care about.
"""
_SHOWN_PLACES = 5


@dataclass(frozen=True)
class GapDescription:
    """A gap's name, what its places are counted among, and what to do about it."""

    title: str
    whole: str
    remedy: str


GAPS: Mapping[GapName, GapDescription] = {
    "no_results": GapDescription(
        "no declared results",
        "tools",
        "declare under 'returns' what the tool gives back: without it no result can feed another call, and an id that "
        "a call needs comes from nowhere",
    ),
    "nothing_required": GapDescription(
        "no required parameter",
        "tools with parameters",
        "list under 'required' what the tool cannot do without: the assistant asks for nothing else",
    ),
    "no_description": GapDescription(
        "no description beyond the name",
        "tools",
        "say in a sentence what the tool does and when it is called: requests are worded after it",
    ),
    "undescribed_argument": GapDescription(
        "no description of the argument beyond its name",
        "arguments",
        "say what the value is, with 'examples' or an 'enum': values are invented, and spoken of, after it",
    ),
    "unsayable_argument": GapDescription(
        "no request will ever say the argument",
        "arguments",
        "describe it as people speak of it, or take it out of the parameters: only programs care about it as it stands",
    ),
    "tool_never_called": GapDescription(
        "tool never called",
        "tools",
        "raise generation.conversations, or name the tool in generation.must_include; a required id that no result "
        "gives (metadata of tool_graph) keeps a tool from being called",
    ),
    "tool_never_called_with_arguments": GapDescription(
        "tool never called with arguments",
        "called tools with parameters",
        "list under 'required' what the tool cannot do without, and describe its arguments as people speak of them",
    ),
    "argument_never_given": GapDescription(
        "argument never given",
        "arguments of called tools",
        "describe it as people speak of it, with 'examples' or an 'enum', or raise generation.conversations",
    ),
}
_REMEDIES = {description.title: description.remedy for description in GAPS.values()}


@dataclass(frozen=True)
class Gap:
    """A gap with its places (`TOOL` or `TOOL/argument`) among `whole`; without places there is nothing to remedy."""

    name: GapName
    places: tuple[str, ...]
    whole: int

    @property
    def title(self) -> str:
        return GAPS[self.name].title

    @property
    def remedy(self) -> str:
        return GAPS[self.name].remedy

    @property
    def is_of_most(self) -> bool:
        return is_of_most(len(self.places), self.whole)

    def describe_count(self) -> str:
        return f"{self.title}: {len(self.places):,} of {self.whole:,} {GAPS[self.name].whole}"

    def name_places(self) -> str:
        """Names the first places, and how many more there are."""
        more = len(self.places) - _SHOWN_PLACES
        return ", ".join(self.places[:_SHOWN_PLACES]) + (f" and {more:,} more" if more > 0 else "")


def is_of_most(count: int, whole: int) -> bool:
    """Returns True if a gap has so many places that it is worth a warning.

    >>> is_of_most(8, 14), is_of_most(7, 14), is_of_most(0, 0)
    (True, False, False)
    """
    return count > whole * MOST_OF_THEM


def suggest_gap_remedy(title: str) -> str:
    """The remedy for the gap of this title."""
    return _REMEDIES[title]


def find_definition_gaps(tools: Mapping[str, Tool], is_sayable: IsSayable) -> list[Gap]:
    """Finds what the definitions leave out; a gap that no tool can have (no tool has parameters) is not among them.

    The tools are by the label under which they are shown, such as their name.
    """
    with_parameters = {label: tool for label, tool in tools.items() if _list_arguments(tool)}
    arguments = list(_iterate_arguments(tools))
    return _keep_measured(
        Gap("no_results", tuple(label for label, tool in tools.items() if tool.returns is None), len(tools)),
        Gap(
            "nothing_required",
            tuple(label for label, tool in with_parameters.items() if not _resolve_parameters(tool).get("required")),
            len(with_parameters),
        ),
        Gap(
            "no_description",
            tuple(label for label, tool in tools.items() if _says_no_more_than_name(tool.description, tool.name)),
            len(tools),
        ),
        Gap(
            "undescribed_argument",
            tuple(
                place
                for place, name, schema, root in arguments
                if _says_no_more_than_name(str(resolve_schema(schema, root).get("description") or ""), name)
                and "enum" not in resolve_schema(schema, root)
            ),
            len(arguments),
        ),
        Gap(
            "unsayable_argument",
            tuple(place for place, name, schema, root in arguments if not is_sayable(name, schema, root)),
            len(arguments),
        ),
    )


def find_use_gaps(
    tools: Mapping[str, Tool], calls: Iterable[tuple[str, Mapping[str, Any]]], conversations: int
) -> list[Gap]:
    """Finds the tools and arguments that the calls of so many conversations never used.

    Tools are by label, calls are pairs of a label and arguments. Without conversations nothing was measured, and
    nothing is found; calls of other tools are not counted.
    """
    if not conversations:
        return []
    given: dict[str, set[str]] = defaultdict(set)
    called: set[str] = set()
    for label, arguments in calls:
        if label in tools:
            called.add(label)
            given[label].update(arguments)
    called_tools = {label: tool for label, tool in tools.items() if label in called}
    with_parameters = [label for label, tool in called_tools.items() if _list_arguments(tool)]
    arguments_of_called = [(label, name) for label in with_parameters for name in _list_arguments(tools[label])]
    return _keep_measured(
        Gap("tool_never_called", tuple(label for label in tools if label not in called), len(tools)),
        Gap(
            "tool_never_called_with_arguments",
            tuple(label for label in with_parameters if not given[label]),
            len(with_parameters),
        ),
        Gap(
            "argument_never_given",
            tuple(f"{label}/{name}" for label, name in arguments_of_called if name not in given[label]),
            len(arguments_of_called),
        ),
    )


def count_given_arguments(tools: Mapping[str, Tool], calls: Iterable[tuple[str, Mapping[str, Any]]]) -> tuple[int, int]:
    """Counts the declared arguments that some call gives, of all that the tools on offer declare."""
    declared = {(label, name) for label, tool in tools.items() for name in _list_arguments(tool)}
    given = {(label, name) for label, arguments in calls for name in arguments}
    return len(declared & given), len(declared)


def has_parameters(tool: Tool) -> bool:
    return bool(_list_arguments(tool))


def _keep_measured(*gaps: Gap) -> list[Gap]:
    return [gap for gap in gaps if gap.whole]


def _resolve_parameters(tool: Tool) -> Schema:
    return resolve_schema(tool.parameters or {}, tool.parameters or {})


def _list_arguments(tool: Tool) -> Mapping[str, Schema]:
    """Lists the declared arguments, those at the top of `parameters`, with their schemas; `true` allows anything."""
    properties = _resolve_parameters(tool).get("properties")
    if not isinstance(properties, Mapping):
        return {}
    return {name: schema if isinstance(schema, Mapping) else {} for name, schema in properties.items()}


def _iterate_arguments(tools: Mapping[str, Tool]) -> Iterator[tuple[str, str, Schema, Schema]]:
    """Yields place, name, schema and root schema of each declared argument."""
    for label, tool in tools.items():
        for name, schema in _list_arguments(tool).items():
            yield f"{label}/{name}", name, schema, tool.parameters


def _says_no_more_than_name(description: str, name: str) -> bool:
    """Returns True for an empty description, and for one that repeats the name: "Get order." of `get_order`."""
    said = {to_singular(word) for word in split_words(description)}
    return said <= {to_singular(word) for word in split_words(name)} | {"a", "an", "the"}
