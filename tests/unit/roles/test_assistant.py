"""How a move of the assistant is read, whatever a model or a server takes no arguments to be."""

import json
from typing import Any

import msgspec
import pytest

from funcdex_assets.inference.answers import read_answer
from funcdex_assets.inference.protocol import NO_USAGE, ChatToolCall, Completion
from funcdex_assets.roles.assistant import NATIVE, Call, Move

ABSENT = object()
NO_ARGUMENTS = {
    "an empty object": {},
    "its text": "{}",
    "its text, quoted once more": json.dumps("{}"),
    "null": None,
    "the text null": "null",
    "an empty text": "",
    "a field that is missing": ABSENT,
}
ARGUMENTS = {
    "an object": {"berth": "K4"},
    "its text": '{"berth": "K4"}',
    "its text, quoted once more": json.dumps('{"berth": "K4"}'),
}


def read_native(arguments: Any) -> Move:
    """Reads a call from the body of a server's response, as it is when it arrives."""
    function = {"name": "LIST_BERTHS"} | ({} if arguments is ABSENT else {"arguments": arguments})
    message = {"content": None, "tool_calls": [{"id": "c", "function": function}]}
    answer = read_answer(json.dumps({"choices": [{"message": message, "finish_reason": "tool_calls"}]}).encode())
    calls = answer.choices[0].message.chat_tool_calls
    assert NATIVE.read is not None
    return NATIVE.read(Completion("", "tool_calls", NO_USAGE, 0.0, "tiny", tool_calls=calls))


def read_json(arguments: Any) -> Move:
    call = {"name": "LIST_BERTHS"} | ({} if arguments is ABSENT else {"arguments": arguments})
    return msgspec.json.decode(json.dumps({"calls": [call]}), type=Move)


@pytest.mark.parametrize("read", [read_native, read_json])
@pytest.mark.parametrize("arguments", NO_ARGUMENTS.values(), ids=NO_ARGUMENTS)
def test_what_stands_for_no_arguments_is_an_empty_object(read, arguments):
    assert read(arguments).calls == [Call("LIST_BERTHS", {})]


@pytest.mark.parametrize("read", [read_native, read_json])
@pytest.mark.parametrize("arguments", ARGUMENTS.values(), ids=ARGUMENTS)
def test_arguments_are_an_object_however_often_they_were_quoted(read, arguments):
    assert read(arguments).calls == [Call("LIST_BERTHS", {"berth": "K4"})]


@pytest.mark.parametrize("arguments", ["[]", "7", "K4", '"K4"', "{", json.dumps(json.dumps(json.dumps("{}")))])
def test_what_is_no_object_is_no_answer(arguments):
    completion = Completion("", "stop", NO_USAGE, 0.0, "t", tool_calls=(ChatToolCall("c", "LIST_BERTHS", arguments),))
    assert NATIVE.read is not None
    with pytest.raises(ValueError):  # noqa: PT011  (of JSON, or of ours)
        NATIVE.read(completion)
    with pytest.raises(ValueError):  # noqa: PT011
        read_json(arguments)
