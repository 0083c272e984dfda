"""Turns figures of what a model did badly into weights: the worse, the more it is drawn in the next night.

Belongs here: files of figures, and the arithmetic. A weight is 1 + strength × error rate. An error rate of few items is
shrunk towards that of all items of its aspect, as if `PRIOR_ITEMS` further items had been at the mean. Kinds are kept
within `KIND_BOUND` of their share in the mix; tools and argument forms need no bound, since their scarcity counts too.

>>> weak, strong = (Weakness("car", "tool", name, match, 40) for name, match in (("dim", 0.25), ("lock", 0.75)))
>>> weights = weigh_weaknesses([weak, strong], strength=2.0).tools
>>> weights.weigh("dim"), weights.weigh("lock"), weights.weigh("new")
(2.4, 1.6, 2.0)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TypeVar

import msgspec

from funcdex_assets.records.errors import UserError
from funcdex_assets.records.feedback import EVEN_WEIGHTS, Aspect, AspectWeights, Weakness
from funcdex_assets.storage.atomic_files import replace_file

PRIOR_ITEMS = 10  # half the weight of the mean at ten items, whose share right is known to ± .3
KIND_BOUND = 2.0  # a kind's share is at most doubled or halved: what was asked for stays the mix
_DECIMALS = 6
Name = TypeVar("Name", bound=str)


class FeedbackError(UserError):
    """Figures that cannot be used; the message names the file, the entry and the remedy."""


@dataclass(frozen=True)
class FeedbackWeights:
    """The weights of tools, kinds and argument forms."""

    tools: AspectWeights = EVEN_WEIGHTS
    kinds: AspectWeights = EVEN_WEIGHTS
    forms: AspectWeights = EVEN_WEIGHTS


NO_FEEDBACK = FeedbackWeights()


def locate_feedback(home: Path, partition: str) -> Path:
    """Returns where the figures of the latest evaluation of a partition's model are kept."""
    return home / "feedback" / f"{partition}.json"


def write_weaknesses(path: Path, weaknesses: Sequence[Weakness]) -> None:
    """Writes figures as a JSON list, in one step; what was there is replaced."""
    replace_file(path, encode_weaknesses(weaknesses))


def encode_weaknesses(weaknesses: Sequence[Weakness]) -> bytes:
    """Encodes figures as a JSON list, one a line."""
    lines = b",\n".join(map(msgspec.json.encode, weaknesses))
    return b"[\n" + lines + b"\n]\n" if lines else b"[]\n"


def hash_weaknesses(weaknesses: Sequence[Weakness]) -> str:
    """Returns the name by which a dataset's card calls the figures: a hash of them, twelve hexadecimal digits."""
    return blake2b(encode_weaknesses(weaknesses), digest_size=6).hexdigest()


def read_weaknesses(path: Path) -> tuple[Weakness, ...]:
    """Reads figures from a JSON list of `{"partition", "aspect", "name", "match", "items"}`.

    Raises:
        FeedbackError: the file is missing or is no such list, a match is not within 0 and 1, or there is a figure
            twice.
    """
    try:
        weaknesses = msgspec.json.decode(path.read_bytes(), type=tuple[Weakness, ...])
    except OSError as error:
        raise FeedbackError(
            f"generation.feedback: {path} cannot be read: {error.strerror}; evaluate a model first, or correct the path"
        ) from None
    except msgspec.MsgspecError as error:
        raise FeedbackError(
            f"generation.feedback: {path}: {error}; it is a JSON list of objects with partition, aspect, name, match "
            "and items"
        ) from None
    seen: set[tuple[str, str, str]] = set()
    for number, weakness in enumerate(weaknesses):
        key = weakness.partition, weakness.aspect, weakness.name
        if not 0 <= weakness.match <= 1 or weakness.items < 0:
            raise FeedbackError(
                f"generation.feedback: {path}, entry {number} ({weakness.name}): match {weakness.match} of "
                f"{weakness.items} items; match is a share from 0 to 1, and items a count"
            )
        if key in seen:
            raise FeedbackError(
                f"generation.feedback: {path}, entry {number}: {' '.join(key)} is there twice; remove one"
            )
        seen.add(key)
    return weaknesses


def weigh_weaknesses(weaknesses: Sequence[Weakness], strength: float) -> FeedbackWeights:
    """Returns the weights that follow from the figures of one partition; even ones at a strength of 0."""
    if strength <= 0:
        return NO_FEEDBACK
    return FeedbackWeights(
        *(_weigh_aspect(weaknesses, aspect, strength) for aspect in ("tool", "kind", "argument_form"))
    )


def _weigh_aspect(weaknesses: Sequence[Weakness], aspect: Aspect, strength: float) -> AspectWeights:
    figures = sorted(
        (weakness for weakness in weaknesses if weakness.aspect == aspect and weakness.items),
        key=lambda weakness: weakness.name,
    )
    items = sum(weakness.items for weakness in figures)
    if not items:
        return EVEN_WEIGHTS
    mean = sum(weakness.items * (1 - weakness.match) for weakness in figures) / items
    return AspectWeights(
        {
            weakness.name: round(
                1
                + strength
                * (weakness.items * (1 - weakness.match) + PRIOR_ITEMS * mean)
                / (weakness.items + PRIOR_ITEMS),
                _DECIMALS,
            )
            for weakness in figures
        },
        round(1 + strength * mean, _DECIMALS),
    )


def reweigh_kinds(kinds: Mapping[Name, float], weights: AspectWeights) -> dict[Name, float]:
    """Returns the weights of the kinds in the mix, each at most doubled or halved beside the others."""
    if weights.is_even:
        return dict(kinds)
    return {
        kind: weight * min(KIND_BOUND, max(1 / KIND_BOUND, weights.weigh(kind) / weights.others))
        for kind, weight in kinds.items()
    }
