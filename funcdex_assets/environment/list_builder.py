"""Builds the lists of a result: the page of a listing, the parts of an entity, lists of scalars.

Belongs here: how many items a list has and which entities they show. An item's own fields are built in
`result_builder`.
"""

from collections.abc import Callable
from typing import Any

from funcdex_assets.environment.entity_store import Entity, canonicalize_noun
from funcdex_assets.environment.free_time import list_times
from funcdex_assets.environment.known_fields import KnownFields
from funcdex_assets.environment.listed_items import (
    match_item_to_search,
    renew_repeated_identifiers,
    searches_for_other_title,
    sort_items,
)
from funcdex_assets.environment.listings import Pager
from funcdex_assets.environment.object_draft import ObjectDraft
from funcdex_assets.environment.part_counts import find_part_count
from funcdex_assets.environment.result_people import describes_person
from funcdex_assets.environment.result_scope import MAX_DEPTH, ResultScope
from funcdex_assets.environment.standing_things import choose_standing_thing, count_standing_things
from funcdex_assets.language.lexicon import Person
from funcdex_assets.schema.references import resolve_schema
from funcdex_assets.schema.schema import Schema, schema_type
from funcdex_assets.schema.words import split_words

_MOST_TRIES = 20  # to find somebody who is not listed yet
MOST_ITEMS = 99  # of one list, whatever its schema asks for

BuildValue = Callable[[Schema, str, str, str, int], Any]
"""Builds the value for a schema, path, name, noun and depth."""

BuildObject = Callable[[Schema, str, ObjectDraft, int], dict[str, Any]]
"""Builds the object for a schema, path, draft and depth."""


class ListBuilder:
    """Builds lists; for their items it calls back the builder of values and objects."""

    def __init__(
        self,
        scope: ResultScope,
        known_fields: KnownFields,
        pager: Pager,
        build_value: BuildValue,
        build_object: BuildObject,
    ):
        self._scope, self._known_fields, self._pager = scope, known_fields, pager
        self._build_value, self._build_object = build_value, build_object
        self._listed_addresses: set[str] = set()

    def build_list(
        self, schema: Schema, path: str, name: str, noun: str, depth: int, draft: ObjectDraft | None = None
    ) -> list[Any]:
        """Returns the list at a path; `draft` is the object that it belongs to, if it is an object's field."""
        scope = self._scope
        items = resolve_schema(schema.get("items", {}), scope.root)
        required_size = min(schema.get("minItems", 0), MOST_ITEMS)
        is_needed = scope.needed.is_needed_below(path)
        if depth >= MAX_DEPTH or (scope.budget.has_no_room(depth) and not is_needed):
            return [self._build_value(items, f"{path}/*", name, noun, depth + 1) for _ in range(required_size)]
        indexed_size = scope.needed.least_size(path)
        least_size = max(required_size, 1 if is_needed else 0, indexed_size)
        if schema_type(items) != "object":
            return self._build_scalars(items, path, name, noun, depth, least_size if indexed_size else required_size)
        most_size = schema.get("maxItems", MOST_ITEMS)
        times = list_times(items, noun, scope) if "/*" not in path else None
        if times is not None and len(times) >= least_size:
            return [self._build_item(items, f"{path}/*", name, noun, depth, time) for time in times[:most_size]]
        is_main_list = depth <= 2 and "/*" not in path and (scope.intent.is_listing or scope.intent.mentions_noun(noun))
        if is_main_list:
            entities, size = self._choose_page(items, path, name, noun)
        else:
            entities = self._known_fields.find_created_children(noun, draft) if draft else []
            size = self._choose_part_count(name, noun, draft)
        if scope.budget.has_no_room(depth):
            size = 1
        if scope.intent.lists_all and "maxItems" not in schema:
            most_size = max(most_size, len(entities))
        size = min(max(size, least_size, len(entities)), most_size)
        if is_main_list:
            return self._build_listing(items, path, name, noun, depth, entities, size, least_size)
        return [
            self._build_item(items, f"{path}/*", name, noun, depth, entities[index] if index < len(entities) else {})
            for index in range(size)
        ]

    def _build_listing(
        self,
        items: Schema,
        path: str,
        name: str,
        noun: str,
        depth: int,
        entities: list[Entity],
        size: int,
        least_size: int,
    ) -> list[dict[str, Any]]:
        """Returns known entities first and then new ones that match the search, all in order."""
        scope, criteria = self._scope, self._scope.intent.criteria
        listed: list[dict[str, Any]] = []
        intent = scope.intent
        shown = [*entities, *self._pager.list_shown_entities(path)]
        self._listed_addresses |= {
            value for entity in shown for value in entity.values() if isinstance(value, str) and "@" in value
        }
        is_search = bool(
            criteria.search_words or criteria.title_filters or intent.addressees or intent.searched_person_name
        )
        for index in range(size):
            entity = entities[index] if index < len(entities) else {}
            if not entity and not is_search and count_standing_things(canonicalize_noun(noun)):
                entity = self._begin_standing_thing(noun)
                if not entity and index >= max(1, least_size):
                    break  # there are no more in the company
            item = self._build_item(items, f"{path}/*", name, noun, depth, entity, is_listed=True)
            if not entity:
                if criteria.search_words or criteria.title_filters:
                    is_match = match_item_to_search(item, items, listed, scope)
                    if not is_match and index >= max(1, least_size):
                        break
                if listed:
                    renew_repeated_identifiers(item, items, noun, listed, scope)
            listed.append(item)
        self._listed_addresses.clear()
        best_matches = 1 if scope.intent.searched_title and not criteria.sort_order else 0
        listed[best_matches:] = sort_items(listed[best_matches:], criteria.sort_order)
        return listed

    def _begin_standing_thing(self, noun: str) -> Entity:
        """Returns one of the company's things that did not come up yet, empty where all did."""
        scope = self._scope
        taken = scope.entities.list_standing_indexes(noun)
        domain = scope.context.situation.domain
        thing = choose_standing_thing(domain, canonicalize_noun(noun), scope.context.rng, taken)
        return {} if thing is None else {"@standing": thing.index}

    def _choose_page(self, items: Schema, path: str, name: str, noun: str) -> tuple[list[Entity], int]:
        intent = self._scope.intent
        searches_person = bool(intent.addressees or intent.searched_person_name)
        is_person = describes_person(name, items.get("properties", {}))
        is_only_one = (searches_person and is_person) or searches_for_other_title(self._scope)
        return self._pager.choose_page(path, noun, items, self._scope.root, is_only_one)

    def _choose_part_count(self, name: str, noun: str, draft: ObjectDraft | None) -> int:
        """Returns the known count of an entity's parts (`comment_count`), else a small number."""
        intent = self._scope.intent
        known_count = find_part_count(draft.known_fields, noun.rpartition(" ")[2]) if draft else None
        if isinstance(known_count, int) and known_count <= MOST_ITEMS:
            count = known_count
        else:
            count = self._scope.context.rng.choice((0, 1, 1, 2))
        if intent.is_listing and intent.criteria.filter_for_field(name) is True:
            return max(1, count)
        return count

    def _build_item(
        self, schema: Schema, path: str, name: str, noun: str, depth: int, entity: Entity, is_listed: bool = False
    ) -> dict[str, Any]:
        person = self._choose_item_person(schema, name, is_listed, is_known=bool(entity))
        is_person = describes_person(name, schema.get("properties", {}))
        draft = ObjectDraft(noun, entity, person=person, is_person=is_person)
        thing = self._scope.find_standing_thing(draft)
        if thing is not None and thing.contact is not None and person is not None:
            draft.person = thing.contact
        item = self._build_object(schema, path, draft, depth + 1)
        if "@nameless" in entity:
            self._scope.entities.identify_entity(noun, entity, item)
        return item

    def _choose_item_person(self, schema: Schema, name: str, is_listed: bool, is_known: bool) -> Person | None:
        people, addressees = self._scope.fields.people, self._scope.intent.addressees
        properties = schema.get("properties", {})
        if describes_person(name, properties):
            return self._choose_unlisted_person(name, is_listed, is_known)
        if is_listed and addressees and any("email" in split_words(key) for key in properties):
            return people.find_by_address(self._scope.context.rng.choice(addressees))  # when one of them is busy
        return None

    def _choose_unlisted_person(self, name: str, is_listed: bool, is_known: bool) -> Person:
        """Returns somebody whom the listing does not show yet, as long as there is anybody: one who is searched for,
        unless the item is known.
        """
        people = self._scope.fields.people
        person = None
        for _ in range(_MOST_TRIES if is_listed else 1):
            person = people.find_searched_person() if is_listed and not is_known else None
            person = person or people.choose_person(name)
            if person.email not in self._listed_addresses:
                break
        assert person is not None  # there is one try at least
        if is_listed:
            self._listed_addresses.add(person.email)
        return person

    def _build_scalars(self, items: Schema, path: str, name: str, noun: str, depth: int, least_size: int) -> list[Any]:
        """Returns what a filter asks of the field, as far as it is valid, else a few values."""
        scope, rng = self._scope, self._scope.context.rng
        size = max(least_size, rng.choice((1, 1, 2)))
        filter_value = scope.intent.criteria.filter_for_field(name) if scope.intent.is_listing else None
        filter_values = filter_value if isinstance(filter_value, list) else [filter_value]
        if "enum" in items:
            options = [option for option in items["enum"] if option is not None]
            valid_values = [value for value in filter_values if value in options]
            return valid_values or rng.sample(options, min(size, len(options)))
        if filter_value is not None and all(scope.fits_schema(items, value) for value in filter_values):
            return filter_values
        return [self._build_value(items, f"{path}/*", name, noun, depth + 1) for _ in range(size)]
