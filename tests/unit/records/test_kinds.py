"""Counts per kind and side: whole numbers that add up, near to the weights."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funcdex_assets.records.kinds import (
    CHAIN_SHAPES,
    DEFAULT_WEIGHTS,
    KINDS,
    SERVICE_KINDS,
    apportion_by_weight,
    count_conversations_per_cell,
)


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        pytest.param(0, {"a": 1, "b": 2}, {"a": 0, "b": 0}, id="nothing"),
        pytest.param(1, {"a": 1, "b": 1}, {"a": 1, "b": 0}, id="of equal ones the first"),
        pytest.param(3, {"a": 1, "b": 1, "c": 4}, {"a": 1, "b": 0, "c": 2}, id="by largest remainder"),
        pytest.param(5, {"a": 0, "b": 3}, {"a": 0, "b": 5}, id="no weight, no part"),
        pytest.param(5, {}, {}, id="nobody"),
    ],
)
def test_parts(total, weights, parts):
    assert apportion_by_weight(total, weights) == parts


DEFAULT_KINDS = [kind for kind in KINDS if DEFAULT_WEIGHTS[kind]]


@given(st.integers(0, 2000), st.dictionaries(st.sampled_from("abcdefg"), st.floats(0.01, 100), min_size=1))
def test_parts_add_up_and_are_within_one_of_their_share(total, weights):
    parts = apportion_by_weight(total, weights)
    assert sum(parts.values()) == total
    for name, part in parts.items():
        assert abs(part - total * weights[name] / sum(weights.values())) < 1


@given(
    st.integers(1, 500),
    st.floats(0, 0.9),
    st.sets(st.sampled_from(DEFAULT_KINDS), min_size=1),
)
def test_cells_hold_exactly_what_is_wanted(total, share, possible):
    held_out = round(total * share)
    found = count_conversations_per_cell(total, held_out, DEFAULT_WEIGHTS, possible)
    assert sum(found.values()) == total
    assert sum(count for (_, side), count in found.items() if side) == held_out
    assert {kind for kind, _ in found} == possible
    assert all(count >= 0 for count in found.values())


def test_the_default_of_106_is_within_a_conversation_of_its_weights():
    found = count_conversations_per_cell(106, 20, DEFAULT_WEIGHTS, SERVICE_KINDS)
    for kind in SERVICE_KINDS:
        assert abs(found[kind, False] + found[kind, True] - 106 * DEFAULT_WEIGHTS[kind] / 100) < 1


def test_a_kind_that_is_not_possible_leaves_its_share_to_the_others():
    found = count_conversations_per_cell(106, 20, DEFAULT_WEIGHTS, SERVICE_KINDS)
    assert found["long_context", False] + found["long_context", True] == 2
    without = count_conversations_per_cell(
        106, 20, DEFAULT_WEIGHTS, [kind for kind in SERVICE_KINDS if kind != "long_context"]
    )
    assert sum(without.values()) == 106
    assert all(without[cell] >= found[cell] - 1 for cell in without)


def test_conversations_of_one_turn_are_made_where_they_are_asked_for_alone():
    assert not [kind for kind in KINDS if not DEFAULT_WEIGHTS[kind] and kind != "single_turn"]
    assert "single_turn" not in {kind for kind, _ in count_conversations_per_cell(106, 20, DEFAULT_WEIGHTS, KINDS)}


def test_every_kind_has_weights_and_chains():
    assert set(DEFAULT_WEIGHTS) == set(CHAIN_SHAPES) == set(KINDS)
