"""Faults in the good conversations: each changes one thing, for which a strict reader rejects the conversation.

A fault is a list of edits of a row's messages. What it leaves is still structurally sound: calls have results, ids
count on, arguments and results are valid under their schemas. What follows from the one thing is changed with it, such
as the reply that tells of a wrong sum, so that nothing else is wrong. Add a fault to the table of its conversation.

>>> fault = next(fault for fault in FAULTS if fault.name == "another amount than half")
>>> damaged = fault.damage_row()["messages"]
>>> damaged[fault.message]["tool_calls"][0]["function"]["arguments"]["amount"], damaged[-1]["content"][:16]
(2300, 'Refunded $23.00,')
"""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Literal, get_args

from good_conversations import Row, find_row

FaultKind = Literal[
    "contradiction",  # a result that disagrees with its call or an earlier result, or an act that does
    "silent_choice",  # several fit, and nobody asked or told the user
    "needless_question",  # asked before acting, for what is optional or of no use
    "unanswered",  # a part of the request is not done, or a listing not told
    "attribute_missing",  # the one thing asked for is left out of the answer
    "false_count",  # another number than there are, or than can be known
    "not_all",  # "all" from the first of several pages
    "overclaim",  # the reply says more than the results, or other than they
    "odd_success",  # a result that is not what was asked for, reported as success
    "unexplained_fault",  # an error for which neither state nor schema has a reason
    "early_retry",  # called again at once, though the error names a time to wait
    "wrong_value",  # a value that the user did not mean, or that is computed wrong
]
FAULT_KINDS: tuple[FaultKind, ...] = get_args(FaultKind)
Edit = Callable[[list[dict[str, Any]]], None]
Faults = tuple[tuple[str, FaultKind, int, *tuple[Edit, ...]], ...]
"""The faults of one conversation: name, kind, message and edits of each."""


@dataclass(frozen=True)
class Fault:
    """`message` is the index, in the damaged messages, at which a reader would point."""

    row: str
    name: str
    kind: FaultKind
    message: int
    edits: tuple[Edit, ...]

    @property
    def id(self) -> str:
        return f"{self.row}: {self.name}"

    def damage_messages(self) -> list[dict[str, Any]]:
        """Returns the messages of the row with the fault in them, and its calls counted anew."""
        messages = deepcopy(find_row(self.row)["messages"])
        for edit in self.edits:
            edit(messages)
        _number_calls(messages)
        return messages

    def damage_row(self) -> Row:
        """Returns the row with the damaged messages.

        The kind follows the number of requests, so that no rule objects to their number alone.
        """
        row, messages = find_row(self.row), self.damage_messages()
        requests = sum(message["role"] == "user" for message in messages)
        is_longer = row["kind"] == "single_turn" and requests > 1
        return {**row, "messages": messages, "kind": "multi_step" if is_longer else row["kind"]}


# ── edits ─────────────────────────────────────────────────────────────────────────────────────


def say(index: int, text: str) -> Edit:
    """Replaces what a message says."""
    return lambda messages: messages[index].update(content=text)


def reword(index: int, old: str, new: str) -> Edit:
    """Replaces words of a message, each time that they occur."""

    def edit(messages: list[dict[str, Any]]) -> None:
        text = messages[index]["content"]
        if old not in text:
            raise ValueError(f"message {index} does not say {old!r} but {text!r}")
        messages[index]["content"] = text.replace(old, new)

    return edit


def argue(index: int, value: Any, *path: str | int, call: int = 0) -> Edit:
    """Sets an argument of a call; a name that is not there is added."""
    return lambda messages: _set_value(messages[index]["tool_calls"][call]["function"]["arguments"], path, value)


def return_value(index: int, value: Any, *path: str | int) -> Edit:
    """Sets a part of a result; a name that is not there is added."""
    return lambda messages: _set_value(messages[index]["content"], path, value)


def append_item(index: int, item: Any, *path: str | int) -> Edit:
    """Adds an item to a list in a result."""

    def edit(messages: list[dict[str, Any]]) -> None:
        content = messages[index]["content"]
        for step in path:
            content = content[step]
        content.append(item)

    return edit


def fail(index: int, error: Mapping[str, Any]) -> Edit:
    """Makes a result an error."""
    return lambda messages: messages[index].update(content=dict(error), error=True)


def remove(start: int, end: int) -> Edit:
    """Removes the messages `start` to `end`, `end` excluded."""

    def edit(messages: list[dict[str, Any]]) -> None:
        del messages[start:end]

    return edit


def remove_call(index: int, call: int) -> Edit:
    """Removes one of several parallel calls, with its result."""

    def edit(messages: list[dict[str, Any]]) -> None:
        del messages[index]["tool_calls"][call], messages[index + 1 + call]

    return edit


def insert(index: int, *added: Mapping[str, Any]) -> Edit:
    """Inserts messages before the message `index`."""

    def edit(messages: list[dict[str, Any]]) -> None:
        messages[index:index] = deepcopy([dict(message) for message in added])

    return edit


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def reply(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


def call(*named_arguments: tuple[str, Mapping[str, Any]]) -> dict[str, Any]:
    calls = [
        {"id": "", "type": "function", "function": {"name": name, "arguments": dict(arguments)}}
        for name, arguments in named_arguments
    ]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def result(name: str, content: Any, error: bool = False) -> dict[str, Any]:
    message = {"role": "tool", "tool_call_id": "", "name": name, "content": content}
    return {**message, "error": True} if error else message


def _set_value(container: Any, path: Sequence[str | int], value: Any) -> None:
    for step in path[:-1]:
        container = container[step]
    container[path[-1]] = value


def _number_calls(messages: Sequence[dict[str, Any]]) -> None:
    """Counts the calls, and gives each result the id of the call that it answers, by their order."""
    counted, open_ids = 0, []
    for message in messages:
        for made in message.get("tool_calls", ()):
            counted += 1
            made["id"] = f"call_{counted}"
            open_ids.append(made["id"])
        if message["role"] == "tool":
            message["tool_call_id"] = open_ids.pop(0)


# ── what services answer ──────────────────────────────────────────────────────────────────────


def nest_error(code: int, status: str, message: str, **more: Any) -> dict[str, Any]:
    """Builds an error as Google, Stripe and Meta write it."""
    return {"error": {"code": code, "message": message, "status": status, **more}}


def part_of(row: str, index: int, *path: str | int) -> Any:
    """Returns a copy of a part of a message of a good conversation."""
    part: Any = find_row(row)["messages"][index]
    for step in path:
        part = part[step]
    return deepcopy(part)


# ── faults by conversation ────────────────────────────────────────────────────────────────────

_BOOKING = part_of("choose_then_book", 8, "content")
_BOOKED_TODAY = {
    "event": {
        **_BOOKING["event"],
        "summary": "Meeting with Ines",
        "start": {"dateTime": "2025-03-11T16:30:00+00:00", "timeZone": "Europe/Lisbon"},
        "end": {"dateTime": "2025-03-11T17:00:00+00:00", "timeZone": "Europe/Lisbon"},
    }
}
CHOOSE_THEN_BOOK: Faults = (
    (
        "an event of an hour for half an hour",
        "contradiction",
        8,
        return_value(8, "2025-03-13T15:00:00+00:00", "event", "end", "dateTime"),
    ),
    (
        "the first slot is booked unasked",
        "silent_choice",
        5,
        remove(5, 10),
        insert(
            5,
            call(
                (
                    "CREATE_EVENT",
                    {
                        "summary": "Meeting with Ines",
                        "start": {"dateTime": "2025-03-11T16:30:00+00:00"},
                        "end": {"dateTime": "2025-03-11T17:00:00+00:00"},
                        "attendees": [{"email": "ines@tideline.example"}],
                    },
                )
            ),
            result("CREATE_EVENT", _BOOKED_TODAY),
            reply('Booked: today, 16:30–17:00, "Meeting with Ines", and Ines is invited.'),
            user("ok"),
            reply("See you there."),
        ),
    ),
    (
        "asks for notes and a reminder",
        "needless_question",
        7,
        insert(7, reply("Should I add notes to it, and do you want a reminder?"), user("no, just book it")),
    ),
    (
        "an hour instead of half an hour",
        "wrong_value",
        7,
        argue(7, "2025-03-13T15:00:00+00:00", "end", "dateTime"),
        return_value(8, "2025-03-13T15:00:00+00:00", "event", "end", "dateTime"),
        reword(9, "14:00–14:30", "14:00–15:00"),
    ),
    (
        "a slot after the window",
        "odd_success",
        4,
        return_value(
            4,
            {"start": "2025-03-18T16:30:00+00:00", "end": "2025-03-18T17:00:00+00:00", "duration_minutes": 30},
            "free_slots",
            0,
        ),
        reword(5, "today from 16:30 to 17:00", "Tuesday 18 March from 16:30 to 17:00"),
    ),
)
NUDGE_SENT: Faults = (
    (
        "again at once, though it had to wait",
        "early_retry",
        3,
        insert(
            1,
            part_of("nudge_sent", 1),
            result(
                "LIST_THREADS",
                nest_error(429, "RESOURCE_EXHAUSTED", "Too many requests. Try again in 45 seconds.", retry_after=45),
                error=True,
            ),
        ),
    ),
    (
        "another last day of the prices",
        "wrong_value",
        5,
        argue(
            5,
            part_of("nudge_sent", 5, "tool_calls", 0, "function", "arguments", "message_body").replace(
                "21 March", "28 March"
            ),
            "message_body",
        ),
        reword(7, "until the 21st", "until the 28th"),
    ),
    (
        "a listed thread is not found",
        "unexplained_fault",
        4,
        fail(
            4,
            nest_error(
                404,
                "NOT_FOUND",
                "Thread 'th_9a' was not found.",
                details=[{"field": "thread_id", "reason": "NOT_FOUND"}],
            ),
        ),
        remove(5, 8),
        insert(
            5,
            reply("I couldn't open the thread about the revised offer: it isn't there any more. So nothing was sent."),
        ),
    ),
    (
        "she has read it",
        "overclaim",
        7,
        reword(7, "the prices hold until the 21st.", "the prices hold until the 21st. She has read it already."),
    ),
    (
        "the reply goes into another thread",
        "odd_success",
        6,
        return_value(6, "th_b1", "message", "thread_id"),
        return_value(6, "Re: Keys for the showroom", "message", "subject"),
    ),
    ("three messages of which one comes", "contradiction", 4, return_value(2, 3, "threads", 0, "message_count")),
)
NUDGE_NOT_NEEDED: Faults = (
    (
        "a nudge though she has answered",
        "contradiction",
        5,
        remove(5, 6),
        insert(
            5,
            call(("REPLY_TO_THREAD", part_of("nudge_sent", 5, "tool_calls", 0, "function", "arguments"))),
            result("REPLY_TO_THREAD", part_of("nudge_sent", 6, "content")),
            reply(
                "Nothing from her since you sent it on 3 March, so I replied in the same thread: hoped she's feeling "
                "better, and that the prices hold until the 21st."
            ),
        ),
    ),
    (
        "what she said is left out",
        "attribute_missing",
        5,
        say(5, "Yes, she wrote back yesterday. So I haven't nudged her."),
    ),
    ("the question is not answered", "unanswered", 5, say(5, "I haven't sent a nudge about the revised offer.")),
    (
        "the lots are mixed up",
        "overclaim",
        5,
        reword(5, "lot 7 is fine for her, lot 4 too high", "lot 4 is fine for her, lot 7 too high"),
    ),
)
_SEARCH_OF_SEVEN = (return_value(4, 7, "total"), return_value(4, "ppt_2", "next_page_token"))
_ALL_THREE = range(3)
CHANGE_ALL_THEN_UNDO_ONE: Faults = (
    ("three of seven", "false_count", 13, *_SEARCH_OF_SEVEN),
    (
        "all, from the first page",
        "not_all",
        13,
        *_SEARCH_OF_SEVEN,
        say(
            13,
            "Everything of Jonas' in PAY that was overdue is now due Monday 17 March, with a note about the audit.",
        ),
    ),
    (
        "signed out in one of three calls",
        "unexplained_fault",
        7,
        fail(
            7,
            {
                "errors": [
                    {
                        "status": 401,
                        "code": "expired_auth",
                        "message": "The access token has expired; sign in to jira again.",
                    }
                ]
            },
        ),
        remove(13, 18),
        remove_call(9, 1),
        insert(
            12,
            reply(
                "PAY-88 and PAY-97 are now due Monday 17 March, each with a note about the audit. PAY-91 could not be "
                "changed, because the sign-in to Jira has expired."
            ),
            user("ok, leave that one"),
            reply("All right, PAY-91 stays as it is, due 7 March."),
        ),
    ),
    ("found, though not overdue", "contradiction", 4, return_value(4, "2025-03-20", "issues", 2, "due_date")),
    (
        "a Tuesday for Monday",
        "wrong_value",
        5,
        *(argue(5, "2025-03-18", "due_date", call=number) for number in _ALL_THREE),
        *(return_value(6 + number, "2025-03-18", "issue", "due_date") for number in _ALL_THREE),
        *(argue(9, "Moved to 18 March because of the audit.", "comment", call=number) for number in _ALL_THREE),
        *(
            return_value(10 + number, "Moved to 18 March because of the audit.", "comment", "body")
            for number in _ALL_THREE
        ),
        reword(13, "Monday 17 March", "18 March"),
    ),
    (
        "the note is said to be gone",
        "overclaim",
        17,
        say(
            17, "Put back: PAY-91 is due 7 March again (so it shows as overdue), and the note about the audit is gone."
        ),
    ),
    ("one date is still the old one", "overclaim", 13, return_value(7, "2025-03-07", "issue", "due_date")),
    (
        "another note than was written",
        "odd_success",
        11,
        return_value(11, "Moved to 24 March because of the audit.", "comment", "body"),
    ),
    (
        "the first of two called Jonas",
        "silent_choice",
        3,
        append_item(
            2,
            {
                "account_id": "acc-77f0b3",
                "display_name": "Jonas Berg",
                "email_address": "jonas.berg@fjordpay.example",
                "active": True,
                "time_zone": "Europe/Oslo",
            },
            "users",
        ),
    ),
)
HALF_REFUND: Faults = (
    ("another amount than half", "wrong_value", 5, argue(5, 2300, "amount"), reword(7, "$24.50", "$23.00")),
    (
        "the other payment",
        "wrong_value",
        5,
        argue(5, "pi_2KxZr9TnWm5LxD0vYc94HePq", "payment_intent_id"),
        return_value(6, "pi_2KxZr9TnWm5LxD0vYc94HePq", "refund", "payment_intent_id"),
    ),
    ("the first of two called so", "silent_choice", 3, return_value(2, "Bram Peeters", "customers", 3, "name")),
    (
        "payments of another customer",
        "contradiction",
        4,
        return_value(
            4,
            {"id": "cus_Ld0PzE5sYhJc3T", "name": "Femke Claes", "email": "femke@claes.example"},
            "payment_intents",
            0,
            "customer",
        ),
    ),
    (
        "a refund of another payment",
        "odd_success",
        6,
        return_value(6, "pi_2KxZr9TnWm5LxD0vYc94HePq", "refund", "payment_intent_id"),
    ),
    (
        "pending, and said to have arrived",
        "overclaim",
        7,
        return_value(6, "pending", "refund", "status"),
        say(7, "The $24.50, half of the $49.00 for the workshop on 8 March, has arrived on the card it was paid with."),
    ),
    (
        "asks for the reason",
        "needless_question",
        5,
        insert(5, reply("Which reason should I give for the refund?"), user("that he asked for it")),
    ),
)
WHO_OUTSIDE_CAN_OPEN: Faults = (
    (
        "who, without a name",
        "attribute_missing",
        9,
        say(
            9,
            'Two people: one can edit "Tender 2025 v3", and one can comment on "Site plan". "Bill of quantities" is '
            "shared inside the company only.",
        ),
    ),
    ("the second page is left out", "not_all", 9, return_value(4, "fpt_2", "nextPageToken")),
    (
        "a listed file is not found",
        "unexplained_fault",
        7,
        fail(
            7,
            nest_error(
                404,
                "NOT_FOUND",
                "File '1sPl7aRm02' was not found.",
                details=[{"field": "fileId", "reason": "NOT_FOUND"}],
            ),
        ),
        say(
            9,
            'Only one that I see: m.kessler@kesslerbau.example can edit "Tender 2025 v3". "Bill of quantities" is '
            'shared inside the company only, and "Site plan" could not be found.',
        ),
    ),
    ("three, of whom two are named", "false_count", 9, reword(9, "Two people", "Three people")),
    (
        "nobody has opened them",
        "overclaim",
        9,
        reword(
            9, "inside the company only.", "inside the company only. Neither of the two has opened a file this month."
        ),
    ),
    ("the rights to another file", "contradiction", 6, return_value(6, "1zZx9qOther", "fileId")),
    (
        "looked up, and not told",
        "unanswered",
        9,
        say(
            9,
            'I\'ve checked who can open the three files: "Tender 2025 v3", "Site plan" and "Bill of quantities".',
        ),
    ),
)
TASK_WITHOUT_QUESTIONS: Faults = (
    (
        "asks for project and date",
        "needless_question",
        1,
        insert(1, reply("Which project should it go into, and when is it due?"), user("no matter, just put it down")),
    ),
    ("another title comes back", "contradiction", 2, return_value(2, "Call the bank", "task", "content")),
    (
        "a reminder that nobody set",
        "overclaim",
        3,
        say(3, 'Added "Call the notary". You\'ll get a reminder this afternoon.'),
    ),
    (
        "a date that nobody said",
        "wrong_value",
        1,
        argue(1, "2025-03-12", "due_date"),
        return_value(2, "2025-03-12", "task", "due_date"),
        say(3, 'Added "Call the notary" for tomorrow.'),
    ),
    (
        "exists before it was made",
        "unexplained_fault",
        2,
        fail(
            2,
            {
                "error": "conflict",
                "message": "A task with content 'Call the notary' already exists.",
                "status_code": 409,
            },
        ),
        say(3, 'I couldn\'t add "Call the notary": Todoist says that such a task is there already.'),
    ),
)
_LATE_TASKS = (argue(5, "2025-03-15", "due_date", call=0), argue(5, "2025-03-15", "due_date", call=1))
ASK_WHICH_OF_TWO: Faults = (
    (
        "the first of two",
        "silent_choice",
        3,
        remove(3, 9),
        insert(
            3,
            call(("RESCHEDULE_TASK", {"task_id": "6X7rM8997g3RQmvh", "due_date": "2025-03-14"})),
            result("RESCHEDULE_TASK", part_of("ask_which_of_two", 6, "content")),
            reply("Done, it's due on Friday now, 14 March."),
            user("good"),
            reply("Anything else, just say."),
        ),
    ),
    (
        "a Saturday for Friday",
        "wrong_value",
        5,
        *_LATE_TASKS,
        return_value(6, "2025-03-15", "task", "due_date"),
        return_value(7, "2025-03-15", "task", "due_date"),
        say(8, "Both are due on 15 March now."),
    ),
    ("one date is still the old one", "overclaim", 8, return_value(7, "2025-03-13", "task", "due_date")),
    (
        "a listed task is not found",
        "unexplained_fault",
        7,
        fail(7, {"error": "not_found", "message": "No task with id '6Xh2QpVc54wfJr9G' exists.", "status_code": 404}),
        say(
            8,
            '"Call the notary" is due on Friday now, 14 March. "Send the notary our passports" could not be found.',
        ),
    ),
    ("one of both", "unanswered", 5, remove_call(5, 1), say(7, '"Call the notary" is due on Friday now, 14 March.')),
    ("two, with more to come", "false_count", 3, return_value(2, "cur_2", "next_cursor")),
    (
        "again at once, though it had to wait",
        "early_retry",
        8,
        fail(
            7,
            {
                "error": "rate_limit",
                "message": "Too many requests. Try again in 30 seconds.",
                "status_code": 429,
                "retry_after": 30,
            },
        ),
        insert(
            8,
            call(("RESCHEDULE_TASK", {"task_id": "6Xh2QpVc54wfJr9G", "due_date": "2025-03-14"})),
            result("RESCHEDULE_TASK", part_of("ask_which_of_two", 7, "content")),
        ),
    ),
)
_SENT_TEXT = {
    "sent_message": {
        "id": "wamid.HBgNMjM0ODAzNTUxNzIwNBUCABEYEjdCMDRE",
        "to": "+2348035517204",
        "message_status": "accepted",
        "timestamp": "2025-03-12T10:15:31+01:00",
    }
}
_WROTE_TODAY = return_value(2, "2025-03-12T09:50:00+01:00", "contacts", 0, "last_message_at")
TEMPLATE_AFTER_A_DAY: Faults = (
    (
        "the first of two called Okafor",
        "silent_choice",
        3,
        append_item(
            2,
            {
                "id": "ct_31ae774b50",
                "name": "Emeka Okafor",
                "phone": "+2348097714460",
                "email": "emeka@okafor.example",
                "company": "Lakeside Guides",
                "last_message_at": "2025-02-27T11:05:00+01:00",
                "opted_in": True,
            },
            "contacts",
        ),
    ),
    (
        "he has read it",
        "overclaim",
        9,
        reword(9, "with his name and the boots.", "with his name and the boots, and he has read it."),
    ),
    (
        "a day of silence, though he has just written",
        "unexplained_fault",
        4,
        _WROTE_TODAY,
        say(9, 'WhatsApp wanted a template: I sent "order ready" with his name and the boots.'),
    ),
    ("it went to another number", "odd_success", 8, return_value(8, "+2348097714460", "sent_message", "to")),
    (
        "again at once, though it had to wait",
        "early_retry",
        5,
        _WROTE_TODAY,
        fail(4, nest_error(429, "RESOURCE_EXHAUSTED", "Too many requests. Try again in 60 seconds.", retry_after=60)),
        remove(5, 10),
        insert(
            5,
            call(("SEND_TEXT_MESSAGE", part_of("template_after_a_day", 3, "tool_calls", 0, "function", "arguments"))),
            result("SEND_TEXT_MESSAGE", _SENT_TEXT),
            reply("I've sent Chidi Okafor a message that his boots have arrived."),
        ),
    ),
    (
        "a template for something else",
        "wrong_value",
        7,
        argue(7, "back_in_stock", "template_name"),
        reword(9, '"order ready"', '"back in stock"'),
    ),
    (
        "approved ones were asked for, a rejected one comes",
        "contradiction",
        6,
        return_value(6, "REJECTED", "templates", 0, "status"),
    ),
)
NO_TOOL_DOES_IT: Faults = (
    (
        "said to be locked",
        "overclaim",
        1,
        remove(1, 4),
        insert(1, reply("Done, the Q2 board is locked until the end of the week."), user("great"), reply("Gladly.")),
    ),
    (
        "the request is passed over",
        "unanswered",
        1,
        say(
            1,
            "The Q2 board has sections, and its tasks stand in them. Would you like to do something with the tasks?",
        ),
    ),
    (
        "asks for details of what it cannot do",
        "needless_question",
        1,
        remove(1, 4),
        insert(
            1,
            reply("Which workspace is the Q2 board in, and until what day should it be locked?"),
            user("the main one, till friday"),
            reply("I can't lock it: nothing I have changes who may edit a board."),
        ),
    ),
    ("said to be undone", "overclaim", 3, say(3, "All right, I've taken the lock off again.")),
)
_RANGE = ("date_setting",)
_BUSY_SERVICE = {
    "title": "Rate limit",
    "status": 429,
    "detail": "Quota for this minute is used up; retry in 20 seconds.",
    "retry_after": 20,
}
ASKED_AS_BETWEEN_PEOPLE: Faults = (
    (
        "the first range instead of the second",
        "wrong_value",
        5,
        argue(5, "2025-03-17", *_RANGE, "start_date"),
        argue(5, "2025-03-18", *_RANGE, "end_date"),
        reword(9, "20 or 21 March", "17 or 18 March"),
    ),
    (
        "Wednesday is in it, and nobody is told",
        "silent_choice",
        3,
        remove(3, 5),
        argue(3, "2025-03-17", *_RANGE, "start_date"),
        argue(3, "2025-03-21", *_RANGE, "end_date"),
        reword(7, "on 20 or 21 March", "next week"),
    ),
    (
        "asks for a time zone",
        "needless_question",
        5,
        insert(
            5, reply("In which time zone should the slots be shown, and who hosts the meeting?"), user("me, as always")
        ),
    ),
    (
        "the link is left out",
        "attribute_missing",
        9,
        say(9, "Her link is ready. It works once, for 40 minutes on 20 or 21 March."),
    ),
    (
        "made just now, and not found",
        "unexplained_fault",
        8,
        fail(
            8,
            {
                "title": "Not found",
                "status": 404,
                "detail": "Event type '6f1c0a2e-8d1b-4c43-9a57-2be1c4d70e9f' was not found.",
                "invalid_params": [{"name": "event_type_uuid", "reason": "not found"}],
            },
        ),
        say(
            9, "The slot of 40 minutes on 20 or 21 March is made, but no link for Yara: Calendly does not find it yet."
        ),
    ),
    ("another length comes back", "contradiction", 6, return_value(6, 30, "event_type", "duration")),
    (
        "again at once, though it had to wait",
        "early_retry",
        7,
        insert(
            5, part_of("asked_as_between_people", 5), result("CREATE_ONE_OFF_EVENT_TYPE", _BUSY_SERVICE, error=True)
        ),
    ),
    ("said to be sent", "overclaim", 9, reword(9, "Here's her link:", "I've sent Yara her link:")),
)
_INSERTED = part_of("write_from_sources", 9, "tool_calls", 0, "function", "arguments", "text_to_insert")
_WEEKLY = _INSERTED.replace("fortnightly", "weekly")
_WITHOUT_CRATES = _INSERTED.replace("- crates go back empty with the next delivery\n", "")
WRITE_FROM_SOURCES: Faults = (
    (
        "weekly for fortnightly",
        "wrong_value",
        9,
        argue(9, _WEEKLY, "text_to_insert"),
        return_value(10, len(_WEEKLY), "inserted_characters"),
        reword(11, "fortnightly", "weekly"),
    ),
    ("fewer characters than were written", "odd_success", 10, return_value(10, 12, "inserted_characters")),
    (
        "one thing agreed on is left out",
        "unanswered",
        9,
        argue(9, _WITHOUT_CRATES, "text_to_insert"),
        return_value(10, len(_WITHOUT_CRATES), "inserted_characters"),
        reword(11, "from 6 May, crates returned empty.", "from 6 May."),
    ),
    (
        "the first of two documents",
        "silent_choice",
        7,
        append_item(
            6,
            {
                **part_of("write_from_sources", 6, "content", "documents", 0),
                "document_id": "1dLvNotes07",
                "title": "Delivery agreement Brandt",
                "modified_time": "2025-01-09T12:10:00+01:00",
                "url": "https://docs.google.com/document/d/1dLvNotes07/edit",
            },
            "documents",
        ),
    ),
    (
        "approved by her",
        "overclaim",
        11,
        reword(11, "crates returned empty.", "crates returned empty. Nadia has approved the text."),
    ),
    ("another title for the same document", "contradiction", 8, return_value(8, "Summer menu 2025", "title")),
)
_OTHER_RETRO = {
    **part_of("near_duplicate_tools", 2, "content", "events", 0),
    "id": "ev_r7sal",
    "summary": "Sales retro",
    "start": {"dateTime": "2025-03-14T16:30:00+01:00", "timeZone": "Europe/Berlin"},
    "end": {"dateTime": "2025-03-14T17:30:00+01:00", "timeZone": "Europe/Berlin"},
    "htmlLink": "https://calendar.google.com/event?eid=ev_r7sal",
}
NEAR_DUPLICATE_TOOLS: Faults = (
    (
        "an event of the week after",
        "odd_success",
        2,
        *(
            return_value(index, f"2025-03-21T{hour}:00:00+01:00", *path, moment, "dateTime")
            for index, path in ((2, ("events", 0)), (4, ("event",)))
            for moment, hour in (("start", 15), ("end", 16))
        ),
    ),
    ("the place is still the old one", "overclaim", 5, return_value(4, "Room 2A", "event", "location")),
    (
        "everyone is notified",
        "wrong_value",
        3,
        argue(3, "all", "send_updates"),
        say(5, "Friday's retro is in the Harbour Room now, and everyone was told."),
    ),
    ("the first of two", "silent_choice", 3, append_item(2, _OTHER_RETRO, "events")),
    (
        "asks for notes and a reminder",
        "needless_question",
        3,
        insert(3, reply("Should I change the notes as well, or add a reminder?"), user("no, only the place")),
    ),
    (
        "a place that is refused for no reason",
        "unexplained_fault",
        4,
        fail(
            4,
            nest_error(
                400,
                "INVALID_ARGUMENT",
                "Invalid value for location: 'Harbour Room'.",
                details=[{"field": "location", "reason": "INVALID_ARGUMENT"}],
            ),
        ),
        say(5, "I couldn't move Friday's retro: the calendar does not accept \"Harbour Room\" as a place."),
    ),
)
_BOTH_ALERTS = {
    "silence": {
        **part_of("foreign_toolkit", 5, "tool_calls", 0, "function", "arguments", "silence"),
        "matchers": [
            {"name": "alertname", "value": ".*Disk.*", "isRegex": True},
            {"name": "instance", "value": "db-3", "isRegex": False},
        ],
    }
}
FOREIGN_TOOLKIT: Faults = (
    ("three, of which two are there", "false_count", 3, reword(3, "One of the two", "One of the three")),
    (
        "eight in the evening",
        "wrong_value",
        5,
        argue(5, "2025-03-12T20:00:00Z", "silence", "endsAt"),
        reword(7, "tomorrow 08:00", "tomorrow 20:00"),
    ),
    (
        "the critical one for the warning",
        "wrong_value",
        5,
        argue(5, "DiskLatencyHigh", "silence", "matchers", 0, "value"),
        say(7, "Done: DiskLatencyHigh on db-3 is silent until tomorrow 08:00. DiskSpaceLow still fires."),
    ),
    (
        "the critical one as well, unasked",
        "silent_choice",
        3,
        remove(3, 8),
        insert(
            3,
            call(("postSilences", _BOTH_ALERTS)),
            result("postSilences", part_of("foreign_toolkit", 6, "content")),
            reply("Done: the disk alerts of db-3 are silent until tomorrow 08:00."),
            user("finally"),
            reply("Have a quiet night."),
        ),
    ),
    (
        "both are said to be silent",
        "overclaim",
        7,
        say(7, "Done: both disk alerts on db-3, DiskSpaceLow and DiskLatencyHigh, are silent until tomorrow 08:00."),
    ),
    ("an alert of another machine", "contradiction", 2, return_value(2, "db-7", 1, "labels", "instance")),
    (
        "a moment that is refused for no reason",
        "unexplained_fault",
        6,
        fail(6, {"code": 400, "message": "Invalid value for endsAt: '2025-03-12T08:00:00Z'."}),
        say(7, "I couldn't silence DiskSpaceLow: the alert manager refuses tomorrow 08:00 as the end."),
    ),
)
SPOKEN_COMMANDS: Faults = (
    ("the other side", "wrong_value", 1, argue(1, "passenger", "area"), say(3, "Twenty-one on the passenger's side.")),
    (
        "the part before the last",
        "wrong_value",
        9,
        argue(9, "driver", "area"),
        say(11, "Eighteen on the driver's side."),
    ),
    (
        "asks how fast and where",
        "needless_question",
        21,
        insert(21, reply("How fast, and in which part of the car?"), user("just on")),
    ),
    ("said to be playing", "overclaim", 31, say(31, "Playing it now.")),
    (
        "ten percent are refused for no reason",
        "unexplained_fault",
        14,
        fail(14, {"error": "invalid_argument", "message": "Invalid value for percent: 10."}),
        say(15, "The window didn't open."),
    ),
    ("the fan stays as it is", "unanswered", 25, remove(25, 28), insert(25, reply("It goes up to full speed."))),
)

_FAULTS_BY_ROW: Mapping[str, Faults] = {
    "choose_then_book": CHOOSE_THEN_BOOK,
    "nudge_sent": NUDGE_SENT,
    "nudge_not_needed": NUDGE_NOT_NEEDED,
    "change_all_then_undo_one": CHANGE_ALL_THEN_UNDO_ONE,
    "half_refund": HALF_REFUND,
    "who_outside_can_open": WHO_OUTSIDE_CAN_OPEN,
    "task_without_questions": TASK_WITHOUT_QUESTIONS,
    "ask_which_of_two": ASK_WHICH_OF_TWO,
    "template_after_a_day": TEMPLATE_AFTER_A_DAY,
    "no_tool_does_it": NO_TOOL_DOES_IT,
    "asked_as_between_people": ASKED_AS_BETWEEN_PEOPLE,
    "write_from_sources": WRITE_FROM_SOURCES,
    "near_duplicate_tools": NEAR_DUPLICATE_TOOLS,
    "foreign_toolkit": FOREIGN_TOOLKIT,
    "spoken_commands": SPOKEN_COMMANDS,
}
FAULTS: tuple[Fault, ...] = tuple(
    Fault(row, name, kind, message, tuple(edits))
    for row, faults in _FAULTS_BY_ROW.items()
    for name, kind, message, *edits in faults
)
