"""Rows of releases of before they said what they are: whoever reads rows reads these alike."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest
from example_facts import FACTS
from example_rows import EMAIL, FILES

from funcdex_assets.contamination.evaluation_sets import read_evaluation_file
from funcdex_assets.environment.replay import read_published_row
from funcdex_assets.evaluation.foreign_rows import read_foreign_items
from funcdex_assets.evaluation.items import read_published_items
from funcdex_assets.export.own_rows import read_own_rows
from funcdex_assets.export.release import publish_release
from funcdex_assets.export.releases import list_releases
from funcdex_assets.records.dataset import DatasetRow
from funcdex_assets.storage.frames import from_frame
from funcdex_assets.training.token_rows import read_published_rows

READERS: dict[str, Callable[[Path], Any]] = {
    "training": read_published_rows,
    "evaluation of a release": lambda release: read_published_items(release / "test.jsonl"),
    "evaluation of rows from anywhere": lambda release: read_foreign_items(release / "test.jsonl"),
    "an evaluation set to compare with": lambda release: read_evaluation_file(release / "test.jsonl").items,
    "own rows": lambda release: [
        msgspec.structs.replace(row, place="")
        for row in read_own_rows([release / "train.jsonl"], [EMAIL, FILES], "gmail")[0]
    ],
    "replay": lambda release: read_published_row(json.loads((release / "test.jsonl").read_bytes())),
    "the list of releases": lambda release: [one.rows for one in list_releases(release.parent)],
}


@pytest.fixture
def releases(row, tmp_path) -> tuple[Path, Path]:
    """A release of today, and the same as it was written before."""
    now = publish_release([row(1), row(2), row(3, "test")], tmp_path / "now", "d")
    before = tmp_path / "before" / now.name
    before.mkdir(parents=True)
    for split in ("train", "test"):
        lines = [json.loads(line) for line in (now / f"{split}.jsonl").read_bytes().splitlines()]
        kept = [{name: value for name, value in line.items() if name not in FACTS} for line in lines]
        (before / f"{split}.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in kept))
        pl.read_parquet(now / f"{split}.parquet").drop(list(FACTS)).write_parquet(before / f"{split}.parquet")
    return now, before


@pytest.mark.parametrize("reader", READERS)
def test_rows_with_and_without_what_they_are_read_alike(releases, reader):
    now, before = map(READERS[reader], releases)
    assert now == before
    assert now or reader == "replay"


def test_a_table_of_before_is_read_with_nothing_known(releases):
    now, before = (from_frame(pl.read_parquet(release / "test.parquet"), DatasetRow)[0] for release in releases)
    assert (now.overall, before.overall) == (4.8, None)
    assert msgspec.structs.replace(now, **{**dict.fromkeys(FACTS), "toolkits": (), "models": ()}) == before
