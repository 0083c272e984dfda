"""Keeps the entities of a world: by noun and identifier, with the fields that results and calls have told.

Belongs here: the store and the names under which it files entities and fields. What a call changes in it is decided in
`state_changes`.

An entity is a dict of values by normalized field name. Names that begin with `@` are never shown in a result:

    @told     arguments of the calls that made or changed it, where a result did not repeat them
    @parents  identifiers of the entities that it was listed under or made in, by noun
    @links    what a call attached to it, by noun (a label on a message); @unlinks, what was detached
    @gone     it was deleted
    @closed   it was completed, closed or archived
    @made     the count of changes at which a call made it; @made_at, the moment
    @nameless no result has shown its identifier yet
    @state    the verb of the last call that changed its state
    @verbs    the verbs of the calls that were about it, in order; @done, the tools
    @counts   the nouns of the parts that its fields count, by field
    @span     from when to when it is, where no result has shown it yet
    @occupant the noun and the identifier of what takes up a time
    @standing its number among the things of its noun that the company has for good (`standing_things`)

>>> entities = EntityStore()
>>> _ = entities.remember_result({"threads": [{"id": "t1", "subject": "Lease"}]}, "thread")
>>> entities.find_entity("thread", "t1")["subject"]
'Lease'
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from funcdex_assets.environment.part_counts import find_counted_noun
from funcdex_assets.environment.search_criteria import SearchCriteria
from funcdex_assets.language.lexicon import Person
from funcdex_assets.schema.words import split_words, to_singular
from funcdex_assets.semantics.tool_names import is_id, parse_resource_noun, parse_tool_name
from funcdex_assets.semantics.vocabulary import CONTAINER_NOUNS, OCCURRENCE_NOUNS, PERSON_NOUNS
from funcdex_assets.tool_graph.graph import CANONICAL_NOUNS, TITLED_NOUNS

Entity = dict[str, Any]  # by `normalize_field_name`
MAX_CACHED_NAMES = 65_536  # read so far and kept; models invent names without end
_CONTAINER_TYPES = dict | list
_OTHER_ENTITY_WORDS = frozenset("parent recurring original source target previous next reply root".split())
_PYTHON_TYPE_NAMES = {
    "array": "list",
    "object": "dict",
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
}
_LEAST_PART_LENGTH = 3  # letters of each half of a joined noun
_PART_PREFIXES = frozenset("sub micro mini super inter multi".split())  # a subtask is no task
_KNOWN_NOUNS = frozenset((*CANONICAL_NOUNS, *CANONICAL_NOUNS.values(), *CONTAINER_NOUNS, *PERSON_NOUNS, *TITLED_NOUNS))
_KNOWN_NOUNS |= frozenset("item list sheet".split())
_LEAST_UNIQUE_LENGTH = 6  # characters of an identifier that no other thing is likely to have


class ShownEntity(NamedTuple):
    """An entity that a result showed, and how deep inside."""

    noun: str
    identity: str
    entity: Entity
    depth: int
    field_names: frozenset[str]  # by `normalize_field_name`, that were told


@dataclass
class Listing:
    """The pages of one listing shown so far; the first page's token is ''. `next_tokens` are the tokens of next
    pages.
    """

    pages: dict[str, list[Entity]] = field(default_factory=dict)
    next_tokens: dict[str, Any] = field(default_factory=dict)
    next_page_size: int = 0  # on the page after the last one shown


class EntityStore:
    """The entities of one world: later results add to what earlier ones told; deleted entities stay known as such."""

    def __init__(self) -> None:
        self._entities: dict[str, dict[str, Entity]] = {}
        self._deleted: dict[str, str] = {}
        self._unidentified_count = 0
        self._standing_identities: dict[tuple[str, int], str] = {}
        self.listings: dict[tuple[str, str, str], Listing] = {}
        self.complete_listings: set[tuple[str, str]] = set()
        self.whole_answers: dict[tuple[str, str], list[tuple[Mapping[str, str], SearchCriteria]]] = {}
        """By tool and path, the parents and the criteria of listings of which all was shown."""
        self.part_counts: dict[tuple[str, str, str], int] = {}  # of what was listed whole: noun, identifier, parts
        self.people_by_address: dict[str, Person] = {}  # by address
        self.personal_values: dict[tuple[str, str], Any] = {}  # identifiers and numbers, by address and what they are
        self.busy_times: dict[str, dict[str, list[tuple[str, str]]]] = {}  # by address and day; from and to
        self.change_count = 0  # how often the state was changed; reading does not count

    def remember_result(
        self, value: Any, noun: str, parents: Mapping[str, str] | None = None, depth: int = 0
    ) -> list[ShownEntity]:
        """Takes in every object of a result that has an identifier of its own. Returns them in order."""
        shown_entities: list[ShownEntity] = []
        self._remember_value(value, noun, parents or {}, depth, shown_entities)
        return shown_entities

    def _remember_value(
        self, value: Any, noun: str, parents: Mapping[str, str], depth: int, shown_entities: list[ShownEntity]
    ) -> None:
        if type(value) is dict:
            identities = list_own_identities(value, noun)
            if identities:
                entity = self._find_or_add(noun, identities)
                _merge_fields(entity, value)
                for parent, identity in parents.items():
                    if parent != canonicalize_noun(noun):
                        entity.setdefault("@parents", {}).setdefault(parent, identity)
                shown_entities.append(
                    ShownEntity(noun, identities[0], entity, depth, frozenset(map(normalize_field_name, value)))
                )
            elif noun in OCCURRENCE_NOUNS:
                self._remember_occurrence(value)
            for key, nested_value in value.items():
                if isinstance(nested_value, _CONTAINER_TYPES):
                    self._remember_value(nested_value, derive_noun(key, noun), parents, depth + 1, shown_entities)
        elif isinstance(value, list):
            for nested_value in value:
                if isinstance(nested_value, _CONTAINER_TYPES):
                    self._remember_value(nested_value, noun, parents, depth, shown_entities)

    def _remember_occurrence(self, value: Mapping[str, Any]) -> None:
        """Takes in a member of a series that has the identifier of its kind: the `event_id` of an instance."""
        for key, identity in value.items():
            noun = parse_resource_noun(key) if is_id(key) and isinstance(identity, str | int) else ""
            if noun and " " not in noun:
                _merge_fields(self._find_or_add(noun, [str(identity)]), value)

    def _find_or_add(self, noun: str, identities: Sequence[str]) -> Entity:
        """Returns the entity that has one of these identifiers, or a new one; it has all of them from now on."""
        entities = self._entities.setdefault(canonicalize_noun(noun), {})
        entity = next((entities[identity] for identity in identities if identity in entities), None)
        entity = {} if entity is None else entity
        for identity in identities:
            entities.setdefault(identity, entity)
        return entity

    # ── questions ────────────────────────────────────────────────────────────────────────────

    def find_entity(self, noun: str, identity: str | int) -> Entity:
        """Returns the entity's fields, empty where it is unknown."""
        return self._entities.get(canonicalize_noun(noun), {}).get(str(identity), {})

    def is_known_identity(self, noun: str, identity: str | int) -> bool:
        """Returns whether a thing of this noun has the identifier, or had it before it was deleted."""
        return str(identity) in self._entities.get(canonicalize_noun(noun), {})

    def list_entities(self, noun: str) -> dict[str, Entity]:
        """Returns the entities of a noun that are not deleted, by identifier, in the order in which they came up."""
        entities = self._entities.get(canonicalize_noun(noun), {})
        visited_ids: set[int] = set()
        by_identity: dict[str, Entity] = {}
        for identity, entity in entities.items():
            if "@gone" not in entity and id(entity) not in visited_ids:
                visited_ids.add(id(entity))
                by_identity[identity] = entity
        return by_identity

    def has_listed(self, *nouns: str) -> bool:
        """Returns whether a listing of one of these nouns was shown."""
        return any(parse_tool_name(tool).noun in nouns for tool, _, _ in self.listings)

    def list_all_entities(self) -> list[Entity]:
        """Returns the entities of all nouns that are not deleted, each once, in the order in which they came up."""
        return [entity for noun in self._entities for entity in self.list_entities(noun).values()]

    def list_deleted_entities(self, noun: str) -> list[Entity]:
        """Returns the deleted entities of a noun, each once."""
        entities = self._entities.get(canonicalize_noun(noun), {}).values()
        return list({id(entity): entity for entity in entities if "@gone" in entity}.values())

    def list_identities(self, noun: str, entity: Entity) -> list[str]:
        """Returns all identifiers of an entity, in the order in which they came up."""
        entities = self._entities.get(canonicalize_noun(noun), {})
        return [identity for identity, candidate in entities.items() if candidate is entity]

    def find_shown_entity(self, value: Mapping[str, Any], noun: str) -> Entity | None:
        """Returns the entity that an object in a result shows."""
        entities = self._entities.get(canonicalize_noun(noun), {})
        return next((entities[identity] for identity in list_own_identities(value, noun) if identity in entities), None)

    def iterate_parts(self, noun: str, identity: str) -> Iterator[tuple[str, Entity]]:
        """Yields the entities that are known to lie in this one, each with its noun."""
        parent, parent_field = canonicalize_noun(noun), f"{normalize_field_name(noun)}id"
        for part_noun in self._entities:
            for entity in self.list_entities(part_noun).values():
                if identity in (entity.get(parent_field), entity.get("@parents", {}).get(parent)):
                    yield part_noun, entity

    def count_parts(self, noun: str, identity: str, part_noun: str) -> int:
        """Returns how many parts of a noun are known to lie in an entity."""
        return sum(canonicalize_noun(part_noun) == known for known, _ in self.iterate_parts(noun, identity))

    def find_deleted(self, named_entities: Sequence[tuple[str, str]]) -> tuple[str, str] | None:
        """Returns the first of these, by noun and identifier, that was deleted."""
        for noun, identity in named_entities if self._deleted else ():
            deleted_noun = self._deleted.get(identity)
            if deleted_noun is not None and (
                deleted_noun == canonicalize_noun(noun) or len(identity) >= _LEAST_UNIQUE_LENGTH
            ):
                return noun, identity
        return None

    def update_shown_value(self, value: Any, noun: str) -> Any:
        """Returns a value that a result once showed as it is now: without deleted entities, with changed fields."""
        if isinstance(value, dict):
            entity = self.find_shown_entity(value, noun) or {}
            return {
                key: self._update_shown_field(key, nested_value, entity, noun) for key, nested_value in value.items()
            }
        if isinstance(value, list):
            return [
                self.update_shown_value(nested_value, noun)
                for nested_value in value
                if not (
                    isinstance(nested_value, dict) and "@gone" in (self.find_shown_entity(nested_value, noun) or ())
                )
            ]
        return value

    def _update_shown_field(self, key: str, shown_value: Any, entity: Entity, noun: str) -> Any:
        if isinstance(shown_value, _CONTAINER_TYPES):
            return self.update_shown_value(shown_value, derive_noun(key, noun))
        current_value = entity.get(normalize_field_name(key))
        return current_value if type(current_value) is type(shown_value) else shown_value

    def find_identity(self, noun: str, entity: Entity) -> str | None:
        """Returns the identifier by which an entity was named before any result showed it, None if it has another."""
        if "@standing" in entity:
            return self.find_standing_identity(noun, entity["@standing"])
        entities = self._entities.get(canonicalize_noun(noun), {})
        identities = (identity for identity, candidate in entities.items() if candidate is entity)
        identity = next(identities, None)
        return None if identity is None or identity.startswith("#") or _shows_identity(entity) else identity

    def find_standing_identity(self, noun: str, index: int) -> str | None:
        """Returns the identifier under which a standing thing of the company came up, None if it has not yet."""
        return self._standing_identities.get((canonicalize_noun(noun), index))

    def list_standing_indexes(self, noun: str) -> list[int]:
        """Returns the numbers of a noun's standing things that came up so far."""
        return [index for known_noun, index in self._standing_identities if known_noun == canonicalize_noun(noun)]

    def find_subject(self, parents: Mapping[str, str]) -> str | None:
        """Returns the subject of the thread that a call names, or of a message known to be in it."""
        for parent, identity in parents.items():
            messages = [
                entity for entity in self.list_entities("message").values() if entity.get(f"{parent}id") == identity
            ]
            for entity in (self.find_entity(parent, identity), *messages):
                subject = entity.get("subject")
                if isinstance(subject, str):
                    return subject
        return None

    def find_identity_by_address(self, noun: str, address: str) -> str | None:
        """Returns the identifier of the one entity of a noun that has this e-mail address."""
        identities = [
            identity for identity, entity in self.list_entities(noun).items() if entity.get("email") == address
        ]
        return identities[0] if len(identities) == 1 and not identities[0].startswith("#") else None

    # ── changes ──────────────────────────────────────────────────────────────────────────────

    def remember_text(self, noun: str, identity: str, text: str) -> None:
        """Keeps the whole text of an entity of which only the length was shown so far."""
        self._find_or_add(noun, [identity]).setdefault("@told", {}).setdefault("text", text)

    def remember_parent(self, noun: str, identity: str, parent: str, parent_identity: str) -> None:
        """Keeps in which entity of another noun this one lies, where that is not known yet."""
        entity = self._find_or_add(noun, [identity])
        entity.setdefault("@parents", {}).setdefault(canonicalize_noun(parent), parent_identity)

    def remember_fields(self, noun: str, identity: str, fields: Mapping[str, Any]) -> None:
        """Keeps fields of an entity that another object told, where nothing is known of them."""
        entity = self._find_or_add(noun, [identity])
        for field_name, value in fields.items():
            entity.setdefault(field_name, value)

    def remember_standing_identity(self, noun: str, index: int, identity: str | int) -> None:
        """Keeps the identifier of a standing thing of the company, which is known as an entity from now on."""
        self._standing_identities.setdefault((canonicalize_noun(noun), index), str(identity))
        self.remember_fields(noun, str(identity), {"@standing": index})

    def delete_entity(self, noun: str, identity: str) -> None:
        """Marks the entity as deleted, under all its identifiers."""
        entities = self._entities.setdefault(canonicalize_noun(noun), {})
        entity = entities.setdefault(identity, {})
        entity["@gone"] = True
        identities = [known_identity for known_identity, candidate in entities.items() if candidate is entity]
        for known_identity in identities:
            self._deleted[known_identity] = canonicalize_noun(noun)

    def restore_entity(self, noun: str, identity: str) -> None:
        """Takes back the deletion of an entity."""
        entity = self._entities.get(canonicalize_noun(noun), {}).get(identity, {})
        entity.pop("@gone", None)
        self._deleted = {
            deleted_identity: deleted_noun
            for deleted_identity, deleted_noun in self._deleted.items()
            if deleted_noun != canonicalize_noun(noun) or deleted_identity != identity
        }

    def add_unidentified(self, noun: str, entity: Entity) -> None:
        """Adds an entity whose identifier no result has shown yet; it gets one when it is first listed."""
        self._unidentified_count += 1
        self._entities.setdefault(canonicalize_noun(noun), {})[f"#{self._unidentified_count}"] = entity

    def identify_entity(self, noun: str, entity: Entity, value: Mapping[str, Any]) -> None:
        """Files an entity without identifier under those with which it is listed now."""
        entities = self._entities.get(canonicalize_noun(noun), {})
        placeholder = next(
            (
                known_identity
                for known_identity, candidate in entities.items()
                if candidate is entity and known_identity.startswith("#")
            ),
            None,
        )
        identities = list_own_identities(value, noun)
        if placeholder and identities:
            del entities[placeholder]
            for identity in identities:
                entities[identity] = entity

    def dump_state(self) -> dict[str, Any]:
        """Returns the whole state as JSON, the same for the same history."""
        return {
            "things": self._entities,
            "gone": self._deleted,
            "complete": sorted(self.complete_listings),
            "part_counts": [[*key, count] for key, count in self.part_counts.items()],
            "busy": self.busy_times,
            "people": [[*key, value] for key, value in self.personal_values.items()],
            "listings": [
                [*key, listing.pages, listing.next_tokens, listing.next_page_size]
                for key, listing in self.listings.items()
            ],
        }


def _shows_identity(entity: Entity) -> bool:
    """Returns whether results have shown an identifier of the entity, in whatever field."""
    return any(name.endswith(("id", "gid", "key", "uri")) for name in entity if not name.startswith("@"))


def list_own_identities(value: Mapping[str, Any], noun: str) -> list[str]:
    """Returns the object's own identifiers: `id`, or `thread_id` for a thread; not the id of its parent. One without
    them may have the `run_id` of a payrun.
    """
    for is_own in (is_own_identifier, _is_short_identifier):
        identities = [
            str(field_value)
            for key, field_value in value.items()
            if is_own(key, noun) and type(field_value) in (str, int) and field_value != ""
        ]
        if identities:
            break
    return identities if len(identities) < 2 else list(dict.fromkeys(identities))


@lru_cache(maxsize=MAX_CACHED_NAMES)
def is_own_identifier(key: str, noun: str) -> bool:
    """Returns whether a field holds the identifier of the object itself, not of its parent or of another one."""
    if not is_id(key):
        return False
    named_noun = parse_resource_noun(key)
    if named_noun == "" or named_noun == noun:
        return True
    return canonicalize_noun(named_noun) == canonicalize_noun(noun) and not _OTHER_ENTITY_WORDS & set(
        named_noun.split()
    )


@lru_cache(maxsize=MAX_CACHED_NAMES)
def shortens_noun(short: str, noun: str) -> bool:
    """Returns whether a noun is the last part of a joined one and names no other kind of thing.

    >>> shortens_noun("run", "payrun"), shortens_noun("task", "subtask"), shortens_noun("run", "run")
    (True, False, False)
    """
    first = noun.removesuffix(short)
    is_part = bool(short) and first != noun and len(first) >= _LEAST_PART_LENGTH and len(short) >= _LEAST_PART_LENGTH
    return is_part and " " not in noun and first not in _PART_PREFIXES and short not in _KNOWN_NOUNS


def _is_short_identifier(key: str, noun: str) -> bool:
    return is_id(key) and shortens_noun(parse_resource_noun(key), noun)


@lru_cache(maxsize=MAX_CACHED_NAMES)
def derive_noun(key: str, enclosing_noun: str) -> str:
    """Returns the noun of the value under a key; that of the object around it for a key like `data` or `items`."""
    key_noun = singularize_words(key)
    return enclosing_noun if key_noun in CONTAINER_NOUNS else key_noun


def recall_field_value(entity: Entity, field_name: str, json_type: str) -> Any:
    """Returns the known value of a field: as last shown, as shown elsewhere in this JSON type, or as a call said it."""
    normalized_name = normalize_field_name(field_name)
    value = entity.get(normalized_name)
    if value is not None:
        type_name = _PYTHON_TYPE_NAMES.get(json_type)
        if type_name and type(value).__name__ != type_name:
            return entity.get(f"{normalized_name}|{type_name}", value)
        return value
    return entity.get("@told", {}).get(normalized_name)


@lru_cache(maxsize=MAX_CACHED_NAMES)
def canonicalize_noun(noun: str) -> str:
    """Returns one noun for all its synonyms: `google doc` and `file` are the same."""
    head_noun = noun.rpartition(" ")[2]
    return CANONICAL_NOUNS.get(head_noun, head_noun)


@lru_cache(maxsize=MAX_CACHED_NAMES)
def normalize_field_name(name: str) -> str:
    """Returns one name for all spellings of a field: `threadId` and `thread_id` are the same."""
    return "".join(split_words(name))


@lru_cache(maxsize=MAX_CACHED_NAMES)
def singularize_words(name: str) -> str:
    """Returns the words of a name in the singular, separated by blanks."""
    return " ".join(to_singular(word) for word in split_words(name))


def are_of_one_type(first: Any, second: Any) -> bool:
    """Returns whether two values have one JSON type; whole numbers and others are both numbers.

    >>> are_of_one_type(18, 461.19), are_of_one_type(True, 1)
    (True, False)
    """
    kinds = {"number" if isinstance(value, float) or type(value) is int else type(value) for value in (first, second)}
    return len(kinds) == 1


def _merge_fields(entity: Entity, value: Mapping[str, Any]) -> None:
    """Overwrites known fields; a value of another JSON type than before is kept beside the new one, as `field|type`."""
    for key, new_value in value.items():
        field_name = normalize_field_name(key)
        old_value = entity.get(field_name)
        if old_value is not None and new_value is not None and not are_of_one_type(old_value, new_value):
            entity[f"{field_name}|{type(old_value).__name__}"] = old_value
        if new_value is not None or field_name not in entity:
            entity[field_name] = new_value
        if type(new_value) is int and (counted_noun := find_counted_noun(key)):
            entity.setdefault("@counts", {})[field_name] = counted_noun
