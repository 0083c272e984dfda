"""Makes figures of scores: each metric with its 95 % interval, over all items and by kind, tool, form and source.

Intervals are percentile bootstrap intervals over conversations: the items of a conversation are drawn together, since
they share a user, a matter and often their mistakes. Add here over what figures are made; what is counted belongs to
`metrics.py`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from funcdex_assets.evaluation.metrics import CALIBRATION_ERROR, EXACT_MATCH, RIGHT_ACTION, Count, ItemScore
from funcdex_assets.records.evaluation import FigureGroup, FunctionCallMatch

RESAMPLES = 2_000
"""Repeated runs with other seeds move the ends of an interval by less than .01."""
LOW, HIGH = 0.025, 0.975
BINS = 10
"""Of the calibration error, of equal width; as many as in the original paper's diagrams (Guo et al. 2017)."""
GROUPED_METRICS = (EXACT_MATCH, "name_match", "argument_f1", "string_ratio", RIGHT_ACTION)
ARGUMENT_RIGHT = "argument_right"
"""Of figures by form and source: the share of expected arguments that are right."""


def compute_figures(
    scores: Sequence[ItemScore], model: str, *, seed: int = 0, resamples: int = RESAMPLES
) -> list[FunctionCallMatch]:
    """Computes all figures of a model; those for which there is nothing to count are left out."""
    figures = [
        *_estimate(model, "all", "", [(score.item.conversation_id, score.counts) for score in scores], seed, resamples),
        *_estimate_calibration(model, scores, seed, resamples),
    ]
    by_kind: dict[str, list[ItemScore]] = defaultdict(list)
    by_tool: dict[str, list[ItemScore]] = defaultdict(list)
    for score in scores:
        if score.item.kind:
            by_kind[score.item.kind].append(score)
        for tool in dict.fromkeys(call.name for call in score.item.calls):
            by_tool[tool].append(score)
    groups: tuple[tuple[FigureGroup, Mapping[str, list[ItemScore]]], ...] = (("kind", by_kind), ("tool", by_tool))
    for group, members in groups:
        for member in sorted(members):
            rows = [(score.item.conversation_id, _select(score.counts)) for score in members[member]]
            figures += _estimate(model, group, member, rows, seed, resamples)
    by_argument: dict[tuple[FigureGroup, str], list[tuple[str, Mapping[str, Count]]]] = defaultdict(list)
    for score in scores:
        for argument in score.arguments:
            row = (score.item.conversation_id, {ARGUMENT_RIGHT: (float(argument.is_right), 1.0)})
            by_argument["form", argument.form].append(row)
            by_argument["source", argument.source].append(row)
    for group, member in sorted(by_argument):
        figures += _estimate(model, group, member, by_argument[group, member], seed, resamples)
    return figures


def draw_weights(conversations: int, seed: int, resamples: int = RESAMPLES) -> np.ndarray:
    """Draws bootstrap samples: how often each conversation is in each sample, as (samples, conversations)."""
    drawn = np.random.default_rng(seed).integers(0, conversations, (resamples, conversations))
    offsets = np.arange(resamples)[:, None] * conversations
    counts = np.bincount((drawn + offsets).ravel(), minlength=resamples * conversations)
    return counts.reshape(resamples, conversations).astype(float)


def _select(counts: Mapping[str, Count]) -> dict[str, Count]:
    return {metric: counts[metric] for metric in GROUPED_METRICS if metric in counts}


def _estimate(
    model: str,
    group: FigureGroup,
    member: str,
    rows: Iterable[tuple[str, Mapping[str, Count]]],
    seed: int,
    resamples: int,
) -> list[FunctionCallMatch]:
    """Estimates each metric over rows of (conversation, counts)."""
    sums: dict[str, dict[str, np.ndarray]] = defaultdict(dict)
    items: dict[str, int] = defaultdict(int)
    conversations: dict[str, int] = {}
    for conversation, counts in rows:
        conversations.setdefault(conversation, len(conversations))
        for metric, count in counts.items():
            sums[metric][conversation] = sums[metric].get(conversation, np.zeros(2)) + count
            items[metric] += count[1] > 0
    if not conversations:
        return []
    weights = draw_weights(len(conversations), seed, resamples)
    figures = []
    for metric, by_conversation in sums.items():
        table = np.zeros((len(conversations), 2))
        for conversation, total in by_conversation.items():
            table[conversations[conversation]] = total
        numerator, denominator = table.sum(axis=0)
        if denominator > 0:
            drawn = weights @ table
            low, high = _find_ends(drawn[:, 0], drawn[:, 1])
            figures.append(
                FunctionCallMatch(
                    model=model,
                    metric=metric,
                    group=group,
                    member=member,
                    value=float(numerator / denominator),
                    low=low,
                    high=high,
                    items=int(items[metric]),
                )
            )
    return figures


def _find_ends(numerators: np.ndarray, denominators: np.ndarray) -> tuple[float, float]:
    """Finds the ends of the interval, over the samples in which there is something to count."""
    measured = denominators > 0
    low, high = np.quantile(numerators[measured] / denominators[measured], (LOW, HIGH))
    return float(low), float(high)


def _estimate_calibration(
    model: str, scores: Sequence[ItemScore], seed: int, resamples: int
) -> list[FunctionCallMatch]:
    """Estimates the expected calibration error: by bins of confidence, the mean gap between it and rightness."""
    known = [score for score in scores if score.prediction.confidence is not None]
    if not known:
        return []
    conversations = {name: row for row, name in enumerate(dict.fromkeys(score.item.conversation_id for score in known))}
    gaps, counts = np.zeros((len(conversations), BINS)), np.zeros(len(conversations))
    for score in known:
        confidence = min(max(score.prediction.confidence or 0.0, 0.0), 1.0)
        row = conversations[score.item.conversation_id]
        gaps[row, min(int(confidence * BINS), BINS - 1)] += confidence - score.is_right
        counts[row] += 1
    weights = draw_weights(len(conversations), seed, resamples)
    errors = np.abs(weights @ gaps).sum(axis=1) / (weights @ counts)
    low, high = np.quantile(errors, (LOW, HIGH))
    value = float(np.abs(gaps.sum(axis=0)).sum() / counts.sum())
    return [
        FunctionCallMatch(
            model=model, metric=CALIBRATION_ERROR, value=value, low=float(low), high=float(high), items=len(known)
        )
    ]
