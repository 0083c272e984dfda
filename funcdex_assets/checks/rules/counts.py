"""Rules about numbers of things in results: what something new holds, and how many parts a thing has.

Belongs here: numbers that cannot be true beside a call or an earlier result. What replies say of the length of a
listing is in `listings.py`. Nothing that is said is read, so the rules hold in any language.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from funcdex_assets.checks.rules.case import Case, find_field_name
from funcdex_assets.checks.rules.field_values import is_count, parse_moment, read_meaning
from funcdex_assets.checks.rules.pages import Page, read_page
from funcdex_assets.checks.rules.things import (
    Thing,
    find_identity,
    iterate_good_calls,
    list_argument_scalars,
    list_scalar_texts,
    list_things,
)
from funcdex_assets.records.conversation import Finding
from funcdex_assets.records.message import ToolCall
from funcdex_assets.schema.words import split_words, to_singular
from funcdex_assets.semantics.field_roles import is_page_token
from funcdex_assets.semantics.tool_names import is_id, parse_tool_name

_INBORN_NOUNS = frozenset(
    (
        "transition instance occurrence member participant collaborator permission version revision section time slot"
    ).split()
)
"""Things that something new has from the beginning."""
_INBORN_COUNTS = _INBORN_NOUNS | frozenset("word character page bookable hour attempt owner".split())
_SOURCE_WORDS = frozenset("template source copy from import clone base".split())
"""In the names of arguments that something new is made of, with all that it holds."""
_CONTAINED_ROLES = ("count", "total")
_SMALLEST_PAGE = 10  # things that every service gives at once
_MAX_WRITTEN_DIFFERENCE = 0.3  # of the length of a text; services count line ends and markup differently


class _NewThing(NamedTuple):
    """Something that a call of the conversation made: the texts that it was made of, and whether parts were given."""

    text: str
    given: frozenset[str]
    has_parts: bool


def filled_when_new(case: Case) -> Iterator[Finding]:
    """Something that was made in this conversation and holds what nobody put into it.

    Such as messages in a new label, events in a new calendar, headings in a document that have not been written.
    Let pass is what was made with its parts or out of a template, and what a later call may have put something into:
    one that names it beside another thing, or gives it a value.
    """
    made: dict[str, _NewThing] = {}
    for index, call, result in iterate_good_calls(case):
        action = parse_tool_name(call.name).action
        scalars = list_argument_scalars(call)
        named = {str(value) for pointer, value in scalars if is_id(find_field_name(pointer))}
        if action in ("list", "get"):
            page = read_page(result.content, call, None)
            yield from _find_foreign_items(index, call, page, made, named)
            for thing in list_things(case, index):
                if thing.identity in made:
                    yield from _find_foreign_counts(index, thing, made[thing.identity])
        elif len(named) > 1 or any(not is_id(find_field_name(pointer)) for pointer, _ in scalars):
            for identity in named & made.keys():
                del made[identity]  # it may hold now what this call put in
        if action == "create" and not any(_SOURCE_WORDS & set(split_words(name)) for name in call.arguments):
            subjects = [
                thing
                for thing in list_things(case, index)
                if thing.pointer.count("/") <= 1 or thing.pointer.startswith("/data")
            ]
            if len(subjects) == 1 and subjects[0].identity not in named:
                made[subjects[0].identity] = _NewThing(
                    text="\n".join(list_scalar_texts(call.arguments)).lower(),
                    given=frozenset(str(value) for _, value in scalars),
                    has_parts=any(value and isinstance(value, list | dict) for value in call.arguments.values()),
                )


def _find_foreign_items(
    index: int, call: ToolCall, page: Page | None, made: Mapping[str, _NewThing], named: set[str]
) -> Iterator[Finding]:
    """Finds a listing of what is in new things, with items that were not made in the conversation."""
    name = parse_tool_name(call.name)
    if page is None or not page.items or page.noun in _INBORN_NOUNS or page.noun not in (name.noun, *name.words):
        return
    for identity in sorted(named & made.keys()):
        if not made[identity].has_parts and not _holds_made(page.items, made):
            text = f"{identity!r} was just made, and has {len(page.items)} {page.noun}"
            yield _build_finding("filled_when_new", index, page.pointer, text)


def _find_foreign_counts(index: int, thing: Thing, new: _NewThing) -> Iterator[Finding]:
    """Finds counts and headings of one new thing that nothing accounts for."""
    for key, value in thing.fields.items():
        words = {to_singular(word) for word in split_words(key)}
        if is_count(value) and value > 0 and str(value) not in new.given and not new.has_parts:
            if read_meaning(key, value).role in _CONTAINED_ROLES and not words & _INBORN_COUNTS:
                text = f"{thing.identity!r} was just made, and has {key} {value}"
                yield _build_finding("filled_when_new", index, f"{thing.pointer}/{key}", text)
        elif isinstance(value, list) and words & {"outline", "heading"}:
            foreign = next((heading for heading in _list_headings(value) if heading.lower() not in new.text), None)
            if foreign is not None:
                text = f"{foreign!r} was never written into {thing.identity!r}"
                yield _build_finding("filled_when_new", index, f"{thing.pointer}/{key}", text)


def _list_headings(outline: Sequence[Any]) -> Iterator[str]:
    for item in outline:
        heading = item.get("heading", item.get("text")) if isinstance(item, dict) else item
        if isinstance(heading, str):
            yield heading


def _holds_made(items: Sequence[Any], made: Mapping[str, _NewThing]) -> bool:
    """True if every item of a list was itself made in the conversation."""
    return all(
        isinstance(item, dict) and any(str(value) in made for key, value in item.items() if is_id(key))
        for item in items
    )


def miscounted(case: Case) -> Iterator[Finding]:
    """A thing that says how many parts it has, and a full list of them with another number; or another count of
    characters than the text has that was written.

    Let pass is a list that is a page of several, full, or narrowed by another argument, and what a call has changed in
    between.
    """
    counts: dict[tuple[str, str], tuple[int, int]] = {}
    for index, call, result in iterate_good_calls(case):
        name = parse_tool_name(call.name)
        scalars = list_argument_scalars(call)
        named = {str(value) for pointer, value in scalars if is_id(find_field_name(pointer))}
        if name.action not in ("list", "get"):
            counts = {key: value for key, value in counts.items() if key[0] not in named}
        for thing, key, noun, value in _iterate_part_counts(case, index):
            known = counts.get((thing.identity, noun))
            if known and known[0] != value and name.action in ("list", "get"):
                text = f"{thing.identity!r} has {value} {noun}, and {known[0]} in message {known[1]}"
                yield _build_finding("miscounted", index, f"{thing.pointer}/{key}", text)
            counts[thing.identity, noun] = value, index
        yield from _count_written_characters(case, index, call)
        page = read_page(result.content, call, case.find_tool(call.name, index))
        if name.action == "list" and page is not None and _is_whole(page, call):
            for identity in sorted(named):
                known = counts.get((identity, page.noun))
                if known and known[0] != len(page.items):
                    text = f"{identity!r} has {len(page.items)} {page.noun}, and {known[0]} in message {known[1]}"
                    yield _build_finding("miscounted", index, page.pointer, text)


def _iterate_part_counts(case: Case, index: int) -> Iterator[tuple[Thing, str, str, int]]:
    """Yields (thing, field, noun, number) of what each thing in a result says of the number of its parts."""
    for thing in list_things(case, index):
        for key, value in thing.fields.items():
            if not is_count(value) or "unread" in key or "open" in key:
                continue
            meaning = read_meaning(key, value)
            if meaning.role == "count":
                yield thing, key, meaning.noun.rpartition(" ")[2] or to_singular(split_words(key)[-1]), value


def _is_whole(page: Page, call: ToolCall) -> bool:
    """True if a page has all parts of a thing: it is the only one, not full, and no argument narrows it."""
    narrowing = [
        name
        for name, value in call.arguments.items()
        if not is_id(name) and read_meaning(name, value).role not in ("limit", "sort", "setting")
    ]
    return not page.has_more and not narrowing and (page.limit is None or len(page.items) < page.limit)


def narrower_finds_more(case: Case) -> Iterator[Finding]:
    """Two look-ups by one tool, of which the wider one lacks what the narrower one found.

    Wider is one with the same arguments but an earlier lower bound of time, a later upper one, or a greater limit or
    none. Let pass are pages with another one behind them, full ones, and what a call may have changed in between.
    """
    seen: list[tuple[int, ToolCall, dict[str, str], Page]] = []
    for index, call, result in iterate_good_calls(case):
        action = parse_tool_name(call.name).action
        if action not in ("list", "get"):
            seen.clear()
        page = read_page(result.content, call, case.find_tool(call.name, index)) if action == "list" else None
        if page is None or any(is_page_token(name) for name in call.arguments):
            continue
        items = {
            identity: str(number)
            for number, item in enumerate(page.items)
            if isinstance(item, dict) and (identity := find_identity(item, page.noun))
        }
        if len(items) != len(page.items):
            continue
        for before, other, found, earlier in seen if not page.has_more else ():
            if other.name == call.name and other.arguments != call.arguments:
                pairs = ((call, items, page, other, found), (other, found, earlier, call, items))
                for wide, wide_items, wide_page, narrow, narrow_items in pairs:
                    lacking = narrow_items.keys() - wide_items.keys()
                    if lacking and _is_complete(wide_page) and _is_wider(wide, narrow):
                        text = f"{call.name}: the wider of this and message {before} lacks {min(lacking)!r}"
                        yield _build_finding("narrower_finds_more", index, page.pointer, text)
                        break
        seen.append((index, call, items, page))


def _is_complete(page: Page) -> bool:
    """True if nothing can follow a page: no field says so, and it is shorter than it may be."""
    return not page.has_more and len(page.items) < (page.limit or _SMALLEST_PAGE)


def _is_wider(wide: ToolCall, narrow: ToolCall) -> bool:
    """True if every argument of a call leaves at least as much as that of the other one, and no other narrows it."""
    for name in {**wide.arguments, **narrow.arguments}:
        first, second = wide.arguments.get(name), narrow.arguments.get(name)
        meaning = read_meaning(name, second if first is None else first)
        if first == second or meaning.role == "limit":
            continue
        if meaning.role != "moment" or second is None:
            return False
        if first is None:
            if meaning.phase not in ("changed", "created"):  # a service may put the present
                return False
            continue
        moments = parse_moment(first), parse_moment(second)
        if moments[0] is None or moments[1] is None or meaning.bound not in ("from", "to"):
            return False
        if (moments[0] > moments[1]) is (meaning.bound == "from"):
            return False
    return True


def _count_written_characters(case: Case, index: int, call: ToolCall) -> Iterator[Finding]:
    """Compares the number of characters that a result says were written with the text of the call."""
    texts = [value for name, value in call.arguments.items() if isinstance(value, str) and "text" in split_words(name)]
    if len(texts) != 1:
        return
    length = len(texts[0])
    for holder, pointer, _ in case.result_objects[index]:
        for key, value in holder.items():
            is_counted = is_count(value) and "characters" in split_words(key)
            if is_counted and abs(value - length) > _MAX_WRITTEN_DIFFERENCE * length:
                text = f"{value} characters are said to be written, and the text has {length}"
                yield _build_finding("miscounted", index, f"{pointer}/{key}", text)


def _build_finding(rule: str, index: int, place: str, text: str) -> Finding:
    return Finding(rule=rule, message=index, place=place, text=text)
