"""The decision whether a scored conversation is accepted, and the reasons against it if it is not.

>>> find_reasons_against(ScoredConversation(conversation_id="c", judge="j", user_query_clarity=4, tool_use_quality=3,
...     naturalness=4, task_completion=4, reasoning="", findings=()), {"tool_use_quality": 4})
('tool_use_quality 3 is below 4',)
"""

import re
from collections.abc import Mapping, Sequence

from funcdex_assets.judging.evidence import is_blocking
from funcdex_assets.records.conversation import Finding
from funcdex_assets.records.verdict import SCALES, MemberVerdict, ScoredConversation


def find_reasons_against(scored: ScoredConversation, min_scores: Mapping[str, int]) -> tuple[str, ...]:
    """Returns the reasons to reject a conversation; empty if it is accepted.

    A conversation is accepted if no finding blocks and each scale has at least the score that `min_scores` names for
    it. One without scores is rejected by its blocking finding, which says why it has none.
    """
    reasons = [f"{finding.rule}: {finding.text}" for finding in scored.findings if finding.blocking]
    low_scores = list_low_scores({scale: getattr(scored, scale) for scale in SCALES}, min_scores)
    return (*reasons, *(f"{scale} {score} is below {min_scores[scale]}" for scale, score in low_scores))


def list_low_scores(scores: Mapping[str, int | None], min_scores: Mapping[str, int]) -> list[tuple[str, int]]:
    """Returns (scale, score) of each scale below what `min_scores` names for it; one without a score is not low."""
    return [(scale, score) for scale, score in scores.items() if score is not None and score < min_scores.get(scale, 1)]


def name_reason(reason: str) -> str:
    """Returns the name of a reason, to count it by: its rule, or the scale that is too low.

    >>> name_reason("false_count: more files follow"), name_reason("naturalness 1 is below 2")
    ('false_count', 'naturalness')
    """
    return re.split(r":| \d is below", reason, maxsplit=1)[0]


def would_reject(verdict: MemberVerdict, findings: Sequence[Finding], min_scores: Mapping[str, int]) -> bool | None:
    """Returns whether this judge alone would reject the conversation; None if it gave no verdict.

    A model rejects by a score that is too low, or by a fault that makes the conversation wrong and that it has quoted:
    it is given no `findings`. The heuristic rejects by its scores, or by a blocking finding.
    """
    if verdict.tool_use_quality is None:
        return None
    return (
        bool(list_low_scores({scale: getattr(verdict, scale) for scale in SCALES}, min_scores))
        or any(is_blocking(evidence) for evidence in verdict.evidence)
        or any(finding.blocking for finding in findings)
    )
