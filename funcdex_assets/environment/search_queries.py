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
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from funcdex_assets.language.spoken_values import read_moment

_OPERATOR = re.compile(r"(?<![\w'\"])(-?)([A-Za-z_]+):(?:\s(?=['\"]))?(\"[^\"]*\"|'[^']*'|[^\s()]+)")
_SIGNS = r"!=|>=|<=|!~|=|>|<|~|\bcontains\b"
_COMPARISON = re.compile(rf"\b([A-Za-z_.]+)\s*({_SIGNS})\s*(\"[^\"]*\"|'[^']*'|[^\s()]+(?:\(\))?)")
_ORDER = re.compile(r"\border\s+by\b.*$", re.IGNORECASE)
_JOINT = re.compile(r"(?<!\w)(?:and|AND)(?!\w)")
_EITHER = re.compile(r"\bOR\b|\bor\b|\bnot\b|\bNOT\b|[{}()|]")
_QUOTED = re.compile(r"\"([^\"]*)\"|(?<!\w)'([^']*)'(?!\w)")
_AGE = re.compile(r"-?(\d+)([dwmy])")
_DAYS = {"d": 1, "w": 7, "m": 30, "y": 365}
_TOKEN = re.compile(r"[^\W_]+")
_TITLES = frozenset("title name summary subject intitle".split())
_WORDS = frozenset("text fulltext search from to body content description q query".split())
_STATES = {"unread": ("unread", True), "read": ("unread", False), "starred": ("starred", True)}
_FIELDS = {"statuscategory": "status", "type": "issue_type", "issuetype": "issue_type", "label": "labels"}
_FLAGS = {"true": True, "false": False}


class Query(NamedTuple):
    """`text` are the words searched for, `in_titles` where only titles count; the main moment is in between `since` and
    `until`.
    """

    text: str
    in_titles: bool
    wanted: Mapping[str, Any]
    excluded: Mapping[str, str]
    since: datetime | None
    until: datetime | None


@lru_cache(maxsize=4096)
def read_query(text: str, now: datetime) -> Query:
    """Returns the query that a text states; `now` is the moment from which ages such as `newer_than:7d` count."""
    required_values: dict[str, Any] = {}
    excluded_values: dict[str, str] = {}
    bounds: dict[str, datetime | None] = {"since": None, "until": None}
    search_texts: list[str] = []
    title_flags: list[bool] = []
    is_simple = not _EITHER.search(_QUOTED.sub("", text).replace("()", ""))

    def operator(found: re.Match[str]) -> str:
        """Reads `name:value` and returns a blank in its place."""
        minus, name, value = found[1], found[2].lower(), _bare(found[3])
        if minus:
            return " "
        if name in _TITLES | _WORDS:
            search_texts.append(value)
            title_flags.append(name in _TITLES)
        elif is_simple:
            _ask(name, value.lower(), required_values, bounds, now)
        return " "

    def comparison(found: re.Match[str]) -> str:
        """Reads `field = value` and returns a blank in its place."""
        name, sign, value = found[1].lower(), found[2], _bare(found[3])
        if sign in ("~", "contains"):
            search_texts.append(value)
            title_flags.append(name in _TITLES)
        elif is_simple and not value.endswith(")"):
            field = _FIELDS.get(name, found[1])
            if sign == "=":
                required_values[field] = _FLAGS.get(value.lower(), value)
            elif sign == "!=":
                excluded_values[field] = value.lower()
        return " "

    remaining_text = _COMPARISON.sub(comparison, _OPERATOR.sub(operator, _ORDER.sub("", text)))
    quoted = [double_quoted or single_quoted for double_quoted, single_quoted in _QUOTED.findall(remaining_text)]
    search_texts += quoted or [remaining_text if remaining_text == text else _JOINT.sub(" ", remaining_text)]
    in_titles = bool(title_flags) and all(title_flags) and not quoted
    return Query(
        " ".join(" ".join(search_texts).split()),
        in_titles,
        required_values,
        excluded_values,
        bounds["since"],
        bounds["until"],
    )


def tokens(text: str) -> frozenset[str]:
    """Returns the words of a text in lower case, as a search tells them apart."""
    return frozenset(_TOKEN.findall(text.lower()))


def _ask(name: str, value: str, wanted: dict[str, Any], bounds: dict[str, datetime | None], now: datetime) -> None:
    """Adds what an operator restricts: `is:unread`, `in:inbox`, `has:attachment`, `after:2026/01/05`."""
    match name:
        case "is":
            if value in _STATES:
                field, holds = _STATES[value]
                wanted[field] = holds
            if value in ("unread", "starred", "important"):
                wanted.setdefault("labels", []).append(value.upper())
        case "in":
            if value in ("inbox", "sent", "trash", "spam"):
                wanted.setdefault("labels", []).append(value.upper())
        case "has":
            if value == "attachment":
                wanted["attachments"] = True
        case "newer_than" | "older_than":
            age = _AGE.fullmatch(value)
            if age:
                bounds["since" if name == "newer_than" else "until"] = now - timedelta(days=int(age[1]) * _DAYS[age[2]])
        case "after" | "before":
            moment = read_moment({}, value.replace("/", "-"))
            if moment is not None and hasattr(moment, "year"):
                day = datetime.fromisoformat(f"{moment}"[:10])
                bounds["since" if name == "after" else "until"] = day.replace(tzinfo=now.tzinfo)
        case "status" | "state" | "priority" | "currency":
            wanted[name] = value


def _bare(value: str) -> str:
    """Returns a value without the quotes around it."""
    return value[1:-1] if len(value) > 1 and value[0] in "\"'" and value[-1] == value[0] else value
