"""Scores a finished conversation, 1 to 5 on four scales, evidence first, and says of each turn whether it is good.

Offline, the scores follow from what the rules found and what can be counted (`judging/heuristic`). A verdict outside
the scale is not an answer (`Role.play` asks again). A model may be asked twice, the second time with scales, faults and
tools in the reversed order. Several judges, perhaps of different models, make a committee; here belongs how its members
agree, too. What becomes of the evidence is in `judging/evidence`.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from random import Random
from statistics import median_low

import msgspec

from funcdex_assets.inference.offline import OfflineEngine
from funcdex_assets.inference.protocol import (
    ChatMessage,
    InferenceEngine,
    InferenceError,
    JsonSchemaConstraint,
    Sampling,
)
from funcdex_assets.judging.committee import HEURISTIC
from funcdex_assets.judging.evidence import FAULTS, OTHER, ground_verdict, merge_evidence
from funcdex_assets.judging.heuristic import judge_conversation
from funcdex_assets.judging.transcript import render_transcript
from funcdex_assets.language.values import Situation
from funcdex_assets.records.conversation import Finding
from funcdex_assets.records.labels import Kind
from funcdex_assets.records.message import Message
from funcdex_assets.records.plan import ConversationPlan
from funcdex_assets.records.seeds import derive_seed
from funcdex_assets.records.tool import Tool
from funcdex_assets.records.verdict import SCALES, MemberVerdict, ScaleScores, TurnScore, Verdict
from funcdex_assets.roles.role import Role, build_inlined_schema
from funcdex_assets.roles.system_prompt_writer import add_context

MAX_EVIDENCE = 12
"""Faults that an answer may name: enough for the worst conversations, and an end for a model that finds none."""

MAX_STORED_REASONING = 1000
"""Characters of a reasoning that are stored; its length changes no score."""


@dataclass(frozen=True)
class JudgeBrief:
    """A conversation to be judged: its plan, its messages, the tools on offer and the findings of the rules.

    A model is not told the findings: they count beside its verdict, and it would only repeat them. `situation` has the
    moment and the user, which the assistant knew from its system prompt. With `is_reversed`, a model gets scales,
    faults and tools in the reversed order.
    """

    plan: ConversationPlan
    messages: Sequence[Message]
    tools: Sequence[Tool]
    findings: tuple[Finding, ...]
    situation: Situation | None = None
    is_reversed: bool = False


def _render_variables(brief: JudgeBrief) -> dict[str, object]:
    """Renders the values of the prompt's variables."""
    tools = reversed(brief.tools) if brief.is_reversed else brief.tools
    return {
        "tools": "\n".join(map(_render_tool, tools)),
        "conversation": render_transcript(brief.messages),
        "context": add_context("", brief.situation).strip() + "\n\n" if brief.situation else "",
        "turns": sum(message.role == "user" for message in brief.messages),
        "extent": _EXTENTS.get(brief.plan.kind, ""),
    }


def _render_tool(tool: Tool) -> str:
    """Renders a tool with the names of its arguments; those that may be left out have a question mark."""
    required = tool.parameters.get("required", ())
    arguments = (name if name in required else f"{name}?" for name in tool.parameters.get("properties", {}))
    return f"- {tool.name}({', '.join(arguments)}): {tool.description}"


_EXTENTS: Mapping[Kind, str] = {
    "single_turn": "; it is meant to have one turn, and is complete when the assistant has made the right call and "
    "told what came of it, has asked for what is missing, or has said that it cannot be done"
}


def _render_messages(brief: JudgeBrief) -> tuple[ChatMessage, ...]:
    """Renders the prompt, each of its lists reversed if the brief asks for that."""
    system, *user = ROLE.render_messages(brief)
    if not brief.is_reversed:
        return system, *user
    return ChatMessage("system", _reverse_lists(system.content or "")), *user


def _reverse_lists(text: str) -> str:
    r"""Reverses the items of each list, which are neighbouring lines that begin with a dash.

    >>> _reverse_lists("Faults:\n- a\n- b\nScales:\n- c")
    'Faults:\n- b\n- a\nScales:\n- c'
    """
    lines: list[str] = []
    items: list[str] = []
    for line in text.split("\n"):
        if line.startswith("- "):
            items.insert(0, line)
        else:
            lines += [*items, line]
            items.clear()
    return "\n".join([*lines, *items])


def _constrain_verdict(brief: JudgeBrief) -> JsonSchemaConstraint:
    """Restricts the answer to a verdict with all its parts, the scores in the order in which the prompt has them."""
    return _build_constraint(brief.is_reversed)


@cache
def _build_constraint(is_reversed: bool) -> JsonSchemaConstraint:
    schema = build_inlined_schema(Verdict)
    fields = schema["properties"]
    names = ["evidence", "reasoning", *(reversed(SCALES) if is_reversed else SCALES), "turns"]
    evidence = fields["evidence"] | {"maxItems": MAX_EVIDENCE}
    properties = evidence["items"]["properties"]
    properties["fault"] = {"type": "string", "enum": [*FAULTS, OTHER]}
    properties["message"] = {"type": "integer", "minimum": 0}
    fields = {**fields, "evidence": evidence}
    schema |= {"properties": {name: fields[name] for name in names}, "required": names}
    return JsonSchemaConstraint(ROLE.name, schema)


def _improvise_verdict(brief: JudgeBrief, rng: Random) -> Verdict:  # noqa: ARG001
    """Scores the conversation by what can be counted."""
    return judge_conversation(brief.plan, brief.messages, brief.findings)


ROLE = Role(
    "judge",
    Verdict,
    _render_variables,
    _improvise_verdict,
    Sampling(temperature=0.0),
    prompt=_render_messages,
    constraint=_constrain_verdict,
)


@dataclass(frozen=True)
class Seat:
    """A judge of a committee. `number` counts the judges of the same model before it; their seeds differ by it.

    `orders` says for each of its requests whether it is in the reversed order; the heuristic reads no prompt, and is
    asked once.
    """

    judge: str
    role: Role[JudgeBrief, Verdict]
    number: int
    is_model: bool = True
    orders: tuple[bool, ...] = (False,)


@dataclass(frozen=True)
class Answer:
    """The verdict of a member, with the number of faults that it named without support and its scores by order."""

    verdict: Verdict
    unsupported_evidence: int = 0
    orders: tuple[ScaleScores, ...] = ()


def seat_committee(engines: Sequence[str], names: Sequence[str | None], orders: int = 1) -> tuple[Seat, ...]:
    """Seats the judges of these engines; a judge without a name of its own is called after its engine. Each model is
    asked in so many orders.

    A judge that is alone with its model is asked at temperature 0; at that, several would all say the same.

    Raises:
        ValueError: two judges have the same name, or a model that of the heuristic.
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
        is_model = engine != OfflineEngine.name
        if is_model and judge_name == HEURISTIC:
            raise ValueError(
                f"judging.committee.{member_number}: {HEURISTIC!r} is the judge without a model, which is reported "
                "beside models; give this one another name"
            )
        seats.append(
            Seat(
                judge_name,
                replace(ROLE, sampling=sampling, member=member_number),
                number,
                is_model,
                (False, True)[: orders if is_model else 1],
            )
        )
    return tuple(seats)


async def ask_committee(
    seats: Sequence[Seat], engine: InferenceEngine, brief: JudgeBrief, *seed: object
) -> tuple[Verdict, int, tuple[MemberVerdict, ...]]:
    """Asks all judges of a committee; returns their agreement as `agree_on_verdict` does, and the verdict of each
    member.

    The verdicts of members are left empty for the heuristic alone. A member that makes nothing of this conversation
    (its answers cannot be read, it refuses, its context is too short) is left out of the agreement.

    Raises:
        InferenceError: no member gives a verdict, or an engine failed: which members were heard must not depend on
            the hour.
    """
    answers = await asyncio.gather(*(_ask_member(seat, engine, brief, *seed) for seat in seats))
    verdicts = [answer.verdict for answer in answers if isinstance(answer, Answer)]
    if not verdicts:
        raise next(answer for answer in answers if isinstance(answer, InferenceError))
    member_verdicts = (
        tuple(_to_member_verdict(seat.judge, answer) for seat, answer in zip(seats, answers, strict=True))
        if len(seats) > 1 or seats[0].is_model
        else ()
    )
    return (*agree_on_verdict(verdicts), member_verdicts)


async def _ask_member(seat: Seat, engine: InferenceEngine, brief: JudgeBrief, *seed: object) -> Answer | InferenceError:
    """Asks one judge in each of its orders; an order of which it makes nothing is left out.

    Each order is a request of its own, so that the usual one is asked, seeded and journaled as if it were the only one.
    """

    async def ask_in_order(is_reversed: bool) -> tuple[Verdict, int] | InferenceError:
        ordered = replace(brief, is_reversed=is_reversed)
        try:
            verdict = await seat.role.play(engine, ordered, derive_seed(*seed, seat.number))
        except InferenceError as error:
            if error.is_systemic:
                raise
            return error
        return ground_verdict(verdict, brief.messages)

    outcomes = await asyncio.gather(*map(ask_in_order, seat.orders))
    grounded = [outcome for outcome in outcomes if not isinstance(outcome, InferenceError)]
    if not grounded:
        return next(outcome for outcome in outcomes if isinstance(outcome, InferenceError))
    verdicts = [verdict for verdict, _ in grounded]
    scores = tuple(
        ScaleScores(**{scale: getattr(verdict, scale) for scale in SCALES}) for verdict in verdicts if len(verdicts) > 1
    )
    return Answer(average_verdicts(verdicts), sum(unsupported for _, unsupported in grounded), scores)


def average_verdicts(verdicts: Sequence[Verdict]) -> Verdict:
    """Returns the verdict of one judge from its answers in several orders.

    Scores are means, rounded down. The reasoning is that of the answer nearest to them. A turn is good if all answers
    that speak of it say so, and the evidence is that of all answers.
    """
    if len(verdicts) == 1:
        return verdicts[0]
    means = {scale: sum(getattr(verdict, scale) for verdict in verdicts) // len(verdicts) for scale in SCALES}
    turns = []
    for turn, scores in _collect_turn_scores(verdicts):
        is_good = all(score.ok for score in scores)
        mean = sum(score.score for score in scores) // len(scores)
        turns.append(TurnScore(turn=turn, reason=_find_reason(scores, is_good), score=mean, ok=is_good))
    nearest = _find_nearest(verdicts, means)
    return msgspec.structs.replace(nearest, **means, turns=tuple(turns), evidence=merge_evidence(verdicts))


def _to_member_verdict(judge: str, answer: Answer | InferenceError) -> MemberVerdict:
    """Records what a judge says: its verdict, or the kind of its failure."""
    if isinstance(answer, InferenceError):
        return MemberVerdict(judge=judge, failure=answer.kind)
    verdict = answer.verdict
    return MemberVerdict(
        judge=judge,
        **{scale: getattr(verdict, scale) for scale in SCALES},
        reasoning=verdict.reasoning[:MAX_STORED_REASONING],
        evidence=verdict.evidence,
        unsupported_evidence=answer.unsupported_evidence,
        orders=answer.orders,
    )


def agree_on_verdict(verdicts: Sequence[Verdict]) -> tuple[Verdict, int]:
    """Returns the verdict of a committee, and its disagreement: the widest spread between members on any scale, 0 to 4.

    Scores are medians, the lower of two. The reasoning is that of the member nearest to them. A turn is good if more
    than half of those who judged it say so. The evidence is that of all members.
    """
    medians = {scale: median_low(getattr(verdict, scale) for verdict in verdicts) for scale in SCALES}
    scores_by_scale = ([getattr(verdict, scale) for verdict in verdicts] for scale in SCALES)
    spread = max(max(scores) - min(scores) for scores in scores_by_scale)
    nearest = _find_nearest(verdicts, medians)
    agreed = msgspec.structs.replace(
        nearest, **medians, turns=_agree_on_turns(verdicts), evidence=merge_evidence(verdicts)
    )
    return agreed, spread


def _find_nearest(verdicts: Sequence[Verdict], scores: Mapping[str, int]) -> Verdict:
    return min(verdicts, key=lambda verdict: sum(abs(getattr(verdict, scale) - scores[scale]) for scale in SCALES))


def _agree_on_turns(verdicts: Sequence[Verdict]) -> tuple[TurnScore, ...]:
    """Returns the median score of each turn that any member judged, and whether most members call the turn good."""
    agreed_scores = []
    for turn, scores in _collect_turn_scores(verdicts):
        median = median_low(score.score for score in scores)
        is_good = 2 * sum(score.ok for score in scores) > len(scores)
        agreed_scores.append(TurnScore(turn=turn, reason=_find_reason(scores, is_good), score=median, ok=is_good))
    return tuple(agreed_scores)


def _collect_turn_scores(verdicts: Sequence[Verdict]) -> list[tuple[int, list[TurnScore]]]:
    """Collects what is said of each turn, in the order of the turns."""
    scores_by_turn: defaultdict[int, list[TurnScore]] = defaultdict(list)
    for verdict in verdicts:
        for score in verdict.turns:
            scores_by_turn[score.turn].append(score)
    return sorted(scores_by_turn.items())


def _find_reason(scores: Sequence[TurnScore], is_good: bool) -> str:
    """Returns the reason of the first who says of the turn what was agreed."""
    return next((score.reason for score in scores if score.ok == is_good), "")
