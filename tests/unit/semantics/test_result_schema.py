"""The shape of results: what a source says stays, what it leaves open is assumed from the tool's name."""

import pytest

from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.leaves import walk_leaves
from funcdex_assets.schema.validation import compile_validator
from funcdex_assets.semantics.result_schema import complete_result_schema

OPEN = {"type": "object"}
CLOSED = {"type": "object", "properties": {"status": {"type": "string"}}, "required": ["status"]}


def paths(name: str, returns: object) -> list[str]:
    tool = Tool(toolkit="acme", name=name, description="d", parameters=OPEN, returns=returns, source="s")
    schema = complete_result_schema(tool)
    assert compile_validator(schema)
    return [leaf.path for leaf in walk_leaves(schema)]


@pytest.mark.parametrize(
    "returns",
    [
        pytest.param(CLOSED, id="an object with properties"),
        pytest.param({"type": "array", "items": {"type": "string"}}, id="an array"),
        pytest.param({"type": "string"}, id="a text"),
        pytest.param({"type": "object", "additionalProperties": {"type": "integer"}}, id="a mapping"),
        pytest.param({"$ref": "#/$defs/x", "$defs": {"x": CLOSED}}, id="a reference"),
        pytest.param({**CLOSED, "oneOf": [CLOSED, OPEN]}, id="a choice"),
    ],
)
def test_what_the_source_says_stays(returns):
    tool = Tool(toolkit="acme", name="GET_ORDER", description="d", parameters=OPEN, returns=returns, source="s")
    assert complete_result_schema(tool) == returns


@pytest.mark.parametrize("returns", [None, {}, OPEN, {"type": "object", "properties": {}}], ids=str)
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param(
            "FIND_FILE",
            ["/files/*/id", "/files/*/name", "/files/*/owner", "/files/*/web_link", "/next_page_token"],
            id="a listing of what is known has the known fields",
        ),
        pytest.param(
            "LIST_COMPANIES",
            ["/companies/*/id", "/companies/*/name", "/companies/*/created_at", "/next_page_token"],
            id="of anything else, general ones",
        ),
        pytest.param("CREATE_ORDER", ["/order/id", "/order/name", "/order/status"], id="anything else gives one thing"),
    ],
)
def test_an_open_result_gets_a_shape(name, expected, returns):
    assert set(expected) <= set(paths(name, returns))


def test_an_open_part_gets_a_shape_within_what_is_said():
    enveloped = {
        "type": "object",
        "properties": {"data": OPEN, "successful": {"type": "boolean"}, "error": {"type": "string"}},
        "required": ["data", "successful"],
    }
    found = paths("LIST_THREADS", enveloped)
    assert {"/data/threads/*/id", "/data/next_page_token", "/successful", "/error"} <= set(found)
    assert not any(path.startswith("/threads") for path in found)


def test_the_shape_follows_the_name_also_when_the_open_schema_is_shared():
    assert "/files/*/id" in paths("LIST_FILES", OPEN)
    assert "/orders/*/id" in paths("LIST_ORDERS", OPEN)
