"""What `benchmarks/nearest_requests.py` counts and prints: the turns that are requests, and what is named in them."""

import json
from pathlib import Path

import pytest
from nearest_requests import find_named_parameters, main, names_tool, select_requests

from funcdex_assets.evaluation.foreign_rows import read_foreign_items, read_tool_file
from funcdex_assets.records.training import ExpectedCall
from funcdex_assets.schema.validation import find_violations

ROOT = Path(__file__).parents[3]
PLAIN = sorted(path.stem for path in (ROOT / "examples" / "plain").glob("*.json"))


def _requests(name):
    tool_file = read_tool_file(ROOT / "examples" / "plain" / f"{name}.json")
    items, failures = read_foreign_items(ROOT / "benchmarks" / "requests" / f"{name}.jsonl", tool_file)
    assert failures == []
    return select_requests(items)


@pytest.mark.parametrize(
    ("text", "is_named"), [("checking my balances", True), ("what is my balance", False)], ids=["all-words", "one-word"]
)
def test_names_tool(text, is_named):
    assert names_tool(text, ExpectedCall("check_balance", {})) is is_named


@pytest.mark.parametrize(
    ("text", "arguments", "counts"),
    [
        pytest.param("the size small", {"size": "small"}, (1, 1), id="named"),
        pytest.param("a small one", {"size": "small"}, (1, 0), id="value-alone"),
        pytest.param("something tiny", {"size": "small"}, (0, 0), id="value-not-said"),
        pytest.param("last month", {"month": "last_month"}, (1, 0), id="the-name-is-a-word-of-the-value"),
        pytest.param("urgent", {"urgent": True}, (0, 0), id="booleans-are-not-counted"),
    ],
)
def test_named_parameters(text, arguments, counts):
    assert find_named_parameters(text, arguments) == counts


@pytest.mark.parametrize("name", PLAIN)
def test_shipped_requests_fit_their_toolkit(name):
    requests = _requests(name)
    assert len(requests) >= 30
    for item in requests:
        parameters = {tool["function"]["name"]: tool["function"]["parameters"] for tool in item.tools}
        (call,) = item.calls
        assert find_violations(parameters[call.name], call.arguments) == [], item.item_id
        assert call.arguments.keys() <= parameters[call.name]["properties"].keys(), item.item_id


def test_the_report_of_a_dataset_that_says_the_same_is_perfect(tmp_path, capsys):
    rows = [
        {
            "messages": [
                {"role": "user", "content": item.messages[-1]["content"]},
                {
                    "role": "assistant",
                    "tool_calls": [
                        {"function": {"name": call.name, "arguments": call.arguments}} for call in item.calls
                    ],
                },
            ]
        }
        for item in _requests("hotel")
    ]
    dataset = tmp_path / "train.jsonl"
    dataset.write_text("\n".join(json.dumps(row) for row in rows))
    main(dataset, ROOT / "examples" / "plain" / "hotel.json", ROOT / "benchmarks" / "requests" / "hotel.jsonl")
    report = capsys.readouterr().out
    assert "dataset: 30 user turns with a call; requests: 30 in 23 conversations" in report
    assert "| all | 1.000 [1.000, 1.000] | 1.000 [1.000, 1.000] | 1.000 [1.000, 1.000] |" in report


def test_a_dataset_without_calls_is_refused(tmp_path):
    dataset = tmp_path / "train.jsonl"
    messages = [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "hello"}]
    dataset.write_text(json.dumps({"messages": messages}))
    with pytest.raises(SystemExit, match=r"train\.jsonl has no user turn that a call follows"):
        main(dataset, ROOT / "examples/plain/hotel.json", ROOT / "benchmarks/requests/hotel.jsonl")
