"""Who is accepted, and what is said to those who are not."""

import pytest

from funcdex_assets.judging.selection import find_reasons_against, name_reason
from funcdex_assets.records.conversation import Finding
from funcdex_assets.records.verdict import ScoredConversation

BLOCKING = Finding(rule="unknown_tool", text="call_1 calls 'X'")
MINOR = Finding(rule="uncited_answer", text="names nothing", blocking=False)


MIN_SCORES = {"user_query_clarity": 2, "tool_use_quality": 4, "naturalness": 2, "task_completion": 3}


def scored(*findings: Finding, clarity=2, tool_use=4, naturalness=2, completion=3) -> ScoredConversation:
    return ScoredConversation(
        conversation_id="conversation_1",
        judge="offline",
        user_query_clarity=clarity,
        tool_use_quality=tool_use,
        naturalness=naturalness,
        task_completion=completion,
        reasoning="",
        findings=findings,
    )


@pytest.mark.parametrize(
    ("conversation", "reasons"),
    [
        pytest.param(scored(), (), id="accepted at the very limits"),
        pytest.param(scored(tool_use=3), ("tool_use_quality 3 is below 4",), id="tools are used badly"),
        pytest.param(scored(clarity=1), ("user_query_clarity 1 is below 2",), id="nobody understands the user"),
        pytest.param(scored(naturalness=1), ("naturalness 1 is below 2",), id="reads like a form"),
        pytest.param(scored(completion=2), ("task_completion 2 is below 3",), id="little is done"),
        pytest.param(scored(MINOR), (), id="a minor finding does not reject"),
        pytest.param(scored(BLOCKING), ("unknown_tool: call_1 calls 'X'",), id="a blocking one does"),
        pytest.param(
            scored(
                Finding(rule="markup", text="no text"), clarity=None, tool_use=None, naturalness=None, completion=None
            ),
            ("markup: no text",),
            id="one that failed, unscored",
        ),
        pytest.param(
            scored(MINOR, BLOCKING, BLOCKING, tool_use=1, completion=1),
            (
                *["unknown_tool: call_1 calls 'X'"] * 2,
                "tool_use_quality 1 is below 4",
                "task_completion 1 is below 3",
            ),
            id="every reason is given",
        ),
    ],
)
def test_reasons_against(conversation, reasons):
    assert find_reasons_against(conversation, MIN_SCORES) == reasons


def test_a_scale_without_a_minimum_lets_any_score_pass():
    assert find_reasons_against(scored(clarity=1, tool_use=1, naturalness=1, completion=1), {}) == ()


def test_a_reason_is_counted_by_its_rule_or_scale():
    assert [name_reason(reason) for reason in ("markup: odd: very", "naturalness 1 is below 2")] == [
        "markup",
        "naturalness",
    ]
