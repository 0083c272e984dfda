"""The decision whether a scored conversation is accepted, and the reasons against it if it is not.

>>> find_reasons_against(ScoredConversation(conversation_id="c", judge="j", user_query_clarity=4, tool_use_quality=3,
...     naturalness=4, task_completion=4, reasoning="", findings=()), min_tool_use_quality=4)
('tool_use_quality 3 is below 4',)
"""

from funcdex_assets.records.verdict import ScoredConversation


def find_reasons_against(scored: ScoredConversation, min_tool_use_quality: int) -> tuple[str, ...]:
    """Returns the reasons to reject a conversation; empty if it is accepted.

    A conversation without scores is rejected by its blocking finding, which says why it has none.
    """
    reasons = [f"{finding.rule}: {finding.text}" for finding in scored.findings if finding.blocking]
    if scored.tool_use_quality is not None and scored.tool_use_quality < min_tool_use_quality:
        reasons.append(f"tool_use_quality {scored.tool_use_quality} is below {min_tool_use_quality}")
    return tuple(reasons)
