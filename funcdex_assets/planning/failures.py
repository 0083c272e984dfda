"""Lists the ways in which a planned call can fail, and how the plan recovers from each.

    timeout                           the same call again
    timeout twice, permission_denied  an equivalent tool was tried; the planned call follows (`substitute_calls`)
    rate_limit                        the time to wait is told, and the user has the call made again
    expired_auth, permission_denied   the user makes it good outside, or gives the second up
    conflict, not_found               another value is needed, which the user gives
    empty_result                      nothing is found; the user gives other words

One fault is treated in one way wherever it occurs. Each has a cause that the conversation bears out: a name that is
taken was shown before, what is not found was shown by nothing, a sign-in that has expired has expired for all calls of
the service. So `invalid_argument` is in no plan: every planned value is one that the schema allows, and no other rule
is known that a service could hold against it. Whether a call permits a fault follows from its tool, from what the user
says in it and from the calls around it. Which failure a conversation gets is decided in `plans`; how the service words
it belongs to `error_responses`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from msgspec.structs import replace

from funcdex_assets.environment.error_responses import can_be_empty
from funcdex_assets.language.request_phrases import parse_field_name
from funcdex_assets.language.spoken_values import find_first_form, parse_moment
from funcdex_assets.planning.turns import Arguments, DraftCall, Recovery
from funcdex_assets.records.labels import Fault
from funcdex_assets.records.plan import PlannedArgument
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.leaves import walk_leaves
from funcdex_assets.schema.references import schema_at
from funcdex_assets.schema.words import split_words
from funcdex_assets.semantics.field_roles import is_query
from funcdex_assets.semantics.result_schema import complete_result_schema
from funcdex_assets.semantics.stated_rules import UniqueName, read_stated_rules
from funcdex_assets.semantics.tool_names import parse_tool_name
from funcdex_assets.semantics.vocabulary import READING_ACTIONS

_CREATING_ACTIONS = frozenset(("create", "copy", "send"))
_OWN_WORDS = frozenset("my me own profile current".split())  # of a tool that is about the user's own things
_DIRECTORY_WORDS = frozenset("assignee owner member collaborator reporter user manager lead".split())


@dataclass(frozen=True)
class CallSurroundings:
    """The calls around one call: those made `earlier`, those made at once with it (`simultaneous`, of which
    `at_once_after` come after it), and where the results of listings show names, by tool (`name_paths`).
    """

    earlier: Sequence[DraftCall] = ()
    simultaneous: Sequence[DraftCall] = ()
    at_once_after: Sequence[DraftCall] = ()
    name_paths: Mapping[str, str] = field(default_factory=dict)


NO_SURROUNDINGS = CallSurroundings()


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
    nothing for a tool that is neither. One end of a span stays, for the other might come after it.
    """
    moments = [argument for argument in call.arguments if _is_moment(argument)]
    if parse_tool_name(tool.name).action in READING_ACTIONS:
        yield from (
            arguments
            for changed, arguments in _replace_one_value(call, variants)
            if isinstance(changed.value, str) and not (len(moments) > 1 and _is_moment(changed))
        )


def _is_moment(argument: PlannedArgument) -> bool:
    return isinstance(argument.value, str) and parse_moment({}, argument.value) is not None


def list_possible_failures(
    call: DraftCall,
    tool: Tool,
    variants: Sequence[Arguments],
    is_last: bool,
    surroundings: CallSurroundings = NO_SURROUNDINGS,
) -> Iterator[PossibleFailure]:
    """Yields the ways in which a call can fail. `variants` are arguments that it might have had as well; only a call
    that `is_last` can be given up.
    """
    action = parse_tool_name(tool.name).action
    unchanged = call.arguments
    if action in READING_ACTIONS:
        yield PossibleFailure("timeout", "retry", unchanged)
    if not any(other.tool == call.tool for other in surroundings.at_once_after):  # the limit stops those after it, too
        yield PossibleFailure("rate_limit", "remedy", unchanged)
    if not surroundings.simultaneous:  # else all calls of the service at that moment would have to fail
        yield PossibleFailure("expired_auth", "remedy", unchanged)
    if may_be_forbidden(call, surroundings):
        yield PossibleFailure("permission_denied", "remedy", unchanged)
        if is_last:
            yield PossibleFailure("permission_denied", "dropped", unchanged)
    for arguments in _take_shown_names(call, tool, surroundings):
        yield PossibleFailure("conflict", "remedy", arguments)
    for arguments in _misspell_addresses(call, tool, action):
        yield PossibleFailure("not_found", "remedy", arguments)
    for changed, arguments in _replace_one_value(call, variants):
        for fault in _list_faults_of_value(changed, tool, action):
            yield PossibleFailure(fault, "remedy", arguments)


def _misspell_addresses(call: DraftCall, tool: Tool, action: str) -> Iterator[Arguments]:
    """Yields the arguments of a call with a slip in the address of somebody whom the service must know: who is looked
    up or taken off, or to whom something is given in its own directory. Letters can be sent to anybody.
    """
    for index, argument in enumerate(call.arguments):
        schema = schema_at(tool.parameters, argument.argument) or {}
        if schema.get("format") != "email" or argument.source != "user" or argument.withheld:
            continue
        is_known_to_service = action in ("get", "delete") or (
            action in ("create", "update") and _DIRECTORY_WORDS & set(split_words(parse_field_name(argument)))
        )
        local_part, at_sign, domain = str(argument.value).partition("@")
        if is_known_to_service and at_sign and len(local_part) > 3 and local_part[-1] != local_part[-2]:
            slip = f"{local_part[:-2]}{local_part[-1]}{local_part[-2]}@{domain}"
            misspelt = replace(argument, value=slip, surface=slip)
            yield (*call.arguments[:index], misspelt, *call.arguments[index + 1 :])


def may_be_forbidden(call: DraftCall, surroundings: CallSurroundings) -> bool:
    """Says whether the user may lack the permission for a call: not for what is theirs, made by an earlier call or
    "my" by the tool's name, nor where the like is permitted to them in the same conversation.
    """
    if _OWN_WORDS & set(split_words(call.tool)):
        return False
    if any(other.tool == call.tool for other in (*surroundings.earlier, *surroundings.simultaneous)):
        return False
    call_by_step = {other.chain_index: other for other in surroundings.earlier if other.chain_index is not None}
    origins = {(argument.step, argument.result) for argument in call.arguments if argument.source == "result"}
    if any(
        step in call_by_step and parse_tool_name(call_by_step[step].tool).action in _CREATING_ACTIONS
        for step, _ in origins
    ):
        return False
    return not any(
        (argument.step, argument.result) in origins
        for other in surroundings.earlier
        if parse_tool_name(other.tool).action not in READING_ACTIONS
        for argument in other.arguments
        if argument.source == "result"
    )


def _take_shown_names(call: DraftCall, tool: Tool, surroundings: CallSurroundings) -> Iterator[Arguments]:
    """Yields the arguments of a call that creates something under a name that an earlier listing shows to be taken,
    where the tool's definition says that such names are unique.
    """
    parsed = parse_tool_name(tool.name)
    if parsed.action != "create":
        return
    unique_names = {rule.pointer for rule in read_stated_rules(tool) if isinstance(rule, UniqueName)}
    for index, argument in enumerate(call.arguments):
        is_unique = argument.argument in unique_names
        if argument.source != "user" or argument.withheld or not isinstance(argument.value, str) or not is_unique:
            continue
        for listing in surroundings.earlier:
            path = surroundings.name_paths.get(listing.tool)
            is_same_noun = parse_tool_name(listing.tool).noun == parsed.noun
            if path and is_same_noun and listing.chain_index is not None and not listing.fault:
                taken = PlannedArgument(
                    argument=argument.argument, source="result", step=listing.chain_index, result=path
                )
                yield (*call.arguments[:index], taken, *call.arguments[index + 1 :])


def find_listed_name_path(tool: Tool) -> str:
    """Returns the path of the titles in a listing's result, such as `/labels/*/name`; '' if it shows none."""
    if parse_tool_name(tool.name).action != "list":
        return ""
    leaves = walk_leaves(complete_result_schema(tool))
    paths = (leaf.path for leaf in leaves if leaf.name in ("name", "title", "display_name"))
    return next((path for path in paths if path.count("*") == 1 and path.count("/") == 3), "")


def _list_faults_of_value(argument: PlannedArgument, tool: Tool, action: str) -> Iterator[Fault]:
    """Yields the faults that a service may report for a value that the user says."""
    schema = schema_at(tool.parameters, argument.argument) or {}
    name_words = set(split_words(parse_field_name(argument)))
    is_text = isinstance(argument.value, str) and "enum" not in schema
    is_search = action == "list" and is_text and is_query(parse_field_name(argument), schema)
    # What is created, sent or renamed need not be there, and a search that finds nothing is no error.
    if action in ("get", "delete") and is_text and "@" not in argument.surface and name_words & {"name", "key"}:
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
