"""The dataset card: a YAML head that tools read, and a text that people read."""

import json
import re

import pytest
import yaml
from example_facts import FACTS

from funcdex_assets.export.card import render_dataset_card
from funcdex_assets.export.release import publish_release
from funcdex_assets.export.release_outcome import ReleaseOutcome
from funcdex_assets.records.conversation import ArgumentSource, StepTrace
from funcdex_assets.records.dataset import OwnRow
from funcdex_assets.records.feedback import Weakness
from funcdex_assets.tool_graph.feedback import hash_weaknesses, read_weaknesses


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
    assert declared.pop("toolkits") == "string"
    assert [field["name"] for field in declared.pop("models")] == ["role", "model"]
    integers = {
        "user_query_clarity",
        "tool_use_quality",
        "naturalness",
        "task_completion",
        "seed",
        "attempts",
        "repairs",
    }
    assert {declared.pop(name) for name in integers} == {"int64"}
    assert declared.pop("overall") == "float64"
    assert set(declared.values()) == {"string"}


def test_the_card_explains_every_column_of_a_line_with_its_range(card, row, tmp_path):
    (line,) = (publish_release([row(1)], tmp_path, "d") / "train.jsonl").read_text().splitlines()
    table = card[card.index("| column | what it is | range |") :].split("\n\n")[0].splitlines()[2:]
    cells = [re.fullmatch(r"\| `(\w+)` \| (.+) \| (.+) \|", written) for written in table]
    assert [cell[1] for cell in cells if cell] == list(json.loads(line))
    assert "| `naturalness` | score 1 to 5: would people talk like that | 1 to 5 |" in table


def test_scores_are_counted_per_half_point_with_the_means_and_who_judged(row):
    low = {"tool_use_quality": 4, "naturalness": 3, "task_completion": 4, "overall": 4.0, "judge": "vllm:wise"}
    text = render_dataset_card("d", "r", [row(1), row(2), row(3, naturalness=5, overall=5.0), row(4, "test", **low)])
    scores = text[text.index("## Scores") :]
    assert "Judged by offline (3), vllm:wise (1)" in scores
    assert "| `tool_use_quality` | 4.75 |\n| `naturalness` | 4.00 |" in scores
    assert "| `overall` | 4.65 |" in scores
    assert "| overall | conversations |\n|---|---|\n| 4.0 to 4.4 | 1 |\n| 4.5 to 4.9 | 2 |\n| 5.0 | 1 |\n" in scores


def test_rows_without_scores_have_no_section_of_scores(row):
    """Rows of before they were recorded, which a release over all partitions may have."""
    assert "## Scores" not in render_dataset_card("d", "r", [row(1, **dict.fromkeys(FACTS))])


def test_the_text_counts_what_is_in_the_release(card):
    text = " ".join(card.split())
    assert "# gmail and others: multi-turn function calling" in text
    assert "Release `release_0123`: 4 conversations" in text
    assert "3 train, 1 test" in text
    assert "| gmail_googledrive | 3 | | jira | 1 |" in text
    assert "12 calls of 2 tools, 3.0 calls and 1.0 user messages per conversation" in text
    assert "`FIND_FILES` (8), `SEND_EMAIL` (4)" in text


def test_coverage_is_given_as_counts(row):
    traced = StepTrace("call_1", "FIND_FILES", 1, (), (ArgumentSource("call_1", "/limit", "user"),), None, "ok")
    text = render_dataset_card("d", "r", [row(1, step_trace=(traced,)), row(2)])
    assert "- tools on offer that are called: 2 of 2\n" in text
    assert "- calls with arguments: 4 of 6\n" in text
    assert "- arguments of the tools on offer that some call gives: 5 of 5\n" in text
    # of the first row alone, whose sources are known: owner, size and limit; to, cc and body
    assert "- values of arguments with a source: 1 of 6\n" in text


def test_what_was_not_measured_is_not_in_the_card(row):
    assert "values of arguments with a source" not in render_dataset_card("d", "r", [row(1)])
    assert "calls with arguments" not in render_dataset_card("d", "r", [])


def test_missing_kinds_are_listed_with_their_reason(row, tmp_path):
    outcome = ReleaseOutcome(wanted=1, rows=1, missing_kinds={"ask_back": "that is less than one"})
    text = (publish_release([row(1)], tmp_path, "d", outcome=outcome) / "README.md").read_text()
    assert "of which there is not one:\n\n- `ask_back`: that is less than one\n" in text
    assert "there is not one" not in render_dataset_card("d", "r", [row(1)])


def test_the_text_says_how_to_load_the_release(card):
    assert 'load_dataset("path/to/release_0123")' in card
    assert "apply_chat_template" in card


def test_a_release_without_rows_has_a_card():
    assert "0 conversations" in render_dataset_card("d", "r", [])


def test_own_rows_and_policies_are_told(row):
    own = [
        OwnRow(
            row_id=f"own_{number}",
            partition=name,
            place=f"rows.jsonl:{number}",
            messages=[],
            tools=[],
            weight=weight,
            calls=0,
            user_turns=1,
        )
        for number, (name, weight) in enumerate([("library", 2.5), ("library", 2.5), ("gmail", 1.0)])
    ]
    text = render_dataset_card("d", "release_0", [row(1, "test")], own_rows=own, policies={"library": "x" * 1234})
    assert "ends with 3 further rows" in text
    assert "2 of library with weight 2.5, 1 of gmail with weight 1." in text
    assert "`library` (1,234 characters)" in text
    features = {feature["name"]: feature for feature in head(text)["dataset_info"]["features"]}
    assert features["source"]["dtype"] == "string"
    assert features["weight"]["dtype"] == "float64"
    assert [file["split"] for file in head(text)["configs"][0]["data_files"]] == ["train", "test"]  # own rows are train


def test_without_own_rows_and_policies_nothing_is_said_of_them(card):
    assert "weight" not in card
    assert "policy" not in card
    assert "occurs in the train split.\n\n| partition" in card


def test_figures_that_steered_a_release_are_a_file_of_it_and_named_by_hash(row, tmp_path):
    figures = (Weakness("gmail", "tool", "SEND_EMAIL", 0.4, 25), Weakness("gmail", "kind", "simple", 0.9, 100))
    release = publish_release([row(1)], tmp_path, "d", feedback={"gmail": figures, "jira": ()})
    text = " ".join((release / "README.md").read_text().split())
    assert f"in `gmail` (figures `{hash_weaknesses(figures)}`: 1 of tools, 1 of kinds)" in text
    assert "jira" not in text
    assert read_weaknesses(release / "feedback.json") == figures
    without = publish_release([row(1)], tmp_path, "d", feedback={"jira": ()})
    assert without.name != release.name
    assert sorted(path.name for path in without.iterdir()) == sorted(
        path.name for path in publish_release([row(1)], tmp_path / "other", "d").iterdir()
    )
