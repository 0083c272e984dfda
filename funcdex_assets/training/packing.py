"""Packs rows of tokens into sequences without padding, in which rows of the same prefix have it once.

A pack is one sequence of at most N tokens: `[prefix A][row 1][row 2][prefix B][row 3][row 4]…`. A token sees the tokens
before it in its row and in its row's prefix, and nothing else; positions go on behind the prefix in every row. So
losses and gradients are those of the rows one by one, and a system prompt with forty tools is computed once for all
rows of a pack that have it.

What each position predicts is said in `targets` and `weights`, already shifted: position i of row 1 has row 1's next
token as its target. The last token of a prefix belongs to each row, because each row begins with another target there.

Belongs here: which rows share a pack, and the integers that say who sees whom. They are NumPy arrays; the mask for
torch is made by `build_attention_mask` alone.

(TRL's `pack_dataset` fits best into decreasing space, too, but knows of no prefix: `[prefix A][row 1][prefix A][row
2]`, and keeps rows apart by position ids that only FlashAttention reads.)
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from funcdex_assets.records.errors import UserError
from funcdex_assets.records.training import TokenRow

if TYPE_CHECKING:
    import torch

PADDING_SEGMENT = -1


class PackingError(UserError):
    """Raised where a row is longer than a pack; rows are never split here."""


class Pack(msgspec.Struct, frozen=True):
    """One sequence; all arrays have its length, `token_ids`, `position_ids` and `targets` as int64.

    `weights` (float32) are what predicting `targets` counts. `segments` number prefixes and rows; `prefix_of` is the
    number of the prefix that a token's row has, or its own where it has none. `rows` are the places of the packed rows
    in what was packed.
    """

    token_ids: np.ndarray
    position_ids: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    segments: np.ndarray
    prefix_of: np.ndarray
    rows: tuple[int, ...]

    @property
    def length(self) -> int:
        return len(self.token_ids)


class Utilisation(msgspec.Struct, frozen=True):
    """How well packs are filled.

    `row_tokens` are those of the rows one by one, `packed_tokens` those of the packs, which are fewer where prefixes
    are shared, and `places` the length of all packs together, padding included. `counted_tokens` have a weight.
    """

    rows: int
    packs: int
    row_tokens: int
    packed_tokens: int
    places: int
    counted_tokens: int

    @property
    def filled(self) -> float:
        """The share of places that have a token."""
        return self.packed_tokens / self.places if self.places else 0.0

    @property
    def saved(self) -> float:
        """The share of the rows' tokens that need not be computed, because another row of the pack has them."""
        return 1 - self.packed_tokens / self.row_tokens if self.row_tokens else 0.0


def pack_rows(rows: Sequence[TokenRow], length: int) -> list[Pack]:
    """Packs rows into sequences of at most `length` tokens; the same rows give the same packs.

    Best fit, decreasing: prefixes by the tokens of all their rows, rows by length; each row goes where its prefix is
    already and least room remains, else where least room remains with its prefix, else into a new pack.

    Raises:
        PackingError: a row is longer than `length`.
    """
    for row in rows:
        if len(row.token_ids) > length:
            raise PackingError(
                f"Row {row.row_id} has {len(row.token_ids)} tokens and a pack {length}; give packs the length of "
                "training.context at least"
            )
    groups: dict[tuple[int, ...], list[int]] = {}
    for place, row in enumerate(rows):
        groups.setdefault(_read_shared_ids(row), []).append(place)
    sizes = {
        shared: len(shared) + sum(len(rows[at].token_ids) - len(shared) for at in group)
        for shared, group in groups.items()
    }
    spaces = np.zeros(len(rows), dtype=np.int64)
    contents: list[dict[tuple[int, ...], list[int]]] = []
    for shared, group in sorted(groups.items(), key=lambda item: (-sizes[item[0]], item[1][0])):
        holding: list[int] = []
        for place in sorted(group, key=lambda at: (-len(rows[at].token_ids), at)):
            own = len(rows[place].token_ids) - len(shared)
            fitting = [pack for pack in holding if spaces[pack] >= own]
            if fitting:
                chosen = min(fitting, key=lambda pack: (spaces[pack], pack))
            else:
                chosen = _find_best_fit(spaces[: len(contents)], own + len(shared))
                if chosen is None:
                    chosen = len(contents)
                    contents.append({})
                    spaces[chosen] = length
                if shared not in contents[chosen]:
                    contents[chosen][shared] = []
                    spaces[chosen] -= len(shared)
                    holding.append(chosen)
            contents[chosen][shared].append(place)
            spaces[chosen] -= own
    return [_build_pack(rows, content) for content in contents]


def stack_packs(packs: Sequence[Pack], padding_id: int, length: int | None = None) -> dict[str, np.ndarray]:
    """Stacks packs as a batch: arrays of shape (packs, length) by the names of `Pack`'s fields.

    Without a `length`, the longest pack gives it. Padding counts nothing and is in the segment `PADDING_SEGMENT`.
    """
    width = length or max(pack.length for pack in packs)
    padding = {"token_ids": padding_id, "segments": PADDING_SEGMENT, "prefix_of": PADDING_SEGMENT}
    return {
        name: np.stack(
            [
                np.pad(array, (0, width - len(array)), constant_values=padding.get(name, 0))
                for array in (getattr(pack, name) for pack in packs)
            ]
        )
        for name in Pack.__struct_fields__
        if name != "rows"
    }


def build_attention_mask(segments: Any, prefix_of: Any) -> "torch.Tensor":
    """Builds the mask of a batch for scaled dot-product attention, true where the query may see the key.

    `segments` and `prefix_of` are arrays or tensors of shape (packs, length); the mask is (packs, 1, length, length).
    Padding sees itself only, since a query that sees nothing has no softmax.
    """
    import torch

    segments, prefix_of = torch.as_tensor(segments), torch.as_tensor(prefix_of)
    length = segments.shape[-1]
    keys = segments[:, None, :]
    visible = (keys == segments[:, :, None]) | (keys == prefix_of[:, :, None])
    causal = torch.ones(length, length, dtype=torch.bool, device=segments.device).tril()
    is_text = (segments != PADDING_SEGMENT)[:, :, None]
    itself = torch.eye(length, dtype=torch.bool, device=segments.device)
    return ((visible & causal & is_text) | itself)[:, None]


def measure_utilisation(rows: Sequence[TokenRow], packs: Sequence[Pack], length: int) -> Utilisation:
    """Measures how well packs of `length` places hold the rows."""
    return Utilisation(
        rows=len(rows),
        packs=len(packs),
        row_tokens=sum(len(row.token_ids) for row in rows),
        packed_tokens=sum(pack.length for pack in packs),
        places=length * len(packs),
        counted_tokens=sum(int(np.count_nonzero(pack.weights)) for pack in packs),
    )


def _read_shared_ids(row: TokenRow) -> tuple[int, ...]:
    """Returns what a row can share: its prefix but for the last token, at which it predicts its own first one."""
    return row.token_ids[: max(0, row.prefix_length - 1)]


def _find_best_fit(spaces: np.ndarray, size: int) -> int | None:
    """Returns the first pack of those that have the least room that is enough; None if there is none."""
    if not (spaces >= size).any():
        return None
    return int(np.argmin(np.where(spaces >= size, spaces, np.iinfo(np.int64).max)))


def _build_pack(rows: Sequence[TokenRow], content: dict[tuple[int, ...], list[int]]) -> Pack:
    token_ids: list[int] = []
    position_ids: list[int] = []
    targets: list[int] = []
    weights: list[float] = []
    segments: list[int] = []
    prefix_of: list[int] = []
    number = 0

    def append(
        ids: Sequence[int], next_ids: Sequence[int], next_weights: Iterable[float], begin: int, prefix: int
    ) -> None:
        token_ids.extend(ids)
        position_ids.extend(range(begin, begin + len(ids)))
        targets.extend(next_ids)
        weights.extend(next_weights)
        segments.extend([number] * len(ids))
        prefix_of.extend([prefix] * len(ids))

    for shared, places in content.items():
        prefix = number
        if shared:
            append(
                shared,
                shared[1:] + rows[places[0]].token_ids[len(shared) : len(shared) + 1],
                [0.0] * len(shared),
                0,
                prefix,
            )
            number += 1
        for place in places:
            row, begin = rows[place], len(shared)
            append(
                row.token_ids[begin:],
                (*row.token_ids[begin + 1 :], 0),
                (*row.weights[begin + 1 :], 0.0),
                begin,
                prefix if shared else number,
            )
            number += 1
    return Pack(
        np.array(token_ids, dtype=np.int64),
        np.array(position_ids, dtype=np.int64),
        np.array(targets, dtype=np.int64),
        np.array(weights, dtype=np.float32),
        np.array(segments, dtype=np.int64),
        np.array(prefix_of, dtype=np.int64),
        tuple(place for places in content.values() for place in places),
    )
