"""Train and test share neither chains nor scenario clusters."""

import msgspec
import pytest

from funcdex_assets.export.splits import split_rows
from funcdex_assets.records import ParsedConversation
from funcdex_assets.seeds import generator


@pytest.fixture
def parsed(row):
    def make(*rows: tuple[str, str, bool]) -> list[ParsedConversation]:
        found = []
        for number, (cluster, chain, held_out) in enumerate(rows):
            fields = msgspec.structs.asdict(row(number, cluster_id=cluster, chain_id=chain, held_out=held_out))
            del fields["split"]
            found.append(ParsedConversation(**fields))
        return found

    return make


@pytest.mark.parametrize(
    ("rows", "splits"),
    [
        pytest.param(
            [("k1", "c1", False), ("k2", "c2", True)], {0: "train", 1: "test"}, id="a held-out chain is for test"
        ),
        pytest.param([("k1", "c1", False), ("k1", "c2", True)], {1: "test"}, id="of a shared cluster, train gives way"),
        pytest.param(
            [("k1", "c1", False), ("k1", "c3", False), ("k2", "c1", False), ("k1", "c2", True)],
            {2: "train", 3: "test"},
            id="all of its train members, and no other row of their chains",
        ),
        pytest.param(
            [("k1", "c1", False), ("k1", "c1", False)], {0: "train", 1: "train"}, id="one side may share a cluster"
        ),
        pytest.param([("k1", "c1", True), ("k1", "c1", True)], {0: "test", 1: "test"}, id="so may the other"),
        pytest.param([], {}, id="nothing gives nothing"),
    ],
)
def test_sides(parsed, rows, splits):
    assert {int(row.conversation_id.split("_")[1]): row.split for row in split_rows(parsed(*rows))} == splits


def test_splits_are_disjoint_and_only_train_rows_of_test_clusters_are_left_out(parsed):
    rng = generator("splits")
    held_out = {f"c{number}": rng.random() < 0.2 for number in range(40)}
    rows = [(f"k{rng.randrange(120)}", chain := f"c{rng.randrange(40)}", held_out[chain]) for _ in range(400)]
    given = parsed(*rows)
    made = split_rows(given)

    train = [row for row in made if row.split == "train"]
    test = [row for row in made if row.split == "test"]
    assert len(train) > 50, "the drawn example must be worth the name"
    assert len(test) > 50
    assert {row.cluster_id for row in train}.isdisjoint(row.cluster_id for row in test)
    assert {row.chain_id for row in train}.isdisjoint(row.chain_id for row in test)
    assert len(test) == sum(row.held_out for row in given)
    left_out = {row.conversation_id for row in given} - {row.conversation_id for row in made}
    test_clusters = {row.cluster_id for row in test}
    assert all(row.cluster_id in test_clusters for row in given if row.conversation_id in left_out)


def test_a_row_keeps_everything_else(parsed):
    (given,) = parsed(("k1", "c1", False))
    (made,) = split_rows([given])
    assert msgspec.structs.asdict(made) == {**msgspec.structs.asdict(given), "split": "train"}
