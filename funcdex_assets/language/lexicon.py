"""Loads the word data of the offline engine: industries, people, dispositions, discourse moves, phrasebook.

Here belongs the loading, the filling of templates and the making of people; the words themselves are in
`lexicon/*.yaml` and, by tool, in `phrasebook/*.yaml`. A tool without a phrasebook entry is spoken of by its name
(`request_phrases`). For example, the template `send {to} the draft` becomes `send Zoë the draft`.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from random import Random
from typing import Any, NamedTuple

import yaml

_DATA_FOLDER = files("funcdex_assets.language")
_LONGEST_REPEATABLE = 12  # characters; so short a phrase ("sure, ") is natural to repeat
_SLOT_PATTERN = re.compile(r"\{([\w.]+)\}")


class Person(NamedTuple):
    """A colleague or customer with full name, first name and email address."""

    name: str
    first_name: str
    email: str


class ToolPhrases(NamedTuple):
    """A tool's phrasebook entry: templates of requests (each with its slots), of a call under way and of one done."""

    asks: tuple[tuple[str, frozenset[str]], ...]
    doing: tuple[str, ...]
    done: tuple[str, ...]


@cache
def load_lexicon_file(name: str) -> Any:
    """Returns the parsed `lexicon/<name>.yaml`; it is shared, so do not change it."""
    return yaml.load((_DATA_FOLDER / "lexicon" / f"{name}.yaml").read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)


@cache
def load_industries() -> Mapping[str, Mapping[str, Any]]:
    """Returns the entries of `lexicon/industries.yaml` by name of the industry."""
    return {entry["industry"]: entry for entry in load_lexicon_file("industries")}


@cache
def load_companies() -> Sequence[str]:
    """Returns one company of every industry, for people who work elsewhere than the persona."""
    return tuple(entry["companies"][0] for entry in load_industries().values())


@cache
def load_phrasebook() -> Mapping[str, ToolPhrases]:
    """Returns the phrases of all `phrasebook/*.yaml` by tool; entries for the same tool are joined."""
    book: dict[str, ToolPhrases] = {}
    for file in sorted((_DATA_FOLDER / "phrasebook").iterdir(), key=lambda item: item.name):
        if not file.name.endswith(".yaml"):
            continue
        for tool, entry in (yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader) or {}).items():
            asks = tuple((text, frozenset(_SLOT_PATTERN.findall(text))) for text in entry["asks"])
            phrases = ToolPhrases(asks, tuple(entry["doing"]), tuple(entry["done"]))
            earlier = book.get(tool)
            book[tool] = (
                ToolPhrases(earlier.asks + phrases.asks, earlier.doing + phrases.doing, earlier.done + phrases.done)
                if earlier
                else phrases
            )
    return book


def load_moves(move: str, register: str | None = None) -> Sequence[str]:
    """Returns the templates of a discourse move in `lexicon/moves.yaml`, for one register if there are several."""
    entry = load_lexicon_file("moves")[move]
    return entry[register] if register else entry


def load_turn_moves(move: str, register: str | None = None) -> Sequence[Any]:
    """Returns the templates for a turn that is no plain request, from `lexicon/turns.yaml`."""
    entry = load_lexicon_file("turns")[move]
    return entry[register] if register else entry


def fill_slots(template: str, slots: Mapping[str, str]) -> str:
    """Replaces each `{slot}` by its words; a slot without words stays visible, so that a test sees it."""
    return _SLOT_PATTERN.sub(lambda match: slots.get(match[1], match[0]), template)


def select_unused_templates(templates: Sequence[str], earlier_text: str) -> Sequence[str]:
    """Returns the templates that were not used in `earlier_text` yet, or all if every one was.

    A template counts as used if its longest literal is in the text; short ones are never used up.
    """
    unused = [
        text
        for text in templates
        if len(words := _find_longest_literal(text)) <= _LONGEST_REPEATABLE or words not in earlier_text
    ]
    return unused or templates


@cache
def _find_longest_literal(template: str) -> str:
    """Returns the longest text between a template's slots, without the "?" that is moved to the end of a sentence."""
    return max(_SLOT_PATTERN.split(template)[::2], key=len).strip().removesuffix("?")


@cache
def find_slots(template: str) -> frozenset[str]:
    """Returns the names of a template's slots."""
    return frozenset(_SLOT_PATTERN.findall(template))


def draw_person(rng: Random, domain: str) -> Person:
    """Draws a first and a last name for somebody with an address at this domain."""
    people = load_lexicon_file("people")
    first, last = rng.choice(people["first_names"]), rng.choice(people["last_names"])
    return build_person(f"{first} {last}", domain)


def build_person(name: str, domain: str) -> Person:
    """Gives a name its email address: `Zoë Lang` at `x.com` → `zoe.lang@x.com`."""
    first, _, last = name.partition(" ")
    return Person(name, first, f"{reduce_to_ascii(first)}.{reduce_to_ascii(last)}@{domain}")


def parse_person(address: str) -> Person:
    """Reads the name of a person from the address: `zoe.lang@x.com` is Zoë Lang."""
    first, _, last = address.partition("@")[0].partition(".")
    spellings = _load_name_spellings()
    first, last = (spellings.get(spelled_part, spelled_part.title()) for spelled_part in (first.lower(), last.lower()))
    return Person(f"{first} {last}".strip(), first, address)


@cache
def _load_name_spellings() -> Mapping[str, str]:
    """Returns the lexicon's names by their spelling in an address; of two with the same spelling, the first."""
    people = load_lexicon_file("people")
    names = (*people["first_names"], *people["last_names"])
    return {reduce_to_ascii(name): name for name in reversed(names)}


@cache
def find_company_at(domain: str) -> str | None:
    """Returns the company of the lexicon whose people have addresses at this domain, or None."""
    company_by_domain = {
        derive_domain(company): company for entry in load_industries().values() for company in entry["companies"]
    }
    return company_by_domain.get(domain)


def derive_domain(company: str) -> str:
    """Makes a domain of a company's name: `Polar Lane Freight` → `polarlanefreight.com`."""
    return f"{reduce_to_ascii(company)[:24]}.com"


@cache
def reduce_to_ascii(text: str) -> str:
    """Reduces a text to lower-case ASCII letters and digits: `Zoë` → `zoe`; "x" if none are left."""
    without_special_letters = text.translate(
        str.maketrans({"ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "ß": "ss", "ı": "i", "đ": "d", "Đ": "D"})
    )
    folded = unicodedata.normalize("NFKD", without_special_letters).encode("ascii", "ignore").decode()
    return "".join(letter for letter in folded.lower() if letter.isalnum()) or "x"
