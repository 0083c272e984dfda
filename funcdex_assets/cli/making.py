"""Makes partitions for a command: progress bars while they are made, then what was wanted, made and accepted, where the
datasets are, what failed and what to do.

Exit codes (`docs/dagster.md` lists them): 0, 1 where something failed, 3 where fewer were made than wanted, and 128
with the signal added that ended the command.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column
from rich.table import Table as Grid

from funcdex_assets.cli.console import CommandError, console
from funcdex_assets.cli.gaps import print_missing_kinds
from funcdex_assets.cli.grids import print_grid
from funcdex_assets.cli.progress_bars import ProgressBars
from funcdex_assets.cli.trained_models import print_models
from funcdex_assets.orchestration.interruption import run_interruptibly
from funcdex_assets.records import exit_codes
from funcdex_assets.settings.settings import Settings

if TYPE_CHECKING:
    from funcdex_assets.orchestration.run_partitions import Outcome

TRAINING_STAGES = frozenset(
    ("training_tokens", "release_tokens", "finetuned_models", "general_model", "function_call_match", "models_report")
)
"""Stages of the job `train_models`, which are made if nothing else is selected."""


def make_partitions(
    settings: Settings,
    partitions: Sequence[str],
    selection: Sequence[str] | None,
    activity: str,
    total: int | None = None,
    **overrides: Any,
) -> None:
    """Makes the partitions and prints the outcome.

    `activity` is what commands that wait for this one are told; a `total` of conversations is spread over the
    partitions; `overrides` are fields of the settings resource, and those that are None are left to the file.

    Raises:
        CommandError: an unknown stage, or a total that cannot be spread.
        typer.Exit: with an exit code other than 0, after the reasons were printed.
    """
    if overrides.get("conversations") is not None and total is not None:
        raise CommandError("--conversations and --total are both given; give one of them")
    config = {name: value for name, value in overrides.items() if value is not None}

    def make() -> "Outcome":
        from funcdex_assets.definitions import training_graph, whole_graph
        from funcdex_assets.orchestration.run_partitions import run_partitions

        graph = training_graph if selection and TRAINING_STAGES.issuperset(selection) else whole_graph
        return run_partitions(
            graph, partitions, settings, selection, config=config, total=total, progress=bars, activity=activity
        )

    with ProgressBars(console) as bars:
        try:
            outcome, signal_number = run_interruptibly(make, _announce_end)
        except ValueError as error:
            raise CommandError(str(error)) from error
    shortfalls: list[str] = []
    if outcome is not None:
        shortfalls = print_outcome(settings, outcome, bars.seconds, console)
    if signal_number is not None and (outcome is None or outcome.interrupted):
        _print_way_on(settings, outcome)
        raise typer.Exit(exit_codes.SIGNAL + signal_number)
    assert outcome is not None
    if not outcome.success:
        raise typer.Exit(exit_codes.SHORTFALL if outcome.has_only_refused_releases else exit_codes.FAILED)
    if shortfalls:
        raise typer.Exit(exit_codes.SHORTFALL)


def print_outcome(settings: Settings, outcome: "Outcome", seconds: float, console: Console) -> list[str]:
    """Prints the counts and the release of each partition that was made, then each failure with its reason; returns
    the partitions with fewer conversations than are enough.
    """
    from funcdex_assets.export.release_outcome import RELEASE_IS_WHOLE, ReleaseOutcome
    from funcdex_assets.reports.remedies import suggest_remedy

    grid = Grid(
        Column("partition", overflow="fold"), "wanted", "made", "accepted", "train", "test", title=f"{seconds:.1f} s"
    )
    folders: list[str] = []
    fewer: dict[str, ReleaseOutcome] = {}
    missing_kinds: dict[str, dict[str, str]] = {}
    for partition, stages in outcome.made.items():
        if "dataset" in stages:
            dataset, accepted = stages["dataset"], stages.get("accepted_conversations", {})
            counts = (dataset["wanted"], stages.get("conversations", {}).get("finished"))
            counts = (*counts, accepted.get("dagster/row_count"), dataset["train"], dataset["test"])
            grid.add_row(partition, *("–" if count is None else str(count) for count in counts))
            folders.append(dataset["path"])
            release = ReleaseOutcome(dataset["wanted"], dataset["rows"], dataset["reasons"])
            missing_kinds[partition] = dataset.get("missing_kinds", {})
            if release.rows < release.wanted:
                fewer[partition] = release
    if grid.row_count:
        print_grid(grid, console)
    elif not print_models(outcome, console):
        _print_row_counts(outcome, console)
    release_of_all = outcome.once.get("dataset_release", {})
    is_refused = RELEASE_IS_WHOLE in (outcome.error or "")
    if "path" in release_of_all and not is_refused:
        folders.append(release_of_all["path"])
    for partition, stages in outcome.made.items():
        if own_rows := stages.get("dataset", {}).get("own_rows"):
            _print_line(console, "own rows", "green", f"{partition}: {own_rows} of your own end the train split")
    for folder in folders:
        console.print(f"{folder}/train.jsonl, test.jsonl, README.md", highlight=False, soft_wrap=True)
    _print_left_out(outcome, console)
    print_missing_kinds(missing_kinds, console)
    for partition, release in fewer.items():
        remedy = suggest_remedy(next(iter(release.reasons), ""))
        _print_line(console, "fewer than wanted", "yellow", f"{partition}: {release.describe()}; {remedy}")
    for partition, reason in outcome.failed.items():
        _print_line(console, "failed", "red", f"{partition}: {reason}")
    if outcome.error:
        _print_line(console, "failed", "red", outcome.error)
    if is_refused and "path" in release_of_all:
        release = ReleaseOutcome(release_of_all["wanted"], release_of_all["rows"], release_of_all["reasons"])
        remedy = suggest_remedy(next(iter(release.reasons), "fewer in a partition"))
        kept = f"kept beside in {release_of_all['path']}; {remedy}, or allow it by --allow-shrink"
        _print_line(console, "not the latest", "yellow", f"all: {release.describe()}; {kept}")
    return [name for name, release in fewer.items() if release.rows < release.wanted * settings.publishing.enough]


def _print_row_counts(outcome: "Outcome", console: Console) -> None:
    """Prints the rows of the tables that were made, where the datasets were not among them."""
    for partition, stages in outcome.made.items():
        rows = ", ".join(f"{stage} {metadata['dagster/row_count']}" for stage, metadata in stages.items())
        console.print(f"{partition}: rows of {rows}", highlight=False, soft_wrap=True)


def _print_left_out(outcome: "Outcome", console: Console) -> None:
    """Prints which stages left out tools or rows, how many of which kind, and where each is listed with its reason."""
    for partition, stages in outcome.made.items():
        for stage, metadata in stages.items():
            if count := metadata.get("left_out", 0):
                kinds = ", ".join(f"{kind} {number}" for kind, number in metadata["left_out_reasons"].items())
                text = f"{partition}: {count} of {stage} ({kinds}); {metadata['left_out_file']} has the reasons"
                _print_line(console, "left out", "yellow", text)
            if kinds := metadata.get("own_rows_left_out_reasons"):
                reasons = ", ".join(f"{kind} {number}" for kind, number in kinds.items())
                count, file = metadata["own_rows_left_out"], metadata["own_rows_left_out_file"]
                text = f"{partition}: {count} of your own rows ({reasons}); {file} has file, line and reason of each"
                _print_line(console, "left out", "yellow", text)


def _announce_end(number: int) -> None:  # noqa: ARG001
    console.print(
        "[yellow]ending[/yellow]: what is being made at this moment is ended, and answers that are paid for already "
        "are waited for; the same again ends at once",
        soft_wrap=True,
        highlight=False,
    )


def _print_way_on(settings: Settings, outcome: "Outcome | None") -> None:
    from funcdex_assets.inference.journal import JOURNAL_FILE

    has_journal = (settings.home / JOURNAL_FILE).is_file()
    kept = "every table that was written, every release" + (", every answer of a model" if has_journal else "")
    made = len(outcome.made) if outcome else 0
    runs = ", ".join(run[:8] for run in outcome.runs) if outcome and outcome.runs else "none was begun"
    console.print(
        f"[yellow]ended before it was done[/yellow] ({made} partitions begun; runs: {runs}). Kept in {settings.home}: "
        f"{kept}. The same command goes on: what is unchanged comes out the same, and no answer is paid for twice.",
        soft_wrap=True,
        highlight=False,
    )


def _print_line(console: Console, label: str, style: str, text: str) -> None:
    console.print(f"[{style}]{label}[/{style}] {escape(text)}", soft_wrap=True, highlight=False)
