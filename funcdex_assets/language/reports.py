"""Sentences about results: what a call found or did, told with its real values.

The phrasebook has the words for what was done; what was found is described by its title and its most
telling details. Nothing here decides *what* is reported, only how.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from random import Random
from typing import Any, NamedTuple

import msgspec

from funcdex_assets.catalog.json_schema import leaves, scalars
from funcdex_assets.catalog.names import is_id, is_page_token, parse_tool_name, plural, singular, words
from funcdex_assets.language import values
from funcdex_assets.language.lexicon import fill, phrasebook, slots_of
from funcdex_assets.language.phrases import infinitive
from funcdex_assets.language.spoken import is_minor_unit, read_moment, spoken_forms
from funcdex_assets.records import Tool
from funcdex_assets.semantics.vocabulary import NAMING_WORDS, SIZE_WORDS, STATE_WORDS

_DULL = frozenset(
    ("kind etag type object mime self color version format visibility schema locale livemode index prefix").split()
)
MOST_DETAILS = 6
MANY_WORDS = 4  # longer values are quoted
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
"""The fields by which a question is answered."""
_UNITS = frozenset("seconds minutes hours days weeks months years".split())


def report(tool: Tool, said: Mapping[str, str], result: Any, now: datetime, rng: Random, request: str = "") -> str:
    """One or two sentences that tell the user what a call did or found, with real values of its result: first those
    that answer the `request`.
    """
    parsed = parse_tool_name(tool.name)
    asked = _asked_for(request)
    result = _in_units(result, _minor_units(msgspec.json.encode(tool.returns)))
    items, noun = _main_items(result)
    if items is not None and (parsed.action == "list" or (parsed.action == "get" and _is_listing(result))):
        return _found(items, noun or parsed.noun, now, rng, asked)
    entry = phrasebook().get(tool.name)
    label, details = describe(result, now, asked)
    if not label and not details and not entry:  # an id tells more than nothing
        details = _ids(result)
    if parsed.action in ("list", "get"):
        quoted = first_sentence(result) if asked & _TEXTS or not (label or details or items) else ""
        if label:
            return f"{label}{_joined(details, rng)}." + (f' {rng.choice(_READS)}: "{quoted}"' if quoted else "")
        if items is not None:
            return _found(items, noun or parsed.noun, now, rng, asked)
        if details:
            told = f"The {' '.join(parsed.words)}: {', '.join(details[:4])}."
            return told + (f' {rng.choice(_READS)}: "{quoted}"' if quoted else "")
        return f'The {parsed.noun} says: "{quoted}"' if quoted else f"The {parsed.noun} is there."
    options = [text for text in entry.done if slots_of(text) <= said.keys()] if entry else []
    text = fill(rng.choice(options), said) if options else f"{infinitive(tool.name, rng)}: done"
    if label and label not in text and (not details or rng.random() < 0.6):
        details = [label, *details]
    unsaid = [detail for detail in details if (detail.partition(" ")[2] or detail) not in text]
    shown = f" ({', '.join(unsaid[:2])})" if unsaid else ""
    return f"{values.sentence(text)}{shown}."


@cache
def _minor_units(returns: bytes) -> frozenset[str]:
    """Names of the amounts that a result counts in cents."""
    schema = msgspec.json.decode(returns)
    return frozenset(leaf.name for leaf in leaves(schema) if is_minor_unit(leaf.schema)) if schema else frozenset()


def _in_units(value: Any, minor: frozenset[str]) -> Any:
    """The result with its cents written as people write amounts."""
    if not minor:
        return value
    if isinstance(value, dict):
        return {
            key: f"${part / 100:,.2f}" if key in minor and isinstance(part, int) else _in_units(part, minor)
            for key, part in value.items()
        }
    return [_in_units(part, minor) for part in value] if isinstance(value, list) else value


def _found(items: Sequence[Any], noun: str, now: datetime, rng: Random, asked: frozenset[str]) -> str:
    if not items:
        return f"I found no {plural(noun)}."
    shown = [_item(item, now, asked) for item in items[:3]]
    count = len(items)
    if count == 1:
        return rng.choice(("There's one {n}: {a}.", "I found one {n}: {a}.", "Just one {n} came up: {a}.")).format(
            n=noun, a=shown[0]
        )
    lead = rng.choice(("I found {c} {n}", "There are {c} {n}", "{c} {n} came up", "I can see {c} {n}")).format(
        c=count, n=plural(noun)
    )
    if rng.random() < 0.35:
        more = [f"- and {count - len(shown)} more"] if count > len(shown) else []
        return lead + ":\n" + "\n".join([*(f"- {text}" for text in shown), *more])
    rest = "" if count <= 3 else ", among others"
    return f"{lead}: {'; '.join(shown[:-1])}{'; and ' if len(shown) > 1 else ''}{shown[-1]}{rest}."


def _item(item: Any, now: datetime, asked: frozenset[str]) -> str:
    if not isinstance(item, dict):
        return str(item)
    label, details = describe(item, now, asked)
    return f"{label}{' (' + ', '.join(details[:2]) + ')' if details else ''}" if label else ", ".join(details[:3])


def describe(value: Any, now: datetime, asked: frozenset[str] = frozenset()) -> tuple[str, list[str]]:
    """The title of a result and its telling details, each a real value said in words; those of fields that were
    `asked` for come first.
    """
    value = _unwrap(value)
    if not isinstance(value, dict):
        return "", [str(value)] if value not in (None, "", [], {}) else []
    label, details = _telling(value, asked)
    plain = label.strip('"')
    texts: list[str] = []
    for place, (steps, leaf) in enumerate(details[:MOST_DETAILS]):
        text = _detail(steps, leaf, now)
        name, _, rest = text.partition(" ")
        if place and details[place - 1][0] == steps and rest and texts and texts[-1].startswith(f"{name} "):
            texts[-1] += f" and {rest}"  # another of the same list
        else:
            texts.append(text)
    return label, list(dict.fromkeys(text for text in texts if not plain or not text.endswith(plain)))


def title_of(result: Any, identity: Any) -> str:
    """What a thing is called, in quotation marks, where a result has an object of its own with this id; else ''."""
    queue = [result]
    while queue:
        part = queue.pop()
        if isinstance(part, list):
            queue += part
        elif isinstance(part, dict):
            queue += [value for value in part.values() if isinstance(value, dict | list)]
            if any(value == identity and is_id(key) for key, value in part.items()):
                label, _ = _telling({key: value for key, value in part.items() if not isinstance(value, dict | list)})
                if label:
                    return label
    return ""


class Memory(NamedTuple):
    """A detail of a result that somebody may ask for again: `thing` had `value` as its `field`, all in words.

    Where the thing is not the `sole` one of the result, it has to be named.
    """

    field: str
    value: str
    thing: str
    sole: bool

    def slots(self) -> dict[str, str]:
        return {"field": self.field, "value": self.value, "thing": self.thing}


def memorable(result: Any, noun: str, now: datetime) -> list[Memory]:
    """What a result tells about the one thing that it is about, or about the first that it lists."""
    items, listed = _main_items(result)
    about = items[0] if items else _unwrap(result)
    if not isinstance(about, dict) or (items and parse_tool_name(f"list_{listed}").noun == ""):
        return []
    label, details = _telling(about)
    thing = label or (f"the first {listed or noun}" if items and len(items) > 1 else f"that {listed or noun}")
    found = []
    for steps, leaf in details:
        field = _field(steps[-1])
        if (
            len(steps) > 1
            or singular(steps[-1]) != steps[-1]
            or (isinstance(leaf, str) and (len(leaf) > _LONGEST_MEMORY or "\n" in leaf or "://" in leaf))
        ):
            continue
        moment = read_moment({}, leaf) if isinstance(leaf, str) else None
        said = str(leaf)
        if moment is not None:
            form = {"format": "date-time" if isinstance(moment, datetime) else "date"}
            said = spoken_forms(field, form, leaf, now)[0]
        elif isinstance(leaf, str) and _CONSTANT.fullmatch(leaf):
            said = _in_words(leaf)
        found.append(Memory(field, said, thing, not items or len(items) == 1))
    return found


def _field(name: str) -> str:
    """What people call a field: `updated_at` is the date of the last change."""
    said = " ".join(words(name)).removesuffix(" at").removesuffix(" date").removesuffix(" time")
    return _FIELDS.get(said, said if said == " ".join(words(name)) else f"{said} date")


@lru_cache(1024)
def _asked_for(request: str) -> frozenset[str]:
    """Words of the fields that answer a request: of "who owns it?" `owner` and `email`."""
    said = frozenset(words(request))
    return said.union(*(fields for word, fields in _ANSWERS.items() if word in said)) if said else said


def _telling(value: dict[str, Any], asked: frozenset[str] = frozenset()) -> tuple[str, list[tuple[list[str], Any]]]:
    """The title of a thing, in quotation marks, and its details by name and value, the most telling first."""
    label = ""
    details: list[tuple[int, list[str], Any]] = []
    for pointer, leaf in scalars(value):
        steps = [step for step in pointer.split("/")[1:] if not step.isdigit()]
        name = steps[-1] if steps else ""
        parts = set(words(name))
        if leaf in (None, "", [], {}) or is_page_token(name) or parts & _DULL or len(steps) > 3:
            continue
        if is_id(name) and "key" not in parts:
            continue
        if (
            isinstance(leaf, bool)
            or (parts & SIZE_WORDS and not parts & asked)
            or (pointer.count("/") > 2 and "/0" not in pointer)
        ):
            continue
        person = len(steps) > 1 and bool(set(words(steps[-2])) & values.PEOPLE)
        if (
            not label
            and not person
            and len(steps) <= 2
            and isinstance(leaf, str)
            and (parts & NAMING_WORDS or (name == "content" and len(leaf) < 80))
        ):
            label = f'"{leaf}"'
        elif isinstance(leaf, str) and len(leaf) > (60 if parts & values.BODIES else 120):
            continue
        else:
            within = {*parts, *words(steps[-2])} if len(steps) > 1 else parts
            details.append((-1 if within & asked else _rank(parts, leaf), steps, leaf))
    details.sort(key=lambda item: item[0])
    links = [leaf for *_, leaf in details if isinstance(leaf, str) and "://" in leaf]
    return label, [(steps, leaf) for _, steps, leaf in details if leaf not in links[1:]]


def first_sentence(value: Any) -> str:
    """How the first long text in a result begins; '' where there is none.

    >>> first_sentence({"content": "Blocked until Monday. I'll chase again on Sunday, before the meeting begins."})
    'Blocked until Monday.'
    """
    text = next((leaf for _, leaf in scalars(value) if isinstance(leaf, str) and len(leaf) > 40), "")
    return re.split(r"(?<=[.!?])\s|\n", text.strip(), maxsplit=1)[0][:_LONGEST_QUOTE]


def _ids(value: Any) -> list[str]:
    """The first identifiers in a result, with what they identify."""
    found: list[str] = []
    for pointer, leaf in scalars(value):
        steps = [step for step in pointer.split("/")[1:] if not step.isdigit()]
        if steps and is_id(steps[-1]) and isinstance(leaf, str | int) and not isinstance(leaf, bool) and leaf != "":
            found.append(f"{' '.join(words(steps[-1]))} {leaf}")
    return found[:2]


def _rank(parts: set[str], value: Any) -> int:
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
    name = " ".join(words(steps[-1]))
    if len(steps) > 1 and name in ("name", "email", "date time", "value", "date", "display name"):
        name = " ".join(words(steps[-2]))
    if isinstance(value, str):
        moment = read_moment({}, value)
        if moment is not None:
            form = {"format": "date-time" if isinstance(moment, datetime) else "date"}
            said = spoken_forms(name, form, value, now)[0]
            plain = name.removesuffix(" at").removesuffix(" on").removesuffix(" date").removesuffix(" time")
            return said if name in ("date", "time", "when", "timestamp") else f"{plain} {said}"
        if value.startswith("http") or "@" in value:
            return value
        return f"{name} {_in_words(value)}" if value.count(" ") < MANY_WORDS else f'{name} "{value}"'
    *before, last = name.split()
    if before in (["num"], ["number", "of"]):
        return f"{value} {last if value != 1 else singular(last)}"
    if before and last in _UNITS:
        return f"{' '.join(before)} {value} {last if value != 1 else singular(last)}"
    if before and {"percent", "percentage"} & {*before, last}:
        return " ".join((f"{value}%", *(word for word in (*before, last) if word not in ("percent", "percentage"))))
    return f"{name} {value}"


def _in_words(value: str) -> str:
    """A constant as people say it: `IN_PROGRESS` and `inProgress` are in progress."""
    return " ".join(words(value)) if _CONSTANT.fullmatch(value) else value


def _joined(details: Sequence[str], rng: Random) -> str:
    return rng.choice((" — ", ": ")) + ", ".join(details[:3]) if details else " is open"


def _unwrap(result: Any) -> Any:
    """The resource inside `{"event": {…}}` or `{"data": {…}}`, else the result itself."""
    if isinstance(result, dict):
        nested = [part for part in result.values() if isinstance(part, dict) and part]
        if len(nested) == 1 and len(result) <= 3:
            return _unwrap(nested[0])
    return result


def _is_listing(result: Any) -> bool:
    """Whether a result is a list of things with nothing but scalars beside it, and no title of its own."""
    return (
        not any(isinstance(part, dict) or set(words(key)) & NAMING_WORDS for key, part in result.items())
        if isinstance(result, dict)
        else isinstance(result, list)
    )


def _main_items(result: Any) -> tuple[Sequence[Any] | None, str]:
    """The longest list of objects in a result and the singular of its name."""
    best: Sequence[Any] | None = None
    noun = ""
    queue = [("", result, 0)]
    while queue:
        name, value, depth = queue.pop(0)
        if isinstance(value, dict) and depth < 2:
            queue += [(key, part, depth + 1) for key, part in value.items()]
        elif isinstance(value, list) and (not value or isinstance(value[0], dict)) and best is None:
            best, noun = value, " ".join(parse_tool_name(f"list_{name}").words)
    return best, noun
