"""Measures of variety, against values that were worked out by hand."""

from math import exp

import pytest
from dialogue_cases import CLEAN, assistant, call, result, user

from funcdex_assets.reports.diversity import (
    build_skeleton,
    compile_pattern_of_any,
    compute_conversation_key,
    compute_self_bleu,
    count_different_openings,
    count_distinct_ngrams,
    count_repeats,
    draw_sample,
    list_skeletons,
    mask_values,
    split_into_sentences,
)


@pytest.mark.parametrize(
    ("texts", "order", "counts"),
    [
        pytest.param(["a b a b"], 1, (2, 4), id="two words, four times"),
        pytest.param(["a b a b"], 2, (2, 3), id="ab ba ab"),
        pytest.param(["a b", "A, b!"], 2, (1, 2), id="case and punctuation do not count"),
        pytest.param(["a b", "c"], 3, (0, 0), id="too short for any"),
        pytest.param(["a b", "c d"], 2, (2, 2), id="no pair across texts"),
    ],
)
def test_distinct(texts, order, counts):
    assert count_distinct_ngrams(texts, order) == counts


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        pytest.param(["a b c d", "a b c d"], 1.0, id="all alike"),
        pytest.param(["a b c d", "e f g h"], 0.0, id="no word in common"),
        pytest.param(["a b c d e", "a b c d f"], (4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25, id="one word differs"),
        # 3/4 · 1/3 · (0.1/2) · (0.1/1): orders without a match count as 0.1
        pytest.param(["a b c d", "a b x d"], (3 / 4 * 1 / 3 * 0.1 / 2 * 0.1) ** 0.25, id="smoothed orders"),
        # the short one: all of it is in the long one, BP = exp(1 - 5/4); the long one: 4/5 · 3/4 · 2/3 · 1/2, no BP
        pytest.param(["a b c d", "a b c d e"], (exp(1 - 5 / 4) + 0.2**0.25) / 2, id="brevity"),
        # 'a a a a' has matches of one a only: 1/4 · (0.1/3) · (0.1/2) · 0.1; the other: 1/4 · the same
        pytest.param(["a a a a", "a b c d"], (1 / 4 * 0.1 / 3 * 0.1 / 2 * 0.1) ** 0.25, id="a match counts once"),
        pytest.param(["a b c d"], 0.0, id="nothing to compare with"),
        pytest.param(["a b c d", "..."], 0.0, id="a text without words is no text"),
    ],
)
def test_self_bleu(texts, expected):
    assert compute_self_bleu(texts) == pytest.approx(expected)


def test_self_bleu_takes_the_reference_that_has_an_n_gram_most_often_but_never_the_text_itself():
    # For "a a b c": a is at most twice in the others, so 4/4 words; pairs aa, ab, bc: aa only in the third.
    one = compute_self_bleu(["a a b c", "a b c d", "a a x y"])
    words, pairs, triples, fours = 4 / 4, 3 / 3, 1 / 2, 0.1 / 1
    first = (words * pairs * triples * fours) ** 0.25
    second = (3 / 4 * 2 / 3 * 1 / 2 * 0.1) ** 0.25
    third = (2 / 4 * 1 / 3 * 0.1 / 2 * 0.1) ** 0.25
    assert one == pytest.approx((first + second + third) / 3)


@pytest.mark.parametrize(
    ("text", "known", "expected"),
    [
        pytest.param('Call it "Plan B".', [], "Call it _.", id="a quote"),
        pytest.param('Write "It is late."', [], "Write _.", id="the stop of a quote remains"),
        pytest.param("Mail ana.r@x.io, see https://x.io/a?b", [], "Mail _, see _", id="addresses"),
        pytest.param("Issue CRM-26 of 2025-01-02 at 10:30", [], "Issue _ of _ at _", id="ids, dates, times"),
        pytest.param("That's Bo's own view", [], "That's Bo's own view", id="an apostrophe is no quote"),
        pytest.param("the Roof and the roofer", ["roof"], "the _ and the roofer", id="known as a word only"),
        pytest.param("big red bus", ["red", "big red"], "_ bus", id="the longest first"),
    ],
)
def test_masked(text, known, expected):
    assert mask_values(text, compile_pattern_of_any(known)) == expected


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        pytest.param("Tell Ana Rojas, Bo and Cy about it.", "tell _ about it", id="names within are one blank"),
        pytest.param("Yesterday I'm told I was late.", "yesterday i'm told i was late", id="I is no name"),
        pytest.param("Move 3 from 10:00 to 12:00!", "move _ from _ to _", id="numbers"),
        pytest.param("7", "_", id="a value alone"),
    ],
)
def test_skeleton(sentence, expected):
    assert build_skeleton(sentence) == expected


def test_skeletons_are_of_sentences_outside_quotes():
    assert list_skeletons('Hi! Write: "Dear Bo. All is well." Then send it to a@b.io and c@d.io.') == [
        "hi",
        "write _",
        "then send it to _",
    ]


def test_sentences_end_at_stops_and_lines():
    assert split_into_sentences("One. Two?\n- three v1.2 (x.y)\n\nFour") == [
        "One.",
        "Two?",
        "- three v1.2 (x.y)",
        "Four",
    ]


def test_openings_and_repeats():
    assert count_different_openings(["Hi  there", "hi there", "Hello"]) == 2
    assert count_repeats([("a",), ("b",), ("a",), ("a",)]) == 3
    assert count_repeats([]) == 0


def test_a_sample_is_in_order_and_the_same_under_a_seed():
    drawn = draw_sample(list(range(100)), 10, 7, "x")
    assert drawn == sorted(drawn) == draw_sample(list(range(100)), 10, 7, "x")
    assert len(set(drawn)) == 10
    assert drawn != draw_sample(list(range(100)), 10, 8, "x")
    assert draw_sample([3, 1], 10, 7) == [3, 1]


def _sent(address: str, subject: str, name: str = "SEND_EMAIL") -> tuple:
    return (
        user(f'Write to {address} about "{subject}".'),
        assistant(None, call(1, name, to=address, subject=f'"{subject}"', retries=3)),
        result(1, name, {"message_id": "m_7", "count": 2}),
        assistant("It is sent."),
    )


def test_conversations_are_copies_if_only_ids_numbers_and_quotes_differ():
    keys = [compute_conversation_key(_sent(*one)) for one in (("a@b.io", "Roof"), ("c@d.io", "Snow on it"))]
    assert keys[0] == keys[1]
    assert compute_conversation_key(_sent("a@b.io", "Roof", "SEND_LETTER")) != keys[0]
    assert compute_conversation_key(CLEAN) != keys[0]
