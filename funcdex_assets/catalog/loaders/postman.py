"""Reads Postman collections (v2.0 and v2.1): each saved request becomes a tool.

A collection shows requests and does not describe them. Here belongs what can be inferred from them: the arguments are
the path's variables, the query, and the body's fields; headers with credentials or about the content type are no
arguments. A body field that every saved version of the request sends is required; a query parameter is optional unless
its description says "required".

>>> request = {"method": "GET", "url": "{{base}}/users/:id?limit=10"}
>>> collection = {"info": {"name": "Users"}, "item": [{"name": "Get user", "request": request}]}
>>> [draft.parameters["properties"] for draft in read_drafts(collection)]
[{'id': {'type': 'string'}, 'limit': {'type': 'integer', 'examples': [10]}}]
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from funcdex_assets.catalog.drafts import Draft, DraftsAndProblems, Problem
from funcdex_assets.catalog.errors import CatalogError
from funcdex_assets.catalog.examples import UNKNOWN, KnownSchema, infer_schema
from funcdex_assets.catalog.loose_schema import parse_type_word, strip_markup

MOST_REQUESTS = 20_000
MOST_RESPONSES = 50
LARGEST_BODY = 2**21  # characters, of one body and of all that are saved with one request

_VARIABLE = re.compile(r"\{\{([^{}]{1,100})\}\}")
_PLACEHOLDER = re.compile(r"<([A-Za-z]{2,12}(?:-time)?)(?:\([^)<>]{0,60}\))?>")  # `<integer>`: from OpenAPI, by Postman
_LOGIN = re.compile(r"(?i)(proxy-)?authorization|cookie|(x-)?(api|auth|access|secret)[-_]?(key|token)|signature|apikey")
_NO_ARGUMENT = re.compile(r"(?i)accept.*|content-.*|user-agent|host|connection|origin|referer|cache-control|postman-.*")
# Each alternative matches to the end of the text if its own end is missing, so that none is retried from its middle.
_JSON_PIECE = re.compile(r'"(?:[^"\\]|\\.)*+"?|\{\{[^{}]{1,100}\}\}|//[^\n]*|/\*.*?(?:\*/|\Z)', re.DOTALL)
_REQUIRED = re.compile(r"(?i)\W*(required|mandatory)\b")
_OPTIONAL = re.compile(r"(?i)\W*optional\b")
_INTEGER = re.compile(r"-?(0|[1-9]\d{0,14})")
_NUMBER = re.compile(r"-?(0|[1-9]\d{0,14})\.\d{1,15}")
_GRAPHQL_VARIABLE = re.compile(r"\$(\w{1,100})\s{0,9}:\s{0,9}(\[{0,3})\s{0,9}(\w{1,100})[\]!\s]{0,9}(=)?")
_GRAPHQL_TYPES = {"Int": "integer", "Float": "number", "Boolean": "boolean", "String": "string", "ID": "string"}


def is_postman_collection(document: Any) -> bool:
    return isinstance(_unwrap_collection(document).get("item"), list) and isinstance(
        _unwrap_collection(document).get("info"), dict
    )


def read_drafts(document: Any) -> DraftsAndProblems:
    """Yields a draft for each saved request, and problems; requests of the same name are named by folder and name.

    Raises:
        CatalogError: the document is no collection of version 2.
    """
    collection = _unwrap_collection(document)
    if not isinstance(collection.get("item"), list):
        version = " (it looks like version 1)" if "requests" in collection else ""
        raise CatalogError(
            f"the document has the keys {list(collection)[:8]}, and no list 'item'{version}; "
            "export the collection from Postman as v2.1"
        )
    variable_values = _read_variable_values(collection)
    requests: list[_SavedRequest] = []
    for request_or_problem in _walk_requests(collection):
        if isinstance(request_or_problem, Problem):
            yield request_or_problem
        elif len(requests) >= MOST_REQUESTS:
            yield Problem(
                request_or_problem.location, f"there are more than {MOST_REQUESTS:,} requests; split the collection"
            )
            break
        else:
            requests.append(request_or_problem)
    name_counts = Counter(saved.name for saved in requests)
    for saved in requests:
        name = saved.name if name_counts[saved.name] == 1 or not saved.folder else f"{saved.folder} {saved.name}"
        yield from _draft_request(saved, name, variable_values)


class _SavedRequest(NamedTuple):
    """A saved request; `logins` are the names under which its API keys are sent."""

    location: str
    folder: str
    name: str
    item: dict[str, Any]
    request: dict[str, Any]
    logins: frozenset[str]


class _Arguments:
    """The arguments of a request, by name; the first of a name stays."""

    def __init__(self) -> None:
        self.properties: dict[str, dict[str, Any]] = {}
        self.required: list[str] = []

    def add_argument(
        self, name: Any, schema: Mapping[str, Any], description: Any = None, required: bool = False
    ) -> None:
        if not isinstance(name, str) or not name.strip() or name in self.properties:
            return
        text = _clean_description(description)
        words = text.removeprefix("(Required)").strip()  # Postman's own mark
        self.properties[name] = {**schema, **({"description": words} if words else {})}
        if (required or _REQUIRED.match(text)) and not _OPTIONAL.match(text):
            self.required.append(name)

    def to_schema(self) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": self.properties,
            **({"required": self.required} if self.required else {}),
            "additionalProperties": False,
        }


def _unwrap_collection(document: Any) -> dict[str, Any]:
    """Returns the collection in a document; Postman's own API wraps it in `{"collection": …}`. {} if it is none."""
    if isinstance(document, dict) and isinstance(document.get("collection"), dict):
        document = document["collection"]
    return document if isinstance(document, dict) else {}


def _walk_requests(collection: dict[str, Any]) -> Iterator[_SavedRequest | Problem]:
    """Yields all requests, in the order of the collection, from folders of any depth."""
    pending: list[tuple[str, str, dict[str, Any], frozenset[str]]] = [
        ("", "", collection, _find_login_names(collection))
    ]
    while pending:
        location, folder, item, logins = pending.pop()
        name = item["name"] if isinstance(item.get("name"), str) else ""
        if isinstance(item.get("item"), list):
            folder = f"{folder} {name}".strip()[-200:] if location else ""
            children = list(enumerate(item["item"]))
            for index, child in reversed(children):
                item_location = (
                    f"{location}.item[{index}]".lstrip(".") if len(location) < 500 else f"{location[:500]}…[{index}]"
                )
                if isinstance(child, dict):
                    pending.append((item_location, folder, child, logins | _find_login_names(child)))
                else:
                    yield Problem(item_location, f"{str(child)[:60]!r} is neither a folder nor a request")
            continue
        request = item.get("request")
        request = {"url": request, "method": "GET"} if isinstance(request, str) else request
        item_location = f"{location} ({' / '.join(filter(None, (folder, name)))[:200]})"
        if not isinstance(request, dict) or not _split_path(request.get("url")):
            yield Problem(item_location, "it has no request with a url")
        else:
            yield _SavedRequest(
                item_location, folder, _name_request(name, request), item, request, logins | _find_login_names(request)
            )


def _name_request(name: str, request: Mapping[str, Any]) -> str:
    """Returns the request's name, or method and path if it has none: Postman names it after its url by default."""
    if name.strip() and "/" not in name and "{{" not in name:
        return name.strip()[:200]
    words = [step for step in _split_path(request.get("url")) if not _VARIABLE.fullmatch(step)]
    return " ".join([_read_method(request).lower(), *(step.lstrip(":") for step in words)])[:200]


def _draft_request(saved: _SavedRequest, name: str, variable_values: Mapping[str, str]) -> DraftsAndProblems:
    """Yields the problems of one request, then its draft."""
    arguments = _Arguments()
    _add_url(arguments, saved, variable_values)
    for header in _list_entries(saved.request.get("header")):
        key = header.get("key")
        if isinstance(key, str) and not _LOGIN.fullmatch(key) and not _NO_ARGUMENT.fullmatch(key):
            _add_entry(arguments, header, saved.logins)
    yield from _add_body(arguments, saved)
    returns, errors = _infer_responses(saved.item)
    yield Draft(saved.location, name, _compose_description(saved), arguments.to_schema(), returns, errors)


def _compose_description(saved: _SavedRequest) -> str:
    text = _clean_description(saved.request.get("description")) or _clean_description(saved.item.get("description"))
    title = strip_markup(saved.name)
    if text:
        return text if text.lower().startswith(title.lower()) else f"{title.rstrip('.')}. {text}"
    call = f"{_read_method(saved.request)} /{'/'.join(_split_path(saved.request.get('url')))}"[:300]
    return f"{title} ({call})"


def _add_url(arguments: _Arguments, saved: _SavedRequest, variable_values: Mapping[str, str]) -> None:
    """Adds the variables of the path and the query; a collection's variable with a value is optional."""
    url = saved.request.get("url")
    described_variables = {
        entry.get("key") or entry.get("id"): entry
        for entry in _list_entries(url.get("variable") if isinstance(url, dict) else None)
        if isinstance(entry.get("key") or entry.get("id"), str)
    }
    for step in _split_path(url):
        if step.startswith(":") and len(step) > 1:
            name = re.split(r"[^\w-]", step[1:], maxsplit=1)[0]
            entry = described_variables.get(name, {})
            arguments.add_argument(name, _infer_from_text(entry.get("value")), entry.get("description"), required=True)
        for name in map(str.strip, _VARIABLE.findall(step)):
            if value := variable_values.get(name):
                arguments.add_argument(name, {"type": "string", "default": value})
            else:
                arguments.add_argument(name, {"type": "string"}, required=True)
    entries = _read_query(url)
    key_counts = Counter(entry.get("key") for entry in entries if isinstance(entry.get("key"), str))
    for entry in entries:
        is_repeated = isinstance(entry.get("key"), str) and key_counts[entry["key"]] > 1
        _add_entry(arguments, entry, saved.logins, is_list=is_repeated)


def _add_entry(
    arguments: _Arguments,
    entry: Mapping[str, Any],
    logins: frozenset[str],
    is_list: bool = False,
    required: bool = False,
) -> None:
    key = entry.get("key")
    if not isinstance(key, str) or _VARIABLE.search(key) or key.lower() in logins or _LOGIN.fullmatch(key):
        return
    if entry.get("type") == "file":
        schema: dict[str, Any] = {"type": "string", "contentEncoding": "base64"}
    else:
        schema = _infer_from_text(entry.get("value"))
    arguments.add_argument(
        key, {"type": "array", "items": schema} if is_list else schema, entry.get("description"), required
    )


def _add_body(arguments: _Arguments, saved: _SavedRequest) -> Iterator[Problem]:
    """Adds the body's fields, or the argument `body` if it is no object; yields a problem if it is no JSON."""
    body = saved.request.get("body")
    if not isinstance(body, dict) or body.get("disabled") is True:
        return
    mode = body.get("mode")
    if mode in ("urlencoded", "formdata"):
        for entry in _list_entries(body.get(mode)):
            _add_entry(arguments, entry, saved.logins, required=True)
    elif mode == "graphql" and isinstance(body.get("graphql"), dict):
        _add_graphql(arguments, body["graphql"])
    elif mode == "file":
        arguments.add_argument("body", {"type": "string", "contentEncoding": "base64"}, required=True)
    elif isinstance(raw := body.get("raw"), str) and raw.strip():
        examples = list(_read_bodies(saved.item, raw))
        if not examples and (_read_language(body) == "json" or raw.lstrip()[:1] in ("{", "[")):
            yield Problem(saved.location, "its body is not readable JSON, so that it is taken as text", lost=False)
        if examples and all(isinstance(example, dict) for example in examples):
            schema = infer_schema(examples)
            for name, field_schema in schema.get("properties", {}).items():
                is_required = name in schema.get("required", ()) and any(
                    example[name] is not None for example in examples
                )
                arguments.add_argument(name, field_schema, required=is_required)
            if "additionalProperties" in schema:
                arguments.add_argument("body", schema, required=True)
        else:
            arguments.add_argument("body", infer_schema(examples) if examples else {"type": "string"}, required=True)


def _read_bodies(item: Mapping[str, Any], raw: str) -> Iterator[Any]:
    """Yields the known bodies of a request: its own, and those that led to saved successful responses."""
    texts = [raw]
    for response in _list_or_empty(item.get("response"))[:MOST_RESPONSES]:
        code = response.get("code") if isinstance(response, dict) else None
        original = response.get("originalRequest") if isinstance(code, int) and 200 <= code < 300 else None
        body = original.get("body") if isinstance(original, dict) else None
        if isinstance(body, dict) and isinstance(body.get("raw"), str):
            texts.append(body["raw"])
    for text in dict.fromkeys(texts):
        try:
            yield _mark_unknown_values(_parse_json(text))
        except ValueError:
            continue


def _parse_json(text: str) -> Any:
    """Parses JSON as Postman accepts it: with comments, and with variables such as `{{id}}` in place of values."""
    if len(text) > LARGEST_BODY:
        raise ValueError(f"the body has {len(text):,} characters")

    def legalise_piece(piece: re.Match[str]) -> str:
        return piece[0] if piece[0][0] == '"' else f'"{piece[0]}"' if piece[0][0] == "{" else ""

    try:
        return msgspec.json.decode(_JSON_PIECE.sub(legalise_piece, text))
    except RecursionError:
        raise ValueError("the body is nested too deeply") from None


def _mark_unknown_values(value: Any, depth: int = 0) -> Any:
    """Replaces variables (`{{id}}`) and placeholders (`<integer>`) in an example by values of known schema only."""
    if isinstance(value, dict) and depth < 20:
        return {key: _mark_unknown_values(child, depth + 1) for key, child in value.items()}
    if isinstance(value, list) and depth < 20:
        return [_mark_unknown_values(child, depth + 1) for child in value]
    if isinstance(value, str) and len(value) < 120:
        if _VARIABLE.fullmatch(value):
            return KnownSchema({"type": "string"}) if depth == 0 else UNKNOWN
        if placeholder := _PLACEHOLDER.fullmatch(value):
            return KnownSchema(parse_type_word(placeholder[1]) or {"type": "string"})
    return value


def _add_graphql(arguments: _Arguments, graphql: Mapping[str, Any]) -> None:
    """Adds the variables that a GraphQL operation declares; for input objects the schema of their example."""
    values = graphql.get("variables")
    try:
        values = _parse_json(values) if isinstance(values, str) and values.strip() else values
    except ValueError:
        values = None
    example_schemas = (
        infer_schema([_mark_unknown_values(values)]).get("properties", {}) if isinstance(values, dict) else {}
    )
    query = graphql["query"][:20_000] if isinstance(graphql.get("query"), str) else ""
    for declared in _GRAPHQL_VARIABLE.finditer(query.split("{", 1)[0] if "$" in query.split("{", 1)[0] else query):
        name, is_list, graphql_type, default = declared.groups()
        schema = (
            {"type": _GRAPHQL_TYPES[graphql_type]} if graphql_type in _GRAPHQL_TYPES else example_schemas.get(name, {})
        )
        schema = {"type": "array", "items": schema} if is_list and schema.get("type") != "array" else schema
        arguments.add_argument(name, schema, required=declared[0].rstrip().endswith("!") and not default)
    for name, schema in example_schemas.items():
        arguments.add_argument(name, schema)


def _infer_responses(item: Mapping[str, Any]) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """Infers the schema of successful responses, None without examples, and those of errors by status."""
    bodies: dict[str, list[Any]] = {}
    size = 0
    for response in _list_or_empty(item.get("response"))[:MOST_RESPONSES]:
        if not isinstance(response, dict) or not isinstance(response.get("body"), str):
            continue
        size += len(response["body"])
        if size > LARGEST_BODY:
            break
        code = response.get("code")
        try:
            body = _mark_unknown_values(_parse_json(response["body"])) if response["body"].strip() else None
        except ValueError:
            continue  # a page of HTML or an image, from which no schema can be inferred
        if isinstance(code, int) and 100 <= code < 600 and isinstance(body, dict | list):
            bodies.setdefault("" if 200 <= code < 300 else str(code), []).append(body)
    schemas = {code: infer_schema(examples) for code, examples in bodies.items()}
    return schemas.pop("", None), schemas


def _infer_from_text(value: Any) -> dict[str, Any]:
    """Infers a schema from a value's text, such as integer from "10", since all values of a url or a form are text."""
    if not isinstance(value, str) or not value or len(value) > 1000:
        return {"type": "string"}
    if placeholder := _PLACEHOLDER.fullmatch(value):
        return parse_type_word(placeholder[1]) or {"type": "string"}
    if _VARIABLE.search(value) or _PLACEHOLDER.search(value):
        return {"type": "string"}
    if value in ("true", "false"):
        return {"type": "boolean"}
    if _INTEGER.fullmatch(value):
        return {"type": "integer", "examples": [int(value)]}
    if _NUMBER.fullmatch(value):
        return {"type": "number", "examples": [float(value)]}
    return {**infer_schema([value]), "examples": [value]}


def _split_path(url: Any) -> list[str]:
    """Returns the steps of a url's path, without the server; [] if there is no url."""
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


def _read_query(url: Any) -> list[dict[str, Any]]:
    if isinstance(url, dict) and isinstance(url.get("query"), list):
        return list(_list_entries(url["query"]))
    raw = url.get("raw") if isinstance(url, dict) else url
    if not isinstance(raw, str) or "?" not in raw:
        return []
    pairs = raw[:20_000].split("?", 1)[1].split("#", 1)[0].split("&")
    return [dict(zip(("key", "value"), pair.split("=", 1), strict=False)) for pair in pairs if pair]


def _list_entries(entries: Any) -> Iterator[dict[str, Any]]:
    """Yields the entries that are not disabled; headers may also be one text with a line for each."""
    if isinstance(entries, str):
        pairs = [line.partition(":") for line in entries[:20_000].splitlines()]
        entries = [{"key": key.strip(), "value": value.strip()} for key, mark, value in pairs if mark]
    for entry in _list_or_empty(entries)[:2000]:
        if isinstance(entry, dict) and entry.get("disabled") is not True:
            yield entry


def _find_login_names(owner: Mapping[str, Any]) -> frozenset[str]:
    """Returns the names, in lower case, under which an API key is sent in a header or the query."""
    auth = owner.get("auth")
    settings = auth.get("apikey") if isinstance(auth, dict) else None
    if isinstance(settings, dict):
        settings = [{"key": key, "value": value} for key, value in settings.items()]
    names: Iterable[Any] = (entry.get("value") for entry in _list_entries(settings) if entry.get("key") == "key")
    return frozenset(name.lower() for name in names if isinstance(name, str))


def _read_variable_values(collection: Mapping[str, Any]) -> dict[str, str]:
    """Returns the collection's variables that have a value."""
    entries = [
        (entry.get("key") or entry.get("id"), entry.get("value")) for entry in _list_entries(collection.get("variable"))
    ]
    return {key: value for key, value in entries if isinstance(key, str) and isinstance(value, str) and value}


def _read_method(request: Mapping[str, Any]) -> str:
    return request["method"][:20].upper() if isinstance(request.get("method"), str) else "GET"


def _read_language(body: Mapping[str, Any]) -> Any:
    options = body.get("options")
    raw = options.get("raw") if isinstance(options, dict) else None
    return raw.get("language") if isinstance(raw, dict) else None


def _clean_description(description: Any) -> str:
    return strip_markup(description.get("content") if isinstance(description, dict) else description)


def _list_or_empty(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
