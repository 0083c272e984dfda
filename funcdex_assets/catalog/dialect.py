"""Schemas of other dialects as JSON Schema 2020-12: OpenAPI's, Swagger's, and what their writers make of them.

Here belongs what a schema keyword of a document becomes, and how the named schemas of a document are shared
between the tools made of it. Nothing here knows of operations. Each named schema is converted once per side:
what only a service may set is no part of an input, what only a caller may set is no part of an output.

>>> shared = Definitions({"definitions": {"Pet": {"properties": {"id": {"type": "integer", "readOnly": True},
...     "name": {"type": "string", "x-nullable": True}, "next": {"$ref": "#/definitions/Pet"}}}}})
>>> shared.whole({"type": "array", "items": {"$ref": "#/definitions/Pet"}}, "input", "here")["items"]
{'$ref': '#/$defs/Pet'}
>>> shared.definition("Pet", "input")["properties"]
{'name': {'type': ['string', 'null']}, 'next': {'$ref': '#/$defs/Pet'}}
"""

import html
import math
import re
from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple
from urllib.parse import unquote

import msgspec

from funcdex_assets.catalog.drafts import Problem
from funcdex_assets.schema.json_pointers import at_pointer, unescaped
from funcdex_assets.schema.validation import compiles

Side = Literal["input", "output"]

MOST_BYTES = 256 * 2**10
"""Of one schema with all definitions that it reaches."""
MOST_NODES = 10_000
"""Subschemas written in one place. The largest among 125,000 public operations has 679."""
DEEPEST = 64
LONGEST_TEXT = 1500
_LONGEST_NAME = 200
_MOST_ENUM = 5000
_MOST_WHOLES = 256  # errors and pages are named again and again, most results once; each may have thousands of names
_MOST_EXAMPLES = 3
_LONGEST_EXAMPLE = 500
_LONGEST_DEFAULT = 2000
_LONGEST_PATTERN = 2000
_MOST_PROBLEMS = 20

_TYPES = ("string", "integer", "number", "boolean", "array", "object", "null")
_SPOKEN_TYPES = {
    "file": ("string", "binary"),
    **dict.fromkeys(("str", "text", "char", "enum"), ("string", "")),
    **{kind: ("string", kind) for kind in ("date", "date-time", "uuid", "binary", "byte", "password", "email", "uri")},
    "datetime": ("string", "date-time"),
    **dict.fromkeys(("int", "long", "int32", "int64", "integar", "short", "timestamp"), ("integer", "")),
    **dict.fromkeys(("float", "double", "decimal", "numeric", "numbers"), ("number", "")),
    **dict.fromkeys(("bool",), ("boolean", "")),
    **dict.fromkeys(("map", "dict", "json", "hash"), ("object", "")),
    **dict.fromkeys(("list", "set"), ("array", "")),
    **dict.fromkeys(("any", "mixed", "", "undefined", "anytype"), ("", "")),
}
_TYPE_OF_FORMAT = {
    **dict.fromkeys(("int32", "int64"), "integer"),
    **dict.fromkeys(("float", "double"), "number"),
    **dict.fromkeys(("date", "date-time", "uuid", "email", "uri", "url", "binary", "byte", "password"), "string"),
}
_TYPE_OF_KEYWORD = {
    **dict.fromkeys(("properties", "additionalProperties", "patternProperties"), "object"),
    **dict.fromkeys(("items", "prefixItems", "minItems", "maxItems", "uniqueItems"), "array"),
    **dict.fromkeys(("pattern", "minLength", "maxLength"), "string"),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"), "number"),
}
_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_COUNTS = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_COMPOSING = ("allOf", "anyOf", "oneOf")
_PARTS = ("not", "if", "then", "else")
_MEMBERS = ("contains", "propertyNames", "unevaluatedItems", "unevaluatedProperties")
_BESIDE_REF = frozenset("$ref title description default deprecated example examples nullable x-nullable".split())
_ONE_SIDED = {"input": "readOnly", "output": "writeOnly"}
_ABSENT: Any = object()

_REF_TO_DEFINITION = re.compile(rb'"\$ref":"#/\$defs/([A-Za-z0-9._-]+)"')
_TAG = re.compile(
    r"<(?:!--|/?(?:(?P<within>a|b|i|u|em|strong|code|tt|span|sup|sub|font|small)|p|br|ul|ol|li|pre|h[1-6]|table|thead"
    r"|tbody|tr|td|th|div|img|hr|dl|dt|dd|blockquote|details|summary|section|note|important|para|fullname|title|caution"
    r"|tip)\b)[^<>]{0,500}>",
    re.IGNORECASE,
)


def plain(text: Any, most: int = LONGEST_TEXT) -> str:
    """Text without HTML tags, with single spaces, cut at a length; '' for what is no text."""
    if not isinstance(text, str):
        return ""
    text = text[: 4 * most]
    if "<" in text:
        text = _TAG.sub(lambda tag: "" if tag["within"] else " ", text)
    if "&" in text:
        text = html.unescape(text)
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def local_pointer(ref: str) -> str | None:
    """The JSON pointer of a reference into its own document, None for another one's."""
    return unquote(ref[1:]) if ref.startswith("#/") else None


class Definition(NamedTuple):
    """A converted schema, how long it is as JSON, and which definitions it names."""

    schema: dict[str, Any]
    size: int
    names: tuple[str, ...]


class Definitions:
    """The schemas of one document, converted when first asked for.

    `pointer_of` reads the document's way of referring; `siblings` says that keywords beside a `$ref` count.
    What could not be kept is in `problems`, which the reader empties.
    """

    def __init__(
        self, document: Any, pointer_of: Callable[[str], str | None] = local_pointer, siblings: bool = False
    ) -> None:
        self.document = document
        self.pointer_of = pointer_of
        self.siblings = siblings
        self._problems: list[Problem] = []
        self._told: set[Problem] = set()
        self._name_of: dict[str, str] = {}
        self._pointer_of_name: dict[str, str] = {}
        self._made: dict[tuple[Side, str], Definition] = {}
        self._under_way: set[tuple[Side, str]] = set()
        self._wholes: dict[tuple[Side, str, int], dict[str, Any]] = {}

    def problems(self) -> Iterator[Problem]:
        """What was left out since this was last asked."""
        found, self._problems = self._problems, []
        yield from found

    def tell(self, place: str, reason: str) -> None:
        problem = Problem(place, reason, lost=False)
        if problem not in self._told:
            self._told.add(problem)
            self._problems.append(problem)

    def convert(self, raw: Any, side: Side, place: str) -> dict[str, Any]:
        """The schema; its references lead into `$defs` that it does not have yet."""
        return _Conversion(self, side).schema(raw, place, 0)

    def whole(self, raw: Any, side: Side, place: str, most: int = MOST_BYTES) -> dict[str, Any]:
        """The schema with all that it refers to, as far as `most` bytes of it."""
        return self.closed(self.convert(raw, side, place), side, place, most)

    def definition(self, name: str, side: Side, depth: int = 0) -> dict[str, Any]:
        return self._definition(name, side, depth).schema

    def closed(self, schema: dict[str, Any], side: Side, place: str, most: int = MOST_BYTES) -> dict[str, Any]:
        """A converted schema and the definitions that it reaches: the nearest first, until it is too large.

        One that is nothing but a reference is written out at the top, and one object for all that ask.
        """
        root = None
        if schema.keys() == {"$ref"}:
            name = schema["$ref"].removeprefix("#/$defs/")
            root = (side, name, most)
            if root in self._wholes:
                return self._wholes[root]
            while len(self._wholes) >= _MOST_WHOLES:
                del self._wholes[next(iter(self._wholes))]
            schema, size, names = self._definition(name, side)
        else:
            size, names = _measured(schema)
        definitions: dict[str, Any] = {}
        left_open = 0
        todo = list(names)
        seen = set(todo)
        while todo:
            following: list[str] = []
            for name in todo:
                made = self._definition(name, side)
                size += len(name) + made.size + 6
                if size > most:
                    size -= made.size
                    left_open += 1
                    definitions[name] = _opened(made.schema)
                    continue
                definitions[name] = made.schema
                fresh = [name for name in made.names if name not in seen]
                seen.update(fresh)
                following += fresh
            todo = following
        if left_open:
            self.tell(place, f"{left_open} definitions are left open, which would make more than {most:,} bytes")
        result = {**schema, "$defs": definitions} if definitions else schema
        if root:
            self._wholes[root] = result
        return result

    def reference(self, ref: str, side: Side, here: bool, place: str, depth: int) -> dict[str, Any]:
        """A reference in the one dialect; {} where it leads nowhere. `here` is true where it is about the same value
        as the definition that it is in: a circle of such references says nothing, and is cut.
        """
        pointer = self.pointer_of(ref)
        if pointer is None:
            self.tell(place, f"left open: {ref[:100]!r} is outside of the document")
            return {}
        name = self._name_of.get(pointer) or self._named(pointer)
        if not name:
            self.tell(place, f"left open: {ref[:100]!r} leads nowhere")
            return {}
        if here:
            if (side, name) in self._under_way or depth >= DEEPEST:
                self.tell(place, f"left open: {ref[:100]!r} leads back to itself, or too far")
                return {}
            self._definition(name, side, depth + 1)
        return {"$ref": f"#/$defs/{name}"}

    def target(self, raw: Any) -> Any:
        """What a reference leads to, over several steps; the value itself if it is none, None if nowhere."""
        for _ in range(8):
            if not isinstance(raw, dict) or not isinstance(raw.get("$ref"), str):
                return raw
            pointer = self.pointer_of(raw["$ref"])
            raw = None if pointer is None else self._at(pointer)
        return None

    def _at(self, pointer: str) -> Any:
        try:
            return at_pointer(self.document, pointer)
        except ValueError:  # a step of digits that make no index
            return None

    def _definition(self, name: str, side: Side, depth: int = 0) -> Definition:
        key = (side, name)
        if key not in self._made:
            pointer = self._pointer_of_name[name]
            self._under_way.add(key)
            place = ".".join(pointer[1:].split("/"))[:300]
            schema = _Conversion(self, side).schema(self._at(pointer), place, depth)
            self._under_way.discard(key)
            self._made[key] = Definition(schema, *_measured(schema))
        return self._made[key]

    def _named(self, pointer: str) -> str:
        """A short name of safe letters, its own for each pointer; '' where there is nothing."""
        if not isinstance(self._at(pointer), dict | bool):
            return ""
        steps = [unescaped(step) for step in pointer.split("/")[1:]]
        usual = len(steps) == 2 or (len(steps) == 3 and steps[0] == "components")
        stem = re.sub(r"[^A-Za-z0-9.]+", "_", "_".join(steps[-1:] if usual else steps[-4:])).strip("_")[:80] or "part"
        name, number = stem, 2
        while name in self._pointer_of_name:
            name, number = f"{stem}_{number}", number + 1
        self._name_of[pointer] = name
        self._pointer_of_name[name] = pointer
        return name


class _Conversion:
    """One schema's way into the dialect, with what it may cost."""

    def __init__(self, shared: Definitions, side: Side) -> None:
        self.shared = shared
        self.side: Side = side
        self.hidden = _ONE_SIDED[side]
        self.nodes = MOST_NODES
        self.told = 0

    def tell(self, place: str, reason: str) -> None:
        self.told += 1
        if self.told <= _MOST_PROBLEMS:
            self.shared.tell(place[:500], reason)

    def schema(self, raw: Any, place: str, depth: int, here: bool = True, part: bool = False) -> dict[str, Any]:
        """`part` is true where other schemas hold for the same value, so that this one need not say all."""
        self.nodes -= 1
        if isinstance(raw, bool):
            return {} if raw else {"not": {}}
        if not isinstance(raw, dict):
            self.tell(place, f"left open: {_short(raw)} is no schema")
            return {}
        if self.nodes < 0 or depth > DEEPEST:
            self.tell(place, f"left open: more than {DEEPEST} levels or {MOST_NODES:,} subschemas in one place")
            return {}
        out: dict[str, Any] = {}
        ref = raw.get("$ref")
        if isinstance(ref, str):
            out = self.shared.reference(ref, self.side, here, place, depth)
            if out and not self.shared.siblings:
                if len(raw) == 1:
                    return out
                raw = {key: value for key, value in raw.items() if key in _BESIDE_REF}
        composed = "$ref" in out or any(key in raw for key in _COMPOSING)
        types = self._types(raw, out, place, infer=not (part or composed))
        nullable = raw.get("nullable") is True or raw.get("x-nullable") is True
        if nullable and types and not composed and "null" not in types:
            types = [*types, "null"]
        if types:
            out["type"] = types[0] if len(types) == 1 else types
        self._annotate(raw, out)
        self._limits(raw, out, place)
        if "properties" in raw:
            self._properties(raw, out, place, depth, part or composed)
        elif isinstance(raw.get("required"), list) and (part or composed or "additionalProperties" in raw):
            out["required"] = _strings(raw["required"])
        self._subschemas(raw, out, place, depth, here)
        self._values(raw, out, types, place)
        if not composed:
            return out
        out = _unwrapped(out)
        return _or_null(out) if nullable else out

    def _annotate(self, raw: dict[str, Any], out: dict[str, Any]) -> None:
        text = plain(raw.get("description"))
        if not text and " " in (title := plain(raw.get("title"), 200)):  # of one word, it is the name of a class
            text = title
        if text:
            out["description"] = text
        form = raw.get("format")
        if form and isinstance(form, str):
            out["format"] = form[:100]
        if raw.get("deprecated") is True:
            out["deprecated"] = True

    def _types(self, raw: dict[str, Any], out: dict[str, Any], place: str, infer: bool) -> list[str]:
        said = raw.get("type")
        if isinstance(said, str) and said in _TYPES:
            return [said]
        types: list[str] = []
        for kind in said if isinstance(said, list) else [] if said is None else [said]:
            spoken = kind.strip().lower() if isinstance(kind, str) else kind
            form = ""
            if isinstance(spoken, str) and spoken not in _TYPES:
                spoken, form = _SPOKEN_TYPES.get(spoken, (None, ""))
            if spoken is None or not isinstance(spoken, str):
                self.tell(place, f"its type {_short(kind)} is left out")
            elif spoken and spoken not in types:
                types.append(spoken)
            if form:
                out.setdefault("format", form)
        if not types and infer and said is None:
            return _inferred(raw)
        return types

    def _limits(self, raw: dict[str, Any], out: dict[str, Any], place: str) -> None:
        for key, value in raw.items():
            if key not in _NUMERIC:
                continue
            if isinstance(value, bool) and key in ("exclusiveMinimum", "exclusiveMaximum"):
                continue
            number = _number(value)
            if key in _COUNTS and (number is None or number < 0 or number % 1):
                number = None
            if number is None or (key == "multipleOf" and number <= 0):
                if value is not None:
                    self.tell(place, f"its {key} {_short(value)} is left out")
            else:
                out[key] = int(number) if key in _COUNTS else number
        for bound, strict in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
            if raw.get(strict) is True and bound in out:
                out[strict] = out.pop(bound)
        if raw.get("uniqueItems") is True:
            out["uniqueItems"] = True
        if "pattern" in raw and (pattern := self._pattern(raw["pattern"], place)):
            out["pattern"] = pattern

    def _pattern(self, pattern: Any, place: str) -> str:
        if not isinstance(pattern, str):
            self.tell(place, f"its pattern {_short(pattern)} is left out")
            return ""
        if slashed := re.fullmatch(r"/(\^.*\$)/[a-z]*", pattern):  # as JavaScript writes a literal
            pattern = slashed[1]
        if pattern and not (len(pattern) <= _LONGEST_PATTERN and compiles(pattern)):
            self.tell(place, f"its pattern {_short(pattern)} is no regular expression that can be checked; left out")
            return ""
        return pattern

    def _properties(self, raw: dict[str, Any], out: dict[str, Any], place: str, depth: int, part: bool) -> None:
        found = raw["properties"]
        if not isinstance(found, dict):
            if found is not None:
                self.tell(place, f"its properties {_short(found)} are left out")
            return
        properties: dict[str, Any] = {}
        required = raw.get("required")
        needed = dict.fromkeys(_strings(required)) if isinstance(required, list) else {}
        hidden: set[str] = set()
        for name, below in found.items():
            if self.nodes <= 0:
                self.tell(place, f"left out: properties beyond {MOST_NODES:,} subschemas in one place")
                hidden.update(found.keys() - properties.keys())
                break
            if self._is_hidden(below):
                hidden.add(name)
                continue
            if len(name) > _LONGEST_NAME:
                self.tell(place, f"a property is left out whose name has {len(name):,} letters")
                hidden.add(name)
                continue
            properties[name] = self.schema(below, f"{place}.{name}", depth + 1, here=False)
            if isinstance(below, dict) and below.get("required") is True:
                needed[name] = None
        required = [name for name in needed if name in properties or (part and name not in hidden)]
        undeclared = next((name for name in needed if not (part or name in properties or name in hidden)), None)
        if undeclared is not None:
            self.tell(place, f"it requires {_short(undeclared)}, which it does not declare; left out")
        if properties or not part:
            out["properties"] = properties
        if required:
            out["required"] = required

    def _is_hidden(self, raw: Any) -> bool:
        """Whether only the other side may have the property; a part of `allOf` and what is referred to may say it."""
        if not isinstance(raw, dict):
            return False
        if raw.get(self.hidden) is True:
            return True
        if "$ref" in raw:
            target = self.shared.target(raw)
            return isinstance(target, dict) and target.get(self.hidden) is True
        parts = raw.get("allOf")
        return isinstance(parts, list) and any(isinstance(p, dict) and p.get(self.hidden) is True for p in parts[:20])

    def _subschemas(self, raw: dict[str, Any], out: dict[str, Any], place: str, depth: int, here: bool) -> None:
        for key, value in raw.items():
            if key not in _NESTING:
                continue
            below = f"{place}.{key}"
            if key == "items" and isinstance(value, list):
                key = "prefixItems"
            if key in _LISTS:
                if not isinstance(value, list):
                    self.tell(place, f"its {key} {_short(value)} is left out")
                    continue
                parts = [
                    self.schema(each, f"{below}.{at}", depth + 1, here and key != "prefixItems", key != "prefixItems")
                    for at, each in enumerate(value[: max(self.nodes, 0)])
                ]
                if parts:
                    out[key] = parts
            elif key in ("items", *_MEMBERS):
                if key == "items" and value is None:
                    continue
                out[key] = self.schema(value, below, depth + 1, here=False)
            elif key in _PARTS:
                out[key] = self.schema(value, below, depth + 1, here, part=True)
            elif key == "additionalProperties":
                if isinstance(value, bool):
                    out[key] = value
                elif isinstance(value, dict):
                    out[key] = self.schema(value, below, depth + 1, here=False) or True
                else:
                    self.tell(place, f"its additionalProperties {_short(value)} are left out")
            elif isinstance(value, dict):
                named = {
                    name: self.schema(each, f"{below}.{name}", depth + 1, here and key == "dependentSchemas")
                    for name, each in list(value.items())[: max(self.nodes, 0)]
                    if len(name) <= _LONGEST_NAME and (key != "patternProperties" or self._pattern(name, below))
                }
                if named:
                    out[key] = named

    def _values(self, raw: dict[str, Any], out: dict[str, Any], types: list[str], place: str) -> None:
        if "const" in raw and _length(raw["const"]) <= _LONGEST_DEFAULT:
            out["const"] = raw["const"]
        if "enum" in raw:
            self._enum(raw["enum"], out, types, place)
        if "default" in raw and raw["default"] is not None:
            default = _fitted(raw["default"], types)
            if default is _ABSENT or _length(default) > _LONGEST_DEFAULT:
                said = _short(raw["default"])
                self.tell(place, f"its default {said} is left out: it has another type or is too long")
            elif "enum" in out and not _among(default, out["enum"]):
                self.tell(place, f"its default {_short(default)} is left out: it is none of the values allowed")
            else:
                out["default"] = default
        examples = [*_several(raw.get("examples")), *([raw["example"]] if raw.get("example") is not None else [])]
        kept: list[Any] = []
        for example in examples[:_MOST_EXAMPLES]:
            value = _fitted(example, types)
            if value is not _ABSENT and value != "" and _length(value) <= _LONGEST_EXAMPLE and value not in kept:
                kept.append(value)
        if kept:
            out["examples"] = kept

    def _enum(self, found: Any, out: dict[str, Any], types: list[str], place: str) -> None:
        if not isinstance(found, list) or not found or len(found) > _MOST_ENUM:
            said = f"{len(found):,} values" if isinstance(found, list) else _short(found)
            self.tell(place, f"its enum of {said} is left out")
            return
        items = out.get("items")
        if types and types[0] == "array" and not any(isinstance(value, list) for value in found):
            if isinstance(items, dict) and "enum" not in items and "$ref" not in items:
                self._enum(found, items, _type_list(items), place)  # meant of the items, as many write it
            return
        fitted = [value for value in (_fitted(value, types) for value in found) if value is not _ABSENT]
        values = {msgspec.json.encode(value): value for value in fitted if _length(value) <= _LONGEST_DEFAULT}
        if values.keys() - {b"null"}:
            out["enum"] = list(values.values()) if "null" not in types else list({**values, b"null": None}.values())
        elif values and (not types or "null" in types):
            out["enum"] = [None]
        else:
            self.tell(place, f"its enum {_short(found)} is left out: none of it has the type {'|'.join(types)}")


_NUMERIC = frozenset((*_BOUNDS, *_COUNTS))
_NAMED = ("patternProperties", "dependentSchemas")
_NESTING = frozenset((*_LISTS, *_PARTS, *_MEMBERS, *_NAMED, "items", "additionalProperties"))


def _measured(schema: dict[str, Any]) -> tuple[int, tuple[str, ...]]:
    encoded = msgspec.json.encode(schema)
    return len(encoded), tuple(dict.fromkeys(name.decode() for name in _REF_TO_DEFINITION.findall(encoded)))


def _opened(schema: dict[str, Any]) -> dict[str, Any]:
    opened = {"type": schema["type"]} if "type" in schema else {}
    return {**opened, "description": plain(schema["description"], 200)} if "description" in schema else opened


def _inferred(raw: dict[str, Any]) -> list[str]:
    for keyword, kind in _TYPE_OF_KEYWORD.items():
        if keyword in raw and raw[keyword] is not None:
            return [kind]
    form = raw.get("format")
    if isinstance(form, str) and form in _TYPE_OF_FORMAT:
        return [_TYPE_OF_FORMAT[form]]
    values = raw.get("enum")
    if isinstance(values, list) and values and all(isinstance(value, str) for value in values):
        return ["string"]
    return []


def _unwrapped(out: dict[str, Any]) -> dict[str, Any]:
    """A choice or conjunction of one is that one; the outer description is nearer to the use."""
    for key in _COMPOSING:
        parts = out.get(key)
        if parts and len(parts) == 1:
            rest = {name: value for name, value in out.items() if name != key}
            (only,) = parts
            if all(name == "description" or only.get(name, value) == value for name, value in rest.items()):
                out = {**only, **rest}
    return out


def _or_null(out: dict[str, Any]) -> dict[str, Any]:
    kinds = _type_list(out)
    branches = [branch for key in ("anyOf", "oneOf") for branch in out.get(key, ())]
    if "null" in kinds or any("null" in _type_list(branch) for branch in branches):
        return out
    if kinds and out.keys().isdisjoint(("$ref", *_COMPOSING)):
        return {**out, "type": [*kinds, "null"], **({"enum": [*out["enum"], None]} if "enum" in out else {})}
    outer = {key: out.pop(key) for key in ("description", "default", "deprecated", "examples") if key in out}
    parts = out["anyOf"] if out.keys() == {"anyOf"} else [out]
    return {"anyOf": [*parts, {"type": "null"}], **outer} if parts != [{}] else outer


def _type_list(schema: dict[str, Any]) -> list[str]:
    said = schema.get("type", [])
    return said if isinstance(said, list) else [said]


def _fitted(value: Any, types: list[str]) -> Any:
    """The value as one of the types, mended where there is no doubt what is meant, else absent."""
    kind = _kind(value)
    if not types or kind in types or (kind == "integer" and "number" in types):
        return value
    if kind == "number" and "integer" in types and math.isfinite(value) and value == int(value):
        return int(value)
    if kind == "string":
        text = value.strip()
        if "boolean" in types and text.lower() in ("true", "false"):
            return text.lower() == "true"
        if ("integer" in types or "number" in types) and len(text) <= 40:
            number = _number(text)
            if number is not None and ("number" in types or number == int(number)):
                return int(number) if number == int(number) and "." not in text else number
        if ("array" in types or "object" in types) and text[:1] in ("[", "{") and len(text) <= _LONGEST_DEFAULT:
            try:
                read = msgspec.json.decode(text)
            except (ValueError, RecursionError):
                return _ABSENT
            return read if _kind(read) in types else _ABSENT
    elif "string" in types and (kind == "boolean" or _number(value) is not None):
        return msgspec.json.encode(value).decode()
    if "array" in types and kind in ("string", "integer", "number") and value != "":
        return [value]
    return _ABSENT


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    return "array" if isinstance(value, list) else "object"


def _number(value: Any) -> int | float | None:
    if isinstance(value, str) and len(value) <= 40:
        try:
            value = float(value) if not re.fullmatch(r"[+-]?\d+", value.strip()) else int(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e300:
        return None
    return value if isinstance(value, float) or abs(value) < 2**64 else float(value)


def _strings(values: list[Any]) -> list[str]:
    return list(dict.fromkeys(value for value in values if isinstance(value, str) and len(value) <= _LONGEST_NAME))


def _several(found: Any) -> list[Any]:
    """Examples: a list, or by name each with its value."""
    if isinstance(found, list):
        return found[:_MOST_EXAMPLES]
    if isinstance(found, dict):
        found = [each for each in list(found.values())[:_MOST_EXAMPLES] if isinstance(each, dict)]
        return [each["value"] for each in found if "value" in each]
    return []


def _among(value: Any, values: list[Any]) -> bool:
    """As JSON has it: `true` is not 1."""
    return any(value == other and isinstance(value, bool) == isinstance(other, bool) for other in values)


def _length(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, bool | None):
        return 4
    try:
        return len(msgspec.json.encode(value)) if not isinstance(value, float) or math.isfinite(value) else 10**9
    except (ValueError, TypeError, RecursionError, OverflowError):
        return 10**9


def _short(value: Any) -> str:
    """A value as a message shows it: no more of it than a person reads."""
    if isinstance(value, str):
        return repr(value[:60])
    if isinstance(value, list | dict):
        return f"{'a list' if isinstance(value, list) else 'a mapping'} of {len(value):,}"
    if isinstance(value, int) and abs(value) >= 2**64:
        return "a number of more than 19 digits"
    return str(value)
