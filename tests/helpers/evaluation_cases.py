"""Small items, predictions and tools for the tests of evaluation."""

from collections.abc import Mapping
from typing import Any, Literal

from funcdex_assets.records.dataset import DatasetRow
from funcdex_assets.records.training import EvaluationItem, ExpectedCall, Prediction

HEAT = {
    "type": "function",
    "function": {
        "name": "heat",
        "description": "Sets the heat of a room.",
        "parameters": {
            "type": "object",
            "properties": {
                "to": {"type": "number"},
                "room": {"type": "string", "enum": ["bath", "hall"]},
                "unit": {"type": "string", "default": "celsius"},
            },
            "required": ["to"],
        },
    },
}
LIGHT = {
    "type": "function",
    "function": {
        "name": "light",
        "description": "Switches a light.",
        "parameters": {"type": "object", "properties": {"on": {"type": "boolean"}}, "required": ["on"]},
    },
}
TOOLS = [HEAT, LIGHT]


def call(name: str, **arguments: Any) -> ExpectedCall:
    return ExpectedCall(name, arguments)


def item(
    *calls: ExpectedCall, number: int = 0, conversation: str = "", said: str = "Please.", **more: Any
) -> EvaluationItem:
    fields: dict[str, Any] = {
        "item_id": f"{conversation or f'c{number}'}:{number}",
        "conversation_id": conversation or f"c{number}",
        "partition": "home",
        "kind": "",
        "messages": [{"role": "user", "content": said}],
        "tools": TOOLS,
        "calls": calls,
    }
    return EvaluationItem(**fields | more)


def answer(asked: EvaluationItem, *calls: ExpectedCall, text: str | None = None, **more: Any) -> Prediction:
    fields: dict[str, Any] = {"item_id": asked.item_id, "calls": calls, "text": text, "raw": text or repr(calls)}
    return Prediction(**fields | more)


def dataset_row(number: int, split: Literal["train", "test"], partition: str, *messages: Any) -> DatasetRow:
    """A row of a dataset with these messages, in a chain of its split."""
    return DatasetRow(
        conversation_id=f"conversation_{number}",
        partition=partition,
        messages=[*messages],
        tools=TOOLS,
        scenario_id=f"scenario_{number}",
        cluster_id=f"cluster_{number}",
        chain_id=f"chain_{split}",
        kind="simple",
        held_out=split == "test",
        clarity="good",
        calls=1,
        user_turns=sum(message["role"] == "user" for message in messages),
        split=split,
    )


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def calling(name: str, arguments: Mapping[str, Any], identity: str = "call_1") -> dict[str, Any]:
    function = {"name": name, "arguments": dict(arguments)}
    return {
        "role": "assistant",
        "content": "",
        "tool_calls": [{"id": identity, "type": "function", "function": function}],
    }


def result(content: str, identity: str = "call_1") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": identity, "content": content}


def saying(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}
