"""Makes the title of a thing out of the one text that a call gives for it, as calendars and task lists do.

Belongs here: titles, and the moment that such a text names. Which fields hold a title is decided in
`repeated_arguments`.

>>> make_title("Lunch with Priya on Friday at 12:30")
'Lunch with Priya'
>>> find_moment("Lunch with Priya on Friday at 12:30", datetime(2026, 1, 5, 9)).isoformat()
'2026-01-09T12:30:00'
"""

import re
from datetime import datetime, timedelta

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY = rf"(?:(?:next |this |coming )?(?:{'|'.join(_DAYS)})|today|tonight|tomorrow)"
_CLOCK = r"(?:\d{1,2}(?::\d{2})?\s?[ap]m|\d{1,2}:\d{2}|noon|midnight)"
_PHRASE = re.compile(
    rf"\s*,?\s*\b(?:on |at |by |from )?(?:{_DAY}|{_CLOCK})"
    rf"(?:\s*,?\s*(?:on |at |by |from |to |until |till |- ?|– ?)?(?:{_DAY}|{_CLOCK}))*\s*[.!]?$",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=\S)")
_DAY_PATTERN = re.compile(rf"\b(today|tonight|tomorrow|{'|'.join(_DAYS)})\b", re.IGNORECASE)
_CLOCK_PATTERN = re.compile(r"\b(?:(\d{1,2})(?::(\d{2}))?\s?([ap])m|(\d{1,2}):(\d{2})|(noon))\b", re.IGNORECASE)
_LONGEST_TITLE = 12  # words of the first sentence; longer ones are cut there
_DEFAULT_HOUR = 9  # of a day named without a time


def make_title(text: str) -> str:
    """Returns the first sentence of a text as a title, without the moment at its end."""
    sentence = _SENTENCE_END.split(text.strip())[0]
    title = _PHRASE.sub("", sentence).rstrip(" .!,;:") or sentence
    words = title.split()
    return title if len(words) <= _LONGEST_TITLE else " ".join(words[:_LONGEST_TITLE]).rstrip(",;:") + "…"


def find_moment(text: str, now: datetime) -> datetime | None:
    """Returns the moment that a text names, in the time zone of the present; None where it names no day and no time."""
    day, clock = _DAY_PATTERN.search(text), _CLOCK_PATTERN.search(text)
    if day is None and clock is None:
        return None
    hour, minute = _read_clock(clock) if clock else (_DEFAULT_HOUR, 0)
    moment = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    moment += timedelta(days=_count_days_until(day[1].lower(), now) if day else 0)
    return moment + timedelta(days=1) if moment <= now and not day else moment


def _count_days_until(day: str, now: datetime) -> int:
    if day in ("today", "tonight"):
        return 0
    return 1 if day == "tomorrow" else (_DAYS.index(day) - now.weekday() - 1) % 7 + 1


def _read_clock(clock: re.Match[str]) -> tuple[int, int]:
    if clock[6]:
        return 12, 0
    if clock[4]:
        return int(clock[4]) % 24, int(clock[5]) % 60
    return int(clock[1]) % 12 + (12 if clock[3].lower() == "p" else 0), int(clock[2] or 0) % 60
