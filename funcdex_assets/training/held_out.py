"""The loss on held-out rows: on the assistant's answers, and on what the others say, apart.

Rows of the train split that are held out for validation choose: the weights that are kept, when to stop, and whether a
model becomes the latest. Those of the test split choose nothing, so that figures on them flatter nobody.
"""

from collections.abc import Sequence
from hashlib import blake2b

import torch

from funcdex_assets.records.record import Record
from funcdex_assets.records.training import TokenRow
from funcdex_assets.training.pack_loss import PackLoss
from funcdex_assets.training.pack_tensors import PackTensors, build_tensors, plan_packs

VALIDATION_SHARE = 0.1
"""At most so many of the train rows choose and are not learned."""


class HeldOutLoss(Record, frozen=True):
    """Mean losses in nats per token; None where there is no such token."""

    answer: float | None
    prompt: float | None


def split_train_rows(rows: Sequence[TokenRow], most: int) -> tuple[list[TokenRow], list[TokenRow]]:
    """Splits the train rows into those that are learned and those that validate.

    The latter are whole conversations, `most` of them or a tenth if that is less, and those whose ids have the lowest
    hashes: a conversation keeps its side while others come and go.
    """
    train = [row for row in rows if row.split == "train"]
    ranked = sorted({find_conversation(row) for row in train}, key=_hash_id)
    validating = set(ranked[: min(most, int(len(ranked) * VALIDATION_SHARE))])
    learned = [row for row in train if find_conversation(row) not in validating]
    return learned, [row for row in train if find_conversation(row) in validating]


def choose_test_rows(rows: Sequence[TokenRow], most: int) -> list[TokenRow]:
    """Chooses the test rows by which a finished model is measured: all, or those whose ids have the lowest hashes."""
    return sorted((row for row in rows if row.split == "test"), key=lambda row: _hash_id(row.row_id))[:most]


def find_conversation(row: TokenRow) -> str:
    """Returns the id of the conversation of which the row is all or a window."""
    return row.row_id.partition("#")[0]


def _hash_id(row_id: str) -> bytes:
    return blake2b(row_id.encode(), digest_size=8).digest()


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
