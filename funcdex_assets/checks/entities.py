"""Reads the entities that results show: things with an identifier of their own and fields that last.

Belongs here: what `consistency.py` compares. It counts only what is certain, such as an identifier long enough to
belong to one entity. No judgement.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import msgspec

from funcdex_assets.checks.rules.case import Case, PlacedObject
from funcdex_assets.records.message import ToolCall, ToolResult
from funcdex_assets.schema.words import split_words, to_singular
from funcdex_assets.semantics.field_roles import is_title, is_whole_text, names_maker, read_name
from funcdex_assets.semantics.tool_names import is_id, parse_last_noun, parse_resource_noun
from funcdex_assets.semantics.vocabulary import RESTORING_VERBS

READ_VERBS = frozenset(
    (
        "list get fetch find search read retrieve query show lookup view check count describe browse open filter "
        "export download"
    ).split()
)
CREATE_VERBS = frozenset("create add new insert post upload schedule".split())
UPDATE_VERBS = frozenset(
    (
        "update edit patch modify rename change set reschedule assign unassign move cancel complete close reopen "
        "archive transition"
    ).split()
)
DELETE_VERBS = frozenset("delete trash".split())
_KNOWN_VERBS = READ_VERBS | CREATE_VERBS | UPDATE_VERBS | DELETE_VERBS | RESTORING_VERBS
TEXT_FIELD = "text"  # the one key under which the text of an entity is kept, whatever its field is called
_OBJECT = {"type": "object"}
_MIN_IDENTIFIER_LENGTH = 5  # characters; a shorter identifier is likely to belong to several entities


@dataclass
class Entity:
    """An entity as one result shows it: `fields` holds only those that no read can change, such as its title."""

    noun: str
    identity: str
    fields: dict[str, Any] = field(default_factory=dict)


def pair_results_with_calls(case: Case) -> Iterator[tuple[int, ToolCall, ToolResult]]:
    """Yields each result with its call, and the index of the result's message.

    Arguments that are no object, as a model may write them, are taken for none.
    """
    calls = {call.id: call for message in case.messages for call in message.tool_calls}
    for index, message in enumerate(case.messages):
        if message.result is not None and (call := calls.get(message.result.call_id)):
            has_names = isinstance(call.arguments, dict)
            yield index, call if has_names else msgspec.structs.replace(call, arguments={}), message.result


@cache
def find_verb(name: str) -> str:
    """The first word of a tool name that is a known verb; '' if there is none, so that no rule about verbs applies."""
    return next((word for word in split_words(name) if word in _KNOWN_VERBS), "")


def find_entities(objects: Sequence[PlacedObject]) -> Iterator[tuple[Entity, str]]:
    """Finds every object with an identifier of its own, with the fields that last until a call changes them."""
    for holder, pointer, noun in objects:
        identity = next(
            (
                value
                for key, value in holder.items()
                if _is_own_identifier(key, noun) and is_distinctive_identifier(value)
            ),
            None,
        )
        if identity is None:
            continue
        fields = {
            key: value for key, value in holder.items() if isinstance(value, str) and value and is_lasting_field(key)
        }
        for key, value in holder.items():
            if isinstance(value, dict) and names_maker(key, _OBJECT):
                email = next((maker_field for name, maker_field in value.items() if "email" in split_words(name)), None)
                fields |= {key: email} if isinstance(email, str) else {}
        yield Entity(noun, str(identity), fields), pointer


@cache
def _is_own_identifier(key: str, noun: str) -> bool:
    """True if a key is the identifier of its object: `id` anywhere, `file_id` within a `file`."""
    return is_id(key) and (not parse_resource_noun(key) or (noun != "" and parse_resource_noun(key) == noun))


def is_distinctive_identifier(value: Any) -> bool:
    """True if a value is long enough to identify one entity."""
    return isinstance(value, str | int) and not isinstance(value, bool) and len(str(value)) >= _MIN_IDENTIFIER_LENGTH


@cache
def is_lasting_field(key: str) -> bool:
    """True if a field keeps its value until a call changes it: `title`, `created_at`, `owner`."""
    key_words, meaning = split_words(key), read_name(key)
    is_own_title = meaning.role == "title" and not meaning.noun
    return is_own_title or "created" in key_words or (len(key_words) == 1 and names_maker(key, _OBJECT))


@cache
def is_changing_field(key: str) -> bool:
    """True if a field may have another value after any call: a count, a state, the moment of the last message."""
    meaning = read_name(key)
    is_last_moment = meaning.role == "moment" and (meaning.phase == "changed" or "last" in split_words(key))
    return is_last_moment or meaning.role in ("count", "total", "state")


def collect_identifiers(call: ToolCall) -> Iterator[str]:
    """Yields the identifiers among a call's arguments, also those within lists."""
    for key, value in call.arguments.items() if isinstance(call.arguments, dict) else ():
        if is_id(key):
            for identifier in value if isinstance(value, list) else (value,):
                if is_distinctive_identifier(identifier):
                    yield str(identifier)


def find_deleted_identifier(call: ToolCall) -> str | None:
    """The identifier of the entity that a call deletes: the one whose noun is in the tool's name, or the only one."""
    identifiers_by_noun = {
        parse_last_noun(key): str(value)
        for key, value in call.arguments.items()
        if is_id(key) and is_distinctive_identifier(value)
    }
    tool_name_nouns = [to_singular(word) for word in split_words(call.name)]
    matching_identifiers = [value for noun, value in identifiers_by_noun.items() if noun in tool_name_nouns]
    if len(matching_identifiers) == 1:
        return matching_identifiers[0]
    return next(iter(identifiers_by_noun.values())) if len(identifiers_by_noun) == 1 else None


def find_entity_read_by_id(call: ToolCall, content: Any, verb: str) -> Iterator[tuple[Entity, str]]:
    """Yields the entity that a call reads by its identifier, with its title and text, if the whole result is about it.

    `GET_DOCUMENT(document_id="d1")` with the result `{"document_id": "d1", "title": "Plan"}` reads one document.
    """
    if verb not in READ_VERBS or not isinstance(content, dict):
        return
    tool_name_nouns = {to_singular(word) for word in split_words(call.name)}
    for key, value in content.items():
        is_echoed_id = (
            is_id(key)
            and parse_resource_noun(key) in tool_name_nouns
            and call.arguments.get(key) == value
            and is_distinctive_identifier(value)
        )
        if is_echoed_id:
            fields = {name: field_value for name, field_value in content.items() if is_title(name)}
            fields |= {
                TEXT_FIELD: next(
                    (field_value for name, field_value in content.items() if is_whole_text(name)),
                    None,
                )
            }
            texts = {name: text for name, text in fields.items() if isinstance(text, str) and text}
            yield Entity(parse_resource_noun(key), str(value), texts), ""


@cache
def normalize_name(name: str) -> str:
    """A field name without case and separators: `fileName` and `file_name` become `filename`."""
    return "".join(split_words(name))
