"""Reads OpenAPI 3.0 and 3.1 and Swagger 2: each operation becomes a tool.

Here belongs how an operation's parameters, body, responses and texts are read; its schemas are converted in `dialect`.
The properties of an object body are arguments beside the parameters; a body that is no plain object, or shares a name
with a parameter, is the argument `body`. Headers that a client adds to each call by itself, such as `Authorization` or
`Accept`, are no arguments.

>>> petstore = {"openapi": "3.0.0", "paths": {"/pets/{id}": {"get": {"parameters": [
...     {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}]}}}}
>>> [draft] = read_drafts(petstore)
>>> draft.name, draft.parameters["properties"], draft.parameters["required"]
('get_pets_id', {'id': {'type': 'integer'}}, ['id'])
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from funcdex_assets.catalog.dialect import MOST_BYTES, Definitions, strip_markup
from funcdex_assets.catalog.drafts import Draft, DraftsAndProblems, Problem
from funcdex_assets.catalog.errors import CatalogError
from funcdex_assets.catalog.loaders.shared import mapping_or_empty

LONGEST_DESCRIPTION = 4000
MOST_ERROR_BYTES = 32 * 2**10
"""Of one error schema: one that refers to the resource that failed may refer to the whole document."""
_METHODS = ("get", "post", "put", "patch", "delete", "head", "options", "trace")
_PLACES = ("path", "query", "header", "cookie", "formData", "body")
_LONGEST_NAME = 200
_MOST_PARAMETERS = 2000
_MOST_RESPONSES = 100
_HOP_HEADERS = frozenset(
    "accept acceptcharset acceptencoding connection contentencoding contentlength contenttype host useragent".split()
)
_AUTHENTICATION = frozenset(
    "authorization proxyauthorization apikey xapikey accesstoken oauthtoken authtoken xauthtoken xaccesstoken "
    "xamzsecuritytoken xamzsignature xamzdate xamzcontentsha256 xamzcredential xamzalgorithm xamzsignedheaders".split()
)
_PERHAPS_AUTHENTICATION = frozenset("token key auth xtoken appkey apitoken xauth".split())
_AUTHENTICATES = re.compile(r"\b(authenticat|authoriz|access token|api.?key|api token|bearer)", re.IGNORECASE)
_IN_PATH = re.compile(r"\{([^{}/?#]{1,200})\}")
_BESIDE_PROPERTIES = frozenset(  # an object with other keywords is not split into its properties
    "type properties required description title format examples default deprecated additionalProperties "
    "minProperties maxProperties".split()
)


class DocumentInfo(NamedTuple):
    """A document's title and licence, each '' if it gives none."""

    title: str = ""
    licence: str = ""


class _Argument(NamedTuple):
    """An argument of a tool; `sent_in` is OpenAPI's `in`: path, query, header, cookie, formData or body."""

    name: str
    sent_in: str
    schema: dict[str, Any]
    required: bool


def is_openapi(document: Any) -> bool:
    """Tells if the document is OpenAPI 3 or Swagger 2. The version may be a number, as YAML reads `2.0`."""
    if not isinstance(document, dict):
        return False
    return str(document.get("openapi"))[:2] == "3." or str(document.get("swagger"))[:1] == "2"


def read_info(document: Any) -> DocumentInfo:
    """Returns title and licence; the licence's address if it has no name."""
    info_object = mapping_or_empty(mapping_or_empty(document).get("info"))
    licence = mapping_or_empty(info_object.get("license"))
    return DocumentInfo(
        strip_markup(info_object.get("title"), 200), strip_markup(licence.get("name") or licence.get("url"), 200)
    )


def read_licence(document: Any) -> str:
    """Returns the licence that the document names, '' if it names none."""
    return read_info(document).licence


def read_drafts(document: Any) -> DraftsAndProblems:
    """Yields a draft for each operation, in the order of the document, and problems.

    Raises:
        CatalogError: the document is neither OpenAPI 3 nor Swagger 2, or has no paths.
    """
    if not is_openapi(document):
        raise CatalogError("(whole document): it names no version of OpenAPI 3 or Swagger 2; see its first lines")
    if not isinstance(document.get("paths", {}), dict | None):
        raise CatalogError(f"paths: {str(document['paths'])[:60]!r} is no mapping of paths; correct the document")
    return _Reader(document).draft_operations()


class _Reader:
    """Reads one document; keeps the schemas that its operations share."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.is_swagger = "swagger" in document
        self.definitions = Definitions(document, siblings=str(document.get("openapi"))[:3] not in ("3.0", "Non"))
        self.secret_arguments = frozenset(_find_secret_arguments(document))
        # Keyed by identity, and only for referenced objects: the document outlives its reader, so no id is reused.
        self.arguments_of: dict[int, dict[str, Any]] = {}
        self.bodies: dict[int, dict[str, Any]] = {}
        self.results: dict[tuple[int, int], dict[str, Any]] = {}

    def draft_operations(self) -> DraftsAndProblems:
        """Yields the drafts of all operations, and problems."""
        for path, raw_item in (self.document.get("paths") or {}).items():
            item = self.definitions.resolve_reference(raw_item)
            location = f"paths.{path[:300]}"
            if not isinstance(item, dict):
                if not path.startswith("x-"):
                    yield Problem(location, f"{_shorten_for_message(raw_item)} is no description of a path")
                continue
            for method in _METHODS:
                if method in item:
                    yield from self.draft_operation(path, method, item, f"{location}.{method}")

    def draft_operation(self, path: str, method: str, item: dict[str, Any], location: str) -> DraftsAndProblems:
        """Yields the problems of one operation, then its draft; `item` is the path's description."""
        operation = item[method]
        if not isinstance(operation, dict):
            yield Problem(location, f"{_shorten_for_message(operation)} is no description of an operation")
            return
        arguments = self.collect_arguments(path, item, operation, location)
        parameters = self.combine_arguments(arguments, self.convert_body(operation, location), location)
        returns, errors = self.convert_responses(operation, location)
        yield from self.definitions.take_problems()
        operation_id = operation.get("operationId")
        yield Draft(
            location=location,
            name=operation_id.strip()
            if isinstance(operation_id, str) and operation_id.strip()
            else _derive_name(method, path),
            description=_compose_description(operation, item) or f"{method.upper()} {path[:300]}",
            parameters=parameters,
            returns=returns,
            errors=errors,
        )

    def collect_arguments(
        self, path: str, item: dict[str, Any], operation: dict[str, Any], location: str
    ) -> list[_Argument]:
        """Collects the arguments from the parameters, without a body.

        A parameter of the operation replaces one of its path with the same name and `in`. Names in the path template
        that are not declared become text arguments.
        """
        raw_by_key: dict[tuple[str, str], tuple[dict[str, Any], bool]] = {}
        for holder in (item, operation):
            listed = holder.get("parameters") or []
            if not isinstance(listed, list):
                self.definitions.report_problem(
                    location, f"its parameters are {_shorten_for_message(listed)}, no list; left out"
                )
                continue
            if len(listed) > _MOST_PARAMETERS:
                self.definitions.report_problem(
                    location, f"it has {len(listed):,} parameters; those beyond {_MOST_PARAMETERS:,} are left out"
                )
            for raw in listed[:_MOST_PARAMETERS]:
                target = self.definitions.resolve_reference(raw)
                name, sent_in = mapping_or_empty(target).get("name"), mapping_or_empty(target).get("in")
                if not isinstance(target, dict) or not isinstance(name, str) or sent_in not in _PLACES:
                    self.definitions.report_problem(
                        location, f"a parameter is left out: {_shorten_for_message(raw)} has no name and place"
                    )
                elif len(name) > _LONGEST_NAME:
                    self.definitions.report_problem(
                        location, f"a parameter is left out whose name has {len(name):,} letters"
                    )
                else:
                    raw_by_key[sent_in, name] = (target, target is not raw)
        arguments = [
            self.convert_argument(raw, name, sent_in, f"{location}.{name}", by_reference)
            for (sent_in, name), (raw, by_reference) in raw_by_key.items()
            if sent_in != "body" and not self.is_added_by_client(name, sent_in, raw)
        ]
        declared_in_path = {name for sent_in, name in raw_by_key if sent_in == "path"}
        names_in_path = dict.fromkeys(name.rstrip("*+") for name in _IN_PATH.findall(path.split("#")[0][:5000]))
        if len(declared_in_path) < len(names_in_path):
            for name in [name for name in names_in_path if name not in declared_in_path]:
                self.definitions.report_problem(
                    location, f"its path has {name!r}, which is not declared; taken as text"
                )
                arguments.append(_Argument(name, "path", {"type": "string"}, required=True))
        return arguments

    def is_added_by_client(self, name: str, sent_in: str, raw: dict[str, Any]) -> bool:
        """Tells if a client adds the parameter to each call by itself: credentials, or headers such as `Accept`."""
        if sent_in not in ("header", "query", "cookie"):
            return False
        letters = re.sub(r"[^a-z0-9]", "", name.lower())
        if letters in _PERHAPS_AUTHENTICATION and _AUTHENTICATES.search(strip_markup(raw.get("description"), 300)):
            return True
        return (
            (sent_in, letters) in self.secret_arguments
            or letters in _AUTHENTICATION
            or (sent_in == "header" and letters in _HOP_HEADERS)
        )

    def convert_argument(
        self, raw: dict[str, Any], name: str, sent_in: str, location: str, by_reference: bool
    ) -> _Argument:
        schema = self.arguments_of.get(id(raw))
        if schema is None:
            schema = self.definitions.convert_schema(self.find_parameter_schema(raw), "input", location)
            if "$ref" in schema:
                schema = {**schema}
            if text := strip_markup(raw.get("description")):
                schema["description"] = text
            if raw.get("deprecated") is True:
                schema["deprecated"] = True
            if by_reference:
                self.arguments_of[id(raw)] = schema
        return _Argument(name, sent_in, schema, sent_in == "path" or raw.get("required") is True)

    def find_parameter_schema(self, raw: dict[str, Any]) -> Any:
        """Returns a parameter's raw schema: under `schema` or `content`, or in Swagger 2 the parameter itself."""
        if "schema" in raw:
            schema = raw["schema"]
            examples = {key: raw[key] for key in ("example", "examples") if key in raw}
            return {**schema, **examples} if examples and isinstance(schema, dict) else schema
        if isinstance(raw.get("content"), dict):
            return _choose_content_schema(raw["content"])
        return {key: value for key, value in raw.items() if key != "required"}  # the parameter is its own schema

    def convert_body(self, operation: dict[str, Any], location: str) -> _Argument | None:
        """Converts an operation's body to an argument; None if it has none."""
        if self.is_swagger:
            listed = operation.get("parameters")
            for raw in listed if isinstance(listed, list) else ():
                target = mapping_or_empty(self.definitions.resolve_reference(raw))
                if target.get("in") == "body":
                    break
            else:
                return None
            schema = target.get("schema")
        else:
            raw = operation.get("requestBody")
            target = mapping_or_empty(self.definitions.resolve_reference(raw))
            schema = _choose_content_schema(target.get("content"))
            if schema is None:
                return None
        converted = self.bodies.get(id(schema))
        if converted is None:
            converted = self.definitions.convert_schema(schema, "input", f"{location}.body")
            if target is not raw:
                self.bodies[id(schema)] = converted
        text = strip_markup(target.get("description"))
        if text and not converted.get("description"):
            converted = {**converted, "description": text}
        return _Argument("body", "body", converted, target.get("required") is True)

    def combine_arguments(self, arguments: list[_Argument], body: _Argument | None, location: str) -> dict[str, Any]:
        """Combines arguments and body into one object schema, with the body's properties beside the arguments."""
        properties: dict[str, Any] = {}
        required: list[str] = []
        is_closed = True
        for argument in arguments:
            name = argument.name if argument.name not in properties else f"{argument.name}_{argument.sent_in}"
            if name in properties:
                self.definitions.report_problem(
                    location, f"two parameters are called {argument.name!r}; one is left out"
                )
                continue
            properties[name] = argument.schema
            if argument.required:
                required.append(name)
        if body is not None:
            fields = self.split_into_properties(body.schema, set())
            if body.schema.get("additionalProperties") is False and not body.schema.get("properties", True):
                pass  # an empty body
            elif fields is None or not fields["properties"].keys().isdisjoint(properties):
                name = "body" if "body" not in properties else "request_body"
                properties[name] = body.schema
                if body.required:
                    required.append(name)
            else:
                properties |= fields["properties"]
                required += [name for name in fields["required"] if name in fields["properties"]]
                is_closed = not fields["open"]
        schema: dict[str, Any] = {"type": "object", "properties": properties}
        if required:
            schema["required"] = list(dict.fromkeys(required))
        if is_closed:
            schema["additionalProperties"] = False
        return self.definitions.attach_definitions(schema, "input", location)

    def split_into_properties(self, schema: dict[str, Any], visited: set[str], depth: int = 0) -> dict[str, Any] | None:
        """Returns the properties of a plain object, through references and `allOf` of plain objects; None for others.

        The result has the keys `properties`, `required` and `open`. A schema that is referred to twice, as in a diamond
        of `allOf`, is visited once.
        """
        if depth > 20:
            return None
        fields: dict[str, Any] = {"properties": {}, "required": [], "open": schema.get("additionalProperties") is True}
        branches = [*schema.get("allOf", ())]
        name = schema.get("$ref", "").removeprefix("#/$defs/")
        if name and name not in visited:
            visited.add(name)
            branches.append(self.definitions.convert_definition(name, "input"))
        if not schema.keys() - {"$ref", "allOf"} <= _BESIDE_PROPERTIES:
            return None
        if isinstance(schema.get("additionalProperties"), dict) or schema.get("type") not in _OBJECT_TYPES:
            return None
        if not branches and not schema.get("properties") and depth == 0:
            return None
        for branch in [schema, *branches]:
            inner = branch if branch is schema else self.split_into_properties(branch, visited, depth + 1)
            if inner is None:
                return None
            for name, value in inner.get("properties", {}).items():
                existing = fields["properties"].get(name, value)
                fields["properties"][name] = value if existing == value else {"allOf": [existing, value]}
            fields["required"] += inner.get("required", ())
            fields["open"] = fields["open"] or inner.get("open", False)
        return fields if fields["properties"] or depth else None

    def convert_responses(self, operation: dict[str, Any], location: str) -> tuple[Any, dict[str, Any]]:
        """Returns the schema of the first successful status that has one, and the schemas of errors by status."""
        listed = list(mapping_or_empty(operation.get("responses")).items())[:_MOST_RESPONSES]
        raw_by_status = {status.upper()[:20]: raw for status, raw in listed}
        success_statuses = sorted(status for status in raw_by_status if status.startswith("2"))  # 2XX after all numbers
        if not success_statuses and "DEFAULT" in raw_by_status:
            success_statuses = ["DEFAULT"]
        returns = None
        for status in success_statuses:
            returns = self.convert_response(raw_by_status[status], f"{location}.responses.{status.lower()}")
            if returns:
                break
        errors: dict[str, Any] = {}
        for status, raw in raw_by_status.items():
            if status[:1] in ("4", "5") or (status == "DEFAULT" and success_statuses != ["DEFAULT"]):
                schema = self.convert_response(raw, f"{location}.responses.{status.lower()}", MOST_ERROR_BYTES)
                if schema:
                    errors[status.lower() if status == "DEFAULT" else status] = schema
        return returns or None, errors

    def convert_response(self, raw: Any, location: str, max_bytes: int = MOST_BYTES) -> dict[str, Any] | None:
        """Converts one response; None if it has no schema or is a file."""
        target = mapping_or_empty(self.definitions.resolve_reference(raw))
        schema = target.get("schema") if self.is_swagger else _choose_content_schema(target.get("content"))
        if schema is None or (self.is_swagger and mapping_or_empty(schema).get("type") == "file"):
            return None
        converted = self.results.get((id(schema), max_bytes))
        if converted is None:
            converted = self.definitions.convert_with_definitions(schema, "output", location, max_bytes)
            if target is not raw:
                self.results[id(schema), max_bytes] = converted
        return converted


_OBJECT_TYPES = (None, "object", ["object", "null"])


def _choose_content_schema(content: Any) -> Any:
    """Returns the schema of the media type that is easiest to write and to read, JSON first; None without one."""
    offered = [
        (media_type, mapping_or_empty(content_entry).get("schema"))
        for media_type, content_entry in mapping_or_empty(content).items()
    ]
    offered = [(media_type, schema) for media_type, schema in offered if schema is not None]
    return (
        min(offered, key=lambda offer: _rank_media_type(offer[0].split(";")[0].strip().lower()))[1] if offered else None
    )


def _rank_media_type(media_type: str) -> int:
    """Ranks a media type; the lowest is preferred."""
    if media_type == "application/json":
        return 0
    if media_type.endswith(("+json", "/json")):
        return 1
    return {"application/x-www-form-urlencoded": 2, "multipart/form-data": 3, "*/*": 4}.get(media_type, 5)


def _find_secret_arguments(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yields (`in`, name without punctuation) for each API key that the document declares."""
    schemes = mapping_or_empty(mapping_or_empty(document.get("components")).get("securitySchemes"))
    for scheme in [*schemes.values(), *mapping_or_empty(document.get("securityDefinitions")).values()]:
        scheme = mapping_or_empty(scheme)
        name, sent_in = scheme.get("name"), scheme.get("in")
        if isinstance(name, str) and isinstance(sent_in, str) and scheme.get("type") == "apiKey":
            yield sent_in, re.sub(r"[^a-z0-9]", "", name.lower())


def _derive_name(method: str, path: str) -> str:
    return "_".join([method, *re.findall(r"[^\W_]+", path.split("?")[0][:500])])


def _compose_description(operation: dict[str, Any], item: dict[str, Any]) -> str:
    summary, text = (
        strip_markup(operation.get(key) or item.get(key), LONGEST_DESCRIPTION) for key in ("summary", "description")
    )
    if not text or not summary or text.lower().startswith(summary.lower().rstrip(". ")):
        text = text or summary
    else:
        text = f"{summary}{'' if summary[-1:] in '.!?:' else '.'} {text}"
    if operation.get("deprecated") is True and "deprecated" not in text.lower():
        text = f"{text} Deprecated.".strip()
    return text


def _shorten_for_message(value: Any) -> str:
    """Renders a value for a message, shortened."""
    if isinstance(value, dict) and "$ref" in value:
        return f"the reference {str(value['$ref'])[:100]!r}"
    return f"a mapping of {len(value):,}" if isinstance(value, dict) else repr(str(value)[:60])
