"""Parts of a schema on their own: with the definitions they lead to, and at any pointer."""

import pytest

from funcdex_assets.schema.references import is_required_at, join_schemas, list_alternatives, resolve_schema, schema_at
from funcdex_assets.schema.validation import extract_part, is_valid_under, prove_schema

TEXT = {"type": "string"}
ROOT = {
    "type": "object",
    "properties": {
        "who": {"$ref": "#/$defs/who"},
        "same": {"$ref": "#/properties/who"},
        "all": {"$ref": "#"},
        "pair": {"type": "array", "prefixItems": [TEXT, {"type": "integer"}], "items": {"type": "boolean"}},
        "map": {"type": "object", "additionalProperties": {"$ref": "#/$defs/mail"}},
        "maybe": {"oneOf": [{"type": "null"}, {"$ref": "#/$defs/who"}]},
        "a/b": TEXT,
    },
    "$defs": {
        "who": {"type": "object", "properties": {"mail": {"$ref": "#/$defs/mail"}}, "required": ["mail"]},
        "mail": {"type": "string", "format": "email"},
        "unused": {"type": "string"},
    },
}
PROPERTIES = ROOT["properties"]


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("who", {"mail": "a@b.io"}, {"mail": "nobody"}),
        ("same", {"mail": "a@b.io"}, {}),
        ("all", {"who": {"mail": "a@b.io"}}, {"who": {"mail": 7}}),
        ("map", {"x": "a@b.io"}, {"x": "nobody"}),
        ("maybe", None, {"mail": "nobody"}),
        ("a/b", "text", 7),
    ],
)
def test_a_part_stands_alone(name, right, wrong):
    compiled = prove_schema(extract_part(PROPERTIES[name], ROOT))
    assert compiled.is_valid(right)
    assert not compiled.is_valid(wrong)
    assert is_valid_under(PROPERTIES[name], ROOT, right)
    assert not is_valid_under(PROPERTIES[name], ROOT, wrong)


def test_a_part_takes_only_what_it_leads_to_and_is_made_once():
    part = extract_part(PROPERTIES["who"], ROOT)
    assert set(part["$defs"]) == {"who", "mail"}
    assert extract_part(PROPERTIES["who"], ROOT) is part
    assert extract_part(PROPERTIES["pair"], ROOT) is PROPERTIES["pair"]
    assert extract_part(False, ROOT) == {"not": {}}


@pytest.mark.parametrize(
    ("pointer", "expected"),
    [
        ("/who/mail", {"type": "string", "format": "email"}),
        ("/same/mail", {"type": "string", "format": "email"}),
        ("/all/all/a~1b", TEXT),
        ("/pair/0", TEXT),
        ("/pair/*", TEXT),
        ("/pair/1", {"type": "integer"}),
        ("/pair/7", {"type": "boolean"}),
        ("/map/anything", {"type": "string", "format": "email"}),
        ("/maybe/mail", {"type": "string", "format": "email"}),
        ("/unknown", None),
        ("/who/mail/deeper", None),
    ],
)
def test_what_holds_at_a_pointer(pointer, expected):
    assert schema_at(ROOT, pointer) == expected


JOINED = {
    "bounds": ({"minimum": 1, "maximum": 9}, {"minimum": 3, "maximum": 12}, {"minimum": 3, "maximum": 9}),
    "enums": ({"enum": ["a", "b"]}, {"enum": ["b", "c"]}, {"enum": ["b"]}),
    "types": ({"type": ["string", "null"]}, {"type": "string"}, {"type": "string"}),
    "whole numbers": ({"type": "number"}, {"type": "integer"}, {"type": "integer"}),
    "requirements": ({"required": ["b"]}, {"required": ["a", "b"]}, {"required": ["a", "b"]}),
    "the own description": ({"description": "mine"}, {"description": "other"}, {"description": "mine"}),
    "what a closed object does not have": (
        {"properties": {"a": TEXT}, "additionalProperties": False},
        {"properties": {"b": TEXT}},
        {"properties": {"a": TEXT}, "additionalProperties": False},
    ),
    "two choices": ({"oneOf": [TEXT]}, {"oneOf": [{}]}, {"oneOf": [TEXT], "allOf": [{"oneOf": [{}]}]}),
}


@pytest.mark.parametrize(("own", "other", "expected"), JOINED.values(), ids=JOINED.keys())
def test_two_schemas_of_one_value_are_joined(own, other, expected):
    assert join_schemas(own, other) == expected


def test_what_stands_beside_a_reference_or_a_choice_holds_too():
    assert resolve_schema({"$ref": "#/$defs/mail", "maxLength": 9}, ROOT) == {
        "type": "string",
        "format": "email",
        "maxLength": 9,
    }
    choice = {"required": ["a"], "anyOf": [{"required": ["b"]}, {"required": ["c"]}]}
    assert [sorted(way["required"]) for way in list_alternatives(choice, ROOT)] == [["a", "b"], ["a", "c"]]


def test_resolving_the_same_gives_the_same_object_and_definitions_in_a_circle_end():
    assert resolve_schema(PROPERTIES["maybe"], ROOT) is resolve_schema(PROPERTIES["maybe"], ROOT)
    root = {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"allOf": [{"$ref": "#/$defs/a"}]}}}
    assert resolve_schema(root["$defs"]["a"], root) == {}


@pytest.mark.parametrize(
    ("pointer", "expected"),
    [
        pytest.param("/to", True, id="required"),
        pytest.param("/cc", False, id="optional"),
        pytest.param("/start/time", True, id="required in what is required"),
        pytest.param("/start/zone", False, id="optional in what is required"),
        pytest.param("/end/time", False, id="required in what is optional"),
        pytest.param("/guests/0/email", True, id="the first of a list"),
        pytest.param("/guests/1/email", False, id="another of a list"),
        pytest.param("/unknown", False, id="not there"),
    ],
)
def test_what_every_value_must_have(pointer, expected):
    moment = {"type": "object", "properties": {"time": {}, "zone": {}}, "required": ["time"]}
    guest = {"type": "object", "properties": {"email": {}}, "required": ["email"]}
    root = {
        "type": "object",
        "properties": {
            "to": {},
            "cc": {},
            "start": {"$ref": "#/$defs/moment"},
            "end": {"$ref": "#/$defs/moment"},
            "guests": {"type": "array", "items": guest},
        },
        "required": ["to", "start", "guests"],
        "$defs": {"moment": moment},
    }
    assert is_required_at(root, pointer) is expected
