"""How the weights change: the optimiser with its groups, the budget, and the learning rate along it."""

import math
from dataclasses import dataclass

import torch
from torch import nn

from funcdex_assets.settings.training import Training

RATE_OF_PRETRAINED = 2e-4
"""Measured with SmolLM2-135M on 700 CPU seconds of conversations."""
RATE_OF_SCRATCH = 3e-3
"""Measured with 4 layers and 256 dimensions on 60 CPU seconds of 1,700-token rows: held-out loss 5.74, at 1e-3 5.99."""


def build_optimizer(model: nn.Module, settings: Training, *, is_pretrained: bool) -> torch.optim.AdamW:
    """Builds AdamW over the weights that are trained; matrices decay, norms and embeddings do not.

    An embedding is a row for each token: decay would shrink the rare ones, which get hardly any gradient.
    """
    embeddings = {
        id(weight) for module in model.modules() if isinstance(module, nn.Embedding) for weight in module.parameters()
    }
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    decaying = [weight for weight in trained if weight.ndim >= 2 and id(weight) not in embeddings]
    others = [weight for weight in trained if weight.ndim < 2 or id(weight) in embeddings]
    groups = [
        {"params": decaying, "weight_decay": settings.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]],
        lr=choose_learning_rate(settings, is_pretrained=is_pretrained),
        betas=(settings.beta_1, settings.beta_2),
        fused=all(weight.device.type in ("cuda", "cpu") for weight in trained),
    )


def choose_learning_rate(settings: Training, *, is_pretrained: bool) -> float:
    """Returns the highest learning rate: that of the settings, else what suits the base."""
    return settings.learning_rate or (RATE_OF_PRETRAINED if is_pretrained else RATE_OF_SCRATCH)


@dataclass(frozen=True)
class Budget:
    """What a training may spend; None is no limit.

    >>> Budget(steps=200).find_used_share(steps=50, cpu_seconds=9.0)
    0.25
    """

    steps: int | None = None
    cpu_seconds: float | None = None

    def find_used_share(self, steps: int, cpu_seconds: float) -> float:
        """Returns the share of the limit that is nearest to its end: 1 or more once it is spent."""
        shares = [
            steps / self.steps if self.steps else 0.0,
            cpu_seconds / self.cpu_seconds if self.cpu_seconds else 0.0,
        ]
        return max(shares)


def plan_budget(settings: Training, steps_per_epoch: int) -> Budget:
    """Turns the settings' epochs, steps and CPU seconds into a budget."""
    limits = [settings.max_steps] if settings.max_steps else []
    if settings.epochs is not None:
        limits.append(max(1, math.ceil(settings.epochs * steps_per_epoch)))
    return Budget(min(limits, default=None), settings.max_cpu_seconds)


def compute_rate_factor(step: int, used_share: float, warmup_steps: int, min_share: float) -> float:
    """Computes the factor of the highest learning rate: it rises over the first steps, and falls as half a cosine.

    `step` counts from 0, and the first step learns already; `used_share` is the part of the budget that is spent.

    >>> [round(compute_rate_factor(0, share, 0, 0.1), 3) for share in (0.0, 0.5, 1.0)]
    [1.0, 0.55, 0.1]
    >>> [compute_rate_factor(step, 0.0, 4, 0.1) for step in range(5)]
    [0.25, 0.5, 0.75, 1.0, 1.0]
    """
    warmup = min(1.0, (step + 1) / warmup_steps) if warmup_steps else 1.0
    cosine = (1 + math.cos(math.pi * min(1.0, used_share))) / 2
    return warmup * (min_share + (1 - min_share) * cosine)
