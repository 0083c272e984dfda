"""A model that was trained here, in a real llama.cpp: it reads the same tokens, writes the same text, and its calls are
calls there.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("torch")

from tiny_training import TOOL, messages_of
from trained_by_heart import LEARNED, begin_of_row, post, train_by_heart, write_call

from funcdex_assets.inference.servers import ServerSpec, running_server
from funcdex_assets.training.exported_models import load_exported_model
from funcdex_assets.training.generation import GenerationLimits, generate
from funcdex_assets.training.rendered_rows import ConversationEncoder

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(
        "llama_cpp" not in os.environ.get("FUNCDEX_LIVE", "").split(","),
        reason="FUNCDEX_LIVE does not name llama_cpp; run: make live-llama-cpp",
    ),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train_by_heart(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module", params=["f32", "f16"])
def base_url(request: pytest.FixtureRequest, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    file = folder / f"house-{request.param}.gguf"
    spec = ServerSpec("llama_cpp", str(file), context=512, parallel=1, args=("--threads", "1"))
    with running_server(spec, tmp_path_factory.mktemp("logs") / "llama.log", print) as url:
        yield url


def test_the_server_renders_and_encodes_as_the_training_did(base_url: str, folder: Path):
    _, tokenizer, _ = load_exported_model(folder)
    encoder = ConversationEncoder(tokenizer)
    for messages in (begin_of_row(0), [*messages_of(3), {"role": "user", "content": "Zoë, 1234  now!"}]):
        rendered = post(base_url, "/apply-template", {"messages": messages, "tools": [TOOL]})["prompt"]
        assert rendered == tokenizer.apply_chat_template(
            messages, tools=[TOOL], add_generation_prompt=True, tokenize=False
        )
        content = {"content": rendered, "add_special": False, "parse_special": True}
        assert post(base_url, "/tokenize", content)["tokens"] == encoder.encode_prompt(messages, [TOOL])


def test_the_server_writes_the_same_text(base_url: str, folder: Path):
    model, tokenizer, _ = load_exported_model(folder)
    encoder = ConversationEncoder(tokenizer)
    prompts = [encoder.encode_prompt(begin_of_row(number), [TOOL]) for number in (*LEARNED, 3)]
    ours = generate(model, prompts, GenerationLimits((tokenizer.eos_token_id,), max_tokens=60))
    for prompt, answer in zip(prompts, ours, strict=True):
        content = {"prompt": prompt, "n_predict": 60, "temperature": 0, "return_tokens": True, "cache_prompt": False}
        written = post(base_url, "/completion", content)["tokens"]
        assert written == [*answer.token_ids, *([tokenizer.eos_token_id] if answer.is_finished else [])]


def test_the_server_reads_the_calls_natively(base_url: str, folder: Path):
    for number in LEARNED:
        request = {"messages": begin_of_row(number), "tools": [TOOL], "temperature": 0, "max_tokens": 80}
        message = post(base_url, "/v1/chat/completions", request)["choices"][0]["message"]
        (call,) = message["tool_calls"]
        assert (call["function"]["name"], json.loads(call["function"]["arguments"])) == write_call(folder, number)
        assert not message.get("content")


def test_the_server_writes_text_where_the_model_does(base_url: str):
    request = {"messages": messages_of(0)[:4], "tools": [TOOL], "temperature": 0, "max_tokens": 80}
    message = post(base_url, "/v1/chat/completions", request)["choices"][0]["message"]
    assert (message["content"], message.get("tool_calls")) == ("It is warm.", None)
