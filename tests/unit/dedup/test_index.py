import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import lancedb
import pytest
from lancedb.table import LanceTable

from funcdex_assets.dedup.index import LanceScenarioIndex
from funcdex_assets.dedup.memory_index import deduplicate_batch
from funcdex_assets.dedup.neighbours import HASHED_NGRAMS_THRESHOLDS
from funcdex_assets.embedding.hashed_ngrams import HashedNgrams

REFUND = "Hannah owns a yoga studio and wants to refund the double charge on a March subscription."
MEETING = "The office manager of a dental practice wants to move Thursday's team meeting to Friday."
LEASE = "A paralegal needs the signed lease for the Harbour Street premises shared with counsel."
BUG = "The QA lead at a payments company wants a bug filed for the crash on the login screen."


@pytest.fixture
def index(tmp_path):
    return LanceScenarioIndex(tmp_path / "index")


def night(index, partition, texts, *, seed=1, toolkits=None):
    """Runs one batch; the answer is one original (or None) per text."""
    decisions = deduplicate_batch(
        [f"{partition}.{seed}.{i}" for i in range(len(texts))],
        texts,
        partition=partition,
        seed=seed,
        toolkits=toolkits or partition.split("_"),
        embedder=HashedNgrams(),
        index=index,
        thresholds=HASHED_NGRAMS_THRESHOLDS,
    )
    return [decision.duplicate_of for decision in decisions]


def rows(index, columns=("partition", "seed", "scenario_id")):
    tables = lancedb.connect(index._path)
    found = tables.open_table("scenarios-hashed-ngrams-512").search().select(list(columns)).to_list()
    return sorted(tuple(row[column] for column in columns) for row in found)


def test_an_empty_index_knows_nobody(index):
    assert night(index, "stripe", [REFUND, MEETING]) == [None, None]


def test_no_candidates_are_no_trouble(index):
    assert night(index, "stripe", []) == []
    night(index, "stripe", [REFUND])
    assert night(index, "stripe", []) == []
    assert rows(index) == []


def test_a_new_seed_sees_old_nights(index):
    night(index, "stripe", [REFUND], seed=1)
    assert night(index, "stripe", [MEETING, REFUND], seed=2) == [None, "stripe.1.0"]


@pytest.mark.parametrize(
    ("first", "second", "compared"),
    [
        pytest.param("stripe", "gmail", False, id="no toolkit in common"),
        pytest.param("stripe", "gmail_stripe", True, id="a bundle with a member"),
        pytest.param("gmail_stripe", "stripe_jira", True, id="two bundles with one in common"),
        pytest.param("gmail_jira", "stripe_asana", False, id="two bundles with none"),
    ],
)
def test_only_partitions_that_share_a_toolkit_are_compared(index, first, second, compared):
    night(index, first, [REFUND])
    assert night(index, second, [REFUND]) == [f"{first}.1.0" if compared else None]


def test_duplicates_are_not_originals_of_others(index):
    night(index, "stripe", [REFUND, REFUND])
    assert night(index, "stripe", [REFUND], seed=2) == ["stripe.1.0"]
    assert night(index, "stripe_gmail", [REFUND]) == ["stripe.1.0"]


def test_materialising_again_gives_the_same_answer_and_the_same_rows(index):
    night(index, "stripe", [REFUND])
    first = night(index, "stripe_gmail", [MEETING, REFUND, LEASE])
    before = rows(index, ("partition", "scenario_id", "sequence", "batch", "kept", "cluster_id"))
    night(index, "gmail", [MEETING, BUG])
    night(index, "stripe", [LEASE], seed=2)
    assert night(index, "stripe_gmail", [MEETING, REFUND, LEASE]) == first == [None, "stripe.1.0", None]
    after = rows(index, ("partition", "scenario_id", "sequence", "batch", "kept", "cluster_id"))
    assert [row for row in after if row in before] == before
    assert len(after) == len(before) + 3


def test_a_batch_of_nothing_but_duplicates_is_remembered_too(index):
    night(index, "stripe", [REFUND])
    assert night(index, "stripe_gmail", [REFUND]) == ["stripe.1.0"]
    night(index, "gmail", [REFUND])  # nothing shared with stripe: kept, and later than the bundle
    assert night(index, "stripe_gmail", [REFUND]) == ["stripe.1.0"]


def test_a_known_batch_is_decided_afresh_when_what_it_repeated_is_gone(index):
    night(index, "stripe", [REFUND])
    assert night(index, "stripe_gmail", [REFUND]) == ["stripe.1.0"]
    night(index, "gmail", [REFUND])  # nothing shared with stripe: kept, and later than the bundle
    night(index, "stripe", [MEETING])  # the original goes away
    assert night(index, "stripe_gmail", [REFUND]) == ["gmail.1.0"], "else both would be kept"
    night(index, "gmail", [MEETING])
    assert night(index, "stripe_gmail", [REFUND]) == [None], "nothing like it is left"


def test_another_batch_of_the_same_partition_and_seed_takes_its_place(index):
    night(index, "stripe", [REFUND, LEASE])
    night(index, "stripe", [REFUND], seed=2)
    night(index, "jira", [BUG])
    assert night(index, "stripe", [LEASE, MEETING, BUG]) == [None, None, None]
    assert rows(index) == [
        ("jira", 1, "jira.1.0"),
        ("stripe", 1, "stripe.1.0"),
        ("stripe", 1, "stripe.1.1"),
        ("stripe", 1, "stripe.1.2"),
        ("stripe", 2, "stripe.2.0"),
    ]


def test_names_may_hold_quotes(index):
    night(index, "it's", [REFUND])
    assert night(index, "it's", [REFUND], seed=2) == ["it's.1.0"]


def test_a_repeated_id_is_an_error(index):
    with pytest.raises(ValueError, match="1 of 2 scenario ids of 'stripe'"):
        deduplicate_batch(
            ["a", "a"],
            [REFUND, LEASE],
            partition="stripe",
            seed=1,
            toolkits=["stripe"],
            embedder=HashedNgrams(),
            index=index,
            thresholds=HASHED_NGRAMS_THRESHOLDS,
        )


class Killed(BaseException):
    pass


@pytest.mark.parametrize("step", ["merge_insert", "optimize"], ids=["before the commit", "after the commit"])
def test_dying_between_steps_neither_loses_nor_doubles_rows(index, monkeypatch, step):
    index = LanceScenarioIndex(index._path, compact_every=1)
    night(index, "jira", [BUG])
    night(index, "stripe", [REFUND, LEASE])
    before = rows(index)

    def die(*args, **kwargs):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(LanceTable, step, die)
        with pytest.raises(Killed):
            night(index, "stripe", [MEETING, REFUND, BUG])
    after = [row for row in rows(index) if row[0] == "stripe"]
    assert len(after) == (2 if step == "merge_insert" else 3)
    assert ("jira", 1, "jira.1.0") in rows(index)
    assert night(index, "stripe", [MEETING, REFUND, BUG]) == [None, None, None]
    assert len(rows(index)) == len(before) + 1


WRITER = """
    import sys
    sys.path.insert(0, {root!r})
    from tests.unit.dedup.test_index import night, LanceScenarioIndex
    from contextlib import nullcontext
    index = LanceScenarioIndex({path!r}, compact_every=3)
    if {locked!r} == "without":
        index.lock_turn = nullcontext
    name = sys.argv[1]
    for seed in range({nights}):
        night(index, name, [f"{{name}} {{seed}} wants thing {{i}} done" for i in range(4)], seed=seed)
        print(seed, flush=True)
"""


def writer(index, name, nights, locked="with"):
    code = textwrap.dedent(WRITER).format(
        root=str(Path(__file__).parents[3]), path=index._path, nights=nights, locked=locked
    )
    return subprocess.Popen([sys.executable, "-c", code, name], stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.concurrent
@pytest.mark.parametrize("locked", ["with", "without"], ids="{} the lock".format)
def test_two_processes_writing_at_once_lose_nothing(index, locked):
    """Without the lock, a writer tries 8 times: more often than the other can commit in 3 nights."""
    writers = [writer(index, name, 3, locked) for name in ("gmail", "jira")]
    for process in writers:
        _, errors = process.communicate()
        assert process.returncode == 0, errors.decode()
    found = rows(index)
    assert len(found) == len(set(found)) == 2 * 3 * 4


@pytest.mark.concurrent
def test_a_killed_writer_leaves_whole_batches_and_no_lock(index):
    night(index, "jira", [BUG])
    process = writer(index, "gmail", 10_000)
    assert [process.stdout.readline() for _ in range(4)] == [b"0\n", b"1\n", b"2\n", b"3\n"]
    process.send_signal(signal.SIGKILL)
    process.communicate()
    seeds = [row[1] for row in rows(index) if row[0] == "gmail"]
    assert {0, 1, 2, 3} <= set(seeds)
    assert all(seeds.count(seed) == 4 for seed in seeds)
    assert night(index, "jira", [BUG], seed=2) == ["jira.1.0"]


def test_many_nights_do_not_pile_up_files(tmp_path):
    piling = LanceScenarioIndex(tmp_path / "piling", compact_every=10_000)
    tidy = LanceScenarioIndex(tmp_path / "tidy", compact_every=5)
    for index in (piling, tidy):
        for seed in range(12):
            night(index, "gmail", [f"{REFUND} {seed * 7919} {seed} {seed}"], seed=seed)
    assert rows(piling) == rows(tidy)
    tables = [lancedb.connect(i._path).open_table("scenarios-hashed-ngrams-512") for i in (piling, tidy)]
    fragments = [table.stats()["fragment_stats"]["num_fragments"] for table in tables]
    assert fragments[1] < fragments[0]


def test_the_vector_index_answers_like_the_exact_search(tmp_path):
    exact = LanceScenarioIndex(tmp_path / "exact")
    approximate = LanceScenarioIndex(tmp_path / "approximate", vector_index_from=300, compact_every=1)
    texts = [f"person {i} wants {i * i} of {i % 13} and {'xyz'[i % 3] * 9} in room {i * 31}" for i in range(400)]
    for index in (exact, approximate):
        night(index, "gmail", texts)
        night(index, "jira", [BUG])
    table = lancedb.connect(approximate._path).open_table("scenarios-hashed-ngrams-512")
    assert "vector" in [column for found in table.list_indices() for column in found.columns]
    questions = [texts[7], MEETING, texts[300], REFUND]
    for partition in ("gmail_drive", "jira", "asana"):
        assert night(approximate, partition, questions) == night(exact, partition, questions)


def test_scalar_indexes_change_no_answer(tmp_path, monkeypatch):
    index = LanceScenarioIndex(tmp_path / "index", compact_every=1)
    monkeypatch.setattr("funcdex_assets.dedup.index._SCALAR_INDEX_FROM", 1)
    night(index, "gmail_stripe", [REFUND])
    night(index, "jira", [BUG])
    table = lancedb.connect(index._path).open_table("scenarios-hashed-ngrams-512")
    assert {"toolkits", "partition", "sequence"} <= {c for found in table.list_indices() for c in found.columns}
    assert night(index, "stripe", [REFUND, BUG]) == ["gmail_stripe.1.0", None]
    assert night(index, "jira_stripe", [BUG, REFUND]) == ["jira.1.0", "gmail_stripe.1.0"]
