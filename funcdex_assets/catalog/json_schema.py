"""The one JSON Schema dialect (2020-12), compiled once per schema, and a walk over what a schema promises.

>>> list(leaves({"type": "object", "properties": {"to": {"type": "array", "items": {"type": "string"}}}}))
[Leaf(path='/to/*', name='to', owner='to', schema={'type': 'string'}, required=False, kind='', about='')]
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import jsonschema_rs
import msgspec

from funcdex_assets.catalog.names import singular, words

Schema = Mapping[str, Any]
MAX_DEPTH = 6
_COMPOSED = frozenset(["$ref", "oneOf", "anyOf", "allOf"])

_validators: dict[bytes, jsonschema_rs.Draft202012Validator] = {}
_by_identity: dict[int, tuple[Schema, jsonschema_rs.Draft202012Validator]] = {}
_AT_LEAST = frozenset("minimum exclusiveMinimum minLength minItems minProperties".split())
_AT_MOST = frozenset("maximum exclusiveMaximum maxLength maxItems maxProperties".split())
_MOST_STEPS = 40
_MOST_BOOKS = 512
_MOST_COMPILED = 50_000
_WHOLE = "whole"
_books: dict[int, "_Book"] = {}


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
    if len(_by_identity) > _MOST_COMPILED:  # a process that has seen so many goes on to others
        _by_identity.clear()
        _validators.clear()
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


@lru_cache(4096)
def matcher(pattern: str) -> jsonschema_rs.Draft202012Validator:
    """A validator of the texts in which an ECMA regular expression is found, which Python's `re` reads otherwise."""
    return prove({"type": "string", "pattern": pattern})


@lru_cache(10_000)
def compiles(pattern: str) -> bool:
    """Whether texts can be checked against a regular expression.

    >>> compiles("^[a-z]+$"), compiles("(")
    (True, False)
    """
    try:
        prove({"pattern": pattern})
    except ValueError:
        return False
    return True


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
    """The schema without references and choices at its top; of a choice the first that is not null.

    What stands beside a reference holds too. The same schema gives the same object, as long as its root is in use.
    """
    if type(schema) is dict and _COMPOSED.isdisjoint(schema):
        return schema
    if not isinstance(schema, Mapping):  # `true` allows anything
        return {}
    book = _book_of(root)
    known = book.resolved.get(id(schema))
    if known is None or known[0] is not schema:
        known = book.resolved[id(schema)] = (schema, next(alternatives(schema, root), {}))
    return known[1]


def alternatives(schema: Any, root: Schema, depth: int = 0) -> Iterator[Schema]:
    """What `resolve` could give, once for each way through the choices; null comes last."""
    if not isinstance(schema, Mapping):
        if schema is not False:
            yield {}
    elif depth > _MOST_STEPS:  # a definition that stands for nothing but itself
        yield {}
    elif "$ref" in schema:
        target = _target(schema["$ref"], root)
        beside = {key: part for key, part in schema.items() if key not in ("$ref", "$defs")}
        yield from alternatives(joined(beside, target) if isinstance(target, Mapping) else target, root, depth + 1)
    elif "allOf" in schema:
        whole: Schema = {key: part for key, part in schema.items() if key != "allOf"}
        for part in reversed(schema["allOf"]):
            if part is False:
                return
            if isinstance(part, Mapping):
                whole = joined(whole, part)
        yield from alternatives(whole, root, depth + 1)
    elif keyword := "oneOf" if "oneOf" in schema else "anyOf" if "anyOf" in schema else "":
        beside = {key: part for key, part in schema.items() if key != keyword}
        options = [option for option in schema[keyword] if isinstance(option, Mapping)] or [{}]
        for option in sorted(options, key=_is_null):
            yield from alternatives(joined(beside, option), root, depth + 1)
    else:
        yield schema


def joined(own: Schema, other: Schema) -> Schema:
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
            both[key] = {**two, **{name: _both(part, two[name]) if name in two else part for name, part in one.items()}}
        elif key in ("items", "additionalProperties"):
            both[key] = _both(one, two)
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


def _both(one: Any, two: Any) -> Any:
    if not isinstance(one, Mapping) or not isinstance(two, Mapping):
        return False if one is False or two is False else one if isinstance(one, Mapping) else two
    if one == two:
        return one
    simple = _COMPOSED.isdisjoint(one) and _COMPOSED.isdisjoint(two)
    return joined(one, two) if simple else {"allOf": [two, one]}


def _common_type(one: Any, two: Any) -> Any:
    ones, twos = (part if isinstance(part, list) else [part] for part in (one, two))
    common = [kind for kind in ones if kind in twos or (kind == "integer" and "number" in twos)]
    common += [kind for kind in twos if kind == "integer" and "number" in ones and kind not in ones]
    return common[0] if len(common) == 1 else common or one


def _is_null(schema: Schema) -> bool:
    return schema.get("type") == "null" or schema.get("enum") == [None] or schema.get("const", "") is None


def _target(reference: Any, root: Schema) -> Any:
    pointer = str(reference).removeprefix("#")
    return at_pointer(root, pointer) if pointer.startswith("/") or not pointer else {}


# ── parts ────────────────────────────────────────────────────────────────────────────────────


class _Book:
    """What was found out about the parts of one schema, by identity; the parts are kept, so their ids stay theirs."""

    def __init__(self, root: Schema) -> None:
        self.root = root
        self.resolved: dict[int, tuple[Schema, Schema]] = {}
        self.whole: dict[int, tuple[Schema, Schema]] = {}
        self.compiled: dict[int, tuple[Schema, jsonschema_rs.Draft202012Validator]] = {}
        self.links: dict[str, frozenset[str]] = {}


def _book_of(root: Schema) -> _Book:
    book = _books.get(id(root))
    if book is None or book.root is not root:
        while len(_books) >= _MOST_BOOKS:
            del _books[next(iter(_books))]
        book = _books[id(root)] = _Book(root)
    return book


def part_of(schema: Any, root: Schema) -> Schema:
    """A part of `root` as a schema of its own: with the definitions that it leads to.

    >>> part_of({"$ref": "#/$defs/a"}, {"$defs": {"a": {"items": {"$ref": "#/$defs/b"}}, "b": {}, "c": {}}})
    {'$ref': '#/$defs/a', '$defs': {'a': {'items': {'$ref': '#/$defs/b'}}, 'b': {}}}
    """
    if not isinstance(schema, Mapping):
        return {"not": {}} if schema is False else {}
    if schema is root:
        return root
    book = _book_of(root)
    known = book.whole.get(id(schema))
    if known is None or known[0] is not schema:
        known = book.whole[id(schema)] = (schema, _with_definitions(schema, book))
    return known[1]


def fits(schema: Any, root: Schema, value: Any) -> bool:
    """Whether a value is valid under a part of `root`."""
    part = part_of(schema, root)
    if part is schema or part is root or not part:  # without definitions: equal ones share a validator
        return validator(part).is_valid(value)
    compiled = _book_of(root).compiled
    known = compiled.get(id(part))
    if known is None or known[0] is not part:
        known = compiled[id(part)] = (part, prove(part))
    return known[1].is_valid(value)


def _with_definitions(schema: Schema, book: _Book) -> Schema:
    defined = book.root.get("$defs") or {}
    found: dict[str, None] = {}
    waiting = sorted(_names(schema))
    while waiting:
        name = waiting.pop(0)
        if name not in defined:  # it leads to another place of the root: that comes along as a whole
            return {**_moved(schema), "$defs": {_WHOLE: _moved(book.root)}}
        if name not in found:
            found[name] = None
            if name not in book.links:
                book.links[name] = frozenset(_names(defined[name]))
            waiting += sorted(book.links[name])
    if not found:
        return {key: part for key, part in schema.items() if key != "$defs"} if "$defs" in schema else schema
    return {**schema, "$defs": {name: defined[name] for name in found}}


def _names(part: Any) -> set[str]:
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
                found.add(unescaped(steps[2]) if is_definition else "")
            waiting += [value for key, value in part.items() if isinstance(value, dict | list) and key != "$defs"]
        elif isinstance(part, list):
            waiting += [value for value in part if isinstance(value, dict | list)]
    return found


def _moved(part: Any) -> Any:
    """With every reference to where the root is, once it is a definition itself."""
    if isinstance(part, list):
        return [_moved(value) for value in part]
    if not isinstance(part, dict):
        return part
    return {
        key: f"#/$defs/{_WHOLE}{value[1:]}"
        if key == "$ref" and isinstance(value, str) and value.startswith("#")
        else _moved(value)
        for key, value in part.items()
    }


def schema_at(root: Schema, pointer: str) -> Schema | None:
    """What holds for the value at a JSON pointer, resolved; None where the schema does not say."""
    found = raw_at(root, pointer)
    return resolve(found, root) if isinstance(found, Mapping) else None


def raw_at(root: Schema, pointer: str) -> Any:
    """As `schema_at`, with the references and choices that are at the place itself."""
    schema: Any = root
    for step in pointer.split("/")[1:]:
        schema = resolve(schema, root)
        if schema_type(schema) == "array" and (step == "*" or step.isdigit()):
            first, index = schema.get("prefixItems") or (), 0 if step == "*" else int(step)
            schema = first[index] if index < len(first) else schema.get("items")
        else:
            step = unescaped(step)
            schema = schema.get("properties", {}).get(step, schema.get("additionalProperties"))
        if not isinstance(schema, Mapping):
            return schema
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
            path = f"{at.path}/{escaped(key)}"
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


def escaped(name: str) -> str:
    """A property's name as a step of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def unescaped(step: str) -> str:
    """The property's name that a step of a JSON pointer stands for."""
    return step.replace("~1", "/").replace("~0", "~")


def at_pointer(value: Any, pointer: str) -> Any:
    """The value at a JSON pointer in which `*` means the first array item; None when there is none."""
    for step in pointer.split("/")[1:]:
        step = unescaped(step)
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
    steps = [unescaped(step) for step in pointer.split("/")[1:]]
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
    if not (value and isinstance(value, dict | list)):
        return [("", value)]
    found: list[tuple[str, Any]] = []
    _collect(value, "", found)
    return found


def _collect(value: dict[str, Any] | list[Any], pointer: str, found: list[tuple[str, Any]]) -> None:
    for step, part in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(step, str) and ("/" in step or "~" in step):
            step = escaped(step)
        if part and isinstance(part, dict | list):
            _collect(part, f"{pointer}/{step}", found)
        else:
            found.append((f"{pointer}/{step}", part))
