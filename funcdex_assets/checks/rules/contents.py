"""Rules about what a thing holds that was made in the conversation: only what was sent.

Belongs here: texts, due dates and attachments that no call gave. Parts and their numbers are in `counts.py`, a text
that is another one than was sent in `agreement.py`. Nothing that is said is read, so the rules hold in any language.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from funcdex_assets.checks.rules.case import Case, find_field_name
from funcdex_assets.checks.rules.field_values import read_meaning
from funcdex_assets.checks.rules.sentences import list_words
from funcdex_assets.checks.rules.things import Thing, iterate_good_calls, list_argument_scalars, list_things
from funcdex_assets.records.conversation import Finding
from funcdex_assets.records.message import ToolCall
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.json_pointers import list_scalars
from funcdex_assets.schema.words import split_words, to_singular
from funcdex_assets.semantics.tool_names import is_id, parse_tool_name

_TEXT_WORDS = frozenset("description body note comment caption text agenda memo footer header instruction".split())
_NOT_OF_THE_MAKER = frozenset("last latest preview snippet summary default error status previous plain html".split())
"""Words of fields that are derived, or are about something else."""
_SOURCE_WORDS = frozenset("template source copy from import clone base original quick parent forward draft".split())
"""In the names of tools and arguments that something is made of, with all that it holds."""
_TIME_WORDS = frozenset(
    "due date deadline when time start end day days schedule recurrence interval term terms period month week".split()
)
_FILE_WORDS = frozenset("attachment file media document image picture photo url link upload".split())
_MIN_DERIVED = 0.5  # of the words of a text: as many in the arguments make it derived


def unsent_content(case: Case) -> Iterator[Finding]:
    """Something made or sent in this conversation that holds a text, a due date or attachments which no call gave.

    In the result of the call itself, which the assistant reports, where it blocks; or of a later one that shows the
    thing, where it lowers the scores. Let pass are copies, what is forwarded or
    made of a template; a text made of what was given, such as a preview; what the tool says it puts by itself; what a
    later call on the thing gave; and the day on which money is due, which the terms of an account set.
    """
    made: dict[str, list[ToolCall]] = {}
    made_now: set[str] = set()
    reported: set[str] = set()
    for index, call, _ in iterate_good_calls(case):
        name = parse_tool_name(call.name)
        named = {str(value) for _, value in list_argument_scalars(call)}
        if name.action not in ("list", "get"):
            for identity in named & made.keys():
                made[identity].append(call)
        things = list(list_things(case, index))
        made_now.clear()
        if name.action in ("create", "send") and not _is_made_of_another(call):
            subjects = [thing for thing in things if thing.pointer.count("/") <= 1 and thing.identity not in named]
            if len(subjects) == 1:
                made.setdefault(subjects[0].identity, [call])
                made_now.add(subjects[0].identity)
        for thing in things:
            calls = made.get(thing.identity)
            if not calls or thing.identity in reported:
                continue
            tools = [case.tools.get(one.name) for one in calls]
            for key, reason in _find_unsent(thing, calls, tools):
                reported.add(thing.identity)
                yield Finding(
                    rule="unsent_content",
                    blocking=thing.identity in made_now,
                    message=index,
                    place=f"{thing.pointer}/{key}",
                    text=f"{thing.identity!r} has {key} {reason}, which no call gave",
                )
                break


def _is_made_of_another(call: ToolCall) -> bool:
    words = {*split_words(call.name), *(word for name in call.arguments for word in split_words(name))}
    return bool(_SOURCE_WORDS & words)


def _find_unsent(thing: Thing, calls: list[ToolCall], tools: list[Tool | None]) -> Iterator[tuple[str, str]]:
    """Yields (field, value) of what a thing holds and none of the calls gave."""
    arguments = {
        to_singular(word) for call in calls for at, _ in list_scalars(call.arguments) for word in split_words(at)
    }
    is_of_money = any(read_meaning(key, value).role in ("amount", "total") for key, value in thing.fields.items())
    for key, value in thing.fields.items():
        words = {to_singular(word) for word in split_words(key)}
        if not value or is_id(key) or words & _NOT_OF_THE_MAKER:
            continue
        if words & {"attachment"} and isinstance(value, list) and not arguments & _FILE_WORDS:
            yield key, f"with {len(value)} of them"
        elif not isinstance(value, str):
            continue
        else:
            meaning = read_meaning(key, value)
            is_due = meaning.phase == "due" and meaning.role == "moment"
            may_be_due = is_due and not is_of_money and not arguments & _TIME_WORDS
            is_text = words & _TEXT_WORDS and meaning.role == "text" and key not in _list_names(calls)
            if (may_be_due or (is_text and not _is_derived(value, calls))) and not _is_default(value, key, tools):
                yield key, repr(value[:60])


def _list_names(calls: list[ToolCall]) -> set[str]:
    return {find_field_name(pointer) for call in calls for pointer, _ in list_argument_scalars(call)}


def _is_derived(text: str, calls: list[ToolCall]) -> bool:
    """True if enough words of a text are in the arguments."""
    words = list_words(text)
    given = {word for call in calls for _, value in list_scalars(call.arguments) for word in list_words(str(value))}
    return len(words & given) >= _MIN_DERIVED * len(words)


def _is_default(text: str, key: str, tools: list[Tool | None]) -> bool:
    """True if a tool says that it puts this by itself: as a default, or in words of its description."""
    for tool in tools:
        if tool is None:
            continue
        properties: Mapping[str, Any] = tool.parameters.get("properties", {})
        schemas = [schema for schema in properties.values() if isinstance(schema, dict)]
        told = [tool.description, *(str(schema.get("description", "")) for schema in schemas)]
        if any(schema.get("default") == text for schema in schemas) or any(text in part for part in told):
            return True
        if any(key.lower() in part.lower() and re.search(r"\b(?:default|automatic)", part) for part in told):
            return True
    return False
