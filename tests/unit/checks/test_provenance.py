"""Where an argument came from: said, found, known or fixed. And what comes from nowhere."""

from typing import Any

import pytest
from dialogue_cases import CONTACTS, HERE, PERSONA, TOOLS, assistant, call, result, user

from funcdex_assets.checks.provenance import find_ungrounded_arguments, trace_arguments, trace_steps
from funcdex_assets.records.conversation import ArgumentSource
from funcdex_assets.records.message import Message

FOUND = (
    assistant(None, call(1, "FIND_CONTACT", query="Varga")),
    result(1, "FIND_CONTACT", CONTACTS),
)


def source_of(argument: str, value: Any, said: str = "Please do.", found: tuple[Message, ...] = FOUND) -> Any:
    """The source of one argument of SEND_EMAIL, called after `said` and the contact was found."""
    number = 1 + sum(len(message.tool_calls) for message in found)
    messages = (user(said), *found, assistant(None, call(number, "SEND_EMAIL", **{argument: value})))
    sources = trace_arguments(messages, TOOLS, HERE)
    return next((source for source in sources if source.call_id == f"call_{number}"), None)


@pytest.mark.parametrize(
    ("argument", "value", "said", "evidence"),
    [
        pytest.param("subject", "Snow Load", "About the snow load.", "snow load", id="a text, in the user's spelling"),
        pytest.param("send_at", "2025-10-02T14:00:00+02:00", "Tomorrow at 2 pm.", "Tomorrow", id="a moment"),
        pytest.param("importance", "high", "It is of high importance.", "high", id="an enum value"),
        pytest.param("retries", 5, "Try five times.", "five", id="a number in words"),
        pytest.param("draft", True, "Only as a draft.", "draft", id="a flag"),
        pytest.param("to", "zoe@x.io", "It goes to zoe@x.io.", "zoe@x.io", id="an address"),
    ],
)
def test_what_the_user_said(argument, value, said, evidence):
    expected = ArgumentSource(call_id="call_2", argument=f"/{argument}", source="user", evidence=evidence, message=0)
    assert source_of(argument, value, said) == expected


@pytest.mark.parametrize(
    ("argument", "value", "pointer"),
    [
        pytest.param("to", "bo.varga@fiberlake.com", "/contacts/0/email", id="an address"),
        pytest.param("contact_id", "c_91", "/contacts/0/id", id="an id"),
        pytest.param("subject", "bo varga", "/contacts/0/name", id="a text in another spelling"),
        pytest.param("subject", "name contains 'Bo Varga'", "/contacts/0/name", id="a text in a query"),
    ],
)
def test_what_an_earlier_result_holds(argument, value, pointer):
    found = source_of(argument, value)
    assert (found.source, found.from_call, found.pointer) == ("result", "call_1", pointer)


@pytest.mark.parametrize(
    ("argument", "value", "evidence"),
    [
        pytest.param("from_email", PERSONA.email, "user.email", id="the user's address"),
        pytest.param("subject", PERSONA.name, "user.name", id="the user's name"),
        pytest.param("time_zone", "Europe/Berlin", "user.time_zone", id="the time zone"),
        pytest.param("send_at", PERSONA.today, "now", id="this very moment"),
        pytest.param("subject", "2025-10-01", "today", id="today"),
    ],
)
def test_what_the_context_gives(argument, value, evidence):
    found = source_of(argument, value)
    assert (found.source, found.evidence) == ("context", evidence)


@pytest.mark.parametrize(
    ("argument", "value", "evidence"),
    [
        pytest.param("retries", 3, "default", id="a default"),
        pytest.param("format", "v1", "const", id="a constant"),
        pytest.param("kind", "plain", "enum", id="the only choice"),
    ],
)
def test_what_the_schema_fixes(argument, value, evidence):
    found = source_of(argument, value)
    assert (found.source, found.evidence) == ("schema", evidence)


@pytest.mark.parametrize(
    ("argument", "value", "said"),
    [
        pytest.param("to", "eve@x.io", "Send it.", id="an address nobody mentioned"),
        pytest.param("to", "varga@fiberlake.com", "Send it.", id="the end of an address that was found"),
        pytest.param("subject", "Snow", "About the snowplough.", id="a part of a word"),
        pytest.param("retries", 5, "There are 15 of them.", id="a part of a number"),
        pytest.param("send_at", "2025-10-02T14:00:00+02:00", "Tomorrow.", id="a day without its time"),
        pytest.param("send_at", "2025-10-02T14:00:00+02:00", "Tomorrow at 3 pm.", id="another time"),
        pytest.param("importance", "low", "It is of high importance.", id="one choice of several"),
        pytest.param("draft", True, "It is no draft.", id="a flag that was denied"),
        pytest.param("retries", 4, "Send it.", id="another number than the default"),
        pytest.param("contact_id", "c_9", "Send it.", id="a part of an id"),
        pytest.param("subject", None, "Send it.", id="null"),
    ],
)
def test_what_comes_from_nowhere(argument, value, said):
    assert source_of(argument, value, said) is None


def test_what_the_user_says_only_afterwards_grounds_nothing():
    messages = (
        user("Send it."),
        assistant(None, call(1, "SEND_EMAIL", to="zoe@x.io")),
        result(1, "SEND_EMAIL", {"message_id": "m_7"}),
        assistant("Sent."),
        user("To zoe@x.io, I hope?"),
    )
    assert trace_arguments(messages, TOOLS, HERE) == ()


def test_the_latest_of_several_messages_is_named():
    messages = (
        user("It is for zoe@x.io."),
        assistant("What is it about?"),
        user("Snow. And to zoe@x.io!"),
        assistant(None, call(1, "SEND_EMAIL", to="zoe@x.io")),
    )
    (source,) = trace_arguments(messages, TOOLS, HERE)
    assert source.message == 2


@pytest.mark.parametrize(
    ("argument", "value", "source"),
    [
        pytest.param("contact_id", "c_91", "result", id="an id is the service's, though the user quotes it"),
        pytest.param("to", "bo.varga@fiberlake.com", "user", id="an address is the user's, though it was found"),
    ],
)
def test_who_is_believed_first_when_both_hold_it(argument, value, source):
    said = "Send it to bo.varga@fiberlake.com, that is c_91."
    assert source_of(argument, value, said).source == source


def test_results_of_the_same_group_ground_nothing():
    together = assistant(
        None,
        call(1, "FIND_CONTACT", query="Varga"),
        call(2, "SEND_EMAIL", to="bo.varga@fiberlake.com"),
    )
    results = (result(1, "FIND_CONTACT", CONTACTS), result(2, "SEND_EMAIL", {"message_id": "m_7"}))
    messages = (user("Find Varga and write to them."), together, *results)
    later = assistant(None, call(3, "SEND_EMAIL", to="bo.varga@fiberlake.com"))
    found = {(source.call_id, source.argument): source for source in trace_arguments((*messages, later), TOOLS, HERE)}
    assert ("call_2", "/to") not in found
    assert found["call_3", "/to"].from_call == "call_1"


def test_each_item_of_a_list_has_its_own_source():
    said = "Copy zoe@x.io too."
    copies = ["zoe@x.io", "bo.varga@fiberlake.com", "eve@x.io"]
    messages = (user(said), *FOUND, assistant(None, call(2, "SEND_EMAIL", copies=copies)))
    sources = trace_arguments(messages, TOOLS, HERE)
    assert {source.argument: source.source for source in sources if source.call_id == "call_2"} == {
        "/copies/0": "user",
        "/copies/1": "result",
    }
    index, made, pointer, value = list(find_ungrounded_arguments(messages, sources))[-1]
    assert (index, made.id, pointer, value) == (3, "call_2", "/copies/2", "eve@x.io")


def test_a_call_without_arguments_needs_no_source():
    messages = (user("List them."), assistant(None, call(1, "FIND_CONTACT")))
    assert trace_arguments(messages, TOOLS, HERE) == ()
    assert list(find_ungrounded_arguments(messages, ())) == []


def test_an_unknown_tool_is_traced_without_its_schema():
    messages = (user("Do snow."), assistant(None, call(1, "PLOUGH", where="snow", how=3)))
    (source,) = trace_arguments(messages, TOOLS, HERE)
    assert (source.argument, source.source) == ("/where", "user")


def test_a_true_in_a_result_grounds_no_flag_and_no_number():
    found = (assistant(None, call(1, "FIND_CONTACT")), result(1, "FIND_CONTACT", {"ok": True, "count": 1}))
    flag = source_of("draft", True, found=found)
    assert (flag.source, flag.evidence) == ("derived", "implied: draft true")
    assert source_of("retries", 1, found=found).pointer == "/count"


def test_the_steps_of_a_trace_say_what_they_lived_on_and_what_they_made_good():
    messages = (
        user("Find Bo, then write to him."),
        assistant(None, call(1, "FIND_CONTACT", query="Bo")),
        result(1, "FIND_CONTACT", {"error": "busy"}, error=True),
        assistant(None, call(2, "FIND_CONTACT", query="Bo")),
        result(2, "FIND_CONTACT", {"contacts": [{"id": "c1", "email": "bo@x.io"}]}),
        assistant(None, call(3, "SEND_EMAIL", to="bo@x.io", subject="Bo")),
        result(3, "SEND_EMAIL", {"contacts": []}),
    )
    first, second, third = trace_steps(messages, trace_arguments(messages, TOOLS, HERE), shift=1)
    assert [step.outcome for step in (first, second, third)] == ["error", "ok", "empty"]
    assert (first.makes_good, second.makes_good, third.makes_good) == (None, "call_1", None)
    assert (first.message, third.depends_on) == (2, ("call_2",))
    assert second.returned == {"/contacts/0/email": "bo@x.io"}
    assert [(source.argument, source.message) for source in second.sources] == [("/query", 1)]


DENIED = {"error": "not permitted"}
FOUND_BO = {"contacts": [{"id": "c_1", "email": "bo@x.io"}]}


def tried(
    first: str, then: str, *, said: str = "Find Bo.", query: str = "Bo", between: tuple[Message, ...] = ()
) -> Any:
    """What the second call makes good of the first, which failed."""
    messages = (
        user(said),
        assistant(None, call(1, first, query="Bo")),
        result(1, first, DENIED, error=True),
        *between,
        assistant(None, call(2, then, query=query)),
        result(2, then, FOUND_BO),
    )
    return trace_steps(messages, trace_arguments(messages, TOOLS, HERE))[-1].makes_good


@pytest.mark.parametrize(
    ("made", "makes_good"),
    [
        pytest.param(tried("FIND_CONTACT", "LIST_CONTACTS"), "call_1", id="another that reads the same"),
        pytest.param(tried("FIND_CONTACT", "LIST_GROUPS"), None, id="one that reads other things"),
        pytest.param(tried("FIND_CONTACT", "INVITE_CONTACT"), None, id="one that does not read"),
        pytest.param(
            tried("FIND_CONTACT", "LIST_CONTACTS", said="Find Bo, then Cy.", query="Cy"), None, id="something else"
        ),
        pytest.param(
            tried("FIND_CONTACT", "LIST_CONTACTS", between=(assistant("No."), user("Then list Bo."))), None, id="asked"
        ),
    ],
)
def test_another_tool_makes_good_what_it_is_called_for_in_the_same_turn(made, makes_good):
    assert made == makes_good


def test_calls_made_at_once_do_not_make_good_one_another():
    messages = (
        user("Find Bo."),
        assistant(None, call(1, "FIND_CONTACT", query="Bo"), call(2, "LIST_CONTACTS", query="Bo")),
        result(1, "FIND_CONTACT", DENIED, error=True),
        result(2, "LIST_CONTACTS", FOUND_BO),
    )
    assert [step.makes_good for step in trace_steps(messages, trace_arguments(messages, TOOLS, HERE))] == [None, None]


def test_what_is_made_good_once_is_not_made_good_again():
    messages = (
        user("Find Bo."),
        assistant(None, call(1, "FIND_CONTACT", query="Bo")),
        result(1, "FIND_CONTACT", DENIED, error=True),
        assistant(None, call(2, "FIND_CONTACT", query="Bo")),
        result(2, "FIND_CONTACT", DENIED, error=True),
        assistant(None, call(3, "LIST_CONTACTS", query="Bo")),
        result(3, "LIST_CONTACTS", FOUND_BO),
        assistant(None, call(4, "FIND_CONTACT", query="Bo")),
        result(4, "FIND_CONTACT", FOUND_BO),
    )
    made = [step.makes_good for step in trace_steps(messages, trace_arguments(messages, TOOLS, HERE))]
    assert made == [None, None, "call_2", None]
