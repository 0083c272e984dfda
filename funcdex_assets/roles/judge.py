"""Scores a finished conversation, 1 to 5 on four scales, reasoning first, and says of each turn whether it is good.

Offline, the scores follow from what the rules found and what can be counted (`quality/heuristic.py`). A verdict
outside the scale is not an answer (`Role.play` asks again). Several judges, perhaps of different models, make a
committee.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from statistics import median_low

import msgspec

from funcdex_assets.dml.render import render
from funcdex_assets.inference.protocol import InferenceEngine, InferenceError, Sampling
from funcdex_assets.judging.heuristic import judged
from funcdex_assets.records.conversation import Finding
from funcdex_assets.records.message import Message
from funcdex_assets.records.plan import ConversationPlan
from funcdex_assets.records.seeds import derive_seed
from funcdex_assets.records.tool import Tool
from funcdex_assets.records.verdict import SCALES, MemberVerdict, TurnScore, Verdict
from funcdex_assets.roles.role import ABOUT_THE_SUBJECT, Role


@dataclass(frozen=True)
class JudgeBrief:
    plan: ConversationPlan
    messages: Sequence[Message]
    tools: Sequence[Tool]
    findings: tuple[Finding, ...]


def _variables(brief: JudgeBrief) -> dict[str, object]:
    return {
        "tools": "\n".join(f"- {tool.name}: {tool.description}" for tool in brief.tools),
        "conversation": render(brief.messages),
        "findings": "\n".join(f"- {finding.rule}: {finding.text}" for finding in brief.findings) or "- none",
        "turns": sum(message.role == "user" for message in brief.messages),
    }


def _improvise(brief: JudgeBrief, rng: Random) -> Verdict:  # noqa: ARG001
    return judged(brief.plan, brief.messages, brief.findings)


ROLE = Role("judge", Verdict, _variables, _improvise, Sampling(temperature=0.0))


@dataclass(frozen=True)
class Seat:
    """A judge of a committee: `number` counts those of the same model before it, by which their seeds differ."""

    judge: str
    role: Role[JudgeBrief, Verdict]
    number: int


def committee(engines: Sequence[str], names: Sequence[str | None]) -> tuple[Seat, ...]:
    """The judges of these engines; one without a name of its own is called after its engine.

    One that is alone with its model is asked at temperature 0; at that, several would all say the same.

    Raises:
        ValueError: a name of its own is what another is called.
    """
    seats: list[Seat] = []
    for member, (engine, name) in enumerate(zip(engines, names, strict=True)):
        number = engines[:member].count(engine)
        sampling = ROLE.sampling if engines.count(engine) == 1 else Sampling(temperature=0.7)
        called = name or (f"{engine} ({number + 1})" if number else engine)
        if called in {seat.judge for seat in seats}:
            raise ValueError(f"judging.committee.{member}: another judge is called {called!r}; give one another name")
        seats.append(Seat(called, replace(ROLE, sampling=sampling, member=member), number))
    return tuple(seats)


async def ask(
    seats: Sequence[Seat], engine: InferenceEngine, brief: JudgeBrief, *seed: object
) -> tuple[Verdict, int, tuple[MemberVerdict, ...]]:
    """As `agreed`, and what each member of a committee says; of a single judge, that is the verdict alone.

    A member that makes nothing of this conversation (its answers cannot be read, it refuses, its context is too
    short) is left out of the agreement.

    Raises:
        InferenceError: no member gives a verdict, or an engine failed: who was heard must not depend on the hour.
    """

    async def one(seat: Seat) -> Verdict | InferenceError:
        try:
            return await seat.role.play(engine, brief, derive_seed(*seed, seat.number))
        except InferenceError as error:
            if error.kind not in ABOUT_THE_SUBJECT:
                raise
            return error

    given = await asyncio.gather(*map(one, seats))
    verdicts = [one for one in given if isinstance(one, Verdict)]
    if not verdicts:
        raise next(one for one in given if isinstance(one, InferenceError))
    said = tuple(_said(seat.judge, one) for seat, one in zip(seats, given, strict=True)) if len(seats) > 1 else ()
    return (*agreed(verdicts), said)


def _said(judge: str, given: Verdict | InferenceError) -> MemberVerdict:
    if isinstance(given, InferenceError):
        return MemberVerdict(judge=judge, failure=given.kind)
    return MemberVerdict(judge=judge, **{field: getattr(given, field) for field in ("reasoning", *SCALES)})


def agreed(verdicts: Sequence[Verdict]) -> tuple[Verdict, int]:
    """The verdict of a committee, and its disagreement: the widest spread between members on any scale, 0 to 4.

    Scores are medians, the lower of two. The reasoning is that of the member nearest to them. A turn is good if more
    than half of those who judged it say so.
    """
    medians = {scale: median_low(getattr(one, scale) for one in verdicts) for scale in SCALES}
    nearest = min(verdicts, key=lambda one: sum(abs(getattr(one, scale) - medians[scale]) for scale in SCALES))
    given = ([getattr(one, scale) for one in verdicts] for scale in SCALES)
    spread = max(max(scores) - min(scores) for scores in given)
    return msgspec.structs.replace(nearest, **medians, turns=_turns(verdicts)), spread


def _turns(verdicts: Sequence[Verdict]) -> tuple[TurnScore, ...]:
    said: defaultdict[int, list[TurnScore]] = defaultdict(list)
    for verdict in verdicts:
        for score in verdict.turns:
            said[score.turn].append(score)
    found = []
    for turn, scores in sorted(said.items()):
        middle = median_low(score.score for score in scores)
        ok = 2 * sum(score.ok for score in scores) > len(scores)
        reason = next((score.reason for score in scores if score.ok == ok), "")
        found.append(TurnScore(turn=turn, reason=reason, score=middle, ok=ok))
    return tuple(found)
