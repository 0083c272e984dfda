"""What can be wrong with a conversation: one rule, one function.

A rule looks at a `Case` and yields findings. A blocking finding rejects the conversation; the others
cost it points with the judge. Rules judge what was said, never the plan, so they hold for any engine.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from funcdex_assets.catalog.json_schema import problems, scalars
from funcdex_assets.dml.markup import TAG, DMLError
from funcdex_assets.dml.structure import check
from funcdex_assets.language.reports import first_sentence
from funcdex_assets.language.spoken import find_words, says
from funcdex_assets.language.values import PLACEHOLDER, Situation
from funcdex_assets.quality.provenance import calls_in, ungrounded
from funcdex_assets.records import ArgumentSource, Finding, Message, Tool

MIN_USER_MESSAGES = 2
SHORTEST_REPETITION = 8  # words; who pages through a list may well ask twice for the next page
REPLACED = "\ufffd"
_AMOUNTS = {0: ("no", "none", "nothing"), 1: ("one",)}
_MARKUP = re.compile(
    rf"{TAG.pattern}|<\|[a-z_]{{2,20}}\|>|</?think>|\[/?INST\]|\{{\s*\"name\"\s*:\s*\"[^\"]*\"\s*,\s*\"arguments\"",
    re.IGNORECASE,
)
_LABEL = re.compile(r"^[ \t*]*(?:user|human|assistant)[ \t*]*:", re.IGNORECASE | re.MULTILINE)
_ASSISTANTS_WORDS = re.compile(
    r"\bhow (?:can|may) I (?:help|assist) you\b|\bas an AI\b|\bI(?:'m| am) an? (?:AI|virtual) ", re.IGNORECASE
)
_IDENTIFIER = re.compile(r"[A-Za-z0-9-]+_[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Case:
    """`tools` are those offered in the conversation, by name."""

    messages: Sequence[Message]
    tools: Mapping[str, Tool]
    provenance: Sequence[ArgumentSource]
    situation: Situation


Rule = Callable[[Case], Iterator[Finding]]


def structure(case: Case) -> Iterator[Finding]:
    """Messages that do not make a conversation: order, pairing of calls and results, ids, empty texts."""
    try:
        check(case.messages)
    except DMLError as error:
        yield Finding(rule="structure", text=str(error))


def no_call(case: Case) -> Iterator[Finding]:
    """A conversation without a single call."""
    if not any(message.tool_calls for message in case.messages):
        yield Finding(rule="no_call", text="No tool is called in the whole conversation")


def too_few_user_messages(case: Case) -> Iterator[Finding]:
    """A conversation in which the user speaks only once is not multi-turn."""
    spoken = sum(message.role == "user" for message in case.messages)
    if spoken < MIN_USER_MESSAGES:
        yield Finding(
            rule="too_few_user_messages",
            text=f"The user speaks {spoken} times, fewer than {MIN_USER_MESSAGES}",
        )


def unknown_tool(case: Case) -> Iterator[Finding]:
    """A call to a tool that was not offered."""
    for index, call in calls_in(case.messages):
        if call.name not in case.tools:
            yield Finding(
                rule="unknown_tool",
                message=index,
                text=f"{call.id} calls {call.name!r}, which is not among the tools offered",
            )


def invalid_arguments(case: Case) -> Iterator[Finding]:
    """Arguments that are not valid under the tool's JSON Schema."""
    for index, call in calls_in(case.messages):
        if tool := case.tools.get(call.name):
            for problem in problems(tool.parameters, call.arguments):
                place, _, text = problem.partition(": ")
                yield Finding(
                    rule="invalid_arguments",
                    message=index,
                    place=place,
                    text=f"{call.id} {call.name}: {text}",
                )


def invalid_result(case: Case) -> Iterator[Finding]:
    """A successful result that is not valid under the tool's response schema."""
    for index, message in enumerate(case.messages):
        result = message.result
        if result is None or result.error or not (tool := case.tools.get(result.name)) or tool.returns is None:
            continue
        for problem in problems(tool.returns, result.content):
            place, _, text = problem.partition(": ")
            yield Finding(
                rule="invalid_result",
                message=index,
                place=place,
                text=f"{result.call_id} {result.name}: {text}",
            )


def ungrounded_argument(case: Case) -> Iterator[Finding]:
    """An argument that neither the user, an earlier result, the context nor the schema provides."""
    for index, call, pointer, value in ungrounded(case.messages, case.provenance):
        yield Finding(
            rule="ungrounded_argument",
            message=index,
            place=pointer,
            text=f"{call.id} {call.name}: {value!r} comes from nowhere",
        )


def placeholder_content(case: Case) -> Iterator[Finding]:
    """Text that stands for content instead of being it: `<base64>`, `your_name`, `example.com`."""
    for index, call in calls_in(case.messages):
        for pointer, value in scalars(call.arguments):
            if isinstance(value, str) and (found := PLACEHOLDER.search(value)):
                yield Finding(
                    rule="placeholder_content",
                    message=index,
                    place=pointer,
                    text=f"{call.id} {call.name}: {found[0]!r} is a placeholder",
                )


def uncited_answer(case: Case) -> Iterator[Finding]:
    """A reply after results that names no value of any result so far: the user learns nothing from it."""
    results: list[Any] = []
    fresh = False  # whether there is a result with something to name in it
    for index, message in enumerate(case.messages):
        if message.role == "user":
            fresh = False
        elif message.result is not None:
            results.append(message.result.content)
            told = scalars(message.result.content)
            fresh = fresh or any(value == [] or _is_telling(value) for _, value in told)
        elif fresh and not message.tool_calls and not _cites(message.content or "", results[::-1], case):
            yield Finding(
                rule="uncited_answer",
                blocking=False,
                message=index,
                text="The answer names no value of any result",
            )


def _cites(text: str, results: Sequence[Any], case: Case) -> bool:
    listed = (
        len(part)
        for result in results
        if isinstance(result, dict)
        for part in result.values()
        if isinstance(part, list)
    )
    if any(find_words(text, [str(size), *_AMOUNTS.get(size, ())]) for size in listed):
        return True
    leaves = [(pointer.rsplit("/", 1)[-1], value) for result in results for pointer, value in scalars(result)]
    if any(isinstance(value, str) and len(value) > 3 and value in text for _, value in leaves):
        return True
    if any((quoted := first_sentence(result)) and quoted in text for result in results):
        return True
    now = case.situation.now
    return any(_is_telling(value) and says(text, name, {}, value, now) for name, value in leaves)


def _is_telling(value: Any) -> bool:
    return not isinstance(value, bool) and value not in (None, "", [], {})


def leaked_markup(case: Case) -> Iterator[Finding]:
    """What belongs to the markup or to a model's chat template, said aloud."""
    for index, message in enumerate(case.messages):
        if found := _MARKUP.search(f"{message.thought or ''}\n{message.content or ''}"):
            yield Finding(
                rule="leaked_markup", message=index, text=f"The {message.role} says {found[0]!r}, which is no speech"
            )


def broken_characters(case: Case) -> Iterator[Finding]:
    """A text or value with U+FFFD, which stands for bytes that were no character: a model was cut within one."""
    for index, message in enumerate(case.messages):
        result = message.result
        values = [message.content, message.thought, *(call.arguments for call in message.tool_calls)]
        values.append(result.content if result else None)
        for value in values:
            for pointer, text in scalars(value):
                if isinstance(text, str) and REPLACED in text:
                    yield Finding(
                        rule="broken_characters",
                        message=index,
                        place=pointer,
                        text=f"{text[:80]!r} has a sign in the place of bytes that were no character",
                    )


def wrong_speaker(case: Case) -> Iterator[Finding]:
    """A user who speaks as the assistant does or names its tools, or a message that speaks for both sides."""
    for index, message in enumerate(case.messages):
        text = message.content or ""
        found = _LABEL.search(text)
        if message.role == "user" and not found:
            found = _ASSISTANTS_WORDS.search(text) or next(
                (match for match in _IDENTIFIER.finditer(text) if match[0] in case.tools), None
            )
        if found:
            yield Finding(rule="wrong_speaker", message=index, text=f"The {message.role} says {found[0]!r}")


def repeated_message(case: Case) -> Iterator[Finding]:
    """Somebody says the same again, word for word, in more than a few words."""
    said: set[tuple[str, str]] = set()
    for index, message in enumerate(case.messages):
        text = " ".join((message.content or "").lower().split())
        if text.count(" ") >= SHORTEST_REPETITION - 1 and (message.role, text) in said:
            yield Finding(
                rule="repeated_message", message=index, text=f"The {message.role} says the same again: {text[:80]!r}"
            )
        said.add((message.role, text))


RULES: tuple[Rule, ...] = (
    structure,
    no_call,
    too_few_user_messages,
    unknown_tool,
    invalid_arguments,
    invalid_result,
    ungrounded_argument,
    placeholder_content,
    leaked_markup,
    broken_characters,
    wrong_speaker,
    repeated_message,
    uncited_answer,
)


def find(case: Case) -> tuple[Finding, ...]:
    """All findings of all rules, in the order of the rules."""
    return tuple(finding for rule in RULES for finding in rule(case))
