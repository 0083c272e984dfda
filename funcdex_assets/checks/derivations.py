"""Values that nobody said and no result has, and that follow all the same: worked out, normalised, composed, implied.

Belongs here: how a value follows from what is known, in words; `provenance.py` asks after it has looked for the value
itself. A derivation is accepted only if each fact in it is known: a text may be worded freely, and a number, a date or
a name in it must have been said or returned. Days are read in `calendar_periods.py`.

    arithmetic   half of 4900 is 2450; 14:00 and half an hour is 14:30
    calendar     "this week", "next Monday", "the 21st" as moments; now as a moment
    composition  a query or a text made of known words and facts
    same again   the value that an earlier call had under the same name
    implication  yes or no, and one of a few options, unless the user said otherwise
"""

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from funcdex_assets.checks.calendar_periods import find_clock_times, find_periods, names_part_of_day
from funcdex_assets.checks.known_facts import WORD_OR_NUMBER, Known
from funcdex_assets.checks.number_words import read_number_words
from funcdex_assets.checks.rules.claims import find_claims
from funcdex_assets.language.spoken_values import find_spoken_value, list_spoken_forms, parse_moment
from funcdex_assets.records.message import ToolCall
from funcdex_assets.schema.json_pointers import list_scalars
from funcdex_assets.schema.schema import Schema
from funcdex_assets.schema.words import split_words, to_singular
from funcdex_assets.semantics.field_meaning import FieldMeaning, decide_field_meaning

_SPOKEN_PARTS = {"half": 2, "third": 3, "quarter": 4, "fifth": 5, "tenth": 10}
_SPOKEN_MINUTES = {"half an hour": 30, "quarter of an hour": 15, "an hour": 60, "one hour": 60, "two hours": 120}
_MINUTES = re.compile(r"\b(\d+) ?(min|minutes?|h|hours?|hrs?)\b", re.IGNORECASE)
_PERCENT = re.compile(r"(\d+(?:\.\d+)?) ?(?:%|per ?cent)", re.IGNORECASE)
_TWICE = re.compile(r"\b(?:double|twice)\b")
_COMBINES = re.compile(r"\b(?:rest|difference|together|total|sum|more|less|remaining|left|both)\b")
_WORD = re.compile(r"[^\W\d_]{2,}")
_CONDITION_SIGN = re.compile(r"\w ?(?:[:=~<>]|!=)")
_OPERATORS = re.compile(r"[\w.]+(?=\s*[:=~<>(!])|\b(?:AND|OR|NOT|and|or|not|in|contains|is|from|to)\b")
_NAME = re.compile(r"(?<=[a-z,;] )[A-Z][^\W\d_]+")
_TITLES = frozenset("mr mrs ms dr hi hello dear best regards thanks thank kind sincerely yours i".split())
_DAYS = frozenset("monday tuesday wednesday thursday friday saturday sunday".split())
_MIN_SHARE_OF_KNOWN_WORDS = 0.2  # of the long words of a composed text
_MIN_SHARE_IN_SHORT_TEXT = 0.3
_SHORT_TEXT, _MIN_LONG_WORD = 3, 4  # long words; letters of one
_MIN_COMBINED = 3  # smaller sums and differences come about by chance
_MAX_SETTING = 40  # letters
_A_MINUTE = timedelta(minutes=1)


class Argument(NamedTuple):
    """A scalar in the arguments of a call, with the schema of its field and the description of its tool."""

    name: str
    schema: Schema
    value: Any
    call: ToolCall
    description: str

    @property
    def meaning(self) -> FieldMeaning:
        return decide_field_meaning(self.name, self.schema)


class Derivation(NamedTuple):
    """How a value follows.

    `message` is that of the user's words, if some were the reason, `from_call` that of a result.
    """

    how: str
    message: int | None = None
    from_call: str | None = None


def find_derivation(argument: Argument, known: Known) -> Derivation | None:
    """Returns how the value of an argument follows from what is known; None if it does not."""
    for derive in (
        _repeat_value,
        _imply_option,
        _compute_number,
        _compute_moment,
        _compose_query,
        _compose_text,
        _name_field,
    ):
        if derivation := derive(argument, known):
            return derivation
    return None


def _repeat_value(argument: Argument, known: Known) -> Derivation | None:
    """The same as an earlier call of the tool had under this name: "and the back" takes the temperature over."""
    for earlier in reversed(known.calls):
        for pointer, other in list_scalars(earlier.arguments) if earlier.name == argument.call.name else ():
            is_same = other == argument.value and type(other) is type(argument.value)
            if is_same and pointer.rsplit("/", 1)[-1] == argument.name:
                return Derivation(f"as in {earlier.id}", from_call=earlier.id)
    return None


def _imply_option(argument: Argument, known: Known) -> Derivation | None:
    """Yes or no, or one of a few options: what people mean by what they say.

    Not if they said the contrary: "it is no draft" implies no draft, "of high importance" no low one.
    """
    name, schema, value = argument.name, argument.schema, argument.value
    last = known.utterances[-1][1] if known.utterances else ""
    now = known.situation.now
    if isinstance(value, bool):
        is_denied = find_spoken_value(last, name, {}, not value, now) is not None
        return None if is_denied else Derivation(f"implied: {name} {str(value).lower()}")
    options = schema.get("enum", ())
    if value not in options:
        return None
    label = split_words(name)[-1] if split_words(name) else ""
    others = [
        form
        for option in options
        if option != value
        for form in list_spoken_forms(name, {"enum": options}, option, now)[:1]
    ]
    is_other = any(re.search(rf"\b{re.escape(other)} {re.escape(label)}\b", last, re.IGNORECASE) for other in others)
    return None if is_other else Derivation(f"implied: one of {len(options)} options")


def _compute_number(argument: Argument, known: Known) -> Derivation | None:
    """A number worked out of known ones, said in words, or the size of a page."""
    value = argument.value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if argument.meaning.role in ("limit", "position"):
        return Derivation("how many to fetch")
    for index, text in reversed(known.utterances):
        if value in read_number_words(text):
            return Derivation("said in words", message=index)
    if not known.utterances:
        return None
    how = next(_find_share(value, known), None) or next(_find_sum(value, known), None)
    return Derivation(how, message=known.utterances[-1][0]) if how else None


def _find_share(value: float, known: Known) -> Iterator[str]:
    """Yields how a number is a part or a multiple of a known one, as the user asks for it."""
    percents = _PERCENT.findall(known.all_requests)
    for number in known.numbers:
        for word, part in _SPOKEN_PARTS.items():
            if word in known.all_requests and number / part == value:
                yield f"a {word} of {number:g}"
        for percent in percents:
            if abs(number * float(percent) / 100 - value) < 0.01:
                yield f"{percent} % of {number:g}"
        if number * 2 == value and _TWICE.search(known.all_requests):
            yield f"twice {number:g}"


def _find_sum(value: float, known: Known) -> Iterator[str]:
    """Yields how a number is the sum or the difference of two known ones, as the user asks for it."""
    if abs(value) <= _MIN_COMBINED or not _COMBINES.search(known.all_requests):
        return
    for first in known.numbers:
        for second in known.numbers:
            if first != second and value not in (first, second) and value in (first + second, first - second):
                yield f"worked out of {first:g} and {second:g}"


def _compute_moment(argument: Argument, known: Known) -> Derivation | None:
    """A moment that the calendar, now, or a beginning and a length make.

    A time of day must be one that the user named, if any was; where none was, not even "in the morning", only the ends
    of a day and of a window may be filled in.
    """
    moment = parse_moment(argument.schema, argument.value) if isinstance(argument.value, str) else None
    if not isinstance(moment, date):
        return None
    now = known.situation.now
    if isinstance(moment, datetime):
        moment = moment if moment.tzinfo else moment.replace(tzinfo=now.tzinfo)
        if abs(moment - now) < _A_MINUTE:
            return Derivation("now")
        if length := _find_length(moment, argument.call, known):
            return length
        moment = _move_to_zone(moment, now)
    day = moment.date() if isinstance(moment, datetime) else moment
    is_end = argument.meaning.bound == "until" or argument.meaning.phase in ("end", "expires", "due")
    for index, text in reversed(known.utterances):
        for words, first, last in find_periods(text, now.date()):
            is_midnight = isinstance(moment, datetime) and moment.hour == moment.minute == 0
            is_meant = first <= day <= last or (is_end and is_midnight and day == last + timedelta(days=1))
            if is_meant and _may_have_clock(moment, argument.meaning, text):
                return Derivation(f"the calendar: {words}", message=index)
    return None


def _move_to_zone(moment: datetime, now: datetime) -> datetime:
    """The same instant in the user's time zone; the first and the last day of the calendar stay as they are."""
    try:
        return moment.astimezone(now.tzinfo)
    except OverflowError:
        return moment


def _may_have_clock(moment: date, meaning: FieldMeaning, text: str) -> bool:
    """True if the time of day of a moment may follow from a text."""
    if not isinstance(moment, datetime):
        return True
    minutes = moment.hour * 60 + moment.minute
    if minutes in (0, 23 * 60 + 59) or meaning.bound:
        return True
    times = set(find_clock_times(text))
    return minutes in times if times else names_part_of_day(text)


def _find_length(moment: datetime, call: ToolCall, known: Known) -> Derivation | None:
    """A moment that lies a said length after another moment of the call or of a result."""
    minutes = {
        60 * int(number) if unit.startswith("h") else int(number)
        for number, unit in _MINUTES.findall(known.all_requests)
    }
    minutes |= {length for words, length in _SPOKEN_MINUTES.items() if words in known.all_requests}
    if not minutes:
        return None
    own = [value for _, value in list_scalars(call.arguments)]
    for other in (*own, *(value for _, _, value in known.result_scalars)):
        start = parse_moment({}, other) if isinstance(other, str) else None
        if isinstance(start, datetime) and start.tzinfo and (moment - start).total_seconds() / 60 in minutes:
            return Derivation(f"{(moment - start).total_seconds() / 60:g} minutes after {other}")
    return None


def _compose_query(argument: Argument, known: Known) -> Derivation | None:
    """Search words or a filter made of known words and of the operators that the tool describes."""
    value, schema = argument.value, argument.schema
    if not isinstance(value, str) or not (argument.meaning.role == "query" or _CONDITION_SIGN.search(value)):
        return None
    if parse_moment(schema, value) is not None:
        return None
    described = f"{argument.description} {schema.get('description', '')} {schema.get('examples', '')}".lower()
    words = [word.lower() for word in WORD_OR_NUMBER.findall(_OPERATORS.sub(" ", value))]
    own = set(WORD_OR_NUMBER.findall(described))
    stock, stems = known.words | own, known.stems | {to_singular(word) for word in own}
    unknown = [word for word in words if word not in stock and to_singular(word) not in stems]
    if words and not unknown:
        return Derivation("search words of what is known")
    are_facts = all(word.isdigit() for word in unknown)
    if unknown and are_facts and all(known.support.supports_claim(claim) for claim in find_claims(value)):
        return Derivation("a filter of what is known")
    return None


def _compose_text(argument: Argument, known: Known) -> Derivation | None:
    """A text, a title or a name that is worded freely and has no fact that is not known."""
    value, schema, role = argument.value, argument.schema, argument.meaning.role
    if not isinstance(value, str) or role not in ("text", "title", "person", "other", "tag"):
        return None
    if schema.get("format") or schema.get("pattern"):
        return None
    claims = (claim for claim in find_claims(value) if not _is_said_date(claim.text, known))
    if any(not known.support.supports_claim(claim) for claim in claims):
        return None
    names = (name.lower() for name in _NAME.findall(value))
    if any(name not in known.words and name not in _TITLES and name not in _DAYS for name in names):
        return None
    words = [word.lower() for word in _WORD.findall(value)]
    long_words = [word for word in words if len(word) >= _MIN_LONG_WORD] or words
    shared = [word for word in long_words if word in known.words or to_singular(word) in known.stems]
    if role not in ("text", "title") and len(shared) < len([word for word in words if word not in _TITLES]):
        return None
    needed = _MIN_SHARE_OF_KNOWN_WORDS if len(long_words) > _SHORT_TEXT else _MIN_SHARE_IN_SHORT_TEXT
    is_known = bool(shared) and len(shared) >= needed * len(long_words)
    return Derivation("composed of what is known") if is_known else None


def _is_said_date(text: str, known: Known) -> bool:
    """True if a date is one that somebody spoke of by its day alone: `21 March` after "until the 21st"."""
    days = [number for number in re.findall(r"\b\d{1,2}\b", text) if int(number) <= 31]
    if not days:
        return False
    texts = [words for _, words in known.utterances]
    texts += [value for _, _, value in known.result_scalars if isinstance(value, str)]
    return any(
        re.search(rf"\b{day}(?:st|nd|rd|th)\b|\b{day} [A-Z][a-z]+|[A-Z][a-z]+ {day}\b", words)
        for day in days
        for words in texts
    )


def _name_field(argument: Argument, known: Known) -> Derivation | None:
    """The name of a field that a result or the tool's definition has; the user's own name in another form."""
    value = argument.value
    if not isinstance(value, str) or not value:
        return None
    if argument.meaning.role == "setting" and len(value) < _MAX_SETTING:
        return Derivation("how the answer is made")
    plain = "".join(split_words(value))
    if plain and plain in known.field_names:
        return Derivation("a field of a result", from_call=known.field_names[plain])
    persona = known.situation.persona
    own = {persona.name.lower(), *persona.name.lower().split(), persona.email.partition("@")[0].lower()}
    return Derivation("the user's name") if value.lower() in own - {""} else None
