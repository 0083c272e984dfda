"""Values of results as people say them: constants, amounts with their currency, sizes, counts, days and intervals.

Here belongs the wording of one value of a result. Which field it is, and what it is to its thing, is read in
`result_details`; the forms that a user says and that are searched for are in `spoken_values`.

>>> render_money(2500, "eur", in_minor_units=True), render_count("num_subtasks", 1, "1")
('25.00 EUR', '1 subtask')
"""

import re
from collections.abc import Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from funcdex_assets.language.spoken_values import list_spoken_forms, parse_moment
from funcdex_assets.schema.words import split_words, to_plural, to_singular

_WITHOUT_MINOR_UNIT = frozenset("jpy krw vnd clp huf isk".split())
_CONSTANT_PATTERN = re.compile(r"[A-Z]+(?:_[A-Z0-9]+)*|[a-z]+(?:_[a-z]+)+|[a-z]+(?:[A-Z][a-z]+)+")
CLOCK_PATTERN = re.compile(r"\d{1,2}:\d\d(?::\d\d)?")


def render_constant(value: str) -> str:
    """Says a constant as people do: `IN_PROGRESS` and `inProgress` → `in progress`; other texts stay as they are."""
    return " ".join(split_words(value)) if _CONSTANT_PATTERN.fullmatch(value) else value


def render_item(value: str) -> str:
    """Says a value that may be several words: a constant in words, a long text in quotes."""
    return f'"{value}"' if value.count(" ") >= 2 and '"' not in value else render_constant(value)


def render_money(amount: float, currency: str, in_minor_units: bool) -> str:
    """Says an amount with its currency: 2500 cents → `$25.00`, in euros `25.00 EUR`; a debt is `-25.00 USD`.

    Without a currency, cents are dollars' cents, as everywhere in the offline words; other amounts are plain numbers.
    """
    code = currency.lower()
    has_minor_unit = code not in _WITHOUT_MINOR_UNIT
    value = amount / 100 if in_minor_units and has_minor_unit else amount
    decimals = 2 if has_minor_unit else 0
    if not code and not in_minor_units:
        return render_number(amount)
    if code in ("", "usd") and value >= 0:
        return f"${value:,.2f}"
    return f"{value:,.{decimals}f} {(code or 'usd').upper()}"


def render_number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else str(value)


def render_size(value: float) -> str:
    """Says a number of bytes: `6.4 MB`, `18.0 kB`."""
    if value >= 1_000_000:
        return f"{value / 1_000_000:.1f} MB"
    return f"{value / 1000:.1f} kB" if value >= 1000 else f"{value} bytes"


def render_count(name: str, value: float, number: str) -> str:
    """Says a count by the name of its field: `num_subtasks` → `2 subtasks`, `messages_unread` → `3 unread messages`."""
    words = [word for word in split_words(name) if word not in ("num", "number", "of", "count", "qty")]
    total = "total" in words or "totals" in words
    words = [word for word in words if word not in ("total", "totals")]
    if not words:
        return f"{number} in all" if total else number
    if words == ["quantity"]:
        return f"quantity {number}"
    plural = next((index for index, word in enumerate(words) if to_singular(word) != word), None)
    if plural is None:
        noun_index = len(words) - 1
        if words[-1] == "watch":
            words[-1] = "watcher"
        elif words == ["unread"]:
            return f"{number} unread"
    else:
        noun_index = plural
    if noun_index < len(words) - 1 and plural is not None:  # `messages_unread`, `occurrences_changed`
        rest = words[noun_index + 1 :]
        head = words[: noun_index + 1]
        head[-1] = head[-1] if value != 1 else to_singular(head[-1])
        if rest[0].endswith("ed") or rest[0] in ("remaining", "left"):
            return f"{number} {' '.join(head)} {' '.join(rest)}"
        return f"{number} {' '.join(rest)} {' '.join(head)}"
    head = list(words)
    head[-1] = to_singular(head[-1]) if value == 1 else to_plural(to_singular(head[-1]))
    return f"{number} {' '.join(head)}{' in all' if total else ''}"


def _parse_moment_value(value: Any) -> date | datetime | None:
    """Parses `2025-10-02T14:00:00`, or an object such as `{"dateTime": …, "timeZone": …}`."""
    if isinstance(value, dict):
        inner = next((value[key] for key in ("dateTime", "date_time", "date") if isinstance(value.get(key), str)), "")
        return _parse_moment_value(inner) if inner and len(value) <= 2 else None
    parsed = parse_moment({}, value) if isinstance(value, str) else None
    return parsed if isinstance(parsed, date) else None


def render_moment(value: Any, now: datetime) -> str:
    """Says a moment: `tomorrow at 2 pm`; '' if the value is none."""
    parsed = _parse_moment_value(value)
    if parsed is None:
        return ""
    text = (
        value
        if isinstance(value, str)
        else next(item for key in ("dateTime", "date_time", "date") if isinstance(item := value.get(key), str))
    )
    return list_spoken_forms("moment", {"format": "date-time" if isinstance(parsed, datetime) else "date"}, text, now)[
        0
    ]


def render_interval(first: Any, second: Any, now: datetime) -> str:
    """Says both ends of an interval: `Thursday, October 9 from 9:30 am to 10:30 am`; '' if one of them is no moment."""
    if isinstance(first, str) and isinstance(second, str) and CLOCK_PATTERN.fullmatch(first):
        return f"{first} to {second}" if CLOCK_PATTERN.fullmatch(second) else ""
    start, end = render_moment(first, now), render_moment(second, now)
    if not start or not end:
        return ""
    start_day, _, start_clock = start.partition(" at ")
    end_day, _, end_clock = end.partition(" at ")
    if start_clock and end_clock and start_day == end_day:
        return f"{start_day} from {start_clock} to {end_clock}"
    return f"from {start} to {end}"


def find_beginning(text: str, longest: int) -> str:
    """Returns the first sentences of a text that fit, at least one, and never more than `longest` characters."""
    sentences = re.split(r"(?<=[.!?])\s|\n", text.strip())
    beginning = sentences[0]
    for sentence in sentences[1:]:
        if text.find(f"{beginning} {sentence}") != 0 or len(beginning) + len(sentence) >= longest:
            break
        beginning = f"{beginning} {sentence}"
    return beginning[:longest]


def join_words(words: Sequence[str]) -> str:
    """Joins words: `a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


@lru_cache(2048)
def generalize_pointer(pointer: str) -> str:
    """Replaces the indices of a pointer by `*`: `/threads/0/id` → `/threads/*/id`."""
    return "/".join("*" if step.isdigit() else step for step in pointer.split("/"))
