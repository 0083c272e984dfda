"""Two models over the same items: differences, intervals, p-values."""

import random

import numpy as np
import pytest
from evaluation_cases import answer, call, item

from funcdex_assets.evaluation.comparing import DifferentItemsError, compare_models
from funcdex_assets.evaluation.metrics import score_items


def scores(shares, seed, conversations=40):
    """Models that are right with a probability each, on items that are as hard for one as for the other."""
    rng = random.Random(seed)
    asked = [
        item(call("light", on=True), number=number, conversation=f"c{number // 3}")
        for number in range(3 * conversations)
    ]
    luck = [rng.random() for _ in asked]
    return [
        score_items(
            asked, [answer(one, call("light", on=drawn < share)) for one, drawn in zip(asked, luck, strict=True)]
        )
        for share in shares
    ]


def compare(first, second, metric="exact_match"):
    (comparison,) = compare_models(first, second, ("old", "new"), metrics=[metric])
    return comparison


def test_a_clear_loss_is_significant_and_its_interval_lies_below_zero():
    comparison = compare(*scores((0.8, 0.5), seed=1))
    assert comparison.is_worse
    assert comparison.p_value < 0.01
    assert comparison.low < comparison.difference < comparison.high < 0
    assert comparison.difference == pytest.approx(comparison.second_value - comparison.first_value)
    assert comparison.items == 120


def test_a_gain_is_no_loss():
    comparison = compare(*scores((0.5, 0.8), seed=1))
    assert comparison.is_significant
    assert not comparison.is_worse


def test_equal_answers_differ_by_nothing():
    first, _ = scores((0.5, 0.5), seed=2)
    comparison = compare(first, first)
    assert (comparison.difference, comparison.low, comparison.high, comparison.p_value) == (0, 0, 0, 1)


def test_paired_samples_are_those_of_the_differences_by_conversation():
    first, second = scores((0.7, 0.65), seed=3)
    sums = {}
    for one, other in zip(first, second, strict=True):
        row = sums.setdefault(one.item.conversation_id, [0, 0])
        row[0] += other.is_right - one.is_right
        row[1] += 1
    table = np.array(list(sums.values()), dtype=float)
    drawn = table[np.random.default_rng(0).integers(0, len(table), (4000, len(table)))].sum(axis=1)
    differences = drawn[:, 0] / drawn[:, 1]
    comparison = compare(first, second)
    assert (comparison.low, comparison.high) == pytest.approx(tuple(np.quantile(differences, (0.025, 0.975))))
    rarer = min((differences <= 0).sum(), (differences >= 0).sum())
    assert comparison.p_value == pytest.approx(min(1, 2 * (rarer + 1) / 4001))


def test_only_items_in_common_count_and_changed_ones_are_not_in_common():
    (first,) = scores((0.5,), seed=4)
    assert compare(first[:60], first[30:]).items == 30
    changed = [item(call("light", on=True), number=0, conversation="c0", said="Else.")]
    with pytest.raises(DifferentItemsError, match="old and new were asked different items"):
        compare(first, score_items(changed, [answer(changed[0], text="No.")]))
