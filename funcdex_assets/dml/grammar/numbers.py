r"""Numbers in canonical JSON: integers of a range by their digits, decimals as far as digits can tell.

Here belongs what digits make a number of a range; what a schema says of numbers is read in `schema`.
Every sentence is the shortest spelling of its value, hence what `dml.values` writes: at most 15 digits,
nothing below 0.00001, no exponent, no `-0`.

>>> from funcdex_assets.dml.grammar.gbnf import written
>>> print(written(integers(1, 250)))
([1-9] [0-9]? | "1" [0-9]{2} | "2" ([0-4] [0-9] | "50"))
>>> print(written(numbers(0, 1, open_low=True)))
("1" (".0")? | "0." [0-9]{0,4} [1-9])
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from funcdex_assets.dml import values
from funcdex_assets.dml.grammar.tree import Literal, Node, chars, choice, literals, optional, repeat, sequence

LARGEST = 10**15 - 1
_LARGEST_BEFORE_POINT = 10**9 - 1
_MOST_LISTED = 100
_DIGIT, _POSITIVE = chars("0-9"), chars("1-9")

Bound = int | float | Decimal | None


def integers(low: int | None = None, high: int | None = None) -> Node | None:
    """The integers from `low` to `high`, both included; None when there is none within ±`LARGEST`."""
    low = -LARGEST if low is None else max(low, -LARGEST)
    high = LARGEST if high is None else min(high, LARGEST)
    if low > high:
        return None
    parts: list[Node] = []
    if low < 0:
        parts.append(sequence(Literal("-"), _counted(max(1, -high), -low)))
    if high >= 0:
        parts.append(_counted(max(low, 0), high))
    return choice(*parts)


def numbers(low: Bound = None, high: Bound = None, *, open_low: bool = False, open_high: bool = False) -> Node | None:
    """The numbers from `low` to `high`; an open bound is not itself among them.

    Between two neighbouring integers of the range all decimals of up to 6 places, of less than that
    only what can be listed. None when nothing is found.
    """
    least = Decimal(-LARGEST) if low is None else max(Decimal(str(low)), Decimal(-LARGEST))
    most = Decimal(LARGEST) if high is None else min(Decimal(str(high)), Decimal(LARGEST))
    first, last = _integer(least, ROUND_CEILING), _integer(most, ROUND_FLOOR)
    parts: list[Node] = []
    whole = integers(first + (open_low and first == least), last - (open_high and last == most))
    if whole is not None:
        parts.append(sequence(whole, optional(Literal(".0"))))
    if last > first:
        if last > 0:
            parts.append(_decimals(max(first, 0), last - 1))
        if first < 0:
            parts.append(sequence(Literal("-"), _decimals(max(-last, 0), -first - 1)))
    if not parts:
        listed = _listed(least, most, open_low, open_high)
        return literals(*listed) if listed else None
    return choice(*parts)


def _counted(low: int, high: int) -> Node:
    """The integers from `low` to `high`, 0 ≤ low ≤ high, by their number of digits."""
    parts: list[Node] = []
    if low == 0:
        parts.append(Literal("0"))
        low = 1
    whole: list[int] = []  # the numbers of digits of which the range has all
    partial: list[Node] = []
    for digits in range(len(str(low)), len(str(high)) + 1 if high >= low else 0):
        first, last = max(low, 10 ** (digits - 1)), min(high, 10**digits - 1)
        if first == 10 ** (digits - 1) and last == 10**digits - 1:
            whole.append(digits)
        else:
            partial.append(_between(str(first), str(last)))
    if whole:
        parts.append(sequence(_POSITIVE, repeat(_DIGIT, whole[0] - 1, whole[-1] - 1)))
    return choice(*parts, *partial)


def _between(first: str, last: str) -> Node:
    """The digit strings from `first` to `last`, which are equally long."""
    if first == last:
        return Literal(first)
    if set(first) == {"0"} and set(last) == {"9"}:
        return repeat(_DIGIT, len(first), len(first))
    if first[0] == last[0]:
        return sequence(Literal(first[0]), _between(first[1:], last[1:]))
    least, most, rest = int(first[0]), int(last[0]), len(first) - 1
    parts: list[Node] = []
    if set(first[1:]) - {"0"}:
        parts.append(sequence(Literal(first[0]), _between(first[1:], "9" * rest)))
        least += 1
    upper = None
    if set(last[1:]) - {"9"}:
        upper = sequence(Literal(last[0]), _between("0" * rest, last[1:]))
        most -= 1
    if least <= most:
        digit = Literal(str(least)) if least == most else chars(f"{least}-{most}")
        parts.append(sequence(digit, repeat(_DIGIT, rest, rest)))
    return choice(*parts, *([upper] if upper else []))


def _decimals(low: int, high: int) -> Node:
    """From `low` to below `high` + 1, without the integers; 0 ≤ low ≤ high."""
    high = min(high, _LARGEST_BEFORE_POINT)
    parts: list[Node] = []
    if low == 0:
        parts.append(sequence(Literal("0"), Literal("."), repeat(_DIGIT, 0, 4), _POSITIVE))
        low = 1
    if low <= high:
        parts.append(sequence(_counted(low, high), Literal("."), repeat(_DIGIT, 0, 5), _POSITIVE))
    return choice(*parts)


def _listed(low: Decimal, high: Decimal, open_low: bool, open_high: bool) -> list[str]:
    for places in range(1, 6):
        step = Decimal(1).scaleb(-places)
        number = _integer(low / step, ROUND_CEILING) * step
        found: list[str] = []
        while number <= high and len(found) < _MOST_LISTED:
            if not (open_low and number == low) and not (open_high and number == high):
                found.append(values.write(float(number)))
            number += step
        if found:
            return found
    ends = {low: open_low, high: open_high}
    return [values.write(float(end)) for end, is_open in ends.items() if not is_open]


def _integer(number: Decimal, rounding: str) -> int:
    return int(number.to_integral_value(rounding))
