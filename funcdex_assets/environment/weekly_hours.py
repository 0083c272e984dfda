"""Adds up the hours per week of the days and times in a list of rules.

Belongs here: the reading of such rules. Durations between two moments are in `derived_fields`.

>>> add_up_weekly_hours([{"days": ["monday", "friday"], "from": "09:00", "to": "12:30"}])
7.0
"""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from funcdex_assets.schema.schema import Schema
from funcdex_assets.schema.words import split_words

_WORKING_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")
_CLOCKS = tuple(f"{hour:02}:{minute}" for hour in range(8, 20) for minute in ("00", "30"))
_TOLERANCE = 0.5  # hours
_FROM_NAMES, _TO_NAMES = ("from", "start", "start_time", "opens"), ("to", "end", "end_time", "closes")


def find_weekly_hours(fields: Mapping[str, Any]) -> dict[str, float]:
    """Returns the field for hours per week with the sum of the list beside it; {} where there is no such pair."""
    key = next((key for key in fields if {"hours", "week"} <= set(split_words(key))), None)
    lists = (value for value in fields.values() if isinstance(value, list) and value)
    hours = next((sum_ for value in lists if (sum_ := add_up_weekly_hours(value)) is not None), None)
    if key is None or hours is None:
        return {}
    return {key: int(hours) if isinstance(fields[key], int) else hours}


def plan_weekly_rules(hours: float, rule: Mapping[str, Any], properties: Mapping[str, Schema]) -> dict[str, Any] | None:
    """Returns a rule like this one whose days and times make so many hours per week, of as many days as can be; None
    where its schema has no such days and times.
    """
    day_key = next((key for key, value in rule.items() if "day" in key and isinstance(value, list)), None)
    from_key = next((name for name in _FROM_NAMES if name in rule), None)
    to_key = next((name for name in _TO_NAMES if name in rule), None)
    if day_key is None or from_key is None or to_key is None:
        return None
    days = properties.get(day_key, {}).get("items", {}).get("enum") or list(_WORKING_DAYS)
    openings, closings = (properties.get(key, {}).get("enum") or _CLOCKS for key in (from_key, to_key))
    for count in range(min(len(days), len(_WORKING_DAYS)), 0, -1):
        for opening, closing in product(openings, closings):
            span = _read_clock(closing), _read_clock(opening)
            if span[0] is not None and span[1] is not None and abs(count * (span[0] - span[1]) - hours) < _TOLERANCE:
                return {**rule, day_key: list(days[:count]), from_key: opening, to_key: closing}
    return None


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
