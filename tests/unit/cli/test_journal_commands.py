"""`funcdex journal` and the part of `funcdex stats` that comes from the journal."""

import io
import re
import sqlite3
import time

import msgspec
import pytest
from rich.console import Console
from typer.testing import CliRunner

from funcdex_assets.cli import console, main
from funcdex_assets.cli import journal as journal_command
from funcdex_assets.inference.journal import JOURNAL_FILE, Journal, list_journal_entries
from funcdex_assets.inference.protocol import Completion, Usage

DAY = 86400


@pytest.fixture
def project(tmp_path, monkeypatch):
    prices = "{tiny: {prompt: 10, completion: 20, cached: 1}}"
    (tmp_path / "funcdex.yaml").write_text(f"toolkits: [gmail]\nhome: home\ninference: {{prices: {prices}}}\n")
    monkeypatch.setenv("FUNCDEX_CONFIG", str(tmp_path / "funcdex.yaml"))
    monkeypatch.setenv("FUNCDEX_HOME", str(tmp_path / "home"))  # make sets one
    return tmp_path / "home"


@pytest.fixture
def journal(project):
    path = project / JOURNAL_FILE
    Journal(path)
    answers = [
        ("vllm:tiny", "judge", 40, Usage(1_000_000, 500_000, 400_000)),
        ("vllm:tiny", "planner", 1, Usage(2_000, 1_000, 0)),
        ("openai:wise", "judge", 2, Usage(300, 30, 0)),
    ]
    with sqlite3.connect(path) as connection:
        for number, (engine, role, age, usage) in enumerate(answers):
            completion = msgspec.json.encode(Completion("text", "stop", usage, 0.5, engine.partition(":")[2]))
            row = (bytes([number]), engine, role, completion, int(time.time() - age * DAY))
            connection.execute("INSERT INTO completions VALUES (?, ?, ?, ?, ?)", row)
    return path


def funcdex(monkeypatch, *arguments):
    """Exit code and output, without the boxes."""
    said = io.StringIO()
    monkeypatch.setattr(journal_command, "console", Console(file=said, width=200))
    monkeypatch.setattr(console, "errors", Console(file=said, width=200))
    code = CliRunner().invoke(main.app, arguments).exit_code
    return code, re.sub(r"[ │┃]+", " ", said.getvalue())


def test_stats_say_what_is_kept(journal, monkeypatch):
    code, said = funcdex(monkeypatch, "journal", "stats")
    assert code == 0
    assert " openai:wise judge 1 300 0 30 " in said
    assert " vllm:tiny judge 1 1,000,000 400,000 500,000 " in said
    assert " all 3 1,002,300 400,000 501,030 " in said
    assert f"{journal.stat().st_size:,} bytes" in said
    assert time.strftime("%Y-%m-%d", time.localtime(time.time() - 40 * DAY)) in said


def test_stats_of_nothing(project, monkeypatch):
    code, said = funcdex(monkeypatch, "journal", "stats")
    assert (code, "No answers in" in said) == (0, True)


def test_usage_is_priced_by_model(journal, monkeypatch):
    from funcdex_assets.cli.yields import _print_usage
    from funcdex_assets.settings.settings import load_settings

    said = io.StringIO()
    _print_usage(load_settings(), Console(file=said, width=200))
    text = re.sub(r"[ │┃]+", " ", said.getvalue())
    assert " openai:wise judge wise 1 300 0 30 unpriced " in text
    assert " vllm:tiny judge tiny 1 1,000,000 400,000 500,000 16.4000 " in text
    assert " all 3 1,002,300 400,000 501,030 16.4400 and unpriced " in text
    assert "Unpriced, because not in inference.prices: wise" in text


@pytest.mark.parametrize(
    ("arguments", "said", "left"),
    [
        pytest.param(["--all"], "deleted 3 answers", 0, id="all"),
        pytest.param(["--older-than", "30d"], "deleted 1 answers", 2, id="old"),
        pytest.param(["--older-than", "36h", "--role", "judge"], "deleted 2 answers", 1, id="old-of-a-role"),
        pytest.param(["--engine", "openai:wise"], "deleted 1 answers", 2, id="of-an-engine"),
        pytest.param(["--all", "--dry-run"], "would delete 3 answers", 3, id="dry-run"),
    ],
)
def test_prune_deletes_what_is_named(journal, monkeypatch, arguments, said, left):
    code, output = funcdex(monkeypatch, "journal", "prune", *arguments)
    assert (code, said in output) == (0, True), output
    assert sum(entry.requests for entry in list_journal_entries(journal)) == left


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param([], "Nothing is named", id="nothing-named"),
        pytest.param(
            ["--older-than", "soon"], "'soon' is no age; write days, hours or minutes, such as 30d", id="no-age"
        ),
    ],
)
def test_a_mistake_deletes_nothing(journal, monkeypatch, arguments, said):
    code, output = funcdex(monkeypatch, "journal", "prune", *arguments)
    assert (code, said in output) == (2, True), output
    assert sum(entry.requests for entry in list_journal_entries(journal)) == 3


def test_there_may_be_nothing_to_prune(project, monkeypatch):
    code, output = funcdex(monkeypatch, "journal", "prune", "--all")
    assert (code, "There is no journal at" in output) == (2, True)
