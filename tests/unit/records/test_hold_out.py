import pytest
from offline import tools_of

from funcdex_assets.records.hold_out import is_held_out, select_reserved_tools
from funcdex_assets.records.seeds import derive_seed
from funcdex_assets.tool_graph.chains import ChainLimits, sample_chains
from funcdex_assets.tool_graph.graph import build_graph

TOOLS = [f"TOOL_{number}" for number in range(2000)]


def test_about_the_share_of_the_tools_is_reserved_and_grows_with_it():
    fifth, half = set(select_reserved_tools(TOOLS, 0.2)), set(select_reserved_tools(TOOLS, 0.5))
    assert 340 < len(fifth) < 460
    assert 930 < len(half) < 1070
    assert fifth < half


@pytest.mark.parametrize(("share", "count"), [(0, 0), (1, 3)])
def test_none_and_all_can_be_reserved(share, count):
    assert len(select_reserved_tools(["C", "A", "B", "A"], share)) == count


def test_reserved_tools_are_sorted_and_depend_on_their_names_alone():
    chosen = select_reserved_tools(TOOLS, 0.3)
    assert list(chosen) == sorted(chosen)
    assert chosen == select_reserved_tools(TOOLS[::-1], 0.3)
    assert [tool for tool in TOOLS[:50] if select_reserved_tools([tool], 0.3)] == [t for t in TOOLS[:50] if t in chosen]


def test_by_function_a_chain_is_held_out_with_its_first_reserved_tool():
    reserved, free = select_reserved_tools(TOOLS, 0.2)[0], next(t for t in TOOLS if not select_reserved_tools([t], 0.2))
    for chain in ([reserved], [free, reserved], [reserved, free, free]):
        assert is_held_out(chain, 0.2, "function")
    assert not is_held_out([free, free], 0.2, "function")


def test_by_chain_is_what_it_always_was():
    """Datasets of earlier nights keep their sides."""
    chains = [(tool, "B") for tool in TOOLS[:200]]
    assert [is_held_out(chain, 0.19) for chain in chains] == [
        derive_seed("held out", *chain) < 0.19 * 2**63 for chain in chains
    ]


@pytest.mark.parametrize("partition", ["gmail", "jira_gmail"])
def test_no_train_chain_has_a_tool_of_the_test_split_and_every_test_chain_has(partition):
    tools = list(tools_of(partition).values())
    limits = ChainLimits(2, 5, 0.2, must_cross="_" in partition, hold_out="function")
    chains = sample_chains(tools, build_graph(tools), 60, limits, 7)
    reserved = set(select_reserved_tools(tools_of(partition), 0.2))
    assert 0 < len(reserved) < len(tools)
    sides = {True: 0, False: 0}
    for chain in chains:
        assert bool(reserved & {step.tool for step in chain.steps}) == chain.held_out
        sides[chain.held_out] += 1
    assert sides == {True: 12, False: 48}
