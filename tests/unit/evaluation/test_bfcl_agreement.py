"""Our verdicts beside those of the public BFCL checker, which `scripts/record_bfcl_verdicts.py` recorded."""

import json
from pathlib import Path

import pytest
from evaluation_cases import answer, saying, user

from funcdex_assets.evaluation.bfcl_rows import convert_bfcl_tools, read_possible_answer
from funcdex_assets.evaluation.items import list_items
from funcdex_assets.evaluation.metrics import score_item
from funcdex_assets.records.training import ExpectedCall

DOCUMENT = json.loads((Path(__file__).parents[2] / "data" / "bfcl_cases.json").read_text(encoding="utf-8"))
CASES = DOCUMENT["cases"]


def judge(case) -> bool:
    calls, accepted = read_possible_answer(case["ground_truth"])
    expected = {**saying(""), "tool_calls": calls} if calls else saying("No tool fits.")
    tools = convert_bfcl_tools([DOCUMENT["functions"][name] for name in case["functions"]])
    (item,) = list_items([user("Do it."), expected], tools, conversation_id="c", accepted=accepted)
    proposed = [ExpectedCall(call["name"], call["arguments"]) for call in case["calls"]]
    return score_item(item, answer(item, *proposed, text=None if proposed else "No.")).is_right


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_verdicts_agree_or_the_difference_is_explained(case):
    assert (judge(case) == case["bfcl"]) is ("difference" not in case)


def test_the_cases_cover_what_is_shared():
    assert {case["category"] for case in CASES} == {
        "simple",
        "multiple",
        "parallel",
        "parallel_multiple",
        "irrelevance",
    }
    assert {case["bfcl"] for case in CASES} == {True, False}
    assert sum("difference" in case for case in CASES) <= 8
