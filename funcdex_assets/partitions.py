"""The partitions of every stage: the toolkits and bundles of the settings, as the instance knows them.

The keys are kept in Dagster's instance and not in the code, so that a new toolkit needs no reload:
whoever reads the settings registers them, as the command line and the sensor do, and before the UI
starts `python -m funcdex_assets.partitions`.

Dagster keeps the keys in the order in which they were registered: at first that of the settings, and
a later one comes last. Neighbours in this order share a run, so it decides what a backfill of some
partitions costs.
"""

import sys

import dagster as dg
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    PARTITION_NAME_TAG,
)
from sqlalchemy.exc import IntegrityError

from funcdex_assets.instance import enter_instance
from funcdex_assets.settings import Settings, SettingsError, load_settings

NAME = "toolkits"
PARTITIONS = dg.DynamicPartitionsDefinition(name=NAME)


def registered(instance: dg.DagsterInstance) -> list[str]:
    """The keys that the instance knows, in its order."""
    return list(instance.get_dynamic_partitions(NAME))


def register(instance: dg.DagsterInstance, settings: Settings) -> list[str]:
    """Makes the instance's keys those of the settings; returns them in the instance's order.

    What is materialised is not touched: a key that comes back later has its tables and its history.
    """
    _add(instance, settings)
    obsolete = set(registered(instance)).difference(settings.partitions)
    if obsolete:
        for key in sorted(obsolete - _in_use(instance)):
            instance.delete_dynamic_partition(NAME, key)
    return registered(instance)


def _add(instance: dg.DagsterInstance, settings: Settings) -> None:
    while missing := [key for key in settings.partitions if key not in registered(instance)]:
        try:
            instance.add_dynamic_partitions(NAME, missing)
        except IntegrityError:
            continue  # another process registered one of them at this moment


def _in_use(instance: dg.DagsterInstance) -> set[str]:
    """The keys that name the partitions of runs that are not over: every step looks them up again."""
    tags = (PARTITION_NAME_TAG, ASSET_PARTITION_RANGE_START_TAG, ASSET_PARTITION_RANGE_END_TAG)
    runs = instance.get_runs(dg.RunsFilter(statuses=NOT_FINISHED_STATUSES))
    return {run.tags[tag] for run in runs for tag in tags if tag in run.tags}


def _main() -> None:
    try:
        settings = load_settings()
    except SettingsError as error:
        sys.exit(f"error: {error}")
    enter_instance(settings.root, settings.home)
    with dg.DagsterInstance.get() as instance:
        register(instance, settings)


if __name__ == "__main__":
    _main()
