"""Finds why a service cannot do what a call asks: its state forbids it, or a rule that a description states.

Belongs here: each reason, with the words in which the service says so. Rules are read in `semantics/stated_rules.py`;
conditions of the whole service, such as an expired sign-in, are in `service_conditions.py`. What is not known forbids
nothing: an invoice whose status no result has shown can be finalised.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from funcdex_assets.environment.call_intent import CallIntent
from funcdex_assets.environment.entity_store import Entity, EntityStore, canonicalize_noun, normalize_field_name
from funcdex_assets.language.spoken_values import parse_moment
from funcdex_assets.records.labels import Fault
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.json_pointers import at_pointer, list_scalars
from funcdex_assets.schema.words import split_words, to_plural
from funcdex_assets.semantics import stated_rules as rules
from funcdex_assets.semantics.epochs import read_likely_epoch
from funcdex_assets.semantics.field_roles import read_name
from funcdex_assets.semantics.tool_names import is_id, parse_tool_name

_BOOKING_NOUNS = frozenset("booking reservation appointment".split())
_BOOKING_VERBS = frozenset("book reserve".split())
READ_ONLY_ROLES = frozenset("reader viewer freebusyreader commenter read readonly guest".split())
ROLE_FIELDS = ("accessrole", "myrole", "userrole", "permissionlevel")
_STATE_FIELDS = ("status", "state", "reviewstatus", "lifecyclestate")
_RECIPIENT_WORDS = frozenset("to recipient phone".split())
_NAME_FIELDS = ("name", "title", "labelname", "displayname")
_COMPLETED = frozenset("completed closed resolved done".split())
_SPELLINGS = {"cancelled": "canceled", "needsaction": "open", "todo": "open"}
_SECONDS_PER_DAY = 86_400


@dataclass(frozen=True)
class Refusal:
    """Why a call is refused: the fault that the service reports, its words, the pointer of the argument at fault and
    the seconds to wait, where there are such.
    """

    fault: Fault
    message: str
    about: str = ""
    wait: int | None = None


@dataclass(frozen=True)
class CallAttempt:
    """A call that a service looks at before it does anything. `stated` are the rules of its own tool, `known` those of
    all tools of the service; `call_times` has when it was called before, by tool.
    """

    tool: Tool
    intent: CallIntent
    stated: Sequence[rules.StatedRule]
    known: Sequence[rules.StatedRule]
    entities: EntityStore
    now: datetime
    call_times: Mapping[str, Sequence[datetime]]


def find_refusal(attempt: CallAttempt) -> Refusal | None:
    """Returns the first reason for which a service refuses a call, None if it can be answered."""
    for find in _REASONS:
        refusal = next(find(attempt), None)
        if refusal is not None:
            return refusal
    return None


def list_required_states(
    tool: Tool, stated: Sequence[rules.StatedRule], known: Sequence[rules.StatedRule]
) -> Iterator[rules.RequiredState]:
    """Yields the states in which the things that a tool is called for must be, so that its calls are not refused."""
    name = parse_tool_name(tool.name)
    for rule in stated:
        if isinstance(rule, rules.RequiredState):
            yield rule
    for lock in known:
        if isinstance(lock, rules.LockedAfter) and lock.forbids_tool(name):
            yield from _list_states_before(lock, known)


def is_in_state(entity: Mapping[str, Any], states: Sequence[str]) -> bool | None:
    """Returns whether an entity is in one of the states, as far as it is known; None if nothing tells."""
    wanted = {_normalize_state(state) for state in states}
    for name in _STATE_FIELDS:
        value = entity.get(name)
        if isinstance(value, str):
            return _normalize_state(value) in wanted
    for name, value in entity.items():
        if isinstance(value, bool) and name.removeprefix("is") in wanted:
            return value
    if wanted & _COMPLETED and "@closed" in entity:
        return True
    return None


def find_subject_of_call(arguments: Mapping[str, Any]) -> str:
    """Returns the first identifier among the arguments, by which the service names what a right is missing for."""
    identities = (value for key, value in arguments.items() if is_id(key) and isinstance(value, str | int))
    return str(next(identities, ""))


# ── reasons, in the order in which a service finds them ───────────────────────────────────────


def _find_broken_limits(attempt: CallAttempt) -> Iterator[Refusal]:
    """Yields arguments that are longer, later or more than their description permits; an update of one end of a span is
    held against the other end as it is known.
    """
    arguments = {**_find_known_ends(attempt), **attempt.intent.arguments}
    for rule in attempt.stated:
        if isinstance(rule, rules.MostItems):
            value = at_pointer(arguments, rule.pointer)
            if isinstance(value, list) and len(value) > rule.count:
                message = f"{_name(rule.pointer)} has {len(value)} items; at most {rule.count} are permitted."
                yield Refusal("invalid_argument", message, rule.pointer)
        elif isinstance(rule, rules.MostCharacters):
            value = at_pointer(arguments, rule.pointer)
            texts = value if isinstance(value, list) else [value]
            too_long = next((text for text in texts if isinstance(text, str) and len(text) > rule.count), None)
            if too_long is not None:
                message = f"{_name(rule.pointer)} has {len(too_long)} characters; at most {rule.count} are permitted."
                yield Refusal("invalid_argument", message, rule.pointer)
        elif isinstance(rule, rules.LongestSpan):
            start, end = (_read_moment(arguments, pointer, attempt.now) for pointer in (rule.start, rule.pointer))
            if start and end and end < start:
                yield Refusal("invalid_argument", _say_is_before(rule.pointer, rule.start), rule.pointer)
            elif start and end and (end - start).total_seconds() > rule.days * _SECONDS_PER_DAY:
                message = f"{_name(rule.pointer)} is more than {rule.days:g} days after {_name(rule.start)}."
                yield Refusal("invalid_argument", message, rule.pointer)
        elif isinstance(rule, rules.EndAfterStart):
            start, end = (_read_moment(arguments, pointer, attempt.now) for pointer in (rule.start, rule.pointer))
            is_empty = start == end and not _is_day(at_pointer(arguments, rule.pointer))
            if start and end and (end < start or is_empty):
                yield Refusal("invalid_argument", _say_is_before(rule.pointer, rule.start), rule.pointer)
        elif isinstance(rule, rules.FutureMoment):
            moment = _read_moment(arguments, rule.pointer, attempt.now)
            if moment and moment < attempt.now:
                yield Refusal("invalid_argument", f"{_name(rule.pointer)} is in the past.", rule.pointer)


def _find_used_up_quota(attempt: CallAttempt) -> Iterator[Refusal]:
    """Yields the limit of calls within a time, with the seconds until the oldest of them is past."""
    for rule in attempt.stated:
        if isinstance(rule, rules.CallQuota):
            since = attempt.now - timedelta(seconds=rule.seconds)
            recent = [moment for moment in attempt.call_times.get(rule.tool, ()) if moment > since]
            if len(recent) >= rule.count:
                wait = max(1, round((recent[-rule.count] - since).total_seconds()))
                message = f"The limit of {rule.count} calls is used up; try again in {wait} seconds."
                yield Refusal("rate_limit", message, wait=wait)


def _find_missing_right(attempt: CallAttempt) -> Iterator[Refusal]:
    """Yields the thing that the call would change and that its listing shows the user may only read."""
    intent = attempt.intent
    if intent.is_lookup:
        return
    for noun, identity in intent.named_entities:
        entity = attempt.entities.find_entity(noun, identity)
        role = next((entity[name] for name in ROLE_FIELDS if isinstance(entity.get(name), str)), "")
        if normalize_field_name(role) in READ_ONLY_ROLES:
            message = f"You have the role {role!r} on {noun} {identity!r}, which does not permit changes."
            yield Refusal("permission_denied", message)


def _find_forbidding_state(attempt: CallAttempt) -> Iterator[Refusal]:
    """Yields the thing that is not in the state which the call needs."""
    intent = attempt.intent
    if intent.is_lookup and not intent.restores_object:
        return
    for rule in attempt.stated:
        if isinstance(rule, rules.RequiredState):
            name, entity = _find_named(rule.noun, attempt)
            is_permitted = is_in_state(entity, rule.states)
            is_done = is_permitted is None and entity.get("@state") == intent.name.verb
            if is_done or is_permitted is False:
                states, current = " or ".join(rule.states), _describe_state(entity)
                message = f"Only {states} {to_plural(rule.noun)} permit this; {rule.noun} {name!r} is {current}."
                yield Refusal("conflict", message, _find_pointer(name, intent))
    for lock in attempt.known:
        if isinstance(lock, rules.LockedAfter) and lock.forbids_tool(intent.name):
            name, entity = _find_named(lock.noun, attempt)
            is_past = any(
                is_in_state(entity, rule.states) is False for rule in _list_states_before(lock, attempt.known)
            )
            if lock.verb in entity.get("@verbs", ()) or is_past:
                current = _describe_state(entity)
                what = "be changed" if lock.forbids == "change" else "have anything added to it"
                message = f"{lock.noun.capitalize()} {name!r} is {current} and can no longer {what}."
                yield Refusal("conflict", message, _find_pointer(name, intent))


def _find_spent_thing(attempt: CallAttempt) -> Iterator[Refusal]:
    """Yields the thing that can be used once and was."""
    for rule in attempt.stated:
        if isinstance(rule, rules.OnlyOnce):
            name, entity = _find_named(rule.noun, attempt)
            if rule.tool in entity.get("@done", ()):
                message = f"{rule.noun.capitalize()} {name!r} was used already; it can be used once."
                yield Refusal("conflict", message, _find_pointer(name, attempt.intent))


def _find_taken_name(attempt: CallAttempt) -> Iterator[Refusal]:
    """Yields a name that another thing has, where names are unique, or had until a while ago."""
    intent, entities = attempt.intent, attempt.entities
    if not intent.creates_entity and intent.name.action != "update":
        return
    noun = intent.name.noun
    named = entities.find_entity(noun, intent.object_identity or "")
    for rule in attempt.stated:
        if not isinstance(rule, rules.UniqueName):
            continue
        value = at_pointer(dict(intent.arguments), rule.pointer)
        others = [entity for entity in entities.list_entities(noun).values() if entity is not named]
        if isinstance(value, str) and any(_has_value(entity, _name(rule.pointer), value) for entity in others):
            message = f"{_name(rule.pointer)} {value!r} is taken: a {noun} of this name exists already."
            yield Refusal("conflict", message, rule.pointer)
    for rule in attempt.known:
        if isinstance(rule, rules.ReservedName) and canonicalize_noun(rule.noun) == canonicalize_noun(noun):
            texts = [value for _, value in list_scalars(dict(intent.arguments)) if isinstance(value, str)]
            for entity in entities.list_deleted_entities(noun):
                name = next((text for text in texts if _has_name(entity, text)), None)
                if name is not None:
                    message = (
                        f"A {noun} called {name!r} was deleted; its name cannot be used again for {rule.days:g} days."
                    )
                    yield Refusal("conflict", message, _find_pointer(name, intent))


def _find_overlapping_booking(attempt: CallAttempt) -> Iterator[Refusal]:
    """Yields a booking of the same resource in a time that overlaps with that of the call."""
    intent, entities = attempt.intent, attempt.entities
    is_booking = intent.name.noun in _BOOKING_NOUNS or intent.name.verb in _BOOKING_VERBS
    span = _read_span(intent.arguments, attempt.now)
    if not is_booking or not intent.creates_entity or span is None:
        return
    nouns = {intent.name.noun, *_BOOKING_NOUNS}
    for noun in sorted(nouns):
        for identity, entity in entities.list_entities(noun).items():
            fields = {**entity.get("@told", {}), **{name: entity[name] for name in entity if name[:1] != "@"}}
            other_span = _read_span(fields, attempt.now)
            is_same_resource = any(
                str(value) in (str(entity.get("@parents", {}).get(parent)), str(fields.get(f"{parent}id")))
                for parent, value in intent.identities.items()
                if parent not in ("user", "customer", "guest", "member", "patient", "client")
            )
            is_over = is_in_state(entity, ("canceled", "completed", "expired"))
            if other_span and is_same_resource and not is_over and _overlap(span, other_span):
                message = f"The time overlaps with {noun} {identity!r}, from {other_span[0]} to {other_span[1]}."
                yield Refusal("conflict", message)


def _find_silence(attempt: CallAttempt) -> Iterator[Refusal]:
    """Yields a recipient of whom nothing was heard for so long that only another tool reaches them."""
    intent = attempt.intent
    for rule in attempt.known:
        if not isinstance(rule, rules.OnlyWayAfterSilence):
            continue
        if rule.tool == attempt.tool.name or rule.verb != intent.name.verb:
            continue
        for key, value in intent.arguments.items():
            if isinstance(value, str) and set(split_words(key)) & _RECIPIENT_WORDS:
                heard = find_last_contact(value, attempt.entities, attempt.now)
                if heard is not None and (attempt.now - heard).total_seconds() > rule.hours * 3600:
                    message = (
                        f"The last message of {value} is older than {rule.hours:g} hours; "
                        f"{' '.join(split_words(rule.tool))} is the only way to write to them now."
                    )
                    yield Refusal("conflict", message, f"/{key}")


_REASONS: Sequence[Callable[[CallAttempt], Iterator[Refusal]]] = (
    _find_broken_limits,
    _find_used_up_quota,
    _find_missing_right,
    _find_forbidding_state,
    _find_spent_thing,
    _find_taken_name,
    _find_overlapping_booking,
    _find_silence,
)


# ── how entities and arguments are read ──────────────────────────────────────────────────────


def _list_states_before(lock: rules.LockedAfter, known: Sequence[rules.StatedRule]) -> Iterator[rules.RequiredState]:
    """Yields the states in which a thing is as long as the verb that locks it was not done."""
    for rule in known:
        if isinstance(rule, rules.RequiredState) and (rule.noun, rule.verb) == (lock.noun, lock.verb):
            yield rule


def _find_named(noun: str, attempt: CallAttempt) -> tuple[str, Entity]:
    """Returns the name by which the call names a thing of the noun, and the thing; it is empty where it is unknown."""
    intent, entities = attempt.intent, attempt.entities
    for named_noun, identity in intent.named_entities:
        if canonicalize_noun(named_noun) == canonicalize_noun(noun):
            return identity, entities.find_entity(named_noun, identity)
    for key, value in intent.arguments.items():
        words = split_words(key)
        if isinstance(value, str) and words[-1] in ("name", "title") and noun.rpartition(" ")[2] in words:
            named = (entity for entity in entities.list_entities(noun).values() if _has_name(entity, value))
            return value, next(named, {})
    return "", {}


def _has_name(entity: Mapping[str, Any], name: str) -> bool:
    shown = [entity.get(key) for key in _NAME_FIELDS] + [entity.get("@told", {}).get(key) for key in _NAME_FIELDS]
    return any(isinstance(text, str) and text.casefold() == name.casefold() for text in shown)


def _has_value(entity: Mapping[str, Any], field_name: str, text: str) -> bool:
    """Returns whether an entity has a text in the field of this name; what names it may be its `name` or `title`."""
    if split_words(field_name)[-1] in ("name", "title", "label") and _has_name(entity, text):
        return True
    known = _find_known_value(entity, field_name)
    return isinstance(known, str) and known.casefold() == text.casefold()


def _describe_state(entity: Mapping[str, Any]) -> str:
    state = next((entity[name] for name in _STATE_FIELDS if isinstance(entity.get(name), str)), None)
    if state is not None:
        return str(state).lower()
    verbs = entity.get("@verbs", ())
    return f"in another state, after {verbs[-1]}," if verbs else "in another state"


def _normalize_state(state: str) -> str:
    name = normalize_field_name(state)
    return _SPELLINGS.get(name, name)


def _find_pointer(value: str, intent: CallIntent) -> str:
    return next((pointer for pointer, other in list_scalars(dict(intent.arguments)) if str(other) == value), "")


def _say_is_before(end: str, start: str) -> str:
    return f"{_name(end)} is before {_name(start)}."


def _name(pointer: str) -> str:
    return pointer.rpartition("/")[2]


def find_last_contact(address: str, entities: EntityStore, now: datetime) -> datetime | None:
    """Returns the moment of the last message of whoever has this number or address, None if no result has told it."""
    moments = [
        moment
        for entity in entities.list_all_entities()
        if any(value == address for _, value in list_scalars({k: v for k, v in entity.items() if k[:1] != "@"}))
        for name, value in entity.items()
        if name.startswith("lastmessage")
        and not name.endswith("id")
        and (moment := _to_datetime(value, now)) is not None
    ]
    return max(moments, default=None)


def _read_moment(arguments: Mapping[str, Any], pointer: str, now: datetime) -> datetime | None:
    """Returns the moment at a pointer, which may be an object with one inside; one without an offset is the user's."""
    value = at_pointer(dict(arguments), pointer)
    if isinstance(value, dict):
        moments = (_to_datetime(text, now) for _, text in list_scalars(value))
        return next((moment for moment in moments if moment is not None), None)
    return _to_datetime(value, now)


def _find_known_ends(attempt: CallAttempt) -> dict[str, Any]:
    """Returns what is known of the starts that rules name, by argument, of the thing that an update names."""
    intent = attempt.intent
    if intent.name.action != "update" or intent.object_identity is None:
        return {}
    entity = attempt.entities.find_entity(intent.name.noun, intent.object_identity)
    starts = [rule.start for rule in attempt.stated if isinstance(rule, rules.LongestSpan | rules.EndAfterStart)]
    names = [pointer.removeprefix("/") for pointer in starts]
    return {name: value for name in names if (value := _find_known_value(entity, name)) is not None}


def _find_known_value(entity: Mapping[str, Any], name: str) -> Any:
    """Returns what a field of this name shows of an entity, or what a call said of it."""
    field_name = normalize_field_name(name)
    return entity.get(field_name, entity.get("@told", {}).get(field_name))


def _is_day(value: Any) -> bool:
    """Returns whether a moment is a whole day, or an object that may be one."""
    return isinstance(value, dict) or (isinstance(value, str) and not isinstance(parse_moment({}, value), datetime))


def _to_datetime(value: Any, now: datetime) -> datetime | None:
    moment = parse_moment({}, value) if isinstance(value, str) else read_likely_epoch(value, now.tzinfo)
    if isinstance(moment, datetime):
        return moment if moment.tzinfo else moment.replace(tzinfo=now.tzinfo)
    if isinstance(moment, date):
        return datetime.combine(moment, time(), now.tzinfo)
    return None


def _read_span(fields: Mapping[str, Any], now: datetime) -> tuple[datetime, datetime] | None:
    """Returns the first two moments among the fields, in order, as a span of time."""
    fields = {key: value for key, value in fields.items() if isinstance(value, str) or _may_be_moment(key)}
    moments = [_to_datetime(value, now) for key, value in fields.items() if not is_id(key) and _names_end(key)]
    known = [moment for moment in moments if moment is not None]
    return (min(known[:2]), max(known[:2])) if len(known) > 1 else None


def _may_be_moment(key: str) -> bool:
    """Returns whether a number of this name may be a moment, not an amount, a count or a phone number."""
    return read_name(key).role in ("moment", "other")


def _names_end(key: str) -> bool:
    name = normalize_field_name(key)
    return name.startswith(("start", "end", "begin", "from", "to", "until", "check"))


def _overlap(span: tuple[datetime, datetime], other: tuple[datetime, datetime]) -> bool:
    return span[0] < other[1] and other[0] < span[1]
