"""From parsed conversations to datasets that people train on."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from funcdex_assets.assets._evidence import markdown_table
from funcdex_assets.assets._stage import Produced, stage
from funcdex_assets.assets._trust import NotMadeError, trusted
from funcdex_assets.export.release import publish
from funcdex_assets.export.splits import split_rows
from funcdex_assets.quality import schemas
from funcdex_assets.records import DatasetRow, ParsedConversation
from funcdex_assets.settings import Settings
from funcdex_assets.table_store import TableStore
from funcdex_assets.tables import from_frame, to_frame


@stage(group="publishing", kinds={"json", "parquet"}, table=schemas.DATASET, code_version="2")
def dataset(partition: str, parsed_conversations: pl.DataFrame, settings: Settings) -> Produced:
    """Train and test, disjoint in chains and scenario clusters, published as JSONL, Parquet and a card."""
    rows = split_rows(from_frame(parsed_conversations, ParsedConversation))
    return Produced(
        to_frame(rows, DatasetRow),
        publish=lambda: _described(rows, publish(rows, settings.home / "datasets" / partition, partition)),
    )


@dg.asset(
    deps=[dg.AssetDep(dataset, partition_mapping=dg.AllPartitionMapping())],
    group_name="publishing",
    kinds={"json", "parquet"},
    owners=["team:funcdex"],
    code_version="1",
    pool="release",  # of runs side by side, the last one to read the datasets publishes last
    check_specs=[
        dg.AssetCheckSpec(check.name, asset="dataset_release", description=check.description, blocking=True)
        for check in schemas.RELEASE_CHECKS
    ],
)
def dataset_release(
    settings: dg.ResourceParam[Settings],
    tables: dg.ResourceParam[TableStore],
) -> Iterator[dg.AssetCheckEvaluation | dg.MaterializeResult]:
    """One release over the datasets of all partitions that there are; missing ones are named."""
    there = [partition for partition in settings.partitions if tables.exists("dataset", partition)]
    if not there:
        raise dg.Failure("No partition has a dataset yet; materialise dataset for one of them", allow_retries=False)
    frames: list[pl.DataFrame] = []
    for partition in there:
        try:
            stored, evaluations = trusted(tables, "dataset", partition)
        except NotMadeError as error:
            yield from error.evaluations
            raise dg.Failure(str(error), allow_retries=False) from None
        yield from evaluations
        frames.append(stored.frame)
    frame = pl.concat(frames)
    checks = [(check.name, check.offending(frame)) for check in schemas.RELEASE_CHECKS]
    metadata: dict[str, Any] = {}
    if all(bad.is_empty() for _, bad in checks):
        rows = from_frame(frame, DatasetRow)
        metadata = _described(rows, publish(rows, settings.home / "datasets" / "all", "all partitions"))
    missing = [partition for partition in settings.partitions if partition not in there]
    yield dg.MaterializeResult(
        metadata={"dagster/row_count": frame.height, "missing_partitions": ", ".join(missing) or "none", **metadata},
        check_results=[
            dg.AssetCheckResult(
                check_name=name,
                passed=bad.is_empty(),
                metadata={"offending_rows": bad.height, "rows": dg.MetadataValue.md(markdown_table(bad.head(20)))},
            )
            for name, bad in checks
        ],
    )


def _described(rows: list[DatasetRow], folder: Path) -> dict[str, Any]:
    splits = Counter(row.split for row in rows)
    return {
        "train": splits["train"],
        "test": splits["test"],
        "path": dg.MetadataValue.path(folder),
        "calls": sum(row.calls for row in rows),
    }
