"""Results that break a relation, and beside each what is nearly the same and holds."""

from typing import Any

from rule_cases import Objection, Step, Table, Tables, define, fail, offer, step, talk

from funcdex_assets.checks.rules.case import Case

NOW = "2025-10-01T09:30:00+02:00"  # the moment of the tests
POST = {"lamp_id": "lm_77001", "text": "The cable has frayed near the plug"}
LAMP = {"id": "lm_77001", "name": "Arc", "colour": "green", "price": 40}
LONG_TEXT = "one two three four five six seven eight nine ten eleven twelve"


def then(*steps: Step) -> Case:
    """A request that leads to some calls, one after the other."""
    return talk("Please see to it.", *steps, "It is seen to.")


def asked(name: str, content: Any, arguments: Any, **properties: Any) -> Case:
    """One look-up by a tool with these parameters."""
    return offer(then(step(name, arguments, content)), define(name, **properties))


def at_once(*steps: Step) -> Case:
    """Calls of one service that are made in one message."""
    return talk("Please see to it.", steps, "It is seen to.")


def post(text: str) -> Case:
    return then(step("POST_REMARK", POST, {"remark": {"id": "rm_5001", "text": text}}))


def send(to: str) -> Case:
    """A draft to Ana is sent."""
    draft = {"draft": {"id": "dr_4401", "to": ["ana@fiberlake.com"], "subject": "Lamp"}}
    sent = {"message": {"id": "ms_9902", "to": [to], "subject": "Lamp"}}
    return then(step("GET_DRAFT", {"draft_id": "dr_4401"}, draft), step("SEND_DRAFT", {"draft_id": "dr_4401"}, sent))


def forward(address: str) -> Case:
    arguments = {"letter_id": "lt_4401", "to": "ada@fiberlake.com"}
    return then(step("FORWARD_LETTER", arguments, {"letter": {"id": "lt_4402", "to": [{"email": address}]}}))


def make(**fields: Any) -> Case:
    arguments = {"name": "Arc", "colour": "green", "price": 40}
    return then(step("CREATE_LAMP", arguments, {"lamp": {"id": "lm_77001", **fields}}))


def get(**fields: Any) -> Step:
    return step("GET_LAMP", {"lamp_id": "lm_77001"}, {"lamp": {**LAMP, **fields}})


def look(*items: Any, **arguments: Any) -> Step:
    return step("LIST_LAMPS", arguments, {"lamps": list(items)})


def lamps(*items: Any, rest: Any = None, **arguments: Any) -> Step:
    return step("LIST_LAMPS", arguments, {"lamps": list(items), **(rest or {})})


def lamp(number: int, **fields: Any) -> dict[str, Any]:
    return {"id": f"lm_7700{number}", **fields}


MADE = step("CREATE_CRATE", {"label": "Hall"}, {"crate": {"id": "cr_3001", "label": "Hall"}})
TASKS = step("LIST_TASKS", {"crate_id": "cr_3001"}, {"tasks": [{"id": "tk_9001", "title": "Dust"}]})
PUT = step("CREATE_TASK", {"crate_id": "cr_3001", "title": "Dust"}, {"task": {"id": "tk_9001", "title": "Dust"}})
FIRST = lamps(lamp(1), lamp(2), limit=2, rest={"next_page_token": "p2"})
DELETED = step("DELETE_LAMP", {"lamp_id": "lm_77001"}, {"deleted": True})
MISSING = {"error": {"code": 404, "message": "No lamp 'lm_77001' was found."}}
EXPIRED = {"error": {"code": 401, "message": "The session has expired."}}
BUSY = {"error": {"code": 429, "message": "Too many requests."}, "retry_after": 30}
TAKEN = {"error": {"code": 409, "message": "A lamp named 'Arc' already exists."}}
NAMED = {"name": "Arc"}


def meeting(start: str, end: str) -> Step:
    fields = {"id": "mt_6001", "start_time": f"2025-10-02T{start}:00+02:00", "end_time": f"2025-10-02T{end}:00+02:00"}
    return step("GET_MEETING", {"meeting_id": "mt_6001"}, {"meeting": fields})


def busy(start: str, end: str) -> Step:
    fields = {"start_time": f"2025-10-02T{start}:00+02:00", "end_time": f"2025-10-02T{end}:00+02:00"}
    return step("GET_BUSY_TIMES", {}, {"busy_times": [{**fields, "meeting": {"id": "mt_6001"}}]})


def slot(start: str, end: str) -> Case:
    day = "2025-10-02T"
    content = {
        "free_slots": [{"start": f"{day}{start}:00Z", "end": f"{day}{end}:00Z"}],
        "busy": [{"start": f"{day}10:00:00Z", "end": f"{day}11:00:00Z"}],
    }
    return then(step("FIND_FREE_SLOTS", {}, content))


def visits(starts: str, **arguments: Any) -> Case:
    return then(step("LIST_VISITS", arguments, {"visits": [{"id": "vs_8801", "starts_on": starts}]}))


OPTIONS = {"status": {"type": "string", "enum": ["open", "done"]}}
ITEM_OF = {"items": [{"id": "it_1101", "status": "done"}]}
TABLES: Tables = {
    "broken_relation": Table(
        objects=[
            Objection("another text than was sent", post("All is well with the lamp"), 2, "text_as_sent"),
            Objection("a letter that goes to somebody else", forward("bo@fiberlake.com"), 2, "recipients_as_named"),
            Objection("a draft that is sent to somebody else", send("bo@fiberlake.com"), 4, "recipients_as_named"),
            Objection("another colour than was given", make(colour="red"), 2, "fields_as_told: call_1"),
            Objection("another value without a change", then(get(), get(colour="red")), 4, "one_thing_one_value"),
            Objection(
                "an update that a later look does not show",
                then(step("UPDATE_LAMP", {"lamp_id": "lm_77001", "colour": "red"}, {"ok": True}), get()),
                4,
                "colour of 'lm_77001' is 'green', and was 'red'",
            ),
            Objection(
                "an update of one field that changes another one",
                then(
                    get(),
                    step(
                        "UPDATE_LAMP",
                        {"lamp_id": "lm_77001", "colour": "red"},
                        {"lamp": lamp(1, maker="B", name="Bow")},
                    ),
                ),
                4,
                "name of 'lm_77001' is 'Bow'",
            ),
            Objection(
                "what lies in another place than was asked for",
                then(look(lamp(1, room={"id": "rm_2002"}), room_id="rm_1001")),
                2,
                "parts_of_one_parent",
            ),
            Objection("tasks in a crate that was just made", then(MADE, TASKS), 4, "new_is_empty"),
            Objection(
                "a number of messages in what was just made",
                then(step("CREATE_CRATE", {"label": "Hall"}, {"crate": {"id": "cr_3001", "message_count": 140}})),
                2,
                "new_is_empty",
            ),
            Objection(
                "a token after a page that is not full",
                then(lamps(lamp(1), limit=5, rest={"next_page_token": "p2"})),
                2,
                "pages: call_1 LIST_LAMPS: 1 of 5 items",
                blocking=False,
            ),
            Objection("more items than asked for", then(lamps(lamp(1), lamp(2), limit=1)), 2, "1 were asked for"),
            Objection(
                "a page that repeats the one before",
                then(FIRST, lamps(lamp(2), lamp(3), limit=2, page_token="p2")),
                4,
                "'lm_77002' was on the page before",
            ),
            Objection("one thing twice in a list", then(look(lamp(1), lamp(1))), 2, "listed_once"),
            Objection(
                "a total below the list",
                then(lamps(lamp(1), lamp(2), rest={"total": 1})),
                2,
                "total is 1, and there are 2",
            ),
            Objection(
                "another number of parts than the whole has",
                then(
                    step("GET_ROOM", {"room_id": "rm_1001"}, {"room": {"id": "rm_1001", "lamp_count": 4}}),
                    look(lamp(1), room_id="rm_1001"),
                ),
                4,
                "1 lamps of 'rm_1001', which had 4",
            ),
            Objection(
                "an option that was not asked for",
                asked("LIST_ITEMS", ITEM_OF, {"status": "open"}, **OPTIONS),
                2,
                "filters: call_1 LIST_ITEMS: is 'done'",
            ),
            Objection("a flag that does not hold", then(look(lamp(1, starred=False), starred=True)), 2, "filters"),
            Objection("a number above the highest", then(look(lamp(1, price=90), max_price=50)), 2, "is 90"),
            Objection("a day before the span", visits("2025-09-20", start_from="2025-10-01"), 2, "filters"),
            Objection(
                "somebody else's",
                then(look(lamp(1, owner={"email": "bo@fiberlake.com"}), owner_email="ada@fiberlake.com")),
                2,
                "is of bo@fiberlake.com",
            ),
            Objection(
                "not in the order asked for",
                then(look(lamp(1, price=3), lamp(2, price=1), sort_by="price", order="asc")),
                2,
                "sorted_as_asked",
            ),
            Objection(
                "another number of words than the text has",
                then(step("CREATE_TEXT", {"text": LONG_TEXT}, {"text": {"id": "tx_1001", "word_count": 600}})),
                2,
                "word_count is 600, and comes to 12",
            ),
            Objection(
                "nights that are not between the days",
                then(
                    step("GET_STAY", {}, {"stay": {"check_in": "2025-10-02", "check_out": "2025-10-05", "nights": 9}})
                ),
                2,
                "nights is 9, and comes to 3",
            ),
            Objection("what was deleted in a list", then(DELETED, look(lamp(1))), 4, "deleted_stays_deleted"),
            Objection(
                "a call of what was deleted", then(DELETED, step("GET_LAMP", {"lamp_id": "lm_77001"}, {})), 4, "works"
            ),
            Objection(
                "what was made is missing in the list",
                then(step("CREATE_LAMP", NAMED, {"lamp": {"id": "lm_77001", **NAMED}}), look(lamp(2))),
                4,
                "created_is_listed",
            ),
            Objection(
                "a busy time that is not its meeting's",
                then(meeting("10:00", "11:00"), busy("14:00", "15:00")),
                4,
                "busy",
            ),
            Objection("free and busy at once", slot("10:30", "12:00"), 2, "free and busy"),
            Objection("created in the future", make(**NAMED, created_at="2025-11-20T08:00:00+02:00"), 2, "to come"),
            Objection(
                "changed before it was made",
                then(get(created_at="2025-09-20T08:00:00+02:00", updated_at="2025-09-19T08:00:00+02:00")),
                2,
                "before it was made",
            ),
            Objection("made now and dated last year", make(created_at="2024-10-01T08:00:00+02:00"), 2, "made now"),
            Objection(
                "not found though it was shown",
                then(look(lamp(1)), fail("GET_LAMP", {"lamp_id": "lm_77001"}, MISSING)),
                4,
                "errors_have_causes",
            ),
            Objection(
                "signed out of one of two calls",
                at_once(step("LIST_LAMPS", {}, {"lamps": []}), fail("LIST_ROOMS", {}, EXPIRED)),
                3,
                "the session has expired",
            ),
            Objection(
                "a rate limit that is over at once",
                then(fail("LIST_LAMPS", {}, BUSY), step("LIST_LAMPS", {}, {"lamps": []})),
                4,
                "before the time to wait is over",
            ),
            Objection(
                "a name that is taken and was not listed",
                then(look(lamp(2, name="Bow")), fail("CREATE_LAMP", NAMED, TAKEN)),
                4,
                "taken",
            ),
        ],
        lets_pass={
            "a draft that is sent to whom it names": send("ana@fiberlake.com"),
            "the text cut off": post("The cable has frayed near…"),
            "the text marked up": post("<p>The cable has frayed near the plug</p>"),
            "a letter to the one named": forward("ada@fiberlake.com"),
            "a colour in another spelling": make(colour="Green", price=40.0),
            "a value that a call changed": then(
                get(), step("UPDATE_LAMP", {"lamp_id": "lm_77001", "colour": "red"}, {"ok": True}), get(colour="red")
            ),
            "a state that follows from a call": then(
                get(status="on"), step("CLOSE_LAMP", {"lamp_id": "lm_77001"}, {"ok": True}), get(status="off")
            ),
            "one moment in two zones": then(
                get(made_on="2025-09-20T08:00:00+02:00"), get(made_on="2025-09-20T06:00:00+00:00")
            ),
            "what lies in the place asked for": then(look(lamp(1, room={"id": "rm_1001"}), room_id="rm_1001")),
            "a task that was put into the new crate": then(MADE, PUT, TASKS),
            "a token after a full page": then(FIRST, lamps(lamp(3), limit=2, page_token="p2")),
            "a short page without a token": then(lamps(lamp(1), limit=5)),
            "the same thing in two lists": then(step("LIST_ALL", {}, {"old": [lamp(1)], "new": [lamp(1)]})),
            "a total above a full page": then(
                lamps(lamp(1), lamp(2), limit=2, rest={"total": 7, "next_page_token": "p2"})
            ),
            "an option of several": asked(
                "LIST_ITEMS", ITEM_OF, {"status": ["open", "done"]}, status={"type": "array"}
            ),
            "any state": asked("LIST_ITEMS", ITEM_OF, {"status": "all"}, **OPTIONS),
            "a flag that says what to include": then(look(lamp(1, deleted=False), include_deleted=True)),
            "a number at the highest": then(look(lamp(1, price=50), max_price=50)),
            "a day in the span": visits("2025-10-02", start_from="2025-10-01", start_to="2025-10-03"),
            "one's own": then(look(lamp(1, owner={"email": "ada@fiberlake.com"}), owner_email="ada@fiberlake.com")),
            "in the order asked for": then(look(lamp(1, price=1), lamp(2, price=3), sort_by="price", order="asc")),
            "as many words as the text has": then(
                step("CREATE_TEXT", {"text": LONG_TEXT}, {"text": {"id": "tx_1001", "word_count": 12}})
            ),
            "the nights between the days": then(
                step("GET_STAY", {}, {"stay": {"check_in": "2025-10-02", "check_out": "2025-10-05", "nights": 3}})
            ),
            "something else than was deleted": then(DELETED, look(lamp(2))),
            "what was deleted and restored": then(
                DELETED, step("RESTORE_LAMP", {"lamp_id": "lm_77001"}, {"ok": True}), look(lamp(1))
            ),
            "what was made, listed": then(
                step("CREATE_LAMP", NAMED, {"lamp": {"id": "lm_77001", **NAMED}}), look(lamp(1), lamp(2))
            ),
            "what was made, on a filtered list": then(
                step("CREATE_LAMP", NAMED, {"lamp": {"id": "lm_77001", **NAMED}}), look(lamp(2), query="bow")
            ),
            "a busy time of its meeting": then(meeting("10:00", "11:00"), busy("10:00", "11:00")),
            "free beside busy": slot("11:00", "12:00"),
            "made now": make(created_at="2025-10-01T09:32:00+02:00", updated_at="2025-10-01T09:32:00+02:00"),
            "not found after it was deleted": then(
                look(lamp(1)), DELETED, fail("GET_LAMP", {"lamp_id": "lm_77001"}, MISSING)
            ),
            "signed out of the only call": at_once(fail("LIST_ROOMS", {}, EXPIRED)),
            "a rate limit after a while": talk(
                "Which lamps?", fail("LIST_LAMPS", {}, BUSY), "Busy.", "Again?", step("LIST_LAMPS", {}, []), "None."
            ),
            "a name that is taken and was listed": then(look(lamp(2, name="Arc")), fail("CREATE_LAMP", NAMED, TAKEN)),
        },
    )
}
