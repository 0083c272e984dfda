"""Compares two models over the same items: differences with paired bootstrap intervals and p-values.

The conversations of a sample are the same for both models, so that what is hard for both cancels out (Koehn 2004,
"Statistical significance tests for machine translation evaluation"; here over conversations in place of sentences).

Add here how two models are compared; one model's figures belong to `figures.py`.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from funcdex_assets.evaluation.figures import HIGH, LOW, draw_weights
from funcdex_assets.evaluation.metrics import EXACT_MATCH, RIGHT_ACTION, ItemScore
from funcdex_assets.records.errors import UserError
from funcdex_assets.records.record import Record

COMPARED_METRICS = (EXACT_MATCH, RIGHT_ACTION, "name_match", "argument_f1", "string_ratio")
SIGNIFICANT = 0.05
PAIRED_RESAMPLES = 4_000
"""A p-value of .05 is then known to about ±.007."""


class DifferentItemsError(UserError):
    """Raised where two models were asked different items."""


class Comparison(Record, frozen=True, kw_only=True):
    """One metric of two models over the same items: `difference` is second minus first, with its 95 % interval.

    `p_value` is two-sided: twice the share of samples on the rarer side of zero, at most 1.
    """

    metric: str
    first: str
    second: str
    first_value: float
    second_value: float
    difference: float
    low: float
    high: float
    p_value: float
    items: int

    @property
    def is_significant(self) -> bool:
        return self.p_value < SIGNIFICANT

    @property
    def is_worse(self) -> bool:
        """True if the second model is significantly worse."""
        return self.is_significant and self.difference < 0


def compare_models(
    first: Sequence[ItemScore],
    second: Sequence[ItemScore],
    names: tuple[str, str],
    *,
    metrics: Iterable[str] = COMPARED_METRICS,
    seed: int = 0,
    resamples: int = PAIRED_RESAMPLES,
) -> list[Comparison]:
    """Compares two models over the items that both were asked; metrics without anything to count are left out.

    Raises:
        DifferentItemsError: they have no item in common.
    """
    seconds = {score.item.item_id: score for score in second}
    pairs = [(score, seconds[score.item.item_id]) for score in first if is_same_item(score, seconds)]
    if not pairs:
        raise DifferentItemsError(
            f"{names[0]} and {names[1]} were asked different items; ask both the same rows before comparing them"
        )
    conversations = {name: row for row, name in enumerate(dict.fromkeys(one.item.conversation_id for one, _ in pairs))}
    weights = draw_weights(len(conversations), seed, resamples)
    comparisons = []
    for metric in metrics:
        tables = np.zeros((2, len(conversations), 2))
        for pair in pairs:
            row = conversations[pair[0].item.conversation_id]
            for side, score in enumerate(pair):
                tables[side, row] += score.counts.get(metric, (0.0, 0.0))
        totals = tables.sum(axis=1)
        if not (totals[:, 1] > 0).all():
            continue
        drawn = weights @ tables
        measured = (drawn[..., 1] > 0).all(axis=0)
        shares = drawn[:, measured, 0] / drawn[:, measured, 1]
        differences = shares[1] - shares[0]
        low, high = np.quantile(differences, (LOW, HIGH))
        values = totals[:, 0] / totals[:, 1]
        comparisons.append(
            Comparison(
                metric=metric,
                first=names[0],
                second=names[1],
                first_value=float(values[0]),
                second_value=float(values[1]),
                difference=float(values[1] - values[0]),
                low=float(low),
                high=float(high),
                p_value=compute_p_value(differences),
                items=len(pairs),
            )
        )
    return comparisons


def is_same_item(score: ItemScore, others: dict[str, ItemScore]) -> bool:
    """Returns True if the item is among the others' with the same messages and calls."""
    other = others.get(score.item.item_id)
    return other is not None and (score.item.messages, score.item.calls) == (other.item.messages, other.item.calls)


def compute_p_value(differences: np.ndarray) -> float:
    """Computes the two-sided p-value of bootstrap differences; one is added to each count, so that it is never 0.

    >>> compute_p_value(np.array([0.1] * 99))
    0.02
    >>> compute_p_value(np.zeros(99))
    1.0
    """
    rarer = min(int((differences <= 0).sum()), int((differences >= 0).sum()))
    return min(1.0, 2 * (rarer + 1) / (len(differences) + 1))
