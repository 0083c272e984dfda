"""Time that passes only while everybody waits for it, so that what is measured does not depend on the machine.

Patch the clock into the module under test and run its coroutines with `VirtualClock.run`.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

SMALLEST_STEP_S = 1e-6
"""A shorter wait, such as a rounding error, would move the clock by nothing, for ever."""

_Result = TypeVar("_Result")


class VirtualClock:
    """`now` stands still while there is something to do, and jumps to the next timer when there is not."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now

    def read_seconds(self) -> float:
        """Stands in for `time.time`, `time.monotonic` and `time.perf_counter`."""
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds

    def run(self, coroutine: Coroutine[Any, Any, _Result]) -> _Result:
        with asyncio.Runner(loop_factory=lambda: _VirtualLoop(self)) as runner:
            return runner.run(coroutine)


class _VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        super().__init__(_JumpingSelector(clock))

    def time(self) -> float:
        return self._clock.now

    def call_later(self, delay: float, *arguments: Any, **more: Any) -> asyncio.TimerHandle:
        return super().call_later(max(delay, SMALLEST_STEP_S), *arguments, **more)


class _JumpingSelector(selectors.DefaultSelector):
    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            return super().select(None)
        ready = super().select(0)
        if not ready and timeout > 0:
            self._clock.advance(timeout)
        return ready
