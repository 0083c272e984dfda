"""Rules about what a report leaves out of one thing: the currency of an amount, an end, what was set beside.

Belongs here: incomplete reports of what was found or done. Questions that are not answered are in `answers.py`. The
rules read English, and are silent in other languages.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from funcdex_assets.checks.rules.case import Case, find_field_name
from funcdex_assets.checks.rules.citations import cites_value, is_citable, names_person, tells_value
from funcdex_assets.checks.rules.field_values import has_clock, is_number, parse_moment, read_meaning
from funcdex_assets.checks.rules.requests import find_turn, join_answers, list_answers
from funcdex_assets.checks.rules.sentences import split_sentences
from funcdex_assets.checks.rules.things import iterate_good_calls, list_argument_scalars
from funcdex_assets.records.conversation import Finding
from funcdex_assets.schema.words import split_words, to_singular
from funcdex_assets.semantics.tool_names import is_id, parse_tool_name
from funcdex_assets.semantics.vocabulary import READING_ACTIONS

_MONEY_NAME = re.compile(
    r"\b(?:USD|EUR|GBP|CHF|JPY|CAD|AUD|SGD|SEK|NOK|DKK|PLN|INR|BRL|MXN|NZD|ZAR|CNY|KRW|kr|zł|dollars?|euros?|cents?|"
    r"pounds?|francs?|yen|crowns?|rupees?|pesos?)\b",
    re.IGNORECASE,
)
_MONEY_ROLES = ("amount", "charge", "total")
_MIN_AMOUNT = 10  # smaller numbers are too often something else
_WEIGHTY = frozenset(
    "bcc cc expiration expires expiry end until color colour currency interval duration role description deadline "
    "reminder priority due attendees".split()
)
"""In the names of arguments that a confirmation should say."""
_ASKS_FOR_TIMES = re.compile(r"\bdetails?\b|\bwhen\b|\bset up\b|\bhours\b|\bavailab|\bfree\b|\bslots?\b", re.IGNORECASE)
_MUST_HAVE_END = re.compile(r"\bdetails?\b|\bwhen\b", re.IGNORECASE)
_ASKS_FOR_BEGINNING = re.compile(
    r"\bwhen\b[^.?!]*\b(?:start|begin|leave|due|deadline|open|first)|\bwhen is (?:my|the) (?:next|first|last)"
    r"|\b(?:start|starting|beginning) (?:time|date)",
    re.IGNORECASE,
)
_SAYS_LENGTH = re.compile(
    r"\b(?:\d+|an?|half an?|one|two|three|four|all|whole)[ -]?(?:min|minutes?|h|hrs?|hours?|days?)\b", re.IGNORECASE
)
_START_NAMES, _END_NAMES = ("from", "start", "starttime", "startsat"), ("to", "end", "endtime", "endsat")


def bare_money(case: Case) -> Iterator[Finding]:
    """An amount of money that is told in a sentence without any currency, though the result has one."""
    for index, _, _ in iterate_good_calls(case) if case.is_english else ():
        values = case.result_values[index]
        turn = find_turn(case, index)
        if turn is None or not any(pointer.lower().endswith("currency") for pointer, _ in values):
            continue
        amounts = {form for pointer, value in values if _is_amount(pointer, value) for form in _list_forms(value)}
        codes = {str(value).lower() for pointer, value in values if pointer.lower().endswith("currency") if value}
        for at, text in list_answers(case, turn, index):
            for sentence in split_sentences(text):
                named = next(
                    (form for form in sorted(amounts) if form in sentence and _has_number(sentence, form)), None
                )
                if named and not _names_currency(sentence, codes):
                    yield Finding(
                        rule="bare_money",
                        message=at,
                        blocking=False,
                        text=f"{named} has no currency in {sentence.strip()[:60]!r}",
                    )


def _is_amount(pointer: str, value: Any) -> bool:
    name = find_field_name(pointer)
    return (
        is_number(value)
        and abs(value) >= _MIN_AMOUNT
        and read_meaning(name, value).role in _MONEY_ROLES
        and "percent" not in name
    )


def _list_forms(value: float) -> set[str]:
    """The ways to write an amount, in units or in hundredths of them."""
    return {str(value), f"{value:,}", f"{value / 100:.2f}", f"{value / 100:,.2f}"}


def _has_number(text: str, form: str) -> bool:
    return re.search(rf"(?<![\w.,]){re.escape(form)}(?!\w|[.,]\d)", text) is not None


def _names_currency(sentence: str, codes: set[str]) -> bool:
    return (
        _MONEY_NAME.search(sentence) is not None
        or any(code in sentence.lower() for code in codes)
        or any(unicodedata.category(sign) == "Sc" for sign in sentence)
    )


def missing_detail(case: Case) -> Iterator[Finding]:
    """A confirmation that leaves out what mattered of one's own doing: a blind copy, an end, an expiry, a colour."""
    for index, call, _ in iterate_good_calls(case) if case.is_english else ():
        turn = find_turn(case, index)
        text = join_answers(case, turn, index) if turn else ""
        if turn is None or not text or parse_tool_name(call.name).action in READING_ACTIONS:
            continue
        told_words = set(map(to_singular, split_words(text)))
        left_out = dict.fromkeys(
            pointer.split("/")[1]
            for pointer, value in list_argument_scalars(call)
            if _is_weighty(pointer, value) and not _is_told(case, text, pointer, value)
        )
        untold = [name for name in left_out if not set(map(to_singular, split_words(name))) & told_words]
        if untold:
            yield Finding(
                rule="missing_detail",
                message=turn.end - 1,
                blocking=False,
                text=f"{call.name} set {', '.join(untold)}, and the reply does not say so",
            )


def _is_weighty(pointer: str, value: Any) -> bool:
    name = pointer.split("/")[1]
    return bool(set(split_words(name)) & _WEIGHTY) and is_citable(value) and not is_id(name)


def _is_told(case: Case, text: str, pointer: str, value: Any) -> bool:
    return tells_value(case, text, pointer, value) or (
        isinstance(value, str) and "@" in value and names_person(text, value)
    )


def half_interval(case: Case) -> Iterator[Finding]:
    """A beginning that is told without its end, where the user wants to know when, or all that there is to know.

    Let pass is an end that is told as a length, days without a clock, and a question for the beginning alone.
    """
    for turn in case.turns if case.is_english else ():
        request = case.speech[turn.start]
        if not _ASKS_FOR_TIMES.search(request) or _ASKS_FOR_BEGINNING.search(request):
            continue
        for index, _, _ in iterate_good_calls(case):
            text = join_answers(case, turn, index) if turn.start <= index < turn.end else ""
            for holder, pointer, _ in case.result_objects[index] if text and not _SAYS_LENGTH.search(text) else ():
                start, end = _find_key(holder, _START_NAMES), _find_key(holder, _END_NAMES)
                if start and end and _tells_half(case, text, holder, start, end):
                    yield Finding(
                        rule="half_interval",
                        message=turn.end - 1,
                        place=f"{pointer}/{end}",
                        blocking=_MUST_HAVE_END.search(request) is not None,
                        text=f"{start} {_unwrap(holder[start])!r} is told, and its end {_unwrap(holder[end])!r} is not",
                    )
                    break


def _find_key(holder: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    return next((key for key in holder if "".join(split_words(key)) in names), None)


def _tells_half(case: Case, text: str, holder: Mapping[str, Any], start: str, end: str) -> bool:
    """True if a text tells the beginning and not the end, where both are moments, or both times of day."""
    first, last = _unwrap(holder[start]), _unwrap(holder[end])
    if not isinstance(first, str) or not isinstance(last, str) or first == last:
        return False
    if (parse_moment(first) and not has_clock(first)) or not re.search(r"\d", first):
        return False
    return _tells_time(case, text, start, first) and not _tells_time(case, text, end, last)


def _tells_time(case: Case, text: str, name: str, value: str) -> bool:
    if cites_value(case, text, f"/{name}", value) or value in text:
        return True
    moment = parse_moment(value)
    if moment is None:
        return False
    hour = moment.hour % 12 or 12
    half = "am" if moment.hour < 12 else "pm"
    forms = [f"{hour}:{moment:%M} {half}", f"{hour}:{moment:%M}{half}", f"{moment:%H:%M}"]
    forms += [f"{hour} {half}", f"{hour}{half}"] if moment.minute == 0 else []
    return name in _END_NAMES and any(re.search(rf"(?<!\d){re.escape(form)}", text.lower()) for form in forms)


def _unwrap(value: Any) -> Any:
    return value.get("dateTime", value.get("date")) if isinstance(value, dict) else value
