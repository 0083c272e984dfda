"""Who is accepted, and what is said to those who are not."""

import pytest

from funcdex_assets.judging.selection import find_reasons_against
from funcdex_assets.records.conversation import Finding
from funcdex_assets.records.verdict import ScoredConversation

BLOCKING = Finding(rule="unknown_tool", text="call_1 calls 'X'")
MINOR = Finding(rule="uncited_answer", text="names nothing", blocking=False)


def scored(tool_use_quality: int | None, *findings: Finding) -> ScoredConversation:
    return ScoredConversation(
        conversation_id="conversation_1",
        judge="offline",
        user_query_clarity=1,
        tool_use_quality=tool_use_quality,
        naturalness=1,
        task_completion=1,
        reasoning="",
        findings=findings,
    )


@pytest.mark.parametrize(
    ("conversation", "reasons"),
    [
        pytest.param(scored(5), (), id="accepted, whatever the other scores"),
        pytest.param(scored(4), (), id="accepted at the very limit"),
        pytest.param(scored(3), ("tool_use_quality 3 is below 4",), id="below the limit"),
        pytest.param(scored(5, MINOR), (), id="a minor finding does not reject"),
        pytest.param(scored(5, BLOCKING), ("unknown_tool: call_1 calls 'X'",), id="a blocking one does"),
        pytest.param(
            scored(None, Finding(rule="markup", text="no text")), ("markup: no text",), id="one that failed, unscored"
        ),
        pytest.param(
            scored(1, MINOR, BLOCKING, BLOCKING),
            (*["unknown_tool: call_1 calls 'X'"] * 2, "tool_use_quality 1 is below 4"),
            id="every reason is given",
        ),
    ],
)
def test_reasons_against(conversation, reasons):
    assert find_reasons_against(conversation, min_tool_use_quality=4) == reasons
