"""The meaning of a field: a table of real fields, and a table of questions that modules ask about fields.

Add a field that is misread to `tests/data/field_meaning_cases.json`, and a question that a module would answer by words
of its own to `tests/data/field_meaning_purposes.json`. Its `gone` names the lists that answered it once, each in
another way; none of them may come back.
"""

import json
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import get_args

import pytest

from funcdex_assets.environment.result_people import describes_person
from funcdex_assets.environment.search_criteria import is_limit_name
from funcdex_assets.records.declared_meaning import FieldRole
from funcdex_assets.semantics.field_meaning import FieldMeaning, decide_field_meaning
from funcdex_assets.semantics.field_roles import has_passed, is_page_token, is_query, is_text, is_title, names_maker
from funcdex_assets.semantics.tool_names import is_id

DATA = Path(__file__).parents[2] / "data"
CASES = json.loads((DATA / "field_meaning_cases.json").read_text(encoding="utf-8"))
PURPOSES = json.loads((DATA / "field_meaning_purposes.json").read_text(encoding="utf-8"))
EXAMPLES = [
    pytest.param(group, example, id=f"{group['purpose'].split(':')[0]}-{example['name']}")
    for group in PURPOSES
    for example in group["examples"]
]
ANSWERS = {
    "a title": lambda name, schema: is_title(name),
    "a text": lambda name, schema: is_text(name),
    "a limit of a listing": lambda name, schema: is_limit_name(name) if schema["type"] == "integer" else False,
    "a person": lambda name, schema: describes_person(name, {"phone": {}, "email": {}}),
    "who made a thing": names_maker,
    "a moment that has passed": lambda name, schema: has_passed(decide_field_meaning(name, schema)),
    "what is searched for": is_query,
    "a way to another page": is_page_token,
    "an identifier": lambda name, schema: is_id(name),
}
"""Questions that have a function, by the beginning of their purpose."""
ANSWERED_OTHERWISE = {
    ("a limit of a listing", "count"): "an argument that is only called count limits",
    ("a way to another page", "page"): "the number of a page is counted up by whoever calls",
    ("an identifier", "type_key"): "only the schema tells that it is a choice",
    ("an identifier", "issue_number"): "people say it, and a service need not give it",
}


def describe_schema(schema: dict) -> str:
    words = [schema.get("type", ""), schema.get("format", ""), "enum" if {"enum", "const"} & schema.keys() else ""]
    return "-".join(str(word) for word in words if word)


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


@pytest.mark.parametrize("place", sorted({place for group in PURPOSES for place in group["gone"]}))
def test_no_module_has_a_list_of_its_own(place):
    module, _, constant = place.rpartition(".")
    assert not hasattr(import_module(module if module == "seeded_damage" else f"funcdex_assets.{module}"), constant)


@pytest.mark.parametrize(("group", "example"), EXAMPLES)
def test_the_meaning_gives_the_right_answer(group, example):
    meaning = decide_field_meaning(example["name"], example["schema"])
    assert meaning == FieldMeaning(**example["meaning"])
    facts = asdict(meaning)
    assert all(facts[facet] in fitting for facet, fitting in group["means"].items()) == example["right"]


@pytest.mark.parametrize(
    ("question", "example"),
    [
        pytest.param(question, example, id=f"{question}-{example['name']}")
        for question in ANSWERS
        for group in PURPOSES
        if group["purpose"].split(":")[0] == question
        for example in group["examples"]
    ],
)
def test_who_asks_by_a_function_gets_the_same_answer(question, example):
    is_exception = (question, example["name"]) in ANSWERED_OTHERWISE
    assert ANSWERS[question](example["name"], example["schema"]) == (example["right"] != is_exception)


@pytest.mark.parametrize("case", [case for case in CASES if is_id(case["name"])], ids=lambda case: case["name"])
def test_what_is_called_an_identifier_is_one(case):
    assert case["meaning"]["role"] in ("identifier", "choice")


def test_a_meaning_is_decided_once_for_all_places_of_a_field():
    schema = {"type": "string", "format": "date-time", "description": "When it began."}
    schema_elsewhere = {**schema, "description": "Elsewhere.", "examples": ["2026-01-01T00:00:00Z"]}
    assert decide_field_meaning("started_at", schema) is decide_field_meaning("started_at", schema_elsewhere)
