"""A tiny real server, made with the mcp package, and scripts that break the protocol in every way."""

import asyncio
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import anyio
import pytest

from funcdex_assets.catalog.drafts import Draft, Origin, Problem
from funcdex_assets.catalog.errors import CatalogError
from funcdex_assets.catalog.loaders import mcp_server
from funcdex_assets.catalog.loaders.mcp_server import ask_server, read_server
from funcdex_assets.catalog.registry import register_drafts
from funcdex_assets.records.tool import Tool

pytestmark = pytest.mark.concurrent
TIME_UP_S = 7
needs_mcp = pytest.mark.skipif(find_spec("mcp") is None, reason="the package mcp (extra: catalog) is not installed")

SERVER = """
import sys
from typing import TypedDict
from mcp.server import MCPServer
from mcp.types import ToolAnnotations

server = MCPServer("tiny", instructions="Ask before you forget a city.")

class Forecast(TypedDict):
    celsius: float

@server.tool(annotations=ToolAnnotations(title="Weather now", readOnlyHint=True))
def get_forecast(city: str, days: int = 1) -> Forecast:
    "The forecast of a city."
    return {"celsius": 1.0}

@server.tool(annotations=ToolAnnotations(destructiveHint=True))
def forget(city: str) -> None:
    "Forgets a city."

if len(sys.argv) > 1:
    server.run(sys.argv[1], port=int(sys.argv[2]))
else:
    server.run()
"""
# Speaks the protocol of 2025 by hand, so that it can also break it: PAGES is what it answers to tools/list by cursor.
SCRIPTED = """
import json, sys
PAGES = json.loads(sys.argv[1])
for line in sys.stdin:
    message = json.loads(line)
    if message.get("method") == "initialize":
        server = {"name": "s", "version": "1"}
        result = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": server}
    elif message.get("method") == "tools/list":
        result = PAGES[(message.get("params") or {}).get("cursor") or ""]
    else:
        result = None
    if "id" in message:
        answer = {"result": result} if result else {"error": {"code": -32601, "message": "no such method"}}
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], **answer}), flush=True)
"""
TOOL = {"name": "f", "inputSchema": {"type": "object", "properties": {}}}


@pytest.fixture
def server(tmp_path: Path) -> Path:
    path = tmp_path / "server.py"
    path.write_text(SERVER)
    return path


def scripted(pages: dict[str, Any]) -> list[str]:
    return [sys.executable, "-c", SCRIPTED, json.dumps(pages)]


def assert_tiny(name: str, found: list[Draft | Problem], instructions: str | None) -> None:
    assert name == "tiny"
    assert instructions == "Ask before you forget a city."
    forecast, forget = found
    assert isinstance(forecast, Draft)
    assert isinstance(forget, Draft)
    assert forecast.name == "get_forecast"
    assert forecast.description == "Weather now. The forecast of a city."
    assert forecast.parameters == {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer", "default": 1}},
        "required": ["city"],
        "additionalProperties": False,
    }
    assert forecast.returns["properties"] == {"celsius": {"type": "number"}}
    assert forget.description.endswith("It may change or delete what is there.")
    assert all(isinstance(each, Tool) for each in register_drafts(found, Origin(name, "s")))


@needs_mcp
def test_a_server_over_stdio(server: Path) -> None:
    assert_tiny(*ask_server([sys.executable, str(server)], 600))


@pytest.fixture(params=["streamable-http", "sse"])
def address(server: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    child = subprocess.Popen([sys.executable, str(server), request.param, "0"], stderr=subprocess.PIPE, text=True)
    assert child.stderr is not None
    try:
        log: list[str] = []
        while not (running := re.search(r"running on (http://127\.0\.0\.1:\d+)", "".join(log[-1:]))):
            log.append(child.stderr.readline())
            assert log[-1], "".join(log)
        threading.Thread(target=child.stderr.read, daemon=True).start()
        yield f"{running[1]}/{'sse' if request.param == 'sse' else 'mcp'}"
    finally:
        child.kill()
        child.wait()


@needs_mcp
def test_a_server_over_http(address: str) -> None:
    assert_tiny(*ask_server(address, 600))


@needs_mcp
def test_an_address_that_is_not_of_a_server(address: str) -> None:
    with pytest.raises(CatalogError, match="does not answer as an MCP server"):
        read_server(f"{address}/none", 600)


@needs_mcp
def test_all_pages_are_read() -> None:
    pages = {
        "": {"tools": [TOOL], "nextCursor": "2"},
        "2": {"tools": [{**TOOL, "name": "g"}], "nextCursor": "3"},
        "3": {"tools": []},
    }
    served = ask_server(scripted(pages), 600)
    assert served.name == "s"
    assert [each.name for each in served.drafts if isinstance(each, Draft)] == ["f", "g"]


@needs_mcp
@pytest.mark.parametrize(
    ("second", "reason"),
    [
        pytest.param({"tools": [], "nextCursor": "2"}, "read already", id="a ring of pages"),
        pytest.param({"tools": [{"name": 5}]}, "not as the protocol says", id="a page of something else"),
    ],
)
def test_a_bad_page_keeps_what_was_read_before(second: Any, reason: str) -> None:
    good, bad = read_server(scripted({"": {"tools": [TOOL], "nextCursor": "2"}, "2": second}), 600)
    assert isinstance(good, Draft)
    assert isinstance(bad, Problem)
    assert reason in bad.reason


QUIET = "import sys; sys.stdin.read()"


@needs_mcp
@pytest.mark.parametrize(
    ("command", "timeout_s", "messages"),
    [
        pytest.param(
            ["/no/such/server", "--x"], 600, ["/no/such/server --x cannot be started", "install it"], id="missing"
        ),
        pytest.param([__file__], 600, ["cannot be started: Permission denied"], id="no program"),
        pytest.param(
            [sys.executable, "-c", "import sys; sys.exit('no key given')"],
            600,
            ["Connection closed", "its stderr ends with: no key given", "by hand"],
            id="exits at once",
        ),
        pytest.param([sys.executable, "-c", QUIET], 1, ["no answer within 1 s"], id="says nothing"),
        pytest.param(
            scripted({"": {"tools": 5}}), 600, ["tools: Input should be a valid list"], id="breaks the protocol"
        ),
        pytest.param([], 600, ["is no command"], id="no command"),
    ],
)
def test_servers_that_do_not_answer(command: list[str], timeout_s: float, messages: list[str]) -> None:
    with pytest.raises(CatalogError) as raised:
        read_server(command, timeout_s)
    assert all(message in str(raised.value) for message in messages), str(raised.value)


@needs_mcp
@pytest.mark.parametrize("address", ["ftp://example.org", "http://127.0.0.1:9/mcp", "http://["], ids=repr)
def test_addresses_without_a_server(address: str) -> None:
    with pytest.raises(CatalogError):
        read_server(address, 600)


@pytest.fixture
def time_is_up_at_garbage(monkeypatch: pytest.MonkeyPatch) -> None:
    """`TIME_UP_S` ends when the client has read a line that is no message, and not before."""
    garbage: list[Exception] = []
    quote, fail_after = mcp_server._quote_bad_line, anyio.fail_after

    @contextmanager
    def fail_at_garbage(delay: float | None, shield: bool = False) -> Iterator[anyio.CancelScope]:
        with fail_after(None if delay == TIME_UP_S else delay, shield) as scope:

            def look() -> None:
                if garbage:
                    scope.deadline = anyio.current_time()
                else:
                    asyncio.get_running_loop().call_later(0.01, look)

            if delay == TIME_UP_S:
                look()
            yield scope

    monkeypatch.setattr(mcp_server, "_quote_bad_line", lambda line: garbage.append(line) or quote(line))
    monkeypatch.setattr(anyio, "fail_after", fail_at_garbage)


@needs_mcp
@pytest.mark.usefixtures("time_is_up_at_garbage")
def test_a_server_that_prints_garbage() -> None:
    with pytest.raises(CatalogError, match=r"no answer within 7 s.*'Listening on port 80'"):
        read_server([sys.executable, "-c", f"print('Listening on port 80', flush=True); {QUIET}"], TIME_UP_S)


STUBBORN = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open(sys.argv[1], "w").write(str(os.getpid()))
print("no message", flush=True)
time.sleep(3600)
"""


@needs_mcp
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.usefixtures("time_is_up_at_garbage")
def test_a_child_that_does_not_end_is_ended(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    with pytest.raises(CatalogError, match="no answer within 7 s"):
        read_server([sys.executable, "-c", STUBBORN, str(note)], TIME_UP_S)
    with pytest.raises(ProcessLookupError):
        os.kill(int(note.read_text()), 0)


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mcp", None)
    with pytest.raises(CatalogError, match=r"funcdex-assets\[catalog\]"):
        read_server(["anything"])
