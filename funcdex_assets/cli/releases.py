"""`funcdex releases`: the releases of each dataset, and which of them people take."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Column
from rich.table import Table as Grid

from funcdex_assets.cli.console import console, format_bytes, load_project
from funcdex_assets.cli.grids import print_grid
from funcdex_assets.export.releases import (
    Release,
    ReleaseError,
    list_datasets,
    list_releases,
    promote_release,
    roll_back,
)
from funcdex_assets.records.suggestions import list_nearest_names, suggest_name

app = typer.Typer(help="The releases of each dataset: list, promote, roll back.", no_args_is_help=True)

DatasetArgument = Annotated[str, typer.Argument(help="A partition, or all for the release over all of them.")]


@app.command("list")
def print_releases(
    datasets: Annotated[list[str] | None, typer.Argument(help="Partitions, or all; by default every one.")] = None,
) -> None:
    """Print the releases: rows, date, size, which one is the latest, and what is known of their state."""
    home = load_project().home
    names = list_datasets(home)
    chosen = [_find_dataset(home, name).name for name in datasets] if datasets else names
    if not chosen:
        console.print(f"No release in {home} yet; run `funcdex materialize gmail`", highlight=False, soft_wrap=True)
        return
    for name in chosen:
        grid = Grid(
            "release",
            "made",
            Column("train", justify="right"),
            Column("test", justify="right"),
            Column("size", justify="right"),
            "",
            Column("state", overflow="fold"),
            title=name,
            title_justify="left",
        )
        for release in list_releases(home / "datasets" / name):
            grid.add_row(
                release.name,
                f"{release.made_at:%Y-%m-%d %H:%M}",
                *(f"{rows:,}" for rows in release.rows.values()),
                format_bytes(release.size),
                "latest" if release.is_latest else "",
                describe_state(release),
            )
        print_grid(grid, console)


@app.command("promote")
def promote(
    dataset: DatasetArgument,
    release: Annotated[str, typer.Argument(help="Its name, with or without release_ at the beginning.")],
) -> None:
    """Make a release the latest, also one that was kept beside because rows are missing."""
    _print_latest(promote_release(_find_dataset(load_project().home, dataset), release))


@app.command("rollback")
def go_back(dataset: DatasetArgument) -> None:
    """Make the release the latest that was so before."""
    _print_latest(roll_back(_find_dataset(load_project().home, dataset)))


def describe_state(release: Release) -> str:
    """What is known of a release: whole, or how much is missing and why; a dash if nothing was noted."""
    if release.outcome is None:
        return "–"
    return f"{'whole' if release.outcome.is_whole else 'too little'}: {release.outcome.describe()}"


def _find_dataset(home: Path, name: str) -> Path:
    names: Sequence[str] = list_datasets(home)
    if name not in names:
        raise ReleaseError(
            f"{name!r} has no release{suggest_name(name, names)}; "
            f"there are releases of: {list_nearest_names(name, names) if names else 'nothing'}"
        )
    return home / "datasets" / name


def _print_latest(release: Release) -> None:
    console.print(f"{release.dataset}: latest is {release.name}", highlight=False, soft_wrap=True)
    console.print(f"{release.folder}", highlight=False, soft_wrap=True)
    if release.outcome is not None and not release.outcome.is_whole:
        console.print(f"[yellow]mind[/yellow] {describe_state(release)}", highlight=False, soft_wrap=True)
