"""Makes up the values of a command's arguments, with the words in which people say them.

Belongs here: single values. Which arguments are said, and when, belongs to `planning/commands`; sentences to
`command_phrases`. A value has the form that name and description ask for: four digits where four are asked for, two
different accounts, a number between its bounds. Its words are what people say: "five hundred", "the heat to twenty
one", "all the way up"; of an enum its synonyms, or what happened ("somebody took it" for `stolen`).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from math import ceil, floor
from random import Random
from typing import Any

import inflect

from funcdex_assets.language.lexicon import draw_person, load_companies, load_lexicon_file
from funcdex_assets.language.real_examples import list_real_examples
from funcdex_assets.language.tool_reading import INDIFFERENT_VALUES, ArgumentReading
from funcdex_assets.language.values import CITIES, STREETS, Situation, to_title_case
from funcdex_assets.schema.schema import schema_type
from funcdex_assets.schema.validation import is_valid_under
from funcdex_assets.schema.words import split_words

_ENGINE = inflect.engine()
_RANGE = re.compile(r"\(?\b(?:between|from)?\s*(-?\d+(?:\.\d+)?)\s*(?:-|–|to|and|\.\.)\s*(-?\d+(?:\.\d+)?)\b")
_AMOUNTS = (5, 10, 15, 20, 25, 30, 40, 50, 60, 75, 80, 100, 120, 150, 200, 250, 300, 350, 400, 500, 600, 750, 800, 1000)
_LARGE_AMOUNTS = (1200, 1500, 2000, 2500, 3000, 5000)
_PRICES = (8.5, 12.99, 18, 24.5, 37, 42.75, 63, 64.2, 89, 110, 129.99, 215, 340, 480.5)
_MINUTES = (1, 2, 3, 5, 8, 10, 12, 15, 20, 25, 30, 40, 45, 60, 90)
_CLOCK_WORDS = {0: "{h}", 15: "quarter past {h}", 30: "half past {h}", 45: "quarter to {next}"}
_DAYS = ("tomorrow", "today", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY_PHRASES = ("next monday", "next friday", "this weekend", "in two weeks", "the day after tomorrow", "next tuesday")
_PARTS_OF_DAY = ("morning", "afternoon", "evening")
_PLAIN_WORD_SHARE = 0.5  # of enum values, those that are said as the document spells them
_NUMBER_WORD_SHARE = 0.4  # of numbers, those that are said in words
_US_CITIES = tuple(
    tuple(entry.split("/"))
    for entry in (
        "Chicago/IL/Illinois Boston/MA/Massachusetts Denver/CO/Colorado Seattle/WA/Washington Austin/TX/Texas "
        "Portland/OR/Oregon Atlanta/GA/Georgia Miami/FL/Florida Oakland/CA/California Phoenix/AZ/Arizona "
        "Nashville/TN/Tennessee Detroit/MI/Michigan Houston/TX/Texas Sacramento/CA/California Fresno/CA/California "
        "Philadelphia/PA/Pennsylvania Baltimore/MD/Maryland Tucson/AZ/Arizona Pittsburgh/PA/Pennsylvania"
    ).split()
)
_UNITS: tuple[tuple[frozenset[str], tuple[str, ...]], ...] = (
    (frozenset({"kilogram", "kilograms", "kg"}), ("kilos", "kilograms", "kg")),
    (frozenset({"pounds", "lbs"}), ("pounds",)),
    (frozenset({"grams", "gram"}), ("grams",)),
    (frozenset({"kilometers", "kilometres", "km"}), ("kilometers", "k")),
    (frozenset({"miles"}), ("miles",)),
    (frozenset({"liters", "litres"}), ("liters",)),
    (frozenset({"meters", "metres"}), ("meters",)),
    (frozenset({"bedroom", "bedrooms"}), ("bedrooms", "beds")),
    (frozenset({"bathroom", "bathrooms"}), ("bathrooms", "baths")),
)
YEARS = tuple(range(1965, 2025))
"""Of which people speak: of a song, a car, a building."""
_RATING_WORDS = frozenset(("rating", "ratings", "stars", "star"))
_MAIL_DOMAINS = ("mailbox.example", "post.example", "home.example")
_RIVAL_NOUNS = frozenset("account card room side door class music".split())
_INVENTED_SHARE = 0.65  # of names of an open kind, those that stand in no list
_EXTREME_SHARE = 0.15  # of numbers on a scale, those that are its top, middle or bottom: "all the way up"
_TRIES = 8


@dataclass(frozen=True)
class SpokenValue:
    """A value and the words for it. `is_clause`: they say what happened, and stand as a sentence of their own."""

    value: Any
    words: str
    is_clause: bool = False


def draw_value(
    argument: ArgumentReading, situation: Situation, rng: Random, excluded: Sequence[Any] = ()
) -> SpokenValue | None:
    """Draws a value that is none of the `excluded`, with its words; None if there is none that somebody would say."""
    for _ in range(_TRIES):
        spoken = _draw_any_value(argument, situation, rng)
        if spoken is None:
            return None
        if spoken.value not in excluded and is_valid_under(argument.schema, argument.schema, spoken.value):
            return spoken
    examples = [  # of a form that the words of the document do not tell, such as +49301234
        example
        for example in list_real_examples(argument.schema)
        if example not in excluded and is_valid_under(argument.schema, argument.schema, example)
    ]
    example = rng.choice(examples) if examples else None
    return SpokenValue(example, str(example)) if isinstance(example, str | int | float) else None


def _draw_any_value(argument: ArgumentReading, situation: Situation, rng: Random) -> SpokenValue | None:
    if argument.manner in ("flag", "act") and (flags := find_flag_values(argument)):
        return word_flag(argument, flags, rng)
    if argument.options:
        return word_option(argument, rng.choice(argument.options), rng)
    kind = schema_type(argument.schema)
    if argument.manner == "digits":
        digits = rng.choice("123456789") + "".join(rng.choice("0123456789") for _ in range(argument.digits - 1))
        if kind in ("integer", "number"):
            return SpokenValue(int(digits), say_digits(digits, rng))
        return SpokenValue(digits, say_digits(digits, rng))
    if kind in ("integer", "number"):
        return _draw_number(argument, rng)
    if argument.manner == "when":
        return _draw_moment(argument, situation, rng)
    if argument.manner == "duration":
        minutes = rng.choice(_MINUTES)
        text = f"{minutes} minute{'s' if minutes != 1 else ''}"
        return SpokenValue(text, rng.choice((text, text, say_number(minutes, rng) + text.removeprefix(str(minutes)))))
    if argument.things == "city" and re.search(
        r"(?i:city, state|new york, ny)|, [A-Z]{2}\b", argument.schema.get("description", "")
    ):
        city, state, name = rng.choice(_US_CITIES)
        said = rng.choice((city, city, city, f"{city}, {state}", f"{city}, {name}"))
        return SpokenValue(f"{city}, {state}", said.lower() if rng.random() < 0.5 else said)
    if argument.manner in ("place", "to", "from") and argument.things == "city":
        return _draw_thing(argument, rng)
    if examples := [example for example in list_real_examples(argument.schema) if isinstance(example, str)]:
        example = rng.choice(examples)
        return SpokenValue(example, example if len(example.split()) > 6 else example.lower())
    if argument.schema.get("format") == "email":
        address = draw_person(rng, rng.choice(_MAIL_DOMAINS)).email
        return SpokenValue(address, address)
    if argument.things:
        return _draw_thing(argument, rng)
    described = find_described_examples(argument.description)
    if described and argument.manner != "place":
        text = rng.choice(described)
        return SpokenValue(text, text)
    return None


# ── enums ─────────────────────────────────────────────────────────────────────────────────────


def word_option(argument: ArgumentReading, option: Any, rng: Random) -> SpokenValue | None:
    """Words one value of an enum: as it is spelt, by a synonym, or by what happened; None if nobody says it."""
    key = normalise_option(option)
    if argument.manner == "reason":
        clauses = find_clauses(key)
        if clauses and rng.random() < 0.75:
            return SpokenValue(option, rng.choice(clauses), is_clause=True)
        if key in ("other", "others", "none", "unknown", "unspecified"):
            other_clauses = load_lexicon_file("command_values")["things"]["reason"]
            return SpokenValue(option, rng.choice(other_clauses), is_clause=True)
    elif key in ("other", "others") or key in INDIFFERENT_VALUES:
        return None
    if re.fullmatch(r"\d+", key):
        number = say_number(int(key), rng)
        is_rating = bool({"rating", "star", "stars"} & set(split_words(argument.name)))
        return SpokenValue(option, f"{number} star{'s' * (key != '1')}" if is_rating else number)
    spellings = spell_option(option, rng)
    if argument.manner == "degree":
        key = _DEGREE_OF_SIZE.get(key, key)
        return SpokenValue(option, rng.choice(list_synonyms(key) or (key.replace("_", " "),)))
    if argument.manner == "reason":  # the synonyms are of things and places, and tell no reason
        return SpokenValue(option, rng.choice(spellings))
    synonyms = [word for word in list_synonyms(key) if word not in spellings and _fits_noun(word, argument.noun)]
    if synonyms and rng.random() > _PLAIN_WORD_SHARE:
        return SpokenValue(option, rng.choice(synonyms))
    return SpokenValue(option, rng.choice(spellings))


_DEGREE_OF_SIZE = {"small": "little", "tiny": "little", "medium": "somewhat", "moderate": "somewhat"} | dict.fromkeys(
    ("large", "big", "huge"), "lot"
)
"""As which degree the size of a step is said: by a small step is a little."""


def _fits_noun(words: str, noun: str) -> bool:
    """False for a synonym that names another thing than the argument tells about: "credit account" of a card."""
    last = words.split()[-1]
    return noun not in _RIVAL_NOUNS or last not in _RIVAL_NOUNS or last == noun


def normalise_option(option: Any) -> str:
    """Returns the key of an enum value in the lexicon: `Last-Month` → `last_month`."""
    return "_".join(split_words(str(option))) or str(option).lower()


def spell_option(option: Any, rng: Random) -> list[str]:
    """Returns how an enum value is read out: `last_3_months` → "last 3 months", "last three months"."""
    words = list(split_words(str(option)))
    if not words:
        return [str(option)]
    plain = " ".join(words)
    spelt = " ".join(number_to_words(int(word)) if word.isdigit() else word for word in words)
    varied = spelt.replace("last ", "past ", 1) if spelt.startswith("last ") else spelt
    return (
        list(dict.fromkeys([spelt, plain, rng.choice((spelt, varied, f"the {varied}"))])) if spelt != plain else [plain]
    )


def find_flag_values(argument: ArgumentReading) -> dict[bool, Any]:
    """Returns the values that say yes and no, of a boolean or of an enum of such words; empty if it is neither."""
    if schema_type(argument.schema) == "boolean":
        return {True: True, False: False}
    words = {normalise_option(option): option for option in argument.options}
    yes = next((words[word] for word in ("true", "yes") if word in words), None)
    no = next((words[word] for word in ("false", "no") if word in words), None)
    return {True: yes, False: no} if yes is not None and no is not None else {}


def word_flag(argument: ArgumentReading, flags: Mapping[bool, Any], rng: Random) -> SpokenValue:
    """Words a flag by its name: "with a garage", "no smoking", "unisex"."""
    is_set = rng.random() < 0.65
    words = [
        word
        for word in split_words(argument.name)
        if word
        not in (
            "is",
            "has",
            "have",
            "include",
            "includes",
            "with",
            "enable",
            "should",
            "be",
            "wants",
            "needs",
            "require",
            "in",
        )
    ]
    phrase = " ".join(words) or "it"
    ends_as_adjective = bool(
        re.search(r"(?:ed|ive|able|ible|ful|ic|al|ent|ant|sex|late|free|only|friendly|urgent|express)$", phrase)
    )
    stated = argument.description.strip(" .")
    if is_set and 1 < len(stated.split()) <= 4 and not _CONDITION.search(stated) and rng.random() < 0.5:
        return SpokenValue(flags[is_set], stated)
    phrase_with_article = str(_ENGINE.a(phrase)) if _is_countable(phrase) else phrase
    if is_set:
        forms = (
            (phrase, phrase, f"{phrase} please", f"make it {phrase}")
            if ends_as_adjective
            else (f"with {phrase_with_article}", f"with {phrase_with_article}", phrase, f"i want {phrase_with_article}")
        )
    else:
        forms = (
            (f"not {phrase}", f"not {phrase}", f"it's not {phrase}")
            if ends_as_adjective
            else (f"without {phrase_with_article}", f"no {phrase}", f"no {phrase} needed")
        )
    return SpokenValue(flags[is_set], rng.choice(forms))


_CONDITION = re.compile(r"\b(?:whether|if|true|false|flag|should|is|default|e\.g|set|or not)\b")


def _is_countable(phrase: str) -> bool:
    last = phrase.split()[-1]
    return len(phrase.split()) == 1 and not last.endswith(("s", "ing", "y", "age", "ance", "ence")) and last != "it"


@cache
def list_synonyms(key: str) -> tuple[str, ...]:
    """Lists what people say for an enum value, looked up as a whole, then by the last and the first of its words."""
    synonyms: Mapping[str, Sequence[str]] = load_lexicon_file("command_values")["synonyms"]
    if key in synonyms:
        return tuple(synonyms[key])
    words = key.split("_")
    if 1 < len(words) <= 3:
        for position in (len(words) - 1, 0):
            others = [word for index, word in enumerate(words) if index != position]
            if words[position] in synonyms and not words[position].isdigit():
                rest = " ".join(others)
                return tuple(
                    f"{rest} {word}" if position else f"{word} {rest}"
                    for word in synonyms[words[position]]
                    if len(word.split()) == 1
                )
    return ()


@cache
def find_clauses(key: str) -> tuple[str, ...]:
    """Returns what people say happened, for a reason or a state: "somebody took it" for `stolen`."""
    clauses: Mapping[str, Sequence[str]] = load_lexicon_file("command_values")["clauses"]
    if key in clauses:
        return tuple(clauses[key])
    return next((tuple(clauses[word]) for word in key.split("_") if word in clauses), ())


# ── numbers ───────────────────────────────────────────────────────────────────────────────────


@cache
def number_to_words(value: float) -> str:
    """Returns a number in words as it is said: 1200 → "twelve hundred", 21 → "twenty one"."""
    if value == int(value) and 1100 <= value < 10_000 and value % 100 == 0 and value % 1000:
        return f"{number_to_words(value // 100)} hundred"
    words = _ENGINE.number_to_words(str(int(value) if value == int(value) else value), andword="")
    return str(words).replace("-", " ").replace(",", "")


def say_number(value: float, rng: Random) -> str:
    """Says a number in figures or in words."""
    whole = value == int(value)
    figures = str(int(value)) if whole else f"{value:.2f}" if value * 10 % 1 else f"{value:.1f}"
    if not whole or rng.random() > _NUMBER_WORD_SHARE:
        return f"{int(value):,}" if whole and value >= 1000 and rng.random() < 0.4 else figures
    words = number_to_words(value)
    return f"a{words.removeprefix('one')}" if words in ("one hundred", "one thousand") and rng.random() < 0.6 else words


def say_digits(digits: str, rng: Random) -> str:
    """Reads a number out: "4821", "4 8 2 1", "four eight two one"."""
    draw = rng.random()
    if draw < 0.62 or len(digits) > 6:
        return digits
    if draw < 0.78:
        return " ".join(digits)
    if draw < 0.92 or len(digits) != 4:
        return " ".join(
            "oh" if digit == "0" and len(digits) > 2 and rng.random() < 0.3 else number_to_words(int(digit))
            for digit in digits
        )
    return f"{digits[:2]} {digits[2:]}"


def find_bounds(argument: ArgumentReading) -> tuple[float, float] | None:
    """Returns the least and the greatest value of a number, from its schema or its description; None if it has none."""
    schema = argument.schema
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    if low is None or high is None:
        found = _RANGE.search(argument.description)
        if found and float(found[1]) < float(found[2]):
            low, high = low if low is not None else float(found[1]), high if high is not None else float(found[2])
    if high is not None and low is None:
        low = 0 if high > 0 else high - 100
    return (float(low), float(high)) if low is not None and high is not None else None


def _draw_number(argument: ArgumentReading, rng: Random) -> SpokenValue | None:
    """Draws a number of the size that its name and description suggest, with its unit in some."""
    words = {*split_words(argument.name), *re.findall(r"[a-z]+", argument.description)}
    name_words = set(split_words(argument.name))
    bounds = find_bounds(argument)
    is_integer = schema_type(argument.schema) == "integer"
    is_percent = bool(words & {"percent", "percentage"}) or "%" in argument.description
    is_scale = is_percent or words & {"level", "volume", "brightness", "speed", "intensity", "height", "position"}
    extreme = _draw_extreme(argument, bounds, rng) if argument.manner == "level" and is_scale and bounds else None
    if extreme and rng.random() < _EXTREME_SHARE:
        return extreme
    match argument.manner:
        case "amount":
            pool: Sequence[float] = (
                rng.choice((_AMOUNTS, _AMOUNTS, _LARGE_AMOUNTS, () if is_integer else _PRICES)) or _AMOUNTS
            )
        case "duration" if words & {"hour", "hours"} and not words & {"minute", "minutes"}:
            pool = (1, 2, 3, 4, 6, 8, 12)
        case "duration" if words & {"second", "seconds"} and not words & {"minute", "minutes"}:
            pool = (5, 10, 15, 20, 30, 45, 60, 90, 120)
        case "duration" if words & {"day", "days", "night", "nights"}:
            pool = (1, 2, 3, 4, 5, 7, 10, 14)
        case "duration":
            pool = _MINUTES
        case "count":
            pool = (1, 2, 2, 3, 4, 4, 5, 6, 8, 10, 12)
        case "when" if "year" in words:
            pool = YEARS
        case "when":
            pool = tuple(range(7, 22)) if "hour" in words else (0, 15, 30, 45)
        case "step":
            pool = (1, 2, 2, 3, 4, 5, 5, 10, 10, 15, 20)
        case _ if is_percent:
            pool = (5, 10, 15, 20, 25, 30, 40, 50, 60, 70, 75, 80, 90, 100)
        case _ if words & _RATING_WORDS:
            pool = (3, 3.5, 4, 4, 4.5) if not bounds or bounds[1] <= 5 else (6, 7, 7.5, 8, 8.5, 9)
        case _ if "age" in name_words or "years old" in argument.description:
            pool = (3, 6, 8, 10, 12, 16, 18, 21, 25, 30, 35, 40, 45, 50, 60, 65, 70)
        case _ if words & {"temperature", "thermostat", "degrees"}:
            warm = words & {"fahrenheit"} or (bounds and bounds[1] > 45) or "f" in argument.options
            pool = (
                tuple(range(62, 82)) if warm else (16, 17, 18, 19, 19.5, 20, 20.5, 21, 21.5, 22, 22.5, 23, 24, 25, 26)
            )
        case _:
            pool = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10) if not bounds else ()
    candidates = [value for value in pool if _fits(value, bounds, is_integer, argument)]
    if not candidates:
        candidates = [
            value for value in _spread_numbers(argument, bounds) if _fits(value, bounds, is_integer, argument)
        ]
    if not candidates:
        return None
    number = rng.choice(candidates)
    value = int(number) if number == int(number) else number
    return SpokenValue(value, _say_with_unit(argument, value, words, is_percent, rng))


def _spread_numbers(argument: ArgumentReading, bounds: tuple[float, float] | None) -> Sequence[float]:
    """Returns about a dozen whole numbers between the bounds, or from the least one on; multiples where those are
    asked for.
    """
    least = argument.schema.get("minimum", argument.schema.get("exclusiveMinimum", 0))
    unit = argument.schema.get("multipleOf", 1)
    unit = int(unit) if unit == int(unit) and unit > 0 else 1
    low, high = bounds or (least, least + 12 * max(unit, 10 ** max(0, len(str(int(abs(least)))) - 2)))
    first, last = ceil(low / unit), floor(high / unit)
    return [value * unit for value in range(first, last + 1, max(1, (last - first) // 12))]


def _fits(value: float, bounds: tuple[float, float] | None, is_integer: bool, argument: ArgumentReading) -> bool:
    if is_integer and value != int(value):
        return False
    if bounds and not bounds[0] <= value <= bounds[1]:
        return False
    return is_valid_under(argument.schema, argument.schema, int(value) if value == int(value) else value)


def _draw_extreme(argument: ArgumentReading, bounds: tuple[float, float], rng: Random) -> SpokenValue | None:
    """Draws the top, the middle or the bottom of a scale, in the words for it: "all the way up", "halfway"."""
    low, high = bounds
    spot = rng.choice(("full", "full", "half", "none"))
    value = {"full": high, "half": (low + high) / 2, "none": low}[spot]
    if argument.manner == "step" or not _fits(value, bounds, schema_type(argument.schema) == "integer", argument):
        return None
    if spot != "full" and high - low < 10:
        return None
    words = rng.choice(load_lexicon_file("command_values")["levels"][spot])
    return SpokenValue(int(value) if value == int(value) else value, words)


def _say_with_unit(argument: ArgumentReading, value: float, words: set[str], is_percent: bool, rng: Random) -> str:
    """Says a number, in some cases with its unit: "$50", "fifty bucks", "60 percent", "10 minutes", "21 degrees"."""
    if argument.manner == "when" and "year" in words:
        return str(value)
    said = say_number(value, rng)
    if argument.money and value != int(value):
        said = f"{value:.2f}"
    in_figures = said.replace(",", "").replace(".", "").isdigit()
    if argument.money:
        sign, units = "$", ("dollars", "dollars", "bucks")
        if words & {"euro", "euros", "eur"} or "€" in argument.description:
            sign, units = "€", ("euros", "euros")
        elif words & {"pound", "pounds", "gbp"} or "£" in argument.description:
            sign, units = "£", ("pounds", "pounds", "quid")
        draw = rng.random()
        if draw < 0.3 and in_figures:
            return f"{sign}{said}"
        return f"{said} {rng.choice(units)}" if draw < 0.75 else said
    one = value == 1
    if argument.manner == "duration":
        unit = next(
            (unit for unit in ("hour", "second", "day", "night", "week") if words & {unit, f"{unit}s"}), "minute"
        )
        if words & {"minute", "minutes", "mins"}:
            unit = "minute"
        special: dict[tuple[str, float], str] = {
            ("minute", 30): "half an hour",
            ("minute", 60): "an hour",
            ("minute", 15): "a quarter of an hour",
            ("hour", 1): "an hour",
        }
        if (unit, value) in special and rng.random() < 0.35:
            return special[unit, value]
        return f"{said} {unit}{'' if one else 's'}" if rng.random() < 0.88 else said
    if is_percent:
        return f"{said} percent" if rng.random() < 0.55 else f"{said}%" if in_figures and rng.random() < 0.7 else said
    if words & {"temperature", "degrees", "thermostat"}:
        return f"{said} degrees" if rng.random() < 0.4 else said
    if words & _RATING_WORDS and rng.random() < 0.9:
        return f"{said} {'star' if one else 'stars'}"
    if unit := next((unit for unit in _UNITS if words & unit[0]), None):
        return f"{said} {rng.choice(unit[1])}" if rng.random() < 0.75 else said
    if argument.manner == "when" and "hour" in words:
        return f"{value % 12 or 12} {'am' if value < 12 else 'pm'}"
    return said


# ── moments, things ───────────────────────────────────────────────────────────────────────────


def say_clock(moment: datetime, rng: Random) -> str:
    """Says a time of day: "3 pm", "half past two", "14:30", "three thirty"."""
    hour = moment.hour % 12 or 12
    half = "am" if moment.hour < 12 else "pm"
    minutes = f":{moment.minute:02d}" if moment.minute else ""
    forms = [f"{hour}{minutes} {half}", f"{hour}{minutes}{half}", f"{moment.hour}:{moment.minute:02d}"]
    if (moment.hour, moment.minute) == (12, 0):
        forms.append("noon")
    elif moment.minute in _CLOCK_WORDS:
        spoken = _CLOCK_WORDS[moment.minute].format(h=number_to_words(hour), next=number_to_words(hour % 12 + 1))
        part = "morning" if half == "am" else "afternoon" if moment.hour < 18 else "evening"
        forms.append(f"{spoken} in the {part}")
    return rng.choice(forms)


def _draw_moment(argument: ArgumentReading, situation: Situation, rng: Random) -> SpokenValue | None:
    """Draws a day, a time or both, in the form that the document asks for: ISO where it has a format, else as said."""
    words, text, kind = set(split_words(argument.name)), argument.description, argument.schema.get("format")
    now = situation.now
    day = now + timedelta(days=rng.choice((0, 1, 1, 2, 3, 4, 5, 6, 7, 9, 12)))
    moment = day.replace(hour=rng.randint(8, 19), minute=rng.choice((0, 0, 0, 15, 30, 30, 45)), second=0, microsecond=0)
    if moment <= now:
        moment += timedelta(days=1)
    wants_iso_date = kind == "date" or "yyyy-mm-dd" in text or "iso date" in text
    wants_clock = kind == "time" or "hh:mm" in text or "24-hour" in text or "24 hour" in text
    ahead = (moment.date() - now.date()).days
    near = "today" if ahead == 0 else "tomorrow" if ahead == 1 else f"{moment:%A}".lower()
    said_day = near if ahead <= 6 else f"{moment:%B} {moment.day}".lower()
    if "mm/dd/yyyy" in text or "dd/mm/yyyy" in text:
        american = f"{moment:%m/%d/%Y}" if "mm/dd" in text else f"{moment:%d/%m/%Y}"
        return SpokenValue(american, rng.choice((said_day, f"{moment:%B} {moment.day}".lower())))
    if kind == "date-time" or "iso 8601" in text or "rfc3339" in text:
        return SpokenValue(moment.isoformat(), f"{said_day} at {say_clock(moment, rng)}")
    if wants_iso_date:
        said = rng.choice(
            (
                said_day,
                said_day,
                f"{moment:%B} {moment.day}".lower(),
                f"the {_ENGINE.ordinal(str(moment.day))}" if ahead > 1 else said_day,
            )
        )  # type: ignore[arg-type]
        return SpokenValue(moment.date().isoformat(), said)
    if wants_clock:
        return SpokenValue(f"{moment:%H:%M}", say_clock(moment, rng))
    if described := find_described_examples(text):
        chosen = rng.choice(described)
        return SpokenValue(chosen, chosen)
    if words & {"time", "hour", "clock"} and not words & {"date", "day"}:
        minutes = f":{moment.minute:02d}" if moment.minute else ""
        said = f"{moment.hour % 12 or 12}{minutes} {'am' if moment.hour < 12 else 'pm'}"
        return SpokenValue(said, said)
    said = rng.choice((*_DAYS, *_DAY_PHRASES, f"{rng.choice(_DAYS)} {rng.choice(_PARTS_OF_DAY)}"))
    return SpokenValue(said, said)


def _draw_thing(argument: ArgumentReading, rng: Random) -> SpokenValue:
    """Draws one of the things that people name. Names of people and cities are written with capitals in the call."""
    things: Mapping[str, Sequence[str]] = load_lexicon_file("command_values")["things"]
    said = str(rng.choice(things[argument.things]))
    if "last name" in argument.description:
        last = str(rng.choice(load_lexicon_file("people")["last_names"]))
        title = "doctor " if argument.things == "doctor" else ""
        return SpokenValue(last, rng.choice((last, f"{title}{last}", f"{title}{last}".lower())))
    if argument.things in _OPEN_THINGS and rng.random() < _INVENTED_SHARE:
        said = _invent_name(argument.things, rng)
    if argument.things == "reason":
        return SpokenValue(said, said, is_clause=True)
    value = said
    if argument.things in (
        "person",
        "doctor",
        "company",
        "city",
        "country",
        "team",
        "author",
        "artist",
        "hotel",
        "pet",
        "brand",
        "merchant",
        "store",
    ):
        value = to_title_case(said) if not said.startswith(("my ", "the ")) else said
    return SpokenValue(value, said.lower() if value != said else said)


def _invent_name(things: str, rng: Random) -> str:
    """Invents a name that no list has, so that whoever learns from it learns to repeat what was said."""
    people = load_lexicon_file("people")
    first, last = str(rng.choice(people["first_names"])), str(rng.choice(people["last_names"]))
    if things in ("person", "contact"):
        return rng.choice((first, first, f"{first} {last}"))
    if things == "doctor":
        return f"doctor {last}"
    if things in ("artist", "author"):
        return f"{first} {last}"
    if things == "city":
        return str(rng.choice((*CITIES, *(city for city, _, _ in _US_CITIES))))
    if things == "address":
        return f"{rng.randint(2, 240)} {rng.choice(STREETS)}"
    if things in ("song", "album", "movie", "show", "book"):
        return rng.choice(_TITLE_FORMS).format(a=rng.choice(_TITLE_WORDS), b=rng.choice(_TITLE_WORDS), first=first)
    return rng.choice(
        (
            rng.choice(load_companies()),
            f"{last} and sons",
            f"{last}'s",
            f"{rng.choice(CITIES)} {rng.choice(_TRADES)}",
            f"{last} {rng.choice(_TRADES)}",
            f"{first} {last}",
        )
    )


_OPEN_THINGS = frozenset(
    "person contact doctor artist author city address song album movie show book company merchant store restaurant "
    "hotel".split()
)
_TRADES = ("gas", "water", "electric", "insurance", "dental", "mobile", "cable", "plumbing", "rentals", "gym", "energy")
_TITLE_WORDS = tuple(
    "river silver midnight summer highway paper garden thunder yellow mirror winter letter stranger harbor velvet "
    "shadow morning diamond echo island lantern copper rain".split()
)
_TITLE_FORMS = ("{a} {b}", "the {a}", "{a} in the {b}", "{first}'s {a}", "{a}", "a {a} for {first}", "the {a} {b}")


@cache
def find_described_examples(description: str) -> tuple[str, ...]:
    """Returns the examples that a description names: "e.g. 'rock', 'jazz'" → rock, jazz."""
    found = re.search(r"(?:\be\.g\.,?|\bsuch as|\bfor example,?|\bexamples?:|\blike)\s+(.+)", description)
    if not found:
        return ()
    quoted = re.findall(r"['\"“‘]([^'\"”’]{2,40})['\"”’]", found[1])
    listed = quoted or [part.strip(" .)") for part in re.split(r",| or ", found[1].split(".")[0])]
    return tuple(part for part in listed if part and len(part.split()) <= 4 and not part.startswith(("etc", "and ")))
