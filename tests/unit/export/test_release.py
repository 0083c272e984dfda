"""A release is there as a whole or not at all, and stays as it was published."""

import json
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import polars as pl
import pytest
from example_facts import FACTS

from funcdex_assets.export.release import publish_release
from funcdex_assets.records.dataset import DatasetRow, LeftOut, OwnRow
from funcdex_assets.storage.frames import from_frame


@pytest.fixture
def rows(row):
    return [row(1), row(2), row(3, "test")]


@pytest.fixture
def other_rows(row):
    return [row(1), row(2), row(4, "test")]


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def releases(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("release_*"))


def latest(folder: Path) -> str:
    return (folder / "latest").read_text().strip()


# ── what is in it ─────────────────────────────────────────────────────────────────────────────


def test_a_release_has_both_splits_in_two_formats_and_a_card(rows, tmp_path):
    made = publish_release(rows, tmp_path, "gmail_googledrive")
    assert made.parent == tmp_path
    assert sorted(content(made)) == ["README.md", "test.jsonl", "test.parquet", "train.jsonl", "train.parquet"]
    assert (made / "README.md").read_text().startswith("---\nlicense")
    assert f"`{made.name}`" in (made / "README.md").read_text()


def test_the_lines_are_the_rows_of_their_split(rows, tmp_path):
    made = publish_release(rows, tmp_path, "d")
    train = [json.loads(line) for line in (made / "train.jsonl").read_bytes().splitlines()]
    (test,) = [json.loads(line) for line in (made / "test.jsonl").read_bytes().splitlines()]
    assert [line["id"] for line in train] == ["conversation_1", "conversation_2"]
    assert test == {
        "id": "conversation_3",
        "partition": rows[2].partition,
        "messages": rows[2].messages,
        "tools": rows[2].tools,
        "clarity": "good",
        "chain_id": "chain_test",
        "kind": "multi_step",
        "cluster_id": "cluster_3",
        "turn_verdicts": [],
        "step_trace": [],
        "certificate": None,
        "user_query_clarity": 5,
        "tool_use_quality": 5,
        "naturalness": 4,
        "task_completion": 5,
        "overall": 4.8,
        "judge": "offline",
        "judge_reasoning": "All is well.",
        "seed": 42,
        "pattern": "sequential",
        "toolkits": ["gmail", "googledrive"],
        "strategy": "simulate",
        "engine": "offline (assistant: vllm:tiny)",
        "models": [
            {"role": "scenario_writer", "model": "offline"},
            {"role": "assistant", "model": "tiny"},
            {"role": "judge", "model": "offline"},
        ],
        "attempts": 1,
        "repairs": 0,
    }


def test_the_parquet_files_hold_the_same_rows(rows, tmp_path):
    made = publish_release(rows, tmp_path, "d")
    held = [from_frame(pl.read_parquet(made / f"{split}.parquet"), DatasetRow) for split in ("train", "test")]
    assert [*held[0], *held[1]] == rows


def test_what_is_left_out_and_other_reports_are_published_and_named_in_the_card(rows, tmp_path):
    gone = LeftOut(conversation_id="conversation_9", partition="gmail", rule="near_duplicate", of="x", reason="same")
    made = publish_release(rows, tmp_path, "d", [gone], {"contamination.jsonl": b"{}\n"})
    assert msgspec.json.decode((made / "left_out.jsonl").read_bytes(), type=LeftOut) == gone
    assert (made / "contamination.jsonl").read_bytes() == b"{}\n"
    assert "1 accepted conversations are left out (1 near duplicate)" in (made / "README.md").read_text()
    without = publish_release(rows, tmp_path, "d")
    assert without != made, "another report is another release"
    assert not (without / "left_out.jsonl").exists()


def test_a_split_may_be_empty(row, tmp_path):
    made = publish_release([row(1)], tmp_path, "d")
    assert (made / "test.jsonl").read_bytes() == b""
    assert pl.read_parquet(made / "test.parquet").height == 0


# ── its name, and its neighbours ──────────────────────────────────────────────────────────────


def test_the_same_rows_are_the_same_release_byte_for_byte(rows, tmp_path):
    first = publish_release(rows, tmp_path / "a", "d")
    again = publish_release(rows, tmp_path / "a", "d")
    elsewhere = publish_release(rows, tmp_path / "b", "d")
    assert first == again
    assert content(tmp_path / "a") == content(tmp_path / "b")
    assert elsewhere.name == first.name


def test_publishing_again_does_not_touch_the_release(rows, tmp_path):
    made = publish_release(rows, tmp_path, "d")
    before = [(path, path.stat().st_mtime_ns, path.stat().st_ino) for path in sorted(made.iterdir())]
    publish_release(rows, tmp_path, "d")
    assert [(path, path.stat().st_mtime_ns, path.stat().st_ino) for path in sorted(made.iterdir())] == before


def test_other_rows_are_another_release_and_the_older_stays(rows, other_rows, tmp_path):
    older = publish_release(rows, tmp_path, "d")
    before = content(older)
    newer = publish_release(other_rows, tmp_path, "d")
    assert releases(tmp_path) == sorted({older.name, newer.name})
    assert len(releases(tmp_path)) == 2
    assert content(older) == before
    assert latest(tmp_path) == newer.name
    publish_release(rows, tmp_path, "d")
    assert latest(tmp_path) == older.name, "`latest` names what was published last"


def test_a_row_that_changes_sides_makes_another_release(row, tmp_path):
    one = publish_release([row(1, "train", chain_id="c"), row(2, "test", chain_id="c")], tmp_path, "d")
    two = publish_release([row(2, "train", chain_id="c"), row(1, "test", chain_id="c")], tmp_path, "d")
    assert one != two


# ── what goes wrong ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), KeyboardInterrupt(), RuntimeError("no card")]
)
@pytest.mark.parametrize("place", ["train.parquet", "test.parquet", "README.md"])
def test_an_error_in_the_middle_leaves_the_older_release_and_nothing_else(
    rows, other_rows, tmp_path, monkeypatch, place, error
):
    older = publish_release(rows, tmp_path, "d")
    before = content(tmp_path)
    written = []

    def failing(original):
        def write(target, *arguments, **more):
            path = next(part for part in (target, *arguments) if isinstance(part, Path))
            written.append(path.name)
            if path.name == place:
                raise error
            return original(target, *arguments, **more)

        return write

    monkeypatch.setattr(pl.DataFrame, "write_parquet", failing(pl.DataFrame.write_parquet))
    monkeypatch.setattr(Path, "write_text", failing(Path.write_text))
    with pytest.raises(type(error)):
        publish_release(other_rows, tmp_path, "d")
    assert written[-1] == place
    assert content(tmp_path) == before
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == [older.name]

    monkeypatch.undo()
    assert latest(tmp_path) == older.name
    assert publish_release(other_rows, tmp_path, "d").name == latest(tmp_path)


KILLED_WHILE_IT_WRITES = """
import sys, time
from pathlib import Path
import msgspec, polars as pl
from funcdex_assets.export.release import publish_release
from funcdex_assets.records.dataset import DatasetRow, LeftOut

def wait(*_, **__):
    print("writing", flush=True)
    time.sleep(3600)

pl.DataFrame.write_parquet = wait
rows = msgspec.json.decode(sys.stdin.buffer.read(), type=list[DatasetRow])
publish_release(rows, Path(sys.argv[1]), "d")
"""


@pytest.mark.concurrent
def test_a_killed_process_leaves_no_visible_release_and_the_next_one_publishes(rows, other_rows, tmp_path):
    older = publish_release(rows, tmp_path, "d")
    before = content(older)
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED_WHILE_IT_WRITES, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    process.stdin.write(msgspec.json.encode(other_rows))
    process.stdin.close()
    assert process.stdout.readline() == b"writing\n"
    process.kill()
    process.wait()

    assert releases(tmp_path) == [older.name]
    assert latest(tmp_path) == older.name
    newer = publish_release(other_rows, tmp_path, "d")
    assert content(older) == before
    assert sorted(content(newer)) == sorted(before)
    assert latest(tmp_path) == newer.name


@pytest.mark.concurrent
def test_of_many_that_publish_the_same_rows_at_once_all_succeed_and_one_release_results(rows, tmp_path, monkeypatch):
    crowd = 4
    together = threading.Barrier(crowd)
    rename = Path.rename

    def rename_together(path: Path, target: Path) -> Path:
        together.wait()
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", rename_together)
    made: list[Path] = []
    threads = [threading.Thread(target=lambda: made.append(publish_release(rows, tmp_path, "d"))) for _ in range(crowd)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    monkeypatch.undo()

    assert len(made) == crowd
    assert len(set(made)) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["history", "latest", made[0].name]
    assert content(made[0]) == content(publish_release(rows, tmp_path.with_name("alone"), "d"))


def test_a_reader_never_sees_half_a_release(rows, tmp_path, monkeypatch):
    seen: list[list[str]] = []
    write, replace = Path.write_text, Path.replace

    def look() -> None:
        seen.append([name for folder in tmp_path.glob("release_*") for name in sorted(content(folder))])

    def look_then_write(path: Path, *arguments, **more):
        look()  # at the card, the last file but the pointer
        return write(path, *arguments, **more)

    def look_then_replace(path: Path, target: Path) -> Path:
        if target.name == "latest":
            look()
        return replace(path, target)

    monkeypatch.setattr(Path, "write_text", look_then_write)
    monkeypatch.setattr(Path, "replace", look_then_replace)
    publish_release(rows, tmp_path, "d")
    assert seen == [[], ["README.md", "test.jsonl", "test.parquet", "train.jsonl", "train.parquet"]]


def test_a_folder_that_cannot_be_written_is_an_error(rows, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        publish_release(rows, tmp_path / "file", "d")


# ── a team's own rows, and policies ───────────────────────────────────────────────────────────

OWN = OwnRow(
    row_id="own_1",
    partition="library",
    place="rows.jsonl:1",
    messages=[
        {"role": "user", "content": "keep Emma"},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "renew", "arguments": {}}}],
        },
    ],
    tools=[],
    weight=2.5,
    calls=1,
    user_turns=1,
)


def test_own_rows_end_the_train_split_and_every_row_says_its_source_and_weight(rows, tmp_path):
    made = publish_release(rows, tmp_path, "d", own_rows=[OWN])
    train = [json.loads(line) for line in (made / "train.jsonl").read_bytes().splitlines()]
    assert [(line["id"], line["source"], line["weight"]) for line in train] == [
        ("conversation_1", "generated", 1.0),
        ("conversation_2", "generated", 1.0),
        ("own_1", "own", 2.5),
    ]
    assert {frozenset(line) for line in train} == {frozenset(train[0])}  # the same columns in each
    assert train[-1]["kind"] == "own"
    assert {train[-1][name] for name in FACTS} == {None}, "of an own row, none of it is known"
    (test,) = [json.loads(line) for line in (made / "test.jsonl").read_bytes().splitlines()]
    assert (test["source"], test["weight"]) == ("generated", 1.0)


def test_the_parquet_files_have_own_rows_as_well(rows, tmp_path):
    made = publish_release(rows, tmp_path, "d", own_rows=[OWN])
    train, test = (pl.read_parquet(made / f"{split}.parquet") for split in ("train", "test"))
    assert train.select("conversation_id", "source", "weight").rows()[-1] == ("own_1", "own", 2.5)
    assert json.loads(train["messages"][-1]) == OWN.messages
    assert train.schema == test.schema
    assert set(train.select(list(FACTS)).row(-1)) == {None}
    assert test["source"].to_list() == ["generated"]
    assert from_frame(train.head(2), DatasetRow) == rows[:2]


def test_without_own_rows_a_release_is_what_it_was(rows, tmp_path):
    made = publish_release(rows, tmp_path, "d", own_rows=[], policies={})
    assert made.name == publish_release(rows, tmp_path / "again", "d").name
    assert b'"source"' not in (made / "train.jsonl").read_bytes()
    assert "source" not in pl.read_parquet(made / "train.parquet").columns
    assert publish_release(rows, tmp_path, "d", own_rows=[OWN]).name != made.name
