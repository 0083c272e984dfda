"""Begins the objects of a result: which entity or person an object shows, and what is known of it.

Belongs here: everything that is decided about an object before its first field is filled in.
"""

from collections.abc import Mapping
from typing import Any

from funcdex_assets.environment.call_subject import find_given_identity, find_parent_identity
from funcdex_assets.environment.entity_store import Entity, canonicalize_noun, normalize_field_name, singularize_words
from funcdex_assets.environment.object_draft import ObjectDraft
from funcdex_assets.environment.places import find_place
from funcdex_assets.environment.result_people import describes_person
from funcdex_assets.environment.result_scope import ResultScope
from funcdex_assets.environment.standing_things import choose_standing_thing
from funcdex_assets.language.lexicon import Person
from funcdex_assets.schema.references import resolve_schema
from funcdex_assets.schema.schema import Schema, schema_type
from funcdex_assets.schema.words import split_words
from funcdex_assets.semantics.field_meaning import decide_field_meaning
from funcdex_assets.semantics.tool_names import is_id, parse_resource_noun

_OBJECT = {"type": "object"}
_WRAPPERS = ("data", "result")


class DraftStarter:
    """Begins the drafts of one result; all items of a listing show the same parent entity."""

    def __init__(self, scope: ResultScope):
        self._scope = scope
        self._only_object = _find_only_object(scope.root)
        self._listing_parents: dict[str, Entity] = {}

    def begin_draft(
        self, schema: Schema, path: str, name: str, noun: str, depth: int, enclosing: Mapping[str, Any]
    ) -> ObjectDraft:
        """Returns the draft of the object at a path, with the entity and the person that it shows."""
        scope, intent = self._scope, self._scope.intent
        is_subject = self._is_subject(noun, depth)
        person = self._choose_person(schema, name, depth, is_subject)
        if noun == intent.name.verb:  # the `download` of a file is the file
            noun = intent.name.noun
        is_listed = "/*" in path
        identity = (
            find_parent_identity(noun, intent) if is_listed else find_given_identity(noun, intent, scope.entities)
        )
        if identity is None and depth > 0 and not is_subject and noun != intent.result_noun:
            identity = enclosing.get("@named", {}).get(noun) or find_place(noun, enclosing, scope.entities)
        occupant_noun, occupant = enclosing.get("@occupant", ("", None))
        if identity is None and canonicalize_noun(noun) == occupant_noun:
            identity = occupant
        known_fields = scope.entities.find_entity(noun, identity) if identity is not None else {}
        if (
            identity is None
            and depth > 0
            and not is_subject
            and intent.is_lookup
            and canonicalize_noun(noun) != (canonicalize_noun(intent.result_noun))
        ):
            identity, known_fields = self._find_standing_thing(noun)
            thing = scope.find_standing_thing(ObjectDraft(noun, known_fields))
            person = thing.contact if person and thing and thing.contact else person
        if is_listed and noun in self._listing_parents:
            known_fields = known_fields | self._listing_parents[noun]
        if not known_fields and depth <= 1 and intent.viewed_noun and noun == intent.result_noun:
            known_fields = scope.entities.find_entity(intent.viewed_noun, intent.parents[intent.viewed_noun])
        address = known_fields.get("email")
        if person and isinstance(address, str):
            person = scope.fields.people.find_by_address(address)
        is_person = describes_person(name, schema.get("properties", {}))
        return ObjectDraft(noun, known_fields, {}, person, is_subject, enclosing, identity, is_person)

    def _find_standing_thing(self, noun: str) -> tuple[str | None, Entity]:
        """Returns one of the company's things for an object that only names one, such as the project of a task: its
        identifier and what is known of it; nothing for a noun of which a company has no fixed ones.
        """
        context = self._scope.context
        thing = choose_standing_thing(context.situation.domain, canonicalize_noun(noun), context.rng)
        if thing is None:
            return None, {}
        identity = context.entities.find_standing_identity(thing.noun, thing.index)
        if identity is None:
            return None, {"@standing": thing.index}
        return identity, context.entities.find_entity(thing.noun, identity)

    def recall_referenced_entity(self, draft: ObjectDraft, key: str, properties: Mapping[str, Any]) -> None:
        """Takes up what is known of the entity that an object only names by this key, such as the folder of a file."""
        noun = parse_resource_noun(key)
        if draft.is_subject and not self._scope.intent.is_lookup:
            return  # a new reaction to a message is not the message
        if noun and canonicalize_noun(noun) != canonicalize_noun(draft.noun) and sum(map(is_id, properties)) == 1:
            draft.known_fields = self._scope.entities.find_entity(noun, draft.filled[key])

    def remember_listing_parent(self, draft: ObjectDraft, path: str) -> None:
        """Keeps a filled-in draft for the items that follow, if it shows the entity that the call names."""
        is_parent = draft.identity is not None and find_parent_identity(draft.noun, self._scope.intent) is not None
        if is_parent and "/*" in path and draft.noun not in self._listing_parents:
            self._listing_parents[draft.noun] = {
                normalize_field_name(key): value for key, value in draft.filled.items()
            }

    def _choose_person(self, schema: Schema, name: str, depth: int, is_subject: bool) -> Person | None:
        people, addressees = self._scope.fields.people, self._scope.intent.addressees
        properties = schema.get("properties", {})
        if describes_person(name, properties):
            searched_person = people.find_searched_person() if depth <= 1 else None
            if searched_person:
                return searched_person
            if is_subject and len(addressees) == 1:
                return people.find_by_address(addressees[0])
            return people.choose_person(name)
        if is_subject and addressees and any("email" in split_words(key) for key in properties):
            return people.find_by_address(addressees[0])
        return None

    def _is_subject(self, noun: str, depth: int) -> bool:
        """Returns whether the object shows the very entity that the call names or creates."""
        if depth == 0 or (depth == 1 and noun in _WRAPPERS):
            return True
        if self._scope.intent.is_listing:
            return False
        return canonicalize_noun(noun) == canonicalize_noun(self._scope.intent.name.noun) or (
            depth == 1 and noun == self._only_object
        )


def _find_only_object(root: Schema) -> str | None:
    """Returns the noun of the one object at the top of a result, people aside."""
    keys = [
        key
        for key, property_schema in root.get("properties", {}).items()
        if schema_type(resolve_schema(property_schema, root)) == "object"
        and decide_field_meaning(key, _OBJECT).role != "person"
    ]
    return singularize_words(keys[0]) if len(keys) == 1 else None
