import asyncio
import subprocess
import sys
import time

import pytest

from funcdex_assets.inference import limits
from funcdex_assets.inference.limits import RateLimiter
from funcdex_assets.inference.protocol import InferenceError


@pytest.fixture(autouse=True)
def no_burst(monkeypatch):
    """So that the spacing shows at once; one test has its burst back."""
    monkeypatch.setattr(limits, "BURST_S", 0.0)


def limiter(path, key="box tiny", **rates):
    return RateLimiter(key, path / "limits.sqlite", **rates)


def let_through(*limiters, characters=0, max_tokens=0):
    """When each was let through, in seconds; they come in this order."""

    async def one(limiter):
        await limiter.book_request(characters=characters, max_tokens=max_tokens)
        return time.monotonic() - started

    async def all_of_them():
        return await asyncio.gather(*map(one, limiters))

    started = time.monotonic()
    return asyncio.run(all_of_them())


def test_without_limits_nobody_waits_and_there_is_no_file(tmp_path):
    assert max(let_through(*[limiter(tmp_path)] * 100)) < 0.1
    assert list(tmp_path.iterdir()) == []


def test_requests_are_let_through_in_order_and_evenly_spaced(tmp_path):
    times = let_through(*[limiter(tmp_path, requests_per_minute=1200)] * 6)
    assert times == sorted(times)
    assert 0.25 <= times[-1] < 1.5
    assert times[0] < 0.04


def test_a_seconds_worth_goes_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "BURST_S", 1.0)
    times = let_through(*[limiter(tmp_path, requests_per_minute=600)] * 12)
    assert times[9] < 0.09 < 0.15 < times[11]


def test_tokens_are_limited_by_what_is_expected_of_them(tmp_path):
    # 600 characters are 150 tokens, with an answer of 50 they are 0.2 s at 1,000 tokens a second.
    times = let_through(*[limiter(tmp_path, tokens_per_minute=60_000)] * 3, characters=600, max_tokens=50)
    assert times[0] < 0.1
    assert 0.2 <= times[1] < 0.4 <= times[2] < 1.2


@pytest.mark.parametrize(
    ("used", "waits"), [pytest.param(0, 0.0, id="nothing-was-used"), pytest.param(600, 0.6, id="more-was-used")]
)
def test_a_booking_is_corrected_by_what_was_used(tmp_path, used, waits):
    limited = limiter(tmp_path, tokens_per_minute=60_000)

    async def twice():
        booked = await limited.book_request(characters=0, max_tokens=200)
        limited.settle_booking(booked, used=used)
        started = time.monotonic()
        await limited.book_request(characters=0, max_tokens=200)
        return time.monotonic() - started

    assert waits - 0.05 <= asyncio.run(twice()) < waits + 0.5


def test_answers_are_expected_to_be_as_long_as_they_were(tmp_path):
    limited = limiter(tmp_path, tokens_per_minute=10**9)

    async def booked():
        return await limited.book_request(characters=400, max_tokens=2048)

    assert asyncio.run(booked()) == 100 + 2048
    limited.settle_booking(2148, used=140, completion_tokens=40)
    assert asyncio.run(booked()) == 100 + 40


@pytest.mark.parametrize(
    ("key", "shared"), [pytest.param("box tiny", True, id="same"), pytest.param("box large", False, id="another-model")]
)
def test_limiters_of_one_key_are_one_limit(tmp_path, key, shared):
    first, second = (limiter(tmp_path, name, requests_per_minute=120) for name in ("box tiny", key))
    times = let_through(first, second)
    assert (times[1] >= 0.45) is shared


WORKER = """
import asyncio, sys, time
from pathlib import Path
from funcdex_assets.inference import limits
limits.BURST_S = 0.0

async def main():
    limiter = limits.RateLimiter("box tiny", Path(sys.argv[1]), requests_per_minute=1200)
    async def one():
        await limiter.book_request(characters=0, max_tokens=0)
        print(time.time())
    await asyncio.gather(*(one() for _ in range(10)))

asyncio.run(main())
"""


def test_processes_share_a_limit_and_all_get_their_turn(tmp_path):
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(tmp_path / "limits.sqlite")], stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    times = sorted(float(line) for worker in workers for line in worker.communicate(timeout=30)[0].split())
    assert len(times) == 20
    assert times[-1] - times[0] >= 19 * 0.05 * 0.95


def test_a_pause_holds_everybody(tmp_path):
    first, second = (limiter(tmp_path, requests_per_minute=10**6) for _ in range(2))
    first.pause_requests(0.3)
    assert all(0.3 <= moment < 1.0 for moment in let_through(first, second))


def test_a_pause_without_limits_holds_the_process(tmp_path):
    limited = limiter(tmp_path)
    limited.pause_requests(0.2)
    assert 0.2 <= let_through(limited)[0] < 1.0


def test_who_gives_up_waiting_has_taken_nothing(tmp_path):
    limited = limiter(tmp_path, requests_per_minute=300)

    async def give_up():
        started = time.monotonic()
        await limited.book_request(characters=0, max_tokens=0)
        waiting = [asyncio.create_task(limited.book_request(characters=0, max_tokens=0)) for _ in range(4)]
        await asyncio.sleep(0.05)
        for task in waiting[:3]:
            task.cancel()
        await waiting[3]
        return time.monotonic() - started

    assert 0.19 <= asyncio.run(give_up()) < 0.39


def test_a_file_that_is_no_book_is_named(tmp_path):
    (tmp_path / "limits.sqlite").write_text("no database, " * 100)
    with pytest.raises(InferenceError, match=r"Cannot keep the rate limits in .*limits.sqlite: file is not a database"):
        limiter(tmp_path, requests_per_minute=1)
