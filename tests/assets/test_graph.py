"""The asset graph as one text, and the code location as Dagster sees it.

`graph.txt` is what a reader of a change should see of it: an asset, a dependency or a check that comes or
goes. When the change is wanted, renew the file:

    .venv/bin/python tests/assets/test_graph.py
"""

import difflib
import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from funcdex_assets.definitions import defs

PROJECT = Path(__file__).parents[2]
SNAPSHOT = Path(__file__).with_name("graph.txt")


def definitions() -> dg.Definitions:
    """The definitions under the settings of this moment."""
    return defs()


def graph_text() -> str:
    graph = definitions().resolve_asset_graph()
    paragraphs = []
    for key in graph.toposorted_asset_keys:
        node = graph.get(key)
        checks = sorted(node.check_keys, key=lambda check: check.name)
        named = [check.name if graph.get_check_spec(check).blocking else f"{check.name} (warns)" for check in checks]
        lines = [
            f"{key.to_user_string()} ({node.group_name})",
            f"    from        {', '.join(sorted(parent.to_user_string() for parent in node.parent_keys)) or 'nothing'}",
            f"    checks      {', '.join(named) or 'none'}",
            f"    partitions  {'toolkits and bundles' if node.partitions_def else 'none'}",
            f"    pool        {', '.join(sorted(node.pools)) or 'none'}",
        ]
        paragraphs.append("\n".join(lines) + "\n")
    return "\n".join(paragraphs)


@pytest.fixture(autouse=True)
def project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """The project's own settings, and a home in which nothing is."""
    for name in [name for name in os.environ if name.startswith("FUNCDEX_")]:
        monkeypatch.delenv(name)
    variables = {
        "FUNCDEX_CONFIG": str(PROJECT / "funcdex.yaml"),
        "FUNCDEX_HOME": str(tmp_path / "home"),
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables


def test_the_graph_is_the_one_in_the_snapshot():
    now, then = graph_text(), SNAPSHOT.read_text(encoding="utf-8")
    difference = "\n".join(difflib.unified_diff(then.splitlines(), now.splitlines(), "graph.txt", "now", lineterm=""))
    assert now == then, f"The asset graph has changed. If it should, run: python {__file__}\n{difference}"


def test_every_asset_says_what_it_is():
    graph = definitions().resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.description, key
        assert node.kinds, key
        assert node.owners == ["team:funcdex"], key
        assert node.code_version, key


def test_the_jobs_of_parts_make_together_what_the_job_of_all_makes_and_nothing_twice():
    built = definitions()

    def made_by(name: str) -> list[str]:
        return [key.to_user_string() for key in built.resolve_job_def(name).asset_layer.selected_asset_keys]

    parts = [*made_by("prepare_scenarios"), *made_by("converse"), *made_by("score_and_publish")]
    assert sorted(parts) == sorted(made_by("generate_dataset"))
    assert {"tool_definitions", "deduplicated_scenarios"} <= set(made_by("prepare_scenarios"))
    assert {"personas", "conversations"} <= set(made_by("converse"))
    assert {"system_prompts", "dataset", "dataset_release"} <= set(made_by("score_and_publish"))


@pytest.mark.parametrize(
    ("enabled", "status"),
    [
        pytest.param(None, dg.DefaultScheduleStatus.STOPPED, id="as the project is cloned: off"),
        pytest.param("true", dg.DefaultScheduleStatus.RUNNING, id="with nightly.enabled: on"),
    ],
)
def test_the_night_is_started_by_one_setting(monkeypatch, enabled, status):
    if enabled:
        monkeypatch.setenv("FUNCDEX_NIGHTLY__ENABLED", enabled)
    schedule = definitions().resolve_schedule_def("nightly")
    assert (schedule.default_status, schedule.job_name) == (status, "generate_dataset")


@pytest.mark.slow
@pytest.mark.concurrent
def test_dagster_finds_a_valid_code_location_in_the_workspace_without_a_variable_of_its_own():
    command = [Path(sys.executable).with_name("dagster"), "definitions", "validate", "-w", "workspace.yaml"]
    result = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "Validation successful for code location funcdex_assets." in result.stderr + result.stdout


if __name__ == "__main__":
    SNAPSHOT.write_text(graph_text(), encoding="utf-8")
