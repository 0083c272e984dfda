"""From chains to scenario candidates, and to the candidates that differ."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle, islice

import polars as pl

from funcdex_assets.contracts import stage_tables
from funcdex_assets.contracts.trusted_tables import TrustedTables
from funcdex_assets.dedup.index import ScenarioIndex
from funcdex_assets.dedup.neighbours import HASHED_NGRAMS_THRESHOLDS, ScenarioThresholds
from funcdex_assets.dedup.scenarios import deduplicate_scenarios
from funcdex_assets.embedding.embedder import Embedder
from funcdex_assets.inference.protocol import InferenceEngine
from funcdex_assets.orchestration.asking import ask_each
from funcdex_assets.orchestration.feedback import steer_generation
from funcdex_assets.orchestration.left_out import keep_sound_rows, report_left_out
from funcdex_assets.orchestration.stage import Produced, stage
from funcdex_assets.records.labels import Kind
from funcdex_assets.records.row_failures import make_each, refuse_empty_stage
from funcdex_assets.records.scenario import DeduplicatedScenario, Scenario
from funcdex_assets.records.seeds import derive_id
from funcdex_assets.records.tool import Tool, ToolChain
from funcdex_assets.reports.stage_counts import measure_ratios
from funcdex_assets.roles import scenario_writer
from funcdex_assets.settings.settings import Settings
from funcdex_assets.storage.frames import from_frame, index_by, to_frame


@stage(group="scenarios", kinds={"polars"}, table=stage_tables.SCENARIOS, code_version="2", pool="inference")
def scenarios(
    partition: str,
    tool_chains: pl.DataFrame,
    tool_definitions: pl.DataFrame,
    settings: Settings,
    engine: InferenceEngine,
    tables: TrustedTables,
) -> Produced:
    """Scenario candidates: situations at work in which somebody needs the tools of a chain."""
    tools = index_by(from_frame(tool_definitions, Tool), "name")
    chains = from_frame(tool_chains, ToolChain)
    briefs = [
        scenario_writer.ScenarioBrief(
            scenario_id=derive_id("scenario", settings.seed, partition, chain.chain_id, repetition),
            chain=chain,
            tools=tuple(tools[step.tool] for step in chain.steps),
            workflow=settings.workflows.get(partition, ""),
        )
        for chain, repetition in _repeat_chains(
            chains, steer_generation(settings, partition).count_wanted_candidates({chain.kind for chain in chains})
        )
    ]
    drafts, unanswered, usage = ask_each(
        engine,
        scenario_writer.ROLE,
        briefs,
        "scenarios",
        partition,
        settings.seed,
        lambda brief: brief.scenario_id,
    )
    written, unwritten = make_each(
        drafts, lambda pair: scenario_writer.to_scenario(*pair), lambda pair: pair[0].scenario_id
    )
    frame, left_out = keep_sound_rows(
        tables,
        stage_tables.SCENARIOS,
        partition,
        [scenario for _, scenario in written],
        Scenario,
        [*unanswered, *unwritten],
        {"tool_chains": tool_chains},
    )
    return Produced(frame, {**usage, **left_out, "industries": frame["industry"].n_unique()})


def _repeat_chains(
    chains: Sequence[ToolChain], counts: Mapping[tuple[Kind, bool], int]
) -> Iterator[tuple[ToolChain, int]]:
    """Yields `counts` chains of each kind and side, repeated as needed, each with how often it came before; a side
    without chains gets the other's.
    """
    repetitions: Counter[str] = Counter()
    for (kind, side), count in counts.items():
        of_kind = [chain for chain in chains if chain.kind == kind]
        of_cell = [chain for chain in of_kind if chain.held_out == side]
        for chain in islice(cycle(of_cell or of_kind), count):
            yield chain, repetitions[chain.chain_id]
            repetitions[chain.chain_id] += 1


@stage(
    group="scenarios",
    kinds={"lancedb", "polars"},
    table=stage_tables.DEDUPLICATED_SCENARIOS,
    code_version="2",
    pool="scenario_index",
)
def deduplicated_scenarios(
    partition: str,
    scenarios: pl.DataFrame,
    settings: Settings,
    embedder: Embedder,
    index: ScenarioIndex,
    tables: TrustedTables,
) -> Produced:
    """The candidates, each with a verdict: kept, a duplicate (with the similar scenario), more than needed, or not
    comparable.

    They are compared with one another, with earlier nights, and with partitions that share a toolkit.
    """
    candidates = from_frame(scenarios, Scenario)
    judged, failures = deduplicate_scenarios(
        candidates,
        counts=steer_generation(settings, partition).count_wanted_plans({scenario.kind for scenario in candidates}),
        partition=partition,
        seed=settings.seed,
        toolkits=settings.toolkits_of(partition),
        embedder=embedder,
        index=index,
        thresholds=_choose_thresholds(settings),
    )
    status = Counter(scenario.status for scenario in judged)
    refuse_empty_stage("scenarios", len(judged) - status["failed"], failures)
    missing = settings.generation_of(partition).conversations - status["kept"]
    kinds = Counter(scenario.kind for scenario in judged if scenario.status == "kept")
    return Produced(
        to_frame(judged, DeduplicatedScenario),
        {
            **{name: status[name] for name in ("kept", "duplicate", "surplus", "failed")},
            **report_left_out(tables, "deduplicated_scenarios", partition, failures),
            "kinds": dict(kinds),
            **measure_ratios(**{"yield": (status["kept"], len(judged))}),
            "missing": missing,
            "remedy": "none needed" if missing <= 0 else "raise generation.oversample, or add tools",
        },
    )


def _choose_thresholds(settings: Settings) -> ScenarioThresholds:
    deduplication = settings.deduplication
    default = ScenarioThresholds() if deduplication.embedder == "minilm" else HASHED_NGRAMS_THRESHOLDS
    semantic = default.semantic if deduplication.semantic_threshold is None else deduplication.semantic_threshold
    return ScenarioThresholds(semantic, deduplication.lexical_threshold)
