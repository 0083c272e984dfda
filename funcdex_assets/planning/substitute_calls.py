"""Finds equivalent tools that can be tried before a planned call, and fail, and the arguments they are called with.

    LIST_THREADS(query)            before FETCH_EMAILS(query)
    LIST_EVENTS(time_min)          before FIND_EVENT(query, time_min)
    SEARCH_CONTACTS(query: a@b.c)  before GET_CONTACT_BY_EMAIL(email: a@b.c)

Every argument has the source of one of the planned call's, or the schema gives it. What the planned call takes from
results must be in it, and what the user says to restrict it, except the words of a search where something else
restricts it. Which tools are equivalent is decided in `tool_graph/alternatives.py`; here belong their arguments.
"""

from collections.abc import Iterator, Mapping
from random import Random

from msgspec.structs import replace

from funcdex_assets.environment.error_responses import can_be_empty
from funcdex_assets.language.values import query_for
from funcdex_assets.planning.turns import Arguments, Call
from funcdex_assets.records.labels import Fault
from funcdex_assets.records.plan import PlannedArgument
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.json_pointers import escaped
from funcdex_assets.schema.references import resolve, schema_at
from funcdex_assets.schema.schema import Schema, schema_type
from funcdex_assets.schema.validation import fits
from funcdex_assets.schema.words import words
from funcdex_assets.semantics.result_schema import result_schema
from funcdex_assets.semantics.tool_names import QUERY_WORDS, is_id, parse_tool_name, resource_noun
from funcdex_assets.tool_graph.equivalent_tools import holds, reads_as_well
from funcdex_assets.tool_graph.graph import canonical

_LOOSE = frozenset(
    "limit max size results count per page top order orderby sort sortby sorting ordering verbose format".split()
)
"""Words in names of arguments that say how things are shown, not which things."""


def as_well(call: Call, tool: Tool, other: Tool, sources: Mapping[int, Tool], rng: Random) -> Arguments | None:
    """Returns the arguments with which `equivalent` serves the wish that the call of `tool` serves; None if it cannot.

    `sources` are the tools of the chain, by index, from whose results arguments come.
    """
    if not reads_as_well(tool, other):
        return None
    pairs = [(argument, _moved(argument, tool, other, sources, rng)) for argument in call.arguments]
    carried = tuple(argument for _, argument in pairs if argument is not None)
    restricting = [planned for planned, _ in pairs if _restricts(planned)]
    lost = [planned for planned, carried_over in pairs if carried_over is None and _restricts(planned)]
    if any(planned.source == "result" or not _searches(planned.argument) for planned in lost) or (
        lost and lost == restricting
    ):
        return None
    if not restricting and tool.toolkit != other.toolkit:  # all of one service is not all of another
        return None
    carried_names = {argument.argument.split("/")[1] for argument in carried}
    if len({argument.argument for argument in carried}) < len(carried):
        return None
    schema = resolve(other.parameters, other.parameters)
    for name in schema.get("required", ()):
        if name not in carried_names:
            parameter_schema = resolve(schema.get("properties", {}).get(name, {}), other.parameters)
            fixed_value = parameter_schema.get("const", parameter_schema.get("default"))
            if fixed_value is None:
                return None
            carried += (PlannedArgument(argument=f"/{escaped(name)}", source="schema", value=fixed_value),)
    return carried


def failures(call: Call, tool: Tool, other: Tool, arguments: Arguments) -> Iterator[Fault]:
    """Yields the faults of the equivalent tool after which trying it again is of no help."""
    yield "permission_denied"
    yield "timeout"
    actions = parse_tool_name(other.name).action, parse_tool_name(tool.name).action
    user_pointers = {argument.argument for argument in call.told}
    looks_in_another_way = any(
        argument.source == "user" and argument.argument not in user_pointers for argument in arguments
    )
    if looks_in_another_way:
        if actions == ("list", "get") and can_be_empty(other):
            yield "empty_result"
        elif actions == ("get", "list"):
            yield "not_found"


def _moved(
    argument: PlannedArgument, tool: Tool, other: Tool, sources: Mapping[int, Tool], rng: Random
) -> PlannedArgument | None:
    """Returns the argument as the equivalent tool takes it: under the same name, or as its query or required field of
    the same format. None if it takes no such argument.
    """
    if argument.source == "result":
        return _bound(argument, tool, other, sources)
    same_schema = schema_at(other.parameters, argument.argument)
    if same_schema is not None and fits(same_schema, other.parameters, argument.value):
        return argument
    if argument.source != "user" or argument.withheld or not isinstance(argument.value, str):
        return None
    if not _searches(argument.argument) and parse_tool_name(tool.name).action != "get":
        return None
    for name, parameter_schema in _parameters(other):
        if (
            QUERY_WORDS & set(words(name))
            and schema_type(parameter_schema) == "string"
            and "enum" not in parameter_schema
        ):
            value = query_for(parameter_schema, argument.surface, rng)
            return (
                replace(argument, argument=f"/{escaped(name)}", value=value)
                if fits(parameter_schema, parameter_schema, value)
                else None
            )
    planned_schema = schema_at(tool.parameters, argument.argument) or {}
    if _searches(argument.argument) and parse_tool_name(other.name).action == "get":
        for name, parameter_schema in _parameters(other):
            if (
                name in other.parameters.get("required", ())
                and parameter_schema.get("format") == planned_schema.get("format", "") != ""
            ):
                return replace(argument, argument=f"/{escaped(name)}")
    return None


def _bound(argument: PlannedArgument, tool: Tool, other: Tool, sources: Mapping[int, Tool]) -> PlannedArgument | None:
    """Returns an argument taken from a result as the equivalent tool takes it: the same id, or the id of the thing that
    holds it (a message's thread), which stands beside it in the result. None if there is neither.
    """
    planned_schema = schema_at(tool.parameters, argument.argument) or {}
    name = argument.argument.rsplit("/", 1)[-1]
    if argument.argument.count("/") != 1 or argument.step is None or argument.result is None:
        return None
    if _searches(name):
        query_pointers = (
            f"/{escaped(other_name)}"
            for other_name, other_schema in _parameters(other)
            if _searches(other_name) and "enum" not in other_schema
        )
        return replace(argument, argument=query_pointer) if (query_pointer := next(query_pointers, None)) else None
    if not is_id(name):
        return None
    noun = _noun(name, tool)
    for other_name, other_schema in _parameters(other):
        if is_id(other_name) and schema_type(other_schema) == schema_type(planned_schema):
            if _noun(other_name, other) == noun:
                return replace(argument, argument=f"/{escaped(other_name)}")
            if holds(_noun(other_name, other), noun):
                holder_pointer, _, _ = argument.result.rpartition("/")
                for field in _fields(sources[argument.step], holder_pointer):
                    if is_id(field) and canonical(resource_noun(field)) == _noun(other_name, other):
                        return replace(
                            argument, argument=f"/{escaped(other_name)}", result=f"{holder_pointer}/{escaped(field)}"
                        )
    return None


def _noun(name: str, tool: Tool) -> str:
    """Returns the canonical noun of the thing that an id field names; without one, that of the tool."""
    return canonical(resource_noun(name) or parse_tool_name(tool.name).noun)


def _fields(source: Tool, place: str) -> Iterator[str]:
    """Yields the names of the fields that a tool returns at a pointer."""
    yield from (schema_at(result_schema(source), place) or {}).get("properties", {})


def _parameters(tool: Tool) -> Iterator[tuple[str, Schema]]:
    """Yields the names of a tool's parameters with their resolved schemas."""
    properties = resolve(tool.parameters, tool.parameters).get("properties", {})
    return ((name, resolve(schema, tool.parameters)) for name, schema in properties.items())


def _restricts(argument: PlannedArgument) -> bool:
    """Says whether an argument restricts which things are meant (a search word, a time), and not only how they are
    shown (a limit, an order).
    """
    name = argument.argument.split("/")[1]
    return argument.source == "result" or (argument.source == "user" and not _LOOSE & set(words(name)))


def _searches(pointer: str) -> bool:
    """Says whether the last name of a pointer is that of a search query."""
    return bool(QUERY_WORDS & set(words(pointer.rsplit("/", 1)[-1])))
