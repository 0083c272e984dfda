"""Backfills from a program: which runs there are, what is reported, and the night's run."""

import pytest
from evaluations import materialised
from toy_stages import Trouble

from funcdex_assets.orchestration.progress_listener import ProgressListener, ProgressLog


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
    assert {key: tuple(stages) for key, stages in outcome.made.items()} == {
        "p1": ("a", "b", "c"),
        "p3": ("a", "b", "c"),
    }


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


def test_a_long_stage_logs_how_far_it_is_and_passes_it_on():
    now, lines, diary = [0.0], [], Diary()
    log = ProgressLog(diary, lines.append, interval_s=10, clock=lambda: now[0])
    log.started("conversations", ["gmail"])
    for done, moment in ((1, 3.0), (2, 11.0), (3, 12.0), (4, 25.0), (5, 40.0)):
        now[0] = moment
        log.advanced("conversations", "gmail", done, 5)
    log.finished("conversations", "gmail", 5)
    assert lines == ["conversations of gmail: 2 of 5", "conversations of gmail: 4 of 5"]
    assert diary.lines == ["conversations of gmail", "conversations gmail: 5"]
