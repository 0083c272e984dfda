"""Words of identifiers: splitting, singular and plural.

>>> split_words("threadIds"), to_singular("threads"), to_plural("category")
(('thread', 'ids'), 'thread', 'categories')
"""

import re
from functools import cache

_WORD_PATTERN = re.compile(r"[A-Z]+(?![^\W\d_A-Z])|[A-Z]?[^\W\d_A-Z]+|[0-9]+")
_IRREGULAR_PLURALS = {"people": "person", "children": "child", "indices": "index", "criteria": "criterion"}

_SINGULARS_IN_S = {
    "status",
    "address",
    "process",
    "sms",
    "series",
    "business",
    "canvas",
    "access",
    "progress",
    "class",
}


@cache
def split_words(name: str) -> tuple[str, ...]:
    """Splits an identifier into lower-case words: `dueDate`, `due_date` and `DUE-DATE` → `due`, `date`."""
    return tuple(word.lower() for word in _WORD_PATTERN.findall(name))


@cache
def to_singular(word: str) -> str:
    """Returns the singular of a noun: `entries` → `entry`; a singular stays as it is."""
    if word in _IRREGULAR_PLURALS:
        return _IRREGULAR_PLURALS[word]
    if word in _SINGULARS_IN_S or not word.endswith("s") or word.endswith("ss") or len(word) < 4:
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "xes", "sses")) or word[:-2] in _SINGULARS_IN_S:
        return word[:-2]
    return word[:-1]


@cache
def to_plural(word: str) -> str:
    """Returns the plural of a noun: `entry` → `entries`."""
    if word in _IRREGULAR_PLURALS.values():
        return next(plural_form for plural_form, singular_form in _IRREGULAR_PLURALS.items() if singular_form == word)
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return word[:-1] + "ies"
    return word + ("es" if word.endswith(("s", "x", "ch", "sh")) else "s")
