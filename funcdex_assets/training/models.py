"""The models that are trained: from scratch, from a folder in Hugging Face's layout, or from a GGUF file.

Belongs here: how a model comes to be, what of it is trained, and how it becomes plain weights again. All of them are
causal language models of transformers, so that llama.cpp and vLLM serve them unchanged.

    model = build_model(ModelShape(layers=2, width=64, heads=2), tokenizer, context=1024, seed=7)
    model = load_model(Path("smollm2"))
    model = choose_trained_weights(model, method="lora", freeze_embeddings=True, …)
    merge_adapters(model)  # the weights as they are exported
"""

import warnings
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import save_file
from transformers import (
    AutoModelForCausalLM,
    DynamicCache,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Qwen3Config,
    Qwen3ForCausalLM,
)
from transformers.utils.logging import disable_progress_bar

from funcdex_assets.records.errors import UserError
from funcdex_assets.settings.model_shape import ModelShape

disable_progress_bar()  # of the loading of weights, which stood in the midst of what a command says

ROPE_THETA = 10_000.0
"""Enough for contexts of some thousand tokens; longer ones need a larger one."""

LORA_TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


class BaseModelError(UserError):
    """The model that training begins from cannot be loaded; the message names the place and the remedy."""


def build_model(
    shape: ModelShape, tokenizer: PreTrainedTokenizerBase, context: int, seed: int, dropout: float = 0.0
) -> PreTrainedModel:
    """Builds a model with random weights for the tokenizer's vocabulary; the same seed gives the same weights."""
    common: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "hidden_size": shape.width,
        "intermediate_size": shape.compute_inner(),
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.kv_heads or shape.heads,
        "head_dim": shape.width // shape.heads,
        "max_position_embeddings": context,
        "rms_norm_eps": 1e-5,
        "rope_parameters": {"rope_type": "default", "rope_theta": ROPE_THETA},
        "tie_word_embeddings": shape.tie_embeddings,
        "attention_dropout": dropout,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": None,  # padding is masked; an id here would fix the embedding of that token at zero
        "dtype": "float32",
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        is_qwen = shape.architecture == "qwen3"
        model = Qwen3ForCausalLM(Qwen3Config(**common)) if is_qwen else LlamaForCausalLM(LlamaConfig(**common))
    return _name_architecture(model)


def _name_architecture(model: PreTrainedModel) -> PreTrainedModel:
    """Notes the class of the model in its configuration, by which vLLM chooses its own."""
    model.config.architectures = [type(model).__name__]
    return model


def load_model(base: Path, dropout: float = 0.0) -> PreTrainedModel:
    """Loads a folder in Hugging Face's layout or a GGUF file, as float32.

    Raises:
        BaseModelError: there is no such model, or transformers cannot read it.
    """
    place = describe_place(base)
    options = {"gguf_file": base.name} if base.is_file() else {}
    folder = base.parent if base.is_file() else base
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of how slow the dequantisation of a GGUF file is
            model = AutoModelForCausalLM.from_pretrained(
                folder, dtype=torch.float32, local_files_only=True, attention_dropout=dropout, **options
            )
    except (OSError, ValueError, KeyError, RuntimeError, ImportError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BaseModelError(f"training.base: {place} cannot be loaded ({reason})") from None
    if getattr(model.config, "quantization_config", None) is not None:
        delattr(
            model.config, "quantization_config"
        )  # the weights are plain numbers by now, which could not be saved otherwise
    return _name_architecture(model)


def grow_vocabulary(model: PreTrainedModel, tokens: int) -> bool:
    """Adds embeddings for the tokens that the tokenizer has beyond the model's, near the mean of those there are.

    Returns whether there were any: then the embeddings must be trained.
    """
    if tokens <= model.config.vocab_size:
        return False
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model.resize_token_embeddings(tokens, mean_resizing=True)
    return True


def describe_place(base: Path) -> str:
    """Names a base for a message, once it is seen to be one.

    Raises:
        BaseModelError: it is neither a GGUF file nor a folder with a config.json.
    """
    if base.is_file() and base.suffix == ".gguf":
        return f"the file {base}"
    if (base / "config.json").is_file():
        return f"the folder {base}"
    raise BaseModelError(
        f"training.base: {str(base)!r} is neither a GGUF file nor a folder with a config.json; write `scratch`, or the "
        "path of one, which may begin at the folder of funcdex.yaml"
    )


def choose_trained_weights(
    model: PreTrainedModel,
    *,
    method: Literal["full", "lora"] = "full",
    freeze_embeddings: bool = False,
    lora_rank: int = 16,
    lora_alpha: float = 32,
    dropout: float = 0.0,
    seed: int = 0,
) -> PreTrainedModel:
    """Marks the weights that are trained, puts LoRA's matrices into the model if asked for, and returns it."""
    if method == "lora":
        from peft import LoraConfig, get_peft_model

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            config = LoraConfig(
                r=lora_rank,
                lora_alpha=lora_alpha,  # pyright: ignore[reportArgumentType] - a float is as good
                lora_dropout=dropout,
                target_modules=LORA_TARGETS,
                task_type="CAUSAL_LM",
            )
            wrapped: Any = get_peft_model(model, config)
            return wrapped.get_base_model()  # with the matrices within its layers
    if freeze_embeddings:
        for embeddings in (model.get_input_embeddings(), model.get_output_embeddings()):
            for weight in embeddings.parameters() if embeddings is not None else ():
                weight.requires_grad = False
    return model


def read_hidden(
    model: PreTrainedModel,
    input_ids: torch.Tensor,
    *,
    position_ids: torch.Tensor | None = None,
    attention_mask: torch.Tensor | None = None,
    cache: DynamicCache | None = None,
) -> torch.Tensor:
    """Computes the hidden state of each token, (rows, tokens, width), behind those that are in the cache."""
    return model.get_decoder()(
        input_ids=input_ids,
        position_ids=position_ids,
        attention_mask=attention_mask,
        cache=cache,
        use_cache=cache is not None,
    ).last_hidden_state


def compute_logits(model: PreTrainedModel, hidden: torch.Tensor) -> torch.Tensor:
    """Applies the output layer to hidden states; returns float32 whatever the model computes in."""
    head: Any = model.get_output_embeddings()
    return head(hidden).float()


def find_device(model: PreTrainedModel) -> torch.device:
    return next(model.parameters()).device


def merge_adapters(model: PreTrainedModel) -> PreTrainedModel:
    """Adds LoRA's matrices to the weights that they stand beside; a model without any is returned as it is."""
    from peft.tuners.lora import LoraLayer

    if not any(isinstance(module, LoraLayer) for module in model.modules()):
        return model
    for name, module in list(model.named_modules()):
        if isinstance(module, LoraLayer):
            module.merge()
            parent, _, attribute = name.rpartition(".")
            setattr(model.get_submodule(parent), attribute, module.get_base_layer())
    return model


def count_parameters(model: PreTrainedModel) -> int:
    """Counts all weights; those that input and output share count once."""
    return sum(weight.numel() for weight in model.parameters())


def save_weights(model: PreTrainedModel, file: Path, dtype: torch.dtype | None = None) -> None:
    """Writes the weights as safetensors, the output layer only where it is not the embedding.

    `save_pretrained` refuses models that were dequantised; this does not.
    """
    save_file(collect_weights(model, dtype), file, metadata={"format": "pt"})


def collect_weights(model: PreTrainedModel, dtype: torch.dtype | None = None) -> dict[str, torch.Tensor]:
    """Returns the weights by the names that transformers gives them, without a second name for the same ones."""
    is_tied = model.config.tie_word_embeddings
    return {
        name: weight.detach().to("cpu", dtype or weight.dtype).contiguous().clone()
        for name, weight in model.state_dict().items()
        if not (is_tied and name == "lm_head.weight")
    }


def load_weights(model: PreTrainedModel, weights: dict[str, torch.Tensor]) -> None:
    """Puts back what `collect_weights` returned.

    Raises:
        BaseModelError: they are of another model.
    """
    missing, unexpected = model.load_state_dict(weights, strict=False)
    missing = [name for name in missing if name != "lm_head.weight"]
    if missing or unexpected:
        raise BaseModelError(
            f"the weights are of another model: {len(missing)} are missing, {len(unexpected)} are not its own, such as "
            f"{(missing + unexpected)[0]!r}; take the model that they were saved from"
        )
