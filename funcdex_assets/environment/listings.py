"""Decides which known entities a listing shows, on which page, in what order, and whether there are more.

Belongs here: pages and filters. A listing is one tool called with the same arguments apart from the page token. Its
pages are remembered, so that the first one is the same whenever it is asked for again, less what was deleted, with what
was created since. New items are built in `list_builder.py`.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from random import Random
from typing import Any

import msgspec

from funcdex_assets.environment.call_intent import CallIntent
from funcdex_assets.environment.entity_store import Listing, Memory, Thing, kind, plain
from funcdex_assets.environment.search_criteria import reduce_to_field_stem
from funcdex_assets.environment.search_queries import tokens
from funcdex_assets.language.spoken_values import read_moment
from funcdex_assets.language.values import TITLES
from funcdex_assets.schema.json_pointers import at_pointer
from funcdex_assets.schema.references import resolve
from funcdex_assets.schema.schema import Schema, schema_type
from funcdex_assets.schema.validation import fits
from funcdex_assets.schema.words import words
from funcdex_assets.semantics.tool_names import is_id, is_page_token

MORE = 0.2  # of listings that nobody turns the page of
_ENDING = frozenset("completed closed done archived finished".split())
_STATES = frozenset("status state completed checked closed done archived".split())
_TOTALS = frozenset("total estimate".split())
_PARTS = frozenset("comment message reply note attachment subtask task section event issue worklog reaction".split())
_MAIN_MOMENTS = ("start", "date", "due", "lastmessage", "internaldate", "received", "sent")


class Pager:
    """Pages the listings within one call's result."""

    def __init__(self, demand: CallIntent, memory: Memory, needed: frozenset[str], rng: Random):
        self._demand, self._memory, self._needed, self._rng = demand, memory, needed, rng
        self._open: list[tuple[Listing, str, str, tuple[str, str] | None]] = []
        self._more = any(is_page_token(step) for path in needed for step in path.split("/"))
        self._turns = self._more

    def page(self, path: str, noun: str, items: Schema, root: Schema, alone: bool) -> tuple[list[Thing], int]:
        """Returns the known entities to list, and the size of the page. `is_only_one`: one entity is searched for."""
        intent, store = self._demand, self._memory
        listing = store.listings.setdefault((intent.tool, intent.key, path), Listing())
        listed_elsewhere = [
            entity
            for other_page, entities in listing.pages.items()
            if other_page != intent.page_token
            for entity in entities
        ]
        listed_parents = self._whole()
        complete = intent.is_listing and bool({(kind(noun), ""), (kind(noun), listed_parents or "")} & store.complete)
        matches = [
            entity
            for entity in store.things(noun).values()
            if belongs(entity, intent, items, root) and not _among(entity, listed_elsewhere)
        ]
        if intent.page_token in listing.pages:
            listed_before = [
                entity
                for entity in listing.pages[intent.page_token]
                if "@gone" not in entity and belongs(entity, intent, items, root)
            ]
            created = [entity for entity in matches if "@made" in entity and not _among(entity, listed_before)]
            page_entities = [*listed_before, *(created if intent.page_token == "" else [])]
            has_more = len(page_entities) > intent.limit
            page_entities = page_entities[-intent.limit :] if has_more else page_entities
            size = len(page_entities)
        else:
            page_entities, has_more = matches[-intent.limit :], len(matches) > intent.limit
            size = len(page_entities) if complete else self._rng.randint(1, intent.limit)
            if alone:
                size = 1
            elif intent.page_token and listing.hidden:
                size = max(listing.hidden, len(page_entities))
            elif not intent.page_token and (expected := self._expected(noun)):
                size = max(expected, len(page_entities))
            if self._is_new(noun):
                size = len(page_entities)
            elif not intent.page_token and not complete and not alone and self._rng.random() < MORE:
                has_more = True
        if (has_more and (not complete or len(matches) > intent.limit)) or intent.page_token in listing.following:
            self._more = True
        self._open.append((listing, path, noun, None if listed_parents is None else (kind(noun), listed_parents)))
        return page_entities, size

    def _is_new(self, noun: str) -> bool:
        """Returns whether the entity whose parts are listed was created by a call: nobody else put any into it."""
        if not _PARTS & set(noun.split()):
            return False
        return any("@made" in self._memory.thing(*parent) for parent in self._demand.parents.items())

    def _whole(self) -> str | None:
        """Returns the parents within which a listing shows all entities; None where anything else restricts it."""
        intent = self._demand
        if (
            not intent.is_listing
            or intent.page_token
            or intent.criteria.filters
            or intent.criteria.spans
            or intent.criteria.search_words
        ):
            return None
        if intent.object_identity is not None or intent.addressees:
            return None
        return ",".join(f"{parent}={identity}" for parent, identity in sorted(intent.parents.items()))

    def _expected(self, noun: str) -> int:
        """Returns the known size of what the call names, such as the `message_count` of its thread, else 0."""
        for parent, identity in self._demand.parents.items():
            count = self._memory.thing(parent, identity).get(f"{kind(noun)}count")
            if isinstance(count, int) and not isinstance(count, bool) and 0 < count <= 8:
                return count
        return 0

    def turned(self, made: Any, root: Schema) -> Any:
        """Returns the result with a token for the next page where there is one, and without where there is none."""
        shown_count = sum(
            len(items) for _, path, _, _ in self._open if isinstance(items := at_pointer(made, path), list)
        )
        if self._open and self._more:
            for listing, *_ in self._open:
                listing.hidden = listing.hidden or self._rng.randint(1, self._demand.limit)
        if isinstance(made, dict):
            if not _can_turn(made) and not self._turns:
                self._more = False
            self._turn(made, root, root, shown_count, 0)
        if not self._more:
            for listing, *_ in self._open:
                listing.hidden = 0
        return made

    def _turn(self, made: dict[str, Any], schema: Schema, root: Schema, shown: int, depth: int) -> None:
        """Sets page tokens, flags such as `has_more` and totals of an object and of the objects inside it."""
        properties = schema.get("properties", {})
        listing = self._open[0][0] if self._open else Listing()
        page_token = self._demand.page_token
        for key in list(made):
            value, name_words = made[key], set(words(key))
            if is_page_token(key):
                if isinstance(value, int) and not isinstance(value, bool):
                    made[key] = (
                        int(page_token) if page_token.isdigit() else max(0, properties.get(key, {}).get("minimum", 0))
                    )
                elif self._more:
                    made[key] = listing.following.setdefault(page_token, value)
                elif key not in schema.get("required", ()):
                    del made[key]
                else:
                    property_schema = properties.get(key, {})
                    made[key] = next(
                        (empty_value for empty_value in (None, "") if fits(property_schema, root, empty_value)), value
                    )
            elif isinstance(value, bool):
                if "more" in name_words:
                    made[key] = self._more
                elif "last" in name_words and name_words & {"is", "page"}:
                    made[key] = not self._more
            elif isinstance(value, int) and name_words & _TOTALS and value == shown and self._open:
                total = shown + sum(
                    len(entities) for other_token, entities in listing.pages.items() if other_token != page_token
                )
                if self._more and len(listing.pages) <= 1:
                    total += listing.hidden
                maximum = properties.get(key, {}).get("maximum", total)
                made[key] = min(total, maximum)
            elif isinstance(value, dict) and depth < 2 and key in properties:
                self._turn(value, resolve(properties[key], root), root, shown, depth + 1)

    def finish(self, result: Any) -> None:
        """Files what was shown under its page; to be called when the result's entities are remembered."""
        for listing, path, noun, complete_listing in self._open:
            items = at_pointer(result, path)
            if isinstance(items, list):
                listing.pages[self._demand.page_token] = [
                    self._memory.known_as(item, noun) or {plain(key): value for key, value in item.items()}
                    for item in items
                    if isinstance(item, dict)
                ]
            if complete_listing and not self._more:
                self._memory.complete.add(complete_listing)


def call_key(arguments: Mapping[str, Any]) -> str:
    """Returns the arguments that identify a listing as text: all but the page token."""
    listing_arguments = {key: value for key, value in arguments.items() if not is_page_token(key)}
    return msgspec.json.encode(listing_arguments, order="deterministic").decode()


def belongs(thing: Thing, demand: CallIntent, items: Schema, root: Schema) -> bool:
    """Returns whether nothing known of an entity speaks against its being listed."""
    if demand.object_identity is not None and demand.is_listing:
        return False
    for parent, identity in demand.parents.items():
        parent_identity = thing.get(f"{parent}id", thing.get("@parents", {}).get(parent))
        parent_object = thing.get(parent)
        if parent_identity is None and isinstance(parent_object, dict):
            parent_identity = next((value for key, value in parent_object.items() if is_id(key)), None)
        if str(parent_identity) != identity:
            return False
    if demand.criteria.search_words and not holds(thing, demand.criteria.search_words, demand.criteria.in_titles):
        return False
    properties = items.get("properties", {})
    if "@closed" in thing:
        shows_state = any(_STATES & set(words(key)) for key in properties)
        if not shows_state and not _ENDING & set(demand.name.words):
            return False
    elif _ENDING & set(demand.name.words) and "@made" in thing:
        return False
    for key, required_value in demand.criteria.filters.items():
        stem = reduce_to_field_stem(key)
        for name, property_schema in properties.items():
            if reduce_to_field_stem(name) == stem and _speaks_against(
                thing, name, resolve(property_schema, root), root, required_value
            ):
                return False
    if any(str(thing.get(stem)).lower() == value for stem, value in demand.criteria.excluded.items()):
        return False
    return all(_is_within(thing, span.field_words, span.low, span.high) for span in demand.criteria.spans)


def holds(thing: Mapping[str, Any], sought: frozenset[str], in_titles: bool) -> bool:
    """Returns whether all words are in the texts of an entity, or in its title."""
    titles = [value for key, value in thing.items() if key in TITLES] if in_titles else []
    return sought <= tokens(_texts(titles or thing))


def _speaks_against(thing: Thing, name: str, schema: Schema, root: Schema, wanted: Any) -> bool:
    """Returns whether the entity's field is known to have another value than the filter asks for."""
    value = thing.get(plain(name), thing.get("@told", {}).get(plain(name)))
    if value is None:  # what was made without labels has none
        return "@made" in thing and "@links" not in thing and schema_type(schema) == "array"
    if isinstance(value, list):
        required_values = wanted if isinstance(wanted, list) else [wanted]
        known_values = {str(item).lower() for item in value if not isinstance(item, dict | list)}
        return (bool(known_values) or ("@made" in thing and not value)) and not {
            str(item).lower() for item in required_values
        } <= known_values
    if isinstance(wanted, list):
        return value not in wanted
    if not fits(schema, root, wanted) or isinstance(value, dict):
        return False
    if isinstance(wanted, str) and set(words(name)) & TITLES:
        return wanted.lower() not in str(value).lower()
    return value != wanted and str(value).lower() != str(wanted).lower()


def _is_within(thing: Thing, about: frozenset[str], low: datetime, high: datetime) -> bool:
    """Returns whether the first moment among the meant fields lies in the span; an entity without one may be listed."""
    for key, value in thing.items():
        is_meant = any(word in key for word in about) if about else key.startswith(_MAIN_MOMENTS)
        if not is_meant or key.startswith("@"):
            continue
        texts = value.values() if isinstance(value, dict) else (value,)
        for text in texts:
            moment = read_moment({}, text) if isinstance(text, str) else None
            if isinstance(moment, datetime):
                moment = moment if moment.tzinfo else moment.replace(tzinfo=low.tzinfo)
                return low <= moment <= high
            if isinstance(moment, date):
                return low.date() <= moment <= high.date()
    return True


def ordered(items: list[dict[str, Any]], order: tuple[frozenset[str], bool] | None) -> list[dict[str, Any]] | None:
    """Returns the items sorted as asked; None where no order is asked, or not of a plain field that all items have."""
    if order is None or not items:
        return None
    field_words, descending = order
    keys = sorted(items[0], key=lambda key: -len(field_words & set(words(key))))
    if not keys or not field_words & set(words(keys[0])):
        return None
    values = [_sortable(item.get(keys[0])) for item in items]
    if any(value is None for value in values) or len({type(value) for value in values}) > 1:
        return None
    by_value = sorted(zip(values, range(len(items)), strict=True), key=lambda pair: pair[0], reverse=descending)
    return [items[index] for _, index in by_value]


def _sortable(value: Any) -> Any:
    """Returns a value by which a field's values can be compared; None for one that cannot."""
    if isinstance(value, dict):
        value = next((text for text in value.values() if isinstance(text, str)), None)
    if isinstance(value, str):
        moment = read_moment({}, value)
        return moment.isoformat() if isinstance(moment, date) else value.lower()
    return float(value) if isinstance(value, int | float) else None


def _texts(value: Any, depth: int = 0) -> str:
    """Returns all texts in a value, in lower case."""
    if isinstance(value, str):
        return value.lower()
    if depth > 3:
        return ""
    values = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return " ".join(_texts(nested_value, depth + 1) for nested_value in values)


def _among(thing: Thing, things: Sequence[Thing]) -> bool:
    return any(candidate is thing for candidate in things)


def _can_turn(made: dict[str, Any], depth: int = 0) -> bool:
    """Returns whether the result has a field that says that there is more."""
    for key, value in made.items():
        if is_page_token(key) or (isinstance(value, bool) and "more" in words(key)):
            return True
        if isinstance(value, dict) and depth < 2 and _can_turn(value, depth + 1):
            return True
    return False
