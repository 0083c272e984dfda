"""Coverage: what was drawn less is drawn more, within a night and over nights, and a night is made again alike."""

from collections import Counter

import pytest
from offline import tools_of

from funcdex_assets.records.tool import Binding, ChainStep
from funcdex_assets.tool_graph.chains import ChainLimits, sample_chains
from funcdex_assets.tool_graph.coverage import Coverage, CoverageStore, coefficient_of_variation, entropy, evenness
from funcdex_assets.tool_graph.graph import build_graph

STEPS = (
    ChainStep(tool="LIST", bindings=()),
    ChainStep(tool="GET", bindings=(Binding(argument="/id", step=0, result="/ids/*", kind="id"),)),
)


def night(partition, seed, past, *, steered=True, count=50):
    tools = list(tools_of(partition).values())
    limits = ChainLimits(2, 6, 0.19, "_" in partition, steered)
    chains = sample_chains(tools, build_graph(tools), count, limits, seed, past)
    coverage = Coverage()
    for chain in chains:
        coverage.count_chain(chain.steps, chain.pattern)
    return chains, coverage


def test_what_is_counted():
    coverage = Coverage()
    coverage.count_chain(STEPS, "sequential")
    assert coverage == Coverage(Counter(LIST=1, GET=1), Counter({"LIST>GET": 1}), Counter(sequential=1))


def test_the_scarcer_the_stronger():
    coverage = Coverage(Counter(A=3, B=1), Counter({"A>B": 4}))
    assert coverage.weigh_scarcity("C") == 1
    assert coverage.weigh_scarcity("C") > coverage.weigh_scarcity("B") > coverage.weigh_scarcity("A")
    assert (
        coverage.weigh_scarcity("B", ["A"]) < coverage.weigh_scarcity("B", ["A", "C"]) == coverage.weigh_scarcity("B")
    )


@pytest.mark.parametrize("partition", ["gmail_googlecalendar", "googledrive_calendly_googlecalendar", "jira_gmail"])
def test_steering_covers_more_and_more_evenly(partition):
    tools = len(tools_of(partition))
    figures = {}
    for steered in (True, False):
        total = Coverage()
        for seed in (1, 2, 3):
            total.add_counts(night(partition, seed, total, steered=steered)[1])
        figures[steered] = total
    assert len(figures[True].tools) >= len(figures[False].tools)
    assert entropy(figures[True].tools) > entropy(figures[False].tools) + 0.05
    assert coefficient_of_variation(figures[True].tools, tools) < coefficient_of_variation(figures[False].tools, tools)


def test_the_past_is_looked_at_and_not_changed():
    _, first = night("gmail", 1, Coverage())
    past = Coverage(Counter(first.tools), Counter(first.edges), Counter(first.patterns))
    chains, _ = night("gmail", 2, past)
    assert past == first
    assert chains != night("gmail", 2, Coverage())[0]


def test_without_steering_the_past_does_not_matter():
    _, first = night("gmail", 1, Coverage(), steered=False)
    assert night("gmail", 2, first, steered=False)[0] == night("gmail", 2, Coverage(), steered=False)[0]


def test_a_night_looks_back_at_those_before_it_only(tmp_path):
    memory = CoverageStore(tmp_path)
    one, two, three = (Coverage(Counter({name: 1})) for name in "ABC")
    for seed, coverage in ((7, one), (3, two), (9, three)):
        memory.replace_night("gmail", seed, coverage)
    assert memory.sum_earlier_nights("gmail", 7).tools == {}
    assert memory.sum_earlier_nights("gmail", 3).tools == {"A": 1}
    assert memory.sum_earlier_nights("gmail", 9).tools == {"A": 1, "B": 1}
    assert memory.sum_earlier_nights("gmail", 10).tools == {"A": 1, "B": 1, "C": 1}
    assert memory.sum_earlier_nights("jira", 10).tools == {}


def test_a_night_that_is_made_again_keeps_its_place(tmp_path):
    memory = CoverageStore(tmp_path)
    for seed in (1, 2):
        memory.replace_night("gmail", seed, Coverage(Counter({f"T{seed}": 1})))
    memory.replace_night("gmail", 1, Coverage(Counter(NEW=5)))
    assert memory.sum_earlier_nights("gmail", 1).tools == {}
    assert memory.sum_earlier_nights("gmail", 2).tools == {"NEW": 5}


def test_a_broken_memory_is_named(tmp_path):
    (tmp_path / "gmail.json").write_text("[")
    with pytest.raises(ValueError, match=r"gmail\.json cannot be read: .*; remove it to begin anew"):
        CoverageStore(tmp_path).sum_earlier_nights("gmail", 1)


@pytest.mark.parametrize(
    ("counts", "kinds", "bits", "share", "spread"),
    [
        pytest.param({}, 4, 0, 0, 0, id="nothing"),
        pytest.param({"a": 8}, 1, 0, 1, 0, id="one kind"),
        pytest.param({"a": 2, "b": 2, "c": 2, "d": 2}, 4, 2, 1, 0, id="even"),
        pytest.param({"a": 4}, 4, 0, 0, 3**0.5, id="one of four"),
    ],
)
def test_figures(counts, kinds, bits, share, spread):
    counts = Counter(counts)
    assert entropy(counts) == bits
    assert evenness(counts, kinds) == share
    assert coefficient_of_variation(counts, kinds) == pytest.approx(spread)


def test_nights_before_the_latest_may_be_forgotten(tmp_path):
    memory = CoverageStore(tmp_path)
    for seed in (9, 3, 5):
        memory.replace_night("gmail", seed, Coverage(tools=Counter(LIST=seed)))
    count, size = memory.count_obsolete_nights("gmail", 2)
    assert (memory.list_partitions(), count, size > 0) == (["gmail"], 1, True)
    memory.forget_nights("gmail", 2)
    assert memory.sum_earlier_nights("gmail", seed=1).tools["LIST"] == 3 + 5, "the first to come went first"
    assert memory.count_obsolete_nights("gmail", 2) == (0, 0)
