"""Records of what a model did badly, by which the next night is steered: figures, and the weights that follow.

Belongs here: the records alone. How figures become weights belongs to `tool_graph/feedback`; which night uses which
figures to `orchestration/feedback`.

>>> name_argument_form("set_heat", ["degrees", "room"])
'set_heat(degrees, room)'
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from funcdex_assets.records.record import Record

Aspect = Literal["tool", "kind", "argument_form"]
"""A figure is about the calls of a tool, the items of a kind, or the calls of a tool with certain arguments."""


class Weakness(Record, frozen=True):
    """How well a model did on the items of one tool, kind or argument form of a partition: `match` is the share of
    `items` that it got wholly right, 0 to 1. An argument form is named as by `name_argument_form`.
    """

    partition: str
    aspect: Aspect
    name: str
    match: float
    items: int


@dataclass(frozen=True)
class AspectWeights:
    """How many times as readily each name is drawn; `others` is for names without a figure of their own."""

    by_name: Mapping[str, float] = field(default_factory=dict)
    others: float = 1.0

    @property
    def is_even(self) -> bool:
        """True if nothing is known, so that nothing is weighed."""
        return not self.by_name

    def weigh(self, name: str) -> float:
        return self.by_name.get(name, self.others)


EVEN_WEIGHTS = AspectWeights()


def name_argument_form(tool: str, arguments: Iterable[str]) -> str:
    """Names the form of a call: its tool and the names of the arguments that are given, in alphabetical order."""
    return f"{tool}({', '.join(sorted(arguments))})"
