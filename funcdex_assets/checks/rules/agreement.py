"""Rules about results that cannot be true beside their call: another text, person, target or place.

Belongs here: what a service can never have answered to this call. Titles, owners and echoed identifiers are compared in
`checks/consistency.py`, moments in `moments.py`, numbers of things in `counts.py`. No code is shared with what makes
the results, and nothing that is said is read, so the rules hold in any language.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from funcdex_assets.checks.rules.case import Case, find_field_name
from funcdex_assets.checks.rules.field_values import read_meaning
from funcdex_assets.checks.rules.sentences import list_words
from funcdex_assets.checks.rules.things import find_identity, iterate_good_calls, list_argument_scalars, list_things
from funcdex_assets.records.conversation import Finding
from funcdex_assets.records.message import ToolCall
from funcdex_assets.schema.json_pointers import list_scalars
from funcdex_assets.schema.words import split_words, to_singular
from funcdex_assets.semantics.field_roles import is_main_text
from funcdex_assets.semantics.tool_names import is_id, parse_tool_name

_TEXT_ARGUMENTS = frozenset("text body comment message content note markdown caption description".split())
_RECIPIENT_ARGUMENTS = frozenset("to recipient recipients attendee attendees guest guests invitee invitees".split())
_RECIPIENT_FIELDS = frozenset("to recipient recipients attendee attendees guest guests invitee invitees".split())
_MIN_TEXT_WORDS = 4
_MIN_SHARE_OF_TITLE = 0.7  # of its words; a service may add one, such as "Re:"
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_PLACES = ("section", "project", "folder", "team", "workspace", "organization")
"""Things that hold others, the inner ones first."""


def other_parent(case: Case) -> Iterator[Finding]:
    """One thing in two places: a project that lies in another workspace than before.

    Let pass is what a call in between may have moved.
    """
    parents: dict[tuple[str, str], tuple[str, int]] = {}
    reported: set[tuple[str, str]] = set()
    for index, call, _ in iterate_good_calls(case):
        if parse_tool_name(call.name).action not in ("list", "get"):
            named = {str(value) for _, value in list_argument_scalars(call)}
            parents = {key: value for key, value in parents.items() if key[0] not in named}
        for child, noun, parent, pointer in _list_parents(case, index):
            known = parents.setdefault((child, noun), (parent, index))
            if known[0] != parent and (child, noun) not in reported:
                reported.add((child, noun))
                text = f"{child!r} is in the {noun} {parent!r}, and in {known[0]!r} in message {known[1]}"
                yield _build_finding("other_parent", index, pointer, text)


def _list_parents(case: Case, index: int) -> Iterator[tuple[str, str, str, str]]:
    """Yields (child, noun of the parent, parent, pointer) of what one result says of where things lie.

    An object that names its project and its workspace says that the project lies in the workspace.
    """
    for holder, pointer, _ in case.result_objects[index]:
        named = {
            key: identity
            for key in _PLACES
            if isinstance(child := holder.get(key), dict) and (identity := find_identity(child))
        }
        own = find_identity(holder)
        for key, parent in named.items():
            if own:
                yield own, key, parent, f"{pointer}/{key}"
        for inner, outer in pairwise(named):
            yield named[inner], outer, named[outer], f"{pointer}/{outer}"


def other_text(case: Case) -> Iterator[Finding]:
    """A result that has another text than the one that was sent, or a title that was made of nothing that was sent.

    A copy without a title of its own has that of the original. Let pass are a text that is cut off, has other markup,
    or shares its words with all that was sent.
    """
    titles: dict[str, str] = {}
    for index, call, _ in iterate_good_calls(case):
        action = parse_tool_name(call.name).action
        if action == "copy":
            yield from _find_unlike_copy(case, index, call, titles)
        for thing in list_things(case, index):
            if title := _find_title(thing.fields):
                titles.setdefault(thing.identity, title)
        sent = [
            value
            for name, value in call.arguments.items()
            if isinstance(value, str)
            and set(split_words(name)) & _TEXT_ARGUMENTS
            and len(value.split()) >= _MIN_TEXT_WORDS
        ]
        if action not in ("create", "send", "update") or not sent:
            continue
        may_be_titled = action == "create" and not _has_title(call) and not any(is_id(name) for name in call.arguments)
        for key, value, pointer in _iterate_texts_near_top(case, index):
            role = read_meaning(key, value).role
            if role == "text" and len(sent) == 1 and (is_main_text(key) or "snippet" in split_words(key)):
                if not _is_same_text(value, sent[0]) and not _shares_words(value, _join_arguments(call), 1):
                    text = f"{call.id} {call.name}: {sent[0][:60]!r} was sent, and {value[:60]!r} is here"
                    yield _build_finding("other_text", index, f"{pointer}/{key}", text)
                continue
            is_title = role == "title" and may_be_titled and pointer.count("/") <= 1
            if is_title and not _shares_words(value, " ".join(sent), _MIN_SHARE_OF_TITLE):
                text = f"{call.id} {call.name}: nothing of what was sent makes the title {value[:60]!r}"
                yield _build_finding("other_text", index, f"{pointer}/{key}", text)


def _find_unlike_copy(case: Case, index: int, call: ToolCall, titles: Mapping[str, str]) -> Iterator[Finding]:
    """Finds a copy that was given no title, and has one without the words of the original's."""
    originals = [titles[str(value)] for _, value in list_argument_scalars(call) if str(value) in titles]
    copies = [thing for thing in list_things(case, index) if thing.pointer.count("/") <= 1]
    if _has_title(call) or len(originals) != 1 or len(copies) != 1:
        return
    title = _find_title(copies[0].fields)
    if title and not _shares_words(originals[0], title, _MIN_SHARE_OF_TITLE):
        text = f"{call.id} {call.name}: the copy of {originals[0][:60]!r} is called {title[:60]!r}"
        yield _build_finding("other_text", index, copies[0].pointer, text)


def _find_title(fields: Mapping[str, Any]) -> str | None:
    return next(
        (value for key, value in fields.items() if isinstance(value, str) and read_meaning(key, value).role == "title"),
        None,
    )


def _iterate_texts_near_top(case: Case, index: int) -> Iterator[tuple[str, str, str]]:
    """Yields (field, text, pointer of its object) of the longer texts of a result that are not deep within it."""
    for holder, pointer, _ in case.result_objects[index]:
        for key, value in holder.items() if pointer.count("/") <= 2 else ():
            if isinstance(value, str) and len(value.split()) >= _MIN_TEXT_WORDS:
                yield key, value, pointer


def _has_title(call: ToolCall) -> bool:
    return any(read_meaning(name, value).role == "title" for name, value in call.arguments.items())


def _join_arguments(call: ToolCall) -> str:
    return " ".join(str(value) for _, value in list_scalars(call.arguments))


def _is_same_text(first: str, second: str) -> bool:
    """True if two texts are the same, or one is the other cut off; markup and punctuation do not count."""
    words = [re.findall(r"\w+", re.sub(r"<[^>]+>", " ", text.lower())) for text in (first, second)]
    shorter, longer = sorted(words, key=len)
    length = max(1, len(shorter) - 1)  # the last word may be cut
    return longer[:length] == shorter[:length]


def _shares_words(first: str, second: str, share: float) -> bool:
    """True if at least this share of the words of the first text are in the second."""
    words = list_words(first)
    return len(words & list_words(second)) >= share * len(words)


def other_person(case: Case) -> Iterator[Finding]:
    """A result with other people than the call named: a mail that went to somebody else, a filter that was not kept.

    Let pass is somebody beside the one who was named, and a field that has no address.
    """
    for index, call, _ in iterate_good_calls(case):
        for pointer, value in list_argument_scalars(call):
            if not isinstance(value, str) or not _EMAIL.fullmatch(value):
                continue
            argument = find_field_name(pointer)
            for at, key, people in _iterate_people(case, index, call, argument):
                if people and not any(value.lower() in person for person in people):
                    text = f"{argument} is {value!r} in the call, and {min(people)!r} here"
                    yield _build_finding("other_person", index, f"{at}/{key}", f"{call.id} {call.name}: {text}")


def _iterate_people(case: Case, index: int, call: ToolCall, argument: str) -> Iterator[tuple[str, str, set[str]]]:
    """Yields (pointer, field, addresses) of the fields of a result that must have the address given to an argument."""
    action, words = parse_tool_name(call.name).action, set(split_words(argument))
    nouns = {to_singular(word) for word in words} - {"email", "address", "user"}
    for holder, at, _ in case.result_objects[index]:
        for key, value in holder.items():
            key_words = split_words(key)
            if action in ("send", "create"):
                is_meant = words & _RECIPIENT_ARGUMENTS and _RECIPIENT_FIELDS & set(key_words) and at.count("/") <= 2
            else:
                is_meant = action == "list" and at and nouns & {to_singular(word) for word in key_words}
            if is_meant:
                addresses = (other for _, other in list_scalars(value) if isinstance(other, str) and "@" in other)
                yield at, key, {address.lower() for address in addresses}


def other_target(case: Case) -> Iterator[Finding]:
    """Something sent that has another thread, number or recipient in the result than in the call.

    Let pass is the same number in another notation, and a name for which the service puts a number.
    """
    for index, call, _ in iterate_good_calls(case):
        if parse_tool_name(call.name).action != "send":
            continue
        for holder, pointer, _ in case.result_objects[index]:
            for name, wanted in call.arguments.items() if pointer.count("/") <= 1 else ():
                is_target = is_id(name) or name in ("to", "recipient", "phone")
                if is_target and _names_another(wanted, holder.get(name)):
                    text = f"{call.id} {call.name}: {name} is {wanted!r} in the call, and {holder[name]!r} here"
                    yield _build_finding("other_target", index, f"{pointer}/{name}", text)


def _names_another(wanted: Any, found: Any) -> bool:
    """True if two targets differ: two numbers in their digits, two identifiers in their letters.

    >>> _names_another("+49 170 555", "49170555"), _names_another("Bo", "49170555"), _names_another("t_17", "t_18")
    (False, False, True)
    """
    if not isinstance(wanted, str) or not isinstance(found, str) or "@" in wanted + found:
        return False
    first, second = (re.sub(r"[\s()./+-]", "", text).lower() for text in (wanted, found))
    return first != second and any(sign.isdigit() for sign in first) == any(sign.isdigit() for sign in second)


def _build_finding(rule: str, index: int, place: str, text: str) -> Finding:
    return Finding(rule=rule, message=index, place=place, text=text)
