"""A model that was trained here, in a real vLLM: it reads the same tokens, writes the same text, and its calls are
calls there. llama.cpp has the same tests in `test_trained_models.py`.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

pytest.importorskip("torch")

from tiny_training import SHAPE, TOOL, job, messages_of

from funcdex_assets.inference.servers import ServerSpec, running_server
from funcdex_assets.training.answers import parse_answer
from funcdex_assets.training.exported_models import load_exported_model
from funcdex_assets.training.generation import GenerationLimits, generate
from funcdex_assets.training.rendered_rows import ConversationEncoder
from funcdex_assets.training.training_job import run_training_job

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(
        "vllm" not in os.environ.get("FUNCDEX_LIVE", "").split(","),
        reason="FUNCDEX_LIVE does not name vllm; run: make live",
    ),
]

LEARNED = (0, 1, 9)
"""Rows of the train split; the one of row 6 validates."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has learned to call, with heads as wide as vLLM's CPU kernels want them."""
    changes = {"max_steps": 120, "packs_per_step": 4, "learning_rate": 5e-3, "eval_interval": 120, "sample_rows": 0}
    shape = SHAPE.model_copy(update={"heads": 2, "kv_heads": 1})
    return Path(run_training_job(job(tmp_path_factory.mktemp("home"), model=shape, **changes)).folder)


@pytest.fixture(scope="module")
def base_url(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
    args = ("--enable-auto-tool-choice", "--tool-call-parser", "hermes", "--dtype", "float32")
    spec = ServerSpec("vllm", str(folder), context=512, parallel=1, args=args)
    with running_server(spec, tmp_path_factory.mktemp("logs") / "vllm.log", print, start_limit_s=400) as url:
        yield url


def post(base_url: str, path: str, content: dict[str, Any]) -> dict[str, Any]:
    with httpx2.Client(trust_env=False, timeout=120) as client:
        model = client.get(f"{base_url}/models").json()["data"][0]["id"]
        response = client.post(base_url.removesuffix("/v1") + path, json={"model": model, "temperature": 0} | content)
        assert response.is_success, response.text
        return response.json()


def test_the_server_renders_encodes_and_writes_as_the_training_did(base_url: str, folder: Path):
    model, tokenizer, _ = load_exported_model(folder)
    encoder = ConversationEncoder(tokenizer)
    for number in (*LEARNED, 3):
        messages = messages_of(number)[:2]
        prompt = encoder.encode_prompt(messages, [TOOL])
        assert post(base_url, "/tokenize", {"messages": messages, "tools": [TOOL]})["tokens"] == prompt
        (ours,) = generate(model, [prompt], GenerationLimits((tokenizer.eos_token_id,), max_tokens=60))
        content = {"prompt": prompt, "max_tokens": 60, "skip_special_tokens": False}
        written = post(base_url, "/v1/completions", content)["choices"][0]["text"]
        assert written.removesuffix(tokenizer.eos_token) == tokenizer.decode(ours.token_ids, skip_special_tokens=False)


def test_the_server_reads_the_calls_natively_and_texts_as_texts(base_url: str, folder: Path):
    model, tokenizer, _ = load_exported_model(folder)
    for number in LEARNED:
        prompt = ConversationEncoder(tokenizer).encode_prompt(messages_of(number)[:2], [TOOL])
        (answer,) = generate(model, [prompt], GenerationLimits((tokenizer.eos_token_id,), max_tokens=80))
        (written,) = parse_answer(tokenizer.decode(answer.token_ids, skip_special_tokens=False)).calls
        content = {"messages": messages_of(number)[:2], "tools": [TOOL], "max_tokens": 80}
        message = post(base_url, "/v1/chat/completions", content)["choices"][0]["message"]
        (call,) = message["tool_calls"]
        assert (call["function"]["name"], json.loads(call["function"]["arguments"])) == (
            written.name,
            written.arguments,
        )
    done = messages_of(0)[:4]
    function = done[2]["tool_calls"][0]["function"]
    function["arguments"] = json.dumps(function["arguments"])  # as the protocol has it
    content = {"messages": done, "tools": [TOOL], "max_tokens": 80}
    message = post(base_url, "/v1/chat/completions", content)["choices"][0]["message"]
    assert (message["content"], message.get("tool_calls") or None) == ("It is warm.", None)
