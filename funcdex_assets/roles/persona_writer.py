"""Gives the user of a scenario a background: name, position, company, place in time, and a way of writing."""

from datetime import datetime, timedelta
from random import Random
from typing import Annotated, Literal, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from funcdex_assets.language.lexicon import (
    build_person,
    derive_domain,
    draw_person,
    fill_slots,
    load_industries,
    load_lexicon_file,
)
from funcdex_assets.records.scenario import Persona, Scenario
from funcdex_assets.records.seeds import build_generator, derive_id
from funcdex_assets.roles.role import Role

FIRST_DAY = datetime(2025, 1, 6)
DAY_COUNT = 720
_CONTEXTS = (
    "{name} has been {position} at {company}, {kind}, for {years} years and mostly deals with {counterpart}.",
    "As {position}, {name} answers to the head office of {company} and to {counterpart}; lately the {matter} "
    "takes most of the day.",
    "{company} is {kind}. {name} joined {years} years ago, is {position} now, and keeps the {matter} moving.",
    "{name}, {position} at {company}, inherited the {matter} from a colleague and wants it off the desk.",
    "Known at {company} for getting things done, {name} ({position}) is the one whom {counterpart} calls about "
    "the {matter}.",
    "{name} works as {position} for {company}, {kind}, with a small team and little time for the {matter}.",
)


class Identity(NamedTuple):
    """The person that an offline scenario is about."""

    name: str
    email: str
    position: str
    company: str


NonEmptyText = Annotated[str, msgspec.Meta(min_length=2)]


class PersonaDraft(msgspec.Struct):
    """`register` is how the person writes."""

    name: NonEmptyText
    position: NonEmptyText
    company: NonEmptyText
    context: NonEmptyText
    register: Literal["brisk", "warm", "formal", "chatty"]


def draw_identity(scenario_id: str, industry: str) -> Identity:
    """Draws the person of an offline scenario; the same person for the text of the scenario and for the persona."""
    rng = build_generator("identity", scenario_id)
    entry = load_industries().get(industry) or rng.choice(list(load_industries().values()))
    company = rng.choice(entry["companies"])
    someone = draw_person(rng, derive_domain(company))
    return Identity(someone.name, someone.email, rng.choice(entry["positions"]), company)


def to_persona(scenario: Scenario, draft: PersonaDraft, seed: int) -> Persona:
    """Turns a draft into a persona: adds the mail address and the moment of the conversation, which no model is asked
    for.
    """
    rng = build_generator("moment", seed, scenario.scenario_id)
    time_zone = rng.choice(load_lexicon_file("people")["time_zones"])
    day = FIRST_DAY + timedelta(days=rng.randrange(DAY_COUNT))
    while day.weekday() >= 5:
        day += timedelta(days=1)
    offline_identity = draw_identity(scenario.scenario_id, scenario.industry)
    now = day.replace(hour=rng.randint(8, 17), minute=rng.choice(range(0, 60, 5)), tzinfo=ZoneInfo(time_zone))
    return Persona(
        persona_id=derive_id("persona", scenario.scenario_id),
        scenario_id=scenario.scenario_id,
        name=draft.name,
        email=offline_identity.email
        if offline_identity.name == draft.name
        else build_person(draft.name, derive_domain(draft.company)).email,
        position=draft.position,
        company=draft.company,
        industry=scenario.industry,
        context=draft.context,
        register=draft.register,
        time_zone=time_zone,
        today=now.isoformat(),
    )


def _render_variables(scenario: Scenario) -> dict[str, object]:
    """Renders the values of the prompt's variables."""
    return {"industry": scenario.industry, "scenario": scenario.text}


def _improvise_persona(scenario: Scenario, rng: Random) -> PersonaDraft:
    """Composes a background for the person of the scenario."""
    somebody = draw_identity(scenario.scenario_id, scenario.industry)
    entry = load_industries().get(scenario.industry) or rng.choice(list(load_industries().values()))
    slots = {
        "name": somebody.name,
        "position": somebody.position,
        "company": somebody.company,
        "kind": entry["kind"],
        "matter": scenario.matter,
        "counterpart": rng.choice(entry["counterparts"]),
        "years": str(rng.randint(2, 14)),
    }
    return PersonaDraft(
        name=somebody.name,
        position=somebody.position,
        company=somebody.company,
        context=fill_slots(rng.choice(_CONTEXTS), slots),
        register=rng.choice(("brisk", "warm", "formal", "chatty")),
    )


ROLE = Role("persona_writer", PersonaDraft, _render_variables, _improvise_persona)
