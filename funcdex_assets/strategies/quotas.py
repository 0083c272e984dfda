"""Fills exact quotas: makes conversations until each cell has as many accepted ones as its target, or no plan is left.

A cell is a kind on one side of the split. Each round makes as many conversations of a cell as it still lacks. One that
is rejected is played again first, told what was wrong; only then it costs a plan of the reserve. When a side of a kind
has no plans left, those of its other side fill up. Belongs here: the counting. How a conversation is made, judged and
played again is handed in.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from funcdex_assets.dialogue.participants import Participants
from funcdex_assets.judging.selection import name_reason
from funcdex_assets.records.conversation import Conversation
from funcdex_assets.records.labels import Kind

Cell = tuple[Kind, bool]


@dataclass
class KindTally:
    """The counts of one kind: how many conversations it wants, how many were accepted, tried and planned.

    `replayed` of those that were tried were played again, and `rescued` of these accepted then. `reasons` counts why
    conversations were rejected in the end, `first_reasons` why they were at the first try.
    """

    target: int
    accepted: int = 0
    tried: int = 0
    planned: int = 0
    replayed: int = 0
    rescued: int = 0
    first_reasons: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def missing_count(self) -> int:
        """The number of conversations that the kind still lacks."""
        return self.target - self.accepted

    def explain_shortfall(self) -> str:
        """Says why the kind's quota is not filled, and what to do; '' if it is filled."""
        if not self.missing_count:
            return ""
        if self.planned < self.target:
            return f"only {self.planned} plans could be made; raise generation.oversample, or add tools"
        most = ", ".join(f"{reason} {count}" for reason, count in self.reasons.most_common(3))
        return f"{self.tried - self.accepted} of {self.tried} were rejected ({most}); raise generation.reserve"


class Try(NamedTuple):
    """A conversation made from the plan of its participants, and the reasons against it."""

    participants: Participants
    conversation: Conversation
    reasons: Sequence[str]

    @property
    def can_be_replayed(self) -> bool:
        """True if it was rejected for what is in it; one that failed has used up attempts of its own."""
        return self.conversation.failure is None


PlayAgain = Callable[[Sequence[Try], int], Awaitable[list[Conversation]]]
"""Makes the conversations of some rejected tries once more; the number says for the how manyth time, from 1."""
FilledQuotas = tuple[list[Conversation], dict[Kind, KindTally]]


async def fill_quotas(
    all_participants: Sequence[Participants],
    targets: Mapping[Cell, int],
    make_conversations: Callable[[Sequence[Participants]], Awaitable[list[Conversation]]],
    find_objections: Callable[[Sequence[Conversation]], Awaitable[Sequence[Sequence[str]]]],
    play_again: PlayAgain | None = None,
    replays: int = 0,
) -> FilledQuotas:
    """Makes conversations until the quotas are filled or the plans used up; returns all that were made, accepted or
    not, in the order of their plans, and the tally of each kind.

    `targets` are the numbers wanted by cell. `find_objections` gives the reasons against each conversation; one without
    any is accepted. `play_again` makes each of some rejected conversations once more, up to `replays` times.
    """
    queues: dict[Cell, list[Participants]] = {cell: [] for cell in targets}
    for participants in all_participants:
        queues.setdefault(_find_cell(participants), []).append(participants)
    tallies: dict[Kind, KindTally] = {kind: KindTally(0) for kind, _ in targets}
    for (kind, _), count in targets.items():
        tallies[kind].target += count
    for (kind, _), plans in queues.items():
        if kind in tallies:
            tallies[kind].planned += len(plans)
    lacking = Counter(targets)
    conversation_by_plan: dict[str, Conversation] = {}
    while batch := _take_next_batch(queues, lacking):
        conversations = await make_conversations(batch)
        tries = [Try(*one) for one in zip(batch, conversations, await find_objections(conversations), strict=True)]
        for one in tries:
            tallies[one.participants.plan.kind].first_reasons.update(map(name_reason, one.reasons))
        final_tries = await _replay_rejected(tries, tallies, find_objections, play_again, replays)
        for participants, conversation, reasons in final_tries:
            conversation_by_plan[participants.plan.plan_id] = conversation
            tally = tallies[participants.plan.kind]
            tally.tried += 1
            if reasons:
                tally.reasons.update(map(name_reason, reasons))
                continue
            tally.accepted += 1
            cell = _find_cell(participants)
            lacking[cell if lacking[cell] > 0 else (cell[0], not cell[1])] -= 1
    return [
        conversation_by_plan[participants.plan.plan_id]
        for participants in all_participants
        if participants.plan.plan_id in conversation_by_plan
    ], tallies


async def _replay_rejected(
    tries: Sequence[Try],
    tallies: Mapping[Kind, KindTally],
    find_objections: Callable[[Sequence[Conversation]], Awaitable[Sequence[Sequence[str]]]],
    play_again: PlayAgain | None,
    replays: int,
) -> list[Try]:
    """Plays what was rejected again; returns for each the accepted try, or the last one."""
    latest = list(tries)
    for number in range(1, replays + 1):
        places = [at for at, one in enumerate(latest) if one.reasons and one.can_be_replayed]
        if play_again is None or not places:
            break
        conversations = await play_again([latest[at] for at in places], number)
        for at, conversation, reasons in zip(places, conversations, await find_objections(conversations), strict=True):
            tally = tallies[latest[at].participants.plan.kind]
            tally.replayed += number == 1
            tally.rescued += not reasons
            latest[at] = Try(latest[at].participants, conversation, reasons)
    return latest


def _take_next_batch(queues: Mapping[Cell, list[Participants]], lacking: Mapping[Cell, int]) -> list[Participants]:
    """Takes the plans of the next round off the queues: of each cell as many as it lacks."""
    batch: list[Participants] = []
    for (kind, held_out), lacking_count in lacking.items():
        cells_to_draw_from: tuple[Cell, Cell] = (kind, held_out), (kind, not held_out)
        for cell in cells_to_draw_from:
            queue = queues.get(cell, [])
            next_in_queue = queue[: max(0, lacking_count)]
            del queue[: len(next_in_queue)]
            batch += next_in_queue
            lacking_count -= len(next_in_queue)
    return batch


def _find_cell(participants: Participants) -> Cell:
    """Returns the cell that a conversation counts for: its kind, and whether its scenario is held out for the test
    split.
    """
    return participants.plan.kind, participants.situation.scenario.held_out
