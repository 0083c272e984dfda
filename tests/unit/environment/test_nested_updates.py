"""An update that gives parts of an object leaves its other parts as they were, for its own result and for readers."""

from typing import Any

import pytest
from offline import casts

from funcdex_assets.environment.world import World
from funcdex_assets.records.tool import Tool

HERE = casts("gmail", 1)[0].situation
TEXT = {"type": "string"}


def obj(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def tool(name: str, returns: Any = None) -> Tool:
    return Tool("t", name, "d", {"type": "object"}, returns, source="test")


ADDRESS = {**obj(street=TEXT, city=TEXT), "required": ["city"]}
CLIENT = obj(id=TEXT, address=ADDRESS, agent=obj(id=TEXT, name=TEXT), start=ADDRESS)
KNOWN = {
    "id": "c1",
    "address": {"street": "Rua A 1", "city": "Lisbon"},
    "agent": {"id": "g1", "name": "Bo"},
    "start": {"street": "Rua B 2", "city": "Faro"},
}
CASES = {
    "a part": ({"address": {"city": "Porto"}}, "address", {"street": "Rua A 1", "city": "Porto"}),
    "all parts": (
        {"address": {"city": "Porto", "street": "Rua C 3"}},
        "address",
        {"street": "Rua C 3", "city": "Porto"},
    ),
    "what is told in one of several ways": ({"start": {"city": "Beja"}}, "start", {"city": "Beja"}),
}


@pytest.mark.parametrize("returns", [CLIENT, obj(ok={"type": "boolean"})], ids=["whole result", "terse result"])
@pytest.mark.parametrize(("arguments", "field", "expected"), CASES.values(), ids=CASES)
def test_what_an_update_gives_is_merged_into_what_is_known(arguments, field, expected, returns):
    world = World(HERE, 3)
    world.remember_result("GET_CLIENT", KNOWN, {"client_id": "c1"})
    result = world.execute_call(tool("UPDATE_CLIENT", returns), {"client_id": "c1", **arguments})
    read = world.execute_call(tool("GET_CLIENT", CLIENT), {"client_id": "c1"})
    assert read == {**KNOWN, field: expected}
    if returns is CLIENT:
        assert result == read


def test_another_thing_has_nothing_of_the_one_before():
    world = World(HERE, 3)
    world.remember_result("GET_CLIENT", KNOWN, {"client_id": "c1"})
    world.execute_call(tool("UPDATE_CLIENT", CLIENT), {"client_id": "c1", "agent": {"id": "g2"}})
    agent = world.execute_call(tool("GET_CLIENT", CLIENT), {"client_id": "c1"})["agent"]
    assert agent["id"] == "g2"
    assert agent["name"] != "Bo"
