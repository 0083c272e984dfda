r"""Builds grammars for the numbers of a range in canonical JSON: integers exactly, decimals as far as digits can tell.

Only the way from a range to digits belongs here; a schema's keywords for numbers are read in `schema`. Every
sentence is the shortest spelling of its value, as `dml.values` writes it: at most 15 digits, nothing below 0.00001,
no exponent, no `-0`.

>>> from funcdex_assets.dml.grammar.gbnf import render_node
>>> print(render_node(build_integer_range(1, 250)))
([1-9] [0-9]? | "1" [0-9]{2} | "2" ([0-4] [0-9] | "50"))
>>> print(render_node(build_number_range(0, 1, open_low=True)))
("1" (".0")? | "0." [0-9]{0,4} [1-9])
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from funcdex_assets.dml import values
from funcdex_assets.dml.grammar.tree import (
    Literal,
    Node,
    character_class,
    choice,
    choice_of_texts,
    optional,
    repeat,
    sequence,
)

LARGEST = 10**15 - 1  # a double holds any 15 digits exactly as they are written
_LARGEST_BEFORE_POINT = 10**9 - 1
_MOST_LISTED = 100
_DIGIT, _POSITIVE = character_class("0-9"), character_class("1-9")

Bound = int | float | Decimal | None


def build_integer_range(low: int | None = None, high: int | None = None) -> Node | None:
    """Returns a node for the integers from `low` to `high`, both included; None if none lies within ±`LARGEST`."""
    low = -LARGEST if low is None else max(low, -LARGEST)
    high = LARGEST if high is None else min(high, LARGEST)
    if low > high:
        return None
    alternatives: list[Node] = []
    if low < 0:
        alternatives.append(sequence(Literal("-"), _build_natural_range(max(1, -high), -low)))
    if high >= 0:
        alternatives.append(_build_natural_range(max(low, 0), high))
    return choice(*alternatives)


def build_number_range(
    low: Bound = None, high: Bound = None, *, open_low: bool = False, open_high: bool = False
) -> Node | None:
    """Returns a node for the numbers from `low` to `high`, without an open bound itself; None if it finds none.

    A range that spans two neighbouring integers has all decimals of up to 6 places between them; a narrower one
    only those decimals that can be listed.
    """
    least_value = Decimal(-LARGEST) if low is None else max(Decimal(str(low)), Decimal(-LARGEST))
    greatest_value = Decimal(LARGEST) if high is None else min(Decimal(str(high)), Decimal(LARGEST))
    first, last = _round_to_integer(least_value, ROUND_CEILING), _round_to_integer(greatest_value, ROUND_FLOOR)
    alternatives: list[Node] = []
    whole_numbers = build_integer_range(
        first + 1 if open_low and first == least_value else first,
        last - 1 if open_high and last == greatest_value else last,
    )
    if whole_numbers is not None:
        alternatives.append(sequence(whole_numbers, optional(Literal(".0"))))
    if last > first:
        if last > 0:
            alternatives.append(_build_decimal_range(max(first, 0), last - 1))
        if first < 0:
            alternatives.append(sequence(Literal("-"), _build_decimal_range(max(-last, 0), -first - 1)))
    if not alternatives:
        listed = _list_decimals(least_value, greatest_value, open_low, open_high)
        return choice_of_texts(*listed) if listed else None
    return choice(*alternatives)


def _build_natural_range(low: int, high: int) -> Node:
    """Returns a node for the integers from `low` to `high`, 0 ≤ low ≤ high, grouped by their number of digits."""
    alternatives: list[Node] = []
    if low == 0:
        alternatives.append(Literal("0"))
        low = 1
    complete_lengths: list[int] = []  # 3 if all integers of 3 digits are in the range
    partial_ranges: list[Node] = []
    for digits in range(len(str(low)), len(str(high)) + 1 if high >= low else 0):
        first, last = max(low, 10 ** (digits - 1)), min(high, 10**digits - 1)
        if first == 10 ** (digits - 1) and last == 10**digits - 1:
            complete_lengths.append(digits)
        else:
            partial_ranges.append(_build_digit_range(str(first), str(last)))
    if complete_lengths:
        alternatives.append(sequence(_POSITIVE, repeat(_DIGIT, complete_lengths[0] - 1, complete_lengths[-1] - 1)))
    return choice(*alternatives, *partial_ranges)


def _build_digit_range(first: str, last: str) -> Node:
    """Returns a node for the digit strings from `first` to `last`, which are equally long."""
    if first == last:
        return Literal(first)
    if set(first) == {"0"} and set(last) == {"9"}:
        return repeat(_DIGIT, len(first), len(first))
    if first[0] == last[0]:
        return sequence(Literal(first[0]), _build_digit_range(first[1:], last[1:]))
    least_digit, greatest_digit, tail_length = int(first[0]), int(last[0]), len(first) - 1
    alternatives: list[Node] = []
    if set(first[1:]) - {"0"}:
        alternatives.append(sequence(Literal(first[0]), _build_digit_range(first[1:], "9" * tail_length)))
        least_digit += 1
    upper = None
    if set(last[1:]) - {"9"}:
        upper = sequence(Literal(last[0]), _build_digit_range("0" * tail_length, last[1:]))
        greatest_digit -= 1
    if least_digit <= greatest_digit:
        digit = (
            Literal(str(least_digit))
            if least_digit == greatest_digit
            else character_class(f"{least_digit}-{greatest_digit}")
        )
        alternatives.append(sequence(digit, repeat(_DIGIT, tail_length, tail_length)))
    return choice(*alternatives, *([upper] if upper else []))


def _build_decimal_range(low: int, high: int) -> Node:
    """Returns a node for the decimals from `low` to below `high` + 1, without the integers; 0 ≤ low ≤ high."""
    high = min(high, _LARGEST_BEFORE_POINT)
    alternatives: list[Node] = []
    if low == 0:
        alternatives.append(sequence(Literal("0"), Literal("."), repeat(_DIGIT, 0, 4), _POSITIVE))
        low = 1
    if low <= high:
        alternatives.append(sequence(_build_natural_range(low, high), Literal("."), repeat(_DIGIT, 0, 5), _POSITIVE))
    return choice(*alternatives)


def _list_decimals(low: Decimal, high: Decimal, open_low: bool, open_high: bool) -> list[str]:
    for decimal_places in range(1, 6):
        step = Decimal(1).scaleb(-decimal_places)
        number = _round_to_integer(low / step, ROUND_CEILING) * step
        spellings: list[str] = []
        while number <= high and len(spellings) < _MOST_LISTED:
            if not (open_low and number == low) and not (open_high and number == high):
                spellings.append(values.write_json(float(number)))
            number += step
        if spellings:
            return spellings
    ends = {low: open_low, high: open_high}
    return [values.write_json(float(end)) for end, is_open in ends.items() if not is_open]


def _round_to_integer(number: Decimal, rounding: str) -> int:
    return int(number.to_integral_value(rounding))
