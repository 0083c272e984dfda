"""`funcdex world`: a toolkit's world, live, for agents and trainers to act in."""

import socket
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from funcdex_assets.cli.console import CommandError, choose_partitions, errors, load_project
from funcdex_assets.settings.settings import Settings

if TYPE_CHECKING:
    from funcdex_assets.world_server.opening import OpenedWorld
    from funcdex_assets.world_server.session import WorldSession

DEFAULT_PORT = 8765


def serve_world(
    partition: Annotated[str, typer.Argument(metavar="TOOLKIT", help="A toolkit or bundle of this project.")],
    seed: Annotated[int, typer.Option(min=0, help="The same seed has the same answers.")] = 0,
    goals: Annotated[
        list[Path] | None,
        typer.Option(help="Rows whose requests are goals: a dataset's folder, a release's, or a file; repeatable."),
    ] = None,
    unchanged: Annotated[
        bool, typer.Option("--unchanged", help="Offer also goals in which nothing is to be changed.")
    ] = False,
    control: Annotated[
        bool, typer.Option("--control", help="Offer reset, snapshot, restore and check as tools, too.")
    ] = False,
    http: Annotated[bool, typer.Option("--http", help="Streamable HTTP instead of stdio.")] = False,
    openenv: Annotated[bool, typer.Option("--openenv", help="An OpenEnv environment, over HTTP.")] = False,
    port: Annotated[int, typer.Option(min=1, max=65535, help="With --http or --openenv.")] = DEFAULT_PORT,
    host: Annotated[str, typer.Option(help="Any but the loopback offers the world to the network.")] = "127.0.0.1",
    allow_host: Annotated[
        list[str] | None, typer.Option(help="A further name by which clients may call the server.")
    ] = None,
    user: Annotated[str, typer.Option(help="Whose world it is, where there is no goal.")] = "Alex Moreau",
    now: Annotated[str, typer.Option(help="Its moment, where there is no goal: an ISO 8601 date-time.")] = "",
) -> None:
    """Open a toolkit's world for agents: an MCP server over stdio, or over HTTP by --http, or OpenEnv."""
    _check_packages(openenv)
    from funcdex_assets.world_server.http_server import LOOPBACK_NAMES
    from funcdex_assets.world_server.opening import open_world
    from funcdex_assets.world_server.sandbox import SANDBOX_MOMENT

    settings = load_project()
    choose_partitions(settings, [partition])
    opened = open_world(
        settings,
        partition,
        goals or (),
        seed=seed,
        user=user,
        moment=now or SANDBOX_MOMENT,
        with_unchanged=unchanged,
    )
    _tell_goals(opened)
    listener = _bind(host, port) if http or openenv else None
    names = tuple(dict.fromkeys((*LOOPBACK_NAMES, host, *(allow_host or ()))))
    if openenv and listener is not None:
        from funcdex_assets.world_server.openenv_environment import build_openenv_app

        app = build_openenv_app(partition, opened.begin_session, names, port)
        _serve(app, listener, f"OpenEnv at http://{host}:{port}")
        return
    from funcdex_assets.world_server import mcp_server

    session = opened.begin_session()
    instructions = _write_instructions(settings, partition, session)
    server = mcp_server.build_server(session, partition, instructions, with_control=control)
    if listener is None:
        if sys.stdin.isatty():
            errors.print("[dim]MCP over stdio: a client starts this command and talks to it. Ctrl-D ends it[/dim]")
        mcp_server.serve_stdio(server)
        return
    app = mcp_server.build_http_app(server, session, port, names)
    _serve(app, listener, f"MCP at http://{host}:{port}/mcp", f"control at http://{host}:{port}/control/reset …")


def _check_packages(openenv: bool) -> None:
    """Checks that the packages are there that the server needs.

    Raises:
        CommandError: one is missing; the message says what to install.
    """
    package, extra, least = ("openenv", "openenv", (0, 10)) if openenv else ("mcp", "world", (2, 3))
    try:
        found = version(package)
    except PackageNotFoundError:
        found = ""
    if not found or tuple(int(part) for part in found.split(".")[:2]) < least:
        wanted = ".".join(map(str, least))
        there = f"{found} is installed" if found else "it is not installed"
        raise CommandError(
            f'this needs the package {package}, {wanted} or later, and {there}: pip install "funcdex-assets[{extra}]"'
        )


def _tell_goals(opened: "OpenedWorld") -> None:
    """Tells how many goals there are, and how many rows are none, and why; standard output is the protocol's."""
    if opened.goals:
        errors.print(f"{len(opened.goals)} goals", highlight=False)
    for reason, count in opened.left_out.most_common():
        errors.print(f"[dim]{count} rows left out: {escape(reason)}[/dim]", highlight=False, soft_wrap=True)


def _write_instructions(settings: Settings, partition: str, session: "WorldSession") -> str:
    """Writes what the server tells clients of its world: the policy given with the tools, the user and the moment."""
    from funcdex_assets.catalog.load import read_terms
    from funcdex_assets.catalog.toolkit_terms import join_policies
    from funcdex_assets.roles.system_prompt_writer import add_context

    if session.goals:
        return "What is to be done is the prompt `goal`."
    policy = join_policies(terms.policy for terms in read_terms(settings.find_tool_files(partition)).values())
    return add_context(policy or f"You are the assistant of {session.situation.persona.name}.", session.situation)


def _bind(host: str, port: int) -> socket.socket:
    """Binds the port before anything is said to be ready.

    Raises:
        CommandError: it is in use, or the host is none of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen()  # who connects once the address is printed waits until it is served
    except OSError as error:
        listener.close()
        raise CommandError(f"cannot listen on {host}:{port}: {error.strerror}; give another --port") from None
    return listener


def _serve(app: object, listener: socket.socket, *lines: str) -> None:
    """Serves an application until Ctrl-C."""
    from funcdex_assets.world_server.http_server import serve_until_stopped

    for line in lines:
        errors.print(escape(line), highlight=False, soft_wrap=True)
    errors.print("[dim]Ctrl-C stops it[/dim]")
    serve_until_stopped(app, listener)
