"""Rules about moments in results: outside the time asked for, other than set or shown before, against a state.

Belongs here: what a service can never have answered at this time. Talk against the clock is in `manners.py`, fields of
one object that disagree in `fields.py`. Nothing that is said is read, so the rules hold in any language.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from funcdex_assets.checks.rules.case import Case, find_field_name
from funcdex_assets.checks.rules.field_values import has_clock, has_offset, parse_moment, read_meaning
from funcdex_assets.checks.rules.things import iterate_good_calls, list_argument_scalars, list_things
from funcdex_assets.records.conversation import Finding
from funcdex_assets.records.message import ToolCall
from funcdex_assets.schema.json_pointers import list_scalars
from funcdex_assets.schema.words import split_words, to_singular
from funcdex_assets.semantics.field_meaning import FieldMeaning
from funcdex_assets.semantics.tool_names import is_id, parse_resource_noun, parse_tool_name

_OVER_WORDS = frozenset("expired ended over past".split())
_LIVE_WORDS = frozenset("open active live running ongoing upcoming".split())
_STAGES = {  # words of a stage in the names of moves between stages: the stage that they lead to
    **dict.fromkeys(("done", "complete", "resolve", "close", "finish"), "done"),
    **dict.fromkeys(("start", "progress"), "progress"),
    **dict.fromkeys(("reopen", "open"), "open"),
    "review": "review",
    "block": "block",
}
_STAGE_ALIASES = {
    "done": {"done", "closed", "resolved", "complete", "completed", "finished"},
    "progress": {"progress", "doing", "started", "active"},
    "review": {"review"},
    "block": {"blocked", "block", "hold"},
    "open": {"open", "do", "todo", "backlog", "new", "reopened"},
}
_DATE_CONDITION = re.compile(r"(\w+)\s*(<=|>=|<|>)\s*[\"']?(\d{4}-\d\d-\d\d)")
_EQUALITY = re.compile(r"(\w+)\s*=\s*\"([^\"]+)\"")
_A_DAY = timedelta(days=1)
_SENT_WORDS = ("date", "sent", "received", "internal", "timestamp")
_BUSY_NOUNS = ("busy", "time", "slot")
_MIN_IDENTIFIER_LENGTH = 4  # characters, as in `things.py`
_Item = tuple[str, Mapping[str, Any]]
"""A listed thing with its pointer."""


def outside_window(case: Case) -> Iterator[Finding]:
    """A listed thing whose moment lies outside the time that the call asked for, or that breaks its filter.

    Let pass is what began before the window and still goes on in it, and a moment without an offset that may lie within
    it in some time zone.
    """
    for index, call, _ in iterate_good_calls(case):
        if parse_tool_name(call.name).action not in ("list", "get"):
            continue
        items = [
            (pointer, holder)
            for holder, pointer, _ in case.result_objects[index]
            if pointer.rpartition("/")[2].isdigit() and "busy" not in pointer
        ]
        for pointer, reason in (*_find_filtered_out(call, items), *_find_beyond_bounds(call, items)):
            yield _build_finding("outside_window", index, pointer, f"{call.id} {call.name}: {reason}")


def _find_beyond_bounds(call: ToolCall, items: Sequence[_Item]) -> Iterator[tuple[str, str]]:
    """Yields (pointer, reason) of items beyond an argument that is the beginning or the end of a window."""
    for name, value in call.arguments.items():
        meaning = read_meaning(name, value)
        moment = parse_moment(value)
        if meaning.role != "moment" or not meaning.bound or moment is None:
            continue
        for pointer, item in items:
            key = _find_moment_beyond(item, meaning, value, moment)
            if key is not None:
                yield f"{pointer}/{key}", f"{name} is {value!r} in the call, and {key} {item[key]!r} here"


def _find_moment_beyond(item: Mapping[str, Any], meaning: FieldMeaning, bound: Any, limit: datetime) -> str | None:
    """Returns the field of an item that is meant by a bound and lies beyond it."""
    for key, value in item.items():
        own = read_meaning(key, value)
        moment = parse_moment(value)
        if moment is None or own.role not in ("moment", "thing") or (own.bound == "until" and not meaning.phase):
            continue
        is_meant = own.phase == meaning.phase if meaning.phase else own.phase in ("start", "")
        if is_meant:
            slack = timedelta() if has_offset(value) == has_offset(bound) else _A_DAY
            return key if _is_beyond(item, meaning, value, moment, limit, slack) else None
    return None


def _is_beyond(
    item: Mapping[str, Any], meaning: FieldMeaning, value: Any, moment: datetime, limit: datetime, slack: timedelta
) -> bool:
    """True if a moment lies before the beginning or after the end of a window; one without a clock counts as a day."""
    if not has_clock(value):
        return moment.date() < limit.date() if meaning.bound == "from" else moment.date() > limit.date()
    if meaning.bound == "from":
        return moment + slack < limit and not _ends_after(item, limit)
    return moment - slack > limit


def _ends_after(item: Mapping[str, Any], limit: datetime) -> bool:
    """True if a thing that began before a moment still goes on then."""
    return any(
        read_meaning(key, value).phase == "end" and (moment := parse_moment(value)) is not None and moment > limit
        for key, value in item.items()
    )


def _find_filtered_out(call: ToolCall, items: Sequence[_Item]) -> Iterator[tuple[str, str]]:
    """Yields (pointer, reason) of items that break a condition of a filter: `duedate < "2025-03-11"`, `host="db-3"`."""
    for _, text in list_argument_scalars(call):
        if not isinstance(text, str) or re.search(r"\b(?:or|not)\b|\|\|", text, re.IGNORECASE):
            continue
        conditions, equalities = _DATE_CONDITION.findall(text), _EQUALITY.findall(text)
        for pointer, item in items if conditions or equalities else ():
            inner = [part for child in item.values() if isinstance(child, dict) for part in child.items()]
            fields = {"".join(split_words(key)): value for key, value in (*inner, *item.items())}
            for name, sign, day in conditions:
                there, limit = parse_moment(fields.get("".join(split_words(name)))), parse_moment(day)
                if there and limit and not _holds_condition(there.date(), sign, limit.date()):
                    yield pointer, f"{name} {sign} {day} was asked for, and it is {there.date()}"
            for name, wanted in equalities:
                found = fields.get("".join(split_words(name)))
                is_pattern = wanted.startswith(".") or "*" in wanted
                if isinstance(found, str) and found.lower() != wanted.lower() and not is_pattern:
                    yield pointer, f"{name} {wanted!r} was asked for, and it is {found!r}"


def _holds_condition(day: date, sign: str, limit: date) -> bool:
    return {"<": day < limit, "<=": day <= limit, ">": day > limit, ">=": day >= limit}[sign]


def other_moment(case: Case) -> Iterator[Finding]:
    """One thing at two times, though no call moved it; a moment other than its call set, or far from the present where
    the call was made just now; a thread whose last message is older than one of its messages.

    Let pass are the same instant in another time zone, and moments of which only one says its offset.
    """
    starts: dict[str, tuple[Any, int]] = {}
    lasts: dict[str, tuple[Any, int]] = {}
    reported: set[str] = set()
    made: set[str] = set()
    for index, call, _ in iterate_good_calls(case):
        yield from _find_other_moment_than_set(case, index, call)
        yield from _find_moment_before_making(case, index, made - reported)
        if parse_tool_name(call.name).action in ("create", "copy"):
            named = {str(value) for _, value in list_argument_scalars(call)}
            made |= {thing.identity for thing in list_things(case, index) if thing.pointer.count("/") <= 1} - named
        if parse_tool_name(call.name).action not in ("list", "get"):
            for pointer, value in list_argument_scalars(call):
                if is_id(find_field_name(pointer)):
                    starts.pop(str(value), None)
                    lasts.pop(str(value), None)
        for holder, pointer, noun in case.result_objects[index]:
            for identity, value, is_last in _list_moments(holder, noun):
                known = (lasts if is_last else starts).setdefault(identity, (value, index))
                if not is_last and known[1] != index and differ(known[0], value) and identity not in reported:
                    reported.add(identity)
                    text = f"{identity!r} begins at {_write(value)}, and at {_write(known[0])} in message {known[1]}"
                    yield _build_finding("other_moment", index, pointer, text)
            for thread, sent in _list_later_parts(holder, lasts):
                if thread not in reported:
                    reported.add(thread)
                    text = f"it is of {_write(sent)}, and the last of {thread!r} of {_write(lasts[thread][0])}"
                    yield _build_finding("other_moment", index, pointer, text)


def _find_moment_before_making(case: Case, index: int, made: Collection[str]) -> Iterator[Finding]:
    """Finds things that were made in this conversation and were created, or last changed, more than a day before it."""
    for thing in list_things(case, index) if made else ():
        for key, value in thing.fields.items() if thing.identity in made else ():
            moment = parse_moment(value)
            is_past = moment is not None and has_clock(value) and case.situation.now - moment > _A_DAY
            if is_past and read_meaning(key, value).phase in ("created", "changed"):
                text = f"{thing.identity!r} was made just now, and {key} is {_write(value)}"
                yield _build_finding("other_moment", index, f"{thing.pointer}/{key}", text)


def differ(first: Any, second: Any) -> bool:
    """True if two moments are certainly not the same instant.

    >>> [differ(first, "2025-10-02T08:00:00Z") for first in ("2025-10-02T10:00:00+02:00", "2025-10-02T10:00:00")]
    [False, False]
    """
    return has_offset(first) == has_offset(second) and parse_moment(first) != parse_moment(second)


def _list_later_parts(holder: Mapping[str, Any], lasts: Mapping[str, tuple[Any, int]]) -> Iterator[tuple[str, Any]]:
    """Yields (identity of the whole, moment) where a part is later than what the whole says is its last."""
    for key, value in holder.items():
        if not (is_id(key) and parse_resource_noun(key) and isinstance(value, str) and value in lasts):
            continue
        sent = next(
            (
                text
                for name, text in holder.items()
                if parse_moment(text)
                and split_words(name)[:1]
                and split_words(name)[0] in _SENT_WORDS
                and not read_meaning(name, text).bound
            ),
            None,
        )
        last, moment = parse_moment(lasts[value][0]), parse_moment(sent)
        if last and moment and moment > last and has_offset(sent) == has_offset(lasts[value][0]):
            yield value, sent


def _find_other_moment_than_set(case: Case, index: int, call: ToolCall) -> Iterator[Finding]:
    """Finds moments of what a call has just made or done that are neither the ones it set nor now."""
    action = parse_tool_name(call.name).action
    if action not in ("create", "send", "update", "delete"):
        return
    now = case.situation.now
    values = [*call.arguments.values(), *(value for _, value in list_scalars(call.arguments))]
    given = {moment for value in values if (moment := parse_moment(value))}
    for holder, pointer, _ in case.result_objects[index]:
        for key, value in holder.items() if pointer.count("/") <= 1 else ():
            moment = parse_moment(value)
            if moment is None or not has_clock(value):
                continue
            wanted = call.arguments.get(key)
            if parse_moment(wanted) and has_clock(wanted) and differ(wanted, value):
                text = f"{call.id} {call.name}: {key} is {_write(wanted)} in the call, and {_write(value)} here"
                yield _build_finding("other_moment", index, f"{pointer}/{key}", text)
            is_far = moment not in given and abs(moment - now) > _A_DAY
            if is_far and (_is_of_doing(key, value, action, call) or _is_of_undoing(pointer, key, action)):
                text = f"{call.id} {call.name} was made at {now.isoformat()}, and {key} is {_write(value)}"
                yield _build_finding("other_moment", index, f"{pointer}/{key}", text)


def _is_of_doing(key: str, value: Any, action: str, call: ToolCall) -> bool:
    """True if a moment is the one at which a call was carried out: `sent_at`, `created` of what was created."""
    words, phase = set(split_words(key)), read_meaning(key, value).phase
    if phase == "created":
        return action == "create"
    return bool(
        phase == "sent"
        or words & {"timestamp", "sent", "posted"}
        or (phase == "changed" and action == "update")
        or (words == {"started"} and not any("start" in name for name in call.arguments))
    )


def _is_of_undoing(pointer: str, key: str, action: str) -> bool:
    """True if a moment is the one at which a thing was deleted or called off: that of its `cancellation`."""
    return action == "delete" and (
        pointer.rpartition("/")[2].lower().startswith(("cancel", "delet", "remov"))
        or split_words(key)[:1][0] in _UNDONE
    )


_UNDONE = ("cancelled", "canceled", "deleted", "removed", "voided", "revoked")


def _list_moments(holder: Mapping[str, Any], noun: str) -> Iterator[tuple[str, Any, bool]]:
    """Yields (identity, moment, whether it is that of the last part) of a thing, or of the only thing in a line."""
    own = next(
        (
            str(value)
            for key, value in holder.items()
            if is_id(key) and isinstance(value, str | int) and parse_resource_noun(key) in ("", noun)
        ),
        None,
    )
    if own is None and noun.startswith(_BUSY_NOUNS):
        parts = [child for child in holder.values() if isinstance(child, dict)]
        if len(parts) == 1:
            own = next((str(value) for key, value in parts[0].items() if is_id(key)), None)
    if own is None or len(own) < _MIN_IDENTIFIER_LENGTH:
        return
    for key, value in holder.items():
        words = split_words(key)
        if not words or not has_clock(value) or parse_moment(value) is None:
            continue
        if words[0] == "last" and words[-1] in ("at", "date", "time"):
            yield own, value, True
        elif read_meaning(key, value).phase == "start":
            yield own, value, False


def state_against_time(case: Case) -> Iterator[Finding]:
    """A state that the time does not allow: expired before its end, open after it; a move called "done" that leads to
    another stage; a slot that is free while it is busy.

    Let pass are slots that only touch, an end that has no time of day, and a moment without an offset that is less than
    a day away.
    """
    now = case.situation.now
    for index, _, _ in iterate_good_calls(case):
        free: list[tuple[datetime, datetime, str]] = []
        busy: list[tuple[datetime, datetime]] = []
        for holder, pointer, _ in case.result_objects[index]:
            yield from _find_untimely_state(index, holder, pointer, now)
            yield from _find_misnamed_move(index, holder, pointer)
            span = _read_span(holder) if "busy" in pointer or "free" in pointer else None
            if span and "busy" in pointer:
                busy.append(span)
            elif span:
                free.append((*span, pointer))
        yield from _find_taken_slots(index, free, busy)


def _find_untimely_state(index: int, holder: Mapping[str, Any], pointer: str, now: datetime) -> Iterator[Finding]:
    """Finds a thing that is over before its end, or goes on after it has expired."""
    states = {
        value.lower()
        for key, value in holder.items()
        if isinstance(value, str)
        and value.lower() in _OVER_WORDS | _LIVE_WORDS
        and read_meaning(key, value).role == "state"
    }
    over, live = sorted(states & _OVER_WORDS), sorted(states & _LIVE_WORDS)
    for key, value in holder.items() if over or live else ():
        moment = parse_moment(value)
        if moment is None or not has_clock(value):
            continue
        slack = timedelta() if has_offset(value) else _A_DAY
        expires = "expires" in key.lower() or read_meaning(key, value).phase == "expires"
        if over and (expires or read_meaning(key, value).phase == "end") and moment - slack > now:
            text = f"it is {over[0]}, and ends only at {_write(value)}"
            yield _build_finding("state_against_time", index, f"{pointer}/{key}", text)
        elif live and expires and moment + slack < now:
            text = f"it is {live[0]}, and ended at {_write(value)}"
            yield _build_finding("state_against_time", index, f"{pointer}/{key}", text)


def _read_span(holder: Mapping[str, Any]) -> tuple[datetime, datetime] | None:
    """Returns the beginning and the end of an object."""
    ends = [
        next(
            (
                moment
                for key, value in holder.items()
                if read_meaning(key, value).phase == phase and (moment := parse_moment(value))
            ),
            None,
        )
        for phase in ("start", "end")
    ]
    return (ends[0], ends[1]) if ends[0] and ends[1] else None


def _find_taken_slots(
    index: int, free: Sequence[tuple[datetime, datetime, str]], busy: Sequence[tuple[datetime, datetime]]
) -> Iterator[Finding]:
    """Finds free slots that overlap with busy times, walking through both in order of time."""
    latest_end: list[tuple[datetime, datetime]] = []  # (beginning, latest end of all that begin by then)
    for start, end in sorted(busy):
        latest_end.append((start, max(end, latest_end[-1][1]) if latest_end else end))
    position = 0
    for start, end, pointer in sorted(free, key=lambda slot: slot[1]):
        while position < len(latest_end) and latest_end[position][0] < end:
            position += 1
        if position and latest_end[position - 1][1] > start:
            yield _build_finding("state_against_time", index, pointer, "it is free and busy at once")


def _find_misnamed_move(index: int, holder: Mapping[str, Any], pointer: str) -> Iterator[Finding]:
    """Finds a move between stages whose name says one stage and whose target is another."""
    targets = [value for key, value in holder.items() if split_words(key)[:1] == ("to",) and isinstance(value, str)]
    name = holder.get("name")
    if not targets or not isinstance(name, str):
        return
    words = set(split_words(targets[0]))
    stages = {_STAGES[to_singular(word)] for word in split_words(name) if to_singular(word) in _STAGES}
    is_stage = any(words & aliases for aliases in _STAGE_ALIASES.values())
    if stages and is_stage and not any(_STAGE_ALIASES[stage] & words for stage in stages):
        yield _build_finding("state_against_time", index, f"{pointer}/name", f"{name!r} leads to {targets[0]!r}")


def _write(value: Any) -> str:
    """Writes a moment as ISO 8601."""
    moment = parse_moment(value)
    return moment.isoformat() if moment else str(value)


def _build_finding(rule: str, index: int, place: str, text: str) -> Finding:
    return Finding(rule=rule, message=index, place=place, text=text)
