"""Which faults a call permits, by its tool's name and by what the user tells in it."""

from collections import Counter
from random import Random
from typing import Any, get_args

import pytest

from funcdex_assets.planning.failures import (
    CallSurroundings,
    PossibleFailure,
    draw_failure,
    list_mistaken_arguments,
    list_possible_failures,
)
from funcdex_assets.planning.turns import DraftCall
from funcdex_assets.records.labels import Fault
from funcdex_assets.records.plan import PlannedArgument
from funcdex_assets.records.tool import Tool

TEXT = {"type": "string"}
MAIL = {"type": "string", "format": "email"}
DAY = {"type": "string", "format": "date"}
WHEN = {"type": "string", "format": "date-time"}
COUNT = {"type": "integer"}
EVEN: dict[Fault, float] = dict.fromkeys(get_args(Fault), 1.0)
THING = {"type": "object", "properties": {"id": TEXT}, "required": ["id"]}
FOUND = {"type": "object", "properties": {"things": {"type": "array", "items": THING}}, "required": ["things"]}
NEVER_EMPTY = {
    "type": "object",
    "properties": {"things": {"type": "array", "items": THING, "minItems": 1}},
    "required": ["things"],
}
ALWAYS: set[tuple[str, str]] = {
    ("rate_limit", "remedy"),
    ("expired_auth", "remedy"),
    ("permission_denied", "remedy"),
}


def tool(name: str, returns: Any = None, /, **properties: Any) -> Tool:
    parameters = {"type": "object", "properties": properties}
    return Tool(toolkit="t", name=name, description="d", parameters=parameters, returns=returns, source="test")


def told(name: str, value: Any, surface: str = "", withheld: bool = False) -> PlannedArgument:
    return PlannedArgument(
        argument=f"/{name}", source="user", value=value, surface=surface or str(value), withheld=withheld
    )


TAKEN = PlannedArgument(argument="/thing_id", source="result", step=0, result="/things/*/id")


def mishaps(wanted: Tool, arguments: tuple[Any, ...], others: list[tuple[Any, ...]], is_last: bool = False) -> set[Any]:
    """All that ever happens, as (fault, recovery)."""
    call = DraftCall(wanted.name, arguments, 0)
    found = {(one.fault, one.recovery) for one in drawn(call, wanted, others, is_last, EVEN, 400)}
    assert call.arguments == arguments  # nothing is changed by looking
    return found


def drawn(call: DraftCall, wanted: Tool, others: Any, is_last: bool, weights: Any, times: int) -> list[PossibleFailure]:
    options = [(call, mishap) for mishap in list_possible_failures(call, wanted, others, is_last)]
    found = [draw_failure(options, weights, Random(seed)) for seed in range(times)]
    return [mishap for _, mishap in filter(None, found)]


def test_the_fault_is_drawn_before_the_call():
    """So that one which few calls permit comes as often as its weight says."""
    sending, searching = tool("SEND_NOTE", body=TEXT), tool("SEARCH_NOTES", FOUND, query=TEXT)
    asked, other = told("query", "gym"), told("query", "roof")
    calls = [DraftCall(sending.name, (), place) for place in range(9)]
    options = [(call, mishap) for call in calls for mishap in list_possible_failures(call, sending, [], False)]
    search = DraftCall(searching.name, (asked,), 9)
    options += [(search, mishap) for mishap in list_possible_failures(search, searching, [(other,)], False)]
    found = [drawn_ for seed in range(600) if (drawn_ := draw_failure(options, EVEN, Random(seed)))]
    empty = [call for call, mishap in found if mishap.fault == "empty_result"]
    assert set(empty) == {search}
    assert 600 / len({mishap.fault for _, mishap in options}) * 0.7 < len(empty)


@pytest.mark.parametrize(
    ("wanted", "argument", "other", "permits"),
    [
        pytest.param(tool("CREATE_NOTE", body=TEXT), told("body", "Hi"), told("body", "Ho"), set(), id="a text"),
        pytest.param(tool("SEARCH_NOTES", FOUND, query=TEXT), told("query", "gym"), told("query", "roof"),
                     {"timeout", "empty_result"}, id="a search finds nothing"),
        pytest.param(tool("SEARCH_NOTES", NEVER_EMPTY, query=TEXT), told("query", "gym"), told("query", "roof"),
                     {"timeout"}, id="a search that always finds something"),
        pytest.param(tool("CREATE_NOTES", FOUND, query=TEXT), told("query", "gym"), told("query", "roof"),
                     set(), id="query words, and no search"),
        pytest.param(tool("CREATE_TASK", due=DAY), told("due", "2025-01-02", "2 January"),
                     told("due", "2025-02-03", "3 February"), set(), id="a date that the schema allows"),
        pytest.param(tool("CREATE_EVENT", start=WHEN), told("start", "2025-01-02T10:00:00Z", "2 January at 10"),
                     told("start", "2025-02-03T11:00:00Z", "3 February at 11"), set(),
                     id="two things may begin at the same time"),
        pytest.param(tool("CREATE_PRICE", amount=COUNT), told("amount", 7), told("amount", 90), set(),
                     id="an amount that the schema allows"),
        pytest.param(tool("LIST_NOTES", FOUND, limit=COUNT), told("limit", 7), told("limit", 90), {"timeout"},
                     id="a limit is not"),
        pytest.param(tool("CREATE_FOLDER", name=TEXT), told("name", "Gym"), told("name", "Roof"), set(),
                     id="two things may have the same name"),
        pytest.param(tool("DELETE_FOLDER", name=TEXT), told("name", "Gym"), told("name", "Roof"), {"not_found"},
                     id="a name is unknown"),
        pytest.param(tool("GET_CONTACT", email=MAIL), told("email", "zora.lang@b.io"), told("email", "c@d.io"),
                     {"timeout", "not_found"}, id="a slip in an address that is looked up"),
        pytest.param(tool("CREATE_TASK", assignee=MAIL), told("assignee", "zora.lang@b.io"), told("assignee", "c@d.io"),
                     {"not_found"}, id="a slip in the address of somebody who is given work"),
        pytest.param(tool("GET_FOLDER", name=TEXT), told("name", "Gym"), told("name", "Roof"), {"timeout", "not_found"},
                     id="a name is looked up"),
        pytest.param(tool("UPDATE_FOLDER", name=TEXT), told("name", "Gym"), told("name", "Roof"), set(),
                     id="a new name need not be there"),
        pytest.param(tool("CREATE_ISSUE", name={"enum": ["Gym", "Roof"], "type": "string"}), told("name", "Gym"),
                     told("name", "Roof"), set(), id="a choice is neither"),
        pytest.param(tool("SEND_EMAIL", to=MAIL), told("to", "a@b.io"), told("to", "c@d.io"),
                     set(), id="a letter can be sent to any address"),
        pytest.param(tool("CREATE_CONTACT", to=MAIL), told("to", "a@b.io"), told("to", "c@d.io"),
                     set(), id="what is created need not be there"),
    ],
)  # fmt: skip
def test_what_a_service_may_have_against_a_value(wanted, argument, other, permits):
    """Beside what can happen to every call; each is made good by another value."""
    found = mishaps(wanted, (argument,), [(other,)])
    assert found >= ALWAYS
    more = found - ALWAYS
    assert {fault for fault, _ in more} == permits
    assert {recovery for fault, recovery in more if fault != "timeout"} <= {"remedy"}
    assert {recovery for fault, recovery in more if fault == "timeout"} <= {"retry"}


@pytest.mark.parametrize(
    ("name", "arguments", "is_last", "more"),
    [
        pytest.param("LIST_NOTES", (), False, {("timeout", "retry")}, id="what only reads is repeated after a timeout"),
        pytest.param("GET_NOTE", (TAKEN,), False, {("timeout", "retry")}, id="another that reads"),
        pytest.param("DELETE_NOTE", (TAKEN,), False, set(), id="what changes something is not"),
        pytest.param("CREATE_NOTE", (), True, {("permission_denied", "dropped")}, id="the last can be given up"),
        pytest.param("DELETE_NOTE", (TAKEN,), True, {("permission_denied", "dropped")},
                     id="what was found before is not gone"),
    ],
)  # fmt: skip
def test_what_can_happen_whatever_the_user_tells(name, arguments, is_last, more):
    assert mishaps(tool(name), arguments, [], is_last) == ALWAYS | more


def around(*earlier: DraftCall, at_once: tuple[DraftCall, ...] = (), **name_paths: str) -> CallSurroundings:
    return CallSurroundings(earlier, at_once, at_once, name_paths)


TAKEN_BEFORE = PlannedArgument(argument="/note_id", source="result", step=0, result="/things/*/id")


@pytest.mark.parametrize(
    ("name", "surroundings", "missing"),
    [
        pytest.param("DELETE_NOTE", around(), set(), id="a call by itself"),
        pytest.param("DELETE_NOTE", around(at_once=(DraftCall("OPEN_FOLDER", (), 7),)), {"expired_auth"},
                     id="a sign-in expires for all calls that are made at once"),
        pytest.param("DELETE_NOTE", around(at_once=(DraftCall("DELETE_NOTE", (), 7),)),
                     {"expired_auth", "permission_denied", "rate_limit"},
                     id="nor are rights missing for one of two alike, nor does a limit stop the first of them"),
        pytest.param("DELETE_NOTE", around(DraftCall("DELETE_NOTE", (), 7)), {"permission_denied"},
                     id="what was allowed before stays allowed"),
        pytest.param("DELETE_NOTE", around(DraftCall("CREATE_THING", (), 0)), {"permission_denied"},
                     id="one's own new thing is never closed to one"),
        pytest.param("DELETE_NOTE", around(DraftCall("UPDATE_THING", (TAKEN_BEFORE,), 3)), {"permission_denied"},
                     id="nor a thing that was just changed"),
        pytest.param("DELETE_NOTE", around(DraftCall("GET_THING", (TAKEN_BEFORE,), 3)), set(),
                     id="a thing that was only read may be closed to changes"),
        pytest.param("LIST_MY_NOTES", around(), {"permission_denied"}, id="what is the user's own by its tool's name"),
    ],
)  # fmt: skip
def test_the_calls_around_a_call_tell_what_cannot_happen_to_it(name, surroundings, missing):
    options = list_possible_failures(DraftCall(name, (TAKEN,), 9), tool(name), [], True, surroundings)
    found = {option.fault for option in options} - {"timeout"}
    assert {"rate_limit", "expired_auth", "permission_denied"} - found == missing


def test_a_slip_in_an_address_is_made_good_by_the_same_persons_address():
    call = DraftCall("GET_CONTACT", (told("email", "zora.lang@b.io"),), 0)
    options = list_possible_failures(call, tool("GET_CONTACT", email=MAIL), [(told("email", "c@d.io"),)], False)
    (slip,) = [option.arguments[0].value for option in options if option.fault == "not_found"]
    assert slip == "zora.lagn@b.io"


@pytest.mark.parametrize(
    ("description", "name_paths", "expected"),
    [
        pytest.param("Name of the label; unique within the box.", {"LIST_LABELS": "/labels/*/name"}, True, id="unique"),
        pytest.param("Name of the label.", {"LIST_LABELS": "/labels/*/name"}, False, id="two may have the same name"),
        pytest.param("Name of the label; unique.", {}, False, id="no name was shown"),
        pytest.param("Name of the label; unique.", {"LIST_BOXES": "/boxes/*/name"}, False, id="names of other things"),
    ],
)
def test_a_name_is_taken_only_where_names_are_unique_and_one_was_shown(description, name_paths, expected):
    creating = tool("CREATE_LABEL", name={"type": "string", "description": description})
    listed = [DraftCall(name, (), index) for index, name in enumerate(("LIST_LABELS", "LIST_BOXES"))]
    options = list_possible_failures(
        DraftCall("CREATE_LABEL", (told("name", "Gym"),), 2), creating, [], True, around(*listed, **name_paths)
    )
    conflicts = [option for option in options if option.fault == "conflict"]
    assert bool(conflicts) == expected
    for option in conflicts:
        assert (option.arguments[0].source, option.arguments[0].step) == ("result", 0)
        assert option.arguments[0].result == "/labels/*/name"


@pytest.mark.parametrize(
    ("argument", "other"),
    [
        pytest.param(told("name", "Gym"), told("name", "Gym"), id="the same value"),
        pytest.param(told("name", "Gym"), told("name", "Gym Roof"), id="one within the other"),
        pytest.param(told("name", "Gym Roof"), told("name", "Gym"), id="the other within the one"),
        pytest.param(told("name", "gym roof"), told("name", "The Gym Roof"), id="however it is spelt"),
        pytest.param(told("name", "Gym"), told("title", "Roof"), id="another argument"),
        pytest.param(told("name", "Gym", withheld=True), told("name", "Roof"), id="not told at first"),
        pytest.param(told("name/0", "Gym"), told("name/0", "Roof"), id="one of a list"),
        pytest.param(TAKEN, told("thing_id", "Roof"), id="what comes from a result"),
    ],
)
def test_a_value_is_not_replaced_by_one_that_could_be_taken_for_it(argument, other):
    wanted = tool("LIST_FOLDERS", FOUND, name=TEXT)
    assert list(list_mistaken_arguments(DraftCall(wanted.name, (argument,), 0), wanted, [(other,)])) == []
    assert {fault for fault, _ in mishaps(wanted, (argument,), [(other,)])} <= {fault for fault, _ in ALWAYS} | {
        "timeout"
    }


def test_nor_by_one_that_the_call_has_elsewhere():
    wanted = tool("LIST_FOLDERS", FOUND, name=TEXT, owner=TEXT)
    call = DraftCall(wanted.name, (told("name", "Gym"), told("owner", "Roof")), 0)
    assert list(list_mistaken_arguments(call, wanted, [(told("name", "Roof"),)])) == []
    assert len(list(list_mistaken_arguments(call, wanted, [(told("name", "Pool"),)]))) == 1


def test_a_yes_or_no_is_no_amount():
    wanted = tool("CREATE_PRICE", paid=COUNT)
    assert mishaps(wanted, (told("paid", True),), [(told("paid", False),)]) == ALWAYS


def test_the_first_other_value_that_differs_is_taken_and_nothing_else_changes():
    wanted = tool("LIST_FOLDERS", FOUND, name=TEXT, limit=COUNT)
    call = DraftCall(wanted.name, (told("limit", 5), told("name", "Gym")), 0)
    others = [(told("name", "Gym Roof"),), (told("name", "Pool"), told("limit", 9)), (told("name", "Barn"),)]
    (arguments,) = list_mistaken_arguments(call, wanted, others)  # a limit is not what people correct
    assert arguments == (told("limit", 5), told("name", "Pool"))


@pytest.mark.parametrize("name", ["CREATE_FOLDER", "DELETE_FOLDER", "UPDATE_FOLDER", "SEND_FOLDER"])
def test_only_searches_and_look_ups_are_meant_otherwise(name):
    call = DraftCall(name, (told("name", "Gym"),), 0)
    assert list(list_mistaken_arguments(call, tool(name, name=TEXT), [(told("name", "Roof"),)])) == []


def test_faults_are_drawn_by_weight_and_one_without_weight_never():
    wanted = tool("DELETE_FOLDER", name=TEXT)
    call = DraftCall(wanted.name, (told("name", "Gym"),), 0)
    weights = {"rate_limit": 3.0, "not_found": 1.0, "timeout": 5.0}
    found = Counter(one.fault for one in drawn(call, wanted, [(told("name", "Roof"),)], False, weights, 600))
    assert set(found) == {"rate_limit", "not_found"}  # it does not read, so no time-out
    assert 2 < found["rate_limit"] / found["not_found"] < 4.5
    assert drawn(call, wanted, [], False, {"not_found": 1.0, "empty_result": 1.0}, 20) == []
    assert drawn(call, wanted, [], False, {}, 20) == []


def test_a_call_fails_with_the_value_that_is_at_fault_and_else_with_its_own():
    wanted = tool("DELETE_FOLDER", name=TEXT)
    call = DraftCall(wanted.name, (told("name", "Gym"),), 0)
    for one in drawn(call, wanted, [(told("name", "Roof"),)], True, EVEN, 200):
        values = [argument.value for argument in one.arguments]
        assert values == (["Roof"] if one.fault == "not_found" else ["Gym"])
