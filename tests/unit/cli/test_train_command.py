"""`funcdex train` and `funcdex serve model`: what they are asked for, and what they print."""

import io
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console
from typer.testing import CliRunner

from funcdex_assets.cli.main import app
from funcdex_assets.cli.progress_bars import ProgressBars
from funcdex_assets.cli.trained_models import print_models
from funcdex_assets.settings.overrides import override_training
from funcdex_assets.settings.section import SettingsError
from funcdex_assets.settings.training import Training

FIGURES = {
    "model": "5f0c1b2a3d4e",
    "parameters": 4_194_304,
    "steps": 150,
    "tokens_per_cpu_second": 1900.5,
    "cpu_seconds": 98.5,
    "first_loss": 8.327,
    "best_loss": 1.204,
    "path": "/home/models/gmail/5f0c1b2a3d4e",
    "trained_now": True,
}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str]]:
    """Runs the command in a project of one toolkit; returns exit code and output."""
    (tmp_path / "funcdex.yaml").write_text("toolkits: [gmail]\n")
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, arguments)
        return result.exit_code, result.output

    return run


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param((), "name partitions, or give one of --all-partitions and --general", id="nothing"),
        pytest.param(("gmail", "--general"), "name partitions, or give one of", id="too much"),
        pytest.param(("gmial",), "'gmial' is not a partition", id="unknown"),
        pytest.param(("gmail", "--set", "learnig_rate=1"), "learnig_rate: unknown setting", id="unknown field"),
        pytest.param(("gmail", "--set", "learning_rate"), "is no field with a value", id="no value"),
        pytest.param(
            ("gmail", "--set", "dropout=2"), "dropout: Input should be less than 1 (value 2)", id="out of range"
        ),
        pytest.param(("gmail", "--set", "epochs=null"), "the training would never end", id="no budget"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_made(run, tmp_path, arguments, message):
    code, output = run("train", *arguments)
    assert code == 2
    assert message in " ".join(output.split())
    assert not (tmp_path / ".funcdex" / "tables").exists()


def test_serving_needs_a_model(run):
    code, output = run("serve", "model", "gmail")
    assert code == 2
    assert "There is no model of gmail" in output
    assert "run `funcdex train gmail`" in " ".join(output.split())


def test_fields_are_written_as_in_the_file():
    changed = override_training(Training(), ["epochs=null", "max_steps=7", "model={layers: 2}", "base=a b.gguf"])
    assert (changed.epochs, changed.max_steps, changed.model.layers, changed.base) == (None, 7, 2, "a b.gguf")
    with pytest.raises(SettingsError, match="cannot be read as YAML"):
        override_training(Training(), ["model={layers"])


def test_models_are_printed_with_what_became_of_them():
    output = io.StringIO()
    outcome = SimpleNamespace(
        made={
            "gmail": {"finetuned_models": FIGURES},
            "jira": {"finetuned_models": {**FIGURES, "trained_now": False, "objection": "its validation loss is 2"}},
            "todoist": {"training_tokens": {}},
        },
        once={"general_model": {**FIGURES, "best_loss": None}},
    )
    assert print_models(outcome, Console(file=output, width=120))  # pyright: ignore[reportArgumentType]
    lines = output.getvalue().splitlines()
    row = next(line for line in lines if "gmail" in line and "4,194,304" in line)
    assert [cell.strip() for cell in row.split("│")[4:9]] == ["150", "1900.5", "98.5", "8.327", "1.204"]
    assert "not trained jira: this model was there already; delete its folder to train it again" in lines
    assert "not the latest jira: its validation loss is 2" in lines
    assert not any("todoist" in line for line in lines)


def test_a_training_prints_its_evaluations():
    output = io.StringIO()
    with ProgressBars(Console(file=output, width=100)) as bars:
        bars.planned(1)
        bars.started("finetuned_models", ["gmail"])
        bars.progressed("finetuned_models", "gmail", 0.25, "step 50, train loss 2.1", False)
        bars.progressed("finetuned_models", "gmail", 0.25, "step 50, validation loss 2.2 (best)", True)
    assert output.getvalue().splitlines() == [
        "finetuned_models: 1 partition",
        "gmail:  25% step 50, validation loss 2.2 (best)",
    ]
