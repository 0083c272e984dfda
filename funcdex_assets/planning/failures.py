"""Lists the ways in which a planned call can fail, and how the plan recovers from each.

    rate_limit, timeout               the same call again
    timeout twice, permission_denied  an equivalent tool was tried; the planned call follows (`substitute_calls`)
    expired_auth, permission_denied   the user makes it good outside, or gives it up
    invalid_argument, conflict        another value is needed, which the user gives
    not_found                         the same, or what was found before is gone
    empty_result                      nothing is found; the user gives other words

Whether a call permits a fault follows from its tool's name and from what the user says in it. Which failure a
conversation gets is decided in `plans`; how the service words it belongs to `error_responses`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from msgspec.structs import replace

from funcdex_assets.environment.error_responses import can_be_empty
from funcdex_assets.language import values
from funcdex_assets.language.request_phrases import parse_field_name
from funcdex_assets.language.spoken_values import find_first_form
from funcdex_assets.planning.turns import Arguments, DraftCall, Recovery
from funcdex_assets.records.labels import Fault
from funcdex_assets.records.plan import PlannedArgument
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.references import schema_at
from funcdex_assets.schema.schema import schema_type
from funcdex_assets.schema.words import split_words
from funcdex_assets.semantics.tool_names import QUERY_WORDS, is_id, parse_tool_name
from funcdex_assets.semantics.vocabulary import READING_ACTIONS

_LIMIT_WORDS = frozenset("limit max size results count per page top".split())


@dataclass(frozen=True)
class PossibleFailure:
    """A failure that a plan can have: the fault, how the plan recovers, and the arguments of the call that fails.
    `tool` is the name of the tool that is called if it is not the planned call's own; '' otherwise.
    """

    fault: Fault
    recovery: Recovery
    arguments: Arguments
    tool: str = ""


def draw_failure(
    options: Sequence[tuple[DraftCall, PossibleFailure]], weights: Mapping[Fault, float], rng: Random
) -> tuple[DraftCall, PossibleFailure] | None:
    """Draws a call and its failure: first the fault by weight, then one of the calls that permit it. None if no fault
    that has a weight is among the options.
    """
    by_fault: dict[Fault, list[tuple[DraftCall, PossibleFailure]]] = {}
    for call, mishap in options:
        by_fault.setdefault(mishap.fault, []).append((call, mishap))
    faults: list[Fault] = [fault for fault in by_fault if weights.get(fault, 0) > 0]
    if not faults:
        return None
    fault = rng.choices(faults, [weights[fault] for fault in faults])[0]
    return rng.choice(by_fault[fault])


def list_mistaken_arguments(call: DraftCall, tool: Tool, variants: Sequence[Arguments]) -> Iterator[Arguments]:
    """Yields the arguments of a search or look-up with another text in one place, which the user may say by mistake;
    nothing for a tool that is neither.
    """
    if parse_tool_name(tool.name).action in READING_ACTIONS:
        yield from (
            arguments for changed, arguments in _replace_one_value(call, variants) if isinstance(changed.value, str)
        )


def list_possible_failures(
    call: DraftCall, tool: Tool, variants: Sequence[Arguments], is_last: bool
) -> Iterator[PossibleFailure]:
    """Yields the ways in which a call can fail. `variants` are arguments that it might have had as well; only a call
    that `is_last` can be given up.
    """
    action = parse_tool_name(tool.name).action
    unchanged = call.arguments
    yield PossibleFailure("rate_limit", "retry", unchanged)
    if action in READING_ACTIONS:
        yield PossibleFailure("timeout", "retry", unchanged)
    yield PossibleFailure("rate_limit", "remedy", unchanged)
    yield PossibleFailure("expired_auth", "remedy", unchanged)
    yield PossibleFailure("permission_denied", "remedy", unchanged)
    if is_last:
        yield PossibleFailure("permission_denied", "dropped", unchanged)
        if any(argument.source == "result" and is_id(parse_field_name(argument)) for argument in unchanged):
            yield PossibleFailure("not_found", "dropped", unchanged)
    for changed, arguments in _replace_one_value(call, variants):
        for fault in _list_faults_of_value(changed, tool, action):
            yield PossibleFailure(fault, "remedy", arguments)


def _list_faults_of_value(argument: PlannedArgument, tool: Tool, action: str) -> Iterator[Fault]:
    """Yields the faults that a service may report for a value that the user says."""
    schema = schema_at(tool.parameters, argument.argument) or {}
    name_words = set(split_words(parse_field_name(argument)))
    is_text = isinstance(argument.value, str) and "enum" not in schema
    is_search = action == "list" and is_text and bool(name_words & QUERY_WORDS)
    is_address = schema.get("format") == "email"
    is_amount = schema_type(schema) in ("integer", "number") and not name_words & _LIMIT_WORDS
    if schema.get("format") in ("date", "date-time", "email") or is_amount:
        yield "invalid_argument"
    if (
        action in ("create", "update")
        and is_text
        and (name_words & values.TITLE_WORDS or schema.get("format") == "date-time")
    ):
        yield "conflict"
    if action != "create" and (is_address or (is_text and not is_search and name_words & {"name", "email", "key"})):
        yield "not_found"
    if is_search and can_be_empty(tool):
        yield "empty_result"


def _replace_one_value(call: DraftCall, variants: Sequence[Arguments]) -> Iterator[tuple[PlannedArgument, Arguments]]:
    """Yields (the argument that differs, the arguments with it): each takes the value of a variant for one of the
    values that the user says. The two values cannot be taken for one another.
    """
    for index, argument in enumerate(call.arguments):
        if (
            argument.source != "user"
            or argument.withheld
            or isinstance(argument.value, bool)
            or argument.argument[-1].isdigit()
        ):
            continue
        for variant in variants:
            counterpart = next(
                (
                    candidate
                    for candidate in variant
                    if candidate.argument == argument.argument and candidate.source == "user"
                ),
                None,
            )
            if counterpart is None or counterpart.value == argument.value:
                continue
            if find_first_form(counterpart.surface, [argument.surface]):
                continue
            if any(
                find_first_form(user_argument.surface, [counterpart.surface]) for user_argument in call.user_arguments
            ):
                continue
            changed = replace(argument, value=counterpart.value, surface=counterpart.surface)
            yield changed, (*call.arguments[:index], changed, *call.arguments[index + 1 :])
            break
