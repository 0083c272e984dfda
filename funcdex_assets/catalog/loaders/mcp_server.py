"""Reads the tools that a running MCP server offers, over stdio or HTTP, through the `mcp` package.

Here belongs the exchange with the server: it is started or called, asked for its tools page by page, and closed. A
server that is started as a child process ends with the call. A single tool's definition is read in `openai_functions`.

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
from funcdex_assets.catalog.loaders.openai_functions import draft_function

if TYPE_CHECKING:
    from mcp import Client  # pyright: ignore[reportMissingImports]

MOST_PAGES = 1000
MOST_TOOLS = 20_000
SHOWN_OF_STDERR = 2000  # bytes

_INSTALL_HINT = 'reading a server needs the package mcp; install it with: uv pip install "funcdex-assets[catalog]"'


class ServerAnswer(NamedTuple):
    """A server's answer: its own name for itself, '' if it gives none, its drafts and problems, and how it says that
    its tools are to be used, None if it does not.
    """

    name: str
    drafts: list[Draft | Problem]
    instructions: str | None = None


def read_server(
    server: Sequence[str] | str,
    timeout_s: float = 60,
    *,
    environment: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> list[Draft | Problem]:
    """Returns the drafts of a server and the problems; as `ask_server`, without the server's name."""
    return ask_server(server, timeout_s, environment=environment, headers=headers).drafts


def ask_server(
    server: Sequence[str] | str,
    timeout_s: float = 60,
    *,
    environment: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> ServerAnswer:
    """Asks a server for its name and its tools.

    `server` is a command with its arguments, which is run, or the address of a server that runs already. A command
    inherits PATH, HOME and the like; `environment` holds further variables that it needs, such as a key. `headers` are
    sent with every request to an address. Waits for `timeout_s`, and some seconds more for a child process that does
    not end. Must not be called from within an event loop.

    Raises:
        CatalogError: the package or the server is missing, the server does not answer, or its answer is not MCP.
    """
    try:
        import anyio
        import mcp  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise CatalogError(_INSTALL_HINT) from None
    if not hasattr(mcp, "Client"):
        raise CatalogError(f"the package mcp is older than 2.0; {_INSTALL_HINT}")
    if isinstance(server, str):
        return anyio.run(_ask_address, server, timeout_s, dict(headers or {}))
    if not server or not all(isinstance(word, str) and word and "\0" not in word for word in server):
        raise CatalogError(f"{server!r} is no command; give the program and its arguments as a list of words")
    return anyio.run(_ask_command, list(server), timeout_s, dict(environment or {}))


async def _ask_command(command: list[str], timeout_s: float, environment: dict[str, str]) -> ServerAnswer:
    from mcp import StdioServerParameters, stdio_client  # pyright: ignore[reportMissingImports]

    command_text = " ".join(shlex.join(command).split())[:300]
    parameters = StdioServerParameters(
        command=command[0], args=command[1:], env=environment or None, encoding_error_handler="replace"
    )
    garbage: list[str] = []
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as stderr, _silence_logger():
        try:
            return await _collect_answer(lambda: stdio_client(parameters, errlog=stderr), timeout_s, garbage)
        except (FileNotFoundError, PermissionError, NotADirectoryError) as error:
            raise CatalogError(
                f"{command_text} cannot be started: {error.strerror}; check the command, or install it"
            ) from None
        except Exception as error:
            reason = f"{_explain_error(error, timeout_s)}{_describe_garbage(garbage)}{_quote_stderr(stderr)}"
            raise CatalogError(
                f"{command_text} does not answer as an MCP server: {reason}; "
                "run the command by hand to see what it prints"
            ) from None


async def _ask_address(address: str, timeout_s: float, headers: dict[str, str]) -> ServerAnswer:
    """Asks over streamable HTTP, then over SSE if that fails, as it does with older servers."""
    import anyio
    import httpx2
    from mcp.client.sse import sse_client  # pyright: ignore[reportMissingImports]
    from mcp.client.streamable_http import streamable_http_client  # pyright: ignore[reportMissingImports]

    @asynccontextmanager
    async def open_stream() -> AsyncIterator[Any]:
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
    with _silence_logger():
        for name, transport in (
            ("streamable HTTP", open_stream),
            ("SSE", lambda: sse_client(address, headers=headers, timeout=timeout_s, sse_read_timeout=timeout_s)),
        ):
            try:
                return await _collect_answer(transport, deadline - anyio.current_time(), [])
            except Exception as error:
                reasons.append(f"{name}: {_explain_error(error, timeout_s)}")
                if any(isinstance(cause, httpx2.ConnectError | TimeoutError) for cause in _unwrap_groups(error)):
                    break
    raise CatalogError(
        f"{address} does not answer as an MCP server ({'; '.join(reasons)}); check the address, and if it needs headers"
    )


async def _collect_answer(transport: Any, timeout_s: float, garbage: list[str]) -> ServerAnswer:
    """Opens a transport and reads all tools; up to three messages that are not MCP are appended to `garbage`."""
    import anyio
    from mcp import Client  # pyright: ignore[reportMissingImports]

    async def record_garbage(message: Any) -> None:
        if isinstance(message, Exception) and len(garbage) < 3:
            garbage.append(_quote_bad_line(message))

    with anyio.fail_after(max(timeout_s, 0)):
        async with AsyncExitStack() as stack:
            client = await stack.enter_async_context(Client(transport(), message_handler=record_garbage, cache=None))
            drafts = [draft async for draft in _list_tools(client)]
            name = client.server_info.name if client.server_info else ""
            return ServerAnswer(name, drafts, (client.instructions or "").strip() or None)


async def _list_tools(client: "Client") -> AsyncIterator[Draft | Problem]:
    """Yields the drafts of all pages.

    A page that breaks the protocol ends the list, since the cursor of the next page is in it.
    """
    from pydantic import ValidationError

    cursor, read_cursors, tool_count = None, set(), 0
    for page in range(1, MOST_PAGES + 1):
        try:
            answer = await client.list_tools(cursor=cursor)
        except ValidationError as error:
            if not tool_count:
                raise
            yield Problem(f"tools/list page {page}", f"it is not as the protocol says: {_explain_error(error, 0)}")
            return
        for tool in answer.tools:
            if tool_count == MOST_TOOLS:
                yield Problem(f"tools/list page {page}", f"there are more than {MOST_TOOLS:,} tools")
                return
            for draft in draft_function(
                tool.model_dump(mode="json", by_alias=True, exclude_none=True), f"tools[{tool_count}]"
            ):
                yield draft
            tool_count += 1
        cursor = answer.next_cursor
        if cursor is None:
            return
        if cursor in read_cursors:
            yield Problem(f"tools/list page {page}", "its next page is one that was read already")
            return
        read_cursors.add(cursor)
    yield Problem(f"tools/list page {MOST_PAGES}", f"there are more than {MOST_PAGES:,} pages")


def _explain_error(error: BaseException, timeout_s: float) -> str:
    """Describes an error by up to three of its causes, shortened for a message."""
    from pydantic import ValidationError

    reasons = []
    for cause in _unwrap_groups(error):
        if isinstance(cause, ValidationError):
            first_error = cause.errors(include_url=False, include_input=False)[0]
            reasons.append(f"{'.'.join(map(str, first_error['loc']))}: {first_error['msg']}")
        elif isinstance(cause, TimeoutError):
            reasons.append(f"no answer within {timeout_s:g} s")
        else:
            reasons.append(f"{str(cause) or type(cause).__name__}")
    return "; ".join(dict.fromkeys(reason[:300] for reason in reasons[:3]))


def _unwrap_groups(error: BaseException) -> Iterator[BaseException]:
    """Yields the errors inside an exception group; task groups wrap errors, at times more than once."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _unwrap_groups(inner)
    else:
        yield error


def _quote_bad_line(message: Exception) -> str:
    """Returns the line that was not understood if the error holds it, else the error's text."""
    from pydantic import ValidationError

    if isinstance(message, ValidationError):
        return str(message.errors(include_url=False)[0]["input"])[:300]
    return str(message)[:300]


def _describe_garbage(garbage: Sequence[str]) -> str:
    """Describes output on stdout that is no MCP message, as the end of an error message; '' if there is none."""
    return f"; it prints to stdout what is no message: {garbage[0].strip()[:200]!r}" if garbage else ""


def _quote_stderr(stderr: IO[str]) -> str:
    """Quotes the last lines of stderr, as the end of an error message; '' if there are none."""
    stderr.flush()
    size = stderr.seek(0, 2)
    stderr.seek(max(0, size - SHOWN_OF_STDERR))
    lines = [line for line in stderr.read().splitlines() if line.strip()]
    return f"; its stderr ends with: {' | '.join(lines[-8:])}" if lines else ""


@contextmanager
def _silence_logger() -> Iterator[None]:
    """Silences the package's logger: it logs each bad line with a traceback, and the error already quotes the line."""
    logger = logging.getLogger("mcp")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)
