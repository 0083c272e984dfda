"""Answers evaluation items with a model in this process; it has the protocol of evaluation's predictors.

    predictor = LocalPredictor.load(home / "models" / "gmail" / "5f0c…")
    predictions = predictor.predict(items)

Belongs here: which items are answered together. Items of the same tools begin alike, so what they begin with is read
once for all of them; within such a group those of like length share a batch.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from funcdex_assets.records.training import EvaluationItem, Layout, Prediction
from funcdex_assets.training.answer_samples import decode
from funcdex_assets.training.answers import parse_answer
from funcdex_assets.training.devices import choose_device, keeping_freed_memory, using_threads
from funcdex_assets.training.exported_models import load_exported_model
from funcdex_assets.training.generation import GeneratedAnswer, GenerationLimits, generate
from funcdex_assets.training.rendered_rows import ConversationEncoder

BATCH_TOKENS = 8192
"""Of a batch with its answers: what it must hold in its cache."""


class LocalPredictor:
    """A model, its tokenizer and how it is asked; `without_tools`, the definitions are left out of the prompt."""

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerFast,
        name: str,
        *,
        layout: Layout = "with_tools",
        max_tokens: int = 256,
        temperature: float = 0.0,
        top_k: int | None = None,
        seed: int = 0,
        threads: int = 1,
    ) -> None:
        self.name = name
        self._model, self._encoder, self._layout, self._threads = model, ConversationEncoder(tokenizer), layout, threads
        self._limits = GenerationLimits(
            stop_ids=(find_end_id(tokenizer),),
            max_tokens=max_tokens,
            temperature=temperature,
            top_k=top_k,
            seed=seed,
            vocabulary=len(tokenizer),
        )

    @classmethod
    def load(cls, folder: Path, device: str = "auto", **options: Any) -> "LocalPredictor":
        """Loads an exported model, which says itself by which layout it is asked.

        Raises:
            BaseModelError: the folder has no model.
        """
        model, tokenizer, layout = load_exported_model(folder)
        torch.nn.Module.to(model, choose_device(device))
        return cls(model, tokenizer, folder.name, **{"layout": layout, **options})

    def predict(
        self, items: Sequence[EvaluationItem], progress: Callable[[int, int], None] = lambda _done, _total: None
    ) -> list[Prediction]:
        """Returns one prediction for each item, in order; an item that cannot be rendered has a failure."""
        predictions: dict[int, Prediction] = {}
        prompts: dict[int, list[int]] = {}
        for place, item in enumerate(items):
            try:
                prompts[place] = self.encode_prompt(item.messages, item.tools)
            except Exception as error:  # whatever a template raises on messages that it does not know
                predictions[place] = Prediction(
                    item_id=item.item_id, calls=(), text=None, raw="", failure=f"{type(error).__name__}: {error}"
                )
        device = next(self._model.parameters()).device
        with keeping_freed_memory(device), using_threads(self._threads):
            for places in self._plan_batches(items, prompts):
                began = time.monotonic()
                answers = generate(self._model, [prompts[place] for place in places], self._limits)
                seconds = (time.monotonic() - began) / len(places)
                for place, answer in zip(places, answers, strict=True):
                    predictions[place] = self._read(items[place], prompts[place], answer, seconds)
                progress(len(predictions), len(items))
        return [predictions[place] for place in range(len(items))]

    def encode_prompt(self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]) -> list[int]:
        """Renders what the model is to answer, as the rows that it was trained on."""
        return self._encoder.encode_prompt(messages, tools if self._layout == "with_tools" else None)

    def _plan_batches(self, items: Sequence[EvaluationItem], prompts: Mapping[int, Sequence[int]]) -> list[list[int]]:
        """Groups items by their tools, sorts them by length, and fills batches."""
        groups: dict[bytes, list[int]] = {}
        for place in prompts:
            tools = sorted(msgspec.json.encode(tool) for tool in items[place].tools)
            groups.setdefault(b"\n".join(tools), []).append(place)
        batches: list[list[int]] = []
        for places in groups.values():
            batch: list[int] = []
            for place in sorted(places, key=lambda place: len(prompts[place])):
                width = len(prompts[place]) + self._limits.max_tokens
                if batch and (len(batch) + 1) * width > BATCH_TOKENS:
                    batches.append(batch)
                    batch = []
                batch.append(place)
            batches.append(batch)
        return batches

    def _read(self, item: EvaluationItem, prompt: Sequence[int], answer: GeneratedAnswer, seconds: float) -> Prediction:
        raw = decode(self._encoder.tokenizer, answer.token_ids)
        parsed = parse_answer(raw, is_finished=answer.is_finished)
        return Prediction(
            item_id=item.item_id,
            calls=() if parsed.failure else parsed.calls,
            text=parsed.text,
            raw=raw,
            failure=parsed.failure,
            confidence=answer.confidence,
            prompt_tokens=len(prompt),
            completion_tokens=len(answer.token_ids) + answer.is_finished,
            seconds=seconds,
        )


def find_end_id(tokenizer: PreTrainedTokenizerFast) -> int:
    """Returns the id of the token that ends a turn.

    Raises:
        ValueError: the tokenizer has none.
    """
    if not isinstance(tokenizer.eos_token_id, int):
        raise ValueError(f"the tokenizer {tokenizer.name_or_path} has no token that ends a turn (eos_token)")
    return tokenizer.eos_token_id
