"""Numbers of a range by their digits, and regular expressions as strings: never one outside, seldom one missing."""

import json
import random
import re

import pytest
from gbnf import Grammar as Gbnf

from funcdex_assets.dml import values
from funcdex_assets.dml.grammar.gbnf import render_node
from funcdex_assets.dml.grammar.numbers import LARGEST, build_integer_range, build_number_range
from funcdex_assets.dml.grammar.patterns import UnsupportedPattern, measure_lengths, translate_pattern
from funcdex_assets.dml.grammar.tree import Node


def reader(node: Node | None) -> Gbnf:
    assert node is not None
    return Gbnf(f"root ::= {render_node(node, top=True)}\n")


@pytest.mark.parametrize(
    ("low", "high"),
    [(0, 0), (0, 9), (1, 100), (7, 7), (-5, 5), (-120, -7), (98, 1203), (1000, 40320), (-90, 180), (0, 99999999)],
)
def test_integers_of_a_range_are_exactly_these(low: int, high: int) -> None:
    taken = reader(build_integer_range(low, high))
    rng = random.Random(low * high)
    near = {low, high, low - 1, high + 1, low + 1, high - 1, 0, -1, 1, 9, 10, 99, 100, -high, (low + high) // 2}
    for number in near | {rng.randint(low - 50, high + 50) for _ in range(100)}:
        assert taken.accepts(str(number)) == (low <= number <= high), number
    assert not taken.accepts("-0")
    assert not taken.accepts("007")


def test_integers_without_bounds_and_without_room() -> None:
    assert reader(build_integer_range()).accepts(str(LARGEST))
    assert reader(build_integer_range()).accepts(str(-LARGEST))
    assert reader(build_integer_range(low=5)).accepts("5")
    assert not reader(build_integer_range(low=5)).accepts("4")
    assert build_integer_range(10**16) is None
    assert build_integer_range(3, 2) is None


@pytest.mark.parametrize(
    ("low", "high", "open_low", "inside", "outside"),
    [
        (None, None, False, ["0", "-1.5", "3.25", "7.0", "0.00001", "53.079296"], ["-0", "1.50", "01", "1e3", "-0.0"]),
        (0, 1, False, ["0", "1", "0.5"], ["1.1", "-0.5", "2"]),
        (0, 1, True, ["1", "0.00001"], ["0", "0.0"]),
        (-90, 90, False, ["-90", "-89.999999", "89.5", "90"], ["-90.1", "90.5", "91"]),
        (0.2, 0.3, False, ["0.2", "0.3"], ["0.1", "0.4", "0"]),
        (0.123, 0.125, False, ["0.123", "0.124"], ["0.1", "0.126"]),
        (2.5, 2.5, False, ["2.5"], ["2", "3"]),
        (0.5, 3.5, False, ["1", "1.5", "2.25"], ["0.25", "3.75", "4"]),
    ],
)
def test_numbers(low: float | None, high: float | None, open_low: bool, inside: list[str], outside: list[str]) -> None:
    taken = reader(build_number_range(low, high, open_low=open_low))
    assert [text for text in inside if not taken.accepts(text)] == []
    assert [text for text in outside if taken.accepts(text)] == []
    rng = random.Random(5)
    for _ in range(200):
        text = taken.sample(rng)
        assert values.write_json(json.loads(text)) == text
        assert low is None or json.loads(text) >= low
        assert high is None or json.loads(text) <= high


@pytest.mark.parametrize(
    "expression",
    [
        r"^\+[1-9][0-9]{7,14}$",
        r"^[a-z0-9_]{1,512}$",
        r"^(?:ab|[^x\"]{2}){1,3}\.$",
        r"\w+@\w+\.(com|org)",
        r"^.*$",
        r"\"quo\\te\"\t",
        r"[\-+]\S{3}\s?",
        r"^a|b$",
        r"^\D\W[^\d]$",
        r"^[\]\[]+$",
        r"^\u00e9{2,}?$",
        "",
    ],
)
def test_a_pattern_gives_matches_only(expression: str) -> None:
    node = translate_pattern(expression, longest=60)
    taken = reader(node)
    least, most = measure_lengths(node)
    assert most <= 60
    rng = random.Random(2)
    for _ in range(100):
        text = json.loads(f'"{taken.sample(rng)}"')
        assert re.search(expression, text), text
        assert least <= len(text) <= most
        assert "<" not in text


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("(?=a)b", "the group that begins at"),
        ("(?i)a", "the group that begins at"),
        (r"\bword", "escape"),
        (r"(a)\1", "escape"),
        ("a^b", "what begins at"),
        ("a$b", "what begins at"),
        ("<b>", "the character '<'"),
        ("a**", "what begins at"),
        ("a{3,2}", "the repetition"),
        ("(a", "without its end"),
        ("[a", "breaks off"),
        ("a\\", "breaks off"),
        ("[<]", "no character is left"),
        ("a{100}", "other lengths"),
        ("((a{999}){999}){999}", "other lengths"),
        ("(" * 300 + "a" + ")" * 300, "what begins at"),
        ("a" * 2000, "more than 1000"),
    ],
)
def test_what_is_beyond_the_subset_says_so(expression: str, why: str) -> None:
    with pytest.raises(UnsupportedPattern, match=re.escape(why)):
        translate_pattern(expression, longest=60)


def test_lengths_cut_what_has_no_end() -> None:
    assert measure_lengths(translate_pattern("^[a-z]+-[a-z]+$", longest=9, shortest=3)) == (3, 5)
    with pytest.raises(UnsupportedPattern, match="lengths"):
        translate_pattern("^[a-z]{2}$", longest=9, shortest=3)
