r"""Writes a grammar in llguidance's Lark, which vLLM's backend `guidance` and llama.cpp read.

Here belongs the notation and nothing else. Terminals are written in capitals; literals stay apart, each
a lexeme of its own, since llguidance's lexer takes the longest match (see `tree`). The first line says to
llama.cpp which of its two readers to ask.

A run gets a budget of tokens. Where it is spent, llguidance cuts the lexeme wherever it is; so only the
pieces that nothing can break make a lexeme with a budget, and those that have to be whole are lexemes of
their own. There may be a dozen of these, each followed by as long a run again: a text of a dozen lines. (A
text that is cut may end in blanks, which `parse` strips.) A counted lexeme would have a state per
position, and each state costs a millisecond of mask; the star has one.

>>> from funcdex_assets.dml.grammar.tree import Choice, Literal, Sequence, chars
>>> node = Sequence((Literal('say "hi"\n'), Choice((Literal("::=😀"), chars("^]-a/\x85")))))
>>> print(written(node))
"say \"hi\"\n" ("::\u003d😀" | /[^\x{5D}-a\x{2F}\x{85}]/)
"""

import json
from collections.abc import Collection, Iterable

from funcdex_assets.dml.grammar.gbnf import in_order, times
from funcdex_assets.dml.grammar.texts import TOKEN
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
_MOST_WHOLES = 12


def lark(grammar: Grammar) -> str:
    """The rules, one per line, the first of them `start`."""
    lines = [FIRST_LINE]
    for name, rule in in_order(grammar):
        if type(rule) is not Run:
            head = "start" if name == "root" else _name(name, grammar.terminals)
            lines.append(f"{head}: {written(rule, grammar.terminals, top=True)}")
        elif rule.exact:
            lines.append(f"{_name(name, (name,))}: {_counted(rule, 0)}")
        elif rule.far is not None and rule.far < (1 + _MOST_WHOLES) * rule.tokens * TOKEN // 4:
            none = "?" if rule.first == EMPTY else ""
            lines.append(f"{_name(name, ())}: {_name(name, (name,))}{none}")
            lines.append(f"{_name(name, (name,))}: {_counted(rule, 1 if none else 0)}")
        else:
            lines += _run(name, rule)
    return "\n".join(lines) + "\n"


def _counted(run: Run, low: int) -> str:
    return written(sequence(run.first, repeat(choice(*run.pieces, *run.wholes), low, run.most)), top=True)


def _run(name: str, run: Run) -> Iterable[str]:
    rule, terminal = _name(name, ()), _name(name, (name,))
    pieces = written(choice(*run.pieces), top=True, endless=True)
    # One lexeme each: two in one would swallow the line feed that ends a text.
    more = f" ({terminal}_WHOLE{{1,4}} {rule}_pieces?){{0,{_MOST_WHOLES}}}" if run.wholes else ""
    if run.first == EMPTY:
        yield f"{rule}: {rule}_pieces?{more}"
    else:
        yield f"{rule}: {rule}_first{more}"
        yield f"{rule}_first[max_tokens={run.tokens}]: {terminal}_FIRST"
        yield f"{terminal}_FIRST: {written(run.first, endless=True)} ({pieces})*"
    yield f"{rule}_pieces[max_tokens={run.tokens}]: {terminal}_PIECES"
    yield f"{terminal}_PIECES: ({pieces})+"
    if run.wholes:
        yield f"{terminal}_WHOLE: {written(choice(*run.wholes), top=True, endless=True)}"


def written(node: Node, terminals: Collection[str] = (), *, top: bool = False, endless: bool = False) -> str:
    """A node as the inside of a rule.

    `top` says that nothing stands beside it, `endless` that repetitions need no end of their own.
    """
    match node:
        case Literal(text):
            return _literal(text)
        case Chars(ranges, negated):
            return f"/[{'^' if negated else ''}{''.join(_range(low, high) for low, high in ranges)}]/"
        case Ref(name):
            return _name(name, terminals)
        case Choice(options):
            inside = " | ".join(written(option, terminals, top=True, endless=endless) for option in options)
            return inside if top else f"({inside})"
        case Repeat(part, low, high):
            inside = written(part, terminals, endless=endless)
            if type(part) in (Sequence, Repeat):
                inside = f"({inside})"
            return inside + (times(low, high) if not endless else "*" if low == 0 else "+")
        case Sequence(parts):
            return " ".join(written(part, terminals, endless=endless) for part in parts)
    raise TypeError(f"{node!r} is no node of a grammar")


def _name(name: str, terminals: Collection[str]) -> str:
    name = name.replace("-", "_")
    return name.upper() if name.replace("_", "-") in terminals else f"r_{name}"


def _literal(text: str) -> str:
    # JSON's escapes are Lark's. vLLM takes a text in which `::=` occurs for GBNF, wherever it occurs.
    quoted = json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
    return quoted.replace("::=", "::\\u003d")


def _range(low: int, high: int) -> str:
    return _char(low) if low == high else f"{_char(low)}-{_char(high)}"


def _char(point: int) -> str:
    char = chr(point)
    return char if char.isalnum() and char.isascii() else f"\\x{{{point:X}}}"
