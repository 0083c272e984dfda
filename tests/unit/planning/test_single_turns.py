"""Plans of one request: its calls, a question or a decline, in words that no other conversation has."""

import asyncio
from collections import Counter
from functools import cache

import plain_toolkits
import pytest
from msgspec.structs import replace
from offline import ENGINE, Played, played
from plain_toolkits import SITUATION, tools_of

from funcdex_assets.checks.findings import find_problems
from funcdex_assets.dedup.requests import normalise_request
from funcdex_assets.inference.protocol import InferenceError
from funcdex_assets.language.request_phrases import render_missing_arguments
from funcdex_assets.language.values import Situation, build_situation
from funcdex_assets.planning.commands import CommandPlan, plan_request, select_spoken_tools
from funcdex_assets.planning.plans import PlanInput, build_plans, list_absent_tools, list_offered_tools
from funcdex_assets.records.feedback import EVEN_WEIGHTS, AspectWeights, name_argument_form
from funcdex_assets.records.labels import Kind
from funcdex_assets.records.seeds import build_generator
from funcdex_assets.records.tool import ChainStep, Tool, ToolChain
from funcdex_assets.settings.generation import Generation
from funcdex_assets.strategies.outcome import build_case
from funcdex_assets.strategies.strategy import select_strategy

PARTITIONS = ("gmail", "todoist", "jira_gmail")


def tool(name: str, description: str, required: tuple[str, ...] = (), **properties: object) -> Tool:
    schema = {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}
    return Tool("home", name, description, schema, None, "")


HEAT = tool("set_heat", "Set the heat", ("degrees",), degrees={"type": "integer", "minimum": 16, "maximum": 28})
LAMP = tool("switch_lamp", "Turn a lamp on or off", (), lamp={"enum": ["desk", "bed"]}, state={"enum": ["on", "off"]})
HELLO = tool("greeting", "User says hello")


def requests(*wanted: Tool, count: int = 150, weights: AspectWeights = EVEN_WEIGHTS) -> list[CommandPlan]:
    tools = {one.name: one for one in (HEAT, LAMP, HELLO)}
    names = [one.name for one in wanted]
    return [
        plan_request(names, tools, SITUATION, build_generator("request", number), form_weights=weights)
        for number in range(count)
    ]


@cache
def singles(partition: str) -> tuple[Played, ...]:
    return played(partition, 60, kind="single_turn")


# ── short commands ────────────────────────────────────────────────────────────────────────────


def test_one_request_has_one_turn_and_all_that_its_tool_requires():
    kinds = Counter()
    for planned in requests(HEAT):
        (turn,) = planned.turns
        kinds[turn.kind] += 1
        assert turn.words
        for step in planned.steps:
            assert step.tool == "set_heat"
            assert [argument.argument for argument in step.arguments] == ["/degrees"]
            assert not step.arguments[0].withheld
            assert step.arguments[0].surface.lower() in turn.words.lower()
    assert set(kinds) == {"request", "incomplete", "off_topic"}
    assert kinds["request"] > 0.75 * 150


def test_a_question_is_planned_for_what_is_required_and_left_out_and_nothing_is_called():
    asked = [planned for planned in requests(HEAT) if planned.turns[0].kind == "incomplete"]
    assert len(asked) >= 5
    for planned in asked:
        wanted = planned.turns[0].wanted
        assert planned.steps == []
        assert wanted is not None
        assert any(argument.withheld for argument in wanted.arguments)
        assert not any(character.isdigit() for character in planned.turns[0].words)


def test_a_tool_without_requirements_is_never_asked_about():
    assert {planned.turns[0].kind for planned in requests(LAMP)} == {"request", "off_topic"}


def test_two_tools_are_asked_for_in_one_breath_and_called_at_once():
    for planned in requests(HEAT, LAMP, count=40):
        (turn,) = planned.turns
        assert turn.kind == "request"
        assert [(step.tool, step.together) for step in planned.steps] == [("set_heat", False), ("switch_lamp", True)]


def test_what_a_tool_answers_is_done_in_one_turn():
    for planned in requests(HELLO, count=30):
        assert [turn.kind for turn in planned.turns] == ["trigger"]
        assert [step.tool for step in planned.steps] == ["greeting"]


def test_tools_that_are_spoken_to_declare_no_result_and_require_what_can_be_said():
    returning = Tool("home", "get_heat", "Get the heat", HEAT.parameters, {"type": "object"}, "")
    nested = tool("patch", "Patch it", ("body",), body={"type": "object"})
    assert select_spoken_tools([HEAT, LAMP, returning, nested]) == {"set_heat", "switch_lamp"}


@pytest.mark.parametrize(
    ("form", "least"),
    [
        pytest.param(name_argument_form("switch_lamp", ["lamp"]), 1.5, id="one of two"),
        pytest.param(name_argument_form("switch_lamp", ["lamp", "state"]), 1.2, id="both"),
    ],
)
def test_an_argument_form_of_more_weight_is_drawn_more(form, least):
    def count(weights: AspectWeights) -> int:
        steps = [step for planned in requests(LAMP, weights=weights) for step in planned.steps]
        return sum(name_argument_form(step.tool, [a.argument[1:] for a in step.arguments]) == form for step in steps)

    assert count(AspectWeights({form: 4.0})) > least * count(EVEN_WEIGHTS)


def test_even_weights_change_nothing():
    assert requests(HEAT, weights=AspectWeights({}, 3.0)) == requests(HEAT)


# ── words that nobody else says ───────────────────────────────────────────────────────────────


def build_inputs(count: int, kind: Kind, tool_name: str) -> list[PlanInput]:
    """Inputs of conversations that ask for one tool of a plain toolkit."""
    chain = ToolChain("chain", kind, "single_call", ("parcels",), (ChainStep(tool_name, ()),), held_out=False)
    tools = tuple(tools_of("parcels").values())
    return [
        PlanInput(chain, name_situation(f"{kind}_{number}", kind), "good", "", tools, 3, seed=1)
        for number in range(count)
    ]


def name_situation(scenario_id: str, kind: Kind) -> Situation:
    return build_situation(replace(SITUATION.scenario, scenario_id=scenario_id, kind=kind), SITUATION.persona)


def test_no_request_is_made_twice_in_the_same_words_nor_said_in_another_conversation():
    name = next(iter(tools_of("parcels")))
    given = [*build_inputs(60, "command", name), *build_inputs(120, "single_turn", name)]
    plans, failures = build_plans(given)
    alone = [normalise_request(plan.turns[0].words) for plan in plans if plan.kind == "single_turn"]
    elsewhere = {normalise_request(turn.words) for plan in plans if plan.kind == "command" for turn in plan.turns}
    assert len(alone) == len(set(alone)) >= 100
    assert not elsewhere & set(alone)
    assert all("said in another conversation" in failure.reason for failure in failures)
    assert [plan.scenario_id for plan in plans] == [
        scenario_id
        for scenario_id in (one.situation.scenario.scenario_id for one in given)
        if scenario_id in {plan.scenario_id for plan in plans}
    ]


def test_what_else_is_planned_is_the_same_with_and_without_single_requests():
    name = next(iter(tools_of("parcels")))
    commands = build_inputs(10, "command", name)
    both, _ = build_plans([*build_inputs(5, "single_turn", name), *commands])
    assert [plan for plan in both if plan.kind == "command"] == build_plans(commands)[0]


# ── tools with results ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("partition", PARTITIONS)
def test_of_tools_with_results_one_request_is_answered_asked_about_or_declined(partition):
    for one in singles(partition):
        plan, messages = one.cast.plan, one.conversation.messages
        (turn,) = plan.turns
        assert sum(message.role == "user" for message in messages) == 1
        assert messages[-1].role == "assistant"
        calls = [call for message in messages for call in message.tool_calls]
        assert [call.name for call in calls] == [step.tool for step in plan.steps]
        assert (turn.kind == "request") == bool(calls)
        wanted = turn.wanted.tool if turn.wanted else ""
        if turn.kind == "incomplete":
            assert wanted in list_offered_tools(plan)
            missing = [argument for argument in turn.wanted.arguments if argument.withheld]
            assert render_missing_arguments(missing) in (messages[-1].content or "")
            assert list_absent_tools(plan) == []
        if turn.kind == "unsuitable":
            assert list_absent_tools(plan) == [wanted]
            assert wanted not in list_offered_tools(plan)


@pytest.mark.parametrize("strategy", ["simulate", "one_shot", "hybrid"])
@pytest.mark.parametrize("partition", ["todoist", "parcels"])
def test_every_strategy_makes_conversations_of_one_turn_that_nothing_is_wrong_with(strategy, partition):
    converse = select_strategy(Generation(strategy=strategy)).converse
    for one in singles(partition)[:12]:
        made = asyncio.run(converse(one.cast.played, ENGINE, 7))
        assert made.failure is None
        assert sum(message.role == "user" for message in made.messages) == 1
        assert [found for found in find_problems(build_case(one.cast.played, made.messages)) if found.blocking] == []


def test_one_shot_writes_under_a_grammar_of_one_turn():
    requests = []

    class Recorder:
        name = "recorder"

        async def complete(self, request):
            requests.append(request)
            raise InferenceError("nobody is asked", retryable=False)

    converse = select_strategy(Generation(strategy="one_shot")).converse
    with pytest.raises(InferenceError):
        asyncio.run(converse(singles("todoist")[0].cast.played, Recorder(), 7))
    grammar = requests[0].resolved_constraint.render_in_notation("gbnf")
    assert grammar.splitlines()[0] == "root ::= turn"
    assert "speaks once" in requests[0].messages[0].content


def test_all_outcomes_occur():
    kinds = Counter(one.cast.plan.turns[0].kind for partition in PARTITIONS for one in singles(partition))
    assert set(kinds) == {"request", "incomplete", "unsuitable"}
    assert any(len(one.cast.plan.steps) > 1 for partition in PARTITIONS for one in singles(partition))


def test_plain_toolkits_have_no_results_to_tell():
    for one in singles("parcels"):
        results = [message.result for message in one.conversation.messages if message.result]
        assert all(result.content == {"status": "ok"} for result in results)
        assert one.cast.plan.is_spoken
    assert not any(one.cast.plan.is_spoken for one in singles("gmail"))
    assert plain_toolkits.EXAMPLES.joinpath("car.json").is_file()
