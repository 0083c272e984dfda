"""Makes partitions for a command: progress bars while they are made, then where the datasets are and what failed."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column
from rich.table import Table as Grid

from funcdex_assets.cli.console import CommandError, console
from funcdex_assets.cli.progress_bars import ProgressBars
from funcdex_assets.settings.settings import Settings

if TYPE_CHECKING:
    from funcdex_assets.orchestration.run_partitions import Outcome


def make_partitions(
    settings: Settings,
    partitions: Sequence[str],
    selection: Sequence[str] | None,
    seed: int | None,
    conversations: int | None,
) -> None:
    """Makes the partitions and prints the outcome.

    Raises:
        CommandError: an unknown stage.
        typer.Exit: with 1, after the reasons were printed, where something was not made.
    """
    with ProgressBars(console, partitions) as bars:
        from funcdex_assets.definitions import whole_graph
        from funcdex_assets.orchestration.run_partitions import run_partitions

        try:
            outcome = run_partitions(
                whole_graph,
                partitions,
                settings,
                selection,
                seed=seed,
                conversations=conversations,
                progress=bars,
            )
        except ValueError as error:
            raise CommandError(str(error)) from error
    print_outcome(settings, outcome, bars.seconds, console)
    if not outcome.success:
        raise typer.Exit(1)


def print_outcome(settings: Settings, outcome: "Outcome", seconds: float, console: Console) -> None:
    """Prints the counts and the release of each partition that was made, then each failure with its reason."""
    from funcdex_assets.storage.table_store import TableStore

    store = TableStore(settings.home)
    name = Column("partition", overflow="fold")
    grid = Grid(name, "conversations", "accepted", "train", "test", title=f"Made in {seconds:.1f} s")
    folders: list[Path] = []
    for partition, stages in outcome.made.items():
        if "dataset" not in stages or not store.has_table("dataset", partition):
            continue
        dataset = store.read_frame("dataset", partition)
        splits = Counter(dataset["split"].to_list())
        folders.append(_find_latest_release(settings, partition))
        grid.add_row(
            partition,
            str(store.read_frame("conversations", partition).height),
            str(store.read_frame("accepted_conversations", partition).height),
            str(splits["train"]),
            str(splits["test"]),
        )
    if grid.row_count:
        console.print(grid)
    if "dataset_release" in outcome.once:
        folders.append(_find_latest_release(settings, "all"))
    for folder in folders:
        console.print(f"{folder}/train.jsonl, test.jsonl, README.md", highlight=False, soft_wrap=True)
    for partition, reason in outcome.failed.items():
        console.print(f"[red]failed[/red] {escape(partition)}: {escape(reason)}", soft_wrap=True, highlight=False)
    if outcome.error:
        console.print(f"[red]failed[/red] {escape(outcome.error)}", soft_wrap=True, highlight=False)


def _find_latest_release(settings: Settings, name: str) -> Path:
    folder = settings.home / "datasets" / name
    return folder / (folder / "latest").read_text(encoding="utf-8").strip()
