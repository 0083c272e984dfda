"""The plain toolkits of `examples/plain`, and conversations of short commands that are planned over them."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from funcdex_assets.catalog.documents import load_document
from funcdex_assets.catalog.drafts import Origin
from funcdex_assets.catalog.loaders.openai_functions import read_drafts
from funcdex_assets.catalog.registry import register_drafts
from funcdex_assets.language.speech_profile import DEFAULT_SPOKEN_PROFILE, SpeechProfile
from funcdex_assets.language.values import Situation, build_situation
from funcdex_assets.planning.commands import CommandPlan, can_be_commanded, plan_commands
from funcdex_assets.records.plan import PlannedStep
from funcdex_assets.records.scenario import Persona, Scenario
from funcdex_assets.records.seeds import build_generator
from funcdex_assets.records.tool import Tool

EXAMPLES = Path(__file__).parents[2] / "examples" / "plain"
TOOLKITS = ("clinic", "hotel", "parcels")
SITUATION: Situation = build_situation(
    Scenario(
        scenario_id="scenario_1",
        chain_id="chain_1",
        kind="command",
        title="At the desk",
        text="Somebody needs something done.",
        industry="services",
        matter="the errand",
        tools=(),
        held_out=False,
    ),
    Persona(
        persona_id="persona_1",
        scenario_id="scenario_1",
        name="Ada Reyes",
        email="ada@reyes.example",
        position="clerk",
        company="Reyes",
        industry="services",
        context="In the middle of the day.",
        register="brisk",
        time_zone="Europe/Berlin",
        today="2026-03-04T10:20:00+01:00",
    ),
)


@cache
def tools_of(toolkit: str) -> Mapping[str, Tool]:
    drafts = read_drafts(load_document(EXAMPLES / f"{toolkit}.json"))
    tools = register_drafts(drafts, Origin(toolkit, f"examples/plain/{toolkit}.json"))
    return {tool.name: tool for tool in tools if isinstance(tool, Tool)}


def plan(
    toolkit: str, number: int, noise_share: float = 0.1, speech: SpeechProfile = DEFAULT_SPOKEN_PROFILE
) -> CommandPlan:
    """Plan number `number` over a toolkit: one to four of its tools, of which each is called."""
    rng = build_generator("plain", toolkit, number)
    commandable = [name for name, tool in tools_of(toolkit).items() if can_be_commanded(tool)]
    wanted = rng.sample(commandable, rng.randint(1, 4))
    return plan_commands(wanted, tools_of(toolkit), SITUATION, rng, noise_share, speech)


@cache
def plans(toolkit: str, count: int = 200) -> tuple[CommandPlan, ...]:
    return tuple(plan(toolkit, number) for number in range(count))


def steps_in(planned: CommandPlan, turn: int) -> list[PlannedStep]:
    return [step for step in planned.steps if step.turn == turn]
