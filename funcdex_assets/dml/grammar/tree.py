r"""Defines a grammar as a value, independent of any notation: its nodes, its rules, and functions that build nodes.

Add here a kind of node or a way to put nodes together. Notations belong to `gbnf`, `lark` and `structural_tag`; the
grammars of schemas and conversations are built in `schema` and `conversation`. Every repetition has an upper bound,
and rules never refer back to themselves, so that a model that would never stop still comes to an end.

A *terminal* is a rule that a lexer may read in one go. Characters stand in terminals only, and a terminal refers to
terminals only: llguidance asks for that. Its lexer takes the longest match and never goes back by more than one
character. So no literal of a rule may begin with another literal that can stand at the same place, unless the text
after the shorter one cannot continue like the longer.

>>> rules = {
...     "root": sequence(Literal("<"), Ref("word"), repeat(sequence(Literal(", "), Ref("word")), 0, 2), Literal(">")),
...     "word": sequence(Repeat(character_class("a-z"), 1, 3), Literal(":")),
... }
>>> grammar = Grammar(rules, terminals=frozenset({"word"}))
>>> from funcdex_assets.dml.grammar.gbnf import render_gbnf
>>> print(render_gbnf(grammar), end="")
root ::= "<" word (", " word){0,2} ">"
word ::= [a-z]{1,3} ":"
>>> from funcdex_assets.dml.grammar.lark import render_lark
>>> print(render_lark(grammar), end="")
%llguidance {}
start: "<" WORD (", " WORD){0,2} ">"
WORD: /[a-z]/{1,3} ":"
"""

import re
from collections.abc import Iterable, Mapping

import msgspec

NAME = re.compile(r"[a-z][a-z0-9-]*")  # legal in every notation; Lark gets underscores for the hyphens


class Node(msgspec.Struct, frozen=True):
    """Base class of the nodes that rules consist of."""


class Literal(Node, frozen=True):
    """Matches exactly this text; "" is the empty sentence."""

    text: str


class Chars(Node, frozen=True):
    """Matches one character: in one of the ranges of code points (both ends included), or, negated, in none."""

    ranges: tuple[tuple[int, int], ...]
    negated: bool = False


class Sequence(Node, frozen=True):
    elements: tuple[Node, ...]


class Choice(Node, frozen=True):
    options: tuple[Node, ...]


class Repeat(Node, frozen=True):
    """Matches `element` at least `low` and at most `high` times."""

    element: Node
    low: int
    high: int


class Ref(Node, frozen=True):
    """Refers to the rule of this name."""

    name: str


class Run(Node, frozen=True):
    """A whole rule: `first`, then at most `most` pieces, each one of `pieces` or of `wholes`.

    Texts and strings are runs: they hold most characters of a conversation, and engines handle them differently.
    A run may end after every piece. An engine may even cut one of `pieces` in the middle without harm, but never
    one of `wholes` (half an escape breaks its string). No piece begins like the text that follows the run.
    With `longest`, the greatest number of characters as written, the bounds are exact. Without it, the run only
    has to end somewhere near `most`: a notation that can count tokens counts a quarter as many tokens instead, as
    long as these can hardly come to more than `far` characters.
    """

    pieces: tuple[Node, ...]
    wholes: tuple[Node, ...]
    most: int
    first: Node = Literal("")
    longest: int | None = None
    far: int | None = None

    @property
    def is_exact(self) -> bool:
        return self.longest is not None

    @property
    def token_budget(self) -> int:
        return max(1, self.most // 4)


EMPTY = Literal("")


class Grammar(msgspec.Struct, frozen=True):
    """Rules by name; the sentences of the grammar are those of the rule `root`.

    Raises ValueError, naming the rule, for a name or reference that no notation could print, and for a rule that
    breaks the restrictions on terminals (see the module's description).
    """

    rules: Mapping[str, Node]
    terminals: frozenset[str]
    root: str = "root"

    def __post_init__(self) -> None:
        for name, rule in self.rules.items():
            if not NAME.fullmatch(name):
                raise ValueError(f"rule {name!r}: a name is a small letter, then small letters, digits and hyphens")
            is_terminal = name in self.terminals
            if type(rule) is Run and rule.is_exact != is_terminal:
                raise ValueError(f"rule {name!r}: an exact run is a terminal, another is none")
            for node in iterate_nodes(rule):
                if type(node) is Chars and not is_terminal and type(rule) is not Run:
                    raise ValueError(f"rule {name!r}: characters stand in terminals only; make it one")
                if type(node) is Ref and node.name not in self.rules:
                    raise ValueError(f"rule {name!r}: there is no rule {node.name!r} to refer to")
                if type(node) is Ref and is_terminal and node.name not in self.terminals:
                    raise ValueError(f"rule {name!r}: a terminal refers to terminals only, not to {node.name!r}")
        if self.root not in self.rules:
            raise ValueError(f"there is no rule {self.root!r} to begin with")


def iterate_nodes(node: Node) -> Iterable[Node]:
    """Yields the node and all nodes below it, without following references."""
    pending = [node]
    while pending:
        node = pending.pop()
        yield node
        if type(node) is Run:
            pending += [node.first, *node.pieces, *node.wholes]
        elif type(node) is Sequence:
            pending += node.elements
        elif type(node) is Choice:
            pending += node.options
        elif type(node) is Repeat:
            pending.append(node.element)


def sequence(*elements: Node) -> Node:
    """Returns a node that matches the given ones in this order; empty ones are left out."""
    flat: list[Node] = []
    for element in elements:
        if type(element) is Sequence:
            flat += element.elements
        elif element != EMPTY:
            flat.append(element)
    if not flat:
        return EMPTY
    return flat[0] if len(flat) == 1 else Sequence(tuple(flat))


def choice(*options: Node) -> Node:
    """Returns a node that matches any one of `options`, equal ones once; raises ValueError without any."""
    if not options:
        raise ValueError("a choice of nothing: leave out what refers to it")
    flat: dict[Node, None] = {}
    for option in options:
        flat.update(dict.fromkeys(option.options if type(option) is Choice else (option,)))
    return next(iter(flat)) if len(flat) == 1 else Choice(tuple(flat))


def repeat(element: Node, low: int, high: int) -> Node:
    """Returns the simplest node that matches `element` from `low` to `high` times."""
    if not 0 <= low <= high:
        raise ValueError(f"a repetition from {low} to {high}: the bounds are 0 ≤ low ≤ high")
    if high == 0 or element == EMPTY:
        return EMPTY
    return element if low == high == 1 else Repeat(element, low, high)


def optional(element: Node) -> Node:
    return repeat(element, 0, 1)


def choice_of_texts(*texts: str) -> Node:
    """Returns a node that matches any one of `texts`."""
    return choice(*map(Literal, texts))


def character_class(spelled: str) -> Chars:
    r"""Returns a character class, spelled as inside the brackets of a regular expression, without backslashes.

    >>> character_class("^a-z_")
    Chars(ranges=((97, 122), (95, 95)), negated=True)
    """
    negated = spelled.startswith("^")
    code_points = [ord(char) for char in spelled.removeprefix("^")]
    ranges: list[tuple[int, int]] = []
    index = 0
    while index < len(code_points):
        end = index + 2 if index + 2 < len(code_points) and code_points[index + 1] == ord("-") else index
        ranges.append((code_points[index], code_points[end]))
        index = end + 1
    return Chars(tuple(ranges), negated)
