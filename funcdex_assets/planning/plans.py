"""Makes a plan from a tool chain: which calls with which arguments, in which user turns, and which facts are withheld.

The plan is made by the program, so that it is right by construction: every argument has a source, and every fact that
the user must state is known before a word is written. Belongs here: what a conversation gets. How turns are rearranged
belongs to `turns`, the possible failures to `failures` and `substitute_calls`, how the user behaves to the role
`roles/planner.py`.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from random import Random
from typing import get_args

import msgspec

from funcdex_assets.dedup.requests import SaidRequests
from funcdex_assets.environment.search_criteria import is_limit_name
from funcdex_assets.language.request_phrases import is_next_page_argument
from funcdex_assets.language.schema_samples import NoValueError, sample_value
from funcdex_assets.language.speech_profile import DEFAULT_SPOKEN_PROFILE, SpeechProfile
from funcdex_assets.language.spoken_values import find_first_form
from funcdex_assets.language.values import Situation, fill_from_situation, is_within_string_limits, render_query
from funcdex_assets.planning.arguments import UnplannableCallError, limit_page, plan_arguments
from funcdex_assets.planning.commands import (
    FORM_CANDIDATES,
    draw_single_turn_outcome,
    is_spoken_tool,
    plan_commands,
    plan_request,
)
from funcdex_assets.planning.failures import (
    CallSurroundings,
    PossibleFailure,
    draw_failure,
    find_listed_name_path,
    list_mistaken_arguments,
    list_possible_failures,
)
from funcdex_assets.planning.substitute_calls import find_equivalent_arguments, list_lasting_faults
from funcdex_assets.planning.turns import (
    Arguments,
    DraftCall,
    DraftTurn,
    find_turn_of_call,
    group_calls_into_turns,
    insert_correction,
    insert_failing_equivalent,
    insert_failure,
    insert_talk,
    list_simultaneous_calls,
    number_steps,
    postpone_incomplete_calls,
    say_withheld_facts,
    split_turn,
    take_first_of_unseen,
    withhold_facts,
)
from funcdex_assets.records.feedback import EVEN_WEIGHTS, AspectWeights, name_argument_form
from funcdex_assets.records.labels import Clarity, Fault, Kind
from funcdex_assets.records.plan import ConversationPlan, PlannedArgument, PlannedStep, PlannedTurn
from funcdex_assets.records.row_failures import RowFailure, make_each
from funcdex_assets.records.seeds import build_generator, derive_id
from funcdex_assets.records.tool import Binding, ChainStep, Tool, ToolChain
from funcdex_assets.schema.json_pointers import at_pointer
from funcdex_assets.schema.references import is_required_at, resolve_schema, schema_at
from funcdex_assets.semantics.field_roles import is_page_token
from funcdex_assets.semantics.field_roles import is_query as is_query_field
from funcdex_assets.semantics.result_schema import complete_result_schema
from funcdex_assets.semantics.tool_names import parse_tool_name
from funcdex_assets.settings.generation import ClarityWeights

REQUEST_ATTEMPTS = 24  # per plan of one request, whose words must be new; of 600 requests 1 in 20 takes a second one
ATTEMPTS = 4  # per plan, each with other facts; a plan that fails in all of them is reported
FIRST_FORM_VARIANT = 3  # of the arguments of a step; the first two are what might have been said by mistake
MIN_USER_TURNS = 2
MIN_TURNS_OF_LONG_KINDS: Mapping[Kind, int] = {"multi_step": 6, "long_context": 10}
THANKS_SHARE = 0.67  # the share of conversations in which the user takes leave with thanks
MIN_TOOLS_WITHOUT_SUITABLE_ONE = 4  # the least number of tools on offer where none can do what the user asks for
EQUIVALENT_TOOL_SHARE = (
    0.65  # of failures where an equivalent tool exists, the share in which it is tried first and fails
)
MIN_DISTRACTORS_OF_LONG_CONTEXT = (
    20  # the least number of distractors under `long_context`: their definitions make it long
)
MOST_TOOLS_OF_COMMANDS = 24  # on offer where people give short commands
# Keywords of a JSON Schema that exclude no value, or (format) are not relied on here.
_UNRESTRICTING_KEYWORDS = frozenset("type title description example examples format".split())


@dataclass(frozen=True)
class PlanInput:
    """One conversation to plan. `tools` are all tools of the partition, from which distractors are drawn; `faults` are
    weights, and a `fault_share` of the conversations that need no fault have one. `reserved` tools are for the test
    split only. `speech` are the forms of speech that requests shall have, `form_weights` those of argument forms.
    """

    chain: ToolChain
    situation: Situation
    clarity: Clarity
    disposition: str
    tools: Sequence[Tool]
    distractor_count: int
    seed: int
    fault_weights: Mapping[Fault, float] = field(default_factory=lambda: dict.fromkeys(get_args(Fault), 1.0))
    fault_share: float = 0.25
    reserved_tools: Collection[str] = ()
    noise_share: float = 0.1
    speech: SpeechProfile = DEFAULT_SPOKEN_PROFILE
    form_weights: AspectWeights = EVEN_WEIGHTS

    @cached_property
    def tools_by_name(self) -> dict[str, Tool]:
        return {tool.name: tool for tool in self.tools}


def draw_clarity(weights: ClarityWeights, scenario_id: str, seed: int, kind: Kind = "multi_step") -> Clarity:
    """Draws the clarity level of the user by weight; under `ask_back` it is always "average", as the user must be
    asked.
    """
    if kind == "ask_back":
        return "average"
    rng = build_generator("clarity", seed, scenario_id)
    (level,) = rng.choices(("excellent", "good", "average"), (weights.excellent, weights.good, weights.average))
    return level  # type: ignore[return-value]


def build_plans(inputs: Sequence[PlanInput]) -> tuple[list[ConversationPlan], list[RowFailure]]:
    """Returns the plans, and the scenarios that have none after `ATTEMPTS` attempts, each with the last reason."""
    numbered = list(enumerate(inputs))
    pairs, failures = make_each(
        [item for item in numbered if item[1].chain.kind != "single_turn"],
        lambda item: _build_plan_in_attempts(item[1]),
        lambda item: _name_scenario(item[1]),
        expected=UnplannableCallError,
    )
    if requests := [item for item in numbered if item[1].chain.kind == "single_turn"]:
        # What is said in a conversation of one request is said in no other, or the split would tell nothing.
        said = SaidRequests(turn.words for _, plan in pairs for turn in plan.turns if turn.words)
        request_pairs, request_failures = make_each(
            requests,
            lambda item: _build_unsaid_plan(item[1], said),
            lambda item: _name_scenario(item[1]),
            expected=UnplannableCallError,
        )
        pairs, failures = [*pairs, *request_pairs], [*failures, *request_failures]
    return [plan for (_, _), plan in sorted(pairs, key=lambda pair: pair[0][0])], failures


def _name_scenario(plan_input: PlanInput) -> str:
    return plan_input.situation.scenario.scenario_id


def _build_unsaid_plan(plan_input: PlanInput, said: SaidRequests) -> ConversationPlan:
    """Makes the plan of one request in words that no other plan has, and adds them to what is said.

    Raises:
        UnplannableCallError: all attempts failed, or led to what is said elsewhere.
    """
    reason: UnplannableCallError | None = None
    for attempt in range(REQUEST_ATTEMPTS):
        try:
            plan = build_plan(plan_input, attempt)
        except UnplannableCallError as error:
            reason = error
            continue
        if not plan.is_spoken or said.add(plan.turns[0].words):
            return plan
    tools = " and ".join(dict.fromkeys(step.tool for step in plan_input.chain.steps))
    raise reason or UnplannableCallError(f"{tools}: whatever was drawn to say is said in another conversation")


def _build_plan_in_attempts(plan_input: PlanInput) -> ConversationPlan:
    for attempt in range(ATTEMPTS - 1):
        with suppress(UnplannableCallError):
            return build_plan(plan_input, attempt)
    return build_plan(plan_input, ATTEMPTS - 1)


def build_plan(plan_input: PlanInput, attempt: int = 0) -> ConversationPlan:
    """Makes the plan of one conversation; each attempt draws differently.

    Raises:
        Unplannable: a required argument has no value that a person could give, or nothing of the kind can happen
            with these calls.
    """
    scenario, persona = plan_input.situation.scenario, plan_input.situation.persona
    rng = build_generator("plan", plan_input.seed, scenario.scenario_id, attempt)
    if plan_input.chain.kind == "command" or _is_spoken_request(plan_input):
        return _build_command_plan(plan_input, rng)
    turns, late = _lay_out_turns(plan_input, _plan_calls(plan_input, attempt), attempt, rng)
    steps, planned = number_steps(turns)
    selected = _select_tools(steps, planned)
    return ConversationPlan(
        plan_id=derive_id("plan", plan_input.seed, scenario.scenario_id),
        scenario_id=scenario.scenario_id,
        persona_id=persona.persona_id,
        chain_id=plan_input.chain.chain_id,
        kind=plan_input.chain.kind,
        disposition=plan_input.disposition,
        clarity=plan_input.clarity,
        tools=selected,
        distractors=_draw_distractors(plan_input, selected, late, rng),
        steps=steps,
        turns=planned,
        late_tools=late,
    )


def _is_spoken_request(plan_input: PlanInput) -> bool:
    """Says whether one request is made, in plain words, of tools that are called and done."""
    return plan_input.chain.kind == "single_turn" and all(
        is_spoken_tool(plan_input.tools_by_name[step.tool]) for step in plan_input.chain.steps
    )


def _select_tools(steps: Sequence[PlannedStep], turns: Sequence[PlannedTurn]) -> tuple[str, ...]:
    """Returns the tools that the plan calls, and those that would be called if all were said."""
    asked_about = [turn.wanted.tool for turn in turns if turn.wanted and turn.kind == "incomplete"]
    return tuple(dict.fromkeys([*(step.tool for step in steps), *asked_about]))


def _build_command_plan(plan_input: PlanInput, rng: Random) -> ConversationPlan:
    """Makes the plan of a conversation of short commands, or of a single one. Small toolkits are on offer as a whole,
    as they are where people use them.
    """
    scenario = plan_input.situation.scenario
    wanted = list(dict.fromkeys(step.tool for step in plan_input.chain.steps))
    usable = {
        tool.name: tool
        for tool in plan_input.tools
        if tool.name in wanted or plan_input.chain.held_out or tool.name not in plan_input.reserved_tools
    }
    plan_turns = plan_request if plan_input.chain.kind == "single_turn" else plan_commands
    commands = plan_turns(
        wanted, usable, plan_input.situation, rng, plan_input.noise_share, plan_input.speech, plan_input.form_weights
    )
    selected = _select_tools(commands.steps, commands.turns)
    others = [tool.name for tool in plan_input.tools if tool.name not in selected]
    return ConversationPlan(
        plan_id=derive_id("plan", plan_input.seed, scenario.scenario_id),
        scenario_id=scenario.scenario_id,
        persona_id=plan_input.situation.persona.persona_id,
        chain_id=plan_input.chain.chain_id,
        kind=plan_input.chain.kind,
        disposition=plan_input.disposition,
        clarity=plan_input.clarity,
        tools=selected,
        distractors=tuple(rng.sample(others, min(len(others), max(0, MOST_TOOLS_OF_COMMANDS - len(selected))))),
        steps=tuple(commands.steps),
        turns=tuple(commands.turns),
    )


def list_offered_tools(plan: ConversationPlan) -> list[str]:
    """Returns the tools that the assistant sees from the beginning, in an order that does not give the plan away."""
    names = [name for name in (*plan.tools, *plan.distractors) if name not in plan.late_tools]
    build_generator("offered", plan.plan_id).shuffle(names)
    return names


def list_absent_tools(plan: ConversationPlan) -> list[str]:
    """Returns the tools that the user asks for and that are not on offer, or not from the beginning."""
    tools_asked_in_vain = [turn.wanted.tool for turn in plan.turns if turn.wanted and turn.kind == "unsuitable"]
    return list(dict.fromkeys([*plan.late_tools, *tools_asked_in_vain]))


def _refuse_unsuited_binding(source: Tool, target: Tool, binding: Binding) -> None:
    """Checks that there is a value that one tool can return and the other can take at the two ends of a binding.

    Raises:
        Unplannable: there is none.
    """
    source_schema = complete_result_schema(source)
    given_schema = schema_at(source_schema, binding.result) or {}
    taken_schema = schema_at(target.parameters, binding.argument) or {}
    both_schemas = {"allOf": [given_schema, taken_schema]}
    try:
        if not (_UNRESTRICTING_KEYWORDS.issuperset(taken_schema) and _UNRESTRICTING_KEYWORDS.issuperset(given_schema)):
            sample_value(both_schemas, both_schemas, Random(0))
        if "$defs" in source_schema:  # what leads there may be impossible
            example = sample_value(
                source_schema, source_schema, Random(0), None, frozenset({binding.result}), lean=True
            )
            if at_pointer(example, binding.result) is None:
                raise NoValueError
    except NoValueError:
        raise UnplannableCallError(
            f"{target.name}{binding.argument}: no value that {source.name} returns at {binding.result} is valid there"
        ) from None


# ── calls ─────────────────────────────────────────────────────────────────────────────────────


def _plan_calls(plan_input: PlanInput, attempt: int) -> list[DraftCall]:
    """Returns the calls of the chain with the arguments that they are to have."""
    item_rng = build_generator("places", plan_input.seed, plan_input.situation.scenario.scenario_id, attempt)
    item_by_listing: dict[tuple[int | None, str], int] = {}
    calls: list[DraftCall] = []
    for index, step in enumerate(plan_input.chain.steps):
        for binding in step.bindings:
            _refuse_unsuited_binding(
                plan_input.tools_by_name[plan_input.chain.steps[binding.step].tool],
                plan_input.tools_by_name[step.tool],
                binding,
            )
        planned = _draw_step_arguments(plan_input, index, attempt)
        call_before = calls[-1] if calls else None
        if call_before and any(map(is_next_page_argument, planned)):  # the same listing, further on
            planned = (*call_before.arguments, *(argument for argument in planned if is_next_page_argument(argument)))
        elif call_before and step.together and step.tool == call_before.tool:
            planned = (
                _repeat_values_of_call_before(call_before, planned)
                if step.bindings
                else _refuse_identical_calls(calls, planned)
            )
        elif step.goal:
            planned = _differ_from_earlier_goals(plan_input, calls, planned, index, attempt)
        if _is_page_request(plan_input.chain.steps[index + 1 : index + 2]):
            planned = limit_page(plan_input.tools_by_name[step.tool], planned, item_rng)
        arguments = tuple(
            _choose_listed_item(argument, plan_input.chain, item_by_listing, calls, item_rng) for argument in planned
        )
        calls.append(DraftCall(step.tool, arguments, index, step.together, goal=step.goal))
    return calls


def _is_page_request(steps: Sequence[ChainStep]) -> bool:
    """Says whether the first of these steps asks for the next page of the listing before it; False if there is none."""
    return any(is_page_token(binding.argument.rsplit("/", 1)[-1]) for step in steps[:1] for binding in step.bindings)


def _draw_step_arguments(plan_input: PlanInput, step_index: int, attempt: int) -> Arguments:
    """Plans the arguments of one step. If argument forms have weights, a few are planned, of which one is drawn by the
    weight of its form.
    """
    planned = _plan_step_arguments(plan_input, step_index, attempt)
    if plan_input.form_weights.is_even:
        return planned
    candidates = [planned]
    for variant in range(FIRST_FORM_VARIANT, FIRST_FORM_VARIANT + FORM_CANDIDATES - 1):
        with suppress(UnplannableCallError):
            candidates.append(_plan_step_arguments(plan_input, step_index, attempt, variant))
    tool = plan_input.chain.steps[step_index].tool
    forms = [name_argument_form(tool, {argument.argument.split("/")[1] for argument in one}) for one in candidates]
    rng = build_generator("form", plan_input.seed, _name_scenario(plan_input), attempt, step_index)
    return rng.choices(candidates, [plan_input.form_weights.weigh(form) for form in forms])[0]


def _plan_step_arguments(plan_input: PlanInput, step_index: int, attempt: int, variant: int = 0) -> Arguments:
    """Plans the arguments of one step of the chain; each attempt and each variant draws other facts."""
    step = plan_input.chain.steps[step_index]
    tool = plan_input.tools_by_name[step.tool]
    rng = build_generator(
        "facts",
        plan_input.seed,
        plan_input.situation.scenario.scenario_id,
        attempt,
        step_index,
        *([variant] if variant > 0 else []),
    )
    return plan_arguments(tool, step, plan_input.situation, rng)


def _repeat_values_of_call_before(call_before: DraftCall, planned: Arguments) -> Arguments:
    """Returns the arguments of one of several simultaneous calls: its own thing from a result, the other values as in
    the call before.
    """
    repeated = [argument for argument in call_before.arguments if argument.source != "result"]
    return (*(argument for argument in planned if argument.source == "result"), *repeated)


def _differ_from_earlier_goals(
    plan_input: PlanInput, calls: Sequence[DraftCall], planned: Arguments, step_index: int, attempt: int
) -> Arguments:
    """Returns arguments that differ from those of calls of the same tool for earlier goals, so that nothing is searched
    for or done twice: the planned ones if they differ, or else the first variant that does.

    Raises:
        Unplannable: no variant differs.
    """
    step = plan_input.chain.steps[step_index]
    earlier_values = [
        _collect_stated_values(call.arguments) for call in calls if call.tool == step.tool and call.goal != step.goal
    ]
    if not earlier_values or (step.bindings and parse_tool_name(step.tool).action in ("list", "get")):
        return planned
    variants = _draw_variants(plan_input, DraftCall(step.tool, (), step_index), attempt)
    for arguments in (planned, *variants):
        if _collect_stated_values(arguments) not in earlier_values:
            return arguments
    if step.bindings:  # it is done with something else
        return planned
    raise UnplannableCallError(f"{step.tool}: for another goal, it would be called just as before")


def _collect_stated_values(arguments: Arguments) -> dict[str, object]:
    """Returns the values of the arguments that do not come from a result, by pointer."""
    return {argument.argument: argument.value for argument in arguments if argument.source != "result"}


def _refuse_identical_calls(calls: Sequence[DraftCall], planned: Arguments) -> Arguments:
    """Returns the planned arguments of one of several simultaneous calls, if no earlier call of the tool has the same.

    Raises:
        Unplannable: the user would ask for the same twice.
    """
    for call in calls:
        values = {argument.argument: argument.value for argument in call.arguments}
        if call.tool == calls[-1].tool and all(values.get(argument.argument) == argument.value for argument in planned):
            raise UnplannableCallError(f"{call.tool}: two calls at once would be the same")
    return planned


def _choose_listed_item(
    argument: PlannedArgument,
    chain: ToolChain,
    item_by_listing: dict[tuple[int | None, str], int],
    calls: Sequence[DraftCall],
    rng: Random,
) -> PlannedArgument:
    """Chooses which item of a listing an argument is taken from: mostly the first, now and then the second or third,
    and within a conversation always the same; none beyond the number of items asked for.
    """
    path = argument.result or ""
    if chain.pattern == "fan_out" or path.count("*") != 1 or argument.step is None:
        return argument
    if parse_tool_name(chain.steps[argument.step].tool).action != "list":
        return argument
    array, _, path_in_item = path.partition("/*")
    bindings = [binding for step in chain.steps for binding in step.bindings if binding.step == argument.step]
    if any(binding.result.startswith(f"{array}/*") and binding.result.count("*") > 1 for binding in bindings):
        return argument  # what is within the first thing is needed, too
    limits = [
        asked.value
        for call in calls
        if call.chain_index == argument.step
        for asked in call.arguments
        if isinstance(asked.value, int) and is_limit_name(asked.argument.rpartition("/")[2])
    ]
    drawn_index = min([rng.choice((0, 0, 0, 0, 1, 1, 2)), *(limit - 1 for limit in limits if limit > 0)])
    item_index = item_by_listing.setdefault((argument.step, array), drawn_index)
    return msgspec.structs.replace(argument, result=f"{array}/{item_index}{path_in_item}") if item_index else argument


# ── turns ─────────────────────────────────────────────────────────────────────────────────────


def _lay_out_turns(
    plan_input: PlanInput, calls: list[DraftCall], attempt: int, rng: Random
) -> tuple[list[DraftTurn], tuple[str, ...]]:
    """Lays out the turns of the plan; returns them and the names of the tools that come late."""
    kind, late_tools = plan_input.chain.kind, ()
    if kind == "single_turn":
        return [_lay_out_single_turn(plan_input, calls, rng)], late_tools
    if kind == "no_suitable_tool":
        turns = [DraftTurn("unsuitable", wanted_call=call) for call in calls]
    else:
        calls_asked_for = calls
        if kind == "missing_function":
            late_tools = (calls[-1].tool,)
            calls_asked_for = _hold_back_last_call(calls)
        turns = group_calls_into_turns(calls_asked_for, plan_input.clarity, rng) if calls_asked_for else []
        _withhold_facts(turns, plan_input, rng)
        if late_tools:
            turns += [DraftTurn("unsuitable", wanted_call=calls[-1]), DraftTurn("unlocked", [calls[-1]], calls[-1])]
        _plan_failure(turns, plan_input, attempt, rng)
    _plan_talk(turns, plan_input, attempt, rng)
    take_first_of_unseen(turns)
    return turns, late_tools


def _lay_out_single_turn(plan_input: PlanInput, calls: list[DraftCall], rng: Random) -> DraftTurn:
    """Lays out the one turn of a conversation: all calls are made in it, or, of the first, none can be, because it is
    asked for without what it requires or because no tool on offer suits.
    """
    first = calls[0]
    outcome = draw_single_turn_outcome(rng) if len(calls) == 1 else "call"
    turn = DraftTurn("request", calls)
    if outcome == "question":
        needed = _find_required_facts(first, plan_input.tools_by_name[first.tool])
        needed -= _find_facts_said_anyway(first, turn)
        if needed:
            withhold_facts(first, needed, rng)
            return DraftTurn("incomplete", wanted_call=first)
    action = parse_tool_name(first.tool).action
    if outcome == "decline" and any(parse_tool_name(tool.name).action != action for tool in plan_input.tools):
        return DraftTurn("unsuitable", wanted_call=first)
    return turn


def _hold_back_last_call(calls: list[DraftCall]) -> list[DraftCall]:
    """Returns the calls without the last, whose tool is to come late.

    Raises:
        Unplannable: its tool is needed before, too.
    """
    if any(call.tool == calls[-1].tool for call in calls[:-1]):
        raise UnplannableCallError(f"{calls[-1].tool}: it is called twice, so it cannot come late")
    return calls[:-1]


def _withhold_facts(turns: Sequence[DraftTurn], plan_input: PlanInput, rng: Random) -> None:
    """Marks the facts that the user withholds until asked: many under `ask_back`, few if the user is clear.

    Raises:
        Unplannable: the user must be asked for something, and says nothing that could be left out.
    """
    calls = [call for turn in turns for call in turn.calls if not call.is_page_request]
    necessary_facts = {
        call: _find_required_facts(call, plan_input.tools_by_name[call.tool]) - _find_facts_said_anyway(call, turn)
        for turn in turns
        for call in turn.calls
        if not call.is_page_request
    }
    calls_with_facts = [call for call in calls if necessary_facts[call]]
    if plan_input.chain.kind == "parallel":  # of two calls at once, one that waits leaves the other alone
        calls_with_facts = [call for call in calls_with_facts if len(list_simultaneous_calls(turns, call)) != 1]
    if plan_input.chain.kind == "ask_back":
        if not calls_with_facts:
            raise UnplannableCallError("the user tells nothing that could be left out")
    elif (
        not calls_with_facts
        or plan_input.clarity == "excellent"
        or (plan_input.clarity == "good" and rng.random() > 0.15)
    ):
        return
    call_count = 1 if plan_input.clarity == "good" else rng.choice((1, 1, 2))
    withheld_names: set[str] = set()
    for call in rng.sample(calls_with_facts, min(len(calls_with_facts), call_count)):
        if withheld_names.isdisjoint(names := {pointer.rsplit("/", 1)[-1] for pointer in necessary_facts[call]}):
            withhold_facts(call, necessary_facts[call], rng)  # of two queries, nobody would know which one is asked for
            withheld_names |= names
    for turn in turns:
        postpone_incomplete_calls(turn)


def _find_facts_said_anyway(call: DraftCall, turn: DraftTurn) -> set[str]:
    """Returns the pointers of the facts of a call whose words the user says in the same turn anyway, because another
    fact contains them.
    """
    said_in_turn = [argument for turn_call in turn.calls for argument in turn_call.user_arguments]
    return {
        argument.argument
        for argument in call.user_arguments
        if any(find_first_form(fact.surface, [argument.surface]) for fact in said_in_turn if fact is not argument)
    }


def _find_required_facts(call: DraftCall, tool: Tool) -> set[str]:
    """Returns the pointers of the facts that the user says and no assistant could do without: what the tool requires,
    and what is left of several arguments of which it requires one.
    """
    given = {argument.argument.split("/")[1] for argument in call.arguments}
    return {
        argument.argument
        for argument in call.user_arguments
        if is_required_at(tool.parameters, argument.argument) or _is_last_alternative(argument, tool, given)
    }


def _is_last_alternative(argument: PlannedArgument, tool: Tool, given: Collection[str]) -> bool:
    """Says whether the call would meet none of the tool's alternatives (`anyOf`, `oneOf`) without the argument."""
    schema = resolve_schema(tool.parameters, tool.parameters)
    without = set(given) - {argument.argument.split("/")[1]}
    for keyword in ("anyOf", "oneOf"):
        alternatives = [
            set(option.get("required", ())) for option in schema.get(keyword, ()) if isinstance(option, dict)
        ]
        if alternatives and any(names <= set(given) for names in alternatives):
            return not any(names <= without for names in alternatives)
    return False


def _plan_failure(turns: list[DraftTurn], plan_input: PlanInput, attempt: int, rng: Random) -> None:
    """Inserts a failure into the turns, if the conversation is to have one.

    Raises:
        Unplannable: a call must fail, and none can.
    """
    kind = plan_input.chain.kind
    must_fail = kind == "error_recovery"
    if not must_fail and (kind not in (*MIN_TURNS_OF_LONG_KINDS, "parallel") or rng.random() >= plan_input.fault_share):
        return
    calls = [call for turn in turns for call in turn.calls]
    candidates = [call for call in calls if not call.is_page_request]
    # A failure beside a question would leave two things open at once.
    candidates = [call for call in candidates if not find_turn_of_call(turns, call).has_withheld_facts] or candidates
    if kind == "parallel":  # rather one of several than one alone
        candidates = [call for call in candidates if call.together] or candidates
    options = [
        (call, failure)
        for call in candidates
        for failure in list_possible_failures(
            call,
            plan_input.tools_by_name[call.tool],
            _draw_variants(plan_input, call, attempt),
            call is calls[-1],
            _find_surroundings(turns, call, plan_input),
        )
    ]
    equivalent_options = _list_equivalent_failures(turns, candidates, plan_input, attempt)
    if (
        equivalent_options
        and rng.random() < EQUIVALENT_TOOL_SHARE
        and (draw := draw_failure(equivalent_options, plan_input.fault_weights, rng))
    ):
        call, failure = draw
        insert_failing_equivalent(turns, call, failure.tool, failure.fault, failure.arguments)
    elif draw := draw_failure(options, plan_input.fault_weights, rng):
        call, failure = draw
        for turn_call in find_turn_of_call(turns, call).calls:
            say_withheld_facts(turn_call)
        insert_failure(turns, call, failure.fault, failure.recovery, failure.arguments)
    elif must_fail:
        raise UnplannableCallError("none of the calls can go wrong in a way that generation.faults permits")


def _find_surroundings(turns: Sequence[DraftTurn], call: DraftCall, plan_input: PlanInput) -> CallSurroundings:
    """Returns the calls around a call; names count as shown from the turn after their listing on."""
    turn_index = turns.index(find_turn_of_call(turns, call))
    calls = [other for turn in turns[: turn_index + 1] for other in turn.calls]
    tools_shown = {other.tool for turn in turns[:turn_index] for other in turn.calls}
    name_paths = {name: find_listed_name_path(plan_input.tools_by_name[name]) for name in tools_shown}
    earlier, simultaneous = calls[: calls.index(call)], list_simultaneous_calls(turns, call)
    at_once_after = [other for other in simultaneous if other not in earlier]
    return CallSurroundings(earlier, simultaneous, at_once_after, name_paths)


def _list_equivalent_failures(
    turns: Sequence[DraftTurn], calls: Sequence[DraftCall], plan_input: PlanInput, attempt: int
) -> list[tuple[DraftCall, PossibleFailure]]:
    """Returns the calls before which an equivalent tool could be tried, each with the failure of that tool. Calls that
    are made at once with others are left out.
    """
    chain = [plan_input.tools_by_name[step.tool] for step in plan_input.chain.steps]
    chain_tools = {tool.name for tool in chain}
    options: list[tuple[DraftCall, PossibleFailure]] = []
    for call in calls:
        turn_calls = find_turn_of_call(turns, call).calls
        call_index = turn_calls.index(call)
        if any(turn_call.together for turn_call in turn_calls[call_index : call_index + 2]):
            continue
        for equivalent in plan_input.tools:
            if equivalent.name in chain_tools or (
                equivalent.name in plan_input.reserved_tools and not plan_input.chain.held_out
            ):
                continue  # it works elsewhere, or is not for this split
            tool = plan_input.tools_by_name[call.tool]
            rng = build_generator(
                "another",
                plan_input.seed,
                plan_input.situation.scenario.scenario_id,
                attempt,
                call.chain_index,
                equivalent.name,
            )
            arguments = find_equivalent_arguments(call, tool, equivalent, dict(enumerate(chain)), rng)
            if arguments is not None and _can_take_results(equivalent, arguments, chain):
                options += [
                    (call, PossibleFailure(fault, "another", arguments, equivalent.name))
                    for fault in list_lasting_faults(call, tool, equivalent, arguments)
                ]
    return options


def _can_take_results(tool: Tool, arguments: Arguments, chain: Sequence[Tool]) -> bool:
    """Says whether the tool can take the values that the results of the chain give to these arguments."""
    try:
        for argument in arguments:
            if argument.step is not None and argument.result is not None:
                path = "/".join("*" if token.isdigit() else token for token in argument.result.split("/"))
                _refuse_unsuited_binding(
                    chain[argument.step], tool, Binding(argument.argument, argument.step, path, "id")
                )
    except UnplannableCallError:
        return False
    return True


def _draw_variants(plan_input: PlanInput, call: DraftCall, attempt: int) -> list[Arguments]:
    """Returns two sets of arguments that the call might have had as well; searches in them are for a company or a
    counterpart.
    """
    if call.chain_index is None:
        return []
    tool = plan_input.tools_by_name[call.tool]
    rng = build_generator(
        "variants", plan_input.seed, plan_input.situation.scenario.scenario_id, attempt, call.chain_index
    )
    return [
        tuple(
            _redirect_search(argument, tool, plan_input.situation, rng)
            for argument in _plan_step_arguments(plan_input, call.chain_index, attempt, variant)
        )
        for variant in (1, 2)
    ]


def _redirect_search(argument: PlannedArgument, tool: Tool, situation: Situation, rng: Random) -> PlannedArgument:
    """Returns a search for a company or a counterpart instead of the planned search; any other argument unchanged."""
    name = argument.argument.rsplit("/", 1)[-1]
    schema = schema_at(tool.parameters, argument.argument) or {}
    is_query = argument.source == "user" and isinstance(argument.value, str) and is_query_field(name, schema)
    if not is_query or "enum" in schema or argument.surface.istitle():
        return argument
    template = rng.choice(("{company}", "{counterpart}"))
    subject = fill_from_situation(template, situation, rng).removeprefix("the ").replace("'", "").replace('"', "")
    value = render_query(schema, subject, rng)
    return (
        msgspec.structs.replace(argument, value=value, surface=subject)
        if is_within_string_limits(schema, value)
        else argument
    )


def _plan_correction(
    turns: list[DraftTurn], plan_input: PlanInput, calls: Sequence[DraftCall], attempt: int, rng: Random
) -> None:
    """Inserts a correction, if one can be: a search or look-up is first made with a value said by mistake."""
    for call in rng.sample(calls, len(calls)):
        turn = find_turn_of_call(turns, call)
        is_undisturbed = not any(turn_call.together or turn_call.fault for turn_call in turn.calls)
        if call.is_page_request or not is_undisturbed or turn.kind != "request":
            continue
        if mistaken_arguments := list(
            list_mistaken_arguments(
                call, plan_input.tools_by_name[call.tool], _draw_variants(plan_input, call, attempt)
            )
        ):
            insert_correction(turns, call, rng.choice(mistaken_arguments))
            return


def _plan_talk(turns: list[DraftTurn], plan_input: PlanInput, attempt: int, rng: Random) -> None:
    """Inserts what people say between requests: corrections, questions about earlier results, small talk, thanks. Where
    the kind wants many turns, it adds talk and divides requests until there are enough.
    """
    kind = plan_input.chain.kind
    min_turns = MIN_TURNS_OF_LONG_KINDS.get(kind, 0)
    calls = [call for turn in turns for call in turn.calls if call.chain_index is not None]
    if kind in (*MIN_TURNS_OF_LONG_KINDS, "simple", "ask_back") and rng.random() < (0.2 if min_turns else 0.08):
        _plan_correction(turns, plan_input, calls, attempt, rng)
    if len(turns) < MIN_USER_TURNS or rng.random() < THANKS_SHARE:
        turns.append(DraftTurn("thanks"))
    calls_to_recall = [call for call in calls if parse_tool_name(call.tool).action in ("list", "get", "create")]
    rng.shuffle(calls_to_recall)
    if kind == "long_context" and (early_call := _find_call_to_recall(calls_to_recall, calls)):
        calls_to_recall.remove(early_call)
        insert_talk(
            turns, "recall", early_call, rng, after_call=next(call for call in calls if call.goal == calls[-1].goal)
        )
    if calls_to_recall and rng.random() < (0.3 if min_turns else 0.1):
        insert_talk(turns, "recall", calls_to_recall.pop(), rng)
    if rng.random() < (0.25 if min_turns else 0.1):
        insert_talk(turns, "small_talk", None, rng)
    while len(turns) < min_turns:
        if rng.random() < 0.7 and split_turn(turns, rng):
            continue
        if calls_to_recall and rng.random() < 0.6:
            insert_talk(turns, "recall", calls_to_recall.pop(), rng)
        elif sum(turn.kind == "small_talk" for turn in turns) < min_turns // 3:
            insert_talk(turns, "small_talk", None, rng)
        elif not split_turn(turns, rng):
            if turns[-1].kind == "thanks":
                break
            turns.append(DraftTurn("thanks"))


def _find_call_to_recall(calls_to_recall: Sequence[DraftCall], calls: Sequence[DraftCall]) -> DraftCall | None:
    """Returns a call of an earlier goal that the user can ask about at the end. A call is preferred whose result still
    holds, as far as names tell (no later call changes things of its kind), then one of the first goal. None if there
    is only one goal.
    """
    changed_nouns = {name.noun for call in calls if (name := parse_tool_name(call.tool)).action in ("update", "delete")}
    earlier_calls = [call for call in calls_to_recall if call.goal < calls[-1].goal]
    return min(
        earlier_calls, key=lambda call: (parse_tool_name(call.tool).noun in changed_nouns, call.goal), default=None
    )


# ── tools ─────────────────────────────────────────────────────────────────────────────────────


def _draw_distractors(
    plan_input: PlanInput, selected: Sequence[str], late_tools: Sequence[str], rng: Random
) -> tuple[str, ...]:
    """Draws tools that are on offer and not needed: half of them resemble the needed ones, and none can do what no tool
    on offer shall be able to do.

    Raises:
        Unplannable: nothing would be on offer.
    """
    names_asked_for = [*late_tools] or [step.tool for step in plan_input.chain.steps if step.tool not in selected]
    refused_actions = {parse_tool_name(name).action for name in names_asked_for}
    candidates = [
        tool.name
        for tool in plan_input.tools
        if tool.name not in selected
        and tool.name not in names_asked_for
        and parse_tool_name(tool.name).action not in refused_actions
    ]
    min_count = 0 if selected else MIN_TOOLS_WITHOUT_SUITABLE_ONE
    if plan_input.chain.kind == "long_context" and plan_input.distractor_count:
        min_count = MIN_DISTRACTORS_OF_LONG_CONTEXT
    count = min(len(candidates), max(plan_input.distractor_count, min_count))
    if not count and not set(selected).difference(late_tools):
        raise UnplannableCallError(f"without {' and '.join(names_asked_for)} and its like no tool is on offer")
    nouns = {word for name in (*selected, *names_asked_for) for word in parse_tool_name(name).words}
    similar = [name for name in candidates if nouns & set(parse_tool_name(name).words)]
    chosen = rng.sample(similar, min(len(similar), (count + 1) // 2))
    remaining = [name for name in candidates if name not in chosen]
    return (*chosen, *rng.sample(remaining, count - len(chosen)))
