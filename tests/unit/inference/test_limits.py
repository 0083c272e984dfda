import asyncio
import subprocess
import sys
from itertools import pairwise

import pytest
from virtual_time import VirtualClock

from funcdex_assets.inference import limits
from funcdex_assets.inference.limits import RateLimiter
from funcdex_assets.inference.protocol import InferenceError


@pytest.fixture(autouse=True)
def no_burst(monkeypatch):
    """So that the spacing shows at once; one test has its burst back."""
    monkeypatch.setattr(limits, "BURST_S", 0.0)


@pytest.fixture
def clock(monkeypatch):
    """Requests that wait for nothing but the limit come at the moments that the limit gives them, with no delay."""
    clock = VirtualClock()
    for name in ("time", "monotonic"):
        monkeypatch.setattr(limits, name, clock.read_seconds)
    monkeypatch.setattr(limits, "random", lambda: 0.0)
    return clock


def limiter(path, key="box tiny", **rates):
    return RateLimiter(key, path / "limits.sqlite", **rates)


def moments(*expected):
    return pytest.approx(list(expected), abs=1e-4)


def let_through(clock, *limiters, characters=0, max_tokens=0):
    """When each was let through, in seconds; they come in this order."""
    started = clock.now

    async def book(limiter):
        await limiter.book_request(characters=characters, max_tokens=max_tokens)
        return clock.now - started

    async def book_all():
        return await asyncio.gather(*map(book, limiters))

    return clock.run(book_all())


def test_without_limits_nobody_waits_and_there_is_no_file(tmp_path, clock):
    assert let_through(clock, *[limiter(tmp_path)] * 100) == [0.0] * 100
    assert list(tmp_path.iterdir()) == []


def test_requests_are_let_through_in_order_and_evenly_spaced(tmp_path, clock):
    times = let_through(clock, *[limiter(tmp_path, requests_per_minute=1200)] * 6)
    assert times == moments(0, 0.05, 0.1, 0.15, 0.2, 0.25)


def test_a_seconds_worth_goes_at_once(tmp_path, monkeypatch, clock):
    monkeypatch.setattr(limits, "BURST_S", 1.0)
    times = let_through(clock, *[limiter(tmp_path, requests_per_minute=600)] * 12)
    assert times == moments(*[0.0] * 10, 0.1, 0.2)


def test_tokens_are_limited_by_what_is_expected_of_them(tmp_path, clock):
    # 600 characters are 150 tokens, with an answer of 50 they are 0.2 s at 1,000 tokens a second.
    limited = limiter(tmp_path, tokens_per_minute=60_000)
    assert let_through(clock, *[limited] * 3, characters=600, max_tokens=50) == moments(0, 0.2, 0.4)


@pytest.mark.parametrize(
    ("used", "waits"), [pytest.param(0, 0.0, id="nothing-was-used"), pytest.param(600, 0.6, id="more-was-used")]
)
def test_a_booking_is_corrected_by_what_was_used(tmp_path, clock, used, waits):
    limited = limiter(tmp_path, tokens_per_minute=60_000)

    async def book_twice():
        booked = await limited.book_request(characters=0, max_tokens=200)
        limited.settle_booking(booked, used=used)
        started = clock.now
        await limited.book_request(characters=0, max_tokens=200)
        return clock.now - started

    assert clock.run(book_twice()) == pytest.approx(waits, abs=1e-4)


def test_answers_are_expected_to_be_as_long_as_they_were(tmp_path):
    limited = limiter(tmp_path, tokens_per_minute=10**9)

    async def booked():
        return await limited.book_request(characters=400, max_tokens=2048)

    assert asyncio.run(booked()) == 100 + 2048
    limited.settle_booking(2148, used=140, completion_tokens=40)
    assert asyncio.run(booked()) == 100 + 40


@pytest.mark.parametrize(
    ("key", "second_at"), [pytest.param("box tiny", 0.5, id="same"), pytest.param("box large", 0.0, id="another-model")]
)
def test_limiters_of_one_key_are_one_limit(tmp_path, clock, key, second_at):
    first, second = (limiter(tmp_path, name, requests_per_minute=120) for name in ("box tiny", key))
    assert let_through(clock, first, second) == moments(0, second_at)


WORKER = """
import asyncio, sys
from pathlib import Path
from funcdex_assets.inference import limits
limits.BURST_S = 0.0
looks, read_time = [], limits.time  # the last look at the clock before a request goes is that of its booking
limits.time = lambda: looks.append(read_time()) or looks[-1]

async def main():
    limiter = limits.RateLimiter("box tiny", Path(sys.argv[1]), requests_per_minute=1200)
    for _ in range(10):
        await limiter.book_request(characters=0, max_tokens=0)
        print(repr(looks[-1]), flush=True)

asyncio.run(main())
"""


@pytest.mark.concurrent
def test_processes_share_a_limit_and_all_get_their_turn(tmp_path):
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(tmp_path / "limits.sqlite")], stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    booked = sorted(float(line) for worker in workers for line in worker.communicate()[0].split())
    assert len(booked) == 20
    assert min(later - earlier for earlier, later in pairwise(booked)) >= 0.05 - 1e-6


def test_a_pause_holds_everybody(tmp_path, clock):
    first, second = (limiter(tmp_path, requests_per_minute=10**6) for _ in range(2))
    first.pause_requests(0.3)
    assert let_through(clock, first, second) == moments(0.3, 0.3 + 60 / 10**6)


def test_a_pause_without_limits_holds_the_process(tmp_path, clock):
    limited = limiter(tmp_path)
    limited.pause_requests(0.2)
    assert let_through(clock, limited) == moments(0.2)


def test_who_gives_up_waiting_has_taken_nothing(tmp_path, clock):
    limited = limiter(tmp_path, requests_per_minute=300)

    async def give_up():
        started = clock.now
        await limited.book_request(characters=0, max_tokens=0)
        waiting = [asyncio.create_task(limited.book_request(characters=0, max_tokens=0)) for _ in range(4)]
        await asyncio.sleep(0.05)
        for task in waiting[:3]:
            task.cancel()
        await waiting[3]
        return clock.now - started

    assert clock.run(give_up()) == pytest.approx(0.2, abs=1e-4)


def test_a_file_that_is_no_book_is_named(tmp_path):
    (tmp_path / "limits.sqlite").write_text("no database, " * 100)
    with pytest.raises(InferenceError, match=r"Cannot keep the rate limits in .*limits.sqlite: file is not a database"):
        limiter(tmp_path, requests_per_minute=1)
