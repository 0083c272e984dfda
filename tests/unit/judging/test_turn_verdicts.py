"""A bad turn is marked and masked; the others stay."""

import pytest
from dialogue_cases import CLEAN, user

from funcdex_assets.judging.turn_verdicts import judge_turns, select_trainable_messages, shift_verdicts
from funcdex_assets.records.conversation import Finding
from funcdex_assets.records.verdict import TurnScore

ROLES = [message.role for message in CLEAN]
BAD_CALL = Finding(rule="unknown_tool", text="call_2", message=5)
VAGUE = Finding(rule="uncited_answer", text="nothing", message=7, blocking=False)
HASTY = Finding(rule="early_retry", text="at once", message=6, blocking=False)


def test_without_findings_all_turns_are_good():
    verdicts = judge_turns(CLEAN, ())
    assert [(one.turn, one.ok, one.score, one.first, one.last) for one in verdicts] == [
        (0, True, 5, 0, 3),
        (1, True, 5, 4, 7),
    ]
    assert select_trainable_messages(ROLES, verdicts) == [1, 3, 5, 7]


@pytest.mark.parametrize(
    ("findings", "judge", "expected"),
    [
        pytest.param((BAD_CALL,), (), [(True, 5), (False, 3)], id="a blocking finding"),
        pytest.param((VAGUE,), (), [(True, 5), (True, 4)], id="a minor one"),
        pytest.param(
            (HASTY,), (), [(True, 5), (False, 4)], id="a minor one of the assistant's that nobody should learn"
        ),
        pytest.param(
            (), (TurnScore(turn=0, reason="rude", score=2, ok=False),), [(False, 2), (True, 5)], id="the judge objects"
        ),
        pytest.param(
            (BAD_CALL,),
            (TurnScore(turn=1, reason="fine", score=5, ok=True),),
            [(True, 5), (False, 3)],
            id="the judge does not see it",
        ),
        pytest.param((), (TurnScore(turn=9, reason="?", score=1, ok=False),), [(True, 5)] * 2, id="a turn too many"),
        pytest.param((Finding(rule="no_call", text="none"),), (), [(True, 5)] * 2, id="a finding without a place"),
    ],
)
def test_verdicts(findings, judge, expected):
    assert [(one.ok, one.score) for one in judge_turns(CLEAN, findings, judge)] == expected


def test_a_bad_turn_is_masked_and_says_why():
    verdicts = judge_turns(CLEAN, (BAD_CALL, VAGUE))
    assert select_trainable_messages(ROLES, verdicts) == [1, 3]
    assert verdicts[1].reason == "unknown_tool: call_2; uncited_answer: nothing"


def test_a_system_prompt_moves_the_messages():
    verdicts = shift_verdicts(judge_turns(CLEAN, (BAD_CALL,)), 1)
    assert [(one.first, one.last) for one in verdicts] == [(1, 4), (5, 8)]
    assert select_trainable_messages(["system", *ROLES], verdicts) == [2, 4]


def test_a_turn_that_is_not_answered_is_a_turn():
    assert [(one.first, one.last) for one in judge_turns((*CLEAN, user("And now?")), ())][2] == (8, 8)
