"""Metadata by which Dagster's UI shows a table: its columns, its first rows, and the rows that break a rule.

Here belongs the translation of frames into metadata and events, and nothing that decides.
"""

import warnings
from collections.abc import Mapping
from typing import Any

import dagster as dg
import polars as pl

from funcdex_assets.contracts.column_descriptions import describe_column
from funcdex_assets.contracts.table import LONGEST_CELL, Judgement, Table, count_rows, to_text_cells
from funcdex_assets.orchestration.dagster_private import AssetCheckEvaluationTargetMaterializationData

MOST_ROWS = 20


def describe_frame(stage: str, frame: pl.DataFrame) -> dict[str, Any]:
    """The metadata that every table has; a stage's own `preview` replaces the one made here."""
    columns = [
        dg.TableColumn(name, str(dtype), description=describe_column(stage, name))
        for name, dtype in frame.schema.items()
    ]
    return {
        "dagster/row_count": frame.height,
        "dagster/column_schema": dg.TableSchema(columns=columns),
        "preview": dg.MetadataValue.md(to_markdown_table(frame.head(5), longest=80)),
    }


def evaluate_check(
    key: dg.AssetKey,
    partition: str,
    judgement: Judgement,
    target: AssetCheckEvaluationTargetMaterializationData | None,
) -> dg.AssetCheckEvaluation:
    """The judgement of one partition as an event of the stage's check; `target` is the materialisation judged, without
    which the UI takes the check for one of an older table.
    """
    offending = judgement.offending_rows
    metadata: dict[str, Any] = {"offending_rows": offending.height}
    if not judgement.passed:
        excerpt = offending.head(MOST_ROWS)
        metadata["rows"] = dg.MetadataValue.md(to_markdown_table(excerpt))
        metadata["table"] = dg.MetadataValue.table(
            records=[dg.TableRecord(record) for record in to_text_cells(excerpt).to_dicts()],
            schema=dg.TableSchema(columns=[dg.TableColumn(name, "string") for name in excerpt.columns]),
        )
    return dg.AssetCheckEvaluation(
        asset_key=key,
        check_name=judgement.check,
        passed=judgement.passed,
        metadata=metadata,
        description=judgement.description if judgement.passed else _explain_failure(judgement),
        severity=dg.AssetCheckSeverity.ERROR if judgement.blocking else dg.AssetCheckSeverity.WARN,
        blocking=judgement.blocking,
        partition=partition,
        target_materialization_data=target,
    )


def list_check_specs(
    table: Table, partitions_def: dg.PartitionsDefinition | None, further_checks: Mapping[str, str]
) -> list[dg.AssetCheckSpec]:
    """One check per rule, the layout first; `further_checks` are descriptions by name. Rules block unless they say
    that they do not.
    """
    descriptions = {check.name: check.description for check in table.checks} | dict(further_checks)
    advisory = {check.name for check in table.checks if not check.blocking}
    with warnings.catch_warnings():
        # Partitions of checks are in preview, and say so once per check.
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return [
            dg.AssetCheckSpec(
                name,
                asset=table.name,
                description=descriptions.get(name, f"Every row fits the layout {table.model.__name__}."),
                blocking=name not in advisory,
                partitions_def=partitions_def,
            )
            for name in (*table.check_names, *further_checks)
        ]


def to_markdown_table(frame: pl.DataFrame, longest: int = LONGEST_CELL) -> str:
    r"""Cells as text, cut to `longest` characters.

    >>> print(to_markdown_table(pl.DataFrame({"tool": ["SEND_EMAIL"], "text": ["a|b"]})))
    | tool | text |
    |---|---|
    | SEND_EMAIL | a\|b |
    """
    rows = (
        " | ".join(value.replace("|", "\\|").replace("\n", " ") for value in row)
        for row in to_text_cells(frame, longest).rows()
    )
    lines = [" | ".join(frame.columns), *rows]
    return "\n".join([f"| {lines[0]} |", "|" + "---|" * frame.width, *(f"| {line} |" for line in lines[1:])])


def _explain_failure(judgement: Judgement) -> str:
    excerpt = f"; the first {MOST_ROWS} are excerpt" if judgement.offending_rows.height > MOST_ROWS else ""
    return f"{count_rows(judgement.offending_rows)} against: {judgement.description}{excerpt}"
