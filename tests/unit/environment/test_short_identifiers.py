"""An identifier may be called by the last part of a joined noun: the `run_id` of a payrun. Parents stay parents."""

from datetime import datetime

import pytest
from offline import casts

from funcdex_assets.environment.call_intent import read_call_intent
from funcdex_assets.environment.world import World
from funcdex_assets.records.tool import Tool

HERE = casts("gmail", 1)[0].situation
TEXT = {"type": "string"}
PAYRUN = {"type": "object", "properties": {"run_id": TEXT, "name": TEXT}, "required": ["run_id", "name"]}
CASES = {
    "GET_PAYRUN": ({"run_id": "r1"}, "r1", {}),
    "payruns-delete": ({"run_id": "r1"}, "r1", {}),
    "payruns-lines-add": ({"run_id": "r1"}, None, {"payrun": "r1"}),
    "UPDATE_PAYRUN": ({"payrun_id": "p1", "run_id": "r1"}, "p1", {"run": "r1"}),
    "GET_SUBTASK": ({"task_id": "t1"}, None, {"task": "t1"}),
    "GET_CHECKLIST": ({"list_id": "l1"}, None, {"list": "l1"}),
    "LIST_COMMENTS": ({"task_id": "t1"}, None, {"task": "t1"}),
    "GET_DOCUMENT_TEXT": ({"document_id": "d1"}, None, {"file": "d1"}),
}


@pytest.mark.parametrize(("tool", "arguments", "own", "parents"), [(name, *case) for name, case in CASES.items()])
def test_what_a_call_is_about(tool, arguments, own, parents):
    intent = read_call_intent(tool, arguments, datetime(2026, 1, 5))
    assert (intent.object_identity, intent.parents) == (own, parents)


def test_a_thing_with_a_short_identifier_has_a_life():
    world = World(HERE, 3)
    name = {"type": "object", "properties": {"name": TEXT}}
    made = world.execute_call(Tool("t", "CREATE_PAYRUN", "", name, PAYRUN, "test"), {"name": "March"})
    world.execute_call(Tool("t", "RENAME_PAYRUN", "", name, PAYRUN, "test"), {"run_id": made["run_id"], "name": "May"})
    read = world.execute_call(Tool("t", "GET_PAYRUN", "", name, PAYRUN, "test"), {"run_id": made["run_id"]})
    assert read == {**made, "name": "May"}
