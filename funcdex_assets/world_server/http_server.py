"""Serves a web application on a socket that is bound already, to those who call it by a name that is its own.

Belongs here: what a server for one machine needs against web pages that a browser on it has open. Needs uvicorn, which
`mcp` and `openenv` bring along.
"""

import socket
from collections.abc import Sequence
from typing import Any

import uvicorn

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")


def serve_until_stopped(app: Any, listener: socket.socket) -> None:
    """Serves until Ctrl-C or a request to terminate."""
    with listener:
        uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])


class HostGuard:
    """An ASGI application around another one: requests whose Host or Origin is not its own get 403."""

    def __init__(self, app: Any, host_names: Sequence[str], port: int) -> None:
        self._app = app
        self._hosts = {f"{name}:{port}".encode() for name in host_names}
        self._origins = {b"http://" + host for host in self._hosts}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Passes a request on, or refuses it."""
        if scope["type"] in ("http", "websocket"):
            headers = dict(scope["headers"])
            origin = headers.get(b"origin")
            if headers.get(b"host") not in self._hosts or (origin is not None and origin not in self._origins):
                await _refuse(scope["type"], receive, send)
                return
        await self._app(scope, receive, send)


async def _refuse(kind: str, receive: Any, send: Any) -> None:
    if kind == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})
        return
    await send({"type": "http.response.start", "status": 403, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"the Host or the Origin of the request is not this server's"})
