from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funcdex_assets.catalog import documents
from funcdex_assets.catalog.drafts import Draft, Origin, Problem
from funcdex_assets.catalog.errors import CatalogError
from funcdex_assets.catalog.loaders.toolbench import MOST_PARAMETERS, is_toolbench_document, read_drafts
from funcdex_assets.catalog.registry import register_drafts
from funcdex_assets.records.tool import Tool


def tool(*apis: Any, **other: Any) -> dict[str, Any]:
    return {"tool_name": "Songs", "tool_description": "All about music.", "api_list": list(apis), **other}


def draft(**api: Any) -> Draft:
    (found,) = read_drafts(tool({"name": "Search", **api}), "Music")
    assert isinstance(found, Draft)
    return found


def properties(**entry: Any) -> dict[str, Any]:
    return draft(optional_parameters=[{"name": "p", **entry}]).parameters["properties"]["p"]


@pytest.mark.parametrize(
    ("entry", "schema"),
    [
        pytest.param({"type": "STRING"}, {"type": "string"}, id="STRING"),
        pytest.param({"type": "NUMBER", "default": "10"}, {"type": "number", "default": 10}, id="a number as text"),
        pytest.param({"type": "NUMBER", "default": "1.5"}, {"type": "number", "default": 1.5}, id="NUMBER"),
        pytest.param({"type": "NUMBER", "default": "ten"}, {"type": "number"}, id="a default of another type"),
        pytest.param({"type": "NUMBER", "default": True}, {"type": "number"}, id="true is no number"),
        pytest.param({"type": "BOOLEAN", "default": "True"}, {"type": "boolean", "default": True}, id="BOOLEAN"),
        pytest.param(
            {"type": "BOOLEAN", "default": "false"}, {"type": "boolean", "default": False}, id="false as text"
        ),
        pytest.param({"type": "STRING", "default": 5}, {"type": "string", "default": "5"}, id="text as a number"),
        pytest.param({"type": "STRING", "default": ""}, {"type": "string"}, id="an empty default is none"),
        pytest.param(
            {"type": "DATE (YYYY-MM-DD)", "default": "2022-01-31"},
            {"type": "string", "format": "date", "default": "2022-01-31", "description": "(YYYY-MM-DD)"},
            id="DATE",
        ),
        pytest.param({"type": "DATE", "default": "today"}, {"type": "string", "default": "today"}, id="no date"),
        pytest.param(
            {"type": "TIME (24-hour HH:MM)", "description": "When."},
            {"type": "string", "description": "When. (24-hour HH:MM)"},
            id="TIME",
        ),
        pytest.param(
            {"type": "GEOPOINT (latitude, longitude)"},
            {"type": "string", "description": "(latitude, longitude)"},
            id="GEOPOINT",
        ),
        pytest.param({"type": "ARRAY", "default": "[1]"}, {"type": "array", "default": [1]}, id="ARRAY"),
        pytest.param(
            {"type": "OBJECT", "default": "{"}, {"type": "object"}, id="OBJECT with a default that is cut off"
        ),
        pytest.param({"type": "BINARY"}, {"type": "string", "contentEncoding": "base64"}, id="BINARY"),
        pytest.param({"type": "FILE"}, {"type": "string", "contentEncoding": "base64"}, id="FILE"),
        pytest.param(
            {"type": "ENUM", "enum": ["a", "b", "a"], "default": "b"},
            {"type": "string", "enum": ["a", "b"], "default": "b"},
            id="ENUM",
        ),
        pytest.param(
            {"type": "ENUM", "enum": ["a"], "default": "z"}, {"type": "string", "enum": ["a"]}, id="no choice"
        ),
        pytest.param({}, {"type": "string"}, id="no type"),
        pytest.param({"type": None, "description": None, "default": None}, {"type": "string"}, id="nulls"),
        pytest.param({"type": "wizard"}, {"type": "string"}, id="a type that nobody knows"),
    ],
)
def test_parameter(entry: dict, schema: dict) -> None:
    assert properties(**entry) == schema


def test_the_default_of_a_required_parameter_is_an_example() -> None:
    parameters = draft(required_parameters=[{"name": "q", "type": "STRING", "default": "messi"}]).parameters
    assert parameters == {
        "type": "object",
        "properties": {"q": {"type": "string", "examples": ["messi"]}},
        "required": ["q"],
        "additionalProperties": False,
    }


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param([{"name": "q", "type": "NUMBER"}], id="list"),
        pytest.param({"q": {"type": "NUMBER"}}, id="mapping"),
        pytest.param({"q": "NUMBER"}, id="mapping to types"),
        pytest.param({"name": "q", "type": "NUMBER"}, id="a single one"),
        pytest.param('[{"name": "q", "type": "NUMBER"}]', id="JSON in a text"),
    ],
)
def test_parameters_in_any_spelling(entries: Any) -> None:
    assert draft(required_parameters=entries).parameters["properties"] == {"q": {"type": "number"}}


def test_a_parameter_that_is_required_and_optional_is_required_once() -> None:
    entry = {"name": "q", "type": "STRING"}
    parameters = draft(
        required_parameters=[entry, entry], optional_parameters=[{**entry, "description": "What."}]
    ).parameters
    assert parameters["required"] == ["q"]
    assert parameters["properties"] == {"q": {"type": "string", "description": "What."}}


@pytest.mark.parametrize("name", [None, "", 5, "x" * 200], ids=["null", "blank", "number", "long"])
def test_a_parameter_without_a_usable_name_is_left_out(name: Any) -> None:
    problem, found = read_drafts(tool({"name": "Search", "required_parameters": [{"name": name}]}))
    assert isinstance(problem, Problem)
    assert not problem.lost
    assert found.parameters["properties"] == {}


RESULT = {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]}


@pytest.mark.parametrize(
    ("api", "returns"),
    [
        pytest.param(
            {"schema": {"type": "object", "properties": {"id": {"type": "INTEGER"}}, "required": ["id"]}},
            RESULT,
            id="schema",
        ),
        pytest.param(
            {"schema": {"properties": {"id": {"type": "integer"}}, "required": ["id"]}}, RESULT, id="typeless"
        ),
        pytest.param({"schema": {"id": "int"}}, RESULT, id="a shape"),
        pytest.param({"template_response": '{"id": "int"}'}, RESULT, id="a shape in a text"),
        pytest.param({"test_endpoint": {"id": 5}}, RESULT, id="an example"),
        pytest.param({"body": '{"id": 5}', "statuscode": 200}, RESULT, id="an example in a text"),
        pytest.param({"schema": "", "test_endpoint": "", "body": None}, None, id="nothing"),
        pytest.param({"test_endpoint": "<html>"}, None, id="a page"),
        pytest.param(
            {"schema": {"type": "str", "id": "int"}},
            {
                "type": "object",
                "properties": {"type": {"type": "string"}, "id": {"type": "integer"}},
                "required": ["type", "id"],
            },
            id="a shape with a field that is called type",
        ),
        pytest.param(
            {"template_response": [{"a": "empty list", "b": ["list of str with length 8"], "_list_length": 3}]},
            {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"a": {"type": "array"}, "b": {"type": "array", "items": {"type": "string"}}},
                    "required": ["a", "b"],
                },
            },
            id="lists in a shape",
        ),
    ],
)
def test_returns(api: dict, returns: dict | None) -> None:
    assert draft(**api).returns == returns


def test_a_cut_off_shape_is_told() -> None:
    problem, found = read_drafts(tool({"name": "Search", "template_response": '{"id": "in'}))
    assert problem.reason == "its template_response is cut off, and left out"
    assert found.returns is None


@pytest.mark.parametrize(
    ("api", "error"),
    [
        ({"test_endpoint": {"message": "You are not subscribed to this API."}}, "error"),
        ({"body": {"id": 5}, "statuscode": 503}, "503"),
    ],
    ids=["the gateway's words", "a status"],
)
def test_a_refusal_is_no_result(api: dict, error: str) -> None:
    found = draft(**api)
    assert found.returns is None
    assert list(found.errors) == [error]


def test_place_name_and_description() -> None:
    found = draft(description="Finds <b>songs</b>.\n")
    assert found.location == "Music/Songs/api_list[0] Search"
    assert found.name == "Search"
    assert found.description == "Finds songs. Part of Songs: All about music."


@pytest.mark.parametrize("api", [None, 5, {}, {"name": None}, {"name": ["x"]}, "x"], ids=repr)
def test_a_bad_endpoint_costs_one_endpoint(api: Any) -> None:
    bad, good = read_drafts(tool(api, {"name": "Search"}))
    assert isinstance(bad, Problem)
    assert bad.lost
    assert isinstance(good, Draft)


def test_queries_name_each_endpoint_once() -> None:
    api = {"category_name": "Data", "tool_name": "TheClique", "api_name": "Songkick concert", "api_description": "Info"}
    queries = [{"api_list": [api], "query": "Who plays?"}, {"api_list": [api, {**api, "api_name": "Other"}]}, 5]
    assert is_toolbench_document(queries)
    first, second, problem = read_drafts(queries)
    assert (first.name, second.name) == ("Songkick concert for TheClique", "Other for TheClique")
    assert first.location == "Data/TheClique/api_list[0] Songkick concert"
    assert isinstance(problem, Problem)


def test_duplicate_and_illegal_names_become_legal_and_unique() -> None:
    tools = list(
        register_drafts(
            read_drafts(tool({"name": "/v2/get (new)"}, {"name": "v2 get new"}, {"name": "検索"})), Origin("t", "s")
        )
    )
    names = [each.name for each in tools if isinstance(each, Tool)]
    assert len(set(names)) == 3
    assert names[0] == "v2_get_new"


def test_a_file_with_a_mark_is_read_and_one_that_is_cut_off_is_told() -> None:
    content = b'\xef\xbb\xbf{"tool_name": "Songs", "api_list": [{"name": "Search"}]}'
    assert [found.name for found in read_drafts(documents.parse_document(content, "songs.json"))] == ["Search"]
    with pytest.raises(CatalogError, match=r"songs\.json is cut off"):
        documents.parse_document(content[:-5], "songs.json")


def test_a_million_parameters_are_bounded() -> None:
    many = [{"name": f"p{number}"} for number in range(100_000)]
    assert len(draft(required_parameters=many).parameters["properties"]) == MOST_PARAMETERS


def test_another_document_is_refused() -> None:
    with pytest.raises(CatalogError, match="api_list"):
        list(read_drafts({"openapi": "3.0.0"}))


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "STRING", "NUMBER", "OBJECT", "int", "empty list", "list of x with length 1", "1", "{", "a"])
    | st.text(max_size=5)
)
KEYS = st.sampled_from(
    "name type description default enum required_parameters optional_parameters schema test_endpoint body statuscode "
    "properties items api_list tool_name category_name message a".split()
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=15
)
APIS = st.fixed_dictionaries(
    {"name": st.text(max_size=5)},
    optional={"required_parameters": VALUES, "optional_parameters": VALUES, "schema": VALUES, "test_endpoint": VALUES},
)


@settings(max_examples=100, deadline=None)
@given(st.fixed_dictionaries({"api_list": st.lists(APIS | VALUES, max_size=3), "tool_name": VALUES}))
def test_anything_gives_drafts_or_problems(document: dict) -> None:
    found = list(read_drafts(document))
    assert all(isinstance(each, Draft | Problem) for each in found)
    assert all(isinstance(each, Tool | Problem) for each in register_drafts(found, Origin("t", "s")))
