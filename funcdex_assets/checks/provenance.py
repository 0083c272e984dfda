"""The source of each argument of each call, found again in the messages alone.

Belongs here: tracing arguments to what the user said, an earlier result, the context or the schema; nothing of the
plan is used. So the same functions audit conversations that a model wrote and those that were simulated. An argument
without a source has no `ArgumentSource`, and `checks/findings` reports it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from funcdex_assets.checks.derivations import Argument, find_derivation
from funcdex_assets.checks.known_facts import Known
from funcdex_assets.checks.rules.case import has_failed, is_empty_result
from funcdex_assets.language.spoken_values import find_first_form, find_quoted_part, find_spoken_value
from funcdex_assets.language.values import Situation
from funcdex_assets.records.conversation import ArgumentSource, StepTrace
from funcdex_assets.records.message import Message, ToolCall
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.json_pointers import at_pointer, list_scalars
from funcdex_assets.schema.references import schema_at
from funcdex_assets.schema.schema import Schema
from funcdex_assets.semantics.field_roles import is_page_token
from funcdex_assets.semantics.tool_names import is_id
from funcdex_assets.tool_graph.equivalent_tools import reads_same_things

AgreedWords = Mapping[tuple[str, str], Sequence[tuple[Any, str]]]
"""By tool and argument pointer: values, each with words that stand for it."""


def trace_arguments(
    messages: Sequence[Message],
    tools: Mapping[str, Tool],
    situation: Situation,
    agreed_words: AgreedWords | None = None,
) -> tuple[ArgumentSource, ...]:
    """Returns the source of every scalar argument that has one, in the order of the conversation.

    `agreed_words` are words that stand for a value in this conversation beside those that always do: "somebody took
    it" for `stolen`. They count only where the user says them.
    """
    sources: list[ArgumentSource] = []
    history = _History(situation, agreed_words or {})
    pending_results: list[tuple[str, Any]] = []
    for index, message in enumerate(messages):
        if message.role == "user":
            history.add_utterance(index, message.content or "")
        elif message.result is not None:
            pending_results.append((message.result.call_id, message.result.content))
        elif message.role == "assistant":
            for call_id, content in pending_results:  # only now: calls made at once do not see each other's results
                history.add_result(call_id, content)
            pending_results = []
            if message.content:
                history.said.append(message.content)
            for call in message.tool_calls:
                sources += [
                    source
                    for pointer, value in list_scalars(call.arguments)
                    if pointer and (source := history.find_source(call, pointer, value, tools.get(call.name)))
                ]
            history.calls += message.tool_calls
    return tuple(sources)


def trace_steps(
    messages: Sequence[Message], sources: Sequence[ArgumentSource], shift: int = 0
) -> tuple[StepTrace, ...]:
    """Returns the calls in order, each with its sources and the values that later calls took from its result.

    Message indices are moved by `shift`. A call makes good an earlier failed call of its tool, or one of another tool
    in the same turn that reads the same things and took its arguments from the same place.
    """
    sources_by_call: dict[str, list[ArgumentSource]] = {}
    used_pointers_by_call: dict[str, list[str]] = {}
    for source in sources:
        message_index = None if source.message is None else source.message + shift
        sources_by_call.setdefault(source.call_id, []).append(msgspec.structs.replace(source, message=message_index))
        if source.from_call and source.pointer is not None:
            used_pointers_by_call.setdefault(source.from_call, []).append(source.pointer)
    results = {message.result.call_id: message.result for message in messages if message.result is not None}
    steps: list[StepTrace] = []
    open_failures: dict[str, tuple[str, int]] = {}  # tool → (call, message) not yet made good
    for index, call in iterate_calls(messages):
        result = results.get(call.id)
        outcome = (
            "error" if result is None or has_failed(result) else "empty" if is_empty_result(result.content) else "ok"
        )
        failed_before = open_failures.get(call.name) or _find_replaced_failure(
            call, index, open_failures, sources_by_call, messages
        )
        before, at = failed_before or ("", index)
        steps.append(
            StepTrace(
                call_id=call.id,
                tool=call.name,
                message=index + shift,
                depends_on=tuple(
                    dict.fromkeys(source.from_call for source in sources_by_call.get(call.id, ()) if source.from_call)
                ),
                sources=tuple(sources_by_call.get(call.id, ())),
                returned={
                    pointer: at_pointer(result.content, pointer)
                    for pointer in dict.fromkeys(used_pointers_by_call.get(call.id, ()))
                }
                if result
                else {},
                outcome=outcome,
                makes_good=before if at < index and outcome == "ok" else None,
            )
        )
        if outcome != "ok":
            open_failures[call.name] = (call.id, index)
        elif at < index:
            open_failures = {tool: failure for tool, failure in open_failures.items() if failure[0] != before}
    return tuple(steps)


def _find_replaced_failure(
    call: ToolCall,
    index: int,
    open_failures: Mapping[str, tuple[str, int]],
    sources: Mapping[str, Sequence[ArgumentSource]],
    messages: Sequence[Message],
) -> tuple[str, int] | None:
    """Returns the failed call of another tool that this call makes good, with its message."""
    for tool, (failed_call, at) in reversed(list(open_failures.items())):
        if at >= index or not reads_same_things(tool, call.name):
            continue
        if any(message.role == "user" for message in messages[at:index]):
            continue
        failed_origins, own_origins = (
            set(map(_find_origin, sources.get(call_id, ()))) - {None} for call_id in (failed_call, call.id)
        )
        if not failed_origins or failed_origins & own_origins:
            return failed_call, at
    return None


def _find_origin(source: ArgumentSource) -> Any:
    """Identifies where a value comes from: words of the user, or an object of a result."""
    match source.source:
        case "user":
            return source.message, source.evidence
        case "result":
            return source.from_call, (source.pointer or "").rpartition("/")[0]
        case _:
            return None


def find_ungrounded_arguments(
    messages: Sequence[Message], provenance: Sequence[ArgumentSource]
) -> Iterator[tuple[int, ToolCall, str, Any]]:
    """Yields (message index, call, pointer, value) of each scalar argument without a source."""
    grounded = {(source.call_id, source.argument) for source in provenance}
    for index, call in iterate_calls(messages):
        for pointer, value in list_scalars(call.arguments):
            if pointer and (call.id, pointer) not in grounded:
                yield index, call, pointer, value


def iterate_calls(messages: Sequence[Message]) -> Iterator[tuple[int, ToolCall]]:
    """Yields (message index, call) of every call, in order."""
    return ((index, call) for index, message in enumerate(messages) for call in message.tool_calls)


class _History:
    """Everything said by the user and returned by the tools before a call."""

    def __init__(self, situation: Situation, agreed_words: AgreedWords):
        self.situation, self.agreed_words = situation, agreed_words
        self.utterances: list[tuple[int, str]] = []
        self.values: dict[Any, tuple[str, str]] = {}
        self.said: list[str] = []
        self.results: list[tuple[str, Any]] = []
        self.calls: list[ToolCall] = []
        self._known: tuple[tuple[int, ...], Known] | None = None
        persona = situation.persona
        self.context = {
            persona.email: "user.email",
            persona.name: "user.name",
            persona.time_zone: "user.time_zone",
            persona.today: "now",
            persona.today[:10]: "today",
        }

    @property
    def known(self) -> Known:
        """All that is known now, read once for all arguments of a message."""
        sizes = len(self.utterances), len(self.said), len(self.results), len(self.calls)
        if self._known is None or self._known[0] != sizes:
            known = Known(self.situation, (*self.utterances,), (*self.said,), (*self.results,), (*self.calls,))
            self._known = sizes, known
        return self._known[1]

    def add_utterance(self, index: int, text: str) -> None:
        self.utterances.append((index, text))

    def add_result(self, call_id: str, content: Any) -> None:
        self.results.append((call_id, content))
        for pointer, value in list_scalars(content):
            if value not in (None, "", [], {}) and not isinstance(value, bool):
                self.values.setdefault(_normalize_value(value), (call_id, pointer))

    def find_source(self, call: ToolCall, pointer: str, value: Any, tool: Tool | None) -> ArgumentSource | None:
        """Looks a value up in all sources; identifiers and page tokens in the results first, for services make them."""
        name = next((step for step in reversed(pointer.split("/")) if not step.isdigit()), "")
        schema = (schema_at(tool.parameters, pointer) if tool else None) or {}
        made_by_service = is_id(name) or is_page_token(name)
        attempts = (
            (self._find_in_results, self._find_in_utterances, self._find_in_context, self._find_in_schema)
            if made_by_service
            else (self._find_in_utterances, self._find_in_results, self._find_in_context, self._find_in_schema)
        )
        if source_fields := self._find_agreed_words(call.name, pointer, value):
            return ArgumentSource(call_id=call.id, argument=pointer, **source_fields)
        for attempt in attempts:
            if source_fields := attempt(name, schema, value):
                return ArgumentSource(call_id=call.id, argument=pointer, **source_fields)
        if made_by_service:
            return None
        description = tool.description if tool else ""
        derivation = find_derivation(Argument(name, schema, value, call, description), self.known)
        if derivation is None:
            return None
        how, message, from_call = derivation
        return ArgumentSource(
            call_id=call.id, argument=pointer, source="derived", evidence=how, message=message, from_call=from_call
        )

    def _find_agreed_words(self, tool: str, pointer: str, value: Any) -> dict[str, Any] | None:
        agreed = [words for other, words in self.agreed_words.get((tool, pointer), ()) if other == value]
        for index, text in reversed(self.utterances):
            if agreed and (span := find_first_form(text, agreed)) is not None:
                return {"source": "user", "message": index, "evidence": span}
        return None

    def _find_in_utterances(self, name: str, schema: Schema, value: Any) -> dict[str, Any] | None:
        for index, text in reversed(self.utterances):
            if (span := find_spoken_value(text, name, schema, value, self.situation.now)) is not None:
                return {"source": "user", "message": index, "evidence": span}
        return None

    def _find_in_results(self, name: str, schema: Schema, value: Any) -> dict[str, Any] | None:  # noqa: ARG002
        call_and_pointer = self.values.get(_normalize_value(value))
        if call_and_pointer is None and isinstance(value, str) and (quoted := find_quoted_part(value)):
            call_and_pointer = self.values.get(_normalize_value(quoted))
        return (
            {"source": "result", "from_call": call_and_pointer[0], "pointer": call_and_pointer[1]}
            if call_and_pointer
            else None
        )

    def _find_in_context(self, name: str, schema: Schema, value: Any) -> dict[str, Any] | None:  # noqa: ARG002
        if isinstance(value, str) and value in self.context:
            return {"source": "context", "evidence": self.context[value]}
        return None

    def _find_in_schema(self, name: str, schema: Schema, value: Any) -> dict[str, Any] | None:  # noqa: ARG002
        for keyword in ("const", "default"):
            if keyword in schema and schema[keyword] == value:
                return {"source": "schema", "evidence": keyword}
        return {"source": "schema", "evidence": "enum"} if schema.get("enum") == [value] else None


def _normalize_value(value: Any) -> Any:
    """Normalises a value for comparison: texts without quotes, case and surrounding space; numbers equal only
    numbers.
    """
    if isinstance(value, str):
        return value.strip().lower().replace("'", "").replace('"', "")
    return value if type(value) in (int, float) else msgspec.json.encode(value)  # True == 1 must not hold here
