"""The meaning of a field, decided once from its name and its schema.

Belongs here: the rules, and the order in which they are tried. The lists of words that they use are in
`vocabulary.py`. Making up a value for a field, checking it and putting it into a sentence belong to the callers.

Where a real field is misread, first add it to `tests/data/field_meaning_cases.json`, then add a rule. Name, type,
format, the start of a `pattern` and the presence of an `enum` decide. Only where they tell nothing, the rest of the
schema is read: pattern, examples and description, and the noun of the tool for an identifier that names no thing. So a
field of a telling name means the same in every tool, and the answers can be cached. A toolkit may declare a meaning
(`records/declared_meaning.py`); it overrides whatever would be decided.

>>> decide_field_meaning("threadId", {"type": "string"})
FieldMeaning(role='identifier', noun='thread', phase='', bound='', unit='', certainty='name')
>>> decide_field_meaning("modified_after", {"type": "string", "format": "date"})
FieldMeaning(role='moment', noun='', phase='changed', bound='from', unit='', certainty='schema')
>>> decide_field_meaning("file_size", {"type": "integer", "description": "Size in bytes."})
FieldMeaning(role='measure', noun='file', phase='', bound='', unit='bytes', certainty='name')
>>> decide_field_meaning("value", {"type": "string", "examples": ["ann@example.com"]})
FieldMeaning(role='email', noun='', phase='', bound='', unit='', certainty='schema')
>>> decide_field_meaning("id", {"type": "string"}, tool_noun="thread").noun
'thread'
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import pairwise
from typing import Any, Literal, NamedTuple, cast

from funcdex_assets.records.declared_meaning import MEANING_KEYWORD, Bound, FieldRole
from funcdex_assets.schema.schema import Schema, name_json_type, schema_type
from funcdex_assets.schema.words import split_words, to_singular
from funcdex_assets.semantics import vocabulary as vocab
from funcdex_assets.semantics.field_nouns import parse_described_noun
from funcdex_assets.semantics.tool_names import is_id, parse_resource_noun

Certainty = Literal["declared", "schema", "name", "description", "guess"]
"""What a role is told by, the surest first: a toolkit's `x-meaning`; type, format, enum, pattern or examples; the name;
the description, or the noun of the tool; or nothing, so that it is but the role of any such value."""


@dataclass(frozen=True)
class FieldMeaning:
    """The meaning of one field; an attribute that neither its name nor its schema tells is ''.

    `noun` is the thing that the field belongs to or counts, singular: `thread` of `threadId`, `task` of `num_tasks`.
    `phase` is a key of `vocabulary.PHASE_WORDS`: `due` of `due_on`, `completed` of the flag `checked`.
    `bound` is set for a lower or upper end of the values allowed or searched for: `until` of `max_start_time`.
    `unit` is a short name such as `ms`, `min`, `bytes`, `percent`, `usd` or `cents`.
    Meanings are equal if they say the same, however certain each is.
    """

    role: FieldRole
    noun: str = ""
    phase: str = ""
    bound: Bound = ""
    unit: str = ""
    certainty: Certainty = field(default="name", compare=False)


class _FieldFacts(NamedTuple):
    """The facts about a field that its meaning is decided by.

    Of a list, `type`, `format` and `is_closed` describe the items. `type` is "" if the schema tells nothing of it.
    `is_closed` tells that the schema lists all values. `declared` is the role or the facets that the toolkit declares.
    """

    name: str
    type: str
    format: str
    is_closed: bool
    is_list: bool
    described_unit: str
    declared: str | tuple[tuple[str, str], ...]


class _Evidence(NamedTuple):
    """What else a definition tells of a field, read where its name tells nothing."""

    pattern: str
    examples: tuple[str, ...]
    description: str
    tool_noun: str


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
_TYPING_KEYWORDS = frozenset("type properties items enum const format pattern".split())
_ISO_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_SHAPES: Mapping[FieldRole, tuple[re.Pattern[str], str]] = {
    "moment": (re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d\S*)?"), "2026-03-14"),
    "email": (re.compile(r"[^@\s]+@[^@\s]+\.\w+"), "ann.lee@example.com"),
    "link": (re.compile(r"https?://\S+"), "https://example.com/a"),
    "phone": (re.compile(r"\+\d[\d ()-]{6,}"), "+14155550123"),
    "duration": (re.compile(r"P(?:\d+[YMWD])*(?:T(?:\d+[HMS])+)?"), "PT1H30M"),
}
"""Values that show by themselves what they are, each with a sample to try a pattern on."""
_PLAIN_SAMPLE = "some words"
_DESCRIBED_ROLE_PATTERN = re.compile(
    r"(?:required\.? |optional\.? )?(?:the |an? )?(?:\w+ )?"
    r"(?:(?P<email>e-?mail address\b)|(?P<phone>(?:tele)?phone number\b)|(?P<link>url\b|web address\b)"
    r"|(?P<zone>time ?zone\b)|(?P<moment>timestamp\b|date and time\b|iso[ -]?8601\b|rfc[ -]?3339\b)"
    r"|(?P<limit>max(?:imum)? number of [\w ]{1,40}\b(?:to return|returned|per page)\b)"
    r"|(?P<page_token>page token\b|pagination (?:token|cursor)\b|cursor (?:for|of|to) )"
    r"|(?P<title>(?:title|subject) of\b)|(?P<query>search (?:query|terms?|text|string)\b))",
    re.IGNORECASE,
)
_QUANTITY_ROLES = frozenset(("charge", "amount", "measure"))
_QUANTITY_ENDINGS = vocab.CHARGE_WORDS | vocab.AMOUNT_WORDS | {"size", "width", "height", "weight", "distance"}
_READ_LETTERS = 300  # of a description
_JOINED_WORDS = (
    vocab.TITLE_ENDINGS | vocab.TEXT_WORDS | vocab.TEXT_FORM_WORDS | vocab.MOMENT_ENDINGS - {"when", "until"}
)
_JOINED_WORDS |= _PHASE_OF_WORD.keys() | vocab.QUALIFIERS | vocab.PERSON_NAME_WORDS | vocab.PERSON_NOUNS
_JOINED_WORDS |= vocab.QUANTITY_WORDS | vocab.TAG_NOUNS | frozenset("page size token word issue file".split())
"""Words that a name without separators may join; a name that is a known word itself is not taken apart."""
_JOINED_TO_ANY_NOUN = ("name", "title", "count", "query", "contains")
_KNOWN_WORDS = _JOINED_WORDS | vocab.POSITION_WORDS | vocab.DURATION_WORDS | vocab.PLACE_WORDS | vocab.LINK_WORDS
_KNOWN_WORDS |= vocab.CHARGE_WORDS | frozenset("surname forename subtitle rename account".split())
_MAX_LIST_DEPTH = 3  # of lists within lists


def decide_field_meaning(name: str, schema: Schema, tool_noun: str = "") -> FieldMeaning:
    """Returns the meaning of the field `name`, whose schema has its references resolved; `{}` if only a name is known.

    `tool_noun` is the noun of the thing that the field's tool is about.

    >>> decide_field_meaning("start_at", {"type": "integer"}).role
    'page_token'
    >>> decide_field_meaning("start_at", {"type": "string", "format": "date-time"}).phase
    'start'
    >>> decide_field_meaning("until", {"type": "string", "x-meaning": {"role": "moment", "phase": "due"}}).phase
    'due'
    """
    meaning = _decide_meaning(_collect_facts(name, schema))
    if meaning.certainty == "guess" or (meaning.role == "identifier" and not meaning.noun):
        return _decide_by_evidence(meaning, _collect_evidence(schema, tool_noun))
    if tool_noun in vocab.PERSON_NOUNS and meaning.role == "title" and split_words(name) == ("name",):
        return FieldMeaning("person", tool_noun, certainty="description")
    return meaning


def decide_value_meaning(name: str, value: Any) -> FieldMeaning:
    """Returns the meaning of a field whose schema is not at hand, told from its name and a value of it.

    >>> decide_value_meaning("start", "2026-03-01T09:00:00Z").phase, decide_value_meaning("count", 3).role
    ('start', 'count')
    """
    is_list = isinstance(value, list)
    if is_list:
        value = value[0] if value else None
    value_type = "" if value is None else name_json_type(value)
    return _decide_cached_value_meaning(
        name, value_type, isinstance(value, str) and bool(_ISO_DAY.match(value)), is_list
    )


@lru_cache(maxsize=8192)
def _decide_cached_value_meaning(name: str, value_type: str, is_moment: bool, is_list: bool) -> FieldMeaning:
    schema: Schema = {"type": value_type or "string", **({"format": "date-time"} if is_moment else {})}
    return decide_field_meaning(name, {"type": "array", "items": schema} if is_list else schema)


def _collect_facts(name: str, schema: Schema) -> _FieldFacts:
    is_list, declared = False, _read_declaration(schema)
    for _ in range(_MAX_LIST_DEPTH):
        if schema_type(schema) != "array":
            break
        is_list, item_schema = True, schema.get("items")
        schema = item_schema if isinstance(item_schema, dict) else {"type": "object"}
        declared = declared or _read_declaration(schema)
    value_type, value_format = schema_type(schema), str(schema.get("format", ""))
    if value_type == "string" and value_format in _INTEGER_FORMATS:
        value_type = "integer"
    if _TYPING_KEYWORDS.isdisjoint(schema):
        value_type = ""
    if str(schema.get("pattern", "")).startswith("^\\+"):
        value_format = "phone"
    is_number = value_type in ("integer", "number")
    described_unit = _find_described_unit(str(schema.get("description", ""))) if is_number else ""
    is_closed = "enum" in schema or "const" in schema
    return _FieldFacts(name, value_type, value_format, is_closed, is_list, described_unit, declared)


def _read_declaration(schema: Schema) -> str | tuple[tuple[str, str], ...]:
    declared = schema.get(MEANING_KEYWORD, "")
    return declared if isinstance(declared, str) else tuple(declared.items())


def _collect_evidence(schema: Schema, tool_noun: str) -> _Evidence:
    description = str(schema.get("description", ""))
    for _ in range(_MAX_LIST_DEPTH):
        item_schema = schema.get("items")
        if not isinstance(item_schema, dict):
            break
        schema = item_schema
        description = description or str(schema.get("description", ""))
    examples = schema.get("examples")
    texts = tuple(str(text) for text in examples if text != "") if isinstance(examples, list | tuple) else ()
    return _Evidence(str(schema.get("pattern", "")), texts, description[:_READ_LETTERS], tool_noun)


@lru_cache(maxsize=8192)
def _decide_meaning(facts: _FieldFacts) -> FieldMeaning:
    if isinstance(facts.declared, tuple):
        return FieldMeaning(**cast("dict[str, Any]", dict(facts.declared)), certainty="declared")
    words = split_joined_words(facts.name)
    role, certainty = _find_role(facts, words)
    if facts.declared:
        role, certainty = cast("FieldRole", facts.declared), "declared"
    return FieldMeaning(
        role,
        _find_noun(role, facts, words),
        _find_phase(role, words),
        _find_bound(role, words),
        _find_unit(role, facts, words),
        certainty,
    )


@lru_cache(maxsize=8192)
def split_joined_words(name: str) -> tuple[str, ...]:
    """Splits a name into words, also one that joins two known words, as `duedate` and `displayname` do.

    >>> split_joined_words("duedate"), split_joined_words("drivename"), split_joined_words("username")
    (('due', 'date'), ('drive', 'name'), ('username',))
    """
    words = split_words(name)
    if len(words) == 1:
        return _split_joined_word(words[0])
    if "check" in words:  # the ends of a stay: `check_in`, `check_out_date`
        joined = " ".join(words).replace("check in", "checkin").replace("check out", "checkout")
        return tuple(joined.split(" "))
    return words


def _split_joined_word(word: str) -> tuple[str, ...]:
    for end in range(len(word) - 2, 2, -1) if word not in _KNOWN_WORDS else ():
        first, last = word[:end], word[end:]
        if last in _JOINED_TO_ANY_NOUN:
            return (*_split_joined_word(first), last)
        if last in _JOINED_WORDS and _JOINED_WORDS.issuperset(first_words := _split_joined_word(first)):
            return (*first_words, last)
    return (word,)


# ── where the name tells nothing ─────────────────────────────────────────────────────────────


@lru_cache(maxsize=8192)
def _decide_by_evidence(meaning: FieldMeaning, evidence: _Evidence) -> FieldMeaning:
    """Completes the noun of an identifier, or returns the meaning that shape and description of the values tell."""
    if meaning.role == "identifier":
        noun = parse_described_noun(evidence.description) or evidence.tool_noun
        return replace(meaning, noun=noun) if noun else meaning
    if meaning.role != "other":
        return meaning
    role = _find_role_of_shape(evidence)
    if role is not None:
        return FieldMeaning(role, certainty="schema")
    noun = parse_described_noun(evidence.description)
    if noun:
        return FieldMeaning("identifier", noun, certainty="description")
    match = _DESCRIBED_ROLE_PATTERN.match(evidence.description)
    if match is None or match.lastgroup is None:
        return meaning
    return FieldMeaning(cast("FieldRole", match.lastgroup), certainty="description")


def _find_role_of_shape(evidence: _Evidence) -> FieldRole | None:
    """Returns the role whose values alone fit the pattern, or whose shape all examples have; None if there is none."""
    if evidence.pattern:
        try:
            pattern = re.compile(evidence.pattern)
        except re.error:
            return None
        fitting: list[FieldRole] = [role for role, (_, sample) in _SHAPES.items() if pattern.search(sample)]
        return fitting[0] if len(fitting) == 1 and not pattern.search(_PLAIN_SAMPLE) else None
    if not evidence.examples:
        return None
    for role, (shape, _) in _SHAPES.items():
        if all(map(shape.fullmatch, evidence.examples)):
            return role
    return None


# ── the role ─────────────────────────────────────────────────────────────────────────────────


def _find_role(facts: _FieldFacts, words: tuple[str, ...]) -> tuple[FieldRole, Certainty]:
    if not words:
        return "other", "guess"
    if facts.type == "boolean":
        return "flag", "schema"
    if _is_page_token(facts, words):
        return "page_token", "name"
    if _is_identifier(facts, words):
        return "identifier", "name"
    if facts.type == "object":
        return _find_role_of_object(words), "name"
    if facts.type in ("integer", "number"):
        role = _find_role_of_number(facts, words)
    elif facts.is_closed and facts.format not in _DECISIVE_FORMATS:
        return _find_role_of_closed_text(facts, words), "name"
    elif facts.format in _ROLE_OF_FORMAT:
        return _ROLE_OF_FORMAT[facts.format], "schema"
    else:
        role = _find_role_of_text(facts, words)
    if role is None:
        return "other", "guess"
    return role, "name"


def _is_page_token(facts: _FieldFacts, words: tuple[str, ...]) -> bool:
    """Tells page tokens from the time zone `utc_offset` and from a `start_at` that is no number but a moment."""
    if facts.format in _DECISIVE_FORMATS or facts.is_list or facts.is_closed or "utc" in words or "timezone" in words:
        return False
    if facts.type == "object":
        return words == ("next", "page")
    if words[-1:] in vocab.PAGE_TOKEN_ENDINGS or words[-2:] in vocab.PAGE_TOKEN_ENDINGS or words == ("marker",):
        return True
    is_number = facts.type in ("integer", "number") or (facts.type == "" and words != ("page",))
    return is_number and words in vocab.PAGE_NUMBER_NAMES


def _is_identifier(facts: _FieldFacts, words: tuple[str, ...]) -> bool:
    if facts.type == "object" or facts.format in _DECISIVE_FORMATS:
        return False
    if words[-1] in ("key", "keys") and facts.is_closed:
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


def _find_role_of_number(facts: _FieldFacts, words: tuple[str, ...]) -> FieldRole | None:
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
    )


def _find_role_of_closed_text(facts: _FieldFacts, words: tuple[str, ...]) -> FieldRole:
    """Returns the role of a text with a fixed list of values: never `text`, and `title` only if it is called `name`."""
    if words in (("from",), ("to",)):  # the hours of a day
        return "moment"
    role = _choose_role(
        ("state", _names_state(words)),
        ("sort", _names_order(words)),
        ("zone", _names_zone(words)),
        ("unit", words[-1] in vocab.CURRENCY_AND_UNIT_WORDS or words[0] == "currency"),
        ("choice", _names_choice(words)),
        ("setting", not vocab.SETTING_WORDS.isdisjoint(words)),
        ("tag", facts.is_list and to_singular(words[-1]) in vocab.TAG_NOUNS),
        ("title", words == ("name",)),
    )
    return role or "choice"


def _find_role_of_text(facts: _FieldFacts, words: tuple[str, ...]) -> FieldRole | None:
    last_word, last_noun = words[-1], to_singular(words[-1])
    if not facts.type and (number_role := _find_role_of_possible_number(facts, words)):
        return number_role
    is_title_text = words[0] in vocab.TITLE_WORDS and last_word in ("line", "text")  # `subject_line`
    return _choose_role(
        ("setting", words[0] in vocab.SHOWING_VERBS and bool(words[1:])),
        ("state", _names_state(words)),
        ("zone", _names_zone(words)),
        ("sort", _names_order(words)),
        ("query", not vocab.SEARCH_WORDS.isdisjoint(words)),
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
    )


def _find_role_of_possible_number(facts: _FieldFacts, words: tuple[str, ...]) -> FieldRole | None:
    """Returns the role of a value of unknown type whose name is that of a number; None for other names."""
    role = _find_role_of_number(facts, words)
    is_quantity = not {words[-1], to_singular(words[-1])}.isdisjoint(_QUANTITY_ENDINGS)
    return role if role in ("limit", "count", "total") or (role in _QUANTITY_ROLES and is_quantity) else None


def _choose_role(*rules: tuple[FieldRole, bool]) -> FieldRole | None:
    """Returns the role of the first rule that applies; None if there is none."""
    for role, applies in rules:
        if applies:
            return role
    return None


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
    end = next((index for index, word in enumerate(words) if word in vocab.PREPOSITIONS and index), len(words))
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
