import pytest

from funcdex_assets.catalog.examples import DEEPEST, MOST_PROPERTIES, UNKNOWN, KnownSchema, infer_schema
from funcdex_assets.schema.validation import prove_schema


@pytest.mark.parametrize(
    ("examples", "schema"),
    [
        pytest.param([1, 2], {"type": "integer"}, id="whole numbers"),
        pytest.param([1, 2.5], {"type": "number"}, id="a number that is not whole makes all numbers"),
        pytest.param([True], {"type": "boolean"}, id="true is no number"),
        pytest.param(["a", 1], {"type": ["string", "integer"]}, id="several types, as they appear"),
        pytest.param([None, "a"], {"type": ["string", "null"]}, id="null comes last"),
        pytest.param([None], {"type": "null"}, id="nothing but null"),
        pytest.param([], {}, id="no example says nothing"),
        pytest.param([[]], {"type": "array"}, id="an empty array says nothing of its items"),
        pytest.param([{}], {"type": "object"}, id="an empty object says nothing of its properties"),
        pytest.param([[1], [2.5]], {"type": "array", "items": {"type": "number"}}, id="items of all arrays"),
        pytest.param(["2026-01-31T10:00:00Z"], {"type": "string", "format": "date-time"}, id="date-time"),
        pytest.param(["2026-01-31", "soon"], {"type": "string"}, id="a format only where all examples have it"),
        pytest.param(["2026-01-31 10:00"], {"type": "string"}, id="a time without its zone is no date-time"),
        pytest.param(["a.b@example.org"], {"type": "string", "format": "email"}, id="email"),
        pytest.param(["https://example.org/a?b=1"], {"type": "string", "format": "uri"}, id="uri"),
        pytest.param(
            [KnownSchema({"type": "integer"})], {"type": "integer"}, id="a value of which the schema is known"
        ),
        pytest.param([UNKNOWN, 5], {"type": "integer"}, id="an example says more than none"),
        pytest.param(
            [{"id": 1, "name": "a"}, {"id": 2}],
            {
                "type": "object",
                "properties": {"id": {"type": "integer"}, "name": {"type": "string"}},
                "required": ["id"],
            },
            id="required is what all have",
        ),
        pytest.param(
            [[{"a": 1}, {"b": "x"}]],
            {
                "type": "array",
                "items": {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "string"}}},
            },
            id="objects in an array are merged",
        ),
    ],
)
def test_schema_of(examples: list, schema: dict) -> None:
    assert infer_schema(examples) == schema


def test_a_table_of_entries_is_described_by_what_they_share() -> None:
    table = {f"user-{number}": {"age": number} for number in range(MOST_PROPERTIES + 1)}
    assert infer_schema([table]) == {
        "type": "object",
        "additionalProperties": {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]},
    }


def test_depth_is_bounded() -> None:
    value: object = 1
    for _ in range(500):
        value = {"a": [value]}
    assert str(infer_schema([value])).count("'a'") <= 2 * DEEPEST


def test_size_is_bounded() -> None:
    def tree(depth: int) -> object:
        return {f"key{number}": tree(depth - 1) for number in range(30)} if depth else 1

    schema = infer_schema([tree(4)])
    assert len(str(schema)) < 400_000
    prove_schema(schema)


def test_every_example_is_valid_under_its_schema() -> None:
    value = {"a": [1, None, {"b": "2026-01-31"}], "c": {}, "d": [[], ["x"]], "e": "https://example.org/%zz"}
    schema = infer_schema([value])
    del schema["properties"]["e"]  # it looks like an address, and a validator of formats may differ
    prove_schema(schema).validate(value)
