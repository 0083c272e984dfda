"""Rules about the fields of one object in a result, held against each other.

Only what is certain is objected to: an object that has both ends and says how long it lasts, a count of words beside
the text, an amount beside the lines that it is the sum of. Nothing here is shared with what makes results.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from funcdex_assets.checks.rules.case import Case
from funcdex_assets.records.conversation import Finding
from funcdex_assets.schema.words import words
from funcdex_assets.semantics.tool_names import is_id

_DEEPEST = 6
_SECONDS = {"seconds": 1, "second": 1, "sec": 1, "secs": 1, "minutes": 60, "minute": 60, "mins": 60, "min": 60} | {
    "hours": 3600,
    "hour": 3600,
    "ms": 0.001,
    "milliseconds": 0.001,
}
_STARTS = frozenset("start starts starttime startat startsat begin startdate startdatetime".split())
_ENDS = frozenset("end ends endtime endat endsat enddate enddatetime".split())
_TEXTS = frozenset("text content body plaintext".split())
_MORE_THAN_LINES = frozenset("tax discount shipping fee tip subtotal paid credit balance".split())
_SLACK = 0.2  # of a count of words: services do not agree on what a word is
_LEAST = 4


class _Fields(NamedTuple):
    """Names of the fields that say something of each other."""

    start: str
    end: str
    durations: tuple[tuple[str, float], ...]
    text: str
    word_count: str
    zone: str
    total: str
    lines: tuple[str, ...]
    owed: tuple[str, ...]


def contradicts_itself(case: Case) -> Iterator[Finding]:
    """Fields of one object that cannot all be true: when it ends, how long it lasts, what it adds up to."""
    for index, message in enumerate(case.messages):
        result = message.result
        if result is None or result.error:
            continue
        for holder, pointer in _objects(result.content, "", 0):
            for key, text in _objections(holder):
                place = f"{pointer}/{key}"
                yield Finding(
                    rule="contradicts_itself",
                    message=index,
                    place=place,
                    text=f"{result.call_id} {result.name}: {key} is {holder[key]!r}, and {text}",
                )


def _objects(value: Any, pointer: str, depth: int) -> Iterator[tuple[Mapping[str, Any], str]]:
    if depth > _DEEPEST:
        return
    if isinstance(value, dict):
        yield value, pointer
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        if isinstance(part, dict | list):
            yield from _objects(part, f"{pointer}/{key}", depth + 1)


def _objections(holder: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    fields = _fields(tuple(holder))
    if fields.start and fields.end:
        yield from _of_span(holder, fields)
    if fields.word_count and isinstance(text := holder.get(fields.text), str):
        count, said = len(text.split()), holder[fields.word_count]
        if _is_number(said) and abs(said - count) > max(_LEAST, _SLACK * count):
            yield fields.word_count, f"{fields.text} has {count} words"
    if fields.zone:
        yield from _of_zone(holder, fields.zone)
    if fields.total:
        yield from _of_total(holder, fields)
    if fields.owed:
        due, paid, left = (holder[key] for key in fields.owed)
        if all(_is_number(one) for one in (due, paid, left)) and abs(due - paid - left) > 0.01 and paid <= due:
            yield fields.owed[2], f"{due} are due and {paid} paid"


def _of_span(holder: Mapping[str, Any], fields: _Fields) -> Iterator[tuple[str, str]]:
    start, end = _moment(holder[fields.start]), _moment(holder[fields.end])
    if start is None or end is None or (start.tzinfo is None) != (end.tzinfo is None):
        return
    lasts = (end - start).total_seconds()
    if lasts < 0:
        yield fields.end, f"{fields.start} is {holder[fields.start]!r}"
    for key, unit in fields.durations:
        said = holder[key]
        if _is_number(said) and abs(said * unit - lasts) >= unit:
            yield key, f"it lasts {lasts / unit:g}"


def _of_zone(holder: Mapping[str, Any], key: str) -> Iterator[tuple[str, str]]:
    name = holder[key]
    try:
        zone = ZoneInfo(name) if isinstance(name, str) and "/" in name else None
    except (KeyError, ValueError, OSError):
        return
    for other, value in holder.items() if zone else ():
        moment = _moment(value) if isinstance(value, str) else None
        offset = moment.utcoffset() if moment else None
        if moment and offset and moment.replace(tzinfo=zone).utcoffset() != offset:  # UTC itself is no contradiction
            yield key, f"{other} is {value!r}"


def _of_total(holder: Mapping[str, Any], fields: _Fields) -> Iterator[tuple[str, str]]:
    total = holder[fields.total]
    for key in fields.lines:
        lines = holder[key]
        amounts = [line.get("amount") for line in lines if isinstance(line, dict)] if isinstance(lines, list) else []
        known = [one for one in amounts if isinstance(one, int | float) and not isinstance(one, bool)]
        if known and len(known) == len(lines) and _is_number(total) and abs(sum(known) - total) > 0.01:
            yield fields.total, f"{key} add up to {sum(known):g}"


@lru_cache(maxsize=8192)
def _fields(keys: Sequence[str]) -> _Fields:
    said = {key: words(key) for key in keys}
    plain = {key: "".join(parts) for key, parts in said.items()}
    lengths = [key for key in keys if "duration" in said[key] and set(said[key]) & _SECONDS.keys()]
    owed = [
        next((key for key in keys if plain[key] == name), "") for name in ("amountdue", "amountpaid", "amountremaining")
    ]
    mixed = any(
        part.rstrip("es") in _MORE_THAN_LINES or part in _MORE_THAN_LINES for one in said.values() for part in one
    )
    return _Fields(
        start=next((key for key in keys if plain[key] in _STARTS), ""),
        end=next((key for key in keys if plain[key] in _ENDS), ""),
        durations=tuple((key, next(_SECONDS[part] for part in said[key] if part in _SECONDS)) for key in lengths),
        text=next((key for key in keys if plain[key] in _TEXTS), ""),
        word_count=next((key for key in keys if plain[key] in ("wordcount", "wordscount")), ""),
        zone=next((key for key in keys if plain[key] == "timezone"), ""),
        total="" if mixed else next((key for key in keys if plain[key] in ("total", "amounttotal", "totalamount")), ""),
        lines=tuple(key for key in keys if set(said[key]) & {"lines", "items"} and not is_id(key)),
        owed=tuple(owed) if all(owed) else (),
    )


def _moment(value: Any) -> datetime | None:
    if isinstance(value, dict):
        value = value.get("dateTime")
    if not isinstance(value, str) or "T" not in value:
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
