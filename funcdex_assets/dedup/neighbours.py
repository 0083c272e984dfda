"""Decides which scenario candidates repeat a known scenario or an earlier candidate.

Belongs here: pure functions over vectors and signatures. Storing known scenarios belongs to `index.py`.
Candidates are judged in order, greedily: each is compared with the known scenarios and with the candidates
kept before it. Two scenarios are duplicates when they mean the same *or* are worded the same.

>>> vectors = np.array([[1.0, 0.0], [0.9, 0.436], [0.0, 1.0]], np.float32)
>>> words = np.arange(3 * 64, dtype=np.uint32).reshape(3, 64)
>>> [decision.duplicate_of for decision in decide_duplicates(["a", "b", "c"], vectors, words)]
[None, 'a', None]
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from funcdex_assets.dedup.signatures import SIGNATURE_SIZE, estimate_overlap

MAX_NEIGHBOURS = 8  # known scenarios looked at per candidate

# Wording is looked at only where the meaning is at least this close. Of 186 texts with 4 of some 25
# words replaced, all had a cosine of .47 or more with the original (benchmarks/dedup.py).
_MIN_COSINE_FOR_WORDING = 0.4
_BLOCK = 1024  # candidates per matrix product
# Similarities are rounded, so that the order in which BLAS adds cannot change who is nearest.
_DECIMALS = 5


@dataclass(frozen=True, slots=True)
class ScenarioThresholds:
    """Duplicates: cosine ≥ `semantic`, or word overlap ≥ `lexical`.

    The defaults are for all-MiniLM-L6-v2. On tests/data/scenario_pairs.jsonl (benchmarks/dedup.py):
    `ordinary` pairs P .94, R .57, F1 .71 (the best F1 on that set is .84, at .54, with P .81);
    `adversarial` pairs (paraphrases without shared words against other requests in copied wording)
    P .20, R .10: they are out of this model's reach at any threshold. `semantic` was chosen on these
    pairs (so they are no held-out test of it) for precision, because a batch is compared with thousands
    of scenarios: it objects to none of 1,703 other pairs of different requests of one toolkit.
    `lexical` finds no labelled pair, and objects to none (the highest overlap of two different
    requests is .47); it finds copies with a few words exchanged, which can fall to a cosine of .47.
    """

    semantic: float = 0.65
    lexical: float = 0.6


HASHED_NGRAMS_THRESHOLDS = ScenarioThresholds(semantic=0.85, lexical=0.6)
"""For `HashedNgrams`, whose cosine of unrelated scenarios is .52 in the median and .83 at most."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision on one candidate.

    For a kept candidate `duplicate_of` is None and `cluster_id` its own id. `similarity` and `overlap` are those to the
    original, or to the nearest scenario if the candidate is kept.
    """

    scenario_id: str
    is_kept: bool
    duplicate_of: str | None
    similarity: float
    overlap: float
    cluster_id: str


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The nearest known scenarios of each candidate, nearest first: arrays of shape (candidates, known).

    If fewer are known, the last ids are "" and their similarities -inf.
    """

    ids: np.ndarray
    similarities: np.ndarray
    overlaps: np.ndarray


@dataclass(frozen=True, slots=True)
class KnownScenarios:
    """A block of known scenarios: ids (n), unit vectors (n, d), signatures (n, 64)."""

    ids: np.ndarray
    vectors: np.ndarray
    signatures: np.ndarray


def find_nearest_known(vectors: np.ndarray, signatures: np.ndarray, blocks: Iterable[KnownScenarios]) -> Neighbours:
    """Finds the exact nearest neighbours among known scenarios, which come in blocks as they may not fit in memory."""
    count = len(vectors)
    best = np.full((count, MAX_NEIGHBOURS), -np.inf, np.float32)
    indices = np.zeros((count, MAX_NEIGHBOURS), np.int64)
    # Index 0 is no scenario: it fills up where fewer than eight are known.
    ids, words, known_count = [np.array([""], object)], [np.zeros((1, SIGNATURE_SIZE), np.uint32)], 1
    for block in blocks:
        similarities = np.round(vectors @ block.vectors.T, _DECIMALS)
        better = np.flatnonzero(similarities.max(axis=1, initial=-np.inf) >= best.min(axis=1))
        pool = np.hstack([best[better], similarities[better]])
        pool_indices = np.hstack(
            [indices[better], np.broadcast_to(known_count + np.arange(len(block.ids)), similarities[better].shape)]
        )
        top = np.argpartition(pool, -MAX_NEIGHBOURS, axis=1)[:, -MAX_NEIGHBOURS:]
        best[better] = np.take_along_axis(pool, top, axis=1)
        indices[better] = np.take_along_axis(pool_indices, top, axis=1)
        ids.append(block.ids)
        words.append(block.signatures)
        known_count += len(block.ids)
    nearest_ids = np.concatenate(ids)[indices]
    order = np.lexsort((nearest_ids.astype(str), -best), axis=-1)
    indices = np.take_along_axis(indices, order, axis=1)
    return Neighbours(
        ids=np.take_along_axis(nearest_ids, order, axis=1),
        similarities=np.take_along_axis(best, order, axis=1),
        overlaps=estimate_overlap(np.concatenate(words)[indices], signatures[:, None, :]),
    )


def decide_duplicates(
    ids: Sequence[str],
    vectors: np.ndarray,
    signatures: np.ndarray,
    neighbours: Neighbours | None = None,
    thresholds: ScenarioThresholds = ScenarioThresholds(),
) -> list[Decision]:
    """Returns one decision per candidate, in their order.

    The original of a duplicate is the nearest scenario that it repeats; of two equally near, a known one before a
    candidate.
    """
    neighbours = neighbours or find_nearest_known(vectors, signatures, ())
    decisions: list[Decision] = []
    is_kept = np.zeros(len(ids), bool)
    for start in range(0, len(ids), _BLOCK):
        stop = min(start + _BLOCK, len(ids))
        similarities = np.round(vectors[start:stop] @ vectors[:stop].T, _DECIMALS)
        for row in range(start, stop):
            to_known = _find_closest_match(
                neighbours.ids[row], neighbours.similarities[row], neighbours.overlaps[row], thresholds
            )
            to_kept = _find_nearest_kept(
                ids, similarities[row - start, :row], is_kept[:row], signatures, row, thresholds
            )
            is_duplicate, similarity, shared, original = max(
                (to_known, to_kept), key=lambda match: (match[0], match[1])
            )
            is_kept[row] = not is_duplicate
            decisions.append(
                Decision(
                    scenario_id=ids[row],
                    is_kept=not is_duplicate,
                    duplicate_of=original if is_duplicate else None,
                    similarity=similarity,
                    overlap=shared,
                    cluster_id=original if is_duplicate else ids[row],
                )
            )
    return decisions


_Match = tuple[bool, float, float, str]  # is a duplicate, similarity, overlap, id of the scenario
_NO_MATCH: _Match = (False, 0.0, 0.0, "")


def _find_nearest_kept(
    ids: Sequence[str],
    similarities: np.ndarray,
    is_kept: np.ndarray,
    signatures: np.ndarray,
    row: int,
    thresholds: ScenarioThresholds,
) -> _Match:
    """Returns the closest match of candidate `row` among the kept candidates before it."""
    near = np.flatnonzero(is_kept & (similarities >= min(_MIN_COSINE_FOR_WORDING, thresholds.semantic)))
    if near.size == 0:
        near = np.flatnonzero(is_kept)
        near = near[[int(similarities[near].argmax())]] if near.size else near
    overlaps = estimate_overlap(signatures[near], signatures[row])
    return _find_closest_match([ids[index] for index in near.tolist()], similarities[near], overlaps, thresholds)


def _find_closest_match(
    ids: Sequence[str] | np.ndarray, similarities: np.ndarray, overlaps: np.ndarray, thresholds: ScenarioThresholds
) -> _Match:
    """Returns the nearest scenario that counts as the same, or else the nearest one; the first of equals."""
    if len(similarities) == 0 or similarities.max() == -np.inf:
        return _NO_MATCH
    same_words = (overlaps >= thresholds.lexical) & (similarities >= _MIN_COSINE_FOR_WORDING)
    duplicates = (similarities >= thresholds.semantic) | same_words
    index = int(np.where(duplicates | ~duplicates.any(), similarities, -np.inf).argmax())
    similarity = round(float(similarities[index]), _DECIMALS)  # .9, not float32's .8999999761581421
    return bool(duplicates[index]), similarity, float(overlaps[index]), str(ids[index])
