"""Every rule objects to what it is made for, at its place, and no rule to a clean conversation."""

from dataclasses import replace

import msgspec
import pytest
from dialogue_cases import CLEAN, CONTACTS, assistant, call, case, result, user
from rule_tables import RULES_WITH_TABLE
from test_rules import ALL_CASES, BAD

from funcdex_assets.checks.findings import RULES, find_problems
from funcdex_assets.records.message import Message

FIND = call(1, "FIND_CONTACT", query="Varga")
SEND = {"to": "bo.varga@fiberlake.com", "subject": "Snow on the roof"}


SAID = "That is all for today, thank you very much!"


def changed(at: int, message: Message) -> tuple[Message, ...]:
    """The clean conversation with another message in place of one."""
    return (*CLEAN[:at], message, *CLEAN[at + 1 :])


def test_a_clean_conversation_has_no_finding():
    assert find_problems(case()) == ()


DAMAGED = [
    pytest.param(
        (*CLEAN[:6], CLEAN[7]), "structure", None, "", "expected the result of call_2", id="a call without its result"
    ),
    pytest.param(
        changed(2, result(2, "FIND_CONTACT", CONTACTS)), "structure", None, "", "call_2", id="a result of another call"
    ),
    pytest.param(
        (assistant("Hello!"), *CLEAN), "structure", None, "", "a user message", id="it does not begin with the user"
    ),
    pytest.param(CLEAN[:-1], "structure", None, "", "", id="it ends without an answer"),
    pytest.param(changed(3, user("And now?")), "structure", None, "", "", id="nobody answers the user"),
    pytest.param(
        (user("Hello."), assistant("Hello!"), user("Bye."), assistant("Bye!")),
        "no_call",
        None,
        "",
        "No tool is called",
        id="nothing is called",
    ),
    pytest.param(CLEAN[:4], "too_few_user_messages", None, "", "speaks 1 times, fewer than 2", id="one request only"),
    pytest.param(
        (
            *changed(5, assistant(None, call(2, "LAUNCH_ROCKET", subject="Snow on the roof")))[:6],
            result(2, "LAUNCH_ROCKET", {"status": "sent"}),
            assistant("It is sent."),
        ),
        "unknown_tool",
        5,
        "",
        "call_2 calls 'LAUNCH_ROCKET', which is not among the tools offered",
        id="a tool that was not offered",
    ),
    pytest.param(
        changed(5, assistant(None, call(2, "SEND_EMAIL", to=SEND["to"]))),
        "missing_argument",
        5,
        "/subject",
        'call_2 SEND_EMAIL: "subject" is a required property',
        id="a required argument is missing",
    ),
    pytest.param(
        changed(5, assistant(None, call(2, "SEND_EMAIL", **{**SEND, "to": "Varga"}))),
        "invalid_arguments",
        5,
        "/to",
        '"Varga" is not a "email"',
        id="an argument of the wrong format",
    ),
    pytest.param(
        changed(6, result(2, "SEND_EMAIL", {"message_id": "m_7", "status": "sent", "cost": 1})),
        "invalid_result",
        6,
        "(whole)",
        "call_2 SEND_EMAIL: Additional properties are not allowed",
        id="a field that the response schema does not have",
    ),
    pytest.param(
        changed(5, assistant(None, call(2, "SEND_EMAIL", **{**SEND, "to": "eve@fiberlake.com"}))),
        "ungrounded_argument",
        5,
        "/to",
        "call_2 SEND_EMAIL: 'eve@fiberlake.com' comes from nowhere",
        id="an address that nobody mentioned",
    ),
    pytest.param(
        changed(7, assistant("It is sent. </assistant>")),
        "leaked_markup",
        7,
        "",
        "The assistant says '</assistant>'",
        id="markup in a reply",
    ),
    pytest.param(
        changed(7, assistant("It is sent \ufffd")),
        "broken_characters",
        7,
        "",
        "'It is sent \ufffd' has a sign",
        id="half an emoji in a reply",
    ),
    pytest.param(
        changed(0, user("How can I help you find the contact called Varga?")),
        "wrong_speaker",
        0,
        "",
        "The user says 'How can I help you'",
        id="a user who speaks as the assistant",
    ),
    pytest.param(
        (*CLEAN, user(SAID), assistant("You are welcome."), user(SAID), assistant("You are very welcome.")),
        "repeated_message",
        10,
        "",
        "The user says the same again: 'that is all for today",
        id="the same again",
    ),
    pytest.param(
        changed(7, assistant("I have done what you asked for.")),
        "uncited_answer",
        7,
        "",
        "",
        id="an answer that says nothing",
    ),
]


@pytest.mark.parametrize(("messages", "rule", "at", "place", "text"), DAMAGED)
def test_damage_is_found_by_one_rule_at_its_place(messages, rule, at, place, text):
    (finding,) = (finding for finding in find_problems(case(messages)) if finding.blocking or finding.rule == rule)
    assert (finding.rule, finding.message, finding.place) == (rule, at, place)
    assert text in finding.text


@pytest.mark.parametrize(
    "placeholder",
    ["<base64>", "your_name", "your-api-key", "me@example.com", "see example.org/x@example.org", "XXXX", "{{name}}",
     "Lorem ipsum dolor", "TODO"],
)  # fmt: skip
def test_a_placeholder_is_found_though_the_user_said_it(placeholder):
    messages = (
        *changed(4, user(f'Send that person an email with the subject "{placeholder}".'))[:5],
        assistant(None, call(2, "SEND_EMAIL", to=SEND["to"], subject=placeholder)),
        *CLEAN[6:],
    )
    found = find_problems(case(messages))
    assert [(one.rule, one.message, one.place) for one in found] == [
        ("placeholder_content", 4, ""),
        ("placeholder_content", 5, "/subject"),
    ]


@pytest.mark.parametrize(
    "text", ["Is 3 < 5 > 2?", "Counterexample.company", "toddler", "Your name day", "ex", "{name}"]
)
def test_what_only_looks_like_a_placeholder_is_none(text):
    messages = (
        *changed(4, user(f'Send that person an email with the subject "{text}".'))[:5],
        assistant(None, call(2, "SEND_EMAIL", to=SEND["to"], subject=text)),
        *CLEAN[6:],
    )
    assert find_problems(case(messages)) == ()


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        pytest.param("Fine \ufffd\ufffd", "broken_characters", id="half a character"),
        pytest.param("Fine.<|im_end|>", "leaked_markup", id="a chat template's end"),
        pytest.param("<think>Hm.</think> Fine.", "leaked_markup", id="reasoning"),
        pytest.param('{"name": "SEND_FAX", "arguments": {}}', "leaked_markup", id="a call as text"),
        pytest.param("<tool_response>Fine.", "leaked_markup", id="a tag of the markup"),
        pytest.param("Find Varga.\nAssistant: I found Bo Varga.", "wrong_speaker", id="both sides at once"),
        pytest.param("**User:** Find Varga.", "wrong_speaker", id="a label"),
        pytest.param("As an AI I cannot.", "wrong_speaker", id="an AI"),
        pytest.param("Use FIND_CONTACT for Varga.", "wrong_speaker", id="a tool's name"),
        pytest.param("Is 3 < 5? Put it <b>bold</b>.", None, id="HTML is no markup of ours"),
        pytest.param("Ask the assistant: Varga knows.", None, id="a colon within a sentence"),
        pytest.param("Set MAX_SIZE to 5.", None, id="a name of no tool"),
    ],
)
def test_what_a_user_does_not_say(text, rule):
    found = {finding.rule for finding in find_problems(case(changed(0, user(text)))) if finding.message == 0}
    assert found == ({rule} if rule else set())


def test_few_words_may_come_twice_and_both_sides_may_say_the_same():
    messages = (*CLEAN, user("Thanks!"), assistant(SAID), user(SAID), assistant("Bye."), user("Thanks!"))
    assert find_problems(case((*messages, assistant("Bye.")))) == ()


def test_only_what_is_left_untold_or_badly_said_does_not_block():
    blocking = {}
    for given in (*DAMAGED, *BAD):
        for finding in find_problems(case(given.values[0])):
            blocking.setdefault(finding.rule, finding.blocking)
    minor = {"uncited_answer", "untold_lookup", "loose_topic", "spelled_out"}
    assert {rule for rule, blocks in blocking.items() if not blocks} == minor


def test_every_rule_is_tested_here_or_in_its_table():
    tested = {given.values[1] for given in DAMAGED} | {"placeholder_content"} | {given.values[1] for given in ALL_CASES}
    assert tested | RULES_WITH_TABLE == {rule.__name__ for rule in RULES}


# ── one rule at a time ────────────────────────────────────────────────────────────────────────


def test_a_failed_call_may_return_anything():
    messages = changed(6, result(2, "SEND_EMAIL", {"error": "sent to nobody, status sent"}, error=True))
    told = (*messages[:7], assistant("That failed: it was sent to nobody."))
    assert find_problems(case(told)) == ()


def test_a_tool_without_a_response_schema_may_return_anything():
    clean = case(changed(6, result(2, "SEND_EMAIL", {"any": "sent"})))
    tools = {name: msgspec.structs.replace(tool, returns=None) for name, tool in clean.tools.items()}
    assert [finding.rule for finding in find_problems(clean)] == ["invalid_result"] * 2
    assert find_problems(replace(clean, tools=tools)) == ()


@pytest.mark.parametrize(
    ("answer", "cites"),
    [
        pytest.param("I found Bo Varga.", True, id="a name"),
        pytest.param("There's one contact.", True, id="how many were found"),
        pytest.param("Their address is bo.varga@fiberlake.com.", True, id="an address"),
        pytest.param("Here you are.", False, id="nothing"),
        pytest.param("All done, in 10 seconds.", False, id="the letters of a number in other words"),
        pytest.param("Varga is there.", False, id="what the user had said"),
    ],
)
def test_citing(answer, cites):
    found = {finding.rule for finding in find_problems(case(changed(3, assistant(answer))))}
    assert found == (set() if cites else {"uncited_answer", "unanswered_part"})


def test_a_question_or_a_farewell_without_results_need_not_cite():
    messages = (*CLEAN, user("Thank you!"), assistant("You are welcome."))
    assert find_problems(case(messages)) == ()


def test_every_bad_argument_is_a_finding_of_its_own():
    bad = call(1, "FIND_CONTACT", query=7, limit="many")
    found = find_problems(case(changed(1, assistant(None, bad))))
    assert {(finding.rule, finding.place) for finding in found} >= {
        ("invalid_arguments", "/query"),
        ("invalid_arguments", "/limit"),
    }
