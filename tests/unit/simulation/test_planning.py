"""Plans: who says what, when, and what is left out until the assistant asks."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest
from offline import MAX_CALLS, MIN_CALLS, PARTITIONS, Cast, casts

from funcdex_assets.catalog.names import is_page_token
from funcdex_assets.language.facts import Unplannable
from funcdex_assets.records import ChainStep, Clarity, ConversationPlan, PlannedArgument, Tool, ToolChain
from funcdex_assets.settings import ClarityWeights
from funcdex_assets.simulation.planning import draw_clarity, make_plan, make_plans, offered_tools

CASTS = tuple(cast for partition in PARTITIONS for cast in casts(partition, 12))
LEVELS: tuple[Clarity, ...] = ("excellent", "good", "average")
EVERY_PLAN = [pytest.param(clarity, id=f"{clarity} clarity") for clarity in LEVELS]


def plan_of(cast: Cast, clarity: Clarity) -> ConversationPlan:
    return make_plan(replace(cast.given, clarity=clarity))


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


@pytest.mark.parametrize("clarity", EVERY_PLAN)
def test_a_plan_has_the_steps_of_its_chain_in_turns_that_count_from_zero(clarity):
    for cast in CASTS:
        plan = plan_of(cast, clarity)
        assert [step.tool for step in plan.steps] == [step.tool for step in cast.chain.steps]
        assert MIN_CALLS <= len(plan.steps) <= MAX_CALLS
        turns = [step.turn for step in plan.steps]
        assert turns[0] == 0
        assert {later - earlier for earlier, later in pairwise(turns)} <= {0, 1}
        assert max(Counter(turns).values()) <= 3


def test_clear_users_ask_for_more_at_once():
    steps_per_turn = {}
    for clarity in LEVELS:
        plans = [plan_of(cast, clarity) for cast in CASTS]
        steps_per_turn[clarity] = sum(len(plan.steps) for plan in plans) / sum(
            plan.steps[-1].turn + 1 for plan in plans
        )
    assert steps_per_turn["excellent"] > steps_per_turn["average"] + 0.2


def test_an_excellent_user_withholds_nothing():
    assert [withheld(plan_of(cast, "excellent")) for cast in CASTS] == [[]] * len(CASTS)


def test_a_good_user_seldom_withholds():
    leaving_out = sum(bool(withheld(plan_of(cast, "good"))) for cast in CASTS)
    assert 0 < leaving_out < 0.3 * len(CASTS)


def test_an_average_user_withholds_at_least_one_fact_where_there_is_one():
    some = 0
    for cast in CASTS:
        plan = plan_of(cast, "average")
        tellable = [
            argument
            for index, step in enumerate(plan.steps)
            if index not in pages(plan)
            for argument in step.arguments
            if argument.source == "user"
        ]
        assert bool(withheld(plan)) == bool(tellable)
        some += bool(tellable)
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
            assert all(one is not None and one < index for one in taken)
            used_later = [argument.step for later in plan.steps[index + 1 :] for argument in later.arguments]
            assert taken or index == 0 or index in used_later


def test_a_further_page_is_asked_for_in_its_own_turn_with_the_arguments_of_the_page_before():
    seen = 0
    for cast in CASTS:
        plan = plan_of(cast, "excellent")
        for index in pages(plan):
            before, page = plan.steps[index - 1 : index + 1]
            assert before.tool == page.tool
            assert page.turn == before.turn + 1
            assert page.arguments[: len(before.arguments)] == before.arguments
            seen += 1
    assert seen > 3


def test_distractors_are_other_tools_of_the_partition_and_do_not_give_themselves_away():
    last_is_distractor = 0
    for cast in CASTS:
        plan = cast.plan
        assert set(plan.tools) == {step.tool for step in plan.steps}
        assert set(plan.distractors).isdisjoint(plan.tools)
        assert len(set(plan.distractors)) == len(plan.distractors) == min(3, len(cast.tools) - len(plan.tools))
        offered = offered_tools(plan)
        assert sorted(offered) == sorted((*plan.tools, *plan.distractors))
        assert offered == offered_tools(plan)
        last_is_distractor += offered[-1] in plan.distractors
    assert 0.2 < last_is_distractor / len(CASTS) < 0.8


def test_a_plan_follows_from_its_seed():
    for cast in CASTS[::16]:
        assert make_plan(cast.given) == make_plan(cast.given)
    differing = sum(make_plan(cast.given) != make_plan(replace(cast.given, seed=43)) for cast in CASTS[::16])
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
    with pytest.raises(Unplannable, match="OPEN_VAULT/vault_id"):
        make_plan(bad)
    plans, reasons = make_plans([bad, good.given, bad])
    assert [plan.plan_id for plan in plans] == [good.plan.plan_id]
    assert reasons == ["OPEN_VAULT/vault_id: only an earlier result could give this id"] * 2
