"""Vectors of character n-grams: they need no model, and see spelling only.

>>> vectors = HashedNgrams().embed(["Refund the double charge.", "Refund the double charges."])
>>> bool(vectors[0] @ vectors[1] > 0.85)
True
"""

from collections.abc import Sequence

import numpy as np


class HashedNgrams:
    """Character n-grams of 3 to 5, hashed into buckets: no model, no meaning, 20,000 texts a second.

    For tests, and for a machine without the MiniLM weights. On the labelled pairs it is hardly
    better than chance (see benchmarks/dedup.py), so it finds copies, not paraphrases.
    """

    def __init__(self, dimensions: int = 512) -> None:
        self.dimensions = dimensions
        self.name = f"hashed-ngrams-{dimensions}"

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        vectors = np.zeros((len(texts), self.dimensions), np.float32)
        for row, text in enumerate(texts):
            # Two spaces at either end give even the empty text an n-gram, hence a direction.
            codes = np.frombuffer(f"  {' '.join(text.lower().split())}  ".encode(), np.uint8)
            for size in (3, 4, 5):
                vectors[row] += np.bincount(self._hash_ngrams(codes, size), minlength=self.dimensions)
        vectors = np.sqrt(vectors)  # a repeated n-gram counts for less than two different ones
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def _hash_ngrams(self, codes: np.ndarray, size: int) -> np.ndarray:
        if codes.size < size:
            return np.zeros(0, np.int64)
        windows = np.lib.stride_tricks.sliding_window_view(codes, size).astype(np.uint64)
        mixed = (windows @ _NGRAM_MULTIPLIERS[:size]) * np.uint64(0x9E3779B97F4A7C15)
        return ((mixed >> np.uint64(33)) % np.uint64(self.dimensions)).astype(np.int64)


_NGRAM_MULTIPLIERS = np.array([0x100000001B3**k % 2**64 for k in range(5)], np.uint64)
