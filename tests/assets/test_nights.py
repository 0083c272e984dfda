"""The nightly schedule: what a tick asks for, and what it says when the settings have changed since it was loaded."""

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
import toy_stages

from funcdex_assets.definitions import build_definitions
from funcdex_assets.orchestration.jobs import GENERATE_DATASET, NIGHT_TAG, build_jobs, build_nightly_schedule
from funcdex_assets.orchestration.partitions import PARTITIONS, register_partitions
from funcdex_assets.orchestration.toolkit_sensor import build_toolkit_sensor
from funcdex_assets.settings.settings import Settings, load_settings

AT = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
"""Half past midnight in Berlin, when it is still the 20th in UTC."""
TOOLKITS = "toolkits: [gmail, jira]\nbundles: [jira_gmail]\nseed: 42\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_settings(tmp_path, "{enabled: true, time_zone: Europe/Berlin}")


def write_settings(folder: Path, nightly: str) -> Path:
    path = folder / "funcdex.yaml"
    path.write_text(f"{TOOLKITS}nightly: {nightly}\n")
    return path


def build_schedule(settings: Settings) -> dg.ScheduleDefinition:
    return build_nightly_schedule(settings, build_jobs([toy_stages.a])[GENERATE_DATASET])


def tick(schedule: dg.ScheduleDefinition, instance: dg.DagsterInstance, at: datetime = AT):
    with dg.build_schedule_context(instance=instance, scheduled_execution_time=at) as context:
        return schedule.evaluate_tick(context)


@pytest.mark.parametrize(
    ("enabled", "status"),
    [("false", dg.DefaultScheduleStatus.STOPPED), ("true", dg.DefaultScheduleStatus.RUNNING)],
    ids=["off by default", "on when enabled"],
)
def test_the_night_is_one_run_over_all_partitions_with_its_own_seed(no_partitions, tmp_path, enabled, status):
    settings = load_settings(write_settings(tmp_path, f"{{enabled: {enabled}, time_zone: Europe/Berlin}}"))
    schedule = build_schedule(settings)
    assert (schedule.cron_schedule, schedule.default_status) == ("0 2 * * *", status)
    assert "No partition is registered" in tick(schedule, no_partitions).skip_message
    register_partitions(no_partitions, settings)
    no_partitions.add_dynamic_partitions(PARTITIONS.name, ["acme"])  # one that came after the code was loaded
    (request,) = tick(schedule, no_partitions).run_requests
    assert request.run_key == "night-2026-11-21"
    assert request.run_config == {"resources": {"funcdex_settings": {"config": {"seed": 42 + 20261121}}}}
    assert request.tags["dagster/asset_partition_range_start"] == "gmail"
    assert request.tags["dagster/asset_partition_range_end"] == "acme"


@pytest.mark.parametrize(
    ("status", "asked"),
    [
        pytest.param(dg.DagsterRunStatus.STARTED, 0, id="while the first is made"),
        pytest.param(dg.DagsterRunStatus.SUCCESS, 0, id="after it was made"),
        pytest.param(dg.DagsterRunStatus.FAILURE, 1, id="but a night that failed is tried again"),
    ],
)
def test_two_ticks_of_one_date_are_one_night(no_partitions, project, status, asked):
    settings = load_settings(project)
    register_partitions(no_partitions, settings)
    schedule = build_schedule(settings)
    (request,) = tick(schedule, no_partitions).run_requests
    night = {NIGHT_TAG: request.tags[NIGHT_TAG]}
    run = no_partitions.create_run_for_job(toy_stages.toy(), tags=night, status=status)
    again = tick(schedule, no_partitions, AT.replace(minute=45))
    assert len(again.run_requests or ()) == asked
    if not asked:
        assert "night of 2026-11-21" in again.skip_message
        assert run.run_id[:8] in again.skip_message
    (next_night,) = tick(schedule, no_partitions, AT.replace(day=21)).run_requests
    assert next_night.tags[NIGHT_TAG] == "2026-11-22"
    no_partitions.delete_run(run.run_id)


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        pytest.param("{enabled: false, time_zone: Europe/Berlin}", "nightly.enabled is false by now", id="off"),
        pytest.param(
            "{enabled: true, time_zone: Europe/Berlin, cron: '0 5 * * *'}",
            "nightly.cron is '0 5 * * *' by now; reload the code location",
            id="another hour",
        ),
        pytest.param("{enabled: true, time_zone: UTC}", "nightly.time_zone is 'UTC' by now", id="another zone"),
        pytest.param("{enabled: true, cron: x}", "must be a cron line of five fields", id="a line that is wrong"),
    ],
)
def test_a_change_of_the_settings_takes_effect_or_is_told(no_partitions, project, now, reason):
    settings = load_settings(project)
    register_partitions(no_partitions, settings)
    schedule = build_schedule(settings)
    write_settings(project.parent, now)
    assert reason in tick(schedule, no_partitions).skip_message


def test_a_schedule_that_was_switched_on_by_hand_goes_on(no_partitions, tmp_path):
    settings = load_settings(write_settings(tmp_path, "{enabled: false}"))
    register_partitions(no_partitions, settings)
    assert tick(build_schedule(settings), no_partitions).run_requests


def test_the_sensor_says_what_a_changed_schedule_needs(no_partitions, tmp_path):
    project = write_settings(tmp_path, "{enabled: false}")
    nightly = load_settings(project).nightly
    sensor = build_toolkit_sensor(project, build_jobs([toy_stages.a])[GENERATE_DATASET], nightly=nightly)
    write_settings(tmp_path, "{enabled: true}")
    result = sensor(dg.build_sensor_context(instance=no_partitions))
    assert "nightly.enabled is true by now; reload the code location" in result.skip_reason.skip_message


@pytest.mark.parametrize(
    ("nightly", "hours"),
    [("{enabled: true}", 30), ("{enabled: true, cron: '0 2 * * mon-fri'}", 78), ("{enabled: false}", None)],
    ids=["every night", "on weekdays", "never"],
)
def test_the_release_is_stale_when_a_night_was_missed(tmp_path, nightly, hours):
    graph = build_definitions(load_settings(write_settings(tmp_path, nightly))).resolve_asset_graph()
    policy = graph.get(dg.AssetKey("dataset_release")).freshness_policy
    assert (policy and policy.fail_window.to_timedelta().total_seconds() / 3600) == hours
    assert graph.get(dg.AssetKey("dataset")).freshness_policy is None
