"""Named jobs, one for each purpose, and the nightly schedule. Add a job here; what a stage does belongs in `assets/`.

    generate_dataset      everything up to the dataset and its reports
    prepare_scenarios     tool_definitions … deduplicated_scenarios
    converse              personas … conversations
    score_and_publish     system_prompts … the dataset and its release
    train_models          training_tokens … models and their evaluation, of the datasets there are

A failed partition needs no job: its run goes on with the others, and the UI backfills what failed.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import dagster as dg

from funcdex_assets.orchestration.dagster_private import NOT_FINISHED_STATUSES, UnresolvedAssetJobDefinition
from funcdex_assets.orchestration.partitions import list_registered, tag_range
from funcdex_assets.orchestration.resource_keys import SETTINGS
from funcdex_assets.orchestration.stage import EXECUTOR
from funcdex_assets.settings.section import SettingsError
from funcdex_assets.settings.settings import Nightly, Settings, load_settings

GENERATE_DATASET = "generate_dataset"
TRAIN_MODELS = "train_models"
TRAINING_GROUP = "training"
"""The group of the stages that need the extra `train`, which no job that makes datasets selects."""
NIGHT_TAG = "funcdex/night"
"""The tag of a run that has the date of its night."""


def build_jobs(
    assets: Sequence[dg.AssetsDefinition], key_prefix: Sequence[str] = ()
) -> dict[str, UnresolvedAssetJobDefinition]:
    """The jobs over these assets, by purpose; a key prefix also begins their names: `acme_generate_dataset`."""
    training = dg.AssetSelection.assets(*filter(_is_of_training, assets))
    every = dg.AssetSelection.assets(*(asset for asset in assets if not _is_of_training(asset)))
    scenarios = dg.AssetSelection.assets(dg.AssetKey([*key_prefix, "deduplicated_scenarios"])).upstream() & every
    conversations = dg.AssetSelection.assets(dg.AssetKey([*key_prefix, "conversations"])).upstream() & every
    described: Mapping[str, tuple[dg.AssetSelection, str]] = {
        GENERATE_DATASET: (every, "Every stage, from tool definitions to the released dataset."),
        "prepare_scenarios": (scenarios, "From tool definitions to scenarios that differ."),
        "converse": (conversations - scenarios, "Personas, plans and conversations of the scenarios there are."),
        "score_and_publish": (every - conversations, "Judges the conversations there are and publishes them."),
        TRAIN_MODELS: (training, "Tokens of the datasets there are, models trained on them, and how well they call."),
    }
    return {
        purpose: dg.define_asset_job(
            qualify_name(purpose, key_prefix), selection, description=description, executor_def=EXECUTOR
        )
        for purpose, (selection, description) in described.items()
    }


def _is_of_training(asset: dg.AssetsDefinition) -> bool:
    return set(asset.group_names_by_key.values()) == {TRAINING_GROUP}


def qualify_name(name: str, key_prefix: Sequence[str]) -> str:
    """The name of a job, schedule or sensor under a key prefix.

    >>> qualify_name("converse", ("acme",))
    'acme_converse'
    """
    return "_".join((*key_prefix, name))


def build_nightly_schedule(
    settings: Settings, job: UnresolvedAssetJobDefinition, key_prefix: Sequence[str] = ()
) -> dg.ScheduleDefinition:
    """One run over all registered partitions with a seed of that night, so that each night adds new scenarios.

    Each tick reads the settings anew: what has changed since the code location was loaded takes effect, or the tick
    says what it needs.
    """
    loaded = settings.nightly
    zone = ZoneInfo(loaded.time_zone)

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
        try:
            now = load_settings(settings.file)
        except (SettingsError, OSError) as error:
            return dg.SkipReason(str(error))
        if change := describe_nightly_change(loaded, now.nightly):
            return dg.SkipReason(change)
        partitions = list_registered(context.instance)
        if not partitions:
            return dg.SkipReason("No partition is registered; start the sensor watch_toolkits, or run `funcdex dev`")
        night = (context.scheduled_execution_time or datetime.now(UTC)).astimezone(zone)
        date = f"{night:%Y-%m-%d}"
        if earlier := _find_run_of_night(context.instance, date):
            return dg.SkipReason(
                f"The night of {date} is made by run {earlier[:8]}; two ticks of one date are one night"
            )
        return dg.RunRequest(
            run_key=f"night-{date}",
            run_config={"resources": {SETTINGS: {"config": {"seed": night_seed(now.seed, night)}}}},
            tags={**tag_range(partitions), NIGHT_TAG: date},
        )

    return nightly_schedule


def describe_nightly_change(loaded: Nightly, now: Nightly) -> str | None:
    """Says why the schedule, as it was loaded, does not fit the settings as they are now; None if it does.

    A schedule that was switched on by hand goes on, although the file does not ask for it.

    >>> describe_nightly_change(Nightly(enabled=True), Nightly(enabled=False))
    'nightly.enabled is false by now'
    """
    if loaded.enabled and not now.enabled:
        return "nightly.enabled is false by now"
    changed = [name for name in ("cron", "time_zone") if getattr(loaded, name) != getattr(now, name)]
    if changed:
        values = ", ".join(f"nightly.{name} is {getattr(now, name)!r} by now" for name in changed)
        return f"{values}; reload the code location (Deployment, Reload), so that the schedule ticks accordingly"
    return None


def _find_run_of_night(instance: dg.DagsterInstance, date: str) -> str | None:
    """The run of that night that is not over, or ended well."""
    statuses = [*NOT_FINISHED_STATUSES, dg.DagsterRunStatus.SUCCESS]
    runs = instance.get_runs(dg.RunsFilter(tags={NIGHT_TAG: date}, statuses=statuses), limit=1)
    return runs[0].run_id if runs else None


FOLLOWS_PARTITIONS = (
    dg.AutomationCondition.any_deps_updated().since_last_handled()
    & ~dg.AutomationCondition.any_deps_in_progress()
    & ~dg.AutomationCondition.in_progress()
).with_label("after the partitions")
"""The condition under which an asset over all partitions is made: one of them is new, and none is being made."""


def build_release_sensor(key_prefix: Sequence[str] = ()) -> dg.AutomationConditionSensorDefinition:
    """The sensor by which the release over all partitions follows a backfill of the UI by itself."""
    followers = [dg.AssetKey([*key_prefix, name]) for name in ("dataset_release", "release_report")]
    return dg.AutomationConditionSensorDefinition(
        qualify_name("release_follows_partitions", key_prefix),
        target=dg.AssetSelection.assets(*followers),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Makes the release over all partitions, and its report, once there are new datasets and no "
        "partition is being made.",
    )


def night_seed(base: int, night: datetime) -> int:
    """The settings' seed, moved by the date: the same night has the same seed again.

    >>> night_seed(42, datetime(2026, 11, 21))
    20261163
    """
    return base + int(f"{night:%Y%m%d}")
