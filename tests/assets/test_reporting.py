"""What Dagster shows of the quality report, and of tools that are thin."""

import dagster as dg
import pytest

from funcdex_assets.catalog.definition_gaps import Gap
from funcdex_assets.orchestration.assets.reporting import WATCHED, describe_figures, judge_shortcuts
from funcdex_assets.orchestration.preview_metadata import show_gaps, show_never_given
from funcdex_assets.records.figures import QualityFigure


def share(figure: str, part: int, whole: int) -> QualityFigure:
    return QualityFigure(
        section="validity", figure=figure, value=part / whole if whole else 0.0, part=part, whole=whole
    )


def test_what_was_not_measured_is_neither_plotted_nor_a_number_in_a_table():
    metadata = describe_figures([share("valid calls", 3, 4), share("valid results", 0, 0)], "gmail")
    assert metadata["valid_calls"] == 0.75
    assert not set(WATCHED) - {"valid_calls"} & set(metadata)
    lines = {line.split(" | ")[0].strip("| "): line for line in metadata["preview"].value.splitlines()}
    assert "0.75 | 3 | 4" in lines["valid calls"]
    assert "None | 0 | 0" in lines["valid results"]


def test_gaps_are_shown_with_counts_and_remedy():
    gaps = [Gap("no_results", ("A",), 2), Gap("no_description", (), 2)]
    shown = show_gaps(gaps)["thin"].value
    assert "| no declared results: 1 of 2 tools | A | declare under 'returns'" in shown
    assert "no description" not in shown
    assert show_gaps(gaps[1:]) == {"thin": "nowhere"}


def shortcut(figure: str, part: int, whole: int) -> QualityFigure:
    return QualityFigure(
        section="shortcuts", figure=figure, value=part / whole if whole else 0.0, part=part, whole=whole
    )


QUOTED, FILLED = shortcut("copied strings in quotes", 3, 10), shortcut("boolean properties filled", 1, 4)
UNMEASURED = shortcut("bag of words, single-call turns", 0, 0)


def test_shortcuts_are_one_table_and_each_goal_a_number_to_plot():
    metadata = describe_figures([QUOTED, UNMEASURED, shortcut("chained turns", 1, 9)], "gmail")
    table = metadata["table_shortcuts"]
    assert isinstance(table, dg.TableMetadataValue)
    assert [(each.data["figure"], each.data["value"], each.data["met"]) for each in table.records] == [
        ("copied strings in quotes", 0.3, "no"),
        ("bag of words, single-call turns", None, "–"),
        ("chained turns", 0.1111, ""),
    ]
    assert metadata["strings_in_quotes"] == 0.3
    assert "bag_of_words" not in metadata, "what was not measured is not plotted"
    assert metadata["missed_goals"] == "Missed: copied strings in quotes 30.0 % (goal ≤ 20.0 %)."


@pytest.mark.parametrize(
    ("figures", "passed", "missed"),
    [
        pytest.param([FILLED, UNMEASURED], True, [], id="met, or not measured"),
        pytest.param([FILLED, QUOTED], False, ["strings_in_quotes"], id="one is missed"),
    ],
)
def test_the_check_of_the_goals_warns_with_what_is_missed(figures, passed, missed):
    result = judge_shortcuts(figures)
    assert (result.passed, result.severity, list(result.metadata)) == (passed, dg.AssetCheckSeverity.WARN, missed)


def test_arguments_that_no_call_gives_are_listed_by_tool():
    gap = Gap("argument_never_given", ("gmail:SEND/cc", "gmail:SEND/bcc", "jira:FIND/jql"), 9)
    table = show_never_given([gap])["never_given"]
    assert [each.data for each in table.records] == [
        {"tool": "gmail:SEND", "never given": "cc, bcc"},
        {"tool": "jira:FIND", "never given": "jql"},
    ]
    assert show_never_given([Gap("no_results", ("A",), 2)]) == {}
