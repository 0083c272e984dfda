"""Recorded conversations that a model plays to their end."""

import msgspec
import pytest
from offline import PARTITIONS, Played, played

from funcdex_assets.environment.replay import build_certificate
from funcdex_assets.evaluation.free_running import MOST_MOVES, RecordedAnswers, run_freely
from funcdex_assets.records.openai_messages import to_openai_messages, to_openai_tools
from funcdex_assets.records.training import ExpectedCall, Prediction
from funcdex_assets.semantics.tool_names import parse_tool_name


def row(one: Played):
    known = {**one.cast.played.tools, **one.cast.played.absent_tools}
    content = {
        "id": one.conversation.conversation_id,
        "partition": one.cast.partition,
        "kind": one.cast.plan.kind,
        "messages": to_openai_messages(one.conversation.messages, "You are an assistant."),
        "tools": to_openai_tools(list(one.cast.offered.values())),
        "certificate": build_certificate(one.conversation, one.cast.situation, known, list(one.cast.offered)),
    }
    return msgspec.json.decode(msgspec.json.encode(content))


ROWS = [row(one) for one in played("todoist", 12)]
ROW = next(one for one in ROWS if one["kind"] == "multi_step")


class Changed:
    """Answers as recorded, but for the prediction number `at`, which `change` makes of the recorded one."""

    name = "changed"

    def __init__(self, at, change, rows=None):
        self._recorded, self._at, self._change, self._count = RecordedAnswers(rows or [ROW]), at, change, 0

    def predict(self, items, progress=None):
        predictions = []
        for prediction in self._recorded.predict(items):
            is_changed = self._count == self._at or (self._at == "calls" and prediction.calls)
            predictions.append(self._change(prediction) if is_changed else prediction)
            self._count += 1
        return predictions


def run_one(predictor, rows=None):
    (outcome,), failures = run_freely(rows or [ROW], predictor)
    assert failures == []
    return outcome


@pytest.mark.parametrize("partition", PARTITIONS[:3])
def test_recorded_answers_reach_the_recorded_state(partition):
    rows = [row(one) for one in played(partition, 12)]
    runs, failures = run_freely(rows, RecordedAnswers(rows))
    assert failures == []
    assert [(run.same_state, run.success, run.made == run.expected, run.extra) for run in runs] == [
        (True, True, True, 0) for _ in rows
    ]


def test_calls_at_once_may_come_in_another_order():
    parallel = next(one for one in ROWS if any(len(message.get("tool_calls") or ()) > 1 for message in one["messages"]))
    swap = Changed(
        "calls", lambda prediction: msgspec.structs.replace(prediction, calls=prediction.calls[::-1]), [parallel]
    )
    outcome = run_one(swap, [parallel])
    assert (outcome.same_state, outcome.success) == (True, True)


def test_a_wrong_argument_misses_the_call_and_the_state():
    def spoil(prediction: Prediction) -> Prediction:
        calls = tuple(ExpectedCall(call.name, {**call.arguments, "made_up": 1}) for call in prediction.calls)
        return msgspec.structs.replace(prediction, calls=calls)

    outcome = run_one(Changed("calls", spoil))
    assert outcome.made == 0
    assert (outcome.same_state, outcome.success) == (False, False)
    assert outcome.extra == outcome.expected > 0
    assert outcome.difference.startswith("not done: ")


def test_a_further_question_is_no_other_end_state():
    """A look-up more moves the clock and makes more things known, and changes nothing."""
    name = next(
        tool["function"]["name"]
        for tool in ROW["tools"]
        if not tool["function"]["parameters"].get("required")
        and parse_tool_name(tool["function"]["name"]).action == "list"
    )
    question = ExpectedCall(name, {})

    def ask_more(prediction: Prediction) -> Prediction:
        return msgspec.structs.replace(prediction, calls=(question, *prediction.calls))

    outcome = run_one(Changed("calls", ask_more))
    assert outcome.extra > 0
    assert (outcome.same_state, outcome.difference) == (True, "")


def test_a_text_in_place_of_a_call_goes_on_with_the_users_next_turn():
    outcome = run_one(_Words())
    assert (outcome.made, outcome.extra, outcome.success, outcome.failure) == (0, 0, False, None)
    turns = sum(message["role"] == "user" for message in ROW["messages"])
    assert outcome.moves == turns


class _Words:
    name = "words"

    def predict(self, items, progress=None):
        return [Prediction(item_id=one.item_id, calls=(), text="Well.", raw="Well.") for one in items]


class _Endless:
    name = "endless"

    def predict(self, items, progress=None):
        call = ExpectedCall("no_such_tool", {})
        for one in items:
            if one.messages[-1]["role"] == "tool":
                assert "there is no tool 'no_such_tool'" in one.messages[-1]["content"]
        return [Prediction(item_id=one.item_id, calls=(call,), text=None, raw="") for one in items]


def test_a_model_that_calls_for_ever_is_stopped_and_unknown_tools_are_refused():
    outcome = run_one(_Endless())
    assert outcome.failure == f"it called tools {MOST_MOVES} times in a row without a reply to the user"
    assert (outcome.success, outcome.extra, outcome.extra_changes) == (False, MOST_MOVES, 0)


def test_an_answer_that_failed_ends_the_conversation():
    failing = Changed(0, lambda one: msgspec.structs.replace(one, calls=(), text=None, failure="timeout"))
    outcome = run_one(failing)
    assert (outcome.failure, outcome.success, outcome.moves) == ("timeout", False, 1)


def test_rows_without_a_certificate_are_left_out_with_the_reason():
    runs, (failure,) = run_freely([ROW, {**ROW, "id": "x", "certificate": None}], RecordedAnswers([ROW]))
    assert len(runs) == 1
    assert (failure.subject, failure.is_mistake) == ("x", False)
    assert "it has no certificate" in failure.reason


def test_a_certificate_of_another_world_is_not_played():
    seal = {**ROW["certificate"]["seal"], "world": 1}
    _, (failure,) = run_freely([{**ROW, "certificate": {**ROW["certificate"], "seal": seal}}], RecordedAnswers([ROW]))
    assert "its results are by version 1 of the world" in failure.reason
