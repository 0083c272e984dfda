"""The command `funcdex serve`: a server in the foreground, until Ctrl-C.

Here belongs what is shown while it starts and runs; starting and stopping belong to
`inference/servers.py`.
"""

from collections.abc import Iterator
from pathlib import Path
from time import sleep

from rich.console import Console
from rich.markup import escape

from funcdex_assets.inference.protocol import InferenceError
from funcdex_assets.inference.servers import RunningServer, ServerSpec, start, tail

POLL_S = 0.5


def serve(spec: ServerSpec, log: Path, console: Console) -> None:
    """Starts the server, says how to use it, shows its log; returns when the user stops it.

    Raises:
        InferenceError: it does not start, or stops by itself.
    """
    with console.status(f"{spec.engine} starts …") as status:
        server = start(spec, log, lambda line: status.update(escape(line)))
    try:
        console.print(f"[green]ready[/green] {server.base_url}   in funcdex.yaml:\n")
        console.print(settings_lines(spec, server.base_url), markup=False, highlight=False)
        console.print(f"[dim]Ctrl-C stops it. Its log, from {escape(str(log))}:[/dim]")
        for text in _followed(log, server):
            console.print(text, end="", markup=False, highlight=False, soft_wrap=True)
    except KeyboardInterrupt:
        console.print("[dim]stopping[/dim]")
        return
    finally:
        server.stop()
    raise InferenceError(
        f"the {spec.engine} server stopped with exit code {server.exit_code()}; the end of {log}:\n{tail(log)}",
        retryable=False,
    )


def settings_lines(spec: ServerSpec, base_url: str) -> str:
    """What makes a project use this server.

    >>> print(settings_lines(ServerSpec("vllm", "Qwen/Qwen3-8B"), "http://127.0.0.1:8000/v1"), end="")
    inference:
      profile: vllm
      base_url: http://127.0.0.1:8000/v1
      model: Qwen/Qwen3-8B
      concurrency: 8
    """
    return (
        f"inference:\n  profile: {spec.engine}\n  base_url: {base_url}\n"
        f"  model: {spec.served_name}\n  concurrency: {spec.parallel}\n"
    )


def _followed(log: Path, server: RunningServer) -> Iterator[str]:
    """What the server says from the beginning on, until it stops."""
    with log.open(encoding="utf-8", errors="replace") as file:
        while True:
            running = server.exit_code() is None
            if text := file.read():
                yield text
            if not running:
                return
            sleep(POLL_S)
