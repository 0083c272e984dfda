"""A model that was trained here, in a real vLLM: it reads the same tokens, writes the same text, and its calls are
calls there. llama.cpp has the same tests in `test_trained_models.py`.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from tiny_training import SHAPE, TOOL, messages_of
from trained_by_heart import LEARNED, begin_of_row, post, train_by_heart, write_call

from funcdex_assets.inference.servers import ServerSpec, running_server
from funcdex_assets.training.exported_models import load_exported_model
from funcdex_assets.training.generation import GenerationLimits, generate
from funcdex_assets.training.rendered_rows import ConversationEncoder

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(
        "vllm" not in os.environ.get("FUNCDEX_LIVE", "").split(","),
        reason="FUNCDEX_LIVE does not name vllm; run: make live",
    ),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model with heads as wide as vLLM's CPU kernels want them."""
    shape = SHAPE.model_copy(update={"heads": 2, "kv_heads": 1})
    return train_by_heart(tmp_path_factory.mktemp("home"), model=shape)


@pytest.fixture(scope="module")
def base_url(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
    args = ("--enable-auto-tool-choice", "--tool-call-parser", "hermes", "--dtype", "float32")
    spec = ServerSpec("vllm", str(folder), context=512, parallel=1, args=args)
    with running_server(spec, tmp_path_factory.mktemp("logs") / "vllm.log", print, start_limit_s=400) as url:
        yield url


def ask(base_url: str, path: str, content: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Asks greedily; vLLM wants the name of the model."""
    return post(base_url, path, {"model": folder.name, "temperature": 0} | content)


def test_the_server_renders_encodes_and_writes_as_the_training_did(base_url: str, folder: Path):
    model, tokenizer, _ = load_exported_model(folder)
    encoder = ConversationEncoder(tokenizer)
    for number in (*LEARNED, 3):
        messages = begin_of_row(number)
        prompt = encoder.encode_prompt(messages, [TOOL])
        assert ask(base_url, "/tokenize", {"messages": messages, "tools": [TOOL]}, folder)["tokens"] == prompt
        (ours,) = generate(model, [prompt], GenerationLimits((tokenizer.eos_token_id,), max_tokens=60))
        content = {"prompt": prompt, "max_tokens": 60, "skip_special_tokens": False}
        written = ask(base_url, "/v1/completions", content, folder)["choices"][0]["text"]
        assert written.removesuffix(tokenizer.eos_token) == tokenizer.decode(ours.token_ids, skip_special_tokens=False)


def test_the_server_reads_the_calls_natively_and_texts_as_texts(base_url: str, folder: Path):
    for number in LEARNED:
        content = {"messages": begin_of_row(number), "tools": [TOOL], "max_tokens": 80}
        message = ask(base_url, "/v1/chat/completions", content, folder)["choices"][0]["message"]
        (call,) = message["tool_calls"]
        assert (call["function"]["name"], json.loads(call["function"]["arguments"])) == write_call(folder, number)
    done = messages_of(0)[:4]
    function = done[2]["tool_calls"][0]["function"]
    function["arguments"] = json.dumps(function["arguments"])  # as the protocol has it
    content = {"messages": done, "tools": [TOOL], "max_tokens": 80}
    message = ask(base_url, "/v1/chat/completions", content, folder)["choices"][0]["message"]
    assert (message["content"], message.get("tool_calls") or None) == ("It is warm.", None)
