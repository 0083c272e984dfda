"""`funcdex evaluate`: models beside each other on the same items, with intervals, printed and kept in a folder."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column
from rich.table import Table as Grid

from funcdex_assets.cli.console import CommandError, check_subject, console, load_project
from funcdex_assets.cli.endpoint_options import ApiKeyOption, NativeOption, ProfileOption
from funcdex_assets.cli.grids import print_grid
from funcdex_assets.records import exit_codes

if TYPE_CHECKING:
    from funcdex_assets.evaluation.comparing import Comparison
    from funcdex_assets.evaluation.evaluations import Evaluation
    from funcdex_assets.evaluation.predictors import Asked, Predictor
    from funcdex_assets.records.evaluation import EvaluatedModel
    from funcdex_assets.records.row_failures import RowFailure
    from funcdex_assets.records.training import EvaluationItem

MOST_LEFT_OUT = 5
"""Left-out lines that are printed one by one."""


def evaluate_models(
    partition: Annotated[
        str | None, typer.Argument(help="Measure on the test split of its latest release; all is that over all.")
    ] = None,
    rows: Annotated[
        Path | None, typer.Option(help="Measure on these rows instead: a release's file, OpenAI messages, BFCL, …")
    ] = None,
    tools: Annotated[Path | None, typer.Option(help="Tools of rows that have none of their own.")] = None,
    endpoint: Annotated[str | None, typer.Option(help="An OpenAI-compatible server, e.g. http://host:8000/v1.")] = None,
    model: Annotated[str | None, typer.Option(help="The model's name on the server.")] = None,
    profile: ProfileOption = "openai",
    api_key_env: ApiKeyOption = "",
    native: NativeOption = True,
    grammar: Annotated[
        bool, typer.Option("--grammar", help="Answers under a grammar over the offered tools (--markup).")
    ] = False,
    calls_only: Annotated[bool, typer.Option("--calls-only", help="With --grammar: no answer in words.")] = False,
    most_calls: Annotated[int, typer.Option(min=1, max=20, help="With --grammar: calls at once.")] = 4,
    confidence: Annotated[
        bool, typer.Option("--confidence", help="Ask for token probabilities: the calibration error.")
    ] = False,
    reasoning_effort: Annotated[str | None, typer.Option(help="Handed on to models that take it.")] = None,
    max_tokens: Annotated[int, typer.Option(min=16, help="Of an answer.")] = 512,
    concurrency: Annotated[int, typer.Option(min=1, help="Requests in flight.")] = 8,
    prompt_price: Annotated[float | None, typer.Option(min=0, help="Dollars per million prompt tokens.")] = None,
    completion_price: Annotated[float | None, typer.Option(min=0, help="Dollars per million answer tokens.")] = None,
    estimated_price: Annotated[bool, typer.Option("--estimated-price", help="Mark the price as an estimate.")] = False,
    model_folder: Annotated[
        list[Path] | None, typer.Option(help="A model trained here, as a folder; repeat for several.")
    ] = None,
    baseline: Annotated[
        list[str] | None,
        typer.Option(help="nearest, words or frequent: answers without a model, from --train; repeat for several."),
    ] = None,
    train: Annotated[
        list[Path] | None, typer.Option(help="Rows that baselines learn from; by default the release's train split.")
    ] = None,
    predictions: Annotated[
        list[Path] | None, typer.Option(help="Compute metrics of kept predictions again; repeat for several.")
    ] = None,
    against: Annotated[
        Path | None, typer.Option(help="Compare each model with the kept evaluation of this folder or file.")
    ] = None,
    fail_if_worse: Annotated[
        bool, typer.Option("--fail-if-worse", help="End with 1 if a model is significantly worse than --against.")
    ] = False,
    free_running: Annotated[
        bool, typer.Option("--free-running", help="Let the model play whole conversations in their world, too.")
    ] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Items to ask, from the beginning; by default all.")] = None,
    name: Annotated[str | None, typer.Option(help="Of the endpoint's row; by default the model's name.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Keep items, answers, figures and the report in this folder.")
    ] = None,
) -> None:
    """Measure models: Function Call Match and more, with intervals, beside baselines."""
    from funcdex_assets.evaluation.evaluations import evaluate_predictor, read_evaluation
    from funcdex_assets.evaluation.predictors import Asked

    if fail_if_worse and against is None:
        raise CommandError("--fail-if-worse needs an evaluation to compare with; give --against FOLDER")
    evaluations: list[Evaluation] = [read_evaluation(path) for path in predictions or ()]
    _keep(evaluations, out)
    row_file, train_files = _find_files(partition, rows, train)
    asked_models: list[tuple[Predictor, EvaluatedModel]] = []
    if endpoint or model_folder or baseline:
        if row_file is None:
            raise CommandError("There is nothing to measure on; name a partition, or give --rows FILE")
        items = _read_items(row_file, tools, limit)
        if endpoint:
            if not model:
                raise CommandError("--endpoint needs a model; give its name on the server (--model)")
            if calls_only and not grammar:
                raise CommandError("--calls-only is about the grammar; give --grammar, too")
            asked = Asked(
                profile=profile,
                model=model,
                base_url=endpoint,
                api_key_env=api_key_env,
                calls="native" if native else "markup",
                grammar=("calls" if calls_only else "calls_or_text") if grammar else "free",
                most_calls=most_calls,
                confidence=confidence,
                reasoning_effort=reasoning_effort,
                max_tokens=max_tokens,
                concurrency=concurrency,
            )
            asked_models.append(_open_endpoint(asked, name, (prompt_price, completion_price, estimated_price)))
        asked_models += [_open_folder(folder) for folder in model_folder or ()]
        asked_models += _open_baselines(baseline or (), train_files, tools)
        for predictor, description in asked_models:
            with _ProgressBar(description.name) as progress:
                evaluations.append(evaluate_predictor(predictor, items, description, progress))
            _keep(evaluations[-1:], out)  # whatever becomes of the next one
    if not evaluations:
        raise CommandError(
            "There is nothing to measure; give --endpoint URL --model NAME, --model-folder FOLDER, --baseline "
            "nearest, or --predictions FILE"
        )
    comparisons = _compare(evaluations, against)
    if out is not None:
        _write_report(out, evaluations, comparisons)
    _print_report(evaluations, comparisons)
    if out is not None:
        console.print(f"{out} has the report, and the answers of each model", highlight=False, soft_wrap=True)
    if free_running:
        _run_freely(row_file, [predictor for predictor, _ in asked_models], limit, out)
    if fail_if_worse and any(comparison.is_worse for comparison in comparisons):
        raise typer.Exit(exit_codes.FAILED)


def _find_files(
    partition: str | None, rows: Path | None, train: Sequence[Path] | None
) -> tuple[Path | None, list[Path]]:
    """Finds the rows to measure on, and those that baselines learn from."""
    from funcdex_assets.export.release_outcome import read_latest

    if rows is not None or partition is None:
        return rows, list(train or ())
    settings = load_project()
    check_subject(settings, partition)
    folder = settings.home / "datasets" / partition
    latest = read_latest(folder)
    if latest is None:
        raise CommandError(
            f"{partition} has no release; run `funcdex materialize {partition}` first, or give --rows FILE"
        )
    return folder / latest / "test.jsonl", list(train or [folder / latest / "train.jsonl"])


def _read_items(path: Path, tools: Path | None, limit: int | None = None) -> "list[EvaluationItem]":
    from funcdex_assets.evaluation.foreign_rows import read_foreign_items, read_tool_file

    items, failures = read_foreign_items(path, read_tool_file(tools) if tools else None)
    _print_left_out(path, failures)
    return items[:limit]


def _print_left_out(path: Path, failures: "Sequence[RowFailure]") -> None:
    for failure in failures[:MOST_LEFT_OUT]:
        console.print(f"[yellow]left out[/yellow] {escape(failure.subject)}: {escape(failure.reason)}", soft_wrap=True)
    if len(failures) > MOST_LEFT_OUT:
        console.print(f"[yellow]left out[/yellow] {len(failures)} rows of {escape(str(path))} in all", soft_wrap=True)


def _open_endpoint(
    asked: "Asked", name: str | None, price: tuple[float | None, float | None, bool]
) -> "tuple[Predictor, EvaluatedModel]":
    from funcdex_assets.evaluation.predictors import EndpointPredictor
    from funcdex_assets.records.evaluation import EvaluatedModel

    predictor = EndpointPredictor(asked, name or "")
    return predictor, EvaluatedModel(
        name=predictor.name,
        kind="endpoint",
        asked=asked.calls,
        grammar=asked.grammar,
        reasoning_effort=asked.reasoning_effort,
        prompt_price=price[0],
        completion_price=price[1],
        estimated_price=price[2],
    )


def _open_folder(folder: Path) -> "tuple[Predictor, EvaluatedModel]":
    from funcdex_assets.reports.local_models import LocalModel, describe_model

    return LocalModel(folder), describe_model(folder)


def _open_baselines(
    names: Sequence[str], train: Sequence[Path], tools: Path | None
) -> "list[tuple[Predictor, EvaluatedModel]]":
    from funcdex_assets.evaluation.baselines import BASELINES, build_baseline
    from funcdex_assets.records.evaluation import EvaluatedModel

    if not names:
        return []
    for name in names:
        if name not in BASELINES:
            raise CommandError(f"{name!r} is no baseline; there are: {', '.join(BASELINES)}")
    if not train:
        raise CommandError("A baseline learns from rows; give --train FILE")
    items = [item for path in train for item in _read_items(path, tools)]
    baselines = [build_baseline(name, items) for name in names]
    return [(baseline, EvaluatedModel(name=baseline.name, kind="baseline")) for baseline in baselines]


def _compare(evaluations: "Sequence[Evaluation]", against: Path | None) -> "list[Comparison]":
    from funcdex_assets.evaluation.comparing import compare_models
    from funcdex_assets.evaluation.evaluations import read_evaluation

    if against is None:
        return []
    other = read_evaluation(against)
    return [
        comparison
        for evaluation in evaluations
        for comparison in compare_models(other.scores, evaluation.scores, (other.model.name, evaluation.model.name))
    ]


def _print_report(evaluations: "Sequence[Evaluation]", comparisons: "Sequence[Comparison]") -> None:
    from funcdex_assets.evaluation.losses import TRAITS
    from funcdex_assets.evaluation.model_table import (
        build_rows,
        list_cells,
        list_comparison_cells,
        list_loss_cells,
        list_member_cells,
    )

    _print_table("Function Call Match", *list_cells(build_rows(evaluations)))
    _print_table("Right action by kind", *list_member_cells(evaluations, "kind"))
    _print_table("Exact match by tool", *list_member_cells(evaluations, "tool"))
    for second in dict.fromkeys(comparison.second for comparison in comparisons):
        of_model = [comparison for comparison in comparisons if comparison.second == second]
        _print_table("Differences", *list_comparison_cells(of_model))
    for evaluation in evaluations:
        losses = [loss for trait in TRAITS for loss in [one for one in evaluation.losses if one.trait == trait][:5]]
        _print_table(f"What the lost items of {evaluation.model.name} have in common", *list_loss_cells(losses))


def _print_table(title: str, heads: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    if not cells:
        return
    grid = Grid(
        heads[0], *(Column(head, justify="right") for head in heads[1:]), title=escape(title), title_justify="left"
    )
    for row in cells:
        grid.add_row(*map(escape, row))
    print_grid(grid, console)


def _keep(evaluations: "Sequence[Evaluation]", folder: Path | None) -> None:
    from funcdex_assets.evaluation.evaluations import name_folder, write_evaluation

    if folder is None:
        return
    for evaluation in evaluations:
        write_evaluation(evaluation, folder / name_folder(evaluation.model.name))


def _write_report(folder: Path, evaluations: "Sequence[Evaluation]", comparisons: "Sequence[Comparison]") -> None:
    from funcdex_assets.evaluation.model_table import build_rows, encode_report, render_report
    from funcdex_assets.reports.plots import can_plot, plot_matches
    from funcdex_assets.storage.atomic_files import replace_file

    replace_file(folder / "report.md", render_report(evaluations, comparisons).encode())
    replace_file(folder / "report.json", encode_report(evaluations, comparisons))
    if can_plot():
        bars = [
            (row.model, row.values["exact_match"], row.low, row.high)
            for row in build_rows(evaluations)
            if "exact_match" in row.values
        ]
        replace_file(folder / "report.png", plot_matches(bars, "Function Call Match"))


def _run_freely(row_file: Path | None, predictors: "Sequence[Predictor]", limit: int | None, out: Path | None) -> None:
    import msgspec

    from funcdex_assets.evaluation.evaluations import name_folder
    from funcdex_assets.evaluation.free_running import run_freely
    from funcdex_assets.evaluation.items import read_json_lines
    from funcdex_assets.evaluation.model_table import list_free_run_cells
    from funcdex_assets.storage.atomic_files import replace_file

    if row_file is None or not predictors:
        raise CommandError(
            "A free run asks a model anew; name a partition or --rows of a release, and an endpoint or a model's folder"
        )
    values, unreadable = read_json_lines(row_file)
    for predictor in predictors:
        with _ProgressBar(f"{predictor.name}, free") as progress:
            runs, failures = run_freely([row for _, row in values][:limit], predictor, progress)
        _print_left_out(row_file, unreadable + failures)
        if not runs:
            raise CommandError(f"{row_file} has no row with a certificate; only rows of a release can be played")
        _print_table("Free runs", *list_free_run_cells(runs, predictor.name))
        if out is not None:
            lines = b"".join(msgspec.json.encode(run) + b"\n" for run in runs)
            replace_file(out / name_folder(predictor.name) / "free_runs.jsonl", lines)


class _ProgressBar:
    """A bar in the terminal while a model is asked; nothing where there is no terminal."""

    def __init__(self, name: str) -> None:
        self._bar = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._task = self._bar.add_task(escape(name), total=None)

    def __enter__(self) -> "_ProgressBar":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def __call__(self, done: int, total: int) -> None:
        self._bar.update(self._task, completed=done, total=total)
