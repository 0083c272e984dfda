"""What the metadata of `scored_conversations` say of judges: a model beside the heuristic, in two orders."""

from typing import Any

from example_tables import SCORED, update

from funcdex_assets.orchestration.preview_metadata import show_judges
from funcdex_assets.records.verdict import SCALES, Evidence, MemberVerdict, ScaleScores

ALL_FIVE: dict[str, Any] = dict.fromkeys(SCALES, 5)
QUOTED = Evidence(fault="false_count", message=0, quote="two files")
MODEL = MemberVerdict(
    judge="vllm:kind",
    **ALL_FIVE,
    rejects=False,
    evidence=(QUOTED, update(QUOTED, fault="bare_money")),
    unsupported_evidence=2,
    orders=(ScaleScores(**ALL_FIVE), ScaleScores(**{**ALL_FIVE, "naturalness": 3})),
)
HEURISTIC = MemberVerdict(judge="heuristic", **{**ALL_FIVE, "tool_use_quality": 2}, rejects=True)


def test_a_model_is_shown_with_its_agreement_its_sway_and_its_evidence():
    even = update(MODEL, orders=(ScaleScores(**ALL_FIVE), ScaleScores(**ALL_FIVE)))
    shown = show_judges(
        [
            update(SCORED, members=(MODEL,), heuristic=HEURISTIC),
            update(SCORED, members=(even,), heuristic=update(HEURISTIC, tool_use_quality=5, rejects=False)),
        ]
    )
    assert "| heuristic | 5.0 | 3.5 | 5.0 | 5.0 | 0 |" in shown["judges"].value
    assert "| vllm:kind / heuristic | tool_use_quality | 1.5 | 1 of 2 | – |" in shown["pairs_of_judges"].value
    assert "| vllm:kind / heuristic | 0 | 0 | 1 | 2 | 0.0 |" in shown["rejections_of_judges"].value
    assert shown["order_sway"] == {"vllm:kind": {**dict.fromkeys(SCALES, 0), "naturalness": 1}}
    assert shown["evidence"] == {"false_count": 2, "bare_money": 2}
    assert shown["unsupported_evidence"] == 4


def test_the_heuristic_alone_is_shown_with_nothing_beside_it():
    assert show_judges([SCORED]) == {}
