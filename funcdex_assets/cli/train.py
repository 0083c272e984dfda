"""`funcdex train`: the models of partitions, or the one over all of them."""

import json
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table as Grid

from funcdex_assets.cli.console import (
    CommandError,
    PartitionsArgument,
    SeedOption,
    choose_partitions,
    console,
    load_project,
)
from funcdex_assets.cli.grids import print_grid
from funcdex_assets.cli.making import make_partitions
from funcdex_assets.settings.overrides import override_training
from funcdex_assets.settings.settings import Settings
from funcdex_assets.settings.training import Training

PARTITION_STAGES = ("training_tokens", "finetuned_models")
GENERAL_STAGES = ("release_tokens", "general_model")

BaseOption = Annotated[
    str | None, typer.Option(help="`scratch`, a folder in Hugging Face's layout, or a GGUF file; else as in the file.")
]


def train_models(
    partitions: PartitionsArgument = None,
    all_partitions: Annotated[bool, typer.Option("--all-partitions", help="A model of each partition.")] = False,
    general: Annotated[bool, typer.Option("--general", help="The model over the release of all partitions.")] = False,
    base: BaseOption = None,
    epochs: Annotated[float | None, typer.Option(min=0.001, help="Times that the rows are seen, at most.")] = None,
    max_steps: Annotated[int | None, typer.Option(min=1, help="Steps, at most.")] = None,
    max_cpu_seconds: Annotated[float | None, typer.Option(min=0.1, help="CPU seconds of the steps, at most.")] = None,
    set_field: Annotated[
        list[str] | None,
        typer.Option("--set", help="A field of the section training, such as learning_rate=0.001; repeat for several."),
    ] = None,
    allow_worse: Annotated[
        bool | None,
        typer.Option("--allow-worse", help="Make the model the latest although its validation loss is higher."),
    ] = None,
    eval_only: Annotated[bool, typer.Option("--eval-only", help="Only measure the latest models.")] = False,
    seed: SeedOption = None,
) -> None:
    """Train models on the datasets there are, and publish them in models/ of the project's home."""
    settings = load_project()
    chosen = _choose_subjects(settings, partitions, all_partitions, general)
    options = {"base": base, "epochs": epochs, "max_steps": max_steps, "max_cpu_seconds": max_cpu_seconds}
    given = {name: value for name, value in {**options, "allow_worse": allow_worse}.items() if value is not None}
    if given.keys() & {"max_steps", "max_cpu_seconds"} and epochs is None:
        given["epochs"] = None  # who names another budget means that one
    overrides = [f"{name}={json.dumps(value)}" for name, value in given.items()] + list(set_field or ())
    training = override_training(settings.training, overrides)  # what cannot be is said before anything is made
    if eval_only:
        _evaluate(settings, chosen, training)
        return
    make_partitions(
        settings,
        [] if general else chosen,
        GENERAL_STAGES if general else PARTITION_STAGES,
        f"funcdex train {'--general' if general else ' '.join(chosen)}",
        seed=seed,
        training=overrides or None,
    )


def _choose_subjects(
    settings: Settings, partitions: Sequence[str] | None, all_partitions: bool, general: bool
) -> list[str]:
    if sum(map(bool, (partitions, all_partitions, general))) != 1:
        raise CommandError("name partitions, or give one of --all-partitions and --general")
    return ["all"] if general else choose_partitions(settings, partitions)


def _evaluate(settings: Settings, subjects: Sequence[str], training: Training) -> None:
    """Prints the losses of the latest models on the test rows that there are now, and some answers."""
    from funcdex_assets.contracts.stage_tables import TABLES
    from funcdex_assets.contracts.trusted_tables import TrustedTables
    from funcdex_assets.records.training import TokenRow
    from funcdex_assets.storage.frames import from_frame
    from funcdex_assets.training.train_extra import require_train_extra

    require_train_extra("torch", "transformers", "safetensors")
    from funcdex_assets.training.evaluate_model import evaluate_latest_model

    tables = TrustedTables(settings.home, TABLES)
    grid = Grid("model", "id", "test rows", "loss of answers", "loss of prompts")
    for subject in subjects:
        stage = "release_tokens" if subject == "all" else "training_tokens"
        rows = from_frame(tables.load_trusted(stage, subject)[0].frame, TokenRow)
        found = evaluate_latest_model(settings.home, subject, rows, training)
        losses = (found.loss.answer, found.loss.prompt)
        grid.add_row(
            subject, found.model_id, str(found.rows), *("–" if loss is None else f"{loss:.4f}" for loss in losses)
        )
        for sample in found.samples:
            console.print(f"[dim]{escape(sample.input)}[/dim]", highlight=False)
            console.print(f"[green]right  [/green] {escape(sample.actual)}", highlight=False)
            console.print(f"[cyan]written[/cyan] {escape(sample.predicted)}\n", highlight=False)
    print_grid(grid, console)
