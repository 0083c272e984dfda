"""A release as trainers read it: `datasets.load_dataset`, then a chat template with tools.

TRL's SFTTrainer asks for a column `messages` with a list of messages, and a column `tools` with a list of
function definitions; it and Unsloth hand both to `apply_chat_template`. TRL is no dependency, so here the
two columns are held to that shape, and the template is applied.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from example_facts import FACTS, MODELS

from funcdex_assets.export.release import publish_release
from funcdex_assets.records.conversation import RoleModel
from funcdex_assets.records.dataset import OwnRow
from funcdex_assets.records.message import Message
from funcdex_assets.records.openai_messages import to_openai_messages

# As Hermes and Qwen write it: definitions in the system turn, calls and results between tags.
HERMES = """\
{%- if messages[0].role == 'system' %}{% set system = messages[0].content %}{% else %}{% set system = '' %}{% endif %}
{{- '<|im_start|>system\\n' + system + '\\n<tools>' }}
{%- for tool in tools %}{{ '\\n' }}{{ tool | tojson }}{% endfor %}
{{- '\\n</tools><|im_end|>\\n' }}
{%- for message in messages %}
{%- if message.role == 'user' %}
{{- '<|im_start|>user\\n' + message.content + '<|im_end|>\\n' }}
{%- elif message.role == 'assistant' %}
{{- '<|im_start|>assistant\\n' }}
{%- if message.reasoning_content is string %}{{- '<think>' + message.reasoning_content + '</think>\\n' }}{% endif %}
{{- message.content }}
{%- for call in message.tool_calls %}
{{- '\\n<tool_call>\\n{"name": "' + call.function.name + '", "arguments": ' }}{{- call.function.arguments | tojson }}
{{- '}\\n</tool_call>' }}
{%- endfor %}
{{- '<|im_end|>\\n' }}
{%- elif message.role == 'tool' %}
{{- '<|im_start|>user\\n<tool_response>\\n' + message.content + '\\n</tool_response><|im_end|>\\n' }}
{%- endif %}
{%- endfor %}"""

# As Llama 3.1 asks: by the presence of a key, and with one call at most.
LLAMA = """\
{%- for message in messages %}
{%- if not (message.role == 'tool' or 'tool_calls' in message) %}
{{- '<' + message.role + '>' + message.content }}
{%- elif 'tool_calls' in message %}
{%- if message.tool_calls | length != 1 %}{{ raise_exception('one call at a time') }}{% endif %}
{{- '<call>' + message.tool_calls[0].function.name }}
{%- else %}{{- '<result>' + message.content }}{% endif %}
{%- endfor %}"""


@pytest.fixture(scope="module")
def source(row) -> dict[str, list[Any]]:
    """The rows that were published, by split; one conversation has thoughts, an error and parallel calls."""
    plain = (Message(role="user", content="Hello?"), Message(role="assistant", content="Hello! What can I do?"))
    return {
        "train": [row(1), row(2, messages=to_openai_messages(plain, "Be kind."), calls=0, tools=row(2).tools[:1])],
        "test": [row(3, "test")],
    }


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    cache = tmp_path_factory.mktemp("huggingface")
    with pytest.MonkeyPatch.context() as environment:
        # Both libraries read them when they are imported.
        environment.setenv("HF_HOME", str(cache))
        environment.setenv("HF_HUB_OFFLINE", "1")
        environment.setenv("HF_DATASETS_OFFLINE", "1")
        import datasets

        datasets.disable_progress_bars()
        yield lambda folder: datasets.load_dataset(str(folder), cache_dir=str(cache / "datasets"))


@pytest.fixture
def load_json(load, tmp_path):
    """Loads both files of a release by the builder of JSON, without what the card says of them."""
    import datasets

    def load_files(release):
        files = {split: str(release / f"{split}.jsonl") for split in ("train", "test")}
        return datasets.load_dataset("json", data_files=files, cache_dir=str(tmp_path / "cache"))

    return load_files


@pytest.fixture(scope="module")
def loaded(load, source, tmp_path_factory: pytest.TempPathFactory):
    return load(publish_release([*source["train"], *source["test"]], tmp_path_factory.mktemp("dataset"), "d"))


def tokenizer_of(texts: list[str], template: str):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    model = Tokenizer(models.BPE())
    model.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    model.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = ["<|im_start|>", "<|im_end|>"]
    trainer = trainers.BpeTrainer(vocab_size=600, initial_alphabet=alphabet, special_tokens=special)
    model.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=model, eos_token="<|im_end|>", chat_template=template)


@pytest.fixture(scope="module")
def tokenizer(loaded):
    return tokenizer_of([json.dumps(row, ensure_ascii=False) for row in loaded["train"]], HERMES)


def calls_in(messages: list[dict]) -> list[dict]:
    return [call["function"] for message in messages for call in message.get("tool_calls", ())]


def between(text: str, tag: str) -> list[str]:
    return re.findall(rf"<{tag}>\n(.*?)\n</{tag}>", text, flags=re.DOTALL)


# ── loading ───────────────────────────────────────────────────────────────────────────────────


def test_both_splits_come_back_as_they_were_written(loaded, source):
    assert set(loaded) == {"train", "test"}
    for split, rows in source.items():
        assert loaded[split]["id"][:] == [row.conversation_id for row in rows]
        for row, read in zip(rows, loaded[split], strict=True):
            # As JSON text, so that 1 and 1.0 and True differ, and so do missing and null keys.
            assert json.dumps(read["messages"]) == json.dumps(row.messages)
            assert json.dumps(read["tools"]) == json.dumps(row.tools)
            assert (read["chain_id"], read["cluster_id"]) == (row.chain_id, row.cluster_id)


def test_a_call_has_its_own_arguments_and_not_those_of_all_tools(loaded):
    calls = calls_in(loaded["train"][0]["messages"])
    assert [list(call["arguments"]) for call in calls] == [["filter", "limit"], [], ["to", "cc", "body"]]
    assert calls[2]["arguments"]["cc"] is None, "a null that was said is kept"


def test_a_message_has_its_own_keys(loaded):
    assert [sorted(message) for message in loaded["train"][1]["messages"]] == [["content", "role"]] * 3


def test_the_columns_have_their_types(loaded):
    from datasets import Json, List, Value

    assert loaded["train"].features == loaded["test"].features
    assert loaded["train"].features == {
        "id": Value("string"),
        "partition": Value("string"),
        "messages": List(Json()),
        "tools": List(Json()),
        "clarity": Value("string"),
        "chain_id": Value("string"),
        "kind": Value("string"),
        "cluster_id": Value("string"),
        "turn_verdicts": List(Json()),
        "step_trace": List(Json()),
        "certificate": Json(),
        "user_query_clarity": Value("int64"),
        "tool_use_quality": Value("int64"),
        "naturalness": Value("int64"),
        "task_completion": Value("int64"),
        "overall": Value("float64"),
        "judge": Value("string"),
        "judge_reasoning": Value("string"),
        "seed": Value("int64"),
        "pattern": Value("string"),
        "toolkits": List(Value("string")),
        "strategy": Value("string"),
        "engine": Value("string"),
        "models": List({"role": Value("string"), "model": Value("string")}),
        "attempts": Value("int64"),
        "repairs": Value("int64"),
    }


def test_what_a_row_says_of_itself_is_read_as_it_was_written(loaded):
    read = loaded["test"][0]
    models = [{"role": model.role, "model": model.model} for model in MODELS]
    assert {name: read[name] for name in FACTS} == {**FACTS, "toolkits": list(FACTS["toolkits"]), "models": models}
    assert len(loaded["train"].filter(lambda one: one["overall"] >= 4.5 and one["strategy"] == "simulate")) == 2


def test_splits_in_which_other_roles_were_asked_have_one_schema_even_without_the_card(load_json, row, tmp_path):
    """A reader that guesses the types from the lines is handed the files alone."""
    corrected = (*MODELS, RoleModel(role="corrector", model="tiny"))
    release = publish_release([row(1), row(2, "test", models=corrected, attempts=2, repairs=1)], tmp_path, "d")
    both = load_json(release)
    names = [name for name in FACTS if name in both["train"].column_names]
    assert names == list(FACTS)
    assert {name: both["train"].features[name] for name in names} == {
        name: both["test"].features[name] for name in names
    }
    assert [model["role"] for model in both["test"][0]["models"]][-1] == "corrector"


def test_the_columns_have_the_shape_that_trl_asks_for(loaded):
    names = set(loaded["train"].column_names)
    assert {"messages", "tools"} <= names
    assert names.isdisjoint({"text", "prompt", "completion", "input_ids"}), "TRL would take these for the example"
    for row in loaded["train"]:
        assert all(message["role"] in {"system", "user", "assistant", "tool"} for message in row["messages"])
        assert all(isinstance(message["content"], str) for message in row["messages"])
        assert row["messages"][-1]["role"] == "assistant"
        for tool in row["tools"]:
            assert tool["type"] == "function"
            assert tool["function"].keys() == {"name", "description", "parameters"}
            assert tool["function"]["parameters"]["type"] == "object"


def test_columns_survive_the_mapping_that_trainers_do(loaded, source):
    mapped = loaded["train"].map(lambda row: {"length": len(row["messages"])}, remove_columns=["id"])
    assert json.dumps(mapped[0]["messages"]) == json.dumps(source["train"][0].messages)


def test_a_release_without_test_rows_can_be_loaded(load, row, tmp_path):
    alone = load(publish_release([row(7)], tmp_path, "d"))
    assert {split: len(rows) for split, rows in alone.items()} == {"train": 1}


def test_own_rows_are_loaded_with_the_columns_of_the_others(load, row, tmp_path, tokenizer):
    call = {"id": "call_1", "type": "function", "function": {"name": "renew", "arguments": {"weeks": 2}}}
    messages = [{"role": "user", "content": "keep it"}, {"role": "assistant", "content": "", "tool_calls": [call]}]
    own = OwnRow(
        row_id="own_1",
        partition="library",
        place="rows.jsonl:1",
        messages=messages,
        tools=row(7).tools[:1],
        weight=2.5,
        calls=1,
        user_turns=1,
    )
    train = load(publish_release([row(7), row(8, "test")], tmp_path, "d", own_rows=[own]))["train"]
    assert (train["source"], train["weight"]) == (["generated", "own"], [1.0, 2.5])
    assert (train[1]["kind"], train[1]["clarity"], train[1]["messages"]) == ("own", None, messages)
    assert len(train.filter(lambda one: one["source"] == "own")) == 1
    assert {name: train[1][name] for name in FACTS} == dict.fromkeys(FACTS)
    text = tokenizer.apply_chat_template(train[1]["messages"], tools=train[1]["tools"], tokenize=False)
    assert between(text, "tool_call") == ['{"name": "renew", "arguments": {"weeks": 2}}']
    assert "<tool_response>" not in text


# ── chat templates ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_rendered_text_has_every_call_result_tool_and_the_system_prompt(loaded, source, tokenizer, split):
    for row, read in zip(source[split], loaded[split], strict=True):
        text = tokenizer.apply_chat_template(read["messages"], tools=read["tools"], tokenize=False)
        assert [json.loads(call) for call in between(text, "tool_call")] == calls_in(row.messages)
        results = [message["content"] for message in row.messages if message["role"] == "tool"]
        assert between(text, "tool_response") == results
        (definitions,) = between(text, "tools")
        assert [json.loads(line) for line in definitions.splitlines()] == row.tools
        assert text.startswith(f"<|im_start|>system\n{row.messages[0]['content']}\n")
        assert all(message["content"] in text for message in row.messages)


def test_thoughts_are_rendered_by_templates_that_know_them(loaded, tokenizer):
    row = loaded["train"][0]
    text = tokenizer.apply_chat_template(row["messages"], tools=row["tools"], tokenize=False)
    assert re.findall("<think>(.*?)</think>", text) == ["Two searches can go at once."]


def test_arguments_are_json_and_not_quoted_json(loaded, tokenizer):
    row = loaded["train"][0]
    text = tokenizer.apply_chat_template(row["messages"], tools=row["tools"], tokenize=False)
    assert '"arguments": {"to": "zoe@x.org", "cc": null, "body": "Say \\"hé\\" — 💡\\n{\\"a\\":1}"}' in text


def test_the_tokens_are_those_of_the_text(loaded, tokenizer):
    row = loaded["train"][0]
    text = tokenizer.apply_chat_template(row["messages"], tools=row["tools"], tokenize=False)
    tokens = tokenizer.apply_chat_template(row["messages"], tools=row["tools"], tokenize=True, return_dict=False)
    assert tokenizer.decode(tokens) == text
    assert tokens.count(tokenizer.eos_token_id) == len(row["messages"])


def test_templates_that_ask_for_the_key_take_only_calls_for_calls(loaded, tokenizer):
    """Were `tool_calls` there and null, Llama 3.1's template would fail at the first user message."""
    row = loaded["train"][1]
    text = tokenizer.apply_chat_template(row["messages"], chat_template=LLAMA, tokenize=False)
    assert text == "<system>Be kind.<user>Hello?<assistant>Hello! What can I do?"
