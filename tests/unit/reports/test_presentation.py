"""The report of stored tables: read, together and apart, as a table, as JSON and as a page."""

import json

import msgspec
import pytest
from example_tables import frames
from published_rows import row, says
from rich.console import Console

from funcdex_assets.cli import analyze
from funcdex_assets.records.figures import QualityFigure, Spent
from funcdex_assets.reports.collected import TABLES
from funcdex_assets.reports.presentation import (
    ALL,
    OVERVIEW,
    NothingToReport,
    compare_with_wanted,
    format_counts,
    format_value,
    report_partitions,
    summarise_partition,
    to_json,
    write_page,
)
from funcdex_assets.settings.settings import load_settings
from funcdex_assets.storage.table_store import TableStore


@pytest.fixture
def settings(tmp_path, monkeypatch):
    for name in ("FUNCDEX_HOME", "FUNCDEX_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    prices = "{profile: offline, prices: {m: {prompt: 1, completion: 2}}}"
    (tmp_path / "funcdex.yaml").write_text(f"toolkits: [gmail, jira, stripe]\nhome: home\ninference: {prices}\n")
    settings = load_settings(tmp_path / "funcdex.yaml")
    for partition in ("gmail", "jira"):
        for name in TABLES:
            TableStore(settings.home).write_table(name, partition, frames()[name])
    return settings


def test_partitions_with_a_dataset_are_reported_apart_and_together(settings):
    reports = report_partitions(settings, settings.partitions)
    assert list(reports) == ["gmail", "jira", ALL]
    calls = [next(format_counts(one) for one in figures if one.figure == "valid calls") for figures in reports.values()]
    assert calls == ["2 of 2", "2 of 2", "4 of 4"]


def test_nothing_to_report_names_the_command(settings):
    with pytest.raises(NothingToReport, match="funcdex materialize stripe"):
        report_partitions(settings, ["stripe"])


def test_tables_of_different_runs_are_left_out_and_named(settings):
    later = frames()["deduplicated_scenarios"].head(0)
    TableStore(settings.home).write_table("deduplicated_scenarios", "jira", later)
    told: list[str] = []
    assert list(report_partitions(settings, settings.partitions, told.append)) == ["gmail", ALL]
    assert [text.split()[3] for text in told] == ["jira"]


def test_cost_is_that_of_the_answers_in_the_tables(settings):
    store = TableStore(settings.home)
    assert not [one for one in report_partitions(settings, ["gmail"])["gmail"] if one.section == "cost"]
    asked = Spent(role="assistant", model="m", requests=3, prompt_tokens=2_000_000, completion_tokens=500_000)
    store.note_spent("conversations", "gmail", [asked])
    store.note_spent("personas", "jira", [Spent(role="persona_writer", model="other", requests=2)])
    reports = report_partitions(settings, ["gmail", "jira"])
    found = {name: {(one.figure, one.item): one.value for one in figures} for name, figures in reports.items()}
    assert found["gmail"]["cost in dollars", "per accepted conversation"] == pytest.approx(3.0)
    assert found[ALL]["cost in dollars", "in all"] == pytest.approx(3.0)
    assert found[ALL]["cost in dollars", "per accepted conversation"] == pytest.approx(1.5)
    assert found[ALL]["prompt tokens", "per accepted conversation"] == 1_000_000
    assert found[ALL]["requests without a price", ""] == 2
    assert ("cost in dollars", "in all") not in found["jira"], "no model there has a price"


@pytest.mark.parametrize(
    ("figure", "text"),
    [
        ({"value": 0.125, "part": 1, "whole": 8}, "12.5 %"),
        ({"value": 0.0, "part": 0, "whole": 0}, "–"),
        ({"value": 1234.0}, "1,234"),
        ({"value": 0.0714}, "0.071"),
        ({"value": 0.0}, "0"),
        ({"value": 0.000412, "figure": "cost in dollars"}, "0.000412"),
        ({"value": 0.25, "part": 1, "whole": 4, "figure": "distinct-2 of user turns"}, "0.250"),
        ({"value": 0.0, "part": 0, "whole": 0, "figure": "distinct-2 of user turns"}, "–"),
    ],
)
def test_values_as_people_write_them(figure, text):
    assert format_value(QualityFigure(**{"section": "paths", "figure": "with an error", **figure})) == text


def share(figure: str, part: int, whole: int, **more) -> QualityFigure:
    return QualityFigure(section="mix", figure=figure, value=part / (whole or 1), part=part, whole=whole, **more)


def test_what_was_not_measured_is_nowhere_a_number():
    nothing = share("tools called", 0, 0, wanted=0.3)
    assert json.loads(to_json({"gmail": [nothing]}))["gmail"][0]["value"] is None
    assert compare_with_wanted(nothing) == ["30.0 %", "–"]
    assert summarise_partition([nothing])[list(OVERVIEW).index("tools")] == "–"


def test_shares_of_calls_and_tools_are_given_as_counts_by_partition():
    rows = [share("tools called", 57, 778), share("grounded arguments", 9, 10), share("with parallel calls", 1, 4)]
    cells = dict(zip(OVERVIEW, summarise_partition(rows), strict=True))
    assert (cells["tools"], cells["grounded"], cells["parallel"]) == ("57 of 778", "9 of 10", "25.0 %")


def test_shortcuts_stand_beside_their_goals_and_other_sets(settings, tmp_path, monkeypatch):
    reports = report_partitions(settings, ["gmail"])
    console = Console(record=True, width=200)
    monkeypatch.setattr(analyze, "console", console)
    analyze.print_figures(reports)
    printed = console.export_text()
    (line,) = [line for line in printed.splitlines() if line.startswith("│ copied strings") and "≤" in line]
    cells = [cell.strip() for cell in line.strip("│ ").split("│")]
    # Varga and the subject stand in quotes, the address was found
    assert cells == ["copied strings in quotes", "", "66.7 %", "2 of 3", "≤ 20.0 %", "no", "0–32 %, by people 7–16 %"]
    assert "Missed: boolean properties filled 0.0 % (goal ≥ 10.0 %); " in printed
    assert "Beside other sets" in printed

    page, *_ = write_page(reports, tmp_path / "page.md")
    text = page.read_text()
    beside = "| copied strings in quotes |  | 66.7 % | 2 of 3 | ≤ 20.0 % | no | 0–32 %, by people 7–16 % |"
    assert beside in text.split("## Shortcuts")[1]
    assert "| without any call |  | 0.0 % | 49 % | 1 % | 67 % |" in text.split("## Beside other sets")[1]

    written = {figure["figure"]: figure for figure in json.loads(to_json(reports))["gmail"]}
    quoted = written["copied strings in quotes"]
    assert (quoted["goal"], quoted["bound"], quoted["is_met"]) == (0.2, "≤", False)
    assert quoted["others"]["ToolTalk"] == pytest.approx(0.07)
    unmeasured = written["bag of words, single-call turns"]
    assert (unmeasured["value"], unmeasured["is_met"]) == (None, None)
    assert "goal" not in written["chained turns"]


def test_the_rows_of_a_release_over_all_are_counted_where_it_is_of_the_same_partitions(settings):
    release = settings.home / "datasets" / "all" / "release_1"
    release.mkdir(parents=True)
    (release.parent / "latest").write_text("release_1")
    rows = [row(says("Hello to you"), number=number, partition=name) for number, name in enumerate(["gmail", "jira"])]
    (release / "train.jsonl").write_bytes(b"\n".join(map(msgspec.json.encode, rows)))
    (release / "test.jsonl").write_bytes(b"")

    def count_turns(*partitions: str) -> float:
        figures = report_partitions(settings, partitions)[ALL]
        return next(one.value for one in figures if (one.figure, one.item) == ("user turns counted", "train"))

    assert count_turns("gmail", "jira") == 2
    assert count_turns("gmail") == 2, "of the one row of its table"
    (release / "train.jsonl").write_bytes(msgspec.json.encode(rows[0]))
    assert count_turns("gmail") == 1


def test_gaps_and_missing_kinds_are_told_with_places_and_remedies(settings, tmp_path, monkeypatch):
    console = Console(record=True, width=160)
    monkeypatch.setattr(analyze, "console", console)
    monkeypatch.setattr(analyze, "load_project", lambda: settings)
    analyze.print_quality_report(["gmail"], as_json=False, markdown=None)
    printed = console.export_text()
    assert "thin argument never given: 12 of 15 arguments of called tools (FIND_CONTACT/limit, " in printed
    assert "missing kind gmail: not one ask_back: 4 % of " in printed
    page = tmp_path / "page.md"
    analyze.print_quality_report(["gmail", "jira"], as_json=False, markdown=page)
    text = page.read_text()
    assert "- argument never given: 24 of 30 arguments of called tools (gmail:FIND_CONTACT/limit, " in text
    assert "\n- jira, ask_back: 4 % of " in text


def test_the_report_in_a_terminal_as_json_and_as_a_page(settings, tmp_path, monkeypatch):
    reports = report_partitions(settings, ["gmail", "jira"])
    console = Console(record=True, width=160)
    monkeypatch.setattr(analyze, "console", console)
    analyze.print_figures(reports)
    printed = console.export_text()
    assert {"Yields", "Validity", "By partition"} <= {line.strip() for line in printed.splitlines()}

    first = {"section": "yields", "figure": "conversations", "item": "candidates", "value": 3.0}
    assert json.loads(to_json(reports))["jira"][0] == first | dict.fromkeys(("part", "whole", "wanted"))

    page, *pictures = write_page(reports, tmp_path / "docs" / "page.md")
    text = page.read_text()
    assert "| valid calls |  | 100.0 % | 4 of 4 | 95–100 %, 50 %, not measured |" in text
    assert all(f"](images/{picture.name})" in text and picture.stat().st_size > 3000 for picture in pictures)
    widths = {line.count("|") for line in text.split("## By partition")[1].splitlines() if line}
    assert len(widths) == 1
