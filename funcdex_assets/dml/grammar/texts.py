r"""Builds the runs of characters that most of a conversation consists of: texts, thoughts, JSON strings.

Add here which characters they may have and how long they may be. They cannot spell a tag, since `<` may only be
followed by a character with which no tag continues. `<p>`, `</a>`, `<table>` and `x < 5` can all be written; words
in angle brackets that begin like a tag (`<user`, `<as…`, `<to…`, `<pa…`) only in the escaped form of the markup,
`<\tool>`.

A text begins with a visible character other than `<` and ends with a visible one, since canonical texts have
no white space around them; blanks and empty lines are free in between.

>>> from funcdex_assets.dml.grammar.gbnf import render_node
>>> render_node(build_string_run(0, 5, cap=240).wholes[0])
'"\\\\" [\\u0022\\u005Cnrt]'
"""

from funcdex_assets.dml.grammar.tree import Chars, Literal, Node, Repeat, Run, character_class, repeat, sequence

LONGEST_TOKEN = 32  # no engine's tokens have as many characters as this, one after another

_LESS = character_class("<").ranges
_SLASH = character_class("/").ranges
# The characters that `str.strip` removes, and control characters: a text of these alone would look empty.
_UNSEEN = Chars(
    (
        *((0x00, 0x20), (0x7F, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A)),
        *((0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000)),
    )
).ranges
_BLANKS = Repeat(character_class(" \t\xa0\u202f\u3000"), 0, 8)
_UNQUOTED = ((0x00, 0x1F), *character_class('"\\').ranges, (0x7F, 0x7F))  # what a JSON string has to escape, and DEL
_ESCAPES = sequence(Literal("\\"), character_class('"\\nrt'))
_ASCII = character_class(" !#-;=-[]-~")

_BEGINNINGS = {"a": "s", "p": "a", "t": "o", "u": "s"}
"""The first letters of the tags' names, each with the only second letter that a tag has after it."""


def _any_character_but(*ranges: tuple[int, int]) -> Chars:
    return Chars(ranges, negated=True)


def _pieces_without_tag(forbidden: tuple[tuple[int, int], ...]) -> tuple[Node, ...]:
    """Returns the ways in which `<` may go on without opening a tag, none of them with a character of `forbidden`."""
    letters = character_class("".join(_BEGINNINGS)).ranges
    forbidden = (*forbidden, *_LESS)
    pieces: list[Node] = []
    for slash in ("", "/"):
        pieces.append(sequence(Literal("<" + slash), _any_character_but(*forbidden, *_SLASH, *letters)))
        for first_letter, second_letter in _BEGINNINGS.items():
            pieces.append(
                sequence(
                    Literal(f"<{slash}{first_letter}"),
                    _any_character_but(*forbidden, *character_class(second_letter).ranges),
                )
            )
    return tuple(pieces)


_VISIBLE = _any_character_but(*_UNSEEN, *_LESS)
_WORDS = sequence(_BLANKS, _VISIBLE)
_LINES = sequence(Literal("\n"), Repeat(character_class("\n"), 0, 2), _BLANKS, _VISIBLE)


def build_text_run(most: int) -> Run:
    """Returns the run of an utterance: at most about `most` characters, on one or several lines."""
    with_less_than = (sequence(Literal("< "), _VISIBLE), *_pieces_without_tag(_UNSEEN))
    # After a blank, only the two most frequent continuations of `<`: each further one slows down every mask.
    after_blank = (sequence(Literal(" < "), _VISIBLE), sequence(Literal(" "), with_less_than[1]))
    return Run((_WORDS, *with_less_than, *after_blank), (_LINES,), most, first=_VISIBLE)


def build_thought_run(most: int) -> Run:
    """Returns the run of a thought: a text without any `<`, since `<` opens the tag that closes the thought."""
    return Run((_WORDS,), (_LINES,), most, first=_VISIBLE)


def build_string_run(low: int, high: int | None, cap: int) -> Run:
    """Returns the run inside a JSON string of `low` to `high` characters; None as `high` is no upper bound.

    A `high` far above `cap` is not counted exactly: the run then ends at about `cap` characters.
    """
    plain = _any_character_but(*_UNQUOTED, *_LESS)
    # A required beginning is a state per character; of ASCII these are cheap to compile.
    first = repeat(plain if low <= 4 else _ASCII, low, low)
    if high is None or high > low + cap // 4 * LONGEST_TOKEN:
        return Run((plain, *_pieces_without_tag(_UNQUOTED)), (_ESCAPES,), cap, first, far=high)
    high = min(high, max(cap, low))
    return Run((plain,), (_ESCAPES,), high - low, first, longest=high)
