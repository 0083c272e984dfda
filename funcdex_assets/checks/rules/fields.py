"""Rules about the fields of one object in a result, compared with each other.

Belongs here: contradictions within one object. They are certain or not reported: an object that has both ends and a
duration, a count of words beside the text, an amount beside the lines that it is the sum of. No code is shared with
what makes the results.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from funcdex_assets.checks.rules.case import Case
from funcdex_assets.records.conversation import Finding
from funcdex_assets.schema.words import split_words
from funcdex_assets.semantics.field_roles import find_span, is_whole_text, read_name
from funcdex_assets.semantics.tool_names import is_id

_MAX_DEPTH = 6
_SECONDS_OF_UNIT = {"ms": 0.001, "s": 1, "min": 60, "h": 3600}
_WORD_COUNT_TOLERANCE = 0.2  # of a count of words: services do not agree on what a word is
_MIN_WORD_COUNT_DIFFERENCE = 4


class _RelatedFields(NamedTuple):
    """The fields of an object that depend on each other, by name; '' for one that it does not have."""

    start: str
    end: str
    durations: tuple[tuple[str, float], ...]
    text: str
    word_count: str
    zone: str
    total: str
    lines: tuple[str, ...]
    owed_amounts: tuple[str, ...]


def contradicts_itself(case: Case) -> Iterator[Finding]:
    """Fields of one object that cannot all be true: its end, its duration, its total."""
    for index, message in enumerate(case.messages):
        result = message.result
        if result is None or result.error:
            continue
        for holder, pointer in _iterate_objects(result.content, "", 0):
            for key, text in _find_contradictions(holder):
                field_pointer = f"{pointer}/{key}"
                yield Finding(
                    rule="contradicts_itself",
                    message=index,
                    place=field_pointer,
                    text=f"{result.call_id} {result.name}: {key} is {holder[key]!r}, and {text}",
                )


def _iterate_objects(value: Any, pointer: str, depth: int) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Yields every object within a value with its pointer, to a bounded depth."""
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, dict):
        yield value, pointer
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        if isinstance(child, dict | list):
            yield from _iterate_objects(child, f"{pointer}/{key}", depth + 1)


def _find_contradictions(holder: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yields (field, what it contradicts) of each contradiction within an object."""
    fields = _relate_fields(tuple(holder))
    if fields.start and fields.end:
        yield from _check_span(holder, fields)
    if fields.word_count and isinstance(text := holder.get(fields.text), str):
        count, stated = len(text.split()), holder[fields.word_count]
        if _is_number(stated) and abs(stated - count) > max(_MIN_WORD_COUNT_DIFFERENCE, _WORD_COUNT_TOLERANCE * count):
            yield fields.word_count, f"{fields.text} has {count} words"
    if fields.zone:
        yield from _check_time_zone(holder, fields.zone)
    if fields.total:
        yield from _check_total(holder, fields)
    yield from _check_weekly_hours(holder)
    if fields.owed_amounts:
        due, paid, remaining = (holder[key] for key in fields.owed_amounts)
        if (
            all(_is_number(amount) for amount in (due, paid, remaining))
            and abs(due - paid - remaining) > 0.01
            and paid <= due
        ):
            yield fields.owed_amounts[2], f"{due} are due and {paid} paid"


def _check_span(holder: Mapping[str, Any], fields: _RelatedFields) -> Iterator[tuple[str, str]]:
    """Checks that the end is not before the start, and that the duration is the time between them."""
    start, end = _parse_moment(holder[fields.start]), _parse_moment(holder[fields.end])
    if start is None or end is None or (start.tzinfo is None) != (end.tzinfo is None):
        return
    seconds = (end - start).total_seconds()
    if seconds < 0:
        yield fields.end, f"{fields.start} is {holder[fields.start]!r}"
    for key, unit in fields.durations:
        stated_duration = holder[key]
        if _is_number(stated_duration) and abs(stated_duration * unit - seconds) >= unit:
            yield key, f"it lasts {seconds / unit:g}"


def _check_time_zone(holder: Mapping[str, Any], key: str) -> Iterator[tuple[str, str]]:
    """Checks that moments in an object have the offset of its time zone."""
    name = holder[key]
    try:
        zone = ZoneInfo(name) if isinstance(name, str) and "/" in name else None
    except (KeyError, ValueError, OSError):
        return
    for other_key, value in holder.items() if zone else ():
        moment = _parse_moment(value) if isinstance(value, str) else None
        offset = moment.utcoffset() if moment else None
        if moment and offset and moment.replace(tzinfo=zone).utcoffset() != offset:  # UTC itself is no contradiction
            yield key, f"{other_key} is {value!r}"


def _check_weekly_hours(holder: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Checks that hours per week are those of the days and times beside them."""
    key = next((name for name in holder if {"hours", "week"} <= set(split_words(name))), None)
    lines = next(
        (value for value in holder.values() if isinstance(value, list) and value and isinstance(value[0], dict)), None
    )
    if key is None or lines is None or not _is_number(holder[key]):
        return
    hours = 0.0
    for line in lines:
        days = next((value for name, value in line.items() if "day" in name and isinstance(value, list)), None)
        span = _parse_clock(line.get("from", line.get("start"))), _parse_clock(line.get("to", line.get("end")))
        if days is None or span[0] is None or span[1] is None:
            return
        hours += len(days) * (span[1] - span[0])
    if abs(hours - holder[key]) >= 1:
        yield key, f"the days and times beside it make {hours:g}"


def _parse_clock(value: Any) -> float | None:
    """Parses a time of day such as `08:30` as hours; None for anything else."""
    hour, _, minute = value.partition(":") if isinstance(value, str) else ("", "", "")
    return int(hour) + int(minute[:2]) / 60 if hour.isdigit() and minute[:2].isdigit() else None


def _check_total(holder: Mapping[str, Any], fields: _RelatedFields) -> Iterator[tuple[str, str]]:
    """Checks that a total is the sum of the amounts of its lines."""
    total = holder[fields.total]
    for key in fields.lines:
        lines = holder[key]
        amounts = [line.get("amount") for line in lines if isinstance(line, dict)] if isinstance(lines, list) else []
        numeric_amounts = [
            amount for amount in amounts if isinstance(amount, int | float) and not isinstance(amount, bool)
        ]
        if (
            numeric_amounts
            and len(numeric_amounts) == len(lines)
            and _is_number(total)
            and abs(sum(numeric_amounts) - total) > 0.01
        ):
            yield fields.total, f"{key} add up to {sum(numeric_amounts):g}"


@lru_cache(maxsize=8192)
def _relate_fields(keys: Sequence[str]) -> _RelatedFields:
    """Finds the related fields among the keys of an object; cached, for many objects have the same keys."""
    meanings = {key: read_name(key) for key in keys}
    words_of_key = {key: split_words(key) for key in keys}
    plain_names = {key: "".join(key_words) for key, key_words in words_of_key.items()}
    duration_keys = [key for key in keys if "duration" in words_of_key[key] and meanings[key].unit in _SECONDS_OF_UNIT]
    start, end = find_span(meanings) or ("", "")
    owed = [
        next((key for key in keys if plain_names[key] == name), "")
        for name in ("amountdue", "amountpaid", "amountremaining")
    ]
    has_charges = any(meaning.role == "charge" for meaning in meanings.values())
    return _RelatedFields(
        start=start,
        end=end,
        durations=tuple((key, _SECONDS_OF_UNIT[meanings[key].unit]) for key in duration_keys),
        text=next(filter(is_whole_text, keys), ""),
        word_count=next((key for key in keys if (meanings[key].role, meanings[key].noun) == ("count", "word")), ""),
        zone=next((key for key in keys if meanings[key].role == "zone"), ""),
        total=""
        if has_charges
        else next((key for key in keys if plain_names[key] in ("total", "amounttotal", "totalamount")), ""),
        lines=tuple(key for key in keys if set(words_of_key[key]) & {"lines", "items"} and not is_id(key)),
        owed_amounts=tuple(owed) if all(owed) else (),
    )


def _parse_moment(value: Any) -> datetime | None:
    """Parses an ISO 8601 date-time, also within `{"dateTime": …}`; None for anything else."""
    if isinstance(value, dict):
        value = value.get("dateTime")
    if not isinstance(value, str) or "T" not in value:
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
