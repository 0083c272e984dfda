"""Two settings side by side: each arm has a home of its own, and the figures are those of its tables."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from funcdex_assets.cli import experiment
from funcdex_assets.reports.experiments import FIGURES, ExperimentError, parse_arms, run_arm
from funcdex_assets.settings.settings import load_settings

ROOT = Path(__file__).parents[2]


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.delenv("FUNCDEX_HOME", raising=False)
    monkeypatch.setenv("FUNCDEX_DEDUPLICATION__EMBEDDER", "hashed_ngrams")
    (tmp_path / "funcdex.yaml").write_text("toolkits: [gmail]\nhome: home\n")
    (tmp_path / "dagster.yaml").write_bytes((ROOT / "dagster.yaml").read_bytes())
    monkeypatch.setenv("FUNCDEX_CONFIG", str(tmp_path / "funcdex.yaml"))
    return load_settings(tmp_path / "funcdex.yaml")


def test_arms_run_apart_and_their_figures_differ_as_their_settings(settings, tmp_path, monkeypatch):
    console = Console(record=True, width=200)
    monkeypatch.setattr(experiment, "console", console)
    experiment.compare_arms(settings, parse_arms("generation.max_calls=2,5"), ["gmail"], 6, 1)
    shown = console.export_text()
    rows = {line.split("│")[1].strip(): line.split("│")[2:4] for line in shown.splitlines() if line.startswith("│")}
    assert {name.strip() for name in FIGURES} <= set(rows)
    assert [cell.strip() for cell in rows["conversations accepted"]] == ["6", "6"]
    short, long = (float(cell) for cell in rows["calls per conversation"])
    assert short <= 2 < long
    (folder,) = (tmp_path / "home" / "experiments").iterdir()
    assert (folder / "tools.png").stat().st_size > 5000
    assert {path.name for path in folder.iterdir() if path.is_dir()} == {
        "generation.max_calls=2",
        "generation.max_calls=5",
    }
    (night,) = json.loads((folder / "generation.max_calls=5" / "coverage" / "gmail.json").read_text())
    assert night["seed"] == settings.seed
    assert not (tmp_path / "home" / "tables").exists()  # the project's own data are left alone


def test_a_value_that_is_refused_ends_the_experiment(settings, tmp_path):
    (arm,) = parse_arms("generation.max_calls=zebra,2")[:1]
    with pytest.raises(
        ExperimentError, match=r"generation\.max_calls=zebra, seed 42: (?s:.*)FUNCDEX_GENERATION__MAX_CALLS"
    ):
        run_arm(arm, settings, ["gmail"], 2, 1, tmp_path / "arm")


@pytest.mark.parametrize("setting", ["generation.max_calls", "generation.max_calls=", "generation.max_calls=4"])
def test_an_experiment_has_two_values(setting):
    with pytest.raises(ExperimentError, match="names no values to compare"):
        parse_arms(setting)


def test_the_command_says_what_it_needs():
    command = [sys.executable, "-m", "funcdex_assets.cli", "experiment", "gmail"]
    ended = subprocess.run(command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "give --steering on,off, or --setting" in ended.stderr


def test_a_field_that_does_not_exist_is_refused():
    with pytest.raises(ExperimentError, match=r"'generation\.max_cals' is no field of funcdex\.yaml"):
        parse_arms("generation.max_cals=2,4")
