"""Relations of measures and moments: with a text, with the two ends of a span, with an event, with the clock."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from funcdex_assets.checks.relations.breaks import Break
from funcdex_assets.checks.relations.names import CHANGE_WORDS, MOMENT_WORDS, PAST_WORDS, split_name, split_singular
from funcdex_assets.checks.relations.steps import Step, Transcript
from funcdex_assets.checks.relations.values import (
    find_ends,
    is_before,
    is_text,
    iterate_scalars,
    list_fields,
    read_moment,
)

_MOST_SPANS = 50  # free and busy times of one result that are compared, each with each

CLOCK_TOLERANCE = timedelta(hours=6)  # a transcript has no clock but its beginning


def measures(transcript: Transcript) -> Iterator[Break]:
    """Counts of words and characters are those of the text, durations those between the two ends."""
    texts: dict[str, tuple[str, int]] = {}
    for number, step in enumerate(transcript.steps):
        if step.failed:
            continue
        if step.created:
            sent = [value for name, value in step.arguments.items() if is_text(name, value)]
            if len(sent) == 1:
                texts[step.created.identities[0]] = (sent[0], number)
        for thing in step.things:
            text, since = texts.get(thing.identities[0] if thing.identities else "", ("", number))
            own = [value for name, value in thing.fields.items() if is_text(name, value)]
            changes = transcript.list_changes(since, number) if text else []
            is_changed = any(thing.identities[0] in change.argument_texts for change in changes)
            whole_text = own[0] if len(own) == 1 else "" if is_changed else text
            for name, value in thing.fields.items():
                is_number = isinstance(value, int) and not isinstance(value, bool)
                actual = _measure(split_singular(name), whole_text, thing.fields) if is_number else None
                if actual is not None and not _is_near(value, actual):
                    yield Break(step, f"{thing.pointer}/{name}", f"{name} is {value}, and comes to {actual:g}")


def _measure(words: tuple[str, ...], text: str, fields: Mapping[str, Any]) -> float | None:
    """Returns what a field that measures something should be; None for any other field."""
    if text and not text.endswith("…") and {"word", "count"} <= set(words):
        return len(text.split())
    if text and not text.endswith("…") and {"count", "length"} & set(words) and {"character", "char"} & set(words):
        return len(text)
    seconds = {"minute": 60, "min": 60, "second": 1, "sec": 1, "hour": 3600, "night": 86400}
    unit = next((seconds[word] for word in words if word in seconds), None)
    ends = find_ends(fields)
    if unit is None or ends is None or not set(words) <= {"duration", "length", "total", "night", *seconds, "in"}:
        return None
    start, end = ends
    if is_before(end, start) or start == end:
        return None
    if isinstance(start, datetime) and isinstance(end, datetime) and (start.tzinfo is None) == (end.tzinfo is None):
        return (end - start).total_seconds() / unit if unit < 86400 else (end.date() - start.date()).days
    return None if isinstance(start, datetime) or isinstance(end, datetime) or unit < 86400 else (end - start).days


def _is_near(value: float, actual: float) -> bool:
    return abs(value - actual) <= max(1, 0.02 * actual)


def busy_is_events(transcript: Transcript) -> Iterator[Break]:
    """What takes up a time that is told begins and ends when the thing itself does."""
    ends_of: dict[str, tuple[Any, Any]] = {}
    for step in transcript.good_steps:
        if step.action != "read":
            ends_of = {identity: ends for identity, ends in ends_of.items() if identity not in step.argument_texts}
        for thing in step.things:
            ends = find_ends(thing.fields)
            if ends is None:
                continue
            named = [
                list_fields(thing.fields).get(f"{noun}#") for noun in ("event", "booking", "appointment", "meeting")
            ]
            for identity in thing.identities or tuple(str(value) for value in named if value):
                known = ends_of.setdefault(identity, ends)
                if any(is_before(*pair) for pair in (*zip(known, ends, strict=True), *zip(ends, known, strict=True))):
                    yield Break(step, thing.pointer, f"{identity!r} has other times than before")
        yield from _find_free_and_busy(step)


def _find_free_and_busy(step: Step) -> Iterator[Break]:
    """A time that is said to be free does not lie in one that is said to be busy."""
    busy = [ends for thing in step.things if "busy" in thing.pointer and (ends := find_ends(thing.fields))]
    free = [thing for thing in step.things if "free" in thing.pointer or "available" in thing.pointer] if busy else []
    for thing in free[:_MOST_SPANS]:
        ends = find_ends(thing.fields)
        if ends and any(is_before(taken[0], ends[1]) and is_before(ends[0], taken[1]) for taken in busy[:_MOST_SPANS]):
            yield Break(step, thing.pointer, "is free and busy at once")


def time_runs_forward(transcript: Transcript) -> Iterator[Break]:
    """What has happened lies before now, a change after the making, an end after the beginning."""
    asked: set[str] = set()
    for step in transcript.good_steps:
        asked |= step.argument_texts if step.action != "read" else set()
        for thing in step.things:
            moments = {name: read_moment(value) for name, value in thing.fields.items()}
            made = next((moment for name, moment in moments.items() if moment and _is_past(name, {"created"})), None)
            for name, moment in moments.items():
                if moment is None:
                    continue
                is_past = _is_past(name, PAST_WORDS | CHANGE_WORDS)
                if is_past and transcript.now and is_before(transcript.now, moment, CLOCK_TOLERANCE):
                    yield Break(step, f"{thing.pointer}/{name}", f"{name} is {thing.fields[name]!r}, which is to come")
                if made and _is_past(name, CHANGE_WORDS) and is_before(moment, made, timedelta(seconds=1)):
                    yield Break(
                        step, f"{thing.pointer}/{name}", f"changed at {thing.fields[name]!r}, before it was made"
                    )
                is_new = thing is step.created and _is_past(name, {"created", "sent"})
                if is_new and transcript.now and is_before(moment, transcript.now, timedelta(days=1)):
                    text = f"{name} is {thing.fields[name]!r}, and it was made now"
                    yield Break(step, f"{thing.pointer}/{name}", text)
            ends = find_ends(thing.fields)
            is_asked = any(str(value) in asked for value in iterate_scalars(thing.fields) if read_moment(value))
            if ends is not None and is_before(ends[1], ends[0]) and not is_asked:  # else the caller turned it around
                yield Break(step, thing.pointer, "ends before it begins")


def _is_past(name: str, words: frozenset[str] | set[str]) -> bool:
    own = set(split_name(name))
    return bool(own & words) and own <= words | MOMENT_WORDS | {"last", "time", "at"}
