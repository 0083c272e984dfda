"""Rules about changes that changed nothing, and are reported as made.

Belongs here: somebody removed who was never there, a move that leads elsewhere, a change to the state that already is.
A flag in the result that denies the change is in `overclaims.py`. The rules read English, and are silent in other
languages.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from funcdex_assets.checks.rules.case import Case, find_field_name
from funcdex_assets.checks.rules.field_values import read_meaning
from funcdex_assets.checks.rules.overclaims import OUTCOMES, Outcome
from funcdex_assets.checks.rules.pages import read_page
from funcdex_assets.checks.rules.requests import find_turn, join_answers
from funcdex_assets.checks.rules.things import iterate_good_calls, list_argument_scalars, list_things
from funcdex_assets.records.conversation import Finding
from funcdex_assets.records.message import ToolCall
from funcdex_assets.schema.json_pointers import list_scalars
from funcdex_assets.schema.words import split_words, to_singular
from funcdex_assets.semantics.tool_names import is_id, parse_tool_name

_REMOVING_VERBS = frozenset("remove uninvite unassign unshare detach kick exclude".split())
VERBS_TO_DOUBT = _REMOVING_VERBS | OUTCOMES.keys()
"""The verbs of calls that can turn out to have changed nothing."""
_PEOPLE = frozenset("attendee guest participant invitee member collaborator subscriber".split())
_TELLS = re.compile(
    r"n[’']t\b|\b(?:but|however|although|though|not|no(?! longer)|never|odd|strange|instead|unchanged|failed|"
    r"already|anyway|nothing)\b",
    re.IGNORECASE,
)
"""Words of a reply that does not report plain success."""
_EARLIER_WORDS = frozenset("previous old from before last original prior".split())
_TARGET_WORDS = frozenset("to target new next".split())
_DONE_STATES = frozenset("closed done completed complete resolved".split())
_STATES: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("complete", "close", "resolve", "finish"), _DONE_STATES),
    "reopen": frozenset(("open", "active", "reopened", "to do", "todo")),
    "archive": frozenset(("archived",)),
    "lock": frozenset(("locked",)),
    "unlock": frozenset(("unlocked",)),
    "enable": frozenset(("enabled",)),
    "disable": frozenset(("disabled",)),
    "mute": frozenset(("muted",)),
    "cancel": frozenset(("cancelled", "canceled")),
}
"""The states in which a verb has nothing to do."""
_LISTS_OPEN = re.compile(
    r"\b(?:lists?|finds?|searche?s?|gets?|returns?|shows?) (?:\w+ ){0,2}?(?:open|active) ", re.IGNORECASE
)
_OPEN_WORDS = frozenset(("open", "active"))


def removed_stranger(case: Case) -> Iterator[Finding]:
    """Somebody or something that is removed from a thing and was not on it, reported as removed.

    What was on it is told by the last result that shows the thing with its whole list, or by a full listing of it. Let
    pass is what a call on the thing may have added since, who is elsewhere on the thing, such as its organiser, and a
    reply that tells.
    """
    members: dict[tuple[str, str], set[str]] = {}
    for index, call, result in iterate_good_calls(case) if case.is_english else ():
        name = parse_tool_name(call.name)
        scalars = list_argument_scalars(call)
        named = {str(value) for _, value in scalars}
        if name.verb in _REMOVING_VERBS and not _is_told(case, index):
            nouns = {name.noun, *name.words}
            for pointer, value in scalars:
                for (identity, noun), known in members.items():
                    is_meant = identity in named - {str(value)} and _names_member(noun, nouns, pointer)
                    if is_meant and isinstance(value, str) and _is_missing(value, pointer, known):
                        text = f"{call.id} {call.name}: {value!r} was not among the {noun} of {identity!r}"
                        yield _build_finding("removed_stranger", index, pointer, text)
        if name.action not in ("list", "get"):
            members = {key: known for key, known in members.items() if key[0] not in named}
        for thing in list_things(case, index):
            everything = {str(value).lower() for _, value in list_scalars(thing.fields)}
            for key, value in thing.fields.items():
                if isinstance(value, list):
                    members[thing.identity, to_singular(split_words(key)[-1]) if split_words(key) else key] = everything
        page = read_page(result.content, call, case.find_tool(call.name, index)) if name.action == "list" else None
        ids = [value for pointer, value in scalars if is_id(find_field_name(pointer))]
        is_whole = page is not None and not page.has_more and (page.limit is None or len(page.items) < page.limit)
        if page is not None and is_whole and len(ids) == 1 == len(scalars):
            members[str(ids[0]), page.noun] = {str(value).lower() for _, value in list_scalars(page.items)}


def _names_member(noun: str, nouns: set[str], pointer: str) -> bool:
    """True if an argument names one of the things of a noun that a tool removes."""
    argument = {to_singular(word) for word in split_words(find_field_name(pointer))}
    if noun in nouns and (noun in argument or "email" in argument):
        return True
    return noun in _PEOPLE and bool(_PEOPLE & nouns) and bool((_PEOPLE | {"email"}) & argument)


def _is_missing(value: str, pointer: str, known: set[str]) -> bool:
    """True if a list has values of the same kind, by which this one would be told, and does not have this one."""
    if value.lower() in known:
        return False
    if "@" in value:
        return any("@" in other for other in known)
    return is_id(find_field_name(pointer)) and any(len(other) == len(value) and " " not in other for other in known)


def unmoved_state(case: Case) -> Iterator[Finding]:
    """A change to a state that the result does not have, reported as made.

    The state is known from an argument, or from a listing that tells where the move leads. Let pass are a result
    without a state, and a reply that tells.
    """
    leads: dict[str, str] = {}
    for index, call, _ in iterate_good_calls(case) if case.is_english else ():
        name = parse_tool_name(call.name)
        if name.action == "update":
            wanted = _find_wanted_state(call, leads)
            is_claimed = wanted is not None and not _is_told(case, index)
            for key, value, pointer in _iterate_states(case, index, call) if is_claimed else ():
                if wanted and _plain(value) != _plain(wanted):
                    text = f"{call.id} {call.name} leads to {wanted!r}, and {key} is {value!r}"
                    yield _build_finding("unmoved_state", index, f"{pointer}/{key}", text)
                    break
        for holder, _, _ in case.result_objects[index]:
            ids = [value for key, value in holder.items() if is_id(key) and isinstance(value, str | int)]
            target = _find_target(holder)
            if ids and target:
                leads[str(ids[0])] = target


def _find_target(holder: Mapping[str, Any]) -> str | None:
    """Returns the state that a move leads to: `to_status`, or the name within `to`."""
    for key, value in holder.items():
        words = split_words(key)
        if not words or words[0] not in _TARGET_WORDS:
            continue
        if isinstance(value, dict) and isinstance(value.get("name"), str):
            return value["name"]
        if isinstance(value, str) and {"status", "state", "stage"} & set(words):
            return value
    return None


def _find_wanted_state(call: ToolCall, leads: Mapping[str, str]) -> str | None:
    """Returns the state that a call is to bring about; None if it names none, or several."""
    wanted = set()
    for pointer, value in list_argument_scalars(call):
        argument = find_field_name(pointer)
        if is_id(argument) and str(value) in leads:
            wanted.add(leads[str(value)])
        elif {"status", "state"} & set(split_words(argument)[-1:]) and isinstance(value, str) and not is_id(argument):
            wanted.add(value)
    return wanted.pop() if len(wanted) == 1 else None


def _iterate_states(case: Case, index: int, call: ToolCall) -> Iterator[tuple[str, str, str]]:
    """Yields (field, state, pointer) of the thing that a call changes, as its result shows it."""
    for holder, pointer, _ in case.result_objects[index]:
        for key, value in holder.items() if pointer.count("/") <= 1 else ():
            words = split_words(key)
            if isinstance(value, dict) and words == ("status",) and isinstance(value.get("name"), str):
                value = value["name"]
            is_state = words[-1:] in (("status",), ("state",)) and not _EARLIER_WORDS & set(words)
            if is_state and isinstance(value, str) and not value.isdigit():
                is_same_field = key in call.arguments or words in (("status",), ("state",))
                if is_same_field and _plain(value) not in ("ok", "success", "successful", "updated", "accepted"):
                    yield key, value, pointer


def _plain(text: str) -> str:
    return "".join(character for character in text.lower() if character.isalnum())


class _Shown(NamedTuple):
    """A thing as it was last shown; `is_open` if it stood in a listing of open things."""

    fields: Mapping[str, Any]
    message: int
    is_open: bool


def needless_change(case: Case) -> Iterator[Finding]:
    """A change to the state in which an earlier result shows the thing, reported as made: an open task is reopened.

    Let pass is what another call on the thing may have changed since, and a reply that tells.
    """
    shown: dict[str, _Shown] = {}
    for index, call, _ in iterate_good_calls(case) if case.is_english else ():
        name = parse_tool_name(call.name)
        named = [str(value) for pointer, value in list_argument_scalars(call) if is_id(find_field_name(pointer))]
        outcome = OUTCOMES.get(name.verb)
        known = [(identity, shown[identity]) for identity in named if identity in shown]
        if outcome is not None and len(known) == len(named) == 1 and not _is_told(case, index):
            identity, thing = known[0]
            if state := _find_same_state(thing, name.verb, outcome):
                text = f"{call.id} {call.name}: {identity!r} is {state} already in message {thing.message}"
                yield _build_finding("needless_change", index, "", text)
        if name.action not in ("list", "get"):
            for identity in named if name.action in ("update", "delete") else ():
                shown.pop(identity, None)
            continue
        is_open = _lists_open(case, call)
        for thing in list_things(case, index):
            shown[thing.identity] = _Shown(thing.fields, index, is_open)


def _find_same_state(thing: _Shown, verb: str, outcome: Outcome) -> str | None:
    """Returns the field and value by which a thing already is as a verb makes it; None if no field says so."""
    for key, value in thing.fields.items():
        if isinstance(value, bool) and set(split_words(key)) & outcome.flags:
            return f"{key} {str(value).lower()}" if value is outcome.value else None
        if not isinstance(value, str):
            continue
        if read_meaning(key, value).role == "state" and split_words(key)[-1] in ("status", "state"):
            return f"{key} {value!r}" if value.lower() in _STATES.get(verb, ()) else None
    return "listed as open" if verb == "reopen" and thing.is_open else None


def _lists_open(case: Case, call: ToolCall) -> bool:
    """True if a call lists only what is open, by its tool's words or by a filter."""
    tool = case.tools.get(call.name)
    words = set(split_words(call.name))
    if words & _OPEN_WORDS or (tool is not None and _LISTS_OPEN.search(tool.description)):
        return parse_tool_name(call.name).action == "list"
    return any(
        find_field_name(pointer) in ("status", "state") and str(value).lower() in _OPEN_WORDS
        for pointer, value in list_argument_scalars(call)
    )


def _is_told(case: Case, index: int) -> bool:
    """True if the replies of the turn do not report the call of this result as plainly done."""
    turn = find_turn(case, index)
    text = join_answers(case, turn, index) if turn else ""
    return not text or bool(_TELLS.search(re.sub(r"[\"“][^\"”]*[\"”]", " ", text)))


def _build_finding(rule: str, index: int, place: str, text: str) -> Finding:
    return Finding(rule=rule, message=index, place=place, text=text)
