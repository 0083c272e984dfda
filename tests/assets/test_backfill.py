"""Backfills from a program: which runs there are, what is reported, and the night's run."""

from datetime import UTC, datetime

import dagster as dg
import pytest
import toy_stages
from evaluations import materialised
from toy_stages import Trouble

from funcdex_assets.orchestration.partitions import PARTITIONS, register_partitions
from funcdex_assets.orchestration.progress_listener import ProgressListener
from funcdex_assets.settings.settings import Settings


class Diary(ProgressListener):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def started(self, stage, partitions):
        self.lines.append(f"{stage} of {' '.join(partitions)}")

    def finished(self, stage, partition, rows):
        self.lines.append(f"{stage} {partition}: {rows}")

    def failed(self, stage, partition, reason):
        self.lines.append(f"{stage} {partition} failed: {reason}")


def test_progress_is_told_as_it_happens(backfill, trouble: Trouble):
    trouble.make("b", "p2", "raise")
    diary = Diary()
    backfill(("p1", "p2"), progress=diary)
    assert diary.lines == [
        "a of p1 p2",
        "a p1: 2",
        "a p2: 2",
        "b of p1 p2",
        "b p1: 2",
        "b p2 failed: RuntimeError: no luck with p2",
        "c of p1 p2",
        "c p2 failed: held back, because b was not made",
        "c p1: 2",
    ]


def test_neighbours_share_a_run_and_others_have_their_own(backfill, instance):
    outcome = backfill(("p4", "p1", "p2"), ("a",))
    assert [materialised(instance, run) for run in outcome.runs] == [
        {("a", "p1"), ("a", "p2")},
        {("a", "p4")},
    ]


def test_assets_without_partitions_come_last_and_once(backfill, instance):
    outcome = backfill(("p1", "p3"), ("a", "b", "c", "everything"))
    assert len(outcome.runs) == 3
    assert materialised(instance, outcome.runs[-1]) == {("everything", None)}
    assert outcome.made == {"p1": ("a", "b", "c"), "p3": ("a", "b", "c")}


def test_nothing_is_printed(backfill, trouble: Trouble, capfd):
    trouble.make("b", "p2", "raise")
    backfill()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("partitions", "selection", "message"),
    [
        pytest.param(("p9",), ("a",), "Unknown partition p9; there are p1, p2", id="partition"),
        pytest.param(("p1",), ("z",), "Unknown stage z; there are a, b, c", id="stage"),
    ],
)
def test_an_unknown_name_is_refused(backfill, partitions, selection, message):
    with pytest.raises(ValueError, match=message):
        backfill(partitions, selection)


def test_an_error_that_is_no_partitions_fault_is_reported(backfill, monkeypatch):
    monkeypatch.delenv("FUNCDEX_TOY_HOME")
    outcome = backfill()
    assert not outcome.success
    assert "FUNCDEX_TOY_HOME" in outcome.error


@pytest.mark.parametrize(
    ("enabled", "status"),
    [(False, dg.DefaultScheduleStatus.STOPPED), (True, dg.DefaultScheduleStatus.RUNNING)],
    ids=["off by default", "on when enabled"],
)
def test_the_night_is_one_run_over_all_partitions_with_its_own_seed(no_partitions, enabled, status):
    from funcdex_assets.orchestration.jobs import GENERATE_DATASET, build_jobs, build_nightly_schedule

    settings = Settings(
        toolkits=("gmail", "jira"),
        bundles=("jira_gmail",),
        seed=42,
        nightly={"enabled": enabled, "time_zone": "Europe/Berlin"},
    )
    schedule = build_nightly_schedule(settings, build_jobs([toy_stages.a])[GENERATE_DATASET])
    assert (schedule.cron_schedule, schedule.default_status) == ("0 2 * * *", status)
    # Half past midnight in Berlin, when it is still the 20th in UTC.
    at = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
    with dg.build_schedule_context(instance=no_partitions, scheduled_execution_time=at) as context:
        assert "No partition is registered" in schedule.evaluate_tick(context).skip_message
        register_partitions(no_partitions, settings)
        no_partitions.add_dynamic_partitions(PARTITIONS.name, ["acme"])  # one that came after the code was loaded
        (request,) = schedule.evaluate_tick(context).run_requests
    assert request.run_key == "night-2026-11-21"
    assert request.run_config == {"resources": {"funcdex_settings": {"config": {"seed": 42 + 20261121}}}}
    assert request.tags["dagster/asset_partition_range_start"] == "gmail"
    assert request.tags["dagster/asset_partition_range_end"] == "acme"
