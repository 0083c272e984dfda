"""The one JSON Schema dialect (2020-12), compiled once per schema, and a walk over what a schema promises.

>>> list(leaves({"type": "object", "properties": {"to": {"type": "array", "items": {"type": "string"}}}}))
[Leaf(path='/to/*', name='to', owner='to', schema={'type': 'string'}, required=False, kind='', about='')]
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import jsonschema_rs
import msgspec

from funcdex_assets.catalog.names import singular, words

Schema = Mapping[str, Any]
MAX_DEPTH = 6
_COMPOSED = frozenset(["$ref", "oneOf", "anyOf", "allOf"])

_validators: dict[bytes, jsonschema_rs.Draft202012Validator] = {}
_by_identity: dict[int, tuple[Schema, jsonschema_rs.Draft202012Validator]] = {}
_leaves_by_identity: dict[int, tuple[Schema, "Mapping[str, Leaf]"]] = {}


class Leaf(NamedTuple):
    """A scalar in a schema: `path` is a JSON pointer with `*` for array items, `name` the property it
    is under, `owner` the singular noun of the object it belongs to ('' at the top), `kind` the name of that object's
    definition, `about` its description, which for an array's items may be the array's.
    """

    path: str
    name: str
    owner: str
    schema: Schema
    required: bool
    kind: str = ""
    about: str = ""


def validator(schema: Schema) -> jsonschema_rs.Draft202012Validator:
    """A compiled validator, cached by content.

    Raises:
        ValueError: the schema is not a valid JSON Schema.
    """
    known = _by_identity.get(id(schema))
    if known is not None and known[0] is schema:
        return known[1]
    key = msgspec.json.encode(schema)
    if key not in _validators:
        _validators[key] = prove(schema)
    _by_identity[id(schema)] = (schema, _validators[key])
    return _validators[key]


def prove(schema: Schema) -> jsonschema_rs.Draft202012Validator:
    """As `validator`, and nothing is kept: for schemas by the ten thousand."""
    try:
        return jsonschema_rs.Draft202012Validator(dict(schema), validate_formats=True, retriever=_refuse_remote)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError) as error:
        raise ValueError(f"not a valid JSON Schema: {error.message if hasattr(error, 'message') else error}") from None


def _refuse_remote(uri: str) -> Any:
    raise ValueError(f"{uri} is outside of the document; put the definition under $defs")


def problems(schema: Schema, value: Any) -> list[str]:
    """What is wrong with a value, as `pointer: message`; empty when it is valid."""
    compiled = validator(schema)
    if compiled.is_valid(value):
        return []
    return [
        f"{'/' + '/'.join(map(str, error.instance_path)) if error.instance_path else '(whole)'}: {error.message}"
        for error in compiled.iter_errors(value)
    ]


def schema_type(schema: Schema) -> str:
    """The one type that values are made of: the first that is not null; guessed where it is not said."""
    declared = schema.get("type")
    if isinstance(declared, list):
        declared = next((part for part in declared if part != "null"), "string")
    if declared:
        return declared
    if "properties" in schema:
        return "object"
    if "items" in schema:
        return "array"
    return "string"


def resolve(schema: Schema, root: Schema) -> Schema:
    """Follows local `$ref`s and takes the first branch of a choice."""
    if type(schema) is dict and _COMPOSED.isdisjoint(schema):
        return schema
    for _ in range(8):
        if not isinstance(schema, Mapping):  # `true` allows anything
            return {}
        if "$ref" in schema:
            pointer = str(schema["$ref"]).removeprefix("#")
            schema = (at_pointer(root, pointer) or {}) if pointer.startswith("/") or not pointer else {}
        elif choice := schema.get("oneOf") or schema.get("anyOf"):
            choice = [part for part in choice if isinstance(part, Mapping)] or [{}]
            branch = next((part for part in choice if part.get("type") != "null"), choice[0])
            schema = {
                **{key: part for key, part in schema.items() if key not in ("oneOf", "anyOf")},
                **branch,
            }
        elif "allOf" in schema:
            merged: dict[str, Any] = {key: part for key, part in schema.items() if key != "allOf"}
            for part in schema["allOf"]:
                part = resolve(part, root)
                merged["properties"] = {**part.get("properties", {}), **merged.get("properties", {})}
                merged["required"] = [*merged.get("required", ()), *part.get("required", ())]
                merged = {**part, **merged}
            schema = merged
        else:
            break
    return schema


def leaves(schema: Schema, root: Schema | None = None) -> Iterator[Leaf]:
    """Every scalar that a value of this schema can have, to a bounded depth."""
    root = root or schema
    top = Leaf("", "", "", resolve(schema, root), True, _kind(schema), "")
    yield from _leaves(top, root, 0)


def _leaves(at: Leaf, root: Schema, depth: int) -> Iterator[Leaf]:
    """What is within a place of the schema, which is described as if it were a scalar."""
    schema = at.schema
    kind = schema_type(schema)
    if depth > MAX_DEPTH:
        return
    if kind == "object":
        needed = set(schema.get("required", ()))
        for key, raw in schema.get("properties", {}).items():
            part = resolve(raw, root)
            of = schema_type(part)
            owner = " ".join(singular(word) for word in words(key)) if of in ("object", "array") else at.owner
            path = f"{at.path}/{key.replace('~', '~0').replace('/', '~1')}"
            inner = _kind(raw) if of == "object" else at.kind
            yield from _leaves(
                Leaf(path, key, owner, part, at.required and key in needed, inner, _about(raw, part)), root, depth + 1
            )
    elif kind == "array":
        raw = schema.get("items", {})
        items = resolve(raw, root)
        inner = _kind(raw) if schema_type(items) == "object" else at.kind
        about = _about(raw, items) or at.about
        yield from _leaves(Leaf(f"{at.path}/*", at.name, at.owner, items, at.required, inner, about), root, depth + 1)
    else:
        yield at


def _kind(raw: Any) -> str:
    """The name of the definition that a schema stands for; '' for one that stands for itself and has no title."""
    if not isinstance(raw, Mapping):
        return ""
    if isinstance(reference := raw.get("$ref"), str):
        return reference.rpartition("/")[2]
    for key in ("allOf", "oneOf", "anyOf"):
        for part in raw.get(key) or ():
            if isinstance(part, Mapping) and "$ref" in part:
                return _kind(part)
    title = raw.get("title")
    return title if isinstance(title, str) else ""


def _about(raw: Any, part: Schema) -> str:
    text = (raw.get("description") if isinstance(raw, Mapping) else None) or part.get("description")
    return text if isinstance(text, str) else ""


def leaf_at(schema: Schema, pointer: str) -> Leaf | None:
    """The scalar of a schema that the value at a JSON pointer is an instance of; None when it has none."""
    known = _leaves_by_identity.get(id(schema))
    if known is None or known[0] is not schema:  # the schema is kept, so its id stays its own
        known = _leaves_by_identity[id(schema)] = (schema, {leaf.path: leaf for leaf in leaves(schema)})
    return known[1].get("/".join("*" if step.isdigit() else step for step in pointer.split("/")))


def at_pointer(value: Any, pointer: str) -> Any:
    """The value at a JSON pointer in which `*` means the first array item; None when there is none."""
    for step in pointer.split("/")[1:]:
        step = step.replace("~1", "/").replace("~0", "~")
        if isinstance(value, list):
            index = 0 if step == "*" else int(step) if step.isdigit() else len(value)
            value = value[index] if index < len(value) else None
        elif isinstance(value, dict):
            value = value.get(step)
        else:
            return None
    return value


def put_pointer(target: dict[str, Any], pointer: str, value: Any) -> None:
    """Sets a value, making objects and arrays on the way: numeric steps and `*` address arrays."""
    steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
    node: Any = target
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        fresh: Any = value if following is None else [] if following == "*" or following.isdigit() else {}
        if isinstance(node, list):
            index = 0 if step == "*" else int(step)
            while len(node) <= index:
                node.append(fresh)
            if following is None:
                node[index] = fresh
            node = node[index]
        elif following is None:
            node[step] = fresh
        else:
            node = node.setdefault(step, fresh)


def scalars(value: Any) -> list[tuple[str, Any]]:
    """Every scalar in a JSON value with its pointer; empty containers count as scalars."""
    found: list[tuple[str, Any]] = []
    _collect(value, "", found)
    return found


def _collect(value: Any, pointer: str, found: list[tuple[str, Any]]) -> None:
    if value and isinstance(value, dict):
        for key, part in value.items():
            escaped = key.replace("~", "~0").replace("/", "~1") if "/" in key or "~" in key else key
            _collect(part, f"{pointer}/{escaped}", found)
    elif value and isinstance(value, list):
        for index, part in enumerate(value):
            _collect(part, f"{pointer}/{index}", found)
    else:
        found.append((pointer, value))
