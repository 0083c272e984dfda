"""Schemas of other dialects: each keyword's fate, references shared and bounded, and anything at all survived."""

from typing import Any

import jsonschema_rs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from waiting import at_most_cpu_seconds

from funcdex_assets.catalog import dialect
from funcdex_assets.catalog.dialect import Definitions, strip_markup

CONVERTED: dict[str, tuple[Any, Any]] = {
    "what is the same in both stays": (
        {"type": "string", "format": "zip-code", "minLength": 2, "pattern": "^[A-Z]", "enum": ["Ab", "Cd"]},
        {"type": "string", "format": "zip-code", "minLength": 2, "pattern": "^[A-Z]", "enum": ["Ab", "Cd"]},
    ),
    "nullable with a type": ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
    "nullable with an enum": (
        {"type": "string", "nullable": True, "enum": ["a"]},
        {"type": ["string", "null"], "enum": ["a", None]},
    ),
    "nullable of Swagger 2": ({"type": "integer", "x-nullable": True}, {"type": ["integer", "null"]}),
    "nullable choice": (
        {"nullable": True, "anyOf": [{"type": "string"}, {"type": "integer"}], "description": "Either."},
        {"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}], "description": "Either."},
    ),
    "nullable reference": (
        {"nullable": True, "allOf": [{"$ref": "#/definitions/Text"}]},
        {"anyOf": [{"$ref": "#/$defs/Text"}, {"type": "null"}]},
    ),
    "a choice that has null already": (
        {"nullable": True, "oneOf": [{"type": "string"}, {"type": "null"}]},
        {"oneOf": [{"type": "string"}, {"type": "null"}]},
    ),
    "strict bounds": (
        {"type": "number", "minimum": 1, "exclusiveMinimum": True, "maximum": 9, "exclusiveMaximum": False},
        {"type": "number", "exclusiveMinimum": 1, "maximum": 9},
    ),
    "strict bounds of today": ({"type": "number", "exclusiveMinimum": 1}, {"type": "number", "exclusiveMinimum": 1}),
    "bounds in quotes": (
        {"type": "string", "maxLength": "10", "minLength": -1},
        {"type": "string", "maxLength": 10},
    ),
    "example": ({"type": "integer", "example": "7"}, {"type": "integer", "examples": [7]}),
    "examples by name": (
        {"type": "string", "examples": {"one": {"value": "a"}}},
        {"type": "string", "examples": ["a"]},
    ),
    "an example that is too long": ({"type": "string", "example": "x" * 5000}, {"type": "string"}),
    "what has no meaning here": (
        {"type": "string", "xml": {"name": "x"}, "externalDocs": {"url": "u"}, "discriminator": "d", "x-y": 1},
        {"type": "string"},
    ),
    "file": ({"type": "file"}, {"type": "string", "format": "binary"}),
    "types as they are spoken": ({"type": ["Int", "null"]}, {"type": ["integer", "null"]}),
    "an unknown type": ({"type": "Widget"}, {}),
    "no type, but properties": ({"properties": {}}, {"type": "object", "properties": {}}),
    "no type, but items": ({"items": {}}, {"type": "array", "items": {}}),
    "no type, but words": ({"enum": ["a", "b"]}, {"type": "string", "enum": ["a", "b"]}),
    "no type, but a format": ({"format": "int64"}, {"type": "integer", "format": "int64"}),
    "nothing": ({}, {}),
    "true": (True, {}),
    "false": (False, {"not": {}}),
    "no schema": ("string", {}),
    "required as a boolean": (
        {"type": "object", "properties": {"a": {"type": "string", "required": True}, "b": {"required": False}}},
        {"type": "object", "properties": {"a": {"type": "string"}, "b": {}}, "required": ["a"]},
    ),
    "required, but not there": (
        {"type": "object", "properties": {"a": {}}, "required": ["a", "b", "a", 3]},
        {"type": "object", "properties": {"a": {}}, "required": ["a"]},
    ),
    "required of another part": (
        {"allOf": [{"properties": {"a": {"type": "string"}}}, {"required": ["a"]}]},
        {"allOf": [{"properties": {"a": {"type": "string"}}}, {"required": ["a"]}]},
    ),
    "a property called $ref": (
        {"type": "object", "properties": {"$ref": {"type": "string"}}},
        {"type": "object", "properties": {"$ref": {"type": "string"}}},
    ),
    "an enum of another type": ({"type": "integer", "enum": ["1", 2, "three"]}, {"type": "integer", "enum": [1, 2]}),
    "an enum that is true": (
        {"type": "string", "enum": [True, 1.5, "x"]},
        {"type": "string", "enum": ["true", "1.5", "x"]},
    ),
    "an enum meant of the items": (
        {"type": "array", "items": {"type": "string"}, "enum": ["a", "b"]},
        {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}},
    ),
    "an enum twice the same, and an empty one": (
        {"type": "object", "properties": {"a": {"enum": [1, 1, True]}, "b": {"enum": []}}},
        {"type": "object", "properties": {"a": {"enum": [1, True]}, "b": {}}},
    ),
    "a default of another type": ({"type": "boolean", "default": "False"}, {"type": "boolean", "default": False}),
    "a default that cannot be": ({"type": "integer", "default": "many"}, {"type": "integer"}),
    "a default that is not allowed": (
        {"type": "string", "enum": ["a"], "default": "b"},
        {"type": "string", "enum": ["a"]},
    ),
    "a default of null": ({"type": "string", "default": None}, {"type": "string"}),
    "a pattern that is none": ({"type": "string", "pattern": "["}, {"type": "string"}),
    "a pattern as JavaScript has it": ({"type": "string", "pattern": "/^a+$/i"}, {"type": "string", "pattern": "^a+$"}),
    "items as a list": (
        {"type": "array", "items": [{"type": "string"}]},
        {"type": "array", "prefixItems": [{"type": "string"}]},
    ),
    "a map": (
        {"type": "object", "additionalProperties": {"type": "string"}},
        {"type": "object", "additionalProperties": {"type": "string"}},
    ),
    "a map of anything": (
        {"type": "object", "additionalProperties": {}},
        {"type": "object", "additionalProperties": True},
    ),
    "a conjunction of one": (
        {"allOf": [{"$ref": "#/definitions/Text"}], "description": "Whose it is."},
        {"$ref": "#/$defs/Text", "description": "Whose it is."},
    ),
    "what is beside a reference": (
        {"$ref": "#/definitions/Text", "description": "Whose it is.", "maxLength": 3},
        {"$ref": "#/$defs/Text", "description": "Whose it is."},
    ),
    "a reference to another document": ({"$ref": "other.yaml#/Text"}, {}),
    "a reference to nowhere": ({"$ref": "#/definitions/Nobody", "description": "Any."}, {"description": "Any."}),
    "a reference by digits that are no index": ({"$ref": "#/list/²"}, {}),
    "a reference to any place": ({"$ref": "#/paths/~1a~1%7Bid%7D/schema"}, {"$ref": "#/$defs/paths_a_id_schema"}),
    "a title that says something": ({"title": "Name of the owner"}, {"description": "Name of the owner"}),
    "a title that names a class": ({"title": "OwnerName"}, {}),
    "HTML": ({"description": "<p>Keep\n <b>&lt;id&gt;</b>, of <name></p>"}, {"description": "Keep <id>, of <name>"}),
}
DOCUMENT = {
    "definitions": {"Text": {"type": "string"}},
    "paths": {"/a/{id}": {"schema": {"type": "integer"}}},
    "list": [{"type": "string"}],
}
SIDES = {
    "said of the property": {"type": "string", "readOnly": True},
    "said of what it refers to": {"$ref": "#/definitions/Secret"},
    "said in a part": {"allOf": [{"$ref": "#/definitions/Text"}, {"readOnly": True}]},
}


@pytest.mark.parametrize(("raw", "expected"), CONVERTED.values(), ids=CONVERTED.keys())
def test_a_schema_becomes_one_of_the_one_dialect(raw: Any, expected: Any):
    shared = Definitions(DOCUMENT)
    assert shared.convert_schema(raw, "input", "here") == expected
    jsonschema_rs.Draft202012Validator(shared.convert_with_definitions(raw, "input", "here"))


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ({"$ref": "other.yaml#/Text"}, "outside of the document"),
        ({"$ref": "#/definitions/Nobody"}, "leads nowhere"),
        ({"type": "string", "pattern": "["}, "no regular expression"),
        ({"type": "Widget"}, "its type 'Widget'"),
        ({"type": "integer", "default": "many"}, "its default 'many'"),
        ({"properties": {"a": {}}, "required": ["b"]}, "requires 'b'"),
        ({"properties": ["a"]}, "its properties a list of 1"),
        ({"maximum": "high"}, "its maximum 'high'"),
        ({"items": 5}, "5 is no schema"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_left_out_is_told_once_and_costs_no_tool(raw: Any, reason: str):
    shared = Definitions(DOCUMENT)
    shared.convert_schema(raw, "input", "here")
    shared.convert_schema(raw, "input", "here")
    (problem,) = shared.take_problems()
    assert reason in problem.reason
    assert problem.location.startswith("here")
    assert not problem.lost
    assert not list(shared.take_problems())


def test_what_is_well_formed_is_not_complained_of():
    shared = Definitions(DOCUMENT)
    shared.convert_with_definitions(CONVERTED["nullable reference"][0], "input", "here")
    assert not list(shared.take_problems())


@pytest.mark.parametrize("hidden", SIDES.values(), ids=SIDES.keys())
def test_each_side_has_its_own_properties(hidden: dict):
    text = msgspec.json.encode({"Text": {"type": "string"}, "Secret": {"type": "string", "readOnly": True}})
    raw = {"type": "object", "properties": {"a": hidden, "b": {"type": "string"}}, "required": ["a", "b"]}
    for own, other, mark in (("output", "input", "readOnly"), ("input", "output", "writeOnly")):
        schema = msgspec.json.decode(msgspec.json.encode(raw).replace(b"readOnly", mark.encode()))
        definitions = msgspec.json.decode(text.replace(b"readOnly", mark.encode()))
        shared = Definitions({"definitions": definitions})
        assert shared.convert_schema(schema, own, "here")["required"] == ["a", "b"]  # type: ignore[arg-type]
        assert shared.convert_schema(schema, other, "here") == {  # type: ignore[arg-type]
            "type": "object",
            "properties": {"b": {"type": "string"}},
            "required": ["b"],
        }
        assert not list(shared.take_problems())


def test_only_what_is_reached_comes_along_and_is_shared():
    names = {"A": {"$ref": "#/definitions/B"}, "B": {"type": "string"}, "C": {"type": "integer"}}
    shared = Definitions({"definitions": names})
    first = shared.convert_with_definitions({"type": "array", "items": {"$ref": "#/definitions/A"}}, "input", "1")
    second = shared.convert_with_definitions(
        {"type": "object", "additionalProperties": {"$ref": "#/definitions/B"}}, "input", "2"
    )
    assert list(first["$defs"]) == ["A", "B"]
    assert list(second["$defs"]) == ["B"]
    assert first["$defs"]["B"] is second["$defs"]["B"]


def test_a_tree_may_hold_itself():
    node = {"type": "object", "properties": {"children": {"type": "array", "items": {"$ref": "#/definitions/Node"}}}}
    whole = Definitions({"definitions": {"Node": node}}).convert_with_definitions(
        {"$ref": "#/definitions/Node"}, "output", "here"
    )
    assert whole["type"] == "object"  # a lone reference is written out at the top
    validator = jsonschema_rs.Draft202012Validator(whole)
    assert validator.is_valid({"children": [{"children": []}]})
    assert not validator.is_valid({"children": [{"children": 3}]})


@pytest.mark.parametrize(
    "definitions",
    [
        {"A": {"$ref": "#/definitions/A"}},
        {"A": {"$ref": "#/definitions/B"}, "B": {"$ref": "#/definitions/A"}},
        {
            "A": {"allOf": [{"$ref": "#/definitions/B"}, {"type": "object"}]},
            "B": {"oneOf": [{"$ref": "#/definitions/A"}]},
        },
        {f"A{n or ''}": {"$ref": f"#/definitions/A{n + 1}"} for n in range(5000)},
    ],
    ids=["itself", "one another", "in compositions", "very long chain"],
)
def test_a_circle_of_definitions_is_cut(definitions: dict):
    shared = Definitions({"definitions": definitions})
    whole = shared.convert_with_definitions({"$ref": "#/definitions/A"}, "output", "here")
    assert any("back to itself" in problem.reason for problem in shared.take_problems())
    assert jsonschema_rs.Draft202012Validator(whole).is_valid({})


def test_two_definitions_of_one_name_stay_two():
    document = {"definitions": {"A b": {"type": "string"}, "A/b": {"type": "integer"}}}
    properties = {"x": {"$ref": "#/definitions/A b"}, "y": {"$ref": "#/definitions/A~1b"}}
    whole = Definitions(document).convert_with_definitions(
        {"type": "object", "properties": properties}, "input", "here"
    )
    validator = jsonschema_rs.Draft202012Validator(whole)
    assert validator.is_valid({"x": "a", "y": 1})
    assert not validator.is_valid({"x": 1})
    assert not validator.is_valid({"y": "a"})


def test_another_way_of_referring():
    shared = Definitions({"schemas": {"Event": {"type": "object"}}}, pointer_of=lambda ref: f"/schemas/{ref}")
    assert shared.convert_with_definitions({"type": "array", "items": {"$ref": "Event"}}, "output", "here") == {
        "type": "array",
        "items": {"$ref": "#/$defs/Event"},
        "$defs": {"Event": {"type": "object"}},
    }


def test_keywords_beside_a_reference_count_where_the_dialect_says_so():
    shared = Definitions(DOCUMENT, siblings=True)
    assert shared.convert_schema({"$ref": "#/definitions/Text", "maxLength": 3}, "input", "here")["maxLength"] == 3


def test_the_nearest_definitions_are_kept_and_the_rest_left_open():
    chain = {
        f"L{n}": {
            "type": "object",
            "description": "x" * 1000,
            "properties": {"next": {"$ref": f"#/definitions/L{n + 1}"}},
        }
        for n in range(2000)
    }
    shared = Definitions({"definitions": chain})
    whole = shared.convert_with_definitions({"$ref": "#/definitions/L0"}, "output", "here")
    assert len(msgspec.json.encode(whole)) < dialect.MOST_BYTES + 2000
    assert whole["$defs"]["L1"]["properties"] == {"next": {"$ref": "#/$defs/L2"}}
    last = list(whole["$defs"].values())[-1]
    assert last == {"type": "object", "description": last["description"]}
    assert [p.reason.split(",")[0] for p in shared.take_problems()] == ["1 definitions are left open"]
    jsonschema_rs.Draft202012Validator(whole)


def nested(depth: int) -> dict:
    schema: dict = {"type": "string"}
    for _ in range(depth):
        schema = {"type": "array", "items": schema}
    return schema


HOSTILE = {
    "200,000 properties": lambda: {"properties": {f"p{n}": {"type": "string"} for n in range(200_000)}},
    "200,000 parts": lambda: {"anyOf": [{"type": "string"}] * 200_000},
    "200,000 required": lambda: {"properties": {"a": {}}, "required": [str(n) for n in range(200_000)]},
    "200,000 values": lambda: {"enum": list(range(200_000))},
    "200,000 wrong places": lambda: {"properties": {f"p{n}": n for n in range(200_000)}},
    "100,000 levels": lambda: nested(100_000),
    "a description of 10 MB": lambda: {"description": "<b>" * 3_500_000},
    "a name of 10 MB": lambda: {"properties": {"n" * 10_000_000: {"type": "string"}}},
    "a pattern that explodes": lambda: {"pattern": "(a{1,9999}){1,9999}"},
    "numbers beyond all numbers": lambda: {"maximum": 10**400, "default": 10**5000, "enum": [float("nan"), 10**400]},
}


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_schema_costs_little(make: Any):
    raw = make()
    shared = Definitions({"definitions": {"X": raw}})
    with at_most_cpu_seconds(30):
        for schema in (
            shared.convert_with_definitions(raw, "input", "here"),
            shared.convert_with_definitions({"$ref": "#/definitions/X"}, "output", "here"),
        ):
            jsonschema_rs.Draft202012Validator(schema)
            assert len(msgspec.json.encode(schema)) < 2**21
        assert len(list(shared.take_problems())) < 100


def test_text_is_cut_at_a_length():
    assert strip_markup("word " * 1000, 10) == "word word…"
    assert strip_markup(None) == strip_markup(["a"]) == ""


KEYWORDS = (
    "type properties items required enum default example examples nullable allOf anyOf oneOf not $ref format pattern "
    "minimum exclusiveMinimum maxLength additionalProperties readOnly description const if patternProperties"
).split()
REFS = st.sampled_from(["#/definitions/A", "#/definitions/B", "#/definitions/A/properties/type", "#/", "x", "#/a/0"])
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5) | REFS
    | st.sampled_from(["string", "object", "array", "integer", "null", "date", "^a$", "(", "\\d"])
)  # fmt: skip
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(KEYWORDS) | st.text(max_size=3), inner, max_size=5)
    ),
    max_leaves=30,
)


@given(ANYTHING, ANYTHING, ANYTHING)
def test_anything_becomes_a_schema_that_compiles(raw: Any, first: Any, second: Any):
    shared = Definitions({"definitions": {"A": first, "B": second}})
    for side in ("input", "output"):
        whole = shared.convert_with_definitions(raw, side, "here")  # type: ignore[arg-type]
        jsonschema_rs.Draft202012Validator(whole, validate_formats=True).is_valid({"a": [1, "a"]})
    assert not any(problem.lost for problem in shared.take_problems())
