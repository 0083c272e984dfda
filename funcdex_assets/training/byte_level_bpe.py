"""Trains a tokenizer for models that begin from scratch: byte-level BPE, fitted to the texts it is to write.

Belongs here: the tokenizer's form and its name in llama.cpp. What it is trained on is chosen in `token_rows.py`; the
tokenizer of a base model belongs to `tokenizer_store.py`.

A small model spends most of its work on the output layer, which is as wide as the vocabulary: 4,096 tokens instead of
GPT-2's 50,257 make a model of four layers and 256 dimensions quicker by a factor of about three.

Every digit is a token of its own, since a model that copies `4711` must copy digits, not guess where a merge ends.
llama.cpp knows the splitting under the name `smollm` (`tokenizer.ggml.pre`) and gives the same ids.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec
from tokenizers import AddedToken, Tokenizer, pre_tokenizers
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel, Digits, Sequence
from tokenizers.trainers import BpeTrainer

from funcdex_assets.records.errors import UserError
from funcdex_assets.training.chat_templates import TURN, TURN_END, read_chat_template
from funcdex_assets.training.train_extra import require_train_extra

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

PADDING = "<|endoftext|>"
MARKUP = ("<think>", "</think>", "<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>")
SPECIAL_TOKENS = (PADDING, TURN, TURN_END, *MARKUP)
"""In the order of their ids, from 0. In GGUF the markup is `USER_DEFINED`, the first three are `CONTROL`."""

SMALLEST_VOCABULARY = len(SPECIAL_TOKENS) + 256
"""The special tokens and one token for each byte, so that any text can be written."""

_SMOLLM, _GPT2 = "smollm", "gpt-2"


class UnknownPreTokenizerError(UserError):
    """Raised where a tokenizer splits texts in a way that has no name in llama.cpp that is known here."""


def train_byte_level_bpe(texts: Iterable[str], vocabulary_size: int) -> "PreTrainedTokenizerFast":
    """Trains a tokenizer with our chat template on texts; the same texts give the same bytes.

    `texts` are plain, without special tokens. The vocabulary has at most `vocabulary_size` tokens, and fewer if no
    pair of tokens is left that occurs twice.

    Raises:
        ValueError: the vocabulary has no room for the bytes.
    """
    if vocabulary_size < SMALLEST_VOCABULARY:
        raise ValueError(f"A vocabulary of {vocabulary_size} tokens cannot hold the bytes; {SMALLEST_VOCABULARY} can")
    require_train_extra()
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = build_digit_splitter()
    tokenizer.decoder = ByteLevelDecoder()
    trainer = BpeTrainer(
        vocab_size=vocabulary_size,
        min_frequency=2,
        special_tokens=[AddedToken(token, normalized=False) for token in SPECIAL_TOKENS],
        initial_alphabet=sorted(ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=_show_markup(tokenizer),
        eos_token=TURN_END,
        pad_token=PADDING,
        additional_special_tokens=[TURN],
        clean_up_tokenization_spaces=False,
        chat_template=read_chat_template(),
    )


def _show_markup(tokenizer: Tokenizer) -> Tokenizer:
    """Returns the tokenizer with markup that stays in a decoded text when special tokens are left out of it.

    A server leaves them out of answers, and the calls' markup is what it reads the calls by. So Qwen has it, too.
    """
    described = msgspec.json.decode(tokenizer.to_str())
    for token in described["added_tokens"]:
        token["special"] = token["content"] not in MARKUP
    return Tokenizer.from_str(msgspec.json.encode(described).decode())


def build_digit_splitter() -> pre_tokenizers.PreTokenizer:
    """Builds the pre-tokenizer that llama.cpp calls `smollm`: every digit alone, the rest as GPT-2 splits it."""
    return Sequence([Digits(individual_digits=True), ByteLevel(add_prefix_space=False, use_regex=True)])


def name_pre_tokenizer(tokenizer: "PreTrainedTokenizerFast") -> str:
    """Names the way in which a tokenizer splits texts as llama.cpp does in `tokenizer.ggml.pre`.

    Raises:
        UnknownPreTokenizerError: the name is not known here.
    """
    described = msgspec.json.decode(tokenizer.backend_tokenizer.to_str())["pre_tokenizer"] or {}
    parts = described.get("pretokenizers", [described])
    match [part.get("type") for part in parts]:
        case ["ByteLevel"] if parts[0]["use_regex"]:
            return _GPT2
        case ["Digits", "ByteLevel"] if parts[0]["individual_digits"] and parts[1]["use_regex"]:
            return _SMOLLM
        case ["Split", "ByteLevel"]:
            if name := _SPLIT_NAMES.get(parts[0]["pattern"].get("Regex", "")):
                return name
    raise UnknownPreTokenizerError(
        f"The pre-tokenizer of {tokenizer.name_or_path or 'the tokenizer'} ({described.get('type')}) has no name in "
        "llama.cpp that is known here; convert the Hugging Face folder with llama.cpp's convert_hf_to_gguf.py"
    )


_LETTERS_AND_MARKS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
_REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_SPLIT_NAMES = {
    _LETTERS_AND_MARKS + r"\p{N}" + _REST: "qwen2",
    _LETTERS_AND_MARKS + r"\p{N}{1,3}" + _REST: "llama-bpe",
}
"""From llama.cpp's convert_hf_to_gguf.py and llama-vocab.cpp: regular expressions by the name they have there."""
