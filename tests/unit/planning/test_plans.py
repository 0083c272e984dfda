"""Plans: who says what, when, and what is left out until the assistant asks."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest
from offline import MAX_CALLS, MIN_CALLS, PARTITIONS, Cast, casts

from funcdex_assets.language.spoken_values import find_first_form
from funcdex_assets.planning.arguments import UnplannableCallError
from funcdex_assets.planning.plans import build_plan, build_plans, draw_clarity, list_absent_tools, list_offered_tools
from funcdex_assets.records.chain_patterns import EDGELESS_PATTERNS
from funcdex_assets.records.labels import Clarity, Fault
from funcdex_assets.records.plan import ConversationPlan, PlannedArgument
from funcdex_assets.records.tool import ChainStep, Tool, ToolChain
from funcdex_assets.schema.references import is_required_at
from funcdex_assets.semantics.field_roles import is_page_token
from funcdex_assets.semantics.tool_names import parse_tool_name
from funcdex_assets.settings.generation import ClarityWeights
from funcdex_assets.strategies.turn_loop import TURN_KINDS_WITH_CALLS

CASTS = tuple(cast for partition in PARTITIONS for cast in casts(partition, 12))
MORE_CASTS = tuple(cast for partition in ("gmail", "jira", "stripe") for cast in casts(partition, 60))
BOUND = frozenset(("remedy", "dropped"))
LEVELS: tuple[Clarity, ...] = ("excellent", "good", "average")
EVERY_PLAN = [pytest.param(clarity, id=f"{clarity} clarity") for clarity in LEVELS]


def plan_of(cast: Cast, clarity: Clarity) -> ConversationPlan:
    return build_plan(replace(cast.given, clarity=clarity))


def facts(plan: ConversationPlan) -> list[PlannedArgument]:
    return [argument for step in plan.steps for argument in step.arguments if argument.source == "user"]


def withheld(plan: ConversationPlan) -> list[PlannedArgument]:
    return [argument for argument in facts(plan) if argument.withheld]


def pages(plan: ConversationPlan) -> list[int]:
    """Indices of the steps that ask for a further page."""
    return [
        index
        for index, step in enumerate(plan.steps)
        if any(argument.source == "result" and is_page_token(argument.argument[1:]) for argument in step.arguments)
    ]


def put_in(plan: ConversationPlan) -> set[int]:
    """Steps beyond the chain: those that go wrong, and those that were meant otherwise."""
    meant_otherwise = {turn.step for turn in plan.turns if turn.kind == "correction" and turn.step is not None}
    return {index for index, step in enumerate(plan.steps) if step.fault} | meant_otherwise


@pytest.mark.parametrize("clarity", EVERY_PLAN)
def test_a_plan_has_the_steps_of_its_chain(clarity):
    """And calls that go wrong, or are meant otherwise; what is given up is the last of the chain."""
    extra = 0
    for cast in CASTS:
        plan = plan_of(cast, clarity)
        extra += len(put_in(plan))
        chain = [step.tool for step in cast.chain.steps]
        if cast.chain.kind == "no_suitable_tool":
            assert plan.steps == ()
            assert [turn.wanted.tool for turn in plan.turns if turn.wanted] == chain
            continue
        kept = [step.tool for index, step in enumerate(plan.steps) if index not in put_in(plan)]
        assert MIN_CALLS <= len(plan.steps) <= MAX_CALLS + 2 or len(chain) == 1
        if any(turn.kind == "dropped" for turn in plan.turns):
            assert plan.steps[-1].fault
            assert plan.steps[-1].tool == chain.pop()
        # A call that is made again comes after those beside it, and one that lacks a fact after those that do not.
        if any(step.together for step in plan.steps) or withheld(plan):
            assert sorted(kept) == sorted(chain)
        else:
            assert kept == chain
    assert extra > len(CASTS) / 10


@pytest.mark.parametrize("clarity", EVERY_PLAN)
def test_steps_are_made_in_turns_that_ask_for_them(clarity):
    for cast in CASTS:
        plan = plan_of(cast, clarity)
        turns = [step.turn for step in plan.steps]
        assert turns == sorted(turns)
        assert set(turns) == {index for index, turn in enumerate(plan.turns) if turn.kind in TURN_KINDS_WITH_CALLS}
        assert plan.turns[0].kind == ("unsuitable" if 0 not in turns else "request")
        at_once = Counter(step.turn for step in plan.steps if not step.together and not step.fault)
        assert max(at_once.values(), default=0) <= 3
        assert all(not step.together or step.turn == before.turn for before, step in pairwise(plan.steps))


@pytest.mark.parametrize("clarity", EVERY_PLAN)
def test_what_goes_wrong_is_made_again_or_given_up(clarity):
    """In the same turn, in a turn that makes it good, or never."""
    seen = Counter()
    for cast in CASTS:
        plan = plan_of(cast, clarity)
        after = {turn.step: (index, turn.kind) for index, turn in enumerate(plan.turns) if turn.kind in BOUND}
        for index, step in enumerate(plan.steps):
            if not step.fault:
                continue
            again = [
                later
                for later in plan.steps[index + 1 :]
                if later.tool == (step.another or step.tool) and not later.together and not later.fault
            ]
            turn, kind = after.get(index, (step.turn, "another" if step.another else "retry"))
            seen[kind] += 1
            if kind == "dropped":
                assert (again, turn) == ([], step.turn + 1)
                continue
            assert again[0].turn == turn == step.turn + (kind == "remedy")
            if kind == "another":  # see test_another.py
                continue
            assert not any(argument.withheld for argument in again[0].arguments)
            if kind == "retry":
                assert step.fault == "timeout"
                assert [one.value for one in again[0].arguments] == [one.value for one in step.arguments]
    assert {"retry", "another", "remedy"} <= set(seen) <= {"retry", "another", "remedy", "dropped"}


def test_a_correction_makes_the_same_call_with_one_other_value():
    seen = 0
    for cast in MORE_CASTS:
        plan = cast.plan
        for number, turn in enumerate(plan.turns):
            if turn.kind != "correction":
                continue
            assert turn.step is not None
            first, then = plan.steps[turn.step : turn.step + 2]
            assert (first.tool, first.turn, then.turn) == (then.tool, number - 1, number)
            assert first.fault is then.fault is None
            pairs = zip(first.arguments, then.arguments, strict=True)
            assert len([one for one, other in pairs if one.value != other.value]) == 1
            seen += 1
    assert seen > 3


def test_a_call_that_is_made_again_at_once_is_made_with_the_same_arguments_and_not_corrected():
    seen = 0
    for cast in MORE_CASTS:
        if cast.chain.kind == "multi_step":
            faults: dict[Fault, float] = {"rate_limit": 1.0, "timeout": 3.0}
            plan = build_plan(replace(cast.given, fault_share=1.0, fault_weights=faults))
            for failing, again in pairwise(plan.steps):
                if failing.fault and failing.tool == again.tool and failing.turn == again.turn and not again.together:
                    assert [one.value for one in again.arguments] == [one.value for one in failing.arguments]
                    assert not any(
                        turn.step == plan.steps.index(again) and turn.kind == "correction" for turn in plan.turns
                    )
                    seen += 1
    assert seen > 10


def test_multi_step_has_six_turns_or_more():
    plans = [
        cast.plan for partition in PARTITIONS for cast in casts(partition, 30, 7) if cast.chain.kind == "multi_step"
    ]
    assert len(plans) > 50
    assert min(len(plan.turns) for plan in plans) >= 6


def test_clear_users_ask_for_more_at_once():
    """Where many turns are wanted, everybody asks little by little."""
    steps_per_turn = {}
    for clarity in LEVELS:
        plans = [plan_of(cast, clarity) for cast in CASTS if cast.chain.kind in ("simple", "missing_function")]
        made = [step.turn for plan in plans for step in plan.steps]
        steps_per_turn[clarity] = len(made) / sum(len({step.turn for step in plan.steps}) for plan in plans)
    assert steps_per_turn["excellent"] > steps_per_turn["average"] + 0.1


def test_an_excellent_user_withholds_nothing_unless_that_is_what_shall_be_shown():
    for cast in CASTS:
        assert bool(withheld(plan_of(cast, "excellent"))) == (cast.chain.kind == "ask_back"), cast.chain


def test_a_good_user_seldom_withholds():
    leaving_out = sum(bool(withheld(plan_of(cast, "good"))) for cast in CASTS)
    assert 0 < leaving_out < 0.3 * len(CASTS)


def test_an_average_user_withholds_at_least_one_fact_where_the_call_needs_one():
    some = 0
    for cast in CASTS:
        plan = plan_of(cast, "average")
        needed = [
            argument
            for index, step in enumerate(plan.steps)
            if index not in pages(plan) and step.tool not in plan.late_tools
            for argument in step.arguments
            if argument.source == "user"
            and is_required_at(cast.tools[step.tool].parameters, argument.argument)
            and not any(  # said anyway, with another fact
                other is not argument and find_first_form(other.surface, [argument.surface])
                for beside in plan.steps
                if beside.turn == step.turn
                for other in beside.arguments
                if other.source == "user"
            )
        ]
        assert needed or not withheld(plan), plan
        if plan.kind != "parallel" and not any(step.fault for step in plan.steps):
            assert withheld(plan) or not needed, plan
        assert all(argument in needed for argument in withheld(plan))
        some += bool(needed)
    assert some > len(CASTS) / 2


def test_only_facts_of_the_user_are_withheld():
    for cast in CASTS:
        for step in plan_of(cast, "average").steps:
            assert {argument.source for argument in step.arguments if argument.withheld} <= {"user"}


@pytest.mark.parametrize("clarity", EVERY_PLAN)
def test_sources_are_possible(clarity):
    for cast in CASTS:
        plan = plan_of(cast, clarity)
        assert all(argument.surface for argument in facts(plan))
        for index, step in enumerate(plan.steps):
            taken = [argument.step for argument in step.arguments if argument.source == "result"]
            assert all(one is not None and one < index and one not in put_in(plan) for one in taken)
            if cast.chain.pattern in EDGELESS_PATTERNS:
                assert not taken
            elif cast.chain.pattern not in ("join", "fan_out"):  # there, a further goal begins anew
                assert taken or put_in(plan) >= set(range(index))


def test_a_further_page_is_the_first_thing_of_a_later_turn_and_has_the_arguments_of_the_page_before():
    seen = 0
    for cast in CASTS:
        plan = plan_of(cast, "excellent")
        for index in pages(plan):
            before, page = plan.steps[index - 1 : index + 1]
            assert before.tool == page.tool
            assert page.turn > before.turn
            same = [(one.argument, one.value, one.step, one.result) for one in page.arguments]
            assert same[:-1] == [(one.argument, one.value, one.step, one.result) for one in before.arguments]
            assert page.arguments[-1].step == index - 1
            seen += 1
    assert seen > 3


def test_distractors_are_other_tools_of_the_partition_and_do_not_give_themselves_away():
    """None of them could do what is asked for in vain, and then there are four."""
    last_is_distractor = offering = 0
    for cast in CASTS:
        plan = cast.plan
        assert set(plan.tools) == {step.tool for step in plan.steps}
        assert set(plan.distractors).isdisjoint(plan.tools)
        in_vain = {turn.wanted.tool for turn in plan.turns if turn.wanted}
        assert in_vain == set(list_absent_tools(plan))
        actions = {parse_tool_name(name).action for name in in_vain}
        unlike = [name for name in cast.tools if parse_tool_name(name).action not in actions]
        possible = set(unlike) - {*plan.tools, *in_vain}
        assert set(plan.distractors) <= possible
        assert len(set(plan.distractors)) == len(plan.distractors) == min(3 if plan.tools else 4, len(possible))
        offered = list_offered_tools(plan)
        assert sorted(offered) == sorted({*plan.tools, *plan.distractors} - set(plan.late_tools))
        assert offered == list_offered_tools(plan)
        if set(plan.tools) - set(plan.late_tools):
            last_is_distractor += offered[-1] in plan.distractors
            offering += 1
    assert 0.2 < last_is_distractor / offering < 0.8


def test_a_late_tool_is_asked_for_in_vain_first_and_called_last():
    seen = 0
    for cast in CASTS:
        plan = cast.plan
        assert bool(plan.late_tools) == (plan.kind == "missing_function")
        for name in plan.late_tools:
            kinds = [turn.kind for turn in plan.turns]
            vain, unlocked = kinds.index("unsuitable"), kinds.index("unlocked")
            assert unlocked == vain + 1
            assert [step.turn for step in plan.steps if step.tool == name] == [unlocked]
            wanted = plan.turns[vain].wanted
            assert wanted is not None
            assert (wanted.tool, wanted.arguments) == (plan.steps[-1].tool, plan.steps[-1].arguments)
            seen += 1
    assert seen >= len(PARTITIONS) - 1


def test_a_plan_follows_from_its_seed():
    for cast in CASTS[::16]:
        assert build_plan(cast.given) == build_plan(cast.given)
    differing = sum(build_plan(cast.given) != build_plan(replace(cast.given, seed=43)) for cast in CASTS[::16])
    assert differing == len(CASTS[::16])


def test_clarity_is_drawn_by_weight():
    def drawn(**weights: float) -> Counter[str]:
        return Counter(draw_clarity(ClarityWeights(**weights), f"scenario_{index}", 42) for index in range(600))

    assert set(drawn(excellent=0, good=0, average=1)) == {"average"}
    assert drawn(excellent=2, good=1, average=0)["average"] == 0
    assert 1.5 < drawn(excellent=2, good=1, average=0)["excellent"] / 200 < 2.5
    assert draw_clarity(ClarityWeights(), "scenario_1", 1) == draw_clarity(ClarityWeights(), "scenario_1", 1)


UNSAYABLE = Tool(
    toolkit="t",
    name="OPEN_VAULT",
    description="Opens it.",
    parameters={"type": "object", "properties": {"vault_id": {"type": "string"}}, "required": ["vault_id"]},
    returns=None,
    source="test",
)


def test_what_cannot_be_planned_is_left_out_with_its_reason():
    good = CASTS[0]
    chain = ToolChain(
        chain_id="chain_x",
        kind="multi_step",
        pattern="sequential",
        toolkits=("t",),
        steps=(ChainStep(tool="OPEN_VAULT", bindings=()),),
        held_out=False,
    )
    bad = replace(good.given, chain=chain, tools=(UNSAYABLE,))
    with pytest.raises(UnplannableCallError, match="OPEN_VAULT/vault_id"):
        build_plan(bad)
    plans, failures = build_plans([bad, good.given, bad])
    assert [plan.plan_id for plan in plans] == [good.plan.plan_id]
    assert [failure.subject for failure in failures] == [good.plan.scenario_id] * 2
    assert {failure.reason for failure in failures} == {
        "OPEN_VAULT/vault_id: only an earlier result could give this id"
    }
