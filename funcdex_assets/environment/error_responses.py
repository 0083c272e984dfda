"""Builds what a service answers to calls that go wrong.

Belongs here: the shape and the words of errors, and results without items. The shape of an error is its service's: the
schemas of the tool's own `errors` where it has some, else one of a few shapes that real services have, always the same
for one toolkit. The text names what is wrong: the argument and its value, the entity, the seconds to wait. Nothing here
changes a world; the same call fails in the same words.

>>> can_be_empty(Tool(toolkit="t", name="LIST_TAGS", description="", parameters={}, returns=None, source=""))
True
"""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import lru_cache
from random import Random
from typing import Any

import msgspec

from funcdex_assets.environment.call_context import CallContext
from funcdex_assets.environment.call_intent import read_call_intent
from funcdex_assets.environment.entity_store import EntityStore
from funcdex_assets.environment.listings import build_call_key
from funcdex_assets.environment.preconditions import Refusal
from funcdex_assets.environment.result_builder import ResultBuilder
from funcdex_assets.language.schema_samples import NoValueError, sample_value
from funcdex_assets.language.values import Situation
from funcdex_assets.records.labels import Fault
from funcdex_assets.records.seeds import build_generator, derive_seed
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.json_pointers import at_pointer
from funcdex_assets.schema.references import resolve_schema
from funcdex_assets.schema.schema import Schema, schema_type
from funcdex_assets.schema.validation import compile_validator, is_valid_under
from funcdex_assets.schema.words import split_words, to_plural
from funcdex_assets.semantics.field_meaning import decide_value_meaning
from funcdex_assets.semantics.field_roles import is_page_token
from funcdex_assets.semantics.result_schema import complete_result_schema, lists_things
from funcdex_assets.semantics.tool_names import is_id, parse_resource_noun, parse_tool_name

_CODES: dict[Fault, tuple[int, str]] = {
    "not_found": (404, "NOT_FOUND"),
    "invalid_argument": (400, "INVALID_ARGUMENT"),
    "permission_denied": (403, "PERMISSION_DENIED"),
    "expired_auth": (401, "UNAUTHENTICATED"),
    "rate_limit": (429, "RESOURCE_EXHAUSTED"),
    "conflict": (409, "ABORTED"),
    "timeout": (504, "DEADLINE_EXCEEDED"),
}
_WAIT_SECONDS = (5, 10, 15, 20, 30, 45, 60)
_ERROR_SHAPES = ("nested", "flat", "listed", "problem")
_SHAPE_OF_TOOLKIT = {
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
_MAX_LIST_DEPTH = 2


def build_faulty_result(
    tool: Tool,
    arguments: Mapping[str, Any],
    fault: Fault,
    about: str,
    situation: Situation,
    seed: int,
    entities: EntityStore,
) -> tuple[Any, bool]:
    """Returns the content of a call that goes wrong, and whether it is an error; the entities are read, not changed."""
    rng = build_generator("fault", seed, tool.toolkit, tool.name, build_call_key(arguments), fault, about)
    if fault == "empty_result":
        return _build_empty_result(tool, arguments, situation, deepcopy(entities), rng, seed), False
    wait = choose_seconds_to_wait(tool, arguments, seed) if fault == "rate_limit" else None
    message = _write_message(tool, arguments, fault, about, wait, rng)
    argument = _find_last_name(about) if fault in ("not_found", "invalid_argument", "conflict") else ""
    return _build_error(tool, fault, message, argument, wait, rng), True


def build_deleted_error(tool: Tool, arguments: Mapping[str, Any], noun: str, identity: str, seed: int) -> Any:
    """Returns the error of a call that names an entity which was deleted before."""
    rng = build_generator("lost", seed, tool.toolkit, tool.name, build_call_key(arguments))
    return _build_error(tool, "not_found", _write_not_found(_name_resource(noun), identity, rng), "", None, rng)


def build_refusal(tool: Tool, arguments: Mapping[str, Any], refusal: Refusal, seed: int) -> Any:
    """Returns the error of a call that the service refuses for a reason."""
    rng = build_generator("refusal", seed, tool.toolkit, tool.name, build_call_key(arguments))
    argument = _find_last_name(refusal.about)
    return _build_error(tool, refusal.fault, refusal.message, argument, refusal.wait, rng)


def build_condition_error(tool: Tool, arguments: Mapping[str, Any], fault: Fault, wait: int | None, seed: int) -> Any:
    """Returns the error of a call that fails by what an earlier call failed by, such as an expired sign-in."""
    rng = build_generator("fault", seed, tool.toolkit, tool.name, build_call_key(arguments), fault, "")
    return _build_error(tool, fault, _write_message(tool, arguments, fault, "", wait, rng), "", wait, rng)


def choose_seconds_to_wait(tool: Tool, arguments: Mapping[str, Any], seed: int) -> int:
    """Returns after how many seconds a service that is asked too often answers again."""
    return build_generator("wait", seed, tool.toolkit, tool.name, build_call_key(arguments)).choice(_WAIT_SECONDS)


def can_be_empty(tool: Tool) -> bool:
    """Returns whether the tool is a listing whose response schema permits a result without items."""
    return _can_be_empty(tool.name, msgspec.json.encode(tool.returns))


# ── what is said ──────────────────────────────────────────────────────────────────────────────


def _write_message(
    tool: Tool, arguments: Mapping[str, Any], fault: Fault, about: str, wait: int | None, rng: Random
) -> str:
    """Returns the error's text; `about` is the pointer of the argument at fault, or the tool's name."""
    pointer = _find_identifier_pointer(arguments) if about in ("", tool.name) else about
    name, value = _find_last_name(pointer), at_pointer(dict(arguments), pointer) if pointer else None
    quoted_value = _quote_value(value)
    parsed = parse_tool_name(tool.name)
    noun = _name_resource(parse_resource_noun(name) if is_id(name) and parse_resource_noun(name) else parsed.noun)
    is_named = value is not None and is_id(name)
    entity_text = (
        f"{noun} {quoted_value}" if is_named else to_plural(noun) if parsed.action == "list" else f"this {noun}"
    )
    if is_named and parsed.action == "create" and noun != parsed.noun:  # what is made is not what is named
        made = _name_resource(parsed.noun)
        entity_text = f"{_choose_article(made)} {made} in {entity_text}"
    action_text = " ".join(split_words(tool.name))
    match fault:
        case "not_found":
            if value is None:
                return f"The requested {noun} was not found."
            return _write_not_found(noun, value, rng) if is_id(name) else f"No {noun} matches {name} {quoted_value}."
        case "invalid_argument":
            if value is None:
                return f"The request to {action_text} has an invalid argument."
            return rng.choice(
                (
                    f"Invalid value for {name}: {quoted_value}.",
                    f"{name}: {quoted_value} is not a valid value.",
                    f"The value {quoted_value} of parameter {name} was rejected.",
                )
            )
        case "permission_denied" if about == tool.name:
            return rng.choice(
                (
                    f"This connection may not {action_text}: the method is not enabled for it.",
                    f"The granted scopes do not permit the request to {action_text}.",
                    f"You do not have permission to use {tool.name}.",
                    f"The method {tool.name} is switched off for this account by its administrator.",
                )
            )
        case "permission_denied":
            refusals = (
                f"You do not have permission to {parsed.verb} {entity_text}.",
                f"The caller lacks the permission needed to {parsed.verb} {entity_text}.",
                f"Access to {entity_text} is denied for this account.",
            )
            return rng.choice(refusals[:2] if parsed.action == "create" else refusals)
        case "expired_auth":
            return rng.choice(
                (
                    f"Cannot {action_text}: the access token has expired; sign in to {tool.toolkit} again.",
                    f"Invalid credentials to {action_text}: the session with {tool.toolkit} has expired.",
                    f"The {tool.toolkit} connection must be authorised again before the request to {action_text}, "
                    "its token is no longer valid.",
                )
            )
        case "rate_limit":
            return rng.choice(
                (
                    f"Rate limit exceeded for {action_text}. Retry after {wait} seconds.",
                    f"Too many requests to {action_text}. Try again in {wait} seconds.",
                    f"The quota of {tool.toolkit} for requests to {action_text} is used up; retry in {wait} seconds.",
                )
            )
        case "conflict":
            return (
                rng.choice(
                    (
                        f"Conflict: {entity_text} was changed by somebody else in the meantime.",
                        f"The request conflicts with the current state of {entity_text}.",
                    )
                )
                if is_id(name) or value is None
                else f"{_choose_article(noun).capitalize()} {noun} with {name} {quoted_value} already exists."
            )
        case _:
            seconds = rng.choice((10, 30, 60))
            return rng.choice(
                (
                    f"The request to {action_text} timed out after {seconds} seconds.",
                    f"Deadline exceeded: no answer to the request to {action_text} within {seconds} seconds.",
                )
            )


def _write_not_found(noun: str, identity: Any, rng: Random) -> str:
    quoted_identity = _quote_value(identity)
    return rng.choice(
        (
            f"{noun.capitalize()} {quoted_identity} was not found.",
            f"No {noun} with id {quoted_identity} exists.",
            f"Requested {noun} not found: {quoted_identity}.",
        )
    )


def _find_identifier_pointer(arguments: Mapping[str, Any]) -> str:
    """Returns the pointer of the first argument that is an identifier, else ''."""
    return next((f"/{key}" for key, value in arguments.items() if is_id(key) and isinstance(value, str | int)), "")


def _choose_article(noun: str) -> str:
    return "an" if noun[:1] in "aeiou" else "a"


def _name_resource(noun: str) -> str:
    return noun or "resource"


def _quote_value(value: Any) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return f"'{text if len(text) <= 80 else text[:77] + '...'}'"


def _find_last_name(pointer: str) -> str:
    """Returns the last name in a pointer: `labels` for `/labels/0`."""
    return next((step for step in reversed(pointer.split("/")) if step and not step.isdigit() and step != "*"), "")


# ── how it is written down ────────────────────────────────────────────────────────────────────


def _build_error(tool: Tool, fault: Fault, message: str, argument: str, wait: int | None, rng: Random) -> Any:
    """Returns the error in the tool's own schema, else in the shape of its toolkit."""
    error_schema = _find_error_schema(tool, fault)
    if error_schema is not None:
        try:
            return _fill_error_schema(error_schema, fault, message, wait, rng)
        except NoValueError:
            pass
    code, status = _CODES[fault]
    shape = (
        _SHAPE_OF_TOOLKIT.get(tool.toolkit) or _ERROR_SHAPES[derive_seed("errors", tool.toolkit) % len(_ERROR_SHAPES)]
    )
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
            error_item: dict[str, Any] = {"status": code, "code": fault, "message": message}
            if argument:
                error_item["field"] = argument
            return {"errors": [error_item]} | ({"retry_after": wait} if wait is not None else {})
    titles = {"expired_auth": "Unauthenticated"}
    problem: dict[str, Any] = {
        "title": titles.get(fault, fault.replace("_", " ").capitalize()),
        "status": code,
        "detail": message,
    }
    if argument:
        problem["invalid_params"] = [{"name": argument, "reason": message}]
    return problem | ({"retry_after": wait} if wait is not None else {})


def _find_error_schema(tool: Tool, fault: Fault) -> Schema | None:
    """Returns the tool's own schema for such an error: by its status, by its name, or for all errors."""
    if not isinstance(tool.errors, dict):
        return None
    code, status = _CODES[fault]
    error_names = {fault.replace("_", ""), status.replace("_", "").lower()}
    for is_match in (
        lambda key: key == str(code),
        lambda key: any(name in key.lower().replace("_", "") for name in error_names),
        lambda key: key.lower() == f"{code // 100}xx",
        lambda key: key.lower() == "default",
    ):
        for key, schema in tool.errors.items():
            if is_match(key) and isinstance(schema, dict) and schema:
                return schema
    return None


def _fill_error_schema(schema: Schema, fault: Fault, message: str, wait: int | None, rng: Random) -> Any:
    """Returns a value of the error schema that carries the message, the code and the seconds to wait."""
    code, status = _CODES[fault]
    texts = ("message", "detail", "description", "msg", "text", "title", "error", "reason")

    def propose_value(field_schema: Schema, name: str) -> Any:
        name_words, type_ = set(split_words(name)), schema_type(field_schema)
        options: list[Any] = [field_schema["const"]] if "const" in field_schema else []
        if type_ == "string":
            choices = [option for option in field_schema.get("enum", ()) if isinstance(option, str)]
            options += [option for option in choices if option.lower() in (fault, status.lower())]
            options += [status] if name_words & {"code", "status", "type", "name"} and not choices else []
            options += [message] if name_words & set(texts) else []
        elif type_ in ("integer", "number"):
            options += [wait] if wait is not None and name_words & {"retry", "wait", "after", "seconds"} else []
            options += [code] if name_words & {"code", "status"} else []
        return next((option for option in options if is_valid_under(field_schema, field_schema, option)), None)

    needed = frozenset(path for path in _find_message_path(schema, texts))
    return sample_value(schema, schema, rng, propose_value, needed)


def _find_message_path(schema: Schema, texts: tuple[str, ...]) -> Iterator[str]:
    """Yields the path of the first property for the message, so that it is shown though optional."""
    properties = resolve_schema(schema, schema).get("properties", {})
    message_key = next((key for text in texts for key in properties if text in split_words(key)), None)
    if message_key:
        yield f"/{message_key}"


# ── nothing found ─────────────────────────────────────────────────────────────────────────────


def _find_lists(schema: Schema, root: Schema, path: str = "", depth: int = 0) -> Iterator[tuple[str, Schema]]:
    """Yields the lists of entities at the top of a result: their paths and schemas."""
    schema = resolve_schema(schema, root)
    if schema_type(schema) == "array":
        if schema_type(resolve_schema(schema.get("items", {}), root)) == "object":
            yield path, schema
    elif depth <= _MAX_LIST_DEPTH:
        for key, property_schema in schema.get("properties", {}).items():
            if isinstance(property_schema, dict):
                yield from _find_lists(property_schema, root, f"{path}/{key}", depth + 1)


@lru_cache(maxsize=4096)
def _can_be_empty(name: str, returns: bytes) -> bool:
    tool = Tool(toolkit="", name=name, description="", parameters={}, returns=msgspec.json.decode(returns), source="")
    schema = complete_result_schema(tool)
    lists = dict(_find_lists(schema, schema))
    if not lists_things(tool) or not lists:
        return False
    try:
        example = sample_value(schema, schema, Random(0), None, frozenset(f"{path}/*" for path in lists), lean=True)
    except NoValueError:
        return False
    return compile_validator(schema).is_valid(_empty_lists(example, schema, lists))


def _build_empty_result(
    tool: Tool, arguments: Mapping[str, Any], situation: Situation, entities: EntityStore, rng: Random, seed: int
) -> Any:
    """Returns a result of the listing without items."""
    if not can_be_empty(tool):
        raise ValueError(f"{tool.name} cannot have an empty result; ask can_be_empty before")
    schema = complete_result_schema(tool)
    lists = dict(_find_lists(schema, schema))
    key = f"empty {build_call_key(arguments)}"
    intent = read_call_intent(tool.name, arguments, situation.now, key, is_listing=lists_things(tool))
    context = CallContext(situation, intent, entities, situation.now, rng, seed)
    needed = frozenset(f"{path}/*" for path in lists)
    result = _empty_lists(ResultBuilder(schema, context, needed).build_result(), schema, lists)
    if compile_validator(schema).is_valid(result):
        return result
    return _empty_lists(sample_value(schema, schema, rng, None, needed, lean=True), schema, lists)


def _empty_lists(value: Any, schema: Schema, lists: Mapping[str, Schema]) -> Any:
    """Returns the result with its lists empty, and with counts and page tokens that agree."""
    if "" in lists:
        return []
    value = deepcopy(value)
    for path in lists:
        parent_path, _, key = path.rpartition("/")
        holder = at_pointer(value, parent_path)
        if isinstance(holder, dict):
            holder[key] = []
    _clear_counts_and_tokens(value, schema, schema)
    return value


def _clear_counts_and_tokens(fields: Any, schema: Schema, root: Schema) -> None:
    """Removes page tokens, and sets counts to 0 where the schema permits it."""
    properties = schema.get("properties", {})
    for key in list(fields) if isinstance(fields, dict) else ():
        value, property_schema = fields[key], properties.get(key, {})
        if is_page_token(key, resolve_schema(property_schema, root)) and not isinstance(value, int):
            if key not in schema.get("required", ()):
                del fields[key]
            else:
                fields[key] = next(
                    (empty_value for empty_value in (None, "") if is_valid_under(property_schema, root, empty_value)),
                    value,
                )
        elif isinstance(value, bool):
            fields[key] = False if "more" in split_words(key) else value
        elif isinstance(value, int) and decide_value_meaning(key, value).role in ("count", "total"):
            if is_valid_under(property_schema, root, 0) or key in schema.get("required", ()):
                fields[key] = 0
            else:
                del fields[key]
        elif isinstance(value, dict):
            _clear_counts_and_tokens(value, resolve_schema(property_schema, root), root)
