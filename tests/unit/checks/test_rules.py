"""Each rule alone: what it objects to and what it lets pass."""

import json
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from dialogue_cases import CLEAN, CONTACTS, HERE, TOOLS, assistant, call, case, result, user
from rule_tables import RULES_WITH_TABLE

from funcdex_assets.checks.findings import RULES
from funcdex_assets.checks.provenance import trace_arguments
from funcdex_assets.checks.rules.case import Case
from funcdex_assets.language.values import Situation, build_situation
from funcdex_assets.records.message import Message

RULE = {rule.__name__: rule for rule in RULES}
FIND = assistant(None, call(1, "FIND_CONTACT", query="Varga"))
FOUND = result(1, "FIND_CONTACT", CONTACTS)
BYE = (user("Thank you!"), assistant("You are welcome."))
FAX: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "SEND_FAX",
        "description": "Sends <number> a fax.",
        "parameters": {"type": "object", "properties": {"line": {"type": "string"}}, "required": ["line"]},
    },
}
CALL = {"start": "2025-10-02T10:15:00+02:00", "end": "2025-10-02T11:45:00+02:00"}
DEFINITION = json.dumps(FAX)


def two_questions(answer: str) -> tuple[Message, ...]:
    other = {"contacts": [{"id": "c_81", "name": "Bodo Lang", "email": "bodo@fiberlake.com"}]}
    return (
        user("Find Varga and Bodo."),
        FIND,
        FOUND,
        assistant(None, call(2, "FIND_CONTACT", query="Bodo")),
        result(2, "FIND_CONTACT", other),
        assistant(answer),
    )


def reply(text: str, thought: str | None = None) -> tuple[Message, ...]:
    """The clean conversation with another last answer."""
    last = Message(role="assistant", content=text, thought=thought)
    return (*CLEAN[:7], last)


def says(text: str) -> tuple[Message, ...]:
    """The clean conversation with another first request."""
    return (user(text), *CLEAN[1:])


def sent(error: dict[str, Any], text: str, *more: Message) -> tuple[Message, ...]:
    """The second call fails, and then the assistant says something."""
    return (*CLEAN[:6], result(2, "SEND_EMAIL", error, error=True), *more, assistant(text))


def tried(wrong: dict[str, Any], other: str, text: str, error: bool = False) -> tuple[Message, ...]:
    """The first call fails, then another tool is called, and then the assistant says something."""
    return (
        user("Find Varga."),
        assistant(None, call(1, "FIND_CONTACT", query="Varga")),
        result(1, "FIND_CONTACT", wrong, error=True),
        assistant(None, call(2, other)),
        result(2, other, CONTACTS, error=error),
        assistant(text),
    )


def mail(request: str, **arguments: Any) -> tuple[Message, ...]:
    """Another second request, and the call that is made of it."""
    given = {"to": "bo.varga@fiberlake.com", "subject": "Snow on the roof", **arguments}
    return (*CLEAN[:4], user(request), assistant(None, call(2, "SEND_EMAIL", **given)), *CLEAN[6:])


def seen(
    contact: dict[str, Any], asked: str = "c_91x", name: str = "GET_CONTACT", back: str | None = None, number: int = 3
) -> tuple[Message, ...]:
    """One more turn, in which a contact is looked up."""
    shown = {"contact": contact} | ({"contact_id": back} if back else {})
    return (
        user("Look at that contact."),
        assistant(None, call(number, name, contact_id=asked)),
        result(number, name, shown),
        assistant("That is Bo Varga."),
    )


def fax(before: str, late: str = "") -> tuple[Message, ...]:
    return (
        user(f'Send a fax to "555-0101". {before}'.strip()),
        assistant(None, call(1, "SEND_FAX", line="555-0101")),
        result(1, "SEND_FAX", {"sent": True}),
        assistant("The fax to 555-0101 is out."),
        user(f"Thanks. {late}".strip()),
        assistant("You are welcome."),
    )


NO_RIGHT = {"error": {"code": "permission_denied", "message": "Not allowed."}}
AGAIN = assistant(None, call(3, "SEND_EMAIL", to="bo.varga@fiberlake.com", subject="Snow on the roof"))
SENT_AGAIN = result(3, "SEND_EMAIL", {"message_id": "m_8", "status": "sent"})
REPEATED = (*CLEAN[:3], assistant(None, call(2, "FIND_CONTACT", query="Varga")), result(2, "FIND_CONTACT", CONTACTS))

BAD = [
    pytest.param(CLEAN[:3], "structure", id="no last message"),
    pytest.param((user("Hi."), assistant("Hello."), *BYE), "no_call", id="nothing is called"),
    pytest.param(CLEAN[:4], "too_few_user_messages", id="one request"),
    pytest.param(
        (*CLEAN, user("Find Li."), assistant("Sure, let me check that now.")), "unanswered_request", id="sure"
    ),
    pytest.param((*CLEAN, user("Find Li."), assistant("One moment, please.")), "unanswered_request", id="a moment"),
    pytest.param((*CLEAN, user("Find Li."), assistant("…")), "unanswered_request", id="no word"),
    pytest.param(fax(""), "unknown_tool", id="nobody brought the tool"),
    pytest.param(fax("", late=DEFINITION), "unknown_tool", id="the tool comes after its call"),
    pytest.param(mail("Write to that person.", subject=None), "invalid_arguments", id="null for a text"),
    pytest.param(
        (*CLEAN[:5], assistant(None, call(2, "SEND_EMAIL", to="bo.varga@fiberlake.com")), *CLEAN[6:]),
        "missing_argument",
        id="no subject",
    ),
    pytest.param(mail("Write.", subject="Rain"), "ungrounded_argument", id="a subject that nobody said"),
    pytest.param(
        mail('Write to eve.ro@fiberlake.com with the subject "Snow on the roof".'), "contradicts_user", id="an address"
    ),
    pytest.param(mail('Write, with the subject "Ice on the roof".'), "contradicts_user", id="quoted words"),
    pytest.param(mail("Write with high importance.", importance="low"), "contradicts_user", id="an option"),
    pytest.param(mail("Write it, retries 5.", retries=3), "contradicts_user", id="a number"),
    pytest.param(
        mail("Write, but send it on October 7.", send_at="2025-10-08T09:00:00+02:00"), "contradicts_user", id="a date"
    ),
    pytest.param((*REPEATED, CLEAN[3], *BYE), "repeated_call", id="the same search at once"),
    pytest.param((*CLEAN[:7], AGAIN, SENT_AGAIN, CLEAN[7]), "repeated_call", id="sent twice"),
    pytest.param(
        (*CLEAN, user("Thanks."), AGAIN, SENT_AGAIN, assistant("Sent.")), "repeated_call", id="sent twice for thanks"
    ),
    pytest.param(
        (*CLEAN[:6], result(2, "SEND_EMAIL", {"status": "sent"}), CLEAN[7]), "invalid_result", id="a field is missing"
    ),
    pytest.param(sent(NO_RIGHT, "Done, your email is out."), "false_success", id="said to be done"),
    pytest.param(
        (*CLEAN[:6], result(2, "SEND_EMAIL", {"successful": False, "message_id": ""}), assistant("All set!")),
        "false_success",
        id="a failure that is not marked",
    ),
    pytest.param(tried(NO_RIGHT, "LIST_CONTACTS", "All set!", error=True), "false_success", id="another fails too"),
    pytest.param(tried(NO_RIGHT, "LIST_GROUPS", "All set!"), "false_success", id="another reads other things"),
    pytest.param(tried(NO_RIGHT, "DELETE_CONTACT", "All set!"), "false_success", id="another does not read"),
    pytest.param(
        (
            user("Find Varga."),
            assistant(None, call(1, "FIND_CONTACT", query="Varga"), call(2, "LIST_CONTACTS")),
            result(1, "FIND_CONTACT", NO_RIGHT, error=True),
            result(2, "LIST_CONTACTS", CONTACTS),
            assistant("All set!"),
        ),
        "false_success",
        id="another at once is not for it",
    ),
    pytest.param((user("Fax it."), assistant("All done, it is on its way."), *BYE), "false_success", id="no call"),
    pytest.param(
        (user("Fax it."), assistant("I can't fax."), user("Please."), assistant("I've just sent it."), *CLEAN),
        "false_success",
        id="no call yet",
    ),
    pytest.param(
        (*CLEAN, *seen({"id": "c_91x", "name": "Bo Varga"}), *seen({"id": "c_91x", "name": "Bo Li"}, number=4)),
        "contradicted_state",
        id="another name than before",
    ),
    pytest.param(
        (*CLEAN, *seen({"id": "c_91x"}, name="DELETE_CONTACT"), *seen({"id": "c_91x"}, number=4)),
        "contradicted_state",
        id="deleted, and there again",
    ),
    pytest.param((*CLEAN, *seen({"id": "c_92y"})), "echo_mismatch", id="another contact than asked for"),
    *(
        pytest.param((*CLEAN, *seen({"id": "c_91x", **fields})), "contradicts_itself", id=reason)
        for reason, fields in {
            "another duration": {**CALL, "duration_minutes": 45},
            "another duration in seconds": {**CALL, "duration_seconds": 60},
            "it ends before it begins": {"start": CALL["end"], "end": CALL["start"]},
            "the end of one that is nested": {"start": {"dateTime": CALL["end"]}, "end": {"dateTime": CALL["start"]}},
            "more words than the text has": {"text": "Snow on the roof.", "word_count": 7925},
            "winter time in summer": {"time_zone": "America/Los_Angeles", "at": "2025-06-02T09:00:00-08:00"},
            "the offset of another zone": {"timeZone": "Asia/Singapore", "at": "2025-06-02T09:00:00-03:00"},
            "another total": {"total": 90, "lines": [{"amount": 40}, {"amount": 60}]},
            "another remainder": {"amount_due": 90, "amount_paid": 30, "amount_remaining": 90},
        }.items()
    ),
    pytest.param((*CLEAN, *seen({"id": "c_91x"}, back="c_92y")), "echo_mismatch", id="its id repeated wrong"),
    pytest.param(reply("It is sent to eve.ro@fiberlake.com."), "unsupported_claim", id="another address"),
    pytest.param(reply('It is sent: "Rain on the roof".'), "unsupported_claim", id="other quoted words"),
    pytest.param(reply("Sent as m_99x7."), "unsupported_claim", id="another id"),
    pytest.param(reply("Sent on March 3."), "unsupported_claim", id="another date"),
    pytest.param(reply("Sent at 4:41 pm."), "unsupported_claim", id="another time"),
    pytest.param(reply("Sent; it took 417 attempts."), "unsupported_claim", id="another number"),
    pytest.param(reply("See https://mail.test/7."), "unsupported_claim", id="another link"),
    pytest.param(
        (*reply("Sent."), user("Where?"), assistant("To eve.ro@fiberlake.com.")),
        "unsupported_claim",
        id="in a later turn",
    ),
    pytest.param(reply("It is sent to <recipient>."), "placeholder_content", id="in a reply"),
    pytest.param(
        (*CLEAN[:6], result(2, "SEND_EMAIL", {"message_id": "your_id"}), CLEAN[7]), "placeholder_content", id="a result"
    ),
    pytest.param(reply("Sent.", "Now </assistant> I answer."), "leaked_markup", id="in a thought"),
    pytest.param(
        reply("The email is out, so I tell her now. It is sent.", "The email is out, so I tell her now."),
        "leaked_thought",
        id="the thought again",
    ),
    pytest.param(reply("Thought: it is out.\nIt is sent."), "leaked_thought", id="a label"),
    pytest.param(reply("Sent \ufffd."), "broken_characters", id="half a character"),
    pytest.param(says("As an AI I want Varga."), "wrong_speaker", id="an AI"),
    pytest.param(says(f"Use FIND_CONTACT for Varga. {DEFINITION}"), "wrong_speaker", id="a name beside a definition"),
    pytest.param(
        reply("Ich habe die E-Mail an die Person geschickt, und sie ist jetzt auf dem Weg zu ihr."),
        "wrong_language",
        id="German",
    ),
    pytest.param(reply("Письмо отправлено, всё готово."), "wrong_language", id="another script"),
    pytest.param(says("Find Varga, card 4539 1488 0343 6467."), "personal_data", id="a card"),
    pytest.param(says("Find Varga, Visa 4539148803436467."), "personal_data", id="a card without blanks"),
    pytest.param(says("Find Varga, DE89370400440532013000."), "personal_data", id="an IBAN"),
    pytest.param(says("Find Varga, 536-22-8145."), "personal_data", id="a social security number"),
    pytest.param(reply("-----BEGIN RSA PRIVATE KEY-----"), "personal_data", id="a private key"),
    pytest.param(
        (*CLEAN[:6], result(2, "SEND_EMAIL", {"message_id": "AKIAIOSFODNN7QXAMPLE"}), CLEAN[7]),
        "personal_data",
        id="a key in a result",
    ),
    pytest.param(reply("Xkcdw mnbvt qwrtp zxcvb lkjhg trwqp."), "gibberish", id="random letters"),
    pytest.param(reply("It is is is is is is sent."), "degenerate_repetition", id="a word"),
    pytest.param(reply("It is sent, and so on " * 4), "degenerate_repetition", id="a phrase"),
    pytest.param(reply("Greaaaaaaaaaaaaaaat."), "degenerate_repetition", id="a letter"),
    pytest.param(
        (*CLEAN, *2 * (user("And that is really all for today, thanks!"), assistant("Bye."))),
        "repeated_message",
        id="the same farewell",
    ),
    pytest.param(reply("I have done what you asked for."), "uncited_answer", id="nothing of the result"),
    pytest.param(two_questions("Bodo Lang is at bodo@fiberlake.com."), "untold_lookup", id="one of two is told"),
]
GOOD = [
    pytest.param((*CLEAN, *BYE), "structure", id="a farewell"),
    pytest.param(CLEAN, "no_call", id="calls"),
    pytest.param(CLEAN, "too_few_user_messages", id="two requests"),
    pytest.param(
        (*CLEAN, user("Book it."), assistant("I'll need the day first.")), "unanswered_request", id="what is missing"
    ),
    pytest.param((*CLEAN, user("Bye."), assistant("Let me know if it snows.")), "unanswered_request", id="an offer"),
    pytest.param(reply("I'll do the same next time."), "unanswered_request", id="after a call"),
    pytest.param(fax(DEFINITION), "unknown_tool", id="the user brings the tool"),
    pytest.param(fax(DEFINITION), "leaked_markup", id="a definition is no markup"),
    pytest.param(fax(DEFINITION), "wrong_speaker", id="a definition may name its tool"),
    pytest.param(fax(DEFINITION), "placeholder_content", id="a definition may have placeholders"),
    pytest.param(fax(DEFINITION), "missing_argument", id="its arguments are known"),
    pytest.param(CLEAN, "invalid_arguments", id="valid ones"),
    pytest.param(CLEAN, "ungrounded_argument", id="grounded ones"),
    pytest.param(
        mail("Not to eve.ro@fiberlake.com but to bo.varga@fiberlake.com."), "contradicts_user", id="said in the same"
    ),
    pytest.param(mail("Write with low importance.", importance="low"), "contradicts_user", id="the option"),
    pytest.param(mail("Write it, retries 3.", retries=3), "contradicts_user", id="the number"),
    pytest.param(
        mail("Write, but send it on October 7 at 9 am.", send_at="2025-10-07T09:00:00+02:00"),
        "contradicts_user",
        id="the date",
    ),
    pytest.param(
        (
            user("Find Varga, who got the mail of eve.ro@fiberlake.com."),
            assistant(None, call(1, "FIND_CONTACT", query="eve.ro@fiberlake.com")),
            *CLEAN[2:],
        ),
        "contradicts_user",
        id="used in another call",
    ),
    pytest.param(
        (*CLEAN[:2], result(1, "FIND_CONTACT", {"contacts": []}), *REPEATED[3:], CLEAN[3], *BYE),
        "repeated_call",
        id="nothing was found before",
    ),
    pytest.param(
        (*CLEAN[:6], result(2, "SEND_EMAIL", NO_RIGHT, error=True), AGAIN, SENT_AGAIN, CLEAN[7]),
        "repeated_call",
        id="it failed before",
    ),
    pytest.param(
        (*CLEAN, user("Send it again."), AGAIN, SENT_AGAIN, assistant("Sent again.")), "repeated_call", id="asked again"
    ),
    pytest.param(
        (*CLEAN, user("Who is Varga?"), assistant(None, call(3, "FIND_CONTACT", query="Varga")), CLEAN[2], CLEAN[3]),
        "repeated_call",
        id="read again for another turn",
    ),
    pytest.param(CLEAN, "invalid_result", id="valid ones"),
    pytest.param(sent(NO_RIGHT, "I am not allowed to send it."), "false_success", id="admitted"),
    pytest.param(sent(NO_RIGHT, "Shall I ask Bo Varga for access?"), "false_success", id="a question"),
    pytest.param(sent(NO_RIGHT, "It is sent.", AGAIN, SENT_AGAIN), "false_success", id="made good"),
    pytest.param(tried(NO_RIGHT, "LIST_CONTACTS", "It is Bo Varga."), "false_success", id="made good by another"),
    pytest.param((user("Fax it."), assistant("I can't, so it is not done."), *BYE), "false_success", id="declined"),
    pytest.param((user("Fax it."), assistant("Is it all done by then?"), *BYE), "false_success", id="asked back"),
    pytest.param(
        (user("Fax it."), assistant("I can't."), user("Bye."), assistant("All set!")), "false_success", id="a farewell"
    ),
    pytest.param((*CLEAN, user("Thanks!"), assistant("Then we are all set.")), "false_success", id="after calls"),
    pytest.param(
        (*CLEAN, *seen({"id": "c_91x", "name": "Bo Varga"}), *seen({"id": "c_91x", "name": "BO VARGA"}, number=4)),
        "contradicted_state",
        id="the same name",
    ),
    pytest.param(
        (*CLEAN, *seen({"id": "c_91x", "name": "Bo"}), *seen({"id": "c_92y", "name": "Li"}, "c_92y", number=4)),
        "contradicted_state",
        id="another thing",
    ),
    pytest.param((*CLEAN, *seen({"id": "c_91x"}, back="c_91x")), "echo_mismatch", id="the contact asked for"),
    *(
        pytest.param((*CLEAN, *seen({"id": "c_91x", **fields})), "contradicts_itself", id=reason)
        for reason, fields in {
            "the duration": {**CALL, "duration_minutes": 90, "duration_hours": 1.5, "duration_ms": 5_400_000},
            "a duration of nobody knows what": {**CALL, "duration": "once"},
            "all words counted": {"text": "Snow on the roof.", "word_count": 4},
            "summer time": {"time_zone": "America/Los_Angeles", "at": "2025-06-02T09:00:00-07:00"},
            "moments in UTC": {"time_zone": "America/Los_Angeles", "at": "2025-06-02T09:00:00Z"},
            "a zone that nobody knows": {"time_zone": "Moon/Crater", "at": "2025-06-02T09:00:00Z"},
            "a total with taxes": {"total": 110, "tax": 10, "lines": [{"amount": 40}, {"amount": 60}]},
            "a total with fees": {"total": 110, "fees": 10, "lines": [{"amount": 40}, {"amount": 60}]},
            "a total with taxes in the plural": {"total": 110, "taxes": 10, "lines": [{"amount": 40}, {"amount": 60}]},
            "the total": {"total": 100, "lines": [{"amount": 40}, {"amount": 60}]},
            "the remainder": {"amount_due": 90, "amount_paid": 30, "amount_remaining": 60},
        }.items()
    ),
    pytest.param((*CLEAN, *seen({"id": "c_92y"}, name="COPY_CONTACT")), "echo_mismatch", id="a copy is another thing"),
    pytest.param(reply("Sent today, October 1, to the 1 contact, Bo Varga."), "unsupported_claim", id="derived"),
    pytest.param(reply('Shall I call it "Rain on the roof"?'), "unsupported_claim", id="a proposal"),
    pytest.param(reply("It was sent by Ada Lind of Linden Hill School."), "unsupported_claim", id="the persona"),
    pytest.param(reply('Sent with high importance, "v1".'), "unsupported_claim", id="the tool's schema"),
    pytest.param((user("Hi."), assistant("Is it the A7-113?"), *BYE), "unsupported_claim", id="before any result"),
    pytest.param(reply("<b>Sent</b>, add it to your todo list."), "placeholder_content", id="HTML, a todo list"),
    pytest.param(reply("It is sent.", "The email is out."), "leaked_thought", id="in other words"),
    pytest.param(reply("My thought: well done."), "leaked_thought", id="a word within a line"),
    pytest.param(CLEAN, "broken_characters", id="whole ones"),
    pytest.param(reply('The letter says "Ich habe die Tür für dich und das Kind".'), "wrong_language", id="quoted"),
    pytest.param(
        reply("Found: Mail (2 per week), Post (4 per week), Fax (8 per week), Phone (1 per week)."),
        "wrong_language",
        id="one word of another language",
    ),
    pytest.param(reply("OK, done."), "wrong_language", id="too short to tell"),
    pytest.param(says("Find Varga, 4539 1488 0343 6468."), "personal_data", id="a wrong check digit"),
    pytest.param(says("Find 4539148803436467."), "personal_data", id="a long number is no card"),
    pytest.param(says("Find DE89370400440532013001."), "personal_data", id="no IBAN"),
    pytest.param(says("Call +49 30 1234567 or bo.varga@fiberlake.com."), "personal_data", id="an address"),
    pytest.param(reply("Sent by Krzysztof Przybylski to VWXYZ and nth."), "gibberish", id="hard names"),
    pytest.param(reply('"agenda.xlsx": https://app.prvn.fr/fcdf81.'), "gibberish", id="hardly more than a link"),
    pytest.param(reply("It is very, very good. Thanks, thanks, thanks!"), "degenerate_repetition", id="emphasis"),
    pytest.param(reply("| 1 | 1 | 1 | 1 | 1 | ----------------"), "degenerate_repetition", id="a table"),
    pytest.param((*CLEAN, *BYE, *BYE), "repeated_message", id="few words"),
    pytest.param(CLEAN, "uncited_answer", id="cited"),
    pytest.param(two_questions("Bo Varga is there, and Bodo Lang too."), "untold_lookup", id="both are told"),
    pytest.param(two_questions("All done."), "untold_lookup", id="neither is told: another rule's"),
    pytest.param(CLEAN, "untold_lookup", id="what was found is used"),
]
NEEDLESS = [pytest.param(CLEAN, "needless_call", id="a call that nobody wanted")]
OF_ONE_TURN = [pytest.param(CLEAN, "second_user_message", id="another request where there is to be one")]
ALL_CASES = [*BAD, *NEEDLESS, *OF_ONE_TURN]


def found(
    messages: tuple[Message, ...], rule: str, calls_wanted: bool = True, situation: Situation = HERE
) -> list[str]:
    whole = Case(messages, TOOLS, trace_arguments(messages, TOOLS, situation), situation, calls_wanted)
    return [finding.rule for finding in RULE[rule](whole)]


@pytest.mark.parametrize(("messages", "rule"), BAD)
def test_what_is_bad_is_found(messages, rule):
    assert set(found(messages, rule)) == {rule}


@pytest.mark.parametrize(("messages", "rule"), GOOD)
def test_what_is_good_is_not(messages, rule):
    assert found(messages, rule) == []


def test_where_no_tool_suits_a_call_is_a_finding_and_none_is_right():
    assert found(CLEAN, "needless_call", calls_wanted=False) == ["needless_call"] * 2
    assert found((user("Hi."), assistant("I cannot.")), "no_call", calls_wanted=False) == []
    assert found(CLEAN, "needless_call") == []


def test_in_a_conversation_of_one_turn_the_user_speaks_once():
    one_turn = build_situation(msgspec.structs.replace(HERE.scenario, kind="single_turn"), HERE.persona)
    assert found(CLEAN, "second_user_message", situation=one_turn) == ["second_user_message"]
    assert found(CLEAN[:4], "second_user_message", situation=one_turn) == []
    assert found(CLEAN, "second_user_message") == []
    assert found(CLEAN[:4], "too_few_user_messages", situation=one_turn) == []


def test_every_rule_has_a_bad_case_and_a_good_one_here_or_in_a_table_of_its_own():
    assert {given.values[1] for given in (*BAD, *NEEDLESS, *OF_ONE_TURN)} | RULES_WITH_TABLE == RULE.keys()
    good = {given.values[1] for given in GOOD} | {"needless_call", "second_user_message"}
    assert good | RULES_WITH_TABLE == RULE.keys()


def test_a_tool_that_is_brought_late_is_not_there_before_though_the_case_has_it():
    tools = {**TOOLS, "SEND_FAX": next(iter(case(fax(DEFINITION)).announced_tools.values()))[1]}
    late = replace(case(fax("", late=DEFINITION)), tools=tools)
    assert [finding.message for finding in RULE["unknown_tool"](late)] == [1]
    assert list(RULE["unknown_tool"](replace(case(fax(DEFINITION)), tools=tools))) == []
