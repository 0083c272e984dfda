"""Keeps the entities of a world: by noun and identifier, with the fields that results and calls have told.

Belongs here: the store and the names under which it files entities and fields. What a call changes in it is decided in
`effects.py`.

An entity is a dict of values by normalized field name. Names that begin with `@` are never shown in a result:

    @told     arguments of the calls that made or changed it, where a result did not repeat them
    @parents  identifiers of the entities that it was listed under or made in, by noun
    @links    what a call attached to it, by noun (a label on a message); @unlinks, what was detached
    @gone     it was deleted
    @closed   it was completed, closed or archived
    @made     the count of changes at which a call made it; @made_at, the moment
    @nameless no result has shown its identifier yet
    @state    the verb of the last call that changed its state

>>> entities = EntityStore()
>>> _ = entities.remember_result({"threads": [{"id": "t1", "subject": "Lease"}]}, "thread")
>>> entities.find_entity("thread", "t1")["subject"]
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
    """An entity that a result showed, and how deep inside."""

    noun: str
    identity: str
    thing: Thing
    depth: int
    fields: frozenset[str]  # by `plain` name, that were told


@dataclass
class Listing:
    """The pages of one listing shown so far; the first page's token is ''. `following` are the tokens of next pages."""

    pages: dict[str, list[Thing]] = field(default_factory=dict)
    following: dict[str, Any] = field(default_factory=dict)
    hidden: int = 0  # on the page after the last one shown


class Memory:
    """The entities of one world: later results add to what earlier ones told; deleted entities stay known as such."""

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
        """Takes in every object of a result that has an identifier of its own. Returns them in order."""
        shown_entities: list[Told] = []
        self._remember(value, noun, parents or {}, depth, shown_entities)
        return shown_entities

    def _remember(self, value: Any, noun: str, parents: Mapping[str, str], depth: int, told: list[Told]) -> None:
        if type(value) is dict:
            identities = own_identities(value, noun)
            if identities:
                entity = self._known(noun, identities)
                _merge(entity, value)
                for parent, identity in parents.items():
                    if parent != kind(noun):
                        entity.setdefault("@parents", {}).setdefault(parent, identity)
                told.append(Told(noun, identities[0], entity, depth, frozenset(map(plain, value))))
            for key, nested_value in value.items():
                if isinstance(nested_value, _NESTED):
                    self._remember(nested_value, noun_of(key, noun), parents, depth + 1, told)
        elif isinstance(value, list):
            for nested_value in value:
                if isinstance(nested_value, _NESTED):
                    self._remember(nested_value, noun, parents, depth, told)

    def _known(self, noun: str, identities: Sequence[str]) -> Thing:
        """Returns the entity that has one of these identifiers, or a new one; it has all of them from now on."""
        entities = self._things.setdefault(kind(noun), {})
        entity = next((entities[identity] for identity in identities if identity in entities), None)
        entity = {} if entity is None else entity
        for identity in identities:
            entities.setdefault(identity, entity)
        return entity

    # ── questions ────────────────────────────────────────────────────────────────────────────

    def thing(self, noun: str, identity: str | int) -> Thing:
        """Returns the entity's fields, empty where it is unknown."""
        return self._things.get(kind(noun), {}).get(str(identity), {})

    def things(self, noun: str) -> dict[str, Thing]:
        """Returns the entities of a noun that are not deleted, by identifier, in the order in which they came up."""
        entities = self._things.get(kind(noun), {})
        visited_ids: set[int] = set()
        by_identity: dict[str, Thing] = {}
        for identity, entity in entities.items():
            if "@gone" not in entity and id(entity) not in visited_ids:
                visited_ids.add(id(entity))
                by_identity[identity] = entity
        return by_identity

    def known_as(self, value: Mapping[str, Any], noun: str) -> Thing | None:
        """Returns the entity that an object in a result shows."""
        entities = self._things.get(kind(noun), {})
        return next((entities[identity] for identity in own_identities(value, noun) if identity in entities), None)

    def lost(self, named: Sequence[tuple[str, str]]) -> tuple[str, str] | None:
        """Returns the first of these, by noun and identifier, that was deleted."""
        for noun, identity in named if self._gone else ():
            deleted_noun = self._gone.get(identity)
            if deleted_noun is not None and (deleted_noun == kind(noun) or len(identity) >= _LEAST_TELLING):
                return noun, identity
        return None

    def current(self, value: Any, noun: str) -> Any:
        """Returns a value that a result once showed as it is now: without deleted entities, with changed fields."""
        if isinstance(value, dict):
            entity = self.known_as(value, noun) or {}
            return {key: self._current_part(key, nested_value, entity, noun) for key, nested_value in value.items()}
        if isinstance(value, list):
            return [
                self.current(nested_value, noun)
                for nested_value in value
                if not (isinstance(nested_value, dict) and "@gone" in (self.known_as(nested_value, noun) or ()))
            ]
        return value

    def _current_part(self, key: str, part: Any, thing: Thing, noun: str) -> Any:
        if isinstance(part, _NESTED):
            return self.current(part, noun_of(key, noun))
        current_value = thing.get(plain(key))
        return current_value if type(current_value) is type(part) else part

    def subject_in(self, parents: Mapping[str, str]) -> str | None:
        """Returns the subject of the thread that a call names, or of a message known to be in it."""
        for parent, identity in parents.items():
            messages = [entity for entity in self.things("message").values() if entity.get(f"{parent}id") == identity]
            for entity in (self.thing(parent, identity), *messages):
                subject = entity.get("subject")
                if isinstance(subject, str):
                    return subject
        return None

    def of_address(self, noun: str, address: str) -> str | None:
        """Returns the identifier of the one entity of a noun that has this e-mail address."""
        identities = [identity for identity, entity in self.things(noun).items() if entity.get("email") == address]
        return identities[0] if len(identities) == 1 and not identities[0].startswith("#") else None

    # ── changes ──────────────────────────────────────────────────────────────────────────────

    def forget(self, noun: str, identity: str) -> None:
        """Marks the entity as deleted, under all its identifiers."""
        entities = self._things.setdefault(kind(noun), {})
        entity = entities.setdefault(identity, {})
        entity["@gone"] = True
        identities = [known_identity for known_identity, candidate in entities.items() if candidate is entity]
        for known_identity in identities:
            self._gone[known_identity] = kind(noun)

    def revive(self, noun: str, identity: str) -> None:
        """Takes back the deletion of an entity."""
        entity = self._things.get(kind(noun), {}).get(identity, {})
        entity.pop("@gone", None)
        self._gone = {
            deleted_identity: deleted_noun
            for deleted_identity, deleted_noun in self._gone.items()
            if deleted_noun != kind(noun) or deleted_identity != identity
        }

    def add_nameless(self, noun: str, thing: Thing) -> None:
        """Adds an entity whose identifier no result has shown yet; it gets one when it is first listed."""
        self._nameless += 1
        self._things.setdefault(kind(noun), {})[f"#{self._nameless}"] = thing

    def name(self, noun: str, thing: Thing, value: Mapping[str, Any]) -> None:
        """Files an entity without identifier under those with which it is listed now."""
        entities = self._things.get(kind(noun), {})
        placeholder = next(
            (
                known_identity
                for known_identity, candidate in entities.items()
                if candidate is thing and known_identity.startswith("#")
            ),
            None,
        )
        identities = own_identities(value, noun)
        if placeholder and identities:
            del entities[placeholder]
            for identity in identities:
                entities[identity] = thing

    def state(self) -> dict[str, Any]:
        """Returns the whole state as JSON, the same for the same history."""
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
    """Returns the object's own identifiers: `id`, or `thread_id` for a thread; not the id of its parent."""
    identities = [
        str(field_value)
        for key, field_value in value.items()
        if identifies(key, noun) and type(field_value) in (str, int) and field_value != ""
    ]
    return identities if len(identities) < 2 else list(dict.fromkeys(identities))


@lru_cache(maxsize=MOST_NAMES)
def identifies(key: str, noun: str) -> bool:
    """Returns whether a field holds the identifier of the object itself, not of its parent or of another one."""
    if not is_id(key):
        return False
    named_noun = resource_noun(key)
    if named_noun == "" or named_noun == noun:
        return True
    return kind(named_noun) == kind(noun) and not _OTHERS & set(named_noun.split())


@lru_cache(maxsize=MOST_NAMES)
def noun_of(key: str, around: str) -> str:
    """Returns the noun of the value under a key; that of the object around it for a key like `data` or `items`."""
    key_noun = singular_words(key)
    return around if key_noun in _CONTAINERS else key_noun


def recalled(thing: Thing, name: str, type_: str) -> Any:
    """Returns the known value of a field: as last shown, as shown elsewhere in this JSON type, or as a call said it."""
    normalized_name = plain(name)
    value = thing.get(normalized_name)
    if value is not None:
        type_name = _TYPES.get(type_)
        if type_name and type(value).__name__ != type_name:
            return thing.get(f"{normalized_name}|{type_name}", value)
        return value
    return thing.get("@told", {}).get(normalized_name)


@lru_cache(maxsize=MOST_NAMES)
def kind(noun: str) -> str:
    """Returns one noun for all its synonyms: `google doc` and `file` are the same."""
    head_noun = noun.rpartition(" ")[2]
    return SYNONYMS.get(head_noun, head_noun)


@lru_cache(maxsize=MOST_NAMES)
def plain(name: str) -> str:
    """Returns one name for all spellings of a field: `threadId` and `thread_id` are the same."""
    return "".join(words(name))


@lru_cache(maxsize=MOST_NAMES)
def singular_words(name: str) -> str:
    """Returns the words of a name in the singular, separated by blanks."""
    return " ".join(singular(word) for word in words(name))


def _merge(known: Thing, value: Mapping[str, Any]) -> None:
    """Overwrites known fields; a value of another JSON type than before is kept beside the new one, as `field|type`."""
    for key, new_value in value.items():
        field_name = plain(key)
        old_value = known.get(field_name)
        if old_value is not None and new_value is not None and type(old_value) is not type(new_value):
            known[f"{field_name}|{type(old_value).__name__}"] = old_value
        if new_value is not None or field_name not in known:
            known[field_name] = new_value
