"""Recalls what is known of an entity's field, as it is by now: shown before, said by a call, or following from a verb.

Belongs here: reading the world for a field that a result is about to fill. How a field is made up is in `field_values`.
"""

from typing import Any

from funcdex_assets.environment.call_subject import (
    find_copied_fields,
    find_given_identity,
    find_linked_name,
    is_changed_by_call,
)
from funcdex_assets.environment.entity_store import (
    Entity,
    canonicalize_noun,
    derive_noun,
    list_own_identities,
    normalize_field_name,
    recall_field_value,
)
from funcdex_assets.environment.object_draft import ObjectDraft
from funcdex_assets.environment.part_counts import find_counted_noun, find_part_count
from funcdex_assets.environment.repeated_arguments import find_synonymous_text
from funcdex_assets.environment.result_scope import ResultScope
from funcdex_assets.environment.stage_moves import find_target_stage
from funcdex_assets.environment.state_changes import (
    find_flag_after_verb,
    find_state_after_verb,
    lists_noun,
    update_linked_items,
)
from funcdex_assets.language.spoken_values import parse_moment
from funcdex_assets.schema.schema import Schema, schema_type
from funcdex_assets.schema.words import split_words
from funcdex_assets.semantics.field_meaning import decide_field_meaning, split_joined_words
from funcdex_assets.semantics.field_roles import MAKER_NOUNS, PAST_PHASES, names_person, read_name
from funcdex_assets.semantics.tool_names import is_id

_BEFORE_WORDS = frozenset("previous old former prior from".split())


class KnownFields:
    """The fields of the entities in one result, as far as the world knows them."""

    def __init__(self, scope: ResultScope):
        self._scope = scope
        self._target_stage = find_target_stage(scope.intent, scope.entities)
        self._copied_fields = find_copied_fields(scope.intent, scope.entities)

    def recall_field(self, schema: Schema, key: str, draft: ObjectDraft) -> Any:
        """Returns the known value of a field; None where nothing is known, or a list lacks an entity created since."""
        if draft.is_subject and self._target_stage and schema_type(schema) == "string":
            words = set(split_words(key))
            if decide_field_meaning(key, schema).role == "state":
                state_key = next((word for word in words if read_name(word).role == "state"), key)
                is_before = words & _BEFORE_WORDS
                return recall_field_value(draft.known_fields, state_key, "string") if is_before else self._target_stage
        value = recall_field_value(draft.known_fields, key, schema_type(schema)) if draft.known_fields else None
        if value is None and draft.known_fields:
            value = _recall_other_name(key, draft)
            value = _recall_same_end(schema, key, draft) if value is None else value
            if value is None and not is_id(key):
                value = _recall_what_calls_said(schema, key, draft)
                if value is not None or _follows_from_verb(schema, key, draft):
                    return value
        if value is None and draft.known_fields and schema_type(schema) == "integer" and find_counted_noun(key):
            value = find_part_count(draft.known_fields, find_counted_noun(key))
        keeps_recipients = self._scope.intent.sends_object and decide_field_meaning(key, schema).noun == "recipient"
        is_taken_over = keeps_recipients or not _differs_in_copy(key, schema)
        if value is None and draft.is_subject and not is_id(key) and is_taken_over:
            value = self._copied_fields.get(normalize_field_name(key))
            if value is None and _is_name_of_thing(key):  # a document is copied that another tool calls a file
                value = next((text for name, text in self._copied_fields.items() if _is_name_of_thing(name)), None)
        if isinstance(value, list | dict) and self._scope.entities.change_count:
            return self._update_value(schema, key, value, draft)
        return value

    def still_holds(self, value: Any, schema: Schema, path: str, key: str, draft: ObjectDraft) -> bool:
        """Returns whether a known value may be shown again: the call does not change it, and it has what is needed."""
        scope, intent = self._scope, self._scope.intent
        if not scope.needed.are_met_by(path, value) or is_changed_by_call(key, draft, intent):
            return False
        if draft.is_subject:
            if isinstance(value, dict) and not intent.is_lookup:
                noun = derive_noun(key, draft.noun)
                identity = find_given_identity(noun, intent, scope.entities)
                identities = list_own_identities(value, noun)
                if identity is not None and identities and str(identity) not in identities:
                    return False  # the call names another entity, such as a new assignee
            is_scalar = schema_type(schema) not in ("object", "array")
            if is_scalar and find_linked_name(key, intent, scope.entities):
                return False  # the call attaches another entity than the one before
        return scope.fits_schema(schema, value)

    def find_created_children(self, noun: str, draft: ObjectDraft) -> list[Entity]:
        """Returns the entities that calls created inside the draft's entity."""
        entities = self._scope.entities
        if not entities.change_count or draft.identity is None:
            return []
        return [
            entity
            for entity in entities.list_entities(noun).values()
            if "@made" in entity
            and entity.get("@parents", {}).get(canonicalize_noun(draft.noun)) == str(draft.identity)
        ]

    def apply_links(self, schema: Schema, key: str, items: list[Any], draft: ObjectDraft) -> list[Any]:
        """Returns the list with what calls attached to the entity and without what they detached, where valid."""
        for links in ("@links", "@unlinks"):
            for noun in draft.known_fields.get(links, ()):
                if lists_noun(key, noun):
                    changed_items = update_linked_items(items, noun, key, draft.known_fields)
                    if changed_items != items and self._scope.fits_schema(schema, changed_items):
                        items = changed_items
        return items

    def _update_value(self, schema: Schema, key: str, value: Any, draft: ObjectDraft) -> Any:
        """Returns a value that was shown before as it is after later changes."""
        entities, noun = self._scope.entities, derive_noun(key, draft.noun)
        value = entities.update_shown_value(value, noun)
        if isinstance(value, list):
            value = self.apply_links(schema, key, value, draft)
            listed = [entities.find_shown_entity(item, noun) for item in value if isinstance(item, dict)]
            if any(child not in listed for child in self.find_created_children(noun, draft)):
                return None
        return value


def _differs_in_copy(key: str, schema: Schema) -> bool:
    """Returns whether a copy or a message has a value of its own: its state, its maker, when it was made, a link."""
    meaning = decide_field_meaning(key, schema)
    return (
        meaning.role in ("state", "tag", "link")
        or (meaning.role == "flag" and meaning.phase != "")
        or (meaning.role == "moment" and meaning.phase in PAST_PHASES | {""})
        or (meaning.role in ("person", "email") and meaning.noun in MAKER_NOUNS | {"recipient"})
    )


def _is_name_of_thing(name: str) -> bool:
    """Returns whether a field is called name or title: an entity has either, and both are the same."""
    meaning = read_name(name)
    return meaning.role == "title" and not meaning.noun and split_joined_words(name)[-1] in ("name", "title")


def _recall_other_name(key: str, draft: ObjectDraft) -> Any:
    """Returns the title of an entity for its name and the other way round; a person's title is something else."""
    if not _is_name_of_thing(key) or names_person(draft.noun) or names_person(canonicalize_noun(draft.noun)):
        return None
    return next((value for name, value in draft.known_fields.items() if _is_name_of_thing(name)), None)


def _recall_same_end(schema: Schema, key: str, draft: ObjectDraft) -> str | None:
    """Returns the start or the end of an entity that is known under another name: `start_time` for `start`."""
    phase = decide_field_meaning(key, schema).phase
    if phase not in ("start", "end") or schema_type(schema) != "string":
        return None
    names = (name for name in draft.known_fields if name.startswith(phase) and not is_id(name))
    texts = (draft.known_fields[name] for name in names)
    return next((text for text in texts if isinstance(text, str) and parse_moment({}, text) is not None), None)


def _recall_what_calls_said(schema: Schema, key: str, draft: ObjectDraft) -> Any:
    """Returns what an earlier call said under a synonym, or what follows from its verb."""
    said_values = draft.known_fields.get("@told")
    text = find_synonymous_text(key, said_values) if said_values else None
    if text is not None:
        return text
    if not _follows_from_verb(schema, key, draft):
        return None
    verb = draft.known_fields["@state"]
    return (
        find_flag_after_verb(verb, key)
        if schema_type(schema) == "boolean"
        else find_state_after_verb(verb, schema["enum"])
    )


def _follows_from_verb(schema: Schema, key: str, draft: ObjectDraft) -> bool:
    """Returns whether the verb of an earlier call alone decides a flag or a state."""
    if not draft.known_fields.get("@state", ""):
        return False
    return schema_type(schema) == "boolean" or ("enum" in schema and decide_field_meaning(key, schema).role == "state")
