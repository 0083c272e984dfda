"""The meaning of a field, decided once from its name and its schema.

Belongs here: the rules, and the order in which they are tried. The lists of words that they use are in
`vocabulary.py`. Making up a value for a field, checking it and putting it into a sentence belong to the callers.

Where a real field is misread, first add it to `tests/data/field_meaning_cases.json`, then add a rule. The name, the
type, the format, the start of a `pattern` and the presence of an `enum` decide, and the unit that the description
names; nothing else does, so that a field means the same in every tool, and the answer can be cached.

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
    "identifier",  # tells one thing of a service from all others: `thread_id`, `issue_key`, `invoice_number`
    "page_token",  # leads to another page of a listing: `nextPageToken`, `offset`
    "limit",  # the most items that an answer may hold: `max_results`
    "sort",  # the order of a listing: `order_by`
    "query",  # the words or conditions of a search: `q`, `name_contains`
    "title",  # the name that people call a thing by: `subject`, `label_name`
    "text",  # written by somebody: `body`, `comment`
    "person",  # somebody, or somebody's name: `assignee`, `display_name`
    "email",
    "phone",
    "company",
    "moment",  # a day, a time or both: `due_on`; see also `phase` and `bound`
    "duration",
    "zone",  # a time zone
    "state",  # one of the stages that a thing goes through: `status`
    "flag",  # yes or no
    "count",  # a number of things: `num_subtasks`
    "total",  # a number or sum of all things: `total_people`, `amount_total`
    "charge",  # added to a sum, or taken off: `tax`, `discounts`
    "amount",  # of money: `amount_due`
    "measure",  # a size, a share, a distance
    "unit",  # of an amount or a measure: `currency`
    "position",  # in an order: `index`, `section_order`
    "link",
    "path",  # of a file or a folder
    "place",  # on earth: `location`, `city`
    "tag",  # the name of a label, tag or category that things carry
    "choice",  # one of a few fixed words, unless another role explains it: `issue_type`
    "setting",  # decides how an answer is made, or matters to programs only: `fields`, `mime_type`
    "thing",  # an object, or objects, with fields of their own: `attachments`
    "other",
]
Bound = Literal["", "from", "until"]


@dataclass(frozen=True)
class FieldMeaning:
    """The meaning of one field; an attribute that neither its name nor its schema tells is ''.

    `noun` is the thing that the field belongs to or counts, singular: `thread` of `threadId`, `task` of `num_tasks`.
    `phase` is a key of `vocabulary.PHASE_WORDS`: `due` of `due_on`, `completed` of the flag `checked`.
    `bound` is set for a lower or upper end of the values allowed or searched for: `until` of `max_start_time`.
    `unit` is a short name such as `ms`, `min`, `bytes`, `percent`, `usd` or `cents`.
    """

    role: FieldRole
    noun: str = ""
    phase: str = ""
    bound: Bound = ""
    unit: str = ""


class _FieldFacts(NamedTuple):
    """The facts about a field that its meaning is decided by.

    Of a list, `type`, `format` and `is_closed` describe the items. `is_closed` tells that the schema lists all values.
    """

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
_DECISIVE_FORMATS = frozenset(("email", "idn-email", "date", "date-time", "time", "duration"))
_INTEGER_FORMATS = frozenset(("int32", "int64", "uint32", "uint64"))  # in JSON, a long integer is written as a string
_PHASE_OF_WORD = {word: phase for phase, phrase in vocab.PHASE_WORDS.items() for word in phrase.split()}
_PHASE_ORDER = tuple(vocab.PHASE_WORDS)
_BOUND_WORDS = vocab.LOWER_BOUND_WORDS | vocab.UPPER_BOUND_WORDS
_MOMENT_WORDS = _BOUND_WORDS | vocab.MOMENT_ENDINGS | vocab.QUALIFIERS | _PHASE_OF_WORD.keys()
_ROLES_WITH_PHASE = frozenset(("moment", "flag", "amount", "total"))
_UNIT_OF_WORD = {**vocab.DURATION_UNITS, **vocab.MEASURE_UNITS, **{code: code for code in vocab.CURRENCIES}}
_DESCRIBED_UNIT_PATTERN = re.compile(
    rf"\bin (?:the )?({'|'.join(sorted(_UNIT_OF_WORD, key=len, reverse=True))})\b|\b(cents)\b", re.IGNORECASE
)
_EMAIL_ENDINGS = frozenset([("email", "address"), ("email", "addresses"), ("to", "address"), ("from", "address")])
_ZONE_NAMES = frozenset([("zone",), ("tz",), ("utc", "offset")])
_PREPOSITIONS = frozenset("to for per in by with than".split())
_MAX_LIST_DEPTH = 3  # of lists within lists


def decide_field_meaning(name: str, schema: Schema) -> FieldMeaning:
    """Returns the meaning of the field `name`, whose schema has its references resolved.

    >>> decide_field_meaning("start_at", {"type": "integer"}).role
    'page_token'
    >>> decide_field_meaning("start_at", {"type": "string", "format": "date-time"}).phase
    'start'
    """
    return _decide_meaning(_collect_facts(name, schema))


def _collect_facts(name: str, schema: Schema) -> _FieldFacts:
    is_list = False
    for _ in range(_MAX_LIST_DEPTH):
        if schema_type(schema) != "array":
            break
        is_list, item_schema = True, schema.get("items")
        schema = item_schema if isinstance(item_schema, dict) else {"type": "object"}
    value_type, value_format = schema_type(schema), str(schema.get("format", ""))
    if value_type == "string" and value_format in _INTEGER_FORMATS:
        value_type = "integer"
    if str(schema.get("pattern", "")).startswith("^\\+"):
        value_format = "phone"
    is_number = value_type in ("integer", "number")
    described_unit = _find_described_unit(str(schema.get("description", ""))) if is_number else ""
    is_closed = "enum" in schema or "const" in schema
    return _FieldFacts(name, value_type, value_format, is_closed, is_list, described_unit)


@lru_cache(maxsize=8192)
def _decide_meaning(facts: _FieldFacts) -> FieldMeaning:
    words = split_words(facts.name)
    role = _find_role(facts, words)
    return FieldMeaning(
        role,
        _find_noun(role, facts, words),
        _find_phase(role, words),
        _find_bound(role, words),
        _find_unit(role, facts, words),
    )


# ── the role ─────────────────────────────────────────────────────────────────────────────────


def _find_role(facts: _FieldFacts, words: tuple[str, ...]) -> FieldRole:
    if not words:
        return "other"
    if facts.type == "boolean":
        return "flag"
    if _is_page_token(facts, words):
        return "page_token"
    if _is_identifier(facts, words):
        return "identifier"
    if facts.type == "object":
        return _find_role_of_object(words)
    if facts.type in ("integer", "number"):
        return _find_role_of_number(facts, words)
    if facts.is_closed and facts.format not in _DECISIVE_FORMATS:
        return _find_role_of_closed_text(facts, words)
    return _ROLE_OF_FORMAT.get(facts.format) or _find_role_of_text(facts, words)


def _is_page_token(facts: _FieldFacts, words: tuple[str, ...]) -> bool:
    """Tells page tokens from the time zone `utc_offset` and from a `start_at` that is no number but a moment."""
    if facts.format in _DECISIVE_FORMATS or facts.is_list or facts.is_closed or "utc" in words or "timezone" in words:
        return False
    if facts.type == "object":
        return words == ("next", "page")
    if words[-1:] in vocab.PAGE_TOKEN_ENDINGS or words[-2:] in vocab.PAGE_TOKEN_ENDINGS or words == ("marker",):
        return True
    return facts.type in ("integer", "number") and words in vocab.PAGE_NUMBER_NAMES


def _is_identifier(facts: _FieldFacts, words: tuple[str, ...]) -> bool:
    if facts.type == "object" or facts.format in _DECISIVE_FORMATS or "idempotency" in words:
        return False
    if words[2:] and _names_zone(words):  # `time_zone_id` is the zone's name
        return False
    if words[-1] in ("uri", "uris"):  # without a noun, or with that of a page or picture, it is a link
        return len(words) > 1 and words[-2] not in vocab.LINK_TARGETS
    if words[-1] in ("key", "keys") and (facts.is_closed or not vocab.SORT_WORDS.isdisjoint(words)):
        return False
    if is_id(facts.name) or words == ("resource", "name"):
        return True
    is_number = words[-1] == "number" and not facts.is_list and vocab.PHONE_WORDS.isdisjoint(words)
    return is_number and words[-2:-1] not in (("line",), ("street",), ("house",), ("room",))


def _find_role_of_object(words: tuple[str, ...]) -> FieldRole:
    if _names_person(words):
        return "person"
    if _MOMENT_WORDS.issuperset(words) and not _PHASE_OF_WORD.keys().isdisjoint(words):
        return "moment"
    if words[-1] in vocab.MEASURE_WORDS:
        return "measure"
    if words[-1] in ("coordinates", "location", "address"):
        return "place"
    return "thing"


def _find_role_of_number(facts: _FieldFacts, words: tuple[str, ...]) -> FieldRole:
    word_forms = {*words, *map(to_singular, words)}
    last_word = words[-1]
    return _choose_role(
        ("zone", not vocab.ZONE_WORDS.isdisjoint(words) or "utc" in words),
        ("state", not vocab.STATE_WORDS.isdisjoint(words)),
        ("position", last_word in vocab.POSITION_WORDS or words[-2:] == ("line", "number")),
        ("setting", last_word == "version"),
        ("choice", last_word in vocab.CHOICE_ENDINGS),
        ("total", last_word in vocab.QUANTITY_WORDS and not vocab.TOTAL_WORDS.isdisjoint(words)),
        ("count", last_word in vocab.QUANTITY_WORDS),
        ("duration", _names_duration(words) or words == ("retry", "after") or words == ("expires", "in")),
        ("moment", last_word in vocab.MOMENT_ENDINGS or (_MOMENT_WORDS.issuperset(words) and _names_event(words))),
        ("limit", _names_limit(facts, words)),
        ("measure", facts.described_unit == "bytes" and "size" in words),
        ("measure", not vocab.MEASURE_UNITS.keys().isdisjoint(words) or not {"rate", "ratio"}.isdisjoint(words)),
        ("charge", not vocab.CHARGE_WORDS.isdisjoint(word_forms)),
        ("total", not vocab.TOTAL_WORDS.isdisjoint(words)),
        ("amount", not vocab.AMOUNT_WORDS.isdisjoint(word_forms) or words == ("due",)),
        ("measure", last_word in vocab.MEASURE_WORDS),
        ("place", last_word in vocab.PLACE_WORDS),
        ("count", not vocab.QUANTITY_WORDS.isdisjoint(words) or words[:2] == ("number", "of")),
        ("count", facts.type == "integer" and not facts.is_list and any(to_singular(word) != word for word in words)),
        otherwise="other",
    )


def _find_role_of_closed_text(facts: _FieldFacts, words: tuple[str, ...]) -> FieldRole:
    """Returns the role of a text with a fixed list of values: never `text`, and `title` only if it is called `name`."""
    if words in (("from",), ("to",)):  # the hours of a day
        return "moment"
    return _choose_role(
        ("state", _names_state(words)),
        ("sort", _names_order(words)),
        ("zone", _names_zone(words)),
        ("unit", words[-1] in vocab.CURRENCY_AND_UNIT_WORDS or words[0] == "currency"),
        ("choice", _names_choice(words)),
        ("setting", not vocab.SETTING_WORDS.isdisjoint(words)),
        ("tag", facts.is_list and to_singular(words[-1]) in vocab.TAG_NOUNS),
        ("title", words == ("name",)),
        otherwise="choice",
    )


def _find_role_of_text(facts: _FieldFacts, words: tuple[str, ...]) -> FieldRole:
    last_word, last_noun = words[-1], to_singular(words[-1])
    is_title_text = words[0] in vocab.TITLE_WORDS and last_word in ("line", "text")  # `subject_line`
    return _choose_role(
        ("setting", words[0] in vocab.SHOWING_VERBS and bool(words[1:])),
        ("state", _names_state(words)),
        ("zone", _names_zone(words)),
        ("sort", _names_order(words)),
        ("query", not (QUERY_WORDS | vocab.SEARCH_WORDS).isdisjoint(words)),
        ("email", last_noun in ("email", "mail") or words[-2:] in _EMAIL_ENDINGS),
        ("phone", not vocab.PHONE_WORDS.isdisjoint(words)),
        ("unit", last_word in vocab.CURRENCY_AND_UNIT_WORDS or words[0] == "currency"),
        ("choice", _names_choice(words) and facts.name != "kind"),
        ("company", not vocab.COMPANY_WORDS.isdisjoint(words)),
        ("other", not vocab.POSITION_AT_WORK_WORDS.isdisjoint(words)),
        ("person", _names_person(words) or _is_name_of_person(words)),
        ("link", last_noun in vocab.LINK_WORDS),
        ("duration", _names_duration(words)),
        ("path", not vocab.PATH_WORDS.isdisjoint(words)),
        ("title", last_word in vocab.TITLE_ENDINGS or is_title_text),
        ("moment", last_word in vocab.MOMENT_ENDINGS or (_MOMENT_WORDS.issuperset(words) and _names_event(words))),
        ("setting", last_word in ("type", "format", "color") or (facts.is_list and last_word == "fields")),
        ("text", last_word in vocab.TEXT_WORDS or words[0] in vocab.TEXT_WORDS),
        ("tag", last_noun in vocab.TAG_NOUNS),
        ("place", not vocab.PLACE_WORDS.isdisjoint(words) and "ip" not in words),
        ("setting", not vocab.SETTING_WORDS.isdisjoint(words)),
        ("position", last_word in vocab.POSITION_WORDS),
        otherwise="other",
    )


def _choose_role(*rules: tuple[FieldRole, bool], otherwise: FieldRole) -> FieldRole:
    """Returns the role of the first rule that applies."""
    for role, applies in rules:
        if applies:
            return role
    return otherwise


def _names_state(words: tuple[str, ...]) -> bool:
    return to_singular(words[-1]) in vocab.STATE_WORDS or (
        words[0] in vocab.STATE_WORDS and words[-1] in ("code", "category", "name", "type")
    )


def _names_zone(words: tuple[str, ...]) -> bool:
    """Tells time zones from other zones, such as `dns_zone`."""
    return "timezone" in words or ("time", "zone") in pairwise(words) or words in _ZONE_NAMES


def _names_order(words: tuple[str, ...]) -> bool:
    return not vocab.SORT_WORDS.isdisjoint(words) and (vocab.SORT_WORDS | vocab.SORT_COMPANIONS).issuperset(words)


def _names_choice(words: tuple[str, ...]) -> bool:
    """Tells choices that people make, such as `issue_type` and `language_code`, from a program's `mime_type`."""
    ends_like_choice = words[-1] in vocab.CHOICE_ENDINGS or words[-2:] in (("language", "code"), ("color", "rgb"))
    return ends_like_choice and {"mime", "content", "media"}.isdisjoint(words)


def _names_limit(facts: _FieldFacts, words: tuple[str, ...]) -> bool:
    """Tells the limit of a listing from an amount such as `max_price` and from a margin: a `top` with decimals."""
    if facts.type == "number" and words == ("top",):
        return False
    if words in vocab.LIMIT_NAMES or words[-2:] in vocab.LIMIT_NAMES:
        return True
    if "limit" in words:
        return vocab.AMOUNT_WORDS.isdisjoint(words) and not {"rate", "size", "file"} & set(words)
    return bool({"max", "maximum"} & set(words)) and to_singular(words[-1]) in vocab.RESULT_NOUNS


def _names_duration(words: tuple[str, ...]) -> bool:
    """Tells durations such as `minutes` and `time_spent` from dates such as `day` and `created_day`."""
    if not vocab.DURATION_WORDS.isdisjoint(words):
        return True
    return any(word in vocab.DURATION_UNITS and word not in ("day", "week", "month", "year") for word in words)


def _names_event(words: tuple[str, ...]) -> bool:
    """Tells moments, at which something happens or a span ends, from amounts that are `paid` or `remaining`."""
    event_words = (_PHASE_OF_WORD.keys() | _BOUND_WORDS) - {"min", "max", "minimum", "maximum", "from", "to", "paid"}
    return not (event_words - {"refunded", "remaining", "outstanding", "added"}).isdisjoint(words)


def _names_person(words: tuple[str, ...]) -> bool:
    return (
        to_singular(words[-1]) in vocab.PERSON_NOUNS
        or words[-1] == "by"
        or (len(words) == 1 and words[0] in vocab.PERSON_OF_WORD)
    )


def _is_name_of_person(words: tuple[str, ...]) -> bool:
    """Tells names of people, such as `display_name` and `customer_name`, from names of other things."""
    if len(words) < 2 or words[-1] not in ("name", "names"):
        return False
    qualifier = words[-2]
    return qualifier in vocab.PERSON_NAME_WORDS or to_singular(qualifier) in vocab.PERSON_NOUNS


# ── noun, phase, bound, unit ─────────────────────────────────────────────────────────────────


def _find_noun(role: FieldRole, facts: _FieldFacts, words: tuple[str, ...]) -> str:
    match role:
        case "identifier":
            noun_words = words[:-1] if words[-1] == "number" else tuple(parse_resource_noun(facts.name).split())
            return _join_noun(noun_words, frozenset(("resource", "name")) if "resource" in words else frozenset())
        case "person":
            return _find_person_noun(words)
        case "email":
            return _find_person_noun(words) or _join_noun(words, frozenset(("email", "mail", "address", "to")))
        case "title":
            return _join_noun(words[:-1], vocab.TITLE_ENDINGS)
        case "text":
            noun_words = words[:-1] if words[-1] in vocab.TEXT_WORDS else ()
            return _join_noun(noun_words, vocab.TEXT_FORM_WORDS)
        case "tag":
            return to_singular(words[-1])
        case "state":
            return _join_noun(words, vocab.STATE_WORDS | {"code", "category", "name", "type", "to"})
        case "moment":
            return _join_noun(words, _MOMENT_WORDS)
        case "count" | "total":
            ignored = vocab.QUANTITY_WORDS | vocab.TOTAL_WORDS | vocab.AMOUNT_WORDS | {"number", "of", "size"}
            return _join_noun(words, ignored | _BOUND_WORDS | _PHASE_OF_WORD.keys())
        case "amount" | "charge" | "measure" | "position":
            ignored = vocab.AMOUNT_WORDS | vocab.MEASURE_WORDS | vocab.POSITION_WORDS | vocab.MEASURE_UNITS.keys()
            ignored |= vocab.TOTAL_WORDS
            return _join_noun(
                words, ignored | _PHASE_OF_WORD.keys() | _BOUND_WORDS | vocab.CURRENCIES | {"off", "unit"}
            )
        case "thing":
            return _join_noun(words, frozenset())
    return ""


def _join_noun(words: tuple[str, ...], ignored: frozenset[str]) -> str:
    """Joins the words up to a preposition, singular and without ignored words and qualifiers."""
    end = next((index for index, word in enumerate(words) if word in _PREPOSITIONS and index), len(words))
    unqualified_words = [word for word in words[:end] if word not in ignored and word not in vocab.QUALIFIERS]
    nouns = [to_singular(word) for word in unqualified_words if to_singular(word) not in ignored]
    return "" if vocab.CONTAINER_NOUNS.issuperset(nouns) else " ".join(nouns)


def _find_person_noun(words: tuple[str, ...]) -> str:
    nouns = (vocab.PERSON_OF_WORD.get(word, to_singular(word)) for word in reversed(words))
    return next((noun for noun in nouns if noun in vocab.PERSON_NOUNS), "")


def _find_phase(role: FieldRole, words: tuple[str, ...]) -> str:
    """Returns the phase; of `start_modified_time` it is `changed`, since its `start` bounds a search by changes."""
    if role not in _ROLES_WITH_PHASE or (role == "flag" and words[0] in vocab.SHOWING_VERBS):
        return ""
    ignored = vocab.COMMANDS if role == "flag" else frozenset[str]()  # the flag `create_room` asks for a room
    phases = {_PHASE_OF_WORD[word] for word in words if word in _PHASE_OF_WORD and word not in ignored}
    if role == "flag":
        phases -= {"start", "end"}  # the `end` of the flag `append_to_end` is no moment
    return next((phase for phase in _PHASE_ORDER if phase in phases), "")


def _find_bound(role: FieldRole, words: tuple[str, ...]) -> Bound:
    lower_words, upper_words = vocab.LOWER_BOUND_WORDS, vocab.UPPER_BOUND_WORDS
    if role in ("count", "amount", "duration", "measure"):
        lower_words, upper_words = frozenset(("min", "minimum")), frozenset(("max", "maximum"))
    elif role != "moment":
        return ""
    elif _find_phase(role, words) not in ("", "start", "end"):
        lower_words, upper_words = lower_words | {"start", "begin"}, upper_words | {"end"}
    if not lower_words.isdisjoint(words):
        return "from"
    return "" if upper_words.isdisjoint(words) else "until"


def _find_unit(role: FieldRole, facts: _FieldFacts, words: tuple[str, ...]) -> str:
    if role == "duration":
        return next(
            (vocab.DURATION_UNITS[word] for word in words if word in vocab.DURATION_UNITS), facts.described_unit
        )
    if role == "measure":
        return next((vocab.MEASURE_UNITS[word] for word in words if word in vocab.MEASURE_UNITS), facts.described_unit)
    if role in ("amount", "charge", "total"):
        return next((word for word in words if word in vocab.CURRENCIES), facts.described_unit)
    return ""


@lru_cache(maxsize=8192)
def _find_described_unit(description: str) -> str:
    """Returns the unit in which the description says that a number counts; '' if it names none.

    >>> _find_described_unit("Amount due, in the smallest currency unit (cents).")
    'cents'
    """
    match = _DESCRIBED_UNIT_PATTERN.search(description)
    return _UNIT_OF_WORD[(match[1] or match[2]).lower()] if match else ""
