r"""Translates regular expressions into grammars for the inside of a JSON string.

The subset of JSON Schema's `pattern` that a grammar can follow belongs here: characters, classes, groups,
alternatives, repetitions, and `^` and `$` at the ends. The expression must match the whole string, anchored or not.
Every sentence is a match, but not every match is a sentence: repetitions without an upper bound get one, and
characters that would have to be escaped, or could open a tag, are left out of classes.

>>> from funcdex_assets.dml.grammar.gbnf import render_node
>>> print(render_node(translate_pattern(r"^\+[1-9]\d{7,14}$", longest=100)))
"+" [1-9] [0-9]{7,14}
>>> translate_pattern(r"(?=a)b", longest=100)
Traceback (most recent call last):
...
funcdex_assets.dml.grammar.patterns.UnsupportedPattern: the group that begins at '(?=a)b'
"""

import json
import re

from funcdex_assets.dml.grammar.tree import Chars, Choice, Literal, Node, Repeat, Sequence, choice, repeat, sequence

_LONGEST_EXPRESSION = 1000
_DEEPEST = 20
_COUNT = re.compile(r"\{([0-9]{1,4})(,?)([0-9]{0,4})\}")
_SPECIAL = frozenset("\\^$.|?*+()[]{}")
_CONTROLS = {"t": "\t", "n": "\n", "r": "\r"}

Ranges = list[tuple[int, int]]
_DIGIT: Ranges = [(0x30, 0x39)]
_WORD: Ranges = [*_DIGIT, (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)]
_SPACE: Ranges = [(0x20, 0x20)]
_CLASSES = {"d": _DIGIT, "w": _WORD, "s": _SPACE}
# The characters that a class may have: visible ones that stand for themselves in JSON, without `<`.
_ALLOWED: Ranges = [(0x20, 0x21), (0x23, 0x3B), (0x3D, 0x5B), (0x5D, 0x7E), (0xA1, 0x1FFF), (0x2070, 0xD7FF)]


class UnsupportedPattern(Exception):
    """Raised with the first part of an expression that no grammar here can follow."""


def translate_pattern(expression: str, longest: int, shortest: int = 0, most: int = 40) -> Node:
    """Returns a node for matches of the expression, all of them of `shortest` to `longest` characters.

    A repetition without an upper bound gets the bound `most`, or a smaller one if the matches would become too
    long: each repeated position is a state, which costs engines time.

    Raises UnsupportedPattern for what is outside the subset, and if no bound gives matches of these lengths.
    """
    if len(expression) > _LONGEST_EXPRESSION:
        raise UnsupportedPattern(f"an expression of more than {_LONGEST_EXPRESSION} characters")
    for most_repeated in sorted({most, 20, 10, 5, 2, 1, 0}, reverse=True):  # the largest that keeps the lengths
        if most_repeated <= most:
            node = _PatternReader(expression, most_repeated).read_expression()
            shortest_match, longest_match = measure_lengths(node)
            if shortest <= shortest_match and longest_match <= longest:
                return node
    raise UnsupportedPattern(f"matches of other lengths than {shortest} to {longest}")


def measure_lengths(node: Node) -> tuple[int, int]:
    """Returns the smallest and the greatest number of characters of a JSON string with this inside."""
    match node:
        case Literal(text):
            count = len(json.loads(f'"{text}"'))
            return count, count
        case Chars():
            return 1, 1
        case Sequence(elements):
            spans = [measure_lengths(element) for element in elements]
            return sum(low for low, _ in spans), sum(high for _, high in spans)
        case Choice(options):
            spans = [measure_lengths(option) for option in options]
            return min(low for low, _ in spans), max(high for _, high in spans)
        case Repeat(element, low, high):
            least, greatest = measure_lengths(element)
            return least * low, greatest * high
    raise TypeError(f"{node!r} is not the inside of a string")


class _PatternReader:
    def __init__(self, expression: str, most: int) -> None:
        self.text, self.at, self.most = expression, 0, most

    def read_expression(self) -> Node:
        self.skip_if_next("^")
        node = self.read_alternatives(0)
        if self.at < len(self.text):
            raise self.unsupported_at_cursor("what begins at")
        return node

    def read_alternatives(self, depth: int) -> Node:
        options = [self.read_sequence(depth)]
        while self.skip_if_next("|"):
            options.append(self.read_sequence(depth))
        return choice(*options)

    def read_sequence(self, depth: int) -> Node:
        elements: list[Node] = []
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            if self.text[self.at] == "$" and self.at + 1 == len(self.text):
                self.at += 1
                break
            elements.append(self.read_repetition(self.read_atom(depth)))
        return sequence(*elements)

    def read_atom(self, depth: int) -> Node:
        if self.skip_if_next("(") and depth < _DEEPEST:
            if not self.skip_if_next("?:") and self.peek_character() == "?":
                self.at -= 1
                raise self.unsupported_at_cursor("the group that begins at")
            node = self.read_alternatives(depth + 1)
            if not self.skip_if_next(")"):
                raise self.unsupported_at_cursor("a group without its end before")
            return node
        if self.skip_if_next("["):
            return self.build_class(self.read_character_class())
        if self.skip_if_next("."):
            return self.build_class(_ALLOWED)
        if self.skip_if_next("\\"):
            return self.read_escape()
        if self.peek_character() in _SPECIAL:
            raise self.unsupported_at_cursor("what begins at")
        self.at += 1
        return self.build_literal(self.text[self.at - 1])

    def read_repetition(self, node: Node) -> Node:
        if self.skip_if_next("*"):
            low, high = 0, self.most
        elif self.skip_if_next("+"):
            low, high = 1, max(1, self.most)
        elif self.skip_if_next("?"):
            low, high = 0, 1
        elif counts := _COUNT.match(self.text, self.at):
            self.at = counts.end()
            low = int(counts[1])
            high = int(counts[3]) if counts[3] else low if not counts[2] else max(low, self.most)
            if low > high:
                raise UnsupportedPattern(f"the repetition {counts[0]}")
            high = min(high, max(low, self.most))
        else:
            return node
        self.skip_if_next("?")  # a lazy repetition matches the same strings as a greedy one
        if self.peek_character() and self.peek_character() in "*+?{":
            raise self.unsupported_at_cursor("what begins at")
        return repeat(node, low, high)

    def read_escape(self) -> Node:
        sign = self.take_character()
        if sign in _CLASSES:
            return self.build_class(_CLASSES[sign])
        if sign.lower() in _CLASSES:
            return self.build_class(_complement_of_class(sign))
        return self.build_literal(self.unescape_character(sign))

    def read_character_class(self) -> Ranges:
        negated = self.skip_if_next("^")
        ranges: Ranges = []
        while not self.skip_if_next("]"):
            low = self.read_class_member()
            if isinstance(low, str) and self.peek_character() == "-" and self.text[self.at + 1 : self.at + 2] != "]":
                self.at += 1
                high = self.read_class_member()
                if not isinstance(high, str) or high < low:
                    raise self.unsupported_at_cursor("the range that ends before")
                ranges.append((ord(low), ord(high)))
            else:
                ranges += [(ord(low), ord(low))] if isinstance(low, str) else low
        return _complement_of_ranges(ranges) if negated else ranges

    def read_class_member(self) -> str | Ranges:
        sign = self.take_character()
        if sign != "\\":
            return sign
        sign = self.take_character()
        if sign.lower() in _CLASSES:
            return _CLASSES[sign] if sign.islower() else _complement_of_class(sign)
        return self.unescape_character(sign)

    def unescape_character(self, sign: str) -> str:
        """Returns the character that a backslash and `sign` stand for."""
        if sign in _CONTROLS:
            return _CONTROLS[sign]
        if sign == "u" and re.fullmatch("[0-9a-fA-F]{4}", self.text[self.at : self.at + 4]):
            self.at += 4
            return chr(int(self.text[self.at - 4 : self.at], 16))
        if sign.isalnum():
            raise UnsupportedPattern(f"the escape \\{sign}")
        return sign

    def build_literal(self, char: str) -> Node:
        if char == "<" or 0xD800 <= ord(char) <= 0xDFFF:
            raise UnsupportedPattern(f"the character {char!r}")
        return Literal(json.dumps(char, ensure_ascii=False)[1:-1])

    def build_class(self, ranges: Ranges) -> Node:
        allowed = _intersect_ranges(ranges, _ALLOWED)
        if not allowed:
            raise UnsupportedPattern("a class of which no character is left")
        return Chars(tuple(allowed))

    def skip_if_next(self, sign: str) -> bool:
        if not self.text.startswith(sign, self.at):
            return False
        self.at += len(sign)
        return True

    def peek_character(self) -> str:
        return self.text[self.at : self.at + 1]

    def take_character(self) -> str:
        if self.at >= len(self.text):
            raise UnsupportedPattern("an expression that breaks off")
        self.at += 1
        return self.text[self.at - 1]

    def unsupported_at_cursor(self, what: str) -> UnsupportedPattern:
        return UnsupportedPattern(f"{what} {self.text[self.at : self.at + 20]!r}")


def _complement_of_class(sign: str) -> Ranges:
    r"""Returns the ASCII characters that are not of the class `\d`, `\w` or `\s` of this letter.

    Only ASCII, since engines disagree on which other characters belong to a word.
    """
    return _intersect_ranges(_complement_of_ranges(_CLASSES[sign.lower()]), [(0x21, 0x7E)])


def _complement_of_ranges(ranges: Ranges) -> Ranges:
    complement: Ranges = []
    start = 0
    for low, high in sorted(ranges):
        if low > start:
            complement.append((start, low - 1))
        start = max(start, high + 1)
    return [*complement, (start, 0x10FFFF)]


def _intersect_ranges(ranges: Ranges, other_ranges: Ranges) -> Ranges:
    pairs = ((max(low, least), min(high, most)) for low, high in sorted(ranges) for least, most in other_ranges)
    return [(low, high) for low, high in pairs if low <= high]
