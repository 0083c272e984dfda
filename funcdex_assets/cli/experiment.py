"""`funcdex experiment`: the pipeline once for each value of a setting, with the figures side by side."""

import re
import signal
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table as Grid

from funcdex_assets.cli.console import (
    CommandError,
    PartitionsArgument,
    choose_partitions,
    console,
    load_project,
)
from funcdex_assets.cli.grids import print_grid
from funcdex_assets.records import exit_codes
from funcdex_assets.settings.settings import Settings

if TYPE_CHECKING:
    from funcdex_assets.reports.experiments import Arm


def run_experiment(
    partitions: PartitionsArgument = None,
    steering: Annotated[str | None, typer.Option(help="Short for --setting generation.steering=on,off.")] = None,
    setting: Annotated[
        str | None,
        typer.Option(help="FIELD=A,B: a field of funcdex.yaml and its values; lists in brackets, as \\[a,b],\\[c]."),
    ] = None,
    conversations: Annotated[int, typer.Option("-n", "--conversations", min=1, help="Per partition and night.")] = 50,
    nights: Annotated[int, typer.Option(min=1, help="Nights, one seed after the other.")] = 1,
) -> None:
    """Run the pipeline once for each value of a setting, and show the figures side by side."""
    from funcdex_assets.reports.experiments import parse_arms

    if (steering is None) == (setting is None):
        raise CommandError("give --steering on,off, or --setting FIELD=A,B such as generation.max_calls=4,8")
    settings = load_project()
    chosen = choose_partitions(settings, partitions)
    arms = parse_arms(f"generation.steering={steering}" if steering else str(setting))
    # Python then ends the arm's process as well, which would go on for itself.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(exit_codes.SIGNAL + signal.SIGTERM))
    compare_arms(settings, arms, chosen, conversations, nights)


def compare_arms(
    settings: Settings, arms: Sequence["Arm"], partitions: Sequence[str], conversations: int, nights: int
) -> None:
    """Runs the arms, one after the other; prints a table of the figures, and where the plot is."""
    from funcdex_assets.reports.experiments import FIGURES, list_calls_per_tool, run_arm
    from funcdex_assets.reports.plots import can_plot, plot_calls_per_tool

    folder = settings.home / "experiments" / f"{datetime.now():%Y%m%d-%H%M%S}"
    counts = {}
    with console.status("") as status:
        for arm in arms:
            status.update(f"{arm.name}: {len(partitions)} partitions, {nights} nights of {conversations}")
            home = folder / re.sub(r"[^\w.=+-]+", "_", arm.name)
            counts[arm.name] = run_arm(arm, settings, partitions, conversations, nights, home)
    grid = Grid("", *counts, title=f"{len(partitions)} partitions, {nights} × {conversations} conversations each")
    for name, figure in FIGURES.items():
        values = [figure(arm_counts) for arm_counts in counts.values()]
        grid.add_row(name, *(f"{value:,.0f}" if float(value).is_integer() else f"{value:,.3f}" for value in values))
    print_grid(grid, console)
    if can_plot():
        picture = folder / "tools.png"
        picture.write_bytes(plot_calls_per_tool({name: list_calls_per_tool(arm) for name, arm in counts.items()}))
        console.print(f"{picture} has the calls per tool", highlight=False, soft_wrap=True)
