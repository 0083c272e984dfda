"""The meaning of a field: a table of real fields, and the lists of words that disagree about some.

Add a field that is misread to `tests/data/field_meaning_cases.json`; when a list of words changes, the table of
disagreements must say so.
"""

import json
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import get_args

import name_readings
import pytest

from funcdex_assets.semantics.field_meaning import FieldMeaning, FieldRole, decide_field_meaning

DATA = Path(__file__).parents[2] / "data"
CASES = json.loads((DATA / "field_meaning_cases.json").read_text(encoding="utf-8"))
DISAGREEMENTS = json.loads((DATA / "field_meaning_disagreements.json").read_text(encoding="utf-8"))
PLACES = [
    pytest.param(group, place, id=f"{group['purpose'].split(':')[0]}-{place['module']}.{place['constant']}")
    for group in DISAGREEMENTS
    for place in group["places"]
]
EXAMPLES = [
    pytest.param(group, example, id=f"{group['purpose'].split(':')[0]}-{example['name']}")
    for group in DISAGREEMENTS
    for example in group["examples"]
]


def name_schema(schema: dict) -> str:
    words = [schema.get("type", ""), schema.get("format", ""), "enum" if {"enum", "const"} & schema.keys() else ""]
    return "-".join(str(word) for word in words if word)


def look_name_up(place: dict, name: str) -> bool:
    listed = getattr(import_module(place["module"]), place["constant"])
    return name_readings.holds(listed, place["reads"], name)


def short_name(place: dict) -> str:
    return f"{place['module'].removeprefix('funcdex_assets.')}.{place['constant']}"


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=f"{case['tool']}-{case['name']}-{name_schema(case['schema'])}") for case in CASES]
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


@pytest.mark.parametrize(("group", "place"), PLACES)
def test_a_list_that_disagrees_answers_as_the_table_says(group, place):
    said = [example["name"] for example in group["examples"] if short_name(place) in example["yes"]]
    assert [example["name"] for example in group["examples"] if look_name_up(place, example["name"])] == said


@pytest.mark.parametrize(("group", "example"), EXAMPLES)
def test_the_meaning_gives_the_right_answer(group, example):
    meaning = decide_field_meaning(example["name"], example["schema"])
    assert meaning == FieldMeaning(**example["meaning"])
    facts = asdict(meaning)
    assert all(facts[facet] in fitting for facet, fitting in group["means"].items()) == example["right"]


@pytest.mark.parametrize(("group", "example"), EXAMPLES)
def test_an_example_shows_a_difference(group, example):
    answers = {short_name(place) in example["yes"] for place in group["places"]}
    assert answers | {example["right"]} == {True, False}
    assert set(example["yes"]) <= {short_name(place) for place in group["places"]}


def test_a_meaning_is_decided_once_for_all_places_of_a_field():
    schema = {"type": "string", "format": "date-time", "description": "When it began."}
    other = {"type": "string", "format": "date-time", "description": "Elsewhere.", "examples": ["2026-01-01T00:00:00Z"]}
    assert decide_field_meaning("started_at", schema) is decide_field_meaning("started_at", other)
