"""Values that nobody said and no result has, and that follow all the same: worked out, normalised, composed, implied.

Belongs here: how a value follows from what is known, in words; `provenance.py` asks after it has looked for the value
itself. A derivation is accepted only if each fact in it is known: a text may be worded freely, and a number, a date or a
name in it must have been said or returned.

    arithmetic   half of 4900 is 2450; 14:00 and half an hour is 14:30
    calendar     "this week", "next Monday", "the 21st" as moments; now as a moment
    composition  a query or a text made of known words and facts
    same again   the value that an earlier call had under the same name
    implication  yes or no, and one of a few options
"""

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from funcdex_assets.checks.rules.claims import Support, find_claims
from funcdex_assets.language.spoken_values import parse_moment
from funcdex_assets.language.values import Situation
from funcdex_assets.records.message import ToolCall
from funcdex_assets.schema.json_pointers import list_scalars
from funcdex_assets.schema.schema import Schema
from funcdex_assets.schema.words import split_words, to_singular
from funcdex_assets.semantics.field_meaning import decide_field_meaning

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = {
    word: 10 * number for number, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)
}
_SPOKEN_PARTS = {"half": 2, "third": 3, "quarter": 4, "fifth": 5, "tenth": 10}
_SPOKEN_MINUTES = {"half an hour": 30, "quarter of an hour": 15, "an hour": 60, "one hour": 60, "two hours": 120}
_MINUTES = re.compile(r"\b(\d+) ?(min|minutes?|h|hours?|hrs?)\b", re.IGNORECASE)
_DAY_OF_MONTH = re.compile(r"\b(?:the )?(\d{1,2})(?:st|nd|rd|th)\b", re.IGNORECASE)
_IN_DAYS = re.compile(r"\bin (\d+|a|two|three|four) (days?|weeks?)\b", re.IGNORECASE)
_PERCENT = re.compile(r"(\d+(?:\.\d+)?) ?(?:%|per ?cent)", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]{2,}")
_NAME = re.compile(r"(?<=[a-z,;] )[A-Z][^\W\d_]+")
_TITLES = frozenset("mr mrs ms dr hi hello dear best regards thanks thank kind sincerely yours i".split())
_MIN_SHARE_OF_KNOWN_WORDS = 0.2  # of the long words of a composed text
_MIN_LONG_WORD = 4  # letters
_MOST_COMPARED = 40  # numbers


class Known(NamedTuple):
    """All that is known when a call is made.

    `utterances` are the user's, by message; `said` the assistant's; `results` the contents of results by call; `calls`
    those made before.
    """

    situation: Situation
    utterances: Sequence[tuple[int, str]]
    said: Sequence[str]
    results: Sequence[tuple[str, Any]]
    calls: Sequence[ToolCall]


class Derivation(NamedTuple):
    """How a value follows; `message` is that of the user's words, if some were the reason, `from_call` that of a result."""

    how: str
    message: int | None = None
    from_call: str | None = None


def find_derivation(
    name: str, schema: Schema, value: Any, call: ToolCall, description: str, known: Known
) -> Derivation | None:
    """Returns how the value of the argument `name` follows from what is known; None if it does not."""
    for derive in (
        _repeat_value,
        _imply_option,
        _compute_number,
        _compute_moment,
        _compose_query,
        _compose_text,
        _name_field,
    ):
        if derivation := derive(name, schema, value, call, description, known):
            return derivation
    return None


def _repeat_value(
    name: str, schema: Schema, value: Any, call: ToolCall, description: str, known: Known
) -> Derivation | None:
    """The same as an earlier call had under this name: "and the back" takes the temperature over."""
    for earlier in reversed(known.calls):
        for pointer, other in list_scalars(earlier.arguments):
            if (
                pointer.rsplit("/", 1)[-1] == name
                and other == value
                and type(other) is type(value)
                and earlier.name == call.name
            ):
                return Derivation(f"as in {earlier.id}", from_call=earlier.id)
    return None


def _imply_option(
    name: str, schema: Schema, value: Any, call: ToolCall, description: str, known: Known
) -> Derivation | None:
    """Yes or no, or one of a few options: what people mean by what they say."""
    if isinstance(value, bool):
        return Derivation(f"implied: {name} {str(value).lower()}")
    if value in schema.get("enum", ()):
        return Derivation(f"implied: one of {len(schema['enum'])} options")
    return None


def _compute_number(
    name: str, schema: Schema, value: Any, call: ToolCall, description: str, known: Known
) -> Derivation | None:
    """A number worked out of known ones, said in words, or the size of a page."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if decide_field_meaning(name, schema).role in ("limit", "position"):
        return Derivation("how many to fetch")
    for index, text in reversed(known.utterances):
        if value in _read_number_words(text):
            return Derivation("said in words", message=index)
    if not known.utterances:
        return None
    last_at, text = known.utterances[-1]
    folded = " ".join(words for _, words in known.utterances).lower()
    numbers = list(dict.fromkeys(_list_numbers(known)))[:_MOST_COMPARED]
    for number in numbers:
        for word, part in _SPOKEN_PARTS.items():
            if word in folded and number / part == value:
                return Derivation(f"a {word} of {number:g}", message=last_at)
        for match in _PERCENT.findall(folded):
            if abs(number * float(match) / 100 - value) < 0.01:
                return Derivation(f"{match} % of {number:g}", message=last_at)
        if re.search(r"\b(?:double|twice)\b", folded) and number * 2 == value:
            return Derivation(f"twice {number:g}", message=last_at)
    for first in numbers:
        for second in numbers:
            if (
                first is not second
                and value not in (first, second)
                and abs(value) > 3
                and (first + second == value or first - second == value)
                and re.search(r"\b(?:rest|difference|together|total|sum|more|less|remaining|left|both)\b", folded)
            ):
                return Derivation(f"worked out of {first:g} and {second:g}", message=last_at)
    return None


def _list_numbers(known: Known) -> Iterator[float]:
    for _, content in reversed(known.results):
        for _, value in list_scalars(content):
            if isinstance(value, int | float) and not isinstance(value, bool):
                yield value
    for _, text in known.utterances:
        for number in re.findall(r"(?<![\w.])\d+(?:\.\d+)?", text):
            yield float(number)


@lru_cache(2048)
def _read_number_words(text: str) -> frozenset[int]:
    """The whole numbers that a text has in words: "twenty one" is 21, "five hundred" is 500."""
    words = re.findall(r"[a-z]+", text.lower())
    numbers = set()
    for start in range(len(words)):
        total, current, used = 0, 0, 0
        for word in words[start : start + 6]:
            if word in _UNITS:
                current += _UNITS.index(word)
            elif word in _TENS:
                current += _TENS[word]
            elif word == "hundred" and used:
                current = max(current, 1) * 100
            elif word == "thousand" and used:
                total, current = total + max(current, 1) * 1000, 0
            elif word == "and" and used:
                continue
            else:
                break
            used += 1
        if used:
            numbers.add(total + current)
    return frozenset(numbers)


def _compute_moment(
    name: str, schema: Schema, value: Any, call: ToolCall, description: str, known: Known
) -> Derivation | None:
    """A moment that the calendar, now, or a beginning and a length make."""
    moment = parse_moment(schema, value) if isinstance(value, str) else None
    if not isinstance(moment, date):
        return None
    now = known.situation.now
    if isinstance(moment, datetime):
        moment = moment if moment.tzinfo else moment.replace(tzinfo=now.tzinfo)
        if abs((moment - now).total_seconds()) < 60:
            return Derivation("now")
        if length := _find_length(moment, call, known):
            return length
        moment = moment.astimezone(now.tzinfo)
    day = moment.date() if isinstance(moment, datetime) else moment
    meaning = decide_field_meaning(name, schema)
    is_end = meaning.bound == "until" or meaning.phase in ("end", "expires", "due")
    for index, text in reversed(known.utterances):
        for words, first, last in _find_periods(text, now.date()):
            is_midnight = isinstance(moment, datetime) and moment.hour == moment.minute == 0
            if first <= day <= last or (is_end and is_midnight and day == last + timedelta(days=1)):
                return Derivation(f"the calendar: {words}", message=index)
    return None


def _find_length(moment: datetime, call: ToolCall, known: Known) -> Derivation | None:
    """A moment that lies a said length after another moment of the call or of a result."""
    minutes = {
        60 * int(number) if unit.lower().startswith("h") else int(number)
        for _, text in known.utterances
        for number, unit in _MINUTES.findall(text)
    }
    minutes |= {
        length for _, text in known.utterances for words, length in _SPOKEN_MINUTES.items() if words in text.lower()
    }
    others = [value for _, value in list_scalars(call.arguments)] + [
        value for _, content in known.results for _, value in list_scalars(content)
    ]
    for other in others:
        start = parse_moment({}, other) if isinstance(other, str) else None
        if isinstance(start, datetime) and start.tzinfo and (moment - start).total_seconds() / 60 in minutes:
            return Derivation(f"{(moment - start).total_seconds() / 60:g} minutes after {other}")
    return None


def _find_periods(text: str, today: date) -> Iterator[tuple[str, date, date]]:
    """Yields (words, first day, last day) of the days that a text speaks of."""
    folded, day = text.lower(), timedelta(days=1)
    week = today - day * today.weekday()
    for words, first, last in (
        ("today", today, today),
        ("tonight", today, today),
        ("tomorrow", today + day, today + day),
        ("yesterday", today - day, today - day),
        ("this week", today, week + day * 6),
        ("next week", week + day * 7, week + day * 13),
        ("last week", week - day * 7, week - day),
        ("weekend", week + day * 4, week + day * 7),
        ("this month", today.replace(day=1), (today.replace(day=28) + day * 4).replace(day=1) - day),
        (
            "next month",
            (today.replace(day=28) + day * 4).replace(day=1),
            ((today.replace(day=28) + day * 4).replace(day=28) + day * 4).replace(day=1) - day,
        ),
        ("slipped past", date.min, today),
        ("overdue", date.min, today),
    ):
        if words in folded:
            yield words, first, last
    for number, name in enumerate(_DAYS):
        if re.search(rf"\b{name}s?\b", folded):
            nearest = today + day * ((number - today.weekday()) % 7)
            yield name, nearest, nearest
            if nearest == today or re.search(rf"\b(?:next|on) {name}\b", folded):
                yield name, nearest + day * 7, nearest + day * 7
    if re.search(
        r"\bthe (?:first|second|third|other|latter|former)(?: one| two)?\b|\bboth\b", folded
    ):  # a choice among proposed days
        yield "the days proposed", today, today + day * 14
    for number in _DAY_OF_MONTH.findall(text):
        for month_start in (today.replace(day=1), (today.replace(day=28) + day * 4).replace(day=1)):
            try:
                there = month_start.replace(day=int(number))
            except ValueError:
                continue
            yield f"the {number}.", there, there
    for number, unit in _IN_DAYS.findall(folded):
        count = int(number) if number.isdigit() else {"a": 1, "two": 2, "three": 3, "four": 4}[number]
        there = today + day * count * (7 if unit.startswith("week") else 1)
        yield f"in {number} {unit}", there, there


def _compose_query(
    name: str, schema: Schema, value: Any, call: ToolCall, description: str, known: Known
) -> Derivation | None:
    """Search words or a filter made of known words and of the operators that the tool describes."""
    if not isinstance(value, str) or not (
        decide_field_meaning(name, schema).role == "query" or re.search(r"\w ?(?:[:=~<>]|!=)", value)
    ):
        return None
    described = f"{description} {schema.get('description', '')} {schema.get('examples', '')}".lower()
    bare = re.sub(r"[\w.]+(?=\s*[:=~<>(!])|\b(?:AND|OR|NOT|and|or|not|in|contains|is|from|to)\b", " ", value)
    words = [word.lower() for word in re.findall(r"[^\W_]{2,}", bare)]
    stock = _list_known_words(known) | set(re.findall(r"[^\W_]{2,}", described))
    stems = {to_singular(word) for word in stock}
    support = _collect_support(known)
    unknown = [word for word in words if word not in stock and to_singular(word) not in stems]
    if words and not unknown and any(word in _list_known_words(known) or to_singular(word) in stems for word in words):
        return Derivation("search words of what is known")
    if (
        unknown
        and all(word.isdigit() for word in unknown)
        and all(support.supports_claim(claim) for claim in find_claims(value))
    ):
        return Derivation("a filter of what is known")
    return None


def _compose_text(
    name: str, schema: Schema, value: Any, call: ToolCall, description: str, known: Known
) -> Derivation | None:
    """A text, a title or a name that is worded freely and has no fact that is not known."""
    role = decide_field_meaning(name, schema).role
    if (
        not isinstance(value, str)
        or role not in ("text", "title", "person", "other", "tag")
        or schema.get("format")
        or schema.get("pattern")
    ):
        return None
    support = _collect_support(known)
    if any(not support.supports_claim(claim) for claim in find_claims(value) if not _is_said_date(claim.text, known)):
        return None
    stock = _list_known_words(known)
    stems = {to_singular(word) for word in stock}
    names = [found.lower() for found in _NAME.findall(value)]
    if any(found not in stock and found not in _TITLES and found not in _DAYS for found in names):
        return None
    words = [word.lower() for word in _WORD.findall(value)]
    long_words = [word for word in words if len(word) >= _MIN_LONG_WORD] or words
    shared = [word for word in long_words if word in stock or to_singular(word) in stems]
    if not shared or (
        role not in ("text", "title") and len(shared) < len([word for word in words if word not in _TITLES])
    ):
        return None
    needed = _MIN_SHARE_OF_KNOWN_WORDS if len(long_words) > 3 else 0.3
    return Derivation("composed of what is known") if len(shared) >= needed * len(long_words) else None


def _is_said_date(text: str, known: Known) -> bool:
    """True if a date is one that somebody spoke of by its day alone: `21 March` after "until the 21st"."""
    texts = [words for _, words in known.utterances] + [
        str(value) for _, content in known.results for _, value in list_scalars(content)
    ]
    days = [number for number in re.findall(r"\b\d{1,2}\b", text) if int(number) <= 31]
    return bool(days) and any(
        re.search(rf"\b{day}(?:st|nd|rd|th)\b|\b{day} [A-Z][a-z]+|[A-Z][a-z]+ {day}\b", words)
        for day in days
        for words in texts
    )


def _name_field(
    name: str, schema: Schema, value: Any, call: ToolCall, description: str, known: Known
) -> Derivation | None:
    """The name of a field that a result or the tool's definition has; the user's own name in another form."""
    if not isinstance(value, str) or not value:
        return None
    plain = "".join(split_words(value))
    if decide_field_meaning(name, schema).role == "setting" and len(value) < 40:
        return Derivation("how the answer is made")
    for call_id, content in reversed(known.results):
        if any(
            plain == "".join(split_words(step)) for pointer, _ in list_scalars(content) for step in pointer.split("/")
        ):
            return Derivation("a field of a result", from_call=call_id)
    persona = known.situation.persona
    own = {persona.name.lower(), *persona.name.lower().split(), persona.email.partition("@")[0].lower()}
    return Derivation("the user's name") if value.lower() in own - {""} else None


def _list_known_words(known: Known) -> set[str]:
    persona = known.situation.persona
    texts = [persona.name, persona.company, *known.said, *(text for _, text in known.utterances)]
    texts += [str(value) for _, content in known.results for _, value in list_scalars(content)]
    texts += [str(value) for call in known.calls for _, value in list_scalars(call.arguments)]
    return {word.lower() for text in texts for word in re.findall(r"[^\W_]{2,}", text)}


def _collect_support(known: Known) -> Support:
    support = Support(known.situation.now)
    support.add_record(known.situation.persona)
    for text in (*known.said, *(text for _, text in known.utterances)):
        support.add_text(text)
    for _, content in known.results:
        support.add_value(content)
    for call in known.calls:
        support.add_value(call.arguments)
    return support
