"""A model that was trained here and knows its rows, and how a server that serves it is asked."""

from pathlib import Path
from typing import Any

import httpx2
from tiny_training import TOOL, job, messages_of

from funcdex_assets.training.answers import parse_answer
from funcdex_assets.training.exported_models import load_exported_model
from funcdex_assets.training.generation import GenerationLimits, generate
from funcdex_assets.training.rendered_rows import ConversationEncoder
from funcdex_assets.training.training_job import run_training_job

LEARNED = (0, 1, 9)
"""Rows of the train split that the model learned by heart: the one of row 6 validates."""


def train_by_heart(home: Path, **changes: Any) -> Path:
    """Trains a model on its rows until it knows them, ten seconds; returns its folder."""
    budget = {"max_steps": 120, "packs_per_step": 4, "learning_rate": 5e-3, "eval_interval": 120, "sample_rows": 0}
    return Path(run_training_job(job(home, **budget, **changes)).folder)


def post(base_url: str, path: str, content: dict[str, Any]) -> dict[str, Any]:
    with httpx2.Client(trust_env=False, timeout=120) as client:
        response = client.post(base_url.removesuffix("/v1") + path, json=content)
        assert response.is_success, response.text
        return response.json()


def begin_of_row(number: int) -> list[dict[str, Any]]:
    """Policy and request of a row, without the answer."""
    return messages_of(number)[:2]


def write_call(folder: Path, number: int) -> tuple[str, dict[str, Any]]:
    """Has the model itself answer the row; returns the name and the arguments of its call."""
    model, tokenizer, _ = load_exported_model(folder)
    prompt = ConversationEncoder(tokenizer).encode_prompt(begin_of_row(number), [TOOL])
    (answer,) = generate(model, [prompt], GenerationLimits((tokenizer.eos_token_id,), max_tokens=80))
    (call,) = parse_answer(tokenizer.decode(answer.token_ids, skip_special_tokens=False)).calls
    return call.name, call.arguments
