"""Sources: one text, any format; what a document is, is told by its content."""

import json

import pytest

from funcdex_assets.catalog.adding import write_toolkit
from funcdex_assets.catalog.drafts import Problem
from funcdex_assets.catalog.errors import CatalogError
from funcdex_assets.catalog.sources import FORMATS, open_tool_source, read_document, read_tools
from funcdex_assets.records.tool import Tool

NONE = {"type": "object", "properties": {}}
ONE_EACH = {
    "OpenAPI": {
        "openapi": "3.1.0",
        "info": {"title": "Pets", "version": "1", "license": {"name": "MIT"}},
        "paths": {"/pets": {"get": {"operationId": "listPets", "responses": {"200": {"description": "ok"}}}}},
    },
    "Google discovery": {
        "kind": "discovery#restDescription",
        "name": "keep",
        "resources": {
            "notes": {"methods": {"list": {"id": "keep.notes.list", "path": "v1/notes", "httpMethod": "GET"}}}
        },
    },
    "AWS service model": {
        "version": "2.0",
        "metadata": {"serviceId": "S9", "apiVersion": "2020-01-01", "protocol": "json"},
        "operations": {"ListThings": {"name": "ListThings", "http": {"method": "POST", "requestUri": "/"}}},
        "shapes": {},
    },
    "Postman collection": {
        "info": {"name": "Shop", "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"},
        "item": [{"name": "List orders", "request": {"method": "GET", "url": "https://x.test/orders"}}],
    },
    "ToolBench": {
        "tool_name": "Weather",
        "tool_description": "d",
        "api_list": [{"name": "now", "description": "d", "required_parameters": [], "optional_parameters": []}],
    },
    "tool file": {"toolkit": "acme", "tools": [{"name": "LIST", "description": "d", "parameters": NONE}]},
    "function list": [{"type": "function", "function": {"name": "now", "description": "d", "parameters": NONE}}],
}


def test_every_format_has_an_example_here():
    assert set(ONE_EACH) == {form.name for form in FORMATS}


@pytest.mark.parametrize("name", ONE_EACH)
def test_a_document_is_recognised_by_its_content_and_by_one_format_only(name):
    assert [form.name for form in FORMATS if form.recognises(ONE_EACH[name])] == [name]
    reading = read_document(ONE_EACH[name], "file.json")
    (tool,) = read_tools(reading, "mine", "file.json")
    assert isinstance(tool, Tool)
    assert tool.toolkit == "mine"
    assert tool.licence == {"OpenAPI": "MIT", "Google discovery": "Apache-2.0", "AWS service model": "Apache-2.0"}.get(
        name, ""
    )


@pytest.mark.parametrize(
    ("document", "described"),
    [
        pytest.param({"a": 1, "b": 2}, "a mapping with the keys a, b", id="a mapping"),
        pytest.param([1, 2], "a list of int", id="a list"),
        pytest.param({}, r"a mapping with the keys \(none\)", id="an empty one"),
    ],
)
def test_a_document_of_no_known_format(document, described):
    with pytest.raises(CatalogError, match=f"file.json is of no known format .*: it is {described}"):
        read_document(document, "file.json")


@pytest.mark.parametrize(
    "junk", [None, 7, "x", [], [[]], [None], {"openapi": None}, {"tools": None}, {"info": 3}], ids=repr
)
def test_no_format_stumbles_over_junk(junk):
    for form in FORMATS:
        form.recognises(junk)


def test_a_folder_gives_what_can_be_read_and_names_what_cannot(tmp_path):
    (tmp_path / "Weather").mkdir()
    (tmp_path / "Weather" / "now.json").write_text(json.dumps(ONE_EACH["ToolBench"]))
    (tmp_path / "cut.json").write_text('{"tool_name": "x", "api_list": [')
    (tmp_path / "other.yaml").write_text("a: 1")
    (tmp_path / "notes.txt").write_text("not looked at")
    found = list(read_tools(open_tool_source(str(tmp_path)), "mine", "folder"))
    problems = [one for one in found if isinstance(one, Problem)]
    assert [one.name for one in found if isinstance(one, Tool)] == ["now"]
    assert [problem.location for problem in problems] == ["cut.json", "other.yaml"]
    assert "cut off" in problems[0].reason
    assert "of no known format" in problems[1].reason


def test_an_empty_folder_and_a_missing_file(tmp_path):
    with pytest.raises(CatalogError, match=r"has no \.json, \.yaml, \.yml files"):
        list(open_tool_source(str(tmp_path)).drafts)
    with pytest.raises(CatalogError, match="cannot be read"):
        open_tool_source(str(tmp_path / "none.yaml"))


def test_tools_are_chosen_by_name_in_any_case(tmp_path):
    functions = [
        {"name": name, "description": "", "parameters": NONE} for name in ("Invoice.list", "Invoice.get", "Ping")
    ]
    found = read_tools(read_document(functions, "f"), "mine", "f", ("*LIST", "ping"))
    assert [tool.name for tool in found] == ["Invoice_list", "Ping"]


def test_python_functions_of_a_file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text('def search(query: str, limit: int = 5) -> list[str]:\n    """Searches."""\n    return []\n')
    (tool,) = read_tools(open_tool_source(f"python:{path}"), "mine", "python")
    assert (tool.name, tool.description) == ("search", "Searches.")
    assert tool.parameters["required"] == ["query"]


def test_what_was_written_for_one_project_is_a_source_for_another(tmp_path):
    (tool,) = read_tools(read_document(ONE_EACH["OpenAPI"], "f"), "pets", "pets.json")
    write_toolkit(tmp_path / "pets.json", [tool])
    (again,) = read_tools(open_tool_source(str(tmp_path / "pets.json")), "pets", "pets.json")
    assert again == tool


def test_an_mcp_server_that_is_not_there():
    pytest.importorskip("mcp", reason="the extra catalog is not installed")
    with pytest.raises(CatalogError, match="no-such-program"):
        open_tool_source("mcp:no-such-program --x")


def test_rows_that_a_tool_file_names_are_told_not_to_be_copied():
    tool = {"name": "GET_LOAN", "description": "Gets a loan.", "parameters": NONE}
    document = {"toolkit": "library", "policy": "Be brief.", "examples": "rows.jsonl", "tools": [tool]}
    reading = read_document(document, "library.json")
    problem, draft = reading.drafts
    assert isinstance(problem, Problem)
    assert not problem.lost
    assert "name the file under examples in funcdex.yaml" in problem.reason
    assert draft.name == "GET_LOAN"
    assert reading.policy == "Be brief."
