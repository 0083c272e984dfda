"""The live world as an MCP server, asked by the official client: in process, over stdio, over streamable HTTP."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from goal_cases import begin, here, list_calls, list_rows, list_tools, make_goals, write_rows
from waiting import find_free_port, wait_until

pytest.importorskip("mcp.server.mcpserver", reason="the package mcp from 2.0 on (extra: world) is not installed")

from mcp import Client, MCPError, StdioServerParameters

from funcdex_assets.world_server.mcp_server import build_http_app, build_server
from funcdex_assets.world_server.session import WorldSession

FIND = ("FETCH_EMAILS", {"query": "lease"})
LABEL = ("CREATE_LABEL", {"label_name": "Leases"})
CONTROLS = {f"world_{act}" for act in ("reset", "goals", "tell", "snapshot", "restore", "check")}


def ask(server: Any, talk: Callable[[Client], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with Client(server) as client:
            return await talk(client)

    return asyncio.run(run())


async def call(client: Client, name: str, arguments: dict[str, Any]) -> tuple[bool, Any]:
    result = await client.call_tool(name, arguments)
    return bool(result.is_error), json.loads(result.content[0].text)


@pytest.fixture
def project(tmp_path) -> Path:
    (tmp_path / "funcdex.yaml").write_text("toolkits: [gmail]\n")
    return tmp_path


def spawned(project: Path, *options: str) -> StdioServerParameters:
    arguments = ["-m", "funcdex_assets.cli", "world", "gmail", "--seed", "7", *options]
    here_too = {"PYTHONPATH": str(Path(__file__).parents[3])}
    return StdioServerParameters(command=sys.executable, args=arguments, cwd=project, env=here_too)


# ── in process ───────────────────────────────────────────────────────────────────────────────


def test_the_tools_are_those_of_the_toolkit_and_no_more():
    async def talk(client: Client) -> Any:
        return (await client.list_tools()).tools

    tools = ask(build_server(begin([]), "gmail"), talk)
    assert [tool.name for tool in tools] == [tool.name for tool in list_tools()]
    assert [tool.input_schema for tool in tools] == [tool.parameters for tool in list_tools()]


def test_control_is_offered_as_tools_if_asked_for(tmp_path):
    goals = make_goals(tmp_path)
    session = begin(goals)

    async def talk(client: Client) -> None:
        names = {tool.name for tool in (await client.list_tools()).tools}
        assert names >= CONTROLS
        _, told = await call(client, "world_reset", {"goal": goals[1].goal_id})
        assert told == {"goal": goals[1].goal_id, "messages": goals[1].messages}
        _, state = await call(client, "world_check", {})
        assert state["reached"] is False
        for name, arguments in list_calls(goals[1].goal_id):
            await call(client, name, arguments)
        assert (await call(client, "world_check", {}))[1]["reached"] is True
        _, kept = await call(client, "world_snapshot", {})
        await call(client, "world_reset", {})
        assert (await call(client, "world_check", {}))[1]["reached"] is False
        await call(client, "world_restore", kept)
        assert (await call(client, "world_check", {}))[1]["reached"] is True
        is_error, told = await call(client, "world_reset", {"gaol": "x"})
        assert is_error
        assert "gaol" in told["error"]

    ask(build_server(session, "gmail", with_control=True), talk)


def test_control_is_no_tool_otherwise():
    async def talk(client: Client) -> Any:
        return await call(client, "world_check", {})

    assert ask(build_server(begin([]), "gmail"), talk) == (True, {"error": "there is no tool 'world_check'"})


def test_the_goal_is_a_prompt_and_tells_no_end_state(tmp_path):
    goals = make_goals(tmp_path)

    async def talk(client: Client) -> Any:
        prompts = (await client.list_prompts()).prompts
        return [prompt.name for prompt in prompts], (await client.get_prompt("goal")).messages

    names, messages = ask(build_server(begin(goals), "gmail"), talk)
    assert names == ["goal"]
    assert messages[0].content.text == f"You are an assistant.\n\n{goals[0].request}"


def test_a_sandbox_has_no_prompt():
    async def talk(client: Client) -> Any:
        with pytest.raises(MCPError, match="there is no prompt 'goal'"):
            await client.get_prompt("goal")
        return (await client.list_prompts()).prompts

    assert ask(build_server(begin([]), "gmail"), talk) == []


@pytest.mark.parametrize("partition", ["asana", "googlecalendar", "jira", "stripe", "todoist", "whatsapp"])
def test_results_are_valid_under_the_schemas_that_clients_are_told(partition):
    """The official client checks structured content against the tool's output schema."""
    session = WorldSession(list_tools(partition), here(partition), 7, is_strict=False)
    questions = [tool for tool in list_tools(partition) if not tool.parameters.get("required")]

    async def talk(client: Client) -> int:
        await client.list_tools()
        for tool in questions:
            result = await client.call_tool(tool.name, {})
            assert not result.is_error, tool.name
        return len(questions)

    assert ask(build_server(session, partition), talk)


# ── over stdio and HTTP ──────────────────────────────────────────────────────────────────────


@pytest.mark.concurrent
def test_over_stdio_the_same_seed_has_the_same_answers(project):
    async def talk(client: Client) -> Any:
        names = [tool.name for tool in (await client.list_tools()).tools]
        return names, [await call(client, *asked) for asked in (FIND, LABEL, FIND)]

    first, again = ask(spawned(project), talk), ask(spawned(project), talk)
    assert first == again
    assert first[0] == [tool.name for tool in list_tools()]
    assert not any(is_error for is_error, _ in first[1])


@pytest.mark.concurrent
def test_over_stdio_after_a_reset_the_world_is_new(project):
    async def talk(client: Client) -> Any:
        first = [await call(client, *asked) for asked in (FIND, LABEL, FIND)]
        await call(client, "world_reset", {})
        return first, [await call(client, *asked) for asked in (FIND, LABEL, FIND)]

    first, again = ask(spawned(project, "--control"), talk)
    assert first == again


@pytest.fixture
def served(project) -> Iterator[int]:
    """The port of a world with goals, served over HTTP."""
    port = find_free_port()
    rows = write_rows(project / "rows.jsonl", *list_rows())
    command = [sys.executable, "-m", "funcdex_assets.cli", "world", "gmail", "--seed", "7"]
    options = ["--http", "--port", str(port), "--goals", str(rows)]
    path = {"PYTHONPATH": str(Path(__file__).parents[3])}
    log = project / "log"
    with log.open("w") as output:
        process = subprocess.Popen([*command, *options], cwd=project, env=path, stderr=output, stdout=output)
    try:
        wait_until(lambda: "Ctrl-C" in log.read_text(), unless=lambda: process.poll() is not None and log.read_text())
        yield port
    finally:
        process.terminate()
        process.wait()


def post(port: int, path: str, body: Any, **headers: str) -> httpx2.Response:
    return httpx2.post(f"http://127.0.0.1:{port}{path}", json=body, headers=headers)


@pytest.mark.concurrent
def test_over_http_agents_call_tools_and_trainers_steer_beside_them(served, tmp_path):
    goal = make_goals(tmp_path)[1]
    assert post(served, "/control/reset", {"goal": goal.goal_id}).json()["messages"] == goal.messages
    assert post(served, "/control/check", {}).json()["reached"] is False

    async def talk(client: Client) -> None:
        names = {tool.name for tool in (await client.list_tools()).tools}
        assert not names & CONTROLS
        for name, arguments in list_calls(goal.goal_id):
            await call(client, name, arguments)

    ask(f"http://127.0.0.1:{served}/mcp", talk)
    state = post(served, "/control/check", {}).json()
    assert (state["reached"], state["differences"]) == (True, [])
    assert state["changes"]
    assert post(served, "/control/chekc", {}).status_code == 400
    assert "did you mean 'check'" in post(served, "/control/chekc", {}).json()["error"]
    assert post(served, "/control/reset", {"goal": "none"}).status_code == 400
    assert post(served, "/control/check", [1]).status_code == 400


def test_what_control_cannot_read_is_refused_in_words():
    """The web application without a network: a raised error would come through."""
    app = build_http_app(build_server(session := begin([]), "gmail"), session, 80)
    session.call(*LABEL)
    snapshot = session.snapshot()
    bodies = {
        "no JSON": ("check", b"{", "the body is no JSON"),
        "100,000 levels": ("check", b"[" * 100_000, "nested too deep"),
        "900 levels": ("check", b'{"expected": ' + b"[" * 900 + b"]" * 900 + b"}", "nested deeper than"),
        "an altered log": ("restore", json.dumps({"snapshot": {**snapshot, "log": [{}]}}).encode(), "/log/0"),
        "expected of an altered seed": (
            "check",
            json.dumps({"expected": {**snapshot, "seed": None}}).encode(),
            "/seed",
        ),
    }

    async def talk() -> list[tuple[str, int, str]]:
        transport = httpx2.ASGITransport(app=app)
        answers = []
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:80") as client:
            for case, (act, body, reason) in bodies.items():
                headers = {"content-type": "application/json", "host": "127.0.0.1:80"}
                answer = await client.post(f"/control/{act}", content=body, headers=headers)
                error = answer.json()["error"]
                answers.append((case, answer.status_code, reason if reason in error else error))
        return answers

    assert asyncio.run(talk()) == [(case, 400, reason) for case, (_, _, reason) in bodies.items()]
    assert session.snapshot() == snapshot


@pytest.mark.concurrent
@pytest.mark.parametrize("path", ["/mcp", "/control/check"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [({"host": "evil.example"}, 421), ({"host": "evil.example:80"}, 421), ({"origin": "http://evil.example"}, 403)],
    ids=["another host", "another host and port", "a page from elsewhere"],
)
def test_over_http_strange_hosts_and_pages_are_refused(served, path, headers, status):
    assert post(served, path, {}, **headers).status_code == status
