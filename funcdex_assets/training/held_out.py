"""The loss on held-out rows: on the assistant's answers, and on what the others say, apart."""

import random
from collections.abc import Sequence

import torch

from funcdex_assets.records.record import Record
from funcdex_assets.records.training import TokenRow
from funcdex_assets.training.pack_loss import PackLoss
from funcdex_assets.training.pack_tensors import PackTensors, build_tensors, plan_packs


class HeldOutLoss(Record, frozen=True):
    """Mean losses in nats per token; None where there is no such token."""

    answer: float | None
    prompt: float | None


def choose_held_out_rows(rows: Sequence[TokenRow], most: int) -> list[TokenRow]:
    """Chooses the test rows of every evaluation: all if there are not more than `most`, else a fixed sample."""
    tested = [row for row in rows if row.split == "test"]
    if len(tested) > most:
        tested = random.Random("held out").sample(sorted(tested, key=lambda row: row.row_id), most)
    return tested


def build_held_out_packs(rows: Sequence[TokenRow], pack_tokens: int, prompt_weight: float = 0.0) -> list[PackTensors]:
    """Packs the rows for evaluation: each once, with the tokens that do not count as targets too."""
    return [
        build_tensors(pack, rows, prompt_weight=prompt_weight, with_prompts=True)
        for pack in plan_packs(rows, pack_tokens)
    ]


@torch.no_grad()
def measure_held_out_loss(
    pack_loss: PackLoss, packs: Sequence[PackTensors], device: torch.device, dtype: torch.dtype
) -> HeldOutLoss:
    """Measures the losses over all packs: answers by their weights, prompts token by token."""
    was_training = pack_loss.training
    pack_loss.eval()
    answer = prompt = answer_weight = prompt_tokens = 0.0
    for pack in packs:
        there = pack.to(device)
        with torch.autocast(device.type, dtype, enabled=dtype is torch.bfloat16):
            losses = pack_loss(there).double()
        weights = torch.where(there.is_answer, there.weights, 0).double()
        answer += float((losses * weights).sum())
        answer_weight += float(weights.sum())
        prompt += float(losses[~there.is_answer].sum())
        prompt_tokens += int((~there.is_answer).sum())
    pack_loss.train(was_training)
    return HeldOutLoss(
        answer / answer_weight if answer_weight else None, prompt / prompt_tokens if prompt_tokens else None
    )
