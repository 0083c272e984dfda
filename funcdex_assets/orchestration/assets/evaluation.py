"""From models and test splits to figures: Function Call Match per partition, and the table over all models."""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
import polars as pl

from funcdex_assets.contracts import stage_tables
from funcdex_assets.evaluation.evaluations import Evaluation
from funcdex_assets.evaluation.metrics import EXACT_MATCH
from funcdex_assets.evaluation.model_table import (
    build_rows,
    encode_report,
    list_cells,
    list_comparison_cells,
    list_loss_cells,
    list_member_cells,
    render_report,
)
from funcdex_assets.export.closed_books import drop_acknowledgements
from funcdex_assets.export.release_outcome import read_latest
from funcdex_assets.orchestration.assets.models import general_model
from funcdex_assets.orchestration.jobs import TRAINING_GROUP
from funcdex_assets.orchestration.preview_metadata import show_matches, show_table
from funcdex_assets.orchestration.progress_listener import current_listener
from funcdex_assets.orchestration.stage import Produced, stage
from funcdex_assets.records.dataset import DatasetRow
from funcdex_assets.records.evaluation import FunctionCallMatch
from funcdex_assets.reports.model_evaluations import PartitionEvaluations, evaluate_partition, read_all_evaluations
from funcdex_assets.settings.settings import Settings
from funcdex_assets.storage.atomic_files import replace_file
from funcdex_assets.storage.frames import from_frame, to_frame


@stage(group=TRAINING_GROUP, kinds={"polars"}, table=stage_tables.FUNCTION_CALL_MATCH, code_version="1")
def function_call_match(
    partition: str,
    dataset: pl.DataFrame,
    finetuned_models: pl.DataFrame,  # noqa: ARG001 (its model is read from its folder)
    settings: Settings,
) -> Produced:
    """The figures of the partition's latest model, of the endpoints of the settings and of the baselines, on the test
    split: how often the calls are exactly those that are due, and all that is told beside it, with 95 % intervals.
    """
    rows = from_frame(dataset, DatasetRow)
    if settings.publishing.closed_books == "calls":  # as the model was trained
        rows = [drop_acknowledgements(row) for row in rows]
    measured = evaluate_partition(
        settings.home,
        partition,
        rows,
        settings.evaluation,
        read_latest(settings.home / "datasets" / partition) or "",
        lambda done, total: current_listener().advanced("function_call_match", partition, done, total),
    )

    def publish() -> dict[str, Any]:
        measured.keep()
        return {"evaluations": dg.MetadataValue.path(str(measured.folder))}

    return Produced(to_frame(measured.list_figures(), FunctionCallMatch), _describe(measured), publish=publish)


@dg.asset(
    deps=[dg.AssetDep(function_call_match, partition_mapping=dg.AllPartitionMapping()), general_model],
    group_name=TRAINING_GROUP,
    kinds={"markdown"},
    owners=["team:funcdex"],
    code_version="1",
)
def models_report(funcdex_settings: dg.ResourceParam[Settings]) -> Iterator[dg.MaterializeResult]:
    """The table over the models of all partitions, with the average of those per toolkit, as Markdown and JSON."""
    evaluations = read_all_evaluations(funcdex_settings.home, ("all", *funcdex_settings.partitions))
    if not evaluations:
        raise dg.Failure("No partition was evaluated yet; materialise function_call_match", allow_retries=False)
    folder = funcdex_settings.home / "evaluations"
    replace_file(folder / "report.md", render_report(evaluations).encode())
    replace_file(folder / "report.json", encode_report(evaluations))
    yield dg.MaterializeResult(
        metadata={"models": len(evaluations), "report": str(folder / "report.md"), **_show_tables(evaluations)}
    )


def _describe(measured: PartitionEvaluations) -> dict[str, Any]:
    metadata: dict[str, Any] = _show_tables(measured.evaluations)
    match = measured.own.find_figure(EXACT_MATCH) if measured.own else None
    if match is not None:
        metadata["function_call_match"] = round(match.value, 4)  # plotted over time
    if measured.comparisons:
        metadata["against_published"] = show_table(*list_comparison_cells(measured.comparisons))
    for evaluation in measured.evaluations[:1]:
        metadata["losses"] = show_table(*list_loss_cells(evaluation.losses))
    return metadata


def _show_tables(evaluations: Sequence[Evaluation]) -> dict[str, Any]:
    rows = build_rows(evaluations)
    bars = [(row.model, row.values[EXACT_MATCH], row.low, row.high) for row in rows if EXACT_MATCH in row.values]
    return {
        "preview": show_table(*list_cells(rows)),
        "plot": show_matches(bars),
        "by_kind": show_table(*list_member_cells(evaluations, "kind")),
        "by_tool": show_table(*list_member_cells(evaluations, "tool")),
    }
