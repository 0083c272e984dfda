"""Which arguments people say, as far as the document tells."""

import pytest

from funcdex_assets.semantics.sayable_arguments import is_sayable

TEXT = {"type": "string"}


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        ("account_type", {"enum": ["checking", "savings"]}),
        ("mode", {"enum": ["heat", "cool"]}),
        ("card_last_four", {"type": "string", "description": "The last four digits of the card"}),
        ("temperature", {"type": "integer"}),
        ("payee", TEXT),
        ("enabled", {"type": "boolean"}),
        ("address", {"type": "object", "properties": {"city": TEXT}}),
        ("order_id", TEXT),  # a result gives it
        ("next_cursor", TEXT),  # the page before gives it
        ("query", {"type": "string", "examples": ["from:bo@fiberlake.com subject:{roof}"]}),
    ],
)
def test_what_people_say_or_a_result_gives(name, schema):
    assert is_sayable(name, schema, schema)


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        pytest.param("idempotency_key", TEXT, id="by its name"),
        pytest.param("tag", {**TEXT, "description": "Opaque value that is handed back."}, id="by its description"),
        pytest.param("old_name", {**TEXT, "deprecated": True}, id="deprecated"),
        pytest.param("picture", {**TEXT, "format": "byte"}, id="bytes"),
        pytest.param("version", {"const": "v1"}, id="a constant"),
        pytest.param("unit", {"enum": ["metric"]}, id="one value only"),
        pytest.param("extra", {"type": "object"}, id="an object of unknown fields"),
        pytest.param("filter", {**TEXT, "examples": ["status={open|closed}"]}, id="an example in code"),
        pytest.param("rules", {"type": "array", "items": {"examples": ["RRULE:FREQ=DAILY"]}}, id="a list of code"),
    ],
)
def test_what_only_programs_care_about(name, schema):
    assert not is_sayable(name, schema, schema)


def test_a_reference_is_followed():
    root = {"$defs": {"unit": {"enum": ["metric"]}}}
    assert not is_sayable("unit", {"$ref": "#/$defs/unit"}, root)
