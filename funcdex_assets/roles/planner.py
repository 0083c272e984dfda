"""Describes how the user will behave in the conversation: the disposition. The plan itself is made in
`planning/plans`.
"""

from dataclasses import dataclass
from random import Random
from typing import Annotated

import msgspec

from funcdex_assets.inference.protocol import Sampling
from funcdex_assets.language.lexicon import load_lexicon_file
from funcdex_assets.records.labels import Clarity
from funcdex_assets.records.scenario import Persona, Scenario
from funcdex_assets.roles.role import Role

CLARITY_DESCRIPTIONS = {
    "excellent": "says everything that is needed at once, precisely",
    "good": "gives the facts along with each request",
    "average": "leaves things out, so that the assistant has to ask",
}


@dataclass(frozen=True)
class PlanBrief:
    """The occasion of a disposition: the scenario, its persona, and the clarity level of the user."""

    scenario: Scenario
    persona: Persona
    clarity: Clarity


class Disposition(msgspec.Struct):
    disposition: Annotated[str, msgspec.Meta(min_length=5)]


def _render_variables(brief: PlanBrief) -> dict[str, object]:
    """Renders the values of the prompt's variables."""
    return {
        "scenario": brief.scenario.text,
        "context": brief.persona.context,
        "register": brief.persona.register,
        "clarity": CLARITY_DESCRIPTIONS[brief.clarity],
    }


def _improvise_disposition(brief: PlanBrief, rng: Random) -> Disposition:
    """Draws a disposition that fits the way in which the persona writes."""
    fitting = [
        entry["text"] for entry in load_lexicon_file("dispositions") if entry["register"] == brief.persona.register
    ]
    return Disposition(rng.choice(fitting))


ROLE = Role("planner", Disposition, _render_variables, _improvise_disposition, Sampling(temperature=1.0))
