"""Tokenizers of base models, and those that are kept beside the tables of tokens."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
import training_rows
from tokenizers import pre_tokenizers

from funcdex_assets.training.byte_level_bpe import name_pre_tokenizer, train_byte_level_bpe
from funcdex_assets.training.chat_templates import read_chat_template
from funcdex_assets.training.rendered_rows import ConversationEncoder
from funcdex_assets.training.tokenizer_store import (
    TokenizerError,
    TokenizerNote,
    give_chat_template,
    load_base_tokenizer,
    load_tokenizer,
    note_tokenizer,
    read_tokenizer_note,
    save_tokenizer,
)
from funcdex_assets.training.train_extra import MissingTrainExtraError, require_train_extra

NOTE = TokenizerNote("", "scratch", "with_tools", "ours", "release_1")


def make_base(folder: Path) -> Any:
    """Writes a base model's tokenizer without ChatML's tokens and with a template that ignores tools."""
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    described = msgspec.json.decode(training_rows.encoder().tokenizer.backend_tokenizer.to_str())
    described["added_tokens"] = [token for token in described["added_tokens"] if token["content"] == "<|endoftext|>"]
    for name in ("<|im_start|>", "<|im_end|>"):
        described["model"]["vocab"][f"unused{name[3]}{len(name)}"] = described["model"]["vocab"].pop(name)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(msgspec.json.encode(described).decode()),
        eos_token="<|endoftext|>",
        chat_template="{% for message in messages %}{{ message.content }}{% endfor %}",
    )
    tokenizer.save_pretrained(str(folder))
    return tokenizer


def test_a_tokenizer_comes_back_as_it_was(tmp_path: Path):
    tokenizer = training_rows.encoder().tokenizer
    name = save_tokenizer(tmp_path, tokenizer)
    note_tokenizer(tmp_path, "gmail", msgspec.structs.replace(NOTE, tokenizer=name))
    loaded = load_tokenizer(tmp_path, "gmail")
    assert read_tokenizer_note(tmp_path, "gmail").release == "release_1"
    assert loaded.chat_template == read_chat_template()
    assert (loaded.eos_token, loaded.pad_token, len(loaded)) == ("<|im_end|>", "<|endoftext|>", len(tokenizer))
    row = training_rows.generated_rows()[0]
    assert ConversationEncoder(loaded).encode(row.messages, row.tools) == training_rows.encoder().encode(
        row.messages, row.tools
    )


def test_the_same_tokenizer_has_one_folder_and_nothing_of_this_machine(tmp_path: Path):
    tokenizer = training_rows.encoder().tokenizer
    names = {save_tokenizer(tmp_path, tokenizer), save_tokenizer(tmp_path, tokenizer)}
    note_tokenizer(tmp_path, "gmail", msgspec.structs.replace(NOTE, tokenizer=names.pop()))
    assert (
        save_tokenizer(tmp_path, load_tokenizer(tmp_path, "gmail")) == read_tokenizer_note(tmp_path, "gmail").tokenizer
    )
    assert len([path for path in (tmp_path / "tokenizers").iterdir() if path.is_dir()]) == 1
    for path in (tmp_path / "tokenizers").rglob("*.json"):
        assert str(tmp_path) not in path.read_text()


@pytest.mark.parametrize(("partition", "stage"), [("gmail", "training_tokens of gmail"), ("all", "release_tokens")])
def test_where_nothing_was_tokenised_the_stage_is_named(tmp_path: Path, partition: str, stage: str):
    with pytest.raises(TokenizerError, match=f"{stage} was not made"):
        load_tokenizer(tmp_path, partition)
    note_tokenizer(tmp_path, partition, msgspec.structs.replace(NOTE, tokenizer="gone"))
    with pytest.raises(TokenizerError, match=r"gone of .* is gone; materialise its tokens again"):
        load_tokenizer(tmp_path, partition)


def test_a_base_without_our_tokens_gets_them_and_our_template(tmp_path: Path):
    before = make_base(tmp_path / "base")
    tokenizer = load_base_tokenizer("base", tmp_path)
    assert give_chat_template(tokenizer) == "ours"
    assert len(tokenizer) == len(before) + 2
    assert (tokenizer.eos_token, tokenizer.pad_token) == ("<|im_end|>", "<|endoftext|>")
    parts = ConversationEncoder(tokenizer).encode(
        [{"role": "user", "content": "Hi"}, {"role": "assistant", "tool_calls": [training_rows.call("f")]}], None
    )
    assert [part.text for part in parts if part.is_special] == ["<|im_start|>", "<|im_end|>"] * 2
    said = [part for part in parts if part.speaker == 0]
    assert said[0].text == '<tool_call>\n{"name": "f", "arguments": {}}\n</tool_call>', "spelled, as it is not known"


def test_a_base_keeps_a_template_that_renders_tools(tmp_path: Path):
    training_rows.encoder().tokenizer.save_pretrained(str(tmp_path / "base"))
    tokenizer = load_base_tokenizer(str(tmp_path / "base"), Path())
    assert give_chat_template(tokenizer) == "own"
    assert len(tokenizer) == len(training_rows.encoder().tokenizer)


@pytest.mark.parametrize("base", ["nowhere", "model.gguf", "empty"])
def test_a_base_that_is_not_there_is_named_with_its_place(tmp_path: Path, base: str):
    (tmp_path / "empty").mkdir()
    with pytest.raises(TokenizerError) as refused:
        load_base_tokenizer(base, tmp_path)
    assert f"training.base is {base!r}, and {tmp_path.resolve() / base} is neither" in str(refused.value)


@pytest.mark.parametrize("base", ["broken.gguf", "broken"])
def test_a_base_whose_tokenizer_cannot_be_read_is_named(tmp_path: Path, base: str):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "tokenizer_config.json").write_text("{")
    (tmp_path / "broken.gguf").write_text("no GGUF")
    with pytest.raises(TokenizerError, match=rf"training\.base is '{base}', and the tokenizer in .*/{base} cannot be"):
        load_base_tokenizer(base, tmp_path)


@pytest.mark.parametrize(("pre", "name"), [("smollm", "smollm"), ("gpt-2", "gpt-2")])
def test_the_tokenizer_of_a_gguf_splits_digits_as_the_file_says(tmp_path: Path, pre: str, name: str):
    gguf = pytest.importorskip("gguf")
    trained = train_byte_level_bpe(["Turn 21 to 2100."] * 3, 320)
    model = msgspec.json.decode(trained.backend_tokenizer.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].__getitem__)
    writer = gguf.GGUFWriter(tmp_path / "model.gguf", "llama")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.CONTROL if at < 3 else gguf.TokenType.NORMAL for at in range(len(tokens))])
    writer.add_token_merges([" ".join(pair) for pair in model["merges"]])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    tokenizer = load_base_tokenizer("model.gguf", tmp_path)
    assert name_pre_tokenizer(tokenizer) == name
    assert tokenizer.get_vocab()["<|im_end|>"] == 2
    if pre == "smollm":
        text = "  21 apples, 2100  pears"
        ids = trained.backend_tokenizer.encode(text, add_special_tokens=False).ids
        assert tokenizer.backend_tokenizer.encode(text, add_special_tokens=False).ids == ids
        tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        assert tokenizer.backend_tokenizer.encode("   21", add_special_tokens=False).ids != ids, "what it mends"


def test_a_missing_library_is_named_with_what_to_install():
    with pytest.raises(
        MissingTrainExtraError, match=r"no_such_library is not installed.*pip install 'funcdex-assets\[train\]'"
    ):
        require_train_extra("json", "no_such_library")
    require_train_extra()
