"""Conversations of the shipped partitions, the plain and the foreign toolkits, made from end to end offline.

Tests look at them. Everything here is made once per test session, from the project's own `funcdex.yaml`.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path

import foreign_toolkits
import plain_toolkits

from funcdex_assets.catalog.load import load_tools
from funcdex_assets.checks.findings import Case, find_problems
from funcdex_assets.dialogue import participants as simulation_cast
from funcdex_assets.inference.offline import OfflineEngine
from funcdex_assets.judging.heuristic import judge_conversation
from funcdex_assets.judging.selection import find_reasons_against
from funcdex_assets.language.values import Situation, build_situation
from funcdex_assets.planning.commands import list_kinds_to_draw, select_plain_tools, select_spoken_tools
from funcdex_assets.planning.plans import PlanInput, build_plans, draw_clarity, list_absent_tools, list_offered_tools
from funcdex_assets.records.conversation import Conversation
from funcdex_assets.records.kinds import DEFAULT_WEIGHTS, count_conversations_per_cell
from funcdex_assets.records.labels import Kind
from funcdex_assets.records.plan import ConversationPlan
from funcdex_assets.records.seeds import build_generator, derive_id, derive_seed
from funcdex_assets.records.tool import Tool, ToolChain
from funcdex_assets.records.verdict import SCALES, ScoredConversation, Verdict
from funcdex_assets.roles import persona_writer, planner, scenario_writer
from funcdex_assets.roles.improvisations import IMPROVISATIONS
from funcdex_assets.settings.generation import ClarityWeights
from funcdex_assets.settings.judging import MinScores
from funcdex_assets.settings.settings import load_settings
from funcdex_assets.strategies.outcome import build_case
from funcdex_assets.strategies.turn_loop import PlayOptions, simulate_conversation
from funcdex_assets.tool_graph.chains import ChainLimits, draw_chain_mix, sample_chains
from funcdex_assets.tool_graph.graph import build_graph

SETTINGS = load_settings(Path(__file__).parents[2] / "funcdex.yaml")
PARTITIONS = SETTINGS.partitions
ENGINE = OfflineEngine(IMPROVISATIONS)
MIN_CALLS, MAX_CALLS = 2, 6


@dataclass(frozen=True)
class Cast:
    """What a conversation is made from; `tools` are all of the partition, by name."""

    partition: str
    chain: ToolChain
    situation: Situation
    plan: ConversationPlan
    given: PlanInput
    tools: Mapping[str, Tool]

    @property
    def offered(self) -> dict[str, Tool]:
        return {name: self.tools[name] for name in list_offered_tools(self.plan)}

    @property
    def played(self) -> simulation_cast.Participants:
        """As the strategies take it: with the tools on offer."""
        absent = {name: self.tools[name] for name in list_absent_tools(self.plan)}
        return simulation_cast.Participants(self.plan, self.situation, self.offered, absent)


@dataclass(frozen=True)
class Played:
    cast: Cast
    conversation: Conversation

    @property
    def case(self) -> Case:
        return build_case(self.cast.played, self.conversation.messages, self.conversation.provenance)

    def __str__(self) -> str:
        return f"{self.cast.partition} {self.conversation.conversation_id}"


@cache
def tools_of(partition: str) -> Mapping[str, Tool]:
    if partition in plain_toolkits.TOOLKITS:
        return plain_toolkits.tools_of(partition)
    if partition in foreign_toolkits.TOOLKITS:
        return foreign_toolkits.tools_of(partition)
    return {tool.name: tool for tool in load_tools(SETTINGS.find_tool_files(partition))}


@cache
def shipped_tools() -> tuple[Tool, ...]:
    """The tools of all toolkits, and those of the example bundle, whose results have no shape."""
    partitions = (*SETTINGS.toolkits, "gmail_googledrive")
    return tuple(tool for partition in partitions for tool in tools_of(partition).values())


@cache
def chains_of(partition: str, count: int, seed: int) -> tuple[ToolChain, ...]:
    tools = list(tools_of(partition).values())
    limits = ChainLimits(MIN_CALLS, MAX_CALLS, 0.19, must_cross="_" in partition)
    return tuple(sample_chains(tools, build_graph(tools), count, limits, seed))


@cache
def mix_of(partition: str, count: int, seed: int, kind: Kind | None = None) -> tuple[ToolChain, ...]:
    """Chains of all kinds of conversations, as many of each as the default mix has, well mixed; or of one kind."""
    tools = list(tools_of(partition).values())
    edges = build_graph(tools)
    plain_tools = select_plain_tools(tools, edges)
    limits = ChainLimits(
        MIN_CALLS,
        MAX_CALLS,
        0.19,
        must_cross="_" in partition,
        plain_tools=plain_tools,
        spoken_tools=select_spoken_tools(tools),
    )
    possible = list_kinds_to_draw(tools, plain_tools, are_kinds_chosen=kind is not None)
    wanted = count_conversations_per_cell(count, round(count * 0.19), {kind: 1} if kind else DEFAULT_WEIGHTS, possible)
    chains, _ = draw_chain_mix(tools, edges, wanted, limits, seed)
    build_generator("mixed", seed).shuffle(chains)
    return tuple(chains)


@cache
def casts(partition: str, count: int, seed: int = 42, kind: Kind | None = None) -> tuple[Cast, ...]:
    """`count` planned conversations of a partition; chains repeat where there are fewer."""
    chains = mix_of(partition, count, seed, kind)
    candidates = (asyncio.run(_cast(partition, chains[index % len(chains)], index, seed)) for index in range(2 * count))
    return tuple(islice((cast for cast in candidates if cast), count))


@cache
def played(
    partition: str, count: int, thoughts: bool = False, seed: int = 42, kind: Kind | None = None
) -> tuple[Played, ...]:
    return tuple(Played(cast, play(cast, thoughts, seed)) for cast in casts(partition, count, seed, kind))


def score(one: Played) -> Verdict:
    return judge_conversation(one.cast.plan, one.conversation.messages, find_problems(one.case))


def is_accepted(one: Played) -> bool:
    verdict = score(one)
    scores = {scale: getattr(verdict, scale) for scale in SCALES}
    scored = ScoredConversation(conversation_id="", judge="", reasoning="", findings=find_problems(one.case), **scores)
    return one.conversation.failure is None and not find_reasons_against(scored, MinScores().model_dump())


def play(cast: Cast, thoughts: bool = False, seed: int = 42) -> Conversation:
    return asyncio.run(simulate_conversation(cast.played, ENGINE, PlayOptions(thoughts), seed))


async def _cast(partition: str, chain: ToolChain, index: int, seed: int) -> Cast | None:
    tools = tools_of(partition)
    brief = scenario_writer.ScenarioBrief(
        derive_id("scenario", partition, index, seed), chain, tuple(tools[step.tool] for step in chain.steps)
    )
    draft = await scenario_writer.ROLE.play(ENGINE, brief, derive_seed("scenario", partition, index, seed))
    scenario = scenario_writer.to_scenario(brief, draft)
    background = await persona_writer.ROLE.play(ENGINE, scenario, derive_seed("persona", partition, index, seed))
    persona = persona_writer.to_persona(scenario, background, seed)
    clarity = draw_clarity(ClarityWeights(), scenario.scenario_id, seed, chain.kind)
    directed = await planner.ROLE.play(
        ENGINE, planner.PlanBrief(scenario, persona, clarity), derive_seed("planner", partition, index, seed)
    )
    there = build_situation(scenario, persona)
    given = PlanInput(chain, there, clarity, directed.disposition, tuple(tools.values()), 3, seed)
    plans, _ = build_plans([given])
    return Cast(partition, chain, there, plans[0], given, tools) if plans else None
