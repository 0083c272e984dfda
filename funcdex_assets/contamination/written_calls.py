"""Finds the calls of functions in a value of an evaluation set, however it writes them.

Belongs here: the forms of a call. Which columns are read is the business of `evaluation_sets.py`.

- OpenAI: `{"function": {"name": "f", "arguments": …}}`, under `tool_calls` of a message or alone
- plain: `{"name": "f", "arguments": {…}}` or `{"name": "f", "parameters": {…}}`
- the same in JSON text, and in text between `<tool_call>` and `</tool_call>`

>>> [call] = list_calls('{"name": "transfer", "parameters": {"amount": 40}}')
>>> call.name, dict(call.arguments)
('transfer', {'amount': 40})
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

_TAGGED_CALL = re.compile(r"<tool_call>\s*(\{.*?\})\s*</tool_call>", re.DOTALL)
_DEEPEST = 8
"""Levels of a value in which calls are looked for: a column of messages of parallel calls has five."""


@dataclass(frozen=True, slots=True)
class WrittenCall:
    """A call as a set writes it."""

    name: str
    arguments: Mapping[str, Any]


def decode_json_text(value: Any) -> Any:
    """Returns the object or array that a text is the JSON of; anything else as it is."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return msgspec.json.decode(value)
        except msgspec.DecodeError:
            return value
    return value


def list_calls(value: Any, depth: int = 0) -> Iterator[WrittenCall]:
    """Yields the calls in a value; the definition of a function, whose parameters are a schema, is none."""
    if depth > _DEEPEST:
        return
    value = decode_json_text(value)
    if isinstance(value, str):
        for text in _TAGGED_CALL.findall(value):
            yield from list_calls(text, depth + 1)
    elif isinstance(value, list):
        for element in value:
            yield from list_calls(element, depth + 1)
    elif isinstance(value, Mapping):
        call = _read_call(value)
        if call is not None:
            yield call
        elif not _is_definition(value):
            for element in value.values():
                yield from list_calls(element, depth + 1)


def _read_call(value: Mapping[str, Any]) -> WrittenCall | None:
    function = value.get("function")
    body = function if isinstance(function, Mapping) else value
    name, arguments = body.get("name"), decode_json_text(body.get("arguments", body.get("parameters")))
    if not isinstance(name, str) or not isinstance(arguments, Mapping) or _is_definition(body):
        return None
    return WrittenCall(name, arguments)


def _is_definition(value: Mapping[str, Any]) -> bool:
    parameters = value.get("parameters")
    return "description" in value or (
        isinstance(parameters, Mapping)
        and (isinstance(parameters.get("properties"), Mapping) or parameters.get("type") in ("object", "dict"))
    )
