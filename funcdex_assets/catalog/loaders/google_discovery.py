"""Google API discovery documents: the methods of a service, nested in resources, over shared schemas.

Here belongs what this format says and JSON Schema says otherwise: numbers in strings, `repeated`, descriptions
of enum values aside, a `$ref` that is a bare name, and what may not be sent. A schema becomes two definitions,
one of what is sent and one of what comes back. The properties of a request's body stand beside the method's
parameters; a property that a parameter of the same type already gives is that parameter, since a path is made of
fields of the body (google.api.http). Where the types differ, the whole body is the argument `body`.

>>> document = {"kind": KIND, "resources": {"notes": {"methods": {"get": {
...     "id": "keep.notes.get", "description": "Gets a note.", "parameterOrder": ["noteId"],
...     "parameters": {"noteId": {"type": "string", "location": "path", "required": True},
...                    "max": {"type": "integer", "format": "int32", "default": "10", "location": "query"}},
...     "response": {"$ref": "Note"}}}}},
...     "schemas": {"Note": {"type": "object", "properties": {"parent": {"$ref": "Note"}}}}}
>>> draft, = read(document)
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

from funcdex_assets.catalog.drafts import Draft, Found, Problem
from funcdex_assets.catalog.errors import CatalogError
from funcdex_assets.catalog.loaders.shared import mapping, spelled
from funcdex_assets.records.record import Json
from funcdex_assets.schema.validation import compiles

KIND = "discovery#restDescription"
MOST_METHODS = 20_000
MOST_DEFINITIONS = 2_000
"""That one method may reach. The schemas of as many are far more than the registry takes."""
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


def recognises(document: Any) -> bool:
    return isinstance(document, dict) and document.get("kind") == KIND


def read(document: Any) -> Found:
    """A draft for each method, in the document's order.

    Raises:
        CatalogError: it is no discovery document.
    """
    if not recognises(document):
        kind = document.get("kind") if isinstance(document, dict) else type(document).__name__
        raise CatalogError(f"The document is {str(kind)[:60]!r}, not {KIND!r}; give the service's discovery document")
    schemas = _Schemas(mapping(document.get("schemas")))
    for number, (place, key, method) in enumerate(_methods(document)):
        if number == MOST_METHODS:
            yield Problem(place, f"it and what follows come after the {MOST_METHODS:,} methods that are read")
            return
        try:
            yield _draft(place, key, method, schemas)
        except ValueError as error:
            yield Problem(place, str(error))
        yield from schemas.told()


def bundled(*, newest: bool = True) -> Iterator[Path]:
    """The documents within the installed google-api-python-client, none if it is not; by default the newest stable
    version of each service, or the newest of all where none is stable.
    """
    package = importlib.util.find_spec("googleapiclient")  # finds its folder and imports nothing
    if package is None:
        return
    for folder in map(Path, package.submodule_search_locations or ()):
        paths = sorted(
            path for path in (folder / "discovery_cache" / "documents").glob("*.json") if path.stem != "index"
        )
        yield from newest_stable(paths) if newest else paths


def newest_stable(paths: list[Path]) -> list[Path]:
    """One path for each service among files named `service.version.json`.

    >>> [path.stem for path in newest_stable([Path("a.v1.json"), Path("a.v2.json"), Path("a.v3beta1.json"),
    ...                                       Path("admin.directory_v1.json"), Path("b.v1alpha.json")])]
    ['a.v2', 'admin.directory_v1', 'b.v1alpha']
    """
    services: dict[tuple[str, str], list[tuple[tuple[bool, int, int, str, int], Path]]] = defaultdict(list)
    for path in paths:
        name, _, version = path.stem.partition(".")
        found = _VERSION.fullmatch(version)
        part, major, minor, rest = found.groups() if found else ("", 0, 0, version)
        services[name, part].append(((not rest, int(major), int(minor or 0), rest, len(version)), path))
    return [max(versions)[1] for _, versions in sorted(services.items())]


class _Direction(NamedTuple):
    """Which way a schema is used. `method` is the method that sends it, where that decides what is required."""

    sent: bool
    method: str = ""


class _Definition(NamedTuple):
    schema: dict[str, Json]
    names: tuple[str, ...]  # of the definitions that it refers to


class _Schemas:
    """The schemas of a document, each converted once for each direction and then shared."""

    def __init__(self, raw: dict[str, Any]) -> None:
        self.raw = raw
        self._known: dict[tuple[str, _Direction], _Definition] = {}
        self._deciding = _methods_that_decide(raw)
        self._problems: list[Problem] = []

    def direction(self, sent: bool, method: str = "") -> _Direction:
        return _Direction(sent, method if sent and method in self._deciding else "")

    def definition(self, name: str, direction: _Direction) -> _Definition:
        """Of a schema that the document has."""
        known = self._known.get((name, direction))
        if known is None:
            names: dict[str, None] = {}
            schema = self.convert(self.raw[name], direction, names, f"schemas.{name[:100]}")
            known = self._known[name, direction] = _Definition(schema, tuple(names))
        return known

    def closed(self, schema: dict[str, Json], names: dict[str, None], direction: _Direction) -> dict[str, Json]:
        """The schema with the definitions that it reaches.

        Raises:
            ValueError: it reaches too many.
        """
        reached: dict[str, dict[str, Json]] = {}
        todo = list(reversed(names))
        while todo:
            name = todo.pop()
            if name in reached:
                continue
            if len(reached) == MOST_DEFINITIONS:
                raise ValueError(f"it needs more than {MOST_DEFINITIONS:,} schemas, {name[:100]!r} among them")
            reached[name], more = self.definition(name, direction)
            todo += reversed(more)
        if not reached:
            return schema
        return {**schema, "$defs": {spelled(name): reached[name] for name in sorted(reached)}}

    def convert(
        self, raw: Any, direction: _Direction, names: dict[str, None], place: str, depth: int = 0
    ) -> dict[str, Json]:
        """A schema of the document as JSON Schema; the schemas that it refers to are added to `names`."""
        if not isinstance(raw, dict) or depth > DEEPEST:
            self._problem(place, "nested too deeply" if depth > DEEPEST else f"{str(raw)[:60]!r} is no schema")
            return {}
        if isinstance(name := raw.get("$ref"), str):
            text = _text(raw.get("description"))
            if name not in self.raw:
                self._problem(place, f"the schema {name[:100]!r} is not in the document")
                return {"description": text} if text else {}
            names[name] = None
            return {"$ref": f"#/$defs/{spelled(name)}"} | ({"description": text} if text else {})
        if raw.get("repeated") is True:
            items = {key: value for key, value in raw.items() if key not in ("repeated", "description", "default")}
            schema = {"type": "array", "items": self.convert(items, direction, names, place, depth + 1)}
            text = _text(raw.get("description"))
            return schema | ({"description": text} if text else {})
        schema = self._scalar(raw)
        kind = schema.get("type")
        if kind == "array":
            schema["items"] = self.convert(raw.get("items", {}), direction, names, f"{place}.items", depth + 1)
        elif kind == "object":
            schema |= self._object(raw, direction, names, place, depth)
        return schema

    def told(self) -> list[Problem]:
        """What had to be left open since it was last asked."""
        told, self._problems = self._problems, []
        return told

    def _problem(self, place: str, reason: str) -> None:
        self._problems.append(Problem(place, f"{reason}; anything is allowed there", lost=False))

    def _object(
        self, raw: dict[str, Any], direction: _Direction, names: dict[str, None], place: str, depth: int
    ) -> dict[str, Json]:
        parts: dict[str, Json] = {}
        required: list[str] = []
        for key, part in mapping(raw.get("properties")).items():
            needed = isinstance(part, dict) and _requires(part, direction)
            if direction.sent and not needed and _is_output_only(part):
                continue
            parts[key] = self.convert(part, direction, names, f"{place}.{key[:100]}", depth + 1)
            if needed:
                required.append(key)
        found: dict[str, Json] = {}
        if "additionalProperties" in raw:
            rest = self.convert(
                raw["additionalProperties"], direction, names, f"{place}.additionalProperties", depth + 1
            )
            found = {"properties": parts} if parts else {}
            found["additionalProperties"] = rest or True
        else:
            found = {"properties": parts} if parts else dict(_EMPTY)
        return found | ({"required": required} if required else {})

    def _scalar(self, raw: dict[str, Any]) -> dict[str, Json]:
        """What a schema says that is not of its parts."""
        kind, form = raw.get("type"), raw.get("format")
        schema: dict[str, Json] = {}
        if kind in ("string", "integer", "number", "boolean", "array", "object"):
            schema["type"] = kind
        text = _text(raw.get("description"))
        if isinstance(form, str) and kind in ("string", "integer", "number"):
            schema["format"] = _DATES.get(form, form)
        if kind == "string":
            pattern = raw.get("pattern", _PATTERNS.get(form) if isinstance(form, str) else None)
            if isinstance(pattern, str) and compiles(pattern):
                schema["pattern"] = pattern
        if kind in ("integer", "number"):
            for key in ("minimum", "maximum"):
                if (bound := _value(raw.get(key), kind)) is not None:
                    schema[key] = bound
            if form in ("uint32", "uint64"):
                schema.setdefault("minimum", 0)
        choices = raw.get("enum")
        if kind == "string" and isinstance(choices, list) and all(isinstance(choice, str) for choice in choices):
            schema["enum"] = list(dict.fromkeys(choices)) or [""]
            text = _with_meanings(text, choices, raw.get("enumDescriptions"))
        default = _value(raw.get("default"), kind)
        if default is not None and default in schema.get("enum", (default,)):
            schema["default"] = default
        if raw.get("deprecated") is True:
            schema["deprecated"] = True
        return {"description": text} | schema if text else schema


def _methods(document: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Place, key and method, in the document's order."""
    todo: list[tuple[str, Any]] = [("", document)]
    while todo:
        place, part = todo.pop()
        if not isinstance(part, dict):
            continue
        for key, method in mapping(part.get("methods")).items():
            yield f"{place}methods.{key[:100]}", key, method
        resources = mapping(part.get("resources"))
        todo += [(f"{place}resources.{key[:100]}."[-500:], inner) for key, inner in reversed(resources.items())]


def _draft(place: str, key: str, method: Any, schemas: _Schemas) -> Draft:
    """
    Raises:
        ValueError: the method cannot be called as the document has it.
    """
    if not isinstance(method, dict):
        raise ValueError(f"the method is {str(method)[:60]!r}, not an object")
    name = method.get("id")
    name = name if isinstance(name, str) and name else key
    sent = schemas.direction(True, name)
    names: dict[str, None] = {}
    properties: dict[str, Json] = {}
    required: list[str] = []
    for key, raw in _in_order(mapping(method.get("parameters")), method.get("parameterOrder")).items():
        properties[key] = schemas.convert(raw, sent, names, f"{place}.parameters.{key[:100]}")
        if isinstance(raw, dict) and raw.get("required") is True:
            required.append(key)
    if isinstance(request := method.get("request"), dict):
        names |= _add_body(properties, required, request, sent, schemas, f"{place}.request")
    parameters: dict[str, Json] = {"type": "object", "properties": properties}
    if required:
        parameters["required"] = list(dict.fromkeys(required))
    parameters["additionalProperties"] = False
    text = _text(method.get("description")) or f"{method.get('httpMethod', '')} {method.get('path', '')}".strip()
    if method.get("deprecated") is True and not text.lower().startswith("deprecated"):
        text = f"Deprecated. {text}"
    return Draft(place, name, text, schemas.closed(parameters, names, sent), _returns(place, method, schemas))


def _add_body(
    properties: dict[str, Json],
    required: list[str],
    request: dict[str, Any],
    sent: _Direction,
    schemas: _Schemas,
    place: str,
) -> dict[str, None]:
    """Beside the parameters where that can be; a body that is a list or a map is an argument of its own.

    Returns the schemas that are referred to.
    """
    names: dict[str, None] = {}
    body = schemas.convert(request, sent, names, place)
    if "$ref" in body:
        whole, inner = schemas.definition(next(iter(names)), sent)
        parts: dict[str, Any] = whole.get("properties", {})
        taken = {key for key in parts if key in properties}
        is_closed = whole.get("additionalProperties", False) is False
        if whole.get("type") == "object" and is_closed and all(_same(properties[key], parts[key]) for key in taken):
            properties |= {key: part for key, part in parts.items() if key not in taken}
            required += whole.get("required", ())
            return dict.fromkeys(inner)
    free = (key for number in count() if (key := f"body{number or ''}") not in properties)
    properties[next(free)] = body
    return names


def _returns(place: str, method: dict[str, Any], schemas: _Schemas) -> Json:
    """A method that names no response answers with an empty one, or with the bytes of a file."""
    response = method.get("response")
    if not isinstance(response, dict):
        return None if method.get("supportsMediaDownload") is True else dict(_EMPTY)
    direction = schemas.direction(False)
    names: dict[str, None] = {}
    schema = schemas.convert(response, direction, names, f"{place}.response")
    if len(names) == 1 and "$ref" in schema:
        (name,) = names
        schema, inner = schemas.definition(name, direction)
        schema, names = {"title": name[:100]} | schema, dict.fromkeys(inner)
    return schemas.closed(schema, names, direction) if schema else None


def _requires(raw: dict[str, Any], direction: _Direction) -> bool:
    methods = mapping(raw.get("annotations")).get("required") if direction.method else None
    return isinstance(methods, list) and direction.method in methods


def _methods_that_decide(raw: dict[str, Any]) -> set[str]:
    """The methods that some property names as requiring it."""
    found: set[str] = set()
    todo: list[tuple[Any, int]] = [(schema, 0) for schema in raw.values()]
    while todo:
        part, depth = todo.pop()
        if not isinstance(part, dict) or depth > DEEPEST:
            continue
        methods = mapping(part.get("annotations")).get("required")
        if isinstance(methods, list):
            found.update(method for method in methods if isinstance(method, str))
        inner = [*mapping(part.get("properties")).values(), part.get("items"), part.get("additionalProperties")]
        todo += [(child, depth + 1) for child in inner]
    return found


def _is_output_only(raw: Any) -> bool:
    if not isinstance(raw, dict):
        return False
    text = raw.get("description")
    return raw.get("readOnly") is True or (isinstance(text, str) and _OUTPUT_ONLY.match(text) is not None)


def _in_order(parameters: dict[str, Any], order: Any) -> dict[str, Any]:
    first = [key for key in order if isinstance(key, str) and key in parameters] if isinstance(order, list) else []
    return {key: parameters[key] for key in [*first, *parameters]}


def _same(parameter: Any, part: Any) -> bool:
    return "type" in parameter and parameter["type"] == part.get("type")


def _value(raw: Any, kind: Any) -> Json:
    """A default or a bound, which the format writes as text; None where it is none of its type."""
    if kind == "string":
        return raw if isinstance(raw, str) else None
    text = str(raw)[:40].strip() if isinstance(raw, str | int | float) else ""
    if kind == "boolean":
        return {"true": True, "false": False}.get(text.lower())
    if kind == "integer" and re.fullmatch(r"-?\d{1,19}", text, re.ASCII):
        return int(text)
    if kind == "number" and re.fullmatch(r"-?\d{1,19}(\.\d{1,18})?", text, re.ASCII):
        return float(text)
    return None


def _with_meanings(text: str, choices: list[str], meanings: Any) -> str:
    """What each value of an enum means, after what the property is."""
    if not isinstance(meanings, list):
        return text
    told = [f"`{choice}`: {_text(said)}" for choice, said in zip(choices, meanings, strict=False) if _text(said)]
    return _text(" ".join([text, *told]))


def _text(raw: Any) -> str:
    if not isinstance(raw, str):
        return ""
    text = " ".join(raw[: 4 * LONGEST_TEXT].split())
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"
