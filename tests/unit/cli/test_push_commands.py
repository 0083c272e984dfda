"""`funcdex push` against a stub of a Hub: what arrives there, what is said, and that the token stays secret."""

import pytest
from stub_hub import LARGE, hub
from typer.testing import CliRunner

from funcdex_assets.cli.main import app

__all__ = ["hub"]

pytestmark = pytest.mark.concurrent

TOKEN = "hf_secretOfTheOwner"
MODEL = {
    "README.md": b"---\nlibrary_name: transformers\n---\n# A model of gmail\n",
    "config.json": b'{"model_type": "llama"}',
    "model.safetensors": bytes(range(256)) * 40,
    "gmail-f16.gguf": b"GGUF" + b"\x01\x02" * LARGE,
    "training.json": b"{}",
}
TWIN = {"gmail-f32.gguf": b"GGUF" + b"\x03\x04\x05\x06" * LARGE}
RELEASE = {
    "README.md": b"# gmail\n",
    "train.jsonl": b'{"id": "a"}\n' * LARGE,
    "train.parquet": b"PAR1" * LARGE,
    "left_out.jsonl": b"",
}


def write_version(folder, name, files):
    (folder / name).mkdir(parents=True)
    (folder / "latest").write_text(f"{name}\n")
    for file, content in files.items():
        (folder / name / file).write_bytes(content)


@pytest.fixture
def project(tmp_path, monkeypatch, hub):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FUNCDEX_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    (tmp_path / "funcdex.yaml").write_text("toolkits: [gmail, jira]\n")
    write_version(tmp_path / "home/models/gmail", "5f0c1b2a3d4e", {**MODEL, **TWIN, ".checkpoint": b"not for people"})
    write_version(tmp_path / "home/datasets/gmail", "release_07589eab", RELEASE)
    return tmp_path


def push(*words):
    result = CliRunner().invoke(app, ["push", *words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert TOKEN not in result.output
    return result


def test_a_model_arrives_in_one_commit_without_its_twin_in_float32(project, hub):
    result = push("model", "gmail", "--repository", "acme/gmail-model", "--yes")
    assert result.exit_code == 0, result.output
    repository = hub.repositories["models/acme/gmail-model"]
    assert repository.private
    assert repository.branches == {"main": MODEL}
    assert repository.messages == ["Model 5f0c1b2a3d4e of gmail"]
    assert f"{hub.url}/acme/gmail-model/commit/" in result.output
    assert "left out gmail-f32.gguf (4.0 kB)" in result.output
    sent = [request for request in hub.requests if not request.path.startswith("/objects/")]
    assert {request.authorization for request in sent} == {f"Bearer {TOKEN}"}
    assert {request.authorization for request in hub.requests if request not in sent} == {None}  # signed addresses


def test_all_files_go_if_asked(project, hub):
    assert push("model", "gmail", "--repository", "acme/gmail-model", "--all-files", "--yes").exit_code == 0
    assert hub.repositories["models/acme/gmail-model"].branches["main"] == {**MODEL, **TWIN}


def test_a_release_arrives_in_a_public_repository_on_a_branch(project, hub):
    words = ("--public", "--revision", "nightly", "--message", "Monday", "--yes")
    result = push("dataset", "gmail", "--repository", "acme/gmail", *words)
    assert result.exit_code == 0, result.output
    repository = hub.repositories["datasets/acme/gmail"]
    assert not repository.private
    assert repository.branches == {"main": {}, "nightly": RELEASE}
    assert repository.messages == ["Monday"]
    assert "branch nightly, which is public" in result.output


def test_a_second_push_sends_no_large_file_again(project, hub):
    words = ("dataset", "gmail", "--repository", "acme/gmail", "--yes")
    push(*words)
    stored = sum(request.method == "PUT" for request in hub.requests)
    assert push(*words).exit_code == 0
    assert sum(request.method == "PUT" for request in hub.requests) == stored == 2


@pytest.mark.parametrize("words", [(), ("--dry-run",)], ids=["by default", "asked"])
def test_without_yes_the_files_are_listed_and_nothing_is_sent(project, hub, monkeypatch, words):
    monkeypatch.delenv("HF_TOKEN")
    result = push("model", "gmail", "--repository", "acme/gmail-model", *words)
    assert result.exit_code == 0, result.output
    assert hub.requests == []
    lines = {line.strip("│ ").split("│")[0].strip(): line for line in result.output.splitlines()}
    assert MODEL.keys() <= lines.keys()
    assert "10.2 kB" in lines["model.safetensors"]
    assert "acme/gmail-model" in result.output
    assert "nothing was sent; --yes pushes them" in result.output


@pytest.mark.parametrize(
    ("refused", "status", "parts"),
    [
        ("POST /api/repos/create", 401, ("401", "is not accepted", "/settings/tokens")),
        (
            "POST /api/models/acme/gmail-model/commit",
            403,
            ("403", "may not write there", "another owner than acme"),
        ),
        ("GET /api/models", 404, ("404", "check the owner's name", "HF_ENDPOINT")),
        ("PUT /objects", 403, ("403", "may not write there")),
        (
            "POST /api/models/acme/gmail-model/commit",
            422,
            ("422", "'no HF_TOKEN today'", "give the command again"),
        ),
    ],
    ids=["token", "right", "repository", "storage", "other, with the token quoted"],
)
def test_a_refusal_is_one_line_with_the_remedy(project, hub, refused, status, parts):
    hub.refusals[refused] = status, f"no {TOKEN}\n today"
    result = push("model", "gmail", "--repository", "acme/gmail-model", "--yes")
    assert result.exit_code == 2
    assert len(result.output.strip().splitlines()) == 1
    assert all(part in result.output for part in parts), result.output
    assert all(not repository.branches["main"] for repository in hub.repositories.values())


def test_nothing_is_put_into_a_public_repository_unasked(project, hub):
    push("dataset", "gmail", "--repository", "acme/gmail", "--public", "--yes")
    before = dict(hub.repositories["datasets/acme/gmail"].branches["main"])
    (project / "home/datasets/gmail/release_07589eab/own.jsonl").write_text("secret")
    result = push("dataset", "gmail", "--repository", "acme/gmail", "--yes")
    assert result.exit_code == 2
    assert "is public already" in result.output
    assert hub.repositories["datasets/acme/gmail"].branches["main"] == before


def test_a_hub_that_is_gone_is_told(project, hub):
    hub.stop()
    result = push("model", "gmail", "--repository", "acme/gmail-model", "--yes")
    assert result.exit_code == 2
    assert f"{hub.url} cannot be reached" in result.output
    assert "HF_ENDPOINT" in result.output
    assert len(result.output.strip().splitlines()) == 1


def test_a_hub_without_the_default_storage_is_told(project, hub, monkeypatch):
    text = f"Network error: HTTP status client error (404 Not Found), domain: {hub.url}/api/xet-write-token/main"

    def lose(*_, **__):
        raise ConnectionError(text)  # as hf_xet does against this stub; it starts threads that outlive a test

    monkeypatch.setattr("huggingface_hub.HfApi.preupload_lfs_files", lose)
    result = push("model", "gmail", "--repository", "acme/gmail-model", "--yes")
    assert result.exit_code == 2
    assert "404 Not Found" in result.output
    assert "HF_HUB_DISABLE_XET=1" in result.output


@pytest.mark.parametrize(
    ("token", "message"), [("", "HF_TOKEN is not set"), ("hf_a\nhf_b", "HF_TOKEN has letters that no token has")]
)
def test_a_token_that_cannot_be_one_is_not_sent(project, hub, monkeypatch, token, message):
    monkeypatch.setenv("HF_TOKEN", token)
    result = push("dataset", "gmail", "--repository", "acme/gmail", "--yes")
    assert result.exit_code == 2
    assert message in result.output
    assert "hf_b" not in result.output
    assert hub.requests == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("model", "jira", "--repository", "acme/x"), "jira has no trained model; run `funcdex train jira`"),
        (("model", "all", "--repository", "acme/x"), "all has no trained model; run `funcdex train --general`"),
        (("dataset", "jira", "--repository", "acme/x"), "jira has no release; run `funcdex materialize jira`"),
        (("dataset", "gmial", "--repository", "acme/x"), "'gmial' is not a partition"),
        (("dataset", "gmail", "--repository", "gmail"), "name it OWNER/NAME"),
        (("dataset", "gmail", "--repository", "acme/--x", "--yes"), "Check the repository's name"),
    ],
)
def test_what_cannot_be_pushed_is_told_with_the_remedy(project, hub, words, message):
    result = push(*words)
    assert result.exit_code == 2
    assert message in result.output
    assert len(result.output.strip().splitlines()) == 1
    assert hub.requests == []
