"""What a partition's evaluation asks, keeps and compares."""

import json
from pathlib import Path

import msgspec
import polars as pl
import pytest
from evaluation_cases import calling, dataset_row, saying, user

from funcdex_assets.contracts.evaluation_checks import (
    find_impossible_figures,
    find_repeated_figures,
    find_significant_losses,
)
from funcdex_assets.contracts.stage_tables import FUNCTION_CALL_MATCH
from funcdex_assets.contracts.table import check_table
from funcdex_assets.evaluation.evaluations import EvaluationError
from funcdex_assets.records.evaluation import FunctionCallMatch
from funcdex_assets.records.training import ExpectedCall, Prediction
from funcdex_assets.reports.local_models import LocalModel, LocalModelError
from funcdex_assets.reports.model_evaluations import evaluate_partition, read_all_evaluations
from funcdex_assets.settings.evaluation import Evaluation
from funcdex_assets.storage.frames import to_frame
from funcdex_assets.tool_graph.feedback import locate_feedback, read_weaknesses
from funcdex_assets.training.model_store import locate_latest_model

SETTINGS = Evaluation(resamples=200)


def row(number, split, degrees):
    said = (user(f"Heat to {degrees}."), calling("heat", {"to": degrees}), user("Thanks."), saying("Welcome."))
    return dataset_row(number, split, "home", *said)


ROWS = [row(number, "test" if number < 30 else "train", 15 + number % 10) for number in range(60)]


class Model:
    """Right in every `period`-th conversation; notes what it is asked in a file beside its folder."""

    def __init__(self, folder: Path) -> None:
        self.name, self._folder = folder.name, folder

    def predict(self, items, progress=None):
        asked = self._folder / "asked"
        asked.write_text(str(int(asked.read_text()) + 1 if asked.exists() else 1))
        period = json.loads((self._folder / "config.json").read_text())["period"]
        return [
            Prediction(
                item_id=one.item_id,
                calls=one.calls if index % period == 0 else (ExpectedCall("heat", {"to": 0}),) if one.calls else (),
                text=None if one.calls else "Welcome.",
                raw="x",
                prompt_tokens=100,
                completion_tokens=10,
            )
            for index, one in enumerate(items)
        ]


def train_model(home, name, period):
    folder = home / "models" / "home" / name
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"period": period}))
    (folder / "training.json").write_text(json.dumps({"partition": "home", "layout": "with_tools", "release": "r"}))
    (folder.parent / "latest").write_text(f"{name}\n")
    return folder


def evaluate(home, rows=ROWS, settings=SETTINGS):
    measured = evaluate_partition(home, "home", rows, settings, "release_1", open_model=Model)
    frame = to_frame(measured.list_figures(), FunctionCallMatch)
    judgements = {judgement.check: judgement.passed for judgement in check_table(FUNCTION_CALL_MATCH, frame)}
    return measured, judgements


def test_without_a_model_baselines_stand_alone(tmp_path):
    measured, judgements = evaluate(tmp_path)
    assert [one.model.name for one in measured.evaluations] == ["nearest neighbour", "bag of words"]
    assert set(judgements.values()) == {True}
    measured.keep()
    assert not (measured.folder / "published").exists()


def test_the_first_model_is_published_and_a_better_one_takes_its_place(tmp_path):
    train_model(tmp_path, "run_1", 3)
    measured, judgements = evaluate(tmp_path)
    assert (measured.comparisons, judgements["no_worse_than_published"]) == ((), True)
    measured.keep()
    train_model(tmp_path, "run_2", 1)
    measured, judgements = evaluate(tmp_path)
    assert measured.comparisons[0].difference > 0
    assert set(judgements.values()) == {True}
    measured.keep()
    assert (measured.folder / "published").read_text() == "home-run_2\n"


def test_a_significantly_worse_model_fails_the_check_and_is_not_published(tmp_path):
    train_model(tmp_path, "run_1", 1)
    evaluate(tmp_path)[0].keep()
    train_model(tmp_path, "run_2", 4)
    measured, judgements = evaluate(tmp_path)
    assert {check for check, passed in judgements.items() if not passed} == {"no_worse_than_published"}
    assert not next(check for check in FUNCTION_CALL_MATCH.checks if check.name == "no_worse_than_published").blocking
    measured.keep()
    assert (measured.folder / "published").read_text() == "home-run_1\n"
    assert "home/run_2" not in {one.model.name for one in read_all_evaluations(tmp_path, ["home"])}


def test_the_same_answers_are_not_asked_for_again(tmp_path):
    folder = train_model(tmp_path, "run_1", 2)
    first, _ = evaluate(tmp_path)
    first.keep()
    again, _ = evaluate(tmp_path)
    assert (folder / "asked").read_text() == "1"
    assert again.list_figures() == first.list_figures()
    evaluate(tmp_path, ROWS[5:])
    assert (folder / "asked").read_text() == "2"


def test_on_another_test_split_the_published_model_is_asked_again(tmp_path):
    published = train_model(tmp_path, "run_1", 1)
    evaluate(tmp_path)[0].keep()
    train_model(tmp_path, "run_2", 4)
    others = [msgspec.structs.replace(one, conversation_id=f"new_{one.conversation_id}") for one in ROWS]
    measured, judgements = evaluate(tmp_path, others)
    assert (published / "asked").read_text() == "2"
    assert not judgements["no_worse_than_published"]
    assert measured.comparisons[0].items == 60


def test_the_general_model_stands_beside_the_partitions_own(tmp_path):
    train_model(tmp_path, "run_1", 2)
    general = tmp_path / "models" / "all" / "run_9"
    general.mkdir(parents=True)
    (general / "config.json").write_text(json.dumps({"period": 1}))
    (general / "training.json").write_text(json.dumps({"partition": "all", "layout": "without_tools"}))
    (general.parent / "latest").write_text("run_9\n")
    measured, _ = evaluate(tmp_path)
    assert [(one.model.name, one.model.partition, one.model.layout) for one in measured.evaluations[:2]] == [
        ("home/run_1", "home", "with_tools"),
        ("all/run_9", "", "without_tools"),
    ]
    assert measured.own is measured.evaluations[0]
    measured.keep()
    assert {one.model.name for one in read_all_evaluations(tmp_path, ["home"])} >= {"home/run_1", "all/run_9"}


def test_without_a_test_split_there_is_nothing_to_measure(tmp_path):
    with pytest.raises(EvaluationError, match="home has no test split"):
        evaluate(tmp_path, [one for one in ROWS if one.split == "train"])


def test_the_limit_cuts_the_items(tmp_path):
    measured, _ = evaluate(tmp_path, settings=Evaluation(limit=5, resamples=200))
    assert {len(one.items) for one in measured.evaluations} == {5}


def figures(**fields):
    plain = {"model": "m", "metric": "exact_match", "value": 0.5, "low": 0.4, "high": 0.6, "items": 3}
    return to_frame([FunctionCallMatch(**plain | fields)], FunctionCallMatch)


@pytest.mark.parametrize(
    ("check", "bad", "good"),
    [
        (find_impossible_figures, {"value": 1.2}, {"metric": "prompt_tokens", "value": 120.0, "high": 130.0}),
        (find_impossible_figures, {"value": -0.2}, {"metric": "exact_match_difference", "value": -0.2}),
        (find_impossible_figures, {"low": 0.7}, {}),
        (find_significant_losses, {"metric": "exact_match_difference", "low": -0.3, "high": -0.1}, {"high": -0.1}),
    ],
)
def test_checks_of_the_table(check, bad, good):
    assert check(figures(**bad)).height == 1
    assert check(figures(**good)).height == 0


def test_a_figure_is_there_once():
    assert find_repeated_figures(pl.concat([figures(), figures()])).height == 2
    assert find_repeated_figures(pl.concat([figures(), figures(group="tool", member="heat")])).height == 0


def test_the_latest_model_is_found_by_its_name(tmp_path):
    assert locate_latest_model(tmp_path, "home") is None
    folder = train_model(tmp_path, "run_1", 1)
    assert locate_latest_model(tmp_path, "home") == folder
    latest = folder.parent / "latest"
    latest.write_text("gone\n")
    assert locate_latest_model(tmp_path, "home") is None


def test_what_the_model_did_badly_is_written_for_the_next_night(tmp_path):
    train_model(tmp_path, "run_1", 1)
    evaluate(tmp_path)[0].keep()
    weaknesses = read_weaknesses(locate_feedback(tmp_path, "home"))
    assert {(one.aspect, one.name) for one in weaknesses} == {
        ("argument_form", "heat(to)"),
        ("kind", "simple"),
        ("tool", "heat"),
    }
    assert all(one.partition == "home" and one.items > 0 and 0 <= one.match <= 1 for one in weaknesses)


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(LocalModelError, match=r"has no config\.json; name a model's folder"):
        LocalModel(tmp_path)
