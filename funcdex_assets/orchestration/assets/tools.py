"""From definition files to chains of calls."""

from collections import Counter

import polars as pl

from funcdex_assets.catalog.load import load_tools
from funcdex_assets.contracts import stage_tables
from funcdex_assets.orchestration.preview_metadata import show_counts, show_tool_graph
from funcdex_assets.orchestration.stage import Produced, stage
from funcdex_assets.records.seeds import derive_seed
from funcdex_assets.records.tool import Tool, ToolChain, ToolEdge
from funcdex_assets.settings.settings import Settings
from funcdex_assets.storage.frames import from_frame, to_frame
from funcdex_assets.tool_graph.chains import ChainLimits, sample_chain_mix, weigh_mentioned_tools
from funcdex_assets.tool_graph.coverage import Coverage, CoverageStore, evenness
from funcdex_assets.tool_graph.graph import build_graph, find_needed_ids


@stage(group="catalogue", kinds={"yaml", "json"}, table=stage_tables.TOOL_DEFINITIONS, code_version="1")
def tool_definitions(partition: str, settings: Settings) -> Produced:
    """The tools of a toolkit or bundle: name, description, JSON Schema of arguments and results."""
    files = settings.find_tool_files(partition)
    tools = load_tools(files)
    return Produced(
        to_frame(tools),
        {
            "files": ", ".join(path.name for path in files.values()),
            "with_result_schema": sum(tool.returns is not None for tool in tools),
            "startable_without_ids": sum(not find_needed_ids(tool) for tool in tools),
        },
    )


@stage(group="catalogue", kinds={"polars"}, table=stage_tables.TOOL_GRAPH, code_version="1")
def tool_graph(tool_definitions: pl.DataFrame) -> Produced:
    """Edges between tools: a field of one tool's result can fill an argument of another, with weight and reason."""
    tools = from_frame(tool_definitions, Tool)
    edges = build_graph(tools)
    fed = {(edge.target_tool, edge.target_path) for edge in edges}
    unfed = [f"{tool.name}{path}" for tool in tools for path in find_needed_ids(tool) if (tool.name, path) not in fed]
    return Produced(
        to_frame(edges, ToolEdge),
        {
            "kinds": dict(Counter(edge.kind for edge in edges)),
            "required_ids_without_source": ", ".join(unfed) or "none",
            "diagram": show_tool_graph(edges),
        },
    )


@stage(group="catalogue", kinds={"polars"}, table=stage_tables.TOOL_CHAINS, code_version="1")
def tool_chains(
    partition: str, tool_definitions: pl.DataFrame, tool_graph: pl.DataFrame, settings: Settings
) -> Produced:
    """Sequences of calls for each kind of conversation, most of them using earlier results; some are held out for the
    test split.
    """
    generation = settings.generation
    tools = from_frame(tool_definitions, Tool)
    limits = ChainLimits(
        generation.min_calls,
        generation.max_calls,
        generation.test_share,
        must_cross="_" in partition,
        steered=generation.steering,
        must_include=frozenset(generation.must_include) & {tool.name for tool in tools},
        tool_weights=weigh_mentioned_tools(settings.workflows.get(partition, ""), tools),
        patterns={str(name): weight for name, weight in generation.patterns.items()},
        crossing_share=generation.crossing,
        hold_out=generation.hold_out,
    )
    edges = from_frame(tool_graph, ToolEdge)
    memory = CoverageStore(settings.home / "coverage")
    past = memory.sum_earlier_nights(partition, settings.seed)
    chains = sample_chain_mix(
        tools,
        edges,
        generation.count_wanted_candidates(),
        limits,
        derive_seed(settings.seed, partition, "chains"),
        past,
    )
    kinds = Counter(chain.kind for chain in chains)
    drawn = Coverage()
    for chain in chains:
        drawn.count_chain(chain.steps, chain.pattern)
    memory.replace_night(partition, settings.seed, drawn)
    pairs = {(edge.source_tool, edge.target_tool) for edge in edges}
    return Produced(
        to_frame(chains, ToolChain),
        {
            "kinds": dict(kinds),
            "impossible_kinds": ", ".join(
                kind for kind, weight in generation.kinds.items() if weight and not kinds[kind]
            )
            or "none",
            "earlier_chains": past.patterns.total(),
            "held_out": sum(chain.held_out for chain in chains),
            "lengths": dict(sorted(Counter(len(chain.steps) for chain in chains).items())),
            "patterns": dict(drawn.patterns),
            "tools_covered": f"{len(drawn.tools)} of {len(tools)}",
            "tool_evenness": round(evenness(drawn.tools, len(tools)), 3),
            "pairs_covered": f"{len(drawn.edges)} of {len(pairs)}",
            "tool_coverage": show_counts(drawn.tools, f"Tools in the chains of {partition}", "calls"),
        },
    )
