"""Derives the fields of an object that follow from others: a duration from its ends, a count from its text, a total.

Belongs here: what follows from fields that are filled in already. An object is changed in place, one field at a time,
and only where the new value fits its schema.

>>> slot = {"start": "2026-01-05T09:00:00+01:00", "end": "2026-01-05T10:30:00+01:00", "duration_minutes": 30}
>>> derive_dependent_fields(slot, lambda key, value: True, text="", zone="Europe/Berlin")
>>> slot["duration_minutes"]
90
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from funcdex_assets.language.spoken_values import read_moment
from funcdex_assets.language.values import zone_of
from funcdex_assets.schema.schema import Schema
from funcdex_assets.schema.words import singular, words
from funcdex_assets.semantics.tool_names import is_id
from funcdex_assets.semantics.vocabulary import COUNT_WORDS, SIZE_WORDS, ZONE_WORDS

Fits = Callable[[str, Any], bool]
"""Whether a value suits the schema of the field of this name."""

_STARTS, _ENDS = frozenset("start starts begin begins".split()), frozenset("end ends finish".split())
_UNITS = {"ms": 0.001, "milliseconds": 0.001, "seconds": 1, "secs": 1, "hours": 3600, "hour": 3600, "hrs": 3600}
_MINUTE, _DAY = 60, 86_400
_TEXTS = frozenset("text content body plaintext markdown".split())
_NOT_TEXTS = frozenset("type format color preview".split())
_OF_FILES = SIZE_WORDS | frozenset("file content in".split())
_ADDED = frozenset("tax taxes discount discounts shipping fee fees tip paid refunded".split())
_COUNTED_WORDS = COUNT_WORDS | frozenset("result results size number of".split())


class _Relations(NamedTuple):
    """The keys of an object that depend on each other."""

    ends: tuple[str, str] | None
    durations: tuple[tuple[str, float], ...]
    text: str | None
    word_counts: tuple[str, ...]
    characters: tuple[str, ...]
    sizes: tuple[str, ...]
    total: str | None
    owed: tuple[str, str, str] | None
    zone: str | None


def agree(made: dict[str, Any], fits: Fits, text: str, zone: str) -> None:
    """Corrects the dependent fields. `text` is what the call wrote into the object's entity, '' if it is about another;
    `zone` is the time zone of its moments.
    """
    related = relations(tuple(made))
    if related is None:
        return
    if related.ends and related.durations:
        _agree_durations(made, related, fits)
    own_text = made.get(related.text or "")
    full_text = own_text if isinstance(own_text, str) else text
    if full_text:
        for key in related.word_counts:
            _put(made, key, len(full_text.split()), fits)
        for key in related.characters:
            _put(made, key, len(full_text), fits)
        for key in related.sizes:
            _put(made, key, len(full_text.encode()), fits)
    if related.total:
        _agree_total(made, related.total, fits)
    if related.owed:
        due, paid, remaining = (made[key] for key in related.owed)
        if all(isinstance(amount, int) and not isinstance(amount, bool) for amount in (due, paid, remaining)):
            paid = min(paid, due)
            _put(made, related.owed[1], paid, fits)
            _put(made, related.owed[2], due - paid, fits)
    zone_name = made[related.zone] if related.zone else None
    if isinstance(zone_name, str) and zone_name != zone:
        _move_to(made, zone_name)


@lru_cache(maxsize=4096)
def relations(keys: tuple[str, ...]) -> _Relations | None:
    """Returns how fields of these names depend on each other; None where they do not."""
    name_words = {key: frozenset(words(key)) for key in keys}
    start = next((key for key in keys if name_words[key] & _STARTS and not is_id(key)), None)
    end = next((key for key in keys if name_words[key] & _ENDS and not is_id(key)), None)
    numbers = [key for key in keys if not is_id(key)]
    text = next(
        (key for key in numbers if name_words[key] & _TEXTS and not name_words[key] & (_NOT_TEXTS | {"count"})), None
    )
    owed = [
        next((key for key in numbers if {"amount", amount_word} <= name_words[key]), None)
        for amount_word in ("due", "paid", "remaining")
    ]
    totals = [
        key for key in numbers if name_words[key] in ({"total"}, {"amount", "due"}, {"amount", "total"}, {"subtotal"})
    ]
    mixed = any(field_words & _ADDED for field_words in name_words.values()) and not any(owed)
    related = _Relations(
        ends=(start, end) if start and end else None,
        durations=tuple((key, _unit(name_words[key])) for key in numbers if "duration" in name_words[key]),
        text=text,
        word_counts=tuple(
            key for key in numbers if {"word", "count"} <= name_words[key] or {"words", "count"} <= name_words[key]
        ),
        characters=tuple(key for key in numbers if name_words[key] & {"character", "characters", "chars"}),
        sizes=tuple(key for key in numbers if name_words[key] & SIZE_WORDS and name_words[key] <= _OF_FILES),
        total=totals[0] if totals and not mixed else None,
        owed=(owed[0], owed[1], owed[2]) if owed[0] and owed[1] and owed[2] else None,
        zone=next((key for key in keys if name_words[key] & ZONE_WORDS), None),
    )
    measured = (
        related.word_counts or related.characters or related.sizes or related.total or related.owed or related.zone
    )
    return related if measured or (related.ends and related.durations) else None


def count_listed_items(fields: dict[str, Any], properties: Mapping[str, Schema]) -> None:
    """Sets the counts beside a list to its length: `message_count` beside `messages`."""
    listed = next(((key, value) for key, value in fields.items() if isinstance(value, list)), None)
    if listed is None:
        return
    name, items = listed
    nouns = {*words(name), *(singular(word) for word in words(name))}
    for key, value in fields.items():
        name_words = set(words(key))
        is_count = name_words & COUNT_WORDS and name_words <= _COUNTED_WORDS | nouns
        if is_count and isinstance(value, int) and not isinstance(value, bool):
            schema = properties.get(key)
            schema = schema if isinstance(schema, Mapping) else {}
            fields[key] = max(schema.get("minimum", 0), min(len(items), schema.get("maximum", len(items))))


def _unit(said: frozenset[str]) -> float:
    """Returns the seconds of the unit that a field's name says, minutes if it says none."""
    return next((_UNITS[word] for word in said if word in _UNITS), _MINUTE)


def _agree_durations(made: dict[str, Any], there: _Relations, fits: Fits) -> None:
    """Sets the durations between start and end, or moves the end where a duration cannot be changed."""
    first, last = there.ends or ("", "")
    start, end = _moment(made[first]), _moment(made[last])
    if start is None or end is None or (start.tzinfo is None) != (end.tzinfo is None):
        return
    for key, unit in there.durations:
        value = made[key]
        if not isinstance(value, int | float) or isinstance(value, bool):
            continue
        length = (end - start).total_seconds() / unit
        exact_length = int(length) if length == int(length) else length
        if exact_length >= 0 and fits(key, exact_length):
            made[key] = exact_length
        elif isinstance(made[last], str) and 0 < value * unit < _DAY:
            end = start + timedelta(seconds=value * unit)
            made[last] = end.isoformat()


def _agree_total(made: dict[str, Any], key: str, fits: Fits) -> None:
    """Sets the total to the sum of the lines beside it, where each has an amount."""
    for lines in made.values():
        if isinstance(lines, list) and lines and all(isinstance(line, dict) for line in lines):
            amounts = [line.get("amount") for line in lines]
            if all(isinstance(amount, int | float) and not isinstance(amount, bool) for amount in amounts):
                total = sum(amount for amount in amounts if amount is not None)
                _put(made, key, total if isinstance(total, int) else round(total, 2), fits)


def _move_to(made: dict[str, Any], name: str) -> None:
    """Writes the moments beside a time zone in that zone; they stay the same moments."""
    zone = zone_of(name)
    for key, value in made.items() if zone else ():
        moment = _moment(value) if isinstance(value, str) and "T" in value else None
        if moment is not None and moment.tzinfo:
            made[key] = moment.astimezone(zone).isoformat()


def _put(made: dict[str, Any], key: str, value: float, fits: Fits) -> None:
    """Sets a field that holds a number, if the new one fits its schema."""
    if isinstance(made.get(key), int | float) and not isinstance(made[key], bool) and fits(key, value):
        made[key] = value


def _moment(value: Any) -> datetime | None:
    """Returns the date-time in a field, or in the object that the field holds."""
    if isinstance(value, dict):
        value = next((text for text in value.values() if isinstance(text, str) and "T" in text), None)
    moment = read_moment({}, value) if isinstance(value, str) else None
    return moment if isinstance(moment, datetime) else None
