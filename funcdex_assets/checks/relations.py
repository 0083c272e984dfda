"""Checks that the results of a transcript agree with their calls, with one another and with the clock.

A second look from outside: it knows messages and tools only, and shares no code with the simulated world or with the
other rules. What a name does not tell is let pass. A relation is a function from a `Transcript` to what breaks it. Add
one to `RELATIONS`, and its cases to `tests/unit/checks/relation_cases.py`. How names are read is in
`transcript_steps.py`.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

from funcdex_assets.checks.transcript_steps import (
    CALL_WORDS,
    CHANGE_WORDS,
    CLOCK_TOLERANCE,
    DROPPED_WORDS,
    HIGH_WORDS,
    LOW_WORDS,
    MOMENT_WORDS,
    NAME_WORDS,
    PARTS,
    PASSING_WORDS,
    PAST_WORDS,
    PLACEHOLDERS,
    SENT_TO_WORDS,
    STATE_WORDS,
    TEXT_WORDS,
    UNIT_WORDS,
    Step,
    Thing,
    Transcript,
    agree,
    is_before,
    is_id_name,
    is_page_name,
    is_sort_name,
    iterate_scalars,
    list_fields,
    name_field,
    read_moment,
    read_transcript,
    split_name,
    split_singular,
)
from funcdex_assets.records.conversation import Finding
from funcdex_assets.records.message import Message
from funcdex_assets.records.tool import Tool

_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_NOT_FOUND = re.compile(r"\b404\b|not[ _]?found|does not exist|no such", re.IGNORECASE)
_SIGNED_OUT = re.compile(r"\b401\b|unauthenticated|session (?:has )?expired|token (?:has )?expired", re.IGNORECASE)
_TAKEN = re.compile(r"\b409\b|already exists", re.IGNORECASE)
_BUSY = re.compile(r"\b429\b|rate.?limit", re.IGNORECASE)
_WAIT = re.compile(r"\d+ ?s(?:ec|\b)|retry.?after\W+\d", re.IGNORECASE)
_MIN_TEXT_LENGTH = 3  # characters
_MOST_SPANS = 50  # free and busy times of one result that are compared, each with each
_SETTING_VERBS = frozenset("update edit patch modify change set rename reschedule".split())


class Break(NamedTuple):
    """A result that breaks a relation: the step, the pointer of the place, and how. What some services do does not
    block.
    """

    step: Step
    pointer: str
    text: str
    blocking: bool = True


Relation = Callable[[Transcript], Iterator[Break]]


def text_as_sent(transcript: Transcript) -> Iterator[Break]:
    """The text of what a call made is the one that it gave."""
    for step in transcript.good_steps:
        if step.action not in ("create", "update") or step.subject is None:
            continue
        texts = [value for name, value in step.arguments.items() if _is_text(name, value)]
        shown = [(name, value) for name, value in step.subject.fields.items() if _is_text(name, value)]
        if step.action == "update":
            shown = [(name, value) for name, value in shown if name in step.arguments]
        for name, value in shown if texts else ():
            if not any(_is_part(value, text) for text in (*texts, *step.argument_texts)):
                yield Break(step, f"{step.subject.pointer}/{name}", f"{value!r} was not sent, but {texts[0]!r}")


def _is_text(name: str, value: Any) -> bool:
    words = split_name(name)
    return bool(words) and words[-1] in TEXT_WORDS and isinstance(value, str) and len(value) >= _MIN_TEXT_LENGTH


def _is_part(shown: str, sent: str) -> bool:
    """Returns whether a text shows another one, perhaps cut, marked up or with more around it."""
    one, other = (re.sub(r"<[^>]*>|[\W_]+", "", text).lower() for text in (shown, sent))
    return bool(one and other) and (one in other or other in one)


def recipients_as_named(transcript: Transcript) -> Iterator[Break]:
    """What is sent or forwarded goes to the addresses that the call names."""
    for step in transcript.good_steps:
        named = {address.lower() for text in step.argument_texts for address in _ADDRESS.findall(text)}
        if (step.action != "create" and "forward" not in step.words) or step.subject is None or not named:
            continue
        if not any(SENT_TO_WORDS & set(split_singular(name)) for name in step.arguments):
            continue
        for name, value in step.subject.fields.items():
            if split_singular(name)[-1:] in (("to",), ("recipient",)):
                shown = {address.lower() for text in iterate_scalars(value) for address in _ADDRESS.findall(str(text))}
                if shown - named:
                    text = f"goes to {min(shown - named)}, whom the call does not name"
                    yield Break(step, f"{step.subject.pointer}/{name}", text)


def fields_as_told(transcript: Transcript) -> Iterator[Break]:
    """A field that a call set has that value in its result."""
    for step in transcript.good_steps:
        subject = step.subject
        is_about_subject = step.action == "create" or step.call_verb in _SETTING_VERBS
        if subject is None or not is_about_subject:
            continue
        for name, value in _list_told_fields(step).items():
            shown = list_fields(subject.fields).get(name)
            if shown is not None and not _is_text(name, value) and not _is_told(shown, value):
                yield Break(step, subject.pointer, f"{name} is {shown!r}, and was told to be {value!r}")


def _is_told(shown: Any, told: Any) -> bool:
    return agree(shown, told) or (isinstance(shown, str) and isinstance(told, str) and _is_part(shown, told))


def _list_told_fields(step: Step) -> dict[str, Any]:
    """Returns the scalar arguments by field, without those that name things or say how to call."""
    return {
        name: value
        for name, value in list_fields(step.arguments).items()
        if not name.endswith("#") and not CALL_WORDS & set(name.split()) and str(value) not in PLACEHOLDERS
    }


def one_thing_one_value(transcript: Transcript) -> Iterator[Break]:
    """A thing has the fields that were told and shown before, but for what a call in between may have changed."""
    known: dict[tuple[str, str], dict[str, tuple[Any, int]]] = {}
    for number, step in enumerate(transcript.steps):
        if step.failed:
            continue
        tellable = not UNIT_WORDS & step.words if step.action == "read" else True
        for thing in step.things:
            if not thing.identities:
                continue
            fields = known.setdefault(thing.key, {})
            for name, value in list_fields(thing.fields).items():
                before, since = fields.get(name, (None, number))
                if since < number and tellable and not agree(before, value):
                    changes = transcript.list_changes(since, number)
                    if not _may_have_changed(name, value, thing, changes):
                        text = f"{name} of {thing.identities[0]!r} is {value!r}, and was {before!r}"
                        yield Break(step, thing.pointer, text)
                fields[name] = (value, number)
        if step.created or step.call_verb in _SETTING_VERBS:
            key = _find_told_key(step)
            for name, value in _list_told_fields(step).items() if key else ():
                known.setdefault(key, {}).setdefault(name, (value, number))
                if known[key][name][1] < number:
                    known[key][name] = (value, number)


def _find_told_key(step: Step) -> tuple[str, str]:
    """Returns the thing whose fields a call sets: what it made, or what it names by the identifier of its noun."""
    if step.created:
        return step.created.key
    own = [value for name, value in step.argument_ids.items() if split_singular(name)[:-1] in ((), step.noun)]
    return (step.noun[-1], own[0]) if len(own) == 1 and step.noun else ("", "")


def _may_have_changed(name: str, value: Any, thing: Thing, changes: Sequence[Step]) -> bool:
    words = set(map(str, split_singular(name.removesuffix("#"))))
    if words & PASSING_WORDS:
        return True
    for change in changes:
        names_it = bool(set(thing.identities) & (change.argument_texts | change.result_ids))
        is_loose = isinstance(value, int | float) or bool(words & STATE_WORDS)
        said = any(agree(value, text) for text in change.argument_texts if len(text) >= _MIN_TEXT_LENGTH)
        if words & change.words or (said and names_it) or is_loose:
            return True
        if names_it and (change.action in ("other", "restore") or (thing.noun[-1:] != change.noun[-1:])):
            return True
    return False


def parts_of_one_parent(transcript: Transcript) -> Iterator[Break]:
    """What is listed within a thing names that thing as its parent."""
    for step in transcript.good_steps:
        for name, identity in step.argument_ids.items() if step.action == "read" else ():
            field = name_field(name, "")
            for item in step.items if field != "#" and split_singular(name)[:-1] != step.noun else ():
                is_own = [key for key in item.fields if is_id_name(key)] == [name] and not item.identities
                shown = _list_parent_ids(item.fields, field)
                if shown and identity not in shown and not is_own and split_singular(name)[:-1] != item.noun:
                    yield Break(step, item.pointer, f"lies in {shown[0]!r}, and {identity!r} was asked for")


def _list_parent_ids(fields: Mapping[str, Any], field: str) -> list[str]:
    """Returns the identifiers of a parent in all the ways in which a thing names it."""
    found: list[str] = []
    for name, value in fields.items():
        if isinstance(value, dict) and name_field(name, value) == field:
            found += [str(part) for key, part in value.items() if is_id_name(key) and isinstance(part, str | int)]
        elif isinstance(value, str | int) and is_id_name(name) and name_field(name, value) == field:
            found.append(str(value))
    return found


def new_is_empty(transcript: Transcript) -> Iterator[Break]:
    """Nothing lies in a thing that was just made but what a call put there."""
    for number, step in enumerate(transcript.steps):
        made = None if step.failed else step.created
        if made is None or {"copy", "duplicate", "clone", "template"} & step.words:
            continue
        for later_number in range(number, len(transcript.steps)):
            later = transcript.steps[later_number]
            names_it = set(made.identities) & set(later.argument_ids.values())
            if later_number > number and later.action != "read" and set(made.identities) & later.argument_texts:
                break
            if later.failed:
                continue
            foreign = [item for item in later.items if item.noun[-1:] != made.noun[-1:] and item.noun[-1] in PARTS]
            if names_it and foreign and later_number > number and foreign[0].noun[-1] not in step.words:
                yield Break(
                    later, foreign[0].listed_in or "", f"{made.identities[0]!r} was just made, and is not empty"
                )
            for thing in later.things:
                if set(thing.identities) & set(made.identities):
                    for name, value in thing.fields.items():
                        counted = set(split_singular(name)) & PARTS
                        if _is_count(name) and counted and not counted & step.words and value:
                            yield Break(later, f"{thing.pointer}/{name}", f"{value} in what was just made")


def _is_count(name: str) -> bool:
    words = set(split_name(name))
    return bool({"count", "num", "total", "number"} & words) and not {"word", "character", "amount"} & words


def pages(transcript: Transcript) -> Iterator[Break]:
    """Only a full page leads to another one, none has more items than asked for, and the next one has other items."""
    for number, step in enumerate(transcript.steps):
        items = [] if step.failed or step.action != "read" else step.items
        if not items:
            continue
        pointer = items[0].listed_in or ""
        if step.limit is not None and len(items) > step.limit:
            yield Break(step, pointer, f"{len(items)} items, and {step.limit} were asked for")
        if step.limit is not None and len(items) < step.limit and step.next_token:
            yield Break(step, pointer, f"{len(items)} of {step.limit} items, and a token of the next page", False)
        if step.next_token and step.says_no_more:
            yield Break(step, pointer, "there is no more, and a token of the next page")
        for before_number in range(number):
            before = transcript.steps[before_number]
            is_next_page = before.next_token and before.next_token == step.page_argument
            if before.call.name == step.call.name and is_next_page:
                again = {item.key for item in before.items if item.identities} & {
                    item.key for item in items if item.identities
                }
                if again and not transcript.list_changes(before_number, number):
                    yield Break(step, pointer, f"{min(again)[1]!r} was on the page before")


def listed_once(transcript: Transcript) -> Iterator[Break]:
    """A list shows a thing once."""
    for step in transcript.good_steps:
        seen: set[tuple[str | None, str]] = set()
        for thing in step.things:
            if thing.listed_in and thing.identities:
                if (thing.listed_in, thing.identities[0]) in seen:
                    yield Break(step, thing.pointer, f"{thing.identities[0]!r} is listed twice")
                seen.add((thing.listed_in, thing.identities[0]))


def counts(transcript: Transcript) -> Iterator[Break]:
    """A number of items is that of the list beside it, and of a later listing of the whole."""
    told: dict[tuple[str, str], tuple[int, int]] = {}
    for number, step in enumerate(transcript.steps):
        if step.failed:
            continue
        if step.items:
            yield from _compare_total(step)
        noun = step.items[0].noun[-1] if step.items and step.items[0].noun else ""
        for identity in step.argument_ids.values() if step.is_whole_listing and len(step.argument_ids) == 1 else ():
            count, since = told.get((identity, noun), (len(step.items), number))
            if count != len(step.items) and not transcript.list_changes(since, number):
                pointer = step.items[0].listed_in or ""
                yield Break(step, pointer, f"{len(step.items)} {noun}s of {identity!r}, which had {count}")
        for thing in step.things:
            for name, value in thing.fields.items() if thing.identities else ():
                words = [word for word in split_singular(name) if word not in ("count", "num", "total", "number", "of")]
                if _is_count(name) and len(words) == 1 and isinstance(value, int) and not isinstance(value, bool):
                    told[thing.identities[0], words[0]] = (value, number)


def _compare_total(step: Step) -> Iterator[Break]:
    items, holder = step.items, step.find_holder(step.items[0].listed_in or "")
    for name, value in holder.items():
        words = split_singular(name)
        rest = (
            set(words)
            - {"total", "count", "item", "result", "num", "number", "of", "record", "entry"}
            - set(items[0].noun)
        )
        is_total = not rest and set(words) & {"total", "count", "num", "number"}
        if not is_total or isinstance(value, bool) or not isinstance(value, int):
            continue
        is_last = step.page_argument is None and not step.next_token and not step.says_more
        is_short = step.limit is not None and len(items) < step.limit
        if value < len(items) or (is_last and is_short and value > len(items)):
            yield Break(step, items[0].listed_in or "", f"{name} is {value}, and there are {len(items)} items")


def filters(transcript: Transcript) -> Iterator[Break]:
    """What is returned has what was asked for: options, flags, addresses, spans of time and of numbers."""
    for step in transcript.good_steps:
        for name, value in step.arguments.items() if step.items and not _is_turned_around(step) else ():
            if is_id_name(name) or is_page_name(name) or is_sort_name(name) or str(value).lower() in PLACEHOLDERS:
                continue
            for item in step.items:
                if (reason := _find_broken_filter(step, item, name, value)) is not None:
                    yield Break(step, item.pointer, f"{reason}, and {name} {value!r} was asked for")


def _is_turned_around(step: Step) -> bool:
    """Returns whether a call asks for a time that ends before it begins, or for less than its least: for nothing."""
    moments = [(set(split_name(name)), read_moment(value)) for name, value in step.arguments.items()]
    lows = [moment for words, moment in moments if moment and words & LOW_WORDS and not words & HIGH_WORDS]
    highs = [moment for words, moment in moments if moment and words & HIGH_WORDS and not words & LOW_WORDS]
    numbers = {split_name(name): value for name, value in step.arguments.items() if isinstance(value, int | float)}
    is_crossed = any(
        low > numbers.get(("max", *name[1:]), low) for name, low in numbers.items() if name[:1] == ("min",)
    )
    return is_crossed or any(is_before(high, low) for low in lows for high in highs)


def _find_broken_filter(step: Step, item: Thing, name: str, value: Any) -> str | None:
    words = split_singular(name)
    moment = read_moment(value)
    if moment is not None and set(words) & (LOW_WORDS | HIGH_WORDS):
        return _find_moment_outside(item, words, moment)
    if CALL_WORDS & set(words) or not words:
        return None
    fields = list_fields(item.fields)
    if words[0] in ("min", "max") and isinstance(value, int | float) and not isinstance(value, bool):
        shown = fields.get(" ".join(split_name(name)[1:]))
        if isinstance(shown, int | float) and (shown < value if words[0] == "min" else shown > value):
            return f"is {shown}"
        return None
    if isinstance(value, str) and _ADDRESS.fullmatch(value):
        shown = _find_address(item, set(words))
        return f"is of {shown}" if shown and shown.lower() != value.lower() else None
    shown = fields.get(
        " ".join(split_name(name)), fields.get(" ".join(word for word in words if word not in ("is", "only")))
    )
    if isinstance(value, bool):
        return f"{name} is {shown}" if isinstance(shown, bool) and shown != value else None
    schema = step.parameters.get(name)
    schema = schema.get("items", schema) if isinstance(schema, dict) else {}
    options = {str(option).lower() for option in schema.get("enum", ())} if isinstance(schema, dict) else set()
    asked = {str(option).lower() for option in (value if isinstance(value, list) else [value])}
    if isinstance(shown, str) and shown.lower() in options and shown.lower() not in asked and not asked & PLACEHOLDERS:
        return f"is {shown!r}"
    return None


def _find_moment_outside(item: Thing, words: Sequence[str], bound: Any) -> str | None:
    about = set(words) - LOW_WORDS - HIGH_WORDS - MOMENT_WORDS - set(item.noun)
    moments = {name: moment for name, value in item.fields.items() if (moment := read_moment(value)) is not None}
    if about:
        meant = {name: moment for name, moment in moments.items() if _share_stem(about, set(split_name(name)))}
    else:
        meant = {
            name: moment for name, moment in moments.items() if not set(split_name(name)) & (PAST_WORDS | CHANGE_WORDS)
        }
        pair = [bool(set(split_name(name)) & LOW_WORDS) - bool(set(split_name(name)) & HIGH_WORDS) for name in meant]
        if len(meant) > 1 and sorted(pair) != [-1, 1]:
            return None
    if not meant or (about and len(meant) > 1):
        return None
    is_low = bool(set(words) & LOW_WORDS) and not set(words) & HIGH_WORDS - {"end"}
    if set(words) & {"max", "before", "until", "maximum"}:
        is_low = False
    elif set(words) & {"min", "after", "since", "minimum"}:
        is_low = True
    for name, moment in meant.items():
        # Of what lasts, the end is held against a beginning and the beginning against an end.
        if len(meant) > 1 and is_low != bool(set(split_name(name)) & HIGH_WORDS):
            continue
        if is_before(moment, bound) if is_low else is_before(bound, moment):
            return f"{name} is {item.fields[name]!r}"
    return None


def _share_stem(asked: set[str], shown: set[str]) -> bool:
    """Returns whether all words asked for are among those shown, in any form (`modified` is `modification`)."""
    return all(any(one[:5] == other[:5] for other in shown) for one in asked)


def _find_address(item: Thing, words: set[str]) -> str | None:
    """Returns the address of an item that an argument of these words means; None where none is plainly meant."""
    meant = words - {"email", "address", "mail"} - {item.noun[-1] if item.noun else ""}
    for name, value in item.fields.items():
        if isinstance(value, dict):
            value = next((part for key, part in value.items() if "email" in split_name(key)), None)
        own = set(split_singular(name)) - {"email", "address", "mail"}
        if own == meant and isinstance(value, str) and _ADDRESS.fullmatch(value):
            return value
    return None


def sorted_as_asked(transcript: Transcript) -> Iterator[Break]:
    """Items come in the order that was asked for."""
    for step in transcript.good_steps:
        asked = {name: value for name, value in step.arguments.items() if is_sort_name(name) and isinstance(value, str)}
        words = [word for value in asked.values() for word in split_name(value)]
        if not step.items or not words:
            continue
        text = " ".join(asked.values()).lower()
        down = bool({"desc", "descending", "newest", "latest", "highest"} & set(words)) or text.startswith("-")
        up = bool({"asc", "ascending", "oldest", "lowest"} & set(words)) or text.startswith("+")
        by = tuple(word for word in words if word not in ("desc", "descending", "asc", "ascending"))
        columns = [name for name in step.items[0].fields if split_name(name) == by]
        rows = [item.fields.get(columns[0]) for item in step.items] if columns else []
        values = [_to_comparable(row) for row in rows]
        if not values or any(value is None for value in values) or len({type(value) for value in values}) > 1:
            continue
        rising, falling = (all(_in_order(one, two, up) for one, two in pairwise(values)) for up in (True, False))
        if (down and not falling) or (up and not rising) or not (down or up or rising or falling):
            yield Break(step, step.items[0].listed_in or "", f"not in the order of {columns[0]}")


def _to_comparable(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        return None
    moment = read_moment(value)
    if moment is not None:
        return moment if not isinstance(moment, datetime) or moment.tzinfo else None
    return value if isinstance(value, int | float) else value.lower() if isinstance(value, str) else None


def _in_order(one: Any, two: Any, up: bool) -> bool:
    return one <= two if up else one >= two


def measures(transcript: Transcript) -> Iterator[Break]:
    """Counts of words and characters are those of the text, durations those between the two ends."""
    texts: dict[str, tuple[str, int]] = {}
    for number, step in enumerate(transcript.steps):
        if step.failed:
            continue
        if step.created:
            sent = [value for name, value in step.arguments.items() if _is_text(name, value)]
            if len(sent) == 1:
                texts[step.created.identities[0]] = (sent[0], number)
        for thing in step.things:
            text, since = texts.get(thing.identities[0] if thing.identities else "", ("", number))
            own = [value for name, value in thing.fields.items() if _is_text(name, value)]
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


def find_ends(fields: Mapping[str, Any]) -> tuple[Any, Any] | None:
    """Returns the moments at which something begins and ends, None where not both are told."""
    ends: dict[str, Any] = {}
    for name, value in fields.items():
        words = [word for word in split_name(name) if word not in MOMENT_WORDS]
        moment = read_moment(value)
        if moment is not None and words in (["start"], ["starts"], ["from"], ["check", "in"], ["checkin"], ["begin"]):
            ends["start"] = moment
        elif moment is not None and words in (["end"], ["ends"], ["to"], ["until"], ["check", "out"], ["checkout"]):
            ends["end"] = moment
    return (ends["start"], ends["end"]) if len(ends) == 2 else None


def deleted_stays_deleted(transcript: Transcript) -> Iterator[Break]:
    """What was deleted is not shown again, and no call of it succeeds."""
    deleted: dict[str, str] = {}
    for step in transcript.good_steps:
        if step.action == "restore" or any(set(split_name(name)) & DROPPED_WORDS for name in step.arguments):
            deleted = {} if step.action == "restore" else deleted
            continue
        for identity in set(step.argument_ids.values()) & set(deleted):
            yield Break(step, "", f"works with {identity!r}, which {deleted[identity]} deleted")
        for thing in step.things if step.action != "delete" else ():
            gone = next((identity for identity in thing.identities if identity in deleted), None)
            if gone is not None and not _is_marked_gone(thing):
                yield Break(step, thing.pointer, f"shows {gone!r}, which {deleted[gone]} deleted")
        own = [value for name, value in step.argument_ids.items() if split_singular(name)[:-1] in ((), step.noun)]
        is_unlinking = step.call_verb == "remove" and len(step.arguments) > 1
        if step.action == "delete" and len(own) == 1 and not is_unlinking:
            deleted[own[0]] = step.call.id


def _is_marked_gone(thing: Thing) -> bool:
    shown = {name for name, value in thing.fields.items() if value is True} | {
        str(value) for name, value in thing.fields.items() if {"status", "state"} & set(split_name(name))
    }
    return any(DROPPED_WORDS & set(split_name(text)) for text in shown)


def created_is_listed(transcript: Transcript) -> Iterator[Break]:
    """A whole listing of the same kind and place has what was made before."""
    for number, step in enumerate(transcript.steps):
        made = None if step.failed else step.created
        if made is None or step.call_verb not in ("create", "add", "insert", "post", "make"):
            continue
        for later_number in range(number + 1, len(transcript.steps)):
            later = transcript.steps[later_number]
            if later.action != "read":
                if set(made.identities) & later.argument_texts or later.action in ("delete", "other"):
                    break
                continue
            is_same = later.noun == step.noun and later.toolkit == step.toolkit and later.call_verb == "list"
            is_inside = set(later.argument_ids.values()) <= step.argument_texts
            named_in_creation = set(step.argument_ids.values()) <= later.argument_texts
            if (
                is_same
                and later.is_whole_listing
                and is_inside
                and named_in_creation
                and not later.failed
                and later.items
            ):
                shown = {identity for item in later.items for identity in item.identities}
                if shown and not set(made.identities) & shown:
                    yield Break(
                        later, later.items[0].listed_in or "", f"{made.identities[0]!r} was made, and is missing"
                    )


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


def errors_have_causes(transcript: Transcript) -> Iterator[Break]:
    """A failure is explained by what came before: what was shown is found, who is signed in stays so."""
    for number, step in enumerate(transcript.steps):
        if not step.failed:
            continue
        text = json.dumps(step.content)
        if _SIGNED_OUT.search(text):
            for other in transcript.steps:
                if other.asked_at == step.asked_at and other.toolkit == step.toolkit and not other.failed:
                    yield Break(step, "", f"the session has expired, and {other.call.id} passes beside it")
                    break
        elif _NOT_FOUND.search(text) and len(step.argument_ids) == 1 and not _names_another_value(step, text):
            yield from _find_known(transcript, number, *step.argument_ids.values())
        elif _TAKEN.search(text):
            yield from _find_unshown_name(transcript, number, text)
        elif _BUSY.search(text) and _WAIT.search(text):
            for later in transcript.steps[number + 1 :]:
                is_same = later.call.name == step.call.name and later.arguments == step.arguments
                between = transcript.messages[step.asked_at + 1 : later.asked_at + 1]
                if (
                    is_same
                    and not later.failed
                    and all(message.content is None and not message.thought for message in between)
                ):
                    yield Break(later, "", "passes before the time to wait is over")


def _names_another_value(step: Step, error: str) -> bool:
    """Returns whether an error names a value of the call that is no identifier."""
    others = {str(value) for value in iterate_scalars(step.arguments)} - set(step.argument_ids.values())
    return any(len(value) >= _MIN_TEXT_LENGTH and json.dumps(value)[1:-1] in error for value in others)


def _find_known(transcript: Transcript, number: int, identity: str) -> Iterator[Break]:
    is_there = False
    for step in transcript.steps[:number]:
        if step.failed:
            continue
        if any(identity in thing.identities for thing in step.things):
            is_there = True
        if step.action not in ("read", "create") and identity in step.argument_texts:
            is_there = step.action == "update"
    if is_there:
        yield Break(transcript.steps[number], "", f"{identity!r} is not found, and was there before")


def _find_unshown_name(transcript: Transcript, number: int, error: str) -> Iterator[Break]:
    """A name is taken though a whole listing of that kind, right before, does not have it."""
    step = transcript.steps[number]
    names = [
        value
        for name, value in step.arguments.items()
        if NAME_WORDS & set(split_name(name)) and isinstance(value, str) and json.dumps(value)[1:-1] in error
    ]
    for before_number, before in enumerate(transcript.steps[:number]):
        is_same = before.noun == step.noun and before.toolkit == step.toolkit and before.is_whole_listing
        if not is_same or before.failed or not before.items or transcript.list_changes(before_number, number - 1):
            continue
        if not set(before.argument_ids.values()) <= step.argument_texts:
            continue
        shown = {str(value).lower() for item in before.items for value in item.fields.values()}
        for name in names:
            if name.lower() not in shown:
                yield Break(step, "", f"{name!r} is taken, and was not in the list before")


RELATIONS: tuple[Relation, ...] = (
    text_as_sent,
    recipients_as_named,
    fields_as_told,
    one_thing_one_value,
    parts_of_one_parent,
    new_is_empty,
    pages,
    listed_once,
    counts,
    filters,
    sorted_as_asked,
    measures,
    deleted_stays_deleted,
    created_is_listed,
    busy_is_events,
    time_runs_forward,
    errors_have_causes,
)


def find_broken_relations(
    messages: Sequence[Message], tools: Mapping[str, Tool], now: datetime | None = None
) -> Iterator[Finding]:
    """Yields a finding for each result that breaks a relation; its text begins with the relation's name."""
    transcript = read_transcript(messages, tools, now)
    for relation in RELATIONS:
        for step, pointer, text, blocking in relation(transcript):
            yield Finding(
                rule="broken_relation",
                message=step.at,
                place=pointer,
                blocking=blocking,
                text=f"{relation.__name__}: {step.call.id} {step.call.name}: {text}",
            )
