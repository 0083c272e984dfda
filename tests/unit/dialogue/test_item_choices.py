"""Which of several things a value is taken from, how it can be named, and when the user has to be asked."""

from collections import Counter
from itertools import pairwise

import pytest
from offline import PARTITIONS, played

from funcdex_assets.dialogue.item_choices import (
    find_choices,
    find_holder,
    find_item_title,
    find_listed_noun,
)

FILES = {"files": [{"id": "f1", "name": "Roof"}, {"id": "f2", "name": "Gym"}, {"id": "f3", "name": "Gym"}]}
INVOICES = {"invoices": [{"id": "i1", "customer": {"id": "c1", "name": "Ada"}}, {"id": "i2", "customer": {"id": "c2"}}]}
PARTS = {"thread": {"messages": [{"id": "m1", "to": [{"email": "a@b.io"}, {"email": "c@d.io"}]}]}}


@pytest.mark.parametrize(
    ("result", "path", "expected"),
    [
        pytest.param(FILES, "/files/*/id", [("/files", 0, "Roof")], id="the first of several"),
        pytest.param(FILES, "/files/2/id", [("/files", 2, "")], id="a title that two have names neither"),
        pytest.param({"files": FILES["files"][:1]}, "/files/*/id", [], id="the only one"),
        pytest.param({"file": {"id": "f1"}}, "/file/id", [], id="no list"),
        pytest.param(INVOICES, "/invoices/*/customer/id", [("/invoices", 0, "Ada")], id="what belongs to one"),
        pytest.param(PARTS, "/thread/messages/*/to/1/email", [("/thread/messages/0/to", 1, "")], id="a list in a list"),
        pytest.param(None, "/files/*/id", [], id="no result yet"),
    ],
)  # fmt: skip
def test_a_path_makes_a_choice_where_a_list_has_several_items(result, path, expected):
    choices = find_choices(result, path)
    assert [(choice.array, choice.index, choice.title) for choice in choices] == expected


@pytest.mark.parametrize(
    ("item", "title"),
    [
        pytest.param({"id": "f1", "name": "Roof"}, "Roof", id="a name"),
        pytest.param({"id": "t1", "content": "Call the notary"}, "Call the notary", id="a short text"),
        pytest.param({"id": "t1", "content": "x" * 200}, "", id="a long text is no title"),
        pytest.param({"key": "A-1", "fields": {"summary": "Roof"}}, "Roof", id="fields in an object of their own"),
        pytest.param({"name_id": "n1"}, "", id="an identifier is no title"),
        pytest.param({"name": 'The "big" roof'}, "", id="a title with quotation marks cannot be quoted"),
        pytest.param("Roof", "", id="no object"),
    ],
)
def test_an_item_is_called_by_its_title(item, title):
    assert find_item_title(item) == title


@pytest.mark.parametrize(
    ("tool", "path", "noun"),
    [
        ("FETCH_EMAILS", "/messages/*/id", "email"),
        ("GET_EMAIL", "/email/attachments/*/id", "attachment"),
        ("GET_DOCUMENT", "/document/named_ranges/*/id", "range"),
        ("GET_DOCUMENT", "/document/id", "document"),
    ],
)
def test_things_are_called_by_what_lists_them_or_by_the_list(tool, path, noun):
    assert find_listed_noun(tool, path).rpartition(" ")[2] == noun


def test_the_holder_is_the_object_within_an_item():
    assert [find_holder(path) for path in ("/a/*/b/id", "/a/*/id", "/a/b/id", "/a/*/b/*/id")] == ["/b", "", "", ""]


def test_the_user_is_seldom_asked_which_one_and_then_always_answers():
    asked = Counter()
    for partition in PARTITIONS:
        for one in played(partition, 40):
            messages = [message for message in one.conversation.messages if message.role != "tool"]
            asked["conversations"] += 1
            for message, answer in pairwise(messages):
                if (
                    message.role == "assistant"
                    and "hich" in (message.content or "")
                    and "There are " in message.content
                ):
                    asked["questions"] += 1
                    assert answer.role == "user"
    assert 0 < asked["questions"] < 0.2 * asked["conversations"]
