"""Computes word signatures, by which the wording of two scenarios is compared.

A signature is the MinHash of a text's words and word pairs; the share of equal positions in two
signatures estimates the Jaccard overlap of the two sets (standard error at most 0.0625). It is the
same on every machine and under every PYTHONHASHSEED. Comparing by meaning belongs to `embedding/`.

>>> first, second = compute_signatures(["Refund the double charge of March.", "refund the double charge of March!"])
>>> float(estimate_overlap(first, second))
1.0
"""

import re
from collections.abc import Sequence
from itertools import pairwise
from zlib import crc32

import numpy as np

from funcdex_assets.records.seeds import derive_seed

SIGNATURE_SIZE = 64

# Multiply-add-shift hashing of 32-bit values: the upper half of (multiplier · value + addend) mod 2⁶⁴.
_MULTIPLIERS = np.array([derive_seed("minhash *", i) | 1 for i in range(SIGNATURE_SIZE)], np.uint64)
_ADDENDS = np.array([derive_seed("minhash +", i) for i in range(SIGNATURE_SIZE)], np.uint64)
_WORD = re.compile(r"\w+")


def compute_signatures(texts: Sequence[str]) -> np.ndarray:
    """Returns uint32 of shape (texts, 64); two texts without any word count as equal in wording."""
    result = np.empty((len(texts), SIGNATURE_SIZE), np.uint32)
    for row, text in enumerate(texts):
        codes = np.array([crc32(shingle.encode()) for shingle in split_shingles(text)], np.uint64)
        hashes = codes[:, None] * _MULTIPLIERS + _ADDENDS
        result[row] = (hashes >> np.uint64(32)).min(axis=0)
    return result


def estimate_overlap(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Estimates the Jaccard overlap, 0 to 1, along the last axis of two (broadcast) signature arrays."""
    return (first == second).mean(axis=-1, dtype=np.float32)


def split_shingles(text: str) -> set[str]:
    """Returns the words and word pairs of a text; one empty word if it has none."""
    words = _WORD.findall(text.lower())
    return {*words, *map(" ".join, pairwise(words))} or {""}
