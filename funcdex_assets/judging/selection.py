"""The decision whether a scored conversation is accepted, and the reasons against it if it is not.

>>> find_reasons_against(ScoredConversation(conversation_id="c", judge="j", user_query_clarity=4, tool_use_quality=3,
...     naturalness=4, task_completion=4, reasoning="", findings=()), {"tool_use_quality": 4})
('tool_use_quality 3 is below 4',)
"""

import re
from collections.abc import Mapping

from funcdex_assets.records.verdict import SCALES, ScoredConversation


def find_reasons_against(scored: ScoredConversation, min_scores: Mapping[str, int]) -> tuple[str, ...]:
    """Returns the reasons to reject a conversation; empty if it is accepted.

    A conversation is accepted if no finding blocks and each scale has at least the score that `min_scores` names for
    it. One without scores is rejected by its blocking finding, which says why it has none.
    """
    reasons = [f"{finding.rule}: {finding.text}" for finding in scored.findings if finding.blocking]
    for scale in SCALES:
        score = getattr(scored, scale)
        if score is not None and score < min_scores.get(scale, 1):
            reasons.append(f"{scale} {score} is below {min_scores[scale]}")
    return tuple(reasons)


def name_reason(reason: str) -> str:
    """Returns the name of a reason, to count it by: its rule, or the scale that is too low.

    >>> name_reason("false_count: more files follow"), name_reason("naturalness 1 is below 2")
    ('false_count', 'naturalness')
    """
    return re.split(r":| \d is below", reason, maxsplit=1)[0]
