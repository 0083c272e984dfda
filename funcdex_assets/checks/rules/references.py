"""Rules about what the assistant takes upon itself, and what it asks: a choice among several, a question, a delay.

Belongs here: references of the user to one of several things, and questions back. Values that come from nowhere are in
`calls.py`.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from funcdex_assets.checks.rules.case import Case, Turn, find_field_name
from funcdex_assets.checks.rules.requests import find_request
from funcdex_assets.records.conversation import ArgumentSource, Finding
from funcdex_assets.records.message import ToolCall
from funcdex_assets.schema.json_pointers import at_pointer, list_scalars
from funcdex_assets.schema.references import schema_at
from funcdex_assets.schema.words import split_words, to_plural, to_singular
from funcdex_assets.semantics.field_meaning import decide_field_meaning
from funcdex_assets.semantics.tool_names import is_id, parse_last_noun, parse_tool_name
from funcdex_assets.semantics.vocabulary import READING_ACTIONS

_ORDINAL = (
    r"(?:first|second|third|fourth|fifth|sixth|last|latter|former|top|next|1st|2nd|3rd|\d+th|newest|oldest|latest|earliest|"
    r"biggest|largest|smallest|cheapest|most recent|upcoming|other|only|one|two|three|both|all|each|every|any|either)"
)
_PICKS = re.compile(
    r"\b(?:latest|newest|oldest|earliest|most recent|next|upcoming|last|biggest|largest|smallest|cheapest|both|all|each|every|any|either|whichever|overdue|unread)\b",
    re.IGNORECASE,
)
_CHOOSES = re.compile(r"\b(?:which (?:one|of)|\bor\b[^.?!]*\?|both of them|either)\b", re.IGNORECASE)
_FACETS = frozenset("name title subject summary email phone address number date time link text status".split())


def silent_choice(case: Case) -> Iterator[Finding]:
    """A reference to one thing ("that file", "the range") that is resolved to one of several, without anybody saying
    which.

    Said which is: by its position right before the noun, a word that only this thing has, or a choice such as "the
    latest"; or it was the one thing that was spoken of last, or all of them are taken.
    """
    for source, index, call in _iterate_sources_in_results(case):
        holder = _find_choice(case, source)
        if holder is None or holder[0] >= index:
            continue
        listed_at, pointer, items, position = holder
        turn = next((turn for turn in case.turns if turn.start <= index < turn.end), None)
        if turn is None:
            continue
        said_since = " ".join(case.speech[at] for at in _list_user_messages(case, listed_at, turn))
        noun = parse_last_noun(find_field_name(pointer))
        facet = _find_facet(source)
        reference = _find_reference(said_since, {noun, *_find_nouns(call), *facet}, turn_text=case.speech[turn.start])
        if reference is None or _is_identified(said_since, reference, items, position):
            continue
        if _was_spoken_of(case, items[position], listed_at, index) or _are_all_taken(case, call, items, turn):
            continue
        yield Finding(
            rule="silent_choice",
            message=index,
            place=source.argument,
            text=f"{call.id} {call.name}: {reference!r} may be any of {len(items)} in message {listed_at}, and nobody said which",
        )


def _iterate_sources_in_results(case: Case) -> Iterator[tuple[ArgumentSource, int, ToolCall]]:
    """Yields each argument that came from a result, with the message and the call that it is of."""
    calls = {call.id: (index, call) for index, message in enumerate(case.messages) for call in message.tool_calls}
    for source in case.provenance:
        if source.source == "result" and source.pointer and source.call_id in calls:
            yield source, *calls[source.call_id]


def _find_choice(case: Case, source: ArgumentSource) -> tuple[int, str, Sequence[Any], int] | None:
    """Returns the list of several things that a value was taken out of: (message, pointer, things, position)."""
    for index, call in case.calls_by_result.items():
        result = case.messages[index].result
        if call.id != source.from_call or result is None:
            continue
        steps = (source.pointer or "").split("/")
        for depth in range(len(steps) - 1, 0, -1):
            if steps[depth].isdigit():
                pointer = "/".join(steps[:depth])
                items = at_pointer(result.content, pointer)
                if isinstance(items, list) and len(items) > 1 and isinstance(items[0], dict):
                    return index, pointer, items, int(steps[depth])
    return None


def _list_user_messages(case: Case, listed_at: int, turn: Turn) -> list[int]:
    """The user messages from the one before a listing up to that of the turn."""
    starts = [other.start for other in case.turns if other.start <= turn.start]
    before = max((start for start in starts if start < listed_at), default=turn.start)
    return [start for start in starts if start >= before]


def _find_nouns(call: ToolCall) -> set[str]:
    name = parse_tool_name(call.name)
    return {name.noun} if name.action not in ("create", "send") else set()


def _find_facet(source: ArgumentSource) -> set[str]:
    """The noun of the field that a value was taken from, where a user may speak of it: "that name"."""
    return set(split_words(find_field_name(source.pointer or ""))) & _FACETS


def _find_reference(text: str, nouns: set[str], turn_text: str) -> str | None:
    """Returns the words by which the user refers to one thing of these nouns: "that file", "the range"."""
    for noun in nouns:
        if not noun:
            continue
        pattern = rf"\b(?:that|this|the|its|said) (?:\w+ ){{0,2}}?{re.escape(noun)}\b(?!s)"
        if match := re.search(pattern, turn_text, re.IGNORECASE):
            return match[0]
    return None


def _is_identified(text: str, reference: str, items: Sequence[Any], position: int) -> bool:
    """True if a text says which of several things is meant."""
    noun = reference.split()[-1]
    if re.search(rf"\b{_ORDINAL} (?:\w+ )?(?:{re.escape(noun)}|{re.escape(to_plural(noun.lower()))}|one|ones|of (?:them|those|these))\b", text, re.IGNORECASE):
        return True
    if re.search(rf"\b{_ORDINAL}\b", reference, re.IGNORECASE) or _PICKS.search(text):
        return True
    said = _list_words(text)
    words = [_list_item_words(str(list_scalars(item))) for item in items]
    others = [item_words for number, item_words in enumerate(words) if number != position]
    distinctive = words[position] - frozenset().union(*others)
    return bool(said & distinctive)


@lru_cache(2048)
def _list_words(text: str) -> frozenset[str]:
    return frozenset(word for word in re.findall(r"\w{2,}", text.lower()))


@lru_cache(2048)
def _list_item_words(text: str) -> frozenset[str]:
    return frozenset(word for word in re.findall(r"\w{2,}", text.lower()))


def _was_spoken_of(case: Case, item: Any, listed_at: int, index: int) -> bool:
    """True if the thing was dealt with alone after it was listed: a call named it, or a result was of it alone."""
    identities = {str(value) for key, value in item.items() if isinstance(value, str | int) and (is_id(key))}
    for at in range(listed_at + 1, index):
        for call in case.messages[at].tool_calls:
            if identities & {str(value) for _, value in list_scalars(call.arguments)}:
                return True
    return False


def _are_all_taken(case: Case, call: ToolCall, items: Sequence[Any], turn: Turn) -> bool:
    """True if calls of the same tool in this turn take each of the things."""
    taken = {
        str(value)
        for at in range(turn.start, turn.end)
        for other in case.messages[at].tool_calls
        if other.name == call.name
        for _, value in list_scalars(other.arguments)
    }
    return all(any(str(value) in taken for value in item.values() if isinstance(value, str | int)) for item in items if isinstance(item, dict))


def needless_question(case: Case) -> Iterator[Finding]:
    """A question for nothing that the calls need: all that is taken from the answer are optional arguments.

    A choice between things that were found is no such question, nor is one for what a tool that requires nothing at all
    is to act on.
    """
    for turn, question in _iterate_questions(case):
        text = case.speech[question]
        if _CHOOSES.search(text):
            continue
        answered = [
            (call, source)
            for index in range(turn.start, turn.end)
            for call in case.messages[index].tool_calls
            for source in case.provenance
            if source.call_id == call.id and source.source == "user" and source.message == turn.start
        ]
        tools = {call.name: case.find_tool(call.name, turn.end) for call, _ in answered}
        if not answered or any(_is_needed(tools[call.name], source.argument, call) for call, source in answered):
            continue
        first_call, first = answered[0]
        yield Finding(
            rule="needless_question",
            message=question,
            text=f"The assistant asks for {find_field_name(first.argument)}, which {first_call.name} does not require",
        )


def _iterate_questions(case: Case) -> Iterator[tuple[Turn, int]]:
    """Yields (turn of the answer, message of the question) where the assistant asks instead of acting."""
    for before, turn in zip(case.turns, case.turns[1:], strict=False):
        question = before.end - 1
        message = case.messages[question]
        acted = any(case.messages[index].tool_calls for index in range(before.start, before.end))
        if message.role == "assistant" and not acted and find_request(case, turn)[0] < turn.start:
            yield turn, question


def _is_needed(tool: Any, pointer: str, call: ToolCall) -> bool:
    """True if a tool cannot do without an argument, or requires nothing and has to act on something."""
    if tool is None:
        return True
    required = tool.parameters.get("required", ())
    top = pointer.split("/")[1]
    if top in required or any(top in option.get("required", ()) for key in ("anyOf", "oneOf") for option in tool.parameters.get(key, ())):
        return True
    schema = schema_at(tool.parameters, f"/{top}") or {}
    is_part = pointer.count("/") > 1 and bool(schema.get("required"))
    return is_part or (not required and parse_tool_name(call.name).action not in READING_ACTIONS)


def held_back_calls(case: Case) -> Iterator[Finding]:
    """Calls that wait for the answer to a question which they do not depend on: they could have been made before it."""
    for turn, question in _iterate_questions(case):
        waiting = []
        depending: set[str] = set()
        for index in range(turn.start, turn.end):
            for call in case.messages[index].tool_calls:
                sources = [source for source in case.provenance if source.call_id == call.id]
                takes_answer = any(source.source == "user" and source.message == turn.start for source in sources)
                follows = any(source.from_call in depending for source in sources)
                if takes_answer or follows:
                    depending.add(call.id)
                elif any(source.source == "user" and (source.message or 0) < turn.start for source in sources):
                    waiting.append(call.name)
        if waiting and depending:
            yield Finding(
                rule="held_back_calls",
                message=question,
                blocking=False,
                text=f"{', '.join(dict.fromkeys(waiting))} did not need the answer, and waits for it",
            )
