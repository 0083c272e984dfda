"""Keeps the moment of a conversation's last message and the moments of its messages in agreement.

Belongs here: how a thing and what it consists of agree in time, by whatever names: `last_message_at` of a thread and
`date` of an email, `last_event_at` of an incident and `timestamp` of its events. Numbers of parts are in `part_counts`.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from funcdex_assets.environment.entity_store import Entity, EntityStore, canonicalize_noun, normalize_field_name
from funcdex_assets.language import values
from funcdex_assets.language.spoken_values import parse_moment
from funcdex_assets.schema.words import split_words
from funcdex_assets.semantics.tool_names import is_id, parse_resource_noun

_SENT_WORDS = frozenset("date sent received internal timestamp posted".split())
_SENT_FIELDS = ("date", "sent", "received", "internaldate", "timestamp", "posted", "createdat", "createdtime")
_LAST_ENDINGS = frozenset("at date time".split())
_CHANGED_FIELDS = ("lastupdate", "lastmodified", "lastedited", "lastseen", "lastlogin", "lastsync")


class LateField(NamedTuple):
    """A moment of an object that is later than the last moment of the thing that it belongs to."""

    key: str
    parent_key: str
    parent_noun: str
    last: datetime


def find_last_moment(entity: Mapping[str, Any]) -> datetime | None:
    """Returns the moment of the entity's last part, as `last_message_at` tells it."""
    name = _find_last_field(entity)
    moment = parse_moment({}, entity[name]) if name else None
    return moment if isinstance(moment, datetime) and moment.tzinfo else None


def find_late_fields(fields: Mapping[str, Any], noun: str, entities: EntityStore) -> list[LateField]:
    """Returns the moments of a message that are after the last one of its conversation."""
    moments = [(key, moment) for key in fields if _is_sent_key(key) and (moment := _read_moment(fields[key]))]
    late_fields: list[LateField] = []
    for parent_key, identity in fields.items() if moments else ():
        parent_noun = parse_resource_noun(parent_key) if is_id(parent_key) else ""
        if not parent_noun or canonicalize_noun(parent_noun) == canonicalize_noun(noun):
            continue
        last = (
            find_last_moment(entities.find_entity(parent_noun, identity)) if isinstance(identity, str | int) else None
        )
        late_fields += [
            LateField(key, parent_key, parent_noun, last) for key, moment in moments if last and moment > last
        ]
    return late_fields


def find_last_of_parts(fields: Mapping[str, Any], noun: str, identity: str, entities: EntityStore) -> dict[str, str]:
    """Returns the object's field for the moment of its last part, with that of the newest part known, where it is
    later.
    """
    key = next((key for key in fields if is_last_key(key)), None)
    shown = _read_moment(fields[key]) if key else None
    if key is None or shown is None:
        return {}
    newest = max(_list_part_moments(entities, noun, identity), default=None)
    return {key: values.render_moment({}, newest)} if newest and newest > shown else {}


def is_last_key(key: str) -> bool:
    """Returns whether a field of this name tells the moment of the last part: `last_message_at`, `last_date`."""
    words = split_words(key)
    return bool(words) and words[0] == "last" and words[-1] in _LAST_ENDINGS and not _names_change(key)


def move_last_moment(entity: Entity, noun: str, now: datetime) -> None:
    """Moves the moment of an entity's last part of a noun to the present, when such a part was added to it."""
    name = _find_last_field(entity)
    is_meant = name and (noun in name or "activity" in name)
    if name and is_meant:
        entity[name] = values.render_moment({"format": "date" if len(entity[name]) == 10 else "date-time"}, now)


def _find_last_field(entity: Mapping[str, Any]) -> str | None:
    names = (name for name in entity if name.startswith("last") and name.endswith(tuple(_LAST_ENDINGS)))
    return next((name for name in names if not _names_change(name) and isinstance(entity[name], str)), None)


def _names_change(name: str) -> bool:
    return normalize_field_name(name).startswith(_CHANGED_FIELDS)


def _is_sent_key(key: str) -> bool:
    words = split_words(key)
    return bool(words) and words[0] in _SENT_WORDS


def _list_part_moments(entities: EntityStore, noun: str, identity: str) -> Iterator[datetime]:
    """Yields the moments at which the known parts of an entity were sent."""
    for _, entity in entities.iterate_parts(noun, identity):
        name = next((name for name in _SENT_FIELDS if name in entity), None)
        moment = _read_moment(entity[name]) if name else None
        if moment:
            yield moment


def _read_moment(value: Any) -> datetime | None:
    moment = parse_moment({}, value) if isinstance(value, str) else None
    return moment if isinstance(moment, datetime) and moment.tzinfo else None
