"""The stages of evaluation, run in a project of their own: baselines alone, since the model's folder is gone."""

import json
import shutil
from pathlib import Path
from typing import Literal

import pytest
from evaluation_cases import calling, dataset_row, user
from example_tables import MODEL

from funcdex_assets.definitions import training_graph
from funcdex_assets.orchestration.run_partitions import run_partitions
from funcdex_assets.records.dataset import DatasetRow
from funcdex_assets.records.evaluation import FunctionCallMatch
from funcdex_assets.settings.settings import load_settings
from funcdex_assets.storage.frames import from_frame, to_frame
from funcdex_assets.storage.table_store import TableStore


def row(number: int, split: Literal["train", "test"]) -> DatasetRow:
    degrees = 20 + number % 3
    return dataset_row(number, split, "gmail", user(f"Heat to {degrees}."), calling("heat", {"to": degrees}))


@pytest.fixture
def settings(tmp_path, monkeypatch):
    (tmp_path / "funcdex.yaml").write_text("toolkits: [gmail]\nevaluation: {resamples: 200, baselines: [nearest]}\n")
    shutil.copy(Path(__file__).parents[2] / "dagster.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FUNCDEX_CONFIG", str(tmp_path / "funcdex.yaml"))
    monkeypatch.setenv("FUNCDEX_HOME", str(tmp_path / "home"))
    rows = [row(number, "test" if number < 6 else "train") for number in range(12)]
    store = TableStore(tmp_path / "home")
    store.write_table("dataset", "gmail", to_frame(rows))
    store.write_table("finetuned_models", "gmail", to_frame([MODEL]))
    return load_settings()


def test_figures_are_a_table_and_the_report_is_written(settings):
    outcome = run_partitions(training_graph, ["gmail"], settings, ["function_call_match", "models_report"])
    assert (outcome.failed, outcome.error) == ({}, None)
    table = from_frame(TableStore(settings.home).read_frame("function_call_match", "gmail"), FunctionCallMatch)
    (match,) = [figure for figure in table if (figure.metric, figure.group) == ("exact_match", "all")]
    assert (match.model, match.value, match.items) == ("nearest neighbour", 1.0, 6)
    report = json.loads((settings.home / "evaluations" / "report.json").read_text())
    assert [line["model"] for line in report["table"]] == ["nearest neighbour"]
