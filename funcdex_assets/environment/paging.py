"""Reads the pages of tools: whether one can page, and which slice of its listing a call asks for by counting.

Belongs here: pages that are counted, by their number or by the number of items before them. They are slices of one
listing, which the world makes as a whole. Pages that a token leads to are chosen in `listings.py`.
"""

from collections.abc import Mapping
from functools import lru_cache
from math import ceil
from typing import Any, NamedTuple

import msgspec

from funcdex_assets.environment.call_intent import find_default_page_size
from funcdex_assets.environment.search_criteria import is_limit_name
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.json_pointers import at_pointer
from funcdex_assets.schema.references import resolve_schema
from funcdex_assets.schema.schema import Schema, schema_type
from funcdex_assets.schema.validation import is_valid_under
from funcdex_assets.schema.words import split_words
from funcdex_assets.semantics.field_meaning import decide_field_meaning
from funcdex_assets.semantics.vocabulary import PAGE_NUMBER_NAMES, PAGE_START_NAMES

_MOST_LEVELS = 2  # of objects around a page token: `response_metadata.next_cursor`
_NUMBER_NAMES = PAGE_NUMBER_NAMES - PAGE_START_NAMES - {("start", "at")}  # the latter is told, as tokens are
_SHOWN_NUMBER_NAMES = _NUMBER_NAMES | {("current", "page")}
_PAGE_COUNT_NAMES = frozenset([("pages",), ("page", "count"), ("total", "pages"), ("num", "pages"), ("last", "page")])
_NEIGHBOUR_NAMES = _NUMBER_NAMES | PAGE_START_NAMES
_PREVIOUS_WORDS = frozenset(("previous", "prev"))
_NEIGHBOUR_WORDS = frozenset([("next",), ("previous",), ("prev",)])


def can_page(tool: Tool) -> bool:
    """Returns whether a listing can go on: a parameter gives a size or a place, or the result a token or `has_more`."""
    return _can_page_by(msgspec.json.encode((tool.parameters, tool.returns)))


@lru_cache(4096)
def _can_page_by(encoded_schemas: bytes) -> bool:
    parameters, returns = msgspec.json.decode(encoded_schemas)
    properties = parameters.get("properties", {})
    if any(_is_about_pages(name, resolve_schema(schema, parameters)) for name, schema in properties.items()):
        return True
    return isinstance(returns, Mapping) and _tells_of_pages(returns, returns, 0)


def _is_about_pages(name: str, schema: Any) -> bool:
    if not isinstance(schema, Mapping):
        return False
    return is_limit_name(name, schema) or decide_field_meaning(name, schema).role == "page_token"


def _tells_of_pages(schema: Schema, root: Schema, level: int) -> bool:
    for name, property_schema in schema.get("properties", {}).items():
        resolved = resolve_schema(property_schema, root)
        is_flag = schema_type(resolved) == "boolean" and "more" in split_words(name)
        if is_flag or decide_field_meaning(name, resolved).role == "page_token":
            return True
        if level < _MOST_LEVELS and _tells_of_pages(resolved, root, level + 1):
            return True
    return False


class PageWindow(NamedTuple):
    """The page that a call counts; `arguments` are the other ones, the same for all pages of a listing.

    `first_number` is the number of the first page, 0 or 1.
    """

    arguments: Mapping[str, Any]
    start: int
    size: int
    first_number: int

    @property
    def number(self) -> int:
        return self.start // self.size + self.first_number

    def cut(self, result: Any, paths: list[str], schema: Schema) -> Any:
        """Returns the page of a result that has the whole listing at `paths`; the fields that tell of pages agree."""
        total = 0
        for path in paths:
            items = at_pointer(result, path)
            if isinstance(items, list):
                total = max(total, len(items))
                result = _replace_at(result, path.split("/")[1:], items[self.start : self.start + self.size])
        if not paths or not isinstance(result, dict):
            return result
        return self._agree(result, schema, schema, total, 0)

    def _agree(self, fields: dict[str, Any], schema: Schema, root: Schema, total: int, level: int) -> dict[str, Any]:
        agreed = dict(fields)
        required = schema.get("required", ())
        for name, property_schema in schema.get("properties", {}).items():
            resolved = resolve_schema(property_schema, root)
            value = agreed.get(name)
            if isinstance(value, dict) and level < _MOST_LEVELS:
                agreed[name] = self._agree(value, resolved, root, total, level + 1)
                continue
            words = split_words(name)
            if words[:1] in _NEIGHBOUR_WORDS and words[1:] in _NEIGHBOUR_NAMES:
                other = self._find_neighbour(words, total)
                candidates = (None, "") if other is None else (other, str(other))
                fitting = [item for item in candidates if is_valid_under(property_schema, root, item)]
                if fitting and (other is not None or name in required):
                    agreed[name] = fitting[0]
                elif other is None and name not in required:
                    agreed.pop(name, None)
            elif name in agreed:
                told = self._tell(name, words, value, resolved, total)
                agreed[name] = told if is_valid_under(property_schema, root, told) else value
        return agreed

    def _find_neighbour(self, words: tuple[str, ...], total: int) -> int | None:
        """Returns where the next or the previous page begins, in the terms of a field; None where there is none."""
        step = 1 if words[0] == "next" else -1
        start = self.start + step * self.size
        if start >= total or (step < 0 and self.start == 0):
            return None
        return max(0, start) if words[1:] in PAGE_START_NAMES else self.number + step

    def _tell(self, name: str, words: tuple[str, ...], value: Any, schema: Schema, total: int) -> Any:
        """Returns what a field tells of the page and of the listing, else its value."""
        goes_on = self.start + self.size < total
        if isinstance(value, bool):
            if "more" in words or {"has", "next"} <= set(words):
                return goes_on
            if "has" in words and _PREVIOUS_WORDS & set(words):
                return self.start > 0
            return not goes_on if "last" in words and {"is", "page"} & set(words) else value
        if not isinstance(value, int):
            return value
        if words in _SHOWN_NUMBER_NAMES:
            return self.number
        if words in PAGE_START_NAMES:
            return self.start
        if words in _PAGE_COUNT_NAMES:
            return ceil(total / self.size)
        if is_limit_name(name, schema) and words != ("count",):
            return self.size
        is_total = decide_field_meaning(name, schema).role == "total" and words[-1] not in ("amount", "sum", "price")
        return total if is_total else value


class _CountedPages(NamedTuple):
    """The names of the parameters by which a tool's pages are counted."""

    number_name: str
    start_name: str
    limit_name: str
    first_number: int
    default_size: int


def read_page_window(tool: Tool, arguments: Mapping[str, Any]) -> PageWindow | None:
    """Returns the page that a call asks for where the tool's pages are counted, else None."""
    pages = _find_counted_pages(msgspec.json.encode(tool.parameters))
    if pages is None:
        return None
    names = {pages.number_name, pages.start_name, pages.limit_name}
    others = {name: value for name, value in arguments.items() if name not in names}
    size = max(1, _read_number(arguments, pages.limit_name, pages.default_size))
    number = _read_number(arguments, pages.number_name, pages.first_number)
    start = _read_number(arguments, pages.start_name, (number - pages.first_number) * size)
    return PageWindow(others, max(0, start), size, pages.first_number)


@lru_cache(4096)
def _find_counted_pages(encoded_parameters: bytes) -> _CountedPages | None:
    parameters = msgspec.json.decode(encoded_parameters)
    schemas = {name: resolve_schema(schema, parameters) for name, schema in parameters.get("properties", {}).items()}
    numbers = [name for name, schema in schemas.items() if schema_type(schema) == "integer"]
    if any(decide_field_meaning(name, schemas[name]).role == "page_token" for name in schemas.keys() - set(numbers)):
        return None
    number_name = next((name for name in numbers if split_words(name) in _NUMBER_NAMES), "")
    limit_name = next((name for name in numbers if is_limit_name(name, schemas[name])), "")
    start_names = PAGE_START_NAMES if limit_name and "end" not in schemas else PAGE_START_NAMES - {("start",)}
    start_name = next((name for name in numbers if split_words(name) in start_names), "")
    if not number_name and not start_name:
        return None
    number_schema = schemas.get(number_name, {})
    first_number = 0 if number_schema.get("default", number_schema.get("minimum", 1)) == 0 else 1
    return _CountedPages(number_name, start_name, limit_name, first_number, find_default_page_size(schemas))


def _read_number(arguments: Mapping[str, Any], name: str, otherwise: int) -> int:
    value = arguments.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else otherwise


def _replace_at(value: Any, steps: list[str], replacement: Any) -> Any:
    """Returns a value with another one at a path of names; the value itself stays as it is."""
    if not steps:
        return replacement
    return {**value, steps[0]: _replace_at(value[steps[0]], steps[1:], replacement)}
