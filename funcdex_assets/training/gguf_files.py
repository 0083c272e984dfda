"""Writes a model as one GGUF file, as llama.cpp reads it: weights, tokenizer and chat template.

Belongs here: the names, numbers and orders that llama.cpp wants (its `convert_hf_to_gguf.py` and `gguf-py`). Written
are Llama and Qwen3, the two architectures that are trained here; others are converted with llama.cpp's own program.

    write_gguf(model, tokenizer, Path("gmail-f16.gguf"), name="gmail", precision="f16")
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from funcdex_assets.records.errors import UserError
from funcdex_assets.training.byte_level_bpe import MARKUP, name_pre_tokenizer
from funcdex_assets.training.chat_templates import strip_generation_markers
from funcdex_assets.training.models import collect_weights

if TYPE_CHECKING:
    import gguf

GgufPrecision = Literal["f32", "f16"]
ARCHITECTURES = ("llama", "qwen3")


class GgufError(UserError):
    """A model has no GGUF form that is known here; the message says what has."""


def write_gguf(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    path: Path,
    *,
    name: str,
    precision: GgufPrecision = "f16",
) -> None:
    """Writes the file in one step; adapters must be merged before.

    Matrices get the precision; norms are float32, which llama.cpp wants.

    Raises:
        GgufError: the model is of another architecture, or has a form of attention that is not known here.
        UnknownPreTokenizerError: llama.cpp has no name for how the tokenizer splits texts.
    """
    import gguf

    architecture = model.config.model_type
    if architecture not in ARCHITECTURES:
        raise GgufError(
            f"a model of the architecture {architecture!r} is not written as GGUF here, only "
            f"{', '.join(ARCHITECTURES)}; convert its folder with llama.cpp's convert_hf_to_gguf.py"
        )
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    writer = gguf.GGUFWriter(temporary, architecture)
    try:
        writer.add_name(name)
        writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16 if precision == "f16" else gguf.LlamaFileType.ALL_F32)
        _add_shape(writer, model, architecture)
        _add_tokenizer(writer, tokenizer, model.config.vocab_size)
        _add_weights(writer, model, architecture, precision)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _add_shape(writer: "gguf.GGUFWriter", model: PreTrainedModel, architecture: str) -> None:
    config: Any = model.config
    head_width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    rope: Mapping[str, Any] = config.rope_parameters
    if rope.get("rope_type", "default") != "default":
        raise GgufError(
            f"positions of the kind {rope['rope_type']!r} are not written as GGUF here; convert the model's folder "
            "with llama.cpp's convert_hf_to_gguf.py"
        )
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(head_width)
    writer.add_value_length(head_width)
    writer.add_rope_freq_base(rope["rope_theta"])
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    if architecture == "llama":
        writer.add_rope_dimension_count(head_width)


def _add_tokenizer(writer: "gguf.GGUFWriter", tokenizer: PreTrainedTokenizerFast, vocabulary: int) -> None:
    """Adds tokens, merges, the ids of special tokens and the chat template.

    The markup of calls and thoughts is written as text that a user defined, not as control: a server keeps control
    tokens out of what it answers, and could read no call.
    """
    import gguf

    described = msgspec.json.decode(tokenizer.backend_tokenizer.to_str())["model"]
    by_id = {token_id: token for token, token_id in tokenizer.get_vocab().items()}
    added = tokenizer.added_tokens_decoder
    tokens: list[str] = []
    kinds: list[int] = []
    for token_id in range(vocabulary):
        token = by_id.get(token_id)
        if token is None:
            kind = gguf.TokenType.UNUSED  # the embedding has more rows than the tokenizer has tokens
        elif token in MARKUP:
            kind = gguf.TokenType.USER_DEFINED
        elif token_id in added:
            kind = gguf.TokenType.CONTROL if added[token_id].special else gguf.TokenType.USER_DEFINED
        else:
            kind = gguf.TokenType.NORMAL
        tokens.append(f"[PAD{token_id}]" if token is None else token)
        kinds.append(kind)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(name_pre_tokenizer(tokenizer))
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in described["merges"]])
    for token_id, add in (
        (tokenizer.bos_token_id, writer.add_bos_token_id),
        (tokenizer.eos_token_id, writer.add_eos_token_id),
        (tokenizer.pad_token_id, writer.add_pad_token_id),
    ):
        if isinstance(token_id, int):
            add(token_id)
    writer.add_add_bos_token(False)  # where a text begins with one, the chat template writes it
    template: Any = tokenizer.chat_template
    writer.add_chat_template(strip_generation_markers(template))


def _add_weights(
    writer: "gguf.GGUFWriter", model: PreTrainedModel, architecture: str, precision: GgufPrecision
) -> None:
    import gguf

    config: Any = model.config
    kind = gguf.MODEL_ARCH.LLAMA if architecture == "llama" else gguf.MODEL_ARCH.QWEN3
    names = gguf.get_tensor_name_map(kind, config.num_hidden_layers)
    for name, weight in collect_weights(model, torch.float32).items():
        if architecture == "llama" and name.endswith(("q_proj.weight", "k_proj.weight")):
            heads = config.num_attention_heads if name.endswith("q_proj.weight") else config.num_key_value_heads
            weight = _pair_dimensions(weight, heads)
        tensor_name = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if tensor_name is None:
            raise GgufError(f"gguf has no name for the tensor {name!r}; update the package gguf")
        dtype = torch.float16 if precision == "f16" and weight.ndim > 1 else torch.float32
        writer.add_tensor(tensor_name, weight.to(dtype).contiguous().numpy())


def _pair_dimensions(weight: torch.Tensor, heads: int) -> torch.Tensor:
    """Reorders each head's dimensions: in the architecture `llama`, llama.cpp turns neighbours, transformers halves."""
    rows, width = weight.shape
    return weight.reshape(heads, 2, rows // heads // 2, width).swapaxes(1, 2).reshape(rows, width)
