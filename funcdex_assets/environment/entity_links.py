"""Finds what a call attaches to an entity or detaches from it: a label on a message, an attendee of an event.

Belongs here: reading links from the arguments of a call. Writing them into the world belongs in `state_changes`.

>>> from funcdex_assets.semantics.tool_names import parse_tool_name
>>> name = parse_tool_name("ADD_LABEL_TO_EMAIL")
>>> list(find_links(name, {"message_id": "m1", "label_id": "URGENT"}, {"message": "m1", "label": "URGENT"}))
[Link(holder_noun='message', holder_identity='m1', noun='label', value='URGENT', is_removal=False)]
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from funcdex_assets.environment.entity_store import canonicalize_noun
from funcdex_assets.schema.words import split_words, to_singular
from funcdex_assets.semantics.field_roles import PARTICIPANT_NOUNS, read_name
from funcdex_assets.semantics.tool_names import ToolName
from funcdex_assets.semantics.vocabulary import TAG_NOUNS

PLACEHOLDER_IDENTITIES = frozenset("me primary default self".split())
"""Values that stand for the user's own account or calendar instead of an identifier."""

_DETACHING_VERBS = frozenset("remove detach unassign unlink unshare exclude".split())


class Link(NamedTuple):
    """An entity, given by identifier, name or address, that a call attaches to a holder or detaches from it."""

    holder_noun: str
    holder_identity: str
    noun: str
    value: str
    is_removal: bool


def is_mentioned_in(name: ToolName, noun: str) -> bool:
    """Returns whether the tool's name contains the noun or a synonym of it."""
    return canonicalize_noun(noun) in {canonicalize_noun(word) for word in name.words}


def _is_attachable(noun: str) -> bool:
    return noun == "reaction" or noun in TAG_NOUNS | PARTICIPANT_NOUNS


@cache
def _find_named_noun(argument_name: str) -> str:
    """Returns the noun of the thing that an argument names: `label` of `label_id`; '' for a bare `id` or `email`."""
    meaning = read_name(argument_name)
    if meaning.noun or meaning.role in ("identifier", "email", "title") or not split_words(argument_name):
        return meaning.noun.rpartition(" ")[2]
    return to_singular(split_words(argument_name)[-1])


def find_links(name: ToolName, arguments: Mapping[str, Any], identities: Mapping[str, str | int]) -> Iterator[Link]:
    """Yields the links of `ADD_LABEL_TO_EMAIL(message_id, label_id, remove_label_ids)` or
    `REMOVE_ATTENDEE(event_id, attendee_email)`; `identities` are the call's identifiers by noun.
    """
    noun = canonicalize_noun(name.noun)
    holders = [
        (holder_noun, str(identity))
        for holder_noun, identity in identities.items()
        if holder_noun != noun and str(identity) not in PLACEHOLDER_IDENTITIES and holder_noun != "user"
    ]
    if not holders:
        return
    holder = next((holder for holder in holders if is_mentioned_in(name, holder[0])), holders[0])
    is_attachable = any(map(_is_attachable, (noun, name.noun)))
    is_removal = name.verb in _DETACHING_VERBS and is_attachable
    if is_removal or (name.action == "create" and (noun in identities or is_attachable)):
        for argument_name, value in arguments.items():
            is_of_noun = canonicalize_noun(_find_named_noun(argument_name)) == noun
            if is_of_noun and split_words(argument_name)[0] not in ("remove", "add"):
                for item in value if isinstance(value, list) else [value]:
                    if isinstance(item, str | int):
                        yield Link(*holder, noun, str(item), is_removal)
    for argument_name, value in arguments.items():
        first_word, *noun_words = split_words(argument_name)
        if first_word in ("remove", "add") and noun_words and isinstance(value, list):
            linked_noun = canonicalize_noun(to_singular(noun_words[0]))
            for item in value:
                if isinstance(item, str | int):
                    yield Link(*holder, linked_noun, str(item), first_word == "remove")
