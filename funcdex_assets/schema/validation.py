"""Validation of values under JSON Schema 2020-12, with validators that are compiled once per schema.

>>> find_violations({"type": "object", "properties": {"to": {"type": "string"}}}, {"to": 1})
['/to: 1 is not of type "string"']
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
    """Returns a compiled validator, cached by content.

    Raises:
        ValueError: the schema is not a valid JSON Schema.
    """
    cached = _by_identity.get(id(schema))
    if cached is not None and cached[0] is schema:
        return cached[1]
    if len(_by_identity) > _MOST_COMPILED:  # bounds memory; a process that compiled so many rarely needs them again
        _by_identity.clear()
        _validators.clear()
    key = msgspec.json.encode(schema)
    if key not in _validators:
        _validators[key] = prove_schema(schema)
    _by_identity[id(schema)] = (schema, _validators[key])
    return _validators[key]


def prove_schema(schema: Schema) -> jsonschema_rs.Draft202012Validator:
    """Like `compile_validator`, but caches nothing: for schemas by the ten thousand."""
    try:
        return jsonschema_rs.Draft202012Validator(dict(schema), validate_formats=True, retriever=_refuse_remote)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError) as error:
        raise ValueError(f"not a valid JSON Schema: {error.message if hasattr(error, 'message') else error}") from None


@lru_cache(4096)
def compile_pattern(pattern: str) -> jsonschema_rs.Draft202012Validator:
    """Compiles a validator of texts that match an ECMA regular expression, which Python's `re` reads differently."""
    return prove_schema({"type": "string", "pattern": pattern})


@lru_cache(10_000)
def is_pattern(pattern: str) -> bool:
    """Returns True if texts can be checked against the regular expression.

    >>> is_pattern("^[a-z]+$"), is_pattern("(")
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
    """Lists the violations of a schema in a value, as `pointer: message`; empty if the value is valid."""
    compiled = compile_validator(schema)
    if compiled.is_valid(value):
        return []
    return [
        f"{'/' + '/'.join(map(str, error.instance_path)) if error.instance_path else '(whole)'}: {error.message}"
        for error in compiled.iter_errors(value)
    ]


def extract_part(schema: Any, root: Schema) -> Schema:
    """Returns a part of `root` as a schema of its own, with the definitions that it refers to.

    >>> extract_part({"$ref": "#/$defs/a"}, {"$defs": {"a": {"items": {"$ref": "#/$defs/b"}}, "b": {}, "c": {}}})
    {'$ref': '#/$defs/a', '$defs': {'a': {'items': {'$ref': '#/$defs/b'}}, 'b': {}}}
    """
    if not isinstance(schema, Mapping):
        return {"not": {}} if schema is False else {}
    if schema is root:
        return root
    memo = find_root_memo(root)
    cached = memo.standalone.get(id(schema))
    if cached is None or cached[0] is not schema:
        cached = memo.standalone[id(schema)] = (schema, _add_definitions(schema, memo))
    return cached[1]


def is_valid_under(schema: Any, root: Schema, value: Any) -> bool:
    """Returns True if a value is valid under a part of `root`."""
    standalone = extract_part(schema, root)
    if (
        standalone is schema or standalone is root or not standalone
    ):  # without definitions: equal ones share a validator
        return compile_validator(standalone).is_valid(value)
    compiled = find_root_memo(root).compiled
    cached = compiled.get(id(standalone))
    if cached is None or cached[0] is not standalone:
        cached = compiled[id(standalone)] = (standalone, prove_schema(standalone))
    return cached[1].is_valid(value)


def _add_definitions(schema: Schema, memo: RootMemo) -> Schema:
    defined = memo.root.get("$defs") or {}
    needed_names: dict[str, None] = {}
    waiting = sorted(_list_definition_names(schema))
    while waiting:
        name = waiting.pop(0)
        if name not in defined:  # it leads to another place of the root: that comes along as a whole
            return {**_rewrite_references(schema), "$defs": {_WHOLE: _rewrite_references(memo.root)}}
        if name not in needed_names:
            needed_names[name] = None
            if name not in memo.links:
                memo.links[name] = frozenset(_list_definition_names(defined[name]))
            waiting += sorted(memo.links[name])
    if not needed_names:
        return (
            {key: keyword_value for key, keyword_value in schema.items() if key != "$defs"}
            if "$defs" in schema
            else schema
        )
    return {**schema, "$defs": {name: defined[name] for name in needed_names}}


def _list_definition_names(node: Any) -> set[str]:
    """Lists the definitions that a schema refers to; "" stands for a reference to any other place of the root."""
    names: set[str] = set()
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            reference = node.get("$ref")
            if isinstance(reference, str):
                steps = reference.split("/")
                is_definition = len(steps) > 2 and steps[:2] == ["#", "$defs"]
                names.add(unescape_step(steps[2]) if is_definition else "")
            waiting += [value for key, value in node.items() if isinstance(value, dict | list) and key != "$defs"]
        elif isinstance(node, list):
            waiting += [value for value in node if isinstance(value, dict | list)]
    return names


def _rewrite_references(node: Any) -> Any:
    """Rewrites every reference for a root that has become the definition `_WHOLE` itself."""
    if isinstance(node, list):
        return [_rewrite_references(value) for value in node]
    if not isinstance(node, dict):
        return node
    return {
        key: f"#/$defs/{_WHOLE}{value[1:]}"
        if key == "$ref" and isinstance(value, str) and value.startswith("#")
        else _rewrite_references(value)
        for key, value in node.items()
    }
