"""Converts conversations to OpenAI messages with tools, which TRL's SFTTrainer reads, and back.

Arguments are JSON objects, not strings, because chat templates print them with `tojson` and a string
would be quoted twice. A thought goes into `reasoning_content`, the field that chat templates of
reasoning models know.

>>> to_openai_messages([Message(role="user", content="List my threads.")], system_prompt=None)
[{'role': 'user', 'content': 'List my threads.'}]
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from funcdex_assets.records.declared_meaning import without_declared_meanings
from funcdex_assets.records.message import Message, ToolCall, ToolResult
from funcdex_assets.records.tool import Tool

_MOST_QUOTED = 2  # times that an object of arguments may be written as JSON text


def to_openai_messages(messages: Sequence[Message], system_prompt: str | None) -> list[dict[str, Any]]:
    """Converts a conversation; the system prompt, if there is one, becomes the first message."""
    head = [{"role": "system", "content": system_prompt}] if system_prompt else []
    return [*head, *(_to_openai_message(message) for message in messages)]


def parse_openai_messages(messages: Sequence[Mapping[str, Any]]) -> tuple[Message, ...]:
    """Parses OpenAI messages; the system prompt is left out, and no result is marked as an error (the format cannot).

    Raises:
        KeyError: a message lacks a field that its role needs.
        ValueError: the arguments of a call are no object.
    """
    return tuple(_parse_message(message) for message in messages if message["role"] != "system")


def read_call_arguments(arguments: Any) -> dict[str, Any]:
    """Reads the arguments of a call as models and servers write them: an object, its JSON text, that text quoted once
    more, or nothing (null or an empty text) where there are none.

    Raises:
        ValueError: they are no object.

    >>> [read_call_arguments(written) for written in ({"to": "Bo"}, '{"to": "Bo"}', None, "", "null", '"{}"')]
    [{'to': 'Bo'}, {'to': 'Bo'}, {}, {}, {}, {}]
    """
    value = arguments
    for _ in range(_MOST_QUOTED):
        if isinstance(value, str):
            value = msgspec.json.decode(value) if value.strip() else None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"the arguments of a call are {str(arguments)[:200]!r}, not an object")
    return value


def to_openai_tools(tools: Sequence[Tool]) -> list[dict[str, Any]]:
    """Converts tools to OpenAI function definitions, as models see them: without declared meanings of fields."""
    return [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description,
                "parameters": without_declared_meanings(tool.parameters),
            },
        }
        for tool in tools
    ]


def parse_openai_tools(definitions: Sequence[Mapping[str, Any]], toolkit: str) -> list[Tool]:
    """Parses OpenAI function definitions as tools of a toolkit; what they return is not known.

    Raises:
        KeyError: a definition lacks its function or a name.
    """
    functions = [definition["function"] for definition in definitions]
    return [
        Tool(toolkit, function["name"], function.get("description", ""), function.get("parameters", {}), None, "")
        for function in functions
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
        ToolCall(
            id=call["id"],
            name=call["function"]["name"],
            arguments=read_call_arguments(call["function"].get("arguments")),
        )
        for call in message.get("tool_calls") or ()
    )
    return Message(
        role=message["role"],
        content=message.get("content") or None,
        thought=message.get("reasoning_content"),
        tool_calls=calls,
    )
