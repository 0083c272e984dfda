"""The ways in which modules look a field's name up in their lists of words.

`reads` in `tests/data/field_meaning_disagreements.json` names one of them for each list.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from funcdex_assets.schema.words import split_words, to_singular
from funcdex_assets.semantics.tool_names import parse_last_noun

READINGS: Mapping[str, Callable[[Collection[str], str], bool]] = {
    "any word": lambda listed, name: any(word in listed for word in split_words(name)),
    "any singular": lambda listed, name: any(to_singular(word) in listed for word in split_words(name)),
    "any word or its singular": lambda listed, name: any(
        word in listed or word.removesuffix("s") in listed for word in split_words(name)
    ),
    "any word or without es": lambda listed, name: any(
        word in listed or word.rstrip("es") in listed for word in split_words(name)
    ),
    "every word": lambda listed, name: all(word in listed for word in split_words(name)),
    "last word": lambda listed, name: split_words(name)[-1] in listed,
    "last noun": lambda listed, name: parse_last_noun(name) in listed,
    "whole name": lambda listed, name: "".join(split_words(name)) in listed,
    "beginning of the name": lambda listed, name: "".join(split_words(name)).startswith(tuple(listed)),
    "end of the name": lambda listed, name: "".join(split_words(name)).endswith(tuple(listed)),
}


def is_synonym_of_user(synonyms: Mapping[str, str], name: str) -> bool:
    return synonyms.get(split_words(name)[-1]) == "user"


def holds(listed: Any, reads: str, name: str) -> bool:
    """The answer of a place that reads names in this way; a function answers by itself."""
    match reads:
        case "function":
            return listed(name)
        case "synonym of user":
            return is_synonym_of_user(listed, name)
    return READINGS[reads](listed, name)
