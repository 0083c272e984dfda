"""Compares what two histories of calls changed, and says in words where they differ first.

Belongs here: what counts as the same. Numbers are the same by value (25 and 25.0), moments by the instant, texts but
for blanks, lists without an order as sets. Identifiers that the service made up for what calls created have no meaning
of their own: created things are matched by their content, also where one is named in another. Reading and the moments
that the clock gives are in no record of changes (`change_record`).

>>> made = StateChanges(created=(CreatedThing(Thing("event", ("e1",)), {"title": "Lease", "seats": 25}),))
>>> again = StateChanges(created=(CreatedThing(Thing("event", ("x9",)), {"title": "Lease", "seats": 25.0}),))
>>> compare_changes(made, again)
[]
>>> compare_changes(made, StateChanges())
["not done: a new event (title 'Lease', seats 25) was to be created"]
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from funcdex_assets.environment.change_record import (
    Act,
    CreatedThing,
    FieldChange,
    LinkChange,
    StateChanges,
    Thing,
)
from funcdex_assets.schema.words import split_words
from funcdex_assets.semantics.tool_names import is_id

_ORDERED_WORDS = frozenset(
    "steps step row rows cell cells values order sequence line lines path range passages".split()
)
"""In the names of lists whose order says something; all others are sets."""
_MOMENT = re.compile(r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}")
_LEAST_UNIQUE_LENGTH = 6  # characters of an identifier that is no word or number that also means something else
_MOST_SHOWN = 60  # characters of a value in a message
_MOST_FIELDS_SHOWN = 3
_TITLE_NAMES = ("title", "name", "summary", "subject")
_EMPTY_VALUES: tuple[Any, ...] = (None, "", [], {})


def compare_changes(expected: StateChanges, actual: StateChanges) -> list[str]:
    """Returns the differences in words, the first one first; none where both histories changed the same."""
    sides = _Side(expected, _name_known_things(expected, actual)), _Side(actual, _name_known_things(expected, actual))
    return [
        *_compare_created(*sides),
        *_compare_fields(*sides),
        *_compare_things(*sides, "deleted"),
        *_compare_things(*sides, "restored"),
        *_compare_links(*sides),
        *_compare_acts(*sides),
    ]


def describe_changes(changes: StateChanges) -> list[str]:
    """Returns what was changed, one line each; none where nothing was."""
    return [
        *(f"{_describe_created(created)} was created" for created in changes.created),
        *(f"{_name(change.thing)}: {_show_field(change)}" for change in changes.fields),
        *(f"{_name(thing)} was deleted" for thing in changes.deleted),
        *(f"{_name(thing)} was restored" for thing in changes.restored),
        *(_describe_link(link) for link in changes.links),
        *(_describe_act(act) for act in changes.acts),
    ]


# ── what is the same ─────────────────────────────────────────────────────────────────────────


class _Side:
    """One of two records, with a name for each thing that both sides share."""

    def __init__(self, changes: StateChanges, shared_names: Mapping[tuple[str, str], str]) -> None:
        self.changes = changes
        self._shared_names = shared_names
        self._by_identity: dict[str, str] = {}
        for (_, identity), name in shared_names.items():
            self._by_identity.setdefault(identity, name)
        self.created_names = self._color_created_things()

    def identify(self, thing: Thing) -> str:
        """Returns a name that is the same on both sides for the same thing."""
        for identity in thing.identities:
            created = self.created_names.get(identity)
            if created is not None:
                return created
        names = (self._shared_names.get((thing.noun, identity)) for identity in thing.identities)
        return f"{thing.noun} {next((name for name in names if name), '')}"

    def key(self, name: str, value: Any, created_names: Mapping[str, str] | None = None) -> bytes:
        """Returns bytes that are the same for values that mean the same in a field of this name."""
        names = self.created_names if created_names is None else created_names
        return msgspec.json.encode(self._simplify(name, value, names), order="deterministic")

    def _simplify(self, name: str, value: Any, created_names: Mapping[str, str]) -> Any:
        if value in _EMPTY_VALUES and not isinstance(value, bool | int | float):
            return None
        if isinstance(value, bool):
            return ["flag", value]
        if isinstance(value, int | float):
            if is_id(name):
                return self._simplify_text(name, str(value), created_names)
            return ["number", int(value) if float(value).is_integer() else value]
        if isinstance(value, str):
            return self._simplify_text(name, value, created_names)
        if isinstance(value, list | tuple):
            items = [self._simplify(name, item, created_names) for item in value]
            if _ORDERED_WORDS & set(split_words(name)) or _is_position(value):
                return items
            return sorted(items, key=lambda item: msgspec.json.encode(item, order="deterministic"))
        if isinstance(value, Mapping):
            simple = {key: self._simplify(key, nested, created_names) for key, nested in value.items()}
            return {"_".join(split_words(key)): nested for key, nested in simple.items() if nested is not None}
        return str(value)

    def _simplify_text(self, name: str, text: str, created_names: Mapping[str, str]) -> Any:
        if is_id(name) or len(text) >= _LEAST_UNIQUE_LENGTH:
            known = created_names.get(text, self._by_identity.get(text) if is_id(name) else None)
            if known is not None:
                return ["thing", known]
        if _MOMENT.match(text):
            try:
                moment = datetime.fromisoformat(text)
            except ValueError:
                return text
            return ["moment", moment.astimezone(UTC).isoformat() if moment.tzinfo else moment.isoformat()]
        text = " ".join(text.split())
        return text.casefold() if "@" in text and " " not in text else text

    def _color_created_things(self) -> dict[str, str]:
        """Names each created thing by its content, and by the content of the created things that it names."""
        created = self.changes.created
        colors = [f"new {thing.thing.noun}" for thing in created]
        for _ in created:
            names = {
                identity: color
                for thing, color in zip(created, colors, strict=True)
                for identity in thing.thing.identities
            }
            colors = [f"new {thing.thing.noun} {_join(self.key_fields(thing, names).items())}" for thing in created]
        return {
            identity: color for thing, color in zip(created, colors, strict=True) for identity in thing.thing.identities
        }

    def key_fields(self, created: CreatedThing, names: Mapping[str, str] | None = None) -> dict[str, bytes]:
        """Returns the fields of a created thing that are not empty, by name."""
        keys = {name: self.key(name, value, names) for name, value in created.fields.items()}
        return {name: key for name, key in sorted(keys.items()) if key != b"null"}


def _join(items: Iterable[tuple[str, bytes]]) -> str:
    return ",".join(f"{name}={key.decode()}" for name, key in items)


def _is_position(value: Any) -> bool:
    """Returns whether a list is one of numbers, such as a pair of coordinates."""
    return all(isinstance(item, int | float) and not isinstance(item, bool) for item in value)


def _name_known_things(*sides: StateChanges) -> dict[tuple[str, str], str]:
    """Gives each thing one name for all identifiers that either side knows of it, created things excepted."""
    groups: list[tuple[str, set[str]]] = []
    for changes in sides:
        created = {identity for thing in changes.created for identity in thing.thing.identities}
        for thing in _iterate_things(changes):
            identities = set(thing.identities) - created
            for group in [group for group in groups if group[0] == thing.noun and group[1] & identities]:
                identities |= group[1]
                groups.remove(group)
            groups.append((thing.noun, identities))
    return {(noun, identity): min(group) for noun, group in groups for identity in group}


def _iterate_things(changes: StateChanges) -> Iterator[Thing]:
    yield from changes.deleted
    yield from changes.restored
    for change in (*changes.fields, *changes.kept_fields):
        yield change.thing
    for link in (*changes.links, *changes.kept_links):
        yield link.holder
        yield link.linked


# ── one kind of change each ──────────────────────────────────────────────────────────────────


def _compare_created(expected: _Side, actual: _Side) -> Iterator[str]:
    missing, extra = _subtract(
        [(_key_created(expected, created), created) for created in expected.changes.created],
        [(_key_created(actual, created), created) for created in actual.changes.created],
    )
    for created in missing:
        alike = [other for other in extra if other.thing.noun == created.thing.noun]
        if not alike:
            yield f"not done: {_describe_created(created)} was to be created"
            continue
        wanted = expected.key_fields(created, _blur(expected))
        nearest = max(alike, key=lambda other: _count_equal(wanted, actual.key_fields(other, _blur(actual))))
        extra.remove(nearest)
        found = actual.key_fields(nearest, _blur(actual))
        name = next((name for name in {**wanted, **found} if wanted.get(name) != found.get(name)), None)
        if name is None:  # they name other created things
            name = next(
                (name for name in wanted if expected.key_fields(created)[name] != actual.key_fields(nearest).get(name)),
                next(iter(wanted), ""),
            )
        yield (
            f"the new {_name_created(created)}: {name} is {_show(nearest.fields.get(name))}, "
            f"and {_show(created.fields.get(name))} was expected"
        )
    for created in extra:
        yield f"done in addition: {_describe_created(created)} was created"


def _key_created(side: _Side, created: CreatedThing) -> str:
    return f"{created.thing.noun} {_join(side.key_fields(created).items())}"


def _blur(side: _Side) -> dict[str, str]:
    """Names each created thing by its noun alone."""
    return {
        identity: f"new {thing.thing.noun}" for thing in side.changes.created for identity in thing.thing.identities
    }


def _count_equal(left: Mapping[str, bytes], right: Mapping[str, bytes]) -> int:
    return sum(right.get(name) == key for name, key in left.items())


def _compare_fields(expected: _Side, actual: _Side) -> Iterator[str]:
    wanted, found = _index_fields(expected), _index_fields(actual)
    for place, (key, change) in wanted.items():
        other = found.pop(place, None)
        if other is None:
            kept = _find_kept(actual, place)
            if kept is None or kept[0] != key:
                yield f"not done: {_name(change.thing)}: {change.field} was to become {_show(change.after)}"
        elif other[0] != key:
            yield (
                f"{_name(change.thing)}: {change.field} is {_show(other[1].after)}, "
                f"and {_show(change.after)} was expected"
            )
    for place, (key, change) in found.items():
        kept = _find_kept(expected, place)
        if kept is None or kept[0] != key:
            yield f"done in addition: {_name(change.thing)}: {_show_field(change)}"


def _index_fields(side: _Side) -> dict[tuple[str, str], tuple[bytes, FieldChange]]:
    changes = side.changes.fields
    return {
        (side.identify(change.thing), change.field): (side.key(change.field, change.after), change)
        for change in changes
    }


def _find_kept(side: _Side, place: tuple[str, str]) -> tuple[bytes, FieldChange] | None:
    """Returns what a field was set to that had that value already."""
    return next(
        (
            (side.key(change.field, change.after), change)
            for change in side.changes.kept_fields
            if (side.identify(change.thing), change.field) == place
        ),
        None,
    )


def _compare_things(expected: _Side, actual: _Side, kind: str) -> Iterator[str]:
    missing, extra = _subtract(
        [(expected.identify(thing), thing) for thing in getattr(expected.changes, kind)],
        [(actual.identify(thing), thing) for thing in getattr(actual.changes, kind)],
    )
    yield from (f"not done: {_name(thing)} was to be {kind}" for thing in missing)
    yield from (f"done in addition: {_name(thing)} was {kind}" for thing in extra)


def _compare_links(expected: _Side, actual: _Side) -> Iterator[str]:
    missing, extra = _subtract(
        [(_key_link(expected, link), link) for link in expected.changes.links],
        [(_key_link(actual, link), link) for link in actual.changes.links],
    )
    kept_by_actual = {_key_link(actual, link) for link in actual.changes.kept_links}
    kept_by_expected = {_key_link(expected, link) for link in expected.changes.kept_links}
    yield from (
        f"not done: {_describe_link(link, to_be=True)}"
        for link in missing
        if _key_link(expected, link) not in kept_by_actual
    )
    yield from (
        f"done in addition: {_describe_link(link)}" for link in extra if _key_link(actual, link) not in kept_by_expected
    )


def _key_link(side: _Side, link: LinkChange) -> tuple[str, str, bool]:
    return side.identify(link.holder), side.identify(link.linked).casefold(), link.is_removal


def _compare_acts(expected: _Side, actual: _Side) -> Iterator[str]:
    missing, extra = _subtract(
        [(_key_act(expected, act), act) for act in expected.changes.acts],
        [(_key_act(actual, act), act) for act in actual.changes.acts],
    )
    for act in missing:
        other = next((other for other in extra if other.tool == act.tool), None)
        if other is None:
            yield f"not done: {_describe_act(act)}"
            continue
        extra.remove(other)
        names = {**act.arguments, **other.arguments}
        name = next(
            name
            for name in names
            if expected.key(name, act.arguments.get(name)) != actual.key(name, other.arguments.get(name))
        )
        yield (
            f"{act.tool}: {name} is {_show(other.arguments.get(name))}, "
            f"and {_show(act.arguments.get(name))} was expected"
        )
    yield from (f"done in addition: {_describe_act(act)}" for act in extra)


def _key_act(side: _Side, act: Act) -> str:
    keys = {name: side.key(name, value) for name, value in act.arguments.items()}
    return f"{act.tool} {_join((name, key) for name, key in sorted(keys.items()) if key != b'null')}"


def _subtract(expected: list[tuple[Any, Any]], actual: list[tuple[Any, Any]]) -> tuple[list[Any], list[Any]]:
    """Returns what only the expected and what only the actual list has, each item as often as it is more there."""
    common = Counter(key for key, _ in expected) & Counter(key for key, _ in actual)
    rests: list[list[Any]] = []
    for pairs in (expected, actual):
        left, rest = Counter(common), []
        for key, value in pairs:
            if left[key]:
                left[key] -= 1
            else:
                rest.append(value)
        rests.append(rest)
    return rests[0], rests[1]


# ── words ────────────────────────────────────────────────────────────────────────────────────


def _name(thing: Thing) -> str:
    return f"{thing.noun} {thing.identities[0]!r}" if thing.identities else f"a {thing.noun}"


def _name_created(created: CreatedThing) -> str:
    title = next((created.fields[name] for name in _TITLE_NAMES if isinstance(created.fields.get(name), str)), None)
    return f"{created.thing.noun} {_show(title)}" if title else created.thing.noun


def _describe_created(created: CreatedThing) -> str:
    shown = [f"{name} {_show(value)}" for name, value in created.fields.items() if value not in _EMPTY_VALUES]
    rest = len(shown) - _MOST_FIELDS_SHOWN
    listed = ", ".join(shown[:_MOST_FIELDS_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
    return f"a new {created.thing.noun}" + (f" ({listed})" if listed else "")


def _show_field(change: FieldChange) -> str:
    return f"{change.field} became {_show(change.after)}"


def _describe_link(link: LinkChange, *, to_be: bool = False) -> str:
    verb = "was to be" if to_be else "was"
    names = link.linked.identities
    act = f"{verb} removed from" if link.is_removal else f"{verb} added to"
    return f"{link.linked.noun} {names[-1]!r} {act} {_name(link.holder)}"


def _describe_act(act: Act) -> str:
    listed = ", ".join(f"{name}={_show(value)}" for name, value in act.arguments.items())
    return f"{act.tool}({listed})"


def _show(value: Any) -> str:
    if value in _EMPTY_VALUES:
        return "nothing"
    text = repr(value) if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 1]}…"
