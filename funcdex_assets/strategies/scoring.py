"""What the rules and the judges say of conversations, asked while they are made and again when they are scored.

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
    made: Sequence[Conversation],
    cast: Mapping[str, Participants],
    engine: InferenceEngine,
    settings: Settings,
    advanced: Callable[[], None] = lambda: None,
) -> list[ScoredConversation]:
    """One row for each conversation; one that failed has its failure as its finding, and no scores."""
    members = settings.judging.members
    seats = judge.seat_committee(
        list_committee_members(engine, len(members)), [member.get("name") for member in members]
    )

    async def one(conversation: Conversation) -> ScoredConversation:
        if conversation.failure is None:
            scored = await _score_conversation(conversation, cast[conversation.plan_id], engine, settings.seed, seats)
            advanced()
            return scored
        identity, findings = conversation.conversation_id, (conversation.failure,)
        return ScoredConversation(conversation_id=identity, **_UNSCORED, findings=findings)

    return await asyncio.gather(*map(one, made))


async def find_objections(
    made: Sequence[Conversation], cast: Mapping[str, Participants], engine: InferenceEngine, settings: Settings
) -> list[tuple[str, ...]]:
    """The reasons for which each would be rejected."""
    scored = await score_conversations(made, cast, engine, settings)
    return [find_reasons_against(one, settings.generation.min_tool_use_quality) for one in scored]


async def _score_conversation(
    conversation: Conversation, cast: Participants, engine: InferenceEngine, seed: int, seats: Sequence[judge.Seat]
) -> ScoredConversation:
    found = find_cached_findings(build_case(cast, conversation.messages, conversation.provenance), cast.plan)
    brief = judge.JudgeBrief(cast.plan, conversation.messages, tuple(cast.tools_ever_offered.values()), found.findings)
    verdict, spread, members = await judge.ask_committee(
        seats, engine, brief, seed, "judge", conversation.conversation_id
    )
    return ScoredConversation(
        conversation_id=conversation.conversation_id,
        judge=", ".join(seat.judge for seat in seats),
        **{field: getattr(verdict, field) for field in ("reasoning", *SCALES)},
        findings=(*found.findings, *found.user_faults),
        turns=judge_turns(conversation.messages, brief.findings, verdict.turns),
        disagreement=spread,
        members=members,
    )
