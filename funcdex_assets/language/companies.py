"""The people of a company: those who work there, and those outside whom they deal with.

Belongs here: who they are. A company is known by the domain of its addresses, and has the same people in every
conversation, in what a user says as in what a service returns.

>>> list_colleagues("acme.com") == list_colleagues("acme.com")
True
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache

from funcdex_assets.language.lexicon import Person, derive_domain, draw_person, load_companies
from funcdex_assets.records.seeds import build_generator

CONTACT_NOUNS = frozenset("customer client lead prospect supplier vendor".split())
"""Nouns of people who are outside the company."""

_COLLEAGUE_COUNT = 14
_CONTACT_COUNT = 10


@lru_cache(maxsize=1024)
def list_colleagues(domain: str) -> Sequence[Person]:
    """Returns the people with addresses at the domain, no two of the same first name."""
    rng = build_generator("colleagues", domain)
    return _keep_first_names(draw_person(rng, domain) for _ in range(3 * _COLLEAGUE_COUNT))[:_COLLEAGUE_COUNT]


@lru_cache(maxsize=1024)
def list_contacts(domain: str) -> Sequence[Person]:
    """Returns the people at other companies whom those at the domain know, no two of the same first name."""
    rng = build_generator("contacts", domain)
    domains = [other for company in load_companies() if (other := derive_domain(company)) != domain]
    people = (draw_person(rng, rng.choice(domains)) for _ in range(3 * _CONTACT_COUNT))
    return _keep_first_names(people)[:_CONTACT_COUNT]


def _keep_first_names(people: Iterable[Person]) -> Sequence[Person]:
    """Returns the first person of each first name."""
    by_first_name: dict[str, Person] = {}
    for person in people:
        by_first_name.setdefault(person.first_name, person)
    return tuple(by_first_name.values())
