"""What a listing shows: which known things belong into it, on which page, in what order, and whether there is more.

A listing is one tool called with the same arguments apart from the page token. Its pages are remembered, so that
the first one is the same whenever it is asked for again, less what was deleted, with what was made since.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from random import Random
from typing import Any

import msgspec

from funcdex_assets.catalog.json_schema import Schema, at_pointer, fits, resolve, schema_type
from funcdex_assets.catalog.names import is_id, is_page_token, words
from funcdex_assets.language.spoken import read_moment
from funcdex_assets.language.values import TITLES
from funcdex_assets.simulation.demand import CallIntent
from funcdex_assets.simulation.memory import Listing, Memory, Thing, kind, plain
from funcdex_assets.simulation.queries import tokens
from funcdex_assets.simulation.search_criteria import reduce_to_field_stem

MORE = 0.2  # of listings that nobody turns the page of
_ENDING = frozenset("completed closed done archived finished".split())
_STATES = frozenset("status state completed checked closed done archived".split())
_TOTALS = frozenset("total estimate".split())
_PARTS = frozenset("comment message reply note attachment subtask task section event issue worklog reaction".split())
_MAIN_MOMENTS = ("start", "date", "due", "lastmessage", "internaldate", "received", "sent")


class Pager:
    """The listings within one call's result."""

    def __init__(self, demand: CallIntent, memory: Memory, needed: frozenset[str], rng: Random):
        self._demand, self._memory, self._needed, self._rng = demand, memory, needed, rng
        self._open: list[tuple[Listing, str, str, tuple[str, str] | None]] = []
        self._more = any(is_page_token(step) for path in needed for step in path.split("/"))
        self._turns = self._more

    def page(self, path: str, noun: str, items: Schema, root: Schema, alone: bool) -> tuple[list[Thing], int]:
        """The known things to list, and how many to list in all. `alone`: what is sought is only one."""
        demand, memory = self._demand, self._memory
        listing = memory.listings.setdefault((demand.tool, demand.key, path), Listing())
        others = [thing for page, things in listing.pages.items() if page != demand.page_token for thing in things]
        all_ = self._whole()
        complete = demand.is_listing and bool({(kind(noun), ""), (kind(noun), all_ or "")} & memory.complete)
        found = [
            thing
            for thing in memory.things(noun).values()
            if belongs(thing, demand, items, root) and not _among(thing, others)
        ]
        if demand.page_token in listing.pages:
            here = [
                thing
                for thing in listing.pages[demand.page_token]
                if "@gone" not in thing and belongs(thing, demand, items, root)
            ]
            fresh = [thing for thing in found if "@made" in thing and not _among(thing, here)]
            known = [*here, *(fresh if demand.page_token == "" else [])]
            known, left = known[-demand.limit :] if len(known) > demand.limit else known, len(known) > demand.limit
            size = len(known)
        else:
            known, left = found[-demand.limit :], len(found) > demand.limit
            size = len(known) if complete else self._rng.randint(1, demand.limit)
            if alone:
                size = 1
            elif demand.page_token and listing.hidden:
                size = max(listing.hidden, len(known))
            elif not demand.page_token and (expected := self._expected(noun)):
                size = max(expected, len(known))
            if self._is_new(noun):
                size = len(known)
            elif not demand.page_token and not complete and not alone and self._rng.random() < MORE:
                left = True
        if (left and (not complete or len(found) > demand.limit)) or demand.page_token in listing.following:
            self._more = True
        self._open.append((listing, path, noun, None if all_ is None else (kind(noun), all_)))
        return known, size

    def _is_new(self, noun: str) -> bool:
        """Whether the thing whose parts are listed was made a moment ago, so that nobody else put any into it."""
        if not _PARTS & set(noun.split()):
            return False
        return any("@made" in self._memory.thing(*parent) for parent in self._demand.parents.items())

    def _whole(self) -> str | None:
        """What all things of a kind are listed within, when nothing else restricts the listing."""
        demand = self._demand
        if (
            not demand.is_listing
            or demand.page_token
            or demand.criteria.filters
            or demand.criteria.spans
            or demand.criteria.search_words
        ):
            return None
        if demand.object_identity is not None or demand.addressees:
            return None
        return ",".join(f"{parent}={identity}" for parent, identity in sorted(demand.parents.items()))

    def _expected(self, noun: str) -> int:
        """How many were said to be in what the call names: the `message_count` of its thread."""
        for parent, identity in self._demand.parents.items():
            count = self._memory.thing(parent, identity).get(f"{kind(noun)}count")
            if isinstance(count, int) and not isinstance(count, bool) and 0 < count <= 8:
                return count
        return 0

    def turned(self, made: Any, root: Schema) -> Any:
        """The result with a token for the next page where there is one, and without where there is none."""
        shown = sum(len(items) for _, path, _, _ in self._open if isinstance(items := at_pointer(made, path), list))
        if self._open and self._more:
            for listing, *_ in self._open:
                listing.hidden = listing.hidden or self._rng.randint(1, self._demand.limit)
        if isinstance(made, dict):
            if not _can_turn(made) and not self._turns:
                self._more = False
            self._turn(made, root, root, shown, 0)
        if not self._more:
            for listing, *_ in self._open:
                listing.hidden = 0
        return made

    def _turn(self, made: dict[str, Any], schema: Schema, root: Schema, shown: int, depth: int) -> None:
        properties = schema.get("properties", {})
        listing = self._open[0][0] if self._open else Listing()
        page = self._demand.page_token
        for key in list(made):
            value, said = made[key], set(words(key))
            if is_page_token(key):
                if isinstance(value, int) and not isinstance(value, bool):
                    made[key] = int(page) if page.isdigit() else max(0, properties.get(key, {}).get("minimum", 0))
                elif self._more:
                    made[key] = listing.following.setdefault(page, value)
                elif key not in schema.get("required", ()):
                    del made[key]
                else:
                    part = properties.get(key, {})
                    made[key] = next((none for none in (None, "") if fits(part, root, none)), value)
            elif isinstance(value, bool):
                if "more" in said:
                    made[key] = self._more
                elif "last" in said and said & {"is", "page"}:
                    made[key] = not self._more
            elif isinstance(value, int) and said & _TOTALS and value == shown and self._open:
                total = shown + sum(len(things) for other, things in listing.pages.items() if other != page)
                if self._more and len(listing.pages) <= 1:
                    total += listing.hidden
                most = properties.get(key, {}).get("maximum", total)
                made[key] = min(total, most)
            elif isinstance(value, dict) and depth < 2 and key in properties:
                self._turn(value, resolve(properties[key], root), root, shown, depth + 1)

    def finish(self, result: Any) -> None:
        """What was shown is on its page from now on. To be called when its things are remembered."""
        for listing, path, noun, whole in self._open:
            items = at_pointer(result, path)
            if isinstance(items, list):
                listing.pages[self._demand.page_token] = [
                    self._memory.known_as(item, noun) or {plain(key): value for key, value in item.items()}
                    for item in items
                    if isinstance(item, dict)
                ]
            if whole and not self._more:
                self._memory.complete.add(whole)


def call_key(arguments: Mapping[str, Any]) -> str:
    """The arguments that make a listing what it is, as text: all but the page token."""
    kept = {key: value for key, value in arguments.items() if not is_page_token(key)}
    return msgspec.json.encode(kept, order="deterministic").decode()


def belongs(thing: Thing, demand: CallIntent, items: Schema, root: Schema) -> bool:
    """Whether nothing known of a thing speaks against its being listed."""
    if demand.object_identity is not None and demand.is_listing:
        return False
    for parent, identity in demand.parents.items():
        at = thing.get(f"{parent}id", thing.get("@parents", {}).get(parent))
        if at is None and isinstance(inner := thing.get(parent), dict):
            at = next((value for key, value in inner.items() if is_id(key)), None)
        if str(at) != identity:
            return False
    if demand.criteria.search_words and not holds(thing, demand.criteria.search_words, demand.criteria.in_titles):
        return False
    properties = items.get("properties", {})
    if "@closed" in thing:
        shows = any(_STATES & set(words(key)) for key in properties)
        if not shows and not _ENDING & set(demand.name.words):
            return False
    elif _ENDING & set(demand.name.words) and "@made" in thing:
        return False
    for key, wanted in demand.criteria.filters.items():
        field = reduce_to_field_stem(key)
        for name, part in properties.items():
            if reduce_to_field_stem(name) == field and _speaks_against(thing, name, resolve(part, root), root, wanted):
                return False
    if any(str(thing.get(field)).lower() == value for field, value in demand.criteria.excluded.items()):
        return False
    return all(_is_within(thing, span.field_words, span.low, span.high) for span in demand.criteria.spans)


def holds(thing: Mapping[str, Any], sought: frozenset[str], in_titles: bool) -> bool:
    """Whether all words are in the texts of a thing, or in its title."""
    if in_titles and (titles := [value for key, value in thing.items() if key in TITLES]):
        texts = _texts(titles)
    else:
        texts = _texts(thing)
    return sought <= tokens(texts)


def _speaks_against(thing: Thing, name: str, schema: Schema, root: Schema, wanted: Any) -> bool:
    value = thing.get(plain(name), thing.get("@told", {}).get(plain(name)))
    if value is None:  # what was made without labels has none
        return "@made" in thing and "@links" not in thing and schema_type(schema) == "array"
    if isinstance(value, list):
        asked = wanted if isinstance(wanted, list) else [wanted]
        there = {str(part).lower() for part in value if not isinstance(part, dict | list)}
        return (bool(there) or ("@made" in thing and not value)) and not {str(part).lower() for part in asked} <= there
    if isinstance(wanted, list):
        return value not in wanted
    if not fits(schema, root, wanted) or isinstance(value, dict):
        return False
    if isinstance(wanted, str) and set(words(name)) & TITLES:
        return wanted.lower() not in str(value).lower()
    return value != wanted and str(value).lower() != str(wanted).lower()


def _is_within(thing: Thing, about: frozenset[str], low: datetime, high: datetime) -> bool:
    """The first moment among the fields that are meant lies in the span; a thing without one may."""
    for key, value in thing.items():
        meant = any(word in key for word in about) if about else key.startswith(_MAIN_MOMENTS)
        if not meant or key.startswith("@"):
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
    """The items sorted as asked; None where that is not said, or not of a plain field that all of them have."""
    if order is None or not items:
        return None
    about, downwards = order
    keys = sorted(items[0], key=lambda key: -len(about & set(words(key))))
    if not keys or not about & set(words(keys[0])):
        return None
    values = [_sortable(item.get(keys[0])) for item in items]
    if any(value is None for value in values) or len({type(value) for value in values}) > 1:
        return None
    by_value = sorted(zip(values, range(len(items)), strict=True), key=lambda pair: pair[0], reverse=downwards)
    return [items[index] for _, index in by_value]


def _sortable(value: Any) -> Any:
    if isinstance(value, dict):
        value = next((part for part in value.values() if isinstance(part, str)), None)
    if isinstance(value, str):
        moment = read_moment({}, value)
        return moment.isoformat() if isinstance(moment, date) else value.lower()
    return float(value) if isinstance(value, int | float) else None


def _texts(value: Any, depth: int = 0) -> str:
    if isinstance(value, str):
        return value.lower()
    if depth > 3:
        return ""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return " ".join(_texts(part, depth + 1) for part in parts)


def _among(thing: Thing, things: Sequence[Thing]) -> bool:
    return any(other is thing for other in things)


def _can_turn(made: dict[str, Any], depth: int = 0) -> bool:
    """Whether the result has a place to say that there is more."""
    for key, value in made.items():
        if is_page_token(key) or (isinstance(value, bool) and "more" in words(key)):
            return True
        if isinstance(value, dict) and depth < 2 and _can_turn(value, depth + 1):
            return True
    return False
