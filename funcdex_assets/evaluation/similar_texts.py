"""Finds the most similar of many texts: TF-IDF over words and pairs of words, in numpy.

Add here how texts are compared; who looks for what belongs to `baselines.py`.

>>> SimilarTexts(["dim the lights", "turn up the heat"]).find_nearest("Turn the HEAT up!")
1
"""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from itertools import pairwise

import numpy as np

_WORD = re.compile(r"\w+")


class SimilarTexts:
    """An index of texts. Term counts are damped (1 + ln), document frequencies smoothed by one, vectors of length 1."""

    def __init__(self, texts: Sequence[str]) -> None:
        counts = [count_terms(text) for text in texts]
        frequency = Counter(term for count in counts for term in count)
        self._size = len(texts)
        self._rarity = {term: np.log((1 + len(texts)) / (1 + number)) + 1 for term, number in frequency.items()}
        postings: dict[str, list[tuple[int, float]]] = {term: [] for term in frequency}
        for row, count in enumerate(counts):
            for term, weight in self._weigh_terms(count).items():
                postings[term].append((row, weight))
        self._postings = {
            term: (np.array([row for row, _ in rows]), np.array([weight for _, weight in rows]))
            for term, rows in postings.items()
        }

    def find_nearest(self, text: str, among: Collection[int] = ()) -> int:
        """Returns the position of the most similar text, perhaps among some; of equally similar ones the first."""
        similarity = self.measure_similarity(text)
        if not among:
            return int(similarity.argmax())
        candidates = sorted(among)
        return candidates[int(similarity[candidates].argmax())]

    def measure_similarity(self, text: str) -> np.ndarray:
        """Measures the cosine with each text."""
        similarity = np.zeros(self._size)
        for term, weight in self._weigh_terms(count_terms(text)).items():
            rows, weights = self._postings[term]
            similarity[rows] += weight * weights
        return similarity

    def _weigh_terms(self, count: Counter[str]) -> dict[str, float]:
        """Returns the weights of the known terms, as a vector of length 1."""
        weights = {
            term: (1 + np.log(times)) * self._rarity[term] for term, times in count.items() if term in self._rarity
        }
        length = np.sqrt(sum(weight**2 for weight in weights.values()))
        return {term: weight / length for term, weight in weights.items()}


def list_words(text: str) -> list[str]:
    """Lists the words of a text in lower case."""
    return _WORD.findall(text.lower())


def count_terms(text: str) -> Counter[str]:
    """Counts the words of a text and the pairs of words that stand side by side."""
    words = list_words(text)
    return Counter([*words, *(" ".join(pair) for pair in pairwise(words))])
