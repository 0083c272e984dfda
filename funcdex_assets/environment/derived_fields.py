"""Derives the fields of an object that follow from others: a duration from its ends, a count from its text, a total.

Belongs here: what follows from fields that are filled in already. An object is changed in place, one field at a time,
and only where the new value fits its schema.

>>> slot = {"start": "2026-01-05T09:00:00+01:00", "end": "2026-01-05T10:30:00+01:00", "duration_minutes": 30}
>>> derive_dependent_fields(slot, lambda key, value: True, text="", zone="Europe/Berlin")
>>> slot["duration_minutes"]
90
"""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from funcdex_assets.language.spoken_values import parse_moment
from funcdex_assets.language.values import find_time_zone
from funcdex_assets.schema.schema import Schema
from funcdex_assets.schema.words import split_words, to_singular
from funcdex_assets.semantics import vocabulary as vocab
from funcdex_assets.semantics.epochs import read_likely_epoch
from funcdex_assets.semantics.field_meaning import FieldMeaning, decide_field_meaning
from funcdex_assets.semantics.field_roles import find_span, is_whole_text, read_name
from funcdex_assets.semantics.tool_names import is_id
from funcdex_assets.semantics.vocabulary import SIZE_WORDS

FitsField = Callable[[str, Any], bool]
"""Whether a value suits the schema of the field of this name."""

_MINUTE, _DAY = 60, 86_400
_SECONDS_OF_UNIT = {"ms": 0.001, "s": 1, "min": _MINUTE, "h": 3600, "d": _DAY}
_DAY_WORDS = frozenset(("nights", "days"))
_FILE_SIZE_WORDS = SIZE_WORDS | frozenset("file content in".split())
_COUNTING_WORDS = frozenset("count total num estimate number of size".split())
"""Beside the noun of a list, in the name of its length; `open` or `redeemed` beside it would count some of it only."""


class _FieldRelations(NamedTuple):
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


def derive_dependent_fields(fields: dict[str, Any], fits_field: FitsField, text: str, zone: str) -> None:
    """Corrects the dependent fields. `text` is what the call wrote into the object's entity, '' if it is about another;
    `zone` is the time zone of its moments.
    """
    related = find_field_relations(tuple(fields))
    if related is None:
        return
    if related.ends and related.durations:
        _derive_durations(fields, related, fits_field)
    own_text = fields.get(related.text or "")
    full_text = own_text if isinstance(own_text, str) else text
    if full_text or isinstance(own_text, str):
        for key in related.word_counts:
            _set_number(fields, key, len(full_text.split()), fits_field)
        for key in related.characters:
            _set_number(fields, key, len(full_text), fits_field)
        for key in related.sizes:
            _set_number(fields, key, len(full_text.encode()), fits_field)
    if related.total:
        _derive_total(fields, related.total, fits_field)
    if related.owed:
        due, paid, remaining = (fields[key] for key in related.owed)
        if all(isinstance(amount, int) and not isinstance(amount, bool) for amount in (due, paid, remaining)):
            paid = min(paid, due)
            _set_number(fields, related.owed[1], paid, fits_field)
            _set_number(fields, related.owed[2], due - paid, fits_field)
    zone_name = fields[related.zone] if related.zone else None
    if isinstance(zone_name, str) and zone_name != zone:
        _move_moments_to_zone(fields, zone_name)


@lru_cache(maxsize=4096)
def find_field_relations(keys: tuple[str, ...]) -> _FieldRelations | None:
    """Returns how fields of these names depend on each other; None where they do not."""
    name_words = {key: frozenset(split_words(key)) for key in keys}
    meanings = {key: read_name(key) for key in keys}
    numbers = [key for key in keys if not is_id(key)]
    text = next(filter(is_whole_text, keys), None)
    owed = [
        next((key for key in numbers if {"amount", amount_word} <= name_words[key]), None)
        for amount_word in ("due", "paid", "remaining")
    ]
    totals = [
        key for key in numbers if name_words[key] in ({"total"}, {"amount", "due"}, {"amount", "total"}, {"subtotal"})
    ]
    has_charges = any(meaning.role == "charge" for meaning in meanings.values())
    related = _FieldRelations(
        ends=find_span(meanings),
        durations=tuple(
            (key, _find_unit_seconds(name_words[key], meanings[key]))
            for key in numbers
            if name_words[key] & {"duration", *_DAY_WORDS}
        ),
        text=text,
        word_counts=tuple(
            key for key in numbers if {"word", "count"} <= name_words[key] or {"words", "count"} <= name_words[key]
        ),
        characters=tuple(key for key in numbers if name_words[key] & {"character", "characters", "chars"}),
        sizes=tuple(key for key in numbers if name_words[key] & SIZE_WORDS and name_words[key] <= _FILE_SIZE_WORDS),
        total=totals[0] if totals and not has_charges else None,
        owed=(owed[0], owed[1], owed[2]) if owed[0] and owed[1] and owed[2] else None,
        zone=next((key for key in keys if meanings[key].role == "zone"), None),
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
    nouns = {*split_words(name), *(to_singular(word) for word in split_words(name))}
    for key, value in fields.items():
        name_words = set(split_words(key))
        schema = properties.get(key)
        schema = schema if isinstance(schema, Mapping) else {}
        counts_list = name_words <= _COUNTING_WORDS | vocab.RESULT_NOUNS | {"results", "items"} | nouns
        if counts_list and decide_field_meaning(key, schema or {"type": "integer"}).role in ("count", "total"):
            if not isinstance(value, int) or isinstance(value, bool):
                continue
            fields[key] = max(schema.get("minimum", 0), min(len(items), schema.get("maximum", len(items))))


def _find_unit_seconds(name_words: frozenset[str], meaning: FieldMeaning) -> float:
    """Returns the seconds of the unit that a field's name says, minutes if it says none."""
    return _DAY if name_words & _DAY_WORDS else _SECONDS_OF_UNIT.get(meaning.unit or "min", _MINUTE)


def _derive_durations(fields: dict[str, Any], related: _FieldRelations, fits_field: FitsField) -> None:
    """Sets the durations between start and end, or moves the end where a duration cannot be changed."""
    first, last = related.ends or ("", "")
    start, end = _read_datetime(fields[first]), _read_datetime(fields[last])
    days = [_read_day(fields[first]), _read_day(fields[last])]
    for key, unit in related.durations:
        if unit == _DAY and days[0] and days[1] and days[0] <= days[1]:
            _set_number(fields, key, (days[1] - days[0]).days, fits_field)
    if start is None or end is None or (start.tzinfo is None) != (end.tzinfo is None):
        return
    for key, unit in related.durations:
        value = fields[key]
        if not isinstance(value, int | float) or isinstance(value, bool) or unit == _DAY:
            continue
        length = (end - start).total_seconds() / unit
        exact_length = int(length) if length == int(length) else length
        if exact_length >= 0 and fits_field(key, exact_length):
            fields[key] = exact_length
        elif isinstance(fields[last], str) and 0 < value * unit < _DAY:
            end = start + timedelta(seconds=value * unit)
            fields[last] = end.isoformat()


def _derive_total(fields: dict[str, Any], key: str, fits_field: FitsField) -> None:
    """Sets the total to the sum of the lines beside it, where each has an amount."""
    for lines in fields.values():
        if isinstance(lines, list) and lines and all(isinstance(line, dict) for line in lines):
            amounts = [line.get("amount") for line in lines]
            if all(isinstance(amount, int | float) and not isinstance(amount, bool) for amount in amounts):
                total = sum(amount for amount in amounts if amount is not None)
                _set_number(fields, key, total if isinstance(total, int) else round(total, 2), fits_field)


def _move_moments_to_zone(fields: dict[str, Any], zone_name: str) -> None:
    """Writes the moments beside a time zone in that zone; they stay the same moments."""
    zone = find_time_zone(zone_name)
    for key, value in fields.items() if zone else ():
        moment = _read_datetime(value) if isinstance(value, str) and "T" in value else None
        if moment is not None and moment.tzinfo:
            fields[key] = moment.astimezone(zone).isoformat()


def _set_number(fields: dict[str, Any], key: str, value: float, fits_field: FitsField) -> None:
    """Sets a field that holds a number, if the new one fits its schema."""
    if isinstance(fields.get(key), int | float) and not isinstance(fields[key], bool) and fits_field(key, value):
        fields[key] = value


def _read_day(value: Any) -> date | None:
    """Returns the day of a date or a date-time."""
    moment = parse_moment({}, value) if isinstance(value, str) else read_likely_epoch(value, UTC)
    return moment.date() if isinstance(moment, datetime) else moment if isinstance(moment, date) else None


def _read_datetime(value: Any) -> datetime | None:
    """Returns the date-time in a field, or in the object that the field holds."""
    if isinstance(value, dict):
        value = next((text for text in value.values() if isinstance(text, str) and "T" in text), None)
    moment = parse_moment({}, value) if isinstance(value, str) else read_likely_epoch(value, UTC)
    return moment if isinstance(moment, datetime) else None
