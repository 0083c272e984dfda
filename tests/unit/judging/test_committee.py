"""What the judges of a committee differ on: by pairs, in the report, and in the terminal."""

from typing import Any

import pytest
from example_tables import SCORED, frames, update
from rich.console import Console

from funcdex_assets.cli.transcript import print_conversation
from funcdex_assets.cli.yields import print_yields
from funcdex_assets.judging import committee
from funcdex_assets.records.verdict import SCALES, MemberVerdict, ScoredConversation
from funcdex_assets.reports.collected import Collected
from funcdex_assets.reports.figures import compute_figures
from funcdex_assets.settings.settings import load_settings
from funcdex_assets.storage.frames import to_frame
from funcdex_assets.storage.table_store import TableStore


def row(number: int, **said: tuple[int, ...] | str) -> ScoredConversation:
    """A conversation of which each judge says these scores, or nothing, for this reason."""
    members = []
    for judge, scores in said.items():
        given: dict[str, Any] = (
            {"failure": scores} if isinstance(scores, str) else dict(zip(SCALES, scores, strict=True))
        )
        members.append(MemberVerdict(judge=judge, **given))
    return update(SCORED, conversation_id=f"conversation_{number}", members=tuple(members), disagreement=2)


ROWS = [
    row(1, mild=(5, 5, 5, 5), strict=(5, 2, 3, 1), flaky=(5, 4, 4, 4)),
    row(2, mild=(4, 4, 5, 5), strict=(4, 1, 3, 2), flaky="unreadable"),
    row(3, mild=(3, 3, 5, 5), strict=(3, 3, 3, 3), flaky=(3, 4, 4, 4)),
]


@pytest.fixture(scope="module")
def found() -> dict[tuple[tuple[str, str], str], committee.JudgeAgreement]:
    return {(pair.judges, pair.scale): pair for pair in committee.compare_judges(ROWS)}


@pytest.mark.parametrize(
    ("judges", "scale", "conversations", "apart", "equal", "rho"),
    [
        pytest.param(("mild", "strict"), "user_query_clarity", 3, 0, 3, 1.0, id="always the same"),
        pytest.param(("mild", "strict"), "tool_use_quality", 3, 2, 1, -0.5, id="another order"),
        pytest.param(("mild", "strict"), "naturalness", 3, 2, 0, None, id="no order where all are alike"),
        pytest.param(("mild", "flaky"), "tool_use_quality", 2, 1, 0, None, id="where both speak"),
        pytest.param(("strict", "flaky"), "task_completion", 2, 2, 0, None, id="the third pair"),
    ],
)
def test_pairs_of_judges(found, judges, scale, conversations, apart, equal, rho):
    pair = found[judges, scale]
    assert (pair.conversations, pair.mean_difference, pair.equal_scores) == (conversations, apart, equal)
    assert pair.rank_correlation == (None if rho is None else pytest.approx(rho))


def test_one_judge_is_no_pair():
    assert committee.list_judges([SCORED]) == []
    assert list(committee.compare_judges([SCORED])) == []
    assert not [one for one in compute_figures(Collected(scored=[SCORED])) if one.section == "judges"]


def test_the_report_has_each_judge_and_each_pair():
    figures = {
        (one.figure, one.item): one for one in compute_figures(Collected(scored=ROWS)) if one.section == "judges"
    }
    assert figures["mean score by judge", "strict: tool_use_quality"].value == 2
    silent = figures["conversations without a verdict", "flaky"]
    assert (silent.part, silent.whole) == (1, 3)
    assert figures["mean difference between judges", "mild / strict: naturalness"].value == 2
    equal = figures["equal scores of two judges", "mild / strict: tool_use_quality"]
    assert (equal.part, equal.whole) == (1, 3)
    assert figures["rank correlation of judges", "mild / strict: user_query_clarity"].value == pytest.approx(1)
    assert ("rank correlation of judges", "mild / strict: naturalness") not in figures
    spread = figures["widest spread on any scale", "2"]
    assert (spread.part, spread.whole) == (3, 3)


@pytest.fixture
def settings(tmp_path, monkeypatch):
    for name in ("FUNCDEX_HOME", "FUNCDEX_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "funcdex.yaml").write_text("toolkits: [gmail]\nhome: home\n")
    settings = load_settings(tmp_path / "funcdex.yaml")
    for name, frame in {**frames(), "scored_conversations": to_frame(ROWS)}.items():
        TableStore(settings.home).write_table(name, "gmail", frame)
    return settings


def printed(show: Any, *arguments: Any) -> str:
    console = Console(record=True, width=200)
    show(*arguments, console)
    return console.export_text()


def test_a_conversation_is_shown_with_what_each_judge_says(settings):
    shown = printed(print_conversation, settings, "conversation_2")
    assert "strict: user_query_clarity 4  tool_use_quality 1  naturalness 3  task_completion 2" in shown
    assert "flaky: no verdict (unreadable)" in shown


def test_stats_count_what_is_used_of_all_there_is(settings):
    shown = printed(print_yields, settings)
    # Two conversations of the same calls, with three of fifteen arguments.
    assert "Coverage: tools called 2 of 2, calls with arguments 4 of 4, arguments given by some call 3 of 15" in shown
    assert "Argument sources: user 4 of 6 (66.7%), result 2 of 6 (33.3%)" in shown


def test_stats_of_nothing_are_no_zero(settings):
    TableStore(settings.home).write_table("conversations", "gmail", frames(conversations=())["conversations"])
    shown = printed(print_yields, settings)
    assert "Argument sources: none, no call has an argument" in shown
    assert "calls with arguments" not in shown


def test_stats_show_the_judges(settings):
    shown = printed(print_yields, settings)
    assert "strict: mean user_query_clarity 4.00  tool_use_quality 2.00" in shown
    assert "without a verdict 1" in shown
    assert "mild / strict: apart by user_query_clarity 0.00  tool_use_quality 2.00" in shown
