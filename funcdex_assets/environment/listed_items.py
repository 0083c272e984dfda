"""Makes the new items of a listing fit the search, and one another: matching titles, different identifiers, an order.

Belongs here: what is put right after an item is built. Which known entities are listed is decided in `listings.py`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from funcdex_assets.environment.entity_store import is_own_identifier
from funcdex_assets.environment.listings import contains_words, sort_by_order
from funcdex_assets.environment.result_scope import ResultScope
from funcdex_assets.environment.search_criteria import SortOrder
from funcdex_assets.schema.references import resolve_schema
from funcdex_assets.schema.schema import Schema
from funcdex_assets.semantics.field_meaning import decide_value_meaning
from funcdex_assets.semantics.field_roles import PAST_PHASES, is_calling_name, is_text
from funcdex_assets.semantics.tool_names import is_id

_SOONEST_FIRST = SortOrder(frozenset({"start"}), descending=False)


def searches_for_other_title(scope: ResultScope) -> bool:
    """Returns whether a search asks for a title that nothing about the situation would have by chance."""
    searched_words = scope.intent.criteria.search_words
    return bool(scope.intent.searched_title) and not searched_words <= scope.fields.texts.situation_words


def match_item_to_search(
    item: dict[str, Any], schema: Schema, other_items: Sequence[Mapping[str, Any]], scope: ResultScope
) -> bool:
    """Writes the words searched for into the item, in its title if it has one. Returns False where every title with
    them is taken.
    """
    criteria = scope.intent.criteria
    for name in criteria.title_filters:
        _choose_untaken_title(item, name, schema, other_items, scope)
    if not criteria.search_words or contains_words(item, criteria.search_words, criteria.in_titles):
        return True
    properties = schema.get("properties", {})
    texts = [key for key in item if isinstance(item[key], str) and not is_id(key) and key in properties]
    key = next((key for key in texts if is_calling_name(key)), None)
    key = key or next((key for key in texts if is_text(key)), None)
    if key is None:
        return True
    taken_titles = {other_item.get(key) for other_item in other_items}
    for title in scope.fields.texts.list_titles_with(criteria.queries[0].text):
        if title not in taken_titles and scope.fits_schema(properties[key], title):
            item[key] = title
            return True
    return False


def renew_repeated_identifiers(
    item: dict[str, Any], schema: Schema, noun: str, other_items: Sequence[Mapping[str, Any]], scope: ResultScope
) -> None:
    """Gives the item new identifiers where another item of the listing has the same."""
    for key in [key for key in item if is_own_identifier(key, noun)]:
        if any(item[key] == other_item.get(key) for other_item in other_items):
            identifier_schema = resolve_schema(schema["properties"][key], scope.root)
            item[key] = scope.fields.identifiers.create_identifier(identifier_schema, noun, item)


def sort_items(items: list[dict[str, Any]], order: SortOrder | None) -> list[dict[str, Any]]:
    """Returns the items in the order asked for, else what begins soonest first, else what is past newest first."""
    sorted_items = sort_by_order(items, order) or sort_by_order(items, _SOONEST_FIRST)
    if sorted_items:
        return sorted_items
    first_item = items[0] if items else {}
    key = next((key for key, value in first_item.items() if isinstance(value, str) and _is_past(key, value)), None)
    if key is not None and all(isinstance(item.get(key), str) for item in items):
        return sorted(items, key=lambda item: item[key], reverse=True)
    return items


def _is_past(key: str, value: str) -> bool:
    """Returns whether a field tells when its thing came about or changed; one that names no phase, as `date`, does."""
    meaning = decide_value_meaning(key, value)
    return meaning.role == "moment" and meaning.phase in PAST_PHASES | {""} and not meaning.bound


def _choose_untaken_title(
    item: dict[str, Any], name: str, schema: Schema, other_items: Sequence[Mapping[str, Any]], scope: ResultScope
) -> None:
    title = item.get(name)
    taken_titles = [other_item.get(name) for other_item in other_items]
    if isinstance(title, str) and title in taken_titles:
        candidates = [text for text in scope.fields.texts.list_titles_with(title) if text not in taken_titles]
        valid = (candidate for candidate in candidates if scope.fits_schema(schema["properties"][name], candidate))
        item[name] = next(valid, title)
