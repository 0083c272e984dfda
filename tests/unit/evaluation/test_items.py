"""Which messages of a conversation are items, and what is special about them."""

import pytest
from evaluation_cases import TOOLS, calling, result, saying, user

from funcdex_assets.evaluation.items import RowsError, list_items, list_published_items, looks_like_error
from funcdex_assets.records.training import ExpectedCall

MESSAGES = [
    {"role": "system", "content": "Be short."},
    user("Heat the house."),
    saying("To how many degrees?"),
    user("20."),
    calling("heat", {"to": 20}),
    result('{"error": {"code": 429}}'),
    calling("heat", {"to": 20}, "call_2"),
    result('{"status": "ok"}', "call_2"),
    saying("Done."),
]


def items(messages=MESSAGES, **more):
    return list_items(messages, TOOLS, conversation_id="c", **more)


def test_every_answer_to_a_user_or_a_result_is_an_item():
    assert [(one.item_id, bool(one.calls), one.text) for one in items()] == [
        ("c:2", False, "To how many degrees?"),
        ("c:4", True, None),
        ("c:6", True, None),
        ("c:8", False, "Done."),
    ]
    assert items()[1].messages == MESSAGES[:4]


def test_calls_in_one_message_are_one_set():
    both = calling("heat", {"to": 20})
    both["tool_calls"].append({"function": {"name": "light", "arguments": '{"on": true}'}})
    (one,) = items([user("Heat and light."), both])
    assert one.calls == (ExpectedCall("heat", {"to": 20}), ExpectedCall("light", {"on": True}))


def test_traits():
    assert [one.traits for one in items()] == [("asks_back",), (), ("after_error",), ()]
    assert [one.traits for one in items(failed_calls={"call_2"})] == [("asks_back",), (), (), ("after_error",)]


@pytest.mark.parametrize("kind", ["no_suitable_tool", "missing_function"])
def test_a_question_after_a_refusal_is_courtesy(kind):
    assert items(kind=kind)[0].traits == ()


@pytest.mark.parametrize(
    ("content", "is_error"),
    [
        ('{"error": "quota"}', True),
        ('{"errors": [{"message": "x"}]}', True),
        ('{"title": "Not found", "status": 404}', True),
        ("Error: no such file", True),
        ('{"errors": [], "files": []}', False),
        ('{"title": "Report", "status": "open"}', False),
        ('["error"]', False),
        ("All good", False),
    ],
)
def test_results_that_look_like_errors(content, is_error):
    assert looks_like_error(content) is is_error


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        pytest.param([{"role": "robot", "content": ""}], "message 0 has the role 'robot'", id="role"),
        pytest.param([user("a"), saying(3)], "the content of message 1 is 3", id="content"),
        pytest.param(
            [user("a"), calling("heat", {}) | {"tool_calls": ["heat"]}], "call 0 of message 1 is 'heat'", id="call"
        ),
        pytest.param(
            [user("a"), {"role": "assistant", "tool_calls": [{"function": {"name": "heat", "arguments": "[1]"}}]}],
            "the arguments of a call are '[1]', not an object",
            id="arguments",
        ),
    ],
)
def test_messages_that_cannot_be_read_are_explained(messages, said):
    with pytest.raises(RowsError) as error:
        items(messages)
    assert said in str(error.value)


def test_published_rows_tell_which_calls_failed():
    row = {
        "id": "conversation_1",
        "partition": "home",
        "kind": "error_recovery",
        "messages": MESSAGES,
        "tools": TOOLS,
        "step_trace": [{"call_id": "call_1", "outcome": "ok"}, {"call_id": "call_2", "outcome": "error"}],
    }
    listed = list_published_items(row)
    assert [one.traits for one in listed][2:] == [(), ("after_error",)]
    assert (listed[0].partition, listed[0].kind) == ("home", "error_recovery")


def test_a_row_without_messages_names_what_it_has():
    with pytest.raises(RowsError, match="the row has question, not messages and tools"):
        list_published_items({"question": "?"})
