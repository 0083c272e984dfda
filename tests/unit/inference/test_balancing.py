import asyncio
import threading
from collections import Counter
from itertools import count
from types import SimpleNamespace

import pytest
from virtual_time import VirtualClock

from funcdex_assets.inference import tries
from funcdex_assets.inference.balancing import BalancedEngine
from funcdex_assets.inference.openai_compatible import OpenAICompatibleEngine
from funcdex_assets.inference.protocol import ChatMessage, InferenceError, Request

pytestmark = pytest.mark.concurrent


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """Servers cool down for 1, 2, 4 … seconds of this clock, on which no time passes by itself."""
    clock = VirtualClock()
    monkeypatch.setattr(tries, "monotonic", clock.read_seconds)
    monkeypatch.setattr(tries, "random", lambda: 0.5)
    return clock


@pytest.fixture
def pauses_s(monkeypatch):
    """The pauses before retries, none of which is made."""
    pauses_s = []

    async def pause(seconds):
        pauses_s.append(seconds)

    monkeypatch.setattr(tries, "asyncio", SimpleNamespace(sleep=pause))
    return pauses_s


def request(seed=7):
    return Request("planner", None, lambda: (ChatMessage("user", "Plan it."),), seed)


def balanced(servers, model="tiny", concurrency=32, retries=3, limits_s=()):
    """`limits_s` are the timeouts of the first servers, if they are not to be very patient."""
    limits_s = (*limits_s, *[300] * (len(servers) - len(limits_s)))
    engines = [
        OpenAICompatibleEngine("vllm", model=model, base_url=server.base_url, timeout_s=limit_s)
        for server, limit_s in zip(servers, limits_s, strict=True)
    ]
    return BalancedEngine(engines, concurrency=concurrency, retries=retries)


def ask(engine, count):
    async def all_of_them():
        try:
            return await asyncio.gather(*(engine.complete(request(seed)) for seed in range(count)))
        finally:
            await engine.close()

    return asyncio.run(all_of_them())


def asked(servers):
    return [len(server.questions) for server in servers]


def test_the_least_busy_server_is_asked(servers, replies):
    others_done, quick = threading.Event(), count(1)

    def slow(_):
        others_done.wait()
        return replies.ok()

    def answer_at_once(_):
        if next(quick) == 58:
            others_done.set()
        return replies.ok()

    servers[0].otherwise = slow
    servers[1].otherwise = servers[2].otherwise = answer_at_once
    ask(balanced(servers, concurrency=6), 60)
    assert asked(servers)[0] == 2, "its share of the first six, and then the others were less busy"
    assert sum(asked(servers)) == 60


def test_concurrency_counts_over_all_servers(servers, replies):
    together, lock = threading.Barrier(4), threading.Lock()
    in_flight, most = 0, 0

    def answer_four_at_once(_):
        nonlocal in_flight, most
        with lock:
            in_flight += 1
            most = max(most, in_flight)
        together.wait()
        with lock:
            in_flight -= 1
        return replies.ok()

    for server in servers:
        server.otherwise = answer_four_at_once
    ask(balanced(servers, concurrency=4), 24)
    assert most == 4
    assert max(server.most_in_flight for server in servers) == 2


FAULTS = {
    "500": lambda r: r.failed(500, "boom"),
    "503-with-retry-after": lambda r: r.failed(503, "Loading model", retry_after="30"),
    "429-with-retry-after": lambda r: r.failed(429, "slow down", retry_after="30"),
    "429-with-a-wait-too-long": lambda r: r.failed(429, "slow down", retry_after="3600"),
    "hangs": lambda r: r.raw(hangs=True),
    "hangs-up": lambda r: r.raw(hang_up=True),
    "broken-json": lambda r: r.raw(body=b'{"choi'),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_fails_on_one_server_is_answered_by_another(servers, replies, pauses_s, fault):
    servers[0].otherwise = lambda _: FAULTS[fault](replies)
    completions = ask(balanced(servers, limits_s=[0.2] if fault == "hangs" else []), 20)
    assert [completion.text for completion in completions] == ["Fine."] * 20
    retries = sum(completion.retries for completion in completions)
    if fault == "hangs":  # on a busy machine, time may be up before the server has read the question
        assert retries >= max(1, len(servers[0].questions))
    else:
        assert retries == len(servers[0].questions) >= 1
    assert pauses_s == [], "nobody waits for a server while others are there"


def test_a_server_that_is_gone_is_left_out(servers):
    servers[0].stop()
    completions = ask(balanced(servers), 30)
    first = sum(completion.retries for completion in completions)
    assert 1 <= first <= 10, "only those that were sent before its failure was known"


def test_a_dead_server_is_tried_by_one_request_at_a_time_and_less_and_less(servers, replies, clock):
    servers[0].otherwise = lambda _: replies.failed(500, "boom")
    engine = balanced(servers[:2])
    failed_at = []

    async def ask_four_every_half_second():
        for round_number in range(40):
            before = len(servers[0].questions)
            await asyncio.gather(*(engine.complete(request(round_number * 10 + part)) for part in range(4)))
            failed_at.extend([round_number / 2] * (len(servers[0].questions) - before))
            clock.advance(0.5)
        await engine.close()

    asyncio.run(ask_four_every_half_second())
    assert failed_at == [0, 0, 2, 6, 14], "2 at first, then after 2, 4, 8 s"


def test_a_server_that_comes_back_is_used_again(servers, replies, clock):
    dead = True
    servers[0].otherwise = lambda _: replies.raw(hang_up=True) if dead else replies.ok()
    engine = balanced(servers[:2], concurrency=4)

    async def before_and_after():
        nonlocal dead
        await asyncio.gather(*(engine.complete(request(seed)) for seed in range(10)))
        failed = len(servers[0].questions)
        dead = False
        clock.advance(60)
        await asyncio.gather(*(engine.complete(request(seed)) for seed in range(10, 30)))
        await engine.close()
        return failed

    failed = asyncio.run(before_and_after())
    assert len(servers[0].questions) - failed >= 5


def test_when_all_are_down_the_retries_are_one_budget(servers, replies):
    for server in servers:
        server.otherwise = lambda _: replies.failed(500, "boom")
    with pytest.raises(InferenceError, match=r"failed \(HTTP 500 in 6 tries\): boom") as caught:
        ask(balanced(servers, retries=5), 1)
    assert caught.value.retryable
    assert caught.value.kind == "unavailable"
    assert sum(asked(servers)) == 6
    assert min(asked(servers)) == 2


def test_all_servers_die_and_come_back(servers, replies):
    tried = Counter()

    def fail_three_times(question):
        tried[question["seed"]] += 1
        return replies.raw(hang_up=True) if tried[question["seed"]] <= 3 else replies.ok()

    for server in servers:
        server.otherwise = fail_three_times
    completions = ask(balanced(servers, retries=4), 30)
    assert [(completion.text, completion.retries) for completion in completions] == [("Fine.", 3)] * 30


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        pytest.param(lambda r: r.failed(400, "maximum context length is 10"), "context", id="too-long"),
        pytest.param(lambda r: r.ok(None, refusal="No."), "refusal", id="refused"),
        pytest.param(lambda r: r.failed(400, "bad grammar"), "invalid", id="rejected"),
    ],
)
def test_what_no_server_can_answer_is_asked_once(servers, replies, reply, kind):
    for server in servers:
        server.otherwise = lambda _: reply(replies)
    with pytest.raises(InferenceError) as caught:
        ask(balanced(servers), 1)
    assert (caught.value.kind, sum(asked(servers))) == (kind, 1)


def probe(engine):
    async def probe_and_close():
        try:
            await engine.probe_servers()
        finally:
            await engine.close()

    asyncio.run(probe_and_close())


def test_a_server_that_is_dead_at_the_start_is_a_warning(servers, forced, caplog):
    for server in servers:
        server.otherwise = forced
    servers[1].stop()
    engine = balanced(servers)
    probe(engine)
    (warning,) = caplog.messages
    assert f"{servers[1].base_url} (model 'tiny') cannot be reached" in warning
    assert "left out until it answers" in warning
    assert asked(servers) == [2, 0, 2]


def test_if_all_are_dead_at_the_start_it_is_an_error(servers):
    for server in servers:
        server.stop()
    with pytest.raises(InferenceError, match="cannot be reached"):
        probe(balanced(servers))


def test_one_that_ignores_constraints_is_an_error(servers, forced):
    for server in servers[:2]:
        server.otherwise = forced
    with pytest.raises(InferenceError, match="ignored a grammar"):
        probe(balanced(servers))


def test_only_servers_of_one_model_stand_in_for_one_another(servers):
    engines = [
        OpenAICompatibleEngine("vllm", model=model, base_url=server.base_url)
        for model, server in zip(("tiny", "large"), servers, strict=False)
    ]
    with pytest.raises(ValueError, match="vllm:tiny and vllm:large cannot stand in"):
        BalancedEngine(engines)
