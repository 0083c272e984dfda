"""Sentences of commands: short, in other words than the tool's, and with every value in them as it was recorded."""

import re
import statistics
from dataclasses import replace
from functools import cache
from random import Random
from typing import Any

import pytest
from plain_toolkits import SITUATION, TOOLKITS, plans, steps_in, tools_of

from funcdex_assets.language.command_phrases import (
    Said,
    Style,
    Utterance,
    join_utterances,
    phrase_addition,
    phrase_again,
    phrase_command,
    phrase_correction,
    phrase_other,
    phrase_self_repair,
    phrase_trigger,
    says_tool_name,
)
from funcdex_assets.language.command_values import SpokenValue, draw_value
from funcdex_assets.language.lexicon import load_lexicon_file
from funcdex_assets.language.speech_profile import DEFAULT_SPOKEN_PROFILE, measure_speech
from funcdex_assets.language.tool_reading import ToolReading, read_tool
from funcdex_assets.planning.commands import draw_style
from funcdex_assets.records.plan import PlannedArgument
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.words import split_words

CLEAR = Style(noise=0)
PLAIN = Style(filler=0, long=0, polite=0, noise=0)
SENTENCES = 500
EVERY_TOOLKIT = pytest.mark.parametrize("toolkit", TOOLKITS)


@cache
def say_all(toolkit: str, style: Style = CLEAR) -> tuple[tuple[ToolReading, tuple[Said, ...], Utterance], ...]:
    """Requests for all tools of a toolkit in turn, each with a subset of its arguments."""
    readings = [read_tool(tool) for tool in tools_of(toolkit).values()]
    asked = [reading for reading in readings if not reading.trigger]
    return tuple(_say(asked[seed % len(asked)], Random(seed), style) for seed in range(SENTENCES))


def _say(reading: ToolReading, rng: Random, style: Style) -> tuple[ToolReading, tuple[Said, ...], Utterance]:
    said = []
    for argument in reading.arguments:
        spoken = draw_value(argument, SITUATION, rng) if rng.random() < 0.5 else None
        if spoken:
            said.append(Said(argument, spoken))
    return reading, tuple(said), phrase_command(reading, said, rng, style)


def read(name: str, description: str, **properties: Any) -> ToolReading:
    return read_tool(Tool("t", name, description, {"type": "object", "properties": properties}, None, ""))


def option(reading: ToolReading, name: str, value: Any, words: str, is_clause: bool = False) -> Said:
    argument = next(argument for argument in reading.arguments if argument.name == name)
    return Said(argument, SpokenValue(value, words, is_clause))


def heard(reading: ToolReading, said: list[Said], pronoun: str = "") -> set[str]:
    return {phrase_command(reading, said, Random(seed), PLAIN, pronoun).text for seed in range(400)}


# ── all sentences ─────────────────────────────────────────────────────────────────────────────


@EVERY_TOOLKIT
def test_every_value_is_in_the_text_in_the_words_that_were_recorded(toolkit: str) -> None:
    for reading, said, utterance in say_all(toolkit, Style(noise=0.5, channel="spoken")):
        assert utterance.evidence.keys() == {item.argument.name for item in said}, reading.tool
        for words in utterance.evidence.values():
            assert words.lower() in utterance.text.lower()
            assert words.strip()


@EVERY_TOOLKIT
def test_a_value_of_a_clear_sentence_is_recorded_in_its_own_words_or_by_the_whole(toolkit: str) -> None:
    """Unless the sentence itself tells it ("turn it off"), or its thing stands in a clause or in the plural."""
    for _, said, utterance in say_all(toolkit):
        for item in said:
            words, recorded = item.spoken.words, utterance.evidence[item.argument.name]
            assert (
                recorded in (words, utterance.text.rstrip(".?!"))
                or item.spoken.is_clause
                or recorded.startswith(words.rstrip("y"))
            )


@EVERY_TOOLKIT
def test_no_sign_brace_or_gap_is_left(toolkit: str) -> None:
    texts = [utterance.text for *_, utterance in say_all(toolkit)]
    assert [text for text in texts if re.search(r"\b(?:the|a|an|my) (?:the|a|an|my)\b(?! point)", text)] == []
    texts += [turn.words for planned in plans(toolkit) for turn in planned.turns]
    assert [text for text in texts if re.search(r"[\ue000-\uf8ff{}]|  |^\s|\s$|^$", text)] == []


@EVERY_TOOLKIT
def test_what_is_said_is_short_and_seldom_names_the_tool_or_the_argument(toolkit: str) -> None:
    """Counted as for real people: every turn that is followed by a call, against the first call's name."""
    turns = [
        (turn.words, steps_in(planned, number))
        for planned in plans(toolkit)
        for number, turn in enumerate(planned.turns)
        if steps_in(planned, number)
    ]
    assert len(turns) >= SENTENCES
    names_tool = [says_tool_name(steps[0].tool, words) for words, steps in turns]
    beside = [
        _is_named_beside(argument, words)
        for words, (step, *_) in turns
        for argument in step.arguments
        if argument.surface.lower() in words.lower() and argument.surface.lower() != words.rstrip(".?!").lower()
    ]
    assert len(beside) > SENTENCES / 4
    assert sum(names_tool) / len(names_tool) <= 0.25
    assert sum(beside) / len(beside) <= 0.15
    assert statistics.median(len(words.split()) for words, _ in turns) <= 7


def _is_named_beside(argument: PlannedArgument, text: str) -> bool:
    """True if all words of the argument's name stand near its value, and are not the value's own."""
    words = argument.surface.lower()
    before, _, after = text.lower().partition(words)
    near = {*re.findall(r"\w+", before)[-3:], *re.findall(r"\w+", after)[:2]}
    name = set(split_words(argument.argument.removesuffix("/0")))
    return name <= near and not name & set(words.split())


@EVERY_TOOLKIT
def test_a_request_is_worded_in_many_ways(toolkit: str) -> None:
    for name, tool in tools_of(toolkit).items():
        reading = read_tool(tool)
        if not reading.trigger:
            assert len(heard(reading, [])) >= 6, name


# ── forms of speech ───────────────────────────────────────────────────────────────────────────

TERSE = replace(DEFAULT_SPOKEN_PROFILE, words_low=2, words_median=3, words_high=6, lower_case_share=1.0,
                end_punctuation_share=0.0, politeness_share=0.0, filler_share=0.0)  # fmt: skip
WORDY = replace(DEFAULT_SPOKEN_PROFILE, words_low=7, words_median=12, words_high=22, lower_case_share=0.0,
                end_punctuation_share=1.0, politeness_share=0.7, filler_share=0.5)  # fmt: skip


def test_forms_of_speech_steer_the_sentences() -> None:
    def measure(speech: Any) -> Any:
        readings = [read_tool(tool) for tool in tools_of("clinic").values()]
        texts = []
        for seed in range(300):
            rng = Random(seed)
            style = draw_style(SITUATION, rng, 0, speech)
            texts.append(_say(readings[seed % len(readings)], rng, style)[2].text)
        return measure_speech(texts, [])

    terse, wordy = measure(TERSE), measure(WORDY)
    assert wordy.words_median >= terse.words_median + 3
    assert wordy.words_high >= terse.words_high + 4
    assert terse.lower_case_share > 0.95
    assert wordy.lower_case_share < 0.05
    assert terse.end_punctuation_share < 0.1
    assert wordy.end_punctuation_share > 0.95
    assert wordy.politeness_share > terse.politeness_share + 0.1
    assert wordy.filler_share > terse.filler_share + 0.2


# ── single sentences ──────────────────────────────────────────────────────────────────────────

LAMP = read(
    "lamp", "Turn a lamp on or off", lamp={"enum": ["desk", "bed"]}, state={"type": "string", "enum": ["on", "off"]}
)
HEAT = read("heat", "Set the temperature", degrees={"type": "number"})
CANCEL = read("gone", "Cancel a card", reason={"enum": ["stolen", "lost"]}, card_type={"enum": ["debit", "credit"]})
PAY = read("funds", "Transfer money", amount={"type": "number"}, to={"enum": ["savings", "checking"]})
ORDER = read("room_service", "Order food", dish={"type": "string"}, amount={"type": "integer"})
GLOW = read("glow", "Set the brightness", lamp={"enum": ["desk", "all"]}, level={"type": "integer"})
PLAYER = read("player", "Skip what is playing", action={"enum": ["pause", "next"]})
NEARBY = read("nearby", "Look for places along the way", category={"enum": ["food", "fuel"]})
DEFOG = read(
    "defog", "Clear a fogged window", window={"enum": ["boot window", "side mirrors"]}, state={"enum": ["on", "off"]}
)
SEAT = read("seat_heating", "Set the heating of a seat", level={"enum": ["off", "low", "high"]})
CLIMATE = read(
    "climate",
    "Make it warmer or cooler",
    way={"enum": ["warmer", "cooler"]},
    zone={"enum": ["everyone", "front"], "description": "Whose part of the car"},
)
SEATS = read("seats", "Find a house", people={"type": "integer"}, max_price={"type": "number"})
SONG = read("tune", "Find a song", year={"type": "integer"})
WARMTH = read(
    "change", "Make it warmer or cooler", way={"enum": ["warmer", "cooler"]}, much={"enum": ["little", "lot"]}
)


@pytest.mark.parametrize(
    ("reading", "said", "expected", "never"),
    [
        pytest.param(
            LAMP, [option(LAMP, "state", "off", "off")], {"turn off the lamp", "the lamp is still on"}, r"\{", id="off"
        ),
        pytest.param(
            HEAT,
            [option(HEAT, "degrees", 21, "21")],
            {"temperature 21", "set the temperature to 21"},
            r"degrees|to to",
            id="a level",
        ),
        pytest.param(
            CANCEL,
            [option(CANCEL, "reason", "stolen", "it was stolen", is_clause=True)],
            {"my card was stolen cancel it", "it was stolen cancel my card"},
            r"because (?:my card|it) was stolen,? cancel",
            id="a reason",
        ),
        pytest.param(
            CANCEL, [option(CANCEL, "card_type", "debit", "debit")], {"cancel my debit card"}, "type", id="a kind"
        ),
        pytest.param(PAY, [option(PAY, "amount", 50, "fifty")], {"move fifty", "transfer fifty"}, "amount", id="money"),
        pytest.param(
            ORDER,
            [option(ORDER, "dish", "ramen", "ramen"), option(ORDER, "amount", 2, "two")],
            {"get me two ramens"},
            r"\ba food\b|\bfood ramen",
            id="what is ordered, and how many",
        ),
        pytest.param(
            GLOW,
            [option(GLOW, "lamp", "all", "all"), option(GLOW, "level", 30, "30")],
            {"set the brightness of all the lamps to 30"},
            r"all (?:the )?brightness",
            id="all of them",
        ),
        pytest.param(
            PLAYER, [option(PLAYER, "action", "next", "next")], {"skip this one"}, r"next the", id="an act without verb"
        ),
        pytest.param(
            NEARBY,
            [option(NEARBY, "category", "food", "food")],
            {"i'm hungry", "find food"},
            r"gas|tank",
            id="a wish",
        ),
        pytest.param(
            DEFOG,
            [option(DEFOG, "window", "side mirrors", "mirrors"), option(DEFOG, "state", "on", "on")],
            {"clear the mirrors", "defrost the mirrors"},
            r"window|turn the mirrors|mirrors on|delete",
            id="a deed that is on",
        ),
        pytest.param(
            DEFOG,
            [option(DEFOG, "state", "off", "off")],
            {"turn off the defog"},
            r"window|mirror",
            id="a deed that is off",
        ),
        pytest.param(
            SEAT,
            [option(SEAT, "level", "off", "switched off")],
            {"turn off the heating", "cut my seat heater"},
            r"switched|to off|at off",
            id="a level that is off",
        ),
        pytest.param(
            CLIMATE,
            [option(CLIMATE, "way", "warmer", "warmer"), option(CLIMATE, "zone", "everyone", "everyone")],
            {"make it warmer for everyone"},
            r"zone|everyone warmer",
            id="a zone is a place",
        ),
        pytest.param(
            SEATS, [option(SEATS, "people", 4, "four")], {"find a house for four people"}, "house four$", id="people"
        ),
        pytest.param(
            SEATS, [option(SEATS, "max_price", 90, "90")], {"find a house up to 90"}, "for 90", id="the most of it"
        ),
        pytest.param(SONG, [option(SONG, "year", 1998, "1998")], {"find a song from 1998"}, "at 1998", id="a year"),
        pytest.param(
            WARMTH,
            [option(WARMTH, "way", "warmer", "warmer"), option(WARMTH, "much", "lot", "a lot")],
            {"make it a lot warmer", "a lot hotter please"},
            r"(?:warmer|hotter|here) a lot",
            id="by how much",
        ),
    ],
)
def test_sentences(reading: ToolReading, said: list[Said], expected: set[str], never: str) -> None:
    texts = {text.lower().replace(",", "") for text in heard(reading, said)}
    assert expected - texts == set()
    assert [text for text in texts if re.search(never, text)] == []


def test_a_pronoun_stands_for_the_thing_and_before_the_particle() -> None:
    texts = heard(read("bring", "Bring up a towel"), [], "it")
    assert "bring it up" in texts
    assert [text for text in texts if "towel" in text or re.search(r"\bup it\b", text)] == []


@pytest.mark.parametrize(
    ("description", "never"),
    [
        pytest.param("Bring something", r"\ba something\b", id="something has no article"),
        pytest.param("Find the nearest shop", r"\ban? nearest\b", id="there is one nearest"),
        pytest.param("Clean the shoes", r"\bshoes (?:is|needs|has|isn't)\b", id="shoes are many"),
        pytest.param("Check the weather", r"\ba weather\b", id="the weather is not counted"),
        pytest.param("Stay longer this time", r"\byou stay\b", id="the user stays"),
    ],
)
def test_what_people_do_not_say(description: str, never: str) -> None:
    assert [text for text in heard(read("xyz", description), []) if re.search(never, text)] == []


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [
        pytest.param(
            lambda rng: phrase_addition([KIND], rng, PLAIN).text, {"the debit one", "debit"}, id="an addition"
        ),
        pytest.param(
            lambda rng: phrase_again(CANCEL, [KIND], rng, PLAIN).text,
            {"same for the debit one", "and debit"},
            id="again",
        ),
        pytest.param(lambda rng: phrase_other([KIND], rng, PLAIN).text, {"the other one too"}, id="the other of two"),
        pytest.param(
            lambda rng: phrase_correction(KIND, "credit", rng, PLAIN).text,
            {"not credit the debit one", "make that the debit one", "no debit"},
            id="a correction",
        ),
        pytest.param(
            lambda rng: phrase_self_repair("fifty", "ten", rng), {"ten no fifty", "ten i mean fifty"}, id="a slip"
        ),
    ],
)
def test_what_follows_a_request(phrase: Any, expected: set[str]) -> None:
    texts = {phrase(Random(seed)).lower() for seed in range(300)}
    assert expected - texts == set()


KIND = option(CANCEL, "card_type", "debit", "debit")


def test_words_after_for_have_no_preposition_of_their_own() -> None:
    slot = read("book", "Book a visit", time={"enum": ["morning", "evening"]})
    for words in ("in the morning", "morning"):
        said = [option(slot, "time", "morning", words)]
        for seed in range(200):
            again = phrase_again(slot, said, Random(seed), PLAIN)
            assert words in again.text.lower()
            assert not re.search(r"\b(?:for|do|add) (?:for|in|at|to)\b", again.text)


def test_an_old_value_that_is_long_is_not_repeated_in_a_correction() -> None:
    texts = [phrase_correction(KIND, "the one with the blue stripe", Random(seed), PLAIN).text for seed in range(200)]
    assert [text for text in texts if "stripe" in text] == []


@pytest.mark.parametrize("trigger", load_lexicon_file("command_turns")["triggers"])
def test_what_the_user_does_is_said_in_many_ways(trigger: str) -> None:
    says = set(load_lexicon_file("command_turns")["triggers"][trigger]["says"])
    texts = {phrase_trigger(trigger, Random(seed), PLAIN) for seed in range(200)}
    assert len(texts) >= 10
    assert {text.replace(",", "") for text in texts} <= {text.replace(",", "").rstrip("?.") for text in says}


def test_two_requests_in_one_breath() -> None:
    joined = join_utterances(
        Utterance("Lock it.", {"door": "it"}), Utterance("I want tea", {"drink": "tea"}), Random(1)
    )
    assert re.fullmatch(r"Lock it,? (?:and then|and also|and|then|also) I want tea", joined.text)
    assert joined.evidence == {"door": "it", "drink": "tea"}
