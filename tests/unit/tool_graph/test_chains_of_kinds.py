"""Chains of each kind of conversation: the shapes that it is made of."""

from collections import Counter

import pytest
from offline import PARTITIONS, tools_of

from funcdex_assets.planning.commands import select_spoken_tools
from funcdex_assets.records.chain_patterns import EDGELESS_PATTERNS
from funcdex_assets.records.kinds import CHAIN_SHAPES, DEFAULT_WEIGHTS, SERVICE_KINDS, count_conversations_per_cell
from funcdex_assets.tool_graph.chains import ChainLimits, draw_chain_mix
from funcdex_assets.tool_graph.graph import build_graph
from funcdex_assets.tool_graph.patterns import classify_pattern

every_partition = pytest.mark.parametrize("partition", PARTITIONS)
LINKED_PATTERNS = {"next_page", "join", "create_then_use", "search_then_act", "sequential"}


def drawn(partition: str, **options: object):
    tools = list(tools_of(partition).values())
    limits = ChainLimits(2, 6, 0.19, must_cross="_" in partition, **options)  # type: ignore[arg-type]
    counts = count_conversations_per_cell(100, 19, DEFAULT_WEIGHTS, SERVICE_KINDS)
    return draw_chain_mix(tools, build_graph(tools), counts, limits, 7)[0]


@every_partition
def test_every_kind_has_chains_of_its_shapes_and_lengths(partition):
    chains = drawn(partition)
    # Its tools only list, and require nothing.
    all_alike = {"no_suitable_tool", "ask_back"} if partition == "gmail_googledrive" else set()
    assert {chain.kind for chain in chains} == set(SERVICE_KINDS) - all_alike
    for chain in chains:
        shape = CHAIN_SHAPES[chain.kind]
        allowed = {name for name in shape.patterns if name != "linked"}
        if "linked" in shape.patterns:
            allowed |= LINKED_PATTERNS | {"independent"}  # where nothing links
        assert chain.pattern == classify_pattern(chain.steps)
        assert chain.pattern in allowed, chain
        assert len(chain.steps) <= shape.max_steps + (chain.pattern == "fan_out")
        assert len(chain.steps) >= min(shape.min_steps, 6) or chain.pattern == "single_call"


@every_partition
def test_identifiers_differ_and_sides_are_as_wanted_where_chains_permit(partition):
    chains = drawn(partition)
    assert len({chain.chain_id for chain in chains}) == len(chains)
    wanted = count_conversations_per_cell(100, 19, DEFAULT_WEIGHTS, SERVICE_KINDS)
    got = Counter((chain.kind, chain.held_out) for chain in chains)
    assert all(got[cell] <= count for cell, count in wanted.items())
    assert sum(got.values()) >= 70


@every_partition
def test_a_fan_out_does_one_thing_with_several_of_a_list(partition):
    for chain in drawn(partition):
        if chain.pattern != "fan_out":
            continue
        listing, first, *others = chain.steps
        alike = [step for step in others if step.together]
        assert not listing.bindings
        assert alike
        assert {step.tool for step in alike} == {first.tool}
        places = [step.bindings[0].result for step in (first, *alike)]
        assert places == [places[0].replace("/0", f"/{index}", 1) for index in range(len(places))]


@every_partition
def test_no_call_made_at_once_needs_a_result_of_the_others(partition):
    for chain in drawn(partition):
        for index, step in enumerate(chain.steps):
            if step.together:
                group = index
                while chain.steps[group].together:
                    group -= 1
                assert all(binding.step < group for binding in step.bindings)


def test_a_share_of_the_chains_of_a_bundle_can_stay_within_a_toolkit():
    crossing = {
        share: Counter(len(chain.toolkits) > 1 for chain in drawn("jira_gmail", crossing_share=share))
        for share in (0, 1)
    }
    several = [chain for chain in drawn("jira_gmail", crossing_share=1) if len(chain.steps) > 1]
    assert all(len(chain.toolkits) > 1 for chain in several)
    assert crossing[0][False] > crossing[1][False]


def test_weights_of_patterns_hold_within_the_kinds_that_permit_them():
    chains = drawn("gmail", patterns={"search_then_act": 1, "single_call": 1})
    by_kind = {kind: {chain.pattern for chain in chains if chain.kind == kind} for kind in SERVICE_KINDS}
    assert by_kind["simple"] == {"single_call"}
    assert by_kind["multi_step"] == {"search_then_act"}
    assert by_kind["parallel"] <= {"parallel", "fan_out"}  # none of them was given a weight, so all are as they were
    assert by_kind["parallel"]
    assert EDGELESS_PATTERNS


@pytest.mark.parametrize("partition", ["gmail", "hotel", "jira_gmail"])
@pytest.mark.parametrize("hold_out", ["chain", "function"])
def test_there_are_as_many_single_requests_as_wanted_and_each_is_a_chain_by_itself(partition, hold_out):
    tools = list(tools_of(partition).values())
    spoken = select_spoken_tools(tools)
    limits = ChainLimits(2, 6, 0.2, must_cross="_" in partition, spoken_tools=spoken, hold_out=hold_out)
    counts = count_conversations_per_cell(200, 40, {"single_turn": 1}, {"single_turn"})
    chains, failures = draw_chain_mix(tools, build_graph(tools), counts, limits, 7)
    assert failures == []
    assert len({chain.chain_id for chain in chains}) == len(chains)
    by_tool = Counter(step.tool for chain in chains for step in chain.steps)
    assert max(by_tool.values()) <= 4 * min(by_tool.values())
    if hold_out == "chain":
        assert Counter(chain.held_out for chain in chains) == {False: 160, True: 40}
        called = [{step.tool for chain in chains if chain.held_out == side for step in chain.steps} for side in (0, 1)]
        assert called[1] <= called[0]  # what the test split asks for is trained on, in other words
    for chain in chains:
        assert chain.pattern in ("single_call", "parallel")
        assert len({step.tool in spoken for step in chain.steps}) == 1
        assert all(step.together for step in chain.steps[1:])
