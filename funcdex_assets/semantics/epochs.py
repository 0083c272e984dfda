"""Tells moments that are numbers: seconds or milliseconds since 1970, as many services have them.

Belongs here: which numbers are such moments, and the way between them and date-times. How a moment is said is in
`language/spoken_values.py`.

>>> created = {"type": "integer", "description": "Unix timestamp (in seconds)."}
>>> read_epoch("created_at", created, 1775197500, UTC).isoformat()
'2026-04-03T06:25:00+00:00'
>>> read_epoch("start_at", {"type": "integer"}, 20, UTC) is None
True
"""

import re
from datetime import UTC, datetime, tzinfo
from typing import Any

from funcdex_assets.schema.schema import Schema, schema_type
from funcdex_assets.schema.words import split_words
from funcdex_assets.semantics.field_meaning import decide_field_meaning

_DESCRIBED = re.compile(r"\b(?:unix|epoch|posix|timestamp|(?:milli)?seconds since)\b", re.IGNORECASE)
_MILLISECONDS = re.compile(r"\bmilliseconds?\b|\bin ms\b|\bepoch ms\b", re.IGNORECASE)
_NAME_ENDINGS = frozenset("at timestamp ts epoch".split())
_EARLIEST, _LATEST = 315_532_800, 7_258_118_400  # seconds: 1980 and 2200; other numbers are no such moments


def is_epoch(name: str, schema: Schema) -> bool:
    """Returns whether a number of this name and schema is a moment.

    >>> is_epoch("start_time", {"type": "integer"}), is_epoch("start_time", {"type": "integer", "format": "unixtime"})
    (False, True)
    """
    if schema_type(schema) not in ("integer", "number") or "enum" in schema:
        return False
    if str(schema.get("format", "")).startswith(("unix", "epoch", "timestamp")):
        return True
    if decide_field_meaning(name, schema).role != "moment":
        return False
    return bool(_DESCRIBED.search(str(schema.get("description", "")))) or split_words(name)[-1] in _NAME_ENDINGS


def to_epoch(moment: datetime, name: str, schema: Schema) -> int:
    """Returns the moment as the field has it."""
    return round(moment.timestamp() * _find_scale(name, schema))


def read_epoch(name: str, schema: Schema, value: Any, zone: tzinfo | None) -> datetime | None:
    """Returns the moment that a field's number is, in the time zone; None if it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not is_epoch(name, schema):
        return None
    seconds = value / _find_scale(name, schema)
    return datetime.fromtimestamp(seconds, zone or UTC) if _EARLIEST <= seconds <= _LATEST else None


def read_likely_epoch(value: Any, zone: tzinfo | None) -> datetime | None:
    """Returns the moment that a number may be, where no schema is at hand: in milliseconds if it is that large.

    >>> read_likely_epoch(1775197500, UTC) == read_likely_epoch(1775197500000, UTC), read_likely_epoch(20, UTC)
    (True, None)
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    seconds = value if value <= _LATEST else value / 1000
    return datetime.fromtimestamp(seconds, zone or UTC) if _EARLIEST <= seconds <= _LATEST else None


def _find_scale(name: str, schema: Schema) -> int:
    """Returns how many of its units make a second."""
    is_fine = _MILLISECONDS.search(str(schema.get("description", ""))) or {"ms", "millis"} & set(split_words(name))
    return 1000 if is_fine or schema.get("minimum", 0) > _LATEST else 1
