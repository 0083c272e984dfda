"""Each format gives the same turns and functions; what is no item is named."""

import json
import sys

import pytest

from funcdex_assets.contamination.evaluation_sets import (
    EvaluationSetError,
    OfferedFunction,
    extract_functions,
    find_bfcl_folder,
    read_bfcl_sets,
    read_evaluation_file,
    read_evaluation_sets,
)

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": ["integer", "null"]}}}
BARE = {"name": "get_weather", "description": "", "parameters": SCHEMA}
WRAPPED = {"type": "function", "function": BARE}
WEATHER = OfferedFunction("get_weather", {"city": "string", "days": "integer"})
SAID = ("How is the weather?", "And tomorrow?")


def users(role, content):
    return [{role: "user" if role == "role" else "human", content: said} for said in SAID]


@pytest.fixture
def write(tmp_path):
    def write(*lines, name="set.jsonl"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
        return path

    return write


@pytest.mark.parametrize(
    ("line", "turns", "functions"),
    [
        pytest.param({"id": "a", "question": [users("role", "content")[:1], [], users("role", "content")[1:]],
                      "function": [BARE]}, SAID, (WEATHER,), id="BFCL, of several turns"),
        pytest.param({"messages": [{"role": "system", "content": "Help."}, *users("role", "content"),
                                   {"role": "assistant", "content": None}], "tools": [WRAPPED]},
                     SAID, (WEATHER,), id="OpenAI"),
        pytest.param({"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi."}]}]}, ("Hi.",), (),
                     id="OpenAI content parts"),
        pytest.param({"conversations": [*users("from", "value"), {"from": "gpt", "value": "Sunny."}],
                      "tools": json.dumps([BARE])}, SAID, (WEATHER,), id="ShareGPT, tools as text"),
        *(pytest.param({field: "How?"}, ("How?",), (), id=f"plain {field}")
          for field in ("question", "prompt", "query", "instruction", "input", "text")),
        pytest.param({"prompt": "How?", "function": BARE}, ("How?",), (WEATHER,), id="a single function"),
        pytest.param({"functions": [{"name": "f", "parameters": {"x": {"type": "int"}}}]}, (),
                     (OfferedFunction("f", {"x": "integer"}),), id="functions alone, without a schema around"),
    ],
)  # fmt: skip
def test_formats(write, line, turns, functions):
    (item,) = read_evaluation_file(write(line)).items
    assert item.turns == turns
    assert item.functions == functions


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ("dict", "object"),
        ("float", "number"),
        ("tuple", "array"),
        ("String", "string"),
        ("ArrayList", "array"),
        ("any", "any"),
    ],
)
def test_types_of_other_languages_are_those_of_json_schema(given, kind):
    (function,) = extract_functions([{"name": "f", "parameters": {"properties": {"x": {"type": given}}}}])
    assert function.parameters == {"x": kind}


def test_messages_and_calls_in_json_text_are_read_and_calls_of_a_file_make_one_function(write):
    played = [
        {"role": "user", "content": "How much is in my savings?"},
        {"role": "assistant", "tool_calls": [{"function": {"name": "balance", "arguments": {"account": "savings"}}}]},
        {"role": "user", "content": "And yesterday?"},
    ]
    path = write(
        {"question": json.dumps(played), "answer": json.dumps({"name": "balance", "parameters": {"days": 1}})},
        {"question": json.dumps([{"role": "user", "content": "Hi"}]), "answer": '{"name": "greet", "parameters": {}}'},
    )
    read = read_evaluation_file(path)
    first, second = read.items
    assert first.turns == ("How much is in my savings?", "And yesterday?")
    assert first.functions == (OfferedFunction("balance", {"account": "string", "days": "integer"}),)
    assert second.functions == (OfferedFunction("greet", {}),)
    assert read.columns == {"question": "user turns, calls", "answer": "calls"}


def test_columns_that_were_not_read_are_known(write):
    read = read_evaluation_file(write({"id": "a", "prompt": "How?", "label": 3}, {"prompt": "Why?", "note": "[sic]"}))
    assert read.columns == {"id": "the id", "prompt": "user turns", "label": "", "note": ""}


def test_a_text_that_only_looks_like_json_is_a_turn(write):
    items = read_evaluation_file(write({"prompt": "[urgent] help"}, {"prompt": '{"a": 1}'})).items
    assert [item.turns for item in items] == [("[urgent] help",), ('{"a": 1}',)]


def test_a_function_that_an_item_defines_is_not_made_of_its_calls(write):
    line = {"prompt": "How?", "tools": [BARE], "answers": json.dumps([{"name": "get_weather", "arguments": {}}])}
    assert read_evaluation_file(write(line)).items[0].functions == (WEATHER,)


def test_arguments_of_which_calls_differ_in_type_are_of_any(write):
    lines = [{"answer": {"name": "f", "arguments": {"x": value, "y": True}}} for value in (1, "one")]
    assert read_evaluation_file(write(*lines)).items[0].functions == (
        OfferedFunction("f", {"x": "any", "y": "boolean"}),
    )


def test_an_array_of_items_is_read_too(write):
    assert len(read_evaluation_file(write(json.dumps([{"prompt": "a"}, {"prompt": "b"}]))).items) == 2


def test_blank_lines_are_nothing_and_items_without_an_id_are_numbered(write):
    assert [
        item.item_id for item in read_evaluation_file(write({"prompt": "a"}, "", {"prompt": "b", "id": 7})).items
    ] == [
        "item 1",
        "7",
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        pytest.param("{broken", "line 2: no JSON object", id="no JSON"),
        pytest.param("7", "line 2: no JSON object", id="no object"),
        pytest.param({"answer": 42}, "item 2: neither user turns nor functions nor calls in answer", id="no item"),
    ],
)
def test_what_is_no_item_is_named(write, line, message):
    with pytest.raises(EvaluationSetError, match=message):
        read_evaluation_file(write({"prompt": "fine"}, line))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(EvaluationSetError, match=r"gone\.jsonl cannot be read"):
        read_evaluation_sets(["gone.jsonl"], tmp_path)


# ── BFCL ──────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def wheel(write, tmp_path):
    """The layout of the wheel bfcl-eval 2026.3.23."""
    question = {"id": "simple_0", "question": [[{"role": "user", "content": "How?"}]], "function": [BARE]}
    data = "site/bfcl_eval/data"
    write(question, name=f"{data}/BFCL_v4_simple_python.json")
    write("{", '  "ids": []', "}", name=f"{data}/BFCL_v4_format_sensitivity.json")
    write({"id": "answer"}, name=f"{data}/possible_answer/BFCL_v4_simple_python.json")
    write(question, name=f"{data}/unused_datasets/question/BFCL_v4_rest.json")
    write(BARE, {"name": "g"}, name=f"{data}/multi_turn_func_doc/weather_api.json")
    write({"id": "m", "question": [users("role", "content")]}, name=f"{data}/memory_prereq_conversation/memory_a.json")
    write("raise ImportError('the package itself is not imported')", name="site/bfcl_eval/__init__.py")
    return tmp_path / "site"


def test_the_sets_of_the_wheel(wheel):
    sets = {one.name: one.items for one in read_bfcl_sets(wheel / "bfcl_eval" / "data")}
    assert list(sets) == ["BFCL_v4_simple_python", "BFCL memory_prereq_conversation", "BFCL multi_turn_func_doc"]
    assert [item.turns for item in sets["BFCL memory_prereq_conversation"]] == [SAID]
    assert [item.functions for item in sets["BFCL multi_turn_func_doc"]] == [(WEATHER, OfferedFunction("g", {}))]


def test_an_installed_wheel_is_found_without_being_imported(wheel, monkeypatch):
    monkeypatch.syspath_prepend(str(wheel))
    assert find_bfcl_folder() == wheel / "bfcl_eval" / "data"
    assert len(read_evaluation_sets(["bfcl"])) == 3
    assert "bfcl_eval" not in sys.modules


def test_without_the_wheel_bfcl_is_nothing(monkeypatch):
    monkeypatch.setattr("funcdex_assets.contamination.evaluation_sets.find_spec", lambda name: None)
    assert read_evaluation_sets(["bfcl"]) == []
