"""A pack as the model takes it: tensors on its device, with the targets picked out.

Belongs here: the step from `packing.py`, which knows no torch, to `pack_loss.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch

from funcdex_assets.records.training import TokenRow
from funcdex_assets.training.packing import Pack, pack_rows


@dataclass(frozen=True)
class PackTensors:
    """One sequence, and what is to be predicted in it.

    Of each token: `input_ids`, `position_ids`, `segments`, `prefix_of` (as in `Pack`), and whether it is in a prefix
    that rows share. Of each target: the position that predicts it (`sources`), its id, its weight in the loss, and
    whether it is the assistant's (`is_answer`). `row_tokens` counts the tokens of the rows one by one.
    """

    input_ids: torch.Tensor
    position_ids: torch.Tensor
    segments: torch.Tensor
    prefix_of: torch.Tensor
    is_prefix: torch.Tensor
    sources: torch.Tensor
    targets: torch.Tensor
    weights: torch.Tensor
    is_answer: torch.Tensor
    total_weight: float
    row_tokens: int

    @property
    def length(self) -> int:
        return len(self.input_ids)

    def see(self, queries: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
        """Returns which keys the queries see, both given as positions: (queries, keys), True where seen."""
        own, key_segments = self.segments[queries, None], self.segments[keys]
        is_visible = (key_segments == own) | (key_segments == self.prefix_of[queries, None])
        return is_visible & (keys <= queries[:, None])

    def count_seen_pairs(self) -> int:
        """Counts the pairs of tokens of which one sees the other."""
        every = torch.arange(self.length, device=self.input_ids.device)
        return int(self.see(every, every).sum())

    def to(self, device: torch.device) -> "PackTensors":
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        moved = {name: value.to(device) for name, value in values.items() if isinstance(value, torch.Tensor)}
        return replace(self, **moved)


def plan_packs(rows: Sequence[TokenRow], pack_tokens: int) -> list[Pack]:
    """Packs the rows; those that are longer than a pack have one of their own. `Pack.rows` are positions in `rows`."""
    short = [place for place, row in enumerate(rows) if len(row.token_ids) <= pack_tokens]
    packs = [_rename_rows(pack, short) for pack in pack_rows([rows[place] for place in short], pack_tokens)]
    for place, row in enumerate(rows):
        if len(row.token_ids) > pack_tokens:
            packs += [_rename_rows(pack, [place]) for pack in pack_rows([row], len(row.token_ids))]
    return packs


def _rename_rows(pack: Pack, places: Sequence[int]) -> Pack:
    values = {name: getattr(pack, name) for name in Pack.__struct_fields__}
    return Pack(**{**values, "rows": tuple(places[place] for place in pack.rows)})


def find_prompt_weight(row: TokenRow, prompt_weight: float) -> float:
    """Finds what a prompt token of the row counts: the share `prompt_weight` of what the assistant's count."""
    return prompt_weight * max(row.weights)


def build_tensors(
    pack: Pack, rows: Sequence[TokenRow], *, prompt_weight: float = 0.0, with_prompts: bool = False
) -> PackTensors:
    """Picks out the targets that count in the loss; `with_prompts` adds those that do not, except within prefixes.

    A target is the assistant's if its weight is above that of its row's prompts (`find_prompt_weight`).
    """
    shared = np.unique(pack.prefix_of[pack.prefix_of != pack.segments])
    is_prefix = np.isin(pack.segments, shared)
    prompt_weights = np.zeros(pack.segments.max(initial=0) + 1, dtype=np.float32)
    prompt_weights[np.unique(pack.segments[~is_prefix])] = [  # segments are numbered in the order of the rows
        find_prompt_weight(rows[place], prompt_weight) for place in pack.rows
    ]
    ends_row = np.append(pack.segments[1:] != pack.segments[:-1], True)
    is_target = (pack.weights > 0) | (with_prompts & ~is_prefix & ~ends_row)
    (sources,) = np.nonzero(is_target)
    weights = torch.from_numpy(pack.weights[sources])
    return PackTensors(
        torch.from_numpy(pack.token_ids),
        torch.from_numpy(pack.position_ids),
        torch.from_numpy(pack.segments),
        torch.from_numpy(pack.prefix_of),
        torch.from_numpy(is_prefix),
        torch.from_numpy(sources),
        torch.from_numpy(pack.targets[sources]),
        weights,
        weights > torch.from_numpy(prompt_weights[pack.segments[sources]]),
        float(pack.weights.sum(dtype=np.float64)),
        sum(len(rows[place].token_ids) for place in pack.rows),
    )
