"""Generation: with the cache and in a batch it writes what it writes without them."""

import pytest
import torch
from tiny_training import tiny_model

from funcdex_assets.training.generation import GenerationLimits, count_shared, generate

MODEL = tiny_model(seed=5)
PROMPTS = [(7, 8, 9, 10, 11), (7, 8, 9, 40, 41, 42, 43), (7, 8, 9), (7, 8, 50)]


def write_without_cache(prompt: tuple[int, ...], stop_ids: tuple[int, ...], most: int) -> tuple[list[int], float]:
    """The plain loop: the whole text is read again for each token."""
    ids, probabilities = list(prompt), []
    for _ in range(most):
        with torch.no_grad():
            shares = MODEL(torch.tensor([ids])).logits[0, -1].softmax(-1)
        token = int(shares.argmax())
        probabilities.append(float(shares[token]))
        ids.append(token)
        if token in stop_ids:
            break
    return ids[len(prompt) :], sum(probabilities) / len(probabilities)


def find_token_written_by_some() -> int:
    """A token that one of the answers has in its middle, to stop that one early."""
    first, *_ = [write_without_cache(prompt, (), 12)[0] for prompt in PROMPTS]
    return first[5]


@pytest.mark.parametrize("prompts", [PROMPTS, PROMPTS[:1], [PROMPTS[0]] * 3], ids=["unlike", "one", "the same"])
def test_cache_and_batch_change_nothing(prompts):
    stop = find_token_written_by_some()
    answers = generate(MODEL, prompts, GenerationLimits((stop,), max_tokens=12))
    for prompt, answer in zip(prompts, answers, strict=True):
        expected, confidence = write_without_cache(prompt, (stop,), 12)
        assert answer.is_finished == (expected[-1] == stop)
        assert list(answer.token_ids) == (expected[:-1] if answer.is_finished else expected)
        assert answer.confidence == pytest.approx(confidence, rel=1e-4)
    assert any(answer.is_finished for answer in answers)


def test_an_answer_has_at_most_the_tokens_that_were_asked_for():
    (answer,) = generate(MODEL, PROMPTS[:1], GenerationLimits((), max_tokens=5))
    assert (len(answer.token_ids), answer.is_finished) == (5, False)


def test_ids_beyond_the_vocabulary_are_never_written():
    likeliest = int(MODEL(torch.tensor([PROMPTS[0]])).logits[0, -1].argmax())
    limits = GenerationLimits((), max_tokens=12, vocabulary=likeliest)
    (answer,) = generate(MODEL, PROMPTS[:1], limits)
    assert max(answer.token_ids) < likeliest


def test_sampling_follows_its_seed_and_top_k():
    def sample(**options):
        limits = GenerationLimits((), max_tokens=12, temperature=1.5, **options)
        return [answer.token_ids for answer in generate(MODEL, PROMPTS, limits)]

    assert sample(seed=1) == sample(seed=1)
    assert sample(seed=1) != sample(seed=2)
    greedy = generate(MODEL, PROMPTS, GenerationLimits((), max_tokens=12))
    assert sample(top_k=1) == [answer.token_ids for answer in greedy]


def test_the_model_stays_in_training_if_it_was():
    MODEL.train()
    generate(MODEL, PROMPTS[:1], GenerationLimits((), max_tokens=1))
    assert MODEL.training
    MODEL.eval()


@pytest.mark.parametrize(
    ("prompts", "count"),
    [
        pytest.param([(1, 2)], 2, id="one"),
        pytest.param([(1, 2), (1, 2, 3)], 2, id="one begins the other"),
        pytest.param([(4,), (1, 2, 3)], 0, id="nothing"),
    ],
)
def test_what_prompts_share(prompts, count):
    assert count_shared(prompts) == count
