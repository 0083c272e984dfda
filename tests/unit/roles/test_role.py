"""What a role is: one prompt file, one output type, one way to be asked, and three attempts."""

import asyncio
from dataclasses import dataclass, field
from random import Random
from typing import Any

import msgspec
import pytest
from offline import casts, played

from funcdex_assets.catalog.json_schema import problems
from funcdex_assets.inference.offline import OfflineEngine
from funcdex_assets.inference.protocol import NO_USAGE, Completion, InferenceError, JsonSchemaConstraint, Request
from funcdex_assets.roles import (
    assistant,
    judge,
    persona_writer,
    planner,
    scenario_writer,
    system_prompt_writer,
    user_simulator,
)
from funcdex_assets.roles.improvisations import IMPROVISATIONS, ROLES
from funcdex_assets.roles.role import ATTEMPTS, Role, fill_prompt, play_all
from funcdex_assets.simulation.scene import Scene


class Greeting(msgspec.Struct):
    greeting: str
    loudness: int = 1


def greeter(output: Any = Greeting, name: str = "planner") -> Role[str, Any]:
    """Borrows the prompt of the planner."""
    variables = dict.fromkeys(("scenario", "context", "register", "clarity"), "")
    return Role(name, output, lambda who: {**variables, "context": who}, lambda who, rng: "")


@dataclass
class Scripted:
    """Gives the answers one after the other, the last one again and again."""

    answers: list[str]
    name: str = "scripted:tiny"
    requests: list[Request] = field(default_factory=list)

    async def complete(self, request: Request) -> Completion:
        self.requests.append(request)
        text = self.answers[min(len(self.requests), len(self.answers)) - 1]
        return Completion(text, "stop", NO_USAGE, 0.0, "tiny")

    async def close(self) -> None:
        pass


def ask(engine: Scripted, role: Role[str, Any], seed: int = 7) -> Any:
    return asyncio.run(role.play(engine, "Ada", seed))


# ── asking ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("output", "text", "answer"),
    [
        pytest.param(Greeting, '{"greeting": "Hello", "loudness": 3}', Greeting("Hello", 3), id="a struct from JSON"),
        pytest.param(Greeting, '{"greeting": "Hello"}', Greeting("Hello"), id="defaults are filled in"),
        pytest.param(str, "\n Hello, Ada! \n", "Hello, Ada!", id="prose without the space around it"),
    ],
)
def test_the_answer_is_parsed_into_the_output_type(output, text, answer):
    engine = Scripted([text])
    assert ask(engine, greeter(output)) == answer
    assert [request.seed for request in engine.requests] == [7]


UNPARSABLE = [
    pytest.param(Greeting, "Hello!", id="prose for a struct"),
    pytest.param(Greeting, '{"greeting": "Hel', id="JSON that was cut"),
    pytest.param(Greeting, '{"loudness": 3}', id="a field is missing"),
    pytest.param(Greeting, '{"greeting": "Hello", "loudness": "very"}', id="a field of the wrong type"),
    pytest.param(Greeting, "", id="nothing for a struct"),
    pytest.param(str, "  \n", id="nothing but space for prose"),
]


@pytest.mark.parametrize(("output", "text"), UNPARSABLE)
def test_an_answer_that_does_not_parse_is_asked_for_again_under_another_seed(output, text):
    engine = Scripted([text, text, '{"greeting": "Hello"}'])
    assert ask(engine, greeter(output)) in (Greeting("Hello"), '{"greeting": "Hello"}')
    seeds = [request.seed for request in engine.requests]
    assert len(set(seeds)) == len(seeds) == 3
    again = Scripted([text, text, '{"greeting": "Hello"}'])
    ask(again, greeter(output))
    assert [request.seed for request in again.requests] == seeds


@pytest.mark.parametrize(("output", "text"), UNPARSABLE)
def test_three_such_answers_are_an_error_that_names_role_engine_and_answer(output, text):
    engine = Scripted([text])
    with pytest.raises(InferenceError) as raised:
        ask(engine, greeter(output))
    assert len(engine.requests) == ATTEMPTS == 3
    assert not raised.value.retryable
    assert "Role 'planner': scripted:tiny gave no answer that parses in 3 attempts" in str(raised.value)
    assert repr(text[:200]) in str(raised.value) or "an empty answer" in str(raised.value)


def test_an_engine_that_fails_is_not_asked_again():
    engine = OfflineEngine({})
    with pytest.raises(InferenceError, match="cannot play the role 'planner'"):
        asyncio.run(greeter().play(engine, "Ada", 7))


def test_many_subjects_are_answered_in_their_order_each_under_its_own_seed():
    role = greeter(str)
    engine = OfflineEngine({"planner": lambda who, rng: f"{who} {rng.random()}"})
    steps: list[int] = []
    answers = asyncio.run(play_all(role, engine, ["Ada", "Ada", "Bo"], 7, lambda: steps.append(1)))
    assert [text.split()[0] for text in answers] == ["Ada", "Ada", "Bo"]
    assert len(set(answers)) == 3
    assert answers == asyncio.run(play_all(role, engine, ["Ada", "Ada", "Bo"], 7))
    assert answers != asyncio.run(play_all(role, engine, ["Ada", "Ada", "Bo"], 8))
    assert len(steps) == 3


# ── prompts ───────────────────────────────────────────────────────────────────────────────────


def test_a_variable_that_the_role_does_not_give_is_named():
    with pytest.raises(KeyError, match=r"prompt planner\.md uses \{\{scenario\}\}, which role 'planner' does not give"):
        fill_prompt("planner", {"context": "", "register": "", "clarity": ""})


def test_values_are_put_in_as_they_are_even_if_they_look_like_variables():
    given = {"scenario": "{{context}} \\1", "context": "C", "register": 3, "clarity": "D"}
    assert "Situation: {{context}} \\1\n" in fill_prompt("planner", given)


PLAYED = played("jira_gmail", 4, thoughts=True)[0]
CAST = PLAYED.cast


def scene(spoken: int = 0) -> Scene:
    """The played conversation after some messages."""
    begun = Scene(CAST.plan, CAST.situation, CAST.offered, thoughts=True)
    for message in PLAYED.conversation.messages[:spoken]:
        begun.say(message)
        if message.result:
            begun.results.append(message.result.content)
    return begun


TOOLS = tuple(CAST.offered.values())
STEPS = tuple(CAST.tools[step.tool] for step in CAST.chain.steps)
SUBJECTS = {
    "scenario_writer": [scenario_writer.ScenarioBrief("scenario_1", CAST.chain, STEPS)],
    "persona_writer": [CAST.situation.scenario],
    "planner": [
        planner.PlanBrief(CAST.situation.scenario, CAST.situation.persona, clarity)
        for clarity in ("excellent", "good", "average")
    ],
    "user_simulator": [
        *(user_simulator.UserCue(scene(0), purpose) for purpose in ("request", "answer", "thanks")),
        user_simulator.UserCue(scene(3), "request"),
    ],
    "assistant": [scene(1), scene(3)],
    "system_prompt_writer": [system_prompt_writer.SystemPromptBrief(CAST.plan, CAST.situation, TOOLS)],
    "judge": [judge.JudgeBrief(CAST.plan, PLAYED.conversation.messages, TOOLS, ())],
}
EVERY_SUBJECT = [
    pytest.param(role, subject, id=f"{role.name} {number}")
    for role in ROLES
    for number, subject in enumerate(SUBJECTS[role.name], start=1)
]


def requested(role: Role[Any, Any], subject: Any) -> Request:
    """What a real engine would be asked."""

    class Asked(Exception):
        pass

    class Engine(Scripted):
        async def complete(self, request: Request) -> Completion:
            self.requests.append(request)
            raise Asked

    engine = Engine([])
    with pytest.raises(Asked):
        asyncio.run(role.play(engine, subject, 7))
    return engine.requests[0]


def test_every_role_has_an_improvisation_under_its_name():
    assert {role.name: role.improvise for role in ROLES} == dict(IMPROVISATIONS)
    assert set(SUBJECTS) == set(IMPROVISATIONS)


@pytest.mark.parametrize(("role", "subject"), EVERY_SUBJECT)
def test_every_prompt_is_a_system_part_and_a_user_part_with_all_variables_filled_in(role, subject):
    system, user = requested(role, subject).messages
    assert (system.role, user.role) == ("system", "user")
    for text in (system.content, user.content):
        assert len(text) > 10
        assert text == text.strip()
        assert "{{" not in text
        assert "\n---\n" not in text


@pytest.mark.parametrize(
    ("role", "place", "text"),
    [
        pytest.param(scenario_writer.ROLE, 1, STEPS[0].description, id="the scenario writer knows the tools"),
        pytest.param(persona_writer.ROLE, 1, CAST.situation.scenario.text, id="the persona writer the situation"),
        pytest.param(planner.ROLE, 1, CAST.situation.persona.context, id="the planner the persona"),
        pytest.param(user_simulator.ROLE, 1, CAST.plan.disposition, id="the user the disposition"),
        pytest.param(assistant.ROLE, 0, CAST.situation.persona.today, id="the assistant the time"),
        pytest.param(assistant.ROLE, 0, '"type":"object"', id="the assistant the schemas of the arguments"),
        pytest.param(judge.ROLE, 1, "<tool_response>", id="the judge the conversation"),
        pytest.param(system_prompt_writer.ROLE, 1, TOOLS[-1].description, id="the system prompt writer the tools"),
    ],
)
def test_who_is_told_what(role, place, text):
    assert text in requested(role, SUBJECTS[role.name][0]).messages[place].content


def test_the_assistant_is_told_nothing_of_the_plan():
    """What it would have to find out is not in its prompt: no fact that the user has not stated yet."""
    told = " ".join(message.content for message in requested(assistant.ROLE, scene(0)).messages)
    facts = [argument for step in CAST.plan.steps for argument in step.arguments if argument.source == "user"]
    assert facts
    assert [argument.surface for argument in facts if f'"{argument.surface}"' in told] == []


def test_the_user_is_told_withheld_facts_only_when_asked():
    cast = next(one for one in casts("jira_gmail", 30) if any(a.withheld for a in one.plan.steps[0].arguments))
    fact = next(argument for argument in cast.plan.steps[0].arguments if argument.withheld)
    begun = Scene(cast.plan, cast.situation, cast.offered, thoughts=False)

    def told(purpose: user_simulator.Purpose) -> str:
        return requested(user_simulator.ROLE, user_simulator.UserCue(begun, purpose)).messages[1].content

    assert f": {fact.surface}\n" not in f"{told('request')}\n"
    assert f": {fact.surface}\n" in f"{told('answer')}\n"


# ── output types ──────────────────────────────────────────────────────────────────────────────


def keys_in(part: Any) -> set[str]:
    if isinstance(part, dict):
        return set(part).union(*map(keys_in, part.values()))
    return set().union(*map(keys_in, part)) if isinstance(part, list) else set()


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_the_constraint_is_a_json_schema_without_references(role):
    constraint = requested(role, SUBJECTS[role.name][0]).resolved_constraint
    if role.output is str:
        assert constraint is None
        return
    assert isinstance(constraint, JsonSchemaConstraint)
    assert constraint.name == role.name
    assert constraint.schema["type"] == "object"
    assert not keys_in(constraint.schema) & {"$ref", "$defs"}


@pytest.mark.parametrize(("role", "subject"), EVERY_SUBJECT)
def test_improvisations_are_valid_under_their_own_constraint(role, subject):
    constraint = requested(role, subject).resolved_constraint
    for seed in range(5):
        answer = role.improvise(subject, Random(seed))
        if constraint is None:
            assert isinstance(answer, str)
            assert answer.strip()
        else:
            assert problems(constraint.schema, msgspec.to_builtins(answer)) == []
            assert problems(constraint.schema, {"unlike": "it"}) != [] or role.name == "assistant"


@pytest.mark.parametrize(("role", "subject"), EVERY_SUBJECT)
def test_improvisations_follow_from_their_seed(role, subject):
    answers = [msgspec.json.encode(role.improvise(subject, Random(seed))) for seed in range(12)]
    assert answers == [msgspec.json.encode(role.improvise(subject, Random(seed))) for seed in range(12)]
    assert len(set(answers)) > 1 or role.name == "judge"
