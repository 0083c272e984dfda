"""JSON values as people say them: the forms of a value, and the search for a value in a text.

Here belongs the reading and writing of single values; sentences are made in `request_phrases` and `result_reports`.
Both directions use the same forms: the user simulator picks one of `list_spoken_forms` to state a fact, and
provenance looks for any of them in the user's messages. Dates are said relative to the conversation's present moment.

>>> from datetime import datetime
>>> list_spoken_forms("priority", {"enum": ["very_high"]}, "very_high", datetime(2025, 10, 1))
['very high', 'very_high']
>>> schema, friday = {"format": "date-time"}, "2025-10-03T14:30:00"
>>> find_spoken_value("let's do 2:30 pm on Friday", "at", schema, friday, datetime(2025, 10, 1))
'Friday'
"""

import re
from datetime import date, datetime, time
from typing import Any

from funcdex_assets.schema.schema import Schema
from funcdex_assets.schema.words import split_words
from funcdex_assets.semantics.epochs import read_epoch

HALF_A_YEAR = 182  # days; a date without a year is the nearest of its kind
_NUMBER_WORDS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
]
_CAMEL_CASE = re.compile(r"(?<=[a-z])(?=[A-Z])")
_BEFORE_NUMBER = re.compile(r"(?:\d[.,:]|(?:^|[\s(])-)$")  # before `5`: it ends `2,5`, `10:5` or `-5`
_AFTER_NUMBER = re.compile(r"\.(?!0+(?!\d))\d|:\d|,\d{3}(?!\d)")  # `5.00` is 5
_MONTHS = "|".join(date(2000, month, 1).strftime("%B").lower() for month in range(1, 13))
_SWITCHED_ON = ("switched on", "turned on", "enabled", "enable it", "activated")
_SWITCHED_OFF = ("switched off", "turned off", "disabled", "disable it", "not enabled", "deactivated")
_SWITCHED = re.compile(r"\b(?:switch|turn)(?:ed|ing)?\b[^.,;!?]{0,40}?\b(?P<state>on|off)\b", re.IGNORECASE)
"""Matches "switch it on", "turn the alarm off"."""
_FLAG_VERBS = frozenset(
    (
        "add allow apply archive ask attach close copy create delete download force hide ignore include keep load "
        "notify open overwrite preserve publish remove replace require return save send share show skip sync update "
        "upload use"
    ).split()
)
_MOMENT: Schema = {"type": "string", "format": "date-time"}
_ADJECTIVE = re.compile(r"(?:ed|[ai]ble|ive|ful|ic|al|ary|admin|private|secure|day)$")
_ADDRESS_SIGNS = (".", "-", "_", "+")


def list_spoken_forms(name: str, schema: Schema, value: Any, now: datetime) -> list[str]:
    """Lists the ways to say the value of the field `name`, the most natural first.

    A date-time is said as `date at time`.
    """
    if isinstance(value, bool):
        return _list_flag_forms(name, value)
    if isinstance(value, int | float):
        epoch = read_epoch(name, schema, value, now.tzinfo)
        if epoch is not None:
            return [*list_spoken_forms(name, _MOMENT, epoch.isoformat(), now)[:-1], str(value)]
        return _list_number_forms(name, schema, value)
    if not isinstance(value, str):
        return []
    moment = parse_moment(schema, value)
    if isinstance(moment, datetime):
        return [
            f"{day} at {clock}"
            for day in _list_date_forms(moment.date(), now.date())[:3]
            for clock in _list_time_forms(moment.time())[:1]
        ] + [value]
    if isinstance(moment, date):
        return list(dict.fromkeys([*_list_date_forms(moment, now.date()), value]))
    if isinstance(moment, time):
        return [*_list_time_forms(moment), value]
    if "enum" in schema or "const" in schema:
        in_words = _CAMEL_CASE.sub(" ", value.replace("_", " ").replace("-", " "))
        return list(dict.fromkeys([in_words.lower(), value]))
    quoted = find_quoted_part(value)
    if quoted:
        return [quoted, value]
    return [value]


def find_spoken_value(text: str, name: str, schema: Schema, value: Any, now: datetime) -> str | None:
    """Returns the words of `text`, in its own spelling, that state the value; None if it is not stated.

    A date-time is stated if both its day and its time are; the words of its day are returned.
    """
    epoch = read_epoch(name, schema, value, now.tzinfo)
    if epoch is not None:
        told = find_spoken_value(text, name, _MOMENT, epoch.isoformat(), now)
        return told or find_first_form(text, [str(value)])
    moment = parse_moment(schema, value) if isinstance(value, str) else None
    if isinstance(moment, datetime):
        day = find_first_form(
            text, [*_list_date_forms(moment.date(), now.date()), value], _build_other_day_pattern(moment)
        )
        clock = [*_list_time_forms(moment.time()), f"{moment:%H:%M:%S}"]
        return day if day and (day == value or find_first_form(text, clock)) else None
    if isinstance(moment, date):
        return find_first_form(text, list_spoken_forms(name, schema, value, now), _build_other_day_pattern(moment))
    if isinstance(value, bool) and is_switch(name):
        state = "on" if value else "off"
        for match in _SWITCHED.finditer(text):
            if match["state"].lower() == state:
                return match[0]
    if value is True and find_first_form(text, list_spoken_forms(name, schema, False, now)):
        return None
    return find_first_form(text, list_spoken_forms(name, schema, value, now))


def parse_moment(schema: Schema, value: str) -> datetime | date | time | None:
    """Parses a string as the moment that its schema's `format` declares; None if it is none.

    Without a format, strings that begin like an ISO date are parsed.
    """
    try:
        match schema.get("format"):
            case "date-time":
                return datetime.fromisoformat(value)
            case "date":
                return date.fromisoformat(value)
            case "time":
                return time.fromisoformat(value)
            case _:
                return _parse_undeclared_moment(value)
    except ValueError:
        return None


def _parse_undeclared_moment(value: str) -> datetime | date | None:
    """Parses a string that begins with an ISO date, such as `2025-10-03`; None for any other."""
    if len(value) >= 10 and value[4:5] == "-" and value[7:8] == "-" and value[:4].isdigit():
        try:
            return date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)
        except ValueError:
            return None
    return None


def find_quoted_part(value: str) -> str | None:
    """Returns the first quoted words of a query such as `name contains 'budget'`; None without such syntax."""
    for quote in ("'", '"'):
        first = value.find(quote)
        if first >= 0 and value[first + 1 : first + 2].strip() and (last := value.find(quote, first + 1)) > first + 2:
            text_before = value[:first].rstrip()
            if text_before.endswith(("contains", "=", ":", "~", "in", "has", "like", "(")) or not text_before:
                return value[first + 1 : last]
    return None


def is_minor_unit(schema: Schema) -> bool:
    """True for an amount in cents or another smallest unit, judged by the schema's description."""
    text = str(schema.get("description", "")).lower()
    return "cent" in text.replace("percent", "") or "smallest" in text or "minor unit" in text


def _list_number_forms(name: str, schema: Schema, value: float) -> list[str]:
    """Lists the ways to say a number: `30` for `duration` is "30 minutes", "half an hour" or "30"."""
    if is_minor_unit(schema) and isinstance(value, int):
        amount = f"{value / 100:,.2f}"
        whole_units = list(dict.fromkeys([f"{value // 100:,}", str(value // 100)])) if value % 100 == 0 else []
        return [*(f"${form}" for form in (*whole_units, amount)), *whole_units, amount, str(value)]
    plain = str(value) if not isinstance(value, float) or value != int(value) else str(int(value))
    forms = [plain]
    if "minutes" in split_words(name) or "duration" in split_words(name):
        forms = {
            15: ["15 minutes", "a quarter of an hour"],
            30: ["30 minutes", "half an hour"],
            45: ["45 minutes"],
            60: ["60 minutes", "one hour"],  # "half an hour" holds "an hour"
            90: ["90 minutes"],
        }.get(int(value), [f"{plain} minutes"]) + forms
    if abs(value) >= 1000:
        forms.append(f"{value:,}")
    if isinstance(value, int) and 0 <= value <= 12:
        forms.append(_NUMBER_WORDS[value])
    return forms


def _list_date_forms(day: date, today: date) -> list[str]:
    """Lists the ways to say a day: "tomorrow" or "Friday" if it is near, "October 3", "2025-10-03"."""
    ahead = (day - today).days
    weekday, month = day.strftime("%A"), day.strftime("%B")
    forms = [f"{weekday}, {month} {day.day}", f"{month} {day.day}", f"{day.day} {month}"]
    if ahead == 1:
        forms.insert(0, "tomorrow")
    elif ahead == 0:
        forms.insert(0, "today")
    elif ahead == -1:
        forms.insert(0, "yesterday")
    elif 2 <= ahead <= 6:
        forms.insert(0, weekday)
    if abs(ahead) > HALF_A_YEAR:
        forms = [f"{form}, {day.year}" for form in forms]
    return [*forms, day.isoformat()]


def _list_time_forms(moment: time) -> list[str]:
    """Lists the ways to say a time of day: "2:30 pm", "2:30pm", "14:30"."""
    hour = moment.hour % 12 or 12
    half = "am" if moment.hour < 12 else "pm"
    minute = f":{moment.minute:02d}" if moment.minute else ""
    forms = [f"{hour}{minute} {half}", f"{hour}{minute}{half}", f"{moment:%H:%M}", f"{moment.hour}:{moment:%M}"]
    return list(dict.fromkeys(forms))


def is_switch(name: str) -> bool:
    """True for a flag whose name says nothing but that it is on or off: `enabled`."""
    return not _find_flag_words(name)


def starts_with_flag_verb(words: str) -> bool:
    """True if a flag in words begins with what is done if it is on: `notify users`, not `all day`."""
    return words.partition(" ")[0] in _FLAG_VERBS


def _find_flag_words(name: str) -> list[str]:
    """Returns the words of a flag's name that say what is on or off: "all day" for `is_all_day`."""
    return [word for word in split_words(name) if word not in ("is", "has", "enable", "enabled")]


def _list_flag_forms(name: str, value: bool) -> list[str]:
    """Lists the ways to say a flag: "all day", "not visible", "don't notify guests"; of a mere switch "switched on"."""
    flag_words = _find_flag_words(name)
    if not flag_words:
        return [*(_SWITCHED_ON if value else _SWITCHED_OFF)]
    phrase = " ".join(flag_words)
    if value:
        return [phrase, name]
    if flag_words[0] in _FLAG_VERBS:
        negations = [f"don't {phrase}", f"do not {phrase}", f"no {phrase}"]
    elif _ADJECTIVE.search(phrase):
        negations = [f"not {phrase}", f"no {phrase}"]
    else:
        negations = [f"no {phrase}", f"not {phrase}", f"not a {phrase}", f"not an {phrase}"]
    return [*negations, f"without {phrase}", f"{phrase} off", f"{phrase}: no", f"no {name}"]


def _build_other_day_pattern(day: date) -> re.Pattern[str]:
    """Builds the pattern of words after a day by which another day is meant.

    Such as the year after `October 15, 2031`, or the date after `Tuesday, 4 March`.
    """
    return re.compile(rf",? (?!{day.year}\b)\d{{4}}\b|(?<=day),? (?:\d{{1,2}} )?(?:{_MONTHS})\b")


def find_first_form(text: str, forms: list[str], unless_before: re.Pattern[str] | None = None) -> str | None:
    """Returns the first form that is in the text as whole words, in the text's own spelling; None if there is none.

    A number is not found in a longer number, nor an address in a longer address. A form directly before a match of
    `unless_before` does not count.
    """
    folded = text.lower()
    if len(folded) != len(text):  # a few letters change length when lowered
        text = folded
    for form in forms:
        lowered_form = form.lower()
        start = folded.find(lowered_form)
        while start >= 0 and lowered_form:
            end = start + len(lowered_form)
            if _is_whole_word(folded, start, end) and not (unless_before and unless_before.match(folded, end)):
                return text[start:end]
            start = folded.find(lowered_form, start + 1)
    return None


def _is_whole_word(text: str, start: int, end: int) -> bool:
    """True if a span of the text is not part of a longer word, number or email address."""
    first, last, before, after = text[start], text[end - 1], text[start - 1 : start], text[end : end + 1]
    if (first.isalnum() and before.isalnum()) or (last.isalnum() and after.isalnum()):
        return False
    if first.isdigit() and before in (".", ",", ":", "-") and _BEFORE_NUMBER.search(text, 0, start):
        return False
    if last.isdigit() and after in (".", ",", ":") and _AFTER_NUMBER.match(text, end):
        return False
    if "@" in text[start:end]:
        return not (before in _ADDRESS_SIGNS and text[: start - 1][-1:].isalnum()) and not (
            after in _ADDRESS_SIGNS and text[end + 1 : end + 2].isalnum()
        )
    return True
