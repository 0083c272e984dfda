"""The one JSON Schema dialect (2020-12), compiled once per schema, and a walk over what a schema promises.

>>> list(leaves({"type": "object", "properties": {"to": {"type": "array", "items": {"type": "string"}}}}))
[Leaf(path='/to/*', name='to', owner='to', schema={'type': 'string'}, required=False, kind='', about='')]
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import jsonschema_rs
import msgspec

from funcdex_assets.schema.json_pointers import unescape_step
from funcdex_assets.schema.root_memo import RootMemo, find_root_memo
from funcdex_assets.schema.schema import Schema

MAX_DEPTH = 6
_validators: dict[bytes, jsonschema_rs.Draft202012Validator] = {}
_by_identity: dict[int, tuple[Schema, jsonschema_rs.Draft202012Validator]] = {}
_MOST_COMPILED = 50_000
_WHOLE = "whole"


def compile_validator(schema: Schema) -> jsonschema_rs.Draft202012Validator:
    """A compiled validator, cached by content.

    Raises:
        ValueError: the schema is not a valid JSON Schema.
    """
    known = _by_identity.get(id(schema))
    if known is not None and known[0] is schema:
        return known[1]
    if len(_by_identity) > _MOST_COMPILED:  # a process that has seen so many goes on to others
        _by_identity.clear()
        _validators.clear()
    key = msgspec.json.encode(schema)
    if key not in _validators:
        _validators[key] = prove_schema(schema)
    _by_identity[id(schema)] = (schema, _validators[key])
    return _validators[key]


def prove_schema(schema: Schema) -> jsonschema_rs.Draft202012Validator:
    """As `validator`, and nothing is kept: for schemas by the ten thousand."""
    try:
        return jsonschema_rs.Draft202012Validator(dict(schema), validate_formats=True, retriever=_refuse_remote)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError) as error:
        raise ValueError(f"not a valid JSON Schema: {error.message if hasattr(error, 'message') else error}") from None


@lru_cache(4096)
def compile_pattern(pattern: str) -> jsonschema_rs.Draft202012Validator:
    """A validator of the texts in which an ECMA regular expression is found, which Python's `re` reads otherwise."""
    return prove_schema({"type": "string", "pattern": pattern})


@lru_cache(10_000)
def is_pattern(pattern: str) -> bool:
    """Whether texts can be checked against a regular expression.

    >>> compiles("^[a-z]+$"), compiles("(")
    (True, False)
    """
    try:
        prove_schema({"pattern": pattern})
    except ValueError:
        return False
    return True


def _refuse_remote(uri: str) -> Any:
    raise ValueError(f"{uri} is outside of the document; put the definition under $defs")


def find_violations(schema: Schema, value: Any) -> list[str]:
    """What is wrong with a value, as `pointer: message`; empty when it is valid."""
    compiled = compile_validator(schema)
    if compiled.is_valid(value):
        return []
    return [
        f"{'/' + '/'.join(map(str, error.instance_path)) if error.instance_path else '(whole)'}: {error.message}"
        for error in compiled.iter_errors(value)
    ]


def extract_part(schema: Any, root: Schema) -> Schema:
    """A part of `root` as a schema of its own: with the definitions that it leads to.

    >>> part_of({"$ref": "#/$defs/a"}, {"$defs": {"a": {"items": {"$ref": "#/$defs/b"}}, "b": {}, "c": {}}})
    {'$ref': '#/$defs/a', '$defs': {'a': {'items': {'$ref': '#/$defs/b'}}, 'b': {}}}
    """
    if not isinstance(schema, Mapping):
        return {"not": {}} if schema is False else {}
    if schema is root:
        return root
    book = find_root_memo(root)
    known = book.whole.get(id(schema))
    if known is None or known[0] is not schema:
        known = book.whole[id(schema)] = (schema, _with_definitions(schema, book))
    return known[1]


def is_valid_under(schema: Any, root: Schema, value: Any) -> bool:
    """Whether a value is valid under a part of `root`."""
    part = extract_part(schema, root)
    if part is schema or part is root or not part:  # without definitions: equal ones share a validator
        return compile_validator(part).is_valid(value)
    compiled = find_root_memo(root).compiled
    known = compiled.get(id(part))
    if known is None or known[0] is not part:
        known = compiled[id(part)] = (part, prove_schema(part))
    return known[1].is_valid(value)


def _with_definitions(schema: Schema, book: RootMemo) -> Schema:
    defined = book.root.get("$defs") or {}
    found: dict[str, None] = {}
    waiting = sorted(_list_definition_names(schema))
    while waiting:
        name = waiting.pop(0)
        if name not in defined:  # it leads to another place of the root: that comes along as a whole
            return {**_rewrite_references(schema), "$defs": {_WHOLE: _rewrite_references(book.root)}}
        if name not in found:
            found[name] = None
            if name not in book.links:
                book.links[name] = frozenset(_list_definition_names(defined[name]))
            waiting += sorted(book.links[name])
    if not found:
        return {key: part for key, part in schema.items() if key != "$defs"} if "$defs" in schema else schema
    return {**schema, "$defs": {name: defined[name] for name in found}}


def _list_definition_names(part: Any) -> set[str]:
    """The definitions that a schema names; "" stands for any other place."""
    found: set[str] = set()
    waiting = [part]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            reference = part.get("$ref")
            if isinstance(reference, str):
                steps = reference.split("/")
                is_definition = len(steps) > 2 and steps[:2] == ["#", "$defs"]
                found.add(unescape_step(steps[2]) if is_definition else "")
            waiting += [value for key, value in part.items() if isinstance(value, dict | list) and key != "$defs"]
        elif isinstance(part, list):
            waiting += [value for value in part if isinstance(value, dict | list)]
    return found


def _rewrite_references(part: Any) -> Any:
    """With every reference to where the root is, once it is a definition itself."""
    if isinstance(part, list):
        return [_rewrite_references(value) for value in part]
    if not isinstance(part, dict):
        return part
    return {
        key: f"#/$defs/{_WHOLE}{value[1:]}"
        if key == "$ref" and isinstance(value, str) and value.startswith("#")
        else _rewrite_references(value)
        for key, value in part.items()
    }
