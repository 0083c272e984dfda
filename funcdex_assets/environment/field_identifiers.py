"""Chooses identifiers: that of a known entity, the one that the call gives, or a new one.

Belongs here: everything that only software reads in a result, identifiers, UUIDs and links.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Any

from funcdex_assets.environment.call_context import CallContext
from funcdex_assets.environment.entity_store import (
    canonicalize_noun,
    is_own_identifier,
    list_own_identities,
    normalize_field_name,
    shortens_noun,
)
from funcdex_assets.environment.object_draft import ObjectDraft
from funcdex_assets.environment.standing_things import choose_standing_thing
from funcdex_assets.language import values
from funcdex_assets.language.real_examples import list_real_examples
from funcdex_assets.records.seeds import build_generator
from funcdex_assets.schema.schema import Schema, schema_type
from funcdex_assets.schema.words import split_words
from funcdex_assets.semantics.tool_names import parse_resource_noun
from funcdex_assets.semantics.vocabulary import OCCURRENCE_NOUNS

_PERSON_NOUNS = ("account", "user", "person")
_CONVERSATION_NOUNS = frozenset("thread conversation chat".split())
_ANSWERING_VERBS = frozenset("reply answer respond".split())
_LONGEST_IDENTIFIER = 200  # characters
_MOST_TRIES = 20  # for a number that nothing else has
_NUMBERED = re.compile(r"[A-Z][A-Z0-9]*-\d+")


class FieldIdentifiers:
    """The identifiers in one call's result."""

    def __init__(self, context: CallContext):
        self._context = context
        self._numbers_used: set[str] = set()

    def choose_identifier(self, schema: Schema, name: str, draft: ObjectDraft) -> Any:
        """Returns the entity's known identifier, the one that the call gives, always the same one for a person, or a
        new one.
        """
        person, entities = draft.person, self._context.entities
        noun = parse_resource_noun(name)
        is_of_person = draft.is_person or noun in _PERSON_NOUNS
        if person is None or noun not in ("", draft.noun, *_PERSON_NOUNS) or not person.email or not is_of_person:
            return self._choose_entity_identifier(schema, name, draft)
        person_key = (person.email, f"{normalize_field_name(name)} {canonicalize_noun(noun or draft.noun)}")
        is_new = self._context.intent.creates_entity and draft.is_subject
        identifier = None if is_new or draft.identity is not None else entities.personal_values.get(person_key)
        if identifier is None or normalize_field_name(name) in draft.known_fields:
            own_rng = self._context.rng if is_new else build_generator("person", *person_key)
            identifiers = FieldIdentifiers(replace(self._context, rng=own_rng))
            identifier = identifiers._choose_entity_identifier(schema, name, draft)
        entities.personal_values[person_key] = identifier
        return identifier

    def create_identifier(self, schema: Schema, noun: str, fields: Mapping[str, Any]) -> Any:
        """Returns a new identifier in the schema's form, which nothing known has, where there is one; `fields` are
        those of its object so far.
        """
        identifier = self._draw_identifier(schema, noun, fields)
        for _ in range(_MOST_TRIES):
            if not self._context.entities.is_known_identity(noun, identifier):
                break
            identifier = self._draw_identifier(schema, noun, fields)
        return identifier

    def _draw_identifier(self, schema: Schema, noun: str, fields: Mapping[str, Any]) -> Any:
        rng = self._context.rng
        if schema_type(schema) == "integer":
            low = int(schema.get("minimum", 1000))
            return rng.randint(low, max(low, int(schema.get("maximum", 9_999_999))))
        examples = [option for option in list_real_examples(schema) if isinstance(option, str)]
        if examples:
            return self._imitate_unused_example(examples, noun, fields)
        match schema.get("format"):
            case "uuid":
                return draw_uuid(rng)
            case "uri":
                return draw_link(noun, self._context)
        size = min(schema.get("minLength") or 12, _LONGEST_IDENTIFIER)
        digits = "".join(str(rng.randint(1, 9)) for _ in range(size))
        letters = "".join(rng.choice("ABCDEFGHKLMNPRST") for _ in range(3))
        options = (f"{rng.getrandbits(56):014x}", digits, f"{letters}-{rng.randint(100, 999)}", digits[:6])
        return next((option for option in options if values.is_within_string_limits(schema, option)), digits)

    def _choose_entity_identifier(self, schema: Schema, name: str, draft: ObjectDraft) -> Any:
        rng, entities, intent = self._context.rng, self._context.entities, self._context.intent
        known_value = draft.known_fields.get(normalize_field_name(name))
        if known_value is not None:
            return known_value
        known_id = (
            draft.known_fields.get("id")
            if not list_real_examples(schema) and is_own_identifier(name, draft.noun)
            else None
        )
        if (
            known_id is not None
            and split_words(name)[-1] == "id"
            and values.is_within_string_limits(schema, str(known_id))
        ):
            return _convert_identifier(schema, known_id)
        filed_identity = entities.find_identity(draft.noun, draft.known_fields) if draft.known_fields else None
        if filed_identity is not None and is_own_identifier(name, draft.noun):
            return _convert_identifier(schema, filed_identity)
        role = parse_resource_noun(name)
        noun = canonicalize_noun(role or draft.noun)
        is_short = shortens_noun(role, draft.noun) and not list_own_identities(draft.filled, draft.noun)
        is_of_draft = role == "" or noun == canonicalize_noun(draft.noun) or is_short
        if draft.noun in OCCURRENCE_NOUNS and noun in intent.parents and len(role.split()) == 1:
            return self.create_identifier(schema, noun, draft.filled)
        issue_key = draft.filled.get("issue_key") or intent.identities.get("issue")
        if noun == "project" and isinstance(issue_key, str) and _NUMBERED.fullmatch(issue_key):
            return issue_key.rpartition("-")[0]
        given_identity = draft.identity if is_of_draft else intent.identities.get(noun)
        if given_identity is not None:
            return _convert_identifier(schema, given_identity)
        if noun in _CONVERSATION_NOUNS and intent.creates_entity and not is_of_draft:
            return self._choose_conversation(schema, noun, draft)
        if not is_of_draft and intent.is_lookup:
            standing_identity = self._choose_standing_identity(schema, noun)
            if standing_identity is not None:
                return _convert_identifier(schema, standing_identity)
        candidates = [] if is_of_draft else list(entities.list_entities(noun))
        if candidates and not intent.is_listing:
            return _convert_identifier(schema, candidates[-1])
        if candidates and rng.random() < 0.5:
            return _convert_identifier(schema, rng.choice(candidates))
        return self.create_identifier(schema, canonicalize_noun(draft.noun) if is_short else noun, draft.filled)

    def _choose_standing_identity(self, schema: Schema, noun: str) -> str | int | None:
        """Returns the identifier of one of the company's things, such as the project in which a board lies; None for
        a noun of which a company has no fixed ones.
        """
        context = self._context
        thing = choose_standing_thing(context.situation.domain, noun, context.rng)
        if thing is None:
            return None
        identity = context.entities.find_standing_identity(thing.noun, thing.index)
        if identity is None:
            own_identifiers = FieldIdentifiers(context.narrow_to(thing, "id"))
            identity = own_identifiers.create_identifier(schema, noun, {})
            context.entities.remember_standing_identity(thing.noun, thing.index, identity)
        return identity

    def _choose_conversation(self, schema: Schema, noun: str, draft: ObjectDraft) -> Any:
        """Returns the conversation of the message that a reply answers; whatever else is sent begins a new one."""
        intent, entities = self._context.intent, self._context.entities
        if intent.name.verb in _ANSWERING_VERBS:
            for named_noun, identity in intent.named_entities:
                answered = entities.find_entity(named_noun, identity).get(f"{noun}id")
                if answered is not None:
                    return _convert_identifier(schema, answered)
        return self.create_identifier(schema, noun, draft.filled)

    def _imitate_unused_example(self, examples: Sequence[str], noun: str, fields: Mapping[str, Any]) -> str:
        project = fields.get("project_key") or self._context.intent.identities.get("project")
        identifier = ""
        for _ in range(_MOST_TRIES):
            identifier = _imitate_example(examples, project, self._context.rng)
            is_numbered = _NUMBERED.fullmatch(identifier)
            is_used = identifier in self._numbers_used
            if not is_used and not (is_numbered and self._context.entities.find_entity(noun, identifier)):
                break
        if _NUMBERED.fullmatch(identifier):
            self._numbers_used.add(identifier)
        return identifier


def draw_uuid(rng: Random) -> str:
    """Returns a random UUID of version 4."""
    digits = f"{rng.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def draw_link(noun: str, context: CallContext) -> str:
    """Returns the address of a page that shows an entity, at the situation's domain."""
    path = noun.replace(" ", "-") or "item"
    return f"https://app.{context.situation.domain}/{path}/{context.rng.getrandbits(40):010x}"


def _imitate_example(examples: Sequence[str], project: Any, rng: Random) -> str:
    identifier = values.imitate_identifier(rng.choice(examples), rng)
    if _NUMBERED.fullmatch(identifier) and isinstance(project, str) and project.isupper():
        return f"{project}-{identifier.rpartition('-')[2]}"  # an issue carries its project's key
    return identifier


def _convert_identifier(schema: Schema, identity: str | int) -> str | int:
    """Returns the identifier as the schema's type, where it can be one."""
    match schema_type(schema):
        case "integer":
            return int(identity) if str(identity).isdigit() else identity
        case "string":
            return str(identity)
    return identity
