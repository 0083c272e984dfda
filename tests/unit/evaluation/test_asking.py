"""A model serves a person: its calls are executed, the results shown to it, and a turn ends with its reply."""

from collections.abc import Sequence

import pytest

from funcdex_assets.environment.executor import Executor
from funcdex_assets.evaluation.asking import MOST_MOVES, NoAnswerError, ServedConversation
from funcdex_assets.language.values import build_situation
from funcdex_assets.records.scenario import Persona, Scenario
from funcdex_assets.records.tool import Tool
from funcdex_assets.records.training import EvaluationItem, ExpectedCall, Prediction

HEAT = Tool(
    "house",
    "set_heat",
    "Set the heat.",
    {"type": "object", "properties": {"degrees": {"type": "integer", "maximum": 30}}, "required": ["degrees"]},
    None,
    "",
)


class Scripted:
    """Answers with the given messages in order, and keeps what it was asked."""

    name = "scripted"

    def __init__(self, *answers: str | tuple[ExpectedCall, ...]) -> None:
        self._answers = list(answers)
        self.items: list[EvaluationItem] = []

    def predict(self, items: Sequence[EvaluationItem], progress=None) -> list[Prediction]:
        self.items += [item.__class__(**{**_fields(item), "messages": list(item.messages)}) for item in items]
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        calls, text = (answer, None) if isinstance(answer, tuple) else ((), answer)
        failure = "no JSON" if text == "garbage" else None
        return [Prediction(item_id=items[0].item_id, calls=calls, text=text, raw=text or "", failure=failure)]


def _fields(item: EvaluationItem) -> dict:
    return {name: getattr(item, name) for name in item.__struct_fields__}


def begin(model: Scripted, *, calls_alone: bool = False) -> ServedConversation:
    scenario = Scenario("asked", "asked", "command", "", "", "", "", ("set_heat",), held_out=False)
    person = Persona(
        "asked", "asked", "Al", "al@example.com", "", "", "", "", "brisk", "UTC", "2026-01-05T09:00:00+00:00"
    )
    executor = Executor(build_situation(scenario, person), 0, {"set_heat": HEAT})
    return ServedConversation(model, [HEAT], executor, "Be kind.", calls_alone=calls_alone)


def call(**arguments: object) -> tuple[ExpectedCall, ...]:
    return (ExpectedCall("set_heat", arguments),)


def test_a_call_is_executed_and_its_result_is_shown_to_the_model() -> None:
    model = Scripted(call(degrees=21), "Done.")
    conversation = begin(model)
    said, result, reply = conversation.say("the heat to 21")
    assert said["tool_calls"][0]["function"] == {"name": "set_heat", "arguments": {"degrees": 21}}
    assert result == {"role": "tool", "tool_call_id": "call_1", "name": "set_heat", "content": '{"status":"ok"}'}
    assert reply == {"role": "assistant", "content": "Done."}
    assert [message["role"] for message in model.items[1].messages] == ["system", "user", "assistant", "tool"]
    assert model.items[0].tools[0]["function"]["name"] == "set_heat"


def test_a_conversation_goes_on_and_calls_are_numbered_through() -> None:
    conversation = begin(Scripted(call(degrees=21), "Done.", call(degrees=22), "Done again."))
    list(conversation.say("the heat to 21"))
    said, *_ = conversation.say("22")
    assert said["tool_calls"][0]["id"] == "call_2"
    assert len(conversation.messages) == 1 + 4 + 4


def test_a_call_that_no_service_takes_comes_back_as_an_error_that_the_model_sees() -> None:
    model = Scripted(call(degrees=99), "That is too hot.")
    _, result, reply = begin(model).say("99 degrees")
    assert "error" in result["content"]
    assert reply["content"] == "That is too hot."


def test_a_model_that_only_calls_is_not_asked_for_a_reply_nor_shown_what_only_acknowledges() -> None:
    model = Scripted(call(degrees=21))
    conversation = begin(model, calls_alone=True)
    assert [message["role"] for message in conversation.say("21")] == ["assistant", "tool"]
    assert [message["role"] for message in conversation.say("22")] == ["assistant", "tool"]
    assert [message["role"] for message in model.items[1].messages] == ["system", "user", "assistant", "user"]


def test_an_answer_that_cannot_be_read_and_calls_without_end_are_errors() -> None:
    with pytest.raises(NoAnswerError, match="no JSON; it wrote 'garbage'"):
        list(begin(Scripted("garbage")).say("hello"))
    with pytest.raises(NoAnswerError, match=f"called tools {MOST_MOVES} times in a row"):
        list(begin(Scripted(call(degrees=21))).say("hello"))
