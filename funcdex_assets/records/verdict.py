"""Records of the judgement of a conversation: scores, verdicts and the selection."""

from collections.abc import Collection
from math import floor
from typing import Annotated

import msgspec

from funcdex_assets.records.conversation import Finding
from funcdex_assets.records.record import Record

Score = Annotated[int, msgspec.Meta(ge=1, le=5)]


class TurnScore(Record, frozen=True, forbid_unknown_fields=False):
    """What a judge says of one turn, counted from 0: a user message and all that follows to the next one."""

    turn: int
    reason: str
    score: Score
    ok: bool


class Evidence(Record, frozen=True, forbid_unknown_fields=False):
    """A fault that a judge names, with the message (from 0) that shows it and a quote from that message.

    `fault` is one of `judging.evidence.FAULTS`, or "other".
    """

    fault: str
    message: int
    quote: str


class Verdict(Record, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """A judge's scores, 1 (bad) to 5 (excellent), with the evidence and the reasoning that led to them, and its word on
    the turns.

    What a model says beyond them is overlooked: the verdict is there. The heuristic names no evidence: its findings
    are in the record of the conversation.
    """

    evidence: tuple[Evidence, ...] = ()
    reasoning: str
    user_query_clarity: Score
    tool_use_quality: Score
    naturalness: Score
    task_completion: Score
    turns: tuple[TurnScore, ...] = ()


class TurnVerdict(Record, frozen=True):
    """The verdict whether turn `turn`, messages `first` to `last` (included), is fit to train on, with the reason.

    `score` is 1 to 5. A turn that is not `ok` stays in the conversation; a trainer masks its assistant messages.
    """

    turn: int
    ok: bool
    score: int
    reason: str
    first: int
    last: int


HIGHEST_SCORE = 5
SCALES = ("user_query_clarity", "tool_use_quality", "naturalness", "task_completion")


def compute_overall(scores: Collection[int]) -> float:
    """Computes the mean of the scores to one decimal place, halves upwards.

    >>> compute_overall((5, 5, 4, 5)), compute_overall((4, 4, 4, 5))
    (4.8, 4.3)
    """
    return floor(10 * sum(scores) / len(scores) + 0.5) / 10


class ScaleScores(Record, frozen=True):
    """The four scores of one answer of a judge."""

    user_query_clarity: int
    tool_use_quality: int
    naturalness: int
    task_completion: int


class MemberVerdict(Record, frozen=True):
    """The verdict of one judge on a conversation; if the judge gave none, `failure` says why.

    `failure` is the kind of `inference.protocol.InferenceError`: unreadable, context or refusal. `evidence` are the
    faults whose quote stands in the message that they name, and `unsupported_evidence` counts the others. `rejects`
    says whether this judge alone would have rejected the conversation. A judge that answered in both orders has the
    scores of each answer in `orders`, the usual order first.
    """

    judge: str
    user_query_clarity: int | None = None
    tool_use_quality: int | None = None
    naturalness: int | None = None
    task_completion: int | None = None
    reasoning: str | None = None
    failure: str | None = None
    evidence: tuple[Evidence, ...] = ()
    unsupported_evidence: int = 0
    rejects: bool | None = None
    orders: tuple[ScaleScores, ...] = ()


class ScoredConversation(Record, frozen=True):
    """A conversation's findings, and the scores of the judge `judge`, or of several, separated by commas.

    Where there is no verdict (the conversation failed, the judge made nothing of it, a rule failed on it), judge,
    scores and reasoning are null, and a finding says why. Of a committee, scores are medians of those of its `members`,
    and `disagreement` is the widest spread between them on any scale. A model that judges alone is the only member; the
    heuristic alone has none. `heuristic` is what the heuristic would have said where only models judge: it is compared
    with them and counts for nothing.
    """

    conversation_id: str
    judge: str | None
    user_query_clarity: int | None
    tool_use_quality: int | None
    naturalness: int | None
    task_completion: int | None
    reasoning: str | None
    findings: tuple[Finding, ...]
    turns: tuple[TurnVerdict, ...] = ()
    disagreement: int | None = None
    members: tuple[MemberVerdict, ...] = ()
    heuristic: MemberVerdict | None = None


class SelectedConversation(Record, frozen=True):
    """An accepted conversation, or a rejected one with the reasons.

    `dml` is its text; of a rejected one that failed, the faulty text as it was written.
    """

    conversation_id: str
    reasons: tuple[str, ...]
    tool_use_quality: int | None
    dml: str
    turns: tuple[TurnVerdict, ...] = ()
