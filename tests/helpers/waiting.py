"""Waits for events of other processes and threads, for as long as it takes, and measures work without a wall clock.

No wait has a limit of its own, because a limit that suits a quiet machine fails on a busy one. A test that hangs is
ended by pytest's `faulthandler_timeout`, with the stacks of all threads.
"""

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

BETWEEN_LOOKS_S = 0.01
_FIRST_PORT, _LAST_PORT = 10_000, 32_000  # below those that Linux gives to whoever asks for any port
_ports = count(os.getpid() * 97)


def wait_until(condition: Callable[[], object], *, unless: Callable[[], object] = lambda: None) -> None:
    """Returns once `condition()` is true; fails with what `unless()` returns if that is true before."""
    while not condition():
        reason = unless()
        assert not reason, reason
        time.sleep(BETWEEN_LOOKS_S)


def is_alive(pid: int) -> bool:
    """Returns whether a process runs; zombies, which nobody reaps in some containers, are dead."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def find_free_port() -> int:
    """Returns a port of the loopback for a server that must be told its port.

    Tests in other processes get other ports, and no outgoing connection takes one of them by chance.
    """
    while True:
        port = _FIRST_PORT + next(_ports) % (_LAST_PORT - _FIRST_PORT)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


@contextmanager
def at_most_cpu_seconds(limit: float) -> Iterator[None]:
    """Fails if the block needs more CPU seconds of this thread, however long it waits for its turn.

    The limits tell a bounded search from an endless one: several times what a slow machine needs.
    """
    begun = time.thread_time()
    yield
    needed = time.thread_time() - begun
    assert needed < limit, f"{needed:.1f} CPU seconds, and {limit} are allowed"
