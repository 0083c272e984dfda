"""The standing things of a company: its projects, teams, customers and products, the same in all its conversations.

Belongs here: which nouns are things that a company has a few of, and what is fixed about each: its number, the seed of
its fields, the day on which it was set up. The fields themselves are chosen in `field_values` as for any other entity,
from this seed; so a project has one name, lead and day of creation wherever somebody of the company comes across it.

>>> projects = [StandingThing("acme.com", "project", index) for index in range(count_standing_things("project"))]
>>> len(projects), projects[0].seed == StandingThing("acme.com", "project", 0).seed
(5, True)
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from random import Random

import msgspec

from funcdex_assets.language.companies import CONTACT_NOUNS, list_contacts
from funcdex_assets.language.lexicon import Person, load_industries
from funcdex_assets.language.values import Situation
from funcdex_assets.records.seeds import build_generator, derive_seed

_COUNTS = {
    "workspace": 1,
    "organization": 1,
    "drive": 2,
    "space": 3,
    "team": 4,
    "board": 4,
    "repository": 4,
    "warehouse": 3,
    "store": 3,
    "branch": 3,
    "office": 3,
    "department": 5,
    "project": 5,
    "channel": 5,
    "product": 6,
    "supplier": 6,
    "vendor": 6,
    "customer": 8,
    "client": 8,
}
"""How many things of a noun a company has. A message, a task or an event is of the day, not of the company."""

_FIRST_FOUNDING = datetime(2022, 9, 5, 9)
_FOUNDING_DAYS = 700  # in which all things of a company were set up, before the first conversation


@dataclass(frozen=True)
class StandingThing:
    """One of the things of a company, given by the domain of its addresses; `index` counts those of a noun."""

    domain: str
    noun: str
    index: int

    @property
    def seed(self) -> int:
        return derive_seed("standing", self.domain, self.noun, self.index)

    @property
    def contact(self) -> Person | None:
        """The person outside the company whom a customer or a supplier is."""
        contacts = list_contacts(self.domain) if self.noun in CONTACT_NOUNS else ()
        return contacts[self.index % len(contacts)] if contacts else None

    def build_generator(self, field_name: str) -> Random:
        """Returns the generator of one field, so that it is the same whichever fields a result shows beside it."""
        return build_generator(self.seed, field_name)

    def settle(self, situation: Situation) -> Situation:
        """Returns the situation with a matter of the company's trade in place of the conversation's, which the thing
        has nothing to do with.
        """
        matters = load_industries().get(situation.persona.industry, {}).get("matters")
        if not matters:
            return situation
        matter = matters[self.choose_distinct_index(len(matters))]
        return replace(situation, scenario=msgspec.structs.replace(situation.scenario, matter=matter))

    def choose_distinct_index(self, option_count: int) -> int:
        """Returns which of so many options this thing takes; things of one noun take different ones while they last."""
        return (derive_seed("options", self.domain, self.noun) + self.index) % option_count

    def find_founding(self, zone: tzinfo | None) -> datetime:
        """Returns the moment at which it was set up."""
        rng = self.build_generator("founding")
        moment = _FIRST_FOUNDING + timedelta(days=rng.randrange(_FOUNDING_DAYS), minutes=15 * rng.randrange(32))
        return moment.replace(tzinfo=zone)


def count_standing_things(noun: str) -> int:
    """Returns how many things of a noun a company has; 0 for a noun of which there are always new ones."""
    return _COUNTS.get(noun, 0)


def choose_standing_thing(domain: str, noun: str, rng: Random, taken: Collection[int] = ()) -> StandingThing | None:
    """Draws one of a company's things that is not taken; None where there is none."""
    free = [index for index in range(count_standing_things(noun)) if index not in taken]
    return StandingThing(domain, noun, rng.choice(free)) if free else None
