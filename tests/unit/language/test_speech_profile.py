"""The forms of speech of a few texts, counted by hand."""

import pytest

from funcdex_assets.language.speech_profile import (
    DEFAULT_SPOKEN_PROFILE,
    PRIOR_TEXTS,
    begins_with_greeting,
    blend_profiles,
    ends_with_farewell,
    is_fragment,
    is_question,
    is_social,
    measure_speech,
)

TEXTS = (
    "Hello there",  # no request: counts for the greeting alone
    "dim the hallway lamp please",
    "Um, what's on channel four?",
    "the red one",
    "Could you water the ferns in the greenhouse twice a day.",
)


def test_shares_are_of_the_requests() -> None:
    profile = measure_speech(TEXTS, [0.0, 0.5, 1.0])
    assert profile.texts == 4
    assert (profile.words_low, profile.words_median, profile.words_high) == (3, 5, 11)
    assert profile.lower_case_share == 0.5
    assert profile.end_punctuation_share == 0.5
    assert profile.question_share == 0.5
    assert profile.politeness_share == 0.5
    assert profile.filler_share == 0.25
    assert profile.fragment_share == 0.25
    assert profile.optional_argument_share == 0.5
    assert profile.empty_call_share == 0.3333


def test_openings_and_closings_are_of_the_conversations() -> None:
    profile = measure_speech(TEXTS, [], first_texts=["Good evening", "play jazz"], last_texts=["ok bye", "louder", "x"])
    assert profile.greeting_share == 0.5
    assert profile.farewell_share == 0.3333


def test_what_is_not_given_has_the_value_of_the_default() -> None:
    assert measure_speech([], []) == DEFAULT_SPOKEN_PROFILE
    assert measure_speech(["play jazz"], []).optional_argument_share == DEFAULT_SPOKEN_PROFILE.optional_argument_share
    assert measure_speech(["play jazz"], []).greeting_share == DEFAULT_SPOKEN_PROFILE.greeting_share


def test_texts_without_any_request_are_measured_themselves() -> None:
    assert measure_speech(["Hi", "thanks"], []).words_median == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("what's the time", True),
        ("whats the time", True),
        ("and when does it open", True),
        ("is it open", True),
        ("can you open it", True),
        ("open it", False),
        ("", False),
    ],
)
def test_questions(text: str, expected: bool) -> None:
    assert is_question(text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the other one", True),
        ("Maria's desk", True),  # a genitive is no verb
        ("kitchen too", True),
        ("it's cold", False),
        ("whats the time", False),
        ("Transfer fifty to Bo", False),
        ("louder", True),
    ],
)
def test_fragments(text: str, expected: bool) -> None:
    assert is_fragment(text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Good morning", True),
        ("thanks, have a nice day", True),
        ("that is all", False),
        ("hi, dim the lamp", False),
        ("thank Bo for me", False),
    ],
)
def test_social_texts(text: str, expected: bool) -> None:
    assert is_social(text) is expected


def test_greetings_begin_and_farewells_end() -> None:
    assert begins_with_greeting("hey, dim the lamp")
    assert not begins_with_greeting("dim the lamp, say hello")
    assert ends_with_farewell("dim the lamp, thank you")
    assert not ends_with_farewell("thank you, and now dim the lamp in the hall")


@pytest.mark.parametrize(("text", "expected"), [("I'd like tea", 0.0), ("so like the tea", 1.0), ("err on tea", 0.0)])
def test_like_is_a_filler_only_where_it_is_no_verb(text: str, expected: float) -> None:
    assert measure_speech([text], []).filler_share == expected


def test_few_texts_move_a_profile_little() -> None:
    shouted = measure_speech(["Play jazz!"] * PRIOR_TEXTS, [])
    assert blend_profiles(shouted).end_punctuation_share == pytest.approx(
        (1 + DEFAULT_SPOKEN_PROFILE.end_punctuation_share) / 2
    )
    one = blend_profiles(measure_speech(["Play jazz!"], []))
    assert DEFAULT_SPOKEN_PROFILE.end_punctuation_share < one.end_punctuation_share < 0.4
    assert blend_profiles(DEFAULT_SPOKEN_PROFILE) == DEFAULT_SPOKEN_PROFILE
