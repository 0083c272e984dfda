"""The keys of the partitions in Dagster's instance: which there are, in which order, and who may change them."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dagster as dg
import pytest
from sqlalchemy.exc import IntegrityError

from funcdex_assets.orchestration.dagster_private import open_kept_instance
from funcdex_assets.orchestration.partitions import PARTITIONS, list_registered, register_partitions, tag_range
from funcdex_assets.orchestration.run_partitions import group_neighbours
from funcdex_assets.settings.settings import Settings

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def instance() -> dg.DagsterInstance:
    return dg.DagsterInstance.ephemeral()


def settings(*toolkits: str, bundles: tuple[str, ...] = ()) -> Settings:
    return Settings(toolkits=toolkits, bundles=bundles, watch={"enabled": False})


def test_the_first_order_is_that_of_the_settings(instance):
    wanted = settings("jira", "gmail", "asana", bundles=("jira_gmail",))
    assert (
        register_partitions(instance, wanted) == list_registered(instance) == ["jira", "gmail", "asana", "jira_gmail"]
    )
    assert PARTITIONS.get_partition_keys(dynamic_partitions_store=instance) == list_registered(instance)
    assert register_partitions(instance, wanted) == list_registered(instance), "a second time changes nothing"


def test_a_later_key_comes_last_and_a_key_that_is_gone_leaves_the_others_in_order(instance):
    register_partitions(instance, settings("jira", "gmail", "asana"))
    assert register_partitions(instance, settings("acme", "jira", "asana", bundles=("jira_acme",))) == [
        "jira",
        "asana",
        "acme",
        "jira_acme",
    ]


def test_a_range_of_the_settings_partitions_is_one_run_in_whatever_order_they_were_registered(instance):
    register_partitions(instance, settings("gmail", "jira", bundles=("jira_gmail",)))
    later = settings("acme", "gmail", "jira", bundles=("jira_gmail",))
    keys = register_partitions(instance, later)
    (neighbours,) = group_neighbours(later.partitions, keys)
    tags = tag_range(neighbours)
    key_range = dg.PartitionKeyRange(
        tags["dagster/asset_partition_range_start"], tags["dagster/asset_partition_range_end"]
    )
    with dg.partition_loading_context(dynamic_partitions_store=instance):
        assert PARTITIONS.get_partition_keys_in_range(key_range) == keys == ["gmail", "jira", "jira_gmail", "acme"]


@pytest.mark.parametrize(
    ("status", "kept"),
    [
        pytest.param(dg.DagsterRunStatus.NOT_STARTED, True, id="that is to start"),
        pytest.param(dg.DagsterRunStatus.STARTED, True, id="at work"),
        pytest.param(dg.DagsterRunStatus.SUCCESS, False, id="that is over"),
    ],
)
@pytest.mark.parametrize("neighbours", [("acme",), ("gmail", "acme")], ids=["alone", "the end of a range"])
def test_a_key_is_not_taken_from_a_run(instance, neighbours, status, kept):
    register_partitions(instance, settings("gmail", "acme"))
    instance.create_run_for_job(_job(), tags=tag_range(neighbours), status=status)
    assert ("acme" in register_partitions(instance, settings("gmail"))) == kept


def _job() -> dg.JobDefinition:
    @dg.job
    def empty() -> None: ...

    return empty


def test_another_process_that_registers_at_this_moment_is_no_error(instance, monkeypatch):
    add = instance.add_dynamic_partitions

    def overtaken(name: str, keys: list[str]) -> None:
        monkeypatch.setattr(instance, "add_dynamic_partitions", add)
        add(name, keys[:2])
        raise IntegrityError("INSERT INTO dynamic_partitions", {}, Exception("UNIQUE constraint failed"))

    monkeypatch.setattr(instance, "add_dynamic_partitions", overtaken)
    assert register_partitions(instance, settings("gmail", "jira", "asana")) == ["gmail", "jira", "asana"]


@pytest.mark.concurrent
def test_many_that_register_at_once_end_with_each_key_once(tmp_path):
    """Each with connections of its own, as processes have."""
    (tmp_path / "dagster.yaml").write_text(
        f"telemetry: {{enabled: false}}\nstorage: {{sqlite: {{base_dir: {tmp_path}/storage}}}}\n"
    )
    wanted = settings(*(f"toolkit{number}" for number in range(40)))
    with open_kept_instance(tmp_path):
        pass  # makes the databases

    def one(_: int) -> list[str]:
        with open_kept_instance(tmp_path) as own:
            return register_partitions(own, wanted)

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(one, range(6))) == [list(wanted.partitions)] * 6


def test_what_is_materialised_survives_the_key(instance):
    register_partitions(instance, settings("gmail", "acme"))
    instance.report_runless_asset_event(dg.AssetMaterialization("dataset", partition="acme"))
    register_partitions(instance, settings("gmail"))
    register_partitions(instance, settings("gmail", "acme"))
    assert instance.get_materialized_partitions(dg.AssetKey("dataset")) == {"acme"}


@pytest.mark.concurrent
@pytest.mark.parametrize(
    ("toolkits", "code", "said"),
    [
        pytest.param("[gmail, jira]", 0, "", id="settings that are right"),
        pytest.param("[Gmail]", 1, "'Gmail' is not a legal name", id="settings that are not"),
    ],
)
def test_whoever_opens_the_projects_instance_finds_the_keys_registered(tmp_path, toolkits, code, said):
    (tmp_path / "funcdex.yaml").write_text(f"toolkits: {toolkits}\n")
    (tmp_path / "dagster.yaml").write_bytes((PROJECT / "dagster.yaml").read_bytes())
    script = (
        "from funcdex_assets.orchestration.partitions import list_registered\n"
        "from funcdex_assets.orchestration.project_instance import open_instance\n"
        "from funcdex_assets.settings.settings import load_settings\n"
        "with open_instance(load_settings()) as instance:\n"
        "    print(*list_registered(instance))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={"PYTHONPATH": str(PROJECT), "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert result.returncode == code
    assert said in result.stderr
    if code == 0:
        assert result.stdout.split() == ["gmail", "jira"]
        assert (tmp_path / ".funcdex" / "dagster" / "runs.db").is_file() or (
            tmp_path / ".funcdex" / "dagster" / "history"
        ).is_dir(), "it is kept in the project's home"
