"""The tools that a running MCP server offers, asked over stdio or HTTP through the `mcp` package.

Here belongs the conversation with the server: it is started or called, asked for its tools page by page, and let go.
A child does not outlive the call. What one tool's definition means is in `openai_functions`.

    found = read_server(["uvx", "mcp-server-time"])
    found = read_server("https://example.org/mcp")
"""

import logging
import shlex
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from funcdex_assets.catalog.drafts import Draft, Problem
from funcdex_assets.catalog.errors import CatalogError
from funcdex_assets.catalog.loaders.openai_functions import drafted

if TYPE_CHECKING:
    from mcp import Client  # pyright: ignore[reportMissingImports]

MOST_PAGES = 1000
MOST_TOOLS = 20_000
SHOWN_OF_STDERR = 2000

_INSTALL = 'reading a server needs the package mcp; install it with: uv pip install "funcdex-assets[catalog]"'


class Served(NamedTuple):
    """What a server answers: the name that it gives itself, '' for none, and its tools."""

    name: str
    found: list[Draft | Problem]


def read_server(
    server: Sequence[str] | str,
    timeout_s: float = 60,
    *,
    environment: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> list[Draft | Problem]:
    """As `ask_server`, without the server's name."""
    return ask_server(server, timeout_s, environment=environment, headers=headers).found


def ask_server(
    server: Sequence[str] | str,
    timeout_s: float = 60,
    *,
    environment: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Served:
    """`server` is a command with its arguments, which is run, or the address of a server that runs already.

    A command inherits PATH, HOME and the like; what else it needs of the environment, such as a key, is given in
    `environment`. `headers` go with every request to an address. Waits for `timeout_s`, and some seconds more for
    a child that does not end. Not to be called from within an event loop.

    Raises:
        CatalogError: the package or the server is missing, the server does not answer, or not in MCP.
    """
    try:
        import anyio
        import mcp  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise CatalogError(_INSTALL) from None
    if not hasattr(mcp, "Client"):
        raise CatalogError(f"the package mcp is older than 2.0; {_INSTALL}")
    if isinstance(server, str):
        return anyio.run(_ask_address, server, timeout_s, dict(headers or {}))
    if not server or not all(isinstance(part, str) and part and "\0" not in part for part in server):
        raise CatalogError(f"{server!r} is no command; give the program and its arguments as a list of words")
    return anyio.run(_ask_command, list(server), timeout_s, dict(environment or {}))


async def _ask_command(command: list[str], timeout_s: float, environment: dict[str, str]) -> Served:
    from mcp import StdioServerParameters, stdio_client  # pyright: ignore[reportMissingImports]

    shown = " ".join(shlex.join(command).split())[:300]
    parameters = StdioServerParameters(
        command=command[0], args=command[1:], env=environment or None, encoding_error_handler="replace"
    )
    garbage: list[str] = []
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as stderr, _quiet():
        try:
            return await _ask(lambda: stdio_client(parameters, errlog=stderr), timeout_s, garbage)
        except (FileNotFoundError, PermissionError, NotADirectoryError) as error:
            raise CatalogError(
                f"{shown} cannot be started: {error.strerror}; check the command, or install it"
            ) from None
        except Exception as error:
            reason = f"{_reason(error, timeout_s)}{_heard(garbage)}{_tail(stderr)}"
            raise CatalogError(
                f"{shown} does not answer as an MCP server: {reason}; run the command by hand to see what it prints"
            ) from None


async def _ask_address(address: str, timeout_s: float, headers: dict[str, str]) -> Served:
    """Over streamable HTTP; over SSE where that is refused, as it is by older servers."""
    import anyio
    import httpx2
    from mcp.client.sse import sse_client  # pyright: ignore[reportMissingImports]
    from mcp.client.streamable_http import streamable_http_client  # pyright: ignore[reportMissingImports]

    @asynccontextmanager
    async def streamed() -> AsyncIterator[Any]:
        timeout = httpx2.Timeout(timeout_s, read=timeout_s)
        async with (
            httpx2.AsyncClient(headers=headers, timeout=timeout) as http,
            streamable_http_client(address, http_client=http) as streams,
        ):
            yield streams

    if not address.startswith(("http://", "https://")):
        raise CatalogError(f"{address!r} is no address of a server; give one that begins with http:// or https://")
    deadline = anyio.current_time() + timeout_s
    reasons = []
    with _quiet():
        for name, transport in (
            ("streamable HTTP", streamed),
            ("SSE", lambda: sse_client(address, headers=headers, timeout=timeout_s, sse_read_timeout=timeout_s)),
        ):
            try:
                return await _ask(transport, deadline - anyio.current_time(), [])
            except Exception as error:
                reasons.append(f"{name}: {_reason(error, timeout_s)}")
                if any(isinstance(each, httpx2.ConnectError | TimeoutError) for each in _leaves(error)):
                    break
    raise CatalogError(
        f"{address} does not answer as an MCP server ({'; '.join(reasons)}); check the address, and if it needs headers"
    )


async def _ask(transport: Any, timeout_s: float, garbage: list[str]) -> Served:
    import anyio
    from mcp import Client  # pyright: ignore[reportMissingImports]

    async def overheard(message: Any) -> None:
        if isinstance(message, Exception) and len(garbage) < 3:
            garbage.append(_shown(message))

    with anyio.fail_after(max(timeout_s, 0)):
        async with AsyncExitStack() as stack:
            client = await stack.enter_async_context(Client(transport(), message_handler=overheard, cache=None))
            found = [each async for each in _tools(client)]
            return Served(client.server_info.name if client.server_info else "", found)


async def _tools(client: "Client") -> AsyncIterator[Draft | Problem]:
    """Through all pages. A page that breaks the protocol ends the list: where the next one begins stands in it."""
    from pydantic import ValidationError

    cursor, seen, tools = None, set(), 0
    for page in range(1, MOST_PAGES + 1):
        try:
            listed = await client.list_tools(cursor=cursor)
        except ValidationError as error:
            if not tools:
                raise
            yield Problem(f"tools/list page {page}", f"it is not as the protocol says: {_reason(error, 0)}")
            return
        for tool in listed.tools:
            if tools == MOST_TOOLS:
                yield Problem(f"tools/list page {page}", f"there are more than {MOST_TOOLS:,} tools")
                return
            for found in drafted(tool.model_dump(mode="json", by_alias=True, exclude_none=True), f"tools[{tools}]"):
                yield found
            tools += 1
        cursor = listed.next_cursor
        if cursor is None:
            return
        if cursor in seen:
            yield Problem(f"tools/list page {page}", "its next page is one that was read already")
            return
        seen.add(cursor)
    yield Problem(f"tools/list page {MOST_PAGES}", f"there are more than {MOST_PAGES:,} pages")


def _reason(error: BaseException, timeout_s: float) -> str:
    from pydantic import ValidationError

    reasons = []
    for each in _leaves(error):
        if isinstance(each, ValidationError):
            first = each.errors(include_url=False, include_input=False)[0]
            reasons.append(f"{'.'.join(map(str, first['loc']))}: {first['msg']}")
        elif isinstance(each, TimeoutError):
            reasons.append(f"no answer within {timeout_s:g} s")
        else:
            reasons.append(f"{str(each) or type(each).__name__}")
    return "; ".join(dict.fromkeys(reason[:300] for reason in reasons[:3]))


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """Task groups wrap what happens in them, at times more than once."""
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _leaves(each)
    else:
        yield error


def _shown(message: Exception) -> str:
    """The line that was not understood, where the package tells it."""
    from pydantic import ValidationError

    if isinstance(message, ValidationError):
        return str(message.errors(include_url=False)[0]["input"])[:300]
    return str(message)[:300]


def _heard(garbage: Sequence[str]) -> str:
    return f"; it prints to stdout what is no message: {garbage[0].strip()[:200]!r}" if garbage else ""


def _tail(stderr: IO[str]) -> str:
    stderr.flush()
    size = stderr.seek(0, 2)
    stderr.seek(max(0, size - SHOWN_OF_STDERR))
    lines = [line for line in stderr.read().splitlines() if line.strip()]
    return f"; its stderr ends with: {' | '.join(lines[-8:])}" if lines else ""


@contextmanager
def _quiet() -> Iterator[None]:
    """The package logs each bad line with a traceback; what a person needs of it is in the error."""
    logger = logging.getLogger("mcp")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)
