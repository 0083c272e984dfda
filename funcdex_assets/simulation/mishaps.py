"""What can go wrong with a planned call, and how it is made good.

    rate_limit, timeout               the same call again
    timeout twice, permission_denied  another tool that serves as well (`another.py`)
    expired_auth, permission_denied   the user makes it good outside, or gives it up
    invalid_argument, conflict        another value is needed, which the user gives
    not_found                         the same, or what was found before is gone
    empty_result                      nothing is found; the user gives other words

Whether a call permits a fault follows from its tool's name and from what the user tells in it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from msgspec.structs import replace

from funcdex_assets.catalog.json_schema import schema_at, schema_type
from funcdex_assets.catalog.names import QUERY_WORDS, is_id, parse_tool_name, words
from funcdex_assets.language import values
from funcdex_assets.language.phrases import field_of
from funcdex_assets.language.spoken import find_words
from funcdex_assets.records import Fault, PlannedArgument, Tool
from funcdex_assets.semantics.vocabulary import READING_ACTIONS
from funcdex_assets.simulation.faults import can_be_empty
from funcdex_assets.simulation.weaving import Arguments, Call, Recovery

_LIMITS = frozenset("limit max size results count per page top".split())


@dataclass(frozen=True)
class Mishap:
    """`arguments` are those of the call that goes wrong; `tool` is its tool where it is another's."""

    fault: Fault
    recovery: Recovery
    arguments: Arguments
    tool: str = ""


def draw_mishap(
    options: Sequence[tuple[Call, Mishap]], weights: Mapping[Fault, float], rng: Random
) -> tuple[Call, Mishap] | None:
    """One of the ways in which calls can go wrong: the fault by weight, then one of the calls that permit it; None
    where no fault that has a weight is among them.
    """
    by_fault: dict[Fault, list[tuple[Call, Mishap]]] = {}
    for call, mishap in options:
        by_fault.setdefault(mishap.fault, []).append((call, mishap))
    faults: list[Fault] = [fault for fault in by_fault if weights.get(fault, 0) > 0]
    if not faults:
        return None
    fault = rng.choices(faults, [weights[fault] for fault in faults])[0]
    return rng.choice(by_fault[fault])


def otherwise(call: Call, tool: Tool, others: Sequence[Arguments]) -> Iterator[Arguments]:
    """The arguments of a search or look-up with another value in one place, which the user may say by mistake."""
    if parse_tool_name(tool.name).action in READING_ACTIONS:
        yield from (arguments for told, arguments in _with_another_value(call, others) if isinstance(told.value, str))


def possible_mishaps(call: Call, tool: Tool, others: Sequence[Arguments], is_last: bool) -> Iterator[Mishap]:
    """The ways in which a call can go wrong. `others` are arguments that it might have had as well; only what comes
    `is_last` can be given up.
    """
    action = parse_tool_name(tool.name).action
    as_it_is = call.arguments
    yield Mishap("rate_limit", "retry", as_it_is)
    if action in READING_ACTIONS:
        yield Mishap("timeout", "retry", as_it_is)
    yield Mishap("rate_limit", "remedy", as_it_is)
    yield Mishap("expired_auth", "remedy", as_it_is)
    yield Mishap("permission_denied", "remedy", as_it_is)
    if is_last:
        yield Mishap("permission_denied", "dropped", as_it_is)
        if any(argument.source == "result" and is_id(field_of(argument)) for argument in as_it_is):
            yield Mishap("not_found", "dropped", as_it_is)
    for told, arguments in _with_another_value(call, others):
        for fault in _faults_of(told, tool, action):
            yield Mishap(fault, "remedy", arguments)


def _faults_of(told: PlannedArgument, tool: Tool, action: str) -> Iterator[Fault]:
    """What a service may have against a value that the user told."""
    schema = schema_at(tool.parameters, told.argument) or {}
    parts = set(words(field_of(told)))
    texts = isinstance(told.value, str) and "enum" not in schema
    is_search = action == "list" and texts and bool(parts & QUERY_WORDS)
    is_address = schema.get("format") == "email"
    is_amount = schema_type(schema) in ("integer", "number") and not parts & _LIMITS
    if schema.get("format") in ("date", "date-time", "email") or is_amount:
        yield "invalid_argument"
    if action in ("create", "update") and texts and (parts & values.TITLES or schema.get("format") == "date-time"):
        yield "conflict"
    if action != "create" and (is_address or (texts and not is_search and parts & {"name", "email", "key"})):
        yield "not_found"
    if is_search and can_be_empty(tool):
        yield "empty_result"


def _with_another_value(call: Call, others: Sequence[Arguments]) -> Iterator[tuple[PlannedArgument, Arguments]]:
    """(the argument that differs, the arguments with it); the two values cannot be taken for one another."""
    for index, told in enumerate(call.arguments):
        if told.source != "user" or told.withheld or isinstance(told.value, bool) or told.argument[-1].isdigit():
            continue
        for other in others:
            found = next((one for one in other if one.argument == told.argument and one.source == "user"), None)
            if found is None or found.value == told.value:
                continue
            if find_words(found.surface, [told.surface]):
                continue
            if any(find_words(one.surface, [found.surface]) for one in call.told):
                continue
            changed = replace(told, value=found.value, surface=found.surface)
            yield changed, (*call.arguments[:index], changed, *call.arguments[index + 1 :])
            break
