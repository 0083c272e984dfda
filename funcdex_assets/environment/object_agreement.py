"""Makes the fields of an object that was just filled in agree with time, with one another and with what is known.

Belongs here: the order of these corrections, and where they are allowed: a new value must suit its schema. Each of them
has a module of its own: `derived_fields`, `stage_moves`, `states_in_time`, `weekly_hours`, `conversation_times`,
`part_counts`.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from funcdex_assets.environment.conversation_times import find_last_of_parts, find_late_fields, is_last_key
from funcdex_assets.environment.derived_fields import count_listed_items, derive_dependent_fields, find_field_relations
from funcdex_assets.environment.entity_store import (
    canonicalize_noun,
    derive_noun,
    list_own_identities,
    normalize_field_name,
)
from funcdex_assets.environment.object_draft import ObjectDraft
from funcdex_assets.environment.part_counts import find_counted_noun
from funcdex_assets.environment.places import remember_places
from funcdex_assets.environment.repeated_arguments import find_text_of, find_written_text
from funcdex_assets.environment.result_scope import ResultScope
from funcdex_assets.environment.stage_moves import fit_move
from funcdex_assets.environment.states_in_time import fit_end_to_state
from funcdex_assets.environment.weekly_hours import find_weekly_hours, plan_weekly_rules
from funcdex_assets.language import values
from funcdex_assets.schema.references import resolve_schema
from funcdex_assets.schema.schema import Schema
from funcdex_assets.schema.words import split_words
from funcdex_assets.semantics.field_roles import read_name

_SPAN_NOUNS = frozenset("busy slot time availability booking".split())
_TEXT_COUNTS = frozenset("word words character characters".split())


def make_fields_agree(draft: ObjectDraft, properties: Mapping[str, Schema], scope: ResultScope) -> None:
    """Corrects the fields of a finished draft, in place."""
    count_listed_items(draft.filled, properties)
    if find_field_relations(tuple(draft.filled)) is not None:
        text = find_written_text(scope.intent) if draft.is_subject else ""
        if not text and any(_TEXT_COUNTS & set(split_words(key)) for key in draft.filled):
            text = _find_whole_text(draft, properties, scope)
        derive_dependent_fields(
            draft.filled,
            lambda key, value: scope.fits_schema(properties[key], value),
            text,
            scope.context.situation.persona.time_zone,
        )
    remember_places(draft.noun, draft.filled, scope.entities)
    needs = _find_needed_corrections(tuple(draft.filled))
    if not needs:
        return
    schemas = {key: resolve_schema(properties[key], scope.root) for key in draft.filled if key in properties}
    if "move" in needs:
        _apply(fit_move(draft.filled, schemas), draft, schemas, scope)
    if "state" in needs:
        now = scope.context.situation.now
        _apply(fit_end_to_state(draft.filled, schemas, now, scope.context.rng), draft, schemas, scope)
    if "hours" in needs:
        _agree_with_weekly_rules(draft, schemas, scope)
    if "span" in needs:
        _tell_span_to_occupant(draft, schemas, scope)
    if "last" in needs or "count" in needs:
        _agree_with_parts(draft, schemas, scope)
    if "sent" in needs:
        _agree_with_conversation(draft, schemas, scope)


@lru_cache(maxsize=4096)
def _find_needed_corrections(keys: tuple[str, ...]) -> frozenset[str]:
    """Returns the names of the corrections that an object with these keys may need; most need none."""
    words = [set(split_words(key)) for key in keys]
    every_word = set[str]().union(*words)
    meanings = [read_name(key) for key in keys]
    phases = {meaning.phase for meaning in meanings if meaning.role == "moment"}
    found = {
        "move": "name" in keys and any(split_words(key)[:1] == ("to",) and len(split_words(key)) > 1 for key in keys),
        "state": any(meaning.role == "state" for meaning in meanings) and not phases.isdisjoint(("expires", "end")),
        "hours": any({"hours", "week"} <= key_words for key_words in words),
        "span": {"start", "end"} <= phases,
        "last": any(map(is_last_key, keys)),
        "count": any(map(find_counted_noun, keys)),
        "sent": bool(every_word & {"date", "sent", "received", "internal", "timestamp", "posted"}),
    }
    return frozenset(name for name, is_needed in found.items() if is_needed)


def _apply(changes: Mapping[str, Any], draft: ObjectDraft, schemas: Mapping[str, Schema], scope: ResultScope) -> None:
    for key, value in changes.items():
        if key in schemas and scope.fits_schema(schemas[key], value):
            draft.filled[key] = value


def _agree_with_weekly_rules(draft: ObjectDraft, schemas: Mapping[str, Schema], scope: ResultScope) -> None:
    """Sets the hours per week to those of the rules beside them, or else, where they are known or limited to a few
    numbers, the rules to the hours.
    """
    changes = find_weekly_hours(draft.filled)
    for key, hours in changes.items():
        if hours == draft.filled[key] or key not in schemas:
            continue
        if normalize_field_name(key) not in draft.known_fields and scope.fits_schema(schemas[key], hours):
            draft.filled[key] = hours
            continue
        for list_key, rules in draft.filled.items():
            if isinstance(rules, list) and rules and isinstance(rules[0], dict) and list_key in schemas:
                items = resolve_schema(schemas[list_key].get("items", {}), scope.root)
                rule = plan_weekly_rules(draft.filled[key], rules[0], items.get("properties", {}))
                if rule is not None:
                    _apply({list_key: [rule]}, draft, schemas, scope)
                    break


def _tell_span_to_occupant(draft: ObjectDraft, schemas: Mapping[str, Schema], scope: ResultScope) -> None:
    """Gives the one thing that takes up a span of time, such as the event of a busy time, its start and its end."""
    occupants = [
        (noun, identities[0])
        for key, value in draft.filled.items()
        if isinstance(value, dict)
        and (noun := derive_noun(key, draft.noun))
        and (identities := list_own_identities(value, noun))
    ]
    if len(occupants) != 1 or not _SPAN_NOUNS & set(draft.noun.split()):
        return
    ends = {
        normalize_field_name(key): value
        for key, value in draft.filled.items()
        if key in schemas and isinstance(value, str) and read_name(key).phase in ("start", "end")
    }
    scope.entities.remember_fields(*occupants[0], ends)


def _agree_with_parts(draft: ObjectDraft, schemas: Mapping[str, Schema], scope: ResultScope) -> None:
    """Makes counts and the moment of the last part agree with the parts that are known."""
    identity = next(iter(list_own_identities(draft.filled, draft.noun)), None)
    if identity is None:
        return
    entities = scope.entities
    _apply(find_last_of_parts(draft.filled, draft.noun, identity, entities), draft, schemas, scope)
    for key in draft.filled:
        noun = find_counted_noun(key)
        if not noun or not isinstance(draft.filled[key], int) or normalize_field_name(key) in draft.known_fields:
            continue
        listed = entities.part_counts.get((canonicalize_noun(draft.noun), identity, noun))
        known = entities.count_parts(draft.noun, identity, noun)
        count = listed if listed is not None else max(known, draft.filled[key])
        _apply({key: count}, draft, schemas, scope)


def _agree_with_conversation(draft: ObjectDraft, schemas: Mapping[str, Schema], scope: ResultScope) -> None:
    """Moves a message that is later than the last one of its conversation: before it, or into another conversation
    where nobody said that it is in this one.
    """
    if not scope.intent.is_lookup:
        return
    for late in find_late_fields(draft.filled, draft.noun, scope.entities):
        if late.parent_key not in schemas or late.key not in schemas:
            continue
        is_given = scope.intent.parents.get(canonicalize_noun(late.parent_noun)) == str(draft.filled[late.parent_key])
        if is_given or draft.known_fields or "last" in split_words(late.parent_key):
            _apply({late.key: values.render_moment(schemas[late.key], late.last)}, draft, schemas, scope)
        else:
            schema = schemas[late.parent_key]
            new_identity = scope.fields.identifiers.create_identifier(schema, late.parent_noun, draft.filled)
            _apply({late.parent_key: new_identity}, draft, schemas, scope)


def _find_whole_text(draft: ObjectDraft, properties: Mapping[str, Schema], scope: ResultScope) -> str:
    """Returns the text of the draft's entity, for an object that only measures it. A text that nobody has seen is made
    up now and kept; a new thing into which nobody wrote has none, and its counts are 0.
    """
    identity = draft.identity or next(iter(list_own_identities(draft.filled, draft.noun)), None)
    own_text = any(isinstance(value, str) and find_text_of({key: value}) for key, value in draft.filled.items())
    if identity is None or own_text or scope.intent.creates_entity:
        return ""
    entity = scope.entities.find_entity(draft.noun, identity)
    text = find_text_of(entity)
    if text is None and "@made" not in entity:
        text = values.invent_body(scope.context.situation, scope.context.rng)
    if text is None or not text:
        counts = [key for key in draft.filled if _TEXT_COUNTS & set(split_words(key)) and key in properties]
        _apply(dict.fromkeys(counts, 0), draft, properties, scope)
    scope.entities.remember_text(draft.noun, str(identity), text or "")
    return text or ""
