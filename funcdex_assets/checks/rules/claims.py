"""Claims: the values that a text states, and the test whether something in the conversation supports them.

Belongs here: reading values out of prose, such as addresses, links, quoted words, identifiers, dates and numbers. A
value that follows from known ones is supported too: a date in words, the length of a list, a sum, another unit.

>>> [claim.text for claim in find_claims('I sent "Budget" to bo@x.com on May 4 at 3 pm, and it costs $12.50.')]
['bo@x.com', '"Budget"', 'May 4', '3 pm', '12.50']
"""

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple

from funcdex_assets.language.spoken_values import HALF_A_YEAR
from funcdex_assets.schema.json_pointers import list_scalars

# These run over every text: each begins with a rare character, which is fast to find, and then looks back.
EMAIL = re.compile(r"[\w.+-]++@[\w-]+(?:\.[\w-]+)+")
_MONTHS = [date(2000, month, 1).strftime("%B").lower() for month in range(1, 13)]
_MONTH = "|".join(f"{name[:3]}(?:{name[3:]})?" for name in _MONTHS)
_DATE = re.compile(
    rf"\b(?=[jfmasond\d])(?:({_MONTH}) (\d{{1,2}})(?:st|nd|rd|th)?\b(?:,? ((?:19|20)\d\d)\b)?"
    rf"|(\d{{1,2}})(?:st|nd|rd|th)?(?: of)? ({_MONTH})\b(?:,? ((?:19|20)\d\d)\b)?"
    r"|((?:19|20)\d\d-[01]\d-[0-3]\d)(?:T[\d:.+Z-]*)?)",
    re.IGNORECASE,
)
_MONTH_STARTS, _MONTH_ENDS = [name[:3] for name in _MONTHS], [name[-3:] for name in _MONTHS]
_DATE_SIGN = re.compile(
    rf"\d(?:-[01]\d-|(?<=(?:{'|'.join([*_MONTH_ENDS, *_MONTH_STARTS])}) \d)"
    rf"|(?:st|nd|rd|th)?(?: of)? (?:{'|'.join(_MONTH_STARTS)}))",
    re.IGNORECASE,
)
_CLOCK = re.compile(r"(\d(?<!\w\d)\d?)(?:(?::(\d\d))?(?::\d\d)? ?([ap])\.?m\b|:(\d\d)(?::\d\d)?\b)", re.IGNORECASE)
_ISO = re.compile(r"-(?<=((?:19|20)\d\d)-)([01]\d)-([0-3]\d)")
_ISO_CLOCK = re.compile(r":(?<=\d\d[Tt ](\d\d):)(\d\d)")
_ID = re.compile(r"(?<![\w-])(?=[A-Za-z_-]*+\d)(?=[\d_-]*+[A-Za-z])[A-Za-z0-9]+(?:[_-][A-Za-z0-9]+)*(?![\w-])")
_NUMBER = re.compile(r"\d(?<![\w.,-]\d)\d*(?:[.,]\d+)*(?!\w)")
_ANY_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_DIGIT = re.compile(r"\d")
_PATTERNS = (  # kind, a sign that is cheap to look for first, pattern
    ("link", re.compile("://"), re.compile(r"https?://[^\s\"'<>)\]]*[\w/]")),
    ("email", re.compile("@"), EMAIL),
    ("quote", re.compile('["“]'), re.compile(r"[\"“][^\"“”]*[\"”]")),
    ("day", _DATE_SIGN, _DATE),
    ("clock", re.compile(r"\d(?::\d| ?[apAP]\.?[mM])"), _CLOCK),
    ("id", re.compile(r"\d(?:[A-Za-z_-]|(?<=[A-Za-z_-]\d))"), _ID),
    ("number", _DIGIT, _NUMBER),
)
_WITHOUT_DIGITS = _PATTERNS[:3]
_ORDINARY_WORD_WITH_DIGITS = re.compile(
    r"\d+(?:st|nd|rd|th|x|s|m|h|d|k|am|pm|min|mins|kb|mb|gb|tb|px|km|cm|mm|kg|g|ml|l|v|w|c|f)|[a-z]\d+|v\d+|mp[34]|\d+[a-z]"
    r"|\d+-[a-z]+(?:-[a-z]+)*|[a-z]+-\d{1,2}",
    re.IGNORECASE,
)
_MAX_UNSOURCED_NUMBER = 3  # "the first 2", "in 3 steps": nobody needs a source for these
_UNITS = (100, 60, 3600, 1000, 1024, 1_000_000, 1_048_576, 24, 7, 86_400)
_MIN_QUOTE_LENGTH, _MAX_QUOTE_LENGTH = 3, 300
_MAX_NUMBERS_SUBTRACTED = 40
_A_WEEK = 7  # "next Monday" may be said as a date
_FOLDED_CHARACTERS = (*((mark, "") for mark in "\"'“”"), *((blank, " ") for blank in "\n\r\t\u00a0"))


class Claim(NamedTuple):
    """A value stated in a text.

    `kind` is link, email, quote, day, clock, id or number; `text` as it was said, from `start`.
    """

    kind: str
    text: str
    start: int


def find_claims(text: str) -> Iterator[Claim]:
    """Yields the values that a text states, kind by kind; a part of one value is no value of its own."""
    has_paired_quotes = text.count('"') % 2 == 0  # with an odd number it is unclear which words are quoted
    for kind, sign, pattern in _PATTERNS if _DIGIT.search(text) else _WITHOUT_DIGITS:
        if not sign.search(text):
            continue
        matches = list(pattern.finditer(text))
        for match in matches:
            if kind == "quote" and not (
                _MIN_QUOTE_LENGTH <= len(match[0]) - 2 <= _MAX_QUOTE_LENGTH and has_paired_quotes
            ):
                continue
            if kind != "id" or not _ORDINARY_WORD_WITH_DIGITS.fullmatch(match[0]):
                yield Claim(kind, match[0], match.start())
        if kind != "number":
            for match in matches:
                text = f"{text[: match.start()]}{' ' * len(match[0])}{text[match.end() :]}"


def may_name_a_date(text: str) -> bool:
    """True if a text may have a date, and is worth a full search: it has a digit beside a month, or two dashes."""
    return _DATE_SIGN.search(text) is not None


def find_dates_in_text(text: str, today: date) -> set[date]:
    """Returns the dates that a text names; one without a year is the nearest to today."""
    if not may_name_a_date(text):
        return set()
    return {day for match in _DATE.finditer(text) if (day := _read_date(match, today))}


def find_dates_in_value(value: Any) -> set[date]:
    """Returns the dates in a value such as `2025-10-03T14:30:00Z`."""
    if not isinstance(value, str):
        return set()
    return {day for year_month_day in _ISO.findall(value) if (day := _build_date(*map(int, year_month_day)))}


class Support:
    """The knowledge so far: texts that were said, and values that were returned.

    The newest source is searched first, for most of what is said was just returned, and none is read before it is
    needed.
    """

    def __init__(self, now: datetime) -> None:
        self.now = now
        self._sources: list[_KnownSource] = []

    def add_text(self, text: str) -> None:
        """Adds a text, as said today."""
        self._sources.insert(0, _KnownSource(text, [("", text)], self.now.date()))

    def add_record(self, record: Any) -> None:
        """Adds the fields of a record, each as a line of a text."""
        fields = [("", getattr(record, name)) for name in record.__struct_fields__]
        self._sources.insert(0, _KnownSource(None, fields, self.now.date()))

    def add_value(self, value: Any, leaves: Sequence[tuple[str, Any]] | None = None) -> None:
        """Adds a JSON value; `leaves` are its scalars, if they are already known."""
        self._sources.insert(0, _KnownSource(value, list_scalars(value) if leaves is None else leaves))

    def supports_claim(self, claim: Claim) -> bool:
        """True if the value is known, or follows from a known one."""
        match claim.kind:
            case "number":
                return self._supports_number(claim.text)
            case "day":
                return self._supports_date(claim.text) or self._contains_text(_fold_text(claim.text))
            case "clock":
                return self._supports_clock_time(claim.text)
            case "quote":
                folded_quote = _fold_text(claim.text).strip(" .,:;!?…")
                in_code = "_".join(folded_quote.split(" "))
                return (
                    len(folded_quote) < _MIN_QUOTE_LENGTH
                    or self._contains_text(folded_quote)
                    or self._contains_text(in_code)
                )
            case _:
                return self._contains_text(_fold_text(claim.text))

    def _contains_text(self, folded_text: str) -> bool:
        return any(folded_text in source.folded_text for source in self._sources)

    def _supports_number(self, text: str) -> bool:
        plain = text.replace(",", "")
        try:
            number = float(plain)
        except ValueError:  # 1.2.3
            return self._contains_text(text)
        is_whole = number.is_integer()
        if is_whole and number <= _MAX_UNSOURCED_NUMBER:
            return True
        if is_whole and any(number <= source.longest_list_length for source in self._sources):
            return True
        if any(number in source.numbers for source in self._sources):
            return True
        decimal_places = len(plain.partition(".")[2])
        return any(round(derived, decimal_places) == number for derived in self._derive_numbers())

    def _derive_numbers(self) -> Iterator[float]:
        """Yields the known numbers, the same in other units, sums of equally named fields, and differences."""
        sums: dict[str, float] = {}
        values: set[float] = set()
        for pointer, value in (leaf for source in reversed(self._sources) for leaf in source.leaves):
            if isinstance(value, int | float) and not isinstance(value, bool):
                name = pointer.rsplit("/", 1)[-1]
                sums[name] = sums.get(name, 0) + value
                values.add(value)
        ordered = sorted(values)
        for value in (*ordered, *sums.values()):
            yield value
            for unit in _UNITS:
                yield value / unit
                yield value * unit
        few = ordered[:_MAX_NUMBERS_SUBTRACTED]
        yield from (later - earlier for later in few for earlier in few if later > earlier)

    def _supports_date(self, text: str) -> bool:
        today = self.now.date()
        match = _DATE.search(text)
        day = _read_date(match, today) if match else None
        if day is None or -1 <= (day - today).days <= _A_WEEK:
            return True
        one_day = timedelta(days=1)  # in another time zone it may be the next or the previous day
        nearby_days = (day - one_day, day, day + one_day)
        if any(not source.iso_dates.isdisjoint(nearby_days) for source in self._sources):
            return True
        if any(not source.dates.isdisjoint(nearby_days) for source in self._sources):
            return True
        without_year = not (match and (match[3] or match[6] or match[7]))
        return without_year and any(
            (known_day.month, known_day.day) == (day.month, day.day)
            for source in self._sources
            for known_day in (*source.iso_dates, *source.dates)
        )

    def _supports_clock_time(self, text: str) -> bool:
        match = _CLOCK.search(text)
        if match is None:
            return True
        hour, minute = _read_clock_time(match)
        either = (hour, minute), ((hour + 12) % 24, minute)
        return any(not source.iso_clocks.isdisjoint(either) for source in self._sources) or any(
            not source.clocks.isdisjoint(either) for source in self._sources
        )


class _KnownSource:
    """One source, read only when it is asked for; `said_on` is the day on which a text was said."""

    def __init__(self, value: Any, leaves: Sequence[tuple[str, Any]], said_on: date | None = None) -> None:
        self.value = value
        self.leaves = leaves
        self.said_on = said_on

    @cached_property
    def text(self) -> str:
        return "\n".join([str(leaf) for _, leaf in self.leaves])

    @cached_property
    def folded_text(self) -> str:
        return _fold_text(self.text)

    @cached_property
    def longest_list_length(self) -> int:
        """Number of items of the longest list."""
        return _find_longest_list(self.value) if isinstance(self.value, list | dict) else 0

    @cached_property
    def numbers(self) -> set[float]:
        return {
            number for number_text in _ANY_NUMBER.findall(self.folded_text) for number in _parse_numbers(number_text)
        }

    @cached_property
    def iso_dates(self) -> set[date]:
        return find_dates_in_value(self.folded_text)

    @cached_property
    def dates(self) -> set[date]:
        return find_dates_in_text(self.text, self.said_on) if self.said_on else set()

    @cached_property
    def iso_clocks(self) -> set[tuple[int, int]]:
        return {(int(hour), int(minute)) for hour, minute in _ISO_CLOCK.findall(self.folded_text)}

    @cached_property
    def clocks(self) -> set[tuple[int, int]]:
        return set(map(_read_clock_time, _CLOCK.finditer(self.folded_text)))


def _parse_numbers(text: str) -> Sequence[float]:
    """Parses a number with separators of thousands; if it has several points, each of its parts."""
    try:
        return (float(text.replace(",", "")),)
    except ValueError:  # 1.2.3, or the numbers of a list without blanks
        return [float(digits) for digits in re.split(r"[.,]", text)]


def _fold_text(text: str) -> str:
    """Lower-cases a text, drops quotes and makes line ends spaces."""
    text = text.lower()
    for sign, plain in _FOLDED_CHARACTERS:  # `str.translate` takes ten times as long on a text that is not ASCII
        text = text.replace(sign, plain)
    return text


def _find_longest_list(value: Any) -> int:
    """Number of items of the longest list anywhere in a value."""
    longest, children = (len(value), value) if isinstance(value, list) else (0, value.values())
    return max([longest, *(_find_longest_list(child) for child in children if isinstance(child, list | dict))])


def _read_date(match: re.Match[str], today: date) -> date | None:
    """Reads a date; one without a year falls within half a year of today."""
    month, day, year, day_first, month_second, year_second, iso = match.groups()
    if iso:
        return _build_date(int(iso[:4]), int(iso[5:7]), int(iso[8:]))
    number = next(at for at, name in enumerate(_MONTHS, start=1) if name.startswith((month or month_second).lower()))
    stated_year = year or year_second
    nearest_day = _build_date(int(stated_year) if stated_year else today.year, number, int(day or day_first))
    if nearest_day and not stated_year and abs((nearest_day - today).days) > HALF_A_YEAR:
        other_year_day = _build_date(today.year + (1 if nearest_day < today else -1), number, nearest_day.day)
        return other_year_day or nearest_day
    return nearest_day


def _build_date(year: int, month: int, day: int) -> date | None:
    """Builds a date; None if there is no such day."""
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _read_clock_time(match: re.Match[str]) -> tuple[int, int]:
    """Reads a time of day as (hour, minute) of 24 hours."""
    hour, minute, half, minute_of_24 = match.groups()
    if half:
        return int(hour) % 12 + (12 if half.lower() == "p" else 0), int(minute or 0)
    return int(hour), int(minute_of_24)
