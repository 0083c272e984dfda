"""Tells which sentences suit the clock, and which suit what was just heard.

Belongs here: what a sentence says of the time of day or the weekday, and whether it praises. Which sentences there are
is in `lexicon/`.

>>> from datetime import datetime
>>> monday_evening = datetime(2026, 1, 5, 19, 30)
>>> keep_timely(["Good morning!", "Good evening!", "Ugh, Mondays.", "Hello."], monday_evening)
['Good evening!', 'Ugh, Mondays.', 'Hello.']
"""

import re
from collections.abc import Sequence
from datetime import datetime

# The hours in which a sentence with these words can be said; the first pattern that fits is used.
_HOURS = (
    (re.compile(r"\bthis morning's\b", re.IGNORECASE), 9, 24),  # said of what was in the morning
    (re.compile(r"\bmorning\b", re.IGNORECASE), 4, 12),
    (re.compile(r"\bbefore I leave the office\b|\b(?:good )?evening\b|\blate hour\b", re.IGNORECASE), 17, 24),
    (re.compile(r"\bgood afternoon\b", re.IGNORECASE), 12, 18),
    (re.compile(r"\bafternoon\b", re.IGNORECASE), 4, 17),  # of the rest of it, when one takes leave
    (re.compile(r"\b(?:over|at) lunch\b", re.IGNORECASE), 13, 24),
    (re.compile(r"\blunch\b", re.IGNORECASE), 10, 15),
    (re.compile(r"\bday started\b", re.IGNORECASE), 4, 14),
    (re.compile(r"\blong day\b|\bleave on time\b|\bsleep better tonight\b", re.IGNORECASE), 13, 24),
    (re.compile(r"\brest of (?:the|your) day\b", re.IGNORECASE), 4, 18),
)
_WEEKDAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
_ONLY_ON = re.compile(r"\bUgh, (\w+day)s\b|\bit's (\w+day)\b(?! in my head)", re.IGNORECASE)
_REFUSAL = re.compile(
    r"\b(?:can't|cannot|couldn't|unable|not able|isn't possible|beyond|no tool|nothing (?:here|that|on|among)|"
    r"none of|found no|no hits|zero results|is empty|back empty|a blank|not a single|"
    r"none fits|nothing (?:came|turned|was|matches)|no \w+ (?:came|turned|match|for)|refused|denied|expired|declined|"
    r"out of (?:my )?reach|not among|lack|lacks|without a (?:tool|way))\b",
    re.IGNORECASE,
)


def keep_timely(texts: Sequence[str], now: datetime) -> list[str]:
    """Returns the sentences that can be said at this moment; all if none can."""
    return [text for text in texts if is_timely(text, now)] or list(texts)


def is_timely(text: str, now: datetime) -> bool:
    """Returns whether nothing that a sentence says of the time of day or the weekday is wrong at this moment."""
    for words, first_hour, end_hour in _HOURS:
        if words.search(text):
            if not first_hour <= now.hour < end_hour:
                return False
            break
    named_day = _ONLY_ON.search(text)
    return not named_day or (named_day[1] or named_day[2]).lower() == _WEEKDAYS[now.weekday()]


def is_refusal(text: str) -> bool:
    """Returns whether an answer says that something could not be done or was not found, so that nobody praises it."""
    return bool(_REFUSAL.search(text))
