"""The tokenizer of models that begin from scratch."""

import hashlib
import json
import os
import subprocess
import sys

import pytest
import training_rows
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import pre_tokenizers

from funcdex_assets.training.byte_level_bpe import (
    SMALLEST_VOCABULARY,
    SPECIAL_TOKENS,
    UnknownPreTokenizerError,
    name_pre_tokenizer,
    train_byte_level_bpe,
)

TEXTS = ["Turn the heat to 21, please.", "Turn the heat to 2100, Zoë.", '{"name": "turn", "arguments": {"to": 21}}'] * 3
HASH = """
from funcdex_assets.training.byte_level_bpe import train_byte_level_bpe
import hashlib, json, sys
print(hashlib.sha256(train_byte_level_bpe(json.load(sys.stdin), 320).backend_tokenizer.to_str().encode()).hexdigest())
"""


def test_special_tokens_come_first_and_are_one_token_each():
    tokenizer = training_rows.encoder().tokenizer
    assert tokenizer.convert_tokens_to_ids(list(SPECIAL_TOKENS)) == list(range(9))
    assert tokenizer("<tool_call>\n{}</tool_call><|im_end|>")["input_ids"][-1] == tokenizer.eos_token_id
    assert tokenizer.pad_token == "<|endoftext|>"


def test_markup_stays_in_an_answer_without_special_tokens():
    tokenizer = training_rows.encoder().tokenizer
    ids = tokenizer("<think>Hm.</think>\n<tool_call>\n{}\n</tool_call><|im_end|>")["input_ids"]
    assert tokenizer.decode(ids, skip_special_tokens=True) == "<think>Hm.</think>\n<tool_call>\n{}\n</tool_call>"


def test_every_digit_is_a_token():
    tokenizer = train_byte_level_bpe(TEXTS, 400)
    written = tokenizer.convert_ids_to_tokens(tokenizer(" 2100")["input_ids"])
    assert written == ["Ġ", "2", "1", "0", "0"]


def test_the_vocabulary_fits_the_data():
    assert len(train_byte_level_bpe([], 4096)) == SMALLEST_VOCABULARY
    assert len(train_byte_level_bpe(TEXTS, SMALLEST_VOCABULARY + 10)) == SMALLEST_VOCABULARY + 10
    with pytest.raises(ValueError, match="cannot hold the bytes; 265 can"):
        train_byte_level_bpe(TEXTS, 200)


@given(text=st.text())
def test_any_text_is_written_and_read_back(text: str):
    tokenizer = training_rows.encoder().tokenizer
    ids = tokenizer.backend_tokenizer.encode(text, add_special_tokens=False).ids
    assert tokenizer.decode(ids, clean_up_tokenization_spaces=False) == text


def test_the_same_texts_give_the_same_bytes_in_every_process():
    hashes = {hashlib.sha256(train_byte_level_bpe(TEXTS, 320).backend_tokenizer.to_str().encode()).hexdigest()}
    environment = {**os.environ, "PYTHONHASHSEED": "7", "RAYON_NUM_THREADS": "1"}
    ended = subprocess.run(
        [sys.executable, "-c", HASH], input=json.dumps(TEXTS), env=environment, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    hashes.add(ended.stdout.strip())
    assert len(hashes) == 1


def test_the_way_of_splitting_has_its_name_in_llama_cpp():
    tokenizer = train_byte_level_bpe(TEXTS, 320)
    assert name_pre_tokenizer(tokenizer) == "smollm"
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    assert name_pre_tokenizer(tokenizer) == "gpt-2"
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    with pytest.raises(UnknownPreTokenizerError, match="Whitespace"):
        name_pre_tokenizer(tokenizer)
