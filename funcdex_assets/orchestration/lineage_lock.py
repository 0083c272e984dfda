"""Locks partitions while a run makes them, so that all tables of a partition come from one run after another.

Every run takes the lock of each of its partitions before its first stage and gives them back at its end, whoever
starts it: a command before it creates the run, the UI, the sensor and the schedule as the run's process begins
(`resources/tables`). So that runs of the UI that would wait do not take up places of the run queue, they stay in it
(`run_coordinator`). Here belongs the lock itself, which knows nothing of Dagster.

    with FileLineageLock(home / "locks").hold(["gmail", "jira"], Owner("cli-4711", "funcdex backfill"), report_wait):
        ...

Another lock, such as one in a database for several machines, has the same method `hold`.
"""

import os
import platform
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import msgspec
from filelock import FileLock, Timeout

from funcdex_assets.storage.atomic_files import replace_file

LOCKS_FOLDER = "locks"
"""The name of the folder in the project's home."""

POLL_S = 0.2
"""How often a lock that is held is tried again, and the caller asked whether it still wants to wait."""


def _format_now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


class Owner(msgspec.Struct, frozen=True):
    """Who holds a lock. `name` is unique; runs that a command starts have the command's."""

    name: str
    activity: str
    process: int = msgspec.field(default_factory=os.getpid)
    machine: str = msgspec.field(default_factory=platform.node)
    since: str = msgspec.field(default_factory=_format_now)

    def __str__(self) -> str:
        return f"{self.activity} (process {self.process} on {self.machine}, since {self.since})"


WaitReporter = Callable[[str, Owner | None, int], None]
"""Called with the partition that is waited for, its owner if known, and how often it was tried already. What it raises
ends the waiting."""


def is_locked(path: Path) -> bool:
    """Returns whether a process holds the lock of a file at this moment; a file that is not there is not locked."""
    if not path.exists():
        return False
    try:
        with FileLock(path, timeout=0):
            return False
    except Timeout:
        return True


class LineageLock(Protocol):
    """A lock per partition."""

    def hold(
        self, partitions: Collection[str], owner: Owner, report_wait: WaitReporter
    ) -> AbstractContextManager[None]:
        """Takes the locks in sorted order, so that no two owners can wait for one another, and waits for each as long
        as another owner holds it. What the same owner holds already in this process is not taken again.
        """
        ...


class FileLineageLock:
    """Locks files in a folder. The operating system lifts them however a process ends.

    Beside each lock lies a file that says who took it last.

    Raises:
        OSError: the folder cannot be written.
    """

    _names_by_path: dict[Path, str] = {}  # noqa: RUF012  (what this process holds, in whichever object)
    _changing = threading.Lock()

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder).absolute()

    @contextmanager
    def hold(self, partitions: Collection[str], owner: Owner, report_wait: WaitReporter) -> Iterator[None]:
        with ExitStack() as held:
            for partition in sorted(set(partitions)):
                if self._names_by_path.get(self._lock_path(partition)) != owner.name:
                    held.enter_context(self._hold_partition(partition, owner, report_wait))
            yield

    def read_owner(self, partition: str) -> Owner | None:
        """Reads who took the partition's lock last; whether it is still held is not said."""
        try:
            return msgspec.json.decode(self._owner_path(partition).read_bytes(), type=Owner)
        except (OSError, msgspec.DecodeError):
            return None

    def is_held(self, partition: str) -> bool:
        """Returns whether anybody holds the partition's lock at this moment."""
        return is_locked(self._lock_path(partition))

    @contextmanager
    def _hold_partition(self, partition: str, owner: Owner, report_wait: WaitReporter) -> Iterator[None]:
        path = self._lock_path(partition)
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path, thread_local=False)
        tries = 0
        while not lock.is_locked:
            try:
                lock.acquire(timeout=POLL_S if tries else 0)
            except Timeout:
                report_wait(partition, self.read_owner(partition), tries)
                tries += 1
        try:
            replace_file(self._owner_path(partition), msgspec.json.encode(owner))
            with self._changing:
                self._names_by_path[path] = owner.name
            yield
        finally:
            with self._changing:
                self._names_by_path.pop(path, None)
            lock.release()

    def _lock_path(self, partition: str) -> Path:
        return self.folder / f"{partition}.lock"

    def _owner_path(self, partition: str) -> Path:
        return self.folder / f"{partition}.json"
