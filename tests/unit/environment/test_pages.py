"""Listings in pages: what has no pages shows everything, and pages that are counted are slices of one listing."""

from typing import Any

import pytest

from funcdex_assets.environment.world import World
from funcdex_assets.records.tool import Tool
from funcdex_assets.world_server.sandbox import SANDBOX_MOMENT, build_sandbox_situation

TEXT, NUMBER = {"type": "string"}, {"type": "integer"}
LABEL = {"type": "object", "properties": {"id": TEXT, "name": TEXT}, "required": ["id", "name"]}


def make_tool(name: str, parameters: dict[str, Any], returns: dict[str, Any]) -> Tool:
    schema = {"type": "object", "properties": parameters}
    result = {"type": "object", "properties": returns, "required": list(returns)}
    return Tool(toolkit="crm", name=name, description="", parameters=schema, returns=result, source="")


CREATE = make_tool("create_label", {"name": TEXT}, {"label": LABEL})


def make_world(count: int, seed: int = 7) -> tuple[World, list[str]]:
    """A world with so many labels, and their names."""
    world = World(build_sandbox_situation([CREATE], "Ada Byron", SANDBOX_MOMENT), seed)
    names = [f"Label {number}" for number in range(count)]
    for name in names:
        world.execute_call(CREATE, {"name": name})
    return world, names


def list_names(result: Any, key: str = "labels") -> list[str]:
    return [item["name"] for item in result[key]]


WITHOUT_PAGES = {
    "no parameter": ({}, {}),
    "a filter": ({"status": TEXT}, {}),
    "a total in the result": ({}, {"total": NUMBER}),
}


@pytest.mark.parametrize(("parameters", "fields"), WITHOUT_PAGES.values(), ids=WITHOUT_PAGES)
@pytest.mark.parametrize("count", [3, 15, 120])
def test_what_cannot_page_lists_everything(parameters, fields, count):
    world, names = make_world(count)
    tool = make_tool("list_labels", parameters, {"labels": {"type": "array", "items": LABEL}, **fields})
    for _ in range(2):
        result = world.execute_call(tool, {})
        assert set(names) <= set(list_names(result))
        assert result.get("total", len(result["labels"])) == len(result["labels"])


WITH_PAGES = {
    "a size": ({"limit": NUMBER}, {}),
    "a token": ({"page_token": TEXT}, {}),
    "a token in the result": ({}, {"next_cursor": {"type": ["string", "null"]}}),
    "a token inside the result": (
        {},
        {"meta": {"type": "object", "properties": {"next_cursor": TEXT}, "required": ["next_cursor"]}},
    ),
}


@pytest.mark.parametrize(("parameters", "fields"), WITH_PAGES.values(), ids=WITH_PAGES)
def test_what_can_page_shows_a_page(parameters, fields):
    world, _ = make_world(15)
    tool = make_tool("list_labels", parameters, {"labels": {"type": "array", "items": LABEL}, **fields})
    assert len(world.execute_call(tool, {})["labels"]) == 10
