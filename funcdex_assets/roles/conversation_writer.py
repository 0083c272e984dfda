"""Writes a whole conversation in one answer: both sides, the calls and their results, as DML text.

The answer is constrained by the grammar of exactly the tools on offer, unless the endpoint takes none. Offline, the
conversation is simulated and rendered, so that its text is read like any other.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from random import Random
from typing import Any

import msgspec
from msgspec.structs import replace

from funcdex_assets.dialogue.dialogue_state import begins_another_goal
from funcdex_assets.dialogue.participants import Participants
from funcdex_assets.dml.grammar.conversation import Bounds, build_conversation_grammar
from funcdex_assets.dml.parse import parse_conversation
from funcdex_assets.dml.render import render_conversation
from funcdex_assets.inference.protocol import Constraint, GrammarConstraint
from funcdex_assets.language import request_phrases
from funcdex_assets.records.declared_meaning import without_declared_meanings
from funcdex_assets.records.labels import Fault, Kind, TurnKind
from funcdex_assets.records.message import Message
from funcdex_assets.records.plan import ConversationPlan, PlannedArgument, PlannedStep
from funcdex_assets.roles.planner import CLARITY_DESCRIPTIONS
from funcdex_assets.roles.role import Role, render_lessons


@dataclass(frozen=True)
class WriterBrief:
    """A conversation to be written: its participants, and whether it has thoughts. `bounds` are those of the grammar
    that constrains the answer; None leaves it unconstrained.
    """

    participants: Participants
    thoughts: bool
    play: Callable[[Participants, bool, int], Sequence[Message]]
    bounds: Bounds | None = Bounds()


def build_constraint(brief: WriterBrief) -> Constraint | None:
    """Returns the grammar of conversations with the tools on offer; None if the brief has no bounds."""
    if brief.bounds is None:
        return None
    tools = tuple(brief.participants.tools_ever_offered.values())
    language = build_conversation_grammar(tools, thoughts=brief.thoughts, bounds=brief.bounds)
    return GrammarConstraint(language.key, language.render_in_notation)


def render_variables(brief: WriterBrief) -> dict[str, object]:
    """Renders the values of the prompt's variables."""
    plan, persona = brief.participants.plan, brief.participants.situation.persona
    tools = [
        f"- {tool.name}: {tool.description}\n  arguments: {_encode_json(without_declared_meanings(tool.parameters))}"
        + (f"\n  result: {_encode_json(without_declared_meanings(tool.returns))}" if tool.returns else "")
        for tool in brief.participants.tools_ever_offered.values()
    ]
    return {
        "thoughts": (
            "Before each call and each reply of the assistant stands "
            "<assistant_thought>its next step and the reason</assistant_thought>."
            if brief.thoughts
            else "There are no thoughts: never write <assistant_thought>."
        ),
        "example": render_example(brief.thoughts).strip(),
        "tools": "\n".join(tools),
        "scenario": brief.participants.situation.scenario.text,
        "user": f"{persona.name} <{persona.email}>, {persona.position} at {persona.company}. {persona.context}",
        "register": persona.register,
        "disposition": plan.disposition,
        "clarity": CLARITY_DESCRIPTIONS[plan.clarity],
        "today": persona.today,
        "time_zone": persona.time_zone,
        "outline": "\n".join(_outline_plan(plan)) + render_lessons(brief.participants.lessons),
        "ending": _ENDINGS.get(plan.kind, _DEFAULT_ENDING),
    }


@cache
def render_example(thoughts: bool) -> str:
    """Renders the conversation in `conversation_writer.dml`, with or without its thoughts."""
    messages = parse_conversation(
        files("funcdex_assets.roles").joinpath("conversation_writer.dml").read_text(encoding="utf-8")
    )
    return render_conversation(messages if thoughts else [replace(message, thought=None) for message in messages])


_DEFAULT_ENDING = "The conversation ends when the person has thanked and the assistant has taken leave."
_ENDINGS: Mapping[Kind, str] = {
    "single_turn": "The person speaks once; the conversation ends with the assistant's first reply, also if that asks."
}
_TURN_DESCRIPTIONS: Mapping[TurnKind, str] = {
    "request": "The person asks for this:",
    "remedy": "After the failure the person gives what is needed, or says that it works now:",
    "dropped": "The person gives it up after the failure; nothing is called.",
    "correction": "The person meant something else than was said, and says what:",
    "completion": "The person adds what was left out, in few words; the call is made again with all of it:",
    "again": "The person wants the call before once more with another value, in few words:",
    "trigger": "The person says what this tool is there for:",
    "incomplete": "The person asks for this and leaves out what the tool requires; the assistant asks for it, calls "
    "nothing, and there it ends:",
    "off_topic": "The person says something that no tool is for; the assistant says so briefly and calls nothing.",
    "recall": "The person asks again for a detail that {about} told; the assistant answers without a call.",
    "small_talk": "The person says or asks something in passing that needs no tool; nothing is called.",
    "unsuitable": "The person asks for what no tool on offer can do now; the assistant says so and calls nothing:",
    "unlocked": "The person says that the missing function {late} is available now (its definition is added to the "
    "message later; do not write it) and wants it done:",
    "thanks": "The person takes leave.",
}


def _outline_plan(plan: ConversationPlan) -> Iterator[str]:
    """Yields the lines of the plan as the prompt shows it: each turn, its calls, and the facts of each call."""
    numbered = list(enumerate(plan.steps, start=1))
    for number, turn in enumerate(plan.turns):
        goal_note = (
            "The person turns to something else, in so many words. " if begins_another_goal(plan, number) else ""
        )
        about = f"the result of call {turn.step + 1}" if turn.step is not None else "an earlier result"
        description = _TURN_DESCRIPTIONS[turn.kind].format(late=", ".join(plan.late_tools), about=about)
        yield f"Turn {number + 1}. {goal_note}{description}"
        if turn.words:
            yield f"  said, for example, as: {turn.words}"
        if turn.wanted:
            yield f"  wanted: {turn.wanted.tool}"
            yield from _list_facts(turn.wanted)
        for call_number, step in numbered:
            if step.turn == number:
                simultaneous_note = ", at once with the call before" if step.together else ""
                failure_note = f", which {_FAULT_DESCRIPTIONS[step.fault]}" if step.fault else ""
                if step.another:
                    failure_note += f"; the person asked for what {step.another} does, and is not asked anything"
                yield f"  call {call_number}: {step.tool}{simultaneous_note}{failure_note}"
                yield from _list_facts(step)


_FAULT_DESCRIPTIONS: Mapping[Fault, str] = {
    "not_found": "fails: the thing or person is not found",
    "invalid_argument": "fails: the service refuses a value",
    "permission_denied": "fails: permission denied",
    "expired_auth": "fails: the sign-in has expired",
    "rate_limit": "fails: too many requests, with the seconds to wait",
    "conflict": "fails: such a thing exists already, or it was changed by somebody else",
    "timeout": "fails: no answer in time",
    "empty_result": "succeeds and finds nothing",
}


def _list_facts(step: PlannedStep) -> Iterator[str]:
    """Yields a line for each argument of a step: its value and its source."""
    for argument in step.arguments:
        yield f"    {argument.argument.lstrip('/')}: {_describe_source(argument)}"


def _describe_source(argument: PlannedArgument) -> str:
    """Describes where an argument comes from, as an instruction to the writer."""
    value = _encode_json(argument.value)
    match argument.source:
        case "user":
            manner = (
                "the user leaves it out and says it when asked"
                if argument.withheld
                else "the user said it before, and leaves it out"
                if argument.carried
                else "the user says it"
            )
            return f"{value}; {manner}, as: {request_phrases.quote_free_text(argument)}"
        case "result":
            return f"from the result of call {(argument.step or 0) + 1}, at {argument.result}"
        case "context":
            return f"{value}, known without being said"
        case "schema":
            return f"{value}, as the tool has it"


def _encode_json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def improvise_conversation(brief: WriterBrief, rng: Random) -> str:
    """Simulates the conversation with offline roles and renders it as DML."""
    return render_conversation(brief.play(brief.participants, brief.thoughts, rng.getrandbits(32)))


ROLE = Role("conversation_writer", str, render_variables, improvise_conversation, constraint=build_constraint)
