"""Mends JSON Schemas as people and programs write them into valid ones of the dialect 2020-12.

Here belongs the repair of schemas of unknown quality, whatever document they come in: types in capitals or of other
languages (`STRING`, `dict`), older drafts (`definitions`, `nullable`, `exclusiveMinimum: true`, lists of items),
`required: true` beside a property, references to anywhere within the document. Unknown keywords are left out. Schemas
of OpenAPI documents, which share definitions, are converted in `dialect`.

>>> mend_arguments({"type": "OBJECT", "properties": {"city": {"type": "STRING", "required": True}}}).schema
{'type': 'object', 'properties': {'city': {'type': 'string'}}, 'required': ['city'], 'additionalProperties': False}
"""

import html
import re
from collections.abc import Iterable, Iterator, Mapping
from math import isfinite
from typing import Any, NamedTuple
from urllib.parse import unquote

from funcdex_assets.schema.json_pointers import unescape_step
from funcdex_assets.schema.validation import is_pattern

MOST_PARTS = 50_000
DEEPEST = 40
LONGEST_TEXT = 8000

_TYPES: dict[str, dict[str, Any]] = {
    word: schema
    for words, schema in (
        ("string str text char varchar enum password geopoint time", {"type": "string"}),
        ("integer int long short bigint int32 int64", {"type": "integer"}),
        ("number float double decimal numeric", {"type": "number"}),
        ("boolean bool", {"type": "boolean"}),
        ("array list tuple set", {"type": "array"}),
        ("object dict map hashmap json struct record", {"type": "object"}),
        ("null none nil nonetype", {"type": "null"}),
        ("file binary bytes blob", {"type": "string", "contentEncoding": "base64"}),
        ("datetime date-time", {"type": "string", "format": "date-time"}),
        ("date", {"type": "string", "format": "date"}),
        ("url uri", {"type": "string", "format": "uri"}),
        ("email", {"type": "string", "format": "email"}),
        ("uuid guid", {"type": "string", "format": "uuid"}),
        ("any", {}),
    )
    for word in words.split()
}
_TYPE_WORD = re.compile(r"\W{0,9}([A-Za-z][A-Za-z0-9]{0,15}(?:-time)?)")
_TEXTS = ("format", "contentEncoding", "contentMediaType")
_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_COUNTS = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")
_FLAGS = ("uniqueItems", "readOnly", "writeOnly", "deprecated")
_PARTS = ("items", "contains", "not", "if", "then", "else", "propertyNames")
_CHOICES = ("allOf", "anyOf", "oneOf", "prefixItems")
_OPEN = ("allOf", "anyOf", "oneOf", "$ref", "patternProperties", "additionalProperties", "if", "not")
_OF_A_SCHEMA = frozenset(["properties", "$ref", "$schema", "$defs", "definitions", "additionalProperties", *_CHOICES])
# Only tags of HTML: `<revision>:<path>` in a description is no tag, and must stay.
_BLOCK = re.compile(
    r"</?(?:p|br|pre|ul|ol|li|div|h[1-6]|table|t[rdh]|thead|tbody|blockquote|img|hr|d[ldt]|section|details|summary)"
    r"(?:[\s/][^<>]{0,300})?>|<!--[^<>]{0,300}-->",
    re.IGNORECASE,
)
_INLINE = re.compile(
    r"</?(?:b|i|em|strong|code|a|span|su[bp]|u|s|small|tt|font|center)(?:\s[^<>]{0,300})?>", re.IGNORECASE
)


class MendedSchema(NamedTuple):
    """A mended schema; `left_out` names what of its source it lacks, such as an illegal pattern."""

    schema: dict[str, Any]
    left_out: list[str]


def mend_schema(schema: Any) -> MendedSchema:
    """Returns a valid schema as close to the given one as possible; its references point into its own `$defs`.

    Raises:
        ValueError: it is no mapping, or has more than `MOST_PARTS` subschemas.
    """
    if not isinstance(schema, dict):
        raise ValueError(f"the schema is {str(schema)[:60]!r}, not an object")
    return _SchemaMender(schema).mend_root()


def mend_arguments(schema: Any) -> MendedSchema:
    """Mends the schema of a function's arguments: of type object, and closed if it only declares properties.

    None means that there are no arguments. A mapping of names to schemas, without the object around it, is read as the
    properties.
    """
    if isinstance(schema, dict) and _is_bare_properties(schema):
        schema = {"type": "object", "properties": schema}
    mended_schema, left_out = mend_schema({} if schema is None else schema)
    definitions = mended_schema.get("$defs", {})
    for _ in range(len(definitions)):  # callers need `type: object` at the top, so a reference is written out
        if "$ref" not in mended_schema:
            break
        target = definitions[mended_schema.pop("$ref").removeprefix("#/$defs/")]
        mended_schema = {**target, **mended_schema}
    if mended_schema.get("type") in (None, ["object", "null"]):
        mended_schema = {"type": "object", **{key: value for key, value in mended_schema.items() if key != "type"}}
    if not any(key in mended_schema for key in _OPEN):
        mended_schema = {"type": "object", "properties": {}, **mended_schema, "additionalProperties": False}
    if "$defs" in mended_schema:
        mended_schema["$defs"] = mended_schema.pop("$defs")  # last, where readers expect them
    return MendedSchema(mended_schema, left_out)


def parse_type_word(word: Any) -> dict[str, Any] | None:
    """Returns the schema for a type's name in any spelling, such as `DATE (YYYY-MM-DD)`; None if it is unknown."""
    match = _TYPE_WORD.match(word) if isinstance(word, str) else None
    schema = _TYPES.get(match[1].lower()) if match else None
    return None if schema is None else dict(schema)


def strip_markup(text: Any) -> str:
    """Returns text without HTML tags and line breaks, cut at `LONGEST_TEXT` letters; '' for what is no text."""
    if not isinstance(text, str):
        return ""
    text = text[: 4 * LONGEST_TEXT]
    if "<" in text:
        text = _INLINE.sub("", _BLOCK.sub(" ", text))
    return " ".join(html.unescape(text).split())[:LONGEST_TEXT]


def _is_bare_properties(schema: dict[str, Any]) -> bool:
    """Tells if a mapping is not a schema but its properties: `{"city": {"type": "string"}}`."""
    return (
        bool(schema)
        and _OF_A_SCHEMA.isdisjoint(schema)
        and all(isinstance(value, dict) for value in schema.values())
        and any(isinstance(value, dict) and ("type" in value or "description" in value) for value in schema.values())
    )


class _SchemaMender:
    """Mends one schema; the target of each reference is mended once, after the subschemas that refer to it."""

    def __init__(self, root: dict[str, Any]) -> None:
        self.root = root
        self.left_out: list[str] = []
        self.name_of: dict[str, str] = {}
        self.used_names: set[str] = set()
        self.pending: list[tuple[str, Any]] = []
        self.part_count = 0

    def mend_root(self) -> MendedSchema:
        schema = self.mend_subschema(self.root, 0)
        definitions = {}
        while self.pending:
            name, target = self.pending.pop()
            definitions[name] = self.mend_subschema(target, 1)
        if definitions:
            schema["$defs"] = definitions
        return MendedSchema(schema, self.left_out)

    def mend_subschema(self, source: Any, depth: int) -> dict[str, Any]:
        """Mends a schema and those below it; raises ValueError if there are too many."""
        self.part_count += 1
        if self.part_count > MOST_PARTS:
            raise ValueError(f"the schema has more than {MOST_PARTS:,} parts")
        if not isinstance(source, dict):
            return {"not": {}} if source is False else parse_type_word(source) or {}
        if depth > DEEPEST:
            self.note_omission(f"what is deeper than {DEEPEST} levels")
            return {}
        schema: dict[str, Any] = {}
        if isinstance(source.get("$ref"), str):
            schema |= self.mend_reference(source["$ref"])
        schema |= _convert_type(source)
        if description := strip_markup(source.get("description")):
            schema["description"] = description
        schema |= dict(self.mend_values(source))
        schema |= self.mend_applicators(source, depth + 1)
        schema |= self.mend_properties(source, depth + 1)
        return _allow_null(schema) if source.get("nullable") is True else schema

    def mend_values(self, source: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """Yields the usable keywords whose values are no schemas: formats, bounds, enum, default, examples."""
        for key in _TEXTS:
            if isinstance(source.get(key), str) and source[key]:
                yield key, source[key][:100]
        if isinstance(pattern := source.get("pattern"), str):
            if is_pattern(pattern):
                yield "pattern", pattern
            else:
                self.note_omission(f"the pattern {pattern[:60]!r}")
        yield from _convert_bounds(source)
        for key in _COUNTS:
            if type(source.get(key)) in (int, float) and 0 <= source[key] < 2**53 and source[key] == int(source[key]):
                yield key, int(source[key])
        for key in _FLAGS:
            if source.get(key) is True:
                yield key, True
        if isinstance(choices := source.get("enum"), list) and choices:
            yield "enum", _drop_duplicates(choices)
        for key in ("const", "default"):
            if key in source:
                yield key, source[key]
        examples = source.get("examples", source.get("example", source.get("example_value")))
        if examples not in (None, "", []) and not isinstance(examples, dict):
            yield "examples", examples[:3] if isinstance(examples, list) else [examples]

    def mend_applicators(self, source: Mapping[str, Any], depth: int) -> dict[str, Any]:
        """Mends the keywords that hold subschemas, other than `properties`."""
        schema: dict[str, Any] = {}
        for key in _PARTS:
            if isinstance(source.get(key), dict | bool | str):
                schema[key] = self.mend_subschema(source[key], depth)
        if isinstance(source.get("items"), list) and source["items"]:  # before 2020-12: one schema per position
            schema["prefixItems"] = [self.mend_subschema(subschema, depth) for subschema in source["items"]]
            if isinstance(source.get("additionalItems"), dict | bool):
                schema["items"] = self.mend_subschema(source["additionalItems"], depth)
        for key in _CHOICES:
            if isinstance(source.get(key), list) and source[key]:
                schema[key] = [self.mend_subschema(subschema, depth) for subschema in source[key]]
        if isinstance(source.get("patternProperties"), dict):
            schema["patternProperties"] = {
                key: self.mend_subschema(subschema, depth)
                for key, subschema in source["patternProperties"].items()
                if is_pattern(key)
            }
        if isinstance(source.get("additionalProperties"), bool):
            schema["additionalProperties"] = source["additionalProperties"]
        elif isinstance(source.get("additionalProperties"), dict):
            schema["additionalProperties"] = self.mend_subschema(source["additionalProperties"], depth)
        return schema

    def mend_properties(self, source: Mapping[str, Any], depth: int) -> dict[str, Any]:
        """Mends `properties` and `required`, also where `required: true` stands in a property."""
        declared = list(_list_properties(source.get("properties")))
        schema: dict[str, Any] = {}
        if declared or isinstance(source.get("properties"), dict):
            schema["properties"] = {
                name: self.mend_property(name, property_schema, depth) for name, property_schema in declared
            }
        listed = source.get("required")
        required = [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []
        required += [
            name
            for name, property_schema in declared
            if isinstance(property_schema, dict) and property_schema.get("required") is True
        ]
        return schema | ({"required": list(dict.fromkeys(required))} if required else {})

    def mend_property(self, name: str, source: Any, depth: int) -> dict[str, Any]:
        """Mends a property; its title is its description if it has none and the title differs from the name."""
        schema = self.mend_subschema(source, depth)
        title = strip_markup(source.get("title")) if isinstance(source, dict) else ""
        if title and "description" not in schema and _keep_letters(title) != _keep_letters(name):
            schema["description"] = title
        return schema

    def mend_reference(self, target: str) -> dict[str, str]:
        """Returns a `$ref` into `$defs`, and queues its target; {} if it leads nowhere in the document."""
        pointer = unquote(target.removeprefix("#"))
        if pointer not in self.name_of:
            resolved = _resolve_pointer(self.root, pointer) if target.startswith("#") else None
            if not isinstance(resolved, dict | bool):
                self.note_omission(f"what {target[:100]!r} refers to")
                return {}
            self.name_of[pointer] = name = self.choose_definition_name(pointer)
            self.pending.append((name, resolved))
        return {"$ref": f"#/$defs/{self.name_of[pointer]}"}

    def choose_definition_name(self, pointer: str) -> str:
        stem = re.sub(r"[^A-Za-z0-9_.-]+", "_", pointer.rsplit("/", 1)[-1]).strip("_")[:60] or "root"
        name, number = stem, 2
        while name in self.used_names:
            name, number = f"{stem}_{number}", number + 1
        self.used_names.add(name)
        return name

    def note_omission(self, left_out: str) -> None:
        if left_out not in self.left_out and len(self.left_out) < 10:
            self.left_out.append(left_out)


def _convert_type(source: Mapping[str, Any]) -> dict[str, Any]:
    declared = source.get("type")
    words = declared if isinstance(declared, list) else [declared]
    schemas = [schema for word in words if (schema := parse_type_word(word)) is not None]
    if len(words) == 1 and schemas and schemas[0]:
        return schemas[0]
    types = list(dict.fromkeys(schema["type"] for schema in schemas if schema))
    if types and all(schemas):
        return {"type": types[0] if len(types) == 1 else types}
    if isinstance(source.get("properties"), dict | list) and "$ref" not in source:
        return {"type": "object"}
    return {"type": "array"} if isinstance(source.get("items"), dict | list) and "$ref" not in source else {}


def _allow_null(schema: dict[str, Any]) -> dict[str, Any]:
    if "type" not in schema:
        return {"anyOf": [schema, {"type": "null"}]} if "$ref" in schema or "enum" in schema else schema
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    with_null = {**schema, "type": types if "null" in types else [*types, "null"]}
    return {**with_null, "enum": [*schema["enum"], None]} if None not in schema.get("enum", [None]) else with_null


def _convert_bounds(source: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    numbers = {key: source[key] for key in (*_BOUNDS, "multipleOf") if type(source.get(key)) in (int, float)}
    for bound, excluding in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if source.get(excluding) is True and bound in numbers:  # draft 4
            numbers[excluding] = numbers.pop(bound)
    for key, number in numbers.items():
        if isfinite(number) and abs(number) < 1e300 and (key != "multipleOf" or number > 0):
            yield key, number


def _list_properties(properties: Any) -> Iterator[tuple[str, Any]]:
    """Yields name and schema of properties given as a mapping, or as a list of schemas with a `name`."""
    if isinstance(properties, dict):
        yield from ((name, property_schema) for name, property_schema in properties.items() if isinstance(name, str))
    elif isinstance(properties, list):
        for property_schema in properties:
            if (
                isinstance(property_schema, dict)
                and isinstance(property_schema.get("name"), str)
                and property_schema["name"]
            ):
                yield property_schema["name"], property_schema


def _drop_duplicates(values: Iterable[Any]) -> list[Any]:
    return list({repr(value): value for value in values}.values())


def _keep_letters(text: str) -> str:
    return "".join(letter for letter in text.lower() if letter.isalnum())


def _resolve_pointer(value: Any, pointer: str) -> Any:
    for step in pointer.split("/")[1:]:
        step = unescape_step(step)
        if isinstance(value, list) and step.isdecimal() and len(step) < 7 and int(step) < len(value):
            value = value[int(step)]
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value if pointer == "" or pointer.startswith("/") else None
