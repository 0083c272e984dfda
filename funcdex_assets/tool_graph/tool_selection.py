"""Chooses the tools of a large source that belong together: those whose results feed one another."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from funcdex_assets.records.tool import Tool
from funcdex_assets.tool_graph.graph import build_graph, find_needed_ids


def select_connected_tools(tools: Sequence[Tool], limit: int) -> list[Tool]:
    """Selects at most `limit` tools whose results feed one another, and returns them in the order of the source.

    Greedy: starts with the tool that needs no id and feeds the most others, then adds the callable tool with the most
    links to those already chosen. When no remaining tool is callable, it starts again with the next best one.
    """
    if len(tools) <= limit:
        return list(tools)
    consumers: dict[str, set[str]] = defaultdict(set)
    filled_paths: dict[tuple[str, str], set[str]] = defaultdict(set)
    for edge in build_graph(tools):
        if edge.source_tool != edge.target_tool and edge.kind == "id":
            consumers[edge.source_tool].add(edge.target_tool)
            filled_paths[edge.source_tool, edge.target_tool].add(edge.target_path)
    missing_ids = {tool.name: set(find_needed_ids(tool)) for tool in tools}
    link_counts: Counter[str] = Counter()
    remaining = {tool.name: position for position, tool in enumerate(tools)}
    chosen: set[str] = set()
    while remaining and len(chosen) < limit:
        name = min(
            remaining,
            key=lambda candidate: (
                bool(missing_ids[candidate]),
                -link_counts[candidate],
                # Capped: among tools that feed five or more others, the earliest in the source is chosen.
                -min(len(consumers[candidate]), 5),
                remaining[candidate],
            ),
        )
        del remaining[name]
        chosen.add(name)
        for target in consumers[name]:
            missing_ids[target] -= filled_paths[name, target]
            link_counts[target] += 1
    return [tool for tool in tools if tool.name in chosen]
