"""References and questions: what the assistant chooses by itself, and what it asks without need."""

from typing import Any

from rule_cases import (
    Objection,
    Step,
    Table,
    define,
    fail,
    step,
    talk,
)

from funcdex_assets.checks.rules.case import Case
from funcdex_assets.records.tool import Tool

TEXT = {"type": "string"}
BOOKS = {
    "books": [
        {"id": "bk_101", "title": "Emma", "shelf": "North"},
        {"id": "bk_102", "title": "Persuasion", "shelf": "South"},
        {"id": "bk_103", "title": "Sanditon", "shelf": "South"},
    ]
}
ALERTS = {
    "alerts": [
        {"id": "al_5501", "name": "DiskFull", "host": "db-1"},
        {"id": "al_5502", "name": "DiskFull", "host": "db-2"},
    ]
}
PEOPLE = {
    "contacts": [
        {"id": "ct_871", "name": "Ana Cruz", "city": "Oslo"},
        {"id": "ct_872", "name": "Ana Diaz", "city": "Rome"},
    ]
}
LIST_BOOKS = step("LIST_BOOKS", {}, BOOKS)
LIST_ALERTS = step("LIST_ALERTS", {}, ALERTS)
FIND_PEOPLE = step("FIND_CONTACTS", {"query": "Ana"}, PEOPLE)


def renew(book_id: str) -> Step:
    return step("RENEW_BOOK", {"book_id": book_id}, {"due": "2025-11-01"})


def drop(book_id: str) -> Step:
    return step("DELETE_BOOK", {"book_id": book_id}, {})


def books(request: str, *parts: Any, listed: str = "Emma, Persuasion and Sanditon.") -> Case:
    return talk("Which books have I got?", LIST_BOOKS, listed, request, *parts)


def alerts(request: str, *parts: Any) -> Case:
    return talk("Which alerts are firing?", LIST_ALERTS, "DiskFull on db-1 and on db-2.", request, *parts)


NOTE = define("CREATE_NOTE", required=("text",), text=TEXT, colour=TEXT, folder=TEXT)
ROOM = define("BOOK_ROOM", required=("room", "day"), room=TEXT, day=TEXT, guests={"type": "array"})
WIPE = define("DELETE_LIST", required=("list_name",), list_name=TEXT)
SEAT = define("set_seat", position=TEXT)
FIND = define("LIST_TRAINS", day=TEXT)


def ask(
    request: str, question: str, answer: str, *parts: Any, tools: tuple[Tool, ...] = (NOTE, ROOM, WIPE, SEAT, FIND)
) -> Case:
    return talk(request, question, answer, *parts, tools=tools)


def note(text: str = "Milk", **arguments: str) -> Step:
    return step("CREATE_NOTE", {"text": text, **arguments}, {"note": {"no": 7}})


TRAINS = step("LIST_TRAINS", {"day": "today"}, {"trains": [{"no": 4}]})


SHEETS = (
    "Copy the sheet Plan.",
    step("COPY_SHEET", {"sheet_id": "sh_801", "title": "Draft"}, {"sheet": {"id": "sh_802", "title": "Draft"}}),
    "Copied.",
)


def sheets(request: str, *taken: str) -> Case:
    """What is asked for a sheet after another one was copied, and the ones that are taken for it."""
    return talk(*SHEETS, request, *(step("PRINT_SHEET", {"sheet_id": one}, {"ok": True}) for one in taken), "Printed.")


def made_twice(*more: str, made: str = "2025-02-21T08:30:00Z") -> Case:
    """A group and a task of one name."""
    return talk(
        "Look for Plan.",
        step("LIST_TASKS", {}, {"tasks": [{"id": "ta_301", "content": "Plan", "created_at": made}]}),
        step("GET_GROUP", {}, {"group": {"id": "gr_301", "name": "Plan", "created_at": "2025-03-07T09:35:00Z"}}),
        "Found.",
        *more,
    )


TABLES = {
    "silent_choice": Table(
        objects=[
            Objection("the original, after a copy", sheets("Print that sheet.", "sh_801"), 5, "'that sheet' may be"),
            Objection(
                "the copy, after the original",
                talk(
                    *SHEETS,
                    "Print the original.",
                    step("PRINT_SHEET", {"sheet_id": "sh_801"}, {"ok": True}),
                    "Printed.",
                    "Print the sheet once more.",
                    step("PRINT_SHEET", {"sheet_id": "sh_802"}, {"ok": True}),
                    "Printed.",
                ),
                9,
                "'the sheet' may be 'sh_802'",
            ),
            Objection(
                "the date of two",
                made_twice('What was the creation date of "Plan"?', "March 7 at 9:35 am."),
                7,
                "'Plan' is the name of a group and of a task",
            ),
            Objection(
                "that book", books("Delete that book.", drop("bk_101"), "Done."), 5, "'that book' may be any of 3"
            ),
            Objection(
                "the alert",
                alerts("Remove the alert.", step("DELETE_ALERT", {"alert_id": "al_5502"}, {}), "Gone."),
                5,
                "any of 2",
            ),
            Objection(
                "a name that two have",
                talk(
                    "Write to Ana that we are late.",
                    FIND_PEOPLE,
                    step("SEND_NOTE", {"contact_id": "ct_871", "text": "We are late."}, {}),
                    "It is sent.",
                ),
                3,
                "'ana' fits several of 2",
            ),
            Objection(
                "another one's words",
                books("Take out Persuasion.", drop("bk_103"), "Done."),
                5,
                "'persuasion' is of another",
            ),
            Objection("it", books("Delete it.", drop("bk_103"), "Done."), 5, "'it' may be any of 3"),
            Objection(
                "not the cheapest",
                talk(
                    "Book the cheapest room.",
                    step(
                        "LIST_ROOMS",
                        {},
                        {"rooms": [{"id": "rm_1", "price": 80}, {"id": "rm_2", "name": "Oak", "price": 60}]},
                    ),
                    step("BOOK_ROOM", {"room_id": "rm_1"}, {}),
                    "Booked.",
                ),
                3,
                "'Oak' is cheaper",
            ),
            Objection(
                "nobody named it",
                talk(
                    "Order me something to read.",
                    LIST_BOOKS,
                    step("CREATE_ORDER", {"book_id": "bk_101"}, {"order": {"no": 1}}),
                    "It is ordered.",
                ),
                3,
                "nobody chose",
            ),
        ],
        lets_pass={
            "the copy just made": sheets("Print that sheet.", "sh_802"),
            "the original, said": sheets("Print the original of that sheet.", "sh_801"),
            "its title": sheets('Print "Plan", that sheet.', "sh_801"),
            "the same as before": sheets("Print the original sheet. Then print the sheet.", "sh_801"),
            "a group, said": made_twice('What was the creation date of "Plan"?', "The group is of March 7."),
            "one date": made_twice(
                'What was the creation date of "Plan"?', "March 7 at 9:35 am.", made="2025-03-07T09:35:00Z"
            ),
            "another name": made_twice('What was the creation date of "Plans"?', "March 7 at 9:35 am."),
            "by its title": books("Delete the book Emma.", drop("bk_101"), "Done."),
            "by its shelf": books("Delete the book on the north shelf.", drop("bk_101"), "Done."),
            "by its position": books("Delete the second book.", drop("bk_102"), "Done."),
            "the last one": books("Delete the last one.", drop("bk_103"), "Done."),
            "the cheapest": talk(
                "Book the cheapest room.",
                step(
                    "LIST_ROOMS",
                    {},
                    {"rooms": [{"id": "rm_1", "price": 80}, {"id": "rm_2", "name": "Oak", "price": 60}]},
                ),
                step("BOOK_ROOM", {"room_id": "rm_2"}, {}),
                "Booked.",
            ),
            "it, named": books("Emma bores me, delete it.", drop("bk_101"), "Done."),
            "the longest": books("Delete the longest book.", drop("bk_103"), "Done."),
            "the most popular": books("Delete the most popular book.", drop("bk_103"), "Done."),
            "whichever": books("Delete whichever book.", drop("bk_103"), "Done."),
            "all": books("Delete that book, or rather all.", drop("bk_101"), drop("bk_102"), drop("bk_103"), "Done."),
            "spoken of last": books("Delete that book.", drop("bk_102"), "Done.", listed="Persuasion is due."),
            "dealt with before": books(
                "Renew Emma.", renew("bk_101"), "Done.", "Now delete that book.", drop("bk_101"), "Ok."
            ),
            "only one": talk(
                "Which books?",
                step("LIST_BOOKS", {}, {"books": BOOKS["books"][:1]}),
                "Emma.",
                "Delete that book.",
                drop("bk_101"),
                "Done.",
            ),
            "told which": talk(
                "Order me something to read.",
                LIST_BOOKS,
                step("CREATE_ORDER", {"book_id": "bk_101"}, {"order": {"no": 1}}),
                "I ordered Emma; tell me if you want another.",
            ),
            "a surname": talk(
                "Write to Ana Diaz that we are late.",
                FIND_PEOPLE,
                step("SEND_NOTE", {"contact_id": "ct_872", "text": "We are late."}, {}),
                "It is sent.",
            ),
            "German": books(
                "Lösche das book und die Karte ist auch weg.", drop("bk_101"), "Das ist jetzt weg und nicht mehr da."
            ),
        },
    ),
    "needless_question": Table(
        objects=[
            Objection(
                "an optional colour",
                ask("Note down milk.", "Which colour should it have?", "Green.", note(colour="Green"), "Noted."),
                1,
                "colour",
            ),
            Objection(
                "nothing of the answer",
                ask("Note down milk.", "What else should I know?", "Nothing.", note(), "Noted."),
                1,
                "takes nothing",
            ),
            Objection(
                "details of what it cannot do",
                ask("Paint my door.", "In which shade, and when?", "Any.", "I can't paint anything."),
                1,
                "cannot do",
            ),
            Objection(
                "notes, though it is booked",
                ask(
                    "Book room Oak for Friday.",
                    "Should I also add guests, or a reminder?",
                    "No, just do it.",
                    step("BOOK_ROOM", {"room": "Oak", "day": "Friday"}, {"booking": {"no": 2}}),
                    "Booked.",
                ),
                1,
                "BOOK_ROOM",
            ),
        ],
        lets_pass={
            "a required one": ask(
                "Book room Oak.",
                "For which day do you need it?",
                "Friday.",
                step("BOOK_ROOM", {"room": "Oak", "day": "Friday"}, {"booking": {"no": 2}}),
                "Booked.",
            ),
            "one of several found": ask(
                "Renew my book.", LIST_BOOKS, "Emma or Sanditon?", "Sanditon.", renew("bk_103"), "Renewed."
            ),
            "which of them": ask(
                "Renew my book.", LIST_BOOKS, "Which of them?", "That on the table.", renew("bk_103"), "Ok."
            ),
            "a tool that requires nothing": ask(
                "Move my seat.", "Where to?", "Back.", step("set_seat", {"position": "Back"}, {}), "Moved."
            ),
            "whether it may be deleted": ask(
                "Clean up my lists.",
                "Shall I really delete the list Groceries? That can't be undone.",
                "Yes.",
                step("DELETE_LIST", {"list_name": "Groceries"}, {}),
                "Deleted.",
            ),
            "no question": ask("Note down milk.", note(), "Noted.", "And bread.", note("bread"), "Noted."),
            "German": ask(
                "Bitte schreib das auf: Milch.",
                "Welche Farbe soll die Notiz haben?",
                "Grün, und das ist es.",
                note(colour="Grün"),
                "Ist notiert.",
            ),
        },
    ),
    "held_back_calls": Table(
        objects=[
            Objection(
                "a note waits for a room",
                ask(
                    "Note down milk, and book room Oak.",
                    "For which day do you need it?",
                    "Friday.",
                    (note("milk"), step("BOOK_ROOM", {"room": "Oak", "day": "Friday"}, {})),
                    "Noted and booked.",
                ),
                1,
                "CREATE_NOTE did not need",
                blocking=False,
            ),
            Objection(
                "a look-up waits",
                ask(
                    "Which trains go today? And book a room.",
                    "Which room, and what day?",
                    "Oak on Friday.",
                    TRAINS,
                    step("BOOK_ROOM", {"room": "Oak", "day": "Friday"}, {}),
                    "Train 4; booked.",
                ),
                1,
                "LIST_TRAINS",
                blocking=False,
            ),
            Objection(
                "two wait",
                ask(
                    "Note down milk, then bread, and book room Oak.",
                    "For which day do you need it?",
                    "Friday.",
                    note("milk"),
                    note("bread"),
                    step("BOOK_ROOM", {"room": "Oak", "day": "Friday"}, {}),
                    "Done.",
                ),
                1,
                "CREATE_NOTE",
                blocking=False,
            ),
        ],
        lets_pass={
            "made before": ask(
                "Which trains go today? And book a room.",
                TRAINS,
                "Train 4. Which room, and what day?",
                "Oak on Friday.",
                step("BOOK_ROOM", {"room": "Oak", "day": "Friday"}, {}),
                "Booked.",
            ),
            "it depends on the answer": ask(
                "Note down something.", "What should the note say?", "Milk, on Friday.", note("Milk"), "Noted."
            ),
            "it follows from the answer": ask(
                "Delete a book.",
                "Which book do you mean, by title?",
                "Emma.",
                step("FIND_BOOKS", {"title": "Emma"}, {"books": BOOKS["books"][:1]}),
                drop("bk_101"),
                "Deleted.",
            ),
            "asked later": ask(
                "Book a room.",
                "Which room, and what day?",
                "Oak on Friday, and note down milk.",
                step("BOOK_ROOM", {"room": "Oak", "day": "Friday"}, {}),
                note("milk"),
                "Done.",
            ),
            "failed": ask(
                "Note down milk.",
                fail("CREATE_NOTE", {"text": "milk"}, {"error": "busy"}),
                "Try again?",
                "Yes.",
                note("milk"),
                "Ok.",
            ),
        },
    ),
}
