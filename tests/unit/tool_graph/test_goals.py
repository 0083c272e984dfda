"""Chains of several goals: laid end to end, each on its own results, the last call on those of the first."""

from itertools import groupby, pairwise

import pytest
from offline import PARTITIONS, mix_of, tools_of

from funcdex_assets.contracts.table_checks import find_forward_bindings, find_unlinked_steps
from funcdex_assets.records.kinds import CHAIN_SHAPES
from funcdex_assets.records.tool import ChainStep, Tool, ToolChain
from funcdex_assets.semantics.tool_names import parse_tool_name
from funcdex_assets.storage.frames import to_frame
from funcdex_assets.tool_graph.chains import MIN_CALLS_OF_GOALS, ChainLimits, draw_chain_mix
from funcdex_assets.tool_graph.graph import build_graph, to_canonical_noun
from funcdex_assets.tool_graph.patterns import classify_pattern

every_partition = pytest.mark.parametrize("partition", PARTITIONS)
FEWEST, MOST = CHAIN_SHAPES["long_context"].goal_range


def chains(partition: str) -> tuple[ToolChain, ...]:
    return mix_of(partition, 12, 42, "long_context")


def goals(chain: ToolChain) -> list[list[tuple[int, ChainStep]]]:
    numbered = enumerate(chain.steps)
    return [list(steps) for _, steps in groupby(numbered, key=lambda item: item[1].goal)]


def is_late(step: ChainStep, chain: ToolChain) -> bool:
    return step.goal > 0 and any(chain.steps[binding.step].goal == 0 for binding in step.bindings)


@every_partition
def test_two_or_three_goals_follow_one_another(partition):
    assert len(chains(partition)) == 12
    for chain in chains(partition):
        parts = goals(chain)
        assert [steps[0][1].goal for steps in parts] == list(range(len(parts)))
        assert FEWEST <= len(parts) <= MOST
        assert chain.pattern == classify_pattern(chain.steps) == "several_goals"
        assert chain.kind == "long_context"
        assert MIN_CALLS_OF_GOALS <= len(chain.steps) <= MOST * 6 + 1
        for steps in parts:
            assert 2 <= len(steps) <= 6 + (steps is parts[-1] and is_late(steps[-1][1], chain))


@every_partition
def test_values_come_from_earlier_in_the_same_goal_and_last_of_all_from_the_first(partition):
    for chain in chains(partition):
        for place, step in enumerate(chain.steps):
            assert all(binding.step < place for binding in step.bindings)
            sources = {chain.steps[binding.step].goal for binding in step.bindings}
            assert sources <= {step.goal} or (place == len(chain.steps) - 1 and sources == {0}), step


def test_most_go_back_to_the_first_goal_with_a_tool_not_used_before():
    """Where the tools only list, nothing is left to be done with what was found first."""
    late = {name: [chain for chain in chains(name) if is_late(chain.steps[-1], chain)] for name in PARTITIONS}
    assert late.pop("gmail_googledrive") == []
    assert sum(map(len, late.values())) > 0.8 * 12 * len(late)
    assert [len(late[name]) for name in ("googledocs", "jira", "asana")] == [12, 12, 12]
    assert min(map(len, late.values())) > 0
    for chain in (one for drawn in late.values() for one in drawn):
        assert chain.steps[-1].tool not in [step.tool for step in chain.steps[:-1]]
        assert not any(is_late(step, chain) for step in chain.steps[:-1])


@every_partition
def test_nothing_is_done_with_what_is_gone(partition):
    for chain in chains(partition):
        gone: set[str] = set()
        for step in chain.steps:
            name = parse_tool_name(step.tool)
            assert to_canonical_noun(name.noun) not in gone, chain
            if name.action == "delete" or (name.action == "send" and name.noun == "draft"):
                gone.add(to_canonical_noun(name.noun))


@every_partition
def test_what_is_done_again_for_another_goal_can_be_done_with_something_else(partition):
    """No tool twice for a goal, but for a page; for another goal none that would be called just the same."""
    tools = tools_of(partition)
    for chain in chains(partition):
        for steps in goals(chain):
            names = [step.tool for _, step in steps if not any(binding.kind == "page" for binding in step.bindings)]
            assert len(set(names)) == len(names)
        for name in {step.tool for step in chain.steps}:
            used = {step.goal for step in chain.steps if step.tool == name}
            assert len(used) == 1 or tools[name].parameters.get("properties")


@every_partition
def test_the_table_of_chains_holds(partition):
    frame = to_frame(chains(partition), ToolChain)
    assert find_forward_bindings(frame).is_empty()
    assert find_unlinked_steps(frame).is_empty()


def test_later_goals_of_a_bundle_mostly_begin_elsewhere():
    elsewhere = []
    for partition in (name for name in PARTITIONS if "_" in name):
        tools = tools_of(partition)
        for chain in chains(partition):
            begins = [tools[steps[0][1].tool].toolkit for steps in goals(chain)]
            elsewhere += [one != other for one, other in pairwise(begins)]
            assert len(chain.toolkits) > 1
    assert sum(elsewhere) > 0.6 * len(elsewhere)


def test_they_are_long():
    lengths = [len(chain.steps) for partition in PARTITIONS for chain in chains(partition)]
    assert sum(lengths) / len(lengths) > 11


def tool(name: str, **properties: str) -> Tool:
    parameters = {"type": "object", "properties": {key: {"type": kind} for key, kind in properties.items()}}
    parameters["required"] = list(properties)
    returns = {"type": "object", "properties": {"ok": {"type": "boolean"}}}
    return Tool(toolkit="t", name=name, description=name, parameters=parameters, returns=returns, source="test")


@pytest.mark.parametrize(
    ("tools", "possible"),
    [
        pytest.param([tool("LIST_TASKS"), tool("LIST_LABELS"), tool("LIST_USERS")], False, id="too few errands"),
        pytest.param(
            [tool(f"CREATE_{noun}", title="string") for noun in "TASK LABEL NOTE FOLDER TEAM".split()],
            True,
            id="errands, some of them twice",
        ),
    ],
)
def test_tools_without_links_permit_it_where_there_are_enough_errands(tools, possible):
    limits = ChainLimits(2, 6, 0.0, must_cross=False)
    wanted = {("simple", False): 1, ("long_context", False): 1}
    chains, _ = draw_chain_mix(tools, build_graph(tools), wanted, limits, 1)
    kinds = {chain.kind for chain in chains}
    assert kinds == ({"simple", "long_context"} if possible else {"simple"})


@pytest.mark.parametrize(("most_calls", "longest"), [(2, 7), (3, 10), (6, 19)])
def test_the_settings_bound_one_goal(most_calls, longest):
    tools = list(tools_of("jira").values())
    limits = ChainLimits(2, most_calls, 0.0, must_cross=False)
    drawn, _ = draw_chain_mix(tools, build_graph(tools), {("long_context", False): 5}, limits, 1)
    assert drawn
    assert max(len(chain.steps) for chain in drawn) <= longest
    assert max(len(steps) for chain in drawn for steps in goals(chain)[:-1]) <= most_calls
