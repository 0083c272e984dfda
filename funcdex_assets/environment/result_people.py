"""Chooses the people in a result: the user, somebody the call addresses, or a colleague from the lexicon.

Belongs here: who a person in a result is. Which of a person's data a field shows is decided in `field_texts.py`.
"""

from collections.abc import Mapping
from typing import Any

from funcdex_assets.environment.call_context import CallContext
from funcdex_assets.environment.standing_things import StandingThing
from funcdex_assets.language import values
from funcdex_assets.language.companies import CONTACT_NOUNS, list_colleagues
from funcdex_assets.language.lexicon import Person, build_person, parse_person
from funcdex_assets.records.scenario import Persona
from funcdex_assets.schema.words import split_words, to_singular
from funcdex_assets.semantics.field_roles import MAKER_NOUNS, read_name

_SELF_WORDS = frozenset(("me", "self"))


class ResultPeople:
    """The people of one call's result; each has one name per e-mail address for as long as the world lives."""

    def __init__(self, context: CallContext):
        self._context = context

    def choose_person(self, field_name: str) -> Person:
        """Returns the user for organisers, owners and the like, else a colleague; for customers somebody outside."""
        name_words, noun = set(split_words(field_name)), read_name(field_name).noun
        is_maker = noun in MAKER_NOUNS and (
            (noun in name_words and noun != "lead") or self._context.intent.creates_entity  # colleagues lead, too
        )
        if is_maker or name_words & _SELF_WORDS:
            return describe_user(self._context.situation.persona)
        is_outside = bool({to_singular(word) for word in name_words} & CONTACT_NOUNS)
        return self._remember_person(values.choose_person(self._context.situation, self._context.rng, is_outside))

    def choose_person_of(self, thing: StandingThing, field_name: str) -> Person:
        """Returns the colleague who is the lead or the like of a standing thing, always the same."""
        colleagues = list_colleagues(thing.domain)
        return self._remember_person(thing.build_generator(field_name).choice(colleagues))

    def find_by_address(self, address: str) -> Person:
        """Returns the person with an e-mail address: the user, one met before, or one named after the address."""
        persona = self._context.situation.persona
        if address == persona.email:
            return describe_user(persona)
        return self._context.entities.people_by_address.get(address) or self._remember_person(parse_person(address))

    def find_searched_person(self) -> Person | None:
        """Returns the person whom a look-up asks for by address or by name."""
        intent = self._context.intent
        if intent.is_lookup and intent.addressees:
            return self.find_by_address(intent.addressees[0])
        name = intent.searched_person_name
        if not name:
            return None
        colleague = values.choose_person(self._context.situation, self._context.rng)
        full_name = name if " " in name else f"{name} {colleague.name.split()[-1]}"
        return self._remember_person(build_person(full_name, colleague.email.partition("@")[2]))

    def _remember_person(self, person: Person) -> Person:
        return self._context.entities.people_by_address.setdefault(person.email, person)


def describe_user(persona: Persona) -> Person:
    """Returns the user of the conversation as a person in a result."""
    return Person(persona.name, persona.name.split()[0], persona.email)


def describes_person(object_name: str, properties: Mapping[str, Any]) -> bool:
    """Returns whether an object of this name with these properties shows a person."""
    has_email = any("email" in split_words(key) for key in properties)
    if not has_email and not any("phone" in split_words(key) for key in properties):
        return False
    has_name = any("name" in split_words(key) for key in properties)
    return (has_name and has_email) or read_name(object_name).role == "person"
