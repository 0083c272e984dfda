"""Training: a step is one gradient of all its packs, what was interrupted goes on exactly, and the best stays."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import torch
from tiny_training import TRAINING, job, tiny_model, token_rows, tokenizer

from funcdex_assets.records.training import TokenRow
from funcdex_assets.training import held_out
from funcdex_assets.training.answer_samples import find_first_answer
from funcdex_assets.training.checkpoints import CheckpointError, TrainingState, load_best_weights
from funcdex_assets.training.data_order import DataOrder
from funcdex_assets.training.models import collect_weights
from funcdex_assets.training.optimization import Budget, build_optimizer, plan_budget
from funcdex_assets.training.pack_loss import PackLoss
from funcdex_assets.training.pack_tensors import build_tensors, plan_packs
from funcdex_assets.training.trainer import NothingToLearnError, Progress, Trainer
from funcdex_assets.training.training_job import hash_job, prepare_training

ROWS = token_rows()


def trainer_in(folder: Path, model=None, rows=ROWS, **changes) -> Trainer:
    return Trainer(
        model if model is not None else tiny_model(),
        tokenizer(),
        rows,
        TRAINING.model_copy(update=changes),
        folder,
        identity="same",
        seed=3,
        is_pretrained=False,
    )


def losses_of(state: TrainingState) -> list[tuple]:
    """Everything of the curve but the time that it took."""
    return [
        tuple(getattr(point, name) for name in point.__struct_fields__ if name != "cpu_seconds")
        for point in state.curve
    ]


def gradients_of(model) -> dict[str, torch.Tensor]:
    return {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}


# ── what a step is ────────────────────────────────────────────────────────────────────────────


def test_the_gradient_of_several_packs_is_that_of_one_with_all_rows(tmp_path: Path):
    rows = [row for row in ROWS if row.split == "train"]
    whole = [build_tensors(pack, rows) for pack in plan_packs(rows, 10_000)]
    parts = [build_tensors(pack, rows) for pack in plan_packs(rows, 160)]
    assert (len(whole), len(parts) > 2) == (1, True)
    assert len({pack.total_weight for pack in parts}) > 1, (
        "packs of different weights, which a mean of means would miss"
    )
    found = []
    for packs in (whole, parts):
        model = tiny_model()
        loss = trainer_in(tmp_path, model).accumulate_gradient(packs)
        found.append((loss, gradients_of(model)))
    (loss, gradients), (other_loss, other_gradients) = found
    assert other_loss == pytest.approx(loss, rel=1e-6)
    for name, gradient in gradients.items():
        torch.testing.assert_close(other_gradients[name], gradient, rtol=1e-4, atol=1e-7)


def test_the_loss_is_the_weighted_mean_over_all_counted_tokens(tmp_path: Path):
    rows = [row for row in ROWS if row.split == "train"]
    rows[0] = type(rows[0])(**{name: getattr(rows[0], name) for name in rows[0].__struct_fields__} | {
        "weights": tuple(3.0 * weight for weight in rows[0].weights)
    })  # fmt: skip
    model = tiny_model().eval()
    total = weight_sum = 0.0
    for row in rows:
        logits = model(torch.tensor([row.token_ids])).logits[0].detach().log_softmax(-1)
        for place in range(1, len(row.token_ids)):
            total -= row.weights[place] * float(logits[place - 1, row.token_ids[place]])
            weight_sum += row.weights[place]
    packs = [build_tensors(pack, rows) for pack in plan_packs(rows, 160)]
    assert trainer_in(tmp_path, model).accumulate_gradient(packs) == pytest.approx(total / weight_sum, rel=1e-5)


def test_a_detached_prefix_gives_the_same_loss_and_no_gradient_to_what_only_it_has():
    rows = [row for row in ROWS if row.split == "train"][:3]
    (pack,) = [build_tensors(pack, rows) for pack in plan_packs(rows, 10_000)]
    model = tiny_model(tie_embeddings=False)
    whole = PackLoss(model)(pack)
    whole.sum().backward()
    gradients = gradients_of(model)
    model.zero_grad()
    detached = PackLoss(model, detach_prefix=True)(pack)
    detached.sum().backward()
    torch.testing.assert_close(detached, whole)
    only_in_prefix = (set(rows[0].token_ids[: rows[0].prefix_length])).difference(
        token for row in rows for token in row.token_ids[row.prefix_length - 1 :]
    )
    embedding = model.get_input_embeddings().weight.grad
    assert only_in_prefix
    assert all(embedding[token].abs().sum() == 0 for token in only_in_prefix)
    assert all(gradients["model.embed_tokens.weight"][token].abs().sum() > 0 for token in only_in_prefix)


def test_norms_and_embeddings_do_not_decay():
    model = tiny_model(tie_embeddings=False)
    decaying, others = build_optimizer(model, TRAINING, is_pretrained=False).param_groups
    assert (decaying["weight_decay"], others["weight_decay"]) == (TRAINING.weight_decay, 0.0)
    names = {id(weight): name for name, weight in model.named_parameters()}
    kept = {names[id(weight)] for weight in others["params"]}
    assert kept == {name for name in names.values() if "norm" in name or "embed_tokens" in name}
    assert "lm_head.weight" in {names[id(weight)] for weight in decaying["params"]}


# ── the budget ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("fields", "budget"),
    [
        pytest.param({"epochs": 2.0, "max_steps": None}, Budget(20), id="epochs in steps"),
        pytest.param({"epochs": 0.01, "max_steps": None}, Budget(1), id="one step at least"),
        pytest.param({"epochs": 2.0, "max_steps": 7}, Budget(7), id="the nearer limit"),
        pytest.param({"epochs": None, "max_steps": None, "max_cpu_seconds": 9.0}, Budget(None, 9.0), id="CPU time"),
    ],
)
def test_budget(fields, budget):
    assert plan_budget(TRAINING.model_copy(update=fields), 10) == budget


def test_a_budget_of_cpu_time_ends_the_training_and_lowers_the_rate(tmp_path: Path):
    state = trainer_in(tmp_path, max_steps=None, max_cpu_seconds=0.5).train()
    trained = [point for point in state.curve if point.train_loss is not None]
    assert state.is_done
    assert trained[-1].cpu_seconds >= 0.5 > trained[-2].cpu_seconds
    assert trained[-1].learning_rate < 0.5 * max(point.learning_rate for point in trained)


def test_training_ends_early_when_the_test_loss_no_longer_falls(tmp_path: Path):
    state = trainer_in(tmp_path, max_steps=400, eval_interval=2, patience=2, learning_rate=0.3).train()
    measured = [point for point in state.curve if point.answer_loss is not None and point.step]
    assert state.step < 400
    assert state.best_loss == min(point.answer_loss for point in measured)
    assert [point.step > state.best_step for point in measured[-2:]] == [True, True]


# ── going on ──────────────────────────────────────────────────────────────────────────────────

KILLED = """
import os, signal, sys
from pathlib import Path
from tiny_training import job
from funcdex_assets.training.training_job import hash_job, prepare_training

work, dropout = Path(sys.argv[1]), float(sys.argv[2])
made = job(work.parent, dropout=dropout)

def report(progress):
    if progress.checkpoint_step == 4:
        os.kill(os.getpid(), signal.SIGKILL)

trainer, _, _ = prepare_training(made, work, hash_job(made))
trainer.train(report)
"""


@pytest.mark.concurrent
def test_a_training_that_was_killed_goes_on_as_if_it_never_stopped(tmp_path: Path):
    dropout = 0.1  # so that the random numbers of each step matter
    whole_job = job(tmp_path / "whole", dropout=dropout)
    whole, whole_model, _ = prepare_training(whole_job, tmp_path / "whole" / "work", hash_job(whole_job))
    whole_state = whole.train()

    work = tmp_path / "killed" / "work"
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(work), str(dropout)],
        check=False,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    assert killed.returncode == -9
    made = job(tmp_path / "killed", dropout=dropout)
    resumed, resumed_model, _ = prepare_training(made, work, hash_job(made))
    reports: list[Progress] = []
    state = resumed.train(reports.append)
    assert reports[0].point.step == 5, "what was done is not done again"
    assert losses_of(state) == losses_of(whole_state)
    assert (state.best_step, state.best_loss) == (whole_state.best_step, whole_state.best_loss)
    for name, weight in collect_weights(whole_model).items():
        assert torch.equal(collect_weights(resumed_model)[name], weight), name


def test_a_finished_training_is_not_continued(tmp_path: Path):
    trainer_in(tmp_path).train()
    reports: list[Progress] = []
    assert trainer_in(tmp_path).train(reports.append).step == 8
    assert reports == []


def test_a_checkpoint_of_another_training_is_refused(tmp_path: Path):
    trainer_in(tmp_path).train()
    other = Trainer(tiny_model(), tokenizer(), ROWS, TRAINING, tmp_path, identity="other", seed=3, is_pretrained=False)
    with pytest.raises(CheckpointError, match="is of other data or settings"):
        other.train()


def test_a_torn_checkpoint_is_named(tmp_path: Path):
    trainer_in(tmp_path).train()
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match=r"checkpoint\.pt cannot be read .* delete it to begin anew"):
        trainer_in(tmp_path).train()


def test_the_order_goes_on_anywhere():
    packs = [build_tensors(pack, ROWS) for pack in plan_packs(ROWS, 160)]
    order = DataOrder(packs, seed=3)
    order.take(len(packs) + 2)
    again = DataOrder(packs, 3, order.epoch, order.position)
    assert [id(pack) for pack in again.take(7)] == [id(pack) for pack in order.take(7)]


def test_every_epoch_has_each_pack_once_in_another_order():
    packs = [build_tensors(pack, ROWS) for pack in plan_packs(ROWS, 160)]
    order = DataOrder(packs, seed=3)
    epochs = [[id(pack) for pack in order.take(len(packs))] for _ in range(2)]
    assert sorted(epochs[0]) == sorted(epochs[1]) == sorted(map(id, packs))
    assert epochs[0] != epochs[1]


# ── what is kept ──────────────────────────────────────────────────────────────────────────────


def test_the_model_ends_with_the_best_weights_not_the_last(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(held_out, "VALIDATION_SHARE", 0.4)
    model = tiny_model()
    learning = {"learning_rate": 0.01, "min_learning_rate_share": 1.0, "packs_per_step": 2}
    trainer = trainer_in(tmp_path, model, max_steps=100, eval_interval=12, sample_rows=0, **learning)
    state = trainer.train()
    measured = {point.step: point.answer_loss for point in state.curve if point.answer_loss is not None and point.step}
    assert state.best_loss == min(measured.values())
    assert state.best_loss < measured[100], "the loss of this training rises again"
    assert trainer.measure_held_out().answer == pytest.approx(state.best_loss, rel=1e-6)
    assert [path.name for path in tmp_path.glob("best-*")] == [f"best-{state.best_step:06d}.safetensors"]
    load_best_weights(tmp_path, state.best_step, tiny_model())


def test_samples_show_input_actual_and_predicted(tmp_path: Path):
    state = trainer_in(tmp_path).train()
    assert [sample.step for sample in state.samples] == [4, 8]
    (sample, _) = state.samples
    assert sample.input.endswith("turn it to 16<|im_end|>\n<|im_start|>assistant\n")
    assert sample.actual == '<tool_call>\n{"name": "heat", "arguments": {"to": 16}}\n</tool_call>'
    assert sample.predicted


def test_progress_has_speed_and_utilisation(tmp_path: Path):
    reports: list[Progress] = []
    trainer_in(tmp_path).train(reports.append)
    steps = [report for report in reports if report.tokens_per_second is not None]
    assert [report.point.step for report in steps] == list(range(1, 9))
    assert all(report.tokens_per_second > 0 and 0 < report.utilisation < 1 for report in steps)
    assert steps[-1].used_share == 7 / 8, "the share that was spent before the step"
    assert "tokens/s, MFU" in steps[-1].describe()
    (last,) = [report for report in reports if report.is_milestone and report.point.step == 8]
    assert last.describe().startswith("step 8, train loss ")


def test_rows_that_teach_nothing_are_refused(tmp_path: Path):
    tests_only = [row for row in ROWS if row.split == "test"]
    with pytest.raises(NothingToLearnError, match="none of the 4 rows is of the train split"):
        trainer_in(tmp_path, rows=tests_only)


def test_without_rows_to_hold_out_the_last_weights_are_kept(tmp_path: Path):
    state = trainer_in(tmp_path, rows=[row for row in ROWS if row.split == "train"][:9]).train()
    assert (state.best_step, state.best_loss, state.step) == (None, None, 8)


def test_answers_of_rows_with_a_weight_are_told_from_prompts():
    """Once the weight of prompts was taken as it is in the settings, whatever the row's own weight."""
    even = token_rows(prompt_weight=0.5)[:6]
    rows = [
        msgspec.structs.replace(row, weights=tuple(weight * factor for weight in row.weights))
        for row, factor in zip(even, (0.5, 1.0, 3.0, 0.1, 1.0, 0.25), strict=True)
    ]

    def list_answers(given: list[TokenRow]) -> list[int]:
        (pack,) = plan_packs(given, 10_000)
        made = build_tensors(pack, given, prompt_weight=0.5, with_prompts=True)
        return made.targets[made.is_answer].tolist()

    assert list_answers(rows) == list_answers(even) != []
    assert [find_first_answer(row, 0.5) for row in rows] == [find_first_answer(row, 0.5) for row in even]
