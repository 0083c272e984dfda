"""Calls that go wrong: errors that say what is wrong, in the shape of their service; empty results."""

import json
from typing import Any, get_args

import pytest
from offline import casts, shipped_tools

from funcdex_assets.environment.error_responses import can_be_empty
from funcdex_assets.environment.world import World
from funcdex_assets.records.labels import Fault
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.validation import find_violations

HERE = casts("gmail", 1)[0].situation
FAULTS = [fault for fault in get_args(Fault) if fault != "empty_result"]
CODES = {
    "not_found": 404,
    "invalid_argument": 400,
    "permission_denied": 403,
    "expired_auth": 401,
    "rate_limit": 429,
    "conflict": 409,
    "timeout": 504,
}
TEXT = {"type": "string"}


def tool(name: str, returns: Any = None, toolkit: str = "t", errors: Any = None) -> Tool:
    return Tool(
        toolkit=toolkit,
        name=name,
        description="d",
        parameters={"type": "object"},
        returns=returns,
        errors=errors,
        source="test",
    )


def told(content: Any) -> str:
    return json.dumps(content)


GET = tool("GET_TICKET")
SEVEN = {"ticket_id": "T77001", "title": "Gym roof"}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("toolkit", ["gmail", "jira", "calendly", "todoist", "somebody_elses"])
def test_an_error_has_its_code_and_a_message(toolkit, fault):
    content, error = World(HERE, 1).answer_fault(tool("GET_TICKET", toolkit=toolkit), SEVEN, fault, "/ticket_id")
    assert error
    assert isinstance(content, dict)
    assert str(CODES[fault]) in told(content)


@pytest.mark.parametrize(
    ("fault", "about", "said"),
    [
        pytest.param("not_found", "/ticket_id", "ticket 'T77001'", id="the thing"),
        pytest.param("not_found", "", "T77001", id="the thing, though not said which"),
        pytest.param("invalid_argument", "/title", "title", id="the argument"),
        pytest.param("invalid_argument", "/title", "Gym roof", id="its value"),
        pytest.param("permission_denied", "/ticket_id", "T77001", id="what is forbidden"),
        pytest.param("permission_denied", "GET_TICKET", "GET_TICKET|get ticket", id="the tool, where all of it is"),
        pytest.param("conflict", "/title", "A ticket with title 'Gym roof' already exists", id="what is there already"),
        pytest.param("expired_auth", "", "sign in|expired|authorised", id="that the session is over"),
        pytest.param("timeout", "", "seconds", id="how long it took"),
    ],
)
def test_the_message_is_specific(fault, about, said):
    for seed in range(8):
        content, _ = World(HERE, seed).answer_fault(GET, SEVEN, fault, about)
        text = told(content).lower().replace("id 't", "'t").replace(" with ", " ").replace("found: ", "")
        wanted = [part.lower().replace(" with ", " ") for part in said.split("|")]
        assert any(part in text or all(word in text for word in part.split()) for part in wanted), content


def test_a_closed_tool_says_nothing_of_the_thing_that_another_may_show():
    for seed in range(20):
        content, error = World(HERE, seed).answer_fault(GET, SEVEN, "permission_denied", "GET_TICKET")
        assert error
        assert "T77001" not in told(content)
        assert "this ticket" not in told(content)


def test_a_rate_limit_says_the_same_seconds_in_the_message_and_beside_it():
    for seed in range(8):
        content, _ = World(HERE, seed).answer_fault(tool("GET_TICKET", toolkit="todoist"), SEVEN, "rate_limit")
        assert f" {content['retry_after']} seconds" in content["message"]


def test_one_toolkit_has_one_shape_and_others_have_others():
    def shape(toolkit: str, name: str, fault: Fault) -> tuple[str, ...]:
        return tuple(World(HERE, 1).answer_fault(tool(name, toolkit=toolkit), SEVEN, fault)[0])

    assert shape("gmail", "GET_A", "conflict") == shape("gmail", "LIST_B", "timeout") == ("error",)
    assert len({shape(toolkit, "GET_A", "conflict") for toolkit in ("gmail", "jira", "calendly", "todoist")}) == 4
    assert len({shape(f"toolkit {number}", "GET_A", "conflict") for number in range(20)}) == 4


OWN = {
    "type": "object",
    "properties": {"code": {"type": "integer"}, "message": TEXT, "kind": {"enum": ["NotFound", "Other"]}},
    "required": ["code", "kind"],
    "additionalProperties": False,
}


@pytest.mark.parametrize("key", ["404", "ResourceNotFoundException", "4XX", "default"])
def test_a_tools_own_error_schema_is_obeyed(key):
    own = tool("GET_TICKET", errors={key: OWN})
    content, error = World(HERE, 1).answer_fault(own, SEVEN, "not_found", "/ticket_id")
    assert error
    assert find_violations(OWN, content) == []
    assert content["code"] == 404
    assert "T77001" in content["message"]


def test_an_error_schema_of_another_error_is_not_used():
    own = tool("GET_TICKET", errors={"429": OWN}, toolkit="gmail")
    content, _ = World(HERE, 1).answer_fault(own, SEVEN, "not_found", "/ticket_id")
    assert content["error"]["code"] == 404


def test_a_failing_call_changes_no_thing_and_fails_the_same_way_again():
    create = tool("CREATE_TICKET", {"type": "object", "properties": {"id": TEXT}, "required": ["id"]})
    with_faults, without = World(HERE, 5), World(HERE, 5)
    told = [with_faults.answer_fault(GET, SEVEN, fault) for fault in FAULTS]
    assert [with_faults.answer_fault(GET, SEVEN, fault) for fault in FAULTS] == told
    with_faults.begin_user_turn()
    made, made_without = (world.execute_call(create, {}) for world in (with_faults, without))
    assert made["id"] == made_without["id"]


# ── nothing found ─────────────────────────────────────────────────────────────────────────────

EMPTIES = [one for one in shipped_tools() if can_be_empty(one)]


def test_many_shipped_listings_can_be_empty():
    assert {"FETCH_EMAILS", "LIST_THREADS", "LIST_EVENTS", "FIND_FILE", "SEARCH_ISSUES"} <= {
        one.name for one in EMPTIES
    }
    assert len(EMPTIES) > 30


@pytest.mark.parametrize("wanted", EMPTIES, ids=lambda wanted: f"{wanted.toolkit}.{wanted.name}")
def test_an_empty_result_is_valid_and_has_no_items(wanted):
    world = World(HERE, 3)
    before = world.hash_state()
    content, error = world.answer_fault(wanted, {}, "empty_result")
    assert not error
    assert find_violations(wanted.returns, content) == []
    assert [] in content.values() or [] in content.get("data", {}).values()
    counts = [value for key, value in content.items() if "total" in key or "estimate" in key]
    assert set(counts) <= {0}
    assert not any("token" in key or "cursor" in key or key == "next_page" for key in content)
    assert world.hash_state() == before


@pytest.mark.parametrize(
    ("name", "returns", "can"),
    [
        pytest.param("LIST_TICKETS", None, True, id="a listing of unknown shape"),
        pytest.param("GET_TICKET", None, False, id="no listing"),
        pytest.param(
            "LIST_TICKETS",
            {
                "type": "object",
                "properties": {"tickets": {"type": "array", "items": {"type": "object"}, "minItems": 1}},
            },
            False,
            id="at least one must be there",
        ),
        pytest.param(
            "LIST_TICKETS",
            {
                "type": "object",
                "properties": {
                    "tickets": {"type": "array", "items": {"type": "object", "properties": {"id": TEXT}}},
                    "count": {"type": "integer", "minimum": 1},
                },
                "required": ["tickets", "count"],
            },
            False,
            id="the count cannot be nothing",
        ),
        pytest.param("LIST_TICKETS", {"type": "array", "items": {"type": "object"}}, True, id="the list itself"),
    ],
)
def test_whether_a_result_can_be_empty(name, returns, can):
    wanted = tool(name, returns)
    assert can_be_empty(wanted) == can
    if can:
        content, _ = World(HERE, 1).answer_fault(wanted, {}, "empty_result")
        assert content == [] or [] in content.values()
    else:
        with pytest.raises(ValueError, match="cannot have an empty result"):
            World(HERE, 1).answer_fault(wanted, {}, "empty_result")
