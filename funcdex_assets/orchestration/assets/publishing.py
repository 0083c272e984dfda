"""From parsed conversations to datasets that people train on."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from funcdex_assets.contamination.evaluation_sets import read_evaluation_sets
from funcdex_assets.contamination.overlaps import (
    OverlapThresholds,
    count_overlapping_conversations,
    encode_json_lines,
    extract_conversation_contents,
    find_overlaps,
    select_conversations_to_remove,
)
from funcdex_assets.contracts import stage_tables
from funcdex_assets.contracts.trusted_tables import BrokenContractError, TrustedTables
from funcdex_assets.dedup.conversations import (
    HASHED_NGRAMS_THRESHOLDS,
    MINILM_THRESHOLDS,
    ConversationThresholds,
    find_near_duplicates,
    to_compared_conversation,
)
from funcdex_assets.embedding.embedder import Embedder
from funcdex_assets.export.release import publish_release
from funcdex_assets.export.splits import assign_splits, remove_duplicates, remove_overlaps
from funcdex_assets.orchestration.check_metadata import to_markdown_table
from funcdex_assets.orchestration.resource_keys import qualify_key
from funcdex_assets.orchestration.stage import Produced, evaluate_checks, stage
from funcdex_assets.records.dataset import DatasetRow, DeduplicatedConversation, LeftOut, ParsedConversation
from funcdex_assets.settings.settings import Settings
from funcdex_assets.storage.frames import from_frame, index_by, to_frame


@stage(group="publishing", kinds={"polars"}, table=stage_tables.DEDUPLICATED_CONVERSATIONS, code_version="1")
def deduplicated_conversations(parsed_conversations: pl.DataFrame, settings: Settings, embedder: Embedder) -> Produced:
    """A verdict on each conversation: kept, or a near-duplicate: the same calls and the same words except values."""
    verdicts = _find_duplicates(from_frame(parsed_conversations, ParsedConversation), settings, embedder)
    duplicates = sum(verdict.status == "duplicate" for verdict in verdicts)
    return Produced(
        to_frame(verdicts, DeduplicatedConversation),
        {"duplicates": duplicates, "share": round(duplicates / max(1, len(verdicts)), 4)},
    )


@stage(group="publishing", kinds={"json", "parquet"}, table=stage_tables.DATASET, code_version="3")
def dataset(
    partition: str, parsed_conversations: pl.DataFrame, deduplicated_conversations: pl.DataFrame, settings: Settings
) -> Produced:
    """The train and test splits, disjoint in chains and scenario clusters, published as JSONL, Parquet and a card."""
    parsed = from_frame(parsed_conversations, ParsedConversation)
    verdicts = from_frame(deduplicated_conversations, DeduplicatedConversation)
    unlike, repeating = remove_duplicates(parsed, verdicts)
    rows, dropped_by_split = assign_splits(unlike, settings.generation.hold_out, settings.generation.test_share)
    left_out = repeating + dropped_by_split
    return Produced(
        to_frame(rows, DatasetRow),
        publish=lambda: _describe_release(
            rows, left_out, publish_release(rows, settings.home / "datasets" / partition, partition, left_out)
        ),
    )


@dg.asset(
    deps=[dg.AssetDep(dataset, partition_mapping=dg.AllPartitionMapping())],
    group_name="publishing",
    kinds={"json", "parquet"},
    owners=["team:funcdex"],
    code_version="1",
    pool=qualify_key("release"),  # of runs side by side, the last one to read the datasets publishes last
    check_specs=[
        dg.AssetCheckSpec(check.name, asset="dataset_release", description=check.description, blocking=True)
        for check in stage_tables.RELEASE_CHECKS
    ],
)
def dataset_release(
    context: dg.AssetExecutionContext,
    funcdex_settings: dg.ResourceParam[Settings],
    funcdex_tables: dg.ResourceParam[TrustedTables],
    funcdex_embedder: dg.ResourceParam[Embedder],
) -> Iterator[dg.AssetCheckEvaluation | dg.MaterializeResult]:
    """One release over the datasets of all existing partitions; missing partitions are named in the metadata.

    Near-duplicates across partitions are left out and, if the settings ask for it, overlaps with evaluation sets.
    """
    available = [
        partition for partition in funcdex_settings.partitions if funcdex_tables.has_table("dataset", partition)
    ]
    if not available:
        raise dg.Failure("No partition has a dataset yet; materialise dataset for one of them", allow_retries=False)
    frames: list[pl.DataFrame] = []
    for partition in available:
        try:
            stored, verdict = funcdex_tables.load_trusted("dataset", partition)
        except BrokenContractError as error:
            yield from evaluate_checks(context, error.verdict)
            raise dg.Failure(str(error), allow_retries=False) from None
        yield from evaluate_checks(context, verdict) if verdict else ()
        frames.append(stored.frame)
    frame = pl.concat(frames)
    checks = [(check.name, check.find_offending_rows(frame)) for check in stage_tables.RELEASE_CHECKS]
    metadata: dict[str, Any] = {}
    if all(bad.is_empty() for _, bad in checks):
        rows = from_frame(frame, DatasetRow)
        rows, left_out = remove_duplicates(rows, _find_duplicates(rows, funcdex_settings, funcdex_embedder))
        contamination = funcdex_settings.contamination
        sets = read_evaluation_sets(contamination.evaluation_sets, funcdex_settings.root)
        overlapping = find_overlaps(
            extract_conversation_contents(rows), sets, funcdex_embedder, OverlapThresholds(**contamination.thresholds)
        )
        rows, contaminated = remove_overlaps(rows, select_conversations_to_remove(overlapping, contamination.remove))
        left_out += contaminated
        reports = {"contamination.jsonl": encode_json_lines(overlapping)} if overlapping else {}
        folder = publish_release(rows, funcdex_settings.home / "datasets" / "all", "all partitions", left_out, reports)
        overlap_counts = {
            f"contamination_{measure}": count for measure, count in count_overlapping_conversations(overlapping).items()
        }
        metadata = {**_describe_release(rows, left_out, folder), **overlap_counts}
    missing = [partition for partition in funcdex_settings.partitions if partition not in available]
    yield dg.MaterializeResult(
        metadata={"dagster/row_count": frame.height, "missing_partitions": ", ".join(missing) or "none", **metadata},
        check_results=[
            dg.AssetCheckResult(
                check_name=name,
                passed=bad.is_empty(),
                metadata={"offending_rows": bad.height, "rows": dg.MetadataValue.md(to_markdown_table(bad.head(20)))},
            )
            for name, bad in checks
        ],
    )


def _find_duplicates(
    rows: Sequence[ParsedConversation], settings: Settings, embedder: Embedder
) -> list[DeduplicatedConversation]:
    """Finds near-duplicates; if a test and a train conversation are alike, the train conversation is the duplicate."""
    deduplication = settings.deduplication
    default = MINILM_THRESHOLDS if deduplication.embedder == "minilm" else HASHED_NGRAMS_THRESHOLDS
    semantic = deduplication.conversation_semantic_threshold
    likeness = ConversationThresholds(
        default.semantic if semantic is None else semantic, deduplication.conversation_lexical_threshold
    )
    compared = [
        to_compared_conversation(row.conversation_id, row.messages)
        for row in sorted(rows, key=lambda row: not row.held_out)
    ]
    verdicts = find_near_duplicates(compared, embedder, likeness if deduplication.conversations else None)
    by_id = index_by(verdicts, "conversation_id")
    return [by_id[row.conversation_id] for row in rows]


def _describe_release(rows: Sequence[DatasetRow], left_out: Sequence[LeftOut], folder: Path) -> dict[str, Any]:
    splits = Counter(row.split for row in rows)
    return {
        **{
            f"left_out_{rule}": count
            for rule, count in sorted(Counter(conversation.rule for conversation in left_out).items())
        },
        "train": splits["train"],
        "test": splits["test"],
        "path": dg.MetadataValue.path(folder),
        "calls": sum(row.calls for row in rows),
    }
