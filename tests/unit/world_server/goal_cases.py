"""Published rows of offline conversations, and the goals that they make."""

from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from offline import SETTINGS, Played, played

from funcdex_assets.catalog.load import load_tools
from funcdex_assets.environment.replay import build_certificate
from funcdex_assets.language.values import Situation
from funcdex_assets.records.openai_messages import to_openai_messages, to_openai_tools
from funcdex_assets.records.tool import Tool
from funcdex_assets.world_server.goals import Goal, read_goals
from funcdex_assets.world_server.sandbox import SANDBOX_MOMENT, build_sandbox_situation
from funcdex_assets.world_server.session import WorldSession

PARTITION = "gmail"
COUNT = 40


@cache
def list_tools(partition: str = PARTITION) -> tuple[Tool, ...]:
    return tuple(load_tools(SETTINGS.find_tool_files(partition)))


def here(partition: str = PARTITION) -> Situation:
    return build_sandbox_situation(list_tools(partition), "Alex Moreau", SANDBOX_MOMENT)


def write_row(one: Played) -> dict[str, Any]:
    """The row as a release publishes it."""
    offered = one.cast.offered
    known = {**one.cast.played.tools, **one.cast.played.absent_tools}
    row = {
        "id": one.conversation.conversation_id,
        "partition": one.cast.partition,
        "messages": to_openai_messages(one.conversation.messages, "You are an assistant."),
        "tools": to_openai_tools(list(offered.values())),
        "certificate": build_certificate(one.conversation, one.cast.situation, known, list(offered)),
    }
    return msgspec.json.decode(msgspec.json.encode(row))


@cache
def list_rows(partition: str = PARTITION, count: int = COUNT) -> tuple[dict[str, Any], ...]:
    return tuple(write_row(one) for one in played(partition, count) if one.conversation.failure is None)


def write_rows(file: Path, *rows: dict[str, Any]) -> Path:
    file.write_bytes(b"\n".join(map(msgspec.json.encode, rows)))
    return file


def make_goals(folder: Path, partition: str = PARTITION) -> list[Goal]:
    file = write_rows(folder / "rows.jsonl", *list_rows(partition))
    return read_goals([file], {tool.name: tool for tool in list_tools(partition)})[0]


def list_calls(goal_id: str, partition: str = PARTITION) -> list[tuple[str, dict[str, Any]]]:
    """The calls of a goal's row."""
    row = next(row for row in list_rows(partition) if row["id"] == goal_id)
    return [
        (call["function"]["name"], call["function"]["arguments"])
        for message in row["messages"]
        for call in message.get("tool_calls", ())
    ]


def begin(goals: list[Goal], partition: str = PARTITION, seed: int = 7) -> WorldSession:
    return WorldSession(list_tools(partition), here(partition), seed, goals)
