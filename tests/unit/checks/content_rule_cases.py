"""What things hold, who is on them and in which state they are, beside the calls that made or changed them."""

from typing import Any

from rule_cases import (
    Objection,
    Step,
    Table,
    define,
    offer,
    step,
    talk,
)

from funcdex_assets.checks.rules.case import Case


def then(*steps: Step, reply: str = "It is seen to.") -> Case:
    """A request that leads to some calls, one after the other."""
    return talk("Please see to it.", *steps, reply)


def club(arguments: Any, name: str = "CREATE_CLUB", **fields: Any) -> Case:
    """Something that is made, and comes back with these fields."""
    return then(step(name, arguments, {"club": {"id": "cl_501", "name": "Chess", **fields}}))


CHESS = {"name": "Chess"}
WELCOME = "Welcome to all who have just moved in"
MADE = step("CREATE_CLUB", CHESS, {"club": {"id": "cl_501", "name": "Chess"}})
PACKED = {"parcel": {"id": "pa_7701", "attachments": [{"name": "x.pdf"}]}}


def members(*emails: str, **fields: Any) -> Any:
    return {"club": {"id": "cl_501", "members": [{"email": email} for email in emails], **fields}}


def drop(before: Any, *between: Step, reply: str = "Eve is off the list.") -> Case:
    """Eve is taken off a club that was shown before."""
    call = step("REMOVE_MEMBER", {"club_id": "cl_501", "member_email": "eve@x.io"}, {"removed": True})
    return then(step("GET_CLUB", {"club_id": "cl_501"}, before), *between, call, reply=reply)


def move(state: Any, reply: str = "Moved it along.", **leads: Any) -> Case:
    """A move from a list of moves, and the state after it."""
    moves = step("GET_MOVES", {"case_id": "ca_601"}, {"moves": [{"id": "mv_71", "name": "Next", **leads}]})
    return then(moves, step("MOVE_CASE", {"case_id": "ca_601", "move_id": "mv_71"}, state), reply=reply)


def again(name: str, *before: Step, reply: str = "That is done.") -> Case:
    """A lamp that is changed after it was shown."""
    return then(*before, step(name, {"lamp_id": "la_301"}, {}), reply=reply)


def lamp(name: str = "GET_LAMP", **fields: Any) -> Step:
    return step(name, {"lamp_id": "la_301"}, {"lamp": {"id": "la_301", **fields}})


def find(identity: str, more: bool = False, **arguments: Any) -> Step:
    """A search that finds one memo."""
    page = {"memos": [{"id": identity}], **({"next": "p2"} if more else {})}
    return step("SEARCH_MEMOS", {"query": "yeast", **arguments}, page)


LATE, EARLY = "2025-09-20", "2025-09-01"
LAMPS = {"lamps": [{"id": "la_301"}]}

TABLES = {
    "unsent_content": Table(
        objects=[
            Objection("a description", club(CHESS, description=WELCOME), 2, "has description 'Welcome"),
            Objection("a due date", club(CHESS, due_date="2025-11-03"), 2, "has due_date '2025-11-03'"),
            Objection(
                "attachments, seen later",
                then(
                    step("SEND_PARCEL", {"to": "Bo"}, {"parcel": {"id": "pa_7701", "to": "Bo"}}),
                    step("GET_PARCEL", {"parcel_id": "pa_7701"}, PACKED),
                ),
                4,
                "attachments with 1 of them",
                blocking=False,
            ),
            Objection("a header", club({"club_id": "c1"}, "ADD_HEADER", text="For review"), 2, "text 'For review'"),
        ],
        lets_pass={
            "given": club({**CHESS, "about": WELCOME}, description=WELCOME),
            "the name again": club(CHESS, description="Chess"),
            "a preview": club({**CHESS, "about": WELCOME}, body="Welcome to all…"),
            "a copy": club(CHESS, "COPY_CLUB", description=WELCOME),
            "of a template": club({"template_id": "t5"}, description=WELCOME),
            "forwarded": club({"to": "Bo"}, "FORWARD_NOTE", body=WELCOME),
            "a default": offer(
                club(CHESS, description="None yet"),
                define("CREATE_CLUB", description={"type": "string", "default": "None yet"}),
            ),
            "due by the words given": club({**CHESS, "due_string": "in a month"}, due_date="2025-11-03"),
            "the terms of an invoice": club(CHESS, due_date="2025-11-03", amount_due=400),
            "a file was given": club({**CHESS, "file_path": "x.pdf"}, attachments=[{"name": "x.pdf"}]),
            "given later": then(
                MADE,
                step("UPDATE_CLUB", {"club_id": "cl_501", "about": WELCOME}, {}),
                step("GET_CLUB", {"club_id": "cl_501"}, {"club": {"id": "cl_501", "description": WELCOME}}),
            ),
            "not made here": then(
                step("GET_CLUB", {"club_id": "cl_501"}, {"club": {"id": "cl_501", "description": WELCOME}})
            ),
            "nothing in it": club(CHESS, description="", attachments=[]),
        },
    ),
    "removed_stranger": Table(
        objects=[
            Objection("not a member", drop(members("bo@x.io")), 4, "'eve@x.io' was not among the member"),
            Objection(
                "no longer one", drop(members("bo@x.io"), reply="eve@x.io is no longer a member."), 4, "'eve@x.io'"
            ),
            Objection(
                "not in the full listing",
                then(
                    step("LIST_MEMBERS", {"club_id": "cl_501"}, {"members": [{"email": "bo@x.io"}]}),
                    step("REMOVE_MEMBER", {"club_id": "cl_501", "member_email": "eve@x.io"}, {}),
                ),
                4,
                "'eve@x.io'",
            ),
            Objection(
                "another word for it",
                then(
                    step("GET_FEAST", {}, {"feast": {"id": "fe_501", "guests": [{"email": "bo@x.io"}]}}),
                    step("REMOVE_ATTENDEE", {"feast_id": "fe_501", "attendee_email": "eve@x.io"}, {}),
                ),
                4,
                "among the guest",
            ),
        ],
        lets_pass={
            "a member": drop(members("bo@x.io", "Eve@x.io")),
            "elsewhere on it": drop(members("bo@x.io", owner={"email": "eve@x.io"})),
            "added since": drop(
                members("bo@x.io"), step("ADD_MEMBER", {"club_id": "cl_501", "member_email": "eve@x.io"}, {})
            ),
            "told": drop(members("bo@x.io"), reply="Eve was not on the list, so nothing has changed."),
            "no addresses": drop({"club": {"id": "cl_501", "members": [{"name": "Bo"}]}}),
            "a page of several": then(
                step("LIST_MEMBERS", {"club_id": "cl_501"}, {"members": [{"email": "bo@x.io"}], "next": "p2"}),
                step("REMOVE_MEMBER", {"club_id": "cl_501", "member_email": "eve@x.io"}, {}),
            ),
        },
    ),
    "unmoved_state": Table(
        objects=[
            Objection("as before", move({"status": "Done"}, to_status="In review"), 4, "leads to 'In review'"),
            Objection(
                "elsewhere", move({"case": {"id": "ca_601", "status": "Open"}}, to={"name": "Held"}), 4, "is 'Open'"
            ),
            Objection(
                "still",
                move({"status": "Done"}, "Moved it along, status still Done.", to_status="Held"),
                4,
                "leads to 'Held'",
            ),
            Objection(
                "an argument",
                then(step("SET_CASE_STATUS", {"case_id": "ca_601", "status": "held"}, {"status": "open"})),
                2,
                "leads to 'held'",
            ),
        ],
        lets_pass={
            "moved": move({"status": "in_review"}, to_status="In review"),
            "the state before": move({"previous_status": "Open", "status": "Held"}, to_status="Held"),
            "told": move({"status": "Done"}, "It didn't move: it's still done.", to_status="Held"),
            "no state in the result": move({"moved": True}, to_status="Held"),
            "where it leads is not known": move({"status": "Done"}),
            "only that it worked": move({"status": "success"}, to_status="Held"),
        },
    ),
    "narrower_finds_more": Table(
        objects=[
            Objection(
                "an earlier bound",
                then(find("me_501", modified_after=LATE), find("me_502", modified_after=EARLY)),
                4,
                "lacks 'me_501'",
            ),
            Objection(
                "no limit",
                then(find("me_501", modified_after=LATE, limit=3), find("me_502", modified_after=EARLY)),
                4,
                "lacks 'me_501'",
            ),
            Objection(
                "the wider one first", then(find("me_501"), find("me_502", modified_after=LATE)), 4, "lacks 'me_502'"
            ),
        ],
        lets_pass={
            "the same": then(find("me_501", modified_after=LATE), find("me_501", modified_after=EARLY)),
            "narrower": then(find("me_501", modified_before=LATE), find("me_502", modified_after=EARLY)),
            "more behind": then(find("me_501", modified_after=LATE), find("me_502", more=True, modified_after=EARLY)),
            "full": then(find("me_501", modified_after=LATE), find("me_502", modified_after=EARLY, limit=1)),
            "other words": then(find("me_501"), find("me_502", folder="North")),
            "changed in between": then(
                find("me_501", modified_after=LATE),
                step("DELETE_MEMO", {"memo_id": "me_501"}, {}),
                find("me_502", modified_after=EARLY),
            ),
        },
    ),
    "needless_change": Table(
        objects=[
            Objection("starred", again("STAR_LAMP", lamp(starred=True)), 4, "starred true already in message 2"),
            Objection("closed", again("CLOSE_LAMP", lamp(status="Closed")), 4, "status 'Closed'"),
            Objection(
                "from a list of open ones",
                again("REOPEN_LAMP", step("LIST_OPEN_LAMPS", {}, LAMPS)),
                4,
                "listed as open",
            ),
            Objection(
                "a remark in between",
                again("ARCHIVE_LAMP", lamp(archived=True), lamp("POST_LAMP_COMMENT", archived=True)),
                6,
                "archived true",
            ),
        ],
        lets_pass={
            "a change": again("STAR_LAMP", lamp(starred=False)),
            "the other way": again("REOPEN_LAMP", lamp(status="Closed")),
            "changed in between": again("STAR_LAMP", lamp(starred=True), lamp("UNSTAR_LAMP")),
            "told": again("STAR_LAMP", lamp(starred=True), reply="It was starred already."),
            "nothing is known": again("REOPEN_LAMP", step("LIST_LAMPS", {}, LAMPS)),
            "another one": again("STAR_LAMP", step("GET_LAMP", {}, {"lamp": {"id": "la_302", "starred": True}})),
        },
    ),
}
