"""The port of `funcdex dev`: who has it is known before anything starts, and while it starts."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from funcdex_assets.cli import dev
from funcdex_assets.cli.console import CommandError

DAGSTER = json.dumps({"dagster_webserver_version": "1.13.27"}).encode()


@contextmanager
def listener(answer: bytes) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    with HTTPServer((dev.HOST, 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.mark.parametrize(
    ("answer", "who"),
    [
        pytest.param(DAGSTER, "ready", id="Dagster"),
        pytest.param(b"hello", "other", id="another program"),
        pytest.param(b'{"hello": 1}', "other", id="another program that speaks JSON"),
    ],
)
def test_whoever_answers_is_told_apart(answer, who, monkeypatch):
    monkeypatch.setattr(dev, "POLL_S", 0.01)
    with listener(answer) as port:
        assert dev.await_page(port, threading.Event(), patience_s=60) == who


def test_whoever_listens_and_does_not_answer_is_not_waited_for_for_ever(monkeypatch):
    monkeypatch.setattr(dev, "POLL_S", 0.01)
    monkeypatch.setattr(dev, "ask_for_page", lambda port: "silent")
    assert dev.await_page(1, threading.Event(), patience_s=0) == "other"


def test_nobody_is_waited_for_until_the_server_ends(monkeypatch):
    monkeypatch.setattr(dev, "POLL_S", 0.01)
    ended = threading.Event()
    answers = iter([None, None])
    monkeypatch.setattr(dev, "ask_for_page", lambda port: next(answers, ended.set()))
    assert dev.await_page(1, ended, patience_s=0) == "ended"


def test_two_commands_do_not_start_on_one_port():
    port = dev.find_free_port()
    with dev.reserve_port(port):
        refused = pytest.raises(CommandError, match=rf"{port} cannot be used: another `funcdex dev` has it; add --port")
        with refused, dev.reserve_port(port):
            pass
    with dev.reserve_port(port):
        pass


def test_a_port_where_somebody_listens_is_refused_with_one_that_is_free():
    with listener(b"hello") as port:
        refused = pytest.raises(CommandError, match=rf"{port} cannot be used.*add --port")
        with refused, dev.reserve_port(port):
            pass
