"""Runs whose process was killed: found by the next command, ended, and their places given back.

Dagster's default run launcher cannot tell that a process is gone. A run that was killed in a pooled
stage stays "started" and keeps its place in the pool, and every later run waits for it. So a process
signs its runs with the name of a file that it keeps locked while it lives; the operating system lifts
the lock however the process ends.

    with sign_runs(folder) as tags:        # {"funcdex/process": "4711-9f0c"}
        dg.execute_job(..., tags=tags)
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

import dagster as dg
from filelock import FileLock, Timeout

PROCESS_TAG = "funcdex/process"
_UNFINISHED = [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]


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
        if name is not None and _is_gone(folder / name):
            instance.report_run_failed(run, f"The process {name.split('-')[0]} of this run was killed.")
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
            (folder / name).unlink(missing_ok=True)
            ended.append(run.run_id)
    return ended


def _is_gone(path: Path) -> bool:
    if not path.exists():
        return True
    try:
        with FileLock(path, timeout=0):
            return True
    except Timeout:
        return False
