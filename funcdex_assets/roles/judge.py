"""Scores a finished conversation, 1 to 5 on four scales, reasoning first, and says of each turn whether it is good.

Offline, the scores follow from what the rules found and what can be counted (`judging/heuristic`). A verdict outside
the scale is not an answer (`Role.play` asks again). Several judges, perhaps of different models, make a committee; here
belongs how its members agree, too.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from statistics import median_low

import msgspec

from funcdex_assets.dml.render import render_conversation
from funcdex_assets.inference.protocol import InferenceEngine, InferenceError, Sampling
from funcdex_assets.judging.heuristic import judge_conversation
from funcdex_assets.records.conversation import Finding
from funcdex_assets.records.labels import Kind
from funcdex_assets.records.message import Message
from funcdex_assets.records.plan import ConversationPlan
from funcdex_assets.records.seeds import derive_seed
from funcdex_assets.records.tool import Tool
from funcdex_assets.records.verdict import SCALES, MemberVerdict, TurnScore, Verdict
from funcdex_assets.roles.role import Role


@dataclass(frozen=True)
class JudgeBrief:
    """A conversation to be judged: its plan, its messages, the tools on offer and the findings of the rules."""

    plan: ConversationPlan
    messages: Sequence[Message]
    tools: Sequence[Tool]
    findings: tuple[Finding, ...]


def _render_variables(brief: JudgeBrief) -> dict[str, object]:
    """Renders the values of the prompt's variables."""
    return {
        "tools": "\n".join(f"- {tool.name}: {tool.description}" for tool in brief.tools),
        "conversation": render_conversation(brief.messages),
        "findings": "\n".join(f"- {finding.rule}: {finding.text}" for finding in brief.findings) or "- none",
        "turns": sum(message.role == "user" for message in brief.messages),
        "extent": _EXTENTS.get(brief.plan.kind, ""),
    }


_EXTENTS: Mapping[Kind, str] = {
    "single_turn": "; it is meant to have one turn, and is complete when the assistant has made the right call and "
    "told what came of it, has asked for what is missing, or has said that it cannot be done"
}


def _improvise_verdict(brief: JudgeBrief, rng: Random) -> Verdict:  # noqa: ARG001
    """Scores the conversation by what can be counted."""
    return judge_conversation(brief.plan, brief.messages, brief.findings)


ROLE = Role("judge", Verdict, _render_variables, _improvise_verdict, Sampling(temperature=0.0))


@dataclass(frozen=True)
class Seat:
    """A judge of a committee. `number` counts the judges of the same model before it; their seeds differ by it."""

    judge: str
    role: Role[JudgeBrief, Verdict]
    number: int


def seat_committee(engines: Sequence[str], names: Sequence[str | None]) -> tuple[Seat, ...]:
    """Seats the judges of these engines; a judge without a name of its own is called after its engine.

    A judge that is alone with its model is asked at temperature 0; at that, several would all say the same.

    Raises:
        ValueError: two judges have the same name.
    """
    seats: list[Seat] = []
    for member_number, (engine, name) in enumerate(zip(engines, names, strict=True)):
        number = engines[:member_number].count(engine)
        sampling = ROLE.sampling if engines.count(engine) == 1 else Sampling(temperature=0.7)
        judge_name = name or (f"{engine} ({number + 1})" if number else engine)
        if judge_name in {seat.judge for seat in seats}:
            raise ValueError(
                f"judging.committee.{member_number}: another judge is called {judge_name!r}; give one another name"
            )
        seats.append(Seat(judge_name, replace(ROLE, sampling=sampling, member=member_number), number))
    return tuple(seats)


async def ask_committee(
    seats: Sequence[Seat], engine: InferenceEngine, brief: JudgeBrief, *seed: object
) -> tuple[Verdict, int, tuple[MemberVerdict, ...]]:
    """Asks all judges of a committee; returns their agreement as `agree_on_verdict` does, and the verdict of each
    member.

    The verdicts of members are left empty for a single judge. A member that makes nothing of this conversation (its
    answers cannot be read, it refuses, its context is too short) is left out of the agreement.

    Raises:
        InferenceError: no member gives a verdict, or an engine failed: which members were heard must not depend on
            the hour.
    """

    async def ask_member(seat: Seat) -> Verdict | InferenceError:
        try:
            return await seat.role.play(engine, brief, derive_seed(*seed, seat.number))
        except InferenceError as error:
            if error.is_systemic:
                raise
            return error

    answers = await asyncio.gather(*map(ask_member, seats))
    verdicts = [answer for answer in answers if isinstance(answer, Verdict)]
    if not verdicts:
        raise next(answer for answer in answers if isinstance(answer, InferenceError))
    member_verdicts = (
        tuple(_to_member_verdict(seat.judge, answer) for seat, answer in zip(seats, answers, strict=True))
        if len(seats) > 1
        else ()
    )
    return (*agree_on_verdict(verdicts), member_verdicts)


def _to_member_verdict(judge: str, answer: Verdict | InferenceError) -> MemberVerdict:
    """Records what a member of a committee says: its verdict, or the kind of its failure."""
    if isinstance(answer, InferenceError):
        return MemberVerdict(judge=judge, failure=answer.kind)
    return MemberVerdict(judge=judge, **{field: getattr(answer, field) for field in ("reasoning", *SCALES)})


def agree_on_verdict(verdicts: Sequence[Verdict]) -> tuple[Verdict, int]:
    """Returns the verdict of a committee, and its disagreement: the widest spread between members on any scale, 0 to 4.

    Scores are medians, the lower of two. The reasoning is that of the member nearest to them. A turn is good if more
    than half of those who judged it say so.
    """
    medians = {scale: median_low(getattr(verdict, scale) for verdict in verdicts) for scale in SCALES}
    nearest = min(verdicts, key=lambda verdict: sum(abs(getattr(verdict, scale) - medians[scale]) for scale in SCALES))
    scores_by_scale = ([getattr(verdict, scale) for verdict in verdicts] for scale in SCALES)
    spread = max(max(scores) - min(scores) for scores in scores_by_scale)
    return msgspec.structs.replace(nearest, **medians, turns=_agree_on_turns(verdicts)), spread


def _agree_on_turns(verdicts: Sequence[Verdict]) -> tuple[TurnScore, ...]:
    """Returns the median score of each turn that any member judged, and whether most members call the turn good."""
    scores_by_turn: defaultdict[int, list[TurnScore]] = defaultdict(list)
    for verdict in verdicts:
        for score in verdict.turns:
            scores_by_turn[score.turn].append(score)
    agreed_scores = []
    for turn, scores in sorted(scores_by_turn.items()):
        median = median_low(score.score for score in scores)
        is_good = 2 * sum(score.ok for score in scores) > len(scores)
        reason = next((score.reason for score in scores if score.ok == is_good), "")
        agreed_scores.append(TurnScore(turn=turn, reason=reason, score=median, ok=is_good))
    return tuple(agreed_scores)
