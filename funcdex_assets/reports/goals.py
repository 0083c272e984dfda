"""The goals of a dataset: which figures should reach or not exceed which value, and which of them do.

Add a goal here when a figure of `shortcuts.py` has a value beyond which models are seen to learn the shortcut. A goal
stops nothing: a dataset that misses one is published, and the miss is told.

>>> bag_of_words = QualityFigure(section="shortcuts", figure=BAG_OF_WORDS, value=0.74, part=74, whole=100)
>>> is_goal_met(bag_of_words), describe_missed_goals([bag_of_words])
(False, 'Missed: bag of words, single-call turns 74.0 % (goal ≤ 60.0 %).')
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from funcdex_assets.records.figures import QualityFigure
from funcdex_assets.reports.shortcuts import (
    BAG_OF_WORDS,
    BOOLEANS_FILLED,
    COMMONEST_VERDICT,
    FEW_TOOLS,
    NORMALISED,
    QUOTED,
    SECTION,
    TURNS_IN_TRAIN,
)


@dataclass(frozen=True)
class Goal:
    """A bound that a share should keep; `key` is the name of the figure in Dagster."""

    key: str
    bound: Literal["≥", "≤"]
    value: float

    def describe(self) -> str:
        return f"{self.bound} {format_share(self.value)}"


GOALS = {
    BOOLEANS_FILLED: Goal("booleans_filled", "≥", 0.10),  # a model that never sees one set never sets one
    NORMALISED: Goal("calls_normalised", "≥", 0.45),  # sets that people wrote: 39 and 50 %
    QUOTED: Goal("strings_in_quotes", "≤", 0.20),  # sets that people wrote: 7 and 16 %
    BAG_OF_WORDS: Goal("bag_of_words", "≤", 0.60),  # .83 where a request names its tool
    TURNS_IN_TRAIN: Goal("test_turns_in_train", "≤", 0.03),
    FEW_TOOLS: Goal("few_tools_mean_decline", "≤", 0.15),  # about the share of declines in the mix
    COMMONEST_VERDICT: Goal("commonest_verdict", "≤", 0.97),  # a verdict that is always the same says nothing
}
"""By figure, in the order of the report."""


def find_goal(figure: QualityFigure) -> Goal | None:
    return GOALS.get(figure.figure) if figure.section == SECTION else None


def is_goal_met(figure: QualityFigure) -> bool | None:
    """Returns True if the figure keeps its goal; None if it has none, or was not measured."""
    goal = find_goal(figure)
    if goal is None or not figure.whole:
        return None
    return figure.value >= goal.value if goal.bound == "≥" else figure.value <= goal.value


def compare_with_goal(figure: QualityFigure) -> list[str]:
    """Gives the goal, and whether it is met; a dash where a figure with a goal was not measured."""
    goal = find_goal(figure)
    if goal is None:
        return ["", ""]
    return [goal.describe(), {True: "yes", False: "no", None: "–"}[is_goal_met(figure)]]


def list_missed(figures: Sequence[QualityFigure]) -> list[QualityFigure]:
    """Lists the figures that miss their goal."""
    return [figure for figure in figures if is_goal_met(figure) is False]


def describe_missed_goals(figures: Sequence[QualityFigure]) -> str:
    """Names the missed goals in a sentence, with figure and goal."""
    missed = [
        f"{figure.figure} {format_share(figure.value)} (goal {GOALS[figure.figure].describe()})"
        for figure in list_missed(figures)
    ]
    if missed:
        return f"Missed: {'; '.join(missed)}."
    measured = sum(is_goal_met(figure) is not None for figure in figures)
    return f"All {measured} measured goals are met." if measured else "No goal could be measured."


def format_share(share: float) -> str:
    """Formats a share in percent: `12.5 %`."""
    return f"{share:.1%}".replace("%", " %")
