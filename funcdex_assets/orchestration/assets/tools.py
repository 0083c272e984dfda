"""From definition files to chains of calls."""

from collections import Counter
from collections.abc import Mapping, Sequence

import polars as pl

from funcdex_assets.catalog.load import read_tools
from funcdex_assets.contracts import stage_tables
from funcdex_assets.contracts.toolkit_gaps import find_toolkit_gaps
from funcdex_assets.contracts.trusted_tables import TrustedTables
from funcdex_assets.orchestration.feedback import describe_feedback, read_feedback, steer_generation, weigh_feedback
from funcdex_assets.orchestration.left_out import keep_sound_rows, report_left_out
from funcdex_assets.orchestration.preview_metadata import show_counts, show_gaps, show_tool_graph
from funcdex_assets.orchestration.stage import Produced, stage
from funcdex_assets.orchestration.toolkit_terms import report_own_rows
from funcdex_assets.planning.commands import list_kinds_to_draw, select_plain_tools, select_spoken_tools
from funcdex_assets.records.feedback import AspectWeights
from funcdex_assets.records.row_failures import make_each, work_without_failing
from funcdex_assets.records.seeds import derive_seed
from funcdex_assets.records.tool import Tool, ToolChain, ToolEdge
from funcdex_assets.settings.settings import Settings
from funcdex_assets.storage.frames import from_frame, to_frame
from funcdex_assets.tool_graph.chains import ChainLimits, draw_chain_mix, weigh_mentioned_tools
from funcdex_assets.tool_graph.coverage import Coverage, CoverageStore, evenness
from funcdex_assets.tool_graph.graph import connect_tools, find_needed_ids


@stage(group="catalogue", kinds={"yaml", "json"}, table=stage_tables.TOOL_DEFINITIONS, code_version="1")
def tool_definitions(partition: str, settings: Settings, tables: TrustedTables) -> Produced:
    """The tools of a toolkit or bundle: name, description, JSON Schema of arguments and results.

    A tool that cannot be used is left out, with its reason.
    """
    files = settings.find_tool_files(partition)
    tools, unusable = read_tools(files)
    needs, unreadable = make_each(tools, find_needed_ids, lambda tool: tool.name)
    frame, left_out = keep_sound_rows(
        tables, stage_tables.TOOL_DEFINITIONS, partition, [tool for tool, _ in needs], Tool, [*unusable, *unreadable]
    )
    own_rows = report_own_rows(settings, tables, partition, from_frame(frame, Tool))
    return Produced(
        frame,
        {
            **left_out,
            "files": ", ".join(path.name for path in files.values()),
            "with_result_schema": sum(tool.returns is not None for tool, _ in needs),
            "startable_without_ids": sum(not needed_ids for _, needed_ids in needs),
            **own_rows,
            **show_gaps(find_toolkit_gaps({tool.name: tool for tool in from_frame(frame, Tool)})),
        },
    )


@stage(group="catalogue", kinds={"polars"}, table=stage_tables.TOOL_GRAPH, code_version="1")
def tool_graph(partition: str, tool_definitions: pl.DataFrame, tables: TrustedTables) -> Produced:
    """Edges between tools: a field of one tool's result can fill an argument of another, with weight and reason."""
    tools = from_frame(tool_definitions, Tool)
    edges, failures = connect_tools(tools)
    fed = {(edge.target_tool, edge.target_path) for edge in edges}
    needs, _ = make_each(tools, find_needed_ids, lambda tool: tool.name)
    unfed = [f"{tool.name}{path}" for tool, paths in needs for path in paths if (tool.name, path) not in fed]
    return Produced(
        to_frame(edges, ToolEdge),
        {
            **report_left_out(tables, "tool_graph", partition, failures),
            "kinds": dict(Counter(edge.kind for edge in edges)),
            "required_ids_without_source": ", ".join(unfed) or "none",
            "diagram": show_tool_graph(edges),
        },
    )


@stage(group="catalogue", kinds={"polars"}, table=stage_tables.TOOL_CHAINS, code_version="2")
def tool_chains(
    partition: str, tool_definitions: pl.DataFrame, tool_graph: pl.DataFrame, settings: Settings, tables: TrustedTables
) -> Produced:
    """Sequences of calls for each kind of conversation, most of them using earlier results; some are held out for the
    test split.
    """
    weaknesses = read_feedback(settings, partition)
    feedback = weigh_feedback(settings, weaknesses)
    generation = steer_generation(settings, partition, feedback)
    tools = from_frame(tool_definitions, Tool)
    workflow = settings.workflows.get(partition, "")
    tool_weights, unweighed = work_without_failing(
        tools, lambda some_tools: weigh_mentioned_tools(workflow, some_tools), lambda tool: tool.name
    )
    edges = from_frame(tool_graph, ToolEdge)
    plain_tools = select_plain_tools(tools, edges)
    limits = ChainLimits(
        generation.min_calls,
        generation.max_calls,
        generation.test_share,
        must_cross="_" in partition,
        steered=generation.steering,
        must_include=frozenset(generation.must_include) & {tool.name for tool in tools},
        tool_weights=_multiply_weights(tools, tool_weights, feedback.tools),
        patterns={str(name): weight for name, weight in generation.patterns.items()},
        crossing_share=generation.crossing,
        hold_out=generation.hold_out,
        plain_tools=plain_tools,
        spoken_tools=select_spoken_tools(tools),
    )
    memory = CoverageStore(settings.home / "coverage")
    past = memory.sum_earlier_nights(partition, settings.seed)
    chains, failures = draw_chain_mix(
        tools,
        edges,
        generation.count_wanted_candidates(list_kinds_to_draw(tools, plain_tools, generation.are_kinds_chosen)),
        limits,
        derive_seed(settings.seed, partition, "chains"),
        past,
    )
    frame, left_out = keep_sound_rows(
        tables,
        stage_tables.TOOL_CHAINS,
        partition,
        chains,
        ToolChain,
        [*unweighed, *failures],
        {"tool_definitions": tool_definitions},
    )
    chains = from_frame(frame, ToolChain)
    kinds = Counter(chain.kind for chain in chains)
    drawn = Coverage()
    for chain in chains:
        drawn.count_chain(chain.steps, chain.pattern)
    memory.replace_night(partition, settings.seed, drawn, weaknesses)
    pairs = {(edge.source_tool, edge.target_tool) for edge in edges}
    return Produced(
        frame,
        {
            **left_out,
            "kinds": dict(kinds),
            "impossible_kinds": ", ".join(
                kind for kind, weight in generation.select_kinds_asked_for(kinds).items() if weight and not kinds[kind]
            )
            or "none",
            "earlier_chains": past.patterns.total(),
            **describe_feedback(weaknesses),
            "held_out": sum(chain.held_out for chain in chains),
            "lengths": dict(sorted(Counter(len(chain.steps) for chain in chains).items())),
            "patterns": dict(drawn.patterns),
            "tools_covered": f"{len(drawn.tools)} of {len(tools)}",
            "tool_evenness": round(evenness(drawn.tools, len(tools)), 3),
            "pairs_covered": f"{len(drawn.edges)} of {len(pairs)}",
            "tool_coverage": show_counts(drawn.tools, f"Tools in the chains of {partition}", "calls"),
        },
    )


def _multiply_weights(
    tools: Sequence[Tool], weights: Mapping[str, float], feedback: AspectWeights
) -> Mapping[str, float]:
    """Multiplies the weights of the tools by those of the feedback; without feedback they are what they were."""
    if feedback.is_even:
        return weights
    return {tool.name: weights.get(tool.name, 1.0) * feedback.weigh(tool.name) for tool in tools}
