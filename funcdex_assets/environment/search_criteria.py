"""Reads how a look-up restricts its results: text searched for, spans of time, filters, order.

Belongs here: the criteria as the arguments state them. The syntax of one query text is in `search_queries`; whether an
entity meets the criteria is decided in `listings.py`.

>>> arguments = {"query": "roof", "status": "open", "order_by": "created desc"}
>>> criteria = read_search_criteria("list", arguments, arguments, datetime(2026, 1, 5))
>>> criteria.filters, criteria.sort_order
({'status': 'open'}, SortOrder(field_words=frozenset({'created'}), descending=True))
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cached_property
from math import inf
from typing import Any, NamedTuple

from funcdex_assets.environment.search_queries import Query, read_query, split_search_words
from funcdex_assets.language.spoken_values import parse_moment
from funcdex_assets.schema.schema import Schema
from funcdex_assets.schema.words import split_words, to_singular
from funcdex_assets.semantics.epochs import read_likely_epoch
from funcdex_assets.semantics.field_meaning import decide_field_meaning, decide_value_meaning
from funcdex_assets.semantics.field_roles import is_query, is_title, read_name
from funcdex_assets.semantics.tool_names import is_id
from funcdex_assets.semantics.vocabulary import SPAN_WORDS

WINDOW = timedelta(days=14)  # assumed length where a call gives one end of a time span only
_ROLES_OF_PRESENTATION = frozenset(("page_token", "limit", "sort", "query"))
_INTEGER: Schema = {"type": "integer"}
_MOMENT: Schema = {"type": "string", "format": "date-time"}
_COUNTING_WORDS = frozenset("result item count entry record row page per size limit number of num total".split())
_LOWEST_WORDS, _HIGHEST_WORDS = frozenset(("min", "minimum")), frozenset(("max", "maximum"))
_DIRECTIONS = {"asc": False, "ascending": False, "desc": True, "descending": True}
_EPOCH_ENDINGS = frozenset("after before since until".split())  # of a number that ends a span: `pickup_after`
_FILLER_WORDS = frozenset("only is filter by with has add remove".split())


class TimeSpan(NamedTuple):
    """A span of time asked for; `field_words` name the fields meant (`created`), none for the main ones.

    Of the two ends, one may be assumed: what is made up lies before or after it, but what is known need not.
    """

    field_words: frozenset[str]
    low: datetime
    high: datetime
    is_low_given: bool = True
    is_high_given: bool = True

    def includes(self, other: "TimeSpan") -> bool:
        """Returns whether all that lies in another span of the same field lies in this one."""
        low_fits = not self.is_low_given or (other.is_low_given and self.low <= other.low)
        high_fits = not self.is_high_given or (other.is_high_given and other.high <= self.high)
        return self.field_words == other.field_words and low_fits and high_fits


class SortOrder(NamedTuple):
    """The words of the field by which a listing is to be sorted."""

    field_words: frozenset[str]
    descending: bool


@dataclass(frozen=True)
class SearchCriteria:
    """The restrictions of one look-up; empty for any other call.

    `filters` are required field values by argument name; `excluded` are forbidden ones by field stem, in lower case.
    `bounds` are the lowest and the highest number asked for, by field stem.
    """

    queries: Sequence[Query] = ()
    spans: Sequence[TimeSpan] = ()
    filters: Mapping[str, Any] = field(default_factory=dict)
    excluded: Mapping[str, str] = field(default_factory=dict)
    sort_order: SortOrder | None = None
    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def is_no_wider_than(self, other: "SearchCriteria") -> bool:
        """Returns whether all that meets these criteria meets the other ones, too."""
        return (
            other.search_words <= self.search_words
            and other.in_titles == self.in_titles
            and all(name in self.filters and self.filters[name] == value for name, value in other.filters.items())
            and all(self.excluded.get(name) == value for name, value in other.excluded.items())
            and all(any(span.includes(own) for own in self.spans) for span in other.spans)
            and all(
                stem in self.bounds and low <= self.bounds[stem][0] and self.bounds[stem][1] <= high
                for stem, (low, high) in other.bounds.items()
            )
        )

    @cached_property
    def window(self) -> tuple[datetime, datetime] | None:
        """The span for the main moment of what is listed, such as the start of an event."""
        main_span = next((span for span in self.spans if not span.field_words), None)
        return (main_span.low, main_span.high) if main_span else None

    @cached_property
    def title_filters(self) -> list[str]:
        """The names of the filters that ask for a title."""
        return [
            name
            for name, value in self.filters.items()
            if isinstance(value, str) and is_title(name) and not read_name(name).noun
        ]

    @cached_property
    def search_words(self) -> frozenset[str]:
        """All words that an entity must contain to be found."""
        return frozenset[str]().union(*(split_search_words(query.text) for query in self.queries))

    @cached_property
    def in_titles(self) -> bool:
        """True where the words must be in the title."""
        return any(query.in_titles for query in self.queries)

    def filter_for_field(self, field_name: str) -> Any:
        """Returns the value that a field must have: `starred_only` restricts `starred`, `label` restricts `labels`."""
        if not self.filters:
            return None
        stem = reduce_to_field_stem(field_name)
        return next((value for name, value in self.filters.items() if reduce_to_field_stem(name) == stem), None)

    def bounds_for_field(self, field_name: str) -> tuple[float, float] | None:
        """Returns the lowest and the highest value that a number may have, infinite where only one is asked for."""
        return self.bounds.get(reduce_to_field_stem(field_name)) if self.bounds else None


def read_search_criteria(
    action: str, arguments: Mapping[str, Any], said_values: Mapping[str, Any], now: datetime
) -> SearchCriteria:
    """Returns the criteria of a call; `action` is its tool's, `said_values` its scalars by plain field name.

    Raises:
        OverflowError: a date among the arguments is at an end of the calendar.
    """
    if action not in ("list", "get"):
        return SearchCriteria()
    if action == "get":
        return SearchCriteria(spans=_read_spans(arguments, (), now))
    queries = _read_queries(said_values, now)
    filters = {name: value for name, value in arguments.items() if _is_filter(name, value)}
    excluded: dict[str, str] = {}
    for query in queries:
        filters |= {name: value for name, value in query.required_values.items() if name not in filters}
        excluded |= {reduce_to_field_stem(name): value for name, value in query.excluded_values.items()}
    spans, sort_order = _read_spans(arguments, queries, now), _read_sort_order(arguments)
    return SearchCriteria(queries, spans, filters, excluded, sort_order, _read_bounds(arguments))


def names_same_field(field_words: frozenset[str], name_words: Iterable[str]) -> bool:
    """Returns whether the words of a span mean the field of a name with these words: `duedate` is `due_date`.

    >>> names_same_field(frozenset({"duedate"}), {"due", "date"})
    True
    """
    if not field_words:
        return False
    return field_words <= set(name_words) or field_words <= {
        first + last for first in name_words for last in name_words
    }


def is_limit_name(name: str, schema: Schema = _INTEGER) -> bool:
    """Returns whether a number of this name says how many items a page has: `max_results`, `per_page`.

    An argument that is only called `count` does, too: a call has nothing else to count.

    >>> is_limit_name("pageSize"), is_limit_name("count"), is_limit_name("word_count"), is_limit_name("max_price")
    (True, True, False, False)
    """
    if find_bounded_field(name):
        return False
    return split_words(name) == ("count",) or decide_field_meaning(name, schema).role == "limit"


def find_bounded_field(name: str) -> str:
    """Returns the stem of the field whose lowest or highest number an argument gives; '' for a number of items.

    >>> find_bounded_field("max_price"), find_bounded_field("max_results")
    ('price', '')
    """
    words = split_words(name)
    if len(words) < 2 or words[0] not in _LOWEST_WORDS | _HIGHEST_WORDS:
        return ""
    counts_items = words[0] in _HIGHEST_WORDS and to_singular(words[-1]) != words[-1]
    is_count = counts_items or {to_singular(word) for word in words[1:]} <= _COUNTING_WORDS
    return "" if is_count else "".join(to_singular(word) for word in words[1:])


def reduce_to_field_stem(name: str) -> str:
    """Returns a common stem for names that restrict the same field: `label_ids`, `labels`, `label`; `starred_only`,
    `starred`.
    """
    stem_words = [to_singular(word) for word in split_words(name) if word not in _FILLER_WORDS]
    has_suffix = len(stem_words) > 1 and stem_words[-1] in ("id", "name")
    return "".join(stem_words[:-1] if has_suffix else stem_words)


def _read_bounds(arguments: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    bounds: dict[str, tuple[float, float]] = {}
    for name, value in arguments.items():
        stem = find_bounded_field(name)
        if stem and isinstance(value, int | float) and not isinstance(value, bool):
            low, high = bounds.get(stem, (-inf, inf))
            bounds[stem] = (value, high) if split_words(name)[0] in _LOWEST_WORDS else (low, value)
    return {stem: (low, high) for stem, (low, high) in bounds.items() if low <= high}


def _read_queries(said_values: Mapping[str, Any], now: datetime) -> list[Query]:
    queries: list[Query] = []
    for name, text in said_values.items():
        if isinstance(text, str) and is_query(name):
            query = read_query(text, now)
            asks_for_title = name.endswith("contains") and is_title(name.removesuffix("contains"))
            queries.append(query._replace(in_titles=True) if asks_for_title else query)
    return queries


def _read_spans(arguments: Mapping[str, Any], queries: Sequence[Query], now: datetime) -> list[TimeSpan]:
    lows: dict[frozenset[str], datetime | None] = {}
    highs: dict[frozenset[str], datetime | None] = {}
    for query in queries:
        if query.since or query.until:
            lows[frozenset()], highs[frozenset()] = query.since, query.until or now
        for field_name, (low, high) in query.ranges.items():
            if low or high:
                lows[frozenset(split_words(field_name))], highs[frozenset(split_words(field_name))] = low, high
    for name, value in arguments.items():
        moment = parse_moment({}, value) if isinstance(value, str) else _read_epoch_argument(name, value, now.tzinfo)
        meaning = decide_field_meaning(name, _MOMENT)
        is_upper = meaning.bound == "until" or (meaning.phase == "end" and not meaning.bound)
        if isinstance(moment, date) and not isinstance(moment, datetime):
            moment = _begin_day(moment, now, is_upper)
        if isinstance(moment, datetime):
            field_words = frozenset(split_words(name)) - SPAN_WORDS
            lows.setdefault(field_words, None)
            highs.setdefault(field_words, None)
            ends = highs if is_upper else lows
            ends[field_words] = moment if moment.tzinfo else moment.replace(tzinfo=now.tzinfo)
    spans: list[TimeSpan] = []
    for field_words, given_low in lows.items():
        given_high = highs[field_words]
        low = given_low or (given_high or now) - WINDOW
        high = given_high or low + WINDOW
        if low.date() == high.date() and low >= high:
            high = low + timedelta(days=1)  # one day, given as both ends
        if low < high:
            spans.append(TimeSpan(field_words, low, high, given_low is not None, given_high is not None))
    return spans


def _read_epoch_argument(name: str, value: Any, zone: tzinfo | None) -> datetime | None:
    """Returns the moment that a number among the arguments is, None for any other value."""
    role = decide_value_meaning(name, value).role
    is_moment = role == "moment" or (role == "other" and split_words(name)[-1] in _EPOCH_ENDINGS)
    return read_likely_epoch(value, zone) if is_moment else None


def _begin_day(day: date, now: datetime, is_upper: bool) -> datetime:
    """Returns the beginning of a day, for a user and for a service that counts in UTC: the stricter of both."""
    beginnings = [datetime.combine(day, time(), zone) for zone in (now.tzinfo, UTC if now.tzinfo else None)]
    return (min if is_upper else max)(beginnings).astimezone(now.tzinfo) if now.tzinfo else beginnings[0]


def _read_sort_order(arguments: Mapping[str, Any]) -> SortOrder | None:
    order_texts = [
        str(value).lower().split(",")[0]
        for name, value in arguments.items()
        if isinstance(value, str) and read_name(name).role == "sort"
    ]
    descending, field_words = None, frozenset[str]()
    for text in sorted(order_texts, key=len):
        text_words = set(split_words(text)) | set(split_words(text.replace("time", " time").replace("date", " date")))
        descending = next((_DIRECTIONS[word] for word in sorted(text_words) if word in _DIRECTIONS), descending)
        descending = True if text.startswith("-") else descending
        field_words = frozenset(text_words - _DIRECTIONS.keys()) or field_words
    return SortOrder(field_words, bool(descending)) if field_words else None


def _is_filter(name: str, value: Any) -> bool:
    if not split_words(name) or find_bounded_field(name):
        return False
    if decide_value_meaning(name, value).role in _ROLES_OF_PRESENTATION:
        return False
    if isinstance(value, str):
        return not is_id(name) and parse_moment({}, value) is None
    is_moment = _read_epoch_argument(name, value, UTC) is not None
    return (isinstance(value, bool | int | float) and not is_moment) or (isinstance(value, list) and bool(value))
