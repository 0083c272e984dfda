"""Merges what an update gives of an object into what is known of it: a new city leaves the street as it was.

Belongs here: which objects are merged, and which are replaced. Lists are always replaced.

>>> merge_given_parts("address", {"city": "Porto"}, {"street": "Rua A 1", "city": "Lisbon"})
{'street': 'Rua A 1', 'city': 'Porto'}
>>> merge_given_parts("start", {"date": "2026-03-14"}, {"dateTime": "2026-03-01T09:00:00Z"})
{'date': '2026-03-14'}
"""

from collections.abc import Mapping
from typing import Any

from funcdex_assets.environment.entity_store import derive_noun, list_own_identities
from funcdex_assets.semantics.field_roles import read_name


def merge_given_parts(key: str, given: Any, known: Any) -> Any:
    """Returns the known object with the given parts in it; the given value where one of the two is no object, where
    the object is a moment (its parts are ways to tell one), or where another thing is given.
    """
    if not isinstance(given, Mapping) or not isinstance(known, Mapping) or read_name(key).role == "moment":
        return given
    noun = derive_noun(key, "")
    given_identities, known_identities = list_own_identities(given, noun), list_own_identities(known, noun)
    if given_identities and known_identities and not set(given_identities) & set(known_identities):
        return given
    return {**known, **{name: merge_given_parts(name, value, known.get(name)) for name, value in given.items()}}
