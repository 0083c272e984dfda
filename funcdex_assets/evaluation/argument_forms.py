"""Tells what an expected argument is like: the form of its value, and where in the conversation the value was said.

Add here a form or a source. Figures by form and source show what a model gets wrong; the feedback into the next
dataset raises what is weak.

>>> find_source("savings", [{"role": "user", "content": "How much is in my savings?"}])
'last message'
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from funcdex_assets.schema.references import resolve_schema
from funcdex_assets.schema.schema import Schema

Form = Literal["yes or no", "choice", "number", "moment", "identifier", "text", "list", "object", "unknown"]
Source = Literal["last message", "earlier message", "result", "system prompt", "not in the text"]

_MOMENTS = ("date", "time", "date-time", "duration")
_IDENTIFIER = re.compile(r"(^|_)(id|ids|key|uuid|number|code|token)$|(?<=[a-z])(Id|Ids)$")
_NO_WORDS = re.compile(r"[^a-z0-9]+")


def find_form(name: str, value: Any, schema: Schema) -> Form:
    """Finds the form of the argument `name` of a tool with these parameters; the value tells where the schema does not.

    >>> find_form("card", "debit", {"properties": {"card": {"type": "string", "enum": ["debit", "credit"]}}})
    'choice'
    """
    declared = resolve_schema((schema.get("properties") or {}).get(name) or {}, schema)
    if isinstance(value, bool):
        return "yes or no"
    if isinstance(value, Mapping):
        return "object"
    if isinstance(value, list):
        return "list"
    if "enum" in declared or "const" in declared:
        return "choice"
    if isinstance(value, int | float):
        return "number"
    if not isinstance(value, str):
        return "unknown"
    if declared.get("format") in _MOMENTS:
        return "moment"
    return "identifier" if _IDENTIFIER.search(name) else "text"


def find_source(value: Any, messages: Sequence[Mapping[str, Any]]) -> Source:
    """Finds the nearest place where all of a value is said word for word; case and punctuation are set aside."""
    users = [str(message["content"]) for message in messages if message["role"] == "user"]
    results = [str(message["content"]) for message in messages if message["role"] == "tool"]
    prompts = [str(message["content"]) for message in messages if message["role"] == "system"]
    earlier_calls = [
        msgspec.json.encode(call["function"]["arguments"]).decode()
        for message in messages
        for call in message.get("tool_calls") or ()
    ]
    if is_said(value, users[-1:]):
        return "last message"
    if is_said(value, users[:-1]) or is_said(value, earlier_calls):
        return "earlier message"
    if is_said(value, results):
        return "result"
    return "system prompt" if is_said(value, prompts) else "not in the text"


def is_said(value: Any, texts: Sequence[str]) -> bool:
    """Returns True if every word and number of a value stands in one of the texts; true and false are never said."""
    scalars = list(_iterate_scalars(value))
    if not scalars or any(isinstance(scalar, bool) or scalar is None for scalar in scalars):
        return False
    spoken = [f" {_spell(text)} " for text in texts]
    return all(any(f" {words} " in text for text in spoken) for scalar in scalars if (words := _spell(str(scalar))))


def _iterate_scalars(value: Any) -> Any:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _iterate_scalars(item)
    else:
        yield value


def _spell(text: str) -> str:
    return _NO_WORDS.sub(" ", text.lower()).strip()
