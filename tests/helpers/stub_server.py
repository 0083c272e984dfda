"""A stub OpenAI-compatible server: scripted replies, every request recorded.

Nothing here takes a time that a test could measure: a reply is held back until something happens, by a function in
`otherwise` that waits for it (each question has a thread of its own), or until the client has given up.
"""

import asyncio
import json
import select
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import pytest

from funcdex_assets.inference import openai_compatible


@dataclass
class Reply:
    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    hang_up: bool = False
    hangs: bool = False
    """Nothing is sent until the client has given up."""
    trickles: bool = False
    """The body is sent byte by byte until the client has given up."""
    cut_after: int | None = None
    """Bytes of the body after which the connection is closed."""


def answer(content: str | None = "Fine.", finish_reason: str = "stop", **message: Any) -> Reply:
    return Reply(
        body={
            "id": "1",
            "object": "chat.completion",
            "model": "tiny-2026-01-01",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": content, **message},
                    "finish_reason": finish_reason,
                }
            ],
            "usage": {
                "prompt_tokens": 11,
                "completion_tokens": 3,
                "prompt_tokens_details": {"cached_tokens": 8},
            },
        }
    )


def failure(status: int, message: str, code: str | None = None, **headers: str) -> Reply:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, {"error": {"message": message, "type": "error", "code": code}}, names)


class QuietServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256  # with the default of 5, connections of many clients at once are reset

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that give up or are killed are what some tests are about."""


class StubServer:
    """`script` holds the replies to the first questions; `otherwise` answers the rest."""

    def __init__(self) -> None:
        self.questions: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.arrivals: list[float] = []
        self.script: list[Reply] = []
        self.otherwise: Callable[[dict[str, Any]], Reply] = lambda _: answer()
        self.models = ["tiny"]
        self.in_flight = self.most_in_flight = 0
        self.held_back = 0
        """Questions whose reply hangs or trickles."""
        self._lock = threading.Lock()
        self._server = QuietServer(("127.0.0.1", 0), self._handler())
        self.base_url = f"http://127.0.0.1:{self._server.server_port}/v1"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """Connections are refused from now on; stopping twice is harmless."""
        self._server.shutdown()
        self._server.server_close()

    def reply(self, question: dict[str, Any], headers: dict[str, str]) -> Reply:
        with self._lock:
            number = len(self.questions)
            self.questions.append(question)
            self.headers.append(headers)
            self.arrivals.append(time.monotonic())
        return self.script[number] if number < len(self.script) else self.otherwise(question)

    def count_held_back(self) -> None:
        with self._lock:
            self.held_back += 1

    def count(self, change: int) -> None:
        with self._lock:
            self.in_flight += change
            self.most_in_flight = max(self.most_in_flight, self.in_flight)

    def _handler(stub) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                pass

            def do_GET(self) -> None:
                self.send(Reply(body={"object": "list", "data": [{"id": model} for model in stub.models]}))

            def do_POST(self) -> None:
                question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                stub.count(+1)
                reply = stub.reply(question, {name.lower(): value for name, value in self.headers.items()})
                if reply.hangs:
                    stub.count_held_back()
                    self.wait_until_given_up()
                stub.count(-1)
                if reply.hang_up or reply.hangs:
                    self.close_connection = True
                else:
                    self.send(reply)

            def send(self, reply: Reply) -> None:
                content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
                try:
                    self.send_response(reply.status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(content)))
                    for name, value in reply.headers.items():
                        self.send_header(name, value)
                    self.end_headers()
                    if reply.cut_after is not None:
                        content = content[: reply.cut_after]
                        self.close_connection = True
                    if reply.trickles:
                        self.trickle(content)
                    else:
                        self.wfile.write(content)
                except OSError:  # the client has given up, as in the tests of timeouts
                    self.close_connection = True

            def trickle(self, content: bytes) -> None:
                self.close_connection = True
                stub.count_held_back()
                for byte in content[:-1]:
                    self.wfile.write(bytes([byte]))
                    if select.select([self.connection], [], [], 0.01)[0]:
                        return
                self.wait_until_given_up()

            def wait_until_given_up(self) -> None:
                with suppress(OSError):
                    self.rfile.read(1)  # of which there is none: it returns when the client has closed its end

        return Handler


@pytest.fixture
def server() -> Iterator[StubServer]:
    stub = StubServer()
    yield stub
    stub.stop()


@pytest.fixture
def servers() -> Iterator[list[StubServer]]:
    stubs = [StubServer() for _ in range(3)]
    yield stubs
    for stub in stubs:
        stub.stop()


@pytest.fixture
def forced() -> Callable[[dict[str, Any]], Reply]:
    """A server that honours constraints: the only answer that the probes' allow, however it is told of them."""

    def answer_under_constraint(question: dict[str, Any]) -> Reply:
        constraint = question.get("structured_outputs", {})
        if question.get("grammar") or constraint.get("grammar") or constraint.get("structural_tag"):
            return answer("zq-7431")
        if question.get("response_format") or constraint.get("json"):
            return answer('{ "zq": "7431" }')
        return answer()

    return answer_under_constraint


@pytest.fixture
def replies() -> Any:
    """The makers of replies, for tests in files that cannot import a conftest."""

    class Makers:
        ok = staticmethod(answer)
        failed = staticmethod(failure)
        raw = Reply

    return Makers


class Impatience:
    """A client that gives a try up once the server holds its reply back. `limits_s` are the times it would wait."""

    def __init__(self, stub: StubServer) -> None:
        self.limits_s: list[float] = []
        self._stub = stub
        self._given_up = 0

    @asynccontextmanager
    async def timeout(self, limit_s: float) -> AsyncIterator[None]:
        """Stands in for `asyncio.timeout`; for one request at a time."""
        self.limits_s.append(limit_s)
        async with asyncio.timeout(None) as limit:
            watch = asyncio.create_task(self._end_when_held_back(limit))
            try:
                yield
            finally:
                watch.cancel()

    async def _end_when_held_back(self, limit: asyncio.Timeout) -> None:
        while self._stub.held_back == self._given_up:
            await asyncio.sleep(0.005)
        self._given_up += 1
        limit.reschedule(asyncio.get_running_loop().time())


@pytest.fixture
def impatience(server: StubServer, monkeypatch: pytest.MonkeyPatch) -> Impatience:
    impatience = Impatience(server)
    monkeypatch.setattr(
        openai_compatible, "asyncio", SimpleNamespace(**vars(asyncio) | {"timeout": impatience.timeout})
    )
    return impatience


@pytest.fixture(autouse=True)
def quick_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries wait milliseconds instead of seconds; a server's Retry-After is still honoured."""
    monkeypatch.setattr("funcdex_assets.inference.tries.FIRST_PAUSE_S", 0.01)
