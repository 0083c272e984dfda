"""Trained models, for a command: what came of them, and where the latest is."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Column
from rich.table import Table as Grid

from funcdex_assets.cli.console import CommandError, check_subject
from funcdex_assets.cli.grids import print_grid
from funcdex_assets.settings.settings import Settings
from funcdex_assets.training.model_store import ALL, locate_latest_model

if TYPE_CHECKING:
    from funcdex_assets.orchestration.run_partitions import Outcome


def find_trained_model(settings: Settings, subject: str, otherwise: str = "") -> Path:
    """Finds the folder of the latest model of a partition, or of `all`; `otherwise` ends the remedy.

    Raises:
        CommandError: there is no such partition, or it has no model.
    """
    check_subject(settings, subject)
    folder = locate_latest_model(settings.home, subject)
    if folder is None:
        command = "funcdex train --general" if subject == ALL else f"funcdex train {subject}"
        raise CommandError(f"{subject} has no trained model; run `{command}`{otherwise}")
    return folder


def print_models(outcome: "Outcome", console: Console) -> bool:
    """Prints what came of the models that were trained; returns whether there were any."""
    made: Mapping[str, Mapping[str, Any]] = {
        **{name: stages["finetuned_models"] for name, stages in outcome.made.items() if "finetuned_models" in stages},
        **({"all": outcome.once["general_model"]} if "general_model" in outcome.once else {}),
    }
    grid = Grid(
        Column("model", overflow="fold"),
        "id",
        "weights",
        "steps",
        "tokens/CPU s",
        "CPU s",
        "loss before",
        "loss",
        title="trained",
    )
    for partition, figures in made.items():
        losses = [figures.get("first_loss"), figures.get("best_loss")]
        grid.add_row(
            partition,
            str(figures["model"]),
            f"{figures['parameters']:,}",
            str(figures["steps"]),
            str(figures["tokens_per_cpu_second"]),
            str(figures["cpu_seconds"]),
            *("–" if loss is None else f"{loss:.3f}" for loss in losses),
        )
    if grid.row_count:
        print_grid(grid, console)
    for partition, figures in made.items():
        console.print(figures["path"], highlight=False, soft_wrap=True)
        if not figures["trained_now"]:
            text = f"{partition}: this model was there already; delete its folder to train it again"
            console.print(f"[yellow]not trained[/yellow] {escape(text)}", highlight=False, soft_wrap=True)
        if objection := figures.get("objection"):
            text = f"{partition}: {objection}"
            console.print(f"[yellow]not the latest[/yellow] {escape(text)}", highlight=False, soft_wrap=True)
    return bool(made)
