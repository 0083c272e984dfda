"""Weights that follow from what a model did badly, and chains that follow from the weights."""

import json
from collections import Counter
from dataclasses import replace

import pytest
from offline import tools_of

from funcdex_assets.records.feedback import AspectWeights, Weakness, name_argument_form
from funcdex_assets.tool_graph.chains import ChainLimits, draw_chain_mix
from funcdex_assets.tool_graph.coverage import Coverage, CoverageStore
from funcdex_assets.tool_graph.feedback import (
    NO_FEEDBACK,
    FeedbackError,
    hash_weaknesses,
    read_weaknesses,
    reweigh_kinds,
    weigh_weaknesses,
    write_weaknesses,
)


def weak(name: str, match: float, items: int = 40, aspect: str = "tool") -> Weakness:
    return Weakness("car", aspect, name, match, items)  # type: ignore[arg-type]


# ── weights ───────────────────────────────────────────────────────────────────────────────────


def test_what_is_worse_weighs_more_and_what_is_unknown_as_the_mean():
    weights = weigh_weaknesses([weak("dim", 0.2), weak("lock", 0.8)], 1.0).tools
    assert weights.weigh("dim") > weights.weigh("never measured") > weights.weigh("lock") > 1
    assert weights.others == 1.5


def test_few_items_say_little():
    many = weigh_weaknesses([weak("dim", 0.0, 400), weak("lock", 1.0, 400)], 1.0).tools
    few = weigh_weaknesses([weak("dim", 0.0, 2), weak("lock", 1.0, 400), weak("open", 0.0, 398)], 1.0).tools
    assert many.weigh("dim") > 1.95
    assert few.weigh("dim") < 1.6
    assert weigh_weaknesses([weak("dim", 0.0, 0)], 1.0) == NO_FEEDBACK


@pytest.mark.parametrize("strength", [0.0, 0.5, 2.0])
def test_the_strength_scales_the_weights(strength):
    weights = weigh_weaknesses([weak("dim", 0.0, 10_000), weak("lock", 1.0, 10_000)], strength)
    assert weights.tools.weigh("dim") == pytest.approx(1 + strength, rel=0.01)
    assert (weights == NO_FEEDBACK) == (strength == 0)


def test_a_kind_is_at_most_doubled_or_halved_and_none_comes_from_nothing():
    weights = weigh_weaknesses([weak("ask_back", 0.0, 900, "kind"), weak("simple", 1.0, 9_000, "kind")], 10.0).kinds
    mix = {"ask_back": 4.0, "simple": 20.0, "parallel": 15.0, "command": 0.0}
    assert reweigh_kinds(mix, weights) == {
        "ask_back": 8.0,
        "simple": pytest.approx(20 * weights.weigh("simple") / weights.others),
        "parallel": 15.0,
        "command": 0.0,
    }
    assert reweigh_kinds(mix, AspectWeights()) == mix


def test_the_order_of_the_figures_does_not_matter():
    figures = [weak(name, match) for name, match in (("a", 0.1), ("b", 0.7), ("c", 0.3))]
    assert weigh_weaknesses(figures, 1.3) == weigh_weaknesses(figures[::-1], 1.3)


# ── files ─────────────────────────────────────────────────────────────────────────────────────


def test_figures_are_written_and_read(tmp_path):
    figures = (weak("dim", 0.25), weak(name_argument_form("dim", ["b", "a"]), 0.5, 7, "argument_form"))
    write_weaknesses(tmp_path / "feedback" / "car.json", figures)
    assert read_weaknesses(tmp_path / "feedback" / "car.json") == figures
    assert json.loads((tmp_path / "feedback" / "car.json").read_text())[1]["name"] == "dim(a, b)"
    assert hash_weaknesses(figures) != hash_weaknesses(figures[:1])


ENTRY = {"partition": "car", "aspect": "tool", "name": "dim", "match": 0.5, "items": 3}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(None, "cannot be read", id="no file"),
        pytest.param({"tool": 1}, "JSON list of objects", id="no list"),
        pytest.param([{**ENTRY, "aspect": "mood"}], "JSON list of objects", id="no such aspect"),
        pytest.param([{**ENTRY, "match": 50}], r"entry 0 \(dim\): match 50", id="per cent"),
        pytest.param([ENTRY, ENTRY], "entry 1: car tool dim is there twice", id="twice"),
    ],
)
def test_figures_that_cannot_be_used_are_refused(tmp_path, content, message):
    path = tmp_path / "figures.json"
    if content is not None:
        path.write_text(json.dumps(content))
    with pytest.raises(FeedbackError, match=message):
        read_weaknesses(path)


def test_a_night_keeps_the_figures_that_it_was_steered_by(tmp_path):
    store = CoverageStore(tmp_path)
    store.replace_night("car", 1, Coverage(Counter(dim=3)))
    store.replace_night("car", 2, Coverage(Counter(dim=4)), (weak("dim", 0.25),))
    assert store.load_feedback("car", 1) is None
    assert store.load_feedback("car", 2) == (weak("dim", 0.25),)
    assert store.load_feedback("car", 3) is None
    assert "feedback" not in json.loads((tmp_path / "car.json").read_text())[0]


# ── chains ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "kind", [pytest.param("single_turn", id="one request"), pytest.param("command", id="commands")]
)
def test_a_tool_of_more_weight_is_drawn_more(kind):
    tools = list(tools_of("hotel").values())
    names = frozenset(one.name for one in tools)
    limits = ChainLimits(2, 6, 0.19, must_cross=False, plain_tools=names, spoken_tools=names)
    counts = {(kind, False): 160, (kind, True): 40}

    def draw(limits: ChainLimits) -> tuple[list, Counter[str]]:
        chains, _ = draw_chain_mix(tools, [], counts, limits, 5)
        return chains, Counter(step.tool for chain in chains for step in chain.steps)

    even_chains, even = draw(limits)
    figures = [weak("set_heat", 0.0, 200), *(weak(name, 0.95, 200) for name in names - {"set_heat"})]
    weights = weigh_weaknesses(figures, 3.0).tools
    _, steered = draw(replace(limits, tool_weights={name: weights.weigh(name) for name in names}))
    assert steered["set_heat"] > 1.25 * even["set_heat"]
    assert draw(limits)[0] == even_chains
