"""From scenarios to the personas in them, and to the plans of their conversations."""

from collections import Counter

import polars as pl

from funcdex_assets.contracts import stage_tables
from funcdex_assets.contracts.trusted_tables import TrustedTables
from funcdex_assets.inference.protocol import InferenceEngine
from funcdex_assets.language.values import build_situation
from funcdex_assets.orchestration.asking import ask_each
from funcdex_assets.orchestration.feedback import load_feedback, weigh_feedback
from funcdex_assets.orchestration.left_out import keep_sound_rows
from funcdex_assets.orchestration.preview_metadata import show_counts
from funcdex_assets.orchestration.stage import Produced, stage
from funcdex_assets.orchestration.toolkit_terms import load_own_rows, profile_speech
from funcdex_assets.planning.plans import PlanInput, build_plans, draw_clarity
from funcdex_assets.records.hold_out import select_reserved_tools
from funcdex_assets.records.plan import ConversationPlan
from funcdex_assets.records.row_failures import make_each
from funcdex_assets.records.scenario import Persona, Scenario
from funcdex_assets.records.tool import Tool, ToolChain
from funcdex_assets.roles import persona_writer, planner
from funcdex_assets.settings.settings import Settings
from funcdex_assets.storage.frames import from_frame, index_by


@stage(group="people", kinds={"polars"}, table=stage_tables.PERSONAS, code_version="2", pool="inference")
def personas(
    partition: str,
    deduplicated_scenarios: pl.DataFrame,
    settings: Settings,
    engine: InferenceEngine,
    tables: TrustedTables,
) -> Produced:
    """The personas, one for each kept scenario: name, position, company, background, style, date and time."""
    kept_scenarios = from_frame(deduplicated_scenarios.filter(pl.col("status") == "kept"), Scenario)
    drafts, unanswered, usage = ask_each(
        engine,
        persona_writer.ROLE,
        kept_scenarios,
        "personas",
        partition,
        settings.seed,
        lambda scenario: scenario.scenario_id,
    )
    written, unwritten = make_each(
        drafts, lambda pair: persona_writer.to_persona(*pair, settings.seed), lambda pair: pair[0].scenario_id
    )
    frame, left_out = keep_sound_rows(
        tables,
        stage_tables.PERSONAS,
        partition,
        [persona for _, persona in written],
        Persona,
        [*unanswered, *unwritten],
        {"deduplicated_scenarios": deduplicated_scenarios},
    )
    return Produced(
        frame,
        {
            **usage,
            **left_out,
            "companies": frame["company"].n_unique(),
            "registers": dict(Counter(frame["register"].to_list())),
        },
    )


@stage(group="people", kinds={"polars"}, table=stage_tables.CONVERSATION_PLANS, code_version="4", pool="inference")
def conversation_plans(
    partition: str,
    personas: pl.DataFrame,
    deduplicated_scenarios: pl.DataFrame,
    tool_chains: pl.DataFrame,
    tool_definitions: pl.DataFrame,
    settings: Settings,
    engine: InferenceEngine,
    tables: TrustedTables,
) -> Produced:
    """The plans of the conversations: disposition, clarity, tools with distractors, calls with argument sources."""
    chains = index_by(from_frame(tool_chains, ToolChain), "chain_id")
    scenarios = index_by(from_frame(deduplicated_scenarios, Scenario), "scenario_id")
    tools = from_frame(tool_definitions, Tool)
    generation = settings.generation
    form_weights = weigh_feedback(settings, load_feedback(settings, partition)).forms

    def write_brief(persona: Persona) -> planner.PlanBrief:
        scenario = scenarios[persona.scenario_id]
        clarity = draw_clarity(generation.clarity, scenario.scenario_id, settings.seed, scenario.kind)
        return planner.PlanBrief(scenario, persona, clarity)

    own_rows, _ = load_own_rows(settings, partition, tools)  # what is wrong with others is said by tool_definitions
    speech = profile_speech(own_rows, tools)
    briefs, unprepared = make_each(from_frame(personas, Persona), write_brief, lambda persona: persona.scenario_id)
    reserved = (
        select_reserved_tools((tool.name for tool in tools), generation.test_share)
        if generation.hold_out == "function"
        else ()
    )
    directed, undirected, usage = ask_each(
        engine,
        planner.ROLE,
        [brief for _, brief in briefs],
        "conversation_plans",
        partition,
        settings.seed,
        lambda brief: brief.scenario.scenario_id,
    )

    def gather_input(directed_brief: tuple[planner.PlanBrief, planner.Disposition]) -> PlanInput:
        brief, answer = directed_brief
        return PlanInput(
            chain=chains[brief.scenario.chain_id],
            situation=build_situation(brief.scenario, brief.persona),
            clarity=brief.clarity,
            disposition=answer.disposition,
            tools=tools,
            distractor_count=generation.distractor_tools,
            seed=settings.seed,
            fault_weights=generation.faults,
            fault_share=generation.fault_share,
            reserved_tools=reserved,
            noise_share=generation.noise_share,
            speech=speech,
            form_weights=form_weights,
        )

    inputs, ungathered = make_each(directed, gather_input, lambda pair: pair[0].scenario.scenario_id)
    plans, unplannable = build_plans([plan_input for _, plan_input in inputs])
    frame, left_out = keep_sound_rows(
        tables,
        stage_tables.CONVERSATION_PLANS,
        partition,
        plans,
        ConversationPlan,
        [*unprepared, *undirected, *ungathered, *unplannable],
        {
            "deduplicated_scenarios": deduplicated_scenarios,
            "personas": personas,
            "tool_chains": tool_chains,
            "tool_definitions": tool_definitions,
        },
    )
    plans = from_frame(frame, ConversationPlan)
    calls = Counter(step.tool for plan in plans for step in plan.steps)
    return Produced(
        frame,
        {
            **usage,
            **left_out,
            "kinds": dict(Counter(plan.kind for plan in plans)),
            "clarity": dict(Counter(plan.clarity for plan in plans)),
            "turns": dict(Counter(turn.kind for plan in plans for turn in plan.turns)),
            "faults": dict(Counter(step.fault for plan in plans for step in plan.steps if step.fault)),
            "planned_calls": show_counts(calls, f"Planned calls by tool, {partition}", "calls"),
        },
    )
