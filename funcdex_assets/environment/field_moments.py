"""Chooses dates and times: now for what the call does, after what they must follow, within the span asked for.

Belongs here: the moments that a result makes up. How a moment is written in a schema's format is in
`language/values.py`.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from funcdex_assets.environment.call_context import CallContext
from funcdex_assets.environment.entity_store import normalize_field_name
from funcdex_assets.environment.object_draft import ObjectDraft
from funcdex_assets.environment.repeated_arguments import find_lone_text
from funcdex_assets.environment.search_criteria import names_same_field
from funcdex_assets.environment.text_titles import find_moment
from funcdex_assets.language import values
from funcdex_assets.language.spoken_values import parse_moment
from funcdex_assets.schema.schema import Schema
from funcdex_assets.schema.words import split_words
from funcdex_assets.semantics.field_meaning import FieldMeaning, decide_field_meaning, decide_value_meaning
from funcdex_assets.semantics.field_roles import PAST_PHASES, read_name
from funcdex_assets.semantics.vocabulary import TALK_NOUNS

_FUTURE_PHASES = frozenset("due start end expires scheduled".split())
_LATER_PHASES = PAST_PHASES - {"created"}  # of what befalls a thing after it was created
_MOMENT = {"type": "string", "format": "date-time"}
_EXCLUSIVE_NOUNS = frozenset("slot busy free availability".split())  # two of them never overlap in time
_FREE_NOUNS = frozenset("slot free availability".split())
_PERIOD_DAYS = {"day": 1, "week": 7, "month": 30, "year": 365}
_LONG_NOUN_DAYS = {"sprint": 14, "iteration": 14, "milestone": 30, "campaign": 30}
_MEETING_MINUTES = (30, 45, 60, 90)
_MOST_TRIES = 200  # to find a moment at which nothing else is
_QUARTER_SECONDS = 900
_WORKING_HOURS = (8, 17)


class FieldMoments:
    """The moments in one call's result; spans of time that exclude each other are kept apart."""

    def __init__(self, context: CallContext):
        self._context, self._rng = context, context.rng
        self._busy_spans: list[tuple[datetime, datetime]] = []

    def choose_moment(self, schema: Schema, name: str, draft: ObjectDraft) -> str:
        """Returns a moment in the schema's format and in the user's time zone, whatever zone the call was in."""
        meaning = decide_field_meaning(name, {**_MOMENT, **schema})
        if meaning.phase == "" and read_name(draft.noun).role == "moment":  # `end: {dateTime: …}` beside `start: {…}`
            meaning = read_name(draft.noun)
        moment = self._choose_datetime(meaning, set(split_words(name)), draft)
        latest = self._find_latest_change_around(meaning, draft)
        if latest and moment.tzinfo and moment > latest:
            moment = latest - timedelta(minutes=15 * self._rng.randint(0, 40))
        local = moment.astimezone(self._context.clock.tzinfo) if moment.tzinfo else moment
        return values.render_moment(schema, local)

    def _find_latest_change_around(self, meaning: FieldMeaning, draft: ObjectDraft) -> datetime | None:
        """Returns when the thing was last changed whose parts are looked at: a part that was there is not newer."""
        intent = self._context.intent
        if (
            meaning.phase not in ("created", "sent", "received")
            or not intent.is_lookup
            or "@made" in draft.known_fields
        ):
            return None
        if draft.noun.rpartition(" ")[2] not in TALK_NOUNS:
            return None
        holders = (self._context.entities.find_entity(*parent) for parent in intent.parents.items())
        changes = (_find_latest_change(ObjectDraft("", holder)) for holder in holders if holder)
        return next((moment for moment in changes if moment is not None), None)

    def _choose_datetime(self, meaning: FieldMeaning, name_words: set[str], draft: ObjectDraft) -> datetime:
        intent, clock, phase = self._context.intent, self._context.clock, meaning.phase
        created_at = draft.known_fields.get("@made_at")
        if phase == "created" and created_at is not None:
            return created_at
        span = draft.known_fields.get("@span") or draft.enclosing.get("@span")
        if span:  # a time at which somebody was said to be busy
            ends = {phase, draft.noun}
            if "end" in ends:
                return datetime.fromisoformat(span[1])
            if "start" in ends:
                return datetime.fromisoformat(span[0])
        if phase == "created" and self._context.standing is not None:
            return self._context.standing.find_founding(clock.tzinfo)
        if phase == "changed" and created_at is not None and intent.is_lookup:
            return created_at  # nothing was made older than itself; what changes it later is known
        if phase == "created" and not intent.is_lookup and draft.noun.startswith(intent.name.verb[:5]):
            return clock  # the cancellation of what is cancelled
        if phase == "changed" and not intent.is_lookup:
            return clock
        if intent.creates_entity and name_words == {"started"} and draft.is_subject:
            return clock  # work that is logged without a start was done just now
        earlier_fields = draft.filled
        if phase in _LATER_PHASES:
            earlier_fields = {key: value for key, value in draft.filled.items() if read_name(key).phase == "created"}
        start = _find_beginning(earlier_fields)
        span = next((span for span in intent.criteria.spans if names_same_field(span.field_words, name_words)), None)
        if span:
            high = span.high if _lies_ahead(meaning, name_words) else min(span.high, clock)
            return self._draw_within(span.low, max(high, span.low))
        if read_name(draft.noun).phase in ("start", "end"):
            start = _find_beginning(draft.enclosing)
        if intent.creates_entity and phase == "start":
            text = find_lone_text(intent)
            if text:
                next_hour = clock.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
                return find_moment(text, clock) or next_hour
        if "period" in name_words and phase == "end":
            period_end = self._draw_end_of_period(draft)
            if period_end:
                return period_end
        follows_start = phase in ("end", "changed") or (phase in _LATER_PHASES and intent.is_lookup)
        if follows_start and isinstance(start, date):
            end = self._draw_end(start, phase, draft.noun)
            if _is_exclusive(draft) and isinstance(start, datetime):
                self._busy_spans.append((start, end))
            return end
        return self._choose_unrelated(meaning, name_words, draft)

    def _choose_unrelated(self, meaning: FieldMeaning, name_words: set[str], draft: ObjectDraft) -> datetime:
        """Returns a moment that follows from no other field but that of a change, which comes after a creation."""
        intent, clock = self._context.intent, self._context.clock
        is_creation, lies_ahead = meaning.phase == "created", _lies_ahead(meaning, name_words)
        if is_creation and not intent.creates_entity:
            changed_at = _find_latest_change(draft)
            if changed_at is not None:
                return changed_at - timedelta(days=self._rng.randint(1, 20), minutes=15 * self._rng.randint(0, 12))
        is_of_known_entity = (
            draft.is_subject or draft.known_fields or draft.identity is not None or intent.mentions_noun(draft.noun)
        )
        existed_before = is_creation and is_of_known_entity and not intent.creates_entity
        is_past = meaning.phase in PAST_PHASES | {""} and not lies_ahead
        if not intent.is_lookup and is_past and not existed_before:
            return clock
        state = draft.filled.get("state", draft.filled.get("status"))
        if draft.noun in _LONG_NOUN_DAYS and meaning.phase in ("start", "created") and state:
            days_running = self._rng.randint(1, _LONG_NOUN_DAYS[draft.noun] - 1)
            days = {"active": -days_running, "closed": -90}.get(str(state))
            if days:
                return clock.replace(hour=9, minute=0, second=0) + timedelta(days=days)
        window = intent.criteria.window
        if window and meaning.phase not in ("created", "changed"):
            return self._draw_free_moment(*window, draft)
        return values.invent_moment(self._context.situation, self._rng, past=not lies_ahead)

    def _draw_free_moment(self, low: datetime, high: datetime, draft: ObjectDraft) -> datetime:
        """Returns a moment in the window; for a free or busy slot one that overlaps no other, if there is one."""
        if _FREE_NOUNS & set(draft.noun.split()) and low < self._context.clock < high:
            low = self._context.clock  # nobody can be met in the past
        moment = self._draw_within(low, high)
        longest = timedelta(minutes=max(*_MEETING_MINUTES, self._context.intent.least_minutes))
        for _ in range(_MOST_TRIES if _is_exclusive(draft) else 0):
            if not any(moment < end and start < moment + longest for start, end in self._busy_spans):
                break
            moment = self._draw_within(low, high)
        return moment

    def _draw_end_of_period(self, draft: ObjectDraft) -> datetime | None:
        """Returns the next payment of what is paid by the week, the month or the year."""
        context = self._context
        price = draft.filled.get("price")
        if not isinstance(price, dict):
            identity = draft.filled.get("price_id", context.intent.identities.get("price", ""))
            price = context.entities.find_entity("price", identity)
        intervals = (value for key, value in price.items() if normalize_field_name(key).endswith("interval"))
        days = next((_PERIOD_DAYS.get(str(value)) for value in intervals), None)
        if not days:
            return None
        days_left = days if context.intent.creates_entity else self._rng.randint(1, max(1, days - 1))
        return context.clock.replace(second=0) + timedelta(days=days_left)

    def _draw_end(self, start: date, phase: str, noun: str) -> datetime:
        clock, least_minutes = self._context.clock, self._context.intent.least_minutes
        if noun in _LONG_NOUN_DAYS and isinstance(start, datetime):
            return start + timedelta(days=_LONG_NOUN_DAYS[noun])
        if not isinstance(start, datetime):
            return datetime.combine(start, clock.timetz()) + timedelta(days=self._rng.randint(1, 7))
        lengths = [minutes for minutes in _MEETING_MINUTES if minutes >= least_minutes] or [least_minutes]
        end = start + timedelta(minutes=self._rng.choice(lengths))
        return end if phase == "end" else max(start, min(end, clock))

    def _draw_within(self, low: datetime, high: datetime) -> datetime:
        """Returns a quarter of an hour in the span, during working hours where the span has any."""
        low, high = (end.astimezone(self._context.clock.tzinfo) for end in (low, high))
        seconds = max(1, int((high - low).total_seconds()))
        moment = low + timedelta(seconds=self._rng.randrange(seconds) // _QUARTER_SECONDS * _QUARTER_SECONDS)
        at_work = moment.replace(hour=self._rng.randint(*_WORKING_HOURS), minute=self._rng.choice((0, 15, 30, 45)))
        return at_work if low <= at_work <= high else moment


def _lies_ahead(meaning: FieldMeaning, name_words: set[str]) -> bool:
    return meaning.phase in _FUTURE_PHASES or meaning.bound == "until" or bool(name_words & {"next", "deadline"})


def _is_exclusive(draft: ObjectDraft) -> bool:
    return bool(_EXCLUSIVE_NOUNS & set(draft.noun.split()))


def _find_beginning(fields: Mapping[str, Any]) -> date | None:
    """Returns the moment at which something begins or was created, as its fields say."""
    for key, value in fields.items():
        meaning = decide_value_meaning(key, value)
        if meaning.role == "moment" and meaning.phase in ("start", "created"):
            for text in value.values() if isinstance(value, dict) else (value,):
                moment = parse_moment({}, text) if isinstance(text, str) else None
                if isinstance(moment, date):
                    return moment
    return None


def _find_latest_change(draft: ObjectDraft) -> datetime | None:
    """Returns the moment of a change, as it is known or filled in; the entity was created before it."""
    for fields in (draft.known_fields, draft.filled):
        for key, value in fields.items():
            is_change = isinstance(value, str) and read_name(key).phase == "changed"
            moment = parse_moment({}, value) if is_change else None
            if isinstance(moment, datetime) and moment.tzinfo:
                return moment
    return None
