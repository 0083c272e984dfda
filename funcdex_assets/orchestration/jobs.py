"""Named jobs, one for each purpose, and the nightly schedule. Add a job here; what a stage does belongs in `assets/`.

    generate_dataset      everything
    prepare_scenarios     tool_definitions … deduplicated_scenarios
    converse              personas … conversations
    score_and_publish     system_prompts … the dataset and its release

A failed partition needs no job: its run goes on with the others, and the UI backfills what failed.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import dagster as dg

from funcdex_assets.orchestration.dagster_private import UnresolvedAssetJobDefinition
from funcdex_assets.orchestration.partitions import list_registered, tag_range
from funcdex_assets.orchestration.resource_keys import SETTINGS
from funcdex_assets.orchestration.stage import EXECUTOR
from funcdex_assets.settings.settings import Settings

GENERATE_DATASET = "generate_dataset"


def build_jobs(
    assets: Sequence[dg.AssetsDefinition], key_prefix: Sequence[str] = ()
) -> dict[str, UnresolvedAssetJobDefinition]:
    """The jobs over these assets, by purpose; a key prefix also begins their names: `acme_generate_dataset`."""
    every = dg.AssetSelection.assets(*assets)
    scenarios = dg.AssetSelection.assets(dg.AssetKey([*key_prefix, "deduplicated_scenarios"])).upstream() & every
    conversations = dg.AssetSelection.assets(dg.AssetKey([*key_prefix, "conversations"])).upstream() & every
    described: Mapping[str, tuple[dg.AssetSelection, str]] = {
        GENERATE_DATASET: (every, "Every stage, from tool definitions to the released dataset."),
        "prepare_scenarios": (scenarios, "From tool definitions to scenarios that differ."),
        "converse": (conversations - scenarios, "Personas, plans and conversations of the scenarios there are."),
        "score_and_publish": (every - conversations, "Judges the conversations there are and publishes them."),
    }
    return {
        purpose: dg.define_asset_job(
            qualify_name(purpose, key_prefix), selection, description=description, executor_def=EXECUTOR
        )
        for purpose, (selection, description) in described.items()
    }


def qualify_name(name: str, key_prefix: Sequence[str]) -> str:
    """The name of a job, schedule or sensor under a key prefix.

    >>> qualify_name("converse", ("acme",))
    'acme_converse'
    """
    return "_".join((*key_prefix, name))


def build_nightly_schedule(
    settings: Settings, job: UnresolvedAssetJobDefinition, key_prefix: Sequence[str] = ()
) -> dg.ScheduleDefinition:
    """One run over all registered partitions with a seed of that night, so that each night adds new scenarios."""
    zone = ZoneInfo(settings.nightly.time_zone)

    @dg.schedule(
        name=qualify_name("nightly", key_prefix),
        job=job,
        cron_schedule=settings.nightly.cron,
        execution_timezone=settings.nightly.time_zone,
        description="Regenerates every partition with the night's own seed.",
        default_status=(
            dg.DefaultScheduleStatus.RUNNING if settings.nightly.enabled else dg.DefaultScheduleStatus.STOPPED
        ),
    )
    def nightly_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        partitions = list_registered(context.instance)
        if not partitions:
            return dg.SkipReason("No partition is registered; start the sensor watch_toolkits, or run `funcdex dev`")
        night = (context.scheduled_execution_time or datetime.now(UTC)).astimezone(zone)
        return dg.RunRequest(
            run_key=f"night-{night:%Y-%m-%d}",
            run_config={"resources": {SETTINGS: {"config": {"seed": night_seed(settings.seed, night)}}}},
            tags=tag_range(partitions),
        )

    return nightly_schedule


def night_seed(base: int, night: datetime) -> int:
    """The settings' seed, moved by the date: the same night has the same seed again.

    >>> night_seed(42, datetime(2026, 11, 21))
    20261163
    """
    return base + int(f"{night:%Y%m%d}")
