"""Values found by search: valid under every kind of schema, bounded, and none where there is none."""

from random import Random
from typing import Any

import pytest
from waiting import at_most_cpu_seconds

from funcdex_assets.language.schema_samples import NoValueError, propose_matches, sample_value
from funcdex_assets.schema.validation import find_violations, is_valid_under

SEEDS = range(6)
TEXT = {"type": "string"}
NODE = {
    "type": "object",
    "properties": {"id": TEXT, "left": {"$ref": "#/$defs/node"}, "right": {"$ref": "#/$defs/node"}},
    "required": ["id"],
}
CHAIN = {  # ends only where `next` is null
    "type": "object",
    "properties": {"next": {"anyOf": [{"$ref": "#/$defs/chain"}, {"type": "null"}]}, "id": TEXT},
    "required": ["next", "id"],
}
DEEP = {"$defs": {f"d{n}": {"required": ["x"], "properties": {"x": {"$ref": f"#/$defs/d{n + 1}"}}} for n in range(15)}}
DEEP["$defs"]["d15"] = {"type": "integer"}


def wide(levels: int) -> dict[str, Any]:
    """Objects of forty objects each, all of them optional."""
    inner = wide(levels - 1) if levels else TEXT
    return {"type": "object", "properties": {f"p{n}": inner for n in range(40)}}


SCHEMAS: dict[str, dict[str, Any]] = {
    "shared definitions": {
        "properties": {"a": {"$ref": "#/$defs/who"}, "b": {"$ref": "#/$defs/who"}},
        "required": ["a", "b"],
        "$defs": {
            "who": {"type": "object", "properties": {"mail": {"$ref": "#/$defs/mail"}}, "required": ["mail"]},
            "mail": {"type": "string", "format": "email"},
        },
    },
    "a tree": {"$ref": "#/$defs/node", "$defs": {"node": NODE}},
    "a chain that only null ends": {"$ref": "#/$defs/chain", "$defs": {"chain": CHAIN}},
    "a reference to the whole": {
        "type": "object",
        "properties": {"items": {"type": "array", "items": {"$ref": "#"}}, "id": TEXT},
        "required": ["id", "items"],
    },
    "required fifteen levels down": {"$ref": "#/$defs/d0", **DEEP},
    "all of, over levels": {
        "allOf": [{"$ref": "#/$defs/page"}, {"properties": {"items": {"minItems": 2}}, "required": ["items"]}],
        "$defs": {
            "page": {"allOf": [{"$ref": "#/$defs/link"}, {"properties": {"items": {"type": "array"}}}]},
            "link": {
                "type": "object",
                "properties": {"href": {"type": "string", "minLength": 3}},
                "required": ["href"],
            },
        },
    },
    "one property said in two parts": {
        "allOf": [
            {"properties": {"n": {"type": "integer", "minimum": 5}}},
            {"properties": {"n": {"maximum": 6}}, "required": ["n"]},
        ]
    },
    "exactly one of two that overlap": {
        "oneOf": [
            {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
            {"type": "object", "properties": {"b": {"type": "integer"}}, "required": ["b"]},
        ],
        "properties": {"c": TEXT},
        "required": ["c"],
    },
    "required beside a choice": {
        "type": "object",
        "properties": {"a": TEXT, "b": TEXT, "c": TEXT},
        "required": ["a"],
        "anyOf": [{"required": ["b"]}, {"required": ["c"]}],
    },
    "a pattern with alternatives": {"type": "string", "pattern": "^[UW][A-Z0-9]{8,}$|^$", "minLength": 1},
    "a pattern with look-ahead": {"type": "string", "pattern": "^(?!foo)[a-z]+(?:-[a-z]+)*$"},
    "a pattern with classes of Unicode": {"type": "string", "pattern": r"^[\p{L}\p{Z}\p{N}_.:/=+\-@]+$"},
    "a pattern within a longer text": {"type": "string", "pattern": "[0-9]{3}-[0-9]{4}"},
    "a pattern and a length": {"type": "string", "pattern": "^[a-z]+$", "minLength": 30, "maxLength": 40},
    "a tuple": {
        "type": "array",
        "prefixItems": [TEXT, {"type": "integer"}],
        "items": False,
        "minItems": 2,
    },
    "a map": {"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 2},
    "a map with names of a pattern": {
        "type": "object",
        "patternProperties": {"^x-[a-z]+$": {"type": "boolean"}},
        "additionalProperties": False,
        "minProperties": 1,
    },
    "all of a small enum": {
        "type": "array",
        "items": {"type": "string", "enum": ["a", "b", "c"]},
        "uniqueItems": True,
        "minItems": 3,
    },
    "a multiple within bounds": {"type": "number", "multipleOf": 0.25, "exclusiveMinimum": 1, "maximum": 1.5},
    "a number between whole ones": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    "negative numbers": {"type": "integer", "maximum": -3},
    "a long text": {"type": "string", "minLength": 5000},
    "required, but nowhere described": {"type": "object", "required": ["ghost"]},
    "dependent properties": {
        "type": "object",
        "properties": {"card": TEXT, "cvc": TEXT},
        "required": ["card"],
        "dependentRequired": {"card": ["cvc"]},
    },
    "null or nothing": {"type": "null"},
    "anything": {},
    "an enum with null": {"enum": [None, "a"]},
    "not a text": {"not": {"type": "string"}},
    "very wide": wide(1),
    **{
        f"format {name}": {"type": "string", "format": name}
        for name in (
            "date-time date time duration email hostname ipv4 ipv6 uri uri-reference iri uuid json-pointer regex"
        ).split()
    },
}


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS.keys())
def test_what_is_found_is_valid(schema):
    for seed in SEEDS:
        assert find_violations(schema, sample_value(schema, schema, Random(seed))) == []


NOTHING = {
    "no type is left": {"allOf": [TEXT, {"type": "integer"}]},
    "a tree without end": {
        "$ref": "#/$defs/node",
        "$defs": {"node": {"type": "object", "properties": {"n": {"$ref": "#/$defs/node"}}, "required": ["n"]}},
    },
    "false": {"type": "object", "properties": {"x": False}, "required": ["x"]},
    "no two are different": {"type": "array", "items": {"const": 1}, "uniqueItems": True, "minItems": 2},
    "a definition of itself": {"$ref": "#/$defs/a", "type": "string", "maxLength": -1 + 1, "minLength": 1},
    "choices within choices": {
        "$ref": "#/$defs/c0",
        "$defs": {
            **{f"c{n}": {"oneOf": [{"$ref": f"#/$defs/c{n + 1}"}] * 8} for n in range(3)},
            "c3": {"type": "object"},
        },
    },
}


@pytest.mark.parametrize("schema", NOTHING.values(), ids=NOTHING.keys())
def test_where_there_is_nothing_the_search_ends_soon(schema):
    schema = {**schema, "$defs": {"a": {}, **schema.get("$defs", {})}}
    with at_most_cpu_seconds(30), pytest.raises(NoValueError):
        sample_value(schema, schema, Random(1))


def test_a_choice_prefers_what_is_not_null():
    schema = {"anyOf": [{"type": "null"}, {"type": ["null", "integer"]}]}
    assert isinstance(sample_value(schema, schema, Random(1)), int)


def test_needed_paths_are_there_and_likely_values_are_taken():
    schema = {
        "type": "object",
        "properties": {f"p{n}": TEXT for n in range(50)}
        | {
            "things": {
                "type": "array",
                "items": {"type": "object", "properties": {"id": TEXT, "n": {"type": "integer"}}},
            }
        },
    }
    for seed in SEEDS:
        found = sample_value(
            schema, schema, Random(seed), lambda part, name: f"the {name}", frozenset({"/things/*/id"})
        )
        assert found["things"][0]["id"] == "the id"
        assert isinstance(found["things"][0].get("n", 1), int)


@pytest.mark.parametrize(
    ("expression", "likely"),
    [
        ("^(foo|bar)[0-9]{2}$", {"pattern": "^(foo|bar)[0-9]{2}$"}),
        (r"^\d{4}-\d\d$", {"pattern": r"^\d{4}-\d\d$"}),
        ("(^a$|^b$)", {"enum": ["a", "b"]}),
        (r"^([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$", {"minLength": 17, "maxLength": 17}),
    ],
)
def test_texts_of_a_regular_expression_match_at_once(expression, likely):
    first = next(propose_matches(expression, 0, 100, Random(2)))
    assert is_valid_under(likely, likely, first)


@pytest.mark.parametrize(
    "expression", ["(", "[", "\\", "(?", "(?<", "a{9999}{9999}", "[z-a]", "(" * 500, "((((a*)*)*)*)*", ""]
)
def test_strange_expressions_do_no_harm(expression):
    for text in propose_matches(expression, 0, 50, Random(3)):
        assert len(text) < 5000
