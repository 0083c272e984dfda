"""Writes a whole conversation in one answer: both sides, the calls and their results, as DML text.

The answer is constrained by the grammar of exactly the tools on offer, unless the endpoint takes none.
Offline, the conversation is simulated and rendered, so that its text is read like any other.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from random import Random
from typing import Any

import msgspec
from msgspec.structs import replace

from funcdex_assets.dml.grammar.conversation import Bounds, conversation_grammar
from funcdex_assets.dml.parse import parse
from funcdex_assets.dml.render import render
from funcdex_assets.inference.offline import OfflineEngine
from funcdex_assets.inference.protocol import Constraint, GrammarConstraint
from funcdex_assets.language import phrases
from funcdex_assets.records import PlannedArgument, PlannedStep
from funcdex_assets.roles import assistant, user_simulator
from funcdex_assets.roles.planner import CLARITY
from funcdex_assets.roles.role import Role
from funcdex_assets.simulation.cast import Cast
from funcdex_assets.simulation.conversation import Manner, simulate


@dataclass(frozen=True)
class WriterBrief:
    """`bounds` are those of the grammar that constrains the answer; None: it is free."""

    cast: Cast
    thoughts: bool
    bounds: Bounds | None = Bounds()


def constraint(brief: WriterBrief) -> Constraint | None:
    if brief.bounds is None:
        return None
    tools = tuple(brief.cast.tools.values())
    language = conversation_grammar(tools, thoughts=brief.thoughts, bounds=brief.bounds)
    return GrammarConstraint(language.key, language.printed)


def variables(brief: WriterBrief) -> dict[str, object]:
    plan, persona = brief.cast.plan, brief.cast.situation.persona
    tools = [
        f"- {tool.name}: {tool.description}\n  arguments: {_json(tool.parameters)}"
        + (f"\n  result: {_json(tool.returns)}" if tool.returns else "")
        for tool in brief.cast.tools.values()
    ]
    return {
        "thoughts": (
            "Before each call and each reply of the assistant stands "
            "<assistant_thought>its next step and the reason</assistant_thought>."
            if brief.thoughts
            else "There are no thoughts: never write <assistant_thought>."
        ),
        "example": example(brief.thoughts).strip(),
        "tools": "\n".join(tools),
        "scenario": brief.cast.situation.scenario.text,
        "user": f"{persona.name} <{persona.email}>, {persona.position} at {persona.company}. {persona.context}",
        "register": persona.register,
        "disposition": plan.disposition,
        "clarity": CLARITY[plan.clarity],
        "today": persona.today,
        "time_zone": persona.time_zone,
        "outline": "\n".join(_outline(plan.steps)),
    }


@cache
def example(thoughts: bool) -> str:
    """The conversation in `conversation_writer.dml`, with or without its thoughts."""
    messages = parse(files("funcdex_assets.roles").joinpath("conversation_writer.dml").read_text(encoding="utf-8"))
    return render(messages if thoughts else [replace(message, thought=None) for message in messages])


def _outline(steps: tuple[PlannedStep, ...]) -> Iterator[str]:
    turn = None
    for number, step in enumerate(steps, start=1):
        if step.turn != turn:
            turn = step.turn
            yield f"Turn {turn + 1} of the user"
        yield f"  call {number}: {step.tool}"
        for argument in step.arguments:
            yield f"    {argument.argument.lstrip('/')}: {_source(argument)}"


def _source(argument: PlannedArgument) -> str:
    value = _json(argument.value)
    match argument.source:
        case "user":
            told = "the user leaves it out and says it when asked" if argument.withheld else "the user says it"
            return f"{value}; {told}, as: {phrases.quote(argument)}"
        case "result":
            return f"from the result of call {(argument.step or 0) + 1}, at {argument.result}"
        case "context":
            return f"{value}, known without being said"
        case "schema":
            return f"{value}, as the tool has it"


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def improvise(brief: WriterBrief, rng: Random) -> str:
    players = OfflineEngine({role.name: role.improvise for role in (user_simulator.ROLE, assistant.ROLE)})
    played = simulate(brief.cast, players, Manner(thoughts=brief.thoughts), rng.getrandbits(32))
    try:
        played.send(None)
    except StopIteration as ended:  # at once: the offline engine waits for nothing
        return render(ended.value.messages)
    raise AssertionError("the offline engine waited")


ROLE = Role("conversation_writer", str, variables, improvise, constraint=constraint)
