"""Reads the names of tools and fields: their words, a tool's verb and resource noun, the noun that an id refers to.

Belongs here: the reading of names alone. Splitting a name and making singulars is in `schema/words.py`; the meaning of
a field, which its schema helps to decide, is in `field_meaning.py`. Nothing here knows a particular service.

>>> parse_tool_name("CREATE_CALENDAR_EVENT")
ToolName(verb='create', action='create', noun='event', words=('calendar', 'event'))
>>> parse_resource_noun("parentFolderId")
'parent folder'
"""

from functools import cache
from typing import NamedTuple

from funcdex_assets.schema.words import split_words, to_singular
from funcdex_assets.semantics import vocabulary as vocab

# The verbs of each action. The effect of a call on the world follows from the action (`environment/state_changes.py`).
ACTIONS = {
    "list": "list fetch find search query browse lookup filter check",
    "get": "get read retrieve show view open download describe",
    "create": "create add insert new make start schedule register upload book reserve quick post draft generate "
    "compose submit",
    "update": "update edit patch modify change set rename move transition assign complete close reopen mark "
    "reschedule archive unarchive star unstar replace append pin unpin enable disable label finalize pay accept "
    "redeem apply approve reject decline confirm lock unlock activate deactivate pause resume stop restore ship "
    "deliver adjust transfer deposit withdraw resolve suspend",
    "delete": "delete remove trash clear cancel unshare void refund revoke",
    "send": "send reply forward share email message notify invite comment react publish",
    "copy": "copy duplicate clone export convert",
}

_LEADING_VERBS = {
    **dict.fromkeys("place charge".split(), "create"),
    **dict.fromkeys(
        (
            "renew freeze unfreeze block unblock return extend merge sign mute unmute follow unfollow promote "
            "demote escalate capture release trigger turn switch toggle dim skip verify suspend"
        ).split(),
        "update",
    ),
}
"""Words that are verbs where a name begins with them, and may be nouns elsewhere: `exchange_rate`, `city_block`."""
_TRAILING_VERBS = frozenset("renew freeze unfreeze unblock extend mute unmute promote suspend".split())
_ACTION_BY_VERB = {verb: action for action, verbs in ACTIONS.items() for verb in verbs.split()}
READING_VERBS = frozenset(f"{ACTIONS['list']} {ACTIONS['get']}".split())
_PREPOSITIONS = {"to", "from", "in", "on", "for", "by", "of", "with", "and", "or", "as", "into", "at"}
_ID_SUFFIXES = ("id", "ids", "gid", "gids", "uid", "uids", "uuid", "uuids", "uri", "uris", "key", "keys", "sid", "ref")


class ToolName(NamedTuple):
    """A tool's name taken apart: `noun` is the head noun of its resource, `words` all its nouns before a preposition.

    All are singular: `LIST_CALENDAR_EVENTS_BY_DATE` has the noun `event` and the words `calendar` and `event`.
    """

    verb: str
    action: str
    noun: str
    words: tuple[str, ...]


@cache
def parse_tool_name(name: str) -> ToolName:
    """Takes a tool's name apart; a name without a known verb begins with its verb and has the action "get"."""
    name_words = split_words(name)
    if not name_words:
        return ToolName("", "get", "", ())
    verb_index = next((index for index, word in enumerate(name_words) if word in _ACTION_BY_VERB), None)
    if name_words[0] in _LEADING_VERBS:
        verb_index = 0
    elif verb_index is None and name_words[-1] in _TRAILING_VERBS:
        verb_index = len(name_words) - 1
    verb, object_words = (
        (name_words[verb_index], name_words[:verb_index] + name_words[verb_index + 1 :])
        if verb_index is not None
        else (name_words[0], name_words[1:])
    )
    if verb in ("quick", "new") and object_words and object_words[0] in _ACTION_BY_VERB:
        verb, object_words = object_words[0], object_words[1:]
    noun_words = []
    for word in object_words:
        if word in _PREPOSITIONS:
            if noun_words:
                break
            continue
        noun_words.append(to_singular(word))
    if not noun_words:
        noun_words = [to_singular(word) for word in object_words if word not in _PREPOSITIONS] or [verb]
    action = _ACTION_BY_VERB.get(verb, _LEADING_VERBS.get(verb, "get"))
    return ToolName(verb, action, noun_words[-1], tuple(noun_words))


@cache
def names_several(name: str) -> bool:
    """Returns whether a tool's name asks for things in the plural: `get_user_orders`, not `get_order`.

    >>> names_several("getUserOrders"), names_several("GET_ORDER_BY_TAGS")
    (True, False)
    """
    words = split_words(name)
    end = next((index for index, word in enumerate(words) if index and word in _PREPOSITIONS), len(words))
    return end > 1 and to_singular(words[end - 1]) != words[end - 1]


@cache
def is_id(name: str) -> bool:
    """Returns whether a field's name ends like an identifier of a service: `thread_id`, `uuid`, not `api_key`.

    Whoever has this answer has that of `field_meaning`, but for two cases: a key that is one of a few fixed words is
    no identifier, and the number by which people call an invoice is one, although a service need not give it.
    """
    name_words = split_words(name)
    if not name_words or name_words[-1] not in _ID_SUFFIXES:
        return False
    if name_words[-1] in ("uri", "uris"):  # without a noun, or with that of a page or picture, it is a link
        return len(name_words) > 1 and name_words[-2] not in vocab.LINK_TARGETS
    is_sort_key = name_words[-1] in ("key", "keys") and not vocab.SORT_WORDS.isdisjoint(name_words)
    is_secret = name_words == ("key",) or name_words[-2:] == ("api", "key")
    is_of_zone = name_words[-3:-1] == ("time", "zone") or name_words[-2:-1] == ("timezone",)  # it is the zone's name
    return not (is_sort_key or is_secret or is_of_zone or "idempotency" in name_words)


@cache
def parse_resource_noun(name: str) -> str:
    """Returns the noun that an id field refers to, singular: `thread_ids` → `thread`; '' for a bare `id`."""
    noun_words = split_words(name)
    while noun_words and noun_words[-1] in (*_ID_SUFFIXES, "or"):
        noun_words = noun_words[:-1]
    return " ".join(to_singular(word) for word in noun_words)


@cache
def parse_last_noun(name: str) -> str:
    """Returns the singular noun at the end of a field's name; for an id, the last noun that it refers to.

    >>> parse_last_noun("line_items"), parse_last_noun("parentFolderId")
    ('item', 'folder')
    """
    if is_id(name):
        return parse_resource_noun(name).rpartition(" ")[2]
    return to_singular(split_words(name)[-1]) if split_words(name) else ""
