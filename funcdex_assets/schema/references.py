"""Resolving a schema's own references and compositions: `$ref`, `allOf`, `anyOf`, `oneOf`.

>>> resolve_schema({"$ref": "#/$defs/id"}, {"$defs": {"id": {"type": "string"}}})
{'type': 'string'}
"""

from collections.abc import Iterator, Mapping
from typing import Any

from funcdex_assets.schema.json_pointers import at_pointer, unescape_step
from funcdex_assets.schema.root_memo import find_root_memo
from funcdex_assets.schema.schema import Schema, schema_type

_COMPOSED = frozenset(["$ref", "oneOf", "anyOf", "allOf"])
_AT_LEAST = frozenset("minimum exclusiveMinimum minLength minItems minProperties".split())
_AT_MOST = frozenset("maximum exclusiveMaximum maxLength maxItems maxProperties".split())
_MOST_STEPS = 40
"""Resolution ends after so many references: a definition may refer to nothing but itself."""


def resolve_schema(schema: Schema, root: Schema) -> Schema:
    """Returns the schema without references and choices at its top; of a choice the first that is not null.

    Keywords beside a reference hold too. The same schema gives the same object as long as its root is in use.
    """
    if type(schema) is dict and _COMPOSED.isdisjoint(schema):
        return schema
    if not isinstance(schema, Mapping):  # `true` allows anything
        return {}
    memo = find_root_memo(root)
    cached = memo.resolved.get(id(schema))
    if cached is None or cached[0] is not schema:
        cached = memo.resolved[id(schema)] = (schema, next(list_alternatives(schema, root), {}))
    return cached[1]


def list_alternatives(schema: Any, root: Schema, depth: int = 0) -> Iterator[Schema]:
    """Yields the schemas that `resolve_schema` chooses from, one for each way through the choices; null comes last."""
    if not isinstance(schema, Mapping):
        if schema is not False:
            yield {}
    elif depth > _MOST_STEPS:  # a definition that stands for nothing but itself
        yield {}
    elif "$ref" in schema:
        target = _find_target(schema["$ref"], root)
        siblings = {key: keyword_value for key, keyword_value in schema.items() if key not in ("$ref", "$defs")}
        yield from list_alternatives(
            join_schemas(siblings, target) if isinstance(target, Mapping) else target, root, depth + 1
        )
    elif "allOf" in schema:
        combined: Schema = {key: keyword_value for key, keyword_value in schema.items() if key != "allOf"}
        for branch in reversed(schema["allOf"]):
            if branch is False:
                return
            if isinstance(branch, Mapping):
                combined = join_schemas(combined, branch)
        yield from list_alternatives(combined, root, depth + 1)
    elif "oneOf" in schema or "anyOf" in schema:
        keyword = "oneOf" if "oneOf" in schema else "anyOf"
        siblings = {key: keyword_value for key, keyword_value in schema.items() if key != keyword}
        options = [option for option in schema[keyword] if isinstance(option, Mapping)] or [{}]
        for option in sorted(options, key=_is_null):
            yield from list_alternatives(join_schemas(siblings, option), root, depth + 1)
    else:
        yield schema


def join_schemas(preferred: Schema, fallback: Schema) -> Schema:
    """Joins two schemas of the same value into one; where they contradict each other, `preferred` holds."""
    if not preferred or not fallback:
        return preferred or fallback
    joined: dict[str, Any] = {**fallback, **preferred}
    for key in [key for key in preferred if key in fallback]:
        preferred_value, fallback_value = preferred[key], fallback[key]
        if preferred_value is fallback_value or preferred_value == fallback_value:
            continue
        if key in ("required", "allOf"):
            joined[key] = [*fallback_value, *(item for item in preferred_value if item not in fallback_value)]
        elif key == "properties":
            joined[key] = {
                **fallback_value,
                **{
                    name: _join_parts(property_schema, fallback_value[name])
                    if name in fallback_value
                    else property_schema
                    for name, property_schema in preferred_value.items()
                },
            }
        elif key in ("items", "additionalProperties"):
            joined[key] = _join_parts(preferred_value, fallback_value)
        elif key == "enum":
            joined[key] = [option for option in preferred_value if option in fallback_value] or preferred_value
        elif key == "type":
            joined[key] = _common_type(preferred_value, fallback_value)
        elif key in _AT_LEAST:
            joined[key] = max(preferred_value, fallback_value)
        elif key in _AT_MOST:
            joined[key] = min(preferred_value, fallback_value)
        elif key in _COMPOSED:
            joined["allOf"] = [*joined.get("allOf", ()), {key: fallback_value}]
    for closed, open_ in ((preferred, fallback), (fallback, preferred)):
        if closed.get("additionalProperties") is False and "properties" in open_:
            allowed = {*closed.get("properties", ()), *joined.get("required", ())}
            joined["properties"] = {
                name: property_schema for name, property_schema in joined["properties"].items() if name in allowed
            }
    return joined


def _join_parts(preferred: Any, fallback: Any) -> Any:
    if not isinstance(preferred, Mapping) or not isinstance(fallback, Mapping):
        if preferred is False or fallback is False:
            return False
        return preferred if isinstance(preferred, Mapping) else fallback
    if preferred == fallback:
        return preferred
    simple = _COMPOSED.isdisjoint(preferred) and _COMPOSED.isdisjoint(fallback)
    return join_schemas(preferred, fallback) if simple else {"allOf": [fallback, preferred]}


def _common_type(preferred: Any, fallback: Any) -> Any:
    preferred_types, fallback_types = (
        declared if isinstance(declared, list) else [declared] for declared in (preferred, fallback)
    )
    common = [
        kind for kind in preferred_types if kind in fallback_types or (kind == "integer" and "number" in fallback_types)
    ]
    common += [
        kind
        for kind in fallback_types
        if kind == "integer" and "number" in preferred_types and kind not in preferred_types
    ]
    return common[0] if len(common) == 1 else common or preferred


def _is_null(schema: Schema) -> bool:
    return schema.get("type") == "null" or schema.get("enum") == [None] or schema.get("const", "") is None


def _find_target(reference: Any, root: Schema) -> Any:
    pointer = str(reference).removeprefix("#")
    return at_pointer(root, pointer) if pointer.startswith("/") or not pointer else {}


def schema_at(root: Schema, pointer: str) -> Schema | None:
    """Returns the resolved schema of the value at a JSON pointer; None if the root does not describe that value."""
    schema = raw_at(root, pointer)
    return resolve_schema(schema, root) if isinstance(schema, Mapping) else None


def raw_at(root: Schema, pointer: str) -> Any:
    """Like `schema_at`, but keeps the references and choices at the top of the schema found."""
    schema: Any = root
    for step in pointer.split("/")[1:]:
        schema = resolve_schema(schema, root)
        if schema_type(schema) == "array" and (step == "*" or step.isdigit()):
            first, index = schema.get("prefixItems") or (), 0 if step == "*" else int(step)
            schema = first[index] if index < len(first) else schema.get("items")
        else:
            step = unescape_step(step)
            schema = schema.get("properties", {}).get(step, schema.get("additionalProperties"))
        if not isinstance(schema, Mapping):
            return schema
    return schema


def is_required_at(root: Schema, pointer: str) -> bool:
    """Returns whether every value of the schema must have something at a JSON pointer: each property on the way is
    required, and of an array the first item is meant.
    """
    schema: Any = root
    for step in pointer.split("/")[1:]:
        schema = resolve_schema(schema, root)  # without references at its top, so that the step can be looked up in it
        is_item = schema_type(schema) == "array" and (step == "*" or step.isdigit())
        if (is_item and step not in ("*", "0")) or (
            not is_item and unescape_step(step) not in schema.get("required", ())
        ):
            return False
        schema = raw_at(schema, f"/{step}")
    return True
