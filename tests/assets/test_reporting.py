"""What Dagster shows of the quality report, and of tools that are thin."""

from funcdex_assets.catalog.definition_gaps import Gap
from funcdex_assets.orchestration.assets.reporting import WATCHED, describe_figures
from funcdex_assets.orchestration.preview_metadata import show_gaps
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
