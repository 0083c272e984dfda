"""Describes an object of a result while its fields are filled in one after another.

Belongs here: the state that a field's value may depend on. The values themselves are chosen in `field_values`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from funcdex_assets.environment.entity_store import Entity
from funcdex_assets.language.lexicon import Person


@dataclass
class ObjectDraft:
    """An unfinished object and the entity or person that it shows.

    known_fields: the fields of the entity as far as earlier results told them, by `normalize_field_name`
    filled:     the fields filled in so far, by their names in the schema
    person:     the person whom the object describes
    is_person:  it shows that person, and is no other thing that has the person's address
    is_subject: it shows the very entity that the call names or creates
    enclosing:  the fields filled in so far of the object around it
    identity:   the entity's identifier, if the call gives it
    """

    noun: str
    known_fields: Entity = field(default_factory=dict)
    filled: dict[str, Any] = field(default_factory=dict)
    person: Person | None = None
    is_subject: bool = False
    enclosing: Mapping[str, Any] = field(default_factory=dict)
    identity: str | int | None = None
    is_person: bool = True
