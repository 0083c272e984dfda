"""Reads the query languages of services: which words a search asks for, and what fields must hold.

Belongs here: reading one query's text; the criteria of a whole call are read in `search_criteria.py`. Of a query with
`OR` or brackets only the words count, and what is negated is not looked at, but for `field != value`.

>>> query = read_query("summary ~ 'ice throw' AND priority = High AND statusCategory != Done", datetime(2026, 1, 5))
>>> query.text, query.in_titles, query.required_values, query.excluded_values
('ice throw', True, {'priority': 'High'}, {'status': 'done'})
>>> read_query("'roof' is:unread in:inbox", datetime(2026, 1, 5)).required_values
{'unread': True, 'labels': ['UNREAD', 'INBOX']}
"""

import re
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

from funcdex_assets.language.spoken_values import parse_moment
from funcdex_assets.semantics.field_roles import is_title, read_name

_OPERATOR_PATTERN = re.compile(r"(?<![\w'\"])(-?)([A-Za-z_]+):(?:\s(?=['\"]))?(\"[^\"]*\"|'[^']*'|[^\s()]+)")
_COMPARISON_SIGNS = r"!=|>=|<=|!~|=|>|<|~|\bcontains\b"
_COMPARISON_PATTERN = re.compile(rf"\b([A-Za-z_.]+)\s*({_COMPARISON_SIGNS})\s*(\"[^\"]*\"|'[^']*'|[^\s()]+(?:\(\))?)")
_ORDER_PATTERN = re.compile(r"\border\s+by\b.*$", re.IGNORECASE)
_AND_PATTERN = re.compile(r"(?<!\w)(?:and|AND)(?!\w)")
_ALTERNATIVE_PATTERN = re.compile(r"\bOR\b|\bor\b|\bnot\b|\bNOT\b|[{}()|]")
_QUOTED_PATTERN = re.compile(r"\"([^\"]*)\"|(?<!\w)'([^']*)'(?!\w)")
_AGE_PATTERN = re.compile(r"-?(\d+)([dwmy])")
_UNIT_DAYS = {"d": 1, "w": 7, "m": 30, "y": 365}
_WORD_PATTERN = re.compile(r"[^\W_]+")
_STATE_FLAGS = {"unread": ("unread", True), "read": ("unread", False), "starred": ("starred", True)}
_FIELD_SYNONYMS = {"statuscategory": "status", "type": "issue_type", "issuetype": "issue_type", "label": "labels"}
_FLAG_VALUES = {"true": True, "false": False}


class Query(NamedTuple):
    """`text` are the words searched for, `in_titles` where only titles count; the main moment is in between `since` and
    `until`.
    """

    text: str
    in_titles: bool
    required_values: Mapping[str, Any]
    excluded_values: Mapping[str, str]
    since: datetime | None
    until: datetime | None
    ranges: Mapping[str, tuple[datetime | None, datetime | None]] = MappingProxyType({})  # by field, from and until


@lru_cache(maxsize=4096)
def read_query(text: str, now: datetime) -> Query:
    """Returns the query that a text states; `now` is the moment from which ages such as `newer_than:7d` count."""
    required_values: dict[str, Any] = {}
    excluded_values: dict[str, str] = {}
    bounds: dict[str, datetime | None] = {"since": None, "until": None}
    ranges: dict[str, tuple[datetime | None, datetime | None]] = {}
    search_texts: list[str] = []
    title_flags: list[bool] = []
    is_simple = not _ALTERNATIVE_PATTERN.search(_QUOTED_PATTERN.sub("", text).replace("()", ""))

    def replace_operator(operator_match: re.Match[str]) -> str:
        """Reads `name:value` and returns a blank in its place."""
        minus, name, value = operator_match[1], operator_match[2].lower(), _strip_quotes(operator_match[3])
        if minus:
            return " "
        meaning = read_name(name)
        if _asks_for_title(name) or meaning.role in ("text", "query") or meaning.noun in ("sender", "recipient"):
            search_texts.append(value)
            title_flags.append(_asks_for_title(name))
        elif is_simple:
            _add_restriction(name, value.lower(), required_values, bounds, now)
        return " "

    def replace_comparison(comparison_match: re.Match[str]) -> str:
        """Reads `field = value` and returns a blank in its place."""
        name, sign, value = comparison_match[1].lower(), comparison_match[2], _strip_quotes(comparison_match[3])
        if sign in ("~", "contains"):
            search_texts.append(value)
            title_flags.append(_asks_for_title(name))
        elif is_simple and not value.endswith(")"):
            field = _FIELD_SYNONYMS.get(name, comparison_match[1])
            if sign == "=":
                required_values[field] = _FLAG_VALUES.get(value.lower(), value)
            elif sign == "!=":
                excluded_values[field] = value.lower()
            elif sign in ("<", "<=", ">", ">="):
                low, high = _read_range(sign, value, now)
                known_low, known_high = ranges.get(field, (None, None))
                ranges[field] = low or known_low, high or known_high
        return " "

    remaining_text = _COMPARISON_PATTERN.sub(
        replace_comparison, _OPERATOR_PATTERN.sub(replace_operator, _ORDER_PATTERN.sub("", text))
    )
    quoted = [
        double_quoted or single_quoted for double_quoted, single_quoted in _QUOTED_PATTERN.findall(remaining_text)
    ]
    search_texts += quoted or [remaining_text if remaining_text == text else _AND_PATTERN.sub(" ", remaining_text)]
    in_titles = bool(title_flags) and all(title_flags) and not quoted
    return Query(
        " ".join(" ".join(search_texts).split()),
        in_titles,
        required_values,
        excluded_values,
        bounds["since"],
        bounds["until"],
        ranges,
    )


def split_search_words(text: str) -> frozenset[str]:
    """Returns the words of a text in lower case, as a search tells them apart."""
    return frozenset(_WORD_PATTERN.findall(text.lower()))


def _asks_for_title(operator: str) -> bool:
    return is_title(operator.removeprefix("in"))


def _read_range(sign: str, value: str, now: datetime) -> tuple[datetime | None, datetime | None]:
    """Returns the first and the last moment that a comparison such as `< "2026-03-11"` or `>= -7d` allows."""
    age = _AGE_PATTERN.fullmatch(value)
    moment = now - timedelta(days=int(age[1]) * _UNIT_DAYS[age[2]]) if age else parse_moment({}, value)
    day_after = timedelta(0)
    if isinstance(moment, date) and not isinstance(moment, datetime):
        day_after = timedelta(days=1) if sign in ("<=", ">") else day_after
        moment = datetime.combine(moment, time(), now.tzinfo)
    if not isinstance(moment, datetime):
        return None, None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=now.tzinfo)
    if sign.startswith("<"):
        return None, moment + day_after - timedelta(seconds=1)
    return moment + day_after, None


def _add_restriction(
    name: str, value: str, required_values: dict[str, Any], bounds: dict[str, datetime | None], now: datetime
) -> None:
    """Adds what an operator restricts: `is:unread`, `in:inbox`, `has:attachment`, `after:2026/01/05`."""
    match name:
        case "is":
            if value in _STATE_FLAGS:
                field, holds = _STATE_FLAGS[value]
                required_values[field] = holds
            if value in ("unread", "starred", "important"):
                required_values.setdefault("labels", []).append(value.upper())
        case "in":
            if value in ("inbox", "sent", "trash", "spam"):
                required_values.setdefault("labels", []).append(value.upper())
        case "has":
            if value == "attachment":
                required_values["attachments"] = True
        case "newer_than" | "older_than":
            age = _AGE_PATTERN.fullmatch(value)
            if age:
                bounds["since" if name == "newer_than" else "until"] = now - timedelta(
                    days=int(age[1]) * _UNIT_DAYS[age[2]]
                )
        case "after" | "before":
            moment = parse_moment({}, value.replace("/", "-"))
            if moment is not None and hasattr(moment, "year"):
                day = datetime.fromisoformat(f"{moment}"[:10])
                bounds["since" if name == "after" else "until"] = day.replace(tzinfo=now.tzinfo)
        case "status" | "state" | "priority" | "currency":
            required_values[name] = value


def _strip_quotes(value: str) -> str:
    """Returns a value without the quotes around it."""
    return value[1:-1] if len(value) > 1 and value[0] in "\"'" and value[-1] == value[0] else value
