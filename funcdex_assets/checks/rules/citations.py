"""Tells whether a text names a value of a result, in whatever form people say it.

Belongs here: the test alone. What must be named is for `answers.py`, `listings.py` and `results.py` to say.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from funcdex_assets.checks.rules.case import Case, find_field_name
from funcdex_assets.checks.rules.field_values import is_number, read_meaning
from funcdex_assets.language.result_reports import find_first_sentence
from funcdex_assets.language.spoken_values import find_first_form, find_quoted_part, find_spoken_value
from funcdex_assets.schema.words import split_words

_SMALL_NUMBER_WORDS = {0: ("no", "none", "nothing"), 1: ("one",), 2: ("two", "both")}
_MAX_NUMBER_IN_WORDS = 12  # greater numbers are looked for in figures only
_RELATIVE_TIME = re.compile(
    r"\b(?:ago|in (?:\d+|an?|two|three|half an?) (?:minutes?|hours?|days?|weeks?|months?)"
    r"|this (?:morning|afternoon|evening|week|month)|tonight|last (?:night|week|month)|next (?:week|month)"
    r"|just now|noon|midnight|half past|quarter (?:past|to)|o[’']clock"
    r"|(?:mon|tues|wednes|thurs|fri|satur|sun|yester)day)\b",
    re.IGNORECASE,
)
_SPOKEN_QUANTITY = re.compile(r"\b(?:an? (?:hour|half|quarter|day|week|dozen)|half|quarter|hour and)\b", re.IGNORECASE)
_UNIT_FACTORS = (60, 3600, 24, 86_400, 100, 1000, 1024, 1_000_000, 1_048_576, 60_000)
_MIN_NAME_PART = 3  # letters; "Al" and "Bo" are names only as a whole


def cites_results(case: Case, text: str, result_indices: Sequence[int]) -> bool:
    """True if a text names a value, the length of a list or the first sentence of one of the results."""
    return any(_cites_result(case, text, index) for index in result_indices)


def _cites_result(case: Case, text: str, index: int) -> bool:
    key = index, text
    if key not in case.citations:
        result = case.messages[index].result
        case.citations[key] = result is not None and (
            _cites_size(text, result.content)
            or bool((sentence := find_first_sentence(result.content)) and sentence in text)
            or any(cites_value(case, text, pointer, value) for pointer, value in case.result_values[index])
        )
    return case.citations[key]


def _cites_size(text: str, content: Any) -> bool:
    """True if a text names the length of a list right within a result, or of the result itself."""
    members = content.values() if isinstance(content, dict) else [content]
    sizes = {len(member) for member in members if isinstance(member, list)}
    return any(find_first_form(text, [str(size), *_SMALL_NUMBER_WORDS.get(size, ())]) for size in sorted(sizes))


def cites_value(case: Case, text: str, pointer: str, value: Any) -> bool:
    """True if a text names the value at a pointer of a result, as it stands there or as people say it."""
    if not is_citable(value):
        return False
    name = pointer.rsplit("/", 1)[-1]
    if isinstance(value, str):
        if len(value) > 3 and value in text:
            return True
        if value[4:5] == "-" and value[:4].isdigit():
            return _states_moment(text, name, value, case.situation.now)
        if value.lower() not in _fold(text) and not find_quoted_part(value):
            return False
    elif (
        is_number(value) and abs(value) > _MAX_NUMBER_IN_WORDS and not {"minutes", "duration"} & set(split_words(name))
    ):
        figures = str(value).removesuffix(".0")
        if figures not in text and f"{value:,}".removesuffix(".0") not in text:
            return False
    return bool(find_spoken_value(text, name, {}, value, case.situation.now))


@lru_cache(256)
def _fold(text: str) -> str:
    return text.lower()


@lru_cache(32_768)
def _states_moment(text: str, name: str, value: str, now: datetime) -> bool:
    """Kept, for several rules look for the same moments in the same text, and writing their forms takes long."""
    return bool(find_spoken_value(text, name, {}, value, now))


def tells_value(case: Case, text: str, pointer: str, value: Any) -> bool:
    """True if a text may be telling a value: it names it, or has it in other letters, another unit or relative to now.

    `IN_PROGRESS` is told by "in progress", 90 minutes by "an hour and a half", a moment by "ten minutes ago".
    """
    if cites_value(case, text, pointer, value):
        return True
    if isinstance(value, str):
        words = " ".join(split_words(value))
        if words and words in " ".join(split_words(text)):
            return True
        return read_meaning(find_field_name(pointer), value).role == "moment" and bool(_RELATIVE_TIME.search(text))
    return is_number(value) and (_SPOKEN_QUANTITY.search(text) is not None or _tells_quantity(text, float(value)))


def _tells_quantity(text: str, value: float) -> bool:
    """True if a text has a number in another unit, or rounded."""
    known = [value, value * 100, *(value / factor for factor in _UNIT_FACTORS)]
    for figures in re.findall(r"\d+(?:[.,]\d+)*", text):
        number = _parse_figures(figures)
        if number is not None and any(abs(number - other) <= 0.05 * abs(other) for other in known if abs(other) >= 0.5):
            return True
    return False


def _parse_figures(figures: str) -> float | None:
    try:
        return float(re.sub(r",(?=\d{3}\b)", "", figures).replace(",", "."))
    except ValueError:
        return None


def names_person(text: str, person: str, request: str = "") -> bool:
    """True if a text names a person, by the whole name, the address, or a part of them that a request has not.

    >>> names_person("Henrik can edit it.", "Henrik Dale"), names_person("Kessler can.", "m.kessler@kesslerbau.com")
    (True, True)
    """
    if person in text or find_first_form(text, [person]):
        return True
    return any(
        find_first_form(text, [part]) and not find_first_form(request, [part]) for part in _list_name_parts(person)
    )


def _list_name_parts(person: str) -> Iterator[str]:
    for part in re.split(r"[\s._+-]+", person.partition("@")[0]):
        if len(part) >= _MIN_NAME_PART and part.isalpha():
            yield part


def is_citable(value: Any) -> bool:
    """True if a reply could name the value: it is neither empty nor a flag."""
    return not isinstance(value, bool) and value not in (None, "", [], {})
