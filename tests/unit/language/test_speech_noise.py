"""Errors of a recogniser and of fingers: each changes a word or two, and a clean channel changes nothing."""

import re
from difflib import SequenceMatcher
from random import Random

import pytest
from plain_toolkits import TOOLKITS, plan, steps_in

from funcdex_assets.language.command_phrases import Style, phrase_trigger
from funcdex_assets.language.lexicon import load_lexicon_file
from funcdex_assets.language.speech_noise import Channel, distort_words, mishear, mistype

TEXTS = (
    "please cancel the order",
    "turn off the kitchen lights",
    "book a table for four at half past seven",
    "what's on",
)
CHANNELS: tuple[Channel, ...] = ("spoken", "typed")


@pytest.mark.parametrize("text", [*TEXTS, "", "4 8 2 1"])
def test_a_clean_channel_changes_nothing(text: str) -> None:
    assert {distort_words(text, "clean", Random(seed)) for seed in range(20)} == {text}


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("text", ["4 8 2 1", "", "?!"])
def test_what_has_no_word_is_left_as_it_is(text: str, channel: Channel) -> None:
    assert {distort_words(text, channel, Random(seed)) for seed in range(20)} == {text}


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("text", TEXTS)
def test_a_word_or_two_are_distorted_and_the_text_can_still_be_made_out(text: str, channel: Channel) -> None:
    heard = [distort_words(text, channel, Random(seed)) for seed in range(100)]
    assert sum(one != text for one in heard) > 80
    assert len(set(heard)) >= 6
    for one in heard:
        assert SequenceMatcher(None, text.split(), one.split()).ratio() >= 0.3 or len(text.split()) < 3
        assert SequenceMatcher(None, text, one).ratio() > 0.55
        assert not re.search(r"^\s|\s$|  ", one)


def test_a_recogniser_mishears_words_and_fingers_slip_on_letters() -> None:
    spoken = {mishear("wait for four", Random(seed)) for seed in range(200)}
    assert {"weight for four", "wait four four", "wait for for", "wait wait for four"} <= spoken
    assert "wait four" in spoken  # a small word is lost
    typed = {mistype("lamp", Random(seed)) for seed in range(400)}
    assert {"lmp", "laamp", "lmap", "lanp"} <= typed
    assert all(abs(len(one) - 4) <= 1 for one in typed)


def test_letters_that_stand_for_values_survive() -> None:
    """Values stand as private characters in a sentence when it is distorted."""
    for channel in CHANNELS:
        assert all("\ue000" in distort_words("set the heat to \ue000", channel, Random(seed)) for seed in range(100))


def test_misheard_words_are_others() -> None:
    assert [word for word, heard in load_lexicon_file("command_turns")["misheard"].items() if word == heard] == []


@pytest.mark.parametrize("toolkit", TOOLKITS)
def test_every_value_stays_known_when_every_sentence_is_distorted(toolkit: str) -> None:
    distorted = 0
    for number in range(60):
        clear, noisy = (plan(toolkit, number, noise_share=share) for share in (0.0, 1.0))
        distorted += [turn.words for turn in clear.turns] != [turn.words for turn in noisy.turns]
        for turn_number, turn in enumerate(noisy.turns):
            for step in steps_in(noisy, turn_number):
                unsaid = [
                    argument
                    for argument in step.arguments
                    if not (argument.withheld or argument.carried)
                    and argument.surface.lower() not in turn.words.lower()
                ]
                assert unsaid == [], turn
    assert distorted > 50


def test_the_share_of_distorted_sentences_is_the_one_that_is_set() -> None:
    says = {text.replace(",", "") for text in load_lexicon_file("command_turns")["triggers"]["help"]["says"]}
    style = Style(filler=0, long=0, noise=0.25, channel="spoken")
    texts = [phrase_trigger("help", Random(seed), style).replace(",", "") for seed in range(600)]
    assert 0.15 < sum(text not in says for text in texts) / len(texts) < 0.35
