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
from funcdex_assets.environment.entity_store import (
    Entity,
    EntityStore,
    Listing,
    canonicalize_noun,
    derive_noun,
    normalize_field_name,
)
from funcdex_assets.environment.new_contents import is_empty_at_first
from funcdex_assets.environment.part_counts import find_part_count
from funcdex_assets.environment.search_criteria import TimeSpan, reduce_to_field_stem
from funcdex_assets.environment.search_queries import split_search_words
from funcdex_assets.environment.state_changes import find_state_after_verb
from funcdex_assets.language.spoken_values import parse_moment
from funcdex_assets.schema.json_pointers import at_pointer
from funcdex_assets.schema.references import resolve_schema
from funcdex_assets.schema.schema import Schema, schema_type
from funcdex_assets.schema.validation import is_valid_under
from funcdex_assets.schema.words import split_words
from funcdex_assets.semantics.epochs import read_likely_epoch
from funcdex_assets.semantics.field_meaning import decide_field_meaning
from funcdex_assets.semantics.field_roles import is_calling_name, is_page_token
from funcdex_assets.semantics.tool_names import is_id

MORE_PAGES_SHARE = 0.2  # of listings that nobody turns the page of
_INTEGER = {"type": "integer"}
_ENDED_WORDS = frozenset("completed closed done archived finished".split())
_MAIN_MOMENT_FIELDS = ("start", "date", "due", "lastmessage", "internaldate", "received", "sent")


class Pager:
    """Pages the listings within one call's result."""

    def __init__(self, intent: CallIntent, entities: EntityStore, needed: frozenset[str], rng: Random):
        self._intent, self._entities, self._needed, self._rng = intent, entities, needed, rng
        self._open_listings: list[tuple[Listing, str, str, tuple[str, str] | None]] = []
        self._has_more = any(is_page_token(step) for path in needed for step in path.split("/"))
        self._has_more = self._has_more and not intent.lists_all
        self._needs_token = self._has_more
        self._known_count = 0  # of entities that the listing shows on whatever page

    def choose_page(
        self, path: str, noun: str, items: Schema, root: Schema, is_only_one: bool
    ) -> tuple[list[Entity], int]:
        """Returns the known entities to list, and the size of the page. `is_only_one`: one entity is searched for."""
        intent, store = self._intent, self._entities
        listing = store.listings.setdefault((intent.tool, intent.key, path), Listing())
        listed_elsewhere = [
            entity
            for other_page, entities in listing.pages.items()
            if other_page != intent.page_token
            for entity in entities
        ]
        listed_parents = self._find_whole_listing()
        complete = intent.is_listing and (
            bool(
                {(canonicalize_noun(noun), ""), (canonicalize_noun(noun), listed_parents or "")}
                & store.complete_listings
            )
            or self._is_within_earlier_answer(path)
        )
        matches = [
            entity
            for entity in store.list_entities(noun).values()
            if meets_criteria(entity, intent, items, root) and not _is_among(entity, listed_elsewhere)
        ]
        self._known_count += len(matches) + sum("@gone" not in entity for entity in listed_elsewhere)
        if intent.page_token in listing.pages:
            listed_before = [
                entity
                for entity in listing.pages[intent.page_token]
                if "@gone" not in entity and meets_criteria(entity, intent, items, root)
            ]
            created = [entity for entity in matches if "@made" in entity and not _is_among(entity, listed_before)]
            page_entities = [*listed_before, *(created if intent.page_token == "" else [])]
            _fill_from_later_pages(page_entities, listing, intent)
            has_more = len(page_entities) > intent.page_size and not intent.lists_all
            page_entities = page_entities[-intent.page_size :] if has_more else page_entities
            size = len(page_entities)
        else:
            has_more = len(matches) > intent.page_size and not intent.lists_all
            page_entities = matches[-intent.page_size :] if has_more else matches
            size = len(page_entities) if complete else self._rng.randint(1, intent.limit)
            expected = None if intent.page_token or listed_parents is None else self._find_expected_size(noun)
            if is_only_one:
                size = 1
            elif intent.page_token and listing.next_page_size:
                size = max(listing.next_page_size, len(page_entities))
            elif expected is not None:
                size = max(expected, len(page_entities))
                has_more = expected > intent.page_size and not intent.lists_all
            if self._is_newly_created(noun):
                size = len(page_entities)
            elif (
                not intent.page_token
                and not complete
                and not is_only_one
                and expected is None
                and not intent.lists_all
                and intent.limit == intent.page_size
                and self._rng.random() < MORE_PAGES_SHARE
            ):
                has_more = True
        if (has_more and (not complete or len(matches) > intent.page_size)) or intent.page_token in listing.next_tokens:
            self._has_more = True
        full_size = max(intent.page_size, len(page_entities)) if intent.lists_all else intent.page_size
        size = full_size if self._has_more else min(size, full_size)
        self._open_listings.append(
            (listing, path, noun, None if listed_parents is None else (canonicalize_noun(noun), listed_parents))
        )
        return page_entities, size

    def _is_within_earlier_answer(self, path: str) -> bool:
        """Returns whether a wider question was answered in full before: then there is nothing that it did not show."""
        intent = self._intent
        return any(
            parents.items() <= intent.parents.items() and intent.criteria.is_no_wider_than(criteria)
            for parents, criteria in self._entities.whole_answers.get((intent.tool, path), ())
        )

    def list_shown_entities(self, path: str) -> list[Entity]:
        """Returns the entities that the listing at the path has shown on whatever page."""
        listing = self._entities.listings.get((self._intent.tool, self._intent.key, path), Listing())
        return [entity for entities in listing.pages.values() for entity in entities]

    def _is_newly_created(self, noun: str) -> bool:
        """Returns whether the entity whose parts are listed was created by a call: nobody else put any into it."""
        if not is_empty_at_first(noun):
            return False
        for parent, identity in self._intent.parents.items():
            entity = self._entities.find_entity(parent, identity)
            parts = [
                part for part in self._entities.list_entities(noun).values() if str(part.get(f"{parent}id")) == identity
            ]
            # A thread that is known by nothing but the letter that was sent began with it.
            if "@made" in entity or (not entity and parts and all("@made" in part for part in parts)):
                return True
        return False

    def _find_whole_listing(self) -> str | None:
        """Returns the parents within which a listing shows all entities; None where anything else restricts it."""
        intent = self._intent
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

    def _find_expected_size(self, noun: str) -> int | None:
        """Returns the known size of what the call names, such as the `message_count` of its thread, else None."""
        for parent, identity in self._intent.parents.items():
            count = find_part_count(self._entities.find_entity(parent, identity), noun.rpartition(" ")[2])
            if count is not None:
                return count
        return None

    def add_page_tokens(self, result: Any, root: Schema) -> Any:
        """Returns the result with a token for the next page where there is one, and without where there is none."""
        shown_count = sum(
            len(items) for _, path, _, _ in self._open_listings if isinstance(items := at_pointer(result, path), list)
        )
        if self._open_listings and not self._needs_token and shown_count < self._intent.page_size:
            self._has_more = False  # only a full page is followed by another
        if self._open_listings and self._has_more:
            for listing, *_ in self._open_listings:
                listing.next_page_size = listing.next_page_size or self._rng.randint(1, self._intent.limit)
        if isinstance(result, dict):
            if not _has_page_fields(result) and not self._needs_token:
                self._has_more = False
            self._set_page_fields(result, root, root, shown_count, 0)
        if not self._has_more:
            for listing, *_ in self._open_listings:
                listing.next_page_size = 0
        return result

    def _set_page_fields(
        self, fields: dict[str, Any], schema: Schema, root: Schema, shown_count: int, depth: int
    ) -> None:
        """Sets page tokens, flags such as `has_more` and totals of an object and of the objects inside it."""
        properties = schema.get("properties", {})
        listing = self._open_listings[0][0] if self._open_listings else Listing()
        page_token = self._intent.page_token
        for key in list(fields):
            value, name_words = fields[key], set(split_words(key))
            schema_of_key = resolve_schema(properties.get(key, {}), root)
            if is_page_token(key, schema_of_key):
                if isinstance(value, int) and not isinstance(value, bool):
                    fields[key] = (
                        int(page_token) if page_token.isdigit() else max(0, properties.get(key, {}).get("minimum", 0))
                    )
                elif self._has_more:
                    fields[key] = listing.next_tokens.setdefault(page_token, value)
                elif key not in schema.get("required", ()):
                    del fields[key]
                else:
                    property_schema = properties.get(key, {})
                    fields[key] = next(
                        (
                            empty_value
                            for empty_value in (None, "")
                            if is_valid_under(property_schema, root, empty_value)
                        ),
                        value,
                    )
            elif isinstance(value, bool):
                if "more" in name_words:
                    fields[key] = self._has_more
                elif "last" in name_words and name_words & {"is", "page"}:
                    fields[key] = not self._has_more
            elif (
                isinstance(value, int)
                and decide_field_meaning(key, schema_of_key or _INTEGER).role == "total"
                and value == shown_count
                and self._open_listings
            ):
                total = shown_count + sum(
                    len(entities) for other_token, entities in listing.pages.items() if other_token != page_token
                )
                if self._has_more and len(listing.pages) <= 1:
                    total += listing.next_page_size
                total = max(total, self._known_count)
                maximum = properties.get(key, {}).get("maximum", total)
                fields[key] = min(total, maximum)
            elif isinstance(value, dict) and depth < 2 and key in properties:
                self._set_page_fields(value, resolve_schema(properties[key], root), root, shown_count, depth + 1)

    def record_pages(self, result: Any) -> None:
        """Files what was shown under its page; to be called when the result's entities are remembered."""
        for listing, path, noun, complete_listing in self._open_listings:
            items = at_pointer(result, path)
            if isinstance(items, list):
                listing.pages[self._intent.page_token] = [
                    self._entities.find_shown_entity(item, noun)
                    or {normalize_field_name(key): value for key, value in item.items()}
                    for item in items
                    if isinstance(item, dict)
                ]
            if self._intent.is_listing and not self._has_more and not self._intent.is_later_page:
                answers = self._entities.whole_answers.setdefault((self._intent.tool, path), [])
                answers.append((self._intent.parents, self._intent.criteria))
            if complete_listing and not self._has_more:
                self._entities.complete_listings.add(complete_listing)
                parent, is_one_parent, identity = complete_listing[1].partition("=")
                if is_one_parent and "," not in identity:
                    size = sum(map(len, listing.pages.values()))
                    self._entities.part_counts[parent, identity, noun.rpartition(" ")[2]] = size


def record_shown_page(result: Any, intent: CallIntent, entities: EntityStore, path: str = "", depth: int = 0) -> None:
    """Files the page of a listing that somebody else made, so that the next page shows other things."""
    if not intent.is_listing or not isinstance(result, dict) or depth > 1:
        return
    for key, value in result.items():
        record_shown_page(value, intent, entities, f"{path}/{key}", depth + 1)
        if isinstance(value, list):
            noun = derive_noun(key, intent.result_noun)
            shown = [entities.find_shown_entity(item, noun) for item in value if isinstance(item, dict)]
            listing = entities.listings.setdefault((intent.tool, intent.key, f"{path}/{key}"), Listing())
            listing.pages[intent.page_token] = [entity for entity in shown if entity is not None]


def _fill_from_later_pages(page_entities: list[Entity], listing: Listing, intent: CallIntent) -> None:
    """Moves entities of later pages up to a page that has a next one and is not full any more; what is left without a
    next page loses its token.
    """
    page_tokens = list(listing.pages)
    later_tokens = page_tokens[page_tokens.index(intent.page_token) + 1 :]
    if intent.page_token not in listing.next_tokens or not later_tokens:
        return
    for page_token in later_tokens:
        remaining = [entity for entity in listing.pages[page_token] if "@gone" not in entity]
        missing_count = max(0, intent.page_size - len(page_entities))
        page_entities += remaining[:missing_count]
        listing.pages[page_token] = remaining[missing_count:]
    if not any(listing.pages[page_token] or page_token in listing.next_tokens for page_token in later_tokens):
        del listing.next_tokens[intent.page_token]


def build_call_key(arguments: Mapping[str, Any]) -> str:
    """Returns the arguments that identify a listing as text: all but the page token."""
    listing_arguments = {key: value for key, value in arguments.items() if not is_page_token(key)}
    return msgspec.json.encode(listing_arguments, order="deterministic").decode()


def meets_criteria(entity: Entity, intent: CallIntent, items: Schema, root: Schema) -> bool:
    """Returns whether nothing known of an entity speaks against its being listed."""
    if intent.object_identity is not None and intent.is_listing:
        return False
    for parent, identity in intent.parents.items():
        parent_identity = entity.get(f"{parent}id", entity.get("@parents", {}).get(parent))
        parent_object = entity.get(parent)
        if parent_identity is None and isinstance(parent_object, dict):
            parent_identity = next((value for key, value in parent_object.items() if is_id(key)), None)
        if str(parent_identity) != identity:
            return False
    if intent.criteria.search_words and not contains_words(
        entity, intent.criteria.search_words, intent.criteria.in_titles
    ):
        return False
    properties = items.get("properties", {})
    if "@closed" in entity:
        shows_state = any(_shows_end(key, resolve_schema(schema, root)) for key, schema in properties.items())
        if not shows_state and not _ENDED_WORDS & set(intent.name.words):
            return False
    elif _ENDED_WORDS & set(intent.name.words) and "@made" in entity:
        return False
    for key, required_value in intent.criteria.filters.items():
        stem = reduce_to_field_stem(key)
        for name, property_schema in properties.items():
            if reduce_to_field_stem(name) == stem and _contradicts_filter(
                entity, name, resolve_schema(property_schema, root), root, required_value
            ):
                return False
    if _contradicts_constant(entity, properties) or _is_in_unlisted_state(entity, properties):
        return False
    if intent.criteria.bounds and not all(
        low <= value <= high
        for name in properties
        if (bound := intent.criteria.bounds_for_field(name))
        for low, high in (bound,)
        if isinstance(value := entity.get(normalize_field_name(name)), int | float)
    ):
        return False
    if any(str(entity.get(stem)).lower() == value for stem, value in intent.criteria.excluded.items()):
        return False
    return all(_is_within_span(entity, span) for span in intent.criteria.spans)


def _shows_end(key: str, schema: Schema) -> bool:
    """Returns whether a field tells that something has come to its end: its state, or a flag such as `checked`."""
    meaning = decide_field_meaning(key, schema)
    return meaning.role == "state" or (meaning.role == "flag" and meaning.phase in ("completed", "archived"))


def contains_words(entity: Mapping[str, Any], search_words: frozenset[str], in_titles: bool) -> bool:
    """Returns whether all words are in the texts of an entity, or in its title."""
    titles = [value for key, value in entity.items() if is_calling_name(key)] if in_titles else []
    return search_words <= split_search_words(_collect_texts(titles or entity))


def _contradicts_filter(entity: Entity, name: str, schema: Schema, root: Schema, required_value: Any) -> bool:
    """Returns whether the entity's field is known to have another value than the filter asks for."""
    value = entity.get(normalize_field_name(name), entity.get("@told", {}).get(normalize_field_name(name)))
    if value is None:  # what was made without labels has none
        return "@made" in entity and "@links" not in entity and schema_type(schema) == "array"
    if isinstance(value, list):
        required_values = required_value if isinstance(required_value, list) else [required_value]
        known_values = {str(item).lower() for item in value if not isinstance(item, dict | list)}
        return (bool(known_values) or ("@made" in entity and not value)) and not {
            str(item).lower() for item in required_values
        } <= known_values
    if isinstance(required_value, list):
        return value not in required_value
    if not is_valid_under(schema, root, required_value) or isinstance(value, dict):
        return False
    if isinstance(required_value, str) and decide_field_meaning(name, schema).role == "title":
        return required_value.lower() not in str(value).lower()
    return value != required_value and str(value).lower() != str(required_value).lower()


def _contradicts_constant(entity: Entity, properties: Mapping[str, Schema]) -> bool:
    """Returns whether the entity is known to be otherwise than all that is listed: done, in a list of open tasks."""
    return any(
        type(schema.get("const")) is bool and entity.get(normalize_field_name(name)) is (not schema["const"])
        for name, schema in properties.items()
        if isinstance(schema, dict)
    )


def _is_in_unlisted_state(entity: Entity, properties: Mapping[str, Schema]) -> bool:
    """Returns whether the entity is in a state that the listing does not have: canceled, in a list of what runs."""
    for name in ("status", "state"):
        options = properties.get(name, {}).get("enum") if isinstance(properties.get(name), dict) else None
        if not options:
            continue
        known_state, verb = entity.get(name), entity.get("@state", "")
        if isinstance(known_state, str):
            return known_state not in options
        if "@made" in entity or "@changed" in entity:
            return bool(verb) and verb != "mark" and find_state_after_verb(verb, options) is None
    return False


def _is_within_span(entity: Entity, span: TimeSpan) -> bool:
    """Returns whether the first moment among the meant fields lies in the span; an entity without one may be listed."""
    field_words, low, high = span.field_words, span.low, span.high
    for key, value in entity.items():
        is_meant = any(word in key for word in field_words) if field_words else key.startswith(_MAIN_MOMENT_FIELDS)
        if not is_meant or key.startswith("@"):
            continue
        texts = value.values() if isinstance(value, dict) else (value,)
        for text in texts:
            moment = parse_moment({}, text) if isinstance(text, str) else read_likely_epoch(text, low.tzinfo)
            if isinstance(moment, datetime):
                moment = moment if moment.tzinfo else moment.replace(tzinfo=low.tzinfo)
                return (not span.is_low_given or low <= moment) and (not span.is_high_given or moment <= high)
            if isinstance(moment, date):
                is_late_enough = not span.is_low_given or low.date() <= moment
                return is_late_enough and (not span.is_high_given or moment <= high.date())
    return True


def sort_by_order(
    items: list[dict[str, Any]], sort_order: tuple[frozenset[str], bool] | None
) -> list[dict[str, Any]] | None:
    """Returns the items sorted as asked; None where no order is asked, or not of a plain field that all items have."""
    if sort_order is None or not items:
        return None
    field_words, descending = sort_order
    keys = sorted(items[0], key=lambda key: -len(field_words & set(split_words(key))))
    if not keys or not field_words & set(split_words(keys[0])):
        return None
    values = [_to_sortable(item.get(keys[0])) for item in items]
    if any(value is None for value in values) or len({type(value) for value in values}) > 1:
        return None
    by_value = sorted(zip(values, range(len(items)), strict=True), key=lambda pair: pair[0], reverse=descending)
    return [items[index] for _, index in by_value]


def _to_sortable(value: Any) -> Any:
    """Returns a value by which a field's values can be compared; None for one that cannot."""
    if isinstance(value, dict):
        value = next((text for text in value.values() if isinstance(text, str)), None)
    if isinstance(value, str):
        moment = parse_moment({}, value)
        return moment.isoformat() if isinstance(moment, date) else value.lower()
    return float(value) if isinstance(value, int | float) else None


def _collect_texts(value: Any, depth: int = 0) -> str:
    """Returns all texts in a value, in lower case."""
    if isinstance(value, str):
        return value.lower()
    if depth > 3:
        return ""
    values = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return " ".join(_collect_texts(nested_value, depth + 1) for nested_value in values)


def _is_among(entity: Entity, entities: Sequence[Entity]) -> bool:
    return any(candidate is entity for candidate in entities)


def _has_page_fields(fields: dict[str, Any], depth: int = 0) -> bool:
    """Returns whether the result has a field that says that there is more."""
    for key, value in fields.items():
        if is_page_token(key) or (isinstance(value, bool) and "more" in split_words(key)):
            return True
        if isinstance(value, dict) and depth < 2 and _has_page_fields(value, depth + 1):
            return True
    return False
