"""Tells in which project, folder, team or workspace a thing lies, so that it lies there in every result.

Belongs here: places and how they lie in each other. That a listing shows only what lies in the place asked for is
decided in `listings`.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from funcdex_assets.environment.entity_store import (
    EntityStore,
    canonicalize_noun,
    list_own_identities,
    normalize_field_name,
)

_PLACES = ("section", "project", "folder", "team", "workspace", "organization")
"""Nouns of things that hold others, the inner ones first."""

_SHARED_PLACES = frozenset(("team", "workspace", "organization"))
"""Places of which a user works in one at a time: what nobody says lies elsewhere lies in the same."""


def find_place(noun: str, enclosing: Mapping[str, Any], entities: EntityStore) -> str | None:
    """Returns the identifier of the place of this noun in which the object around it lies, as far as it is known.

    `enclosing` has the fields of that object filled in so far, and what is known of where it lies as `@parents`.
    """
    if noun not in _PLACES:
        return None
    own_place = enclosing.get("@parents", {}).get(noun)
    if own_place is not None:
        return str(own_place)
    for inner, identity in _list_places(enclosing):
        if _PLACES.index(inner) < _PLACES.index(noun):
            place = entities.find_entity(inner, identity).get("@parents", {}).get(noun)
            if place is not None:
                return str(place)
    known_places = entities.list_entities(noun) if noun in _SHARED_PLACES else {}
    return next(iter(known_places), None)


def remember_places(noun: str, fields: Mapping[str, Any], entities: EntityStore) -> None:
    """Keeps where an object lies, and that the inner one of two places in it lies in the outer one."""
    places = _list_places(fields)
    for place, identity in places:
        if place in _SHARED_PLACES:
            entities.remember_fields(
                place, identity, {normalize_field_name(key): fields[place][key] for key in fields[place]}
            )
    for identity in list_own_identities(fields, noun) if places else ():
        for place, place_identity in places:
            if place != canonicalize_noun(noun):
                entities.remember_parent(noun, identity, place, place_identity)
    for (inner, inner_identity), (outer, outer_identity) in pairwise(places):
        entities.remember_parent(inner, inner_identity, outer, outer_identity)


def _list_places(fields: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Returns the noun and the identifier of each place that the object names as an object, the inner ones first."""
    named = [
        (place, list_own_identities(fields[place], place)) for place in _PLACES if isinstance(fields.get(place), dict)
    ]
    return [(place, identities[0]) for place, identities in named if identities]
