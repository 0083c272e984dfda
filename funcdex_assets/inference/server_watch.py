"""Runs a server that must not outlive its owner: `python -m funcdex_assets.inference.server_watch COMMAND…`.

Here belongs only that. Standard input is a pipe that the owner holds open and never writes to. When it
closes, because the owner lets go or was killed (`kill -9` included), the server and all that it started
get SIGTERM, and SIGKILL after GRACE_S. A server that ends by itself takes the rest of its processes
along, and its exit code is passed on; 128 is added to the number of a signal, as shells do.

>>> watch(["sh", "-c", "exit 3"], owner=os.pipe()[0])
3
"""

import ctypes
import os
import select
import signal
import subprocess
import sys
from collections.abc import Sequence
from time import monotonic, sleep

GRACE_S = 15.0
"""vLLM takes some seconds to stop its workers."""

POLL_S = 0.1
PR_SET_PDEATHSIG = 1  # from <linux/prctl.h>


def watch(command: Sequence[str], owner: int) -> int:
    """Returns the server's exit code; `owner` is the pipe's end to read from."""
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=_end_with_watcher)
    while server.poll() is None and not select.select([owner], [], [], POLL_S)[0]:
        pass
    _signal(server.pid, signal.SIGTERM)
    deadline = monotonic() + GRACE_S
    while monotonic() < deadline and (server.poll() is None or _signal(server.pid, 0)):
        sleep(POLL_S)
    _signal(server.pid, signal.SIGKILL)
    code = server.wait()
    return code if code >= 0 else 128 - code


def _end_with_watcher() -> None:
    """Where the watcher itself is killed, Linux sends the server SIGTERM; other systems have no such thing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _signal(group: int, number: int) -> bool:
    """Whether any process of the group was there to get it."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # macOS says the latter when only zombies are left
        return False
    return True


if __name__ == "__main__":
    sys.exit(watch(sys.argv[1:], sys.stdin.fileno()))
