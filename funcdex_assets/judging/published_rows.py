"""Judges rows of OpenAI messages and tools, of this project or of others, without what they were made from.

What a row does not say is told from its system prompt: the present moment from the first date and time in ISO 8601, the
user from the first address. The kind is the row's; without one, calls are wanted if one was made.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from funcdex_assets.checks.findings import find_problems
from funcdex_assets.checks.provenance import trace_arguments
from funcdex_assets.checks.rules.case import Case
from funcdex_assets.judging.heuristic import judge_conversation
from funcdex_assets.judging.selection import find_reasons_against
from funcdex_assets.judging.turn_verdicts import judge_turns, shift_verdicts
from funcdex_assets.language.values import build_situation
from funcdex_assets.records.conversation import Finding
from funcdex_assets.records.openai_messages import parse_openai_messages, parse_openai_tools
from funcdex_assets.records.record import Record
from funcdex_assets.records.scenario import Persona, Scenario
from funcdex_assets.records.verdict import SCALES, ScoredConversation, TurnVerdict

_MOMENT = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?(?:[+-]\d\d:\d\d|Z)?")
_ADDRESS = re.compile(r"((?:[^\W\d_][\w’'.-]* ){0,4})<([\w.+-]+@[\w.-]+\w)>")
_BEFORE_NAME = re.compile(r"^.*\b(?:is|for|with|by) ")
_ZONE = re.compile(r"time zone ([A-Z]\w+/[\w/+-]+|UTC)")
_WITHOUT_CALLS = ("no_suitable_tool",)


class JudgedRow(Record, frozen=True):
    """The verdict on a row: the reasons against it (none: it is accepted), its scores by scale, findings and turns.

    Message numbers of turns count the system prompt, those of findings do not.
    """

    id: str
    kind: str
    reasons: tuple[str, ...]
    scores: dict[str, int]
    findings: tuple[Finding, ...]
    turns: tuple[TurnVerdict, ...]


def read_rows(lines: Sequence[str]) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Yields (line number, row) of JSON lines; for one that is no row, the reason in its place.

    A line may have the row under `row`, with what else is known of it beside.
    """
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            entry = msgspec.json.decode(line)
        except msgspec.DecodeError as error:
            yield number, f"no JSON: {error}"
            continue
        if isinstance(entry, dict) and isinstance(entry.get("row"), dict):
            entry = {**{key: entry[key] for key in ("id", "scenario", "persona") if key in entry}, **entry["row"]}
        if not isinstance(entry, dict) or not isinstance(entry.get("messages"), list):
            yield number, "no object with a list of messages"
        else:
            yield number, entry


def judge_row(row: Mapping[str, Any], min_scores: Mapping[str, int]) -> JudgedRow | str:
    """Judges a row by the rules and the heuristic judge; returns the reason if it cannot be read."""
    try:
        case = read_case(row)
        findings = find_problems(case)
        verdict = judge_conversation(None, case.messages, findings)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return f"{type(error).__name__}: {error}"
    identity = str(row.get("id", ""))
    scores = {scale: getattr(verdict, scale) for scale in SCALES}
    scored = ScoredConversation(
        conversation_id=identity, judge="heuristic", reasoning=verdict.reasoning, findings=findings, **scores
    )
    return JudgedRow(
        id=identity,
        kind=str(row.get("kind") or "unknown"),
        reasons=find_reasons_against(scored, min_scores),
        scores=scores,
        findings=findings,
        turns=shift_verdicts(judge_turns(case.messages, findings), len(row["messages"]) - len(case.messages)),
    )


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
        name=_BEFORE_NAME.sub("", person[1]).strip() if person else "",
        email=person[2] if person else "",
        register="brisk",
        time_zone=zone[1] if zone else "UTC",
        today=today,
    )
