"""Postman collections (v2.0 and v2.1): one tool for each saved request.

A collection shows requests; it does not describe them. Here belongs what can be told from that: the arguments are the
variables of the path, the query, and the body's fields; headers that carry a login or say what the content is are
none. What each saved version of a request sends in its body is required; the query is optional unless said otherwise.

>>> request = {"method": "GET", "url": "{{base}}/users/:id?limit=10"}
>>> collection = {"info": {"name": "Users"}, "item": [{"name": "Get user", "request": request}]}
>>> [draft.parameters["properties"] for draft in read(collection)]
[{'id': {'type': 'string'}, 'limit': {'type': 'integer', 'examples': [10]}}]
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from funcdex_assets.catalog.drafts import Draft, Found, Problem
from funcdex_assets.catalog.errors import CatalogError
from funcdex_assets.catalog.examples import UNKNOWN, Known, schema_of
from funcdex_assets.catalog.loose_schema import plain, typed

MOST_REQUESTS = 20_000
MOST_RESPONSES = 50
LARGEST_BODY = 2**21  # of one, and of all that are saved with one request

_VARIABLE = re.compile(r"\{\{([^{}]{1,100})\}\}")
_PLACEHOLDER = re.compile(r"<([A-Za-z]{2,12}(?:-time)?)(?:\([^)<>]{0,60}\))?>")  # `<integer>`: from OpenAPI, by Postman
_LOGIN = re.compile(r"(?i)(proxy-)?authorization|cookie|(x-)?(api|auth|access|secret)[-_]?(key|token)|signature|apikey")
_NO_ARGUMENT = re.compile(r"(?i)accept.*|content-.*|user-agent|host|connection|origin|referer|cache-control|postman-.*")
# Each alternative takes what it began, also where its end is missing: none is tried again from its middle.
_JSON_PIECE = re.compile(r'"(?:[^"\\]|\\.)*+"?|\{\{[^{}]{1,100}\}\}|//[^\n]*|/\*.*?(?:\*/|\Z)', re.DOTALL)
_REQUIRED = re.compile(r"(?i)\W*(required|mandatory)\b")
_OPTIONAL = re.compile(r"(?i)\W*optional\b")
_INTEGER = re.compile(r"-?(0|[1-9]\d{0,14})")
_NUMBER = re.compile(r"-?(0|[1-9]\d{0,14})\.\d{1,15}")
_GRAPHQL_VARIABLE = re.compile(r"\$(\w{1,100})\s{0,9}:\s{0,9}(\[{0,3})\s{0,9}(\w{1,100})[\]!\s]{0,9}(=)?")
_GRAPHQL_TYPES = {"Int": "integer", "Float": "number", "Boolean": "boolean", "String": "string", "ID": "string"}


def recognises(document: Any) -> bool:
    return isinstance(_collection(document).get("item"), list) and isinstance(_collection(document).get("info"), dict)


def read(document: Any) -> Found:
    """Requests of the same name in several folders are called by folder and name."""
    collection = _collection(document)
    if not isinstance(collection.get("item"), list):
        version = " (it looks like version 1)" if "requests" in collection else ""
        raise CatalogError(
            f"the document has the keys {list(collection)[:8]}, and no list 'item'{version}; "
            "export the collection from Postman as v2.1"
        )
    given = _given(collection)
    requests: list[_Saved] = []
    for found in _requests(collection):
        if isinstance(found, Problem):
            yield found
        elif len(requests) >= MOST_REQUESTS:
            yield Problem(found.place, f"there are more than {MOST_REQUESTS:,} requests; split the collection")
            break
        else:
            requests.append(found)
    times = Counter(saved.name for saved in requests)
    for saved in requests:
        name = saved.name if times[saved.name] == 1 or not saved.folder else f"{saved.folder} {saved.name}"
        yield from _drafted(saved, name, given)


class _Saved(NamedTuple):
    place: str
    folder: str
    name: str
    item: dict[str, Any]
    request: dict[str, Any]
    logins: frozenset[str]


class _Arguments:
    """By name; what is found first stays."""

    def __init__(self) -> None:
        self.properties: dict[str, dict[str, Any]] = {}
        self.required: list[str] = []

    def add(self, name: Any, schema: Mapping[str, Any], description: Any = None, required: bool = False) -> None:
        if not isinstance(name, str) or not name.strip() or name in self.properties:
            return
        text = _text(description)
        words = text.removeprefix("(Required)").strip()  # Postman's own mark
        self.properties[name] = {**schema, **({"description": words} if words else {})}
        if (required or _REQUIRED.match(text)) and not _OPTIONAL.match(text):
            self.required.append(name)

    def schema(self) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": self.properties,
            **({"required": self.required} if self.required else {}),
            "additionalProperties": False,
        }


def _collection(document: Any) -> dict[str, Any]:
    """Postman's own API wraps it once more."""
    if isinstance(document, dict) and isinstance(document.get("collection"), dict):
        document = document["collection"]
    return document if isinstance(document, dict) else {}


def _requests(collection: dict[str, Any]) -> Iterator[_Saved | Problem]:
    """In the order of the collection, through all folders, however deep."""
    todo: list[tuple[str, str, dict[str, Any], frozenset[str]]] = [("", "", collection, _logins(collection))]
    while todo:
        place, folder, item, logins = todo.pop()
        name = item["name"] if isinstance(item.get("name"), str) else ""
        if isinstance(item.get("item"), list):
            folder = f"{folder} {name}".strip()[-200:] if place else ""
            children = list(enumerate(item["item"]))
            for index, child in reversed(children):
                at = f"{place}.item[{index}]".lstrip(".") if len(place) < 500 else f"{place[:500]}…[{index}]"
                if isinstance(child, dict):
                    todo.append((at, folder, child, logins | _logins(child)))
                else:
                    yield Problem(at, f"{str(child)[:60]!r} is neither a folder nor a request")
            continue
        request = item.get("request")
        request = {"url": request, "method": "GET"} if isinstance(request, str) else request
        at = f"{place} ({' / '.join(filter(None, (folder, name)))[:200]})"
        if not isinstance(request, dict) or not _path(request.get("url")):
            yield Problem(at, "it has no request with a url")
        else:
            yield _Saved(at, folder, _name(name, request), item, request, logins | _logins(request))


def _name(name: str, request: Mapping[str, Any]) -> str:
    """Postman calls a request that nobody named after its url."""
    if name.strip() and "/" not in name and "{{" not in name:
        return name.strip()[:200]
    words = [step for step in _path(request.get("url")) if not _VARIABLE.fullmatch(step)]
    return " ".join([_method(request).lower(), *(step.lstrip(":") for step in words)])[:200]


def _drafted(saved: _Saved, name: str, given: Mapping[str, str]) -> Found:
    arguments = _Arguments()
    _add_url(arguments, saved, given)
    for header in _entries(saved.request.get("header")):
        key = header.get("key")
        if isinstance(key, str) and not _LOGIN.fullmatch(key) and not _NO_ARGUMENT.fullmatch(key):
            _add_entry(arguments, header, saved.logins)
    yield from _add_body(arguments, saved)
    returns, errors = _responses(saved.item)
    yield Draft(saved.place, name, _description(saved), arguments.schema(), returns, errors)


def _description(saved: _Saved) -> str:
    text = _text(saved.request.get("description")) or _text(saved.item.get("description"))
    title = plain(saved.name)
    if text:
        return text if text.lower().startswith(title.lower()) else f"{title.rstrip('.')}. {text}"
    call = f"{_method(saved.request)} /{'/'.join(_path(saved.request.get('url')))}"[:300]
    return f"{title} ({call})"


def _add_url(arguments: _Arguments, saved: _Saved, given: Mapping[str, str]) -> None:
    url = saved.request.get("url")
    described = {
        entry.get("key") or entry.get("id"): entry
        for entry in _entries(url.get("variable") if isinstance(url, dict) else None)
        if isinstance(entry.get("key") or entry.get("id"), str)
    }
    for step in _path(url):
        if step.startswith(":") and len(step) > 1:
            name = re.split(r"[^\w-]", step[1:], maxsplit=1)[0]
            entry = described.get(name, {})
            arguments.add(name, _told(entry.get("value")), entry.get("description"), required=True)
        for name in map(str.strip, _VARIABLE.findall(step)):
            if value := given.get(name):
                arguments.add(name, {"type": "string", "default": value})
            else:
                arguments.add(name, {"type": "string"}, required=True)
    entries = _query(url)
    times = Counter(entry.get("key") for entry in entries if isinstance(entry.get("key"), str))
    for entry in entries:
        many = isinstance(entry.get("key"), str) and times[entry["key"]] > 1
        _add_entry(arguments, entry, saved.logins, many=many)


def _add_entry(
    arguments: _Arguments, entry: Mapping[str, Any], logins: frozenset[str], many: bool = False, required: bool = False
) -> None:
    key = entry.get("key")
    if not isinstance(key, str) or _VARIABLE.search(key) or key.lower() in logins or _LOGIN.fullmatch(key):
        return
    if entry.get("type") == "file":
        schema: dict[str, Any] = {"type": "string", "contentEncoding": "base64"}
    else:
        schema = _told(entry.get("value"))
    arguments.add(key, {"type": "array", "items": schema} if many else schema, entry.get("description"), required)


def _add_body(arguments: _Arguments, saved: _Saved) -> Iterator[Problem]:
    body = saved.request.get("body")
    if not isinstance(body, dict) or body.get("disabled") is True:
        return
    mode = body.get("mode")
    if mode in ("urlencoded", "formdata"):
        for entry in _entries(body.get(mode)):
            _add_entry(arguments, entry, saved.logins, required=True)
    elif mode == "graphql" and isinstance(body.get("graphql"), dict):
        _add_graphql(arguments, body["graphql"])
    elif mode == "file":
        arguments.add("body", {"type": "string", "contentEncoding": "base64"}, required=True)
    elif isinstance(raw := body.get("raw"), str) and raw.strip():
        examples = list(_bodies(saved.item, raw))
        if not examples and (_language(body) == "json" or raw.lstrip()[:1] in ("{", "[")):
            yield Problem(saved.place, "its body is not readable JSON, so that it is taken as text", lost=False)
        if examples and all(isinstance(example, dict) for example in examples):
            schema = schema_of(examples)
            for name, part in schema.get("properties", {}).items():
                needed = name in schema.get("required", ()) and any(example[name] is not None for example in examples)
                arguments.add(name, part, required=needed)
            if "additionalProperties" in schema:
                arguments.add("body", schema, required=True)
        else:
            arguments.add("body", schema_of(examples) if examples else {"type": "string"}, required=True)


def _bodies(item: Mapping[str, Any], raw: str) -> Iterator[Any]:
    """The bodies that are known of a request: its own, and those that led to saved responses."""
    texts = [raw]
    for response in _list(item.get("response"))[:MOST_RESPONSES]:
        code = response.get("code") if isinstance(response, dict) else None
        original = response.get("originalRequest") if isinstance(code, int) and 200 <= code < 300 else None
        body = original.get("body") if isinstance(original, dict) else None
        if isinstance(body, dict) and isinstance(body.get("raw"), str):
            texts.append(body["raw"])
    for text in dict.fromkeys(texts):
        try:
            yield _known(_json(text))
        except ValueError:
            continue


def _json(text: str) -> Any:
    """JSON as Postman takes it: with comments, and with variables also where a value would stand bare."""
    if len(text) > LARGEST_BODY:
        raise ValueError(f"the body has {len(text):,} characters")

    def legal(piece: re.Match[str]) -> str:
        return piece[0] if piece[0][0] == '"' else f'"{piece[0]}"' if piece[0][0] == "{" else ""

    try:
        return msgspec.json.decode(_JSON_PIECE.sub(legal, text))
    except RecursionError:
        raise ValueError("the body is nested too deeply") from None


def _known(value: Any, depth: int = 0) -> Any:
    """Variables and placeholders are no text: nothing, or only the type, is known of the value."""
    if isinstance(value, dict) and depth < 20:
        return {key: _known(part, depth + 1) for key, part in value.items()}
    if isinstance(value, list) and depth < 20:
        return [_known(part, depth + 1) for part in value]
    if isinstance(value, str) and len(value) < 120:
        if _VARIABLE.fullmatch(value):
            return Known({"type": "string"}) if depth == 0 else UNKNOWN
        if placeholder := _PLACEHOLDER.fullmatch(value):
            return Known(typed(placeholder[1]) or {"type": "string"})
    return value


def _add_graphql(arguments: _Arguments, graphql: Mapping[str, Any]) -> None:
    """The operation declares its variables; of input objects only an example says more."""
    values = graphql.get("variables")
    try:
        values = _json(values) if isinstance(values, str) and values.strip() else values
    except ValueError:
        values = None
    shown = schema_of([_known(values)]).get("properties", {}) if isinstance(values, dict) else {}
    query = graphql["query"][:20_000] if isinstance(graphql.get("query"), str) else ""
    for declared in _GRAPHQL_VARIABLE.finditer(query.split("{", 1)[0] if "$" in query.split("{", 1)[0] else query):
        name, is_list, kind, default = declared.groups()
        schema = {"type": _GRAPHQL_TYPES[kind]} if kind in _GRAPHQL_TYPES else shown.get(name, {})
        schema = {"type": "array", "items": schema} if is_list and schema.get("type") != "array" else schema
        arguments.add(name, schema, required=declared[0].rstrip().endswith("!") and not default)
    for name, schema in shown.items():
        arguments.add(name, schema)


def _responses(item: Mapping[str, Any]) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """The schema of successful bodies, and those of failures by status."""
    bodies: dict[str, list[Any]] = {}
    size = 0
    for response in _list(item.get("response"))[:MOST_RESPONSES]:
        if not isinstance(response, dict) or not isinstance(response.get("body"), str):
            continue
        size += len(response["body"])
        if size > LARGEST_BODY:
            break
        code = response.get("code")
        try:
            body = _known(_json(response["body"])) if response["body"].strip() else None
        except ValueError:
            continue  # a page of HTML, an image: nothing that a result could be made of
        if isinstance(code, int) and 100 <= code < 600 and isinstance(body, dict | list):
            bodies.setdefault("" if 200 <= code < 300 else str(code), []).append(body)
    schemas = {code: schema_of(examples) for code, examples in bodies.items()}
    return schemas.pop("", None), schemas


def _told(value: Any) -> dict[str, Any]:
    """What the text of a value tells of its type: all values of a url and of a form are text."""
    if not isinstance(value, str) or not value or len(value) > 1000:
        return {"type": "string"}
    if placeholder := _PLACEHOLDER.fullmatch(value):
        return typed(placeholder[1]) or {"type": "string"}
    if _VARIABLE.search(value) or _PLACEHOLDER.search(value):
        return {"type": "string"}
    if value in ("true", "false"):
        return {"type": "boolean"}
    if _INTEGER.fullmatch(value):
        return {"type": "integer", "examples": [int(value)]}
    if _NUMBER.fullmatch(value):
        return {"type": "number", "examples": [float(value)]}
    return {**schema_of([value]), "examples": [value]}


def _path(url: Any) -> list[str]:
    """Its steps, without what names the server."""
    if isinstance(url, dict):
        steps = url.get("path")
        if isinstance(steps, list):
            values = [step.get("value") if isinstance(step, dict) else step for step in steps[:100]]
            return [step[:200] for step in values if isinstance(step, str) and step] or ["/"]
        url = steps if isinstance(steps, str) else url.get("raw")
        if isinstance(url, str) and isinstance(steps, str):
            url = f"host/{url.lstrip('/')}"
    if not isinstance(url, str) or not url.strip():
        return []
    steps = re.split(r"[?#]", url.strip()[:5000].split("://", 1)[-1], maxsplit=1)[0].split("/")
    return [step[:200] for step in steps[1:101] if step] or ["/"]


def _query(url: Any) -> list[dict[str, Any]]:
    if isinstance(url, dict) and isinstance(url.get("query"), list):
        return list(_entries(url["query"]))
    raw = url.get("raw") if isinstance(url, dict) else url
    if not isinstance(raw, str) or "?" not in raw:
        return []
    pairs = raw[:20_000].split("?", 1)[1].split("#", 1)[0].split("&")
    return [dict(zip(("key", "value"), pair.split("=", 1), strict=False)) for pair in pairs if pair]


def _entries(entries: Any) -> Iterator[dict[str, Any]]:
    """Entries that are not switched off; headers may stand in a text, a line each."""
    if isinstance(entries, str):
        pairs = [line.partition(":") for line in entries[:20_000].splitlines()]
        entries = [{"key": key.strip(), "value": value.strip()} for key, mark, value in pairs if mark]
    for entry in _list(entries)[:2000]:
        if isinstance(entry, dict) and entry.get("disabled") is not True:
            yield entry


def _logins(owner: Mapping[str, Any]) -> frozenset[str]:
    """The names under which a key is sent, in a header or the query."""
    auth = owner.get("auth")
    settings = auth.get("apikey") if isinstance(auth, dict) else None
    if isinstance(settings, dict):
        settings = [{"key": key, "value": value} for key, value in settings.items()]
    names: Iterable[Any] = (entry.get("value") for entry in _entries(settings) if entry.get("key") == "key")
    return frozenset(name.lower() for name in names if isinstance(name, str))


def _given(collection: Mapping[str, Any]) -> dict[str, str]:
    """The collection's variables that have a value."""
    entries = [
        (entry.get("key") or entry.get("id"), entry.get("value")) for entry in _entries(collection.get("variable"))
    ]
    return {key: value for key, value in entries if isinstance(key, str) and isinstance(value, str) and value}


def _method(request: Mapping[str, Any]) -> str:
    return request["method"][:20].upper() if isinstance(request.get("method"), str) else "GET"


def _language(body: Mapping[str, Any]) -> Any:
    options = body.get("options")
    raw = options.get("raw") if isinstance(options, dict) else None
    return raw.get("language") if isinstance(raw, dict) else None


def _text(description: Any) -> str:
    return plain(description.get("content") if isinstance(description, dict) else description)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
