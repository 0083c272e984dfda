"""Rules about results that cannot be true beside their call, the clock or one another.

Belongs here: what a service can never have answered. Titles, owners and echoed identifiers are compared in
`checks/consistency.py`, the fields of one object in `fields.py`. No code is shared with what makes the results.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import Any, NamedTuple

from funcdex_assets.checks.rules.case import Case, find_field_name, has_failed
from funcdex_assets.checks.rules.pages import read_page
from funcdex_assets.records.conversation import Finding
from funcdex_assets.records.message import ToolCall
from funcdex_assets.schema.json_pointers import list_scalars
from funcdex_assets.schema.words import split_words, to_singular
from funcdex_assets.semantics.field_meaning import FieldMeaning, decide_field_meaning
from funcdex_assets.semantics.tool_names import is_id, parse_resource_noun, parse_tool_name

_MAKING_ACTIONS = ("create", "copy")
_TEXT_ARGUMENTS = frozenset("text body comment message content note markdown caption description".split())
_TEXT_FIELDS = frozenset("text body comment message content note snippet caption plaintext description".split())
_OVER_WORDS = frozenset("expired ended over past".split())
_LIVE_WORDS = frozenset("open active live running ongoing upcoming".split())
_STAGES = {  # words of a stage in the names of moves between stages: the stage that they lead to
    "done": "done", "complete": "done", "resolve": "done", "close": "done", "finish": "done",
    "start": "progress", "progress": "progress", "review": "review", "block": "block", "reopen": "open", "open": "open",
}  # fmt: skip
_STAGE_ALIASES = {"done": {"done", "closed", "resolved", "complete", "completed"}, "progress": {"progress", "doing"}, "review": {"review"}, "block": {"blocked", "block", "hold"}, "open": {"open", "do", "backlog", "new", "reopened"}}  # fmt: skip
_INBORN_NOUNS = frozenset(
    "transition instance occurrence member participant permission version revision section".split()
)
"""Things that something new has from the beginning."""
_MIN_TEXT_WORDS = 4
_A_DAY = 86_400  # seconds
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")


class _Thing(NamedTuple):
    """An object with an identifier of its own, as a result shows it."""

    index: int
    pointer: str
    noun: str
    identity: str
    fields: Mapping[str, Any]


def filled_when_new(case: Case) -> Iterator[Finding]:
    """Something that was made in this conversation and holds what nobody put into it: messages in a new label, events in
    a new calendar, headings in a document that have not been written.
    """
    made: dict[str, str] = {}
    for index, call in _iterate_good_calls(case):
        action = parse_tool_name(call.name).action
        named = {str(value) for pointer, value in list_scalars(call.arguments) if is_id(find_field_name(pointer))}
        if action in ("list", "get"):
            yield from _find_foreign_contents(case, index, call, made, named)
        elif action in ("update", "send", "create", "copy") and any(
            not is_id(find_field_name(pointer)) for pointer, _ in list_scalars(call.arguments)
        ):
            for identity in named & made.keys():
                del made[identity]  # it may hold now what this call put in
        if action == "create":
            subjects = [
                thing
                for thing in _list_things(case, index)
                if thing.pointer.count("/") <= 1 or thing.pointer.startswith("/data")
            ]
            if len(subjects) == 1 and subjects[0].identity not in named:
                made[subjects[0].identity] = _collect_text(call.arguments)


def _find_foreign_contents(
    case: Case, index: int, call: ToolCall, made: Mapping[str, str], named: set[str]
) -> Iterator[Finding]:
    """Finds contents of new things in the result of one reading call."""
    result = case.messages[index].result
    page = read_page(result.content if result else None, call, None)
    for identity in named & made.keys():
        noun = parse_tool_name(call.name).noun
        if (
            page is not None
            and page.items
            and page.noun not in _INBORN_NOUNS
            and page.noun in (noun, *parse_tool_name(call.name).words)
            and not _holds_made(page.items, made)
        ):
            yield _build_finding(
                "filled_when_new",
                index,
                page.pointer,
                f"{identity!r} was just made, and has {len(page.items)} {page.noun}",
            )
    for thing in _list_things(case, index):
        if thing.identity not in made:
            continue
        for key, value in thing.fields.items():
            meaning = _read_meaning(key, value)
            words = set(split_words(key))
            if (
                isinstance(value, int)
                and not isinstance(value, bool)
                and value > 0
                and (
                    meaning.role in ("count", "total")
                    and not words
                    & {
                        "word",
                        "words",
                        "character",
                        "characters",
                        "page",
                        "pages",
                        "bookable",
                        "hours",
                        "member",
                        "members",
                        "participants",
                    }
                )
            ):
                yield _build_finding(
                    "filled_when_new",
                    index,
                    f"{thing.pointer}/{key}",
                    f"{thing.identity!r} was just made, and has {key} {value}",
                )
            if isinstance(value, list) and words & {"outline", "headings"}:
                for item in value:
                    heading = item.get("heading", item.get("text")) if isinstance(item, dict) else item
                    if isinstance(heading, str) and heading.lower() not in made[thing.identity].lower():
                        yield _build_finding(
                            "filled_when_new",
                            index,
                            f"{thing.pointer}/{key}",
                            f"{heading!r} was never written into {thing.identity!r}",
                        )
                        break


def _holds_made(items: Any, made: Mapping[str, str]) -> bool:
    """True if every item of a list was itself made in the conversation."""
    return all(
        isinstance(item, dict) and any(str(value) in made for key, value in item.items() if is_id(key))
        for item in items
    )


def outside_window(case: Case) -> Iterator[Finding]:
    """A listed thing whose moment lies outside the time that the call asked for."""
    for index, call in _iterate_good_calls(case):
        if parse_tool_name(call.name).action not in ("list", "get"):
            continue
        items = [
            (pointer, holder)
            for holder, pointer, _ in case.result_objects[index]
            if pointer.rpartition("/")[2].isdigit() and "busy" not in pointer
        ]
        yield from _find_filtered_out(index, call, items)
        for name, value in call.arguments.items():
            meaning = _read_meaning(name, value)
            moment = _parse_moment(value)
            if meaning.role != "moment" or not meaning.bound or moment is None:
                continue
            for pointer, item in items:
                if outside := _find_moment_beyond(item, meaning, moment):
                    key, text = outside
                    yield _build_finding(
                        "outside_window",
                        index,
                        f"{pointer}/{key}",
                        f"{call.id} {call.name}: {name} is {value!r} in the call, and {key} {text!r} here",
                    )


_DATE_CONDITION = re.compile(r"(\w+)\s*(<=|>=|<|>)\s*[\"']?(\d{4}-\d\d-\d\d)")
_EQUALITY = re.compile(r"(\w+)\s*=\s*\"([^\"]+)\"")


def _find_filtered_out(index: int, call: ToolCall, items: list[tuple[str, Mapping[str, Any]]]) -> Iterator[Finding]:
    """Items that break a condition within a filter, such as `duedate < "2025-03-11"` or `instance="db-3"`."""
    for _, text in list_scalars(call.arguments):
        if not isinstance(text, str) or re.search(r"\bOR\b|\bNOT\b", text):
            continue
        for pointer, item in items:
            fields = {"".join(split_words(key)): value for key, value in item.items()}
            for name, sign, day in _DATE_CONDITION.findall(text):
                there = _parse_moment(fields.get("".join(split_words(name))))
                limit = date.fromisoformat(day)
                if (
                    there
                    and not {
                        "<": there.date() < limit,
                        "<=": there.date() <= limit,
                        ">": there.date() > limit,
                        ">=": there.date() >= limit,
                    }[sign]
                ):
                    yield _build_finding(
                        "outside_window",
                        index,
                        pointer,
                        f"{call.id} {call.name}: {name} {sign} {day} was asked for, and it is {there.date()}",
                    )
            for name, wanted in _EQUALITY.findall(text):
                found = fields.get("".join(split_words(name)))
                if isinstance(found, str) and found.lower() != wanted.lower() and not wanted.startswith("."):
                    yield _build_finding(
                        "outside_window",
                        index,
                        pointer,
                        f"{call.id} {call.name}: {name} {wanted!r} was asked for, and it is {found!r}",
                    )


def _find_moment_beyond(item: Mapping[str, Any], meaning: FieldMeaning, limit: datetime) -> tuple[str, str] | None:
    """Returns the field of an item that is meant by a bound and lies beyond it."""
    for key, value in item.items():
        own = _read_meaning(key, value)
        moment = _parse_moment(value)
        if moment is None or own.role not in ("moment", "thing") or (own.bound == "until" and not meaning.phase):
            continue
        is_meant = own.phase == meaning.phase if meaning.phase else own.phase in ("start", "")
        if not is_meant:
            continue
        day_only = not _has_clock(value)
        beyond = (
            moment.date() < limit.date() if meaning.bound == "from" and day_only else
            moment.date() > limit.date() if day_only else
            moment < limit and not _ends_after(item, limit) if meaning.bound == "from" else moment > limit
        )  # fmt: skip
        return (key, str(value)) if beyond else None
    return None


def _ends_after(item: Mapping[str, Any], limit: datetime) -> bool:
    """True if a thing that began before a moment still goes on then."""
    return any(
        _read_meaning(key, value).phase == "end" and (moment := _parse_moment(value)) is not None and moment > limit
        for key, value in item.items()
    )


def other_moment(case: Case) -> Iterator[Finding]:
    """One thing at two times, though no call moved it; or a thread whose last message is older than one of its messages."""
    starts: dict[str, tuple[datetime, int]] = {}
    lasts: dict[str, tuple[datetime, int]] = {}
    reported: set[str] = set()
    for index, call in _iterate_good_calls(case):
        yield from _find_other_moment_than_set(case, index, call)
        if parse_tool_name(call.name).action not in ("list", "get"):
            for pointer, value in list_scalars(call.arguments):
                if is_id(find_field_name(pointer)):
                    starts.pop(str(value), None)
                    lasts.pop(str(value), None)
        for holder, pointer, noun in case.result_objects[index]:
            for identity, moment, is_last in _list_moments(holder, noun):
                known = (lasts if is_last else starts).get(identity)
                if known and not is_last and known[0] != moment and known[1] != index and identity not in reported:
                    reported.add(identity)
                    yield _build_finding(
                        "other_moment",
                        index,
                        pointer,
                        f"{identity!r} begins at {moment.isoformat()}, and at {known[0].isoformat()} in message {known[1]}",
                    )
                (lasts if is_last else starts).setdefault(identity, (moment, index))
            for key, value in holder.items():
                if (
                    is_id(key)
                    and parse_resource_noun(key)
                    and isinstance(value, str)
                    and value in lasts
                    and value not in reported
                ):
                    sent = next(
                        (
                            moment
                            for name, text in holder.items()
                            if _read_meaning(name, text).role == "moment"
                            and not _read_meaning(name, text).bound
                            and split_words(name)[0] in ("date", "sent", "received", "internal", "timestamp")
                            and (moment := _parse_moment(text))
                        ),
                        None,
                    )
                    if sent is not None and sent > lasts[value][0]:
                        reported.add(value)
                        yield _build_finding(
                            "other_moment",
                            index,
                            pointer,
                            f"it is of {sent.isoformat()}, and the last of {value!r} of {lasts[value][0].isoformat()}",
                        )


def _find_other_moment_than_set(case: Case, index: int, call: ToolCall) -> Iterator[Finding]:
    """Finds moments of what a call has just made or done that are neither the ones it set nor now."""
    action = parse_tool_name(call.name).action
    if action not in ("create", "send", "update"):
        return
    now = case.situation.now
    given = {
        _parse_moment(value)
        for value in [*call.arguments.values(), *(value for _, value in list_scalars(call.arguments))]
    }
    for holder, pointer, _ in case.result_objects[index]:
        if pointer.count("/") > 1:
            continue
        for key, value in holder.items():
            moment = _parse_moment(value)
            if moment is None or not _has_clock(value):
                continue
            wanted = _parse_moment(call.arguments.get(key)) if key in call.arguments else None
            if wanted is not None and wanted != moment and _has_clock(call.arguments[key]):
                yield _build_finding(
                    "other_moment",
                    index,
                    f"{pointer}/{key}",
                    f"{call.id} {call.name}: {key} is {wanted.isoformat()} in the call, and {moment.isoformat()} here",
                )
            words, phase = set(split_words(key)), _read_meaning(key, value).phase
            is_of_doing = (
                phase == "sent"
                or words & {"timestamp", "sent", "posted"}
                or (phase == "created" and action == "create")
                or (phase == "changed" and action == "update")
                or (words == {"started"} and not any("start" in name for name in call.arguments))
            )
            if (
                is_of_doing
                and moment not in given
                and abs((moment - now).total_seconds()) > _A_DAY
                and pointer.count("/") <= 1
                and not (action == "update" and phase == "created")
            ):
                yield _build_finding(
                    "other_moment",
                    index,
                    f"{pointer}/{key}",
                    f"{call.id} {call.name} was made at {now.isoformat()}, and {key} is {value!r}",
                )


def _list_moments(holder: Mapping[str, Any], noun: str) -> Iterator[tuple[str, datetime, bool]]:
    """Yields (identity, moment, whether it is that of the last part) of a thing, or of the one thing that a line is of."""
    own = next(
        (
            str(value)
            for key, value in holder.items()
            if is_id(key)
            and isinstance(value, str | int)
            and (not parse_resource_noun(key) or parse_resource_noun(key) == noun)
        ),
        None,
    )
    if own is None:
        parts = [
            child
            for key, child in holder.items()
            if isinstance(child, dict) and noun.startswith(("busy", "time", "slot"))
        ]
        own = (
            next((str(value) for child in parts for key, value in child.items() if is_id(key)), None)
            if len(parts) == 1
            else None
        )
    if own is None or len(own) < 4:
        return
    for key, value in holder.items():
        words = split_words(key)
        moment = _parse_moment(value)
        if moment is None or not _has_clock(value):
            continue
        if words and words[0] == "last" and words[-1] in ("at", "date", "time"):
            yield own, moment, True
        elif _read_meaning(key, value).phase == "start":
            yield own, moment, False


def other_parent(case: Case) -> Iterator[Finding]:
    """One thing in two places: a project that lies in another workspace than before."""
    parents: dict[tuple[str, str], tuple[str, int]] = {}
    reported: set[tuple[str, str]] = set()
    for index, call in _iterate_good_calls(case):
        if parse_tool_name(call.name).action == "update":
            named = {str(value) for _, value in list_scalars(call.arguments)}
            parents = {key: value for key, value in parents.items() if key[0] not in named}
        for child, noun, parent, pointer in _list_parents(case, index):
            known = parents.setdefault((child, noun), (parent, index))
            if known[0] != parent and (child, noun) not in reported:
                reported.add((child, noun))
                yield _build_finding(
                    "other_parent",
                    index,
                    pointer,
                    f"{child!r} is in the {noun} {parent!r}, and in {known[0]!r} in message {known[1]}",
                )


def _list_parents(case: Case, index: int) -> Iterator[tuple[str, str, str, str]]:
    """Yields (child, noun of the parent, parent, pointer) of what one result says of where things lie.

    An object that names its project and its workspace says that the project lies in the workspace.
    """
    for holder, pointer, _ in case.result_objects[index]:
        named = {
            key: identity
            for key, child in holder.items()
            if isinstance(child, dict) and (identity := _find_identity(child)) and key in _PLACES
        }
        own = _find_identity(holder)
        ordered = [key for key in _PLACES if key in named]
        for key in ordered:
            if own:
                yield own, key, named[key], f"{pointer}/{key}"
        for inner, outer in zip(ordered, ordered[1:], strict=False):
            yield named[inner], outer, named[outer], f"{pointer}/{outer}"


_PLACES = ("section", "project", "folder", "team", "workspace", "organization")
"""Things that hold others, the inner ones first."""


def other_text(case: Case) -> Iterator[Finding]:
    """A result that has another text than the one that was sent, or a title that was made of nothing that was sent."""
    for index, call in _iterate_good_calls(case):
        if parse_tool_name(call.name).action not in ("create", "send", "update"):
            continue
        sent = [
            value
            for name, value in call.arguments.items()
            if isinstance(value, str)
            and set(split_words(name)) & _TEXT_ARGUMENTS
            and len(value.split()) >= _MIN_TEXT_WORDS
        ]
        titled = any(_read_meaning(name, value).role == "title" for name, value in call.arguments.items())
        for holder, pointer, _ in case.result_objects[index]:
            if pointer.count("/") > 2 or not sent:
                continue
            for key, value in holder.items():
                if not isinstance(value, str) or len(value.split()) < _MIN_TEXT_WORDS:
                    continue
                role = _read_meaning(key, value).role
                if len(sent) == 1 and set(split_words(key)) & _TEXT_FIELDS and role == "text":
                    if not _is_same_text(value, sent[0]) and not _shares_words(
                        value, " ".join(str(other) for _, other in list_scalars(call.arguments)), 1
                    ):
                        yield _build_finding(
                            "other_text",
                            index,
                            f"{pointer}/{key}",
                            f"{call.id} {call.name}: {sent[0][:60]!r} was sent, and {value[:60]!r} is here",
                        )
                elif (
                    role == "title"
                    and not titled
                    and parse_tool_name(call.name).action == "create"
                    and pointer.count("/") <= 1
                    and not _is_reference(call)
                ):
                    if not _shares_words(value, " ".join(sent), 0.7):
                        yield _build_finding(
                            "other_text",
                            index,
                            f"{pointer}/{key}",
                            f"{call.id} {call.name}: nothing of what was sent makes the title {value[:60]!r}",
                        )


def _is_reference(call: ToolCall) -> bool:
    """True if a call is about a thing that it names by its identifier."""
    return any(is_id(name) for name in call.arguments)


def _is_same_text(first: str, second: str) -> bool:
    """True if two texts are the same, or one is the other cut off; markup and punctuation do not count."""
    words = [re.findall(r"\w+", re.sub(r"<[^>]+>", " ", text.lower())) for text in (first, second)]
    shorter, longer = sorted(words, key=len)
    return longer[: max(1, len(shorter) - 1)] == shorter[: max(1, len(shorter) - 1)]  # the last word may be cut


def _shares_words(first: str, second: str, share: float) -> bool:
    """True if at least this share of the words of the first text are in the second."""
    words = _list_words(first)
    return len(words & _list_words(second)) >= share * len(words)


@lru_cache(2048)
def _list_words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w{2,}", text.lower()))


def other_person(case: Case) -> Iterator[Finding]:
    """A result with other people than the call named: a mail that went to somebody else, a filter that was not kept."""
    for index, call in _iterate_good_calls(case):
        name = parse_tool_name(call.name)
        for pointer, value in list_scalars(call.arguments):
            argument = find_field_name(pointer)
            words = set(split_words(argument))
            if not isinstance(value, str) or not _EMAIL.fullmatch(value):
                continue
            for holder, at, _ in case.result_objects[index]:
                if (
                    name.action in ("send", "create")
                    and words & {"to", "recipient", "recipients", "attendee", "attendees", "guest", "invitee"}
                    and at.count("/") <= 2
                ):
                    keys = [
                        key for key in holder if set(split_words(key)) & {"to", "recipients", "attendees", "invitees"}
                    ]
                elif name.action == "list" and at.count("/") >= 1:
                    nouns = {to_singular(word) for word in words} - {"email", "address", "user"}
                    keys = [key for key in holder if nouns & {to_singular(word) for word in split_words(key)}]
                else:
                    continue
                for key in keys:
                    people = {
                        other.lower()
                        for _, other in list_scalars(holder[key])
                        if isinstance(other, str) and "@" in other
                    }
                    if people and value.lower() not in people and not any(value.lower() in other for other in people):
                        yield _build_finding(
                            "other_person",
                            index,
                            f"{at}/{key}",
                            f"{call.id} {call.name}: {argument} is {value!r} in the call, and {sorted(people)[0]!r} here",
                        )


def other_target(case: Case) -> Iterator[Finding]:
    """Something sent or changed that has another thread, number or parent in the result than in the call."""
    for index, call in _iterate_good_calls(case):
        if parse_tool_name(call.name).action != "send":
            continue
        for holder, pointer, _ in case.result_objects[index]:
            for name, wanted in call.arguments.items():
                found = holder.get(name)
                is_target = is_id(name) or name in ("to", "recipient", "phone")
                if (
                    pointer.count("/") <= 1
                    and is_target
                    and isinstance(wanted, str)
                    and isinstance(found, str)
                    and found != wanted
                    and "@" not in wanted + found
                ):
                    yield _build_finding(
                        "other_target",
                        index,
                        f"{pointer}/{name}",
                        f"{call.id} {call.name}: {name} is {wanted!r} in the call, and {found!r} here",
                    )


def miscounted(case: Case) -> Iterator[Finding]:
    """A thing that says how many parts it has, and a full list of them with another number; or another count of words
    than the text has that was written.
    """
    counts: dict[tuple[str, str], tuple[int, int]] = {}
    for index, call in _iterate_good_calls(case):
        name = parse_tool_name(call.name)
        named = {str(value) for pointer, value in list_scalars(call.arguments) if is_id(find_field_name(pointer))}
        if name.action not in ("list", "get"):
            counts = {key: value for key, value in counts.items() if key[0] not in named}
        for thing in _list_things(case, index):
            for key, value in thing.fields.items():
                if isinstance(value, int) and not isinstance(value, bool):
                    meaning = _read_meaning(key, value)
                    noun = to_singular(split_words(key)[-1]) if meaning.role == "count" else ""
                    noun = meaning.noun.rpartition(" ")[2] or noun
                    if meaning.role == "count" and noun and "unread" not in key and "open" not in key:
                        known = counts.get((thing.identity, noun))
                        if known and known[0] != value and name.action in ("list", "get"):
                            yield _build_finding(
                                "miscounted",
                                index,
                                f"{thing.pointer}/{key}",
                                f"{thing.identity!r} has {value} {noun}, and {known[0]} in message {known[1]}",
                            )
                        counts[thing.identity, noun] = value, index
        yield from _count_written_characters(case, index, call)
        result = case.messages[index].result
        page = read_page(result.content if result else None, call, None)
        if (
            name.action != "list"
            or page is None
            or page.has_more
            or any(
                not is_id(key) and _read_meaning(key, value).role not in ("limit", "sort", "setting")
                for key, value in call.arguments.items()
            )
        ):
            continue
        for identity in named:
            known = counts.get((identity, page.noun))
            if known and known[0] != len(page.items) and (page.limit is None or len(page.items) < page.limit):
                yield _build_finding(
                    "miscounted",
                    index,
                    page.pointer,
                    f"{identity!r} has {len(page.items)} {page.noun}, and {known[0]} in message {known[1]}",
                )


def _count_written_characters(case: Case, index: int, call: ToolCall) -> Iterator[Finding]:
    """Compares the number of characters that a result says were written with the text of the call."""
    texts = [value for name, value in call.arguments.items() if isinstance(value, str) and "text" in split_words(name)]
    for holder, pointer, _ in case.result_objects[index]:
        for key, value in holder.items():
            if (
                "characters" in split_words(key)
                and isinstance(value, int)
                and len(texts) == 1
                and abs(value - len(texts[0])) > 0.3 * len(texts[0])
            ):
                yield _build_finding(
                    "miscounted",
                    index,
                    f"{pointer}/{key}",
                    f"{value} characters are said to be written, and the text has {len(texts[0])}",
                )


def state_against_time(case: Case) -> Iterator[Finding]:
    """A state that the time does not allow: expired before its end, open after it; a move called "done" that leads to
    another stage; a slot that is free while it is busy.
    """
    now = case.situation.now
    for index, _ in _iterate_good_calls(case):
        slots: list[tuple[datetime, datetime, str]] = []
        busy: list[tuple[datetime, datetime]] = []
        for holder, pointer, noun in case.result_objects[index]:
            states = {
                str(value).lower()
                for key, value in holder.items()
                if isinstance(value, str) and _read_meaning(key, value).role == "state"
            }
            ends = [
                (key, moment)
                for key, value in holder.items()
                if _read_meaning(key, value).phase in ("expires", "end", "expired", "expiry")
                or "expires" in key.lower()
                if (moment := _parse_moment(value)) and _has_clock(value)
            ]
            for key, moment in ends:
                if states & _OVER_WORDS and moment > now:
                    yield _build_finding(
                        "state_against_time",
                        index,
                        f"{pointer}/{key}",
                        f"it is {next(iter(states & _OVER_WORDS))}, and ends only at {moment.isoformat()}",
                    )
                elif states & _LIVE_WORDS and "expires" in key.lower() and moment < now:
                    yield _build_finding(
                        "state_against_time",
                        index,
                        f"{pointer}/{key}",
                        f"it is {next(iter(states & _LIVE_WORDS))}, and ended at {moment.isoformat()}",
                    )
            yield from _find_misnamed_move(index, holder, pointer)
            start = next(
                (
                    moment
                    for key, value in holder.items()
                    if _read_meaning(key, value).phase == "start" and (moment := _parse_moment(value))
                ),
                None,
            )
            end = next(
                (
                    moment
                    for key, value in holder.items()
                    if _read_meaning(key, value).phase == "end" and (moment := _parse_moment(value))
                ),
                None,
            )
            if start and end and "busy" in pointer:
                busy.append((start, end))
            elif start and end and "free" in pointer:
                slots.append((start, end, pointer))
        for start, end, pointer in slots:
            if any(start < taken_until and end > taken_from for taken_from, taken_until in busy):
                yield _build_finding("state_against_time", index, pointer, "it is free and busy at once")


def _find_misnamed_move(index: int, holder: Mapping[str, Any], pointer: str) -> Iterator[Finding]:
    """A move between stages whose name says one stage and whose target is another."""
    target = next(
        (value for key, value in holder.items() if key.lower().startswith("to_") and isinstance(value, str)), None
    )
    name = holder.get("name")
    if target is None or not isinstance(name, str):
        return
    stages = {_STAGES[to_singular(word)] for word in split_words(name) if to_singular(word) in _STAGES}
    target_words = set(split_words(target))
    if stages and not any(_STAGE_ALIASES[stage] & target_words for stage in stages):
        yield _build_finding("state_against_time", index, f"{pointer}/name", f"{name!r} leads to {target!r}")


# ── reading ──────────────────────────────────────────────────────────────────────────────────


def _iterate_good_calls(case: Case) -> Iterator[tuple[int, ToolCall]]:
    """Yields (message of the result, call) of each call that worked, in order."""
    for index, call in case.calls_by_result.items():
        result = case.messages[index].result
        if result is not None and not has_failed(result) and isinstance(call.arguments, dict):
            yield index, call


def _list_things(case: Case, index: int) -> Iterator[_Thing]:
    for holder, pointer, noun in case.result_objects[index]:
        if identity := _find_identity(holder, noun):
            yield _Thing(index, pointer, noun, identity, holder)


def _find_identity(holder: Mapping[str, Any], noun: str = "") -> str | None:
    """The identifier of an object of its own, if it is long enough to belong to one thing."""
    for key, value in holder.items():
        if is_id(key) and isinstance(value, str | int) and len(str(value)) >= 4:
            subject = parse_resource_noun(key)
            if not subject or subject == noun or (noun == "" and len(holder) > 1 and key == next(iter(holder))):
                return str(value)
    return None


def _collect_text(value: Any) -> str:
    return "\n".join(str(leaf) for _, leaf in list_scalars(value))


def _read_meaning(name: str, value: Any) -> FieldMeaning:
    """The meaning of a field of a result, whose schema is told from its value."""
    return _read_cached_meaning(
        name, _tell_type(value), isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\d", value) is not None
    )


@lru_cache(16384)
def _read_cached_meaning(name: str, value_type: str, is_moment: bool) -> FieldMeaning:
    return decide_field_meaning(name, {"type": value_type, **({"format": "date-time"} if is_moment else {})})


def _tell_type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "integer" if isinstance(value, int) else "number"
    return "object" if isinstance(value, dict) else "array" if isinstance(value, list) else "string"


def _parse_moment(value: Any) -> datetime | None:
    """Parses a moment or a day, also within `{"dateTime": …}`; without an offset it is taken as UTC."""
    if isinstance(value, dict):
        value = value.get("dateTime") or value.get("date")
    if not isinstance(value, str) or not re.match(r"\d{4}-\d\d-\d\d", value):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        try:
            moment = datetime.combine(date.fromisoformat(value[:10]), time())
        except ValueError:
            return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _has_clock(value: Any) -> bool:
    if isinstance(value, dict):
        value = value.get("dateTime", "")
    return isinstance(value, str) and "T" in value


def _build_finding(rule: str, index: int, place: str, text: str) -> Finding:
    return Finding(rule=rule, message=index, place=place, text=text)
