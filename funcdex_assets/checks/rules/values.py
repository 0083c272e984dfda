"""Rules about values of arguments that do not suit their field, whoever said them.

Belongs here: values that no person would write into this field at this time. Values that come from nowhere are in
`calls.py`, those that the user has stated otherwise in `contradictions.py`.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from funcdex_assets.checks.rules.case import Case, find_field_name
from funcdex_assets.checks.rules.field_values import has_clock, has_offset, parse_moment, read_meaning
from funcdex_assets.checks.rules.things import list_scalar_texts
from funcdex_assets.records.conversation import Finding
from funcdex_assets.records.message import ToolCall
from funcdex_assets.semantics.tool_names import is_id, parse_tool_name
from funcdex_assets.semantics.vocabulary import READING_ACTIONS

_QUERY_IN_QUOTES = re.compile(r"^'[^']+'$")
_SENTENCE_END = re.compile(r"(?<=[^\W\d_]{4})[.!?](?:\s|$)")  # not after "Dr." or "vs."
_MAX_TITLE_WORDS = 14
_MIN_FIRST_NAME = 3  # letters
_AUTHOR_FIELDS = ("from", "author", "sender", "owner")


def misfit_value(case: Case) -> Iterator[Finding]:
    """A value that does not suit its field: a title of several sentences, search words in quotes that no service reads,
    a deadline or window in the past.

    Let pass is a past deadline that a result had, or a day that is still today.
    """
    found = {(source.call_id, source.argument) for source in case.provenance if source.source == "result"}
    for index, arguments in case.argument_values.items():
        for call, pointer, value in arguments:
            name = find_field_name(pointer)
            if isinstance(value, str) and not is_id(name):
                reason = _explain_misfit(case, call, name, value, (call.id, pointer) in found)
                if reason:
                    text = f"{call.id} {call.name}: {name} is {value[:60]!r}{reason}"
                    yield Finding(rule="misfit_value", message=index, place=pointer, text=text, blocking=False)


def _explain_misfit(case: Case, call: ToolCall, name: str, value: str, is_found: bool) -> str | None:
    """Says why a value does not suit its field; None if it does."""
    meaning, tool = read_meaning(name, value), parse_tool_name(call.name)
    if meaning.role == "title":
        is_long = len(value.split()) > _MAX_TITLE_WORDS or len(_SENTENCE_END.findall(value)) > 1
        return ", which is no title" if is_long else None
    if meaning.role == "query" and _QUERY_IN_QUOTES.match(value):
        return ", in quotes that are searched for too"
    moment = parse_moment(value)
    if moment is None:
        return None
    now = case.situation.now
    is_deadline = meaning.role == "moment" and meaning.phase in ("due", "expires", "end")
    if is_deadline and not is_found and tool.action not in READING_ACTIONS and moment.date() < now.date():
        return ", which is past"
    is_window_end = name.lower() in ("time_max", "end_time") and tool.noun in ("slot", "time", "availability")
    return ": the window is past" if is_window_end and moment < now else None


def impossible_request(case: Case) -> Iterator[Finding]:
    """A call whose end is not after its beginning.

    Let pass is a day that is beginning and end, and moments of which only one says its offset.
    """
    for index, message in enumerate(case.messages):
        for call in message.tool_calls:
            if span := _find_reversed_span(call.arguments):
                yield Finding(
                    rule="impossible_request",
                    message=index,
                    place=f"/{span[1]}",
                    text=f"{call.id} {call.name}: {span[1]} is before {span[0]}",
                )


def _find_reversed_span(arguments: Any) -> tuple[str, str] | None:
    """Returns the names of a beginning and an end that are in the wrong order."""
    if not isinstance(arguments, Mapping):
        return None
    moments = {name: moment for name, value in arguments.items() if (moment := parse_moment(value))}
    for first in moments:
        for last in moments:
            start, end = read_meaning(first, arguments[first]), read_meaning(last, arguments[last])
            is_span = (start.phase == "start" and end.phase == "end" and start.bound == end.bound) or (
                start.bound == "from" and end.bound == "until" and start.phase == end.phase
            )
            is_comparable = has_offset(arguments[first]) == has_offset(arguments[last])
            has_length = has_clock(arguments[first]) and has_clock(arguments[last])
            if (
                is_span
                and is_comparable
                and (moments[last] < moments[first] or (has_length and moments[last] == moments[first]))
            ):
                return first, last
    return None


def self_addressed(case: Case) -> Iterator[Finding]:
    """A text of the user's own that greets the user: a draft of Deniz that begins with "Dear Deniz".

    Let pass is a note that is sent to the user's own address.
    """
    persona = case.situation.persona
    first_name = persona.name.split(" ")[0]
    if len(first_name) < _MIN_FIRST_NAME:
        return
    greeting = re.compile(rf"^(?:(?:Dear|Hi|Hello) )?{re.escape(first_name)}\b,", re.IGNORECASE)
    for index, message in enumerate(case.messages):
        for call in message.tool_calls:
            if (
                persona.email in list_scalar_texts(call.arguments)
                or parse_tool_name(call.name).action in READING_ACTIONS
            ):
                continue
            for other, pointer, value in case.argument_values.get(index, ()):
                if other is call and isinstance(value, str) and greeting.match(value):
                    text = f"{call.id} {call.name}: {value[:60]!r} is written to its own author"
                    yield _build_self_addressed(index, pointer, text)
        for holder, pointer, noun in case.result_objects.get(index, ()):
            for key, value in holder.items() if _is_by_user(holder, noun, persona.email) else ():
                if isinstance(value, str) and greeting.match(value):
                    text = f"{key} {value[:60]!r} is written to its own author"
                    yield _build_self_addressed(index, f"{pointer}/{key}", text)


def _is_by_user(holder: Mapping[str, Any], noun: str, address: str) -> bool:
    """True if an object was written by the user: a draft, or what has the user's address as that of its author."""
    authors = (str(value).lower() for key, value in holder.items() if key in _AUTHOR_FIELDS)
    return noun == "draft" or (bool(address) and address.lower() in authors)


def _build_self_addressed(index: int, place: str, text: str) -> Finding:
    return Finding(rule="self_addressed", message=index, place=place, text=text, blocking=False)
