"""What the release leaves out, over all partitions."""

import msgspec
import pytest

from funcdex_assets.embedding.hashed_ngrams import HashedNgrams
from funcdex_assets.orchestration.assets import publishing
from funcdex_assets.records.dataset import DatasetRow
from funcdex_assets.settings.settings import Settings


def row(name: str, split: str) -> DatasetRow:
    call = {"id": "call_1", "type": "function", "function": {"name": "LIST_THREADS", "arguments": {}}}
    return DatasetRow(
        conversation_id=name,
        partition="gmail",
        messages=[
            {"role": "user", "content": "Show me what came in today, please."},
            {"role": "assistant", "tool_calls": [call]},
        ],
        tools=[],
        scenario_id=name,
        cluster_id=name,
        chain_id=split,
        kind="simple",
        held_out=split == "test",
        clarity="good",
        calls=1,
        user_turns=1,
        split=split,
    )


def settings(**deduplication: object) -> Settings:
    return Settings(toolkits=("gmail",), deduplication={"embedder": "hashed_ngrams", **deduplication})


@pytest.mark.parametrize(
    ("splits", "duplicates"),
    [
        pytest.param(["train", "test"], {"0": "1"}, id="train repeats test, although it comes first"),
        pytest.param(["test", "train"], {"1": "0"}, id="train repeats test"),
        pytest.param(["train", "train", "train"], {"1": "0", "2": "0"}, id="of one split, the first stays"),
    ],
)
def test_what_leaks_is_taken_out_of_train(splits, duplicates):
    rows = [row(str(number), split) for number, split in enumerate(splits)]
    verdicts = publishing._find_duplicates(rows, settings(), HashedNgrams())
    assert [one.conversation_id for one in verdicts] == [one.conversation_id for one in rows]
    assert {one.conversation_id: one.duplicate_of for one in verdicts if one.duplicate_of} == duplicates


def test_it_can_be_turned_off():
    rows = [row("0", "train"), row("1", "train")]
    verdicts = publishing._find_duplicates(rows, settings(conversations=False), HashedNgrams())
    assert [one.status for one in verdicts] == ["kept", "kept"]


def test_thresholds_are_settings():
    other = msgspec.structs.replace(
        row("1", "train"), messages=[*row("1", "train").messages[1:], {"role": "user", "content": "Bye."}]
    )
    rows = [row("0", "train"), other]
    assert publishing._find_duplicates(rows, settings(), HashedNgrams())[1].status == "kept"
    loose = settings(conversation_semantic_threshold=0.0)
    assert publishing._find_duplicates(rows, loose, HashedNgrams())[1].status == "duplicate"
