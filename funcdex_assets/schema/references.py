"""Resolving a schema's own references and compositions: `$ref`, `allOf`, `anyOf`, `oneOf`.

>>> resolve({"$ref": "#/$defs/id"}, {"$defs": {"id": {"type": "string"}}})
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


def resolve_schema(schema: Schema, root: Schema) -> Schema:
    """The schema without references and choices at its top; of a choice the first that is not null.

    What stands beside a reference holds too. The same schema gives the same object, as long as its root is in use.
    """
    if type(schema) is dict and _COMPOSED.isdisjoint(schema):
        return schema
    if not isinstance(schema, Mapping):  # `true` allows anything
        return {}
    book = find_root_memo(root)
    known = book.resolved.get(id(schema))
    if known is None or known[0] is not schema:
        known = book.resolved[id(schema)] = (schema, next(list_alternatives(schema, root), {}))
    return known[1]


def list_alternatives(schema: Any, root: Schema, depth: int = 0) -> Iterator[Schema]:
    """What `resolve` could give, once for each way through the choices; null comes last."""
    if not isinstance(schema, Mapping):
        if schema is not False:
            yield {}
    elif depth > _MOST_STEPS:  # a definition that stands for nothing but itself
        yield {}
    elif "$ref" in schema:
        target = _find_target(schema["$ref"], root)
        beside = {key: part for key, part in schema.items() if key not in ("$ref", "$defs")}
        yield from list_alternatives(
            join_schemas(beside, target) if isinstance(target, Mapping) else target, root, depth + 1
        )
    elif "allOf" in schema:
        whole: Schema = {key: part for key, part in schema.items() if key != "allOf"}
        for part in reversed(schema["allOf"]):
            if part is False:
                return
            if isinstance(part, Mapping):
                whole = join_schemas(whole, part)
        yield from list_alternatives(whole, root, depth + 1)
    elif keyword := "oneOf" if "oneOf" in schema else "anyOf" if "anyOf" in schema else "":
        beside = {key: part for key, part in schema.items() if key != keyword}
        options = [option for option in schema[keyword] if isinstance(option, Mapping)] or [{}]
        for option in sorted(options, key=_is_null):
            yield from list_alternatives(join_schemas(beside, option), root, depth + 1)
    else:
        yield schema


def join_schemas(own: Schema, other: Schema) -> Schema:
    """One schema for what two say of the same value; where they cannot both be right, `own` is believed."""
    if not own or not other:
        return own or other
    both: dict[str, Any] = {**other, **own}
    for key in [key for key in own if key in other]:
        one, two = own[key], other[key]
        if one is two or one == two:
            continue
        if key in ("required", "allOf"):
            both[key] = [*two, *(part for part in one if part not in two)]
        elif key == "properties":
            both[key] = {
                **two,
                **{name: _join_parts(part, two[name]) if name in two else part for name, part in one.items()},
            }
        elif key in ("items", "additionalProperties"):
            both[key] = _join_parts(one, two)
        elif key == "enum":
            both[key] = [option for option in one if option in two] or one
        elif key == "type":
            both[key] = _common_type(one, two)
        elif key in _AT_LEAST:
            both[key] = max(one, two)
        elif key in _AT_MOST:
            both[key] = min(one, two)
        elif key in _COMPOSED:
            both["allOf"] = [*both.get("allOf", ()), {key: two}]
    for closed, open_ in ((own, other), (other, own)):
        if closed.get("additionalProperties") is False and "properties" in open_:
            allowed = {*closed.get("properties", ()), *both.get("required", ())}
            both["properties"] = {name: part for name, part in both["properties"].items() if name in allowed}
    return both


def _join_parts(one: Any, two: Any) -> Any:
    if not isinstance(one, Mapping) or not isinstance(two, Mapping):
        return False if one is False or two is False else one if isinstance(one, Mapping) else two
    if one == two:
        return one
    simple = _COMPOSED.isdisjoint(one) and _COMPOSED.isdisjoint(two)
    return join_schemas(one, two) if simple else {"allOf": [two, one]}


def _common_type(one: Any, two: Any) -> Any:
    ones, twos = (part if isinstance(part, list) else [part] for part in (one, two))
    common = [kind for kind in ones if kind in twos or (kind == "integer" and "number" in twos)]
    common += [kind for kind in twos if kind == "integer" and "number" in ones and kind not in ones]
    return common[0] if len(common) == 1 else common or one


def _is_null(schema: Schema) -> bool:
    return schema.get("type") == "null" or schema.get("enum") == [None] or schema.get("const", "") is None


def _find_target(reference: Any, root: Schema) -> Any:
    pointer = str(reference).removeprefix("#")
    return at_pointer(root, pointer) if pointer.startswith("/") or not pointer else {}


def schema_at(root: Schema, pointer: str) -> Schema | None:
    """What holds for the value at a JSON pointer, resolved; None where the schema does not say."""
    found = raw_at(root, pointer)
    return resolve_schema(found, root) if isinstance(found, Mapping) else None


def raw_at(root: Schema, pointer: str) -> Any:
    """As `schema_at`, with the references and choices that are at the place itself."""
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
