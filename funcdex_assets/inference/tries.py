"""Retries a request: one budget of retries, on whichever of several servers they are made.

The meaning of a failed try for the request and its server, the pause before the next try and the choice of its
server belong here. A single try is made in `openai_compatible.py`.

A server that fails is left out for a second, then twice as long after each further failure, and is then tried with
one request at a time until it answers. A request that failed on one server goes to another server at once; it
pauses only before it returns to a server that it has tried.
"""

import asyncio
from collections.abc import Callable, Sequence
from random import random
from time import monotonic, perf_counter
from typing import Protocol

import msgspec

from funcdex_assets.inference.protocol import Completion, InferenceError, Request

FIRST_PAUSE_S = 0.5
"""The pause before the first retry, as in the `openai` package; doubled for each further retry."""

LONGEST_PAUSE_S = 8.0
FIRST_COOL_DOWN_S = 1.0
LONGEST_COOL_DOWN_S = 60.0
LONGEST_WAIT_S = 120.0
"""The longest `Retry-After` that is waited for; a server that asks for more is given up."""


class TryFailed(Exception):
    """Raised when one try of a request fails.

    `build_error` makes the final error from the number of tries. `retryable` is True if another try may succeed,
    `servers_fault` if this server should be left out for a while; `wait_s` is the pause that the server asked for,
    `sent_at` the moment at which the request was sent (`perf_counter`).
    """

    def __init__(
        self,
        build_error: Callable[[int], InferenceError],
        *,
        retryable: bool,
        servers_fault: bool = False,
        wait_s: float | None = None,
        sent_at: float,
    ) -> None:
        super().__init__()
        self.build_error = build_error
        self.retryable = retryable
        self.servers_fault = servers_fault
        self.wait_s = wait_s
        self.sent_at = sent_at


class ServerState:
    """The state of a server: its requests in flight, its failures in a row, and the time from which it is ready."""

    __slots__ = ("failures", "in_flight", "ready_at")

    def __init__(self) -> None:
        self.in_flight = self.failures = 0
        self.ready_at = 0.0

    def note_outcome(self, failure: TryFailed | None) -> None:
        if failure is None:
            self.failures, self.ready_at = 0, 0.0
            return
        wait_s = min(failure.wait_s or 0.0, LONGEST_WAIT_S)
        if failure.servers_fault:
            self.failures += 1
            cool_down = min(LONGEST_COOL_DOWN_S, FIRST_COOL_DOWN_S * 2 ** min(self.failures - 1, 10))
            wait_s = max(wait_s, cool_down * (0.75 + 0.5 * random()))
        if wait_s:
            self.ready_at = max(self.ready_at, monotonic() + wait_s)

    def is_out(self, now: float) -> bool:
        """Returns True if the server cools down, or if it has not answered since a failure and is being tried now."""
        return self.ready_at > now or (self.failures > 0 and self.in_flight > 0)


class Server(Protocol):
    """A server that can be asked once, without retries."""

    @property
    def server_state(self) -> ServerState: ...

    async def attempt_request(self, request: Request) -> Completion:
        """Returns the answer of one try, or raises `TryFailed`."""
        ...


async def ask_with_retries(servers: Sequence[Server], request: Request, retries: int) -> Completion:
    """Returns the first answer, after one try and at most `retries` further ones.

    Raises:
        InferenceError: the failure of the last try.
    """
    retries_made = 0
    tried: list[Server] = []
    last_failure: TryFailed | None = None
    sent_at = None
    while True:
        server = _choose_server(servers, tried)
        if last_failure is not None and server in tried:
            pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (retries_made - 1)) * (1 - 0.25 * random())
            await asyncio.sleep(min(last_failure.wait_s, LONGEST_WAIT_S) if last_failure.wait_s else pause_s)
            tried.clear()
            server = _choose_server(servers, tried)
        server.server_state.in_flight += 1
        try:
            completion = await server.attempt_request(request)
        except TryFailed as error:
            last_failure = error
        else:
            server.server_state.note_outcome(None)
            if sent_at is None:
                return completion
            return msgspec.structs.replace(completion, latency_s=perf_counter() - sent_at, retries=retries_made)
        finally:
            server.server_state.in_flight -= 1
        server.server_state.note_outcome(last_failure)
        sent_at = sent_at or last_failure.sent_at
        tried.append(server)
        must_give_up = (last_failure.wait_s or 0.0) > LONGEST_WAIT_S and len(tried) == len(servers)
        if must_give_up or not last_failure.retryable or retries_made >= retries:
            # Not from within the handler: the client's error may quote the key, and would be shown as the cause.
            raise last_failure.build_error(retries_made + 1)
        retries_made += 1


def _choose_server(servers: Sequence[Server], tried: Sequence[Server]) -> Server:
    """Returns the least busy available server, first those that the request has not tried; else the soonest ready."""
    if len(servers) == 1:
        return servers[0]
    now = monotonic()

    def rank_server(server: Server) -> tuple[bool, bool, float, int]:
        standing = server.server_state
        is_out = standing.is_out(now)
        return is_out, server in tried, standing.ready_at if is_out else 0.0, standing.in_flight

    return min(servers, key=rank_server)
