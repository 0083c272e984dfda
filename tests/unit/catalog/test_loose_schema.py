import pytest

from funcdex_assets.catalog.loose_schema import DEEPEST, mend_arguments, mend_schema, parse_type_word, strip_markup
from funcdex_assets.schema.validation import prove_schema


@pytest.mark.parametrize(
    ("source", "schema"),
    [
        pytest.param({"type": "STRING"}, {"type": "string"}, id="in capitals"),
        pytest.param({"type": "dict"}, {"type": "object"}, id="of another language"),
        pytest.param({"type": ["String", "null"]}, {"type": ["string", "null"]}, id="several"),
        pytest.param({"type": "any"}, {}, id="any type"),
        pytest.param({"type": "wizard"}, {}, id="no type that is known"),
        pytest.param({"type": 7, "enum": []}, {}, id="wrong types everywhere"),
        pytest.param({"properties": {}}, {"type": "object", "properties": {}}, id="told by its properties"),
        pytest.param({"$schema": "x", "$id": "y", "title": "T", "type": "null"}, {"type": "null"}, id="marks dropped"),
        pytest.param({"type": "string", "nullable": True}, {"type": ["string", "null"]}, id="nullable"),
        pytest.param(
            {"type": "string", "nullable": True, "enum": ["a"]},
            {"type": ["string", "null"], "enum": ["a", None]},
            id="nullable with an enum",
        ),
        pytest.param(
            {"type": "integer", "minimum": 3, "exclusiveMinimum": True},
            {"type": "integer", "exclusiveMinimum": 3},
            id="draft 4 excludes by a flag",
        ),
        pytest.param({"type": "string", "pattern": "(?P<x"}, {"type": "string"}, id="a pattern that does not compile"),
        pytest.param({"type": "string", "minLength": -1}, {"type": "string"}, id="a bound that is none"),
        pytest.param({"enum": ["a", "a", "b"]}, {"enum": ["a", "b"]}, id="an enum names each once"),
        pytest.param(
            {"type": "array", "items": [{"type": "string"}, {"type": "integer"}]},
            {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}]},
            id="one schema per place, before 2020-12",
        ),
        pytest.param(
            {"type": "object", "properties": [{"name": "a", "type": "str"}]},
            {"type": "object", "properties": {"a": {"type": "string"}}},
            id="properties as a list",
        ),
        pytest.param(
            {"type": "object", "properties": {"a": {"title": "How many", "type": "integer"}}},
            {"type": "object", "properties": {"a": {"type": "integer", "description": "How many"}}},
            id="a title that says something",
        ),
    ],
)
def test_mended(source: dict, schema: dict) -> None:
    assert mend_schema(source).schema == schema
    prove_schema(schema)


def test_references_lead_into_defs_and_only_what_is_reachable_is_kept() -> None:
    schema, left_out = mend_schema(
        {
            "type": "object",
            "properties": {
                "root": {"$ref": "#"},
                "node": {"$ref": "#/definitions/Node"},
                "like": {"$ref": "#/properties/plain"},
                "plain": {"type": "string"},
                "remote": {"$ref": "https://example.org/x.json"},
                "dangling": {"$ref": "#/definitions/None"},
            },
            "definitions": {
                "Node": {"properties": {"next": {"$ref": "#/definitions/Node"}}},
                "Unused": {"type": "string"},
            },
        }
    )
    assert schema["$defs"]["Node"] == {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}}
    assert set(schema["$defs"]) == {"root", "Node", "plain"}
    assert schema["properties"]["remote"] == schema["properties"]["dangling"] == {}
    assert left_out == [
        "what 'https://example.org/x.json' refers to",
        "what '#/definitions/None' refers to",
    ]
    prove_schema(schema)


@pytest.mark.parametrize(
    ("source", "schema"),
    [
        pytest.param(None, {"type": "object", "properties": {}, "additionalProperties": False}, id="no arguments"),
        pytest.param(
            {"city": {"type": "string"}},
            {"type": "object", "properties": {"city": {"type": "string"}}, "additionalProperties": False},
            id="properties without the object around them",
        ),
        pytest.param(
            {"type": "object", "additionalProperties": True},
            {"type": "object", "additionalProperties": True},
            id="an open object stays open",
        ),
        pytest.param(
            {"$ref": "#/$defs/A", "$defs": {"A": {"type": "object", "properties": {"a": {"type": "integer"}}}}},
            {
                "type": "object",
                "properties": {"a": {"type": "integer"}},
                "additionalProperties": False,
                "$defs": {"A": {"type": "object", "properties": {"a": {"type": "integer"}}}},
            },
            id="what the whole refers to is laid open",
        ),
        pytest.param(
            {"type": "object", "properties": {"a": {"required": True}, "b": {"required": False}}},
            {"type": "object", "properties": {"a": {}, "b": {}}, "required": ["a"], "additionalProperties": False},
            id="required beside each property",
        ),
    ],
)
def test_arguments(source: dict | None, schema: dict) -> None:
    assert mend_arguments(source).schema == schema


@pytest.mark.parametrize("source", ["x", 1, ["a"], True])
def test_what_is_no_schema_is_refused(source: object) -> None:
    with pytest.raises(ValueError, match="not an object"):
        mend_arguments(source)


def test_size_and_depth_are_bounded() -> None:
    with pytest.raises(ValueError, match="more than 50,000 parts"):
        mend_schema({"properties": {f"p{number}": {} for number in range(60_000)}})
    deep: dict = {"type": "string"}
    for _ in range(400):
        deep = {"type": "array", "items": deep}
    schema, left_out = mend_schema(deep)
    assert left_out == [f"what is deeper than {DEEPEST} levels"]
    prove_schema(schema)


@pytest.mark.parametrize(
    ("word", "schema"),
    [
        ("DATE (YYYY-MM-DD)", {"type": "string", "format": "date"}),
        ("NUMBER", {"type": "number"}),
        ("List[str]", {"type": "array"}),
        ("date-time", {"type": "string", "format": "date-time"}),
        ("", None),
        (None, None),
    ],
)
def test_typed(word: object, schema: dict | None) -> None:
    assert parse_type_word(word) == schema


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<p>Sends\n a <b>mail</b></p>", "Sends a mail"),
        ("given as <revision>:<path>, if a < b", "given as <revision>:<path>, if a < b"),
        ("a &amp; b", "a & b"),
        (None, ""),
    ],
)
def test_plain(text: object, expected: str) -> None:
    assert strip_markup(text) == expected
