"""The world as a service with a state: made, found, changed, linked, paged, deleted."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from offline import casts, tools_of

from funcdex_assets.environment.call_intent import DEFAULT_PAGE_SIZE
from funcdex_assets.environment.world import RefusedError, World
from funcdex_assets.language.spoken_values import parse_moment
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.validation import find_violations

HERE = casts("gmail", 1)[0].situation
TEXT = {"type": "string"}
WHEN = {"type": "string", "format": "date-time"}
MAIL = {"type": "string", "format": "email"}
COUNT = {"type": "integer", "minimum": 0}
FLAG = {"type": "boolean"}
STATUS = {"type": "string", "enum": ["open", "waiting", "closed"]}


def obj(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def many(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def optional(schema: dict[str, Any], *names: str) -> dict[str, Any]:
    return {**schema, "required": [name for name in schema["required"] if name not in names]}


def tool(name: str, returns: Any) -> Tool:
    return Tool(toolkit="t", name=name, description="d", parameters={"type": "object"}, returns=returns, source="test")


TICKET = obj(
    id=TEXT,
    title=TEXT,
    status=STATUS,
    priority={"type": "integer", "minimum": 1, "maximum": 4},
    labels=many(TEXT),
    assignee=obj(name=TEXT, email=MAIL),
    project_id=TEXT,
    comment_count=COUNT,
    created_at=WHEN,
    updated_at=WHEN,
)
PAGE = optional(obj(tickets=many(TICKET), total=COUNT, next_page_token=TEXT), "next_page_token")
LIST = tool("LIST_TICKETS", PAGE)
SEARCH = tool("SEARCH_TICKETS", PAGE)
GET = tool("GET_TICKET", obj(ticket=TICKET))
CREATE = tool("CREATE_TICKET", obj(ticket=TICKET))
UPDATE = tool("UPDATE_TICKET", obj(ticket=TICKET))
DELETE = tool("DELETE_TICKET", obj(ticket_id=TEXT, deleted=FLAG))
CLOSE = tool("CLOSE_TICKET", obj(ticket=obj(id=TEXT, status=STATUS)))
COMMENT = tool("POST_COMMENT", obj(comment=obj(id=TEXT, ticket_id=TEXT, content=TEXT, created_at=WHEN)))
COMMENTS = tool("LIST_COMMENTS", obj(ticket_id=TEXT, comments=many(obj(id=TEXT, content=TEXT, created_at=WHEN))))
SERVICE = (LIST, SEARCH, GET, CREATE, UPDATE, DELETE, CLOSE, COMMENT, COMMENTS)
SEEDS = range(12)


def worlds() -> Iterator[World]:
    for seed in SEEDS:
        yield World(HERE, seed)


def ids(result: Any) -> list[str]:
    (items,) = [part for part in result.values() if isinstance(part, list)]
    return [item.get("id") or item["ticket_id"] for item in items]


def tickets(world: World, **arguments: Any) -> list[dict[str, Any]]:
    return world.execute_call(LIST, arguments)["tickets"]


# ── the life of a thing ───────────────────────────────────────────────────────────────────────


def test_the_life_of_a_ticket():
    for world in worlds():
        made = world.execute_call(CREATE, {"title": "Gym roof", "priority": 2, "project_id": "P77001"})["ticket"]
        assert (made["title"], made["priority"], made["project_id"]) == ("Gym roof", 2, "P77001")
        assert made in tickets(world)
        assert made["id"] in ids(world.execute_call(SEARCH, {"query": "gym roof"}))
        assert world.execute_call(GET, {"ticket_id": made["id"]})["ticket"] == made

        changed = world.execute_call(UPDATE, {"ticket_id": made["id"], "priority": 4})["ticket"]
        assert {key for key in made if made[key] != changed[key]} == {"priority", "updated_at"}
        assert parse_moment({}, changed["updated_at"]) > parse_moment({}, made["updated_at"])
        assert world.execute_call(GET, {"ticket_id": made["id"]})["ticket"] == changed
        assert changed in tickets(world)

        assert world.execute_call(DELETE, {"ticket_id": made["id"]}) == {"ticket_id": made["id"], "deleted": True}
        assert made["id"] not in ids(world.execute_call(LIST, {}))
        assert made["id"] not in ids(world.execute_call(SEARCH, {"query": "gym roof"}))
        for gone in (GET, UPDATE, DELETE, CLOSE, COMMENT, COMMENTS):
            with pytest.raises(RefusedError, match=r"(?i)not found|no ticket"):
                world.execute_call(gone, {"ticket_id": made["id"]})


SHIPPED = {
    "todoist": (
        "todoist",
        ("CREATE_TASK", {"content": "Send the revised quote", "due_date": "2031-04-02", "priority": 3}),
        ("/task", "id"),
        [("LIST_TASKS", {}, "tasks"), ("LIST_TASKS", {"query": "revised quote"}, "tasks")],
        ("GET_TASK", "task_id"),
        ("RESCHEDULE_TASK", {"due_date": "2031-04-09"}),
    ),
    "drive": (
        "googledrive",
        ("CREATE_FILE_FROM_TEXT", {"file_name": "Kiln log.txt", "text_content": "x", "mime_type": "text/plain"}),
        ("/file", "id"),
        [("FIND_FILE", {"q": "name contains 'Kiln log'"}, "files")],
        ("GET_FILE_METADATA", "fileId"),
        ("UPDATE_FILE", {"name": "Kiln log 2.txt"}),
    ),
    "calendar": (
        "googlecalendar",
        (
            "CREATE_EVENT",
            {
                "summary": "Kiln review",
                "start": {"dateTime": "2031-04-02T09:00:00+02:00"},
                "end": {"dateTime": "2031-04-02T10:00:00+02:00"},
            },
        ),
        ("/event", "id"),
        [("LIST_EVENTS", {}, "events"), ("FIND_EVENT", {"query": "kiln review"}, "events")],
        ("GET_EVENT", "event_id"),
        ("PATCH_EVENT", {"summary": "Kiln review, moved"}),
    ),
    "jira": (
        "jira",
        ("CREATE_ISSUE", {"project_key": "QVN", "summary": "Kiln too hot", "issue_type": "Bug"}),
        ("/issue", "issue_key"),
        [("SEARCH_ISSUES", {"jql": "summary ~ 'Kiln too hot'"}, "issues")],
        ("GET_ISSUE", "issue_key"),
        None,
    ),
}


@pytest.mark.parametrize("life", SHIPPED.values(), ids=SHIPPED.keys())
def test_in_shipped_toolkits_what_was_made_is_found_the_same_and_changed(life):
    toolkit, (create, arguments), (place, key), listings, (get, naming), update = life
    tools = tools_of(toolkit)
    for world in worlds():
        made = world.execute_call(tools[create], arguments)[place[1:]]
        for listing, asked, name in listings:
            found = world.execute_call(tools[listing], asked, frozenset([f"/{name}/*/{key}"]))[name]
            (same,) = [one for one in found if one[key] == made[key]]
            assert {field: same[field] for field in same.keys() & made.keys()} == {
                field: made[field] for field in same.keys() & made.keys()
            }
        shown = world.execute_call(tools[get], {naming: made[key]}, frozenset([f"{place}/{key}"]))[place[1:]]
        assert all(shown[field] == made[field] for field in shown.keys() & made.keys())
        if update:
            verb, changes = update
            world.execute_call(tools[verb], {naming: made[key], **changes})
            (field, value), *_ = changes.items()
            later = world.execute_call(tools[get], {naming: made[key]}, frozenset([f"{place}/{field}"]))[place[1:]]
            assert later[field] == value
            assert all(later[name] == shown[name] for name in later.keys() & shown.keys() - {field, "modifiedTime"})


def test_in_gmail_a_draft_that_was_sent_is_a_message_and_no_draft():
    tools = tools_of("gmail")
    for world in worlds():
        draft = world.execute_call(
            tools["CREATE_EMAIL_DRAFT"], {"recipient_email": "ana.lima@x.io", "subject": "Kiln", "body": "Hot."}
        )["draft"]
        sent = world.execute_call(tools["SEND_DRAFT"], {"draft_id": draft["id"]})["message"]
        assert sent["subject"] == "Kiln"
        assert draft["id"] not in [one["id"] for one in world.execute_call(tools["LIST_DRAFTS"], {}).get("drafts", [])]
        found = world.execute_call(tools["FETCH_EMAILS"], {"query": "subject:Kiln"}, frozenset(["/messages/*/id"]))
        assert sent["id"] in [one["id"] for one in found["messages"]]
        with pytest.raises(RefusedError):
            world.execute_call(tools["SEND_DRAFT"], {"draft_id": draft["id"]})


# ── what a call told, where the result does not repeat it ─────────────────────────────────────


def test_what_a_terse_answer_does_not_repeat_is_known_all_the_same():
    terse = tool("CREATE_TICKET", obj(id=TEXT))
    for world in worlds():
        made = world.execute_call(terse, {"title": "Gym roof", "priority": 3})
        shown = world.execute_call(GET, {"ticket_id": made["id"]})["ticket"]
        assert (shown["title"], shown["priority"]) == ("Gym roof", 3)


def test_what_was_made_without_an_id_gets_one_when_it_is_listed():
    silent = tool("CREATE_TICKET", obj(ok=FLAG))
    for world in worlds():
        world.execute_call(silent, {"title": "Gym roof"})
        (listed,) = [one for one in tickets(world) if one["title"] == "Gym roof"]
        assert world.execute_call(GET, {"ticket_id": listed["id"]})["ticket"] == listed
        assert len([one for one in tickets(world) if one["title"] == "Gym roof"]) == 1


def test_a_terse_change_changes_what_is_shown_later():
    terse = tool("UPDATE_TICKET", obj(ok=FLAG))
    for world in worlds():
        made = world.execute_call(CREATE, {"title": "Gym roof"})["ticket"]
        world.execute_call(terse, {"ticket_id": made["id"], "title": "Snow load"})
        later = world.execute_call(GET, {"ticket_id": made["id"]})["ticket"]
        assert later["title"] == "Snow load"
        assert later["updated_at"] > made["updated_at"]


@pytest.mark.parametrize(
    ("verb", "field", "value"),
    [
        pytest.param("CLOSE_TICKET", "status", "closed", id="closed"),
        pytest.param("REOPEN_TICKET", "status", "open", id="opened again"),
        pytest.param("CLOSE_TICKET", "is_done", True, id="a flag"),
        pytest.param("REOPEN_TICKET", "is_done", False, id="a flag taken back"),
        pytest.param("ARCHIVE_TICKET", "archived", True, id="archived"),
    ],
)
def test_a_verb_moves_the_state_that_it_names(verb, field, value):
    whole = obj(id=TEXT, title=TEXT, status=STATUS, is_done=FLAG, archived=FLAG)
    for answer in (obj(ticket=whole), obj(ticket=obj(id=TEXT))):
        for world in worlds():
            before = world.execute_call(tool("GET_TICKET", obj(ticket=whole)), {"ticket_id": "T77001"})["ticket"]
            world.execute_call(tool(verb, answer), {"ticket_id": "T77001"})
            after = world.execute_call(tool("GET_TICKET", obj(ticket=whole)), {"ticket_id": "T77001"})["ticket"]
            assert after[field] == value
            assert after["title"] == before["title"]


# ── links, children, counts ───────────────────────────────────────────────────────────────────


def test_in_gmail_a_label_that_is_put_on_a_message_is_on_it():
    tools = tools_of("gmail")
    for world in worlds():
        label = world.execute_call(tools["CREATE_LABEL"], {"label_name": "Kilns"})["label"]
        (message, *_) = world.execute_call(
            tools["FETCH_EMAILS"], {}, frozenset(["/messages/*/id", "/messages/*/labels"])
        )["messages"]
        told = world.execute_call(tools["ADD_LABEL_TO_EMAIL"], {"message_id": message["id"], "label_id": label["id"]})
        opened = world.execute_call(
            tools["FETCH_MESSAGE_BY_MESSAGE_ID"], {"message_id": message["id"]}, frozenset(["/message/labels"])
        )["message"]
        if "labels" in told:
            assert opened["labels"] == told["labels"]
        assert {"Kilns", label["id"]} & set(opened["labels"])
        assert set(message["labels"]) <= set(opened["labels"])
        assert opened["subject"] == message["subject"]


def test_in_todoist_another_label_is_told_as_itself():
    tools = tools_of("todoist")
    for world in worlds():
        task = world.execute_call(tools["CREATE_TASK"], {"content": "Kiln"})["task"]
        for label in ("travel", "waiting", "travel"):
            told = world.execute_call(tools["ADD_TASK_LABEL"], {"task_id": task["id"], "label": label})
            assert told["label"] == label


def test_in_jira_no_two_issues_have_one_key():
    tools = tools_of("jira")
    for seed in range(60):
        world = World(HERE, seed, max_items=40)
        keys = [
            issue["issue_key"]
            for issue in world.execute_call(tools["SEARCH_ISSUES"], {"jql": "status = Open"})["issues"]
        ]
        keys.append(
            world.execute_call(tools["CREATE_ISSUE"], {"project_key": "MOB", "summary": "Kiln"})["issue"]["issue_key"]
        )
        assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(("page", "limit", "most"), [(4, None, 4), (12, None, 10), (12, 5, 5), (12, 50, 12)])
def test_a_listing_has_a_page_of_items_at_most_or_as_few_as_are_asked_for(page, limit, most):
    arguments = {} if limit is None else {"limit": limit}
    sizes = [len(ids(World(HERE, seed, page).execute_call(LIST, arguments))) for seed in range(80)]
    assert max(sizes) == most
    assert min(sizes) >= 1


def test_in_drive_a_person_with_whom_a_file_is_shared_is_among_its_permissions():
    tools = tools_of("googledrive")
    for world in worlds():
        file = world.execute_call(tools["CREATE_FILE_FROM_TEXT"], {"file_name": "Kiln.txt", "text_content": "x"})[
            "file"
        ]
        given = world.execute_call(
            tools["ADD_FILE_SHARING_PREFERENCE"],
            {"fileId": file["id"], "emailAddress": "ana.lima@x.io", "role": "writer", "type": "user"},
        )["permission"]
        held = world.execute_call(
            tools["LIST_PERMISSIONS"], {"fileId": file["id"]}, frozenset(["/permissions/*/emailAddress"])
        )["permissions"]
        (hers,) = [one for one in held if one["id"] == given["id"]]
        assert (hers["emailAddress"], hers["role"]) == ("ana.lima@x.io", "writer")
        world.execute_call(tools["DELETE_PERMISSION"], {"fileId": file["id"], "permissionId": given["id"]})
        left = world.execute_call(tools["LIST_PERMISSIONS"], {"fileId": file["id"]}).get("permissions", [])
        assert given["id"] not in [one["id"] for one in left]


def test_in_the_calendar_a_guest_who_was_removed_is_no_longer_invited():
    tools = tools_of("googlecalendar")
    for world in worlds():
        event = world.execute_call(
            tools["CREATE_EVENT"],
            {"summary": "Kiln review", "attendees": ["ana.lima@x.io", "bo.lind@x.io"]},
            frozenset(["/event/attendees"]),
        )["event"]
        gone = {"event_id": event["id"], "attendee_email": "ana.lima@x.io"}
        left = world.execute_call(tools["REMOVE_ATTENDEE"], gone, frozenset(["/event/attendees"]))["event"]
        assert [one["email"] for one in left["attendees"]] == ["bo.lind@x.io"]


def test_a_comment_belongs_to_its_ticket_and_counts_there():
    for world in worlds():
        made = world.execute_call(CREATE, {"title": "Gym roof"})["ticket"]
        before = world.execute_call(COMMENTS, {"ticket_id": made["id"]})
        said = world.execute_call(COMMENT, {"ticket_id": made["id"], "content": "Parts are late."})["comment"]
        after = world.execute_call(COMMENTS, {"ticket_id": made["id"]})
        assert set(ids(after)) == {*ids(before), said["id"]} or len(ids(after)) == 4
        assert said["id"] in ids(after)
        other = world.execute_call(CREATE, {"title": "Snow"})["ticket"]
        assert said["id"] not in ids(world.execute_call(COMMENTS, {"ticket_id": other["id"]}))
        assert (
            world.execute_call(GET, {"ticket_id": made["id"]})["ticket"]["comment_count"] == made["comment_count"] + 1
        )


def test_a_copy_is_like_what_it_was_made_of_and_both_are_there():
    copy = tool("COPY_TICKET", obj(ticket=TICKET))
    for world in worlds():
        made = world.execute_call(CREATE, {"title": "Gym roof", "priority": 3})["ticket"]
        copied = world.execute_call(copy, {"ticket_id": made["id"]})["ticket"]
        assert copied["id"] != made["id"]
        assert (copied["title"], copied["priority"]) == ("Gym roof", 3)
        assert {made["id"], copied["id"]} <= {one["id"] for one in tickets(world)}


# ── listings: pages, filters, order ───────────────────────────────────────────────────────────


def test_a_listing_pages_to_an_end_and_back():
    several = 0
    for world in worlds():
        first = world.execute_call(LIST, {"limit": 3})
        pages, seen = [first], set(ids(first))
        while token := pages[-1].get("next_page_token"):
            assert len(ids(pages[-1])) == 3  # only a full page is followed by another
            pages.append(world.execute_call(LIST, {"limit": 3, "page_token": token}))
            assert not seen & set(ids(pages[-1]))
            seen |= set(ids(pages[-1]))
            assert len(pages) < 9
        several += len(pages) > 1
        assert world.execute_call(LIST, {"limit": 3}) == first
        assert {page["total"] for page in pages} == {len(seen)}
    assert 0 < several < len(SEEDS)


def test_a_further_page_is_there_when_it_is_needed_and_has_no_end_where_it_is_not():
    for world in worlds():
        first = world.execute_call(LIST, {}, frozenset(["/next_page_token"]))
        second = world.execute_call(LIST, {"page_token": first["next_page_token"]}, frozenset(["/tickets/*/id"]))
        assert ids(second)
        assert not set(ids(first)) & set(ids(second))
        assert "next_page_token" not in second


@pytest.mark.parametrize(
    ("limit", "default", "size"),
    [
        pytest.param(2, 20, 2, id="as many as were asked for"),
        pytest.param(None, 3, 3, id="as many as the tool declares"),
        pytest.param(None, None, DEFAULT_PAGE_SIZE, id="as many as is usual"),
    ],
)
def test_a_page_that_is_followed_by_another_is_full(limit, default, size):
    parameters = {"limit": COUNT | ({} if default is None else {"default": default})}
    listing = Tool(
        toolkit="t", name="LIST_TICKETS", description="d", parameters=obj(**parameters), returns=PAGE, source="test"
    )
    arguments = {} if limit is None else {"limit": limit}
    for world in worlds():
        page = world.execute_call(listing, arguments, frozenset(["/next_page_token"]))
        assert len(ids(page)) == size
        last = world.execute_call(listing, arguments | {"page_token": page["next_page_token"]})
        assert "next_page_token" not in last
        assert page["total"] == last["total"] == size + len(ids(last))
    for seed in range(40):
        page = World(HERE, seed).execute_call(listing, arguments)
        assert "next_page_token" not in page or len(ids(page)) == size


def test_a_page_is_filled_up_from_the_next_when_something_of_it_is_deleted():
    for world in worlds():
        first = world.execute_call(LIST, {"limit": 2}, frozenset(["/next_page_token"]))
        second = world.execute_call(LIST, {"limit": 2, "page_token": first["next_page_token"]})
        world.execute_call(DELETE, {"ticket_id": ids(first)[0]})
        again = world.execute_call(LIST, {"limit": 2})
        assert set(ids(again)) == {ids(first)[1], ids(second)[0]}
        assert ("next_page_token" in again) == (len(ids(second)) > 1)


def test_a_change_elsewhere_does_not_turn_the_page():
    for world in worlds():
        first = world.execute_call(LIST, {}, frozenset(["/next_page_token"]))
        second = world.execute_call(LIST, {"page_token": first["next_page_token"]})
        world.execute_call(COMMENT, {"ticket_id": ids(first)[0], "content": "Parts are late."})
        again = world.execute_call(LIST, {})
        assert again["next_page_token"] == first["next_page_token"]
        assert ids(again) == ids(first)
        assert ids(world.execute_call(LIST, {"page_token": again["next_page_token"]})) == ids(second)


def test_has_more_says_whether_there_is_more():
    listing = tool("LIST_TICKETS", obj(data=many(TICKET), has_more=FLAG))
    told = [World(HERE, seed).execute_call(listing, {"limit": 2})["has_more"] for seed in range(40)]
    assert 0 < sum(told) < 20
    for world in worlds():
        page = world.execute_call(listing, {})
        if page["has_more"]:
            after = world.execute_call(listing, {"starting_after": ids(page)[-1]})
            assert not set(ids(after)) & set(ids(page))


@pytest.mark.parametrize(
    ("arguments", "holds"),
    [
        pytest.param({"status": "waiting"}, lambda one: one["status"] == "waiting", id="an enum"),
        pytest.param({"priority": 3}, lambda one: one["priority"] == 3, id="a number"),
        pytest.param({"label": "finance"}, lambda one: "finance" in one["labels"], id="a label among labels"),
        pytest.param({"labels": ["a", "b"]}, lambda one: {"a", "b"} <= set(one["labels"]), id="several labels"),
        pytest.param({"project_id": "P77001"}, lambda one: one["project_id"] == "P77001", id="a parent"),
        pytest.param(
            {"created_after": "2020-01-05T00:00:00+00:00", "created_before": "2020-01-09T00:00:00+00:00"},
            lambda one: "2020-01-04" < one["created_at"] < "2020-01-10",
            id="a span of dates",
        ),
    ],
)
def test_a_filter_holds_for_every_item(arguments, holds):
    for world in worlds():
        world.execute_call(CREATE, {"title": "Gym roof"})
        tickets(world)
        assert all(holds(one) for one in tickets(world, **arguments))


def test_a_filter_that_names_no_state_of_the_items_filters_nothing():
    for world in worlds():
        assert tickets(world, status="all")


def test_what_was_changed_moves_from_one_filtered_listing_to_the_other():
    for world in worlds():
        made = world.execute_call(CREATE, {"title": "Gym roof", "status": "open"})["ticket"]
        assert made["id"] in [one["id"] for one in tickets(world, status="open")]
        world.execute_call(CLOSE, {"ticket_id": made["id"]})
        assert made["id"] not in [one["id"] for one in tickets(world, status="open")]
        assert made["id"] in [one["id"] for one in tickets(world, status="closed")]


@pytest.mark.parametrize(
    ("arguments", "field", "downwards"),
    [
        pytest.param({"order_by": "title"}, "title", False, id="by title"),
        pytest.param({"order_by": "created_at desc"}, "created_at", True, id="newest first"),
        pytest.param({"sort": "-priority"}, "priority", True, id="a minus"),
        pytest.param({"sort_by": "created_at", "sort_order": "asc"}, "created_at", False, id="direction apart"),
    ],
)
def test_a_listing_is_sorted_as_asked(arguments, field, downwards):
    for world in worlds():
        shown = [one[field] for one in tickets(world, **arguments)]
        shown = [one.lower() for one in shown] if field == "title" else shown
        assert shown == sorted(shown, reverse=downwards)


def test_a_listing_that_was_shown_whole_has_nothing_else_in_it():
    for world in worlds():
        whole = world.execute_call(LIST, {})
        if "next_page_token" not in whole:
            found = world.execute_call(LIST, {"status": "open"})
            assert set(ids(found)) == {one["id"] for one in whole["tickets"] if one["status"] == "open"}


def test_a_limit_limits_also_what_is_known():
    for world in worlds():
        for _ in range(3):
            world.execute_call(CREATE, {"title": "Gym roof"})
        page = world.execute_call(LIST, {"limit": 2})
        assert len(page["tickets"]) == 2
        assert len(world.execute_call(LIST, {"limit": 2, "page_token": page["next_page_token"]})["tickets"]) >= 1


def test_the_same_question_has_the_same_answer_until_something_changes():
    for world in worlds():
        asked = [
            (LIST, {}),
            (SEARCH, {"query": "roof"}),
            (GET, {"ticket_id": "T77001"}),
            (COMMENTS, {"ticket_id": "T77001"}),
        ]
        answers = [world.execute_call(*one) for one in asked]
        assert [world.execute_call(*one) for one in reversed(asked)] == answers[::-1]
        world.execute_call(CREATE, {"title": "Other"})
        assert world.execute_call(*asked[2]) == answers[2]
        assert set(ids(answers[0])) <= set(ids(world.execute_call(*asked[0]))) or len(answers[0]["tickets"]) == 4


# ── what later calls need ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("index", [0, 1, 2, 4])
def test_a_needed_item_is_there_with_an_id_of_its_own(index):
    listing = tool("LIST_TICKETS", {"type": "object", "properties": {"tickets": many(optional(TICKET, "id"))}})
    for world in worlds():
        shown = world.execute_call(listing, {}, frozenset([f"/tickets/{index}/id"]))["tickets"]
        named = [one["id"] for one in shown]
        assert len(named) > index
        assert all(named)
        assert len(set(named)) == len(named)


def test_a_needed_item_is_there_also_when_the_listing_was_shown_before():
    for world in worlds():
        first = ids(world.execute_call(LIST, {}))
        again = ids(world.execute_call(LIST, {}, frozenset(["/tickets/4/id"])))
        assert len(again) > 4
        assert set(first) <= set(again)


# ── any history ───────────────────────────────────────────────────────────────────────────────


class AnyHistory(RuleBasedStateMachine):
    """Whatever is done in whatever order: a model of plain dicts knows the same as the world."""

    made = Bundle("made")

    @initialize(seed=st.integers(0, 10_000))
    def begin(self, seed: int) -> None:
        self.world, self.seed = World(HERE, seed), seed
        self.known: dict[str, dict[str, Any]] = {}
        self.gone: set[str] = set()
        self.history: list[tuple[Tool, dict[str, Any]]] = []

    def run(self, wanted: Tool, arguments: dict[str, Any]) -> Any:
        self.history.append((wanted, arguments))
        result = self.world.execute_call(wanted, arguments)
        assert find_violations(wanted.returns, result) == []
        return result

    @rule(target=made, title=st.sampled_from(["Roof", "Kiln", "Snow load"]), priority=st.integers(1, 4))
    def create(self, title: str, priority: int) -> str:
        ticket = self.run(CREATE, {"title": title, "priority": priority})["ticket"]
        assert ticket["id"] not in self.known.keys() | self.gone
        assert (ticket["title"], ticket["priority"]) == (title, priority)
        self.known[ticket["id"]] = ticket
        return ticket["id"]

    @rule(identity=made, priority=st.integers(1, 4))
    def update(self, identity: str, priority: int) -> None:
        ticket = self.run(UPDATE, {"ticket_id": identity, "priority": priority})["ticket"]
        before = self.known[identity]
        same = ticket.keys() - {"priority", "updated_at"}
        assert {key: ticket[key] for key in same} == {key: before[key] for key in same}
        assert ticket["priority"] == priority
        self.known[identity] = ticket

    @rule(identity=consumes(made))
    def delete(self, identity: str) -> None:
        self.run(DELETE, {"ticket_id": identity})
        self.gone.add(identity)
        del self.known[identity]

    @rule(identity=made)
    def get(self, identity: str) -> None:
        assert self.run(GET, {"ticket_id": identity})["ticket"] == self.known[identity]

    @rule(arguments=st.sampled_from([{}, {"priority": 2}, {"query": "roof"}, {"status": "open"}, {"limit": 2}]))
    def list(self, arguments: dict[str, Any]) -> None:
        for ticket in self.run(LIST, arguments)["tickets"]:
            assert ticket["id"] not in self.gone
            assert self.known.setdefault(ticket["id"], ticket) == ticket

    @rule()
    def look_for_the_deleted(self) -> None:
        for identity in sorted(self.gone)[:1]:
            self.history.append((GET, {"ticket_id": identity}))  # a refused call takes time, too
            with pytest.raises(RefusedError):
                self.world.execute_call(GET, {"ticket_id": identity})

    @invariant()
    def the_same_calls_lead_to_the_same_state(self) -> None:
        if len(self.history) == 6:
            other = World(HERE, self.seed)
            for wanted, arguments in self.history:
                with suppress(RefusedError):
                    other.execute_call(wanted, arguments)
            assert other.hash_state() == self.world.hash_state()


def test_any_history():
    run_state_machine_as_test(
        AnyHistory,
        settings=settings(
            max_examples=60,
            stateful_step_count=14,
            deadline=None,
            derandomize=True,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )


def test_in_gmail_a_new_label_holds_no_messages():
    tools = tools_of("gmail")
    for seed in SEEDS:
        world = World(HERE, seed)
        made = world.execute_call(tools["CREATE_LABEL"], {"label_name": "Roof"})["label"]
        listed = world.execute_call(tools["LIST_LABELS"], {})["labels"]
        (shown,) = [label for label in listed if label["id"] == made["id"]]
        assert shown.get("messages_total", 0) == shown.get("messages_unread", 0) == 0


@pytest.mark.parametrize(
    ("partition", "making", "arguments", "listing", "name"),
    [
        ("googledrive", "CREATE_FOLDER", {"name": "Roof"}, "LIST_FILES_AND_FOLDERS", "folderId"),
        ("googlecalendar", "CREATE_CALENDAR", {"summary": "Roof"}, "LIST_EVENTS", "calendar_id"),
        ("asana", "CREATE_PROJECT_IN_WORKSPACE", {"workspace_gid": "7", "name": "Roof"}, "LIST_PROJECT_TASKS",
         "project_gid"),
    ],
)  # fmt: skip
def test_what_was_just_made_has_nothing_in_it(partition, making, arguments, listing, name):
    tools = tools_of(partition)
    for seed in SEEDS:
        world = World(HERE, seed)
        made = next(iter(world.execute_call(tools[making], arguments).values()))
        identity = next(value for key, value in made.items() if key in ("id", "gid", "calendar_id"))
        result = world.execute_call(tools[listing], {name: identity})
        assert [value for value in result.values() if isinstance(value, list)] == [[]]
