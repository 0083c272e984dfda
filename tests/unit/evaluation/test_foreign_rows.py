"""Rows that others wrote, in each form; and lines that cannot be used."""

import json

import pytest
from evaluation_cases import TOOLS, calling, saying, user

from funcdex_assets.evaluation.foreign_rows import read_foreign_items, read_tool_file
from funcdex_assets.evaluation.items import RowsError
from funcdex_assets.records.training import ExpectedCall

TASK = "You run a house."


@pytest.fixture
def tool_file(tmp_path):
    path = tmp_path / "tools.json"
    path.write_text(json.dumps({"task_description": TASK, "tools": TOOLS}))
    return read_tool_file(path)


@pytest.fixture
def write(tmp_path):
    def write_rows(*rows, name="rows.jsonl"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows))
        return path

    return write_rows


def test_calls_with_an_answer_make_an_item_of_every_user_turn(write, tool_file):
    row = {
        "question": json.dumps([user("the heat"), calling("heat", {"to": 20}), user("no, 21")]),
        "answer": json.dumps({"name": "heat", "parameters": {"to": 21}}),
        "accepted": json.dumps([{}, {"to": [21, 22], "room": [None, "hall"]}]),
    }
    items, failures = read_foreign_items(write(row), tool_file)
    assert failures == []
    assert [item.calls for item in items] == [
        (ExpectedCall("heat", {"to": 20}, {}),),
        (ExpectedCall("heat", {"to": 21}, {"to": [21, 22], "room": [None, "hall"]}),),
    ]
    assert items[0].messages == [{"role": "system", "content": TASK}, user("the heat")]
    assert {item.conversation_id for item in items} == {"rows_0"}


def test_openai_messages_keep_their_own_tools_and_system_prompt(write, tool_file):
    row = {"messages": [{"role": "developer", "content": "Hm."}, user("Light."), calling("light", {"on": True})]}
    (item,), _ = read_foreign_items(write({**row, "tools": TOOLS[1:]}), tool_file)
    assert item.messages[0] == {"role": "system", "content": "Hm."}
    assert item.tools == TOOLS[1:]


@pytest.mark.parametrize("kept", ["in the row", "in a file beside it"])
def test_bfcl_rows_with_their_possible_answers(write, kept):
    function = {
        "name": "math.add",
        "description": "Adds.",
        "parameters": {
            "type": "dict",
            "required": ["a"],
            "properties": {"a": {"type": "float"}, "b": {"type": "tuple", "items": {"type": "integer"}}},
        },
    }
    row = {"id": "simple_1", "question": [[user("Add.")]], "function": [function]}
    truth = [{"math.add": {"a": [1.5], "b": ["", [1]]}}]
    if kept == "in the row":
        path = write({**row, "ground_truth": truth}, name="BFCL_simple.json")
    else:
        write({"id": "simple_1", "ground_truth": truth}, name="possible_answer/BFCL_simple.json")
        path = write(row, name="BFCL_simple.json")
    (item,), _ = read_foreign_items(path)
    assert item.calls == (ExpectedCall("math_add", {"a": 1.5}, {"a": [1.5], "b": [None, [1]]}),)
    parameters = item.tools[0]["function"]["parameters"]
    assert (item.tools[0]["function"]["name"], parameters["type"]) == ("math_add", "object")
    assert parameters["properties"] == {"a": {"type": "number"}, "b": {"type": "array", "items": {"type": "integer"}}}


def test_bfcl_irrelevance_expects_no_call(write):
    row = {"id": "irrelevance_7", "question": [[user("Sing.")]], "function": [TOOLS[0]["function"]]}
    (item,), _ = read_foreign_items(write(row, name="BFCL_irrelevance.json"))
    assert (item.calls, item.kind) == ((), "irrelevance")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        pytest.param("{", "the line is no JSON", id="json"),
        pytest.param([1], "the row is list, no object", id="object"),
        pytest.param({"prompt": "Heat."}, "the row has the fields prompt; write", id="form"),
        pytest.param(
            {"messages": [user("Heat."), calling("heta", {"to": 1})]},
            "the call of 'heta' is of no tool on offer (did you mean 'heat'?); correct the name",
            id="tool",
        ),
        pytest.param(
            {"question": [user("Heat.")], "answer": {"name": "heat", "parameters": {}}, "accepted": []},
            "accepted has 0 entries for 1 calls",
            id="accepted",
        ),
        pytest.param({"question": [user("Heat.")], "answer": "{heat"}, "'{heat' is no JSON", id="answer"),
        pytest.param(
            {"id": "x_1", "question": [[user("a")], [user("b")]], "function": []}, "a row of several turns", id="turns"
        ),
        pytest.param({"id": "x_1", "question": [[user("a")]], "function": []}, "x_1 has no ground_truth", id="truth"),
        pytest.param(
            {"id": "x_1", "question": [[user("a")]], "function": [{}], "ground_truth": []},
            "tool 0 is {}; write",
            id="function",
        ),
        pytest.param({"messages": 5, "tools": [{"name": "a"}]}, "messages is 5, no list; write", id="messages"),
        pytest.param({"messages": [user("a")], "tools": {"a": 1}}, "tools is {'a': 1}, no list", id="tools"),
        pytest.param({"messages": [user("a")], "tools": [1]}, "tool 0 is 1; write", id="tool-number"),
        pytest.param(
            {"messages": [user("a")], "tools": [{"name": "a", "parameters": {"properties": 5}}]},
            "the parameters of 'a' are not a valid JSON Schema",
            id="schema",
        ),
        pytest.param(
            {"messages": [user("a")], "tools": [{"name": "a", "parameters": "none"}]},
            "the parameters of 'a' are 'none', no JSON Schema",
            id="parameters",
        ),
    ],
)
def test_a_bad_line_is_left_out_with_file_line_value_and_remedy(write, tool_file, line, said):
    good = {"messages": [user("Light."), calling("light", {"on": True})]}
    items, (failure,) = read_foreign_items(write(good, line), tool_file)
    assert len(items) == 1
    assert failure.subject == "rows.jsonl:2"
    assert said in failure.reason
    assert not failure.is_mistake


def test_rows_without_tools_ask_for_a_file_of_tools(write):
    with pytest.raises(RowsError, match=r"rows\.jsonl:1: the row has no tools; name a file of tools \(--tools\)"):
        read_foreign_items(write({"messages": [user("a"), saying("b")]}))


def test_an_empty_file_is_refused(write):
    with pytest.raises(RowsError, match="is empty; write one row a line"):
        read_foreign_items(write(""))


def test_a_tool_with_a_broken_schema_is_named(tmp_path):
    path = tmp_path / "tools.json"
    path.write_text(json.dumps([{"name": "heat", "parameters": {"type": "objekt"}}]))
    with pytest.raises(RowsError, match=r"tools\.json: the parameters of 'heat' are not a valid JSON Schema"):
        read_tool_file(path)


def test_a_toolkits_file_is_a_file_of_tools_too(tmp_path):
    path = tmp_path / "library.yaml"
    path.write_text("tools:\n- {name: renew_loan, description: Renews a loan., parameters: {type: object}}\n")
    assert [tool["function"]["name"] for tool in read_tool_file(path).tools] == ["renew_loan"]
