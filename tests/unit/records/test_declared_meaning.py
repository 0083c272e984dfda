"""What is wrong with an `x-meaning`, and that nothing written for models has one."""

import pytest

from funcdex_assets.records.declared_meaning import find_declaration_flaw, without_declared_meanings
from funcdex_assets.records.openai_messages import to_openai_tools
from funcdex_assets.records.tool import Tool


def declare(meaning):
    return {"type": "object", "properties": {"tasks": {"type": "array", "items": {"properties": {"until": meaning}}}}}


@pytest.mark.parametrize(
    "declared",
    ["title", {"role": "moment"}, {"role": "moment", "phase": "due", "bound": "until", "noun": "task", "unit": "min"}],
    ids=str,
)
def test_a_good_declaration(declared):
    assert find_declaration_flaw(declare({"type": "string", "x-meaning": declared})) == ""


@pytest.mark.parametrize(
    ("declared", "reason"),
    [
        pytest.param("momnt", "the role 'momnt' is none of identifier, page_token", id="unknown-role"),
        pytest.param({"role": "moment", "phase": "late"}, "the phase 'late' is none of created, ", id="unknown-phase"),
        pytest.param({"role": "moment", "bound": "to"}, "the bound 'to' is none of from, until", id="unknown-bound"),
        pytest.param({"role": "moment", "when": "due"}, "'when' is none of role, noun, phase", id="unknown-facet"),
        pytest.param({"role": ["moment"]}, "its role must be a text", id="no-text"),
        pytest.param({"phase": "due"}, "it has no role", id="no-role"),
        pytest.param(["moment"], "it must be a role or a mapping", id="list"),
        pytest.param("", "the role '' is none of identifier", id="empty"),
    ],
)
def test_a_bad_declaration_is_told_with_its_field_and_what_is_allowed(declared, reason):
    flaw = find_declaration_flaw(declare({"type": "string", "x-meaning": declared}))
    assert flaw.startswith(f"the field 'tasks/until' has the x-meaning {declared!r}: {reason}")


def test_definitions_and_alternatives_are_looked_through():
    wrong = {"x-meaning": "momnt"}
    assert find_declaration_flaw({"$defs": {"day": wrong}}) != ""
    assert find_declaration_flaw({"properties": {"day": {"anyOf": [{"type": "null"}, wrong]}}}) != ""


def test_models_do_not_see_declarations():
    schema = declare({"anyOf": [{"type": "string", "x-meaning": "title"}, {"type": "null"}], "x-meaning": "title"})
    (definition,) = to_openai_tools([Tool("tasks", "LIST_TASKS", "", schema, None, "")])
    plain = declare({"anyOf": [{"type": "string"}, {"type": "null"}]})
    assert definition["function"]["parameters"] == plain == without_declared_meanings(schema)
    assert without_declared_meanings(plain) is plain


def test_an_argument_of_that_name_stays():
    schema = {"type": "object", "properties": {"x-meaning": {"type": "string"}}, "required": ["x-meaning"]}
    assert without_declared_meanings(schema) is schema
    assert find_declaration_flaw(schema) == ""
