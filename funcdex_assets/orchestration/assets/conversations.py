"""From plans to conversations, and to the system prompts under which they take place."""

from collections import Counter
from collections.abc import Awaitable, Callable

import polars as pl

from funcdex_assets.contracts import stage_tables
from funcdex_assets.dialogue.participants import read_participants
from funcdex_assets.inference.protocol import InferenceEngine
from funcdex_assets.orchestration.asking import ask_all, run_metered
from funcdex_assets.orchestration.preview_metadata import show_conversation, show_counts, show_table
from funcdex_assets.orchestration.stage import Produced, stage
from funcdex_assets.records.conversation import Conversation
from funcdex_assets.records.plan import SystemPrompt
from funcdex_assets.reports.stage_counts import count_calls_by_tool, count_sources
from funcdex_assets.roles import system_prompt_writer
from funcdex_assets.settings.settings import Settings
from funcdex_assets.storage.frames import to_frame
from funcdex_assets.strategies.quotas import FilledQuotas, fill_quotas
from funcdex_assets.strategies.scoring import find_objections
from funcdex_assets.strategies.strategy import converse_all, select_strategy


@stage(group="conversations", kinds={"polars"}, table=stage_tables.CONVERSATIONS, code_version="3", pool="inference")
def conversations(
    partition: str,
    conversation_plans: pl.DataFrame,
    personas: pl.DataFrame,
    deduplicated_scenarios: pl.DataFrame,
    tool_definitions: pl.DataFrame,
    settings: Settings,
    engine: InferenceEngine,
) -> Produced:
    """The conversations: messages, tool calls with their results, and the source of each argument.

    Plans are played until there are as many good conversations of each kind as wanted; the other plans stay in reserve.
    A conversation that could not be finished has the reason in `failure`.
    """
    cast = read_participants(conversation_plans, personas, deduplicated_scenarios, tool_definitions)
    strategy = select_strategy(settings.generation, settings.native_calls)
    kept_scenarios = deduplicated_scenarios.filter(pl.col("status") == "kept")
    wanted_counts = settings.generation.count_wanted_conversations(set(kept_scenarios["kind"]))

    def play_plans(meter: InferenceEngine, advanced: Callable[[], None]) -> Awaitable[FilledQuotas]:
        return fill_quotas(
            tuple(cast.values()),
            wanted_counts,
            lambda batch: converse_all(batch, meter, strategy, settings.seed, advanced),
            lambda played: find_objections(played, cast, meter, settings),
        )

    (played, tallies), usage = run_metered(engine, play_plans, "conversations", partition, sum(wanted_counts.values()))
    finished = [conversation for conversation in played if conversation.failure is None]
    calls = count_calls_by_tool(conversation.messages for conversation in played)
    sources = count_sources(played)
    mended = Counter(
        conversation.attempts[-1].kind
        for conversation in played
        if conversation.attempts and not conversation.attempts[-1].findings
    )
    preview = {"preview": show_conversation(finished[0])} if finished else {}
    return Produced(
        to_frame(played, Conversation),
        {
            **preview,
            "tool_coverage": show_counts(calls, f"Calls by tool, {partition}", "calls"),
            **usage,
            "requests_per_conversation": round(usage["requests"] / max(1, len(played)), 2),
            "strategy": strategy.name,
            "planned": len(cast),
            "kinds": show_table(
                ("kind", "wanted", "good", "tried", "planned"),
                [(kind, tally.target, tally.accepted, tally.tried, tally.planned) for kind, tally in tallies.items()],
            ),
            "wanted": sum(wanted_counts.values()),
            "good": sum(tally.accepted for tally in tallies.values()),
            "unfilled": "; ".join(
                f"{kind}: {why}" for kind, tally in tallies.items() if (why := tally.explain_shortfall())
            )
            or "none",
            "attempts": sum(max(1, len(conversation.attempts)) for conversation in played),
            "repaired": mended["repaired"],
            "share_repaired": round(mended["repaired"] / max(1, len(played)), 4),
            "corrected": mended["corrected"],
            "regenerated": mended["regenerated"],
            "unfinished": len(played) - len(finished),
            "unfinished_reasons": dict(
                Counter(conversation.failure.rule for conversation in played if conversation.failure)
            ),
            "calls": calls.total(),
            "calls_per_conversation": round(calls.total() / max(1, len(finished)), 2),
            "argument_sources": dict(sources),
        },
    )


@stage(group="conversations", kinds={"polars"}, table=stage_tables.SYSTEM_PROMPTS, code_version="1", pool="inference")
def system_prompts(
    partition: str,
    conversations: pl.DataFrame,
    conversation_plans: pl.DataFrame,
    personas: pl.DataFrame,
    deduplicated_scenarios: pl.DataFrame,
    tool_definitions: pl.DataFrame,
    settings: Settings,
    engine: InferenceEngine,
) -> Produced:
    """The system prompt of each finished conversation, with the context that arguments may be taken from."""
    cast = read_participants(conversation_plans, personas, deduplicated_scenarios, tool_definitions)
    finished = conversations.filter(pl.col("failure").is_null())
    identities = finished["conversation_id"].to_list()
    briefs = [
        system_prompt_writer.SystemPromptBrief(
            participants.plan, participants.situation, tuple(participants.tools.values())
        )
        for participants in (cast[plan_id] for plan_id in finished["plan_id"])
    ]
    prompts, usage = ask_all(engine, system_prompt_writer.ROLE, briefs, "system_prompts", partition, settings.seed)
    written = [
        SystemPrompt(
            conversation_id=conversation_id,
            system_prompt=system_prompt_writer.add_context(prompt, brief.situation),
        )
        for conversation_id, brief, prompt in zip(identities, briefs, prompts, strict=True)
    ]
    return Produced(to_frame(written, SystemPrompt), usage)
