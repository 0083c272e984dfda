"""Makes a stage of a plain function of one partition: an asset whose tables can be trusted.

    @stage(group="scenarios", kinds={"polars"}, table=stage_tables.SCENARIOS, code_version="1")
    def scenarios(partition: str, tool_chains: pl.DataFrame, settings: Settings) -> Produced:
        '''The situations in which somebody needs a chain's tools.'''
        return Produced(to_frame(write_scenarios(...)), {"chains_used": 31})

A parameter annotated `pl.DataFrame` is the table of the stage of that name, `partition` the key of
the partition, anything else a resource. Here belong the promises that every stage keeps:

- **One run makes many partitions**, each reported as soon as its table is written.
- **Nothing invalid is handed on.** A frame is judged before it is written. A refused one is kept
  beside the store, its rows are shown in the failed check, and the table stays as it was.
- **Nothing changed is trusted.** An upstream table whose bytes are not those that its stage wrote is
  judged again before it is used.
- **One lineage.** The upstream tables must have been made from one another as they are now; else the partition is
  left as it is, and the tables to be made again are named. That no other run makes them meanwhile is the business of
  `lineage_lock`.
- **A partition fails alone.** The others are made, here and in the later stages of the same run; then
  the step fails and names the partitions that it did not make.

For the last promise, `EXECUTOR` starts a step as soon as its inputs are there, whether or not the
step that made them failed for some partition; and a stage logs a materialisation for each partition
that it made, because Dagster's automatic events would claim the whole range.
"""

import inspect
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, get_type_hints

import dagster as dg
import msgspec
import polars as pl

from funcdex_assets.contracts.table import Judgement, Table
from funcdex_assets.contracts.trusted_tables import BrokenContractError, TableVerdict, TrustedTables
from funcdex_assets.orchestration import check_metadata
from funcdex_assets.orchestration.dagster_private import (
    CODE_VERSION_TAG,
    DATA_VERSION_IS_USER_PROVIDED_TAG,
    DATA_VERSION_TAG,
    NULL_EVENT_POINTER,
    REPORTED_BY_STAGE,
    AssetCheckEvaluationTargetMaterializationData,
    get_input_data_version_tag,
    get_input_event_pointer_tag,
)
from funcdex_assets.orchestration.interruption import check_interruption, current_interruption, pause_work
from funcdex_assets.orchestration.partitions import PARTITIONS
from funcdex_assets.orchestration.progress_listener import ProgressLog, current_listener, listen_to_progress
from funcdex_assets.orchestration.resource_keys import SETTINGS, TABLES, qualify_key
from funcdex_assets.records.figures import Spent
from funcdex_assets.storage.table_store import StoredTable, TableError

FAILED_PARTITIONS_TAG = "funcdex/failed_partitions"
EXECUTOR = dg.in_process_executor.configured({"step_dependency_config": {"require_upstream_step_success": False}})
SPENT = "spent"
# Seconds before a partition is tried again whose engine failed in a way that may pass.
PAUSES = (5.0, 30.0)


@dataclass(frozen=True)
class Produced:
    """One partition's table, and what to show of it besides row count, columns and preview.

    What stands under `SPENT` in the metadata, as `Spent` records, is kept beside the table for the quality report.
    `publish` puts the table where people take it from; it is called only once the table was judged and
    written, and returns further metadata. `judgements` are of the stage's further checks, and count like those of the
    table's contract; if only they refuse the table, `keep_refused` is called.
    """

    frame: pl.DataFrame
    metadata: Mapping[str, Any] = field(default_factory=dict)
    publish: Callable[[], Mapping[str, Any]] = dict
    judgements: Sequence[Judgement] = ()
    keep_refused: Callable[[], object] = dict


def stage(
    *,
    group: str,
    table: Table,
    code_version: str,
    kinds: set[str] | None = None,
    pool: str | None = None,
    partitions_def: dg.PartitionsDefinition = PARTITIONS,
    pauses: Sequence[float] = PAUSES,
    further_checks: Mapping[str, str] = MappingProxyType({}),
) -> Callable[[Callable[..., Produced]], dg.AssetsDefinition]:
    """`partitions_def` defaults to the toolkits and bundles of the settings. `further_checks` are the descriptions, by
    name, of checks that the stage judges itself (`Produced.judgements`).

    An exception with a true attribute `retryable` gives its partition another try after each of `pauses`.
    """

    def decorate(function: Callable[..., Produced]) -> dg.AssetsDefinition:
        stage_parts = _StageParts.of(function, table, code_version, tuple(pauses))

        @dg.multi_asset(
            name=stage_parts.name,
            specs=[
                dg.AssetSpec(
                    stage_parts.name,
                    deps=list(stage_parts.upstream),
                    description=inspect.getdoc(function),
                    group_name=group,
                    kinds=kinds,
                    owners=["team:funcdex"],
                    code_version=code_version,
                )
            ],
            check_specs=check_metadata.list_check_specs(table, partitions_def, further_checks),
            can_subset=True,
            partitions_def=partitions_def,
            backfill_policy=dg.BackfillPolicy.single_run(),
            required_resource_keys={TABLES, *map(qualify_key, stage_parts.resources)},
            pool=qualify_key(pool) if pool else None,
        )
        def compute(context: dg.AssetExecutionContext) -> Iterator[Any]:
            if context.selected_asset_keys:
                with listen_to_progress(ProgressLog(current_listener(), context.log.info)):
                    yield from _make_partitions(stage_parts, context)
            else:
                yield from _judge_partitions(stage_parts, context)

        return compute

    return decorate


@dataclass(frozen=True)
class _StageParts:
    """A stage, taken apart."""

    name: str
    function: Callable[..., Produced]
    table: Table
    inputs: tuple[str, ...]
    resources: tuple[str, ...]
    takes_partition: bool
    code_version: str
    pauses: tuple[float, ...]

    @classmethod
    def of(
        cls, function: Callable[..., Produced], table: Table, code_version: str, pauses: tuple[float, ...]
    ) -> "_StageParts":
        name = getattr(function, "__name__", "")
        if table.name != name:
            raise ValueError(f"The stage {name!r} has the table {table.name!r}; give both the same name")
        hints = get_type_hints(function)
        parameters = list(inspect.signature(function).parameters)
        inputs = tuple(parameter for parameter in parameters if hints.get(parameter) is pl.DataFrame)
        resources = tuple(parameter for parameter in parameters if parameter not in (*inputs, "partition"))
        return cls(name, function, table, inputs, resources, "partition" in parameters, code_version, pauses)

    @property
    def upstream(self) -> tuple[str, ...]:
        """The tables that it reads: to make its own, and to judge it."""
        return tuple(dict.fromkeys((*self.inputs, *self.table.needed_tables)))


# ── making ────────────────────────────────────────────────────────────────────────────────────


def _make_partitions(stage_parts: _StageParts, context: dg.AssetExecutionContext) -> Iterator[Any]:
    partitions = context.partition_keys
    _end_if_interrupted(context)
    current_listener().started(stage_parts.name, partitions)
    origins = _find_origins(stage_parts, partitions, context)
    failed = _find_held_back(stage_parts, partitions, context)
    for partition, reason in failed.items():
        current_listener().failed(stage_parts.name, partition, reason)

    waiting = [partition for partition in partitions if partition not in failed]
    for pause in (*stage_parts.pauses, None):
        to_retry = []
        for partition in waiting:
            check_interruption()
            try:
                verdicts, materialisation, rows = _make_partition(stage_parts, partition, context, origins)
            except Exception as error:
                if isinstance(error, BrokenContractError):
                    yield from evaluate_checks(context, error.verdict)
                reason = _explain_error(error)
                if pause is not None and getattr(error, "retryable", False):
                    to_retry.append(partition)
                    context.log.warning(f"{partition} is tried again in {pause:g} s: {reason}")
                else:
                    failed[partition] = reason
                    current_listener().failed(stage_parts.name, partition, reason)
                    context.log.error(f"{partition} was not made: {_format_trace(error)}")
            else:
                yield materialisation  # before the judgements, which name it as the one that they are about
                for verdict in verdicts:
                    yield from evaluate_checks(context, verdict)
                current_listener().finished(stage_parts.name, partition, rows)
        waiting = to_retry
        if not waiting or pause is None:
            break
        pause_work(pause)

    if len(failed) < len(partitions):
        yield dg.Output(None, output_name=stage_parts.name, metadata=REPORTED_BY_STAGE)
        yield from _yield_check_outputs(context)
    if failed:
        _tag_failed(context, failed)
        raise _describe_failure(stage_parts, failed, of=len(partitions))


def _end_if_interrupted(context: dg.AssetExecutionContext) -> None:
    """Raises if the work shall end.

    Dagster counts the end of a run as a failure if it is not noted before that the run is to be cancelled; if that
    was noted before the run had begun, its beginning has covered it.
    """
    if current_interruption().number is not None:
        run = context.instance.get_run_by_id(context.run_id)
        if run is not None and run.status == dg.DagsterRunStatus.STARTED:
            context.instance.report_run_canceling(run)
    check_interruption()


def _make_partition(
    stage_parts: _StageParts, partition: str, context: dg.AssetExecutionContext, origins: Mapping[tuple[str, str], int]
) -> tuple[list[TableVerdict], dg.AssetMaterialization, int]:
    """Reads, makes, judges and writes one partition; returns the verdicts on all tables that were judged, the event
    that says that the table was made, and the row count.
    """
    tables: TrustedTables = getattr(context.resources, TABLES)
    read: dict[str, StoredTable] = {}
    verdicts = []
    for name in stage_parts.upstream:
        read[name], verdict = tables.load_trusted(name, partition)
        verdicts += [verdict] if verdict else []
    tables.refuse_mixed_lineage(partition, read)
    arguments: dict[str, Any] = {name: read[name].frame for name in stage_parts.inputs}
    arguments |= {name: getattr(context.resources, qualify_key(name)) for name in stage_parts.resources}
    if stage_parts.takes_partition:
        arguments["partition"] = partition
    produced = stage_parts.function(**arguments)
    try:
        digest, verdict = tables.write_judged(stage_parts.table, partition, produced.frame, read, produced.judgements)
    except BrokenContractError as error:
        if {judgement.check for judgement in error.verdict.broken} <= {each.check for each in produced.judgements}:
            produced.keep_refused()
        raise
    tables.note_spent(stage_parts.name, partition, msgspec.convert(produced.metadata.get(SPENT, []), list[Spent]))
    tags = {
        CODE_VERSION_TAG: stage_parts.code_version,
        DATA_VERSION_TAG: digest,
        DATA_VERSION_IS_USER_PROVIDED_TAG: "true",
    }
    for name, stored in read.items():
        origin = origins.get((name, partition))
        key = find_asset_key(context, name)
        tags[get_input_data_version_tag(key)] = stored.digest
        tags[get_input_event_pointer_tag(key)] = str(origin) if origin else NULL_EVENT_POINTER
    materialisation = dg.AssetMaterialization(
        find_asset_key(context, stage_parts.name),
        partition=partition,
        metadata={
            **check_metadata.describe_frame(stage_parts.name, produced.frame),
            **describe_run(getattr(context.resources, SETTINGS, None)),
            **produced.metadata,
            **produced.publish(),
        },
        tags=tags,
    )
    return [*verdicts, verdict], materialisation, produced.frame.height


def find_asset_key(context: dg.AssetExecutionContext, stage_name: str) -> dg.AssetKey:
    """The key of a stage's asset, which begins with the key prefix under which the running asset was defined."""
    selected = context.selected_asset_keys or {check.asset_key for check in context.selected_asset_check_keys}
    prefix = next(iter(selected)).path[:-1]
    return dg.AssetKey([*prefix, stage_name])


def evaluate_checks(context: dg.AssetExecutionContext, verdict: TableVerdict) -> list[dg.AssetCheckEvaluation]:
    """The judgements of one partition's table as events of its asset's checks, about its latest materialisation."""
    key = find_asset_key(context, verdict.stage)
    of_partition = dg.AssetRecordsFilter(asset_key=key, asset_partitions=[verdict.partition])
    records = context.instance.fetch_materializations(of_partition, limit=1).records
    target = (
        AssetCheckEvaluationTargetMaterializationData(
            storage_id=records[0].storage_id, run_id=records[0].run_id, timestamp=records[0].timestamp
        )
        if records
        else None
    )
    return [
        check_metadata.evaluate_check(key, verdict.partition, judgement, target) for judgement in verdict.judgements
    ]


def describe_run(settings: Any) -> dict[str, Any]:
    """The seed under which a table was made, where the stage has settings."""
    return {"seed": settings.seed} if settings is not None else {}


def _find_origins(
    stage_parts: _StageParts, partitions: Sequence[str], context: dg.AssetExecutionContext
) -> dict[tuple[str, str], int]:
    """(upstream, partition) → the id of its materialisation event, by which Dagster tells what is stale."""
    return {
        (name, partition): event
        for name in stage_parts.upstream
        for partition, event in context.instance.get_latest_storage_id_by_partition(
            find_asset_key(context, name), dg.DagsterEventType.ASSET_MATERIALIZATION, set(partitions)
        ).items()
    }


def _find_held_back(
    stage_parts: _StageParts, partitions: Sequence[str], context: dg.AssetExecutionContext
) -> dict[str, str]:
    """Partitions of which this run should have made an upstream table and did not, with the reason.

    What the store has of them is an earlier run's, and must not pass for this one's.
    """
    run = context.instance.get_run_by_id(context.run_id)
    if run is None or FAILED_PARTITIONS_TAG not in run.tags:
        return {}
    planned: set[dg.AssetKey] = set()
    materialised: set[tuple[dg.AssetKey, str | None]] = set()
    types = {dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED, dg.DagsterEventType.ASSET_MATERIALIZATION}
    for record in context.instance.all_logs(context.run_id, of_type=types):
        event = record.get_dagster_event()
        if event.asset_key is None:
            continue
        if event.is_step_materialization:
            materialised.add((event.asset_key, event.partition))
        else:
            planned.add(event.asset_key)
    upstream = {name: find_asset_key(context, name) for name in stage_parts.upstream}
    return {
        partition: f"held back, because {name} was not made"
        for partition in partitions
        for name, key in upstream.items()
        if key in planned and (key, partition) not in materialised
    }


def _tag_failed(context: dg.AssetExecutionContext, failed: Mapping[str, str]) -> None:
    run = context.instance.get_run_by_id(context.run_id)
    before = (run.tags if run else {}).get(FAILED_PARTITIONS_TAG, "").split(",")
    names = dict.fromkeys(name for name in (*before, *failed) if name)
    context.instance.add_run_tags(context.run_id, {FAILED_PARTITIONS_TAG: ",".join(names)})


# ── judging what is stored ────────────────────────────────────────────────────────────────────


def _judge_partitions(stage_parts: _StageParts, context: dg.AssetExecutionContext) -> Iterator[Any]:
    """Only checks were asked for: the stored tables are judged, and nothing is made."""
    selected_names = {check.name for check in context.selected_asset_check_keys}
    failed: dict[str, str] = {}
    partitions = _list_partitions_to_judge(stage_parts, context)
    for partition in partitions:
        try:
            verdict = getattr(context.resources, TABLES).judge_stored(stage_parts.table, partition)
        except TableError as error:
            failed[partition] = _explain_error(error)
        else:
            evaluations = evaluate_checks(context, verdict)
            yield from (evaluation for evaluation in evaluations if evaluation.check_name in selected_names)
    yield from _yield_check_outputs(context)
    if failed:
        raise _describe_failure(stage_parts, failed, of=len(partitions))


def _list_partitions_to_judge(stage_parts: _StageParts, context: dg.AssetExecutionContext) -> Sequence[str]:
    """The partitions of the run; all that have a table where it has none, as "Execute all" on a page of checks starts
    it.
    """
    if context.has_partition_key or context.has_partition_key_range:
        return context.partition_keys
    return getattr(context.resources, TABLES).list_partitions(stage_parts.name)


def _yield_check_outputs(context: dg.AssetExecutionContext) -> Iterator[dg.Output]:
    for check in sorted(context.selected_asset_check_keys):
        yield dg.Output(None, output_name=f"{check.asset_key.path[-1]}_{check.name}")


# ── in words ──────────────────────────────────────────────────────────────────────────────────


def _describe_failure(stage_parts: _StageParts, failed: Mapping[str, str], of: int) -> dg.Failure:
    lines = [f"- {partition}: {reason}" for partition, reason in failed.items()]
    return dg.Failure(
        "\n".join([f"{stage_parts.name}: {len(failed)} of {of} partitions failed", *lines]),
        metadata={"failed_partitions": dg.MetadataValue.json(dict(failed))},
        allow_retries=False,
    )


def _explain_error(error: Exception) -> str:
    return str(error) if isinstance(error, TableError | BrokenContractError) else f"{type(error).__name__}: {error}"


def _format_trace(error: Exception) -> str:
    if isinstance(error, TableError | BrokenContractError):
        return str(error)
    return "".join(traceback.format_exception(error))
