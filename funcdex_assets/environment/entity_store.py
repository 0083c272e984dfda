"""What a world knows: things by noun and identifier, with the fields that were told about them.

A thing is a dict of values by `plain` field name. Names that begin with `@` are what no result shows as such:

    @told     arguments of the calls that made or changed it, where a result did not repeat them
    @parents  identifiers of what it was listed under or made in, by kind
    @links    what was put on it by a call, by noun (a label on a message); @unlinks, what was taken off
    @gone     it was deleted
    @closed   it was completed, closed or archived

>>> memory = Memory()
>>> _ = memory.remember({"threads": [{"id": "t1", "subject": "Lease"}]}, "thread")
>>> memory.thing("thread", "t1")["subject"]
'Lease'
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from funcdex_assets.language.lexicon import Person
from funcdex_assets.schema.words import singular, words
from funcdex_assets.semantics.tool_names import is_id, resource_noun
from funcdex_assets.tool_graph.graph import SYNONYMS

Thing = dict[str, Any]  # by `plain` field name
MOST_NAMES = 65_536  # read so far and kept; models invent names without end
_NESTED = dict | list
_CONTAINERS = frozenset(
    "item data result entry value record object element row hit match response payload resource".split()
)
_OTHERS = frozenset("parent recurring original source target previous next reply root".split())
_TYPES = {"array": "list", "object": "dict", "string": "str", "integer": "int", "number": "float", "boolean": "bool"}
_LEAST_TELLING = 6  # characters of an identifier that no other thing is likely to have


class Told(NamedTuple):
    """A thing that a result told of, and how deep inside."""

    noun: str
    identity: str
    thing: Thing
    depth: int
    fields: frozenset[str]  # by `plain` name, that were told


@dataclass
class Listing:
    """What a listing has shown, page by page: the first page's token is ''. `following` are next tokens."""

    pages: dict[str, list[Thing]] = field(default_factory=dict)
    following: dict[str, Any] = field(default_factory=dict)
    hidden: int = 0  # on the page after the last one shown


class Memory:
    """What is told later about a thing adds to what was told before; deleted things stay known as such."""

    def __init__(self) -> None:
        self._things: dict[str, dict[str, Thing]] = {}
        self._gone: dict[str, str] = {}
        self._nameless = 0
        self.listings: dict[tuple[str, str, str], Listing] = {}
        self.complete: set[tuple[str, str]] = set()
        self.people: dict[str, Person] = {}  # by address
        self.of_people: dict[tuple[str, str], Any] = {}  # identifiers and numbers, by address and what they are
        self.changes = 0  # how often the state was changed; reading does not count

    def remember(self, value: Any, noun: str, parents: Mapping[str, str] | None = None, depth: int = 0) -> list[Told]:
        """Takes in a result: every object in it that has an identifier of its own, in order."""
        told: list[Told] = []
        self._remember(value, noun, parents or {}, depth, told)
        return told

    def _remember(self, value: Any, noun: str, parents: Mapping[str, str], depth: int, told: list[Told]) -> None:
        if type(value) is dict:
            if identities := own_identities(value, noun):
                known = self._known(noun, identities)
                _merge(known, value)
                for parent, identity in parents.items():
                    if parent != kind(noun):
                        known.setdefault("@parents", {}).setdefault(parent, identity)
                told.append(Told(noun, identities[0], known, depth, frozenset(map(plain, value))))
            for key, part in value.items():
                if isinstance(part, _NESTED):
                    self._remember(part, noun_of(key, noun), parents, depth + 1, told)
        elif isinstance(value, list):
            for part in value:
                if isinstance(part, _NESTED):
                    self._remember(part, noun, parents, depth, told)

    def _known(self, noun: str, identities: Sequence[str]) -> Thing:
        """The thing that has one of these names; it has all of them from now on."""
        shelf = self._things.setdefault(kind(noun), {})
        found = next((shelf[identity] for identity in identities if identity in shelf), None)
        found = {} if found is None else found
        for identity in identities:
            shelf.setdefault(identity, found)
        return found

    # ── questions ────────────────────────────────────────────────────────────────────────────

    def thing(self, noun: str, identity: str | int) -> Thing:
        return self._things.get(kind(noun), {}).get(str(identity), {})

    def things(self, noun: str) -> dict[str, Thing]:
        """All of a kind that are there, by identifier, in the order in which they became known."""
        shelf = self._things.get(kind(noun), {})
        seen: set[int] = set()
        found: dict[str, Thing] = {}
        for identity, thing in shelf.items():
            if "@gone" not in thing and id(thing) not in seen:
                seen.add(id(thing))
                found[identity] = thing
        return found

    def known_as(self, value: Mapping[str, Any], noun: str) -> Thing | None:
        """The thing of which an object in a result tells."""
        shelf = self._things.get(kind(noun), {})
        return next((shelf[identity] for identity in own_identities(value, noun) if identity in shelf), None)

    def lost(self, named: Sequence[tuple[str, str]]) -> tuple[str, str] | None:
        """The first of these, by kind and identifier, that was deleted."""
        for noun, identity in named if self._gone else ():
            gone = self._gone.get(identity)
            if gone is not None and (gone == kind(noun) or len(identity) >= _LEAST_TELLING):
                return noun, identity
        return None

    def current(self, value: Any, noun: str) -> Any:
        """What a result once told, as it is now: without what was deleted, with what was changed."""
        if isinstance(value, dict):
            thing = self.known_as(value, noun) or {}
            return {key: self._current_part(key, part, thing, noun) for key, part in value.items()}
        if isinstance(value, list):
            return [
                self.current(part, noun)
                for part in value
                if not (isinstance(part, dict) and "@gone" in (self.known_as(part, noun) or ()))
            ]
        return value

    def _current_part(self, key: str, part: Any, thing: Thing, noun: str) -> Any:
        if isinstance(part, _NESTED):
            return self.current(part, noun_of(key, noun))
        later = thing.get(plain(key))
        return later if type(later) is type(part) else part

    def subject_in(self, parents: Mapping[str, str]) -> str | None:
        """The subject of what a call names: of a thread, or of a message that is known to be in it."""
        for parent, identity in parents.items():
            inside = [thing for thing in self.things("message").values() if thing.get(f"{parent}id") == identity]
            for thing in (self.thing(parent, identity), *inside):
                if isinstance(subject := thing.get("subject"), str):
                    return subject
        return None

    def of_address(self, noun: str, address: str) -> str | None:
        """The identifier of the one thing of a kind that has this e-mail address."""
        found = [identity for identity, thing in self.things(noun).items() if thing.get("email") == address]
        return found[0] if len(found) == 1 and not found[0].startswith("#") else None

    # ── changes ──────────────────────────────────────────────────────────────────────────────

    def forget(self, noun: str, identity: str) -> None:
        """The thing is deleted, by all its names."""
        shelf = self._things.setdefault(kind(noun), {})
        thing = shelf.setdefault(identity, {})
        thing["@gone"] = True
        for name in [name for name, other in shelf.items() if other is thing]:
            self._gone[name] = kind(noun)

    def revive(self, noun: str, identity: str) -> None:
        thing = self._things.get(kind(noun), {}).get(identity, {})
        thing.pop("@gone", None)
        self._gone = {name: of for name, of in self._gone.items() if of != kind(noun) or name != identity}

    def add_nameless(self, noun: str, thing: Thing) -> None:
        """A thing that was made and not given an identifier yet; it gets one when it is first listed."""
        self._nameless += 1
        self._things.setdefault(kind(noun), {})[f"#{self._nameless}"] = thing

    def name(self, noun: str, thing: Thing, value: Mapping[str, Any]) -> None:
        """A nameless thing was listed."""
        shelf = self._things.get(kind(noun), {})
        old = next((name for name, other in shelf.items() if other is thing and name.startswith("#")), None)
        if old and (identities := own_identities(value, noun)):
            del shelf[old]
            for identity in identities:
                shelf[identity] = thing

    def state(self) -> dict[str, Any]:
        """All of it as JSON, the same for the same history."""
        return {
            "things": self._things,
            "gone": self._gone,
            "complete": sorted(self.complete),
            "people": [[*key, value] for key, value in self.of_people.items()],
            "listings": [
                [*key, listing.pages, listing.following, listing.hidden] for key, listing in self.listings.items()
            ],
        }


def own_identities(value: Mapping[str, Any], noun: str) -> list[str]:
    """What an object is called by: `id`, or `thread_id` for a thread; not the id of its parent."""
    found = [
        str(part) for key, part in value.items() if identifies(key, noun) and type(part) in (str, int) and part != ""
    ]
    return found if len(found) < 2 else list(dict.fromkeys(found))


@lru_cache(maxsize=MOST_NAMES)
def identifies(key: str, noun: str) -> bool:
    if not is_id(key):
        return False
    about = resource_noun(key)
    if about == "" or about == noun:
        return True
    return kind(about) == kind(noun) and not _OTHERS & set(about.split())


@lru_cache(maxsize=MOST_NAMES)
def noun_of(key: str, around: str) -> str:
    """The noun of what is under a key: its own, unless that says nothing (`data`, `items`)."""
    own = singular_words(key)
    return around if own in _CONTAINERS else own


def recalled(thing: Thing, name: str, type_: str) -> Any:
    """What is known of a field: as it was shown, as it was shown elsewhere in this type, or as it was told."""
    field_ = plain(name)
    value = thing.get(field_)
    if value is not None:
        wanted = _TYPES.get(type_)
        if wanted and type(value).__name__ != wanted:
            return thing.get(f"{field_}|{wanted}", value)
        return value
    return thing.get("@told", {}).get(field_)


@lru_cache(maxsize=MOST_NAMES)
def kind(noun: str) -> str:
    """Nouns of one kind are the same thing: `google doc` and `file`."""
    last = noun.rpartition(" ")[2]
    return SYNONYMS.get(last, last)


@lru_cache(maxsize=MOST_NAMES)
def plain(name: str) -> str:
    """`threadId` and `thread_id` are one field."""
    return "".join(words(name))


@lru_cache(maxsize=MOST_NAMES)
def singular_words(name: str) -> str:
    return " ".join(singular(word) for word in words(name))


def _merge(known: Thing, value: Mapping[str, Any]) -> None:
    for key, part in value.items():
        field_ = plain(key)
        before = known.get(field_)
        if before is not None and part is not None and type(before) is not type(part):
            known[f"{field_}|{type(before).__name__}"] = before
        if part is not None or field_ not in known:
            known[field_] = part
