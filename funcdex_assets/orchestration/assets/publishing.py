"""From parsed conversations to datasets that people train on."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from funcdex_assets.contamination.evaluation_sets import (
    extract_functions,
    extract_user_turns,
    read_evaluation_sets,
)
from funcdex_assets.contamination.overlaps import (
    ConversationContent,
    OverlapThresholds,
    count_overlapping_conversations,
    encode_json_lines,
    extract_conversation_contents,
    find_overlaps,
    select_conversations_to_remove,
)
from funcdex_assets.contracts import stage_tables
from funcdex_assets.contracts.table import Judgement
from funcdex_assets.contracts.trusted_tables import BrokenContractError, TrustedTables
from funcdex_assets.dedup.conversations import (
    HASHED_NGRAMS_THRESHOLDS,
    MINILM_THRESHOLDS,
    ConversationThresholds,
    judge_repetitions,
)
from funcdex_assets.embedding.embedder import Embedder
from funcdex_assets.export.release import publish_release, select_writable
from funcdex_assets.export.release_outcome import (
    NO_DATASET,
    RELEASE_IS_WHOLE,
    RELEASE_IS_WHOLE_DESCRIPTION,
    ReleaseOutcome,
    count_reasons,
    find_objection_to_release,
    read_latest_outcome,
)
from funcdex_assets.export.splits import (
    assign_splits,
    leave_out_failed,
    remove_duplicates,
    remove_overlaps,
    remove_repeats_of_own_rows,
    remove_repeats_of_test_requests,
)
from funcdex_assets.orchestration.check_metadata import to_markdown_table
from funcdex_assets.orchestration.feedback import load_feedback
from funcdex_assets.orchestration.jobs import FOLLOWS_PARTITIONS
from funcdex_assets.orchestration.preview_metadata import show_example
from funcdex_assets.orchestration.resource_keys import qualify_key
from funcdex_assets.orchestration.stage import Produced, evaluate_checks, stage
from funcdex_assets.orchestration.toolkit_terms import find_example_files, load_own_rows, load_policy
from funcdex_assets.records.dataset import DatasetRow, DeduplicatedConversation, LeftOut, OwnRow, ParsedConversation
from funcdex_assets.records.row_failures import work_without_failing
from funcdex_assets.records.tool import Tool
from funcdex_assets.reports.missing_kinds import explain_kinds_missing_everywhere, explain_missing_kinds
from funcdex_assets.reports.stage_counts import count_rejections, measure_ratios
from funcdex_assets.settings.settings import Settings
from funcdex_assets.storage.frames import from_frame, index_by, to_frame


@stage(group="publishing", kinds={"polars"}, table=stage_tables.DEDUPLICATED_CONVERSATIONS, code_version="1")
def deduplicated_conversations(parsed_conversations: pl.DataFrame, settings: Settings, embedder: Embedder) -> Produced:
    """A verdict on each conversation: kept, or a near-duplicate: the same calls and the same words except values."""
    verdicts = _find_duplicates(from_frame(parsed_conversations, ParsedConversation), settings, embedder)
    status = Counter(verdict.status for verdict in verdicts)
    return Produced(
        to_frame(verdicts, DeduplicatedConversation),
        {
            "duplicates": status["duplicate"],
            "failed": status["failed"],
            **measure_ratios(share=(status["duplicate"], len(verdicts))),
        },
    )


@stage(
    group="publishing",
    kinds={"json", "parquet"},
    table=stage_tables.DATASET,
    code_version="5",
    further_checks={RELEASE_IS_WHOLE: RELEASE_IS_WHOLE_DESCRIPTION},
)
def dataset(
    partition: str,
    parsed_conversations: pl.DataFrame,
    deduplicated_conversations: pl.DataFrame,
    rejected_conversations: pl.DataFrame,
    tool_definitions: pl.DataFrame,
    conversations: pl.DataFrame,
    conversation_plans: pl.DataFrame,
    deduplicated_scenarios: pl.DataFrame,
    tool_chains: pl.DataFrame,
    settings: Settings,
) -> Produced:
    """The train and test splits, disjoint in chains and scenario clusters, published as JSONL, Parquet and a card.

    A team's own rows end the published train split; the table has what was generated.

    If they are empty, or less than half of what was asked for, a whole dataset and its release stay what they were.
    """
    parsed = from_frame(parsed_conversations, ParsedConversation)
    verdicts = from_frame(deduplicated_conversations, DeduplicatedConversation)
    unlike, repeating = remove_duplicates(parsed, verdicts)
    rows, dropped_by_split = assign_splits(unlike, settings.generation.hold_out, settings.generation.test_share)
    own_rows, unusable = load_own_rows(settings, partition, from_frame(tool_definitions, Tool))
    rows, given = remove_repeats_of_own_rows(rows, own_rows)
    rows, unwritable = select_writable(rows)
    left_out = repeating + dropped_by_split + given + unwritable
    policy = load_policy(settings, partition)
    folder = settings.home / "datasets" / partition
    wanted = settings.generation_of(partition).conversations
    frame = to_frame(rows, DatasetRow)
    outcome = ReleaseOutcome(
        wanted,
        len(rows),
        count_reasons(
            count_rejections(rejected_conversations),
            Counter(exclusion.rule for exclusion in left_out),
            missing=wanted - len(rows) - rejected_conversations.height - len(left_out),
        ),
        explain_missing_kinds(
            settings.generation.select_kinds_asked_for(set(tool_chains["kind"])),
            wanted,
            {
                "tool_chains": tool_chains,
                "deduplicated_scenarios": deduplicated_scenarios,
                "conversation_plans": conversation_plans,
                "conversations": conversations,
                "rejected_conversations": rejected_conversations,
                "dataset": frame,
            },
        ),
    )

    def publish(as_latest: bool) -> dict[str, Any]:
        release = publish_release(
            rows,
            folder,
            partition,
            left_out,
            outcome=outcome,
            as_latest=as_latest,
            own_rows=own_rows,
            policies={partition: policy} if policy else {},
            feedback={partition: load_feedback(settings, partition) or ()},
            calls_alone=settings.publishing.closed_books == "calls",
        )
        described = _describe_release(rows, left_out, release, outcome)
        if own_rows or unusable:
            described |= {"own_rows": len(own_rows), "own_rows_left_out": len(unusable)}
        return described

    return Produced(
        frame,
        {"preview": show_example(rows[0])} if rows else {},
        publish=lambda: publish(as_latest=True),
        judgements=[_judge_release(folder, outcome, settings)],
        keep_refused=lambda: publish(as_latest=False),
    )


def _judge_release(folder: Path, outcome: ReleaseOutcome, settings: Settings) -> Judgement:
    """Judges whether the release may become the dataset's latest."""
    objection = None if settings.publishing.allow_shrink else find_objection_to_release(folder, outcome)
    remedy = "mend the reasons, or allow it by --allow-shrink or publishing.allow_shrink"
    offending = pl.DataFrame({"objection": [objection], "remedy": [remedy]}) if objection else pl.DataFrame()
    return Judgement(RELEASE_IS_WHOLE, RELEASE_IS_WHOLE_DESCRIPTION, offending)


@dg.asset(
    deps=[dg.AssetDep(dataset, partition_mapping=dg.AllPartitionMapping())],
    group_name="publishing",
    kinds={"json", "parquet"},
    owners=["team:funcdex"],
    automation_condition=FOLLOWS_PARTITIONS,
    code_version="2",
    pool=qualify_key("release"),  # of runs side by side, the last one to read the datasets publishes last
    check_specs=[
        dg.AssetCheckSpec(check.name, asset="dataset_release", description=check.description, blocking=True)
        for check in stage_tables.RELEASE_CHECKS
    ]
    + [
        dg.AssetCheckSpec(
            RELEASE_IS_WHOLE, asset="dataset_release", description=RELEASE_IS_WHOLE_DESCRIPTION, blocking=True
        )
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
        raise dg.Failure(f"{NO_DATASET}; materialise dataset for one of them", allow_retries=False)
    frames: list[pl.DataFrame] = []
    own_rows: dict[str, OwnRow] = {}
    policies: dict[str, str] = {}
    for partition in available:
        try:
            stored, verdict = funcdex_tables.load_trusted("dataset", partition)
        except BrokenContractError as error:
            yield from evaluate_checks(context, error.verdict)
            raise dg.Failure(str(error), allow_retries=False) from None
        yield from evaluate_checks(context, verdict) if verdict else ()
        frames.append(stored.frame)
        for own_row in _load_given_rows(funcdex_settings, funcdex_tables, partition):
            own_rows.setdefault(own_row.row_id, own_row)  # of a toolkit's own and a bundle's, the first stays
        if policy := load_policy(funcdex_settings, partition):
            policies[partition] = policy
    frame = pl.concat(frames)
    judgements = [
        Judgement(check.name, check.description, check.find_offending_rows(frame))
        for check in stage_tables.RELEASE_CHECKS
    ]
    metadata: dict[str, Any] = {}
    missing = [partition for partition in funcdex_settings.partitions if partition not in available]
    if all(judgement.passed for judgement in judgements):
        rows = from_frame(frame, DatasetRow)
        rows, left_out = remove_duplicates(rows, _find_duplicates(rows, funcdex_settings, funcdex_embedder))
        contamination = funcdex_settings.contamination
        sets = read_evaluation_sets(contamination.evaluation_sets, funcdex_settings.root)
        thresholds = OverlapThresholds(**contamination.thresholds)
        overlapping, incomparable = work_without_failing(
            rows,
            lambda some: find_overlaps(extract_conversation_contents(some), sets, funcdex_embedder, thresholds),
            lambda row: row.conversation_id,
        )
        left_out += leave_out_failed(rows, incomparable)
        failed_ids = {failure.subject for failure in incomparable}
        rows, unwritable = select_writable([row for row in rows if row.conversation_id not in failed_ids])
        rows, contaminated = remove_overlaps(rows, select_conversations_to_remove(overlapping, contamination.remove))
        own_contents = _extract_own_contents(own_rows.values())
        own_overlapping = find_overlaps(own_contents, sets, funcdex_embedder, thresholds) if own_contents else []
        own_removed = select_conversations_to_remove(own_overlapping, contamination.remove)
        overlapping += own_overlapping
        given_rows = [own_row for own_row in own_rows.values() if own_row.row_id not in own_removed]
        rows, given = remove_repeats_of_own_rows(rows, given_rows)
        rows, of_test_requests = remove_repeats_of_test_requests(rows)
        left_out += unwritable + contaminated + given + of_test_requests
        reports = {"contamination.jsonl": encode_json_lines(overlapping)} if overlapping else {}
        made_kinds = Counter(row.kind for row in rows)
        missing_kinds = {name: _read_latest_outcome(funcdex_settings, name).missing_kinds for name in available}
        known_kinds = made_kinds.keys() | {kind for reasons in missing_kinds.values() for kind in reasons}
        folder = funcdex_settings.home / "datasets" / "all"
        wanted = {name: count_wanted(funcdex_settings, name) for name in funcdex_settings.partitions}
        outcome = ReleaseOutcome(
            sum(wanted.values()),
            len(rows),
            count_reasons(
                Counter(exclusion.rule for exclusion in left_out),
                {
                    "no dataset of the partition": sum(wanted[name] for name in missing),
                    "fewer in a partition": sum(wanted[name] for name in available) - frame.height,
                },
            ),
            explain_kinds_missing_everywhere(
                funcdex_settings.generation.select_kinds_asked_for(known_kinds), made_kinds, missing_kinds
            ),
        )
        judgements.append(_judge_release(folder, outcome, funcdex_settings))
        release = publish_release(
            rows,
            folder,
            "all partitions",
            left_out,
            reports,
            outcome=outcome,
            as_latest=judgements[-1].passed,
            own_rows=given_rows,
            policies=policies,
            feedback={name: load_feedback(funcdex_settings, name) or () for name in available},
            calls_alone=funcdex_settings.publishing.closed_books == "calls",
        )
        overlap_counts = {
            f"contamination_{measure}": count for measure, count in count_overlapping_conversations(overlapping).items()
        }
        metadata = {**_describe_release(rows, left_out, release, outcome), **overlap_counts}
        if own_rows:
            metadata |= {"own_rows": len(given_rows), "own_rows_left_out_contamination": len(own_removed)}
    yield dg.MaterializeResult(
        metadata={"dagster/row_count": frame.height, "missing_partitions": ", ".join(missing) or "none", **metadata},
        check_results=[
            dg.AssetCheckResult(
                check_name=judgement.check,
                passed=judgement.passed,
                metadata={
                    "offending_rows": judgement.offending_rows.height,
                    "rows": dg.MetadataValue.md(to_markdown_table(judgement.offending_rows.head(20))),
                },
            )
            for judgement in judgements
        ],
    )


def _load_given_rows(settings: Settings, tables: TrustedTables, partition: str) -> list[OwnRow]:
    """Loads the own rows of a partition that has a dataset; those that cannot be used were reported with its tools."""
    if not find_example_files(settings, partition):
        return []
    stored, _ = tables.load_trusted("tool_definitions", partition)
    return load_own_rows(settings, partition, from_frame(stored.frame, Tool))[0]


def _extract_own_contents(own_rows: Iterable[OwnRow]) -> list[ConversationContent]:
    """Extracts what is compared with evaluation sets."""
    return [
        ConversationContent(
            own_row.row_id, own_row.partition, extract_user_turns(own_row.messages), extract_functions(own_row.tools)
        )
        for own_row in own_rows
    ]


def count_wanted(settings: Settings, partition: str) -> int:
    """Counts the conversations that were asked for when the partition's dataset was made.

    The run that makes the release over all may have made one partition, with a count of its own.
    """
    return _read_latest_outcome(settings, partition).wanted


def _read_latest_outcome(settings: Settings, partition: str) -> ReleaseOutcome:
    """Reads the outcome of the partition's latest release; where nothing is known of it, as many were wanted as now."""
    outcome = read_latest_outcome(settings.home / "datasets" / partition)
    return outcome or ReleaseOutcome(settings.generation_of(partition).conversations, 0)


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
    compared = {row.conversation_id: row.messages for row in sorted(rows, key=lambda row: not row.held_out)}
    single_requests = {row.conversation_id for row in rows if row.kind == "single_turn"}
    verdicts = judge_repetitions(compared, embedder, likeness if deduplication.conversations else None, single_requests)
    by_id = index_by(verdicts, "conversation_id")
    return [by_id[row.conversation_id] for row in rows]


def _describe_release(
    rows: Sequence[DatasetRow], left_out: Sequence[LeftOut], release: Path, outcome: ReleaseOutcome
) -> dict[str, Any]:
    splits = Counter(row.split for row in rows)
    return {
        "wanted": outcome.wanted,
        "rows": outcome.rows,
        "reasons": outcome.reasons,
        "missing_kinds": outcome.missing_kinds,
        **{
            f"left_out_{rule}": count
            for rule, count in sorted(Counter(conversation.rule for conversation in left_out).items())
        },
        "train": splits["train"],
        "test": splits["test"],
        "path": dg.MetadataValue.path(release),
        "calls": sum(row.calls for row in rows),
    }
