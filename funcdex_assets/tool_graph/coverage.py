"""Counts which tools, edges and patterns were drawn so far, and weighs those that were drawn less as scarcer.

Belongs here: counting within a night and over nights, and figures of evenness. Drawing chains belongs to `chains`.
A night is a seed; the store keeps nights in the order in which they came and adds up the earlier ones only, so that
making a night again draws the same chains, whatever came after.

>>> from funcdex_assets.records.tool import ChainStep
>>> coverage = Coverage()
>>> coverage.count_chain((ChainStep(tool="LIST", bindings=()),), "sequential")
>>> coverage.weigh_scarcity("LIST") < coverage.weigh_scarcity("GET")
True
"""

from collections import Counter
from collections.abc import Sequence
from math import log2
from pathlib import Path

import msgspec

from funcdex_assets.records.feedback import Weakness
from funcdex_assets.records.tool import ChainStep
from funcdex_assets.storage.atomic_files import replace_file

TOOL_PULL = 1.5
EDGE_PULL = 0.25
"""Negative powers of one plus the number of draws.

That of edges is small because there are many of them, and most follow from the tools that are drawn.
"""


class Coverage(msgspec.Struct):
    """The number of draws of each tool, of each edge between two tools, and of each pattern.

    An edge, where the second tool uses the first one's result, is written `FIRST>SECOND`.
    """

    tools: Counter[str] = msgspec.field(default_factory=Counter)
    edges: Counter[str] = msgspec.field(default_factory=Counter)
    patterns: Counter[str] = msgspec.field(default_factory=Counter)

    def count_chain(self, steps: Sequence[ChainStep], pattern: str) -> None:
        """Counts the tools, edges and pattern of one chain."""
        self.tools.update(step.tool for step in steps)
        self.edges.update({f"{steps[binding.step].tool}>{step.tool}" for step in steps for binding in step.bindings})
        self.patterns[pattern] += 1

    def add_counts(self, coverage: "Coverage") -> None:
        """Adds the counts of another coverage to this one."""
        self.tools.update(coverage.tools)
        self.edges.update(coverage.edges)
        self.patterns.update(coverage.patterns)

    def weigh_scarcity(self, tool: str, sources: Sequence[str] = ()) -> float:
        """Weighs a tool, in (0, 1], after one of the `sources` whose results it uses; 1 if it was never drawn."""
        weight = (1 + self.tools[tool]) ** -TOOL_PULL
        if sources:
            weight *= max((1 + self.edges[f"{source}>{tool}"]) ** -EDGE_PULL for source in sources)
        return weight


class _Night(msgspec.Struct, omit_defaults=True):
    """`feedback` are the figures that the night was steered by; None if it was not."""

    seed: int
    tools: dict[str, int]
    edges: dict[str, int]
    patterns: dict[str, int]
    feedback: tuple[Weakness, ...] | None = None


class CoverageStore:
    """Stores the nights of each partition in one JSON file; a write replaces the file atomically."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)

    def sum_earlier_nights(self, partition: str, seed: int) -> Coverage:
        """Adds up the nights that came before this one; all nights if this one is new."""
        total = Coverage()
        for night in self._read_nights(partition):
            if night.seed == seed:
                break
            total.add_counts(Coverage(Counter(night.tools), Counter(night.edges), Counter(night.patterns)))
        return total

    def load_feedback(self, partition: str, seed: int) -> tuple[Weakness, ...] | None:
        """Returns the figures that a night was steered by; None if it was not, or if there is no such night."""
        return next((night.feedback for night in self._read_nights(partition) if night.seed == seed), None)

    def replace_night(
        self, partition: str, seed: int, coverage: Coverage, feedback: tuple[Weakness, ...] | None = None
    ) -> None:
        """Stores a night in place of the one of the same seed, or as the latest."""
        nights = self._read_nights(partition)
        fresh_night = _Night(seed, coverage.tools, coverage.edges, coverage.patterns, feedback)
        position = next((index for index, night in enumerate(nights) if night.seed == seed), len(nights))
        nights[position : position + 1] = [fresh_night]
        replace_file(self._locate_file(partition), msgspec.json.encode(nights))

    def list_partitions(self) -> list[str]:
        """Lists the partitions of which nights are stored, by name."""
        return sorted(path.stem for path in self.folder.glob("*.json"))

    def count_obsolete_nights(self, partition: str, keep: int) -> tuple[int, int]:
        """Counts the nights before the `keep` latest ones, and their bytes."""
        nights = self._read_nights(partition)[:-keep]
        return len(nights), sum(len(msgspec.json.encode(night)) for night in nights)

    def forget_nights(self, partition: str, keep: int) -> None:
        """Forgets all but the `keep` latest nights: steering no longer knows what was drawn in them."""
        nights = self._read_nights(partition)
        if len(nights) > keep:
            replace_file(self._locate_file(partition), msgspec.json.encode(nights[-keep:]))

    def _read_nights(self, partition: str) -> list[_Night]:
        path = self._locate_file(partition)
        if not path.exists():
            return []
        try:
            return msgspec.json.decode(path.read_bytes(), type=list[_Night])
        except msgspec.DecodeError as error:
            raise ValueError(f"{path} cannot be read: {error}; remove it to begin anew") from None

    def _locate_file(self, partition: str) -> Path:
        return self.folder / f"{partition}.json"


def entropy(counts: Counter[str]) -> float:
    """Returns the entropy in bits, which is highest if all are drawn equally often; 0 for no counts.

    >>> entropy(Counter(a=2, b=2)), entropy(Counter(a=4))
    (1.0, 0.0)
    """
    total = counts.total()
    return sum(-count / total * log2(count / total) for count in counts.values() if count) + 0.0


def evenness(counts: Counter[str], categories: int) -> float:
    """Returns the entropy as a share of the highest one for that number of categories (Pielou's evenness).

    >>> evenness(Counter(a=1, b=1), categories=4)
    0.5
    """
    return entropy(counts) / log2(categories) if categories > 1 else 1.0


def coefficient_of_variation(counts: Counter[str], categories: int) -> float:
    """Returns the coefficient of variation (standard deviation / mean) over all categories, also those never drawn.

    >>> round(coefficient_of_variation(Counter(a=3, b=1), categories=2), 3)
    0.5
    """
    if not categories or not counts.total():
        return 0.0
    mean = counts.total() / categories
    squares = sum((count - mean) ** 2 for count in counts.values()) + (categories - len(counts)) * mean**2
    return (squares / categories) ** 0.5 / mean
