"""Another project of three assets takes ours in under a key prefix: beside its own, without our `dagster.yaml`."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from funcdex_assets.definitions import build_definitions
from funcdex_assets.orchestration.partitions import register_partitions
from funcdex_assets.settings.settings import load_settings

EXAMPLE = Path(__file__).parents[2] / "examples" / "other_project"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the example, so that it keeps its tables elsewhere; the folder of the test run is none of a project."""
    for name in ("FUNCDEX_HOME", "FUNCDEX_CONFIG", "DAGSTER_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FUNCDEX_DEDUPLICATION__EMBEDDER", "hashed_ngrams")
    folder = tmp_path / "other"
    shutil.copytree(EXAMPLE, folder)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    return folder


@pytest.fixture
def merged(project: Path) -> dg.Definitions:
    spec = importlib.util.spec_from_file_location("other_project", project / "definitions.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.defs()


def test_every_key_of_ours_begins_with_the_prefix_and_theirs_stay(merged: dg.Definitions):
    keys = {key.to_user_string() for key in merged.resolve_asset_graph().get_all_asset_keys()}
    assert {"raw_tickets", "tickets", "tickets_report"} == {key for key in keys if not key.startswith("funcdex/")}
    assert {"funcdex/tool_definitions", "funcdex/dataset_release", "funcdex/release_report"} <= keys
    checks = merged.resolve_asset_graph().asset_check_keys
    assert all(check.asset_key.path[0] == "funcdex" for check in checks)


def test_jobs_of_one_name_do_not_meet(merged: dg.Definitions):
    theirs = merged.resolve_job_def("generate_dataset").asset_layer.selected_asset_keys
    assert {key.to_user_string() for key in theirs} == {"raw_tickets", "tickets"}
    ours = merged.resolve_job_def("funcdex_generate_dataset").asset_layer.selected_asset_keys
    assert {key.path[0] for key in ours} == {"funcdex"}
    assert merged.resolve_schedule_def("funcdex_nightly").job_name == "funcdex_generate_dataset"
    assert merged.resolve_sensor_def("funcdex_watch_toolkits").job_name == "funcdex_generate_dataset"


def test_one_partition_is_made_in_their_instance(merged: dg.Definitions, project: Path):
    settings = load_settings(project / "funcdex.yaml")
    with dg.DagsterInstance.ephemeral() as instance:
        register_partitions(instance, settings)
        result = merged.resolve_job_def("funcdex_generate_dataset").execute_in_process(
            instance=instance,
            partition_key="todoist",
            asset_selection=[
                key
                for key in merged.resolve_job_def("funcdex_generate_dataset").asset_layer.selected_asset_keys
                if merged.resolve_asset_graph().get(key).partitions_def is not None
            ],
            run_config={"resources": {"funcdex_settings": {"config": {"conversations": 3}}}},
        )
        assert result.success
        made = {event.asset_key.to_user_string() for event in result.get_asset_materialization_events()}
        assert {"funcdex/conversations", "funcdex/dataset", "funcdex/quality_report"} <= made
        checked = [event.asset_check_key for event in result.get_asset_check_evaluations()]
        assert {key.asset_key.path[0] for key in checked} == {"funcdex"}
        assert result.get_asset_check_evaluations()[0].partition == "todoist"
    dataset = pl.read_parquet(project / ".funcdex" / "tables" / "dataset" / "todoist.parquet")
    assert dataset.height == 3


def test_a_failure_names_its_partition_under_the_prefix_as_well(merged: dg.Definitions, project: Path):
    (project / "toolkits").mkdir()
    (project / "toolkits" / "todoist.yaml").write_text("tools:\n- {name: A, description: A., parameters: {type: no}}\n")
    settings = load_settings(project / "funcdex.yaml")
    job = merged.resolve_job_def("funcdex_generate_dataset")
    wanted = [dg.AssetKey(["funcdex", name]) for name in ("tool_definitions", "tool_graph", "tool_chains")]
    with dg.DagsterInstance.ephemeral() as instance:
        register_partitions(instance, settings)
        result = job.execute_in_process(
            instance=instance, partition_key="todoist", asset_selection=wanted, raise_on_error=False
        )
        assert not result.success
        (reason,) = [
            event.step_failure_data.user_failure_data.metadata["failed_partitions"].value["todoist"]
            for event in result.all_events
            if event.is_step_failure and event.step_key.endswith("tool_definitions")
        ]
        assert "A.parameters" in reason


@pytest.mark.slow
@pytest.mark.concurrent
def test_dagster_loads_the_project_with_nothing_but_its_module(project: Path):
    command = [Path(sys.executable).with_name("dagster"), "definitions", "validate", "-m", "definitions"]
    result = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "Validation successful" in result.stderr + result.stdout


@pytest.mark.concurrent
def test_nothing_is_read_when_the_definitions_are_imported(tmp_path: Path):
    """Neither settings nor an instance: the folder has none."""
    command = [sys.executable, "-c", "import funcdex_assets.definitions; print('imported')"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert result.stdout == "imported\n", result.stderr
    assert list(tmp_path.iterdir()) == []


def test_without_a_prefix_the_names_are_plain(project: Path):
    built = build_definitions(load_settings(project / "funcdex.yaml"))
    assert {job.name for job in built.jobs} == {
        "generate_dataset",
        "prepare_scenarios",
        "converse",
        "score_and_publish",
        "train_models",
    }
    keys = {key.to_user_string() for key in built.resolve_asset_graph().get_all_asset_keys()}
    assert {"dataset", "dataset_release"} <= keys


@pytest.mark.parametrize("prefix", ["", None, []])
def test_an_empty_prefix_is_none(project: Path, prefix: str | list[str] | None):
    built = build_definitions(load_settings(project / "funcdex.yaml"), key_prefix=prefix)
    assert built.resolve_job_def("generate_dataset")


def test_a_prefix_that_cannot_begin_a_name_is_refused(project: Path):
    with pytest.raises(ValueError, match="'a-b' cannot begin names of jobs"):
        build_definitions(load_settings(project / "funcdex.yaml"), key_prefix="a-b")
