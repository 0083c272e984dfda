"""Schemas that every server can compile, and that let through what the tool's own schema accepts."""

from typing import Any

import msgspec
import pytest
from offline import PARTITIONS, played, shipped_tools

from funcdex_assets.roles.tool_schemas import build_calls_schema, to_decodable_schema
from funcdex_assets.schema.validation import find_violations
from funcdex_assets.semantics.result_schema import complete_result_schema

TEXT = {"type": "string"}


def closed(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": [], "additionalProperties": False}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        pytest.param({**TEXT, "title": "A", "description": "B", "examples": ["c"], "default": "d"}, TEXT, id="notes"),
        pytest.param({"type": "object", "properties": {"a": TEXT}}, closed(a=TEXT), id="objects are closed"),
        pytest.param({"type": "object"}, {"type": "object"}, id="but not one of unknown properties"),
        pytest.param(
            {"type": "object", "additionalProperties": {**TEXT, "title": "A"}},
            {"type": "object", "additionalProperties": TEXT},
            id="nor a mapping",
        ),
        pytest.param(
            {"type": "object", "properties": {"a": TEXT}, "required": ["a", "b", "b"]},
            {**closed(a=TEXT, b={}), "required": ["a", "b"]},
            id="what is required is allowed",
        ),
        pytest.param({"$ref": "#/$defs/x", "$defs": {"x": TEXT}}, TEXT, id="a reference"),
        pytest.param({"$ref": "other.json#/x"}, {}, id="a reference to elsewhere"),
        pytest.param(
            {"$ref": "#/$defs/x", "$defs": {"x": {"oneOf": [TEXT, {"type": "null"}]}}},
            {"anyOf": [TEXT, {"type": "null"}]},
            id="a choice behind a reference",
        ),
        pytest.param(
            {"allOf": [{"type": "object", "properties": {"a": TEXT}}, {"properties": {"b": TEXT}}]},
            closed(a=TEXT, b=TEXT),
            id="parts are put together",
        ),
        pytest.param({"anyOf": [TEXT, True]}, {"anyOf": [TEXT, {}]}, id="true is anything"),
        pytest.param({"type": "integer", "not": {"const": 3}, "multipleOf": 7}, {"type": "integer"}, id="widened"),
        pytest.param({**TEXT, "format": "uri-template"}, TEXT, id="a format that few know"),
        pytest.param({**TEXT, "pattern": "^[a-z]{2,8}$"}, {**TEXT, "pattern": "^[a-z]{2,8}$"}, id="a simple pattern"),
        pytest.param({**TEXT, "pattern": "^(?=a)b$"}, TEXT, id="a pattern that looks ahead"),
        pytest.param({**TEXT, "pattern": "[0-9]"}, TEXT, id="a pattern without ends"),
        pytest.param({**TEXT, "pattern": "^[a-z]{1,512}$"}, TEXT, id="a pattern that counts far"),
        pytest.param({**TEXT, "maxLength": 100_000}, TEXT, id="a bound that stops nobody"),
        pytest.param({**TEXT, "maxLength": 80, "minLength": 1}, {**TEXT, "minLength": 1, "maxLength": 80}, id="bounds"),
    ],
)
def test_decodable(schema, expected):
    assert to_decodable_schema(schema) == expected


def test_a_schema_that_contains_itself_ends_in_anything():
    tree: dict[str, Any] = {"$ref": "#/$defs/t", "$defs": {"t": {"type": "array", "items": {"$ref": "#/$defs/t"}}}}
    schema = to_decodable_schema(tree)
    assert msgspec.json.encode(schema).count(b"array") == 4  # each second step is a reference
    assert find_violations(schema, [[[]]]) == []


@pytest.mark.parametrize("partition", PARTITIONS)
def test_what_the_offline_engine_calls_and_returns_is_let_through(partition):
    for one in played(partition, 12):
        late = [one.cast.tools[name] for name in one.cast.plan.late_tools]
        schema = build_calls_schema((*one.cast.offered.values(), *late), 4)
        for message in one.conversation.messages:
            calls = [{"name": call.name, "arguments": call.arguments} for call in message.tool_calls]
            assert find_violations(schema, calls) == []
            if message.result and not message.result.error:
                returned = to_decodable_schema(complete_result_schema(one.cast.tools[message.result.name]))
                assert find_violations(returned, message.result.content) == []


def test_llguidance_compiles_the_schemas_of_all_shipped_tools():
    """vLLM's backend `guidance`; xgrammar takes them too, and is not installed for tests."""
    llguidance = pytest.importorskip("llguidance")
    tools = shipped_tools()
    schemas = [build_calls_schema(tools, 4)]
    schemas += [
        schema
        for tool in tools
        for schema in (to_decodable_schema(tool.parameters), to_decodable_schema(complete_result_schema(tool)))
    ]
    for schema in schemas:
        grammar = llguidance.JsonCompiler().compile(msgspec.json.encode(schema).decode())
        assert llguidance.LLMatcher.validate_grammar(grammar, None) == ""
