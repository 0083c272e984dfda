"""Converts conversations to OpenAI messages with tools, which TRL's SFTTrainer and Unsloth read, and back.

Arguments are JSON objects, not strings, because chat templates print them with `tojson` and a string
would be quoted twice. A thought goes into `reasoning_content`, the field that chat templates of
reasoning models know.

>>> to_openai_messages([Message(role="user", content="List my threads.")], system_prompt=None)
[{'role': 'user', 'content': 'List my threads.'}]
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from funcdex_assets.records.message import Message, ToolCall, ToolResult
from funcdex_assets.records.tool import Tool


def to_openai_messages(messages: Sequence[Message], system_prompt: str | None) -> list[dict[str, Any]]:
    """Converts a conversation; the system prompt, if there is one, becomes the first message."""
    head = [{"role": "system", "content": system_prompt}] if system_prompt else []
    return [*head, *(_to_openai_message(message) for message in messages)]


def parse_openai_messages(messages: Sequence[Mapping[str, Any]]) -> tuple[Message, ...]:
    """Parses OpenAI messages; the system prompt is left out, and no result is marked as an error (the format cannot).

    Raises:
        KeyError: a message lacks a field that its role needs.
    """
    return tuple(_parse_message(message) for message in messages if message["role"] != "system")


def to_openai_tools(tools: Sequence[Tool]) -> list[dict[str, Any]]:
    """Converts tools to OpenAI function definitions."""
    return [
        {
            "type": "function",
            "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
        }
        for tool in tools
    ]


def _to_openai_message(message: Message) -> dict[str, Any]:
    if message.result is not None:
        return {
            "role": "tool",
            "tool_call_id": message.result.call_id,
            "name": message.result.name,
            "content": msgspec.json.encode(message.result.content).decode(),
        }
    converted: dict[str, Any] = {"role": message.role, "content": message.content or ""}
    if message.thought:
        converted["reasoning_content"] = message.thought
    if message.tool_calls:
        converted["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    return converted


def _parse_message(message: Mapping[str, Any]) -> Message:
    if message["role"] == "tool":
        content = msgspec.json.decode(message["content"])
        return Message(
            role="tool",
            result=ToolResult(call_id=message["tool_call_id"], name=message.get("name", ""), content=content),
        )
    calls = tuple(
        ToolCall(id=call["id"], name=call["function"]["name"], arguments=call["function"]["arguments"])
        for call in message.get("tool_calls") or ()
    )
    return Message(
        role=message["role"],
        content=message.get("content") or None,
        thought=message.get("reasoning_content"),
        tool_calls=calls,
    )
