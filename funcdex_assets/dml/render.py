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
    escape_tags,
)
from funcdex_assets.dml.structure import check_conversation
from funcdex_assets.records.message import Message, ToolCall, ToolResult
from funcdex_assets.records.record import Json


def render_conversation(messages: Sequence[Message]) -> str:
    """Returns the canonical text, from which `parse_conversation` reads back equal messages.

    Raises DMLError, with the message's index, for messages that are no conversation or values that are not JSON.
    """
    check_conversation(messages)
    lines: list[str] = []
    message_index = 0
    while message_index < len(messages):
        message = messages[message_index]
        if message.thought is not None:
            lines.append(f"{THOUGHT}{escape_tags(message.thought)}{THOUGHT_END}\n")
        if message.content is not None:
            lines.append(f"{USER if message.role == 'user' else ASSISTANT} {escape_tags(message.content)}\n")
        parallel = len(message.tool_calls) > 1
        if parallel:
            lines.append(f"{GROUP}\n")
        for call_index, call in enumerate(message.tool_calls):
            result_index = message_index + 1 + call_index
            lines.append(_render_call(call, message_index, call_index))
            lines.append(_render_result(messages[result_index].result, result_index))
        if parallel:
            lines.append(f"{GROUP_END}\n")
        message_index += 1 + len(message.tool_calls)
    return "".join(lines)


def _render_call(call: ToolCall, message_index: int, call_index: int) -> str:
    written = _render_value(
        {"name": call.name, "arguments": call.arguments}, message_index, f"/tool_calls/{call_index}"
    )
    return f"{CALL}{written}{CALL_END}\n"


def _render_result(result: ToolResult | None, message_index: int) -> str:
    assert result is not None  # `check_conversation` has made sure of it
    content = _render_value(result.content, message_index, "/result/content")
    if result.error:
        return f"{ERROR}{content}{ERROR_END}\n"
    return f"{RESPONSE}{content}{RESPONSE_END}\n"


def _render_value(value: Json, message_index: int, pointer: str) -> str:
    try:
        return values.write_json(value)
    except ValueError:
        raise values.explain_unwritable_value(value, message_index, pointer) from None
