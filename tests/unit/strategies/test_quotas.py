"""Exact counts of accepted conversations, from a bounded number of plans."""

import asyncio
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from funcdex_assets.strategies.quotas import fill_quotas


@dataclass(frozen=True)
class Made:
    plan_id: str
    number: int = 0
    failure: Any = None


def cast(number: int, kind: str = "simple", held_out: bool = False) -> Any:
    scenario = SimpleNamespace(held_out=held_out)
    return SimpleNamespace(
        plan=SimpleNamespace(plan_id=f"p{number}", kind=kind), situation=SimpleNamespace(scenario=scenario)
    )


def filled(casts: list[Any], wanted: dict[Any, int], bad: tuple[str, ...] = ()):
    rounds: list[list[str]] = []

    async def make(batch):
        rounds.append([one.plan.plan_id for one in batch])
        return [Made(one.plan.plan_id) for one in batch]

    async def objections(made):
        return [("markup: odd",) if one.plan_id in bad else () for one in made]

    made, tallies = asyncio.run(fill_quotas(casts, wanted, make, objections))  # type: ignore[arg-type]
    return [one.plan_id for one in made], tallies, rounds


PLANS = [cast(number) for number in range(6)]


@pytest.mark.parametrize(
    ("bad", "rounds", "accepted"),
    [
        pytest.param((), [["p0", "p1", "p2"]], 3, id="all good at once"),
        pytest.param(("p1",), [["p0", "p1", "p2"], ["p3"]], 3, id="one of the reserve"),
        pytest.param(("p0", "p1", "p3"), [["p0", "p1", "p2"], ["p3", "p4"], ["p5"]], 3, id="round by round"),
        pytest.param(("p0", "p1", "p2", "p3", "p4"), [["p0", "p1", "p2"], ["p3", "p4", "p5"]], 1, id="used up"),
    ],
)
def test_plans_are_used_as_they_are_needed(bad, rounds, accepted):
    made, tallies, asked = filled(PLANS, {("simple", False): 3}, bad)
    assert asked == rounds
    assert made == sorted(plan for one in rounds for plan in one)
    assert tallies["simple"].accepted == accepted
    assert tallies["simple"].tried == len(made)
    assert tallies["simple"].missing_count == 3 - accepted


def test_what_could_not_be_filled_says_why():
    _, tallies, _ = filled(PLANS, {("simple", False): 3}, ("p0", "p1", "p2", "p3", "p4"))
    assert tallies["simple"].explain_shortfall() == "5 of 6 were rejected (markup 5); raise generation.reserve"
    _, tallies, _ = filled(PLANS[:2], {("simple", False): 3})
    assert tallies["simple"].explain_shortfall().startswith("only 2 plans could be made")
    _, tallies, _ = filled(PLANS, {("simple", False): 3})
    assert tallies["simple"].explain_shortfall() == ""


def test_a_side_without_plans_is_filled_by_the_other():
    made, tallies, _ = filled(PLANS, {("simple", False): 2, ("simple", True): 2})
    assert len(made) == tallies["simple"].accepted == 4


def test_kinds_do_not_fill_one_another():
    casts = [*PLANS, cast(9, "parallel")]
    made, tallies, _ = filled(casts, {("simple", False): 2, ("parallel", False): 3})
    assert (tallies["simple"].accepted, tallies["parallel"].accepted) == (2, 1)
    assert made == ["p0", "p1", "p9"]


def test_a_kind_that_nobody_wants_is_not_played():
    made, _, _ = filled([*PLANS, cast(9, "parallel")], {("simple", False): 1})
    assert made == ["p0"]


def played_again(
    casts: list[Any], wanted: dict[Any, int], good_from: dict[str, int], replays: int, failure: Any = None
):
    """Fills quotas where a plan is accepted from its n-th try on; returns the tallies and who was played when."""
    rounds: list[tuple[int, list[str], list[tuple[str, ...]]]] = []

    async def make(batch):
        rounds.append((0, [one.plan.plan_id for one in batch], []))
        return [Made(one.plan.plan_id, 0, failure) for one in batch]

    async def again(tries, number):
        rounds.append((number, [one.participants.plan.plan_id for one in tries], [one.reasons for one in tries]))
        return [Made(one.participants.plan.plan_id, number) for one in tries]

    async def objections(made):
        return [() if one.number >= good_from.get(one.plan_id, 0) else (f"{one.plan_id}: odd",) for one in made]

    made, tallies = asyncio.run(fill_quotas(casts, wanted, make, objections, again, replays))  # type: ignore[arg-type]
    return made, tallies["simple"], rounds


def test_a_rejected_one_is_played_again_before_another_plan_is_spent():
    made, tally, rounds = played_again(PLANS, {("simple", False): 3}, {"p1": 1}, replays=1)
    assert [(number, plans) for number, plans, _ in rounds] == [(0, ["p0", "p1", "p2"]), (1, ["p1"])]
    assert rounds[1][2] == [("p1: odd",)]  # told what was wrong
    assert [(one.plan_id, one.number) for one in made] == [("p0", 0), ("p1", 1), ("p2", 0)]
    assert (tally.accepted, tally.tried, tally.replayed, tally.rescued) == (3, 3, 1, 1)
    assert dict(tally.first_reasons) == {"p1": 1}
    assert dict(tally.reasons) == {}


def test_it_is_played_again_within_a_bound():
    _, tally, rounds = played_again(PLANS, {("simple", False): 2}, {"p0": 3}, replays=2)
    assert [(number, plans) for number, plans, _ in rounds] == [
        (0, ["p0", "p1"]),
        (1, ["p0"]),
        (2, ["p0"]),
        (0, ["p2"]),
    ]
    assert (tally.accepted, tally.tried, tally.replayed, tally.rescued) == (2, 3, 1, 0)
    assert dict(tally.reasons) == {"p0": 1}


@pytest.mark.parametrize("rule", ["unanswered", "markup"])
def test_what_failed_has_used_up_its_attempts_and_is_not_played_again(rule):
    failure = SimpleNamespace(rule=rule)
    _, _, played = played_again(PLANS[:2], {("simple", False): 1}, {"p0": 9, "p1": 9}, replays=1, failure=failure)
    assert len(played) == 2
