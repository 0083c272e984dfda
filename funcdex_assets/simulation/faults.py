"""Calls that go wrong: what a service answers to them.

The shape of an error is its service's: the schemas of the tool's own `errors` where it has some, else one of a few
shapes that real services have, always the same for one toolkit. The text names what is wrong: the argument and its
value, the thing, the seconds to wait. Nothing here changes a world; the same call fails in the same words.

>>> can_be_empty(Tool(toolkit="t", name="LIST_TAGS", description="", parameters={}, returns=None, source=""))
True
"""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import lru_cache
from random import Random
from typing import Any

import msgspec

from funcdex_assets.catalog.json_schema import Schema, at_pointer, fits, resolve, schema_type, validator
from funcdex_assets.catalog.names import is_id, is_page_token, parse_tool_name, resource_noun, words
from funcdex_assets.catalog.results import result_schema
from funcdex_assets.language.samples import NoValueError, sample
from funcdex_assets.language.values import Situation
from funcdex_assets.records import Fault, Tool
from funcdex_assets.seeds import derive_seed, generator
from funcdex_assets.simulation.call_context import CallContext
from funcdex_assets.simulation.demand import read_call_intent
from funcdex_assets.simulation.listings import call_key
from funcdex_assets.simulation.memory import Memory
from funcdex_assets.simulation.results import ResultBuilder

_CODES: dict[Fault, tuple[int, str]] = {
    "not_found": (404, "NOT_FOUND"),
    "invalid_argument": (400, "INVALID_ARGUMENT"),
    "permission_denied": (403, "PERMISSION_DENIED"),
    "expired_auth": (401, "UNAUTHENTICATED"),
    "rate_limit": (429, "RESOURCE_EXHAUSTED"),
    "conflict": (409, "ABORTED"),
    "timeout": (504, "DEADLINE_EXCEEDED"),
}
_WAITS = (5, 10, 15, 20, 30, 45, 60)
_SHAPES = ("nested", "flat", "listed", "problem")
_USUAL = {
    "gmail": "nested",
    "googlecalendar": "nested",
    "googledrive": "nested",
    "googledocs": "nested",
    "jira": "listed",
    "asana": "listed",
    "stripe": "nested",
    "whatsapp": "nested",
    "calendly": "problem",
    "todoist": "flat",
}
_COUNTS = frozenset("count total estimate".split())
_DEEPEST = 2


def failure(
    tool: Tool, arguments: Mapping[str, Any], fault: Fault, about: str, situation: Situation, seed: int, memory: Memory
) -> tuple[Any, bool]:
    """What `World.fail` answers; `memory` is read, not changed."""
    rng = generator("fault", seed, tool.toolkit, tool.name, call_key(arguments), fault, about)
    if fault == "empty_result":
        return _empty(tool, arguments, situation, deepcopy(memory), rng), False
    wait = rng.choice(_WAITS) if fault == "rate_limit" else None
    message = _message(tool, arguments, fault, about, wait, rng)
    argument = _last(about) if fault in ("not_found", "invalid_argument", "conflict") else ""
    return _answer(tool, fault, message, argument, wait, rng), True


def lost(tool: Tool, arguments: Mapping[str, Any], noun: str, identity: str, seed: int) -> Any:
    """The content of a call that names a thing which was deleted before."""
    rng = generator("lost", seed, tool.toolkit, tool.name, call_key(arguments))
    return _answer(tool, "not_found", _missing(_spoken(noun), identity, rng), "", None, rng)


def can_be_empty(tool: Tool) -> bool:
    """Whether the tool is a listing whose response schema permits one without items."""
    return _can_be_empty(tool.name, msgspec.json.encode(tool.returns))


# ── what is said ──────────────────────────────────────────────────────────────────────────────


def _message(tool: Tool, arguments: Mapping[str, Any], fault: Fault, about: str, wait: int | None, rng: Random) -> str:
    place = _identifying(arguments) if about in ("", tool.name) else about
    name, value = _last(place), at_pointer(dict(arguments), place) if place else None
    told = _shown(value)
    parsed = parse_tool_name(tool.name)
    thing = _spoken(resource_noun(name) if is_id(name) and resource_noun(name) else parsed.noun)
    which = f"{thing} {told}" if value is not None and is_id(name) else f"this {thing}"
    does = " ".join(word for word in words(tool.name))
    match fault:
        case "not_found":
            if value is None:
                return f"The requested {thing} was not found."
            return _missing(thing, value, rng) if is_id(name) else f"No {thing} matches {name} {told}."
        case "invalid_argument":
            if value is None:
                return f"The request to {does} has an invalid argument."
            return rng.choice(
                (
                    f"Invalid value for {name}: {told}.",
                    f"{name}: {told} is not a valid value.",
                    f"The value {told} of parameter {name} was rejected.",
                )
            )
        case "permission_denied" if about == tool.name:
            return rng.choice(
                (
                    f"This connection may not {does}: the method is not enabled for it.",
                    f"The granted scopes do not permit the request to {does}.",
                    f"You do not have permission to use {tool.name}.",
                    f"The method {tool.name} is switched off for this account by its administrator.",
                )
            )
        case "permission_denied":
            return rng.choice(
                (
                    f"You do not have permission to {parsed.verb} {which}.",
                    f"The caller lacks the permission needed to {parsed.verb} {which}.",
                    f"Access to {which} is denied for this account.",
                )
            )
        case "expired_auth":
            return rng.choice(
                (
                    f"The access token has expired; sign in to {tool.toolkit} again.",
                    f"Invalid credentials: the session with {tool.toolkit} has expired.",
                    f"The {tool.toolkit} connection must be authorised again, its token is no longer valid.",
                )
            )
        case "rate_limit":
            return rng.choice(
                (
                    f"Rate limit exceeded for {does}. Retry after {wait} seconds.",
                    f"Too many requests. Try again in {wait} seconds.",
                    f"Quota for this minute is used up; retry in {wait} seconds.",
                )
            )
        case "conflict":
            return (
                rng.choice(
                    (
                        f"Conflict: {which} was changed by somebody else in the meantime.",
                        f"The request conflicts with the current state of {which}.",
                    )
                )
                if is_id(name) or value is None
                else f"{_article(thing).capitalize()} {thing} with {name} {told} already exists."
            )
        case _:
            seconds = rng.choice((10, 30, 60))
            return rng.choice(
                (
                    f"The request to {does} timed out after {seconds} seconds.",
                    f"Deadline exceeded: no answer within {seconds} seconds.",
                )
            )


def _missing(thing: str, identity: Any, rng: Random) -> str:
    told = _shown(identity)
    return rng.choice(
        (
            f"{thing.capitalize()} {told} was not found.",
            f"No {thing} with id {told} exists.",
            f"Requested {thing} not found: {told}.",
        )
    )


def _identifying(arguments: Mapping[str, Any]) -> str:
    return next((f"/{key}" for key, value in arguments.items() if is_id(key) and isinstance(value, str | int)), "")


def _article(noun: str) -> str:
    return "an" if noun[:1] in "aeiou" else "a"


def _spoken(noun: str) -> str:
    return noun or "resource"


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return f"'{text if len(text) <= 80 else text[:77] + '...'}'"


def _last(pointer: str) -> str:
    return next((step for step in reversed(pointer.split("/")) if step and not step.isdigit() and step != "*"), "")


# ── how it is written down ────────────────────────────────────────────────────────────────────


def _answer(tool: Tool, fault: Fault, message: str, argument: str, wait: int | None, rng: Random) -> Any:
    own = _own(tool, fault)
    if own is not None:
        try:
            return _filled(own, fault, message, wait, rng)
        except NoValueError:
            pass
    code, status = _CODES[fault]
    shape = _USUAL.get(tool.toolkit) or _SHAPES[derive_seed("errors", tool.toolkit) % len(_SHAPES)]
    match shape:
        case "nested":
            error: dict[str, Any] = {"code": code, "message": message, "status": status}
            if wait is not None:
                error["retry_after"] = wait
            if argument:
                error["details"] = [{"field": argument, "reason": fault.upper()}]
            return {"error": error}
        case "flat":
            flat: dict[str, Any] = {"error": fault, "message": message, "status_code": code}
            return flat | ({"retry_after": wait} if wait is not None else {})
        case "listed":
            one: dict[str, Any] = {"status": code, "code": fault, "message": message}
            if argument:
                one["field"] = argument
            return {"errors": [one]} | ({"retry_after": wait} if wait is not None else {})
    titles = {"expired_auth": "Unauthenticated"}
    problem: dict[str, Any] = {
        "title": titles.get(fault, fault.replace("_", " ").capitalize()),
        "status": code,
        "detail": message,
    }
    if argument:
        problem["invalid_params"] = [{"name": argument, "reason": message}]
    return problem | ({"retry_after": wait} if wait is not None else {})


def _own(tool: Tool, fault: Fault) -> Schema | None:
    """The tool's own schema for such an error: by its status, by its name, or for all errors."""
    if not isinstance(tool.errors, dict):
        return None
    code, status = _CODES[fault]
    told = {fault.replace("_", ""), status.replace("_", "").lower()}
    for wanted in (
        lambda key: key == str(code),
        lambda key: any(name in key.lower().replace("_", "") for name in told),
        lambda key: key.lower() == f"{code // 100}xx",
        lambda key: key.lower() == "default",
    ):
        for key, schema in tool.errors.items():
            if wanted(key) and isinstance(schema, dict) and schema:
                return schema
    return None


def _filled(schema: Schema, fault: Fault, message: str, wait: int | None, rng: Random) -> Any:
    code, status = _CODES[fault]
    texts = ("message", "detail", "description", "msg", "text", "title", "error", "reason")

    def propose(part: Schema, name: str) -> Any:
        said, type_ = set(words(name)), schema_type(part)
        options: list[Any] = [part["const"]] if "const" in part else []
        if type_ == "string":
            named = [option for option in part.get("enum", ()) if isinstance(option, str)]
            options += [option for option in named if option.lower() in (fault, status.lower())]
            options += [status] if said & {"code", "status", "type", "name"} and not named else []
            options += [message] if said & set(texts) else []
        elif type_ in ("integer", "number"):
            options += [wait] if wait is not None and said & {"retry", "wait", "after", "seconds"} else []
            options += [code] if said & {"code", "status"} else []
        return next((option for option in options if fits(part, part, option)), None)

    needed = frozenset(path for path in _text_places(schema, texts))
    return sample(schema, schema, rng, propose, needed)


def _text_places(schema: Schema, texts: tuple[str, ...]) -> Iterator[str]:
    """The first property for the message, so that it is there though optional."""
    properties = resolve(schema, schema).get("properties", {})
    found = next((key for text in texts for key in properties if text in words(key)), None)
    if found:
        yield f"/{found}"


# ── nothing found ─────────────────────────────────────────────────────────────────────────────


def _lists(schema: Schema, root: Schema, path: str = "", depth: int = 0) -> Iterator[tuple[str, Schema]]:
    """The lists of things at the top of a result: where they are, and their schemas."""
    schema = resolve(schema, root)
    if schema_type(schema) == "array":
        if schema_type(resolve(schema.get("items", {}), root)) == "object":
            yield path, schema
    elif depth <= _DEEPEST:
        for key, part in schema.get("properties", {}).items():
            if isinstance(part, dict):
                yield from _lists(part, root, f"{path}/{key}", depth + 1)


@lru_cache(maxsize=4096)
def _can_be_empty(name: str, returns: bytes) -> bool:
    tool = Tool(toolkit="", name=name, description="", parameters={}, returns=msgspec.json.decode(returns), source="")
    schema = result_schema(tool)
    found = dict(_lists(schema, schema))
    if parse_tool_name(name).action != "list" or not found:
        return False
    try:
        example = sample(schema, schema, Random(0), None, frozenset(f"{path}/*" for path in found), lean=True)
    except NoValueError:
        return False
    return validator(schema).is_valid(_emptied(example, schema, found))


def _empty(tool: Tool, arguments: Mapping[str, Any], situation: Situation, memory: Memory, rng: Random) -> Any:
    if not can_be_empty(tool):
        raise ValueError(f"{tool.name} cannot have an empty result; ask faults.can_be_empty before")
    schema = result_schema(tool)
    found = dict(_lists(schema, schema))
    demand = read_call_intent(tool.name, arguments, situation.now, f"empty {call_key(arguments)}")
    context = CallContext(situation, demand, memory, situation.now, rng)
    needed = frozenset(f"{path}/*" for path in found)
    made = _emptied(ResultBuilder(schema, context, needed).build_result(), schema, found)
    if validator(schema).is_valid(made):
        return made
    return _emptied(sample(schema, schema, rng, None, needed, lean=True), schema, found)


def _emptied(value: Any, schema: Schema, found: Mapping[str, Schema]) -> Any:
    """The result with its lists empty, and what tells of them in accord."""
    if "" in found:
        return []
    value = deepcopy(value)
    for path in found:
        above, _, key = path.rpartition("/")
        holder = at_pointer(value, above)
        if isinstance(holder, dict):
            holder[key] = []
    _unsay(value, schema, schema)
    return value


def _unsay(made: Any, schema: Schema, root: Schema) -> None:
    """No next page, and counts of nothing."""
    properties = schema.get("properties", {})
    for key in list(made) if isinstance(made, dict) else ():
        value, part = made[key], properties.get(key, {})
        if is_page_token(key) and not isinstance(value, int):
            if key not in schema.get("required", ()):
                del made[key]
            else:
                made[key] = next((none for none in (None, "") if fits(part, root, none)), value)
        elif isinstance(value, bool):
            made[key] = False if "more" in words(key) else value
        elif isinstance(value, int) and set(words(key)) & _COUNTS:
            if fits(part, root, 0) or key in schema.get("required", ()):
                made[key] = 0
            else:
                del made[key]
        elif isinstance(value, dict):
            _unsay(value, resolve(part, root), root)
