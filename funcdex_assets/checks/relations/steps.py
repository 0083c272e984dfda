"""Reads the calls of a transcript: what each does, about what, and which things its result shows.

Belongs here: what several relations ask of a call. Names are read in `names.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from funcdex_assets.checks.relations.names import (
    ACTION_OF_VERB,
    LIMIT_WORDS,
    PAGE_WORDS,
    PLACEHOLDERS,
    PLAIN_NOUNS,
    VERBS_IF_FIRST,
    is_id_name,
    is_page_name,
    is_sort_name,
    read_tool_name,
    split_name,
    split_singular,
    word_set,
)
from funcdex_assets.checks.relations.values import iterate_names, iterate_scalars, list_values
from funcdex_assets.records.message import Message, ToolCall
from funcdex_assets.records.tool import Tool

_MAX_DEPTH = 4

_MIN_ID_LENGTH = 3  # characters


class Thing(NamedTuple):
    """An object in a result; `identities` are its own, empty if it has none. `listed_in` is the pointer of its list."""

    fields: dict[str, Any]
    pointer: str
    noun: tuple[str, ...]
    identities: tuple[str, ...]
    listed_in: str | None
    depth: int

    @property
    def key(self) -> tuple[str, str]:
        return self.noun[-1] if self.noun else "", self.identities[0]


@dataclass(frozen=True)
class Step:
    """A call with its result; `asked_at` is the message of the call, `at` that of the result."""

    call: ToolCall
    asked_at: int
    at: int
    content: Any
    failed: bool
    tool: Tool | None

    @cached_property
    def action(self) -> str:
        return read_tool_name(self.call.name)[0]

    @cached_property
    def noun(self) -> tuple[str, ...]:
        return read_tool_name(self.call.name)[1]

    @cached_property
    def arguments(self) -> Mapping[str, Any]:
        return self.call.arguments if isinstance(self.call.arguments, dict) else {}

    @cached_property
    def parameters(self) -> Mapping[str, Any]:
        return self.tool.parameters.get("properties", {}) if self.tool else {}

    @cached_property
    def things(self) -> list[Thing]:
        found: list[Thing] = []
        _collect_things(self.content, "", self.noun, None, 0, found)
        return found

    @cached_property
    def argument_ids(self) -> dict[str, str]:
        """Identifiers in the arguments by the argument's name."""
        return {
            name: str(value)
            for name, value in self.arguments.items()
            if is_id_name(name) and isinstance(value, str | int) and str(value) not in PLACEHOLDERS
        }

    @cached_property
    def argument_texts(self) -> frozenset[str]:
        """All scalars in the arguments, as texts."""
        return frozenset(str(value) for value in iterate_scalars(self.arguments))

    @cached_property
    def result_ids(self) -> frozenset[str]:
        """The own identifiers of all things in the result."""
        return frozenset(identity for thing in self.things for identity in thing.identities)

    @cached_property
    def call_verb(self) -> str:
        """The word of the tool's name that tells what it does, empty if none does."""
        words = split_name(self.call.name)
        if words and words[0] in VERBS_IF_FIRST:
            return words[0]
        return next((word for word in words if word in ACTION_OF_VERB), "")

    @property
    def toolkit(self) -> str:
        return self.tool.toolkit if self.tool else ""

    @cached_property
    def words(self) -> frozenset[str]:
        """All words of the names of tool and arguments."""
        return frozenset(split_singular(self.call.name)).union(*map(split_singular, iterate_names(self.arguments)))

    @cached_property
    def subject(self) -> Thing | None:
        """The one thing that the result is about, of the tool's noun if it has one."""
        single = [thing for thing in self.things if thing.listed_in is None and thing.identities and thing.depth <= 1]
        return next((thing for thing in single if thing.noun[-1:] == self.noun[-1:]), None)

    @cached_property
    def created(self) -> Thing | None:
        """The thing that the call made: its identifier is not among the arguments."""
        is_new = self.action == "create" and self.subject and not set(self.subject.identities) & self.argument_texts
        return self.subject if is_new else None

    @cached_property
    def items(self) -> list[Thing]:
        """The items of the list that a look-up returns, empty where several may be meant."""
        pointers = list(dict.fromkeys(thing.listed_in for thing in self.things if thing.depth <= 2 and thing.listed_in))
        outer = [pointer for pointer in pointers if not any(part.isdigit() for part in pointer.split("/"))]
        if self.action != "read" or len(outer) != 1:
            return []
        return [thing for thing in self.things if thing.listed_in == outer[0]]

    @cached_property
    def limit(self) -> int | None:
        """The number of items asked for or declared as the default; None if neither says."""
        declared = {name: value.get("default") for name, value in self.parameters.items() if isinstance(value, dict)}
        for name, value in {**declared, **self.arguments}.items():
            words = set(split_singular(name)) - set(self.noun)
            is_limit = words and words <= LIMIT_WORDS and words & word_set("limit max maximum size count top take per")
            if is_limit and isinstance(value, int) and not isinstance(value, bool):
                return value
        return None

    @cached_property
    def page_argument(self) -> Any:
        return next((value for name, value in self.arguments.items() if is_page_name(name)), None)

    @cached_property
    def next_token(self) -> Any:
        """The token of the next page, None where there is none."""
        for holder in (self.content, *(value for value in list_values(self.content) if isinstance(value, dict))):
            for name, value in holder.items() if isinstance(holder, dict) else ():
                words = set(split_name(name))
                is_token = ("next" in words and words & (PAGE_WORDS | {"link"})) or words == {"page", "token"}
                if is_token and isinstance(value, str | int) and not isinstance(value, bool) and value:
                    return value
        return None

    @cached_property
    def says_more(self) -> bool:
        """Returns whether a flag says that there are more items."""
        return any(value is True for value in self._more_flags)

    @cached_property
    def says_no_more(self) -> bool:
        """Returns whether a flag says that these are all items."""
        return any(value is False for value in self._more_flags)

    @cached_property
    def _more_flags(self) -> list[Any]:
        holders = [self.content, *list_values(self.content)]
        return [
            value
            for holder in holders
            if isinstance(holder, dict)
            for name, value in holder.items()
            if "more" in split_name(name)
        ]

    def find_holder(self, pointer: str) -> Mapping[str, Any]:
        """Returns the object that has the list at a pointer, empty if none has."""
        holder = self.content
        for part in pointer.split("/")[1:-1]:
            holder = holder.get(part, {}) if isinstance(holder, dict) else {}
        return holder if isinstance(holder, dict) else {}

    @cached_property
    def is_whole_listing(self) -> bool:
        """Returns whether the items are all that there are of the parents named, as far as names tell."""
        is_plain = all(
            is_id_name(name) or is_page_name(name) or set(split_singular(name)) <= LIMIT_WORDS or is_sort_name(name)
            for name in self.arguments
        )
        is_full = self.limit is not None and len(self.items) >= self.limit
        return self.action == "read" and is_plain and not is_full and not self.next_token and self.page_argument is None


def _collect_things(
    value: Any, pointer: str, noun: tuple[str, ...], listed_in: str | None, depth: int, found: list[Thing]
) -> None:
    if isinstance(value, dict):
        found.append(Thing(value, pointer, noun, _list_own_ids(value, noun), listed_in, depth))
        for name, part in value.items() if depth < _MAX_DEPTH else ():
            if part and isinstance(part, dict | list):
                words = split_singular(name)
                part_noun = noun if not words or words[-1] in PLAIN_NOUNS or words[-1] == "page" else words
                _collect_things(part, f"{pointer}/{name}", part_noun, None, depth + 1, found)
    elif isinstance(value, list):
        for number, part in enumerate(value):
            if isinstance(part, dict):
                _collect_things(part, f"{pointer}/{number}", noun, pointer or "/", depth, found)


def _list_own_ids(fields: Mapping[str, Any], noun: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(
        str(value)
        for name, value in fields.items()
        if is_id_name(name)
        and isinstance(value, str | int)
        and len(str(value)) >= _MIN_ID_LENGTH
        and split_singular(name)[:-1] in ((), noun, noun[-1:])
    )


@dataclass(frozen=True)
class Transcript:
    """The calls of a conversation in their order. `now` is the moment at which it begins, None if unknown."""

    messages: Sequence[Message]
    steps: Sequence[Step]
    now: datetime | None

    def list_changes(self, after: int, until: int) -> list[Step]:
        """Returns the calls that may have changed something, between two steps; the first excluded."""
        return [step for step in self.steps[after + 1 : until + 1] if step.action != "read" and not step.failed]

    @cached_property
    def good_steps(self) -> list[Step]:
        """The calls that did not fail."""
        return [step for step in self.steps if not step.failed]


def read_transcript(messages: Sequence[Message], tools: Mapping[str, Tool], now: datetime | None) -> Transcript:
    """Pairs the calls of a conversation with their results; calls without a result are left out."""
    calls = {call.id: (call, at) for at, message in enumerate(messages) for call in message.tool_calls}
    steps = [
        Step(
            *calls[result.call_id],
            at,
            result.content,
            result.error or _says_error(result.content),
            tools.get(result.name),
        )
        for at, message in enumerate(messages)
        if (result := message.result) is not None and result.call_id in calls
    ]
    return Transcript(messages, steps, now)


def _says_error(content: Any) -> bool:
    """Returns whether a result that is not marked as an error tells of one."""
    if not isinstance(content, dict):
        return False
    codes = [value for name, value in content.items() if split_name(name)[-1:] in (("code",), ("status",))]
    is_code = any(isinstance(code, int) and not isinstance(code, bool) and 400 <= code < 600 for code in codes)
    return is_code or bool(content.get("error")) or bool(content.get("errors")) or content.get("success") is False
