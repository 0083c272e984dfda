"""Renders a conversation as canonical DML text: each element on its own line, the last line ended too.

Only the canonical form is decided here; which sequences of messages are a conversation is checked in `structure`.

>>> greeting = [Message(role="user", content="Hi"), Message(role="assistant", content="Hello.")]
>>> print(render_conversation(greeting), end="")
</user> Hi
</assistant> Hello.
"""

from collections.abc import Sequence

from funcdex_assets.dml import values
from funcdex_assets.dml.markup import (
    ASSISTANT,
    CALL,
    CALL_END,
    ERROR,
    ERROR_END,
    GROUP,
    GROUP_END,
    RESPONSE,
    RESPONSE_END,
    THOUGHT,
    THOUGHT_END,
    USER,
    escape,
)
from funcdex_assets.dml.structure import check
from funcdex_assets.records.message import Message, ToolCall, ToolResult
from funcdex_assets.records.record import Json


def render(messages: Sequence[Message]) -> str:
    """Returns the canonical text, from which `parse_conversation` reads back equal messages.

    Raises DMLError, with the message's index, for messages that are no conversation or values that are not JSON.
    """
    check(messages)
    lines: list[str] = []
    message_index = 0
    while message_index < len(messages):
        message = messages[message_index]
        if message.thought is not None:
            lines.append(f"{THOUGHT}{escape(message.thought)}{THOUGHT_END}\n")
        if message.content is not None:
            lines.append(f"{USER if message.role == 'user' else ASSISTANT} {escape(message.content)}\n")
        parallel = len(message.tool_calls) > 1
        if parallel:
            lines.append(f"{GROUP}\n")
        for call_index, call in enumerate(message.tool_calls):
            result_index = message_index + 1 + call_index
            lines.append(_call(call, message_index, call_index))
            lines.append(_result(messages[result_index].result, result_index))
        if parallel:
            lines.append(f"{GROUP_END}\n")
        message_index += 1 + len(message.tool_calls)
    return "".join(lines)


def _call(call: ToolCall, message: int, place: int) -> str:
    written = _value({"name": call.name, "arguments": call.arguments}, message, f"/tool_calls/{place}")
    return f"{CALL}{written}{CALL_END}\n"


def _result(result: ToolResult | None, message: int) -> str:
    assert result is not None  # `check_conversation` has made sure of it
    content = _value(result.content, message, "/result/content")
    if result.error:
        return f"{ERROR}{content}{ERROR_END}\n"
    return f"{RESPONSE}{content}{RESPONSE_END}\n"


def _value(value: Json, message: int, pointer: str) -> str:
    try:
        return values.write(value)
    except ValueError:
        raise values.value_error(value, message, pointer) from None
