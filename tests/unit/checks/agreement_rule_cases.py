"""Results that cannot be true beside their call, an earlier result or the clock."""

from typing import Any

from rule_cases import (
    Objection,
    Step,
    Table,
    step,
    talk,
)

from funcdex_assets.checks.rules.case import Case

TODAY = "2025-10-01T09:30:00+02:00"  # the moment of the tests


def then(*steps: Step) -> Case:
    """A request that leads to some calls, one after the other."""
    return talk("Please see to it.", *steps, "It is seen to.")


SHELF = step("CREATE_SHELF", {"name": "Poems"}, {"shelf": {"id": "sh_501", "name": "Poems"}})
BOOKS = {"books": [{"id": "bk_7001", "title": "Emma"}]}


def on_shelf(content: Any = BOOKS, *between: Step) -> Case:
    """What is found on a shelf that was just made."""
    return then(SHELF, *between, step("LIST_BOOKS", {"shelf_id": "sh_501"}, content))


def shelf(**fields: Any) -> Case:
    """What is read of a shelf that was just made."""
    return then(SHELF, step("GET_SHELF", {"shelf_id": "sh_501"}, {"shelf": {"id": "sh_501", **fields}}))


def alerts(field: str, value: Any, **window: Any) -> Case:
    """One alert, in a listing with a window or a filter."""
    return then(step("LIST_ALERTS", window, {"alerts": [{"id": "al_5501", field: value}]}))


def visit(start: Any, number: int = 1) -> Step:
    return step("GET_VISIT", {"no": number}, {"visit": {"id": "vs_311", "start_time": start}})


def make(content: Any, name: str = "CREATE_VISIT", **arguments: Any) -> Case:
    return then(step(name, arguments, content))


LONG = "The lamp in room four flickers again"
PROJECT = {"id": "pr_8801", "workspace": {"id": "ws_1101", "name": "North"}}
MOVED = {"id": "pr_8801", "workspace": {"id": "ws_2202", "name": "South"}}


def read(project: Any, number: int = 1) -> Step:
    return step("GET_PROJECT", {"no": number}, {"project": project})


def thing(noun: str, **fields: Any) -> Case:
    return then(step("GET_THING", {}, {noun: fields}))


TABLES = {
    "filled_when_new": Table(
        objects=[
            Objection("books on a new shelf", on_shelf(), 4, "'sh_501' was just made, and has 1 book"),
            Objection("a count of a new shelf", shelf(book_count=3), 4, "book_count 3"),
            Objection(
                "mails in a new label",
                then(
                    step("CREATE_LABEL", {"label_name": "Poems"}, {"label": {"id": "lb_9001"}}),
                    step("LIST_MAILS", {"labelId": "lb_9001"}, [{"id": "ml_8001"}]),
                ),
                4,
                "lb_9001",
            ),
            Objection(
                "headings that nobody wrote",
                then(
                    step("CREATE_DOCUMENT", {"title": "Roof"}, {"document": {"id": "dc_1001"}}),
                    step(
                        "GET_DOCUMENT",
                        {"document_id": "dc_1001"},
                        {"document": {"id": "dc_1001", "outline": [{"heading": "Costs"}]}},
                    ),
                ),
                4,
                "'Costs' was never written",
            ),
        ],
        lets_pass={
            "empty": on_shelf({"books": []}),
            "made before": then(
                step("GET_SHELF", {"shelf_id": "sh_501"}, {"shelf": {"id": "sh_501"}}),
                step("LIST_BOOKS", {"shelf_id": "sh_501"}, BOOKS),
            ),
            "put there": on_shelf(BOOKS, step("MOVE_BOOK", {"book_id": "bk_7001", "shelf_id": "sh_501"}, {})),
            "made there": on_shelf(
                BOOKS, step("CREATE_BOOK", {"title": "Emma", "shelf_id": "sh_501"}, {"book": {"id": "bk_7001"}})
            ),
            "inborn": shelf(version_count=1, owner_count=1, words_count=2),
            "no parts": shelf(book_count=0),
            "the number that was given": then(
                step("CREATE_SHELF", {"name": "Poems", "board_count": 5}, {"shelf": {"id": "sh_501"}}),
                step("GET_SHELF", {"shelf_id": "sh_501"}, {"shelf": {"id": "sh_501", "board_count": 5}}),
            ),
            "made with its parts": then(
                step("CREATE_ORDER", {"items": ["a", "b"]}, {"order": {"id": "or_1001"}}),
                step("GET_ORDER", {"order_id": "or_1001"}, {"order": {"id": "or_1001", "item_count": 2}}),
            ),
            "out of a template": then(
                step("CREATE_BOARD", {"template_name": "Sprint"}, {"board": {"id": "bo_1001"}}),
                step("GET_BOARD", {"board_id": "bo_1001"}, {"board": {"id": "bo_1001", "column_count": 4}}),
            ),
        },
    ),
    "outside_window": Table(
        objects=[
            Objection(
                "too early",
                alerts("start_time", "2025-09-30T08:00:00Z", start_time_min="2025-10-01T00:00:00Z"),
                2,
                "start_time '2025-09-30",
            ),
            Objection(
                "too late", alerts("startsAt", "2025-10-05T08:00:00Z", time_max="2025-10-02T00:00:00Z"), 2, "time_max"
            ),
            Objection("a day", alerts("due_date", "2025-10-05", due_before="2025-10-02"), 2, "due_before"),
            Objection("a filter", alerts("dueDate", "2025-10-05", filter="due_date <= 2025-10-02"), 2, "is 2025-10-05"),
            Objection("another host", alerts("host", "db-4", query='host="db-3"'), 2, "'db-4'"),
            Objection(
                "changed before", alerts("updated_at", "2025-09-01", updated_after="2025-09-20"), 2, "updated_after"
            ),
        ],
        lets_pass={
            "within": alerts("start_time", "2025-10-01T08:00:00Z", time_min="2025-10-01T00:00:00Z"),
            "the same instant": alerts("start_time", "2025-10-01T02:00:00+02:00", time_min="2025-10-01T00:00:00Z"),
            "going on": then(
                step(
                    "LIST_VISITS",
                    {"time_min": "2025-10-01T00:00:00Z"},
                    [{"id": "vs_311", "start": "2025-09-30T22:00:00Z", "end": "2025-10-01T02:00:00Z"}],
                )
            ),
            "without an offset": alerts("start_time", "2025-09-30T23:00:00", time_min="2025-10-01T00:00:00+02:00"),
            "another field": alerts("created_at", "2024-01-01", due_before="2025-10-02"),
            "one of two": alerts("host", "db-4", query='host="db-3" OR host="db-4"'),
            "a pattern": alerts("host", "db-4", query='host="db-*"'),
            "unequal": alerts("host", "db-4", query='host != "db-3"'),
            "no date": alerts("start_time", "soon", time_min="2025-10-01T00:00:00Z"),
        },
    ),
    "other_moment": Table(
        objects=[
            Objection(
                "two beginnings",
                then(visit("2025-10-03T10:00:00Z"), visit("2025-10-03T11:00:00Z", 2)),
                4,
                "'vs_311' begins at 2025-10-03T11",
            ),
            Objection(
                "than was set",
                make({"visit": {"start_time": "2025-10-03T12:00:00Z"}}, start_time="2025-10-03T10:00:00Z"),
                2,
                "start_time is 2025-10-03T10",
            ),
            Objection(
                "made long ago", make({"visit": {"created_at": "2025-08-01T10:00:00Z"}}, title="Roof"), 2, "created_at"
            ),
            Objection(
                "sent tomorrow", make({"note": {"sent_at": "2025-10-09T10:00:00Z"}}, "SEND_NOTE", to="bo"), 2, "sent_at"
            ),
            Objection(
                "later than the last",
                then(
                    step("LIST_TALKS", {}, {"talks": [{"id": "tk_9001", "last_message_at": "2025-09-01T08:00:00Z"}]}),
                    step("GET_TALK", {"no": 1}, {"posts": [{"talk_id": "tk_9001", "date": "2025-09-02T08:00:00Z"}]}),
                ),
                4,
                "the last of 'tk_9001'",
            ),
        ],
        lets_pass={
            "another zone": then(visit("2025-10-03T10:00:00Z"), visit("2025-10-03T12:00:00+02:00", 2)),
            "without an offset": then(visit("2025-10-03T12:00:00"), visit("2025-10-03T10:00:00Z", 2)),
            "moved": then(
                visit("2025-10-03T10:00:00Z"),
                step("MOVE_VISIT", {"visit_id": "vs_311", "start_time": "2025-10-03T11:00:00Z"}, {}),
                visit("2025-10-03T11:00:00Z", 2),
            ),
            "made now": make({"visit": {"created_at": TODAY}}, title="Roof"),
            "as set": make({"visit": {"start_time": "2025-10-03T12:00:00+02:00"}}, start_time="2025-10-03T10:00:00Z"),
            "made when it was read": then(step("GET_VISIT", {}, {"visit": {"created_at": "2024-01-01T10:00:00Z"}})),
            "sent as it was planned": make(
                {"note": {"sent_at": "2025-10-09T10:00:00Z"}}, "SEND_NOTE", at="2025-10-09T10:00:00Z"
            ),
            "two things": then(
                visit("2025-10-03T10:00:00Z"),
                step("GET_VISIT", {"no": 2}, {"visit": {"id": "vs_312", "start_time": "2025-10-03T11:00:00Z"}}),
            ),
        },
    ),
    "other_parent": Table(
        objects=[
            Objection("another workspace", then(read(PROJECT), read(MOVED, 2)), 4, "workspace 'ws_2202'"),
            Objection(
                "a folder in two teams",
                then(
                    step("LIST_FILES", {}, [{"id": "fi_1001", "folder": {"id": "fo_1001"}, "team": {"id": "te_1001"}}]),
                    step(
                        "GET_FILE",
                        {"no": 1},
                        {"file": {"id": "fi_1002", "folder": {"id": "fo_1001"}, "team": {"id": "te_1002"}}},
                    ),
                ),
                4,
                "'fo_1001' is in the team 'te_1002'",
            ),
            Objection(
                "within one result",
                then(
                    step(
                        "LIST_TASKS",
                        {},
                        [
                            {"id": "ta_1001", "project": {"id": "pr_1001"}},
                            {"id": "ta_1001", "project": {"id": "pr_1002"}},
                        ],
                    )
                ),
                2,
                "ta_1001",
            ),
        ],
        lets_pass={
            "the same": then(read(PROJECT), read(PROJECT, 2)),
            "moved": then(
                read(PROJECT),
                step("MOVE_PROJECT", {"project_id": "pr_8801", "workspace_id": "ws_2202"}, {}),
                read(MOVED, 2),
            ),
            "two projects": then(read(PROJECT), read({**MOVED, "id": "pr_8802"}, 2)),
            "no identifier": then(read(PROJECT), read({"id": "pr_8801", "workspace": {"name": "South"}}, 2)),
        },
    ),
    "other_text": Table(
        objects=[
            Objection(
                "another text",
                make({"note": {"text": "Please call the plumber back today"}}, "SEND_NOTE", text=LONG),
                2,
                "Please call the plumber",
            ),
            Objection(
                "another comment",
                make({"comment": {"body": "Nothing to add from my side"}}, "ADD_COMMENT", body=LONG),
                2,
                LONG[:20],
            ),
            Objection(
                "a title of nothing",
                make({"task": {"title": "Quarterly review of the budget"}}, "CREATE_TASK", text=LONG),
                2,
                "makes the title",
            ),
        ],
        lets_pass={
            "the same": make({"note": {"text": LONG}}, "SEND_NOTE", text=LONG),
            "cut off": make({"note": {"snippet": "The lamp in room four fli…"}}, "SEND_NOTE", text=LONG),
            "with markup": make(
                {"note": {"body": "<p>The lamp in <b>room</b> four flickers again.</p>"}}, "SEND_NOTE", body=LONG
            ),
            "a title of its words": make({"task": {"title": "lamp in room four"}}, "CREATE_TASK", text=LONG),
            "a title of its own": make(
                {"task": {"title": "Caretaker's list of repairs"}}, "CREATE_TASK", text=LONG, title="x"
            ),
            "a short answer": make({"note": {"text": "Ok"}}, "SEND_NOTE", text=LONG),
            "read": then(step("GET_NOTE", {"text": LONG}, {"note": {"text": "Please call the plumber back today"}})),
            "Japanese": make({"note": {"text": "別の文です"}}, "SEND_NOTE", text="四号室の電灯がまた点滅しています"),
        },
    ),
    "other_person": Table(
        objects=[
            Objection(
                "another recipient", make({"mail": {"to": ["eve@x.io"]}}, "SEND_MAIL", to="bo@x.io"), 2, "'eve@x.io'"
            ),
            Objection(
                "another guest",
                make({"visit": {"attendees": [{"email": "eve@x.io"}]}}, attendees=["bo@x.io"]),
                2,
                "'bo@x.io'",
            ),
            Objection(
                "a filter not kept",
                then(
                    step("LIST_TASKS", {"assignee_email": "bo@x.io"}, [{"id": "t", "assignee": {"email": "eve@x.io"}}])
                ),
                2,
                "eve@x.io",
            ),
        ],
        lets_pass={
            "the same, in capitals": make({"mail": {"to": ["BO@x.io"]}}, "SEND_MAIL", to="bo@x.io"),
            "with a name": make({"mail": {"to": "Bo <bo@x.io>"}}, "SEND_MAIL", to="bo@x.io"),
            "one more": make(
                {"visit": {"attendees": [{"email": "eve@x.io"}, {"email": "bo@x.io"}]}}, attendees=["bo@x.io"]
            ),
            "another field": make({"mail": {"from": "ada@x.io"}}, "SEND_MAIL", to="bo@x.io"),
            "no address": make({"mail": {"to": "Bo Varga"}}, "SEND_MAIL", to="bo@x.io"),
        },
    ),
    "other_target": Table(
        objects=[
            Objection(
                "another thread", make({"reply": {"thread_id": "th_2"}}, "SEND_REPLY", thread_id="th_1"), 2, "'th_2'"
            ),
            Objection(
                "another number",
                make({"sms": {"to": "+49 170 666"}}, "SEND_SMS", to="+49170555"),
                2,
                "to is '+49170555'",
            ),
            Objection("another channel", make({"channel_id": "c88"}, "SEND_NOTE", channel_id="c77"), 2, "c88"),
        ],
        lets_pass={
            "the same": make({"reply": {"thread_id": "th_1"}}, "SEND_REPLY", thread_id="th_1"),
            "in another notation": make({"sms": {"to": "+49 (170) 555"}}, "SEND_SMS", to="49170555"),
            "a number for a name": make({"sms": {"to": "+49170555"}}, "SEND_SMS", to="Bo"),
            "not sent": make({"visit": {"thread_id": "th_2"}}, thread_id="th_1"),
            "within": make({"note": {"reply": {"note": {"to": "x1"}}}}, "SEND_NOTE", to="y1"),
        },
    ),
    "miscounted": Table(
        objects=[
            Objection(
                "fewer than it says",
                then(
                    step("LIST_SHELVES", {}, {"shelves": [{"id": "sh_501", "book_count": 4}]}),
                    step("LIST_BOOKS", {"shelf_id": "sh_501"}, BOOKS),
                ),
                4,
                "'sh_501' has 1 book, and 4 in message 2",
            ),
            Objection(
                "two counts",
                then(
                    step("LIST_SHELVES", {}, {"shelves": [{"id": "sh_501", "book_count": 4}]}),
                    step("GET_SHELF", {"shelf_id": "sh_501"}, {"shelf": {"id": "sh_501", "book_count": 5}}),
                ),
                4,
                "has 5 book, and 4",
            ),
            Objection("characters", make({"characters_written": 900}, "UPDATE_DOC", text=LONG), 2, "900 characters"),
        ],
        lets_pass={
            "as many": then(
                step("LIST_SHELVES", {}, {"shelves": [{"id": "sh_501", "book_count": 1}]}),
                step("LIST_BOOKS", {"shelf_id": "sh_501"}, BOOKS),
            ),
            "a page of several": then(
                step("LIST_SHELVES", {}, {"shelves": [{"id": "sh_501", "book_count": 4}]}),
                step("LIST_BOOKS", {"shelf_id": "sh_501"}, {**BOOKS, "next": "p2"}),
            ),
            "narrowed": then(
                step("LIST_SHELVES", {}, {"shelves": [{"id": "sh_501", "book_count": 4}]}),
                step("LIST_BOOKS", {"shelf_id": "sh_501", "author": "Austen"}, BOOKS),
            ),
            "full": then(
                step("LIST_SHELVES", {}, {"shelves": [{"id": "sh_501", "book_count": 4}]}),
                step("LIST_BOOKS", {"shelf_id": "sh_501", "limit": 1}, BOOKS),
            ),
            "changed in between": then(
                step("LIST_SHELVES", {}, {"shelves": [{"id": "sh_501", "book_count": 4}]}),
                step("UPDATE_SHELF", {"shelf_id": "sh_501"}, {}),
                step("LIST_BOOKS", {"shelf_id": "sh_501"}, BOOKS),
            ),
            "with line ends": make({"characters_written": len(LONG) + 2}, "UPDATE_DOC", text=LONG),
        },
    ),
    "state_against_time": Table(
        objects=[
            Objection(
                "expired before its end",
                thing("link", status="expired", expires_at="2025-12-01T10:00:00Z"),
                2,
                "ends only at",
            ),
            Objection("open after it", thing("offer", status="open", expires_at="2025-09-01T10:00:00Z"), 2, "ended at"),
            Objection(
                "a move", thing("move", name="Mark as done", to_status="In progress"), 2, "'Mark as done' leads to"
            ),
            Objection(
                "free and busy",
                then(
                    step(
                        "GET_TIMES",
                        {},
                        {
                            "free": [{"start": "2025-10-03T10:00:00Z", "end": "2025-10-03T11:00:00Z"}],
                            "busy": [{"start": "2025-10-03T10:30:00Z", "end": "2025-10-03T12:00:00Z"}],
                        },
                    )
                ),
                2,
                "free and busy",
            ),
        ],
        lets_pass={
            "expired": thing("link", status="expired", expires_at="2025-09-01T10:00:00Z"),
            "open": thing("offer", status="open", expires_at="2025-12-01T10:00:00Z"),
            "open after its beginning": thing("offer", status="open", starts_at="2025-09-01T10:00:00Z"),
            "hours away, without an offset": thing("offer", status="open", expires_at="2025-10-01T06:00:00"),
            "the move that it says": thing("move", name="Mark as done", to_status="Closed"),
            "no stage": thing("route", name="Start the tour", to_city="Oslo"),
            "only touching": then(
                step(
                    "GET_TIMES",
                    {},
                    {
                        "free": [{"start": "2025-10-03T10:00:00Z", "end": "2025-10-03T11:00:00Z"}],
                        "busy": [{"start": "2025-10-03T11:00:00Z", "end": "2025-10-03T12:00:00Z"}],
                    },
                )
            ),
        },
    ),
}
