"""What people say instead of a tool's verb and thing: idioms, wishes that stand for a value, words for more and less.

Belongs here: which of the lexicon's phrases fit a tool. Sentences are made of them in `command_phrases`.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from funcdex_assets.language.command_values import normalise_option
from funcdex_assets.language.lexicon import load_lexicon_file
from funcdex_assets.language.tool_reading import ArgumentReading, ToolReading, find_family
from funcdex_assets.schema.words import to_singular


@cache
def _list_idioms(families: tuple[str, ...], nouns: tuple[str, ...]) -> tuple[str, ...]:
    """Lists what people say instead of the verbs of these families and these nouns."""
    known = {*nouns, *(to_singular(noun) for noun in nouns)}
    return tuple(
        text
        for entry in load_lexicon_file("command_idioms")
        if "acts" not in entry
        and known & set(entry.get("nouns", ()))
        and (not entry.get("families") or set(entry["families"]) & set(families))
        for text in entry["say"]
    )


@cache
def _list_entries(key: str, word: str) -> tuple[Mapping[str, Sequence[str]], ...]:
    """Lists the idioms for a value that says what is done (`acts`), or that is all that is asked for (`values`)."""
    return tuple(entry for entry in load_lexicon_file("command_idioms") if word in entry.get(key, ()))


def list_idioms_of_value(reading: ToolReading, argument: ArgumentReading, option: Any) -> tuple[str, ...]:
    """Lists what people say instead of naming a value: "skip this one" for `next`, "i'm hungry" for `food`."""
    key = normalise_option(option)
    entries = _list_entries("acts" if argument.manner == "act" else "values", key)
    heads = {to_singular(text.split()[-1]) for text in reading.objects if text}
    return tuple(
        text
        for entry in entries
        if (not entry.get("nouns") or heads & set(entry["nouns"]))
        and (not entry.get("families") or set(entry["families"]) & set(reading.families))
        for text in entry["say"]
    )


def list_all_idioms(reading: ToolReading) -> frozenset[str]:
    """Lists everything that people say instead of a tool's verb, noun or values."""
    of_values = (
        text
        for argument in reading.arguments
        for option in argument.options
        for text in list_idioms_of_value(reading, argument, option)
    )
    return frozenset((*list_idioms(reading), *of_values))


def list_idioms(reading: ToolReading) -> tuple[str, ...]:
    """Lists what people say instead of a tool's verb and noun."""
    heads = [text.split()[-1] for text in reading.objects if text]
    return _list_idioms(reading.families, (*heads, *reading.objects))


def list_directions(reading: ToolReading) -> frozenset[str]:
    """Lists what people say for more and less of a tool's thing, where it makes it more or less."""
    directed = {str(option).lower() for item in reading.arguments if item.manner == "act" for option in item.options}
    rows = [side for sides in load_comparatives().values() for side in sides.values() if directed & set(side)]
    if {"raise", "lower", "dim"} & {*reading.families, *map(find_family, directed)}:
        rows += find_comparatives_of_thing(reading).values()
    return frozenset(word for row in rows for word in row)


def load_comparatives() -> Mapping[str, Mapping[str, Sequence[str]]]:
    return load_lexicon_file("command_values")["comparatives"]


def find_comparatives_of_thing(reading: ToolReading) -> Mapping[str, Sequence[str]]:
    """Finds what people say for more and for less of the tool's thing; empty if the lexicon has no words."""
    words = {word for text in reading.objects for word in text.split()}
    table = load_comparatives()
    return next((table[noun] for noun in table if noun in words or f"{noun}s" in words), {})
