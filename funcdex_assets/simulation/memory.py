"""What a world knows: things by noun and identifier, with the fields that were told about them.

>>> memory = Memory()
>>> memory.remember({"threads": [{"id": "t1", "subject": "Lease"}]}, "thread")
>>> memory.thing("thread", "t1")["subject"]
'Lease'
"""

from typing import Any

from funcdex_assets.catalog.names import is_id, resource_noun, singular, words
from funcdex_assets.tool_graph.graph import SYNONYMS

Thing = dict[str, Any]  # by `plain` field name


class Memory:
    """Things are never forgotten; what is told later about one adds to what was told before."""

    def __init__(self) -> None:
        self._things: dict[str, dict[str, Thing]] = {}

    def remember(self, value: Any, noun: str) -> None:
        """Takes in a result: every object in it that has an identifier of its own."""
        if isinstance(value, dict):
            identity = next((value[key] for key in value if _identifies(key, noun)), None)
            if isinstance(identity, str | int):
                known = self._things.setdefault(kind(noun), {}).setdefault(str(identity), {})
                known |= {plain(key): part for key, part in value.items()}
            for key, part in value.items():
                if isinstance(part, dict | list):
                    self.remember(part, singular_words(key))
        elif isinstance(value, list):
            for part in value:
                self.remember(part, noun)

    def thing(self, noun: str, identity: str | int) -> Thing:
        return self._things.get(kind(noun), {}).get(str(identity), {})

    def things(self, noun: str) -> dict[str, Thing]:
        """All of a kind by identifier, in the order in which they became known."""
        return self._things.get(kind(noun), {})


def kind(noun: str) -> str:
    """Nouns of one kind are the same thing: `google doc` and `file`."""
    last = noun.rpartition(" ")[2]
    return SYNONYMS.get(last, last)


def plain(name: str) -> str:
    """`threadId` and `thread_id` are one field."""
    return "".join(words(name))


def singular_words(name: str) -> str:
    return " ".join(singular(word) for word in words(name))


def _identifies(key: str, noun: str) -> bool:
    if not is_id(key):
        return False
    about = resource_noun(key)
    return about == "" or kind(about) == kind(noun)
