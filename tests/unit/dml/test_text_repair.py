"""What is structural is put right; where two things could be meant, nothing is."""

import json

import pytest
from dialogue_cases import CLEAN, CONTACTS, assistant, call, result, user
from hypothesis import given, settings
from hypothesis import strategies as st
from offline import played

from funcdex_assets.dml.markup import DMLError
from funcdex_assets.dml.parse import parse_conversation
from funcdex_assets.dml.render import render_conversation
from funcdex_assets.dml.text_repair import renumber_calls, repair_json, repair_text

TEXT = render_conversation(CLEAN)


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(f"Sure! Here is the conversation:\n\n{TEXT}", id="prose before it"),
        pytest.param(f"Here:\n```dml\n{TEXT}\n```\n", id="a fence within prose"),
        pytest.param(TEXT.replace("</user>", "<user>").replace("</assistant>", "<assistant>"), id="no slashes"),
        pytest.param(TEXT.replace("</tool>", "", 1), id="a call without its end"),
        pytest.param(TEXT.replace("</tool_response>", ""), id="results without their ends"),
        pytest.param(TEXT.replace("</assistant> I found", "I found"), id="a reply without its tag"),
        pytest.param(TEXT.replace('"query": "Varga"}}', '"query": "Varga",}}'), id="a trailing comma"),
        pytest.param(TEXT.replace('"query": "Varga"}}', '"query": "Varga"}'), id="a missing brace"),
        pytest.param(TEXT.replace('"query": "Varga"}}', '"query": "Varga"}}}'), id="a brace too many"),
        pytest.param(TEXT.replace('{"query": "Varga"}', "{'query': 'Varga'}"), id="single quotes"),
        pytest.param(TEXT.replace("</tool>\n", "</tool>\nThe result is:\n"), id="prose between a call and its result"),
    ],
)
def test_a_text_is_mended_to_what_was_meant(broken):
    with pytest.raises(DMLError):
        parse_conversation(broken)
    assert parse_conversation(repair_text(broken) or "") == CLEAN


@pytest.mark.parametrize("arguments", ["null", '""', '"null"', '"{}"', json.dumps(json.dumps("{}"))])
def test_arguments_that_stand_for_none_become_an_empty_object(arguments):
    text = (
        f'</user> Which berths are free?\n<tool>{{"name": "LIST_BERTHS", "arguments": {arguments}}}</tool>\n'
        "<tool_response>[]</tool_response>\n</assistant> None."
    )
    with pytest.raises(DMLError):
        parse_conversation(text)
    assert parse_conversation(repair_text(text) or "")[1].tool_calls[0].arguments == {}


def test_tags_in_pairs_as_in_html():
    text = "<user>Hi</user>\n<assistant>Hello!</assistant>\n<user>Bye</user>\n<assistant>Bye!</assistant>"
    assert [message.content for message in parse_conversation(repair_text(text) or "")] == [
        "Hi",
        "Hello!",
        "Bye",
        "Bye!",
    ]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        pytest.param('{"a": [1, 2,],}', {"a": [1, 2]}, id="trailing commas"),
        pytest.param("{'a': 'it\\'s'}", {"a": "it's"}, id="an escaped apostrophe"),
        pytest.param("{'a': 'it's'}", {"a": "it's"}, id="an apostrophe"),
        pytest.param("{'a': 'say \"hi\"'}", {"a": 'say "hi"'}, id="double within single"),
        pytest.param('{"a": "one\ntwo\tthree"}', {"a": "one\ntwo\tthree"}, id="line breaks"),
        pytest.param("{'a': True, 'b': None}", {"a": True, "b": None}, id="Python's literals"),
        pytest.param('{"a": {"b": [1', {"a": {"b": [1]}}, id="cut brackets"),
        pytest.param('{"a": "cut', None, id="a string without end"),
        pytest.param('{"a": 1]', None, id="another bracket"),
        pytest.param("nothing", None, id="no JSON"),
    ],
)
def test_json(text, meant):
    if meant is None:
        assert repair_json(text) == text
    else:
        assert json.loads(repair_json(text)) == meant


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda part: st.lists(part) | st.dictionaries(st.text(), part),
)


@given(json_values)
@settings(max_examples=100, deadline=None)
def test_what_is_json_stays_as_it_is(value):
    text = json.dumps(value, ensure_ascii=False)
    assert repair_json(text) == text


@given(st.text(alphabet="<>/useratolsi{}[]'\",: \n", max_size=60))
@settings(max_examples=300, deadline=None)
def test_whatever_the_text_nothing_raises(text):
    repair_text(f"</user> {text}")
    repair_json(text)


def test_a_good_text_is_not_touched():
    for one in played("jira_gmail", 6):
        assert repair_text(render_conversation(one.conversation.messages)) is None
    assert repair_text("No markup at all.") is None


BOTH = (call(1, "FIND_CONTACT", query="Varga"), call(2, "SEND_EMAIL", to="a@b.de", subject="x"))
ANSWERS = (result(1, "FIND_CONTACT", CONTACTS), result(2, "SEND_EMAIL", {"message_id": "m"}))
PAIR = (user("Do both."), assistant(None, *BOTH), *ANSWERS, assistant("Done."))


def other_ids(*ids):
    """The pair of calls with other ids."""
    calls = [call(number, *(one.name,), **one.arguments) for number, one in zip(ids, BOTH, strict=True)]
    return (PAIR[0], assistant(None, *calls), *PAIR[2:])


@pytest.mark.parametrize(
    "messages",
    [
        pytest.param(PAIR, id="right"),
        pytest.param(other_ids(7, 9), id="other ids, told apart by their names"),
        pytest.param((*PAIR[:2], ANSWERS[1], ANSWERS[0], PAIR[4]), id="results in another order"),
    ],
)
def test_ids_and_pairs_are_restored(messages):
    assert renumber_calls(messages) == PAIR


@pytest.mark.parametrize(
    "messages",
    [
        pytest.param((*PAIR[:3], PAIR[4]), id="a result is missing"),
        pytest.param((PAIR[0], PAIR[2], PAIR[4]), id="a result of no call"),
        pytest.param(
            (
                PAIR[0],
                assistant(None, call(1, "FIND_CONTACT", query="a"), call(2, "SEND_EMAIL", to="b")),
                result(3, "FIND_CONTACT", {}),
                result(4, "LAUNCH", {}),
            ),
            id="a result of another tool",
        ),
    ],
)
def test_what_is_not_clear_is_left(messages):
    assert renumber_calls(messages) is None
