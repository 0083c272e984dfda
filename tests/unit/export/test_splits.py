"""Train and test share neither chains nor scenario clusters."""

import msgspec
import pytest

from funcdex_assets.export.splits import (
    assign_splits,
    remove_duplicates,
    remove_overlaps,
    remove_repeats_of_own_rows,
    remove_repeats_of_test_requests,
)
from funcdex_assets.records.dataset import DeduplicatedConversation, OwnRow, ParsedConversation
from funcdex_assets.records.seeds import build_generator


@pytest.fixture
def parsed(row):
    def make(*rows: tuple[str, str, bool]) -> list[ParsedConversation]:
        found = []
        for number, (cluster, chain, held_out) in enumerate(rows):
            fields = msgspec.structs.asdict(row(number, cluster_id=cluster, chain_id=chain, held_out=held_out))
            del fields["split"], fields["reserved_functions"]
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
    assert {int(row.conversation_id.split("_")[1]): row.split for row in assign_splits(parsed(*rows))[0]} == splits


def test_splits_are_disjoint_and_only_train_rows_of_test_clusters_are_left_out(parsed):
    rng = build_generator("splits")
    held_out = {f"c{number}": rng.random() < 0.2 for number in range(40)}
    rows = [(f"k{rng.randrange(120)}", chain := f"c{rng.randrange(40)}", held_out[chain]) for _ in range(400)]
    given = parsed(*rows)
    made, reasons = assign_splits(given)

    train = [row for row in made if row.split == "train"]
    test = [row for row in made if row.split == "test"]
    assert len(train) > 50, "the drawn example must be worth the name"
    assert len(test) > 50
    assert {row.cluster_id for row in train}.isdisjoint(row.cluster_id for row in test)
    assert {row.chain_id for row in train}.isdisjoint(row.chain_id for row in test)
    assert len(test) == sum(row.held_out for row in given)
    left_out = {row.conversation_id for row in given} - {row.conversation_id for row in made}
    assert left_out == {one.conversation_id for one in reasons}
    assert {one.rule for one in reasons} == {"shared_cluster"}
    test_clusters = {row.cluster_id for row in test}
    assert all(row.cluster_id in test_clusters for row in given if row.conversation_id in left_out)


def test_a_row_keeps_everything_else(parsed):
    (given,) = parsed(("k1", "c1", False))
    ((made,), _) = assign_splits([given])
    assert msgspec.structs.asdict(made) == {**msgspec.structs.asdict(given), "split": "train", "reserved_functions": ()}


# ── held out by function ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("held_out", "share", "split"),
    [
        pytest.param(True, 1, "test", id="a test row that calls reserved functions"),
        pytest.param(True, 0, None, id="a test row that calls none"),
        pytest.param(False, 0, "train", id="a train row that calls none"),
        pytest.param(False, 1, None, id="a train row in which the assistant called one all the same"),
    ],
)
def test_what_was_called_decides_where_functions_are_held_out(parsed, held_out, share, split):
    rows, left_out = assign_splits(parsed(("k1", "c1", held_out)), "function", share)
    assert [row.split for row in rows] == ([split] if split else [])
    assert [one.rule for one in left_out] == ([] if split else ["held_out"])
    assert [row.reserved_functions for row in rows] == [("FIND_FILES", "SEND_EMAIL") if share else ()] * len(rows)


@pytest.mark.parametrize("held_out", [True, False])
def test_a_conversation_without_calls_may_be_on_either_side(parsed, held_out):
    (given,) = parsed(("k1", "c1", held_out))
    silent = msgspec.structs.replace(given, messages=given.messages[:2], calls=0)
    rows, left_out = assign_splits([silent], "function", 1)
    assert [row.split for row in rows] == ["test" if held_out else "train"]
    assert left_out == []


def test_a_train_row_that_strays_does_not_empty_a_cluster(parsed):
    """A test row that is left out takes no train row with it."""
    rows, left_out = assign_splits(parsed(("k1", "c1", True), ("k1", "c2", False)), "function", 0)
    assert [row.conversation_id for row in rows] == ["conversation_1"]
    assert [one.conversation_id for one in left_out] == ["conversation_0"]


# ── left out before ───────────────────────────────────────────────────────────────────────────


def test_near_duplicates_are_left_out_with_their_reason(parsed):
    verdicts = [
        DeduplicatedConversation(
            conversation_id=f"conversation_{number}",
            status="duplicate" if number else "kept",
            duplicate_of="conversation_0" if number else None,
            similarity=0.9,
            overlap=0.6,
            turns=(),
            cluster_id="conversation_0",
            reason="said before" if number else "",
        )
        for number in range(2)
    ]
    rows, left_out = remove_duplicates(parsed(("k1", "c1", False), ("k2", "c1", False)), verdicts)
    assert [row.conversation_id for row in rows] == ["conversation_0"]
    assert [(one.conversation_id, one.rule, one.of, one.reason) for one in left_out] == [
        ("conversation_1", "near_duplicate", "conversation_0", "said before")
    ]


def test_overlaps_with_evaluation_sets_are_left_out_with_their_reason(parsed):
    rows, left_out = remove_overlaps(
        parsed(("k1", "c1", False), ("k2", "c1", False)), {"conversation_0": ("set/item", "names 1.00: …")}
    )
    assert [row.conversation_id for row in rows] == ["conversation_1"]
    assert [(one.rule, one.of, one.reason) for one in left_out] == [("contamination", "set/item", "names 1.00: …")]


# ── a team's own rows ─────────────────────────────────────────────────────────────────────────


def own(row_id: str, *texts: str) -> OwnRow:
    messages = [{"role": "user", "content": text} for text in texts]
    return OwnRow(
        row_id=row_id,
        partition="mail",
        place="rows.jsonl:1",
        messages=messages,
        tools=[],
        weight=1,
        calls=0,
        user_turns=len(texts),
    )


def saying(row, number: int, split: str, *texts: str):
    return row(number, split, messages=[{"role": "user", "content": text} for text in texts])


def test_a_test_row_that_an_own_row_repeats_from_its_beginning_is_left_out(row):
    rows = [
        saying(row, 1, "test", "Renew  it, please!", "bye"),  # a part of the own row, but for case and marks
        saying(row, 2, "test", "renew it please", "bye", "really bye"),  # goes on
        saying(row, 3, "test", "bye"),  # not from the beginning
        saying(row, 4, "train", "renew it please", "bye"),
    ]
    kept, (exclusion,) = remove_repeats_of_own_rows(
        rows, [own("own_0", "something else"), own("own_1", "renew it please", "Bye", "thanks")]
    )
    assert [one.conversation_id for one in kept] == ["conversation_2", "conversation_3", "conversation_4"]
    assert (exclusion.conversation_id, exclusion.rule, exclusion.of) == ("conversation_1", "own_row", "own_1")
    assert remove_repeats_of_own_rows(rows, []) == (rows, [])


# ── single requests ───────────────────────────────────────────────────────────────────────────


def test_a_train_row_that_says_a_request_of_the_test_split_is_left_out(row):
    single = msgspec.structs.replace(saying(row, 1, "test", "Warmer, please!"), kind="single_turn")
    rows = [
        single,
        saying(row, 2, "train", "warmer please"),
        saying(row, 3, "train", "hello", "WARMER please.", "bye"),  # in any turn
        saying(row, 4, "train", "a bit warmer please"),
        saying(row, 5, "test", "warmer please"),
    ]
    kept, left_out = remove_repeats_of_test_requests(rows)
    assert [one.conversation_id for one in kept] == ["conversation_1", "conversation_4", "conversation_5"]
    assert {(one.conversation_id, one.rule, one.of) for one in left_out} == {
        ("conversation_2", "test_request", "conversation_1"),
        ("conversation_3", "test_request", "conversation_1"),
    }
    assert remove_repeats_of_test_requests(rows[1:]) == (rows[1:], [])  # a turn of many is no request by itself
