"""Exact counts: conversations are made until each cell has as many accepted ones as it wants, or no plan is left.

A cell is a kind on one side of the split. Each round makes as many conversations of a cell as it still lacks; one that
is rejected costs a plan of the reserve. When a side of a kind has no plans left, those of its other side fill up.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from funcdex_assets.dialogue.participants import Cast
from funcdex_assets.records.conversation import Conversation
from funcdex_assets.records.labels import Kind

Cell = tuple[Kind, bool]


@dataclass
class Tally:
    """What became of a kind: `reasons` are why conversations were rejected, the most frequent first."""

    wanted: int
    accepted: int = 0
    tried: int = 0
    planned: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def missing(self) -> int:
        return self.wanted - self.accepted

    def explanation(self) -> str:
        """Why it is not full; '' where it is."""
        if not self.missing:
            return ""
        if self.planned < self.wanted:
            return f"only {self.planned} plans could be made; raise generation.oversample, or add tools"
        most = ", ".join(f"{reason} {count}" for reason, count in self.reasons.most_common(3))
        return f"{self.tried - self.accepted} of {self.tried} were rejected ({most}); raise generation.reserve"


Filled = tuple[list[Conversation], dict[Kind, Tally]]


async def fill(
    casts: Sequence[Cast],
    wanted: Mapping[Cell, int],
    make: Callable[[Sequence[Cast]], Awaitable[list[Conversation]]],
    objections: Callable[[Sequence[Conversation]], Awaitable[Sequence[Sequence[str]]]],
) -> Filled:
    """All conversations that were made, in the order of their plans, and what became of each kind.

    `objections` gives the reasons against each conversation; one without any is accepted.
    """
    queues: dict[Cell, list[Cast]] = {cell: [] for cell in wanted}
    for cast in casts:
        queues.setdefault(_cell(cast), []).append(cast)
    tallies: dict[Kind, Tally] = {kind: Tally(0) for kind, _ in wanted}
    for (kind, _), count in wanted.items():
        tallies[kind].wanted += count
    for (kind, _), plans in queues.items():
        if kind in tallies:
            tallies[kind].planned += len(plans)
    lacking = Counter(wanted)
    made: dict[str, Conversation] = {}
    while batch := _next(queues, lacking):
        conversations = await make(batch)
        against = await objections(conversations)
        for cast, conversation, reasons in zip(batch, conversations, against, strict=True):
            made[cast.plan.plan_id] = conversation
            tally = tallies[cast.plan.kind]
            tally.tried += 1
            if reasons:
                tally.reasons.update(reason.partition(":")[0] for reason in reasons)
                continue
            tally.accepted += 1
            cell = _cell(cast)
            lacking[cell if lacking[cell] > 0 else (cell[0], not cell[1])] -= 1
    return [made[cast.plan.plan_id] for cast in casts if cast.plan.plan_id in made], tallies


def _next(queues: Mapping[Cell, list[Cast]], lacking: Mapping[Cell, int]) -> list[Cast]:
    """The plans of the next round: of each cell as many as it lacks."""
    batch: list[Cast] = []
    for (kind, side), count in lacking.items():
        sides: tuple[Cell, Cell] = (kind, side), (kind, not side)
        for source in sides:
            queue = queues.get(source, [])
            taken = queue[: max(0, count)]
            del queue[: len(taken)]
            batch += taken
            count -= len(taken)
    return batch


def _cell(cast: Cast) -> Cell:
    return cast.plan.kind, cast.situation.scenario.held_out
