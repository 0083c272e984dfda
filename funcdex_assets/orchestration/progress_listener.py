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

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar


class ProgressListener:
    """Hears what happens; a listener overrides what it wants to know."""

    def started(self, stage: str, partitions: Sequence[str]) -> None:
        """A stage begins on these partitions."""

    def advanced(self, stage: str, partition: str, done: int, total: int) -> None:
        """Within one partition, `done` of `total` conversations (or other units) are made."""

    def finished(self, stage: str, partition: str, rows: int) -> None:
        """A partition's table is valid and written."""

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
