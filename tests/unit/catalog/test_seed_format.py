"""The seed's format: what it can hold survives, what it cannot is left out."""

import json
from pathlib import Path

import msgspec
import pytest

from funcdex_assets.catalog import seed_format
from funcdex_assets.catalog.errors import CatalogError
from funcdex_assets.catalog.load import load_tools
from funcdex_assets.records.tool import Tool

EXAMPLE = Path(__file__).parents[3] / "examples" / "gmail_googledrive.json"
HERE = Path("acme.json")
HOLDABLE = {
    "every type": (
        {kind: {"type": kind} for kind in ("string", "integer", "number", "boolean", "array", "object", "null")},
        ["string", "array"],
    ),
    "no parameters": ({}, []),
    "a choice of types": ({"x": {"type": ["string", "null"]}}, []),
    "a parameter called required": ({"required": {"type": "boolean"}, "type": {"type": "string"}}, ["required"]),
    "names and words of any script": ({"größe/~ 🦊": {"type": "string"}}, ["größe/~ 🦊"]),
}


def tool(properties: dict, required: list[str], returns: dict | None = None, **other: str) -> Tool:
    schema = {"type": "object", "properties": properties, "required": required}
    fields = {"toolkit": "acme", "name": "GET_ORDER", "description": "Gets\n an order 🦊.", "source": "manual", **other}
    return Tool(parameters=schema, returns=returns, **fields)


def again(one: Tool) -> Tool:
    """Written, through JSON text, and read."""
    (entry,) = json.loads(json.dumps(seed_format.render_seed_tools([one])))
    return seed_format.parse_seed_tool(entry, 0, HERE)


@pytest.mark.parametrize(("properties", "required"), HOLDABLE.values(), ids=HOLDABLE.keys())
def test_what_the_format_can_hold_survives(properties, required):
    one = tool(properties, required, returns={"type": "object", "properties": properties, "required": required})
    read = again(one)
    assert (read.toolkit, read.name, read.description) == (one.toolkit, one.name, one.description)
    assert read.parameters == {**one.parameters, "additionalProperties": False}
    assert read.returns == one.returns


def test_what_it_cannot_hold_is_left_out_and_nothing_more():
    rich = tool(
        {
            "status": {"type": "string", "enum": ["open"], "default": "open", "description": "d"},
            "items": {"type": "array", "items": {"type": "string"}},
            "any": {},
        },
        ["status"],
    )
    assert again(rich).parameters["properties"] == {
        "status": {"type": "string"},
        "items": {"type": "array"},
        "any": {"type": "string"},
    }
    assert again(rich).parameters["required"] == ["status"]


def test_a_tool_without_a_result_schema_has_an_open_one_afterwards():
    assert again(tool({}, [])).returns == {"type": "object", "properties": {}, "required": []}


def test_what_is_read_is_written_as_it_was():
    entries = json.loads(EXAMPLE.read_text(encoding="utf-8"))
    written = seed_format.render_seed_tools(
        [seed_format.parse_seed_tool(entry, index, EXAMPLE) for index, entry in enumerate(entries)]
    )
    for entry, copy in zip(entries, written, strict=True):
        assert copy.keys() == entry.keys()
        for field in ("toolkit_name", "tool_id", "tool_description"):
            assert copy[field] == entry[field]
        for field in ("tool_input_parameters", "tool_response_parameters"):
            assert msgspec.json.decode(copy[field]) == msgspec.json.decode(entry[field])


def test_the_example_of_funcdex_reads_as_four_tools():
    tools = load_tools({"gmail_googledrive": EXAMPLE})
    assert [(one.toolkit, one.name) for one in tools] == [
        ("gmail", "FETCH_EMAILS"),
        ("gmail", "LIST_THREADS"),
        ("googledrive", "FIND_FILE"),
        ("googledrive", "LIST_FILES_AND_FOLDERS"),
    ]
    assert tools[1].parameters["properties"]["max_results"] == {"type": "integer"}
    assert tools[1].returns["required"] == ["data", "successful"]
    assert all(one.source == "gmail_googledrive.json (Funcdex-Synthesizer format)" for one in tools)


def test_an_error_names_the_entry():
    entries = [*seed_format.render_seed_tools([tool({}, [])]), {"toolkit_name": "acme", "tool_id": 7}]
    with pytest.raises(CatalogError, match=r"acme\.json\[1\]: tool_id is 7; it must be a string"):
        seed_format.parse_seed_tool(entries[1], 1, HERE)
