r"""Renders a grammar in llguidance's Lark, which vLLM's backend `guidance` and llama.cpp read.

Only the notation belongs here. Terminals are written in capitals; literals are not joined, each is a lexeme of its
own, since llguidance's lexer takes the longest match (see `tree`). The first line tells llama.cpp which of its two
grammar readers to use.

A run gets a budget of tokens. When the budget is spent, llguidance cuts the lexeme wherever it is. So only the
pieces that may be cut make a lexeme with a budget; those that must stay whole are lexemes of their own. Up to a
dozen of these may occur, each followed by another budget of pieces: a text of a dozen lines. (A text that is cut
may end in blanks, which `parse` strips.) A counted lexeme would have one state per position, and each state costs a
millisecond of mask computation; the star has one state.

>>> from funcdex_assets.dml.grammar.tree import Choice, Literal, Sequence, character_class
>>> node = Sequence((Literal('say "hi"\n'), Choice((Literal("::=😀"), character_class("^]-a/\x85")))))
>>> print(render_node(node))
"say \"hi\"\n" ("::\u003d😀" | /[^\x{5D}-a\x{2F}\x{85}]/)
"""

import json
from collections.abc import Collection, Iterable

from funcdex_assets.dml.grammar.gbnf import order_rules, render_repetition
from funcdex_assets.dml.grammar.texts import LONGEST_TOKEN
from funcdex_assets.dml.grammar.tree import (
    EMPTY,
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

FIRST_LINE = "%llguidance {}"
_MOST_WHOLES = 12  # line breaks of a text, or escapes of a string; see above


def render_lark(grammar: Grammar) -> str:
    """Returns the grammar's text: one rule per line, `start` first."""
    lines = [FIRST_LINE]
    for name, rule in order_rules(grammar):
        if type(rule) is not Run:
            head = "start" if name == "root" else _render_name(name, grammar.terminals)
            lines.append(f"{head}: {render_node(rule, grammar.terminals, top=True)}")
        elif rule.is_exact:
            lines.append(f"{_render_name(name, (name,))}: {_render_counted_run(rule, 0)}")
        elif rule.far is not None and rule.far < (1 + _MOST_WHOLES) * rule.token_budget * LONGEST_TOKEN // 4:
            may_be_empty = "?" if rule.first == EMPTY else ""
            lines.append(f"{_render_name(name, ())}: {_render_name(name, (name,))}{may_be_empty}")
            lines.append(f"{_render_name(name, (name,))}: {_render_counted_run(rule, 1 if may_be_empty else 0)}")
        else:
            lines += _render_budgeted_run(name, rule)
    return "\n".join(lines) + "\n"


def _render_counted_run(run: Run, low: int) -> str:
    return render_node(sequence(run.first, repeat(choice(*run.pieces, *run.wholes), low, run.most)), top=True)


def _render_budgeted_run(name: str, run: Run) -> Iterable[str]:
    rule, terminal = _render_name(name, ()), _render_name(name, (name,))
    pieces = render_node(choice(*run.pieces), top=True, endless=True)
    # One lexeme for each of `wholes`: a lexeme of two would swallow the line feed that ends a text.
    repeated_wholes = f" ({terminal}_WHOLE{{1,4}} {rule}_pieces?){{0,{_MOST_WHOLES}}}" if run.wholes else ""
    if run.first == EMPTY:
        yield f"{rule}: {rule}_pieces?{repeated_wholes}"
    else:
        yield f"{rule}: {rule}_first{repeated_wholes}"
        yield f"{rule}_first[max_tokens={run.token_budget}]: {terminal}_FIRST"
        yield f"{terminal}_FIRST: {render_node(run.first, endless=True)} ({pieces})*"
    yield f"{rule}_pieces[max_tokens={run.token_budget}]: {terminal}_PIECES"
    yield f"{terminal}_PIECES: ({pieces})+"
    if run.wholes:
        yield f"{terminal}_WHOLE: {render_node(choice(*run.wholes), top=True, endless=True)}"


def render_node(node: Node, terminals: Collection[str] = (), *, top: bool = False, endless: bool = False) -> str:
    """Returns a node's text, as it stands inside a rule.

    `top` means that nothing stands beside the node, so that it needs no brackets; `endless` that repetitions are
    written with `*` and `+`, because something else ends them.
    """
    match node:
        case Literal(text):
            return _render_literal(text)
        case Chars(ranges, negated):
            return f"/[{'^' if negated else ''}{''.join(_render_range(low, high) for low, high in ranges)}]/"
        case Ref(name):
            return _render_name(name, terminals)
        case Choice(options):
            inside = " | ".join(render_node(option, terminals, top=True, endless=endless) for option in options)
            return inside if top else f"({inside})"
        case Repeat(element, low, high):
            inside = render_node(element, terminals, endless=endless)
            if type(element) in (Sequence, Repeat):
                inside = f"({inside})"
            return inside + (render_repetition(low, high) if not endless else "*" if low == 0 else "+")
        case Sequence(elements):
            return " ".join(render_node(element, terminals, endless=endless) for element in elements)
    raise TypeError(f"{node!r} is no node of a grammar")


def _render_name(name: str, terminals: Collection[str]) -> str:
    name = name.replace("-", "_")
    return name.upper() if name.replace("_", "-") in terminals else f"r_{name}"


def _render_literal(text: str) -> str:
    # Lark has JSON's escapes. vLLM takes any text that contains `::=`, even in a literal, for GBNF.
    quoted = json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
    return quoted.replace("::=", "::\\u003d")


def _render_range(low: int, high: int) -> str:
    return (
        _render_class_character(low)
        if low == high
        else f"{_render_class_character(low)}-{_render_class_character(high)}"
    )


def _render_class_character(point: int) -> str:
    char = chr(point)
    return char if char.isalnum() and char.isascii() else f"\\x{{{point:X}}}"
