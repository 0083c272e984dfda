"""`funcdex dev`: Dagster's web interface for the project in this folder, on the loopback address."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from typing import Annotated

import typer

from funcdex_assets.cli.console import CommandError, console, load_project
from funcdex_assets.settings.settings import CONFIG_VARIABLE

HOST = "127.0.0.1"
WORKSPACE_FILE = "workspace.yaml"
POLL_S = 0.5
PATIENCE_S = 15.0
"""How long the server may take to end its own processes: measured, 3 s; busy machines take longer."""


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
    refuse_busy_port(port)
    from funcdex_assets.orchestration.project_instance import INSTANCE_FILE, open_instance

    with open_instance(settings):
        pass  # every partition is registered before the interface shows them
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
    ended = threading.Event()
    announcer = threading.Thread(target=_announce_when_ready, args=(port, ended), daemon=True)
    announcer.start()
    try:
        code = server.wait()
    except KeyboardInterrupt:
        code = 0
        _wait_for_end(server)  # of Ctrl-C in a terminal it has had the same signal
    finally:
        ended.set()
        _end_server(server)
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
            with socket.socket() as free_socket:
                free_socket.bind((HOST, 0))
                free = free_socket.getsockname()[1]
            raise CommandError(
                f"{HOST}:{port} cannot be used: {error.strerror}; add --port {free}, which is free"
            ) from None


def _announce_when_ready(port: int, ended: threading.Event) -> None:
    while not ended.wait(POLL_S):
        with socket.socket() as probe:
            probe.settimeout(POLL_S)
            if probe.connect_ex((HOST, port)) == 0:
                console.print(f"[green]ready[/green] http://{HOST}:{port}   Ctrl-C stops it", highlight=False)
                return
