"""Builds the situation of a world that nobody wrote a conversation for: whose it is, and which moment it is.

>>> build_sandbox_situation([], "Ada Byron", SANDBOX_MOMENT).persona.email
'ada.byron@example.com'
"""

from collections.abc import Sequence

from funcdex_assets.language.values import Situation, build_situation
from funcdex_assets.records.scenario import Persona, Scenario
from funcdex_assets.records.tool import Tool

SANDBOX_MOMENT = "2026-03-10T09:00:00+00:00"
"""The moment of a sandbox that is given none: fixed, so that the same seed has the same answers on any day."""


def build_sandbox_situation(tools: Sequence[Tool], user: str, moment: str) -> Situation:
    """Returns the situation of a user, in UTC, at an ISO 8601 date-time.

    Tools of which none declares a result are commands, as in rows.
    """
    kind = "simple" if not tools or any(tool.returns for tool in tools) else "command"
    names = tuple(tool.name for tool in tools)
    scenario = Scenario("sandbox", "sandbox", kind, "", "", "", "", names, held_out=False)
    address = "".join(letter for letter in user.lower().replace(" ", ".") if letter.isalnum() or letter == ".")
    persona = Persona("sandbox", "sandbox", user, f"{address}@example.com", "", "", "", "", "brisk", "UTC", moment)
    return build_situation(scenario, persona)
