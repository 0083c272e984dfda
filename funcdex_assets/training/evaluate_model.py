"""Measures a model that was exported, without training it: what the setting `eval_only` is in other trainers."""

from collections.abc import Sequence
from pathlib import Path

import torch

from funcdex_assets.records.record import Record
from funcdex_assets.records.training import AnswerSample, TokenRow
from funcdex_assets.settings.training import Training
from funcdex_assets.training.answer_samples import write_samples
from funcdex_assets.training.devices import choose_device, choose_dtype, keeping_freed_memory, using_threads
from funcdex_assets.training.exported_models import load_exported_model
from funcdex_assets.training.held_out import (
    HeldOutLoss,
    build_held_out_packs,
    choose_test_rows,
    measure_held_out_loss,
)
from funcdex_assets.training.model_notes import read_note
from funcdex_assets.training.model_store import find_latest_model
from funcdex_assets.training.pack_loss import PackLoss
from funcdex_assets.training.tokenizer_store import read_tokenizer_note
from funcdex_assets.training.training_job import StaleTokensError


class MeasuredModel(Record, frozen=True):
    """The losses of a model on so many test rows, and its answers to some of them."""

    model_id: str
    rows: int
    loss: HeldOutLoss
    samples: tuple[AnswerSample, ...]


def evaluate_latest_model(home: Path, partition: str, rows: Sequence[TokenRow], settings: Training) -> MeasuredModel:
    """Measures the partition's latest model on the test rows.

    Raises:
        NoModelError: there is none.
        StaleTokensError: the rows are of another tokenizer or layout than the model was trained with.
    """
    folder = find_latest_model(home, partition)
    note, tokens = read_note(folder), read_tokenizer_note(home, partition)
    if (note.tokenizer, note.layout) != (tokens.tokenizer, tokens.layout):
        raise StaleTokensError(
            f"the tokens of {partition} are those of tokenizer {tokens.tokenizer} and the layout {tokens.layout}, and "
            f"the latest model, {note.model_id}, has {note.tokenizer} and {note.layout}; train it by the present "
            "settings, or give back those that it was trained by and make its tokens again"
        )
    model, tokenizer, _ = load_exported_model(folder)
    device = choose_device(settings.device)
    torch.nn.Module.to(model, device)
    held_out = choose_test_rows(rows, settings.eval_rows)
    packs = build_held_out_packs(held_out, settings.pack_tokens, settings.prompt_weight)
    with keeping_freed_memory(device), using_threads(settings.threads):
        loss = measure_held_out_loss(PackLoss(model), packs, device, choose_dtype(settings.precision, device))
        shown = held_out[: settings.sample_rows]
        samples = write_samples(model, tokenizer, shown, 0, settings.sample_tokens, settings.prompt_weight)
    return MeasuredModel(folder.name, len(held_out), loss, tuple(samples))
