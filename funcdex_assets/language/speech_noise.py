"""The channel between what people mean and what arrives: a recogniser that mishears, or fingers that slip.

Belongs here: distorting words. What was meant stays known to the caller, since values are distorted apart from the
sentence around them and every distorted form is recorded with its value.

>>> from random import Random
>>> mistype("please cancel the order", Random(3))
'please cancell the order'
"""

import re
from collections.abc import Mapping
from random import Random
from typing import Literal

from funcdex_assets.language.lexicon import load_lexicon_file

Channel = Literal["clean", "spoken", "typed"]

_WORD = re.compile(r"[A-Za-z']+")
_NEIGHBOURS = dict(
    zip(
        "qwertyuiopasdfghjklzxcvbnm",
        (
            "wa qes wrd etf ryg tuh yij uok ipl ol qsz awdx sefc drgv fthb gyjn hukm jilm kop "
            "asx zsdc xdfv cfgb vghn bhjm njk"
        ).split(),
        strict=True,
    )
)
_DROPPED_WORDS = frozenset("the a an my to of please is i for".split())
_SWAPPED_ENDINGS = (
    ("ings", "ins"), ("ing", "in"), ("ance", "ants"), ("ence", "ents"), ("tion", "shun"), ("er", "a"), ("ed", "t"),
    ("ts", "t"), ("s", ""), ("d", ""), ("t", ""), ("ck", "k"), ("le", "al"),
)  # fmt: skip
_SWAPPED_SOUNDS = (
    ("ee", "ea"), ("ea", "ee"), ("oo", "u"), ("ou", "ow"), ("ar", "or"), ("or", "ar"), ("ai", "ay"), ("e", "i"),
    ("i", "e"), ("c", "k"), ("th", "d"), ("w", "wh"),
)  # fmt: skip


def distort_words(text: str, channel: Channel, rng: Random) -> str:
    """Distorts a word of a text as the channel does; a clean channel changes nothing."""
    if channel == "clean" or not _WORD.search(text):
        return text
    distort = mishear if channel == "spoken" else mistype
    return distort(text, rng)


def mishear(text: str, rng: Random) -> str:
    """Replaces a word by one that sounds like it, cuts its ending, says it twice, or leaves a small word out."""
    misheard: Mapping[str, str] = load_lexicon_file("command_turns")["misheard"]
    words = list(_WORD.finditer(text))
    known = [match for match in words if match[0].lower() in misheard]
    small = [match for match in words if match[0].lower() in _DROPPED_WORDS]
    long = [match for match in words if len(match[0]) >= 4]
    draw = rng.random()
    if known and draw < 0.35:
        match = rng.choice(known)
        return _replace(text, match, misheard[match[0].lower()])
    if small and draw < 0.6 and len(words) > 2:
        match = rng.choice(small)
        return re.sub(r"  +", " ", _replace(text, match, "")).strip()
    if long and draw < 0.92:
        match = rng.choice(long)
        return _replace(text, match, _bend_word(match[0], rng))
    match = rng.choice(words)
    return _replace(text, match, f"{match[0]} {match[0]}")


def mistype(text: str, rng: Random) -> str:
    """Leaves a letter out, doubles one, swaps two neighbours or hits the key beside it, in one longer word."""
    words = [match for match in _WORD.finditer(text) if len(match[0]) >= 3]
    if not words:
        return text
    match = rng.choice(words)
    word, place = match[0], rng.randrange(1, len(match[0]))
    letter = word[place].lower()
    options = [
        word[:place] + word[place + 1 :],
        word[:place] + word[place] + word[place:],
        word[: place - 1] + word[place] + word[place - 1] + word[place + 1 :],
    ]
    if letter in _NEIGHBOURS:
        options.append(word[:place] + rng.choice(_NEIGHBOURS[letter]) + word[place + 1 :])
    return _replace(text, match, rng.choice(options))


def _bend_word(word: str, rng: Random) -> str:
    """Returns a word as it might be misheard: another ending, another sound, or in two parts."""
    endings = [word[: -len(old)] + new for old, new in _SWAPPED_ENDINGS if word.lower().endswith(old)]
    sounds = [re.sub(old, new, word, count=1) for old, new in _SWAPPED_SOUNDS if old in word[1:]]
    options = [*endings[:3], *sounds]
    if len(word) >= 6:
        middle = len(word) // 2
        options.append(f"{word[:middle]} {word[middle:]}")
    return rng.choice(options) if options else word


def _replace(text: str, match: re.Match[str], by: str) -> str:
    return text[: match.start()] + by + text[match.end() :]
