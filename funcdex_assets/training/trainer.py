"""The training loop: step after step until the budget is spent, with evaluations, samples and checkpoints on the way.

    trainer = Trainer(model, tokenizer, rows, settings, folder, identity="3f9c…", seed=42, is_pretrained=True)
    state = trainer.train(report=print)
    model  # has the weights with the lowest validation loss

A step is the gradient of several packs, however many processes and passes that takes: the weighted mean of the losses
of all their targets. The first step begins with a random number generator of its own, and so does every other, so that
a training which goes on from a checkpoint is the same as one that never stopped, bit for bit.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn.parallel import DistributedDataParallel
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from funcdex_assets.records.errors import UserError
from funcdex_assets.records.training import LossPoint, TokenRow
from funcdex_assets.settings.training import Training
from funcdex_assets.training.answer_samples import write_samples
from funcdex_assets.training.checkpoints import (
    TrainingState,
    load_best_weights,
    load_checkpoint,
    save_best_weights,
    save_checkpoint,
)
from funcdex_assets.training.data_order import DataOrder
from funcdex_assets.training.data_parallel import ProcessGroup
from funcdex_assets.training.devices import (
    choose_device,
    choose_dtype,
    keeping_freed_memory,
    measure_peak_flops,
    using_threads,
)
from funcdex_assets.training.flops import count_training_flops
from funcdex_assets.training.held_out import (
    HeldOutLoss,
    build_held_out_packs,
    measure_held_out_loss,
    split_train_rows,
)
from funcdex_assets.training.optimization import build_optimizer, compute_rate_factor, plan_budget
from funcdex_assets.training.pack_loss import PackLoss
from funcdex_assets.training.pack_tensors import PackTensors, build_tensors, plan_packs


class NothingToLearnError(UserError):
    """The rows have nothing that counts in the loss."""


@dataclass(frozen=True)
class Progress:
    """How far a training is, after a step or an evaluation.

    `used_share` is of the budget. `tokens_per_second` are computed tokens by wall time, `utilisation` the share of the
    device's measured peak that goes into the model (MFU); both are None at an evaluation.
    """

    point: LossPoint
    used_share: float
    best_loss: float | None
    tokens_per_second: float | None = None
    utilisation: float | None = None
    checkpoint_step: int | None = None

    @property
    def is_milestone(self) -> bool:
        """Whether the held-out rows were evaluated."""
        return self.point.answer_loss is not None and self.checkpoint_step is None

    def describe(self) -> str:
        """Puts it into a line: `step 150, train loss 0.412, validation loss 0.508 (best), 1,204 tokens/s, MFU 31 %`."""
        point = self.point
        parts = [f"step {point.step}"]
        if point.train_loss is not None:
            parts.append(f"train loss {point.train_loss:.3f}")
        if point.answer_loss is not None:
            is_best = " (best)" if point.answer_loss == self.best_loss else ""
            parts.append(f"validation loss {point.answer_loss:.3f}{is_best}")
        if point.prompt_loss is not None:
            parts.append(f"of prompts {point.prompt_loss:.3f}")
        if self.tokens_per_second is not None and self.utilisation is not None:
            parts.append(f"{self.tokens_per_second:,.0f} tokens/s, MFU {self.utilisation:.0%}")
        if self.checkpoint_step is not None:
            parts.append("checkpoint written")
        return ", ".join(parts)


class Trainer:
    """Trains a model on the train rows, and watches it on those of them that are held out for validation.

    `identity` is the hash of what the training is made of: a checkpoint of another one in the folder is refused.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        rows: Sequence[TokenRow],
        settings: Training,
        folder: Path,
        *,
        identity: str,
        seed: int,
        is_pretrained: bool,
        processes: ProcessGroup | None = None,
    ) -> None:
        self._settings, self._folder, self._identity, self._seed = settings, folder, identity, seed
        self._processes = processes or ProcessGroup()
        self._device = choose_device(settings.device)
        if self._device.type == "cuda" and self._processes.size > 1:
            self._device = torch.device("cuda", self._processes.local_rank)
        self._dtype = choose_dtype(settings.precision, self._device)
        torch.nn.Module.to(model, self._device)
        self._model, self._tokenizer = model, tokenizer
        learned, self._held_out = split_train_rows(rows, settings.eval_rows)
        self._train_rows = [row for row in learned if any(row.weights)]
        if not self._train_rows:
            raise NothingToLearnError(
                f"none of the {len(rows)} rows is of the train split and has a token that counts; make more "
                "conversations, or lower generation.test_share"
            )
        packs = plan_packs(self._train_rows, settings.pack_tokens)
        self._packs = [build_tensors(pack, self._train_rows) for pack in packs]
        self._held_out_packs = build_held_out_packs(self._held_out, settings.pack_tokens, settings.prompt_weight)
        self._optimizer = build_optimizer(model, settings, is_pretrained=is_pretrained)
        self._highest_rates = [group["lr"] for group in self._optimizer.param_groups]
        if settings.compile if settings.compile is not None else self._device.type == "cuda":
            model.get_decoder().compile(dynamic=True)  # in place: the names of the weights stay
        detaches = is_pretrained if settings.detach_prefix is None else settings.detach_prefix
        self._loss = PackLoss(model, detaches)
        self._parallel_loss = (
            DistributedDataParallel(self._loss, broadcast_buffers=False) if self._processes.size > 1 else None
        )
        self.state = TrainingState(identity=identity)

    def train(self, report: Callable[[Progress], object] = lambda _: None) -> TrainingState:
        """Trains until the budget is spent or the validation loss no longer falls; the model gets the best weights.

        If the folder has a checkpoint, the training goes on from it.

        Raises:
            CheckpointError: the checkpoint is of other data or settings.
        """
        with (
            keeping_freed_memory(self._device),
            using_threads(self._settings.threads),
            torch.random.fork_rng(devices=[self._device] if self._device.type == "cuda" else []),
        ):
            self._restore()
            if not self.state.is_done:
                self._run_steps(report)
            if self.state.best_step is not None:
                load_best_weights(self._folder, self.state.best_step, self._model)
        return self.state

    # ── the loop ──────────────────────────────────────────────────────────────────────────────

    def _run_steps(self, report: Callable[[Progress], object]) -> None:
        state, settings = self.state, self._settings
        order = DataOrder(self._packs, self._seed, state.epoch, state.position)
        budget = plan_budget(settings, max(1, round(len(self._packs) / settings.packs_per_step)))
        if not state.curve:
            self._evaluate(LossPoint(**self._describe_state(order), learning_rate=0.0), 0.0, report)
        while True:
            share = self._processes.agree(budget.find_used_share(state.step, state.cpu_seconds))
            is_patient = settings.patience is None or state.evaluations_since_best < settings.patience
            if share >= 1 or not self._processes.agree(is_patient):
                break
            point = self._make_step(order, share, report)
            share = budget.find_used_share(state.step, state.cpu_seconds)
            if state.step % settings.eval_interval == 0:
                self._evaluate(point, share, report)
            if state.step % settings.sample_interval == 0:
                self._write_samples()
            if state.step % settings.checkpoint_interval == 0:
                self._save(report, point, share)
        last = state.curve[-1]
        if last.answer_loss is None and last.step:
            self._evaluate(last, 1.0, report)
        if not state.samples or state.samples[-1].step != state.step:
            self._write_samples()
        state.is_done = True
        self._save(report, state.curve[-1], 1.0)

    def _make_step(self, order: DataOrder, used_share: float, report: Callable[[Progress], object]) -> LossPoint:
        state, settings = self.state, self._settings
        began, began_cpu = time.monotonic(), time.process_time()
        torch.manual_seed(hash((self._seed, state.step, self._processes.rank)))
        packs = order.take(settings.packs_per_step)
        factor = compute_rate_factor(state.step, used_share, settings.warmup_steps, settings.min_learning_rate_share)
        for group, rate in zip(self._optimizer.param_groups, self._highest_rates, strict=True):
            group["lr"] = rate * factor
        loss = self.accumulate_gradient(packs)
        norm = torch.nn.utils.clip_grad_norm_(
            [weight for weight in self._model.parameters() if weight.requires_grad], settings.max_gradient_norm
        )
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        seconds = time.monotonic() - began
        tokens = sum(pack.length for pack in packs)
        state.step += 1
        state.epoch, state.position = order.epoch, order.position
        state.tokens += tokens
        state.row_tokens += sum(pack.row_tokens for pack in packs)
        state.targets += sum(len(pack.targets) for pack in packs)
        state.wall_seconds += seconds
        state.cpu_seconds += time.process_time() - began_cpu
        point = LossPoint(
            **self._describe_state(order),
            learning_rate=self._optimizer.param_groups[0]["lr"],
            train_loss=loss,
            gradient_norm=float(norm),
        )
        state.curve.append(point)
        flops = sum(count_training_flops(self._model, pack) for pack in packs) / self._processes.size
        peak = measure_peak_flops(self._device, self._dtype)
        report(
            Progress(
                point,
                used_share,
                state.best_loss,
                tokens_per_second=tokens / seconds,
                utilisation=flops / seconds / peak,
            )
        )
        return point

    def accumulate_gradient(self, packs: Sequence[PackTensors]) -> float:
        """Adds the gradient of the packs' weighted mean loss, each process that of its share; returns the loss.

        The total weight is known before: so each pack counts by its own weight, not each pack the same.
        """
        total_weight = sum(pack.total_weight for pack in packs)
        own = packs[self._processes.rank :: self._processes.size]
        # A process without a pack takes part with one that counts nothing.
        parts = [(pack, 1.0) for pack in own] or [(packs[0], 0.0)]
        loss_sum = torch.zeros((), dtype=torch.float64, device=self._device)
        for index, (pack, counted) in enumerate(parts):
            is_last = index + 1 == len(parts)
            with self._parallel_loss.no_sync() if self._parallel_loss and not is_last else nullcontext():
                there = pack.to(self._device)
                with torch.autocast(self._device.type, self._dtype, enabled=self._dtype is torch.bfloat16):
                    losses = (self._parallel_loss or self._loss)(there)
                weighted = (losses * there.weights).sum() * counted
                # DistributedDataParallel takes the mean over the processes, which have a part of the sum each
                (weighted * (self._processes.size / total_weight)).backward()
            loss_sum += weighted.detach().double()
        return float(self._processes.add_up(loss_sum)) / total_weight

    # ── on the way ────────────────────────────────────────────────────────────────────────────

    def measure_held_out(self) -> HeldOutLoss:
        """Measures the losses on the validation rows."""
        return measure_held_out_loss(self._loss, self._held_out_packs, self._device, self._dtype)

    def _evaluate(self, point: LossPoint, used_share: float, report: Callable[[Progress], object]) -> None:
        """Measures the validation loss at this point of the curve; keeps the weights if they are the best so far."""
        if not self._held_out or not self._processes.is_first:
            return
        state = self.state
        began = time.process_time()
        found = self.measure_held_out()
        measured = LossPoint(
            **{
                **{name: getattr(point, name) for name in point.__struct_fields__},
                "answer_loss": found.answer,
                "prompt_loss": found.prompt,
            }
        )
        if state.curve and state.curve[-1].step == point.step:
            state.curve[-1] = measured
        else:
            state.curve.append(measured)
        if found.answer is not None and state.step:
            if state.best_loss is None or found.answer < state.best_loss:
                state.best_loss, state.best_step, state.evaluations_since_best = found.answer, state.step, 0
                save_best_weights(self._folder, state.step, self._model)
            else:
                state.evaluations_since_best += 1
        state.eval_cpu_seconds += time.process_time() - began
        report(Progress(measured, used_share, state.best_loss))

    def _write_samples(self) -> None:
        if not self._processes.is_first:
            return
        began = time.process_time()
        rows = self._held_out[: self._settings.sample_rows]
        self.state.samples += write_samples(
            self._model,
            self._tokenizer,
            rows,
            self.state.step,
            self._settings.sample_tokens,
            self._settings.prompt_weight,
        )
        self.state.eval_cpu_seconds += time.process_time() - began

    def _save(self, report: Callable[[Progress], object], point: LossPoint, used_share: float) -> None:
        if self._processes.is_first:
            save_checkpoint(self._folder, self.state, self._model, self._optimizer)
            report(Progress(point, used_share, self.state.best_loss, checkpoint_step=self.state.step))

    def _restore(self) -> None:
        restored = load_checkpoint(self._folder, self._identity, self._model, self._optimizer, self._device)
        if restored is not None:
            self.state = restored
        self._model.train()

    def _describe_state(self, order: DataOrder) -> dict[str, Any]:
        state = self.state
        return {
            "step": state.step,
            "epoch": order.epochs_seen,
            "tokens": state.tokens,
            "row_tokens": state.row_tokens,
            "cpu_seconds": state.cpu_seconds,
        }
