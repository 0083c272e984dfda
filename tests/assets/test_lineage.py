"""Tables of a partition are always of one lineage: locks, the run queue, and tables that say what they are made of."""

import subprocess
import sys
import threading
from pathlib import Path

import dagster as dg
import pytest
import toy_stages
from evaluations import materialised

from funcdex_assets.orchestration.dagster_private import SubmitRunContext
from funcdex_assets.orchestration.lineage_lock import FileLineageLock, Owner
from funcdex_assets.orchestration.orphaned_runs import PROCESS_TAG
from funcdex_assets.orchestration.partitions import (
    PARTITIONS,
    list_run_partitions,
    tag_lineage,
    tag_range,
)
from funcdex_assets.orchestration.run_coordinator import LineageRunCoordinator
from funcdex_assets.resources.tables import TablesResource
from funcdex_assets.storage.table_store import TableError

HOLD_UNTIL_TOLD = """
import sys
from pathlib import Path
from funcdex_assets.orchestration.lineage_lock import FileLineageLock, Owner
with FileLineageLock(Path(sys.argv[1])).hold(sys.argv[2:], Owner("other", "funcdex backfill"), print):
    print("held", flush=True)
    sys.stdin.read(1)
"""


class GaveUpError(Exception):
    pass


def give_up(partition: str, holder: Owner | None, tries: int) -> None:
    raise GaveUpError(f"{partition} {holder.activity if holder else '?'} {tries}")


def must_not_wait(partition: str, holder: Owner | None, tries: int) -> None:
    raise AssertionError(f"waited for {partition}")


@pytest.fixture
def lock(tmp_path: Path) -> FileLineageLock:
    return FileLineageLock(tmp_path / "locks")


@pytest.fixture
def other(lock: FileLineageLock):
    """Another process that holds the partitions `b` and `c`; what it is told on its standard input ends that."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD_UNTIL_TOLD, str(lock.folder), "c", "b"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


# ── the lock ──────────────────────────────────────────────────────────────────────────────────


def test_who_waits_is_told_for_whom_and_may_give_up(lock, other):
    with (
        pytest.raises(GaveUpError, match="b funcdex backfill 0"),
        lock.hold(["d", "b"], Owner("me", "a test"), give_up),
    ):
        pass
    with lock.hold(["d"], Owner("me", "a test"), must_not_wait):
        pass  # what was taken before is given back


@pytest.mark.parametrize("end", ["released", "killed"])
def test_who_waits_goes_on_when_the_other_is_over(lock, other, end):
    def end_the_other(partition: str, holder: Owner | None, tries: int) -> None:
        if tries == 0:
            other.kill() if end == "killed" else other.communicate("x")

    with lock.hold(["b"], Owner("me", "a test"), end_the_other):
        assert lock.read_owner("b").activity == "a test"


def test_a_run_passes_where_its_starter_holds_the_lock(lock):
    with (
        lock.hold(["a", "b"], Owner("me", "funcdex backfill"), must_not_wait),
        lock.hold(["b"], Owner("me", "run 1"), must_not_wait),
        pytest.raises(GaveUpError),
        lock.hold(["b"], Owner("you", "run 2"), give_up),
    ):
        pass
    with lock.hold(["b"], Owner("you", "run 2"), must_not_wait):
        pass


def test_the_resource_takes_the_locks_of_its_run(instance, tmp_path):
    instance.add_dynamic_partitions(PARTITIONS.name, ["b", "c"])
    run = instance.create_run_for_job(toy_stages.toy(), tags={"dagster/partition": "b"})
    lock = FileLineageLock(tmp_path / "locks")
    context = dg.build_init_resource_context(instance=instance)
    context = type("Context", (), {"run": run, "instance": instance, "log": context.log, "run_id": run.run_id})()
    with TablesResource(home=str(tmp_path)).yield_for_execution(context):
        assert lock.read_owner("b").name == run.run_id
        with pytest.raises(GaveUpError), lock.hold(["b"], Owner("you", "another"), give_up):
            pass
        with lock.hold(["c"], Owner("you", "another"), must_not_wait):
            pass
    for key in ("b", "c"):
        instance.delete_dynamic_partition(PARTITIONS.name, key)


# ── which partitions a run makes ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("tags", "partitions"),
    [
        ({}, []),
        (tag_range(["b"]), ["b"]),
        (tag_range(["b", "c", "d"]), ["b", "c", "d"]),
    ],
    ids=["none", "one", "a range"],
)
def test_the_partitions_of_a_run_follow_from_its_tags(no_partitions, tags, partitions):
    no_partitions.add_dynamic_partitions(PARTITIONS.name, list("abcde"))
    assert list_run_partitions(no_partitions, tags) == partitions


# ── the queue ─────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def queue(no_partitions) -> LineageRunCoordinator:
    no_partitions.add_dynamic_partitions(PARTITIONS.name, list("abc"))
    coordinator = LineageRunCoordinator(max_concurrent_runs=2)
    coordinator.register_instance(no_partitions)
    return coordinator


def test_one_run_per_partition_leaves_the_queue(queue):
    config = queue.get_run_queue_config()
    assert config.max_concurrent_runs == 2
    assert config.tag_concurrency_limits == [{"key": key, "limit": 1} for key in tag_lineage("abc")]


def test_a_run_is_tagged_as_it_enters_the_queue_and_told_what_it_waits_for(queue, no_partitions):
    job = toy_stages.toy()
    running = no_partitions.create_run_for_job(job, tags=tag_lineage(["b"]), status=dg.DagsterRunStatus.STARTED)
    # Executed again from the UI, it has the tags of the command's run.
    tags = {"dagster/partition": "b", PROCESS_TAG: "4711-0"}
    run = no_partitions.create_run_for_job(
        job, tags=tags, status=dg.DagsterRunStatus.NOT_STARTED, remote_job_origin=_origin(job)
    )
    submitted = queue.submit_run(SubmitRunContext(run, workspace=None))
    assert submitted.status == dg.DagsterRunStatus.QUEUED
    assert submitted.tags.keys() >= tag_lineage(["b"]).keys()
    assert submitted.tags[PROCESS_TAG] == "", "it is no run of that process any more"
    messages = [record.get_dagster_event().message or "" for record in no_partitions.all_logs(run.run_id)]
    assert any("Stays in the queue" in message and running.run_id[:8] in message for message in messages)
    for each in (running, run):
        no_partitions.delete_run(each.run_id)


def _origin(job):
    from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin

    return RemoteJobOrigin(RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("here"), "__repository__"), job.name)


# ── tables that say what they were made of ────────────────────────────────────────────────────


def test_a_stage_refuses_tables_of_several_generations_and_names_them(backfill, instance, tables):
    backfill()
    backfill(("p2",), ("a",), base=10)
    before = tables.table_path("c", "p2").read_bytes()
    outcome = backfill(selection=("c",))
    assert list(outcome.failed) == ["p2"]
    assert "b was made from another a than there is now" in outcome.failed["p2"]
    assert "funcdex materialize p2 --select b" in outcome.failed["p2"]
    assert tables.table_path("c", "p2").read_bytes() == before
    assert materialised(instance, outcome.runs[0]) == {("c", partition) for partition in ("p1", "p3", "p4")}

    assert backfill(("p2",), ("b", "c")).success, "the remedy"
    assert tables.read_frame("c", "p2")["number"].to_list() == [20, 24]


def test_the_same_bytes_again_are_the_same_lineage(backfill):
    backfill()
    backfill(("p2",), ("a",))
    assert backfill(selection=("c",)).success


def test_tables_of_an_earlier_version_are_believed(backfill, tables):
    backfill()
    for stage in "abc":
        seal = tables.seal_path(stage, "p2")
        seal.write_text(tables.read_seal(stage, "p2").digest)
    assert tables.load_table("b", "p2").sealed
    assert backfill(selection=("c",)).success


def test_a_table_keeps_its_ancestors_when_a_row_is_put_right(backfill, tables):
    backfill()
    path = tables.table_path("b", "p2")
    tables.read_frame("b", "p2").write_parquet(path, compression="uncompressed")
    backfill(("p2",), ("c",))
    assert tables.load_table("b", "p2").sealed
    assert tables.read_seal("b", "p2").ancestors == {"a": tables.read_seal("a", "p2").digest}
    assert tables.read_seal("c", "p2").ancestors.keys() == {"a", "b"}


def test_an_error_of_lineage_is_one_that_a_user_can_remedy(tables, backfill):
    backfill()
    backfill(("p1",), ("a",), base=10)
    read = {name: tables.load_table(name, "p1") for name in ("a", "b")}
    with pytest.raises(TableError, match="several generations"):
        tables.refuse_mixed_lineage("p1", read)


# ── side by side ──────────────────────────────────────────────────────────────────────────────


def test_first_starts_side_by_side_make_one_instance(tmp_path):
    from funcdex_assets.cli.init import create_project

    create_project(tmp_path / "project")
    script = (
        "import sys; from funcdex_assets.settings.settings import load_settings\n"
        "from funcdex_assets.orchestration.project_instance import open_instance\n"
        "print('ready', flush=True); sys.stdin.read(1)\n"
        "with open_instance(load_settings()) as instance: print(*instance.get_dynamic_partitions('funcdex_toolkits'))\n"
    )
    starts = [
        subprocess.Popen(
            [sys.executable, "-c", script],
            cwd=tmp_path / "project",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in starts:
        assert process.stdout.readline() == "ready\n"
    outputs = []
    threads = [threading.Thread(target=lambda p=process: outputs.append(p.communicate("x"))) for process in starts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [process.returncode for process in starts] == [0] * 4, outputs
    assert {standard for standard, _ in outputs} == {"gmail googledrive gmail_googledrive\n"}
