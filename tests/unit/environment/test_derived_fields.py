"""Results that agree with their call and within themselves: what was searched for, asked of, made and measured."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from offline import PARTITIONS, casts, played, tools_of

from funcdex_assets.environment.derived_fields import derive_dependent_fields
from funcdex_assets.environment.search_queries import read_query, split_search_words
from funcdex_assets.environment.world import World
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.json_pointers import list_scalars

HERE = casts("gmail", 1)[0].situation
SEEDS = range(12)
NOW = datetime(2026, 1, 15, 9, 0)
TEXT = {"type": "string"}
NINE, TEN = "2026-01-05T09:00:00+01:00", "2026-01-05T10:30:00+01:00"


def obj(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def tool(name: str, returns: Any) -> Tool:
    return Tool(toolkit="t", name=name, description="d", parameters={"type": "object"}, returns=returns, source="test")


AGREE = {
    "minutes": ({"start": NINE, "end": TEN, "duration_minutes": 30}, {"duration_minutes": 90}),
    "seconds": ({"start_time": NINE, "end_time": TEN, "duration_seconds": 1}, {"duration_seconds": 5400}),
    "hours": ({"start": NINE, "end": TEN, "duration_hours": 1}, {"duration_hours": 1.5}),
    "nested moments": ({"start": {"dateTime": NINE}, "end": {"dateTime": TEN}, "duration": 15}, {"duration": 90}),
    "a duration in words": ({"start": NINE, "end": TEN, "duration": "once"}, {}),
    "words": ({"plain_text": "Snow on it.", "word_count": 7925}, {"word_count": 3}),
    "characters": ({"content": "Snow", "character_count": 9}, {"character_count": 4}),
    "bytes": ({"text": "Zoë", "size": 4096}, {"size": 4}),
    "another size": ({"text": "Zoë", "font_size": 12}, {}),
    "lines": ({"total": 7, "lines": [{"amount": 40}, {"amount": 60}]}, {"total": 100}),
    "lines and a tax": ({"total": 110, "tax": 10, "lines": [{"amount": 40}, {"amount": 60}]}, {}),
    "what is left": ({"amount_due": 90, "amount_paid": 30, "amount_remaining": 1}, {"amount_remaining": 60}),
    "another time zone": ({"timezone": "Asia/Tokyo", "at": NINE}, {"at": "2026-01-05T17:00:00+09:00"}),
}


@pytest.mark.parametrize(("made", "changed"), AGREE.values(), ids=AGREE.keys())
def test_fields_of_one_object_agree(made, changed):
    right = {**made}
    derive_dependent_fields(right, lambda key, value: True, text="", zone="Europe/Berlin")
    assert right == made | changed


def test_where_the_duration_may_not_be_another_the_end_is():
    slot = {"start": NINE, "end": TEN, "duration_minutes": 30}
    derive_dependent_fields(slot, lambda key, value: value == 30, text="", zone="Europe/Berlin")
    assert slot == {"start": NINE, "end": "2026-01-05T09:30:00+01:00", "duration_minutes": 30}


QUERIES = {
    "words": ("Polyglotte & Sons", "Polyglotte & Sons", {}, {}),
    "a title with a colon": ("Briefing: Roof and gym", "Briefing: Roof and gym", {}, {}),
    "an apostrophe": ("Streamer's final cut", "Streamer's final cut", {}, {}),
    "gmail": ("'roof' is:unread in:inbox", "roof", {"unread": True, "labels": ["UNREAD", "INBOX"]}, {}),
    "gmail, a title": ("subject:'gym roof' has:attachment", "gym roof", {"attachments": True}, {}),
    "drive": ("name contains 'gym' and trashed = false", "gym", {"trashed": False}, {}),
    "drive, a type": ("mimeType = 'text/csv'", "", {"mimeType": "text/csv"}, {}),
    "jql": (
        'summary ~ "gym roof" AND statusCategory != Done ORDER BY created DESC',
        "gym roof",
        {},
        {"status": "done"},
    ),
    "jql with a function": ('text ~ "gym" AND assignee = currentUser()', "gym", {}, {}),
    "one or the other": ('text ~ "gym" OR priority = High', "gym", {}, {}),
    "todoist": ("search: 'gym roof'", "gym roof", {}, {}),
}


@pytest.mark.parametrize(("text", "sought", "wanted", "excluded"), QUERIES.values(), ids=QUERIES.keys())
def test_a_query_is_read(text, sought, wanted, excluded):
    query = read_query(text, NOW)
    assert split_search_words(query.text) - {"or"} == split_search_words(sought)
    assert (query.required_values, query.excluded_values) == (wanted, excluded)


def test_how_old_something_may_be_is_read():
    query = read_query("'roof' newer_than:14d", NOW)
    assert (query.since, query.until) == (datetime(2026, 1, 1, 9, 0), None)


FOLDERS = tool(
    "FIND_FOLDER", obj(folders={"type": "array", "items": obj(id=TEXT, name={**TEXT, "examples": ["Home"]})})
)
PEOPLE = tool("SEARCH_CONTACTS", obj(contacts={"type": "array", "items": obj(id=TEXT, name=TEXT, email=TEXT)}))
THREE = frozenset(("/folders/2/id", "/contacts/2/id"))


@pytest.mark.parametrize(
    ("found", "arguments"),
    [(FOLDERS, {"name_contains": "critics scathing"}), (FOLDERS, {"query": "Zebra"}), (PEOPLE, {"query": "Kalinda"})],
    ids=["words", "one word", "a first name"],
)
def test_every_item_of_a_search_has_its_words(found, arguments):
    for seed in SEEDS:
        (items,) = World(HERE, seed).execute_call(found, arguments, THREE).values()
        names = [item["name"] for item in items]
        (sought,) = map(split_search_words, arguments.values())
        assert all(sought <= split_search_words(name) for name in names)
        assert len({item["id"] for item in items}) == len(items) >= 3


def test_what_is_listed_of_somebody_is_of_that_one_also_inside():
    stripe = tools_of("stripe")
    for seed in SEEDS:
        world = World(HERE, seed)
        customer = world.execute_call(
            stripe["CREATE_CUSTOMER"], {"name": "Ada Lind", "email": "ada.lind@fiberlake.com"}
        )
        known = {key: customer["customer"][key] for key in ("id", "name", "email")}
        listed = world.execute_call(
            stripe["LIST_INVOICES"], {"customer_id": known["id"]}, frozenset(("/invoices/1/id",))
        )
        assert [invoice["customer"] for invoice in listed["invoices"]] == [known] * len(listed["invoices"])


def test_what_was_made_is_found_also_as_its_text():
    docs = tools_of("googledocs")
    for seed in SEEDS:
        world = World(HERE, seed)
        made = world.execute_call(docs["CREATE_DOCUMENT"], {"title": "Kiln log", "text": "Too hot."})
        named = {"document_id": made["document"]["document_id"]}
        read = world.execute_call(docs["GET_DOCUMENT_PLAINTEXT"], named)
        assert (read["title"], read["plain_text"], read["word_count"]) == ("Kiln log", "Too hot.", 2)
        world.execute_call(docs["INSERT_TEXT_ACTION"], {**named, "text_to_insert": "Now cold."})
        read = world.execute_call(docs["GET_DOCUMENT_PLAINTEXT"], named)
        assert (read["plain_text"], read["word_count"]) == ("Too hot.\nNow cold.", 4)


def test_a_copy_has_the_name_that_it_was_given_or_that_of_the_original():
    drive = tools_of("googledrive")
    for seed in SEEDS:
        world = World(HERE, seed)
        made = world.execute_call(drive["CREATE_FILE_FROM_TEXT"], {"file_name": "Kiln.txt", "text_content": "Hot"})[
            "file"
        ]
        for extra, name in (({"new_title": "Oven.txt"}, "Oven.txt"), ({"folderId": "f77001"}, "Kiln.txt")):
            copy = world.execute_call(drive["COPY_FILE"], {"fileId": made["id"], **extra})["file"]
            assert (copy["name"], copy["size"]) == (name, made["size"])
            assert copy["webViewLink"] != made["webViewLink"]


def test_who_is_looked_up_by_address_is_the_one_who_was_found():
    whatsapp = tools_of("whatsapp")
    for seed in SEEDS:
        world = World(HERE, seed)
        found = world.execute_call(whatsapp["SEARCH_CONTACTS"], {"query": "Goran"}, frozenset(("/contacts/0/email",)))
        contact = found["contacts"][0]
        again = world.execute_call(whatsapp["GET_CONTACT_BY_EMAIL"], {"email": contact["email"]})["contact"]
        assert {key: again[key] for key in contact} == contact


@pytest.mark.parametrize("partition", PARTITIONS)
def test_every_moment_has_the_offset_of_its_day_in_the_users_zone(partition):
    for one in played(partition, 12, seed=7):
        zone = ZoneInfo(one.cast.situation.persona.time_zone)
        told = [call.arguments for message in one.conversation.messages for call in message.tool_calls]
        told += [message.result.content for message in one.conversation.messages if message.result]
        texts = [value for part in told for _, value in list_scalars(part) if isinstance(value, str)]
        for text in (text for text in texts if text[4:5] == text[7:8] == "-" and text[10:11] == "T"):
            moment = datetime.fromisoformat(text)
            assert moment.utcoffset() == moment.replace(tzinfo=zone).utcoffset(), one
