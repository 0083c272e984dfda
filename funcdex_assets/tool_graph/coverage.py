"""What chains have used so far, and the pull towards what they have not.

Here belongs counting: within a night, over nights, and as figures. A night is a seed; the memory numbers them
as they come and looks back at lower numbers only, so that making a night again draws the same chains,
whatever came after.

>>> from funcdex_assets.records import ChainStep
>>> coverage = Coverage()
>>> coverage.count((ChainStep(tool="LIST", bindings=()),), "sequential")
>>> coverage.scarcity("LIST") < coverage.scarcity("GET")
True
"""

from collections import Counter
from collections.abc import Sequence
from math import log2
from pathlib import Path

import msgspec

from funcdex_assets.records.tool import ChainStep
from funcdex_assets.storage.atomic_files import replace_file

TOOL_PULL = 1.5
EDGE_PULL = 0.25
"""Powers of one plus how often it was drawn. Edges are many, and follow from the tools for the most part."""


class Coverage(msgspec.Struct):
    """How often each tool, each pair of tools of which the second uses the first one's result, and each pattern
    was drawn. A pair is written `FIRST>SECOND`.
    """

    tools: Counter[str] = msgspec.field(default_factory=Counter)
    edges: Counter[str] = msgspec.field(default_factory=Counter)
    patterns: Counter[str] = msgspec.field(default_factory=Counter)

    def count(self, steps: Sequence[ChainStep], pattern: str) -> None:
        self.tools.update(step.tool for step in steps)
        self.edges.update({f"{steps[binding.step].tool}>{step.tool}" for step in steps for binding in step.bindings})
        self.patterns[pattern] += 1

    def add(self, other: "Coverage") -> None:
        self.tools.update(other.tools)
        self.edges.update(other.edges)
        self.patterns.update(other.patterns)

    def scarcity(self, tool: str, sources: Sequence[str] = ()) -> float:
        """In (0, 1]: how much a tool should be drawn next, after one of the `sources` whose results it uses."""
        weight = (1 + self.tools[tool]) ** -TOOL_PULL
        if sources:
            weight *= max((1 + self.edges[f"{source}>{tool}"]) ** -EDGE_PULL for source in sources)
        return weight


class _Night(msgspec.Struct):
    seed: int
    tools: dict[str, int]
    edges: dict[str, int]
    patterns: dict[str, int]


class CoverageMemory:
    """The nights of each partition, in one JSON file each; a write replaces the file at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)

    def before(self, partition: str, seed: int) -> Coverage:
        """All nights that came before this one; before a new one, all that there are."""
        total = Coverage()
        for night in self._nights(partition):
            if night.seed == seed:
                break
            total.add(Coverage(Counter(night.tools), Counter(night.edges), Counter(night.patterns)))
        return total

    def replace(self, partition: str, seed: int, coverage: Coverage) -> None:
        """Remembers a night in its place, or as the latest."""
        nights = self._nights(partition)
        fresh_night = _Night(seed, coverage.tools, coverage.edges, coverage.patterns)
        place = next((place for place, night in enumerate(nights) if night.seed == seed), len(nights))
        nights[place : place + 1] = [fresh_night]
        replace_file(self._path(partition), msgspec.json.encode(nights))

    def _nights(self, partition: str) -> list[_Night]:
        path = self._path(partition)
        if not path.exists():
            return []
        try:
            return msgspec.json.decode(path.read_bytes(), type=list[_Night])
        except msgspec.DecodeError as error:
            raise ValueError(f"{path} cannot be read: {error}; remove it to begin anew") from None

    def _path(self, partition: str) -> Path:
        return self.folder / f"{partition}.json"


def entropy(counts: Counter[str]) -> float:
    """In bits; the highest where all are drawn alike. 0 for nothing.

    >>> entropy(Counter(a=2, b=2)), entropy(Counter(a=4))
    (1.0, 0.0)
    """
    total = counts.total()
    return sum(-count / total * log2(count / total) for count in counts.values() if count) + 0.0


def evenness(counts: Counter[str], kinds: int) -> float:
    """The entropy as a share of the highest that so many kinds can have.

    >>> evenness(Counter(a=1, b=1), kinds=4)
    0.5
    """
    return entropy(counts) / log2(kinds) if kinds > 1 else 1.0


def variation(counts: Counter[str], kinds: int) -> float:
    """The coefficient of variation (standard deviation by mean) over all kinds, those never drawn included.

    >>> round(variation(Counter(a=3, b=1), kinds=2), 3)
    0.5
    """
    if not kinds or not counts.total():
        return 0.0
    mean = counts.total() / kinds
    squares = sum((count - mean) ** 2 for count in counts.values()) + (kinds - len(counts)) * mean**2
    return (squares / kinds) ** 0.5 / mean
