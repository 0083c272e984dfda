"""The run queue of a project: a run whose partition another run makes stays in the queue, and takes up no place.

Named in a project's `dagster.yaml`. Every run is tagged with the partitions that it makes, and of the runs with a tag
one is started at a time; runs that a command started count as well. The lock itself is `lineage_lock`'s: the queue only
keeps runs from starting in order to wait.
"""

from contextlib import suppress

import dagster as dg

from funcdex_assets.orchestration.dagster_private import (
    NOT_FINISHED_STATUSES,
    QueuedRunCoordinator,
    RunQueueConfig,
    SubmitRunContext,
)
from funcdex_assets.orchestration.orphaned_runs import PROCESS_TAG, PROCESSES_FOLDER, end_orphaned_runs
from funcdex_assets.orchestration.partitions import list_registered, list_run_partitions, tag_lineage
from funcdex_assets.settings.section import SettingsError
from funcdex_assets.settings.settings import load_settings


class LineageRunCoordinator(QueuedRunCoordinator):
    """Dagster's queue, with a limit of one run per partition that holds also for runs over several."""

    def get_run_queue_config(self) -> RunQueueConfig:
        """The limits by which the daemon starts what waits; it asks for them every few seconds.

        A command that was killed cannot end its run, for which others would wait for ever: that is done here first.
        """
        with suppress(SettingsError):  # which whatever reads them next tells
            end_orphaned_runs(self._instance, load_settings(with_tools=False).home / PROCESSES_FOLDER)
        limits = [{"key": tag, "limit": 1} for tag in tag_lineage(list_registered(self._instance))]
        config = super().get_run_queue_config()
        return config._replace(tag_concurrency_limits=[*config.tag_concurrency_limits, *limits])

    def submit_run(self, context: SubmitRunContext) -> dg.DagsterRun:
        run = context.dagster_run
        lineage = tag_lineage(list_run_partitions(self._instance, run.tags))
        # A run that is executed again has the tags of the first one, but is not that process's.
        unsigned = {PROCESS_TAG: ""} if run.tags.get(PROCESS_TAG) else {}
        if lineage or unsigned:
            self._instance.add_run_tags(run.run_id, {**lineage, **unsigned})
        before = [other for other in self._list_waiting_and_running() if other.tags.keys() & lineage.keys()]
        submitted = super().submit_run(context)
        if before:
            described = ", ".join(f"{other.run_id[:8]} ({other.job_name}, {other.status.value})" for other in before)
            self._instance.report_engine_event(
                f"Stays in the queue until the runs before it that make the same partitions are over: {described}",
                submitted,
            )
        return submitted

    def _list_waiting_and_running(self) -> list[dg.DagsterRun]:
        statuses = [status for status in NOT_FINISHED_STATUSES if status != dg.DagsterRunStatus.NOT_STARTED]
        return list(self._instance.get_runs(dg.RunsFilter(statuses=statuses)))
