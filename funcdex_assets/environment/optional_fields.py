"""Decides which optional fields of an object are shown, as real services leave some out.

Belongs here: the shares and limits of optional fields. What must be there for a later call is in `needed_paths.py`.
"""

from funcdex_assets.environment.created_fields import has_not_happened, is_unwritten
from funcdex_assets.environment.entity_store import is_own_identifier, normalize_field_name
from funcdex_assets.environment.object_draft import ObjectDraft
from funcdex_assets.environment.result_scope import MAX_DEPTH, ResultScope
from funcdex_assets.records.seeds import derive_seed
from funcdex_assets.schema.schema import Schema, schema_type
from funcdex_assets.schema.words import split_words
from funcdex_assets.semantics.field_roles import is_page_token

_MOST_OPTIONAL = 30  # of one object, on average, where all objects have hundreds
_OPTIONAL_SHARE = 0.65  # of optional fields of one object that are shown, as real services do
_OPTIONAL_SHARE_NEW = 0.3  # the same for a new entity, of which less is known
_DEEPEST_PAGE_TOKEN = 3
_MOST_SEED = 2**63
_PROBLEM_WORDS = frozenset("error errors warning".split())


def is_optional_field_shown(
    schema: Schema, path: str, key: str, draft: ObjectDraft, depth: int, property_count: int, scope: ResultScope
) -> bool:
    """Returns whether an optional field is shown: when needed or said, and what was asked for, the list, the object and
    its identifier; else in all results of the tool or in none, less often where there are very many. Never errors, nor
    what nobody has given to something new.
    """
    intent = scope.intent
    if depth >= MAX_DEPTH:
        return False
    if scope.needed.is_on_the_way(path):
        return True
    if scope.budget.has_no_room(depth):
        return False
    if is_page_token(key):
        return depth <= _DEEPEST_PAGE_TOKEN
    sort_order = intent.criteria.sort_order
    if normalize_field_name(key) in draft.known_fields or (
        sort_order and sort_order.field_words & set(split_words(key))
    ):
        return True
    if set(split_words(key)) & _PROBLEM_WORDS or is_unwritten(schema, key, draft, scope):
        return False
    if has_not_happened(schema, key, draft, scope):
        return False
    is_asked_for = depth == 0 and schema_type(schema) in ("object", "array")
    if property_count <= _MOST_OPTIONAL and (is_asked_for or is_own_identifier(key, draft.noun)):
        return True
    share = min(1.0, _MOST_OPTIONAL / max(1, property_count))
    share *= _OPTIONAL_SHARE_NEW if intent.creates_entity else _OPTIONAL_SHARE
    if normalize_field_name(key) in intent.said_values:
        return True
    return derive_seed("shown", scope.context.seed, intent.tool, draft.noun, key) < share * _MOST_SEED
