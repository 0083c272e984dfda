"""The table over models, what lost items have in common, and what is kept on the disk."""

import msgspec
import pytest
from evaluation_cases import answer, call, item, user

from funcdex_assets.evaluation.comparing import compare_models
from funcdex_assets.evaluation.evaluations import Evaluation, EvaluationError, read_evaluation, write_evaluation
from funcdex_assets.evaluation.losses import find_reason, list_losses
from funcdex_assets.evaluation.metrics import score_item
from funcdex_assets.evaluation.model_table import (
    AVERAGE,
    build_rows,
    encode_report,
    list_cells,
    list_member_cells,
    render_markdown,
    render_report,
)
from funcdex_assets.records.evaluation import EvaluatedModel

ITEMS = [
    item(call("heat", to=21), number=0, kind="simple", said="21 degrees"),
    item(call("light", on=True), number=1, kind="simple"),
    item(number=2, kind="ask_back", traits=("asks_back",)),
]


def evaluation(*rights, **model):
    predictions = [
        answer(
            asked,
            *(asked.calls if right else (call("light", on=False),)),
            text="Which room?" if right and not asked.calls else None,
            prompt_tokens=400,
            completion_tokens=20,
            seconds=0.5,
        )
        for asked, right in zip(ITEMS, rights, strict=True)
    ]
    fields = {"name": "ours", "kind": "local", "asked": "template"}
    return Evaluation(EvaluatedModel(**fields | model), ITEMS, predictions)


def column(head, *evaluations):
    heads, cells = list_cells(build_rows(evaluations))
    return [row[heads.index(head)] for row in cells]


def test_exact_match_stands_with_its_interval_and_what_was_not_measured_has_no_column():
    assert column("Function Call Match", evaluation(1, 1, 1)) == ["1.000 [1.000, 1.000]"]
    heads, _ = list_cells(build_rows([evaluation(1, 1, 1)]))
    assert "calibration error" not in heads
    assert "recovery" not in heads


def test_cost_is_marked_where_the_price_is_an_estimate():
    priced = {"prompt_price": 1.0, "completion_price": 10.0}
    told = (
        evaluation(1, 1, 1, **priced),
        evaluation(1, 1, 1, name="b", estimated_price=True, **priced),
        evaluation(1, 0, 1),
    )
    assert column("$ per 1,000", *told) == ["0.6000", "≈0.6000", "–"]


def test_tokens_without_definitions_are_an_estimate():
    tokens = int(column("prompt tokens without tools", evaluation(1, 1, 1))[0].removeprefix("≈"))
    definitions = len(msgspec.json.encode(ITEMS[0].tools)) / 4
    assert tokens == round(400 - definitions)
    assert column("prompt tokens without tools", evaluation(1, 1, 1, asked="nothing")) == ["≈400"]


def test_the_average_row_is_of_the_models_of_partitions_alone():
    models = (
        evaluation(1, 1, 1, name="a", partition="gmail"),
        evaluation(0, 1, 1, name="b", partition="jira"),
        evaluation(0, 0, 0, name="general"),
        evaluation(0, 0, 0, name="bag of words", kind="baseline", partition="jira"),
    )
    rows = build_rows(models)
    assert [row.model for row in rows] == ["a", "b", "general", "bag of words", AVERAGE]
    assert rows[-1].values["exact_match"] == pytest.approx(0.75)
    assert rows[-1].low is None
    assert AVERAGE not in [row.model for row in build_rows(models[:1])]


def test_reasoning_effort_and_grammar_are_told():
    row = evaluation(1, 1, 1, reasoning_effort="low", grammar="calls", asked="markup")
    assert column("reasoning effort", row) == ["low"]
    assert column("asked", row) == ["markup, under the call grammar"]


def test_members_have_a_row_and_models_a_column():
    heads, cells = list_member_cells([evaluation(1, 0, 1), evaluation(0, 0, 0, name="b")], "tool")
    assert heads == ["tool", "items", "ours", "b"]
    assert [row[:2] for row in cells] == [["heat", "1"], ["light", "1"]]
    assert cells[0][2].startswith("1.000")


def test_the_report_has_all_parts():
    first, second = evaluation(1, 1, 1), evaluation(0, 1, 1, name="b")
    comparisons = compare_models(first.scores, second.scores, ("ours", "b"))
    report = render_report([first, second], comparisons)
    for part in (
        "# Function Call Match",
        "## Right action by kind",
        "## b against ours",
        "lost items of b have in common",
    ):
        assert part in report
    content = msgspec.json.decode(encode_report([first, second], comparisons))
    assert [row["model"] for row in content["table"]] == ["ours", "b"]
    assert content["comparisons"][0]["difference"] == pytest.approx(-0.5)


def test_cells_cannot_break_out_of_a_markdown_table():
    assert render_markdown(["a"], [["x|y"]]) == "| a |\n| --- |\n| x\\|y |\n"


def test_an_evaluation_is_read_as_it_was_written(tmp_path):
    written = evaluation(1, 0, 1)
    write_evaluation(written, tmp_path / "ours")
    for path in (tmp_path / "ours", tmp_path / "ours" / "predictions.jsonl", tmp_path / "ours" / "model.json"):
        again = read_evaluation(path)
        assert (again.model, list(again.items), list(again.predictions)) == (written.model, ITEMS, written.predictions)
        assert again.figures == written.figures


def test_what_is_missing_or_broken_is_named(tmp_path):
    with pytest.raises(EvaluationError, match=r"model\.json is missing; name a folder that"):
        read_evaluation(tmp_path)
    write_evaluation(evaluation(1, 1, 1), tmp_path)
    (tmp_path / "predictions.jsonl").write_text('{"item_id": "c0:0"}\n')
    with pytest.raises(EvaluationError, match=r"predictions\.jsonl, line 1: .*calls"):
        read_evaluation(tmp_path)


HEAT = item(call("heat", to=21, room="bath"), said="Heat it to 21.")
BOTH = item(call("heat", to=21), call("light", on=True))


@pytest.mark.parametrize(
    ("asked", "predicted", "reason"),
    [
        (HEAT, answer(HEAT, call("heat", to=21, room="bath")), None),
        (HEAT, answer(HEAT, raw="", failure="timeout"), "no answer"),
        (HEAT, answer(HEAT, raw="<tool_call>", failure="cut"), "unreadable call"),
        (HEAT, answer(HEAT, text="No."), "text instead of a call"),
        (HEAT, answer(HEAT, call("light", on=True)), "wrong tool"),
        (HEAT, answer(HEAT, call("heat", to=21)), "missing argument"),
        (HEAT, answer(HEAT, call("heat", to=21, room="bath", unit="kelvin")), "needless argument"),
        (HEAT, answer(HEAT, call("heat", to=21, room="hall")), "wrong value"),
        (BOTH, answer(BOTH, call("heat", to=21)), "too few calls"),
        (HEAT, answer(HEAT, call("heat", to=21, room="bath"), call("light", on=True)), "too many calls"),
        (item(), answer(item(), call("light", on=True)), "call instead of text"),
    ],
)
def test_every_lost_item_has_one_reason(asked, predicted, reason):
    assert find_reason(score_item(asked, predicted)) == reason


def test_lost_items_are_counted_by_what_they_share():
    asked = [item(call("heat", to=21, room="bath"), number=number, messages=[user("To 21.")]) for number in range(3)]
    predictions = [
        answer(asked[0], call("heat", to=21)),
        answer(asked[1], call("heat", to=21, room="hall")),
        answer(asked[2], call("heat", to=21, room="bath")),
    ]
    losses = {
        (loss.trait, loss.member): (loss.lost, loss.items, loss.lost_without_value, loss.example)
        for loss in list_losses([score_item(*pair) for pair in zip(asked, predictions, strict=True)])
    }
    assert losses == {
        ("reason", "missing argument"): (1, 3, 1, "c0:0"),
        ("reason", "wrong value"): (1, 3, 1, "c1:1"),
        ("tool", "heat"): (2, 3, 2, "c0:0"),
        ("missing argument", "heat.room"): (1, 3, 1, "c0:0"),
        ("wrong value", "heat.room"): (1, 3, 1, "c1:1"),
        ("form", "choice"): (2, 3, 2, "c0:0"),
        ("source", "not in the text"): (2, 3, 2, "c0:0"),
    }
