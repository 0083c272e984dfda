"""From chains to scenario candidates, and to the candidates that differ."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle, islice

import polars as pl

from funcdex_assets.contracts import stage_tables
from funcdex_assets.dedup.index import ScenarioIndex
from funcdex_assets.dedup.neighbours import HASHED_NGRAMS_THRESHOLDS, ScenarioThresholds
from funcdex_assets.dedup.scenarios import deduplicate_scenarios
from funcdex_assets.embedding.embedder import Embedder
from funcdex_assets.inference.protocol import InferenceEngine
from funcdex_assets.orchestration.asking import ask_each
from funcdex_assets.orchestration.stage import Produced, stage
from funcdex_assets.records.labels import Kind
from funcdex_assets.records.scenario import DeduplicatedScenario, Scenario
from funcdex_assets.records.seeds import derive_id
from funcdex_assets.records.tool import Tool, ToolChain
from funcdex_assets.roles import scenario_writer
from funcdex_assets.settings.settings import Settings
from funcdex_assets.storage.frames import from_frame, index_by, to_frame


@stage(group="scenarios", kinds={"polars"}, table=stage_tables.SCENARIOS, code_version="1", pool="inference")
def scenarios(
    partition: str,
    tool_chains: pl.DataFrame,
    tool_definitions: pl.DataFrame,
    settings: Settings,
    engine: InferenceEngine,
) -> Produced:
    """Scenario candidates: situations at work in which somebody needs the tools of a chain."""
    tools = index_by(from_frame(tool_definitions, Tool), "name")
    chains = from_frame(tool_chains, ToolChain)
    briefs = [
        scenario_writer.ScenarioBrief(
            scenario_id=derive_id("scenario", settings.seed, partition, index),
            chain=chain,
            tools=tuple(tools[step.tool] for step in chain.steps),
            workflow=settings.workflows.get(partition, ""),
        )
        for index, chain in enumerate(
            _repeat_chains(chains, settings.generation.count_wanted_candidates({c.kind for c in chains}))
        )
    ]
    drafts, usage = ask_each(engine, scenario_writer.ROLE, briefs, "scenarios", partition, settings.seed)
    written = [scenario_writer.to_scenario(brief, draft) for brief, draft in drafts]
    industries = Counter(scenario.industry for scenario in written)
    return Produced(to_frame(written, Scenario), {**usage, "industries": len(industries)})


def _repeat_chains(chains: Sequence[ToolChain], counts: Mapping[tuple[Kind, bool], int]) -> Iterator[ToolChain]:
    """Yields `counts` chains of each kind and side, repeated as needed; a side without chains gets the other's."""
    for (kind, side), count in counts.items():
        of_kind = [chain for chain in chains if chain.kind == kind]
        of_cell = [chain for chain in of_kind if chain.held_out == side]
        yield from islice(cycle(of_cell or of_kind), count)


@stage(
    group="scenarios",
    kinds={"lancedb", "polars"},
    table=stage_tables.DEDUPLICATED_SCENARIOS,
    code_version="1",
    pool="scenario_index",
)
def deduplicated_scenarios(
    partition: str, scenarios: pl.DataFrame, settings: Settings, embedder: Embedder, index: ScenarioIndex
) -> Produced:
    """The candidates, each with a verdict: kept, a duplicate (with the similar scenario), or more than needed.

    They are compared with one another, with earlier nights, and with partitions that share a toolkit.
    """
    candidates = from_frame(scenarios, Scenario)
    judged = deduplicate_scenarios(
        candidates,
        counts=settings.generation.count_wanted_plans({scenario.kind for scenario in candidates}),
        partition=partition,
        seed=settings.seed,
        toolkits=settings.toolkits_of(partition),
        embedder=embedder,
        index=index,
        thresholds=_choose_thresholds(settings),
    )
    status = Counter(scenario.status for scenario in judged)
    missing = settings.generation.conversations - status["kept"]
    kinds = Counter(scenario.kind for scenario in judged if scenario.status == "kept")
    return Produced(
        to_frame(judged, DeduplicatedScenario),
        {
            **{name: status[name] for name in ("kept", "duplicate", "surplus")},
            "kinds": dict(kinds),
            "yield": round(status["kept"] / max(1, len(judged)), 3),
            "missing": missing,
            "remedy": "none needed" if missing <= 0 else "raise generation.oversample, or add tools",
        },
    )


def _choose_thresholds(settings: Settings) -> ScenarioThresholds:
    deduplication = settings.deduplication
    default = ScenarioThresholds() if deduplication.embedder == "minilm" else HASHED_NGRAMS_THRESHOLDS
    semantic = default.semantic if deduplication.semantic_threshold is None else deduplication.semantic_threshold
    return ScenarioThresholds(semantic, deduplication.lexical_threshold)
