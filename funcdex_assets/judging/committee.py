"""Agreement between the judges of a committee, computed from the verdict of each of them.

Belongs here: comparing the scores of different judges on the same conversations. Not here: combining several verdicts
into one, which `roles/judge.py` does.

>>> verdicts = [MemberVerdict(judge=judge, naturalness=score) for judge, score in (("a", 5), ("b", 3))]
>>> scored = ScoredConversation("c", "a", 5, 5, 3, 5, "", (), members=tuple(verdicts))
>>> [(pair.judges, pair.scale, pair.mean_difference) for pair in compare_judges([scored])]
[(('a', 'b'), 'naturalness', 2.0)]
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean, pstdev

import polars as pl

from funcdex_assets.records.verdict import SCALES, MemberVerdict, ScoredConversation


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


def list_judges(scored: Sequence[ScoredConversation]) -> list[str]:
    """Names of the judges in the order of the settings; empty if there is only one judge."""
    return list(dict.fromkeys(member.judge for conversation in scored for member in conversation.members))


def select_verdicts(judge: str, scored: Sequence[ScoredConversation]) -> list[MemberVerdict]:
    """Returns the judge's verdict on each conversation shown to it, including those in which it gave no score but a
    reason.
    """
    return [member for conversation in scored for member in conversation.members if member.judge == judge]


def collect_scores(verdicts: Sequence[MemberVerdict], scale: str) -> list[int]:
    """Returns the scores on one scale, without the verdicts that have none."""
    return [score for verdict in verdicts if (score := getattr(verdict, scale)) is not None]


def compare_judges(scored: Sequence[ScoredConversation]) -> Iterator[JudgeAgreement]:
    """Compares each two judges on each scale for which they have at least one conversation in common."""
    verdicts_by_judge = [{member.judge: member for member in conversation.members} for conversation in scored]
    for first, second in combinations(list_judges(scored), 2):
        verdict_pairs = [
            (by_judge[first], by_judge[second])
            for by_judge in verdicts_by_judge
            if first in by_judge and second in by_judge
        ]
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


def _compute_rank_correlation(score_pairs: Sequence[tuple[int, int]]) -> float | None:
    """Spearman's rank correlation; None if one side is constant, for then it is undefined."""
    if not all(map(pstdev, zip(*score_pairs, strict=True))):
        return None
    frame = pl.DataFrame(score_pairs, schema=["left", "right"], orient="row")
    return frame.select(pl.corr("left", "right", method="spearman")).item()
