r"""A grammar as a value: what may be written, before it is put into anybody's notation.

Here belong the kinds of node, the grammar that names them, and short ways to put them together. How a
tree is written down is in `gbnf`, `lark` and `structural_tag`; what is said with it in `schema` and
`conversation`. Every repetition has an upper bound, and rules do not go round in circles, so that a model
that never wants to stop still ends.

A *terminal* is a rule that a lexer may read in one go. Characters stand in terminals only, and a
terminal refers to terminals only: that is what llguidance asks for. Its lexer takes the longest match
and never goes back by more than one character; so no literal of a rule begins with another that may
stand at the same place, unless what follows the shorter one cannot go on like the longer.

>>> rules = {
...     "root": sequence(Literal("<"), Ref("word"), repeat(sequence(Literal(", "), Ref("word")), 0, 2), Literal(">")),
...     "word": sequence(Repeat(chars("a-z"), 1, 3), Literal(":")),
... }
>>> grammar = Grammar(rules, terminals=frozenset({"word"}))
>>> from funcdex_assets.dml.grammar.gbnf import gbnf
>>> print(gbnf(grammar), end="")
root ::= "<" word (", " word){0,2} ">"
word ::= [a-z]{1,3} ":"
>>> from funcdex_assets.dml.grammar.lark import lark
>>> print(lark(grammar), end="")
%llguidance {}
start: "<" WORD (", " WORD){0,2} ">"
WORD: /[a-z]/{1,3} ":"
"""

import re
from collections.abc import Iterable, Mapping

import msgspec

NAME = re.compile(r"[a-z][a-z0-9-]*")  # what every notation takes, Lark after a change of signs


class Node(msgspec.Struct, frozen=True):
    """Base of what a rule is made of."""


class Literal(Node, frozen=True):
    """Exactly this text; "" is the empty sentence."""

    text: str


class Chars(Node, frozen=True):
    """One character: in one of the ranges of code points (both ends included), or in none of them."""

    ranges: tuple[tuple[int, int], ...]
    negated: bool = False


class Sequence(Node, frozen=True):
    parts: tuple[Node, ...]


class Choice(Node, frozen=True):
    options: tuple[Node, ...]


class Repeat(Node, frozen=True):
    """`part` at least `low` and at most `high` times."""

    part: Node
    low: int
    high: int


class Ref(Node, frozen=True):
    """The rule of this name."""

    name: str


class Run(Node, frozen=True):
    """A whole rule: `first`, then at most `most` pieces, each one of `pieces` or of `wholes`.

    Text and strings are runs: what most characters of a conversation are, and what engines differ in.
    A run may end after every piece, even in the middle of one of `pieces` without harm; one of `wholes`
    has to be whole (half an escape breaks its string). No piece begins as what follows the run begins.
    With `longest`, which is its most characters as it is written, the bounds are to be kept. Without, it
    only has to end somewhere there: a notation that can count tokens counts a quarter as many instead, as
    long as they can hardly come to more than `far` characters.
    """

    pieces: tuple[Node, ...]
    wholes: tuple[Node, ...]
    most: int
    first: Node = Literal("")
    longest: int | None = None
    far: int | None = None

    @property
    def exact(self) -> bool:
        return self.longest is not None

    @property
    def tokens(self) -> int:
        return max(1, self.most // 4)


EMPTY = Literal("")


class Grammar(msgspec.Struct, frozen=True):
    """Rules by name; a sentence is what `root` may become.

    Raises ValueError, naming the rule, for a name or reference that no notation could print, and for a
    rule that breaks what is said above of terminals.
    """

    rules: Mapping[str, Node]
    terminals: frozenset[str]
    root: str = "root"

    def __post_init__(self) -> None:
        for name, rule in self.rules.items():
            if not NAME.fullmatch(name):
                raise ValueError(f"rule {name!r}: a name is a small letter, then small letters, digits and hyphens")
            terminal = name in self.terminals
            if type(rule) is Run and rule.exact != terminal:
                raise ValueError(f"rule {name!r}: an exact run is a terminal, another is none")
            for node in walk(rule):
                if type(node) is Chars and not terminal and type(rule) is not Run:
                    raise ValueError(f"rule {name!r}: characters stand in terminals only; make it one")
                if type(node) is Ref and node.name not in self.rules:
                    raise ValueError(f"rule {name!r}: there is no rule {node.name!r} to refer to")
                if type(node) is Ref and terminal and node.name not in self.terminals:
                    raise ValueError(f"rule {name!r}: a terminal refers to terminals only, not to {node.name!r}")
        if self.root not in self.rules:
            raise ValueError(f"there is no rule {self.root!r} to begin with")


def walk(node: Node) -> Iterable[Node]:
    """The node and all below it, without following references."""
    todo = [node]
    while todo:
        node = todo.pop()
        yield node
        if type(node) is Run:
            todo += [node.first, *node.pieces, *node.wholes]
        elif type(node) is Sequence:
            todo += node.parts
        elif type(node) is Choice:
            todo += node.options
        elif type(node) is Repeat:
            todo.append(node.part)


def sequence(*parts: Node) -> Node:
    """One after the other; the empty ones are left out."""
    flat: list[Node] = []
    for part in parts:
        if type(part) is Sequence:
            flat += part.parts
        elif part != EMPTY:
            flat.append(part)
    if not flat:
        return EMPTY
    return flat[0] if len(flat) == 1 else Sequence(tuple(flat))


def choice(*options: Node) -> Node:
    """One of them; equal options count once. ValueError without any."""
    if not options:
        raise ValueError("a choice of nothing: leave out what refers to it")
    flat: dict[Node, None] = {}
    for option in options:
        flat.update(dict.fromkeys(option.options if type(option) is Choice else (option,)))
    return next(iter(flat)) if len(flat) == 1 else Choice(tuple(flat))


def repeat(part: Node, low: int, high: int) -> Node:
    """`part` from `low` to `high` times, as simply as it can be said."""
    if not 0 <= low <= high:
        raise ValueError(f"a repetition from {low} to {high}: the bounds are 0 ≤ low ≤ high")
    if high == 0 or part == EMPTY:
        return EMPTY
    return part if low == high == 1 else Repeat(part, low, high)


def optional(part: Node) -> Node:
    return repeat(part, 0, 1)


def literals(*texts: str) -> Node:
    """One of some texts."""
    return choice(*map(Literal, texts))


def chars(spelled: str) -> Chars:
    r"""A character class as regular expressions spell its inside, without backslashes.

    >>> chars("^a-z_")
    Chars(ranges=((97, 122), (95, 95)), negated=True)
    """
    negated = spelled.startswith("^")
    points = [ord(char) for char in spelled[negated:]]
    ranges: list[tuple[int, int]] = []
    at = 0
    while at < len(points):
        last = at + 2 if at + 2 < len(points) and points[at + 1] == ord("-") else at
        ranges.append((points[at], points[last]))
        at = last + 1
    return Chars(tuple(ranges), negated)
