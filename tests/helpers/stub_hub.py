"""A stub of a Hub: repositories in memory, and what of its API a push needs; every request is recorded.

Files of more than `LARGE` bytes are sent as LFS objects, the others in the commit. Paths and bodies are those of
huggingface_hub's `hf_api.py`, `_commit_api.py` and `lfs.py`.
"""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlsplit

import pytest
from stub_server import QuietServer

LARGE = 1000


@dataclass
class Repository:
    private: bool
    branches: dict[str, dict[str, bytes]] = field(default_factory=lambda: {"main": {}})
    messages: list[str] = field(default_factory=list)


@dataclass
class Request:
    method: str
    path: str
    authorization: str | None


class StubHub:
    """`refusals` maps the beginning of `METHOD path` to a status and a message, all that such a request gets."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        """By `models/OWNER/NAME` or `datasets/OWNER/NAME`."""
        self.objects: dict[str, bytes] = {}
        self.requests: list[Request] = []
        self.refusals: dict[str, tuple[int, str]] = {}
        self._lock = threading.Lock()
        self._server = QuietServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """Connections are refused from now on; stopping twice is harmless."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: Request, body: bytes) -> tuple[int, Any]:
        """Returns status and body of the answer."""
        called = f"{request.method} {request.path}"
        for beginning, (status, message) in self.refusals.items():
            if called.startswith(beginning):
                return status, {"error": message}
        match request.method, request.path.strip("/").split("/"):
            case "POST", ["api", "validate-yaml"]:
                return 200, {"warnings": [], "errors": []}
            case "POST", ["api", "repos", "create"]:
                return self._create(json.loads(body))
            case "POST", [*_, "info", "lfs", "objects", "batch"]:
                return 200, {
                    "transfer": "basic",
                    "objects": [self._offer(entry) for entry in json.loads(body)["objects"]],
                }
            case "PUT", ["objects", oid]:
                assert hashlib.sha256(body).hexdigest() == oid
                self.objects[oid] = body
                return 200, {}
            case method, ["api", kind, owner, name, *rest] if f"{kind}/{owner}/{name}" in self.repositories:
                return self._answer_of_repository(method, f"{kind}/{owner}/{name}", rest, body)
        return 404, {"error": "Repository not found"}

    def _create(self, asked: dict[str, Any]) -> tuple[int, Any]:
        place = f"{asked.get('type', 'model')}s/{asked['organization']}/{asked['name']}"
        status = 409 if place in self.repositories else 200
        self.repositories.setdefault(place, Repository(asked.get("visibility") == "private"))
        return status, {"url": f"{self.url}/{place.removeprefix('models/')}"}

    def _offer(self, entry: dict[str, Any]) -> dict[str, Any]:
        if entry["oid"] in self.objects:
            return entry
        return {**entry, "actions": {"upload": {"href": f"{self.url}/objects/{entry['oid']}", "header": {}}}}

    def _answer_of_repository(self, method: str, place: str, rest: list[str], body: bytes) -> tuple[int, Any]:
        repository = self.repositories[place]
        match method, rest:
            case "GET", [] | ["revision", _]:
                return 200, {"id": place.partition("/")[2], "private": repository.private, "sha": "0" * 40}
            case "POST", ["branch", branch]:
                status = 409 if branch in repository.branches else 200
                repository.branches.setdefault(branch, dict(repository.branches["main"]))
                return status, {}
            case "POST", ["preupload", branch] if branch in repository.branches:
                files = [
                    {
                        "path": file["path"],
                        "uploadMode": "lfs" if file["size"] > LARGE else "regular",
                        "shouldIgnore": False,
                    }
                    for file in json.loads(body)["files"]
                ]
                return 200, {"files": files}
            case "POST", ["commit", branch] if branch in repository.branches:
                for line in map(json.loads, body.splitlines()):
                    value = line["value"]
                    if line["key"] == "header":
                        repository.messages.append(value["summary"])
                    elif line["key"] == "file":
                        repository.branches[branch][value["path"]] = base64.b64decode(value["content"])
                    elif line["key"] == "lfsFile":
                        repository.branches[branch][value["path"]] = self.objects[value["oid"]]
                    else:
                        raise AssertionError(line["key"])
                oid = hashlib.sha1(body).hexdigest()
                address = f"{self.url}/{place.removeprefix('models/')}/commit/{oid}"
                return 200, {"success": True, "commitOid": oid, "commitUrl": address, "hookOutput": ""}
        return 404, {"error": "Revision not found"}

    def _handler(stub) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                pass

            def handle_request(self) -> None:
                body = self._read_body()
                request = Request(self.command, urlsplit(self.path).path, self.headers["Authorization"])
                with stub._lock:
                    stub.requests.append(request)
                    status, answer = stub.answer(request, body)
                content = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = handle_request

            def _read_body(self) -> bytes:
                if self.headers["Transfer-Encoding"] != "chunked":
                    return self.rfile.read(int(self.headers["Content-Length"] or 0))
                body = b""
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return body

        return Handler


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[StubHub]:
    """A Hub that speaks LFS, as Hubs without Xet's storage do."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    stub = StubHub()
    yield stub
    stub.stop()
