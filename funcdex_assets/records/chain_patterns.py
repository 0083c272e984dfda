"""The shapes that chains of calls have, by name; `tool_graph/patterns` tells them apart."""

from typing import Literal

Pattern = Literal[
    "single_call",
    "independent",
    "parallel",
    "fan_out",
    "next_page",
    "join",
    "create_then_use",
    "search_then_act",
    "sequential",
    "several_goals",
]

EDGELESS_PATTERNS: frozenset[str] = frozenset({"single_call", "independent", "parallel"})
"""Patterns that need no edge of the tool graph."""

PARALLEL_PATTERNS: frozenset[str] = frozenset({"parallel", "fan_out"})
SEVERAL_GOALS = "several_goals"
LINKED = "linked"
"""Stands for any pattern of one goal that needs an edge; the walk over the graph decides which one comes out."""
