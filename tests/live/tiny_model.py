"""A tiny language model of the Llama architecture, made on the spot: one set of weights, two formats.

What a real server needs of a model is its shape, not its skill: under a grammar even random weights
write valid conversations, and anything that the grammar leaves open they get wrong. The weights are
random but for one thing: each token is about as frequent as in conversations, so that texts have the
mixture of words, quotes and line breaks that conversations have, and end.

    write(Path("models"))  # models/tiny.gguf for llama.cpp, models/tiny/ for vLLM; 2 s, 3 MB
"""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer

ROOT = Path(__file__).parents[2]
SEED = 7
CONTEXT = 32_768
VOCABULARY = 4096
WIDTH, INNER, LAYERS, HEADS, HEAD_WIDTH = 64, 128, 2, 2, 32
TOKENS_BEFORE_END = 60  # where no grammar says when to end
END, TURN = "<|im_end|>", "<|im_start|>"
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content or '' }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def write(folder: Path) -> tuple[Path, Path]:
    """Makes the model; the same bytes each time. Returns the GGUF file and the folder in HF's layout."""
    toolkits, conversations = _texts("funcdex_assets/catalog/toolkits/*.yaml"), _texts("grammars/examples/valid/*.dml")
    tokenizer = _tokenizer(toolkits + conversations)
    weights = _weights(_log_frequencies(tokenizer, conversations))
    gguf_file, hf_folder = folder / "tiny.gguf", folder / "tiny"
    hf_folder.mkdir(parents=True, exist_ok=True)
    _write_hf(hf_folder, tokenizer, weights)
    _write_gguf(gguf_file, tokenizer, weights)
    return gguf_file, hf_folder


def _texts(pattern: str) -> list[str]:
    return [path.read_text(encoding="utf-8") for path in sorted(ROOT.glob(pattern))]


def _tokenizer(corpus: list[str]) -> Tokenizer:
    """Byte-level BPE, split as GPT-2 does, which llama.cpp knows under the name `gpt-2`."""
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    tokenizer.decoder = ByteLevelDecoder()
    trainer = BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[END, TURN],
        initial_alphabet=ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus, trainer)
    return tokenizer


def _log_frequencies(tokenizer: Tokenizer, texts: list[str]) -> np.ndarray:
    counts = np.full(tokenizer.get_vocab_size(), 0.1)
    for encoding in tokenizer.encode_batch(texts):
        np.add.at(counts, encoding.ids, 1)
    counts[tokenizer.token_to_id(END)] = counts.sum() / TOKENS_BEFORE_END
    return np.log(counts / counts.sum())


def _weights(log_frequencies: np.ndarray) -> dict[str, np.ndarray]:
    """Named as in HF's Llama. Normal numbers so small that they only blur the frequencies.

    The frequencies get into the answer through the first dimension, which is the same for each token:
    it makes up nearly all of the norm, so it stands at sqrt(WIDTH) where the output layer reads it.
    """
    random = np.random.default_rng(SEED)

    def normal(*shape: int) -> np.ndarray:
        return random.normal(0, 0.02, shape).astype(np.float32)

    embedding, head = normal(len(log_frequencies), WIDTH), normal(len(log_frequencies), WIDTH)
    embedding[:, 0] = 10
    head[:, 0] = log_frequencies / WIDTH**0.5
    weights = {"model.embed_tokens.weight": embedding, "lm_head.weight": head, "model.norm.weight": _ones()}
    for layer in range(LAYERS):
        prefix = f"model.layers.{layer}."
        for name in "qkvo":
            weights[f"{prefix}self_attn.{name}_proj.weight"] = normal(WIDTH, WIDTH)
        for name, shape in {"gate": (INNER, WIDTH), "up": (INNER, WIDTH), "down": (WIDTH, INNER)}.items():
            weights[f"{prefix}mlp.{name}_proj.weight"] = normal(*shape)
        for name in ("input", "post_attention"):
            weights[f"{prefix}{name}_layernorm.weight"] = _ones()
    return weights


def _ones() -> np.ndarray:
    return np.ones(WIDTH, dtype=np.float32)


def _write_hf(folder: Path, tokenizer: Tokenizer, weights: dict[str, np.ndarray]) -> None:
    end = tokenizer.token_to_id(END)
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": tokenizer.get_vocab_size(),
        "hidden_size": WIDTH,
        "intermediate_size": INNER,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": HEADS,
        "head_dim": HEAD_WIDTH,
        "max_position_embeddings": CONTEXT,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10_000.0,
        "hidden_act": "silu",
        "tie_word_embeddings": False,
        "bos_token_id": end,
        "eos_token_id": end,
        "torch_dtype": "float32",
    }
    tokenizer_config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": END,
        "eos_token": END,
        "model_max_length": CONTEXT,
        "chat_template": CHAT_TEMPLATE,
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2))
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer_config, indent=2))
    tokenizer.save(str(folder / "tokenizer.json"))
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def _write_gguf(path: Path, tokenizer: Tokenizer, weights: dict[str, np.ndarray]) -> None:
    import gguf  # from the extra `live`; only these tests need it

    described = json.loads(tokenizer.to_str())["model"]
    tokens = sorted(described["vocab"], key=described["vocab"].__getitem__)
    kinds = [gguf.TokenType.CONTROL if token in (END, TURN) else gguf.TokenType.NORMAL for token in tokens]
    end = described["vocab"][END]

    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(INNER)
    writer.add_block_count(LAYERS)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(HEAD_WIDTH)
    writer.add_rope_freq_base(10_000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges([" ".join(pair) for pair in described["merges"]])
    writer.add_bos_token_id(end)
    writer.add_eos_token_id(end)
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHAT_TEMPLATE)

    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, LAYERS)
    for name, weight in weights.items():
        if name.endswith(("q_proj.weight", "k_proj.weight")):
            # llama.cpp turns neighbouring pairs of a head's dimensions, HF its two halves.
            weight = weight.reshape(HEADS, 2, HEAD_WIDTH // 2, WIDTH).swapaxes(1, 2).reshape(weight.shape)
        tensor_name = names.get_name(name, try_suffixes=(".weight",))
        if tensor_name is None:
            raise ValueError(f"gguf has no name for the tensor {name!r}; update the package gguf")
        writer.add_tensor(tensor_name, weight)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
