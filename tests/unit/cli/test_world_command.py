"""`funcdex world` as a user mistypes it; what it serves is tested in `tests/unit/world_server`."""

import json
import socket
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from typer.testing import CliRunner

from funcdex_assets.cli import world
from funcdex_assets.cli.main import app


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    (tmp_path / "funcdex.yaml").write_text("toolkits: [gmail]\n")
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "bare.jsonl").write_text(json.dumps({"id": "one", "messages": [], "tools": []}))
    return tmp_path


MISTAKES = {
    "an unknown toolkit": (["gmial"], "'gmial' is not a partition (did you mean 'gmail'?)"),
    "an empty file of goals": (["gmail", "--goals", "empty.jsonl"], "empty.jsonl has no rows"),
    "a row without certificate": (
        ["gmail", "--goals", "bare.jsonl"],
        "none of the 1 rows is a goal: 1 because they have no certificate",
    ),
    "a file that is not there": (["gmail", "--goals", "absent.jsonl"], "No such file or directory: absent.jsonl"),
    "a moment without offset": (
        ["gmail", "--http", "--now", "2026-03-10"],
        "the moment '2026-03-10' is no date-time with an offset",
    ),
}


@pytest.mark.parametrize(("words", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_and_ends_with_2(words, message, project):
    pytest.importorskip("mcp.server.mcpserver", reason="the package mcp from 2.0 on (extra: world) is not installed")
    done = CliRunner().invoke(app, ["world", *words])
    assert done.exit_code == 2
    assert message in done.stderr.replace("\n", " ")


def test_a_port_in_use_is_told(project):
    pytest.importorskip("mcp.server.mcpserver", reason="the package mcp from 2.0 on (extra: world) is not installed")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = CliRunner().invoke(app, ["world", "gmail", "--http", "--port", str(port)])
    assert done.exit_code == 2
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
    assert "give another --port" in done.stderr


@pytest.mark.parametrize(
    ("options", "installed", "message"),
    [
        ([], None, 'the package mcp, 2.3 or later, and it is not installed: pip install "funcdex-assets[world]"'),
        ([], "1.30.0", 'the package mcp, 2.3 or later, and 1.30.0 is installed: pip install "funcdex-assets[world]"'),
        (["--openenv"], None, 'openenv, 0.10 or later, and it is not installed: pip install "funcdex-assets[openenv]"'),
    ],
    ids=["no mcp", "an old mcp", "no openenv"],
)
def test_a_missing_package_is_told_with_its_extra(monkeypatch, options, installed, message):
    def find_version(package):
        if installed is None:
            raise metadata.PackageNotFoundError(package)
        return installed

    monkeypatch.setattr(world, "version", find_version)
    done = CliRunner().invoke(app, ["world", "gmail", *options])
    assert done.exit_code == 2
    assert message in done.stderr


@pytest.mark.concurrent
def test_help_imports_no_server():
    heavy = "mcp starlette uvicorn openenv funcdex_assets.world_server.session".split()
    program = (
        "import sys\nfrom typer.testing import CliRunner\nfrom funcdex_assets.cli.main import app\n"
        "assert 'world' in CliRunner().invoke(app, ['--help']).output\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(Path(__file__).parents[3])},
    )
    assert run.stdout.strip() == "[]"
