"""Sentences about results: the assistant's report on a call, with real values of its result.

Here belongs the wording of results; choosing which result is reported is the roles' task, and words for calls that
are still to be made are in `request_phrases`. The phrasebook has the words for a finished action; a resource is
described by its title and its most telling details: `"Gym roof" — status open, due tomorrow.`
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from random import Random
from typing import Any, NamedTuple

import msgspec

from funcdex_assets.language import values
from funcdex_assets.language.lexicon import fill_slots, find_slots, load_phrasebook
from funcdex_assets.language.request_phrases import render_tool_infinitive
from funcdex_assets.language.spoken_values import is_minor_unit, list_spoken_forms, parse_moment
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.json_pointers import list_scalars
from funcdex_assets.schema.leaves import walk_leaves
from funcdex_assets.schema.words import split_words, to_plural, to_singular
from funcdex_assets.semantics.tool_names import is_id, is_page_token, parse_tool_name
from funcdex_assets.semantics.vocabulary import NAMING_WORDS, SIZE_WORDS, STATE_WORDS

_DULL_WORDS = frozenset(
    ("kind etag type object mime self color version format visibility schema locale livemode index prefix").split()
)
MOST_DETAILS = 6  # of one resource; a longer list is not read
FEWEST_QUOTED_SPACES = 4  # spaces; a longer value is quoted, as it would not be told from the sentence around it
_LONGEST_QUOTE = 160
_LONGEST_RECALLABLE = 60
_SPOKEN_FIELD_NAMES = {
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
_CONSTANT_PATTERN = re.compile(r"[A-Z]+(?:_[A-Z]+)+|[a-z]+(?:_[a-z]+)+|[a-z]+(?:[A-Z][a-z]+)+")
_TEXT_QUESTION_WORDS = frozenset(
    "read reads say says said saying text write wrote written writing content discussion".split()
)
_QUOTE_LEADS = ("It reads", "It says", "It begins", "In it")
_ANSWERING_FIELDS: Mapping[str, frozenset[str]] = {
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
_TIME_UNITS = frozenset("seconds minutes hours days weeks months years".split())


def report_result(
    tool: Tool, slot_words: Mapping[str, str], result: Any, now: datetime, rng: Random, request: str = ""
) -> str:
    """Reports in one or two sentences what a call did or found, with real values of its result.

    Values that answer the `request` come first. `slot_words` fill the phrasebook's templates of a finished action.
    """
    parsed = parse_tool_name(tool.name)
    answer_words = _find_answer_words(request)
    result = _render_minor_units(result, _find_minor_unit_names(msgspec.json.encode(tool.returns)))
    items, noun = _find_main_items(result)
    if items is not None and (parsed.action == "list" or (parsed.action == "get" and _is_listing(result))):
        return _report_listing(items, noun or parsed.noun, now, rng, answer_words)
    entry = load_phrasebook().get(tool.name)
    label, details = describe_result(result, now, answer_words)
    if not label and not details and not entry:  # an id is better than no detail at all
        details = _list_identifiers(result)
    if parsed.action in ("list", "get"):
        quoted = (
            find_first_sentence(result)
            if answer_words & _TEXT_QUESTION_WORDS or not (label or details or items)
            else ""
        )
        if label:
            return f"{label}{_join_details(details, rng)}." + (
                f' {rng.choice(_QUOTE_LEADS)}: "{quoted}"' if quoted else ""
            )
        if items is not None:
            return _report_listing(items, noun or parsed.noun, now, rng, answer_words)
        if details:
            sentence = f"The {' '.join(parsed.words)}: {', '.join(details[:4])}."
            return sentence + (f' {rng.choice(_QUOTE_LEADS)}: "{quoted}"' if quoted else "")
        return f'The {parsed.noun} says: "{quoted}"' if quoted else f"The {parsed.noun} is there."
    options = [wording for wording in entry.done if find_slots(wording) <= slot_words.keys()] if entry else []
    wording = (
        fill_slots(rng.choice(options), slot_words) if options else f"{render_tool_infinitive(tool.name, rng)}: done"
    )
    if label and label not in wording and (not details or rng.random() < 0.6):
        details = [label, *details]
    unsaid_details = [detail for detail in details if (detail.partition(" ")[2] or detail) not in wording]
    bracketed = f" ({', '.join(unsaid_details[:2])})" if unsaid_details else ""
    return f"{values.capitalize_sentence(wording)}{bracketed}."


@cache
def _find_minor_unit_names(returns: bytes) -> frozenset[str]:
    """Returns the names of the fields in cents; `returns` is the result's schema as JSON."""
    schema = msgspec.json.decode(returns)
    return frozenset(leaf.name for leaf in walk_leaves(schema) if is_minor_unit(leaf.schema)) if schema else frozenset()


def _render_minor_units(value: Any, minor_unit_names: frozenset[str]) -> Any:
    """Returns a copy of the result in which amounts in cents are written as people do: 1250 → "$12.50"."""
    if not minor_unit_names:
        return value
    if isinstance(value, dict):
        return {
            key: f"${item / 100:,.2f}"
            if key in minor_unit_names and isinstance(item, int)
            else _render_minor_units(item, minor_unit_names)
            for key, item in value.items()
        }
    return [_render_minor_units(item, minor_unit_names) for item in value] if isinstance(value, list) else value


def _report_listing(items: Sequence[Any], noun: str, now: datetime, rng: Random, answer_words: frozenset[str]) -> str:
    """Reports a listing: its length, and descriptions of the first three items."""
    if not items:
        return f"I found no {to_plural(noun)}."
    descriptions = [_describe_item(item, now, answer_words) for item in items[:3]]
    count = len(items)
    if count == 1:
        return rng.choice(("There's one {n}: {a}.", "I found one {n}: {a}.", "Just one {n} came up: {a}.")).format(
            n=noun, a=descriptions[0]
        )
    lead = rng.choice(("I found {c} {n}", "There are {c} {n}", "{c} {n} came up", "I can see {c} {n}")).format(
        c=count, n=to_plural(noun)
    )
    if rng.random() < 0.35:
        more = [f"- and {count - len(descriptions)} more"] if count > len(descriptions) else []
        return lead + ":\n" + "\n".join([*(f"- {text}" for text in descriptions), *more])
    ending = "" if count <= 3 else ", among others"
    return (
        f"{lead}: {'; '.join(descriptions[:-1])}{'; and ' if len(descriptions) > 1 else ''}{descriptions[-1]}{ending}."
    )


def _describe_item(item: Any, now: datetime, answer_words: frozenset[str]) -> str:
    """Describes one item of a listing by its title and two details: `"Gym roof" (status open, due tomorrow)`."""
    if not isinstance(item, dict):
        return str(item)
    label, details = describe_result(item, now, answer_words)
    return f"{label}{' (' + ', '.join(details[:2]) + ')' if details else ''}" if label else ", ".join(details[:3])


def describe_result(value: Any, now: datetime, answer_words: frozenset[str] = frozenset()) -> tuple[str, list[str]]:
    """Returns the quoted title of a result and its most telling details, each with its value in words.

    Details whose field is among the `answer_words` come first.
    """
    value = _unwrap_resource(value)
    if not isinstance(value, dict):
        return "", [str(value)] if value not in (None, "", [], {}) else []
    label, details = _split_title_and_details(value, answer_words)
    unquoted_label = label.strip('"')
    texts: list[str] = []
    for index, (steps, leaf) in enumerate(details[:MOST_DETAILS]):
        text = _render_detail(steps, leaf, now)
        name, _, value_words = text.partition(" ")
        if index and details[index - 1][0] == steps and value_words and texts and texts[-1].startswith(f"{name} "):
            texts[-1] += f" and {value_words}"  # the next item of the same array
        else:
            texts.append(text)
    return label, list(dict.fromkeys(text for text in texts if not unquoted_label or not text.endswith(unquoted_label)))


def find_title(result: Any, identity: Any) -> str:
    """Returns the quoted title of the object with this id anywhere in a result; '' if it is not there or has none."""
    queue = [result]
    while queue:
        node = queue.pop()
        if isinstance(node, list):
            queue += node
        elif isinstance(node, dict):
            queue += [value for value in node.values() if isinstance(value, dict | list)]
            if any(value == identity and is_id(key) for key, value in node.items()):
                label, _ = _split_title_and_details(
                    {key: value for key, value in node.items() if not isinstance(value, dict | list)}
                )
                if label:
                    return label
    return ""


class RecallableDetail(NamedTuple):
    """A detail of a result that the user may ask for again: `item` had `value` as its `field`, all in words.

    If it is not the only item of the result (`is_only_item`), a question has to name it.
    """

    field: str
    value: str
    item: str
    is_only_item: bool

    def to_slots(self) -> dict[str, str]:
        """Returns the words for the slots of a template that asks for the detail."""
        return {"field": self.field, "value": self.value, "thing": self.item}


def find_recallable_details(result: Any, noun: str, now: datetime) -> list[RecallableDetail]:
    """Returns the details of a result's resource, or of its first item if it is a listing, that the user may recall.

    Long texts, links, nested fields and arrays are left out.
    """
    items, listed_noun = _find_main_items(result)
    subject = items[0] if items else _unwrap_resource(result)
    if not isinstance(subject, dict) or (items and parse_tool_name(f"list_{listed_noun}").noun == ""):
        return []
    label, details = _split_title_and_details(subject)
    item_words = label or (
        f"the first {listed_noun or noun}" if items and len(items) > 1 else f"that {listed_noun or noun}"
    )
    recallable = []
    for steps, leaf in details:
        field_words = _render_field_name(steps[-1])
        if (
            len(steps) > 1
            or to_singular(steps[-1]) != steps[-1]
            or (isinstance(leaf, str) and (len(leaf) > _LONGEST_RECALLABLE or "\n" in leaf or "://" in leaf))
        ):
            continue
        moment = parse_moment({}, leaf) if isinstance(leaf, str) else None
        value_words = str(leaf)
        if moment is not None:
            moment_schema = {"format": "date-time" if isinstance(moment, datetime) else "date"}
            value_words = list_spoken_forms(field_words, moment_schema, leaf, now)[0]
        elif isinstance(leaf, str) and _CONSTANT_PATTERN.fullmatch(leaf):
            value_words = _render_constant(leaf)
        recallable.append(RecallableDetail(field_words, value_words, item_words, not items or len(items) == 1))
    return recallable


def _render_field_name(name: str) -> str:
    """Names a field as people do: `updated_at` → `date of the last change`."""
    field_words = " ".join(split_words(name)).removesuffix(" at").removesuffix(" date").removesuffix(" time")
    return _SPOKEN_FIELD_NAMES.get(
        field_words, field_words if field_words == " ".join(split_words(name)) else f"{field_words} date"
    )


@lru_cache(1024)
def _find_answer_words(request: str) -> frozenset[str]:
    """Returns the request's words and those of the fields that answer it: `owner` and `email` for "who owns it?"."""
    request_words = frozenset(split_words(request))
    return (
        request_words.union(*(fields for word, fields in _ANSWERING_FIELDS.items() if word in request_words))
        if request_words
        else request_words
    )


def _split_title_and_details(
    value: dict[str, Any], answer_words: frozenset[str] = frozenset()
) -> tuple[str, list[tuple[list[str], Any]]]:
    """Splits a resource into its quoted title and its details: the steps to each value, and the value.

    The most telling come first. Ids, flags, page tokens, long texts, deep fields and all links but the first are left
    out; '' is the title of a resource that has none.
    """
    label = ""
    details: list[tuple[int, list[str], Any]] = []
    for pointer, leaf in list_scalars(value):
        steps = [step for step in pointer.split("/")[1:] if not step.isdigit()]
        name = steps[-1] if steps else ""
        name_words = set(split_words(name))
        if leaf in (None, "", [], {}) or is_page_token(name) or name_words & _DULL_WORDS or len(steps) > 3:
            continue
        if is_id(name) and "key" not in name_words:
            continue
        if (
            isinstance(leaf, bool)
            or (name_words & SIZE_WORDS and not name_words & answer_words)
            or (pointer.count("/") > 2 and "/0" not in pointer)
        ):
            continue
        is_person = len(steps) > 1 and bool(set(split_words(steps[-2])) & values.PERSON_WORDS)
        if (
            not label
            and not is_person
            and len(steps) <= 2
            and isinstance(leaf, str)
            and (name_words & NAMING_WORDS or (name == "content" and len(leaf) < 80))
        ):
            label = f'"{leaf}"'
        elif isinstance(leaf, str) and len(leaf) > (60 if name_words & values.BODY_WORDS else 120):
            continue
        else:
            words_of_path = {*name_words, *split_words(steps[-2])} if len(steps) > 1 else name_words
            details.append((-1 if words_of_path & answer_words else _rank_detail(name_words, leaf), steps, leaf))
    details.sort(key=lambda item: item[0])
    links = [leaf for *_, leaf in details if isinstance(leaf, str) and "://" in leaf]
    return label, [(steps, leaf) for _, steps, leaf in details if leaf not in links[1:]]


def find_first_sentence(value: Any) -> str:
    """Returns the first sentence of the first long text in a result; '' if there is none.

    >>> find_first_sentence({"content": "Blocked until Monday. I'll chase again on Sunday, before the meeting begins."})
    'Blocked until Monday.'
    """
    text = next((leaf for _, leaf in list_scalars(value) if isinstance(leaf, str) and len(leaf) > 40), "")
    return re.split(r"(?<=[.!?])\s|\n", text.strip(), maxsplit=1)[0][:_LONGEST_QUOTE]


def _list_identifiers(value: Any) -> list[str]:
    """Lists the first two ids in a result with their names: `thread id 18c2`."""
    identifiers: list[str] = []
    for pointer, leaf in list_scalars(value):
        steps = [step for step in pointer.split("/")[1:] if not step.isdigit()]
        if steps and is_id(steps[-1]) and isinstance(leaf, str | int) and not isinstance(leaf, bool) and leaf != "":
            identifiers.append(f"{' '.join(split_words(steps[-1]))} {leaf}")
    return identifiers[:2]


def _rank_detail(name_words: set[str], value: Any) -> int:
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
        (index for index, group in enumerate(order) if name_words & group),
        6 if isinstance(value, int | float) else 7,
    )


def _render_detail(steps: Sequence[str], value: Any, now: datetime) -> str:
    """Phrases a detail by its name and value: `status open`, `3 attendees`, `due tomorrow`."""
    name = " ".join(split_words(steps[-1]))
    if len(steps) > 1 and name in ("name", "email", "date time", "value", "date", "display name"):
        name = " ".join(split_words(steps[-2]))
    if isinstance(value, str):
        moment = parse_moment({}, value)
        if moment is not None:
            moment_schema = {"format": "date-time" if isinstance(moment, datetime) else "date"}
            moment_words = list_spoken_forms(name, moment_schema, value, now)[0]
            bare_name = name.removesuffix(" at").removesuffix(" on").removesuffix(" date").removesuffix(" time")
            return moment_words if name in ("date", "time", "when", "timestamp") else f"{bare_name} {moment_words}"
        if value.startswith("http") or "@" in value:
            return value
        return f"{name} {_render_constant(value)}" if value.count(" ") < FEWEST_QUOTED_SPACES else f'{name} "{value}"'
    *words_before, last_word = name.split()
    if words_before in (["num"], ["number", "of"]):
        return f"{value} {last_word if value != 1 else to_singular(last_word)}"
    if words_before and last_word in _TIME_UNITS:
        return f"{' '.join(words_before)} {value} {last_word if value != 1 else to_singular(last_word)}"
    if words_before and {"percent", "percentage"} & {*words_before, last_word}:
        return " ".join(
            (f"{value}%", *(word for word in (*words_before, last_word) if word not in ("percent", "percentage")))
        )
    return f"{name} {value}"


def _render_constant(value: str) -> str:
    """Says a constant as people do: `IN_PROGRESS` and `inProgress` → `in progress`; other texts stay as they are."""
    return " ".join(split_words(value)) if _CONSTANT_PATTERN.fullmatch(value) else value


def _join_details(details: Sequence[str], rng: Random) -> str:
    """Joins the first three details as they follow a title; without any, " is open"."""
    return rng.choice((" — ", ": ")) + ", ".join(details[:3]) if details else " is open"


def _unwrap_resource(result: Any) -> Any:
    """Returns the resource inside `{"event": {…}}` or `{"data": {…}}`, else the result itself."""
    if isinstance(result, dict):
        nested = [value for value in result.values() if isinstance(value, dict) and value]
        if len(nested) == 1 and len(result) <= 3:
            return _unwrap_resource(nested[0])
    return result


def _is_listing(result: Any) -> bool:
    """True for a result that is an array, or has only scalars beside its arrays and no title of its own."""
    return (
        not any(isinstance(value, dict) or set(split_words(key)) & NAMING_WORDS for key, value in result.items())
        if isinstance(result, dict)
        else isinstance(result, list)
    )


def _find_main_items(result: Any) -> tuple[Sequence[Any] | None, str]:
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
