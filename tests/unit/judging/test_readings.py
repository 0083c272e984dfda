"""The judge against graded conversations and against those as they should be: the floors of docs/judging.md."""

import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from good_conversation_faults import FAULTS
from good_conversations import build_case, load_rows

from funcdex_assets.checks.findings import find_problems
from funcdex_assets.judging.heuristic import judge_conversation
from funcdex_assets.judging.published_rows import JudgedRow, judge_row
from funcdex_assets.judging.selection import find_reasons_against
from funcdex_assets.records.verdict import SCALES, ScoredConversation
from funcdex_assets.settings.judging import MinScores

READINGS = Path(__file__).parents[3] / "benchmarks" / "readings"
MIN_SCORES = MinScores().model_dump()
MIN_FAULTS_FOUND = 3  # of each good conversation
ROWS = [row["id"] for row in load_rows()]


@cache
def read(name: str) -> tuple[tuple[str, JudgedRow], ...]:
    """What the readers agree on, and the judge's verdict, of each conversation of a set."""
    pairs = []
    for line in (READINGS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        told = {key: entry[key] for key in ("scenario", "persona") if key in entry}
        verdict = judge_row({**entry["row"], **told}, MIN_SCORES)
        assert isinstance(verdict, JudgedRow)
        pairs.append((entry["agreed"], verdict))
    return tuple(pairs)


def reject(row: dict[str, Any]) -> tuple[str, ...]:
    """The reasons against a row of the good conversations, damaged or not."""
    case = build_case(row)
    findings = find_problems(case)
    verdict = judge_conversation(None, case.messages, findings)
    scores = {scale: getattr(verdict, scale) for scale in SCALES}
    scored = ScoredConversation(conversation_id="", judge="", reasoning="", findings=findings, **scores)
    return find_reasons_against(scored, MIN_SCORES)


@pytest.mark.parametrize(
    ("name", "agreed", "rejected", "least"),
    [
        ("first", "C", True, 10),  # of 11
        ("first", "not C", False, 6),  # of 7
        ("first", "split", True, 11),  # of 14
        ("second", "C", True, 27),  # of 31
        ("second", "not C", False, 14),  # of 20
    ],
)
def test_the_judge_decides_as_readers_do(name, agreed, rejected, least):
    right = [bool(verdict.reasons) is rejected for label, verdict in read(name) if label == agreed]
    assert sum(right) >= least, f"{sum(right)} of {len(right)}"


def test_all_of_the_scale_is_used():
    for scale in SCALES:
        given = Counter(verdict.scores[scale] for name in ("first", "second") for _, verdict in read(name))
        assert len(given) >= 4, (scale, given)


def test_the_turn_that_is_wrong_is_named():
    for _, verdict in read("first"):
        for finding in verdict.findings:
            if finding.blocking and finding.message is not None:
                at = finding.message + 1  # the system prompt comes first
                (turn,) = (turn for turn in verdict.turns if turn.first <= at <= turn.last)
                assert not turn.ok
                assert finding.rule in turn.reason


@pytest.mark.parametrize("row", load_rows(), ids=ROWS)
def test_a_conversation_as_it_should_be_is_accepted(row):
    assert reject(row) == ()


@pytest.mark.parametrize("identity", ROWS)
def test_it_is_rejected_after_one_fault(identity):
    faults = [fault for fault in FAULTS if fault.row == identity]
    found = [fault.name for fault in faults if reject(fault.damage_row())]
    assert len(found) >= MIN_FAULTS_FOUND, f"{len(found)} of {len(faults)}: {found}"


def test_most_faults_are_found():
    found = [bool(reject(fault.damage_row())) for fault in FAULTS]
    assert sum(found) / len(found) >= 0.6, f"{sum(found)} of {len(found)}"
