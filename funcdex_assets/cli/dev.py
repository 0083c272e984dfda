"""`funcdex dev`: Dagster's web interface for the project in this folder, on the loopback address."""

import getpass
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer
from filelock import FileLock, Timeout

from funcdex_assets.cli.console import CommandError, console, load_project
from funcdex_assets.settings.env_file import CONFIG_VARIABLE
from funcdex_assets.settings.settings import WORKSPACE_FILE, Settings

HOST = "127.0.0.1"
POLL_S = 0.5
PATIENCE_S = 15.0
"""How long the server may take to end its own processes: measured, 3 s; busy machines take longer."""
PAGE_PATIENCE_S = 60.0
"""How long whoever listens may take to answer as Dagster: it listens only once it can answer."""


def serve_ui(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where the interface listens.")] = 3000,
) -> None:
    """Open the Dagster UI of this project: assets, runs, schedule and sensor. Ctrl-C stops it."""
    settings = load_project()
    if not (settings.root / WORKSPACE_FILE).is_file():
        raise CommandError(
            f"There is no {WORKSPACE_FILE} in {settings.root}; run in the project's folder, "
            "or make a project with `funcdex init FOLDER`"
        )
    with reserve_port(port):
        _serve_project(settings, port)


def _serve_project(settings: Settings, port: int) -> None:
    from funcdex_assets.orchestration.lineage_lock import LOCKS_FOLDER, FileLineageLock
    from funcdex_assets.orchestration.orphaned_runs import end_abandoned_runs
    from funcdex_assets.orchestration.project_instance import INSTANCE_FILE, open_instance

    with open_instance(settings) as instance:  # every partition is registered before the interface shows them
        end_abandoned_runs(instance, FileLineageLock(settings.home / LOCKS_FOLDER))
    # Dagster makes folders of its own in DAGSTER_HOME, which therefore is in the project's home, with a copy of the
    # instance's description. It runs there as well, so that it does not read `.env` again: the shell comes first.
    dagster_home = settings.home.absolute() / "dagster"
    shutil.copyfile(settings.root / INSTANCE_FILE, dagster_home / INSTANCE_FILE)
    workspace = str(settings.root.absolute() / WORKSPACE_FILE)
    command = [sys.executable, "-m", "dagster", "dev", "-w", workspace, "-h", HOST, "-p", str(port)]
    environment = {**os.environ, "DAGSTER_HOME": str(dagster_home), CONFIG_VARIABLE: str(settings.file.absolute())}
    console.print(f"starting the interface on http://{HOST}:{port} …", highlight=False)
    # The server must not outlive a command that is ended, nor ignore Ctrl-C because a script that started it does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    server = subprocess.Popen(command, cwd=dagster_home, env=environment)
    ended, taken = threading.Event(), threading.Event()

    def watch() -> None:
        if await_page(port, ended, PAGE_PATIENCE_S) == "other":
            taken.set()
            server.terminate()

    threading.Thread(target=watch, daemon=True).start()
    try:
        code = server.wait()
    except KeyboardInterrupt:
        code = 0
        _wait_for_end(server)  # of Ctrl-C in a terminal it has had the same signal
    finally:
        ended.set()
        _end_server(server)
    if taken.is_set():
        # Dagster's page cannot be opened then, but its daemon would go on starting runs.
        raise CommandError(
            f"{HOST}:{port} was taken by another program while the interface started; add --port {find_free_port()}, "
            "which is free"
        )
    if code:
        raise typer.Exit(code)


def _end_server(server: subprocess.Popen[bytes]) -> None:
    """Ends the server if it still runs: it is asked, and after a while no longer asked."""
    if server.poll() is None:
        server.terminate()
        if not _wait_for_end(server):
            server.kill()
            server.wait()


def _wait_for_end(server: subprocess.Popen[bytes]) -> bool:
    try:
        server.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        return False
    return True


@contextmanager
def reserve_port(port: int) -> Iterator[None]:
    """Keeps a port for this command, which listens there only after some seconds, from others that start meanwhile.

    Raises:
        CommandError: something listens there already, or another `funcdex dev` is about to.
    """
    lock = FileLock(Path(tempfile.gettempdir()) / f"funcdex-dev-{getpass.getuser()}-{port}.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise CommandError(
            f"{HOST}:{port} cannot be used: another `funcdex dev` has it; add --port {find_free_port()}, which is free"
        ) from None
    with lock:
        refuse_busy_port(port)
        yield


def refuse_busy_port(port: int) -> None:
    """
    Raises:
        CommandError: something listens there already; the message names a port that is free.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise CommandError(
                f"{HOST}:{port} cannot be used: {error.strerror}; add --port {find_free_port()}, which is free"
            ) from None


def find_free_port() -> int:
    with socket.socket() as free_socket:
        free_socket.bind((HOST, 0))
        return free_socket.getsockname()[1]


def await_page(port: int, ended: threading.Event, patience_s: float) -> Literal["ready", "other", "ended"]:
    """Waits until Dagster's page answers, and says so; "other" if something else answers, or nothing that listens."""
    listens_since: float | None = None
    while not ended.wait(POLL_S):
        answer = ask_for_page(port)
        if answer == "dagster":
            console.print(f"[green]ready[/green] http://{HOST}:{port}   Ctrl-C stops it", highlight=False)
            return "ready"
        if answer is None:
            listens_since = None
            continue
        listens_since = listens_since or time.monotonic()
        if answer == "other" or time.monotonic() - listens_since > patience_s:
            return "other"
    return "ended"


def ask_for_page(port: int) -> Literal["dagster", "other", "silent"] | None:
    """Who answers on the port: Dagster, somebody else, somebody who does not answer, or nobody (None)."""
    connection = http.client.HTTPConnection(HOST, port, timeout=2)
    try:
        connection.connect()
    except OSError:
        return None
    try:
        connection.request("GET", "/server_info")
        content = json.loads(connection.getresponse().read())
    except (ValueError, http.client.HTTPException):
        return "other"
    except OSError:
        return "silent"
    finally:
        connection.close()
    return "dagster" if isinstance(content, dict) and "dagster_webserver_version" in content else "other"
