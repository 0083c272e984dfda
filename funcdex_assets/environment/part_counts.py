"""Tells which fields of an entity count its parts, and how many parts of a noun it is known to have.

Belongs here: numbers such as `message_count`, `num_subtasks` and `active_invitees`, by whatever names. The moments of
parts are in `conversation_times`.

>>> find_counted_noun("active_invitees"), find_counted_noun("num_subtasks"), find_counted_noun("word_count")
('invitee', 'subtask', '')
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from funcdex_assets.schema.words import split_words, to_singular
from funcdex_assets.semantics.field_meaning import decide_field_meaning

_PARTIAL_WORDS = frozenset("unread open new pending failed".split())  # of parts in one state only
_UNIT_NOUNS = frozenset("word character char page byte line hour minute second day view click retry attempt".split())
_SYNONYMS = {"member": "user", "note": "comment"}  # `num_members` of a workspace counts its users
_AMOUNT_NOUNS = frozenset("quantity number total amount".split())


@lru_cache(maxsize=8192)
def find_counted_noun(key: str) -> str:
    """Returns the singular noun of the parts that a field of this name counts all of; '' for any other field."""
    meaning = decide_field_meaning(key, {"type": "integer"})
    words = split_words(key)
    if meaning.role != "count" or _PARTIAL_WORDS & set(words):
        return ""
    noun = meaning.noun.rpartition(" ")[2] or to_singular(words[-1])
    return "" if (_UNIT_NOUNS | _AMOUNT_NOUNS) & {noun, *map(to_singular, words)} else noun


def find_part_count(entity: Mapping[str, Any], noun: str) -> int | None:
    """Returns how many parts of a noun the entity's own fields say that it has."""
    counts = (entity.get(name) for name in _list_counts(entity, noun))
    return next((count for count in counts if isinstance(count, int) and not isinstance(count, bool)), None)


def adjust_part_count(entity: dict[str, Any], noun: str, difference: int) -> None:
    """Adds to each of the entity's fields that count parts of a noun."""
    for name in _list_counts(entity, noun):
        if isinstance(entity.get(name), int):
            entity[name] = max(0, entity[name] + difference)


def _list_counts(entity: Mapping[str, Any], noun: str) -> list[str]:
    """Returns the fields that count parts of a noun. What may be a unit elsewhere (the pages of a book) counts parts
    where there are such parts: the `page_count` of a space whose pages are listed.
    """
    part_noun = _SYNONYMS.get(noun, noun)
    counts = entity.get("@counts", {}).items()
    counted = [name for name, counted_noun in counts if _SYNONYMS.get(counted_noun, counted_noun) == part_noun]
    return counted or [name for name in (f"{noun}count", f"num{noun}s") if name in entity]
