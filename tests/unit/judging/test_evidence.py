"""What becomes of the faults that a judge names: which are supported by their quote, and what they make wrong."""

import pytest

from funcdex_assets.judging.evidence import MAX_STORED_QUOTE, ground_verdict, merge_evidence
from funcdex_assets.judging.transcript import render_transcript
from funcdex_assets.records.message import Message, ToolCall, ToolResult
from funcdex_assets.records.verdict import SCALES, Evidence, TurnScore, Verdict

MESSAGES = (
    Message(role="user", content="How many files are there, and who owns “Plan B”?"),
    Message(
        role="assistant",
        tool_calls=(
            ToolCall(id="call_1", name="LIST_FILES", arguments={"limit": 2}),
            ToolCall(id="call_2", name="GET_OWNER", arguments={"title": "Plan B"}),
        ),
    ),
    Message(
        role="tool",
        result=ToolResult(call_id="call_1", name="LIST_FILES", content={"files": ["a", "b"], "next_page_token": "p2"}),
    ),
    Message(
        role="tool",
        result=ToolResult(call_id="call_2", name="GET_OWNER", content={"note": 'She said "no"\nand left'}, error=True),
    ),
    Message(role="assistant", content="There are  two files.\nThat’s all."),
    Message(role="user", content="Thanks."),
    Message(role="assistant", content="You're welcome."),
)
SCORES = dict.fromkeys(SCALES, 5)


def claim(fault: str, message: int, quote: str) -> Evidence:
    return Evidence(fault=fault, message=message, quote=quote)


def said(*evidence: Evidence, turns: tuple[TurnScore, ...] = ()) -> Verdict:
    return Verdict(reasoning="r", **SCORES, evidence=evidence, turns=turns)


def test_a_transcript_has_the_numbers_of_turns_and_messages():
    assert render_transcript(MESSAGES).splitlines() == [
        "Turn 0",
        "[0] user: How many files are there, and who owns “Plan B”?",
        '[1] call_1: LIST_FILES {"limit":2}',
        '[1] call_2: GET_OWNER {"title":"Plan B"}',
        '[2] result of call_1: {"files":["a","b"],"next_page_token":"p2"}',
        '[3] error of call_2: {"note":"She said \\"no\\"\\nand left"}',
        "[4] assistant: There are  two files.",
        "That’s all.",
        "Turn 1",
        "[5] user: Thanks.",
        "[6] assistant: You're welcome.",
    ]


@pytest.mark.parametrize(
    ("message", "quote", "is_supported"),
    [
        pytest.param(4, "There are  two files.", True, id="word for word"),
        pytest.param(4, "there are two\nfiles", True, id="white space and case are folded"),
        pytest.param(4, "That's all.", True, id="the form of an apostrophe is"),
        pytest.param(0, '"Plan B"', True, id="and that of quotation marks"),
        pytest.param(4, '"There are two files."', True, id="in quotation marks of its own"),
        pytest.param(4, "[4] assistant: There are two files.", True, id="with the number and the label of its line"),
        pytest.param(2, '"next_page_token": "p2"', True, id="JSON with other spaces"),
        pytest.param(3, 'she said "no" and left', True, id="the content of an escaped text"),
        pytest.param(1, 'GET_OWNER {"title": "Plan B"}', True, id="one of several calls"),
        pytest.param(4, "There are three files.", False, id="another word"),
        pytest.param(6, "There are two files.", False, id="the words of another message"),
        pytest.param(4, "There … files.", False, id="shortened"),
        pytest.param(4, "assistant:", False, id="a label alone"),
        pytest.param(4, "", False, id="nothing"),
        pytest.param(4, "a", False, id="too short to prove anything"),
        pytest.param(7, "There are two files.", False, id="a message that is not there"),
        pytest.param(-1, "You're welcome.", False, id="a negative number"),
    ],
)
def test_a_quote_has_to_stand_in_its_message(message, quote, is_supported):
    verdict, unsupported = ground_verdict(said(claim("false_count", message, quote)), MESSAGES)
    assert (len(verdict.evidence), unsupported) == ((1, 0) if is_supported else (0, 1))
    assert [turn.ok for turn in verdict.turns] == ([False] if is_supported else [])


GOOD = TurnScore(turn=0, reason="all well", score=5, ok=True)
BAD = TurnScore(turn=0, reason="poor", score=2, ok=False)
COUNT = claim("false_count", 4, "two files")


@pytest.mark.parametrize(
    ("evidence", "turns", "expected"),
    [
        pytest.param((), (GOOD,), (GOOD,), id="no evidence changes nothing"),
        pytest.param(
            (COUNT,),
            (GOOD,),
            (TurnScore(turn=0, reason="false_count: two files; all well", score=3, ok=False),),
            id="a fault that makes it wrong masks the turn that the model calls good",
        ),
        pytest.param((COUNT,), (BAD,), (BAD,), id="a turn that it calls bad stays as it is"),
        pytest.param(
            (COUNT,),
            (),
            (TurnScore(turn=0, reason="false_count: two files", score=3, ok=False),),
            id="a turn of which it says nothing is added",
        ),
        pytest.param((claim("bare_money", 4, "two files"),), (GOOD,), (GOOD,), id="a lesser fault masks nothing"),
        pytest.param((claim("typo", 4, "two files"),), (GOOD,), (GOOD,), id="nor does one of another name"),
        pytest.param((claim("false_count", 4, "nine files"),), (GOOD,), (GOOD,), id="nor one without support"),
        pytest.param(
            (claim("unanswered", 0, "who owns"),),
            (GOOD, TurnScore(turn=1, reason="thanks", score=5, ok=True)),
            (
                TurnScore(turn=0, reason="unanswered: who owns; all well", score=3, ok=False),
                TurnScore(turn=1, reason="thanks", score=5, ok=True),
            ),
            id="only the turn of the message",
        ),
    ],
)
def test_evidence_decides_which_turns_are_good(evidence, turns, expected):
    verdict, _ = ground_verdict(said(*evidence, turns=turns), MESSAGES)
    assert verdict.turns == expected
    assert {scale: getattr(verdict, scale) for scale in SCALES} == SCORES, "scores are taken as they are"


def test_a_fault_of_an_unknown_name_is_kept_as_another():
    verdict, unsupported = ground_verdict(said(claim("rude_tone", 6, "You're welcome")), MESSAGES)
    assert (verdict.evidence, unsupported) == ((claim("other", 6, "You're welcome"),), 0)


def test_a_long_quote_is_cut_only_when_it_is_stored():
    long = Message(role="user", content="word " * 200)
    verdict, unsupported = ground_verdict(said(claim("loose_topic", 0, "word " * 200)), [long])
    assert (len(verdict.evidence[0].quote), unsupported) == (MAX_STORED_QUOTE, 0)


def test_each_fault_of_a_message_is_kept_once():
    other = claim("false_count", 4, "There are two files")
    assert merge_evidence([said(COUNT), said(other, claim("loose_topic", 4, "two files"))]) == (
        COUNT,
        claim("loose_topic", 4, "two files"),
    )
