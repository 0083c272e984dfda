"""Answers: what a server reads as calls, and nothing more."""

import pytest

from funcdex_assets.records.training import ExpectedCall
from funcdex_assets.training.answers import parse_answer

HEAT = '<tool_call>\n{"name": "heat", "arguments": {"to": 21}}\n</tool_call>'
COOL = '<tool_call>\n{"name": "cool", "arguments": {}}\n</tool_call>'


@pytest.mark.parametrize(
    ("written", "calls", "text", "thought"),
    [
        pytest.param("It is warm. ", (), "It is warm.", None, id="text"),
        pytest.param(HEAT, ("heat",), None, None, id="a call"),
        pytest.param(f"Sure.\n{HEAT}\n{COOL}", ("heat", "cool"), "Sure.", None, id="text and two calls"),
        pytest.param(f"<think>Cold.</think>\n{HEAT}", ("heat",), None, "Cold.", id="thought and call"),
        pytest.param('{"name": "heat", "arguments": {}}', (), '{"name": "heat", "arguments": {}}', None, id="no tags"),
    ],
)
def test_parts(written, calls, text, thought):
    answer = parse_answer(written)
    assert (tuple(call.name for call in answer.calls), answer.text, answer.thought) == (calls, text, thought)
    assert answer.failure is None


def test_arguments_may_be_json_text():
    (call,) = parse_answer(HEAT.replace('{"to": 21}', r'"{\"to\": 21}"')).calls
    assert call == ExpectedCall("heat", {"to": 21})


@pytest.mark.parametrize(
    ("written", "failure"),
    [
        pytest.param("<tool_call>\n{'name': 'heat'}\n</tool_call>", "a call cannot be read (JSON", id="no JSON"),
        pytest.param("<tool_call>[]</tool_call>", "a call cannot be read (it has no name)", id="no object"),
        pytest.param(HEAT.replace('{"to": 21}', "[21]"), "a call cannot be read (the arguments", id="no arguments"),
        pytest.param(HEAT.removesuffix("</tool_call>"), "a call is not closed", id="not closed"),
        pytest.param(" \n", "the answer is empty", id="empty"),
        pytest.param("<think>Cold.</think>\n", "the answer is empty", id="nothing but a thought"),
    ],
)
def test_what_cannot_be_read_is_said_and_nothing_is_called(written, failure):
    answer = parse_answer(written)
    assert answer.calls == ()
    assert answer.failure is not None
    assert answer.failure.startswith(failure)


def test_a_good_call_stays_beside_a_bad_one():
    answer = parse_answer(f"{HEAT}\n<tool_call>\nheat!\n</tool_call>")
    assert [call.name for call in answer.calls] == ["heat"]
    assert answer.failure is not None


def test_a_cut_answer_is_a_failure():
    assert parse_answer("It is w", is_finished=False).failure == "the answer was cut at the limit of tokens"
