"""Another tool with the arguments that a planned call has, so that it can be tried first, and fail.

    LIST_THREADS(query)            before FETCH_EMAILS(query)
    LIST_EVENTS(time_min)          before FIND_EVENT(query, time_min)
    SEARCH_CONTACTS(query: a@b.c)  before GET_CONTACT_BY_EMAIL(email: a@b.c)

Every argument has the source of one of the call's, or the schema gives it. What the call takes from results must be
in it, and what the user tells to restrict it, except the words of a search where something else restricts it.
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
"""Words of arguments that say how things are shown, not which."""


def as_well(call: Call, tool: Tool, other: Tool, sources: Mapping[int, Tool], rng: Random) -> Arguments | None:
    """The arguments with which `other` serves the wish that the call of `tool` serves; None where it does not.

    `sources` are the tools of the chain, by place, from whose results arguments come.
    """
    if not reads_as_well(tool, other):
        return None
    moved = [(one, _moved(one, tool, other, sources, rng)) for one in call.arguments]
    carried = tuple(argument for _, argument in moved if argument is not None)
    restricting = [one for one, _ in moved if _restricts(one)]
    lost = [one for one, argument in moved if argument is None and _restricts(one)]
    if any(one.source == "result" or not _searches(one.argument) for one in lost) or (lost and lost == restricting):
        return None
    if not restricting and tool.toolkit != other.toolkit:  # all of one service is not all of another
        return None
    given = {argument.argument.split("/")[1] for argument in carried}
    if len({argument.argument for argument in carried}) < len(carried):
        return None
    schema = resolve(other.parameters, other.parameters)
    for name in schema.get("required", ()):
        if name not in given:
            part = resolve(schema.get("properties", {}).get(name, {}), other.parameters)
            fixed = part.get("const", part.get("default"))
            if fixed is None:
                return None
            carried += (PlannedArgument(argument=f"/{escaped(name)}", source="schema", value=fixed),)
    return carried


def failures(call: Call, tool: Tool, other: Tool, arguments: Arguments) -> Iterator[Fault]:
    """How the other tool can fail so that trying it again is of no help."""
    yield "permission_denied"
    yield "timeout"
    actions = parse_tool_name(other.name).action, parse_tool_name(tool.name).action
    told = {one.argument for one in call.told}
    if any(one.source == "user" and one.argument not in told for one in arguments):  # looked for in another way
        if actions == ("list", "get") and can_be_empty(other):
            yield "empty_result"
        elif actions == ("get", "list"):
            yield "not_found"


def _moved(
    argument: PlannedArgument, tool: Tool, other: Tool, sources: Mapping[int, Tool], rng: Random
) -> PlannedArgument | None:
    """The argument as the other tool takes it: under the same name, or one that means the same."""
    if argument.source == "result":
        return _bound(argument, tool, other, sources)
    same = schema_at(other.parameters, argument.argument)
    if same is not None and fits(same, other.parameters, argument.value):
        return argument
    if argument.source != "user" or argument.withheld or not isinstance(argument.value, str):
        return None
    if not _searches(argument.argument) and parse_tool_name(tool.name).action != "get":
        return None
    for name, part in _parameters(other):
        if QUERY_WORDS & set(words(name)) and schema_type(part) == "string" and "enum" not in part:
            value = query_for(part, argument.surface, rng)
            return replace(argument, argument=f"/{escaped(name)}", value=value) if fits(part, part, value) else None
    wanted = schema_at(tool.parameters, argument.argument) or {}
    if _searches(argument.argument) and parse_tool_name(other.name).action == "get":
        for name, part in _parameters(other):
            if name in other.parameters.get("required", ()) and part.get("format") == wanted.get("format", "") != "":
                return replace(argument, argument=f"/{escaped(name)}")
    return None


def _bound(argument: PlannedArgument, tool: Tool, other: Tool, sources: Mapping[int, Tool]) -> PlannedArgument | None:
    """What comes from a result: the same id, or the id of what holds the thing, from beside it in the result."""
    mine = schema_at(tool.parameters, argument.argument) or {}
    name = argument.argument.rsplit("/", 1)[-1]
    if argument.argument.count("/") != 1 or argument.step is None or argument.result is None:
        return None
    if _searches(name):
        takers = (f"/{escaped(key)}" for key, part in _parameters(other) if _searches(key) and "enum" not in part)
        return replace(argument, argument=taker) if (taker := next(takers, None)) else None
    if not is_id(name):
        return None
    about = _noun(name, tool)
    for key, part in _parameters(other):
        if is_id(key) and schema_type(part) == schema_type(mine):
            if _noun(key, other) == about:
                return replace(argument, argument=f"/{escaped(key)}")
            if holds(_noun(key, other), about):
                beside, _, _ = argument.result.rpartition("/")
                for field in _fields(sources[argument.step], beside):
                    if is_id(field) and canonical(resource_noun(field)) == _noun(key, other):
                        return replace(argument, argument=f"/{escaped(key)}", result=f"{beside}/{escaped(field)}")
    return None


def _noun(name: str, tool: Tool) -> str:
    return canonical(resource_noun(name) or parse_tool_name(tool.name).noun)


def _fields(source: Tool, place: str) -> Iterator[str]:
    yield from (schema_at(result_schema(source), place) or {}).get("properties", {})


def _parameters(tool: Tool) -> Iterator[tuple[str, Schema]]:
    properties = resolve(tool.parameters, tool.parameters).get("properties", {})
    return ((name, resolve(part, tool.parameters)) for name, part in properties.items())


def _restricts(argument: PlannedArgument) -> bool:
    name = argument.argument.split("/")[1]
    return argument.source == "result" or (argument.source == "user" and not _LOOSE & set(words(name)))


def _searches(pointer: str) -> bool:
    return bool(QUERY_WORDS & set(words(pointer.rsplit("/", 1)[-1])))
