"""Reads Google API discovery documents: the methods of a service, nested in resources, over shared schemas.

Here belongs what this format expresses differently from JSON Schema: numbers in strings, `repeated`, descriptions of
enum values in a list of their own, a `$ref` that is a bare name, and output-only properties. Each schema becomes two
definitions, one for requests and one for responses. The properties of a request's body are arguments beside the
method's parameters; a property with the name and type of a parameter is that parameter, since a path is made of fields
of the body (google.api.http). If the types differ, the whole body is the argument `body`.

>>> document = {"kind": KIND, "resources": {"notes": {"methods": {"get": {
...     "id": "keep.notes.get", "description": "Gets a note.", "parameterOrder": ["noteId"],
...     "parameters": {"noteId": {"type": "string", "location": "path", "required": True},
...                    "max": {"type": "integer", "format": "int32", "default": "10", "location": "query"}},
...     "response": {"$ref": "Note"}}}}},
...     "schemas": {"Note": {"type": "object", "properties": {"parent": {"$ref": "Note"}}}}}
>>> draft, = read_drafts(document)
>>> draft.name, draft.parameters["required"], draft.parameters["properties"]["max"]
('keep.notes.get', ['noteId'], {'type': 'integer', 'format': 'int32', 'default': 10})
>>> draft.returns["properties"], list(draft.returns["$defs"])
({'parent': {'$ref': '#/$defs/Note'}}, ['Note'])
"""

import importlib.util
import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from funcdex_assets.catalog.drafts import Draft, DraftsAndProblems, Problem
from funcdex_assets.catalog.errors import CatalogError
from funcdex_assets.catalog.loaders.shared import mapping_or_empty, to_definition_name
from funcdex_assets.records.record import Json
from funcdex_assets.schema.validation import is_pattern

KIND = "discovery#restDescription"
MOST_METHODS = 20_000
MOST_DEFINITIONS = 2_000
"""That one method may refer to, directly or not. So many are far larger than the registry accepts."""
DEEPEST = 40
LONGEST_TEXT = 4_000

_DATES = {"google-datetime": "date-time"}
_PATTERNS = {"int64": r"^-?\d+$", "uint64": r"^\d+$", "google-duration": r"^-?\d+(\.\d+)?s$"}
_EMPTY: dict[str, Json] = {"type": "object", "properties": {}, "additionalProperties": False}
# "Output only." and "[Output Only] …" at the beginning, or "Read-only." as a sentence. Not "Output only if it is new."
_OUTPUT_ONLY = re.compile(
    r"(?:deprecated: )?\W?output[- ]only\b(?! when| if| otherwise)"
    r"|(?s:.{0,2000}?)(?:^|[.)\]] )\W?(?:output|read)[- ]only(?: field)?[.)\]]",
    re.IGNORECASE,
)
_VERSION = re.compile(r"(.*?)_?v(\d+)(?:[._](\d+))?(.*)")


def is_discovery_document(document: Any) -> bool:
    return isinstance(document, dict) and document.get("kind") == KIND


def read_drafts(document: Any) -> DraftsAndProblems:
    """Yields a draft for each method, in the document's order, and problems.

    Raises:
        CatalogError: it is no discovery document.
    """
    if not is_discovery_document(document):
        kind = document.get("kind") if isinstance(document, dict) else type(document).__name__
        raise CatalogError(f"The document is {str(kind)[:60]!r}, not {KIND!r}; give the service's discovery document")
    schemas = _Schemas(mapping_or_empty(document.get("schemas")))
    for number, (location, key, method) in enumerate(_walk_methods(document)):
        if number == MOST_METHODS:
            yield Problem(location, f"it and what follows come after the {MOST_METHODS:,} methods that are read")
            return
        try:
            yield _draft_method(location, key, method, schemas)
        except ValueError as error:
            yield Problem(location, str(error))
        yield from schemas.take_problems()


def find_bundled_documents(*, newest: bool = True) -> Iterator[Path]:
    """Yields the paths of the documents in the installed google-api-python-client.

    By default only the newest stable version of each service, or its newest version if none is stable. Yields nothing
    if the package is not installed.
    """
    package = importlib.util.find_spec("googleapiclient")  # finds its folder and imports nothing
    if package is None:
        return
    for folder in map(Path, package.submodule_search_locations or ()):
        paths = sorted(
            path for path in (folder / "discovery_cache" / "documents").glob("*.json") if path.stem != "index"
        )
        yield from select_newest_stable(paths) if newest else paths


def select_newest_stable(paths: list[Path]) -> list[Path]:
    """Selects one path for each service among files named `service.version.json`.

    >>> [path.stem for path in select_newest_stable([Path("a.v1.json"), Path("a.v2.json"), Path("a.v3beta1.json"),
    ...                                              Path("admin.directory_v1.json"), Path("b.v1alpha.json")])]
    ['a.v2', 'admin.directory_v1', 'b.v1alpha']
    """
    services: dict[tuple[str, str], list[tuple[tuple[bool, int, int, str, int], Path]]] = defaultdict(list)
    for path in paths:
        name, _, version = path.stem.partition(".")
        match = _VERSION.fullmatch(version)
        api_name, major, minor, suffix = match.groups() if match else ("", 0, 0, version)
        services[name, api_name].append(((not suffix, int(major), int(minor or 0), suffix, len(version)), path))
    return [max(versions)[1] for _, versions in sorted(services.items())]


class _Direction(NamedTuple):
    """The use of a schema: `sent` is True in a request, False in a response.

    `method` is the method that sends it, if that decides which properties are required; else ''.
    """

    sent: bool
    method: str = ""


class _Definition(NamedTuple):
    schema: dict[str, Json]
    names: tuple[str, ...]  # of the definitions that it refers to


class _Schemas:
    """The schemas of a document, each converted once for each direction and then shared."""

    def __init__(self, raw: dict[str, Any]) -> None:
        self.raw = raw
        self._definitions: dict[tuple[str, _Direction], _Definition] = {}
        self._deciding_methods = _find_deciding_methods(raw)
        self._problems: list[Problem] = []

    def choose_direction(self, sent: bool, method: str = "") -> _Direction:
        """Returns the direction; a method that decides nothing is dropped, so that its schemas are shared."""
        return _Direction(sent, method if sent and method in self._deciding_methods else "")

    def convert_definition(self, name: str, direction: _Direction) -> _Definition:
        """Converts a named schema of the document, once for each direction."""
        converted = self._definitions.get((name, direction))
        if converted is None:
            names: dict[str, None] = {}
            schema = self.convert_schema(self.raw[name], direction, names, f"schemas.{name[:100]}")
            converted = self._definitions[name, direction] = _Definition(schema, tuple(names))
        return converted

    def attach_definitions(
        self, schema: dict[str, Json], names: dict[str, None], direction: _Direction
    ) -> dict[str, Json]:
        """Returns the schema with the `$defs` that it refers to, directly or not; `names` are those in it.

        Raises:
            ValueError: it refers to too many definitions.
        """
        reached: dict[str, dict[str, Json]] = {}
        pending = list(reversed(names))
        while pending:
            name = pending.pop()
            if name in reached:
                continue
            if len(reached) == MOST_DEFINITIONS:
                raise ValueError(f"it needs more than {MOST_DEFINITIONS:,} schemas, {name[:100]!r} among them")
            reached[name], referenced_names = self.convert_definition(name, direction)
            pending += reversed(referenced_names)
        if not reached:
            return schema
        return {**schema, "$defs": {to_definition_name(name): reached[name] for name in sorted(reached)}}

    def convert_schema(
        self, raw: Any, direction: _Direction, names: dict[str, None], location: str, depth: int = 0
    ) -> dict[str, Json]:
        """Converts a schema of the document to JSON Schema; the schemas that it refers to are added to `names`."""
        if not isinstance(raw, dict) or depth > DEEPEST:
            self._report_problem(
                location, "nested too deeply" if depth > DEEPEST else f"{str(raw)[:60]!r} is no schema"
            )
            return {}
        if isinstance(name := raw.get("$ref"), str):
            text = _normalize_text(raw.get("description"))
            if name not in self.raw:
                self._report_problem(location, f"the schema {name[:100]!r} is not in the document")
                return {"description": text} if text else {}
            names[name] = None
            return {"$ref": f"#/$defs/{to_definition_name(name)}"} | ({"description": text} if text else {})
        if raw.get("repeated") is True:
            items = {key: value for key, value in raw.items() if key not in ("repeated", "description", "default")}
            schema = {"type": "array", "items": self.convert_schema(items, direction, names, location, depth + 1)}
            text = _normalize_text(raw.get("description"))
            return schema | ({"description": text} if text else {})
        schema = self._convert_keywords(raw)
        kind = schema.get("type")
        if kind == "array":
            schema["items"] = self.convert_schema(
                raw.get("items", {}), direction, names, f"{location}.items", depth + 1
            )
        elif kind == "object":
            schema |= self._convert_object(raw, direction, names, location, depth)
        return schema

    def take_problems(self) -> list[Problem]:
        """Returns the problems since the last call, and forgets them."""
        problems, self._problems = self._problems, []
        return problems

    def _report_problem(self, location: str, reason: str) -> None:
        self._problems.append(Problem(location, f"{reason}; anything is allowed there", lost=False))

    def _convert_object(
        self, raw: dict[str, Any], direction: _Direction, names: dict[str, None], location: str, depth: int
    ) -> dict[str, Json]:
        properties: dict[str, Json] = {}
        required: list[str] = []
        for key, property_schema in mapping_or_empty(raw.get("properties")).items():
            is_required = isinstance(property_schema, dict) and _is_required(property_schema, direction)
            if direction.sent and not is_required and _is_output_only(property_schema):
                continue
            properties[key] = self.convert_schema(
                property_schema, direction, names, f"{location}.{key[:100]}", depth + 1
            )
            if is_required:
                required.append(key)
        keywords: dict[str, Json] = {}
        if "additionalProperties" in raw:
            additional = self.convert_schema(
                raw["additionalProperties"], direction, names, f"{location}.additionalProperties", depth + 1
            )
            keywords = {"properties": properties} if properties else {}
            keywords["additionalProperties"] = additional or True
        else:
            keywords = {"properties": properties} if properties else dict(_EMPTY)
        return keywords | ({"required": required} if required else {})

    def _convert_keywords(self, raw: dict[str, Any]) -> dict[str, Json]:
        """Converts the keywords of a schema itself, without those of its properties or items."""
        kind, form = raw.get("type"), raw.get("format")
        schema: dict[str, Json] = {}
        if kind in ("string", "integer", "number", "boolean", "array", "object"):
            schema["type"] = kind
        text = _normalize_text(raw.get("description"))
        if isinstance(form, str) and kind in ("string", "integer", "number"):
            schema["format"] = _DATES.get(form, form)
        if kind == "string":
            pattern = raw.get("pattern", _PATTERNS.get(form) if isinstance(form, str) else None)
            if isinstance(pattern, str) and is_pattern(pattern):
                schema["pattern"] = pattern
        if kind in ("integer", "number"):
            for key in ("minimum", "maximum"):
                if (bound := _parse_value(raw.get(key), kind)) is not None:
                    schema[key] = bound
            if form in ("uint32", "uint64"):
                schema.setdefault("minimum", 0)
        choices = raw.get("enum")
        if kind == "string" and isinstance(choices, list) and all(isinstance(choice, str) for choice in choices):
            schema["enum"] = list(dict.fromkeys(choices)) or [""]
            text = _append_meanings(text, choices, raw.get("enumDescriptions"))
        default = _parse_value(raw.get("default"), kind)
        if default is not None and default in schema.get("enum", (default,)):
            schema["default"] = default
        if raw.get("deprecated") is True:
            schema["deprecated"] = True
        return {"description": text} | schema if text else schema


def _walk_methods(document: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Yields location, key and method, in the document's order."""
    pending: list[tuple[str, Any]] = [("", document)]
    while pending:
        prefix, resource = pending.pop()
        if not isinstance(resource, dict):
            continue
        for key, method in mapping_or_empty(resource.get("methods")).items():
            yield f"{prefix}methods.{key[:100]}", key, method
        resources = mapping_or_empty(resource.get("resources"))
        pending += [(f"{prefix}resources.{key[:100]}."[-500:], inner) for key, inner in reversed(resources.items())]


def _draft_method(location: str, key: str, method: Any, schemas: _Schemas) -> Draft:
    """Builds the draft of one method.

    Raises:
        ValueError: the method cannot be called as the document has it.
    """
    if not isinstance(method, dict):
        raise ValueError(f"the method is {str(method)[:60]!r}, not an object")
    name = method.get("id")
    name = name if isinstance(name, str) and name else key
    direction = schemas.choose_direction(True, name)
    names: dict[str, None] = {}
    properties: dict[str, Json] = {}
    required: list[str] = []
    for key, raw in _order_parameters(mapping_or_empty(method.get("parameters")), method.get("parameterOrder")).items():
        properties[key] = schemas.convert_schema(raw, direction, names, f"{location}.parameters.{key[:100]}")
        if isinstance(raw, dict) and raw.get("required") is True:
            required.append(key)
    if isinstance(request := method.get("request"), dict):
        names |= _add_body(properties, required, request, direction, schemas, f"{location}.request")
    parameters: dict[str, Json] = {"type": "object", "properties": properties}
    if required:
        parameters["required"] = list(dict.fromkeys(required))
    parameters["additionalProperties"] = False
    text = (
        _normalize_text(method.get("description")) or f"{method.get('httpMethod', '')} {method.get('path', '')}".strip()
    )
    if method.get("deprecated") is True and not text.lower().startswith("deprecated"):
        text = f"Deprecated. {text}"
    return Draft(
        location,
        name,
        text,
        schemas.attach_definitions(parameters, names, direction),
        _convert_response(location, method, schemas),
    )


def _add_body(
    properties: dict[str, Json],
    required: list[str],
    request: dict[str, Any],
    direction: _Direction,
    schemas: _Schemas,
    location: str,
) -> dict[str, None]:
    """Adds the body's properties to `properties` and `required`, or the body as one argument if it is a list or a map.

    Returns the names of the schemas that are referred to.
    """
    names: dict[str, None] = {}
    body = schemas.convert_schema(request, direction, names, location)
    if "$ref" in body:
        body_schema, referenced_names = schemas.convert_definition(next(iter(names)), direction)
        body_properties: dict[str, Any] = body_schema.get("properties", {})
        shared_names = {key for key in body_properties if key in properties}
        is_closed = body_schema.get("additionalProperties", False) is False
        if (
            body_schema.get("type") == "object"
            and is_closed
            and all(_has_same_type(properties[key], body_properties[key]) for key in shared_names)
        ):
            properties |= {
                key: property_schema for key, property_schema in body_properties.items() if key not in shared_names
            }
            required += body_schema.get("required", ())
            return dict.fromkeys(referenced_names)
    free_names = (key for number in count() if (key := f"body{number or ''}") not in properties)
    properties[next(free_names)] = body
    return names


def _convert_response(location: str, method: dict[str, Any], schemas: _Schemas) -> Json:
    """Returns the response's schema: an empty object if the method names none, None if it returns a file's bytes."""
    response = method.get("response")
    if not isinstance(response, dict):
        return None if method.get("supportsMediaDownload") is True else dict(_EMPTY)
    direction = schemas.choose_direction(False)
    names: dict[str, None] = {}
    schema = schemas.convert_schema(response, direction, names, f"{location}.response")
    if len(names) == 1 and "$ref" in schema:
        (name,) = names
        schema, referenced_names = schemas.convert_definition(name, direction)
        schema, names = {"title": name[:100]} | schema, dict.fromkeys(referenced_names)
    return schemas.attach_definitions(schema, names, direction) if schema else None


def _is_required(raw: dict[str, Any], direction: _Direction) -> bool:
    methods = mapping_or_empty(raw.get("annotations")).get("required") if direction.method else None
    return isinstance(methods, list) and direction.method in methods


def _find_deciding_methods(raw: dict[str, Any]) -> set[str]:
    """Returns the methods that some property names in its `annotations.required`."""
    deciding: set[str] = set()
    pending: list[tuple[Any, int]] = [(schema, 0) for schema in raw.values()]
    while pending:
        subschema, depth = pending.pop()
        if not isinstance(subschema, dict) or depth > DEEPEST:
            continue
        methods = mapping_or_empty(subschema.get("annotations")).get("required")
        if isinstance(methods, list):
            deciding.update(method for method in methods if isinstance(method, str))
        inner = [
            *mapping_or_empty(subschema.get("properties")).values(),
            subschema.get("items"),
            subschema.get("additionalProperties"),
        ]
        pending += [(child, depth + 1) for child in inner]
    return deciding


def _is_output_only(raw: Any) -> bool:
    if not isinstance(raw, dict):
        return False
    text = raw.get("description")
    return raw.get("readOnly") is True or (isinstance(text, str) and _OUTPUT_ONLY.match(text) is not None)


def _order_parameters(parameters: dict[str, Any], order: Any) -> dict[str, Any]:
    ordered_names = (
        [key for key in order if isinstance(key, str) and key in parameters] if isinstance(order, list) else []
    )
    return {key: parameters[key] for key in [*ordered_names, *parameters]}


def _has_same_type(parameter: Any, body_property: Any) -> bool:
    return "type" in parameter and parameter["type"] == body_property.get("type")


def _parse_value(raw: Any, json_type: Any) -> Json:
    """Parses a default or a bound, which the format writes as text; None if it does not fit the type."""
    if json_type == "string":
        return raw if isinstance(raw, str) else None
    text = str(raw)[:40].strip() if isinstance(raw, str | int | float) else ""
    if json_type == "boolean":
        return {"true": True, "false": False}.get(text.lower())
    if json_type == "integer" and re.fullmatch(r"-?\d{1,19}", text, re.ASCII):
        return int(text)
    if json_type == "number" and re.fullmatch(r"-?\d{1,19}(\.\d{1,18})?", text, re.ASCII):
        return float(text)
    return None


def _append_meanings(text: str, choices: list[str], meanings: Any) -> str:
    """Appends the meaning of each enum value to the property's description."""
    if not isinstance(meanings, list):
        return text
    explained = [
        f"`{choice}`: {_normalize_text(meaning)}"
        for choice, meaning in zip(choices, meanings, strict=False)
        if _normalize_text(meaning)
    ]
    return _normalize_text(" ".join([text, *explained]))


def _normalize_text(raw: Any) -> str:
    if not isinstance(raw, str):
        return ""
    text = " ".join(raw[: 4 * LONGEST_TEXT].split())
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"
