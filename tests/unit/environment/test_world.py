"""What the world returns: valid results that echo the call, remember, and agree with one another."""

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from offline import casts, played, shipped_tools, tools_of

from funcdex_assets.environment.world import World
from funcdex_assets.language.lexicon import build_person
from funcdex_assets.language.spoken_values import parse_moment
from funcdex_assets.planning.arguments import assemble_arguments, plan_arguments
from funcdex_assets.records.tool import Binding, ChainStep, Tool
from funcdex_assets.schema.leaves import walk_leaves
from funcdex_assets.schema.validation import compile_validator, find_violations
from funcdex_assets.tool_graph.graph import find_needed_ids

HERE = casts("gmail", 1)[0].situation
SEEDS = range(8)
TEXT = {"type": "string"}
WHEN = {"type": "string", "format": "date-time"}
MAIL = {"type": "string", "format": "email"}
COUNT = {"type": "integer", "minimum": 0}
LIKELY = ("x7k2m9q4", 7, True, "a@b.io", "https://x.io/a", "1b4e28ba-2fa1-41d2-883f-0016d3cca427")


def obj(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def many(**properties: Any) -> dict[str, Any]:
    return {"type": "array", "items": obj(**properties)}


def tool(name: str, returns: Any) -> Tool:
    return Tool(toolkit="t", name=name, description="d", parameters={"type": "object"}, returns=returns, source="test")


def worlds() -> Iterator[World]:
    for seed in SEEDS:
        yield World(HERE, seed)


TICKET = obj(id=TEXT, title=TEXT, status=TEXT, owner_email=MAIL, created_at=WHEN)
LIST_TICKETS = tool("LIST_TICKETS", obj(tickets={"type": "array", "items": TICKET}, total=COUNT))
GET_TICKET = tool("GET_TICKET", obj(ticket=TICKET))
CREATE_TICKET = tool("CREATE_TICKET", obj(ticket=TICKET))
UPDATE_TICKET = tool("UPDATE_TICKET", obj(ticket=TICKET))


def some_arguments(wanted: Tool, seed: int) -> dict[str, Any]:
    bindings = tuple(Binding(argument=path, step=0, result="/id", kind="id") for path in find_needed_ids(wanted))
    planned = plan_arguments(wanted, ChainStep(tool=wanted.name, bindings=bindings), HERE, Random(seed))
    schemas = {leaf.path: leaf.schema for leaf in walk_leaves(wanted.parameters)}
    taken = {
        one.argument: next(
            option
            for schema in [schemas["/".join("*" if step.isdigit() else step for step in one.argument.split("/"))]]
            for option in (*schema.get("examples", ()), *LIKELY)
            if compile_validator(schema).is_valid(option)
        )
        for one in planned
        if one.source == "result"
    }
    return assemble_arguments(planned, taken)


# ── valid and deterministic ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("wanted", shipped_tools(), ids=lambda wanted: f"{wanted.toolkit}.{wanted.name}")
def test_results_of_shipped_tools_are_valid(wanted):
    for seed in SEEDS:
        result = World(HERE, seed).execute_call(wanted, some_arguments(wanted, seed), frozenset())
        assert find_violations(wanted.returns, result) == []


def test_results_of_whole_conversations_are_valid():
    checked = 0
    for partition in ("gmail", "jira", "stripe", "gmail_googledrive"):
        for one in played(partition, 12):
            for message in one.conversation.messages:
                if message.result and not message.result.error:  # of errors, see test_faults
                    returns = one.cast.tools[message.result.name].returns
                    assert find_violations(returns, message.result.content) == [], f"{one} {message.result.name}"
                    checked += 1
    assert checked > 100


def test_the_same_seed_gives_the_same_results_and_another_seed_others():
    def session(seed: int) -> list[Any]:
        world = World(HERE, seed)
        return [world.execute_call(one, {"query": "roof"}) for one in (LIST_TICKETS, CREATE_TICKET, GET_TICKET)]

    assert session(1) == session(1)
    assert session(1) != session(2)


# ── the call is echoed ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("wanted", "arguments", "place"),
    [
        pytest.param(CREATE_TICKET, {"title": "Gym roof"}, ("ticket", "title"), id="what is created has its title"),
        pytest.param(UPDATE_TICKET, {"ticket_id": "T7", "status": "closed"}, ("ticket", "status"), id="what changes"),
        pytest.param(GET_TICKET, {"ticket_id": "T7"}, ("ticket", "id"), id="what is asked for by id has that id"),
        pytest.param(
            tool("CREATE_MEETING", obj(id=TEXT, summary=TEXT)),
            {"title": "Gym roof"},
            ("summary",),
            id="by another name",
        ),
        pytest.param(
            tool("CREATE_MEETING", obj(meeting=obj(id=TEXT, startTime=WHEN))),
            {"start_time": "2026-01-05T09:00:00+01:00"},
            ("meeting", "startTime"),
            id="in another spelling",
        ),
        pytest.param(
            tool("CREATE_MEETING", obj(meeting=obj(id=TEXT, tags={"type": "array", "items": TEXT}))),
            {"tags": ["a", "b"]},
            ("meeting", "tags"),
            id="a whole list",
        ),
        pytest.param(
            tool("ASSIGN_TICKET", obj(ticket_id=TEXT, assignee=obj(account_id=TEXT, name=TEXT))),
            {"ticket_id": "T7", "account_id": "acc_5"},
            ("assignee", "account_id"),
            id="the person to whom it is assigned",
        ),
    ],
)
def test_arguments_are_echoed(wanted, arguments, place):
    (said,) = [value for key, value in arguments.items() if key != "ticket_id" or len(arguments) == 1]
    for world in worlds():
        found = world.execute_call(wanted, arguments)
        for step in place:
            found = found[step]
        assert found == said


def test_an_argument_that_does_not_fit_the_result_is_not_echoed():
    meeting = tool("CREATE_MEETING", obj(id=TEXT, title={"type": "string", "maxLength": 5}))
    for world in worlds():
        assert len(world.execute_call(meeting, {"title": "Gym roof snow load"})["title"]) <= 5


# ── what is known stays so ────────────────────────────────────────────────────────────────────


def test_the_same_id_gives_the_same_fields_later():
    for world in worlds():
        made = world.execute_call(CREATE_TICKET, {"title": "Gym roof"})["ticket"]
        assert world.execute_call(GET_TICKET, {"ticket_id": made["id"]})["ticket"] == made
        assert world.execute_call(GET_TICKET, {"ticket_id": made["id"]})["ticket"] == made


def test_what_was_listed_is_found_by_its_id():
    for world in worlds():
        for listed in world.execute_call(LIST_TICKETS, {})["tickets"]:
            assert world.execute_call(GET_TICKET, {"ticket_id": listed["id"]})["ticket"] == listed


def test_another_id_is_another_thing():
    for world in worlds():
        one = world.execute_call(CREATE_TICKET, {"title": "Gym roof"})["ticket"]
        other = world.execute_call(CREATE_TICKET, {"title": "Gym roof"})["ticket"]
        assert one["id"] != other["id"]


def test_a_change_is_remembered_and_changes_nothing_else():
    for world in worlds():
        made = world.execute_call(CREATE_TICKET, {"title": "Gym roof"})["ticket"]
        changed = world.execute_call(UPDATE_TICKET, {"ticket_id": made["id"], "title": "Snow load"})["ticket"]
        assert changed["title"] == "Snow load"
        assert {**changed, "title": "", "status": ""} == {**made, "title": "", "status": ""}
        assert world.execute_call(GET_TICKET, {"ticket_id": made["id"]})["ticket"] == changed


def test_what_was_made_is_listed_later():
    for world in worlds():
        made = world.execute_call(CREATE_TICKET, {"title": "Gym roof"})["ticket"]
        listed = world.execute_call(LIST_TICKETS, {})["tickets"]
        assert made in listed


def test_a_search_that_does_not_fit_does_not_find_it():
    for world in worlds():
        made = world.execute_call(CREATE_TICKET, {"title": "Gym roof"})["ticket"]
        listed = world.execute_call(LIST_TICKETS, {"query": "harbour crane"})["tickets"]
        assert made["id"] not in [one["id"] for one in listed]


def test_only_the_asked_parents_children_are_listed():
    listing = tool("LIST_TICKETS", obj(tickets=many(id=TEXT, project_id=TEXT, title=TEXT)))
    for world in worlds():
        ours = world.execute_call(listing, {"project_id": "ours"})["tickets"]
        theirs = world.execute_call(listing, {"project_id": "theirs"})["tickets"]
        assert {one["project_id"] for one in ours} == {"ours"}
        assert {one["project_id"] for one in theirs} == {"theirs"}
        assert not {one["id"] for one in ours} & {one["id"] for one in theirs}


# ── people, counts, pages ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("wanted", "arguments"),
    [
        pytest.param(
            tool("CREATE_MEETING", obj(id=TEXT, attendees=many(email=MAIL, name=TEXT))),
            {"attendees": ["ana.lima@x.io", "bo.lind@x.io"]},
            id="attendees",
        ),
        pytest.param(
            tool("SEND_EMAIL", obj(id=TEXT, to=many(email=MAIL, name=TEXT))),
            {"recipients": [{"email": "ana.lima@x.io"}, {"email": "bo.lind@x.io"}]},
            id="recipients given as objects",
        ),
    ],
)
def test_people_who_were_addressed_appear_under_their_names(wanted, arguments):
    for world in worlds():
        result = world.execute_call(wanted, arguments)
        people = result.get("attendees") or result["to"]
        assert [(one["email"], one["name"]) for one in people] == [
            ("ana.lima@x.io", "Ana Lima"),
            ("bo.lind@x.io", "Bo Lind"),
        ]


def test_a_look_up_by_address_finds_that_person():
    find = tool("FIND_CUSTOMER", obj(customers=many(id=TEXT, email=MAIL, name=TEXT)))
    for world in worlds():
        first, *_ = world.execute_call(find, {"email": "ana.lima@x.io"})["customers"]
        assert (first["email"], first["name"]) == ("ana.lima@x.io", "Ana Lima")


PERSON = {"name": TEXT, "email": MAIL}


@pytest.mark.parametrize(
    ("wanted", "people"),
    [
        pytest.param(
            tool("LIST_CONTACTS", obj(contacts=many(id=TEXT, **PERSON))), lambda found: found["contacts"], id="a list"
        ),
        pytest.param(
            tool("GET_TICKET", obj(ticket=obj(id=TEXT, assignee=obj(**PERSON)))),
            lambda found: [found["ticket"]["assignee"]],
            id="an object named after a part that people play",
        ),
        pytest.param(
            tool("GET_TICKET", obj(ticket=obj(id=TEXT, lead=obj(display_name=TEXT, email_address=MAIL)))),
            lambda found: [
                {"name": lead["display_name"], "email": lead["email_address"]} for lead in [found["ticket"]["lead"]]
            ],
            id="an object with another name, known by its fields",
        ),
        pytest.param(
            tool("LIST_GRANTS", obj(grants=many(id=TEXT, emailAddress=MAIL, displayName=TEXT))),
            lambda found: [{"name": one["displayName"], "email": one["emailAddress"]} for one in found["grants"]],
            id="the same in a list, in another spelling",
        ),
    ],
)
def test_a_name_and_the_address_beside_it_are_one_persons(wanted, people):
    for world in worlds():
        for one in people(world.execute_call(wanted, {})):
            assert build_person(one["name"], one["email"].partition("@")[2]).email == one["email"]


def test_the_owner_of_what_is_made_is_the_user():
    meeting = tool("CREATE_MEETING", obj(id=TEXT, organizer=obj(email=MAIL, name=TEXT)))
    for world in worlds():
        organizer = world.execute_call(meeting, {"title": "Gym roof"})["organizer"]
        assert organizer == {"email": HERE.persona.email, "name": HERE.persona.name}


@pytest.mark.parametrize("name", ["total", "ticket_count", "total_results", "resultSizeEstimate"])
def test_counts_are_the_lengths_of_their_lists(name):
    listing = tool("LIST_TICKETS", obj(tickets=many(id=TEXT), **{name: COUNT}))
    for world in worlds():
        result = world.execute_call(listing, {})
        assert result[name] == len(result["tickets"])


def test_no_more_is_listed_than_was_asked_for():
    for world in worlds():
        assert len(world.execute_call(LIST_TICKETS, {"max_results": 1})["tickets"]) == 1
        assert len(world.execute_call(LIST_TICKETS, {"max_results": 50})["tickets"]) <= 50


def test_a_further_page_repeats_nothing():
    for world in worlds():
        ids = [one["id"] for one in world.execute_call(LIST_TICKETS, {})["tickets"]]
        ids += [one["id"] for one in world.execute_call(LIST_TICKETS, {"page_token": "p2"})["tickets"]]
        ids += [one["id"] for one in world.execute_call(LIST_TICKETS, {"page_token": "p3"})["tickets"]]
        assert len(ids) == len(set(ids))


def test_the_same_listing_again_shows_the_same_things():
    for world in worlds():
        first = world.execute_call(LIST_TICKETS, {})["tickets"]
        again = world.execute_call(LIST_TICKETS, {})["tickets"]
        assert {one["id"] for one in first} <= {one["id"] for one in again}


# ── what later calls need is there ────────────────────────────────────────────────────────────

OPTIONAL = tool(
    "LIST_TICKETS",
    {
        "type": "object",
        "properties": {
            "tickets": {"type": "array", "items": {"type": "object", "properties": {"id": TEXT, "link_id": TEXT}}},
            "next_page_token": TEXT,
        },
    },
)


@pytest.mark.parametrize(
    ("needed", "held"),
    [
        pytest.param("/tickets/*/link_id", lambda result: result["tickets"][0]["link_id"], id="an id in a list"),
        pytest.param("/next_page_token", lambda result: result["next_page_token"], id="a page token"),
    ],
)
def test_what_a_later_call_needs_is_always_there(needed, held):
    assert all(held(World(HERE, seed).execute_call(OPTIONAL, {}, frozenset([needed]))) for seed in range(30))


def test_what_was_asked_for_is_shown_though_optional_and_the_rest_of_it_in_some_worlds():
    results = [World(HERE, seed).execute_call(OPTIONAL, {"limit": 2}) for seed in range(30)]
    assert {"next_page_token" in result for result in results} == {True, False}
    assert {"tickets" in result for result in results} == {True}
    fields = [{key for ticket in result["tickets"] for key in ticket} for result in results]
    assert {len(keys) for keys in fields} != {len(set.union(*fields))}


def test_an_optional_field_is_shown_of_all_items_or_of_none():
    for seed in range(20):
        tickets = World(HERE, seed).execute_call(OPTIONAL, {"limit": 4})["tickets"]
        assert len({frozenset(ticket) for ticket in tickets}) == 1


# ── shape, time, matter ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "noun", "fields"),
    [
        pytest.param("FETCH_EMAILS", "emails", {"id", "subject", "from", "thread_id"}, id="mails"),
        pytest.param("FIND_FILE", "files", {"id", "name", "owner", "folder_id"}, id="files"),
        pytest.param("LIST_PARCELS", "parcels", {"id", "name", "status"}, id="whatever the name says"),
    ],
)
@pytest.mark.parametrize(
    "returns",
    [
        pytest.param({"type": "object"}, id="an open result"),
        pytest.param(None, id="no schema"),
        pytest.param({"type": "object", "properties": {"data": {"type": "object"}}, "required": ["data"]}, id="data"),
    ],
)
def test_an_opaque_result_gets_a_shape(name, noun, fields, returns):
    for world in worlds():
        result = world.execute_call(tool(name, returns), {})
        result = result.get("data", result)
        assert result[noun]
        assert all(fields <= item.keys() for item in result[noun])


def test_an_opaque_result_of_a_change_is_one_thing():
    for world in worlds():
        made = world.execute_call(tool("CREATE_PARCEL", {"type": "object"}), {"name": "Gym roof"})
        assert made["parcel"]["name"] == "Gym roof"


def test_an_object_that_is_a_map_stays_open():
    labels = {"type": "object", "additionalProperties": TEXT}
    for world in worlds():
        assert find_violations(labels, world.execute_call(tool("GET_LABELS", labels), {})) == []


def test_what_has_happened_is_past_and_what_is_due_is_to_come():
    job = tool("LIST_JOBS", obj(jobs=many(id=TEXT, created_at=WHEN, due_at=WHEN)))
    for world in worlds():
        for one in world.execute_call(job, {})["jobs"]:
            assert parse_moment({}, one["created_at"]) < HERE.now < parse_moment({}, one["due_at"])


def test_what_is_made_now_is_made_now_and_later_calls_are_later():
    for world in worlds():
        moments = [parse_moment({}, world.execute_call(CREATE_TICKET, {})["ticket"]["created_at"]) for _ in range(3)]
        assert HERE.now < moments[0] < moments[1] < moments[2]
        assert (moments[2] - HERE.now).total_seconds() < 600


def test_things_lie_in_the_window_that_was_asked_for():
    slots = tool("LIST_EVENTS", obj(events=many(id=TEXT, start=WHEN, end=WHEN)))
    low, high = "2030-01-07T08:00:00+00:00", "2030-01-11T18:00:00+00:00"
    for world in worlds():
        for one in world.execute_call(slots, {"time_min": low, "time_max": high})["events"]:
            start, end = parse_moment({}, one["start"]), parse_moment({}, one["end"])
            assert parse_moment({}, low) <= start <= parse_moment({}, high)
            assert start < end


def test_in_googlecalendar_an_event_ends_after_it_starts():
    tools = tools_of("googlecalendar")
    for world in worlds():
        for one in world.execute_call(tools["FIND_EVENT"], {"query": "roof"}, frozenset(["/events/*/id"]))["events"]:
            assert parse_moment({}, one["start"]["dateTime"]) < parse_moment({}, one["end"]["dateTime"])


def test_results_speak_of_the_users_matter():
    words = {word.lower() for word in HERE.matter.split() if len(word) > 3}
    titles = [one["title"] for world in worlds() for one in world.execute_call(LIST_TICKETS, {})["tickets"]]
    assert any(word in title.lower() for title in titles for word in words)


def test_a_search_finds_what_it_asks_for():
    for world in worlds():
        found = world.execute_call(LIST_TICKETS, {"query": "harbour crane inspection"})["tickets"]
        assert any("harbour crane inspection" in one["title"].lower() for one in found)


# ── the shipped services, end to end ──────────────────────────────────────────────────────────


def test_in_jira_an_issue_belongs_to_the_project_in_whose_name_it_is_numbered():
    tools = tools_of("jira")
    for world in worlds():
        made = world.execute_call(tools["CREATE_ISSUE"], {"project_key": "QVN", "summary": "Gym roof"})["issue"]
        assert made["issue_key"].startswith("QVN-")
        opened = world.execute_call(
            tools["GET_ISSUE"], {"issue_key": made["issue_key"]}, frozenset(["/issue/project_key"])
        )["issue"]
        assert opened["project_key"] == "QVN"
        assert opened["summary"] == "Gym roof"


def test_in_jira_the_account_that_is_assigned_is_the_one_in_the_answer():
    tools = tools_of("jira")
    for world in worlds():
        found = world.execute_call(
            tools["ASSIGN_ISSUE"],
            {"issue_key": "QVN-1", "account_id": "acc5"},
            frozenset(["/assignee/account_id"]),
        )
        assert found["assignee"]["account_id"] == "acc5"


def test_in_jira_one_account_is_one_person():
    tools = tools_of("jira")
    for world in worlds():
        names: dict[str, set[str]] = {}
        results = [world.execute_call(tools["LIST_PROJECTS"], {"query": "gym roof"})]
        results += [
            world.execute_call(tools[name], {"issue_key": "QVN-1"}) for name in ("GET_ISSUE", "LIST_ISSUE_COMMENTS")
        ]
        for one in people_in(results):
            names.setdefault(one["account_id"], set()).add(one["display_name"])
        assert {account for account, known in names.items() if len(known) > 1} == set()


def people_in(value: Any) -> Iterator[dict[str, Any]]:
    """Every object that names an account and its holder."""
    if isinstance(value, dict):
        if {"account_id", "display_name"} <= value.keys():
            yield value
        value = list(value.values())
    for part in value if isinstance(value, list) else ():
        yield from people_in(part)


PLACEHOLDERS = ("pat@example.com", "https://www.example.com/home", "your_name", "<token>")


@pytest.mark.parametrize("example", PLACEHOLDERS)
def test_no_result_has_an_example_that_is_a_placeholder(example):
    field = {"type": "string", "examples": [example]}
    address = {"type": "string", "format": "email", "examples": [example]}
    mooring = obj(mooring_id=field, website=field, label=field, contact=address, code={**field, "maxLength": 30})
    listing = tool("LIST_MOORINGS", obj(moorings={"type": "array", "items": mooring, "minItems": 1}))
    for world in worlds():
        assert example not in str(world.execute_call(listing, {}))
