"""Serves an OpenAI-compatible endpoint without a model, in a process of its own: quick, and faulty on demand.

Here belong its answers, its faults, and its report: every request by its prompt and seed, and how often that was
answered in full. Faults are drawn from the request and the number of the try, so that a run can be repeated
whatever the order of its requests.

    with mock_endpoint() as mock:
        mock.play(Script(faults={"rate_limited": 0.1, "server_error": 0.05}))
        ...  # ask mock.base_url
        print(mock.report().answered, mock.report().answered_again)
"""

import asyncio
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from random import Random
from typing import TYPE_CHECKING, Any, Literal

import msgspec

if TYPE_CHECKING:
    from aiohttp import web

Fault = Literal["rate_limited", "server_error", "hang", "cut", "broken_json", "truncated", "refusal", "garbage"]

# About 600 tokens, of the kind that a model says in such conversations.
USUAL_TEXT = " ".join(
    f"{number}. The invoice for order {1000 + number} is attached to the thread, and its owner has been told."
    for number in range(1, 28)
)
FOREVER_S = 86_400
GARBAGE = "lorem ipsum dolor sit amet {"
PROBE_WORD = "7431"


class Reply(msgspec.Struct, frozen=True, omit_defaults=True):
    """An assistant message, as the endpoint sends it."""

    content: str | None = None
    tool_calls: list[Any] = []


class Script(msgspec.Struct, frozen=True):
    """Instructions for the endpoint. `faults` are shares of the tries, in sum at most 1; all other tries are answered.

    With `replies` (by `prompt_key`, then by seed) only what is in them is answered, under an unknown seed
    with any reply to the same prompt; another prompt is counted as `unknown` and gets HTTP 422. At the
    request with the number `dies_at` the endpoint drops all connections and its port, for `dead_s` or, if that is
    None, until it is told to go on. A request meets at most `most_faults` faults, so that with as many retries it is
    answered. After `stalls_at` answers the endpoint gives none until it is told to go on.
    """

    latency_s: float = 0.05
    faults: dict[Fault, float] = {}
    most_faults: int | None = None
    retry_after_s: int = 1
    seed: int = 0
    dies_at: int | None = None
    dead_s: float | None = 0.0
    stalls_at: int | None = None
    replies: dict[str, dict[int, Reply]] | None = None


class Tally(msgspec.Struct):
    """One request's tries; `answered` are complete and readable answers that were written out."""

    asked: int = 0
    answered: int = 0
    not_before: float = 0.0


class Report(msgspec.Struct):
    """Counts since the last `play`. `early` are tries that came before the Retry-After they were given.

    `dead` is true while the endpoint has dropped its port.
    """

    requests: dict[str, Tally] = {}
    faults: dict[str, int] = {}
    unknown: int = 0
    early: int = 0
    in_flight: int = 0
    most_in_flight: int = 0
    dead: bool = False
    first_at: float = 0.0
    cpu_s: float = 0.0

    @property
    def asked(self) -> int:
        return sum(tally.asked for tally in self.requests.values())

    @property
    def answered(self) -> int:
        return sum(tally.answered for tally in self.requests.values())

    @property
    def answered_again(self) -> int:
        """Answers beyond the first to the same request, which were paid for twice."""
        return sum(max(0, tally.answered - 1) for tally in self.requests.values())


def prompt_key(messages: Sequence[Mapping[str, Any]]) -> str:
    """Hashes a prompt, without seed, sampling, constraint and tools.

    A tool call may be in the form of the chat completions protocol, or the plain name and arguments.
    """
    prompt = [
        (message["role"], message.get("content"), [_called(call) for call in message.get("tool_calls", ())])
        for message in messages
    ]
    return blake2b(msgspec.json.encode(prompt), digest_size=16).hexdigest()


def _called(call: Mapping[str, Any]) -> tuple[str, str]:
    """Returns the name and the arguments of a tool call in either form."""
    function = call.get("function", call)
    return function["name"], function["arguments"]


class MockEndpoint:
    """Handle on the endpoint's process; clients connect to `base_url`."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.base_url = f"http://127.0.0.1:{self._told()}/v1"

    def play(self, script: Script) -> None:
        """Makes the endpoint follow `script` from now on, with an empty report."""
        self._tell(script)
        self._told()

    def report(self) -> Report:
        """Asks the process for its report."""
        self._tell(None)
        return msgspec.convert(self._told(), Report)

    def read_what_was_sent(self) -> None:
        """Returns once the endpoint has read what clients had sent before, also those that have ended meanwhile.

        It accepts and reads in the order of arrival, so that its answers to later requests say so.
        """
        loopback = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        for _ in range(3):
            with loopback.open(f"{self.base_url}/models") as response:
                response.read()

    def go_on(self) -> None:
        """Ends the stall of `Script.stalls_at`, or the death of `Script.dies_at` that has no end of its own."""
        self._tell(True)
        self._told()

    def _tell(self, command: "Script | bool | None") -> None:
        assert self._process.stdin
        self._process.stdin.write(msgspec.json.encode(command) + b"\n")
        self._process.stdin.flush()

    def _told(self) -> Any:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("The mock endpoint has ended; see its error above")
        return msgspec.json.decode(line)


@contextmanager
def mock_endpoint() -> Iterator[MockEndpoint]:
    process = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield MockEndpoint(process)
    finally:
        process.kill()
        process.communicate()


# ── in its own process ────────────────────────────────────────────────────────────────────────


class _Endpoint:
    """The server; commands come as JSON lines on standard input, answers go to standard output."""

    def __init__(self) -> None:
        self._script, self._report = Script(), Report()
        self._arrived = self._let_out = 0
        self._may_go_on = asyncio.Event()
        self._began = time.process_time()
        self._dying: asyncio.Task[None] | None = None

    async def serve(self) -> None:
        """Serves until standard input ends, so that it never outlives the process that started it."""
        from aiohttp import web

        loop = asyncio.get_running_loop()
        self._server = web.Server(self._handle, handler_cancellation=True, access_log=None)
        await self._listen(0)
        print(self._port, flush=True)
        commands = asyncio.StreamReader(limit=1 << 30)
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
        while line := await commands.readline():
            script = msgspec.json.decode(line, type=Script | bool | None)
            if script is None:
                self._report.cpu_s = time.process_time() - self._began
                self._report.dead = self._dying is not None and not self._dying.done()
                answer = self._report
            elif isinstance(script, bool):
                self._may_go_on.set()
                answer = True
            else:
                self._may_go_on.set()
                if self._dying:
                    await self._dying
                self._script, self._report, self._arrived, answer = script, Report(), 0, True
                self._let_out = 0
                self._may_go_on.clear()
                self._began = time.process_time()
            sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
            sys.stdout.buffer.flush()

    async def _listen(self, port: int) -> None:
        self._listening = await asyncio.get_running_loop().create_server(
            self._server, "127.0.0.1", port, backlog=4096, reuse_address=True
        )
        self._port = self._listening.sockets[0].getsockname()[1]

    async def _die(self) -> None:
        self._listening.close()
        for connection in self._server.connections:
            if connection.transport:
                connection.transport.abort()
        if self._script.dead_s is None:
            await self._may_go_on.wait()
        else:
            await asyncio.sleep(self._script.dead_s)
        await self._listen(self._port)

    async def _handle(self, request: "web.BaseRequest") -> "web.StreamResponse":
        if request.method != "POST":
            return _json(200, {"object": "list", "data": [{"id": "mock"}]})
        question, report = msgspec.json.decode(await request.read()), self._report
        probe_reply = _probe_reply(question)
        if probe_reply:
            return _json(200, _chat(question, probe_reply))
        self._arrived += 1
        report.first_at = report.first_at or time.time()
        report.in_flight += 1
        report.most_in_flight = max(report.most_in_flight, report.in_flight)
        if self._arrived == self._script.dies_at:
            self._dying = asyncio.create_task(self._die())
        try:
            return await self._reply(request, question, report)
        finally:
            report.in_flight -= 1

    async def _reply(
        self, request: "web.BaseRequest", question: dict[str, Any], report: Report
    ) -> "web.StreamResponse":
        script, key, seed = self._script, prompt_key(question["messages"]), question.get("seed", 0)
        tally = report.requests.setdefault(f"{key}:{seed}", Tally())
        tally.asked += 1
        if time.monotonic() < tally.not_before:
            report.early += 1
        reply = self._said(key, seed)
        if reply is None:
            report.unknown += 1
            return _failed(422, "The mock endpoint has no reply to this prompt")
        fault = _drawn(script, key, seed, tally.asked)
        if fault:
            report.faults[fault] = report.faults.get(fault, 0) + 1
        if fault == "rate_limited":
            tally.not_before = time.monotonic() + script.retry_after_s
            return _failed(429, "Rate limit reached", {"Retry-After": str(script.retry_after_s)})
        await asyncio.sleep(FOREVER_S if fault == "hang" else script.latency_s)
        match fault:
            case "server_error":
                return _failed(500, "The engine core has died")
            case "broken_json":
                return _json(200, b'{"choices": [{"index": 0, "message": {"role": "assis')
            case "cut":
                return await _cut(request, _chat(question, reply))
            case "refusal":
                return _json(200, _chat(question, Reply(), refusal="I cannot help with that."))
            case "truncated":
                half = Reply((reply.content or "")[: len(reply.content or "") // 2])
                response = _json(200, _chat(question, half, finish_reason="length"))
            case "garbage":
                response = _json(200, _chat(question, Reply(GARBAGE)))
            case _:
                response = _json(200, _chat(question, reply))
        self._let_out += 1
        if script.stalls_at is not None and self._let_out > script.stalls_at:
            await self._may_go_on.wait()
        # Written here and not by the server after the handler, so that only what went out is counted.
        await response.prepare(request)
        await response.write_eof()
        tally.answered += 1
        return response

    def _said(self, key: str, seed: int) -> Reply | None:
        if self._script.replies is None:
            return Reply(USUAL_TEXT)
        by_seed = self._script.replies.get(key)
        return (by_seed.get(seed) or next(iter(by_seed.values()))) if by_seed else None


def _probe_reply(question: dict[str, Any]) -> Reply | None:
    """Returns the reply to an engine's first request, by which it sees that constraints are honoured; else None.

    Such a request is not in the report and never meets a fault.
    """
    constraint = str([question.get(name) for name in ("structured_outputs", "response_format", "grammar")])
    if PROBE_WORD not in constraint:
        return None
    return Reply('{"zq": "7431"}' if "json" in constraint else "zq-7431")


def _drawn(script: Script, key: str, seed: int, number: int) -> Fault | None:
    """Draws the fault of a request's try, or None, from the shares of the script."""
    if not script.faults or (script.most_faults is not None and number > script.most_faults):
        return None
    remaining = Random(f"{script.seed} {key} {seed} {number}").random()
    for fault, share in script.faults.items():
        remaining -= share
        if remaining < 0:
            return fault
    return None


def _chat(question: dict[str, Any], reply: Reply, finish_reason: str = "stop", **said: str) -> dict[str, Any]:
    prompt_tokens = sum(len(message.get("content") or "") for message in question["messages"]) // 4
    message = {"role": "assistant", "content": reply.content, **said}
    if reply.tool_calls:
        message["tool_calls"] = reply.tool_calls
        finish_reason = "tool_calls"
    answer_tokens = len(reply.content or "") // 4
    usage = {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": answer_tokens,
        "total_tokens": prompt_tokens + answer_tokens,
    }
    return {
        "id": "chatcmpl-mock",
        "object": "chat.completion",
        "created": 1_767_225_600,
        "model": question["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason, "logprobs": None}],
        "usage": usage | {"prompt_tokens_details": {"cached_tokens": prompt_tokens * 3 // 4}},
    }


def _failed(status: int, message: str, headers: dict[str, str] | None = None) -> "web.Response":
    return _json(status, {"error": {"message": message, "type": "mock", "code": None}}, headers)


def _json(status: int, body: dict[str, Any] | bytes, headers: dict[str, str] | None = None) -> "web.Response":
    from aiohttp import web

    content = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return web.Response(status=status, body=content, headers=headers, content_type="application/json")


async def _cut(request: "web.BaseRequest", body: dict[str, Any]) -> "web.StreamResponse":
    """Writes half of an answer, then closes the connection."""
    from aiohttp import web

    content = msgspec.json.encode(body)
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(content))})
    await response.prepare(request)
    await response.write(content[: len(content) // 2])
    if request.transport:
        request.transport.close()
    return response


if __name__ == "__main__":
    asyncio.run(_Endpoint().serve())
