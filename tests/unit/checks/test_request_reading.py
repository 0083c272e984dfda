"""Requests: their clauses, what asks to be told something, and which clause a call answers; languages and sentences."""

import re

import pytest
from rule_cases import step, talk

from funcdex_assets.checks.rules.citations import names_person, tells_value
from funcdex_assets.checks.rules.languages import is_english
from funcdex_assets.checks.rules.requests import asks_back, find_clause, is_asking, is_reading, split_clauses
from funcdex_assets.checks.rules.sentences import is_denied, read_number
from funcdex_assets.records.message import ToolCall


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        pytest.param("List the lamps. Dim Arc.", ["List the lamps.", "Dim Arc."], id="sentences"),
        pytest.param("Find Arc and then dim it.", ["Find Arc", "dim it."], id="then"),
        pytest.param("Dim Arc, and tell me who did.", ["Dim Arc", "tell me who did."], id="and tell me"),
        pytest.param('Find "Arc. And then".', ['Find "Arc. And then".'], id="quoted"),
        pytest.param("Dim Arc and Bow.", ["Dim Arc and Bow."], id="one"),
        pytest.param("", [], id="nothing"),
    ],
)
def test_a_request_is_divided(text, clauses):
    assert split_clauses(text) == clauses


@pytest.mark.parametrize(
    ("clause", "asks"),
    [
        ("Which lamps are on?", True),
        ("Please show me the lamps.", True),
        ("Could you tell me the price?", True),
        ("I need a list of lamps.", True),
        ("How much is it?", True),
        ("Dim the lamp.", False),
        ("Any.", False),
        ("Book the room where we met.", False),
        ("ランプを見せて。", False),
        ("", False),
    ],
)
def test_a_clause_asks(clause, asks):
    assert is_asking(clause) == asks


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("For which day?", True),
        ("I still need the address.", True),
        ("Please tell me the size.", True),
        ("Is that all? Fine.", False),
        ("It is done.", False),
    ],
)
def test_a_reply_asks_back(text, asks):
    assert asks_back(text) == asks


@pytest.mark.parametrize(
    ("name", "reads"),
    [("LIST_LAMPS", True), ("getAlerts", True), ("open_window", True), ("silence_alert", False), ("SEND_MAIL", False)],
)
def test_a_tool_reads(name, reads):
    assert is_reading(ToolCall(id="call_1", name=name, arguments={})) == reads


def test_a_call_answers_the_clause_that_has_its_nouns_or_arguments():
    lamps, guest = step("LIST_LAMPS", {}, {"lamps": []}), step("FIND_PERSON", {"name": "Mia"}, {})
    case = talk("Which lamps are on? Where is Mia?", lamps, guest, "None, and nowhere.")
    calls = [call for message in case.messages for call in message.tool_calls]
    assert [find_clause(case, case.turns[0], call) for call in calls] == ["Which lamps are on?", "Where is Mia?"]


def test_the_only_call_answers_the_only_clause():
    case = talk("What is on?", step("LIST_LAMPS", {}, {}), "Nothing.")
    assert find_clause(case, case.turns[0], case.messages[1].tool_calls[0]) == "What is on?"
    two = talk("What is on?", step("LIST_LAMPS", {}, {}), step("LIST_FANS", {}, {}), "Nothing.")
    assert find_clause(two, two.turns[0], two.messages[1].tool_calls[0]) is None


@pytest.mark.parametrize(
    ("text", "english"),
    [
        ("Which lamps are on in the attic?", True),
        ("Arc, Bow.", True),
        ("", True),
        ("Es gibt drei Lampen, und die sind alle aus.", False),
        ("Hay tres lámparas en la casa.", False),
        ("Il y a trois lampes dans la maison.", False),
        ("電灯は三つあります。", False),
        ("Есть три лампы в доме.", False),
    ],
)
def test_a_text_is_english(text, english):
    assert is_english(text) == english


@pytest.mark.parametrize(
    ("text", "denied"),
    [
        ("It was read.", False),
        ("It wasn't there, I think. It was read.", False),
        ("It has not yet been said that it was read.", True),
        ("I don't know whether it was read.", True),
        ("Once it was read, I'll tell you.", True),
        ("Is it true that it was read?", True),
        ("Nobody says it was read.", False),
    ],
)
def test_words_are_denied(text, denied):
    match = re.search("was read", text)
    assert match is not None
    assert is_denied(text, match) == denied


@pytest.mark.parametrize(
    ("text", "number"), [("12", 12), ("1,200", 1200), ("Three", 3), ("both", 2), ("few", None), ("²", None)]
)
def test_a_number_is_read(text, number):
    assert read_number(text) == number


@pytest.mark.parametrize(
    ("text", "person", "named"),
    [
        ("Henrik can.", "Henrik Dale", True),
        ("Mr Dale can.", "Henrik Dale", True),
        ("It is m.kessler@kb.com.", "m.kessler@kb.com", True),
        ("Kessler can.", "m.kessler@kb.com", True),
        ("Two people can.", "Henrik Dale", False),
        ("A dalek can.", "Henrik Dale", False),
        ("Bo can.", "Bo Li", False),
        ("Bo Li can.", "Bo Li", True),
    ],
)
def test_a_person_is_named(text, person, named):
    assert names_person(text, person) == named


@pytest.mark.parametrize(
    ("text", "field", "value", "told"),
    [
        ("It is in progress.", "/status", "IN_PROGRESS", True),
        ("It takes an hour and a half.", "/duration_minutes", 90, True),
        ("It takes 1.5 hours.", "/duration_minutes", 90, True),
        ("It has 2 MB.", "/size", 2_000_000, True),
        ("That was ten minutes ago.", "/sent_at", "2025-10-01T09:20:00+02:00", True),
        ("It is on.", "/status", "IN_PROGRESS", False),
        ("It has 7 MB.", "/size", 2_000_000, False),
        ("It was sent.", "/sent_at", "2025-10-01T09:20:00+02:00", False),
    ],
)
def test_a_value_is_told(text, field, value, told):
    assert tells_value(talk("Hi.", text), text, field, value) == told
