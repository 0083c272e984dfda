"""The `Case`: everything that a rule about conversations looks at.

Belongs here: the noun `Case` and whatever several rules read from it, computed once for all of them. No judgement.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from funcdex_assets.catalog.announced_tools import find_announced_definitions, remove_definitions, to_tool
from funcdex_assets.checks.rules.languages import is_english
from funcdex_assets.language.values import Situation
from funcdex_assets.records.conversation import ArgumentSource, Finding
from funcdex_assets.records.message import Message, ToolCall, ToolResult
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.json_pointers import list_scalars
from funcdex_assets.semantics.tool_names import parse_last_noun

PlacedObject = tuple[dict[str, Any], str, str]
"""An object in a result, its pointer, and the singular noun under which it stands there: `file` for `/files/0`."""
_QUOTED = re.compile(r"[\"“][^\"“”]*[\"”]")
_MAX_DEPTH = 3  # objects within objects


class Turn(NamedTuple):
    """A user message and what follows it: messages `start` to `end`, `end` excluded."""

    start: int
    end: int


@dataclass(frozen=True)
class Case:
    """A conversation with everything that the rules may look at beside it.

    `tools` are all tools of the conversation by name; those in `late_tools` are offered only from the message on that
    brings them. `calls_wanted` is false if no tool suits the request.
    """

    messages: Sequence[Message]
    tools: Mapping[str, Tool]
    provenance: Sequence[ArgumentSource]
    situation: Situation
    calls_wanted: bool = True
    late_tools: Collection[str] = ()

    def find_tool(self, name: str, index: int) -> Tool | None:
        """Returns the tool as it is known at message `index`: one that a user brings is known from that message on."""
        if name not in self.announced_tools:
            return self.tools.get(name) if name not in self.late_tools else None
        since, tool = self.announced_tools[name]
        return (self.tools.get(name) or tool) if index >= since else None

    @cached_property
    def announced_tools(self) -> dict[str, tuple[int, Tool]]:
        """Tools whose definition a user message holds, with the index of the first such message."""
        announced_at: dict[str, tuple[int, Tool]] = {}
        for index, message in enumerate(self.messages):
            if message.role == "user" and '"function"' in (message.content or ""):
                for definition in find_announced_definitions(message.content or ""):
                    tool = to_tool(definition)
                    announced_at.setdefault(tool.name, (index, tool))
        return announced_at

    @cached_property
    def speech(self) -> tuple[str, ...]:
        """The text that each message says aloud, without definitions of tools; '' if it says nothing."""
        return tuple(
            remove_definitions(message.content or "") if message.role == "user" else message.content or ""
            for message in self.messages
        )

    @cached_property
    def all_speech(self) -> str:
        """All speech and all thoughts as one text, for a quick test whether something can be in them at all."""
        return "\n".join([*self.speech, *(message.thought for message in self.messages if message.thought)])

    @cached_property
    def is_english(self) -> bool:
        """True if the rules that read English may read what is said, without what is quoted."""
        return is_english(_QUOTED.sub(" ", "\n".join(self.speech)))

    @cached_property
    def speech_words(self) -> tuple[list[str], ...]:
        """The speech of each message in lower case, by words."""
        return tuple(text.lower().split() for text in self.speech)

    @cached_property
    def turns(self) -> tuple[Turn, ...]:
        """The turns in order; messages before the first user message belong to none."""
        starts = [index for index, message in enumerate(self.messages) if message.role == "user"]
        ends = [*starts[1:], len(self.messages)] if starts else []
        return tuple(Turn(*pair) for pair in zip(starts, ends, strict=True))

    @cached_property
    def result_values(self) -> dict[int, list[tuple[str, Any]]]:
        """The scalars in each result as (pointer, value), by message."""
        return {
            index: list_scalars(message.result.content)
            for index, message in enumerate(self.messages)
            if message.result is not None
        }

    @cached_property
    def result_objects(self) -> dict[int, list[PlacedObject]]:
        """The objects in each result, to a bounded depth, by message."""
        objects_by_message: dict[int, list[PlacedObject]] = {}
        for index, message in enumerate(self.messages):
            if message.result is not None:
                _collect_objects(message.result.content, "", "", 0, objects_by_message.setdefault(index, []))
        return objects_by_message

    @cached_property
    def citations(self) -> dict[tuple[int, str], bool]:
        """Kept by `citations.py`: whether a text cites the result of a message, for several rules ask."""
        return {}

    @cached_property
    def calls_by_result(self) -> dict[int, ToolCall]:
        """The call that each result answers, by the message of the result."""
        calls = {call.id: call for message in self.messages for call in message.tool_calls}
        return {
            index: calls[message.result.call_id]
            for index, message in enumerate(self.messages)
            if message.result is not None and message.result.call_id in calls
        }

    @cached_property
    def argument_values(self) -> dict[int, list[tuple[ToolCall, str, Any]]]:
        """The scalars in the arguments of each message's calls: (call, pointer, value)."""
        return {
            index: [
                (call, pointer, value) for call in message.tool_calls for pointer, value in list_scalars(call.arguments)
            ]
            for index, message in enumerate(self.messages)
            if message.tool_calls
        }

    def iterate_texts(self) -> Iterator[tuple[int, str, str]]:
        """Yields (message, pointer, text) of everything written: speech, thoughts, arguments and results."""
        for index, message in enumerate(self.messages):
            for text in (self.speech[index], message.thought):
                if text:
                    yield index, "", text
            for _, pointer, value in self.argument_values.get(index, ()):
                if isinstance(value, str):
                    yield index, pointer, value
            for pointer, value in self.result_values.get(index, ()):
                if isinstance(value, str):
                    yield index, pointer, value

    @cached_property
    def all_text(self) -> str:
        """All texts as one, for a quick test whether something can be in them at all."""
        values_from_results = (value for leaves in self.result_values.values() for _, value in leaves)
        values_in_calls = (value for arguments in self.argument_values.values() for _, _, value in arguments)
        return "\n".join(
            [self.all_speech, *(value for value in (*values_in_calls, *values_from_results) if isinstance(value, str))]
        )


def _collect_objects(value: Any, pointer: str, noun: str, depth: int, objects: list[PlacedObject]) -> None:
    """Collects the objects within a value, to a bounded depth."""
    if isinstance(value, dict):
        objects.append((value, pointer, noun))
        if depth < _MAX_DEPTH:
            for key, child in value.items():
                if child and isinstance(child, dict | list):
                    _collect_objects(child, f"{pointer}/{key}", parse_last_noun(key), depth + 1, objects)
    elif isinstance(value, list):
        for number, child in enumerate(value):
            if isinstance(child, dict | list):
                _collect_objects(child, f"{pointer}/{number}", noun, depth, objects)


Rule = Callable[[Case], Iterator[Finding]]


@lru_cache(4096)
def find_field_name(pointer: str) -> str:
    """Returns the name of the field that a pointer leads to; for an item of a list, the name of the list."""
    return next((step for step in reversed(pointer.split("/")) if not step.isdigit()), "")


_ERROR_FIELDS = frozenset(
    "error errors status status_code statusCode code title detail details message type instance retry_after request_id "
    "reason field data success successful ok".split()
)
_CODE_FIELDS = ("status", "status_code", "statusCode", "code")
_NO_SUCCESS = (False, "false", "False")


def has_failed(result: ToolResult) -> bool:
    """True if a call failed: its result is marked as an error, or its content says so, as with some services.

    >>> has_failed(ToolResult(call_id="call_1", name="GET_TASK", content={"title": "Not found", "status": 404}))
    True
    """
    content = result.content
    if result.error or not isinstance(content, dict):
        return result.error
    codes = [content.get(name) for name in _CODE_FIELDS]
    if any(isinstance(code, int) and not isinstance(code, bool) and 400 <= code < 600 for code in codes):
        return True
    if content.get("errors") and "data" in content and not content["data"]:  # as GraphQL has it
        return True
    if _ERROR_FIELDS.issuperset(content) and not content.get("data"):
        if content.get("error") or content.get("errors"):
            return True
        if any(isinstance(code, str) and re.fullmatch(r"[45]\d\d|error|fail", code) for code in codes):
            return True
    return any(content.get(name) in _NO_SUCCESS and name in content for name in ("successful", "success", "ok"))


def is_empty_result(content: Any) -> bool:
    """True if a result holds nothing: it has only empty lists, flags and zeros."""
    return all(isinstance(value, bool) or value in (None, "", [], {}, 0) for _, value in list_scalars(content))
