"""Reads the names of tools and fields by word lists of its own, for any service.

Belongs here: every word that a relation knows. Add one where a service's usual word is missing; a word that means two
things stays out, for what a name does not tell is let pass.

>>> split_name("getUserOrders"), read_tool_name("getUserOrders")
(('get', 'user', 'orders'), ('read', ('user', 'order')))
"""

import re
from functools import lru_cache
from typing import Any

MIN_TEXT_LENGTH = 3  # characters


def word_set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_VERBS = {
    "read": "get list search find fetch read query retrieve lookup browse count describe check",
    "create": "create add send post reply insert make schedule upload register forward submit publish log invite",
    "update": "update edit patch modify change set rename reschedule",
    "delete": "delete trash destroy erase purge remove",
    "restore": "restore undelete untrash recover",
    "other": "mark move assign close reopen complete cancel copy duplicate clone fork archive unarchive react quick "
    "transition finalize refund pay transfer approve reject merge replace append start stop turn adjust adopt split "
    "withdraw confirm decline resolve suspend resume activate deactivate",
}

ACTION_OF_VERB = {verb: action for action, verbs in _VERBS.items() for verb in verbs.split()}

VERBS_IF_FIRST = {"book": "create", "order": "create", "open": "create", "view": "read", "show": "read"}

_PREPOSITIONS = word_set("by for in from of to on with as at into")

PLAIN_NOUNS = word_set("detail info information item data result entry record value object row hit match all metadata")

_ID_WORDS = word_set("id gid uuid uri key guid")

PAGE_WORDS = word_set("token cursor offset skip page")

LIMIT_WORDS = word_set("limit max maximum size count top take row per page result item number num of entry record")

PLACEHOLDERS = word_set("me self primary default root current all any none both everything *")

TEXT_WORDS = word_set("text body message content comment description note")

NAME_WORDS = word_set("title name subject summary label headline heading")

SENT_TO_WORDS = word_set("to recipient")

MOMENT_WORDS = word_set("date time at on datetime day moment timestamp")

PAST_WORDS = word_set("created sent received posted uploaded registered joined added")

CHANGE_WORDS = word_set("updated modified edited changed")

LOW_WORDS = word_set("from since after min minimum start starting")

HIGH_WORDS = word_set("to until before max maximum end ending till")

UNIT_WORDS = word_set("format unit currency locale language lang fields view expand timezone zone mode")

CALL_WORDS = word_set("include exclude show hide without not verbose notify notification query q search keyword fields")

PASSING_WORDS = word_set(
    "score rank relevance snippet preview excerpt distance age ago position index token etag role access permission "
    "response url link expires read unread seen"
)  # of fields that depend on who looks, how and when

STATE_WORDS = word_set(
    "status state stage version last updated modified edited changed count total number progress num"
)

DROPPED_WORDS = word_set("deleted trashed cancelled canceled removed archived void")

PARTS = word_set(
    "message comment event email mail thread file task attachment subtask reply order invoice payment booking "
    "appointment document child reaction ticket transaction"
)  # things that only calls put into something new


@lru_cache(65_536)
def split_name(name: str) -> tuple[str, ...]:
    """Returns the words of a name in lower case."""
    return tuple(word.lower() for word in re.findall(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+", name))


@lru_cache(65_536)
def _singularize(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


@lru_cache(65_536)
def split_singular(name: str) -> tuple[str, ...]:
    return tuple(map(_singularize, split_name(name)))


@lru_cache(16_384)
def read_tool_name(name: str) -> tuple[str, tuple[str, ...]]:
    """Returns what a tool does (`other` where no verb tells), and the words of what it does that to."""
    words = split_name(name)
    verb_at = next((at for at, word in enumerate(words) if word in ACTION_OF_VERB), None)
    action = ACTION_OF_VERB[words[verb_at]] if verb_at is not None else "other"
    if words and words[0] in VERBS_IF_FIRST:
        verb_at, action = 0, VERBS_IF_FIRST[words[0]]
    noun: list[str] = []
    for word in words[(verb_at if verb_at is not None else -1) + 1 :]:
        if word in _PREPOSITIONS:
            break
        noun.append(_singularize(word))
    while len(noun) > 1 and noun[-1] in PLAIN_NOUNS:
        noun.pop()
    return action, tuple(noun or map(_singularize, words[:verb_at]))


@lru_cache(65_536)
def is_id_name(name: str) -> bool:
    """Returns whether a field holds an identifier."""
    return bool(split_name(name)) and split_name(name)[-1] in _ID_WORDS


@lru_cache(65_536)
def is_page_name(name: str) -> bool:
    """Returns whether an argument says where a page begins."""
    words = split_name(name)
    is_position = bool(PAGE_WORDS & set(words)) and not {"size", "per", "limit", "max"} & set(words)
    return is_position or words in (("start", "at"), ("starting", "after"), ("start", "index"), ("ending", "before"))


@lru_cache(65_536)
def is_sort_name(name: str) -> bool:
    return bool({"sort", "order", "orderby", "sortby", "direction", "ordering"} & set(split_name(name)))


def name_field(name: str, value: Any) -> str:
    """Returns one name for a field in all its spellings; `project_id` and `project: {id}` are both `project#`."""
    words = split_name(name)
    if isinstance(value, dict) or (words and words[-1] in _ID_WORDS):
        return " ".join(words if isinstance(value, dict) else words[:-1]) + "#"
    return " ".join(words)


def is_count(name: str) -> bool:
    words = set(split_name(name))
    return bool({"count", "num", "total", "number"} & words) and not {"word", "character", "amount"} & words


SETTING_VERBS = frozenset("update edit patch modify change set rename reschedule".split())
