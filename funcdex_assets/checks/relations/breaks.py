"""What a relation yields: a result that breaks it."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from funcdex_assets.checks.relations.steps import Step, Transcript


class Break(NamedTuple):
    """A result that breaks a relation: the step, the pointer of the place, and how. What some services do does not
    block.
    """

    step: Step
    pointer: str
    text: str
    blocking: bool = True


Relation = Callable[[Transcript], Iterator[Break]]
