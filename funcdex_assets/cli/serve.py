"""`funcdex serve`: an inference server in the foreground, until Ctrl-C.

Belongs here: the output while it starts and runs. Starting and stopping belong to `inference/servers.py`.
"""

from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from time import sleep
from typing import Annotated, Literal

import typer
from rich.markup import escape

from funcdex_assets.cli.console import CommandError, console, load_project
from funcdex_assets.inference.protocol import InferenceError
from funcdex_assets.inference.servers import RunningServer, ServerSpec, start_server, tail_log
from funcdex_assets.training.model_store import find_latest_model

app = typer.Typer(help="Start a real inference server, and stop it with Ctrl-C.", no_args_is_help=True)
POLL_S = 0.5


class EngineChoice(StrEnum):
    llama_cpp = "llama-cpp"
    vllm = "vllm"


class PrecisionChoice(StrEnum):
    f16 = "f16"
    f32 = "f32"


PortOption = Annotated[int | None, typer.Option(min=1, max=65535, help="By default a free one.")]
HostOption = Annotated[str, typer.Option(help="Any but the loopback offers the server to the network.")]
ContextOption = Annotated[int, typer.Option(min=256, help="Tokens of prompt and answer, per request.")]
ParallelOption = Annotated[int, typer.Option(min=1, help="Requests answered at once.")]
ArgsArgument = Annotated[list[str] | None, typer.Argument(help="After --: further arguments of the server.")]


@app.command("vllm")
def serve_vllm(
    model: Annotated[str, typer.Argument(help="A folder in Hugging Face's layout, or a name on the hub.")],
    args: ArgsArgument = None,
    port: PortOption = None,
    host: HostOption = "127.0.0.1",
    context: ContextOption = 16_384,
    parallel: ParallelOption = 64,
) -> None:
    """vLLM, which the extra `vllm` installs."""
    _serve_model("vllm", model, args, port, host, context, parallel)


@app.command("llama-cpp")
def serve_llama_cpp(
    model: Annotated[str, typer.Argument(help="A GGUF file.")],
    args: ArgsArgument = None,
    port: PortOption = None,
    host: HostOption = "127.0.0.1",
    context: ContextOption = 16_384,
    parallel: ParallelOption = 4,
) -> None:
    """llama.cpp: the program llama-server, or the wheel that the extra `llama-cpp` installs."""
    _serve_model("llama_cpp", model, args, port, host, context, parallel)


@app.command("model")
def serve_trained_model(
    partition: Annotated[str, typer.Argument(help="The partition of a model that was trained here, or all.")],
    args: ArgsArgument = None,
    engine: Annotated[
        EngineChoice, typer.Option(help="llama-cpp serves the GGUF file, vllm the folder.")
    ] = EngineChoice.llama_cpp,
    precision: Annotated[PrecisionChoice, typer.Option(help="Of the GGUF file.")] = PrecisionChoice.f16,
    port: PortOption = None,
    host: HostOption = "127.0.0.1",
    context: ContextOption = 4096,
    parallel: ParallelOption = 4,
) -> None:
    """The latest model of a partition, as `funcdex train` published it."""
    project = load_project()
    folder = find_latest_model(project.home, partition)
    log = project.home / "servers" / f"model-{partition}.log"
    if engine is EngineChoice.vllm:
        tool_calls = ("--enable-auto-tool-choice", "--tool-call-parser", "hermes")
        spec = ServerSpec("vllm", str(folder), host, port, context, parallel, (*tool_calls, *(args or ())))
    else:
        file = folder / f"{partition}-{precision.value}.gguf"
        if not file.is_file():
            raise CommandError(
                f"the model {folder} has no GGUF file {file.name}; its README.md says why. Serve it by --engine vllm"
            )
        spec = ServerSpec("llama_cpp", str(file), host, port, context, parallel, tuple(args or ()))
    serve_until_stopped(spec, log, render_assistant_settings)


def _serve_model(
    engine: Literal["vllm", "llama_cpp"],
    model: str,
    args: list[str] | None,
    port: int | None,
    host: str,
    context: int,
    parallel: int,
) -> None:
    spec = ServerSpec(engine, model, host, port, context, parallel, tuple(args or ()))
    log = load_project().home / "servers" / f"{engine}-{Path(model).name}.log"
    serve_until_stopped(spec, log)


def serve_until_stopped(spec: ServerSpec, log: Path, render: Callable[[ServerSpec, str], str] | None = None) -> None:
    """Starts the server, says how to use it, shows its log; returns when the user stops it.

    `render` makes the lines of funcdex.yaml of the server and its URL; by default those by which it plays all roles.

    Raises:
        InferenceError: it does not start, or stops by itself.
    """
    with console.status(f"{spec.engine} starts …") as status:
        server = start_server(spec, log, lambda line: status.update(escape(line)))
    try:
        console.print(f"[green]ready[/green] {server.base_url}   in funcdex.yaml:\n")
        console.print((render or render_settings)(spec, server.base_url), markup=False, highlight=False)
        console.print(f"[dim]Ctrl-C stops it. Its log, from {escape(str(log))}:[/dim]")
        for text in _follow_log(log, server):
            console.print(text, end="", markup=False, highlight=False, soft_wrap=True)
    except KeyboardInterrupt:
        console.print("[dim]stopping[/dim]")
        return
    finally:
        server.stop()
    raise InferenceError(
        f"the {spec.engine} server stopped with exit code {server.exit_code()}; the end of {log}:\n{tail_log(log)}",
        retryable=False,
    )


def render_settings(spec: ServerSpec, base_url: str) -> str:
    """Renders the lines of funcdex.yaml with which a project uses this server.

    >>> print(render_settings(ServerSpec("vllm", "Qwen/Qwen3-8B"), "http://127.0.0.1:8000/v1"), end="")
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


def render_assistant_settings(spec: ServerSpec, base_url: str) -> str:
    """Renders the lines of funcdex.yaml with which the model plays the assistant, by the calls it was trained on.

    >>> print(render_assistant_settings(ServerSpec("llama_cpp", "gmail-f16.gguf"), "http://127.0.0.1:8000/v1"), end="")
    generation:
      strategy: simulate
      assistant_calls: native
    inference:
      profile: offline
      roles:
        assistant:
          profile: llama_cpp
          base_url: http://127.0.0.1:8000/v1
          model: gmail-f16
          concurrency: 8
    """
    lines = render_settings(spec, base_url).splitlines()[1:]
    role = "".join(f"      {line.strip()}\n" for line in lines)
    return (
        "generation:\n  strategy: simulate\n  assistant_calls: native\n"
        f"inference:\n  profile: offline\n  roles:\n    assistant:\n{role}"
    )


def _follow_log(log: Path, server: RunningServer) -> Iterator[str]:
    """Yields the server's log from its beginning until the server stops."""
    with log.open(encoding="utf-8", errors="replace") as file:
        while True:
            running = server.exit_code() is None
            text = file.read()
            if text:
                yield text
            if not running:
                return
            sleep(POLL_S)
