"""Among equal edges, descriptions decide."""

import msgspec

from funcdex_assets.records.tool import Tool
from funcdex_assets.tool_graph.graph import build_graph
from funcdex_assets.tool_graph.ties import MAX_WEIGHT_LOSS

TEXT = {"type": "string"}


def tool(name: str, description: str, told: str = "", takes: tuple[str, ...] = ()) -> Tool:
    item = {"type": "object", "properties": {"id": TEXT | {"description": told}}}
    return Tool(
        toolkit="acme",
        name=name,
        description=description,
        parameters={
            "type": "object",
            "properties": {one: TEXT | {"description": "The open task to close."} for one in takes},
            "required": list(takes),
        },
        returns={"type": "object", "properties": {"tasks": {"type": "array", "items": item}}},
        source="test",
    )


CLOSE = tool("CLOSE_TASK", "Closes an open task.", takes=("task_id",))
OPEN = tool("LIST_OPEN_TASKS", "Lists open tasks.", "The open task.")
ARCHIVE = tool("LIST_ARCHIVE_TASKS", "Browses what was archived long ago.", "Key in the archive.")


def into_close(*tools: Tool) -> dict[str, float]:
    edges = [edge for edge in build_graph(tools) if edge.target_tool == "CLOSE_TASK"]
    return {edge.source_tool: edge.weight for edge in edges if edge.source_tool != "CLOSE_TASK"}


def test_the_field_that_is_described_more_alike_comes_first():
    for tools in ((CLOSE, OPEN, ARCHIVE), (ARCHIVE, OPEN, CLOSE)):
        weights = into_close(*tools)
        assert list(weights) == ["LIST_OPEN_TASKS", "LIST_ARCHIVE_TASKS"]
        assert 0 < weights["LIST_OPEN_TASKS"] - weights["LIST_ARCHIVE_TASKS"] <= MAX_WEIGHT_LOSS


def test_an_edge_without_rival_keeps_its_weight():
    only = tool("LIST_TASKS", "Lists tasks.")
    closing = msgspec.structs.replace(CLOSE, returns={"type": "object", "properties": {"ok": {"type": "boolean"}}})
    assert into_close(closing, only) == {"LIST_TASKS": 1.0}
