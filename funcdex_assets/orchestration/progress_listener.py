"""Progress of the stages of a run, reported to a listener.

A stage reports its partitions, a long one also how far it is within a partition; a command-line
program listens and draws bars. Nobody has to listen: Dagster's event log has the outcome in any case.

>>> class Printer(ProgressListener):
...     def finished(self, stage, partition, rows):
...         print(f"{stage} {partition}: {rows} rows")
>>> with listen_to_progress(Printer()):
...     current_listener().finished("scenarios", "gmail", 106)
scenarios gmail: 106 rows
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar


class ProgressListener:
    """Hears what happens; a listener overrides what it wants to know."""

    def planned(self, tables: int) -> None:
        """So many tables are to be made: one of each stage and partition, one of each asset without partitions."""

    def waiting(self, partition: str, holder: str) -> None:
        """Another run makes the partition; this one begins when that is over."""

    def started(self, stage: str, partitions: Sequence[str]) -> None:
        """A stage begins on these partitions."""

    def advanced(self, stage: str, partition: str, done: int, total: int) -> None:
        """Within one partition, `done` of `total` conversations (or other units) are made."""

    def progressed(self, stage: str, partition: str, share: float, note: str, is_milestone: bool) -> None:
        """Within one partition, this share of the work is done; `note` says how it goes, and is kept at a milestone."""

    def finished(self, stage: str, partition: str, rows: int) -> None:
        """A partition's table is valid and written."""

    def made_once(self, asset: str) -> None:
        """An asset without partitions was made."""

    def failed(self, stage: str, partition: str, reason: str) -> None:
        """A partition's table was not made."""


_listener: ContextVar[ProgressListener] = ContextVar("funcdex_progress")
_SILENT = ProgressListener()


def current_listener() -> ProgressListener:
    """The listener of this thread or task; one that hears nothing if there is none."""
    return _listener.get(_SILENT)


@contextmanager
def listen_to_progress(listener: ProgressListener) -> Iterator[None]:
    """Reports made in this thread, or in tasks begun in it, go to `listener`."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


class ProgressLog(ProgressListener):
    """Passes on what a stage reports to another listener, and logs how far it is: at most once in `interval_s` seconds,
    so that a stage of seconds adds no events to those that Dagster keeps.
    """

    def __init__(
        self,
        listener: ProgressListener,
        log: Callable[[str], object],
        interval_s: float = 10,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._listener, self._log, self._interval_s, self._clock = listener, log, interval_s, clock
        self._last = clock()

    def started(self, stage: str, partitions: Sequence[str]) -> None:
        self._listener.started(stage, partitions)

    def advanced(self, stage: str, partition: str, done: int, total: int) -> None:
        self._listener.advanced(stage, partition, done, total)
        now = self._clock()
        if now - self._last >= self._interval_s and done < total:
            self._last = now
            self._log(f"{stage} of {partition}: {done} of {total}")

    def progressed(self, stage: str, partition: str, share: float, note: str, is_milestone: bool) -> None:
        self._listener.progressed(stage, partition, share, note, is_milestone)
        if is_milestone:
            self._log(f"{stage} of {partition}: {share:.0%}, {note}")

    def finished(self, stage: str, partition: str, rows: int) -> None:
        self._listener.finished(stage, partition, rows)

    def failed(self, stage: str, partition: str, reason: str) -> None:
        self._listener.failed(stage, partition, reason)
