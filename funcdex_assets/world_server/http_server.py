"""Serves a web application on a socket that is bound already. Needs uvicorn, which `mcp` and `openenv` bring along."""

import socket
from typing import Any

import uvicorn


def serve_until_stopped(app: Any, listener: socket.socket) -> None:
    """Serves until Ctrl-C or a request to terminate."""
    with listener:
        uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])
