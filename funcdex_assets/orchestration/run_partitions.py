"""Makes many partitions from a program: in this process, in the project's own instance, without a daemon.

Here belongs what the command line needs of Dagster: which runs make the partitions that are wanted, and what came of
each partition. `stage` says what one run does with several partitions, and how one of them fails alone; the UI's
backfills use the same.

    outcome = run_partitions(whole_graph, ["gmail", "jira"], settings, seed=7, progress=bars)
    outcome.failed      # {"jira": "conversations: InferenceError: …"}
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from funcdex_assets.orchestration.orphaned_runs import end_orphaned_runs, sign_runs
from funcdex_assets.orchestration.partitions import tag_range
from funcdex_assets.orchestration.progress_listener import ProgressListener, listen_to_progress
from funcdex_assets.orchestration.project_instance import open_instance
from funcdex_assets.orchestration.resource_keys import SETTINGS
from funcdex_assets.settings.settings import Settings

# A program that talks to its user prints for itself: Dagster would print each event.
_QUIET_RUN = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class Outcome:
    """The result of making partitions.

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


def run_partitions(
    job: Callable[[], dg.JobDefinition],
    partitions: Sequence[str],
    settings: Settings,
    selection: Sequence[str] | None = None,
    *,
    seed: int | None = None,
    conversations: int | None = None,
    progress: ProgressListener | None = None,
) -> Outcome:
    """Makes the partitions' tables, of every stage or of those in `selection`, in the project's instance.

    `job` is a function of a module, by which a run finds it again: `definitions.whole_graph`. Neighbouring
    partitions share a run. Assets without partitions come last, once.

    Raises:
        ValueError: an unknown partition or stage.
    """
    overrides = {"seed": seed, "conversations": conversations}
    config = {name: value for name, value in overrides.items() if value is not None}
    processes = settings.home / "processes"
    with open_instance(settings) as instance, sign_runs(processes) as tags:
        end_orphaned_runs(instance, processes)
        return execute_partitions(
            job,
            instance,
            partitions,
            selection,
            run_config={"resources": {SETTINGS: {"config": config}}} if config else {},
            tags=tags,
            progress=progress,
        )


def execute_partitions(
    job: Callable[[], dg.JobDefinition],
    instance: dg.DagsterInstance,
    partitions: Sequence[str],
    selection: Sequence[str] | None = None,
    *,
    run_config: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
    progress: ProgressListener | None = None,
) -> Outcome:
    """Makes the partitions with any job, in an instance that is open."""
    definition = job()
    keys = (
        definition.partitions_def.get_partition_keys(dynamic_partitions_store=instance)
        if definition.partitions_def
        else []
    )
    by_partition, once = _split_selection(definition, selection)
    plan: list[tuple[list[dg.AssetKey], tuple[str, ...]]] = []
    if by_partition:
        plan += [(by_partition, neighbours) for neighbours in group_neighbours(partitions, keys)]
    if once:
        plan.append((once, ()))

    stages_made: dict[str, dict[str, None]] = {}
    failed: dict[str, str] = {}
    errors: list[str] = []
    runs: list[str] = []
    unpartitioned: list[str] = []
    with listen_to_progress(progress or ProgressListener()):
        for assets, neighbours in plan:
            result = dg.execute_job(
                dg.reconstructable(job),
                instance,
                run_config={**_QUIET_RUN, **(run_config or {})},
                tags={**(tags or {}), **tag_range(neighbours)},
                asset_selection=assets,
                raise_on_error=False,
            )
            runs.append(result.run_id)
            for event in result.all_events:
                if event.is_step_materialization and event.asset_key and event.partition:
                    stages_made.setdefault(event.partition, {})[event.asset_key.to_user_string()] = None
                elif event.is_step_materialization and event.asset_key:
                    unpartitioned.append(event.asset_key.to_user_string())
                elif event.is_step_failure:
                    _note_failure(event, failed, errors)
                elif event.is_run_failure and not (failed or errors):
                    errors.append(_explain_run_failure(event))
    return Outcome(
        made={partition: tuple(stages_made[partition]) for partition in keys if partition in stages_made},
        failed={partition: failed[partition] for partition in keys if partition in failed},
        runs=tuple(runs),
        once=tuple(unpartitioned),
        error="; ".join(errors) or None,
    )


def group_neighbours(chosen: Iterable[str], partitions: Sequence[str]) -> list[tuple[str, ...]]:
    """The wanted partitions in their order, neighbours together: one run can make a range.

    >>> group_neighbours(["d", "a", "b"], ["a", "b", "c", "d"])
    [('a', 'b'), ('d',)]

    Raises:
        ValueError: an unknown partition.
    """
    names = set(chosen)
    if unknown := sorted(names.difference(partitions)):
        raise ValueError(f"Unknown partition {', '.join(unknown)}; there are {', '.join(partitions)}")
    groups: list[list[str]] = [[]]
    for partition in partitions:
        if partition in names:
            groups[-1].append(partition)
        elif groups[-1]:
            groups.append([])
    return [tuple(neighbours) for neighbours in groups if neighbours]


def _split_selection(
    job: dg.JobDefinition, selection: Sequence[str] | None
) -> tuple[list[dg.AssetKey], list[dg.AssetKey]]:
    """The wanted assets: those with partitions, and those without."""
    keys_by_name = {key.to_user_string(): key for key in sorted(job.asset_layer.selected_asset_keys)}
    if unknown := sorted(set(selection or ()).difference(keys_by_name)):
        raise ValueError(f"Unknown stage {', '.join(unknown)}; there are {', '.join(keys_by_name)}")
    selected = [keys_by_name[name] for name in (selection or keys_by_name)]
    partitioned = [key for key in selected if job.asset_layer.get(key).partitions_def is not None]
    return partitioned, [key for key in selected if key not in partitioned]


def _note_failure(event: dg.DagsterEvent, failed: dict[str, str], errors: list[str]) -> None:
    failure = event.step_failure_data
    user = failure.user_failure_data
    reasons = user.metadata.get("failed_partitions") if user else None
    if isinstance(reasons, dg.JsonMetadataValue) and isinstance(reasons.data, dict):
        for partition, reason in reasons.data.items():
            failed.setdefault(str(partition), f"{event.step_key}: {reason}")
    elif failure.error:
        errors.append(f"{event.step_key}: {_find_root_message(failure.error)}")


def _explain_run_failure(event: dg.DagsterEvent) -> str:
    error = getattr(event.event_specific_data, "error", None)
    return _find_root_message(error) if error else event.message or "the run failed"


def _find_root_message(error: Any) -> str:
    """The message beneath Dagster's own wrapping."""
    while error.cause is not None:
        error = error.cause
    return re.sub(r"^(?:\w+\.)+(?=\w+: )", "", error.message.strip())  # the class without its module
