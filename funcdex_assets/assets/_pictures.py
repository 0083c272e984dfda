"""What people would rather look at than read: plots and conversations as Dagster metadata."""

import base64
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import msgspec

from funcdex_assets.records import Conversation, Message, ToolEdge

_BARS = 20
_LONG = 700


def bar_plot(counts: Mapping[str, float], title: str, label: str = "") -> dg.MarkdownMetadataValue:
    """Horizontal bars, largest first, as a PNG inside markdown."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = sorted(counts.items(), key=lambda item: -item[1])[:_BARS]
    figure = Figure(figsize=(6, 0.6 + 0.24 * max(1, len(shown))), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    bars = axes.barh([name for name, _ in reversed(shown)], [value for _, value in reversed(shown)], color="#4f7cac")
    axes.bar_label(bars, padding=3, fontsize=7, fmt="%g")
    axes.set_title(title, fontsize=9, loc="left")
    axes.set_xlabel(label, fontsize=8)
    axes.tick_params(labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.1)
    return _picture(figure, title)


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> dg.MarkdownMetadataValue:
    """A table in markdown."""
    lines = [columns, ["---"] * len(columns), *rows]
    return dg.MetadataValue.md("\n".join(f"| {' | '.join(map(str, line))} |" for line in lines))


def score_plot(scores: Mapping[str, Sequence[int]], title: str) -> dg.MarkdownMetadataValue:
    """For each scale a group of bars: how many conversations got 1, 2, 3, 4, 5."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 2.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    width = 0.8 / max(1, len(scores))
    for place, (name, values) in enumerate(scores.items()):
        counted = Counter(values)
        bars = axes.bar(
            [score + (place - (len(scores) - 1) / 2) * width for score in range(1, 6)],
            [counted[score] for score in range(1, 6)],
            width,
            label=name.replace("_", " "),
        )
        axes.bar_label(bars, fontsize=6, labels=[str(counted[score] or "") for score in range(1, 6)])
    axes.set_xticks(range(1, 6))
    axes.set_title(title, fontsize=9, loc="left")
    axes.set_ylabel("conversations", fontsize=8)
    axes.tick_params(labelsize=7)
    axes.legend(fontsize=7, frameon=False, loc="upper left")
    axes.spines[["top", "right"]].set_visible(False)
    return _picture(figure, title)


def mermaid(edges: Sequence[ToolEdge], most: int = 40) -> dg.MarkdownMetadataValue:
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


def transcript(conversation: Conversation) -> dg.MarkdownMetadataValue:
    """A conversation as people read it."""
    return dg.MetadataValue.md("\n\n".join(line for message in conversation.messages for line in _lines(message)))


def _lines(message: Message) -> list[str]:
    lines = []
    if message.thought:
        lines.append(f"💭 *{message.thought}*")
    if message.content:
        icon = {"user": "🧑 **User:**", "assistant": "🤖 **Assistant:**"}[message.role]
        lines.append(f"{icon} {message.content}")
    lines += [f"🔧 `{call.name}` `{_json(call.arguments)}`" for call in message.tool_calls]
    if message.result is not None:
        icon = "⚠️" if message.result.error else "📦"
        lines.append(f"{icon} `{_json(message.result.content)}`")
    return lines


def _json(value: Any) -> str:
    text = msgspec.json.encode(value).decode().replace("`", "'")
    return text if len(text) <= _LONG else text[: _LONG - 1] + "…"


def _picture(figure: Any, title: str) -> dg.MarkdownMetadataValue:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100, metadata={"Software": None})
    return png(buffer.getvalue(), title)


def png(content: bytes, title: str) -> dg.MarkdownMetadataValue:
    return dg.MetadataValue.md(f"![{title}](data:image/png;base64,{base64.b64encode(content).decode()})")
