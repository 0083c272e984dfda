"""Runs a server that must not outlive its owner: `python -m funcdex_assets.inference.server_watch COMMAND…`.

Nothing else belongs here. Standard input is a pipe that the owner holds open and never writes to. When it closes,
because the owner closes it or was killed (`kill -9` included), the server and all processes that it started get
SIGTERM, and SIGKILL after GRACE_S. If the server ends by itself, its remaining processes are ended too and its exit
code is passed on; for a signal it is 128 plus the signal's number, as in shells.

>>> watch_server(["sh", "-c", "exit 3"], owner=os.pipe()[0])
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


def watch_server(command: Sequence[str], owner: int) -> int:
    """Runs the command until it or its owner ends, and returns its exit code.

    `owner` is the reading end of the pipe that the owner holds open.
    """
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=_end_with_watcher)
    while server.poll() is None and not select.select([owner], [], [], POLL_S)[0]:
        pass
    _signal_group(server.pid, signal.SIGTERM)
    deadline = monotonic() + GRACE_S
    while monotonic() < deadline and (server.poll() is None or _signal_group(server.pid, 0)):
        sleep(POLL_S)
    _signal_group(server.pid, signal.SIGKILL)
    code = server.wait()
    return code if code >= 0 else 128 - code


def _end_with_watcher() -> None:
    """Makes Linux send the server SIGTERM if the watcher itself is killed; other systems cannot do that.

    Whether SIGTERM is ignored is inherited, and a server that began so would outlive every request to end.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _signal_group(group: int, signal_number: int) -> bool:
    """Sends a signal to a process group; returns True if any process of the group was there to get it."""
    try:
        os.killpg(group, signal_number)
    except (ProcessLookupError, PermissionError):  # macOS says the latter when only zombies are left
        return False
    return True


if __name__ == "__main__":
    sys.exit(watch_server(sys.argv[1:], sys.stdin.fileno()))
