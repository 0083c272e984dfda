"""Tells whether a tool can page its listing.

Belongs here: what the parameters and the result of a tool say of pages. What a page shows is decided in `listings.py`.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec

from funcdex_assets.environment.search_criteria import is_limit_name
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.references import resolve_schema
from funcdex_assets.schema.schema import Schema
from funcdex_assets.semantics.field_meaning import decide_field_meaning

_MOST_LEVELS = 2  # of objects around a page token: `response_metadata.next_cursor`


def can_page(tool: Tool) -> bool:
    """Returns whether a listing can go on: there is a parameter for a size or a place, or a token in the result."""
    return _can_page_by(msgspec.json.encode((tool.parameters, tool.returns)))


@lru_cache(4096)
def _can_page_by(encoded_schemas: bytes) -> bool:
    parameters, returns = msgspec.json.decode(encoded_schemas)
    properties = parameters.get("properties", {})
    if any(_is_about_pages(name, resolve_schema(schema, parameters)) for name, schema in properties.items()):
        return True
    return isinstance(returns, Mapping) and _has_page_token(returns, returns, 0)


def _is_about_pages(name: str, schema: Any) -> bool:
    if not isinstance(schema, Mapping):
        return False
    return is_limit_name(name, schema) or decide_field_meaning(name, schema).role == "page_token"


def _has_page_token(schema: Schema, root: Schema, level: int) -> bool:
    for name, property_schema in schema.get("properties", {}).items():
        resolved = resolve_schema(property_schema, root)
        if decide_field_meaning(name, resolved).role == "page_token":
            return True
        if level < _MOST_LEVELS and _has_page_token(resolved, root, level + 1):
            return True
    return False
