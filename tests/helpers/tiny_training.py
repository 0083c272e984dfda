"""A training that is over in seconds: short rows of one tool, their tokenizer, and a model of two layers.

The rows can be learned by heart: a number is said, and the call has it.
"""

from functools import cache
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedTokenizerFast

from funcdex_assets.records.training import TokenRow
from funcdex_assets.settings.model_shape import ModelShape
from funcdex_assets.settings.training import Training
from funcdex_assets.training.byte_level_bpe import train_byte_level_bpe
from funcdex_assets.training.models import build_model
from funcdex_assets.training.rendered_rows import ConversationEncoder
from funcdex_assets.training.token_rows import LossWeights, PublishedRow, build_token_rows
from funcdex_assets.training.training_job import TrainingJob

torch.set_num_threads(1)

SHAPE = ModelShape(layers=2, width=64, heads=4, kv_heads=2)
TRAINING = Training(
    model=SHAPE,
    context=512,
    epochs=None,
    max_steps=8,
    pack_tokens=160,
    eval_interval=4,
    sample_interval=4,
    sample_rows=1,
    sample_tokens=8,
    checkpoint_interval=4,
    learning_rate=3e-3,
    precision="float32",  # so that a processor that has bfloat16 computes what one without does
)
POLICY = "You keep a house warm."
TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "heat",
        "description": "Sets the heat.",
        "parameters": {"type": "object", "properties": {"to": {"type": "integer"}}, "required": ["to"]},
    },
}


def published_rows() -> list[PublishedRow]:
    """Sixteen rows, of which four are for tests; each third one is thanked for."""
    return [
        PublishedRow(
            id=f"row_{number}",
            partition="house",
            messages=messages_of(number),
            tools=[TOOL],
            kind="single_call",
            split="test" if number % 4 == 3 else "train",
        )
        for number in range(16)
    ]


def messages_of(number: int) -> list[dict[str, Any]]:
    call = {"id": "call00001", "type": "function", "function": {"name": "heat", "arguments": {"to": number + 10}}}
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": POLICY},
        {"role": "user", "content": f"turn it to {number + 10}"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
    ]
    if number % 3 == 0:
        result = {"role": "tool", "tool_call_id": "call00001", "name": "heat", "content": "{}"}
        messages += [result, {"role": "assistant", "content": "It is warm."}]
    return messages


@cache
def tokenizer() -> PreTrainedTokenizerFast:
    words = (
        "You keep a house warm.",
        "turn it to",
        "It is warm.",
        '{"name": "heat", "arguments": {"to": ',
        "Sets the heat",
    )
    return train_byte_level_bpe([f"{text} {text}" for text in words], 330)


def token_rows(prompt_weight: float = 0.0) -> list[TokenRow]:
    made = build_token_rows(
        published_rows(), ConversationEncoder(tokenizer()), "with_tools", 512, LossWeights(prompt=prompt_weight)
    )
    assert not made.failures
    return list(made.rows)


def tiny_model(seed: int = 0, **changes: Any) -> Any:
    shape = SHAPE.model_copy(update=changes)
    return build_model(shape, tokenizer(), 512, seed)


def job(home: Path, **changes: Any) -> TrainingJob:
    """The job over all rows; `changes` are fields of the settings."""
    folder = home / "tokenizer"
    tokenizer().save_pretrained(folder)
    return TrainingJob(
        partition="house",
        release="release_0",
        rows=token_rows(),
        tokenizer=folder,
        base=changes.get("base", "scratch"),
        settings=TRAINING.model_copy(update=changes).model_dump(),
        seed=1,
        home=home,
        root=home,
    )


ROWS_TENSOR = torch.tensor([token_rows()[0].token_ids])
"""A row as a batch of one."""
