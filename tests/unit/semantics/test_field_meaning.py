"""The meaning of a field: a table of real fields, and a table of the lists of words that disagree about some fields.

Add a field that is misread to `tests/data/field_meaning_cases.json`. A change to a list of words, or a list that moves
to another module, changes `tests/data/field_meaning_disagreements.json`.
"""

import json
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import get_args

import name_readings
import pytest

from funcdex_assets.records.declared_meaning import FieldRole
from funcdex_assets.semantics.field_meaning import FieldMeaning, decide_field_meaning

DATA = Path(__file__).parents[2] / "data"
CASES = json.loads((DATA / "field_meaning_cases.json").read_text(encoding="utf-8"))
DISAGREEMENTS = json.loads((DATA / "field_meaning_disagreements.json").read_text(encoding="utf-8"))
WORD_LISTS = [
    pytest.param(group, word_list, id=f"{group['purpose'].split(':')[0]}-{word_list['module']}.{word_list['constant']}")
    for group in DISAGREEMENTS
    for word_list in group["places"]
]
EXAMPLES = [
    pytest.param(group, example, id=f"{group['purpose'].split(':')[0]}-{example['name']}")
    for group in DISAGREEMENTS
    for example in group["examples"]
]


def describe_schema(schema: dict) -> str:
    words = [schema.get("type", ""), schema.get("format", ""), "enum" if {"enum", "const"} & schema.keys() else ""]
    return "-".join(str(word) for word in words if word)


def look_name_up(word_list: dict, name: str) -> bool:
    words = getattr(import_module(word_list["module"]), word_list["constant"])
    return name_readings.contains_name(words, word_list["reads"], name)


def shorten_name(word_list: dict) -> str:
    return f"{word_list['module'].removeprefix('funcdex_assets.')}.{word_list['constant']}"


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=f"{case['tool']}-{case['name']}-{describe_schema(case['schema'])}") for case in CASES],
)
def test_a_real_field_means(case):
    assert decide_field_meaning(case["name"], case["schema"]) == FieldMeaning(**case["meaning"])


def test_nearly_every_role_has_a_real_field():
    unused = set(get_args(FieldRole)) - {case["meaning"]["role"] for case in CASES}
    assert unused == {"charge", "path"}, "no shipped tool has such a field; they are among the made-up ones"


@pytest.mark.parametrize(
    ("name", "schema", "expected"),
    [
        pytest.param("", {"type": "string"}, FieldMeaning("other"), id="no-name"),
        pytest.param("__", {}, FieldMeaning("other"), id="no-word-and-no-type"),
        pytest.param("größe_id", {"type": "string"}, FieldMeaning("identifier", "größe"), id="letters-beyond-ascii"),
        pytest.param("tags", {"type": "array"}, FieldMeaning("thing", "tag"), id="list-of-unknown-items"),
        pytest.param(
            "due_on", {"type": ["null", "string"], "format": "date"}, FieldMeaning("moment", phase="due"), id="nullable"
        ),
        pytest.param("taxes", {"type": "number"}, FieldMeaning("charge", "tax"), id="charge"),
        pytest.param("file_path", {"type": "string"}, FieldMeaning("path"), id="path"),
        pytest.param("timeout_ms", {"type": "integer"}, FieldMeaning("duration", unit="ms"), id="unit-in-the-name"),
        pytest.param("price_usd", {"type": "number"}, FieldMeaning("amount", unit="usd"), id="currency-in-the-name"),
        pytest.param("max_price", {"type": "number"}, FieldMeaning("amount", bound="until"), id="highest-price"),
        pytest.param("utc_offset", {"type": "integer"}, FieldMeaning("zone"), id="offset-that-is-no-page"),
        pytest.param("dns_zone", {"type": "string"}, FieldMeaning("other"), id="zone-without-a-clock"),
        pytest.param("zone_id", {"type": "string"}, FieldMeaning("identifier", "zone"), id="id-of-such-a-zone"),
        pytest.param("order_id", {"type": "string"}, FieldMeaning("identifier", "order"), id="order-of-a-customer"),
        pytest.param("top", {"type": "integer"}, FieldMeaning("limit"), id="top-of-a-list"),
        pytest.param("issue_number", {"type": "integer"}, FieldMeaning("identifier", "issue"), id="number-as-a-name"),
    ],
)
def test_a_made_up_field_means(name, schema, expected):
    assert decide_field_meaning(name, schema) == expected


@pytest.mark.parametrize(("group", "word_list"), WORD_LISTS)
def test_a_list_that_disagrees_answers_as_the_table_says(group, word_list):
    names = [example["name"] for example in group["examples"] if look_name_up(word_list, example["name"])]
    assert names == [example["name"] for example in group["examples"] if shorten_name(word_list) in example["yes"]]


@pytest.mark.parametrize(("group", "example"), EXAMPLES)
def test_the_meaning_gives_the_right_answer(group, example):
    meaning = decide_field_meaning(example["name"], example["schema"])
    assert meaning == FieldMeaning(**example["meaning"])
    facts = asdict(meaning)
    assert all(facts[facet] in fitting for facet, fitting in group["means"].items()) == example["right"]


@pytest.mark.parametrize(("group", "example"), EXAMPLES)
def test_an_example_shows_a_difference(group, example):
    short_names = {shorten_name(word_list) for word_list in group["places"]}
    answers = {short_name in example["yes"] for short_name in short_names}
    assert answers | {example["right"]} == {True, False}
    assert set(example["yes"]) <= short_names


def test_a_meaning_is_decided_once_for_all_places_of_a_field():
    schema = {"type": "string", "format": "date-time", "description": "When it began."}
    schema_elsewhere = {**schema, "description": "Elsewhere.", "examples": ["2026-01-01T00:00:00Z"]}
    assert decide_field_meaning("started_at", schema) is decide_field_meaning("started_at", schema_elsewhere)
