"""Builds the rows of a quality report: shares with their counts, numbers, distributions.

Belongs here: the forms that a figure can have. What is counted is in `figures.py` and the modules that it names.

>>> build_share("paths", "with an error", 1, 4).value
0.25
"""

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from funcdex_assets.records.figures import QualityFigure


def build_share(section: str, figure: str, count: int, total: int, item: str = "") -> QualityFigure:
    """Builds a share; that of nothing has the whole 0, by which readers know that it was not measured."""
    value = count / total if total else 0.0
    return QualityFigure(section=section, figure=figure, item=item, value=value, part=count, whole=total)


def build_number(section: str, figure: str, value: float, item: str = "") -> QualityFigure:
    return QualityFigure(section=section, figure=figure, item=item, value=float(value))


def build_distribution(
    section: str, figure: str, counts: Mapping[Any, int], wanted_shares: Mapping[str, float] | None = None
) -> Iterator[QualityFigure]:
    """Yields a share for each value, the most frequent first; a wanted value that does not occur has a share of 0."""
    wanted_shares = wanted_shares or {}
    total = sum(counts.values())
    names = dict.fromkeys(chain(sorted(counts, key=lambda name: (-counts[name], name)), wanted_shares))
    for name in names:
        count = counts.get(name, 0)
        yield QualityFigure(
            section=section,
            figure=figure,
            item=str(name),
            value=count / total if total else 0.0,
            part=count,
            whole=total,
            wanted=wanted_shares.get(name, 0.0) if wanted_shares else None,
        )
