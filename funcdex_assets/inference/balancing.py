"""Balances requests over several servers of one model, as one engine.

Only the limit on requests in flight and the probe of all servers belong here; the choice of a server, and when one
is left out and tried again, are in `tries.py`.

    engine = BalancedEngine([OpenAICompatibleEngine("vllm", model="qwen3", base_url=url) for url in urls])
    await engine.probe()        # a server that is not there is left out, with a warning
"""

import asyncio
import logging
from collections.abc import Sequence
from weakref import WeakKeyDictionary

from funcdex_assets.dml.notation import Notation
from funcdex_assets.inference.openai_compatible import OpenAICompatibleEngine
from funcdex_assets.inference.protocol import Completion, InferenceError, Request
from funcdex_assets.inference.tries import ask_with_retries

_log = logging.getLogger(__name__)


class BalancedEngine:
    """Asks the server that has the fewest requests in flight.

    At most `concurrency` requests are in flight over all servers. A request is retried at most `retries` times, on
    whichever servers. All `engines` must have the same profile and model.
    """

    def __init__(self, engines: Sequence[OpenAICompatibleEngine], *, concurrency: int = 32, retries: int = 5) -> None:
        if not engines:
            raise ValueError("A BalancedEngine needs at least one engine")
        if names := {engine.name for engine in engines} - {engines[0].name}:
            raise ValueError(f"{engines[0].name} and {', '.join(sorted(names))} cannot stand in for one another")
        self.name = engines[0].name
        self.notation: Notation | None = engines[0].notation
        self._engines = tuple(engines)
        self._concurrency = concurrency
        self._retries = retries
        self._slots: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()

    async def complete(self, request: Request) -> Completion:
        loop = asyncio.get_running_loop()
        slots = self._slots.get(loop)
        if slots is None:
            slots = self._slots[loop] = asyncio.Semaphore(self._concurrency)
        async with slots:
            return await ask_with_retries(self._engines, request, self._retries)

    async def probe_servers(self) -> None:
        """Probes all servers at the same time. Unavailable ones are left out for a while, with a warning.

        Raises:
            InferenceError: all servers are unavailable, or one misbehaves, for example ignores a constraint.
        """
        outcomes = await asyncio.gather(
            *(engine.probe_constraints() for engine in self._engines), return_exceptions=True
        )
        failures = [error for error in outcomes if error is not None]
        unavailable = [error for error in failures if isinstance(error, InferenceError) and error.kind == "unavailable"]
        for error in failures:
            if error not in unavailable or len(unavailable) == len(self._engines):
                raise error
        for error in unavailable:
            _log.warning("%s; left out until it answers", error)

    async def close(self) -> None:
        await asyncio.gather(*(engine.close() for engine in self._engines))
