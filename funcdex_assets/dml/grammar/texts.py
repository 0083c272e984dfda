r"""Text and JSON strings: the runs of characters that make most of a conversation.

Here belongs which characters they may have. A literal tag cannot come about: `<` may only be followed by
what no tag goes on with. Of `<p>`, `</a>`, `<table>` or `x < 5` nothing is lost; of words in angle brackets
that begin like a tag (`<user`, `<as…`, `<to…`, `<pa…`), only the escaped form of the markup is left:
`<\tool>`.

Text begins with a visible character other than `<` and ends with a visible one, since canonical texts have
no white space around them; blanks and empty lines are free in between.

>>> from funcdex_assets.dml.grammar.gbnf import written
>>> written(string(0, 5, cap=240).wholes[0])
'"\\\\" [\\u0022\\u005Cnrt]'
"""

from funcdex_assets.dml.grammar.tree import Chars, Literal, Node, Repeat, Run, chars, repeat, sequence

TOKEN = 32  # no engine's tokens have as many characters as this, one after another

_LESS = chars("<").ranges
_SLASH = chars("/").ranges
# What `str.strip` removes, and control characters, in which nobody would see a text.
_UNSEEN = Chars(
    (
        *((0x00, 0x20), (0x7F, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A)),
        *((0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000)),
    )
).ranges
_BLANKS = Repeat(chars(" \t\xa0\u202f\u3000"), 0, 8)
_UNQUOTED = ((0x00, 0x1F), *chars('"\\').ranges, (0x7F, 0x7F))  # what a JSON string does not show as it is
_ESCAPES = sequence(Literal("\\"), chars('"\\nrt'))
_ASCII = chars(" !#-;=-[]-~")

_BEGINNINGS = {"a": "s", "p": "a", "t": "o", "u": "s"}
"""With what a tag's name begins, and what its second letter is."""


def _but(*ranges: tuple[int, int]) -> Chars:
    return Chars(ranges, negated=True)


def _no_tag(never: tuple[tuple[int, int], ...]) -> tuple[Node, ...]:
    """`<` and what it takes to be no tag; `never` are the characters that may not follow."""
    letters = chars("".join(_BEGINNINGS)).ranges
    never = (*never, *_LESS)
    found: list[Node] = []
    for slash in ("", "/"):
        found.append(sequence(Literal("<" + slash), _but(*never, *_SLASH, *letters)))
        for first, second in _BEGINNINGS.items():
            found.append(sequence(Literal(f"<{slash}{first}"), _but(*never, *chars(second).ranges)))
    return tuple(found)


_VISIBLE = _but(*_UNSEEN, *_LESS)
_WORDS = sequence(_BLANKS, _VISIBLE)
_LINES = sequence(Literal("\n"), Repeat(chars("\n"), 0, 2), _BLANKS, _VISIBLE)


def text(most: int) -> Run:
    """What is said: about `most` characters at most, on one or several lines."""
    signs = (sequence(Literal("< "), _VISIBLE), *_no_tag(_UNSEEN))
    # After a blank, only the two most frequent: each further one makes every mask dearer.
    after_blank = (sequence(Literal(" < "), _VISIBLE), sequence(Literal(" "), signs[1]))
    return Run((_WORDS, *signs, *after_blank), (_LINES,), most, first=_VISIBLE)


def thought(most: int) -> Run:
    """What is thought: as a text, but without any `<`, with which the end of a thought begins."""
    return Run((_WORDS,), (_LINES,), most, first=_VISIBLE)


def string(low: int, high: int | None, cap: int) -> Run:
    """The inside of a JSON string of `low` to `high` characters.

    `high` is None or a number that is kept; but if it is far above `cap`, about `cap` will do.
    """
    plain = _but(*_UNQUOTED, *_LESS)
    # A required beginning is a state per character; of ASCII these are cheap to compile.
    first = repeat(plain if low <= 4 else _ASCII, low, low)
    if high is None or high > low + cap // 4 * TOKEN:
        return Run((plain, *_no_tag(_UNQUOTED)), (_ESCAPES,), cap, first, far=high)
    high = min(high, max(cap, low))
    return Run((plain,), (_ESCAPES,), high - low, first, longest=high)
