"""What may go from the index of scenarios: earlier nights, other embedders' vectors, old versions."""

import numpy as np
import pytest

from funcdex_assets.dedup.forgetting import (
    compact_tables,
    drop_tables,
    estimate_size,
    find_obsolete_nights,
    find_tables_with_old_versions,
    find_unused_tables,
    forget_nights,
)
from funcdex_assets.dedup.index import Batch, IndexedScenario, LanceScenarioIndex
from funcdex_assets.dedup.signatures import SIGNATURE_SIZE


def add_night(path, partition: str, seed: int, embedder: str = "small") -> None:
    batch = Batch(partition, seed, (partition,), embedder, f"batch_{partition}_{seed}")
    row = IndexedScenario(
        f"scenario_{seed}", "text", True, "c", np.ones(4, np.float32), np.ones(SIGNATURE_SIZE, np.uint32)
    )
    LanceScenarioIndex(path).replace_batch(batch, [row])


@pytest.fixture
def index(tmp_path):
    path = tmp_path / "scenario_index"
    for partition, seed in (("gmail", 9), ("gmail", 3), ("gmail", 5), ("it's", 1)):
        add_night(path, partition, seed)
    return path


def test_the_nights_before_the_latest_of_each_partition_may_go(index):
    obsolete = find_obsolete_nights(index, 2)
    assert [(night.partition, night.seed, night.rows) for night in obsolete] == [("gmail", 9, 1)], "by when they came"
    assert estimate_size(index, obsolete) > 0
    forget_nights(index, obsolete)
    assert find_obsolete_nights(index, 2) == []
    assert len(find_obsolete_nights(index, 1)) == 1, "the others are there"
    forget_nights(index, find_obsolete_nights(index, 1))
    add_night(index, "it's", 2)
    forget_nights(index, find_obsolete_nights(index, 1))
    assert find_obsolete_nights(index, 1) == [], "a quote in a name is part of the name"


def test_old_versions_go_and_the_rows_stay(index):
    assert find_tables_with_old_versions(index) == ["scenarios-small"]
    compact_tables(index)
    assert find_tables_with_old_versions(index) == []
    assert len(find_obsolete_nights(index, 1)) == 2


def test_vectors_of_another_embedder_may_go(index):
    add_night(index, "gmail", 1, embedder="large")
    assert find_unused_tables(index, "small") == ["scenarios-large"]
    drop_tables(index, ["scenarios-large"])
    assert find_unused_tables(index, "small") == []
    assert len(find_obsolete_nights(index, 1)) == 2


def test_there_may_be_no_index(tmp_path):
    assert find_obsolete_nights(tmp_path / "none", 1) == []
    assert find_unused_tables(tmp_path / "none", "small") == []
