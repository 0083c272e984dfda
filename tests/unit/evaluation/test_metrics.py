"""What an item with its prediction adds to each metric."""

import pytest
from evaluation_cases import answer, call, item, result, user

from funcdex_assets.evaluation.figures import compute_figures
from funcdex_assets.evaluation.metrics import UnansweredItemsError, score_item, score_items
from funcdex_assets.inference.token_price import TokenPrice

DUE = item(call("heat", to=21, room="bath"), said="Heat the bath to 21.")
TEXT = item(text="Which room?")


def share(asked, predicted, metric):
    """The item's share of a metric; None if it is not counted."""
    numerator, denominator = score_item(asked, predicted).counts.get(metric, (0, 0))
    return numerator / denominator if denominator else None


@pytest.mark.parametrize(
    ("predicted", "shares"),
    [
        pytest.param(
            answer(DUE, call("heat", to=21.0, room="bath", unit="celsius")),
            {"exact_match": 1, "name_match": 1, "argument_f1": 1, "string_ratio": 1, "staged": 1, "right_action": 1},
            id="right",
        ),
        pytest.param(
            answer(DUE, call("heat", to=21, room="hall")),
            {"exact_match": 0, "name_match": 1, "argument_f1": 0.5, "staged_keys": 1, "staged": 0.75},
            id="wrong-value",
        ),
        pytest.param(
            answer(DUE, call("heat", to=21)),
            {"exact_match": 0, "argument_f1": 2 / 3, "staged_keys": 0, "staged": 0.5, "argument_precision": 1},
            id="missing-argument",
        ),
        pytest.param(
            answer(DUE, call("light", on=True)),
            {"name_match": 0, "argument_f1": 0, "staged_json": 1, "staged": 0.25, "schema_validity": 1},
            id="wrong-tool",
        ),
        pytest.param(
            answer(DUE, text="Which room?"),
            {"exact_match": 0, "staged": 0, "string_ratio": 0, "no_call_precision": 0, "schema_validity": None},
            id="text-instead",
        ),
        pytest.param(
            answer(DUE, raw="<tool_call>{", failure="cut"),
            {"exact_match": 0, "answered": 0, "no_call_precision": None, "schema_validity": 0, "seconds": None},
            id="unreadable",
        ),
        pytest.param(
            answer(DUE, call("heat", to="warm"), call("sing")),
            {"exact_match": 0, "schema_validity": 0, "name_match": 0},
            id="invalid-and-unknown",
        ),
    ],
)
def test_where_a_call_is_due(predicted, shares):
    assert {metric: share(DUE, predicted, metric) for metric in shares} == pytest.approx(shares)


@pytest.mark.parametrize(
    ("predicted", "shares"),
    [
        pytest.param(
            answer(TEXT, text="In the bath?"),
            {"right_action": 1, "no_call_precision": 1, "no_call_recall": 1, "exact_match": None},
            id="text",
        ),
        pytest.param(
            answer(TEXT, call("light", on=True)),
            {"right_action": 0, "no_call_precision": None, "no_call_recall": 0, "exact_match": None},
            id="call-instead",
        ),
        pytest.param(answer(TEXT, raw="", failure="timeout"), {"right_action": 0, "no_call_recall": 0}, id="failed"),
    ],
)
def test_where_no_call_is_due(predicted, shares):
    assert {metric: share(TEXT, predicted, metric) for metric in shares} == shares


def test_asking_back_takes_a_question_without_a_call():
    asked = item(traits=("asks_back",))
    assert share(asked, answer(asked, text="Which room?"), "ask_back") == 1
    assert share(asked, answer(asked, text="Done."), "ask_back") == 0
    assert share(asked, answer(asked, call("light", on=True), text="Which room?"), "ask_back") == 0
    assert share(TEXT, answer(TEXT, text="Which room?"), "ask_back") is None


def test_recovery_is_the_right_action_after_an_error():
    asked = item(call("heat", to=20), traits=("after_error",), messages=[user("Heat."), result('{"error": "busy"}')])
    assert share(asked, answer(asked, call("heat", to=20)), "recovery") == 1
    assert share(asked, answer(asked, text="It failed."), "recovery") == 0


def test_a_call_of_a_tool_that_a_message_defines_is_not_judged_by_a_schema():
    asked = item(call("sing", song="Greensleeves"))
    assert share(asked, answer(asked, call("sing", song="Greensleeves")), "schema_validity") is None
    assert share(asked, answer(asked, call("hum")), "schema_validity") == 0


def test_the_string_ratio_is_difflibs_over_canonical_json():
    # "[{"arguments":{"to":21},"name":"heat"}]" beside "…{"to":22}…": 38 of 39 characters are the same.
    asked = item(call("heat", to=21))
    assert share(asked, answer(asked, call("heat", to=22)), "string_ratio") == pytest.approx(2 * 38 / (39 + 39))


def test_cost_comes_from_the_price_and_tokens_are_means():
    asked = item(call("light", on=True))
    predicted = answer(asked, call("light", on=True), prompt_tokens=1000, completion_tokens=10, seconds=0.5)
    counts = score_item(asked, predicted, TokenPrice(prompt=2, completion=50)).counts
    assert counts["cost_per_1000"] == pytest.approx((2.5, 1))
    assert (counts["prompt_tokens"], counts["seconds"]) == ((1000, 1), (0.5, 1))
    assert "cost_per_1000" not in score_item(asked, predicted).counts


def test_arguments_have_form_and_source():
    asked = item(call("heat", to=21, room="bath"), said="Heat the BATH, please.")
    arguments = score_item(asked, answer(asked, call("heat", to=21))).arguments
    assert {(one.name, one.form, one.source, one.is_right) for one in arguments} == {
        ("to", "number", "not in the text", True),
        ("room", "choice", "last message", False),
    }


def test_calibration_error_is_the_gap_of_confidence_by_bins():
    asked = [item(call("light", on=True), number=number) for number in range(4)]
    confidences, rights = (0.95, 0.91, 0.15, 0.11), (True, False, False, False)
    predictions = [
        answer(one, call("light", on=right), confidence=confidence)
        for one, confidence, right in zip(asked, confidences, rights, strict=True)
    ]
    figures = {figure.metric: figure for figure in compute_figures(score_items(asked, predictions), "m")}
    # Bin .9–1: |.95 + .91 − 1| = .86; bin .1–.2: |.15 + .11 − 0| = .26; of four items.
    assert figures["calibration_error"].value == pytest.approx((0.86 + 0.26) / 4)
    assert figures["calibration_error"].items == 4


def test_groups_have_figures_of_their_own():
    asked = [
        item(call("heat", to=20), number=0, kind="simple"),
        item(call("light", on=True), number=1, kind="simple"),
        item(number=2, kind="ask_back"),
    ]
    predictions = [answer(asked[0], call("heat", to=20)), answer(asked[1], text="No."), answer(asked[2], text="What?")]
    figures = {
        (figure.group, figure.member): figure.value
        for figure in compute_figures(score_items(asked, predictions), "m")
        if figure.metric in ("right_action", "argument_right") and figure.group != "all"
    }
    assert figures == {
        ("kind", "simple"): 0.5,
        ("kind", "ask_back"): 1,
        ("tool", "heat"): 1,
        ("tool", "light"): 0,
        ("form", "number"): 1,
        ("form", "yes or no"): 0,
        ("source", "not in the text"): 0.5,
    }


def test_an_item_without_a_prediction_is_named():
    with pytest.raises(UnansweredItemsError, match=r"1 of 2 items have no prediction, c1:1 first"):
        score_items([item(), item(number=1)], [answer(item(), text="Yes.")])
