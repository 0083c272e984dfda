from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funcdex_assets.catalog.drafts import Draft, Origin, Problem
from funcdex_assets.catalog.errors import CatalogError
from funcdex_assets.catalog.loaders.openai_functions import is_function_list, read_drafts
from funcdex_assets.catalog.registry import register_drafts
from funcdex_assets.records.tool import Tool

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CLOSED = {**CITY, "additionalProperties": False}
NONE = {"type": "object", "properties": {}, "additionalProperties": False}


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(
            [{"type": "function", "function": {"name": "f", "parameters": CITY, "strict": True}}], id="openai"
        ),
        pytest.param([{"type": "function", "name": "f", "parameters": CITY}], id="responses"),
        pytest.param([{"name": "f", "input_schema": CITY}], id="anthropic"),
        pytest.param({"tools": [{"name": "f", "inputSchema": CITY}]}, id="mcp"),
        pytest.param({"tools": [{"functionDeclarations": [{"name": "f", "parameters": CITY}]}]}, id="gemini"),
        pytest.param({"tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": CITY}}}]}, id="bedrock"),
        pytest.param([{"name": "f", "parameters": CITY}], id="bare"),
        pytest.param({"functions": [{"name": "f", "parameters": CITY}]}, id="under functions"),
        pytest.param({"functions": {"f": {"parameters": CITY}}}, id="by name"),
        pytest.param({"name": "f", "parameters": CITY}, id="a single one"),
    ],
)
def test_spellings(document: Any) -> None:
    assert is_function_list(document)
    (draft,) = read_drafts(document)
    assert isinstance(draft, Draft)
    assert (draft.name, draft.parameters, draft.returns) == ("f", CLOSED, None)


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({"openapi": "3.0.0", "paths": {}}, id="openapi"),
        pytest.param({"toolkit": "t", "tools": [{"name": "f", "parameters": CITY}]}, id="our own"),
        pytest.param([{"toolkit_name": "t", "tool_id": "f"}], id="the seed's"),
        pytest.param({"info": {}, "item": []}, id="postman"),
        pytest.param([1, None, "x"], id="a list of something"),
        pytest.param(None, id="nothing"),
    ],
)
def test_other_documents_are_not_recognised(document: Any) -> None:
    assert not is_function_list(document)


def test_no_parameters_are_no_arguments() -> None:
    assert [found.parameters for found in read_drafts([{"type": "function", "function": {"name": "f"}}])] == [NONE]


def test_an_output_schema_is_what_is_returned() -> None:
    (draft,) = read_drafts([{"name": "f", "inputSchema": CITY, "outputSchema": {"$schema": "x", "type": "OBJECT"}}])
    assert draft.returns == {"type": "object"}


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        pytest.param(7, "no function with a name", id="a number"),
        pytest.param({"function": {"name": " "}}, "no function with a name", id="a blank name"),
        pytest.param({"name": 5, "parameters": CITY}, "no function with a name", id="a number for a name"),
        pytest.param({"name": "f", "parameters": [1]}, "not an object", id="a list for parameters"),
        pytest.param({"type": "bash_20250124", "name": "bash"}, "names no arguments", id="a built-in tool"),
    ],
)
def test_a_bad_entry_costs_one_entry(entry: Any, reason: str) -> None:
    bad, good = read_drafts([entry, {"name": "f", "parameters": CITY}])
    assert isinstance(bad, Problem)
    assert bad.lost
    assert bad.location.startswith("[0]")
    assert reason in bad.reason
    assert isinstance(good, Draft)


def test_what_is_left_out_of_a_schema_is_told() -> None:
    draft, problem = read_drafts([{"name": "f", "parameters": {"properties": {"a": {"$ref": "http://x/y"}}}}])
    assert draft.parameters["properties"] == {"a": {}}
    assert problem == Problem("[0] f", "what 'http://x/y' refers to is left out of its arguments", lost=False)


@pytest.mark.parametrize(
    ("extra", "description"),
    [
        pytest.param({}, "Writes a file", id="its own words"),
        pytest.param({"title": "Write File"}, "Writes a file", id="a title that is the name"),
        pytest.param({"title": "Disk tool"}, "Disk tool. Writes a file.", id="a title that says more"),
        pytest.param(
            {"annotations": {"destructiveHint": True}},
            "Writes a file. It may change or delete what is there.",
            id="a call that cannot be undone",
        ),
        pytest.param(
            {"annotations": {"destructiveHint": True, "readOnlyHint": True}}, "Writes a file", id="only reads"
        ),
        pytest.param({"annotations": 5, "title": ["x"]}, "Writes a file", id="of wrong types"),
    ],
)
def test_description(extra: dict, description: str) -> None:
    (draft,) = read_drafts(
        [{"name": "write_file", "description": "<p>Writes a file</p>", "inputSchema": CITY, **extra}]
    )
    assert draft.description == description


def test_a_document_without_a_list_is_refused() -> None:
    with pytest.raises(CatalogError, match="not a list of functions"):
        list(read_drafts({"openapi": "3.0.0"}))


KEYS = st.sampled_from(
    "type function name description parameters properties required items enum $ref $defs definitions anyOf nullable "
    "minimum pattern default input_schema inputSchema outputSchema annotations title tools functions a".split()
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "object", "STRING", "array", "#", "#/$defs/a", "#/definitions/a", "#/x/0", "(", "a"])
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=15,
)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries({"name": st.text(max_size=5), "parameters": VALUES, "outputSchema": VALUES}) | VALUES
    )
)
def test_anything_gives_drafts_or_problems(document: list) -> None:
    found = list(read_drafts(document))
    assert all(isinstance(each, Draft | Problem) for each in found)
    tools = list(register_drafts(found, Origin("t", "s")))
    assert all(isinstance(each, Tool | Problem) for each in tools)
