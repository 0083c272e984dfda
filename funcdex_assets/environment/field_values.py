"""Chooses the value of one scalar field of a result: an identifier, a moment, a state, a name, a text.

Belongs here: which module chooses a field's value, by its schema and name. A value that is already known or was said by
the call is not made up: `result_builder` asks for a field only when nothing else decides it.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any

from funcdex_assets.environment.call_context import CallContext
from funcdex_assets.environment.entity_store import canonicalize_noun
from funcdex_assets.environment.field_identifiers import FieldIdentifiers
from funcdex_assets.environment.field_moments import FieldMoments
from funcdex_assets.environment.field_options import choose_option
from funcdex_assets.environment.field_texts import FieldTexts
from funcdex_assets.environment.object_draft import ObjectDraft
from funcdex_assets.environment.part_counts import find_counted_noun
from funcdex_assets.environment.result_people import ResultPeople
from funcdex_assets.environment.standing_things import count_standing_things
from funcdex_assets.environment.state_changes import find_flag_after_verb
from funcdex_assets.language import values
from funcdex_assets.language.real_examples import list_real_examples
from funcdex_assets.records.seeds import build_generator
from funcdex_assets.schema.schema import Schema, schema_type
from funcdex_assets.schema.words import split_words
from funcdex_assets.semantics.epochs import is_epoch, to_epoch
from funcdex_assets.semantics.field_roles import is_identifier, is_page_token

_TRUE_WORDS = frozenset(
    (
        "success successful ok sent deleted removed accepted available confirmed updated added shared notified active"
    ).split()
)
_RARELY_TRUE_WORDS = frozenset("has is trashed archived deleted".split())
_MOMENT: Schema = {"type": "string", "format": "date-time"}
_TRUE_SHARE = 0.3  # of flags whose name says nothing
_PART_WORDS = frozenset("message messages reply replies comment comments note attachment subtask attendee".split())
_LEAST_PARTS = 2  # people ask for the second one, too
_MOST_PARTS = 4  # a count of parts is kept small, since all of them will be listed
_MOST_THINGS = 9  # a count of things that are listed by pages
_TOKEN_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz23456789"
_TOKEN_LENGTH = 16


class FieldValues:
    """Chooses the fields of one call's result."""

    def __init__(self, context: CallContext):
        self._context = context
        self.people = ResultPeople(context)
        self.identifiers = FieldIdentifiers(context)
        self.texts = FieldTexts(context, self.people, FieldMoments(context))

    def choose_value(self, schema: Schema, name: str, draft: ObjectDraft) -> Any:
        """Returns a likely value for a field of this name in the draft; it may break the schema in details."""
        if "const" in schema:
            return schema["const"]
        if "currency" in split_words(name):  # a company reckons in one
            own_rng = build_generator("currency", self._context.situation.domain)
            return FieldValues(replace(self._context, rng=own_rng))._choose_by_type(schema, name, draft)
        return self._choose_by_type(schema, name, draft)

    def _choose_by_type(self, schema: Schema, name: str, draft: ObjectDraft) -> Any:
        if schema_type(schema) == "string" and is_page_token(name, schema):
            return "".join(self._context.rng.choice(_TOKEN_LETTERS) for _ in range(_TOKEN_LENGTH))
        if is_identifier(name, schema) and "enum" not in schema:
            return self.identifiers.choose_identifier(schema, name, draft)
        if "enum" in schema:
            return choose_option(schema, name, draft, self._context)
        name_words = set(split_words(name))
        match schema_type(schema):
            case "boolean":
                return self._choose_flag(name, name_words, draft)
            case "integer" | "number":
                return self._choose_number(schema, name, name_words, draft)
            case "null":
                return None
        text = self.texts.choose_text(schema, name, name_words, draft)
        if values.is_within_string_limits(schema, text):
            return text
        examples = (option for option in list_real_examples(schema) if values.is_within_string_limits(schema, option))
        return next(examples, text[: schema.get("maxLength", len(text))])

    def _choose_flag(self, name: str, name_words: set[str], draft: ObjectDraft) -> bool:
        flag = find_flag_after_verb(self._context.intent.name.verb, name) if draft.is_subject else None
        if flag is not None:
            return flag
        if name_words & _TRUE_WORDS:
            return True
        return not name_words & _RARELY_TRUE_WORDS and self._context.rng.random() < _TRUE_SHARE

    def _choose_number(self, schema: Schema, name: str, name_words: set[str], draft: ObjectDraft) -> Any:
        if is_epoch(name, schema):
            text = FieldMoments(self._context).choose_moment(_MOMENT, name, draft)
            return to_epoch(datetime.fromisoformat(text), name, schema)
        number = values.invent_number(name, schema, self._context.rng)
        counted_noun = find_counted_noun(name)
        if counted_noun:
            most_parts = _MOST_PARTS if name_words & _PART_WORDS else _MOST_THINGS
            most_parts = count_standing_things(canonicalize_noun(counted_noun)) or most_parts
            least_parts = min(_LEAST_PARTS, most_parts)
            count = min(max(number, least_parts), self._context.rng.randint(least_parts, most_parts))
            return max(schema.get("minimum", 0), min(count, schema.get("maximum", count)))
        return number
