"""What Dagster's UI shows of a table: its columns, its first rows, and the rows that break a rule.

Here belongs the translation of frames into metadata and events, and nothing that decides.
"""

import warnings
from typing import Any

import dagster as dg
import polars as pl

from funcdex_assets.quality.table import Judgement, Table

MOST_ROWS = 20
LONGEST_CELL = 200


def described(frame: pl.DataFrame) -> dict[str, Any]:
    """The metadata that every table has; a stage's own `preview` replaces the one made here."""
    columns = [dg.TableColumn(name, str(dtype)) for name, dtype in frame.schema.items()]
    return {
        "dagster/row_count": frame.height,
        "dagster/column_schema": dg.TableSchema(columns=columns),
        "preview": dg.MetadataValue.md(markdown_table(frame.head(5), longest=80)),
    }


def evaluation(stage: str, partition: str, judgement: Judgement) -> dg.AssetCheckEvaluation:
    """The judgement of one partition as an event of the stage's check."""
    offending = judgement.offending
    metadata: dict[str, Any] = {"offending_rows": offending.height}
    if not judgement.passed:
        shown = offending.head(MOST_ROWS)
        metadata["rows"] = dg.MetadataValue.md(markdown_table(shown))
        metadata["table"] = dg.MetadataValue.table(
            records=[dg.TableRecord(record) for record in _plain(shown).to_dicts()],
            schema=dg.TableSchema(columns=[dg.TableColumn(name, "string") for name in shown.columns]),
        )
    return dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey(stage),
        check_name=judgement.check,
        passed=judgement.passed,
        metadata=metadata,
        description=judgement.description if judgement.passed else _in_words(judgement),
        blocking=True,
        partition=partition,
    )


def refusal(stage: str, partition: str, broken: list[Judgement]) -> str:
    """One line: which check, how many rows, and the first of them.

    >>> rows = pl.DataFrame({"row": [3], "tool": ["SEND_FAX"]})
    >>> refusal("tool_chains", "gmail", [Judgement("known_tools", "", rows)])
    'tool_chains of gmail breaks known_tools: 1 row, first row=3, tool=SEND_FAX'
    """
    return f"{stage} of {partition} breaks " + "; ".join(
        f"{judgement.check}: {_count(judgement.offending)}, first {_first(judgement.offending)}" for judgement in broken
    )


def check_specs(table: Table, partitions_def: dg.PartitionsDefinition) -> list[dg.AssetCheckSpec]:
    """One blocking check per rule, the layout first."""
    descriptions = {check.name: check.description for check in table.checks}
    with warnings.catch_warnings():
        # Partitions of checks are in preview, and say so once per check.
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return [
            dg.AssetCheckSpec(
                name,
                asset=table.name,
                description=descriptions.get(name, f"Every row fits the layout {table.model.__name__}."),
                blocking=True,
                partitions_def=partitions_def,
            )
            for name in table.check_names
        ]


def markdown_table(frame: pl.DataFrame, longest: int = LONGEST_CELL) -> str:
    r"""Cells as text, cut to `longest` characters.

    >>> print(markdown_table(pl.DataFrame({"tool": ["SEND_EMAIL"], "text": ["a|b"]})))
    | tool | text |
    |---|---|
    | SEND_EMAIL | a\|b |
    """
    rows = (
        " | ".join(value.replace("|", "\\|").replace("\n", " ") for value in row)
        for row in _plain(frame, longest).rows()
    )
    lines = [" | ".join(frame.columns), *rows]
    return "\n".join([f"| {lines[0]} |", "|" + "---|" * frame.width, *(f"| {line} |" for line in lines[1:])])


def _in_words(judgement: Judgement) -> str:
    shown = f"; the first {MOST_ROWS} are shown" if judgement.offending.height > MOST_ROWS else ""
    return f"{_count(judgement.offending)} against: {judgement.description}{shown}"


def _count(offending: pl.DataFrame) -> str:
    return f"{offending.height} row" + ("" if offending.height == 1 else "s")


def _first(offending: pl.DataFrame) -> str:
    record = _plain(offending.head(1), longest=120).row(0, named=True)
    return ", ".join(f"{name}={value}" for name, value in record.items())


def _plain(frame: pl.DataFrame, longest: int = LONGEST_CELL) -> pl.DataFrame:
    """Every cell as text that fits into a table."""

    def text(value: Any) -> str:
        written = str(value)
        return written if len(written) <= longest else written[: longest - 1] + "…"

    return pl.DataFrame(
        {name: [text(value) for value in frame[name].to_list()] for name in frame.columns},
        schema=dict.fromkeys(frame.columns, pl.String),
    )
