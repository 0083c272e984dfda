"""The Dagster instance of a project: the one that its UI shows, opened for a program that prints.

`dagster.yaml` in the project's folder describes it, and puts what it keeps into the project's own home, so that
Dagster started by hand in that folder finds the same runs with no variable set.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import yaml

from funcdex_assets.orchestration.dagster_private import open_kept_instance
from funcdex_assets.orchestration.partitions import register_partitions
from funcdex_assets.settings.section import SettingsError
from funcdex_assets.settings.settings import WORKSPACE_FILE, Settings
from funcdex_assets.storage.disk_errors import explaining_disk_errors
from funcdex_assets.storage.home import prepare_home

INSTANCE_FILE = "dagster.yaml"
DEFAULT_LOCATION = "funcdex_assets"


@contextmanager
def open_instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """The project's instance, in which every partition of the settings is registered.

    Raises:
        SettingsError: the project's folder has no `dagster.yaml`, or one that Dagster does not take.
        HomeError, DiskError: the home cannot be used.
    """
    prepare_home(settings.home)
    if not (settings.root / INSTANCE_FILE).is_file():
        raise SettingsError(
            f"There is no {INSTANCE_FILE} in {settings.root.absolute()}; copy the one that `funcdex init` makes"
        )
    try:
        with explaining_disk_errors(settings.home):
            opened = open_kept_instance(settings.root, compute_logs=False)
    except (yaml.YAMLError, dg.DagsterInvalidConfigError, dg.DagsterInvariantViolationError) as error:
        path = settings.root / INSTANCE_FILE
        raise SettingsError(f"{path} is no description of a Dagster instance: {error}") from None
    # Dagster's databases meet a full disk like any other file, at whatever event comes next.
    with explaining_disk_errors(settings.home), opened as instance:
        register_partitions(instance, settings)
        yield instance


def read_location_name(root: Path) -> str:
    """The name of the project's code location, under which the UI shows its runs."""
    try:
        workspace = yaml.safe_load((root / WORKSPACE_FILE).read_text(encoding="utf-8"))
        return workspace["load_from"][0]["python_module"]["location_name"]
    except (OSError, ValueError, yaml.YAMLError, LookupError, TypeError):
        return DEFAULT_LOCATION  # the file is Dagster's to judge
