"""A killed process leaves nothing behind that stops the next one."""

import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
import toy_stages

from funcdex_assets.orchestration.orphaned_runs import PROCESS_TAG, end_orphaned_runs, sign_runs

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


def test_runs_of_others_are_left_alone(instance, folder):
    _started(instance, {})
    assert end_orphaned_runs(instance, folder) == []


def test_a_signature_ends_with_its_context(folder):
    with sign_runs(folder) as tags:
        assert [file.name for file in folder.iterdir()] == list(tags.values())
    assert list(folder.iterdir()) == []
