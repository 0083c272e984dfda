"""Offers a session's tools by the Model Context Protocol, over stdio or streamable HTTP.

Belongs here: the protocol, and the security of the HTTP server: it binds to the loopback unless told otherwise, and
refuses requests whose Host or Origin it does not know. All clients of one server act in one world. Needs the package
`mcp`, which the extra `world` installs; it is imported here alone, so import this module where it is used.
"""

import logging
from collections.abc import Sequence
from typing import Any

import anyio
import msgspec
from mcp import types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from mcp.shared.exceptions import MCPError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.schema import schema_type
from funcdex_assets.world_server.control import CONTROLS, TOOL_PREFIX, control_session
from funcdex_assets.world_server.http_server import LOOPBACK_NAMES
from funcdex_assets.world_server.json_inputs import MOST_LEVELS_AROUND
from funcdex_assets.world_server.session import SessionError, WorldSession

GOAL_PROMPT = "goal"


def build_server(
    session: WorldSession, name: str, instructions: str = "", *, with_control: bool = False
) -> Server[Any]:
    """Returns an MCP server whose tools act in the session.

    The goal's request is its prompt `goal`. Where `with_control`, the session is steered by tools, too: `world_reset`
    and its like.
    """

    async def list_tools(_: Any, __: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        tools = [_describe_tool(tool) for tool in session.tools.values()]
        controls = [
            types.Tool(name=f"{TOOL_PREFIX}{act}", description=about, input_schema=dict(schema))
            for act, (about, schema) in CONTROLS.items()
        ]
        return types.ListToolsResult(tools=[*tools, *(controls if with_control else ())])

    async def call_tool(_: Any, parameters: types.CallToolRequestParams) -> types.CallToolResult:
        arguments = dict(parameters.arguments or {})
        act = parameters.name.removeprefix(TOOL_PREFIX)
        if with_control and parameters.name.startswith(TOOL_PREFIX) and act in CONTROLS:
            try:
                return _render_result(control_session(session, act, arguments), is_error=False)
            except SessionError as error:
                return _render_result({"error": str(error)}, is_error=True)
        outcome = session.call(parameters.name, arguments)
        return _render_result(outcome.content, outcome.is_error)

    async def list_prompts(_: Any, __: types.PaginatedRequestParams | None) -> types.ListPromptsResult:
        prompts = [types.Prompt(name=GOAL_PROMPT, description="What is to be done in this world.")]
        return types.ListPromptsResult(prompts=prompts if session.goal else [])

    async def get_prompt(_: Any, parameters: types.GetPromptRequestParams) -> types.GetPromptResult:
        if parameters.name != GOAL_PROMPT or session.goal is None:
            raise MCPError(types.INVALID_PARAMS, f"there is no prompt {parameters.name!r}")
        texts = [message["content"] for message in session.goal.messages]
        content = types.TextContent(type="text", text="\n\n".join(texts))
        return types.GetPromptResult(messages=[types.PromptMessage(role="user", content=content)])

    return Server(
        f"funcdex-world-{name}",
        instructions=instructions or None,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_prompts=list_prompts,
        on_get_prompt=get_prompt,
    )


def serve_stdio(server: Server[Any]) -> None:
    """Serves one client over this process's standard input and output, until it closes them."""

    async def serve() -> None:
        async with stdio_server() as (read_stream, write_stream):
            await server.run(read_stream, write_stream, server.create_initialization_options())

    logging.getLogger("mcp").setLevel(logging.ERROR)
    anyio.run(serve)


def build_http_app(
    server: Server[Any], session: WorldSession, port: int, host_names: Sequence[str] = LOOPBACK_NAMES
) -> Starlette:
    """Returns the web application: MCP at `/mcp`, and `/control/NAME`, to which JSON is posted.

    Requests are served that name one of `host_names` with this port; web pages from elsewhere are refused.
    """
    security = TransportSecuritySettings(
        allowed_hosts=[f"{name}:{port}" for name in host_names],
        allowed_origins=[f"http://{name}:{port}" for name in host_names],
    )
    guard = TransportSecurityMiddleware(security)

    async def control(request: Request) -> Response:
        refusal = await guard.validate_request(request, is_post=True)
        if refusal is not None:
            return refusal
        try:
            arguments = _read_object(await request.body())
            return _respond(control_session(session, request.path_params["act"], arguments))
        except SessionError as error:
            return _respond({"error": str(error)}, 400)

    return server.streamable_http_app(
        transport_security=security,
        custom_starlette_routes=[Route("/control/{act}", control, methods=["POST"])],
    )


def _read_object(body: bytes) -> dict[str, Any]:
    try:
        content = msgspec.json.decode(body or b"{}")
    except RecursionError:
        raise SessionError(f"the body is nested too deep; give {MOST_LEVELS_AROUND} levels at most") from None
    except msgspec.DecodeError as error:
        raise SessionError(f"the body is no JSON: {error}") from None
    if not isinstance(content, dict):
        raise SessionError("the body is no JSON object")
    return content


def _describe_tool(tool: Tool) -> types.Tool:
    """Returns a tool as MCP describes it; only results that are objects have a schema there."""
    output = dict(tool.returns) if isinstance(tool.returns, dict) and schema_type(tool.returns) == "object" else None
    return types.Tool(
        name=tool.name, description=tool.description, input_schema=dict(tool.parameters), output_schema=output
    )


def _render_result(content: Any, is_error: bool) -> types.CallToolResult:
    text = types.TextContent(type="text", text=msgspec.json.encode(content).decode())
    structured = content if isinstance(content, dict) else None
    return types.CallToolResult(content=[text], structured_content=structured, is_error=is_error)


def _respond(content: dict[str, Any], status: int = 200) -> Response:
    return JSONResponse(content, status_code=status)
