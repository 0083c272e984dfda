"""What the judges of a committee differ on: by pairs, in the report, and in the terminal."""

from typing import Any

import pytest
from example_tables import BLOCKING, SCORED, frames, update
from rich.console import Console

from funcdex_assets.cli.transcript import print_conversation
from funcdex_assets.cli.yields import print_yields
from funcdex_assets.judging import committee
from funcdex_assets.judging.selection import would_reject
from funcdex_assets.records.verdict import SCALES, Evidence, MemberVerdict, ScaleScores, ScoredConversation
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


# ── models beside the heuristic ───────────────────────────────────────────────────────────────


def judged(name: str, *scores: int, rejects: bool | None = None, **more: Any) -> MemberVerdict:
    return MemberVerdict(judge=name, **dict(zip(SCALES, scores, strict=True)), rejects=rejects, **more)


def beside(number: int, model: MemberVerdict, heuristic: MemberVerdict) -> ScoredConversation:
    return update(SCORED, conversation_id=f"conversation_{number}", members=(model,), heuristic=heuristic)


def in_orders(first: tuple[int, ...], second: tuple[int, ...]) -> dict[str, Any]:
    return {"orders": tuple(ScaleScores(**dict(zip(SCALES, scores, strict=True))) for scores in (first, second))}


KIND = [  # a model that gives 5 to all and rejects nothing, beside a heuristic that tells good from bad
    beside(
        number,
        judged("kind", 5, 5, 5, 5, rejects=False, **in_orders((5, 5, 5, 5), (5, 4, 5, number))),
        judged(committee.HEURISTIC, 5, 1 + number, 4, 5, rejects=number < 3),
    )
    for number in (1, 2, 3, 4)
]


def test_a_model_that_gives_five_to_all_is_shown_with_its_agreement():
    assert committee.list_judges(KIND) == ["kind", committee.HEURISTIC]
    pair = next(pair for pair in committee.compare_judges(KIND) if pair.scale == "tool_use_quality")
    assert (pair.judges, pair.mean_difference, pair.equal_scores) == (("kind", "heuristic"), 1.5, 1)
    assert pair.rank_correlation is None, "a judge that gives all the same ranks nothing"
    (rejections,) = committee.compare_rejections(KIND)
    outcome = (rejections.both_reject, rejections.only_first_rejects, rejections.only_second_rejects)
    assert (outcome, rejections.conversations, rejections.kappa) == ((0, 0, 2), 4, 0)


@pytest.mark.parametrize(
    ("decisions", "outcome", "kappa"),
    [
        pytest.param([(True, True), (False, False)], (1, 0, 0), 1, id="the same of each"),
        pytest.param([(True, False), (False, True)], (0, 1, 1), -1, id="the opposite of each"),
        pytest.param([(False, False), (False, False)], (0, 0, 0), None, id="neither rejects any: by chance as well"),
        pytest.param([(True, True), (True, False), (False, False), (False, False)], (1, 1, 0), 0.5, id="half of it"),
        pytest.param([(True, True), (None, True), (False, False)], (1, 0, 0), 1, id="where both have a verdict"),
    ],
)
def test_agreement_on_what_to_reject(decisions, outcome, kappa):
    rows = [
        beside(
            number, judged("m", 5, 5, 5, 5, rejects=model), judged(committee.HEURISTIC, 5, 5, 5, 5, rejects=heuristic)
        )
        for number, (model, heuristic) in enumerate(decisions)
    ]
    (pair,) = committee.compare_rejections(rows)
    assert (pair.both_reject, pair.only_first_rejects, pair.only_second_rejects) == outcome
    assert pair.kappa == (None if kappa is None else pytest.approx(kappa))


def test_the_sway_of_the_order_is_the_mean_difference_on_each_scale():
    assert committee.measure_order_sway(KIND) == {
        "kind": {
            "user_query_clarity": (0, 4),
            "tool_use_quality": (4, 4),
            "naturalness": (0, 4),
            "task_completion": (10, 4),
        }
    }
    assert committee.measure_order_sway(ROWS) == {}


EVIDENCE = Evidence(fault="false_count", message=4, quote="two files")


@pytest.mark.parametrize(
    ("verdict", "findings", "expected"),
    [
        pytest.param(judged("m", 5, 4, 5, 5), (), False, id="good enough"),
        pytest.param(judged("m", 5, 3, 5, 5), (), True, id="a low score of tool use"),
        pytest.param(judged("m", 5, 5, 1, 5), (), True, id="a low score on another scale"),
        pytest.param(judged("m", 1, 5, 5, 5), (), False, id="a scale without a minimum rejects nothing"),
        pytest.param(judged("m", 5, 5, 5, 5, evidence=(EVIDENCE,)), (), True, id="a fault that makes it wrong"),
        pytest.param(
            judged("m", 5, 5, 5, 5, evidence=(update(EVIDENCE, fault="bare_money"),)), (), False, id="a lesser fault"
        ),
        pytest.param(judged("m", 5, 5, 5, 5), (BLOCKING,), True, id="a blocking finding"),
        pytest.param(judged("m", 5, 5, 5, 5), (update(BLOCKING, blocking=False),), False, id="a minor one"),
        pytest.param(MemberVerdict(judge="m", failure="refusal"), (BLOCKING,), None, id="no verdict"),
    ],
)
def test_what_a_judge_alone_would_reject(verdict, findings, expected):
    assert would_reject(verdict, findings, {"tool_use_quality": 4, "naturalness": 2}) is expected


def test_the_report_has_agreement_with_the_heuristic_sway_and_support():
    doubtful = update(KIND[0].members[0], evidence=(EVIDENCE,), unsupported_evidence=3)
    scored = [update(KIND[0], members=(doubtful,)), *KIND[1:]]
    figures = {
        (one.figure, one.item): one for one in compute_figures(Collected(scored=scored)) if one.section == "judges"
    }
    assert figures["mean difference between judges", "kind / heuristic: tool_use_quality"].value == 1.5
    second = figures["rejected by the second of two judges only", "kind / heuristic"]
    assert (second.part, second.whole) == (2, 4)
    assert figures["kappa of what two judges reject", "kind / heuristic"].value == 0
    assert figures["sway by the order of the prompt", "kind: tool_use_quality"].value == 1
    unsupported = figures["faults named without support", "kind"]
    assert (unsupported.part, unsupported.whole) == (3, 4)
    assert ("widest spread on any scale", "0") not in figures, "one judge and the heuristic are no committee"


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


def test_stats_show_a_model_beside_the_heuristic_and_how_its_order_swayed_it(settings):
    TableStore(settings.home).write_table("scored_conversations", "gmail", to_frame(KIND))
    shown = printed(print_yields, settings)
    assert "heuristic: mean user_query_clarity 5.00  tool_use_quality 3.50" in shown
    assert "kind / heuristic: of 4 both reject 0, only the first 0, only the second 2, kappa 0.00" in shown
    assert "kind: swayed by the order user_query_clarity 0.00  tool_use_quality 1.00" in shown


def test_a_conversation_is_shown_with_the_faults_that_a_judge_quotes(settings):
    row = update(ROWS[0], members=(update(ROWS[0].members[0], evidence=(EVIDENCE,)),))
    TableStore(settings.home).write_table("scored_conversations", "gmail", to_frame([row, *ROWS[1:]]))
    assert "false_count in message 4: two files" in printed(print_conversation, settings, "conversation_1")


def test_stats_show_the_judges(settings):
    shown = printed(print_yields, settings)
    assert "strict: mean user_query_clarity 4.00  tool_use_quality 2.00" in shown
    assert "without a verdict 1" in shown
    assert "mild / strict: apart by user_query_clarity 0.00  tool_use_quality 2.00" in shown
