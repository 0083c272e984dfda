"""Invents realistic values for a field from its schema, its name and the situation.

Here belong titles, bodies, people, moments, numbers and paths. Both sides of a call draw from here, the user's facts
(`planning/arguments`) and the tool's results (`environment/world`), so that both speak of the same matter and the
same people. Values that only have to be valid are found in `schema_samples`. For example, a `title` in a situation
whose matter is `reefer breakdown on the A7` may become "Reefer Breakdown on the A7 — timeline".
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from math import ceil, floor
from random import Random
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from funcdex_assets.language.companies import list_colleagues, list_contacts
from funcdex_assets.language.lexicon import (
    Person,
    derive_domain,
    fill_slots,
    find_slots,
    load_industries,
    load_moves,
)
from funcdex_assets.language.real_examples import list_real_examples
from funcdex_assets.language.schema_samples import propose_numbers
from funcdex_assets.language.spoken_values import find_quoted_part, is_minor_unit
from funcdex_assets.records.scenario import Persona, Scenario
from funcdex_assets.schema.schema import Schema, schema_type
from funcdex_assets.schema.validation import compile_pattern
from funcdex_assets.schema.words import split_words
from funcdex_assets.semantics.field_meaning import decide_field_meaning
from funcdex_assets.semantics.vocabulary import SIZE_WORDS

FOLDERS = ("documents", "reports/2026", "notes", "shared/drafts", "projects", "archive")
EXTENSIONS = ("md", "txt", "csv", "json")
PLACES = (
    "Room 3B",
    "the canteen",
    "Meeting room Linden",
    "Studio 2",
    "the loading bay office",
    "Pier 7",
    "Level 4 lounge",
    "the annex",
    "Hall C",
    "the east wing library",
    "Café Orso",
    "Depot North",
)
CITIES = (
    "Lisbon",
    "Gdańsk",
    "Leeds",
    "Porto",
    "Ghent",
    "Bremen",
    "Turin",
    "Malmö",
    "Tartu",
    "Valencia",
    "Halifax",
    "Pune",
    "Cork",
    "Graz",
)
STREETS = (
    "Harbour Road",
    "Mill Lane",
    "Station Street",
    "Orchard Way",
    "Foundry Row",
    "Chapel Hill",
    "Linden Avenue",
    "Quay Street",
)
_COLLEAGUE_SHARE = 0.55  # of the people whom somebody deals with
_FIELD_OPERATOR = r"(?:[\w.]+(?:\s*[:~=]\s*|\s+(?:contains|like|matches)\s+))?"
_FILLER_WORDS = frozenset("too many much no not that this which who our my their its".split())
_SMALL_WORDS = {"of", "the", "a", "an", "and", "in", "on", "for", "to", "at", "with", "from", "by"}


@dataclass(frozen=True)
class Situation:
    """The scenario, the persona and the present moment that values refer to. `now` is aware of its offset."""

    scenario: Scenario
    persona: Persona
    now: datetime

    @property
    def matter(self) -> str:
        return self.scenario.matter

    @property
    def domain(self) -> str:
        return derive_domain(self.persona.company)


def build_situation(scenario: Scenario, persona: Persona) -> Situation:
    """Builds the situation of a conversation from its scenario and persona.

    `now` is in the persona's time zone, so that a moment reckoned from it has the offset of its own day.
    """
    now = datetime.fromisoformat(persona.today)
    zone = find_time_zone(persona.time_zone)
    if zone is not None and now.utcoffset() == now.replace(tzinfo=zone).utcoffset():
        now = now.replace(tzinfo=zone)
    return Situation(scenario, persona, now)


def find_time_zone(name: str) -> ZoneInfo | None:
    """Returns the time zone of this name, or None if there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: a folder, such as 'Europe'
        return None


def to_title_case(matter: str) -> str:
    """Capitalises the words of a matter: `reefer breakdown on the A7` → `Reefer Breakdown on the A7`."""
    title_words = matter.split()
    return " ".join(
        word if index and word in _SMALL_WORDS else word[:1].upper() + word[1:]
        for index, word in enumerate(title_words)
    )


def capitalize_sentence(text: str) -> str:
    """Capitalises the first letter, unless the text begins with an email address or a link."""
    first_word = text.split(" ", 1)[0]
    return text if "@" in first_word or "://" in first_word else text[:1].upper() + text[1:]


def fill_from_situation(template: str, situation: Situation, rng: Random, first_name: str = "") -> str:
    """Fills a template of the lexicon from the situation; some slots are drawn, such as `{day}`."""
    return fill_slots(
        template, {slot: _choose_slot_words(slot, situation, rng, first_name) for slot in sorted(find_slots(template))}
    )


def _choose_slot_words(name: str, situation: Situation, rng: Random, first_name: str) -> str:
    """Returns the words for one slot; a slot that is not known stays visible."""
    persona = situation.persona
    entry = load_industries().get(persona.industry, {})
    match name:
        case "matter":
            return situation.matter
        case "counterpart":
            return rng.choice(entry.get("counterparts", ("the client",)))
        case "pressure":
            return rng.choice(entry.get("pressures", ("time is short",)))
        case "first_name":
            return first_name or "there"
        case "name":
            return persona.name.split()[0]
        case "kind":
            return entry.get("kind", persona.company)
        case "day":
            return (situation.now + timedelta(days=rng.randint(1, 6))).strftime("%A")
        case "company" | "position":
            return getattr(persona, name)
        case _:
            return f"{{{name}}}"


def invent_title(situation: Situation, rng: Random) -> str:
    """Invents a title about the matter."""
    matter = to_title_case(situation.matter) if rng.random() < 0.5 else situation.matter
    return capitalize_sentence(
        fill_slots(rng.choice(load_moves("title_frames")), {"matter": matter, "company": situation.persona.company})
    )


def invent_body(situation: Situation, rng: Random, first_name: str = "") -> str:
    """Invents a text of a few sentences, to the person of this first name if there is one."""
    text = fill_from_situation(
        rng.choice(load_moves("bodies") if first_name else _load_unaddressed_bodies()), situation, rng, first_name
    )
    return capitalize_sentence(text).replace('"', "'")


@cache
def _load_unaddressed_bodies() -> Sequence[str]:
    """Returns the body templates that address nobody by name."""
    return [body for body in load_moves("bodies") if "first_name" not in find_slots(body)]


def invent_path(situation: Situation, rng: Random, is_folder: object = False) -> str:
    """Invents the path of a file about the matter, or of a folder for it."""
    slug = "-".join(re.sub(r"[^a-z0-9 ]", "", choose_keywords(situation.matter, rng).lower()).split()) or "notes"
    path = f"{rng.choice(FOLDERS)}/{slug}"
    return path if is_folder else f"{path}.{rng.choice(EXTENSIONS)}"


def choose_keywords(matter: str, rng: Random) -> str:
    """Chooses two or three neighbouring words of the matter as search words.

    `the dragon skin refund thread` → `dragon skin refund`.
    """
    runs: list[list[str]] = [[]]
    for word in matter.split():
        if word.lower() in _SMALL_WORDS | _FILLER_WORDS or "'" in word:
            runs.append([])
        else:
            runs[-1].append(word)
    longest = max(runs, key=len)
    return " ".join(longest[: rng.choice((2, 3, 3))] or [matter.replace("'", "")])


def choose_person(situation: Situation, rng: Random, is_outside: bool = False) -> Person:
    """Chooses somebody whom the persona deals with: mostly a colleague, otherwise somebody at another company, always
    the latter if `is_outside`.
    """
    people = list_contacts(situation.domain)
    if not is_outside and rng.random() < _COLLEAGUE_SHARE:
        people = [person for person in list_colleagues(situation.domain) if person.email != situation.persona.email]
    return rng.choice(people)


def list_positions(situation: Situation) -> Sequence[str]:
    """Returns the job titles of the persona's industry."""
    return load_industries().get(situation.persona.industry, {}).get("positions", (situation.persona.position,))


def invent_phone(rng: Random) -> str:
    """Invents an international phone number: a country's code and digits, twelve in all."""
    country = rng.choice(("44", "49", "1", "351", "91", "33", "48", "353"))
    return f"+{country}{rng.randint(2, 9)}" + "".join(str(rng.randint(0, 9)) for _ in range(11 - len(country)))


def invent_moment(situation: Situation, rng: Random, past: bool) -> datetime:
    """Invents a round time on a working day, in the last four weeks (`past`) or the next three."""
    days = -rng.randint(1, 27) if past else rng.randint(1, 20)
    day = situation.now + timedelta(days=days)
    if day.weekday() >= 5:
        day += timedelta(days=7 - day.weekday()) if not past else timedelta(days=-(day.weekday() - 4))
    return day.replace(hour=rng.randint(8, 17), minute=rng.choice((0, 0, 15, 30, 30, 45)), second=0, microsecond=0)


def invent_number(name: str, schema: Schema, rng: Random) -> float | int:
    """Invents a number that suits the field's name and the schema's bounds: 15, 30 or 45 for `duration_minutes`."""
    name_words = set(split_words(name))
    low, high = schema.get("minimum"), schema.get("maximum")
    low = schema["exclusiveMinimum"] + 1 if "exclusiveMinimum" in schema else low
    if low is not None and high is not None and ceil(low) > floor(high):
        return next(propose_numbers(schema, "number", rng))
    is_integer = schema_type(schema) == "integer"
    options: tuple[float, ...]
    counts_bytes = "bytes" in name_words or decide_field_meaning(name, schema).unit == "bytes"
    if name_words & {"limit", "max", "size", "results", "count", "top"} and not counts_bytes:
        options = (3, 5, 10, 20, 25)
    elif name_words & {"minutes", "duration", "length"}:
        options = (15, 30, 45, 60, 90)
    elif is_minor_unit(schema):
        options = tuple(
            rng.choice((rng.randint(9, 60) * 100, rng.randint(10, 900) * 500, rng.randint(900, 9999))) for _ in range(2)
        )
    elif name_words & {"amount", "price", "total", "cost", "value"}:
        options = tuple(rng.choice((rng.randint(5, 400) * 5, round(rng.uniform(8, 900), 2))) for _ in range(2))
    elif name_words & {"percent", "percentage"}:
        options = (5, 10, 15, 20, 25, 50)
    elif name_words & {"seconds"}:
        options = (900, 1800, 3600, 5400, 7200, 10800)
    elif counts_bytes or name_words & SIZE_WORDS:
        options = (rng.randint(18_000, 4_800_000),)
    else:
        options = tuple(rng.randint(1, 12) for _ in range(2))
    options = tuple(
        option for option in options if (low is None or option >= low) and (high is None or option <= high)
    ) or (_draw_between(low, high, rng),)
    value = rng.choice(options)
    multiple = schema.get("multipleOf")
    if multiple:
        value = max(multiple, round(value / multiple) * multiple)
    return int(value) if is_integer else value


def _draw_between(low: float | None, high: float | None, rng: Random) -> int:
    """Draws an integer within the bounds; None is no bound."""
    first = ceil(low) if low is not None else min(0, floor(high or 0))
    return rng.randint(first, floor(high) if high is not None else first + 20)


def render_query(schema: Schema, search_words: str, rng: Random) -> str:
    """Writes search words in the query language that the schema's examples show.

    Only the clause with the quoted words is copied: `budget`, after the example `subject:'report' is:unread`, becomes
    `subject:'budget'`.
    """
    example = rng.choice(list_real_examples(schema) or [""])
    quoted = find_quoted_part(example) if isinstance(example, str) else None
    if not quoted:
        return search_words
    clause = re.search(rf"{_FIELD_OPERATOR}(['\"]){re.escape(quoted)}\1", example)
    return (clause[0] if clause else example).replace(quoted, search_words, 1)


def imitate_identifier(example: str, rng: Random) -> str:
    """Draws a new identifier of the same form: `cus_9s6XKzkNRiz8i3` → `cus_` and 14 other letters and digits."""
    if re.fullmatch(r"[A-Z][A-Z0-9]*-\d+", example):
        prefix, _, number = example.rpartition("-")
        return f"{prefix}-{rng.randint(10 ** (len(number) - 1), 10 ** len(number) - 1)}"
    lower_case_prefix = re.match(r"[a-z]+\.", example)
    prefix_length = (
        max(example.rfind("_"), example.rfind("/"), (lower_case_prefix.end() if lower_case_prefix else 0) - 1) + 1
    )
    return example[:prefix_length] + "".join(_draw_similar_letter(letter, rng) for letter in example[prefix_length:])


def _draw_similar_letter(letter: str, rng: Random) -> str:
    """Draws a character of the same class: digit, hexadecimal letter, other lower-case or upper-case letter."""
    if letter.isdigit():
        return rng.choice("123456789")
    if "a" <= letter <= "f":
        return rng.choice("abcdef")
    if letter.islower():
        return rng.choice("ghijkmnpqrstuvwxyz")
    if letter.isupper():
        return rng.choice("ABCDEFGHJKLMNPQRSTUVWXYZ")
    return letter


def render_moment(schema: Schema, moment: datetime) -> str:
    """Writes a moment as ISO 8601 date, time or date-time, as the schema's format asks."""
    match schema.get("format"):
        case "date":
            return moment.date().isoformat()
        case "time":
            return moment.strftime("%H:%M:%S") + moment.strftime("%z")[:3] + ":" + moment.strftime("%z")[3:]
        case _:
            return moment.isoformat()


def is_within_string_limits(schema: Schema, value: Any) -> bool:
    """True if a string has the length and the pattern that the schema asks for; other values are not looked at."""
    if isinstance(value, str):
        if len(value) > schema.get("maxLength", 1 << 30) or len(value) < schema.get("minLength", 0):
            return False
        pattern = schema.get("pattern")
        if pattern and not compile_pattern(pattern).is_valid(value):
            return False
    return True
