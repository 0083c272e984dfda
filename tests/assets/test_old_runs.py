"""Runs that may go: those that are over and old, unless Dagster would forget a table with them.

The instance has the runs of other tests as well; each test looks at its own.
"""

import dagster as dg
import toy_stages

from funcdex_assets.orchestration.old_runs import OldRun, delete_files, delete_runs, find_old_runs
from funcdex_assets.orchestration.run_partitions import execute_partitions


def make(instance, *partitions: str) -> str:
    outcome = execute_partitions(toy_stages.toy, instance, partitions)
    assert outcome.success
    return outcome.runs[0]


def find(instance, home, own: set[str], older_than_s: float = 0) -> list[OldRun]:
    return [run for run in find_old_runs(instance, home, older_than_s) if run.run_id in own]


def test_only_runs_that_made_nothing_that_is_newest_may_go(instance, home):
    first = make(instance, "p1", "p2")
    second = make(instance, "p1", "p2")
    third = make(instance, "p2")
    running = instance.create_run_for_job(toy_stages.toy(), status=dg.DagsterRunStatus.STARTED).run_id
    own = {first, second, third, running}
    assert find(instance, home, own, older_than_s=3600) == [], "none is old"
    old = find(instance, home, own)
    assert [run.run_id for run in old] == [first], "the newest p1 is the second's, the newest p2 the third's"
    delete_runs(instance, old)
    delete_files(old)
    assert {run.run_id for run in instance.get_runs() if run.run_id in own} == own - {first}
    newest = instance.get_latest_storage_id_by_partition(
        dg.AssetKey("c"), dg.DagsterEventType.ASSET_MATERIALIZATION, {"p1", "p2"}
    )
    assert set(newest) == {"p1", "p2"}, "Dagster knows every table that is there"
    assert find(instance, home, own) == []
    instance.report_run_canceled(instance.get_run_by_id(running))


def test_the_files_of_a_run_are_counted_and_go(instance, home):
    run_id = instance.create_run_for_job(toy_stages.toy(), status=dg.DagsterRunStatus.SUCCESS).run_id
    database = home / "dagster" / "history" / "runs" / f"{run_id}.db"
    logs = home / "dagster" / "storage" / run_id / "compute_logs"
    for folder in (database.parent, logs):
        folder.mkdir(parents=True)
    database.write_bytes(b"12345")
    (logs / "a.out").write_bytes(b"123")
    (run,) = find(instance, home, {run_id})
    assert run.size == 8
    delete_runs(instance, [run])
    delete_files([run])
    assert not database.exists()
    assert not logs.parent.exists()
    assert find(instance, home, {run_id}) == []
