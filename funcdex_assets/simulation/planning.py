"""From a chain to a plan: which calls with which arguments, in which user turns, told or withheld.

The plan is made by the program, so that it is right by construction: every argument has a source, and
every fact that the user must state is known before a word is written. How the user behaves is a role
(`roles/planner.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import msgspec

from funcdex_assets.catalog.json_schema import at_pointer, schema_at
from funcdex_assets.catalog.results import result_schema
from funcdex_assets.language.facts import Unplannable, plan_arguments
from funcdex_assets.language.phrases import is_next_page
from funcdex_assets.language.samples import NoValueError, sample
from funcdex_assets.language.values import Situation
from funcdex_assets.records import (
    Binding,
    Clarity,
    ConversationPlan,
    PlannedArgument,
    PlannedStep,
    PlannedTurn,
    Tool,
    ToolChain,
)
from funcdex_assets.seeds import derive_id, generator
from funcdex_assets.settings import ClarityWeights

ATTEMPTS = 4
_UNBOUND = frozenset("type title description example examples format".split())


@dataclass(frozen=True)
class PlanInput:
    """`tools` are all tools of the partition, from which distractors are drawn."""

    chain: ToolChain
    situation: Situation
    clarity: Clarity
    disposition: str
    tools: Sequence[Tool]
    distractor_tools: int
    seed: int


def draw_clarity(weights: ClarityWeights, scenario_id: str, seed: int) -> Clarity:
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
        Unplannable: a required argument has no value that a person could give.
    """
    scenario, persona = given.situation.scenario, given.situation.persona
    rng = generator("plan", given.seed, scenario.scenario_id, attempt)
    by_name = {tool.name: tool for tool in given.tools}
    arguments: list[tuple[PlannedArgument, ...]] = []
    for index, step in enumerate(given.chain.steps):
        for binding in step.bindings:
            _refuse_unsuited(by_name[given.chain.steps[binding.step].tool], by_name[step.tool], binding)
        facts = generator("facts", given.seed, scenario.scenario_id, attempt, index)
        planned = plan_arguments(by_name[step.tool], step, given.situation, facts)
        if page := [argument for argument in planned if is_next_page(argument)]:  # the same listing, further on
            planned = (*arguments[-1], *page)
        arguments.append(planned)
    turns = _turns(arguments, given.clarity, rng)
    steps = [
        PlannedStep(tool=step.tool, turn=turn, arguments=planned)
        for step, turn, planned in zip(given.chain.steps, turns, arguments, strict=True)
    ]
    selected = tuple(dict.fromkeys(step.tool for step in given.chain.steps))
    others = [tool.name for tool in given.tools if tool.name not in selected]
    return ConversationPlan(
        plan_id=derive_id("plan", given.seed, scenario.scenario_id),
        scenario_id=scenario.scenario_id,
        persona_id=persona.persona_id,
        chain_id=given.chain.chain_id,
        kind=given.chain.kind,
        disposition=given.disposition,
        clarity=given.clarity,
        tools=selected,
        distractors=tuple(rng.sample(others, min(given.distractor_tools, len(others)))),
        steps=tuple(_withhold(steps, given.clarity, rng)),
        turns=tuple(PlannedTurn(kind="request") for _ in range(turns[-1] + 1)),
    )


def offered_tools(plan: ConversationPlan) -> list[str]:
    """The tools that the assistant sees, in an order that does not give the plan away."""
    names = [*plan.tools, *plan.distractors]
    generator("offered", plan.plan_id).shuffle(names)
    return names


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


def _turns(arguments: Sequence[Sequence[PlannedArgument]], clarity: Clarity, rng: Random) -> list[int]:
    """The user turn of each step: a clear user asks for much at once, others little by little."""
    count = len(arguments)
    share = {"excellent": 0.3, "good": 0.6, "average": 0.6}[clarity]
    turn, run, turns = 0, 0, [0]
    for planned in arguments[1:]:
        paging = any(map(is_next_page, planned))
        if paging or run >= 2 or rng.random() < share or (count > 3 and run >= 1 and rng.random() < 0.4):
            turn, run = turn + 1, 0
        else:
            run += 1
        turns.append(turn)
    return turns


def _withhold(steps: Sequence[PlannedStep], clarity: Clarity, rng: Random) -> list[PlannedStep]:
    """Marks facts that the user leaves out until asked."""
    told = [
        index
        for index, step in enumerate(steps)
        if any(argument.source == "user" for argument in step.arguments) and not any(map(is_next_page, step.arguments))
    ]
    if not told or clarity == "excellent" or (clarity == "good" and rng.random() > 0.15):
        return list(steps)
    leaving_out = set(rng.sample(told, min(len(told), 1 if clarity == "good" else rng.choice((1, 1, 2)))))
    return [_leave_out(step, rng) if index in leaving_out else step for index, step in enumerate(steps)]


def _leave_out(step: PlannedStep, rng: Random) -> PlannedStep:
    facts = [index for index, argument in enumerate(step.arguments) if argument.source == "user"]
    out = set(rng.sample(facts, rng.randint(1, min(2, len(facts)))))
    return msgspec.structs.replace(
        step,
        arguments=tuple(
            msgspec.structs.replace(argument, withheld=True) if index in out else argument
            for index, argument in enumerate(step.arguments)
        ),
    )
