"""Reads ToolBench's collection of RapidAPI: one file for each of its tools, each endpoint of which becomes a tool here.

Files are in folders of categories (`Sports/api_football.json`). People typed them into a form, so that everything in
them may be missing, misspelt or of another type. Here belongs what is particular to them: types in words
(`DATE (YYYY-MM-DD)`), defaults as text, results given as a schema, as a shape whose values are names of types, or as
an example. Lists of queries (StableToolBench), which repeat the endpoints that they are about, are read as well.

>>> api = {"name": "Search", "required_parameters": [{"name": "n", "type": "NUMBER", "default": "5"}]}
>>> [draft.parameters["properties"] for draft in read_drafts({"tool_name": "Songs", "api_list": [api]}, "Music")]
[{'n': {'type': 'number', 'examples': [5]}}]
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from funcdex_assets.catalog.drafts import Draft, DraftsAndProblems, Problem
from funcdex_assets.catalog.errors import CatalogError
from funcdex_assets.catalog.examples import KnownSchema, infer_schema
from funcdex_assets.catalog.loose_schema import mend_schema, parse_type_word, strip_markup

MOST_PARAMETERS = 500
LARGEST_EXAMPLE = 2**21
LONGEST_PARAMETER_NAME = 100

_APIS = "api_list"
_EXAMPLES = ("test_endpoint", "body", "example_response")
_SHAPES = ("schema", "template_response")
_NUMBER = re.compile(r"[-+]?\d{1,15}(\.\d{0,15})?")
_DATE = re.compile(r"\d{4}-[01]\d-[0-3]\d")
_LIST_OF = re.compile(r"(?:empty list|list of (\w{1,20}) with length \d{1,9})")
_HINT = re.compile(r"\(([^()]{1,60})\)")
# Error messages of the gateway, returned in place of the tool's result.
_REFUSAL = re.compile(
    r"(?i)subscri|does not exist|not found|api.?key|quota|unauthori[sz]ed|forbidden|too many|unreachable|timed? ?out|"
    r"invalid|error|blocked|missing|disabled"
)


def is_toolbench_document(document: Any) -> bool:
    if isinstance(document, dict):
        return isinstance(document.get(_APIS), list | dict)
    return isinstance(document, list) and any(
        isinstance(entry, dict) and isinstance(entry.get(_APIS), list) for entry in document[:5]
    )


def read_drafts(document: Any, category: str = "") -> DraftsAndProblems:
    """Yields a draft for each endpoint, and problems; `category` is the file's folder, for endpoints that name none.

    Raises:
        CatalogError: the document is no ToolBench file.
    """
    if not is_toolbench_document(document):
        raise CatalogError(f"the document is {str(document)[:60]!r}, not a ToolBench tool; it must have an 'api_list'")
    read_keys: set[tuple[str, str, str]] = set()
    for index, tool in enumerate([document] if isinstance(document, dict) else document):
        if not isinstance(tool, dict) or not isinstance(tool.get(_APIS), list | dict):
            yield Problem(f"[{index}]", f"{str(tool)[:60]!r} has no 'api_list'")
            continue
        for position, api in enumerate(_list_endpoints(tool[_APIS])):
            endpoint = _Endpoint(document is not tool, category, tool, api if isinstance(api, dict) else {}, position)
            if not isinstance(api, dict) or not endpoint.name:
                yield Problem(endpoint.render_location(), f"{str(api)[:60]!r} is no endpoint with a name")
            elif endpoint.is_in_list and endpoint.to_identity() in read_keys:
                continue  # queries repeat the endpoints that they are about
            else:
                read_keys.add(endpoint.to_identity())
                yield from _draft_endpoint(api, endpoint)


class _Endpoint(NamedTuple):
    """An endpoint (`api`) in its tool; `is_in_list` is True if the document is a list of tools or queries."""

    is_in_list: bool
    folder_category: str
    tool: Mapping[str, Any]
    api: Mapping[str, Any]
    position: int

    @property
    def name(self) -> str:
        return _first_text(self.api, "name", "api_name")

    @property
    def tool_name(self) -> str:
        return _first_text(self.api, "tool_name") or _first_text(
            self.tool, "tool_name", "title", "name", "standardized_name"
        )

    @property
    def category(self) -> str:
        return (
            _first_text(self.api, "category_name")
            or _first_text(self.tool, "category", "category_name")
            or self.folder_category
        )

    def to_identity(self) -> tuple[str, str, str]:
        return self.category, self.tool_name, self.name

    def render_location(self) -> str:
        steps = (self.category, self.tool_name, f"api_list[{self.position}] {self.name}".rstrip())
        return "/".join(step[:100] for step in steps if step)


def _draft_endpoint(api: Mapping[str, Any], endpoint: _Endpoint) -> DraftsAndProblems:
    location = endpoint.render_location()
    properties: dict[str, dict[str, Any]] = {}
    required: list[str] = []
    for is_required in (True, False):
        entries = api.get("required_parameters" if is_required else "optional_parameters")
        for entry in islice(_list_parameters(entries), MOST_PARAMETERS):
            name = strip_markup(entry.get("name"))
            if not name or len(name) > LONGEST_PARAMETER_NAME:
                yield Problem(
                    location, f"a parameter is called {str(entry.get('name'))[:60]!r}, and left out", lost=False
                )
            elif name not in properties:
                properties[name] = _convert_parameter(entry, is_required)
                if is_required:
                    required.append(name)
            elif "description" not in properties[name] and (text := _describe_parameter(entry)):
                properties[name]["description"] = text
    parameters: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    if required:
        parameters["required"] = required
    returns, errors, unreadable = _infer_results(api)
    if unreadable:
        yield Problem(location, unreadable, lost=False)
    name = f"{endpoint.name} for {endpoint.tool_name}" if endpoint.is_in_list and endpoint.tool_name else endpoint.name
    yield Draft(location, name, _compose_description(api, endpoint), parameters, returns, errors)


def _compose_description(api: Mapping[str, Any], endpoint: _Endpoint) -> str:
    """Composes the description: the endpoint's own, which is often two words, then the tool that it is part of."""
    text = _first_text(api, "description", "api_description") or endpoint.name
    tool_description = _first_text(endpoint.tool, "tool_description", "description")
    context = (
        f"Part of {endpoint.tool_name}{': ' if tool_description else ''}{tool_description[:400]}"
        if endpoint.tool_name
        else tool_description[:400]
    )
    return f"{text.rstrip('.')}. {context}" if context and context != text else text


def _list_parameters(entries: Any) -> Iterator[Mapping[str, Any]]:
    """Yields parameters from a list, a mapping by name, or either as JSON text."""
    if isinstance(entries, str):
        entries = _parse_json(entries)
    if isinstance(entries, dict) and isinstance(entries.get("name"), str) and "type" in entries:
        entries = [entries]
    if isinstance(entries, dict):
        for name, entry in entries.items():
            yield {"name": name, **entry} if isinstance(entry, dict) else {"name": name, "type": entry}
    elif isinstance(entries, list):
        for entry in entries:
            yield entry if isinstance(entry, dict) else {"name": entry}


def _convert_parameter(entry: Mapping[str, Any], is_required: bool) -> dict[str, Any]:
    """Converts a parameter to its schema.

    The form's default of a required parameter is what a test call sent, so it becomes an example and no default.
    """
    stated_schema = parse_type_word(entry.get("type"))
    schema: dict[str, Any] = {"type": "string"} if stated_schema is None else stated_schema
    choices = next((entry[key] for key in ("enum", "options", "values") if isinstance(entry.get(key), list)), [])
    choices = [choice for choice in choices[:200] if isinstance(choice, str) and schema.get("type") == "string"]
    if choices:
        schema["enum"] = list(dict.fromkeys(choices))
    value = _fit_default(entry.get("default"), schema)
    if schema.get("format") == "date" and isinstance(value, str) and not _DATE.fullmatch(value):
        del schema["format"]  # the form asked for a date, and another spelling of one was typed in
    if value is not None and (not choices or value in choices):
        schema |= {"examples": [value]} if is_required else {"default": value}
    return schema | ({"description": text} if (text := _describe_parameter(entry)) else {})


def _describe_parameter(entry: Mapping[str, Any]) -> str:
    hint = _HINT.search(entry["type"][:100]) if isinstance(entry.get("type"), str) else None
    return f"{strip_markup(entry.get('description'))} {hint[0] if hint else ''}".strip()


def _fit_default(default: Any, schema: Mapping[str, Any]) -> Any:
    """Returns the default as a value of its parameter's type; None if there is none or it does not fit."""
    if default is None or default == "" or len(str(default)[:5001]) > 5000:
        return None
    json_type = schema.get("type")
    text = default.strip() if isinstance(default, str) else default
    if json_type == "string":
        return default if isinstance(default, str) else msgspec.json.encode(default).decode()
    if json_type in ("integer", "number"):
        number = float(text) if isinstance(text, str) and _NUMBER.fullmatch(text) else text
        if not isinstance(number, int | float) or isinstance(number, bool) or not abs(number) < 2**53:
            return None
        return int(number) if number == int(number) else number if json_type == "number" else None
    if json_type == "boolean":
        words = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}
        return words.get(str(text).lower())
    if json_type in ("array", "object") and isinstance(text, str):
        text = _parse_json(text)
    expected_type = {"array": list, "object": dict}.get(str(json_type))
    return text if expected_type is None or isinstance(text, expected_type) else None


def _infer_results(api: Mapping[str, Any]) -> tuple[dict[str, Any] | None, dict[str, Any], str]:
    """Returns the schema of results, None if unknown, the schemas of errors, and a reason if one was left out."""
    unreadable = ""
    for key in _SHAPES:
        shape = _parse_json(api[key]) if isinstance(api.get(key), str) and api[key].strip() else api.get(key)
        if isinstance(api.get(key), str) and api[key].strip() and shape is None:
            unreadable = f"its {key} is cut off, and left out"
        if isinstance(shape, dict | list) and shape:
            with suppress(ValueError):
                schema = mend_schema(shape).schema if _is_schema(shape) else infer_schema([_shape_to_example(shape)])
                return schema, {}, ""
    for key in _EXAMPLES:
        example = _parse_json(api[key]) if isinstance(api.get(key), str) else api.get(key)
        if isinstance(example, dict | list) and example:
            schema = infer_schema([example])
            if failure := _name_failure(api.get("statuscode"), example):
                return None, {failure: schema}, unreadable
            return schema, {}, unreadable
    return None, {}, unreadable


def _name_failure(status: Any, example: Any) -> str:
    """Returns the status, or `error`, if an example shows a refusal; '' if it shows a result."""
    if type(status) is int and 400 <= status < 600:
        return str(status)
    if isinstance(example, dict) and len(example) == 1:
        key, text = next(iter(example.items()))
        if key in ("message", "messages", "error", "errors", "detail") and _REFUSAL.search(str(text)[:500]):
            return "error"
    return ""


def _is_schema(shape: Any) -> bool:
    """Tells if a value is a JSON Schema, and not a shape that happens to have a field called `type`."""
    return isinstance(shape, dict) and (
        "$schema" in shape
        or isinstance(shape.get("properties"), dict)
        or (parse_type_word(shape.get("type")) is not None and (len(shape) == 1 or "items" in shape))
    )


def _shape_to_example(value: Any, depth: int = 0) -> Any:
    """Converts a shape to an example for `infer_schema`: `{"id": "int"}` is an object whose id is an integer."""
    if isinstance(value, dict) and depth < 20:
        return {key: _shape_to_example(member, depth + 1) for key, member in value.items() if key != "_list_length"}
    if isinstance(value, list) and depth < 20:
        items = [_shape_to_example(member, depth + 1) for member in value]
        return items[0] if len(items) == 1 and isinstance(value[0], str) and _LIST_OF.fullmatch(value[0]) else items
    if isinstance(value, str):
        if list_match := _LIST_OF.fullmatch(value):
            return [KnownSchema(parse_type_word(list_match[1]) or {})] if list_match[1] else []
        return KnownSchema((parse_type_word(value) if len(value) < 20 else None) or {"type": "string"})
    return value


def _parse_json(text: str) -> Any:
    """Parses JSON text; None if it is no JSON, or longer than `LARGEST_EXAMPLE` characters."""
    if len(text) > LARGEST_EXAMPLE:
        return None
    try:
        return msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return None


def _list_endpoints(apis: Any) -> list[Any]:
    if isinstance(apis, dict):
        return [{"name": name, **api} if isinstance(api, dict) else api for name, api in apis.items()]
    return apis


def _first_text(owner: Mapping[str, Any], *keys: str) -> str:
    return next((text for key in keys if (text := strip_markup(owner.get(key)))), "")
