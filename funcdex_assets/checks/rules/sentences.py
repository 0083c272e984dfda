"""Reads English sentences of a reply for the rules: what is quoted, what is denied or only supposed, numbers in words.

Belongs here: what the rules about answers, pages and claims ask of a text, whatever it is about. Which language a text
is in is told by `languages.py`.

>>> text = "It has not been delivered yet."
>>> is_denied(text, re.search("been delivered", text))
True
>>> read_number("Twelve"), read_number("12"), read_number("many")
(12, 12, None)
"""

import re
from collections.abc import Sequence
from functools import lru_cache

_QUOTED = re.compile(r"[\"“][^\"“”]*[\"”]")
_WORD = re.compile(r"\w{2,}")
_SENTENCE_ENDS = re.compile(r"(?<=[.!?])\s+|\n+")
_NUMBER_WORDS = (
    "no one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
).split()
NUMBER = rf"(?:\d+(?:,\d{{3}})*|{'|'.join(_NUMBER_WORDS[1:])}|both)"
"""Matches a whole number in figures or words; `read_number` reads it."""
_DENIES = re.compile(
    r"n[’']t\b|\b(?:not|no(?! one)|never|cannot|without|yet to|whether|if|unless|once|until|when|as soon as|"
    r"should|would|will|may|might|could|has to|have to|needs? to)\b",
    re.IGNORECASE,
)
SAYS_NOTHING = re.compile(
    r"n[’']t\b|\b(?:no|not|nothing|none|nobody|no one|never|without|empty|zero|clear|free|neither)\b", re.IGNORECASE
)
"""Matches words by which a reply says that there is nothing."""


def drop_quotes(text: str) -> str:
    """Returns a text without the words that it quotes, such as titles."""
    return _QUOTED.sub(" ", text)


def split_sentences(text: str) -> Sequence[str]:
    return _SENTENCE_ENDS.split(text)


@lru_cache(4096)
def list_words(text: str) -> frozenset[str]:
    """Returns the words and figures of a text with two characters or more, in small letters."""
    return frozenset(_WORD.findall(text.lower()))


def is_denied(text: str, match: re.Match[str]) -> bool:
    """True if the words of a match are denied, asked, or only supposed: "if she has read it", "has not been sent".

    That nobody has done it is a claim like any other.
    """
    start = max(text.rfind(sign, 0, match.start()) for sign in ".!?;\n")
    end = min((at for sign in ".!?;\n" if (at := text.find(sign, match.end())) >= 0), default=len(text))
    return _DENIES.search(text[start + 1 : match.end()]) is not None or text[end : end + 1] == "?"


def read_number(text: str) -> int | None:
    """Reads a whole number in figures or words; None if it is none."""
    plain = text.lower().replace(",", "")
    if plain.isascii() and plain.isdigit():
        return int(plain)
    if plain == "both":
        return 2
    return _NUMBER_WORDS.index(plain) if plain in _NUMBER_WORDS else None
