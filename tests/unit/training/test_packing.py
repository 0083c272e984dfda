"""Packs: every row is in one of them, none sees another, and training on them is training on the rows one by one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funcdex_assets.records.training import TokenRow
from funcdex_assets.training.packing import (
    PackingError,
    build_attention_mask,
    measure_utilisation,
    pack_rows,
    stack_packs,
)

VOCABULARY = 61


def make_row(number: int, prefix: tuple[int, ...], rest: tuple[int, ...], weights: tuple[float, ...] = ()) -> TokenRow:
    return TokenRow(
        row_id=f"row_{number}",
        partition="gmail",
        split="train",
        kind="simple",
        layout="with_tools",
        prefix_length=len(prefix),
        token_ids=(*prefix, *rest),
        weights=(0.0,) * len(prefix) + (weights or (1.0,) * len(rest)),
    )


PREFIX_A, PREFIX_B = (7, 8, 9, 10, 11), (7, 8, 3)
ROWS = [
    make_row(0, PREFIX_A, (20, 21, 22, 23), (0.0, 0.0, 1.0, 2.0)),
    make_row(1, PREFIX_B, (30, 31, 32), (0.25, 1.0, 1.0)),  # the first counts: what a shared prefix predicts differs
    make_row(2, PREFIX_A, (24, 25, 26, 27, 28, 29), (0.5, 0.0, 1.0, 1.0, 0.0, 3.0)),
    make_row(3, PREFIX_B, (33, 34), (0.25, 1.0)),
    make_row(4, (), (40, 41, 42), (1.0, 1.0, 1.0)),
    make_row(5, PREFIX_A, (20, 21), (0.0, 1.0)),
]


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
def test_loss_and_gradient_of_packs_are_those_of_the_rows_one_by_one(implementation: str):
    torch = pytest.importorskip("torch")
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=64,
            attn_implementation=implementation,
            tie_word_embeddings=True,
        )
    ).double()

    def sum_losses(logits, targets, weights):
        losses = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
        return (losses * weights.flatten()).sum()

    def collect_gradients() -> list:
        gradients = [parameter.grad.clone() for parameter in model.parameters()]
        model.zero_grad()
        return gradients

    alone = torch.zeros((), dtype=torch.float64)
    for row in ROWS:
        ids, weights = torch.tensor([row.token_ids]), torch.tensor([row.weights], dtype=torch.float64)
        logits = model(input_ids=ids[:, :-1]).logits
        loss = sum_losses(logits, ids[:, 1:], weights[:, 1:])
        loss.backward()
        alone += loss.detach()
    expected = collect_gradients()

    packs = pack_rows(ROWS, 28)
    assert {len(pack.rows) for pack in packs} == {1, 5}, "one pack has two prefixes, the other is padded"
    batch = stack_packs(packs, padding_id=0)
    mask = build_attention_mask(batch["segments"], batch["prefix_of"])
    if implementation == "eager":
        mask = torch.zeros(mask.shape, dtype=torch.float64).masked_fill(~mask, float("-inf"))
    logits = model(
        input_ids=torch.tensor(batch["token_ids"]),
        position_ids=torch.tensor(batch["position_ids"]),
        attention_mask=mask,
    ).logits
    packed = sum_losses(logits, torch.tensor(batch["targets"]), torch.tensor(batch["weights"]))
    packed.backward()

    assert packed.item() == pytest.approx(alone.item(), abs=1e-6)
    for ours, theirs in zip(collect_gradients(), expected, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=0)
    assert max(gradient.abs().max().item() for gradient in expected) > 1e-2


@st.composite
def draw_rows(draw: st.DrawFn) -> list[TokenRow]:
    prefixes = draw(st.lists(st.lists(st.integers(0, 5), max_size=6).map(tuple), min_size=1, max_size=4))
    rests = draw(st.lists(st.tuples(st.sampled_from(prefixes), st.integers(1, 9)), min_size=1, max_size=25))
    rows = []
    for number, (prefix, length) in enumerate(rests):
        rest = tuple(draw(st.lists(st.integers(6, 60), min_size=length, max_size=length)))
        weights = tuple(draw(st.lists(st.sampled_from((0.0, 0.5, 1.0)), min_size=length, max_size=length)))
        rows.append(make_row(number, prefix, rest, weights))
    return rows


@settings(max_examples=150, deadline=None)
@given(rows=draw_rows())
def test_every_token_is_predicted_once_from_what_its_row_has_before_it(rows: list[TokenRow]):
    packs = pack_rows(rows, 20)
    assert sorted(place for pack in packs for place in pack.rows) == list(range(len(rows)))
    for pack in packs:
        assert pack.length <= 20
        mask = build_attention_mask(pack.segments[None], pack.prefix_of[None])[0, 0].numpy()
        predicted = []
        for place in np.flatnonzero(pack.weights):
            seen = np.flatnonzero(mask[place])
            assert pack.position_ids[seen].tolist() == list(range(len(seen)))
            predicted.append((tuple(pack.token_ids[seen].tolist()), pack.targets[place], pack.weights[place]))
        expected = [
            (row.token_ids[:at], row.token_ids[at], row.weights[at])
            for row in (rows[place] for place in pack.rows)
            for at in range(1, len(row.token_ids))
            if row.weights[at]
        ]
        assert sorted(predicted) == sorted(expected)


@settings(max_examples=50, deadline=None)
@given(rows=draw_rows())
def test_the_same_rows_give_the_same_packs(rows: list[TokenRow]):
    first, second = ([pack.token_ids.tolist() for pack in pack_rows(rows, 20)] for _ in range(2))
    assert first == second


def test_rows_of_one_prefix_are_put_together_and_have_it_once():
    prefix = tuple(range(10))
    rows = [make_row(number, prefix, (20 + number,) * 5) for number in range(4)]
    (pack,) = pack_rows(rows, 33)  # nine shared tokens, then four rows of the tenth and five of their own
    assert pack.length == 33
    figures = measure_utilisation(rows, [pack], 40)
    assert (figures.row_tokens, figures.packed_tokens, figures.places, figures.counted_tokens) == (60, 33, 40, 20)
    assert figures.saved == pytest.approx(0.45)
    assert figures.filled == pytest.approx(33 / 40)


def test_holes_are_filled_best_fit_decreasing():
    rows = [make_row(number, (), (1,) * size) for number, size in enumerate((6, 3, 7, 4, 2, 8))]
    assert [pack.rows for pack in pack_rows(rows, 10)] == [(5, 4), (2, 1), (0, 3)]


def test_a_row_that_is_longer_than_a_pack_is_refused_by_name():
    with pytest.raises(PackingError, match="row_0 has 12 tokens and a pack 10"):
        pack_rows([make_row(0, (1, 2), (3,) * 10)], 10)


def test_padding_counts_nothing_and_is_seen_by_nobody():
    batch = stack_packs(pack_rows(ROWS[:1] + ROWS[4:5], 9), padding_id=60, length=12)
    mask = build_attention_mask(batch["segments"], batch["prefix_of"])[:, 0].numpy()
    padding = batch["segments"] == -1
    assert padding.sum() == 2 * 12 - 12
    assert not batch["weights"][padding].any()
    assert (batch["token_ids"][padding] == 60).all()
    for pack in range(2):
        assert not mask[pack][~padding[pack]][:, padding[pack]].any()
        assert mask[pack][padding[pack]].sum() == padding[pack].sum(), "padding sees itself"
