"""Four measures, each with a table of what overlaps and what does not."""

import pytest

from funcdex_assets.contamination.evaluation_sets import EvaluationItem, EvaluationSet, OfferedFunction
from funcdex_assets.contamination.overlaps import (
    ConversationContent,
    OverlapThresholds,
    count_overlapping_conversations,
    find_overlaps,
    normalise_name,
    select_conversations_to_remove,
)
from funcdex_assets.embedding.hashed_ngrams import HashedNgrams
from funcdex_assets.embedding.minilm import MiniLM

HASHED = HashedNgrams()
ASKED = "Please find the area of a triangle with a base of ten units and a height of five units."
EMAIL = OfferedFunction("SEND_EMAIL", {"to": "string", "subject": "string", "body": "string"})


def row(*turns, functions=(), name="conversation_1"):
    return ConversationContent(name, "gmail", turns, tuple(functions))


def item(*turns, functions=(), name="item_1"):
    return EvaluationItem(name, turns, tuple(functions))


def found(rows, items, measure, limits=OverlapThresholds(embeddings=1.01), embedder=HASHED):  # noqa: B008
    hits = find_overlaps(
        [rows] if isinstance(rows, ConversationContent) else rows,
        [EvaluationSet("exam", tuple(items))],
        embedder,
        limits,
    )
    return [one for one in hits if one.measure == measure]


# ── functions ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "parameters", "score"),
    [
        pytest.param("send_email", ("to", "subject", "body"), 1, id="another case"),
        pytest.param("mail.sendEmails", ("To", "Subject", "body"), 1, id="a namespace, camel case, a plural"),
        pytest.param("send_email", ("to", "subject", "body", "cc", "bcc", "x"), 0.5, id="half the parameters"),
        pytest.param("send_email", ("to", "x", "y"), None, id="a fifth of the parameters"),
        pytest.param("send_mail", ("to", "subject", "body"), None, id="another name"),
    ],
)
def test_names(name, parameters, score):
    other = OfferedFunction(name, dict.fromkeys(parameters, "any"))
    hits = found(row("Hi.", functions=[EMAIL]), [item("Ho.", functions=[other])], "names")
    assert [one.score for one in hits] == ([] if score is None else [score])
    assert all("SEND_EMAIL is" in one.reason and name in one.reason for one in hits)


@pytest.mark.parametrize(
    ("name", "other"),
    [("requests.get", "GET"), ("get", "GET_EVENT"), ("a.b", "c.b")],
)  # fmt: skip
def test_one_common_word_is_not_the_same_name(name, other):
    assert normalise_name(name) != normalise_name(other)


@pytest.mark.parametrize(
    ("parameters", "overlap"),
    [
        pytest.param({"To": "string", "subject": "string", "body": "string"}, True, id="the same"),
        pytest.param({"to": "string", "subject": "string", "body": "object"}, False, id="another type"),
        pytest.param({"to": "string", "subject": "string", "text": "string"}, False, id="another parameter"),
        pytest.param({"to": "string", "subject": "string"}, False, id="one less"),
    ],
)
def test_schemas(parameters, overlap):
    hits = found(row("Hi.", functions=[EMAIL]), [item(functions=[OfferedFunction("dispatch", parameters)])], "schemas")
    assert bool(hits) == overlap


def test_few_parameters_are_alike_by_chance():
    own, other = OfferedFunction("A_B", {"id": "string"}), OfferedFunction("C_D", {"id": "string"})
    assert found(row("Hi.", functions=[own]), [item(functions=[other])], "schemas") == []
    lower = OverlapThresholds(schemas_min_parameters=1, embeddings=1.01)
    assert len(found(row("Hi.", functions=[own]), [item(functions=[other])], "schemas", lower)) == 1


# ── what was said ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("said", "asked", "score"),
    [
        pytest.param(ASKED, ASKED, 1, id="the same"),
        pytest.param(f"Hello! {ASKED.lower()} Thanks.", ASKED, 1, id="in more words, another case"),
        pytest.param(ASKED.replace("five", "six"), ASKED, 0.8333, id="another value"),
        pytest.param(ASKED, "Book a table for two at the inn, and tell my brother when it is.", None, id="other words"),
        pytest.param(
            "Refund 30 euros to Zoë now.", "Refund 7 euros to Bo now.", None, id="too short but for its values"
        ),
        pytest.param(
            "Refund 30 euros to the first customer.", "Refund 7 euros to the first customer.", 1, id="a masked value"
        ),
        pytest.param("Show me all of our files.", "Show me all of our files.", 1, id="a short turn, as a whole"),
        pytest.param("Show me all our files.", "Show me all our files.", None, id="too short to tell"),
        pytest.param("Show me all of our files.", "Show me one of our files.", None, id="a short turn in other words"),
    ],
)
def test_ngrams(said, asked, score):
    assert [one.score for one in found(row(said), [item(asked)], "ngrams")] == ([] if score is None else [score])


def test_the_turns_of_a_conversation_count_together_and_those_of_an_item_alone():
    halves = ASKED[:44], ASKED[44:]
    assert found(row(*halves), [item(ASKED)], "ngrams", OverlapThresholds(ngram_size=3, embeddings=1.01))
    assert found(row("Unlike anything.", ASKED), [item("Something else that nobody said at all.", ASKED)], "ngrams")


@pytest.mark.parametrize(
    ("said", "overlap"),
    [
        pytest.param(
            "Find the area of a triangle, given ten units of base and five units of height.", True, id="other words"
        ),
        pytest.param("Find the orders of the customer and refund the last of them.", False, id="another matter"),
        pytest.param("Thanks, bye.", False, id="too short"),
    ],
)
def test_embeddings(said, overlap):
    hits = found(row(said), [item(ASKED), item("Thanks, bye.")], "embeddings", OverlapThresholds(), MiniLM())
    assert bool(hits) == overlap


# ── the report ────────────────────────────────────────────────────────────────────────────────


def test_of_each_conversation_set_and_measure_the_strongest_is_reported():
    items = [item(ASKED.replace("five", "six"), name="near"), item(ASKED, name="exact"), item(ASKED, name="again")]
    (hit,) = found(row("Hello there, you.", ASKED), items, "ngrams")
    assert (hit.item, hit.score, hit.evaluation_set, hit.partition) == ("exact", 1, "exam", "gmail")


def test_batches_change_nothing(monkeypatch):
    rows = [row(f"{ASKED} {number}", functions=[EMAIL], name=str(number)) for number in range(5)]
    items = [item(f"{ASKED} And {number} more of the {number}.", name=str(number)) for number in range(9)]
    sets = [EvaluationSet("exam", tuple(items))]
    whole = find_overlaps(rows, sets, HASHED)
    monkeypatch.setattr("funcdex_assets.contamination.overlaps.BATCH", 2)
    monkeypatch.setattr("funcdex_assets.contamination.overlaps._BLOCK", 2)
    assert find_overlaps(rows, sets, HASHED) == whole
    assert {one.measure for one in whole} == {"ngrams", "embeddings"}


def test_without_sets_nothing_is_embedded():
    class Refusing(HashedNgrams):
        def embed(self, texts):
            raise AssertionError(texts)

    assert find_overlaps([row(ASKED)], [], Refusing()) == []


def test_conversations_are_counted_once_and_removed_by_the_measures_asked_for():
    other = row("Unlike.", functions=[EMAIL], name="conversation_2")
    hits = find_overlaps(
        [row(ASKED, functions=[EMAIL]), other],
        [EvaluationSet(name, (item(ASKED, functions=[EMAIL]),)) for name in ("exam", "quiz")],
        HASHED,
    )
    assert count_overlapping_conversations(hits) == {"names": 2, "schemas": 2, "ngrams": 1, "embeddings": 1}
    assert select_conversations_to_remove(hits, ()) == {}
    ((conversation, (place, reason)),) = select_conversations_to_remove(hits, ("ngrams",)).items()
    assert (conversation, place) == ("conversation_1", "exam/item_1")
    assert reason.startswith("ngrams 1.00: 100% of a user turn's n-grams")
    assert set(select_conversations_to_remove(hits, ("names", "ngrams"))) == {"conversation_1", "conversation_2"}
