"""Rules that compare the results of a conversation with one another and with the calls, from the messages alone.

Belongs here: contradictions between two messages. Fields of one object that disagree are in `rules/fields.py`. The
rules know neither the plan nor the simulated world that made the results, and share no code with it, as an outside
auditor would. They count only what is certain: an identifier long enough to belong to one entity, a field of the same
name, a verb that cannot be misread.

    contradicted_state  an entity that was deleted is there again; an entity has another title, owner or date of
                        creation than before, and no call changed it; a created entity has other values than the
                        arguments of its call, also where it is read in another way (its plain text, its details)
    echo_mismatch       a result names another entity than its call, or another value in a field that the call set; an
                        item of a list belongs to another parent than asked for, or has no word of the search
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from typing import Any

from funcdex_assets.checks.rules.case import Case, Held
from funcdex_assets.records.conversation import Finding
from funcdex_assets.records.message import ToolCall, ToolResult
from funcdex_assets.schema.words import singular, words
from funcdex_assets.semantics.tool_names import is_id, is_page_token, last_noun, resource_noun
from funcdex_assets.semantics.vocabulary import NAMING_WORDS, OCCURRENCE_NOUNS, RESTORING_VERBS

_READS = frozenset(
    (
        "list get fetch find search read retrieve query show lookup view check count describe browse open filter "
        "export download"
    ).split()
)
_MAKES = frozenset("create add new insert post upload schedule".split())
_CHANGES = frozenset(
    (
        "update edit patch modify rename change set reschedule assign unassign move cancel complete close reopen "
        "archive transition"
    ).split()
)
_DELETES = frozenset("delete trash".split())
_VERBS = _READS | _MAKES | _CHANGES | _DELETES | RESTORING_VERBS
_MAKERS = frozenset("owner creator author organizer organiser reporter".split())
_UNSTABLE = frozenset("updated modified edited last count total status state".split())
_ASKING = frozenset(
    (
        "query q search keyword limit max min size results page cursor offset token fields format order sort by expand "
        "verbose include exclude show type types mode from after before since until range user start end time"
    ).split()
)
_SEARCHES = frozenset("find search".split())
_QUERIES = frozenset("query q search keyword keywords".split())
_QUOTED = re.compile(r"(?<!\w)['\"]([^'\"]+)['\"](?!\w)")
_OPERATOR = re.compile(r"\w:\S|[=<>~*|(){}]|\b(?:AND|NOT)\b")
_NO_WORD = re.compile(r"[\W_]+")
_TELLING_WORD, _MOST_WORDS, _DEEPEST_ITEM = 4, 6, 3
_OF_A_WHOLE = frozenset("title subject summary".split())
_TEXTS = frozenset("text plaintext textcontent content body".split())
_TEXT = "text"  # the one key under which the text of an entity is kept, whatever its field is called
_ANY = frozenset("all any none both everything *".split())
_LEAST = 5  # characters; a shorter identifier is likely to belong to several entities
_UNIQUE = 12  # characters; such an identifier belongs to one entity even where it stands under another noun
_PREFIX = 12  # characters; a text that was cut off is recognised by as many
_SPLIT = re.compile(r"[^0-9a-z]+")


def contradicted_state(case: Case) -> Iterator[Finding]:
    """A result that cannot be true if the earlier results are: `LIST_FILES` shows a file that `DELETE_FILE` deleted."""
    known_entities: dict[str, _Thing] = {}
    deleted_by: dict[str, str] = {}
    for index, call, result in _pairs(case):
        verb = _verb(call.name)
        if result.error:
            continue
        if verb in RESTORING_VERBS:
            for value in _ids_of(call):
                deleted_by.pop(value, None)
        for value in _ids_of(call):
            if value in deleted_by:
                yield _objection(index, call, "", f"names {value!r}, which {deleted_by[value]} deleted, and it works")
        entities = [*_things(case.objects[index]), *_shown(call, result.content, verb)]
        if verb not in _DELETES:
            for entity, pointer in entities:
                if entity.identity in deleted_by:
                    text = f"shows {entity.identity!r}, which {deleted_by[entity.identity]} deleted"
                    yield _objection(index, call, pointer, text)
        if verb not in _READS:
            _allow_changes(call, known_entities)
        for entity, pointer in entities:
            earlier = known_entities.get(entity.identity)
            if earlier is not None and (earlier.noun == entity.noun or pointer == ""):
                for name, value in entity.fields.items():
                    if name in earlier.fields and not _same(earlier.fields[name], value):
                        text = f"{entity.identity!r} has {name} {value!r}, and had {earlier.fields[name]!r} before"
                        yield _objection(index, call, f"{pointer}/{name}", text)
                earlier.fields.update(entity.fields)
            elif earlier is None or len(entity.identity) < _UNIQUE:
                known_entities[entity.identity] = entity
        if verb in _MAKES:
            _expect_arguments(call, entities, known_entities)
        if verb in _DELETES and (deleted := _deleted(call)):
            deleted_by[deleted] = call.id


def echo_mismatch(case: Case) -> Iterator[Finding]:
    """A result that names another entity than its call, or another value in a field that the call set."""
    earlier_objects: list[Sequence[Held]] = []
    for index, call, result in _pairs(case):
        if result.error or not isinstance(call.arguments, dict):
            continue
        verb = _verb(call.name)
        if verb in _SEARCHES:
            yield from _misses(index, call, case.objects[index], earlier_objects)
        earlier_objects.append(case.objects[index])
        arguments_by_name = {_plain(name): (name, value) for name, value in call.arguments.items()}
        for holder, pointer, noun in case.objects[index]:
            for key, value in holder.items():
                if isinstance(value, dict | list):
                    continue
                is_own_id = is_id(key) and not resource_noun(key)
                echoed_argument = arguments_by_name.get(_plain(key))
                if not is_own_id and echoed_argument is None:
                    continue
                key_pointer = f"{pointer}/{key}"
                if is_own_id and noun and verb in _READS | _CHANGES and isinstance(value, str | int):
                    yield from _own_id(index, call, key_pointer, noun, value)
                    if verb in _READS and pointer.count("/") > 1 and not pointer.rpartition("/")[2].isdigit():
                        yield from _parents_id(index, call, key_pointer, noun, value)
                if echoed_argument is None:
                    continue
                name, argument_value = echoed_argument
                if is_id(key):
                    is_certain = verb != "" or last_noun(key) not in {singular(word) for word in words(call.name)}
                    is_mismatch = (
                        not is_own_id
                        and noun not in OCCURRENCE_NOUNS
                        and is_certain
                        and isinstance(argument_value, str | int)
                        and str(argument_value) != str(value)
                        and value is not None
                    )
                elif verb in _MAKES | _CHANGES:
                    is_mismatch = (
                        _is_subject(pointer)
                        and _differs(argument_value, value)
                        and not set(words(key)) & _UNSTABLE - {"status"}
                    )
                else:
                    is_mismatch = (
                        verb in _READS and _is_filter(name, argument_value) and _differs(argument_value, value)
                    )
                if is_mismatch and not (
                    isinstance(argument_value, str) and argument_value.lower() in ("me", "primary")
                ):
                    yield _objection(
                        index,
                        call,
                        key_pointer,
                        f"{name} is {argument_value!r} in the call, and {value!r} here",
                        "echo_mismatch",
                    )


def _shown(call: ToolCall, content: Any, verb: str) -> Iterator[tuple["_Thing", str]]:
    """Yields the entity that a call reads by its identifier, with its title and text, if the whole result is about it.

    `GET_DOCUMENT(document_id="d1")` with the result `{"document_id": "d1", "title": "Plan"}` reads one document.
    """
    if verb not in _READS or not isinstance(content, dict):
        return
    tool_name_nouns = {singular(word) for word in words(call.name)}
    for key, value in content.items():
        is_echoed_id = (
            is_id(key)
            and resource_noun(key) in tool_name_nouns
            and call.arguments.get(key) == value
            and _is_telling(value)
        )
        if is_echoed_id:
            fields = {name: field_value for name, field_value in content.items() if last_noun(name) in _OF_A_WHOLE}
            fields |= {
                _TEXT: next((field_value for name, field_value in content.items() if _plain(name) in _TEXTS), None)
            }
            texts = {name: text for name, text in fields.items() if isinstance(text, str) and text}
            yield _Thing(resource_noun(key), str(value), texts), ""


def _misses(index: int, call: ToolCall, objects: Sequence[Held], before: Sequence[Sequence[Held]]) -> Iterator[Finding]:
    """Finds items of a search result that contain no word of the query and were not seen in an earlier result."""
    for name, query in call.arguments.items():
        if not isinstance(query, str) or not (_plain(name) in _QUERIES or name.endswith("contains")):
            continue
        search_words = _sought(query)
        for holder, pointer, _ in objects if search_words else ():
            if not pointer.rpartition("/")[2].isdigit() or pointer.count("/") > _DEEPEST_ITEM:
                continue
            texts = list(_strings(holder))
            has_title = any(isinstance(value, str) and set(words(key)) & NAMING_WORDS for key, value in holder.items())
            if not has_title or any(word in text for word in search_words for text in texts):
                continue
            known_identities = {entity.identity for objects_before in before for entity, _ in _things(objects_before)}
            if not any(str(value) in known_identities for key, value in holder.items() if is_id(key)):
                text = f"{name} is {query!r} in the call, and nothing of it is here"
                yield _objection(index, call, pointer, text, "echo_mismatch")


def _sought(query: str) -> list[str]:
    """Words of which an item must have one; empty if the query uses operators or is too long to be plain words."""
    quoted = _QUOTED.findall(query)
    if not quoted and _OPERATOR.search(query):
        return []
    search_words = [word for word in _NO_WORD.split(" ".join(quoted or [query]).lower()) if len(word) >= _TELLING_WORD]
    return [] if len(search_words) > _MOST_WORDS or " or " in query.lower() else search_words


def _strings(value: Any) -> Iterator[str]:
    """Yields every string in a JSON value in lower case."""
    if isinstance(value, str):
        yield value.lower()
    elif isinstance(value, dict | list):
        for child in value.values() if isinstance(value, dict) else value:
            yield from _strings(child)


STATE_RULES = (contradicted_state, echo_mismatch)


# ── reading ───────────────────────────────────────────────────────────────────────────────────


@dataclass
class _Thing:
    """An entity as one result shows it: `fields` holds only those that no read can change, such as its title."""

    noun: str
    identity: str
    fields: dict[str, Any] = field(default_factory=dict)


def _pairs(case: Case) -> Iterator[tuple[int, ToolCall, ToolResult]]:
    """Yields each result with its call, and the index of the result's message."""
    calls = {call.id: call for message in case.messages for call in message.tool_calls}
    for index, message in enumerate(case.messages):
        if message.result is not None and (call := calls.get(message.result.call_id)):
            yield index, call, message.result


@cache
def _verb(name: str) -> str:
    """The first word of a tool name that is a known verb; '' if there is none, so that no rule about verbs applies."""
    return next((word for word in words(name) if word in _VERBS), "")


def _things(objects: Sequence[Held]) -> Iterator[tuple[_Thing, str]]:
    """Finds every object with an identifier of its own, with the fields that last until a call changes them."""
    for holder, pointer, noun in objects:
        identity = next((value for key, value in holder.items() if _is_own(key, noun) and _is_telling(value)), None)
        if identity is None:
            continue
        fields = {key: value for key, value in holder.items() if isinstance(value, str) and value and _lasts(key)}
        for key, value in holder.items():
            if isinstance(value, dict) and not _MAKERS.isdisjoint(words(key)):
                email = next((maker_field for name, maker_field in value.items() if "email" in words(name)), None)
                fields |= {key: email} if isinstance(email, str) else {}
        yield _Thing(noun, str(identity), fields), pointer


@cache
def _is_own(key: str, around: str) -> bool:
    """True if a key is the identifier of its object: `id` anywhere, `file_id` within a `file`."""
    return is_id(key) and (not resource_noun(key) or (around != "" and resource_noun(key) == around))


def _is_telling(value: Any) -> bool:
    """True if a value is long enough to identify one entity."""
    return isinstance(value, str | int) and not isinstance(value, bool) and len(str(value)) >= _LEAST


@cache
def _lasts(key: str) -> bool:
    """True if a field keeps its value until a call changes it: `title`, `created_at`, `owner`."""
    key_words = set(words(key))
    return bool(key_words) and (
        key_words <= NAMING_WORDS or "created" in key_words or (key_words <= _MAKERS and not key_words & _UNSTABLE)
    )


def _ids_of(call: ToolCall) -> Iterator[str]:
    """Yields the identifiers among a call's arguments, also those within lists."""
    for key, value in call.arguments.items() if isinstance(call.arguments, dict) else ():
        if is_id(key):
            for identifier in value if isinstance(value, list) else (value,):
                if _is_telling(identifier):
                    yield str(identifier)


def _deleted(call: ToolCall) -> str | None:
    """The identifier of the entity that a call deletes: the one whose noun is in the tool's name, or the only one."""
    identifiers_by_noun = {
        last_noun(key): str(value) for key, value in call.arguments.items() if is_id(key) and _is_telling(value)
    }
    tool_name_nouns = [singular(word) for word in words(call.name)]
    matching_identifiers = [value for noun, value in identifiers_by_noun.items() if noun in tool_name_nouns]
    if len(matching_identifiers) == 1:
        return matching_identifiers[0]
    return next(iter(identifiers_by_noun.values())) if len(identifiers_by_noun) == 1 else None


# ── judging ───────────────────────────────────────────────────────────────────────────────────


def _allow_changes(call: ToolCall, known: Mapping[str, _Thing]) -> None:
    """Forgets the fields of named entities that a call may have changed, so that later results may differ in them."""
    argument_words = (
        {word for key in call.arguments for word in words(key)} if isinstance(call.arguments, dict) else set()
    )
    for identity in _ids_of(call):
        if identity in known:
            fields = known[identity].fields
            fields.pop(_TEXT, None)
            for name in list(fields):
                field_words = set(words(name))
                if "created" not in field_words and (
                    field_words & argument_words or (field_words & NAMING_WORDS and argument_words & NAMING_WORDS)
                ):
                    del fields[name]


def _expect_arguments(call: ToolCall, things: Sequence[tuple[_Thing, str]], known: Mapping[str, _Thing]) -> None:
    """Adds the arguments of a call to the known fields of the entity that it created, even if the result omits them."""
    identifiers_in_call = set(_ids_of(call))
    new_entities = [
        entity for entity, pointer in things if _is_subject(pointer) and entity.identity not in identifiers_in_call
    ]
    if len(new_entities) == 1 and new_entities[0].identity in known:
        fields = known[new_entities[0].identity].fields
        for name, value in call.arguments.items():
            if _lasts(name) and isinstance(value, str) and "created" not in words(name):
                fields.setdefault(name, value)
            elif _plain(name) in _TEXTS and isinstance(value, str) and value:
                fields[_TEXT] = value


def _own_id(index: int, call: ToolCall, place: str, around: str, value: Any) -> Iterator[Finding]:
    """Checks that a read answers with the entity asked for: `GET_TICKET(ticket_id)` returns that ticket."""
    if not _is_subject(place.rpartition("/")[0]) or around not in {singular(word) for word in words(call.name)}:
        return
    for name, argument_value in call.arguments.items():
        if (
            is_id(name)
            and resource_noun(name) == around
            and isinstance(argument_value, str | int)
            and str(argument_value) != str(value)
        ):
            yield _objection(
                index, call, place, f"{name} is {argument_value!r} in the call, and {value!r} here", "echo_mismatch"
            )


def _parents_id(index: int, call: ToolCall, place: str, around: str, value: Any) -> Iterator[Finding]:
    """Checks that listed items belong to the parent asked for: in the result of `LIST_INVOICES(customer_id)` the
    `customer` within each invoice is that customer.
    """
    for name, argument_value in call.arguments.items():
        if (
            is_id(name)
            and resource_noun(name) == around
            and isinstance(argument_value, str | int)
            and str(argument_value) != str(value)
        ):
            text = f"{name} is {argument_value!r} in the call, and {value!r} here"
            yield _objection(index, call, place, text, "echo_mismatch")


def _is_subject(pointer: str) -> bool:
    """True if the result is about this object: the whole result, or an object directly in it."""
    return pointer.count("/") <= 1


def _is_filter(name: str, said: Any) -> bool:
    """True if an argument restricts the result to equal values: `folder_id` does, `page_size` and `status="all"` do
    not.
    """
    if set(words(name)) & (_ASKING | NAMING_WORDS) or is_page_token(name):
        return False
    return not isinstance(said, str) or said.lower() not in _ANY


def _differs(said: Any, value: Any) -> bool:
    """True if two scalars of one type contradict each other; an empty value contradicts nothing."""
    if isinstance(said, dict | list) or said in (None, "") or value in (None, ""):
        return False
    return isinstance(said, str) == isinstance(value, str) and not _same(said, value)


def _same(one: Any, two: Any) -> bool:
    """True if two values mean the same: moments in different time zones, texts in another case or cut off."""
    if one == two:
        return True
    if not (isinstance(one, str) and isinstance(two, str)):
        return False
    first_moment, second_moment = _moment(one), _moment(two)
    if first_moment and second_moment:
        if isinstance(first_moment, datetime) and isinstance(second_moment, datetime):
            if (first_moment.tzinfo is None) != (second_moment.tzinfo is None):
                return first_moment.replace(tzinfo=None) == second_moment.replace(tzinfo=None)
            return first_moment == second_moment
        return one[:10] == two[:10]
    shorter, longer = sorted((_bare(one), _bare(two)), key=len)
    return shorter == longer or (len(shorter) >= _PREFIX and longer.startswith(shorter))


def _moment(text: str) -> date | None:
    """Parses an ISO 8601 date or date-time; None if the text is neither."""
    for parse in (date.fromisoformat, datetime.fromisoformat):
        try:
            return parse(text)
        except ValueError:
            continue
    return None


def _bare(text: str) -> str:
    """Lower-cases a text and replaces punctuation by spaces; a text of punctuation alone stays as it is."""
    return _SPLIT.sub(" ", text.lower()).strip() or text


@cache
def _plain(name: str) -> str:
    """A field name without case and separators: `fileName` and `file_name` become `filename`."""
    return "".join(words(name))


def _objection(index: int, call: ToolCall, place: str, text: str, rule: str = "contradicted_state") -> Finding:
    return Finding(rule=rule, message=index, place=place, text=f"{call.id} {call.name}: {text}")
