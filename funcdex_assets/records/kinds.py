"""Defines the mix of a dataset: the kinds of conversations, the chains each is made of, and how many are made of each.

    multi_step        a long goal, each call living on earlier ones; six user turns or more
    long_context      several goals one after the other; late in it something from its beginning is needed
    simple            one call, or a few errands
    parallel          calls that are made at once
    no_suitable_tool  something is asked for that no tool on offer can do: nothing is called
    ask_back          the user leaves out what is needed, and is asked for it
    missing_function  the tool that is needed comes only later in the conversation
    error_recovery    a call goes wrong, and is made good or honestly reported
    command           short requests to plain tools, which are called and done; of partitions with such tools
    single_turn       one request and its call or calls, a question for what is missing, or a decline

A cell is a kind on one side of the split. Belongs here: the counts. Planning and playing a kind belong to `planning/`
and `strategies/`.

>>> apportion_by_weight(10, {"a": 2, "b": 1})
{'a': 7, 'b': 3}
"""

from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar, get_args

from funcdex_assets.records.chain_patterns import LINKED, SEVERAL_GOALS
from funcdex_assets.records.labels import Kind

KINDS: tuple[Kind, ...] = get_args(Kind)
SERVICE_KINDS: tuple[Kind, ...] = tuple(kind for kind in KINDS if kind not in ("command", "single_turn"))
"""The kinds for tools whose results are known, which later calls live on."""
DEFAULT_WEIGHTS: dict[Kind, float] = {
    "multi_step": 33,
    "long_context": 2,
    "simple": 20,
    "parallel": 15,
    "no_suitable_tool": 12,
    "ask_back": 4,
    "missing_function": 4,
    "error_recovery": 10,
    "command": 100,
    "single_turn": 0,
}
Name = TypeVar("Name", bound=Hashable)


@dataclass(frozen=True)
class ChainShape:
    """The chains that a kind is made of: their patterns with weights, and their least and greatest number of steps,
    within the settings' bounds. Of `LINKED` chains, the settings' weights decide between the linked patterns. Where
    a chain serves several goals (at least and at most `goal_range`), the numbers of steps are those of one goal.
    """

    patterns: Mapping[str, float]
    min_steps: int = 1
    max_steps: int = 100
    goal_range: tuple[int, int] = (1, 1)


CHAIN_SHAPES: Mapping[Kind, ChainShape] = {
    "multi_step": ChainShape({LINKED: 1}, min_steps=3),
    "long_context": ChainShape({SEVERAL_GOALS: 1}, min_steps=4, goal_range=(2, 3)),
    "simple": ChainShape({"single_call": 1, "independent": 1}, max_steps=3),
    "parallel": ChainShape({"parallel": 1, "fan_out": 1}, max_steps=4),
    "no_suitable_tool": ChainShape({"single_call": 1, "independent": 1}, max_steps=2),
    "ask_back": ChainShape({LINKED: 1, "single_call": 1}, max_steps=3),
    "missing_function": ChainShape({LINKED: 2, "independent": 1, "single_call": 1}, max_steps=4),
    "error_recovery": ChainShape({LINKED: 2, "single_call": 2, "parallel": 1, "fan_out": 1}, max_steps=4),
    "command": ChainShape({"single_call": 1, "independent": 3}, max_steps=4),
    "single_turn": ChainShape({"single_call": 9, "parallel": 1}, max_steps=2),
}


def apportion_by_weight(total: int, weights: Mapping[Name, float]) -> dict[Name, int]:
    """Splits `total` by weight into whole numbers, by the method of largest remainders; of equal remainders the first
    name comes first.
    """
    weight_sum = sum(weights.values())
    if weight_sum <= 0:
        return dict.fromkeys(weights, 0)
    exact = {name: total * weight / weight_sum for name, weight in weights.items()}
    counts = {name: int(share) for name, share in exact.items()}
    by_remainder = sorted(counts, key=lambda name: counts[name] - exact[name])
    for name in by_remainder[: total - sum(counts.values())]:
        counts[name] += 1
    return counts


def count_conversations_per_cell(
    total: int, held_out: int, weights: Mapping[Kind, float], possible: Collection[Kind]
) -> dict[tuple[Kind, bool], int]:
    """Counts the conversations to make of each kind on each side of the split (True: held out for the test split).

    A kind that the tools do not permit leaves its share to the others.
    """
    weight_by_kind: dict[Kind, float] = {
        kind: weights[kind] for kind in KINDS if kind in possible and weights.get(kind)
    }
    count_by_kind = apportion_by_weight(total, weight_by_kind)
    held_out_by_kind = apportion_by_weight(held_out, count_by_kind)
    counts: dict[tuple[Kind, bool], int] = {}
    for kind, count in count_by_kind.items():
        counts[kind, False], counts[kind, True] = count - held_out_by_kind[kind], held_out_by_kind[kind]
    return counts
