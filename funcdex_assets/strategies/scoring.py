"""Scores conversations by the rules and the judges: while they are made, and again as a stage of their own.

What the rules find is remembered, and a verdict depends on the conversation and the seed alone, so that a judge's
second answer is in the journal.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from funcdex_assets.checks.remembered_findings import find_cached_findings
from funcdex_assets.dialogue.participants import Participants
from funcdex_assets.inference.protocol import InferenceEngine
from funcdex_assets.inference.routing import list_committee_members
from funcdex_assets.judging.selection import find_reasons_against
from funcdex_assets.judging.turn_verdicts import judge_turns
from funcdex_assets.records.conversation import Conversation
from funcdex_assets.records.verdict import SCALES, ScoredConversation
from funcdex_assets.roles import judge
from funcdex_assets.settings.settings import Settings
from funcdex_assets.strategies.outcome import build_case

_UNSCORED = dict.fromkeys(("judge", "reasoning", *SCALES))


async def score_conversations(
    conversations: Sequence[Conversation],
    participants_by_plan: Mapping[str, Participants],
    engine: InferenceEngine,
    settings: Settings,
    advanced: Callable[[], None] = lambda: None,
) -> list[ScoredConversation]:
    """One row for each conversation; one that failed has its failure as its finding, and no scores."""
    members = settings.judging.members
    seats = judge.seat_committee(
        list_committee_members(engine, len(members)), [member.get("name") for member in members]
    )

    async def score_or_report_failure(conversation: Conversation) -> ScoredConversation:
        if conversation.failure is None:
            scored = await _score_conversation(
                conversation, participants_by_plan[conversation.plan_id], engine, settings.seed, seats
            )
            advanced()
            return scored
        identity, findings = conversation.conversation_id, (conversation.failure,)
        return ScoredConversation(conversation_id=identity, **_UNSCORED, findings=findings)

    return await asyncio.gather(*map(score_or_report_failure, conversations))


async def find_objections(
    conversations: Sequence[Conversation],
    participants_by_plan: Mapping[str, Participants],
    engine: InferenceEngine,
    settings: Settings,
) -> list[tuple[str, ...]]:
    """The reasons for which each would be rejected."""
    scored = await score_conversations(conversations, participants_by_plan, engine, settings)
    return [find_reasons_against(row, settings.generation.min_tool_use_quality) for row in scored]


async def _score_conversation(
    conversation: Conversation,
    participants: Participants,
    engine: InferenceEngine,
    seed: int,
    seats: Sequence[judge.Seat],
) -> ScoredConversation:
    cached = find_cached_findings(
        build_case(participants, conversation.messages, conversation.provenance), participants.plan
    )
    brief = judge.JudgeBrief(
        participants.plan, conversation.messages, tuple(participants.tools_ever_offered.values()), cached.findings
    )
    verdict, spread, members = await judge.ask_committee(
        seats, engine, brief, seed, "judge", conversation.conversation_id
    )
    return ScoredConversation(
        conversation_id=conversation.conversation_id,
        judge=", ".join(seat.judge for seat in seats),
        **{field: getattr(verdict, field) for field in ("reasoning", *SCALES)},
        findings=(*cached.findings, *cached.user_faults),
        turns=judge_turns(conversation.messages, brief.findings, verdict.turns),
        disagreement=spread,
        members=members,
    )
