"""What a role is: one prompt file, one output type, one way to be asked, and three attempts."""

import asyncio
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from random import Random
from typing import Any, get_args

import msgspec
import pytest
from offline import PARTITIONS, casts, played

from funcdex_assets.dialogue.dialogue_state import DialogueState
from funcdex_assets.dml.parse import parse_conversation
from funcdex_assets.dml.render import render_conversation
from funcdex_assets.inference.journal import JournaledEngine
from funcdex_assets.inference.offline import OfflineEngine
from funcdex_assets.inference.protocol import (
    NO_USAGE,
    Completion,
    GrammarConstraint,
    InferenceError,
    JsonSchemaConstraint,
    Request,
)
from funcdex_assets.records.conversation import Finding
from funcdex_assets.records.labels import Kind, TurnKind
from funcdex_assets.records.message import Message
from funcdex_assets.roles import (
    assistant,
    conversation_writer,
    corrector,
    judge,
    persona_writer,
    planner,
    scenario_writer,
    system_prompt_writer,
    tool_simulator,
    user_simulator,
)
from funcdex_assets.roles.improvisations import IMPROVISATIONS, ROLES
from funcdex_assets.roles.role import ATTEMPTS, Role, fill_prompt, play_each
from funcdex_assets.schema.validation import find_violations
from funcdex_assets.strategies.turn_loop import play_offline


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
        pytest.param(
            Greeting, '{"greeting": "3", "loudness": 3.0}', Greeting("3", 3), id="a whole number with a point"
        ),
        pytest.param(Greeting, '{"greeting": "null", "loudness": "3"}', Greeting("null", 3), id="a number in a text"),
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
    pytest.param(Greeting, '{"greeting": "Hello", "loudness": 2.5}', id="half a number for a whole one"),
    pytest.param(Greeting, '{"greeting": "Hello", "loudness": "2.5"}', id="half a number in a text"),
    pytest.param(Greeting, '{"greeting": 3}', id="a number for a text"),
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
    assert (raised.value.retryable, raised.value.kind) == (False, "unreadable")
    assert "Role 'planner': scripted:tiny gave no answer that parses in 3 attempts" in str(raised.value)
    assert repr(text[:200]) in str(raised.value) or "an empty answer" in str(raised.value)


def ask_journaled(answers: list[str], path: Path) -> tuple[str, int]:
    """Asks in a run of its own; returns the answer, or the kind of failure, and how often the server was asked."""
    server = Scripted(answers)

    async def run() -> str:
        try:
            return (await greeter().play(JournaledEngine(server, path), "Ada", 7)).greeting
        except InferenceError as error:
            return error.kind

    return asyncio.run(run()), len(server.requests)


def test_answers_after_which_nothing_came_are_asked_for_again_by_the_next_run(tmp_path):
    path = tmp_path / "journal.sqlite"
    assert ask_journaled(["4.5"], path) == ("unreadable", ATTEMPTS)
    assert ask_journaled(["4.5"], path) == ("unreadable", ATTEMPTS), "not replayed for ever"
    assert ask_journaled(['{"greeting": "Hello"}'], path) == ("Hello", 1)
    assert ask_journaled(["4.5"], path) == ("Hello", 0), "what could be read is replayed"


def test_an_unreadable_answer_that_a_readable_one_followed_is_not_asked_for_again(tmp_path):
    path = tmp_path / "journal.sqlite"
    assert ask_journaled(["4.5", '{"greeting": "Hello"}'], path) == ("Hello", 2)
    assert ask_journaled(['{"greeting": "Something else"}'], path) == ("Hello", 0)


def test_an_engine_that_fails_is_not_asked_again():
    engine = OfflineEngine({})
    with pytest.raises(InferenceError, match="cannot play the role 'planner'"):
        asyncio.run(greeter().play(engine, "Ada", 7))


def greet_all(names: list[str], seed: int = 7) -> dict[str, str]:
    engine = OfflineEngine({"planner": lambda who, rng: f"{who} {rng.random()}"})
    pairs, _ = asyncio.run(play_each(greeter(str), engine, names, seed, str))
    assert [who for who, _ in pairs] == names
    return dict(pairs)


def test_many_subjects_are_answered_in_their_order_each_under_the_seed_of_its_identity():
    answers = greet_all(["Ada", "Bo", "Cy"])
    assert [text.split()[0] for text in answers.values()] == ["Ada", "Bo", "Cy"]
    assert len({text.split()[1] for text in answers.values()}) == 3
    assert answers != greet_all(["Ada", "Bo", "Cy"], seed=8)
    assert greet_all(["Cy", "Bo"]) == {who: answers[who] for who in ("Cy", "Bo")}, "whoever else is asked, and when"


class Choosy(Scripted):
    """Refuses whom it does not like, for a reason."""

    kind: Any = "refusal"

    async def complete(self, request: Request) -> Completion:
        if request.subject in self.answers:
            raise InferenceError(f"Not {request.subject}", retryable=False, kind=self.kind)
        return Completion(f"Dear {request.subject}", "stop", NO_USAGE, 0.0, "tiny")


def each(engine: Scripted) -> tuple[list[tuple[str, str]], list[str], int]:
    steps: list[int] = []
    names = ["Ada", "Bo", "Cy"]
    pairs, failures = asyncio.run(play_each(greeter(str), engine, names, 7, str, lambda: steps.append(1)))
    return pairs, [f"{failure.subject}: {failure.kind}: {failure.reason}" for failure in failures], len(steps)


def test_subjects_that_can_be_done_without_are_left_out_when_they_are_refused():
    pairs = [("Ada", "Dear Ada"), ("Cy", "Dear Cy")]
    assert each(Choosy(["Bo"])) == (pairs, ["Bo: refusal: Not Bo"], 3)
    assert each(Choosy([])) == ([pairs[0], ("Bo", "Dear Bo"), pairs[1]], [], 3)


def test_but_not_for_the_engines_own_fault():
    engine = Choosy(["Bo"])
    engine.kind = "invalid"
    with pytest.raises(InferenceError, match="Not Bo"):
        each(engine)


@pytest.mark.parametrize(
    ("kind", "task"),
    [
        pytest.param("no_suitable_tool", "What you asked for cannot be done here", id="nothing could be done"),
        pytest.param("simple", "Everything is done", id="all is done"),
    ],
)
def test_who_takes_leave_is_told_what_came_of_it(kind: Any, task: str):
    cast = next(
        cast for cast in casts("gmail", 12, kind=kind) if any(turn.kind == "thanks" for turn in cast.plan.turns)
    )
    last = len(cast.plan.turns) - 1
    state = DialogueState(
        cast.plan, cast.situation, {**cast.tools}, dict(cast.offered), thoughts=False, turn_index=last
    )
    (_, message) = user_simulator.ROLE.render_messages(user_simulator.UserCue(state, "thanks"))
    assert task in (message.content or "")


# ── prompts ───────────────────────────────────────────────────────────────────────────────────


def test_a_variable_that_the_role_does_not_give_is_named():
    with pytest.raises(KeyError, match=r"prompt planner\.md uses \{\{scenario\}\}, which role 'planner' does not give"):
        fill_prompt("planner", {"context": "", "register": "", "clarity": ""})


def test_values_are_put_in_as_they_are_even_if_they_look_like_variables():
    given = {"scenario": "{{context}} \\1", "context": "C", "register": 3, "clarity": "D"}
    assert "Situation: {{context}} \\1\n" in fill_prompt("planner", given)


PLAYED = next(one for one in played("jira_gmail", 12, thoughts=True) if one.cast.plan.kind == "multi_step")
CAST = PLAYED.cast


def scene(spoken: int = 0) -> DialogueState:
    """The played conversation after some messages."""
    begun = DialogueState(CAST.plan, CAST.situation, {**CAST.tools}, dict(CAST.offered), thoughts=True)
    for message in PLAYED.conversation.messages[:spoken]:
        begun.add_message(message)
        if message.result:
            begun.results.append(message.result.content)
    return begun


COMMANDED = ("clinic", "parcels")
"""Plain toolkits with a tool for what nobody understands, and without."""


def in_turn(kind: TurnKind) -> DialogueState:
    """A played conversation up to the first turn of this kind, before the user speaks."""
    single: Kind | None = "single_turn" if kind == "incomplete" else None
    for one in chain.from_iterable(played(partition, 30, kind=single) for partition in (*PARTITIONS, *COMMANDED)):
        plan, messages = one.cast.plan, one.conversation.messages
        starts = [index for index, message in enumerate(messages) if message.role == "user"]
        turn = next((place for place, planned in enumerate(plan.turns) if planned.kind == kind), None)
        if turn is None or len(starts) != len(plan.turns):  # in others, turns have answers of the user
            continue
        begun = DialogueState(
            plan, one.cast.situation, {**one.cast.tools}, dict(one.cast.offered), thoughts=False, turn_index=turn
        )
        for message in messages[: starts[turn]]:
            begun.add_message(message)
            if message.result:
                begun.record_result(message.result.name, message.result.content)
        return begun
    raise LookupError(f"no conversation has a turn of kind {kind}")


TOOLS = tuple(CAST.offered.values())
STEPS = tuple(CAST.tools[step.tool] for step in CAST.chain.steps)
BRIEF = conversation_writer.WriterBrief(CAST.played, thoughts=True, play=play_offline)
FAULT = Finding(rule="markup", text="Line 1: found the end of the text")
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
        *(user_simulator.UserCue(in_turn(kind), kind) for kind in get_args(TurnKind)),
    ],
    "assistant": [scene(1), scene(3)],
    "tool_simulator": [
        tool_simulator.ToolCue(scene(index + 1), CAST.tools[call.name], call.arguments, frozenset())
        for index, message in enumerate(PLAYED.conversation.messages)
        for call in message.tool_calls
    ],
    "conversation_writer": [BRIEF],
    "corrector": [corrector.Correction(BRIEF, "</user> Hi", (FAULT,))],
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
    system, user, *more = requested(role, subject).messages
    assert (system.role, user.role) == ("system", "user")
    assert bool(more) == (role is corrector.ROLE)
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
        pytest.param(judge.ROLE, 1, "result of call_1: ", id="the judge the conversation"),
        pytest.param(tool_simulator.ROLE, 1, "user: ", id="the services what was said"),
        pytest.param(tool_simulator.ROLE, 1, CAST.situation.persona.email, id="the services whose account it is"),
        pytest.param(conversation_writer.ROLE, 0, '"type":"object"', id="the writer the schemas of the arguments"),
        pytest.param(conversation_writer.ROLE, 1, CAST.plan.steps[-1].tool, id="the writer the calls of the plan"),
        pytest.param(conversation_writer.ROLE, 1, CAST.plan.disposition, id="the writer the disposition"),
        pytest.param(corrector.ROLE, 2, "</user> Hi", id="the corrector the faulty text"),
        pytest.param(corrector.ROLE, 3, FAULT.text, id="the corrector what was found"),
        pytest.param(system_prompt_writer.ROLE, 1, TOOLS[-1].description, id="the system prompt writer the tools"),
    ],
)
def test_who_is_told_what(role, place, text):
    assert text in requested(role, SUBJECTS[role.name][0]).messages[place].content


def test_the_assistant_is_told_nothing_of_the_plan():
    """What it would have to find out is not in its prompt: no fact that the user has not stated yet."""
    told = " ".join(message.content for message in requested(assistant.ROLE, scene(0)).messages)
    defined = msgspec.json.encode([tool.parameters for tool in CAST.offered.values()]).decode()
    facts = [argument for step in CAST.plan.steps for argument in step.arguments if argument.source == "user"]
    facts = [argument for argument in facts if f'"{argument.surface}"' not in defined]  # an example of a schema
    assert facts
    assert [argument.surface for argument in facts if f'"{argument.surface}"' in told] == []


def list_first_arguments(cast):
    return [argument for step in cast.plan.steps[:1] for argument in step.arguments]


def test_the_user_is_told_withheld_facts_only_when_asked():
    begins_withheld = (one for one in casts("jira_gmail", 30) if any(a.withheld for a in list_first_arguments(one)))
    cast = next(begins_withheld)
    fact = next(argument for argument in cast.plan.steps[0].arguments if argument.withheld)
    begun = DialogueState(cast.plan, cast.situation, {**cast.tools}, dict(cast.offered), thoughts=False)

    def told(purpose: user_simulator.Purpose) -> str:
        return requested(user_simulator.ROLE, user_simulator.UserCue(begun, purpose)).messages[1].content

    assert f": {fact.surface}\n" not in f"{told('request')}\n"
    assert f": {fact.surface}\n" in f"{told('answer')}\n"


@pytest.mark.parametrize(
    ("kind", "task"),
    [
        pytest.param("remedy", "The last attempt failed. Make it good", id="what failed is made good"),
        pytest.param("dropped", "Say that you leave it at that", id="what failed is given up"),
        pytest.param("correction", "Correct yourself", id="something else was meant"),
        pytest.param("recall", "Ask again for one detail", id="a detail is asked for again"),
        pytest.param("small_talk", "that needs no tool", id="something in passing"),
        pytest.param("unlocked", "has just been switched on", id="a function is there now"),
    ],
)
def test_the_user_is_told_what_the_turn_is_for(kind, task):
    cue = user_simulator.UserCue(in_turn(kind), kind)
    assert task in requested(user_simulator.ROLE, cue).messages[1].content


@pytest.mark.parametrize("kind", ["completion", "again", "trigger", "off_topic"])
def test_the_user_is_told_the_words_and_the_facts_of_a_command(kind):
    """And of the facts only those that are new: what was said for the call before goes without saying."""
    begun = in_turn(kind)
    text = requested(user_simulator.ROLE, user_simulator.UserCue(begun, kind)).messages[1].content
    assert f"as briefly: {begun.current_turn.words!r}." in text
    facts = [argument for step in begun.list_pending_steps() for argument in step.arguments]
    told = text.partition("Facts to state in this message:")[2]
    assert bool(facts) == (kind != "off_topic")
    assert [fact for fact in facts if (f": {fact.surface}" in told) == fact.carried] == []


def test_the_writer_of_commands_is_told_the_words_of_each_turn():
    cast = next(one for one in casts("clinic", 30) if any(turn.kind == "again" for turn in one.plan.turns))
    outline = conversation_writer.render_variables(
        conversation_writer.WriterBrief(cast.played, thoughts=False, play=play_offline)
    )["outline"]
    for turn in cast.plan.turns:
        assert f"said, for example, as: {turn.words}\n" in f"{outline}\n"
    assert "once more with another value" in outline


def test_the_same_detail_is_asked_for_in_other_words():
    begun = in_turn("recall")
    said = set()
    for seed in range(8):
        text = user_simulator.ROLE.improvise(user_simulator.UserCue(begun, "recall"), Random(seed % 2))
        assert text not in said
        said.add(text)
        begun.add_message(Message(role="user", content=text))


def test_the_user_is_told_what_no_tool_can_do():
    begun = in_turn("unsuitable")
    wanted = begun.current_turn.wanted
    assert wanted is not None
    assert wanted.tool not in begun.offered_tools
    text = requested(user_simulator.ROLE, user_simulator.UserCue(begun, "unsuitable")).messages[1].content
    facts = [argument.surface for argument in wanted.arguments if argument.source == "user" and not argument.withheld]
    assert begun.tools[wanted.tool].description in text
    assert [fact for fact in facts if fact not in text] == []


def test_the_assistant_sees_the_tools_on_offer_and_no_other():
    begun = in_turn("unlocked")
    (late,) = begun.plan.late_tools

    def seen() -> str:
        return " ".join(message.content for message in requested(assistant.ROLE, begun).messages)

    definition = f"- {late}: {begun.tools[late].description}"
    assert definition not in seen()
    begun.offer_pending_tools()
    assert definition in seen()


# ── output types ──────────────────────────────────────────────────────────────────────────────


def keys_in(part: Any) -> set[str]:
    if isinstance(part, dict):
        return set(part).union(*map(keys_in, part.values()))
    return set().union(*map(keys_in, part)) if isinstance(part, list) else set()


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_the_constraint_is_a_grammar_or_a_json_schema_without_references(role):
    constraint = requested(role, SUBJECTS[role.name][0]).resolved_constraint
    if role in (conversation_writer.ROLE, corrector.ROLE):
        assert isinstance(constraint, GrammarConstraint)
    elif role.output is str:
        assert constraint is None
    else:
        assert isinstance(constraint, JsonSchemaConstraint)
        assert constraint.name == role.name
        assert constraint.schema["type"] == "object"
        assert not keys_in(constraint.schema) & {"$ref", "$defs"}
        assert set(constraint.schema.get("required", ())) <= constraint.schema["properties"].keys()


@pytest.mark.parametrize(("role", "subject"), EVERY_SUBJECT)
def test_improvisations_are_valid_under_their_own_constraint(role, subject):
    constraint = requested(role, subject).resolved_constraint
    for seed in range(5):
        answer = role.improvise(subject, Random(seed))
        if role.output is str:
            assert isinstance(answer, str)
            assert answer.strip()
        else:
            assert find_violations(constraint.schema, msgspec.to_builtins(answer)) == []
            assert find_violations(constraint.schema, {"unlike": "it"}) != []


@pytest.mark.parametrize(("role", "subject"), EVERY_SUBJECT)
def test_improvisations_follow_from_their_seed(role, subject):
    answers = [msgspec.json.encode(role.improvise(subject, Random(seed))) for seed in range(12)]
    assert answers == [msgspec.json.encode(role.improvise(subject, Random(seed))) for seed in range(12)]
    bound = isinstance(subject, user_simulator.UserCue) and (
        subject.purpose == "small_talk"  # for the assistant answers
        or (subject.purpose != "answer" and bool(subject.state.current_turn.words))  # planned in words
    )
    assert len(set(answers)) > 1 or role.name == "judge" or bound


# ── what the assistant may answer ─────────────────────────────────────────────────────────────


def test_a_prose_answer_that_was_cut_is_asked_for_again():
    class Cut(Scripted):
        async def complete(self, request: Request) -> Completion:
            completion = await super().complete(request)
            return msgspec.structs.replace(completion, finish_reason="length" if len(self.requests) < 3 else "stop")

    assert ask(Cut(["I would like you to", "Please", "Please do it."]), greeter(str)) == "Please do it."


OFFERED = CAST.plan.tools[0]


@pytest.mark.parametrize(
    ("move", "valid"),
    [
        pytest.param({"thought": "Hm.", "reply": "Yes.", "calls": []}, True, id="a reply"),
        pytest.param({"thought": "Hm.", "reply": None, "calls": [{"name": "LAUNCH"}]}, False, id="an unknown tool"),
        pytest.param(
            {"thought": "Hm.", "reply": None, "calls": [{"name": OFFERED, "arguments": {"warp": 9}}]},
            False,
            id="an argument that the tool does not have",
        ),
        pytest.param({"thought": None, "reply": "Yes.", "calls": []}, False, id="no thought where it is wanted"),
    ],
)
def test_calls_of_the_assistant_fit_the_tools_on_offer(move, valid):
    constraint: Any = requested(assistant.ROLE, scene(1)).resolved_constraint
    assert (find_violations(constraint.schema, move) == []) == valid


def test_what_a_conversation_says_grows_at_the_end_of_its_prompts():
    """So that a server that caches prefixes reads only what is new."""
    for role, subject in (
        (assistant.ROLE, lambda spoken: scene(spoken)),
        (assistant.NATIVE, lambda spoken: scene(spoken)),
        (user_simulator.ROLE, lambda spoken: user_simulator.UserCue(scene(spoken), "request")),
    ):
        earlier, later = (
            "\n".join(message.content or "" for message in role.build_request(subject(spoken), 7).messages)
            for spoken in (1, 3)
        )
        said = PLAYED.conversation.messages[0].content or ""
        assert later.startswith(earlier[: earlier.index(said) + len(said)])


def test_the_corrector_continues_the_chat_of_the_writer():
    written = requested(conversation_writer.ROLE, BRIEF).messages
    corrected = requested(corrector.ROLE, SUBJECTS["corrector"][0]).messages
    assert corrected[: len(written)] == written


def test_an_endpoint_without_grammars_is_asked_without_one():
    free = conversation_writer.WriterBrief(CAST.played, thoughts=False, play=play_offline, bounds=None)
    assert requested(conversation_writer.ROLE, free).resolved_constraint is None
    assert requested(corrector.ROLE, corrector.Correction(free, "", (FAULT,))).resolved_constraint is None


@pytest.mark.parametrize("thoughts", [False, True], ids=["without thoughts", "with thoughts"])
def test_the_writer_is_shown_an_example_in_the_form_that_is_asked_of_it(thoughts):
    brief = conversation_writer.WriterBrief(CAST.played, thoughts, play=play_offline)
    example = conversation_writer.render_example(thoughts)
    assert example.strip() in (requested(conversation_writer.ROLE, brief).messages[0].content or "")
    assert render_conversation(parse_conversation(example, thoughts=thoughts)) == example
    assert all(tag in example for tag in ("</user>", "</assistant>", "<tool>", "<tool_response>", "<parallel>"))


def test_the_outline_has_every_call_and_every_value_of_the_plan():
    outline = str(conversation_writer.render_variables(BRIEF)["outline"])
    for number, step in enumerate(CAST.plan.steps, start=1):
        assert f"call {number}: {step.tool}" in outline
        for argument in step.arguments:
            told = msgspec.json.encode(argument.value).decode() if argument.source != "result" else argument.result
            assert told in outline
