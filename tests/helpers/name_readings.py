"""The ways in which modules look a field's name up in their lists of words.

`reads` in `tests/data/field_meaning_disagreements.json` names one of them for each list.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from funcdex_assets.schema.words import singular, words
from funcdex_assets.semantics.tool_names import last_noun

READINGS: Mapping[str, Callable[[Collection[str], str], bool]] = {
    "any word": lambda listed, name: any(word in listed for word in words(name)),
    "any singular": lambda listed, name: any(singular(word) in listed for word in words(name)),
    "any word or its singular": lambda listed, name: any(
        word in listed or word.removesuffix("s") in listed for word in words(name)
    ),
    "any word or without es": lambda listed, name: any(
        word in listed or word.rstrip("es") in listed for word in words(name)
    ),
    "every word": lambda listed, name: all(word in listed for word in words(name)),
    "last word": lambda listed, name: words(name)[-1] in listed,
    "last noun": lambda listed, name: last_noun(name) in listed,
    "whole name": lambda listed, name: "".join(words(name)) in listed,
    "beginning of the name": lambda listed, name: "".join(words(name)).startswith(tuple(listed)),
    "end of the name": lambda listed, name: "".join(words(name)).endswith(tuple(listed)),
}


def is_synonym_of_user(synonyms: Mapping[str, str], name: str) -> bool:
    return synonyms.get(words(name)[-1]) == "user"


def holds(listed: Any, reads: str, name: str) -> bool:
    """The answer of a place that reads names in this way; a function answers by itself."""
    match reads:
        case "function":
            return listed(name)
        case "synonym of user":
            return is_synonym_of_user(listed, name)
    return READINGS[reads](listed, name)
