"""Tables on disk: replaced at once, sealed, readable or refused with a remedy."""

from pathlib import Path

import polars as pl
import pytest

from funcdex_assets.records.figures import Spent
from funcdex_assets.storage.table_store import MissingTableError, TableStore, UnreadableTableError

FRAME = pl.DataFrame(
    {"id": ["x", "y"], "steps": [[{"tool": "A", "n": 1}], []]},
    schema={"id": pl.String, "steps": pl.List(pl.Struct({"tool": pl.String, "n": pl.Int64}))},
)


@pytest.fixture
def store(tmp_path: Path) -> TableStore:
    return TableStore(tmp_path)


def test_what_is_written_is_read_with_its_types(store):
    store.write_table("chains", "gmail", FRAME)
    assert store.read_frame("chains", "gmail").equals(FRAME)
    assert store.read_frame("chains", "gmail").schema == FRAME.schema


def test_the_same_frame_gives_the_same_bytes(store):
    assert store.write_table("chains", "gmail", FRAME) == store.write_table("chains", "jira", FRAME.clone())
    assert store.table_path("chains", "gmail").read_bytes() == store.table_path("chains", "jira").read_bytes()


def test_a_write_leaves_nothing_beside_the_table_and_its_seal(store):
    store.write_table("chains", "gmail", FRAME)
    folder = store.table_path("chains", "gmail").parent
    assert sorted(path.name for path in folder.iterdir()) == ["gmail.parquet", "gmail.seal"]
    assert store.list_partitions("chains") == ["gmail"]


def test_a_changed_file_is_not_sealed(store):
    store.write_table("chains", "gmail", FRAME)
    assert store.load_table("chains", "gmail").sealed
    FRAME.head(1).write_parquet(store.table_path("chains", "gmail"))
    changed = store.load_table("chains", "gmail")
    assert not changed.sealed
    store.seal_table("chains", "gmail", changed.digest, {})
    assert store.load_table("chains", "gmail").sealed


def test_a_refused_frame_does_not_touch_the_table(store):
    store.write_table("chains", "gmail", FRAME)
    kept = store.keep_refused_frame("chains", "gmail", FRAME.head(1))
    assert pl.read_parquet(kept).height == 1
    assert store.read_frame("chains", "gmail").height == 2


def test_what_answers_cost_is_kept_by_stage_and_partition_and_forgotten_with_them(store):
    asked = [Spent(role="judge", model="tiny", requests=2, prompt_tokens=11)]
    store.note_spent("scored", "gmail", asked)
    store.note_spent("personas", "gmail", asked)
    store.note_spent("scored", "jira", asked)
    assert store.read_spent("gmail") == {"personas": asked, "scored": asked}
    store.note_spent("scored", "gmail", [])
    assert store.read_spent("gmail") == {"personas": asked}
    assert store.read_spent("stripe") == {}


def test_errors_name_stage_partition_file_and_remedy(store):
    with pytest.raises(MissingTableError, match=r"no table chains for gmail \(.*gmail.parquet\); materialise chains"):
        store.read_frame("chains", "gmail")
    store.table_path("chains", "gmail").parent.mkdir(parents=True)
    store.table_path("chains", "gmail").write_bytes(b"nonsense")
    with pytest.raises(UnreadableTableError, match=r"not readable Parquet.*materialise chains for gmail again"):
        store.read_frame("chains", "gmail")
