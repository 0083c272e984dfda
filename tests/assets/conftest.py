from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest
import toy_stages
from toy_stages import HOME_VARIABLE, Trouble

from funcdex_assets.contracts.trusted_tables import TrustedTables
from funcdex_assets.orchestration.dagster_private import open_kept_instance
from funcdex_assets.orchestration.partitions import PARTITIONS, list_registered
from funcdex_assets.orchestration.run_partitions import Outcome, execute_partitions

ALL = ("p1", "p2", "p3", "p4")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    return tmp_path


@pytest.fixture
def trouble(home: Path) -> Trouble:
    return Trouble(home / "trouble")


@pytest.fixture
def tables(home: Path) -> TrustedTables:
    return TrustedTables(home, (toy_stages.A, toy_stages.B, toy_stages.C))


@pytest.fixture(scope="session")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    """One for all tests, because making its databases takes longer than a run; each asks for its own runs."""
    folder = tmp_path_factory.mktemp("dagster")
    (folder / "dagster.yaml").write_text(
        f"telemetry: {{enabled: false}}\nstorage: {{sqlite: {{base_dir: {folder}/storage}}}}\n"
        "compute_logs:\n  module: dagster._core.storage.noop_compute_log_manager\n"
        "  class: NoOpComputeLogManager\n"
    )
    with open_kept_instance(folder) as instance:
        yield instance


@pytest.fixture
def no_partitions(instance: dg.DagsterInstance) -> Iterator[dg.DagsterInstance]:
    """The instance for all tests, in which no partition is registered before or after."""
    assert list_registered(instance) == []
    yield instance
    for key in list_registered(instance):
        instance.delete_dynamic_partition(PARTITIONS.name, key)


@pytest.fixture
def backfill(home: Path, instance: dg.DagsterInstance) -> Callable[..., Outcome]:
    def run(partitions: tuple[str, ...] = ALL, selection: tuple[str, ...] = ("a", "b", "c"), base: int = 0, **more):
        config = {"resources": {"funcdex_base": {"config": {"base": base}}}} if "a" in selection else {}
        return execute_partitions(toy_stages.toy, instance, partitions, selection, run_config=config, **more)

    return run
