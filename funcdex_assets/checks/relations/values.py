"""Compares values that services tell in several ways: moments, texts that were cut off, objects that name another one.

>>> agree("2026-01-05T09:00:00+01:00", "2026-01-05T08:00:00+00:00"), agree("A long title", "A long tit…")
(True, True)
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from funcdex_assets.checks.relations.names import (
    MIN_TEXT_LENGTH,
    MOMENT_WORDS,
    TEXT_WORDS,
    is_id_name,
    name_field,
    split_name,
)

ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")

_FIRST_YEAR, _LAST_YEAR = 2, 9998  # a day before and after them is in the calendar, too

_MIN_PREFIX_LENGTH = 10  # characters


@lru_cache(65_536)
def parse_moment(text: str) -> datetime | date | None:
    """Returns the moment that an ISO text names, a day without a time as a date; None for any other text."""
    if not re.match(r"\d{4}-\d\d-\d\d(?:$|[T ]\d\d:\d\d)", text):
        return None
    try:
        moment = date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if _FIRST_YEAR <= moment.year <= _LAST_YEAR else None


def read_moment(value: Any) -> datetime | date | None:
    """Returns the moment of a field, also where an object holds it (`{"dateTime": …}`)."""
    if isinstance(value, dict) and len(value) <= 3:
        return next((moment for part in value.values() if (moment := read_moment(part)) is not None), None)
    return parse_moment(value) if isinstance(value, str) else None


def is_before(earlier: datetime | date, later: datetime | date, slack: timedelta = timedelta(0)) -> bool:
    """Returns whether a moment lies before another one for sure; days and times without offset have a day's slack."""
    if isinstance(earlier, datetime) and isinstance(later, datetime):
        if (earlier.tzinfo is None) == (later.tzinfo is None):
            return earlier < later - slack
        earlier, later = earlier.replace(tzinfo=None), later.replace(tzinfo=None)
        return earlier < later - slack - timedelta(days=1)
    days = (_to_day(earlier), _to_day(later))
    is_mixed = isinstance(earlier, datetime) != isinstance(later, datetime)
    return days[0] < days[1] - timedelta(days=slack.days + is_mixed)


def _to_day(moment: datetime | date) -> date:
    return moment.date() if isinstance(moment, datetime) else moment


def agree(first: Any, second: Any) -> bool:
    """Returns whether two values may be the same one, told in two ways."""
    if first in (None, "") or second in (None, "") or isinstance(first, bool) != isinstance(second, bool):
        return True
    if isinstance(first, int | float) and isinstance(second, int | float):
        return abs(first - second) < 1e-6
    one, other = (" ".join(str(value).split()).lower() for value in (first, second))
    if one == other:
        return True
    moments = read_moment(str(first)), read_moment(str(second))
    if moments[0] is not None and moments[1] is not None:
        return not is_before(moments[0], moments[1]) and not is_before(moments[1], moments[0])
    one, other = sorted((one.rstrip(". …"), other.rstrip(". …")), key=len)
    return len(one) >= _MIN_PREFIX_LENGTH and other.startswith(one)


def iterate_scalars(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        for part in list_values(value):
            yield from iterate_scalars(part)
    else:
        yield value


def iterate_names(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    for part in list_values(value):
        yield from iterate_names(part)


def list_values(value: Any) -> Sequence[Any]:
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else ()


def list_fields(thing: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the scalars of an object by `name_field`, with the identifiers of the objects that it names."""
    fields: dict[str, Any] = {}
    for name, value in thing.items():
        if isinstance(value, dict):
            identity = next((part for key, part in value.items() if is_id_name(key)), None)
            moment = next((part for part in value.values() if read_moment(part) is not None), None)
            if identity is not None or moment is not None:
                fields[name_field(name, value if identity is not None else "")] = identity or moment
        elif not isinstance(value, list) and value is not None:
            fields[name_field(name, value)] = value
    return fields


def find_ends(fields: Mapping[str, Any]) -> tuple[Any, Any] | None:
    """Returns the moments at which something begins and ends, None where not both are told."""
    ends: dict[str, Any] = {}
    for name, value in fields.items():
        words = [word for word in split_name(name) if word not in MOMENT_WORDS]
        moment = read_moment(value)
        if moment is not None and words in (["start"], ["starts"], ["from"], ["check", "in"], ["checkin"], ["begin"]):
            ends["start"] = moment
        elif moment is not None and words in (["end"], ["ends"], ["to"], ["until"], ["check", "out"], ["checkout"]):
            ends["end"] = moment
    return (ends["start"], ends["end"]) if len(ends) == 2 else None


def is_text(name: str, value: Any) -> bool:
    words = split_name(name)
    return bool(words) and words[-1] in TEXT_WORDS and isinstance(value, str) and len(value) >= MIN_TEXT_LENGTH
