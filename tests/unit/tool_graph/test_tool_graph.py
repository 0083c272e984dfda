"""Which field of a result fills which argument, and which does not although it might look so."""

import msgspec
import pytest

from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.leaves import Leaf
from funcdex_assets.tool_graph.graph import build_graph, find_needed_ids, is_service_id, to_canonical_noun

TEXT = {"type": "string"}
NUMBER = {"type": "integer"}
MAIL = {"type": "string", "format": "email"}
PHONE = {"type": "string", "pattern": "^\\+[0-9]{7,15}$"}
WHEN = {"type": "string", "format": "date-time"}


def an_object(**properties: object) -> dict:
    return {"type": "object", "properties": properties, "required": list(properties)}


def many(**properties: object) -> dict:
    return {"type": "array", "items": an_object(**properties)}


def tool(name: str, takes: dict | None = None, gives: dict | None = None, toolkit: str = "acme") -> Tool:
    """By default it gives something that leads nowhere."""
    return Tool(
        toolkit=toolkit,
        name=name,
        description="d",
        parameters=an_object(**(takes or {})),
        returns=an_object(**(gives or {"ok": {"type": "boolean"}})),
        source="test",
    )


def arrows(*tools: Tool) -> set[str]:
    return {
        f"{edge.source_tool}{edge.source_path} -{edge.kind}-> {edge.target_tool}{edge.target_path}"
        for edge in build_graph(tools)
    }


LIST_THREADS = tool("LIST_THREADS", gives={"threads": many(id=TEXT)})
LIST_FILES = tool("LIST_FILES", gives={"files": many(id=TEXT)}, toolkit="googledrive")

EDGES = {
    "an id belongs to the object it is in": (
        (LIST_THREADS, tool("GET_THREAD", {"thread_id": TEXT})),
        {"LIST_THREADS/threads/*/id -id-> GET_THREAD/thread_id"},
    ),
    "an id says whose it is": (
        (tool("GET_MESSAGE", gives={"threadId": TEXT}), tool("GET_THREAD", {"thread_id": TEXT})),
        {"GET_MESSAGE/threadId -id-> GET_THREAD/thread_id"},
    ),
    "a bare id at the top is of what the tool makes": (
        (tool("CREATE_TASK", gives={"id": TEXT}), tool("CLOSE_TASK", {"task_id": TEXT})),
        {"CREATE_TASK/id -id-> CLOSE_TASK/task_id"},
    ),
    "a bare id is asked for by what the tool works on": (
        (tool("CREATE_TASK", gives={"task": an_object(id=TEXT)}), tool("CLOSE_TASK", {"id": TEXT})),
        {"CREATE_TASK/task/id -id-> CLOSE_TASK/id"},
    ),
    "several ids take one": (
        (LIST_THREADS, tool("ARCHIVE", {"thread_ids": {"type": "array", "items": TEXT}})),
        {"LIST_THREADS/threads/*/id -id-> ARCHIVE/thread_ids/*"},
    ),
    "an id in an object": (
        (LIST_THREADS, tool("ARCHIVE", {"target": an_object(thread_id=TEXT)})),
        {"LIST_THREADS/threads/*/id -id-> ARCHIVE/target/thread_id"},
    ),
    "an email is a message": (
        (tool("LIST_EMAILS", gives={"emails": many(id=TEXT)}), tool("READ_IT", {"message_id": TEXT})),
        {"LIST_EMAILS/emails/*/id -id-> READ_IT/message_id"},
    ),
    "a parent folder is a folder": (
        (tool("LIST_FOLDERS", gives={"folders": many(id=TEXT)}), tool("ADD_FILE", {"parent_folder_id": TEXT})),
        {"LIST_FOLDERS/folders/*/id -id-> ADD_FILE/parent_folder_id"},
    ),
    "services of a family share their ids": (
        (LIST_FILES, tool("GET_DOCUMENT", {"document_id": TEXT}, toolkit="googledocs")),
        {"LIST_FILES/files/*/id -id-> GET_DOCUMENT/document_id"},
    ),
    "the next page of the same listing": (
        (tool("LIST_TAGS", {"page_token": TEXT}, {"next_page_token": TEXT}),),
        {"LIST_TAGS/next_page_token -page-> LIST_TAGS/page_token"},
    ),
    "an address, also of another service": (
        (
            tool("GET_CUSTOMER", gives={"customer": an_object(email=MAIL)}),
            tool("SEND_NOTE", {"to": {"type": "array", "items": MAIL}}, toolkit="other"),
        ),
        {"GET_CUSTOMER/customer/email -address-> SEND_NOTE/to/*"},
    ),
    "a phone number": (
        (tool("GET_CUSTOMER", gives={"customer": an_object(phone=PHONE)}), tool("TEXT_THEM", {"to": PHONE})),
        {"GET_CUSTOMER/customer/phone -address-> TEXT_THEM/to"},
    ),
    "a title is searched for elsewhere": (
        (
            tool("GET_ISSUE", gives={"issue": an_object(title=TEXT)}),
            tool("FIND_FILES", {"query": TEXT}, toolkit="other"),
        ),
        {"GET_ISSUE/issue/title -text-> FIND_FILES/query"},
    ),
    "a title becomes a subject": (
        (tool("GET_EVENT", gives={"event": an_object(summary=TEXT)}), tool("SEND_NOTE", {"subject": TEXT})),
        {"GET_EVENT/event/summary -text-> SEND_NOTE/subject"},
    ),
}

NO_EDGES = {
    "ids of unrelated services": (
        tool("LIST_TASKS", gives={"tasks": many(id=TEXT)}, toolkit="asana"),
        tool("GET_TASK", {"task_id": TEXT}, toolkit="todoist"),
    ),
    "ids of other things": (LIST_THREADS, tool("GET_ORDER", {"order_id": TEXT})),
    "a thread is no parent folder": (LIST_THREADS, tool("ADD_FILE", {"parent_folder_id": TEXT})),
    "a number for a text": (tool("LIST_TASKS", gives={"tasks": many(id=NUMBER)}), tool("GET_TASK", {"task_id": TEXT})),
    "a text for a uuid": (
        LIST_THREADS,
        tool("GET_THREAD", {"thread_id": {"type": "string", "format": "uuid"}}),
    ),
    "an id with fixed values": (LIST_THREADS, tool("GET_THREAD", {"thread_id": {"enum": ["INBOX"]}})),
    "a user who is me": (
        tool("LIST_USERS", gives={"users": many(id=TEXT)}),
        tool("GET_INBOX", {"user_id": {"type": "string", "default": "me"}}),
    ),
    "a page of another listing": (
        tool("LIST_TAGS", gives={"next_page_token": TEXT}),
        tool("LIST_TASKS", {"page_token": TEXT}),
    ),
    "the start of an event is no page": (tool("LIST_EVENTS", {"page_token": TEXT}, {"events": many(start_at=WHEN)}),),
    "a number is no page token": (tool("LIST_TAGS", {"page_token": TEXT}, {"next_page": NUMBER}),),
    "nobody copies people in by chance": (
        tool("GET_CUSTOMER", gives={"customer": an_object(email=MAIL)}),
        tool("SEND_NOTE", {"cc": MAIL, "bcc_recipients": {"type": "array", "items": MAIL}}),
    ),
    "an address of its own result": (tool("INVITE", {"email": MAIL}, {"email": MAIL}),),
    "an address is no phone number": (
        tool("GET_CUSTOMER", gives={"customer": an_object(email=MAIL)}),
        tool("TEXT_THEM", {"to": PHONE}),
    ),
    "a label's name says nothing": (
        tool("LIST_LABELS", gives={"labels": many(name=TEXT)}),
        tool("FIND_FILES", {"query": TEXT}),
    ),
    "a person's name is no title": (
        tool("GET_FILE", gives={"owner": an_object(name=TEXT)}),
        tool("FIND_FILES", {"query": TEXT}),
    ),
    "people are not searched for by title": (
        tool("GET_ISSUE", gives={"issue": an_object(title=TEXT)}),
        tool("FIND_CONTACTS", {"query": TEXT}),
    ),
    "a thing does not name its like": (
        tool("GET_ISSUE", gives={"issue": an_object(title=TEXT)}),
        tool("CREATE_ISSUE", {"title": TEXT}),
    ),
    "a title may be too long": (
        tool("GET_ISSUE", gives={"issue": an_object(title=TEXT)}),
        tool("SEND_NOTE", {"subject": {"type": "string", "maxLength": 40}}),
    ),
    "a text that is no title": (
        tool("GET_ISSUE", gives={"issue": an_object(body=TEXT)}),
        tool("FIND_FILES", {"query": TEXT}),
    ),
}


@pytest.mark.parametrize(("tools", "expected"), EDGES.values(), ids=EDGES.keys())
def test_a_result_fills_an_argument(tools, expected):
    assert arrows(*tools) == expected


@pytest.mark.parametrize("tools", NO_EDGES.values(), ids=NO_EDGES.keys())
def test_a_result_does_not_fill_it(tools):
    assert arrows(*tools) == set()


@pytest.mark.parametrize(
    ("better", "worse", "argument"),
    [
        pytest.param(("acme", "files"), ("acme", "documents"), "file_id", id="the very noun before another name of it"),
        pytest.param(("acme", "source_files"), ("acme", "files"), "source_file_id", id="the whole before its head"),
        pytest.param(("googledocs", "files"), ("googledrive", "files"), "file_id", id="its own before the family's"),
    ],
)
def test_the_better_source_comes_first(better, worse, argument):
    toolkit = better[0]
    sources = [
        tool(name, gives={key: many(id=TEXT)}, toolkit=owner) for name, (owner, key) in (("B", better), ("A", worse))
    ]
    first, second = build_graph((*reversed(sources), tool("READ_IT", {argument: TEXT}, toolkit=toolkit)))
    assert (first.source_tool, second.source_tool) == ("B", "A")
    assert 1 >= first.weight > second.weight > 0


def test_the_reason_can_be_read():
    (edge,) = build_graph((LIST_THREADS, tool("GET_THREAD", {"thread_id": TEXT})))
    assert edge.reason == "id of a thread for thread_id"


def test_no_tools_have_no_edges():
    assert build_graph(()) == []


# ── ids that only an earlier result can give ──────────────────────────────────────────────────


def leaf(name: str, **schema: object) -> Leaf:
    return Leaf(f"/{name}", name, "", {"type": "string", **schema}, True)


@pytest.mark.parametrize(
    "known",
    [
        pytest.param(leaf("thread_id"), id="an id"),
        pytest.param(leaf("id"), id="a bare id"),
        pytest.param(leaf("event_type_uri", format="uri"), id="an id that is a link to its thing"),
        pytest.param(leaf("order_id", format="uuid"), id="a uuid"),
    ],
)
def test_only_the_service_knows(known):
    assert is_service_id(known)


@pytest.mark.parametrize(
    "known",
    [
        pytest.param(leaf("name"), id="no id"),
        pytest.param(leaf("user_id", default="me"), id="it has a default"),
        pytest.param(leaf("label_id", enum=["INBOX"]), id="it is one of a few"),
        pytest.param(leaf("api_version_id", const="1"), id="it is always the same"),
        pytest.param(leaf("calendar_id", format="email"), id="it is an address"),
        pytest.param(leaf("uri", format="uri"), id="it is a link, of a picture say"),
    ],
)
def test_a_person_knows_or_need_not(known):
    assert not is_service_id(known)


def test_needed_are_the_required_ids_at_any_depth():
    nested = an_object(thread_id=TEXT, note=TEXT)
    one = tool("MOVE_IT", {"message_id": TEXT, "target": nested, "title": TEXT})
    assert find_needed_ids(one) == ["/message_id", "/target/thread_id"]
    optional = msgspec.structs.replace(one, parameters={**one.parameters, "required": ["title"]})
    assert find_needed_ids(optional) == []


@pytest.mark.parametrize(
    ("noun", "expected"),
    [("email", "message"), ("source document", "source file"), ("thread", "thread"), ("", "")],
)
def test_a_thing_has_one_canonical_noun(noun, expected):
    assert to_canonical_noun(noun) == expected
