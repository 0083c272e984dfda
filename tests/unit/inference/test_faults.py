"""What `benchmarks/faults.py` promises, on a small scale; and that it notices a promise that is broken."""

from itertools import count

import faults
import pytest
from faults import MIX, Killed, Outcome, Played, Scenario, Size
from mock_endpoint import Report, Script, Tally, mock_endpoint

SMALL = Size(conversations=4, concurrency=3, latency_s=0.005, timeout_s=300)
pytestmark = pytest.mark.concurrent
DIES = Script(dies_at=20, dead_s=0.3)
DIES_UNTIL_A_RUN_HAS_STOPPED = Script(dies_at=20, dead_s=None)
OFTEN = {fault: 2 * share for fault, share in MIX.items()}  # so that each happens in so few requests


@pytest.fixture(scope="module")
def mock():
    with mock_endpoint() as endpoint:
        yield endpoint


@pytest.mark.parametrize(
    ("scenario", "happened"),
    [
        pytest.param(Scenario("", Script(), all_finish=True), set(), id="undisturbed"),
        pytest.param(Scenario("", Script(faults=OFTEN, retry_after_s=0), all_finish=True), set(MIX), id="mix"),
        pytest.param(
            Scenario("", Script(faults={"rate_limited": 0.1}), all_finish=True), {"rate_limited"}, id="asked-to-wait"
        ),
        pytest.param(Scenario("", Script(faults={"cut": 0.2}), all_finish=True), {"cut"}, id="cut"),
        pytest.param(Scenario("", Script(faults={"truncated": 0.2})), {"truncated"}, id="truncated"),
        pytest.param(Scenario("", DIES, all_finish=True), set(), id="dies-and-comes-back"),
        pytest.param(
            Scenario("", DIES_UNTIL_A_RUN_HAS_STOPPED, all_finish=True, retries=0),
            set(),
            id="dies-for-longer-than-a-run-waits",
        ),
        pytest.param(Scenario("", Script(faults={"garbage": 1}), none_finish=True), {"garbage"}, id="only-garbage"),
        pytest.param(
            Scenario("", Script(faults={"server_error": 1}), none_finish=True, retries=2),
            {"server_error"},
            id="only-500",
        ),
        pytest.param(
            Scenario("", Script(faults={"truncated": 1}), none_finish=True), {"truncated"}, id="only-truncated"
        ),
        pytest.param(
            Scenario("", Script(faults={"garbage": 1}), none_finish=True, strategy="one_shot"),
            {"garbage"},
            id="only-garbage-at-one-shot",
        ),
    ],
)
def test_no_promise_is_broken(mock, scenario, happened):
    outcome = faults.face(mock, scenario, SMALL)
    assert outcome.broken == []
    assert set(outcome.report.faults) == happened
    assert outcome.report.asked > 0


@pytest.mark.parametrize(
    "size",
    [
        pytest.param(SMALL, id="simulate"),
        pytest.param(Size(12, concurrency=2, latency_s=0.005, timeout_s=300, strategy="one_shot"), id="one-shot"),
    ],
)
def test_a_killed_run_goes_on_where_it_was(mock, size):
    outcome = faults.kill_and_resume(mock, size, {})
    assert outcome.broken == []
    assert 0 < outcome.journaled < len(outcome.report.requests)


def test_without_a_journal_it_is_noticed_that_answers_are_paid_for_twice(mock, monkeypatch):
    engine_at, runs = faults.engine_at, count()
    monkeypatch.setattr(
        faults, "engine_at", lambda url, path, size: engine_at(url, path.with_name(f"{next(runs)}.sqlite"), size)
    )
    outcome = faults.face(mock, Scenario("", DIES_UNTIL_A_RUN_HAS_STOPPED, all_finish=True, retries=0), SMALL)
    assert outcome.runs > 1
    assert any("were paid for twice" in promise for promise in outcome.broken)


def test_another_conversation_than_the_undisturbed_one_is_noticed(mock, monkeypatch):
    expected, replies = faults.undisturbed(SMALL)
    changed = {plan: messages[:-1] for plan, messages in expected.items()}
    monkeypatch.setattr(faults, "undisturbed", lambda size: (changed, replies))
    (promise,) = faults.face(mock, Scenario("", Script()), SMALL).broken
    assert promise.startswith("4 finished conversations differ from the undisturbed ones")


def books(asked: int = 1, answered: int = 1, **others: int) -> Report:
    return Report({"a": Tally(asked, answered), "b": Tally(1, 1)}, **others)


DONE = Played({"p": ()})


@pytest.mark.parametrize(
    ("outcome", "scenario", "said"),
    [
        pytest.param(Outcome("", 1, DONE, books()), Scenario("", Script(), all_finish=True), [], id="kept"),
        pytest.param(
            Outcome("", 2, DONE, books()), Scenario("", Script()), ["1 of 2 conversations are neither"], id="lost"
        ),
        pytest.param(
            Outcome("", 2, Played({"p": ()}, ["refusal: no"]), books()),
            Scenario("", Script(), all_finish=True),
            ["only 1 of 2 conversations finished: refusal: no"],
            id="rejected-where-all-should-finish",
        ),
        pytest.param(
            Outcome("", 1, Played(rejected=[""]), books()), Scenario("", Script()), ["without a reason"], id="no-reason"
        ),
        pytest.param(
            Outcome("", 1, DONE, books(asked=2, answered=2)),
            Scenario("", Script()),
            ["paid for twice"],
            id="paid-twice",
        ),
        pytest.param(Outcome("", 1, DONE, books(unknown=1)), Scenario("", Script()), ["never made"], id="other-prompt"),
        pytest.param(Outcome("", 1, DONE, books(early=1)), Scenario("", Script()), ["Retry-After"], id="impatient"),
        pytest.param(
            Outcome("", 1, DONE, books(most_in_flight=4)), Scenario("", Script()), ["in flight"], id="too-many-at-once"
        ),
        pytest.param(
            Outcome("", 1, DONE, books(asked=99)),
            Scenario("", Script(), none_finish=True),
            ["never valid", "made for nothing"],
            id="endless",
        ),
    ],
)
def test_a_broken_promise_is_named(outcome, scenario, said):
    promises = faults.broken_promises(scenario, outcome, {"p": ()}, SMALL)
    assert len(promises) == len(said)
    assert all(words in promise for words, promise in zip(said, promises, strict=True))


@pytest.mark.parametrize(
    ("journaled", "said"),
    [
        pytest.param(1, [], id="what-was-missing"),
        pytest.param(2, ["1 requests were asked again, but 0 were missing"], id="what-was-journaled"),
    ],
)
def test_what_is_asked_again_must_have_been_missing(journaled, said):
    report = Report({"a": Tally(2, 1), "b": Tally(1, 1), "c": Tally(1, 1)})
    before = Report({"a": Tally(1, 0), "b": Tally(1, 1)})
    outcome = Killed("", 1, DONE, report, runs=2, before=before, journaled=journaled)
    assert [
        promise[: len(words)] for promise, words in zip(faults.forgotten(outcome, SMALL), said, strict=True)
    ] == said
