"""What holds for every conversation and every text, not only for the examples."""

from contextlib import suppress

from dml_strategies import FRAGMENTS, conversations, json_texts, json_values, raw_text
from hypothesis import given, settings
from hypothesis import strategies as st

from funcdex_assets.dml import values
from funcdex_assets.dml.markup import TAG, DMLError, escape_tags, unescape_tags
from funcdex_assets.dml.parse import parse_conversation
from funcdex_assets.dml.render import render_conversation
from funcdex_assets.records.message import Message
from funcdex_assets.records.record import Json


@settings(max_examples=100, deadline=None)
@given(conversations())
def test_parsing_what_was_rendered_gives_the_messages_back(messages: tuple[Message, ...]) -> None:
    text = render_conversation(messages)
    assert parse_conversation(text) == messages
    assert render_conversation(parse_conversation(text)) == text


@settings(max_examples=200, deadline=None)
@given(raw_text)
def test_an_escaped_text_spells_no_tag_and_comes_back(text: str) -> None:
    assert not TAG.search(escape_tags(text))
    assert unescape_tags(escape_tags(text)) == text


@settings(max_examples=200, deadline=None)
@given(raw_text)
def test_a_text_without_tags_is_its_own_escape(text: str) -> None:
    plain = TAG.sub("", text)
    if not TAG.search(plain):
        assert escape_tags(unescape_tags(plain)) == plain


@settings(max_examples=200, deadline=None)
@given(json_values, json_texts)
def test_a_written_value_spells_no_tag_and_is_read_up_to_its_end(value: Json, after: str) -> None:
    written = values.write_json(value)
    assert not TAG.search(written)
    if not isinstance(value, int | float):  # digits after a number would belong to it
        assert values.read_json(written + after, 0) == (value, len(written))


@st.composite
def mutations(draw: st.DrawFn) -> str:
    text = render_conversation(draw(conversations(max_turns=2)))
    for _ in range(draw(st.integers(1, 3))):
        here, there = sorted((draw(st.integers(0, len(text))), draw(st.integers(0, len(text)))))
        insert = draw(st.sampled_from(["", *FRAGMENTS, text[here:there], "\ud800", "\0"]))
        keep = draw(st.booleans())
        text = text[:here] + insert + text[here if keep else there :]
    return text


@settings(max_examples=150, deadline=None)
@given(mutations())
def test_a_damaged_text_is_refused_or_is_another_conversation(text: str) -> None:
    try:
        messages = parse_conversation(text)
    except DMLError as error:
        refused = error.offset is not None and 0 <= error.offset <= len(text) and error.rule in str(error)
    else:
        refused = False
        assert parse_conversation(render_conversation(messages)) == messages
    assert refused or messages


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters()) | raw_text)
def test_no_text_breaks_the_parser(text: str) -> None:
    for given_text in (text, f"</user> {text}", f"</user> u <tool>{text}"):
        with suppress(DMLError):
            assert parse_conversation(given_text)[0].role == "user"
