"""JSON Schema as a grammar: every sentence is canonical JSON and valid, or `widened` says why it need not be."""

import json
import random
from typing import Any

import pytest
from grammar_matchers import NOTATIONS, accepts, lark_accepts
from grammar_sampler import sample
from waiting import at_most_cpu_seconds

from funcdex_assets.dml import values
from funcdex_assets.dml.grammar.conversation import build_conversation_grammar
from funcdex_assets.dml.grammar.lark import render_lark
from funcdex_assets.dml.grammar.schema import Limits, Rules
from funcdex_assets.dml.grammar.tree import Grammar
from funcdex_assets.dml.notation import Notation
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema import validation

TEXT = {"type": "string"}
NUMBER = {"type": "integer", "minimum": 0, "maximum": 9}


def an_object(*required: str, more: dict[str, Any] | None = None, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required), **(more or {})}


def grammar_of(schema: Any, limits: Limits = Limits(24, 3, 2)) -> tuple[Grammar, list[str]]:
    rules = Rules()
    root = rules.add_schema(schema, "x-arguments", "x", limits)
    return Grammar({"root": root, **rules.rules}, frozenset(rules.terminals)), rules.widened


NODE = {"n": an_object("v", v=NUMBER, kids={"type": "array", "items": {"$ref": "#/$defs/n"}})}
EXPRESSION = {"e": {"anyOf": [NUMBER, an_object("l", "r", l={"$ref": "#/$defs/e"}, r={"$ref": "#/$defs/e"})]}}
FORMATS = (
    "date date-time time duration email idn-email hostname ipv4 ipv6 uuid uri uri-reference iri json-pointer"
    " relative-json-pointer regex".split()
)

EXACT = {
    "any of types": {"anyOf": [TEXT, {"type": "integer"}, {"type": "null"}]},
    "one of, told apart by a constant": {
        "oneOf": [an_object("k", k={"const": "a"}, x=TEXT), an_object("k", "y", k={"const": "b"}, y=NUMBER)]
    },
    "one of, told apart by closedness": {
        "oneOf": [
            an_object("a", a=TEXT, more={"additionalProperties": False}),
            an_object("b", b=TEXT, more={"additionalProperties": False}),
        ]
    },
    "any of, with what holds for all": {
        **an_object(a=TEXT, b=TEXT),
        "anyOf": [{"required": ["a"]}, {"required": ["b"]}],
    },
    "any of, any string beside an e-mail address": {"anyOf": [{"type": "string", "format": "email"}, TEXT]},
    "all of": {"allOf": [an_object("a", a=TEXT), an_object(b={"type": "integer"}), {"required": ["b"]}]},
    "all of, one closed": {"allOf": [an_object("a", a=TEXT, more={"additionalProperties": False}), an_object(b=TEXT)]},
    "all of choices": {"allOf": [{"anyOf": [an_object("a", a=TEXT), an_object("b", b=TEXT)]}] * 2},
    "references": {
        "$defs": {"p": an_object("n", n=TEXT)},
        **an_object(a={"$ref": "#/$defs/p"}, b={"$ref": "#/$defs/p"}),
    },
    "reference with siblings": {"$defs": {"n": {"type": "integer"}}, "$ref": "#/$defs/n", "minimum": 3, "maximum": 4},
    "a definition that contains itself": {"$defs": NODE, "$ref": "#/$defs/n"},
    "a choice that contains itself": {"$defs": EXPRESSION, "$ref": "#/$defs/e"},
    "a document that contains itself": an_object(child={"$ref": "#"}),
    "references in a circle, optional": {
        "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}},
        **an_object(x={"$ref": "#/$defs/a"}),
    },
    "nullable": {"type": ["string", "null"]},
    "several types": {"type": ["integer", "array", "object"], "items": {"type": "boolean"}, "maxItems": 2},
    "enum of anything": {"enum": ['a"b', 1, 1.5, None, True, {"k": [1]}, "<tool>", "日本"]},
    "enum, of which some are valid": {"type": "string", "enum": ["a", 1, "bb", True], "minLength": 2},
    "enum beside not": {"enum": ["a", "b"], "not": {"const": "a"}},
    "constant": {"const": {"a": 1}},
    "lengths": {"type": "string", "minLength": 3, "maxLength": 5},
    "a long minimum": {"type": "string", "minLength": 50},
    "the empty string": {"type": "string", "maxLength": 0},
    "a long maximum": {"type": "string", "maxLength": 5000},
    "pattern": {"type": "string", "pattern": "^[A-Z]{2}-\\d+$"},
    "pattern and length": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 4},
    "integers": {"type": "integer", "minimum": -17, "exclusiveMaximum": 203},
    "integers between fractions": {"type": "integer", "minimum": 0.5, "maximum": 7.2},
    "multiples": {"type": "integer", "multipleOf": 5, "minimum": 7, "maximum": 100},
    "numbers above zero": {"type": "number", "exclusiveMinimum": 0, "maximum": 2.5},
    "numbers within one": {"type": "number", "minimum": 0.2, "maximum": 0.3},
    "array": {"type": "array", "items": TEXT, "minItems": 2, "maxItems": 3},
    "unique of an enum": {"type": "array", "items": {"enum": ["a", "b", "c"]}, "uniqueItems": True, "minItems": 1},
    "array of nothing": {"type": "array", "items": False},
    "tuple": {"type": "array", "prefixItems": [TEXT, {"type": "integer"}], "minItems": 1},
    "tuple and more": {"type": "array", "prefixItems": [TEXT], "items": {"type": "integer"}, "minItems": 3},
    "map": {"type": "object", "additionalProperties": {"type": "integer"}},
    "map of two or three": {"type": "object", "additionalProperties": NUMBER, "minProperties": 2, "maxProperties": 3},
    "map whose names are told": {"type": "object", "propertyNames": {"pattern": "^x"}},
    "anything": {},
    "no members": {"type": "object", "additionalProperties": False},
    "one property asks for another": {**an_object(a=TEXT, b=TEXT), "dependentRequired": {"a": ["b"]}},
    "fewest properties": {**an_object(a=TEXT, b=TEXT, c=TEXT), "minProperties": 2},
    "most properties": {**an_object(a=TEXT, b=TEXT, c=TEXT), "maxProperties": 1},
    "required, not declared": an_object("zz", a=TEXT),
    "no type but properties": {"properties": {"a": TEXT}},
    "no type but items": {"items": {"type": "integer"}},
    "keys that need escapes": an_object("<tool>", **{"<tool>": TEXT, 'q"\\': TEXT, "": TEXT, "é": TEXT}),
    "optional before required": an_object("c", a=TEXT, b=TEXT, c=TEXT, d=TEXT),
    "formats": an_object(*FORMATS, **{name: {"type": "string", "format": name} for name in FORMATS}),
    "a format that says nothing": {"type": "string", "format": "colour"},
    "format within a length": {"type": "string", "format": "date", "maxLength": 255},
}


@pytest.mark.parametrize("schema", EXACT.values(), ids=EXACT)
def test_every_sentence_is_canonical_and_valid(schema: Any) -> None:
    grammar, widened = grammar_of(schema)
    assert widened == []
    printed = render_lark(grammar)
    rng = random.Random(11)
    for _ in range(60):
        text = sample(grammar, rng)
        value, end = values.read_json(text, 0)
        assert (end, values.write_json(value)) == (len(text), text)
        assert validation.find_violations(schema, value) == []
        assert lark_accepts(printed, text)


WIDENED = {
    "not": ({"type": "string", "not": {"const": "x"}}, '"not"'),
    "if": ({**an_object(a=TEXT), "if": {"required": ["a"]}, "then": {"required": ["b"]}}, '"if"'),
    "one of overlapping": ({"oneOf": [TEXT, {"type": "string", "format": "email"}]}, '"oneOf"'),
    "pattern": ({"type": "string", "pattern": "(?=x)y"}, '"pattern" with the group'),
    "pattern beside format": ({"type": "string", "pattern": "^a", "format": "email"}, '"format" email'),
    "two patterns": ({"type": "string", "pattern": "^a", "allOf": [{"pattern": "b$"}]}, '"pattern"'),
    "format of a length": ({"type": "string", "format": "email", "maxLength": 9}, '"format" email of a certain length'),
    "multiples of a fraction": ({"type": "number", "multipleOf": 0.01}, '"multipleOf"'),
    "unique": ({"type": "array", "items": TEXT, "uniqueItems": True}, '"uniqueItems"'),
    "contains": ({"type": "array", "items": NUMBER, "contains": {"const": 3}}, '"contains"'),
    "names of a pattern beside properties": ({**an_object(a=TEXT), "patternProperties": {"b": NUMBER}}, '"patternProp'),
    "names that are needed": ({"type": "object", "propertyNames": {"pattern": "x"}, "minProperties": 1}, "not named"),
    "no end": ({"$defs": {"n": an_object("k", k={"$ref": "#/$defs/n"})}, "$ref": "#/$defs/n"}, "no value"),
    "nothing is valid": ({"type": "string", "minLength": 3, "maxLength": 2}, "no value"),
    "very long": ({"type": "string", "minLength": 10**9}, '"minLength"'),
    "very many": ({"type": "array", "items": NUMBER, "minItems": 10**9}, '"minItems"'),
}


@pytest.mark.parametrize(("schema", "said"), WIDENED.values(), ids=WIDENED)
def test_what_cannot_be_said_is_left_open_and_told(schema: Any, said: str) -> None:
    grammar, widened = grammar_of(schema)
    assert len(widened) == 1
    assert widened[0].startswith("x: ")
    assert said in widened[0]
    text = sample(grammar, random.Random(1))
    assert values.write_json(json.loads(text)) == text


@pytest.mark.parametrize("notation", NOTATIONS)
@pytest.mark.parametrize(
    ("schema", "inside", "outside"),
    [
        (
            an_object("b", a=NUMBER, b=NUMBER, c=NUMBER),
            ['{"b": 1}', '{"a": 1, "b": 2}', '{"b": 1, "c": 3}', '{"a": 1, "b": 2, "c": 3}'],
            ["{}", '{"a": 1}', '{"c": 1, "b": 2}', '{"b": 1, }', '{"b":1}', '{"b": 1, "d": 2}', '{"b": 10}'],
        ),
        (
            an_object(a=NUMBER, b=NUMBER, c=NUMBER),
            ["{}", '{"a": 1}', '{"c": 1}', '{"a": 1, "c": 2}', '{"b": 1, "c": 2}'],
            ['{"c": 1, "a": 2}', '{, "a": 1}', "[]"],
        ),
        (
            TEXT,
            ['""', '"<b>x</b> <p> <a href>"', '"\\"\\\\\\n"', '"日本 😀"'],
            ['"<tool>"', '"</user>"', '"\n"', '"\\x"', '"'],
        ),
        ({"type": "array", "items": NUMBER, "minItems": 1}, ["[1]", "[1, 2, 3]"], ["[]", "[1, 2, 3, 4]", "[1,2]"]),
        (
            {"type": "array", "items": {"enum": ["a", "b", "c"]}, "uniqueItems": True},
            ["[]", '["a"]', '["a", "c"]', '["b", "c"]'],
            ['["a", "a"]', '["c", "a"]'],
        ),
        (
            {"type": "string", "format": "date"},
            ['"2026-02-28"', '"2024-12-31"'],
            ['"2026-02-30"', '"2026-04-31"', '"26-01-01"'],
        ),
        (
            {"type": "string", "format": "email"},
            ['"a.b@c-d.co.uk"', '"ada@x.org"'],
            ['"a..b@c.de"', '"a@b"', '"@b.de"'],
        ),
        (
            {"type": "string", "format": "uri"},
            ['"https://a.de"', '"http://a-b.c.de/d?e=f"'],
            ['"a.de"', '"https://a.de/ x"'],
        ),
        ({"type": "string", "maxLength": 3}, ['""', '"abc"', '"\\n"', '"日本語"'], ['"abcd"', '"<"']),
        ({"type": ["boolean", "null"]}, ["true", "false", "null"], ["1", "True"]),
    ],
    ids=["required", "optional", "string", "array", "unique", "date", "email", "uri", "length", "nullable"],
)
def test_the_notations_agree(schema: Any, inside: list[str], outside: list[str], notation: Notation) -> None:
    grammar, _ = grammar_of(schema, Limits(2000, 3, 2))
    assert [text for text in inside if not accepts(grammar, notation, text)] == []
    assert [text for text in outside if accepts(grammar, notation, text)] == []


def chain(length: int) -> Any:
    return TEXT if length == 0 else an_object("a", a=chain(length - 1))


MANY = {f"p{number}": TEXT for number in range(5000)}
HOSTILE = {
    "thousands of optional properties": an_object(**MANY),
    "thousands of required properties": an_object(*MANY, **MANY),
    "a huge enum": an_object(e={"enum": [f"value {number}" for number in range(50_000)]}),
    "deep nesting": chain(50),
    "doubling references": {
        "$defs": {
            **{
                f"d{at}": an_object("x", "y", **{name: {"$ref": f"#/$defs/d{at + 1}"} for name in "xy"})
                for at in range(30)
            },
            "d30": TEXT,
        },
        "$ref": "#/$defs/d0",
    },
    "everything refers to everything": {
        "$defs": {
            f"d{at}": an_object(**{f"p{to}": {"$ref": f"#/$defs/d{to}"} for to in range(40)}) for at in range(40)
        },
        "$ref": "#/$defs/d0",
    },
    "a product of choices": {
        "allOf": [
            {"anyOf": [an_object(f"k{row}_{at}", **{f"k{row}_{at}": TEXT}) for at in range(10)]} for row in range(10)
        ]
    },
}


@pytest.mark.parametrize("schema", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_schema_is_bounded_in_time_and_size(schema: Any) -> None:
    tool = Tool(toolkit="t", name="X", description="", parameters=schema, returns=None, source="test")
    with at_most_cpu_seconds(10):
        language = build_conversation_grammar([tool], thoughts=False)
        size = max(len(language.render_in_notation(notation)) for notation in ("gbnf", "lark", "structural_tag"))
    assert size < 300_000
    assert len(language.grammar.rules) < 2000
