"""What is told of results: how many there are, what was asked, what was done; and how files are called."""

import re
from random import Random

import pytest
from offline import casts

from funcdex_assets.language import values
from funcdex_assets.language.act_reports import NO_OCCASION, Occasion
from funcdex_assets.language.result_reports import (
    find_first_sentence,
    find_recallable_details,
    find_title,
    report_result,
)
from funcdex_assets.records.tool import Tool

SITUATION = casts("gmail", 1)[0].situation
LONG = "The delivery is late again; the carrier blames the ferry. We hear more on Monday."


def tool(name: str) -> Tool:
    returns = {"type": "object", "properties": {"content": {"type": "string"}}}
    return Tool(toolkit="t", name=name, description="", parameters={"type": "object"}, returns=returns, source="test")


@pytest.mark.parametrize(
    ("result", "beginning"),
    [
        pytest.param({"content": LONG}, "The delivery is late again; the carrier blames the ferry.", id="a sentence"),
        pytest.param({"content": LONG.replace(". ", "\n")}, LONG.partition(".")[0], id="a line"),
        pytest.param({"a": {"b": [1, {"c": "x" * 300}]}}, "x" * 160, id="no end in sight"),
        pytest.param({"status": "ok", "n": 3}, "", id="no long text"),
        pytest.param("short", "", id="a word"),
    ],
)
def test_how_a_text_begins(result, beginning):
    assert find_first_sentence(result) == beginning


def test_a_short_text_alone_is_told_whole():
    told = report_result(tool("read_file"), {}, {"content": LONG}, SITUATION.now, Random(1))
    assert told in (f'The file says: "{LONG}"', f'The file reads: "{LONG}"')


@pytest.mark.parametrize("is_folder", [True, False])
def test_a_path_looks_like_one_and_is_about_the_matter(is_folder):
    path = values.invent_path(SITUATION, Random(3), is_folder)
    assert " " not in path
    assert path == path.lower()
    assert ("." in path.rpartition("/")[2]) != is_folder
    assert any(word in path for word in SITUATION.matter.lower().split())


# ── listings ──────────────────────────────────────────────────────────────────────────────────


def say_all(name: str, result: object, occasion: Occasion = NO_OCCASION, returns: dict | None = None) -> set[str]:
    told = Tool(toolkit="t", name=name, description="", parameters={"type": "object"}, returns=returns, source="test")
    return {report_result(told, {}, result, SITUATION.now, Random(seed), occasion) for seed in range(40)}


THREE = [{"id": str(index), "name": f"Roof {index}"} for index in range(3)]


@pytest.mark.parametrize(
    ("result", "occasion", "said", "never"),
    [
        pytest.param({"files": THREE}, NO_OCCASION, r"3 files", r"page|first|so far|more", id="all"),
        pytest.param({"files": THREE, "total": 3}, NO_OCCASION, r"3 files", r"page|first|so far", id="all by a total"),
        pytest.param(
            {"files": THREE, "next_page_token": "x"},
            NO_OCCASION,
            r"page|first|goes on",
            r"[Tt]here are 3",
            id="a token",
        ),
        pytest.param(
            {"files": THREE, "next_page": {"offset": "x"}}, NO_OCCASION, r"page|first|goes on", "are 3", id="an offset"
        ),
        pytest.param({"files": THREE, "has_more": True}, NO_OCCASION, r"page|first|goes on", r"are 3", id="has_more"),
        pytest.param({"files": THREE, "has_more": False}, NO_OCCASION, r"3 files", r"page|first|so far", id="no more"),
        pytest.param({"files": THREE, "total": 7, "cursor": "x"}, NO_OCCASION, r"\b7\b", r"are 3 files", id="a total"),
        pytest.param(
            {"files": THREE, "total_estimate": 7, "cursor": "x"}, NO_OCCASION, r"about 7", r"are 3 files", id="about"
        ),
        pytest.param(
            {"files": THREE},
            Occasion(shown_before=4),
            r"end|last page|complete|left|nothing after",
            r"are 3",
            id="last",
        ),
        pytest.param(
            {"files": THREE, "cursor": "x"}, Occasion(shown_before=4), r"further|more|not yet", r"end of", id="next"
        ),
        pytest.param(
            {"files": THREE, "cursor": "x", "total": 9}, Occasion(shown_before=4), r"7 of 9", r"end of", id="7 of 9"
        ),
    ],
)
def test_a_page_says_how_many_and_whether_there_are_more(result, occasion, said, never):
    for text in say_all("LIST_FILES", result, occasion):
        assert re.search(said, text), text
        assert not re.search(never, text.partition(":")[0]), text
        assert all(f'"Roof {index}"' in text for index in range(3)), text


@pytest.mark.parametrize("count", [1, 4, 9, 10, 12, 30, 34])
def test_every_item_is_named_or_it_is_said_how_many_are_not(count):
    items = [{"id": str(index), "name": f"Roof {index}.", "status": "open"} for index in range(count)]
    for text in say_all("LIST_FILES", {"files": items}):
        named = sum(f'"Roof {index}."' in text for index in range(count))
        assert named == min(count, 30)
        assert ("The other 4 aren't read out" in text) == (count == 34)
        assert "among others" not in text
        assert not re.search(r"and \d+ more", text)


def test_a_brief_report_has_number_and_titles():
    for text in say_all("FIND_FILE", {"files": THREE}, Occasion(is_brief=True)):
        assert "3 files" in text
        assert '"Roof 0", "Roof 1" and "Roof 2"' in text


def test_a_brief_report_answers_what_was_asked():
    files = [{"id": "1", "name": "Roof", "owner": {"name": "Bo Lang", "email": "bo@x.org"}}]
    occasion = Occasion(request="who owns the file?", is_brief=True)
    assert all("owned by Bo Lang" in text for text in say_all("FIND_FILE", {"files": files}, occasion))


def test_what_is_listed_of_a_thing_names_the_thing():
    comments = [{"id": "1", "content": "Chase it.", "author": {"name": "Bo Lang", "email": "bo@x.org"}}]
    for text in say_all("LIST_COMMENTS", {"comments": comments}, Occasion(subject='"Roof"')):
        assert "comment" in text
        assert 'for "Roof"' in text
        assert "by Bo Lang" in text


def test_people_of_a_message_are_no_listing():
    message = {
        "message": {"id": "1", "subject": "Roof", "to": [{"name": "Bo Lang", "email": "bo@x.org"}], "body": LONG}
    }
    for text in say_all("FETCH_MESSAGE", message, Occasion(request="what does it say?")):
        assert '"Roof"' in text
        assert "to Bo Lang" in text
        assert LONG in text


def test_a_title_is_not_given_as_the_content():
    title = "Everything about the gym roof, the scaffold and the tarpaulin"
    for text in say_all("GET_EVENT", {"event": {"id": "1", "title": title}}, Occasion(request="what does it say?")):
        assert text.count(title) == 1
        assert not re.search(r"(?:says|reads|begins|In it):? \"Everything", text)


def test_lists_inside_a_thing_are_told_when_asked_for():
    document = {
        "document": {
            "document_id": "1",
            "title": "Roof",
            "outline": [{"heading": "Costs", "style": "HEADING_1"}],
            "headers": [],
            "named_ranges": [{"named_range_id": "2", "name": "client"}],
        }
    }
    occasion = Occasion(request="pull it up with its headers and placeholders")
    for text in say_all("GET_DOCUMENT", document, occasion):
        assert "There are no headers." in text
        assert '1 named range: "client"' in text
    for text in say_all("GET_DOCUMENT", document, Occasion(request="how is it set up?")):
        assert 'The outline: "Costs" (style heading 1)' in text


# ── acts ──────────────────────────────────────────────────────────────────────────────────────

SEND = {"message": {"id": "1", "to": [{"name": "Bo Lang", "email": "bo@x.org"}], "subject": "Roof", "labels": ["SENT"]}}


@pytest.mark.parametrize(
    ("name", "arguments", "result", "said", "unsaid"),
    [
        pytest.param(
            "DISPATCH_EMAIL",
            {"subject": "Roof", "cc": ["al@x.org"], "bcc": ["cy@x.org"], "body": LONG},
            SEND,
            ["Roof", "to Bo Lang", "with a copy to al@x.org", "with a blind copy to cy@x.org"],
            ["SENT", "sent,"],
            id="copies",
        ),
        pytest.param(
            "SHARE_FILE",
            {"role": "reader", "expirationTime": "2031-05-04", "sendNotificationEmail": False},
            {"permission": {"id": "1", "role": "reader"}},
            ["as reader", "valid until", "not sending notification email"],
            [],
            id="role, expiry, flag",
        ),
        pytest.param(
            "CREATE_EVENT",
            {
                "summary": "Roof",
                "start": {"dateTime": "2031-05-04T09:00:00"},
                "end": {"dateTime": "2031-05-04T10:00:00"},
                "visibility": "private",
                "description": LONG,
            },
            {"event": {"id": "1", "summary": "Roof", "status": "confirmed"}},
            ["from 9 am to 10 am", "private", "with your description"],
            ["confirmed", "blames the ferry"],
            id="both ends, visibility, description",
        ),
        pytest.param(
            "CREATE_VOUCHER",
            {"percent_off": 20, "max_redemptions": 3},
            {"voucher": {"id": "1", "name": "Spring", "valid": True, "created": "2025-01-01T10:00:00"}},
            ['"Spring"', "20% off", "at most 3 redemptions"],
            ["created", "valid,"],
            id="a cap",
        ),
        pytest.param(
            "MAKE_LINK",
            {},
            {"link": {"booking_url": "https://x.org/b/1", "created_at": "2025-01-01T10:00:00"}},
            ["https://x.org/b/1"],
            ["created"],
            id="a link that was wanted",
        ),
        pytest.param(
            "MOVE_TICKET",
            {},
            {"issue_key": "AB-1", "previous_status": "To Do", "status": "In Review"},
            ["from To Do to In Review"],
            [],
            id="a change of state",
        ),
        pytest.param(
            "POST_NOTE",
            {"to": "+331234"},
            {"sent": {"id": "w", "to": "+331234", "message_status": "accepted", "timestamp": "2025-01-01T10:00:00"}},
            ["+331234"],
            ["accepted", "message status", "today"],
            id="accepted is no news",
        ),
        pytest.param(
            "POST_NOTE",
            {"to": "+331234"},
            {"sent": {"id": "w", "to": "+331234", "message_status": "failed"}},
            ["failed"],
            [],
            id="failed is",
        ),
    ],
)
def test_an_act_confirms_what_was_given_and_nothing_that_says_nothing(name, arguments, result, said, unsaid):
    for text in say_all(name, result, Occasion(arguments=arguments)):
        assert [words for words in said if words not in text] == [], text
        assert [words for words in unsaid if words in text] == [], text


def test_a_renamed_thing_is_called_by_both_names():
    occasion = Occasion(arguments={"name": "Barn"}, former_title='"Roof"', subject="")
    for text in say_all("UPDATE_FILE", {"file": {"id": "1", "name": "Barn"}}, occasion):
        assert 'now called "Barn"' in text or "renamed" in text.lower()


@pytest.mark.parametrize(
    ("result", "identity", "noun", "name"),
    [
        ({"tasks": [{"id": "7", "content": "Chase it", "project_id": "8"}]}, "7", "task", '"Chase it"'),
        ({"tasks": [{"id": "7", "content": "Chase it", "project_id": "8"}]}, "8", "project", ""),
        ({"users": [{"account_id": "7", "display_name": "Bo Lang"}]}, "7", "account", "Bo Lang"),
        ({"invoices": [{"id": "7", "number": "E5-0021"}]}, "7", "invoice", "E5-0021"),
        (
            {"subscriptions": [{"id": "7", "customer": {"id": "9", "name": "Bo Lang", "email": "bo@x.org"}}]},
            "7",
            "subscription",
            "the subscription for Bo Lang",
        ),
    ],
)
def test_a_thing_is_found_by_its_own_id(result, identity, noun, name):
    assert find_title(result, identity, noun) == name


def test_recalled_amounts_have_their_currency():
    returns = {
        "type": "object",
        "properties": {
            "price": {
                "type": "object",
                "properties": {"unit_amount": {"type": "integer", "description": "In cents."}},
            }
        },
    }
    price = {"price": {"id": "1", "unit_amount": 2500, "currency": "eur"}}
    details = find_recallable_details(price, "price", SITUATION.now, returns)
    assert [(detail.field, detail.value) for detail in details] == [("unit amount", "25.00 EUR")]


def test_a_quoted_sentence_ends_the_report():
    document = {"document": {"id": "1", "title": "Roof", "status": "open", "motto": "We mend what leaks, at night."}}
    for text in say_all("GET_DOCUMENT", document):
        assert text.endswith('at night."')
