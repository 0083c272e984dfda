"""The world's results agree with their calls, with the time and with one another, whatever the service is."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from offline import casts

from funcdex_assets.environment.part_counts import find_counted_noun
from funcdex_assets.environment.search_criteria import names_same_field
from funcdex_assets.environment.stage_moves import find_stages, fit_move
from funcdex_assets.environment.text_titles import find_moment, make_title
from funcdex_assets.environment.weekly_hours import add_up_weekly_hours
from funcdex_assets.environment.world import World
from funcdex_assets.records.tool import Tool

HERE = casts("gmail", 1)[0].situation
SEEDS = range(10)
TEXT = {"type": "string"}
WHEN = {"type": "string", "format": "date-time"}
MAIL = {"type": "string", "format": "email"}
COUNT = {"type": "integer", "minimum": 0}
PERSON = {"type": "object", "properties": {"name": TEXT, "email": MAIL}, "required": ["name", "email"]}
NOT_NEEDED: frozenset[str] = frozenset()


def obj(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def many(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def one_of(*options: str) -> dict[str, Any]:
    return {"type": "string", "enum": list(options)}


def tool(name: str, **returns: Any) -> Tool:
    parameters = {"type": "object"}
    return Tool(toolkit="t", name=name, description="d", parameters=parameters, returns=obj(**returns), source="test")


def worlds() -> Iterator[World]:
    for seed in SEEDS:
        yield World(HERE, seed)


def at(value: str) -> datetime:
    return datetime.fromisoformat(value)


# ── texts and titles ─────────────────────────────────────────────────────────────────────────

WORDS = "The spine of this copy is loose; please bind it again."


@pytest.mark.parametrize(
    ("name", "argument", "noun", "field"),
    [
        ("ADD_COMMENT", "comment", "comment", "body"),
        ("ADD_NOTE", "note", "note", "text"),
        ("POST_REVIEW", "text", "review", "content"),
        ("SEND_NOTICE", "message", "notice", "body"),
        ("ADD_PHOTO", "caption", "photo", "description"),
    ],
)
def test_a_text_is_the_one_that_was_sent_whatever_its_field_is_called(name, argument, noun, field):
    add = tool(name, **{noun: obj(id=TEXT, **{field: TEXT})})
    for world in worlds():
        assert world.execute_call(add, {"book_id": "b-77", argument: WORDS})[noun][field] == WORDS


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Lunch with Priya on Friday at 12:30", "Lunch with Priya"),
        ("Dentist tomorrow 9am", "Dentist"),
        ("Team retro Thursday 3pm to 4pm", "Team retro"),
        ("Return the atlas", "Return the atlas"),
        ("On Friday", "On Friday"),  # nothing else is left to call it by
        ("The offer is valid until Friday. After that we start again.", "The offer is valid until"),
    ],
)
def test_a_title_has_the_words_of_the_text_and_not_its_moment(text, title):
    assert make_title(text).startswith(title)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("Lunch with Priya on Friday at 12:30", "2026-01-09T12:30:00+01:00"),
        ("Dentist tomorrow 9am", "2026-01-06T09:00:00+01:00"),
        ("Call back at 8am", "2026-01-06T08:00:00+01:00"),  # eight is over for today
        ("Call back on Monday", "2026-01-12T09:00:00+01:00"),
        ("Return the atlas", None),
    ],
)
def test_the_moment_that_a_text_names(text, moment):
    found = find_moment(text, at("2026-01-05T10:00:00+01:00"))
    assert (found.isoformat() if found else None) == moment


def test_a_thing_made_of_one_text_has_its_words_as_title_and_its_moment_as_start():
    book = tool("QUICK_BOOK_ROOM", booking=obj(id=TEXT, title=TEXT, start=WHEN, end=WHEN))
    for world in worlds():
        booking = world.execute_call(book, {"text": "Reading circle tomorrow at 17:30"})["booking"]
        assert booking["title"] == "Reading circle"
        assert at(booking["start"]) == (HERE.now + timedelta(days=1)).replace(hour=17, minute=30, second=0)
        assert at(booking["end"]) > at(booking["start"])


def test_a_thing_made_of_a_text_without_a_moment_begins_soon():
    book = tool("QUICK_BOOK_ROOM", booking=obj(id=TEXT, title=TEXT, start=WHEN))
    for world in worlds():
        start = at(world.execute_call(book, {"text": "Reading circle of the third form"})["booking"]["start"])
        assert timedelta(0) < start - HERE.now < timedelta(hours=2)


# ── people ───────────────────────────────────────────────────────────────────────────────────

LETTER = obj(id=TEXT, thread_id=TEXT, subject=TEXT, to=many(PERSON), date=WHEN)
GET_LETTER = tool("GET_LETTER", letter=LETTER)
FORWARD_LETTER = tool("FORWARD_LETTER", letter=LETTER)


def test_what_is_forwarded_goes_to_the_one_that_the_call_names_and_begins_a_conversation():
    for world in worlds():
        letter = world.execute_call(GET_LETTER, {"letter_id": "l-204881"})["letter"]
        arguments = {"letter_id": "l-204881", "recipient_email": "bo@library.example"}
        sent = world.execute_call(FORWARD_LETTER, arguments)["letter"]
        assert [person["email"] for person in sent["to"]] == ["bo@library.example"]
        assert sent["subject"] == letter["subject"]
        assert sent["thread_id"] != letter["thread_id"]


def test_an_answer_stays_in_the_conversation_of_what_it_answers():
    reply = tool("REPLY_TO_LETTER", letter=LETTER)
    for world in worlds():
        letter = world.execute_call(GET_LETTER, {"letter_id": "l-204881"})["letter"]
        answer = world.execute_call(reply, {"letter_id": "l-204881", "body": "With pleasure, on Monday."})["letter"]
        assert answer["thread_id"] == letter["thread_id"]


# ── moments ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "arguments", "noun", "field"),
    [
        ("ADD_ANNOTATION", {"alert_id": "a-5501", "text": "Seen, we look at it now."}, "annotation", "timestamp"),
        ("REACT_TO_MESSAGE", {"message_id": "m-5501", "emoji": "+"}, "reaction", "timestamp"),
        ("ADD_WORKLOG", {"repair_id": "r-5501", "time_spent": "2h"}, "worklog", "started"),
        ("SEND_NOTICE", {"message": "Closed on Monday for stocktaking."}, "notice", "sent_at"),
    ],
)
def test_what_is_done_now_is_dated_now(name, arguments, noun, field):
    identity = next((key for key in arguments if key.endswith("_id")), "id")
    act = tool(name, **{noun: obj(**{identity: TEXT, field: WHEN})})
    get = tool("GET_MESSAGE", message=obj(message_id=TEXT, timestamp=WHEN))
    for world in worlds():
        if identity == "message_id":
            world.execute_call(get, {"message_id": arguments[identity]})
        moment = at(world.execute_call(act, arguments)[noun][field])
        assert abs(moment - HERE.now) < timedelta(hours=1)


@pytest.mark.parametrize("field", ["closed_at", "cancelled_at", "sent_at", "edited_at", "deleted_at"])
def test_what_befalls_a_thing_comes_after_its_creation_and_before_now(field):
    listing = tool("LIST_REPAIRS", repairs=many(obj(id=TEXT, created_at=WHEN, **{field: WHEN})))
    for world in worlds():
        for repair in world.execute_call(listing, {})["repairs"]:
            assert at(repair["created_at"]) <= at(repair[field]) <= HERE.now + timedelta(hours=1)


def test_what_is_closed_by_a_call_is_closed_now():
    close = tool("CLOSE_REPAIR", repair=obj(repair_id=TEXT, created_at=WHEN, closed_at=WHEN))
    for world in worlds():
        repair = world.execute_call(close, {"repair_id": "r-5501"})["repair"]
        assert abs(at(repair["closed_at"]) - HERE.now) < timedelta(hours=1)


def test_what_expires_is_no_end_of_a_span():
    """A voucher that was begun just now is valid longer than a meeting."""
    listing = tool("LIST_VOUCHERS", vouchers=many(obj(id=TEXT, created_at=WHEN, expires_at=WHEN)))
    for world in worlds():
        for voucher in world.execute_call(listing, {})["vouchers"]:
            assert at(voucher["expires_at"]) > HERE.now


THREADS = tool("LIST_THREADS", threads=many(obj(id=TEXT, last_message_at=WHEN, message_count=COUNT)))
MESSAGES = tool("LIST_MESSAGES", messages=many(obj(id=TEXT, thread_id=TEXT, date=WHEN)))


@pytest.mark.parametrize("asks_for_thread", [True, False])
@pytest.mark.parametrize("threads_first", [True, False])
def test_no_message_is_later_than_the_last_of_its_thread(asks_for_thread, threads_first):
    for world in worlds():
        threads = world.execute_call(THREADS, {})["threads"] if threads_first else []
        arguments = {"thread_id": threads[0]["id"]} if asks_for_thread and threads else {}
        messages = world.execute_call(MESSAGES, arguments)["messages"]
        threads = threads or world.execute_call(THREADS, {})["threads"]
        last = {thread["id"]: at(thread["last_message_at"]) for thread in threads}
        for message in messages:
            if message["thread_id"] in last:
                assert at(message["date"]) <= last[message["thread_id"]]


def test_a_thread_ends_with_the_message_that_was_just_sent_in_it():
    send = tool("SEND_MESSAGE", message=obj(id=TEXT, thread_id=TEXT, date=WHEN))
    for world in worlds():
        thread = world.execute_call(THREADS, {})["threads"][0]
        sent = world.execute_call(send, {"thread_id": thread["id"], "text": "We are on our way to you."})["message"]
        after = next(one for one in world.execute_call(THREADS, {})["threads"] if one["id"] == thread["id"])
        assert at(after["last_message_at"]) >= at(sent["date"])
        assert after["message_count"] == thread["message_count"] + 1


def test_what_takes_up_a_span_of_time_has_that_span():
    busy = tool("GET_BUSY_TIMES", busy_times=many(obj(start_time=WHEN, end_time=WHEN, loan=obj(uuid=TEXT, name=TEXT))))
    get = tool("GET_LOAN", loan=obj(uuid=TEXT, name=TEXT, start=WHEN, end=WHEN))
    for world in worlds():
        for span in world.execute_call(busy, {})["busy_times"]:
            loan = world.execute_call(get, {"loan_uuid": span["loan"]["uuid"]})["loan"]
            assert (loan["start"], loan["end"], loan["name"]) == (
                span["start_time"],
                span["end_time"],
                span["loan"]["name"],
            )


# ── something new holds nothing ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("thing", "part"),
    [("customer", "invoice"), ("calendar", "event"), ("label", "letter"), ("shelf", "book"), ("silence", "alert")],
)
def test_something_new_has_no_parts_that_nobody_put_into_it(thing, part):
    create = tool(f"CREATE_{thing.upper()}", **{thing: obj(id=TEXT, name=TEXT)})
    parts = tool(f"LIST_{part.upper()}S", **{f"{part}s": many(obj(id=TEXT))})
    get = tool(
        f"GET_{thing.upper()}",
        **{thing: obj(id=TEXT, **{f"num_{part}s": COUNT, f"latest_{part}s": many(obj(id=TEXT))})},
    )
    for world in worlds():
        identity = world.execute_call(create, {"name": "New arrivals"})[thing]["id"]
        assert world.execute_call(parts, {f"{thing}_id": identity})[f"{part}s"] == []
        shown = world.execute_call(get, {f"{thing}_id": identity})[thing]
        assert (shown[f"num_{part}s"], shown[f"latest_{part}s"]) == (0, [])


def test_a_part_that_was_put_in_is_there_and_counts():
    create = tool("CREATE_SHELF", shelf=obj(id=TEXT, name=TEXT))
    add = tool("CREATE_BOOK", book=obj(id=TEXT, title=TEXT, shelf_id=TEXT))
    books = tool("LIST_BOOKS", books=many(obj(id=TEXT, title=TEXT)))
    get = tool("GET_SHELF", shelf=obj(id=TEXT, num_books=COUNT))
    for world in worlds():
        shelf = world.execute_call(create, {"name": "New arrivals"})["shelf"]["id"]
        book = world.execute_call(add, {"title": "Atlas of Wind", "shelf_id": shelf})["book"]
        listed = world.execute_call(books, {"shelf_id": shelf})["books"]
        assert listed == [{"id": book["id"], "title": "Atlas of Wind"}]
        assert world.execute_call(get, {"shelf_id": shelf})["shelf"]["num_books"] == 1


OUTLINE = many(obj(heading=TEXT, style=one_of("H1", "H2")))
GET_REPORT = tool("GET_REPORT", report=obj(id=TEXT, word_count=COUNT, outline=OUTLINE, placeholders=many(obj(id=TEXT))))
READ_REPORT = tool("GET_REPORT_PLAINTEXT", id=TEXT, plain_text=TEXT, word_count=COUNT)


def test_a_text_that_was_written_has_its_own_headings_and_words():
    create = tool("CREATE_REPORT", report=obj(id=TEXT, title=TEXT))
    text = "# Losses\nTwo atlases are gone.\n## Costs\nNone so far."
    for world in worlds():
        report = world.execute_call(create, {"title": "Stocktaking", "markdown_text": text})["report"]["id"]
        shown = world.execute_call(GET_REPORT, {"report_id": report})["report"]
        assert [line["heading"] for line in shown["outline"]] == ["Losses", "Costs"]
        assert (shown["word_count"], shown["placeholders"]) == (len(text.split()), [])


@pytest.mark.parametrize("is_new", [True, False])
def test_the_number_of_words_is_that_of_the_text_also_before_it_was_read(is_new):
    create = tool("CREATE_REPORT", report=obj(id=TEXT, title=TEXT))
    for world in worlds():
        report = world.execute_call(create, {"title": "Stocktaking"})["report"]["id"] if is_new else "rep-90210"
        count = world.execute_call(GET_REPORT, {"report_id": report})["report"]["word_count"]
        read = world.execute_call(READ_REPORT, {"report_id": report})
        assert count == read["word_count"] == len(read["plain_text"].split())
        assert (count == 0) == is_new


# ── numbers ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("field", "noun"),
    [
        ("message_count", "message"),
        ("num_subtasks", "subtask"),
        ("active_invitees", "invitee"),
        ("word_count", ""),
        ("unread_count", ""),
        ("quantity", ""),
        ("page_count", ""),
    ],
)
def test_the_parts_that_a_field_counts(field, noun):
    assert find_counted_noun(field) == noun


@pytest.mark.parametrize("field", ["loan_count", "num_loans", "active_loans"])
@pytest.mark.parametrize("count_first", [True, False])
def test_a_number_of_parts_is_the_number_of_parts_that_are_listed(field, count_first):
    reader = tool("GET_READER", reader=obj(id=TEXT, **{field: COUNT}))
    loans = tool("LIST_LOANS", loans=many(obj(id=TEXT)))
    arguments = {"reader_id": "rd-3301"}
    for world in worlds():
        count = world.execute_call(reader, arguments)["reader"][field] if count_first else None
        listed = len(world.execute_call(loans, arguments)["loans"])
        again = world.execute_call(reader, arguments)["reader"][field]
        assert again == listed
        assert count in (None, listed)


RULES = many(obj(weekdays=many(one_of("monday", "tuesday", "friday")), opens=TEXT, closes=TEXT))


@pytest.mark.parametrize("hours", [{"type": "integer"}, {"type": "integer", "enum": [12, 16]}])
def test_hours_per_week_are_those_of_the_days_and_times(hours):
    rule = obj(
        days={**many(one_of("monday", "tuesday", "friday", "saturday")), "minItems": 2},
        opens=one_of("08:00", "09:00", "10:00"),
        closes=one_of("14:00", "16:00", "18:00"),
    )
    get = tool("GET_BRANCH", branch=obj(id=TEXT, open_hours_per_week=hours, rules={**many(rule), "minItems": 1}))
    for world in worlds():
        branch = world.execute_call(get, {"branch_id": "br-11"})["branch"]
        assert add_up_weekly_hours(branch["rules"]) == branch["open_hours_per_week"]


# ── states, stages, places, windows ──────────────────────────────────────────────────────────


def test_what_is_expired_has_ended_and_what_is_open_has_not():
    cards = tool("LIST_CARDS", cards=many(obj(id=TEXT, status=one_of("open", "expired"), expires_at=WHEN)))
    shown = [card for world in worlds() for card in world.execute_call(cards, {})["cards"]]
    assert {card["status"] for card in shown} == {"open", "expired"}
    for card in shown:
        assert (at(card["expires_at"]) < HERE.now) == (card["status"] == "expired")


@pytest.mark.parametrize(
    ("fields", "options", "changes"),
    [
        ({"name": "Mark as Done", "to_status": "To Do"}, ["To Do", "Done"], {"to_status": "Done"}),
        ({"name": "Reopen", "to_status": "Closed"}, ["Closed", "Backlog"], {"to_status": "Backlog"}),
        ({"name": "Resolve", "to_state": "Firing"}, None, {}),  # no stage is known of "Firing" but it is another
        ({"name": "Lend out", "to_status": "Done"}, ["Done"], {}),  # no word of a stage
        ({"name": "Start Progress", "to_status": "In Progress"}, None, {}),
    ],
)
def test_a_move_is_called_after_the_stage_that_it_leads_to(fields, options, changes):
    properties = {key: {"type": "string"} for key in fields}
    if options:
        properties["to_status"] = one_of(*options)
    expected = changes or ({"name": "Move to Firing"} if "to_state" in fields else {})
    assert fit_move(fields, properties) == expected


def test_in_a_listing_each_move_is_called_after_its_stage():
    stage = one_of("To Do", "In Progress", "Done", "Blocked")
    name = {"type": "string", "examples": ["Start Progress", "Mark as Done", "Block", "Reopen"]}
    moves = tool("GET_TRANSITIONS", transitions=many(obj(id=TEXT, name=name, to_status=stage)))
    for world in worlds():
        for move in world.execute_call(moves, {"repair_id": "r-5501"})["transitions"]:
            assert find_stages(move["name"]) & find_stages(move["to_status"])


def test_what_is_moved_along_stands_where_the_move_leads():
    stage = one_of("To Do", "In Progress", "Done", "Blocked")
    moves = tool("GET_TRANSITIONS", transitions=many(obj(id=TEXT, name=TEXT, to_status=stage)))
    repair = obj(repair_id=TEXT, name=TEXT, status=stage)
    for world in worlds():
        before = world.execute_call(tool("GET_REPAIR", repair=repair), {"repair_id": "r-5501"})["repair"]["status"]
        move = world.execute_call(moves, {"repair_id": "r-5501"})["transitions"][0]
        moved = tool("TRANSITION_REPAIR", repair_id=TEXT, previous_status=stage, status=stage)
        result = world.execute_call(moved, {"repair_id": "r-5501", "transition_id": move["id"]})
        assert (result["previous_status"], result["status"]) == (before, move["to_status"])
        after = world.execute_call(tool("GET_REPAIR", repair=repair), {"repair_id": "r-5501"})["repair"]
        assert after["status"] == move["to_status"]


def test_what_the_user_made_or_changed_was_last_changed_by_the_user():
    page = obj(id=TEXT, name=TEXT, last_edited_by=PERSON)
    me = HERE.persona.email
    for world in worlds():
        made = world.execute_call(tool("CREATE_PAGE", page=page), {"name": "Mill pond"})["page"]
        assert made["last_edited_by"]["email"] == me
        shown = world.execute_call(tool("GET_PAGE", page=page), {"page_id": made["id"]})["page"]
        assert shown["last_edited_by"]["email"] == me
        listed = world.execute_call(tool("LIST_PAGES", pages=many(page)), {})["pages"]
        other = next((one for one in listed if one["last_edited_by"]["email"] != me), None)
        if other is not None:
            world.execute_call(tool("RENAME_PAGE", page_id=TEXT), {"page_id": other["id"], "name": "Weir"})
            shown = world.execute_call(tool("GET_PAGE", page=page), {"page_id": other["id"]})["page"]
            assert shown["last_edited_by"]["email"] == me


def test_what_nobody_gave_to_something_new_is_not_in_it():
    text = {"type": "string", "description": "What it says."}
    thing = obj(id=TEXT, name=TEXT, description=text, due_date={"type": "string", "format": "date"}, caption=text)
    thing = {**thing, "required": ["id", "name", "caption"]}
    for world in worlds():
        made = world.execute_call(tool("CREATE_ALBUM", album=thing), {"name": "Mill pond"})["album"]
        assert not made.keys() & {"description", "due_date"}
        assert made["caption"] == ""
        given = {"name": "Sluice", "description": "Before the flood", "due_date": "2026-03-01"}
        made = world.execute_call(tool("CREATE_ALBUM", album=thing), given)["album"]
        assert made["description"] == "Before the flood"
        assert made["due_date"] == "2026-03-01"


PLACE = obj(gid=TEXT, name=TEXT)


def test_a_project_lies_in_one_workspace_wherever_it_comes_up():
    tasks = tool("LIST_TASKS", tasks=many(obj(gid=TEXT, name=TEXT, project=PLACE, workspace=PLACE)))
    projects = tool("LIST_PROJECTS", projects=many(obj(gid=TEXT, name=TEXT, workspace=PLACE)))
    for world in worlds():
        listed = world.execute_call(tasks, {})["tasks"]
        workspaces = {task["project"]["gid"]: task["workspace"]["gid"] for task in listed}
        for project in world.execute_call(projects, {})["projects"]:
            assert workspaces.setdefault(project["gid"], project["workspace"]["gid"]) == project["workspace"]["gid"]


@pytest.mark.parametrize(
    ("query", "field", "holds"),
    [
        ('duedate < "2025-03-11"', "due_date", lambda day: day < "2025-03-11"),
        (
            "due_date >= 2025-03-11 AND due_date <= 2025-03-20",
            "due_date",
            lambda day: "2025-03-11" <= day <= "2025-03-20",
        ),
        ('branch = "Harbour"', "branch", lambda branch: branch == "Harbour"),
    ],
)
def test_a_condition_in_a_query_holds_for_what_is_found(query, field, holds):
    loan = obj(id=TEXT, due_date={"type": "string", "format": "date"}, branch=TEXT)
    search = tool("SEARCH_LOANS", loans=many(loan))
    for world in worlds():
        for found in world.execute_call(search, {"query": query})["loans"]:
            assert holds(found[field])


def test_a_filter_by_day_holds_in_every_time_zone():
    search = tool("LIST_LOANS", loans=many(obj(id=TEXT, modified_time=WHEN)))
    day = (HERE.now - timedelta(days=9)).date().isoformat()
    for world in worlds():
        for found in world.execute_call(search, {"modified_after": day})["loans"]:
            assert at(found["modified_time"]) >= at(f"{day}T00:00:00+00:00")


@pytest.mark.parametrize(
    ("span_words", "name_words", "same"),
    [({"duedate"}, {"due", "date"}, True), ({"due"}, {"due", "date"}, True), ({"created"}, {"due", "date"}, False)],
)
def test_the_field_that_a_condition_means(span_words, name_words, same):
    assert names_same_field(frozenset(span_words), name_words) is same


def test_a_world_that_only_witnessed_the_making_of_a_thing_knows_that_it_is_empty():
    books = tool("LIST_BOOKS", books=many(obj(id=TEXT)))
    for world in worlds():
        world.remember_result("CREATE_SHELF", {"shelf": {"id": "sh-4401", "name": "Maps"}}, {"name": "Maps"})
        assert world.execute_call(books, {"shelf_id": "sh-4401"})["books"] == []
