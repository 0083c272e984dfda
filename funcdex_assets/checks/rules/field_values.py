"""Reads single values of results and arguments: the meaning of their field, and the moment that they stand for.

Belongs here: what one value says by itself. Objects with an identifier are read in `things.py`; what people say of a
value is in `language/spoken_values.py`.

>>> read_meaning("dueDate", "2025-10-03").phase
'due'
>>> parse_moment({"date": "2025-10-03"}).isoformat()
'2025-10-03T00:00:00+00:00'
"""

import re
from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import Any

from funcdex_assets.semantics.field_meaning import FieldMeaning, decide_value_meaning

_ISO_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_ISO_CLOCK = re.compile(r"\d{4}-\d\d-\d\d[T ]\d")
_OFFSET = re.compile(r"(?:Z|[+-]\d\d:?\d\d)$")


def read_meaning(name: str, value: Any) -> FieldMeaning:
    """Returns the meaning of a field whose schema is not known, told from its name and value."""
    return decide_value_meaning(name, value)


def parse_moment(value: Any) -> datetime | None:
    """Parses a moment or a day, also within `{"dateTime": …}`; None if it is none.

    A day is its midnight, and without an offset a moment is taken as UTC, so that any two can be compared. Whether two
    moments may be compared to the hour is told by `has_offset`.
    """
    text = _unwrap_moment(value)
    return _parse_moment_text(text) if isinstance(text, str) and text[4:5] == "-" else None


@lru_cache(8192)
def _parse_moment_text(text: str) -> datetime | None:
    if not _ISO_DAY.match(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        try:
            moment = datetime.combine(date.fromisoformat(text[:10]), time())
        except ValueError:
            return None
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        moment.astimezone(UTC)  # the first and the last day of the calendar have no moment in other zones
    except OverflowError:
        return None
    return moment


def has_clock(value: Any) -> bool:
    """True if a moment has a time of day."""
    text = _unwrap_moment(value)
    return isinstance(text, str) and text[4:5] == "-" and _ISO_CLOCK.match(text) is not None


def has_offset(value: Any) -> bool:
    """True if a moment says its offset from UTC, so that it stands for one instant."""
    text = _unwrap_moment(value)
    return isinstance(text, str) and has_clock(text) and _OFFSET.search(text) is not None


def _unwrap_moment(value: Any) -> Any:
    return (value.get("dateTime") or value.get("date")) if isinstance(value, dict) else value


def is_number(value: Any) -> bool:
    """True for integers and fractions; True and False are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_count(value: Any) -> bool:
    """True for an integer that may count something."""
    return isinstance(value, int) and not isinstance(value, bool)
