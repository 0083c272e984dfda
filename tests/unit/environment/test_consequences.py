"""What follows from a call, seen by whoever reads later: sent drafts, replaced texts, states, counts and changes."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from offline import casts, tools_of

from funcdex_assets.environment.world import World
from funcdex_assets.records.tool import Tool
from funcdex_assets.semantics.tool_names import parse_tool_name

HERE = casts("gmail", 1)[0].situation
SEEDS = range(15)
TEXT = {"type": "string"}


def people(listed: list[dict[str, Any]]) -> list[str]:
    return [person["email"] for person in listed]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_sent_draft_goes_to_whom_it_was_written_with_its_words(seed):
    gmail, world = tools_of("gmail"), World(HERE, seed)
    written = {"recipient_email": "ana.lima@x.io", "subject": "Zebra", "body": "The lease is up."}
    draft = world.execute_call(gmail["CREATE_EMAIL_DRAFT"], written)["draft"]
    sent = world.execute_call(gmail["SEND_DRAFT"], {"draft_id": draft["id"]})["message"]
    read = world.execute_call(gmail["FETCH_MESSAGE_BY_MESSAGE_ID"], {"message_id": sent["id"]})["message"]
    assert people(sent["to"]) == people(read["to"]) == ["ana.lima@x.io"]
    assert (sent["subject"], read["body"]) == ("Zebra", "The lease is up.")


@pytest.mark.parametrize("seed", SEEDS)
def test_an_answer_in_a_thread_that_a_letter_began_keeps_its_subject(seed):
    gmail, world = tools_of("gmail"), World(HERE, seed)
    written = {"recipient_email": "ana.lima@x.io", "subject": "Zebra", "body": "The lease is up."}
    sent = world.execute_call(gmail["SEND_EMAIL"], written)["message"]
    answer = {"thread_id": sent["thread_id"], "recipient_email": "ana.lima@x.io", "message_body": "And?"}
    assert world.execute_call(gmail["REPLY_TO_THREAD"], answer)["message"]["subject"] == "Zebra"


@pytest.mark.parametrize("seed", SEEDS)
def test_a_listed_draft_is_sent_to_whom_the_listing_shows(seed):
    gmail, world = tools_of("gmail"), World(HERE, seed)
    draft = world.execute_call(gmail["LIST_DRAFTS"], {})["drafts"][0]
    sent = world.execute_call(gmail["SEND_DRAFT"], {"draft_id": draft["id"]})["message"]
    assert people(sent["to"]) == people(draft["to"])


@pytest.mark.parametrize(
    ("find", "more", "expected"),
    [("penguin", {}, 0), ("roof", {}, 2), ("roof", {"match_case": True}, 1), ("the", {}, 3)],
)
def test_replacements_are_counted_in_the_text(find, more, expected):
    docs, world = tools_of("googledocs"), World(HERE, 3)
    text = "Roof plan\nThe roof of the gym, and the rest."
    made = world.execute_call(docs["CREATE_DOCUMENT"], {"title": "Gym", "text": text})
    document_id = made.get("document_id") or made["document"]["document_id"]
    arguments = {"document_id": document_id, "find_text": find, "replace_text": "X", **more}
    assert world.execute_call(docs["REPLACE_ALL_TEXT"], arguments)["occurrences_changed"] == expected


@pytest.mark.parametrize("seed", SEEDS)
def test_a_task_has_as_many_comments_as_it_says(seed):
    todoist, world = tools_of("todoist"), World(HERE, seed)
    task = world.execute_call(todoist["LIST_TASKS"], {})["tasks"][0]
    counted = world.execute_call(todoist["GET_TASK"], {"task_id": task["id"]})["task"].get("note_count")
    comments = world.execute_call(todoist["READ_TASK_COMMENTS"], {"task_id": task["id"], "limit": 50})["comments"]
    assert counted in (None, len(comments))


@pytest.mark.parametrize("seed", SEEDS)
def test_nobody_commented_after_the_last_change_and_a_comment_is_one(seed):
    jira, world = tools_of("jira"), World(HERE, seed)
    issue = world.execute_call(jira["SEARCH_ISSUES"], {"jql": "project = OPS"})["issues"][0]
    named = {"issue_key": issue["issue_key"]}
    comments = world.execute_call(jira["LIST_ISSUE_COMMENTS"], named)["comments"]
    updated = issue.get("updated")
    if updated:
        assert all(datetime.fromisoformat(one["created"]) <= datetime.fromisoformat(updated) for one in comments)
        world.execute_call(jira["ADD_COMMENT"], {**named, "comment": "Done."})
        later = world.execute_call(jira["SEARCH_ISSUES"], {"jql": "project = OPS"})["issues"]
        (again,) = [one for one in later if one["issue_key"] == issue["issue_key"]]
        assert datetime.fromisoformat(again["updated"]) > datetime.fromisoformat(updated)


def test_all_free_days_of_the_window_are_told():
    calendar, world = tools_of("googlecalendar"), World(HERE, 3)
    start = (HERE.now + timedelta(days=7 - HERE.now.weekday())).replace(hour=0, minute=0)
    asked = {"time_min": start.isoformat(), "time_max": (start + timedelta(days=14)).isoformat()}
    slots = world.execute_call(calendar["FIND_FREE_SLOTS"], asked)["free_slots"]
    days = {datetime.fromisoformat(slot["start"]).date() for slot in slots}
    assert len(days) == 10  # working days; nobody is busy for a whole one


STATUSES = ["pending", "confirmed", "cancelled", "shipped", "frozen", "submitted", "notarized"]


@pytest.mark.parametrize(
    ("verb", "expected"),
    [
        ("confirm", "confirmed"),
        ("ship", "shipped"),
        ("freeze", "frozen"),
        ("cancel", "cancelled"),
    ],
)
def test_a_verb_leads_to_its_state(verb, expected):
    shown = {"type": "object", "properties": {"id": TEXT, "status": {"type": "string", "enum": STATUSES}}}
    shown = {"type": "object", "properties": {"order": shown | {"required": ["id", "status"]}}, "required": ["order"]}
    parameters = {"type": "object", "properties": {"order_id": TEXT}, "required": ["order_id"]}
    act = Tool("shop", f"{verb}_order", "d", parameters, shown, source="test")
    look = Tool("shop", "get_order", "d", parameters, shown, source="test")
    world = World(HERE, 4)
    assert world.execute_call(act, {"order_id": "o1"})["order"] == {"id": "o1", "status": expected}
    assert world.execute_call(look, {"order_id": "o1"})["order"]["status"] == expected


@pytest.mark.parametrize(
    ("name", "verb", "action", "noun"),
    [
        ("renew_loan", "renew", "update", "loan"),
        ("place_hold", "place", "create", "hold"),
        ("MEMBER_FREEZE", "freeze", "update", "member"),
        ("claims-submit", "submit", "create", "claim"),
        ("city_block_list", "list", "list", "block"),
        ("exchange_rate", "exchange", "get", "rate"),
        ("get_return", "get", "get", "return"),
    ],
)
def test_verbs_that_may_be_nouns(name, verb, action, noun):
    parsed = parse_tool_name(name)
    assert (parsed.verb, parsed.action, parsed.noun) == (verb, action, noun)


def test_nothing_has_happened_yet_with_a_new_customer():
    stripe = tools_of("stripe")
    for seed in SEEDS:
        world = World(HERE, seed)
        world.execute_call(stripe["CREATE_CUSTOMER"], {"name": "Ana Lima", "email": "ana.lima@x.io"})
        (customer,) = world.execute_call(stripe["LIST_CUSTOMERS"], {"email": "ana.lima@x.io"})["customers"]
        assert (customer.get("balance", 0), customer.get("delinquent", False)) == (0, False)


def test_a_tool_that_names_a_field_is_about_the_thing():
    shown = {
        "type": "object",
        "properties": {"id": TEXT, "title": TEXT, "status": {"type": "string", "enum": STATUSES}},
    }
    shown |= {"required": ["id", "title", "status"]}
    parameters = {"type": "object", "properties": {"ticket_id": TEXT, "status": TEXT}, "required": ["ticket_id"]}
    act = Tool("desk", "UPDATE_TICKET_STATUS", "d", parameters, shown, source="test")
    look = Tool("desk", "GET_TICKET", "d", parameters, shown, source="test")
    world = World(HERE, 4)
    before = world.execute_call(look, {"ticket_id": "t1"})
    assert world.execute_call(act, {"ticket_id": "t1", "status": "shipped"}) == {**before, "status": "shipped"}
    assert world.execute_call(look, {"ticket_id": "t1"}) == {**before, "status": "shipped"}
