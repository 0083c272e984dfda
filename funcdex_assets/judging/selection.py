"""The decision whether a scored conversation is accepted, and the reasons against it if it is not.

>>> find_reasons_against(ScoredConversation(conversation_id="c", judge="j", user_query_clarity=4, tool_use_quality=3,
...     naturalness=4, task_completion=4, reasoning="", findings=()), min_tool_use_quality=4)
('tool_use_quality 3 is below 4',)
"""

from collections.abc import Sequence

from funcdex_assets.judging.evidence import is_blocking
from funcdex_assets.records.conversation import Finding
from funcdex_assets.records.verdict import MemberVerdict, ScoredConversation


def find_reasons_against(scored: ScoredConversation, min_tool_use_quality: int) -> tuple[str, ...]:
    """Returns the reasons to reject a conversation; empty if it is accepted.

    A conversation without scores is rejected by its blocking finding, which says why it has none.
    """
    reasons = [f"{finding.rule}: {finding.text}" for finding in scored.findings if finding.blocking]
    if scored.tool_use_quality is not None and scored.tool_use_quality < min_tool_use_quality:
        reasons.append(f"tool_use_quality {scored.tool_use_quality} is below {min_tool_use_quality}")
    return tuple(reasons)


def would_reject(verdict: MemberVerdict, findings: Sequence[Finding], min_tool_use_quality: int) -> bool | None:
    """Returns whether this judge alone would reject the conversation; None if it gave no verdict.

    A model rejects by its score of tool use, or by a fault that makes the conversation wrong and that it has quoted:
    it is given no `findings`. The heuristic rejects by the score, or by a blocking finding.
    """
    if verdict.tool_use_quality is None:
        return None
    return (
        verdict.tool_use_quality < min_tool_use_quality
        or any(is_blocking(evidence) for evidence in verdict.evidence)
        or any(finding.blocking for finding in findings)
    )
