"""The dataset card: a YAML head that tools read, and a text that people read."""

import json

import pytest
import yaml

from funcdex_assets.export.card import render_dataset_card
from funcdex_assets.export.release import publish_release


@pytest.fixture
def card(row):
    rows = [row(1), row(2), row(3, partition="jira"), row(4, "test")]
    return render_dataset_card("gmail and others", "release_0123", rows)


def head(card: str) -> dict:
    opening, text, _ = card.split("---\n", 2)
    assert opening == "", "the head must begin the file"
    return yaml.safe_load(text)


def test_the_head_names_a_file_for_each_split(card):
    (config,) = head(card)["configs"]
    assert config["config_name"] == "default"
    assert config["data_files"] == [
        {"split": "train", "path": "train.jsonl"},
        {"split": "test", "path": "test.jsonl"},
    ]


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_split_without_rows_is_not_named_because_loading_it_fails(row, split):
    (config,) = head(render_dataset_card("d", "r", [row(1, split)]))["configs"]
    assert config["data_files"] == [{"split": split, "path": f"{split}.jsonl"}]


def test_the_head_declares_a_column_for_every_key_of_a_line(card, row, tmp_path):
    (line,) = (publish_release([row(1)], tmp_path, "d") / "train.jsonl").read_text().splitlines()
    features = head(card)["dataset_info"]["features"]
    assert [feature["name"] for feature in features] == list(json.loads(line))
    declared = {feature["name"]: feature.get("list", feature.get("dtype")) for feature in features}
    assert declared.pop("messages") == {"dtype": "json"}
    assert declared.pop("tools") == declared.pop("turn_verdicts") == declared.pop("step_trace") == {"dtype": "json"}
    assert declared.pop("certificate") == "json"
    assert set(declared.values()) == {"string"}


def test_the_text_counts_what_is_in_the_release(card):
    text = " ".join(card.split())
    assert "# gmail and others: multi-turn function calling" in text
    assert "Release `release_0123`: 4 conversations" in text
    assert "3 train, 1 test" in text
    assert "| gmail_googledrive | 3 | | jira | 1 |" in text
    assert "12 calls of 2 tools, 3.0 calls and 1.0 user messages per conversation" in text
    assert "`FIND_FILES` (8), `SEND_EMAIL` (4)" in text


def test_the_text_says_how_to_load_the_release(card):
    assert 'load_dataset("path/to/release_0123")' in card
    assert "apply_chat_template" in card


def test_a_release_without_rows_has_a_card():
    assert "0 conversations" in render_dataset_card("d", "r", [])
