"""Finds the argument that a field of the result repeats: by the same name, or by a name that means the same.

Belongs here: which names of arguments and fields are synonyms, such as `label_name` and the `name` of a label. Whether
a repeated value suits its schema is the caller's question.
"""

from collections.abc import Mapping
from typing import Any

from funcdex_assets.environment.call_intent import CallIntent
from funcdex_assets.environment.entity_store import canonicalize_noun, normalize_field_name
from funcdex_assets.environment.text_titles import make_title
from funcdex_assets.language.values import PERSON_WORDS
from funcdex_assets.schema.words import split_words
from funcdex_assets.semantics.tool_names import is_id
from funcdex_assets.semantics.vocabulary import TITLE_WORDS

_TITLE_ENDINGS = ("name", "title")
_TEXT_WORDS = frozenset("body content text description message plaintext comment note caption".split())
_TEXT_ENDINGS = (
    "body",
    "content",
    "plaintext",
    "markdowntext",
    "bodytext",
    "textcontent",
    "comment",
    "note",
    "caption",
)
_WRITTEN_WORDS = frozenset("text content body markdown comment caption".split())
_WHOLE_TEXT_FIELDS = ("text", "plaintext", "markdowntext", "content", "body", "markdown")
_FORMAT_WORDS = frozenset("plain full raw".split())
_PREVIEW_WORDS = frozenset("snippet preview excerpt".split())
_PREVIEW_LENGTH = 90  # characters


def find_repeated_argument(intent: CallIntent, field_name: str) -> Any:
    """Returns the argument that a field of the call's own entity repeats; None where there is none."""
    same_name = intent.said_values.get(normalize_field_name(field_name))
    if same_name is not None:
        return same_name
    if set(split_words(field_name)) & _PREVIEW_WORDS and intent.creates_entity:
        text = _find_text(intent.said_values, _TEXT_WORDS, _TEXT_ENDINGS)
        return text[:_PREVIEW_LENGTH] if text else None
    if intent.is_lookup or intent.name.action == "delete":
        return None
    text = find_synonymous_text(field_name, intent.said_values)
    if text is None and intent.name.action == "create" and set(split_words(field_name)) <= TITLE_WORDS:
        lone_text = find_lone_text(intent)
        return make_title(lone_text) if lone_text else None
    return text


def find_lone_text(intent: CallIntent) -> str | None:
    """Returns the one text out of which a call makes something: QUICK_ADD(text). None where it also gives a title, or
    names something else that the text may be about.
    """
    nouns = {canonicalize_noun(intent.name.noun), intent.name.noun}
    if not intent.creates_entity or intent.parents or nouns & PERSON_WORDS:
        return None
    strings = {name: value for name, value in intent.arguments.items() if isinstance(value, str) and not is_id(name)}
    if any(set(split_words(name)) & TITLE_WORDS for name in strings):
        return None
    texts = [text for name, text in strings.items() if set(split_words(name)) & _TEXT_WORDS and " " in text]
    return texts[0] if len(texts) == 1 else None


def find_synonymous_text(field_name: str, said_values: Mapping[str, Any]) -> str | None:
    """Returns the title or text said under another name; None for a field that is neither a title nor a text."""
    name_words = set(split_words(field_name))
    if name_words & _TEXT_WORDS:
        name_words -= _FORMAT_WORDS
    if len(name_words) != 1 and normalize_field_name(field_name) != "plaintext":
        return None
    if name_words & TITLE_WORDS:
        return _find_text(said_values, TITLE_WORDS, _TITLE_ENDINGS)
    return _find_text(said_values, _TEXT_WORDS, _TEXT_ENDINGS) if name_words & _TEXT_WORDS else None


def find_text_of(entity: Mapping[str, Any]) -> str | None:
    """Returns the text of an entity, as its fields or the calls that wrote it tell; None where neither does."""
    told_values = entity.get("@told", {})
    texts = [told_values.get(name) for name in _WHOLE_TEXT_FIELDS]
    texts += [value for name, value in told_values.items() if name.endswith(_WHOLE_TEXT_FIELDS)]
    texts += [entity.get(name) for name in _WHOLE_TEXT_FIELDS]
    return next((text for text in texts if isinstance(text, str)), None)


def find_written_text(intent: CallIntent) -> str:
    """Returns the longest text that the call writes into something; '' for a look-up."""
    if intent.is_lookup:
        return ""
    texts = [
        value
        for name, value in intent.arguments.items()
        if isinstance(value, str) and _WRITTEN_WORDS & set(split_words(name))
    ]
    return max(texts, key=len, default="")


def _find_text(said_values: Mapping[str, Any], whole_names: frozenset[str], endings: tuple[str, ...]) -> str | None:
    matches = (value for name, value in said_values.items() if name in whole_names or name.endswith(endings))
    return next((value for value in matches if isinstance(value, str)), None)
