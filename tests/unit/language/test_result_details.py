"""How the fields of a result are said: days, amounts, people, states, and which of them answer a question."""

from datetime import datetime

import pytest

from funcdex_assets.language.questions import choose_details, read_question
from funcdex_assets.language.result_details import ONLY_IF_ASKED, read_thing
from funcdex_assets.language.result_values import render_money

NOW = datetime.fromisoformat("2025-10-01T09:30:00+02:00")
CENTS = {"type": "object", "properties": {"amount": {"type": "integer", "description": "In cents."}}}
BO = {"name": "Bo Lang", "email": "bo@x.org"}


def tell(value: dict, returns: dict | None = None, noun: str = "task") -> list[str]:
    return [detail.text for detail in read_thing(value, returns, noun, NOW).details if detail.rank < ONLY_IF_ASKED]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        pytest.param({"status": "IN_PROGRESS"}, ["in progress"], id="a state is an adjective"),
        pytest.param({"previous_status": "To Do", "status": "Done"}, ["from To Do to Done"], id="a state that changed"),
        pytest.param(
            {"previous_status": "Done", "status": "Done"}, ["status still Done"], id="one that did not change"
        ),
        pytest.param({"assignee": BO}, ["assigned to Bo Lang"], id="somebody by the relation"),
        pytest.param({"owners": [BO, {"email": "al@x.org"}]}, ["owned by Bo Lang and al@x.org"], id="several people"),
        pytest.param({"due_on": "2025-10-02"}, ["due tomorrow"], id="a due day"),
        pytest.param({"updated_at": "2025-09-30T12:00:00+02:00"}, ["last changed yesterday at 12 pm"], id="a change"),
        pytest.param({"expires_at": "2025-10-02"}, ["valid until tomorrow"], id="an expiry"),
        pytest.param(
            {"start": {"dateTime": "2025-10-02T09:00:00"}, "end": {"dateTime": "2025-10-02T10:30:00"}},
            ["tomorrow from 9 am to 10:30 am"],
            id="both ends of a day together",
        ),
        pytest.param(
            {"start_date": "2025-10-02", "end_date": "2025-10-20"},
            ["from tomorrow to Monday, October 20"],
            id="both ends of several days",
        ),
        pytest.param({"wdays": ["monday", "friday"]}, ["Monday and Friday"], id="days of the week"),
        pytest.param({"from": "09:00", "to": "17:00"}, ["09:00 to 17:00"], id="hours"),
        pytest.param({"num_subtasks": 1}, ["1 subtask"], id="a count of one"),
        pytest.param({"messages_unread": 3}, ["3 unread messages"], id="a count before its adjective"),
        pytest.param({"messages_total": 9}, ["9 messages in all"], id="a total"),
        pytest.param({"buffer_before_minutes": 10}, ["10 minutes buffer before"], id="a duration with its place"),
        pytest.param({"amount": 25, "currency": "eur"}, ["25.00 EUR"], id="an amount with its currency"),
        pytest.param({"location": "Pier 7"}, ["at Pier 7"], id="a place"),
        pytest.param({"location": "Online"}, ["online"], id="no place at all"),
        pytest.param({"priority": "HIGH"}, ["high priority"], id="a priority in words"),
        pytest.param({"priority": 2}, ["priority 2"], id="a priority as a number"),
        pytest.param({"project": {"gid": "7", "name": "Roof"}}, ["project"], id="what it belongs to"),
    ],
)
def test_fields_are_said_as_phrases(value, said):
    told = tell({"title": "Gym", **value})
    assert [text.startswith(start) for text, start in zip(told, said, strict=True)] == [True] * len(said)


def test_cents_and_their_currency_are_one():
    assert tell({"title": "Fee", "amount": 2500, "currency": "usd"}, CENTS) == ["$25.00"]
    assert tell({"title": "Fee", "amount": 2500, "currency": "sgd"}, CENTS) == ["25.00 SGD"]


@pytest.mark.parametrize(
    ("amount", "currency", "in_cents", "said"),
    [
        (250000, "usd", True, "$2,500.00"),
        (-2500, "usd", True, "-25.00 USD"),
        (2500, "jpy", True, "2,500 JPY"),
        (12.5, "EUR", False, "12.50 EUR"),
        (12.5, "", False, "12.5"),
    ],
)
def test_money(amount, currency, in_cents, said):
    assert render_money(amount, currency, in_minor_units=in_cents) == said


@pytest.mark.parametrize(
    ("value", "noun", "label"),
    [
        ({"name": "Bo Lang", "email": "bo@x.org"}, "contact", "Bo Lang"),
        ({"subject": "Roof", "from": BO}, "message", '"Roof"'),
        ({"issue_key": "AB-1", "summary": "Roof"}, "issue", 'AB-1 "Roof"'),
        ({"number": "E5-0021", "customer": BO}, "invoice", "E5-0021"),
        ({"status": "active", "customer": BO}, "subscription", "Bo Lang"),
        ({"content": "Chase it.", "author": BO}, "comment", '"Chase it."'),
        ({"user": BO, "role": "admin"}, "member", "Bo Lang"),
        ({"role": "reader", "scope": {"type": "user", "value": "bo@x.org"}}, "rule", "bo@x.org"),
        ({"amount": 3, "product": {"id": "p", "name": "Plan"}}, "price", '"Plan"'),
    ],
)
def test_a_thing_is_called_as_people_call_it(value, noun, label):
    assert read_thing(value, None, noun, NOW).label == label


EVENT = {
    "title": "Roof",
    "status": "confirmed",
    "start": "2025-10-02T09:00:00",
    "end": "2025-10-02T10:00:00",
    "location": "Pier 7",
    "organizer": {"displayName": "Al Ray", "email": "al@x.org"},
    "attendees": [{"displayName": "Bo Lang", "email": "bo@x.org", "responseStatus": "needsAction"}],
    "htmlLink": "https://x.org/e/1",
}


@pytest.mark.parametrize(
    ("request_", "said", "unsaid"),
    [
        ("who's coming to it?", ["Bo Lang (no answer yet)"], []),
        ("who organized it? the organizer, I mean", ["organized by Al Ray"], []),
        ("where is it?", ["at Pier 7"], []),
        ("when is it?", ["tomorrow from 9 am to 10 am"], []),
        ("what's its status?", ["confirmed"], []),
        ("open it", ["tomorrow from 9 am to 10 am", "at Pier 7"], ["confirmed", "no answer yet"]),
        (
            "give me the details of it",
            ["tomorrow from 9 am to 10 am", "at Pier 7", "organized by Al Ray", "confirmed", "https://x.org/e/1"],
            [],
        ),
    ],
)
def test_what_is_asked_for_is_told(request_, said, unsaid):
    details = choose_details(read_thing(EVENT, None, "event", NOW).details, read_question(request_), 3)
    told = ", ".join(detail.text for detail in details)
    assert [text for text in said if text not in told] == []
    assert [text for text in unsaid if text in told] == []


def test_addresses_are_told_to_those_who_ask_for_them():
    thing = read_thing({"name": "Bo Lang", "email": "bo@x.org", "company": "Pier"}, None, "invitee", NOW)
    asked = choose_details(thing.details, read_question("I need the names and addresses of the people"), 1)
    assert [detail.text for detail in asked] == ["bo@x.org"]


def test_words_in_quotes_ask_for_nothing():
    question = read_question('find "who said where: open details"')
    assert not question.kinds
    assert not question.is_detailed
    assert not question.wants_text
