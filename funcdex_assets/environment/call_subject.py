"""Tells which entity of a result a call names, creates, changes or copies.

Belongs here: questions about a call and what is known of the entities in it; nothing here draws at random.
"""

import re
from collections.abc import Mapping
from typing import Any

from funcdex_assets.environment.call_intent import CallIntent
from funcdex_assets.environment.entity_store import Entity, EntityStore, canonicalize_noun
from funcdex_assets.environment.object_draft import ObjectDraft
from funcdex_assets.environment.repeated_arguments import find_repeated_argument
from funcdex_assets.environment.state_changes import find_flag_after_verb, find_state_after_verb, is_last_editor_name
from funcdex_assets.schema.words import split_words, to_singular
from funcdex_assets.semantics.field_roles import MAKER_NOUNS, PARTICIPANT_NOUNS, read_name
from funcdex_assets.semantics.tool_names import is_id
from funcdex_assets.semantics.vocabulary import CC_WORDS

_DONE_WORDS = frozenset("success successful ok sent deleted removed added notified".split())
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.\w+")
_ADDRESSEE_NOUNS = PARTICIPANT_NOUNS | {"person"}
_CHANGED_STATES = ("closed", "open", "paid", "canceled", "archived")


def find_given_identity(noun: str, intent: CallIntent, entities: EntityStore) -> str | int | None:
    """Returns the identifier by which the call names its one entity of this noun; a new entity has none yet."""
    is_object = canonicalize_noun(noun) == canonicalize_noun(intent.name.noun)
    is_unnamed_object = is_object and canonicalize_noun(noun) not in intent.identities
    if is_unnamed_object and intent.name.action == "get" and len(intent.addressees) == 1:
        return entities.find_identity_by_address(noun, intent.addressees[0])
    is_created = intent.creates_entity and is_object
    is_other_role = noun in MAKER_NOUNS and not intent.is_lookup and noun not in intent.identity_roles
    return None if is_created or is_other_role else intent.identities.get(canonicalize_noun(noun))


def find_parent_identity(noun: str, intent: CallIntent) -> str | None:
    """Returns whose entities a listing lists, as the call says: the customer within each of a customer's invoices."""
    if (
        not intent.is_listing
        or noun not in intent.identity_roles
        or canonicalize_noun(noun) == canonicalize_noun(intent.result_noun)
    ):
        return None
    return intent.parents.get(canonicalize_noun(noun))


def find_linked_name(field_name: str, intent: CallIntent, entities: EntityStore) -> str | None:
    """Returns the name of what the call attaches, for a field such as `added_label`."""
    if not intent.links or is_id(field_name) or not split_words(field_name):
        return None
    noun = canonicalize_noun(to_singular(split_words(field_name)[-1]))
    link = next((link for link in intent.links if link.noun == noun), None)
    if link is None:
        return None
    entity = entities.find_entity(link.noun, link.value)
    return next((entity[key] for key in ("name", "title") if isinstance(entity.get(key), str)), link.value)


def is_changed_by_call(field_name: str, draft: ObjectDraft, intent: CallIntent) -> bool:
    """Returns whether the call sets this field of its subject, or any change does, as it does `updated_at`."""
    if intent.is_lookup or not draft.is_subject:
        return False
    name_words, verb, meaning = set(split_words(field_name)), intent.name.verb, read_name(field_name)
    if not is_id(field_name):
        if not intent.links and find_repeated_argument(intent, field_name) is not None:
            return True
        if meaning.role == "state":
            return bool(find_state_after_verb(verb, (verb, *_CHANGED_STATES))) and "@state" not in draft.known_fields
    is_change = (meaning.role == "moment" and meaning.phase == "changed") or is_last_editor_name(field_name)
    return is_change or bool(name_words & _DONE_WORDS) or find_flag_after_verb(verb, field_name) is not None


def find_copied_fields(intent: CallIntent, entities: EntityStore) -> Entity:
    """Returns the fields that a copy or a message takes over from the entities that the call names."""
    if intent.name.action not in ("send", "copy"):
        return {}
    identity = intent.object_identity
    originals = [entities.find_entity(intent.name.noun, identity)] if identity else []
    if not originals:
        originals = [entities.find_entity(*key) for key in intent.identities.items()]
    copied: dict[str, Any] = {}
    for original in originals:
        copied |= original.get("@told", {}) if intent.sends_object else {}
        copied |= {name: value for name, value in original.items() if not name.startswith("@")}
    conversations = {noun: str(identity) for noun, identity in intent.identities.items()}
    subject = entities.find_subject(conversations) if intent.name.verb == "reply" else None
    if subject:
        copied["subject"] = subject
    return copied


def find_listed_addressees(
    field_name: str, intent: CallIntent, entities: EntityStore | None = None
) -> Mapping[str, None]:
    """Returns the distinct addresses of the call's addressees, in order, where a field such as `to` lists them; with
    `entities`, also those that a draft was written to, which the call sends.
    """
    meaning = read_name(field_name)
    if meaning.noun not in _ADDRESSEE_NOUNS or not CC_WORDS.isdisjoint(split_words(field_name)):
        return {}
    if intent.addressees or entities is None or not intent.sends_object:
        return dict.fromkeys(intent.addressees)
    told = entities.find_entity(intent.name.noun, str(intent.object_identity)).get("@told", {})
    said = (value for name, value in told.items() if CC_WORDS.isdisjoint(split_words(name)) and name != "cc")
    texts = (text for value in said for text in (value if isinstance(value, list) else [value]))
    return dict.fromkeys(text for text in texts if isinstance(text, str) and _ADDRESS.fullmatch(text))
