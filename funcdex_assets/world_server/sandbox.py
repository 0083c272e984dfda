"""Builds the situation of a world that nobody wrote a conversation for: whose it is, and which moment it is.

>>> persona = build_sandbox_situation([], "Ada Byron", SANDBOX_MOMENT, seed=7).persona
>>> persona.email, persona.company
('ada.byron@kestrelcoldstorage.com', 'Kestrel Cold Storage')
"""

from collections.abc import Sequence

from funcdex_assets.language.lexicon import derive_domain, load_industries, reduce_to_ascii
from funcdex_assets.language.values import Situation, build_situation
from funcdex_assets.records.scenario import Persona, Scenario
from funcdex_assets.records.seeds import build_generator
from funcdex_assets.records.tool import Tool

SANDBOX_MOMENT = "2026-03-10T09:00:00+00:00"
"""The moment of a sandbox that is given none: fixed, so that the same seed has the same answers on any day."""


def build_sandbox_situation(tools: Sequence[Tool], user: str, moment: str, seed: int = 0) -> Situation:
    """Returns the situation of a user, in UTC, at an ISO 8601 date-time; the seed draws where the user works and what
    on, since titles, texts and addresses are about that.

    Tools of which none declares a result are commands, as in rows.
    """
    rng = build_generator("sandbox", seed)
    entry = rng.choice(list(load_industries().values()))
    industry, company = entry["industry"], rng.choice(entry["companies"])
    matter, position = rng.choice(entry["matters"]), rng.choice(entry["positions"])
    kind = "simple" if not tools or any(tool.returns for tool in tools) else "command"
    names = tuple(tool.name for tool in tools)
    scenario = Scenario("sandbox", "sandbox", kind, "", "", industry, matter, names, held_out=False)
    address = ".".join(map(reduce_to_ascii, user.split())) or "user"
    persona = Persona(
        "sandbox",
        "sandbox",
        user,
        f"{address}@{derive_domain(company)}",
        position,
        company,
        industry,
        f"{user} is {position} at {company}, {entry['kind']}.",
        "brisk",
        "UTC",
        moment,
    )
    return build_situation(scenario, persona)
