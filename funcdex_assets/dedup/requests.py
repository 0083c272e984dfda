"""Finds requests that were made before, word for word: conversations of one request are told apart by nothing else.

Belongs here: what counts as the same words. Comparing whole conversations belongs to `conversations`.

>>> said = SaidRequests()
>>> said.add("Warmer, please!"), said.add("warmer please"), said.add("cooler please")
(True, False, True)
"""

import re
from collections.abc import Iterable

_WORD = re.compile(r"\w+")


def normalise_request(text: str) -> str:
    """Returns the words of a text in lower case, without punctuation."""
    return " ".join(_WORD.findall(text.lower()))


class SaidRequests:
    """The requests that were made so far, by their words."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._said = {normalise_request(text) for text in texts}

    def __contains__(self, text: str) -> bool:
        return normalise_request(text) in self._said

    def add(self, text: str) -> bool:
        """Adds a request; returns False if it was made before."""
        if text in self:
            return False
        self._said.add(normalise_request(text))
        return True
