"""Making many partitions from a program: in this process, in Dagster's own instance, without a daemon.

Here belongs what the command line needs of Dagster: which runs make the partitions that are wanted,
and what came of each partition. What one run does with several partitions, and how one of them fails
alone, is `assets/_stage.py`'s business; the UI's backfills use the same.

    outcome = run_partitions(["gmail", "jira"], seed=7, progress=bars)
    outcome.failed      # {"jira": "conversations: InferenceError: …"}
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import dagster as dg
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    PARTITION_NAME_TAG,
)

from funcdex_assets.instance import HOME_VARIABLE, enter_instance
from funcdex_assets.orphans import bury_orphans, signed
from funcdex_assets.partitions import register
from funcdex_assets.progress import ProgressListener, listening
from funcdex_assets.quick_storage import quick_instance
from funcdex_assets.settings import Settings, load_settings

# In a program that talks to its user, standard output is the program's: Dagster would divert it into
# a log file, and print each event.
_QUIET_INSTANCE = {
    "compute_logs": {
        "module": "dagster._core.storage.noop_compute_log_manager",
        "class": "NoOpComputeLogManager",
    }
}
_QUIET_RUN = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class Outcome:
    """What came of a backfill.

    made:   partition → the stages of which it has a new table
    once:   the assets without partitions that were made
    failed: partition → the first stage that did not make it, and why
    error:  why runs ended that no partition is to blame for
    """

    made: Mapping[str, tuple[str, ...]]
    failed: Mapping[str, str]
    runs: tuple[str, ...]
    once: tuple[str, ...] = ()
    error: str | None = None

    @property
    def success(self) -> bool:
        return not self.failed and self.error is None


def whole_graph() -> dg.JobDefinition:
    from funcdex_assets.definitions import defs

    return defs.resolve_job_def("generate_dataset")


def run_partitions(
    partitions: Sequence[str],
    selection: Sequence[str] | None = None,
    *,
    seed: int | None = None,
    conversations: int | None = None,
    progress: ProgressListener | None = None,
    settings: Settings | None = None,
) -> Outcome:
    """Makes the partitions' tables, of every stage or of those in `selection`.

    Neighbouring partitions share a run. Assets without partitions come last, once.

    Raises:
        ValueError: an unknown partition or stage.
    """
    settings = settings or load_settings()
    overrides = {"seed": seed, "conversations": conversations}
    config = {name: value for name, value in overrides.items() if value is not None}
    processes = settings.home / "processes"
    with open_instance(settings) as instance, signed(processes) as tags:
        bury_orphans(instance, processes)
        register(instance, settings)
        return execute(
            whole_graph,
            instance,
            partitions,
            selection,
            run_config={"resources": {"settings": {"config": config}}} if config else {},
            tags=tags,
            progress=progress,
        )


@contextmanager
def open_instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """The instance that the UI shows, for a program that prints."""
    enter_instance(settings.root, settings.home)
    with quick_instance(os.environ[HOME_VARIABLE], overrides=_QUIET_INSTANCE) as instance:
        yield instance


def execute(
    job: Callable[[], dg.JobDefinition],
    instance: dg.DagsterInstance,
    partitions: Sequence[str],
    selection: Sequence[str] | None = None,
    *,
    run_config: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
    progress: ProgressListener | None = None,
) -> Outcome:
    """Like `run_partitions`, for any job; `job` is a function of a module, by which a run finds it again."""
    definition = job()
    keys = (
        definition.partitions_def.get_partition_keys(dynamic_partitions_store=instance)
        if definition.partitions_def
        else []
    )
    by_partition, once = _selected(definition, selection)
    plan: list[tuple[list[dg.AssetKey], tuple[str, ...]]] = []
    if by_partition:
        plan += [(by_partition, neighbours) for neighbours in ranges(partitions, keys)]
    if once:
        plan.append((once, ()))

    made: dict[str, dict[str, None]] = {}
    failed: dict[str, str] = {}
    errors: list[str] = []
    runs: list[str] = []
    unpartitioned: list[str] = []
    with listening(progress or ProgressListener()):
        for assets, neighbours in plan:
            result = dg.execute_job(
                dg.reconstructable(job),
                instance,
                run_config={**_QUIET_RUN, **(run_config or {})},
                tags={**(tags or {}), **range_tags(neighbours)},
                asset_selection=assets,
                raise_on_error=False,
            )
            runs.append(result.run_id)
            for event in result.all_events:
                if event.is_step_materialization and event.asset_key and event.partition:
                    made.setdefault(event.partition, {})[event.asset_key.to_user_string()] = None
                elif event.is_step_materialization and event.asset_key:
                    unpartitioned.append(event.asset_key.to_user_string())
                elif event.is_step_failure:
                    _note_failure(event, failed, errors)
                elif event.is_run_failure and not (failed or errors):
                    errors.append(_run_error(event))
    return Outcome(
        made={partition: tuple(made[partition]) for partition in keys if partition in made},
        failed={partition: failed[partition] for partition in keys if partition in failed},
        runs=tuple(runs),
        once=tuple(unpartitioned),
        error="; ".join(errors) or None,
    )


def ranges(wanted: Iterable[str], partitions: Sequence[str]) -> list[tuple[str, ...]]:
    """The wanted partitions in their order, neighbours together: one run can make a range.

    >>> ranges(["d", "a", "b"], ["a", "b", "c", "d"])
    [('a', 'b'), ('d',)]

    Raises:
        ValueError: an unknown partition.
    """
    names = set(wanted)
    if unknown := sorted(names.difference(partitions)):
        raise ValueError(f"Unknown partition {', '.join(unknown)}; there are {', '.join(partitions)}")
    found: list[list[str]] = [[]]
    for partition in partitions:
        if partition in names:
            found[-1].append(partition)
        elif found[-1]:
            found.append([])
    return [tuple(neighbours) for neighbours in found if neighbours]


def range_tags(neighbours: Sequence[str]) -> dict[str, str]:
    """The run tags that say which partitions a run makes."""
    if not neighbours:
        return {}
    if len(neighbours) == 1:
        return {PARTITION_NAME_TAG: neighbours[0]}
    return {ASSET_PARTITION_RANGE_START_TAG: neighbours[0], ASSET_PARTITION_RANGE_END_TAG: neighbours[-1]}


def _selected(job: dg.JobDefinition, selection: Sequence[str] | None) -> tuple[list[dg.AssetKey], list[dg.AssetKey]]:
    """The wanted assets: those with partitions, and those without."""
    known = {key.to_user_string(): key for key in sorted(job.asset_layer.selected_asset_keys)}
    if unknown := sorted(set(selection or ()).difference(known)):
        raise ValueError(f"Unknown stage {', '.join(unknown)}; there are {', '.join(known)}")
    wanted = [known[name] for name in (selection or known)]
    partitioned = [key for key in wanted if job.asset_layer.get(key).partitions_def is not None]
    return partitioned, [key for key in wanted if key not in partitioned]


def _note_failure(event: dg.DagsterEvent, failed: dict[str, str], errors: list[str]) -> None:
    data = event.step_failure_data
    user = data.user_failure_data
    reasons = user.metadata.get("failed_partitions") if user else None
    if isinstance(reasons, dg.JsonMetadataValue) and isinstance(reasons.data, dict):
        for partition, reason in reasons.data.items():
            failed.setdefault(str(partition), f"{event.step_key}: {reason}")
    elif data.error:
        errors.append(f"{event.step_key}: {_root(data.error)}")


def _run_error(event: dg.DagsterEvent) -> str:
    error = getattr(event.event_specific_data, "error", None)
    return _root(error) if error else event.message or "the run failed"


def _root(error: Any) -> str:
    """The message beneath Dagster's own wrapping."""
    while error.cause is not None:
        error = error.cause
    return re.sub(r"^(?:\w+\.)+(?=\w+: )", "", error.message.strip())  # the class without its module
