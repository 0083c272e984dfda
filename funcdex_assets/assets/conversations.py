"""From plans to conversations, and to the system prompts under which they take place."""

from collections import Counter

import polars as pl

from funcdex_assets.assets._asking import ask_all, run_metered
from funcdex_assets.assets._frames import casts_of
from funcdex_assets.assets._pictures import bar_plot, transcript
from funcdex_assets.assets._stage import Produced, stage
from funcdex_assets.inference.protocol import InferenceEngine
from funcdex_assets.quality import schemas
from funcdex_assets.records import Conversation, SystemPrompt, Tool
from funcdex_assets.roles import system_prompt_writer
from funcdex_assets.settings import Settings
from funcdex_assets.simulation.conversation import simulate_all
from funcdex_assets.tables import from_frame, rows_by, to_frame


@stage(group="conversations", kinds={"polars"}, table=schemas.CONVERSATIONS, code_version="1", pool="inference")
def conversations(
    partition: str,
    conversation_plans: pl.DataFrame,
    personas: pl.DataFrame,
    deduplicated_scenarios: pl.DataFrame,
    tool_definitions: pl.DataFrame,
    settings: Settings,
    engine: InferenceEngine,
) -> Produced:
    """Who said what, which tools were called, what they returned, and where each argument came from."""
    cast = casts_of(conversation_plans, personas, deduplicated_scenarios, tool_definitions).values()
    (held, unfinished), usage = run_metered(
        engine,
        lambda meter, advanced: simulate_all(
            [(one.plan, one.situation) for one in cast],
            rows_by(from_frame(tool_definitions, Tool), "name"),
            meter,
            thoughts=settings.generation.include_assistant_thoughts,
            seed=settings.seed,
            advanced=advanced,
        ),
        "conversations",
        partition,
        len(cast),
    )
    calls = Counter(call.name for one in held for message in one.messages for call in message.tool_calls)
    sources = Counter(source.source for one in held for source in one.provenance)
    shown = {"preview": transcript(held[0])} if held else {}
    return Produced(
        to_frame(held, Conversation),
        {
            **shown,
            "tool_coverage": bar_plot(calls, f"Calls by tool, {partition}", "calls"),
            **usage,
            "planned": len(cast),
            "unfinished": len(unfinished),
            "unfinished_reasons": dict(Counter(unfinished).most_common(10)),
            "calls": calls.total(),
            "calls_per_conversation": round(calls.total() / max(1, len(held)), 2),
            "argument_sources": dict(sources),
        },
    )


@stage(group="conversations", kinds={"polars"}, table=schemas.SYSTEM_PROMPTS, code_version="1", pool="inference")
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
    """The system prompt of each conversation, with the context that arguments may come from."""
    cast = casts_of(conversation_plans, personas, deduplicated_scenarios, tool_definitions)
    identities = conversations["conversation_id"].to_list()
    briefs = [
        system_prompt_writer.SystemPromptBrief(one.plan, one.situation, tuple(one.tools.values()))
        for one in (cast[plan_id] for plan_id in conversations["plan_id"])
    ]
    prompts, usage = ask_all(engine, system_prompt_writer.ROLE, briefs, "system_prompts", partition, settings.seed)
    written = [
        SystemPrompt(
            conversation_id=conversation_id,
            system_prompt=system_prompt_writer.with_context(prompt, brief.situation),
        )
        for conversation_id, brief, prompt in zip(identities, briefs, prompts, strict=True)
    ]
    return Produced(to_frame(written, SystemPrompt), usage)
