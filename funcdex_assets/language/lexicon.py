"""The word data behind the offline engine: industries, people, dispositions, discourse moves, phrasebook.

Here belongs the loading only; the words are in `lexicon/*.yaml` and, by tool, in `phrasebook/*.yaml`.
A tool without a phrasebook entry is spoken of after its name (`phrases.py`).
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from random import Random
from typing import Any, NamedTuple

import yaml

_FOLDER = files("funcdex_assets.language")
_COMMON = 12  # characters: what is said in so few words is said again
_SLOT = re.compile(r"\{([\w.]+)\}")


class Person(NamedTuple):
    name: str
    first: str
    email: str


class ToolPhrases(NamedTuple):
    """`asks`: (template, its slots)."""

    asks: tuple[tuple[str, frozenset[str]], ...]
    doing: tuple[str, ...]
    done: tuple[str, ...]


@cache
def load(name: str) -> Any:
    """The content of `lexicon/<name>.yaml`; do not change it."""
    return yaml.load((_FOLDER / "lexicon" / f"{name}.yaml").read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)


@cache
def industries() -> Mapping[str, Mapping[str, Any]]:
    return {entry["industry"]: entry for entry in load("industries")}


@cache
def companies() -> Sequence[str]:
    """One company of every industry, for people from elsewhere."""
    return tuple(entry["companies"][0] for entry in industries().values())


@cache
def phrasebook() -> Mapping[str, ToolPhrases]:
    book: dict[str, ToolPhrases] = {}
    for file in sorted((_FOLDER / "phrasebook").iterdir(), key=lambda item: item.name):
        if not file.name.endswith(".yaml"):
            continue
        for tool, entry in (yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader) or {}).items():
            asks = tuple((text, frozenset(_SLOT.findall(text))) for text in entry["asks"])
            phrases = ToolPhrases(asks, tuple(entry["doing"]), tuple(entry["done"]))
            known = book.get(tool)
            book[tool] = (
                ToolPhrases(known.asks + phrases.asks, known.doing + phrases.doing, known.done + phrases.done)
                if known
                else phrases
            )
    return book


def moves(kind: str, register: str | None = None) -> Sequence[str]:
    entry = load("moves")[kind]
    return entry[register] if register else entry


def turn_moves(kind: str, register: str | None = None) -> Sequence[Any]:
    """Words for turns that go otherwise than a plain request."""
    entry = load("turns")[kind]
    return entry[register] if register else entry


def fill(template: str, slots: Mapping[str, str]) -> str:
    """Replaces `{slot}` by its words; a slot that is not given stays visible, so that a test sees it."""
    return _SLOT.sub(lambda match: slots.get(match[1], match[0]), template)


def unsaid(templates: Sequence[str], said: str) -> Sequence[str]:
    """Those of the templates that were not used in a text, as far as their words tell; if all were, all."""
    fresh = [text for text in templates if len(words := _words_of(text)) <= _COMMON or words not in said]
    return fresh or templates


@cache
def _words_of(template: str) -> str:
    """The longest part between slots; without the "?" that is moved to the end of a sentence."""
    return max(_SLOT.split(template)[::2], key=len).strip().removesuffix("?")


@cache
def slots_of(template: str) -> frozenset[str]:
    return frozenset(_SLOT.findall(template))


def person(rng: Random, domain: str) -> Person:
    people = load("people")
    first, last = rng.choice(people["first_names"]), rng.choice(people["last_names"])
    return named(f"{first} {last}", domain)


def named(name: str, domain: str) -> Person:
    """`Zoë Lang` at `x.com` → `zoe.lang@x.com`."""
    first, _, last = name.partition(" ")
    return Person(name, first, f"{_ascii(first)}.{_ascii(last)}@{domain}")


def behind(address: str) -> Person:
    """The person behind an address: `zoe.lang@x.com` is Zoë Lang."""
    first, _, last = address.partition("@")[0].partition(".")
    spelled = _spellings()
    first, last = (spelled.get(part, part.title()) for part in (first.lower(), last.lower()))
    return Person(f"{first} {last}".strip(), first, address)


@cache
def _spellings() -> Mapping[str, str]:
    """Names by how they are written in an address; of two that are written alike the first."""
    people = load("people")
    names = (*people["first_names"], *people["last_names"])
    return {_ascii(name): name for name in reversed(names)}


@cache
def company_at(domain: str) -> str | None:
    """The company of the lexicon whose people have addresses at this domain."""
    known = {domain_of(company): company for entry in industries().values() for company in entry["companies"]}
    return known.get(domain)


def domain_of(company: str) -> str:
    """`Polar Lane Freight` → `polarlanefreight.com`."""
    return f"{_ascii(company)[:24]}.com"


@cache
def _ascii(text: str) -> str:
    special = text.translate(
        str.maketrans({"ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "ß": "ss", "ı": "i", "đ": "d", "Đ": "D"})
    )
    folded = unicodedata.normalize("NFKD", special).encode("ascii", "ignore").decode()
    return "".join(part for part in folded.lower() if part.isalnum()) or "x"
