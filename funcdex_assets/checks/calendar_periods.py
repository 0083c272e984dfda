"""Reads the days that a text speaks of, and the times of day that it names.

Belongs here: calendar words of English, against a present day. One date, such as "3 October", is read in
`rules/claims.py`.

>>> [period.words for period in find_periods("Tomorrow, or in two weeks", date(2025, 10, 1))]
['tomorrow', 'in two weeks']
>>> sorted(find_clock_times("at 3 pm or 16:30")), list(find_clock_times("some time"))
([900, 990], [])
"""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY_OF_MONTH = re.compile(r"\b(?:the )?(\d{1,2})(?:st|nd|rd|th)\b", re.IGNORECASE)
_IN_DAYS = re.compile(r"\bin (\d{1,3}|a|two|three|four) (days?|weeks?)\b", re.IGNORECASE)
_CHOICE_OF_DAYS = re.compile(
    r"\bthe (?:first|second|third|other|latter|former)(?: one| two)?\b|\bboth\b", re.IGNORECASE
)
_COUNTS = {"a": 1, "two": 2, "three": 3, "four": 4}
_CLOCK = re.compile(
    r"(?<![\d:.])(\d{1,2})(?:[:.](\d\d))? ?(?:(a|p)\.?m\b)|(?<![\d:.])(\d{1,2}):(\d\d)\b"
    r"|\bat (\d{1,2})\b(?![:.]\d| ?%| ?[ap]\.?m\b)",
    re.IGNORECASE,
)
_PARTS_OF_DAY = re.compile(
    r"\b(?:morning|afternoon|evening|noon|midday|midnight|lunch|tonight|night|o[’']clock|early|late|end of|start of|"
    r"all day|before|after|until|till|by|from|half|quarter|\d+(?:st|nd|rd|th)?,? (?:at|around))\b",
    re.IGNORECASE,
)
_PROPOSED_DAYS = timedelta(days=14)  # how far ahead the days are that somebody chooses from
_DAY = timedelta(days=1)


class Period(NamedTuple):
    """Words of a text, and the first and the last day that they mean."""

    words: str
    first: date
    last: date


def find_periods(text: str, today: date) -> Iterator[Period]:
    """Yields the days that a text speaks of."""
    folded = text.lower()
    for period in _list_named_periods(today):
        if re.search(rf"\b{period.words}\b", folded):
            yield period
    for number, name in enumerate(_DAYS):
        if re.search(rf"\b{name}s?\b", folded):
            nearest = today + _DAY * ((number - today.weekday()) % 7)
            yield Period(name, nearest, nearest)
            if nearest == today or re.search(rf"\b(?:next|on) {name}\b", folded):
                yield Period(name, nearest + _DAY * 7, nearest + _DAY * 7)
            if re.search(rf"\b(?:last|since|past) {name}\b", folded):
                yield Period(f"last {name}", nearest - _DAY * 7, nearest - _DAY * 7)
    if _CHOICE_OF_DAYS.search(folded):
        yield Period("the days proposed", today, today + _PROPOSED_DAYS)
    for number in _DAY_OF_MONTH.findall(text):
        for month_start in (today.replace(day=1), _find_next_month(today)):
            try:
                day = month_start.replace(day=int(number))
            except ValueError:
                continue
            yield Period(f"the {number}.", day, day)
    for number, unit in _IN_DAYS.findall(folded):
        count = _COUNTS.get(number) or int(number)
        day = today + _DAY * count * (7 if unit.startswith("week") else 1)
        yield Period(f"in {number} {unit}", day, day)


def _list_named_periods(today: date) -> Iterator[Period]:
    week, month, next_month = today - _DAY * today.weekday(), today.replace(day=1), _find_next_month(today)
    yield Period("today", today, today)
    yield Period("tonight", today, today)
    yield Period("tomorrow", today + _DAY, today + _DAY)
    for part in ("this morning", "this afternoon", "this evening"):
        yield Period(part, today, today)
    yield Period("last night", today - _DAY, today)
    yield Period("yesterday", today - _DAY, today - _DAY)
    yield Period("this week", today, week + _DAY * 6)
    yield Period("next week", week + _DAY * 7, week + _DAY * 13)
    yield Period("last week", week - _DAY * 7, week - _DAY)
    yield Period("weekend", week + _DAY * 4, week + _DAY * 7)
    yield Period("this month", month, next_month - _DAY)
    yield Period("next month", next_month, _find_next_month(next_month) - _DAY)
    last_month = (month - _DAY).replace(day=1)
    yield Period("last month", last_month, month - _DAY)
    yield Period("slipped past", date.min, today)
    yield Period("overdue", date.min, today)


def _find_next_month(day: date) -> date:
    return (day.replace(day=28) + _DAY * 4).replace(day=1)


def find_clock_times(text: str) -> Iterator[int]:
    """Yields the times of day that a text names in figures, in minutes; one without am or pm as morning and evening."""
    for hour, minute, half, hour_24, minute_24, bare in _CLOCK.findall(text):
        if half:
            yield (int(hour) % 12 + (12 if half.lower() == "p" else 0)) * 60 + int(minute or 0)
        elif hour_24:
            yield int(hour_24) * 60 + int(minute_24)
            if int(hour_24) < 12:
                yield (int(hour_24) + 12) * 60 + int(minute_24)
        elif bare and int(bare) <= 24:
            yield int(bare) * 60
            yield (int(bare) + 12) * 60


def names_part_of_day(text: str) -> bool:
    """True if a text says when on a day, though not in figures: "in the morning", "after lunch"."""
    return _PARTS_OF_DAY.search(text) is not None
