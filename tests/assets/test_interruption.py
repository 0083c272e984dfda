"""Ctrl-C and termination: at every event of a run they end it cleanly, and the same command then goes on."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import dagster as dg
import pytest

from funcdex_assets.inference.offline import OfflineEngine
from funcdex_assets.orchestration import run_partitions
from funcdex_assets.orchestration.asking import run_metered
from funcdex_assets.orchestration.dagster_private import checking_while_steps_wait, execute_run
from funcdex_assets.orchestration.interruption import (
    Interruption,
    check_interruption,
    current_interruption,
    pause_work,
    run_interruptibly,
)
from funcdex_assets.orchestration.lineage_lock import FileLineageLock, Owner
from funcdex_assets.orchestration.progress_listener import ProgressListener

STAGES, PARTITIONS = ("a", "b", "c"), ("p1", "p2")
EVENTS = [
    "planned",
    *(
        event
        for stage in STAGES
        for event in (f"{stage} begins", *(f"{stage} {partition}" for partition in PARTITIONS))
    ),
]
"""What a listener hears of a run over all stages and partitions, in order."""
LAST = EVENTS[-1]


class SignalAt(ProgressListener):
    """Sends the process a signal at one event, and goes on once the wish was heard."""

    def __init__(self, event: str | None, number: int = signal.SIGINT) -> None:
        self.heard: list[str] = []
        self._event, self._number = event, number

    def planned(self, runs):
        self._hear("planned")

    def started(self, stage, partitions):
        self._hear(f"{stage} begins")

    def finished(self, stage, partition, rows):
        self._hear(f"{stage} {partition}")

    def _hear(self, event: str) -> None:
        self.heard.append(event)
        if event == self._event:
            send_signal(self._number)


def send_signal(number: int = signal.SIGINT) -> None:
    requested = threading.Event()
    with current_interruption().reacting(requested.set):
        os.kill(os.getpid(), number)
        requested.wait()


def run_with(backfill, listener: ProgressListener, reports: list[int] | None = None):
    heard = [] if reports is None else reports
    return run_interruptibly(lambda: backfill(PARTITIONS, progress=listener), heard.append)


def test_the_events_are_those_of_a_run(backfill):
    listener = SignalAt(None)
    outcome, number = run_with(backfill, listener)
    assert (listener.heard, number, outcome.success) == (EVENTS, None, True)


@pytest.mark.parametrize(
    ("event", "number"), [*((event, signal.SIGINT) for event in EVENTS), ("b p1", signal.SIGTERM)], ids=str
)
def test_a_signal_at_any_event_ends_the_run_and_the_next_one_goes_on(backfill, instance, tables, event, number):
    listener, reports = SignalAt(event, number), []
    outcome, ended_by = run_with(backfill, listener, reports)
    assert (ended_by, reports) == (number, [number])
    begun = listener.heard[: EVENTS.index(event) + 1]
    assert listener.heard == begun, "nothing is started afterwards"
    if event == LAST:  # it was done
        assert outcome.success
    else:
        assert outcome.interrupted
        assert not outcome.failed
        assert outcome.error is None
    statuses = [instance.get_run_by_id(run).status for run in outcome.runs]
    if event != "planned":
        assert statuses == [dg.DagsterRunStatus.SUCCESS if event == LAST else dg.DagsterRunStatus.CANCELED]
    else:
        assert statuses == []

    assert backfill(PARTITIONS).success
    assert {(stage, partition) for stage in STAGES for partition in tables.list_partitions(stage)} == {
        (stage, partition) for stage in STAGES for partition in PARTITIONS
    }
    assert tables.read_frame("c", "p2")["number"].to_list() == [0, 4]


def test_a_signal_between_the_creation_of_a_run_and_its_beginning_cancels_it(backfill, instance, monkeypatch):
    def execute_late(*arguments):
        send_signal()
        return execute_run(*arguments)

    monkeypatch.setattr(run_partitions, "execute_run", execute_late)
    outcome, _ = run_with(backfill, SignalAt(None))
    assert instance.get_run_by_id(outcome.runs[0]).status == dg.DagsterRunStatus.CANCELED
    assert outcome.interrupted
    assert outcome.error is None


IGNORING = """
import signal, sys, threading
from funcdex_assets.orchestration.interruption import run_interruptibly
def work():
    print("there", flush=True)
    sys.stdin.read()
print(run_interruptibly(work, lambda number: print("asked", number, flush=True)))
"""


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT], ids=["nohup", "background of a script"])
def test_a_signal_that_the_process_was_started_to_ignore_is_ignored(number: int):
    process = subprocess.Popen(
        [sys.executable, "-c", IGNORING],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=partial(signal.signal, number, signal.SIG_IGN),
    )
    assert process.stdout.readline() == "there\n"
    process.send_signal(number)
    assert process.communicate("")[0] == "(None, None)\n"


def test_a_pause_between_two_tries_ends_with_the_signal():
    def wait_long() -> None:
        threading.Thread(target=partial(os.kill, os.getpid(), signal.SIGINT)).start()
        pause_work(600)

    assert run_interruptibly(wait_long, lambda _: None) == (None, signal.SIGINT)


def test_signals_are_heard_as_before_once_the_work_is_done():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    assert run_interruptibly(lambda: "done", print) == ("done", None)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_an_error_of_the_work_is_raised():
    def fail() -> None:
        raise ValueError("no such stage")

    with pytest.raises(ValueError, match="no such stage"):
        run_interruptibly(fail, print)


def test_what_waits_for_a_model_is_cancelled():
    async def wait_for_ever(*_: object) -> None:
        threading.Thread(target=partial(os.kill, os.getpid(), signal.SIGINT)).start()
        await asyncio.Event().wait()

    work = partial(run_metered, OfflineEngine({}), wait_for_ever, "conversations", "gmail", 1)
    assert run_interruptibly(work, lambda _: None) == (None, signal.SIGINT)


def test_what_waits_for_a_lock_gives_up(tmp_path: Path):
    lock = FileLineageLock(tmp_path)

    def wait_for_the_lock() -> None:
        def report_wait(*_: object) -> None:
            send_signal()
            check_interruption()

        with lock.hold(["gmail"], Owner("me", "a test"), report_wait):
            raise AssertionError("the lock is held")

    with lock.hold(["gmail"], Owner("other", "another"), print):
        assert run_interruptibly(wait_for_the_lock, lambda _: None) == (None, signal.SIGINT)


def test_a_run_that_waits_for_a_pool_gives_up(instance):
    storage = instance.event_log_storage
    storage.set_concurrency_slots("toy_pool", 1)
    assert storage.claim_concurrency_slot("toy_pool", "another run", "a").is_claimed

    @dg.asset(pool="toy_pool")
    def pooled() -> None:
        raise AssertionError("the pool is full")

    def send_and_check() -> None:
        send_signal()
        check_interruption()

    def wait_for_the_pool() -> None:
        with checking_while_steps_wait(send_and_check):
            dg.materialize([pooled], instance=instance)

    try:
        assert run_interruptibly(wait_for_the_pool, lambda _: None) == (None, signal.SIGINT)
    finally:
        storage.free_concurrency_slots_for_run("another run")


def test_a_wish_before_the_reaction_is_reacted_to_at_once():
    interruption, reactions = Interruption(), []
    interruption.request(signal.SIGTERM)
    with interruption.reacting(partial(reactions.append, "late")):
        assert reactions == ["late"]


STUBBORN = """
import threading
from funcdex_assets.orchestration.interruption import run_interruptibly
def work():
    print("there", flush=True)
    threading.Event().wait()
run_interruptibly(work, lambda number: print("asked", number, flush=True))
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "terminate"])
def test_a_second_signal_ends_the_process(number: int, code: int):
    process = subprocess.Popen([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "there\n"
    process.send_signal(number)
    assert process.stdout.readline() == f"asked {number}\n"
    process.send_signal(number)
    assert process.wait() == code


def test_preparations_are_over_before_a_checkpoint_can_notice():
    interruption, seen = Interruption(), []

    def prepare() -> None:
        noticed = threading.Event()
        threading.Thread(target=lambda: (seen.append(interruption.number), noticed.set())).start()
        noticed.wait()

    with interruption.preparing(prepare), interruption.reacting(lambda: seen.append(interruption.number)):
        interruption.request(signal.SIGINT)
    assert seen == [None, signal.SIGINT]
