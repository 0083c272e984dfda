"""The JSON Schema dialect: what a schema promises, JSON pointers, references, validation."""

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from funcdex_assets.schema.json_pointers import at_pointer, list_scalars, put_pointer
from funcdex_assets.schema.leaves import Leaf, walk_leaves
from funcdex_assets.schema.references import resolve_schema
from funcdex_assets.schema.schema import schema_type
from funcdex_assets.schema.validation import MAX_DEPTH, compile_validator, find_violations

TEXT = {"type": "string"}
NUMBER = {"type": "integer"}


def an_object(required: tuple[str, ...] = (), **properties: object) -> dict:
    return {"type": "object", "properties": properties, "required": list(required)}


def a_list(items: object) -> dict:
    return {"type": "array", "items": items}


# ── leaves ────────────────────────────────────────────────────────────────────────────────────

LEAVES = {
    "a property": (an_object(to=TEXT), [("/to", "to", "", False)]),
    "a required one": (an_object(("to",), to=TEXT), [("/to", "to", "", True)]),
    "an array of scalars": (an_object(to=a_list(TEXT)), [("/to/*", "to", "to", False)]),
    "an object belongs to the singular of its key": (
        an_object(threads=a_list(an_object(id=TEXT))),
        [("/threads/*/id", "id", "thread", False)],
    ),
    "required is only what all above it require": (
        an_object(("a",), a=an_object(("x",), x=TEXT, y=TEXT), b=an_object(("z",), z=TEXT)),
        [("/a/x", "x", "a", True), ("/a/y", "y", "a", False), ("/b/z", "z", "b", False)],
    ),
    "keys with slash and tilde are escaped": (an_object(**{"a/b~c": TEXT}), [("/a~1b~0c", "a/b~c", "", False)]),
    "an array at the top": (a_list(an_object(id=TEXT)), [("/*/id", "id", "", False)]),
    "an array of arrays": (an_object(rows=a_list(a_list(NUMBER))), [("/rows/*/*", "rows", "row", False)]),
    "an untyped object and array": (
        {"properties": {"x": {"items": TEXT}}},
        [("/x/*", "x", "x", False)],
    ),
    "null or a text": (an_object(x={"type": ["null", "integer"]}), [("/x", "x", "", False)]),
    "a property that may be anything": (an_object(x=True), [("/x", "x", "", False)]),
    "an object without properties": (an_object(), []),
}


@pytest.mark.parametrize(("schema", "expected"), LEAVES.values(), ids=LEAVES.keys())
def test_leaves_are_the_scalars_a_value_can_have(schema, expected):
    assert [(leaf.path, leaf.name, leaf.owner, leaf.required) for leaf in walk_leaves(schema)] == expected


def test_a_leaf_has_its_own_schema():
    wanted = {"type": "string", "format": "email"}
    assert list(walk_leaves(an_object(cc=a_list(wanted)))) == [Leaf("/cc/*", "cc", "cc", wanted, False)]


def test_a_schema_that_contains_itself_ends():
    found = list(walk_leaves(an_object(name=TEXT, child={"$ref": "#"})))
    assert found[0].path == "/name"
    assert max(leaf.path.count("/") for leaf in found) <= MAX_DEPTH


# ── references and choices ────────────────────────────────────────────────────────────────────

DEFINED = {"$defs": {"who": TEXT, "a/b": NUMBER, "chain": {"$ref": "#/$defs/who"}}, "prefixItems": [TEXT, NUMBER]}
RESOLVED = {
    "nothing to do": (TEXT, TEXT),
    "a reference": ({"$ref": "#/$defs/who"}, TEXT),
    "a reference to a reference": ({"$ref": "#/$defs/chain"}, TEXT),
    "an escaped reference": ({"$ref": "#/$defs/a~1b"}, NUMBER),
    "a reference into a list": ({"$ref": "#/prefixItems/1"}, NUMBER),
    "a reference to the whole": ({"$ref": "#"}, DEFINED),
    "a reference to nothing": ({"$ref": "#/$defs/unknown"}, {}),
    "a reference to itself": ({"oneOf": [{"$ref": "#/$defs/who"}]}, TEXT),
    "anything": (True, {}),
    "the first of a choice": ({"oneOf": [NUMBER, TEXT]}, NUMBER),
    "the first that is not null": ({"anyOf": [{"type": "null"}, TEXT]}, TEXT),
    "null where there is nothing else": ({"anyOf": [{"type": "null"}]}, {"type": "null"}),
    "what stands beside a choice stays": (
        {"description": "d", "oneOf": [NUMBER, TEXT]},
        {"description": "d", **NUMBER},
    ),
    "a choice between references": ({"oneOf": [{"$ref": "#/$defs/who"}, NUMBER]}, TEXT),
    "a choice of anything or a number": ({"oneOf": [True, NUMBER]}, NUMBER),
}


@pytest.mark.parametrize(("schema", "expected"), RESOLVED.values(), ids=RESOLVED.keys())
def test_references_and_choices_are_resolved(schema, expected):
    assert resolve_schema(schema, DEFINED) == expected


def test_all_of_joins_properties_and_requirements():
    schema = {
        "allOf": [{"$ref": "#/$defs/base"}, an_object(("b",), b=NUMBER)],
        "properties": {"c": TEXT},
        "required": ["c"],
    }
    root = {**schema, "$defs": {"base": an_object(("a",), a=TEXT, c=NUMBER)}}
    merged = resolve_schema(schema, root)
    assert merged["properties"] == {"a": TEXT, "b": NUMBER, "c": TEXT}  # the schema's own `c` wins
    assert sorted(merged["required"]) == ["a", "b", "c"]
    assert schema_type(merged) == "object"
    assert {leaf.path for leaf in walk_leaves(root) if leaf.required} == {"/a", "/b", "/c"}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "integer"}, "integer"),
        ({"type": ["null", "number"]}, "number"),
        ({"type": ["null"]}, "string"),
        ({"properties": {}}, "object"),
        ({"items": {}}, "array"),
        ({"enum": ["a"]}, "string"),
    ],
)
def test_a_schema_has_one_type(schema, expected):
    assert schema_type(schema) == expected


# ── pointers ──────────────────────────────────────────────────────────────────────────────────

VALUE = {"a": [{"b": 1}, {"b": 2}], "x/y": {"~": 3}, "~1": 4, "0": 5, "empty": [], "none": None}


@pytest.mark.parametrize(
    ("pointer", "expected"),
    [
        pytest.param("", VALUE, id="the whole"),
        pytest.param("/a/1/b", 2, id="an index"),
        pytest.param("/a/*/b", 1, id="a star is the first item"),
        pytest.param("/x~1y/~0", 3, id="escaped slash and tilde"),
        pytest.param("/~01", 4, id="an escaped tilde before a one is no slash"),
        pytest.param("/0", 5, id="a digit can be a key"),
        pytest.param("/a/2/b", None, id="an index past the end"),
        pytest.param("/a/b", None, id="a key of a list"),
        pytest.param("/empty/*", None, id="the first of none"),
        pytest.param("/none/x", None, id="below null"),
        pytest.param("/a/0/b/c", None, id="below a scalar"),
        pytest.param("/unknown/x", None, id="an unknown key"),
    ],
)
def test_a_value_is_found_at_its_pointer(pointer, expected):
    assert at_pointer(VALUE, pointer) == expected


@pytest.mark.parametrize(
    ("puts", "expected"),
    [
        pytest.param([("/a", 1)], {"a": 1}, id="a property"),
        pytest.param([("/a/b", 1), ("/a/c", 2)], {"a": {"b": 1, "c": 2}}, id="objects on the way are kept"),
        pytest.param([("/a/0", 1), ("/a/1", 2)], {"a": [1, 2]}, id="items in order"),
        pytest.param([("/a/*", 1)], {"a": [1]}, id="a star is the first item"),
        pytest.param(
            [("/a/0/b", 1), ("/a/0/c", 2), ("/a/1/b", 3)],
            {"a": [{"b": 1, "c": 2}, {"b": 3}]},
            id="objects in an array",
        ),
        pytest.param([("/a/0/0", 1)], {"a": [[1]]}, id="an array in an array"),
        pytest.param([("/x~1y/~0", 1)], {"x/y": {"~": 1}}, id="escaped slash and tilde"),
        pytest.param([("/a", 1), ("/a", 2)], {"a": 2}, id="the last one counts"),
        pytest.param([("/a/0", 1), ("/a/*", 2)], {"a": [2]}, id="also in an array"),
    ],
)
def test_a_value_is_put_at_its_pointer(puts, expected):
    target: dict = {}
    for pointer, value in puts:
        put_pointer(target, pointer, value)
    assert target == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(1, [("", 1)], id="a scalar"),
        pytest.param({"a": [1, {"b": None}]}, [("/a/0", 1), ("/a/1/b", None)], id="nested"),
        pytest.param({"x/y~": 1}, [("/x~1y~0", 1)], id="escaped"),
        pytest.param({"a": [], "b": {}}, [("/a", []), ("/b", {})], id="empty containers"),
    ],
)
def test_scalars_are_listed_with_their_pointers(value, expected):
    assert list_scalars(value) == expected


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab/~*01", max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(json_values)
def test_every_scalar_is_at_its_pointer(value):
    for pointer, scalar in list_scalars(value):
        assert at_pointer(value, pointer) == scalar


# ── validation ────────────────────────────────────────────────────────────────────────────────

MAIL = {"type": "string", "format": "email"}


@pytest.mark.parametrize(
    ("schema", "good", "bad", "place"),
    [
        pytest.param(NUMBER, 1, "1", "(whole)", id="a type"),
        pytest.param(an_object(x=NUMBER), {"x": 1}, {"x": 1.5}, "/x", id="a property's type"),
        pytest.param(an_object(("x",), x=NUMBER), {"x": 1}, {}, "(whole)", id="a required property"),
        pytest.param(an_object(to=a_list(MAIL)), {"to": ["a@b.io"]}, {"to": ["a@b.io", "a"]}, "/to/1", id="a format"),
        pytest.param({"format": "date"}, "2026-02-28", "2026-02-30", "(whole)", id="a date that does not exist"),
        pytest.param({"enum": ["a"]}, "a", "b", "(whole)", id="an enum"),
    ],
)
def test_problems_name_the_place(schema, good, bad, place):
    assert find_violations(schema, good) == []
    (problem,) = find_violations(schema, bad)
    assert problem.startswith(f"{place}: ")


def test_all_problems_are_told():
    assert len(find_violations(an_object(x=NUMBER, y=NUMBER), {"x": "a", "y": "b"})) == 2


@pytest.mark.parametrize(
    ("schema", "part"),
    [
        pytest.param({"type": "strin"}, "strin", id="an unknown type"),
        pytest.param({"properties": {"x": "string"}}, "string", id="a word for a schema"),
        pytest.param({"$ref": "#/$defs/gone"}, "/$defs/gone", id="a reference to nothing"),
        pytest.param({"minimum": "1"}, "1", id="a keyword of a wrong type"),
    ],
)
def test_an_invalid_schema_is_refused(schema, part):
    with pytest.raises(ValueError, match="not a valid JSON Schema") as error:
        compile_validator(schema)
    assert part in str(error.value)


def test_a_reference_to_elsewhere_is_not_fetched():
    with pytest.raises(ValueError, match=r"outside of the document; put the definition under \$defs"):
        compile_validator({"$ref": "http://127.0.0.1:9/schema.json"})


def test_equal_schemas_are_compiled_once(monkeypatch):
    compiled = []
    known = jsonschema_rs.Draft202012Validator
    monkeypatch.setattr(
        jsonschema_rs,
        "Draft202012Validator",
        lambda *arguments, **options: compiled.append(arguments) or known(*arguments, **options),
    )
    one, other = ({"type": "string", "description": "made for this test alone"} for _ in range(2))
    assert compile_validator(one) is compile_validator(one) is compile_validator(other)
    assert len(compiled) == 1
