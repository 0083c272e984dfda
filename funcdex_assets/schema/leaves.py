"""A walk over the scalars that a schema promises.

>>> list(walk_leaves({"type": "object", "properties": {"to": {"type": "array", "items": {"type": "string"}}}}))
[Leaf(path='/to/*', name='to', owner='to', schema={'type': 'string'}, required=False, kind='', about='')]
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from funcdex_assets.schema.json_pointers import escape_step
from funcdex_assets.schema.references import resolve_schema
from funcdex_assets.schema.schema import Schema, schema_type
from funcdex_assets.schema.validation import MAX_DEPTH
from funcdex_assets.schema.words import split_words, to_singular


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


def walk_leaves(schema: Schema, root: Schema | None = None) -> Iterator[Leaf]:
    """Yields every scalar that a value of this schema can have, to a bounded depth."""
    root = root or schema
    top = Leaf("", "", "", resolve_schema(schema, root), True, _name_definition(schema), "")
    yield from _walk_part(top, root, 0)


def _walk_part(at: Leaf, root: Schema, depth: int) -> Iterator[Leaf]:
    """Yields the scalars within a part of the schema; `at` describes that part as if it were a scalar itself."""
    schema = at.schema
    kind = schema_type(schema)
    if depth > MAX_DEPTH:
        return
    if kind == "object":
        needed = set(schema.get("required", ()))
        for key, raw in schema.get("properties", {}).items():
            property_schema = resolve_schema(raw, root)
            of = schema_type(property_schema)
            owner = " ".join(to_singular(word) for word in split_words(key)) if of in ("object", "array") else at.owner
            path = f"{at.path}/{escape_step(key)}"
            inner = _name_definition(raw) if of == "object" else at.kind
            yield from _walk_part(
                Leaf(
                    path,
                    key,
                    owner,
                    property_schema,
                    at.required and key in needed,
                    inner,
                    _describe_part(raw, property_schema),
                ),
                root,
                depth + 1,
            )
    elif kind == "array":
        raw = schema.get("items", {})
        items = resolve_schema(raw, root)
        inner = _name_definition(raw) if schema_type(items) == "object" else at.kind
        about = _describe_part(raw, items) or at.about
        yield from _walk_part(
            Leaf(f"{at.path}/*", at.name, at.owner, items, at.required, inner, about), root, depth + 1
        )
    else:
        yield at


def _name_definition(raw: Any) -> str:
    """Returns the name of the definition that a schema refers to, else the schema's title, else ''."""
    if not isinstance(raw, Mapping):
        return ""
    reference = raw.get("$ref")
    if isinstance(reference, str):
        return reference.rpartition("/")[2]
    for key in ("allOf", "oneOf", "anyOf"):
        for option in raw.get(key) or ():
            if isinstance(option, Mapping) and "$ref" in option:
                return _name_definition(option)
    title = raw.get("title")
    return title if isinstance(title, str) else ""


def _describe_part(raw: Any, resolved: Schema) -> str:
    text = (raw.get("description") if isinstance(raw, Mapping) else None) or resolved.get("description")
    return text if isinstance(text, str) else ""
