"""Makes many partitions from a program: in this process, in the project's own instance, without a daemon.

Here belongs what the command line needs of Dagster: which runs make the partitions that are wanted, and what came of
each partition. `stage` says what one run does with several partitions, and how one of them fails alone; the UI's
backfills use the same.

    outcome = run_partitions(whole_graph, ["gmail", "jira"], settings, config={"seed": 7}, progress=bars)
    outcome.failed      # {"jira": "conversations: InferenceError: …"}
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from secrets import token_hex
from types import MappingProxyType
from typing import Any

import dagster as dg

from funcdex_assets.export.release_outcome import NO_DATASET, RELEASE_IS_WHOLE
from funcdex_assets.orchestration.dagster_private import (
    checking_while_steps_wait,
    create_run_of_location,
    execute_run,
)
from funcdex_assets.orchestration.interruption import check_interruption, current_interruption
from funcdex_assets.orchestration.lineage_lock import LOCKS_FOLDER, FileLineageLock, LineageLock, Owner
from funcdex_assets.orchestration.orphaned_runs import (
    PROCESS_TAG,
    PROCESSES_FOLDER,
    end_orphaned_runs,
    sign_runs,
)
from funcdex_assets.orchestration.partitions import tag_lineage, tag_range
from funcdex_assets.orchestration.progress_listener import ProgressListener, listen_to_progress
from funcdex_assets.orchestration.project_instance import DEFAULT_LOCATION, open_instance, read_location_name
from funcdex_assets.orchestration.resource_keys import SETTINGS
from funcdex_assets.records.suggestions import list_nearest_names, suggest_name
from funcdex_assets.settings.settings import Settings, share_total

Metadata = Mapping[str, Any]

# Whoever started a program sees how it ends. If it is killed, a daemon that ran its run again later would put its
# tables over what was asked for since.
_NEVER_RETRIED = {"dagster/max_retries": "0"}

# A program that talks to its user prints for itself: Dagster would print each event.
_QUIET_RUN = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class Outcome:
    """The result of making partitions.

    made:        partition → the stages of which it has a new table, each with the plain values of its metadata
    once:        the assets without partitions that were made, with theirs
    failed:      partition → the first stage that did not make it, and why
    error:       why runs ended that no partition is to blame for
    interrupted: the work was ended before it was done
    """

    made: Mapping[str, Mapping[str, Metadata]]
    failed: Mapping[str, str]
    runs: tuple[str, ...]
    once: Mapping[str, Metadata] = field(default_factory=dict)
    error: str | None = None
    interrupted: bool = False

    @property
    def success(self) -> bool:
        return not self.failed and self.error is None and not self.interrupted

    @property
    def has_only_refused_releases(self) -> bool:
        """Nothing failed but releases that were refused because they had too little.

        If the first dataset of all is refused, there is none for the release over all, which fails for that.
        """
        if not all(RELEASE_IS_WHOLE in reason for reason in self.failed.values()):
            return False
        if self.error is None:
            return bool(self.failed)
        return RELEASE_IS_WHOLE in self.error or (bool(self.failed) and NO_DATASET in self.error)


def run_partitions(
    job: Callable[[], dg.JobDefinition],
    partitions: Sequence[str],
    settings: Settings,
    selection: Sequence[str] | None = None,
    *,
    config: Mapping[str, Any] = MappingProxyType({}),
    total: int | None = None,
    progress: ProgressListener | None = None,
    activity: str = "a program",
) -> Outcome:
    """Makes the partitions' tables, of every stage or of those in `selection`, in the project's instance.

    `job` is a function of a module, by which a run finds it again: `definitions.whole_graph`. `config` has fields of
    the settings resource that differ from the file's. Neighbouring partitions share a run, which begins when no other
    run makes one of them; `activity` is what others that wait for it are told. Assets without partitions come last,
    once. A `total` of conversations is spread over the partitions, in the order of the settings.

    Raises:
        ValueError: an unknown partition or stage.
    """
    sharing = [name for name in settings.partitions if name in set(partitions)] if total is not None else None
    if total is not None:
        share_total(settings, total, sharing or ())
        config = {**config, "total_conversations": total, "total_over": sharing}
    processes = settings.home / PROCESSES_FOLDER
    with open_instance(settings) as instance, sign_runs(processes) as tags:
        end_orphaned_runs(instance, processes)
        return execute_partitions(
            job,
            instance,
            partitions,
            selection,
            run_config={"resources": {SETTINGS: {"config": dict(config)}}} if config else {},
            tags=tags,
            progress=progress,
            lock=FileLineageLock(settings.home / LOCKS_FOLDER),
            owner=Owner(tags[PROCESS_TAG], activity),
            location=read_location_name(settings.root),
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
    lock: LineageLock | None = None,
    owner: Owner | None = None,
    location: str = DEFAULT_LOCATION,
) -> Outcome:
    """Makes the partitions with any job, in an instance that is open; runs appear under the code location's name."""
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

    record = _OutcomeRecord(keys)
    listener = progress or ProgressListener()
    listener.planned(sum(len(assets) * max(1, len(neighbours)) for assets, neighbours in plan))
    owner = owner or Owner(token_hex(8), "a program")

    def report_wait(partition: str, holder: Owner | None, tries: int) -> None:
        check_interruption()
        if tries == 0:
            listener.waiting(partition, str(holder or "another run"))

    with listen_to_progress(listener), checking_while_steps_wait(check_interruption):
        try:
            for assets, neighbours in plan:
                check_interruption()
                with lock.hold(neighbours, owner, report_wait) if lock else nullcontext():
                    run = create_run_of_location(
                        instance,
                        dg.reconstructable(job),
                        location,
                        run_config={**_QUIET_RUN, **(run_config or {})},
                        tags={
                            **_NEVER_RETRIED,
                            **(tags or {}),
                            **tag_range(neighbours),
                            **tag_lineage(neighbours),
                        },
                        asset_selection=assets,
                    )
                    record.runs.append(run.run_id)
                    with current_interruption().preparing(lambda run=run: instance.report_run_canceling(run)):
                        result = execute_run(dg.reconstructable(job), run, instance)
                    record.note_events(result.all_events, listener)
        except dg.DagsterExecutionInterruptedError:
            record.interrupted = True
    return record.build_outcome()


class _OutcomeRecord:
    """Collects what came of runs from their events; `keys` are all partitions, in the instance's order."""

    def __init__(self, keys: Sequence[str]) -> None:
        self.runs: list[str] = []
        self.interrupted = False
        self._keys = keys
        self._stages_made: dict[str, dict[str, Metadata]] = {}
        self._failed: dict[str, str] = {}
        self._errors: list[str] = []
        self._unpartitioned: dict[str, Metadata] = {}

    def note_events(self, events: Iterable[dg.DagsterEvent], listener: ProgressListener) -> None:
        for event in events:
            if event.is_step_materialization and event.asset_key:
                name = event.asset_key.to_user_string()
                if event.partition:
                    self._stages_made.setdefault(event.partition, {})[name] = _read_plain_values(event)
                else:
                    self._unpartitioned[name] = _read_plain_values(event)
                    listener.made_once(name)
            elif event.event_type == dg.DagsterEventType.RUN_CANCELED:
                self.interrupted = True
            elif event.is_step_failure:
                _note_failure(event, self._failed, self._errors)
            elif event.is_run_failure and not (self._failed or self._errors):
                self._errors.append(_explain_run_failure(event))

    def build_outcome(self) -> Outcome:
        return Outcome(
            made={key: self._stages_made[key] for key in self._keys if key in self._stages_made},
            failed={key: self._failed[key] for key in self._keys if key in self._failed},
            runs=tuple(self.runs),
            once=self._unpartitioned,
            error="; ".join(self._errors) or None,
            interrupted=self.interrupted,
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
        suggestion, known = suggest_name(unknown[0], partitions), list_nearest_names(unknown[0], partitions)
        raise ValueError(f"Unknown partition {', '.join(unknown)}{suggestion}; there are {known}")
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
        suggestion = suggest_name(unknown[0], keys_by_name)
        raise ValueError(f"Unknown stage {', '.join(unknown)}{suggestion}; there are {', '.join(keys_by_name)}")
    selected = [keys_by_name[name] for name in (selection or keys_by_name)]
    partitioned = [key for key in selected if job.asset_layer.get(key).partitions_def is not None]
    return partitioned, [key for key in selected if key not in partitioned]


def _read_plain_values(event: dg.DagsterEvent) -> Metadata:
    """The numbers, texts, paths and JSON of a materialisation's metadata."""
    metadata = event.step_materialization_data.materialization.metadata
    return {
        name: value.value
        for name, value in metadata.items()
        if isinstance(value.value, int | float | str | dict) and not isinstance(value, dg.MarkdownMetadataValue)
    }


def _note_failure(event: dg.DagsterEvent, failed: dict[str, str], errors: list[str]) -> None:
    failure = event.step_failure_data
    user = failure.user_failure_data
    reasons = user.metadata.get("failed_partitions") if user else None
    if isinstance(reasons, dg.JsonMetadataValue) and isinstance(reasons.data, dict):
        for partition, reason in reasons.data.items():
            failed.setdefault(str(partition), f"{event.step_key}: {reason}")
    elif failure.error and failure.error.cls_name != dg.DagsterExecutionInterruptedError.__name__:
        errors.append(f"{event.step_key}: {_find_root_message(failure.error)}")


def _explain_run_failure(event: dg.DagsterEvent) -> str:
    error = getattr(event.event_specific_data, "error", None)
    return _find_root_message(error) if error else event.message or "the run failed"


def _find_root_message(error: Any) -> str:
    """The message beneath Dagster's own wrapping."""
    while error.cause is not None:
        error = error.cause
    return re.sub(r"^(?:\w+\.)+(?=\w+: )", "", error.message.strip())  # the class without its module
