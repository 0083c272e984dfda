"""Computes when people are busy and when they are free: from the events of the world, never by chance.

Belongs here: the lists of a result that show busy or free times. Busy are the known events of whoever is asked for. A
person of whom no events are known gets a few times at which they are busy, which stay theirs for the whole
conversation; the user's own are events from then on, and are listed as such. Free is what is left of the working hours.

>>> nine, ten, noon = (datetime(2026, 1, 5, hour) for hour in (9, 10, 12))
>>> [(str(start.time()), str(end.time())) for start, end in find_gaps((nine, noon), [(nine, ten)], 30)]
[('10:00:00', '12:00:00')]
"""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any

from funcdex_assets.environment.entity_store import Entity, canonicalize_noun
from funcdex_assets.environment.result_scope import ResultScope
from funcdex_assets.language.spoken_values import parse_moment
from funcdex_assets.records.seeds import build_generator
from funcdex_assets.schema.json_pointers import list_scalars
from funcdex_assets.schema.schema import Schema
from funcdex_assets.schema.words import split_words
from funcdex_assets.semantics.field_meaning import decide_field_meaning

Span = tuple[datetime, datetime]
_BUSY_WORDS = frozenset("busy occupied unavailable".split())
_FREE_WORDS = frozenset("free available availability slot opening".split())
_EVENT_NOUNS = ("event", "meeting", "appointment", "booking", "reservation")
_CANCELLED = frozenset("cancelled canceled declined".split())
_WORKING_HOURS = (time(8), time(18))
_WORKING_DAYS = 5  # of a week, from Monday on
_MINUTES = (30, 45, 60, 90)
_STEP_MINUTES = 30  # the shortest free time worth telling, and what bookable times begin at
_MOST_STARTS = 3  # bookable times told of one gap
_DEFAULT_WINDOW = timedelta(days=7)
_MOST_BUSY = 3  # times made up for one person in a window
_MOST_FREE = 60  # times that are told; two months of working days
_MOST_DAYS = 60  # of a window that are looked at


def list_times(items: Schema, noun: str, scope: ResultScope) -> list[Entity] | None:
    """Returns what is known of each busy or free time that a list shows, in order; None for any other list.

    `items` is the schema of one of its items.
    """
    words = {*noun.split(), *split_words(noun)}
    phases = {decide_field_meaning(key, schema).phase for key, schema in items.get("properties", {}).items()}
    if not scope.intent.is_lookup or "start" not in phases or not words & (_BUSY_WORDS | _FREE_WORDS):
        return None
    window = _find_window(scope)
    busy = _list_busy_times(window, scope)
    if words & _BUSY_WORDS:
        return [_describe_busy_time(span, address, identity) for span, address, identity in busy]
    least_minutes = scope.intent.least_minutes or _STEP_MINUTES
    gaps = [
        gap for hours in _list_working_hours(window) for gap in find_gaps(hours, [b[0] for b in busy], least_minutes)
    ]
    if "end" not in phases:  # each moment at which one can begin
        starts = [start for gap in gaps for start in _list_starts(gap)[:_MOST_STARTS]]
        gaps = [(start, start + timedelta(minutes=least_minutes)) for start in starts]
    return [{"start": start.isoformat(), "end": end.isoformat()} for start, end in gaps[:_MOST_FREE]]


def find_gaps(hours: Span, busy: Iterable[Span], least_minutes: int) -> list[Span]:
    """Returns the spans within the hours in which nothing is, of so many minutes at least."""
    gaps: list[Span] = []
    start = hours[0]
    for busy_start, busy_end in [*sorted(busy), (hours[1], hours[1])]:
        end = min(busy_start, hours[1])
        if (end - start).total_seconds() >= least_minutes * 60:
            gaps.append((start, end))
        start = max(start, busy_end)
    return gaps


def _find_window(scope: ResultScope) -> Span:
    """Returns the span that is asked for, in the user's time zone, from now on; the next week if none is."""
    clock = scope.context.clock
    low, high = scope.intent.criteria.window or (clock, clock + _DEFAULT_WINDOW)
    low, high = low.astimezone(clock.tzinfo), high.astimezone(clock.tzinfo)
    return low, max(low, min(high, low + timedelta(days=_MOST_DAYS)))


def _list_busy_times(window: Span, scope: ResultScope) -> list[tuple[Span, str, str]]:
    """Returns the busy times within the window in order, each with the address of who is busy and the identifier of the
    event, '' where it has none.
    """
    user = scope.context.situation.persona.email
    found: list[tuple[Span, str, str]] = []
    for address in scope.intent.addressees or (user,):
        if address == user:
            _make_up_events_of_user(user, window, scope)
        known = _list_known_events(address, user, window, scope)
        found += [(span, address, identity) for span, identity in known]
        if address != user:
            made_up = _remember_made_up_times(address, window, scope)
            known_spans = [span for span, _ in known]
            found += [(span, address, "") for span in made_up if not any(_overlap(span, one) for one in known_spans)]
    return sorted(found)


def _list_known_events(address: str, user: str, window: Span, scope: ResultScope) -> list[tuple[Span, str]]:
    """Returns the events of a person that overlap with the window, each with its identifier."""
    zone = scope.context.clock.tzinfo
    found: list[tuple[Span, str]] = []
    for noun in _EVENT_NOUNS:
        for identity, entity in scope.entities.list_entities(noun).items():
            state = str(entity.get("status", entity.get("state", ""))).lower()
            span = _read_span(entity, zone)
            if span is None or state in _CANCELLED or not _overlap(span, window):
                continue
            fields = {name: value for name, value in entity.items() if name[:1] != "@" or name == "@told"}
            is_invited = any(value == address for _, value in list_scalars(fields))
            if address == user or is_invited:
                found.append((span, "" if identity.startswith("#") else identity))
    return found


def _make_up_events_of_user(user: str, window: Span, scope: ResultScope) -> None:
    """Adds events at which the user is busy, unless all events there are were listed before."""
    entities = scope.entities
    if entities.has_listed(*_EVENT_NOUNS):
        return
    known_days = set(entities.busy_times.get(user, ()))
    for start, end in _remember_made_up_times(user, window, scope):
        if start.date().isoformat() not in known_days:
            span = [start.isoformat(), end.isoformat()]
            entities.add_unidentified("event", {"start": span[0], "end": span[1], "@span": span})


def _remember_made_up_times(address: str, window: Span, scope: ResultScope) -> list[Span]:
    """Returns the times at which somebody is busy for reasons of their own, the same whenever they are asked for."""
    remembered = scope.entities.busy_times.setdefault(address, {})
    spans: list[Span] = []
    for hours in _list_working_hours(window):
        day = hours[0].date().isoformat()
        if day not in remembered:
            least = 1 if not spans and _needs_busy_times(scope) else 0
            remembered[day] = [] if len(spans) >= _MOST_BUSY else _make_up_times(address, hours, scope, least)
        spans += [(datetime.fromisoformat(start), datetime.fromisoformat(end)) for start, end in remembered[day]]
    return [span for span in spans if _overlap(span, window)]


def _overlap(span: Span, other: Span) -> bool:
    return span[0] < other[1] and other[0] < span[1]


def _needs_busy_times(scope: ResultScope) -> bool:
    """Returns whether a later call takes something from a busy time."""
    return any(_BUSY_WORDS & set(split_words(path)) for path in scope.needed.patterns)


def _make_up_times(address: str, hours: Span, scope: ResultScope, least: int) -> list[tuple[str, str]]:
    rng = build_generator("busy", scope.context.seed, address, hours[0].date())
    first = hours[0].replace(hour=rng.randint(8, 15), minute=rng.choice((0, 15, 30, 45)))
    if least and first < hours[0]:
        first = hours[0] + timedelta(minutes=15)
    spans: list[tuple[str, str]] = []
    for start in (first, first + timedelta(minutes=15 * rng.randint(7, 12)))[: max(least, rng.choice((0, 1, 1, 2)))]:
        end = start + timedelta(minutes=rng.choice(_MINUTES))
        if hours[0] <= start and end <= hours[1]:
            spans.append((start.isoformat(), end.isoformat()))
    return spans


def _list_working_hours(window: Span) -> list[Span]:
    """Returns the working hours of each working day within the window; the whole window if there are none in it."""
    hours: list[Span] = []
    day = window[0].date()
    while day <= window[1].date():
        start, end = (datetime.combine(day, moment, window[0].tzinfo) for moment in _WORKING_HOURS)
        start, end = max(start, window[0]), min(end, window[1])
        if start < end and day.weekday() < _WORKING_DAYS:
            hours.append((start, end))
        day += timedelta(days=1)
    return hours or [window]


def _list_starts(gap: Span) -> list[datetime]:
    """Returns the full half hours at which something can begin in a gap."""
    start = gap[0]
    off = (start.minute % _STEP_MINUTES, start.second, start.microsecond)
    if any(off):
        start = start.replace(second=0, microsecond=0) + timedelta(minutes=_STEP_MINUTES - off[0])
    step = timedelta(minutes=_STEP_MINUTES)
    return [start + step * number for number in range(int((gap[1] - start) / step))]


def _describe_busy_time(span: Span, address: str, identity: str) -> Entity:
    known: Entity = {"start": span[0].isoformat(), "end": span[1].isoformat(), "email": address}
    if identity:
        known["@occupant"] = [canonicalize_noun("event"), identity]
    return known


def _read_span(entity: Entity, zone: Any) -> Span | None:
    """Returns from when to when an event is, as results or calls told."""
    if "@span" in entity:
        start, end = entity["@span"]
        return datetime.fromisoformat(start), datetime.fromisoformat(end)
    ends = [_read_end(entity, phase, zone) for phase in ("start", "end")]
    return (ends[0], ends[1]) if ends[0] and ends[1] and ends[0] < ends[1] else None


def _read_end(entity: Entity, phase: str, zone: Any) -> datetime | None:
    for fields in (entity, entity.get("@told", {})):
        for name, value in fields.items():
            if not name.startswith(phase):
                continue
            texts = [text for _, text in list_scalars(value)] if isinstance(value, dict) else [value]
            for text in texts:
                moment = parse_moment({}, text) if isinstance(text, str) else None
                if isinstance(moment, datetime):
                    return moment if moment.tzinfo else moment.replace(tzinfo=zone)
                if isinstance(moment, date):
                    return datetime.combine(moment, time(), zone)
    return None
