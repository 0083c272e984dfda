"""A killed process leaves nothing behind that stops the next one."""

import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
import toy_stages

from funcdex_assets.orchestration.lineage_lock import FileLineageLock, Owner
from funcdex_assets.orchestration.orphaned_runs import (
    PROCESS_TAG,
    end_abandoned_runs,
    end_orphaned_runs,
    sign_runs,
)
from funcdex_assets.orchestration.run_coordinator import LineageRunCoordinator

SIGN_AND_WAIT = """
import sys
from pathlib import Path
from funcdex_assets.orchestration.orphaned_runs import sign_runs
with sign_runs(Path(sys.argv[1])) as tags:
    print(*tags.values(), flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def folder(home: Path) -> Path:
    return home / "processes"


def _started(instance: dg.DagsterInstance, tags: dict[str, str]) -> str:
    return instance.create_run_for_job(toy_stages.toy(), tags=tags, status=dg.DagsterRunStatus.STARTED).run_id


@pytest.mark.concurrent
def test_the_run_of_a_killed_process_is_ended_and_gives_its_place_back(instance, folder):
    process = subprocess.Popen(
        [sys.executable, "-c", SIGN_AND_WAIT, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    run_id = _started(instance, {PROCESS_TAG: process.stdout.readline().strip()})
    storage = instance.event_log_storage
    storage.set_concurrency_slots("toy_pool", 1)
    assert storage.claim_concurrency_slot("toy_pool", run_id, "a").is_claimed

    assert end_orphaned_runs(instance, folder) == [], "while the process lives, its run is left alone"
    process.kill()
    process.wait()
    assert end_orphaned_runs(instance, folder) == [run_id]
    assert instance.get_run_by_id(run_id).status == dg.DagsterRunStatus.FAILURE
    assert storage.get_concurrency_info("toy_pool").active_slot_count == 0
    assert list(folder.iterdir()) == []
    assert end_orphaned_runs(instance, folder) == []


@pytest.mark.parametrize(
    ("status", "end"),
    [
        (dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.FAILURE),
        # Ctrl-C twice: the run was asked to end, and its process then killed.
        (dg.DagsterRunStatus.CANCELING, dg.DagsterRunStatus.CANCELED),
    ],
)
def test_the_queue_does_not_wait_for_a_process_that_is_gone(no_partitions, tmp_path, monkeypatch, status, end):
    monkeypatch.setenv("FUNCDEX_HOME", str(tmp_path))
    tags = {PROCESS_TAG: "4711-0", "dagster/partition": "b"}
    run_id = no_partitions.create_run_for_job(toy_stages.toy(), tags=tags, status=status).run_id
    coordinator = LineageRunCoordinator(max_concurrent_runs=2)
    coordinator.register_instance(no_partitions)
    coordinator.get_run_queue_config()  # as the daemon does before it starts what waits
    assert no_partitions.get_run_by_id(run_id).status == end


def test_the_runs_of_a_killed_server_are_ended_when_the_next_one_starts(no_partitions, tmp_path):
    lock = FileLineageLock(tmp_path / "locks")
    run_id = _started(no_partitions, {"dagster/partition": "b"})
    assert run_id not in end_abandoned_runs(no_partitions, lock), "it has not had the time to take its lock"
    with lock.hold(["b"], Owner("another", "run another"), print):
        assert run_id not in end_abandoned_runs(no_partitions, lock, grace_s=0), (
            "it holds its lock, or waits for another"
        )
    assert run_id in end_abandoned_runs(no_partitions, lock, grace_s=0)
    assert no_partitions.get_run_by_id(run_id).status == dg.DagsterRunStatus.FAILURE


def test_the_queue_goes_on_without_settings(no_partitions, tmp_path, monkeypatch):
    monkeypatch.setenv("FUNCDEX_CONFIG", str(tmp_path / "none.yaml"))
    coordinator = LineageRunCoordinator(max_concurrent_runs=2)
    coordinator.register_instance(no_partitions)
    assert coordinator.get_run_queue_config().max_concurrent_runs == 2


def test_no_daemon_runs_a_command_again_that_was_killed(backfill, instance):
    run = instance.get_run_by_id(backfill(("p1",), ("a",)).runs[0])
    assert run.tags["dagster/max_retries"] == "0"


def test_runs_of_others_are_left_alone(instance, folder):
    _started(instance, {})
    assert end_orphaned_runs(instance, folder) == []


def test_a_signature_ends_with_its_context(folder):
    with sign_runs(folder) as tags:
        assert [file.name for file in folder.iterdir()] == list(tags.values())
    assert list(folder.iterdir()) == []
