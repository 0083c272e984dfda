"""What names say: words, verb and resource noun of a tool, the noun that an id refers to.

Here belongs the reading of identifiers, the one place where English is taken apart. Nothing here
knows a particular service.

>>> parse_tool_name("CREATE_CALENDAR_EVENT")
ToolName(verb='create', action='create', noun='event', words=('calendar', 'event'))
>>> resource_noun("parentFolderId")
'parent folder'
"""

from functools import cache
from typing import NamedTuple

from funcdex_assets.schema.words import singular, words

# The action behind a verb. What a tool does to its resource follows from it (see simulation/world.py).
ACTIONS = {
    "list": "list fetch find search query browse lookup filter check",
    "get": "get read retrieve show view open download describe",
    "create": "create add insert new make start schedule register upload book quick post draft generate compose",
    "update": "update edit patch modify change set rename move transition assign complete close reopen mark "
    "reschedule archive unarchive star replace append pin enable disable label finalize pay accept",
    "delete": "delete remove trash clear cancel unshare void refund revoke",
    "send": "send reply forward share email message notify invite comment react publish",
    "copy": "copy duplicate clone export convert",
}

_ACTION_OF = {verb: action for action, verbs in ACTIONS.items() for verb in verbs.split()}
_PREPOSITIONS = {"to", "from", "in", "on", "for", "by", "of", "with", "and", "or", "as", "into", "at"}
_ID_SUFFIXES = ("id", "ids", "gid", "gids", "uid", "uids", "uuid", "uuids", "uri", "uris", "key", "keys", "sid", "ref")

# Words in the names of parameters that take what is searched for.
QUERY_WORDS = frozenset("query q search keyword keywords jql contains".split())


class ToolName(NamedTuple):
    """`noun` is the head of what the tool works on, singular; `words` are all words before a preposition."""

    verb: str
    action: str
    noun: str
    words: tuple[str, ...]


@cache
def parse_tool_name(name: str) -> ToolName:
    parts = words(name)
    at = next((index for index, part in enumerate(parts) if part in _ACTION_OF), None)
    verb, rest = (parts[at], parts[:at] + parts[at + 1 :]) if at is not None else (parts[0], parts[1:])
    if verb in ("quick", "new") and rest and rest[0] in _ACTION_OF:
        verb, rest = rest[0], rest[1:]
    head = []
    for part in rest:
        if part in _PREPOSITIONS:
            if head:
                break
            continue
        head.append(singular(part))
    if not head:
        head = [singular(part) for part in rest if part not in _PREPOSITIONS] or [verb]
    return ToolName(verb, _ACTION_OF.get(verb, "get"), head[-1], tuple(head))


@cache
def is_id(name: str) -> bool:
    """Whether a field of this name holds an identifier made by the service."""
    parts = words(name)
    return bool(parts) and parts[-1] in _ID_SUFFIXES and parts != ("key",) and parts[-2:] != ("api", "key")


@cache
def resource_noun(name: str) -> str:
    """The noun an id field refers to, singular: `thread_ids` → `thread`; '' for a bare `id`."""
    parts = words(name)
    while parts and parts[-1] in (*_ID_SUFFIXES, "or"):
        parts = parts[:-1]
    return " ".join(singular(part) for part in parts)


@cache
def last_noun(name: str) -> str:
    """The singular noun at the end of a field's name, which for an id is what it refers to.

    >>> last_noun("line_items"), last_noun("parentFolderId")
    ('item', 'folder')
    """
    if is_id(name):
        return resource_noun(name).rpartition(" ")[2]
    return singular(words(name)[-1]) if words(name) else ""


@cache
def is_page_token(name: str) -> bool:
    parts = words(name)
    return bool(parts) and (
        parts[-2:] in (("page", "token"), ("starting", "after"), ("start", "at"))
        or parts[-1] in ("cursor", "offset")
        or parts == ("next", "page")
    )
