"""How commands that make something end: what they print, and with which code."""

import io
import signal
from dataclasses import dataclass, field

import pytest
import typer
from rich.console import Console

from funcdex_assets.cli import making
from funcdex_assets.settings.settings import Settings

DATASET = {"wanted": 10, "rows": 10, "reasons": {}, "train": 8, "test": 2, "path": "/home/datasets/gmail/release_1"}


@dataclass
class Result:
    """The fields of an `Outcome`, which Dagster takes seconds to import."""

    made: dict = field(default_factory=dict)
    failed: dict = field(default_factory=dict)
    runs: tuple = ("0123456789",)
    once: dict = field(default_factory=dict)
    error: str | None = None
    interrupted: bool = False
    has_only_refused_releases: bool = False

    @property
    def success(self) -> bool:
        return not self.failed and self.error is None and not self.interrupted


def made(**dataset: object) -> dict:
    stages = {
        "conversations": {"finished": 11, "dagster/row_count": 12},
        "accepted_conversations": {"dagster/row_count": 10},
        "dataset": {**DATASET, **dataset},
    }
    return {"gmail": stages}


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings(toolkits=("gmail",), home=tmp_path)


@pytest.fixture
def output(monkeypatch) -> io.StringIO:
    text = io.StringIO()
    monkeypatch.setattr(making, "console", Console(file=text, width=120))
    return text


def run(monkeypatch, settings: Settings, outcome: Result | None, number: int | None = None) -> int:
    monkeypatch.setattr(making, "run_interruptibly", lambda work, report: (outcome, number))
    try:
        making.make_partitions(settings, ["gmail"], None, "a test")
    except typer.Exit as exit_:
        return exit_.exit_code
    return 0


@pytest.mark.parametrize(
    ("outcome", "number", "code", "text"),
    [
        pytest.param(Result(made()), None, 0, "/home/datasets/gmail/release_1/train.jsonl", id="as wanted"),
        pytest.param(
            Result(made(rows=9, reasons={"near_duplicate": 1})),
            None,
            3,
            "gmail: 9 of 10 conversations (near_duplicate 1); raise generation.oversample",
            id="a shortfall",
        ),
        pytest.param(
            Result(made(wanted=100, rows=96, reasons={"no plan was left": 4})),
            None,
            0,
            "gmail: 96 of 100 conversations (no plan was left 4); raise generation.oversample",
            id="one that is told, but is enough",
        ),
        pytest.param(
            Result(failed={"gmail": "dataset: breaks release_is_whole"}, has_only_refused_releases=True),
            None,
            3,
            "failed gmail: dataset: breaks release_is_whole",
            id="a refused release",
        ),
        pytest.param(Result(failed={"gmail": "plans: boom"}), None, 1, "failed gmail: plans: boom", id="a failure"),
        pytest.param(Result(error="no database"), None, 1, "failed no database", id="a broken system"),
        pytest.param(
            Result(made(), interrupted=True), signal.SIGTERM, 143, "The same command goes on", id="terminated"
        ),
        pytest.param(None, signal.SIGINT, 130, "runs: none was begun", id="Ctrl-C before anything was begun"),
        pytest.param(Result(made()), signal.SIGINT, 0, "release_1", id="Ctrl-C when all was done"),
    ],
)
def test_the_end_of_a_command(monkeypatch, settings, output, outcome, number, code, text):
    assert run(monkeypatch, settings, outcome, number) == code
    assert text in output.getvalue()


def test_a_refused_release_over_all_has_its_reason_and_is_not_told_as_published(monkeypatch, settings, output):
    release = {
        "wanted": 60,
        "rows": 26,
        "reasons": {"fewer in a partition": 34},
        "path": "/home/datasets/all/release_2",
    }
    error = "dataset_release: 1 blocking asset check failed: release_is_whole"
    outcome = Result(made(), once={"dataset_release": release}, error=error, has_only_refused_releases=True)
    assert run(monkeypatch, settings, outcome) == 3
    assert "all: 26 of 60 conversations (fewer in a partition 34); kept beside in" in output.getvalue()
    assert "release_2/train.jsonl" not in output.getvalue()


def test_tools_that_are_left_out_are_told(monkeypatch, settings, output):
    left_out = {"left_out": 2, "left_out_reasons": {"CatalogError": 2}, "left_out_file": "/home/left_out/gmail.jsonl"}
    stages = {"tool_definitions": left_out, "scenarios": {"left_out": 0}, "dataset": DATASET}
    run(monkeypatch, settings, Result({"gmail": stages}))
    lines = [line for line in output.getvalue().splitlines() if line.startswith("left out")]
    assert lines == [
        "left out gmail: 2 of tool_definitions (CatalogError 2); /home/left_out/gmail.jsonl has the reasons"
    ]


def test_own_rows_are_told_and_those_that_cannot_be_used(monkeypatch, settings, output):
    definitions = {
        "own_rows": 5,
        "own_rows_left_out": 3,
        "own_rows_left_out_reasons": {"unknown_tool": 2, "structure": 1},
        "own_rows_left_out_file": "/home/own_rows/gmail.jsonl",
    }
    stages = {"tool_definitions": definitions, "dataset": {**DATASET, "own_rows": 5}}
    run(monkeypatch, settings, Result({"gmail": stages}))
    told = output.getvalue()
    assert "own rows gmail: 5 of your own end the train split\n" in told
    assert "left out gmail: 3 of your own rows (unknown_tool 2, structure 1); /home/own_rows/gmail.jsonl has" in told


def test_kinds_that_were_asked_for_and_not_made_are_told_once_for_all_partitions(monkeypatch, settings, output):
    reason = "4 % of 10 conversations wanted; that is less than one; ask for 25 or more"
    stages = made(missing_kinds={"ask_back": reason})["gmail"]
    assert run(monkeypatch, settings, Result({"gmail": stages, "jira": stages, "stripe": made()["gmail"]})) == 0
    lines = [line for line in output.getvalue().splitlines() if line.startswith("missing kind")]
    assert lines == [f"missing kind gmail, jira: not one ask_back: {reason}"]


def test_what_was_not_measured_is_no_zero(monkeypatch, settings, output):
    outcome = Result({"gmail": {"dataset": DATASET}})
    run(monkeypatch, settings, outcome)
    row = next(line for line in output.getvalue().splitlines() if "gmail" in line)
    assert [cell.strip() for cell in row.strip("│").split("│")] == ["gmail", "10", "–", "–", "8", "2"]


def test_tables_without_a_dataset_are_counted(monkeypatch, settings, output):
    run(monkeypatch, settings, Result({"gmail": {"tool_graph": {"dagster/row_count": 41}}}))
    assert "gmail: rows of tool_graph 41" in output.getvalue()
