"""What a toolkit declares its fields to mean is read from its file, and shows in the results of the world."""

from pathlib import Path

import pytest
import yaml
from offline import casts

from funcdex_assets.catalog.load import load_tools
from funcdex_assets.environment.world import World
from funcdex_assets.tool_graph.graph import build_graph

HERE = casts("gmail", 1)[0].situation
SEEDS = range(8)
TEXT = {"type": "string"}


def load_chores(folder: Path, **fields) -> dict:
    """Loads two tools for chores from a file; `fields` are those of a chore, beside its id."""
    chore = {"type": "object", "properties": {"id": TEXT, **fields}, "required": ["id", *fields]}
    text = {"type": "object", "properties": {"label": TEXT}, "required": ["label"]}
    create = {"name": "CREATE_CHORE", "description": "Adds a chore.", "parameters": text, "returns": chore}
    listed = {"type": "object", "properties": {"chores": {"type": "array", "items": chore}}, "required": ["chores"]}
    anything = {"type": "object", "properties": {}}
    list_ = {"name": "LIST_CHORES", "description": "Lists chores.", "parameters": anything, "returns": listed}
    path = folder / "chores.yaml"
    path.write_text(yaml.safe_dump({"toolkit": "chores", "tools": [create, list_]}), encoding="utf-8")
    return {tool.name: tool for tool in load_tools({"chores": path})}


def create_chores(tools: dict) -> list[dict]:
    return [World(HERE, seed).execute_call(tools["CREATE_CHORE"], {"label": "Sweep the attic"}) for seed in SEEDS]


def list_chores(tools: dict) -> list[dict]:
    return [chore for seed in SEEDS for chore in World(HERE, seed).execute_call(tools["LIST_CHORES"], {})["chores"]]


@pytest.mark.parametrize(
    ("declared", "is_empty"),
    [
        pytest.param({}, False, id="by-its-name-it-is-who-does-it"),
        pytest.param({"x-meaning": {"role": "moment", "phase": "due"}}, True, id="nobody-gave-the-chore-a-due-date"),
    ],
)
def test_something_new_has_no_due_date_that_nobody_gave(tmp_path, declared, is_empty):
    chores = create_chores(load_chores(tmp_path, label=TEXT, by={**TEXT, **declared}))
    assert {chore["by"] == "" for chore in chores} == {is_empty}


@pytest.mark.parametrize(
    ("declared", "is_mail"),
    [
        pytest.param({}, False, id="by-its-name-it-may-be-anything"),
        pytest.param({"x-meaning": "email"}, True, id="declared"),
        pytest.param({"description": "E-mail address of who does it."}, True, id="described"),
        pytest.param({"pattern": r"^[^@ ]+@[^@ ]+\.\w+$"}, True, id="told-by-its-pattern"),
    ],
)
def test_a_text_is_an_address_where_the_definition_tells(tmp_path, declared, is_mail):
    chores = list_chores(load_chores(tmp_path, label=TEXT, slot={**TEXT, **declared}))
    slots = [chore["slot"] for chore in chores]
    assert slots
    assert all("@" in slot for slot in slots) == is_mail


def test_a_declared_moment_is_a_moment(tmp_path):
    chores = list_chores(load_chores(tmp_path, label=TEXT, slot={**TEXT, "x-meaning": {"role": "moment"}}))
    slots = [chore["slot"] for chore in chores]
    assert slots
    assert all(slot[4:5] == "-" and "T" in slot for slot in slots)


def test_a_declared_identifier_leads_from_one_tool_to_another(tmp_path):
    code = {**TEXT, "x-meaning": {"role": "identifier", "noun": "chore"}}
    chore = {"type": "object", "properties": {"code": code, "label": TEXT}, "required": ["code", "label"]}
    listed = {"type": "object", "properties": {"chores": {"type": "array", "items": chore}}, "required": ["chores"]}
    named = {"type": "object", "properties": {"code": code}, "required": ["code"]}
    anything = {"type": "object", "properties": {}}
    tools = [
        {"name": "LIST_CHORES", "description": "Lists chores.", "parameters": anything, "returns": listed},
        {"name": "GET_CHORE", "description": "Opens a chore.", "parameters": named, "returns": chore},
    ]
    path = tmp_path / "chores.yaml"
    path.write_text(yaml.safe_dump({"toolkit": "chores", "tools": tools}), encoding="utf-8")
    list_chores_tool, get_chore_tool = load_tools({"chores": path})
    edges = build_graph([list_chores_tool, get_chore_tool])
    ids = [(edge.source_path, edge.target_path) for edge in edges if edge.kind == "id"]
    assert ("/chores/*/code", "/code") in ids
