"""JSON Schemas as people and programs write them, mended into the one dialect (2020-12).

Here belongs what holds for schemas of unknown care, whatever document they come in: types in capitals or of other
languages (`STRING`, `dict`), older drafts (`definitions`, `nullable`, `exclusiveMinimum: true`, lists of items),
`required: true` beside a property, references to anywhere within the document. What is no keyword is left out.

>>> arguments({"type": "OBJECT", "properties": {"city": {"type": "STRING", "required": True}}}).schema
{'type': 'object', 'properties': {'city': {'type': 'string'}}, 'required': ['city'], 'additionalProperties': False}
"""

import html
import re
from collections.abc import Iterable, Iterator, Mapping
from math import isfinite
from typing import Any, NamedTuple
from urllib.parse import unquote

from funcdex_assets.schema.json_pointers import unescaped
from funcdex_assets.schema.validation import compiles

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
# Of HTML only: `<revision>:<path>` is no tag, and says something.
_BLOCK = re.compile(
    r"</?(?:p|br|pre|ul|ol|li|div|h[1-6]|table|t[rdh]|thead|tbody|blockquote|img|hr|d[ldt]|section|details|summary)"
    r"(?:[\s/][^<>]{0,300})?>|<!--[^<>]{0,300}-->",
    re.IGNORECASE,
)
_INLINE = re.compile(
    r"</?(?:b|i|em|strong|code|a|span|su[bp]|u|s|small|tt|font|center)(?:\s[^<>]{0,300})?>", re.IGNORECASE
)


class Mended(NamedTuple):
    """`left_out` says what the schema does not hold of its source."""

    schema: dict[str, Any]
    left_out: list[str]


def mended(schema: Any) -> Mended:
    """A valid schema, as near to the given one as can be; its references lead into its own `$defs`.

    Raises:
        ValueError: it is no schema at all, or too large to be one.
    """
    if not isinstance(schema, dict):
        raise ValueError(f"the schema is {str(schema)[:60]!r}, not an object")
    return _Mending(schema).result()


def arguments(schema: Any) -> Mended:
    """As `mended`, for what a function takes: of type object, and closed where it is a plain list of properties.

    None is no arguments. A mapping of names to schemas, without the object around it, is taken for properties.
    """
    if isinstance(schema, dict) and _only_properties(schema):
        schema = {"type": "object", "properties": schema}
    result, left_out = mended({} if schema is None else schema)
    definitions = result.get("$defs", {})
    for _ in range(len(definitions)):  # the caller asks for an object, and a reference to one is none to it
        if "$ref" not in result:
            break
        target = definitions[result.pop("$ref").removeprefix("#/$defs/")]
        result = {**target, **result}
    if result.get("type") in (None, ["object", "null"]):
        result = {"type": "object", **{key: part for key, part in result.items() if key != "type"}}
    if not any(key in result for key in _OPEN):
        result = {"type": "object", "properties": {}, **result, "additionalProperties": False}
    if "$defs" in result:
        result["$defs"] = result.pop("$defs")  # last, where a reader looks for them
    return Mended(result, left_out)


def typed(word: Any) -> dict[str, Any] | None:
    """The schema that a word for a type stands for, in any spelling: `DATE (YYYY-MM-DD)`; None if it is no such."""
    found = _TYPE_WORD.match(word) if isinstance(word, str) else None
    known = _TYPES.get(found[1].lower()) if found else None
    return None if known is None else dict(known)


def plain(text: Any) -> str:
    """Without tags and line breaks, of bounded length; '' for what is no text."""
    if not isinstance(text, str):
        return ""
    text = text[: 4 * LONGEST_TEXT]
    if "<" in text:
        text = _INLINE.sub("", _BLOCK.sub(" ", text))
    return " ".join(html.unescape(text).split())[:LONGEST_TEXT]


def _only_properties(schema: dict[str, Any]) -> bool:
    return (
        bool(schema)
        and _OF_A_SCHEMA.isdisjoint(schema)
        and all(isinstance(part, dict) for part in schema.values())
        and any(isinstance(part, dict) and ("type" in part or "description" in part) for part in schema.values())
    )


class _Mending:
    """One schema being mended: what was referred to is mended once, after the part that refers to it."""

    def __init__(self, root: dict[str, Any]) -> None:
        self.root = root
        self.left_out: list[str] = []
        self.name_of: dict[str, str] = {}
        self.taken: set[str] = set()
        self.todo: list[tuple[str, Any]] = []
        self.parts = 0

    def result(self) -> Mended:
        schema = self.part(self.root, 0)
        definitions = {}
        while self.todo:
            name, target = self.todo.pop()
            definitions[name] = self.part(target, 1)
        if definitions:
            schema["$defs"] = definitions
        return Mended(schema, self.left_out)

    def part(self, source: Any, depth: int) -> dict[str, Any]:
        self.parts += 1
        if self.parts > MOST_PARTS:
            raise ValueError(f"the schema has more than {MOST_PARTS:,} parts")
        if not isinstance(source, dict):
            return {"not": {}} if source is False else typed(source) or {}
        if depth > DEEPEST:
            self.note(f"what is deeper than {DEEPEST} levels")
            return {}
        schema: dict[str, Any] = {}
        if isinstance(source.get("$ref"), str):
            schema |= self.reference(source["$ref"])
        schema |= _type(source)
        if description := plain(source.get("description")):
            schema["description"] = description
        schema |= dict(self.values(source))
        schema |= self.applied(source, depth + 1)
        schema |= self.members(source, depth + 1)
        return _with_null(schema) if source.get("nullable") is True else schema

    def values(self, source: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        for key in _TEXTS:
            if isinstance(source.get(key), str) and source[key]:
                yield key, source[key][:100]
        if isinstance(pattern := source.get("pattern"), str):
            if compiles(pattern):
                yield "pattern", pattern
            else:
                self.note(f"the pattern {pattern[:60]!r}")
        yield from _bounds(source)
        for key in _COUNTS:
            if type(source.get(key)) in (int, float) and 0 <= source[key] < 2**53 and source[key] == int(source[key]):
                yield key, int(source[key])
        for key in _FLAGS:
            if source.get(key) is True:
                yield key, True
        if isinstance(choices := source.get("enum"), list) and choices:
            yield "enum", _distinct(choices)
        for key in ("const", "default"):
            if key in source:
                yield key, source[key]
        shown = source.get("examples", source.get("example", source.get("example_value")))
        if shown not in (None, "", []) and not isinstance(shown, dict):
            yield "examples", shown[:3] if isinstance(shown, list) else [shown]

    def applied(self, source: Mapping[str, Any], depth: int) -> dict[str, Any]:
        """Schemas within the schema, other than its properties."""
        schema: dict[str, Any] = {}
        for key in _PARTS:
            if isinstance(source.get(key), dict | bool | str):
                schema[key] = self.part(source[key], depth)
        if isinstance(source.get("items"), list) and source["items"]:  # before 2020-12: one schema per place
            schema["prefixItems"] = [self.part(part, depth) for part in source["items"]]
            if isinstance(source.get("additionalItems"), dict | bool):
                schema["items"] = self.part(source["additionalItems"], depth)
        for key in _CHOICES:
            if isinstance(source.get(key), list) and source[key]:
                schema[key] = [self.part(part, depth) for part in source[key]]
        if isinstance(source.get("patternProperties"), dict):
            schema["patternProperties"] = {
                key: self.part(part, depth) for key, part in source["patternProperties"].items() if compiles(key)
            }
        if isinstance(source.get("additionalProperties"), bool):
            schema["additionalProperties"] = source["additionalProperties"]
        elif isinstance(source.get("additionalProperties"), dict):
            schema["additionalProperties"] = self.part(source["additionalProperties"], depth)
        return schema

    def members(self, source: Mapping[str, Any], depth: int) -> dict[str, Any]:
        declared = list(_members(source.get("properties")))
        schema: dict[str, Any] = {}
        if declared or isinstance(source.get("properties"), dict):
            schema["properties"] = {name: self.named(name, part, depth) for name, part in declared}
        needed = source.get("required")
        required = [name for name in needed if isinstance(name, str)] if isinstance(needed, list) else []
        required += [name for name, part in declared if isinstance(part, dict) and part.get("required") is True]
        return schema | ({"required": list(dict.fromkeys(required))} if required else {})

    def named(self, name: str, source: Any, depth: int) -> dict[str, Any]:
        schema = self.part(source, depth)
        title = plain(source.get("title")) if isinstance(source, dict) else ""
        if title and "description" not in schema and _letters(title) != _letters(name):
            schema["description"] = title
        return schema

    def reference(self, target: str) -> dict[str, str]:
        pointer = unquote(target.removeprefix("#"))
        if pointer not in self.name_of:
            found = _at(self.root, pointer) if target.startswith("#") else None
            if not isinstance(found, dict | bool):
                self.note(f"what {target[:100]!r} refers to")
                return {}
            self.name_of[pointer] = name = self.fresh_name(pointer)
            self.todo.append((name, found))
        return {"$ref": f"#/$defs/{self.name_of[pointer]}"}

    def fresh_name(self, pointer: str) -> str:
        steps = re.sub(r"[^A-Za-z0-9_.-]+", "_", pointer.rsplit("/", 1)[-1]).strip("_")[:60] or "root"
        name, number = steps, 2
        while name in self.taken:
            name, number = f"{steps}_{number}", number + 1
        self.taken.add(name)
        return name

    def note(self, left_out: str) -> None:
        if left_out not in self.left_out and len(self.left_out) < 10:
            self.left_out.append(left_out)


def _type(source: Mapping[str, Any]) -> dict[str, Any]:
    declared = source.get("type")
    words = declared if isinstance(declared, list) else [declared]
    known = [part for word in words if (part := typed(word)) is not None]
    if len(words) == 1 and known and known[0]:
        return known[0]
    types = list(dict.fromkeys(part["type"] for part in known if part))
    if types and all(known):
        return {"type": types[0] if len(types) == 1 else types}
    if isinstance(source.get("properties"), dict | list) and "$ref" not in source:
        return {"type": "object"}
    return {"type": "array"} if isinstance(source.get("items"), dict | list) and "$ref" not in source else {}


def _with_null(schema: dict[str, Any]) -> dict[str, Any]:
    if "type" not in schema:
        return {"anyOf": [schema, {"type": "null"}]} if "$ref" in schema or "enum" in schema else schema
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    with_null = {**schema, "type": types if "null" in types else [*types, "null"]}
    return {**with_null, "enum": [*schema["enum"], None]} if None not in schema.get("enum", [None]) else with_null


def _bounds(source: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    numbers = {key: source[key] for key in (*_BOUNDS, "multipleOf") if type(source.get(key)) in (int, float)}
    for end, excluding in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if source.get(excluding) is True and end in numbers:  # draft 4
            numbers[excluding] = numbers.pop(end)
    for key, number in numbers.items():
        if isfinite(number) and abs(number) < 1e300 and (key != "multipleOf" or number > 0):
            yield key, number


def _members(properties: Any) -> Iterator[tuple[str, Any]]:
    """Properties of a mapping, or of a list of schemas with names."""
    if isinstance(properties, dict):
        yield from ((name, part) for name, part in properties.items() if isinstance(name, str))
    elif isinstance(properties, list):
        for part in properties:
            if isinstance(part, dict) and isinstance(part.get("name"), str) and part["name"]:
                yield part["name"], part


def _distinct(values: Iterable[Any]) -> list[Any]:
    return list({repr(value): value for value in values}.values())


def _letters(text: str) -> str:
    return "".join(letter for letter in text.lower() if letter.isalnum())


def _at(value: Any, pointer: str) -> Any:
    for step in pointer.split("/")[1:]:
        step = unescaped(step)
        if isinstance(value, list) and step.isdecimal() and len(step) < 7 and int(step) < len(value):
            value = value[int(step)]
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value if pointer == "" or pointer.startswith("/") else None
