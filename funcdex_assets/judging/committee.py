"""How far the judges of a committee agree, from what each of them said.

Here belongs comparing what judges gave; how one verdict comes of several is in `roles/judge.py`.

>>> said = [MemberVerdict(judge=judge, naturalness=score) for judge, score in (("a", 5), ("b", 3))]
>>> scored = ScoredConversation("c", "a", 5, 5, 3, 5, "", (), members=tuple(said))
>>> [(pair.judges, pair.scale, pair.apart) for pair in pairs([scored])]
[(('a', 'b'), 'naturalness', 2.0)]
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean, pstdev

import polars as pl

from funcdex_assets.records.verdict import SCALES, MemberVerdict, ScoredConversation


@dataclass(frozen=True)
class Pair:
    """Two judges on one scale, over the conversations to which both gave a score.

    `apart` is the mean absolute difference, `equal` the conversations with the same score, `rho` Spearman's rank
    correlation: None where one of them gives the same score to all.
    """

    judges: tuple[str, str]
    scale: str
    conversations: int
    apart: float
    equal: int
    rho: float | None


def judges(scored: Sequence[ScoredConversation]) -> list[str]:
    """In the order of the settings; none where there is one judge only."""
    return list(dict.fromkeys(member.judge for one in scored for member in one.members))


def verdicts_of(judge: str, scored: Sequence[ScoredConversation]) -> list[MemberVerdict]:
    """What it said, or why it said nothing, of each conversation that was shown to it."""
    return [member for one in scored for member in one.members if member.judge == judge]


def marks(verdicts: Sequence[MemberVerdict], scale: str) -> list[int]:
    return [mark for one in verdicts if (mark := getattr(one, scale)) is not None]


def pairs(scored: Sequence[ScoredConversation]) -> Iterator[Pair]:
    """Each two judges, scale by scale."""
    said = [{member.judge: member for member in one.members} for one in scored]
    for first, second in combinations(judges(scored), 2):
        both = [(one[first], one[second]) for one in said if first in one and second in one]
        for scale in SCALES:
            marked = [
                (left, right)
                for one, other in both
                if (left := getattr(one, scale)) is not None and (right := getattr(other, scale)) is not None
            ]
            if marked:
                apart = [abs(left - right) for left, right in marked]
                yield Pair((first, second), scale, len(marked), fmean(apart), apart.count(0), _rho(marked))


def _rho(marked: Sequence[tuple[int, int]]) -> float | None:
    if not all(map(pstdev, zip(*marked, strict=True))):
        return None
    frame = pl.DataFrame(marked, schema=["left", "right"], orient="row")
    return frame.select(pl.corr("left", "right", method="spearman")).item()
