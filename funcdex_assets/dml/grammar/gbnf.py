r"""Writes a grammar in GBNF, as both llama.cpp and xgrammar read it.

Here belongs the notation and nothing else; what xgrammar adds to it is in `structural_tag`. Printable ASCII
other than quotes and backslashes stands for itself, and so does any other character that can be seen; the
rest is written by its number, in the forms that both readers know. (llama.cpp's rule names have no
underscore; neither have the tree's.)

>>> from funcdex_assets.dml.grammar.tree import Choice, Literal, Sequence, chars
>>> node = Sequence((Literal('say "hi"\n'), Choice((Literal("😀"), chars("^]-a\x85")))))
>>> print(written(node))
"say \"hi\"\n" ("😀" | [^\u005D-a\u0085\uD800-\uDFFF])
"""

from collections.abc import Iterable

from funcdex_assets.dml.grammar.tree import (
    Chars,
    Choice,
    Grammar,
    Literal,
    Node,
    Ref,
    Repeat,
    Run,
    Sequence,
    choice,
    repeat,
    sequence,
)

_HYPHEN = ord("-")
_MOST_REPEATED = 1000  # llama.cpp takes fewer than 2000
_SURROGATES = (0xD800, 0xDFFF)
_IN_LITERAL = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def gbnf(grammar: Grammar) -> str:
    """The rules, one per line, `root` first."""
    lines: list[str] = []
    for name, rule in in_order(grammar):
        if type(rule) is Run:
            # A rule of its own, since llama.cpp multiplies a repeated group into as many rules.
            lines.append(f"{name}-piece ::= {written(choice(*rule.pieces, *rule.wholes), top=True)}")
            parts = [min(_MOST_REPEATED, rule.most - at) for at in range(0, rule.most, _MOST_REPEATED)]
            rule = sequence(rule.first, *(repeat(Ref(f"{name}-piece"), 0, part) for part in parts))
        lines.append(f"{name} ::= {written(rule, top=True)}")
    return "\n".join(lines) + "\n"


def in_order(grammar: Grammar) -> Iterable[tuple[str, Node]]:
    """The rules with the names that they are printed under; the first is `root`."""
    yield "root", grammar.rules[grammar.root]
    yield from ((name, rule) for name, rule in grammar.rules.items() if name != grammar.root)


def written(node: Node, *, top: bool = False, endless: bool = False) -> str:
    """A node as the inside of a rule.

    `top` says that nothing stands beside it, `endless` that repetitions need no end of their own.
    """
    match node:
        case Literal(text):
            return f'"{"".join(map(_literal, text))}"'
        case Chars(ranges, negated):
            # xgrammar lets a negated class be a surrogate, which is no character of a text.
            return f"[^{_ranges((*ranges, _SURROGATES))}]" if negated else f"[{_ranges(ranges)}]"
        case Ref(name):
            return name
        case Choice(options):
            inside = " | ".join(written(option, top=True, endless=endless) for option in options)
            return inside if top else f"({inside})"
        case Repeat(part, low, high):
            inside = written(part, endless=endless)
            if type(part) in (Sequence, Repeat) or (type(part) is Literal and len(part.text) > 1):
                inside = f"({inside})"
            return inside + (times(low, high) if not endless else "*" if low == 0 else "+")
        case Sequence(parts):
            return " ".join(written(part, endless=endless) for part in _joined(parts))
    raise TypeError(f"{node!r} is no node of a grammar")


def times(low: int, high: int) -> str:
    """The sign of a repetition, which the notations share."""
    if (low, high) == (0, 1):
        return "?"
    return f"{{{low}}}" if low == high else f"{{{low},{high}}}"


def _joined(parts: tuple[Node, ...]) -> list[Node]:
    """Neighbouring literals as one: fewer states, and easier to read."""
    joined: list[Node] = []
    for part in parts:
        before = joined[-1] if joined else None
        if type(part) is Literal and type(before) is Literal:
            joined[-1] = Literal(before.text + part.text)
        else:
            joined.append(part)
    return joined


def _literal(char: str) -> str:
    return _IN_LITERAL.get(char) or (char if char.isprintable() else _by_number(ord(char)))


def _ranges(ranges: tuple[tuple[int, int], ...]) -> str:
    """The inside of a class; xgrammar takes even an escaped hyphen for a sign, unless it stands last."""
    parts: list[str] = []
    hyphen = False
    for low, high in ranges:
        if low <= _HYPHEN <= high and _HYPHEN in (low, high):
            hyphen = True
            low, high = low + (low == _HYPHEN), high - (high == _HYPHEN)
        if low <= high:
            parts.append(_class_char(low) if low == high else f"{_class_char(low)}-{_class_char(high)}")
    return "".join(parts) + "-" * hyphen


def _class_char(point: int) -> str:
    char = chr(point)
    return char if char.isalnum() and char.isascii() else _by_number(point)


def _by_number(point: int) -> str:
    # Not `\\x`: llama.cpp reads two digits after it, xgrammar as many as there are.
    return f"\\u{point:04X}" if point < 0x10000 else f"\\U{point:08X}"
