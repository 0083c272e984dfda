"""Pictures of a quality report, as PNG bytes: the actual mix beside the wanted one, and the length of conversations.

Belongs here: drawing alone; the figures are counted in `report.py`.
"""

import io
from collections.abc import Sequence
from typing import Any

from funcdex_assets.records import QualityFigure

_DONE, _WANTED = "#4f7cac", "#c9772b"


def mix_plot(figures: Sequence[QualityFigure], title: str) -> bytes:
    """Draws the shares of kinds and of chain patterns, with a mark at each share that the settings want."""
    groups = [(name, _rows(figures, name)) for name in ("kind", "chain pattern")]
    figure, axes = _axes([max(1, len(rows)) for _, rows in groups])
    for (name, rows), subplot in zip(groups, axes, strict=True):
        rows_bottom_up = list(reversed(rows))
        labels = [row.item.replace("_", " ") for row in rows_bottom_up]
        bars = subplot.barh(labels, [100 * row.value for row in rows_bottom_up], color=_DONE)
        subplot.bar_label(bars, padding=8, fontsize=7, fmt="%.1f")
        wanted_shares = [
            (index, 100 * row.wanted) for index, row in enumerate(rows_bottom_up) if row.wanted is not None
        ]
        if wanted_shares:
            marks = [share for _, share in wanted_shares], [index for index, _ in wanted_shares]
            subplot.scatter(*marks, marker="|", s=160, linewidths=2, color=_WANTED, zorder=3, label="wanted")
            subplot.legend(fontsize=7, frameon=False, loc="lower right")
        _plain(subplot, f"{name}, % of conversations")
        subplot.margins(x=0.14)
    figure.suptitle(title, fontsize=9, x=0.01, ha="left")
    return _png(figure)


def shape_plot(figures: Sequence[QualityFigure], title: str) -> bytes:
    """Draws how many conversations have each number of user turns, and each number of calls."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 2.4), layout="constrained")
    FigureCanvasAgg(figure)
    for subplot, name in zip(figure.subplots(1, 2, sharey=True), ("user turns", "calls"), strict=True):
        rows = _rows(figures, f"conversations by {name}")
        bars = subplot.bar([int(row.item) for row in rows], [row.part or 0 for row in rows], color=_DONE)
        subplot.bar_label(bars, fontsize=6)
        subplot.set_xticks([int(row.item) for row in rows])
        _plain(subplot, f"conversations by {name}")
    figure.suptitle(title, fontsize=9, x=0.01, ha="left")
    return _png(figure)


def _rows(figures: Sequence[QualityFigure], name: str) -> list[QualityFigure]:
    """Returns the rows of one figure."""
    return [figure for figure in figures if figure.figure == name]


def _axes(heights: Sequence[int]) -> tuple[Any, Any]:
    """Creates subplots below one another, as high as their numbers of bars."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 1.2 + 0.24 * sum(heights)), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(len(heights), 1, height_ratios=[height + 0.6 for height in heights])


def _plain(place: Any, title: str) -> None:
    """Sets a small title, and removes the frame at the top and on the right."""
    place.set_title(title, fontsize=8, loc="left")
    place.tick_params(labelsize=7)
    place.spines[["top", "right"]].set_visible(False)


def _png(figure: Any) -> bytes:
    """Renders a picture; without the name of the software, so that equal pictures are equal bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100, metadata={"Software": None})
    return buffer.getvalue()
