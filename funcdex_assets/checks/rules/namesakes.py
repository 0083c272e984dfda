"""Reads references that fit two things alike: a copy and its original, or two things of one name.

Belongs here: what `references.silent_choice` says of them. The reading is of English.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from funcdex_assets.checks.rules.case import Case, Turn, find_field_name
from funcdex_assets.checks.rules.field_values import read_meaning
from funcdex_assets.checks.rules.requests import find_clause, find_request, find_turn
from funcdex_assets.checks.rules.sentences import drop_quotes
from funcdex_assets.checks.rules.things import Thing, iterate_good_calls, list_argument_scalars, list_things
from funcdex_assets.records.conversation import Finding
from funcdex_assets.semantics.tool_names import is_id, parse_last_noun, parse_tool_name

_TELLS_COPIES_APART = re.compile(
    r"\b(?:original|originals|copy|copies|copied|duplicate|duplicated|clone|new|newer|old|older|first|second|latter|"
    r"former|last|latest|earlier|both|version|other|one I|source|from (?:before|earlier))\b",
    re.IGNORECASE,
)
_DATE_OF = re.compile(
    r"\b(?P<kind>creation|created|posted|due|change|changed|update|updated|sent)?[- ]?(?:date|day|time)\b"
    r"[^.?!\"“]{0,30}\bof [\"“](?P<title>[^\"”]+)[\"”]",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"(:\s*)?[\"“][^\"”]+[\"”]")  # after a colon is what is to be written, else a title
_PHASES = {"creation": "created", "created": "created", "due": "due"}


def find_silent_copies(case: Case) -> Iterator[Finding]:
    """Finds "that document" taken for the original after a copy was made, or for the copy after the original was.

    Let pass are the copy right after it was made, words that tell the two apart, a title, and the one that the user
    named before.
    """
    copies: dict[str, tuple[str, int]] = {}  # one of a pair: (the other one, when it was copied)
    originals: set[str] = set()
    spoken_of: dict[str, str] = {}  # one of a pair: the one that was taken last
    for index, call, _ in iterate_good_calls(case):
        turn = find_turn(case, index)
        named = [
            str(value)
            for pointer, value in list_argument_scalars(call)
            if is_id(find_field_name(pointer)) and "://" not in str(value)
        ]
        if parse_tool_name(call.name).action == "copy":
            made = [thing for thing in list_things(case, index) if thing.pointer.count("/") <= 1]
            if len(named) == len(made) == 1 and made[0].identity != named[0]:
                copies = {named[0]: (made[0].identity, index), made[0].identity: (named[0], index)}
                originals, spoken_of = {named[0]}, {}
            continue
        taken = named[0] if len(named) == 1 and named[0] in copies else None  # another identifier tells which
        if taken is None or turn is None:
            continue
        is_later = turn.start > copies[taken][1]
        asked = " ".join(case.speech[at] for at in find_request(case, turn))
        text = asked if is_later else find_clause(case, turn, call) or ""
        is_told_apart = (
            bool(_TELLS_COPIES_APART.search(drop_quotes(text)))
            or any(not match[1] for match in _QUOTED.finditer(text))
            or (any(title.lower() in text.lower() for title in _list_titles(case, {taken, copies[taken][0]})))
        )
        reference = _find_bare_reference(text, call)
        other = copies[taken][0]
        before = spoken_of.get(taken, next(iter({taken, other} - originals)))
        spoken_of[taken] = spoken_of[other] = taken
        if reference and not is_told_apart and before != taken:
            yield Finding(
                rule="silent_choice",
                message=next(at for at in range(index, -1, -1) if call in case.messages[at].tool_calls),
                text=f"{call.id} {call.name}: {reference!r} may be {taken!r} or {other!r}, of which one is a copy",
            )


def _find_bare_reference(text: str, call: Any) -> str | None:
    """Returns "that file", with the noun of the identifier that a call takes."""
    nouns = {parse_last_noun(name) for name in call.arguments if is_id(name)} - {""}
    for noun in sorted(nouns):
        if match := re.search(rf"\b(?:that|this|the) {re.escape(noun)}\b", drop_quotes(text), re.IGNORECASE):
            return match[0]
    return None


def _list_titles(case: Case, identities: set[str]) -> set[str]:
    return {
        title
        for index in case.result_objects
        for thing in list_things(case, index)
        if thing.identity in identities and (title := _find_title(thing.fields))
    }


def _find_title(fields: Mapping[str, Any]) -> str | None:
    return next(
        (value for key, value in fields.items() if isinstance(value, str) and read_meaning(key, value).role == "title"),
        None,
    )


def find_silent_namesakes(case: Case) -> Iterator[Finding]:
    """Finds "the date of X" where two things of different kind are called X, each with such a date, and the turn
    names neither kind.
    """
    for turn in case.turns:
        match = _DATE_OF.search(case.speech[turn.start])
        if match is None or any(case.messages[at].tool_calls for at in range(turn.start, turn.end)):
            continue
        phase = _PHASES.get((match["kind"] or "").lower())
        things = _list_namesakes(case, turn, match["title"], phase) if phase else {}
        kinds = {thing.noun for thing in things.values()}
        spoken = drop_quotes(" ".join(case.speech[turn.start : turn.end])).lower()
        is_said = any(re.search(rf"\b{re.escape(kind)}s?\b", spoken) for kind in kinds)
        if len(kinds) > 1 and not is_said and len({_list_dates(thing, phase) for thing in things.values()}) > 1:
            yield Finding(
                rule="silent_choice",
                message=turn.end - 1,
                text=f"{match['title'][:60]!r} is the name of a {' and of a '.join(sorted(kinds))}",
            )


def _list_dates(thing: Thing, phase: str | None) -> tuple[str, ...]:
    """The moments of one phase of a thing."""
    return tuple(
        str(value)
        for key, value in thing.fields.items()
        if (meaning := read_meaning(key, value)).role == "moment" and meaning.phase == phase
    )


def _list_namesakes(case: Case, turn: Turn, title: str, phase: str | None) -> dict[str, Thing]:
    """The things of a name that have a moment of a phase, by identifier."""
    return {
        thing.identity: thing
        for index in case.result_objects
        if index < turn.start
        for thing in list_things(case, index)
        if thing.noun
        and title.lower() in (str(value).lower() for value in thing.fields.values())
        and _list_dates(thing, phase)
    }
