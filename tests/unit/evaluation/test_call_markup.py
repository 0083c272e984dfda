"""Calls as models write them, and the grammar that makes them."""

import random

import pytest
from evaluation_cases import TOOLS
from gbnf import Grammar

from funcdex_assets.evaluation.call_grammar import build_answer_grammar
from funcdex_assets.evaluation.call_markup import render_call, split_answer
from funcdex_assets.records.training import ExpectedCall
from funcdex_assets.schema.validation import find_violations

HEAT = ExpectedCall("heat", {"to": 21})
WRITTEN = '<tool_call>\n{"name": "heat", "arguments": {"to": 21}}\n</tool_call>'


@pytest.mark.parametrize(
    ("text", "calls", "rest"),
    [
        pytest.param(WRITTEN, [HEAT], None, id="one"),
        pytest.param(f"{WRITTEN}\n{WRITTEN}", [HEAT, HEAT], None, id="two"),
        pytest.param(f"Sure.\n{WRITTEN}", [HEAT], "Sure.", id="with-words"),
        pytest.param(WRITTEN.removesuffix("\n</tool_call>"), [HEAT], None, id="not-closed"),
        pytest.param('<tool_call>{"name":"heat","parameters":{"to":21}}</tool_call>', [HEAT], None, id="parameters"),
        pytest.param('{"name": "heat", "arguments": "{\\"to\\": 21}"}', [HEAT], None, id="bare"),
        pytest.param('```json\n[{"name": "heat", "arguments": {"to": 21}}]\n```', [HEAT], None, id="fenced"),
        pytest.param("I cannot sing.", [], "I cannot sing.", id="words"),
        pytest.param('{"answer": 3}', [], '{"answer": 3}', id="other-json"),
    ],
)
def test_calls_are_read(text, calls, rest):
    assert split_answer(text) == (calls, rest, None)


@pytest.mark.parametrize(
    "text", ["<tool_call>\n{", '<tool_call>{"tool": "heat"}</tool_call>', f"{WRITTEN}<tool_call>3"]
)
def test_what_is_no_call_is_told(text):
    calls, _, failure = split_answer(text)
    assert calls == []
    assert "a call cannot be read" in (failure or "")


def test_what_is_rendered_is_read_again():
    function = {"name": "heat", "arguments": {"to": 1.5, "room": 'a "b"', "more": [None, True, {"ß": []}]}}
    ((call,), _, _) = split_answer(render_call(function))
    assert (call.name, call.arguments) == (function["name"], function["arguments"])


@pytest.mark.parametrize("allows_text", [True, False])
def test_sentences_of_the_grammar_are_valid_calls_or_texts(allows_text):
    grammar = Grammar(build_answer_grammar(TOOLS, allows_text=allows_text).render_in_notation("gbnf"))
    parameters = {tool["function"]["name"]: tool["function"]["parameters"] for tool in TOOLS}
    kinds = set()
    rng = random.Random(7)
    for _ in range(60):
        calls, rest, failure = split_answer(grammar.sample(rng))
        assert failure is None
        assert bool(calls) is not bool(rest)
        kinds.add("calls" if calls else "text")
        for call in calls:
            assert find_violations(parameters[call.name], call.arguments) == []
    assert kinds == ({"calls", "text"} if allows_text else {"calls"})


def test_the_grammar_accepts_what_is_due_and_refuses_other_tools():
    grammar = Grammar(build_answer_grammar(TOOLS, allows_text=False).render_in_notation("gbnf"))
    assert grammar.accepts(f"{WRITTEN}\n{WRITTEN}")
    assert not grammar.accepts(WRITTEN.replace("heat", "sing"))
    assert not grammar.accepts("Which room?")


def test_at_most_so_many_calls_at_once():
    grammar = Grammar(build_answer_grammar(TOOLS, allows_text=False, parallel=1).render_in_notation("gbnf"))
    assert grammar.accepts(WRITTEN)
    assert not grammar.accepts(f"{WRITTEN}\n{WRITTEN}")


def test_the_same_tools_in_another_order_are_the_same_language():
    assert build_answer_grammar(TOOLS, allows_text=True) is build_answer_grammar(TOOLS[::-1], allows_text=True)
    assert build_answer_grammar(TOOLS, allows_text=True).key != build_answer_grammar(TOOLS, allows_text=False).key


def test_tools_that_cannot_be_told_apart_are_refused():
    with pytest.raises(ValueError, match="two tools have one name"):
        build_answer_grammar([TOOLS[0], TOOLS[0]], allows_text=True)
    with pytest.raises(ValueError, match="without tools there is no call to make"):
        build_answer_grammar([], allows_text=False)
