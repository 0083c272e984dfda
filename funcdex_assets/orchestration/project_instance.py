"""The Dagster instance of a project: the one that its UI shows, opened for a program that prints.

`dagster.yaml` in the project's folder describes it, and puts what it keeps into the project's own home, so that
Dagster started by hand in that folder finds the same runs with no variable set.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
import yaml

from funcdex_assets.orchestration.dagster_private import open_kept_instance
from funcdex_assets.orchestration.partitions import register_partitions
from funcdex_assets.settings.section import SettingsError
from funcdex_assets.settings.settings import Settings

INSTANCE_FILE = "dagster.yaml"


@contextmanager
def open_instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """The project's instance, in which every partition of the settings is registered.

    Raises:
        SettingsError: the project's folder has no `dagster.yaml`, or one that Dagster does not take.
    """
    if not (settings.root / INSTANCE_FILE).is_file():
        raise SettingsError(
            f"There is no {INSTANCE_FILE} in {settings.root.absolute()}; copy the one that `funcdex init` makes"
        )
    try:
        opened = open_kept_instance(settings.root, compute_logs=False)
    except (yaml.YAMLError, dg.DagsterInvalidConfigError, dg.DagsterInvariantViolationError) as error:
        path = settings.root / INSTANCE_FILE
        raise SettingsError(f"{path} is no description of a Dagster instance: {error}") from None
    with opened as instance:
        register_partitions(instance, settings)
        yield instance
