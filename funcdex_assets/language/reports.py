"""Sentences about results: what a call found or did, told with its real values.

The phrasebook has the words for what was done; what was found is described by its title and its most
telling details. Nothing here decides *what* is reported, only how.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
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

_DULL = frozenset(("kind etag type object mime self color version format visibility schema locale livemode").split())
MOST_DETAILS = 6
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
}
_CONSTANT = re.compile(r"[A-Z]+(?:_[A-Z]+)+|[a-z]+(?:_[a-z]+)+")


def report(tool: Tool, said: Mapping[str, str], result: Any, now: datetime, rng: Random) -> str:
    """One or two sentences that tell the user what a call did or found, with real values of its result."""
    parsed = parse_tool_name(tool.name)
    result = _in_units(result, _minor_units(msgspec.json.encode(tool.returns)))
    items, noun = _main_items(result)
    if parsed.action == "list" and items is not None:
        return _found(items, noun or parsed.noun, now, rng)
    entry = phrasebook().get(tool.name)
    label, details = describe(result, now)
    if not label and not details and not entry:  # an id tells more than nothing
        details = _ids(result)
    if parsed.action in ("list", "get"):
        if label:
            return f"{label}{_joined(details, rng)}."
        if items is not None:
            return _found(items, noun or parsed.noun, now, rng)
        if details:
            return f"The {' '.join(parsed.words)}: {', '.join(details[:4])}."
        beginning = first_sentence(result)
        return f'The {parsed.noun} says: "{beginning}"' if beginning else f"The {parsed.noun} is there."
    options = [text for text in entry.done if slots_of(text) <= said.keys()] if entry else []
    text = fill(rng.choice(options), said) if options else f"{infinitive(tool.name, rng)}: done"
    if label and label not in text and rng.random() < 0.6:
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


def _found(items: Sequence[Any], noun: str, now: datetime, rng: Random) -> str:
    if not items:
        return f"I found no {plural(noun)}."
    shown = [_item(item, now) for item in items[:3]]
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


def _item(item: Any, now: datetime) -> str:
    if not isinstance(item, dict):
        return str(item)
    label, details = describe(item, now)
    return f"{label}{' (' + ', '.join(details[:2]) + ')' if details else ''}" if label else ", ".join(details[:3])


def describe(value: Any, now: datetime) -> tuple[str, list[str]]:
    """The title of a result and its telling details, each a real value said in words."""
    value = _unwrap(value)
    if not isinstance(value, dict):
        return "", [str(value)] if value not in (None, "", [], {}) else []
    label, details = _telling(value)
    plain = label.strip('"')
    texts = (_detail(steps, leaf, now) for steps, leaf in details[:MOST_DETAILS])
    return label, list(dict.fromkeys(text for text in texts if not plain or not text.endswith(plain)))


class Memory(NamedTuple):
    """A detail of a result that somebody may ask for again: `thing` had `value` as its `field`, all in words."""

    field: str
    value: str
    thing: str


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
            said = leaf.replace("_", " ").lower()
        found.append(Memory(field, said, thing))
    return found


def _field(name: str) -> str:
    """What people call a field: `updated_at` is the date of the last change."""
    said = " ".join(words(name)).removesuffix(" at").removesuffix(" date").removesuffix(" time")
    return _FIELDS.get(said, said if said == " ".join(words(name)) else f"{said} date")


def _telling(value: dict[str, Any]) -> tuple[str, list[tuple[list[str], Any]]]:
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
        if isinstance(leaf, bool) or parts & {"size", "bytes"} or (pointer.count("/") > 2 and "/0" not in pointer):
            continue
        person = len(steps) > 1 and bool(set(words(steps[-2])) & values.PEOPLE)
        if (
            not label
            and not person
            and len(steps) <= 2
            and isinstance(leaf, str)
            and (parts & {"title", "subject", "name", "summary", "filename"} or (name == "content" and len(leaf) < 80))
        ):
            label = f'"{leaf}"'
        elif isinstance(leaf, str) and len(leaf) > (60 if parts & values.BODIES else 120):
            continue
        else:
            details.append((_rank(parts, leaf), steps, leaf))
    details.sort(key=lambda item: item[0])
    return label, [(steps, leaf) for _, steps, leaf in details]


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
        {"status", "state"},
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
            said = spoken_forms(name, {"format": "date-time" if isinstance(moment, datetime) else "date"}, value, now)[
                0
            ]
            return (
                said if name in ("date", "time", "when") else f"{name.removesuffix(' at').removesuffix(' date')} {said}"
            )
        if value.startswith("http") or "@" in value:
            return value
        return f"{name} {value.replace('_', ' ').lower() if _CONSTANT.fullmatch(value) else value}"
    return f"{name} {value}"


def _joined(details: Sequence[str], rng: Random) -> str:
    return rng.choice((" — ", ": ")) + ", ".join(details[:3]) if details else " is open"


def _unwrap(result: Any) -> Any:
    """The resource inside `{"event": {…}}` or `{"data": {…}}`, else the result itself."""
    if isinstance(result, dict):
        nested = [part for part in result.values() if isinstance(part, dict) and part]
        if len(nested) == 1 and len(result) <= 3:
            return _unwrap(nested[0])
    return result


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
