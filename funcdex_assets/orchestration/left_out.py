"""Shows and stores the rows that a stage could not make, so that what is left out is counted and never silent."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import polars as pl

from funcdex_assets.contracts.table import Table, set_aside_offending_rows
from funcdex_assets.contracts.trusted_tables import TrustedTables
from funcdex_assets.orchestration.check_metadata import to_markdown_table
from funcdex_assets.records.record import Record
from funcdex_assets.records.row_failures import (
    RowFailure,
    refuse_empty_stage,
    summarise_reasons,
    work_without_failing,
)
from funcdex_assets.storage.frames import to_frame

MOST_SHOWN = 20
_LONGEST_REASON = 300
_logger = logging.getLogger(__name__)


def keep_sound_rows(
    tables: TrustedTables,
    table: Table,
    partition: str,
    rows: Sequence[Record],
    record: type[Record],
    failures: Sequence[RowFailure],
    needed_frames: Mapping[str, pl.DataFrame] | None = None,
) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Makes the frame of a stage from its rows, without those that break the contract of the table by themselves.

    `failures` are the rows that could not be made. Returns the frame, and metadata on all that are left out.

    Raises:
        NoRowsError: every row failed.
    """
    key = table.key or next(iter(record.__struct_fields__))
    frame, unwritable = work_without_failing(
        rows, lambda writable: to_frame(writable, record), lambda row: str(getattr(row, key))
    )
    frame, offending = set_aside_offending_rows(table, frame, needed_frames)
    left_out = [*failures, *unwritable, *offending]
    refuse_empty_stage(table.name.replace("_", " "), frame.height, left_out)
    return frame, report_left_out(tables, table.name, partition, left_out)


def report_left_out(
    tables: TrustedTables, stage: str, partition: str, failures: Sequence[RowFailure]
) -> dict[str, Any]:
    """Stores the failures beside the stage's table, in `left_out/<stage>/<partition>.jsonl`, and returns metadata: how
    many there are, of which kinds, and the first of them with their reasons.
    """
    path = tables.note_left_out(stage, partition, failures)
    if path is None:
        return {"left_out": 0}
    if mistakes := [failure for failure in failures if failure.is_mistake]:
        _logger.warning("%s of %s leaves out rows: %s (%s)", stage, partition, summarise_reasons(mistakes), path)
    first = failures[:MOST_SHOWN]
    shown = pl.DataFrame(
        {"left out": [failure.subject for failure in first], "reason": [failure.reason for failure in first]}
    )
    return {
        "left_out": len(failures),
        "left_out_reasons": dict(Counter(failure.kind for failure in failures).most_common()),
        "left_out_rows": dg.MetadataValue.md(to_markdown_table(shown, _LONGEST_REASON)),
        "left_out_file": str(path),
    }
