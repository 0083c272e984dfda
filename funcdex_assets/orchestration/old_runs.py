"""Dagster's runs that are over and old: how much they keep, and how they are deleted with their events and logs.

A run that made the newest table of a partition, or the newest of an asset without partitions, stays however old it is:
with its events Dagster would forget that the table is there.
"""

import shutil
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg

_OVER = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


@dataclass(frozen=True)
class OldRun:
    """A run that may go; `files` are its own event log and its logs of steps, where the storage has such files."""

    run_id: str
    ended_at: datetime
    files: tuple[Path, ...]

    @property
    def size(self) -> int:
        return sum(_measure(path) for path in self.files)


def find_old_runs(instance: dg.DagsterInstance, home: Path, older_than_s: float) -> list[OldRun]:
    """Finds the runs that ended longer ago, the oldest first."""
    before = datetime.now(UTC) - timedelta(seconds=older_than_s)
    records = instance.get_run_records(dg.RunsFilter(statuses=_OVER, updated_before=before), ascending=True)
    needed = _find_needed_runs(instance) if records else set()
    return [
        OldRun(record.dagster_run.run_id, record.update_timestamp, _list_files(home, record.dagster_run.run_id))
        for record in records
        if record.dagster_run.run_id not in needed
    ]


def delete_runs(instance: dg.DagsterInstance, runs: Collection[OldRun]) -> None:
    """Deletes runs and their events; call `delete_files` when the instance is closed."""
    for run in runs:
        instance.delete_run(run.run_id)


def delete_files(runs: Collection[OldRun]) -> None:
    for run in runs:
        for path in run.files:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def _find_needed_runs(instance: dg.DagsterInstance) -> set[str]:
    """The runs to which the newest materialisation of each asset and partition belongs."""
    kind = dg.DagsterEventType.ASSET_MATERIALIZATION
    needed: set[str] = set()
    for key in instance.all_asset_keys():
        newest = instance.get_latest_materialization_event(key)
        if newest is not None:
            needed.add(newest.run_id)
        ids = [*instance.get_latest_storage_id_by_partition(key, kind).values()]
        if ids:
            newest_of_partitions = dg.AssetRecordsFilter(asset_key=key, storage_ids=ids)
            result = instance.fetch_materializations(newest_of_partitions, limit=len(ids))
            needed.update(record.event_log_entry.run_id for record in result.records)
    return needed


def _list_files(home: Path, run_id: str) -> tuple[Path, ...]:
    folder = home / "dagster"
    database = folder / "history" / "runs" / f"{run_id}.db"
    candidates = (database, *(database.with_name(f"{database.name}-{end}") for end in ("wal", "shm")))
    return tuple(path for path in (*candidates, folder / "storage" / run_id) if path.exists())


def _measure(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else (path,)
    return sum(file.stat().st_size for file in files if file.is_file())
