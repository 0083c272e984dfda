"""The tree and its three notations: what is printed is read back as the same language, whatever the characters."""

import random

import pytest
from grammar_matchers import NOTATIONS, accepts
from grammar_sampler import sample

from funcdex_assets.dml.grammar.lark import render_lark
from funcdex_assets.dml.grammar.tree import (
    Chars,
    Choice,
    Grammar,
    Literal,
    Node,
    Ref,
    Repeat,
    Run,
    character_class,
    choice,
    choice_of_texts,
    optional,
    repeat,
    sequence,
)
from funcdex_assets.dml.notation import Notation


def terminal(node: Node) -> Grammar:
    return Grammar({"root": sequence(Literal("["), Ref("it"), Literal("]")), "it": node}, frozenset({"it"}))


NASTY = [
    pytest.param(Literal('"'), ['"'], ["", '\\"'], id="quote"),
    pytest.param(Literal("\\n"), ["\\n"], ["\n", "n"], id="backslash-and-letter"),
    pytest.param(Literal("a\nb\tc\r"), ["a\nb\tc\r"], ["abc"], id="white-space"),
    pytest.param(Literal("::= // # /x/ %{}"), ["::= // # /x/ %{}"], ["::"], id="signs-of-the-notations"),
    pytest.param(Literal("é漢😀\x7f\x85\u2028"), ["é漢😀\x7f\x85\u2028"], ["é漢"], id="beyond-ascii"),
    pytest.param(Literal("\x1b0f"), ["\x1b0f"], ["\x1b"], id="number-before-hexadecimal-letters"),
    pytest.param(character_class("/a-f"), ["/", "c"], ["2", "F", "ˊ"], id="class-with-hexadecimal-letters"),
    pytest.param(
        Chars(((45, 45), (93, 94), (92, 92), (91, 91))), ["-", "]", "^", "\\", "["], ["Z", "."], id="class-signs"
    ),
    pytest.param(Chars(((43, 45), (65, 66))), ["+", ",", "-", "A"], [".", "C"], id="range-up-to-the-hyphen"),
    pytest.param(Chars(((45, 47),)), ["-", ".", "/"], [",", "0"], id="range-from-the-hyphen"),
    pytest.param(Chars(((45, 45),), negated=True), ["a", "é", "😀"], ["-"], id="all-but-the-hyphen"),
    pytest.param(Chars(((0x1F600, 0x1F64F),)), ["😀"], ["a", "\ud7ff"], id="range-beyond-the-bmp"),
    pytest.param(
        Repeat(choice_of_texts("ab", "c"), 1, 2), ["ab", "cab", "cc"], ["", "abab c", "ccc"], id="repeated-choice"
    ),
    pytest.param(sequence(optional(Literal("a")), character_class("b")), ["b", "ab"], ["a", "aab"], id="optional"),
]


@pytest.mark.parametrize("notation", NOTATIONS)
@pytest.mark.parametrize(("node", "inside", "outside"), NASTY)
def test_every_notation_says_the_same(node: Node, inside: list[str], outside: list[str], notation: Notation) -> None:
    grammar = terminal(node)
    assert [text for text in inside if not accepts(grammar, notation, f"[{text}]")] == []
    assert [text for text in outside if accepts(grammar, notation, f"[{text}]")] == []


RUN = Run(
    (character_class("^<\\\n"), sequence(Literal("<"), character_class("^/<\\\n"))),
    (sequence(Literal("\\"), character_class("n")),),
    most=40,
    first=character_class("A-Z"),
)


@pytest.mark.parametrize("notation", NOTATIONS)
@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("A\n", True),
        ("Aé<b\\n\\nc\n", True),
        ("\n", False),
        ("a\n", False),
        ("A</\n", False),
        ("A\\\n", False),
        ("A", False),
    ],
)
def test_a_run(text: str, accepted: bool, notation: Notation) -> None:
    grammar = Grammar({"root": sequence(Ref("run"), Literal("\n")), "run": RUN}, frozenset())
    assert accepts(grammar, notation, text) == accepted


@pytest.mark.parametrize("notation", NOTATIONS)
def test_an_exact_run_keeps_its_bounds(notation: Notation) -> None:
    run = Run((character_class("a-c"),), (), most=4, first=repeat(character_class("x"), 2, 2), longest=6)
    grammar = Grammar({"root": sequence(Ref("run"), Literal(".")), "run": run}, frozenset({"run"}))
    accepted = [text for text in ("x.", "xx.", "xxabca.", "xxabcab.") if accepts(grammar, notation, text)]
    assert accepted == ["xx.", "xxabca."]


def test_a_run_of_any_length_is_printed_for_llama_cpp() -> None:
    grammar = Grammar({"root": Run((character_class("a"),), (), most=2001)}, frozenset())
    assert accepts(grammar, "gbnf", "a" * 2001)  # the reader refuses repetitions of 2000 and more
    assert not accepts(grammar, "gbnf", "a" * 2002)


def test_no_lark_text_looks_like_gbnf() -> None:
    assert "::=" not in render_lark(terminal(Literal("a ::= b ::==")))  # vLLM tells the two by this sign


def test_samples_are_sentences() -> None:
    grammar = terminal(Choice((sequence(character_class("a-c"), repeat(character_class("^\n"), 0, 3)), Literal("x"))))
    rng = random.Random(1)
    assert all(accepts(grammar, "gbnf", sample(grammar, rng)) for _ in range(50))


@pytest.mark.parametrize(
    ("rules", "terminals", "complaint"),
    [
        ({"root": Ref("gone")}, (), "no rule 'gone'"),
        ({"start": Literal("a")}, (), "no rule 'root'"),
        ({"root": Literal("a"), "Big": Literal("b")}, (), "'Big': a name"),
        ({"root": character_class("a")}, (), "make it one"),
        ({"root": Ref("t"), "t": Ref("n"), "n": Literal("a")}, ("t",), "terminals only, not to 'n'"),
        ({"root": RUN}, ("root",), "exact run"),
    ],
    ids=["unknown rule", "no root", "bad name", "characters in a rule", "terminal refers to a rule", "run as terminal"],
)
def test_what_no_notation_could_print_is_refused(
    rules: dict[str, Node], terminals: tuple[str, ...], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        Grammar(rules, frozenset(terminals))


def test_short_ways() -> None:
    assert sequence(Literal("a"), Literal(""), sequence(Literal("b"), Literal("c"))) == sequence(*map(Literal, "abc"))
    assert choice(Literal("a"), choice(Literal("a"), Literal("b"))) == choice_of_texts("a", "b")
    assert repeat(Literal("a"), 1, 1) == Literal("a")
    assert repeat(Literal("a"), 0, 0) == Literal("")
    with pytest.raises(ValueError, match="0 ≤ low ≤ high"):
        repeat(Literal("a"), 3, 2)
    with pytest.raises(ValueError, match="a choice of nothing"):
        choice()
