"""Writing with a model that was trained here: several prompts at once, with a key-value cache.

Belongs here: token ids in, token ids out. What the text means is `answers.py`'s business, which prompts there are
`local_predictor.py`'s.

    (answer,) = generate(model, [prompt_ids], GenerationLimits(stop_ids=(2,), max_tokens=200))
    answer.token_ids, answer.is_finished, answer.confidence
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import DynamicCache, PreTrainedModel

from funcdex_assets.training.models import compute_logits, find_device, read_hidden
from funcdex_assets.training.token_rows import count_common


@dataclass(frozen=True)
class GenerationLimits:
    """How tokens are chosen, and when an answer ends.

    At a `temperature` of 0 the likeliest token is taken; above it, one is drawn from the `top_k` likeliest (all if
    None) by the `seed`. Ids of `vocabulary` and above are never chosen: an embedding may have more rows than the
    tokenizer has tokens.
    """

    stop_ids: tuple[int, ...]
    max_tokens: int = 256
    temperature: float = 0.0
    top_k: int | None = None
    seed: int = 0
    vocabulary: int | None = None


@dataclass(frozen=True)
class GeneratedAnswer:
    """The ids that were written, without the one that ended them; `is_finished` if there was one.

    `confidence` is the mean probability of the ids, the end included, as the model gave them at temperature 1.
    """

    token_ids: tuple[int, ...]
    is_finished: bool
    confidence: float


@torch.no_grad()
def generate(
    model: PreTrainedModel, prompts: Sequence[Sequence[int]], limits: GenerationLimits
) -> list[GeneratedAnswer]:
    """Answers each prompt; what all of them begin with is computed once.

    A finished answer leaves the batch, so that the others get quicker.
    """
    if not prompts:
        return []
    was_training = model.training
    model.eval()
    try:
        return _Batch(model, prompts, limits).write()
    finally:
        model.train(was_training)


def count_shared(prompts: Sequence[Sequence[int]]) -> int:
    """Counts the ids that all prompts begin with.

    >>> count_shared([(1, 2, 3), (1, 2, 4, 5)])
    2
    """
    return count_common(min(map(tuple, prompts)), max(map(tuple, prompts)))


class _Batch:
    """Prompts that are answered together: rows of one tensor, shorter ones filled up on the left and masked there."""

    def __init__(self, model: PreTrainedModel, prompts: Sequence[Sequence[int]], limits: GenerationLimits) -> None:
        self._model, self._limits = model, limits
        self._device = find_device(model)
        self._random = torch.Generator().manual_seed(limits.seed)
        # one token at least is each prompt's own: its hidden state gives the first logits
        shared = min(count_shared(prompts), min(map(len, prompts)) - 1)
        self._cache = self._read_shared(prompts[0][:shared], len(prompts))
        own = [list(prompt[shared:]) for prompt in prompts]
        width = max(map(len, own))
        padded = torch.tensor([[0] * (width - len(ids)) + ids for ids in own], device=self._device)
        filled = torch.tensor([[0] * (width - len(ids)) + [1] * len(ids) for ids in own], device=self._device)
        self._mask = torch.cat((torch.ones(len(own), shared, dtype=filled.dtype, device=self._device), filled), dim=1)
        positions = (shared - 1 + filled.cumsum(dim=1)).clamp(min=0)
        self._logits = self._read(padded, positions)
        self._next_positions = positions[:, -1:] + 1

    def write(self) -> list[GeneratedAnswer]:
        limits = self._limits
        written: list[list[int]] = [[] for _ in range(len(self._logits))]
        probabilities: list[list[float]] = [[] for _ in written]
        finished: set[int] = set()
        active = list(range(len(written)))  # the prompt of each row of the batch
        for step in range(limits.max_tokens):
            chosen, chosen_probabilities = self._choose()
            for prompt, token, probability in zip(active, chosen.tolist(), chosen_probabilities.tolist(), strict=True):
                probabilities[prompt].append(probability)
                if token in limits.stop_ids:
                    finished.add(prompt)
                else:
                    written[prompt].append(token)
            kept = [index for index, prompt in enumerate(active) if prompt not in finished]
            if not kept or step + 1 == limits.max_tokens:
                break
            if len(kept) < len(active):
                self._keep(kept)
                active, chosen = [active[index] for index in kept], chosen[kept]
            self._mask = torch.cat((self._mask, self._mask.new_ones(len(active), 1)), dim=1)
            self._logits = self._read(chosen[:, None], self._next_positions)
            self._next_positions = self._next_positions + 1
        return [
            GeneratedAnswer(tuple(ids), prompt in finished, sum(shares) / len(shares) if shares else 0.0)
            for prompt, (ids, shares) in enumerate(zip(written, probabilities, strict=True))
        ]

    def _read_shared(self, ids: Sequence[int], copies: int) -> DynamicCache:
        """Reads what all prompts begin with once, and gives each its own view of it."""
        cache = DynamicCache(config=self._model.config)
        if ids:
            read_hidden(self._model, torch.tensor([list(ids)], device=self._device), cache=cache)
            cache.batch_repeat_interleave(copies)
        return cache

    def _read(self, ids: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """Reads the ids of each row into the cache; returns the logits of what follows: (rows, vocabulary)."""
        hidden = read_hidden(self._model, ids, position_ids=positions, attention_mask=self._mask, cache=self._cache)
        return compute_logits(self._model, hidden[:, -1])[:, : self._limits.vocabulary]

    def _choose(self) -> tuple[torch.Tensor, torch.Tensor]:
        probabilities = self._logits.softmax(dim=-1)
        if self._limits.temperature == 0:
            chosen = self._logits.argmax(dim=-1)
        else:
            logits = self._logits / self._limits.temperature
            if self._limits.top_k is not None and self._limits.top_k < logits.shape[-1]:
                least = logits.topk(self._limits.top_k, dim=-1).values[:, -1:]
                logits = logits.masked_fill(logits < least, float("-inf"))
            shares = logits.softmax(dim=-1).cpu()
            chosen = torch.multinomial(shares, 1, generator=self._random)[:, 0].to(self._device)
        return chosen, probabilities.gather(1, chosen[:, None])[:, 0]

    def _keep(self, rows: list[int]) -> None:
        """Leaves the other rows out."""
        indices = torch.tensor(rows, device=self._device)
        self._cache.batch_select_indices(indices)
        self._mask, self._next_positions = self._mask[indices], self._next_positions[indices]
