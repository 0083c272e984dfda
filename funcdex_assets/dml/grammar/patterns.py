r"""Regular expressions as the inside of a JSON string.

Here belongs the subset of JSON Schema's `pattern` that a grammar can follow: characters, classes, groups,
alternatives, repetitions, and `^` and `$` at the ends. What is between the ends is taken for the whole
string, anchored or not. The sentences are among the matches and may be fewer: repetitions without end get
one, and what would have to be escaped, or could open a tag, is left out of classes.

>>> from funcdex_assets.dml.grammar.gbnf import written
>>> print(written(pattern(r"^\+[1-9]\d{7,14}$", longest=100)))
"+" [1-9] [0-9]{7,14}
>>> pattern(r"(?=a)b", longest=100)
Traceback (most recent call last):
...
funcdex_assets.dml.grammar.patterns.Unsupported: the group that begins at '(?=a)b'
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
# What a class may become: visible characters that stand for themselves in JSON, without `<`.
_ALLOWED: Ranges = [(0x20, 0x21), (0x23, 0x3B), (0x3D, 0x5B), (0x5D, 0x7E), (0xA1, 0x1FFF), (0x2070, 0xD7FF)]


class Unsupported(Exception):
    """What in an expression cannot be said in a grammar."""


def pattern(expression: str, longest: int, shortest: int = 0, most: int = 40) -> Node:
    """Matches of `shortest` to `longest` characters, none of them outside these lengths.

    A repetition that may go on goes on to `most`: each turn of it is a state, which engines pay for.

    Raises Unsupported for what is outside the subset, and if the lengths do not fit.
    """
    if len(expression) > _LONGEST_EXPRESSION:
        raise Unsupported(f"an expression of more than {_LONGEST_EXPRESSION} characters")
    for ending in sorted({most, 20, 10, 5, 2, 1, 0}, reverse=True):  # the largest for which the whole fits
        if ending <= most:
            found = _Reader(expression, ending).whole()
            least, greatest = lengths(found)
            if shortest <= least and greatest <= longest:
                return found
    raise Unsupported(f"matches of other lengths than {shortest} to {longest}")


def lengths(node: Node) -> tuple[int, int]:
    """The least and the greatest number of characters that a string of this inside has."""
    match node:
        case Literal(text):
            count = len(json.loads(f'"{text}"'))
            return count, count
        case Chars():
            return 1, 1
        case Sequence(parts):
            spans = [lengths(part) for part in parts]
            return sum(low for low, _ in spans), sum(high for _, high in spans)
        case Choice(options):
            spans = [lengths(option) for option in options]
            return min(low for low, _ in spans), max(high for _, high in spans)
        case Repeat(part, low, high):
            least, greatest = lengths(part)
            return least * low, greatest * high
    raise TypeError(f"{node!r} is not the inside of a string")


class _Reader:
    def __init__(self, expression: str, most: int) -> None:
        self.text, self.at, self.most = expression, 0, most

    def whole(self) -> Node:
        self.take("^")
        node = self.alternatives(0)
        if self.at < len(self.text):
            raise self.unsupported("what begins at")
        return node

    def alternatives(self, depth: int) -> Node:
        options = [self.sequence(depth)]
        while self.take("|"):
            options.append(self.sequence(depth))
        return choice(*options)

    def sequence(self, depth: int) -> Node:
        parts: list[Node] = []
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            if self.text[self.at] == "$" and self.at + 1 == len(self.text):
                self.at += 1
                break
            parts.append(self.repeated(self.atom(depth)))
        return sequence(*parts)

    def atom(self, depth: int) -> Node:
        if self.take("(") and depth < _DEEPEST:
            if not self.take("?:") and self.peek() == "?":
                self.at -= 1
                raise self.unsupported("the group that begins at")
            node = self.alternatives(depth + 1)
            if not self.take(")"):
                raise self.unsupported("a group without its end before")
            return node
        if self.take("["):
            return self.one_of(self.character_class())
        if self.take("."):
            return self.one_of(_ALLOWED)
        if self.take("\\"):
            return self.escaped()
        if self.peek() in _SPECIAL:
            raise self.unsupported("what begins at")
        self.at += 1
        return self.literal(self.text[self.at - 1])

    def repeated(self, node: Node) -> Node:
        if self.take("*"):
            low, high = 0, self.most
        elif self.take("+"):
            low, high = 1, max(1, self.most)
        elif self.take("?"):
            low, high = 0, 1
        elif found := _COUNT.match(self.text, self.at):
            self.at = found.end()
            low = int(found[1])
            high = int(found[3]) if found[3] else low if not found[2] else max(low, self.most)
            if low > high:
                raise Unsupported(f"the repetition {found[0]}")
            high = min(high, max(low, self.most))
        else:
            return node
        self.take("?")  # how eagerly is no matter for which strings match
        if self.peek() and self.peek() in "*+?{":
            raise self.unsupported("what begins at")
        return repeat(node, low, high)

    def escaped(self) -> Node:
        sign = self.next()
        if sign in _CLASSES:
            return self.one_of(_CLASSES[sign])
        if sign.lower() in _CLASSES:
            return self.one_of(_but(sign))
        return self.literal(self.plain(sign))

    def character_class(self) -> Ranges:
        negated = self.take("^")
        ranges: Ranges = []
        while not self.take("]"):
            low = self.member()
            if isinstance(low, str) and self.peek() == "-" and self.text[self.at + 1 : self.at + 2] != "]":
                self.at += 1
                high = self.member()
                if not isinstance(high, str) or high < low:
                    raise self.unsupported("the range that ends before")
                ranges.append((ord(low), ord(high)))
            else:
                ranges += [(ord(low), ord(low))] if isinstance(low, str) else low
        return _outside(ranges) if negated else ranges

    def member(self) -> str | Ranges:
        sign = self.next()
        if sign != "\\":
            return sign
        sign = self.next()
        if sign.lower() in _CLASSES:
            return _CLASSES[sign] if sign.islower() else _but(sign)
        return self.plain(sign)

    def plain(self, sign: str) -> str:
        """The character that a backslash and `sign` mean."""
        if sign in _CONTROLS:
            return _CONTROLS[sign]
        if sign == "u" and re.fullmatch("[0-9a-fA-F]{4}", self.text[self.at : self.at + 4]):
            self.at += 4
            return chr(int(self.text[self.at - 4 : self.at], 16))
        if sign.isalnum():
            raise Unsupported(f"the escape \\{sign}")
        return sign

    def literal(self, char: str) -> Node:
        if char == "<" or 0xD800 <= ord(char) <= 0xDFFF:
            raise Unsupported(f"the character {char!r}")
        return Literal(json.dumps(char, ensure_ascii=False)[1:-1])

    def one_of(self, ranges: Ranges) -> Node:
        found = _both(ranges, _ALLOWED)
        if not found:
            raise Unsupported("a class of which no character is left")
        return Chars(tuple(found))

    def take(self, sign: str) -> bool:
        if not self.text.startswith(sign, self.at):
            return False
        self.at += len(sign)
        return True

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def next(self) -> str:
        if self.at >= len(self.text):
            raise Unsupported("an expression that breaks off")
        self.at += 1
        return self.text[self.at - 1]

    def unsupported(self, what: str) -> Unsupported:
        return Unsupported(f"{what} {self.text[self.at : self.at + 20]!r}")


def _but(sign: str) -> Ranges:
    """What is not of the class of this letter, in ASCII: of other characters engines disagree on what is a word."""
    return _both(_outside(_CLASSES[sign.lower()]), [(0x21, 0x7E)])


def _outside(ranges: Ranges) -> Ranges:
    found: Ranges = []
    at = 0
    for low, high in sorted(ranges):
        if low > at:
            found.append((at, low - 1))
        at = max(at, high + 1)
    return [*found, (at, 0x10FFFF)]


def _both(ranges: Ranges, others: Ranges) -> Ranges:
    pairs = ((max(low, least), min(high, most)) for low, high in sorted(ranges) for least, most in others)
    return [(low, high) for low, high in pairs if low <= high]
