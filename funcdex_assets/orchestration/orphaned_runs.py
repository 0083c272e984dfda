"""Runs whose process was killed: found by the next command or by the run queue, ended, and their places given back.

Dagster's default run launcher cannot tell that a process is gone. A run that was killed in a pooled
stage stays "started" and keeps its place in the pool, and every later run waits for it, as do the runs in the queue
that make one of its partitions. So a process
signs its runs with the name of a file that it keeps locked while it lives; the operating system lifts
the lock however the process ends.

    with sign_runs(folder) as tags:        # {"funcdex/process": "4711-9f0c"}
        dg.execute_job(..., tags=tags)
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

import dagster as dg
from filelock import FileLock

from funcdex_assets.orchestration.lineage_lock import FileLineageLock, is_locked
from funcdex_assets.orchestration.partitions import list_run_partitions

PROCESS_TAG = "funcdex/process"
PROCESSES_FOLDER = "processes"
"""The name of the folder of signatures in the project's home."""
_UNFINISHED = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,  # its user asked for the end, and then killed the process
]


@contextmanager
def sign_runs(folder: Path) -> Iterator[dict[str, str]]:
    """Run tags that name a file in the folder, locked until the process ends or the context does."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{os.getpid()}-{token_hex(4)}"
    path = folder / name
    try:
        with FileLock(path):
            yield {PROCESS_TAG: name}
    finally:
        path.unlink(missing_ok=True)


def end_orphaned_runs(instance: dg.DagsterInstance, folder: Path) -> list[str]:
    """Ends the signed runs whose process is gone, and frees their places in pools; returns their ids."""
    ended = []
    for run in instance.get_runs(dg.RunsFilter(statuses=_UNFINISHED)):
        name = run.tags.get(PROCESS_TAG)
        if name and not is_locked(folder / name):
            _end_run(instance, run, f"The process {name.split('-')[0]} of this run was killed.")
            (folder / name).unlink(missing_ok=True)
            ended.append(run.run_id)
    return ended


def end_abandoned_runs(instance: dg.DagsterInstance, lock: FileLineageLock, grace_s: float = 60.0) -> list[str]:
    """Ends the runs of a server that was killed with them, such as by a loss of power; returns their ids.

    These runs are not signed. But a run that lives holds the locks of its partitions or waits for somebody who does,
    except in its first seconds, which `grace_s` leaves it. To be called where no other server is running: an executor
    with a process per step gives the locks back between steps.
    """
    ended = []
    for record in instance.get_run_records(dg.RunsFilter(statuses=_UNFINISHED)):
        run = record.dagster_run
        partitions = list_run_partitions(instance, run.tags)
        age = time.time() - (record.start_time or record.create_timestamp.timestamp())
        if run.tags.get(PROCESS_TAG) or not partitions or age < grace_s:
            continue
        if not any(lock.is_held(partition) for partition in partitions):
            _end_run(instance, run, "The process of this run was killed, together with the server that started it.")
            ended.append(run.run_id)
    return ended


def _end_run(instance: dg.DagsterInstance, run: dg.DagsterRun, message: str) -> None:
    if run.status == dg.DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, message)
    else:
        instance.report_run_failed(run, message)
    instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
