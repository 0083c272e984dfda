"""Trying again: one budget of retries for a request, on whichever servers it is spent.

Here belong what a failed try says about the request and its server, the pause before the next try, and
which server gets it. One try is `openai_compatible.py`'s business.

A server that fails is left out for a second, then twice as long after each further failure, and is then
tried with one request at a time until it answers. A request that failed there goes to another server at
once; it pauses only before it comes back to one that it has tried.
"""

import asyncio
from collections.abc import Callable, Sequence
from random import random
from time import monotonic, perf_counter
from typing import Protocol

import msgspec

from funcdex_assets.inference.protocol import Completion, InferenceError, Request

FIRST_PAUSE_S = 0.5
"""Before the first retry, as in the `openai` package; doubled for each further one."""

LONGEST_PAUSE_S = 8.0
FIRST_COOL_DOWN_S = 1.0
LONGEST_COOL_DOWN_S = 60.0
LONGEST_WAIT_S = 120.0
"""A server that asks for more patience (`Retry-After`) is given up instead."""


class TryFailed(Exception):
    """One try came to nothing.

    `explained` makes the error from the number of tries. `passing` says whether another try may succeed,
    `servers_fault` whether this server had better be left out for a while, `wait_s` how long the server
    asked to be left alone, `sent_at` when the request was sent (`perf_counter`).
    """

    def __init__(
        self,
        explained: Callable[[int], InferenceError],
        *,
        passing: bool,
        servers_fault: bool = False,
        wait_s: float | None = None,
        sent_at: float,
    ) -> None:
        super().__init__()
        self.explained = explained
        self.passing = passing
        self.servers_fault = servers_fault
        self.wait_s = wait_s
        self.sent_at = sent_at


class Standing:
    """How a server does: its requests in flight, its failures in a row, and when to ask it again."""

    __slots__ = ("failures", "in_flight", "ready_at")

    def __init__(self) -> None:
        self.in_flight = self.failures = 0
        self.ready_at = 0.0

    def note(self, failed: TryFailed | None) -> None:
        if failed is None:
            self.failures, self.ready_at = 0, 0.0
            return
        wait_s = min(failed.wait_s or 0.0, LONGEST_WAIT_S)
        if failed.servers_fault:
            self.failures += 1
            cool_down = min(LONGEST_COOL_DOWN_S, FIRST_COOL_DOWN_S * 2 ** min(self.failures - 1, 10))
            wait_s = max(wait_s, cool_down * (0.75 + 0.5 * random()))
        if wait_s:
            self.ready_at = max(self.ready_at, monotonic() + wait_s)

    def is_out(self, now: float) -> bool:
        """Still cooling down, or, if it has not answered since its last failure, being tried right now."""
        return self.ready_at > now or (self.failures > 0 and self.in_flight > 0)


class Server(Protocol):
    """What can be tried once."""

    @property
    def standing(self) -> Standing: ...

    async def attempt(self, request: Request) -> Completion:
        """One answer, or `TryFailed`."""
        ...


async def answered(servers: Sequence[Server], request: Request, retries: int) -> Completion:
    """The first answer, in at most `retries` tries more than one.

    Raises:
        InferenceError: what the last try failed of.
    """
    taken = 0
    tried: list[Server] = []
    failed: TryFailed | None = None
    sent_at = None
    while True:
        server = _chosen(servers, tried)
        if failed is not None and server in tried:
            pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (taken - 1)) * (1 - 0.25 * random())
            await asyncio.sleep(min(failed.wait_s, LONGEST_WAIT_S) if failed.wait_s else pause_s)
            tried.clear()
            server = _chosen(servers, tried)
        server.standing.in_flight += 1
        try:
            completion = await server.attempt(request)
        except TryFailed as error:
            failed = error
        else:
            server.standing.note(None)
            if sent_at is None:
                return completion
            return msgspec.structs.replace(completion, latency_s=perf_counter() - sent_at, retries=taken)
        finally:
            server.standing.in_flight -= 1
        server.standing.note(failed)
        sent_at = sent_at or failed.sent_at
        tried.append(server)
        hopeless = (failed.wait_s or 0.0) > LONGEST_WAIT_S and len(tried) == len(servers)
        if hopeless or not failed.passing or taken >= retries:
            # Not from within the handler: the client's error may quote the key, and would be shown as the cause.
            raise failed.explained(taken + 1)
        taken += 1


def _chosen(servers: Sequence[Server], tried: Sequence[Server]) -> Server:
    """The least busy server that is there and that the request has not tried; else the one soonest ready."""
    if len(servers) == 1:
        return servers[0]
    now = monotonic()

    def rank(server: Server) -> tuple[bool, bool, float, int]:
        standing = server.standing
        out = standing.is_out(now)
        return out, server in tried, standing.ready_at if out else 0.0, standing.in_flight

    return min(servers, key=rank)
