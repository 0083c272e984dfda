"""The ways in which modules look up a field's name in their lists of words.

Each list in `tests/data/field_meaning_disagreements.json` names its way as `reads`.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from funcdex_assets.schema.words import split_words, to_singular
from funcdex_assets.semantics.tool_names import parse_last_noun

READINGS: Mapping[str, Callable[[Collection[str], str], bool]] = {
    "any word": lambda words, name: any(word in words for word in split_words(name)),
    "any singular": lambda words, name: any(to_singular(word) in words for word in split_words(name)),
    "any word or its singular": lambda words, name: any(
        word in words or word.removesuffix("s") in words for word in split_words(name)
    ),
    "any word or without es": lambda words, name: any(
        word in words or word.rstrip("es") in words for word in split_words(name)
    ),
    "every word": lambda words, name: all(word in words for word in split_words(name)),
    "last word": lambda words, name: split_words(name)[-1] in words,
    "last noun": lambda words, name: parse_last_noun(name) in words,
    "whole name": lambda words, name: "".join(split_words(name)) in words,
    "beginning of the name": lambda words, name: "".join(split_words(name)).startswith(tuple(words)),
    "end of the name": lambda words, name: "".join(split_words(name)).endswith(tuple(words)),
}


def is_synonym_of_user(synonyms: Mapping[str, str], name: str) -> bool:
    return synonyms.get(split_words(name)[-1]) == "user"


def contains_name(word_list: Any, reading: str, name: str) -> bool:
    """Returns whether a list, read in this way, contains the name; a function in place of a list answers by itself."""
    match reading:
        case "function":
            return word_list(name)
        case "synonym of user":
            return is_synonym_of_user(word_list, name)
    return READINGS[reading](word_list, name)
