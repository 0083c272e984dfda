"""What the rules and the judge say of conversations, asked while they are made and again when they are scored.

A verdict depends on the conversation and the seed alone, so that the second time is answered from the journal.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence

import msgspec

from funcdex_assets.inference.protocol import InferenceEngine
from funcdex_assets.quality.findings import find
from funcdex_assets.quality.selection import reasons_against
from funcdex_assets.records import SCALES, Conversation, ScoredConversation
from funcdex_assets.roles import judge
from funcdex_assets.seeds import derive_seed
from funcdex_assets.settings import Settings
from funcdex_assets.simulation.cast import Cast
from funcdex_assets.simulation.outcome import case_of

UNSCORED = dict.fromkeys(("reasoning", *SCALES))


async def score(
    made: Sequence[Conversation],
    cast: Mapping[str, Cast],
    engine: InferenceEngine,
    seed: int,
    advanced: Callable[[], None] = lambda: None,
) -> list[ScoredConversation]:
    """One row for each conversation; one that failed has its failure as its finding, and no scores."""

    async def one(conversation: Conversation) -> ScoredConversation:
        identity = conversation.conversation_id
        if conversation.failure is not None:
            return ScoredConversation(
                conversation_id=identity, judge=None, **UNSCORED, findings=(conversation.failure,)
            )
        brief = _brief(conversation, cast[conversation.plan_id])
        verdict = await judge.ROLE.play(engine, brief, derive_seed(seed, "judge", identity))
        advanced()
        return ScoredConversation(
            conversation_id=identity, judge=engine.name, **msgspec.structs.asdict(verdict), findings=brief.findings
        )

    return await asyncio.gather(*map(one, made))


async def objections(
    made: Sequence[Conversation], cast: Mapping[str, Cast], engine: InferenceEngine, settings: Settings
) -> list[tuple[str, ...]]:
    """The reasons for which each would be rejected."""
    scored = await score(made, cast, engine, settings.seed)
    return [reasons_against(one, settings.generation.min_tool_use_quality) for one in scored]


def _brief(conversation: Conversation, cast: Cast) -> judge.JudgeBrief:
    case = case_of(cast, conversation.messages, conversation.provenance)
    return judge.JudgeBrief(cast.plan, conversation.messages, tuple(cast.tools.values()), find(case))
