"""Words that stand for a value in one conversation: "somebody took it" for `stolen`, where the user says them."""

import pytest
from plain_toolkits import SITUATION, tools_of

from funcdex_assets.checks.provenance import trace_arguments
from funcdex_assets.records.labels import Kind
from funcdex_assets.records.message import Message, ToolCall
from funcdex_assets.records.plan import ConversationPlan, PlannedArgument, PlannedStep
from funcdex_assets.strategies.outcome import list_agreed_words

STOLEN = PlannedArgument(argument="/problem", source="user", value="lost", surface="somebody took it")
STEP = PlannedStep(tool="complain", turn=0, arguments=(STOLEN,))


def plan_of(kind: Kind) -> ConversationPlan:
    return ConversationPlan(
        plan_id="plan_1",
        scenario_id="scenario_1",
        persona_id="persona_1",
        chain_id="chain_1",
        kind=kind,
        disposition="",
        clarity="good",
        tools=("complain",),
        distractors=(),
        steps=(STEP,),
        turns=(),
    )


def test_they_are_those_of_the_plan_of_a_command_and_of_no_other_kind() -> None:
    assert list_agreed_words(plan_of("command")) == {("complain", "/problem"): [("lost", "somebody took it")]}
    assert list_agreed_words(plan_of("simple")) == {}


@pytest.mark.parametrize(
    ("said", "value", "evidence"),
    [
        pytest.param("Somebody took it, i think", "lost", "Somebody took it", id="said"),
        pytest.param("it never came", "lost", None, id="not said"),
        pytest.param("somebody took it", "late", None, id="of another value"),
    ],
)
def test_they_count_where_the_user_says_them(said: str, value: str, evidence: str | None) -> None:
    call = ToolCall(id="call_1", name="complain", arguments={"problem": value})
    messages = [Message(role="user", content=said), Message(role="assistant", content=None, tool_calls=(call,))]
    traced = trace_arguments(messages, tools_of("parcels"), SITUATION, list_agreed_words(plan_of("command")))
    said_so = [source.evidence for source in traced if source.source == "user"]
    assert said_so == ([evidence] if evidence else [])
