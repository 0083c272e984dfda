"""Listings: the shapes in which services page, and what a reply must say of how many there are."""

from typing import Any

from rule_cases import (
    Objection,
    Table,
    define,
    step,
    talk,
)

from funcdex_assets.checks.rules.case import Case

ALERTS = [{"id": f"al_{number}", "name": name} for number, name in enumerate(("DiskFull", "HighLoad", "NoPing"))]
BOOKS = [{"title": title, "isbn": f"97800{number}"} for number, title in enumerate(("Emma", "Persuasion", "Sanditon"))]
NEXT_ALERTS = {"alerts": ALERTS, "next_cursor": "c_77"}
LIMITED = define("LIST_ALERTS", limit={"type": "integer"})


def alerts(reply: str, content: Any = NEXT_ALERTS, request: str = "Which alerts are firing?", **arguments: Any) -> Case:
    """An answer to a listing of three alerts, after which others follow."""
    return talk(request, step("LIST_ALERTS", arguments, content), reply, tools=(LIMITED,))


def books(reply: str, content: Any, request: str = "Which books of hers do you have?") -> Case:
    return talk(request, step("SEARCH_BOOKS", {"author": "Austen"}, content), reply)


TABLES = {
    "false_count": Table(
        objects=[
            Objection("three, and more", alerts("DiskFull, HighLoad and NoPing are firing."), 3, "alerts follow"),
            Objection(
                "three in total", alerts("There are 3 alerts in total: DiskFull, HighLoad, NoPing."), 3, "follow"
            ),
            Objection("these are 3 of 3", alerts("Firing (3 of 3): DiskFull, HighLoad, NoPing."), 3, "follow"),
            Objection("the first one", alerts("The first one is DiskFull, then HighLoad and NoPing."), 3, "follow"),
            Objection("no more pages", alerts("DiskFull, HighLoad, NoPing; no more pages."), 3, "follow"),
            Objection("no next page", alerts("There's no next page: DiskFull, HighLoad, NoPing."), 3, "follow"),
            Objection("isn't another", alerts("DiskFull, HighLoad, NoPing. It isn't another page."), 3, "follow"),
            Objection("a formula", alerts("DiskFull, HighLoad, NoPing. Tell me if you want to see more."), 3, "follow"),
            Objection(
                "next two days", alerts("DiskFull, HighLoad, NoPing: look at them in the next two days."), 3, "follow"
            ),
            Objection("a title that says more", alerts('DiskFull, HighLoad, and "Next page".'), 3, "follow"),
            Objection("another number", alerts("There are 4 alerts: DiskFull, HighLoad and NoPing.", ALERTS), 3, "4 "),
            Objection(
                "a greater number with an adjective",
                alerts("I found five critical alerts, DiskFull among them.", ALERTS),
                3,
                "5 alerts are told, and 3 were found",
            ),
            Objection("among others", alerts("DiskFull is firing, among others.", ALERTS), 3, "some are left out"),
            Objection("and two more", alerts("DiskFull, and two more.", ALERTS), 3, "3 alerts were found"),
            Objection(
                "a total, and no word of it",
                books("We have Emma, Persuasion and Sanditon.", {"books": BOOKS, "total": 9}),
                3,
                "more books follow in message 2",
            ),
            Objection(
                "one of four of three",
                alerts("One of the four is critical: DiskFull.", ALERTS, "How is it?"),
                3,
                "4 alerts are told",
            ),
            Objection(
                "a full page, as many as wanted",
                alerts("DiskFull, HighLoad, NoPing.", limit=3),
                3,
                "follow",
                blocking=False,
            ),
            Objection(
                "a full page, said to be all",
                alerts("There are just 3: DiskFull, HighLoad, NoPing.", limit=3),
                3,
                "follow",
            ),
            Objection(
                "one thing looked for",
                books("Emma is one.", {"books": BOOKS, "next": "?p=2"}, "Find me a book of hers."),
                3,
                "follow",
                blocking=False,
            ),
        ],
        lets_pass={
            reason: alerts(reply)
            for reason, reply in {
                "the first page": "That's the first page: DiskFull, HighLoad, NoPing.",
                "twelve altogether": "I've got 3 for you, DiskFull and so forth, and it says there are 12 altogether.",
                "2 out of 5": "Showing 3 out of 5: DiskFull, HighLoad, NoPing.",
                "1–3 of 40": "DiskFull, HighLoad, NoPing (1–3 of 40).",
                "3/12": "3/12: DiskFull, HighLoad, NoPing.",
                "12 overall": "DiskFull, HighLoad, NoPing. It's 12 overall.",
                "a total of nine": "DiskFull, HighLoad, NoPing, of a total of nine.",
                "an offer to go on": "DiskFull, HighLoad, NoPing. Shall I go on?",
                "an offer to load": "DiskFull, HighLoad, NoPing; I can load more.",
                "the three newest": "The three newest are DiskFull, HighLoad, NoPing.",
                "lots of others": "DiskFull, HighLoad, NoPing, with lots of others.",
                "the list goes on": "DiskFull, HighLoad, NoPing, and the list goes on.",
                "others follow": "DiskFull, HighLoad, NoPing; others follow.",
                "not the whole list": "DiskFull, HighLoad, NoPing. That's not the whole list.",
                "isn't everything": "DiskFull, HighLoad, NoPing, which isn't everything.",
                "the latest three": "The latest three are DiskFull, HighLoad, NoPing.",
                "the next ones": "DiskFull, HighLoad, NoPing. Want the next ones?",
                "there's another page": "DiskFull, HighLoad, NoPing, and there's another page.",
                "all named, and some more": "DiskFull, HighLoad, NoPing, and a few more.",
                "at least": "At least 3 are firing: DiskFull, HighLoad, NoPing.",
                "so far": "So far I see DiskFull, HighLoad, NoPing.",
                "part of it": "This is only part of it: DiskFull, HighLoad, NoPing.",
                "more are available": "DiskFull, HighLoad, NoPing, with more available.",
                "the rest would be": "DiskFull, HighLoad, NoPing; the rest would be on page 2.",
            }.items()
        }
        | {
            "the right number": alerts("There are three alerts: DiskFull, HighLoad and NoPing.", ALERTS),
            "some of them, with an adjective": alerts("There are 2 critical alerts: DiskFull and HighLoad.", ALERTS),
            "a number in a quoted title": alerts('I found "Top 10 alerts", DiskFull, HighLoad and NoPing.', ALERTS),
            "of another noun": alerts("There are 4 hosts behind DiskFull, HighLoad and NoPing.", ALERTS),
            "the total": books("There are 9 books, such as Emma.", {"books": BOOKS, "total": 9, "next": "x"}),
            "a cursor at the end, and no more": books(
                "Emma, Persuasion.", {"books": BOOKS, "has_more": False, "next_cursor": "c"}
            ),
            "the page is turned": talk(
                "Which alerts are firing?",
                step("LIST_ALERTS", {}, NEXT_ALERTS),
                step("LIST_ALERTS", {"cursor": "c_77"}, {"alerts": [{"id": "al_9", "name": "OldCert"}]}),
                "There are 4 alerts: DiskFull, HighLoad, NoPing and OldCert.",
            ),
            "German": talk(
                "Welche Alarme sind das und was ist mit dem Server?",
                step("LIST_ALERTS", {}, NEXT_ALERTS),
                "Es sind DiskFull, HighLoad und NoPing, und die sind nicht neu.",
            ),
            "Spanish": talk(
                "¿Qué alertas hay en el servidor de la casa?",
                step("LIST_ALERTS", {}, NEXT_ALERTS),
                "Hay 3 alertas en el servidor: DiskFull, HighLoad y NoPing.",
            ),
            "Japanese": talk(
                "どのアラートが出ていますか。",
                step("LIST_ALERTS", {}, NEXT_ALERTS),
                "DiskFullなど三件が発生しています。",
            ),
            "a listing that is not told": alerts("I looked it up."),
        },
    ),
    "not_all": Table(
        objects=[
            Objection("all my", alerts("DiskFull, HighLoad, NoPing.", request="Show all my alerts."), 3, "all alerts"),
            Objection("every", alerts("DiskFull, HighLoad, NoPing.", request="List every alert."), 3, "message 2"),
            Objection(
                "everything",
                books(
                    "Emma and others by her.", {"books": BOOKS, "meta": {"next": "/b?p=2"}}, "Find everything by her."
                ),
                3,
                "all books were asked for",
            ),
            Objection(
                "a complete list",
                alerts("DiskFull and NoPing.", request="I need the complete list of alerts."),
                3,
                "more follow",
            ),
        ],
        lets_pass={
            "told": alerts("DiskFull, HighLoad, NoPing; 9 more follow.", request="Show all my alerts."),
            "there are no others": alerts("DiskFull, HighLoad, NoPing.", ALERTS, "Show all my alerts."),
            "every Monday": alerts("DiskFull.", request="Which alerts come every Monday?"),
            "all day": alerts("DiskFull.", request="Which alerts fired all day?"),
            "to complete": alerts("DiskFull.", request="Which alerts can I complete?"),
            "quoted": alerts("DiskFull.", request='Which alerts have "all my servers" in the text?'),
            "Spanish": talk(
                "Quiero ver todas las alertas de la casa, every one",
                step("LIST_ALERTS", {}, NEXT_ALERTS),
                "Hay tres alertas en la casa: DiskFull, HighLoad y NoPing.",
            ),
        },
    ),
    "short_page": Table(
        objects=[
            Objection("2 of 10", alerts("DiskFull …", limit=10), 2, "3 of at most 10", blocking=False),
            Objection(
                "the default of the tool",
                talk(
                    "Which cars are free?",
                    step("LIST_CARS", {}, {"cars": [{"plate": "B-X 1"}], "nextPageToken": "t"}),
                    "B-X 1, and more.",
                    tools=(define("LIST_CARS", pageSize={"type": "integer", "default": 20}),),
                ),
                2,
                "1 of at most 20",
                blocking=False,
            ),
            Objection(
                "a link to the next page",
                alerts("DiskFull …", {"data": ALERTS, "links": {"next": "https://x.io/a?page=2"}}, limit=5),
                2,
                "another page",
                blocking=False,
            ),
        ],
        lets_pass={
            "full": alerts("DiskFull …", limit=3),
            "no limit": alerts("DiskFull …"),
            "the last page": alerts("DiskFull …", {"alerts": ALERTS, "next_cursor": None}, limit=10),
            "has no more": alerts("DiskFull …", {"alerts": ALERTS, "hasMore": False, "cursor": "c"}, limit=10),
        },
    ),
}
