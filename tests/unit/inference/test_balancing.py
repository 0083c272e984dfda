import asyncio
import time

import pytest

from funcdex_assets.inference.balancing import BalancedEngine
from funcdex_assets.inference.openai_compatible import OpenAICompatibleEngine
from funcdex_assets.inference.protocol import ChatMessage, InferenceError, Request


@pytest.fixture(autouse=True)
def short_cool_down(monkeypatch):
    monkeypatch.setattr("funcdex_assets.inference.tries.FIRST_COOL_DOWN_S", 0.1)


def request(seed=7):
    return Request("planner", None, lambda: (ChatMessage("user", "Plan it."),), seed)


def balanced(servers, model="tiny", concurrency=32, retries=3, timeout_s=5.0):
    engines = [
        OpenAICompatibleEngine("vllm", model=model, base_url=server.base_url, timeout_s=timeout_s) for server in servers
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


def after(delay_s, reply):
    reply.delay_s = delay_s
    return reply


def test_the_least_busy_server_is_asked(servers, replies):
    servers[0].otherwise = lambda _: after(0.2, replies.ok())
    for quick in servers[1:]:
        quick.otherwise = lambda _: after(0.02, replies.ok())
    ask(balanced(servers, concurrency=6), 60)
    slow, *quick = asked(servers)
    assert slow < min(quick) / 2
    assert slow + sum(quick) == 60


def test_concurrency_counts_over_all_servers(servers, replies):
    for server in servers:
        server.otherwise = lambda _: after(0.03, replies.ok())
    ask(balanced(servers, concurrency=4), 24)
    assert sum(server.most_in_flight for server in servers) <= 6  # each server's own most, not at one moment
    assert max(server.most_in_flight for server in servers) <= 2


FAULTS = {
    "500": lambda r: r.failed(500, "boom"),
    "503-with-retry-after": lambda r: r.failed(503, "Loading model", retry_after="30"),
    "429-with-retry-after": lambda r: r.failed(429, "slow down", retry_after="30"),
    "429-with-a-wait-too-long": lambda r: r.failed(429, "slow down", retry_after="3600"),
    "hangs": lambda r: r.raw(delay_s=1.0, hang_up=True),
    "hangs-up": lambda r: r.raw(hang_up=True),
    "broken-json": lambda r: r.raw(body=b'{"choi'),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_what_fails_on_one_server_is_answered_by_another(servers, replies, fault):
    servers[0].otherwise = lambda _: fault(replies)
    started = time.monotonic()
    completions = ask(balanced(servers, timeout_s=0.4), 20)
    assert [completion.text for completion in completions] == ["Fine."] * 20
    assert sum(completion.retries for completion in completions) == len(servers[0].questions) >= 1
    assert time.monotonic() - started < 4, "nobody waits for a server while others are there"


def test_a_server_that_is_gone_is_left_out(servers):
    servers[0].stop()
    completions = ask(balanced(servers), 30)
    first = sum(completion.retries for completion in completions)
    assert 1 <= first <= 10, "only those that were sent before its failure was known"


def test_a_dead_server_is_tried_by_one_request_at_a_time_and_less_and_less(servers, replies):
    servers[0].otherwise = lambda _: replies.failed(500, "boom")
    engine = balanced(servers[:2])

    async def for_a_while():
        for seed in range(60):
            await asyncio.gather(*(engine.complete(request(seed * 10 + part)) for part in range(4)))
            await asyncio.sleep(0.02)
        await engine.close()

    asyncio.run(for_a_while())
    assert 3 <= len(servers[0].questions) <= 9, "2 at first, then after 0.1, 0.2, 0.4, 0.8 s"


def test_a_server_that_comes_back_is_used_again(servers, replies):
    dead = True
    servers[0].otherwise = lambda _: replies.raw(hang_up=True) if dead else replies.ok()
    engine = balanced(servers[:2], concurrency=4)

    async def before_and_after():
        nonlocal dead
        await asyncio.gather(*(engine.complete(request(seed)) for seed in range(10)))
        failed = len(servers[0].questions)
        dead = False
        await asyncio.sleep(0.6)
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
    dead_until = time.monotonic() + 0.3

    def flaky(_):
        return replies.raw(hang_up=True) if time.monotonic() < dead_until else replies.ok()

    for server in servers:
        server.otherwise = flaky
    completions = ask(balanced(servers, retries=20), 30)
    assert [completion.text for completion in completions] == ["Fine."] * 30


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
