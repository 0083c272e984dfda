"""Converts schemas of OpenAPI 3 and Swagger 2, including common mistakes in them, to JSON Schema 2020-12.

Here belongs how each schema keyword is converted, and how the tools of a document share its named schemas; operations
are in `loaders.openapi`. Each named schema is converted once per side: a `readOnly` property is no part of an input, a
`writeOnly` property no part of an output.

>>> shared = Definitions({"definitions": {"Pet": {"properties": {"id": {"type": "integer", "readOnly": True},
...     "name": {"type": "string", "x-nullable": True}, "next": {"$ref": "#/definitions/Pet"}}}}})
>>> shared.convert_with_definitions({"type": "array", "items": {"$ref": "#/definitions/Pet"}}, "input", "here")["items"]
{'$ref': '#/$defs/Pet'}
>>> shared.convert_definition("Pet", "input")["properties"]
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
from funcdex_assets.schema.json_pointers import at_pointer, unescape_step
from funcdex_assets.schema.schema import name_json_type
from funcdex_assets.schema.validation import is_pattern

Side = Literal["input", "output"]

MOST_BYTES = 256 * 2**10
"""Of one schema with all definitions that it refers to, directly or not."""
MOST_NODES = 10_000
"""Subschemas written in one place. The largest among 125,000 public operations has 679."""
DEEPEST = 64
LONGEST_TEXT = 1500
_LONGEST_NAME = 200
_MOST_ENUM = 5000
_MOST_CLOSED = 256  # errors and pages are named again and again, most results once; each may have thousands of names
_MOST_EXAMPLES = 3
_LONGEST_EXAMPLE = 500
_LONGEST_DEFAULT = 2000
_LONGEST_PATTERN = 2000
_MOST_PROBLEMS = 20

_TYPES = ("string", "integer", "number", "boolean", "array", "object", "null")
_TYPES_BY_WORD = {
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
_NO_VALUE: Any = object()

_REF_TO_DEFINITION = re.compile(rb'"\$ref":"#/\$defs/([A-Za-z0-9._-]+)"')
_TAG = re.compile(
    r"<(?:!--|/?(?:(?P<within>a|b|i|u|em|strong|code|tt|span|sup|sub|font|small)|p|br|ul|ol|li|pre|h[1-6]|table|thead"
    r"|tbody|tr|td|th|div|img|hr|dl|dt|dd|blockquote|details|summary|section|note|important|para|fullname|title|caution"
    r"|tip)\b)[^<>]{0,500}>",
    re.IGNORECASE,
)


def strip_markup(text: Any, limit: int = LONGEST_TEXT) -> str:
    """Returns text without HTML tags, with single spaces, cut at `limit` letters; '' for a value that is no text."""
    if not isinstance(text, str):
        return ""
    text = text[: 4 * limit]
    if "<" in text:
        text = _TAG.sub(lambda tag: "" if tag["within"] else " ", text)
    if "&" in text:
        text = html.unescape(text)
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def parse_local_pointer(ref: str) -> str | None:
    """Returns the JSON pointer of a reference into its own document; None for a reference into another document."""
    return unquote(ref[1:]) if ref.startswith("#/") else None


class Definition(NamedTuple):
    """A converted schema, its size as JSON in bytes, and the names of the definitions that it refers to."""

    schema: dict[str, Any]
    size: int
    names: tuple[str, ...]


class Definitions:
    """The named schemas of one document, each converted when it is first needed and then shared.

    `pointer_of` turns a reference into a JSON pointer, None if it is not into this document. `siblings` is True if
    keywords beside a `$ref` count, as since OpenAPI 3.1. What could not be converted is collected as problems, which
    `take_problems` hands over.
    """

    def __init__(
        self, document: Any, pointer_of: Callable[[str], str | None] = parse_local_pointer, siblings: bool = False
    ) -> None:
        self.document = document
        self.pointer_of = pointer_of
        self.siblings = siblings
        self._problems: list[Problem] = []
        self._reported_problems: set[Problem] = set()
        self._name_of: dict[str, str] = {}
        self._pointer_of_name: dict[str, str] = {}
        self._converted: dict[tuple[Side, str], Definition] = {}
        self._in_conversion: set[tuple[Side, str]] = set()
        self._closed_schemas: dict[tuple[Side, str, int], dict[str, Any]] = {}

    def take_problems(self) -> Iterator[Problem]:
        """Yields the problems since the last call, and forgets them."""
        unreported, self._problems = self._problems, []
        yield from unreported

    def report_problem(self, location: str, reason: str) -> None:
        """Adds a problem that costs no tool; the same problem is reported once per document."""
        problem = Problem(location, reason, lost=False)
        if problem not in self._reported_problems:
            self._reported_problems.add(problem)
            self._problems.append(problem)

    def convert_schema(self, raw: Any, side: Side, location: str) -> dict[str, Any]:
        """Converts a schema; its references point into `$defs`, which `attach_definitions` adds."""
        return _Conversion(self, side).convert_schema(raw, location, 0)

    def convert_with_definitions(
        self, raw: Any, side: Side, location: str, max_bytes: int = MOST_BYTES
    ) -> dict[str, Any]:
        """Converts a schema and attaches the definitions that it refers to, up to `max_bytes` together."""
        return self.attach_definitions(self.convert_schema(raw, side, location), side, location, max_bytes)

    def convert_definition(self, name: str, side: Side, depth: int = 0) -> dict[str, Any]:
        """Returns the converted schema of a definition, by its name in `$defs`."""
        return self._build_definition(name, side, depth).schema

    def attach_definitions(
        self, schema: dict[str, Any], side: Side, location: str, max_bytes: int = MOST_BYTES
    ) -> dict[str, Any]:
        """Returns a converted schema with the `$defs` that it refers to, directly or not.

        Definitions are added breadth first; those that would make more than `max_bytes` are reduced to their type. A
        schema that is only a reference is replaced by its target, and all callers share one object of it.
        """
        cache_key = None
        if schema.keys() == {"$ref"}:
            name = schema["$ref"].removeprefix("#/$defs/")
            cache_key = (side, name, max_bytes)
            if cache_key in self._closed_schemas:
                return self._closed_schemas[cache_key]
            while len(self._closed_schemas) >= _MOST_CLOSED:
                del self._closed_schemas[next(iter(self._closed_schemas))]
            schema, size, names = self._build_definition(name, side)
        else:
            size, names = _measure_schema(schema)
        definitions: dict[str, Any] = {}
        open_count = 0
        pending = list(names)
        queued = set(pending)
        while pending:
            following: list[str] = []
            for name in pending:
                definition = self._build_definition(name, side)
                size += len(name) + definition.size + 6
                if size > max_bytes:
                    size -= definition.size
                    open_count += 1
                    definitions[name] = _reduce_to_type(definition.schema)
                    continue
                definitions[name] = definition.schema
                new_names = [name for name in definition.names if name not in queued]
                queued.update(new_names)
                following += new_names
            pending = following
        if open_count:
            self.report_problem(
                location, f"{open_count} definitions are left open, which would make more than {max_bytes:,} bytes"
            )
        result = {**schema, "$defs": definitions} if definitions else schema
        if cache_key:
            self._closed_schemas[cache_key] = result
        return result

    def convert_reference(self, ref: str, side: Side, same_value: bool, location: str, depth: int) -> dict[str, Any]:
        """Converts a reference to `{"$ref": "#/$defs/…"}`; {} if it leads nowhere.

        `same_value` is True if the reference describes the same value as the definition that contains it, as in
        `allOf`, and not a property of it. A circle of such references has no meaning, so it is cut.
        """
        pointer = self.pointer_of(ref)
        if pointer is None:
            self.report_problem(location, f"left open: {ref[:100]!r} is outside of the document")
            return {}
        name = self._name_of.get(pointer) or self._choose_definition_name(pointer)
        if not name:
            self.report_problem(location, f"left open: {ref[:100]!r} leads nowhere")
            return {}
        if same_value:
            if (side, name) in self._in_conversion or depth >= DEEPEST:
                self.report_problem(location, f"left open: {ref[:100]!r} leads back to itself, or too far")
                return {}
            self._build_definition(name, side, depth + 1)
        return {"$ref": f"#/$defs/{name}"}

    def resolve_reference(self, raw: Any) -> Any:
        """Follows a reference, over up to 8 steps, to its target; a value that is no reference is returned as it is.

        Returns None if it leads nowhere.
        """
        for _ in range(8):
            if not isinstance(raw, dict) or not isinstance(raw.get("$ref"), str):
                return raw
            pointer = self.pointer_of(raw["$ref"])
            raw = None if pointer is None else self._resolve_pointer(pointer)
        return None

    def _resolve_pointer(self, pointer: str) -> Any:
        try:
            return at_pointer(self.document, pointer)
        except ValueError:  # a step of digits that is no legal index
            return None

    def _build_definition(self, name: str, side: Side, depth: int = 0) -> Definition:
        key = (side, name)
        if key not in self._converted:
            pointer = self._pointer_of_name[name]
            self._in_conversion.add(key)
            location = ".".join(pointer[1:].split("/"))[:300]
            schema = _Conversion(self, side).convert_schema(self._resolve_pointer(pointer), location, depth)
            self._in_conversion.discard(key)
            self._converted[key] = Definition(schema, *_measure_schema(schema))
        return self._converted[key]

    def _choose_definition_name(self, pointer: str) -> str:
        """Returns a short unique definition name of safe letters for a pointer; '' if no schema is there."""
        if not isinstance(self._resolve_pointer(pointer), dict | bool):
            return ""
        steps = [unescape_step(step) for step in pointer.split("/")[1:]]
        is_usual_depth = len(steps) == 2 or (len(steps) == 3 and steps[0] == "components")
        stem = (
            re.sub(r"[^A-Za-z0-9.]+", "_", "_".join(steps[-1:] if is_usual_depth else steps[-4:])).strip("_")[:80]
            or "part"
        )
        name, number = stem, 2
        while name in self._pointer_of_name:
            name, number = f"{stem}_{number}", number + 1
        self._name_of[pointer] = name
        self._pointer_of_name[name] = pointer
        return name


class _Conversion:
    """The conversion of one schema, with a budget of subschemas and problems."""

    def __init__(self, shared: Definitions, side: Side) -> None:
        self.shared = shared
        self.side: Side = side
        self.hidden_keyword = _ONE_SIDED[side]
        self.remaining_nodes = MOST_NODES
        self.problem_count = 0

    def report_problem(self, location: str, reason: str) -> None:
        self.problem_count += 1
        if self.problem_count <= _MOST_PROBLEMS:
            self.shared.report_problem(location[:500], reason)

    def convert_schema(
        self, raw: Any, location: str, depth: int, same_value: bool = True, is_branch: bool = False
    ) -> dict[str, Any]:
        """Converts a schema, and those below it.

        `same_value` is as in `convert_reference`. `is_branch` is True below `allOf`, `anyOf`, `not` and the like: other
        schemas hold for the same value, so no type is inferred and required properties may be declared elsewhere.
        """
        self.remaining_nodes -= 1
        if isinstance(raw, bool):
            return {} if raw else {"not": {}}
        if not isinstance(raw, dict):
            self.report_problem(location, f"left open: {_shorten_for_message(raw)} is no schema")
            return {}
        if self.remaining_nodes < 0 or depth > DEEPEST:
            self.report_problem(
                location, f"left open: more than {DEEPEST} levels or {MOST_NODES:,} subschemas in one place"
            )
            return {}
        out: dict[str, Any] = {}
        ref = raw.get("$ref")
        if isinstance(ref, str):
            out = self.shared.convert_reference(ref, self.side, same_value, location, depth)
            if out and not self.shared.siblings:
                if len(raw) == 1:
                    return out
                raw = {key: value for key, value in raw.items() if key in _BESIDE_REF}
        is_composed = "$ref" in out or any(key in raw for key in _COMPOSING)
        types = self._convert_types(raw, out, location, infer=not (is_branch or is_composed))
        nullable = raw.get("nullable") is True or raw.get("x-nullable") is True
        if nullable and types and not is_composed and "null" not in types:
            types = [*types, "null"]
        if types:
            out["type"] = types[0] if len(types) == 1 else types
        self._add_annotations(raw, out)
        self._add_limits(raw, out, location)
        if "properties" in raw:
            self._add_properties(raw, out, location, depth, is_branch or is_composed)
        elif isinstance(raw.get("required"), list) and (is_branch or is_composed or "additionalProperties" in raw):
            out["required"] = _keep_strings(raw["required"])
        self._add_subschemas(raw, out, location, depth, same_value)
        self._add_values(raw, out, types, location)
        if not is_composed:
            return out
        out = _unwrap_single_branches(out)
        return _allow_null(out) if nullable else out

    def _add_annotations(self, raw: dict[str, Any], out: dict[str, Any]) -> None:
        text = strip_markup(raw.get("description"))
        if not text and " " in (title := strip_markup(raw.get("title"), 200)):  # of one word, it is the name of a class
            text = title
        if text:
            out["description"] = text
        format_name = raw.get("format")
        if format_name and isinstance(format_name, str):
            out["format"] = format_name[:100]
        if raw.get("deprecated") is True:
            out["deprecated"] = True

    def _convert_types(self, raw: dict[str, Any], out: dict[str, Any], location: str, infer: bool) -> list[str]:
        declared = raw.get("type")
        if isinstance(declared, str) and declared in _TYPES:
            return [declared]
        types: list[str] = []
        for type_word in declared if isinstance(declared, list) else [] if declared is None else [declared]:
            json_type = type_word.strip().lower() if isinstance(type_word, str) else type_word
            format_name = ""
            if isinstance(json_type, str) and json_type not in _TYPES:
                json_type, format_name = _TYPES_BY_WORD.get(json_type, (None, ""))
            if json_type is None or not isinstance(json_type, str):
                self.report_problem(location, f"its type {_shorten_for_message(type_word)} is left out")
            elif json_type and json_type not in types:
                types.append(json_type)
            if format_name:
                out.setdefault("format", format_name)
        if not types and infer and declared is None:
            return _infer_types(raw)
        return types

    def _add_limits(self, raw: dict[str, Any], out: dict[str, Any], location: str) -> None:
        for key, value in raw.items():
            if key not in _NUMERIC:
                continue
            if isinstance(value, bool) and key in ("exclusiveMinimum", "exclusiveMaximum"):
                continue
            number = _parse_number(value)
            if key in _COUNTS and (number is None or number < 0 or number % 1):
                number = None
            if number is None or (key == "multipleOf" and number <= 0):
                if value is not None:
                    self.report_problem(location, f"its {key} {_shorten_for_message(value)} is left out")
            else:
                out[key] = int(number) if key in _COUNTS else number
        for bound, strict in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
            if raw.get(strict) is True and bound in out:
                out[strict] = out.pop(bound)
        if raw.get("uniqueItems") is True:
            out["uniqueItems"] = True
        if "pattern" in raw and (pattern := self._convert_pattern(raw["pattern"], location)):
            out["pattern"] = pattern

    def _convert_pattern(self, pattern: Any, location: str) -> str:
        if not isinstance(pattern, str):
            self.report_problem(location, f"its pattern {_shorten_for_message(pattern)} is left out")
            return ""
        if slashed := re.fullmatch(r"/(\^.*\$)/[a-z]*", pattern):  # as JavaScript writes a literal
            pattern = slashed[1]
        if pattern and not (len(pattern) <= _LONGEST_PATTERN and is_pattern(pattern)):
            self.report_problem(
                location,
                f"its pattern {_shorten_for_message(pattern)} is no regular expression that can be checked; left out",
            )
            return ""
        return pattern

    def _add_properties(
        self, raw: dict[str, Any], out: dict[str, Any], location: str, depth: int, is_branch: bool
    ) -> None:
        declared = raw["properties"]
        if not isinstance(declared, dict):
            if declared is not None:
                self.report_problem(location, f"its properties {_shorten_for_message(declared)} are left out")
            return
        properties: dict[str, Any] = {}
        required = raw.get("required")
        required_names = dict.fromkeys(_keep_strings(required)) if isinstance(required, list) else {}
        hidden_names: set[str] = set()
        for name, property_schema in declared.items():
            if self.remaining_nodes <= 0:
                self.report_problem(location, f"left out: properties beyond {MOST_NODES:,} subschemas in one place")
                hidden_names.update(declared.keys() - properties.keys())
                break
            if self._is_hidden(property_schema):
                hidden_names.add(name)
                continue
            if len(name) > _LONGEST_NAME:
                self.report_problem(location, f"a property is left out whose name has {len(name):,} letters")
                hidden_names.add(name)
                continue
            properties[name] = self.convert_schema(property_schema, f"{location}.{name}", depth + 1, same_value=False)
            if isinstance(property_schema, dict) and property_schema.get("required") is True:
                required_names[name] = None
        required = [name for name in required_names if name in properties or (is_branch and name not in hidden_names)]
        undeclared = next(
            (name for name in required_names if not (is_branch or name in properties or name in hidden_names)), None
        )
        if undeclared is not None:
            self.report_problem(
                location, f"it requires {_shorten_for_message(undeclared)}, which it does not declare; left out"
            )
        if properties or not is_branch:
            out["properties"] = properties
        if required:
            out["required"] = required

    def _is_hidden(self, raw: Any) -> bool:
        """Tells if only the other side may have this property: by itself, a branch of `allOf`, or its target."""
        if not isinstance(raw, dict):
            return False
        if raw.get(self.hidden_keyword) is True:
            return True
        if "$ref" in raw:
            target = self.shared.resolve_reference(raw)
            return isinstance(target, dict) and target.get(self.hidden_keyword) is True
        branches = raw.get("allOf")
        return isinstance(branches, list) and any(
            isinstance(branch, dict) and branch.get(self.hidden_keyword) is True for branch in branches[:20]
        )

    def _add_subschemas(
        self, raw: dict[str, Any], out: dict[str, Any], location: str, depth: int, same_value: bool
    ) -> None:
        for key, value in raw.items():
            if key not in _NESTING:
                continue
            below = f"{location}.{key}"
            if key == "items" and isinstance(value, list):
                key = "prefixItems"
            if key in _LISTS:
                if not isinstance(value, list):
                    self.report_problem(location, f"its {key} {_shorten_for_message(value)} is left out")
                    continue
                branches = [
                    self.convert_schema(
                        subschema,
                        f"{below}.{index}",
                        depth + 1,
                        same_value and key != "prefixItems",
                        key != "prefixItems",
                    )
                    for index, subschema in enumerate(value[: max(self.remaining_nodes, 0)])
                ]
                if branches:
                    out[key] = branches
            elif key in ("items", *_MEMBERS):
                if key == "items" and value is None:
                    continue
                out[key] = self.convert_schema(value, below, depth + 1, same_value=False)
            elif key in _PARTS:
                out[key] = self.convert_schema(value, below, depth + 1, same_value, is_branch=True)
            elif key == "additionalProperties":
                if isinstance(value, bool):
                    out[key] = value
                elif isinstance(value, dict):
                    out[key] = self.convert_schema(value, below, depth + 1, same_value=False) or True
                else:
                    self.report_problem(
                        location, f"its additionalProperties {_shorten_for_message(value)} are left out"
                    )
            elif isinstance(value, dict):
                converted = {
                    name: self.convert_schema(
                        subschema, f"{below}.{name}", depth + 1, same_value and key == "dependentSchemas"
                    )
                    for name, subschema in list(value.items())[: max(self.remaining_nodes, 0)]
                    if len(name) <= _LONGEST_NAME and (key != "patternProperties" or self._convert_pattern(name, below))
                }
                if converted:
                    out[key] = converted

    def _add_values(self, raw: dict[str, Any], out: dict[str, Any], types: list[str], location: str) -> None:
        if "const" in raw and _measure_length(raw["const"]) <= _LONGEST_DEFAULT:
            out["const"] = raw["const"]
        if "enum" in raw:
            self._add_enum(raw["enum"], out, types, location)
        if "default" in raw and raw["default"] is not None:
            default = _fit_to_types(raw["default"], types)
            if default is _NO_VALUE or _measure_length(default) > _LONGEST_DEFAULT:
                default_text = _shorten_for_message(raw["default"])
                self.report_problem(
                    location, f"its default {default_text} is left out: it has another type or is too long"
                )
            elif "enum" in out and not _contains_value(default, out["enum"]):
                self.report_problem(
                    location,
                    f"its default {_shorten_for_message(default)} is left out: it is none of the values allowed",
                )
            else:
                out["default"] = default
        examples = [*_list_examples(raw.get("examples")), *([raw["example"]] if raw.get("example") is not None else [])]
        usable_examples: list[Any] = []
        for example in examples[:_MOST_EXAMPLES]:
            value = _fit_to_types(example, types)
            if (
                value is not _NO_VALUE
                and value != ""
                and _measure_length(value) <= _LONGEST_EXAMPLE
                and value not in usable_examples
            ):
                usable_examples.append(value)
        if usable_examples:
            out["examples"] = usable_examples

    def _add_enum(self, choices: Any, out: dict[str, Any], types: list[str], location: str) -> None:
        if not isinstance(choices, list) or not choices or len(choices) > _MOST_ENUM:
            choices_text = f"{len(choices):,} values" if isinstance(choices, list) else _shorten_for_message(choices)
            self.report_problem(location, f"its enum of {choices_text} is left out")
            return
        items = out.get("items")
        if types and types[0] == "array" and not any(isinstance(value, list) for value in choices):
            if isinstance(items, dict) and "enum" not in items and "$ref" not in items:
                self._add_enum(
                    choices, items, _list_types(items), location
                )  # many write the enum of the items beside the array
            return
        fitted = [value for value in (_fit_to_types(value, types) for value in choices) if value is not _NO_VALUE]
        values = {msgspec.json.encode(value): value for value in fitted if _measure_length(value) <= _LONGEST_DEFAULT}
        if values.keys() - {b"null"}:
            out["enum"] = list(values.values()) if "null" not in types else list({**values, b"null": None}.values())
        elif values and (not types or "null" in types):
            out["enum"] = [None]
        else:
            self.report_problem(
                location,
                f"its enum {_shorten_for_message(choices)} is left out: none of it has the type {'|'.join(types)}",
            )


_NUMERIC = frozenset((*_BOUNDS, *_COUNTS))
_NAMED = ("patternProperties", "dependentSchemas")
_NESTING = frozenset((*_LISTS, *_PARTS, *_MEMBERS, *_NAMED, "items", "additionalProperties"))


def _measure_schema(schema: dict[str, Any]) -> tuple[int, tuple[str, ...]]:
    """Returns the size of a converted schema as JSON, and the names of the definitions that it refers to."""
    encoded = msgspec.json.encode(schema)
    return len(encoded), tuple(dict.fromkeys(name.decode() for name in _REF_TO_DEFINITION.findall(encoded)))


def _reduce_to_type(schema: dict[str, Any]) -> dict[str, Any]:
    """Keeps only the type and a short description of a schema that is too large to attach."""
    opened = {"type": schema["type"]} if "type" in schema else {}
    return {**opened, "description": strip_markup(schema["description"], 200)} if "description" in schema else opened


def _infer_types(raw: dict[str, Any]) -> list[str]:
    """Infers the type of a schema that states none, from its keywords, its format or its enum; [] if unclear."""
    for keyword, json_type in _TYPE_OF_KEYWORD.items():
        if keyword in raw and raw[keyword] is not None:
            return [json_type]
    format_name = raw.get("format")
    if isinstance(format_name, str) and format_name in _TYPE_OF_FORMAT:
        return [_TYPE_OF_FORMAT[format_name]]
    values = raw.get("enum")
    if isinstance(values, list) and values and all(isinstance(value, str) for value in values):
        return ["string"]
    return []


def _unwrap_single_branches(out: dict[str, Any]) -> dict[str, Any]:
    """Merges a choice or conjunction of one branch into that branch; the outer, more specific description wins."""
    for key in _COMPOSING:
        branches = out.get(key)
        if branches and len(branches) == 1:
            outer = {name: value for name, value in out.items() if name != key}
            (only,) = branches
            if all(name == "description" or only.get(name, value) == value for name, value in outer.items()):
                out = {**only, **outer}
    return out


def _allow_null(out: dict[str, Any]) -> dict[str, Any]:
    """Makes a schema allow null too, as `nullable: true` asks for."""
    types = _list_types(out)
    branches = [branch for key in ("anyOf", "oneOf") for branch in out.get(key, ())]
    if "null" in types or any("null" in _list_types(branch) for branch in branches):
        return out
    if types and out.keys().isdisjoint(("$ref", *_COMPOSING)):
        return {**out, "type": [*types, "null"], **({"enum": [*out["enum"], None]} if "enum" in out else {})}
    outer = {key: out.pop(key) for key in ("description", "default", "deprecated", "examples") if key in out}
    alternatives = out["anyOf"] if out.keys() == {"anyOf"} else [out]
    return {"anyOf": [*alternatives, {"type": "null"}], **outer} if alternatives != [{}] else outer


def _list_types(schema: dict[str, Any]) -> list[str]:
    declared = schema.get("type", [])
    return declared if isinstance(declared, list) else [declared]


def _fit_to_types(value: Any, types: list[str]) -> Any:
    """Returns the value as one of the types, converted where the intent is clear (`"5"` to 5); else `_NO_VALUE`."""
    json_type = name_json_type(value)
    if not types or json_type in types or (json_type == "integer" and "number" in types):
        return value
    if json_type == "number" and "integer" in types and math.isfinite(value) and value == int(value):
        return int(value)
    if json_type == "string":
        text = value.strip()
        if "boolean" in types and text.lower() in ("true", "false"):
            return text.lower() == "true"
        if ("integer" in types or "number" in types) and len(text) <= 40:
            number = _parse_number(text)
            if number is not None and ("number" in types or number == int(number)):
                return int(number) if number == int(number) and "." not in text else number
        if ("array" in types or "object" in types) and text[:1] in ("[", "{") and len(text) <= _LONGEST_DEFAULT:
            try:
                decoded = msgspec.json.decode(text)
            except (ValueError, RecursionError):
                return _NO_VALUE
            return decoded if name_json_type(decoded) in types else _NO_VALUE
    elif "string" in types and (json_type == "boolean" or _parse_number(value) is not None):
        return msgspec.json.encode(value).decode()
    if "array" in types and json_type in ("string", "integer", "number") and value != "":
        return [value]
    return _NO_VALUE


def _parse_number(value: Any) -> int | float | None:
    if isinstance(value, str) and len(value) <= 40:
        try:
            value = float(value) if not re.fullmatch(r"[+-]?\d+", value.strip()) else int(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e300:
        return None
    return value if isinstance(value, float) or abs(value) < 2**64 else float(value)


def _keep_strings(values: list[Any]) -> list[str]:
    return list(dict.fromkeys(value for value in values if isinstance(value, str) and len(value) <= _LONGEST_NAME))


def _list_examples(examples: Any) -> list[Any]:
    """Lists the values of `examples`: a list (JSON Schema), or a mapping of names to `{"value": …}` (OpenAPI)."""
    if isinstance(examples, list):
        return examples[:_MOST_EXAMPLES]
    if isinstance(examples, dict):
        examples = [entry for entry in list(examples.values())[:_MOST_EXAMPLES] if isinstance(entry, dict)]
        return [entry["value"] for entry in examples if "value" in entry]
    return []


def _contains_value(value: Any, values: list[Any]) -> bool:
    """Tells if a value is in a list by JSON's equality, in which `true` is not 1."""
    return any(value == candidate and isinstance(value, bool) == isinstance(candidate, bool) for candidate in values)


def _measure_length(value: Any) -> int:
    """Returns the length of a text, or of another value as JSON; 10**9 for a value that JSON cannot hold."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, bool | None):
        return 4
    try:
        return len(msgspec.json.encode(value)) if not isinstance(value, float) or math.isfinite(value) else 10**9
    except (ValueError, TypeError, RecursionError, OverflowError):
        return 10**9


def _shorten_for_message(value: Any) -> str:
    """Renders a value for a message, shortened to 60 letters or to its size."""
    if isinstance(value, str):
        return repr(value[:60])
    if isinstance(value, list | dict):
        return f"{'a list' if isinstance(value, list) else 'a mapping'} of {len(value):,}"
    if isinstance(value, int) and abs(value) >= 2**64:
        return "a number of more than 19 digits"
    return str(value)
