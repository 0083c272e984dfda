"""Tells whether a text names a value of a result, in whatever form people say it.

Belongs here: the test alone. What must be named is for `answers.py`, `pages.py` and `results.py` to say.
"""

from collections.abc import Sequence
from typing import Any

from funcdex_assets.checks.rules.case import Case
from funcdex_assets.language.result_reports import find_first_sentence
from funcdex_assets.language.spoken_values import find_first_form, find_spoken_value

_SMALL_NUMBER_WORDS = {0: ("no", "none", "nothing"), 1: ("one",), 2: ("two", "both")}


def cites_results(case: Case, text: str, result_indices: Sequence[int]) -> bool:
    """True if a text names a value, the length of a list or the first sentence of one of the results."""
    results = [result.content for index in result_indices if (result := case.messages[index].result) is not None]
    list_sizes = (
        len(member)
        for result in results
        if isinstance(result, dict)
        for member in result.values()
        if isinstance(member, list)
    )
    if any(find_first_form(text, [str(size), *_SMALL_NUMBER_WORDS.get(size, ())]) for size in list_sizes):
        return True
    if any((sentence := find_first_sentence(result)) and sentence in text for result in results):
        return True
    return any(
        cites_value(case, text, pointer, value)
        for index in result_indices
        for pointer, value in case.result_values[index]
    )


def cites_value(case: Case, text: str, pointer: str, value: Any) -> bool:
    """True if a text names the value at a pointer of a result, as it stands there or as people say it."""
    if isinstance(value, str) and len(value) > 3 and value in text:
        return True
    return is_citable(value) and bool(
        find_spoken_value(text, pointer.rsplit("/", 1)[-1], {}, value, case.situation.now)
    )


def is_citable(value: Any) -> bool:
    """True if a reply could name the value: it is neither empty nor a flag."""
    return not isinstance(value, bool) and value not in (None, "", [], {})
