"""Plays conversations against a failing endpoint, and kills runs, to see that none is lost or paid for twice.

    python benchmarks/faults.py [conversations]

Real conversations are played over HTTP against the mock endpoint, which says what the offline engine said
in the same place, so that every finished conversation must equal the undisturbed one. One row is printed
per scenario, with what was planned, finished, rejected and lost, and what it took; a promise that is broken
is named, and makes the exit status 1:

- nothing is lost: a conversation is finished, or rejected with a reason, or the run stops with the reason
  and goes on from its journal;
- nothing is paid for twice, but for what was in flight when the run or the endpoint died;
- an endpoint that never gives anything valid is asked a bounded number of times.
"""

import asyncio
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Literal

import msgspec
from mock_endpoint import Fault, MockEndpoint, Reply, Report, Script, mock_endpoint, prompt_key
from pipeline import cast_of

from funcdex_assets.dialogue.participants import Participants
from funcdex_assets.inference.journal import list_journal_entries
from funcdex_assets.inference.offline import OfflineEngine
from funcdex_assets.inference.protocol import Completion, InferenceEngine, InferenceError, Request
from funcdex_assets.records.message import Message
from funcdex_assets.resources.assembly import assemble_engine
from funcdex_assets.roles.improvisations import IMPROVISATIONS
from funcdex_assets.roles.role import ATTEMPTS
from funcdex_assets.settings.generation import Generation
from funcdex_assets.settings.inference import Inference
from funcdex_assets.settings.settings import load_settings
from funcdex_assets.strategies.strategy import converse_all, select_strategy

_OWN = load_settings(Path(__file__).parents[1] / "funcdex.yaml")
SETTINGS = _OWN.model_copy(  # long conversations, so that something is in flight whenever a fault strikes
    update={"generation": _OWN.generation.model_copy(update={"kinds": {"multi_step": 1}})}
)
PARTITION = "gmail_googledrive"
MIX: dict[Fault, float] = {"rate_limited": 0.10, "server_error": 0.05, "broken_json": 0.02}
MAX_RUNS = 6
Messages = tuple[Message, ...]
Strategy = Literal["simulate", "one_shot"]


class Size(msgspec.Struct, frozen=True):
    """Size of a run: conversations and strategy, and the client's concurrency, timeout and retries."""

    conversations: int = 60
    concurrency: int = 32
    latency_s: float = 0.05
    timeout_s: float = 2.0
    retries: int = 6
    strategy: Strategy = "simulate"


class Played(msgspec.Struct):
    """Result of a run: messages by plan, reasons of the rejected, and the reason if the run stopped."""

    finished: dict[str, Messages] = {}
    rejected: list[str] = []
    stopped: str | None = None


@dataclass(frozen=True)
class Scenario:
    """A script of faults and the promise that is checked.

    `all_finish`: no fault may cost a conversation; `none_finish`: the endpoint never answers with anything valid.

    `retries` are the client's, if not the usual ones.
    """

    name: str
    script: Script
    all_finish: bool = False
    none_finish: bool = False
    retries: int | None = None
    strategy: Strategy = "simulate"


@dataclass
class Outcome:
    """A scenario's last run, the endpoint's report and the promises that were broken."""

    name: str
    planned: int
    played: Played
    report: Report
    runs: int = 1
    took_s: float = 0.0
    broken: list[str] = field(default_factory=list)

    @property
    def lost(self) -> int:
        """Conversations that are neither finished nor rejected."""
        return self.planned - len(self.played.finished) - len(self.played.rejected)


def _faulty(fault: Fault, share: float = 0.2) -> Script:
    """Builds the script of an endpoint that plays one fault on a share of the tries."""
    return Script(faults={fault: share})


SCENARIOS = (
    Scenario("undisturbed", Script(), all_finish=True),
    Scenario("20 % HTTP 429", _faulty("rate_limited"), all_finish=True),
    Scenario("20 % HTTP 500", _faulty("server_error"), all_finish=True),
    Scenario("20 % hang", _faulty("hang"), all_finish=True),
    Scenario("20 % cut connections", _faulty("cut"), all_finish=True),
    Scenario("20 % broken JSON", _faulty("broken_json"), all_finish=True),
    Scenario("20 % truncated", _faulty("truncated")),
    Scenario("20 % refusals", _faulty("refusal")),
    Scenario("10 % 429, 5 % 500, 2 % broken", Script(faults=MIX), all_finish=True),
    Scenario("dies for 3 s", Script(dies_at=150, dead_s=3), all_finish=True),
    Scenario("dies until the client has given up", Script(dies_at=150, dead_s=None), all_finish=True, retries=1),
    Scenario("always garbage", _faulty("garbage", 1), none_finish=True),
    Scenario("always HTTP 500", _faulty("server_error", 1), none_finish=True, retries=2),
    Scenario("always truncated", _faulty("truncated", 1), none_finish=True),
    Scenario("always refusals", _faulty("refusal", 1), none_finish=True),
    Scenario("one_shot, 10 % 429, 5 % 500, 2 % broken", Script(faults=MIX), all_finish=True, strategy="one_shot"),
    Scenario("one_shot, always garbage", _faulty("garbage", 1), none_finish=True, strategy="one_shot"),
    Scenario("one_shot, always truncated", _faulty("truncated", 1), none_finish=True, strategy="one_shot"),
)


# ── one run ───────────────────────────────────────────────────────────────────────────────────


@cache
def _cast(count: int) -> list[Participants]:
    return asyncio.run(cast_of(SETTINGS, PARTITION, count))


def play(size: Size, make_engine: Callable[[], InferenceEngine]) -> Played:
    """Plays all conversations once; an `InferenceError` stops the run and is its reason."""
    cast, strategy = _cast(size.conversations), select_strategy(Generation(strategy=size.strategy))

    async def run(engine: InferenceEngine) -> Played:
        try:
            results = await converse_all(cast, engine, strategy, SETTINGS.seed)
        finally:
            await engine.close()
        return Played(
            {result.plan_id: result.messages for result in results if result.failure is None},
            [
                result.failure.text and f"{result.failure.rule}: {result.failure.text}"
                for result in results
                if result.failure is not None
            ],
        )

    try:
        return asyncio.run(run(make_engine()))
    except InferenceError as error:
        return Played(stopped=str(error))


def engine_at(base_url: str, journal: Path, size: Size) -> InferenceEngine:
    """Builds the client of the mock endpoint, with a journal and practically no rate limits."""
    inference = Inference(
        profile="vllm",
        base_url=base_url,
        model="mock",
        concurrency=size.concurrency,
        timeout_s=size.timeout_s,
        retries=size.retries,
        requests_per_minute=10**7,
        tokens_per_minute=10**11,
    )
    return assemble_engine(inference, journal)


class Recorder:
    """The offline engine, which records its replies by prompt and seed."""

    name = "offline"

    def __init__(self) -> None:
        self._engine = OfflineEngine(IMPROVISATIONS)
        self.replies: dict[str, dict[int, Reply]] = {}

    async def complete(self, request: Request) -> Completion:
        completion = await self._engine.complete(request)
        key = prompt_key(msgspec.to_builtins(request.messages))
        self.replies.setdefault(key, {})[request.seed & 0x7FFFFFFF] = Reply(completion.text)
        return completion

    async def close(self) -> None:
        """Holds nothing."""


@cache
def undisturbed(size: Size) -> tuple[dict[str, Messages], dict[str, dict[int, Reply]]]:
    """Returns the expected conversations by plan, and the replies that the endpoint needs for them."""
    recorder = Recorder()
    return play(size, lambda: recorder).finished, recorder.replies


# ── scenarios ─────────────────────────────────────────────────────────────────────────────────


def face(mock: MockEndpoint, scenario: Scenario, size: Size) -> Outcome:
    """Plays all conversations; a run that stops goes on with its journal as soon as the endpoint is there again."""
    retries = size.retries if scenario.retries is None else scenario.retries
    size = msgspec.structs.replace(size, strategy=scenario.strategy, retries=retries)
    expected, replies = undisturbed(size)
    known_replies = None if scenario.none_finish else replies
    most_faults = retries if scenario.all_finish else None  # otherwise all tries of one request may fail by chance
    script = msgspec.structs.replace(scenario.script, latency_s=size.latency_s, most_faults=most_faults)
    mock.play(msgspec.structs.replace(script, replies=known_replies))
    began, runs, played = time.perf_counter(), 0, Played(stopped="not begun")
    with tempfile.TemporaryDirectory() as folder:
        while played.stopped and runs < (1 if scenario.none_finish else MAX_RUNS):
            if runs and scenario.script.dead_s is None:
                mock.go_on()
            while mock.report().dead and runs:
                time.sleep(0.01)
            runs += 1
            played = play(size, lambda: engine_at(mock.base_url, Path(folder) / "journal.sqlite", size))
    outcome = Outcome(scenario.name, len(expected), played, mock.report(), runs, time.perf_counter() - began)
    outcome.broken = broken_promises(scenario, outcome, expected, size)
    return outcome


def broken_promises(scenario: Scenario, outcome: Outcome, expected: dict[str, Messages], size: Size) -> list[str]:
    """Describes each promise that an outcome breaks."""
    crashes = 0 if scenario.script.dies_at is None else 1
    breaks = outcome.runs - 1 + crashes
    return [*_broken(outcome, expected, size, breaks), *_unexpected(scenario, outcome, size)]


def _broken(outcome: Outcome, expected: dict[str, Messages], size: Size, breaks: int) -> Iterator[str]:
    """Describes the broken promises that hold in every scenario.

    `breaks` is the number of times that requests in flight were cut off.
    """
    played, report = outcome.played, outcome.report
    if outcome.lost and not played.stopped:
        yield f"{outcome.lost} of {outcome.planned} conversations are neither finished nor rejected"
    if not all(played.rejected):
        yield "a conversation was rejected without a reason"
    changed = [plan for plan, messages in played.finished.items() if messages != expected[plan]]
    if changed:
        yield f"{len(changed)} finished conversations differ from the undisturbed ones, first that of plan {changed[0]}"
    if report.answered_again > size.concurrency * breaks:
        yield f"{report.answered_again} answers were paid for twice, with at most {size.concurrency * breaks} cut off"
    if report.unknown:
        yield f"{report.unknown} requests were made that the undisturbed run never made"
    if report.early:
        yield f"{report.early} tries came before the Retry-After that they had been given"
    if report.most_in_flight > size.concurrency:
        yield f"{report.most_in_flight} requests were in flight, more than {size.concurrency}"


def _unexpected(scenario: Scenario, outcome: Outcome, size: Size) -> Iterator[str]:
    """Describes the broken promises of this scenario."""
    played = outcome.played
    if scenario.all_finish and len(played.finished) < outcome.planned:
        reason = played.stopped or next(iter(played.rejected), "no reason")
        yield f"only {len(played.finished)} of {outcome.planned} conversations finished: {reason}"
    elif played.stopped and not scenario.none_finish:
        yield f"{outcome.runs} runs have stopped, the last one because {played.stopped}"
    if scenario.none_finish:
        if played.finished:
            yield f"{len(played.finished)} conversations finished on answers that were never valid"
        # Of each conversation at most one line is accepted before a role gives up.
        bound = outcome.planned * (2 * ATTEMPTS + size.retries)
        if outcome.report.asked > bound:
            yield f"{outcome.report.asked} requests were made for nothing, more than {bound}"


@dataclass
class Killed(Outcome):
    """Outcome of a killed and resumed run.

    `before` is the endpoint's report at the kill, `journaled` the number of answers in the journal then.
    """

    before: Report = field(default_factory=Report)
    journaled: int = 0

    @property
    def asked_again(self) -> int:
        """Requests that were asked before the kill and again after it."""
        return sum(self.report.requests[key].asked > tally.asked for key, tally in self.before.requests.items())


def kill_and_resume(mock: MockEndpoint, size: Size, faults: dict[Fault, float]) -> Killed:
    """Kills a run with `kill -9` when half of all answers are given, then runs the same command again."""
    expected, replies = undisturbed(size)
    half = sum(map(len, replies.values())) // 2
    script = Script(latency_s=size.latency_s, retry_after_s=0, faults=faults, most_faults=size.retries, stalls_at=half)
    mock.play(msgspec.structs.replace(script, replies=replies))
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        journal, result = Path(folder) / "journal.sqlite", Path(folder) / "played.json"
        play_arguments = [mock.base_url, str(journal), str(result), msgspec.json.encode(size).decode()]
        command = [sys.executable, __file__, "--play", *play_arguments]
        process = subprocess.Popen(command)
        while mock.report().answered < half and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        mock.read_what_was_sent()
        while mock.report().in_flight:
            time.sleep(0.01)
        before = mock.report()
        mock.go_on()
        journaled = sum(entry.requests for entry in list_journal_entries(journal))
        subprocess.run(command, check=True)
        played = msgspec.json.decode(result.read_bytes(), type=Played)
    name = f"{'one_shot, ' if size.strategy == 'one_shot' else ''}kill -9 at half, resumed" + (
        ", with the mix" if faults else ""
    )
    took = time.perf_counter() - began
    outcome = Killed(name, len(expected), played, mock.report(), 2, took, before=before, journaled=journaled)
    outcome.broken = [*_broken(outcome, expected, size, breaks=1), *forgotten(outcome, size)]
    return outcome


def forgotten(outcome: Killed, size: Size) -> Iterator[str]:
    """Describes the broken promises of a resumed run: requests asked again that were in the journal."""
    if len(outcome.played.finished) < outcome.planned:
        yield f"only {len(outcome.played.finished)} of {outcome.planned} conversations finished"
    missing = len(outcome.before.requests) - outcome.journaled
    if not 0 < outcome.journaled < len(outcome.report.requests):
        yield f"the kill came too early or too late: {outcome.journaled} answers were in the journal"
    if outcome.asked_again != missing:
        yield f"{outcome.asked_again} requests were asked again, but {missing} were missing in the journal"
    if outcome.asked_again > size.concurrency:
        yield f"{outcome.asked_again} requests were asked again, more than the {size.concurrency} in flight"


# ── the command ───────────────────────────────────────────────────────────────────────────────


def _show(outcome: Outcome) -> None:
    """Prints the row of an outcome, its most frequent reasons and its broken promises."""
    report, played = outcome.report, outcome.played
    retries = report.asked - len(report.requests)
    counts = (outcome.planned, len(played.finished), len(played.rejected), 0 if played.stopped else outcome.lost)
    took = (outcome.runs, len(report.requests), report.answered, retries, report.answered_again)
    print(f"{outcome.name:<52}" + "".join(f"{count:>10}" for count in (*counts, *took)) + f"{outcome.took_s:>8.1f}")
    if isinstance(outcome, Killed):
        print(
            f"    before the kill {len(outcome.before.requests)} requests were asked, {outcome.before.answered} "
            f"answered, {outcome.journaled} in the journal; {outcome.asked_again} were asked again"
        )
    if played.stopped:
        print(f"    the run stopped: {played.stopped}")
    for reason, count in Counter(played.rejected).most_common(2):
        print(f"    {count} × {reason}")
    for promise in outcome.broken:
        print(f"    BROKEN: {promise}")


def main() -> None:
    if sys.argv[1:2] == ["--play"]:
        base_url, journal, result, size_text = sys.argv[2:]
        size = msgspec.json.decode(size_text, type=Size)
        played = play(size, lambda: engine_at(base_url, Path(journal), size))
        Path(result).write_bytes(msgspec.json.encode(played))
        return
    size = Size(int(sys.argv[1])) if len(sys.argv) > 1 else Size()
    columns = ("planned", "finished", "rejected", "lost", "runs", "requests", "answered", "retries", "twice")
    print(f"{PARTITION}, at concurrency {size.concurrency}, {size.latency_s * 1000:.0f} ms\n")
    print(" " * 52 + "".join(f"{column:>10}" for column in columns) + f"{'s':>8}")
    broken = 0
    with mock_endpoint() as mock:
        outcomes: list[Callable[[], Outcome]] = [partial(face, mock, scenario, size) for scenario in SCENARIOS]
        outcomes += [partial(kill_and_resume, mock, size, faults) for faults in ({}, MIX)]
        at_once = msgspec.structs.replace(size, strategy="one_shot", concurrency=8)
        outcomes.append(partial(kill_and_resume, mock, at_once, {}))
        for outcome in (happen() for happen in outcomes):
            _show(outcome)
            broken += len(outcome.broken)
    if broken:
        sys.exit(f"{broken} promises are broken")


if __name__ == "__main__":
    main()
