"""Grammar, parser and renderer describe one language: the GBNF files against the other two."""

import random
from pathlib import Path

import pytest
from dml_strategies import conversations, json_texts, json_values, raw_text
from gbnf import Grammar, Ref, Rep
from hypothesis import given, settings

from funcdex_assets.dml import values
from funcdex_assets.dml.grammar.generic import render_generic_grammar
from funcdex_assets.dml.markup import TAG, DMLError
from funcdex_assets.dml.parse import parse_conversation
from funcdex_assets.dml.render import render_conversation
from funcdex_assets.records.message import Message
from funcdex_assets.records.record import Json

EXAMPLES = Path(__file__).parents[3] / "grammars" / "examples"
VALID = sorted((EXAMPLES / "valid").glob("*.dml"))
INVALID = sorted((EXAMPLES / "invalid").glob("*.dml"))
GRAMMARS = {thoughts: Grammar(render_generic_grammar(thoughts=thoughts)) for thoughts in (False, True)}
ANY_LENGTH = Rep(Ref("turn"), 1, None)  # `root` asks for 3 to 8 turns; examples may be shorter
# No context-free grammar can compare keys.
BEYOND_GRAMMAR = {"duplicate_key_in_arguments", "duplicate_key_in_a_response"}


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_a_valid_example_is_in_the_grammar(path: Path) -> None:
    text = path.read_bytes().decode()
    thoughts = "<assistant_thought>" in text
    assert GRAMMARS[thoughts].reach(text, ANY_LENGTH) == (len(text), True)
    assert not GRAMMARS[not thoughts].accepts(text, ANY_LENGTH)
    turns = sum(message.role == "user" for message in parse_conversation(text))
    assert GRAMMARS[thoughts].accepts(text) == (3 <= turns <= 8)


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_an_invalid_example_is_not(path: Path) -> None:
    text = path.read_bytes().decode()
    if path.stem == "duplicate_key_in_arguments":
        text = text.replace("\\u0069d", "id")
    accepted = [thoughts for thoughts in GRAMMARS if GRAMMARS[thoughts].accepts(text, ANY_LENGTH)]
    assert accepted == ([False] if path.stem in BEYOND_GRAMMAR else [])


@pytest.mark.parametrize("thoughts", [False, True])
def test_what_a_model_writes_under_the_grammar_is_canonical(thoughts: bool) -> None:
    refusals = []
    for seed in range(250):
        text = GRAMMARS[thoughts].sample(random.Random(seed))
        try:
            messages = parse_conversation(text, thoughts=thoughts)
        except DMLError as error:
            refusals.append(error.rule)
        else:
            assert render_conversation(messages) == text, f"seed {seed}"
    assert set(refusals) == {"duplicate-key"}  # no grammar of this kind can say that keys differ
    assert len(refusals) < 125


@pytest.mark.parametrize("thoughts", [False, True])
@pytest.mark.parametrize(("turns", "accepted"), [(2, False), (3, True), (8, True), (9, False)])
def test_a_conversation_has_3_to_8_turns(thoughts: bool, turns: int, accepted: bool) -> None:
    thought = "<assistant_thought>x</assistant_thought>\n" if thoughts else ""
    assert GRAMMARS[thoughts].accepts(f"</user> u\n{thought}</assistant> a\n" * turns) == accepted


@pytest.mark.parametrize(("steps", "accepted"), [(6, True), (7, False)])
@pytest.mark.parametrize(("group", "group_accepted"), [(1, True), (2, True), (4, True), (5, False)])
def test_a_turn_has_at_most_6_steps_of_at_most_4_calls(
    steps: int, accepted: bool, group: int, group_accepted: bool
) -> None:
    pair = '<tool>{"name": "A", "arguments": {}}</tool>\n<tool_response>1</tool_response>\n' * group
    step = f"<parallel>\n{pair}</parallel>\n" if group > 1 else pair
    text = f"</user> u\n{step * steps}</assistant> a\n"
    assert parse_conversation(text)
    assert GRAMMARS[False].accepts(text, Ref("turn")) == (accepted and group_accepted)


@settings(max_examples=150, deadline=None)
@given(raw_text)
def test_words_are_the_stripped_texts_without_tags(text: str) -> None:
    is_text = bool(text) and text == text.strip() and not TAG.search(text)
    assert GRAMMARS[False].accepts(text, Ref("words")) == is_text


@settings(max_examples=150, deadline=None)
@given(json_texts)
def test_strings_are_the_canonical_json_strings(text: str) -> None:
    assert GRAMMARS[False].accepts(values.write_json(text), Ref("string"))


@settings(max_examples=150, deadline=None)
@given(raw_text)
def test_a_string_that_the_grammar_takes_is_canonical(inner: str) -> None:
    written = f'"{inner}"'
    try:
        value, end = values.read_json(written, 0)
        canonical = end == len(written) and values.write_json(value) == written
    except DMLError:
        canonical = False
    assert GRAMMARS[False].accepts(written, Ref("string")) == canonical


@pytest.mark.parametrize(
    ("written", "accepted"),
    [
        ("0", True),
        ("-0", False),
        ("007", False),
        ("-12", True),
        ("1.0", True),
        ("1.50", False),
        ("-0.0", True),
        ("53.079296", True),
        ("0.00001", True),
        ("0.000001", False),
        ("1e-6", True),
        ("1e-5", False),
        ("1e16", True),
        ("1e15", False),
        ("1E16", False),
        ("1.0e16", False),
        ("NaN", False),
    ],
)
def test_numbers_are_the_canonical_ones(written: str, accepted: bool) -> None:
    assert GRAMMARS[False].accepts(written, Ref("scalar")) == accepted
    if accepted:
        assert values.write_json(values.read_json(written, 0)[0]) == written


def bounded(value: Json, level: int = 1) -> bool:
    """Whether the grammar's bounds on numbers and depth leave room for `value`."""
    if isinstance(value, float):
        return len(repr(value).strip("-0.").replace(".", "").split("e")[0]) <= 7 and 1e-5 < abs(value) < 1e8
    if isinstance(value, int):
        return abs(value) < 10**18
    if isinstance(value, list | dict):
        inner = value.values() if isinstance(value, dict) else value
        return level <= 6 and all(bounded(child, level + 1) for child in inner)
    return True


@settings(max_examples=100, deadline=None)
@given(json_values.filter(bounded))
def test_values_are_in_the_grammar_as_they_are_written(value: Json) -> None:
    assert GRAMMARS[False].accepts(values.write_json(value), Ref("value-1"))


def in_bounds(messages: tuple[Message, ...]) -> bool:
    return all(
        bounded(message.result.content if message.result else None)
        and all(bounded(call.arguments) for call in message.tool_calls)
        for message in messages
    )


@settings(max_examples=25, deadline=None)
@given(conversations().filter(in_bounds))
def test_rendered_conversations_are_in_one_of_the_grammars(messages: tuple[Message, ...]) -> None:
    text = render_conversation(messages)
    thoughtful = {message.thought is not None for message in messages if message.role == "assistant"}
    for thoughts in (False, True):
        assert GRAMMARS[thoughts].accepts(text, ANY_LENGTH) == (thoughtful == {thoughts})
