"""The registry: whatever a document calls its tools, they come out legal, unique and proven."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from waiting import at_most_cpu_seconds

from funcdex_assets.catalog.drafts import Draft, Origin, Problem
from funcdex_assets.catalog.registry import LONGEST_DESCRIPTION, derive_legal_name, register_drafts

LEGAL = re.compile(r"[A-Za-z0-9_-]{1,64}")
NOTHING = {"type": "object", "properties": {}}
ORIGIN = Origin("acme", "acme.json", "MIT")


def draft(name="A", parameters=NOTHING, place="p", **more):
    return Draft(place, name, more.pop("description", ""), parameters, **more)


def register(*drafts):
    return list(register_drafts(drafts, ORIGIN))


@pytest.mark.parametrize(
    ("name", "legal"),
    [
        ("SEND_EMAIL", "SEND_EMAIL"),
        ("users/list.All (v2)", "users_list_All_v2"),
        ("../../etc/passwd", "etc_passwd"),
        ("  get  ", "get"),
        ("__x__", "x"),
        ("gmail.users.messages.list", "gmail_users_messages_list"),
    ],
)
def test_a_legal_name_is_near_to_the_original(name, legal):
    assert derive_legal_name(name) == legal


@given(st.text(max_size=200))
def test_every_name_becomes_legal(name):
    assert LEGAL.fullmatch(derive_legal_name(name))


def test_long_names_that_differ_at_the_end_stay_different():
    assert derive_legal_name("a" * 80 + "x") != derive_legal_name("a" * 80 + "y")


def test_each_name_is_there_once_and_the_original_is_kept():
    tools = register(draft("a.b", place="1"), draft("a/b", place="2"), draft("a_b", place="3"), draft("a b", place="3"))
    names = [tool.name for tool in tools]
    assert names[0] == "a_b"
    assert len(set(names)) == 4
    assert all(LEGAL.fullmatch(name) for name in names)
    assert [tool.original_name for tool in tools] == ["a.b", "a/b", "a_b", "a b"]


def test_a_name_that_is_legal_has_no_original():
    assert register(draft("a_b"))[0].original_name == ""


def test_a_second_name_does_not_depend_on_what_else_there_is():
    few = register(draft("a", place="1"), draft("a", place="2"))
    many = register(draft("a", place="1"), draft("b", place="9"), draft("a", place="2"))
    assert few[1].name == many[2].name


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        pytest.param({"type": "array"}, "its arguments have type 'array', not object", id="no object"),
        pytest.param({"properties": {}}, "its arguments have type None", id="no type"),
        pytest.param(
            {"type": "object", "properties": {}, "required": ["x"]}, "requires the argument 'x'", id="undeclared"
        ),
        pytest.param(
            {"type": "object", "properties": {"x": {"type": "wat"}}}, "not a valid JSON Schema", id="no such type"
        ),
        pytest.param(
            {"type": "object", "properties": {"x": {"$ref": "#/$defs/none"}}},
            "not a valid JSON Schema",
            id="loose $ref",
        ),
        pytest.param(
            {"type": "object", "properties": {"x": {"$ref": "https://example.org/x"}}}, "", id="a $ref elsewhere"
        ),
        pytest.param(
            {"type": "object", "properties": {"x": {"type": "string", "pattern": "("}}}, "not a valid", id="bad pattern"
        ),
        pytest.param({"type": "object", "properties": {"x": float("nan")}}, "", id="no JSON"),
    ],
)
def test_what_cannot_be_used_is_a_problem_with_its_place(parameters, said):
    (problem,) = register(draft(parameters=parameters, place="paths./x.get"))
    assert isinstance(problem, Problem)
    assert problem.lost
    assert problem.location == "paths./x.get"
    assert said in problem.reason


def test_a_bad_response_schema_costs_the_schema_only():
    problem, tool = register(draft(returns={"type": "wat"}))
    assert not problem.lost
    assert "response schema is left out" in problem.reason
    assert tool.returns is None


def test_problems_pass_and_bad_error_schemas_are_dropped():
    noted = Problem("x", "because")
    first, tool = register(noted, draft(errors={"404": NOTHING, "500": {"type": "wat"}}))
    assert first is noted
    assert tool.errors == {"404": NOTHING}
    assert (tool.toolkit, tool.source, tool.licence) == ("acme", "acme.json", "MIT")


def test_a_huge_description_is_cut_and_a_huge_schema_refused():
    wide = {"type": "object", "properties": {f"p{number}": {"type": "string"} for number in range(200_000)}}
    with at_most_cpu_seconds(30):
        tool, problem = register(draft(description="word " * 2_000_000), draft("B", wide))
        assert len(tool.description) <= LONGEST_DESCRIPTION
        assert "more than" in problem.reason
