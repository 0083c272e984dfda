"""`funcdex prune`: what the home keeps and nobody needs any more. Without --yes it only says what would go."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import typer
from rich.table import Column
from rich.table import Table as Grid

from funcdex_assets.cli.console import console, format_bytes, load_project, parse_age
from funcdex_assets.cli.grids import print_grid
from funcdex_assets.settings.settings import Settings

NIGHTS, RELEASES, EVENTS = 30, 5, "30d"
"""What is kept if nothing is named: a month of nights and runs, and the releases of some days."""


@dataclass(frozen=True)
class Removal:
    """Something that can go: what it is, its bytes (None if that cannot be told before), and what removes it."""

    what: str
    size: int | None
    remove: Callable[[], None]


def prune_home(
    nights: Annotated[
        int | None, typer.Option(min=1, help=f"Keep so many nights of each partition for steering ({NIGHTS}).")
    ] = None,
    releases: Annotated[
        int | None, typer.Option(min=1, help=f"Keep so many releases of each dataset, and the latest ({RELEASES}).")
    ] = None,
    events: Annotated[
        str | None, typer.Option(help=f"Keep Dagster's runs younger than this: 30d, 12h ({EVENTS}).")
    ] = None,
    vectors: Annotated[
        bool, typer.Option("--vectors", help="Vectors of embedders that are not in use, and old versions of files.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it, and not only say it.")] = False,
) -> None:
    """Say what can go from the home, and remove it with --yes: nights, releases, events, vectors; by default all."""
    settings = load_project()
    if nights is None and releases is None and events is None and not vectors:
        nights, releases, events, vectors = NIGHTS, RELEASES, EVENTS, True
    older_than_s = None if events is None else parse_age(events)
    # What can go is looked for under the locks: a run that is waited for may make an old release the latest again.
    with _hold_partitions(settings) if yes else nullcontext():
        # Releases first: on a full disk nothing else can be done before there is some room.
        removals = _list_releases(settings, releases) if releases is not None else []
        forgotten = _list_nights(settings, nights) if nights is not None else []
        removals += forgotten
        removals += _list_vectors(settings, bool(forgotten)) if vectors else []
        for removal in removals if yes else ():
            removal.remove()
        runs = _prune_runs(settings, older_than_s, yes) if older_than_s is not None else []
    _print_removals([*removals, *runs], yes)


def _hold_partitions(settings: Settings) -> AbstractContextManager[None]:
    """The locks of all partitions: what a run reads or writes at this moment is not removed under its hands."""
    from funcdex_assets.orchestration.lineage_lock import LOCKS_FOLDER, FileLineageLock, Owner

    def print_wait(partition: str, holder: Owner | None, tries: int) -> None:
        if tries == 0:
            console.print(f"waiting: {partition} is being made by {holder or 'another run'}", highlight=False)

    owner = Owner(f"prune-{os.getpid()}", "funcdex prune")
    return FileLineageLock(settings.home / LOCKS_FOLDER).hold(settings.partitions, owner, print_wait)


def _print_removals(removals: list[Removal], yes: bool) -> None:
    if not removals:
        console.print("Nothing can go", highlight=False)
        return
    grid = Grid(Column("removed" if yes else "would be removed", overflow="fold"), Column("size", justify="right"))
    for removal in removals:
        grid.add_row(removal.what, "–" if removal.size is None else format_bytes(removal.size))
    grid.add_section()
    grid.add_row("all", format_bytes(sum(removal.size or 0 for removal in removals)))
    print_grid(grid, console)
    if not yes:
        console.print("Nothing was removed; add --yes to do it", highlight=False)


def _list_releases(settings: Settings, keep: int) -> list[Removal]:
    from funcdex_assets.export.releases import delete_releases, find_obsolete_releases, list_datasets

    removals = []
    for name in list_datasets(settings.home):
        obsolete = find_obsolete_releases(settings.home / "datasets" / name, keep)
        if obsolete:
            names = ", ".join(release.name for release in obsolete)
            removals.append(
                Removal(
                    f"{name}: {len(obsolete)} releases ({names})",
                    sum(release.size for release in obsolete),
                    partial(delete_releases, obsolete),
                )
            )
    return removals


def _list_nights(settings: Settings, keep: int) -> list[Removal]:
    from funcdex_assets.dedup.forgetting import estimate_size, find_obsolete_nights, forget_nights
    from funcdex_assets.tool_graph.coverage import CoverageStore

    store = CoverageStore(settings.home / "coverage")
    removals = []
    for partition in store.list_partitions():
        count, size = store.count_obsolete_nights(partition, keep)
        if count:
            removals.append(
                Removal(
                    f"{partition}: {count} nights that steering knows",
                    size,
                    partial(store.forget_nights, partition, keep),
                )
            )
    index = settings.home / "scenario_index"
    obsolete = find_obsolete_nights(index, keep)
    if obsolete:
        rows = sum(night.rows for night in obsolete)
        what = f"scenario index: {len(obsolete)} nights of partitions, {rows:,} scenarios"
        removals.append(Removal(what, estimate_size(index, obsolete), partial(forget_nights, index, obsolete)))
    return removals


def _list_vectors(settings: Settings, forgotten: bool) -> list[Removal]:
    """Tables of other embedders, and old versions of the others: those that forgetting leaves behind as well."""
    from funcdex_assets.dedup.forgetting import (
        compact_tables,
        drop_tables,
        find_tables_with_old_versions,
        find_unused_tables,
        measure_table,
    )
    from funcdex_assets.embedding.hashed_ngrams import HashedNgrams
    from funcdex_assets.embedding.minilm import MiniLM

    index = settings.home / "scenario_index"
    embedder = MiniLM.name if settings.deduplication.embedder == "minilm" else HashedNgrams().name
    unused = find_unused_tables(index, embedder)
    removals = [
        Removal(
            f"vectors of an embedder that is not in use: {name}",
            measure_table(index, name),
            partial(drop_tables, index, [name]),
        )
        for name in unused
    ]
    versioned = [name for name in find_tables_with_old_versions(index) if name not in unused]
    if versioned or forgotten:
        removals.append(Removal("scenario index: old versions of its files", None, partial(compact_tables, index)))
    return removals


def _prune_runs(settings: Settings, older_than_s: float, yes: bool) -> list[Removal]:
    """Finds the runs that can go, and deletes them, as Dagster keeps them, only with `yes`."""
    if not (settings.home / "dagster").is_dir():
        return []
    from funcdex_assets.orchestration.old_runs import delete_files, delete_runs, find_old_runs
    from funcdex_assets.orchestration.project_instance import open_instance

    with open_instance(settings) as instance:
        runs = find_old_runs(instance, settings.home, older_than_s)
        size = sum(run.size for run in runs)
        if yes:
            delete_runs(instance, runs)
    if yes:
        delete_files(runs)
    if not runs:
        return []
    first, last = (f"{run.ended_at:%Y-%m-%d}" for run in (runs[0], runs[-1]))
    return [Removal(f"Dagster: {len(runs)} runs with their events, {first} to {last}", size, lambda: None)]
