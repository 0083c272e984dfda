"""Labelled pairs: the same with other values and in other words are duplicates, another matter is none."""

import json
from pathlib import Path

import pytest

from funcdex_assets.dedup.conversations import (
    HASHED_NGRAMS_THRESHOLDS,
    ComparedConversation,
    ConversationThresholds,
    count_exact_repeats,
    find_near_duplicates,
    judge_repetitions,
    to_compared_conversation,
)
from funcdex_assets.embedding.hashed_ngrams import HashedNgrams
from funcdex_assets.embedding.minilm import MiniLM

PAIRS = [
    json.loads(line)
    for line in (Path(__file__).parents[2] / "data" / "conversation_pairs.jsonl").open(encoding="utf-8")
]
HASHED = HashedNgrams()
TURNS = ("Please list the open tickets of the helpdesk.", "Close the first one.", "Thanks, that is all.")
MIRRORED = tuple("Could you show which deliveries were refused?|And have them sent out again.|Great.".split("|"))
CALLS = ("LIST_TICKETS", "CLOSE_TICKET")


def conversation(name, turns=TURNS, calls=CALLS):
    return ComparedConversation(name, calls, tuple(turns))


def duplicates(*conversations, likeness=HASHED_NGRAMS_THRESHOLDS, embedder=HASHED):
    return {
        one.conversation_id: one.duplicate_of
        for one in find_near_duplicates(conversations, embedder, likeness)
        if one.status == "duplicate"
    }


@pytest.fixture(scope="module")
def found():
    """By kind of pair, the share that the default finds."""
    minilm, counts = MiniLM(), {}
    for pair in PAIRS:
        one, other = (conversation(side, pair[side], tuple(pair["calls"])) for side in ("left", "right"))
        (_, verdict) = find_near_duplicates([one, other], minilm)
        counts.setdefault(pair["kind"], []).append(verdict.status == "duplicate")
    return {kind: sum(hits) / len(hits) for kind, hits in counts.items()}


def test_the_same_with_other_values_is_always_found(found):
    assert found["values"] == 1


def test_paraphrases_are_found_mostly(found):
    assert found["paraphrase"] >= 0.7


def test_another_matter_with_the_same_tools_is_none(found):
    assert found["matter"] == 0


@pytest.mark.parametrize(
    ("other", "duplicate"),
    [
        pytest.param(conversation("b"), True, id="word by word"),
        pytest.param(conversation("b", calls=("LIST_TICKETS",)), False, id="word by word, other calls"),
        pytest.param(conversation("b", calls=CALLS[::-1]), False, id="word by word, calls in another order"),
        pytest.param(conversation("b", MIRRORED), False, id="other words"),
        pytest.param(conversation("b", TURNS[:2]), True, id="a turn less"),
        pytest.param(conversation("b", (*TURNS, "Ah, one more thing: the printer.")), True, id="a turn more"),
    ],
)
def test_calls_and_words_decide(other, duplicate):
    assert duplicates(conversation("a"), other) == ({"b": "a"} if duplicate else {})


def test_a_cluster_has_one_representative_the_first():
    cluster = [
        conversation(name, [f"Order {name} {number} is late, cancel it, please."]) for number, name in enumerate("abc")
    ]
    assert duplicates(*cluster, conversation("d", MIRRORED)) == {"b": "a", "c": "a"}


def test_a_dropped_conversation_drops_no_other():
    words = "one two three four five six seven eight nine ten".split()
    chain = [" ".join([*words[start:], *("xyzuvwrst"[:start])]) for start in (0, 3, 6)]
    made = [conversation(str(number), [text]) for number, text in enumerate(chain)]
    loose = ConversationThresholds(semantic=1.0, lexical=0.35)
    assert duplicates(made[0], made[1], likeness=loose) == {"1": "0"}
    assert duplicates(made[1], made[2], likeness=loose) == {"2": "1"}
    assert duplicates(*made, likeness=loose) == {"1": "0"}


def test_the_reason_names_figures_and_turns():
    (_, verdict) = find_near_duplicates(
        [conversation("a"), conversation("b", ("Good morning to you.", *TURNS))], HASHED, HASHED_NGRAMS_THRESHOLDS
    )
    assert verdict.turns == (1, 2, 3)
    assert verdict.cluster_id == verdict.duplicate_of == "a"
    assert verdict.overlap >= 0.5
    assert "2 calls" in verdict.reason
    assert "turns 1, 2, 3" in verdict.reason


def test_every_conversation_has_a_verdict_in_order():
    made = [conversation(str(number)) for number in range(5)]
    assert [one.conversation_id for one in find_near_duplicates(made, HASHED)] == list("01234")
    assert find_near_duplicates([], HASHED) == []


def test_it_can_be_turned_off():
    assert duplicates(conversation("a"), conversation("b"), likeness=None) == {}


def test_lone_conversations_are_not_embedded():
    class Refusing(HashedNgrams):
        def embed(self, texts):
            raise AssertionError(texts)

    assert duplicates(conversation("a"), conversation("b", calls=("OTHER",)), embedder=Refusing()) == {}


def test_many_of_the_same_calls_are_compared_across_blocks():
    made = [
        conversation(str(number), [f"{'xyz'[number % 3] * 3} {'pqr'[number // 3 % 3] * 4}"]) for number in range(1100)
    ]
    assert len(duplicates(*made)) == 1100 - 9


def test_what_is_compared_is_read_from_openai_messages():
    messages = [
        {"role": "system", "content": "You help."},
        {"role": "user", "content": "Close it."},
        {"role": "assistant", "tool_calls": [{"function": {"name": name}} for name in CALLS]},
        {"role": "tool", "content": "{}"},
        {"role": "assistant", "content": "Done."},
    ]  # fmt: skip
    assert to_compared_conversation("a", messages) == ComparedConversation("a", CALLS, ("Close it.",))


def test_repetitions_are_counted_once_values_are_masked():
    said = [conversation(str(n), [f"Pay invoice {n} now."]) for n in range(3)] + [conversation("x", ["Pay nothing."])]
    assert count_exact_repeats(said) == 2


def test_single_requests_repeat_one_another_word_for_word_or_not_at_all():
    said = {
        "a": "Set the heat to 21.",
        "b": "set the heat to 21",
        "c": "Set the heat to 22.",
        "d": "Heat to 21 please.",
    }
    messages = {name: [{"role": "user", "content": text}] for name, text in said.items()}
    for thresholds in (HASHED_NGRAMS_THRESHOLDS, None):
        verdicts = judge_repetitions(messages, HASHED, thresholds, single_requests=set(said))
        found = {verdict.conversation_id: verdict.duplicate_of for verdict in verdicts}
        assert found == {"a": None, "b": "a", "c": None, "d": None}
    masked = judge_repetitions(messages, HASHED, HASHED_NGRAMS_THRESHOLDS)
    assert {verdict.conversation_id for verdict in masked if verdict.status == "duplicate"} >= {"b", "c"}
