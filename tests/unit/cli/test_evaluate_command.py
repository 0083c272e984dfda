"""`funcdex evaluate` as a user types it."""

import json

import msgspec
import pytest
from evaluation_cases import TOOLS, calling, saying, user
from offline import played
from typer.testing import CliRunner

from funcdex_assets.cli.main import app
from funcdex_assets.environment.replay import build_certificate
from funcdex_assets.evaluation import baselines
from funcdex_assets.records.openai_messages import to_openai_messages, to_openai_tools


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    rows = [
        {"messages": [user(f"Heat to {degrees}."), calling("heat", {"to": degrees}), user("Thanks."), saying("Sure.")]}
        for degrees in range(18, 24)
    ]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "train.jsonl").write_text("\n".join(map(json.dumps, rows[:2])))
    (tmp_path / "tools.json").write_text(json.dumps({"tools": TOOLS}))
    return tmp_path


ROWS = ("--rows", "rows.jsonl", "--tools", "tools.json")


def run(*words):
    return CliRunner().invoke(app, ["evaluate", *words])


def cells(output, first):
    """The cells of the first line that begins with this cell."""
    for line in output.splitlines():
        found = [cell.strip() for cell in line.strip().strip("│").split("│")]
        if found[0] == first:
            return found
    raise AssertionError(output)


def test_baselines_stand_in_one_table_and_the_report_is_kept(folder):
    result = run(*ROWS, "--baseline", "nearest", "--baseline", "frequent", "--train", "train.jsonl", "--out", "kept")
    assert result.exit_code == 0, result.output
    assert cells(result.output, "nearest neighbour")[2:4] == ["12", "0.333 [0.000, 0.667]"]
    assert "What the lost items of nearest neighbour have in common" in result.output
    assert {path.name for path in (folder / "kept").iterdir()} >= {"report.md", "report.json", "nearest-neighbour"}
    content = json.loads((folder / "kept" / "report.json").read_text())
    assert [row["model"] for row in content["table"]] == ["nearest neighbour", "most frequent call"]


def test_what_was_asked_is_kept_although_the_next_model_fails(folder, monkeypatch):
    class Broken:
        name = "broken"

        def predict(self, items, progress):
            raise KeyboardInterrupt

    build = baselines.build_baseline
    monkeypatch.setattr(
        baselines, "build_baseline", lambda kind, known: Broken() if kind == "words" else build(kind, known)
    )
    words = (*ROWS, "--baseline", "nearest", "--baseline", "words", "--train", "train.jsonl", "--out", "kept")
    assert run(*words).exit_code != 0
    assert (folder / "kept" / "nearest-neighbour" / "predictions.jsonl").read_text()


def test_kept_predictions_are_measured_again_and_compared(folder):
    run(*ROWS, "--baseline", "nearest", "--train", "train.jsonl", "--out", "kept")
    run(*ROWS, "--baseline", "nearest", "--train", "rows.jsonl", "--out", "better")
    again = run("--predictions", "kept/nearest-neighbour", "--against", "better/nearest-neighbour", "--fail-if-worse")
    assert again.exit_code == 1, again.output
    difference = cells(again.output, "exact match")
    assert difference[1:3] == ["1.000", "0.333"]
    assert difference[3].startswith("-0.667")
    assert difference[4].endswith("*")
    turned = run("--predictions", "better/nearest-neighbour", "--against", "kept/nearest-neighbour", "--fail-if-worse")
    assert turned.exit_code == 0, turned.output


def test_an_endpoint_is_asked_and_priced(folder, server, replies):
    call = {"id": "x", "type": "function", "function": {"name": "heat", "arguments": '{"to": 18}'}}

    def reply(question):
        is_thanks = question["messages"][-1]["content"] == "Thanks."
        return replies.ok("Sure.") if is_thanks else replies.ok(None, tool_calls=[call])

    server.otherwise = reply
    words = ("--endpoint", server.base_url, "--model", "tiny", "--prompt-price", "2", "--estimated-price")
    result = run(*ROWS, *words, "--name", "ours", "--limit", "4")
    assert result.exit_code == 0, result.output
    assert len(server.questions) == 4
    heads = next(line for line in result.output.splitlines() if "Function Call Match ┃" in line)
    row = dict(zip([head.strip() for head in heads.strip("┃ ").split("┃")], cells(result.output, "ours"), strict=True))
    assert (row["asked"], row["Function Call Match"]) == ("native", "0.500 [0.000, 1.000]")
    assert (row["no-call recall"], row["$ per 1,000"]) == ("1.000", "≈0.0220")


@pytest.fixture(scope="module")
def published():
    def to_row(one):
        known = {**one.cast.played.tools, **one.cast.played.absent_tools}
        return {
            "id": one.conversation.conversation_id,
            "partition": "todoist",
            "kind": one.cast.plan.kind,
            "chain_id": "chain",
            "messages": to_openai_messages(one.conversation.messages, "You are an assistant."),
            "tools": to_openai_tools(list(one.cast.offered.values())),
            "certificate": build_certificate(one.conversation, one.cast.situation, known, list(one.cast.offered)),
        }

    return b"\n".join(msgspec.json.encode(to_row(one)) for one in played("todoist", 12))


def test_the_test_split_of_the_latest_release_is_measured_also_freely(folder, published, monkeypatch):
    (folder / "funcdex.yaml").write_text("toolkits: [todoist]\n")
    monkeypatch.setenv("FUNCDEX_HOME", str(folder / "home"))
    monkeypatch.delenv("FUNCDEX_CONFIG", raising=False)
    release = folder / "home" / "datasets" / "todoist" / "release_1"
    release.mkdir(parents=True)
    (release.parent / "latest").write_text("release_1\n")
    for split in ("train", "test"):
        (release / f"{split}.jsonl").write_bytes(published)
    result = run("todoist", "--baseline", "nearest", "--free-running", "--out", "kept")
    assert result.exit_code == 0, result.output
    assert "Right action by kind" in result.output
    assert "Free runs" in result.output
    runs = (folder / "kept" / "nearest-neighbour" / "free_runs.jsonl").read_bytes().splitlines()
    assert len(runs) == 12


def test_left_out_lines_are_told(folder):
    (folder / "rows.jsonl").write_text((folder / "rows.jsonl").read_text() + '\n{"nothing": 1}')
    result = run(*ROWS, "--baseline", "nearest", "--train", "train.jsonl")
    assert result.exit_code == 0, result.output
    assert "left out rows.jsonl:7: the row has the fields nothing" in result.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "There is nothing to measure; give --endpoint URL --model NAME"),
        (("--baseline", "nearest"), "There is nothing to measure on; name a partition, or give --rows FILE"),
        ((*ROWS, "--baseline", "nearest"), "A baseline learns from rows; give --train FILE"),
        (
            (*ROWS, "--baseline", "luck", "--train", "train.jsonl"),
            "'luck' is no baseline; there are: nearest, words, frequent",
        ),
        ((*ROWS, "--endpoint", "http://127.0.0.1:1/v1"), "--endpoint needs a model"),
        (
            (*ROWS, "--endpoint", "http://127.0.0.1:1/v1", "--model", "m", "--calls-only"),
            "--calls-only is about the grammar",
        ),
        ((*ROWS, "--endpoint", "http://127.0.0.1:1/v1", "--model", "m", "--grammar"), "ask by markup (--markup)"),
        ((*ROWS, "--model-folder", "nowhere"), "nowhere has no config.json"),
        (("--predictions", "nowhere"), "nowhere is missing; name a folder"),
        (("--predictions", "."), "model.json is missing; name a folder"),
        ((*ROWS, "--baseline", "frequent", "--fail-if-worse"), "--fail-if-worse needs an evaluation to compare with"),
        (
            ("--rows", "gone.jsonl", "--baseline", "nearest", "--train", "train.jsonl"),
            "No such file or directory: gone.jsonl",
        ),
    ],
)
def test_what_cannot_be_done_is_said(folder, words, said):
    result = run(*words)
    assert result.exit_code == 2, result.output
    assert said in " ".join(result.output.split())
