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
    "a flag in the result": ({}, {"has_more": {"type": "boolean"}}),
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


CUSTOMERS = {"labels": {"type": "array", "items": LABEL}}
PAGE_FIELDS = {"page": NUMBER, "total_pages": NUMBER, "total": NUMBER, "has_more": {"type": "boolean"}}
BY_NUMBER = make_tool("list_labels", {"page": {**NUMBER, "minimum": 1}, "page_size": NUMBER}, CUSTOMERS | PAGE_FIELDS)
FROM_ZERO = make_tool("list_labels", {"page": {**NUMBER, "minimum": 0}, "per_page": NUMBER}, CUSTOMERS | PAGE_FIELDS)
BY_OFFSET = make_tool(
    "list_labels",
    {"offset": NUMBER, "limit": NUMBER},
    CUSTOMERS | {"offset": NUMBER, "limit": NUMBER, "total": NUMBER, "next_offset": {"type": ["integer", "null"]}},
)
BY_SKIP = make_tool("list_labels", {"skip": NUMBER, "limit": NUMBER}, CUSTOMERS | {"total_count": NUMBER})
BY_START = make_tool("list_labels", {"start": NUMBER, "count": NUMBER}, CUSTOMERS | {"total": NUMBER})
IN_META = make_tool(
    "list_labels",
    {"page": NUMBER, "limit": NUMBER},
    CUSTOMERS
    | {"next_sync_at": TEXT, "meta": {"type": "object", "properties": PAGE_FIELDS, "required": list(PAGE_FIELDS)}},
)
PAGED = {
    "page numbers": (BY_NUMBER, [{"page": page, "page_size": 2} for page in (1, 2, 3)]),
    "page numbers from 0": (FROM_ZERO, [{"page": page, "per_page": 2} for page in (0, 1, 2)]),
    "no number is the first page": (
        BY_NUMBER,
        [{"page_size": 2}, {"page": 2, "page_size": 2}, {"page": 3, "page_size": 2}],
    ),
    "offsets": (BY_OFFSET, [{"offset": offset, "limit": 2} for offset in (0, 2, 4)]),
    "items to skip": (BY_SKIP, [{"skip": skip, "limit": 2} for skip in (0, 2, 4)]),
    "where to start": (BY_START, [{"start": start, "count": 2} for start in (0, 2, 4)]),
    "the last page first": (BY_NUMBER, [{"page": page, "page_size": 2} for page in (3, 1, 2)]),
}


@pytest.mark.parametrize(("tool", "calls"), PAGED.values(), ids=PAGED)
@pytest.mark.parametrize("seed", range(4))
def test_counted_pages_are_slices_of_one_listing(tool, calls, seed):
    world, names = make_world(5, seed)
    pages = [world.execute_call(tool, call) for call in calls]
    shown = [name for page in pages for name in list_names(page)]
    assert [len(page["labels"]) for page in pages] == [2, 2, 2] or len(shown) == 5
    assert len(set(shown)) == len(shown)
    whole = world.execute_call(tool, {})
    assert set(names) <= set(list_names(whole))
    totals = {page.get("total", page.get("total_count")) for page in [*pages, whole]}
    assert totals == {len(whole["labels"])}
    assert [world.execute_call(tool, call) for call in calls] == pages


@pytest.mark.parametrize(
    ("tool", "call", "count", "told"),
    [
        (BY_NUMBER, {}, 5, {"page": 1, "total_pages": 1, "total": 5, "has_more": False}),
        (BY_NUMBER, {"page_size": 2}, 2, {"page": 1, "total_pages": 3, "total": 5, "has_more": True}),
        (BY_NUMBER, {"page_size": 2, "page": 3}, 1, {"page": 3, "total_pages": 3, "total": 5, "has_more": False}),
        (BY_NUMBER, {"page_size": 2, "page": 9}, 0, {"page": 9, "total_pages": 3, "total": 5, "has_more": False}),
        (FROM_ZERO, {"per_page": 2}, 2, {"page": 0, "total_pages": 3, "total": 5, "has_more": True}),
        (BY_OFFSET, {"limit": 2}, 2, {"offset": 0, "limit": 2, "total": 5, "next_offset": 2}),
        (BY_OFFSET, {"limit": 2, "offset": 4}, 1, {"offset": 4, "limit": 2, "total": 5, "next_offset": None}),
    ],
    ids=["all", "first", "last", "past the end", "first from 0", "first offset", "last offset"],
)
def test_what_a_counted_page_tells_of_the_listing(tool, call, count, told):
    world, names = make_world(5)
    assert len(list_names(world.execute_call(tool, {}))) == len(names)  # nothing is made up under this seed
    result = world.execute_call(tool, call)
    assert len(result["labels"]) == count
    assert {name: result[name] for name in told} == told


def test_fields_of_pages_may_stand_in_an_object():
    world, _ = make_world(5)
    result = world.execute_call(IN_META, {"limit": 2, "page": 2})
    assert len(result["labels"]) == 2
    total = result["meta"]["total"]
    assert result["next_sync_at"]  # is about no page
    assert result["meta"] == {"page": 2, "total": total, "total_pages": -(-total // 2), "has_more": total > 4}


def test_pages_follow_what_is_created_and_deleted():
    world, _ = make_world(3)
    delete = make_tool("delete_label", {"label_id": TEXT}, {"deleted": {"type": "boolean"}})
    first = world.execute_call(BY_NUMBER, {"page_size": 2})
    world.execute_call(delete, {"label_id": first["labels"][0]["id"]})
    world.execute_call(CREATE, {"name": "Newest"})
    whole = world.execute_call(BY_NUMBER, {"page_size": 50})
    pages = [world.execute_call(BY_NUMBER, {"page_size": 2, "page": page}) for page in (1, 2, 3)]
    assert [item for page in pages for item in page["labels"]] == whole["labels"]
    assert first["labels"][0] not in whole["labels"]
    assert "Newest" in list_names(whole)
    assert {page["total"] for page in pages} == {first["total"]}


@pytest.mark.parametrize("limit", [1, 2, 10])
def test_the_total_of_pages_by_token_is_at_least_what_is_known(limit):
    world, _ = make_world(6)
    fields = {"total_count": NUMBER, "next_cursor": {"type": ["string", "null"]}}
    tool = make_tool("list_labels", {"limit": NUMBER, "cursor": TEXT}, CUSTOMERS | fields)
    first = world.execute_call(tool, {"limit": limit})
    assert first["total_count"] >= 6
    if first["next_cursor"]:
        assert world.execute_call(tool, {"limit": limit, "cursor": first["next_cursor"]})["total_count"] >= 6
