"""Verdicts on the turns of a conversation, and which messages a trainer should learn from.

A turn is a user message and all that follows to the next one. A bad one need not cost the conversation: it stays as
context, and its assistant messages are masked from the loss.

>>> bad = TurnVerdict(turn=1, ok=False, score=2, reason="", first=2, last=3)
>>> train_on(["user", "assistant", "user", "assistant", "user", "assistant"], [bad])
[1, 5]
"""

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from funcdex_assets.records.conversation import Finding
from funcdex_assets.records.message import Message
from funcdex_assets.records.verdict import TurnScore, TurnVerdict


def turns_of(roles: Sequence[str]) -> Iterator[tuple[int, int]]:
    """(first, last) message of each turn; what comes before the first user message is in none."""
    starts = [index for index, role in enumerate(roles) if role == "user"]
    return zip(starts, [*(start - 1 for start in starts[1:]), len(roles) - 1], strict=True)


def turn_verdicts(
    messages: Sequence[Message], findings: Sequence[Finding], scores: Sequence[TurnScore] = ()
) -> tuple[TurnVerdict, ...]:
    """One verdict per turn: the judge's, where it gave one, and what the rules found at its messages.

    A blocking finding makes a turn bad whatever the judge says. A finding without a place is of no turn.
    """
    judged = {score.turn: score for score in scores}
    verdicts = []
    for turn, (first, last) in enumerate(turns_of([message.role for message in messages])):
        here = [one for one in findings if one.message is not None and first <= one.message <= last]
        blocking = [one for one in here if one.blocking]
        own = max(1, 5 - 2 * len(blocking) - (len(here) - len(blocking)))
        said = judged.get(turn)
        score = min(own, said.score) if said else own
        ok = not blocking and (said is None or said.ok)
        reasons = [f"{one.rule}: {one.text}" for one in (*blocking, *(one for one in here if not one.blocking))]
        if said:
            reasons.append(said.reason)
        verdicts.append(TurnVerdict(turn=turn, ok=ok, score=score, reason="; ".join(reasons), first=first, last=last))
    return tuple(verdicts)


def moved(verdicts: Sequence[TurnVerdict], by: int) -> tuple[TurnVerdict, ...]:
    """The same where `by` messages were put before the first, such as a system prompt."""
    return tuple(replace(one, first=one.first + by, last=one.last + by) for one in verdicts)


def train_on(roles: Sequence[str], verdicts: Sequence[TurnVerdict]) -> list[int]:
    """Indices of the assistant messages that are in no bad turn."""
    bad = {index for one in verdicts if not one.ok for index in range(one.first, one.last + 1)}
    return [index for index, role in enumerate(roles) if role == "assistant" and index not in bad]
