"""The loss of a pack: the forward pass over it, and the logits where there is a target.

The prompt is most of a pack, and the output layer is most of a small model, so the hidden states of all tokens are
computed and the logits of the targets alone.
"""

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from transformers import DynamicCache, PreTrainedModel

from funcdex_assets.training.models import compute_logits, read_hidden
from funcdex_assets.training.pack_tensors import PackTensors


class PackLoss(nn.Module):
    """The loss of each target of a pack, in nats and without its weight.

    With `detach_prefix` the prefixes are computed by the present weights but send no gradient: about a third of their
    cost remains. The rows still learn to read them, the prefix does not learn to be read.
    """

    def __init__(self, model: PreTrainedModel, detach_prefix: bool = False) -> None:
        super().__init__()
        self.model = model
        self.detach_prefix = detach_prefix

    def forward(self, pack: PackTensors) -> torch.Tensor:
        hidden = self._compute_detached(pack) if self.detach_prefix else self._compute_whole(pack)
        logits = compute_logits(self.model, hidden[pack.sources])
        return cross_entropy(logits, pack.targets, reduction="none")

    def _compute_whole(self, pack: PackTensors) -> torch.Tensor:
        """Returns the hidden state of each token: (length, width)."""
        every = torch.arange(pack.length, device=pack.input_ids.device)
        return self._compute_hidden(pack, every, every, None)

    def _compute_detached(self, pack: PackTensors) -> torch.Tensor:
        prefix, own = pack.is_prefix.nonzero()[:, 0], (~pack.is_prefix).nonzero()[:, 0]
        if not len(prefix):
            return self._compute_whole(pack)
        cache = DynamicCache(config=self.model.config)
        with torch.no_grad():
            self._compute_hidden(pack, prefix, prefix, cache)
        hidden = self._compute_hidden(pack, own, torch.cat((prefix, own)), cache)
        # no target is predicted within a prefix
        return hidden.new_zeros(pack.length, hidden.shape[-1]).index_copy(0, own, hidden)

    def _compute_hidden(
        self, pack: PackTensors, queries: torch.Tensor, keys: torch.Tensor, cache: DynamicCache | None
    ) -> torch.Tensor:
        return read_hidden(
            self.model,
            pack.input_ids[queries][None],
            position_ids=pack.position_ids[queries][None],
            attention_mask=pack.see(queries, keys)[None, None],
            cache=cache,
        )[0]
