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
