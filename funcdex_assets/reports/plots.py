"""The pictures of the reports, as PNG bytes. Drawing needs matplotlib, which the extra `plots` installs.

Belongs here: one function for each picture. Callers ask `can_plot` first and show a table if matplotlib is missing.
"""

import io
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from funcdex_assets.records.errors import UserError
from funcdex_assets.records.figures import QualityFigure
from funcdex_assets.records.training import LossPoint

_ACTUAL_COLOR, _WANTED_COLOR = "#4f7cac", "#c9772b"
_MOST_BARS = 20
"""More labels than that cannot be read in the width of Dagster's metadata panel."""


class PlotsUnavailable(UserError, RuntimeError):
    """matplotlib is not installed."""


def keep_font_cache(folder: Path) -> None:
    """Has matplotlib keep its settings and font cache in this folder, instead of in the user's home."""
    os.environ.setdefault("MPLCONFIGDIR", str(folder.absolute() / "matplotlib"))


def can_plot() -> bool:
    return find_spec("matplotlib") is not None


def plot_mix(figures: Sequence[QualityFigure], title: str) -> bytes:
    """Draws the shares of kinds and of chain patterns, with a mark at each share that the settings ask for."""
    groups = [(name, _select_rows(figures, name)) for name in ("kind", "chain pattern")]
    heights = [max(1, len(rows)) for _, rows in groups]
    figure = _new_figure(6.4, 1.2 + 0.24 * sum(heights))
    panels = figure.subplots(len(heights), 1, height_ratios=[height + 0.6 for height in heights])
    for (name, rows), axes in zip(groups, panels, strict=True):
        upwards = list(reversed(rows))
        labels = [row.item.replace("_", " ") for row in upwards]
        bars = axes.barh(labels, [100 * row.value for row in upwards], color=_ACTUAL_COLOR)
        axes.bar_label(bars, padding=8, fontsize=7, fmt="%.1f")
        wanted_shares = [(index, 100 * row.wanted) for index, row in enumerate(upwards) if row.wanted is not None]
        if wanted_shares:
            marks = [share for _, share in wanted_shares], [index for index, _ in wanted_shares]
            axes.scatter(*marks, marker="|", s=160, linewidths=2, color=_WANTED_COLOR, zorder=3, label="wanted")
            axes.legend(fontsize=7, frameon=False, loc="lower right")
        _style_axes(axes, f"{name}, % of conversations")
        axes.margins(x=0.14)
    figure.suptitle(title, fontsize=9, x=0.01, ha="left")
    return _render_png(figure)


def plot_lengths(figures: Sequence[QualityFigure], title: str) -> bytes:
    """Draws the distributions of user turns and of calls per conversation."""
    figure = _new_figure(7, 2.4)
    for axes, name in zip(figure.subplots(1, 2, sharey=True), ("user turns", "calls"), strict=True):
        rows = _select_rows(figures, f"conversations by {name}")
        bars = axes.bar([int(row.item) for row in rows], [row.part or 0 for row in rows], color=_ACTUAL_COLOR)
        axes.bar_label(bars, fontsize=6)
        axes.set_xticks([int(row.item) for row in rows])
        _style_axes(axes, f"conversations by {name}")
    figure.suptitle(title, fontsize=9, x=0.01, ha="left")
    return _render_png(figure)


def plot_counts(counts: Mapping[str, float], title: str, label: str = "") -> bytes:
    """Draws horizontal bars, largest first, at most 20 of them."""
    largest = sorted(counts.items(), key=lambda item: -item[1])[:_MOST_BARS]
    figure = _new_figure(6, 0.6 + 0.24 * max(1, len(largest)))
    axes = figure.add_subplot()
    bars = axes.barh(
        [name for name, _ in reversed(largest)], [value for _, value in reversed(largest)], color=_ACTUAL_COLOR
    )
    axes.bar_label(bars, padding=3, fontsize=7, fmt="%g")
    _style_axes(axes, title)
    axes.set_xlabel(label, fontsize=8)
    axes.margins(x=0.1)
    return _render_png(figure)


def plot_scores(scores: Mapping[str, Sequence[int]], title: str) -> bytes:
    """Draws a group of bars for each scale: the number of conversations with a score of 1, 2, 3, 4 and 5."""
    figure = _new_figure(6.4, 2.6)
    axes = figure.add_subplot()
    width = 0.8 / max(1, len(scores))
    for index, (name, values) in enumerate(scores.items()):
        counted = Counter(values)
        bars = axes.bar(
            [score + (index - (len(scores) - 1) / 2) * width for score in range(1, 6)],
            [counted[score] for score in range(1, 6)],
            width,
            label=name.replace("_", " "),
        )
        axes.bar_label(bars, fontsize=6, labels=[str(counted[score] or "") for score in range(1, 6)])
    axes.set_xticks(range(1, 6))
    _style_axes(axes, title)
    axes.set_ylabel("conversations", fontsize=8)
    axes.legend(fontsize=7, frameon=False, loc="upper left")
    return _render_png(figure)


def plot_calls_per_tool(counts: Mapping[str, Sequence[int]]) -> bytes:
    """Draws the calls per tool, the most called first, one line per arm of an experiment: a flat line is even use."""
    figure = _new_figure(7, 3.2)
    axes = figure.add_subplot()
    for name, calls in counts.items():
        covered = sum(count > 0 for count in calls)
        axes.step(
            range(1, len(calls) + 1),
            sorted(calls, reverse=True),
            where="mid",
            label=f"{name}: {covered} of {len(calls)} tools",
        )
    axes.set_xlabel("tools, the most called first")
    axes.set_ylabel("calls in accepted conversations")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return _render_png(figure, dots_per_inch=130)


def plot_matches(rows: Sequence[tuple[str, float, float | None, float | None]], title: str) -> bytes:
    """Draws (model, share, low, high) as horizontal bars in the given order, with intervals where there are any."""
    upwards = list(reversed(rows))
    figure = _new_figure(6.8, 0.8 + 0.32 * max(1, len(upwards)))
    axes = figure.add_subplot()
    values = [value for _, value, _, _ in upwards]
    reaches = [
        [max(0.0, value - (value if low is None else low)) for _, value, low, _ in upwards],
        [max(0.0, (value if high is None else high) - value) for _, value, _, high in upwards],
    ]
    bars = axes.barh([name for name, *_ in upwards], values, xerr=reaches, color=_ACTUAL_COLOR, ecolor=_WANTED_COLOR)
    axes.bar_label(bars, labels=[f"{value:.3f}" for value in values], padding=4, fontsize=7)
    axes.set_xlim(0, 1.12)
    _style_axes(axes, title)
    return _render_png(figure)


def plot_losses(curve: Sequence[LossPoint], title: str) -> bytes:
    """Draws the train loss of each step, and the losses on held-out answers and prompts, over the steps."""
    figure = _new_figure(6.4, 3.0)
    axes = figure.add_subplot()
    trained = [point for point in curve if point.train_loss is not None]
    axes.plot(
        [point.step for point in trained],
        [point.train_loss for point in trained],
        color=_ACTUAL_COLOR,
        linewidth=0.8,
        alpha=0.6,
        label="train, a step",
    )
    for name, style in (("answer_loss", "o-"), ("prompt_loss", "s--")):
        measured = [point for point in curve if getattr(point, name) is not None]
        if measured:
            axes.plot(
                [point.step for point in measured],
                [getattr(point, name) for point in measured],
                style,
                color=_WANTED_COLOR,
                markersize=3,
                linewidth=1.2 if name == "answer_loss" else 0.6,
                label=f"test, {name.removesuffix('_loss')}s",
            )
    axes.set_xlabel("steps", fontsize=8)
    axes.set_ylabel("loss, nats per token", fontsize=8)
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=7, frameon=False)
    _style_axes(axes, title)
    return _render_png(figure)


def _select_rows(figures: Sequence[QualityFigure], name: str) -> list[QualityFigure]:
    return [figure for figure in figures if figure.figure == name]


def _new_figure(width: float, height: float) -> Any:
    """Creates an empty figure of `width` × `height` inches that needs no screen.

    Raises:
        PlotsUnavailable: matplotlib is not installed.
    """
    if not can_plot():
        raise PlotsUnavailable("Pictures need matplotlib, which is not installed: pip install 'funcdex-assets[plots]'")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _style_axes(axes: Any, title: str) -> None:
    axes.set_title(title, fontsize=8, loc="left")
    axes.tick_params(labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)


def _render_png(figure: Any, dots_per_inch: int = 100) -> bytes:
    """PNG bytes that name no software version, so that they are the same after an upgrade."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dots_per_inch, metadata={"Software": None})
    return buffer.getvalue()
