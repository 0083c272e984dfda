"""Reads rows of OpenAI messages and tools, of this project or of others, as cases that rules and judge look at.

What a row does not say is told from its system prompt: the present moment from the first date and time in ISO 8601, the
user from the first address. The kind is the row's; without one, calls are wanted if one was made.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from funcdex_assets.checks.provenance import trace_arguments
from funcdex_assets.checks.rules.case import Case
from funcdex_assets.language.values import build_situation
from funcdex_assets.records.openai_messages import parse_openai_messages, parse_openai_tools
from funcdex_assets.records.scenario import Persona, Scenario

_MOMENT = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?(?:[+-]\d\d:\d\d|Z)?")
_ADDRESS = re.compile(r"(?:user is )?([\w’'. -]{0,60}?) ?<([\w.+-]+@[\w.-]+\w)>")
_ZONE = re.compile(r"time zone ([A-Z]\w+/[\w/+-]+|UTC)")
_WITHOUT_CALLS = ("no_suitable_tool",)


def read_case(row: Mapping[str, Any]) -> Case:
    """Reads a row with `messages` and `tools`, perhaps `kind`, `scenario` and `persona`, as a case.

    Raises:
        KeyError: a message or a definition lacks a field that it needs.
        ValueError: the arguments of a call are no object, a result is no JSON.
    """
    messages = parse_openai_messages(row["messages"])
    tools = {tool.name: tool for tool in parse_openai_tools(row.get("tools") or (), str(row.get("partition", "")))}
    prompt = next((str(message["content"]) for message in row["messages"] if message["role"] == "system"), "")
    scenario = msgspec.convert(row["scenario"], Scenario) if row.get("scenario") else _build_scenario(row)
    persona = msgspec.convert(row["persona"], Persona) if row.get("persona") else _build_persona(prompt)
    situation = build_situation(scenario, persona)
    calls_wanted = scenario.kind not in _WITHOUT_CALLS and any(message.tool_calls for message in messages)
    return Case(messages, tools, trace_arguments(messages, tools, situation), situation, calls_wanted)


def _build_scenario(row: Mapping[str, Any]) -> Scenario:
    """A scenario that says nothing but the kind of the row."""
    texts = dict.fromkeys(("scenario_id", "chain_id", "title", "text", "industry", "matter"), "")
    return Scenario(**texts, kind=row.get("kind") or "multi_step", tools=(), held_out=False)


def _build_persona(prompt: str) -> Persona:
    """The user and the present moment that a system prompt names."""
    moment, person, zone = _MOMENT.search(prompt), _ADDRESS.search(prompt), _ZONE.search(prompt)
    today = moment[0] if moment else datetime(2000, 1, 1, 12, tzinfo=UTC).isoformat()
    if not re.search(r"[+-]\d\d:\d\d$|Z$", today):
        today += "+00:00"
    texts = dict.fromkeys(("persona_id", "scenario_id", "position", "company", "industry", "context"), "")
    return Persona(
        **texts,
        name=person[1].strip() if person else "",
        email=person[2] if person else "",
        register="brisk",
        time_zone=zone[1] if zone else "UTC",
        today=today,
    )
