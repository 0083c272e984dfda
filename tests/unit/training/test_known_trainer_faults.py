"""Faults that a trainer of this kind is known to have had, each with what ours does instead.

What is tested at its own place is named there: accumulation, resuming and the best weights in `test_trainer.py`, the
number of tokens that are written and ids beyond the vocabulary in `test_generation.py`.
"""

from pathlib import Path

import msgspec
import pytest
import torch
from tiny_training import TRAINING, tiny_model, token_rows, tokenizer

from funcdex_assets.training.answer_samples import find_first_answer
from funcdex_assets.training.checkpoints import collect_trained_weights
from funcdex_assets.training.data_order import DataOrder
from funcdex_assets.training.devices import choose_dtype, measure_peak_flops
from funcdex_assets.training.held_out import (
    build_held_out_packs,
    choose_test_rows,
    measure_held_out_loss,
    split_train_rows,
)
from funcdex_assets.training.models import collect_weights
from funcdex_assets.training.optimization import compute_rate_factor
from funcdex_assets.training.pack_loss import PackLoss
from funcdex_assets.training.pack_tensors import build_tensors, plan_packs
from funcdex_assets.training.trainer import Trainer

ROWS = token_rows()
CPU = torch.device("cpu")


def train(folder: Path, rows=ROWS, **changes):
    settings = TRAINING.model_copy(update=changes)
    trainer = Trainer(tiny_model(), tokenizer(), rows, settings, folder, identity="same", seed=3, is_pretrained=False)
    return trainer, trainer.train()


def test_prompts_are_learned_as_they_are_and_not_as_one_token(tmp_path: Path):
    """Once every prompt position predicted one and the same id."""
    _, plain = train(tmp_path / "plain", max_steps=60, packs_per_step=2)
    _, weighed = train(
        tmp_path / "weighed", token_rows(prompt_weight=0.5), max_steps=60, packs_per_step=2, prompt_weight=0.5
    )
    assert weighed.curve[-1].prompt_loss < 2
    assert plain.curve[-1].prompt_loss > 4, "without a weight it is not learned at all"
    rows = token_rows(prompt_weight=0.5)
    for pack in plan_packs(rows, 160):
        made = build_tensors(pack, rows)
        said = {
            (row.token_ids[place - 1], row.token_ids[place]) for row in rows for place in range(1, len(row.token_ids))
        }
        assert set(zip(made.input_ids[made.sources].tolist(), made.targets.tolist(), strict=True)) <= said


def test_a_step_has_different_packs():
    """Once eight backward passes over one batch were called a batch of eight."""
    packs = [build_tensors(pack, ROWS) for pack in plan_packs(ROWS, 160)]
    taken = DataOrder(packs, seed=1).take(len(packs))
    assert len({id(pack) for pack in taken}) == len(packs) > 1


def test_masks_do_not_reach_the_inputs():
    """Once inputs and targets were one tensor, and masking the targets put -1 among the inputs."""
    (pack,) = plan_packs(ROWS[:4], 10_000)
    made = build_tensors(pack, ROWS[:4])
    before = made.input_ids.clone()
    PackLoss(tiny_model())(made).sum().backward()
    assert torch.equal(made.input_ids, before)
    assert made.input_ids.min() >= 0


@pytest.mark.parametrize("pack_tokens", [16, 100, 5000])
def test_packs_of_any_length_hold_all_rows(pack_tokens: int):
    """Once every row had to have 1,024 tokens, padded, and longer ones were lost."""
    packs = plan_packs(ROWS, pack_tokens)
    assert sorted(place for pack in packs for place in pack.rows) == list(range(len(ROWS)))
    assert sum(build_tensors(pack, ROWS).row_tokens for pack in packs) == sum(len(row.token_ids) for row in ROWS)


def test_compiled_weights_keep_their_names():
    """Once a checkpoint of a compiled model could not be loaded, because each name began with `_orig_mod.`."""
    model = tiny_model()
    names = collect_weights(model).keys(), collect_trained_weights(model).keys()
    model.get_decoder().compile()
    assert (collect_weights(model).keys(), collect_trained_weights(model).keys()) == names


def test_an_evaluation_has_all_held_out_rows_each_time():
    """Once it read its first batch again and again."""
    rows = choose_test_rows(ROWS, 32)
    assert {row.row_id for row in rows} == {row.row_id for row in ROWS if row.split == "test"}
    loss = PackLoss(tiny_model())
    alone = [measure_held_out_loss(loss, build_held_out_packs([row], 160), CPU, torch.float32) for row in rows]
    counts = [sum(weight > 0 for weight in row.weights) for row in rows]
    expected = sum(each.answer * count for each, count in zip(alone, counts, strict=True)) / sum(counts)
    for _ in range(2):
        together = measure_held_out_loss(loss, build_held_out_packs(rows, 160), CPU, torch.float32)
        assert together.answer == pytest.approx(expected, rel=1e-5)


def test_a_sample_of_held_out_rows_is_the_same_each_time():
    assert choose_test_rows(ROWS, 2) == choose_test_rows(list(reversed(ROWS)), 2)
    assert len(choose_test_rows(ROWS, 2)) == 2


def test_what_chooses_the_weights_is_neither_learned_nor_measured():
    """Once the rows that chose the best weights were those by which the model was then measured."""
    learned, validating = split_train_rows(ROWS, 32)
    assert (len(learned), len(validating)) == (11, 1), "a tenth of twelve, rounded down"
    assert {row.split for row in (*learned, *validating)} == {"train"}
    assert not {row.row_id for row in learned} & {row.row_id for row in validating}


def test_windows_of_a_conversation_are_on_one_side_and_stay_there():
    train = [row for row in ROWS if row.split == "train"]
    windows = [
        msgspec.structs.replace(row, row_id=f"{row.row_id}x{copy}#{window}")
        for row in train
        for copy in range(5)
        for window in range(3)
    ]
    learned, validating = split_train_rows(windows, 4)
    sides = [{row.row_id.partition("#")[0] for row in side} for side in (learned, validating)]
    assert (len(sides[1]), len(validating), sides[0] & sides[1]) == (4, 12, set())
    others = [row for row in windows if row not in validating[:3]]
    assert {row.row_id for row in validating[3:]} <= {row.row_id for row in split_train_rows(others, 4)[1]}


def test_the_first_step_learns_and_nothing_is_sampled_before_it(tmp_path: Path):
    """Once the first iteration had a rate of 0, and 800 tokens were sampled before it."""
    assert compute_rate_factor(0, 0.0, warmup_steps=100, min_share=0.1) > 0
    _, state = train(tmp_path, warmup_steps=100)
    assert state.curve[1].learning_rate > 0
    assert min(sample.step for sample in state.samples) > 0


def test_what_ends_a_turn_is_one_token_that_is_learned():
    """Once `<|im_end|>` was five tokens of plain text, and a model went on behind it."""
    end = tokenizer().convert_tokens_to_ids("<|im_end|>")
    for row in ROWS:
        begin, stop = find_first_answer(row)
        assert row.token_ids[stop - 1] == end
        assert row.weights[stop - 1] == 1
        assert end not in row.token_ids[begin : stop - 1]


def test_the_first_token_of_an_answer_counts_and_nothing_before_it():
    begin_of_turn = tokenizer()("<|im_start|>assistant\n", add_special_tokens=False)["input_ids"]
    for row in ROWS:
        begin, _ = find_first_answer(row)
        assert list(row.token_ids[begin - len(begin_of_turn) : begin]) == begin_of_turn
        assert not any(row.weights[:begin])


def test_utilisation_is_of_this_machine_and_no_loss_is_scaled():
    """Once it was of one kind of GPU whatever the machine, and a deprecated scaler was created for float32."""
    assert measure_peak_flops(CPU, torch.float32, size=128) > 1e8
    assert choose_dtype("auto", CPU) in (torch.float32, torch.bfloat16)
