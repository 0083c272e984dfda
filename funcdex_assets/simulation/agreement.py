"""What the fields of one object say of each other: a duration of its ends, a count of its text, a total of its lines.

Here belongs what follows from fields that are made already; an object is put right in place, one field at a time, and
only where the new value suits its schema.

>>> slot = {"start": "2026-01-05T09:00:00+01:00", "end": "2026-01-05T10:30:00+01:00", "duration_minutes": 30}
>>> agree(slot, lambda key, value: True, text="", zone="Europe/Berlin")
>>> slot["duration_minutes"]
90
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from funcdex_assets.catalog.json_schema import Schema
from funcdex_assets.catalog.names import is_id, singular, words
from funcdex_assets.language.spoken import read_moment
from funcdex_assets.language.values import zone_of

Fits = Callable[[str, Any], bool]
"""Whether a value suits the schema of the field of this name."""

_STARTS, _ENDS = frozenset("start starts begin begins".split()), frozenset("end ends finish".split())
_UNITS = {"ms": 0.001, "milliseconds": 0.001, "seconds": 1, "secs": 1, "hours": 3600, "hour": 3600, "hrs": 3600}
_MINUTE, _DAY = 60, 86_400
_TEXTS = frozenset("text content body plaintext markdown".split())
_NOT_TEXTS = frozenset("type format color preview".split())
_SIZES = frozenset("size bytes".split())
_OF_FILES = _SIZES | frozenset("file content in".split())
_ADDED = frozenset("tax taxes discount discounts shipping fee fees tip paid refunded".split())
_ZONES = frozenset("zone timezone".split())
_COUNT_WORDS = frozenset("count total estimate".split())
_COUNTED_WORDS = _COUNT_WORDS | frozenset("result results size number of".split())


class _Relations(NamedTuple):
    """Keys that depend on each other, of all that an object has."""

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
    """`text` is what the call put into the thing, if the object is about it; `zone` is the time zone of its moments."""
    there = relations(tuple(made))
    if there is None:
        return
    if there.ends and there.durations:
        _agree_durations(made, there, fits)
    own = made.get(there.text or "")
    whole = own if isinstance(own, str) else text
    if whole:
        for key in there.word_counts:
            _put(made, key, len(whole.split()), fits)
        for key in there.characters:
            _put(made, key, len(whole), fits)
        for key in there.sizes:
            _put(made, key, len(whole.encode()), fits)
    if there.total:
        _agree_total(made, there.total, fits)
    if there.owed:
        due, paid, left = (made[key] for key in there.owed)
        if all(isinstance(one, int) and not isinstance(one, bool) for one in (due, paid, left)):
            paid = min(paid, due)
            _put(made, there.owed[1], paid, fits)
            _put(made, there.owed[2], due - paid, fits)
    if there.zone and isinstance(named := made[there.zone], str) and named != zone:
        _move_to(made, named)


@lru_cache(maxsize=4096)
def relations(keys: tuple[str, ...]) -> _Relations | None:
    """None where the fields of these names say nothing of each other."""
    said = {key: frozenset(words(key)) for key in keys}
    start = next((key for key in keys if said[key] & _STARTS and not is_id(key)), None)
    end = next((key for key in keys if said[key] & _ENDS and not is_id(key)), None)
    numbers = [key for key in keys if not is_id(key)]
    text = next((key for key in numbers if said[key] & _TEXTS and not said[key] & (_NOT_TEXTS | {"count"})), None)
    owed = [
        next((key for key in numbers if {"amount", about} <= said[key]), None) for about in ("due", "paid", "remaining")
    ]
    totals = [key for key in numbers if said[key] in ({"total"}, {"amount", "due"}, {"amount", "total"}, {"subtotal"})]
    mixed = any(part & _ADDED for part in said.values()) and not any(owed)
    there = _Relations(
        ends=(start, end) if start and end else None,
        durations=tuple((key, _unit(said[key])) for key in numbers if "duration" in said[key]),
        text=text,
        word_counts=tuple(key for key in numbers if {"word", "count"} <= said[key] or {"words", "count"} <= said[key]),
        characters=tuple(key for key in numbers if said[key] & {"character", "characters", "chars"}),
        sizes=tuple(key for key in numbers if said[key] & _SIZES and said[key] <= _OF_FILES),
        total=totals[0] if totals and not mixed else None,
        owed=(owed[0], owed[1], owed[2]) if owed[0] and owed[1] and owed[2] else None,
        zone=next((key for key in keys if said[key] & _ZONES), None),
    )
    measured = there.word_counts or there.characters or there.sizes or there.total or there.owed or there.zone
    return there if measured or (there.ends and there.durations) else None


def count_listed_items(fields: dict[str, Any], properties: Mapping[str, Schema]) -> None:
    """Sets the counts beside a list to its length: `message_count` beside `messages`."""
    listed = next(((key, value) for key, value in fields.items() if isinstance(value, list)), None)
    if listed is None:
        return
    name, items = listed
    nouns = {*words(name), *(singular(word) for word in words(name))}
    for key, value in fields.items():
        name_words = set(words(key))
        is_count = name_words & _COUNT_WORDS and name_words <= _COUNTED_WORDS | nouns
        if is_count and isinstance(value, int) and not isinstance(value, bool):
            schema = properties.get(key)
            schema = schema if isinstance(schema, Mapping) else {}
            fields[key] = max(schema.get("minimum", 0), min(len(items), schema.get("maximum", len(items))))


def _unit(said: frozenset[str]) -> float:
    return next((_UNITS[word] for word in said if word in _UNITS), _MINUTE)


def _agree_durations(made: dict[str, Any], there: _Relations, fits: Fits) -> None:
    first, last = there.ends or ("", "")
    start, end = _moment(made[first]), _moment(made[last])
    if start is None or end is None or (start.tzinfo is None) != (end.tzinfo is None):
        return
    for key, unit in there.durations:
        value = made[key]
        if not isinstance(value, int | float) or isinstance(value, bool):
            continue
        length = (end - start).total_seconds() / unit
        right = int(length) if length == int(length) else length
        if right >= 0 and fits(key, right):
            made[key] = right
        elif isinstance(made[last], str) and 0 < value * unit < _DAY:
            end = start + timedelta(seconds=value * unit)
            made[last] = end.isoformat()


def _agree_total(made: dict[str, Any], key: str, fits: Fits) -> None:
    """The total is that of the lines beside it, where each has an amount."""
    for lines in made.values():
        if isinstance(lines, list) and lines and all(isinstance(line, dict) for line in lines):
            amounts = [line.get("amount") for line in lines]
            if all(isinstance(one, int | float) and not isinstance(one, bool) for one in amounts):
                total = sum(one for one in amounts if one is not None)
                _put(made, key, total if isinstance(total, int) else round(total, 2), fits)


def _move_to(made: dict[str, Any], name: str) -> None:
    """The moments beside a time zone are told in it; they stay the same moments."""
    zone = zone_of(name)
    for key, value in made.items() if zone else ():
        moment = _moment(value) if isinstance(value, str) and "T" in value else None
        if moment is not None and moment.tzinfo:
            made[key] = moment.astimezone(zone).isoformat()


def _put(made: dict[str, Any], key: str, value: float, fits: Fits) -> None:
    if isinstance(made.get(key), int | float) and not isinstance(made[key], bool) and fits(key, value):
        made[key] = value


def _moment(value: Any) -> datetime | None:
    if isinstance(value, dict):
        value = next((part for part in value.values() if isinstance(part, str) and "T" in part), None)
    moment = read_moment({}, value) if isinstance(value, str) else None
    return moment if isinstance(moment, datetime) else None
