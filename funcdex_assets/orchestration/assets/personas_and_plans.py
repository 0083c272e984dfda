"""From scenarios to the personas in them, and to the plans of their conversations."""

from collections import Counter

import polars as pl

from funcdex_assets.contracts import stage_tables
from funcdex_assets.inference.protocol import InferenceEngine
from funcdex_assets.language.values import build_situation
from funcdex_assets.orchestration.asking import ask_each
from funcdex_assets.orchestration.preview_metadata import show_counts
from funcdex_assets.orchestration.stage import Produced, stage
from funcdex_assets.planning.plans import PlanInput, build_plans, draw_clarity
from funcdex_assets.records.hold_out import select_reserved_tools
from funcdex_assets.records.plan import ConversationPlan
from funcdex_assets.records.scenario import Persona, Scenario
from funcdex_assets.records.tool import Tool, ToolChain
from funcdex_assets.roles import persona_writer, planner
from funcdex_assets.settings.settings import Settings
from funcdex_assets.storage.frames import from_frame, index_by, to_frame


@stage(group="people", kinds={"polars"}, table=stage_tables.PERSONAS, code_version="1", pool="inference")
def personas(
    partition: str, deduplicated_scenarios: pl.DataFrame, settings: Settings, engine: InferenceEngine
) -> Produced:
    """The personas, one for each kept scenario: name, position, company, background, style, date and time."""
    kept_scenarios = from_frame(deduplicated_scenarios.filter(pl.col("status") == "kept"), Scenario)
    drafts, usage = ask_each(engine, persona_writer.ROLE, kept_scenarios, "personas", partition, settings.seed)
    written = [persona_writer.to_persona(scenario, draft, settings.seed) for scenario, draft in drafts]
    return Produced(
        to_frame(written, Persona),
        {
            **usage,
            "companies": len({persona.company for persona in written}),
            "registers": dict(Counter(persona.register for persona in written)),
        },
    )


@stage(group="people", kinds={"polars"}, table=stage_tables.CONVERSATION_PLANS, code_version="1", pool="inference")
def conversation_plans(
    partition: str,
    personas: pl.DataFrame,
    deduplicated_scenarios: pl.DataFrame,
    tool_chains: pl.DataFrame,
    tool_definitions: pl.DataFrame,
    settings: Settings,
    engine: InferenceEngine,
) -> Produced:
    """The plans of the conversations: disposition, clarity, tools with distractors, calls with argument sources."""
    chains = index_by(from_frame(tool_chains, ToolChain), "chain_id")
    scenarios = index_by(from_frame(deduplicated_scenarios, Scenario), "scenario_id")
    tools = from_frame(tool_definitions, Tool)
    briefs = [
        planner.PlanBrief(
            scenarios[persona.scenario_id],
            persona,
            draw_clarity(
                settings.generation.clarity,
                persona.scenario_id,
                settings.seed,
                scenarios[persona.scenario_id].kind,
            ),
        )
        for persona in from_frame(personas, Persona)
    ]
    generation = settings.generation
    reserved = (
        select_reserved_tools((tool.name for tool in tools), generation.test_share)
        if generation.hold_out == "function"
        else ()
    )
    directed, usage = ask_each(engine, planner.ROLE, briefs, "conversation_plans", partition, settings.seed)
    plans, unplannable = build_plans(
        [
            PlanInput(
                chain=chains[brief.scenario.chain_id],
                situation=build_situation(brief.scenario, brief.persona),
                clarity=brief.clarity,
                disposition=answer.disposition,
                tools=tools,
                distractor_count=settings.generation.distractor_tools,
                seed=settings.seed,
                fault_weights=settings.generation.faults,
                fault_share=settings.generation.fault_share,
                reserved_tools=reserved,
            )
            for brief, answer in directed
        ]
    )
    calls = Counter(step.tool for plan in plans for step in plan.steps)
    return Produced(
        to_frame(plans, ConversationPlan),
        {
            **usage,
            "kinds": dict(Counter(plan.kind for plan in plans)),
            "clarity": dict(Counter(plan.clarity for plan in plans)),
            "turns": dict(Counter(turn.kind for plan in plans for turn in plan.turns)),
            "faults": dict(Counter(step.fault for plan in plans for step in plan.steps if step.fault)),
            "unplannable": len(unplannable),
            "unplannable_reasons": dict(Counter(unplannable).most_common(10)),
            "planned_calls": show_counts(calls, f"Planned calls by tool, {partition}", "calls"),
        },
    )
