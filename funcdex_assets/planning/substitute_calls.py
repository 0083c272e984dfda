"""Finds equivalent tools that can be tried before a planned call, and fail, and the arguments they are called with.

    LIST_THREADS(query)            before FETCH_EMAILS(query)
    LIST_EVENTS(time_min)          before FIND_EVENT(query, time_min)
    SEARCH_CONTACTS(query: a@b.c)  before GET_CONTACT_BY_EMAIL(email: a@b.c)

Every argument has the source of one of the planned call's, or the schema gives it. What the planned call takes from
results must be in it, and what the user says to restrict it, except the words of a search where something else
restricts it. Which tools are equivalent is decided in `tool_graph/equivalent_tools.py`; here belong their arguments.
"""

from collections.abc import Iterator, Mapping
from random import Random

from msgspec.structs import replace

from funcdex_assets.environment.error_responses import can_be_empty
from funcdex_assets.language.values import render_query
from funcdex_assets.planning.turns import Arguments, DraftCall
from funcdex_assets.records.labels import Fault
from funcdex_assets.records.plan import PlannedArgument
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.json_pointers import escape_step
from funcdex_assets.schema.references import resolve_schema, schema_at
from funcdex_assets.schema.schema import Schema, schema_type
from funcdex_assets.schema.validation import is_valid_under
from funcdex_assets.semantics.field_meaning import decide_value_meaning
from funcdex_assets.semantics.field_roles import is_query
from funcdex_assets.semantics.result_schema import complete_result_schema
from funcdex_assets.semantics.tool_names import is_id, parse_resource_noun, parse_tool_name
from funcdex_assets.tool_graph.equivalent_tools import can_read_instead, is_container_of
from funcdex_assets.tool_graph.graph import to_canonical_noun

_PRESENTATION_ROLES = frozenset(("limit", "page_token", "sort", "setting"))
"""Roles of arguments that say how things are shown, not which things."""


def find_equivalent_arguments(
    call: DraftCall, tool: Tool, equivalent: Tool, sources: Mapping[int, Tool], rng: Random
) -> Arguments | None:
    """Returns the arguments with which `equivalent` serves the wish that the call of `tool` serves; None if it cannot.

    `sources` are the tools of the chain, by index, from whose results arguments come.
    """
    if not can_read_instead(tool, equivalent):
        return None
    pairs = [(argument, _carry_argument_over(argument, tool, equivalent, sources, rng)) for argument in call.arguments]
    carried = tuple(argument for _, argument in pairs if argument is not None)
    restricting = [planned for planned, _ in pairs if _is_restriction(planned)]
    lost = [planned for planned, carried_over in pairs if carried_over is None and _is_restriction(planned)]
    if any(planned.source == "result" or not _is_query_name(planned.argument) for planned in lost) or (
        lost and lost == restricting
    ):
        return None
    if not restricting and tool.toolkit != equivalent.toolkit:  # all of one service is not all of another
        return None
    carried_names = {argument.argument.split("/")[1] for argument in carried}
    if len({argument.argument for argument in carried}) < len(carried):
        return None
    schema = resolve_schema(equivalent.parameters, equivalent.parameters)
    for name in schema.get("required", ()):
        if name not in carried_names:
            parameter_schema = resolve_schema(schema.get("properties", {}).get(name, {}), equivalent.parameters)
            fixed_value = parameter_schema.get("const", parameter_schema.get("default"))
            if fixed_value is None:
                return None
            carried += (PlannedArgument(argument=f"/{escape_step(name)}", source="schema", value=fixed_value),)
    return carried


def list_lasting_faults(call: DraftCall, tool: Tool, equivalent: Tool, arguments: Arguments) -> Iterator[Fault]:
    """Yields the faults of the equivalent tool after which trying it again is of no help."""
    yield "permission_denied"
    yield "timeout"
    actions = parse_tool_name(equivalent.name).action, parse_tool_name(tool.name).action
    user_pointers = {argument.argument for argument in call.user_arguments}
    looks_in_another_way = any(
        argument.source == "user" and argument.argument not in user_pointers for argument in arguments
    )
    if looks_in_another_way:
        if actions == ("list", "get") and can_be_empty(equivalent):
            yield "empty_result"
        elif actions == ("get", "list"):
            yield "not_found"


def _carry_argument_over(
    argument: PlannedArgument, tool: Tool, equivalent: Tool, sources: Mapping[int, Tool], rng: Random
) -> PlannedArgument | None:
    """Returns the argument as the equivalent tool takes it: under the same name, or as its query or required field of
    the same format. None if it takes no such argument.
    """
    if argument.source == "result":
        return _carry_result_over(argument, tool, equivalent, sources)
    same_schema = schema_at(equivalent.parameters, argument.argument)
    if same_schema is not None and is_valid_under(same_schema, equivalent.parameters, argument.value):
        return argument
    if argument.source != "user" or argument.withheld or not isinstance(argument.value, str):
        return None
    if not _is_query_name(argument.argument) and parse_tool_name(tool.name).action != "get":
        return None
    for name, parameter_schema in _list_parameters(equivalent):
        if (
            is_query(name, parameter_schema)
            and schema_type(parameter_schema) == "string"
            and "enum" not in parameter_schema
        ):
            value = render_query(parameter_schema, argument.surface, rng)
            return (
                replace(argument, argument=f"/{escape_step(name)}", value=value)
                if is_valid_under(parameter_schema, parameter_schema, value)
                else None
            )
    planned_schema = schema_at(tool.parameters, argument.argument) or {}
    if _is_query_name(argument.argument) and parse_tool_name(equivalent.name).action == "get":
        for name, parameter_schema in _list_parameters(equivalent):
            if (
                name in equivalent.parameters.get("required", ())
                and parameter_schema.get("format") == planned_schema.get("format", "") != ""
            ):
                return replace(argument, argument=f"/{escape_step(name)}")
    return None


def _carry_result_over(
    argument: PlannedArgument, tool: Tool, equivalent: Tool, sources: Mapping[int, Tool]
) -> PlannedArgument | None:
    """Returns an argument taken from a result as the equivalent tool takes it: the same id, or the id of the thing that
    holds it (a message's thread), which stands beside it in the result. None if there is neither.
    """
    planned_schema = schema_at(tool.parameters, argument.argument) or {}
    name = argument.argument.rsplit("/", 1)[-1]
    if argument.argument.count("/") != 1 or argument.step is None or argument.result is None:
        return None
    if _is_query_name(name):
        query_pointers = (
            f"/{escape_step(other_name)}"
            for other_name, other_schema in _list_parameters(equivalent)
            if _is_query_name(other_name) and "enum" not in other_schema
        )
        return replace(argument, argument=query_pointer) if (query_pointer := next(query_pointers, None)) else None
    if not is_id(name):
        return None
    noun = _find_id_noun(name, tool)
    for other_name, other_schema in _list_parameters(equivalent):
        if is_id(other_name) and schema_type(other_schema) == schema_type(planned_schema):
            if _find_id_noun(other_name, equivalent) == noun:
                return replace(argument, argument=f"/{escape_step(other_name)}")
            if is_container_of(_find_id_noun(other_name, equivalent), noun):
                holder_pointer, _, _ = argument.result.rpartition("/")
                for field in _list_returned_fields(sources[argument.step], holder_pointer):
                    if is_id(field) and to_canonical_noun(parse_resource_noun(field)) == _find_id_noun(
                        other_name, equivalent
                    ):
                        return replace(
                            argument,
                            argument=f"/{escape_step(other_name)}",
                            result=f"{holder_pointer}/{escape_step(field)}",
                        )
    return None


def _find_id_noun(name: str, tool: Tool) -> str:
    """Returns the canonical noun of the thing that an id field names; without one, that of the tool."""
    return to_canonical_noun(parse_resource_noun(name) or parse_tool_name(tool.name).noun)


def _list_returned_fields(source: Tool, pointer: str) -> Iterator[str]:
    """Yields the names of the fields that a tool returns at a pointer."""
    yield from (schema_at(complete_result_schema(source), pointer) or {}).get("properties", {})


def _list_parameters(tool: Tool) -> Iterator[tuple[str, Schema]]:
    """Yields the names of a tool's parameters with their resolved schemas."""
    properties = resolve_schema(tool.parameters, tool.parameters).get("properties", {})
    return ((name, resolve_schema(schema, tool.parameters)) for name, schema in properties.items())


def _is_restriction(argument: PlannedArgument) -> bool:
    """Says whether an argument restricts which things are meant (a search word, a time), and not only how they are
    shown (a limit, an order).
    """
    name = argument.argument.split("/")[1]
    return argument.source == "result" or (
        argument.source == "user" and decide_value_meaning(name, argument.value).role not in _PRESENTATION_ROLES
    )


def _is_query_name(pointer: str) -> bool:
    """Says whether the last name of a pointer is that of a search query."""
    return is_query(pointer.rsplit("/", 1)[-1])
