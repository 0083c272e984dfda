"""What a trainer sees is what llama.cpp serves: the same ids, the same prompts, and our template read as Hermes'."""

import json
import random
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_model
import training_rows
from conftest import WANTED

from funcdex_assets.inference.servers import ServerSpec, running_server
from funcdex_assets.training.byte_level_bpe import MARKUP, PADDING, SPECIAL_TOKENS, name_pre_tokenizer
from funcdex_assets.training.chat_templates import render, strip_generation_markers

ALPHABET = "ab Z9'0 12\n\t .,-_é東½{}\":'s'll\u00a0\u2028🙂"


@pytest.fixture(scope="module", params=["with markers", "without"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if "llama_cpp" not in WANTED:
        pytest.skip("FUNCDEX_LIVE does not name llama_cpp; run: make live-llama-cpp")
    folder = tmp_path_factory.mktemp("tokens")
    template = str(training_rows.encoder().tokenizer.chat_template)
    model = folder / "tokens.gguf"
    write_model(model, template if request.param == "with markers" else strip_generation_markers(template))
    spec = ServerSpec("llama_cpp", str(model), context=8192, parallel=1, args=("--threads", "1"))
    with running_server(spec, folder / "log", print) as base_url:
        yield base_url.removesuffix("/v1")


def write_model(path: Path, template: str) -> None:
    import gguf

    tokenizer = training_rows.encoder().tokenizer
    described = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    tokens = sorted(described["vocab"], key=described["vocab"].__getitem__)
    kinds = dict.fromkeys(SPECIAL_TOKENS, gguf.TokenType.CONTROL) | dict.fromkeys(MARKUP, gguf.TokenType.USER_DEFINED)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(8192)
    writer.add_embedding_length(tiny_model.WIDTH)
    writer.add_feed_forward_length(tiny_model.INNER)
    writer.add_block_count(tiny_model.LAYERS)
    writer.add_head_count(tiny_model.HEADS)
    writer.add_head_count_kv(tiny_model.HEADS)
    writer.add_rope_dimension_count(tiny_model.HEAD_WIDTH)
    writer.add_rope_freq_base(10_000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(name_pre_tokenizer(tokenizer))
    writer.add_token_list(tokens)
    writer.add_token_types([kinds.get(token, gguf.TokenType.NORMAL) for token in tokens])
    writer.add_token_merges([" ".join(pair) for pair in described["merges"]])
    writer.add_bos_token_id(described["vocab"][PADDING])
    writer.add_eos_token_id(tokenizer.eos_token_id)
    writer.add_add_bos_token(False)
    writer.add_chat_template(template)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, tiny_model.LAYERS)
    for name, weight in tiny_model._weights(np.zeros(len(tokens))).items():
        tensor_name = names.get_name(name, try_suffixes=(".weight",))
        assert tensor_name
        writer.add_tensor(tensor_name, weight)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def post(url: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


@pytest.mark.live
def test_texts_have_the_same_ids(url: str):
    drawn = random.Random(1)
    texts = ["  5 apples, 12345.67€ and  2", "\n\n\n 9", "٣٤٥ १२३ Ⅳ", "\r\n5\r\n", "don't WE'LL"]
    texts += ["".join(drawn.choices(ALPHABET, k=drawn.randint(1, 40))) for _ in range(400)]
    texts += [str(message["content"]) for row in training_rows.generated_rows() for message in row.messages]
    backend = training_rows.encoder().tokenizer.backend_tokenizer
    for text in filter(None, texts):
        theirs = post(f"{url}/tokenize", {"content": text, "parse_special": False})["tokens"]
        assert theirs == backend.encode(text, add_special_tokens=False).ids, repr(text)


@pytest.mark.live
def test_prompts_have_the_same_text_and_ids(url: str):
    encoder = training_rows.encoder()
    for row in training_rows.generated_rows():
        for place, message in enumerate(row.messages):
            if message["role"] != "assistant":
                continue
            before = row.messages[:place]
            body = {"messages": [write_for_client(sent) for sent in before], "tools": row.tools}
            theirs = post(f"{url}/apply-template", body)["prompt"]
            text, _ = render(str(encoder.tokenizer.chat_template), before, row.tools, add_generation_prompt=True)
            assert theirs == text
            ids = post(f"{url}/tokenize", {"content": theirs, "add_special": True, "parse_special": True})["tokens"]
            assert ids == encoder.encode_prompt(before, row.tools)


@pytest.mark.live
def test_calls_are_read_as_hermes_calls(url: str):
    """The server finds by itself what begins a call, and keeps the markup of calls and thoughts in answers."""
    body = {
        "messages": [{"role": "user", "content": "Search."}],
        "tools": training_rows.generated_rows()[0].tools,
        "max_tokens": 1,
        "verbose": True,
    }
    settings = post(f"{url}/v1/chat/completions", body)["__verbose"]["generation_settings"]
    assert [trigger["value"] for trigger in settings["grammar_triggers"]] == ["<tool_call>\n"]
    kept = training_rows.encoder().tokenizer.convert_ids_to_tokens(settings["preserved_tokens"])
    assert {"<tool_call>", "</tool_call>", "<think>", "</think>"} <= set(kept)


def write_for_client(message: dict[str, Any]) -> dict[str, Any]:
    """Returns a message as OpenAI's clients send it: arguments are JSON text."""
    calls = [
        {**call, "function": {**call["function"], "arguments": json.dumps(call["function"]["arguments"])}}
        for call in message.get("tool_calls", ())
    ]
    return {**message, "tool_calls": calls} if calls else message
