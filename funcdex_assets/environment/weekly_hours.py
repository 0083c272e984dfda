"""Adds up the hours per week of the days and times in a list of rules.

Belongs here: the reading of such rules. Durations between two moments are in `derived_fields`.

>>> add_up_weekly_hours([{"days": ["monday", "friday"], "from": "09:00", "to": "12:30"}])
7.0
"""

from collections.abc import Mapping, Sequence
from typing import Any

from funcdex_assets.schema.words import split_words

_FROM_NAMES, _TO_NAMES = ("from", "start", "start_time", "opens"), ("to", "end", "end_time", "closes")


def find_weekly_hours(fields: Mapping[str, Any]) -> dict[str, float]:
    """Returns the field for hours per week with the sum of the list beside it; {} where there is no such pair."""
    key = next((key for key in fields if {"hours", "week"} <= set(split_words(key))), None)
    lists = (value for value in fields.values() if isinstance(value, list) and value)
    hours = next((sum_ for value in lists if (sum_ := add_up_weekly_hours(value)) is not None), None)
    if key is None or hours is None:
        return {}
    return {key: int(hours) if isinstance(fields[key], int) else hours}


def add_up_weekly_hours(rules: Sequence[Any]) -> float | None:
    """Returns the hours per week; None where a rule lacks days or times."""
    hours = 0.0
    for rule in rules:
        if not isinstance(rule, dict):
            return None
        days = next((value for key, value in rule.items() if "day" in key and isinstance(value, list)), None)
        opening = _read_clock(next((rule[name] for name in _FROM_NAMES if name in rule), None))
        closing = _read_clock(next((rule[name] for name in _TO_NAMES if name in rule), None))
        if days is None or opening is None or closing is None:
            return None
        hours += len(days) * (closing - opening)
    return hours


def _read_clock(value: Any) -> float | None:
    """Returns a time of day such as `08:30` in hours."""
    hour, _, minute = value.partition(":") if isinstance(value, str) else ("", "", "")
    return int(hour) + int(minute[:2]) / 60 if hour.isdigit() and minute[:2].isdigit() else None
