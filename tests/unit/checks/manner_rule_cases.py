"""Talk that nobody talks, and values that do not suit their field."""

from typing import Any

from rule_cases import (
    Objection,
    Step,
    Table,
    define,
    step,
    talk,
)

from funcdex_assets.checks.rules.case import Case

LAMPS = step("LIST_LAMPS", {}, {"lamps": [{"name": "Arc"}]})
NO = "I can't paint walls."
TEXT = {"type": "string"}


def greet(*texts: str, hour: int = 9) -> Case:
    return talk(*texts, now=f"2025-10-01T{hour:02}:30:00+02:00")


def form(request: str, **arguments: Any) -> Case:
    """A request, and a call with the arguments that it fills in."""
    return talk(request, step("SET_LAMP", arguments or {"page_size": 10}, {}), "Done.")


def topic(*parts: Any) -> Case:
    return talk(*parts, matter="gym roof snow load")


def spell(request: str, *steps: Step) -> Case:
    return talk(request, *steps, "Both are done.")


def arc(**arguments: Any) -> Step:
    return step("FIND_LAMP", arguments, {})


def make(name: str = "CREATE_NOTE", request: str = "Please do.", **arguments: Any) -> Case:
    return talk(request, step(name, arguments, {}), "Done.")


COLOURS = define("SET_COLOUR", colour={"enum": ["warm_white", "bright_blue", "red"]}, room=TEXT)


def colour(request: str, value: str, *more: Step) -> Case:
    return talk(request, step("SET_COLOUR", {"colour": value}, {}), *more, "Done.", tools=(COLOURS,))


def book(request: str, end: str, suffix: str = "") -> Case:
    """A booking that begins at ten."""
    arguments = {f"start{suffix}": "2025-10-02T10:00:00+02:00", f"end{suffix}": end}
    return talk(request, step("CREATE_BOOKING", arguments, {}), "Booked.")


TWO_LAMPS = step("LIST_LAMPS", {}, {"lamps": [{"name": "Arc"}, {"name": "Bow"}]})
TABLES = {
    "against_the_clock": Table(
        objects=[
            Objection(
                "good morning at night",
                greet("Good morning!", "Hello.", hour=22),
                0,
                "Good morning' is said at 22:30",
                blocking=False,
            ),
            Objection(
                "good evening in the morning", greet("Hi.", "Good evening, Ada.", hour=8), 1, "08:30", blocking=False
            ),
            Objection(
                "so late at noon",
                greet("Sorry to bother you this late.", "No trouble.", hour=12),
                0,
                "this late",
                blocking=False,
            ),
        ],
        lets_pass={
            "in the morning": greet("Good morning!", "Good morning.", hour=9),
            "in the evening": greet("Good evening!", "Hello.", hour=19),
            "after midnight": greet("Sorry, so late.", "No trouble.", hour=1),
            "quoted": greet('Find the list "Good morning".', "Sure.", hour=22),
        },
    ),
    "praise_after_refusal": Table(
        objects=[
            Objection(
                "perfect", talk("Paint it.", NO, "Perfect, thanks!", "Bye."), 2, "'Perfect' answers", blocking=False
            ),
            Objection("magic", talk("Paint it.", "That isn't possible.", "Magic!", "Bye."), 2, "Magic", blocking=False),
            Objection(
                "lovely",
                talk("Paint it.", "I'm not able to do that.", "Lovely, thank you.", "Bye."),
                2,
                "Lovely",
                blocking=False,
            ),
        ],
        lets_pass={
            "thanks": talk("Paint it.", NO, "Ok, thanks.", "Bye."),
            "never mind": talk("Paint it.", NO, "Great, never mind then.", "Bye."),
            "great shame": talk("Paint it.", NO, "Great shame.", "Bye."),
            "after a success": talk("Which lamps?", LAMPS, "Arc; I can't see others.", "Perfect!", "Bye."),
            "within the text": talk("Paint it.", NO, "That's not great.", "Bye."),
        },
    ),
    "like_a_form": Table(
        objects=[
            Objection("a field and its value", form("Page size: 10."), 0, "'Page size: 10' reads", blocking=False),
            Objection("two lines", form("Make a lamp. Room: attic. Brand: Lux."), 0, "Room: attic", blocking=False),
            Objection("set as", form("Make one with the page size set to 10."), 0, "page size set to", blocking=False),
            Objection("should be", form("The page size should be 10."), 0, "page size should be", blocking=False),
            Objection("send updates", form("Book it, send updates none."), 0, "send updates", blocking=False),
        ],
        lets_pass={
            "two things": form("Two things: find the lamp and switch it on."),
            "one more thing": form("One more thing: dim it."),
            "a dictated mail": form("Subject: Roof. Text: It leaks."),
            "a date should be": form("The due date should be Friday.", due_date="2025-10-03"),
            "the title should be": form("The title should be Roof.", title="Roof"),
            "the alarm": form("Set the alarm to seven."),
            "with the link": form("Write with the link to the folder."),
            "a time": form("Wake me at 7: 30."),
            "German": form("Raum: Dach. Marke: Lux. Bitte und danke für die Hilfe, das ist nicht viel."),
        },
    ),
    "unseen_ordinal": Table(
        objects=[
            Objection(
                "the third of two",
                talk("Show the lamps.", TWO_LAMPS, "Two.", "Dim the third lamp.", "Dimmed."),
                4,
                "'the third lamp' is of a list of 2",
            ),
            Objection(
                "the first of them",
                talk("Show the lamps and take the first of them.", LAMPS, "Arc."),
                0,
                "first of them",
                blocking=False,
            ),
            Objection(
                "the second lamp",
                talk("List my lamps, then dim the second lamp.", LAMPS, "Arc."),
                0,
                "the second lamp",
                blocking=False,
            ),
            Objection(
                "the last one",
                talk("Get the lamps and drop the last one.", LAMPS, "Arc."),
                0,
                "the last one",
                blocking=False,
            ),
        ],
        lets_pass={
            "as many": talk("Show the lamps.", TWO_LAMPS, "Two.", "Dim the second lamp.", "Dimmed."),
            "a page of several": talk(
                "Show the lamps.",
                step("LIST_LAMPS", {}, {"lamps": [{"name": "Arc"}], "next": "p2"}),
                "One.",
                "Dim the third lamp.",
                "Dimmed.",
            ),
            "other things": talk("Show the lamps.", TWO_LAMPS, "Two.", "Paint the third wall.", "Painted."),
            "one more was made": talk(
                "Show the lamps.",
                TWO_LAMPS,
                "Two.",
                "Add one.",
                step("ADD_LAMP", {}, {"added": True}),
                "Added.",
                "Dim the third lamp.",
                "Dimmed.",
            ),
            "seen": talk("Show the lamps.", LAMPS, "Arc.", "Dim the first of them.", "Dimmed."),
            "the second floor": talk("Which lamps are on the second floor?", LAMPS, "Arc."),
            "the third quarter": talk("List the costs of the third quarter.", LAMPS, "Arc."),
            "the second of May": talk("What is due on the second of May?", LAMPS, "Arc."),
            "a title": talk('Open "The first of them".', LAMPS, "Arc."),
        },
    ),
    "loose_topic": Table(
        objects=[
            Objection(
                "in no call",
                topic("The gym roof snow load worries me. Which lamps?", LAMPS, "Arc."),
                0,
                "in no argument",
                blocking=False,
            ),
            Objection(
                "brought up by the assistant",
                topic(
                    "Which lamps?", step("LIST_LAMPS", {"q": "roof"}, {"lamps": []}), "None for the gym roof snow load."
                ),
                3,
                "the assistant brings up",
                blocking=False,
            ),
            Objection(
                "at the end",
                topic("Which lamps?", LAMPS, "Arc.", "Good luck with the roof, snow and gym.", "Bye."),
                4,
                "gym roof",
                blocking=False,
            ),
        ],
        lets_pass={
            "in an argument": topic(
                "A lamp for the gym roof snow load.", step("FIND_LAMP", {"text": "roof"}, {}), "None."
            ),
            "in a result": topic(
                "The gym roof snow load?", step("LIST_LAMPS", {}, {"lamps": [{"name": "Snow"}]}), "Snow."
            ),
            "not spoken of": topic("Which lamps?", LAMPS, "Arc."),
            "found before it is said": topic(
                "Which lamps?", step("LIST_LAMPS", {}, {"use": "gym roof snow load"}), "For the gym roof snow load."
            ),
        },
    ),
    "spelled_out": Table(
        objects=[
            Objection(
                "two calls",
                spell("Find the lamp Arc, find the lamp Bow.", arc(name="Arc"), arc(name="Bow")),
                1,
                "all 2 calls",
                blocking=False,
            ),
            Objection(
                "with numbers",
                spell("Find lamp 41 and lamp 42.", arc(number=41), arc(number=42)),
                1,
                "spelled out",
                blocking=False,
            ),
            Objection(
                "three",
                spell("Lamps Arc, Bow, Cup.", arc(name="Arc"), arc(name="Bow"), arc(name="Cup")),
                1,
                "all 3",
                blocking=False,
            ),
        ],
        lets_pass={
            "one call": spell("Find the lamp Arc.", arc(name="Arc")),
            "other words": spell("Is there light from Arc, or Bow?", arc(name="Arc"), arc(name="Bow")),
            "a value that is found": spell(
                "Find the lamp Arc and dim it.",
                step("FIND_LAMP", {"name": "Arc"}, {"lamp": {"id": "lp_77"}}),
                step("DIM_LAMP", {"lamp_id": "lp_77"}, {}),
            ),
            "a value that is worked out": spell(
                "Find the lamp Arc, and a lamp for tomorrow.", arc(name="Arc"), arc(day="2025-10-02")
            ),
        },
    ),
    "misfit_value": Table(
        objects=[
            Objection(
                "two sentences", make(title="The roof leaks again. Please come soon."), 1, "no title", blocking=False
            ),
            Objection("a long title", make(subject=" ".join(["roof"] * 20)), 1, "subject is", blocking=False),
            Objection(
                "quoted search words", make("SEARCH_LAMPS", query="'arc lamp'"), 1, "searched for too", blocking=False
            ),
            Objection("due last week", make("CREATE_TASK", due_date="2025-09-20"), 1, "which is past", blocking=False),
            Objection(
                "no slots in the past",
                make("FIND_SLOTS", time_max="2025-09-20T10:00:00Z"),
                1,
                "window is past",
                blocking=False,
            ),
        ],
        lets_pass={
            "a title": make(title="Roof leaks in room 4!"),
            "abbreviations": make(title="Dr. Lang vs. St. Mary no. 4. Part 2"),
            "search words": make("SEARCH_LAMPS", query="arc lamp"),
            "due today": make("CREATE_TASK", due_date="2025-10-01"),
            "read of the past": make("LIST_TASKS", due_before="2025-09-20"),
            "a past beginning": make("LOG_WORK", started_at="2025-09-20T10:00:00Z"),
        },
    ),
    "impossible_request": Table(
        objects=[
            Objection(
                "end before beginning",
                make(start="2025-10-02T12:00:00Z", end="2025-10-02T11:00:00Z"),
                1,
                "end is before start",
            ),
            Objection(
                "no time between",
                make(start_time="2025-10-02T12:00:00Z", end_time="2025-10-02T12:00:00Z"),
                1,
                "end_time",
            ),
            Objection(
                "days",
                make("LIST_LAMPS", start_date="2025-10-05", end_date="2025-10-02"),
                1,
                "end_date is before start_date",
            ),
            Objection(
                "a window",
                make("LIST_LAMPS", time_min="2025-10-05T00:00:00Z", time_max="2025-10-02T00:00:00Z"),
                1,
                "time_max",
            ),
        ],
        lets_pass={
            "in order": make(start="2025-10-02T11:00:00Z", end="2025-10-02T12:00:00Z"),
            "one whole day": make(start_date="2025-10-02", end_date="2025-10-02"),
            "another zone": make(start="2025-10-02T12:00:00+02:00", end="2025-10-02T11:00:00Z"),
            "one without an offset": make(start="2025-10-02T12:00:00", end="2025-10-02T11:00:00Z"),
            "no moments": make(start="later", end="now"),
        },
    ),
    "self_addressed": Table(
        objects=[
            Objection(
                "a mail to somebody",
                make("SEND_MAIL", to="bo@x.io", body="Dear Ada, it is late."),
                1,
                "its own author",
                blocking=False,
            ),
            Objection(
                "a draft that is found",
                talk("My drafts?", step("LIST_DRAFTS", {}, {"drafts": [{"body": "Hi Ada, fine."}]}), "One."),
                2,
                "Hi Ada",
                blocking=False,
            ),
            Objection(
                "what the user sent",
                talk(
                    "My mail?",
                    step("GET_MAIL", {}, {"mail": {"from": "ada.lind@lindenhill.com", "text": "Ada, fine."}}),
                    "One.",
                ),
                2,
                "own author",
                blocking=False,
            ),
        ],
        lets_pass={
            "to another": make("SEND_MAIL", to="bo@x.io", body="Dear Bo, it is late."),
            "to oneself": make("SEND_MAIL", to="ada.lind@lindenhill.com", body="Ada, buy milk."),
            "from another": talk(
                "My mail?", step("GET_MAIL", {}, {"mail": {"from": "bo@x.io", "text": "Dear Ada, fine."}}), "One."
            ),
            "another Ada": make("SEND_MAIL", to="bo@x.io", body="Adalbert, it is late."),
        },
    ),
    "contradicts_user": Table(
        objects=[
            Objection(
                "half an hour",
                book("Book half an hour.", "2025-10-02T11:00:00+02:00"),
                1,
                "lasts 60 minutes, and the user said 30",
            ),
            Objection("45 minutes", book("A 45-minute slot, please.", "2025-10-02T10:30:00+02:00"), 1, "said 45"),
            Objection(
                "two hours, in another field",
                book("For two hours.", "2025-10-02T11:00:00+02:00", suffix="_time"),
                1,
                "said 120",
            ),
            Objection(
                "another option",
                colour("Make it warm white.", "red"),
                1,
                "'red', though the user has just said 'warm_white'",
            ),
            Objection("the other one", colour("Bright blue in here!", "warm_white"), 1, "bright_blue"),
        ],
        lets_pass={
            "the length": book("Book half an hour.", "2025-10-02T10:30:00+02:00"),
            "two lengths": book("Half an hour, or 45 minutes.", "2025-10-02T10:45:00+02:00"),
            "the end is said": book(
                "From ten to October 2 at 11 am, I need 30 minutes of it.", "2025-10-02T11:00:00+02:00"
            ),
            "an hour before": book("Book it, and remind me an hour before.", "2025-10-02T10:30:00+02:00"),
            "the option": colour("Make it warm white.", "warm_white"),
            "both": colour("Not warm white any more, red!", "red"),
            "denied": colour("Anything, but no warm white.", "red"),
            "for another call": colour(
                "Warm white here, the rest as you like.", "red", step("SET_COLOUR", {"colour": "warm_white"}, {})
            ),
            "quoted": colour('Play "Warm White" and surprise me.', "red"),
        },
    ),
}
