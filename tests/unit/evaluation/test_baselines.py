"""What answers without a model say."""

import pytest
from evaluation_cases import call, calling, item, result, saying, user

from funcdex_assets.evaluation.baselines import NoTrainingItemsError, build_baseline, count_steps
from funcdex_assets.evaluation.similar_texts import SimilarTexts

TRAIN = [
    item(call("light", on=False), number=0, said="lights off"),
    item(call("light", on=False), number=1, said="switch the lamp off please"),
    item(call("light", on=True), number=2, said="make it bright in here"),
    item(call("heat", to=20), number=3, said="turn the heat up"),
    item(call("heat", to=16), number=4, said="too warm, turn the heat down"),
    item(number=5, said="tell me a joke", text="I only run the house."),
]


def predict(name, said, train=TRAIN, **more):
    (prediction,) = build_baseline(name, train).predict([item(number=9, said=said, **more)])
    return prediction


@pytest.mark.parametrize(
    ("text", "position"),
    [
        pytest.param("Turn the HEAT up!", 1, id="most-words-shared"),
        pytest.param("lights", 0, id="one-word"),
        pytest.param("good evening", 0, id="nothing-shared-is-the-first"),
        pytest.param("up the stairs", 2, id="a-pair-counts"),
    ],
)
def test_nearest_text(text, position):
    assert SimilarTexts(["dim the lights", "turn up the heat", "the way up the stairs"]).find_nearest(text) == position


@pytest.mark.parametrize(
    ("name", "said", "expected"),
    [
        ("nearest", "turn the heat down", (call("heat", to=16),)),
        ("nearest", "a joke", ()),
        ("words", "heat, heat up", (call("heat", to=20),)),
        ("words", "off", (call("light", on=False),)),
        ("words", "a joke", ()),
        ("frequent", "a joke", (call("light", on=False),)),
    ],
)
def test_answers(name, said, expected):
    prediction = predict(name, said)
    assert prediction.calls == expected
    assert prediction.text == (None if expected else "I only run the house.")


def test_naive_bayes_follows_the_class_where_single_sentences_mislead():
    # The nearest sentence is of `heat`; all other words of the class `light` speak for it.
    train = [item(call("light", on=True), number=number, said=f"lamp {word}") for number, word in enumerate("abcdefgh")]
    train.append(item(call("heat", to=20), number=9, said="lamp hot zzz"))
    assert predict("words", "lamp hot", train).calls[0].name == "light"
    assert predict("nearest", "lamp hot", train).calls[0].name == "heat"


def test_after_a_result_only_answers_after_results_are_candidates():
    after = [user("turn the heat up"), calling("heat", {"to": 20}), result("{}")]
    train = [*TRAIN, item(number=6, messages=after, text="Done.")]
    assert predict("nearest", "", train, messages=after).text == "Done."
    assert predict("words", "", train, messages=after).text == "Done."
    assert (count_steps(train[-1]), count_steps(TRAIN[0])) == (1, 0)


def test_a_step_that_training_never_reached_falls_back_on_any():
    far = [user("lights off"), saying("a"), calling("light", {}), result("{}")]
    assert predict("nearest", "", messages=far).calls == (call("light", on=False),)
    assert predict("words", "", messages=far).calls == (call("light", on=False),)


def test_rows_that_decline_what_is_possible_with_all_tools_are_left_out():
    train = [item(number=0, kind="missing_function", said="off", text="I cannot."), *TRAIN]
    assert predict("nearest", "off", train).calls


def test_predictions_are_of_the_items_in_order():
    asked = [item(number=7, said="heat"), item(number=8, said="off")]
    predictions = build_baseline("nearest", TRAIN).predict(asked)
    assert [prediction.item_id for prediction in predictions] == [one.item_id for one in asked]
    assert all(prediction.raw for prediction in predictions)


@pytest.mark.parametrize("name", ["nearest", "words", "frequent"])
def test_without_training_items_there_is_no_baseline(name):
    with pytest.raises(NoTrainingItemsError):
        build_baseline(name, [])
    with pytest.raises(NoTrainingItemsError, match="has a call"):
        build_baseline("frequent", [TRAIN[-1]])
