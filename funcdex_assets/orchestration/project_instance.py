"""The Dagster instance of a project: the one that its UI shows, opened for a program that prints.

`dagster.yaml` in the project's folder describes it, and puts what it keeps into the project's own home, so that
Dagster started by hand in that folder finds the same runs with no variable set.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from funcdex_assets.orchestration.dagster_private import open_kept_instance
from funcdex_assets.orchestration.partitions import register_partitions
from funcdex_assets.settings.section import SettingsError
from funcdex_assets.settings.settings import Settings

INSTANCE_FILE = "dagster.yaml"


@contextmanager
def open_instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """The project's instance, in which every partition of the settings is registered.

    Raises:
        SettingsError: the project's folder has no `dagster.yaml`.
    """
    if not (settings.root / INSTANCE_FILE).is_file():
        raise SettingsError(
            f"There is no {INSTANCE_FILE} in {settings.root.absolute()}; copy the one that `funcdex init` makes"
        )
    with open_kept_instance(settings.root, compute_logs=False) as instance:
        register_partitions(instance, settings)
        yield instance
