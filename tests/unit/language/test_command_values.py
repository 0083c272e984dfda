"""Values of commands: valid under their schema, in the form that the document asks for, and stated by their words."""

import re
from datetime import datetime
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_toolkits import SITUATION

from funcdex_assets.language.command_values import (
    SpokenValue,
    draw_value,
    find_bounds,
    find_clauses,
    find_described_examples,
    list_synonyms,
    number_to_words,
    say_clock,
    say_digits,
    spell_option,
)
from funcdex_assets.language.tool_reading import INDIFFERENT_VALUES, ArgumentReading, read_argument
from funcdex_assets.schema.validation import is_valid_under

TEXT, WHOLE, NUMBER, FLAG = ({"type": kind} for kind in ("string", "integer", "number", "boolean"))
DRAWS = 120


def argument(name: str, schema: dict[str, Any], tool_words: str = "") -> ArgumentReading:
    reading = read_argument(name, schema, False, tool_words)
    assert reading is not None
    return reading


def draws(reading: ArgumentReading, excluded: tuple[Any, ...] = ()) -> list[SpokenValue]:
    drawn = (draw_value(reading, SITUATION, Random(seed), excluded) for seed in range(DRAWS))
    return [spoken for spoken in drawn if spoken is not None]


# ── valid, always ─────────────────────────────────────────────────────────────────────────────

NAMES = st.sampled_from(
    "level amount count minutes percent step speed temperature quantity price hour days size mode type reason room "
    "from to day time name color last_four code phone zip enabled express priority unit direction".split()
)
DESCRIPTIONS = st.sampled_from(
    ["", "Percent", "Celsius", "Kilograms", "In dollars", "HH:MM", "YYYY-MM-DD", "MM/DD/YYYY", "City, State",
     "How many", "Between 2 and 7", "Six digits", "Last four digits", "e.g. 'blue', 'green'", "ISO 8601"]
)  # fmt: skip
OPTIONS = st.lists(
    st.sampled_from("on off low high max small XL front_left last-month 3 10 stolen other dontcare yes no".split()),
    min_size=2,
    unique=True,
)


@st.composite
def numbers(draw: st.DrawFn) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": draw(st.sampled_from(["integer", "number"]))}
    low, span = draw(st.integers(-50, 5000)), draw(st.integers(1, 2000))
    bounds = {
        "minimum": low,
        "maximum": low + span,
        "exclusiveMinimum": low - 1,
        "multipleOf": draw(st.sampled_from([1, 5])),
    }
    return schema | {key: bounds[key] for key in draw(st.sets(st.sampled_from(sorted(bounds))))}


SCHEMAS = st.one_of(
    OPTIONS.map(lambda options: {"type": "string", "enum": options}),
    numbers(),
    st.just(FLAG),
    st.sampled_from(["date", "time", "date-time", "email"]).map(lambda form: {"type": "string", "format": form}),
    st.integers(1, 12).map(lambda length: {"type": "string", "pattern": f"^\\d{{{length}}}$"}),
    st.integers(2, 12).map(lambda length: {"type": "string", "minLength": length, "maxLength": length}),
    st.just(TEXT),
)


@given(NAMES, SCHEMAS, DESCRIPTIONS, st.integers(0, 10**6))
def test_a_value_is_valid_and_has_words(name: str, schema: dict[str, Any], description: str, seed: int) -> None:
    described = {**schema, "description": description}
    reading = read_argument(name, described, False)
    spoken = draw_value(reading, SITUATION, Random(seed)) if reading else None
    if spoken is None:
        return
    assert is_valid_under(described, described, spoken.value)
    assert spoken.words.strip() == spoken.words != ""
    assert str(spoken.value).lower() not in INDIFFERENT_VALUES - {"any"}
    assert not re.search(r"[_{}]|\s\s", spoken.words)


def test_what_can_be_valid_is_found() -> None:
    """So that the property above is not held by drawing nothing."""
    for name, schema in (("level", {**WHOLE, "minimum": 40, "maximum": 44}), ("amount", {**NUMBER, "minimum": 2000})):
        assert len(draws(argument(name, schema))) == DRAWS


# ── the form that is asked for ────────────────────────────────────────────────────────────────


def described(text: str, schema: dict[str, Any] = TEXT) -> dict[str, Any]:
    return {**schema, "description": text}


@pytest.mark.parametrize(
    ("name", "schema", "pattern"),
    [
        pytest.param("card_last_four", TEXT, r"[1-9]\d{3}", id="four digits by the name"),
        pytest.param("card", described("Last 4 digits"), r"[1-9]\d{3}", id="four digits by the description"),
        pytest.param("pin", TEXT, r"[1-9]\d{3}", id="a pin"),
        pytest.param("postcode", described("Five digits"), r"[1-9]\d{4}", id="five digits"),
        pytest.param("phone_number", TEXT, r"[1-9]\d{9}", id="a phone number"),
        pytest.param("time", described("HH:MM"), r"(?:[01]\d|2[0-3]):[0-5]\d", id="HH:MM"),
        pytest.param("time", described("24-hour clock"), r"(?:[01]\d|2[0-3]):[0-5]\d", id="24 hours"),
        pytest.param("date", described("MM/DD/YYYY"), r"(?:0\d|1[0-2])/[0-3]\d/20\d\d", id="MM/DD/YYYY"),
        pytest.param("date", described("DD/MM/YYYY"), r"[0-3]\d/(?:0\d|1[0-2])/20\d\d", id="DD/MM/YYYY"),
        pytest.param("date", {**TEXT, "format": "date"}, r"20\d\d-\d\d-\d\d", id="an ISO date"),
        pytest.param("start", described("ISO 8601"), r"20\d\d-\d\d-\d\dT\d\d:\d\d:00\+0[12]:00", id="an ISO moment"),
        pytest.param("city", described("City, State of the shop"), r"[A-Z][a-z]+, [A-Z]{2}", id="City, State"),
        pytest.param("city", described("like New York, NY"), r"[A-Z][a-z]+, [A-Z]{2}", id="City, ST by an example"),
        pytest.param("email", {**TEXT, "format": "email"}, r"[a-z.-]+@[a-z]+\.example", id="an address"),
        pytest.param(
            "phone",
            {**TEXT, "pattern": r"^\+\d{7}$", "examples": [f"+123456{end}" for end in range(9)]},
            r"\+123456\d",
            id="a number whose form only the examples have",
        ),
        pytest.param("city", TEXT, r"[A-Z][^\W\d_]+", id="a city"),
        pytest.param("doctor", described("Last name of the doctor"), r"[^\W\d_][\w'’ -]+", id="a last name"),
    ],
)  # fmt: skip
def test_a_text_has_the_form_that_the_document_asks_for(name: str, schema: dict[str, Any], pattern: str) -> None:
    drawn = draws(argument(name, schema))
    assert len({spoken.value for spoken in drawn}) > 5
    assert [spoken.value for spoken in drawn if not re.fullmatch(pattern, spoken.value)] == []


@pytest.mark.parametrize(
    ("name", "schema", "low", "high"),
    [
        pytest.param("level", {**WHOLE, "minimum": 0, "maximum": 10}, 0, 10, id="bounds of the schema"),
        pytest.param("level", described("A number from 3 to 8", WHOLE), 3, 8, id="bounds of the description"),
        pytest.param("brightness", described("Percent", WHOLE), 0, 100, id="a percentage"),
        pytest.param("temperature", described("Celsius", NUMBER), 10, 30, id="a room in Celsius"),
        pytest.param("temperature", described("Fahrenheit", NUMBER), 60, 85, id="a room in Fahrenheit"),
        pytest.param("guests", WHOLE, 1, 12, id="people"),
        pytest.param("hours", WHOLE, 1, 12, id="hours"),
        pytest.param("days", WHOLE, 1, 14, id="days"),
        pytest.param("year", described("The release year of the song", WHOLE), 1950, 2030, id="a year"),
        pytest.param("min_age", described("The minimum age", WHOLE), 3, 70, id="an age"),
        pytest.param("avg_rating", NUMBER, 3, 5, id="stars"),
        pytest.param("rating", {**WHOLE, "minimum": 1, "maximum": 10}, 6, 9, id="points out of ten"),
    ],
)
def test_a_number_has_the_size_that_the_document_suggests(
    name: str, schema: dict[str, Any], low: float, high: float
) -> None:
    values = {spoken.value for spoken in draws(argument(name, schema))}
    assert len(values) >= 4
    assert low <= min(values) <= max(values) <= high


@pytest.mark.parametrize(
    ("name", "description", "things"),
    [
        ("starring", "The name of an actor or actress the user wants to see in a movie", "artist"),
        ("district_name", "The name of the district where the service provider is located", "district"),
        ("title", "The title of the song, of a movie if it has one", "song"),
        ("who", "The doctor of whom the patient wants an appointment", "doctor"),
        ("theater_name", "The name of the theatre", "theater"),
    ],
)
def test_a_text_is_what_its_description_names_first(name: str, description: str, things: str) -> None:
    assert argument(name, described(description)).things == things


def test_nobody_says_the_number_by_which_a_system_knows_something() -> None:
    by_number = {**WHOLE, "enum": [1, 2, 3], "description": "1 = cleaning, 2 = massage, 3 = repairs"}
    assert read_argument("service_id", by_number, False, "") is None
    assert read_argument("service_level", by_number, False, "") is not None


def test_a_zone_is_a_place_unless_it_is_one_of_the_clock() -> None:
    zones = {**TEXT, "enum": ["front", "back"]}
    assert argument("zone", {**zones, "description": "Whose part of the car"}).manner == "place"
    assert read_argument("time_zone", zones, False, "") is None
    assert read_argument("zone", {**TEXT, "description": "An IANA time zone"}, False, "") is None


def test_a_moment_lies_ahead() -> None:
    reading = argument("start", {**TEXT, "format": "date-time"})
    assert all(datetime.fromisoformat(spoken.value) > SITUATION.now for spoken in draws(reading))


def test_the_other_end_is_another_one() -> None:
    reading = argument("to", {**TEXT, "enum": ["checking", "savings"]})
    assert {spoken.value for spoken in draws(reading, ("checking",))} == {"savings"}


def test_bounds_that_are_open_on_one_side() -> None:
    assert find_bounds(argument("level", {**WHOLE, "maximum": 5})) == (0, 5)
    assert find_bounds(argument("level", {**WHOLE, "minimum": 5})) is None


# ── what is never drawn ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("said", ["dontcare", "any", "no_preference", "Unspecified", "NULL", "other"])
def test_a_value_that_says_that_nothing_was_said_is_never_drawn(said: str) -> None:
    reading = argument("cuisine", {**TEXT, "enum": ["thai", said, "greek"]})
    assert {spoken.value for spoken in draws(reading)} == {"thai", "greek"}


# ── words ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "zero"), (21, "twenty one"), (100, "one hundred"), (1200, "twelve hundred"), (3000, "three thousand"),
     (115, "one hundred fifteen"), (19.5, "nineteen point five")],
)  # fmt: skip
def test_numbers_in_words(number: float, words: str) -> None:
    assert number_to_words(number) == words


@pytest.mark.parametrize(
    ("option", "spellings"),
    [
        ("Front_Left", {"front left"}),
        ("back-door", {"back door"}),
        ("last_3_months", {"last 3 months", "last three months", "past three months", "the past three months"}),
        ("C", {"c"}),
    ],
)
def test_enum_values_are_read_out(option: str, spellings: set[str]) -> None:
    assert {words for seed in range(30) for words in spell_option(option, Random(seed))} == spellings


def test_digits_are_read_out_in_several_ways() -> None:
    heard = {say_digits("4021", Random(seed)) for seed in range(200)}
    assert {"4021", "4 0 2 1", "four zero two one", "four oh two one", "40 21"} == heard


@pytest.mark.parametrize(
    ("time", "said"),
    [
        ("07:00", {"7 am", "7am", "7:00", "seven in the morning"}),
        ("18:45", {"6:45 pm", "6:45pm", "18:45", "quarter to seven in the evening"}),
        ("00:30", {"12:30 am", "12:30am", "0:30", "half past twelve in the morning"}),
        ("12:15", {"12:15 pm", "12:15pm", "12:15", "quarter past twelve in the afternoon"}),
    ],
)
def test_times_of_day(time: str, said: set[str]) -> None:
    moment = datetime.fromisoformat(f"2026-03-04T{time}")
    assert {say_clock(moment, Random(seed)) for seed in range(60)} == said


def test_a_reason_is_told_as_what_happened() -> None:
    reading = argument("reason", {**TEXT, "enum": ["stolen", "lost"]})
    drawn = draws(reading)
    assert sum(spoken.is_clause for spoken in drawn) > DRAWS / 2
    for spoken in drawn:
        assert spoken.words in (find_clauses(spoken.value) if spoken.is_clause else [spoken.value])


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        pytest.param("room", {**TEXT, "enum": ["living_room", "hallway"]}, id="a place"),
        pytest.param("account_type", {**TEXT, "enum": ["checking", "savings"]}, id="a kind"),
        pytest.param("when", {**TEXT, "enum": ["now", "later"]}, id="a time"),
        pytest.param("speed", {**TEXT, "enum": ["low", "max"]}, id="a level"),
    ],
)
def test_an_option_is_said_as_it_is_spelt_or_by_a_synonym_of_its_own(name: str, schema: dict[str, Any]) -> None:
    drawn = draws(argument(name, schema))
    words = {option: {spoken.words for spoken in drawn if spoken.value == option} for option in schema["enum"]}
    for option, said in words.items():
        assert option.replace("_", " ") in said
        assert said - {option.replace("_", " ")} <= set(list_synonyms(option))
        assert len(said) > 1
    assert not set.intersection(*words.values())  # else the words would not tell which


def test_a_word_for_a_card_does_not_name_an_account() -> None:
    drawn = draws(argument("card_type", {**TEXT, "enum": ["credit", "debit"]}))
    assert {spoken.words for spoken in drawn} == {"credit", "debit", "credit card", "debit card"}


@pytest.mark.parametrize(
    ("name", "schema", "states_it"),
    [
        pytest.param("garage", FLAG, r"garage", id="a thing"),
        pytest.param("urgent", {**TEXT, "enum": ["True", "False"]}, r"urgent", id="an adjective"),
    ],
)
def test_a_flag_says_its_name_and_no_for_no(name: str, schema: dict[str, Any], states_it: str) -> None:
    drawn = draws(argument(name, schema))
    assert {str(spoken.value) for spoken in drawn} == {"True", "False"}
    for spoken in drawn:
        assert re.search(states_it, spoken.words)
        assert bool(re.search(r"\b(?:no|not|without)\b", spoken.words)) == (str(spoken.value) == "False")


def test_a_number_is_stated_in_figures_in_words_or_as_the_end_of_its_scale() -> None:
    drawn = draws(argument("volume", described("Percent", {**WHOLE, "minimum": 0, "maximum": 100})))
    ends = {100: r"full|max|all the way|as far|completely", 50: "half|middle", 0: "down|zero|nothing"}
    unstated = [
        spoken
        for spoken in drawn
        if not re.search(rf"\b(?:{spoken.value}|{number_to_words(spoken.value)}|a hundred)\b", spoken.words)
        and not re.search(ends.get(spoken.value, "^$"), spoken.words)
    ]
    assert unstated == []


@pytest.mark.parametrize(
    ("description", "examples"),
    [
        ("the genre, e.g. 'rock', 'jazz'", ("rock", "jazz")),
        ("a color such as red, dark blue or green.", ("red", "dark blue", "green")),
        ("the name of the genre", ()),
    ],
)
def test_examples_in_a_description(description: str, examples: tuple[str, ...]) -> None:
    assert find_described_examples(description) == examples
