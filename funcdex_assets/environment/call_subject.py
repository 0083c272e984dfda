"""Tells which entity of a result a call names, creates, changes or copies.

Belongs here: questions about a call and what is known of the entities in it; nothing here draws at random.
"""

from collections.abc import Mapping
from typing import Any

from funcdex_assets.environment.call_intent import CallIntent
from funcdex_assets.environment.entity_store import Memory, Thing, kind, singular_words
from funcdex_assets.environment.object_draft import ObjectDraft
from funcdex_assets.environment.repeated_arguments import find_repeated_argument
from funcdex_assets.environment.state_changes import flag_after, state_after
from funcdex_assets.schema.words import singular, words
from funcdex_assets.semantics.tool_names import is_id
from funcdex_assets.semantics.vocabulary import CHANGE_WORDS, STATE_WORDS

_PERSON_ROLES = frozenset("reporter creator author owner lead organizer sender".split())
_DONE_WORDS = frozenset("success successful ok sent deleted removed added notified".split())
_ADDRESSEE_WORDS = frozenset(
    "to recipient recipients attendee attendees invitee invitees participant participants people".split()
)
_CHANGED_STATES = ("closed", "open", "paid", "canceled", "archived")


def find_given_identity(noun: str, intent: CallIntent, entities: Memory) -> str | int | None:
    """Returns the identifier by which the call names its one entity of this noun; a new entity has none yet."""
    is_object = kind(noun) == kind(intent.name.noun)
    is_unnamed_object = is_object and kind(noun) not in intent.identities
    if is_unnamed_object and intent.name.action == "get" and len(intent.addressees) == 1:
        return entities.of_address(noun, intent.addressees[0])
    is_created = intent.creates_entity and is_object
    is_other_role = noun in _PERSON_ROLES and not intent.is_lookup and noun not in intent.identity_roles
    return None if is_created or is_other_role else intent.identities.get(kind(noun))


def find_parent_identity(noun: str, intent: CallIntent) -> str | None:
    """Returns whose entities a listing lists, as the call says: the customer within each of a customer's invoices."""
    if not intent.is_listing or noun not in intent.identity_roles or kind(noun) == kind(intent.result_noun):
        return None
    return intent.parents.get(kind(noun))


def find_linked_name(field_name: str, intent: CallIntent, entities: Memory) -> str | None:
    """Returns the name of what the call attaches, for a field such as `added_label`."""
    if not intent.links or is_id(field_name) or not words(field_name):
        return None
    noun = kind(singular(words(field_name)[-1]))
    link = next((link for link in intent.links if link.noun == noun), None)
    if link is None:
        return None
    entity = entities.thing(link.noun, link.value)
    return next((entity[key] for key in ("name", "title") if isinstance(entity.get(key), str)), link.value)


def is_changed_by_call(field_name: str, draft: ObjectDraft, intent: CallIntent) -> bool:
    """Returns whether the call sets this field of its subject, or any change does, as it does `updated_at`."""
    if intent.is_lookup or not draft.is_subject:
        return False
    name_words, verb = set(words(field_name)), intent.name.verb
    if not is_id(field_name):
        if not intent.links and find_repeated_argument(intent, field_name) is not None:
            return True
        if name_words & STATE_WORDS:
            return bool(state_after(verb, (verb, *_CHANGED_STATES))) and "@state" not in draft.known_fields
    return bool(name_words & (CHANGE_WORDS | _DONE_WORDS)) or flag_after(verb, field_name) is not None


def find_copied_fields(intent: CallIntent, entities: Memory) -> Thing:
    """Returns the fields that a copy or a message takes over from the entities that the call names."""
    if intent.name.action not in ("send", "copy"):
        return {}
    identity = intent.object_identity
    originals = [entities.thing(intent.name.noun, identity)] if identity else []
    if not originals:
        originals = [entities.thing(*key) for key in intent.identities.items()]
    copied: dict[str, Any] = {}
    for original in originals:
        copied |= {name: value for name, value in original.items() if not name.startswith("@")}
    subject = entities.subject_in(intent.parents) if intent.name.verb == "reply" else None
    if subject:
        copied["subject"] = subject
    return copied


def find_listed_addressees(field_name: str, intent: CallIntent) -> Mapping[str, None]:
    """Returns the distinct addresses of the call's addressees, in order, where a field such as `to` lists them."""
    name_words = {*words(field_name), singular_words(field_name)}
    return dict.fromkeys(intent.addressees if name_words & _ADDRESSEE_WORDS else ())
