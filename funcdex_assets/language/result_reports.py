"""Sentences about results: the assistant's report on a call, with real values of its result.

Here belongs the wording of results; choosing which result is reported is the roles' task, and words for calls that are
still to be made are in `phrases.py`. The phrasebook has the words for a finished action; a resource is described by its
title and its most telling details: `"Gym roof" — status open, due tomorrow.`
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from random import Random
from typing import Any, NamedTuple

import msgspec

from funcdex_assets.language import values
from funcdex_assets.language.lexicon import fill, phrasebook, slots_of
from funcdex_assets.language.request_phrases import infinitive
from funcdex_assets.language.spoken_values import is_minor_unit, read_moment, spoken_forms
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.json_pointers import scalars
from funcdex_assets.schema.leaves import leaves
from funcdex_assets.schema.words import plural, singular, words
from funcdex_assets.semantics.tool_names import is_id, is_page_token, parse_tool_name
from funcdex_assets.semantics.vocabulary import NAMING_WORDS, SIZE_WORDS, STATE_WORDS

_DULL = frozenset(
    ("kind etag type object mime self color version format visibility schema locale livemode index prefix").split()
)
MOST_DETAILS = 6  # of one resource; a longer list is not read
MANY_WORDS = 4  # spaces; a longer value is quoted, as it would not be told from the sentence around it
_LONGEST_QUOTE = 160
_LONGEST_MEMORY = 60
_FIELDS = {
    "updated": "date of the last change",
    "modified": "date of the last change",
    "created": "creation date",
    "sent": "sending date",
    "received": "date of receipt",
    "completed": "completion date",
    "email": "email address",
    "from": "sender",
    "to": "recipient",
    "when": "date",
    "expires": "expiry date",
    "due": "due date",
    "due on": "due date",
}
_CONSTANT = re.compile(r"[A-Z]+(?:_[A-Z]+)+|[a-z]+(?:_[a-z]+)+|[a-z]+(?:[A-Z][a-z]+)+")
_TEXTS = frozenset("read reads say says said saying text write wrote written writing content discussion".split())
_READS = ("It reads", "It says", "It begins", "In it")
_ANSWERS: Mapping[str, frozenset[str]] = {
    "who": frozenset("owner owners organizer creator host hosts attendees assignee user email members".split()),
    "whose": frozenset("owner owners organizer creator assignee".split()),
    "hosting": frozenset("host hosts memberships".split()),
    "owns": frozenset("owner owners".split()),
    "coming": frozenset("attendees".split()),
    "accepted": frozenset("attendees response".split()),
    "touched": frozenset("modified modifying".split()),
    "changed": frozenset("modified updated".split()),
    "when": frozenset("start date due time".split()),
    "where": frozenset("location place address".split()),
    "big": frozenset("size bytes".split()),
    "cost": frozenset("amount price unit".split()),
    "charge": frozenset("amount price unit".split()),
    "invoiced": frozenset("amount total".split()),
    "paid": frozenset("amount status".split()),
    "long": frozenset("duration".split()),
    "state": frozenset("status".split()),
    "number": frozenset("phone".split()),
}
"""Words of the fields that answer a question, by a word of the question."""
_UNITS = frozenset("seconds minutes hours days weeks months years".split())


def report(tool: Tool, said: Mapping[str, str], result: Any, now: datetime, rng: Random, request: str = "") -> str:
    """Reports in one or two sentences what a call did or found, with real values of its result.

    Values that answer the `request` come first. `slot_words` fill the phrasebook's templates of a finished action.
    """
    parsed = parse_tool_name(tool.name)
    answer_words = _asked_for(request)
    result = _in_units(result, _minor_units(msgspec.json.encode(tool.returns)))
    items, noun = _main_items(result)
    if items is not None and (parsed.action == "list" or (parsed.action == "get" and _is_listing(result))):
        return _found(items, noun or parsed.noun, now, rng, answer_words)
    entry = phrasebook().get(tool.name)
    label, details = describe(result, now, answer_words)
    if not label and not details and not entry:  # an id is better than no detail at all
        details = _ids(result)
    if parsed.action in ("list", "get"):
        quoted = first_sentence(result) if answer_words & _TEXTS or not (label or details or items) else ""
        if label:
            return f"{label}{_joined(details, rng)}." + (f' {rng.choice(_READS)}: "{quoted}"' if quoted else "")
        if items is not None:
            return _found(items, noun or parsed.noun, now, rng, answer_words)
        if details:
            sentence = f"The {' '.join(parsed.words)}: {', '.join(details[:4])}."
            return sentence + (f' {rng.choice(_READS)}: "{quoted}"' if quoted else "")
        return f'The {parsed.noun} says: "{quoted}"' if quoted else f"The {parsed.noun} is there."
    options = [wording for wording in entry.done if slots_of(wording) <= said.keys()] if entry else []
    wording = fill(rng.choice(options), said) if options else f"{infinitive(tool.name, rng)}: done"
    if label and label not in wording and (not details or rng.random() < 0.6):
        details = [label, *details]
    unsaid_details = [detail for detail in details if (detail.partition(" ")[2] or detail) not in wording]
    bracketed = f" ({', '.join(unsaid_details[:2])})" if unsaid_details else ""
    return f"{values.sentence(wording)}{bracketed}."


@cache
def _minor_units(returns: bytes) -> frozenset[str]:
    """Returns the names of the fields in cents; `returns` is the result's schema as JSON."""
    schema = msgspec.json.decode(returns)
    return frozenset(leaf.name for leaf in leaves(schema) if is_minor_unit(leaf.schema)) if schema else frozenset()


def _in_units(value: Any, minor: frozenset[str]) -> Any:
    """Returns a copy of the result in which amounts in cents are written as people do: 1250 → "$12.50"."""
    if not minor:
        return value
    if isinstance(value, dict):
        return {
            key: f"${item / 100:,.2f}" if key in minor and isinstance(item, int) else _in_units(item, minor)
            for key, item in value.items()
        }
    return [_in_units(item, minor) for item in value] if isinstance(value, list) else value


def _found(items: Sequence[Any], noun: str, now: datetime, rng: Random, asked: frozenset[str]) -> str:
    """Reports a listing: its length, and descriptions of the first three items."""
    if not items:
        return f"I found no {plural(noun)}."
    descriptions = [_item(item, now, asked) for item in items[:3]]
    count = len(items)
    if count == 1:
        return rng.choice(("There's one {n}: {a}.", "I found one {n}: {a}.", "Just one {n} came up: {a}.")).format(
            n=noun, a=descriptions[0]
        )
    lead = rng.choice(("I found {c} {n}", "There are {c} {n}", "{c} {n} came up", "I can see {c} {n}")).format(
        c=count, n=plural(noun)
    )
    if rng.random() < 0.35:
        more = [f"- and {count - len(descriptions)} more"] if count > len(descriptions) else []
        return lead + ":\n" + "\n".join([*(f"- {text}" for text in descriptions), *more])
    ending = "" if count <= 3 else ", among others"
    return (
        f"{lead}: {'; '.join(descriptions[:-1])}{'; and ' if len(descriptions) > 1 else ''}{descriptions[-1]}{ending}."
    )


def _item(item: Any, now: datetime, asked: frozenset[str]) -> str:
    """Describes one item of a listing by its title and two details: `"Gym roof" (status open, due tomorrow)`."""
    if not isinstance(item, dict):
        return str(item)
    label, details = describe(item, now, asked)
    return f"{label}{' (' + ', '.join(details[:2]) + ')' if details else ''}" if label else ", ".join(details[:3])


def describe(value: Any, now: datetime, asked: frozenset[str] = frozenset()) -> tuple[str, list[str]]:
    """Returns the quoted title of a result and its most telling details, each with its value in words.

    Details whose field is among the `answer_words` come first.
    """
    value = _unwrap(value)
    if not isinstance(value, dict):
        return "", [str(value)] if value not in (None, "", [], {}) else []
    label, details = _telling(value, asked)
    unquoted_label = label.strip('"')
    texts: list[str] = []
    for index, (steps, leaf) in enumerate(details[:MOST_DETAILS]):
        text = _detail(steps, leaf, now)
        name, _, value_words = text.partition(" ")
        if index and details[index - 1][0] == steps and value_words and texts and texts[-1].startswith(f"{name} "):
            texts[-1] += f" and {value_words}"  # the next item of the same array
        else:
            texts.append(text)
    return label, list(dict.fromkeys(text for text in texts if not unquoted_label or not text.endswith(unquoted_label)))


def title_of(result: Any, identity: Any) -> str:
    """Returns the quoted title of the object with this id anywhere in a result; '' if it is not there or has none."""
    queue = [result]
    while queue:
        node = queue.pop()
        if isinstance(node, list):
            queue += node
        elif isinstance(node, dict):
            queue += [value for value in node.values() if isinstance(value, dict | list)]
            if any(value == identity and is_id(key) for key, value in node.items()):
                label, _ = _telling({key: value for key, value in node.items() if not isinstance(value, dict | list)})
                if label:
                    return label
    return ""


class Memory(NamedTuple):
    """A detail of a result that the user may ask for again: `item` had `value` as its `field`, all in words.

    If it is not the only item of the result (`is_only_item`), a question has to name it.
    """

    field: str
    value: str
    thing: str
    sole: bool

    def slots(self) -> dict[str, str]:
        """Returns the words for the slots of a template that asks for the detail."""
        return {"field": self.field, "value": self.value, "thing": self.thing}


def memorable(result: Any, noun: str, now: datetime) -> list[Memory]:
    """Returns the details of a result's resource, or of its first item if it is a listing, that the user may recall.

    Long texts, links, nested fields and arrays are left out.
    """
    items, listed_noun = _main_items(result)
    subject = items[0] if items else _unwrap(result)
    if not isinstance(subject, dict) or (items and parse_tool_name(f"list_{listed_noun}").noun == ""):
        return []
    label, details = _telling(subject)
    item_words = label or (
        f"the first {listed_noun or noun}" if items and len(items) > 1 else f"that {listed_noun or noun}"
    )
    recallable = []
    for steps, leaf in details:
        field_words = _field(steps[-1])
        if (
            len(steps) > 1
            or singular(steps[-1]) != steps[-1]
            or (isinstance(leaf, str) and (len(leaf) > _LONGEST_MEMORY or "\n" in leaf or "://" in leaf))
        ):
            continue
        moment = read_moment({}, leaf) if isinstance(leaf, str) else None
        value_words = str(leaf)
        if moment is not None:
            moment_schema = {"format": "date-time" if isinstance(moment, datetime) else "date"}
            value_words = spoken_forms(field_words, moment_schema, leaf, now)[0]
        elif isinstance(leaf, str) and _CONSTANT.fullmatch(leaf):
            value_words = _in_words(leaf)
        recallable.append(Memory(field_words, value_words, item_words, not items or len(items) == 1))
    return recallable


def _field(name: str) -> str:
    """Names a field as people do: `updated_at` → `date of the last change`."""
    field_words = " ".join(words(name)).removesuffix(" at").removesuffix(" date").removesuffix(" time")
    return _FIELDS.get(field_words, field_words if field_words == " ".join(words(name)) else f"{field_words} date")


@lru_cache(1024)
def _asked_for(request: str) -> frozenset[str]:
    """Returns the request's words and those of the fields that answer it: `owner` and `email` for "who owns it?"."""
    request_words = frozenset(words(request))
    return (
        request_words.union(*(fields for word, fields in _ANSWERS.items() if word in request_words))
        if request_words
        else request_words
    )


def _telling(value: dict[str, Any], asked: frozenset[str] = frozenset()) -> tuple[str, list[tuple[list[str], Any]]]:
    """Splits a resource into its quoted title and its details: the steps to each value, and the value.

    The most telling come first. Ids, flags, page tokens, long texts, deep fields and all links but the first are left
    out; '' is the title of a resource that has none.
    """
    label = ""
    details: list[tuple[int, list[str], Any]] = []
    for pointer, leaf in scalars(value):
        steps = [step for step in pointer.split("/")[1:] if not step.isdigit()]
        name = steps[-1] if steps else ""
        name_words = set(words(name))
        if leaf in (None, "", [], {}) or is_page_token(name) or name_words & _DULL or len(steps) > 3:
            continue
        if is_id(name) and "key" not in name_words:
            continue
        if (
            isinstance(leaf, bool)
            or (name_words & SIZE_WORDS and not name_words & asked)
            or (pointer.count("/") > 2 and "/0" not in pointer)
        ):
            continue
        is_person = len(steps) > 1 and bool(set(words(steps[-2])) & values.PEOPLE)
        if (
            not label
            and not is_person
            and len(steps) <= 2
            and isinstance(leaf, str)
            and (name_words & NAMING_WORDS or (name == "content" and len(leaf) < 80))
        ):
            label = f'"{leaf}"'
        elif isinstance(leaf, str) and len(leaf) > (60 if name_words & values.BODIES else 120):
            continue
        else:
            words_of_path = {*name_words, *words(steps[-2])} if len(steps) > 1 else name_words
            details.append((-1 if words_of_path & asked else _rank(name_words, leaf), steps, leaf))
    details.sort(key=lambda item: item[0])
    links = [leaf for *_, leaf in details if isinstance(leaf, str) and "://" in leaf]
    return label, [(steps, leaf) for _, steps, leaf in details if leaf not in links[1:]]


def first_sentence(value: Any) -> str:
    """Returns the first sentence of the first long text in a result; '' if there is none.

    >>> find_first_sentence({"content": "Blocked until Monday. I'll chase again on Sunday, before the meeting begins."})
    'Blocked until Monday.'
    """
    text = next((leaf for _, leaf in scalars(value) if isinstance(leaf, str) and len(leaf) > 40), "")
    return re.split(r"(?<=[.!?])\s|\n", text.strip(), maxsplit=1)[0][:_LONGEST_QUOTE]


def _ids(value: Any) -> list[str]:
    """Lists the first two ids in a result with their names: `thread id 18c2`."""
    identifiers: list[str] = []
    for pointer, leaf in scalars(value):
        steps = [step for step in pointer.split("/")[1:] if not step.isdigit()]
        if steps and is_id(steps[-1]) and isinstance(leaf, str | int) and not isinstance(leaf, bool) and leaf != "":
            identifiers.append(f"{' '.join(words(steps[-1]))} {leaf}")
    return identifiers[:2]


def _rank(parts: set[str], value: Any) -> int:
    """Ranks a detail by how telling it is, from 0 for a key or number to 7."""
    order = (
        {"key", "number"},
        STATE_WORDS,
        {"start", "due", "date", "at", "time"},
        {"amount", "total", "price"},
        {"email", "owner", "assignee", "from"},
        {"link", "url"},
    )
    return next(
        (index for index, group in enumerate(order) if parts & group),
        6 if isinstance(value, int | float) else 7,
    )


def _detail(steps: Sequence[str], value: Any, now: datetime) -> str:
    """Phrases a detail by its name and value: `status open`, `3 attendees`, `due tomorrow`."""
    name = " ".join(words(steps[-1]))
    if len(steps) > 1 and name in ("name", "email", "date time", "value", "date", "display name"):
        name = " ".join(words(steps[-2]))
    if isinstance(value, str):
        moment = read_moment({}, value)
        if moment is not None:
            moment_schema = {"format": "date-time" if isinstance(moment, datetime) else "date"}
            moment_words = spoken_forms(name, moment_schema, value, now)[0]
            bare_name = name.removesuffix(" at").removesuffix(" on").removesuffix(" date").removesuffix(" time")
            return moment_words if name in ("date", "time", "when", "timestamp") else f"{bare_name} {moment_words}"
        if value.startswith("http") or "@" in value:
            return value
        return f"{name} {_in_words(value)}" if value.count(" ") < MANY_WORDS else f'{name} "{value}"'
    *words_before, last_word = name.split()
    if words_before in (["num"], ["number", "of"]):
        return f"{value} {last_word if value != 1 else singular(last_word)}"
    if words_before and last_word in _UNITS:
        return f"{' '.join(words_before)} {value} {last_word if value != 1 else singular(last_word)}"
    if words_before and {"percent", "percentage"} & {*words_before, last_word}:
        return " ".join(
            (f"{value}%", *(word for word in (*words_before, last_word) if word not in ("percent", "percentage")))
        )
    return f"{name} {value}"


def _in_words(value: str) -> str:
    """Says a constant as people do: `IN_PROGRESS` and `inProgress` → `in progress`; other texts stay as they are."""
    return " ".join(words(value)) if _CONSTANT.fullmatch(value) else value


def _joined(details: Sequence[str], rng: Random) -> str:
    """Joins the first three details as they follow a title; without any, " is open"."""
    return rng.choice((" — ", ": ")) + ", ".join(details[:3]) if details else " is open"


def _unwrap(result: Any) -> Any:
    """Returns the resource inside `{"event": {…}}` or `{"data": {…}}`, else the result itself."""
    if isinstance(result, dict):
        nested = [value for value in result.values() if isinstance(value, dict) and value]
        if len(nested) == 1 and len(result) <= 3:
            return _unwrap(nested[0])
    return result


def _is_listing(result: Any) -> bool:
    """True for a result that is an array, or has only scalars beside its arrays and no title of its own."""
    return (
        not any(isinstance(value, dict) or set(words(key)) & NAMING_WORDS for key, value in result.items())
        if isinstance(result, dict)
        else isinstance(result, list)
    )


def _main_items(result: Any) -> tuple[Sequence[Any] | None, str]:
    """Returns the first array of objects in a result and the singular of its name; None and '' if there is none."""
    items: Sequence[Any] | None = None
    noun = ""
    queue = [("", result, 0)]
    while queue:
        name, value, depth = queue.pop(0)
        if isinstance(value, dict) and depth < 2:
            queue += [(key, inner_value, depth + 1) for key, inner_value in value.items()]
        elif isinstance(value, list) and (not value or isinstance(value[0], dict)) and items is None:
            items, noun = value, " ".join(parse_tool_name(f"list_{name}").words)
    return items, noun
