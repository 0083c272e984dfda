"""What counts as the same end state, and how a difference is told."""

from collections.abc import Sequence
from typing import Any

import pytest
from offline import casts

from funcdex_assets.environment.change_record import StateChanges
from funcdex_assets.environment.state_comparison import compare_changes, describe_changes
from funcdex_assets.environment.world import RefusedError, World
from funcdex_assets.records.tool import Tool

HERE = casts("gmail", 1)[0].situation
TEXT = {"type": "string"}
TEXTS = {"type": "array", "items": TEXT}
Call = tuple[str, dict[str, Any]]


def obj(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def tool(tool_name: str, returns: Any, required: Sequence[str] = (), **parameters: Any) -> Tool:
    schema = {"type": "object", "properties": parameters, "required": list(required)}
    return Tool(toolkit="desk", name=tool_name, description="", parameters=schema, returns=returns, source="")


TASK = obj(id=TEXT, title=TEXT, starred={"type": "boolean"}, labels=TEXTS)
TOOLS = {
    made.name: made
    for made in (
        tool("LIST_TASKS", obj(tasks={"type": "array", "items": TASK}), query=TEXT),
        tool("GET_TASK", TASK, ["task_id"], task_id=TEXT),
        tool(
            "CREATE_TASK",
            TASK,
            ["title"],
            title=TEXT,
            points={"type": "number"},
            project_id=TEXT,
            assignees=TEXTS,
            steps=TEXTS,
            due={"type": "string", "format": "date-time"},
            urgent={"type": "boolean", "default": False},
        ),
        tool("CREATE_PROJECT", obj(id=TEXT, name=TEXT), ["name"], name=TEXT),
        tool("UPDATE_TASK", TASK, ["task_id"], task_id=TEXT, title=TEXT, points={"type": "number"}),
        tool("STAR_TASK", TASK, ["task_id"], task_id=TEXT),
        tool("UNSTAR_TASK", TASK, ["task_id"], task_id=TEXT),
        tool("CLOSE_TASK", TASK, ["task_id"], task_id=TEXT),
        tool("REOPEN_TASK", TASK, ["task_id"], task_id=TEXT),
        tool("DELETE_TASK", None, ["task_id"], task_id=TEXT),
        tool("RESTORE_TASK", TASK, ["task_id"], task_id=TEXT),
        tool("ADD_LABEL_TO_TASK", TASK, ["task_id", "label_id"], task_id=TEXT, label_id=TEXT),
        tool("REMOVE_LABEL_FROM_TASK", TASK, ["task_id", "label_id"], task_id=TEXT, label_id=TEXT),
        tool("INSERT_TEXT", obj(id=TEXT), ["document_id", "text"], document_id=TEXT, text=TEXT),
        tool("LOCK_DOOR", None, ["door"], door=TEXT),
        tool("SET_HEAT", None, ["room"], room=TEXT, degrees={"type": "number"}),
    )
}


def play(*calls: Call, seed: int = 7) -> StateChanges:
    """The changes of a world after these calls; `$1` stands for the identifier in the result of call 1."""
    world, identities = World(HERE, seed), dict[str, str]()
    for number, (name, arguments) in enumerate(calls, start=1):
        given = {key: identities.get(str(value), value) for key, value in arguments.items()}
        if TOOLS[name].returns is None:
            world.record_acknowledged_call(TOOLS[name], given)
            continue
        result = world.execute_call(TOOLS[name], given)
        if isinstance(result.get("id"), str):
            identities[f"${number}"] = result["id"]
    return world.list_changes()


NEW: Call = ("CREATE_TASK", {"title": "Lease"})
STAR: Call = ("STAR_TASK", {"task_id": "t1"})
READ: Call = ("GET_TASK", {"task_id": "t1"})
LABEL: Call = ("ADD_LABEL_TO_TASK", {"task_id": "t1", "label_id": "l1"})
UNLABEL: Call = ("REMOVE_LABEL_FROM_TASK", {"task_id": "t1", "label_id": "l1"})

SAME = {
    "nothing and nothing": ([], []),
    "the same calls": ([NEW, STAR], [NEW, STAR]),
    "reading more changes nothing": ([STAR], [READ, ("LIST_TASKS", {"query": "lease"}), STAR, READ]),
    "reading alone is no change": ([], [READ, ("LIST_TASKS", {})]),
    "25 and 25.0": ([("CREATE_TASK", {"title": "a", "points": 25})], [("CREATE_TASK", {"title": "a", "points": 25.0})]),
    "a field set to 25 and to 25.0": (
        [("UPDATE_TASK", {"task_id": "t1", "points": 25})],
        [("UPDATE_TASK", {"task_id": "t1", "points": 25.0})],
    ),
    "people in another order": (
        [("CREATE_TASK", {"title": "a", "assignees": ["x@a.org", "y@a.org"]})],
        [("CREATE_TASK", {"title": "a", "assignees": ["Y@a.org", "x@a.org"]})],
    ),
    "the same moment in another zone": (
        [("CREATE_TASK", {"title": "a", "due": "2026-03-10T09:00:00Z"})],
        [("CREATE_TASK", {"title": "a", "due": "2026-03-10T10:00:00+01:00"})],
    ),
    "the order of calls that do not touch": ([NEW, STAR], [STAR, NEW]),
    "a default said or not": ([NEW], [("CREATE_TASK", {"title": "Lease", "urgent": False})]),
    "an empty argument or none": ([NEW], [("CREATE_TASK", {"title": "Lease", "assignees": []})]),
    "blanks in a text": ([NEW], [("CREATE_TASK", {"title": " Lease\n"})]),
    "other identifiers of new things": (
        [NEW, ("STAR_TASK", {"task_id": "$1"})],
        [READ, ("CREATE_TASK", {"title": "Lease"}), ("STAR_TASK", {"task_id": "$2"})],
    ),
    "a new thing named in another": (
        [("CREATE_PROJECT", {"name": "Move"}), ("CREATE_TASK", {"title": "Van", "project_id": "$1"})],
        [
            ("CREATE_TASK", {"title": "x"}),
            ("DELETE_TASK", {"task_id": "$1"}),
            ("CREATE_PROJECT", {"name": "Move"}),
            ("CREATE_TASK", {"title": "Van", "project_id": "$3"}),
        ],
    ),
    "alike new things in another order": (
        [
            ("CREATE_PROJECT", {"name": "Move"}),
            ("CREATE_PROJECT", {"name": "Stay"}),
            ("CREATE_TASK", {"title": "Van", "project_id": "$1"}),
            ("CREATE_TASK", {"title": "Van", "project_id": "$2"}),
        ],
        [
            ("CREATE_PROJECT", {"name": "Stay"}),
            ("CREATE_PROJECT", {"name": "Move"}),
            ("CREATE_TASK", {"title": "Van", "project_id": "$1"}),
            ("CREATE_TASK", {"title": "Van", "project_id": "$2"}),
        ],
    ),
    "two alike things are two": ([NEW, NEW], [NEW, NEW]),
    "label added and taken off": ([], [LABEL, UNLABEL]),
    "label taken off and added": ([], [UNLABEL, LABEL]),
    "starred and unstarred": ([], [STAR, ("UNSTAR_TASK", {"task_id": "t1"})]),
    "closed and reopened": ([], [("CLOSE_TASK", {"task_id": "t1"}), ("REOPEN_TASK", {"task_id": "t1"})]),
    "created and deleted": ([], [NEW, ("DELETE_TASK", {"task_id": "$1"})]),
    "deleted and restored": ([], [("DELETE_TASK", {"task_id": "t1"}), ("RESTORE_TASK", {"task_id": "t1"})]),
    "created, then renamed": (
        [("CREATE_TASK", {"title": "b"})],
        [NEW, ("UPDATE_TASK", {"task_id": "$1", "title": "b"})],
    ),
    "set twice, the last counts": (
        [("UPDATE_TASK", {"task_id": "t1", "title": "b"})],
        [("UPDATE_TASK", {"task_id": "t1", "title": "a"}), ("UPDATE_TASK", {"task_id": "t1", "title": "b"})],
    ),
    "a number set again": (
        [("SET_HEAT", {"room": "hall", "degrees": 19})],
        [("SET_HEAT", {"room": "hall", "degrees": 18}), ("SET_HEAT", {"room": "hall", "degrees": 19})],
    ),
    "a text put into something that was read or not": (
        [("INSERT_TEXT", {"document_id": "d1", "text": "More."})],
        [READ, ("INSERT_TEXT", {"document_id": "d1", "text": "More."})],
    ),
}


@pytest.mark.parametrize(("expected", "actual"), SAME.values(), ids=SAME)
def test_the_same_end_state(expected: list[Call], actual: list[Call]) -> None:
    assert compare_changes(play(*expected), play(*actual)) == []


DIFFERENT = {
    "not created": ([NEW], [], "not done: a new task (title 'Lease') was to be created"),
    "created in addition": ([], [NEW], "done in addition: a new task (title 'Lease') was created"),
    "created twice": ([NEW], [NEW, NEW], "done in addition: a new task (title 'Lease') was created"),
    "created with another number": (
        [("CREATE_TASK", {"title": "a", "points": 25})],
        [("CREATE_TASK", {"title": "a", "points": 26})],
        "the new task 'a': points is 26, and 25 was expected",
    ),
    "1 is not true": (
        [("CREATE_TASK", {"title": "a", "urgent": True})],
        [("CREATE_TASK", {"title": "a"})],
        "the new task 'a': urgent is nothing, and true was expected",
    ),
    "steps in another order": (
        [("CREATE_TASK", {"title": "a", "steps": ["mix", "bake"]})],
        [("CREATE_TASK", {"title": "a", "steps": ["bake", "mix"]})],
        """the new task 'a': steps is ["bake","mix"], and ["mix","bake"] was expected""",
    ),
    "another moment": (
        [("CREATE_TASK", {"title": "a", "due": "2026-03-10T09:00:00Z"})],
        [("CREATE_TASK", {"title": "a", "due": "2026-03-10T09:00:00+01:00"})],
        "the new task 'a': due is '2026-03-10T09:00:00+01:00', and '2026-03-10T09:00:00Z' was expected",
    ),
    "in another new thing": (
        [
            ("CREATE_PROJECT", {"name": "Move"}),
            ("CREATE_PROJECT", {"name": "Stay"}),
            ("CREATE_TASK", {"title": "Van", "project_id": "$1"}),
        ],
        [
            ("CREATE_PROJECT", {"name": "Move"}),
            ("CREATE_PROJECT", {"name": "Stay"}),
            ("CREATE_TASK", {"title": "Van", "project_id": "$2"}),
        ],
        "the new task 'Van': project_id is",
    ),
    "another title": (
        [("UPDATE_TASK", {"task_id": "t1", "title": "a"})],
        [("UPDATE_TASK", {"task_id": "t1", "title": "b"})],
        "task 't1': title is 'b', and 'a' was expected",
    ),
    "title not changed": (
        [("UPDATE_TASK", {"task_id": "t1", "title": "a"})],
        [READ],
        "not done: task 't1': title was to become 'a'",
    ),
    "another thing changed": (
        [STAR],
        [("STAR_TASK", {"task_id": "t2"})],
        "not done: task 't1': starred was to become true",
    ),
    "changed in addition": ([], [STAR], "done in addition: task 't1': starred became true"),
    "not deleted": ([("DELETE_TASK", {"task_id": "t1"})], [], "not done: task 't1' was to be deleted"),
    "deleted in addition": ([], [("DELETE_TASK", {"task_id": "t1"})], "done in addition: task 't1' was deleted"),
    "label not added": ([LABEL], [], "not done: label 'l1' was to be added to task 't1'"),
    "label removed instead": ([LABEL], [UNLABEL], "not done: label 'l1' was to be added to task 't1'"),
    "a passage is missing": (
        [("INSERT_TEXT", {"document_id": "d1", "text": "More."})],
        [],
        """not done: file 'd1': added text was to become ["More."]""",
    ),
    "another door": (
        [("LOCK_DOOR", {"door": "front"})],
        [("LOCK_DOOR", {"door": "rear"})],
        "LOCK_DOOR: door is 'rear', and 'front' was expected",
    ),
    "a door too much": (
        [],
        [("LOCK_DOOR", {"door": "rear"})],
        "done in addition: LOCK_DOOR(door='rear')",
    ),
}


@pytest.mark.parametrize(("expected", "actual", "words"), DIFFERENT.values(), ids=DIFFERENT)
def test_the_first_difference_is_told(expected: list[Call], actual: list[Call], words: str) -> None:
    assert compare_changes(play(*expected), play(*actual))[0].startswith(words)


def test_what_was_so_already_is_no_change_where_it_is_known() -> None:
    world = World(HERE, 7)
    known = world.execute_call(TOOLS["GET_TASK"], {"task_id": "t1"})
    world.execute_call(TOOLS["UPDATE_TASK"], {"task_id": "t1", "title": known["title"]})
    assert world.list_changes().is_empty
    unread = play(("UPDATE_TASK", {"task_id": "t1", "title": known["title"]}))
    assert compare_changes(world.list_changes(), unread) == []
    assert compare_changes(unread, world.list_changes()) == []


def test_a_field_set_back_to_what_was_read_is_no_change() -> None:
    world = World(HERE, 7)
    title = world.execute_call(TOOLS["GET_TASK"], {"task_id": "t1"})["title"]
    for text in ("Other", title):
        world.execute_call(TOOLS["UPDATE_TASK"], {"task_id": "t1", "title": text})
    assert world.list_changes().is_empty


def test_a_refused_call_changes_nothing() -> None:
    world = World(HERE, 7)
    world.execute_call(tool("DELETE_TASK", obj(ok={"type": "boolean"}), task_id=TEXT), {"task_id": "t123456"})
    with pytest.raises(RefusedError):
        world.execute_call(TOOLS["STAR_TASK"], {"task_id": "t123456"})
    assert describe_changes(world.list_changes()) == ["task 't123456' was deleted"]


def test_changes_are_described_one_line_each() -> None:
    assert describe_changes(play(NEW, STAR, LABEL, ("LOCK_DOOR", {"door": "rear"}))) == [
        "a new task (title 'Lease') was created",
        "task 't1': starred became true",
        "label 'l1' was added to task 't1'",
        "LOCK_DOOR(door='rear')",
    ]
