"""Every private name of Dagster that the project uses, and the classes made of them.

A release of Dagster may move or change any of these without notice. `tests/assets/test_dagster_private.py` proves
each for the versions in `PROVED_WITH`, and is the first thing to run after an upgrade. A module that needs another
private name imports it from here.

    ProjectStorage, ProjectComputeLogManager, ProjectArtifactStorage
        named in a project's `dagster.yaml`: Dagster's own SQLite storage, in the project's home, whoever starts
        Dagster and with whatever environment
    open_kept_instance
        the same storage with its connections kept open, for one short-lived process
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData,
)
from dagster._core.definitions.data_version import (
    CODE_VERSION_TAG,
    DATA_VERSION_IS_USER_PROVIDED_TAG,
    DATA_VERSION_TAG,
    NULL_EVENT_POINTER,
    get_input_data_version_tag,
    get_input_event_pointer_tag,
)
from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME
from dagster._core.definitions.source_asset import SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition
from dagster._core.execution.api import execute_run
from dagster._core.execution.plan.active import ActiveExecution
from dagster._core.instance.ref import InstanceRef
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._core.run_coordinator import QueuedRunCoordinator, SubmitRunContext
from dagster._core.run_coordinator.queued_run_coordinator import RunQueueConfig
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._core.storage.root import LocalArtifactStorage
from dagster._core.storage.sql import create_engine
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    HIDDEN_TAG_PREFIX,
    PARTITION_NAME_TAG,
)
from dagster._serdes import ConfigurableClassData
from filelock import FileLock
from sqlalchemy.engine import Connection, Engine

from funcdex_assets.settings.settings import load_settings
from funcdex_assets.storage.home import prepare_home

PROVED_WITH = ("1.13.27", "1.13.28")
"""Versions of Dagster under which the test of this module passed."""

__all__ = [
    "ASSET_PARTITION_RANGE_END_TAG",
    "ASSET_PARTITION_RANGE_START_TAG",
    "CODE_VERSION_TAG",
    "DATA_VERSION_IS_USER_PROVIDED_TAG",
    "DATA_VERSION_TAG",
    "HIDDEN_TAG_PREFIX",
    "NOT_FINISHED_STATUSES",
    "NULL_EVENT_POINTER",
    "PARTITION_NAME_TAG",
    "REPORTED_BY_STAGE",
    "AssetCheckEvaluationTargetMaterializationData",
    "QueuedRunCoordinator",
    "RunQueueConfig",
    "SubmitRunContext",
    "UnresolvedAssetJobDefinition",
    "checking_while_steps_wait",
    "create_run_of_location",
    "execute_run",
    "get_input_data_version_tag",
    "get_input_event_pointer_tag",
    "open_kept_instance",
]

REPORTED_BY_STAGE = {SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION: True}
"""Metadata of an output for which Dagster makes no materialisation event of its own."""

_NO_COMPUTE_LOGS = {"module": "dagster._core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager"}


# ── runs of a program, as the UI knows them ───────────────────────────────────────────────────


def create_run_of_location(
    instance: dg.DagsterInstance,
    job: Any,
    location: str,
    *,
    run_config: Mapping[str, Any],
    tags: Mapping[str, str],
    asset_selection: Sequence[dg.AssetKey],
) -> dg.DagsterRun:
    """Creates the run of a reconstructable job that `execute_run` executes in this process.

    `dg.execute_job` creates runs that belong to no code location: the UI shows them on no job's page, and cannot
    execute them again.
    """
    definition = job.get_definition()
    origin = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin(location), SINGLETON_REPOSITORY_NAME)
    return instance.create_run_for_job(
        definition,
        run_config=run_config,
        tags={**definition.run_tags, **tags},
        asset_selection=set(asset_selection),
        remote_job_origin=RemoteJobOrigin(origin, definition.name),
        job_code_origin=job.get_python_origin(),
    )


@contextmanager
def checking_while_steps_wait(check: Callable[[], object]) -> Iterator[None]:
    """Calls `check`, which may raise, whenever a run of this process looks again whether its next step may begin.

    Dagster's executor in one process waits for a pool without asking whether its run is to be cancelled.
    """
    sleep = ActiveExecution.sleep_til_ready

    def check_and_sleep(self: ActiveExecution) -> None:
        check()
        sleep(self)

    ActiveExecution.sleep_til_ready = check_and_sleep
    try:
        yield
    finally:
        ActiveExecution.sleep_til_ready = sleep


# ── storage in the project's home ─────────────────────────────────────────────────────────────


def _project_folder() -> str:
    """The folder of runs and events, in the home that the settings name.

    Raises:
        SettingsError: the folder in which Dagster was started has no usable `funcdex.yaml`.
        HomeError, DiskError: the home cannot be used.
    """
    home = load_settings(with_tools=False).home.absolute()
    prepare_home(home)
    return str(home / "dagster")


@contextmanager
def _lock_databases() -> Iterator[None]:
    """Lets processes that start side by side make Dagster's databases one after the other: SQLite has no
    `CREATE TABLE` that several of Dagster's processes could do at once.
    """
    folder = Path(_project_folder())
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "databases.lock"):
        yield


class ProjectStorage(DagsterSqliteStorage):
    """Runs, events and schedules in SQLite files in the project's home."""

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> "ProjectStorage":  # noqa: ARG003
        with _lock_databases():
            return cls.from_local(inst_data=inst_data, base_dir=_project_folder())


class ProjectComputeLogManager(LocalComputeLogManager):
    """Keeps the output of steps in the project's home."""

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        return {}

    @classmethod
    def from_config_value(  # type: ignore[override]
        cls,
        inst_data: ConfigurableClassData | None,
        config_value: Any,  # noqa: ARG003
    ) -> "ProjectComputeLogManager":
        return cls(inst_data=inst_data, base_dir=_project_folder())


class ProjectArtifactStorage(LocalArtifactStorage):
    """Keeps the files beside Dagster's databases in the project's home."""

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> "ProjectArtifactStorage":  # noqa: ARG003
        return cls(inst_data=inst_data, base_dir=_project_folder())


# ── the same, quick ───────────────────────────────────────────────────────────────────────────


class KeptEventLogStorage(SqliteEventLogStorage):
    """One engine per file, each with one connection pool and one cache of compiled statements.

    Dagster opens a new SQLite engine several times for each event, and compiles each statement anew:
    9 ms an event, 8.7 s for 16 partitions of 14 stages. With an engine per file it is 3 ms and 3.5 s. The
    files are the same, so the UI reads what a command wrote. A long-lived process keeps Dagster's own
    storage: it would collect an open file for every run that it ever looked at.
    """

    def __init__(self, base_dir: str) -> None:
        self._engines: dict[str, Engine] = {}
        self._tables: set[str] = set()
        super().__init__(base_dir)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock, self._open_engine(shard).connect() as connection, connection.begin():
            yield connection

    def _open_engine(self, shard: str) -> Engine:
        if shard not in self._engines:
            self._engines[shard] = create_engine(
                self.conn_string_for_shard(shard), connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS}
            )
        if shard not in self._initialized_dbs:
            self._initdb(self._engines[shard])
            self._initialized_dbs.add(shard)
        return self._engines[shard]

    def has_table(self, table_name: str) -> bool:
        """Asked for each event and each look at the partitions' keys; a table that is there stays."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def dispose(self) -> None:
        super().dispose()
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()


class KeptSqliteStorage(DagsterSqliteStorage):
    """Dagster's SQLite storage with its event log's connections kept open."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(base_dir, inst_data)
        self._event_log_storage = KeptEventLogStorage(self._event_log_storage._base_dir)

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> "KeptSqliteStorage":
        return cls.from_local(inst_data=inst_data, **config_value)


class KeptProjectStorage(KeptSqliteStorage):
    """The same in the project's home."""

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> "KeptProjectStorage":  # noqa: ARG003
        with _lock_databases():
            return cls.from_local(inst_data=inst_data, base_dir=_project_folder())


_KEPT = {DagsterSqliteStorage.__name__: KeptSqliteStorage, ProjectStorage.__name__: KeptProjectStorage}


def open_kept_instance(folder: Path, *, compute_logs: bool = True) -> dg.DagsterInstance:
    """The instance that the `dagster.yaml` in the folder describes, with kept connections if it is on SQLite.

    Telemetry is off, whatever the file says. `compute_logs` off leaves standard output to the program: Dagster would
    divert it into a log file.
    """
    overrides: dict[str, Any] = {"telemetry": {"enabled": False}}
    if not compute_logs:
        overrides["compute_logs"] = _NO_COMPUTE_LOGS
    reference = InstanceRef.from_dir(str(folder), overrides=overrides)
    storage = reference.storage_data
    if storage is not None and storage.class_name in _KEPT:
        storage_data = ConfigurableClassData(__name__, _KEPT[storage.class_name].__name__, storage.config_yaml)
        reference = reference._replace(storage_data=storage_data)
    return dg.DagsterInstance.from_ref(reference)
