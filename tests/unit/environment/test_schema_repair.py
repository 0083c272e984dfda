"""Results put right where they break their schema, and nowhere else."""

from random import Random
from typing import Any

import pytest

from funcdex_assets.environment.schema_repair import repair_value, replace_unsuitable_values
from funcdex_assets.schema.validation import find_violations

TEXT = {"type": "string"}
CODE = {"type": "string", "pattern": "^[UW][A-Z0-9]{8,}$|^$", "minLength": 1}
SCHEMA = {
    "type": "object",
    "properties": {
        "kept": TEXT,
        "code": {"$ref": "#/$defs/code"},
        "things": {"type": "array", "items": {"$ref": "#/$defs/thing"}},
    },
    "required": ["code"],
    "additionalProperties": False,
    "$defs": {
        "code": CODE,
        "thing": {"type": "object", "properties": {"id": TEXT, "size": {"type": "integer"}}, "required": ["id"]},
    },
}


def propose(schema: Any, name: str) -> str:
    return f"a {name}"


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"kept": "k", "code": "no code"}, id="a pattern"),
        pytest.param({"kept": "k"}, id="a property too few"),
        pytest.param({"kept": "k", "code": "U12345678", "more": 1}, id="a property too many"),
        pytest.param({"kept": "k", "code": "U12345678", "things": [{"size": 2}, {"id": 4}]}, id="inside of a list"),
        pytest.param({"kept": "k", "code": None, "things": 7, "x": 1, "y": 2}, id="everything at once"),
    ],
)
def test_what_is_right_is_kept(wrong):
    before = repr(wrong)
    better = repair_value(wrong, SCHEMA, Random(1), propose, frozenset())
    assert find_violations(SCHEMA, better) == []
    assert better["kept"] == "k"
    assert repr(wrong) == before  # it may be shared with what the world remembers


def test_a_valid_result_is_the_same_object():
    valid = {"code": "U12345678"}
    assert repair_value(valid, SCHEMA, Random(1), propose, frozenset()) is valid


def test_likely_values_fill_what_is_missing():
    wrong = {"code": "U12345678", "things": [{"size": 2}]}
    assert repair_value(wrong, SCHEMA, Random(1), propose, frozenset())["things"] == [{"size": 2, "id": "a id"}]


def test_a_choice_that_does_not_hold_is_made_anew():
    kinds = [
        {"type": "object", "properties": {"kind": {"const": kind}, kind: TEXT}, "required": ["kind", kind]}
        for kind in ("card", "bank")
    ]
    schema = {"type": "object", "properties": {"by": {"oneOf": kinds}, "id": TEXT}, "required": ["by", "id"]}
    better = repair_value({"by": {"kind": "bank"}, "id": "p1"}, schema, Random(1), propose, frozenset())
    assert find_violations(schema, better) == []
    assert better["id"] == "p1"


def test_what_cannot_be_mended_is_given_back():
    impossible = {"type": "object", "properties": {"x": False}, "required": ["x"]}
    assert repair_value({"y": 1}, impossible, Random(1), propose, frozenset()) == {"y": 1}


# ── what later calls take ─────────────────────────────────────────────────────────────────────

LIST = {
    "type": "object",
    "properties": {"things": {"type": "array", "items": {"type": "object", "properties": {"id": TEXT}}}},
}


@pytest.mark.parametrize("things", [[{"id": "x1"}, {"id": "x2"}], [{}], []], ids=["another", "no id", "no thing"])
def test_a_value_that_becomes_an_argument_is_one_that_the_argument_allows(things):
    result = {"things": things}
    taken = {"/things/*/id": [{"type": "string", "pattern": "^[0-9a-f]{8}$"}, {"type": "string", "maxLength": 10}]}
    better = replace_unsuitable_values(result, LIST, taken, Random(1))
    first = better["things"][0]["id"]
    assert len(first) == 8
    assert int(first, 16) >= 0
    assert better["things"][1:] == things[1:]


def test_a_value_that_suits_stays():
    result = {"things": [{"id": "x1"}]}
    assert replace_unsuitable_values(result, LIST, {"/things/*/id": [TEXT]}, Random(1)) is result
