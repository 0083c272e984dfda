"""A release as tokens, by the settings; and the checks, each on good and on damaged rows."""

from dataclasses import replace as replace_fields
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest
import training_rows

from funcdex_assets.contracts.stage_tables import RELEASE_TOKENS, TRAINING_TOKENS
from funcdex_assets.contracts.table import check_table
from funcdex_assets.records.training import TokenRow
from funcdex_assets.settings.training import Training
from funcdex_assets.storage.frames import from_frame, to_frame
from funcdex_assets.training.tokenized_release import (
    TokenizedRelease,
    find_rows_beyond_limits,
    find_rows_that_count_wrongly,
    tokenize_release,
)

CONTEXT = 8192  # tokens, more than the longest row has


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("release")
    for split in ("train", "test"):
        rows = [msgspec.to_builtins(row) for row in training_rows.generated_rows() if row.split == split]
        for row in rows:
            del row["split"]
        (folder / f"{split}.jsonl").write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    return folder


@pytest.fixture(scope="module")
def tokenised(release: Path) -> TokenizedRelease:
    return tokenize_release(release, Training(vocabulary_size=1500, context=CONTEXT), release)


def change(tokenised: TokenizedRelease, number: int, **fields: Any) -> TokenizedRelease:
    rows = list(tokenised.rows)
    rows[number] = msgspec.structs.replace(rows[number], **fields)
    return replace_fields(tokenised, rows=rows)


def test_rows_and_figures_follow_the_release(tokenised: TokenizedRelease):
    published = training_rows.generated_rows()
    assert sorted(row.row_id for row in tokenised.rows) == sorted(row.id for row in published)
    figures = tokenised.figures
    assert (figures["train_rows"], figures["test_rows"]) == tuple(
        sum(row.split == split for row in published) for split in ("train", "test")
    )
    assert figures["tokens"] == sum(len(row.token_ids) for row in tokenised.rows)
    assert figures["longest_row"] == max(len(row.token_ids) for row in tokenised.rows)
    assert 0 < figures["counted_tokens"] < figures["tokens"] / 2
    assert 0 < figures["shared_prefixes"] < figures["prefix_share"] < 1
    assert (figures["cut_rows"], figures["rows_in_windows"], figures["vocabulary"]) == (0, 0, 1500)


def test_settings_choose_layout_context_and_weights(release: Path):
    training = Training(vocabulary_size=700, layout="without_tools", context=512, prompt_weight=0.5)
    made = tokenize_release(release, training, release)
    assert {row.layout for row in made.rows} == {"without_tools"}
    assert made.figures["longest_row"] <= 512
    assert made.figures["rows_in_windows"] > 0
    assert 0.5 in {weight for row in made.rows for weight in row.weights}
    assert find_rows_that_count_wrongly(made, prompt_counts=True).is_empty()
    assert find_rows_beyond_limits(made.rows, 512, len(made.tokenizer)).is_empty()


def test_a_base_model_gives_its_tokenizer(release: Path, tmp_path: Path, tokenised: TokenizedRelease):
    tokenised.tokenizer.save_pretrained(str(tmp_path / "base"))
    made = tokenize_release(release, Training(base="base", context=CONTEXT), tmp_path)
    assert made.template == "own"
    assert [row.token_ids for row in made.rows] == [row.token_ids for row in tokenised.rows]
    assert find_rows_that_count_wrongly(made).is_empty()


def test_what_counts_is_what_the_assistant_says_and_damage_is_found(tokenised: TokenizedRelease):
    assert find_rows_that_count_wrongly(tokenised).is_empty()
    row = tokenised.rows[0]
    counted = [place for place, weight in enumerate(row.weights) if weight]
    for damaged in (
        [*row.weights[1:], 0.0],  # shifted by one
        [1.0] * row.prefix_length + list(row.weights[row.prefix_length :]),
        [0.0 if place == counted[0] else weight for place, weight in enumerate(row.weights)],
    ):
        found = find_rows_that_count_wrongly(change(tokenised, 0, weights=tuple(damaged)))
        assert found["row_id"].to_list() == [row.row_id]
    ids = list(row.token_ids)
    ids[counted[0]] = ids[counted[0]] - 1
    assert find_rows_that_count_wrongly(change(tokenised, 0, token_ids=tuple(ids)))["row_id"].to_list() == [row.row_id]


def test_rows_beyond_context_and_vocabulary_are_found(tokenised: TokenizedRelease):
    longest = tokenised.figures["longest_row"]
    assert find_rows_beyond_limits(tokenised.rows, longest, 1500).is_empty()
    assert find_rows_beyond_limits(tokenised.rows, longest - 1, 1500)["tokens"].to_list() == [longest]
    assert find_rows_beyond_limits(change(tokenised, 2, token_ids=(1500,)).rows, longest, 1500).height == 1


@pytest.mark.parametrize("table", [TRAINING_TOKENS, RELEASE_TOKENS])
def test_the_table_holds_what_was_made(tokenised: TokenizedRelease, table: Any):
    frame = to_frame(list(tokenised.rows), TokenRow)
    assert [judgement.check for judgement in check_table(table, frame) if not judgement.passed] == []
    assert frame.schema["token_ids"] == pl.List(pl.Int64)
    assert from_frame(frame, TokenRow) == list(tokenised.rows)
