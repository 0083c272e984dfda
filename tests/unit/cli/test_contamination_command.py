"""`funcdex contamination` as a user types it, in a project of their own."""

import json

import msgspec
import pytest
from typer.testing import CliRunner

from funcdex_assets.cli.main import app
from funcdex_assets.records.dataset import DatasetRow, Overlap
from funcdex_assets.storage.frames import to_frame
from funcdex_assets.storage.table_store import TableStore

SAID = "Please move the quarterly budget review to the first Monday after the holidays."
TOOL = {"type": "function", "function": {"name": "MOVE_EVENT", "parameters": {"type": "object", "properties": {}}}}
ROW = DatasetRow(
    conversation_id="conversation_1",
    partition="gmail",
    messages=[{"role": "user", "content": SAID}, {"role": "assistant", "content": "Done."}],
    tools=[TOOL],
    scenario_id="scenario_1",
    cluster_id="cluster_1",
    chain_id="chain_1",
    kind="multi_step",
    held_out=False,
    clarity="good",
    calls=0,
    user_turns=1,
    split="train",
)


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "funcdex.yaml").write_text(
        "toolkits: [gmail, jira]\ndeduplication: {embedder: hashed_ngrams}\ncontamination: {evaluation_sets: []}\n"
    )
    (tmp_path / "exam.jsonl").write_text(json.dumps({"id": "e1", "prompt": SAID}) + '\n{"id": "e2", "prompt": "Hi."}\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FUNCDEX_CONFIG", raising=False)
    monkeypatch.setenv("FUNCDEX_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "300")
    TableStore(tmp_path / "home").write_table("dataset", "gmail", to_frame([ROW]))
    return tmp_path


def run(*words):
    return CliRunner().invoke(app, ["contamination", *words])


def test_it_prints_counts_and_examples_and_writes_all_overlaps(project):
    result = run("--against", "exam.jsonl", "--report", "overlaps.jsonl")
    assert result.exit_code == 0, result.output
    assert "Overlapping conversations, of 1" in result.output
    assert "ngrams 1.00  gmail conversation_1  exam/e1: 100% of a user turn's n-grams" in result.output
    found = [msgspec.json.decode(line, type=Overlap) for line in (project / "overlaps.jsonl").read_bytes().splitlines()]
    assert [(one.item, one.measure) for one in found] == [("e1", "embeddings"), ("e1", "ngrams")]


def test_columns_are_told_and_what_was_not_measured_is_no_zero(project):
    call = json.dumps({"name": "MOVE_EVENT", "parameters": {"day": "Monday"}})
    (project / "calls.jsonl").write_text(json.dumps({"answer": call, "split": "test"}) + "\n")
    (project / "short.jsonl").write_text(json.dumps({"question": "Move it."}) + "\n")
    output = run("--against", "calls.jsonl", "--against", "short.jsonl").output
    cells = {
        line.split("│")[1].strip(): [cell.strip() for cell in line.split("│")[2:-1]]
        for line in output.splitlines()
        if line.startswith("│")
    }
    assert cells["calls"] == ["1", "0", "0", "–", "–"]  # its function has a parameter, ours has none
    assert cells["short"] == ["1", "–", "–", "–", "–"]
    assert "calls: read answer (calls); not read: split\n" in output
    assert "short: read question (user turns); not read: nothing; 1 of 1 user turns are too short" in output


def test_calls_in_text_are_compared_with_the_functions_on_offer(project):
    (project / "calls.jsonl").write_text(json.dumps({"answer": '{"name": "move_events", "parameters": {}}'}) + "\n")
    assert "MOVE_EVENT is move_events, 100% of parameter names shared" in run("--against", "calls.jsonl").output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param([], "pip install --no-deps bfcl-eval", id="no set"),
        pytest.param(["jira", "--against", "exam.jsonl"], "No partition named has a dataset", id="no dataset"),
        pytest.param(["gone", "--against", "exam.jsonl"], "'gone' is not a partition", id="no partition"),
        pytest.param(["--against", "lost.jsonl"], "lost.jsonl cannot be read", id="no file"),
    ],
)
def test_what_is_missing_is_said(project, words, message):
    result = run(*words)
    assert result.exit_code == 2
    assert message in result.output
