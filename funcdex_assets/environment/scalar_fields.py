"""Fills in a scalar field: repeated from the call where it is about the field, else made up by `FieldValues`.

Belongs here: the order in which a link, a filter, an argument and an invented value are tried.
"""

from math import ceil, floor, inf, isfinite
from typing import Any

from funcdex_assets.environment.call_subject import find_linked_name
from funcdex_assets.environment.entity_store import normalize_field_name
from funcdex_assets.environment.field_values import FieldValues
from funcdex_assets.environment.object_draft import ObjectDraft
from funcdex_assets.environment.repeated_arguments import find_repeated_argument
from funcdex_assets.environment.result_scope import ResultScope
from funcdex_assets.environment.state_changes import count_replacements
from funcdex_assets.schema.schema import Schema, schema_type
from funcdex_assets.schema.words import split_words
from funcdex_assets.semantics.field_meaning import decide_field_meaning
from funcdex_assets.semantics.field_roles import is_page_token
from funcdex_assets.semantics.tool_names import is_id

_REPLACEMENT_WORDS = frozenset(("occurrences", "replacements"))


def fill_scalar(schema: Schema, name: str, draft: ObjectDraft, scope: ResultScope) -> Any:
    """Returns the value of a scalar field of the draft, and counts it."""
    scope.budget.scalar_count += 1
    intent = scope.intent
    counts_replacements = not _REPLACEMENT_WORDS.isdisjoint(split_words(name))
    if draft.is_subject and counts_replacements and schema_type(schema) == "integer":
        replacements = count_replacements(intent, scope.entities)
        if replacements is not None and scope.fits_schema(schema, replacements):
            return replacements
    linked_name = find_linked_name(name, intent, scope.entities) if draft.is_subject else None
    if linked_name and scope.fits_schema(schema, linked_name):
        return linked_name
    may_be_filtered = intent.is_listing and decide_field_meaning(name, schema).role != "query"
    required_value = intent.criteria.filter_for_field(name) if may_be_filtered else None
    if required_value is not None and scope.fits_schema(schema, required_value):
        return required_value
    bounds = intent.criteria.bounds_for_field(name) if may_be_filtered else None
    if bounds and schema_type(schema) in ("integer", "number"):
        bounded = _draw_within_bounds(schema, name, bounds, draft, scope)
        if scope.fits_schema(schema, bounded):
            return bounded
    if (draft.is_subject or may_be_filtered) and not is_id(name) and not is_page_token(name, schema):
        argument = find_repeated_argument(intent, name)
        if argument is not None and scope.fits_schema(schema, argument):
            return argument
    return _find_own_fields(name, draft, scope).choose_value(schema, name, draft)


def _find_own_fields(name: str, draft: ObjectDraft, scope: ResultScope) -> FieldValues:
    """Returns the chooser of a field's value: for a standing thing of the company one that chooses the same always."""
    thing = scope.find_standing_thing(draft)
    if thing is None:
        return scope.fields
    return FieldValues(scope.context.narrow_to(thing, normalize_field_name(name)))


def _draw_within_bounds(
    schema: Schema, name: str, bounds: tuple[float, float], draft: ObjectDraft, scope: ResultScope
) -> float:
    """Returns a number between the lowest and the highest asked for: a likely one if it lies there."""
    low, high = max(bounds[0], schema.get("minimum", -inf)), min(bounds[1], schema.get("maximum", inf))
    number = _find_own_fields(name, draft, scope).choose_value(schema, name, draft)
    if low <= number <= high:
        return number
    low, high = (low if isfinite(low) else min(0, high)), (high if isfinite(high) else 2 * max(low, 1))
    drawn = low + scope.context.rng.random() * (high - low)
    if schema_type(schema) == "integer":
        return min(max(round(drawn), ceil(low)), floor(high))
    return min(max(round(drawn, 2), low), high)
