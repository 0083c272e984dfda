"""From all tables to quality reports: one per partition, and one of the release over all of them."""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
import polars as pl

from funcdex_assets.contracts import stage_tables
from funcdex_assets.contracts.trusted_tables import BrokenContractError, MixedLineageError, TrustedTables
from funcdex_assets.orchestration.assets.publishing import dataset_release
from funcdex_assets.orchestration.check_metadata import to_markdown_table
from funcdex_assets.orchestration.jobs import FOLLOWS_PARTITIONS
from funcdex_assets.orchestration.left_out import report_left_out
from funcdex_assets.orchestration.preview_metadata import (
    show_gaps,
    show_never_given,
    show_report_pictures,
    show_shortcuts,
)
from funcdex_assets.orchestration.stage import Produced, evaluate_checks, stage
from funcdex_assets.records.figures import QualityFigure
from funcdex_assets.reports.collected import TABLES, Collected, collect_tables, merge_collected
from funcdex_assets.reports.figures import (
    PER_ACCEPTED,
    compute_sound_figures,
    find_gaps_in_definitions,
    find_gaps_in_use,
)
from funcdex_assets.reports.goals import GOALS, describe_missed_goals, list_missed
from funcdex_assets.reports.missing_kinds import explain_missing_kinds
from funcdex_assets.reports.published_turns import read_release_rows
from funcdex_assets.reports.shortcuts import SECTION as SHORTCUTS
from funcdex_assets.settings.settings import Settings
from funcdex_assets.storage.frames import to_frame
from funcdex_assets.storage.table_store import StoredTable, TableError

SHORTCUT_GOALS = "shortcut_goals"
SHORTCUT_GOALS_DESCRIPTION = "The release reaches the goals for what can be guessed, copied or remembered."
# The figures that the UI plots over time, by the name they have there.
WATCHED = {
    "valid_calls": "valid calls",
    "valid_results": "valid results",
    "grounded_arguments": "grounded arguments",
    "contradicted_values": "stated values that the call contradicts",
    "differing_ids": "echoed ids that differ",
    "with_parallel_calls": "with parallel calls",
    "recovered": "failed, then succeeded",
    "distinct_2": "distinct-2 of user turns",
    "self_bleu": "self-BLEU of user turns",
    "unique_first_messages_per_1000": "unique first messages, per 1,000",
    "copies": "copies once ids, digits and quotes are masked",
    "tools_called": "tools called",
    "arguments_given": "arguments given, of those that the tools declare",
    "in_dataset_of_candidates": "share of all candidates in the dataset",
}
# The same for costs per accepted conversation; only if a model was asked and its price is known.
WATCHED_COST = {
    "requests_per_accepted": "requests",
    "prompt_tokens_per_accepted": "prompt tokens",
    "completion_tokens_per_accepted": "completion tokens",
    "cost_usd_per_accepted": "cost in dollars",
}


@stage(group="reporting", kinds={"polars"}, table=stage_tables.QUALITY_REPORT, code_version="4")
def quality_report(
    partition: str,
    tool_definitions: pl.DataFrame,
    tool_graph: pl.DataFrame,
    tool_chains: pl.DataFrame,
    deduplicated_scenarios: pl.DataFrame,
    personas: pl.DataFrame,
    conversation_plans: pl.DataFrame,
    conversations: pl.DataFrame,
    scored_conversations: pl.DataFrame,
    accepted_conversations: pl.DataFrame,
    rejected_conversations: pl.DataFrame,
    dataset: pl.DataFrame,
    settings: Settings,
    tables: TrustedTables,
) -> Produced:
    """The figures of a partition's dataset: validity, mix, paths, length, coverage, diversity, shortcuts, scores,
    yields, cost.

    Tokens and cost are of all answers of models that went into the tables, also into conversations that were rejected,
    at what they cost when they were first paid: an answer that was replayed from the journal counts like a new one.
    """
    frames = {
        "tool_definitions": tool_definitions,
        "tool_graph": tool_graph,
        "tool_chains": tool_chains,
        "deduplicated_scenarios": deduplicated_scenarios,
        "personas": personas,
        "conversation_plans": conversation_plans,
        "conversations": conversations,
        "scored_conversations": scored_conversations,
        "accepted_conversations": accepted_conversations,
        "dataset": dataset,
    }
    collected = collect_tables(partition, frames, tables.read_spent(partition))
    weights = settings.generation.select_kinds_asked_for(set(tool_chains["kind"]))
    missing_kinds = explain_missing_kinds(
        weights,
        settings.generation_of(partition).conversations,
        {**frames, "rejected_conversations": rejected_conversations},
    )
    figures, failures = compute_sound_figures(collected, weights, settings.seed, settings.inference.prices)
    return Produced(
        to_frame(figures, QualityFigure),
        {
            **describe_figures(figures, partition),
            **_describe_gaps(collected),
            "missing_kinds": missing_kinds,
            **report_left_out(tables, "quality_report", partition, failures),
        },
    )


@dg.asset(
    deps=[dg.AssetDep(quality_report, partition_mapping=dg.AllPartitionMapping()), dataset_release],
    group_name="reporting",
    kinds={"polars"},
    owners=["team:funcdex"],
    automation_condition=FOLLOWS_PARTITIONS,
    code_version="3",
    check_specs=[
        dg.AssetCheckSpec(
            SHORTCUT_GOALS, asset="release_report", description=SHORTCUT_GOALS_DESCRIPTION, blocking=False
        )
    ],
)
def release_report(
    context: dg.AssetExecutionContext,
    funcdex_settings: dg.ResourceParam[Settings],
    funcdex_tables: dg.ResourceParam[TrustedTables],
) -> Iterator[dg.AssetCheckEvaluation | dg.MaterializeResult]:
    """The figures of the release: those of a partition's report, over the conversations of all partitions.

    Shortcuts are counted in the rows of the latest release itself, if it is of the same partitions.
    """
    available = [
        partition for partition in funcdex_settings.partitions if funcdex_tables.has_table("quality_report", partition)
    ]
    if not available:
        raise dg.Failure("No partition has a quality report yet; materialise quality_report", allow_retries=False)
    collected_partitions: list[Collected] = []
    left_aside: list[str] = []
    for partition in available:
        read: dict[str, StoredTable] = {}
        for name in TABLES:
            try:
                stored, verdict = funcdex_tables.load_trusted(name, partition)
            except BrokenContractError as error:
                yield from evaluate_checks(context, error.verdict)
                raise dg.Failure(str(error), allow_retries=False) from None
            except TableError as error:
                raise dg.Failure(str(error), allow_retries=False) from None
            yield from evaluate_checks(context, verdict) if verdict else ()
            read[name] = stored
        try:
            funcdex_tables.refuse_mixed_lineage(partition, read)
        except MixedLineageError as error:  # it is being made at this moment, or was made in part
            context.log.warning(f"{partition} is left out: {error}")
            left_aside.append(partition)
            continue
        frames = {name: stored.frame for name, stored in read.items()}
        collected_partitions.append(collect_tables(partition, frames, funcdex_tables.read_spent(partition)))
    if not collected_partitions:
        raise dg.Failure(
            f"The tables of {', '.join(left_aside)} are of several generations; materialise all their stages",
            allow_retries=False,
        )
    collected = merge_collected(collected_partitions)
    release = read_release_rows(funcdex_settings.home, [name for name in available if name not in left_aside])
    if release:
        collected.rows = release[1]
    figures, failures = compute_sound_figures(
        collected,
        funcdex_settings.generation.select_kinds_asked_for(collected.planned_kinds),
        funcdex_settings.seed,
        funcdex_settings.inference.prices,
    )
    missing = [partition for partition in funcdex_settings.partitions if partition not in available]
    yield dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(figures),
            "missing_partitions": ", ".join(missing) or "none",
            "partitions_of_several_generations": ", ".join(left_aside) or "none",
            **describe_figures(figures, "all partitions"),
            **_describe_gaps(collected),
            "shortcuts_counted_in": release[0] if release else "the tables, as no release is of these partitions",
            **report_left_out(funcdex_tables, "release_report", "all", failures),
        },
        check_results=[judge_shortcuts(figures)],
    )


def judge_shortcuts(figures: Sequence[QualityFigure]) -> dg.AssetCheckResult:
    """Judges whether the release reaches its goals, with the figures that do not."""
    missed = list_missed(figures)
    return dg.AssetCheckResult(
        check_name=SHORTCUT_GOALS,
        passed=not missed,
        severity=dg.AssetCheckSeverity.WARN,
        description=describe_missed_goals(figures),
        metadata={GOALS[figure.figure].key: round(figure.value, 4) for figure in missed},
    )


def _describe_gaps(collected: Collected) -> dict[str, Any]:
    gaps = [*find_gaps_in_definitions(collected), *find_gaps_in_use(collected)]
    return {**show_gaps(gaps), **show_never_given(gaps)}


def describe_figures(figures: Sequence[QualityFigure], name: str) -> dict[str, Any]:
    """Tables of the sections, two pictures, and the figures that are worth watching from run to run, among them those
    that have a goal.
    """
    # A share of nothing was not measured, and would be plotted as 0.
    values = {figure.figure: figure.value for figure in figures if not figure.item and figure.whole != 0}
    costs_per_accepted = {
        figure.figure: figure.value for figure in figures if figure.section == "cost" and figure.item == PER_ACCEPTED
    }
    sections = {figure.section: None for figure in figures}
    frame = to_frame(list(figures), QualityFigure)
    return {
        **{key: round(values[figure], 4) for key, figure in WATCHED.items() if figure in values},
        **{
            key: round(costs_per_accepted[figure], 6)
            for key, figure in WATCHED_COST.items()
            if figure in costs_per_accepted
        },
        "preview": dg.MetadataValue.md(
            to_markdown_table(_select_columns(frame.filter(pl.col("section") == "validity")))
        ),
        **{
            f"table_{section}": dg.MetadataValue.md(
                to_markdown_table(_select_columns(frame.filter(pl.col("section") == section)))
            )
            for section in sections
            if section != SHORTCUTS
        },
        **show_shortcuts(figures),
        **show_report_pictures(figures, name),
    }


def _select_columns(frame: pl.DataFrame) -> pl.DataFrame:
    digits = 6 if "cost" in frame["section"] else 4  # a conversation may cost less than a hundredth of a cent
    measured = pl.when(pl.col("whole").ne_missing(0)).then(pl.col("value").round(digits))
    columns = frame.select("figure", "item", measured.alias("value"), "part", "whole", "wanted")
    return columns if frame["wanted"].count() else columns.drop("wanted")
