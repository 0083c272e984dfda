"""Two settings side by side: each arm has a home of its own, and the figures are those of its tables."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console
from waiting import is_alive, wait_until

from funcdex_assets.cli import experiment
from funcdex_assets.reports import experiments
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


@pytest.mark.slow
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


@pytest.mark.parametrize("code", [pytest.param(0, id="as wanted"), pytest.param(3, id="less than wanted")])
def test_a_shortfall_is_a_figure_and_no_failure(settings, tmp_path, monkeypatch, code):
    commands = []

    def run_at_once(command, environment):
        commands.append(command)
        return code, ""

    monkeypatch.setattr(experiments, "_run_to_its_end", run_at_once)
    (arm,) = parse_arms("generation.max_calls=2,3")[:1]
    assert run_arm(arm, settings, [], 2, 1, tmp_path / "arm").seconds >= 0
    assert "--allow-shrink" in commands[0], "an arm's tables are of its last night, however little came of it"


def test_a_signal_while_a_process_starts_still_ends_it(monkeypatch):
    started = []

    class SignalledWhileItStarts(subprocess.Popen):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            started.append(self)
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(experiments.subprocess, "Popen", SignalledWhileItStarts)
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with pytest.raises(SystemExit):
            experiments._run_to_its_end([sys.executable, "-c", "input()"], os.environ)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert started[0].returncode == -signal.SIGKILL


@pytest.mark.concurrent
@pytest.mark.slow
def test_the_process_of_an_arm_ends_with_the_command(settings, tmp_path):
    command = [sys.executable, "-m", "funcdex_assets.cli", "experiment", "--setting", "generation.max_calls=2,3"]
    process = subprocess.Popen(command, cwd=tmp_path)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    wait_until(children.read_text, unless=process.poll)
    (arm,) = map(int, children.read_text().split())
    process.terminate()
    assert process.wait() == 143
    assert not is_alive(arm)


@pytest.mark.concurrent
def test_the_command_says_what_it_needs():
    command = [sys.executable, "-m", "funcdex_assets.cli", "experiment", "gmail"]
    ended = subprocess.run(command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "give --steering on,off, or --setting" in ended.stderr


def test_a_field_that_does_not_exist_is_refused():
    with pytest.raises(ExperimentError, match=r"'generation\.max_cals' is no field of funcdex\.yaml"):
        parse_arms("generation.max_cals=2,4")


@pytest.mark.parametrize(
    ("setting", "values"),
    [
        pytest.param("deduplication.embedder=minilm,hashed_ngrams", ["minilm", "hashed_ngrams"], id="words"),
        pytest.param("generation.must_include=[A, B],[C]", ['["A","B"]', '["C"]'], id="lists"),
        pytest.param("generation.kinds={simple: 1},{parallel: 2}", ['{"simple":1}', '{"parallel":2}'], id="mappings"),
        pytest.param("workflows={gmail: 'one, two'},{}", ['{"gmail":"one, two"}', "{}"], id="a comma in quotes"),
    ],
)
def test_values_are_split_at_the_commas_between_them(setting, values):
    assert [next(iter(arm.environment.values())) for arm in parse_arms(setting)] == values


def test_a_list_without_an_end_is_refused():
    with pytest.raises(ExperimentError):
        parse_arms("generation.must_include=[A,[B")
