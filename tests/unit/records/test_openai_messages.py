"""What a conversation is as OpenAI messages, and its tools as function definitions."""

import json

import pytest

from funcdex_assets.records.message import Message, ToolCall, ToolResult
from funcdex_assets.records.openai_messages import to_openai_messages, to_openai_tools
from funcdex_assets.records.tool import Tool


def only(message: Message) -> dict:
    (written,) = to_openai_messages([message], None)
    return written


@pytest.mark.parametrize(
    ("message", "written"),
    [
        pytest.param(
            Message(role="user", content="Hi & <b>"),
            {"role": "user", "content": "Hi & <b>"},
            id="a user: role and content, as they are",
        ),
        pytest.param(
            Message(role="assistant", content="Hello."),
            {"role": "assistant", "content": "Hello."},
            id="an answer has no empty tool_calls, which trainers would take for a call",
        ),
        pytest.param(
            Message(role="assistant", content="Hello.", thought="A greeting."),
            {"role": "assistant", "content": "Hello.", "reasoning_content": "A greeting."},
            id="a thought is beside the content, where reasoning templates look for it",
        ),
        pytest.param(
            Message(role="assistant", tool_calls=(ToolCall(id="call_1", name="PING", arguments={}),)),
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "PING", "arguments": {}}}],
            },
            id="a silent call has empty content, because templates concatenate it",
        ),
        pytest.param(
            Message(role="tool", result=ToolResult(call_id="call_1", name="PING", content={"ok": True})),
            {"role": "tool", "tool_call_id": "call_1", "name": "PING", "content": '{"ok":true}'},
            id="a result is JSON text",
        ),
        pytest.param(
            Message(
                role="tool", result=ToolResult(call_id="call_1", name="PING", content={"error": "down"}, error=True)
            ),
            {"role": "tool", "tool_call_id": "call_1", "name": "PING", "content": '{"error":"down"}'},
            id="an error is a result like others",
        ),
        pytest.param(
            Message(role="tool", result=ToolResult(call_id="call_1", name="PING", content="sent")),
            {"role": "tool", "tool_call_id": "call_1", "name": "PING", "content": '"sent"'},
            id="a result that is a string is quoted, so that it parses again",
        ),
    ],
)
def test_a_message(message, written):
    assert only(message) == written


def test_arguments_stay_objects_with_their_types():
    arguments = {"n": 1, "x": 0.1, "on": False, "none": None, "deep": {"list": [1, "é"]}, "text": '{"a": 1}'}
    call = ToolCall(id="call_1", name="PING", arguments=arguments)
    written = only(Message(role="assistant", tool_calls=(call,)))["tool_calls"][0]["function"]["arguments"]
    assert json.dumps(written) == json.dumps(arguments)


def test_parallel_calls_are_one_message_followed_by_their_results_in_order(conversation):
    written = to_openai_messages(conversation, None)
    assert [message["role"] for message in written] == [
        "user",
        "assistant",
        "tool",
        "tool",
        "assistant",
        "tool",
        "assistant",
    ]
    assert [call["id"] for call in written[1]["tool_calls"]] == ["call_1", "call_2"]
    assert [message["tool_call_id"] for message in written[2:4]] == ["call_1", "call_2"]
    assert json.loads(written[3]["content"]) == {"error": "quota exceeded"}


def test_results_keep_their_characters(conversation):
    result = to_openai_messages(conversation, None)[2]["content"]
    assert result == '{"files":[{"id":"f</tool>"}]}'


@pytest.mark.parametrize(
    ("prompt", "roles"), [("Be brief.", ["system", "user"]), (None, ["user"]), ("", ["user"])], ids=repr
)
def test_the_system_prompt_comes_first_if_there_is_one(prompt, roles):
    written = to_openai_messages([Message(role="user", content="Hi")], prompt)
    assert [message["role"] for message in written] == roles
    assert not prompt or written[0]["content"] == prompt


def test_tools_are_function_definitions_without_what_only_we_know():
    schema = {"type": "object", "properties": {"to": {"type": "string"}}, "required": ["to"]}
    tool = Tool(
        toolkit="gmail", name="SEND", description="Sends.", parameters=schema, returns={"type": "object"}, source="x"
    )
    assert to_openai_tools([tool]) == [
        {"type": "function", "function": {"name": "SEND", "description": "Sends.", "parameters": schema}}
    ]
