"""Verdicts on the turns of a conversation, and which messages a trainer should learn from.

A turn is a user message and everything up to the next one. A bad turn need not cost the conversation: it stays as
context, and its assistant messages are masked from the loss.

>>> bad = TurnVerdict(turn=1, ok=False, score=2, reason="", first=2, last=3)
>>> select_trainable_messages(["user", "assistant", "user", "assistant", "user", "assistant"], [bad])
[1, 5]
"""

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from funcdex_assets.records.conversation import Finding
from funcdex_assets.records.message import Message
from funcdex_assets.records.verdict import TurnScore, TurnVerdict

NOT_TO_BE_LEARNED = frozenset(("early_retry", "uneven_treatment", "held_back_calls", "half_interval"))
"""Rules about what the assistant does that do not block a conversation, and make their turn unfit to learn from."""


def split_into_turns(roles: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yields (first, last) message of each turn; messages before the first user message belong to none."""
    starts = [index for index, role in enumerate(roles) if role == "user"]
    return zip(starts, [*(start - 1 for start in starts[1:]), len(roles) - 1], strict=True)


def judge_turns(
    messages: Sequence[Message], findings: Sequence[Finding], scores: Sequence[TurnScore] = ()
) -> tuple[TurnVerdict, ...]:
    """Returns one verdict per turn, from the judge's score if there is one and from the findings at its messages.

    A blocking finding makes a turn bad whatever the judge says, and so does one of `NOT_TO_BE_LEARNED`. A finding
    without a message belongs to no turn.
    """
    judged = {score.turn: score for score in scores}
    verdicts = []
    for turn, (first, last) in enumerate(split_into_turns([message.role for message in messages])):
        turn_findings = [
            finding for finding in findings if finding.message is not None and first <= finding.message <= last
        ]
        blocking = [finding for finding in turn_findings if finding.blocking]
        rule_score = max(1, 5 - 2 * len(blocking) - (len(turn_findings) - len(blocking)))
        judge_score = judged.get(turn)
        score = min(rule_score, judge_score.score) if judge_score else rule_score
        is_to_be_learned = not any(finding.rule in NOT_TO_BE_LEARNED for finding in turn_findings)
        ok = not blocking and is_to_be_learned and (judge_score is None or judge_score.ok)
        reasons = [
            f"{finding.rule}: {finding.text}"
            for finding in (*blocking, *(finding for finding in turn_findings if not finding.blocking))
        ]
        if judge_score:
            reasons.append(judge_score.reason)
        verdicts.append(TurnVerdict(turn=turn, ok=ok, score=score, reason="; ".join(reasons), first=first, last=last))
    return tuple(verdicts)


def shift_verdicts(verdicts: Sequence[TurnVerdict], by: int) -> tuple[TurnVerdict, ...]:
    """Shifts the message indices of verdicts by the number of messages put first, such as a system prompt."""
    return tuple(replace(verdict, first=verdict.first + by, last=verdict.last + by) for verdict in verdicts)


def select_trainable_messages(roles: Sequence[str], verdicts: Sequence[TurnVerdict]) -> list[int]:
    """Returns the indices of the assistant messages outside bad turns."""
    bad = {index for verdict in verdicts if not verdict.ok for index in range(verdict.first, verdict.last + 1)}
    return [index for index, role in enumerate(roles) if role == "assistant" and index not in bad]
