"""What a field's meaning is told by: a declaration, the schema, the name, the description, or nothing."""

from typing import get_args

import pytest

from funcdex_assets.records.declared_meaning import Phase
from funcdex_assets.semantics import vocabulary
from funcdex_assets.semantics.field_meaning import FieldMeaning, decide_field_meaning, decide_value_meaning

TEXT = {"type": "string"}


@pytest.mark.parametrize(
    ("name", "schema", "role", "certainty"),
    [
        pytest.param("until", {**TEXT, "x-meaning": "title"}, "title", "declared", id="declared-role"),
        pytest.param("due_on", {**TEXT, "format": "date"}, "moment", "schema", id="format"),
        pytest.param("sticky", {"type": "boolean"}, "flag", "schema", id="type"),
        pytest.param("value", {**TEXT, "examples": ["ann@example.com", "bo@x.org"]}, "email", "schema", id="examples"),
        pytest.param("value", {**TEXT, "examples": ["ann@example.com", "Bo"]}, "other", "guess", id="mixed-examples"),
        pytest.param("slot", {**TEXT, "examples": ["2026-03-01T09:30:00Z"]}, "moment", "schema", id="example-moment"),
        pytest.param("slot", {**TEXT, "pattern": r"^\d{4}-\d{2}-\d{2}$"}, "moment", "schema", id="pattern-of-a-day"),
        pytest.param("mark", {**TEXT, "pattern": "^.+$"}, "other", "guess", id="pattern-that-takes-all"),
        pytest.param("mark", {**TEXT, "pattern": "(?<a"}, "other", "guess", id="pattern-that-python-cannot-read"),
        pytest.param("target", {**TEXT, "pattern": "^https://"}, "link", "schema", id="pattern-of-a-link"),
        pytest.param("due_on", TEXT, "moment", "name", id="name"),
        pytest.param("subject", {**TEXT, "examples": ["ann@example.com"]}, "title", "name", id="name-before-examples"),
        pytest.param("target", {**TEXT, "description": "The ID of the thread."}, "identifier", "description", id="id"),
        pytest.param("value", {**TEXT, "description": "E-mail address to add."}, "email", "description", id="address"),
        pytest.param(
            "upto",
            {"type": "integer", "description": "Maximum number of rows to return."},
            "limit",
            "description",
            id="limit",
        ),
        pytest.param("value", {**TEXT, "description": "Something."}, "other", "guess", id="nothing-tells"),
        pytest.param("job_title", {**TEXT, "description": "Title of the job."}, "other", "name", id="told-to-be-other"),
    ],
)
def test_a_role_is_told_by(name, schema, role, certainty):
    meaning = decide_field_meaning(name, schema)
    assert (meaning.role, meaning.certainty) == (role, certainty)


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        pytest.param("moment", FieldMeaning("moment", bound="until"), id="role-alone-keeps-what-the-name-tells"),
        pytest.param({"role": "moment", "phase": "due"}, FieldMeaning("moment", phase="due"), id="phase"),
        pytest.param({"role": "duration", "unit": "min"}, FieldMeaning("duration", unit="min"), id="unit"),
        pytest.param({"role": "identifier", "noun": "thread"}, FieldMeaning("identifier", noun="thread"), id="noun"),
    ],
)
@pytest.mark.parametrize("is_list", [False, True])
def test_a_declaration_overrides(declared, expected, is_list):
    schema = {"type": "string", "x-meaning": declared}
    schema = {"type": "array", "items": schema} if is_list else schema
    assert decide_field_meaning("until", schema) == expected


def test_an_identifier_that_names_no_thing_has_the_noun_of_its_description_or_tool():
    described = {"type": "string", "description": "Identifier of the thread."}
    assert decide_field_meaning("id", described, tool_noun="message").noun == "thread"
    assert decide_field_meaning("id", TEXT, tool_noun="message").noun == "message"
    assert decide_field_meaning("thread_id", TEXT, tool_noun="message").noun == "thread"


def test_the_name_of_a_person_is_known_by_the_noun_of_the_tool():
    assert decide_field_meaning("name", TEXT, tool_noun="contact") == FieldMeaning("person", noun="contact")
    assert decide_field_meaning("name", TEXT, tool_noun="project") == FieldMeaning("title")


@pytest.mark.parametrize(
    ("name", "value", "role"),
    [
        pytest.param("start", "2026-03-01", "moment", id="day"),
        pytest.param("from", {"name": "Bo"}, "person", id="object"),
        pytest.param("cc", ["bo@example.com"], "person", id="list"),
        pytest.param("num_tasks", 3, "count", id="number"),
        pytest.param("done", True, "flag", id="flag"),
        pytest.param("due_on", None, "moment", id="nothing-yet"),
    ],
)
def test_a_value_tells_what_its_schema_would(name, value, role):
    assert decide_value_meaning(name, value).role == role


@pytest.mark.parametrize(
    ("name", "role"),
    [
        pytest.param("max_results", "limit", id="limit"),
        pytest.param("next_page", "page_token", id="page"),
        pytest.param("message_count", "count", id="count"),
        pytest.param("body", "text", id="text"),
    ],
)
def test_a_name_alone_may_tell(name, role):
    assert decide_field_meaning(name, {}).role == role


def test_a_declaration_may_use_every_phase():
    assert get_args(Phase) == tuple(vocabulary.PHASE_WORDS)
