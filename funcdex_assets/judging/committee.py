"""Agreement between judges, computed from the verdict of each of them, and of each judge with itself in another order.

Belongs here: comparing the scores and the rejections of different judges on the same conversations, members of a
committee and the heuristic beside models. Not here: combining several verdicts into one, which `roles/judge.py` does.

>>> verdicts = [MemberVerdict(judge=judge, naturalness=score) for judge, score in (("a", 5), ("b", 3))]
>>> scored = ScoredConversation("c", "a", 5, 5, 3, 5, "", (), members=tuple(verdicts))
>>> [(pair.judges, pair.scale, pair.mean_difference) for pair in compare_judges([scored])]
[(('a', 'b'), 'naturalness', 2.0)]
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean, pstdev

import polars as pl

from funcdex_assets.records.verdict import SCALES, MemberVerdict, ScoredConversation

HEURISTIC = "heuristic"
"""The name of the heuristic where it is computed beside models and takes no part in the verdict."""


@dataclass(frozen=True)
class JudgeAgreement:
    """Agreement of two judges on one scale, over the conversations to which both gave a score.

    `mean_difference` is the mean absolute difference, `equal_scores` the number of conversations with the same score,
    `rank_correlation` Spearman's rho: None if one of the judges gives the same score to all.
    """

    judges: tuple[str, str]
    scale: str
    conversations: int
    mean_difference: float
    equal_scores: int
    rank_correlation: float | None


@dataclass(frozen=True)
class RejectionAgreement:
    """Agreement of two judges on what they would reject, over the conversations of which both gave a verdict.

    `kappa` is Cohen's: the agreement beyond chance, 1 if complete, 0 if none; None if chance alone agrees on all, as
    where neither rejects any.
    """

    judges: tuple[str, str]
    conversations: int
    both_reject: int
    only_first_rejects: int
    only_second_rejects: int
    kappa: float | None


def list_judges(scored: Sequence[ScoredConversation]) -> list[str]:
    """Names of the judges in the order of the settings, last the heuristic that was computed beside them; empty if the
    heuristic alone judges.
    """
    names = dict.fromkeys(member.judge for conversation in scored for member in conversation.members)
    if any(conversation.heuristic for conversation in scored):
        names[HEURISTIC] = None
    return list(names)


def select_verdicts(judge: str, scored: Sequence[ScoredConversation]) -> list[MemberVerdict]:
    """Returns the judge's verdict on each conversation shown to it, including those in which it gave no score but a
    reason.
    """
    return [verdicts[judge] for verdicts in map(_map_verdicts, scored) if judge in verdicts]


def _map_verdicts(conversation: ScoredConversation) -> Mapping[str, MemberVerdict]:
    """Maps the name of each judge of a conversation to its verdict."""
    beside = (conversation.heuristic,) if conversation.heuristic else ()
    return {verdict.judge: verdict for verdict in (*conversation.members, *beside)}


def collect_scores(verdicts: Sequence[MemberVerdict], scale: str) -> list[int]:
    """Returns the scores on one scale, without the verdicts that have none."""
    return [score for verdict in verdicts if (score := getattr(verdict, scale)) is not None]


def compare_judges(scored: Sequence[ScoredConversation]) -> Iterator[JudgeAgreement]:
    """Compares each two judges on each scale for which they have at least one conversation in common."""
    for first, second, verdict_pairs in _pair_verdicts(scored):
        for scale in SCALES:
            score_pairs = [
                (first_score, second_score)
                for first_verdict, second_verdict in verdict_pairs
                if (first_score := getattr(first_verdict, scale)) is not None
                and (second_score := getattr(second_verdict, scale)) is not None
            ]
            if score_pairs:
                differences = [abs(first_score - second_score) for first_score, second_score in score_pairs]
                yield JudgeAgreement(
                    (first, second),
                    scale,
                    len(score_pairs),
                    fmean(differences),
                    differences.count(0),
                    _compute_rank_correlation(score_pairs),
                )


def compare_rejections(scored: Sequence[ScoredConversation]) -> Iterator[RejectionAgreement]:
    """Compares each two judges on what they would reject."""
    for first, second, verdict_pairs in _pair_verdicts(scored):
        pairs = [
            (first_verdict.rejects, second_verdict.rejects)
            for first_verdict, second_verdict in verdict_pairs
            if first_verdict.rejects is not None and second_verdict.rejects is not None
        ]
        if pairs:
            both, first_only, second_only = (
                pairs.count(outcome) for outcome in ((True, True), (True, False), (False, True))
            )
            yield RejectionAgreement((first, second), len(pairs), both, first_only, second_only, _compute_kappa(pairs))


def _pair_verdicts(
    scored: Sequence[ScoredConversation],
) -> Iterator[tuple[str, str, list[tuple[MemberVerdict, MemberVerdict]]]]:
    """Yields each two judges with their verdicts on the conversations that both were shown."""
    verdicts_by_judge = [_map_verdicts(conversation) for conversation in scored]
    for first, second in combinations(list_judges(scored), 2):
        pairs = [
            (by_judge[first], by_judge[second])
            for by_judge in verdicts_by_judge
            if first in by_judge and second in by_judge
        ]
        yield first, second, pairs


def measure_order_sway(scored: Sequence[ScoredConversation]) -> dict[str, dict[str, tuple[int, int]]]:
    """Measures for each judge that answered in two orders how far these are apart on each scale: the sum of the
    absolute differences, and the number of conversations.
    """
    sway: dict[str, dict[str, tuple[int, int]]] = {}
    for judge in list_judges(scored):
        pairs = [verdict.orders for verdict in select_verdicts(judge, scored) if len(verdict.orders) == 2]
        if pairs:
            sway[judge] = {
                scale: (sum(abs(getattr(first, scale) - getattr(second, scale)) for first, second in pairs), len(pairs))
                for scale in SCALES
            }
    return sway


def count_evidence(verdicts: Sequence[MemberVerdict]) -> tuple[int, int]:
    """Counts the faults that a judge named with a quote that does not stand where it should, and all that it named."""
    unsupported = sum(verdict.unsupported_evidence for verdict in verdicts)
    return unsupported, unsupported + sum(len(verdict.evidence) for verdict in verdicts)


def _compute_kappa(pairs: Sequence[tuple[bool, bool]]) -> float | None:
    """Cohen's kappa of two judges' decisions; None if chance alone makes them agree on all."""
    total = len(pairs)
    first_share, second_share = (sum(decisions) / total for decisions in zip(*pairs, strict=True))
    by_chance = first_share * second_share + (1 - first_share) * (1 - second_share)
    agreed = sum(first == second for first, second in pairs) / total
    return None if by_chance == 1 else (agreed - by_chance) / (1 - by_chance)


def _compute_rank_correlation(score_pairs: Sequence[tuple[int, int]]) -> float | None:
    """Spearman's rank correlation; None if one side is constant, for then it is undefined."""
    if not all(map(pstdev, zip(*score_pairs, strict=True))):
        return None
    frame = pl.DataFrame(score_pairs, schema=["left", "right"], orient="row")
    return frame.select(pl.corr("left", "right", method="spearman")).item()
