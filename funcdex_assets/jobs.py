"""Which stages are run together, and when: a job per purpose, and the night.

    generate_dataset      everything
    prepare_scenarios     tool_definitions … deduplicated_scenarios
    converse              personas … conversations
    score_and_publish     system_prompts … the dataset and its release

A failed partition needs no job: its run goes on with the others, and the UI backfills what failed.
"""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import dagster as dg

from funcdex_assets.backfill import range_tags
from funcdex_assets.partitions import registered
from funcdex_assets.settings import Settings

_all = dg.AssetSelection.all()
_scenarios = dg.AssetSelection.assets("deduplicated_scenarios").upstream()
_conversations = dg.AssetSelection.assets("conversations").upstream()

generate_dataset = dg.define_asset_job(
    "generate_dataset", _all, description="Every stage, from tool definitions to the released dataset."
)
prepare_scenarios = dg.define_asset_job(
    "prepare_scenarios", _scenarios, description="From tool definitions to scenarios that differ."
)
converse = dg.define_asset_job(
    "converse",
    _conversations - _scenarios,
    description="Personas, plans and conversations of the scenarios there are.",
)
score_and_publish = dg.define_asset_job(
    "score_and_publish",
    _all - _conversations,
    description="Judges the conversations there are and publishes them.",
)

JOBS = (generate_dataset, prepare_scenarios, converse, score_and_publish)


def nightly(settings: Settings) -> dg.ScheduleDefinition:
    """One run over all registered partitions with a seed of that night, so that each night adds new scenarios."""
    zone = ZoneInfo(settings.nightly.time_zone)

    @dg.schedule(
        name="nightly",
        job=generate_dataset,
        cron_schedule=settings.nightly.cron,
        execution_timezone=settings.nightly.time_zone,
        description="Regenerates every partition with the night's own seed.",
        default_status=(
            dg.DefaultScheduleStatus.RUNNING if settings.nightly.enabled else dg.DefaultScheduleStatus.STOPPED
        ),
    )
    def nightly_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        partitions = registered(context.instance)
        if not partitions:
            return dg.SkipReason("No partition is registered; run python -m funcdex_assets.partitions")
        night = (context.scheduled_execution_time or datetime.now(UTC)).astimezone(zone)
        return dg.RunRequest(
            run_key=f"night-{night:%Y-%m-%d}",
            run_config={"resources": {"settings": {"config": {"seed": night_seed(settings.seed, night)}}}},
            tags=range_tags(partitions),
        )

    return nightly_schedule


def night_seed(base: int, night: datetime) -> int:
    """The settings' seed, moved by the date: the same night has the same seed again.

    >>> night_seed(42, datetime(2026, 11, 21))
    20261163
    """
    return base + int(f"{night:%Y%m%d}")
