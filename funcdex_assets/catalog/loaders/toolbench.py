"""ToolBench's collection of RapidAPI: one file for each tool, one tool here for each of its endpoints.

Files lie in folders of categories (`Sports/api_football.json`). People typed them into a form, so that everything in
them may be missing, misspelt or of another type. Here belongs what is particular to them: types in words
(`DATE (YYYY-MM-DD)`), defaults as text, results given as a schema, as a shape whose values are names of types, or as
an example. Lists of queries (StableToolBench), which repeat the endpoints that they are about, are read as well.

>>> api = {"name": "Search", "required_parameters": [{"name": "n", "type": "NUMBER", "default": "5"}]}
>>> [draft.parameters["properties"] for draft in read({"tool_name": "Songs", "api_list": [api]}, "Music")]
[{'n': {'type': 'number', 'examples': [5]}}]
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from funcdex_assets.catalog.drafts import Draft, Found, Problem
from funcdex_assets.catalog.errors import CatalogError
from funcdex_assets.catalog.examples import Known, schema_of
from funcdex_assets.catalog.loose_schema import mended, plain, typed

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
# What the gateway answers in the place of the tool.
_REFUSAL = re.compile(
    r"(?i)subscri|does not exist|not found|api.?key|quota|unauthori[sz]ed|forbidden|too many|unreachable|timed? ?out|"
    r"invalid|error|blocked|missing|disabled"
)


def recognises(document: Any) -> bool:
    if isinstance(document, dict):
        return isinstance(document.get(_APIS), list | dict)
    return isinstance(document, list) and any(
        isinstance(entry, dict) and isinstance(entry.get(_APIS), list) for entry in document[:5]
    )


def read(document: Any, category: str = "") -> Found:
    """A tool for each endpoint. `category` is the folder that the file lies in; endpoints may name their own."""
    if not recognises(document):
        raise CatalogError(f"the document is {str(document)[:60]!r}, not a ToolBench tool; it must have an 'api_list'")
    known: set[tuple[str, str, str]] = set()
    for index, tool in enumerate([document] if isinstance(document, dict) else document):
        if not isinstance(tool, dict) or not isinstance(tool.get(_APIS), list | dict):
            yield Problem(f"[{index}]", f"{str(tool)[:60]!r} has no 'api_list'")
            continue
        for at, api in enumerate(_listed(tool[_APIS])):
            where = _Place(document is not tool, category, tool, api if isinstance(api, dict) else {}, at)
            if not isinstance(api, dict) or not where.name:
                yield Problem(where.text(), f"{str(api)[:60]!r} is no endpoint with a name")
            elif where.of_many and where.key() in known:
                continue  # queries repeat the endpoints that they are about
            else:
                known.add(where.key())
                yield from _drafted(api, where)


class _Place(NamedTuple):
    of_many: bool
    of_category: str
    tool: Mapping[str, Any]
    api: Mapping[str, Any]
    at: int

    @property
    def name(self) -> str:
        return _text(self.api, "name", "api_name")

    @property
    def tool_name(self) -> str:
        return _text(self.api, "tool_name") or _text(self.tool, "tool_name", "title", "name", "standardized_name")

    @property
    def category(self) -> str:
        return _text(self.api, "category_name") or _text(self.tool, "category", "category_name") or self.of_category

    def key(self) -> tuple[str, str, str]:
        return self.category, self.tool_name, self.name

    def text(self) -> str:
        parts = (self.category, self.tool_name, f"api_list[{self.at}] {self.name}".rstrip())
        return "/".join(part[:100] for part in parts if part)


def _drafted(api: Mapping[str, Any], where: _Place) -> Found:
    place = where.text()
    properties: dict[str, dict[str, Any]] = {}
    required: list[str] = []
    for needed in (True, False):
        entries = api.get("required_parameters" if needed else "optional_parameters")
        for entry in islice(_entries(entries), MOST_PARAMETERS):
            name = plain(entry.get("name"))
            if not name or len(name) > LONGEST_PARAMETER_NAME:
                yield Problem(place, f"a parameter is called {str(entry.get('name'))[:60]!r}, and left out", lost=False)
            elif name not in properties:
                properties[name] = _parameter(entry, needed)
                required += [name] * needed
            elif "description" not in properties[name] and (text := _described(entry)):
                properties[name]["description"] = text
    parameters: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    if required:
        parameters["required"] = required
    returns, errors, unread = _results(api)
    if unread:
        yield Problem(place, unread, lost=False)
    name = f"{where.name} for {where.tool_name}" if where.of_many and where.tool_name else where.name
    yield Draft(place, name, _description(api, where), parameters, returns, errors)


def _description(api: Mapping[str, Any], where: _Place) -> str:
    """What the endpoint does, often in two words, and then of what it is a part."""
    text = _text(api, "description", "api_description") or where.name
    about = _text(where.tool, "tool_description", "description")
    part = f"Part of {where.tool_name}{': ' if about else ''}{about[:400]}" if where.tool_name else about[:400]
    return f"{text.rstrip('.')}. {part}" if part and part != text else text


def _entries(entries: Any) -> Iterator[Mapping[str, Any]]:
    """Parameters of a list, of a mapping by name, or of either as JSON in a text."""
    if isinstance(entries, str):
        entries = _json(entries)
    if isinstance(entries, dict) and isinstance(entries.get("name"), str) and "type" in entries:
        entries = [entries]
    if isinstance(entries, dict):
        for name, entry in entries.items():
            yield {"name": name, **entry} if isinstance(entry, dict) else {"name": name, "type": entry}
    elif isinstance(entries, list):
        for entry in entries:
            yield entry if isinstance(entry, dict) else {"name": entry}


def _parameter(entry: Mapping[str, Any], needed: bool) -> dict[str, Any]:
    """Of a required parameter the form's default is no default, but what a test call sent."""
    known = typed(entry.get("type"))
    schema: dict[str, Any] = {"type": "string"} if known is None else known
    choices = next((entry[key] for key in ("enum", "options", "values") if isinstance(entry.get(key), list)), [])
    choices = [choice for choice in choices[:200] if isinstance(choice, str) and schema.get("type") == "string"]
    if choices:
        schema["enum"] = list(dict.fromkeys(choices))
    value = _value(entry.get("default"), schema)
    if schema.get("format") == "date" and isinstance(value, str) and not _DATE.fullmatch(value):
        del schema["format"]  # the form asked for a date, and another spelling of one was typed in
    if value is not None and (not choices or value in choices):
        schema |= {"examples": [value]} if needed else {"default": value}
    return schema | ({"description": text} if (text := _described(entry)) else {})


def _described(entry: Mapping[str, Any]) -> str:
    hint = _HINT.search(entry["type"][:100]) if isinstance(entry.get("type"), str) else None
    return f"{plain(entry.get('description'))} {hint[0] if hint else ''}".strip()


def _value(default: Any, schema: Mapping[str, Any]) -> Any:
    """The default in the type of its parameter; None where there is none, or it is of another type."""
    if default is None or default == "" or len(str(default)[:5001]) > 5000:
        return None
    kind = schema.get("type")
    text = default.strip() if isinstance(default, str) else default
    if kind == "string":
        return default if isinstance(default, str) else msgspec.json.encode(default).decode()
    if kind in ("integer", "number"):
        number = float(text) if isinstance(text, str) and _NUMBER.fullmatch(text) else text
        if not isinstance(number, int | float) or isinstance(number, bool) or not abs(number) < 2**53:
            return None
        return int(number) if number == int(number) else number if kind == "number" else None
    if kind == "boolean":
        words = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}
        return words.get(str(text).lower())
    if kind in ("array", "object") and isinstance(text, str):
        text = _json(text)
    wanted = {"array": list, "object": dict}.get(str(kind))
    return text if wanted is None or isinstance(text, wanted) else None


def _results(api: Mapping[str, Any]) -> tuple[dict[str, Any] | None, dict[str, Any], str]:
    """What a call returns, what failures look like, and what of this is not readable."""
    unread = ""
    for key in _SHAPES:
        shape = _json(api[key]) if isinstance(api.get(key), str) and api[key].strip() else api.get(key)
        if isinstance(api.get(key), str) and api[key].strip() and shape is None:
            unread = f"its {key} is cut off, and left out"
        if isinstance(shape, dict | list) and shape:
            with suppress(ValueError):
                schema = mended(shape).schema if _is_schema(shape) else schema_of([_shape(shape)])
                return schema, {}, ""
    for key in _EXAMPLES:
        example = _json(api[key]) if isinstance(api.get(key), str) else api.get(key)
        if isinstance(example, dict | list) and example:
            schema = schema_of([example])
            if failure := _failure(api.get("statuscode"), example):
                return None, {failure: schema}, unread
            return schema, {}, unread
    return None, {}, unread


def _failure(status: Any, example: Any) -> str:
    """The status, or `error`, of an example that shows a refusal; '' of one that shows a result."""
    if type(status) is int and 400 <= status < 600:
        return str(status)
    if isinstance(example, dict) and len(example) == 1:
        key, text = next(iter(example.items()))
        if key in ("message", "messages", "error", "errors", "detail") and _REFUSAL.search(str(text)[:500]):
            return "error"
    return ""


def _is_schema(shape: Any) -> bool:
    """Told from a shape that has a field `type`: there the type is all that is said."""
    return isinstance(shape, dict) and (
        "$schema" in shape
        or isinstance(shape.get("properties"), dict)
        or (typed(shape.get("type")) is not None and (len(shape) == 1 or "items" in shape))
    )


def _shape(value: Any, depth: int = 0) -> Any:
    """An example of what a shape describes: `{"id": "int"}` is an object whose id is an integer."""
    if isinstance(value, dict) and depth < 20:
        return {key: _shape(part, depth + 1) for key, part in value.items() if key != "_list_length"}
    if isinstance(value, list) and depth < 20:
        parts = [_shape(part, depth + 1) for part in value]
        return parts[0] if len(parts) == 1 and isinstance(value[0], str) and _LIST_OF.fullmatch(value[0]) else parts
    if isinstance(value, str):
        if lengths := _LIST_OF.fullmatch(value):
            return [Known(typed(lengths[1]) or {})] if lengths[1] else []
        return Known((typed(value) if len(value) < 20 else None) or {"type": "string"})
    return value


def _json(text: str) -> Any:
    """None for what is none."""
    if len(text) > LARGEST_EXAMPLE:
        return None
    try:
        return msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return None


def _listed(apis: Any) -> list[Any]:
    if isinstance(apis, dict):
        return [{"name": name, **api} if isinstance(api, dict) else api for name, api in apis.items()]
    return apis


def _text(owner: Mapping[str, Any], *keys: str) -> str:
    return next((text for key in keys if (text := plain(owner.get(key)))), "")
