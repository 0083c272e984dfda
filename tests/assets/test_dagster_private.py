"""Each private name of Dagster still is what the project takes it for. The first test to run after an upgrade.

When it passes under a new version, add the version to `PROVED_WITH`.
"""

import re
from pathlib import Path

import dagster as dg
import pytest
import toy_stages

from funcdex_assets.orchestration import dagster_private
from funcdex_assets.orchestration.dagster_private import (
    QueuedRunCoordinator,
    create_run_of_location,
    open_kept_instance,
)

PROJECT = Path(__file__).parents[2]


def test_the_installed_version_is_one_that_was_proved():
    assert dg.__version__ in dagster_private.PROVED_WITH


def test_no_other_module_uses_a_private_name():
    private = re.compile(r"^\s*(?:from|import) dagster(?:_\w+)?\._|\bdagster\._core", re.MULTILINE)
    sources = [*(PROJECT / "funcdex_assets").rglob("*.py"), *(PROJECT / "resources").rglob("*.py")]
    users = {path.name for path in sources if private.search(path.read_text(encoding="utf-8"))}
    assert users == {"dagster_private.py"}


def test_a_new_project_gets_the_instance_settings_of_this_one():
    template = PROJECT / "funcdex_assets" / "project_template" / "dagster.yaml"
    assert template.read_bytes() == (PROJECT / "dagster.yaml").read_bytes()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("FUNCDEX_HOME", "FUNCDEX_CONFIG", "DAGSTER_HOME"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "funcdex.yaml").write_text("toolkits: [gmail]\nhome: kept\n")
    (tmp_path / "dagster.yaml").write_bytes((PROJECT / "dagster.yaml").read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


@dg.op
def nothing() -> None: ...


@dg.job
def empty_job() -> None:
    nothing()


def test_the_projects_storage_is_in_its_home_whoever_opens_it(project: Path):
    with open_kept_instance(project, compute_logs=False) as quick:
        run_id = empty_job.execute_in_process(instance=quick).run_id
    with dg.DagsterInstance.from_config(str(project)) as slow:
        assert [run.run_id for run in slow.get_runs()] == [run_id]
        assert len(slow.all_logs(run_id)) > 4
    assert sorted(path.name for path in project.iterdir()) == ["dagster.yaml", "funcdex.yaml", "kept"]


def test_telemetry_is_off(project: Path):
    with open_kept_instance(project) as instance:
        assert not instance.telemetry_enabled


def test_telemetry_is_off_also_where_the_file_does_not_say_so(tmp_path: Path):
    (tmp_path / "dagster.yaml").write_text(f"storage: {{sqlite: {{base_dir: {tmp_path}/storage}}}}\n")
    with open_kept_instance(tmp_path) as instance:
        assert not instance.telemetry_enabled


def test_events_written_through_kept_connections_are_events(project: Path):
    with open_kept_instance(project, compute_logs=False) as instance:
        instance.report_runless_asset_event(dg.AssetMaterialization("dataset", partition="gmail"))
        assert instance.get_materialized_partitions(dg.AssetKey("dataset")) == {"gmail"}


def test_an_output_that_is_marked_makes_no_event_of_its_own():
    @dg.asset
    def quiet() -> dg.Output[None]:
        return dg.Output(None, metadata=dagster_private.REPORTED_BY_STAGE)

    result = dg.materialize([quiet])
    assert result.get_asset_materialization_events() == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PARTITION_NAME_TAG", "dagster/partition"),
        ("ASSET_PARTITION_RANGE_START_TAG", "dagster/asset_partition_range_start"),
        ("ASSET_PARTITION_RANGE_END_TAG", "dagster/asset_partition_range_end"),
        ("DATA_VERSION_TAG", "dagster/data_version"),
        ("CODE_VERSION_TAG", "dagster/code_version"),
        ("DATA_VERSION_IS_USER_PROVIDED_TAG", "dagster/data_version_is_user_provided"),
    ],
)
def test_tags_are_those_that_stored_events_have(name: str, value: str):
    assert getattr(dagster_private, name) == value


def test_tags_of_inputs_name_the_whole_key():
    key = dg.AssetKey(["funcdex", "tool_graph"])
    assert dagster_private.get_input_data_version_tag(key) == "dagster/input_data_version/funcdex/tool_graph"
    assert dagster_private.get_input_event_pointer_tag(key) == "dagster/input_event_pointer/funcdex/tool_graph"


def test_runs_that_are_not_over():
    assert dg.DagsterRunStatus.STARTED in dagster_private.NOT_FINISHED_STATUSES
    assert dg.DagsterRunStatus.SUCCESS not in dagster_private.NOT_FINISHED_STATUSES


def test_a_job_that_is_defined_is_of_the_named_type():
    assert isinstance(dg.define_asset_job("any"), dagster_private.UnresolvedAssetJobDefinition)


def test_a_run_of_a_program_belongs_to_the_code_location(instance):
    """By these the UI finds it on the job's page, and can execute it again."""
    keys = [dg.AssetKey("a")]
    job = dg.reconstructable(toy_stages.toy)
    run = create_run_of_location(instance, job, "here", run_config={}, tags={"x": "y"}, asset_selection=keys)
    stored = instance.get_run_by_id(run.run_id)
    assert stored.remote_job_origin.location_name == "here"
    of_location = dg.RunsFilter(tags={".dagster/repository": "__repository__@here"})
    assert [found.run_id for found in instance.get_runs(of_location)] == [run.run_id]
    assert (stored.job_name, stored.tags["x"], stored.asset_selection) == ("toy", "y", set(keys))


def test_limits_of_the_queue_come_from_the_coordinator():
    """Limits that it gives are those by which the daemon decides, whatever `concurrency` says beside them."""
    from dagster._core.instance.config import ConcurrencyConfig

    own = QueuedRunCoordinator().get_run_queue_config()._replace(tag_concurrency_limits=[{"key": "k", "limit": 1}])
    merged = ConcurrencyConfig.from_concurrency_settings({"runs": {"max_concurrent_runs": 2}}, own)
    assert merged.run_queue_config.max_concurrent_runs == 2
    assert merged.run_queue_config.tag_concurrency_limits == [{"key": "k", "limit": 1}]
