"""Reads an object of a result: its title, and its fields as people say them.

Here belongs how one field is told: a day, an amount with its currency, a person by the relation to the thing. Which
results and how many of their items are told is in `result_reports`; the words of an act in `act_reports`; of a single
value in `result_values`. A field is
told by its meaning (`semantics/field_meaning`), so that fields of any service are told alike:

>>> now = datetime(2025, 10, 1)
>>> thing = read_thing({"title": "Gym roof", "status": "IN_PROGRESS", "owner": {"name": "Bo Lang"}}, {}, "task", now)
>>> thing.label, [detail.text for detail in thing.details]
('"Gym roof"', ['in progress', 'owned by Bo Lang'])
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

import msgspec

from funcdex_assets.language.result_values import (
    CLOCK_PATTERN,
    find_beginning,
    generalize_pointer,
    join_words,
    render_constant,
    render_count,
    render_interval,
    render_item,
    render_moment,
    render_money,
    render_number,
    render_size,
)
from funcdex_assets.language.spoken_values import is_minor_unit, list_spoken_forms
from funcdex_assets.schema.leaves import walk_leaves
from funcdex_assets.schema.schema import Schema, name_json_type
from funcdex_assets.schema.words import split_words, to_singular
from funcdex_assets.semantics.epochs import read_epoch
from funcdex_assets.semantics.field_meaning import FieldMeaning, decide_field_meaning
from funcdex_assets.semantics.field_roles import is_calling_name, is_page_token, read_name
from funcdex_assets.semantics.vocabulary import (
    CONTAINER_NOUNS,
    PERSON_NOUNS,
    PERSON_OF_WORD,
    PHONE_WORDS,
)

ONLY_IN_DETAIL = 10  # a detail of this rank or later is told only where details were asked for, or itself
ONLY_IF_ASKED = 30  # a detail of this rank or later is told only if it was asked for by itself
FEWEST_QUOTED_SPACES = 4  # spaces; a longer value is quoted, as it would not be told from the sentence around it
_LONGEST_LABEL = 80
_LONGEST_TITLE = 60  # characters; a longer text without a title is told as a text
_LONGEST_TEXT = 120
_MAX_DEPTH = 3
_KEY_WORDS = frozenset(("key", "number"))
_PARTICIPLES = frozenset(
    "posted joined added opened sent received completed closed resolved cancelled canceled paid archived deleted "
    "created started scheduled".split()
)
_MOMENT_NAMES = frozenset("date time when timestamp datetime".split())
_RELATIONS = {
    "owner": "owned by {x}",
    "assignee": "assigned to {x}",
    "organizer": "organized by {x}",
    "organiser": "organized by {x}",
    "creator": "created by {x}",
    "author": "by {x}",
    "sender": "from {x}",
    "from": "from {x}",
    "to": "to {x}",
    "recipient": "to {x}",
    "host": "hosted by {x}",
    "lead": "led by {x}",
    "reporter": "reported by {x}",
    "participant": "with {x}",
    "contact": "with {x}",
    "customer": "for {x}",
    "attendee": "with {x} invited",
    "cc": "with a copy to {x}",
    "bcc": "with a blind copy to {x}",
    "last edited by": "last edited by {x}",
    "last modifying user": "last changed by {x}",
}
"""What a person is to a thing, by the name of the field."""
_OWN_ORGANISERS = frozenset(("organizer", "organiser", "creator"))
_STATES_OF_COURSE = frozenset("active confirmed available enabled accepted queued sent".split())
"""States in which everything is as it should be; they are told only if somebody asks."""
_SYSTEM_LABELS = frozenset("SENT INBOX DRAFT UNREAD".split())
"""Labels that a service puts on everything of a kind."""
PENDING_STATES = frozenset("accepted queued pending processing scheduled submitted in_review in_progress".split())
"""States of an act that the service has taken on and not finished."""


class Detail(NamedTuple):
    """A field of a thing in words: `words` are those of its name, `value` the value alone, as it is in `text`.

    `name` is the field's, in words, where the text leaves it out. `kind` is the role of `FieldMeaning`, or `interval`
    (two ends), `key`, `relation` (another thing) or `people`. The lower the `rank`, the more telling is the field.
    """

    kind: str
    words: frozenset[str]
    text: str
    rank: int
    value: str = ""
    name: str = ""


@dataclass
class Thing:
    """An object of a result in words. `label` is its title in quotes, or a person's name, or both key and title.

    `text` is what is written in it, whole; `lists` are the objects within it, by the name of their field, with their
    pointer. `is_person` says that the label is somebody's name, `is_text_label` that it is the beginning of the text.
    """

    label: str = ""
    details: list[Detail] = field(default_factory=list)
    lists: dict[str, tuple[str, list[Any]]] = field(default_factory=dict)
    text: str = ""
    is_person: bool = False
    is_text_label: bool = False
    state: str = ""


def unwrap_resource(result: Any, noun: str = "", pointer: str = "") -> tuple[Any, str]:
    """Returns the resource inside `{"event": {…}}` or `{"data": {…}}` and its pointer, else the result itself.

    A person beside other fields, such as an issue's new `assignee`, is no resource, unless the noun asks for it.
    """
    if isinstance(result, dict):
        nested = [(key, value) for key, value in result.items() if isinstance(value, dict) and value]
        has_title = any(is_calling_name(key) for key in result)
        has_more = any(isinstance(value, list) for value in result.values())
        if len(nested) == 1 and len(result) <= 3 and not has_title and not has_more:
            key, value = nested[0]
            last_noun = to_singular(split_words(key)[-1]) if split_words(key) else ""
            if len(result) == 1 or last_noun == noun or last_noun not in PERSON_NOUNS:
                return unwrap_resource(value, noun, f"{pointer}/{key}")
    return result, pointer


def find_noun_of_pointer(pointer: str, otherwise: str) -> str:
    """Returns the singular noun of the last named step of a pointer: `/file_attachments/0` → `file attachment`."""
    name = next((step for step in reversed(pointer.split("/")) if step and not step.isdigit()), "")
    words = split_words(name)
    if not words or to_singular(words[-1]) in CONTAINER_NOUNS:
        return otherwise
    return " ".join([*words[:-1], to_singular(words[-1])])


def read_thing(
    value: Any, returns: Schema | None, noun: str, now: datetime, pointer: str = "", needs_label: bool = True
) -> Thing:
    """Reads the object at this pointer of a result, whose schema is `returns`; its noun says what it is.

    If it `needs_label` and has no title, it is known by its text, its person or what it belongs to.
    """
    if not isinstance(value, dict):
        text = "" if value in (None, "", [], {}) else render_constant(str(value))
        return Thing(label="", details=[Detail("other", frozenset(), text, 0, text)] if text else [])
    schemas = _read_leaf_schemas(msgspec.json.encode(returns)) if returns else {}
    reader = _ThingReader(schemas, now, split_words(noun)[-1] if split_words(noun) else "")
    return reader.read(value, pointer, needs_label)


@cache
def _read_leaf_schemas(returns: bytes) -> Mapping[str, Schema]:
    """Returns the schemas of a result's scalars by pointer; `returns` is its schema as JSON."""
    return {leaf.path: leaf.schema for leaf in walk_leaves(msgspec.json.decode(returns))}


class _ThingReader:
    """Reads one object and those inside it."""

    def __init__(self, schemas: Mapping[str, Schema], now: datetime, noun: str) -> None:
        self._schemas, self._now, self._noun = schemas, now, noun
        self._thing = Thing()
        self._texts: dict[str, str] = {}
        self._own_key = ""
        self._main_person = ""
        self._contact = ""

    def read(self, value: dict[str, Any], pointer: str, needs_label: bool) -> Thing:
        """Reads the object at the top."""
        thing = self._thing
        thing.is_person = self._noun in PERSON_NOUNS or (
            bool(value.keys() & {"email", "email_address", "emailAddress"})
            and bool(value.keys() & {"name", "display_name", "displayName"})
        )
        self._read_fields(value, pointer, 0, ())
        if needs_label:
            self._choose_label()
        unique: dict[str, Detail] = {}
        for detail in sorted(thing.details, key=lambda detail: detail.rank):
            unquoted = thing.label.strip('"')
            if detail.text and not (unquoted and detail.value.strip('"') == unquoted):
                unique.setdefault(detail.text, detail)
        thing.details = list(unique.values())
        return thing

    def _choose_label(self) -> None:
        thing = self._thing
        text = self._texts.get("content") or (
            next(iter(self._texts.values())) if len(self._texts) == 1 and not self._contact else ""
        )
        if not thing.label and text:
            short = text if len(text) <= _LONGEST_LABEL and "\n" not in text else find_beginning(text, _LONGEST_TEXT)
            if '"' not in short:
                thing.label = f'"{short}"'
                thing.details = [detail for detail in thing.details if detail.value.strip('"') != text]
                thing.is_text_label = len(text) > _LONGEST_TITLE or text.endswith((".", "!", "?"))
        if self._own_key:
            thing.label = f"{self._own_key} {thing.label}".strip()
        relation = next((detail for detail in thing.details if detail.kind == "relation"), None)
        if not thing.label and not self._main_person and relation is not None:
            thing.label = relation.value
        if not thing.label and not self._main_person:
            email = next((detail for detail in thing.details if detail.kind == "email"), None)
            thing.label = email.value if email else ""
        if not thing.label and self._main_person:
            thing.label, thing.is_person = self._main_person, True
            thing.details = [detail for detail in thing.details if detail.value != self._main_person]

    def _read_fields(self, value: dict[str, Any], pointer: str, depth: int, path: tuple[str, ...]) -> None:
        """Reads the fields of an object; fields that belong together are told together."""
        taken = self._read_pairs(value, path)
        for name, item in value.items():
            if name in taken or item in (None, "", {}) or is_page_token(name):
                continue
            here = f"{pointer}/{name}"
            if isinstance(item, dict):
                self._read_object(name, item, here, depth, path)
            elif isinstance(item, list):
                self._read_list(name, item, here, path)
            else:
                self._read_scalar(name, item, here, value, path)

    def _read_pairs(self, value: dict[str, Any], path: tuple[str, ...]) -> set[str]:
        """Tells the two ends of an interval together, and a state beside the one before; returns their names."""
        taken: set[str] = set()
        for first_word, second_word in (("start", "end"), ("from", "to"), ("min", "max")):
            for name in value:
                words = split_words(name)
                if first_word not in words:
                    continue
                rest = [word for word in words if word != first_word]
                other = next(
                    (
                        candidate
                        for candidate in value
                        if second_word in split_words(candidate)
                        and [word for word in split_words(candidate) if word != second_word] == rest
                    ),
                    None,
                )
                text = render_interval(value[name], value[other], self._now) if other else ""
                if other and text:
                    taken |= {name, other}
                    parts = frozenset((*path, *words, *split_words(other), "time", "date"))
                    self._add(Detail("interval", parts, text, 1, text))
        states = [name for name in value if isinstance(value[name], str) and read_name(name).role == "state"]
        before = next((name for name in states if "previous" in split_words(name)), None)
        after = next((name for name in states if before and name != before), None)
        if before and after:
            taken |= {before, after}
            now_state = render_constant(value[after])
            is_same = value[before] == value[after]
            self._add(
                Detail(
                    "state",
                    frozenset(("status", "state")),
                    f"status still {now_state}" if is_same else f"from {render_constant(value[before])} to {now_state}",
                    0,
                    now_state,
                )
            )
        return taken

    def _read_object(self, name: str, item: dict[str, Any], pointer: str, depth: int, path: tuple[str, ...]) -> None:
        words = split_words(name)
        person = _read_person(item)
        if person and _names_person(words, item):
            if name == "user" and not path:  # a member is its user
                self._thing.label, self._thing.is_person = person.name or person.email, True
                if person.email and person.name:
                    self._add(Detail("email", frozenset(("email", "address", "mail")), person.email, 1, person.email))
            else:
                self._add_people(name, [person])
            return
        moment = render_moment(item, self._now)
        if moment:
            self._add_moment(name, item, moment)
            return
        if "next" in words or "page" in words:
            return
        title = next(
            (text for key, text in item.items() if isinstance(text, str) and is_calling_name(key) and text),
            "",
        )
        if title:
            owner = " ".join(words)
            quoted = f'"{title}"'
            self._add(Detail("relation", frozenset((*words, "where")), f"{owner} {quoted}", 4, quoted))
        if depth < _MAX_DEPTH:
            named = {key for key in item if title and item[key] == title}
            rest = {key: inner for key, inner in item.items() if key not in named}
            self._read_fields(rest, pointer, depth + 1, (*path, *words))

    def _read_list(self, name: str, items: list[Any], pointer: str, path: tuple[str, ...]) -> None:
        words = split_words(name)
        objects = [item for item in items if isinstance(item, dict)]
        people = [person for item in objects if (person := _read_person(item))]
        if objects and len(people) == len(objects) and _names_person(words, objects[0]):
            self._add_people(name, people)
        elif objects:
            titles = [
                title
                for item in objects
                if (
                    title := next(
                        (text for key, text in item.items() if isinstance(text, str) and is_calling_name(key)),
                        "",
                    )
                )
            ]
            if name in ("parents", "parent") and len(titles) == len(objects):
                quoted = join_words([f'"{title}"' for title in titles])
                self._add(Detail("relation", frozenset((*words, "folder", "where")), f"in {quoted}", 2, quoted))
            else:
                self._thing.lists[name] = (pointer, objects)
        elif not items:
            self._thing.lists[name] = (pointer, [])
        else:
            self._read_scalars(name, items, pointer, path)

    def _read_scalars(self, name: str, items: list[Any], pointer: str, path: tuple[str, ...]) -> None:
        """Tells a list of plain values: labels, days, addresses."""
        meaning = self._decide_meaning(name, items[0], f"{pointer}/0")
        if meaning.role in ("identifier", "setting", "page_token") or isinstance(items[0], bool):
            return
        words = frozenset((*path, *split_words(name), *(to_singular(word) for word in split_words(name))))
        items = [item for item in items if item not in _SYSTEM_LABELS]
        if not items:
            return
        is_quoted = any(" " in str(item) and '"' not in str(item) for item in items)
        told = join_words([f'"{item}"' if is_quoted else render_item(str(item)) for item in items])
        if meaning.role == "email" or all("@" in str(item) for item in items):
            plain_name = name.lower()
            form = _RELATIONS.get(plain_name) or _RELATIONS.get(to_singular(plain_name)) or "{x}"
            self._add(Detail("people", words | {"email", "address"}, form.format(x=told), 3, told))
        elif meaning.role == "link":
            self._add(Detail("link", words | {"link"}, told, 9, told))
        elif words & {"label", "labels", "tag", "tags"}:
            self._add(Detail("tag", words, f"labelled {told}", 5 if len(items) < 4 else 11, told))
        elif words & {"wdays", "days", "weekdays"}:
            told = join_words([str(item).capitalize() for item in items])
            self._add(Detail("days", words | {"day", "days"}, told, 0, told))
        else:
            name_text = " ".join(split_words(name) if len(items) > 1 else map(to_singular, split_words(name)))
            self._add(Detail("other", words, f"{name_text} {told}", 5, told))

    # ── single values ─────────────────────────────────────────────────────────────────────────

    def _read_scalar(
        self, name: str, value: Any, pointer: str, siblings: dict[str, Any], path: tuple[str, ...]
    ) -> None:
        meaning = self._decide_meaning(name, value, pointer)
        name_words = split_words(name)
        words = frozenset((*path, *name_words, *(to_singular(word) for word in name_words)))
        role = meaning.role
        if role == "identifier":
            self._read_identifier(name, value, words, meaning, siblings, path)
        elif isinstance(value, bool):
            self._read_flag(name, value, words, meaning)
        elif isinstance(value, int | float):
            self._read_number(name, value, words, meaning, pointer, siblings)
        elif isinstance(value, str):
            self._read_text(name, value, words, meaning, siblings, path)

    def _decide_meaning(self, name: str, value: Any, pointer: str) -> FieldMeaning:
        schema = self._schemas.get(generalize_pointer(pointer)) or {"type": name_json_type(value)}
        return decide_field_meaning(name, schema)

    def _read_identifier(
        self,
        name: str,
        value: Any,
        words: frozenset[str],
        meaning: FieldMeaning,
        siblings: dict[str, Any],
        path: tuple[str, ...],
    ) -> None:
        """Tells keys that people use, such as `PAY-88` and an invoice's number; other identifiers are not told."""
        if split_words(name)[-1] not in _KEY_WORDS or not isinstance(value, str):
            return
        key_noun = split_words(meaning.noun)[-1] if split_words(meaning.noun) else ""
        if not path and (key_noun in ("", self._noun) or name == "number" or (words == {"key"})):
            self._own_key = self._own_key or value
        elif not any(split_words(sibling) == (key_noun, "name") for sibling in siblings):
            self._add(Detail("key", words, f"{key_noun} {value}".strip(), 6, value))

    def _read_flag(self, name: str, value: bool, words: frozenset[str], meaning: FieldMeaning) -> None:
        told = list_spoken_forms(name, {}, value, self._now)[0]
        is_dull = meaning.phase == "deleted" or words <= {"success", "ok", "moved", "is", "active", "valid"}
        self._add(Detail("flag", words, told, ONLY_IF_ASKED if is_dull or not value else 24, told))

    def _read_number(
        self,
        name: str,
        value: float,
        words: frozenset[str],
        meaning: FieldMeaning,
        pointer: str,
        siblings: dict[str, Any],
    ) -> None:
        schema = self._schemas.get(generalize_pointer(pointer), {})
        epoch = read_epoch(name, schema, value, self._now.tzinfo)
        if epoch is not None:
            self._add_moment(name, value, render_moment(epoch.isoformat(), self._now))
            return
        name_text = " ".join(split_words(name))
        currency = next(
            (item for key, item in siblings.items() if "currency" in split_words(key) and isinstance(item, str)), ""
        )
        is_money = meaning.role == "amount" or is_minor_unit(schema) or (meaning.role == "total" and currency != "")
        if is_money and (currency or is_minor_unit(schema) or meaning.role == "amount"):
            money = render_money(value, currency, is_minor_unit(schema))
            interval = next(
                (item for key, item in siblings.items() if "interval" in split_words(key) and isinstance(item, str)), ""
            )
            money = f"{money} per {interval}" if interval else money
            plain = not set(split_words(name)) - {"amount", "unit", "price", "total"}
            text = money if plain else f"{name_text} {money}"
            if not currency and not is_minor_unit(schema) and plain:
                text = f"{name_text} {money}"
            self._add(Detail("amount", words, text, 2, money))
            return
        number = f"{int(value):,}" if float(value).is_integer() and abs(value) >= 10_000 else render_number(value)
        match meaning.role:
            case "count" | "total":
                self._add(Detail("count", words | {"many"}, render_count(name, value, number), 4, number))
            case "duration":
                unit = {"min": "minutes", "h": "hours", "s": "seconds", "d": "days"}.get(meaning.unit, meaning.unit)
                rest = " ".join(
                    word
                    for word in split_words(name)
                    if word not in ("minutes", "hours", "seconds", "days", "duration", unit)
                )
                amount = f"{number} {unit if value != 1 else to_singular(unit)}".strip()
                if not unit:
                    amount, rest = f"{number}", rest or "duration"
                text = amount if not rest else f"{amount} {rest}" if "per" in rest.split() else f"{rest} {amount}"
                if set(split_words(rest)) & {"before", "after"}:
                    text = f"{amount} {rest}"
                self._add(Detail("duration", words | {"long", "duration"}, text, 3, amount))
            case "measure" if words & {"percent", "percentage", "pct"}:
                rest = " ".join(word for word in split_words(name) if word not in ("percent", "percentage", "pct"))
                self._add(Detail("measure", words, f"{number}% {rest}".strip(), 2, f"{number}%"))
            case "measure" if words & {"size", "bytes"}:
                size = render_size(value)
                self._add(Detail("measure", words | {"big", "size", "large"}, size, ONLY_IF_ASKED, size))
            case "measure":
                told = f"{name_text} {number} {meaning.unit}".strip()
                self._add(Detail("measure", words, told, ONLY_IN_DETAIL + 2, number))
            case "choice" | "state":
                self._add(Detail("choice", words, f"{name_text} {number}", 5, number))
            case "position" | "setting" | "limit" | "page_token" | "place":
                self._add(Detail("setting", words, f"{name_text} {number}", ONLY_IF_ASKED, number))
            case "moment":
                pass
            case _:
                self._add(Detail("other", words, f"{name_text} {number}", 5, number))

    def _read_text(
        self,
        name: str,
        value: str,
        words: frozenset[str],
        meaning: FieldMeaning,
        siblings: dict[str, Any],
        path: tuple[str, ...],
    ) -> None:
        role = meaning.role
        name_words = split_words(name)
        name_text = " ".join(name_words)
        is_naming = is_calling_name(name) or role == "title"
        moment = render_moment(value, self._now)
        if moment:
            self._add_moment(name, value, moment)
        elif role in ("title", "person") and (is_naming or (self._thing.is_person and not path)):
            is_own_name = len(name_words) == 1 or not path
            if not self._thing.label and not path and is_own_name:
                is_name = self._thing.is_person and "name" in name_words
                self._thing.label = value if is_name or '"' in value else f'"{value}"'
            elif value != self._thing.label.strip('"'):
                owner = " ".join(word for word in name_words if word not in ("name", "display", "title"))
                self._add(Detail("relation", words, f'{owner or name_text} "{value}"', 4, f'"{value}"'))
        elif role == "text" or (role == "other" and value.count(" ") >= FEWEST_QUOTED_SPACES):
            self._read_prose(name_text, value, words, path)
        elif role == "email" or ("@" in value and " " not in value):
            rank = 1 if self._thing.is_person and not path else 3
            form = "to {x}" if words & {"recipient", "to"} else _RELATIONS.get(name_text, "{x}")
            self._add(Detail("email", words | {"email", "address", "mail"}, form.format(x=value), rank, value))
        elif role == "phone" or words & PHONE_WORDS or name == "to":
            form = "to {x}" if name == "to" else "{x}"
            self._add(Detail("phone", words | {"phone", "number", "reach"}, form.format(x=value), 2, value))
        elif role == "link" or "://" in value:
            self._add(Detail("link", words | {"link", "url"}, value, 9, value))
        elif role == "state":
            self._read_state(name_words, value, words)
        elif role == "company":
            self._add(Detail("company", words, f"at {value}", 3, value))
        elif role == "place":
            told = value.lower() if value.lower() in ("online", "remote", "virtual") else f"at {value}"
            self._add(Detail("place", words | {"place", "where", "address"}, told, 3, value))
        elif role == "zone":
            self._add(Detail("zone", words, f"time zone {value}", 22, value))
        elif role == "tag":
            form = "labelled {x}" if len(name_words) == 1 else f"{name_text} {{x}}"
            self._add(Detail("tag", words, form.format(x=render_item(value)), 5, value))
        elif role == "unit":
            has_amount = any(isinstance(item, int | float) and not isinstance(item, bool) for item in siblings.values())
            if not has_amount:
                self._add(Detail("unit", words, f"in {value.upper()}", 5, value.upper()))
        elif role == "choice":
            self._read_choice(name_words, value, words, siblings)
        elif role == "setting":
            told = render_constant(value)
            self._add(Detail("setting", words | {"kind", "type"}, told, ONLY_IF_ASKED, told, name_text))
        elif role == "person":
            self._add(Detail("people", words, f"{name_text} {value}", 3, value))
        elif role == "duration":
            self._add(Detail("duration", words | {"long"}, f"{render_constant(value)}", 3, value))
        elif role == "moment" and CLOCK_PATTERN.fullmatch(value):
            self._add(Detail("moment", words, f"{name_text} {value}", 1, value))
        elif role == "other":
            told = render_constant(value)
            if "last4" in name or words & {"title", "position", "headline"}:
                self._add(Detail("other", words, told if "title" in words else f"ending in {value}", 5, value))
            else:
                told = f'"{told}"' if told.count(" ") > 1 and '"' not in told else told
                self._add(Detail("other", words, f"{name_text} {told}", 5, told))

    def _read_prose(self, name_text: str, value: str, words: frozenset[str], path: tuple[str, ...]) -> None:
        is_summary = bool({"snippet", "preview", "excerpt"} & words)
        if not path:
            self._texts[name_text] = value
            if len(value) > len(self._thing.text) and not is_summary:
                self._thing.text = value
        if "\n" in value or '"' in value or is_summary:
            return
        if len(value) <= _LONGEST_TEXT:
            last = name_text.split()[-1]
            lead = "note" if last in ("notes", "note") else name_text.removesuffix(" plain").removesuffix(" html")
            self._add(
                Detail(
                    "text",
                    words,
                    f'{lead} "{value}"',
                    3 if "last" in words else 8 if len(value) <= _LONGEST_TITLE else ONLY_IN_DETAIL,
                    f'"{value}"',
                )
            )

    def _read_state(self, name_words: Sequence[str], value: str, words: frozenset[str]) -> None:
        told = render_constant(value)
        folded = "_".join(split_words(value)) or value.lower()
        self._thing.state = self._thing.state or folded
        rest = [word for word in name_words if read_name(word).role != "state"]
        text = f"to {told}" if rest == ["to"] else told
        rank = ONLY_IN_DETAIL if folded in _STATES_OF_COURSE else 2
        self._add(Detail("state", words | {"status", "state"}, text, rank, told))

    def _read_choice(
        self, name_words: Sequence[str], value: str, words: frozenset[str], siblings: dict[str, Any]
    ) -> None:
        told = value if "language" in words else render_constant(value)
        rest = [word for word in name_words if word not in ("type", "kind", "mode")]
        if "interval" in words and any("amount" in split_words(key) for key in siblings):
            return
        if "scope" in words or value in ("user", "default"):
            rank, text = ONLY_IF_ASKED, told
        elif "priority" in words:
            rank, text = 5, f"{told.lower()} priority" if not told.isdigit() else f"priority {told}"
        elif "role" in words:
            rank, text = 3, told
        elif words & {"color", "colour", "rgb"}:
            rank, text = 12, f"in {told.replace('-', ' ')}"
        elif "language" in words:
            rank, text = 6, f"in {told}"
        elif "visibility" in words and len(name_words) > 1:
            kept = [word for word in name_words if word != self._noun]
            rank, text = ONLY_IF_ASKED, f"{' '.join(kept)} set to {told}"
        elif "duration" in words:
            rank, text = 5, f"valid {told}" if told in ("once", "forever") else told
        elif len(name_words) == 1 or not rest or rest == [self._noun]:
            rank, text = 5, told
        elif rest[-1:] == ["location"]:
            rank, text = 5, f"by {told}" if {"call", "conference"} & set(told.split()) else told
        elif "brand" in words or "category" in words:
            rank, text = 6, told
        elif {"owner", "canceler", "view"} & words:
            rank, text = ONLY_IF_ASKED, f"{' '.join(name_words)} {told}"
        else:
            rank, text = 6 if len(rest) == 1 else ONLY_IN_DETAIL, f"{' '.join(rest)} {told}"
        asked = words | {"kind"} if "kind" in name_words else words
        self._add(Detail("choice", asked, text, rank, told, " ".join(name_words)))

    # ── parts ─────────────────────────────────────────────────────────────────────────────────

    def _add(self, detail: Detail) -> None:
        self._thing.details.append(detail)

    def _add_moment(self, name: str, value: Any, moment: str) -> None:
        name_words = split_words(name)
        meaning = decide_field_meaning(
            name,
            {"type": "string", "format": "date-time" if isinstance(value, dict) or len(str(value)) > 10 else "date"},
        )
        kept = [word for word in name_words if word not in ("at", "on", "date", "time")]
        participle = next((word for word in kept if word in _PARTICIPLES), "")
        words = frozenset((*name_words, "date", "time"))
        if not kept or set(name_words) <= _MOMENT_NAMES:
            text, rank = moment, 2
        elif meaning.phase == "changed":
            text, rank = f"last changed {moment}", 6
            words |= {"changed", "modified", "updated", "touched"}
        elif meaning.phase == "expires" or kept[-1].startswith("expir"):
            text, rank = f"valid until {moment}", 3
            words |= {"expires"}
        elif kept == ["due"]:
            text, rank = f"due {moment}", 1
        elif kept in (["start"], ["starts"], ["started"]):
            text, rank = f"{'started' if kept == ['started'] else 'starts'} {moment}", 1
            words |= {"start"}
        elif kept in (["end"], ["ends"]):
            text, rank = f"ends {moment}", 1
        elif kept[-1] == "end":
            text, rank = f"{' '.join(kept[:-1])} ends {moment}", 4
        elif participle and kept == [participle]:
            is_written = self._noun in ("comment", "message", "reply", "note", "post")
            rank = 7 if participle in ("created", "joined", "added") and not is_written else 3
            text = f"{participle} {moment}"
        elif kept == ["last", "message"]:
            text, rank = f"last message {moment}", 4
        else:
            text, rank = f"{' '.join(kept)} {moment}", 4
        self._add(Detail("moment", words, text, rank, moment))

    def _add_people(self, name: str, people: Sequence["_Person"]) -> None:
        words = split_words(name)
        singular = " ".join([*words[:-1], to_singular(words[-1])]) if words else ""
        names = join_words(list(dict.fromkeys(person.name or person.email for person in people)))
        last = to_singular(words[-1]) if words else ""
        form = _RELATIONS.get(singular) or _RELATIONS.get(last)
        text = form.format(x=names) if form else f"{singular} {names}"
        rank = 7 if last in _OWN_ORGANISERS else 3
        if last in ("to", "recipient"):
            rank = 4
        if singular in ("assignee", "customer"):
            rank = 2
        if len(words) > 2:  # `last_modifying_user`
            rank = 5
        if last in ("customer", "contact"):
            self._main_person = self._main_person or names
        if last == "contact":  # a conversation is known by the person
            self._contact = names
        asked = frozenset(
            (*words, singular, last, *PERSON_OF_WORD.get(last, "").split(), *_PERSON_ALIASES.get(last, ()))
        )
        if {"edited", "modifying"} & set(words):
            asked |= {"touched", "changed", "edited", "last"}
        self._add(Detail("people", asked, text, rank, names))
        replies = [
            f"{person.name or person.email} ({_render_reply(person.reply)})" for person in people if person.reply
        ]
        if replies:
            told = join_words(replies)
            self._add(Detail("replies", asked | {"accepted", "response", "coming"}, told, ONLY_IN_DETAIL, told))
        addresses = [person.email for person in people if person.email and person.name]
        if addresses:
            told = join_words(addresses)
            self._add(
                Detail("contact", frozenset(("email", "address", "addresses", "mail")), told, ONLY_IF_ASKED, told)
            )


_PERSON_ALIASES = {
    "owner": ("owns", "own"),
    "assignee": ("assigned", "has", "working"),
    "host": ("hosting", "hosts"),
    "attendee": ("coming", "invited", "accepted", "attending"),
    "author": ("wrote", "said", "commented"),
    "sender": ("wrote", "sent"),
}


class _Person(NamedTuple):
    """A person inside a result."""

    name: str
    email: str
    reply: str = ""


def _read_person(item: dict[str, Any]) -> _Person | None:
    """Reads an object as a person: one with a name or an address; None if it has neither."""
    name = next(
        (
            str(item[key])
            for key in ("name", "display_name", "displayName", "full_name", "fullName")
            if isinstance(item.get(key), str)
        ),
        "",
    )
    email = next((value for key, value in item.items() if isinstance(value, str) and "@" in value and key), "")
    reply = next((str(item[key]) for key in item if "response" in split_words(key) and item[key]), "")
    return _Person(name, email, reply) if name or email else None


def _names_person(words: Sequence[str], item: dict[str, Any]) -> bool:
    """True if an object is somebody, by the name of its field or because it has an address."""
    forms = {*words, *map(to_singular, words)}
    return (
        bool(forms & PERSON_NOUNS)
        or bool(forms & PERSON_OF_WORD.keys())
        or any("email" in split_words(key) or key == "displayName" for key in item)
    )


def _render_reply(reply: str) -> str:
    """Says an answer to an invitation: `needsAction` → `no answer yet`."""
    words = render_constant(reply)
    return "no answer yet" if words in ("needs action", "pending", "none", "not responded") else words
