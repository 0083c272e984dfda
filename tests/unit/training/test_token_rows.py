"""What counts in the loss: exactly what the assistant writes, whatever the row, and nothing is lost of it."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
import training_rows
from hypothesis import given, settings
from hypothesis import strategies as st

from funcdex_assets.records.training import TokenRow
from funcdex_assets.records.verdict import TurnVerdict
from funcdex_assets.training.token_rows import (
    LossWeights,
    PublishedRow,
    build_token_rows,
    read_published_rows,
    train_tokenizer,
)
from funcdex_assets.training.tokenized_release import list_counted_stretches, write_assistant_text

CONTEXT = 100_000


def build(*rows: PublishedRow, context: int = CONTEXT, layout: Any = "with_tools", **weights: float) -> Any:
    return build_token_rows(rows, training_rows.encoder(), layout, context, LossWeights(**weights))


def decode(ids: Any) -> str:
    return training_rows.encoder().tokenizer.decode(list(ids), clean_up_tokenization_spaces=False)


def read_said(row: PublishedRow) -> list[str]:
    return [write_assistant_text(message) + "<|im_end|>" for message in row.messages if message["role"] == "assistant"]


def read_counted(row: TokenRow) -> list[str]:
    return [decode(stretch) for stretch in list_counted_stretches(row)]


@pytest.mark.parametrize("layout", ["with_tools", "without_tools"])
def test_what_counts_is_exactly_what_the_assistant_says(layout: str):
    """Rows of all kinds, with thoughts, parallel calls and errors, with calls alone, and a team's own."""
    rows = training_rows.generated_rows()
    assert len({row.kind for row in rows}) > 6
    made = build(*rows, layout=layout)
    assert made.failures == ()
    for published, row in zip(rows, made.rows, strict=True):
        assert read_counted(row) == read_said(published)
        assert set(row.weights) == {0.0, published.weight}
        assert (row.row_id, row.split, row.kind, row.layout, row.cut) == (
            *(published.id, published.split, published.kind, layout),
            0,
        )


def test_shifted_by_one_each_answer_follows_what_a_server_would_send():
    """A trainer feeds `token_ids[:-1]` and has `token_ids[1:]` as targets, with `weights[1:]`."""
    row = training_rows.generated_rows()[0]
    (made,) = build(row).rows
    inputs, targets, weights = made.token_ids[:-1], made.token_ids[1:], made.weights[1:]
    assert decode(token for token, weight in zip(targets, weights, strict=True) if weight) == "".join(read_said(row))
    first = next(place for place, weight in enumerate(weights) if weight)
    said = next(place for place, message in enumerate(row.messages) if message["role"] == "assistant")
    assert list(inputs[: first + 1]) == training_rows.encoder().encode_prompt(row.messages[:said], row.tools)


def test_definitions_are_in_the_prefix_or_nowhere():
    row = training_rows.generated_rows()[1]
    name = row.tools[0]["function"]["name"]
    (with_tools,), (without,) = build(row).rows, build(row, layout="without_tools").rows
    assert f"{name}(" in decode(with_tools.token_ids[: with_tools.prefix_length])
    assert f"{name}(" not in decode(without.token_ids)
    assert with_tools.token_ids[with_tools.prefix_length :] == without.token_ids[without.prefix_length :]


SAID = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": "first request"},
    {"role": "assistant", "content": "first answer"},
    {"role": "user", "content": "second request"},
    {"role": "assistant", "content": "", "tool_calls": [training_rows.call("f", a=1)]},
    {"role": "tool", "content": '{"ok": true}'},
    {"role": "assistant", "content": "second answer"},
    {"role": "user", "content": "third request"},
    {"role": "assistant", "content": "third answer"},
]
BAD = TurnVerdict(turn=1, ok=False, score=1, reason="it guesses", first=3, last=6)


def test_a_bad_turn_is_context_and_does_not_count():
    row = training_rows.publish(SAID, turn_verdicts=(BAD,), weight=2.0)
    (made,) = build(row).rows
    assert read_counted(made) == ["first answer<|im_end|>", "third answer<|im_end|>"]
    assert "second answer" in decode(made.token_ids)
    (weighed,) = build(row, bad_turn=0.25).rows
    assert read_counted(weighed) == read_said(row)
    assert set(weighed.weights) == {0.0, 0.5, 2.0}


def test_prompt_counts_its_weight_but_for_the_prefix_and_targets_stay():
    row = training_rows.publish(SAID, weight=2.0)
    (plain,), (made,) = build(row).rows, build(row, prompt=0.1).rows
    assert made.token_ids == plain.token_ids
    assert not any(made.weights[: made.prefix_length])
    for before, after in zip(plain.weights[made.prefix_length :], made.weights[made.prefix_length :], strict=True):
        assert after == (before or pytest.approx(0.2))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (training_rows.publish(SAID[:2]), "the assistant says nothing in it"),
        (training_rows.publish(SAID[:7], turn_verdicts=(TurnVerdict(0, False, 1, "", 0, 8),)), "unfit to train on"),
        (training_rows.publish(SAID, weight=0.0), "or the row's weight is 0"),
    ],
    ids=["no answer", "bad turns", "no weight"],
)
def test_a_row_of_which_nothing_counts_is_left_out_with_the_reason(row: PublishedRow, reason: str):
    made = build(row, training_rows.publish(SAID, id="other"))
    assert [made_row.row_id for made_row in made.rows] == ["other"]
    ((subject, kind, text),) = [(failure.subject, failure.kind, failure.reason) for failure in made.failures]
    assert (subject, kind) == ("row", "nothing_counts")
    assert reason in text


def measure(*messages: dict[str, Any]) -> int:
    (row,) = build(training_rows.publish([*messages])).rows
    return len(row.token_ids)


def test_a_long_row_loses_its_oldest_turns_and_no_answer():
    row = training_rows.publish(SAID, split="test")
    made = build(row, context=measure(SAID[0], *SAID[3:]))
    assert [window.row_id for window in made.rows] == ["row#0", "row#1"]
    assert [text for window in made.rows for text in read_counted(window)] == read_said(row)
    early, late = made.rows
    assert decode(late.token_ids).startswith("<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nsecond request")
    assert (early.cut, late.cut) == (0, len(early.token_ids) - early.prefix_length)
    assert (early.prefix_length, early.split) == (late.prefix_length, "test")
    assert made.split_rows == ("row",)


def test_a_turn_that_does_not_fit_is_left_out_with_the_reason_and_the_others_stay():
    context = measure(SAID[0], *SAID[3:7]) - 1
    made = build(training_rows.publish(SAID), context=context)
    assert [text for window in made.rows for text in read_counted(window)] == [
        "first answer<|im_end|>",
        "third answer<|im_end|>",
    ]
    (failure,) = made.failures
    assert (failure.subject, failure.kind) == ("row, turn 1", "too_long")
    assert failure.reason.endswith(f"the context is {context}; raise training.context to {context + 1}")


def test_where_not_even_the_tools_fit_the_remedy_is_named():
    made = build(training_rows.generated_rows()[0], context=128)
    assert made.rows == ()
    assert "raise training.context, or set training.layout to without_tools" in made.failures[0].reason


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.tuples(st.integers(1, 12), st.integers(1, 12)), min_size=1, max_size=6),
    context=st.integers(20, 90),
    bad=st.sets(st.integers(0, 5)),
)
def test_whatever_the_context_every_answer_that_counts_is_in_one_window_or_named(
    lengths: list[tuple[int, int]], context: int, bad: set[int]
):
    messages = []
    for turn, (asked, answered) in enumerate(lengths):
        messages += [{"role": "user", "content": "please " * asked}]
        messages += [{"role": "assistant", "content": f"{turn} " + "done " * answered}]
    verdicts = tuple(TurnVerdict(turn, False, 1, "", 2 * turn, 2 * turn + 1) for turn in bad if turn < len(lengths))
    row = training_rows.publish(messages, turn_verdicts=verdicts)
    made = build(row, context=context)
    counted = [text for window in made.rows for text in read_counted(window)]
    too_long = {int(failure.subject.split()[-1]) for failure in made.failures if failure.kind == "too_long"}
    said = [text for turn, text in enumerate(read_said(row)) if turn not in bad | too_long]
    assert counted == said
    assert all(len(window.token_ids) <= context for window in made.rows)
    assert all(decode(window.token_ids).startswith("<|im_start|>user") for window in made.rows)


def test_a_mistake_in_one_row_is_named_and_costs_no_other():
    broken = training_rows.publish([{"role": "user", "content": 1}, {"role": "assistant", "tool_calls": [{"a": 1}]}])
    made = build(broken, training_rows.publish(SAID, id="other"))
    assert [row.row_id for row in made.rows] == ["other"]
    assert made.failures[0].subject == "row"


def test_rows_are_read_as_a_release_has_them(tmp_path: Path):
    generated = {"id": "a", "partition": "p", "messages": SAID, "tools": [], "kind": "simple", "step_trace": []}
    own = {**generated, "id": "b", "kind": "own", "source": "own", "weight": 3.0}
    verdict = msgspec.to_builtins(BAD)
    (tmp_path / "train.jsonl").write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in (generated, own)))
    (tmp_path / "test.jsonl").write_bytes(msgspec.json.encode({**generated, "id": "c", "turn_verdicts": [verdict]}))
    rows = read_published_rows(tmp_path)
    assert [(row.id, row.split, row.weight, row.turn_verdicts) for row in rows] == [
        ("a", "train", 1.0, ()),
        ("b", "train", 3.0, ()),
        ("c", "test", 1.0, (BAD,)),
    ]


def test_the_vocabulary_is_learned_from_the_train_split():
    word = "Xylophonquartett"
    rows = [
        training_rows.publish([{"role": "user", "content": f"{word} {split}"}, SAID[2]], id=f"{split}{n}", split=split)
        for split in ("train", "test")
        for n in range(3)
    ]
    seen = train_tokenizer(rows, 600, "with_tools")
    unseen = train_tokenizer([row for row in rows if row.split == "test"], 600, "with_tools")
    assert len(seen(word)["input_ids"]) < 4 < len(unseen(word)["input_ids"])
