"""Dagster metadata to look at: pictures, tables, a tool graph and conversations.

Where matplotlib is not installed, a picture's numbers are shown as a table.
"""

import base64
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import msgspec

from funcdex_assets.records.conversation import Conversation
from funcdex_assets.records.figures import QualityFigure
from funcdex_assets.records.message import Message
from funcdex_assets.records.tool import ToolEdge
from funcdex_assets.reports import plots

_LONGEST_JSON = 700


def show_counts(counts: Mapping[str, float], title: str, label: str = "") -> dg.MarkdownMetadataValue:
    """Horizontal bars, largest first."""
    if not plots.can_plot():
        largest_first = sorted(counts.items(), key=lambda item: -item[1])
        return show_table(("", label or title), largest_first)
    return _embed_png(plots.plot_counts(counts, title, label), title)


def show_scores(scores: Mapping[str, Sequence[int]], title: str) -> dg.MarkdownMetadataValue:
    """For each scale, how many conversations got 1, 2, 3, 4, 5."""
    if not plots.can_plot():
        rows = [
            (name, *(counted[score] for score in range(1, 6)))
            for name, counted in ((name, Counter(values)) for name, values in scores.items())
        ]
        return show_table((title, "1", "2", "3", "4", "5"), rows)
    return _embed_png(plots.plot_scores(scores, title), title)


def show_report_pictures(figures: Sequence[QualityFigure], name: str) -> dict[str, dg.MarkdownMetadataValue]:
    """The mix beside the wanted one, and the lengths; nothing without matplotlib, as the tables have the numbers."""
    if not plots.can_plot():
        return {}
    return {
        "plot_mix": _embed_png(plots.plot_mix(figures, f"Mix, {name}"), "mix"),
        "plot_length": _embed_png(plots.plot_lengths(figures, f"Length, {name}"), "length"),
    }


def show_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> dg.MarkdownMetadataValue:
    """A table in markdown."""
    lines = [columns, ["---"] * len(columns), *rows]
    return dg.MetadataValue.md("\n".join(f"| {' | '.join(map(str, line))} |" for line in lines))


def show_tool_graph(edges: Sequence[ToolEdge], most: int = 40) -> dg.MarkdownMetadataValue:
    """The strongest edges of a tool graph as a Mermaid diagram's source."""
    strongest: dict[tuple[str, str], ToolEdge] = {}
    for edge in sorted(edges, key=lambda edge: -edge.weight):
        if edge.source_tool != edge.target_tool:
            strongest.setdefault((edge.source_tool, edge.target_tool), edge)
    lines = [
        f"  {source} -->|{edge.target_path.strip('/').replace('/*', '')}| {target}"
        for (source, target), edge in list(strongest.items())[:most]
    ]
    return dg.MetadataValue.md("\n".join(["```mermaid", "graph LR", *lines, "```"]))


def show_conversation(conversation: Conversation) -> dg.MarkdownMetadataValue:
    """A conversation as people read it."""
    return dg.MetadataValue.md("\n\n".join(line for message in conversation.messages for line in _list_lines(message)))


def _list_lines(message: Message) -> list[str]:
    lines = []
    if message.thought:
        lines.append(f"💭 *{message.thought}*")
    if message.content:
        icon = {"user": "🧑 **User:**", "assistant": "🤖 **Assistant:**"}[message.role]
        lines.append(f"{icon} {message.content}")
    lines += [f"🔧 `{call.name}` `{_format_json(call.arguments)}`" for call in message.tool_calls]
    if message.result is not None:
        icon = "⚠️" if message.result.error else "📦"
        lines.append(f"{icon} `{_format_json(message.result.content)}`")
    return lines


def _format_json(value: Any) -> str:
    text = msgspec.json.encode(value).decode().replace("`", "'")
    return text if len(text) <= _LONGEST_JSON else text[: _LONGEST_JSON - 1] + "…"


def _embed_png(content: bytes, title: str) -> dg.MarkdownMetadataValue:
    return dg.MetadataValue.md(f"![{title}](data:image/png;base64,{base64.b64encode(content).decode()})")
