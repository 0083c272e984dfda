"""Rows of OpenAI messages are judged without anything that they were made from."""

import json
from typing import Any

import pytest
from good_conversations import find_row

from funcdex_assets.judging.published_rows import JudgedRow, judge_row, read_case, read_rows
from funcdex_assets.settings.judging import MinScores

MIN_SCORES = MinScores().model_dump()
TOOL = {
    "type": "function",
    "function": {
        "name": "LIST_SHELVES",
        "description": "Lists the shelves.",
        "parameters": {"type": "object", "properties": {"limit": {"type": "integer"}}},
    },
}


def row(answer: str, result: Any, prompt: str = "", calls: bool = True) -> dict[str, Any]:
    call = {"id": "call_1", "type": "function", "function": {"name": "LIST_SHELVES", "arguments": '{"limit": 10}'}}
    acting = [
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "name": "LIST_SHELVES", "content": json.dumps(result)},
    ]
    return {
        "id": "row_1",
        "kind": "simple",
        "tools": [TOOL],
        "messages": [
            *([{"role": "system", "content": prompt}] if prompt else []),
            {"role": "user", "content": "Which shelves do we have? 10 are enough."},
            *(acting if calls else []),
            {"role": "assistant", "content": answer},
            {"role": "user", "content": "Thanks!"},
            {"role": "assistant", "content": "You are welcome."},
        ],
    }


SHELVES = {"shelves": [{"id": "s_1001", "name": "Poetry"}, {"id": "s_1002", "name": "Maps"}], "next_cursor": "k7"}


def judged(given: dict[str, Any]) -> JudgedRow:
    verdict = judge_row(given, MIN_SCORES)
    assert isinstance(verdict, JudgedRow)
    return verdict


def test_a_row_that_hides_a_page_is_rejected_and_its_turn_named():
    verdict = judged(row("There are 2 shelves: Poetry and Maps.", SHELVES, prompt="You help Ada."))
    assert verdict.reasons[0].startswith("false_count: ")
    assert [turn.ok for turn in verdict.turns] == [False, True]
    assert (verdict.turns[0].first, verdict.turns[0].last) == (1, 4)  # the system prompt is message 0


def test_the_same_row_is_accepted_if_it_says_that_there_is_more():
    verdict = judged(row("Here are the first two, Poetry and Maps; there is another page.", SHELVES))
    assert verdict.reasons == ()
    assert verdict.scores["tool_use_quality"] >= 4


def test_the_system_prompt_tells_who_and_when():
    prompt = (
        "Current time: Tuesday (2025-03-11T09:40:00+01:00), time zone Europe/Oslo. The user is Ada Lind <ada@lind.no>."
    )
    situation = read_case(row("None.", {"shelves": []}, prompt)).situation
    assert (situation.persona.name, situation.persona.email) == ("Ada Lind", "ada@lind.no")
    assert situation.now.isoformat() == "2025-03-11T09:40:00+01:00"


@pytest.mark.parametrize("prompt", ["", "You are an assistant.", "Today is 2025-03-11."])
def test_a_prompt_that_tells_nothing_is_no_obstacle(prompt):
    assert read_case(row("None.", {"shelves": []}, prompt)).situation.now.tzinfo is not None


def test_a_row_without_a_call_wants_none():
    assert "no_call" not in {finding.rule for finding in judged(row("I can't do that.", {}, calls=False)).findings}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "no JSON"),
        ("[]", "no object with a list of messages"),
        ('{"messages": "hello"}', "no object with a list of messages"),
    ],
)
def test_a_line_that_is_no_row_has_its_reason(line, reason):
    ((number, read),) = read_rows(["", line])
    assert number == 2
    assert isinstance(read, str)
    assert reason in read


@pytest.mark.parametrize(
    "broken",
    [
        {"messages": [{"content": "no role"}]},
        {"messages": [{"role": "tool", "tool_call_id": "c", "content": "no JSON"}]},
        {"messages": [{"role": "user", "content": "hi"}], "tools": [{"type": "function"}]},
    ],
)
def test_a_row_that_cannot_be_read_is_a_reason_and_no_error(broken):
    assert isinstance(judge_row(broken, MIN_SCORES), str)


def test_a_labelled_line_has_its_row_inside():
    inner = {key: value for key, value in find_row("half_refund").items() if key in ("messages", "tools", "kind")}
    ((_, read),) = read_rows([json.dumps({"id": "x", "agreed": "C", "row": inner})])
    assert isinstance(read, dict)
    assert read["id"] == "x"
    assert read["messages"] == inner["messages"]
