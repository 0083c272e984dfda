"""Measures the speed of the offline pipeline, and the time that Dagster adds.

    python benchmarks/pipeline.py [conversations per partition]

Three figures: (a) the domain functions alone, one after the other, for every partition; (b) the same in as many
processes as there are cores, each taking the next partition; (c) the same in one process through the assets, checks,
metadata and plots of a Dagster run; the ratio of (c) and (a) is what Dagster and the checks cost. The yardstick for
(a) is JSON: how often the conversations' own JSON could be encoded and decoded in the same time.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, wait
from functools import partial
from multiprocessing import get_context

import msgspec

from funcdex_assets.catalog.load import load_tools
from funcdex_assets.checks.findings import find_problems
from funcdex_assets.dialogue.participants import Participants, assemble_participants
from funcdex_assets.dml.parse import parse_conversation
from funcdex_assets.dml.render import render_conversation
from funcdex_assets.inference.offline import OfflineEngine
from funcdex_assets.language.values import build_situation
from funcdex_assets.planning.plans import PlanInput, build_plans, draw_clarity
from funcdex_assets.records.conversation import Conversation
from funcdex_assets.records.openai_messages import to_openai_messages, to_openai_tools
from funcdex_assets.records.seeds import derive_id, derive_seed
from funcdex_assets.roles import judge, persona_writer, planner, scenario_writer
from funcdex_assets.roles.improvisations import IMPROVISATIONS
from funcdex_assets.roles.role import play_each
from funcdex_assets.settings.settings import Settings, load_settings
from funcdex_assets.storage.frames import index_by
from funcdex_assets.strategies.outcome import build_case
from funcdex_assets.strategies.strategy import converse_all, select_strategy
from funcdex_assets.tool_graph.chains import ChainLimits, draw_chain_mix
from funcdex_assets.tool_graph.graph import build_graph


async def cast_of(
    settings: Settings, partition: str, count: int, lap: Callable[[str], None] = lambda _: None
) -> list[Participants]:
    """Makes the casts of up to `count` conversations: their plans, personas, scenarios and tools."""
    generation, engine = settings.generation, OfflineEngine(IMPROVISATIONS)
    tools = load_tools(settings.find_tool_files(partition))
    by_name = index_by(tools, "name")
    limits = ChainLimits(generation.min_calls, generation.max_calls, generation.test_share, "_" in partition)
    cells = generation.model_copy(update={"conversations": count}).count_wanted_conversations()
    chains, _ = draw_chain_mix(tools, build_graph(tools), cells, limits, derive_seed(settings.seed, partition))
    lap("tools, graph, chains")
    briefs = [
        scenario_writer.ScenarioBrief(
            derive_id("scenario", partition, index), chain, tuple(by_name[step.tool] for step in chain.steps)
        )
        for index, chain in enumerate((chains * count)[:count])
    ]
    drafts, _ = await play_each(scenario_writer.ROLE, engine, briefs, settings.seed, lambda brief: brief.scenario_id)
    scenarios = [scenario_writer.to_scenario(brief, draft) for brief, draft in drafts]
    lap("scenarios")
    people, _ = await play_each(persona_writer.ROLE, engine, scenarios, settings.seed, lambda s: s.scenario_id)
    personas = [persona_writer.to_persona(scenario, draft, settings.seed) for scenario, draft in people]
    plan_briefs = [
        planner.PlanBrief(s, p, draw_clarity(generation.clarity, s.scenario_id, settings.seed, s.kind))
        for s, p in zip(scenarios, personas, strict=True)
    ]
    dispositions, _ = await play_each(
        planner.ROLE, engine, plan_briefs, settings.seed, lambda brief: brief.scenario.scenario_id
    )
    inputs = [
        PlanInput(
            brief.chain,
            build_situation(p.scenario, p.persona),
            p.clarity,
            d.disposition,
            tools,
            generation.distractor_tools,
            settings.seed,
        )
        for brief, (p, d) in zip(briefs, dispositions, strict=True)
    ]
    plans, _ = build_plans(inputs)
    lap("personas, plans")
    return list(assemble_participants(plans, personas, scenarios, tools)[0].values())


async def domain(settings: Settings, partition: str, count: int, spent: Counter[str]) -> list[Conversation]:
    """Makes conversations from tool files to parsed examples, without Dagster, tables and de-duplication."""
    began = time.perf_counter()

    def lap(stage: str) -> None:
        nonlocal began
        now = time.perf_counter()
        spent[stage] += now - began
        began = now

    casts_of_partition = await cast_of(settings, partition, count, lap)
    engine = OfflineEngine(IMPROVISATIONS)
    conversations = await converse_all(casts_of_partition, engine, select_strategy(settings.generation), settings.seed)
    lap("conversations")
    for conversation, played_cast in zip(conversations, casts_of_partition, strict=True):
        findings = find_problems(build_case(played_cast, conversation.messages, conversation.provenance))
        brief = judge.JudgeBrief(played_cast.plan, conversation.messages, tuple(played_cast.tools.values()), findings)
        await judge.ROLE.play(engine, brief, settings.seed)
    lap("findings, judge")
    for conversation, played_cast in zip(conversations, casts_of_partition, strict=True):
        to_openai_messages(parse_conversation(render_conversation(conversation.messages)), None)
        to_openai_tools(list(played_cast.tools.values()))
    lap("markup, export")
    return conversations


def made(partition: str, count: int) -> int:
    """Makes a partition's conversations in a worker process and returns their number."""
    return len(asyncio.run(domain(load_settings(), partition, count, Counter())))


def in_parallel(partitions: Sequence[str], count: int) -> tuple[int, float]:
    """Makes all partitions with a process per core, each warm before the clock starts.

    Returns the number of conversations and the seconds.
    """
    cores = len(os.sched_getaffinity(0))
    with ProcessPoolExecutor(cores, get_context("spawn")) as workers:
        wait([workers.submit(made, "gmail", 20) for _ in range(4 * cores)])
        began = time.perf_counter()
        size = sum(workers.map(partial(made, count=count), partitions))
        return size, time.perf_counter() - began


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 106
    settings = load_settings()
    asyncio.run(domain(settings, "gmail", 5, Counter()))  # lexicon and schemas are loaded once per process
    spent: Counter[str] = Counter()
    cpu, wall = time.process_time(), time.perf_counter()
    conversations = [
        conversation
        for partition in settings.partitions
        for conversation in asyncio.run(domain(settings, partition, count, spent))
    ]
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    size = len(conversations)
    print(f"domain only: {size} conversations, {wall:.2f} s wall, {cpu:.2f} s CPU, {size / cpu:,.0f} per CPU second")
    for stage, seconds in spent.items():
        print(f"  {stage:<22} {seconds / size * 1e6:7.0f} µs each")

    total, seconds = in_parallel(settings.partitions, count)
    print(f"in a process per core: {total} conversations, {seconds:.2f} s wall, {total / seconds:,.0f} per second")

    encoded = [msgspec.json.encode(conversation.messages) for conversation in conversations]
    began = time.process_time()
    for text in encoded:
        msgspec.json.encode(msgspec.json.decode(text))
    yardstick = time.process_time() - began
    print(f"yardstick: JSON decode and encode of all, {yardstick:.3f} s CPU; the pipeline takes {cpu / yardstick:.0f}×")

    with tempfile.TemporaryDirectory() as home:
        os.environ["FUNCDEX_HOME"] = home
        began = time.perf_counter()
        from funcdex_assets.definitions import whole_graph
        from funcdex_assets.orchestration.run_partitions import run_partitions

        whole_graph()
        imported = time.perf_counter() - began
        cpu_run, wall_run = time.process_time(), time.perf_counter()
        outcome = run_partitions(whole_graph, settings.partitions, load_settings(), config={"conversations": count})
        cpu_run, wall_run = time.process_time() - cpu_run, time.perf_counter() - wall_run
    print(
        f"as assets: {len(outcome.made)} partitions, {wall_run:.1f} s wall, {cpu_run:.1f} s CPU "
        f"(and {imported:.1f} s to import and load), {cpu_run / cpu:.1f}× the domain functions"
    )
    if not outcome.success:
        sys.exit(f"failed: {outcome.failed or outcome.error}")


if __name__ == "__main__":
    main()
