"""Pictures of a quality report, as PNG bytes: the mix beside what is wanted, and how long conversations are."""

import io
from collections.abc import Sequence
from typing import Any

from funcdex_assets.records import QualityFigure

_DONE, _WANTED = "#4f7cac", "#c9772b"


def mix_plot(figures: Sequence[QualityFigure], title: str) -> bytes:
    """Shares of kinds and of chain patterns; a mark where the settings want a share."""
    groups = [(name, _rows(figures, name)) for name in ("kind", "chain pattern")]
    figure, axes = _axes([max(1, len(rows)) for _, rows in groups])
    for (name, rows), place in zip(groups, axes, strict=True):
        shown = list(reversed(rows))
        labels = [row.item.replace("_", " ") for row in shown]
        bars = place.barh(labels, [100 * row.value for row in shown], color=_DONE)
        place.bar_label(bars, padding=8, fontsize=7, fmt="%.1f")
        wanted = [(index, 100 * row.wanted) for index, row in enumerate(shown) if row.wanted is not None]
        if wanted:
            marks = [share for _, share in wanted], [index for index, _ in wanted]
            place.scatter(*marks, marker="|", s=160, linewidths=2, color=_WANTED, zorder=3, label="wanted")
            place.legend(fontsize=7, frameon=False, loc="lower right")
        _plain(place, f"{name}, % of conversations")
        place.margins(x=0.14)
    figure.suptitle(title, fontsize=9, x=0.01, ha="left")
    return _png(figure)


def shape_plot(figures: Sequence[QualityFigure], title: str) -> bytes:
    """How many conversations have how many user turns, and how many calls."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 2.4), layout="constrained")
    FigureCanvasAgg(figure)
    for place, name in zip(figure.subplots(1, 2, sharey=True), ("user turns", "calls"), strict=True):
        rows = _rows(figures, f"conversations by {name}")
        bars = place.bar([int(row.item) for row in rows], [row.part or 0 for row in rows], color=_DONE)
        place.bar_label(bars, fontsize=6)
        place.set_xticks([int(row.item) for row in rows])
        _plain(place, f"conversations by {name}")
    figure.suptitle(title, fontsize=9, x=0.01, ha="left")
    return _png(figure)


def _rows(figures: Sequence[QualityFigure], name: str) -> list[QualityFigure]:
    return [one for one in figures if one.figure == name]


def _axes(heights: Sequence[int]) -> tuple[Any, Any]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 1.2 + 0.24 * sum(heights)), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(len(heights), 1, height_ratios=[height + 0.6 for height in heights])


def _plain(place: Any, title: str) -> None:
    place.set_title(title, fontsize=8, loc="left")
    place.tick_params(labelsize=7)
    place.spines[["top", "right"]].set_visible(False)


def _png(figure: Any) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100, metadata={"Software": None})
    return buffer.getvalue()
