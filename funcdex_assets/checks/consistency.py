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
from datetime import date, datetime
from typing import Any

from funcdex_assets.checks.entities import (
    CREATE_VERBS,
    DELETE_VERBS,
    READ_VERBS,
    TEXT_FIELD,
    UPDATE_VERBS,
    Entity,
    collect_identifiers,
    find_deleted_identifier,
    find_entities,
    find_entity_read_by_id,
    find_verb,
    is_changing_field,
    is_lasting_field,
    normalize_name,
    pair_results_with_calls,
)
from funcdex_assets.checks.rules.case import Case, PlacedObject
from funcdex_assets.records.conversation import Finding
from funcdex_assets.records.message import ToolCall
from funcdex_assets.schema.words import split_words, to_singular
from funcdex_assets.semantics.field_meaning import decide_value_meaning
from funcdex_assets.semantics.field_roles import is_calling_name, is_title, is_whole_text
from funcdex_assets.semantics.tool_names import is_id, parse_last_noun, parse_resource_noun
from funcdex_assets.semantics.vocabulary import OCCURRENCE_NOUNS, RESTORING_VERBS

_NO_FILTER_ROLES = frozenset(
    "query limit page_token sort setting title text moment duration person measure choice zone position".split()
)
"""Roles of arguments that do not ask for equal values, or not certainly: a person may be named in many ways."""
_SEARCH_VERBS = frozenset("find search".split())
_QUOTED = re.compile(r"(?<!\w)['\"]([^'\"]+)['\"](?!\w)")
_OPERATOR = re.compile(r"\w:\S|[=<>~*|(){}]|\b(?:AND|NOT)\b")
_NON_WORD = re.compile(r"[\W_]+")
_MIN_SEARCH_WORD_LENGTH, _MAX_SEARCH_WORDS, _MAX_ITEM_DEPTH = 4, 6, 3
_ANY_VALUE_WORDS = frozenset("all any none both everything *".split())
_MIN_UNIQUE_IDENTIFIER_LENGTH = (
    12  # characters; such an identifier belongs to one entity even where it stands under another noun
)
_MIN_COMMON_PREFIX_LENGTH = 12  # characters; a text that was cut off is recognised by as many
_NON_ALPHANUMERIC = re.compile(r"[^0-9a-z]+")


def contradicted_state(case: Case) -> Iterator[Finding]:
    """A result that cannot be true if the earlier results are: `LIST_FILES` shows a file that `DELETE_FILE` deleted."""
    known_entities: dict[str, Entity] = {}
    deleted_by: dict[str, str] = {}
    for index, call, result in pair_results_with_calls(case):
        verb = find_verb(call.name)
        if result.error:
            continue
        if verb in RESTORING_VERBS:
            for value in collect_identifiers(call):
                deleted_by.pop(value, None)
        for value in collect_identifiers(call):
            if value in deleted_by:
                yield _build_finding(
                    index, call, "", f"names {value!r}, which {deleted_by[value]} deleted, and it works"
                )
        entities = [*find_entities(case.result_objects[index]), *find_entity_read_by_id(call, result.content, verb)]
        if verb not in DELETE_VERBS:
            for entity, pointer in entities:
                if entity.identity in deleted_by:
                    text = f"shows {entity.identity!r}, which {deleted_by[entity.identity]} deleted"
                    yield _build_finding(index, call, pointer, text)
        if verb not in READ_VERBS:
            _allow_changes(call, known_entities)
        for entity, pointer in entities:
            earlier = known_entities.get(entity.identity)
            if earlier is not None and (earlier.noun == entity.noun or pointer == ""):
                for name, value in entity.fields.items():
                    if name in earlier.fields and not _are_equivalent(earlier.fields[name], value):
                        text = f"{entity.identity!r} has {name} {value!r}, and had {earlier.fields[name]!r} before"
                        yield _build_finding(index, call, f"{pointer}/{name}", text)
                earlier.fields.update(entity.fields)
            elif earlier is None or len(entity.identity) < _MIN_UNIQUE_IDENTIFIER_LENGTH:
                known_entities[entity.identity] = entity
        if verb in CREATE_VERBS:
            _expect_arguments(call, entities, known_entities)
        if verb in DELETE_VERBS and (deleted := find_deleted_identifier(call)):
            deleted_by[deleted] = call.id


def echo_mismatch(case: Case) -> Iterator[Finding]:
    """A result that names another entity than its call, or another value in a field that the call set."""
    earlier_objects: list[Sequence[PlacedObject]] = []
    for index, call, result in pair_results_with_calls(case):
        if result.error:
            continue
        verb = find_verb(call.name)
        if verb in _SEARCH_VERBS:
            yield from _find_unrelated_search_results(index, call, case.result_objects[index], earlier_objects)
        earlier_objects.append(case.result_objects[index])
        arguments_by_name = {normalize_name(name): (name, value) for name, value in call.arguments.items()}
        for holder, pointer, noun in case.result_objects[index]:
            for key, value in holder.items():
                if isinstance(value, dict | list):
                    continue
                is_own_id = is_id(key) and not parse_resource_noun(key)
                echoed_argument = arguments_by_name.get(normalize_name(key))
                if not is_own_id and echoed_argument is None:
                    continue
                key_pointer = f"{pointer}/{key}"
                if is_own_id and noun and verb in READ_VERBS | UPDATE_VERBS and isinstance(value, str | int):
                    yield from _check_own_identifier(index, call, key_pointer, noun, value)
                    if verb in READ_VERBS and pointer.count("/") > 1 and not pointer.rpartition("/")[2].isdigit():
                        yield from _check_parent_identifier(index, call, key_pointer, noun, value)
                if echoed_argument is None:
                    continue
                name, argument_value = echoed_argument
                if is_id(key):
                    is_certain = verb != "" or parse_last_noun(key) not in {
                        to_singular(word) for word in split_words(call.name)
                    }
                    is_mismatch = (
                        not is_own_id
                        and noun not in OCCURRENCE_NOUNS
                        and is_certain
                        and isinstance(argument_value, str | int)
                        and str(argument_value) != str(value)
                        and value is not None
                    )
                elif verb in CREATE_VERBS | UPDATE_VERBS:
                    is_mismatch = (
                        _is_subject_of_result(pointer)
                        and _differs_from_argument(argument_value, value)
                        and ("status" in split_words(key) or not is_changing_field(key))
                    )
                else:
                    is_mismatch = (
                        verb in READ_VERBS
                        and _is_filter_argument(name, argument_value)
                        and _differs_from_argument(argument_value, value)
                    )
                if is_mismatch and not (
                    isinstance(argument_value, str) and argument_value.lower() in ("me", "primary")
                ):
                    yield _build_finding(
                        index,
                        call,
                        key_pointer,
                        f"{name} is {argument_value!r} in the call, and {value!r} here",
                        "echo_mismatch",
                    )


def _find_unrelated_search_results(
    index: int, call: ToolCall, objects: Sequence[PlacedObject], earlier_objects: Sequence[Sequence[PlacedObject]]
) -> Iterator[Finding]:
    """Finds items of a search result that contain no word of the query and were not seen in an earlier result."""
    for name, query in call.arguments.items():
        if not isinstance(query, str) or decide_value_meaning(name, query).role != "query":
            continue
        search_words = _extract_search_words(query)
        for holder, pointer, _ in objects if search_words else ():
            if not pointer.rpartition("/")[2].isdigit() or pointer.count("/") > _MAX_ITEM_DEPTH:
                continue
            texts = list(_iterate_strings(holder))
            has_title = any(isinstance(value, str) and is_calling_name(key) for key, value in holder.items())
            if not has_title or any(word in text for word in search_words for text in texts):
                continue
            known_identities = {
                entity.identity for objects_before in earlier_objects for entity, _ in find_entities(objects_before)
            }
            if not any(str(value) in known_identities for key, value in holder.items() if is_id(key)):
                text = f"{name} is {query!r} in the call, and nothing of it is here"
                yield _build_finding(index, call, pointer, text, "echo_mismatch")


def _extract_search_words(query: str) -> list[str]:
    """Words of which an item must have one; empty if the query uses operators or is too long to be plain words."""
    quoted = _QUOTED.findall(query)
    if not quoted and _OPERATOR.search(query):
        return []
    search_words = [
        word for word in _NON_WORD.split(" ".join(quoted or [query]).lower()) if len(word) >= _MIN_SEARCH_WORD_LENGTH
    ]
    return [] if len(search_words) > _MAX_SEARCH_WORDS or " or " in query.lower() else search_words


def _iterate_strings(value: Any) -> Iterator[str]:
    """Yields every string in a JSON value in lower case."""
    if isinstance(value, str):
        yield value.lower()
    elif isinstance(value, dict | list):
        for child in value.values() if isinstance(value, dict) else value:
            yield from _iterate_strings(child)


STATE_RULES = (contradicted_state, echo_mismatch)


# ── judging ───────────────────────────────────────────────────────────────────────────────────


def _allow_changes(call: ToolCall, known_entities: Mapping[str, Entity]) -> None:
    """Forgets the fields of named entities that a call may have changed, so that later results may differ in them."""
    argument_words = (
        {word for key in call.arguments for word in split_words(key)} if isinstance(call.arguments, dict) else set()
    )
    for identity in collect_identifiers(call):
        if identity in known_entities:
            fields = known_entities[identity].fields
            fields.pop(TEXT_FIELD, None)
            for name in list(fields):
                field_words = set(split_words(name))
                if "created" not in field_words and (
                    field_words & argument_words or (is_title(name) and any(map(is_title, call.arguments)))
                ):
                    del fields[name]


def _expect_arguments(
    call: ToolCall, entities: Sequence[tuple[Entity, str]], known_entities: Mapping[str, Entity]
) -> None:
    """Adds the arguments of a call to the known fields of the entity that it created, even if the result omits them."""
    identifiers_in_call = set(collect_identifiers(call))
    new_entities = [
        entity
        for entity, pointer in entities
        if _is_subject_of_result(pointer) and entity.identity not in identifiers_in_call
    ]
    if len(new_entities) == 1 and new_entities[0].identity in known_entities:
        fields = known_entities[new_entities[0].identity].fields
        for name, value in call.arguments.items():
            if is_lasting_field(name) and isinstance(value, str) and "created" not in split_words(name):
                fields.setdefault(name, value)
            elif is_whole_text(name) and isinstance(value, str) and value:
                fields[TEXT_FIELD] = value


def _check_own_identifier(index: int, call: ToolCall, pointer: str, noun: str, value: Any) -> Iterator[Finding]:
    """Checks that a read answers with the entity asked for: `GET_TICKET(ticket_id)` returns that ticket."""
    if not _is_subject_of_result(pointer.rpartition("/")[0]) or noun not in {
        to_singular(word) for word in split_words(call.name)
    }:
        return
    for name, argument_value in call.arguments.items():
        if (
            is_id(name)
            and parse_resource_noun(name) == noun
            and isinstance(argument_value, str | int)
            and str(argument_value) != str(value)
        ):
            yield _build_finding(
                index, call, pointer, f"{name} is {argument_value!r} in the call, and {value!r} here", "echo_mismatch"
            )


def _check_parent_identifier(index: int, call: ToolCall, pointer: str, noun: str, value: Any) -> Iterator[Finding]:
    """Checks that listed items belong to the parent asked for: in the result of `LIST_INVOICES(customer_id)` the
    `customer` within each invoice is that customer.
    """
    for name, argument_value in call.arguments.items():
        if (
            is_id(name)
            and parse_resource_noun(name) == noun
            and isinstance(argument_value, str | int)
            and str(argument_value) != str(value)
        ):
            text = f"{name} is {argument_value!r} in the call, and {value!r} here"
            yield _build_finding(index, call, pointer, text, "echo_mismatch")


def _is_subject_of_result(pointer: str) -> bool:
    """True if the result is about this object: the whole result, or an object directly in it."""
    return pointer.count("/") <= 1


def _is_filter_argument(name: str, argument_value: Any) -> bool:
    """True if an argument restricts the result to equal values: `folder_id` does, `page_size` and `status="all"` do
    not.
    """
    if decide_value_meaning(name, argument_value).role in _NO_FILTER_ROLES:
        return False
    return not isinstance(argument_value, str) or argument_value.lower() not in _ANY_VALUE_WORDS


def _differs_from_argument(argument_value: Any, value: Any) -> bool:
    """True if two scalars of one type contradict each other; an empty value contradicts nothing."""
    if isinstance(argument_value, dict | list) or argument_value in (None, "") or value in (None, ""):
        return False
    return isinstance(argument_value, str) == isinstance(value, str) and not _are_equivalent(argument_value, value)


def _are_equivalent(first: Any, second: Any) -> bool:
    """True if two values mean the same: moments in different time zones, texts in another case or cut off."""
    if first == second:
        return True
    if not (isinstance(first, str) and isinstance(second, str)):
        return False
    first_moment, second_moment = _parse_moment(first), _parse_moment(second)
    if first_moment and second_moment:
        if isinstance(first_moment, datetime) and isinstance(second_moment, datetime):
            if (first_moment.tzinfo is None) != (second_moment.tzinfo is None):
                return first_moment.replace(tzinfo=None) == second_moment.replace(tzinfo=None)
            return first_moment == second_moment
        return first[:10] == second[:10]
    shorter, longer = sorted((_strip_punctuation(first), _strip_punctuation(second)), key=len)
    return shorter == longer or (len(shorter) >= _MIN_COMMON_PREFIX_LENGTH and longer.startswith(shorter))


def _parse_moment(text: str) -> date | None:
    """Parses an ISO 8601 date or date-time; None if the text is neither."""
    for parse in (date.fromisoformat, datetime.fromisoformat):
        try:
            return parse(text)
        except ValueError:
            continue
    return None


def _strip_punctuation(text: str) -> str:
    """Lower-cases a text and replaces punctuation by spaces; a text of punctuation alone stays as it is."""
    return _NON_ALPHANUMERIC.sub(" ", text.lower()).strip() or text


def _build_finding(index: int, call: ToolCall, pointer: str, text: str, rule: str = "contradicted_state") -> Finding:
    return Finding(rule=rule, message=index, place=pointer, text=f"{call.id} {call.name}: {text}")
