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
    cached = _by_identity.get(id(schema))
    if cached is not None and cached[0] is schema:
        return cached[1]
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
    memo = find_root_memo(root)
    cached = memo.standalone.get(id(schema))
    if cached is None or cached[0] is not schema:
        cached = memo.standalone[id(schema)] = (schema, _add_definitions(schema, memo))
    return cached[1]


def is_valid_under(schema: Any, root: Schema, value: Any) -> bool:
    """Whether a value is valid under a part of `root`."""
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
    """The definitions that a schema names; "" stands for any other place."""
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
    """With every reference to where the root is, once it is a definition itself."""
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
