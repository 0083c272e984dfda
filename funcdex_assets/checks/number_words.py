"""Reads the whole numbers that a text has in words.

>>> sorted(read_number_words("twenty one of five hundred"))
[1, 5, 20, 21, 500]
"""

import re
from functools import lru_cache

_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = {
    word: 10 * number for number, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)
}
_MAX_WORDS = 6  # of one number


@lru_cache(2048)
def read_number_words(text: str) -> frozenset[int]:
    """The whole numbers that a text has in words, and the parts of each: "twenty one" is 21, and 20, and 1."""
    words = re.findall(r"[a-z]+", text.lower())
    numbers: set[int] = set()
    for start in range(len(words)):
        numbers |= _read_prefixes(words[start : start + _MAX_WORDS])
    return frozenset(numbers)


def _read_prefixes(words: list[str]) -> set[int]:
    """The numbers that begin with the first of the words."""
    total, current, numbers = 0, 0, set[int]()
    for position, word in enumerate(words):
        if word in _UNITS:
            current += _UNITS.index(word)
        elif word in _TENS:
            current += _TENS[word]
        elif word == "hundred" and position:
            current = max(current, 1) * 100
        elif word == "thousand" and position:
            total, current = total + max(current, 1) * 1000, 0
        elif word == "and" and position:
            continue
        else:
            break
        numbers.add(total + current)
    return numbers
