"""Answers: what they leave out of what was asked, what they claim beyond the results, what they report in part."""

from typing import Any

from rule_cases import (
    Objection,
    Table,
    define,
    fail,
    offer,
    step,
    talk,
)

from funcdex_assets.checks.rules.case import Case

LAMPS = {"lamps": [{"name": "Arc", "price": 240}, {"name": "Bow", "price": 95}]}
LOAN = {"loan": {"loan_no": "L-9", "book": "Emma", "borrower": {"name": "Mia Torres", "email": "mia@torres.net"}}}
GUESTS = {"guests": [{"name": "Ola Nord", "room": 12}, {"name": "Pia West", "room": 14}]}
CAR = {
    "car": {
        "plate": "B-X 91",
        "range_km": 312,
        "battery_level": "LOW_POWER",
        "last_serviced_at": "2025-09-30T10:00:00+02:00",
    }
}
ORDER = {"order": {"order_no": "A-77", "total": 4900, "shipping": 590, "currency": "EUR"}}
SENT = {"message": {"ref_no": "x", "status": "accepted"}}
SLOT = {"visit": {"title": "Boiler check", "start": "2025-10-03T14:00:00+02:00", "end": "2025-10-03T15:30:00+02:00"}}
SLOT_IN_OBJECTS = {
    "visit": {
        "title": "Boiler check",
        "start": {"dateTime": "2025-10-03T14:00:00+02:00"},
        "end": {"dateTime": "2025-10-03T15:30:00+02:00"},
    }
}
LINK = {"share": {"url": "https://shop.io/s/9f", "name": "List"}}


def lamps(request: str, reply: str, content: Any = LAMPS) -> Case:
    return talk(request, step("LIST_LAMPS", {}, content), reply)


def loan(request: str, reply: str, content: Any = LOAN) -> Case:
    return talk(request, step("GET_LOAN", {"book": "Emma"}, content), reply)


def car(request: str, reply: str) -> Case:
    return talk(request, step("GET_CAR", {"plate": "B-X 91"}, CAR), reply)


def order(reply: str, content: Any = ORDER) -> Case:
    return talk("What does order A-77 come to?", step("GET_ORDER", {"order_no": "A-77"}, content), reply)


def visit(request: str, reply: str, content: Any = SLOT) -> Case:
    return talk(request, step("GET_VISIT", {}, content), reply)


def write(reply: str, content: Any = SENT, request: str = "Write to the team that we are late.") -> Case:
    return talk(request, step("SEND_MESSAGE", {"text": "We are late."}, content), reply)


def change(name: str, content: Any, reply: str) -> Case:
    return talk("Please do it.", step(name, {}, content), reply)


def invite(reply: str, **arguments: Any) -> Case:
    return talk("Invite them.", step("CREATE_MEETING", {"title": "Sync", **arguments}, {"meeting": {"no": 4}}), reply)


TWO_LOOKUPS = (
    step("GET_LOAN", {"book": "Emma"}, {"loan": {"book": "Emma", "clerk": {"name": "Udo Lang"}}}),
    step("FIND_BORROWERS", {"book": "Emma"}, {"members": [{"name": "Mia Torres"}]}),
)
BOTH_ASKED = (
    "Which lists are there?",
    step("LIST_LISTS", {}, {"lists": [{"id": "ls_1", "name": "A"}, {"id": "ls_2", "name": "B"}]}),
    "A and B. Which one shall go?",
)


def after_mail(answer: str) -> Case:
    """What is said of the tools after an email was sent."""
    return talk("Email Bo.", step("SEND_EMAIL", {"to": "bo@x.io"}, {"id": "em_501"}), "Sent.", "What else?", answer)


TABLES = {
    "unanswered_part": Table(
        objects=[
            Objection("a listing", lamps("Which lamps are there?", "I looked that up for you."), 3, "LIST_LAMPS"),
            Objection("a thing", car("Show me the car.", "That worked."), 3, "Show me the car"),
            Objection(
                "the second part",
                talk(
                    "List the lamps. What guests are there?",
                    step("LIST_LAMPS", {}, LAMPS),
                    step("LIST_GUESTS", {}, GUESTS),
                    "The lamps are Arc and Bow.",
                ),
                5,
                "What guests are there",
            ),
            Objection(
                "nothing found, and not said",
                lamps("Which lamps are there?", "All done.", {"lamps": [], "total": 0}),
                3,
                "LIST_LAMPS",
            ),
        ],
        lets_pass={
            "told": lamps("Which lamps are there?", "Arc and Bow."),
            "a person by the first name": loan("Tell me about Emma's loan.", "Mia's got it."),
            "how many": lamps("Which lamps are there?", "Two of them."),
            "none": lamps("Which lamps are there?", "There aren't any.", {"lamps": [], "total": 0}),
            "nothing to tell": lamps("Which lamps are there?", "Your list is clear.", {"lamps": []}),
            "not asked": lamps("The lamps worry me.", "I looked that up."),
            "in order to act": talk(
                "Please tell me when it is sent to Mia.",
                step("FIND_READER", {"name": "Mia"}, {"readers": [{"id": "rd_77", "name": "Mia"}]}),
                step("SEND_NOTE", {"reader_id": "rd_77"}, {"note": {"no": 1}}),
                "It is on its way.",
            ),
            "a flag": talk(
                "Is the car locked?", step("get_car_state", {}, {"isLocked": True, "km": 9}), "Yes, it's locked."
            ),
            "a number in words": talk(
                "What does the order come to?", step("GET_ORDER", {}, {"order": {"total": 4900}}), "Forty-nine."
            ),
            "failed": talk("Which lamps are there?", fail("LIST_LAMPS", {}, {"error": "down"}), "That failed."),
            "a tool without a known verb": talk("Give me quiet.", step("SILENCE_ALARM", {}, {"state": "off"}), "Done."),
            "German": lamps("Zeig mir die Lampen und was sie kosten, is das viel?", "Das habe ich für dich erledigt."),
        },
    ),
    "unanswered_question": Table(
        objects=[
            Objection("who", loan("Who has Emma?", "Emma is on loan, number L-9."), 3, "Mia Torres"),
            Objection("tell me who", loan("Tell me who has Emma.", "Emma is lent out (L-9)."), 3, "without a name"),
            Objection("whose", loan("Whose is Emma now?", "Emma is on loan."), 3, "GET_LOAN"),
            Objection(
                "of several look-ups",
                talk("Who has Emma?", *TWO_LOOKUPS, "One person has Emma."),
                5,
                "Mia Torres",
            ),
            Objection("an attribute", car("What's the battery level of the car?", "It is B-X 91."), 3, "battery level"),
            Objection(
                "a state, which may be paraphrased",
                talk(
                    "What's the status of order A-77?",
                    step(
                        "GET_ORDER", {"order_no": "A-77"}, {"order": {"order_no": "A-77", "status": "shipped", "no": 5}}
                    ),
                    "It is number 5.",
                ),
                3,
                "asks for status",
                blocking=False,
            ),
            Objection("a price", lamps("What price are they?", "Arc and Bow."), 3, "price"),
            Objection(
                "a room",
                talk("Which room are they in?", step("LIST_GUESTS", {}, GUESTS), "Ola Nord, Pia West."),
                3,
                "room",
            ),
        ],
        lets_pass={
            "the name": loan("Who has Emma?", "Mia Torres has Emma."),
            "the first name": loan("Who has Emma?", "Emma? That's with Mia."),
            "the address": loan("Who has Emma?", "Emma is with mia@torres.net."),
            "nobody": loan("Who has Emma?", "Nobody has Emma right now."),
            "a person of another look-up": talk("Who has Emma?", *TWO_LOOKUPS, "Mia has Emma."),
            "the colleague who": loan("Remind the colleague who asked for Emma.", "Emma is on loan."),
            "no people found": loan("Who has Emma?", "Emma is on loan.", {"loan": {"book": "Emma"}}),
            "in other letters": car("What's the battery level of the car?", "It's low power, B-X 91."),
            "in another unit": lamps("What price are they?", "Arc and Bow, 2.40 and 0.95."),
            "relative to now": car("When was it last serviced, and what is last serviced at?", "B-X 91: yesterday."),
            "an attribute without a value": lamps(
                "What price are they?", "Arc.", {"lamps": [{"name": "Arc", "price": None}]}
            ),
            "French": loan(
                "Who, je veux dire: qui a le livre Emma, et pour combien de jours?",
                "Emma est avec nous, dans la liste.",
            ),
        },
    ),
    "half_done": Table(
        objects=[
            Objection(
                "both",
                talk(*BOTH_ASKED, "Both.", step("DELETE_LIST", {"list_id": "ls_1"}, {}), "A is gone."),
                7,
                "DELETE_LIST",
            ),
            Objection(
                "all of them",
                talk(
                    *BOTH_ASKED, "Yes, all of them please.", step("ARCHIVE_LIST", {"list_id": "ls_1"}, {}), "Archived."
                ),
                7,
                "all of them",
            ),
            Objection(
                "a link that is ready",
                talk("Share it.", step("SHARE_LIST", {}, LINK), "The link is ready."),
                3,
                "link is ready",
            ),
            Objection(
                "here's the link", talk("Share it.", step("SHARE_LIST", {}, LINK), "Here's your link!"), 3, "your link"
            ),
        ],
        lets_pass={
            "both at once": talk(
                *BOTH_ASKED, "Both.", step("DELETE_LISTS", {"list_ids": ["ls_1", "ls_2"]}, {}), "A and B are gone."
            ),
            "each": talk(
                *BOTH_ASKED,
                "Both.",
                step("DELETE_LIST", {"list_id": "ls_1"}, {}),
                step("DELETE_LIST", {"list_id": "ls_2"}, {}),
                "A and B are gone.",
            ),
            "all with one call": talk(*BOTH_ASKED, "All of them.", step("CLEAR_ALL_LISTS", {}, {}), "Cleared."),
            "only one could be": talk(
                *BOTH_ASKED, "Both.", step("DELETE_LIST", {"list_id": "ls_1"}, {}), "A is gone, but B is locked."
            ),
            "the link": talk("Share it.", step("SHARE_LIST", {}, LINK), "Here's your link: https://shop.io/s/9f"),
            "the link without https": talk("Share it.", step("SHARE_LIST", {}, LINK), "Here's the link: shop.io/s/9f"),
        },
    ),
    "overclaim": Table(
        objects=[
            Objection("they saw it", write("They saw it."), 3, "They saw it"),
            Objection("informed", write("The team's on it, they've been informed."), 3, "informed"),
            Objection("reached", write("It reached everyone."), 3, "reached everyone"),
            Objection("I booked", write("Accepted. I also booked a room."), 3, "booked"),
            Objection("received", write("Everyone has received it."), 3, "accepted"),
            Objection("delivered", write("Your note was delivered."), 3, "was delivered"),
            Objection("arrived, though queued", write("It has arrived.", {"status": "queued"}), 3, "queued"),
            Objection("approved", loan("How is my loan?", "Emma, L-9. Mia has approved it."), 3, "Mia has approved"),
            Objection("nobody has read", loan("How is my loan?", "Emma, L-9. Nobody has read it."), 3, "has read"),
            Objection(
                "I sent", lamps("Which lamps?", "Arc and Bow. I've also sent them to Bo."), 3, "no call did that"
            ),
            Objection("I deleted", lamps("Which lamps?", "Arc and Bow; I deleted the rest."), 3, "I deleted"),
            Objection("as mentioned", lamps("Which lamps?", "As I mentioned, Arc and Bow."), 3, "As I mentioned"),
            Objection("told before", car("Range?", "I reported the 312 earlier."), 3, "not told before"),
            Objection(
                "no access beside what passes",
                talk("Which lamps?", step("LIST_LAMPS", {}, LAMPS), "I can't reach your account."),
                3,
                "beside 1 calls",
            ),
            Objection("a title as the text", visit("What does it say?", 'It says "Boiler check".'), 3, "is a title"),
        ],
        lets_pass={
            "accepted": write("It is accepted for delivery."),
            "not delivered": write("It has not been delivered yet."),
            "once it was read": write("I'll tell you once it was read."),
            "a question": write("Has it been delivered? I can look."),
            "delivered indeed": write("It was delivered.", {"status": "sent", "delivery_status": "delivered"}),
            "approved indeed": loan("How is my loan?", "Mia has approved it.", {"loan": {"approved_by": "Mia"}}),
            "the user said so": talk(
                "Bo confirmed. Which lamps?", step("LIST_LAMPS", {}, LAMPS), "Bo has confirmed; Arc."
            ),
            "nobody has read what is unread": loan("How is it?", "Nobody has read it.", {"mail": {"isUnread": True}}),
            "if she has confirmed": loan("How is it?", "Emma, if Mia has confirmed."),
            "I sent": write("I sent it, status accepted."),
            "a draft that says so": lamps("Which lamps?", 'Arc. A text could be: "I sent it yesterday."'),
            "told before": talk(
                "Which lamps?", step("LIST_LAMPS", {}, LAMPS), "Arc and Bow.", "The second?", "As I said, Bow."
            ),
            "as stated in the ticket": lamps("Which lamps?", "Arc, as stated in the list."),
            "I gave it a title": write("I gave it the title Sync, status accepted."),
            "another service is down": offer(
                talk(
                    "Which lamps and mails?",
                    step("LIST_LAMPS", {}, LAMPS),
                    fail("LIST_MAILS", {}, {"error": "timeout"}),
                    "Arc. I can't access your mail account.",
                ),
                define("LIST_LAMPS", "shop"),
                define("LIST_MAILS", "mail"),
            ),
            "the text": visit(
                "What does it say?", 'It says "Bring a ladder".', {"visit": {"title": "X", "text": "Bring a ladder"}}
            ),
        },
    ),
    "odd_success": Table(
        objects=[
            Objection(
                "not completed",
                change("COMPLETE_TASK", {"task": {"completed": False}}, "It's done."),
                2,
                "completed False",
            ),
            Objection(
                "still open", change("CLOSE_TICKET", {"ticket": {"status": "open"}}, "Closed."), 2, "status open"
            ),
            Objection("not archived", change("ARCHIVE_BOARD", {"isArchived": False}, "Archived it."), 2, "isArchived"),
            Objection("unlocked", change("LOCK_CAR", {"state": "unlocked"}, "The car is locked."), 2, "state unlocked"),
            Objection(
                "still firing", change("SILENCE_ALERT", {"alert": {"state": "firing"}}, "Quiet now."), 2, "firing"
            ),
            Objection(
                "still booked",
                change("CANCEL_ROOM", {"booking": {"status": "confirmed"}}, "Cancelled."),
                2,
                "confirmed",
            ),
        ],
        lets_pass={
            "completed": change("COMPLETE_TASK", {"task": {"completed": True}}, "It's done."),
            "noticed": change(
                "CLOSE_TICKET", {"ticket": {"status": "open"}}, "I closed it, but it still shows as open."
            ),
            "isn't": change("CLOSE_TICKET", {"ticket": {"status": "open"}}, "It isn't closed."),
            "under way": change("CANCEL_ROOM", {"booking": {"status": "cancelling"}}, "It's being cancelled."),
            "reopened": change("REOPEN_TICKET", {"ticket": {"status": "open", "closed": False}}, "Open again."),
            "another flag": change("COMPLETE_TASK", {"task": {"completed": True, "starred": False}}, "Done."),
            "deep within": change(
                "COMPLETE_TASK", {"task": {"done": True, "subtasks": [{"name": "a", "completed": False}]}}, "Done."
            ),
        },
    ),
    "claimed_ability": Table(
        objects=[
            Objection(
                "less than was done",
                after_mail("It comes down to this: I can add labels and list folders."),
                5,
                "leaves out what SEND_EMAIL did in message 2",
            ),
            Objection(
                "a verb and a noun",
                offer(talk("Email Bo.", "I can't send emails."), define("SEND_EMAIL")),
                1,
                "SEND_EMAIL",
            ),
            Objection(
                "in the car",
                offer(
                    talk("A window, please.", "I'm not able to open a window here."), define("open_window", percent={})
                ),
                1,
                "open_window",
            ),
            Objection(
                "unable",
                offer(talk("Renew it.", "I am unable to renew a loan for you."), define("RENEW_LOAN")),
                1,
                "RENEW_LOAN",
            ),
        ],
        lets_pass={
            "all that was done": after_mail("It comes down to this: I can send emails and list labels."),
            "only examples": after_mail("I can add labels and list folders, for example. It comes down to that."),
            "no list": after_mail("It comes down to your wishes."),
            "not said to be all": after_mail("I can add labels and list folders."),
            "another noun": offer(talk("Fax Bo.", "I can't send faxes."), define("SEND_EMAIL")),
            "another verb": offer(talk("Undo it.", "I can't delete emails."), define("SEND_EMAIL")),
            "under a condition": offer(
                talk("Email.", "I can't send an email without an address."), define("SEND_EMAIL")
            ),
            "none on offer": talk("Email Bo.", "I can't send emails."),
            "done all the same": talk("Email Bo.", step("SEND_EMAIL", {}, {}), "I can't send emails twice, so once."),
        },
    ),
    "bare_money": Table(
        objects=[
            Objection("the total", order("Order A-77 comes to 49.00."), 3, "49.00", blocking=False),
            Objection("with a comma", order("That is 4,900 altogether."), 3, "4,900", blocking=False),
            Objection("one of two sentences", order("It is 49.00 EUR. Shipping is 5.90."), 3, "5.90", blocking=False),
        ],
        lets_pass={
            "a code": order("Order A-77 comes to 49.00 EUR, 5.90 of it shipping."),
            "a sign": order("Order A-77 comes to €49.00."),
            "a rare sign": order("It comes to ₴49.00."),
            "a word": order("It comes to 49.00 euros."),
            "another code of the result": order("It comes to 49.00 ISK.", {"total": 4900, "currency": "ISK"}),
            "no currency known": order("It comes to 49.00.", {"total": 4900}),
            "a part of another number": order("The number is 149.00.1."),
        },
    ),
    "missing_detail": Table(
        objects=[
            Objection("a blind copy", invite("Sync is set up.", bcc="eve@x.io"), 3, "bcc", blocking=False),
            Objection("an end", invite("Sync is set up.", until="2025-11-30"), 3, "until", blocking=False),
            Objection("two", invite("Done.", color="red", priority="high"), 3, "color, priority", blocking=False),
        ],
        lets_pass={
            "told": invite("Sync is set up, with a blind copy to eve@x.io.", bcc="eve@x.io"),
            "by name": invite("Sync is set up with Mia.", attendees=["mia.torres@x.io"]),
            "the day in words": invite("It runs until November 30.", until="2025-11-30"),
            "named": invite("I set a reminder.", reminder=10),
            "nothing weighty": invite("Done.", location="Room 4"),
            "switched off": invite("Done.", reminder=False),
            "an identifier": invite("Done.", color_id="c5"),
            "only read": talk("Which ones?", step("LIST_LAMPS", {"until": "2025-11-30"}, LAMPS), "Arc, Bow."),
        },
    ),
    "half_interval": Table(
        objects=[
            Objection(
                "when", visit("When is the visit?", "The Boiler check is on October 3 at 2 pm."), 3, "2025-10-03T15:30"
            ),
            Objection("details", visit("Give me the details.", "Boiler check, October 3 at 14:00."), 3, "15:30"),
            Objection("as objects", visit("When is it?", "On October 3 at 2 pm.", SLOT_IN_OBJECTS), 3, "15:30"),
            Objection(
                "free slots",
                visit("Which slots are free?", "October 3 at 2 pm.", {"slots": [SLOT["visit"]]}),
                3,
                "start",
                blocking=False,
            ),
        ],
        lets_pass={
            "both": visit("When is the visit?", "On October 3 from 2 pm to 3:30 pm."),
            "as a length": visit("When is the visit?", "On October 3 at 2 pm, for an hour and a half."),
            "when it starts": visit("When does the visit start?", "On October 3 at 2 pm."),
            "not asked": visit("Is the boiler seen to?", "Yes, on October 3 at 2 pm."),
            "whole days": visit(
                "When is it?", "On October 3.", {"visit": {"start": "2025-10-03", "end": "2025-10-04"}}
            ),
            "no end": visit("When is it?", "On October 3 at 2 pm.", {"visit": {"start": "2025-10-03T14:00:00+02:00"}}),
            "neither": visit("When is it?", "It is planned."),
        },
    ),
}
