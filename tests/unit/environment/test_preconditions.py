"""What a service refuses because of its state or a rule that a description states, and what it does not refuse."""

from datetime import timedelta
from typing import Any

import pytest
from offline import casts

from funcdex_assets.environment.world import RefusedError, World
from funcdex_assets.records.tool import Tool

HERE = casts("gmail", 1)[0].situation
TEXT = {"type": "string"}
MOMENT = {"type": "string", "format": "date-time"}
NOW = HERE.now


def tool(tool_name: str, description: str = "", returns: Any = None, toolkit: str = "shop", **parameters: Any) -> Tool:
    schema = {"type": "object", "properties": parameters}
    return Tool(toolkit, tool_name, description, schema, returns, source="test")


def thing(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def later(**kwargs: float) -> str:
    return (NOW + timedelta(**kwargs)).isoformat()


def refusal_of(world: World, called: Tool, arguments: dict[str, Any]) -> str | None:
    """The words in which the world refuses a call; None if it answers."""
    try:
        world.execute_call(called, arguments)
    except RefusedError as refused:
        return str(refused.content)
    return None


def world_that_knows(noun: str, *tools: Tool, **fields: Any) -> World:
    world = World(HERE, 3, tools=tools)
    world.remember_result(f"GET_{noun.upper()}", {"id": f"{noun}_1", **fields})
    return world


ITEM_ADDING = tool("ADD_INVOICE_ITEM", invoice_id=TEXT, amount={"type": "integer"})
INVOICE_MAKING = tool("CREATE_INVOICE", "Creates a draft invoice; items can be added to it until it is finalized.")
FINALIZING = tool("FINALIZE_INVOICE", "Finalizes a draft invoice, which can no longer be edited.", invoice_id=TEXT)
EDITING = tool("UPDATE_INVOICE", invoice_id=TEXT, memo=TEXT)
PAYING = tool("PAY_INVOICE", invoice_id=TEXT)
ALL = (ITEM_ADDING, INVOICE_MAKING, FINALIZING, EDITING, PAYING)


@pytest.mark.parametrize(
    ("called", "status", "is_refused"),
    [
        (FINALIZING, "draft", False),
        (FINALIZING, "open", True),
        (FINALIZING, "paid", True),
        (EDITING, "draft", False),
        (EDITING, "open", True),
        (ITEM_ADDING, "draft", False),
        (ITEM_ADDING, "paid", True),
        (PAYING, "open", False),
    ],
    ids=lambda value: value.name if isinstance(value, Tool) else str(value),
)
def test_a_state_forbids_what_the_descriptions_say(called, status, is_refused):
    world = world_that_knows("invoice", *ALL, status=status)
    refusal = refusal_of(world, called, {"invoice_id": "invoice_1"})
    assert (refusal is not None) == is_refused
    if refusal:
        assert "invoice_1" in refusal
        assert status in refusal


def test_nothing_is_refused_of_which_nothing_is_known():
    assert refusal_of(World(HERE, 3, tools=ALL), FINALIZING, {"invoice_id": "invoice_9"}) is None


def test_what_was_finalised_takes_no_more_items_and_is_not_finalised_again():
    world = World(HERE, 3, tools=ALL)
    assert refusal_of(world, ITEM_ADDING, {"invoice_id": "i7", "amount": 5}) is None
    assert refusal_of(world, FINALIZING, {"invoice_id": "i7"}) is None
    assert refusal_of(world, ITEM_ADDING, {"invoice_id": "i7", "amount": 5}) is not None
    assert refusal_of(world, FINALIZING, {"invoice_id": "i7"}) is not None
    assert refusal_of(world, PAYING, {"invoice_id": "i7"}) is None


def test_a_right_to_read_permits_no_change():
    share = tool("CREATE_EVENT", calendar_id=TEXT, title=TEXT)
    look = tool("LIST_EVENTS", calendar_id=TEXT)
    for role, is_refused in (("reader", True), ("owner", False)):
        world = world_that_knows("calendar", access_role=role)
        assert (refusal_of(world, share, {"calendar_id": "calendar_1", "title": "Lease"}) is not None) == is_refused
        assert refusal_of(world, look, {"calendar_id": "calendar_1"}) is None


def test_a_name_is_unique_where_that_is_said_and_taken_for_a_while_where_that_is_said():
    name = {"type": "string", "description": "Name of the template; unique."}
    make = tool("CREATE_TEMPLATE", returns=thing(id=TEXT, name=TEXT), name=name)
    delete = tool("DELETE_TEMPLATE", "Its name cannot be used again for 30 days.", template_id=TEXT)
    world = World(HERE, 3, tools=(make, delete))
    made = world.execute_call(make, {"name": "welcome"})
    assert "taken" in (refusal_of(world, make, {"name": "Welcome"}) or "")
    assert refusal_of(world, make, {"name": "farewell"}) is None
    world.execute_call(delete, {"template_id": made["id"]})
    assert "30 days" in (refusal_of(world, make, {"name": "welcome"}) or "")


def test_a_name_may_come_twice_where_nothing_is_said():
    make = tool("CREATE_TASK", returns=thing(id=TEXT, name=TEXT), name=TEXT)
    world = World(HERE, 3)
    assert [refusal_of(world, make, {"name": "Call"}) for _ in range(2)] == [None, None]


def test_what_can_be_used_once_is_used_once():
    redeem = tool("REDEEM_COUPON", "A coupon can be used only once.", coupon_code=TEXT, coupon_id=TEXT)
    world = World(HERE, 3)
    assert refusal_of(world, redeem, {"coupon_id": "c1"}) is None
    assert "already" in (refusal_of(world, redeem, {"coupon_id": "c1"}) or "")
    assert refusal_of(world, redeem, {"coupon_id": "c2"}) is None


@pytest.mark.parametrize(
    ("room", "start", "end", "is_refused"),
    [("r1", 1, 2, True), ("r1", 0.5, 1.5, True), ("r1", 2, 3, False), ("r2", 1, 2, False)],
    ids=["same time", "overlapping", "right after", "another room"],
)
def test_a_resource_is_booked_once_at_a_time(room, start, end, is_refused):
    book = tool("BOOK_ROOM", returns=thing(booking=thing(id=TEXT)), room_id=TEXT, start=MOMENT, end=MOMENT)
    make = tool("CREATE_BOOKING", returns=thing(id=TEXT), room_id=TEXT, start=MOMENT, end=MOMENT)
    for called in (book, make):
        world = World(HERE, 3)
        world.execute_call(called, {"room_id": "r1", "start": later(hours=1), "end": later(hours=2)})
        second = {"room_id": room, "start": later(hours=start), "end": later(hours=end)}
        assert (refusal_of(world, called, second) is not None) == is_refused


def test_a_calendar_takes_overlapping_events():
    make = tool("CREATE_EVENT", returns=thing(id=TEXT), calendar_id=TEXT, start=MOMENT, end=MOMENT)
    world, span = World(HERE, 3), {"calendar_id": "c1", "start": later(hours=1), "end": later(hours=2)}
    assert [refusal_of(world, make, span) for _ in range(2)] == [None, None]


TEMPLATE = tool(
    "SEND_TEMPLATE", "The only way to begin a conversation after 24 hours of silence.", to=TEXT, template_name=TEXT
)
WRITING = tool("SEND_TEXT", to=TEXT, body=TEXT)


@pytest.mark.parametrize(("hours", "is_refused"), [(2, False), (23, False), (30, True)])
def test_after_silence_only_the_stated_way_is_open(hours, is_refused):
    contact = {"name": "Ana", "phone": "+4911"}
    world = world_that_knows("conversation", TEMPLATE, WRITING, contact=contact, last_message_at=later(hours=-hours))
    assert (refusal_of(world, WRITING, {"to": "+4911", "body": "Hello"}) is not None) == is_refused
    assert refusal_of(world, TEMPLATE, {"to": "+4911", "template_name": "hello"}) is None
    assert refusal_of(world, WRITING, {"to": "+4922", "body": "Hello"}) is None


def test_a_quota_is_over_when_its_time_is():
    search = tool("SEARCH_SHOPS", "At most 2 requests in any 3 minutes.", query=TEXT)
    world = World(HERE, 3)
    refusals = [refusal_of(world, search, {"query": word}) for word in "abcdefghijklmn"]
    assert refusals[:2] == [None, None]
    assert any(refusal and "try again in" in refusal for refusal in refusals)
    assert None in refusals[2:]  # a call takes 20 seconds at least


@pytest.mark.parametrize(
    ("arguments", "is_refused"),
    [
        ({"ids": ["a", "b"]}, False),
        ({"ids": ["a", "b", "c"]}, True),
        ({"note": "x" * 10}, False),
        ({"note": "x" * 11}, True),
        ({"start": later(days=1), "end": later(days=7)}, False),
        ({"start": later(days=1), "end": later(days=9)}, True),
        ({"start": later(days=3), "end": later(days=2)}, True),
        ({"end": later(days=9)}, False),
        ({"due": later(hours=1)}, False),
        ({"due": later(hours=-1)}, True),
    ],
    ids=lambda value: str(value)[:40],
)
def test_stated_limits_of_arguments_hold(arguments, is_refused):
    limited = tool(
        "DO_IT",
        ids={"type": "array", "items": TEXT, "description": "At most two."},
        note=TEXT | {"description": "At most 10 characters."},
        start=MOMENT,
        end=MOMENT | {"description": "After its start, at most a week after its beginning."},
        due=MOMENT | {"description": "Must be in the future."},
    )
    assert (refusal_of(World(HERE, 3), limited, arguments) is not None) == is_refused


def test_what_lies_in_a_deleted_thing_goes_with_it_where_that_is_said():
    task = thing(id=TEXT, name=TEXT, project_id=TEXT)
    make = tool("CREATE_TASK", returns=task, project_id=TEXT, name=TEXT)
    look = tool("GET_TASK", returns=task, task_id=TEXT)
    for description, is_refused in (("Deletes a project with all its tasks.", True), ("Deletes a project.", False)):
        world = World(HERE, 3)
        made = world.execute_call(make, {"project_id": "p1", "name": "Call"})
        world.execute_call(tool("DELETE_PROJECT", description, project_id=TEXT), {"project_id": "p1"})
        assert (refusal_of(world, look, {"task_id": made["id"]}) is not None) == is_refused


def test_what_is_created_begins_in_the_stated_state():
    status = {"type": "string", "enum": ["open", "draft", "paid"]}
    make = tool("CREATE_INVOICE", "Creates a draft invoice.", returns=thing(id=TEXT, status=status))
    assert {World(HERE, seed).execute_call(make, {})["status"] for seed in range(5)} == {"draft"}


# ── conditions of the whole service ──────────────────────────────────────────────────────────

LISTING = tool("LIST_ORDERS", returns=thing(orders={"type": "array", "items": thing(id=TEXT)}))
OTHER = tool("LIST_COUPONS", returns=thing(coupons={"type": "array", "items": thing(id=TEXT)}))
ELSEWHERE = tool("LIST_NOTES", returns=thing(notes={"type": "array", "items": thing(id=TEXT)}), toolkit="notes")


def test_an_expired_sign_in_stops_all_calls_of_its_service_until_the_user_spoke():
    world = World(HERE, 3)
    world.answer_fault(LISTING, {}, "expired_auth")
    assert "401" in (refusal_of(world, OTHER, {}) or "") or "expired" in (refusal_of(world, OTHER, {}) or "")
    assert refusal_of(world, ELSEWHERE, {}) is None
    world.begin_user_turn()
    assert refusal_of(world, OTHER, {}) is None


def test_a_missing_right_stops_the_tool_for_the_thing_alone():
    look = tool("GET_ORDER", returns=thing(id=TEXT), order_id=TEXT)
    world = World(HERE, 3)
    world.answer_fault(look, {"order_id": "o1"}, "permission_denied")
    assert refusal_of(world, look, {"order_id": "o1"}) is not None
    assert refusal_of(world, look, {"order_id": "o2"}) is None
    assert refusal_of(world, LISTING, {}) is None


def test_a_limit_is_over_when_its_seconds_are_and_the_clock_moves_when_the_user_waits():
    stamp = tool("CREATE_NOTE", returns=thing(id=TEXT, created_at=MOMENT))
    for seed in range(20):
        world, waiting = World(HERE, seed), World(HERE, seed)
        content, _ = world.answer_fault(LISTING, {}, "rate_limit")
        waiting.answer_fault(LISTING, {}, "rate_limit")
        seconds = next(int(word) for word in str(content).replace("}", " ").replace(",", " ").split() if word.isdigit())
        for _ in range(4):
            if refusal_of(world, LISTING, {}) is None:
                break
        else:
            pytest.fail("the limit never ends")
        waiting.begin_user_turn()
        made = waiting.execute_call(stamp, {})
        assert made["created_at"] >= later(seconds=min(seconds, 60))[: len(made["created_at"])]


@pytest.mark.parametrize(
    ("arguments", "is_refused"),
    [
        ({"end": later(hours=2)}, False),
        ({"end": later(hours=1)}, True),
        ({"end": later(hours=0)}, True),
        ({"start": later(hours=-3), "end": later(hours=-2)}, False),
    ],
    ids=["later", "the same moment", "earlier", "with a new start"],
)
def test_a_new_end_is_held_against_the_known_start(arguments, is_refused):
    moving = tool("UPDATE_MEETING", meeting_id=TEXT, start=MOMENT, end={**MOMENT, "description": "After its start."})
    world = world_that_knows("meeting", moving, start=later(hours=1))
    assert (refusal_of(world, moving, {"meeting_id": "meeting_1", **arguments}) is not None) == is_refused


@pytest.mark.parametrize("verb", ["CREATE", "UPDATE"])
@pytest.mark.parametrize(("email", "is_refused"), [("ANA@x.io", True), ("eve@x.io", False), ("bo@x.io", None)])
def test_what_is_unique_is_compared_with_the_field_of_its_name(verb, email, is_refused):
    making = tool(f"{verb}_CLIENT", client_id=TEXT, email={"type": "string", "description": "Must be unique."})
    world = world_that_knows("client", making, email="ana@x.io")
    world.remember_result("GET_CLIENT", {"id": "client_2", "email": "bo@x.io"})
    named = {"client_id": "client_2"} if verb == "UPDATE" else {}
    expected = verb == "CREATE" if is_refused is None else is_refused  # its own address may stay
    assert (refusal_of(world, making, {**named, "email": email}) is not None) == expected
