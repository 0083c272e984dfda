"""Checks the structure of a conversation, on its messages.

The rules that a sequence of messages must keep to have a DML text stand here: roles in order, calls answered,
call ids counted, texts stripped. That argument and result values are JSON is checked when `render` writes them.

>>> from funcdex_assets.dml.markup import DMLError
>>> try:
...     check_conversation([Message(role="user", content="Hi")])
... except DMLError as error:
...     print(f"{error.rule}: message {error.message}, found {error.actual}, expected {error.expected}")
end: message 1, found the end of the messages, expected an assistant message
"""

from collections.abc import Sequence

from funcdex_assets.dml.markup import TOOL_NAME, brief, message_error
from funcdex_assets.records.message import Message, ToolCall, ToolResult


def check(messages: Sequence[Message]) -> None:
    """Raises DMLError, with the message's index, at the first message that breaks a rule."""
    index, calls_so_far = 0, 0
    while index < len(messages) or index == 0:
        _user(messages, index)
        index += 1
        while True:
            assistant_message = _assistant(messages, index)
            if not assistant_message.tool_calls:
                break
            for call_index, call in enumerate(assistant_message.tool_calls):
                calls_so_far += 1
                _call(call, f"call_{calls_so_far}", index, f"/tool_calls/{call_index}")
            for call in assistant_message.tool_calls:
                index += 1
                _result(messages, index, call)
            index += 1
        index += 1


def _user(messages: Sequence[Message], at: int) -> None:
    if at >= len(messages) or messages[at].role != "user":
        raise message_error("order" if at else "start", at, "", _what(messages, at), "a user message")
    message = messages[at]
    if message.thought is not None or message.tool_calls or message.result is not None:
        raise message_error("fields", at, "", _fields(message), "content only")
    _text(message.content, at, "/content")


def _assistant(messages: Sequence[Message], at: int) -> Message:
    if at >= len(messages):
        raise message_error("end", at, "", _what(messages, at), "an assistant message")
    message = messages[at]
    if message.role != "assistant":
        raise message_error("order", at, "", _what(messages, at), "an assistant message")
    if message.result is not None:
        raise message_error("fields", at, "/result", _fields(message), "no result")
    if message.content is not None or not message.tool_calls:
        _text(message.content, at, "/content")
    if message.thought is not None:
        _text(message.thought, at, "/thought")
    return message


def _call(call: ToolCall, identity: str, at: int, pointer: str) -> None:
    if call.id != identity:
        raise message_error("id", at, f"{pointer}/id", brief(call.id), brief(identity))
    if type(call.name) is not str or not TOOL_NAME.fullmatch(call.name):
        raise message_error("call", at, f"{pointer}/name", brief(call.name), "a tool name")
    if type(call.arguments) is not dict:
        raise message_error("call", at, f"{pointer}/arguments", brief(call.arguments), "an object")


def _result(messages: Sequence[Message], at: int, call: ToolCall) -> None:
    expected = f"the result of {call.id} ({call.name})"
    if at >= len(messages) or messages[at].role != "tool":
        raise message_error("response", at, "", _what(messages, at), expected)
    message = messages[at]
    if message.content is not None or message.thought is not None or message.tool_calls:
        raise message_error("fields", at, "", _fields(message), "result only")
    result = message.result
    if not isinstance(result, ToolResult):
        raise message_error("fields", at, "/result", brief(result), expected)
    if (result.call_id, result.name) != (call.id, call.name):
        other_result = f"a result of {brief(result.call_id)} ({brief(result.name)})"
        raise message_error("response", at, "/result", other_result, expected)
    if not isinstance(result.error, bool):
        raise message_error("fields", at, "/result/error", brief(result.error), "true or false")


def _text(text: object, at: int, pointer: str) -> None:
    if not isinstance(text, str):
        raise message_error("fields", at, pointer, brief(text), "text")
    if not text or text.isspace():
        raise message_error("empty", at, pointer, brief(text), "text that can be seen")
    if text != text.strip():
        raise message_error("space", at, pointer, brief(text), "no white space around the text")
    if "\0" in text or not _is_unicode(text):
        raise message_error("character", at, pointer, brief(text), "Unicode characters other than NUL")


def _is_unicode(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _what(messages: Sequence[Message], at: int) -> str:
    if at >= len(messages):
        return "the end of the messages"
    return f"a message of role {brief(messages[at].role)}"


def _fields(message: Message) -> str:
    names = ("content", "thought", "tool_calls", "result")
    present = [name for name in names if getattr(message, name) not in (None, ())]
    return f"{message.role} with {', '.join(present)}"
