"""Finds the argument that a field of the result repeats: by the same name, or by a name that means the same.

Belongs here: which names of arguments and fields are synonyms, such as `label_name` and the `name` of a label. Whether
a repeated value suits its schema is the caller's question.
"""

from collections.abc import Callable, Mapping
from typing import Any

from funcdex_assets.environment.call_intent import CallIntent
from funcdex_assets.environment.entity_store import canonicalize_noun, normalize_field_name
from funcdex_assets.environment.text_titles import make_title
from funcdex_assets.schema.words import split_words
from funcdex_assets.semantics.field_roles import (
    is_main_text,
    is_text,
    is_title,
    is_whole_text,
    names_person,
    read_name,
)
from funcdex_assets.semantics.tool_names import is_id

_PREVIEW_WORDS = frozenset("snippet preview excerpt".split())
_PREVIEW_LENGTH = 90  # characters


def find_repeated_argument(intent: CallIntent, field_name: str) -> Any:
    """Returns the argument that a field of the call's own entity repeats; None where there is none."""
    same_name = intent.said_values.get(normalize_field_name(field_name))
    if same_name is not None:
        return same_name
    if set(split_words(field_name)) & _PREVIEW_WORDS and intent.creates_entity:
        text = _find_said_text(intent.said_values, is_main_text)
        return text[:_PREVIEW_LENGTH] if text else None
    if intent.is_lookup or intent.name.action == "delete":
        return None
    text = find_synonymous_text(field_name, intent.said_values)
    if text is None and intent.name.action == "create" and _is_own_title(field_name):
        lone_text = find_lone_text(intent)
        return make_title(lone_text) if lone_text else None
    return text


def find_lone_text(intent: CallIntent) -> str | None:
    """Returns the one text out of which a call makes something: QUICK_ADD(text). None where it also gives a title, or
    names something else that the text may be about.
    """
    nouns = {canonicalize_noun(intent.name.noun), intent.name.noun}
    if not intent.creates_entity or intent.parents or any(names_person(noun) for noun in nouns):
        return None
    strings = {name: value for name, value in intent.arguments.items() if isinstance(value, str) and not is_id(name)}
    if any(is_title(name) for name in strings):
        return None
    texts = [text for name, text in strings.items() if is_text(name) and " " in text]
    return texts[0] if len(texts) == 1 else None


def find_synonymous_text(field_name: str, said_values: Mapping[str, Any]) -> str | None:
    """Returns the title or text said under another name; None for a field that is neither a title nor a text."""
    if _is_own_title(field_name):
        return _find_said_text(said_values, is_title)
    is_own_text = is_main_text(field_name) and not read_name(field_name).noun
    return _find_said_text(said_values, is_main_text) if is_own_text else None


def find_text_of(entity: Mapping[str, Any]) -> str | None:
    """Returns the text of an entity, as its fields or the calls that wrote it tell; None where neither does."""
    told_values = entity.get("@told", {})
    texts = [value for fields in (told_values, entity) for name, value in fields.items() if is_whole_text(name)]
    return next((text for text in texts if isinstance(text, str)), None)


def find_written_text(intent: CallIntent) -> str:
    """Returns the longest text that the call writes into something; '' for a look-up."""
    if intent.is_lookup:
        return ""
    texts = [value for name, value in intent.arguments.items() if isinstance(value, str) and is_whole_text(name)]
    return max(texts, key=len, default="")


def _is_own_title(field_name: str) -> bool:
    """Returns whether a field holds the title of the thing that it is in, and not that of a label of it."""
    return is_title(field_name) and not read_name(field_name).noun


def _find_said_text(said_values: Mapping[str, Any], is_wanted: Callable[[str], bool]) -> str | None:
    matches = (value for name, value in said_values.items() if is_wanted(name))
    return next((value for value in matches if isinstance(value, str)), None)
