"""What results say of the same things, held against one another and against the calls: rules over messages alone.

The rules read the conversation as an auditor would, who knows neither the plan nor the world that made the results,
and share no code with it. They count only what is certain: an identifier that is long enough to be one thing's, a
field of the same name, a verb that cannot be misread.

    contradicted_state  what was deleted is there again; a thing has another title, owner or date of creation than
                        before, and no call changed it; what was created is not what the call asked for, also where
                        it is read in another way (its plain text, its details)
    echo_mismatch       a result names another thing than its call, or another value in a field that the call set; an
                        item of a list is somebody else's than asked for, or has no word of what was searched for
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from typing import Any

from funcdex_assets.catalog.names import is_id, is_page_token, last_noun, resource_noun, singular, words
from funcdex_assets.quality.rules.case import Case, Held
from funcdex_assets.records import Finding, ToolCall, ToolResult
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
_TEXT = "text"  # of a thing, whatever it is called
_ANY = frozenset("all any none both everything *".split())
_LEAST = 5  # characters of an identifier that no other thing is likely to have
_UNIQUE = 12  # characters of an identifier that no other thing has, also where it goes by another noun
_PREFIX = 12  # characters by which a text that was cut is known again
_SPLIT = re.compile(r"[^0-9a-z]+")


def contradicted_state(case: Case) -> Iterator[Finding]:
    """A result that cannot be true if the earlier ones are."""
    known: dict[str, _Thing] = {}
    gone: dict[str, str] = {}
    for index, call, result in _pairs(case):
        verb = _verb(call.name)
        if result.error:
            continue
        if verb in RESTORING_VERBS:
            for value in _ids_of(call):
                gone.pop(value, None)
        for value in _ids_of(call):
            if value in gone:
                yield _objection(index, call, "", f"names {value!r}, which {gone[value]} deleted, and it works")
        things = [*_things(case.objects[index]), *_shown(call, result.content, verb)]
        if verb not in _DELETES:
            for thing, pointer in things:
                if thing.identity in gone:
                    text = f"shows {thing.identity!r}, which {gone[thing.identity]} deleted"
                    yield _objection(index, call, pointer, text)
        if verb not in _READS:
            _allow_changes(call, known)
        for thing, pointer in things:
            before = known.get(thing.identity)
            if before is not None and (before.noun == thing.noun or pointer == ""):
                for name, value in thing.fields.items():
                    if name in before.fields and not _same(before.fields[name], value):
                        text = f"{thing.identity!r} has {name} {value!r}, and had {before.fields[name]!r} before"
                        yield _objection(index, call, f"{pointer}/{name}", text)
                before.fields.update(thing.fields)
            elif before is None or len(thing.identity) < _UNIQUE:
                known[thing.identity] = thing
        if verb in _MAKES:
            _expect_arguments(call, things, known)
        if verb in _DELETES and (deleted := _deleted(call)):
            gone[deleted] = call.id


def echo_mismatch(case: Case) -> Iterator[Finding]:
    """A result that names another thing than its call, or another value where the call set one."""
    before: list[Sequence[Held]] = []
    for index, call, result in _pairs(case):
        if result.error or not isinstance(call.arguments, dict):
            continue
        verb = _verb(call.name)
        if verb in _SEARCHES:
            yield from _misses(index, call, case.objects[index], before)
        before.append(case.objects[index])
        told = {_plain(name): (name, value) for name, value in call.arguments.items()}
        for holder, pointer, around in case.objects[index]:
            for key, value in holder.items():
                if isinstance(value, dict | list):
                    continue
                own = is_id(key) and not resource_noun(key)
                echoed = told.get(_plain(key))
                if not own and echoed is None:
                    continue
                place = f"{pointer}/{key}"
                if own and around and verb in _READS | _CHANGES and isinstance(value, str | int):
                    yield from _own_id(index, call, place, around, value)
                    if verb in _READS and pointer.count("/") > 1 and not pointer.rpartition("/")[2].isdigit():
                        yield from _parents_id(index, call, place, around, value)
                if echoed is None:
                    continue
                name, said = echoed
                if is_id(key):
                    certain = verb != "" or last_noun(key) not in {singular(word) for word in words(call.name)}
                    wrong = (
                        not own
                        and around not in OCCURRENCE_NOUNS
                        and certain
                        and isinstance(said, str | int)
                        and str(said) != str(value)
                        and value is not None
                    )
                elif verb in _MAKES | _CHANGES:
                    wrong = (
                        _is_subject(pointer) and _differs(said, value) and not set(words(key)) & _UNSTABLE - {"status"}
                    )
                else:
                    wrong = verb in _READS and _is_filter(name, said) and _differs(said, value)
                if wrong and not (isinstance(said, str) and said.lower() in ("me", "primary")):
                    yield _objection(
                        index, call, place, f"{name} is {said!r} in the call, and {value!r} here", "echo_mismatch"
                    )


def _shown(call: ToolCall, content: Any, verb: str) -> Iterator[tuple["_Thing", str]]:
    """The thing that a call reads by its identifier, where the answer as a whole is about it: its title and text."""
    if verb not in _READS or not isinstance(content, dict):
        return
    spoken = {singular(word) for word in words(call.name)}
    for key, value in content.items():
        same = is_id(key) and resource_noun(key) in spoken and call.arguments.get(key) == value and _is_telling(value)
        if same:
            fields = {name: part for name, part in content.items() if last_noun(name) in _OF_A_WHOLE}
            fields |= {_TEXT: next((part for name, part in content.items() if _plain(name) in _TEXTS), None)}
            told = {name: part for name, part in fields.items() if isinstance(part, str) and part}
            yield _Thing(resource_noun(key), str(value), told), ""


def _misses(index: int, call: ToolCall, objects: Sequence[Held], before: Sequence[Sequence[Held]]) -> Iterator[Finding]:
    """Items of a search that have no word of what was searched for, and that nothing is known of from before."""
    for name, query in call.arguments.items():
        if not isinstance(query, str) or not (_plain(name) in _QUERIES or name.endswith("contains")):
            continue
        sought = _sought(query)
        for holder, pointer, _ in objects if sought else ():
            if not pointer.rpartition("/")[2].isdigit() or pointer.count("/") > _DEEPEST_ITEM:
                continue
            texts = list(_strings(holder))
            titled = any(isinstance(value, str) and set(words(key)) & NAMING_WORDS for key, value in holder.items())
            if not titled or any(word in text for word in sought for text in texts):
                continue
            seen = {thing.identity for earlier in before for thing, _ in _things(earlier)}
            if not any(str(value) in seen for key, value in holder.items() if is_id(key)):
                text = f"{name} is {query!r} in the call, and nothing of it is here"
                yield _objection(index, call, pointer, text, "echo_mismatch")


def _sought(query: str) -> list[str]:
    """The words of a query that are long enough to tell; none where it is more than words or quoted words."""
    quoted = _QUOTED.findall(query)
    if not quoted and _OPERATOR.search(query):
        return []
    told = [word for word in _NO_WORD.split(" ".join(quoted or [query]).lower()) if len(word) >= _TELLING_WORD]
    return [] if len(told) > _MOST_WORDS or " or " in query.lower() else told


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value.lower()
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _strings(part)


STATE_RULES = (contradicted_state, echo_mismatch)


# ── reading ───────────────────────────────────────────────────────────────────────────────────


@dataclass
class _Thing:
    noun: str
    identity: str
    fields: dict[str, Any] = field(default_factory=dict)


def _pairs(case: Case) -> Iterator[tuple[int, ToolCall, ToolResult]]:
    """Results with their calls, and the index of the result's message."""
    calls = {call.id: call for message in case.messages for call in message.tool_calls}
    for index, message in enumerate(case.messages):
        if message.result is not None and (call := calls.get(message.result.call_id)):
            yield index, call, message.result


@cache
def _verb(name: str) -> str:
    """The first word that is a known verb; '' where there is none, and nothing is certain."""
    return next((word for word in words(name) if word in _VERBS), "")


def _things(objects: Sequence[Held]) -> Iterator[tuple[_Thing, str]]:
    """Every object that has an identifier of its own, with the fields of it that last."""
    for holder, pointer, around in objects:
        identity = next((value for key, value in holder.items() if _is_own(key, around) and _is_telling(value)), None)
        if identity is None:
            continue
        fields = {key: value for key, value in holder.items() if isinstance(value, str) and value and _lasts(key)}
        for key, value in holder.items():
            if isinstance(value, dict) and not _MAKERS.isdisjoint(words(key)):
                email = next((part for name, part in value.items() if "email" in words(name)), None)
                fields |= {key: email} if isinstance(email, str) else {}
        yield _Thing(around, str(identity), fields), pointer


@cache
def _is_own(key: str, around: str) -> bool:
    return is_id(key) and (not resource_noun(key) or (around != "" and resource_noun(key) == around))


def _is_telling(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool) and len(str(value)) >= _LEAST


@cache
def _lasts(key: str) -> bool:
    said = set(words(key))
    return bool(said) and (said <= NAMING_WORDS or "created" in said or (said <= _MAKERS and not said & _UNSTABLE))


def _ids_of(call: ToolCall) -> Iterator[str]:
    for key, value in call.arguments.items() if isinstance(call.arguments, dict) else ():
        if is_id(key):
            for one in value if isinstance(value, list) else (value,):
                if _is_telling(one):
                    yield str(one)


def _deleted(call: ToolCall) -> str | None:
    """The identifier of what was deleted: the one that the tool's name speaks of, or the only one."""
    found = {last_noun(key): str(value) for key, value in call.arguments.items() if is_id(key) and _is_telling(value)}
    spoken = [singular(word) for word in words(call.name)]
    named = [value for noun, value in found.items() if noun in spoken]
    if len(named) == 1:
        return named[0]
    return next(iter(found.values())) if len(found) == 1 else None


# ── judging ───────────────────────────────────────────────────────────────────────────────────


def _allow_changes(call: ToolCall, known: Mapping[str, _Thing]) -> None:
    """What a call that names a thing may have changed of it is not held against later results."""
    said = {word for key in call.arguments for word in words(key)} if isinstance(call.arguments, dict) else set()
    for identity in _ids_of(call):
        if identity in known:
            fields = known[identity].fields
            fields.pop(_TEXT, None)
            for name in list(fields):
                parts = set(words(name))
                if "created" not in parts and (parts & said or (parts & NAMING_WORDS and said & NAMING_WORDS)):
                    del fields[name]


def _expect_arguments(call: ToolCall, things: Sequence[tuple[_Thing, str]], known: Mapping[str, _Thing]) -> None:
    """A thing that was just made has the fields that it was made with, also where the result does not say so."""
    named = set(_ids_of(call))
    fresh = [thing for thing, pointer in things if _is_subject(pointer) and thing.identity not in named]
    if len(fresh) == 1 and fresh[0].identity in known:
        fields = known[fresh[0].identity].fields
        for name, value in call.arguments.items():
            if _lasts(name) and isinstance(value, str) and "created" not in words(name):
                fields.setdefault(name, value)
            elif _plain(name) in _TEXTS and isinstance(value, str) and value:
                fields[_TEXT] = value


def _own_id(index: int, call: ToolCall, place: str, around: str, value: Any) -> Iterator[Finding]:
    """`GET_TICKET(ticket_id)` answers with that ticket."""
    if not _is_subject(place.rpartition("/")[0]) or around not in {singular(word) for word in words(call.name)}:
        return
    for name, said in call.arguments.items():
        if is_id(name) and resource_noun(name) == around and isinstance(said, str | int) and str(said) != str(value):
            yield _objection(index, call, place, f"{name} is {said!r} in the call, and {value!r} here", "echo_mismatch")


def _parents_id(index: int, call: ToolCall, place: str, around: str, value: Any) -> Iterator[Finding]:
    """`LIST_INVOICES(customer_id)` lists invoices of that customer: the `customer` within each is that one."""
    for name, said in call.arguments.items():
        if is_id(name) and resource_noun(name) == around and isinstance(said, str | int) and str(said) != str(value):
            text = f"{name} is {said!r} in the call, and {value!r} here"
            yield _objection(index, call, place, text, "echo_mismatch")


def _is_subject(pointer: str) -> bool:
    """Whether an object is what the result is about: the whole, or an object right in it."""
    return pointer.count("/") <= 1


def _is_filter(name: str, said: Any) -> bool:
    if set(words(name)) & (_ASKING | NAMING_WORDS) or is_page_token(name):
        return False
    return not isinstance(said, str) or said.lower() not in _ANY


def _differs(said: Any, value: Any) -> bool:
    if isinstance(said, dict | list) or said in (None, "") or value in (None, ""):
        return False
    return isinstance(said, str) == isinstance(value, str) and not _same(said, value)


def _same(one: Any, two: Any) -> bool:
    """Whether two values say the same: moments in other zones, texts in other case or cut off."""
    if one == two:
        return True
    if not (isinstance(one, str) and isinstance(two, str)):
        return False
    first, second = _moment(one), _moment(two)
    if first and second:
        if isinstance(first, datetime) and isinstance(second, datetime):
            if (first.tzinfo is None) != (second.tzinfo is None):
                return first.replace(tzinfo=None) == second.replace(tzinfo=None)
            return first == second
        return one[:10] == two[:10]
    short, long = sorted((_bare(one), _bare(two)), key=len)
    return short == long or (len(short) >= _PREFIX and long.startswith(short))


def _moment(text: str) -> date | None:
    for read in (date.fromisoformat, datetime.fromisoformat):
        try:
            return read(text)
        except ValueError:
            continue
    return None


def _bare(text: str) -> str:
    return _SPLIT.sub(" ", text.lower()).strip() or text


@cache
def _plain(name: str) -> str:
    return "".join(words(name))


def _objection(index: int, call: ToolCall, place: str, text: str, rule: str = "contradicted_state") -> Finding:
    return Finding(rule=rule, message=index, place=place, text=f"{call.id} {call.name}: {text}")
