"""What names say: words, verbs, nouns, ids, page tokens."""

import pytest

from funcdex_assets.schema.words import split_words, to_plural, to_singular
from funcdex_assets.semantics.field_roles import is_page_token
from funcdex_assets.semantics.tool_names import ACTIONS, is_id, parse_resource_noun, parse_tool_name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("LIST_THREADS", ("list", "threads")),
        ("threadId", ("thread", "id")),
        ("eventID", ("event", "id")),
        ("listHTTPLogs", ("list", "http", "logs")),
        ("kebab-case.and_dots", ("kebab", "case", "and", "dots")),
        ("address2", ("address", "2")),
        ("größeId", ("größe", "id")),
        ("订单_id", ("订单", "id")),
        ("__", ()),
    ],
)
def test_identifiers_are_taken_apart_in_any_spelling(name, expected):
    assert split_words(name) == expected


@pytest.mark.parametrize(
    ("one", "many"),
    [
        ("thread", "threads"),
        ("entry", "entries"),
        ("key", "keys"),
        ("box", "boxes"),
        ("match", "matches"),
        ("dish", "dishes"),
        ("class", "classes"),
        ("address", "addresses"),
        ("status", "statuses"),
        ("canvas", "canvases"),
        ("case", "cases"),
        ("response", "responses"),
        ("size", "sizes"),
    ],
)
def test_nouns_go_from_one_to_many_and_back(one, many):
    assert to_plural(one) == many
    assert to_singular(many) == one
    assert to_singular(one) == one


@pytest.mark.parametrize("word", ["status", "series", "sms", "progress", "access", "gas", "is"])
def test_an_s_at_the_end_need_not_be_a_plural(word):
    assert to_singular(word) == word


@pytest.mark.parametrize(
    ("name", "verb", "action", "noun"),
    [
        pytest.param("LIST_THREADS", "list", "list", "thread", id="a plural resource"),
        pytest.param("getIssue", "get", "get", "issue", id="camel case"),
        pytest.param("CREATE_CALENDAR_EVENT", "create", "create", "event", id="the last noun is the head"),
        pytest.param("ADD_LABEL_TO_EMAIL", "add", "create", "label", id="the preposition ends the noun"),
        pytest.param("REPLY_TO_THREAD", "reply", "send", "thread", id="a preposition before the noun"),
        pytest.param("MOVE_TO_TRASH", "move", "update", "trash", id="the first verb counts"),
        pytest.param("GMAIL_SEND_EMAIL", "send", "send", "email", id="a service's name before the verb"),
        pytest.param("QUICK_ADD_EVENT", "add", "create", "event", id="quick is no verb before a verb"),
        pytest.param("NEW_CUSTOMER", "new", "create", "customer", id="new is a verb without another"),
        pytest.param("TRASH_MESSAGE", "trash", "delete", "message", id="another word for deleting"),
        pytest.param("SEARCH", "search", "list", "search", id="a verb alone"),
        pytest.param("PING", "ping", "get", "ping", id="an unknown verb reads"),
    ],
)
def test_a_tool_name_says_what_is_done_to_what(name, verb, action, noun):
    parsed = parse_tool_name(name)
    assert (parsed.verb, parsed.action, parsed.noun) == (verb, action, noun)


def test_words_before_the_head_are_kept_without_the_verb():
    assert parse_tool_name("CREATE_CALENDAR_EVENTS_IN_BATCH").words == ("calendar", "event")


def test_a_verb_has_one_action():
    verbs = [verb for known in ACTIONS.values() for verb in known.split()]
    assert len(verbs) == len(set(verbs))


@pytest.mark.parametrize(
    ("name", "noun"),
    [
        pytest.param("thread_id", "thread", id="snake case"),
        pytest.param("threadIds", "thread", id="several"),
        pytest.param("parentFolderId", "parent folder", id="two words"),
        pytest.param("issue_id_or_key", "issue", id="either of two"),
        pytest.param("event_type_uuid", "event type", id="uuid"),
        pytest.param("project_gid", "project", id="gid"),
        pytest.param("issueKey", "issue", id="key"),
        pytest.param("id", "", id="bare: whose it is, the object says"),
        pytest.param("uuid", "", id="bare uuid"),
    ],
)
def test_an_id_names_its_resource(name, noun):
    assert is_id(name)
    assert parse_resource_noun(name) == noun


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("valid", id="ends in the letters only"),
        pytest.param("paid", id="a word with these letters"),
        pytest.param("id_type", id="id is not the last word"),
        pytest.param("key", id="a key alone is often one of a pair"),
        pytest.param("api_key", id="a secret"),
        pytest.param("", id="nothing"),
    ],
)
def test_this_is_no_id(name):
    assert not is_id(name)


@pytest.mark.parametrize(
    "name",
    ["page_token", "nextPageToken", "cursor", "next_cursor", "offset", "starting_after", "startAt", "next_page"],
)
def test_this_leads_to_the_next_page(name):
    assert is_page_token(name)


@pytest.mark.parametrize("name", ["page", "page_size", "token", "sync_token", "start", "after", ""])
def test_this_does_not_lead_to_the_next_page(name):
    assert not is_page_token(name)
