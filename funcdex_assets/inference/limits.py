"""Keeps the rate limits that all workers share: requests and tokens per minute of one model on one server.

The decision when a request may be sent belongs here; its estimated tokens are corrected afterwards by the server's
own count. The state of a limit is two instants in a small SQLite file, which the processes of a machine share.
Without limits there is no file, and only a server's `Retry-After` delays requests: the one that was refused, and all
others once the server refuses several in a row without an answer between.

The method is the generic cell rate algorithm: each request moves the instant at which the limit is free again by its
own share of a minute, and may be sent while that instant is at most `BURST_S` ahead. So a minute sees at most the
limit and one second's worth more.

    limiter = RateLimiter("http://gpu-box:8000/v1 qwen3", path, requests_per_minute=600)
    booked = await limiter.acquire(characters=4000, max_tokens=512)
    ...                                    # ask
    limiter.settle_booking(booked, used=1312)
"""

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import random
from time import monotonic, time
from weakref import WeakKeyDictionary

from funcdex_assets.inference import wal
from funcdex_assets.inference.protocol import InferenceError

BURST_S = 1.0
REFUSALS_THAT_PAUSE = 3
"""A single refusal may be accidental; this many in a row, with no answer between, mean that a limit is reached."""
CHARACTERS_PER_TOKEN = 4  # an estimate for English text, corrected by the server's own count

SCHEMA = """
CREATE TABLE IF NOT EXISTS limits (
    key TEXT PRIMARY KEY,
    requests_free_at REAL NOT NULL,
    tokens_free_at REAL NOT NULL,
    paused_until REAL NOT NULL
) WITHOUT ROWID
"""


class RateLimiter:
    """Lets requests through one after the other, first come, first served within an event loop.

    Waiting can be cancelled; nothing is booked before the wait is over. `key` names server and model; limiters of
    the same `key` and `path` are one limit.
    """

    def __init__(
        self,
        key: str = "",
        path: Path | None = None,
        *,
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
    ) -> None:
        self._shared_limit: _SharedLimit | None = None
        if path is not None and (requests_per_minute or tokens_per_minute):
            self._shared_limit = _SharedLimit(
                path, key, 60 / (requests_per_minute or 1e12), 60 / (tokens_per_minute or 1e12)
            )
        self._paused_until = 0.0
        self._refusals = 0
        self._answer_tokens: float | None = None  # a running mean
        self._turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()

    async def book_request(self, *, characters: int, max_tokens: int) -> int:
        """Waits until the request may be sent; returns the tokens booked for it, for `settle_booking`."""
        while (wait := self._paused_until - monotonic()) > 0:
            # Spread, so that a server that asked for a pause does not get all requests at its end.
            await asyncio.sleep(wait + random() * min(1.0, 0.1 * wait))
        if self._shared_limit is None:
            return 0
        tokens = characters // CHARACTERS_PER_TOKEN + min(max_tokens, round(self._answer_tokens or max_tokens))
        loop = asyncio.get_running_loop()
        turn_lock = self._turns.get(loop)
        if turn_lock is None:
            turn_lock = self._turns[loop] = asyncio.Lock()
        async with turn_lock:
            while (wait := self._shared_limit.try_to_book(tokens)) > 0:
                await asyncio.sleep(wait + 0.002 * random())  # processes that wait for the same instant take turns
        return tokens

    def settle_booking(self, booked: int, *, used: int, completion_tokens: int = 0) -> None:
        """Corrects a booking to the tokens that were `used`, of which `answered` belong to the completion."""
        if self._shared_limit is None:
            return
        if completion_tokens:
            self._answer_tokens = (
                completion_tokens
                if self._answer_tokens is None
                else 0.9 * self._answer_tokens + 0.1 * completion_tokens
            )
        self._shared_limit.add_correction(used - booked)

    def note_refusal(self, seconds: float) -> None:
        """Notes that the server asked one request to wait; after several in a row, all requests wait."""
        self._refusals += 1
        if self._refusals >= REFUSALS_THAT_PAUSE:
            self.pause_requests(seconds)

    def note_answer(self) -> None:
        """Notes an answer, which shows that earlier refusals did not come from a limit."""
        self._refusals = 0

    def pause_requests(self, seconds: float) -> None:
        """Delays all requests of this limit by `seconds` from now, those of other processes too if it has a file."""
        self._paused_until = max(self._paused_until, monotonic() + seconds)
        if self._shared_limit is not None:
            self._shared_limit.pause_requests(seconds)

    def write_corrections(self) -> None:
        """Writes the corrections that are not written yet."""
        if self._shared_limit is not None:
            self._shared_limit.write_correction()


class _SharedLimit:
    """The shared state of one limit. A transaction takes some tens of microseconds, so it may block the event loop."""

    def __init__(self, path: Path, key: str, request_s: float, token_s: float) -> None:
        self._path = path
        self._key = key
        self._request_s = request_s
        self._token_s = token_s
        # One request uses up its share of the burst: with few requests per minute, they are evenly spaced.
        self._request_burst_s = max(0.0, BURST_S - request_s)
        self._correction = 0
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = wal.connect_in_wal_mode(path, timeout_s=10, autocommit=True)
            self._connection.execute("PRAGMA synchronous = OFF")  # losing the limits in a power loss does no harm
            self._connection.execute(SCHEMA)
            self._connection.execute("INSERT OR IGNORE INTO limits VALUES (?, 0, 0, 0)", (key,))
        except (OSError, sqlite3.Error) as error:
            raise self._unusable_file_error(error) from error

    def try_to_book(self, tokens: int) -> float:
        """Books the request and returns 0, or returns the seconds until it may be booked."""
        with self._open_transaction() as connection:
            # Read within the transaction: before it, the time could be earlier than that of the previous booking.
            now = time()
            requests_at, tokens_at, paused_until = connection.execute(
                "SELECT requests_free_at, tokens_free_at, paused_until FROM limits WHERE key = ?", (self._key,)
            ).fetchone()
            tokens_at = max(now, tokens_at) + self._take_correction() * self._token_s
            wait = max(requests_at - now - self._request_burst_s, tokens_at - now - BURST_S, paused_until - now)
            if wait <= 0:
                requests_at = max(now, requests_at) + self._request_s
                tokens_at += tokens * self._token_s
            connection.execute(
                "UPDATE limits SET requests_free_at = ?, tokens_free_at = ? WHERE key = ?",
                (requests_at, tokens_at, self._key),
            )
        return max(0.0, wait)

    def add_correction(self, tokens: int) -> None:
        with self._lock:
            self._correction += tokens

    def write_correction(self) -> None:
        with self._open_transaction() as connection:
            connection.execute(
                "UPDATE limits SET tokens_free_at = tokens_free_at + ? WHERE key = ?",
                (self._take_correction() * self._token_s, self._key),
            )

    def pause_requests(self, seconds: float) -> None:
        with self._open_transaction() as connection:
            connection.execute(
                "UPDATE limits SET paused_until = max(paused_until, ?) WHERE key = ?", (time() + seconds, self._key)
            )

    def _take_correction(self) -> int:
        correction, self._correction = self._correction, 0
        return correction

    @contextmanager
    def _open_transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._lock, self._connection:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
        except sqlite3.Error as error:
            raise self._unusable_file_error(error) from error

    def _unusable_file_error(self, error: Exception) -> InferenceError:
        return InferenceError(
            f"Cannot keep the rate limits in {self._path}: {error}; see that the disk has space, or delete the file "
            "(it holds nothing but the state of the limits)",
            retryable=False,
        )
