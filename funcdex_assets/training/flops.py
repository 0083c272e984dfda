"""How many floating-point operations a training step needs, for the utilisation of the device.

Counted is what the model needs, not what a machine spends on it: a product with a weight costs 2 operations for each
token forward and 4 backward, and attention 4 and 8 for each dimension of each pair of tokens of which one sees the
other (Chowdhery et al. 2022, PaLM, appendix B). The output layer counts for the targets alone.
"""

from transformers import PreTrainedModel

from funcdex_assets.training.pack_tensors import PackTensors


def count_training_flops(model: PreTrainedModel, pack: PackTensors) -> float:
    """Counts the operations of a forward and backward pass over the pack, with the gradients of all weights."""
    config = model.config
    body = sum(weight.numel() for name, weight in model.named_parameters() if ".layers." in name)
    head = config.vocab_size * config.hidden_size
    head_width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    pairs = 12 * config.num_hidden_layers * config.num_attention_heads * head_width * pack.count_seen_pairs()
    return 6 * body * pack.length + 6 * head * len(pack.targets) + pairs
