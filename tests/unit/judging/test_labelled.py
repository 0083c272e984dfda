"""How far the heuristic judge agrees with a person who read the conversations.

`labelled.jsonl` has 40 short conversations of the offline engine, good ones and damaged ones, one per line. `case`
says what is wrong with it, and `labels` are the scores on the four scales by one reader, written before the judge's
scores were seen. That reader was lenient: most offline conversations have a 5 for clarity and a 4 for naturalness,
where the readers that the judge was fitted to give 3 and 2 (docs/judging.md). So only the order is compared, on the two
scales that the damages are about.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest
from offline import tools_of

from funcdex_assets.checks.findings import Case, find_problems
from funcdex_assets.checks.provenance import trace_arguments
from funcdex_assets.judging.heuristic import judge_conversation
from funcdex_assets.language.values import build_situation
from funcdex_assets.records.message import Message
from funcdex_assets.records.plan import ConversationPlan, PlannedStep
from funcdex_assets.records.scenario import Persona, Scenario
from funcdex_assets.records.verdict import SCALES

FLOORS = {"tool_use_quality": 0.7, "task_completion": 0.55}  # Spearman's rho; measured .77 and .63


@cache
def labelled() -> tuple[dict[str, Any], ...]:
    lines = Path(__file__).with_name("labelled.jsonl").read_text(encoding="utf-8").splitlines()
    return tuple(json.loads(line) for line in lines)


def scores(row: dict[str, Any]) -> dict[str, int]:
    messages = msgspec.convert(row["messages"], tuple[Message, ...])
    there = build_situation(msgspec.convert(row["scenario"], Scenario), msgspec.convert(row["persona"], Persona))
    tools = {name: tools_of(row["partition"])[name] for name in row["tools"]}
    plan = ConversationPlan(
        **dict.fromkeys(("plan_id", "scenario_id", "persona_id", "chain_id", "disposition"), ""),
        kind="multi_step",
        clarity="good",
        tools=tuple(tools),
        distractors=(),
        steps=tuple(PlannedStep(tool=tool, turn=0, arguments=()) for tool in row["wants"]),
        turns=(),
    )
    findings = find_problems(Case(messages, tools, trace_arguments(messages, tools, there), there))
    verdict = judge_conversation(plan, messages, findings)
    return {scale: getattr(verdict, scale) for scale in SCALES}


def correlate(scale: str) -> float:
    pairs = pl.DataFrame(
        [(row["labels"][scale], scores(row)[scale]) for row in labelled()], schema=["person", "judge"], orient="row"
    )
    return pairs.select(pl.corr("person", "judge", method="spearman")).item()


@pytest.mark.parametrize("scale", FLOORS)
def test_the_judge_orders_as_a_reader_does(scale):
    assert correlate(scale) >= FLOORS[scale]


def test_the_labels_are_of_good_and_of_bad_conversations():
    rows = labelled()
    assert len(rows) == 40
    assert sum(row["damage"] == "none" for row in rows) == 15
    assert all(set(row["labels"]) == set(SCALES) and set(row["labels"].values()) <= {1, 2, 3, 4, 5} for row in rows)
