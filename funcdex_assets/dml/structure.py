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

from funcdex_assets.dml.markup import TOOL_NAME, message_error, shorten_value
from funcdex_assets.records.message import Message, ToolCall, ToolResult


def check_conversation(messages: Sequence[Message]) -> None:
    """Raises DMLError, with the message's index, at the first message that breaks a rule."""
    index, calls_so_far = 0, 0
    while index < len(messages) or index == 0:
        _check_user_message(messages, index)
        index += 1
        while True:
            assistant_message = _check_assistant_message(messages, index)
            if not assistant_message.tool_calls:
                break
            for call_index, call in enumerate(assistant_message.tool_calls):
                calls_so_far += 1
                _check_call(call, f"call_{calls_so_far}", index, f"/tool_calls/{call_index}")
            for call in assistant_message.tool_calls:
                index += 1
                _check_result(messages, index, call)
            index += 1
        index += 1


def _check_user_message(messages: Sequence[Message], index: int) -> None:
    if index >= len(messages) or messages[index].role != "user":
        raise message_error(
            "order" if index else "start", index, "", _describe_message(messages, index), "a user message"
        )
    message = messages[index]
    if message.thought is not None or message.tool_calls or message.result is not None:
        raise message_error("fields", index, "", _describe_fields(message), "content only")
    _check_text(message.content, index, "/content")


def _check_assistant_message(messages: Sequence[Message], index: int) -> Message:
    if index >= len(messages):
        raise message_error("end", index, "", _describe_message(messages, index), "an assistant message")
    message = messages[index]
    if message.role != "assistant":
        raise message_error("order", index, "", _describe_message(messages, index), "an assistant message")
    if message.result is not None:
        raise message_error("fields", index, "/result", _describe_fields(message), "no result")
    if message.content is not None or not message.tool_calls:
        _check_text(message.content, index, "/content")
    if message.thought is not None:
        _check_text(message.thought, index, "/thought")
    return message


def _check_call(call: ToolCall, expected_id: str, index: int, pointer: str) -> None:
    if call.id != expected_id:
        raise message_error("id", index, f"{pointer}/id", shorten_value(call.id), shorten_value(expected_id))
    if type(call.name) is not str or not TOOL_NAME.fullmatch(call.name):
        raise message_error("call", index, f"{pointer}/name", shorten_value(call.name), "a tool name")
    if type(call.arguments) is not dict:
        raise message_error("call", index, f"{pointer}/arguments", shorten_value(call.arguments), "an object")


def _check_result(messages: Sequence[Message], index: int, call: ToolCall) -> None:
    expected = f"the result of {call.id} ({call.name})"
    if index >= len(messages) or messages[index].role != "tool":
        raise message_error("response", index, "", _describe_message(messages, index), expected)
    message = messages[index]
    if message.content is not None or message.thought is not None or message.tool_calls:
        raise message_error("fields", index, "", _describe_fields(message), "result only")
    result = message.result
    if not isinstance(result, ToolResult):
        raise message_error("fields", index, "/result", shorten_value(result), expected)
    if (result.call_id, result.name) != (call.id, call.name):
        other_result = f"a result of {shorten_value(result.call_id)} ({shorten_value(result.name)})"
        raise message_error("response", index, "/result", other_result, expected)
    if not isinstance(result.error, bool):
        raise message_error("fields", index, "/result/error", shorten_value(result.error), "true or false")


def _check_text(text: object, index: int, pointer: str) -> None:
    if not isinstance(text, str):
        raise message_error("fields", index, pointer, shorten_value(text), "text")
    if not text or text.isspace():
        raise message_error("empty", index, pointer, shorten_value(text), "text that can be seen")
    if text != text.strip():
        raise message_error("space", index, pointer, shorten_value(text), "no white space around the text")
    if "\0" in text or not _is_unicode(text):
        raise message_error("character", index, pointer, shorten_value(text), "Unicode characters other than NUL")


def _is_unicode(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _describe_message(messages: Sequence[Message], index: int) -> str:
    if index >= len(messages):
        return "the end of the messages"
    return f"a message of role {shorten_value(messages[index].role)}"


def _describe_fields(message: Message) -> str:
    names = ("content", "thought", "tool_calls", "result")
    present = [name for name in names if getattr(message, name) not in (None, ())]
    return f"{message.role} with {', '.join(present)}"
