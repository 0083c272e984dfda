"""From a chain to a plan: which calls with which arguments, in which user turns, told or withheld.

The plan is made by the program, so that it is right by construction: every argument has a source, and
every fact that the user must state is known before a word is written. How the user behaves is a role
(`roles/planner.py`).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from random import Random
from typing import get_args

import msgspec

from funcdex_assets.language.request_phrases import is_next_page
from funcdex_assets.language.schema_samples import NoValueError, sample
from funcdex_assets.language.spoken_values import find_words
from funcdex_assets.language.values import Situation, fits, query_for, worded
from funcdex_assets.planning.arguments import Unplannable, plan_arguments
from funcdex_assets.planning.failures import Mishap, draw_mishap, otherwise, possible_mishaps
from funcdex_assets.planning.substitute_calls import as_well, failures
from funcdex_assets.planning.turns import (
    Arguments,
    Call,
    Turn,
    go_wrong,
    leave_out,
    mean_otherwise,
    numbered,
    requests,
    split,
    talk,
    try_another,
    turn_of,
)
from funcdex_assets.records.labels import Clarity, Fault, Kind
from funcdex_assets.records.plan import ConversationPlan, PlannedArgument
from funcdex_assets.records.seeds import derive_id, generator
from funcdex_assets.records.tool import Binding, Tool, ToolChain
from funcdex_assets.schema.json_pointers import at_pointer
from funcdex_assets.schema.references import resolve, schema_at
from funcdex_assets.schema.words import words
from funcdex_assets.semantics.result_schema import result_schema
from funcdex_assets.semantics.tool_names import QUERY_WORDS, parse_tool_name
from funcdex_assets.settings.generation import ClarityWeights

ATTEMPTS = 4
MIN_USER_TURNS = 2
MANY_TURNS: Mapping[Kind, int] = {"multi_step": 6, "long_context": 10}
THANKS = 0.67
OFFERED_IN_VAIN = 4  # tools on offer where none is of use
ANOTHER = 0.65  # of what goes wrong where another tool serves as well, the share in which it is tried
OFFERED_IN_LONG = 20  # and beside those that are, where the history is to be long
_UNBOUND = frozenset("type title description example examples format".split())


@dataclass(frozen=True)
class PlanInput:
    """`tools` are all tools of the partition, from which distractors are drawn; `faults` are weights, and a
    `fault_share` of the conversations that need no fault have one. `reserved` tools only the test split calls.
    """

    chain: ToolChain
    situation: Situation
    clarity: Clarity
    disposition: str
    tools: Sequence[Tool]
    distractor_tools: int
    seed: int
    faults: Mapping[Fault, float] = field(default_factory=lambda: dict.fromkeys(get_args(Fault), 1.0))
    fault_share: float = 0.25
    reserved: Collection[str] = ()

    @cached_property
    def by_name(self) -> dict[str, Tool]:
        return {tool.name: tool for tool in self.tools}


def draw_clarity(weights: ClarityWeights, scenario_id: str, seed: int, kind: Kind = "multi_step") -> Clarity:
    """How clear the user is; who has to be asked is not."""
    if kind == "ask_back":
        return "average"
    rng = generator("clarity", seed, scenario_id)
    (level,) = rng.choices(("excellent", "good", "average"), (weights.excellent, weights.good, weights.average))
    return level  # type: ignore[return-value]


def make_plans(inputs: Sequence[PlanInput]) -> tuple[list[ConversationPlan], list[str]]:
    """Plans, and for each that could not be made in several attempts the reason."""
    plans: list[ConversationPlan] = []
    reasons: list[str] = []
    for given in inputs:
        reason = ""
        for attempt in range(ATTEMPTS):
            try:
                plans.append(make_plan(given, attempt))
                break
            except Unplannable as error:
                reason = str(error)
        else:
            reasons.append(reason)
    return plans, reasons


def make_plan(given: PlanInput, attempt: int = 0) -> ConversationPlan:
    """
    Raises:
        Unplannable: a required argument has no value that a person could give, or nothing of the kind can happen
            with these calls.
    """
    scenario, persona = given.situation.scenario, given.situation.persona
    rng = generator("plan", given.seed, scenario.scenario_id, attempt)
    turns, late = _turns(given, _calls(given, attempt), attempt, rng)
    steps, planned = numbered(turns)
    selected = tuple(dict.fromkeys(step.tool for step in steps))
    return ConversationPlan(
        plan_id=derive_id("plan", given.seed, scenario.scenario_id),
        scenario_id=scenario.scenario_id,
        persona_id=persona.persona_id,
        chain_id=given.chain.chain_id,
        kind=given.chain.kind,
        disposition=given.disposition,
        clarity=given.clarity,
        tools=selected,
        distractors=_distractors(given, selected, late, rng),
        steps=steps,
        turns=planned,
        late_tools=late,
    )


def offered_tools(plan: ConversationPlan) -> list[str]:
    """The tools that the assistant sees from the beginning, in an order that does not give the plan away."""
    names = [name for name in (*plan.tools, *plan.distractors) if name not in plan.late_tools]
    generator("offered", plan.plan_id).shuffle(names)
    return names


def absent_tools(plan: ConversationPlan) -> list[str]:
    """The tools that are asked for and not on offer, or not from the beginning."""
    wanted = [turn.wanted.tool for turn in plan.turns if turn.wanted]
    return list(dict.fromkeys([*plan.late_tools, *wanted]))


def _refuse_unsuited(source: Tool, target: Tool, binding: Binding) -> None:
    """A value is returned by one tool and taken by the other: there has to be one that suits both."""
    whole = result_schema(source)
    given = schema_at(whole, binding.result) or {}
    taken = schema_at(target.parameters, binding.argument) or {}
    both = {"allOf": [given, taken]}
    try:
        if not (_UNBOUND.issuperset(taken) and _UNBOUND.issuperset(given)):
            sample(both, both, Random(0))
        if "$defs" in whole:  # what leads there may be impossible
            example = sample(whole, whole, Random(0), None, frozenset({binding.result}), lean=True)
            if at_pointer(example, binding.result) is None:
                raise NoValueError
    except NoValueError:
        raise Unplannable(
            f"{target.name}{binding.argument}: no value that {source.name} returns at {binding.result} is valid there"
        ) from None


# ── calls ─────────────────────────────────────────────────────────────────────────────────────


def _calls(given: PlanInput, attempt: int) -> list[Call]:
    """The calls of the chain with the arguments that they are to have."""
    places = generator("places", given.seed, given.situation.scenario.scenario_id, attempt)
    chosen: dict[tuple[int | None, str], int] = {}
    calls: list[Call] = []
    for index, step in enumerate(given.chain.steps):
        for binding in step.bindings:
            _refuse_unsuited(given.by_name[given.chain.steps[binding.step].tool], given.by_name[step.tool], binding)
        planned = _planned(given, index, attempt)
        before = calls[-1] if calls else None
        if before and any(map(is_next_page, planned)):  # the same listing, further on
            planned = (*before.arguments, *(argument for argument in planned if is_next_page(argument)))
        elif before and step.together and step.tool == before.tool:
            planned = _alike(before, planned) if step.bindings else _unlike(calls, planned)
        elif step.goal:
            planned = _unlike_earlier_goals(given, calls, planned, index, attempt)
        arguments = tuple(_placed(one, given.chain, chosen, places) for one in planned)
        calls.append(Call(step.tool, arguments, index, step.together, goal=step.goal))
    return calls


def _planned(given: PlanInput, index: int, attempt: int, variant: int = 0) -> Arguments:
    step = given.chain.steps[index]
    tool = given.by_name[step.tool]
    facts = generator(
        "facts", given.seed, given.situation.scenario.scenario_id, attempt, index, *([variant] * (variant > 0))
    )
    return plan_arguments(tool, step, given.situation, facts)


def _alike(before: Call, planned: Arguments) -> Arguments:
    """What is done with several things is done alike with each."""
    told = [argument for argument in before.arguments if argument.source != "result"]
    return (*(argument for argument in planned if argument.source == "result"), *told)


def _unlike_earlier_goals(
    given: PlanInput, calls: Sequence[Call], planned: Arguments, index: int, attempt: int
) -> Arguments:
    """What was searched for or done for one goal is not searched for or done again for another.

    Raises:
        Unplannable: nothing else comes to mind.
    """
    step = given.chain.steps[index]
    before = [_stated(call.arguments) for call in calls if call.tool == step.tool and call.goal != step.goal]
    if not before or (step.bindings and parse_tool_name(step.tool).action in ("list", "get")):
        return planned
    variants = _variants(given, Call(step.tool, (), index), attempt)
    for possible in (planned, *variants):
        if _stated(possible) not in before:
            return possible
    if step.bindings:  # it is done with something else
        return planned
    raise Unplannable(f"{step.tool}: for another goal, it would be called just as before")


def _stated(arguments: Arguments) -> dict[str, object]:
    return {argument.argument: argument.value for argument in arguments if argument.source != "result"}


def _unlike(calls: Sequence[Call], planned: Arguments) -> Arguments:
    """
    Raises:
        Unplannable: the user would ask for the same twice.
    """
    for call in calls:
        known = {argument.argument: argument.value for argument in call.arguments}
        if call.tool == calls[-1].tool and all(known.get(one.argument) == one.value for one in planned):
            raise Unplannable(f"{call.tool}: two calls at once would be the same")
    return planned


def _placed(
    argument: PlannedArgument, chain: ToolChain, chosen: dict[tuple[int | None, str], int], rng: Random
) -> PlannedArgument:
    """Of a list that was found, people mostly mean the first thing, now and then the second or third; within a
    conversation the same.
    """
    path = argument.result or ""
    if chain.pattern == "fan_out" or path.count("*") != 1 or argument.step is None:
        return argument
    if parse_tool_name(chain.steps[argument.step].tool).action != "list":
        return argument
    array, _, rest = path.partition("/*")
    taken = [binding for step in chain.steps for binding in step.bindings if binding.step == argument.step]
    if any(binding.result.startswith(f"{array}/*") and binding.result.count("*") > 1 for binding in taken):
        return argument  # what is within the first thing is needed, too
    place = chosen.setdefault((argument.step, array), rng.choice((0, 0, 0, 0, 1, 1, 2)))
    return msgspec.structs.replace(argument, result=f"{array}/{place}{rest}") if place else argument


# ── turns ─────────────────────────────────────────────────────────────────────────────────────


def _turns(given: PlanInput, calls: list[Call], attempt: int, rng: Random) -> tuple[list[Turn], tuple[str, ...]]:
    """The turns, and the tools that come late."""
    kind, late = given.chain.kind, ()
    if kind == "no_suitable_tool":
        turns = [Turn("unsuitable", wanted=call) for call in calls]
    else:
        asked = calls
        if kind == "missing_function":
            late = (calls[-1].tool,)
            asked = _without_the_last(calls)
        turns = requests(asked, given.clarity, rng) if asked else []
        _leave_out(turns, given, rng)
        if late:
            turns += [Turn("unsuitable", wanted=calls[-1]), Turn("unlocked", [calls[-1]], calls[-1])]
        _go_wrong(turns, given, attempt, rng)
    _talk(turns, given, attempt, rng)
    return turns, late


def _without_the_last(calls: list[Call]) -> list[Call]:
    """
    Raises:
        Unplannable: its tool is needed before, too.
    """
    if any(call.tool == calls[-1].tool for call in calls[:-1]):
        raise Unplannable(f"{calls[-1].tool}: it is called twice, so it cannot come late")
    return calls[:-1]


def _leave_out(turns: Sequence[Turn], given: PlanInput, rng: Random) -> None:
    """What the user leaves out until asked: much under `ask_back`, little if the user is clear."""
    calls = [call for turn in turns for call in turn.calls if not call.is_page]
    needed = {
        call: _needed_facts(call, given.by_name[call.tool]) - _said_anyway(call, turn)
        for turn in turns
        for call in turn.calls
        if not call.is_page
    }
    telling = [call for call in calls if needed[call]]
    if given.chain.kind == "ask_back":
        if not telling:
            raise Unplannable("the user tells nothing that could be left out")
    elif not telling or given.clarity == "excellent" or (given.clarity == "good" and rng.random() > 0.15):
        return
    count = 1 if given.clarity == "good" else rng.choice((1, 1, 2))
    left_out: set[str] = set()
    for call in rng.sample(telling, min(len(telling), count)):
        if left_out.isdisjoint(names := {pointer.rsplit("/", 1)[-1] for pointer in needed[call]}):
            leave_out(call, needed[call], rng)  # of two queries, nobody would know which one is asked for
            left_out |= names


def _said_anyway(call: Call, turn: Turn) -> set[str]:
    """What the user tells in the same turn in so many words, because another fact has them."""
    told = [argument for other in turn.calls for argument in other.told]
    return {
        one.argument
        for one in call.told
        if any(find_words(other.surface, [one.surface]) for other in told if other is not one)
    }


def _needed_facts(call: Call, tool: Tool) -> set[str]:
    """What the user tells and no assistant could do without: what the tool requires, and what a search is for."""
    required = resolve(tool.parameters, tool.parameters).get("required", ())
    names = {argument.argument: argument.argument.split("/")[1] for argument in call.told}
    return {pointer for pointer, name in names.items() if name in required or set(words(name)) & QUERY_WORDS}


def _go_wrong(turns: list[Turn], given: PlanInput, attempt: int, rng: Random) -> None:
    """
    Raises:
        Unplannable: something must go wrong, and nothing can.
    """
    kind = given.chain.kind
    must = kind == "error_recovery"
    if not must and (kind not in (*MANY_TURNS, "parallel") or rng.random() >= given.fault_share):
        return
    calls = [call for turn in turns for call in turn.calls]
    likely = [call for call in calls if not call.is_page]
    if kind == "parallel":  # rather one of several than one alone
        likely = [call for call in likely if call.together] or likely
    options = [
        (call, mishap)
        for call in likely
        for mishap in possible_mishaps(
            call, given.by_name[call.tool], _variants(given, call, attempt), call is calls[-1]
        )
    ]
    others = _tools_as_well(turns, likely, given, attempt)
    if others and rng.random() < ANOTHER and (drawn := draw_mishap(others, given.faults, rng)):
        call, mishap = drawn
        try_another(turns, call, mishap.tool, mishap.fault, mishap.arguments)
    elif drawn := draw_mishap(options, given.faults, rng):
        call, mishap = drawn
        go_wrong(turns, call, mishap.fault, mishap.recovery, mishap.arguments)
    elif must:
        raise Unplannable("none of the calls can go wrong in a way that generation.faults permits")


def _tools_as_well(
    turns: Sequence[Turn], calls: Sequence[Call], given: PlanInput, attempt: int
) -> list[tuple[Call, Mishap]]:
    """The calls before which another tool could be tried, and fail; none of those that are made at once."""
    chain = [given.by_name[step.tool] for step in given.chain.steps]
    needed = {tool.name for tool in chain}
    found: list[tuple[Call, Mishap]] = []
    for call in calls:
        beside = turn_of(turns, call).calls
        at = beside.index(call)
        if any(one.together for one in beside[at : at + 2]):
            continue
        for other in given.tools:
            if other.name in needed or (other.name in given.reserved and not given.chain.held_out):
                continue  # it works elsewhere, or is not for this split
            tool = given.by_name[call.tool]
            rng = generator(
                "another", given.seed, given.situation.scenario.scenario_id, attempt, call.place, other.name
            )
            arguments = as_well(call, tool, other, dict(enumerate(chain)), rng)
            if arguments is not None and _are_suited(other, arguments, chain):
                found += [
                    (call, Mishap(fault, "another", arguments, other.name))
                    for fault in failures(call, tool, other, arguments)
                ]
    return found


def _are_suited(tool: Tool, arguments: Arguments, chain: Sequence[Tool]) -> bool:
    """Whether what the results give suits the tool."""
    try:
        for one in arguments:
            if one.step is not None and one.result is not None:
                path = "/".join("*" if part.isdigit() else part for part in one.result.split("/"))
                _refuse_unsuited(chain[one.step], tool, Binding(one.argument, one.step, path, "id"))
    except Unplannable:
        return False
    return True


def _variants(given: PlanInput, call: Call, attempt: int) -> list[Arguments]:
    """Arguments that the call might have had as well; searches are then for a company or a counterpart."""
    if call.place is None:
        return []
    tool = given.by_name[call.tool]
    rng = generator("variants", given.seed, given.situation.scenario.scenario_id, attempt, call.place)
    return [
        tuple(
            _sought_elsewhere(one, tool, given.situation, rng) for one in _planned(given, call.place, attempt, variant)
        )
        for variant in (1, 2)
    ]


def _sought_elsewhere(argument: PlannedArgument, tool: Tool, situation: Situation, rng: Random) -> PlannedArgument:
    name = argument.argument.rsplit("/", 1)[-1]
    schema = schema_at(tool.parameters, argument.argument) or {}
    searches = argument.source == "user" and isinstance(argument.value, str) and set(words(name)) & QUERY_WORDS
    if not searches or "enum" in schema or argument.surface.istitle():
        return argument
    template = rng.choice(("{company}", "{counterpart}"))
    sought = worded(template, situation, rng).removeprefix("the ").replace("'", "").replace('"', "")
    value = query_for(schema, sought, rng)
    return msgspec.structs.replace(argument, value=value, surface=sought) if fits(schema, value) else argument


def _correct(turns: list[Turn], given: PlanInput, calls: Sequence[Call], attempt: int, rng: Random) -> None:
    """One of the searches or look-ups was meant otherwise than it was first said, if any can be."""
    for call in rng.sample(calls, len(calls)):
        turn = turn_of(turns, call)
        alone = not any(other.together or other.fault for other in turn.calls)
        if call.is_page or not alone or turn.kind != "request":
            continue
        if changed := list(otherwise(call, given.by_name[call.tool], _variants(given, call, attempt))):
            mean_otherwise(turns, call, rng.choice(changed))
            return


def _talk(turns: list[Turn], given: PlanInput, attempt: int, rng: Random) -> None:
    """What people say between requests; where many turns are wanted, until there are."""
    kind = given.chain.kind
    many = MANY_TURNS.get(kind, 0)
    calls = [call for turn in turns for call in turn.calls if call.place is not None]
    if kind in (*MANY_TURNS, "simple", "ask_back") and rng.random() < (0.2 if many else 0.08):
        _correct(turns, given, calls, attempt, rng)
    if len(turns) < MIN_USER_TURNS or rng.random() < THANKS:
        turns.append(Turn("thanks"))
    telling = [call for call in calls if parse_tool_name(call.tool).action in ("list", "get", "create")]
    rng.shuffle(telling)
    if kind == "long_context" and (late := _told_long_ago(telling, calls)):
        telling.remove(late)
        talk(turns, "recall", late, rng, after=next(call for call in calls if call.goal == calls[-1].goal))
    if telling and rng.random() < (0.3 if many else 0.1):
        talk(turns, "recall", telling.pop(), rng)
    if rng.random() < (0.25 if many else 0.1):
        talk(turns, "small_talk", None, rng)
    while len(turns) < many:
        if rng.random() < 0.7 and split(turns, rng):
            continue
        if telling and rng.random() < 0.6:
            talk(turns, "recall", telling.pop(), rng)
        elif sum(turn.kind == "small_talk" for turn in turns) < many // 3:
            talk(turns, "small_talk", None, rng)
        elif not split(turns, rng):
            if turns[-1].kind == "thanks":
                break
            turns.append(Turn("thanks"))


def _told_long_ago(telling: Sequence[Call], calls: Sequence[Call]) -> Call | None:
    """A call, rather of the first goal than of another before the last, whose result still holds: nothing of its kind
    was changed, as far as names tell.
    """
    changed = {name.noun for call in calls if (name := parse_tool_name(call.tool)).action in ("update", "delete")}
    early = [call for call in telling if call.goal < calls[-1].goal]
    return min(early, key=lambda call: (parse_tool_name(call.tool).noun in changed, call.goal), default=None)


# ── tools ─────────────────────────────────────────────────────────────────────────────────────


def _distractors(given: PlanInput, selected: Sequence[str], late: Sequence[str], rng: Random) -> tuple[str, ...]:
    """Tools that are on offer and not needed: half of them such as could be taken for the right ones, and none that
    could do what no tool on offer shall be able to do.

    Raises:
        Unplannable: nothing would be on offer.
    """
    wanted = [*late] or [step.tool for step in given.chain.steps if step.tool not in selected]
    actions = {parse_tool_name(name).action for name in wanted}
    others = [
        tool.name
        for tool in given.tools
        if tool.name not in selected and tool.name not in wanted and parse_tool_name(tool.name).action not in actions
    ]
    least = 0 if selected else OFFERED_IN_VAIN
    if given.chain.kind == "long_context" and given.distractor_tools:
        least = OFFERED_IN_LONG
    count = min(len(others), max(given.distractor_tools, least))
    if not count and not set(selected).difference(late):
        raise Unplannable(f"without {' and '.join(wanted)} and its like no tool is on offer")
    nouns = {word for name in (*selected, *wanted) for word in parse_tool_name(name).words}
    near = [name for name in others if nouns & set(parse_tool_name(name).words)]
    chosen = rng.sample(near, min(len(near), (count + 1) // 2))
    far = [name for name in others if name not in chosen]
    return (*chosen, *rng.sample(far, count - len(chosen)))
