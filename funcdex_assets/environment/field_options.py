"""Chooses one of the values that a field's `enum` allows: a status, a MIME type, a time zone.

Belongs here: what is known of the right option. A state that follows from the tool's verb is in `state_changes`.
"""

import mimetypes
from collections.abc import Sequence
from typing import Any

from funcdex_assets.environment.call_context import CallContext
from funcdex_assets.environment.entity_store import normalize_field_name
from funcdex_assets.environment.object_draft import ObjectDraft
from funcdex_assets.environment.state_changes import find_state_after_verb
from funcdex_assets.records.scenario import Persona
from funcdex_assets.records.seeds import derive_seed
from funcdex_assets.schema.schema import Schema
from funcdex_assets.schema.words import split_words
from funcdex_assets.semantics.field_meaning import decide_field_meaning

_FIRST_STATES = (
    "open active confirmed needsaction todo draft pending scheduled accepted sent queued created incomplete".split()
)
_FILE_NAMES = ("filename", "name", "title")
_PLAIN_TEXT = "text/plain"


def choose_option(schema: Schema, name: str, draft: ObjectDraft, context: CallContext) -> Any:
    """Returns one of the schema's options; where a file's type and its name disagree, a made-up name is changed."""
    options = [option for option in schema["enum"] if option is not None] or [None]
    name_words = set(split_words(name))
    intent = context.intent
    is_state = decide_field_meaning(name, schema).role == "state"
    if "zone" in name_words:
        return _choose_time_zone(options, context.situation.persona)
    excluded = intent.criteria.excluded.get(normalize_field_name(name))
    if excluded:
        options = [option for option in options if str(option).lower() != excluded] or options
    if "mime" in name_words:
        options = _narrow_to_file_type(options, draft, context)
    if is_state and intent.name.action in ("create", "send"):
        first_states = [context.initial_state, *_FIRST_STATES] if draft.is_subject else _FIRST_STATES
        first_options = [
            option for state in first_states for option in options if normalize_field_name(str(option)) == state
        ]
        return (first_options or options)[0]
    if is_state and draft.is_subject:
        state = find_state_after_verb(intent.name.verb, options)
        if state is not None:
            return state
    return context.rng.choice(options)


def _choose_time_zone(options: Sequence[Any], persona: Persona) -> Any:
    """Returns the user's zone, or always the same other one for the same user."""
    zone = persona.time_zone
    return zone if zone in options else options[derive_seed(persona.persona_id) % len(options)]


def _narrow_to_file_type(options: list[Any], draft: ObjectDraft, context: CallContext) -> list[Any]:
    file_name = str(next((draft.filled[key] for key in _FILE_NAMES if key in draft.filled), ""))
    file_type = mimetypes.guess_type(file_name)[0] or ""
    matches = [option for option in options if option == file_type]
    if not matches and file_type:
        matches = [option for option in options if option == _PLAIN_TEXT and file_type.startswith("text/")]
        options = [option for option in options if mimetypes.guess_extension(str(option))] or options
        _change_extension(draft, matches or options[:1], context)
    return matches or (options[:1] if file_type else options)


def _change_extension(draft: ObjectDraft, file_types: Sequence[Any], context: CallContext) -> None:
    """Gives the draft's file the extension of its type, unless the name is known or said."""
    extension = mimetypes.guess_extension(str(file_types[0]))
    for key in _FILE_NAMES:
        name = draft.filled.get(key)
        if (
            isinstance(name, str)
            and normalize_field_name(key) not in draft.known_fields
            and name not in context.intent.said_values.values()
        ):
            stem, dot, _ = name.rpartition(".")
            is_changed = dot and extension and file_types[0] != _PLAIN_TEXT
            draft.filled[key] = f"{stem}{extension}" if is_changed else name
