from collections.abc import Callable
from typing import Any

import pytest
from example_facts import FACTS

from funcdex_assets.records.dataset import DatasetRow
from funcdex_assets.records.message import Message, ToolCall, ToolResult
from funcdex_assets.records.openai_messages import to_openai_messages, to_openai_tools
from funcdex_assets.records.tool import Tool

EMAIL = Tool(
    toolkit="gmail",
    name="SEND_EMAIL",
    description="Sends an email.",
    parameters={
        "type": "object",
        "properties": {"to": {"type": "string"}, "cc": {"type": ["string", "null"]}, "body": {"type": "string"}},
        "required": ["to", "body"],
    },
    returns=None,
    source="test",
)
FILES = Tool(
    toolkit="googledrive",
    name="FIND_FILES",
    description="Finds files.",
    parameters={"type": "object", "properties": {"filter": {"type": "object"}, "limit": {"type": "integer"}}},
    returns=None,
    source="test",
)
MESSAGES = (
    Message(role="user", content="Find my two lists, then tell Zoë <zoe@x.org>."),
    Message(
        role="assistant",
        thought="Two searches can go at once.",
        tool_calls=(
            ToolCall(id="call_1", name="FIND_FILES", arguments={"filter": {"owner": "me", "size": 0.1}, "limit": 2}),
            ToolCall(id="call_2", name="FIND_FILES", arguments={}),
        ),
    ),
    Message(
        role="tool", result=ToolResult(call_id="call_1", name="FIND_FILES", content={"files": [{"id": "f</tool>"}]})
    ),
    Message(
        role="tool",
        result=ToolResult(call_id="call_2", name="FIND_FILES", content={"error": "quota exceeded"}, error=True),
    ),
    Message(
        role="assistant",
        content="One was found.",
        tool_calls=(
            ToolCall(
                id="call_3",
                name="SEND_EMAIL",
                arguments={"to": "zoe@x.org", "cc": None, "body": 'Say "hé" — 💡\n{"a":1}'},
            ),
        ),
    ),
    Message(role="tool", result=ToolResult(call_id="call_3", name="SEND_EMAIL", content="sent")),
    Message(role="assistant", content="Done."),
)


@pytest.fixture
def conversation() -> tuple[Message, ...]:
    """Thoughts, parallel calls, an error, nested and empty arguments, an explicit null, awkward text."""
    return MESSAGES


@pytest.fixture(scope="session")
def row() -> Callable[..., DatasetRow]:
    def make(number: int, split: str = "train", **more: Any) -> DatasetRow:
        prompt = f"You are assistant {number} of Zoë. Today is Monday."
        fields = {
            "conversation_id": f"conversation_{number}",
            "partition": "gmail_googledrive",
            "messages": to_openai_messages(MESSAGES, prompt),
            "tools": to_openai_tools([EMAIL, FILES]),
            "scenario_id": f"scenario_{number}",
            "cluster_id": f"cluster_{number}",
            "chain_id": f"chain_{split}",
            "kind": "multi_step",
            "held_out": split == "test",
            "clarity": "good",
            "calls": 3,
            "user_turns": 1,
            **FACTS,
        }
        return DatasetRow(**{**fields, **more}, split=split)

    return make
