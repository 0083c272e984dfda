import pytest

from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.leaves import Leaf, walk_leaves
from funcdex_assets.semantics.field_nouns import (
    Noun,
    find_argument_noun,
    find_result_nouns,
    find_subject_noun,
    is_made_by_caller,
)
from funcdex_assets.tool_graph.graph import build_graph, is_service_id

TEXT = {"type": "string"}


def tool(name: str = "DO", original: str = "", takes: dict | None = None, gives: dict | None = None) -> Tool:
    return Tool(
        toolkit="acme",
        name=name,
        original_name=original,
        description="d",
        parameters={"type": "object", "properties": takes or {}, "required": list(takes or {})},
        returns=gives or {"type": "object", "properties": {"ok": {"type": "boolean"}}},
        source="test",
    )


def leaf(name: str = "id", owner: str = "", kind: str = "", about: str = "", path: str = "", **schema: object) -> Leaf:
    return Leaf(path or f"/{name}", name, owner, {**TEXT, **schema}, True, kind, about)


GIVEN = {
    "a name says what it is of": (leaf("threadId"), [("thread", True)]),
    "a definition": (leaf(kind="Thread"), [("thread", False)]),
    "a definition's name without its wrapping": (leaf(kind="ThreadSummaryDto"), [("thread", False)]),
    "an entry in a list": (leaf(kind="CalendarListEntry"), [("calendar", False)]),
    "an invoice item is no invoice": (leaf(kind="InvoiceItem"), [("invoice item", False)]),
    "the object it is in": (leaf(owner="sent message"), [("sent message", False)]),
    "a definition before the object": (leaf(owner="parent", kind="Issue"), [("issue", False)]),
    "a description where nothing else is": (leaf(about="The ID of the draft."), [("draft", False)]),
    "a description of another thing": (
        leaf("targetId", about="The ID of the file that this shortcut points to."),
        [("target", True), ("file", True)],
    ),
    "a description that repeats the name's head": (
        leaf("parentTaskId", about="Identifier of the task."),
        [("parent task", True)],
    ),
    "a description that repeats the object's head": (
        leaf(owner="sent message", about="Identifier of the message."),
        [("sent message", False)],
    ),
    "a description that says a definition's role": (
        leaf(kind="GuestUser", about="ID of the user"),
        [("guest user", False), ("user", True)],
    ),
    "an id by its description only": (leaf("parents", about="The ID of the parent folder."), [("parent folder", True)]),
    "the tool": (leaf(), [("thing", False)]),
    "no id": (leaf("snippet", about="The text of the message."), []),
    "a number described": (leaf("size", about="The size of the ID of the file."), []),
    "the object says which kind of label": (
        leaf("labelId", kind="ClassificationLabelValue"),
        [("classification label", False)],
    ),
    "an object that begins alike": (leaf("labelId", kind="LabelAdded"), [("label", True)]),
}


@pytest.mark.parametrize(("field", "nouns"), GIVEN.values(), ids=GIVEN.keys())
def test_what_a_field_identifies(field: Leaf, nouns: list[tuple[str, bool]]) -> None:
    assert find_result_nouns(tool("GET_THING"), field) == [Noun(*noun) for noun in nouns]


TAKEN = {
    "a name": (leaf("threadId", about="The ID of the message."), "thread"),
    "a bare id by its description": (leaf(about="The immutable ID of the draft."), "draft"),
    "a bare id by its object": (leaf(owner="task"), "task"),
    "a bare id by its tool": (leaf(), "thing"),
    "another name by its description": (leaf("destination", about="Calendar identifier of the target."), "calendar"),
    "a description that ends with the word": (leaf("task", about="Task identifier."), "task"),
    "no id": (leaf("text", about="The text to send."), ""),
    "talk of an id": (leaf("by_id", about="Whether to show the ID of the file.", type="boolean"), "by"),
    "no sentence of an id": (leaf("flag", about="Whether the ID of the file is shown."), ""),
    "a switch described as an id": (leaf("all", about="The ID of the file.", type="boolean"), ""),
}


@pytest.mark.parametrize(("argument", "noun"), TAKEN.values(), ids=TAKEN.keys())
def test_what_an_argument_identifies(argument: Leaf, noun: str) -> None:
    assert find_argument_noun(tool("GET_THING"), argument) == noun


@pytest.mark.parametrize(
    ("name", "original", "noun"),
    [
        ("gmail_users_messages_import", "gmail.users.messages.import", "message"),
        ("repos_list-for-user", "repos/list-for-user", "repo"),
        ("LIST_THREADS", "", "thread"),
        ("list_threads", "list threads", "thread"),
        ("calendar_calendarList_get", "calendar.calendarList.get", "calendar list"),
        ("x", "...", "x"),
    ],
)
def test_what_a_tool_works_on(name: str, original: str, noun: str) -> None:
    assert find_subject_noun(tool(name, original)) == noun


@pytest.mark.parametrize(
    ("about", "is_made"),
    [
        ("An ID, such as a random UUID, which uniquely identifies this request for idempotent creation.", True),
        ("A UUID or similar unique string that identifies this channel.", True),
        ("The UUID of the task.", False),
        ("", False),
    ],
)
def test_an_id_that_a_caller_makes_is_nothing_to_wait_for(about: str, is_made: bool) -> None:
    assert is_made_by_caller(leaf("requestId", about=about)) is is_made
    assert is_service_id(leaf("requestId", about=about)) is not is_made


def sources(target: Tool, *others: Tool) -> dict[str, float]:
    return {
        f"{edge.source_tool}{edge.source_path}": edge.weight
        for edge in build_graph((*others, target))
        if edge.target_tool == target.name and edge.kind == "id"
    }


def gives(name: str, **properties: object) -> Tool:
    definitions = {"Team": {"type": "object", "properties": {"id": TEXT}}, "GuestTeam": {"$ref": "#/$defs/Team"}}
    return tool(name, gives={"type": "object", "properties": properties, "$defs": definitions})


def test_a_role_before_a_noun_gives_the_noun_with_less_weight() -> None:
    get = tool("GET_TEAM", takes={"team_id": TEXT})
    assert sources(get, gives("A", team_id=TEXT, parent_team_id=TEXT)) == {"A/team_id": 1.0, "A/parent_team_id": 0.7}


def test_a_type_before_a_noun_gives_it_only_where_nothing_else_does() -> None:
    get = tool("GET_TEAM", takes={"team_id": TEXT})
    assert sources(get, gives("A", x={"$ref": "#/$defs/GuestTeam"})) == {"A/x/id": 0.7}
    both = gives("A", x={"$ref": "#/$defs/GuestTeam"}, y={"$ref": "#/$defs/Team"})
    assert sources(get, both) == {"A/y/id": 1.0}


def test_two_kinds_of_a_thing_are_not_each_other() -> None:
    assert sources(tool("GET", takes={"guest_team_id": TEXT}), gives("A", home_team_id=TEXT)) == {}


def test_a_folder_is_a_file_where_nothing_asks_for_folders() -> None:
    listing, get = gives("A", folder_id=TEXT), tool("GET_FILE", takes={"file_id": TEXT})
    assert sources(get, listing) == {"A/folder_id": 0.6}
    assert sources(get, listing, tool("GET_FOLDER", takes={"folder_id": TEXT})) == {}


def test_a_leaf_knows_its_definition_and_the_description_of_its_list() -> None:
    schema = {
        "title": "Page",
        "type": "object",
        "properties": {
            "id": TEXT,
            "teams": {"type": "array", "items": {"$ref": "#/$defs/Team"}},
            "parents": {"type": "array", "description": "The IDs.", "items": TEXT},
            "owner": {"allOf": [{"$ref": "#/$defs/Team"}]},
            "inline": {"type": "object", "properties": {"id": TEXT}},
            "scalar": {"$ref": "#/$defs/Code", "description": "Its code."},
        },
        "$defs": {"Team": {"type": "object", "properties": {"id": TEXT}}, "Code": {"type": "string"}},
    }
    assert {found.path: (found.kind, found.about) for found in walk_leaves(schema)} == {
        "/id": ("Page", ""),
        "/teams/*/id": ("Team", ""),
        "/parents/*": ("Page", "The IDs."),
        "/owner/id": ("Team", ""),
        "/inline/id": ("", ""),
        "/scalar": ("Page", "Its code."),
    }
