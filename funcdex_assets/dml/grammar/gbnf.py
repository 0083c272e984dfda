r"""Renders a grammar in GBNF, the notation that llama.cpp and xgrammar read.

Only the notation belongs here; xgrammar's additions to it are in `structural_tag`. Printable characters stand for
themselves, except quotes and backslashes; all others are written by their code point, in a form that both readers
know. (llama.cpp's rule names have no underscore; neither have the tree's.)

>>> from funcdex_assets.dml.grammar.tree import Choice, Literal, Sequence, character_class
>>> node = Sequence((Literal('say "hi"\n'), Choice((Literal("😀"), character_class("^]-a\x85")))))
>>> print(render_node(node))
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
_MOST_REPEATED = 1000  # llama.cpp refuses a repetition of 2000 and more
_SURROGATES = (0xD800, 0xDFFF)
_IN_LITERAL = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def render_gbnf(grammar: Grammar) -> str:
    """Returns the grammar's text: one rule per line, `root` first."""
    lines: list[str] = []
    for name, rule in order_rules(grammar):
        if type(rule) is Run:
            # The piece gets a rule of its own, since llama.cpp copies a repeated group into as many rules.
            lines.append(f"{name}-piece ::= {render_node(choice(*rule.pieces, *rule.wholes), top=True)}")
            counts = [min(_MOST_REPEATED, rule.most - start) for start in range(0, rule.most, _MOST_REPEATED)]
            rule = sequence(rule.first, *(repeat(Ref(f"{name}-piece"), 0, count) for count in counts))
        lines.append(f"{name} ::= {render_node(rule, top=True)}")
    return "\n".join(lines) + "\n"


def order_rules(grammar: Grammar) -> Iterable[tuple[str, Node]]:
    """Yields the rules under the names that they are printed with, `root` first."""
    yield "root", grammar.rules[grammar.root]
    yield from ((name, rule) for name, rule in grammar.rules.items() if name != grammar.root)


def render_node(node: Node, *, top: bool = False, endless: bool = False) -> str:
    """Returns a node's text, as it stands inside a rule.

    `top` means that nothing stands beside the node, so that it needs no brackets; `endless` that repetitions are
    written with `*` and `+`, because something else ends them.
    """
    match node:
        case Literal(text):
            return f'"{"".join(map(_escape_literal_character, text))}"'
        case Chars(ranges, negated):
            # For xgrammar, a negated class includes the surrogates, which are no characters of a text.
            return f"[^{_render_ranges((*ranges, _SURROGATES))}]" if negated else f"[{_render_ranges(ranges)}]"
        case Ref(name):
            return name
        case Choice(options):
            inside = " | ".join(render_node(option, top=True, endless=endless) for option in options)
            return inside if top else f"({inside})"
        case Repeat(element, low, high):
            inside = render_node(element, endless=endless)
            if type(element) in (Sequence, Repeat) or (type(element) is Literal and len(element.text) > 1):
                inside = f"({inside})"
            return inside + (render_repetition(low, high) if not endless else "*" if low == 0 else "+")
        case Sequence(elements):
            return " ".join(render_node(element, endless=endless) for element in _join_literals(elements))
    raise TypeError(f"{node!r} is no node of a grammar")


def render_repetition(low: int, high: int) -> str:
    """Returns the sign of a repetition, the same in all notations: `?`, `{3}` or `{0,8}`."""
    if (low, high) == (0, 1):
        return "?"
    return f"{{{low}}}" if low == high else f"{{{low},{high}}}"


def _join_literals(elements: tuple[Node, ...]) -> list[Node]:
    """Joins neighbouring literals into one, which gives fewer states and is easier to read."""
    joined: list[Node] = []
    for element in elements:
        previous = joined[-1] if joined else None
        if type(element) is Literal and type(previous) is Literal:
            joined[-1] = Literal(previous.text + element.text)
        else:
            joined.append(element)
    return joined


def _escape_literal_character(char: str) -> str:
    return _IN_LITERAL.get(char) or (char if char.isprintable() else _escape_by_number(ord(char)))


def _render_ranges(ranges: tuple[tuple[int, int], ...]) -> str:
    """Returns the inside of a class, a hyphen last: elsewhere xgrammar takes even an escaped one for a range."""
    class_text: list[str] = []
    has_hyphen = False
    for low, high in ranges:
        if low <= _HYPHEN <= high and _HYPHEN in (low, high):
            has_hyphen = True
            low, high = low + 1 if low == _HYPHEN else low, high - 1 if high == _HYPHEN else high
        if low <= high:
            class_text.append(
                _render_class_character(low)
                if low == high
                else f"{_render_class_character(low)}-{_render_class_character(high)}"
            )
    return "".join(class_text) + ("-" if has_hyphen else "")


def _render_class_character(point: int) -> str:
    char = chr(point)
    return char if char.isalnum() and char.isascii() else _escape_by_number(point)


def _escape_by_number(point: int) -> str:
    # Not `\\x`: llama.cpp reads two digits after it, xgrammar as many as there are.
    return f"\\u{point:04X}" if point < 0x10000 else f"\\U{point:08X}"
