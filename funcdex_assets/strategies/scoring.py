"""Scores conversations by the rules and the judges: while they are made, and again as a stage of their own.

What the rules find is remembered, and a verdict depends on the conversation and the seed alone, so that a judge's
second answer is in the journal.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from funcdex_assets.checks.remembered_findings import find_cached_findings
from funcdex_assets.dialogue.participants import Participants
from funcdex_assets.inference.protocol import InferenceEngine, InferenceError
from funcdex_assets.inference.routing import list_committee_members
from funcdex_assets.judging.committee import HEURISTIC
from funcdex_assets.judging.heuristic import judge_conversation
from funcdex_assets.judging.selection import find_reasons_against, would_reject
from funcdex_assets.judging.turn_verdicts import judge_turns
from funcdex_assets.records.conversation import Conversation, Finding
from funcdex_assets.records.row_failures import RowFailure, refuse_empty_stage
from funcdex_assets.records.verdict import SCALES, MemberVerdict, ScoredConversation
from funcdex_assets.roles import judge
from funcdex_assets.settings.settings import Settings
from funcdex_assets.strategies.outcome import UNFORESEEN, build_case, to_unforeseen_finding

NO_VERDICT = "no_verdict"
"""The rule of the finding that no judge made anything of a conversation."""

MIN_JUDGED_TO_DOUBT = 5
"""So many conversations without a single verdict are the judge's fault; fewer may be their own."""

_UNSCORED = dict.fromkeys(("judge", "reasoning", *SCALES))


async def score_conversations(
    conversations: Sequence[Conversation],
    participants_by_plan: Mapping[str, Participants],
    engine: InferenceEngine,
    settings: Settings,
    advanced: Callable[[], None] = lambda: None,
    without_prompt: Mapping[str, Finding] | None = None,
) -> list[ScoredConversation]:
    """Returns one row for each conversation. One without scores has a finding that says why: the conversation failed,
    it has no system prompt (`without_prompt` has these failures by conversation), no judge gave a verdict, or a rule
    failed on it.

    Raises:
        InferenceError: an engine failed.
        NoRowsError: not one of `MIN_JUDGED_TO_DOUBT` or more conversations got a verdict.
    """
    without_prompt = without_prompt or {}
    members = settings.judging.members
    seats = judge.seat_committee(
        list_committee_members(engine, len(members)),
        [member.get("name") for member in members],
        settings.judging.orders,
    )

    async def score_or_report_failure(conversation: Conversation) -> ScoredConversation:
        identity = conversation.conversation_id
        failure = conversation.failure or without_prompt.get(identity)
        if failure is None:
            try:
                return await _score_conversation(
                    conversation, participants_by_plan[conversation.plan_id], engine, settings, seats
                )
            except Exception as error:
                failure = to_unforeseen_finding(identity, error)
            finally:
                advanced()
        return ScoredConversation(conversation_id=identity, **_UNSCORED, findings=(failure,))

    scored = await asyncio.gather(*map(score_or_report_failure, conversations))
    unjudged = list_unjudged(scored)
    if len(unjudged) >= MIN_JUDGED_TO_DOUBT:
        refuse_empty_stage("verdicts", sum(row.judge is not None for row in scored), unjudged)
    return scored


def list_unjudged(scored: Sequence[ScoredConversation]) -> list[RowFailure]:
    """Lists the conversations that should have been judged and were not, with the reasons."""
    return [
        RowFailure(
            subject=row.conversation_id, kind=finding.rule, reason=finding.text, is_mistake=finding.rule == UNFORESEEN
        )
        for row in scored
        for finding in row.findings[-1:]
        if row.judge is None and finding.rule in (UNFORESEEN, NO_VERDICT)
    ]


async def find_objections(
    conversations: Sequence[Conversation],
    participants_by_plan: Mapping[str, Participants],
    engine: InferenceEngine,
    settings: Settings,
) -> list[tuple[str, ...]]:
    """The reasons for which each would be rejected."""
    scored = await score_conversations(conversations, participants_by_plan, engine, settings)
    return [find_reasons_against(row, settings.judging.min_scores.model_dump()) for row in scored]


async def _score_conversation(
    conversation: Conversation,
    participants: Participants,
    engine: InferenceEngine,
    settings: Settings,
    seats: Sequence[judge.Seat],
) -> ScoredConversation:
    cached = find_cached_findings(
        build_case(participants, conversation.messages, conversation.provenance), participants.plan
    )
    brief = judge.JudgeBrief(
        participants.plan,
        conversation.messages,
        tuple(participants.tools_ever_offered.values()),
        cached.findings,
        participants.situation,
    )
    findings = (*cached.findings, *cached.user_faults)
    min_scores = settings.judging.min_scores.model_dump()
    try:
        verdict, spread, members = await judge.ask_committee(
            seats, engine, brief, settings.seed, "judge", conversation.conversation_id
        )
    except InferenceError as error:
        if error.is_systemic:
            raise
        no_verdict = Finding(rule=NO_VERDICT, text=str(error))
        return ScoredConversation(
            conversation_id=conversation.conversation_id, **_UNSCORED, findings=(*findings, no_verdict)
        )
    return ScoredConversation(
        conversation_id=conversation.conversation_id,
        judge=", ".join(seat.judge for seat in seats),
        **{scale: getattr(verdict, scale) for scale in SCALES},
        reasoning=verdict.reasoning[: judge.MAX_STORED_REASONING],
        findings=findings,
        turns=judge_turns(conversation.messages, brief.findings, verdict.turns),
        disagreement=spread,
        members=tuple(
            replace(member, rejects=would_reject(member, () if seat.is_model else findings, min_scores))
            for seat, member in zip(seats, members, strict=False)  # no members where the heuristic judges alone
        ),
        heuristic=_judge_beside(brief, findings, min_scores) if all(seat.is_model for seat in seats) else None,
    )


def _judge_beside(brief: judge.JudgeBrief, findings: Sequence[Finding], min_scores: Mapping[str, int]) -> MemberVerdict:
    """Returns the heuristic's verdict, with which those of models are compared; it takes no part in the decision."""
    verdict = judge_conversation(brief.plan, brief.messages, brief.findings)
    said = MemberVerdict(
        judge=HEURISTIC, **{scale: getattr(verdict, scale) for scale in SCALES}, reasoning=verdict.reasoning
    )
    return replace(said, rejects=would_reject(said, findings, min_scores))
