"""What every command shares: the settings file, names that are nearly right, the home, errors of the disk."""

import errno
import os
import sqlite3

import pytest
from typer.testing import CliRunner

from funcdex_assets.cli import main, making
from funcdex_assets.settings import env_file


@pytest.fixture
def project(tmp_path, monkeypatch):
    for variable in [name for name in os.environ if name.startswith("FUNCDEX_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("FUNCDEX_CONFIG", str(tmp_path / "funcdex.yaml"))  # which a command may replace
    monkeypatch.setattr(env_file, "_set_from_file", {})
    monkeypatch.chdir(tmp_path)
    (tmp_path / "funcdex.yaml").write_text("seed: 1\ntoolkits: [gmail, jira]\n")
    (tmp_path / "other.yaml").write_text("seed: 2\nhome: elsewhere\ntoolkits: [gmail, jira]\n")
    return tmp_path


def funcdex(*arguments: str):
    return CliRunner().invoke(main.app, arguments, env={"COLUMNS": "200"})


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("--config", "other.yaml", "config"), id="before the command"),
        pytest.param(("config", "--config", "other.yaml"), id="behind it"),
        pytest.param(("config", "--config=other.yaml"), id="as one word"),
    ],
)
def test_the_settings_file_may_be_named(project, arguments):
    ended = funcdex(*arguments)
    assert (ended.exit_code, "seed: 2" in ended.stdout) == (0, True)
    assert os.environ["FUNCDEX_CONFIG"] == str(project / "other.yaml"), "also for what the command starts"


def test_the_option_comes_before_the_variable(project, monkeypatch):
    monkeypatch.setenv("FUNCDEX_CONFIG", str(project / "funcdex.yaml"))
    assert "seed: 2" in funcdex("config", "--config", "other.yaml").stdout


def test_a_settings_file_that_is_not_there_is_named(project):
    ended = funcdex("config", "--config", "nothing.yaml")
    assert ended.exit_code == 2
    assert f"No settings file at {project / 'nothing.yaml'}" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(("materialize", "gmial"), "'gmial' is not a partition (did you mean 'gmail'?)", id="a partition"),
        pytest.param(("materialize", "jirra"), "there are: gmail, jira (`funcdex config` lists all)", id="the others"),
        pytest.param(
            ("materialize", "gmail", "--total", "9", "--conversations", "3"), "give one of them", id="two counts"
        ),
        pytest.param(("releases", "list", "gmail"), "'gmail' has no release; there are releases of", id="a dataset"),
        pytest.param(("prune", "--events", "soon"), "'soon' is no age", id="an age"),
        pytest.param(
            ("experiment", "--setting", "generation.max_cals=2,4"), "(did you mean 'max_calls'?)", id="a setting"
        ),
    ],
)
def test_a_mistake_is_one_line(project, arguments, says):
    ended = funcdex(*arguments)
    assert (ended.exit_code, says in ended.stderr) == (2, True), ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("command", [("stats",), ("materialize", "gmail"), ("prune",), ("dev",), ("config",)])
def test_a_home_that_is_a_file_is_said_by_every_command(project, command):
    (project / "elsewhere").touch()
    ended = funcdex("--config", "other.yaml", *command)
    assert ended.exit_code == 2
    assert f"The home {project / 'elsewhere'} is a file; move it away" in ended.stderr


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(OSError(errno.ENOSPC, "No space left on device", "/d/x"), id="a file"),
        pytest.param(sqlite3.OperationalError("database or disk is full"), id="a database"),
    ],
)
def test_a_full_disk_is_one_line_wherever_it_is_met(project, monkeypatch, error):
    def meet(*_, **__):
        raise error

    monkeypatch.setattr(making, "ProgressBars", meet)
    ended = funcdex("materialize", "gmail")
    assert (ended.exit_code, ended.stderr.count("\n")) == (2, 1), ended.stderr
    assert "The disk is full" in ended.stderr
    assert "funcdex prune" in ended.stderr


def test_a_fault_of_the_program_is_shown_as_one(project, monkeypatch):
    def fail(*_, **__):
        raise KeyError("chain_1")

    monkeypatch.setattr(making, "ProgressBars", fail)
    assert isinstance(funcdex("materialize", "gmail").exception, KeyError)


def test_config_says_how_a_total_is_spread(project):
    (project / "funcdex.yaml").write_text("toolkits: [gmail, jira]\ngeneration: {total_conversations: 5}\n")
    shown = funcdex("config").stdout
    assert "# gmail: 3 conversations" in shown
    assert "# jira: 2 conversations" in shown
