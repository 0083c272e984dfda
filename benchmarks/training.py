"""Measures useful tokens per CPU second: the trainer against a plain loop in the manner of nanoGPT, of the same size.

    python benchmarks/training.py [CPU seconds of each loop, 12 by default]

The rows are the first exchange of generated conversations (policy, request, call or text), without definitions. Useful
is a token of a row, padding is not; what rows share and the trainer computes once counts for each row, since a plain
loop computes it for each. All loops see the same ids, in float32 on one thread, with 4 layers, 256 dimensions and 4
heads; the yardstick has a head of 50,304 tokens, blocks of 256, padded, and logits at all positions. Between the two,
one thing after the other is changed, so that each factor stands for itself. The exit status is 1 below a ratio of 5.
"""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from pipeline import domain
from torch import nn
from torch.nn import functional

from funcdex_assets.records.openai_messages import to_openai_messages
from funcdex_assets.records.training import TokenRow
from funcdex_assets.settings.model_shape import ModelShape
from funcdex_assets.settings.settings import load_settings
from funcdex_assets.settings.training import Training
from funcdex_assets.training.devices import keeping_freed_memory
from funcdex_assets.training.models import build_model, grow_vocabulary
from funcdex_assets.training.pack_loss import PackLoss
from funcdex_assets.training.pack_tensors import PackTensors, build_tensors, plan_packs
from funcdex_assets.training.rendered_rows import ConversationEncoder
from funcdex_assets.training.token_rows import PublishedRow, build_token_rows, train_tokenizer
from funcdex_assets.training.trainer import Trainer

SETTINGS = load_settings(Path(__file__).parents[1] / "funcdex.yaml")
PARTITION, CONVERSATIONS = "gmail", 120
POLICY = "You look after somebody's mail. Call a function, or answer in words."
BLOCK, BATCH, HEAD = 256, 8, 50_304
SHAPE = ModelShape(layers=4, width=256, heads=4)
WANTED = 5.0
CPU = torch.device("cpu")
Step = Callable[[], tuple[int, torch.Tensor]]


# ── the yardstick ─────────────────────────────────────────────────────────────────────────────


class Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm, self.feed_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attend, self.project = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.feed = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        rows, length, width = hidden.shape
        heads = self.attend(self.attention_norm(hidden)).view(rows, length, 3, self.heads, width // self.heads)
        queries, keys, values = heads.permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(queries, keys, values, is_causal=True)
        hidden = hidden + self.project(seen.transpose(1, 2).reshape(rows, length, width))
        return hidden + self.feed(self.feed_norm(hidden))


class PlainModel(nn.Module):
    """GPT-2's architecture with a tied head, as nanoGPT has it."""

    def __init__(self, layers: int, width: int, heads: int, block: int, vocabulary: int) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(vocabulary, width), nn.Embedding(block, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary, bias=False)
        self.head.weight = self.tokens.weight
        for weight in self.parameters():
            if weight.ndim > 1:
                nn.init.normal_(weight, std=0.02)

    def forward(self, ids: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        hidden = self.tokens(ids) + self.places(torch.arange(ids.shape[1]))
        for block in self.blocks:
            hidden = block(hidden)
        logits = self.head(self.norm(hidden))
        return functional.cross_entropy(logits.view(-1, logits.shape[-1]), targets.view(-1), ignore_index=-1)


def list_padded_batches(rows: Sequence[TokenRow]) -> Iterator[tuple[torch.Tensor, torch.Tensor, int]]:
    """Yields ids and targets of 8 rows, each padded to 256, and how many of the tokens are useful; without end."""
    source = cycle(rows)
    while True:
        batch = [next(source) for _ in range(BATCH)]
        ids, targets = torch.zeros(BATCH, BLOCK, dtype=torch.long), torch.full((BATCH, BLOCK), -1)
        for place, row in enumerate(batch):
            ids[place, : len(row.token_ids)] = torch.tensor(row.token_ids)
            counted = torch.tensor(row.weights[1:]) > 0
            targets[place, : len(counted)] = torch.where(counted, torch.tensor(row.token_ids[1:]), -1)
        yield ids, targets, sum(len(row.token_ids) for row in batch)


# ── the steps that are measured ───────────────────────────────────────────────────────────────


def build_plain_step(rows: Sequence[TokenRow]) -> tuple[nn.Module, Step]:
    model, batches = PlainModel(SHAPE.layers, SHAPE.width, SHAPE.heads, BLOCK, HEAD), list_padded_batches(rows)

    def step() -> tuple[int, torch.Tensor]:
        ids, targets, useful = next(batches)
        return useful, model(ids, targets)

    return model, step


def build_padded_step(rows: Sequence[TokenRow], tokenizer: Any) -> tuple[nn.Module, Step]:
    """Our architecture, in the plain loop's batches."""
    model, batches = build_wide_model(tokenizer), list_padded_batches(rows)

    def step() -> tuple[int, torch.Tensor]:
        ids, targets, useful = next(batches)
        logits = model(ids).logits
        return useful, functional.cross_entropy(logits.view(-1, HEAD), targets.view(-1), ignore_index=-1)

    return model, step


def build_packed_step(rows: Sequence[TokenRow], model: Any, every_logit: bool) -> tuple[nn.Module, Step]:
    """Packs of as many places as the plain loop's batches have, with logits at all positions or at the targets."""
    packs = cycle([build_tensors(pack, rows) for pack in plan_packs(rows, BATCH * BLOCK // 2)])
    loss = PackLoss(model)

    def step() -> tuple[int, torch.Tensor]:
        pack = next(packs)
        if every_logit:
            logits = loss.model(
                input_ids=pack.input_ids[None], position_ids=pack.position_ids[None], attention_mask=see_all(pack)
            ).logits[0]
            return pack.row_tokens, functional.cross_entropy(logits[pack.sources], pack.targets)
        return pack.row_tokens, loss(pack).mean()

    return model, step


def see_all(pack: PackTensors) -> torch.Tensor:
    every = torch.arange(pack.length)
    return pack.see(every, every)[None, None]


def build_wide_model(tokenizer: Any) -> Any:
    """A model of ours with the yardstick's vocabulary."""
    model = build_model(SHAPE, tokenizer, BLOCK, 0)
    grow_vocabulary(model, HEAD)
    return model


def measure(model: nn.Module, step: Step, seconds: float) -> float:
    """Returns useful tokens per CPU second of whole steps: forward, backward and AdamW; the first one warms up."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), fused=True)
    useful, began = 0, 0.0
    while True:
        tokens, loss = step()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if not began:
            began = time.process_time()
            continue
        useful += tokens
        if (used := time.process_time() - began) >= seconds:
            return useful / used


def measure_trainer(rows: Sequence[TokenRow], tokenizer: Any, seconds: float) -> float:
    """The same of the trainer as it is, its bookkeeping included."""
    settings = Training(
        model=SHAPE, context=BLOCK, epochs=None, max_cpu_seconds=seconds, pack_tokens=1024, sample_rows=0
    )
    model = build_model(SHAPE, tokenizer, BLOCK, 0)
    with TemporaryDirectory() as folder:
        trainer = Trainer(
            model, tokenizer, rows, settings, Path(folder), identity="benchmark", seed=0, is_pretrained=False
        )
        state = trainer.train()
    return state.row_tokens / state.cpu_seconds


# ── rows, and the table ───────────────────────────────────────────────────────────────────────


def generate_rows() -> list[PublishedRow]:
    """Generates conversations offline, and takes what is said up to the first answer."""
    conversations = asyncio.run(domain(SETTINGS, PARTITION, CONVERSATIONS, Counter()))
    rows = []
    for number, conversation in enumerate(conversations):
        messages = to_openai_messages(conversation.messages, POLICY)
        roles = [message["role"] for message in messages]
        if "assistant" in roles:
            exchange = messages[: roles.index("assistant") + 1]
            rows.append(
                PublishedRow(id=f"row_{number}", partition=PARTITION, messages=exchange, tools=[], kind="first")
            )
    return rows


def main(seconds: float) -> int:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    published = generate_rows()
    tokenizer = train_tokenizer(published, 4096, "without_tools")
    rows = build_token_rows(published, ConversationEncoder(tokenizer), "without_tools", BLOCK).rows
    lengths = [len(row.token_ids) for row in rows]
    counted = sum(weight > 0 for row in rows for weight in row.weights)
    mean = sum(lengths) / len(rows)
    print(
        f"{len(rows)} rows of {mean:.0f} tokens (longest {max(lengths)}), {counted / sum(lengths):.0%} of them "
        f"counted; {mean / BLOCK:.0%} of a padded block is useful; a vocabulary of {len(tokenizer):,}"
    )
    wide = build_wide_model(tokenizer)
    fitting = build_model(SHAPE, tokenizer, BLOCK, 0)
    loops: dict[str, Callable[[], float]] = {
        "plain loop: padded, all logits, head of 50,304": lambda: measure(*build_plain_step(rows), seconds),
        "the architecture of Llama": lambda: measure(*build_padded_step(rows, tokenizer), seconds),
        "+ memory that is kept": lambda: measure(*build_padded_step(rows, tokenizer), seconds),
        "+ packing": lambda: measure(*build_packed_step(rows, wide, every_logit=True), seconds),
        "+ logits at the targets alone": lambda: measure(*build_packed_step(rows, wide, every_logit=False), seconds),
        "+ a vocabulary that fits": lambda: measure(*build_packed_step(rows, fitting, every_logit=False), seconds),
    }
    speeds: dict[str, float] = {}
    print(f"\n{'useful tokens per CPU second':<50}{'':>8} factor   of the plain loop")
    with ExitStack() as stack:
        for name, run in loops.items():
            if name.startswith("+") and len(speeds) == 2:
                stack.enter_context(keeping_freed_memory(CPU))
            _print_speed(speeds, name, run())
        _print_speed(speeds, "the trainer as it is", measure_trainer(rows, tokenizer, seconds))
    ratio = speeds["the trainer as it is"] / next(iter(speeds.values()))
    print(f"\n{ratio:.1f} times the plain loop; wanted are {WANTED:g}")
    return 0 if ratio >= WANTED else 1


def _print_speed(speeds: dict[str, float], name: str, speed: float) -> None:
    before = next(reversed(speeds.values()), speed)
    speeds[name] = speed
    print(f"{name:<50}{speed:>8,.0f} {speed / before:>6.2f} {speed / next(iter(speeds.values())):>8.2f}", flush=True)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 12.0))
