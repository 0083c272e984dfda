"""The store of the stages' tables, with the contract of each, and the locks of the partitions that a run makes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from pydantic import Field

from funcdex_assets.contracts.stage_tables import TABLES
from funcdex_assets.contracts.trusted_tables import TrustedTables
from funcdex_assets.orchestration.lineage_lock import LOCKS_FOLDER, POLL_S, FileLineageLock, Owner
from funcdex_assets.orchestration.orphaned_runs import PROCESS_TAG
from funcdex_assets.orchestration.partitions import list_run_partitions

REPORT_S = 60
"""How often a run that waits for a lock says so."""


class TablesResource(dg.ConfigurableResource[TrustedTables]):
    """Makes the store, and holds the locks of the run's partitions as long as the run uses it.

    Nothing is on disk until a table is written or a lock taken.
    """

    home: str = Field(description="folder under which the tables are kept")

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[TrustedTables]:
        home, run = Path(self.home), context.run
        tables = TrustedTables(home, TABLES)
        partitions = list_run_partitions(context.instance, run.tags) if run and context.instance else []
        if not partitions or run is None:
            yield tables
            return

        def log_wait(partition: str, holder: Owner | None, tries: int) -> None:
            if context.log and tries % int(REPORT_S / POLL_S) == 0:
                context.log.info(f"{partition} is being made by {holder or 'another run'}; this run waits for it")

        name = run.tags.get(PROCESS_TAG) or run.run_id  # the process that created the run holds the locks already
        owner = Owner(name, f"run {run.run_id[:8]} of {run.job_name}")
        with FileLineageLock(home / LOCKS_FOLDER).hold(partitions, owner, log_wait):
            yield tables
