"""Calls in every form that sets write them in, and what is none."""

import json

import pytest

from funcdex_assets.contamination.written_calls import decode_json_text, list_calls

CALL = {"name": "pay", "arguments": {"amount": 40}}
SCHEMA = {"type": "object", "properties": {"amount": {"type": "number"}}}


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(CALL, id="plain"),
        pytest.param({"name": "pay", "parameters": {"amount": 40}}, id="with parameters"),
        pytest.param([CALL], id="in a list"),
        pytest.param(json.dumps(CALL), id="in JSON text"),
        pytest.param({"type": "function", "function": {**CALL, "arguments": '{"amount": 40}'}}, id="OpenAI's, in text"),
        pytest.param([{"role": "assistant", "tool_calls": [{"function": CALL}]}], id="in a message"),
        pytest.param([{"from": "gpt", "value": f"So.<tool_call>\n{json.dumps(CALL)}\n</tool_call>"}], id="in tags"),
        pytest.param({"expected": {"calls": [CALL]}}, id="deeper"),
    ],
)
def test_a_call_is_found(value):
    assert [(call.name, dict(call.arguments)) for call in list_calls(value)] == [("pay", {"amount": 40})]


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("Pay 40 euros.", id="text"),
        pytest.param('{"name": "pay", "arguments"', id="broken JSON"),
        pytest.param({"name": "Bo"}, id="a name alone"),
        pytest.param({"name": "pay", "parameters": SCHEMA}, id="a definition"),
        pytest.param({"name": "pay", "description": "Pays.", "parameters": {"amount": {"type": "int"}}}, id="another"),
        pytest.param({"name": 3, "arguments": {}}, id="no name"),
        pytest.param(None, id="nothing"),
    ],
)
def test_what_is_no_call(value):
    assert list(list_calls(value)) == []


def test_a_value_is_not_searched_to_any_depth():
    nested: list = [CALL]
    for _ in range(50):
        nested = [nested]
    assert list(list_calls(nested)) == []


@pytest.mark.parametrize(("text", "value"), [("[1]", [1]), (" {}", {}), ("[no", "[no"), ("3", "3"), (3, 3)])
def test_only_objects_and_arrays_are_decoded(text, value):
    assert decode_json_text(text) == value
