"""The meaning of a field, decided once from its name and its schema.

Belongs here: the decision, and the order in which its rules are tried. The words it goes by are in `vocabulary.py`;
what a value then looks like or how it is said is the business of those who ask.

Add a rule where a real field is misread, and the field to `tests/data/field_meaning_cases.json` first. Only the name,
type, format and the presence of an `enum` decide, and of the description the unit, so that a meaning is cheap to keep
and the same in every place where the field occurs.

>>> decide_field_meaning("threadId", {"type": "string"})
FieldMeaning(role='identifier', noun='thread', phase='', bound='', unit='')
>>> decide_field_meaning("modified_after", {"type": "string", "format": "date"})
FieldMeaning(role='moment', noun='', phase='changed', bound='from', unit='')
>>> decide_field_meaning("file_size", {"type": "integer", "description": "Size in bytes."})
FieldMeaning(role='measure', noun='file', phase='', bound='', unit='bytes')
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Literal, NamedTuple

from funcdex_assets.schema.schema import Schema, schema_type
from funcdex_assets.schema.words import split_words, to_singular
from funcdex_assets.semantics import vocabulary as vocab
from funcdex_assets.semantics.tool_names import QUERY_WORDS, is_id, parse_resource_noun

FieldRole = Literal[
    "identifier",  # by which a service knows a thing: `thread_id`, `issue_key`, `invoice_number`
    "page_token",  # leads to another page of a listing: `nextPageToken`, `offset`
    "limit",  # the most things that an answer may hold: `max_results`
    "sort",  # the order of a listing: `order_by`
    "query",  # what is searched for: `q`, `name_contains`
    "title",  # what a thing is called: `subject`, `label_name`
    "text",  # what was written: `body`, `comment`
    "person",  # somebody, or somebody's name: `assignee`, `display_name`
    "email",
    "phone",
    "company",
    "moment",  # a day, a time or both: `due_on`; `phase` says of what, `bound` whether it limits a search
    "duration",
    "zone",  # a time zone
    "state",  # what a thing goes through: `status`
    "flag",  # yes or no
    "count",  # how many things there are: `num_subtasks`
    "total",  # of which all others are parts: `total_people`, `amount_total`
    "charge",  # what is added to a sum, or taken off: `tax`, `discounts`
    "amount",  # of money: `amount_due`
    "measure",  # a size, a share, a distance
    "unit",  # what an amount or a measure is counted in: `currency`
    "position",  # in an order: `index`, `section_order`
    "link",
    "path",  # of a file or a folder
    "place",  # on earth: `location`, `city`
    "tag",  # the name of a label, tag or category that things carry
    "choice",  # one of a few fixed words that no other role explains: `issue_type`
    "setting",  # how an answer is made, or what only programs care about: `fields`, `mime_type`
    "thing",  # an object, or objects, with fields of their own: `attachments`
    "other",
]
Bound = Literal["", "from", "until"]


@dataclass(frozen=True)
class FieldMeaning:
    """One field's meaning; every text is empty where the name does not say.

    `noun` is the thing that it belongs to or counts, singular: `thread` of `threadId`, `task` of `num_tasks`.
    `phase` is a key of `vocabulary.PHASE_WORDS`: `due` of `due_on`, `completed` of the flag `checked`.
    `bound` is set where the value is the lower or upper end of what may be: `until` of `max_start_time`.
    `unit` is a short name such as `ms`, `min`, `bytes`, `percent`, `usd` or `cents`.
    """

    role: FieldRole
    noun: str = ""
    phase: str = ""
    bound: Bound = ""
    unit: str = ""


class _FieldKey(NamedTuple):
    """All that decides; `type`, `format` and `is_closed` are those of the items of a list."""

    name: str
    type: str
    format: str
    is_closed: bool
    is_list: bool
    described_unit: str


_ROLE_OF_FORMAT: Mapping[str, FieldRole] = {
    "email": "email",
    "idn-email": "email",
    "date": "moment",
    "date-time": "moment",
    "time": "moment",
    "duration": "duration",
    "uri": "link",
    "url": "link",
    "uri-reference": "link",
    "phone": "phone",
    "uuid": "identifier",
}
_TELLING_FORMATS = frozenset(("email", "idn-email", "date", "date-time", "time", "duration"))
_FORMATS_OF_NUMBERS = frozenset(("int32", "int64", "uint32", "uint64"))  # in JSON, a long number is a string
_PHASE_OF_WORD = {word: phase for phase, phrase in vocab.PHASE_WORDS.items() for word in phrase.split()}
_PHASE_ORDER = tuple(vocab.PHASE_WORDS)
_BOUND_WORDS = vocab.LOWER_BOUND_WORDS | vocab.UPPER_BOUND_WORDS
_MOMENT_WORDS = _BOUND_WORDS | vocab.MOMENT_ENDINGS | vocab.QUALIFIERS | _PHASE_OF_WORD.keys()
_ROLES_WITH_PHASE = frozenset(("moment", "flag", "amount", "total"))
_UNIT_OF_WORD = {**vocab.DURATION_UNITS, **vocab.MEASURE_UNITS, **{code: code for code in vocab.CURRENCIES}}
_SAID_UNIT = re.compile(
    rf"\bin (?:the )?({'|'.join(sorted(_UNIT_OF_WORD, key=len, reverse=True))})\b|\b(cents)\b", re.IGNORECASE
)
_EMAIL_ENDINGS = frozenset([("email", "address"), ("email", "addresses"), ("to", "address"), ("from", "address")])
_ZONE_NAMES = frozenset([("zone",), ("tz",), ("utc", "offset")])
_PREPOSITIONS = frozenset("to for per in by with than".split())
_MOST_ITEMS_DEEP = 3  # lists of lists of lists, beyond which nothing is looked for


def decide_field_meaning(name: str, schema: Schema) -> FieldMeaning:
    """The meaning of the field `name`, whose schema has its references resolved.

    >>> decide_field_meaning("start_at", {"type": "integer"}).role
    'page_token'
    >>> decide_field_meaning("start_at", {"type": "string", "format": "date-time"}).phase
    'start'
    """
    return _decide_meaning(_make_key(name, schema))


def _make_key(name: str, schema: Schema) -> _FieldKey:
    is_list = False
    for _ in range(_MOST_ITEMS_DEEP):
        if schema_type(schema) != "array":
            break
        is_list, items = True, schema.get("items")
        schema = items if isinstance(items, dict) else {"type": "object"}
    type_, format_ = schema_type(schema), str(schema.get("format", ""))
    if type_ == "string" and format_ in _FORMATS_OF_NUMBERS:
        type_ = "integer"
    if str(schema.get("pattern", "")).startswith("^\\+"):
        format_ = "phone"
    described_unit = _find_described_unit(str(schema.get("description", ""))) if type_ in ("integer", "number") else ""
    return _FieldKey(name, type_, format_, "enum" in schema or "const" in schema, is_list, described_unit)


@lru_cache(maxsize=8192)
def _decide_meaning(key: _FieldKey) -> FieldMeaning:
    split = split_words(key.name)
    role = _find_role(key, split)
    return FieldMeaning(
        role,
        _find_noun(role, key, split),
        _find_phase(role, split),
        _find_bound(role, split),
        _find_unit(role, key, split),
    )


# ── the role ─────────────────────────────────────────────────────────────────────────────────


def _find_role(key: _FieldKey, split: tuple[str, ...]) -> FieldRole:
    if not split:
        return "other"
    if key.type == "boolean":
        return "flag"
    if _is_page_token(key, split):
        return "page_token"
    if _is_identifier(key, split):
        return "identifier"
    if key.type == "object":
        return _find_role_of_object(split)
    if key.type in ("integer", "number"):
        return _find_role_of_number(key, split)
    if key.is_closed and key.format not in _TELLING_FORMATS:
        return _find_role_of_closed_text(key, split)
    return _ROLE_OF_FORMAT.get(key.format) or _find_role_of_text(key, split)


def _is_page_token(key: _FieldKey, split: tuple[str, ...]) -> bool:
    """`utc_offset` is a time zone, and `start_at` the place in a listing only if it is a number."""
    if key.format in _TELLING_FORMATS or key.is_list or key.is_closed or "utc" in split or "timezone" in split:
        return False
    if key.type == "object":
        return split == ("next", "page")
    if split[-1:] in vocab.PAGE_TOKEN_ENDINGS or split[-2:] in vocab.PAGE_TOKEN_ENDINGS or split == ("marker",):
        return True
    return key.type in ("integer", "number") and split in vocab.PAGE_NUMBER_NAMES


def _is_identifier(key: _FieldKey, split: tuple[str, ...]) -> bool:
    if key.type == "object" or key.format in _TELLING_FORMATS or "idempotency" in split:
        return False
    if split[2:] and _names_zone(split):  # `time_zone_id` is the zone's name
        return False
    if split[-1] in ("uri", "uris"):  # without a noun, or with that of a page or picture, it is a link
        return len(split) > 1 and split[-2] not in vocab.LINK_TARGETS
    if split[-1] in ("key", "keys") and (key.is_closed or not vocab.SORT_WORDS.isdisjoint(split)):
        return False
    if is_id(key.name) or split == ("resource", "name"):
        return True
    numbered = split[-1] == "number" and not key.is_list and vocab.PHONE_WORDS.isdisjoint(split)
    return numbered and split[-2:-1] not in (("line",), ("street",), ("house",), ("room",))


def _find_role_of_object(split: tuple[str, ...]) -> FieldRole:
    if _names_person(split):
        return "person"
    if _MOMENT_WORDS.issuperset(split) and not _PHASE_OF_WORD.keys().isdisjoint(split):
        return "moment"
    if split[-1] in vocab.MEASURE_WORDS:
        return "measure"
    if split[-1] in ("coordinates", "location", "address"):
        return "place"
    return "thing"


def _find_role_of_number(key: _FieldKey, split: tuple[str, ...]) -> FieldRole:
    word_forms = {*split, *map(to_singular, split)}
    last = split[-1]
    return _choose_role(
        ("zone", not vocab.ZONE_WORDS.isdisjoint(split) or "utc" in split),
        ("state", not vocab.STATE_WORDS.isdisjoint(split)),
        ("position", last in vocab.POSITION_WORDS or split[-2:] == ("line", "number")),
        ("setting", last == "version"),
        ("choice", last in vocab.CHOICE_ENDINGS),
        ("total", last in vocab.QUANTITY_WORDS and not vocab.TOTAL_WORDS.isdisjoint(split)),
        ("count", last in vocab.QUANTITY_WORDS),
        ("duration", _names_duration(split) or split == ("retry", "after") or split == ("expires", "in")),
        ("moment", last in vocab.MOMENT_ENDINGS or (_MOMENT_WORDS.issuperset(split) and _names_event(split))),
        ("limit", _names_limit(key, split)),
        ("measure", key.described_unit == "bytes" and "size" in split),
        ("measure", not vocab.MEASURE_UNITS.keys().isdisjoint(split) or not {"rate", "ratio"}.isdisjoint(split)),
        ("charge", not vocab.CHARGE_WORDS.isdisjoint(word_forms)),
        ("total", not vocab.TOTAL_WORDS.isdisjoint(split)),
        ("amount", not vocab.AMOUNT_WORDS.isdisjoint(word_forms) or split == ("due",)),
        ("measure", last in vocab.MEASURE_WORDS),
        ("place", last in vocab.PLACE_WORDS),
        ("count", not vocab.QUANTITY_WORDS.isdisjoint(split) or split[:2] == ("number", "of")),
        ("count", key.type == "integer" and not key.is_list and any(to_singular(word) != word for word in split)),
        otherwise="other",
    )


def _find_role_of_closed_text(key: _FieldKey, split: tuple[str, ...]) -> FieldRole:
    """A fixed list of words holds no title and nothing that was written."""
    if split in (("from",), ("to",)):  # the hours of a day
        return "moment"
    return _choose_role(
        ("state", _names_state(split)),
        ("sort", _names_order(split)),
        ("zone", _names_zone(split)),
        ("unit", split[-1] in vocab.CURRENCY_AND_UNIT_WORDS or split[0] == "currency"),
        ("choice", _names_choice(split)),
        ("setting", not vocab.SETTING_WORDS.isdisjoint(split)),
        ("tag", key.is_list and to_singular(split[-1]) in vocab.TAG_NOUNS),
        ("title", split == ("name",)),
        otherwise="choice",
    )


def _find_role_of_text(key: _FieldKey, split: tuple[str, ...]) -> FieldRole:
    last, last_singular = split[-1], to_singular(split[-1])
    return _choose_role(
        ("setting", split[0] in vocab.SHOWING_VERBS and bool(split[1:])),
        ("state", _names_state(split)),
        ("zone", _names_zone(split)),
        ("sort", _names_order(split)),
        ("query", not (QUERY_WORDS | vocab.SEARCH_WORDS).isdisjoint(split)),
        ("email", last_singular in ("email", "mail") or split[-2:] in _EMAIL_ENDINGS),
        ("phone", not vocab.PHONE_WORDS.isdisjoint(split)),
        ("unit", last in vocab.CURRENCY_AND_UNIT_WORDS or split[0] == "currency"),
        ("choice", _names_choice(split) and key.name != "kind"),
        ("company", not vocab.COMPANY_WORDS.isdisjoint(split)),
        ("other", not vocab.POSITION_AT_WORK_WORDS.isdisjoint(split)),
        ("person", _names_person(split) or _names_persons_name(split)),
        ("link", last_singular in vocab.LINK_WORDS),
        ("duration", _names_duration(split)),
        ("path", not vocab.PATH_WORDS.isdisjoint(split)),
        ("title", last in vocab.TITLE_ENDINGS or (split[0] in vocab.TITLE_WORDS and last in ("line", "text"))),
        ("moment", last in vocab.MOMENT_ENDINGS or (_MOMENT_WORDS.issuperset(split) and _names_event(split))),
        ("setting", last in ("type", "format", "color") or (key.is_list and last == "fields")),
        ("text", last in vocab.TEXT_WORDS or split[0] in vocab.TEXT_WORDS),
        ("tag", last_singular in vocab.TAG_NOUNS),
        ("place", not vocab.PLACE_WORDS.isdisjoint(split) and "ip" not in split),
        ("setting", not vocab.SETTING_WORDS.isdisjoint(split)),
        ("position", last in vocab.POSITION_WORDS),
        otherwise="other",
    )


def _choose_role(*rules: tuple[FieldRole, bool], otherwise: FieldRole) -> FieldRole:
    """The role of the first rule that applies."""
    for role, applies in rules:
        if applies:
            return role
    return otherwise


def _names_state(split: tuple[str, ...]) -> bool:
    return to_singular(split[-1]) in vocab.STATE_WORDS or (
        split[0] in vocab.STATE_WORDS and split[-1] in ("code", "category", "name", "type")
    )


def _names_zone(split: tuple[str, ...]) -> bool:
    """`dns_zone` is no time zone."""
    return "timezone" in split or ("time", "zone") in pairwise(split) or split in _ZONE_NAMES


def _names_order(split: tuple[str, ...]) -> bool:
    return not vocab.SORT_WORDS.isdisjoint(split) and (vocab.SORT_WORDS | vocab.SORT_COMPANIONS).issuperset(split)


def _names_choice(split: tuple[str, ...]) -> bool:
    """`issue_type`, `language_code`; a `mime_type` is for programs."""
    chosen = split[-1] in vocab.CHOICE_ENDINGS or split[-2:] in (("language", "code"), ("color", "rgb"))
    return chosen and {"mime", "content", "media"}.isdisjoint(split)


def _names_limit(key: _FieldKey, split: tuple[str, ...]) -> bool:
    """`max_results` limits a listing; `max_price` is an amount, and a number called `top` with decimals a margin."""
    if key.type == "number" and split == ("top",):
        return False
    if split in vocab.LIMIT_NAMES or split[-2:] in vocab.LIMIT_NAMES:
        return True
    if "limit" in split:
        return vocab.AMOUNT_WORDS.isdisjoint(split) and not {"rate", "size", "file"} & set(split)
    return bool({"max", "maximum"} & set(split)) and to_singular(split[-1]) in vocab.RESULT_NOUNS


def _names_duration(split: tuple[str, ...]) -> bool:
    """`minutes` and `time_spent`; not `day`, which is a date, nor `created_day`."""
    if not vocab.DURATION_WORDS.isdisjoint(split):
        return True
    return any(word in vocab.DURATION_UNITS and word not in ("day", "week", "month", "year") for word in split)


def _names_event(split: tuple[str, ...]) -> bool:
    """Something in it happens or bounds a span, and it is not an amount that is `paid` or `remaining`."""
    telling = (_PHASE_OF_WORD.keys() | _BOUND_WORDS) - {"min", "max", "minimum", "maximum", "from", "to", "paid"}
    return not (telling - {"refunded", "remaining", "outstanding", "added"}).isdisjoint(split)


def _names_person(split: tuple[str, ...]) -> bool:
    return (
        to_singular(split[-1]) in vocab.PERSON_NOUNS
        or split[-1] == "by"
        or (len(split) == 1 and split[0] in vocab.PERSON_OF_WORD)
    )


def _names_persons_name(split: tuple[str, ...]) -> bool:
    """`display_name`, `customer_name`; `user` alone is a person already."""
    before = split[:-1]
    return split[-1] in ("name", "names") and bool(
        before and (before[-1] in vocab.PERSON_NAME_WORDS or to_singular(before[-1]) in vocab.PERSON_NOUNS)
    )


# ── noun, phase, bound, unit ─────────────────────────────────────────────────────────────────


def _find_noun(role: FieldRole, key: _FieldKey, split: tuple[str, ...]) -> str:
    match role:
        case "identifier":
            about = split[:-1] if split[-1] == "number" else tuple(parse_resource_noun(key.name).split())
            return _join_noun(about, frozenset(("resource", "name")) if "resource" in split else frozenset())
        case "person":
            return _find_person_noun(split)
        case "email":
            return _find_person_noun(split) or _join_noun(split, frozenset(("email", "mail", "address", "to")))
        case "title":
            return _join_noun(split[:-1], vocab.TITLE_ENDINGS)
        case "text":
            about = split[:-1] if split[-1] in vocab.TEXT_WORDS else ()
            return _join_noun(about, vocab.TEXT_FORM_WORDS)
        case "tag":
            return to_singular(split[-1])
        case "state":
            return _join_noun(split, vocab.STATE_WORDS | {"code", "category", "name", "type", "to"})
        case "moment":
            return _join_noun(split, _MOMENT_WORDS)
        case "count" | "total":
            ignored = vocab.QUANTITY_WORDS | vocab.TOTAL_WORDS | vocab.AMOUNT_WORDS | {"number", "of", "size"}
            return _join_noun(split, ignored | _BOUND_WORDS | _PHASE_OF_WORD.keys())
        case "amount" | "charge" | "measure" | "position":
            ignored = vocab.AMOUNT_WORDS | vocab.MEASURE_WORDS | vocab.POSITION_WORDS | vocab.MEASURE_UNITS.keys()
            ignored |= vocab.TOTAL_WORDS
            return _join_noun(
                split, ignored | _PHASE_OF_WORD.keys() | _BOUND_WORDS | vocab.CURRENCIES | {"off", "unit"}
            )
        case "thing":
            return _join_noun(split, frozenset())
    return ""


def _join_noun(split: tuple[str, ...], ignored: frozenset[str]) -> str:
    """The words up to a preposition, singular, without those that are ignored, qualify a noun or say nothing."""
    cut = next((at for at, word in enumerate(split) if word in _PREPOSITIONS and at), len(split))
    telling_words = [word for word in split[:cut] if word not in ignored and word not in vocab.QUALIFIERS]
    nouns = [to_singular(word) for word in telling_words if to_singular(word) not in ignored]
    return "" if vocab.CONTAINER_NOUNS.issuperset(nouns) else " ".join(nouns)


def _find_person_noun(split: tuple[str, ...]) -> str:
    nouns = (vocab.PERSON_OF_WORD.get(word, to_singular(word)) for word in reversed(split))
    return next((noun for noun in nouns if noun in vocab.PERSON_NOUNS), "")


def _find_phase(role: FieldRole, split: tuple[str, ...]) -> str:
    """Of `start_modified_time` it is `changed`: a beginning or end of such moments bounds a search."""
    if role not in _ROLES_WITH_PHASE or (role == "flag" and split[0] in vocab.SHOWING_VERBS):
        return ""
    phases = {_PHASE_OF_WORD[word] for word in split if word in _PHASE_OF_WORD}
    if role == "flag":  # `create_room` asks for something, `append_to_end` says where
        phases = {_PHASE_OF_WORD[word] for word in split if word in _PHASE_OF_WORD and word not in vocab.COMMANDS}
        phases -= {"start", "end"}
    return next((phase for phase in _PHASE_ORDER if phase in phases), "")


def _find_bound(role: FieldRole, split: tuple[str, ...]) -> Bound:
    lower, upper = vocab.LOWER_BOUND_WORDS, vocab.UPPER_BOUND_WORDS
    if role in ("count", "amount", "duration", "measure"):
        lower, upper = frozenset(("min", "minimum")), frozenset(("max", "maximum"))
    elif role != "moment":
        return ""
    elif _find_phase(role, split) not in ("", "start", "end"):
        lower, upper = lower | {"start", "begin"}, upper | {"end"}
    if not lower.isdisjoint(split):
        return "from"
    return "" if upper.isdisjoint(split) else "until"


def _find_unit(role: FieldRole, key: _FieldKey, split: tuple[str, ...]) -> str:
    if role == "duration":
        return next((vocab.DURATION_UNITS[word] for word in split if word in vocab.DURATION_UNITS), key.described_unit)
    if role == "measure":
        return next((vocab.MEASURE_UNITS[word] for word in split if word in vocab.MEASURE_UNITS), key.described_unit)
    if role in ("amount", "charge", "total"):
        return next((word for word in split if word in vocab.CURRENCIES), key.described_unit)
    return ""


@lru_cache(maxsize=8192)
def _find_described_unit(description: str) -> str:
    """The unit in which a description says that a number counts.

    >>> _find_described_unit("Amount due, in the smallest currency unit (cents).")
    'cents'
    """
    match = _SAID_UNIT.search(description)
    return _UNIT_OF_WORD[(match[1] or match[2]).lower()] if match else ""
