"""Conversations as OpenAI messages with tools: what TRL's SFTTrainer and Unsloth read.

Arguments are JSON objects, not strings, because chat templates print them with `tojson` and a string
would be quoted twice. A thought goes into `reasoning_content`, the field that chat templates of
reasoning models know.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from funcdex_assets.records.message import Message, ToolCall, ToolResult
from funcdex_assets.records.tool import Tool


def openai_messages(messages: Sequence[Message], system_prompt: str | None) -> list[dict[str, Any]]:
    """The conversation, begun by the system prompt if there is one."""
    head = [{"role": "system", "content": system_prompt}] if system_prompt else []
    return [*head, *(_message(message) for message in messages)]


def from_openai(messages: Sequence[Mapping[str, Any]]) -> tuple[Message, ...]:
    """Such messages read back, without the system prompt. Which results are errors is not said in them.

    Raises:
        KeyError: a message lacks what its role has.
    """
    return tuple(_read(message) for message in messages if message["role"] != "system")


def openai_tools(tools: Sequence[Tool]) -> list[dict[str, Any]]:
    return [
        {
            "type": "function",
            "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
        }
        for tool in tools
    ]


def _message(message: Message) -> dict[str, Any]:
    if message.result is not None:
        return {
            "role": "tool",
            "tool_call_id": message.result.call_id,
            "name": message.result.name,
            "content": msgspec.json.encode(message.result.content).decode(),
        }
    written: dict[str, Any] = {"role": message.role, "content": message.content or ""}
    if message.thought:
        written["reasoning_content"] = message.thought
    if message.tool_calls:
        written["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    return written


def _read(message: Mapping[str, Any]) -> Message:
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
