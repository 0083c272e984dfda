"""What an accepted conversation costs, from the endpoint's own books to the reports: every role asked over HTTP.

The mock endpoint says what the offline engine says in the same place. Two partitions are made by a committee of
three judges, once paid for, once more from the journal, and once offline.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
import yaml
from faults import Recorder
from mock_endpoint import MockEndpoint, Report, Script, mock_endpoint

from funcdex_assets.dedup.index import LanceScenarioIndex
from funcdex_assets.embedding.hashed_ngrams import HashedNgrams
from funcdex_assets.inference.journal import JOURNAL_FILE, list_journal_entries
from funcdex_assets.inference.token_price import TokenPrice
from funcdex_assets.orchestration.assets import (
    conversations,
    personas_and_plans,
    publishing,
    quality,
    reporting,
    scenarios,
    tools,
)
from funcdex_assets.orchestration.partitions import register_partitions, tag_range
from funcdex_assets.orchestration.resource_keys import EMBEDDER, ENGINE, INDEX, SETTINGS, TABLES
from funcdex_assets.resources.inference import InferenceResource
from funcdex_assets.resources.project import ProjectResource
from funcdex_assets.resources.tables import TablesResource
from funcdex_assets.settings.settings import load_settings
from funcdex_assets.storage.table_store import TableStore

pytestmark = [pytest.mark.concurrent, pytest.mark.slow]
STAGES = (tools, scenarios, personas_and_plans, conversations, quality, publishing, reporting)
PARTITIONS = ("gmail", "todoist")
PRICES = {"mock": {"prompt": 2, "completion": 8, "cached": 0.5}, "wise": {"prompt": 10, "completion": 40}}


@dataclass
class Made:
    """One run over both partitions and the release."""

    home: Path
    metadata: dict[tuple[str, str | None], dict[str, Any]]
    books: Report = field(default_factory=Report)
    files: dict[str, bytes] = field(default_factory=dict)

    def figures(self, partition: str) -> dict[tuple[str, str], float]:
        frame = TableStore(self.home).read_frame("quality_report", partition).filter(pl.col("section") == "cost")
        return {(figure, item): value for figure, item, value in frame.select("figure", "item", "value").iter_rows()}

    def bytes_of(self, partition: str) -> bytes:
        return TableStore(self.home).table_path("quality_report", partition).read_bytes()

    def accepted(self, partition: str) -> int:
        return TableStore(self.home).read_frame("accepted_conversations", partition).height


def make(folder: Path, inference: dict[str, Any], monkeypatch: pytest.MonkeyPatch, engine: Any = None) -> Made:
    """Everything, in this process; `engine` stands in for the one of the settings."""
    wise = {"model": "wise"} if inference["profile"] != "offline" else {"name": "again"}
    content = {
        "toolkits": list(PARTITIONS),
        "home": "home",
        "generation": {"conversations": 4},
        "deduplication": {"embedder": "hashed_ngrams"},
        "judging": {"committee": [{}, wise, {"profile": "offline"}]},
        "inference": inference,
    }
    folder.mkdir(exist_ok=True)
    (folder / "funcdex.yaml").write_text(yaml.safe_dump(content))
    monkeypatch.setenv("FUNCDEX_CONFIG", str(folder / "funcdex.yaml"))
    settings = load_settings()
    index = LanceScenarioIndex(str(folder / "index"))
    resources = {
        SETTINGS: settings,
        TABLES: TablesResource(home=str(settings.home)),
        ENGINE: engine or InferenceResource(project=ProjectResource()),
        EMBEDDER: HashedNgrams(),
        INDEX: index,
    }
    stages = list(dg.load_assets_from_modules(STAGES))
    apart = [stage for stage in stages if stage.partitions_def is not None]
    metadata: dict[tuple[str, str | None], dict[str, Any]] = {}
    with dg.DagsterInstance.ephemeral() as instance:
        register_partitions(instance, settings)
        for chosen, tags in ((apart, tag_range(PARTITIONS)), ([one for one in stages if one not in apart], {})):
            result = dg.materialize(chosen, tags=tags, resources=resources, instance=instance)
            for event in result.get_asset_materialization_events():
                made, there = event.materialization, event.materialization.metadata
                metadata[made.asset_key.to_user_string(), made.partition] = {k: v.value for k, v in there.items()}
    return Made(settings.home, metadata)


@pytest.fixture(scope="module")
def monkey() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name in ("FUNCDEX_HOME", "DAGSTER_HOME"):
            monkeypatch.delenv(name, raising=False)
        yield monkeypatch


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cost")


@pytest.fixture(scope="module")
def replies(folder: Path, monkey: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the offline engine says, by prompt."""
    recorder = Recorder()
    make(folder / "offline", {"profile": "offline"}, monkey, recorder)
    return recorder.replies


@pytest.fixture(scope="module")
def mock(replies: dict[str, Any]) -> Iterator[MockEndpoint]:
    with mock_endpoint() as endpoint:
        endpoint.play(Script(latency_s=0, replies=replies))
        yield endpoint


@pytest.fixture(scope="module")
def model(mock: MockEndpoint) -> dict[str, Any]:
    return {"profile": "vllm", "base_url": mock.base_url, "model": "mock", "prices": PRICES}


@pytest.fixture(scope="module")
def paid(folder: Path, model: dict[str, Any], mock: MockEndpoint, monkey: pytest.MonkeyPatch) -> Made:
    made = make(folder / "served", model, monkey)
    made.books = mock.report()
    made.files = {name: made.bytes_of(name) for name in PARTITIONS}
    return made


@pytest.fixture(scope="module")
def replayed(folder: Path, paid: Made, model: dict[str, Any], mock: MockEndpoint, monkey: pytest.MonkeyPatch) -> Made:
    made = make(folder / "served", model, monkey)
    made.books = mock.report()
    return made


def totals(made: Made, item: str) -> dict[str, float]:
    """Over both partitions."""
    names = ("requests", "prompt tokens", "cached prompt tokens", "completion tokens", "cost in dollars")
    return {name: sum(made.figures(partition)[name, item] for partition in PARTITIONS) for name in names}


def test_the_sums_are_those_of_the_endpoint_and_of_the_journal(paid):
    assert paid.books.unknown == 0
    entries = list_journal_entries(paid.home / JOURNAL_FILE)
    cost = sum(TokenPrice(**PRICES[entry.model]).compute_cost(entry.token_usage) for entry in entries)
    assert cost > 0
    assert totals(paid, "in all") == {
        "requests": paid.books.answered,
        "prompt tokens": sum(entry.prompt_tokens for entry in entries),
        "cached prompt tokens": sum(entry.cached_tokens for entry in entries),
        "completion tokens": sum(entry.completion_tokens for entry in entries),
        "cost in dollars": pytest.approx(cost),
    }


def test_each_figure_is_there_by_accepted_conversation_and_by_role(paid):
    roles = {entry.role for entry in list_journal_entries(paid.home / JOURNAL_FILE)}
    for partition in PARTITIONS:
        figures, accepted = paid.figures(partition), paid.accepted(partition)
        assert accepted == 4
        each = {item: value for (figure, item), value in figures.items() if figure == "cost in dollars"}
        assert each["per accepted conversation"] == pytest.approx(each["in all"] / accepted)
        by_role = {item.rpartition(", ")[2]: value for item, value in each.items() if ", " in item}
        assert set(by_role) == roles
        assert sum(by_role.values()) == pytest.approx(each["per accepted conversation"])
        assert figures["requests", "per accepted conversation, judge"] >= 2


def test_dagster_shows_them_for_partitions_and_the_release(paid):
    both = {"quality_report": PARTITIONS, "release_report": (None,)}
    for asset, partitions in both.items():
        for partition in partitions:
            shown = paid.metadata[asset, partition]
            assert "cost in dollars" in shown["table_cost"]
            assert shown["cost_usd_per_accepted"] > 0
    release = paid.metadata["release_report", None]
    assert release["cost_usd_per_accepted"] == pytest.approx(totals(paid, "in all")["cost in dollars"] / 8, abs=1e-6)
    assert release["requests_per_accepted"] == totals(paid, "in all")["requests"] / 8


def test_answers_from_the_journal_count_as_what_they_cost_when_first_paid(paid, replayed):
    assert replayed.books.answered == paid.books.answered
    assert {partition: replayed.bytes_of(partition) for partition in PARTITIONS} == paid.files
    stage = replayed.metadata["conversations", "gmail"]
    assert (stage["prompt_tokens"], stage["cost_usd"]) == (0, 0), "what this run paid"
    assert replayed.metadata["release_report", None]["cost_usd_per_accepted"] > 0


def test_each_judge_is_in_the_records_and_in_the_metadata(paid):
    (row, *_) = TableStore(paid.home).read_frame("scored_conversations", "gmail")["members"].to_list()
    assert [member["judge"] for member in row] == ["vllm:mock", "vllm:wise", "offline"]
    shown = paid.metadata["scored_conversations", "gmail"]
    assert "vllm:wise" in shown["judges"]
    assert "vllm:mock / vllm:wise" in shown["pairs_of_judges"]
    assert "vllm:wise / offline" in shown["rejections_of_judges"]
    assert (shown["order_sway"], shown["evidence"], shown["unsupported_evidence"]) == ({}, {}, 0)


def test_made_again_offline_they_cost_nothing(folder, replayed, monkey):
    made = make(folder / "served", {"profile": "offline", "prices": PRICES}, monkey)
    assert made.figures("gmail") == {}
    assert "table_cost" not in made.metadata["release_report", None]
    assert "cost_usd_per_accepted" not in made.metadata["quality_report", "gmail"]
