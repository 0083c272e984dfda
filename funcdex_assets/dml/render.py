"""Writes a conversation as canonical DML text: each element on its own line, the last line ended too.

Here belongs the canonical form and nothing else; what may be written is in `structure`.

>>> print(render([Message(role="user", content="Hi"), Message(role="assistant", content="Hello.")]), end="")
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
    """The canonical text, of which `parse` gives back equal messages; else raises DMLError."""
    check(messages)
    lines: list[str] = []
    at = 0
    while at < len(messages):
        message = messages[at]
        if message.thought is not None:
            lines.append(f"{THOUGHT}{escape(message.thought)}{THOUGHT_END}\n")
        if message.content is not None:
            lines.append(f"{USER if message.role == 'user' else ASSISTANT} {escape(message.content)}\n")
        parallel = len(message.tool_calls) > 1
        if parallel:
            lines.append(f"{GROUP}\n")
        for place, call in enumerate(message.tool_calls):
            answer = at + 1 + place
            lines.append(_call(call, at, place))
            lines.append(_result(messages[answer].result, answer))
        if parallel:
            lines.append(f"{GROUP_END}\n")
        at += 1 + len(message.tool_calls)
    return "".join(lines)


def _call(call: ToolCall, message: int, place: int) -> str:
    written = _value({"name": call.name, "arguments": call.arguments}, message, f"/tool_calls/{place}")
    return f"{CALL}{written}{CALL_END}\n"


def _result(result: ToolResult | None, message: int) -> str:
    assert result is not None  # `check` has seen it
    content = _value(result.content, message, "/result/content")
    if result.error:
        return f"{ERROR}{content}{ERROR_END}\n"
    return f"{RESPONSE}{content}{RESPONSE_END}\n"


def _value(value: Json, message: int, pointer: str) -> str:
    try:
        return values.write(value)
    except ValueError:
        raise values.value_error(value, message, pointer) from None
