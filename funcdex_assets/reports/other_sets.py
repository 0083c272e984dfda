"""Figures of other function-calling sets, some of them by people, beside those of a dataset.

Add a set or a figure in `other_sets.yaml`, under the name that the figure has in the report.

>>> describe_others(QualityFigure(section="shortcuts", figure="copied strings in quotes", value=0.3, part=3, whole=10))
'0–32 %, by people 7–16 %'
"""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

import msgspec

from funcdex_assets.records.figures import QualityFigure

_RESOURCE = "other_sets.yaml"


class OtherSet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A set, and the number of its rows that were measured."""

    name: str
    rows: int
    by_people: bool = False

    @property
    def title(self) -> str:
        return f"{self.name} {self.rows}{' (by people)' if self.by_people else ''}"


class OtherFigure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A figure by the name of the set; in percent, or a number."""

    figure: str
    values: Mapping[str, float]
    item: str = ""
    percent: bool = False

    def format_value(self, name: str) -> str:
        value = self.values.get(name)
        return "–" if value is None else f"{value:g} %" if self.percent else f"{value:g}"


class OtherSets(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The contents of the resource."""

    sets: tuple[OtherSet, ...]
    figures: tuple[OtherFigure, ...]


@cache
def load_other_sets() -> OtherSets:
    content = files("funcdex_assets.reports").joinpath(_RESOURCE).read_bytes()
    return msgspec.yaml.decode(content, type=OtherSets)


def find_other_values(figure: QualityFigure) -> dict[str, float]:
    """Finds the values of the same figure, by set; shares as quotients."""
    for other in load_other_sets().figures:
        if (other.figure, other.item) == (figure.figure, figure.item):
            return {name: value / 100 if other.percent else value for name, value in other.values.items()}
    return {}


def describe_others(figure: QualityFigure) -> str:
    """Gives the range of the other sets in a few words; '' if the figure was not measured on them."""
    values = find_other_values(figure)
    if not values:
        return ""
    by_people = [values[each.name] for each in load_other_sets().sets if each.by_people and each.name in values]
    told = f", by people {_describe_range(by_people, figure)}" if by_people else ""
    return _describe_range(list(values.values()), figure) + told


def compare_with_others(figures: Sequence[QualityFigure]) -> list[tuple[QualityFigure, list[str]]]:
    """Lists the figures that were measured on other sets too, each with their values in the order of the sets."""
    by_name = {(figure.figure, figure.item): figure for figure in figures}
    others = load_other_sets()
    return [
        (by_name[other.figure, other.item], [other.format_value(each.name) for each in others.sets])
        for other in others.figures
        if (other.figure, other.item) in by_name
    ]


def _describe_range(values: Sequence[float], figure: QualityFigure) -> str:
    is_percent = figure.whole is not None and not figure.figure.startswith("distinct-")
    ends = [f"{100 * end if is_percent else end:g}" for end in dict.fromkeys((min(values), max(values)))]
    return "–".join(ends) + (" %" if is_percent else "")
