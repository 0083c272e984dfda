"""The partition keys: every toolkit and every bundle of the settings, as Dagster's dynamic partitions.

The instance knows them, not the code location, so that a toolkit that is added needs no reload: whoever reads the
settings registers them, as the command line, `funcdex dev` and the sensor do.

Dagster keeps the keys in the order in which they were registered: at first that of the settings, and
a later one comes last. Neighbours in this order share a run, so it decides what a backfill of some
partitions costs.
"""

from collections.abc import Collection, Mapping, Sequence

import dagster as dg
from sqlalchemy.exc import IntegrityError

from funcdex_assets.orchestration.dagster_private import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    HIDDEN_TAG_PREFIX,
    NOT_FINISHED_STATUSES,
    PARTITION_NAME_TAG,
)
from funcdex_assets.settings.settings import Settings

NAME = "funcdex_toolkits"
PARTITIONS = dg.DynamicPartitionsDefinition(name=NAME)
LINEAGE_TAG_PREFIX = f"{HIDDEN_TAG_PREFIX}funcdex_"
"""Begins a tag for each partition that a run makes, by which the run queue counts them; the UI does not show it."""
LONGEST_TAG = 63
"""Characters that Dagster allows in the second part of a tag's key."""


def list_registered(instance: dg.DagsterInstance) -> list[str]:
    """The keys that the instance knows, in its order."""
    return list(instance.get_dynamic_partitions(NAME))


def register_partitions(instance: dg.DagsterInstance, settings: Settings) -> list[str]:
    """Makes the instance's keys those of the settings; returns them in the instance's order.

    Tables and history of a key that goes stay: it finds them again if it comes back.
    """
    _add_missing(instance, settings)
    obsolete = set(list_registered(instance)).difference(settings.partitions)
    if obsolete:
        for key in sorted(obsolete - _list_in_use(instance)):
            instance.delete_dynamic_partition(NAME, key)
    return list_registered(instance)


def tag_range(neighbours: Sequence[str]) -> dict[str, str]:
    """The run tags that say which partitions a run makes: none, one, or a range of neighbours."""
    if not neighbours:
        return {}
    if len(neighbours) == 1:
        return {PARTITION_NAME_TAG: neighbours[0]}
    return {ASSET_PARTITION_RANGE_START_TAG: neighbours[0], ASSET_PARTITION_RANGE_END_TAG: neighbours[-1]}


def list_run_partitions(instance: dg.DagsterInstance, tags: Mapping[str, str]) -> list[str]:
    """The partitions that a run with these tags makes, in the instance's order; none for one without partitions."""
    if PARTITION_NAME_TAG in tags:
        return [tags[PARTITION_NAME_TAG]]
    if ASSET_PARTITION_RANGE_START_TAG not in tags:
        return []
    registered = list_registered(instance)
    first, last = tags[ASSET_PARTITION_RANGE_START_TAG], tags[ASSET_PARTITION_RANGE_END_TAG]
    if first not in registered or last not in registered:
        return [first, last]  # partitions of another definition
    return registered[registered.index(first) : registered.index(last) + 1]


def tag_lineage(partitions: Collection[str]) -> dict[str, str]:
    """A tag for each partition that a run makes: of runs with the same tag, the run queue starts one at a time."""
    return {f"{LINEAGE_TAG_PREFIX}{partition}"[: len(HIDDEN_TAG_PREFIX) + LONGEST_TAG]: "1" for partition in partitions}


def _add_missing(instance: dg.DagsterInstance, settings: Settings) -> None:
    while missing := [key for key in settings.partitions if key not in list_registered(instance)]:
        try:
            instance.add_dynamic_partitions(NAME, missing)
        except IntegrityError:
            continue  # another process registered one of them at this moment


def _list_in_use(instance: dg.DagsterInstance) -> set[str]:
    """The keys that name the partitions of runs that are not over: every step looks them up again."""
    tags = (PARTITION_NAME_TAG, ASSET_PARTITION_RANGE_START_TAG, ASSET_PARTITION_RANGE_END_TAG)
    runs = instance.get_runs(dg.RunsFilter(statuses=NOT_FINISHED_STATUSES))
    return {run.tags[tag] for run in runs for tag in tags if tag in run.tags}
