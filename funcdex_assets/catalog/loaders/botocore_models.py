"""Reads AWS service models in botocore's format: operations over named shapes.

Here belongs what this format expresses differently from JSON Schema: shapes by name, `min` and `max` that mean
something else for each type, documentation in HTML, blobs and timestamps. Structures and long enums become shared
definitions; small shapes are written where they are used. Each member of the input is an argument, whether it is sent
in the path, a header or the body.

>>> model = {"metadata": {"serviceId": "Notes"}, "operations": {"GetNote": {
...     "name": "GetNote", "documentation": "<p>Gets a note.</p>", "input": {"shape": "In"}, "output": {"shape": "Out"},
...     "errors": [{"shape": "NoSuchNote"}]}},
...     "shapes": {"In": {"type": "structure", "required": ["Id"], "members": {"Id": {"shape": "NoteId"}}},
...                "Out": {"type": "structure", "members": {"At": {"shape": "When"}, "Replies": {"shape": "Outs"}}},
...                "Outs": {"type": "list", "member": {"shape": "Out"}}, "When": {"type": "timestamp"},
...                "NoteId": {"type": "string", "min": 3}, "NoSuchNote": {"type": "structure", "members": {}}}}
>>> draft, = read_drafts(model)
>>> draft.name, draft.description, draft.parameters["properties"], draft.parameters["required"]
('GetNote', 'Gets a note.', {'Id': {'type': 'string', 'minLength': 3}}, ['Id'])
>>> draft.returns["properties"]["Replies"], list(draft.returns["$defs"]), list(draft.errors)
({'type': 'array', 'items': {'$ref': '#/$defs/Out'}}, ['Out'], ['NoSuchNote'])
"""

import html
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from funcdex_assets.catalog.drafts import Draft, DraftsAndProblems, Problem
from funcdex_assets.catalog.errors import CatalogError
from funcdex_assets.catalog.loaders.shared import mapping_or_empty, to_definition_name
from funcdex_assets.records.record import Json
from funcdex_assets.schema.validation import is_pattern

MOST_OPERATIONS = 20_000
MOST_DEFINITIONS = 2_000
"""That one operation may refer to, directly or not. So many are far larger than the registry accepts."""
MOST_ERRORS = 100
DEEPEST = 40
LONGEST_TEXT = 4_000
LONG_ENUM = 8  # choices; an enum with more is a shared definition
_MOST_KEPT = 500  # the same few errors are in all operations

_TYPES = {
    "string": "string",
    "character": "string",
    "blob": "string",
    "timestamp": "string",
    "integer": "integer",
    "short": "integer",
    "long": "integer",
    "biginteger": "integer",
    "float": "number",
    "double": "number",
    "bigdecimal": "number",
    "boolean": "boolean",
    "list": "array",
    "map": "object",
    "structure": "object",
}
_BOUNDS = {
    "string": ("minLength", "maxLength"),
    "integer": ("minimum", "maximum"),
    "number": ("minimum", "maximum"),
    "array": ("minItems", "maxItems"),
    "object": ("minProperties", "maxProperties"),
}
_NATURAL = frozenset(("minLength", "minItems", "minProperties"))  # for which 0 is no restriction
# A thousand repetitions of a Unicode class take up to 70 ms to compile, in each schema again; `max` states the length.
_LONG_REPEAT = re.compile(r"(?<!\\)\{(\d{1,3}),\d{4,}\}")
_EMPTY: dict[str, Json] = {"type": "object", "properties": {}, "additionalProperties": False}
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]*)[^<>]*>|<!--.*?-->", re.DOTALL)
_WITHIN_WORDS = frozenset("a b i em strong span sub sup u font".split())


def is_service_model(document: Any) -> bool:
    return isinstance(document, dict) and all(
        isinstance(document.get(key), dict) for key in ("metadata", "operations", "shapes")
    )


def read_drafts(document: Any) -> DraftsAndProblems:
    """Yields a draft for each operation, in the document's order, and problems.

    Raises:
        CatalogError: it is no service model.
    """
    if not is_service_model(document):
        keys = sorted(map(str, document))[:5] if isinstance(document, dict) else type(document).__name__
        raise CatalogError(
            f"The document ({keys}) is no AWS service model, which has metadata, operations and shapes; "
            "give a service-2.json of botocore"
        )
    shapes = _Shapes(document["shapes"])
    for number, (key, operation) in enumerate(document["operations"].items()):
        location = f"operations.{key[:100]}"
        if number == MOST_OPERATIONS:
            yield Problem(location, f"it and what follows come after the {MOST_OPERATIONS:,} operations that are read")
            return
        try:
            yield _draft_operation(location, key, operation, shapes)
        except ValueError as error:
            yield Problem(location, str(error))
        yield from shapes.take_problems()


def find_bundled_models(*, newest: bool = True) -> Iterator[Path]:
    """Yields the paths of the models in the installed botocore; by default only each service's newest version.

    Yields nothing if botocore is not installed.
    """
    package = importlib.util.find_spec("botocore")  # finds its folder and imports nothing
    if package is None:
        return
    for folder in map(Path, package.submodule_search_locations or ()):
        for service in sorted((folder / "data").glob("*/")):
            models = sorted(service.glob("*/service-2.json*"))  # versions are dates
            yield from models[-1:] if newest else models


class _Definition(NamedTuple):
    schema: dict[str, Json]
    names: tuple[str, ...]  # of the shapes that it refers to


class _Shapes:
    """The shapes of a model, each converted once and then shared."""

    def __init__(self, raw: dict[str, Any]) -> None:
        self.raw = raw
        self._definitions: dict[str, _Definition] = {}
        self._closed_structures: dict[str, dict[str, Json]] = {}
        self._problems: list[Problem] = []

    def convert_closed_structure(self, name: Any) -> dict[str, Json]:
        """Returns the schema of a structure with the `$defs` that it refers to, directly or not.

        Raises:
            ValueError: it is no structure of this model, or refers to too many shapes.
        """
        if not isinstance(name, str) or not isinstance(raw := self.raw.get(name), dict):
            raise ValueError(f"the shape {str(name)[:100]!r} is not in the document")
        if raw.get("type") != "structure":
            raise ValueError(f"the shape {name[:100]!r} is a {str(raw.get('type'))[:60]!r}, not a structure")
        if name not in self._closed_structures:
            if len(self._closed_structures) == _MOST_KEPT:
                self._closed_structures.clear()
            schema, names = self._convert_shape(name)
            reached: dict[str, dict[str, Json]] = {}
            pending = list(names)
            while pending:
                shape_name = pending.pop()
                if shape_name in reached:
                    continue
                if len(reached) == MOST_DEFINITIONS:
                    raise ValueError(f"it needs more than {MOST_DEFINITIONS:,} shapes, {shape_name[:100]!r} among them")
                reached[shape_name], referenced_names = self._convert_shape(shape_name)
                pending += referenced_names
            definitions = {to_definition_name(name): reached[name] for name in sorted(reached)}
            self._closed_structures[name] = schema | ({"$defs": definitions} if definitions else {})
        return self._closed_structures[name]

    def take_problems(self) -> list[Problem]:
        """Returns the problems since the last call, and forgets them."""
        problems, self._problems = self._problems, []
        return problems

    def _convert_shape(self, name: str) -> _Definition:
        definition = self._definitions.get(name)
        if definition is None:
            names: dict[str, None] = {}
            raw = self.raw[name]
            location = f"shapes.{name[:100]}"
            schema = (
                self._convert_structure(raw, names, location)
                if raw.get("type") == "structure"
                else self._convert_keywords(raw)
            )
            if text := _strip_markup(raw.get("documentation")):
                schema = {"description": text} | schema
            definition = self._definitions[name] = _Definition(schema, tuple(names))
        return definition

    def _convert_reference(
        self, reference: Any, names: dict[str, None], location: str, depth: int = 0
    ) -> dict[str, Json]:
        """Converts `{"shape": name}` to a `$ref` if the shape is shared, else to its schema.

        The name of a shared shape is added to `names`.
        """
        reference = reference if isinstance(reference, dict) else {}
        name = reference.get("shape")
        raw = self.raw.get(name) if isinstance(name, str) else None
        if not isinstance(name, str) or not isinstance(raw, dict) or depth > DEEPEST:
            self._report_problem(location, "nested too deeply" if depth > DEEPEST else f"no shape {str(name)[:100]!r}")
            return {}
        text = _strip_markup(reference.get("documentation"))
        deprecation = {"deprecated": True} if reference.get("deprecated") is True else {}
        if reference.get("jsonvalue") is True or raw.get("document") is True:
            schema: dict[str, Json] = {}  # any JSON
        elif raw.get("type") == "structure" or len(_list_choices(raw)) > LONG_ENUM:
            names[name] = None
            schema = {"$ref": f"#/$defs/{to_definition_name(name)}"}
        else:
            text = text or _strip_markup(raw.get("documentation"))
            schema = self._convert_keywords(raw)
            if schema.get("type") == "array":
                schema["items"] = self._convert_reference(raw.get("member"), names, f"{location}.member", depth + 1)
            elif schema.get("type") == "object":
                schema |= self._convert_map(raw, names, location, depth)
            elif not schema:
                self._report_problem(location, f"the unknown type {str(raw.get('type'))[:60]!r}")
        return ({"description": text} if text else {}) | schema | deprecation

    def _convert_structure(self, raw: dict[str, Any], names: dict[str, None], location: str) -> dict[str, Json]:
        members = mapping_or_empty(raw.get("members"))
        properties = {
            key: self._convert_reference(member, names, f"{location}.{key[:100]}") for key, member in members.items()
        }
        schema: dict[str, Json] = {"type": "object", "properties": properties}
        required = raw.get("required")
        required = [key for key in required if isinstance(key, str)] if isinstance(required, list) else []
        required = [key for key in required if key in members and not _is_made_by_client(members[key])]
        if required:
            schema["required"] = list(dict.fromkeys(required))
        if raw.get("union") is True or raw.get("eventstream") is True:
            schema |= {"minProperties": 1, "maxProperties": 1}
        if not properties:
            schema["additionalProperties"] = False
        return {"type": "array", "items": schema} if raw.get("eventstream") is True else schema

    def _convert_map(self, raw: dict[str, Any], names: dict[str, None], location: str, depth: int) -> dict[str, Json]:
        name = mapping_or_empty(raw.get("key")).get("shape")
        key = self._convert_keywords(mapping_or_empty(self.raw.get(name))) if isinstance(name, str) else {}
        key_constraint = {} if key.get("type") != "string" or len(key) == 1 else {"propertyNames": key}
        value = self._convert_reference(raw.get("value"), names, f"{location}.value", depth + 1)
        return {"additionalProperties": value or True} | key_constraint

    def _convert_keywords(self, raw: dict[str, Any]) -> dict[str, Json]:
        """Converts the keywords of a shape itself, without those of its members, items or values."""
        shape_type = raw.get("type")
        json_type = _TYPES.get(shape_type) if isinstance(shape_type, str) else None
        if json_type is None:
            return {}
        schema: dict[str, Json] = {"type": json_type}
        if shape_type == "timestamp":
            schema["format"] = "date-time"
        elif shape_type == "blob":
            schema["contentEncoding"] = "base64"  # so `min` and `max`, lengths of the blob, do not apply
        else:
            for key, bound in zip(_BOUNDS.get(json_type, ()), (raw.get("min"), raw.get("max")), strict=False):
                is_bound = type(bound) is int or (type(bound) is float and json_type == "number")
                if is_bound and (bound or key not in _NATURAL):
                    schema[key] = bound
            if choices := _list_choices(raw):
                schema["enum"] = choices
            pattern = raw.get("pattern")
            if json_type == "string" and isinstance(pattern, str):
                pattern = _LONG_REPEAT.sub(r"{\1,}", pattern[:LONGEST_TEXT])
                if is_pattern(pattern):
                    schema["pattern"] = pattern
        if raw.get("deprecated") is True:
            schema["deprecated"] = True
        return schema

    def _report_problem(self, location: str, reason: str) -> None:
        self._problems.append(Problem(location[:500], f"{reason}; anything is allowed there", lost=False))


def _draft_operation(location: str, key: str, operation: Any, shapes: _Shapes) -> Draft:
    """Builds the draft of one operation.

    Raises:
        ValueError: the operation cannot be called as the document has it.
    """
    if not isinstance(operation, dict):
        raise ValueError(f"the operation is {str(operation)[:60]!r}, not an object")
    name = operation.get("name")
    input_shape, output_shape = operation.get("input"), operation.get("output")
    parameters = (
        shapes.convert_closed_structure(mapping_or_empty(input_shape).get("shape"))
        if input_shape is not None
        else _EMPTY
    )
    parameters = {key: value for key, value in parameters.items() if key not in ("description", "$defs")} | {
        "additionalProperties": False,
        **({"$defs": parameters["$defs"]} if "$defs" in parameters else {}),
    }
    text = _strip_markup(operation.get("documentation"))
    if operation.get("deprecated") is True and not text.lower().startswith("deprecated"):
        text = f"Deprecated. {_strip_markup(operation.get('deprecatedMessage'))} {text}"
    return Draft(
        location=location,
        name=name if isinstance(name, str) and name else key,
        description=text,
        parameters=parameters,
        returns=shapes.convert_closed_structure(mapping_or_empty(output_shape).get("shape"))
        if output_shape is not None
        else dict(_EMPTY),
        errors=_convert_errors(operation, shapes),
    )


def _convert_errors(operation: dict[str, Any], shapes: _Shapes) -> dict[str, Json]:
    raw = operation.get("errors")
    names = [mapping_or_empty(error).get("shape") for error in raw[:MOST_ERRORS]] if isinstance(raw, list) else []
    return {
        name: shapes.convert_closed_structure(name) for name in names if isinstance(name, str) and name in shapes.raw
    }


def _is_made_by_client(member: Any) -> bool:
    return isinstance(member, dict) and member.get("idempotencyToken") is True


def _list_choices(raw: dict[str, Any]) -> list[str]:
    choices = raw.get("enum")
    if raw.get("type") != "string" or not isinstance(choices, list):
        return []
    return list(dict.fromkeys(choice for choice in choices if isinstance(choice, str)))


def _strip_markup(raw: Any) -> str:
    """Returns documentation without its HTML, on one line and at most `LONGEST_TEXT` letters.

    >>> _strip_markup("<p>Sets the <code>Key</code> of a&nbsp;<a href='#'>bucket</a>:</p>"
    ...               "<ul><li><p>one</p></li> <li>two</ul>")
    'Sets the `Key` of a bucket: - one - two'
    """
    if not isinstance(raw, str):
        return ""
    text = " ".join(html.unescape(_TAG.sub(_replace_tag, raw[: 4 * LONGEST_TEXT])).split())
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"


def _replace_tag(tag: re.Match[str]) -> str:
    name = (tag[2] or "").lower()
    if name == "code":
        return "`"
    if name == "li" and not tag[1]:
        return " - "
    return "" if name in _WITHIN_WORDS else " "
