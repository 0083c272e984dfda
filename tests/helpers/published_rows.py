"""Small published rows, in the words of the tests that count in them."""

import json
from typing import Any

from funcdex_assets.records.verdict import TurnVerdict
from funcdex_assets.training.token_rows import PublishedRow


def define(tool: str, required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    """A tool, described by the words of its name."""
    parameters = {"type": "object", "properties": properties, "required": list(required)}
    words = tool.lower().replace("_", " ").capitalize()
    return {"type": "function", "function": {"name": tool, "description": f"{words}.", "parameters": parameters}}


FIND = define("FIND_CONTACT", ("query",), query={"type": "string"}, exact={"type": "boolean"})
SEND = define(
    "SEND_EMAIL",
    ("to",),
    to={"type": "string"},
    at={"type": "string", "format": "date-time"},
    copies={"type": "array", "items": {"type": "string"}},
    importance={"type": "string", "enum": ["high", "low"]},
    retries={"type": "integer"},
    draft={"type": ["boolean", "null"]},
    options={"type": "object", "properties": {"track": {"type": "boolean"}, "color": {"enum": ["red"]}}},
)


def says(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def answers(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


def calls(*called: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """One message of the assistant with these calls."""
    written = [
        {"id": f"call_{number}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for number, (name, arguments) in enumerate(called)
    ]
    return {"role": "assistant", "content": "", "tool_calls": written}


def gives(content: Any) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": "call_0", "content": json.dumps(content, ensure_ascii=False)}


def row(
    *messages: dict[str, Any],
    number: int = 0,
    split: Any = "train",
    kind: str = "simple",
    tools: tuple[dict[str, Any], ...] = (FIND, SEND),
    partition: str = "mail",
    scores: tuple[int, ...] = (),
) -> PublishedRow:
    verdicts = tuple(TurnVerdict(turn, score > 2, score, "", 0, 1) for turn, score in enumerate(scores))
    return PublishedRow(
        id=f"conversation_{number}",
        partition=partition,
        messages=list(messages),
        tools=list(tools),
        kind=kind,
        turn_verdicts=verdicts,
        split=split,
    )
