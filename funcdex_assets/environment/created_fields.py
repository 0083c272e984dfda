"""Fills in fields of an entity that a call created: nothing is in it that the call did not put there.

Belongs here: what is certain about a new entity, such as that it has no comments yet and was sent by the user.
"""

from typing import Any

from funcdex_assets.environment.call_subject import find_given_identity, find_listed_addressees
from funcdex_assets.environment.entity_store import derive_noun, normalize_field_name
from funcdex_assets.environment.known_fields import KnownFields
from funcdex_assets.environment.new_contents import HEADING_WORDS, is_empty_at_first, list_headings
from funcdex_assets.environment.object_draft import ObjectDraft
from funcdex_assets.environment.part_counts import find_counted_noun
from funcdex_assets.environment.repeated_arguments import (
    find_repeated_argument,
    find_text_of,
    find_written_text,
)
from funcdex_assets.environment.result_people import describes_person
from funcdex_assets.environment.result_scope import ResultScope
from funcdex_assets.environment.state_changes import find_state_after_verb, is_last_editor_name
from funcdex_assets.language.lexicon import Person
from funcdex_assets.schema.references import resolve_schema
from funcdex_assets.schema.schema import Schema, schema_type
from funcdex_assets.schema.words import split_words, to_singular
from funcdex_assets.semantics.field_meaning import decide_field_meaning
from funcdex_assets.semantics.field_roles import PARTICIPANT_NOUNS, names_maker

_PART_NOUNS = frozenset("attachment comment label tag subtask reaction reply note".split()) | (
    PARTICIPANT_NOUNS - {"recipient"}
)
_COUNTED_PART_NOUNS = _PART_NOUNS | frozenset("message thread event task issue member file section redemption".split())
_COUNTING_WORDS = frozenset("count total num open unread redeemed".split())
_UNSET_FLAG_WORDS = frozenset(
    "starred shared trashed archived pinned flagged favorite delinquent overdue blocked disputed escalated".split()
)
_NOTHING_YET_WORDS = frozenset("balance spent used refunded owed outstanding redeemed views likes downloads".split())
"""In the names of numbers that are 0 until something happens."""
_REMARK_WORDS = frozenset("description note notes comment remark".split())
_BEFALLING_WORDS = frozenset(
    (
        "completed closed resolved cancelled canceled deleted trashed archived paid refunded approved rejected "
        "declined returned voided"
    ).split()
)
_NOUNS_OF_BEFALLING = frozenset("cancel cancellation cancelation rejection refund return decline void".split())
_FIRST_STATES = frozenset("draft pending submitted reserved".split())
_TITLE_LENGTH = 5  # words


def is_empty_when_created(
    schema: Schema, path: str, key: str, draft: ObjectDraft, known_fields: KnownFields, scope: ResultScope
) -> bool:
    """Returns whether a list of parts, such as comments, is empty because nobody put any into the new entity."""
    intent = scope.intent
    items = resolve_schema(schema.get("items", {}), scope.root)
    is_list_of_parts = bool({to_singular(word) for word in split_words(key)} & _PART_NOUNS) or (
        schema_type(items) == "object"
        and not find_listed_addressees(key, intent)
        and is_empty_at_first(derive_noun(key, draft.noun))
    )
    if not is_list_of_parts or schema.get("minItems", 0) or scope.needed.is_needed_below(path):
        return False
    has_parts = (
        intent.said_values.get(normalize_field_name(key))
        or _find_value_said_before(key, draft)
        or draft.known_fields.get("@links")
        or intent.links
        or (draft.is_subject and intent.addressees)
    )
    if has_parts or known_fields.find_created_children(derive_noun(key, draft.noun), draft):
        return False
    return scope.fits_schema(schema, [])


def is_unwritten(schema: Schema, key: str, draft: ObjectDraft, scope: ResultScope) -> bool:
    """Returns whether a new entity lacks a text or a due date because nobody gave it.

    What the entity shows in another field already is not its description too: the words of a task are its title.
    """
    intent = scope.intent
    if "@made" not in draft.known_fields and not (draft.is_subject and intent.creates_entity):
        return False
    name = normalize_field_name(key)
    if name in draft.known_fields or name in intent.said_values or _find_value_said_before(key, draft) is not None:
        return False
    meaning = decide_field_meaning(key, schema)
    if meaning.role != "text":
        return meaning.role == "moment" and meaning.phase == "due"
    text = find_repeated_argument(intent, key)
    if set(split_words(key)) & _REMARK_WORDS:
        return text is None or text in draft.filled.values()
    return text is None and find_text_of(draft.known_fields) is None


def has_not_happened(schema: Schema, key: str, draft: ObjectDraft, scope: ResultScope) -> bool:
    """Returns whether a field tells of what has not befallen the thing: when a draft was approved, why a new claim was
    rejected. What a call of the conversation did or said has happened.
    """
    meaning = decide_field_meaning(key, schema)
    words = set(split_words(key))
    stems = words & (_BEFALLING_WORDS | _NOUNS_OF_BEFALLING)
    if not stems or not (meaning.role == "moment" or "reason" in words):
        return False
    intent, known = scope.intent, draft.known_fields
    name = normalize_field_name(key)
    if name in intent.said_values or known.get(name) is not None or _find_value_said_before(key, draft) is not None:
        return False
    verbs = [*known.get("@verbs", ()), *([intent.name.verb] if draft.is_subject else [])]
    if any(word[:4] == verb[:4] or find_state_after_verb(verb, (word,)) for word in stems for verb in verbs):
        return False
    shown = {field: value for field, value in {**known, **draft.filled}.items() if isinstance(value, str)}
    states = {normalize_field_name(value) for field, value in shown.items() if field in ("status", "state")}
    if states:
        return bool(states & _FIRST_STATES)
    return "@made" in known or (draft.is_subject and intent.creates_entity)


def find_headings_when_created(schema: Schema, key: str, draft: ObjectDraft, scope: ResultScope) -> list[str] | None:
    """Returns the headings of the text that was written into the new entity; None for a field that lists others."""
    if not set(split_words(key)) & HEADING_WORDS:
        return None
    text = find_written_text(scope.intent) if draft.is_subject else ""
    text = text or find_text_of(draft.known_fields) or ""
    headings = list_headings(text)
    if headings or not schema.get("minItems", 0):
        return headings
    title = draft.filled.get("title", draft.filled.get("name"))  # a text without headings stands under its title
    return [title if isinstance(title, str) else " ".join(text.split()[:_TITLE_LENGTH])]


def is_zero_when_created(schema: Schema, key: str, scope: ResultScope) -> bool:
    """Returns whether a count such as `messages_total` is 0 because nobody put any into the new entity yet."""
    name_words = {to_singular(word) for word in split_words(key)}
    counted_noun = find_counted_noun(key)
    counts_parts = (name_words & _COUNTED_PART_NOUNS and name_words & _COUNTING_WORDS) or (
        counted_noun and is_empty_at_first(counted_noun)
    )
    if normalize_field_name(key) in scope.intent.said_values:
        return False
    counts_parts = counts_parts or not _NOTHING_YET_WORDS.isdisjoint(split_words(key))
    return bool(counts_parts) and scope.intent.name.action != "send" and scope.fits_schema(schema, 0)


def is_false_when_created(schema: Schema, key: str, scope: ResultScope) -> bool:
    """Returns whether a flag such as `starred` is false because nobody set it."""
    is_unset = set(split_words(key)) & _UNSET_FLAG_WORDS and normalize_field_name(key) not in scope.intent.said_values
    return bool(is_unset) and scope.fits_schema(schema, False)


def find_person_when_created(schema: Schema, key: str, draft: ObjectDraft, scope: ResultScope) -> Person | None:
    """Returns the person in an object of the new entity: the one given by address, or the user as its sender."""
    noun = derive_noun(key, draft.noun)
    if find_given_identity(noun, scope.intent, scope.entities) is not None:
        return None
    said_value = scope.intent.said_values.get(normalize_field_name(key)) if draft.is_subject else None
    address = said_value or _find_value_said_before(key, draft)
    if isinstance(address, str) and "@" in address:
        return scope.fields.people.find_by_address(address)
    if names_maker(key, schema) and describes_person(key, schema.get("properties", {})):
        return scope.fields.people.choose_person("me")
    return None


def find_last_editor(schema: Schema, key: str, draft: ObjectDraft, scope: ResultScope) -> Person | None:
    """Returns the user as the one who last changed an entity that a call of the conversation has made or changed."""
    changes_now = draft.is_subject and not scope.intent.is_lookup
    if not changes_now and not draft.known_fields.keys() & {"@made", "@changed"}:
        return None
    is_editor = is_last_editor_name(key) and describes_person(key, schema.get("properties", {}))
    return scope.fields.people.choose_person("me") if is_editor else None


def _find_value_said_before(key: str, draft: ObjectDraft) -> Any:
    return draft.known_fields.get("@told", {}).get(normalize_field_name(key))
