"""What is being made at this moment, told to whoever listens.

A stage reports its partitions, a long one also how far it is within a partition; a command-line
program listens and draws bars. Nobody has to listen: Dagster's event log has the outcome in any case.

>>> class Printer(ProgressListener):
...     def finished(self, stage, partition, rows):
...         print(f"{stage} {partition}: {rows} rows")
>>> with listening(Printer()):
...     listener().finished("scenarios", "gmail", 106)
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
_nobody = ProgressListener()


def listener() -> ProgressListener:
    return _listener.get(_nobody)


@contextmanager
def listening(to: ProgressListener) -> Iterator[None]:
    """Reports made in this thread, or in tasks begun in it, go to `to`."""
    token = _listener.set(to)
    try:
        yield
    finally:
        _listener.reset(token)
